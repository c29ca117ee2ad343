//! bit and bit varying: strings of bits (manual, "Bit String Types").
//!
//! Stored as a text of `0` and `1`. The order of the texts is PostgreSQL's of the values.

use bytes::{BufMut as _, BytesMut};

use crate::datum::stored::{bad_binary, corrupted, short_binary, text};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

/// 22026
const LENGTH_MISMATCH: SqlState = SqlState(*b"22026");

/// 22026 `bit string length 3 does not match type bit(4)`.
fn wrong_length(length: usize, wanted: i32) -> Error {
    let message = format!("bit string length {length} does not match type bit({wanted})");
    Error::user(LENGTH_MISMATCH, message)
}

/// 22001
fn too_long(length_max: i32) -> Error {
    let message = format!("bit string too long for type bit varying({length_max})");
    Error::user(SqlState::STRING_DATA_RIGHT_TRUNCATION, message)
}

/// The bits as a value of the type: cut or filled up where a cast is written, else refused where the
/// length isn't the type's.
///
/// # Errors
/// 22026, 22001
pub fn fit(data_type: PgType, bits: &str, explicit: bool) -> Result<String, Error> {
    let Some(length) = usize::try_from(data_type.modifier).ok().filter(|length| *length > 0) else {
        return Ok(bits.to_owned());
    };
    let kept = &bits[..bits.len().min(length)];
    if data_type.oid == PgType::VARBIT.oid {
        let fits = explicit || bits.len() <= length;
        return fits.then(|| kept.to_owned()).ok_or_else(|| too_long(data_type.modifier));
    }
    let fits = explicit || bits.len() == length;
    fits.then(|| format!("{kept:0<length$}"))
        .ok_or_else(|| wrong_length(bits.len(), data_type.modifier))
}

/// `101`, `b101` or `x1F`.
///
/// # Errors
/// 22P02 `"2" is not a valid binary digit`.
pub fn parse(input: &str) -> Result<String, Error> {
    let invalid = |digit: char, base: &str| {
        let message = format!("\"{digit}\" is not a valid {base} digit");
        Error::user(SqlState::INVALID_TEXT_REPRESENTATION, message)
    };
    if let Some(digits) = input.strip_prefix(['x', 'X']) {
        let mut bits = String::with_capacity(digits.len() * 4);
        for digit in digits.chars() {
            let value = digit.to_digit(16).ok_or_else(|| invalid(digit, "hexadecimal"))?;
            bits.extend((0..4).rev().map(|at| if value >> at & 1 == 1 { '1' } else { '0' }));
        }
        return Ok(bits);
    }
    let bits = input.strip_prefix(['b', 'B']).unwrap_or(input);
    match bits.chars().find(|digit| !matches!(digit, '0' | '1')) {
        Some(digit) => Err(invalid(digit, "binary")),
        None => Ok(bits.to_owned()),
    }
}

pub(crate) fn from_text(data_type: PgType, input: &str) -> Result<Value, Error> {
    fit(data_type, &parse(input)?, false).map(Value::Text)
}

pub(crate) fn from_binary(data_type: PgType, input: &[u8]) -> Result<Value, Error> {
    let (length, bytes) = input.split_first_chunk().ok_or_else(short_binary)?;
    let length = usize::try_from(i32::from_be_bytes(*length))
        .map_err(|_| bad_binary("invalid length in external bit string"))?;
    if bytes.len() < length.div_ceil(8) {
        return Err(short_binary());
    }
    if bytes.len() > length.div_ceil(8) {
        return Err(bad_binary("incorrect binary data format"));
    }
    let bit = |at: usize| if bytes[at / 8] >> (7 - at % 8) & 1 == 1 { '1' } else { '0' };
    let bits: String = (0..length).map(bit).collect();
    fit(data_type, &bits, false).map(Value::Text)
}

pub(crate) fn to_binary(data_type: PgType, value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    let bits = text(data_type, value)?.as_bytes();
    out.put_i32(i32::try_from(bits.len()).map_err(|_| corrupted(data_type))?);
    for eight in bits.chunks(8) {
        let set = |(at, bit): (usize, &u8)| u8::from(*bit == b'1') << (7 - at);
        out.put_u8(eight.iter().enumerate().map(set).sum());
    }
    Ok(())
}

/// The lowest bits of a number, `width` bits wide itself: wider than that, it keeps its sign.
pub fn of_integer(number: i64, width: usize, length: usize) -> String {
    let bit = |at: usize| number >> at.min(width - 1) & 1 == 1;
    (0..length).rev().map(|at| if bit(at) { '1' } else { '0' }).collect()
}

/// The number that bits are, if they aren't more than `width`.
pub fn to_integer(bits: &str, width: usize) -> Option<i64> {
    if bits.len() > width {
        return None;
    }
    let number = bits.bytes().fold(0_u64, |sum, bit| sum << 1 | u64::from(bit == b'1'));
    Some(if width == 32 { i64::from(number as u32 as i32) } else { number as i64 })
}

/// What two bit strings of one length are combined by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combination {
    And,
    Or,
    Xor,
}

/// # Errors
/// 22026 `cannot AND bit strings of different sizes`.
pub fn combine(combination: Combination, left: &str, right: &str) -> Result<String, Error> {
    if left.len() != right.len() {
        let name = match combination {
            Combination::And => "AND",
            Combination::Or => "OR",
            Combination::Xor => "XOR",
        };
        let message = format!("cannot {name} bit strings of different sizes");
        return Err(Error::user(LENGTH_MISMATCH, message));
    }
    let bit = |(left, right): (u8, u8)| {
        let set = match combination {
            Combination::And => left == b'1' && right == b'1',
            Combination::Or => left == b'1' || right == b'1',
            Combination::Xor => left != right,
        };
        if set { '1' } else { '0' }
    };
    Ok(left.bytes().zip(right.bytes()).map(bit).collect())
}

/// The bits moved to the left, or to the right by a negative count; zeros move in.
pub fn shift(bits: &str, left: i64) -> String {
    let length = bits.len();
    let count = usize::try_from(left.unsigned_abs()).unwrap_or(length).min(length);
    let zeros = "0".repeat(count);
    if left < 0 { zeros + &bits[..length - count] } else { bits[count..].to_owned() + &zeros }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_keep_their_sign_and_their_lowest_bits() {
        assert_eq!(of_integer(5, 32, 3), "101");
        assert_eq!(of_integer(44, 32, 3), "100");
        assert_eq!(of_integer(-1, 32, 40), "1".repeat(40));
        assert_eq!(to_integer(&of_integer(-44, 32, 32), 32), Some(-44));
        assert_eq!(to_integer(&of_integer(-44, 64, 64), 64), Some(-44));
        assert_eq!(to_integer(&"1".repeat(33), 32), None);
    }

    #[test]
    fn bits_are_sent_in_whole_bytes() {
        let mut out = BytesMut::new();
        let value = Value::Text("1010000011".to_owned());
        to_binary(PgType::BIT, &value, &mut out).unwrap();
        assert_eq!(&out[..], [0, 0, 0, 10, 0xa0, 0xc0]);
        assert_eq!(from_binary(PgType::BIT, &out).unwrap(), value);
        assert!(from_binary(PgType::BIT, &out[..5]).is_err());
    }
}
