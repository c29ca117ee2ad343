//! Powers, roots, logarithms and number theory of `numeric`, with the scales that PostgreSQL gives the
//! results.
//!
//! Results are computed with digits to spare and rounded once. How many digits PostgreSQL shows follows
//! from an estimate of the result's size (`numeric.c`); the estimates here are the same.

use std::cmp::Ordering;
use std::f64::consts::LOG10_E;

use crate::datum::numeric::{Numeric, overflow};
use crate::model::error::{Error, SqlState};

/// `NUMERIC_MIN_SIG_DIGITS`
const SIGNIFICANT_DIGITS_MIN: i64 = 16;
/// `NUMERIC_MAX_DISPLAY_SCALE`
const DISPLAY_SCALE_MAX: i64 = 1000;
/// `NUMERIC_MAX_RESULT_SCALE`
const RESULT_SCALE_MAX: f64 = 2000.0;
/// Digits that are computed beyond those shown.
const GUARD_DIGITS: i32 = 12;

fn bounded_scale(wanted: i64, arguments: &[&Numeric]) -> i32 {
    let own = arguments.iter().filter_map(|number| number.scale()).max().unwrap_or(0);
    wanted.max(i64::from(own)).clamp(0, DISPLAY_SCALE_MAX) as i32
}

fn logarithm_error(zero: bool) -> Error {
    Error::user(
        SqlState(*b"2201E"),
        if zero {
            "cannot take logarithm of zero"
        } else {
            "cannot take logarithm of a negative number"
        },
    )
}

fn one() -> Numeric {
    Numeric::from_i64(1)
}

/// The size of a logarithm as a power of ten (`estimate_ln_dweight`).
fn estimate_ln_weight(value: &Numeric) -> Result<i64, Error> {
    if value.is_zero() || value.is_negative() {
        return Ok(0);
    }
    let near = |text: &str| Numeric::parse(text).ok().flatten().unwrap_or(Numeric::NaN);
    if value.compare(&near("0.9")) != Ordering::Less
        && value.compare(&near("1.1")) != Ordering::Greater
    {
        let distance = value.sub(&one())?;
        if distance.is_zero() {
            return Ok(0);
        }
        let (weight, first) = distance.leading_digit();
        return Ok(weight * 4 + i64::from(first.max(1).ilog10()));
    }
    let (digits, exponent) = leading_digits(value, 8);
    let ln = digits.ln() + exponent as f64 * std::f64::consts::LN_10;
    Ok(ln.abs().log10() as i64)
}

/// The first digits of a positive number as a float, and the power of ten that they count.
fn leading_digits(value: &Numeric, count: usize) -> (f64, i64) {
    let text = value.to_string();
    let text = text.trim_start_matches('-');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = format!("{whole}{fraction}");
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    let significant = &digits[zeros..];
    let kept = &significant[..significant.len().min(count)];
    let exponent = whole.len() as i64 - zeros as i64 - kept.len() as i64;
    (kept.parse().unwrap_or(0.0), exponent)
}

/// e to a power, with this many digits after the point.
fn exp_to_scale(value: &Numeric, scale: i32) -> Result<Numeric, Error> {
    // Digits before the point of the result need guards too.
    let whole = (value.to_f64() * LOG10_E).max(0.0) as i32;
    let mut halvings = 0;
    let mut size = value.to_f64().abs();
    while size > 0.01 {
        size /= 2.0;
        halvings += 1;
    }
    let working = scale + whole + GUARD_DIGITS + halvings / 3 + 1;
    let divisor = power_of_two(halvings)?;
    let small = value.divide_to_scale(&divisor, working.max(0) as u32, true)?;
    let (mut sum, mut term) = (one(), one());
    for step in 1..10_000 {
        term = term.mul(&small)?.round(working).divide_to_scale(
            &Numeric::from_i64(step),
            working.max(0) as u32,
            true,
        )?;
        if term.is_zero() {
            break;
        }
        sum = sum.add(&term)?;
    }
    for _ in 0..halvings {
        sum = sum.mul(&sum)?.round(working);
    }
    Ok(sum.round(scale))
}

fn power_of_two(exponent: i32) -> Result<Numeric, Error> {
    let mut result = one();
    for _ in 0..exponent {
        result = result.mul(&Numeric::from_i64(2))?;
    }
    Ok(result)
}

/// The natural logarithm of a positive number, with this many digits after the point.
fn ln_to_scale(value: &Numeric, scale: i32) -> Result<Numeric, Error> {
    let working = scale.max(0) + GUARD_DIGITS + 8;
    // Roots until it is near 1; each halves the logarithm.
    let mut roots = 0;
    let mut near = value.clone();
    let (low, high) = (Numeric::parse("0.9")?, Numeric::parse("1.1")?);
    let (low, high) = (low.unwrap_or(Numeric::NaN), high.unwrap_or(Numeric::NaN));
    // Small numbers lose digits to their leading zeros: ln(x) = -ln(1/x).
    if value.compare(&one()) == Ordering::Less && value.compare(&low) == Ordering::Less {
        let digits = value.scale().unwrap_or(0) as i32;
        let inverse = one().divide_to_scale(value, (working + digits) as u32, true)?;
        return Ok(ln_to_scale(&inverse, scale)?.negate());
    }
    while near.compare(&high) == Ordering::Greater {
        near = near.root_to_scale((working + roots) as u32)?;
        roots += 1;
    }
    let working = working + roots;
    let (top, bottom) = (near.sub(&one())?, near.add(&one())?);
    let ratio = top.divide_to_scale(&bottom, working as u32, true)?;
    let square = ratio.mul(&ratio)?.round(working);
    let (mut sum, mut power) = (ratio.clone(), ratio);
    let mut step = 3;
    loop {
        power = power.mul(&square)?.round(working);
        let term = power.divide_to_scale(&Numeric::from_i64(step), working as u32, true)?;
        if term.is_zero() {
            break;
        }
        sum = sum.add(&term)?;
        step += 2;
    }
    let result = sum.mul(&power_of_two(roots + 1)?)?;
    Ok(result.round(scale))
}

impl Numeric {
    /// The smallest integer not below it.
    pub fn ceil(&self) -> Result<Self, Error> {
        let cut = self.trunc(0);
        if !self.is_negative() && cut.compare(self) == Ordering::Less {
            return cut.add(&Self::from_i64(1));
        }
        Ok(cut)
    }

    /// The largest integer not above it.
    pub fn floor(&self) -> Result<Self, Error> {
        self.negate().ceil().map(|value| value.negate())
    }

    /// A square root with this many digits after the point.
    ///
    /// # Errors
    /// 2201F for a negative number.
    pub(crate) fn root_to_scale(&self, scale: u32) -> Result<Self, Error> {
        // `sqrt` keeps the scale of its operand at least.
        let scale = scale as i32;
        Ok(self.round(scale.max(self.scale().unwrap_or(0) as i32)).sqrt()?.round(scale))
    }

    /// # Errors
    /// 22003
    pub fn exp(&self) -> Result<Self, Error> {
        match self {
            Self::NaN => return Ok(Self::NaN),
            Self::Infinity { negative: true } => return Ok(Self::from_i64(0)),
            Self::Infinity { negative: false } => return Ok(self.clone()),
            Self::Finite { .. } => {}
        }
        let estimate = self.to_f64() * LOG10_E;
        if estimate > 131_072.0 {
            return Err(overflow());
        }
        let weight = estimate.clamp(-RESULT_SCALE_MAX, RESULT_SCALE_MAX) as i64;
        let scale = bounded_scale(SIGNIFICANT_DIGITS_MIN - weight, &[self]);
        if estimate < -RESULT_SCALE_MAX {
            return Ok(Self::from_i64(0).round(scale));
        }
        exp_to_scale(self, scale)
    }

    /// # Errors
    /// 2201E for what isn't positive.
    pub fn ln(&self) -> Result<Self, Error> {
        if let Self::NaN | Self::Infinity { negative: false } = self {
            return Ok(self.clone());
        }
        if self.is_zero() || self.is_negative() {
            return Err(logarithm_error(self.is_zero()));
        }
        let scale = bounded_scale(SIGNIFICANT_DIGITS_MIN - estimate_ln_weight(self)?, &[self]);
        ln_to_scale(self, scale)
    }

    /// The logarithm to a base.
    ///
    /// # Errors
    /// 2201E, 22012 for the base 1.
    pub fn log(&self, base: &Self) -> Result<Self, Error> {
        if matches!(self, Self::NaN) || matches!(base, Self::NaN) {
            return Ok(Self::NaN);
        }
        for value in [base, self] {
            if value.is_zero() || value.is_negative() {
                return Err(logarithm_error(value.is_zero()));
            }
        }
        match (base, self) {
            (Self::Infinity { .. }, Self::Infinity { .. }) => return Ok(Self::NaN),
            (Self::Infinity { .. }, _) => return Ok(Self::from_i64(0)),
            (_, Self::Infinity { .. }) => return Ok(self.clone()),
            _ => {}
        }
        let weights = (estimate_ln_weight(base)?, estimate_ln_weight(self)?);
        let scale = bounded_scale(SIGNIFICANT_DIGITS_MIN - (weights.1 - weights.0), &[base, self]);
        let working = scale + GUARD_DIGITS + weights.0.unsigned_abs() as i32 * 2 + 8;
        let (numerator, denominator) = (ln_to_scale(self, working)?, ln_to_scale(base, working)?);
        if denominator.is_zero() {
            return Err(Error::user(SqlState::DIVISION_BY_ZERO, "division by zero"));
        }
        numerator.divide_to_scale(&denominator, scale as u32, true)
    }

    /// # Errors
    /// 2201F, 22003
    pub fn power(&self, exponent: &Self) -> Result<Self, Error> {
        let wrong = |message: &str| Err(Error::user(SqlState(*b"2201F"), message));
        let whole = exponent.trunc(0).compare(exponent) == Ordering::Equal;
        if self.is_zero() && exponent.is_negative() && !matches!(exponent, Self::NaN) {
            return wrong("zero raised to a negative power is undefined");
        }
        if self.is_negative() && exponent.scale().is_some() && !whole {
            return wrong(
                "a negative number raised to a non-integer power yields a complex result",
            );
        }
        if self.scale().is_none() || exponent.scale().is_none() {
            return Ok(special_power(self, exponent));
        }
        if whole && let Some(times) = exponent.to_i64().and_then(|times| i32::try_from(times).ok())
        {
            return self.whole_power(times);
        }
        if self.is_zero() {
            return Ok(Self::from_i64(0).round(SIGNIFICANT_DIGITS_MIN as i32));
        }
        let odd = whole && !exponent.rem(&Self::from_i64(2))?.is_zero();
        let base = self.abs();
        let rough = bounded_scale(8 - estimate_ln_weight(&base)?, &[]);
        let estimate = ln_to_scale(&base, rough)?.mul(exponent)?.to_f64();
        if estimate.abs() > RESULT_SCALE_MAX * 3.01 {
            if estimate > 0.0 {
                return Err(overflow());
            }
            return Ok(Self::from_i64(0).round(DISPLAY_SCALE_MAX as i32));
        }
        let weight = (estimate * LOG10_E) as i64;
        let scale = bounded_scale(SIGNIFICANT_DIGITS_MIN - weight, &[&base, exponent]);
        let size = exponent.to_f64().abs().log10().max(0.0) as i32;
        let working = scale + weight.max(0) as i32 + size + GUARD_DIGITS;
        let product = ln_to_scale(&base, working)?.mul(exponent)?;
        let result = exp_to_scale(&product, scale)?;
        Ok(if odd && self.is_negative() { result.negate() } else { result })
    }

    /// `power_var_int`
    fn whole_power(&self, exponent: i32) -> Result<Self, Error> {
        let estimate = if self.is_zero() {
            0.0
        } else {
            let (digits, power) = leading_digits(self, 16);
            f64::from(exponent) * (digits.log10() + power as f64)
        };
        if estimate > 131_072.0 + 4.0 {
            return Err(overflow());
        }
        let scale = bounded_scale(SIGNIFICANT_DIGITS_MIN, &[self]);
        if estimate + 1.0 < -f64::from(scale) {
            return Ok(Self::from_i64(0).round(scale));
        }
        match exponent {
            0 => return Ok(one().round(scale)),
            1 => return Ok(self.round(scale)),
            -1 => return one().divide_to_scale(self, scale as u32, true),
            2 => return Ok(self.mul(self)?.round(scale)),
            _ if self.is_zero() => return Ok(Self::from_i64(0).round(scale)),
            _ => {}
        }
        // Digits that each step keeps: those shown, those before the point, and guards.
        let digits = i64::from(scale) + estimate.max(0.0) as i64 + 24;
        let (mut result, mut square) = (one(), self.clone());
        let mut left = exponent.unsigned_abs();
        loop {
            if left & 1 == 1 {
                result = result.mul(&square)?.to_significant(digits);
            }
            left >>= 1;
            if left == 0 {
                break;
            }
            square = square.mul(&square)?.to_significant(digits);
        }
        if exponent < 0 {
            return one().divide_to_scale(&result, scale as u32, true);
        }
        Ok(result.round(scale))
    }

    /// Rounds to a number of significant digits; the integer part stays whole.
    fn to_significant(&self, digits: i64) -> Self {
        let (_, exponent) = leading_digits(self, 1);
        let wanted = (digits - exponent).max(0);
        match self.scale() {
            Some(scale) if i64::from(scale) > wanted => self.round(wanted as i32),
            _ => self.clone(),
        }
    }

    /// The greatest common divisor.
    ///
    /// # Errors
    /// 22003
    pub fn gcd(&self, other: &Self) -> Result<Self, Error> {
        let Some(scale) = common_scale(self, other) else { return Ok(Self::NaN) };
        let (mut a, mut b) = (self.abs(), other.abs());
        while !b.is_zero() {
            let rest = a.rem(&b)?;
            a = b;
            b = rest;
        }
        Ok(a.round(scale))
    }

    /// The least common multiple.
    ///
    /// # Errors
    /// 22003
    pub fn lcm(&self, other: &Self) -> Result<Self, Error> {
        let Some(scale) = common_scale(self, other) else { return Ok(Self::NaN) };
        if self.is_zero() || other.is_zero() {
            return Ok(Self::from_i64(0).round(scale));
        }
        let times = self.divide_to_scale(&self.gcd(other)?, 0, true)?;
        Ok(times.mul(other)?.abs().round(scale))
    }

    /// The least scale that shows all of it; `None` for NaN and the infinities.
    pub fn min_scale(&self) -> Option<u32> {
        let mut trimmed = self.clone();
        trimmed.trim_scale();
        trimmed.scale()
    }
}

fn common_scale(a: &Numeric, b: &Numeric) -> Option<i32> {
    Some(a.scale()?.max(b.scale()?) as i32)
}

/// Powers with NaN or an infinity in them.
fn special_power(base: &Numeric, exponent: &Numeric) -> Numeric {
    let unit =
        |value: &Numeric| value.scale().is_some() && value.compare(&one()) == Ordering::Equal;
    let zero = || Numeric::from_i64(0);
    let infinity = Numeric::Infinity { negative: false };
    if unit(base) || exponent.is_zero() {
        return one();
    }
    match (base, exponent) {
        (Numeric::NaN, _) | (_, Numeric::NaN) => Numeric::NaN,
        (_, Numeric::Infinity { negative }) => {
            if base.scale().is_some() && base.abs().compare(&one()) == Ordering::Equal {
                return one();
            }
            let large = base.scale().is_none() || base.abs().compare(&one()) == Ordering::Greater;
            if large == *negative { zero() } else { infinity }
        }
        (Numeric::Infinity { negative }, _) => {
            if exponent.is_negative() {
                return zero();
            }
            let odd = exponent
                .rem(&Numeric::from_i64(2))
                .is_ok_and(|rest| rest.compare(&one()) == Ordering::Equal);
            Numeric::Infinity { negative: *negative && odd }
        }
        _ => Numeric::NaN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Numeric {
        Numeric::parse(text).unwrap().unwrap()
    }

    #[test]
    fn results_are_postgresqls_to_the_last_digit() {
        // Recorded from PostgreSQL 15.
        for (result, expected) in [
            (number("1.0").exp(), "2.7182818284590452"),
            (number("10").exp(), "22026.465794806717"),
            (number("2.0").ln(), "0.6931471805599453"),
            (number("100").log(&number("2.0")), "6.6438561897747247"),
            (number("100.0").log(&number("10")), "2.0000000000000000"),
            (number("2").power(&number("0.5")), "1.4142135623730950"),
            (number("9").power(&number("3")), "729.0000000000000000"),
            (number("2").power(&number("-3")), "0.1250000000000000"),
            (number("10.0").power(&number("20")), "100000000000000000000.0000000000000000"),
            (number("-5.5").exp(), "0.004086771438464067"),
            (number("0.001").ln(), "-6.9077552789821371"),
            (number("12345678.9").ln(), "16.328816673173972"),
            (number("1.0001").power(&number("10000")), "2.7181459268252249"),
            (number("0.5").power(&number("100.0")), "0.0000000000000000"),
            (number("1234.5").power(&number("-2.5")), "0.00000001867550113100964"),
            (number("100.0").exp(), "26881171418161354484126255515800135873611118.8"),
            (number("3.14159").log(&number("10")), "0.4971495058611233"),
            (number("3.0").power(&number("-20")), "0.0000000002867972"),
            (number("24").gcd(&number("36.0")), "12.0"),
            (number("4").lcm(&number("6.0")), "12.0"),
        ] {
            assert_eq!(result.unwrap().to_string(), expected);
        }
    }
}
