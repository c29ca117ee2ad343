//! Bit strings.

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::{Answer, Arguments, integer, out_of_range, strict, string};
use crate::datum::bits::{self, Combination};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;

fn negative_length() -> Error {
    Error::user(SqlState(*b"22011"), "negative substring length not allowed")
}

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    for (name, operation) in [
        ("pg_bitand", Combination::And),
        ("pg_bitor", Combination::Or),
        ("pg_bitxor", Combination::Xor),
    ] {
        strict(connection, name, 2, move |args| {
            bits::combine(operation, args.text(0)?, args.text(1)?).map(string)
        })?;
    }
    strict(connection, "pg_bitnot", 1, |args| {
        let flip = |bit: char| if bit == '1' { '0' } else { '1' };
        Ok(string(args.text(0)?.chars().map(flip).collect::<String>()))
    })?;
    for (name, sign) in [("pg_bitshiftleft", 1), ("pg_bitshiftright", -1)] {
        strict(connection, name, 2, move |args| {
            Ok(string(bits::shift(args.text(0)?, sign * args.integer(1)?)))
        })?;
    }
    strict(connection, "pg_bit_octets", 1, |args| {
        Ok(integer(args.text(0)?.len().div_ceil(8) as i64))
    })?;
    strict(connection, "pg_bit_ones", 1, |args| {
        Ok(integer(args.text(0)?.bytes().filter(|bit| *bit == b'1').count() as i64))
    })?;
    register_lengths(connection)?;
    register_parts(connection)
}

/// Casts: to a length, and from and to integers.
fn register_lengths(connection: &Connection) -> rusqlite::Result<()> {
    for (name, data_type, explicit) in [
        ("pg_bit", PgType::BIT, false),
        ("pg_bit_cut", PgType::BIT, true),
        ("pg_varbit", PgType::VARBIT, false),
        ("pg_varbit_cut", PgType::VARBIT, true),
    ] {
        strict(connection, name, 2, move |args| {
            let data_type = PgType { modifier: args.integer(1)? as i32, ..data_type };
            bits::fit(data_type, args.text(0)?, explicit).map(string)
        })?;
    }
    for (name, width) in [("pg_i4_bit", 32), ("pg_i8_bit", 64)] {
        strict(connection, name, 2, move |args| {
            let length = usize::try_from(args.integer(1)?.max(1)).unwrap_or(1);
            Ok(string(bits::of_integer(args.integer(0)?, width, length)))
        })?;
    }
    for (name, width, target) in [("pg_bit_i4", 32, "integer"), ("pg_bit_i8", 64, "bigint")] {
        strict(connection, name, 1, move |args| {
            let number = bits::to_integer(args.text(0)?, width);
            number.map(integer).ok_or_else(|| out_of_range(target))
        })?;
    }
    Ok(())
}

fn register_parts(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_bit_substr", -1, |args| {
        let all = args.text(0)?;
        let start = args.integer(1)?;
        let end = match args.count() {
            2 => i64::MAX,
            _ if args.integer(2)? < 0 => return Err(negative_length()),
            _ => start.saturating_add(args.integer(2)?),
        };
        let place = |at: i64| at.saturating_sub(1).clamp(0, all.len() as i64) as usize;
        Ok(string(&all[place(start)..place(end).max(place(start))]))
    })?;
    strict(connection, "pg_bit_overlay", -1, |args| {
        let (all, new) = (args.text(0)?, args.text(1)?);
        let start = args.integer(2)?;
        let length = if args.count() > 3 { args.integer(3)? } else { new.len() as i64 };
        if start < 1 {
            return Err(negative_length());
        }
        let place = |at: i64| at.clamp(0, all.len() as i64) as usize;
        let (head, tail) = (&all[..place(start - 1)], &all[place(start - 1 + length)..]);
        Ok(string([head, new, tail].concat()))
    })?;
    strict(connection, "pg_bit_position", 2, |args| {
        let (all, part) = (args.text(0)?, args.text(1)?);
        let place = all.find(part).filter(|_| !all.is_empty());
        Ok(integer(place.map_or(0, |at| at as i64 + 1)))
    })?;
    strict(connection, "pg_bit_get", 2, |args| {
        let all = args.text(0)?;
        Ok(integer(i64::from(all.as_bytes()[index(args, all)?] == b'1')))
    })?;
    strict(connection, "pg_bit_set", 3, set)
}

fn index(args: &Arguments<'_, '_>, all: &str) -> Result<usize, Error> {
    let at = args.integer(1)?;
    usize::try_from(at).ok().filter(|at| *at < all.len()).ok_or_else(|| {
        let message = format!("bit index {at} out of valid range (0..{})", all.len() as i64 - 1);
        Error::user(SqlState(*b"2202E"), message)
    })
}

fn set(args: &Arguments<'_, '_>) -> Answer {
    let all = args.text(0)?;
    let at = index(args, all)?;
    let bit = match args.integer(2)? {
        0 => "0",
        1 => "1",
        _ => {
            let message = "new bit must be 0 or 1";
            return Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message));
        }
    };
    Ok(SqlValue::Text([&all[..at], bit, &all[at + 1..]].concat()))
}
