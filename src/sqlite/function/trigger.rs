//! What the triggers call that `sql::ddl::trigger` makes.
//!
//! What BEFORE triggers assign is computed by compiled statements. Plain ones are mended behind their change,
//! and while that is written, no trigger takes it for a change.

use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use crate::datum;
use crate::model::error::{Error, SqlState};
use crate::model::value::Value;
use crate::platform::clock;
use crate::sqlite::function::{Arguments, IMPURE, boolean, lenient};
use crate::sqlite::guard::Guard;

pub(crate) fn register(connection: &Connection, guard: &Arc<Guard>) -> rusqlite::Result<()> {
    let known = Arc::clone(guard);
    lenient(connection, "_eider_over_http", 0, IMPURE, move |_| Ok(boolean(known.is_sqlite())))?;
    let known = Arc::clone(guard);
    lenient(connection, "_eider_mending", 0, IMPURE, move |_| Ok(boolean(known.is_mending())))?;
    let known = Arc::clone(guard);
    lenient(connection, "_eider_mend", 1, IMPURE, move |arguments| {
        known.mend(arguments.integer(0)? != 0);
        Ok(SqlValue::Null)
    })?;
    lenient(connection, "_eider_now", 0, IMPURE, |_| {
        let now = datum::timestamptz_from_unix(clock::wall().as_micros() as i64);
        Ok(match now {
            Value::Text(text) => SqlValue::Text(text),
            _ => SqlValue::Null,
        })
    })?;
    lenient(connection, "_eider_raise", 4, IMPURE, |arguments| Err(raised(arguments)))
}

/// RAISE: SQLSTATE, message, detail, hint.
fn raised(arguments: &Arguments<'_, '_>) -> Error {
    let text = |at| arguments.text(at).ok().filter(|text| !text.is_empty());
    let state = text(0).and_then(|state| state.as_bytes().try_into().ok());
    let state = state.map_or(SqlState(*b"P0001"), SqlState);
    let mut error = Error::user(state, text(1).unwrap_or_default());
    if let Some(detail) = text(2) {
        error = error.with_detail(detail);
    }
    if let Some(hint) = text(3) {
        error = error.with_hint(hint);
    }
    error
}
