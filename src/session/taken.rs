//! What a session took of sequences, for `currval` and `lastval` (manual, "Sequence Manipulation Functions").

use std::collections::HashMap;

use crate::model::error::{Error, SqlState};
use crate::model::statement::TakenValue;

/// The last values that a session took. They are its own, whatever other sessions take, and outlive a rollback.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// By the sequences' stored names.
    values: HashMap<String, i64>,
    /// The sequence that `nextval` was last called for.
    latest: Option<String>,
}

impl Taken {
    /// Remembers what a statement took.
    pub(super) fn note(&mut self, taken: &[TakenValue]) {
        for TakenValue { sequence, value, was_next } in taken {
            self.values.insert(sequence.clone(), *value);
            if *was_next {
                self.latest = Some(sequence.clone());
            }
        }
    }

    /// DISCARD SEQUENCES.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The last value of a sequence; `None`: of the one that was used last.
    ///
    /// # Errors
    /// 55000 if there is none.
    pub(super) fn value(&self, sequence: Option<&str>) -> Result<i64, Error> {
        let known = sequence.or(self.latest.as_deref()).and_then(|name| self.values.get(name));
        known.copied().ok_or_else(|| {
            let message = match sequence {
                Some(name) => {
                    format!("currval of sequence \"{name}\" is not yet defined in this session")
                }
                None => "lastval is not yet defined in this session".to_owned(),
            };
            Error::user(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
        })
    }

    /// The last values of all of them: a JSON object by stored names.
    pub(super) fn all(&self) -> String {
        serde_json::json!(self.values).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(sequence: &str, value: i64, was_next: bool) -> TakenValue {
        TakenValue { sequence: sequence.to_owned(), value, was_next }
    }

    #[test]
    fn setval_changes_what_is_current_and_not_which_is_the_latest() {
        let mut session = Taken::default();
        assert!(session.value(None).is_err());
        session.note(&[taken("b", 5, false)]);
        assert_eq!(session.value(Some("b")), Ok(5));
        assert!(session.value(None).is_err());
        session.note(&[taken("a", 1, true), taken("b", 9, false)]);
        assert_eq!(session.value(None), Ok(1));
        session.note(&[taken("a", 7, false)]);
        assert_eq!(session.value(None), Ok(7));
        session.forget();
        assert!(session.value(Some("a")).is_err());
    }
}
