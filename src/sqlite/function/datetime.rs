//! Dates and times, by way of their text forms: the stored forms are those in UTC.

use bytes::BytesMut;
use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::{Answer, integer, parse_numeric, strict, string};
use crate::datum::calendar::{self, civil_from_days, days_from_civil};
use crate::datum::numeric::Numeric;
use crate::datum::{self, Style};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

const DAY_MICROS: i64 = 86_400_000_000;

fn style(zone: &str) -> Style {
    Style { time_zone: zone.to_owned(), ..Style::default() }
}

/// A stored value of one type as one of another, through the text form that a session in `zone` sees.
fn convert(stored: &str, from: PgType, to: PgType, zone: &str) -> Answer {
    let style = style(zone);
    let mut text = BytesMut::new();
    datum::to_text(from, &Value::Text(stored.to_owned()), &style, &mut text)?;
    let text = std::str::from_utf8(&text).map_err(|_| Error::internal("text output is UTF-8"))?;
    match datum::from_text(to, text, &style)? {
        Value::Text(text) => Ok(string(text)),
        _ => Err(Error::internal("dates and times are stored as text")),
    }
}

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    for (name, from, to) in [
        ("pg_date_timestamp", PgType::DATE, PgType::TIMESTAMP),
        ("pg_timestamp_date", PgType::TIMESTAMP, PgType::DATE),
        ("pg_timestamp_time", PgType::TIMESTAMP, PgType::TIME),
    ] {
        strict(connection, name, 1, move |args| convert(args.text(0)?, from, to, "UTC"))?;
    }
    for (name, from, to) in [
        ("pg_date_timestamptz", PgType::DATE, PgType::TIMESTAMPTZ),
        ("pg_timestamp_timestamptz", PgType::TIMESTAMP, PgType::TIMESTAMPTZ),
        ("pg_timestamptz_timestamp", PgType::TIMESTAMPTZ, PgType::TIMESTAMP),
        ("pg_timestamptz_date", PgType::TIMESTAMPTZ, PgType::DATE),
        ("pg_timestamptz_time", PgType::TIMESTAMPTZ, PgType::TIME),
    ] {
        strict(connection, name, 2, move |args| convert(args.text(0)?, from, to, args.text(1)?))?;
    }
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
    })?;
    for (name, sign, swapped) in
        [("pg_date_add", 1, false), ("pg_date_radd", 1, true), ("pg_date_sub", -1, false)]
    {
        strict(connection, name, 2, move |args| {
            let (date, days) = if swapped {
                (args.text(1)?, args.integer(0)?)
            } else {
                (args.text(0)?, args.integer(1)?)
            };
            let moved = i64::from(load_date(date)?)
                .checked_add(sign * days)
                .and_then(|days| days.try_into().ok());
            moved.map(|days| string(calendar::store_date(days))).ok_or_else(date_out_of_range)
        })?;
    }
    strict(connection, "pg_date_diff", 2, |args| {
        Ok(integer(i64::from(load_date(args.text(0)?)?) - i64::from(load_date(args.text(1)?)?)))
    })?;
    strict(connection, "pg_extract", 2, |args| extract(args.text(0)?, args.text(1)?).map(string))?;
    strict(connection, "pg_extract_tz", 3, |args| {
        let field = args.text(0)?;
        if field.eq_ignore_ascii_case("epoch") {
            return extract(field, args.text(1)?).map(string);
        }
        match convert(args.text(1)?, PgType::TIMESTAMPTZ, PgType::TIMESTAMP, args.text(2)?)? {
            SqlValue::Text(local) => extract(field, &local).map(string),
            _ => Err(Error::internal("a timestamp is stored as text")),
        }
    })?;
    strict(connection, "pg_date_part", 2, |args| {
        as_float(&extract(args.text(0)?, args.text(1)?)?)
    })?;
    strict(connection, "pg_date_part_tz", 3, |args| {
        as_float(&extract(args.text(0)?, args.text(1)?)?)
    })?;
    strict(connection, "pg_date_trunc", 2, |args| {
        date_trunc(args.text(0)?, args.text(1)?).map(string)
    })
}

fn date_out_of_range() -> Error {
    Error::user(SqlState::DATETIME_FIELD_OVERFLOW, "date out of range")
}

fn as_float(text: &str) -> Answer {
    Ok(SqlValue::Real(parse_numeric(text)?.to_f64()))
}

fn load_date(text: &str) -> Result<i32, Error> {
    calendar::load_date(text).ok_or_else(|| super::wrong_class("a date"))
}

/// Days since 1970-01-01 and microseconds of the day, of a stored date or timestamp.
fn moment(text: &str) -> Result<(i64, i64), Error> {
    if matches!(text, "infinity" | "-infinity") {
        return Err(Error::refused("fields of infinity are not supported"));
    }
    if let Some(micros) = calendar::load_timestamp(text) {
        return Ok(calendar::split(micros));
    }
    calendar::load_date(text)
        .map(|days| (i64::from(days), 0))
        .ok_or_else(|| super::wrong_class("a timestamp"))
}

fn extract(field: &str, text: &str) -> Result<String, Error> {
    let (days, time) = moment(text)?;
    let (year, month, day) = civil_from_days(days);
    let micros = |count: i64, scale: i32| -> Result<String, Error> {
        let divisor = Numeric::from_i64(10i64.pow(scale as u32));
        Ok(Numeric::from_i64(count).div(&divisor)?.round(scale).to_string())
    };
    let weekday = weekday(days);
    Ok(match field.to_ascii_lowercase().as_str() {
        "year" => (if year <= 0 { year - 1 } else { year }).to_string(),
        "month" => month.to_string(),
        "day" => day.to_string(),
        "quarter" => (month.div_ceil(3)).to_string(),
        "decade" => year.div_euclid(10).to_string(),
        "century" => {
            (if year > 0 { (year + 99) / 100 } else { -((99 - (year - 1)) / 100) }).to_string()
        }
        "hour" => (time / 3_600_000_000).to_string(),
        "minute" => (time / 60_000_000 % 60).to_string(),
        "second" => micros(time % 60_000_000, 6)?,
        "milliseconds" => micros(time % 60_000_000, 3)?,
        "microseconds" => (time % 60_000_000).to_string(),
        "epoch" => micros((days - epoch_days()) * DAY_MICROS + time, 6)?,
        "dow" => weekday.to_string(),
        "isodow" => (if weekday == 0 { 7 } else { weekday }).to_string(),
        "doy" => (days - days_from_civil(year, 1, 1) + 1).to_string(),
        "week" => iso_week(days).1.to_string(),
        "isoyear" => iso_week(days).0.to_string(),
        other => {
            let message =
                format!("unit \"{other}\" not recognized for type timestamp without time zone");
            return Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message));
        }
    })
}

/// The day number of 1970-01-01.
fn epoch_days() -> i64 {
    days_from_civil(1970, 1, 1)
}

/// 0 for Sunday.
fn weekday(days: i64) -> i64 {
    // 1970-01-01 was a Thursday.
    (days - epoch_days() + 4).rem_euclid(7)
}

/// ISO 8601's year and week: the week of a date is that of its Thursday.
fn iso_week(days: i64) -> (i64, i64) {
    let thursday = days + 3 - (weekday(days) + 6).rem_euclid(7);
    let (year, ..) = civil_from_days(thursday);
    (year, (thursday - days_from_civil(year, 1, 1)) / 7 + 1)
}

fn date_trunc(field: &str, text: &str) -> Result<String, Error> {
    let (days, time) = moment(text)?;
    let (year, month, _) = civil_from_days(days);
    let (days, time) = match field.to_ascii_lowercase().as_str() {
        "microseconds" => (days, time),
        "milliseconds" => (days, time / 1000 * 1000),
        "second" => (days, time / 1_000_000 * 1_000_000),
        "minute" => (days, time / 60_000_000 * 60_000_000),
        "hour" => (days, time / 3_600_000_000 * 3_600_000_000),
        "day" => (days, 0),
        "week" => (days - (weekday(days) + 6).rem_euclid(7), 0),
        "month" => (days_from_civil(year, month, 1), 0),
        "quarter" => (days_from_civil(year, (month - 1) / 3 * 3 + 1, 1), 0),
        "year" => (days_from_civil(year, 1, 1), 0),
        other => {
            let message =
                format!("unit \"{other}\" not recognized for type timestamp without time zone");
            return Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message));
        }
    };
    let micros = calendar::timestamp_from(days, time)
        .ok_or_else(|| Error::user(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp out of range"))?;
    Ok(calendar::store_timestamp(micros, text.ends_with("+00:00")))
}
