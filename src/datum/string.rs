//! text, varchar(n), char(n), name, "char", unknown; and bytea, uuid.

use bytes::{BufMut as _, BytesMut};

use crate::datum::Style;
use crate::datum::stored::{bad_binary, corrupted, exactly, invalid_input, no_nul, text};
use crate::model::catalog::NAME_BYTES_MAX;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

pub(crate) const PG_LSN: u32 = 3220;

/// The length that a varchar(n) or char(n) modifier stands for: it counts a 4-byte header too.
fn length_max(data_type: PgType) -> Option<usize> {
    usize::try_from(data_type.modifier).ok()?.checked_sub(4)
}

pub(crate) fn from_text(data_type: PgType, input: &str) -> Result<Value, Error> {
    let input = no_nul(input)?;
    let kept = match data_type.oid {
        PG_LSN => return lsn_from_text(input),
        18 => &input[..input.chars().next().map_or(0, char::len_utf8)],
        19 => truncated(input, NAME_BYTES_MAX),
        1042 => within(data_type, input, "character")?.trim_end_matches(' '),
        1043 => within(data_type, input, "character varying")?,
        _ => input,
    };
    Ok(Value::Text(kept.to_owned()))
}

/// `pg_lsn`: two hexadecimal numbers of up to eight digits each.
fn lsn(text: &str) -> Option<u64> {
    let half = |digits: &str| {
        let valid = matches!(digits.len(), 1..=8) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        u64::from_str_radix(digits, 16).ok().filter(|_| valid)
    };
    let (high, low) = text.split_once('/')?;
    Some(half(high)? << 32 | half(low)?)
}

fn lsn_value(number: u64) -> Value {
    Value::Text(format!("{:X}/{:X}", number >> 32, number & 0xffff_ffff))
}

fn lsn_from_text(input: &str) -> Result<Value, Error> {
    lsn(input).map(lsn_value).ok_or_else(|| invalid_input("pg_lsn", input))
}

pub(crate) fn lsn_from_binary(bytes: &[u8]) -> Result<Value, Error> {
    Ok(lsn_value(u64::from_be_bytes(exactly(bytes)?)))
}

pub(crate) fn lsn_to_binary(value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    let data_type = PgType::new(PG_LSN);
    let number = lsn(text(data_type, value)?).ok_or_else(|| corrupted(data_type))?;
    out.put_u64(number);
    Ok(())
}

/// The longest start of at most `bytes_max` bytes that doesn't cut a character.
fn truncated(input: &str, bytes_max: usize) -> &str {
    if input.len() <= bytes_max {
        return input;
    }
    let end = (0..=bytes_max).rev().find(|&end| input.is_char_boundary(end)).unwrap_or(0);
    &input[..end]
}

/// Cuts trailing spaces beyond the type's length; anything else beyond it is 22001.
fn within<'a>(data_type: PgType, input: &'a str, name: &str) -> Result<&'a str, Error> {
    let Some(length_max) = length_max(data_type) else { return Ok(input) };
    if input.len() <= length_max {
        return Ok(input);
    }
    let Some((end, _)) = input.char_indices().nth(length_max) else { return Ok(input) };
    if input[end..].bytes().all(|byte| byte == b' ') {
        return Ok(&input[..end]);
    }
    Err(Error::user(
        SqlState::STRING_DATA_RIGHT_TRUNCATION,
        format!("value too long for type {name}({length_max})"),
    ))
}

/// Text and binary form are the same.
pub(crate) fn put(data_type: PgType, value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    match value {
        Value::Text(text) => {
            out.put_slice(text.as_bytes());
            if data_type.oid == PgType::BPCHAR.oid
                && let Some(length) = length_max(data_type)
            {
                let missing = length.saturating_sub(text.chars().count());
                out.put_bytes(b' ', missing);
            }
            Ok(())
        }
        // Tables made with plain SQLite DDL may hold any class in a text column.
        Value::Integer(number) => {
            crate::datum::integer::put_decimal(*number, out);
            Ok(())
        }
        Value::Real(number) => {
            crate::datum::float::put(*number, crate::datum::float::Width::Double, 1, out);
            Ok(())
        }
        Value::Blob(bytes) => {
            let text = std::str::from_utf8(bytes).map_err(|_| corrupted(data_type))?;
            out.put_slice(text.as_bytes());
            Ok(())
        }
        Value::Null => Err(corrupted(data_type)),
    }
}

/// `"char"` is one byte always: 0 stands for the empty one.
pub(crate) fn char_to_binary(value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    let start = out.len();
    put(PgType::CHAR, value, out)?;
    if out.len() == start {
        out.put_u8(0);
    }
    Ok(())
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn hex_digit(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|digit| digit as u8)
}

/// bytea in hex (`\x..`) or escape format (manual, "Binary Data Types").
pub(crate) fn bytea_from_text(input: &str) -> Result<Value, Error> {
    let bytes = match input.strip_prefix("\\x") {
        Some(hex) => bytea_from_hex(hex)?,
        None => bytea_from_escape(input.as_bytes()).ok_or_else(|| {
            Error::user(
                SqlState::INVALID_TEXT_REPRESENTATION,
                "invalid input syntax for type bytea",
            )
        })?,
    };
    Ok(Value::Blob(bytes))
}

fn bytea_from_hex(hex: &str) -> Result<Vec<u8>, Error> {
    let invalid = |message: String| Error::user(SqlState::INVALID_PARAMETER_VALUE, message);
    let mut bytes = Vec::with_capacity(hex.len() / 2);
    let mut digits = hex.chars().filter(|c| !c.is_ascii_whitespace());
    let digit = |c: char| {
        c.to_digit(16).ok_or_else(|| invalid(format!("invalid hexadecimal digit: \"{c}\"")))
    };
    while let Some(high) = digits.next() {
        let high = digit(high)?;
        let Some(low) = digits.next() else {
            return Err(invalid("invalid hexadecimal data: odd number of digits".to_owned()));
        };
        bytes.push((high << 4 | digit(low)?) as u8);
    }
    Ok(bytes)
}

fn bytea_from_escape(input: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(input.len());
    let mut at = 0;
    while at < input.len() {
        match input[at..] {
            [b'\\', b'\\', ..] => {
                bytes.push(b'\\');
                at += 2;
            }
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                at += 4;
            }
            [b'\\', ..] => return None,
            [byte, ..] => {
                bytes.push(byte);
                at += 1;
            }
            [] => break,
        }
    }
    Some(bytes)
}

/// The bytes of a stored bytea.
pub(crate) fn bytea(value: &Value) -> Result<&[u8], Error> {
    match value {
        Value::Blob(bytes) => Ok(bytes),
        Value::Text(text) => Ok(text.as_bytes()),
        _ => Err(corrupted(PgType::BYTEA)),
    }
}

pub(crate) fn bytea_to_text(value: &Value, style: &Style, out: &mut BytesMut) -> Result<(), Error> {
    let bytes = bytea(value)?;
    if !style.bytea_escape {
        out.reserve(2 + 2 * bytes.len());
        out.put_slice(b"\\x");
        for byte in bytes {
            out.put_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        return Ok(());
    }
    for &byte in bytes {
        match byte {
            b'\\' => out.put_slice(b"\\\\"),
            0x20..=0x7e => out.put_u8(byte),
            _ => out.put_slice(&[
                b'\\',
                b'0' + (byte >> 6),
                b'0' + (byte >> 3 & 7),
                b'0' + (byte & 7),
            ]),
        }
    }
    Ok(())
}

/// A uuid with or without braces and with a dash after any group of four digits.
pub(crate) fn uuid_from_text(input: &str) -> Result<Value, Error> {
    let bytes = uuid_bytes(input).ok_or_else(|| invalid_input("uuid", input))?;
    Ok(uuid_stored(bytes))
}

/// The bytes of a uuid as it is written.
pub(crate) fn uuid_bytes(input: &str) -> Option<[u8; 16]> {
    let inner = match input.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}')?,
        None => input,
    };
    let mut rest = inner.as_bytes();
    let mut bytes = [0; 16];
    for (at, byte) in bytes.iter_mut().enumerate() {
        let [high, low, tail @ ..] = rest else { return None };
        *byte = hex_digit(*high)? << 4 | hex_digit(*low)?;
        rest = tail;
        if at % 2 == 1 && at < 15 && rest.first() == Some(&b'-') {
            rest = &rest[1..];
        }
    }
    rest.is_empty().then_some(bytes)
}

fn uuid_stored(bytes: [u8; 16]) -> Value {
    Value::Text(uuid_text(bytes))
}

/// The stored form of a uuid.
pub(crate) fn uuid_text(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(HEX[usize::from(byte >> 4)] as char);
        text.push(HEX[usize::from(byte & 15)] as char);
    }
    text
}

pub(crate) fn uuid_from_binary(bytes: &[u8]) -> Result<Value, Error> {
    if bytes.len() != 16 {
        return Err(bad_binary("incorrect binary data format"));
    }
    exactly(bytes).map(uuid_stored)
}

pub(crate) fn uuid_to_binary(value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    let stored = text(PgType::UUID, value)?;
    out.put_slice(&uuid_bytes(stored).ok_or_else(|| corrupted(PgType::UUID))?);
    Ok(())
}
