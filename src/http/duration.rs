//! Durations in the syntax of Go's `time` package (`500ms`, `1m30s`), which rqlite's API uses for
//! parameters and in its answers.

use std::time::Duration;

/// Nanoseconds a unit.
const UNITS: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a duration. A bare `0` is one, any other bare number isn't; nor is anything negative, or
/// beyond the 292 years that Go can count.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let scale = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        total = total.checked_add(nanoseconds(number, scale)?)?;
        rest = tail;
    }
    i64::try_from(total).ok()?;
    Some(Duration::from_nanos(total))
}

/// `number` (digits with at most one point, and at least one digit) times `scale`.
fn nanoseconds(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut total = whole.checked_mul(scale)?;
    // 18 digits are more than any unit's nanoseconds can show, and fit u64.
    let digits: String = fraction.chars().take(18).collect();
    if !digits.is_empty() {
        let part = u128::from(digits.parse::<u64>().ok()?) * u128::from(scale)
            / 10_u128.pow(digits.len() as u32);
        total = total.checked_add(u64::try_from(part).ok()?)?;
    }
    Some(total)
}

/// Writes a duration as Go prints it: `0s`, `47.9µs`, `1.5s`, `1m2s`, `2h0m0s`.
pub(crate) fn format(duration: Duration) -> String {
    let total = duration.as_nanos();
    if total == 0 {
        return "0s".to_owned();
    }
    let (scale, unit) = match total {
        0..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    if unit != "s" {
        return format!("{}{unit}", decimal(total, scale));
    }
    let minute = 60 * scale;
    let seconds = decimal(total % minute, scale);
    match (total / (60 * minute), total / minute % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// `value / scale`, where `scale` is a power of ten, without trailing zeros.
fn decimal(value: u128, scale: u128) -> String {
    let fraction = value % scale;
    if fraction == 0 {
        return (value / scale).to_string();
    }
    let width = scale.ilog10() as usize;
    let digits = format!("{fraction:0width$}");
    format!("{}.{}", value / scale, digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("500ms", 500_000_000),
            ("1m30s", 90_000_000_000),
            ("2h45m", 9_900_000_000_000),
            ("1.5s", 1_500_000_000),
            (".5us", 500),
            ("1.s", 1_000_000_000),
            ("7µs", 7_000),
            ("1ns", 1),
            ("+1s", 1_000_000_000),
        ] {
            assert_eq!(parse(text), Some(Duration::from_nanos(nanoseconds)), "{text}");
        }
        for text in ["", "10", "s", ".s", "1.2.3s", "1 s", "-1s", "1d", "9999999999h", "1s2", "+"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn writes_what_go_writes() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (999, "999ns"),
            (47_900, "47.9µs"),
            (50_000_000, "50ms"),
            (1_500_000_000, "1.5s"),
            (62_000_000_000, "1m2s"),
            (7_200_000_000_000, "2h0m0s"),
        ] {
            assert_eq!(format(Duration::from_nanos(nanoseconds)), text);
        }
    }
}
