//! `nextval` and `setval`, on the connection that has the sequences, and `currval` from what the session says.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::types::{Value as SqlValue, ValueRef};

use super::{Arguments, IMPURE, integer, lenient};
use crate::model::error::{Error, SqlState};
use crate::sqlite::sequence::Sequences;

pub(super) fn register(
    connection: &Connection,
    sequences: &Arc<Sequences>,
) -> rusqlite::Result<()> {
    // (stored name[, anything]): the second argument is for evaluation once a row, or the OID that gave the name.
    for count in [1, 2] {
        let sequences = Arc::clone(sequences);
        lenient(connection, "pg_nextval", count, IMPURE, move |args| match found(args, 0, 1)? {
            Some(name) => sequences.next(name).map(integer),
            None => Ok(SqlValue::Null),
        })?;
    }
    // (stored name, value, whether it has been given[, the OID that gave the name])
    for count in [3, 4] {
        let sequences = Arc::clone(sequences);
        lenient(connection, "pg_setval", count, IMPURE, move |args| {
            let null = (1..3).any(|at| args.value(at) == ValueRef::Null);
            match found(args, 0, 3)? {
                Some(name) if !null => {
                    let called = args.integer(2)? != 0;
                    sequences.set(name, args.integer(1)?, called).map(integer)
                }
                _ => Ok(SqlValue::Null),
            }
        })?;
    }
    // (values by stored names, stored name, the OID that gave the name)
    lenient(connection, "pg_currval", 3, IMPURE, |args| {
        let Some(name) = found(args, 1, 2)? else { return Ok(SqlValue::Null) };
        let taken: HashMap<String, i64> = serde_json::from_str(args.text(0)?)
            .map_err(|_| Error::internal("what a session took is a JSON object"))?;
        taken.get(name).copied().map(integer).ok_or_else(|| {
            let message =
                format!("currval of sequence \"{name}\" is not yet defined in this session");
            Error::user(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
        })
    })
}

/// A sequence's stored name; `None` if NULL was given.
///
/// # Errors
/// 42P01 if an OID was given that is no sequence's.
fn found<'a>(
    args: &'a Arguments<'_, '_>,
    name: usize,
    oid: usize,
) -> Result<Option<&'a str>, Error> {
    if args.value(name) != ValueRef::Null {
        return args.text(name).map(Some);
    }
    if oid < args.count() && args.value(oid) != ValueRef::Null {
        let message = format!("could not open relation with OID {}", args.integer(oid)?);
        return Err(Error::user(SqlState::UNDEFINED_TABLE, message));
    }
    Ok(None)
}
