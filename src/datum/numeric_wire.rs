//! numeric's text and binary forms, on top of the arithmetic's canonical digits.

use bytes::{Buf as _, BufMut as _, BytesMut};

use crate::datum::numeric::Numeric;
use crate::datum::stored::{bad_binary, corrupted, invalid_input, short_binary};
use crate::model::error::Error;
use crate::model::pg_type::PgType;
use crate::model::value::Value;

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEGATIVE_INFINITY: u16 = 0xf000;
/// Digits after the point at the most (`NUMERIC_DSCALE_MASK`).
const SCALE_MAX: u16 = 0x3fff;

pub(crate) fn from_text(data_type: PgType, input: &str) -> Result<Value, Error> {
    let number = Numeric::parse(input)?.ok_or_else(|| invalid_input("numeric", input))?;
    Ok(Value::Text(number.apply_modifier(data_type.modifier)?.to_string()))
}

/// The stored digits. Other programs may have left a number where a numeric belongs.
pub(crate) fn to_text(value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    match value {
        Value::Text(digits) => out.put_slice(digits.as_bytes()),
        Value::Integer(number) => crate::datum::integer::put_decimal(*number, out),
        Value::Real(number) => out.put_slice(real_digits(*number)?.as_bytes()),
        Value::Null | Value::Blob(_) => return Err(corrupted(PgType::NUMERIC)),
    }
    Ok(())
}

fn real_digits(number: f64) -> Result<String, Error> {
    let mut shortest = BytesMut::new();
    crate::datum::float::put(number, crate::datum::float::Width::Double, 1, &mut shortest);
    let shortest = String::from_utf8_lossy(&shortest);
    let parsed = Numeric::parse(&shortest)?.ok_or_else(|| corrupted(PgType::NUMERIC))?;
    Ok(parsed.to_string())
}

/// `numeric_recv`: groups of four decimal digits, the first one's weight, the sign, the scale.
pub(crate) fn from_binary(data_type: PgType, bytes: &[u8]) -> Result<Value, Error> {
    let mut rest = bytes;
    let mut next = || rest.try_get_u16().map_err(|_| short_binary());
    let count = next()?;
    let weight = i32::from(next()? as i16);
    let sign = next()?;
    let scale = next()?;
    match sign {
        POSITIVE | NEGATIVE => {}
        NAN => return from_text(data_type, "NaN"),
        INFINITY => return from_text(data_type, "Infinity"),
        NEGATIVE_INFINITY => return from_text(data_type, "-Infinity"),
        _ => return Err(bad_binary("invalid sign in external \"numeric\" value")),
    }
    if scale > SCALE_MAX {
        return Err(bad_binary("invalid scale in external \"numeric\" value"));
    }
    if rest.len() != usize::from(count) * 2 {
        return Err(if rest.len() < usize::from(count) * 2 {
            short_binary()
        } else {
            bad_binary("incorrect binary data format")
        });
    }
    let groups: Vec<u16> =
        rest.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    if groups.iter().any(|&group| group > 9999) {
        return Err(bad_binary("invalid digit in external \"numeric\" value"));
    }
    from_text(data_type, &decimal(&groups, weight, sign == NEGATIVE, usize::from(scale)))
}

/// Groups as plain digits. Digits beyond the scale are cut, as `numeric_recv` does.
fn decimal(groups: &[u16], weight: i32, negative: bool, scale: usize) -> String {
    use std::fmt::Write as _;
    let group =
        |at: i32| usize::try_from(at).ok().and_then(|at| groups.get(at)).copied().unwrap_or(0);
    let mut text = String::new();
    if negative {
        text.push('-');
    }
    if weight < 0 {
        text.push('0');
    }
    for at in 0..=weight {
        let _ = write!(text, "{:04}", group(at));
    }
    if scale > 0 {
        text.push('.');
        let point = text.len();
        let mut at = weight + 1;
        while text.len() - point < scale {
            let _ = write!(text, "{:04}", group(at));
            at += 1;
        }
        text.truncate(point + scale);
    }
    text
}

pub(crate) fn to_binary(value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    let misfit = || corrupted(PgType::NUMERIC);
    let shown;
    let text = match value {
        Value::Text(text) => text.as_str(),
        Value::Integer(number) => {
            shown = number.to_string();
            &shown
        }
        Value::Real(number) => {
            shown = real_digits(*number)?;
            &shown
        }
        Value::Null | Value::Blob(_) => return Err(misfit()),
    };
    let special = match text {
        "NaN" => Some(NAN),
        "Infinity" => Some(INFINITY),
        "-Infinity" => Some(NEGATIVE_INFINITY),
        _ => None,
    };
    if let Some(sign) = special {
        // PostgreSQL sends a scale of 32 with its infinities.
        for field in [0, 0, sign, if sign == NAN { 0 } else { 32 }] {
            out.put_u16(field);
        }
        return Ok(());
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return Err(misfit());
    }
    let value_of =
        |digits: &[u8]| digits.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    let mut groups: Vec<u16> = whole.as_bytes().rchunks(4).rev().map(value_of).collect();
    let mut weight = groups.len() as i32 - 1;
    for chunk in fraction.as_bytes().chunks(4) {
        groups.push(value_of(chunk) * 10_u16.pow(4 - chunk.len() as u32));
    }
    let zeros = groups.iter().take_while(|&&group| group == 0).count();
    weight -= zeros as i32;
    while groups.len() > zeros && groups.last() == Some(&0) {
        groups.pop();
    }
    let groups = &groups[zeros.min(groups.len())..];
    if groups.is_empty() {
        weight = 0;
    }
    out.put_u16(u16::try_from(groups.len()).map_err(|_| misfit())?);
    out.put_i16(i16::try_from(weight).map_err(|_| misfit())?);
    let negative = text.starts_with('-') && !groups.is_empty();
    out.put_u16(if negative { NEGATIVE } else { POSITIVE });
    out.put_u16(u16::try_from(fraction.len()).map_err(|_| misfit())?);
    for &group in groups {
        out.put_u16(group);
    }
    Ok(())
}
