//! What statements took: counts for metrics, and a line in the log for those that took long.

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
        text: impl FnOnce() -> T,
    ) {
        let observed = &self.core.observed;
        observed.statements.fetch_add(1, Ordering::Relaxed);
        observed.failed.fetch_add(u64::from(failed), Ordering::Relaxed);
        observed.microseconds.fetch_add(took.as_micros() as u64, Ordering::Relaxed);
        let Some(limit) = self.core.options.slow_statement.filter(|limit| took >= *limit) else {
            return;
        };
        observed.slow.fetch_add(1, Ordering::Relaxed);
        let milliseconds = took.as_millis() as u64;
        let limit = limit.as_millis() as u64;
        let text = shortened(text().as_ref());
        tracing::warn!(milliseconds, limit, failed, statement = %text, "slow statement");
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
    use super::shortened;

    #[test]
    fn a_text_in_the_log_is_one_line() {
        assert_eq!(shortened(" SELECT 1,\n\t2 "), "SELECT 1, 2");
        let long = shortened(&"é".repeat(1000));
        assert!(long.ends_with("é...") && long.len() == 503, "{}", long.len());
    }
}
