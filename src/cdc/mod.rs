//! Change data capture: the leader sends the changes that transactions have left in the database to an
//! HTTP endpoint, or writes them to its standard output.
//!
//! Whoever leads goes on from the mark in the database, which is moved after changes were delivered: each
//! is delivered at least once, in order.
//!
//! **Invariant:** a change is marked as sent after the other side has taken it, and removed after that.

mod batch;
mod plan;
mod send;

use std::time::Duration;

use crate::cdc::batch::Batch;
use crate::engine::{ChangeMarks, Engine};
use crate::model::error::Error;
use crate::model::id::DatabaseId;
use crate::platform::clock::{self, Instant};
use crate::platform::watch;

pub use plan::Plan;

/// Bytes of events that are read, and sent, at once.
const BYTES_AT_ONCE: usize = 1 << 20;
/// The pause after something has failed in the database.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Sends changes as `plan` says, until `stop` is set. `node` is this node's name.
pub async fn run(engine: Engine, plan: Plan, node: String, mut stop: watch::Receiver<bool>) {
    let mut publisher = Publisher {
        engine,
        plan,
        node,
        database: None,
        after: None,
        gathering_since: None,
        settled: clock::now(),
    };
    let work = async {
        loop {
            if let Err(error) = publisher.step().await {
                publisher.after = None;
                tracing::debug!("changes can't be read or marked: {error}");
                clock::sleep(RETRY_PAUSE).await;
            }
        }
    };
    tokio::select! {
        () = work => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

struct Publisher {
    engine: Engine,
    plan: Plan,
    node: String,
    database: Option<DatabaseId>,
    /// The last change that was delivered; `None` until it is read from the database.
    after: Option<u64>,
    /// Since when changes wait for a batch to be full.
    gathering_since: Option<Instant>,
    /// When the mark was last looked at.
    settled: Instant,
}

impl Publisher {
    /// Sends one batch, or waits for changes.
    async fn step(&mut self) -> Result<(), Error> {
        let index = self.engine.applied()?;
        let database = self.engine.database(&self.plan.database);
        let (true, Some(database)) = (self.engine.is_leader(), database) else {
            self.after = None;
            return self.wait(index, RETRY_PAUSE).await;
        };
        if self.database.replace(database) != Some(database) {
            self.after = None;
        }
        let Some(after) = self.after else {
            self.after = Some(self.engine.change_marks(database).await?.sent);
            return Ok(());
        };
        let (marks, changes) = match self.plan.target {
            // All are asked for by those who want them.
            plan::Target::Nothing => {
                let marks = self.engine.change_marks(database).await?;
                self.after = Some(marks.newest);
                (marks, Vec::new())
            }
            _ => self.engine.changes(database, after, BYTES_AT_ONCE).await?,
        };
        self.settle(database, marks).await?;
        self.engine
            .activity()
            .changes_waiting
            .set(marks.newest.saturating_sub(self.after.unwrap_or(after)));
        let batch = Batch::of(&changes, self.plan.batch_max);
        if batch.is_empty() {
            self.gathering_since = None;
            return self.wait(index, self.plan.mark_interval).await;
        }
        let since = *self.gathering_since.get_or_insert_with(clock::now);
        let rest = self.plan.batch_delay.saturating_sub(clock::now().since(since));
        if batch.groups() < self.plan.batch_max && !rest.is_zero() {
            clock::sleep(rest).await;
            return Ok(());
        }
        self.gathering_since = None;
        if self.deliver(&batch).await {
            self.after = Some(batch.last());
        }
        Ok(())
    }

    /// Waits for another entry of the log; not for ever, as marks are moved by time.
    async fn wait(&self, index: crate::model::id::LogIndex, most: Duration) -> Result<(), Error> {
        clock::timeout(most, self.engine.applied_beyond(index)).await.unwrap_or(Ok(()))
    }

    /// Whether the batch needn't be sent again.
    async fn deliver(&self, batch: &Batch<'_>) -> bool {
        let activity = self.engine.activity();
        let body = batch.json(&self.plan, &self.node);
        let mut pauses = self.plan.retry.pauses();
        loop {
            let Err(why) = send::send(&self.plan, &body).await else {
                activity.deliveries_made.one();
                activity.changes_sent.add(batch.len() as u64);
                return true;
            };
            activity.deliveries_failed.one();
            if !self.engine.is_leader() {
                return false;
            }
            let Some(pause) = pauses.next() else {
                activity.changes_dropped.add(batch.len() as u64);
                tracing::error!(
                    "changes {} to {} were given up, as {} attempts failed: {why}",
                    batch.first(),
                    batch.last(),
                    self.plan.retry.retries_max + 1,
                );
                return true;
            };
            tracing::warn!("changes can't be delivered to {}: {why}", self.plan.target);
            clock::sleep(pause).await;
        }
    }

    /// Moves the mark, and removes what isn't kept any more, now and then.
    async fn settle(&mut self, database: DatabaseId, marks: ChangeMarks) -> Result<(), Error> {
        let Some(after) = self.after else { return Ok(()) };
        if clock::now().since(self.settled) < self.plan.mark_interval {
            return Ok(());
        }
        self.settled = clock::now();
        let too_many = marks.newest.saturating_sub(self.plan.keep_max);
        let too_old = if marks.removed < marks.newest {
            let before = clock::wall().saturating_sub(self.plan.keep).as_millis() as u64;
            self.engine.last_change_before(database, marks, before).await?
        } else {
            0
        };
        let removed = too_many.max(too_old).min(after).max(marks.removed);
        if after > marks.sent || removed > marks.removed {
            self.engine.settle_changes(database, marks, after, removed).await?;
        }
        Ok(())
    }
}
