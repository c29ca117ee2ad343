//! Arithmetic on intervals.

use crate::datum::calendar::MICROS_PER_DAY;
use crate::datum::interval::Interval;
use crate::datum::temporal::interval_out_of_range;
use crate::model::error::{Error, SqlState};

const DAYS_PER_MONTH: i32 = 30;

/// Rounds to microseconds, in seconds (`TSROUND`).
fn round_micros(value: f64) -> f64 {
    (value * 1_000_000.0).round_ties_even() / 1_000_000.0
}

impl Interval {
    /// # Errors
    /// 22008, as all of these.
    pub fn add(&self, other: &Self) -> Result<Self, Error> {
        let sum = || {
            Some(Self {
                months: self.months.checked_add(other.months)?,
                days: self.days.checked_add(other.days)?,
                micros: self.micros.checked_add(other.micros)?,
            })
        };
        sum().ok_or_else(interval_out_of_range)
    }

    pub fn negate(&self) -> Result<Self, Error> {
        let negated = || {
            Some(Self {
                months: self.months.checked_neg()?,
                days: self.days.checked_neg()?,
                micros: self.micros.checked_neg()?,
            })
        };
        negated().ok_or_else(interval_out_of_range)
    }

    pub fn sub(&self, other: &Self) -> Result<Self, Error> {
        let difference = || {
            Some(Self {
                months: self.months.checked_sub(other.months)?,
                days: self.days.checked_sub(other.days)?,
                micros: self.micros.checked_sub(other.micros)?,
            })
        };
        difference().ok_or_else(interval_out_of_range)
    }

    /// Parts of months become days, and parts of days time.
    pub fn multiply(&self, factor: f64) -> Result<Self, Error> {
        self.scaled(&|value| value * factor)
    }

    pub fn divide(&self, divisor: f64) -> Result<Self, Error> {
        if divisor == 0.0 {
            return Err(Error::user(SqlState::DIVISION_BY_ZERO, "division by zero"));
        }
        self.scaled(&|value| value / divisor)
    }

    fn scaled(&self, scale: &dyn Fn(f64) -> f64) -> Result<Self, Error> {
        let narrow = |value: f64| {
            let fits =
                value.is_finite() && value >= f64::from(i32::MIN) && value <= f64::from(i32::MAX);
            fits.then_some(value as i32).ok_or_else(interval_out_of_range)
        };
        let (months, days) = (scale(f64::from(self.months)), scale(f64::from(self.days)));
        let mut result = Self { months: narrow(months)?, days: narrow(days)?, micros: 0 };
        let month_days =
            round_micros((months - f64::from(result.months)) * f64::from(DAYS_PER_MONTH));
        let mut seconds = round_micros(
            (days - f64::from(result.days) + month_days - month_days.trunc()) * 86_400.0,
        );
        if seconds.abs() >= 86_400.0 {
            let whole = (seconds / 86_400.0).trunc();
            result.days =
                result.days.checked_add(whole as i32).ok_or_else(interval_out_of_range)?;
            seconds -= whole * 86_400.0;
        }
        result.days =
            result.days.checked_add(month_days as i32).ok_or_else(interval_out_of_range)?;
        let micros = (scale(self.micros as f64) + seconds * 1_000_000.0).round_ties_even();
        if !(micros.is_finite() && micros >= i64::MIN as f64 && micros < i64::MAX as f64) {
            return Err(interval_out_of_range());
        }
        result.micros = micros as i64;
        Ok(result)
    }

    /// 24 hours become a day.
    pub fn justify_hours(&self) -> Result<Self, Error> {
        let mut result = *self;
        let whole = result.micros / MICROS_PER_DAY;
        result.micros -= whole * MICROS_PER_DAY;
        result.days = i32::try_from(whole)
            .ok()
            .and_then(|whole| result.days.checked_add(whole))
            .ok_or_else(interval_out_of_range)?;
        result.align_time();
        Ok(result)
    }

    /// 30 days become a month.
    pub fn justify_days(&self) -> Result<Self, Error> {
        let mut result = *self;
        result.carry_days()?;
        if result.months > 0 && result.days < 0 {
            result.days += DAYS_PER_MONTH;
            result.months -= 1;
        } else if result.months < 0 && result.days > 0 {
            result.days -= DAYS_PER_MONTH;
            result.months += 1;
        }
        Ok(result)
    }

    /// Both, and all parts get the same sign.
    pub fn justify(&self) -> Result<Self, Error> {
        let mut result = *self;
        let whole = result.micros / MICROS_PER_DAY;
        result.micros -= whole * MICROS_PER_DAY;
        let days = i64::from(result.days) + whole;
        let months = i64::from(result.months) + days / i64::from(DAYS_PER_MONTH);
        result.days = (days % i64::from(DAYS_PER_MONTH)) as i32;
        result.months = i32::try_from(months).map_err(|_| interval_out_of_range())?;
        let negative = result.days < 0 || (result.days == 0 && result.micros < 0);
        let positive = result.days > 0 || (result.days == 0 && result.micros > 0);
        if result.months > 0 && negative {
            result.days += DAYS_PER_MONTH;
            result.months -= 1;
        } else if result.months < 0 && positive {
            result.days -= DAYS_PER_MONTH;
            result.months += 1;
        }
        result.align_time();
        Ok(result)
    }

    fn carry_days(&mut self) -> Result<(), Error> {
        let whole = self.days / DAYS_PER_MONTH;
        self.days -= whole * DAYS_PER_MONTH;
        self.months = self.months.checked_add(whole).ok_or_else(interval_out_of_range)?;
        Ok(())
    }

    /// Gives the time the sign of the days.
    fn align_time(&mut self) {
        if self.days > 0 && self.micros < 0 {
            self.micros += MICROS_PER_DAY;
            self.days -= 1;
        } else if self.days < 0 && self.micros > 0 {
            self.micros -= MICROS_PER_DAY;
            self.days += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(text: &str) -> Interval {
        Interval::load(text).unwrap()
    }

    #[test]
    fn products_cascade_downwards_only() {
        assert_eq!(interval("1 mon").multiply(1.5).unwrap(), interval("1 mon 15 days"));
        assert_eq!(interval("1 day").multiply(0.5).unwrap(), interval("12:00:00"));
        assert_eq!(interval("1 year").divide(7.0).unwrap().store(), "1 mon 21 days 10:17:08.5344");
        assert_eq!(interval("1 day").divide(0.0).unwrap_err().state().as_str(), "22012");
    }

    #[test]
    fn justifying_gives_all_parts_one_sign() {
        assert_eq!(interval("1 mon -1 hour").justify().unwrap().store(), "29 days 23:00:00");
        assert_eq!(interval("27 hours").justify_hours().unwrap().store(), "1 day 03:00:00");
        assert_eq!(interval("35 days").justify_days().unwrap().store(), "1 mon 5 days");
    }
}
