//! Units and transactions: to the lane of this node, or to the leader.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::engine::advisory::check_route;
use crate::engine::cancel::Running;
use crate::engine::core::Core;
use crate::engine::lane::{Claim, Event, Opened, Opening, Refusal, Submission};
use crate::engine::private::Private;
use crate::engine::route::{Route, Search, until_slot};
use crate::engine::store::Entry;
use crate::engine::transaction::{Backend, Transaction};
use crate::engine::{Begin, Engine, Limits, Written};
use crate::model::error::{Class, Error, SqlState};
use crate::model::id::{DatabaseId, LogIndex};
use crate::model::statement::Unit;
use crate::platform::clock;

/// What a unit that runs or is being replicated gets beyond its deadline, before its outcome is
/// called unknown.
pub(super) const COMMIT_GRACE: Duration = Duration::from_secs(2);
/// Before a unit with a key is sent again.
const REPEAT_PAUSE: Duration = Duration::from_millis(50);
/// How long a committed write may wait for this node to apply it too.
pub(super) const APPLY_WAIT: Duration = Duration::from_secs(5);

impl Engine {
    /// Commits a unit by itself, grouped with others. Returns when a quorum has it and this node's
    /// session can read it (on a follower: when this node has applied it too).
    ///
    /// # Errors
    /// Those of the statements are in the outcome. A unit with a key is sent again by itself if its leader
    /// is lost. 40001: nothing happened; 08007: it can't be
    /// known; 57014, 55P03, 53300, 57P03: it was not run.
    pub async fn write(
        &self,
        database: DatabaseId,
        unit: Unit,
        limits: &Limits,
    ) -> Result<Written, Error> {
        let running = limits.cancel.start();
        let mut search = Search::new();
        // With a key it can be sent again although it may have been carried out.
        let mut unknown: Option<Error> = None;
        loop {
            let route = self.core.route(&search, limits, &running).await;
            let route = route.map_err(|error| unknown.clone().unwrap_or(error))?;
            check_route(&route, limits.under)?;
            let written = match &route {
                Route::Here(_) => {
                    let entry = self.core.entry(database)?;
                    // Kept for another try: cheap beside a commit, as texts are shared.
                    self.core.write_here(&entry, unit.clone(), limits, &running).await
                }
                Route::There(leader) => {
                    let there = self.core.write_there(leader, database, &unit, limits, &running);
                    Box::pin(there).await
                }
            };
            match written {
                Ok(written) => {
                    if let (Route::There(_), Some(index)) = (&route, written.index) {
                        Box::pin(self.core.catch_up(index)).await;
                    }
                    return Ok(written);
                }
                Err(Refusal::Error(error)) if is_repeatable(&unit, &error) && !search.is_over() => {
                    if error.class() == Class::Unknown {
                        unknown = Some(error);
                    }
                    clock::sleep(REPEAT_PAUSE).await;
                }
                Err(refusal) => {
                    let again = search.again(&self.core, refusal, route);
                    again.map_err(|error| unknown.clone().unwrap_or(error))?;
                }
            }
        }
    }

    /// Opens an interactive transaction at the leader; waits for the write slot.
    ///
    /// # Errors
    /// 40001 if `since` is past; 55P03, 57014, 53300, 57P03.
    pub async fn begin(&self, begin: Begin) -> Result<Transaction, Error> {
        let running = begin.limits.cancel.start();
        let mut search = Search::new();
        loop {
            let route = self.core.route(&search, &begin.limits, &running).await?;
            check_route(&route, begin.limits.under)?;
            let opened = match &route {
                Route::Here(_) => {
                    let entry = self.core.entry(begin.database)?;
                    self.core.open_here(&entry, &begin, &running).await
                }
                Route::There(leader) => {
                    let there = self.core.begin_there(leader, &begin, &running);
                    Box::pin(there).await.map(Backend::Remote)
                }
            };
            match opened {
                Ok(backend) => {
                    return Ok(Transaction::new(self.core.clone(), begin.database, backend));
                }
                Err(refusal) => search.again(&self.core, refusal, route)?,
            }
        }
    }
}

impl Core {
    /// Gives a unit to this node's lane.
    pub(super) async fn write_here(
        &self,
        entry: &Arc<Entry>,
        unit: Unit,
        limits: &Limits,
        running: &Running,
    ) -> Result<Written, Refusal> {
        let waiting = entry.lane.wait()?;
        let claim = Claim::default();
        let (reply, mut answer) = oneshot::channel();
        let submission = Submission {
            unit,
            token: running.token.clone(),
            deadline: limits.deadline,
            claim: claim.clone(),
            private: None,
            _place: waiting,
            reply,
        };
        entry.lane.send(Event::Submit(submission)).await?;
        let stopped = match until_slot(limits, running, &mut answer).await {
            Ok(answer) => return answer.unwrap_or_else(|_| Err(lane_ended(&claim))),
            Err(stopped) => stopped,
        };
        if claim.withdraw() {
            return Err(stopped.error().into());
        }
        // It runs: what runs obeys the limits itself, what is replicated takes its time.
        let rest = match limits.deadline {
            Some(deadline) => deadline.remaining() + COMMIT_GRACE,
            None if matches!(stopped, crate::engine::route::SlotStop::Lock) => {
                return answer.await.unwrap_or_else(|_| Err(lane_ended(&claim)));
            }
            None => COMMIT_GRACE,
        };
        match clock::timeout(rest, &mut answer).await {
            Ok(answer) => answer.unwrap_or_else(|_| Err(lane_ended(&claim))),
            Err(clock::Elapsed) => Err(unresolved().into()),
        }
    }

    /// Opens a transaction on this node: a private one if it may be and can be.
    pub(super) async fn open_here(
        &self,
        entry: &Arc<Entry>,
        begin: &Begin,
        running: &Running,
    ) -> Result<Backend, Refusal> {
        if begin.private
            && let Some(private) = Private::begin(entry)
        {
            return Ok(Backend::Private(private));
        }
        Box::pin(self.begin_here(entry, begin, running)).await.map(Backend::Local)
    }

    /// Waits for the write slot of this node's lane.
    pub(super) async fn begin_here(
        &self,
        entry: &Arc<Entry>,
        begin: &Begin,
        running: &Running,
    ) -> Result<Opened, Refusal> {
        let waiting = entry.lane.wait()?;
        let (reply, answer) = oneshot::channel();
        let opening = Opening {
            dialect: begin.dialect,
            since: begin.since,
            lane: entry.lane.clone(),
            _place: waiting,
            reply,
        };
        entry.lane.send(Event::Open(opening)).await?;
        match until_slot(&begin.limits, running, answer).await {
            Ok(answer) => answer.unwrap_or(Err(Refusal::NotLeader)),
            Err(stopped) => Err(stopped.error().into()),
        }
    }

    /// Waits until this node has applied a write that the leader has committed, so that its session
    /// reads it here. The write stands in any case.
    pub(super) async fn catch_up(&self, index: LogIndex) {
        let Ok(attached) = self.attached() else { return };
        // A node that lags this much says so in its status; its client knows the write is safe.
        let _ = clock::timeout(APPLY_WAIT, attached.node.wait_applied(index)).await;
    }
}

/// Whether a unit that failed can be sent again by itself: it has a key, and its leader was lost.
fn is_repeatable(unit: &Unit, error: &Error) -> bool {
    let lost = error.class() == Class::Unknown
        || error.class() == Class::Retry && error.state() == SqlState::SERIALIZATION_FAILURE;
    unit.key.is_some() && lost
}

/// The lane ended without an answer: the node is stopping.
fn lane_ended(claim: &Claim) -> Refusal {
    if claim.withdraw() { Refusal::NotLeader } else { unresolved().into() }
}

/// 08007: nobody can say yet.
pub(super) fn unresolved() -> Error {
    Error::outcome_unknown("the transaction is still being replicated")
        .with_detail("It may or may not be committed.")
}
