//! PostgreSQL functions that SQLite lacks or does differently, and the collation `decimal`.
//!
//! They work on stored forms. A scalar function gives NULL if any argument is NULL, unless its
//! registration says otherwise. All are INNOCUOUS, so that they may stand in indexes, CHECK and
//! DEFAULT; DETERMINISTIC where the result depends on the arguments only.

mod accumulate;
mod aggregate;
mod array;
mod array_assign;
mod bits;
mod bytes;
mod collect;
mod datetime;
mod enums;
mod float;
mod format;
mod geometry;
mod integer;
mod interval;
mod json;
mod json_build;
mod json_record;
mod jsonpath;
mod lexemes;
mod lock;
mod mac;
mod math;
mod modifier;
mod money;
mod network;
mod notify;
mod numeric;
mod privilege;
mod range;
mod record;
mod regex;
mod sequence;
mod server;
mod statistics;
mod system;
mod text;
mod timetz;
mod to_char;
pub(super) mod trigger;
mod typed;
mod uuid;
mod various;
mod xml;

use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};

use crate::datum::compare::compare;
use crate::datum::numeric::{Numeric, compare_stored};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sqlite::outbox::Outbox;
use crate::sqlite::sequence::Sequences;
use crate::sqlite::vfs::Shown;

/// Registers the functions with a connection.
///
/// # Errors
/// SQLite's, if it refuses one.
pub(super) fn register(
    connection: &Connection,
    shown: &Arc<Shown>,
    outbox: &Arc<Outbox>,
    sequences: &Arc<Sequences>,
) -> rusqlite::Result<()> {
    connection.create_collation("decimal", compare_stored)?;
    connection.create_collation("interval", crate::datum::compare::intervals)?;
    connection.create_collation("jsonb", crate::datum::compare::documents)?;
    for (name, array) in [
        ("array", PgType::TEXT_ARRAY),
        ("array_float", PgType::FLOAT8_ARRAY),
        ("array_decimal", PgType::NUMERIC_ARRAY),
        ("array_interval", PgType::INTERVAL_ARRAY),
        ("array_jsonb", PgType::JSONB_ARRAY),
        ("array_network", PgType::new(1041)),
        ("array_timetz", PgType::TIMETZ_ARRAY),
    ] {
        // What isn't an array of the type has no place in its order, but must have one in SQLite's.
        connection.create_collation(name, move |left, right| {
            let text = |text: &str| Value::Text(text.to_owned());
            compare(array, &text(left), &text(right)).unwrap_or_else(|_| left.cmp(right))
        })?;
    }
    aggregate::register(connection)?;
    array::register(connection)?;
    array_assign::register(connection)?;
    bits::register(connection)?;
    bytes::register(connection)?;
    collect::register(connection)?;
    datetime::register(connection)?;
    enums::register(connection)?;
    float::register(connection)?;
    format::register(connection)?;
    geometry::register(connection)?;
    integer::register(connection)?;
    interval::register(connection)?;
    json::register(connection)?;
    json_build::register(connection)?;
    json_record::register(connection)?;
    jsonpath::register(connection)?;
    lock::register(connection)?;
    lexemes::register(connection)?;
    mac::register(connection)?;
    math::register(connection)?;
    modifier::register(connection)?;
    money::register(connection)?;
    xml::register(connection)?;
    notify::register(connection, outbox)?;
    network::register(connection)?;
    sequence::register(connection, sequences)?;
    numeric::register(connection)?;
    range::register(connection)?;
    record::register(connection)?;
    system::register(connection, shown)?;
    regex::register(connection)?;
    server::register(connection)?;
    statistics::register(connection)?;
    text::register(connection)?;
    timetz::register(connection)?;
    to_char::register(connection)?;
    uuid::register(connection)?;
    various::register(connection)
}

const PURE: FunctionFlags = FunctionFlags::SQLITE_UTF8
    .union(FunctionFlags::SQLITE_DETERMINISTIC)
    .union(FunctionFlags::SQLITE_INNOCUOUS);
const IMPURE: FunctionFlags = FunctionFlags::SQLITE_UTF8.union(FunctionFlags::SQLITE_INNOCUOUS);

/// What a function gives.
type Answer = Result<SqlValue, Error>;

/// A function's failure as rusqlite wants it.
fn fail(error: Error) -> rusqlite::Error {
    crate::sqlite::errors::fail_function(error)
}

/// Registers a deterministic function that is NULL where an argument is. `count` is -1 for any number.
fn strict(
    connection: &Connection,
    name: &str,
    count: i32,
    function: impl Fn(&Arguments<'_, '_>) -> Answer + Send + 'static,
) -> rusqlite::Result<()> {
    connection.create_scalar_function(name, count, PURE, move |context| {
        if (0..context.len()).any(|at| context.get_raw(at) == ValueRef::Null) {
            return Ok(ToSqlOutput::Owned(SqlValue::Null));
        }
        function(&Arguments { context }).map(ToSqlOutput::Owned).map_err(fail)
    })
}

/// Registers a function that is called for NULLs too.
fn lenient(
    connection: &Connection,
    name: &str,
    count: i32,
    flags: FunctionFlags,
    function: impl Fn(&Arguments<'_, '_>) -> Answer + Send + 'static,
) -> rusqlite::Result<()> {
    connection.create_scalar_function(name, count, flags, move |context| {
        function(&Arguments { context }).map(ToSqlOutput::Owned).map_err(fail)
    })
}

/// A call's arguments, each as the storage class that its type has.
struct Arguments<'a, 'c> {
    context: &'a Context<'c>,
}

impl Arguments<'_, '_> {
    fn count(&self) -> usize {
        self.context.len()
    }

    fn value(&self, at: usize) -> ValueRef<'_> {
        self.context.get_raw(at)
    }

    /// The stored value of whatever type.
    fn datum(&self, at: usize) -> Result<Value, Error> {
        Ok(match self.value(at) {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Text(_) => Value::Text(self.text(at)?.to_owned()),
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        })
    }

    fn integer(&self, at: usize) -> Result<i64, Error> {
        match self.value(at) {
            ValueRef::Integer(number) => Ok(number),
            _ => Err(wrong_class("an integer")),
        }
    }

    /// An integer, or what int4 arithmetic overflowed into.
    fn whole(&self, at: usize) -> Result<Option<i64>, Error> {
        match self.value(at) {
            ValueRef::Integer(number) => Ok(Some(number)),
            ValueRef::Real(_) => Ok(None),
            _ => Err(wrong_class("an integer")),
        }
    }

    fn float(&self, at: usize) -> Result<f64, Error> {
        match self.value(at) {
            ValueRef::Real(number) => Ok(number),
            ValueRef::Integer(number) => Ok(number as f64),
            ValueRef::Text(b"NaN") => Ok(f64::NAN),
            _ => Err(wrong_class("a number")),
        }
    }

    fn text(&self, at: usize) -> Result<&str, Error> {
        match self.value(at) {
            ValueRef::Text(bytes) => std::str::from_utf8(bytes).map_err(|_| {
                Error::user(
                    SqlState::CHARACTER_NOT_IN_REPERTOIRE,
                    "invalid byte sequence for encoding \"UTF8\"",
                )
            }),
            _ => Err(wrong_class("text")),
        }
    }

    fn numeric(&self, at: usize) -> Result<Numeric, Error> {
        match self.value(at) {
            ValueRef::Integer(number) => Ok(Numeric::from_i64(number)),
            _ => parse_numeric(self.text(at)?),
        }
    }
}

/// A stored numeric, or an integer.
fn numeric_of(value: &Value) -> Result<Numeric, Error> {
    match value {
        Value::Integer(number) => Ok(Numeric::from_i64(*number)),
        Value::Text(text) => parse_numeric(text),
        _ => Err(wrong_class("a numeric")),
    }
}

fn parse_numeric(text: &str) -> Result<Numeric, Error> {
    Numeric::parse(text)?.ok_or_else(|| wrong_class("a numeric"))
}

/// XX001: a stored value that isn't of its column's type.
fn wrong_class(wanted: &str) -> Error {
    Error::new(
        crate::model::error::Class::Internal,
        SqlState::DATA_CORRUPTED,
        format!("a stored value is not {wanted}"),
    )
}

fn integer(value: i64) -> SqlValue {
    SqlValue::Integer(value)
}

fn boolean(value: bool) -> SqlValue {
    SqlValue::Integer(i64::from(value))
}

fn string(value: impl Into<String>) -> SqlValue {
    SqlValue::Text(value.into())
}

fn owned(value: ValueRef<'_>) -> SqlValue {
    match value {
        ValueRef::Null => SqlValue::Null,
        ValueRef::Integer(number) => SqlValue::Integer(number),
        ValueRef::Real(number) => SqlValue::Real(number),
        // A stored text that isn't UTF-8 can't have come from PostgreSQL's side.
        ValueRef::Text(bytes) => SqlValue::Text(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => SqlValue::Blob(bytes.to_vec()),
    }
}

/// 22003 `integer out of range`.
fn out_of_range(type_name: &str) -> Error {
    Error::user(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("{type_name} out of range"))
}

fn division_by_zero() -> Error {
    Error::user(SqlState::DIVISION_BY_ZERO, "division by zero")
}

#[cfg(test)]
mod function_test;
