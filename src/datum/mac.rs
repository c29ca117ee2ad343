//! macaddr and macaddr8: hardware addresses of six and eight bytes (manual, "Network Address Types").
//!
//! Stored as PostgreSQL shows them: pairs of small hexadecimal digits with colons, whose order is
//! PostgreSQL's of the values.

use bytes::{BufMut as _, BytesMut};

use crate::datum::stored::{bad_binary, corrupted, invalid_input, is_space, short_binary, text};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

pub const MACADDR: PgType = PgType::new(829);
pub const MACADDR8: PgType = PgType::new(774);

/// An address's bytes as they are shown.
pub fn show(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(":")
}

/// A stored address's bytes.
pub fn load(text: &str) -> Option<Vec<u8>> {
    let pair = |pair: &str| u8::from_str_radix(pair, 16).ok().filter(|_| pair.len() == 2);
    text.split(':').map(pair).collect()
}

/// Six bytes: a byte between colons or dashes may have one digit, or zeros before it.
///
/// # Errors
/// 22P02, 22003
fn six(input: &str) -> Result<Vec<u8>, Error> {
    let trimmed = input.trim_matches(is_space);
    let invalid = || invalid_input("macaddr", input);
    if !trimmed.bytes().all(|byte| byte.is_ascii_hexdigit() || b":-.".contains(&byte)) {
        return Err(invalid());
    }
    for separator in [':', '-'] {
        let parts: Vec<&str> = trimmed.split(separator).collect();
        if parts.len() == 6 {
            let number = |part: &&str| u64::from_str_radix(part, 16).map_err(|_| invalid());
            let numbers = parts.iter().map(number).collect::<Result<Vec<_>, _>>()?;
            let byte = |number: &u64| u8::try_from(*number).ok();
            return numbers.iter().map(byte).collect::<Option<_>>().ok_or_else(|| {
                let message = format!("invalid octet value in \"macaddr\" value: \"{input}\"");
                Error::user(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message)
            });
        }
    }
    let groups: Vec<&str> = trimmed.split([':', '-', '.']).collect();
    let shapes: [(&str, &[usize]); 5] =
        [(":", &[6, 6]), ("-", &[6, 6]), (".", &[4, 4, 4]), ("-", &[4, 4, 4]), ("", &[12])];
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let known = shapes.iter().any(|(separator, shape)| {
        *shape == lengths && trimmed.matches([':', '-', '.']).all(|found| found == *separator)
    });
    let digits = groups.concat();
    if !known {
        return Err(invalid());
    }
    pairs(&digits).ok_or_else(invalid)
}

fn pairs(digits: &str) -> Option<Vec<u8>> {
    let pair = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).map(pair).collect()
}

/// Eight bytes, or six, between which `ff:fe` is put. Any two digits may be followed by a separator, which
/// is the same everywhere.
///
/// # Errors
/// 22P02
fn eight(input: &str) -> Result<Vec<u8>, Error> {
    let invalid = || invalid_input("macaddr8", input);
    let mut rest = input.trim_matches(is_space);
    let (mut bytes, mut separator) = (Vec::new(), None);
    while !rest.is_empty() {
        let pair = rest.get(..2).filter(|pair| pair.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or_else(invalid)?;
        bytes.push(byte);
        rest = &rest[2..];
        if let Some(found) = rest.chars().next().filter(|found| matches!(found, ':' | '-' | '.')) {
            if *separator.get_or_insert(found) != found {
                return Err(invalid());
            }
            rest = &rest[1..];
        }
    }
    match bytes.len() {
        8 => Ok(bytes),
        6 => Ok(widened(&bytes)),
        _ => Err(invalid()),
    }
}

/// An address of six bytes as one of eight.
pub fn widened(six: &[u8]) -> Vec<u8> {
    [&six[..3], &[0xff, 0xfe], &six[3..]].concat()
}

pub(crate) fn from_text(data_type: PgType, input: &str) -> Result<Value, Error> {
    let bytes = if data_type.oid == MACADDR.oid { six(input)? } else { eight(input)? };
    Ok(Value::Text(show(&bytes)))
}

pub(crate) fn from_binary(data_type: PgType, input: &[u8]) -> Result<Value, Error> {
    let bytes = match (data_type.oid == MACADDR.oid, input.len()) {
        (true, 6) | (false, 8) => input.to_vec(),
        (false, 6) => widened(input),
        (true, ..6) | (false, ..8) => return Err(short_binary()),
        _ => return Err(bad_binary("incorrect binary data format")),
    };
    Ok(Value::Text(show(&bytes)))
}

pub(crate) fn to_binary(data_type: PgType, value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    let bytes = load(text(data_type, value)?).ok_or_else(|| corrupted(data_type))?;
    out.put_slice(&bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(data_type: PgType, text: &str) -> String {
        match from_text(data_type, text) {
            Ok(Value::Text(text)) => text,
            Ok(_) => "no text".to_owned(),
            Err(error) => error.message().to_owned(),
        }
    }

    #[test]
    fn addresses_are_read_in_all_their_spellings() {
        for text in [
            "08:00:2b:01:02:03",
            "8:0:2B:1:2:3",
            "08-00-2b-01-02-03",
            "08002b:010203",
            "08002b-010203",
            "0800.2b01.0203",
            "0800-2b01-0203",
            "08002b010203",
        ] {
            assert_eq!(shown(MACADDR, text), "08:00:2b:01:02:03", "{text}");
        }
        for text in ["08:00:2b:01:02", "0800.2b01-0203", "08002b.010203", "", "08002b01020g"] {
            assert!(shown(MACADDR, text).starts_with("invalid input syntax"), "{text}");
        }
        assert!(shown(MACADDR, "100:00:2b:01:02:03").starts_with("invalid octet value"));
        assert_eq!(shown(MACADDR8, "08-00-2b-01-02-03"), "08:00:2b:ff:fe:01:02:03");
        assert_eq!(shown(MACADDR8, "08002b01:02030405"), "08:00:2b:01:02:03:04:05");
    }
}
