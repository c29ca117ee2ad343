//! Which state is wanted: after a transaction, at a time, or the last one.

use std::fmt;
use std::time::Duration;

use crate::model::calendar::{civil_from_days, days_from_civil};

const MICROS: u64 = 1_000_000;

/// A state of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backup) enum Point {
    /// After this transaction.
    Transaction(u64),
    /// Before the first transaction that was proposed later: microseconds since 1970.
    Time(u64),
    /// The last one that is kept.
    Latest,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transaction(number) => write!(f, "transaction {number}"),
            Self::Time(micros) => f.write_str(&written(*micros)),
            Self::Latest => f.write_str("the last state"),
        }
    }
}

impl Point {
    /// Reads a transaction's number, a time as RFC 3339 has it, or `latest`.
    ///
    /// # Errors
    /// A text for the operator.
    pub(in crate::backup) fn parse(text: &str) -> Result<Self, String> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        if text.bytes().all(|byte| byte.is_ascii_digit())
            && let Ok(number) = text.parse()
        {
            return Ok(Self::Transaction(number));
        }
        time(text).map(Self::Time).ok_or_else(|| {
            format!(
                "'{text}' is neither a transaction's number, nor 'latest', nor a time with its offset, \
                 such as 2026-01-31T23:59:59Z or 2026-01-31T23:59:59.5+02:00"
            )
        })
    }
}

/// A time as people and [`Point::parse`] read it.
pub(super) fn written(micros: u64) -> String {
    let since = Duration::from_micros(micros);
    let (seconds, micros) = (since.as_secs(), since.subsec_micros());
    let (year, month, day) = civil_from_days((seconds / 86_400) as i64);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// RFC 3339 §5.6; a blank may stand for the `T`.
fn time(text: &str) -> Option<u64> {
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let [year, month, day] = fields(date, "-", [4, 2, 2])?;
    let [hour, minute, second] = fields(clock, ":", [2, 2, 2])?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let valid = (1..=12).contains(&month) && (1..=days).contains(&day);
    if !valid || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (micros, offset) = match rest.strip_prefix('.') {
        None => (0, rest),
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit())?;
            let (digits, offset) = rest.split_at(end);
            let micros: String = digits.chars().chain("000000".chars()).take(6).collect();
            (micros.parse::<u64>().ok().filter(|_| !digits.is_empty())?, offset)
        }
    };
    let days = days_from_civil(year as i64, month as u32, day as u32);
    let seconds =
        days * 86_400 + (hour * 3_600 + minute * 60 + second) as i64 - self::offset(offset)?;
    u64::try_from(seconds).ok()?.checked_mul(MICROS)?.checked_add(micros)
}

/// Seconds east of UTC.
fn offset(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let [hours, minutes] = fields(rest, ":", [2, 2])?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60) as i64)
}

/// Numbers of so many digits, with something between them.
fn fields<const N: usize>(text: &str, between: &str, digits: [usize; N]) -> Option<[u64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(between);
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits)?;
        *number = part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())??;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_numbers_and_the_last_one_are_points() {
        for (text, point) in [
            ("latest", Point::Latest),
            ("0", Point::Transaction(0)),
            ("4711", Point::Transaction(4711)),
            ("1970-01-01T00:00:00Z", Point::Time(0)),
            ("2026-01-31T23:59:59Z", Point::Time(1_769_903_999_000_000)),
            ("2026-02-01 01:59:59.5+02:00", Point::Time(1_769_903_999_500_000)),
            ("2026-01-31t18:29:59.123456789-05:30", Point::Time(1_769_903_999_123_456)),
            ("2000-02-29T00:00:00z", Point::Time(951_782_400_000_000)),
        ] {
            assert_eq!(Point::parse(text), Ok(point), "{text}");
        }
        for text in [
            "",
            "now",
            "-1",
            "1.5",
            "2026-01-31",
            "2026-01-31T23:59:59",
            "2026-01-31T23:59Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T23:59:59.Z",
            "2026-01-31T23:59:59+2:00",
            "1969-12-31T23:59:59Z",
            "2026-01-31T23:59:59Zulu",
            "é026-01-31T23:59:59Z",
            "99999999999999999999999",
        ] {
            assert!(Point::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_written_time_is_read_as_the_same() {
        for micros in [0, 1, 1_769_903_999_123_456, 951_782_400_000_000, 4_107_542_399_999_999] {
            assert_eq!(Point::parse(&written(micros)), Ok(Point::Time(micros)));
        }
    }
}
