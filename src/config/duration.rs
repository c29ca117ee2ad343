//! Durations as Go writes them: `300ms`, `1.5s`, `1h30m`.

use std::time::Duration;

/// Nanoseconds in each unit. Longer names first, so that `ms` isn't taken for `m`.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a duration: numbers with units, one after the other, or `0`. Negative ones are refused.
pub fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let (unit, nanos) = UNITS.iter().find(|(unit, _)| tail.starts_with(unit))?;
        total = total.checked_add(scaled(number, *nanos)?)?;
        rest = &tail[unit.len()..];
    }
    (!text.is_empty()).then(|| Duration::from_nanos(total))
}

/// A decimal number times a unit, cut off below a nanosecond.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
    let mut total = whole.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.bytes() {
        place /= 10;
        total = total.checked_add(u64::from(digit - b'0') * place)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_go_reads_them() {
        let nanos = |text| parse_duration(text).map(|duration| duration.as_nanos());
        assert_eq!(nanos("0"), Some(0));
        assert_eq!(nanos("300ms"), Some(300_000_000));
        assert_eq!(nanos("1.5s"), Some(1_500_000_000));
        assert_eq!(nanos("1h30m"), Some(5_400_000_000_000));
        assert_eq!(nanos("2m0.25s"), Some(120_250_000_000));
        assert_eq!(nanos(".5h"), Some(1_800_000_000_000));
        assert_eq!(nanos("7us3µs1ns"), Some(10_001));
        for bad in ["", "1", "s", "-1s", "1d", "1.2.3s", ".s", "1 s", "99999999999h"] {
            assert_eq!(nanos(bad), None, "{bad}");
        }
    }
}
