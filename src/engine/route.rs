//! Who serves a request: this node or another.

use std::time::Duration;

use crate::engine::cancel::{Running, until};
use crate::engine::core::Core;
use crate::engine::lane::Refusal;
use crate::engine::{Limits, cancel};
use crate::model::error::{Error, SqlState};
use crate::model::member::Member;
use crate::model::read_level::{Freshness, ReadLevel};
use crate::platform::clock;
use crate::raft::Fence;

/// How long a request waits for a leader: an election, and what a new leader has to apply.
pub(super) const LEADER_WAIT: Duration = Duration::from_secs(8);

/// Where the leader is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Route {
    Here(Fence),
    There(Box<Member>),
}

/// A request's search for the leader: it goes on for [`LEADER_WAIT`] in all, however often the request is
/// sent elsewhere.
#[derive(Debug)]
pub(super) struct Search {
    until: clock::Instant,
    /// The last that said that it doesn't lead.
    refused: Option<Member>,
}

impl Search {
    pub(super) fn new() -> Self {
        Self { until: clock::now().plus(LEADER_WAIT), refused: None }
    }

    pub(super) fn is_over(&self) -> bool {
        self.until.remaining().is_zero()
    }

    /// Work by a leader that was lost meanwhile isn't part of the search.
    pub(super) fn allow(&mut self, time: Duration) {
        self.until = self.until.plus(time);
    }

    /// After a refusal: goes on if the one that was asked doesn't lead.
    ///
    /// # Errors
    /// The refusal's; 57P03 if the search has taken too long.
    pub(super) fn again(
        &mut self,
        core: &Core,
        refusal: Refusal,
        asked: Route,
    ) -> Result<(), Error> {
        match refusal {
            Refusal::Error(error) => Err(error),
            Refusal::NotLeader if self.is_over() => Err(Error::no_leader()),
            Refusal::NotLeader => {
                self.refused = Some(match asked {
                    Route::There(leader) => *leader,
                    Route::Here(_) => core.me.clone(),
                });
                Ok(())
            }
        }
    }
}

impl Core {
    /// The leader, if there is one now and it hasn't just refused.
    fn leader_now(&self, refused: Option<&Member>) -> Option<Route> {
        if refused.is_none_or(|refused| refused.id != self.me.id)
            && let Some(fence) = self.fence()
        {
            return Some(Route::Here(fence));
        }
        let attached = self.attached().ok()?;
        let leader = attached.leadership.borrow().leader.clone()?;
        // One that says it doesn't lead is asked again only when there is news.
        (leader.id != self.me.id && refused != Some(&leader))
            .then(|| Route::There(Box::new(leader)))
    }

    /// The leader; waits for one. 57P03 if none comes.
    pub(super) async fn route(
        &self,
        search: &Search,
        limits: &Limits,
        running: &Running,
    ) -> Result<Route, Error> {
        let refused = search.refused.as_ref();
        if let Some(route) = self.leader_now(refused) {
            return Ok(route);
        }
        Box::pin(self.wait_for_route(search, limits, running)).await
    }

    async fn wait_for_route(
        &self,
        search: &Search,
        limits: &Limits,
        running: &Running,
    ) -> Result<Route, Error> {
        let mut refused = search.refused.as_ref();
        let mut leadership = self.attached()?.leadership.clone();
        let wait = async {
            loop {
                // Lanes are told after the watch: look again soon. One that refused may be the
                // leader by now without any news here.
                let changed = clock::timeout(Duration::from_millis(20), leadership.changed()).await;
                if matches!(changed, Ok(Err(_))) {
                    return Err(Error::no_leader());
                }
                if let Some(route) = self.leader_now(refused.take()) {
                    return Ok(route);
                }
            }
        };
        let wait = clock::timeout(search.until.remaining(), wait);
        match until(limits.deadline, &running.token, wait).await {
            Ok(Ok(route)) => route,
            Ok(Err(clock::Elapsed)) => Err(Error::no_leader()),
            Err(stopped) => Err(stopped.error()),
        }
    }

    /// Whether this node votes; one that isn't in the membership yet doesn't.
    fn is_voter(&self) -> bool {
        self.attached().is_ok_and(|attached| {
            attached.node.members().iter().any(|(member, votes)| *votes && member.id == self.me.id)
        })
    }

    /// What a level means on this node.
    pub(super) fn effective(&self, level: ReadLevel) -> ReadLevel {
        match level {
            ReadLevel::Auto(_) if self.is_voter() => ReadLevel::Weak,
            ReadLevel::Auto(freshness) => ReadLevel::None(freshness),
            level => level,
        }
    }

    /// Refuses a local read that may be older than allowed.
    pub(super) fn check_freshness(&self, freshness: Option<Freshness>) -> Result<(), Error> {
        let Some(Freshness { age_max, strict }) = freshness else { return Ok(()) };
        let node = &self.attached()?.node;
        if self.fence().is_some() {
            let leads = node.has_majority() || node.leads_a_majority(age_max);
            return if leads { Ok(()) } else { Err(stale()) };
        }
        let status = node.status();
        let heard = status.last_contact.is_some_and(|since| since <= age_max);
        // When an entry was made isn't known here; with one missing, how old the data is isn't either.
        let current = !strict || status.applied >= status.committed;
        if heard && current { Ok(()) } else { Err(stale()) }
    }
}

/// HTTP clients match on this very text.
pub(super) fn stale() -> Error {
    Error::retry(SqlState::CANNOT_CONNECT_NOW, "stale read")
}

/// 55P03, in PostgreSQL's words.
pub(super) fn lock_timeout() -> Error {
    Error::retry(SqlState::LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout")
}

/// The end of a wait for the write slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SlotStop {
    Lock,
    Other(cancel::Stopped),
}

impl SlotStop {
    pub(super) fn error(self) -> Error {
        match self {
            Self::Lock => lock_timeout(),
            Self::Other(stopped) => stopped.error(),
        }
    }
}

/// Waits for the write slot as long as both timeouts allow.
pub(super) async fn until_slot<T>(
    limits: &Limits,
    running: &Running,
    future: impl Future<Output = T>,
) -> Result<T, SlotStop> {
    let Some(lock) = limits.lock_timeout else {
        return until(limits.deadline, &running.token, future).await.map_err(SlotStop::Other);
    };
    match until(limits.deadline, &running.token, clock::timeout(lock, future)).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(clock::Elapsed)) => Err(SlotStop::Lock),
        Err(stopped) => Err(SlotStop::Other(stopped)),
    }
}
