//! No vote for a while after the process has started.
//!
//! A leader that answers reads from its lease counts on this: whoever acknowledged a heartbeat
//! doesn't help to elect another leader for one election timeout after it. openraft keeps that
//! promise in memory only, so a restart would break it. Here a node that may have given it before
//! it restarted neither votes nor stands for election until the promise has run out for certain.
//!
//! No promise can have been given, and there is no quarantine, if this node never voted (it is about
//! to make or to join a cluster), or if this node is the only voter and voted for nobody but itself: a
//! cluster of one is up at once. A whole cluster that starts waits once, all nodes at the same
//! time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use openraft::RaftState;

use crate::raft::Timing;
use crate::raft::types::TypeConfig;

/// Whether this node abstains.
#[derive(Debug, Default)]
pub(super) struct Quarantine(AtomicBool);

impl Quarantine {
    pub(super) fn new(on: bool) -> Self {
        Self(AtomicBool::new(on))
    }

    pub(super) fn is_on(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(super) fn lift(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// How long: the lease of a leader is the longest election timeout, and clocks may run 10 % apart.
pub(super) fn duration(timing: &Timing) -> Duration {
    timing.election_timeout_max.mul_f64(1.1)
}

/// Whether this node is the only voter.
pub(super) fn is_alone(state: &RaftState<TypeConfig>, me: u64) -> bool {
    state.membership_state.effective().membership().voter_ids().eq([me])
}

/// Whether a node in this state can have promised its vote to another one.
pub(super) fn may_have_promised(state: &RaftState<TypeConfig>, me: u64) -> bool {
    let vote = state.vote_ref();
    // A vote is durable before it is cast, and before a leader's first message is answered.
    let never_voted = vote.leader_id.term == 0;
    let only_own = is_alone(state, me) && vote.leader_id.node_id == me;
    !never_voted && !only_own
}
