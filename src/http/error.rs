//! Which of the three tiers an error appears in, and as what text.
//!
//! 1. HTTP status and a text: the request is malformed, or nobody can take it (no leader, queue
//!    full). Nothing happened.
//! 2. HTTP 200 with a top-level `error`: the request as a whole failed in the database (stale read,
//!    leadership lost).
//! 3. HTTP 200 with an `error` in a statement's item.

use axum::http::StatusCode;

use crate::http::json::NotFinite;
use crate::model::error::{Class, Error, SqlState};

/// Why a request has no results: tier 1 or 2.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Failure {
    Status(StatusCode, String),
    TopLevel(String),
}

impl Failure {
    pub(crate) fn bad_request(text: impl Into<String>) -> Self {
        Self::Status(StatusCode::BAD_REQUEST, text.into())
    }

    pub(crate) fn internal(text: impl Into<String>) -> Self {
        Self::Status(StatusCode::INTERNAL_SERVER_ERROR, text.into())
    }

    /// 503. Clients match on this text.
    pub(crate) fn no_leader() -> Self {
        Self::Status(StatusCode::SERVICE_UNAVAILABLE, Error::no_leader().message().to_owned())
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Status(_, text) | Self::TopLevel(text) => text,
        }
    }
}

impl From<NotFinite> for Failure {
    fn from(value: NotFinite) -> Self {
        Self::internal(value.to_string())
    }
}

/// Which words a statement's time limit is reported in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Operation {
    Execute,
    Query,
}

/// The refusal of pragmas that would take the journal out of the node's hands.
pub(crate) const DISALLOWED_PRAGMA: &str = "disallowed pragma";

/// Texts by which clients know that the request as a whole failed in the database.
const TOP_LEVEL: [&str; 5] = [
    "stale read",
    DISALLOWED_PRAGMA,
    "store not ready",
    "timed out enqueuing operation",
    "timeout waiting for fsm",
];

/// The text of a statement's error.
pub(crate) fn item_text(error: &Error, operation: Operation) -> String {
    if error.state() == SqlState::QUERY_CANCELED {
        let name = match operation {
            Operation::Execute => "execute timeout",
            Operation::Query => "query timeout",
        };
        return name.to_owned();
    }
    error.message().to_owned()
}

/// The tier of an error that a whole unit failed with.
pub(crate) fn failure(error: &Error, operation: Operation) -> Failure {
    let text = item_text(error, operation);
    if is_top_level(&text) {
        return Failure::TopLevel(text);
    }
    match error.class() {
        Class::Retry => Failure::Status(StatusCode::SERVICE_UNAVAILABLE, text),
        Class::Limit if error.state() == SqlState::TOO_MANY_CONNECTIONS => {
            Failure::Status(StatusCode::TOO_MANY_REQUESTS, text)
        }
        Class::Internal => Failure::internal(text),
        Class::Unknown => {
            Failure::TopLevel(format!("leadership lost while committing log: {text}"))
        }
        Class::User | Class::Refused | Class::Limit => Failure::TopLevel(text),
    }
}

/// Whether a failed read is its statement's fault alone (its item says so, and the next statement
/// runs) or the whole request's.
pub(crate) fn read_failure(error: &Error) -> Option<Failure> {
    let of_statement = match error.class() {
        Class::User | Class::Refused => !is_top_level(error.message()),
        Class::Limit => error.state() != SqlState::TOO_MANY_CONNECTIONS,
        Class::Retry | Class::Unknown | Class::Internal => false,
    };
    (!of_statement).then(|| failure(error, Operation::Query))
}

fn is_top_level(text: &str) -> bool {
    TOP_LEVEL.iter().any(|known| text.contains(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_leader_the_status_is_503() {
        assert_eq!(failure(&Error::no_leader(), Operation::Execute), Failure::no_leader());
        assert_eq!(read_failure(&Error::no_leader()), Some(Failure::no_leader()));
    }

    #[test]
    fn what_failed_in_the_database_is_a_200() {
        for error in [
            Error::retry(SqlState::CANNOT_CONNECT_NOW, "stale read"),
            Error::user(SqlState::FEATURE_NOT_SUPPORTED, "disallowed pragma"),
            Error::refused("disallowed pragma"),
            Error::limit(SqlState::QUERY_CANCELED, "index 7: timeout waiting for fsm"),
        ] {
            let is_top_level = |failure| matches!(failure, Failure::TopLevel(_));
            assert!(is_top_level(failure(&error, Operation::Execute)), "{error}");
        }
        let unknown = failure(&Error::outcome_unknown("no answer"), Operation::Execute);
        assert!(unknown.text().starts_with("leadership lost while committing log"));
        assert!(matches!(unknown, Failure::TopLevel(_)));
    }

    #[test]
    fn a_statements_own_error_stays_with_it() {
        let missing = Error::user(SqlState::UNDEFINED_TABLE, "no such table: bar");
        assert_eq!(read_failure(&missing), None);
        let late = Error::limit(SqlState::QUERY_CANCELED, "canceling statement");
        assert_eq!(read_failure(&late), None);
        assert_eq!(item_text(&late, Operation::Query), "query timeout");
        assert_eq!(item_text(&late, Operation::Execute), "execute timeout");
        let full = Error::limit(SqlState::TOO_MANY_CONNECTIONS, "too many readers");
        let status = Failure::Status(StatusCode::TOO_MANY_REQUESTS, "too many readers".to_owned());
        assert_eq!(read_failure(&full), Some(status));
    }
}
