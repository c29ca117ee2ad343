//! Text input and output of any type, checks, and facts about the server.

use bytes::BytesMut;
use rusqlite::Connection;
use rusqlite::types::{Value as SqlValue, ValueRef};

use super::{Answer, Arguments, PURE, integer, lenient, owned, parse_numeric, strict, string};
use crate::datum::encoding;
use crate::datum::numeric::Numeric;
use crate::datum::{self, Style};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

/// What `version()` says: the PostgreSQL that is spoken, and what speaks it.
const VERSION: &str = concat!("PostgreSQL 15.18 (Eider ", env!("CARGO_PKG_VERSION"), ")");

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_out", 3, |args| {
        let value = match args.value(0) {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Text(_) => Value::Text(args.text(0)?.to_owned()),
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        };
        let mut out = BytesMut::new();
        datum::to_text(data_type(args)?, &value, &style(args)?, &mut out)?;
        String::from_utf8(out.to_vec())
            .map(string)
            .map_err(|_| Error::internal("text output is UTF-8"))
    })?;
    strict(connection, "pg_in", 3, |args| {
        Ok(match datum::from_text(data_type(args)?, args.text(0)?, &style(args)?)? {
            Value::Null => SqlValue::Null,
            Value::Integer(number) => SqlValue::Integer(number),
            Value::Real(number) => SqlValue::Real(number),
            Value::Text(text) => SqlValue::Text(text),
            Value::Blob(bytes) => SqlValue::Blob(bytes),
        })
    })?;
    strict(connection, "pg_bool_text", 1, |args| {
        Ok(string(if args.integer(0)? == 0 { "false" } else { "true" }))
    })?;
    lenient(connection, "pg_not_null", 3, PURE, |args| {
        if args.value(0) != ValueRef::Null {
            return Ok(owned(args.value(0)));
        }
        let (table, column) = (args.text(1)?, args.text(2)?);
        let message = format!(
            "null value in column \"{column}\" of relation \"{table}\" violates not-null constraint"
        );
        let mut error = Error::user(SqlState::NOT_NULL_VIOLATION, message);
        error.fields_mut().schema = Some("public".to_owned());
        error.fields_mut().table = Some(table.to_owned());
        error.fields_mut().column = Some(column.to_owned());
        Err(error)
    })?;
    register_parts(connection)?;
    register_checks(connection)
}

/// Parts of arrays of options, and of names.
fn register_parts(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_keywords", 0, |_| Ok(string(crate::pgdata::KEYWORDS.to_owned())))?;
    // An array of `name=value`: an array of pairs.
    strict(connection, "pg_options", 1, |args| {
        let all: Vec<Option<String>> = serde_json::from_str(args.text(0)?).unwrap_or_default();
        let pairs: Vec<[Option<&str>; 2]> = all
            .iter()
            .flatten()
            .map(|option| match option.split_once('=') {
                Some((name, value)) => [Some(name), Some(value)],
                None => [Some(option.as_str()), None],
            })
            .collect();
        Ok(string(serde_json::to_string(&pairs).expect("texts are valid JSON")))
    })?;
    // A byte of a name, from 0.
    strict(connection, "pg_name_byte", 2, |args| {
        let name = args.text(0)?;
        let byte = usize::try_from(args.integer(1)?).ok().and_then(|at| name.as_bytes().get(at));
        Ok(match byte {
            Some(byte) if byte.is_ascii() => string(char::from(*byte).to_string()),
            Some(_) => return Err(Error::refused("a part of a character is not supported")),
            None => string(""),
        })
    })?;
    Ok(())
}

/// Row counts, extremes, facts.
fn register_checks(connection: &Connection) -> rusqlite::Result<()> {
    for (name, none, state, message) in [
        ("pg_limit", -1, SqlState::INVALID_ROW_COUNT_IN_LIMIT_CLAUSE, "LIMIT must not be negative"),
        (
            "pg_offset",
            0,
            SqlState::INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE,
            "OFFSET must not be negative",
        ),
    ] {
        lenient(connection, name, 1, PURE, move |args| match args.value(0) {
            ValueRef::Null => Ok(integer(none)),
            _ => match args.integer(0)? {
                count if count < 0 => Err(Error::user(state, message)),
                count => Ok(integer(count)),
            },
        })?;
    }
    // Which way a series goes: 1 or -1.
    strict(connection, "pg_series_direction", 1, |args| {
        let order = match datum::interval::Interval::load(args.text(0)?) {
            Some(step) => step.span().cmp(&0),
            None => match args.numeric(0)? {
                Numeric::NaN => {
                    let message = "step size cannot be NaN";
                    return Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message));
                }
                step => step.compare(&Numeric::from_i64(0)),
            },
        };
        match order {
            std::cmp::Ordering::Equal => {
                Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, "step size cannot equal zero"))
            }
            order => Ok(integer(order as i64)),
        }
    })?;
    strict(connection, "pg_series_step", 1, |args| match args.integer(0)? {
        0 => Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, "step size cannot equal zero")),
        step => Ok(integer(step)),
    })?;
    for (name, greatest) in [("pg_greatest", true), ("pg_least", false)] {
        lenient(connection, name, -1, PURE, move |args| extreme(args, greatest, compare_plain))?;
    }
    for (name, greatest) in [("pg_num_greatest", true), ("pg_num_least", false)] {
        lenient(connection, name, -1, PURE, move |args| extreme(args, greatest, compare_numeric))?;
    }
    strict(connection, "pg_bytea_concat", 2, |args| match (args.value(0), args.value(1)) {
        (ValueRef::Blob(left), ValueRef::Blob(right)) => Ok(SqlValue::Blob([left, right].concat())),
        _ => Err(super::wrong_class("a byte string")),
    })?;
    lenient(connection, "pg_version", 0, PURE, |_| Ok(string(VERSION)))?;
    strict(connection, "pg_encoding_name", 1, |args| {
        Ok(string(encoding::numbered(args.integer(0)?).map_or("", |known| known.name)))
    })
}

fn data_type(args: &Arguments<'_, '_>) -> Result<PgType, Error> {
    u32::try_from(args.integer(1)?)
        .map(PgType::new)
        .map_err(|_| Error::internal("an OID is not negative"))
}

fn style(args: &Arguments<'_, '_>) -> Result<Style, Error> {
    Ok(Style::decode(args.text(2)?))
}

fn extreme(
    args: &Arguments<'_, '_>,
    greatest: bool,
    compare: fn(ValueRef<'_>, ValueRef<'_>) -> Result<std::cmp::Ordering, Error>,
) -> Answer {
    let mut best: Option<ValueRef<'_>> = None;
    for at in 0..args.count() {
        let value = args.value(at);
        if value == ValueRef::Null {
            continue;
        }
        let better = match best {
            None => true,
            Some(other) => {
                let order = compare(value, other)?;
                if greatest { order.is_gt() } else { order.is_lt() }
            }
        };
        if better {
            best = Some(value);
        }
    }
    Ok(best.map_or(SqlValue::Null, owned))
}

fn compare_plain(left: ValueRef<'_>, right: ValueRef<'_>) -> Result<std::cmp::Ordering, Error> {
    Ok(match (left, right) {
        (ValueRef::Integer(a), ValueRef::Integer(b)) => a.cmp(&b),
        (ValueRef::Real(a), ValueRef::Real(b)) => a.total_cmp(&b),
        (ValueRef::Text(a), ValueRef::Text(b)) | (ValueRef::Blob(a), ValueRef::Blob(b)) => a.cmp(b),
        _ => return Err(super::wrong_class("of the type it is compared as")),
    })
}

fn compare_numeric(left: ValueRef<'_>, right: ValueRef<'_>) -> Result<std::cmp::Ordering, Error> {
    let number = |value: ValueRef<'_>| match value {
        ValueRef::Text(bytes) => parse_numeric(&String::from_utf8_lossy(bytes)),
        _ => Err(super::wrong_class("a numeric")),
    };
    Ok(number(left)?.compare(&number(right)?))
}
