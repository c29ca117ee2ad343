//! Exact numbers.

use std::ops::RangeInclusive;

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
    for (name, cast) in [
        ("pg_num_i2", to_smallint as fn(&Numeric) -> Answer),
        ("pg_num_i4", to_integer),
        ("pg_num_i8", to_bigint),
        ("pg_num_f4", to_real),
        ("pg_num_f8", to_double),
    ] {
        strict(connection, name, 1, move |args| cast(&args.numeric(0)?))?;
    }
    strict(connection, "pg_float8_num", 1, |args| {
        Ok(number(&Numeric::from_f64(args.float(0)?, 15)?))
    })?;
    strict(connection, "pg_float4_num", 1, |args| {
        Ok(number(&Numeric::from_f64(args.float(0)?, 6)?))
    })
}

pub(super) fn to_smallint(value: &Numeric) -> Answer {
    to_whole(value, "smallint", i16::MIN.into()..=i16::MAX.into())
}

pub(super) fn to_integer(value: &Numeric) -> Answer {
    to_whole(value, "integer", i32::MIN.into()..=i32::MAX.into())
}

pub(super) fn to_bigint(value: &Numeric) -> Answer {
    to_whole(value, "bigint", i64::MIN..=i64::MAX)
}

fn to_whole(value: &Numeric, type_name: &str, range: RangeInclusive<i64>) -> Answer {
    if value.scale().is_none() {
        let what = if matches!(value, Numeric::NaN) { "NaN" } else { "infinity" };
        return Err(Error::refused(format!("cannot convert {what} to {type_name}")));
    }
    let rounded = value.to_i64().filter(|number| range.contains(number));
    rounded.map(integer).ok_or_else(|| out_of_range(type_name))
}

pub(super) fn to_real(value: &Numeric) -> Answer {
    to_float(value, true)
}

pub(super) fn to_double(value: &Numeric) -> Answer {
    to_float(value, false)
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
