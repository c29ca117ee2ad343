//! real and double precision.
//!
//! Stored as REAL, except that NaN is TEXT `NaN`: SQLite would keep it as NULL, and as text it
//! sorts after all numbers, where PostgreSQL has it. A real is stored as the double of equal value.

use std::fmt::Write as _;

use bytes::{BufMut as _, BytesMut};

use crate::datum::stored::{corrupted, exactly, invalid_input, is_space};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

/// Which of the two types.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    Single,
    Double,
}

impl Width {
    fn of(data_type: PgType) -> Self {
        if data_type.oid == PgType::FLOAT4.oid { Self::Single } else { Self::Double }
    }
    fn name(self) -> &'static str {
        if self == Self::Single { "real" } else { "double precision" }
    }
}

/// The stored form of a number.
pub(crate) fn stored(number: f64) -> Value {
    if number.is_nan() { Value::Text("NaN".to_owned()) } else { Value::Real(number) }
}

fn number_of(data_type: PgType, value: &Value) -> Result<f64, Error> {
    match value {
        Value::Real(number) => Ok(*number),
        // SQLite keeps a whole number that came through an untyped column as an integer.
        Value::Integer(number) => Ok(*number as f64),
        Value::Text(text) if text == "NaN" => Ok(f64::NAN),
        _ => Err(corrupted(data_type)),
    }
}

pub(crate) fn from_text(data_type: PgType, text: &str) -> Result<Value, Error> {
    let width = Width::of(data_type);
    let trimmed = text.trim_matches(is_space);
    if let Some(special) = special(trimmed) {
        return Ok(stored(special));
    }
    let unsigned = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    let well_formed =
        unsigned.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
            && unsigned.bytes().any(|byte| byte.is_ascii_digit());
    let parsed = match width {
        Width::Double => trimmed.parse::<f64>(),
        Width::Single => trimmed.parse::<f32>().map(f64::from),
    };
    let (true, Ok(number)) = (well_formed, parsed) else {
        return Err(invalid_input(width.name(), text));
    };
    let mantissa = unsigned.split(['e', 'E']).next().unwrap_or(unsigned);
    let vanished = number == 0.0 && mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    if number.is_infinite() || vanished {
        return Err(Error::user(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("\"{trimmed}\" is out of range for type {}", width.name()),
        ));
    }
    Ok(stored(number))
}

/// NaN and the infinities, in the spellings that PostgreSQL takes.
fn special(text: &str) -> Option<f64> {
    let (negative, rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest.eq_ignore_ascii_case("infinity") || rest.eq_ignore_ascii_case("inf") {
        Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY })
    } else if rest.eq_ignore_ascii_case("nan") {
        Some(f64::NAN)
    } else {
        None
    }
}

pub(crate) fn from_binary(data_type: PgType, bytes: &[u8]) -> Result<Value, Error> {
    Ok(stored(match Width::of(data_type) {
        Width::Single => f64::from(f32::from_be_bytes(exactly(bytes)?)),
        Width::Double => f64::from_be_bytes(exactly(bytes)?),
    }))
}

pub(crate) fn to_binary(data_type: PgType, value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    let number = number_of(data_type, value)?;
    match Width::of(data_type) {
        Width::Single => out.put_f32(number as f32),
        Width::Double => out.put_f64(number),
    }
    Ok(())
}

/// `extra_float_digits` as in the setting: from 1 on the shortest digits that read back the same.
pub(crate) fn to_text(
    data_type: PgType,
    value: &Value,
    extra_float_digits: i8,
    out: &mut BytesMut,
) -> Result<(), Error> {
    let number = number_of(data_type, value)?;
    put(number, Width::of(data_type), extra_float_digits, out);
    Ok(())
}

/// Writes a number as PostgreSQL does.
pub(crate) fn put(number: f64, width: Width, extra_float_digits: i8, out: &mut BytesMut) {
    if number.is_nan() {
        return out.put_slice(b"NaN");
    }
    if number.is_infinite() {
        return out.put_slice(if number > 0.0 { b"Infinity" } else { b"-Infinity" });
    }
    if number.is_sign_negative() {
        out.put_u8(b'-');
    }
    let magnitude = number.abs();
    if magnitude == 0.0 {
        return out.put_u8(b'0');
    }
    if extra_float_digits > 0 {
        let scientific = shortest(magnitude, width);
        // Where PostgreSQL's shortest-output code changes to exponents.
        let fixed_below = if width == Width::Single { 6 } else { 15 };
        put_scientific(&scientific, fixed_below, out);
    } else {
        let base = if width == Width::Single { 6 } else { 15 };
        let precision = (base + i32::from(extra_float_digits)).max(1);
        let mut scientific = Scientific::default();
        let _ = write!(scientific, "{magnitude:.*e}", precision as usize - 1);
        put_scientific(&scientific, precision, out);
    }
}

/// A number in Rust's scientific notation, `d.ddde-7`, on the stack.
#[derive(Default, Clone, Copy)]
struct Scientific {
    // 17 digits, a point, `e`, a sign and three digits fit.
    bytes: [u8; 32],
    length: usize,
}

impl std::fmt::Write for Scientific {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length + text.len();
        self.bytes
            .get_mut(self.length..end)
            .ok_or(std::fmt::Error)?
            .copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

impl Scientific {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or("0e0")
    }

    /// The digits without their point, and the exponent of the first one.
    fn parts(&self) -> ([u8; 32], usize, i32) {
        let (mantissa, exponent) = self.as_str().split_once('e').unwrap_or(("0", "0"));
        let mut digits = [0; 32];
        let mut count = 0;
        for digit in mantissa.bytes().filter(u8::is_ascii_digit) {
            digits[count] = digit;
            count += 1;
        }
        while count > 1 && digits[count - 1] == b'0' {
            count -= 1;
        }
        (digits, count, exponent.parse().unwrap_or(0))
    }
}

/// The fewest digits that lie strictly between the neighbours' midpoints. Rust also takes a
/// midpoint itself where it would be read back the same (1e23); PostgreSQL doesn't.
fn shortest(magnitude: f64, width: Width) -> Scientific {
    let reads_back = |text: &Scientific| match width {
        Width::Double => text.as_str().parse::<f64>() == Ok(magnitude),
        Width::Single => text.as_str().parse::<f32>() == Ok(magnitude as f32),
    };
    let mut text = Scientific::default();
    let _ = match width {
        Width::Double => write!(text, "{magnitude:e}"),
        Width::Single => write!(text, "{:e}", magnitude as f32),
    };
    if !is_midpoint(&text, width) {
        if is_tie(magnitude, &text) {
            // Rounded to even.
            let mut even = Scientific::default();
            let _ = write!(even, "{magnitude:.*e}", text.parts().1 - 1);
            if reads_back(&even) {
                return even;
            }
        }
        return text;
    }
    let most = if width == Width::Double { 17 } else { 9 };
    for precision in text.parts().1 - 1..most {
        let mut longer = Scientific::default();
        let _ = write!(longer, "{magnitude:.precision$e}");
        if reads_back(&longer) && !is_midpoint(&longer, width) {
            return longer;
        }
    }
    text
}

/// Whether a number lies exactly half way between two decimals with as many digits as this one, so that either
/// is as near: 0.125 between 0.12 and 0.13.
fn is_tie(magnitude: f64, text: &Scientific) -> bool {
    let (_, count, exponent) = text.parts();
    let places = count as i32 - 1 - exponent;
    let bits = magnitude.to_bits();
    let (fraction, power) = (bits & ((1 << 52) - 1), (bits >> 52) as i32);
    let mantissa = if power == 0 { fraction } else { fraction | 1 << 52 };
    // The number is odd * 2^twos, and 10^places times that is a whole number and a half.
    let twos = power.max(1) - 1075 + mantissa.trailing_zeros() as i32;
    twos == -places - 1
}

/// Whether a decimal lies exactly half way between two adjacent numbers of this width: then its
/// odd part has one bit more than a mantissa. Only whole numbers can be both that and short.
fn is_midpoint(text: &Scientific, width: Width) -> bool {
    let (digits, count, exponent) = text.parts();
    let zeros = exponent - (count as i32 - 1);
    if !(0..=23).contains(&zeros) {
        return false;
    }
    let number =
        digits[..count].iter().fold(0_u128, |sum, digit| sum * 10 + u128::from(digit - b'0'));
    if number == 0 {
        return false;
    }
    let odd = (number >> number.trailing_zeros()) * 5_u128.pow(zeros as u32);
    let mantissa_bits = if width == Width::Double { 53 } else { 24 };
    128 - odd.leading_zeros() == mantissa_bits + 1
}

/// Writes digits with or without an exponent, as C's `%g` chooses: without from 1e-4 to below
/// 10^`fixed_below`.
fn put_scientific(text: &Scientific, fixed_below: i32, out: &mut BytesMut) {
    let (digits, count, exponent) = text.parts();
    let digits = &digits[..count];
    if exponent < -4 || exponent >= fixed_below {
        out.put_u8(digits[0]);
        if count > 1 {
            out.put_u8(b'.');
            out.put_slice(&digits[1..]);
        }
        out.put_slice(if exponent < 0 { b"e-" } else { b"e+" });
        if exponent.abs() < 10 {
            out.put_u8(b'0');
        }
        crate::datum::integer::put_decimal(i64::from(exponent.abs()), out);
    } else if exponent < 0 {
        out.put_slice(b"0.");
        out.put_bytes(b'0', (-exponent - 1) as usize);
        out.put_slice(digits);
    } else {
        let whole = exponent as usize + 1;
        if count <= whole {
            out.put_slice(digits);
            out.put_bytes(b'0', whole - count);
        } else {
            out.put_slice(&digits[..whole]);
            out.put_u8(b'.');
            out.put_slice(&digits[whole..]);
        }
    }
}
