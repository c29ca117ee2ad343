//! How fresh a read must be.

use std::time::Duration;

/// A read's consistency level. `docs/consistency.md` has each one's promise and cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadLevel {
    /// This node's copy, however old, unless bounded by the freshness.
    None(Option<Freshness>),
    /// The leader's copy, without asking a quorum.
    Weak,
    /// `Weak` on voters, `None` on read-only nodes.
    Auto(Option<Freshness>),
    /// This node's copy after it has applied everything that was committed when the read began.
    Linearizable,
    /// As `Linearizable`, but the leader answers from its lease while that is safely valid.
    Lease,
    /// Through the Raft log.
    Strong,
}

/// How old a `none` read may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// The longest time since this node heard from the leader.
    pub age_max: Duration,
    /// Whether the data itself must not lag by more than `age_max` either.
    pub strict: bool,
}
