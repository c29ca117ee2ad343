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
            while mine.run() {
                std::thread::park();
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

    /// On the thread: handles everything there is. Whether the lane goes on.
    fn run(&self) -> bool {
        let mut guard = lock(&self.running);
        let Some(running) = guard.as_mut() else { return false };
        match running.turn() {
            Ok(true) => true,
            Ok(false) => {
                *guard = None;
                false
            }
            Err(fault) => {
                (self.on_fault)(fault);
                *guard = None;
                false
            }
        }
    }
}

impl Running {
    /// Handles all events and serves the queue. `false` if nobody can send any more.
    fn turn(&mut self) -> Result<bool, Fault> {
        self.lane.here = false;
        if let Some(event) = self.left.take() {
            turn(&mut self.lane, event, &mut self.events)?;
        }
        // What was left in the queue by whoever ran the lane elsewhere.
        self.lane.advance()?;
        loop {
            match self.events.try_recv() {
                Ok(event) => turn(&mut self.lane, event, &mut self.events)?,
                Err(mpsc::error::TryRecvError::Empty) => return Ok(true),
                Err(mpsc::error::TryRecvError::Disconnected) => return Ok(false),
            }
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

/// Handles an event and those that came with it, then serves the queue.
pub(super) fn turn(
    lane: &mut Lane,
    event: Event,
    events: &mut mpsc::Receiver<Event>,
) -> Result<(), Fault> {
    handle(lane, event)?;
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
