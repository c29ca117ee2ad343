//! What a session does at the moment, as others see it in `pg_stat_activity`.

use std::sync::{Arc, Mutex, PoisonError};

use crate::session::Status;

/// The bytes of a statement that are shown (`track_activity_query_size`, its end left out).
const SHOWN_BYTES_MAX: usize = 1023;

/// One session's state. Moments are microseconds since 1970.
#[derive(Debug)]
pub(super) struct Activity(Mutex<Doing>);

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Doing {
    /// `pg_stat_activity.state`.
    pub(super) state: &'static str,
    pub(super) application_name: String,
    /// The statement that runs, or ran last: all of what the client sent.
    text: Arc<str>,
    pub(super) opened: i64,
    pub(super) transaction_start: Option<i64>,
    pub(super) statement_start: Option<i64>,
    pub(super) state_change: i64,
}

impl Doing {
    /// The beginning of the statement.
    pub(super) fn shown(&self) -> &str {
        &self.text[..self.text.floor_char_boundary(SHOWN_BYTES_MAX)]
    }
}

impl Activity {
    pub(super) fn new(opened: i64) -> Self {
        Self(Mutex::new(Doing {
            state: "idle",
            application_name: String::new(),
            text: Arc::default(),
            opened,
            transaction_start: None,
            statement_start: None,
            state_change: opened,
        }))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Doing> {
        // Nothing in here can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Doing {
        self.lock().clone()
    }

    pub(super) fn is_called(&self, application_name: &str) {
        let mut doing = self.lock();
        if doing.application_name != application_name {
            application_name.clone_into(&mut doing.application_name);
        }
    }

    /// A statement begins, by itself or in the transaction that began at that time.
    pub(super) fn runs(&self, text: &Arc<str>, now: i64, transaction_start: Option<i64>) {
        let mut doing = self.lock();
        doing.state = "active";
        doing.text = Arc::clone(text);
        doing.statement_start = Some(now);
        doing.transaction_start = transaction_start.or(Some(now));
        doing.state_change = now;
    }

    /// The session waits for its client.
    pub(super) fn rests(&self, status: Status, now: impl FnOnce() -> i64) {
        let state = match status {
            Status::Idle => "idle",
            Status::InTransaction => "idle in transaction",
            Status::Failed => "idle in transaction (aborted)",
        };
        let mut doing = self.lock();
        if doing.state != state {
            doing.state = state;
            doing.state_change = now();
        }
        if status == Status::Idle {
            doing.transaction_start = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_seen_at_work_and_at_rest() {
        let activity = Activity::new(1);
        activity.is_called("app");
        activity.runs(&"SELECT 1".into(), 5, None);
        let seen = activity.now();
        assert_eq!((seen.state, seen.shown(), seen.state_change), ("active", "SELECT 1", 5));
        assert_eq!((seen.transaction_start, seen.statement_start), (Some(5), Some(5)));
        activity.rests(Status::Idle, || 9);
        activity.rests(Status::Idle, || 10);
        let seen = activity.now();
        assert_eq!((seen.state, seen.shown(), seen.state_change), ("idle", "SELECT 1", 9));
        assert_eq!((seen.transaction_start, seen.application_name.as_str()), (None, "app"));
    }

    #[test]
    fn a_long_statement_is_cut_between_two_characters() {
        let activity = Activity::new(0);
        activity.runs(&"ä".repeat(1000).into(), 0, None);
        assert_eq!(activity.now().shown().len(), SHOWN_BYTES_MAX - 1);
    }
}
