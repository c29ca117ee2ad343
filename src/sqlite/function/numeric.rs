//! Exact numbers.

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::{Answer, integer, out_of_range, strict, string};
use crate::datum::numeric::Numeric;
use crate::model::error::{Error, SqlState};

fn number(value: &Numeric) -> SqlValue {
    string(value.to_string())
}

/// `div(a, b)`: towards zero.
fn whole_quotient(a: &Numeric, b: &Numeric) -> Result<Numeric, Error> {
    // NaN and the infinities have no scale, and no remainder.
    if a.scale().is_none() || b.scale().is_none() {
        return a.div(b);
    }
    a.sub(&a.rem(b)?)?.div(b).map(|quotient| quotient.round(0))
}

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    type Unary = fn(&Numeric) -> Result<Numeric, Error>;
    type Binary = fn(&Numeric, &Numeric) -> Result<Numeric, Error>;
    let binary: [(&str, Binary); 6] = [
        ("pg_num_add", Numeric::add),
        ("pg_num_sub", Numeric::sub),
        ("pg_num_mul", Numeric::mul),
        ("pg_num_div", Numeric::div),
        ("pg_num_mod", Numeric::rem),
        ("pg_num_idiv", whole_quotient),
    ];
    for (name, operation) in binary {
        strict(connection, name, 2, move |args| {
            Ok(number(&operation(&args.numeric(0)?, &args.numeric(1)?)?))
        })?;
    }
    let unary: [(&str, Unary); 6] = [
        ("pg_num_neg", |value| Ok(value.negate())),
        ("pg_num_abs", |value| Ok(value.abs())),
        ("pg_num_ceil", Numeric::ceil),
        ("pg_num_floor", Numeric::floor),
        ("pg_num_sqrt", Numeric::sqrt),
        ("pg_num_sign", |value| {
            Ok(Numeric::from_i64(if value.is_zero() {
                0
            } else if value.is_negative() {
                -1
            } else {
                1
            }))
        }),
    ];
    for (name, operation) in unary {
        strict(connection, name, 1, move |args| Ok(number(&operation(&args.numeric(0)?)?)))?;
    }
    for (name, round) in [("pg_num_round", true), ("pg_num_trunc", false)] {
        strict(connection, name, -1, move |args| {
            let scale =
                if args.count() > 1 { args.integer(1)?.clamp(-2000, 2000) as i32 } else { 0 };
            let value = args.numeric(0)?;
            Ok(number(&if round { value.round(scale) } else { value.trunc(scale) }))
        })?;
    }
    strict(connection, "pg_num_scale", 2, |args| {
        Ok(number(&args.numeric(0)?.apply_modifier(args.integer(1)? as i32)?))
    })?;
    for (name, type_name, low, high) in [
        ("pg_num_i2", "smallint", i64::from(i16::MIN), i64::from(i16::MAX)),
        ("pg_num_i4", "integer", i64::from(i32::MIN), i64::from(i32::MAX)),
        ("pg_num_i8", "bigint", i64::MIN, i64::MAX),
    ] {
        strict(connection, name, 1, move |args| {
            let value = args.numeric(0)?;
            if value.scale().is_none() {
                let what = if matches!(value, Numeric::NaN) { "NaN" } else { "infinity" };
                return Err(Error::refused(format!("cannot convert {what} to {type_name}")));
            }
            let rounded = value.to_i64().filter(|number| (low..=high).contains(number));
            rounded.map(integer).ok_or_else(|| out_of_range(type_name))
        })?;
    }
    strict(connection, "pg_num_f8", 1, |args| to_float(&args.numeric(0)?, false))?;
    strict(connection, "pg_num_f4", 1, |args| to_float(&args.numeric(0)?, true))?;
    strict(connection, "pg_float8_num", 1, |args| {
        Ok(number(&Numeric::from_f64(args.float(0)?, 15)?))
    })?;
    strict(connection, "pg_float4_num", 1, |args| {
        Ok(number(&Numeric::from_f64(args.float(0)?, 6)?))
    })
}

fn to_float(value: &Numeric, single: bool) -> Answer {
    let converted = value.to_f64();
    let converted = if single { f64::from(converted as f32) } else { converted };
    if converted.is_nan() {
        return Ok(string("NaN"));
    }
    if converted.is_infinite() && value.scale().is_some() {
        let message = format!(
            "\"{value}\" is out of range for type {}",
            if single { "real" } else { "double precision" }
        );
        return Err(Error::user(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message));
    }
    Ok(SqlValue::Real(converted))
}
