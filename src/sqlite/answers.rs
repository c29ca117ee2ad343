//! What requests with an idempotency key were answered: a table of the database, so that it is
//! replicated with what the request did, and in the same transaction.
//!
//! Invariant: bounded. An answer is kept for [`KEPT`], or until [`BYTES_MAX`] of newer ones came.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::platform::clock;
use crate::sqlite::link::own;
use crate::sqlite::{RunError, Writer};

/// How long an answer is kept, by the wall clock of the leader that gave it.
const KEPT: Duration = Duration::from_hours(1);
/// Bytes of answers and keys that are kept.
const BYTES_MAX: i64 = 64 << 20;
/// Old ones that go when a new one comes: more than one, so that their number falls.
const FORGOTTEN_AT_ONCE: u32 = 4;

/// A known key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// Of the request.
    pub fingerprint: u64,
    pub answer: Vec<u8>,
}

impl Writer {
    /// What a key's request was answered, as the open transaction sees it.
    pub fn recall(&mut self, key: &str) -> Result<Option<Remembered>, RunError> {
        self.own_work(false, |connection| {
            let sql = own!("SELECT fingerprint, answer FROM _eider_answer WHERE key = ?1");
            let mut prepared = connection.prepare_cached(sql)?;
            let found = prepared.query_row([key], |row| {
                let fingerprint: i64 = row.get(0)?;
                Ok(Remembered { fingerprint: fingerprint.cast_unsigned(), answer: row.get(1)? })
            });
            found.optional()
        })
    }

    /// Keeps a key's answer, in the open transaction. The key is a new one.
    pub fn remember(&mut self, key: &str, fingerprint: u64, answer: &[u8]) -> Result<(), RunError> {
        let now = clock::wall().as_secs();
        self.own_work(true, |connection| {
            let (number, bytes_before) = newest(connection)?;
            let bytes = bytes_before + (key.len() + answer.len()) as i64;
            let sql = own!("INSERT INTO _eider_answer VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
            let row =
                params![number + 1, key, fingerprint.cast_signed(), now as i64, bytes, answer];
            connection.prepare_cached(sql)?.execute(row)?;
            let sql = own!(
                "DELETE FROM _eider_answer WHERE number IN \
                 (SELECT number FROM _eider_answer ORDER BY number LIMIT ?1) \
                 AND (at < ?2 OR bytes < ?3)"
            );
            let oldest = now.saturating_sub(KEPT.as_secs()) as i64;
            let limits = params![FORGOTTEN_AT_ONCE, oldest, bytes - BYTES_MAX];
            connection.prepare_cached(sql)?.execute(limits)?;
            Ok(())
        })
    }
}

/// The newest answer's number, and the bytes of all that there ever were up to it.
fn newest(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let sql = own!("SELECT number, bytes FROM _eider_answer ORDER BY number DESC LIMIT 1");
    let mut prepared = connection.prepare_cached(sql)?;
    let found = prepared.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(found.unwrap_or((0, 0)))
}
