//! Functions of amounts of money, which are integers of cents.

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::{division_by_zero, integer, out_of_range, strict, string};
use crate::datum::numeric::Numeric;
use crate::model::error::Error;

fn cents(value: Option<i64>) -> Result<SqlValue, Error> {
    value.map(integer).ok_or_else(|| out_of_range("money"))
}

/// A product or quotient, rounded to whole cents; half a cent to the even one.
fn rounded(value: f64) -> Result<SqlValue, Error> {
    let whole = value.round_ties_even();
    // Where the range begins, and where it has just ended.
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&whole);
    cents(fits.then_some(whole as i64))
}

type Whole = fn(i64, i64) -> Option<i64>;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let operations: [(&str, Whole); 3] = [
        ("pg_money_add", i64::checked_add),
        ("pg_money_sub", i64::checked_sub),
        ("pg_money_times", i64::checked_mul),
    ];
    for (name, operation) in operations {
        strict(connection, name, 2, move |args| {
            cents(operation(args.integer(0)?, args.integer(1)?))
        })?;
    }
    strict(connection, "pg_money_part", 2, |args| match args.integer(1)? {
        0 => Err(division_by_zero()),
        divisor => cents(args.integer(0)?.checked_div(divisor)),
    })?;
    strict(connection, "pg_money_ratio", 2, |args| match args.integer(1)? {
        0 => Err(division_by_zero()),
        divisor => Ok(SqlValue::Real(args.integer(0)? as f64 / divisor as f64)),
    })?;
    strict(connection, "pg_money_scaled", 2, |args| {
        rounded(args.integer(0)? as f64 * args.float(1)?)
    })?;
    strict(connection, "pg_scaled_money", 2, |args| {
        rounded(args.float(0)? * args.integer(1)? as f64)
    })?;
    strict(connection, "pg_money_shrunk", 2, |args| {
        let divisor = args.float(1)?;
        if divisor == 0.0 {
            return Err(division_by_zero());
        }
        rounded(args.integer(0)? as f64 / divisor)
    })?;
    register_casts(connection)
}

fn register_casts(connection: &Connection) -> rusqlite::Result<()> {
    let too_large = || out_of_range("bigint");
    strict(connection, "pg_money_of_whole", 1, move |args| {
        args.integer(0)?.checked_mul(100).map(integer).ok_or_else(too_large)
    })?;
    strict(connection, "pg_money_of_numeric", 1, move |args| {
        let hundredfold = args.numeric(0)?.mul(&Numeric::from_i64(100))?.round(0);
        hundredfold.to_i64().map(integer).ok_or_else(too_large)
    })?;
    strict(connection, "pg_money_numeric", 1, |args| {
        let amount = args.integer(0)?;
        let sign = if amount < 0 { "-" } else { "" };
        let magnitude = amount.unsigned_abs();
        Ok(string(format!("{sign}{}.{:02}", magnitude / 100, magnitude % 100)))
    })
}
