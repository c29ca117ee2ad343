//! `to_char` of timestamps and intervals.

use std::fmt::Write as _;

use crate::datum::calendar::{civil_from_days, days_from_civil};
use crate::datum::formatting::template::{Case, Field, Part, parse};
use crate::datum::formatting::{DAYS, MONTHS, ROMAN_MONTHS, ordinal};
use crate::datum::interval::Interval;
use crate::datum::temporal::{iso_week, weekday};
use crate::model::error::{Error, SqlState};

/// What is shown.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    /// Of the day; hours of an interval may be more than 24.
    pub micros: i64,
    /// From 2000-01-01; `None` for intervals.
    pub days: Option<i64>,
    /// Seconds east of UTC, of a timestamptz, and what its zone calls that.
    pub zone: Option<(i32, String)>,
}

impl Fields {
    /// Of a moment as clocks show it.
    pub fn of_moment(days: i64, micros: i64, zone: Option<(i32, String)>) -> Self {
        let (year, month, day) = civil_from_days(days);
        Self { year, month: i64::from(month), day: i64::from(day), micros, days: Some(days), zone }
    }

    pub fn of_interval(interval: &Interval) -> Self {
        Self {
            year: i64::from(interval.months / 12),
            month: i64::from(interval.months % 12),
            day: i64::from(interval.days),
            micros: interval.micros,
            ..Self::default()
        }
    }

    fn is_interval(&self) -> bool {
        self.days.is_none()
    }

    fn shown_year(&self) -> i64 {
        if self.is_interval() || self.year > 0 { self.year } else { 1 - self.year }
    }

    fn hour(&self) -> i64 {
        self.micros / 3_600_000_000
    }

    fn day_of_year(&self) -> i64 {
        self.days.map_or(self.year * 360 + self.month * 30 + self.day, |days| {
            days - days_from_civil(self.year, 1, 1) + 1
        })
    }
}

/// 22007
fn not_for_intervals() -> Error {
    Error::user(
        SqlState::INVALID_DATETIME_FORMAT,
        "invalid format specification for an interval value",
    )
    .with_hint("Intervals are not tied to specific calendar dates.")
}

/// Shows a moment or an interval by a template.
///
/// # Errors
/// 22007 for a field that intervals don't have; 0A000.
pub fn moment_to_char(template: &str, fields: &Fields) -> Result<String, Error> {
    let (_, parts) = parse(template);
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Space(c) | Part::Separator(c) | Part::Text(c) => out.push(c),
            Part::Field { field, case, fill, ordinal: ending, .. } => {
                let start = out.len();
                put(fields, field, (case, fill), &mut out)?;
                if let Some(upper) = ending
                    && out[start..].ends_with(|c: char| c.is_ascii_digit())
                {
                    let ending = ordinal(&out[start..], upper);
                    out.push_str(ending);
                }
            }
        }
    }
    Ok(out)
}

fn put(
    fields: &Fields,
    field: Field,
    (case, fill): (Case, bool),
    out: &mut String,
) -> Result<(), Error> {
    let number = |value: i64, width: usize, out: &mut String| {
        // A sign takes a place of its own.
        let width = if fill { 0 } else { width + usize::from(value < 0) };
        let _ = write!(out, "{value:0width$}");
    };
    let second_micros = fields.micros % 1_000_000;
    let calendar = fields.days.ok_or_else(not_for_intervals);
    match field {
        Field::Hour12 => {
            let hour = fields.hour() % 12;
            number(if hour == 0 { 12 } else { hour }, 2, out);
        }
        Field::Hour24 => number(fields.hour(), 2, out),
        Field::Minute => number(fields.micros / 60_000_000 % 60, 2, out),
        Field::Second => number(fields.micros / 1_000_000 % 60, 2, out),
        Field::Millisecond => {
            let _ = write!(out, "{:03}", second_micros / 1000);
        }
        Field::Microsecond => {
            let _ = write!(out, "{second_micros:06}");
        }
        Field::Fraction(digits) => {
            let width = digits as usize;
            let _ = write!(out, "{:0width$}", second_micros / 10_i64.pow(6 - digits));
        }
        Field::SecondsOfDay => {
            let _ = write!(out, "{}", fields.micros / 1_000_000);
        }
        Field::Meridiem { dots } => {
            let text = match (fields.hour().rem_euclid(24) >= 12, dots) {
                (true, true) => "P.M.",
                (true, false) => "PM",
                (false, true) => "A.M.",
                (false, false) => "AM",
            };
            put_word(text, case, 0, out);
        }
        Field::Era { dots } => {
            calendar?;
            let text = match (fields.year <= 0, dots) {
                (true, true) => "B.C.",
                (true, false) => "BC",
                (false, true) => "A.D.",
                (false, false) => "AD",
            };
            put_word(text, case, 0, out);
        }
        Field::Century => {
            let year = fields.year;
            let century = if fields.is_interval() {
                year / 100
            } else if year > 0 {
                (year - 1) / 100 + 1
            } else {
                (year - 1) / 100 - 1
            };
            number(century, 2, out);
        }
        Field::Year { .. } | Field::YearWithComma => put_year(fields, field, &number, out)?,
        Field::ZoneName | Field::ZoneHours | Field::ZoneMinutes | Field::ZoneOffset => {
            put_zone(fields, field, case, out)?;
        }
        _ => put_date(fields, field, (case, fill), &number, out)?,
    }
    Ok(())
}

type Number<'a> = dyn Fn(i64, usize, &mut String) + 'a;

fn put_year(
    fields: &Fields,
    field: Field,
    number: &Number<'_>,
    out: &mut String,
) -> Result<(), Error> {
    match field {
        Field::Year { digits, iso } => {
            let year = if iso {
                let (year, _) = iso_week(fields.days.ok_or_else(not_for_intervals)?);
                if year > 0 { year } else { 1 - year }
            } else {
                fields.shown_year()
            };
            number(
                if digits == 4 { year } else { year % 10_i64.pow(digits) },
                digits as usize,
                out,
            );
        }
        _ => {
            let year = fields.shown_year();
            let _ = write!(out, "{},{:03}", year / 1000, year % 1000);
        }
    }
    Ok(())
}

fn put_date(
    fields: &Fields,
    field: Field,
    (case, fill): (Case, bool),
    number: &Number<'_>,
    out: &mut String,
) -> Result<(), Error> {
    let calendar = fields.days.ok_or_else(not_for_intervals);
    let pad = |width: usize| if fill { 0 } else { width };
    let month = usize::try_from(fields.month - 1).ok();
    match field {
        Field::Month | Field::MonthShort => {
            calendar?;
            let name = month.and_then(|month| MONTHS.get(month)).copied().unwrap_or("");
            if field == Field::Month {
                put_word(name, case, pad(9), out);
            } else {
                put_word(&name[..name.len().min(3)], case, 0, out);
            }
        }
        Field::Day | Field::DayShort => {
            let name = DAYS[weekday(calendar?) as usize];
            if field == Field::Day {
                put_word(name, case, pad(9), out);
            } else {
                put_word(&name[..3], case, 0, out);
            }
        }
        // Only of times and years does a sign take a place of its own.
        Field::MonthNumber => number(fields.month, if fields.month < 0 { 1 } else { 2 }, out),
        Field::DayOfMonth => number(fields.day, if fields.day < 0 { 1 } else { 2 }, out),
        Field::DayOfYear { iso: false } => number(fields.day_of_year(), 3, out),
        Field::DayOfYear { iso: true } => {
            let days = calendar?;
            let (_, week) = iso_week(days);
            number((week - 1) * 7 + (weekday(days) + 6) % 7 + 1, 3, out);
        }
        Field::DayOfWeek { iso: false } => number(weekday(calendar?) + 1, 0, out),
        Field::DayOfWeek { iso: true } => number((weekday(calendar?) + 6) % 7 + 1, 0, out),
        Field::WeekOfYear => number((fields.day_of_year() - 1) / 7 + 1, 2, out),
        Field::IsoWeek => number(iso_week(calendar?).1, 2, out),
        Field::WeekOfMonth => number((fields.day - 1) / 7 + 1, 0, out),
        Field::Quarter => {
            if fields.month > 0 {
                number((fields.month - 1) / 3 + 1, 0, out);
            }
        }
        Field::Julian => number(fields.days.unwrap_or(fields.day_of_year()) + 2_451_545, 0, out),
        Field::RomanMonth => {
            if let Some(name) = month.and_then(|month| ROMAN_MONTHS.get(month)) {
                put_word(name, case, pad(4), out);
            }
        }
        _ => return Err(Error::internal("this field is shown elsewhere")),
    }
    Ok(())
}

fn put_zone(fields: &Fields, field: Field, case: Case, out: &mut String) -> Result<(), Error> {
    if fields.is_interval() {
        return Err(not_for_intervals());
    }
    let Some((offset, name)) = &fields.zone else {
        // A timestamp without zone shows nothing of one, and an offset of zero.
        match field {
            Field::ZoneName => {}
            Field::ZoneMinutes => out.push_str("00"),
            _ => out.push_str("+00"),
        }
        return Ok(());
    };
    let sign = if *offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.abs() / 3600, offset.abs() / 60 % 60);
    let _ = match field {
        Field::ZoneHours => write!(out, "{sign}{hours:02}"),
        Field::ZoneMinutes => write!(out, "{minutes:02}"),
        Field::ZoneOffset if minutes == 0 => write!(out, "{sign}{hours:02}"),
        Field::ZoneOffset => write!(out, "{sign}{hours:02}:{minutes:02}"),
        _ => {
            put_word(name, case, 0, out);
            Ok(())
        }
    };
    Ok(())
}

fn put_word(word: &str, case: Case, width: usize, out: &mut String) {
    let word = match case {
        Case::Upper => word.to_uppercase(),
        Case::Lower => word.to_lowercase(),
        Case::Title => word.to_owned(),
    };
    let _ = write!(out, "{word:<width$}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datum::calendar::{load_timestamp, split};

    #[test]
    fn moments_are_shown_as_postgresql_shows_them() {
        let (days, micros) = split(load_timestamp("2024-02-09 15:04:05.012345").unwrap());
        let fields = Fields::of_moment(days, micros, None);
        // Recorded from PostgreSQL 15.
        for (template, expected) in [
            ("YYYY-MM-DD HH24:MI:SS.US", "2024-02-09 15:04:05.012345"),
            ("Dy, DD Mon YYYY HH12:MI AM", "Fri, 09 Feb 2024 03:04 PM"),
            ("FMDay, FMDDth FMMonth", "Friday, 9th February"),
            ("Day|MONTH|month|dy", "Friday   |FEBRUARY |february |fri"),
            ("IYYY-IW-ID DDD Q J WW W CC", "2024-06-5 040 1 2460350 06 2 21"),
            ("Y,YYY YYY YY Y MS FF3 SSSS", "2,024 024 24 4 012 012 54245"),
            ("\"at\" HH24\"h\" RM|FMRM a.m. BC", "at 15h II  |II p.m. AD"),
        ] {
            assert_eq!(moment_to_char(template, &fields).unwrap(), expected, "{template}");
        }
    }
}
