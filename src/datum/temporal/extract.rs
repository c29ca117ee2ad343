//! `extract` and `date_part`: one field of a moment, a time or an interval.

use crate::datum::calendar::{
    self, INFINITY, MICROS_PER_DAY, Micros, NEGATIVE_INFINITY, civil_from_days, days_from_civil,
};
use crate::datum::interval::Interval;
use crate::datum::numeric::Numeric;
use crate::datum::temporal::unit::{Unit, unsupported};
use crate::datum::temporal::{MICROS_PER_HOUR, MICROS_PER_MINUTE};
use crate::datum::timetz::ZonedTime;
use crate::model::error::Error;

/// Days from the Julian day 0 to 2000-01-01.
const JULIAN_2000: i64 = 2_451_545;
/// Microseconds from 1970-01-01 to 2000-01-01.
const EPOCH_SHIFT: i64 = 10_957 * MICROS_PER_DAY;

/// The value of a field.
#[derive(Debug, Clone)]
pub enum Part {
    /// The field doesn't exist: of an infinity.
    Null,
    /// A whole number.
    Whole(i64),
    /// This many parts of a power of ten, shown with that many digits.
    Scaled(i128, u32),
    Numeric(Numeric),
}

impl Part {
    /// # Errors
    /// 22003, never in practice.
    pub fn to_numeric(&self) -> Result<Option<Numeric>, Error> {
        Ok(match self {
            Self::Null => None,
            Self::Whole(value) => Some(Numeric::from_i64(*value)),
            Self::Numeric(value) => Some(value.clone()),
            Self::Scaled(value, scale) => {
                let sign = if *value < 0 { "-" } else { "" };
                let width = *scale as usize + 1;
                let digits = format!("{:0>width$}", value.unsigned_abs());
                let point = digits.len() - *scale as usize;
                Numeric::parse(&format!("{sign}{}.{}", &digits[..point], &digits[point..]))?
            }
        })
    }
}

fn infinite(negative: bool) -> Part {
    Part::Numeric(Numeric::Infinity { negative })
}

/// Of the infinities: fields that grow with time are infinite, others don't exist.
fn of_infinity(unit: Unit, negative: bool) -> Option<Part> {
    match unit {
        Unit::Year
        | Unit::Decade
        | Unit::Century
        | Unit::Millennium
        | Unit::Julian
        | Unit::IsoYear
        | Unit::Epoch => Some(infinite(negative)),
        Unit::Timezone | Unit::TimezoneHour | Unit::TimezoneMinute => None,
        _ => Some(Part::Null),
    }
}

/// 0 for Sunday.
pub(crate) fn weekday(days: i64) -> i64 {
    // 2000-01-01 was a Saturday.
    (days + 6).rem_euclid(7)
}

/// ISO 8601's year and week: the week of a date is that of its Thursday.
pub(crate) fn iso_week(days: i64) -> (i64, i64) {
    let thursday = days + 3 - (weekday(days) + 6).rem_euclid(7);
    let (year, ..) = civil_from_days(thursday);
    (year, (thursday - days_from_civil(year, 1, 1)) / 7 + 1)
}

/// Years as people count them: there is no year 0.
pub(crate) fn shown_year(year: i64) -> i64 {
    if year > 0 { year } else { year - 1 }
}

/// A field of a date; `None` if a date hasn't got it.
fn day_part(unit: Unit, days: i64) -> Option<Part> {
    let (year, month, day) = civil_from_days(days);
    let weekday = weekday(days);
    Some(Part::Whole(match unit {
        Unit::Day => i64::from(day),
        Unit::Month => i64::from(month),
        Unit::Quarter => i64::from(month.div_ceil(3)),
        Unit::Week => iso_week(days).1,
        Unit::Year => shown_year(year),
        Unit::IsoYear => shown_year(iso_week(days).0),
        Unit::Decade if year >= 0 => year / 10,
        Unit::Decade => -((8 - (year - 1)) / 10),
        Unit::Century if year > 0 => (year + 99) / 100,
        Unit::Century => -((99 - (year - 1)) / 100),
        Unit::Millennium if year > 0 => (year + 999) / 1000,
        Unit::Millennium => -((999 - (year - 1)) / 1000),
        Unit::DayOfWeek => weekday,
        Unit::IsoDayOfWeek => (weekday + 6) % 7 + 1,
        Unit::DayOfYear => days - days_from_civil(year, 1, 1) + 1,
        _ => return None,
    }))
}

/// A field of a time of day; `None` if a time hasn't got it.
fn time_part(unit: Unit, micros: i64) -> Option<Part> {
    let seconds = micros % MICROS_PER_MINUTE;
    Some(match unit {
        Unit::Microseconds => Part::Whole(seconds),
        Unit::Milliseconds => Part::Scaled(i128::from(seconds), 3),
        Unit::Second => Part::Scaled(i128::from(seconds), 6),
        Unit::Minute => Part::Whole(micros / MICROS_PER_MINUTE % 60),
        Unit::Hour => Part::Whole(micros / MICROS_PER_HOUR),
        _ => return None,
    })
}

/// A field of a timestamp. `zone` is what a timestamptz has: its offset from UTC in seconds; the
/// moment is local then.
///
/// # Errors
/// 22023, 0A000 for a unit that isn't one, or not of this type.
pub fn extract_timestamp(name: &str, moment: Micros, zone: Option<i32>) -> Result<Part, Error> {
    let type_name =
        if zone.is_some() { "timestamp with time zone" } else { "timestamp without time zone" };
    let unit = Unit::parse(name, type_name)?;
    let wrong = || unsupported(name, type_name);
    if moment == INFINITY || moment == NEGATIVE_INFINITY {
        let missing = zone.map(|_| Part::Null);
        return of_infinity(unit, moment < 0).or(missing).ok_or_else(wrong);
    }
    let (days, time) = calendar::split(moment);
    let offset = i64::from(zone.unwrap_or(0));
    match (unit, zone) {
        (Unit::Epoch, _) => {
            let utc = i128::from(moment) - i128::from(offset) * 1_000_000;
            Ok(Part::Scaled(utc + i128::from(EPOCH_SHIFT), 6))
        }
        (Unit::Julian, _) => {
            let day = Numeric::from_i64(MICROS_PER_DAY);
            let part = Numeric::from_i64(time).div(&day)?;
            Ok(Part::Numeric(Numeric::from_i64(days + JULIAN_2000).add(&part)?))
        }
        (Unit::Timezone, Some(_)) => Ok(Part::Whole(offset)),
        (Unit::TimezoneHour, Some(_)) => Ok(Part::Whole(offset / 3600)),
        (Unit::TimezoneMinute, Some(_)) => Ok(Part::Whole(offset / 60 % 60)),
        _ => day_part(unit, days).or_else(|| time_part(unit, time)).ok_or_else(wrong),
    }
}

/// # Errors
/// As [`extract_timestamp`].
pub fn extract_date(name: &str, days: i32) -> Result<Part, Error> {
    let unit = Unit::parse(name, "date")?;
    let wrong = || unsupported(name, "date");
    if days == calendar::DATE_INFINITY || days == calendar::DATE_NEGATIVE_INFINITY {
        let clock = matches!(
            unit,
            Unit::Microseconds | Unit::Milliseconds | Unit::Second | Unit::Minute | Unit::Hour
        );
        return of_infinity(unit, days < 0).filter(|_| !clock).ok_or_else(wrong);
    }
    let days = i64::from(days);
    match unit {
        Unit::Epoch => Ok(Part::Whole((days + 10_957) * 86_400)),
        Unit::Julian => Ok(Part::Whole(days + JULIAN_2000)),
        _ => day_part(unit, days).ok_or_else(wrong),
    }
}

/// # Errors
/// As [`extract_timestamp`].
pub fn extract_time(name: &str, micros: i64) -> Result<Part, Error> {
    let type_name = "time without time zone";
    let unit = Unit::parse(name, type_name)?;
    if unit == Unit::Epoch {
        return Ok(Part::Scaled(i128::from(micros), 6));
    }
    time_part(unit, micros).ok_or_else(|| unsupported(name, type_name))
}

/// Of a time with its offset from UTC in seconds.
///
/// # Errors
/// As [`extract_timestamp`].
pub fn extract_timetz(name: &str, time: &ZonedTime) -> Result<Part, Error> {
    let type_name = "time with time zone";
    let offset = i64::from(time.offset);
    Ok(match Unit::parse(name, type_name)? {
        Unit::Timezone => Part::Whole(offset),
        Unit::TimezoneHour => Part::Whole(offset / 3600),
        Unit::TimezoneMinute => Part::Whole(offset / 60 % 60),
        Unit::Epoch => Part::Scaled(i128::from(time.utc()), 6),
        unit => time_part(unit, time.micros).ok_or_else(|| unsupported(name, type_name))?,
    })
}

/// # Errors
/// As [`extract_timestamp`].
pub fn extract_interval(name: &str, interval: &Interval) -> Result<Part, Error> {
    let unit = Unit::parse(name, "interval")?;
    let years = i64::from(interval.months / 12);
    let months = i64::from(interval.months % 12);
    Ok(match unit {
        Unit::Day => Part::Whole(i64::from(interval.days)),
        Unit::Month => Part::Whole(months),
        Unit::Quarter => Part::Whole(months / 3 + 1),
        Unit::Year => Part::Whole(years),
        Unit::Decade => Part::Whole(years / 10),
        Unit::Century => Part::Whole(years / 100),
        Unit::Millennium => Part::Whole(years / 1000),
        Unit::Epoch => {
            // A year is 365.25 days here, so that 12 months are more than 12 times 30 days.
            let seconds = i128::from(years) * 31_557_600
                + (i128::from(months) * 30 + i128::from(interval.days)) * 86_400;
            Part::Scaled(seconds * 1_000_000 + i128::from(interval.micros), 6)
        }
        _ => time_part(unit, interval.micros).ok_or_else(|| unsupported(name, "interval"))?,
    })
}
