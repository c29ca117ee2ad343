//! Dates and times. What is stored of a timestamptz is its time in UTC; a function that needs the
//! session's time zone has it as its last argument.

use std::cmp::Ordering;

use rusqlite::Connection;
use rusqlite::types::{Value as SqlValue, ValueRef};

use super::interval::{interval, midnight};
use super::{Answer, Arguments, IMPURE, PURE, boolean, integer, lenient, strict, string};
use crate::datum::calendar::{self, Micros};
use crate::datum::frame;
use crate::datum::temporal::{self, Part};
use crate::datum::zone::Zone;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;

pub(super) fn date(args: &Arguments<'_, '_>, at: usize) -> Result<i32, Error> {
    calendar::load_date(args.text(at)?).ok_or_else(|| super::wrong_class("a date"))
}

pub(super) fn time(args: &Arguments<'_, '_>, at: usize) -> Result<i64, Error> {
    calendar::load_time(args.text(at)?).ok_or_else(|| super::wrong_class("a time"))
}

/// A timestamp, or a timestamptz in UTC.
pub(super) fn moment(args: &Arguments<'_, '_>, at: usize) -> Result<Micros, Error> {
    calendar::load_timestamp(args.text(at)?).ok_or_else(|| super::wrong_class("a timestamp"))
}

pub(super) fn stored_moment(moment: Micros, utc: bool) -> SqlValue {
    string(calendar::store_timestamp(moment, utc))
}

fn zone(args: &Arguments<'_, '_>, at: usize) -> Result<std::sync::Arc<Zone>, Error> {
    temporal::zone_named(args.text(at)?)
}

fn out_of_range(what: &str) -> Error {
    Error::user(SqlState::DATETIME_FIELD_OVERFLOW, format!("{what} out of range"))
}

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    register_casts(connection)?;
    register_days(connection)?;
    register_frames(connection)?;
    register_fields(connection)?;
    register_zones(connection)?;
    register_making(connection)?;
    register_overlaps(connection)
}

/// The date that a moment lies in.
fn date_of(moment: Micros) -> SqlValue {
    string(match moment {
        calendar::INFINITY => "infinity".to_owned(),
        calendar::NEGATIVE_INFINITY => "-infinity".to_owned(),
        _ => calendar::store_date(calendar::split(moment).0 as i32),
    })
}

/// The time of day of a moment; the infinities have none.
fn time_of(moment: Micros) -> SqlValue {
    match moment {
        calendar::INFINITY | calendar::NEGATIVE_INFINITY => SqlValue::Null,
        _ => string(calendar::store_time(calendar::split(moment).1)),
    }
}

fn register_casts(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_date_timestamp", 1, |args| {
        Ok(stored_moment(midnight(date(args, 0)?)?, false))
    })?;
    strict(connection, "pg_timestamp_date", 1, |args| Ok(date_of(moment(args, 0)?)))?;
    strict(connection, "pg_timestamp_time", 1, |args| Ok(time_of(moment(args, 0)?)))?;
    strict(connection, "pg_date_timestamptz", 2, |args| {
        let start = midnight(date(args, 0)?)?;
        Ok(stored_moment(temporal::to_utc(start, &*zone(args, 1)?)?, true))
    })?;
    strict(connection, "pg_timestamp_timestamptz", 2, |args| {
        Ok(stored_moment(temporal::to_utc(moment(args, 0)?, &*zone(args, 1)?)?, true))
    })?;
    strict(connection, "pg_timestamptz_timestamp", 2, |args| {
        Ok(stored_moment(temporal::local(moment(args, 0)?, &*zone(args, 1)?)?, false))
    })?;
    strict(connection, "pg_timestamptz_date", 2, |args| {
        Ok(date_of(temporal::local(moment(args, 0)?, &*zone(args, 1)?)?))
    })?;
    strict(connection, "pg_timestamptz_time", 2, |args| {
        Ok(time_of(temporal::local(moment(args, 0)?, &*zone(args, 1)?)?))
    })?;
    strict(connection, "pg_time_scale", 2, |args| {
        let (text, precision) = (args.text(0)?, args.integer(1)? as i32);
        let rounded = if let Some(micros) = calendar::load_time(text) {
            Some(calendar::store_time(calendar::round(micros, precision)))
        } else {
            calendar::load_timestamp(text).map(|micros| {
                calendar::store_timestamp(
                    calendar::round(micros, precision),
                    text.ends_with("+00:00"),
                )
            })
        };
        Ok(string(rounded.unwrap_or_else(|| text.to_owned())))
    })
}

/// What RANGE counts from, for a key of this type.
fn register_frames(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_frame_key", 2, |args| {
        let oid = Oid::try_from(args.integer(1)?).unwrap_or(0);
        Ok(integer(frame::key(PgType::new(oid), args.text(0)?)?))
    })
}

fn register_days(connection: &Connection) -> rusqlite::Result<()> {
    for (name, sign, swapped) in
        [("pg_date_pli", 1, false), ("pg_integer_pl_date", 1, true), ("pg_date_mii", -1, false)]
    {
        strict(connection, name, 2, move |args| {
            let (day, more) = if swapped {
                (date(args, 1)?, args.integer(0)?)
            } else {
                (date(args, 0)?, args.integer(1)?)
            };
            Ok(string(calendar::store_date(temporal::add_days(day, sign * more)?)))
        })?;
    }
    {
        strict(connection, "pg_date_mi", 2, |args| {
            let (left, right) = (date(args, 0)?, date(args, 1)?);
            let infinite = |days: i32| {
                days == calendar::DATE_INFINITY || days == calendar::DATE_NEGATIVE_INFINITY
            };
            if infinite(left) || infinite(right) {
                return Err(Error::user(
                    SqlState::DATETIME_FIELD_OVERFLOW,
                    "cannot subtract infinite dates",
                ));
            }
            Ok(integer(i64::from(left) - i64::from(right)))
        })?;
    }
    strict(connection, "pg_date_finite", 1, |args| {
        let days = date(args, 0)?;
        Ok(boolean(days != calendar::DATE_INFINITY && days != calendar::DATE_NEGATIVE_INFINITY))
    })?;
    strict(connection, "pg_timestamp_finite", 1, |args| {
        let moment = moment(args, 0)?;
        Ok(boolean(moment != calendar::INFINITY && moment != calendar::NEGATIVE_INFINITY))
    })
}

/// What a field is taken from.
#[derive(Clone, Copy)]
enum Source {
    Timestamp,
    TimestampTz,
    Date,
    Time,
    Interval,
}

fn part(args: &Arguments<'_, '_>, source: Source) -> Result<Part, Error> {
    let name = args.text(0)?;
    match source {
        Source::Timestamp => temporal::extract_timestamp(name, moment(args, 1)?, None),
        Source::TimestampTz => {
            let zone = zone(args, 2)?;
            let moment = moment(args, 1)?;
            let offset = zone.offset_at(moment);
            temporal::extract_timestamp(name, temporal::local(moment, &zone)?, Some(offset))
        }
        Source::Date => temporal::extract_date(name, date(args, 1)?),
        Source::Time => temporal::extract_time(name, time(args, 1)?),
        Source::Interval => temporal::extract_interval(name, &interval(args, 1)?),
    }
}

/// `extract` gives a numeric, `date_part` a float.
fn register_fields(connection: &Connection) -> rusqlite::Result<()> {
    for (exact, float, count, source) in [
        ("pg_extract_timestamp", "pg_timestamp_part", 2, Source::Timestamp),
        ("pg_extract_timestamptz", "pg_timestamptz_part", 3, Source::TimestampTz),
        ("pg_extract_date", "pg_part_of_date", 2, Source::Date),
        ("pg_extract_time", "pg_time_part", 2, Source::Time),
        ("pg_extract_interval", "pg_interval_part", 2, Source::Interval),
    ] {
        strict(connection, exact, count, move |args| {
            Ok(part(args, source)?
                .to_numeric()?
                .map_or(SqlValue::Null, |number| string(number.to_string())))
        })?;
        strict(connection, float, count, move |args| {
            Ok(part(args, source)?
                .to_numeric()?
                .map_or(SqlValue::Null, |number| SqlValue::Real(number.to_f64())))
        })?;
    }
    strict(connection, "pg_timestamp_trunc", 2, |args| {
        let start = temporal::trunc_timestamp(args.text(0)?, moment(args, 1)?, None)?;
        Ok(stored_moment(start, false))
    })?;
    // Of a timestamptz: by the zone that is written, or the session's.
    for name in ["pg_timestamptz_trunc", "pg_timestamptz_trunc_zone"] {
        strict(connection, name, -1, |args| {
            let zone = zone(args, 2)?;
            let start = temporal::trunc_timestamp(args.text(0)?, moment(args, 1)?, Some(&*zone))?;
            Ok(stored_moment(start, true))
        })?;
    }
    Ok(())
}

/// AT TIME ZONE: zone first, as in the function `timezone`.
fn register_zones(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_timestamp_zone", 2, |args| {
        Ok(stored_moment(temporal::to_utc(moment(args, 1)?, &*zone(args, 0)?)?, true))
    })?;
    strict(connection, "pg_timestamptz_zone", 2, |args| {
        Ok(stored_moment(temporal::local(moment(args, 1)?, &*zone(args, 0)?)?, false))
    })?;
    for (name, sign) in [("pg_timestamp_izone", -1), ("pg_timestamptz_izone", 1)] {
        strict(connection, name, 2, move |args| {
            let offset = interval(args, 0)?;
            super::timetz::zone_offset(&offset)?;
            let at = moment(args, 1)?;
            if at == calendar::INFINITY || at == calendar::NEGATIVE_INFINITY {
                return Ok(stored_moment(at, sign < 0));
            }
            at.checked_add(sign * offset.micros)
                .filter(|moment| calendar::timestamp_in_range(*moment))
                .map(|moment| stored_moment(moment, sign < 0))
                .ok_or_else(|| out_of_range("timestamp"))
        })?;
    }
    Ok(())
}

fn register_making(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_make_date", 3, |args| {
        let days = temporal::make_date(args.integer(0)?, args.integer(1)?, args.integer(2)?)?;
        Ok(string(calendar::store_date(days)))
    })?;
    strict(connection, "pg_make_time", 3, |args| {
        let micros = temporal::make_time(args.integer(0)?, args.integer(1)?, args.float(2)?)?;
        Ok(string(calendar::store_time(micros)))
    })?;
    strict(connection, "pg_make_timestamp", 6, |args| Ok(stored_moment(made(args)?, false)))?;
    // The zone is the last argument, whether it was written or is the session's.
    strict(connection, "pg_make_timestamptz", -1, |args| {
        let zone = zone(args, 6)?;
        Ok(stored_moment(temporal::to_utc(made(args)?, &zone)?, true))
    })?;
    strict(connection, "pg_float8_timestamptz", 1, |args| {
        let seconds = args.float(0)?;
        if seconds.is_nan() {
            return Err(Error::user(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp cannot be NaN"));
        }
        if seconds.is_infinite() {
            let end = if seconds > 0.0 { calendar::INFINITY } else { calendar::NEGATIVE_INFINITY };
            return Ok(stored_moment(end, true));
        }
        let micros = ((seconds - 946_684_800.0) * 1_000_000.0).round_ties_even();
        let moment = micros as Micros;
        if micros.abs() > 9.2e18 || !calendar::timestamp_in_range(moment) {
            let message = format!("timestamp out of range: \"{seconds}\"");
            return Err(Error::user(SqlState::DATETIME_FIELD_OVERFLOW, message));
        }
        Ok(stored_moment(moment, true))
    })?;
    lenient(connection, "pg_clock_timestamp", 0, IMPURE, |_| {
        let now = crate::platform::clock::wall().as_micros() as i64;
        match crate::datum::timestamptz_from_unix(now) {
            Value::Text(text) => Ok(string(text)),
            _ => Err(Error::internal("a timestamp is stored as text")),
        }
    })
}

fn made(args: &Arguments<'_, '_>) -> Result<Micros, Error> {
    let days = temporal::make_date(args.integer(0)?, args.integer(1)?, args.integer(2)?)?;
    let micros = temporal::make_time(args.integer(3)?, args.integer(4)?, args.float(5)?)?;
    calendar::timestamp_from(i64::from(days), micros).ok_or_else(|| out_of_range("timestamp"))
}

/// `(start, end) OVERLAPS (start, end)`, over the stored forms, whose text order is time order; not so that
/// of times with a zone.
fn register_overlaps(connection: &Connection) -> rusqlite::Result<()> {
    for name in ["pg_overlaps_timestamp", "pg_overlaps_time"] {
        lenient(connection, name, 4, PURE, |args| overlaps(args, (false, false), str::cmp))?;
    }
    lenient(connection, "pg_overlaps_timetz", 4, PURE, |args| {
        overlaps(args, (false, false), crate::datum::timetz::compare)
    })?;
    // With intervals for the ends; of timestamptz with the session's zone behind.
    for (name, spans) in [
        ("pg_overlaps_span_end", (true, false)),
        ("pg_overlaps_end_span", (false, true)),
        ("pg_overlaps_span_span", (true, true)),
    ] {
        lenient(connection, name, -1, PURE, move |args| overlaps(args, spans, str::cmp))?;
    }
    Ok(())
}

/// The end of a period that begins at one argument and lasts as long as the next one says.
fn span_end(args: &Arguments<'_, '_>, at: usize) -> Result<String, Error> {
    let span = interval(args, at + 1)?;
    if let Some(time) = calendar::load_time(args.text(at)?) {
        let sum = (time + span.micros).rem_euclid(calendar::MICROS_PER_DAY);
        return Ok(calendar::store_time(sum));
    }
    let zone = if args.count() > 4 { Some(zone(args, 4)?) } else { None };
    let end = temporal::add_interval(moment(args, at)?, &span, zone.as_deref())?;
    Ok(calendar::store_timestamp(end, zone.is_some()))
}

fn overlaps(
    args: &Arguments<'_, '_>,
    spans: (bool, bool),
    order: fn(&str, &str) -> Ordering,
) -> Answer {
    // A period as (start, end), the start known wherever one of them is.
    let period = |at: usize, span: bool| -> Result<(Option<String>, Option<String>), Error> {
        let known = |at: usize| match args.value(at) {
            ValueRef::Null => Ok(None),
            _ => args.text(at).map(|text| Some(text.to_owned())),
        };
        let mut end = known(at + 1)?;
        let start = known(at)?;
        if span {
            end = if start.is_some() && end.is_some() { Some(span_end(args, at)?) } else { None };
        }
        Ok(match (start, end) {
            (None, known) => (known, None),
            (Some(start), Some(end)) if order(&start, &end).is_gt() => (Some(end), Some(start)),
            known => known,
        })
    };
    let (first, second) = (period(0, spans.0)?, period(2, spans.1)?);
    let (Some(start1), Some(start2)) = (&first.0, &second.0) else { return Ok(SqlValue::Null) };
    // The later one must begin before the earlier one ends.
    let (later, earlier_end, later_end) = match order(start1, start2) {
        Ordering::Greater => (start1, &second.1, &first.1),
        Ordering::Less => (start2, &first.1, &second.1),
        Ordering::Equal => {
            return Ok(if first.1.is_some() && second.1.is_some() {
                boolean(true)
            } else {
                SqlValue::Null
            });
        }
    };
    Ok(match (earlier_end, later_end) {
        (Some(end), _) if order(later, end).is_lt() => boolean(true),
        (None, _) => SqlValue::Null,
        (Some(_), None) => SqlValue::Null,
        (Some(_), Some(_)) => boolean(false),
    })
}
