//! smallint, integer, bigint, oid and boolean.

use bytes::{BufMut as _, BytesMut};

use crate::datum::stored::{exactly, integer, invalid_input, is_space, out_of_range, type_name};
use crate::model::error::Error;
use crate::model::pg_type::PgType;
use crate::model::value::Value;

/// The least and greatest value of an integer type.
fn range(data_type: PgType) -> (i64, i64) {
    match data_type {
        PgType { oid: 21, .. } => (i64::from(i16::MIN), i64::from(i16::MAX)),
        PgType { oid: 23, .. } => (i64::from(i32::MIN), i64::from(i32::MAX)),
        PgType { oid: 20, .. } => (i64::MIN, i64::MAX),
        _ => (0, i64::from(u32::MAX)),
    }
}

/// Digits with an optional sign, blanks around them allowed.
pub(crate) fn from_text(data_type: PgType, text: &str) -> Result<Value, Error> {
    let trimmed = text.trim_matches(is_space);
    let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    let name = type_name(data_type);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid_input(name, text));
    }
    let number: i64 = trimmed.parse().map_err(|_| out_of_range(name, text))?;
    let (least, greatest) = range(data_type);
    if least == 0 && (i64::from(i32::MIN)..0).contains(&number) {
        // PostgreSQL reads a negative oid as the unsigned number with the same bits.
        return Ok(Value::Integer(number + (1 << 32)));
    }
    if number < least || number > greatest {
        return Err(out_of_range(name, text));
    }
    Ok(Value::Integer(number))
}

pub(crate) fn from_binary(data_type: PgType, bytes: &[u8]) -> Result<Value, Error> {
    Ok(Value::Integer(match data_type.oid {
        21 => i64::from(i16::from_be_bytes(exactly(bytes)?)),
        23 => i64::from(i32::from_be_bytes(exactly(bytes)?)),
        20 => i64::from_be_bytes(exactly(bytes)?),
        _ => i64::from(u32::from_be_bytes(exactly(bytes)?)),
    }))
}

pub(crate) fn to_text(data_type: PgType, value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    put_decimal(integer(data_type, value)?, out);
    Ok(())
}

/// Writes a number in decimal, without going through `fmt`.
pub(crate) fn put_decimal(number: i64, out: &mut BytesMut) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.put_u8(b'-');
    }
    out.put_slice(&digits[at..]);
}

pub(crate) fn to_binary(data_type: PgType, value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    use crate::datum::stored::corrupted;
    let number = integer(data_type, value)?;
    let misfit = |_| corrupted(data_type);
    match data_type.oid {
        21 => out.put_i16(i16::try_from(number).map_err(misfit)?),
        23 => out.put_i32(i32::try_from(number).map_err(misfit)?),
        20 => out.put_i64(number),
        _ => out.put_u32(u32::try_from(number).map_err(misfit)?),
    }
    Ok(())
}

/// Any unambiguous prefix of true, false, yes, no, on, off, or 1 and 0 (manual, "Boolean Type").
pub(crate) fn bool_from_text(text: &str) -> Result<Value, Error> {
    let trimmed = text.trim_matches(is_space);
    let is_prefix = |word: &str, least: usize| {
        (least..=word.len()).contains(&trimmed.len())
            && word.as_bytes()[..trimmed.len()].eq_ignore_ascii_case(trimmed.as_bytes())
    };
    if is_prefix("true", 1) || is_prefix("yes", 1) || is_prefix("on", 2) || trimmed == "1" {
        Ok(Value::Integer(1))
    } else if is_prefix("false", 1) || is_prefix("no", 1) || is_prefix("off", 2) || trimmed == "0" {
        Ok(Value::Integer(0))
    } else {
        Err(invalid_input("boolean", text))
    }
}

pub(crate) fn bool_from_binary(bytes: &[u8]) -> Result<Value, Error> {
    Ok(Value::Integer(i64::from(exactly::<1>(bytes)?[0] != 0)))
}

pub(crate) fn bool_to_text(value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    out.put_u8(if integer(PgType::BOOL, value)? != 0 { b't' } else { b'f' });
    Ok(())
}

pub(crate) fn bool_to_binary(value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    out.put_u8(u8::from(integer(PgType::BOOL, value)? != 0));
    Ok(())
}
