//! What clients were told: every write with its mark, every read with what it showed.
//!
//! A write that was given up, or whose outcome nobody could say, may have happened or not, and may still
//! happen: it is held to nothing but its effects being whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use crate::model::error::SqlState;
use crate::model::read_level::ReadLevel;
use crate::platform::clock::{self, Instant};

/// How a write ended for its client.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Told {
    Done,
    /// Certainly nothing happened.
    Failed(SqlState),
    Unknown,
}

#[derive(Debug, Clone)]
pub(super) struct Write {
    pub begun: Instant,
    /// When it was answered, and what.
    pub told: Option<(Instant, Told)>,
}

/// The marks in the order in which their transactions were committed, and the sum of all accounts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub marks: Vec<u64>,
    pub sum: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Read {
    pub node: u64,
    pub level: ReadLevel,
    pub begun: Instant,
    pub seen: Seen,
}

#[derive(Debug, Default)]
pub(super) struct History {
    pub writes: BTreeMap<u64, Write>,
    pub reads: Vec<Read>,
}

/// Shared by all clients.
#[derive(Debug, Clone, Default)]
pub(super) struct Oracle(Arc<Mutex<History>>);

impl Oracle {
    /// A write is about to be sent: its mark.
    pub(super) fn begin(&self) -> u64 {
        let mut history = self.0.lock().unwrap();
        let mark = history.writes.len() as u64 + 1;
        history.writes.insert(mark, Write { begun: clock::now(), told: None });
        mark
    }

    pub(super) fn end(&self, mark: u64, told: Told) {
        let mut history = self.0.lock().unwrap();
        let write = history.writes.get_mut(&mark).expect("it was begun");
        write.told = Some((clock::now(), told));
    }

    pub(super) fn read(&self, node: u64, level: ReadLevel, begun: Instant, seen: Seen) {
        self.0.lock().unwrap().reads.push(Read { node, level, begun, seen });
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&History) -> T) -> T {
        look(&self.0.lock().unwrap())
    }
}

impl History {
    /// Marks that were acknowledged before a moment.
    pub(super) fn acknowledged_before(&self, moment: Instant) -> BTreeSet<u64> {
        let done = |write: &Write| matches!(&write.told, Some((at, Told::Done)) if *at < moment);
        self.writes.iter().filter(|(_, write)| done(write)).map(|(mark, _)| *mark).collect()
    }
}
