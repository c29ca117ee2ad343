//! Floating point numbers.

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::math::real;
use super::{division_by_zero, integer, lenient, out_of_range, strict};
use crate::model::error::{Error, SqlState};

/// A result that must be finite if its operands were.
fn checked(result: f64, operands: &[f64]) -> Result<SqlValue, Error> {
    if result.is_infinite() && operands.iter().all(|operand| operand.is_finite()) {
        return Err(Error::user(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            "value out of range: overflow",
        ));
    }
    Ok(real(result))
}

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    type Operation = fn(f64, f64) -> f64;
    let operations: [(&str, &str, Operation); 4] = [
        ("pg_float_add", "pg_float4_add", |a, b| a + b),
        ("pg_float_sub", "pg_float4_sub", |a, b| a - b),
        ("pg_float_mul", "pg_float4_mul", |a, b| a * b),
        ("pg_float_div", "pg_float4_div", |a, b| a / b),
    ];
    for (name, single, operation) in operations {
        let divides = name == "pg_float_div";
        strict(connection, name, 2, move |args| {
            let (a, b) = (args.float(0)?, args.float(1)?);
            if divides && b == 0.0 {
                return Err(division_by_zero());
            }
            checked(operation(a, b), &[a, b])
        })?;
        strict(connection, single, 2, move |args| {
            let (a, b) = (args.float(0)?, args.float(1)?);
            if divides && b == 0.0 {
                return Err(division_by_zero());
            }
            checked(f64::from(operation(a, b) as f32), &[a, b])
        })?;
    }
    strict(connection, "pg_f4", 1, |args| {
        let value = args.float(0)?;
        checked(f64::from(value as f32), &[value])
    })?;
    for (name, type_name, low, high) in [
        ("pg_float_i2", "smallint", f64::from(i16::MIN), f64::from(i16::MAX) + 1.0),
        ("pg_float_i4", "integer", f64::from(i32::MIN), f64::from(i32::MAX) + 1.0),
        ("pg_float_i8", "bigint", -9_223_372_036_854_775_808.0, 9_223_372_036_854_775_808.0),
    ] {
        strict(connection, name, 1, move |args| {
            let rounded = args.float(0)?.round_ties_even();
            if rounded >= low && rounded < high {
                Ok(integer(rounded as i64))
            } else {
                Err(out_of_range(type_name))
            }
        })?;
    }
    register_unary(connection)
}

/// Functions of one number.
fn register_unary(connection: &Connection) -> rusqlite::Result<()> {
    type Unary = fn(f64) -> f64;
    let unary: [(&str, Unary); 8] = [
        ("pg_float_neg", |value| -value),
        ("pg_float_abs", f64::abs),
        ("pg_float_ceil", f64::ceil),
        ("pg_float_floor", f64::floor),
        ("pg_float_round", f64::round_ties_even),
        ("pg_float_trunc", f64::trunc),
        ("pg_float_exp", f64::exp),
        ("pg_float_sign", |value| if value == 0.0 { 0.0 } else { value.signum() }),
    ];
    for (name, operation) in unary {
        strict(connection, name, 1, move |args| {
            let value = args.float(0)?;
            checked(operation(value), &[value])
        })?;
    }
    strict(connection, "pg_float_sqrt", 1, |args| {
        let value = args.float(0)?;
        if value < 0.0 {
            return Err(Error::user(
                SqlState(*b"2201F"),
                "cannot take square root of a negative number",
            ));
        }
        checked(value.sqrt(), &[value])
    })?;
    for (name, operation) in
        [("pg_float_ln", f64::ln as Unary), ("pg_float_log", f64::log10 as Unary)]
    {
        strict(connection, name, 1, move |args| {
            let value = args.float(0)?;
            if value == 0.0 {
                return Err(Error::user(SqlState(*b"2201E"), "cannot take logarithm of zero"));
            }
            if value < 0.0 {
                return Err(Error::user(
                    SqlState(*b"2201E"),
                    "cannot take logarithm of a negative number",
                ));
            }
            checked(operation(value), &[value])
        })?;
    }
    register_power(connection)
}

/// Powers, and random numbers.
fn register_power(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_float_power", 2, |args| {
        let (base, exponent) = (args.float(0)?, args.float(1)?);
        if base == 0.0 && exponent < 0.0 {
            return Err(Error::user(
                SqlState(*b"2201F"),
                "zero raised to a negative power is undefined",
            ));
        }
        if base < 0.0 && exponent.fract() != 0.0 {
            let message = "a negative number raised to a non-integer power yields a complex result";
            return Err(Error::user(SqlState(*b"2201F"), message));
        }
        checked(base.powf(exponent), &[base, exponent])
    })?;
    lenient(connection, "pg_random", 0, super::IMPURE, |_| {
        // 53 random bits: every multiple of 2^-53 below 1.
        let bits = u64::from_le_bytes(crate::platform::random::bytes());
        Ok(SqlValue::Real((bits >> 11) as f64 / (1u64 << 53) as f64))
    })?;
    Ok(())
}
