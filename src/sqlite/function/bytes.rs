//! Byte strings: parts, bits, encodings, hashes.

use std::fmt::Write as _;

use base64::Engine as _;
use md5::Digest as _;
use rusqlite::Connection;
use rusqlite::types::{Value as SqlValue, ValueRef};

use super::{Answer, Arguments, integer, strict, string};
use crate::datum::encoding::{self, Encoding};
use crate::model::error::{Error, SqlState};

pub(super) fn bytes<'a>(args: &'a Arguments<'_, '_>, at: usize) -> Result<&'a [u8], Error> {
    match args.value(at) {
        ValueRef::Blob(bytes) => Ok(bytes),
        _ => Err(super::wrong_class("a byte string")),
    }
}

fn blob(bytes: impl Into<Vec<u8>>) -> SqlValue {
    SqlValue::Blob(bytes.into())
}

fn invalid(message: impl Into<String>) -> Error {
    Error::user(SqlState::INVALID_PARAMETER_VALUE, message)
}

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_bytea_substr", -1, |args| {
        let all = bytes(args, 0)?;
        let (from, to) = extent(args, all.len())?;
        Ok(blob(&all[from..to]))
    })?;
    strict(connection, "pg_byteaoverlay", -1, |args| {
        let (all, new) = (bytes(args, 0)?, bytes(args, 1)?);
        let start = args.integer(2)?;
        let length = if args.count() > 3 { args.integer(3)? } else { new.len() as i64 };
        if start < 1 {
            return Err(Error::user(SqlState(*b"22011"), "negative substring length not allowed"));
        }
        let clamp = |place: i64| place.clamp(0, all.len() as i64) as usize;
        let head = &all[..clamp(start - 1)];
        let tail = &all[clamp(start.saturating_sub(1).saturating_add(length))..];
        Ok(blob([head, new, tail].concat()))
    })?;
    strict(connection, "pg_byteapos", 2, |args| {
        let (all, part) = (bytes(args, 0)?, bytes(args, 1)?);
        if part.is_empty() {
            return Ok(integer(1));
        }
        let place = all.windows(part.len()).position(|window| window == part);
        Ok(integer(place.map_or(0, |place| place as i64 + 1)))
    })?;
    for (name, start, end) in [
        ("pg_byteatrim", true, true),
        ("pg_bytealtrim", true, false),
        ("pg_byteartrim", false, true),
    ] {
        strict(connection, name, 2, move |args| {
            let (mut all, set) = (bytes(args, 0)?, bytes(args, 1)?);
            while start
                && let [first, rest @ ..] = all
                && set.contains(first)
            {
                all = rest;
            }
            while end
                && let [rest @ .., last] = all
                && set.contains(last)
            {
                all = rest;
            }
            Ok(blob(all))
        })?;
    }
    strict(connection, "pg_bytea_bit_count", 1, |args| {
        Ok(integer(bytes(args, 0)?.iter().map(|byte| i64::from(byte.count_ones())).sum()))
    })?;
    strict(connection, "pg_bytea_bit_length", 1, |args| {
        Ok(integer(bytes(args, 0)?.len() as i64 * 8))
    })?;
    register_parts(connection)?;
    register_encodings(connection)?;
    register_hashes(connection)
}

/// Where `substring(bytes, start [, length])` begins and ends.
fn extent(args: &Arguments<'_, '_>, length: usize) -> Result<(usize, usize), Error> {
    let start = args.integer(1)?;
    let end = if args.count() > 2 {
        let wanted = args.integer(2)?;
        if wanted < 0 {
            return Err(Error::user(SqlState(*b"22011"), "negative substring length not allowed"));
        }
        start.saturating_add(wanted)
    } else {
        i64::MAX
    };
    let clamp = |place: i64| (place.saturating_sub(1)).clamp(0, length as i64) as usize;
    let from = clamp(start);
    Ok((from, clamp(end).max(from)))
}

fn register_parts(connection: &Connection) -> rusqlite::Result<()> {
    fn place(index: i64, length: usize) -> Result<usize, Error> {
        usize::try_from(index).ok().filter(|at| *at < length).ok_or_else(|| {
            let last = length as i64 - 1;
            let message = format!("index {index} out of valid range, 0..{last}");
            Error::user(SqlState(*b"2202E"), message)
        })
    }
    fn bit(value: i64) -> Result<u8, Error> {
        match value {
            0 | 1 => Ok(value as u8),
            _ => Err(invalid("new bit must be 0 or 1")),
        }
    }
    strict(connection, "pg_byteaGetByte", 2, |args| {
        let all = bytes(args, 0)?;
        Ok(integer(i64::from(all[place(args.integer(1)?, all.len())?])))
    })?;
    strict(connection, "pg_byteaSetByte", 3, |args| {
        let mut all = bytes(args, 0)?.to_vec();
        let at = place(args.integer(1)?, all.len())?;
        all[at] = args.integer(2)? as u8;
        Ok(blob(all))
    })?;
    strict(connection, "pg_byteaGetBit", 2, |args| {
        let all = bytes(args, 0)?;
        let at = place(args.integer(1)?, all.len() * 8)?;
        Ok(integer(i64::from(all[at / 8] >> (at % 8) & 1)))
    })?;
    strict(connection, "pg_byteaSetBit", 3, |args| {
        let mut all = bytes(args, 0)?.to_vec();
        let at = place(args.integer(1)?, all.len() * 8)?;
        let value = bit(args.integer(2)?)?;
        all[at / 8] = all[at / 8] & !(1 << (at % 8)) | value << (at % 8);
        Ok(blob(all))
    })
}

fn register_encodings(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_binary_encode", 2, |args| {
        encode(bytes(args, 0)?, args.text(1)?).map(string)
    })?;
    strict(connection, "pg_binary_decode", 2, |args| {
        decode(args.text(0)?, args.text(1)?).map(SqlValue::Blob)
    })?;
    strict(connection, "pg_pg_convert_from", 2, |args| {
        let text = encoding::convert(bytes(args, 0)?, encoding_of(args, 1, "source")?, utf8())?;
        match std::str::from_utf8(&text) {
            Ok(text) => Ok(string(text)),
            Err(error) => Err(crate::datum::invalid_utf8(&text, error.valid_up_to())),
        }
    })?;
    strict(connection, "pg_pg_convert_to", 2, |args| {
        let to = encoding_of(args, 1, "destination")?;
        Ok(blob(encoding::convert(args.text(0)?.as_bytes(), utf8(), to)?))
    })?;
    strict(connection, "pg_pg_convert", 3, |args| {
        let from = encoding_of(args, 1, "source")?;
        let to = encoding_of(args, 2, "destination")?;
        Ok(blob(encoding::convert(bytes(args, 0)?, from, to)?))
    })?;
    strict(connection, "pg_length_encoded", 2, |args| {
        let known = encoding::named(args.text(1)?).ok_or_else(|| {
            invalid(format!("invalid encoding name \"{}\"", args.text(1).unwrap_or_default()))
        })?;
        Ok(integer(known.length(bytes(args, 0)?)? as i64))
    })
}

fn utf8() -> &'static Encoding {
    encoding::named("UTF8").expect("UTF-8 is an encoding")
}

/// The encoding that an argument names, for `which` side of a conversion.
fn encoding_of(
    args: &Arguments<'_, '_>,
    at: usize,
    which: &str,
) -> Result<&'static Encoding, Error> {
    let name = args.text(at)?;
    encoding::named(name)
        .ok_or_else(|| invalid(format!("invalid {which} encoding name \"{name}\"")))
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| HEX[digit as usize] as char).collect()
}

fn unknown_encoding(name: &str) -> Error {
    invalid(format!("unrecognized encoding: \"{name}\""))
}

fn encode(bytes: &[u8], format: &str) -> Result<String, Error> {
    Ok(match format.to_ascii_lowercase().as_str() {
        "hex" => hex(bytes),
        "base64" => {
            // Lines of 76 characters.
            let all = base64::engine::general_purpose::STANDARD.encode(bytes);
            let lines: Vec<&str> = all
                .as_bytes()
                .chunks(76)
                .map(|line| std::str::from_utf8(line).unwrap_or_default())
                .collect();
            lines.join("\n")
        }
        "escape" => {
            let mut out = String::new();
            for &byte in bytes {
                match byte {
                    b'\\' => out.push_str("\\\\"),
                    0 | 0x80.. => {
                        let _ = write!(out, "\\{byte:03o}");
                    }
                    _ => out.push(byte as char),
                }
            }
            out
        }
        _ => return Err(unknown_encoding(format)),
    })
}

fn decode(text: &str, format: &str) -> Result<Vec<u8>, Error> {
    match format.to_ascii_lowercase().as_str() {
        "hex" => decode_hex(text),
        "base64" => decode_base64(text),
        "escape" => decode_escape(text),
        _ => Err(unknown_encoding(format)),
    }
}

fn decode_hex(text: &str) -> Result<Vec<u8>, Error> {
    let mut digits = Vec::new();
    for c in text.chars().filter(|c| !matches!(c, ' ' | '\n' | '\t' | '\r')) {
        match c.to_digit(16) {
            Some(digit) => digits.push(digit as u8),
            None => return Err(invalid(format!("invalid hexadecimal digit: \"{c}\""))),
        }
    }
    if digits.len() % 2 != 0 {
        return Err(invalid("invalid hexadecimal data: odd number of digits"));
    }
    Ok(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn decode_base64(text: &str) -> Result<Vec<u8>, Error> {
    let mut clean = String::new();
    for c in text.chars().filter(|c| !matches!(c, ' ' | '\n' | '\t' | '\r')) {
        if c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=') {
            clean.push(c);
        } else {
            return Err(invalid(format!(
                "invalid symbol \"{c}\" found while decoding base64 sequence"
            )));
        }
    }
    base64::engine::general_purpose::STANDARD.decode(clean).map_err(|error| match error {
        base64::DecodeError::InvalidByte(..) => {
            invalid("unexpected \"=\" while decoding base64 sequence")
        }
        _ => invalid("invalid base64 end sequence")
            .with_hint("Input data is missing padding, is truncated, or is otherwise corrupted."),
    })
}

fn decode_escape(text: &str) -> Result<Vec<u8>, Error> {
    let wrong = || {
        Error::user(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type bytea")
    };
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        match rest {
            [b'\\', tail @ ..] => {
                out.push(b'\\');
                rest = tail;
            }
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = tail;
            }
            _ => return Err(wrong()),
        }
    }
    Ok(out)
}

type Hash = fn(&[u8]) -> Vec<u8>;

fn register_hashes(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_md5_text", 1, |args| {
        Ok(string(hex(&md5::Md5::digest(args.text(0)?.as_bytes()))))
    })?;
    strict(connection, "pg_md5_bytea", 1, |args| {
        Ok(string(hex(&md5::Md5::digest(bytes(args, 0)?))))
    })?;
    let hashes: [(&str, Hash); 4] = [
        ("pg_sha224_bytea", |bytes| sha2::Sha224::digest(bytes).to_vec()),
        ("pg_sha256_bytea", |bytes| sha2::Sha256::digest(bytes).to_vec()),
        ("pg_sha384_bytea", |bytes| sha2::Sha384::digest(bytes).to_vec()),
        ("pg_sha512_bytea", |bytes| sha2::Sha512::digest(bytes).to_vec()),
    ];
    for (name, hash) in hashes {
        strict(connection, name, 1, move |args| hashed(hash, args))?;
    }
    Ok(())
}

fn hashed(hash: fn(&[u8]) -> Vec<u8>, args: &Arguments<'_, '_>) -> Answer {
    Ok(blob(hash(bytes(args, 0)?)))
}
