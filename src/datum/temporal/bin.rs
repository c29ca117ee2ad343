//! `date_trunc` and `date_bin`.

use crate::datum::calendar::{
    self, MICROS_PER_DAY, MICROS_PER_SECOND, Micros, civil_from_days, days_from_civil,
};
use crate::datum::interval::Interval;
use crate::datum::temporal::extract::weekday;
use crate::datum::temporal::timestamp::{is_finite, local, to_utc};
use crate::datum::temporal::unit::{Unit, unsupported};
use crate::datum::temporal::{
    MICROS_PER_HOUR, MICROS_PER_MINUTE, overflow, timestamp_out_of_range,
};
use crate::datum::zone::Zone;
use crate::model::error::Error;

/// The start of the unit that a moment lies in; by the zone's calendar, if there is one.
///
/// # Errors
/// 22023, 0A000 for a unit that isn't one, or not of this type.
pub fn trunc_timestamp(name: &str, moment: Micros, zone: Option<&Zone>) -> Result<Micros, Error> {
    let type_name =
        if zone.is_some() { "timestamp with time zone" } else { "timestamp without time zone" };
    let unit = Unit::parse(name, type_name)?;
    let clock = match unit {
        Unit::Microseconds => Some(1),
        Unit::Milliseconds => Some(1000),
        Unit::Second => Some(MICROS_PER_SECOND),
        Unit::Minute => Some(MICROS_PER_MINUTE),
        Unit::Hour => Some(MICROS_PER_HOUR),
        _ => None,
    };
    if !is_finite(moment) {
        return Ok(moment);
    }
    let shown = match zone {
        Some(zone) => local(moment, zone)?,
        None => moment,
    };
    if let Some(size) = clock {
        // The offset stays: it's the same hour.
        return Ok(moment - shown.rem_euclid(size));
    }
    let (days, _) = calendar::split(shown);
    let (year, month, _) = civil_from_days(days);
    let start = match unit {
        Unit::Day => days,
        Unit::Week => days - (weekday(days) + 6).rem_euclid(7),
        Unit::Month => days_from_civil(year, month, 1),
        Unit::Quarter => days_from_civil(year, (month - 1) / 3 * 3 + 1, 1),
        Unit::Year => days_from_civil(year, 1, 1),
        Unit::Decade if year > 0 => days_from_civil(year / 10 * 10, 1, 1),
        Unit::Decade => days_from_civil(-((8 - (year - 1)) / 10) * 10, 1, 1),
        Unit::Century if year > 0 => days_from_civil((year + 99) / 100 * 100 - 99, 1, 1),
        Unit::Century => days_from_civil(-((99 - (year - 1)) / 100) * 100 + 1, 1, 1),
        Unit::Millennium if year > 0 => days_from_civil((year + 999) / 1000 * 1000 - 999, 1, 1),
        Unit::Millennium => days_from_civil(-((999 - (year - 1)) / 1000) * 1000 + 1, 1, 1),
        _ => return Err(unsupported(name, type_name)),
    };
    let start = start.checked_mul(MICROS_PER_DAY).ok_or_else(timestamp_out_of_range)?;
    match zone {
        Some(zone) => to_utc(start, zone),
        None => Ok(start),
    }
}

/// An interval with all below the unit cut off.
///
/// # Errors
/// As [`trunc_timestamp`].
pub fn trunc_interval(name: &str, interval: &Interval) -> Result<Interval, Error> {
    let unit = Unit::parse(name, "interval")?;
    let months =
        |size: i32| Interval { months: interval.months / size * size, ..Interval::default() };
    let micros = |size: i64| Interval { micros: interval.micros / size * size, ..*interval };
    Ok(match unit {
        Unit::Millennium => months(12_000),
        Unit::Century => months(1200),
        Unit::Decade => months(120),
        Unit::Year => months(12),
        Unit::Quarter => months(3),
        Unit::Month => months(1),
        Unit::Day => Interval { micros: 0, ..*interval },
        Unit::Hour => micros(MICROS_PER_HOUR),
        Unit::Minute => micros(MICROS_PER_MINUTE),
        Unit::Second => micros(MICROS_PER_SECOND),
        Unit::Milliseconds => micros(1000),
        Unit::Microseconds => *interval,
        Unit::Week => {
            return Err(
                unsupported(name, "interval").with_detail("Months usually have fractional weeks.")
            );
        }
        _ => return Err(unsupported(name, "interval")),
    })
}

/// The start of the bin of a given width, counted from `origin`, that a moment lies in.
///
/// # Errors
/// 0A000 for months; 22008.
pub fn date_bin(stride: &Interval, moment: Micros, origin: Micros) -> Result<Micros, Error> {
    if !is_finite(moment) {
        return Ok(moment);
    }
    if !is_finite(origin) {
        return Err(overflow("origin out of range"));
    }
    if stride.months != 0 {
        return Err(Error::refused(
            "timestamps cannot be binned into intervals containing months or years",
        ));
    }
    let width = i64::from(stride.days)
        .checked_mul(MICROS_PER_DAY)
        .and_then(|days| days.checked_add(stride.micros))
        .ok_or_else(|| overflow("interval out of range"))?;
    if width <= 0 {
        return Err(overflow("stride must be greater than zero"));
    }
    let distance = moment.checked_sub(origin).ok_or_else(|| overflow("interval out of range"))?;
    let start = moment.checked_sub(distance.rem_euclid(width));
    start.filter(|start| calendar::timestamp_in_range(*start)).ok_or_else(timestamp_out_of_range)
}
