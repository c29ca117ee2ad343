//! A connected byte stream, encrypted or not, and the socket options it runs with. The rest of
//! `peer` doesn't see which it is.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::tls;

/// What is read from another node.
#[derive(Debug)]
pub(super) enum WireRead {
    Tcp(OwnedReadHalf),
    Tls(Encrypted),
}

/// What is written to another node. Dropping it ends this direction.
#[derive(Debug)]
pub(super) enum WireWrite {
    Tcp(OwnedWriteHalf),
    Tls(EncryptedWrite),
}

/// An encrypted connection, whose state both directions share. Each keeps it for one step.
#[derive(Debug, Clone)]
pub(super) struct Encrypted(Arc<Mutex<tls::Stream<TcpStream>>>);

#[derive(Debug)]
pub(super) struct EncryptedWrite(Encrypted);

impl Encrypted {
    fn lock(&self) -> MutexGuard<'_, tls::Stream<TcpStream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for EncryptedWrite {
    /// As for a plain one: the other side sees the end, though this one may still read.
    fn drop(&mut self) {
        let mut stream = self.0.lock();
        let mut context = Context::from_waker(Waker::noop());
        // If the socket is full or broken the other side sees an end without a goodbye.
        let _ = Pin::new(&mut *stream).poll_shutdown(&mut context);
        let socket = stream.get_ref().0;
        let _ = socket2::SockRef::from(socket).shutdown(std::net::Shutdown::Write);
    }
}

/// Silence after which the kernel asks whether the other machine is still there, the pause between
/// two such questions, and how many go unanswered before the connection counts as broken.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVE_PROBES: u32 = 3;

/// Prepares a fresh connection: no delay for small frames, dead machines are noticed.
pub(super) fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    socket2::SockRef::from(socket).set_tcp_keepalive(&keepalive)
}

/// Both directions of a connection without encryption.
pub(super) fn plain(socket: TcpStream) -> (WireRead, WireWrite) {
    let (read, write) = socket.into_split();
    (WireRead::Tcp(read), WireWrite::Tcp(write))
}

/// Both directions of an encrypted connection.
pub(super) fn encrypted(stream: tls::Stream<TcpStream>) -> (WireRead, WireWrite) {
    let shared = Encrypted(Arc::new(Mutex::new(stream)));
    (WireRead::Tls(shared.clone()), WireWrite::Tls(EncryptedWrite(shared)))
}

impl WireWrite {
    /// Lets the kernel give up on bytes that the other side has not taken for `limit`
    /// (`TCP_USER_TIMEOUT`; Linux only, elsewhere our own stall limit stands alone).
    pub(super) fn set_user_timeout(&self, limit: Duration) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            match self {
                Self::Tcp(half) => {
                    socket2::SockRef::from(half.as_ref()).set_tcp_user_timeout(Some(limit))?;
                }
                Self::Tls(half) => {
                    let stream = half.0.lock();
                    socket2::SockRef::from(stream.get_ref().0).set_tcp_user_timeout(Some(limit))?;
                }
            }
        }
        #[cfg(not(target_os = "linux"))]
        let _ = limit;
        Ok(())
    }
}

impl AsyncRead for WireRead {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(half) => Pin::new(half).poll_read(context, buffer),
            Self::Tls(half) => Pin::new(&mut *half.lock()).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for WireWrite {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Tcp(half) => Pin::new(half).poll_write(context, bytes),
            Self::Tls(half) => Pin::new(&mut *half.0.lock()).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Tcp(half) => Pin::new(half).poll_write_vectored(context, slices),
            Self::Tls(half) => Pin::new(&mut *half.0.lock()).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(half) => Pin::new(half).poll_flush(context),
            Self::Tls(half) => Pin::new(&mut *half.0.lock()).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(half) => Pin::new(half).poll_shutdown(context),
            Self::Tls(half) => Pin::new(&mut *half.0.lock()).poll_shutdown(context),
        }
    }
}
