//! A connected byte stream and the socket options it runs with. The seam for TLS: another variant
//! of these two types is all that the rest of `peer` would see of it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// What is read from another node.
#[derive(Debug)]
pub(super) enum WireRead {
    Tcp(OwnedReadHalf),
}

/// What is written to another node. Dropping it ends this direction.
#[derive(Debug)]
pub(super) enum WireWrite {
    Tcp(OwnedWriteHalf),
}

/// Silence after which the kernel asks whether the other machine is still there, the pause between
/// two such questions, and how many go unanswered before the connection counts as broken.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVE_PROBES: u32 = 3;

/// Prepares a fresh connection: no delay for small frames, dead machines are noticed.
pub(super) fn plain(socket: TcpStream) -> io::Result<(WireRead, WireWrite)> {
    socket.set_nodelay(true)?;
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    socket2::SockRef::from(&socket).set_tcp_keepalive(&keepalive)?;
    let (read, write) = socket.into_split();
    Ok((WireRead::Tcp(read), WireWrite::Tcp(write)))
}

impl WireWrite {
    /// Lets the kernel give up on bytes that the other side has not taken for `limit`
    /// (`TCP_USER_TIMEOUT`; Linux only, elsewhere our own stall limit stands alone).
    pub(super) fn set_user_timeout(&self, limit: Duration) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            let Self::Tcp(half) = self;
            socket2::SockRef::from(half.as_ref()).set_tcp_user_timeout(Some(limit))?;
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
        let Self::Tcp(half) = &mut *self;
        Pin::new(half).poll_read(context, buffer)
    }
}

impl AsyncWrite for WireWrite {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self::Tcp(half) = &mut *self;
        Pin::new(half).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self::Tcp(half) = &mut *self;
        Pin::new(half).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self::Tcp(half) = &mut *self;
        Pin::new(half).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self::Tcp(half) = &mut *self;
        Pin::new(half).poll_shutdown(context)
    }
}
