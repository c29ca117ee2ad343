//! The way out of a connection that several callers share. Whoever has a frame to send writes it
//! himself if the socket takes it, together with whatever else is queued; only when the socket is
//! full does the connection's own task take over.
//!
//! **Invariants:** frames leave whole and in the order of [`Outlet::put`]. While `blocked` is set
//! only [`Outlet::run`] writes. A frame that was put is written without anybody's further doing,
//! unless the connection breaks.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use crate::peer::frame::{self, Frame, FrameError};
use crate::peer::wire::WireWrite;
use crate::platform::clock;

/// Above this, senders wait.
const QUEUE_BYTES_MAX: usize = 16 << 20;

#[derive(Debug, Default)]
struct Queue {
    chunks: VecDeque<Bytes>,
    /// Bytes put and not yet taken by the socket's side.
    bytes: usize,
}

#[derive(Debug)]
struct Socket {
    io: WireWrite,
    /// Taken from the queue, not yet written.
    chunks: VecDeque<Bytes>,
}

#[derive(Debug)]
pub(super) struct Outlet {
    queue: Mutex<Queue>,
    socket: Mutex<Socket>,
    /// The socket is full: [`Self::run`] writes when it has room.
    blocked: AtomicBool,
    /// Tells [`Self::run`] that `blocked` was set, or that writing failed.
    wake: Notify,
    room: Notify,
    failed: AtomicBool,
    stall: Duration,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outlet {
    pub(super) fn new(io: WireWrite, stall: Duration) -> Self {
        Self {
            queue: Mutex::default(),
            socket: Mutex::new(Socket { io, chunks: VecDeque::new() }),
            blocked: AtomicBool::new(false),
            wake: Notify::new(),
            room: Notify::new(),
            failed: AtomicBool::new(false),
            stall,
        }
    }

    /// Waits while too much is queued.
    pub(super) async fn wait_room(&self) {
        loop {
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            if self.has_room() || self.failed.load(Ordering::SeqCst) {
                return;
            }
            room.await;
        }
    }

    pub(super) fn has_room(&self) -> bool {
        lock(&self.queue).bytes < QUEUE_BYTES_MAX
    }

    /// Whether everything that was put has been written.
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.queue).chunks.is_empty() && !self.blocked.load(Ordering::SeqCst)
    }

    /// Queues a frame; [`Self::flush`] sends it.
    pub(super) fn put(&self, frame: Frame) {
        let mut queue = lock(&self.queue);
        queue.bytes += frame::encode(frame, &mut queue.chunks);
    }

    /// Writes what is queued as far as the socket takes it; the rest follows by itself.
    pub(super) fn flush(&self) {
        let mut context = Context::from_waker(Waker::noop());
        while !self.blocked.load(Ordering::SeqCst) && !lock(&self.queue).chunks.is_empty() {
            // Whoever holds the socket looks at the queue again after letting go of it.
            let Ok(mut socket) = self.socket.try_lock() else { return };
            if self.blocked.load(Ordering::SeqCst) {
                return;
            }
            // A partial write says that the socket is full: the next one makes sure of it.
            let mut written = Poll::Ready(Ok(false));
            while let Poll::Ready(Ok(false)) = written {
                written = self.write(&mut socket, &mut context);
            }
            match written {
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => {
                    self.blocked.store(true, Ordering::SeqCst);
                    self.wake.notify_one();
                }
                Poll::Ready(Err(_)) => {
                    self.fail();
                    return;
                }
            }
        }
    }

    /// Makes [`Self::run`] end with an error.
    pub(super) fn fail(&self) {
        self.failed.store(true, Ordering::SeqCst);
        self.wake.notify_one();
        self.room.notify_waiters();
    }

    /// Writes until nothing is left (`true`) or the socket has taken some bytes (`false`).
    fn write(&self, socket: &mut Socket, context: &mut Context<'_>) -> Poll<std::io::Result<bool>> {
        let mut nothing_left = self.take(socket);
        if !nothing_left {
            let Socket { io, chunks } = socket;
            std::task::ready!(frame::poll_write(io, chunks, context))?;
            nothing_left = self.take(socket);
        }
        if nothing_left {
            std::task::ready!(frame::poll_flush(&mut socket.io, context))?;
        }
        Poll::Ready(Ok(nothing_left))
    }

    /// Moves the queue to the socket's side once that is empty; whether nothing is left at all.
    fn take(&self, socket: &mut Socket) -> bool {
        if !socket.chunks.is_empty() {
            return false;
        }
        let mut queue = lock(&self.queue);
        std::mem::swap(&mut queue.chunks, &mut socket.chunks);
        let was_full = queue.bytes >= QUEUE_BYTES_MAX;
        queue.bytes = 0;
        drop(queue);
        if was_full {
            self.room.notify_waiters();
        }
        socket.chunks.is_empty()
    }

    /// Writes whenever the socket was full and has room again. Runs in the connection's task as
    /// long as the connection lives; returns why it doesn't. Dropping the future loses nothing.
    pub(super) async fn run(&self) -> FrameError {
        loop {
            if self.failed.load(Ordering::SeqCst) {
                return FrameError::Io(std::io::ErrorKind::BrokenPipe.into());
            }
            if !self.blocked.load(Ordering::SeqCst) {
                self.wake.notified().await;
                continue;
            }
            let step = std::future::poll_fn(|context| {
                let mut socket = lock(&self.socket);
                self.write(&mut socket, context)
            });
            match clock::timeout(self.stall, step).await {
                Err(_) => return FrameError::Stalled(self.stall),
                Ok(Err(error)) => return FrameError::Io(error),
                Ok(Ok(false)) => {}
                Ok(Ok(true)) => {
                    self.blocked.store(false, Ordering::SeqCst);
                    self.flush();
                }
            }
        }
    }
}
