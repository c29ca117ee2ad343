//! Times with a time zone. What depends on the day's date has the transaction's start and the session's
//! time zone as its last arguments.

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::datetime::{date, moment, time};
use super::interval::{interval, midnight};
use super::{Answer, Arguments, strict, string};
use crate::datum::calendar::{self, MICROS_PER_DAY, MICROS_PER_SECOND};
use crate::datum::interval::Interval;
use crate::datum::temporal::{self, Part};
use crate::datum::timetz::ZonedTime;
use crate::model::error::{Error, SqlState};

fn zoned(args: &Arguments<'_, '_>, at: usize) -> Result<ZonedTime, Error> {
    ZonedTime::load(args.text(at)?).ok_or_else(|| super::wrong_class("a time with time zone"))
}

fn stored(time: ZonedTime) -> SqlValue {
    string(time.store())
}

/// Seconds east of UTC that an interval stands for as a time zone.
///
/// # Errors
/// 22023 for one with months or days.
pub(super) fn zone_offset(span: &Interval) -> Result<i64, Error> {
    if span.months != 0 || span.days != 0 {
        let shown = span.store();
        let message = format!("interval time zone \"{shown}\" must not include months or days");
        return Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message));
    }
    Ok(span.micros / MICROS_PER_SECOND)
}

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_collation("timetz", crate::datum::timetz::compare)?;
    strict(connection, "pg_timetz_time", 1, |args| {
        Ok(string(calendar::store_time(zoned(args, 0)?.micros)))
    })?;
    strict(connection, "pg_time_timetz", 3, |args| {
        let zone = temporal::zone_named(args.text(2)?)?;
        let today = calendar::split(temporal::local(moment(args, 1)?, &zone)?).0;
        let micros = time(args, 0)?;
        let offset = zone.offset_of_local(today * MICROS_PER_DAY + micros);
        Ok(stored(ZonedTime { micros, offset }))
    })?;
    strict(connection, "pg_timestamptz_timetz", 2, |args| {
        let zone = temporal::zone_named(args.text(1)?)?;
        let at = moment(args, 0)?;
        if at == calendar::INFINITY || at == calendar::NEGATIVE_INFINITY {
            return Ok(SqlValue::Null);
        }
        let micros = calendar::split(temporal::local(at, &zone)?).1;
        Ok(stored(ZonedTime { micros, offset: zone.offset_at(at) }))
    })?;
    strict(connection, "pg_timetz_scale", 2, |args| {
        let value = zoned(args, 0)?;
        let micros = calendar::round(value.micros, args.integer(1)? as i32);
        Ok(stored(ZonedTime { micros, ..value }))
    })?;
    strict(connection, "pg_timetz_zone", 4, |args| {
        let zone = temporal::zone_named(args.text(0)?)?;
        Ok(stored(zoned(args, 1)?.at(zone.offset_at(moment(args, 2)?))))
    })?;
    strict(connection, "pg_timetz_izone", 2, |args| {
        let offset = zone_offset(&interval(args, 0)?)?;
        Ok(stored(zoned(args, 1)?.at(offset as i32)))
    })?;
    register_arithmetic(connection)?;
    register_fields(connection)
}

fn register_arithmetic(connection: &Connection) -> rusqlite::Result<()> {
    for (name, time_at, negate) in [
        ("pg_timetz_pl_interval", 0, false),
        ("pg_timetz_mi_interval", 0, true),
        ("pg_interval_pl_timetz", 1, false),
    ] {
        strict(connection, name, 2, move |args| {
            let value = zoned(args, time_at)?;
            let span = interval(args, 1 - time_at)?.micros % MICROS_PER_DAY;
            let sum = value.micros + if negate { -span } else { span };
            Ok(stored(ZonedTime { micros: sum.rem_euclid(MICROS_PER_DAY), ..value }))
        })?;
    }
    for (name, date_at) in [("pg_datetimetz", 0), ("pg_timetzdate", 1)] {
        strict(connection, name, 2, move |args| moment_of(args, date_at))?;
    }
    Ok(())
}

/// The moment of a date and a time of it.
fn moment_of(args: &Arguments<'_, '_>, date_at: usize) -> Answer {
    let out = || {
        let message = "date out of range for timestamp";
        Error::user(SqlState::DATETIME_FIELD_OVERFLOW, message)
    };
    let start = midnight(date(args, date_at)?)?;
    let sum = if start == calendar::INFINITY || start == calendar::NEGATIVE_INFINITY {
        start
    } else {
        let sum = start.checked_add(zoned(args, 1 - date_at)?.utc());
        sum.filter(|sum| calendar::timestamp_in_range(*sum)).ok_or_else(out)?
    };
    Ok(super::datetime::stored_moment(sum, true))
}

fn register_fields(connection: &Connection) -> rusqlite::Result<()> {
    fn part(args: &Arguments<'_, '_>) -> Result<Part, Error> {
        temporal::extract_timetz(args.text(0)?, &zoned(args, 1)?)
    }
    strict(connection, "pg_extract_timetz", 2, |args| {
        let number = part(args)?.to_numeric()?;
        Ok(number.map_or(SqlValue::Null, |number| string(number.to_string())))
    })?;
    strict(connection, "pg_timetz_part", 2, |args| {
        let number = part(args)?.to_numeric()?;
        Ok(number.map_or(SqlValue::Null, |number| SqlValue::Real(number.to_f64())))
    })
}
