//! `to_char`, `to_date`, `to_timestamp`, `to_number`. Those of a timestamptz have the session's zone as
//! their last argument.

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::datetime::{moment, stored_moment};
use super::interval::interval;
use super::{Answer, strict, string};
use crate::datum::calendar::{self, Micros};
use crate::datum::formatting::{
    Fields, NumberTemplate, moment_to_char, number_to_char, parse_moment, scientific, to_number,
};
use crate::datum::numeric::Numeric;
use crate::datum::{temporal, zone};
use crate::model::error::{Error, SqlState};

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_timestamp_to_char", 2, |args| {
        shown(moment(args, 0)?, None, args.text(1)?)
    })?;
    strict(connection, "pg_timestamptz_to_char", 3, |args| {
        // The session's zone is called by its name, which may be an abbreviation's too.
        let name = args.text(2)?;
        let zone = zone::find(name).map_or_else(|| temporal::zone_named(name), Ok)?;
        let at = moment(args, 0)?;
        let offset = zone.offset_at(at);
        let name = zone.abbreviation_at(at).to_owned();
        shown(temporal::local(at, &zone)?, Some((offset, name)), args.text(1)?)
    })?;
    strict(connection, "pg_interval_to_char", 2, |args| {
        let template = args.text(1)?;
        if template.is_empty() {
            return Ok(SqlValue::Null);
        }
        moment_to_char(template, &Fields::of_interval(&interval(args, 0)?)).map(string)
    })?;
    strict(connection, "pg_numeric_to_char", 2, |args| {
        number_shown(&args.numeric(0)?, args.text(1)?)
    })?;
    for name in ["pg_int4_to_char", "pg_int8_to_char"] {
        strict(connection, name, 2, |args| {
            number_shown(&Numeric::from_i64(args.integer(0)?), args.text(1)?)
        })?;
    }
    for (name, digits) in [("pg_float8_to_char", 15), ("pg_float4_to_char", 6)] {
        strict(connection, name, 2, move |args| {
            float_shown(args.float(0)?, digits, args.text(1)?)
        })?;
    }
    strict(connection, "pg_numeric_to_number", 2, |args| {
        let template = args.text(1)?;
        if template.is_empty() {
            return Ok(SqlValue::Null);
        }
        Ok(string(to_number(args.text(0)?, template)?.to_string()))
    })?;
    strict(connection, "pg_to_date", 2, |args| {
        let found = parse_moment(args.text(0)?, args.text(1)?)?;
        let days = i32::try_from(found.days).map_err(|_| out_of_range("date"))?;
        Ok(string(calendar::store_date(days)))
    })?;
    strict(connection, "pg_to_timestamp", 3, |args| {
        let found = parse_moment(args.text(0)?, args.text(1)?)?;
        let local = calendar::timestamp_from(found.days, found.micros)
            .ok_or_else(|| out_of_range("timestamp"))?;
        let utc = match found.offset {
            Some(offset) => local - i64::from(offset) * 1_000_000,
            None => {
                let zone = temporal::zone_named(args.text(2)?)?;
                temporal::to_utc(local, &zone)?
            }
        };
        Ok(stored_moment(utc, true))
    })
}

fn out_of_range(what: &str) -> Error {
    Error::user(SqlState::DATETIME_FIELD_OVERFLOW, format!("{what} out of range"))
}

/// A moment as clocks show it. The infinities and empty templates have no form.
fn shown(local: Micros, zone: Option<(i32, String)>, template: &str) -> Answer {
    if template.is_empty() || local == calendar::INFINITY || local == calendar::NEGATIVE_INFINITY {
        return Ok(SqlValue::Null);
    }
    let (days, micros) = calendar::split(local);
    moment_to_char(template, &Fields::of_moment(days, micros, zone)).map(string)
}

/// The number by which `V` moves the point.
fn moved(template: &NumberTemplate) -> Result<Numeric, Error> {
    super::parse_numeric(&format!("1e{}", template.moved_by()))
}

fn number_shown(value: &Numeric, template: &str) -> Answer {
    let template = NumberTemplate::parse(template)?;
    if template.is_scientific() {
        return Ok(string(scientific(&template, value.to_f64())));
    }
    let value =
        if template.moved_by() > 0 { value.mul(&moved(&template)?)? } else { value.clone() };
    let digits = if template.is_roman() { 0 } else { template.digits_after_point() as i32 };
    number_to_char(&template, &value.round(digits).to_string()).map(string)
}

/// A float, of which only so many digits count.
fn float_shown(value: f64, digits: usize, template: &str) -> Answer {
    let parsed = NumberTemplate::parse(template)?;
    if parsed.is_scientific() {
        return Ok(string(scientific(&parsed, value)));
    }
    if !value.is_finite() {
        return number_shown(&Numeric::from_f64(value, digits)?, template);
    }
    let value = value * 10_f64.powi(parsed.moved_by() as i32);
    let whole = format!("{:.0}", value.abs()).len();
    let after = parsed.digits_after_point().min(digits.saturating_sub(whole));
    let mut text = format!("{value:.after$}");
    if after < parsed.digits_after_point() && after > 0 {
        text.extend(std::iter::repeat_n('0', parsed.digits_after_point() - after));
    }
    number_to_char(&parsed, &text).map(string)
}
