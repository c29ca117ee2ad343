//! Dates and times of columns that are declared `date`, `datetime` or `timestamp`, as RFC 3339.

use std::fmt::Write as _;

use crate::model::calendar::civil_from_days;

/// What a text that is no date is shown as: Go's zero time, which rqlite's clients get too.
const ZERO: &str = "0001-01-01T00:00:00Z";
/// Integers beyond this are milliseconds, others seconds since 1970.
const SECONDS_MAX: u64 = 1_000_000_000_000;

/// An integer as time since 1970 in UTC.
pub(crate) fn from_integer(value: i64) -> String {
    let (seconds, milliseconds) = if value.unsigned_abs() > SECONDS_MAX {
        (value.div_euclid(1000), value.rem_euclid(1000))
    } else {
        (value, 0)
    };
    let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    let fraction = if milliseconds == 0 { String::new() } else { format!("{milliseconds:03}") };
    let fields = Fields {
        year,
        month,
        day,
        hour: (second / 3600) as u32,
        minute: (second / 60 % 60) as u32,
        second: (second % 60) as u32,
        fraction: &fraction,
        offset: "Z",
    };
    fields.render()
}

/// A text in one of the layouts that SQLite writes, with its own offset if it has one.
pub(crate) fn from_text(text: &str) -> String {
    parse(text).map_or_else(|| ZERO.to_owned(), |fields| fields.render())
}

#[derive(Clone, Copy)]
struct Fields<'a> {
    year: i64,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    /// Digits after the point.
    fraction: &'a str,
    /// `Z`, or `±hh:mm`.
    offset: &'a str,
}

impl Fields<'_> {
    fn render(&self) -> String {
        let Self { year, month, day, hour, minute, second, .. } = self;
        let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
        let nanoseconds = self.fraction.get(..9).unwrap_or(self.fraction).trim_end_matches('0');
        if !nanoseconds.is_empty() {
            let _ = write!(text, ".{nanoseconds}");
        }
        let is_utc = self.offset.get(1..).is_some_and(|offset| offset == "00:00");
        text.push_str(if is_utc { "Z" } else { self.offset });
        text
    }
}

fn parse(text: &str) -> Option<Fields<'_>> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = match text.find([' ', 'T']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = digits(parts.next()?, 2)?;
    let day = digits(parts.next()?, 2)?;
    if parts.next().is_some() || day == 0 || day > days_in(i64::from(year), month)? {
        return None;
    }
    let date = Fields {
        year: year.into(),
        month,
        day,
        hour: 0,
        minute: 0,
        second: 0,
        fraction: "",
        offset: "Z",
    };
    match time {
        None => Some(date),
        Some(time) => with_time(date, time),
    }
}

/// `H:M[:S[.frac]]`, and with seconds an offset behind it.
fn with_time<'a>(date: Fields<'a>, time: &'a str) -> Option<Fields<'a>> {
    let (clock, offset) = match time.find(['+', '-']) {
        Some(at) => (&time[..at], Some(offset(&time[at..])?)),
        None => (time, None),
    };
    let mut parts = clock.split(':');
    let hour = digits(parts.next()?, 2)?;
    let minute = digits(parts.next()?, 2)?;
    let seconds = parts.next();
    let (second, fraction) = match seconds {
        None if offset.is_some() => return None,
        None => (0, ""),
        Some(seconds) => match seconds.split_once('.') {
            None => (digits(seconds, 2)?, ""),
            Some((second, fraction)) => {
                let is_digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
                if fraction.is_empty() || !is_digits {
                    return None;
                }
                (digits(second, 2)?, fraction)
            }
        },
    };
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(Fields { hour, minute, second, fraction, offset: offset.unwrap_or("Z"), ..date })
}

/// Checks `±hh:mm`.
fn offset(text: &str) -> Option<&str> {
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    (digits(hours, 2)? < 24 && digits(minutes, 2)? < 60).then_some(text)
}

/// A number of exactly `width` digits.
fn digits(text: &str, width: usize) -> Option<u32> {
    if text.len() != width || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn days_in(year: i64, month: u32) -> Option<u32> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    Some(match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    })
}

/// A wall-clock time since 1970, with whole seconds.
pub(crate) fn from_wall(since_1970: std::time::Duration) -> String {
    let seconds = since_1970.as_secs().min(SECONDS_MAX);
    from_integer(seconds as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_in_sqlite_layouts_become_rfc3339() {
        for (text, expected) in [
            ("2004-02-14", "2004-02-14T00:00:00Z"),
            ("2004-02-14 07:15", "2004-02-14T07:15:00Z"),
            ("2004-02-14T07:15:08", "2004-02-14T07:15:08Z"),
            ("2004-02-14 07:15:08.120", "2004-02-14T07:15:08.12Z"),
            ("2004-02-14T07:15:08Z", "2004-02-14T07:15:08Z"),
            ("2004-02-14 07:15:08+02:00", "2004-02-14T07:15:08+02:00"),
            ("2004-02-14T07:15:08.5-00:00", "2004-02-14T07:15:08.5Z"),
            ("2004-02-29", "2004-02-29T00:00:00Z"),
            ("2005-02-29", ZERO),
            ("2004-13-01", ZERO),
            ("2004-02-14 24:00", ZERO),
            ("2004-02-14 07:15+02:00", ZERO),
            ("14.2.2004", ZERO),
            ("", ZERO),
            ("2004-02-14 07:15:08é", ZERO),
        ] {
            assert_eq!(from_text(text), expected, "{text}");
        }
    }

    #[test]
    fn integers_are_seconds_or_milliseconds() {
        for (value, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_756_000_000_123, "2025-08-24T01:46:40.123Z"),
        ] {
            assert_eq!(from_integer(value), expected);
        }
        from_integer(i64::MIN);
        from_integer(i64::MAX);
    }
}
