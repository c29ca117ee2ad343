//! Moments and intervals.

use std::sync::Arc;

use crate::datum::calendar::{
    self, INFINITY, MICROS_PER_DAY, Micros, NEGATIVE_INFINITY, civil_from_days, days_from_civil,
    days_in_month, timestamp_from,
};
use crate::datum::interval::Interval;
use crate::datum::temporal::{
    MICROS_PER_HOUR, MICROS_PER_MINUTE, overflow, timestamp_out_of_range,
};
use crate::datum::zone::{self, Zone};
use crate::model::error::{Error, SqlState};

pub(super) fn is_finite(moment: Micros) -> bool {
    moment != INFINITY && moment != NEGATIVE_INFINITY
}

/// The zone of this name: an IANA name, an abbreviation, or a POSIX string.
///
/// # Errors
/// 22023 `time zone "x" not recognized`.
pub fn zone_named(name: &str) -> Result<Arc<Zone>, Error> {
    if let Some(seconds) = zone::abbreviation(&name.to_ascii_lowercase()) {
        return zone_named(&zone::fixed_name(seconds));
    }
    let full = zone::abbreviated_zone(&name.to_ascii_lowercase()).unwrap_or(name);
    zone::find(full).ok_or_else(|| {
        Error::user(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("time zone \"{name}\" not recognized"),
        )
    })
}

/// What clocks in the zone show at a moment. The infinities stay.
///
/// # Errors
/// 22008
pub fn local(moment: Micros, zone: &Zone) -> Result<Micros, Error> {
    if !is_finite(moment) {
        return Ok(moment);
    }
    zone.to_local(moment).ok_or_else(timestamp_out_of_range)
}

/// The moment at which clocks in the zone show this.
///
/// # Errors
/// 22008
pub fn to_utc(local: Micros, zone: &Zone) -> Result<Micros, Error> {
    if !is_finite(local) {
        return Ok(local);
    }
    zone.to_utc(local)
        .filter(|moment| calendar::timestamp_in_range(*moment))
        .ok_or_else(timestamp_out_of_range)
}

/// Adds an interval. Months and days are counted by the zone's calendar, where there is one.
///
/// # Errors
/// 22008
pub fn add_interval(
    moment: Micros,
    interval: &Interval,
    zone: Option<&Zone>,
) -> Result<Micros, Error> {
    if !is_finite(moment) {
        return Ok(moment);
    }
    let mut moment = moment;
    if interval.months != 0 || interval.days != 0 {
        let shown = match zone {
            Some(zone) => local(moment, zone)?,
            None => moment,
        };
        let (days, time) = calendar::split(shown);
        let days = add_months(days, interval.months) + i64::from(interval.days);
        let shown = timestamp_from(days, time).ok_or_else(timestamp_out_of_range)?;
        moment = match zone {
            Some(zone) => to_utc(shown, zone)?,
            None => shown,
        };
    }
    moment
        .checked_add(interval.micros)
        .filter(|moment| calendar::timestamp_in_range(*moment))
        .ok_or_else(timestamp_out_of_range)
}

/// The same day some months later, or the last one of a month that is too short.
fn add_months(days: i64, months: i32) -> i64 {
    if months == 0 {
        return days;
    }
    let (year, month, day) = civil_from_days(days);
    let months = year * 12 + i64::from(month) - 1 + i64::from(months);
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) as u32 + 1);
    days_from_civil(year, month, day.min(days_in_month(year, month)))
}

/// A date some days later; the infinities stay.
///
/// # Errors
/// 22008 `date out of range`.
pub fn add_days(days: i32, more: i64) -> Result<i32, Error> {
    if days == calendar::DATE_INFINITY || days == calendar::DATE_NEGATIVE_INFINITY {
        return Ok(days);
    }
    i64::from(days)
        .checked_add(more)
        .filter(|sum| (calendar::DAYS_MIN..=calendar::DAYS_MAX).contains(sum))
        .and_then(|sum| i32::try_from(sum).ok())
        .ok_or_else(|| overflow("date out of range"))
}

/// The time between two moments, in days and hours.
///
/// # Errors
/// 22008
pub fn subtract(left: Micros, right: Micros) -> Result<Interval, Error> {
    if !is_finite(left) || !is_finite(right) {
        return Err(overflow("cannot subtract infinite timestamps"));
    }
    let micros = left.checked_sub(right).ok_or_else(|| overflow("interval out of range"))?;
    Interval { micros, ..Interval::default() }.justify_hours()
}

/// The time between two moments as people count it: years, months and days.
///
/// # Errors
/// 22008 for an infinity.
pub fn age(left: Micros, right: Micros) -> Result<Interval, Error> {
    if !is_finite(left) || !is_finite(right) {
        return Err(timestamp_out_of_range());
    }
    let negative = left < right;
    let (later, earlier) = if negative { (right, left) } else { (left, right) };
    let (later_days, later_time) = calendar::split(later);
    let (earlier_days, earlier_time) = calendar::split(earlier);
    let (y1, m1, d1) = civil_from_days(later_days);
    let (y2, m2, d2) = civil_from_days(earlier_days);
    let mut time = later_time - earlier_time;
    let mut days = i64::from(d1) - i64::from(d2);
    let mut months = i64::from(m1) - i64::from(m2);
    let mut years = y1 - y2;
    if time < 0 {
        time += MICROS_PER_DAY;
        days -= 1;
    }
    while days < 0 {
        // The month of the second argument lends its days, or of the first if that is the earlier.
        days += i64::from(days_in_month(y2, m2));
        months -= 1;
    }
    while months < 0 {
        months += 12;
        years -= 1;
    }
    let sign = if negative { -1 } else { 1 };
    let months = i32::try_from(years * 12 + months).map_err(|_| timestamp_out_of_range())?;
    Ok(Interval { months: months * sign, days: days as i32 * sign, micros: time * i64::from(sign) })
}

/// A date of numbers; a negative year is BC.
///
/// # Errors
/// 22008 `date field value out of range: 2013-02-30`.
pub fn make_date(year: i64, month: i64, day: i64) -> Result<i32, Error> {
    let wrong = || overflow(format!("date field value out of range: {year}-{month:02}-{day:02}"));
    let astronomical = match year {
        0 => return Err(wrong()),
        ..0 => year + 1,
        1.. => year,
    };
    let month_number = u32::try_from(month).ok().filter(|month| (1..=12).contains(month));
    let month_number = month_number.ok_or_else(wrong)?;
    let day_number = u32::try_from(day)
        .ok()
        .filter(|day| (1..=days_in_month(astronomical, month_number)).contains(day))
        .ok_or_else(wrong)?;
    let days = days_from_civil(astronomical, month_number, day_number);
    if !(calendar::DAYS_MIN..=calendar::DAYS_MAX).contains(&days) {
        return Err(overflow(format!("date out of range: {year}-{month:02}-{day:02}")));
    }
    i32::try_from(days).map_err(|_| wrong())
}

/// Microseconds of a time of numbers.
///
/// # Errors
/// 22008 `time field value out of range: 25:00:00`.
pub fn make_time(hour: i64, minute: i64, seconds: f64) -> Result<i64, Error> {
    let wrong =
        || overflow(format!("time field value out of range: {hour}:{minute:02}:{seconds:02}"));
    let valid =
        (0..=24).contains(&hour) && (0..60).contains(&minute) && (0.0..=60.0).contains(&seconds);
    if !valid {
        return Err(wrong());
    }
    let micros = (seconds * 1_000_000.0).round_ties_even() as i64;
    let total = hour * MICROS_PER_HOUR + minute * MICROS_PER_MINUTE + micros;
    if total > MICROS_PER_DAY { Err(wrong()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Micros {
        calendar::load_timestamp(text).unwrap()
    }

    #[test]
    fn months_end_where_the_month_ends() {
        let month = Interval { months: 1, ..Interval::default() };
        let sum = add_interval(moment("2020-01-31 10:00:00"), &month, None).unwrap();
        assert_eq!(sum, moment("2020-02-29 10:00:00"));
    }

    #[test]
    fn days_are_the_zones_days() {
        let zone = zone_named("Europe/Berlin").unwrap();
        let day = Interval { days: 1, ..Interval::default() };
        // Clocks go forward in the night of 2024-03-31.
        let sum = add_interval(moment("2024-03-30 11:00:00"), &day, Some(&zone)).unwrap();
        assert_eq!(sum, moment("2024-03-31 10:00:00"));
    }

    #[test]
    fn ages_are_counted_as_people_do() {
        let between = |a: &str, b: &str| age(moment(a), moment(b)).unwrap().store();
        let (a, b) = ("2001-04-10 00:00:00", "1957-06-13 00:00:00");
        assert_eq!(between(a, b), "43 years 9 mons 27 days");
        assert_eq!(between(b, a), "-43 years -9 mons -27 days");
    }
}
