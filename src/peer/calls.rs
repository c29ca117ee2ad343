//! Calls to another node, many at a time over one connection, told apart by their sequence number.
//!
//! **Invariants:** each call is sent once. Every call that is waiting when the connection breaks
//! learns of it; a call that nobody waits for any more is forgotten, and its answer dropped.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::peer::frame::{Frame, FrameError, FrameReader, REFUSED, REPLY};
use crate::peer::outlet::Outlet;
use crate::peer::{Kind, PeerError};
use crate::platform::task;

type Answer = Result<Bytes, PeerError>;

/// One connection's calls.
#[derive(Debug)]
pub(super) struct Calls {
    outlet: Outlet,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Answer>>>,
    next: AtomicU64,
    /// Calls that have no answer yet.
    load: AtomicUsize,
    closed: AtomicBool,
    close: tokio::sync::Notify,
}

/// Forgets a call when nobody waits for its answer any more.
struct Waiting<'a> {
    calls: &'a Calls,
    seq: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.calls.load.fetch_sub(1, Ordering::Relaxed);
        self.calls.waiting().remove(&self.seq);
    }
}

impl Calls {
    /// Takes a connection over, and reads from it on a task of its own.
    pub(super) fn start(reader: FrameReader, outlet: Outlet) -> Arc<Self> {
        let calls = Arc::new(Self {
            outlet,
            waiting: Mutex::default(),
            next: AtomicU64::new(1),
            load: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            close: tokio::sync::Notify::new(),
        });
        task::spawn(Arc::clone(&calls).drive(reader));
        calls
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Answer>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    pub(super) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    /// Ends the connection.
    pub(super) fn close(&self) {
        self.close.notify_one();
    }

    /// Sends one call and waits for its answer.
    pub(super) async fn call(&self, kind: Kind, payload: Bytes) -> Answer {
        let seq = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.load.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting { calls: self, seq };
        self.outlet.wait_room().await;
        self.waiting().insert(seq, sender);
        // After the insertion: the end of the connection sets `closed` before it drains.
        if self.is_closed() {
            return Err(PeerError::Unreachable("the connection has just ended".to_owned()));
        }
        self.outlet.put(Frame { kind: kind as u8, flags: 0, seq, payload });
        self.outlet.flush();
        let answer = receiver.await;
        drop(waiting);
        answer.unwrap_or_else(|_| Err(PeerError::Broken("the connection ended".to_owned())))
    }

    async fn drive(self: Arc<Self>, mut reader: FrameReader) {
        let why = loop {
            tokio::select! {
                frame = reader.next() => match frame {
                    Ok(Some(frame)) => {
                        if let Err(why) = self.answered(frame) {
                            break why;
                        }
                    }
                    Ok(None) => break "the other side closed the connection".to_owned(),
                    Err(error) => break error.to_string(),
                },
                error = self.outlet.run() => break match error {
                    FrameError::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe =>
                        "the other side closed the connection".to_owned(),
                    error => error.to_string(),
                },
                () = self.close.notified() => break "closed here".to_owned(),
            }
        };
        self.closed.store(true, Ordering::SeqCst);
        self.outlet.fail();
        for (_, waiting) in self.waiting().drain() {
            // Whoever has stopped waiting needs no answer.
            let _ = waiting.send(Err(PeerError::Broken(why.clone())));
        }
    }

    fn answered(&self, frame: Frame) -> Result<(), String> {
        let known = frame.seq != 0 && frame.seq < self.next.load(Ordering::Relaxed);
        if frame.flags & REPLY == 0 || !known {
            return Err("an answer came that no call asked for".to_owned());
        }
        let Some(waiting) = self.waiting().remove(&frame.seq) else { return Ok(()) };
        let answer = if frame.flags & REFUSED == 0 {
            Ok(frame.payload)
        } else {
            Err(PeerError::Refused(String::from_utf8_lossy(&frame.payload).into_owned()))
        };
        let _ = waiting.send(answer);
        Ok(())
    }
}
