//! Integers: ranges that SQLite doesn't keep.

use rusqlite::Connection;

use super::{Arguments, boolean, division_by_zero, integer, out_of_range, strict};
use crate::model::error::Error;

fn narrow(value: Option<i64>, type_name: &'static str) -> Result<i64, Error> {
    let fits = |value: &i64| match type_name {
        "smallint" => i16::try_from(*value).is_ok(),
        "integer" => i32::try_from(*value).is_ok(),
        "OID" => u32::try_from(*value).is_ok(),
        _ => true,
    };
    value.filter(fits).ok_or_else(|| out_of_range(type_name))
}

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    type Checked = fn(i64, i64) -> Option<i64>;
    for (name, type_name) in [("pg_i2", "smallint"), ("pg_i4", "integer")] {
        strict(connection, name, 1, move |args| narrow(args.whole(0)?, type_name).map(integer))?;
    }
    // The same 32 bits, with a sign and without: drivers send OIDs as int4.
    strict(connection, "pg_oid_i4", 1, |args| {
        Ok(integer(i64::from(narrow(args.whole(0)?, "OID")? as u32 as i32)))
    })?;
    strict(connection, "pg_i4_oid", 1, |args| {
        Ok(integer(i64::from(narrow(args.whole(0)?, "integer")? as i32 as u32)))
    })?;
    strict(connection, "pg_i_oid", 1, |args| narrow(args.whole(0)?, "OID").map(integer))?;
    strict(connection, "pg_i4_bool", 1, |args| Ok(boolean(args.integer(0)? != 0)))?;
    let checked: [(&str, Checked); 3] = [
        ("pg_i8_add", i64::checked_add),
        ("pg_i8_sub", i64::checked_sub),
        ("pg_i8_mul", i64::checked_mul),
    ];
    for (name, operation) in checked {
        strict(connection, name, 2, move |args| {
            operation(args.integer(0)?, args.integer(1)?)
                .map(integer)
                .ok_or_else(|| out_of_range("bigint"))
        })?;
    }
    for (name, type_name) in
        [("pg_i2_div", "smallint"), ("pg_i4_div", "integer"), ("pg_i8_div", "bigint")]
    {
        strict(connection, name, 2, move |args| {
            let divisor = args.integer(1)?;
            if divisor == 0 {
                return Err(division_by_zero());
            }
            narrow(args.integer(0)?.checked_div(divisor), type_name).map(integer)
        })?;
    }
    strict(connection, "pg_i_mod", 2, |args| {
        let divisor = args.integer(1)?;
        if divisor == 0 {
            return Err(division_by_zero());
        }
        Ok(integer(args.integer(0)?.wrapping_rem(divisor)))
    })?;
    strict(connection, "pg_i8_neg", 1, |args| {
        args.integer(0)?.checked_neg().map(integer).ok_or_else(|| out_of_range("bigint"))
    })?;
    for (name, type_name) in
        [("pg_i2_abs", "smallint"), ("pg_i4_abs", "integer"), ("pg_i8_abs", "bigint")]
    {
        strict(connection, name, 1, move |args| {
            narrow(args.integer(0)?.checked_abs(), type_name).map(integer)
        })?;
    }
    strict(connection, "pg_i_xor", 2, |args| Ok(integer(args.integer(0)? ^ args.integer(1)?)))?;
    for (name, bits) in [("pg_int2shl", 16), ("pg_int4shl", 32)] {
        strict(connection, name, 2, move |args| {
            // As C does it on an int; smallint cuts the result.
            let shifted = (args.integer(0)? as i32).wrapping_shl(args.integer(1)? as u32);
            Ok(integer(if bits == 16 { i64::from(shifted as i16) } else { i64::from(shifted) }))
        })?;
    }
    strict(connection, "pg_int4shr", 2, |args| {
        Ok(integer(i64::from((args.integer(0)? as i32).wrapping_shr(args.integer(1)? as u32))))
    })?;
    strict(connection, "pg_shift_left", 2, |args| {
        Ok(integer(args.integer(0)?.wrapping_shl(shift(args)?)))
    })?;
    strict(connection, "pg_shift_right", 2, |args| {
        Ok(integer(args.integer(0)?.wrapping_shr(shift(args)?)))
    })
}

fn shift(args: &Arguments<'_, '_>) -> Result<u32, Error> {
    Ok(args.integer(1)? as u32 & 63)
}
