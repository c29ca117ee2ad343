//! Days and microseconds: the calendar, and the stored form of date, time and timestamp.
//!
//! Invariants of the stored forms: they are ISO 8601 with a fraction only where there is one;
//! text order is time order. A year above 9999 is written `Y0012345` (as ISO 8601-2 does), a year
//! before 1 AD `/nnnn`, where `nnnn` is the astronomical year + 9999; `infinity` and `-infinity`
//! are the ends (`-` < `/` < digits < `Y` < `i`).

use bytes::{BufMut as _, BytesMut};

/// Days from 2000-01-01; [`DATE_INFINITY`] and [`DATE_NEGATIVE_INFINITY`] are the ends.
pub type Days = i32;
/// Microseconds from 2000-01-01 00:00; `i64::MAX` and `i64::MIN` are the infinities.
pub type Micros = i64;

pub const DATE_INFINITY: Days = i32::MAX;
pub const DATE_NEGATIVE_INFINITY: Days = i32::MIN;
pub const INFINITY: Micros = i64::MAX;
pub const NEGATIVE_INFINITY: Micros = i64::MIN;

pub const MICROS_PER_SECOND: i64 = 1_000_000;
pub const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// 4714-11-24 BC (Julian day 0), the first date that PostgreSQL has.
pub const DAYS_MIN: i64 = -2_451_545;
/// 5874897-12-31, the last date.
pub const DAYS_MAX: i64 = 2_145_031_948;

/// Days from 2000-01-01 to a day of the proleptic Gregorian calendar; `year` is astronomical (0 is
/// 1 BC).
pub fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    // 2000-01-01 is 10 957 days after 1970-01-01.
    crate::model::calendar::days_from_civil(year, month, day) - 10_957
}

/// The astronomical year, month and day, `days` after 2000-01-01.
pub fn civil_from_days(days: i64) -> (i64, u32, u32) {
    // 2000-01-01 is 10 957 days after 1970-01-01.
    crate::model::calendar::civil_from_days(days + 10_957)
}

/// Days of a month.
pub fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.rem_euclid(4) == 0
            && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0) =>
        {
            29
        }
        2 => 28,
        _ => 31,
    }
}

/// How years outside 1 to 9999 are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As kept in the database; see the top of this file.
    Stored,
    /// As shown: more digits, or ` BC` at the end (which the caller adds).
    Shown,
}

/// Writes a number with at least `width` digits.
pub(crate) fn put_padded(number: u64, width: usize, out: &mut BytesMut) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    let mut rest = number;
    while rest > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.put_slice(&digits[at.min(digits.len() - width)..]);
}

/// Writes `YYYY-MM-DD`; says whether the year is BC.
pub(crate) fn put_days(days: i64, form: Form, out: &mut BytesMut) -> bool {
    let (year, month, day) = civil_from_days(days);
    match form {
        Form::Stored if year > 9999 => {
            out.put_u8(b'Y');
            put_padded(year as u64, 7, out);
        }
        Form::Stored if year <= 0 => {
            out.put_u8(b'/');
            put_padded((year + 9999) as u64, 4, out);
        }
        _ => put_padded(if year <= 0 { 1 - year } else { year } as u64, 4, out),
    }
    out.put_u8(b'-');
    put_padded(u64::from(month), 2, out);
    out.put_u8(b'-');
    put_padded(u64::from(day), 2, out);
    year <= 0
}

/// Writes `HH:MM:SS` and the fraction without trailing zeros. `micros` is from 0 to 24 hours.
pub(crate) fn put_time(micros: i64, out: &mut BytesMut) {
    let seconds = micros / MICROS_PER_SECOND;
    put_padded((seconds / 3600) as u64, 2, out);
    out.put_u8(b':');
    put_padded((seconds / 60 % 60) as u64, 2, out);
    out.put_u8(b':');
    put_padded((seconds % 60) as u64, 2, out);
    put_fraction(micros % MICROS_PER_SECOND, out);
}

/// Writes `.ffffff` without trailing zeros, or nothing for 0.
pub(crate) fn put_fraction(micros: i64, out: &mut BytesMut) {
    if micros == 0 {
        return;
    }
    out.put_u8(b'.');
    let (mut digits, mut width) = (micros, 6);
    while digits % 10 == 0 {
        digits /= 10;
        width -= 1;
    }
    put_padded(digits as u64, width, out);
}

/// The whole days and the microseconds of the day.
pub fn split(micros: Micros) -> (i64, i64) {
    (micros.div_euclid(MICROS_PER_DAY), micros.rem_euclid(MICROS_PER_DAY))
}

fn into_string(out: &BytesMut) -> String {
    String::from_utf8_lossy(out).into_owned()
}

/// A date's stored form.
pub fn store_date(days: Days) -> String {
    match days {
        DATE_INFINITY => "infinity".to_owned(),
        DATE_NEGATIVE_INFINITY => "-infinity".to_owned(),
        _ => {
            let mut out = BytesMut::with_capacity(13);
            put_days(i64::from(days), Form::Stored, &mut out);
            into_string(&out)
        }
    }
}

/// A time's stored form. `micros` is from 0 to 24 hours.
pub fn store_time(micros: i64) -> String {
    let mut out = BytesMut::with_capacity(15);
    put_time(micros, &mut out);
    into_string(&out)
}

/// A timestamp's stored form; `utc` adds the `+00:00` of a timestamptz.
pub fn store_timestamp(micros: Micros, utc: bool) -> String {
    match micros {
        INFINITY => "infinity".to_owned(),
        NEGATIVE_INFINITY => "-infinity".to_owned(),
        _ => {
            let mut out = BytesMut::with_capacity(36);
            let (days, time) = split(micros);
            put_days(days, Form::Stored, &mut out);
            out.put_u8(b' ');
            put_time(time, &mut out);
            if utc {
                out.put_slice(b"+00:00");
            }
            into_string(&out)
        }
    }
}

pub(crate) fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0_i64, |sum, byte| {
        byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'))
    })
}

/// Reads a stored date off the front: its days, and what follows.
fn read_days(text: &[u8]) -> Option<(i64, &[u8])> {
    let (year, rest) = match text.first()? {
        b'Y' => (digits(text.get(1..8)?)?, text.get(8..)?),
        b'/' => (digits(text.get(1..5)?)? - 9999, text.get(5..)?),
        _ => (digits(text.get(..4)?)?, text.get(4..)?),
    };
    let [b'-', m1, m2, b'-', d1, d2, rest @ ..] = rest else { return None };
    let (month, day) = (digits(&[*m1, *m2])? as u32, digits(&[*d1, *d2])? as u32);
    let valid = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    valid.then(|| (days_from_civil(year, month, day), rest))
}

/// Reads a stored time off the front: its microseconds, and what follows.
pub(crate) fn read_time(text: &[u8]) -> Option<(i64, &[u8])> {
    let [h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = text else { return None };
    let (hour, minute) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
    let second = digits(&[*s1, *s2])?;
    if hour > 24 || minute > 59 || second > 59 {
        return None;
    }
    let mut micros = ((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND;
    let mut rest = rest;
    if let [b'.', tail @ ..] = rest {
        let length = tail.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=6).contains(&length) {
            return None;
        }
        micros += digits(&tail[..length])? * 10_i64.pow(6 - length as u32);
        rest = &tail[length..];
    }
    (micros <= MICROS_PER_DAY).then_some((micros, rest))
}

/// Reads a date's stored form.
pub fn load_date(text: &str) -> Option<Days> {
    match text {
        "infinity" => Some(DATE_INFINITY),
        "-infinity" => Some(DATE_NEGATIVE_INFINITY),
        _ => {
            let (days, rest) = read_days(text.as_bytes())?;
            rest.is_empty().then_some(i32::try_from(days).ok()?)
        }
    }
}

/// Reads a time's stored form.
pub fn load_time(text: &str) -> Option<i64> {
    let (micros, rest) = read_time(text.as_bytes())?;
    rest.is_empty().then_some(micros)
}

/// Reads a timestamp's or a timestamptz's stored form.
pub fn load_timestamp(text: &str) -> Option<Micros> {
    match text {
        "infinity" => return Some(INFINITY),
        "-infinity" => return Some(NEGATIVE_INFINITY),
        _ => {}
    }
    let (days, rest) = read_days(text.as_bytes())?;
    // `T`, `Z` and a missing time are what SQLite's own date functions and other programs write.
    let (time, rest) = match rest {
        [] => (0, rest),
        [b' ' | b'T', tail @ ..] => read_time(tail)?,
        _ => return None,
    };
    if !matches!(rest, [] | b"+00:00" | b"Z") {
        return None;
    }
    days.checked_mul(MICROS_PER_DAY)?.checked_add(time)
}

/// The microseconds of a timestamp, if PostgreSQL's type can hold it.
pub fn timestamp_from(days: i64, time: i64) -> Option<Micros> {
    let micros = days.checked_mul(MICROS_PER_DAY)?.checked_add(time)?;
    timestamp_in_range(micros).then_some(micros)
}

/// Whether a timestamp lies from 4714-11-24 BC to the end of 294276.
pub fn timestamp_in_range(micros: Micros) -> bool {
    (DAYS_MIN..days_from_civil(294_277, 1, 1)).contains(&micros.div_euclid(MICROS_PER_DAY))
}

/// Rounds to `precision` digits after the point (0 to 6), half away from zero, as
/// `AdjustTimestampForTypmod` does; other modifiers change nothing.
pub fn round(micros: i64, precision: i32) -> i64 {
    let Ok(precision @ 0..=5) = u32::try_from(precision) else { return micros };
    let unit = 10_i64.pow(6 - precision);
    let half = if micros >= 0 { unit / 2 } else { -(unit / 2) };
    micros.checked_add(half).map_or(micros, |sum| sum / unit * unit)
}
