//! date, time, timestamp and timestamptz: between text, binary and stored forms.

use bytes::{BufMut as _, BytesMut};

use crate::datum::calendar::{
    self, DATE_INFINITY, DATE_NEGATIVE_INFINITY, DAYS_MAX, DAYS_MIN, Form, INFINITY,
    MICROS_PER_DAY, MICROS_PER_SECOND, NEGATIVE_INFINITY,
};
use crate::datum::datetime_input::{self, Moment, Special};
use crate::datum::stored::{corrupted, exactly, text, type_name};
use crate::datum::zone;
use crate::datum::{DateFormat, DateOrder, Style};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

fn overflow(message: impl Into<String>) -> Error {
    Error::user(SqlState::DATETIME_FIELD_OVERFLOW, message)
}

/// Reads a date, time, timestamp or timestamptz.
pub(crate) fn from_text(data_type: PgType, input: &str, style: &Style) -> Result<Value, Error> {
    Ok(Value::Text(match data_type.oid {
        1082 => calendar::store_date(date_from_text(input, style)?),
        1083 => calendar::store_time(time_from_text(data_type, input, style)?),
        1114 => calendar::store_timestamp(timestamp_from_text(data_type, input, style)?, false),
        _ => calendar::store_timestamp(timestamp_from_text(data_type, input, style)?, true),
    }))
}

fn date_from_text(input: &str, style: &Style) -> Result<calendar::Days, Error> {
    let moment = datetime_input::parse(input, style).map_err(|error| error.of("date", input))?;
    match moment.special {
        Some(Special::Infinity) => return Ok(DATE_INFINITY),
        Some(Special::NegativeInfinity) => return Ok(DATE_NEGATIVE_INFINITY),
        // 1970-01-01
        Some(Special::Epoch) => return Ok(-10_957),
        None => {}
    }
    let days = moment.days.ok_or_else(|| datetime_input::Failure::Format.of("date", input))?;
    if !(DAYS_MIN..=DAYS_MAX).contains(&days) {
        return Err(overflow(format!("date out of range: \"{input}\"")));
    }
    Ok(days as i32)
}

fn time_from_text(data_type: PgType, input: &str, style: &Style) -> Result<i64, Error> {
    let name = type_name(data_type).split(' ').next().unwrap_or("time");
    let fail = |error: datetime_input::Failure| error.of(name, input);
    let moment = datetime_input::parse_time(input, style).map_err(fail)?;
    let (None, Some(time)) = (moment.special, moment.time) else {
        return Err(fail(datetime_input::Failure::Format));
    };
    Ok(calendar::round(time, data_type.modifier))
}

fn timestamp_from_text(
    data_type: PgType,
    input: &str,
    style: &Style,
) -> Result<calendar::Micros, Error> {
    let with_zone = data_type.oid == PgType::TIMESTAMPTZ.oid;
    let name = if with_zone { type_name(data_type) } else { "timestamp" };
    let fail = |error: datetime_input::Failure| error.of(name, input);
    let moment = datetime_input::parse(input, style).map_err(fail)?;
    let out_of_range = || overflow(format!("timestamp out of range: \"{input}\""));
    match moment.special {
        Some(Special::Infinity) => return Ok(INFINITY),
        Some(Special::NegativeInfinity) => return Ok(NEGATIVE_INFINITY),
        Some(Special::Epoch) => return Ok(-10_957 * MICROS_PER_DAY),
        None => {}
    }
    let days = moment.days.ok_or_else(|| fail(datetime_input::Failure::Format))?;
    let local = days
        .checked_mul(MICROS_PER_DAY)
        .and_then(|start| start.checked_add(moment.time.unwrap_or(0)))
        .ok_or_else(out_of_range)?;
    let micros = if with_zone {
        let offset = offset_for(&moment, local, style)?;
        local.checked_sub(i64::from(offset) * MICROS_PER_SECOND).ok_or_else(out_of_range)?
    } else {
        local
    };
    if !calendar::timestamp_in_range(micros) {
        return Err(out_of_range());
    }
    Ok(calendar::round(micros, data_type.modifier))
}

/// Seconds east of UTC for a local time: as written, or of the session's zone.
fn offset_for(moment: &Moment, local: i64, style: &Style) -> Result<i32, Error> {
    match (&moment.zone, moment.offset) {
        (Some(zone), _) => Ok(zone.offset_of_local(local)),
        (None, Some(offset)) => Ok(offset),
        (None, None) => Ok(session_zone(style)?.map_or(0, |zone| zone.offset_of_local(local))),
    }
}

/// The session's zone; `None` is UTC.
pub(crate) fn session_zone(style: &Style) -> Result<Option<std::sync::Arc<zone::Zone>>, Error> {
    if style.time_zone.eq_ignore_ascii_case("UTC") {
        return Ok(None);
    }
    zone::find(&style.time_zone).map(Some).ok_or_else(|| unknown_zone(&style.time_zone))
}

pub(crate) fn unknown_zone(name: &str) -> Error {
    Error::user(SqlState::INVALID_PARAMETER_VALUE, format!("time zone \"{name}\" not recognized"))
}

/// Writes a stored date, time, timestamp or timestamptz as the session shows it.
pub(crate) fn to_text(
    data_type: PgType,
    value: &Value,
    style: &Style,
    out: &mut BytesMut,
) -> Result<(), Error> {
    let stored = text(data_type, value)?;
    if style.date_format != DateFormat::Iso && data_type.oid != PgType::TIME.oid {
        return put_styled(data_type, stored, style, out);
    }
    let zone = match data_type.oid {
        1184 => session_zone(style)?,
        _ => None,
    };
    // Common years are shown as they are stored.
    if matches!(stored.as_bytes().first(), Some(b'0'..=b'9' | b'i' | b'-')) && zone.is_none() {
        let shown = if data_type.oid == 1184 {
            let shown = stored.strip_suffix(":00");
            shown.filter(|shown| shown.ends_with("+00"))
        } else {
            Some(stored).filter(|_| is_shown_form(data_type, stored))
        };
        if let Some(shown) = shown {
            out.put_slice(shown.as_bytes());
            return Ok(());
        }
    }
    put_shown(data_type, stored, zone.as_deref(), out).ok_or_else(|| corrupted(data_type))
}

/// Whether a stored text has the very length that its type's shown form has.
fn is_shown_form(data_type: PgType, stored: &str) -> bool {
    match data_type.oid {
        1082 => stored.len() == 10,
        1083 => stored.len() == 8,
        _ => stored.len() == 19 && stored.as_bytes()[10] == b' ',
    }
}

fn put_infinity(positive: bool, out: &mut BytesMut) {
    out.put_slice(if positive { b"infinity" } else { b"-infinity" });
}

/// Characters of a time zone's abbreviation that are shown (`MAXTZLEN`).
const ABBREVIATION_CHARS_MAX: usize = 10;

/// Writes a stored date, timestamp or timestamptz in another style than ISO.
fn put_styled(
    data_type: PgType,
    stored: &str,
    style: &Style,
    out: &mut BytesMut,
) -> Result<(), Error> {
    let misfit = || corrupted(data_type);
    if data_type.oid == PgType::DATE.oid {
        let days = calendar::load_date(stored).ok_or_else(misfit)?;
        if matches!(days, DATE_INFINITY | DATE_NEGATIVE_INFINITY) {
            put_infinity(days == DATE_INFINITY, out);
        } else if put_styled_date(i64::from(days), style, out) {
            out.put_slice(b" BC");
        }
        return Ok(());
    }
    let micros = calendar::load_timestamp(stored).ok_or_else(misfit)?;
    if matches!(micros, INFINITY | NEGATIVE_INFINITY) {
        put_infinity(micros == INFINITY, out);
        return Ok(());
    }
    let with_zone = data_type.oid == PgType::TIMESTAMPTZ.oid;
    let zone = if with_zone { session_zone(style)? } else { None };
    let offset = zone.as_ref().map_or(0, |zone| zone.offset_at(micros));
    let shift = i64::from(offset) * MICROS_PER_SECOND;
    let (days, time) = calendar::split(micros.checked_add(shift).ok_or_else(misfit)?);
    let before_christ = if style.date_format == DateFormat::Postgres {
        put_postgres(days, time, style.date_order, out)
    } else {
        let before_christ = put_styled_date(days, style, out);
        out.put_u8(b' ');
        calendar::put_time(time, out);
        before_christ
    };
    if with_zone {
        let name = zone.as_ref().map_or("UTC", |zone| zone.abbreviation_at(micros));
        out.put_u8(b' ');
        out.extend(name.chars().take(ABBREVIATION_CHARS_MAX).collect::<String>().as_bytes());
    }
    if before_christ {
        out.put_slice(b" BC");
    }
    Ok(())
}

/// The year that people count, and whether it is BC.
fn shown_year(year: i64) -> (u64, bool) {
    (if year <= 0 { 1 - year } else { year } as u64, year <= 0)
}

/// Writes `MM/DD/YYYY`, or as the style has it; says whether the year is BC.
fn put_styled_date(days: i64, style: &Style, out: &mut BytesMut) -> bool {
    let (year, month, day) = calendar::civil_from_days(days);
    let (separator, day_first) = match style.date_format {
        DateFormat::German => (b'.', true),
        DateFormat::Sql => (b'/', style.date_order == DateOrder::Dmy),
        _ => (b'-', style.date_order == DateOrder::Dmy),
    };
    let (first, second) = if day_first { (day, month) } else { (month, day) };
    let (year, before_christ) = shown_year(year);
    calendar::put_padded(u64::from(first), 2, out);
    out.put_u8(separator);
    calendar::put_padded(u64::from(second), 2, out);
    out.put_u8(separator);
    calendar::put_padded(year, 4, out);
    before_christ
}

/// Writes `Sat Jun 15 12:34:56 2024`; says whether the year is BC.
fn put_postgres(days: i64, time: i64, order: DateOrder, out: &mut BytesMut) -> bool {
    // 2000-01-01 was a Saturday.
    const WEEKDAYS: [&str; 7] = ["Sat", "Sun", "Mon", "Tue", "Wed", "Thu", "Fri"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day) = calendar::civil_from_days(days);
    let (year, before_christ) = shown_year(year);
    let month = MONTHS[month as usize - 1];
    out.put_slice(WEEKDAYS[days.rem_euclid(7) as usize].as_bytes());
    out.put_u8(b' ');
    if order == DateOrder::Dmy {
        calendar::put_padded(u64::from(day), 2, out);
        out.put_u8(b' ');
        out.put_slice(month.as_bytes());
    } else {
        out.put_slice(month.as_bytes());
        out.put_u8(b' ');
        calendar::put_padded(u64::from(day), 2, out);
    }
    out.put_u8(b' ');
    calendar::put_time(time, out);
    out.put_u8(b' ');
    calendar::put_padded(year, 4, out);
    before_christ
}

fn put_shown(
    data_type: PgType,
    stored: &str,
    zone: Option<&zone::Zone>,
    out: &mut BytesMut,
) -> Option<()> {
    match data_type.oid {
        1082 => {
            let days = calendar::load_date(stored)?;
            if matches!(days, DATE_INFINITY | DATE_NEGATIVE_INFINITY) {
                put_infinity(days == DATE_INFINITY, out);
                return Some(());
            }
            if calendar::put_days(i64::from(days), Form::Shown, out) {
                out.put_slice(b" BC");
            }
        }
        1083 => calendar::put_time(calendar::load_time(stored)?, out),
        _ => {
            let micros = calendar::load_timestamp(stored)?;
            if matches!(micros, INFINITY | NEGATIVE_INFINITY) {
                put_infinity(micros == INFINITY, out);
                return Some(());
            }
            let offset = zone.map_or(0, |zone| zone.offset_at(micros));
            let local = micros.checked_add(i64::from(offset) * MICROS_PER_SECOND)?;
            let (days, time) = calendar::split(local);
            let before_christ = calendar::put_days(days, Form::Shown, out);
            out.put_u8(b' ');
            calendar::put_time(time, out);
            if data_type.oid == 1184 {
                zone::put_offset(offset, out);
            }
            if before_christ {
                out.put_slice(b" BC");
            }
        }
    }
    Some(())
}

pub(crate) fn from_binary(data_type: PgType, bytes: &[u8]) -> Result<Value, Error> {
    Ok(Value::Text(match data_type.oid {
        1082 => {
            let days = i32::from_be_bytes(exactly(bytes)?);
            let infinite = matches!(days, DATE_INFINITY | DATE_NEGATIVE_INFINITY);
            if !infinite && !(DAYS_MIN..=DAYS_MAX).contains(&i64::from(days)) {
                return Err(overflow("date out of range"));
            }
            calendar::store_date(days)
        }
        1083 => {
            let micros = i64::from_be_bytes(exactly(bytes)?);
            if !(0..=MICROS_PER_DAY).contains(&micros) {
                return Err(overflow("time out of range"));
            }
            calendar::store_time(calendar::round(micros, data_type.modifier))
        }
        _ => {
            let micros = i64::from_be_bytes(exactly(bytes)?);
            let infinite = matches!(micros, INFINITY | NEGATIVE_INFINITY);
            if !infinite && !calendar::timestamp_in_range(micros) {
                return Err(overflow("timestamp out of range"));
            }
            let micros =
                if infinite { micros } else { calendar::round(micros, data_type.modifier) };
            calendar::store_timestamp(micros, data_type.oid == 1184)
        }
    }))
}

pub(crate) fn to_binary(data_type: PgType, value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    let stored = text(data_type, value)?;
    let misfit = || corrupted(data_type);
    match data_type.oid {
        1082 => out.put_i32(calendar::load_date(stored).ok_or_else(misfit)?),
        1083 => out.put_i64(calendar::load_time(stored).ok_or_else(misfit)?),
        _ => out.put_i64(calendar::load_timestamp(stored).ok_or_else(misfit)?),
    }
    Ok(())
}
