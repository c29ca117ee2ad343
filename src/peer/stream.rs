//! Streams: a connection that belongs to one exchange until both sides have finished, and then
//! goes back to where it came from.
//!
//! **Invariant:** a connection is used again only if both sides have said [`END`] and every byte
//! was written; in any other case it is closed, so that no frame of one stream is ever taken for
//! another's. Dropping a half is as good as finishing with it: what it leaves open is settled
//! behind its back if that takes a moment only.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::peer::PeerError;
use crate::peer::frame::{
    END, Frame, FrameError, FrameReader, FrameWriter, OPEN, PAYLOAD_BYTES_MAX, REFUSED, REPLY,
};
use crate::platform::clock;

/// A stream that nobody holds any more has so long to hear the other side's [`END`].
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

/// A connection whose stream is over here.
#[derive(Debug)]
pub(super) struct Released {
    pub(super) reader: FrameReader,
    pub(super) writer: FrameWriter,
    /// The stream whose [`END`] is still to come.
    unread: Option<u64>,
}

impl Released {
    /// Whether its stream is over on both sides.
    pub(super) fn is_finished(&self) -> bool {
        self.unread.is_none()
    }

    /// The connection, which must be finished.
    pub(super) fn into_connection(self) -> (FrameReader, FrameWriter) {
        debug_assert!(self.is_finished(), "the other side may still send");
        (self.reader, self.writer)
    }

    /// The connection, ready for another stream; `None` if it has to be closed, because the other
    /// side has more to say or is silent.
    pub(super) async fn settle(mut self) -> Option<(FrameReader, FrameWriter)> {
        if let Some(seq) = self.unread {
            let next = clock::timeout(DRAIN_LIMIT, self.reader.next()).await;
            let Ok(Ok(Some(frame))) = next else { return None };
            if frame.seq != seq || frame.flags & (END | OPEN) != END {
                return None;
            }
        }
        Some((self.reader, self.writer))
    }
}

/// Takes back a connection whose stream is over here.
type GiveBack = Box<dyn FnOnce(Released) + Send>;

/// Where the halves of a stream meet again.
struct Home(Mutex<Parts>);

struct Parts {
    reader: Option<FrameReader>,
    writer: Option<FrameWriter>,
    unread: Option<u64>,
    /// `None` once the connection is given back or can't be any more.
    give_back: Option<GiveBack>,
}

impl std::fmt::Debug for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Home")
    }
}

impl Home {
    fn with<T>(&self, change: impl FnOnce(&mut Parts) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether sending makes no sense any more.
    fn is_over(&self) -> bool {
        self.with(|parts| parts.give_back.is_none() || parts.reader.is_some())
    }

    fn abandon(&self) {
        let parts =
            self.with(|parts| (parts.reader.take(), parts.writer.take(), parts.give_back.take()));
        drop(parts);
    }

    /// Takes a half back; the second one completes the connection.
    fn settle(&self, change: impl FnOnce(&mut Parts)) {
        let whole = self.with(|parts| {
            change(parts);
            if parts.give_back.is_none() {
                // The other half has broken: close this one, too.
                (parts.reader, parts.writer) = (None, None);
                return None;
            }
            if parts.reader.is_none() || parts.writer.is_none() {
                return None;
            }
            let (reader, writer) = (parts.reader.take()?, parts.writer.take()?);
            Some((Released { reader, writer, unread: parts.unread }, parts.give_back.take()?))
        });
        if let Some((released, give_back)) = whole {
            give_back(released);
        }
    }
}

/// A two-way, ordered sequence of messages on a connection of its own. Dropping it finishes it; if
/// the other side goes on sending, or can't be told, the connection is closed.
#[derive(Debug)]
pub struct Stream {
    sender: StreamSender,
    receiver: StreamReceiver,
}

/// The sending half of a [`Stream`]. Dropping it says that nothing more will be sent.
#[derive(Debug)]
pub struct StreamSender {
    /// `None` once it was dropped or went home.
    writer: Option<FrameWriter>,
    home: Arc<Home>,
    kind: u8,
    flags: u16,
    seq: u64,
    finished: bool,
}

/// The receiving half of a [`Stream`]. When it is dropped sending fails, too.
#[derive(Debug)]
pub struct StreamReceiver {
    /// `None` once it was dropped or went home.
    reader: Option<FrameReader>,
    home: Arc<Home>,
    seq: u64,
    ended: bool,
}

fn broken(error: &FrameError) -> PeerError {
    match error {
        FrameError::Stalled(_) => PeerError::TimedOut,
        error => PeerError::Broken(error.to_string()),
    }
}

fn gone() -> PeerError {
    PeerError::Broken("the stream is over".to_owned())
}

impl Stream {
    /// The dialling side: `OPEN` leaves with the first flush.
    pub(super) fn open(
        reader: FrameReader,
        mut writer: FrameWriter,
        kind: u8,
        seq: u64,
        give_back: GiveBack,
    ) -> Self {
        writer.put(Frame { kind, flags: OPEN, seq, payload: Bytes::new() });
        Self::new(reader, writer, (kind, 0, seq), give_back)
    }

    /// The accepting side, after `OPEN`.
    pub(super) fn accept(
        reader: FrameReader,
        writer: FrameWriter,
        kind: u8,
        seq: u64,
        give_back: GiveBack,
    ) -> Self {
        Self::new(reader, writer, (kind, REPLY, seq), give_back)
    }

    fn new(
        reader: FrameReader,
        writer: FrameWriter,
        (kind, flags, seq): (u8, u16, u64),
        give_back: GiveBack,
    ) -> Self {
        let parts = Parts { reader: None, writer: None, unread: None, give_back: Some(give_back) };
        let home = Arc::new(Home(Mutex::new(parts)));
        let receiver =
            StreamReceiver { reader: Some(reader), home: Arc::clone(&home), seq, ended: false };
        let sender = StreamSender { writer: Some(writer), home, kind, flags, seq, finished: false };
        Self { sender, receiver }
    }

    /// Sends one message of 64 MiB at the most; waits while the connection is full.
    pub async fn send(&mut self, message: Bytes) -> Result<(), PeerError> {
        self.sender.send(message).await
    }

    /// The next message; `None` when the other side has finished.
    pub async fn receive(&mut self) -> Result<Option<Bytes>, PeerError> {
        self.sender.flush().await?;
        self.receiver.receive().await
    }

    /// Says that nothing more will be sent.
    pub async fn finish(&mut self) -> Result<(), PeerError> {
        self.sender.finish().await
    }

    /// Both halves, to be used at the same time.
    pub fn split(mut self) -> (StreamSender, StreamReceiver) {
        // The receiving half can't write: let the opening go now, as far as it does.
        if let Some(writer) = &mut self.sender.writer {
            writer.flush_now();
        }
        (self.sender, self.receiver)
    }
}

impl StreamSender {
    /// Sends one message of 64 MiB at the most; waits while the connection is full. If the future
    /// is dropped the message may still be sent, and later ones are in order.
    pub async fn send(&mut self, message: Bytes) -> Result<(), PeerError> {
        if message.len() > PAYLOAD_BYTES_MAX {
            let text = format!("a message of {} bytes; 64 MiB is the most", message.len());
            return Err(PeerError::Refused(text));
        }
        self.put(0, message)?;
        self.flush().await
    }

    /// Says that nothing more will be sent.
    pub async fn finish(&mut self) -> Result<(), PeerError> {
        if !self.finished {
            self.put(END, Bytes::new())?;
            self.finished = true;
        }
        self.flush().await
    }

    fn put(&mut self, flags: u16, payload: Bytes) -> Result<(), PeerError> {
        if self.finished || (flags & END == 0 && self.home.is_over()) {
            return Err(gone());
        }
        let writer = self.writer.as_mut().ok_or_else(gone)?;
        let flags = self.flags | flags;
        writer.put(Frame { kind: self.kind, flags, seq: self.seq, payload });
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), PeerError> {
        let Some(writer) = &mut self.writer else { return Err(gone()) };
        if let Err(error) = writer.flush().await {
            self.writer = None;
            self.home.abandon();
            return Err(broken(&error));
        }
        Ok(())
    }
}

impl Drop for StreamSender {
    fn drop(&mut self) {
        if !self.finished && !std::thread::panicking() {
            // Without a writer there is nobody to tell.
            self.finished = self.put(END, Bytes::new()).is_ok();
        }
        let mut writer = self.writer.take();
        let told = self.finished && writer.as_mut().is_some_and(FrameWriter::flush_now);
        if told {
            self.home.settle(|parts| parts.writer = writer);
        } else {
            // Closes this direction, which the other side sees as a break.
            self.home.abandon();
        }
    }
}

impl StreamReceiver {
    /// The next message; `None` when the other side has finished. Dropping the future loses
    /// nothing.
    pub async fn receive(&mut self) -> Result<Option<Bytes>, PeerError> {
        if self.ended {
            return Ok(None);
        }
        let reader = self.reader.as_mut().ok_or_else(gone)?;
        let result = match reader.next().await {
            Ok(Some(frame)) if frame.seq == self.seq && frame.flags & OPEN == 0 => self.take(frame),
            Ok(Some(_)) => Err(PeerError::Broken("a frame of another stream came".to_owned())),
            Ok(None) => Err(PeerError::Broken("the other side closed the stream".to_owned())),
            Err(error) => Err(broken(&error)),
        };
        if result.is_err() {
            self.reader = None;
            self.home.abandon();
        }
        result
    }

    fn take(&mut self, frame: Frame) -> Result<Option<Bytes>, PeerError> {
        if frame.flags & REFUSED != 0 {
            return Err(PeerError::Refused(String::from_utf8_lossy(&frame.payload).into_owned()));
        }
        if frame.flags & END != 0 {
            self.ended = true;
            return Ok(None);
        }
        Ok(Some(frame.payload))
    }
}

impl Drop for StreamReceiver {
    fn drop(&mut self) {
        match self.reader.take() {
            Some(reader) => self.home.settle(|parts| {
                parts.reader = Some(reader);
                parts.unread = (!self.ended).then_some(self.seq);
            }),
            None => self.home.abandon(),
        }
    }
}
