//! Who runs a lane: its own thread, or whoever has something short for it.
//!
//! Handing a short event to the lane's thread and its answer back costs more than the event. So a
//! sender whose event is brief runs the lane itself, where it stands, if nobody else does; all
//! others wake the thread. What turns out not to be brief is left to the thread.
//!
//! ```text
//!   send ──▶ inbox ──┬─ brief, and the lane is free: handle here, leave the rest to the thread
//!                    └─ otherwise: wake the thread ──▶ handle everything, serve the queue
//! ```
//!
//! Invariant: whoever puts an event into the inbox has either handled all that was in it before
//! it let go of the lane, or wakes the thread afterwards. No event is left lying.

use std::sync::{Arc, Mutex, OnceLock, TryLockError};
use std::thread::Thread;
use std::time::Duration;

use tokio::sync::mpsc;

use super::{EVENTS_MAX, Event, Lane};
use crate::engine::cancel::lock;
use crate::model::error::Fault;
use crate::platform::task;

/// Told of a fault; it may come from any thread that runs the lane.
type OnFault = Box<dyn Fn(Fault) + Send + Sync>;

/// A lane with its inbox.
struct Running {
    lane: Lane,
    events: mpsc::Receiver<Event>,
    /// Events that the thread must handle, before those in the inbox.
    left: Option<Event>,
}

/// What the thread waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Event,
    /// Others who may commit soon: for one of them wakes it, or for so long.
    EventWithin(Duration),
    /// Nobody can send any more, or there was a fault.
    End,
}

/// The lane, for whoever runs it now; `None` once it has ended.
pub(super) struct Driver {
    running: Mutex<Option<Running>>,
    thread: OnceLock<Thread>,
    on_fault: OnFault,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

impl Driver {
    /// Starts the lane's thread. It ends when the last sender of `events` is gone and somebody
    /// calls [`Self::wake`], or after a fault.
    pub(super) fn start(
        name: &str,
        lane: Lane,
        events: mpsc::Receiver<Event>,
        on_fault: OnFault,
    ) -> Result<Arc<Self>, Fault> {
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| Fault::new("a write lane was started outside the runtime"))?;
        let running = Mutex::new(Some(Running { lane, events, left: None }));
        let driver = Arc::new(Self { running, thread: OnceLock::new(), on_fault });
        let mine = driver.clone();
        let work = move || {
            let _entered = runtime.enter();
            loop {
                match mine.run() {
                    Next::Event => std::thread::park(),
                    Next::EventWithin(left) => std::thread::park_timeout(left),
                    Next::End => break,
                }
            }
        };
        let thread = task::thread(name, work)
            .map_err(|error| Fault::new(format!("start a thread for a database: {error}")))?;
        // Nobody else has the driver yet.
        let _ = driver.thread.set(thread.thread().clone());
        Ok(driver)
    }

    /// Makes the thread handle what is there.
    pub(super) fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// After an event that may be brief was put into the inbox: handles it here if nobody else has
    /// the lane. To be called by a task.
    pub(super) fn run_here(&self) {
        let mut guard = match self.running.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return self.wake(),
        };
        let Some(running) = guard.as_mut() else { return };
        match running.turn_here() {
            Ok(true) => {}
            Ok(false) => {
                drop(guard);
                self.wake();
            }
            Err(fault) => {
                // First: who waits for an answer will only say that the lane has stopped.
                (self.on_fault)(fault);
                *guard = None;
                drop(guard);
                self.wake();
            }
        }
    }

    /// On the thread: handles everything there is.
    fn run(&self) -> Next {
        let mut guard = lock(&self.running);
        let Some(running) = guard.as_mut() else { return Next::End };
        let next = running.turn().unwrap_or_else(|fault| {
            (self.on_fault)(fault);
            Next::End
        });
        if next == Next::End {
            *guard = None;
        }
        next
    }
}

impl Running {
    /// Handles all events and serves the queue, with what was left there by whoever ran the lane
    /// elsewhere.
    fn turn(&mut self) -> Result<Next, Fault> {
        self.lane.here = false;
        self.lane.gather.timed = false;
        let mut event = self.left.take();
        loop {
            let again = turn(&mut self.lane, event, &mut self.events)?;
            event = match self.events.try_recv() {
                Ok(event) => Some(event),
                Err(mpsc::error::TryRecvError::Disconnected) => return Ok(Next::End),
                Err(mpsc::error::TryRecvError::Empty) => {
                    self.lane.gather.timed = again.is_some();
                    return Ok(again.map_or(Next::Event, Next::EventWithin));
                }
            };
        }
    }

    /// Handles events as long as they are brief. `false` if something is left for the thread.
    fn turn_here(&mut self) -> Result<bool, Fault> {
        if self.left.is_some() {
            return Ok(false);
        }
        self.lane.here = true;
        for _ in 0..EVENTS_MAX {
            let Ok(event) = self.events.try_recv() else { return self.lane.advance_here() };
            if !self.lane.is_brief(&event) {
                self.left = Some(event);
                return Ok(false);
            }
            self.left = self.lane.handle(event)?;
            if self.left.is_some() {
                return Ok(false);
            }
        }
        Ok(false)
    }
}

/// Handles an event and those that came with it, then serves the queue. As
/// [`Lane::advance`].
pub(super) fn turn(
    lane: &mut Lane,
    event: Option<Event>,
    events: &mut mpsc::Receiver<Event>,
) -> Result<Option<Duration>, Fault> {
    event.map_or(Ok(()), |event| handle(lane, event))?;
    for _ in 1..EVENTS_MAX {
        match events.try_recv() {
            Ok(event) => handle(lane, event)?,
            Err(_) => break,
        }
    }
    lane.advance()
}

fn handle(lane: &mut Lane, event: Event) -> Result<(), Fault> {
    match lane.handle(event)? {
        None => Ok(()),
        Some(_) => Err(Fault::new("a write lane's thread left an event to the thread")),
    }
}
