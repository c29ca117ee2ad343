//! The fields and the precision that an interval type is declared with: `interval day to minute`,
//! `interval(3)` (manual, "Date/Time Types").
//!
//! A type's modifier has the precision of the seconds in its low 16 bits and the fields in the 15 above
//! them, a bit each; all bits of either mean that nothing was said.

use crate::datum::calendar::{MICROS_PER_SECOND, round};
use crate::datum::interval::{Interval, MICROS_PER_HOUR, MICROS_PER_MINUTE, Unit};

pub(crate) const YEAR: i64 = 1 << 2;
pub(crate) const MONTH: i64 = 1 << 1;
pub(crate) const DAY: i64 = 1 << 3;
pub(crate) const HOUR: i64 = 1 << 10;
pub(crate) const MINUTE: i64 = 1 << 11;
pub(crate) const SECOND: i64 = 1 << 12;
/// No fields are named.
pub(crate) const ALL: i64 = 0x7fff;
/// No precision is named.
const FULL_PRECISION: i32 = 0xffff;

/// A modifier of these fields and digits of the seconds' fraction, of which there are six at the most.
///
/// # Errors
/// `None` if no type has these fields.
pub(crate) fn modifier(fields: i64, digits: Option<i64>) -> Option<i32> {
    let days_and_less = [DAY, HOUR, MINUTE, SECOND];
    let run = |first: usize, last: usize| days_and_less[first..=last].iter().sum::<i64>();
    let known = [ALL, YEAR, MONTH, YEAR | MONTH].contains(&fields)
        || (0..4).any(|first| (first..4).any(|last| run(first, last) == fields));
    let digits = digits.map_or(FULL_PRECISION, |digits| digits.clamp(0, 6) as i32);
    known.then_some(((fields as i32) << 16) | digits)
}

/// What a type's modifier says.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    fields: i64,
    precision: i32,
}

impl Fields {
    pub(super) fn of(modifier: i32) -> Self {
        if modifier < 0 {
            return Self { fields: ALL, precision: FULL_PRECISION };
        }
        let fields = match i64::from(modifier >> 16) & ALL {
            // Columns of before there were fields have a bare precision.
            0 => ALL,
            fields => fields,
        };
        Self { fields, precision: modifier & 0xffff }
    }

    /// What a number without a unit counts: the least field.
    pub(super) fn least(self) -> Unit {
        match self.fields {
            YEAR => Unit::Months(12),
            fields if fields == MONTH || fields == YEAR | MONTH => Unit::Months(1),
            DAY => Unit::Days,
            fields if fields == ALL || fields & SECOND != 0 => Unit::Micros(MICROS_PER_SECOND),
            fields if fields & MINUTE != 0 => Unit::Micros(MICROS_PER_MINUTE),
            _ => Unit::Micros(MICROS_PER_HOUR),
        }
    }

    /// Whether `1:02` is minutes and seconds.
    pub(super) fn begins_with_minutes(self) -> bool {
        self.fields == MINUTE | SECOND
    }

    /// Zero for what is below the least field, and seconds of the precision. What is above the first
    /// field stays.
    pub(super) fn adjust(self, interval: Interval) -> Interval {
        let Interval { months, days, micros } = interval;
        let down = |size: i64| Interval { micros: micros / size * size, ..interval };
        let cut = match self.fields {
            ALL => interval,
            YEAR => Interval { months: months / 12 * 12, days: 0, micros: 0 },
            fields if fields & (DAY | HOUR | MINUTE | SECOND) == 0 => {
                Interval { months, days: 0, micros: 0 }
            }
            DAY => Interval { months, days, micros: 0 },
            fields if fields & SECOND != 0 => interval,
            fields if fields & MINUTE != 0 => down(MICROS_PER_MINUTE),
            _ => down(MICROS_PER_HOUR),
        };
        if self.precision == FULL_PRECISION {
            return cut;
        }
        Interval { micros: round(cut.micros, self.precision), ..cut }
    }
}
