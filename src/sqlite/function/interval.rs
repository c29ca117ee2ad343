//! Intervals, and moments with them.

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::datetime::{date, moment, stored_moment, time};
use super::{Answer, Arguments, boolean, strict, string};
use crate::datum::calendar::{self, MICROS_PER_DAY, Micros};
use crate::datum::interval::{Interval, adjusted};
use crate::datum::temporal;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;

pub(super) fn interval(args: &Arguments<'_, '_>, at: usize) -> Result<Interval, Error> {
    Interval::load(args.text(at)?).ok_or_else(|| super::wrong_class("an interval"))
}

fn stored(interval: Interval) -> SqlValue {
    string(interval.store())
}

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    type Unary = fn(&Interval) -> Result<Interval, Error>;
    type Binary = fn(&Interval, &Interval) -> Result<Interval, Error>;
    let unary: [(&str, Unary); 4] = [
        ("pg_interval_um", Interval::negate),
        ("pg_interval_justify_interval", Interval::justify),
        ("pg_interval_justify_hours", Interval::justify_hours),
        ("pg_interval_justify_days", Interval::justify_days),
    ];
    for (name, operation) in unary {
        strict(connection, name, 1, move |args| operation(&interval(args, 0)?).map(stored))?;
    }
    let binary: [(&str, Binary); 2] =
        [("pg_interval_pl", Interval::add), ("pg_interval_mi", Interval::sub)];
    for (name, operation) in binary {
        strict(connection, name, 2, move |args| {
            operation(&interval(args, 0)?, &interval(args, 1)?).map(stored)
        })?;
    }
    strict(connection, "pg_interval_mul", 2, |args| {
        interval(args, 0)?.multiply(args.float(1)?).map(stored)
    })?;
    strict(connection, "pg_mul_d_interval", 2, |args| {
        interval(args, 1)?.multiply(args.float(0)?).map(stored)
    })?;
    strict(connection, "pg_interval_div", 2, |args| {
        interval(args, 0)?.divide(args.float(1)?).map(stored)
    })?;
    // An interval and its type's modifier.
    strict(connection, "pg_interval_scale", 2, |args| {
        let data_type = PgType { modifier: args.integer(1)? as i32, ..PgType::INTERVAL };
        Ok(stored(adjusted(data_type, interval(args, 0)?)))
    })?;
    strict(connection, "pg_interval_finite", 1, |_| Ok(boolean(true)))?;
    strict(connection, "pg_interval_trunc", 2, |args| {
        temporal::trunc_interval(args.text(0)?, &interval(args, 1)?).map(stored)
    })?;
    strict(connection, "pg_make_interval", -1, make)?;
    strict(connection, "pg_interval_scale", 2, |args| {
        let modifier = args.integer(1)? as i32;
        let value = interval(args, 0)?;
        let rounded = calendar::round(value.micros, modifier & 0xffff);
        Ok(stored(limited(Interval { micros: rounded, ..value }, modifier >> 16 & 0x7fff)))
    })?;
    register_moments(connection)?;
    register_times(connection)
}

/// `interval year to month` and its like: units below the last one are cut off.
fn limited(value: Interval, fields: i32) -> Interval {
    let micros = |size: i64| value.micros / size * size;
    match fields {
        // INTERVAL_MASK of YEAR, MONTH, DAY, HOUR, MINUTE, SECOND and their ranges.
        0x4 => Interval { months: value.months / 12 * 12, ..Interval::default() },
        0x2 | 0x6 => Interval { months: value.months, ..Interval::default() },
        0x8 => Interval { micros: 0, ..value },
        0x400 | 0x408 => Interval { micros: micros(temporal_hour()), ..value },
        0x800 | 0xc00 | 0xc08 => Interval { micros: micros(temporal_hour() / 60), ..value },
        _ => value,
    }
}

fn temporal_hour() -> i64 {
    MICROS_PER_DAY / 24
}

/// make_interval(years, months, weeks, days, hours, mins, secs): those that are left out are 0.
fn make(args: &Arguments<'_, '_>) -> Answer {
    let part = |at: usize| if at < args.count() { args.integer(at) } else { Ok(0) };
    let seconds = if args.count() > 6 { args.float(6)? } else { 0.0 };
    let out = || Error::user(SqlState::DATETIME_FIELD_OVERFLOW, "interval out of range");
    let narrow = |value: i64| i32::try_from(value).map_err(|_| out());
    let micros = (seconds * 1_000_000.0).round_ties_even();
    if !micros.is_finite() || micros.abs() > 9.0e18 {
        return Err(out());
    }
    Ok(stored(Interval {
        months: narrow(part(0)? * 12 + part(1)?)?,
        days: narrow(part(2)? * 7 + part(3)?)?,
        micros: (part(4)? * 60 + part(5)?) * 60_000_000 + micros as i64,
    }))
}

/// Timestamps and dates with intervals. Those of timestamptz have the session's zone at the end.
fn register_moments(connection: &Connection) -> rusqlite::Result<()> {
    for (name, negate) in [("pg_timestamp_pl_interval", false), ("pg_timestamp_mi_interval", true)]
    {
        strict(connection, name, 2, move |args| {
            let sum = temporal::add_interval(moment(args, 0)?, &signed(args, 1, negate)?, None)?;
            Ok(stored_moment(sum, false))
        })?;
    }
    strict(connection, "pg_interval_pl_timestamp", 2, |args| {
        let sum = temporal::add_interval(moment(args, 1)?, &interval(args, 0)?, None)?;
        Ok(stored_moment(sum, false))
    })?;
    for (name, moment_at, negate) in [
        ("pg_timestamptz_pl_interval", 0, false),
        ("pg_timestamptz_mi_interval", 0, true),
        ("pg_interval_pl_timestamptz", 1, false),
    ] {
        strict(connection, name, 3, move |args| {
            let zone = temporal::zone_named(args.text(2)?)?;
            let interval = signed(args, 1 - moment_at, negate)?;
            let sum = temporal::add_interval(moment(args, moment_at)?, &interval, Some(&zone))?;
            Ok(stored_moment(sum, true))
        })?;
    }
    for (name, date_at, negate) in [
        ("pg_date_pl_interval", 0, false),
        ("pg_date_mi_interval", 0, true),
        ("pg_interval_pl_date", 1, false),
    ] {
        strict(connection, name, 2, move |args| {
            let start = midnight(date(args, date_at)?)?;
            let sum = temporal::add_interval(start, &signed(args, 1 - date_at, negate)?, None)?;
            Ok(stored_moment(sum, false))
        })?;
    }
    strict(connection, "pg_timestamp_mi", 2, |args| {
        temporal::subtract(moment(args, 0)?, moment(args, 1)?).map(stored)
    })?;
    strict(connection, "pg_timestamp_age", 2, |args| {
        temporal::age(moment(args, 0)?, moment(args, 1)?).map(stored)
    })?;
    strict(connection, "pg_timestamptz_age", 3, |args| {
        let zone = temporal::zone_named(args.text(2)?)?;
        let local = |at: usize| temporal::local(moment(args, at)?, &zone);
        temporal::age(local(0)?, local(1)?).map(stored)
    })?;
    for (name, utc) in [("pg_timestamp_bin", false), ("pg_timestamptz_bin", true)] {
        strict(connection, name, 3, move |args| {
            let start =
                temporal::date_bin(&interval(args, 0)?, moment(args, 1)?, moment(args, 2)?)?;
            Ok(stored_moment(start, utc))
        })?;
    }
    Ok(())
}

fn signed(args: &Arguments<'_, '_>, at: usize, negate: bool) -> Result<Interval, Error> {
    let value = interval(args, at)?;
    if negate { value.negate() } else { Ok(value) }
}

/// The start of a day.
pub(super) fn midnight(days: i32) -> Result<Micros, Error> {
    match days {
        calendar::DATE_INFINITY => Ok(calendar::INFINITY),
        calendar::DATE_NEGATIVE_INFINITY => Ok(calendar::NEGATIVE_INFINITY),
        _ => calendar::timestamp_from(i64::from(days), 0).ok_or_else(|| {
            Error::user(SqlState::DATETIME_FIELD_OVERFLOW, "date out of range for timestamp")
        }),
    }
}

/// Times of day, which turn over at midnight.
fn register_times(connection: &Connection) -> rusqlite::Result<()> {
    for (name, time_at, negate) in [
        ("pg_time_pl_interval", 0, false),
        ("pg_time_mi_interval", 0, true),
        ("pg_interval_pl_time", 1, false),
    ] {
        strict(connection, name, 2, move |args| {
            let span = interval(args, 1 - time_at)?.micros.rem_euclid(MICROS_PER_DAY);
            let span = if negate { -span } else { span };
            let sum = (time(args, time_at)? + span).rem_euclid(MICROS_PER_DAY);
            Ok(string(calendar::store_time(sum)))
        })?;
    }
    strict(connection, "pg_time_mi_time", 2, |args| {
        Ok(stored(Interval { micros: time(args, 0)? - time(args, 1)?, ..Interval::default() }))
    })?;
    strict(connection, "pg_time_interval", 1, |args| {
        Ok(stored(Interval { micros: time(args, 0)?, ..Interval::default() }))
    })?;
    strict(connection, "pg_interval_time", 1, |args| {
        let micros = interval(args, 0)?.micros.rem_euclid(MICROS_PER_DAY);
        Ok(string(calendar::store_time(micros)))
    })?;
    for (name, date_at) in [("pg_datetime_timestamp", 0), ("pg_timedate_pl", 1)] {
        strict(connection, name, 2, move |args| {
            let start = midnight(date(args, date_at)?)?;
            let sum = if start == calendar::INFINITY || start == calendar::NEGATIVE_INFINITY {
                start
            } else {
                start + time(args, 1 - date_at)?
            };
            Ok(stored_moment(sum, false))
        })?;
    }
    Ok(())
}
