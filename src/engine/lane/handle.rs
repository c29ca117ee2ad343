//! The way to a lane: what waits for a place, and events on their way to the inbox.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use tokio::sync::{mpsc, oneshot};

use super::driver::Driver;
use super::{Event, Refusal, Shared, Then, closed, leadership_lost, overtaken};
use crate::model::command::{Applied, PagesPart};
use crate::model::error::{Error, Fault};
use crate::model::id::{LogIndex, NodeId};
use crate::platform::task;
use crate::raft::Fence;

/// Where events go in.
#[derive(Debug)]
pub(super) struct Door {
    /// `Some` until it is dropped.
    pub inbox: Option<mpsc::Sender<Event>>,
    /// Where there are threads.
    pub driver: OnceLock<Arc<Driver>>,
}

impl Door {
    fn inbox(&self) -> &mpsc::Sender<Event> {
        self.inbox.as_ref().expect("taken only when it is dropped")
    }

    /// Waits for space. `Err` if the lane has ended.
    pub(super) async fn send(&self, event: Event) -> Result<(), ()> {
        let brief = event.may_be_brief();
        self.inbox().send(event).await.map_err(|_| ())?;
        match self.driver.get() {
            Some(driver) if brief && task::may_take_long() => driver.run_here(),
            Some(driver) => driver.wake(),
            None => {}
        }
        Ok(())
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.inbox = None;
        if let Some(driver) = self.driver.get() {
            driver.wake();
        }
    }
}

/// The way to a lane. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::engine) struct LaneHandle {
    pub shared: Arc<Shared>,
    pub(super) door: Arc<Door>,
    pub(super) node: NodeId,
    pub(super) queue_length_max: usize,
}

/// Lets nothing run on the lane, until dropped.
struct Urgent<'a>(&'a Shared);

impl<'a> Urgent<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.urgent.fetch_add(1, Ordering::SeqCst);
        shared.interrupt(None, &overtaken());
        Self(shared)
    }
}

impl Drop for Urgent<'_> {
    fn drop(&mut self) {
        self.0.urgent.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Counts a request as waiting, until dropped.
#[derive(Debug)]
pub(in crate::engine) struct Waiting(Arc<Shared>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl LaneHandle {
    /// Takes a place in the queue: 53300 if it is full.
    pub(in crate::engine) fn wait(&self) -> Result<Waiting, Error> {
        let before = self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(self.shared.clone());
        if before >= self.queue_length_max {
            return Err(Error::limit(
                crate::model::error::SqlState::TOO_MANY_CONNECTIONS,
                "too many writes are waiting",
            ));
        }
        Ok(waiting)
    }

    /// As [`Self::wait`], for what must not be refused any more.
    pub(in crate::engine) fn place(&self) -> Waiting {
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(self.shared.clone())
    }

    pub(in crate::engine) async fn send(&self, event: Event) -> Result<(), Refusal> {
        self.door.send(event).await.map_err(|()| Refusal::Error(closed()))
    }

    /// For where nothing may wait: a full inbox is left to a task.
    pub(in crate::engine) fn send_soon(&self, event: Event) {
        if let Err(mpsc::error::TrySendError::Full(event)) = self.door.inbox().try_send(event) {
            let door = self.door.clone();
            task::spawn(async move {
                // The lane is gone: so is what the event was about.
                let _ = door.send(event).await;
            });
        } else if let Some(driver) = self.door.driver.get() {
            driver.wake();
        }
    }

    /// Hands over an entry, and waits until it is applied.
    pub(in crate::engine) async fn apply(
        &self,
        index: LogIndex,
        part: PagesPart,
    ) -> Result<Applied, Fault> {
        let _urgent = (part.last && !self.shared.is_pending(self.node, &part))
            .then(|| Urgent::new(&self.shared));
        let (reply, answer) = oneshot::channel();
        self.tell(Event::Apply { index, part, reply }).await?;
        answer.await.map_err(|_| Fault::new("a database's write lane has stopped"))?
    }

    /// Hands over entries of others, and waits until they are applied. See [`Event::ApplyRun`].
    pub(in crate::engine) async fn apply_run(
        &self,
        parts: Vec<(LogIndex, PagesPart)>,
    ) -> Result<(), Fault> {
        let _urgent = Urgent::new(&self.shared);
        let (reply, answer) = oneshot::channel();
        self.tell(Event::ApplyRun { parts, reply }).await?;
        answer.await.map_err(|_| Fault::new("a database's write lane has stopped"))?
    }

    pub(in crate::engine) async fn close(&self, error: Error, then: Then) {
        self.shared.interrupt(None, &error);
        let (reply, answer) = oneshot::channel();
        if self.send(Event::Close { error, then, reply }).await.is_ok() {
            // An error means that the lane ended without this event: closed all the same.
            let _ = answer.await;
        }
    }

    /// Says who leads. What runs under another leadership is stopped.
    pub(in crate::engine) async fn leadership(&self, fence: Option<Fence>) {
        if fence.is_none() {
            self.shared.interrupt(None, &leadership_lost());
        }
        // A lane that has ended has nothing to lose.
        let _ = self.send(Event::Leadership(fence)).await;
    }

    pub(in crate::engine) async fn tell(&self, event: Event) -> Result<(), Fault> {
        let stopped = |()| Fault::new("a database's write lane has stopped");
        self.door.send(event).await.map_err(stopped)
    }
}
