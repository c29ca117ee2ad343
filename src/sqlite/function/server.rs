//! What the server says of itself, and of sizes.

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::{integer, strict, string};
use crate::datum::encoding;
use crate::model::error::{Error, SqlState};

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    for name in ["pg_size_pretty_int8", "pg_size_pretty_numeric"] {
        strict(connection, name, 1, |args| {
            let bytes = args.numeric(0)?.round(0).to_i64();
            let out = || Error::user(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "bigint out of range");
            Ok(string(size(bytes.ok_or_else(out)?)))
        })?;
    }
    // The session's settings, a name, and whether one that isn't there is NULL rather than an error.
    for count in [2, 3] {
        strict(connection, "pg_current_setting", count, |args| {
            let settings: serde_json::Value =
                serde_json::from_str(args.text(0)?).unwrap_or_default();
            let name = args.text(1)?;
            match &settings[name.to_ascii_lowercase()] {
                serde_json::Value::String(value) => Ok(string(value.clone())),
                _ if args.count() > 2 && args.integer(2)? != 0 => Ok(SqlValue::Null),
                _ => Err(Error::user(
                    SqlState::UNDEFINED_OBJECT,
                    format!("unrecognized configuration parameter \"{name}\""),
                )),
            }
        })?;
    }
    strict(connection, "pg_char_to_encoding", 1, |args| {
        let known = encoding::named(args.text(0)?);
        Ok(integer(known.map_or(-1, |known| i64::from(known.number))))
    })?;
    strict(connection, "pg_encoding_bytes_max", 1, |args| {
        let known = encoding::numbered(args.integer(0)?);
        Ok(known.map_or(SqlValue::Null, |known| integer(i64::from(known.bytes_max))))
    })
}

/// `pg_size_pretty`: in the largest unit that leaves less than 10240 of them.
fn size(bytes: i64) -> String {
    // Each unit is rounded from half of itself on; bytes are not.
    let mut value = bytes;
    if value.abs() < 10 * 1024 {
        return format!("{value} bytes");
    }
    // Keep one more bit for rounding.
    value /= 512;
    for (at, unit) in ["kB", "MB", "GB", "TB"].into_iter().enumerate() {
        if value.abs() < 20 * 1024 - 1 || at == 3 {
            let half = if value > 0 { value + 1 } else { value - 1 };
            return format!("{} {unit}", half / 2);
        }
        value /= 1024;
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_rounded_as_postgresql_does() {
        for (bytes, shown) in [
            (10, "10 bytes"),
            (10_239, "10239 bytes"),
            (10_240, "10 kB"),
            (1_000_000, "977 kB"),
            (10_485_247, "10239 kB"),
            (10_485_248, "10 MB"),
            (1_000_000_000, "954 MB"),
            (-1_000_000, "-977 kB"),
        ] {
            assert_eq!(size(bytes), shown, "{bytes}");
        }
    }
}
