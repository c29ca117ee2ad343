//! Every state of a database, kept: full copies, and what was committed after each as the log has it.
//!
//! A *history* is a row of *spans*. A span is a full copy and the *segments* that follow it; a segment is
//! a run of whole transactions, each as its log entries have it. The leader adds to it at an interval,
//! and begins a new span at a longer one (`keep`); anybody can make the database as it was after any of
//! these transactions (`rebuild`).
//!
//! | object | what it is |
//! |---|---|
//! | `history.json` | the names of the spans, in order |
//! | `SPAN/span.json` | the copy, the segments in order, and up to when nothing is missing |
//! | `SPAN/copy.sqlite.gz` | the copy |
//! | `SPAN/*.segment` | a segment |
//!
//! `docs/format.md` has the layouts. Nothing is remembered between two rounds but what the store has, so
//! it makes no difference whether the same node leads.
//!
//! **Invariants:** an object that is named by another one is there, whole, before that one is written;
//! and it is never written again. What a span has follows its copy transaction by transaction, by the
//! same base check as on every node; where the log can't prove that, a new span begins.

mod keep;
mod manifest;
mod point;
mod rebuild;
mod segment;

use std::time::Duration;

pub(super) use keep::run;
pub(super) use point::Point;
pub(super) use rebuild::rebuild;
pub use rebuild::{HistoryPlace, Progress, Rebuilt};

use crate::platform::clock;

/// How a history is kept.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Keeping {
    /// What was committed is in the store after this time, about.
    pub(super) interval: Duration,
    /// How long a state can be restored; without it for ever.
    pub(super) keep: Option<Duration>,
}

/// Microseconds since 1970, as entries and descriptions have times.
fn now() -> u64 {
    clock::wall().as_micros() as u64
}
