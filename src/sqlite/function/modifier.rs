//! What `information_schema` tells of a type and its modifier: the functions `_pg_char_max_length` and
//! so on of PostgreSQL's `information_schema.sql`; and how it names functions.

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::{Arguments, Error, integer, strict, string};
use crate::model::catalog::NAME_BYTES_MAX;
use crate::model::pg_type::PgType;

/// Where a modifier counts lengths, it has this on top: of a varlena's header.
const HEADER: i64 = 4;
/// The length of a text without a limit, in bytes (`MaxAllocSize`, about).
const OCTETS_MAX: i64 = 1 << 30;
/// Bytes of a character in UTF-8.
const CHARACTER_BYTES: i64 = 4;
/// Digits after the point of seconds, if the modifier doesn't say.
const SECONDS_SCALE: i64 = 6;

/// A type and its modifier, -1 for none, to what is told.
type Told = fn(PgType, i64) -> Option<i64>;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let functions: [(&str, Told); 6] = [
        ("pg_char_max_length", length),
        ("pg_char_octet_length", octets),
        ("pg_numeric_precision", precision),
        ("pg_numeric_precision_radix", radix),
        ("pg_numeric_scale", scale),
        ("pg_datetime_precision", seconds_scale),
    ];
    for (name, told) in functions {
        strict(connection, name, 2, move |arguments| {
            let data_type = data_type(arguments)?;
            Ok(data_type
                .and_then(|(data_type, modifier)| told(data_type, modifier))
                .map_or(SqlValue::Null, integer))
        })?;
    }
    strict(connection, "pg_nameconcatoid", 2, |arguments| {
        let (name, number) = (arguments.text(0)?, format!("_{}", arguments.integer(1)?));
        let kept = name.floor_char_boundary(NAME_BYTES_MAX - number.len());
        Ok(string(format!("{}{number}", &name[..kept])))
    })
}

fn data_type(arguments: &Arguments<'_, '_>) -> Result<Option<(PgType, i64)>, Error> {
    let oid = u32::try_from(arguments.integer(0)?).ok();
    let modifier = arguments.integer(1)?;
    Ok(oid.map(|oid| (PgType::new(oid), modifier)))
}

fn length(data_type: PgType, modifier: i64) -> Option<i64> {
    match data_type.oid {
        _ if modifier == -1 => None,
        oid if is_limited(oid) => Some(modifier - HEADER),
        oid if oid == PgType::BIT.oid || oid == PgType::VARBIT.oid => Some(modifier),
        _ => None,
    }
}

fn is_limited(oid: u32) -> bool {
    oid == PgType::BPCHAR.oid || oid == PgType::VARCHAR.oid
}

fn octets(data_type: PgType, modifier: i64) -> Option<i64> {
    let is_text = data_type.oid == PgType::TEXT.oid || is_limited(data_type.oid);
    match length(data_type, modifier) {
        _ if !is_text => None,
        None if modifier == -1 => Some(OCTETS_MAX),
        length => length.map(|length| length * CHARACTER_BYTES),
    }
}

fn precision(data_type: PgType, modifier: i64) -> Option<i64> {
    match data_type.oid {
        oid if oid == PgType::INT2.oid => Some(16),
        oid if oid == PgType::INT4.oid => Some(32),
        oid if oid == PgType::INT8.oid => Some(64),
        oid if oid == PgType::FLOAT4.oid => Some(24),
        oid if oid == PgType::FLOAT8.oid => Some(53),
        oid if oid == PgType::NUMERIC.oid && modifier != -1 => {
            Some((modifier - HEADER) >> 16 & 0xffff)
        }
        _ => None,
    }
}

fn is_integer(oid: u32) -> bool {
    [PgType::INT2.oid, PgType::INT4.oid, PgType::INT8.oid].contains(&oid)
}

fn radix(data_type: PgType, _: i64) -> Option<i64> {
    match data_type.oid {
        oid if is_integer(oid) => Some(2),
        oid if oid == PgType::FLOAT4.oid || oid == PgType::FLOAT8.oid => Some(2),
        oid if oid == PgType::NUMERIC.oid => Some(10),
        _ => None,
    }
}

fn scale(data_type: PgType, modifier: i64) -> Option<i64> {
    match data_type.oid {
        oid if is_integer(oid) => Some(0),
        oid if oid == PgType::NUMERIC.oid && modifier != -1 => Some((modifier - HEADER) & 0xffff),
        _ => None,
    }
}

fn seconds_scale(data_type: PgType, modifier: i64) -> Option<i64> {
    let timed = [PgType::TIME, PgType::TIMESTAMP, PgType::TIMESTAMPTZ, PgType::TIMETZ];
    match data_type.oid {
        oid if oid == PgType::DATE.oid => Some(0),
        oid if timed.iter().any(|known| known.oid == oid) => {
            Some(if modifier < 0 { SECONDS_SCALE } else { modifier })
        }
        oid if oid == PgType::INTERVAL.oid => {
            let scale = modifier & 0xffff;
            Some(if modifier < 0 || scale == 0xffff { SECONDS_SCALE } else { scale })
        }
        _ => None,
    }
}
