//! Mathematical functions beyond arithmetic.

use rusqlite::Connection;
use rusqlite::types::{Value as SqlValue, ValueRef};

use super::typed::{Typed, strict_typed};
use super::{Answer, Arguments, integer, out_of_range, strict, string};
use crate::datum::array;
use crate::datum::compare::compare;
use crate::datum::numeric::Numeric;
use crate::model::error::{Error, SqlState};

fn number(value: &Numeric) -> SqlValue {
    string(value.to_string())
}

fn input_out_of_range() -> Error {
    Error::user(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "input is out of range")
}

/// A float, NaN as what it is stored as.
pub(super) fn real(value: f64) -> SqlValue {
    if value.is_nan() { string("NaN") } else { SqlValue::Real(value) }
}

/// A result that must be finite if its operands were, and not have become zero.
fn checked(result: f64, operand: f64) -> Answer {
    if result.is_infinite() && operand.is_finite() {
        return Err(Error::user(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            "value out of range: overflow",
        ));
    }
    Ok(real(result))
}

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    type Unary = fn(f64) -> f64;
    let plain: [(&str, Unary); 9] = [
        ("pg_dcbrt", f64::cbrt),
        ("pg_degrees", f64::to_degrees),
        ("pg_radians", f64::to_radians),
        ("pg_datan", f64::atan),
        ("pg_dsinh", f64::sinh),
        ("pg_dcosh", f64::cosh),
        ("pg_dtanh", f64::tanh),
        ("pg_dasinh", f64::asinh),
        ("pg_datand", |value| exact_degrees(value.atan().to_degrees())),
    ];
    for (name, operation) in plain {
        strict(connection, name, 1, move |args| {
            let value = args.float(0)?;
            checked(operation(value), value)
        })?;
    }
    // Those that infinity is not in the domain of.
    let finite: [(&str, Unary); 8] = [
        ("pg_dsin", f64::sin),
        ("pg_dcos", f64::cos),
        ("pg_dtan", f64::tan),
        ("pg_dcot", |value| 1.0 / value.tan()),
        ("pg_dsind", |value| in_degrees(value, f64::sin)),
        ("pg_dcosd", |value| in_degrees(value, f64::cos)),
        ("pg_dtand", |value| near_one(in_degrees(value, f64::sin) / in_degrees(value, f64::cos))),
        ("pg_dcotd", |value| near_one(in_degrees(value, f64::cos) / in_degrees(value, f64::sin))),
    ];
    for (name, operation) in finite {
        strict(connection, name, 1, move |args| {
            let value = args.float(0)?;
            if value.is_infinite() {
                return Err(input_out_of_range());
            }
            Ok(real(operation(value)))
        })?;
    }
    let bounded: [(&str, Unary, f64, f64); 6] = [
        ("pg_dasin", f64::asin, -1.0, 1.0),
        ("pg_dacos", f64::acos, -1.0, 1.0),
        ("pg_dasind", |value| exact_degrees(value.asin().to_degrees()), -1.0, 1.0),
        ("pg_dacosd", |value| exact_degrees(value.acos().to_degrees()), -1.0, 1.0),
        ("pg_dacosh", f64::acosh, 1.0, f64::INFINITY),
        ("pg_datanh", f64::atanh, -1.0, 1.0),
    ];
    for (name, operation, low, high) in bounded {
        strict(connection, name, 1, move |args| {
            let value = args.float(0)?;
            if value < low || value > high {
                return Err(input_out_of_range());
            }
            Ok(real(operation(value)))
        })?;
    }
    strict(connection, "pg_datan2", 2, |args| Ok(real(args.float(0)?.atan2(args.float(1)?))))?;
    strict(connection, "pg_datan2d", 2, |args| {
        Ok(real(exact_degrees(args.float(0)?.atan2(args.float(1)?).to_degrees())))
    })?;
    register_whole(connection)?;
    register_numeric(connection)?;
    register_buckets(connection)
}

/// Degrees that should be whole are whole.
fn exact_degrees(degrees: f64) -> f64 {
    let rounded = degrees.round();
    if (degrees - rounded).abs() < 1e-12 { rounded } else { degrees }
}

/// Tangents of 45 degrees are exact.
fn near_one(value: f64) -> f64 {
    if (value.abs() - 1.0).abs() < 1e-15 { value.signum() } else { value }
}

/// A trigonometric function of degrees; exact at multiples of 30.
fn in_degrees(degrees: f64, function: fn(f64) -> f64) -> f64 {
    let value = function((degrees % 360.0).to_radians());
    for exact in [-1.0, -0.5, 0.0, 0.5, 1.0] {
        if (value - exact).abs() < 1e-15 {
            return exact;
        }
    }
    value
}

fn gcd(a: i64, b: i64) -> u64 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn register_whole(connection: &Connection) -> rusqlite::Result<()> {
    for (name, type_name, max) in
        [("pg_int4gcd", "integer", i64::from(i32::MAX)), ("pg_int8gcd", "bigint", i64::MAX)]
    {
        strict(connection, name, 2, move |args| {
            i64::try_from(gcd(args.integer(0)?, args.integer(1)?))
                .ok()
                .filter(|divisor| *divisor <= max)
                .map(integer)
                .ok_or_else(|| out_of_range(type_name))
        })?;
    }
    for (name, type_name, max) in
        [("pg_int4lcm", "integer", i64::from(i32::MAX)), ("pg_int8lcm", "bigint", i64::MAX)]
    {
        strict(connection, name, 2, move |args| {
            let (a, b) = (args.integer(0)?, args.integer(1)?);
            if a == 0 || b == 0 {
                return Ok(integer(0));
            }
            let multiple = (a.unsigned_abs() / gcd(a, b)).checked_mul(b.unsigned_abs());
            multiple
                .and_then(|multiple| i64::try_from(multiple).ok())
                .filter(|multiple| *multiple <= max)
                .map(integer)
                .ok_or_else(|| out_of_range(type_name))
        })?;
    }
    strict(connection, "pg_numeric_fac", 1, |args| {
        let count = args.integer(0)?;
        if count < 0 {
            return Err(Error::user(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                "factorial of a negative number is undefined",
            ));
        }
        if count > 32_177 {
            return Err(Error::user(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                "value overflows numeric format",
            ));
        }
        // Products of a few factors at once, so that the long multiplications are few.
        let mut result = Numeric::from_i64(1);
        let mut part = 1_i64;
        for factor in 2..=count {
            match part.checked_mul(factor) {
                Some(product) => part = product,
                None => {
                    result = result.mul(&Numeric::from_i64(part))?;
                    part = factor;
                }
            }
        }
        Ok(number(&result.mul(&Numeric::from_i64(part))?))
    })
}

fn register_numeric(connection: &Connection) -> rusqlite::Result<()> {
    type Binary = fn(&Numeric, &Numeric) -> Result<Numeric, Error>;
    let binary: [(&str, Binary); 4] = [
        ("pg_numeric_gcd", Numeric::gcd),
        ("pg_numeric_lcm", Numeric::lcm),
        ("pg_numeric_power", Numeric::power),
        ("pg_numeric_log", |base, value| value.log(base)),
    ];
    for (name, operation) in binary {
        strict(connection, name, 2, move |args| {
            Ok(number(&operation(&args.numeric(0)?, &args.numeric(1)?)?))
        })?;
    }
    strict(connection, "pg_numeric_exp", 1, |args| Ok(number(&args.numeric(0)?.exp()?)))?;
    strict(connection, "pg_numeric_ln", 1, |args| Ok(number(&args.numeric(0)?.ln()?)))?;
    strict(connection, "pg_numeric_log10", 1, |args| {
        Ok(number(&args.numeric(0)?.log(&Numeric::from_i64(10))?))
    })?;
    strict(connection, "pg_numeric_scale", 1, |args| {
        Ok(args.numeric(0)?.scale().map_or(SqlValue::Null, |scale| integer(i64::from(scale))))
    })?;
    strict(connection, "pg_numeric_min_scale", 1, |args| {
        Ok(args.numeric(0)?.min_scale().map_or(SqlValue::Null, |scale| integer(i64::from(scale))))
    })?;
    strict(connection, "pg_numeric_trim_scale", 1, |args| {
        let mut value = args.numeric(0)?;
        value.trim_scale();
        Ok(number(&value))
    })
}

fn bucket_error(message: &str) -> Error {
    Error::user(SqlState(*b"2201G"), message)
}

fn register_buckets(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_width_bucket_float8", 4, float_bucket)?;
    strict(connection, "pg_width_bucket_numeric", 4, numeric_bucket)?;
    strict_typed(connection, "pg_width_bucket_array", array_bucket)
}

fn float_bucket(args: &Arguments<'_, '_>) -> Answer {
    let (value, low, high) = (args.float(0)?, args.float(1)?, args.float(2)?);
    let count = bucket_count(args)?;
    if value.is_nan() || low.is_nan() || high.is_nan() {
        return Err(bucket_error("operand, lower bound, and upper bound cannot be NaN"));
    }
    if low.is_infinite() || high.is_infinite() {
        return Err(bucket_error("lower and upper bounds must be finite"));
    }
    if (low - high).abs() == 0.0 {
        return Err(bucket_error("lower bound cannot equal upper bound"));
    }
    let (value, low, high) = if low < high { (value, low, high) } else { (-value, -low, -high) };
    Ok(integer(if value < low {
        0
    } else if value >= high {
        count + 1
    } else {
        let place = (count as f64 * ((value - low) / (high - low))) as i64;
        place.min(count - 1) + 1
    }))
}

fn numeric_bucket(args: &Arguments<'_, '_>) -> Answer {
    let (value, low, high) = (args.numeric(0)?, args.numeric(1)?, args.numeric(2)?);
    let count = bucket_count(args)?;
    if [&value, &low, &high].iter().any(|number| matches!(number, Numeric::NaN)) {
        return Err(bucket_error("operand, lower bound, and upper bound cannot be NaN"));
    }
    if low.scale().is_none() || high.scale().is_none() {
        return Err(bucket_error("lower and upper bounds must be finite"));
    }
    let order = low.compare(&high);
    if order.is_eq() {
        return Err(bucket_error("lower bound cannot equal upper bound"));
    }
    let (value, low, high) = if order.is_lt() {
        (value, low, high)
    } else {
        (value.negate(), low.negate(), high.negate())
    };
    if value.compare(&low).is_lt() {
        return Ok(integer(0));
    }
    if value.compare(&high).is_ge() {
        return Ok(integer(count + 1));
    }
    let place = value.sub(&low)?.mul(&Numeric::from_i64(count))?.divide_to_scale(
        &high.sub(&low)?,
        0,
        false,
    )?;
    Ok(integer(place.to_i64().unwrap_or(0) + 1))
}

fn array_bucket(call: &Typed<'_, '_>) -> Answer {
    let element = call.element(1);
    let bounds = array::load(element, call.text(1)?)?;
    if bounds.lengths.len() > 1 {
        return Err(Error::user(SqlState(*b"2202E"), "thresholds must be one-dimensional array"));
    }
    let value = call.value(0)?;
    let mut place = 0;
    for bound in &bounds.elements {
        if *bound == crate::model::value::Value::Null {
            return Err(Error::user(
                SqlState(*b"22004"),
                "thresholds array must not contain NULLs",
            ));
        }
        if compare(element, &value, bound)?.is_lt() {
            break;
        }
        place += 1;
    }
    Ok(integer(place))
}

fn bucket_count(args: &Arguments<'_, '_>) -> Result<i64, Error> {
    match args.value(3) {
        ValueRef::Integer(count) if count > 0 => Ok(count),
        _ => Err(bucket_error("count must be greater than zero")),
    }
}
