//! Exact decimal numbers: PostgreSQL's `numeric`, with its display scales.
//!
//! A finite value is `magnitude / 10^scale` with a sign; the magnitude is a big integer in limbs of
//! nine decimal digits, least significant first, without leading zero limbs. The stored form is
//! [`Display`](fmt::Display)'s: plain digits, the scale kept. Limits are PostgreSQL's: 131072 digits
//! before the point and 16383 after it.

use std::cmp::Ordering;
use std::fmt;

use crate::model::error::{Error, SqlState};

const LIMB: u64 = 1_000_000_000;
const LIMB_DIGITS: usize = 9;
/// Digits before the decimal point at the most (`numeric.c`, `NUMERIC_WEIGHT_MAX`).
const INTEGER_DIGITS_MAX: usize = 131_072;
/// Digits after the decimal point at the most (`NUMERIC_DSCALE_MAX`).
const SCALE_MAX: u32 = 16_383;
/// Scale that results of division are cut to (`NUMERIC_MAX_DISPLAY_SCALE`).
const DISPLAY_SCALE_MAX: i64 = 1000;
/// Significant digits that a quotient has at least (`NUMERIC_MIN_SIG_DIGITS`).
const SIGNIFICANT_DIGITS_MIN: i64 = 16;

/// A `numeric` value.
#[derive(Debug, Clone)]
pub enum Numeric {
    Finite { negative: bool, magnitude: Vec<u32>, scale: u32 },
    Infinity { negative: bool },
    NaN,
}

impl Numeric {
    /// Reads PostgreSQL's text form. `None` if the text isn't a number.
    ///
    /// # Errors
    /// 22003 for a number beyond the limits.
    pub fn parse(text: &str) -> Result<Option<Self>, Error> {
        let text = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
        let (negative, body) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if text.eq_ignore_ascii_case("nan") {
            return Ok(Some(Self::NaN));
        }
        if body.eq_ignore_ascii_case("inf") || body.eq_ignore_ascii_case("infinity") {
            return Ok(Some(Self::Infinity { negative }));
        }
        let (mantissa, exponent) = match body.find(['e', 'E']) {
            Some(at) => match body[at + 1..].parse::<i64>() {
                Ok(exponent) => (&body[..at], exponent),
                Err(_) => return Ok(None),
            },
            None => (body, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
            return Ok(None);
        }
        Self::from_parts(negative, whole, fraction, exponent).map(Some)
    }

    fn from_parts(
        negative: bool,
        whole: &str,
        fraction: &str,
        exponent: i64,
    ) -> Result<Self, Error> {
        if exponent.unsigned_abs() > 200_000 {
            return Err(overflow());
        }
        let mut digits = format!("{whole}{fraction}");
        let mut scale = fraction.len() as i64 - exponent;
        if scale < 0 {
            digits.extend(std::iter::repeat_n('0', scale.unsigned_abs() as usize));
            scale = 0;
        }
        let value = Self::Finite { negative, magnitude: from_digits(&digits), scale: 0 };
        match value {
            Self::Finite { negative, magnitude, .. } if scale <= i64::from(SCALE_MAX) => {
                Self::finite(negative, magnitude, scale as u32)
            }
            Self::Finite { .. } | Self::Infinity { .. } | Self::NaN => Err(overflow()),
        }
    }

    /// A finite value within the limits; minus zero becomes zero.
    fn finite(negative: bool, magnitude: Vec<u32>, scale: u32) -> Result<Self, Error> {
        let negative = negative && !magnitude.is_empty();
        if digit_count(&magnitude) > INTEGER_DIGITS_MAX + scale as usize || scale > SCALE_MAX {
            return Err(overflow());
        }
        Ok(Self::Finite { negative, magnitude, scale })
    }

    pub fn from_i64(value: i64) -> Self {
        Self::Finite {
            negative: value < 0,
            magnitude: from_digits(&value.unsigned_abs().to_string()),
            scale: 0,
        }
    }

    /// As the cast from `double precision`: 15 significant digits (6 for `real`).
    pub fn from_f64(value: f64, digits: usize) -> Result<Self, Error> {
        if value.is_nan() {
            return Ok(Self::NaN);
        }
        if value.is_infinite() {
            return Ok(Self::Infinity { negative: value < 0.0 });
        }
        let text = format!("{value:.*e}", digits - 1);
        let mut parsed = Self::parse(&text)?.ok_or_else(overflow)?;
        parsed.trim_scale();
        Ok(parsed)
    }

    /// The nearest double.
    pub fn to_f64(&self) -> f64 {
        match self {
            Self::NaN => f64::NAN,
            Self::Infinity { negative: true } => f64::NEG_INFINITY,
            Self::Infinity { negative: false } => f64::INFINITY,
            Self::Finite { .. } => self.to_string().parse().unwrap_or(f64::NAN),
        }
    }

    /// Rounds to an integer, half away from zero. `None` if it doesn't fit, or isn't finite.
    pub fn to_i64(&self) -> Option<i64> {
        match self.round(0) {
            rounded @ Self::Finite { .. } => rounded.to_string().parse().ok(),
            Self::Infinity { .. } | Self::NaN => None,
        }
    }

    /// Digits after the decimal point; `None` for NaN and the infinities.
    pub fn scale(&self) -> Option<u32> {
        match self {
            Self::Finite { scale, .. } => Some(*scale),
            Self::Infinity { .. } | Self::NaN => None,
        }
    }

    pub fn is_zero(&self) -> bool {
        matches!(self, Self::Finite { magnitude, .. } if magnitude.is_empty())
    }

    pub fn is_negative(&self) -> bool {
        matches!(self, Self::Finite { negative: true, .. } | Self::Infinity { negative: true })
    }

    /// Removes zeros at the end of the fraction.
    pub fn trim_scale(&mut self) {
        if let Self::Finite { magnitude, scale, .. } = self {
            while *scale > 0 {
                let (quotient, remainder) = divide_small(magnitude, 10);
                if remainder != 0 {
                    break;
                }
                *magnitude = quotient;
                *scale -= 1;
            }
        }
    }

    #[must_use]
    pub fn negate(&self) -> Self {
        match self {
            Self::Finite { negative, magnitude, scale } => Self::Finite {
                negative: !negative && !magnitude.is_empty(),
                magnitude: magnitude.clone(),
                scale: *scale,
            },
            Self::Infinity { negative } => Self::Infinity { negative: !negative },
            Self::NaN => Self::NaN,
        }
    }

    #[must_use]
    pub fn abs(&self) -> Self {
        if self.is_negative() { self.negate() } else { self.clone() }
    }

    pub fn add(&self, other: &Self) -> Result<Self, Error> {
        match (self, other) {
            (Self::NaN, _) | (_, Self::NaN) => Ok(Self::NaN),
            (Self::Infinity { negative: a }, Self::Infinity { negative: b }) if a != b => {
                Ok(Self::NaN)
            }
            (Self::Infinity { negative }, _) | (_, Self::Infinity { negative }) => {
                Ok(Self::Infinity { negative: *negative })
            }
            (
                Self::Finite { negative: a_negative, magnitude: a, scale: a_scale },
                Self::Finite { negative: b_negative, magnitude: b, scale: b_scale },
            ) => {
                let scale = *a_scale.max(b_scale);
                let a = shift(a, scale - a_scale);
                let b = shift(b, scale - b_scale);
                if a_negative == b_negative {
                    return Self::finite(*a_negative, add(&a, &b), scale);
                }
                match compare(&a, &b) {
                    Ordering::Less => Self::finite(*b_negative, subtract(&b, &a), scale),
                    Ordering::Equal | Ordering::Greater => {
                        Self::finite(*a_negative, subtract(&a, &b), scale)
                    }
                }
            }
        }
    }

    pub fn sub(&self, other: &Self) -> Result<Self, Error> {
        self.add(&other.negate())
    }

    pub fn mul(&self, other: &Self) -> Result<Self, Error> {
        match (self, other) {
            (Self::NaN, _) | (_, Self::NaN) => Ok(Self::NaN),
            (
                Self::Finite { negative: a_negative, magnitude: a, scale: a_scale },
                Self::Finite { negative: b_negative, magnitude: b, scale: b_scale },
            ) => {
                let scale = a_scale + b_scale;
                let product = Self::Finite {
                    negative: a_negative != b_negative,
                    magnitude: multiply(a, b),
                    scale,
                };
                match product.round(scale.min(SCALE_MAX) as i32) {
                    Self::Finite { negative, magnitude, scale } => {
                        Self::finite(negative, magnitude, scale)
                    }
                    other @ (Self::Infinity { .. } | Self::NaN) => Ok(other),
                }
            }
            _ if self.is_zero() || other.is_zero() => Ok(Self::NaN),
            _ => Ok(Self::Infinity { negative: self.is_negative() != other.is_negative() }),
        }
    }

    /// # Errors
    /// 22012 `division by zero`.
    pub fn div(&self, other: &Self) -> Result<Self, Error> {
        match (self, other) {
            (Self::NaN, _) | (_, Self::NaN) => Ok(Self::NaN),
            (Self::Infinity { .. }, Self::Infinity { .. }) => Ok(Self::NaN),
            _ if other.is_zero() => Err(division_by_zero()),
            (Self::Infinity { .. }, _) => {
                Ok(Self::Infinity { negative: self.is_negative() != other.is_negative() })
            }
            (_, Self::Infinity { .. }) => Ok(Self::from_i64(0)),
            (Self::Finite { .. }, Self::Finite { .. }) => {
                self.divide_to_scale(other, self.quotient_scale(other), true)
            }
        }
    }

    /// The quotient with this many digits after the point, rounded half away from zero or cut.
    pub(crate) fn divide_to_scale(
        &self,
        other: &Self,
        scale: u32,
        round: bool,
    ) -> Result<Self, Error> {
        let (
            Self::Finite { negative: a_negative, magnitude: a, scale: a_scale },
            Self::Finite { negative: b_negative, magnitude: b, scale: b_scale },
        ) = (self, other)
        else {
            return Ok(Self::NaN);
        };
        let extra = i64::from(scale) + i64::from(*b_scale) - i64::from(*a_scale);
        let (dividend, divisor) = if extra >= 0 {
            (shift(a, extra as u32), b.clone())
        } else {
            (a.clone(), shift(b, extra.unsigned_abs() as u32))
        };
        let (mut quotient, remainder) = divide(&dividend, &divisor);
        if round && compare(&add(&remainder, &remainder), &divisor) != Ordering::Less {
            quotient = add(&quotient, &[1]);
        }
        Self::finite(a_negative != b_negative, quotient, scale)
    }

    /// The scale of a quotient (`numeric.c`, `select_div_scale`).
    pub(crate) fn quotient_scale(&self, other: &Self) -> u32 {
        let (weight_a, first_a) = self.leading_digit();
        let (weight_b, first_b) = other.leading_digit();
        let mut weight = weight_a - weight_b;
        if first_a <= first_b {
            weight -= 1;
        }
        let own = i64::from(self.scale().unwrap_or(0).max(other.scale().unwrap_or(0)));
        (SIGNIFICANT_DIGITS_MIN - weight * 4).max(own).clamp(0, DISPLAY_SCALE_MAX) as u32
    }

    /// Weight and value of the first digit in base 10000, PostgreSQL's own base.
    pub(crate) fn leading_digit(&self) -> (i64, u32) {
        let Self::Finite { magnitude, scale, .. } = self else { return (0, 0) };
        if magnitude.is_empty() {
            return (0, 0);
        }
        let digits = to_digits(magnitude);
        let exponent = digits.len() as i64 - i64::from(*scale) - 1;
        let weight = exponent.div_euclid(4);
        let length = (exponent - weight * 4 + 1) as usize;
        let mut first: String = digits.chars().take(length).collect();
        first.extend(std::iter::repeat_n('0', length - first.len()));
        (weight, first.parse().unwrap_or(0))
    }

    /// The remainder of the division cut to an integer; its sign is the dividend's.
    ///
    /// # Errors
    /// 22012.
    pub fn rem(&self, other: &Self) -> Result<Self, Error> {
        match (self, other) {
            (Self::NaN, _) | (_, Self::NaN) => Ok(Self::NaN),
            _ if other.is_zero() => Err(division_by_zero()),
            (Self::Infinity { .. }, _) => Ok(Self::NaN),
            (_, Self::Infinity { .. }) => Ok(self.clone()),
            _ => {
                let quotient = self.divide_to_scale(other, 0, false)?;
                self.sub(&quotient.mul(other)?)
            }
        }
    }

    /// Rounds half away from zero to `scale` digits after the point (before it, if negative).
    #[must_use]
    pub fn round(&self, scale: i32) -> Self {
        self.rescale(scale, true)
    }

    /// Cuts to `scale` digits after the point (before it, if negative).
    #[must_use]
    pub fn trunc(&self, scale: i32) -> Self {
        self.rescale(scale, false)
    }

    fn rescale(&self, wanted: i32, round: bool) -> Self {
        let Self::Finite { negative, magnitude, scale } = self else { return self.clone() };
        let wanted = wanted.clamp(-(INTEGER_DIGITS_MAX as i32), SCALE_MAX as i32);
        let cut = i64::from(*scale) - i64::from(wanted);
        let kept = if cut <= 0 {
            shift(magnitude, cut.unsigned_abs() as u32)
        } else {
            let (quotient, remainder) = divide(magnitude, &power_of_ten(cut as u32));
            let half = compare(&add(&remainder, &remainder), &power_of_ten(cut as u32));
            if round && half != Ordering::Less { add(&quotient, &[1]) } else { quotient }
        };
        let (magnitude, scale) = if wanted < 0 {
            (shift(&kept, wanted.unsigned_abs()), 0)
        } else {
            (kept, wanted as u32)
        };
        Self::Finite { negative: *negative && !magnitude.is_empty(), magnitude, scale }
    }

    /// Applies `numeric(precision, scale)`'s type modifier.
    ///
    /// # Errors
    /// 22003 `numeric field overflow`.
    pub fn apply_modifier(&self, modifier: i32) -> Result<Self, Error> {
        if modifier < 4 {
            return Ok(self.clone());
        }
        let precision = (modifier - 4) >> 16 & 0xffff;
        let scale = ((modifier - 4) & 0x7ff ^ 1024) - 1024;
        let limit_digits = precision - scale;
        let detail = |holds: &str| {
            Error::user(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow")
                .with_detail(format!("A field with precision {precision}, scale {scale} {holds}"))
        };
        match self.round(scale) {
            Self::NaN => Ok(Self::NaN),
            Self::Infinity { .. } => Err(detail("cannot hold an infinite value.")),
            rounded @ Self::Finite { .. } => {
                let Self::Finite { magnitude, scale: own, .. } = &rounded else {
                    return Ok(rounded);
                };
                let digits = digit_count(magnitude) as i64 - i64::from(*own);
                if !magnitude.is_empty() && digits > i64::from(limit_digits) {
                    let sign = if limit_digits == 0 {
                        "1".to_owned()
                    } else {
                        format!("10^{limit_digits}")
                    };
                    return Err(detail(&format!(
                        "must round to an absolute value less than {sign}."
                    )));
                }
                Ok(rounded)
            }
        }
    }

    /// The square root, with the scale that PostgreSQL gives it.
    ///
    /// # Errors
    /// 2201F for a negative number.
    pub fn sqrt(&self) -> Result<Self, Error> {
        let Self::Finite { negative, magnitude, scale } = self else {
            return if self.is_negative() { Err(negative_root()) } else { Ok(self.clone()) };
        };
        if *negative {
            return Err(negative_root());
        }
        let (weight, _) = self.leading_digit();
        let root_weight = (weight + 1) * 4 / 2 - 1;
        let wanted = (SIGNIFICANT_DIGITS_MIN - root_weight)
            .max(i64::from(*scale))
            .clamp(0, DISPLAY_SCALE_MAX) as u32;
        // One more digit than wanted, cut, then rounded: the next digits can't change that.
        let digits = wanted + 1;
        let radicand = if 2 * digits >= *scale {
            shift(magnitude, 2 * digits - scale)
        } else {
            divide(magnitude, &power_of_ten(scale - 2 * digits)).0
        };
        let root =
            Self::Finite { negative: false, magnitude: integer_root(&radicand), scale: digits };
        Ok(root.round(wanted as i32))
    }

    /// PostgreSQL's order: NaN equals itself and is greater than everything else.
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::NaN, Self::NaN) => Ordering::Equal,
            (Self::NaN, _) => Ordering::Greater,
            (_, Self::NaN) => Ordering::Less,
            (Self::Infinity { negative: a }, Self::Infinity { negative: b }) => b.cmp(a),
            (Self::Infinity { negative }, _) => {
                if *negative {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (_, Self::Infinity { negative }) => {
                if *negative {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
            (
                Self::Finite { negative: a_negative, magnitude: a, scale: a_scale },
                Self::Finite { negative: b_negative, magnitude: b, scale: b_scale },
            ) => {
                if a_negative != b_negative {
                    return b_negative.cmp(a_negative);
                }
                let scale = *a_scale.max(b_scale);
                let order = compare(&shift(a, scale - a_scale), &shift(b, scale - b_scale));
                if *a_negative { order.reverse() } else { order }
            }
        }
    }
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NaN => f.write_str("NaN"),
            Self::Infinity { negative: true } => f.write_str("-Infinity"),
            Self::Infinity { negative: false } => f.write_str("Infinity"),
            Self::Finite { negative, magnitude, scale } => {
                let digits = to_digits(magnitude);
                let scale = *scale as usize;
                let padded = format!("{digits:0>width$}", width = scale + 1);
                let (whole, fraction) = padded.split_at(padded.len() - scale);
                let sign = if *negative { "-" } else { "" };
                if fraction.is_empty() {
                    write!(f, "{sign}{whole}")
                } else {
                    write!(f, "{sign}{whole}.{fraction}")
                }
            }
        }
    }
}

/// Orders two stored numerics; texts that aren't numbers come after all that are. The collation
/// `decimal` is this.
pub fn compare_stored(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    match (Numeric::parse(left).ok().flatten(), Numeric::parse(right).ok().flatten()) {
        (Some(a), Some(b)) => a.compare(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

pub(crate) fn overflow() -> Error {
    Error::user(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format")
}

fn division_by_zero() -> Error {
    Error::user(SqlState::DIVISION_BY_ZERO, "division by zero")
}

fn negative_root() -> Error {
    Error::user(SqlState(*b"2201F"), "cannot take square root of a negative number")
}

fn normalize(mut magnitude: Vec<u32>) -> Vec<u32> {
    while magnitude.last() == Some(&0) {
        magnitude.pop();
    }
    magnitude
}

fn from_digits(digits: &str) -> Vec<u32> {
    let bytes = digits.as_bytes();
    let limbs = bytes
        .rchunks(LIMB_DIGITS)
        .map(|chunk| chunk.iter().fold(0u32, |value, digit| value * 10 + u32::from(digit - b'0')));
    normalize(limbs.collect())
}

fn to_digits(magnitude: &[u32]) -> String {
    use fmt::Write as _;
    let Some((last, rest)) = magnitude.split_last() else { return "0".to_owned() };
    let mut digits = last.to_string();
    for limb in rest.iter().rev() {
        // Writing to a String can't fail.
        let _ = write!(digits, "{limb:09}");
    }
    digits
}

fn digit_count(magnitude: &[u32]) -> usize {
    magnitude
        .split_last()
        .map_or(0, |(last, rest)| last.to_string().len() + rest.len() * LIMB_DIGITS)
}

fn compare(a: &[u32], b: &[u32]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

fn add(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut sum = Vec::with_capacity(a.len().max(b.len()) + 1);
    let mut carry = 0u64;
    for at in 0..a.len().max(b.len()) {
        carry += u64::from(*a.get(at).unwrap_or(&0)) + u64::from(*b.get(at).unwrap_or(&0));
        sum.push((carry % LIMB) as u32);
        carry /= LIMB;
    }
    sum.push(carry as u32);
    normalize(sum)
}

/// Invariant: `a >= b`.
fn subtract(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut difference = Vec::with_capacity(a.len());
    let mut borrow = 0i64;
    for (at, limb) in a.iter().enumerate() {
        let mut value = i64::from(*limb) - i64::from(*b.get(at).unwrap_or(&0)) - borrow;
        borrow = i64::from(value < 0);
        value += borrow * LIMB as i64;
        difference.push(value as u32);
    }
    normalize(difference)
}

fn multiply(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut product = vec![0u32; a.len() + b.len()];
    for (at, x) in a.iter().enumerate() {
        let mut carry = 0u64;
        for (offset, y) in b.iter().enumerate() {
            carry += u64::from(product[at + offset]) + u64::from(*x) * u64::from(*y);
            product[at + offset] = (carry % LIMB) as u32;
            carry /= LIMB;
        }
        product[at + b.len()] = carry as u32;
    }
    normalize(product)
}

fn power_of_ten(exponent: u32) -> Vec<u32> {
    let mut power = vec![0u32; exponent as usize / LIMB_DIGITS];
    power.push(10u32.pow(exponent % LIMB_DIGITS as u32));
    power
}

/// Times a power of ten.
fn shift(magnitude: &[u32], exponent: u32) -> Vec<u32> {
    if exponent == 0 || magnitude.is_empty() {
        return magnitude.to_vec();
    }
    multiply(magnitude, &power_of_ten(exponent))
}

fn divide_small(a: &[u32], divisor: u32) -> (Vec<u32>, u32) {
    let mut quotient = vec![0u32; a.len()];
    let mut remainder = 0u64;
    for at in (0..a.len()).rev() {
        let value = remainder * LIMB + u64::from(a[at]);
        quotient[at] = (value / u64::from(divisor)) as u32;
        remainder = value % u64::from(divisor);
    }
    (normalize(quotient), remainder as u32)
}

/// Quotient and remainder (Knuth, "The Art of Computer Programming" 4.3.1, algorithm D).
/// Invariant: `b` is not zero.
fn divide(a: &[u32], b: &[u32]) -> (Vec<u32>, Vec<u32>) {
    if compare(a, b) == Ordering::Less {
        return (Vec::new(), a.to_vec());
    }
    if let [divisor] = b {
        let (quotient, remainder) = divide_small(a, *divisor);
        return (quotient, normalize(vec![remainder]));
    }
    let factor = (LIMB / (u64::from(b[b.len() - 1]) + 1)) as u32;
    let divisor = multiply(b, &[factor]);
    let mut dividend = multiply(a, &[factor]);
    dividend.resize(a.len().max(dividend.len()) + 1, 0);
    let length = divisor.len();
    let mut quotient = vec![0u32; dividend.len() - length];
    for at in (0..quotient.len()).rev() {
        let estimate = estimate_digit(&dividend[at..=at + length], &divisor);
        quotient[at] = subtract_multiple(&mut dividend[at..=at + length], &divisor, estimate);
    }
    let remainder = divide_small(&normalize(dividend), factor).0;
    (normalize(quotient), remainder)
}

/// A quotient digit that is right or one too large.
fn estimate_digit(dividend: &[u32], divisor: &[u32]) -> u64 {
    let length = divisor.len();
    let top = u64::from(dividend[length]) * LIMB + u64::from(dividend[length - 1]);
    let mut digit = top / u64::from(divisor[length - 1]);
    let mut rest = top % u64::from(divisor[length - 1]);
    while digit >= LIMB
        || digit * u64::from(divisor[length - 2]) > rest * LIMB + u64::from(dividend[length - 2])
    {
        digit -= 1;
        rest += u64::from(divisor[length - 1]);
        if rest >= LIMB {
            break;
        }
    }
    digit
}

/// Subtracts `digit * divisor` in place, or one multiple less if that would go below zero; returns
/// the digit that was right.
fn subtract_multiple(dividend: &mut [u32], divisor: &[u32], digit: u64) -> u32 {
    let mut borrow = 0i64;
    let mut carry = 0u64;
    for (at, limb) in dividend.iter_mut().enumerate() {
        carry += digit * u64::from(*divisor.get(at).unwrap_or(&0));
        let mut value = i64::from(*limb) - (carry % LIMB) as i64 - borrow;
        carry /= LIMB;
        borrow = i64::from(value < 0);
        value += borrow * LIMB as i64;
        *limb = value as u32;
    }
    if borrow == 0 {
        return digit as u32;
    }
    let mut carry = 0u64;
    for (at, limb) in dividend.iter_mut().enumerate() {
        carry += u64::from(*limb) + u64::from(*divisor.get(at).unwrap_or(&0));
        *limb = (carry % LIMB) as u32;
        carry /= LIMB;
    }
    digit as u32 - 1
}

/// The integer square root, by Newton's iteration from above.
fn integer_root(value: &[u32]) -> Vec<u32> {
    if value.is_empty() {
        return Vec::new();
    }
    let mut root = power_of_ten(digit_count(value).div_ceil(2) as u32);
    loop {
        let next = divide_small(&add(&root, &divide(value, &root).0), 2).0;
        if compare(&next, &root) != Ordering::Less {
            return root;
        }
        root = next;
    }
}
