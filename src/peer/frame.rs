//! Frames: the unit in which bytes travel between nodes. Owns their layout and the reading of
//! them; knows nothing of what payloads mean.
//!
//! ```text
//! u32 length | u8 kind | u8 version | u16 flags | u64 seq | payload | u32 crc32c
//! ```
//! Little-endian. `length` counts the bytes after itself; the checksum covers every byte before it.
//!
//! **Invariant:** nothing is allocated for a frame before its length has been checked, and no part
//! of a frame is handed out before its checksum has.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::AsyncReadExt;

use crate::peer::wire::{WireRead, WireWrite};
use crate::platform::clock;
use crate::tls;

/// Bytes before the payload.
pub(super) const HEAD_BYTES: usize = 16;
/// The checksum after it.
pub(super) const TAIL_BYTES: usize = 4;
/// What `length` counts of a frame without payload.
const LENGTH_MIN: usize = HEAD_BYTES - 4 + TAIL_BYTES;
/// The layout described above.
pub(super) const FRAME_VERSION: u8 = 1;
/// The largest payload.
pub(super) const PAYLOAD_BYTES_MAX: usize = 64 << 20;
/// The largest payload of a handshake frame, from somebody we don't know yet.
pub(super) const HANDSHAKE_BYTES_MAX: usize = 4096;
/// Smaller payloads are copied: behind their head, so that they are one slice to write; and out of what was
/// read, so that whoever keeps one doesn't keep the whole of it, and it can be read into again.
const COPY_BYTES_MAX: usize = 16 << 10;
/// Bytes asked of the socket at a time.
const READ_BYTES: usize = 64 << 10;
/// Slices given to one `writev`.
const SLICES_MAX: usize = 64;

/// The answer to a call, or a frame of a stream from the side that accepted it.
pub(super) const REPLY: u16 = 1;
/// The receiver did not act; the payload says why, as text.
pub(super) const REFUSED: u16 = 2;
/// Begins a stream.
pub(super) const OPEN: u16 = 4;
/// Nothing more follows in this direction of the stream.
pub(super) const END: u16 = 8;
const KNOWN_FLAGS: u16 = REPLY | REFUSED | OPEN | END;

/// One frame that has arrived whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u16,
    pub(super) seq: u64,
    pub(super) payload: Bytes,
}

/// Why no further frame can be read from a connection.
#[derive(Debug)]
pub(super) enum FrameError {
    /// The bytes are not a frame.
    Malformed(String),
    /// The connection ended, or failed, within a frame.
    Io(io::Error),
    /// A frame began and did not go on.
    Stalled(Duration),
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed(what) => f.write_str(what),
            Self::Io(error) => f.write_str(&tls::explain(error)),
            Self::Stalled(limit) => write!(f, "no byte moved for {limit:?}"),
        }
    }
}

/// Appends a frame's bytes to `chunks`; returns how many they are.
pub(super) fn encode(frame: Frame, chunks: &mut VecDeque<Bytes>) -> usize {
    let Frame { kind, flags, seq, payload } = frame;
    let copied = payload.len() <= COPY_BYTES_MAX;
    let mut head =
        BytesMut::with_capacity(HEAD_BYTES + if copied { payload.len() + TAIL_BYTES } else { 0 });
    head.put_u32_le((LENGTH_MIN + payload.len()) as u32);
    head.put_u8(kind);
    head.put_u8(FRAME_VERSION);
    head.put_u16_le(flags);
    head.put_u64_le(seq);
    let total = HEAD_BYTES + payload.len() + TAIL_BYTES;
    if copied {
        head.put_slice(&payload);
        let checksum = crc32c::crc32c(&head);
        head.put_u32_le(checksum);
        chunks.push_back(head.freeze());
    } else {
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&head), &payload);
        chunks.push_back(head.freeze());
        chunks.push_back(payload);
        chunks.push_back(Bytes::copy_from_slice(&checksum.to_le_bytes()));
    }
    total
}

/// How many bytes the frame at the head of `buffer` takes; `None` while its length isn't there.
fn frame_bytes(buffer: &[u8], payload_bytes_max: usize) -> Result<Option<usize>, FrameError> {
    let Some(length) = buffer.first_chunk::<4>() else { return Ok(None) };
    if length == b"HTTP" {
        return Err(FrameError::Malformed(
            "HTTP is spoken there: this is not a Raft address but an HTTP one".to_owned(),
        ));
    }
    // An alert record of TLS 1.x, with which a server answers what isn't TLS.
    if length.starts_with(&[0x15, 3]) {
        return Err(FrameError::Malformed(
            "TLS is spoken there, and not here: this node needs -node-cert".to_owned(),
        ));
    }
    let length = u32::from_le_bytes(*length) as usize;
    if length < LENGTH_MIN || length > LENGTH_MIN + payload_bytes_max {
        return Err(FrameError::Malformed(format!(
            "not a frame: its length is {length}, which must be {LENGTH_MIN} to {}",
            LENGTH_MIN + payload_bytes_max
        )));
    }
    Ok(Some(4 + length))
}

/// Checks and takes apart one whole frame.
fn decode(bytes: &Bytes) -> Result<Frame, FrameError> {
    let (covered, checksum) = bytes.split_at(bytes.len() - TAIL_BYTES);
    if crc32c::crc32c(covered).to_le_bytes() != checksum {
        return Err(FrameError::Malformed("a frame's checksum does not match it".to_owned()));
    }
    let mut head = &covered[4..HEAD_BYTES];
    let (kind, version) = (head.get_u8(), head.get_u8());
    let (flags, seq) = (head.get_u16_le(), head.get_u64_le());
    if version != FRAME_VERSION {
        return Err(FrameError::Malformed(format!("a frame has the unknown version {version}")));
    }
    if flags & !KNOWN_FLAGS != 0 {
        return Err(FrameError::Malformed(format!("a frame has the unknown flags {flags:#06x}")));
    }
    let end = covered.len();
    Ok(Frame { kind, flags, seq, payload: bytes.slice(HEAD_BYTES..end) })
}

/// Reads bytes as frames, and as what a handshake's carry, for `fuzz`.
#[cfg(any(test, fuzzing))]
pub(crate) fn read_any(bytes: &Bytes) {
    super::handshake::read_any(bytes);
    let mut rest = bytes.clone();
    while let Ok(Some(total)) = frame_bytes(&rest, PAYLOAD_BYTES_MAX)
        && total <= rest.len()
    {
        let Ok(frame) = decode(&rest.split_to(total)) else { return };
        super::handshake::read_any(&frame.payload);
    }
}

/// Reads frames from one direction of a connection. Dropping the future of [`Self::next`] loses
/// nothing.
#[derive(Debug)]
pub(super) struct FrameReader {
    io: WireRead,
    buffer: BytesMut,
    payload_bytes_max: usize,
    /// The longest wait for the next byte of a frame that has begun.
    stall: Duration,
}

impl FrameReader {
    /// A reader that takes handshake frames only, until [`Self::trust`].
    pub(super) fn new(io: WireRead, stall: Duration) -> Self {
        Self { io, buffer: BytesMut::new(), payload_bytes_max: HANDSHAKE_BYTES_MAX, stall }
    }

    /// The handshake has succeeded: take large frames, with the lane's patience.
    pub(super) fn trust(&mut self, stall: Duration) {
        self.payload_bytes_max = PAYLOAD_BYTES_MAX;
        self.stall = stall;
    }

    /// The next frame; `None` if the other side closed the connection between two frames.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        loop {
            let wanted = frame_bytes(&self.buffer, self.payload_bytes_max)?;
            if let Some(total) = wanted
                && self.buffer.len() >= total
            {
                return decode(&self.take(total)).map(Some);
            }
            let missing = wanted.map_or(0, |total| total - self.buffer.len());
            self.buffer.reserve(missing.max(READ_BYTES));
            if self.fill().await? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(FrameError::Io(io::ErrorKind::UnexpectedEof.into()))
                };
            }
        }
    }

    /// The next bytes, which are there.
    fn take(&mut self, bytes: usize) -> Bytes {
        if bytes > COPY_BYTES_MAX {
            return self.buffer.split_to(bytes).freeze();
        }
        let taken = Bytes::copy_from_slice(&self.buffer[..bytes]);
        self.buffer.advance(bytes);
        taken
    }

    async fn fill(&mut self) -> Result<usize, FrameError> {
        let begun = !self.buffer.is_empty();
        let read = self.io.read_buf(&mut self.buffer);
        if !begun {
            return read.await.map_err(FrameError::Io);
        }
        clock::timeout(self.stall, read)
            .await
            .map_err(|_| FrameError::Stalled(self.stall))?
            .map_err(FrameError::Io)
    }

    /// Whether the connection is at rest and alive: no byte waits, and it has not ended.
    pub(super) fn is_idle(&mut self) -> bool {
        if !self.buffer.is_empty() {
            return false;
        }
        let mut probe = [0; 1];
        let mut probe = tokio::io::ReadBuf::new(&mut probe);
        let mut context = Context::from_waker(std::task::Waker::noop());
        tokio::io::AsyncRead::poll_read(Pin::new(&mut self.io), &mut context, &mut probe)
            .is_pending()
    }
}

/// Writes as much of `chunks` as the socket takes in one call, and removes it from them.
pub(super) fn poll_write(
    io: &mut WireWrite,
    chunks: &mut VecDeque<Bytes>,
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let mut slices = [io::IoSlice::new(&[]); SLICES_MAX];
    let count = chunks.len().min(SLICES_MAX);
    for (slice, chunk) in slices.iter_mut().zip(chunks.iter()) {
        *slice = io::IoSlice::new(chunk);
    }
    let written = std::task::ready!(tokio::io::AsyncWrite::poll_write_vectored(
        Pin::new(io),
        context,
        &slices[..count]
    ))?;
    if written == 0 {
        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
    }
    let mut left = written;
    while let Some(first) = chunks.front_mut() {
        if first.len() > left {
            first.advance(left);
            break;
        }
        left -= first.len();
        chunks.pop_front();
    }
    Poll::Ready(Ok(written))
}

/// Writes what an encrypted connection has taken and the socket has not.
pub(super) fn poll_flush(io: &mut WireWrite, context: &mut Context<'_>) -> Poll<io::Result<()>> {
    tokio::io::AsyncWrite::poll_flush(Pin::new(io), context)
}

/// Writes frames into one direction of a connection that nobody else writes to.
#[derive(Debug)]
pub(super) struct FrameWriter {
    pub(super) io: WireWrite,
    chunks: VecDeque<Bytes>,
    stall: Duration,
}

impl FrameWriter {
    pub(super) fn new(io: WireWrite, stall: Duration) -> Self {
        Self { io, chunks: VecDeque::new(), stall }
    }

    pub(super) fn trust(&mut self, stall: Duration) {
        self.stall = stall;
    }

    /// Keeps a frame for the next [`Self::flush`].
    pub(super) fn put(&mut self, frame: Frame) {
        encode(frame, &mut self.chunks);
    }

    /// Writes what was put. Fails when the other side takes no byte for too long. Dropping the
    /// future loses nothing: the next flush goes on.
    pub(super) async fn flush(&mut self) -> Result<(), FrameError> {
        while !self.chunks.is_empty() {
            let step =
                std::future::poll_fn(|context| poll_write(&mut self.io, &mut self.chunks, context));
            clock::timeout(self.stall, step)
                .await
                .map_err(|_| FrameError::Stalled(self.stall))?
                .map_err(FrameError::Io)?;
        }
        let rest = std::future::poll_fn(|context| poll_flush(&mut self.io, context));
        clock::timeout(self.stall, rest)
            .await
            .map_err(|_| FrameError::Stalled(self.stall))?
            .map_err(FrameError::Io)
    }

    /// Writes what the socket takes without waiting; whether that was everything.
    pub(super) fn flush_now(&mut self) -> bool {
        let (io, chunks) = (&mut self.io, &mut self.chunks);
        let all = std::future::poll_fn(|context| {
            while !chunks.is_empty() {
                std::task::ready!(poll_write(io, chunks, context))?;
            }
            poll_flush(io, context)
        });
        // However much the task has done already: this can't be put off.
        let mut all = std::pin::pin!(tokio::task::coop::unconstrained(all));
        let mut context = Context::from_waker(std::task::Waker::noop());
        matches!(all.as_mut().poll(&mut context), Poll::Ready(Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(frame: Frame) -> Vec<u8> {
        let mut chunks = VecDeque::new();
        let total = encode(frame, &mut chunks);
        let bytes: Vec<u8> = chunks.iter().flatten().copied().collect();
        assert_eq!(bytes.len(), total);
        bytes
    }

    fn frame(payload: &'static [u8]) -> Frame {
        Frame { kind: 20, flags: REPLY, seq: 0x0102, payload: Bytes::from_static(payload) }
    }

    #[test]
    fn layout_is_pinned() {
        assert_eq!(
            bytes_of(frame(b"abc")),
            [
                19, 0, 0, 0, // length
                20, 1, 1, 0, // kind, version, flags
                2, 1, 0, 0, 0, 0, 0, 0, // seq
                b'a', b'b', b'c', //
                0x95, 0x59, 0x23, 0xe4, // crc32c
            ]
        );
    }

    #[test]
    fn every_payload_size_comes_back() {
        for size in [0, 1, COPY_BYTES_MAX, COPY_BYTES_MAX + 1, 1 << 20] {
            let payload: Bytes = (0..size).map(|i| i as u8).collect::<Vec<_>>().into();
            let sent = Frame { kind: 11, flags: OPEN | END, seq: u64::MAX, payload };
            assert_eq!(decode(&bytes_of(sent.clone()).into()).unwrap(), sent);
        }
    }

    #[test]
    fn a_changed_bit_anywhere_is_noticed() {
        let good = bytes_of(frame(b"payload"));
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let whole = frame_bytes(&bad, PAYLOAD_BYTES_MAX);
            if matches!(whole, Ok(Some(total)) if total == bad.len()) {
                assert!(decode(&bad.into()).is_err(), "bit {bit}");
            }
        }
    }

    #[test]
    fn lengths_are_checked_before_anything_else() {
        let check = |length: u32, max| frame_bytes(&length.to_le_bytes(), max);
        assert!(check(15, PAYLOAD_BYTES_MAX).is_err());
        assert!(matches!(check(16, PAYLOAD_BYTES_MAX), Ok(Some(20))));
        let most = (LENGTH_MIN + PAYLOAD_BYTES_MAX) as u32;
        assert!(matches!(check(most, PAYLOAD_BYTES_MAX), Ok(Some(_))));
        assert!(check(most + 1, PAYLOAD_BYTES_MAX).is_err());
        assert!(check(HANDSHAKE_BYTES_MAX as u32 + 17, HANDSHAKE_BYTES_MAX).is_err());
        let http = frame_bytes(b"HTTP/1.1 400", PAYLOAD_BYTES_MAX).unwrap_err().to_string();
        assert!(http.contains("not a Raft address"), "{http}");
        assert!(matches!(frame_bytes(&[1, 2], PAYLOAD_BYTES_MAX), Ok(None)));
    }

    #[test]
    fn unknown_versions_and_flags_are_refused() {
        for (position, value) in [(5, 2), (7, 0x80)] {
            let mut bytes = bytes_of(frame(b""));
            bytes[position] = value;
            let end = bytes.len() - TAIL_BYTES;
            let checksum = crc32c::crc32c(&bytes[..end]).to_le_bytes();
            bytes[end..].copy_from_slice(&checksum);
            let error = decode(&bytes.into()).unwrap_err().to_string();
            assert!(error.contains("unknown"), "{error}");
        }
    }
}
