//! interval: months, days and microseconds, kept apart. Stored as PostgreSQL's default style
//! shows it (`1 year 2 mons -3 days +04:05:06.7`); compared by [`Interval::span`].

use bytes::{BufMut as _, BytesMut};

use crate::datum::calendar::{MICROS_PER_DAY, MICROS_PER_SECOND, put_fraction};
use crate::datum::datetime_input::{Failure, fraction};
use crate::datum::interval_fields::Fields;
use crate::datum::stored::{corrupted, exactly, is_space, text};
use crate::datum::{IntervalStyle, Style};
use crate::model::error::Error;
use crate::model::pg_type::PgType;
use crate::model::value::Value;

pub(super) const MICROS_PER_HOUR: i64 = 3600 * MICROS_PER_SECOND;
pub(super) const MICROS_PER_MINUTE: i64 = 60 * MICROS_PER_SECOND;

/// An interval's three parts, each with its own sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interval {
    pub months: i32,
    pub days: i32,
    pub micros: i64,
}

impl Interval {
    /// What intervals are compared by: a month is 30 days, a day 24 hours.
    pub fn span(&self) -> i128 {
        i128::from(self.micros)
            + (i128::from(self.days) + 30 * i128::from(self.months)) * i128::from(MICROS_PER_DAY)
    }

    /// Reads the stored form (and any other text form).
    pub fn load(text: &str) -> Option<Self> {
        parse(text, Fields::of(-1)).ok()
    }

    /// The stored form.
    pub fn store(&self) -> String {
        let mut out = BytesMut::with_capacity(32);
        self.put_postgres(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Hours, minutes, seconds and microseconds, each with the sign of the whole.
    fn clock(&self) -> (i64, i64, i64, i64) {
        (
            self.micros / MICROS_PER_HOUR,
            self.micros / MICROS_PER_MINUTE % 60,
            self.micros / MICROS_PER_SECOND % 60,
            self.micros % MICROS_PER_SECOND,
        )
    }

    fn put(&self, style: IntervalStyle, out: &mut BytesMut) {
        match style {
            IntervalStyle::Postgres => self.put_postgres(out),
            IntervalStyle::PostgresVerbose => self.put_verbose(out),
            IntervalStyle::SqlStandard => self.put_sql_standard(out),
            IntervalStyle::Iso8601 => self.put_iso_8601(out),
        }
    }

    fn put_postgres(&self, out: &mut BytesMut) {
        let start = out.len();
        let mut before_negative = false;
        let parts = [(self.months / 12, "year"), (self.months % 12, "mon"), (self.days, "day")];
        for (value, unit) in parts.into_iter().filter(|&(value, _)| value != 0) {
            if out.len() > start {
                out.put_u8(b' ');
            }
            if before_negative && value > 0 {
                out.put_u8(b'+');
            }
            put_number(i64::from(value), 1, out);
            out.put_u8(b' ');
            out.put_slice(unit.as_bytes());
            if value != 1 {
                out.put_u8(b's');
            }
            before_negative = value < 0;
        }
        if out.len() == start || self.micros != 0 {
            if out.len() > start {
                out.put_u8(b' ');
            }
            if self.micros < 0 {
                out.put_u8(b'-');
            } else if before_negative {
                out.put_u8(b'+');
            }
            let (hours, minutes, seconds, micros) = self.clock();
            put_number(hours.abs(), 2, out);
            out.put_u8(b':');
            put_number(minutes.abs(), 2, out);
            out.put_u8(b':');
            put_seconds(seconds.abs(), micros.abs(), 2, out);
        }
    }

    fn put_verbose(&self, out: &mut BytesMut) {
        out.put_u8(b'@');
        let (hours, minutes, seconds, micros) = self.clock();
        // The first part that isn't zero gives the sign; `ago` at the end says that it is minus.
        let mut ago: Option<bool> = None;
        let parts = [
            (i64::from(self.months / 12), "year"),
            (i64::from(self.months % 12), "mon"),
            (i64::from(self.days), "day"),
            (hours, "hour"),
            (minutes, "min"),
        ];
        for (value, unit) in parts.into_iter().filter(|&(value, _)| value != 0) {
            let value = if *ago.get_or_insert(value < 0) { -value } else { value };
            out.put_u8(b' ');
            put_number(value, 1, out);
            out.put_u8(b' ');
            out.put_slice(unit.as_bytes());
            if value != 1 {
                out.put_u8(b's');
            }
        }
        if seconds != 0 || micros != 0 {
            let negative = seconds < 0 || micros < 0;
            out.put_u8(b' ');
            if *ago.get_or_insert(negative) != negative {
                out.put_u8(b'-');
            }
            put_seconds(seconds.abs(), micros.abs(), 1, out);
            out.put_slice(if seconds.abs() != 1 || micros != 0 { b" secs" } else { b" sec" });
        }
        match ago {
            None => out.put_slice(b" 0"),
            Some(true) => out.put_slice(b" ago"),
            Some(false) => {}
        }
    }

    fn put_sql_standard(&self, out: &mut BytesMut) {
        let negative = self.months < 0 || self.days < 0 || self.micros < 0;
        let positive = self.months > 0 || self.days > 0 || self.micros > 0;
        let has_months = self.months != 0;
        let has_time = self.days != 0 || self.micros != 0;
        if !negative && !positive {
            return out.put_u8(b'0');
        }
        let (hours, minutes, seconds, micros) = self.clock();
        let put_clock = |out: &mut BytesMut| {
            put_number(hours.abs(), 1, out);
            out.put_u8(b':');
            put_number(minutes.abs(), 2, out);
            out.put_u8(b':');
            put_seconds(seconds.abs(), micros.abs(), 2, out);
        };
        let put_months = |out: &mut BytesMut| {
            put_number(i64::from(self.months / 12).abs(), 1, out);
            out.put_u8(b'-');
            put_number(i64::from(self.months % 12).abs(), 1, out);
        };
        let sign = |negative: bool| if negative { b'-' } else { b'+' };
        if negative && positive || has_months && has_time {
            out.put_u8(sign(self.months < 0));
            put_months(out);
            out.put_slice(&[b' ', sign(self.days < 0)]);
            put_number(i64::from(self.days).abs(), 1, out);
            out.put_slice(&[b' ', sign(self.micros < 0)]);
            return put_clock(out);
        }
        if negative {
            out.put_u8(b'-');
        }
        if has_months {
            put_months(out);
        } else {
            if self.days != 0 {
                put_number(i64::from(self.days).abs(), 1, out);
                out.put_u8(b' ');
            }
            put_clock(out);
        }
    }

    fn put_iso_8601(&self, out: &mut BytesMut) {
        if *self == Self::default() {
            return out.put_slice(b"PT0S");
        }
        let (hours, minutes, seconds, micros) = self.clock();
        let put_parts = |parts: &[(i64, u8)], out: &mut BytesMut| {
            for &(value, unit) in parts.iter().filter(|(value, _)| *value != 0) {
                put_number(value, 1, out);
                out.put_u8(unit);
            }
        };
        let (years, months) = (i64::from(self.months / 12), i64::from(self.months % 12));
        out.put_u8(b'P');
        put_parts(&[(years, b'Y'), (months, b'M'), (i64::from(self.days), b'D')], out);
        if self.micros != 0 {
            out.put_u8(b'T');
            put_parts(&[(hours, b'H'), (minutes, b'M')], out);
            if seconds != 0 || micros != 0 {
                if seconds < 0 || micros < 0 {
                    out.put_u8(b'-');
                }
                put_seconds(seconds.abs(), micros.abs(), 1, out);
                out.put_u8(b'S');
            }
        }
    }
}

fn put_number(number: i64, width: usize, out: &mut BytesMut) {
    let digits = number.unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1);
    if number < 0 {
        out.put_u8(b'-');
    }
    out.put_bytes(b'0', width.saturating_sub(digits));
    if number < 0 {
        crate::datum::integer::put_decimal(number.saturating_neg(), out);
    } else {
        crate::datum::integer::put_decimal(number, out);
    }
}

fn put_seconds(seconds: i64, micros: i64, width: usize, out: &mut BytesMut) {
    put_number(seconds, width, out);
    put_fraction(micros, out);
}

/// What a number in an interval counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Months(i32),
    Weeks,
    Days,
    Micros(i64),
}

fn unit(name: &str) -> Option<Unit> {
    Some(match name {
        "microsecond" | "microseconds" | "us" | "usec" | "usecs" | "usecond" | "useconds"
        | "microsecon" => Unit::Micros(1),
        "millisecond" | "milliseconds" | "ms" | "msec" | "msecs" | "msecond" | "mseconds"
        | "millisecon" => Unit::Micros(1000),
        "second" | "seconds" | "sec" | "secs" | "s" => Unit::Micros(MICROS_PER_SECOND),
        "minute" | "minutes" | "min" | "mins" | "m" => Unit::Micros(MICROS_PER_MINUTE),
        "hour" | "hours" | "hr" | "hrs" | "h" => Unit::Micros(MICROS_PER_HOUR),
        "day" | "days" | "d" => Unit::Days,
        "week" | "weeks" | "w" => Unit::Weeks,
        "month" | "months" | "mon" | "mons" => Unit::Months(1),
        "year" | "years" | "yr" | "yrs" | "y" => Unit::Months(12),
        "decade" | "decades" | "dec" | "decs" => Unit::Months(120),
        "century" | "centuries" | "cent" | "c" => Unit::Months(1200),
        "millennium" | "millennia" | "mil" | "mils" => Unit::Months(12_000),
        _ => return None,
    })
}

/// Sums the parts, with their limits.
#[derive(Default)]
struct Sum {
    months: i64,
    days: i64,
    micros: i64,
}

impl Sum {
    fn add_micros(&mut self, micros: i64) -> Result<(), Failure> {
        self.micros = self.micros.checked_add(micros).ok_or(Failure::FieldOverflow)?;
        Ok(())
    }

    /// Adds a part of a day or more: whole days, then the rest as time.
    fn add_fractional_days(&mut self, days: f64) -> Result<(), Failure> {
        let whole = days.trunc();
        self.days += whole as i64;
        self.add_micros(((days - whole) * MICROS_PER_DAY as f64).round_ties_even() as i64)
    }

    fn add(&mut self, whole: i64, part: f64, unit: Unit) -> Result<(), Failure> {
        let times = |by: i64| whole.checked_mul(by).ok_or(Failure::FieldOverflow);
        match unit {
            Unit::Micros(size) => {
                self.add_micros(times(size)?)?;
                self.add_micros((part * size as f64).round_ties_even() as i64)
            }
            Unit::Days => {
                self.days += whole;
                self.add_fractional_days(part)
            }
            Unit::Weeks => {
                self.days += times(7)?;
                self.add_fractional_days(part * 7.0)
            }
            Unit::Months(1) => {
                self.months += whole;
                self.add_fractional_days(part * 30.0)
            }
            Unit::Months(size) => {
                self.months += times(i64::from(size))?;
                self.months += (part * f64::from(size)).round_ties_even() as i64;
                Ok(())
            }
        }
    }

    fn finish(self, negate: bool) -> Result<Interval, Failure> {
        let sign = if negate { -1 } else { 1 };
        let narrow = |number: i64| i32::try_from(number * sign).map_err(|_| Failure::FieldOverflow);
        Ok(Interval {
            months: narrow(self.months)?,
            days: narrow(self.days)?,
            micros: self.micros.checked_mul(sign).ok_or(Failure::FieldOverflow)?,
        })
    }
}

/// A number with its sign, and its part after the point with the same sign.
fn signed(text: &str) -> Result<(i64, f64), Failure> {
    let negative = text.starts_with('-');
    let digits = text.trim_start_matches(['-', '+']);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(part) || whole.len() + part.len() == 0 {
        return Err(Failure::Format);
    }
    let whole: i64 = match whole {
        "" => 0,
        _ => whole.parse().map_err(|_| Failure::FieldOverflow)?,
    };
    let part: f64 = match part {
        "" => 0.0,
        _ => format!("0.{part}").parse().map_err(|_| Failure::Format)?,
    };
    Ok(if negative { (-whole, -part) } else { (whole, part) })
}

/// `[+-]hh:mm[:ss[.f]]`, or `mm:ss.f`
fn clock(text: &str, fields: Fields) -> Result<i64, Failure> {
    let negative = text.starts_with('-');
    let digits = text.trim_start_matches(['-', '+']);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let mut numbers = Vec::new();
    for piece in whole.split(':') {
        if piece.is_empty() || !piece.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Failure::Format);
        }
        numbers.push(piece.parse::<i64>().map_err(|_| Failure::FieldOverflow)?);
    }
    let (hours, minutes, seconds) = match *numbers {
        [minutes, seconds] if digits.contains('.') || fields.begins_with_minutes() => {
            (0, minutes, seconds)
        }
        [hours, minutes] => (hours, minutes, 0),
        [hours, minutes, seconds] => (hours, minutes, seconds),
        _ => return Err(Failure::Format),
    };
    if minutes > 59 || seconds > 60 {
        return Err(Failure::FieldOverflow);
    }
    let micros = hours
        .checked_mul(MICROS_PER_HOUR)
        .and_then(|sum| sum.checked_add(minutes * MICROS_PER_MINUTE + seconds * MICROS_PER_SECOND))
        .and_then(|sum| sum.checked_add(fraction(part).ok()?))
        .ok_or(Failure::FieldOverflow)?;
    Ok(if negative { -micros } else { micros })
}

/// Cuts into numbers (with sign, `:`, `-` and `.` inside) and words.
fn tokens(input: &str) -> Result<Vec<String>, Failure> {
    let mut found: Vec<String> = Vec::new();
    let lower = input.to_ascii_lowercase();
    let mut characters = lower.chars().peekable();
    while let Some(&c) = characters.peek() {
        let mut token = String::new();
        if c.is_ascii_alphabetic() {
            while let Some(c) = characters.next_if(char::is_ascii_alphabetic) {
                token.push(c);
            }
        } else if matches!(c, '+' | '-' | '.' | '0'..='9') {
            token.push(c);
            characters.next();
            while token.len() == 1
                && matches!(c, '+' | '-')
                && characters.next_if(|&c| is_space(c)).is_some()
            {}
            let inside = |c: &char| c.is_ascii_digit() || matches!(c, ':' | '.' | '-');
            while let Some(c) = characters.next_if(inside) {
                token.push(c);
            }
        } else if is_space(c) || c == '@' || c == ',' {
            characters.next();
            continue;
        } else {
            return Err(Failure::Format);
        }
        found.push(token);
    }
    Ok(found)
}

/// The units that `hh:mm:ss` stands for.
const CLOCK: [Unit; 3] = [
    Unit::Micros(MICROS_PER_HOUR),
    Unit::Micros(MICROS_PER_MINUTE),
    Unit::Micros(MICROS_PER_SECOND),
];

/// Reads any of PostgreSQL's interval forms (manual, "Interval Input"). What a number without a unit
/// counts is known from what comes behind it, and for the last one from the type's fields.
pub(super) fn parse(input: &str, fields: Fields) -> Result<Interval, Failure> {
    let trimmed = input.trim_matches(is_space);
    if trimmed.len() > 255 || !trimmed.is_ascii() {
        return Err(Failure::Format);
    }
    if let Some(rest) = trimmed.strip_prefix(['P', 'p'])
        && rest
            .starts_with(|c: char| c.is_ascii_digit() || matches!(c, 'T' | 't' | '-' | '+' | '.'))
    {
        return parse_iso_8601(rest, fields);
    }
    let mut found = tokens(trimmed)?;
    let count = found.len();
    found.retain(|token| token != "ago");
    let ago = found.len() < count;
    let mut sum = Sum::default();
    let mut seen: Vec<Unit> = Vec::new();
    let mut counted = fields.least();
    for token in found.iter().rev() {
        let one = [counted];
        let used: &[Unit] = if token.starts_with(|c: char| c.is_ascii_alphabetic()) {
            counted = unit(token).ok_or(Failure::Format)?;
            continue;
        } else if token.contains(':') {
            sum.add_micros(clock(token, fields)?)?;
            &CLOCK
        } else if token.rfind('-').is_some_and(|at| at > 0) {
            sum.months += years_and_months(token)?;
            &[Unit::Months(12), Unit::Months(1)]
        } else {
            let (whole, part) = signed(token)?;
            sum.add(whole, part, counted)?;
            &one
        };
        // Each unit comes once.
        if used.iter().any(|unit| seen.contains(unit)) {
            return Err(Failure::Format);
        }
        seen.extend(used);
        // Days stand before hours.
        if used[0] == CLOCK[0] {
            counted = Unit::Days;
        }
    }
    if seen.is_empty() {
        return Err(Failure::Format);
    }
    sum.finish(ago)
}

/// The standard's `[+-]years-months`, in months.
fn years_and_months(token: &str) -> Result<i64, Failure> {
    let (years, months) =
        token.trim_start_matches(['-', '+']).split_once('-').ok_or(Failure::Format)?;
    let (years, months) = (signed(years)?.0, signed(months)?.0);
    if months > 11 {
        return Err(Failure::FieldOverflow);
    }
    let total = years.checked_mul(12).ok_or(Failure::FieldOverflow)? + months;
    Ok(if token.starts_with('-') { -total } else { total })
}

/// ISO 8601 with designators, or `YYYY-MM-DDTHH:MM:SS`, after the `P`.
fn parse_iso_8601(text: &str, fields: Fields) -> Result<Interval, Failure> {
    let upper = text.to_ascii_uppercase();
    let mut sum = Sum::default();
    let mut in_time = false;
    let mut rest = upper.as_str();
    let (date, time) = upper.split_once('T').unwrap_or((&upper, ""));
    if !upper.contains(['Y', 'M', 'W', 'D', 'H', 'S']) {
        let mut pieces = date.splitn(3, '-');
        for counted in [Unit::Months(12), Unit::Months(1), Unit::Days] {
            if let Some(piece) = pieces.next().filter(|piece| !piece.is_empty()) {
                let (whole, part) = signed(piece)?;
                sum.add(whole, part, counted)?;
            }
        }
        if !time.is_empty() {
            sum.add_micros(clock(time, fields)?)?;
        }
        return sum.finish(false);
    }
    while let Some(first) = rest.chars().next() {
        if first == 'T' {
            in_time = true;
            rest = &rest[1..];
            continue;
        }
        let end = rest.find(|c: char| c.is_ascii_alphabetic()).ok_or(Failure::Format)?;
        let (whole, part) = signed(&rest[..end])?;
        let counted = match (rest.as_bytes()[end], in_time) {
            (b'Y', false) => Unit::Months(12),
            (b'M', false) => Unit::Months(1),
            (b'W', false) => Unit::Weeks,
            (b'D', false) => Unit::Days,
            (b'H', true) => Unit::Micros(MICROS_PER_HOUR),
            (b'M', true) => Unit::Micros(MICROS_PER_MINUTE),
            (b'S', true) => Unit::Micros(MICROS_PER_SECOND),
            _ => return Err(Failure::Format),
        };
        sum.add(whole, part, counted)?;
        rest = &rest[end + 1..];
    }
    sum.finish(false)
}

/// The value as its type's fields and precision have it.
pub(crate) fn adjusted(data_type: PgType, interval: Interval) -> Interval {
    Fields::of(data_type.modifier).adjust(interval)
}

pub(crate) fn from_text(data_type: PgType, input: &str) -> Result<Value, Error> {
    let fields = Fields::of(data_type.modifier);
    let interval = parse(input, fields).map_err(|failure| match failure {
        Failure::FieldOverflow => Failure::IntervalOverflow.of("interval", input),
        other => other.of("interval", input),
    })?;
    Ok(Value::Text(fields.adjust(interval).store()))
}

pub(crate) fn from_binary(data_type: PgType, bytes: &[u8]) -> Result<Value, Error> {
    let bytes: [u8; 16] = exactly(bytes)?;
    let (time, days, months) = (&bytes[..8], &bytes[8..12], &bytes[12..]);
    let interval = Interval {
        micros: i64::from_be_bytes(exactly(time)?),
        days: i32::from_be_bytes(exactly(days)?),
        months: i32::from_be_bytes(exactly(months)?),
    };
    Ok(Value::Text(adjusted(data_type, interval).store()))
}

fn stored(value: &Value) -> Result<Interval, Error> {
    let text = text(PgType::INTERVAL, value)?;
    Interval::load(text).ok_or_else(|| corrupted(PgType::INTERVAL))
}

pub(crate) fn to_text(value: &Value, style: &Style, out: &mut BytesMut) -> Result<(), Error> {
    if style.interval_style == IntervalStyle::Postgres {
        out.put_slice(text(PgType::INTERVAL, value)?.as_bytes());
    } else {
        stored(value)?.put(style.interval_style, out);
    }
    Ok(())
}

pub(crate) fn to_binary(value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    let interval = stored(value)?;
    out.put_i64(interval.micros);
    out.put_i32(interval.days);
    out.put_i32(interval.months);
    Ok(())
}
