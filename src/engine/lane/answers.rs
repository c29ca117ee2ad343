//! Answers of units with a key, as they are kept in the database for when the unit is sent again.

use xxhash_rust::xxh3::xxh3_64;

use crate::engine::KEY_USED;
use crate::engine::wire;
use crate::model::error::{Error, SqlState};
use crate::model::statement::{Unit, UnitOutcome};
use crate::sqlite::Remembered;

/// An answer with a key is at most this large, in bytes: it is kept in the database for a while.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Tells units with the same key apart that ask for different things.
pub(super) fn fingerprint(unit: &Unit) -> u64 {
    xxh3_64(&wire::encode(&Unit { key: None, ..unit.clone() }))
}

/// The form in which an answer is kept.
///
/// # Errors
/// 54000 if it is too large for that.
pub(super) fn encode(outcome: &UnitOutcome) -> Result<Vec<u8>, Error> {
    let bytes = wire::encode(outcome);
    if bytes.len() > ANSWER_BYTES_MAX {
        let message = format!(
            "the answer is larger than {ANSWER_BYTES_MAX} bytes, which is too much for a request with \
             an idempotency key"
        );
        return Err(Error::limit(SqlState::PROGRAM_LIMIT_EXCEEDED, message)
            .with_detail("Nothing was changed."));
    }
    Ok(bytes.into())
}

/// What a unit is answered whose key is known already.
pub(super) fn recalled(known: &Remembered, fingerprint: u64) -> UnitOutcome {
    let failed = |text: &str| {
        let error = Error::user(SqlState::INVALID_PARAMETER_VALUE, text);
        UnitOutcome::Ran(vec![Err(error)])
    };
    if known.fingerprint != fingerprint {
        return failed(KEY_USED);
    }
    wire::decode(&known.answer).unwrap_or_else(|_| {
        failed(
            "the request was carried out by another version of Eider, whose answer can't be read",
        )
    })
}
