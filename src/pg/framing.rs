//! Bytes in and out of one connection: messages are cut here, under size limits that hold before
//! anything is buffered.
//!
//! Invariants:
//! * No more than the limit of the present phase and one read beyond it is ever held of input.
//! * Output is written when it is asked for or above [`OUTPUT_BYTES_HIGH`]; while the client
//!   doesn't read, nothing more is made.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::platform::watch;
use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use crate::engine::Canceler;
use crate::model::error::Error;
use crate::pg::charset::Output;
use crate::pg::decode::{is_known, unknown_type};
use crate::pg::error::violation;
use crate::platform::clock;
use crate::tls::{self, Acceptor};

/// The largest message before the client is let in, in bytes (`MAX_STARTUP_PACKET_LENGTH`).
pub(crate) const STARTUP_BYTES_MAX: usize = 10_000;
/// Output that is gathered before it is written, in bytes.
const OUTPUT_BYTES_HIGH: usize = 64 << 10;
/// What is read at once, in bytes.
const READ_BYTES: usize = 8 << 10;
/// Buffers that an idle connection keeps, in bytes each.
const IDLE_BYTES_MAX: usize = 16 << 10;
/// How much of what a client sends while its statement runs is read, in bytes.
const AHEAD_BYTES_MAX: usize = 64 << 10;
/// How long a running statement has when the server stops.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Why a connection ends.
#[derive(Debug)]
pub(crate) enum Gone {
    /// The client went away, or said goodbye.
    Disconnected,
    /// The client is told with severity FATAL.
    Fatal(Error),
}

impl From<io::Error> for Gone {
    fn from(_: io::Error) -> Self {
        Self::Disconnected
    }
}

/// What the bytes of a connection go through.
#[derive(Debug)]
enum Channel<S> {
    Plain(S),
    Tls(Box<tls::Stream<S>>),
    /// A handshake has failed, or its future was dropped.
    Lost,
}

/// Reading from and writing to a channel that is lost.
fn lost<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Channel<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Lost => lost(),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Channel<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Lost => lost(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
            Self::Lost => lost(),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Lost => lost(),
        }
    }
}

/// The bytes of one connection.
#[derive(Debug)]
pub(crate) struct Wire<S> {
    stream: Channel<S>,
    input: BytesMut,
    pub(crate) out: Output,
    /// Whether the client waits for what has gathered.
    pub(crate) answer_due: bool,
    message_bytes_max: usize,
    stop: watch::Receiver<bool>,
}

/// A start-up packet or a message, without its length.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) body: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn new(stream: S, stop: watch::Receiver<bool>) -> Self {
        Self {
            stream: Channel::Plain(stream),
            input: BytesMut::new(),
            out: Output::default(),
            answer_due: false,
            message_bytes_max: STARTUP_BYTES_MAX,
            stop,
        }
    }

    /// From now on messages of up to this many bytes are taken.
    pub(crate) fn set_message_bytes_max(&mut self, bytes: usize) {
        self.message_bytes_max = bytes;
    }

    /// Whether the server is stopping.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self.stream, Channel::Tls(_))
    }

    /// Agrees to encryption and goes over to it.
    ///
    /// # Errors
    /// 08P01 if the client didn't wait for the answer: what it sent may be somebody else's, who put
    /// it in.
    pub(crate) async fn encrypt(&mut self, acceptor: &Acceptor) -> Result<(), Gone> {
        if !self.input.is_empty() {
            return Err(Gone::Fatal(violation("received unencrypted data after SSL request")));
        }
        self.write_byte(b'S').await?;
        if let Channel::Plain(stream) = std::mem::replace(&mut self.stream, Channel::Lost) {
            let encrypted = acceptor.accept(stream).await.inspect_err(|error| {
                tracing::debug!(
                    "a PostgreSQL client's TLS handshake failed: {}",
                    tls::explain(error)
                );
            })?;
            self.stream = Channel::Tls(Box::new(encrypted));
        }
        Ok(())
    }

    /// A length as the wire has it, its own four bytes taken off.
    fn body_length(&self, at: usize, least: usize) -> Result<Option<usize>, Error> {
        let Some(bytes) = self.input.get(at..).and_then(<[u8]>::first_chunk) else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*bytes) as usize;
        if length < 4 + least {
            return Err(violation("invalid message length"));
        }
        if length - 4 > self.message_bytes_max {
            return Err(violation(format!(
                "invalid message length: at most {} bytes are taken",
                self.message_bytes_max
            )));
        }
        Ok(Some(length - 4))
    }

    /// The start-up packet, once it is complete: it has no type.
    pub(crate) async fn startup_packet(&mut self) -> Result<BytesMut, Gone> {
        loop {
            let length = self
                .body_length(0, 4)
                // Whoever that is, it doesn't speak the protocol: PostgreSQL too closes without a word.
                .map_err(|_| Gone::Disconnected)?;
            if let Some(length) = length
                && self.input.len() >= 4 + length
            {
                self.input.advance(4);
                return Ok(self.input.split_to(length));
            }
            self.read().await?;
        }
    }

    /// The next message if it is complete already.
    ///
    /// # Errors
    /// 08P01 for an unknown type or a length beyond the limit, as soon as that is seen.
    pub(crate) fn buffered_message(&mut self) -> Result<Option<Message>, Gone> {
        let Some(&kind) = self.input.first() else { return Ok(None) };
        if !is_known(kind) {
            return Err(Gone::Fatal(unknown_type(kind)));
        }
        match self.body_length(1, 0).map_err(Gone::Fatal)? {
            Some(length) if self.input.len() >= 5 + length => {
                self.input.advance(5);
                Ok(Some(Message { kind, body: self.input.split_to(length) }))
            }
            _ => Ok(None),
        }
    }

    /// A message of a client that isn't let in yet: the only type that it may send.
    pub(crate) async fn password_message(&mut self) -> Result<BytesMut, Gone> {
        loop {
            if let Some(&kind) = self.input.first() {
                if kind != b'p' {
                    let text = format!("expected password response, got message type {kind}");
                    return Err(Gone::Fatal(violation(text)));
                }
                if let Some(length) = self.body_length(1, 0).map_err(Gone::Fatal)?
                    && self.input.len() >= 5 + length
                {
                    self.input.advance(5);
                    return Ok(self.input.split_to(length));
                }
            }
            self.read().await?;
        }
    }

    /// The type of the message that comes next, if its first byte is here.
    pub(crate) fn next_kind(&self) -> Option<u8> {
        self.input.first().copied()
    }

    /// Reads some bytes. Cancel-safe.
    pub(crate) async fn read(&mut self) -> Result<(), Gone> {
        if self.input.is_empty() && self.input.capacity() > IDLE_BYTES_MAX {
            self.input = BytesMut::new();
        }
        self.input.reserve(READ_BYTES);
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err(Gone::Disconnected),
            _ => Ok(()),
        }
    }

    /// Waits until the server stops.
    pub(crate) async fn stopping(stop: &mut watch::Receiver<bool>) {
        // An error means that nobody can stop the server any more: that is stopping too.
        drop(stop.wait_for(|stop| *stop).await);
    }

    /// Reads while `idle` has nothing to say; says what came of `idle` otherwise.
    pub(crate) async fn read_or<T>(
        &mut self,
        idle: impl Future<Output = T>,
    ) -> Result<Option<T>, Gone> {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            read = self.read() => read.map(|()| None),
            said = idle => Ok(Some(said)),
            () = Self::stopping(&mut stop) => Err(Gone::Fatal(shutdown())),
        }
    }

    /// Runs `work` for the client while watching it: if the client goes away, or the server stops
    /// and time runs out, the running statement is cancelled and `work` dropped. What the client waits for
    /// (the answers to what stands before `work` in its pipeline) is written meanwhile.
    pub(crate) async fn drive<T>(
        &mut self,
        canceler: &Canceler,
        work: impl Future<Output = T>,
    ) -> Result<T, Gone> {
        let mut work = std::pin::pin!(work);
        // Most work is done at once, without waiting for anything.
        if let Poll::Ready(done) = futures_util::poll!(work.as_mut()) {
            return Ok(done);
        }
        if self.answer_due {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                written = Box::pin(self.flush()) => if let Err(gone) = written {
                    canceler.cancel();
                    return Err(gone);
                },
            }
        }
        let mut stop = self.stop.clone();
        let stopped = async {
            Self::stopping(&mut stop).await;
            clock::sleep(STOP_GRACE).await;
        };
        let mut stopped = std::pin::pin!(stopped);
        loop {
            let room = self.input.len() < AHEAD_BYTES_MAX;
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                read = self.read(), if room => if let Err(gone) = read {
                    canceler.cancel();
                    return Err(gone);
                },
                () = &mut stopped => {
                    canceler.cancel();
                    return Err(Gone::Fatal(shutdown()));
                }
            }
        }
    }

    /// Writes what has gathered if it is much.
    pub(crate) async fn flush_if_full(&mut self) -> Result<(), Gone> {
        if self.out.len() >= OUTPUT_BYTES_HIGH { self.flush().await } else { Ok(()) }
    }

    /// Writes all that has gathered. Cancel-safe.
    pub(crate) async fn flush(&mut self) -> Result<(), Gone> {
        let mut stop = self.stop.clone();
        let written = async {
            let stream = &mut self.stream;
            let out = &mut *self.out;
            let writing = async {
                while !out.is_empty() {
                    if stream.write_buf(out).await? == 0 {
                        return Err(io::ErrorKind::WriteZero.into());
                    }
                }
                stream.flush().await
            };
            // While the server runs, the client may take its time.
            tokio::select! {
                biased;
                written = writing => written,
                () = async { Self::stopping(&mut stop).await; clock::sleep(STOP_GRACE).await } => {
                    Err(io::ErrorKind::TimedOut.into())
                }
            }
        };
        written.await?;
        self.answer_due = false;
        if self.out.capacity() > IDLE_BYTES_MAX && self.input.is_empty() {
            *self.out = BytesMut::new();
        }
        Ok(())
    }

    /// Writes one byte by itself: the answer to SSLRequest.
    pub(crate) async fn write_byte(&mut self, byte: u8) -> Result<(), Gone> {
        self.stream.write_all(&[byte]).await?;
        self.stream.flush().await?;
        Ok(())
    }

    /// Ends the connection after what has gathered.
    pub(crate) async fn close(mut self) {
        if self.flush().await.is_ok() {
            // The other side may be gone already.
            drop(self.stream.shutdown().await);
        }
    }
}

/// 57P01
pub(crate) fn shutdown() -> Error {
    Error::retry(
        crate::model::error::SqlState::ADMIN_SHUTDOWN,
        "terminating connection due to administrator command",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire() -> (tokio::io::DuplexStream, Wire<tokio::io::DuplexStream>, watch::Sender<bool>) {
        let (client, server) = tokio::io::duplex(1 << 20);
        let (stop, stopped) = watch::channel(false);
        (client, Wire::new(server, stopped), stop)
    }

    /// A wire that has read some bytes; its client is gone.
    async fn fed(bytes: &[u8]) -> Wire<tokio::io::DuplexStream> {
        let (mut client, mut wire, _stop) = wire();
        client.write_all(bytes).await.unwrap();
        wire.read().await.unwrap();
        wire
    }

    fn state(gone: Gone) -> String {
        match gone {
            Gone::Fatal(error) => format!("{} {error}", error.state().as_str()),
            Gone::Disconnected => "disconnected".to_owned(),
        }
    }

    #[tokio::test]
    async fn messages_are_cut_at_their_length() {
        let mut wire = fed(b"Q\0\0\0\x06a\0S\0\0\0\x04Q\0\0").await;
        let first = wire.buffered_message().unwrap().unwrap();
        assert_eq!((first.kind, &first.body[..]), (b'Q', b"a\0".as_slice()));
        let second = wire.buffered_message().unwrap().unwrap();
        assert_eq!((second.kind, second.body.len()), (b'S', 0));
        assert!(wire.buffered_message().unwrap().is_none());
        assert_eq!(wire.next_kind(), Some(b'Q'));
    }

    #[tokio::test]
    async fn a_length_beyond_the_limit_is_refused_before_its_bytes_come() {
        for (bytes, expected) in [
            (
                b"Q\x3f\xff\xff\xf0".as_slice(),
                "08P01 invalid message length: at most 10000 bytes are taken",
            ),
            (b"Q\0\0\0\x03", "08P01 invalid message length"),
            (b"Q\0\0\0\0", "08P01 invalid message length"),
            (b"Q\xff\xff\xff\xff", "08P01 invalid message length: at most 10000 bytes are taken"),
            (b"p\0\0\0\0", "08P01 invalid frontend message type 112"),
            (b"GET / HTTP/1.1\r\n", "08P01 invalid frontend message type 71"),
        ] {
            let mut wire = fed(bytes).await;
            assert_eq!(state(wire.buffered_message().unwrap_err()), expected);
        }
        let mut wire = fed(b"Q\0\0\x4e\x20").await;
        wire.set_message_bytes_max(20_000);
        assert!(wire.buffered_message().unwrap().is_none());
    }

    #[tokio::test]
    async fn startup_packets_have_a_least_and_a_greatest_length() {
        for bytes in [
            b"\0\0\0\0\0\0\0\0",
            b"\0\0\0\x07\0\0\0\0",
            b"\0\0\x27\x15\0\0\0\0",
            b"\xff\xff\xff\xff\0\0\0\0",
        ] {
            let mut wire = fed(bytes).await;
            assert!(matches!(wire.startup_packet().await, Err(Gone::Disconnected)));
        }
        let mut wire = fed(b"\0\0\0\x08\x04\xd2\x16\x2f").await;
        assert_eq!(&wire.startup_packet().await.unwrap()[..], b"\x04\xd2\x16\x2f");
    }

    #[tokio::test]
    async fn what_comes_while_a_statement_runs_is_kept_within_bounds() {
        let (mut client, server) = tokio::io::duplex(AHEAD_BYTES_MAX);
        let (_stop, stopped) = watch::channel(false);
        let mut wire = Wire::new(server, stopped);
        let (done, wait) = tokio::sync::oneshot::channel();
        let sender = async {
            // More than the pipe holds, and then all that is taken beside it.
            client.write_all(&vec![b'S'; AHEAD_BYTES_MAX + 10_000]).await.unwrap();
            let more = vec![b'S'; 4 * AHEAD_BYTES_MAX];
            let rest = clock::timeout(Duration::from_millis(50), client.write_all(&more));
            assert_eq!(rest.await.map(drop), Err(clock::Elapsed));
            done.send(()).unwrap();
            client
        };
        let canceler = Canceler::default();
        let (_client, driven) = tokio::join!(sender, wire.drive(&canceler, wait));
        driven.unwrap().unwrap();
        assert!(wire.input.len() <= AHEAD_BYTES_MAX + READ_BYTES * 2, "{}", wire.input.len());
        assert!(!wire.input.is_empty());
    }

    #[tokio::test]
    async fn answers_to_what_stands_before_a_slow_statement_do_not_wait_for_it() {
        let (mut client, mut wire, _stop) = wire();
        let (done, wait) = tokio::sync::oneshot::channel();
        wire.out.extend_from_slice(b"answer");
        wire.answer_due = true;
        let reader = async {
            let mut answer = [0; 6];
            client.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"answer");
            done.send(()).unwrap();
        };
        let canceler = Canceler::default();
        let ((), driven) = tokio::join!(reader, wire.drive(&canceler, wait));
        driven.unwrap().unwrap();
        assert!(wire.out.is_empty() && !wire.answer_due);
    }

    #[tokio::test]
    async fn a_write_that_is_given_up_half_way_goes_on_where_it_stopped() {
        let (mut client, server) = tokio::io::duplex(4);
        let (_stop, stopped) = watch::channel(false);
        let mut wire = Wire::new(server, stopped);
        wire.out.extend_from_slice(b"0123456789");
        wire.answer_due = true;
        let canceler = Canceler::default();
        let slow = async {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        };
        wire.drive(&canceler, slow).await.unwrap();
        assert!(!wire.out.is_empty());
        let mut read = Vec::new();
        let ((), flushed) = tokio::join!(
            async {
                while read.len() < 10 {
                    client.read_buf(&mut read).await.unwrap();
                }
            },
            wire.flush()
        );
        flushed.unwrap();
        assert_eq!(read, b"0123456789");
    }

    #[tokio::test]
    async fn a_stop_ends_the_wait_for_a_client() {
        let (_client, mut wire, stop) = wire();
        stop.send(true).unwrap();
        let gone = wire.read_or(std::future::pending::<()>()).await.unwrap_err();
        assert_eq!(state(gone), "57P01 terminating connection due to administrator command");
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_holds_output_back() {
        let (client, server) = tokio::io::duplex(1024);
        let (_stop, stopped) = watch::channel(false);
        let mut wire = Wire::new(server, stopped);
        wire.out.resize(OUTPUT_BYTES_HIGH, 0);
        let mut flush = std::pin::pin!(wire.flush_if_full());
        assert!(futures_util::poll!(flush.as_mut()).is_pending());
        drop(client);
        assert!(matches!(flush.await, Err(Gone::Disconnected)));
    }
}
