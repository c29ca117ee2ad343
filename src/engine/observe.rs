//! What statements took: counts for metrics, and a line in the log for those that took long.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::engine::Engine;

/// Characters of a statement's text in the log.
const TEXT_MAX: usize = 500;

/// Counts since the node started.
#[derive(Debug, Default)]
pub(super) struct Observed {
    statements: AtomicU64,
    failed: AtomicU64,
    slow: AtomicU64,
    microseconds: AtomicU64,
    /// By [`StatementKind`].
    durations: [Histogram; 3],
}

/// What a statement did, as far as metrics tell statements apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementKind {
    Read,
    Write,
    /// Transaction control, settings, what failed before it was understood.
    Other,
}

impl StatementKind {
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Other];

    /// A metric's label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Other => "other",
        }
    }
}

/// Upper bounds of the intervals that statements' times are counted in, in microseconds. Beyond the
/// last one there is another interval.
pub const DURATION_BOUNDS: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

/// How many statements took how long.
#[derive(Debug, Default)]
struct Histogram {
    counts: [AtomicU64; DURATION_BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

impl Histogram {
    fn note(&self, microseconds: u64) {
        let place = DURATION_BOUNDS.partition_point(|bound| *bound < microseconds);
        self.counts[place].fetch_add(1, Ordering::Relaxed);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }
}

/// A histogram as it was at some time.
#[derive(Debug, Clone, PartialEq)]
pub struct Durations {
    pub kind: StatementKind,
    /// How many took at most [`DURATION_BOUNDS`] of the same place, and more than the bound before;
    /// the last: more than all bounds.
    pub counts: [u64; DURATION_BOUNDS.len() + 1],
    /// All together.
    pub time: Duration,
}

/// Statements of both protocols, since the node started.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StatementCounts {
    pub statements: u64,
    pub failed: u64,
    /// Those that took longer than `-slow-statement`.
    pub slow: u64,
    /// All together, each until its result or its first rows were there.
    pub time: Duration,
}

impl Engine {
    /// Counts a client's statement, and logs it if it took long.
    pub fn note_statement<T: AsRef<str>>(
        &self,
        took: Duration,
        failed: bool,
        kind: StatementKind,
        text: impl FnOnce() -> T,
    ) {
        let observed = &self.core.observed;
        observed.statements.fetch_add(1, Ordering::Relaxed);
        observed.failed.fetch_add(u64::from(failed), Ordering::Relaxed);
        observed.microseconds.fetch_add(took.as_micros() as u64, Ordering::Relaxed);
        observed.durations[kind as usize].note(took.as_micros() as u64);
        let Some(limit) = self.core.options.slow_statement.filter(|limit| took >= *limit) else {
            return;
        };
        observed.slow.fetch_add(1, Ordering::Relaxed);
        let milliseconds = took.as_millis() as u64;
        let limit = limit.as_millis() as u64;
        let text = shortened(text().as_ref());
        tracing::warn!(milliseconds, limit, failed, statement = %text, "slow statement");
    }

    /// The files of the SQLite extensions that every connection loads.
    pub fn extensions(&self) -> &[PathBuf] {
        &self.core.options.sqlite.extensions
    }

    /// Counts a statement as failed that has failed after its first rows, which [`Engine::note_statement`] was told
    /// of as a success.
    pub fn note_late_failure(&self) {
        self.core.observed.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub fn statement_counts(&self) -> StatementCounts {
        let observed = &self.core.observed;
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StatementCounts {
            statements: get(&observed.statements),
            failed: get(&observed.failed),
            slow: get(&observed.slow),
            time: Duration::from_micros(get(&observed.microseconds)),
        }
    }

    /// How long statements took, since the node started.
    pub fn statement_durations(&self) -> [Durations; 3] {
        StatementKind::ALL.map(|kind| {
            let histogram = &self.core.observed.durations[kind as usize];
            Durations {
                kind,
                counts: std::array::from_fn(|at| histogram.counts[at].load(Ordering::Relaxed)),
                time: Duration::from_micros(histogram.microseconds.load(Ordering::Relaxed)),
            }
        })
    }
}

/// A text on one line, and not too long for a log.
fn shortened(text: &str) -> String {
    let mut words = text.split_whitespace();
    let mut line = String::new();
    for word in words.by_ref() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > TEXT_MAX {
            let end = line.floor_char_boundary(TEXT_MAX);
            line.truncate(end);
            line.push_str("...");
            break;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{DURATION_BOUNDS, Histogram, Ordering, shortened};

    #[test]
    fn a_bound_belongs_to_the_interval_below_it() {
        let histogram = Histogram::default();
        for microseconds in [0, 100, 101, 10_000_000, 10_000_001] {
            histogram.note(microseconds);
        }
        let counts = histogram.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        assert_eq!(counts[..2], [2, 1]);
        assert_eq!(counts[DURATION_BOUNDS.len() - 1..], [1, 1]);
        assert_eq!(histogram.microseconds.load(Ordering::Relaxed), 20_000_202);
    }

    #[test]
    fn a_text_in_the_log_is_one_line() {
        assert_eq!(shortened(" SELECT 1,\n\t2 "), "SELECT 1, 2");
        let long = shortened(&"é".repeat(1000));
        assert!(long.ends_with("é...") && long.len() == 503, "{}", long.len());
    }
}
