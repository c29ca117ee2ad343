//! Frames of windows: how far RANGE reaches, in numbers that SQLite can count with (manual, "Window Function
//! Calls"; PostgreSQL's `in_range` functions).
//!
//! SQLite adds a frame's offset to the key that the rows are ordered by, so the key of a type that is no
//! number becomes one: microseconds.

use crate::datum::calendar::{self, MICROS_PER_DAY};
use crate::datum::interval::Interval;
use crate::datum::stored;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;

/// What an offset is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Whether the frame begins there.
    pub starting: bool,
    /// The type of RANGE's key; `None` for ROWS and GROUPS, which count.
    pub key: Option<Oid>,
    /// Whether the key's days have different lengths: a timestamptz in a zone with summer time.
    pub uneven_days: bool,
}

/// A key as a number.
///
/// # Errors
/// 22008 for an interval of more than 292,000 years; XX001 for what isn't of the type.
pub(crate) fn key(data_type: PgType, text: &str) -> Result<i64, Error> {
    let wrong = || stored::corrupted(data_type);
    match data_type.oid {
        1082 => {
            calendar::load_date(text).map(|days| i64::from(days) * MICROS_PER_DAY).ok_or_else(wrong)
        }
        1083 => calendar::load_time(text).ok_or_else(wrong),
        1186 => {
            let span = Interval::load(text).ok_or_else(wrong)?.span();
            i64::try_from(span).map_err(|_| {
                Error::user(SqlState::DATETIME_FIELD_OVERFLOW, "interval out of range")
            })
        }
        _ => calendar::load_timestamp(text).ok_or_else(wrong),
    }
}

/// An offset as what is added to the key.
///
/// # Errors
/// 22004 for NULL, 22013 for less than nothing; 0A000 for what is not the same length for every key.
pub fn offset(rule: Rule, value: &Value) -> Result<Value, Error> {
    let edge = if rule.starting { "starting" } else { "ending" };
    let invalid =
        |message: String| Err(Error::user(SqlState::INVALID_PRECEDING_OR_FOLLOWING_SIZE, message));
    let negative = match (value, rule.key) {
        (Value::Null, _) => {
            return Err(Error::user(
                SqlState::NULL_VALUE_NOT_ALLOWED,
                format!("frame {edge} offset must not be null"),
            ));
        }
        (Value::Integer(number), None) if *number < 0 => {
            return invalid(format!("frame {edge} offset must not be negative"));
        }
        (Value::Integer(number), _) => *number < 0,
        (Value::Real(number), _) => number.is_nan() || *number < 0.0,
        (Value::Text(text), Some(key)) => {
            let interval =
                Interval::load(text).ok_or_else(|| stored::corrupted(PgType::INTERVAL))?;
            let length = length(rule, key, &interval)?;
            if length >= 0 {
                // No two keys are further apart.
                return Ok(Value::Integer(i64::try_from(length).unwrap_or(i64::MAX)));
            }
            true
        }
        _ => return Err(Error::internal("a frame's offset has an unexpected type")),
    };
    if negative {
        return invalid("invalid preceding or following size in window function".to_owned());
    }
    Ok(value.clone())
}

fn length(rule: Rule, key: Oid, interval: &Interval) -> Result<i128, Error> {
    if key == PgType::INTERVAL.oid {
        return Ok(interval.span());
    }
    // A time has no days.
    if key == PgType::TIME.oid {
        return Ok(i128::from(interval.micros));
    }
    if interval.months != 0 {
        return Err(Error::refused("RANGE with an offset of months or years is not supported"));
    }
    if interval.days != 0 && rule.uneven_days {
        return Err(Error::refused(
            "RANGE with an offset of days is not supported in this time zone, whose days aren't of one length",
        )
        .with_hint("Use hours, or SET TIME ZONE 'UTC'."));
    }
    Ok(interval.span())
}
