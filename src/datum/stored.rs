//! Errors that all types share, and access to a stored value of the storage class a type has.

use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

/// The name that error messages call a type by (`format_type` without its modifier).
pub(crate) fn type_name(data_type: PgType) -> &'static str {
    match crate::pgdata::type_label(data_type.oid) {
        "???" => "unknown",
        label => label,
    }
}

/// 22P02 `invalid input syntax for type integer: "x"`.
pub(crate) fn invalid_input(type_name: &str, text: &str) -> Error {
    Error::user(
        SqlState::INVALID_TEXT_REPRESENTATION,
        format!("invalid input syntax for type {type_name}: \"{text}\""),
    )
}

/// 22003 `value "99999" is out of range for type smallint`.
pub(crate) fn out_of_range(type_name: &str, text: &str) -> Error {
    Error::user(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("value \"{text}\" is out of range for type {type_name}"),
    )
}

/// 22P03, for binary input of the wrong length or content.
pub(crate) fn bad_binary(message: impl Into<String>) -> Error {
    Error::user(SqlState::INVALID_BINARY_REPRESENTATION, message)
}

/// 08P01, as PostgreSQL's `pq_getmsg*` answer when a value is shorter than its type.
pub(crate) fn short_binary() -> Error {
    Error::user(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message")
}

/// XX001: what the database holds isn't a value of the column's type.
pub(crate) fn corrupted(data_type: PgType) -> Error {
    Error::new(
        crate::model::error::Class::Internal,
        SqlState::DATA_CORRUPTED,
        format!("stored value is not of type {}", type_name(data_type)),
    )
}

/// The integer that a value of an integer type is stored as.
pub(crate) fn integer(data_type: PgType, value: &Value) -> Result<i64, Error> {
    match value {
        Value::Integer(number) => Ok(*number),
        _ => Err(corrupted(data_type)),
    }
}

/// The text that a value of a type is stored as.
pub(crate) fn text(data_type: PgType, value: &Value) -> Result<&str, Error> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err(corrupted(data_type)),
    }
}

/// `N` bytes of binary input, no more and no less.
pub(crate) fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Error> {
    if bytes.len() < N {
        return Err(short_binary());
    }
    bytes.try_into().map_err(|_| bad_binary("incorrect binary data format"))
}

/// Binary input that must be UTF-8 without a NUL: 22021 otherwise.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => no_nul(text),
        Err(error) => Err(invalid_utf8(bytes, error.valid_up_to())),
    }
}

/// Refuses a NUL character: 22021, as PostgreSQL's encoding check does.
pub(crate) fn no_nul(text: &str) -> Result<&str, Error> {
    if text.as_bytes().contains(&0) {
        return Err(invalid_utf8(b"\0", 0));
    }
    Ok(text)
}

/// 22021 `invalid byte sequence for encoding "UTF8": 0xff`. `at` is where the bad sequence begins.
pub fn invalid_utf8(bytes: &[u8], at: usize) -> Error {
    use std::fmt::Write as _;
    let length = match bytes.get(at) {
        Some(0xf0..=0xf7) => 4,
        Some(0xe0..=0xef) => 3,
        Some(0xc0..=0xdf) => 2,
        _ => 1,
    };
    let mut shown = String::new();
    for byte in bytes.iter().skip(at).take(length) {
        let _ = write!(shown, "{}0x{byte:02x}", if shown.is_empty() { "" } else { " " });
    }
    Error::user(
        SqlState::CHARACTER_NOT_IN_REPERTOIRE,
        format!("invalid byte sequence for encoding \"UTF8\": {shown}"),
    )
}

/// Whitespace as C's `isspace` has it, which PostgreSQL's input functions skip.
pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}
