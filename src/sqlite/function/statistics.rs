//! Statistical aggregates: variances of exact numbers and of floats, and of pairs of floats.

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::accumulate::{Accumulate, both};
use super::math::real;
use super::{numeric_of, string};
use crate::datum::numeric::Numeric;
use crate::model::error::{Error, SqlState};
use crate::model::value::Value;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    for (suffix, population, root) in [
        ("var_pop", true, false),
        ("var_samp", false, false),
        ("stddev_pop", true, true),
        ("stddev_samp", false, true),
    ] {
        both(connection, &format!("pg_num_{suffix}"), 1, move || Exact {
            population,
            root,
            count: 0,
            sum: Numeric::from_i64(0),
            squares: Numeric::from_i64(0),
            not_a_number: false,
        })?;
        both(connection, &format!("pg_float_{suffix}"), 1, move || Spread {
            population,
            root,
            count: 0.0,
            sum: 0.0,
            squares: 0.0,
        })?;
    }
    for (name, wanted) in [
        ("pg_corr", Wanted::Correlation),
        ("pg_covar_pop", Wanted::CovariancePopulation),
        ("pg_covar_samp", Wanted::CovarianceSample),
        ("pg_regr_avgx", Wanted::AverageX),
        ("pg_regr_avgy", Wanted::AverageY),
        ("pg_regr_count", Wanted::Count),
        ("pg_regr_intercept", Wanted::Intercept),
        ("pg_regr_r2", Wanted::Determination),
        ("pg_regr_slope", Wanted::Slope),
        ("pg_regr_sxx", Wanted::SquaresX),
        ("pg_regr_sxy", Wanted::Products),
        ("pg_regr_syy", Wanted::SquaresY),
    ] {
        both(connection, name, 2, move || Pairs { wanted, ..Pairs::default() })?;
    }
    Ok(())
}

fn float(value: &Value) -> Result<f64, Error> {
    match value {
        Value::Real(number) => Ok(*number),
        Value::Integer(number) => Ok(*number as f64),
        Value::Text(text) if text == "NaN" => Ok(f64::NAN),
        _ => Err(super::wrong_class("a number")),
    }
}

/// `numeric_stddev_internal`
struct Exact {
    population: bool,
    root: bool,
    count: i64,
    sum: Numeric,
    squares: Numeric,
    not_a_number: bool,
}

impl Accumulate for Exact {
    fn add(&mut self, row: &[Value]) -> Result<(), Error> {
        if row[0] == Value::Null {
            return Ok(());
        }
        let value = numeric_of(&row[0])?;
        self.count += 1;
        if value.scale().is_none() {
            self.not_a_number = true;
            return Ok(());
        }
        self.sum = self.sum.add(&value)?;
        self.squares = self.squares.add(&value.mul(&value)?)?;
        Ok(())
    }

    fn answer(&self) -> Result<SqlValue, Error> {
        let least = if self.population { 1 } else { 2 };
        if self.count < least {
            return Ok(SqlValue::Null);
        }
        if self.not_a_number {
            return Ok(string("NaN"));
        }
        let count = Numeric::from_i64(self.count);
        let spread = self.squares.mul(&count)?.sub(&self.sum.mul(&self.sum)?)?;
        if spread.is_zero() || spread.is_negative() {
            return Ok(string("0"));
        }
        let others = if self.population { self.count } else { self.count - 1 };
        let divisor = count.mul(&Numeric::from_i64(others))?;
        let scale = spread.quotient_scale(&divisor);
        let variance = spread.divide_to_scale(&divisor, scale, true)?;
        if !self.root {
            return Ok(string(variance.to_string()));
        }
        // The root is shown with the scale of the variance.
        Ok(string(variance.root_to_scale(scale)?.to_string()))
    }
}

/// The sums of Youngs and Cramer, which don't cancel out.
struct Spread {
    population: bool,
    root: bool,
    count: f64,
    sum: f64,
    squares: f64,
}

impl Accumulate for Spread {
    fn add(&mut self, row: &[Value]) -> Result<(), Error> {
        if row[0] == Value::Null {
            return Ok(());
        }
        let value = float(&row[0])?;
        self.count += 1.0;
        self.sum += value;
        if self.count > 1.0 {
            let distance = value * self.count - self.sum;
            self.squares += distance * distance / (self.count * (self.count - 1.0));
        } else if !value.is_finite() {
            self.squares = f64::NAN;
        }
        if self.squares.is_infinite() && value.is_finite() {
            return Err(overflow());
        }
        Ok(())
    }

    fn answer(&self) -> Result<SqlValue, Error> {
        let divisor = if self.population { self.count } else { self.count - 1.0 };
        if divisor <= 0.0 {
            return Ok(SqlValue::Null);
        }
        let variance = self.squares / divisor;
        Ok(real(if self.root { variance.sqrt() } else { variance }))
    }
}

fn overflow() -> Error {
    Error::user(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Wanted {
    Correlation,
    CovariancePopulation,
    CovarianceSample,
    AverageX,
    AverageY,
    #[default]
    Count,
    Intercept,
    Determination,
    Slope,
    SquaresX,
    Products,
    SquaresY,
}

/// Sums of pairs; the first argument is Y.
#[derive(Default)]
struct Pairs {
    wanted: Wanted,
    count: f64,
    sum_x: f64,
    sum_y: f64,
    squares_x: f64,
    squares_y: f64,
    products: f64,
}

impl Accumulate for Pairs {
    fn add(&mut self, row: &[Value]) -> Result<(), Error> {
        if row.contains(&Value::Null) {
            return Ok(());
        }
        let (y, x) = (float(&row[0])?, float(&row[1])?);
        self.count += 1.0;
        self.sum_x += x;
        self.sum_y += y;
        if self.count > 1.0 {
            let distance_x = x * self.count - self.sum_x;
            let distance_y = y * self.count - self.sum_y;
            let scale = 1.0 / (self.count * (self.count - 1.0));
            self.squares_x += distance_x * distance_x * scale;
            self.squares_y += distance_y * distance_y * scale;
            self.products += distance_x * distance_y * scale;
        } else if !(x.is_finite() && y.is_finite()) {
            (self.squares_x, self.squares_y, self.products) = (f64::NAN, f64::NAN, f64::NAN);
        }
        if x.is_finite() && y.is_finite() && (self.squares_x + self.squares_y).is_infinite() {
            return Err(overflow());
        }
        Ok(())
    }

    fn answer(&self) -> Result<SqlValue, Error> {
        let least = if self.wanted == Wanted::CovarianceSample { 2.0 } else { 1.0 };
        if self.wanted == Wanted::Count {
            return Ok(SqlValue::Integer(self.count as i64));
        }
        if self.count < least {
            return Ok(SqlValue::Null);
        }
        let (xx, yy, xy) = (self.squares_x, self.squares_y, self.products);
        let defined = match self.wanted {
            Wanted::Correlation => xx != 0.0 && yy != 0.0,
            Wanted::Slope | Wanted::Intercept | Wanted::Determination => xx != 0.0,
            _ => true,
        };
        if !defined {
            return Ok(SqlValue::Null);
        }
        Ok(real(match self.wanted {
            Wanted::Correlation => xy / (xx * yy).sqrt(),
            Wanted::CovariancePopulation => xy / self.count,
            Wanted::CovarianceSample => xy / (self.count - 1.0),
            Wanted::AverageX => self.sum_x / self.count,
            Wanted::AverageY => self.sum_y / self.count,
            Wanted::Count => self.count,
            Wanted::Intercept => (self.sum_y - self.sum_x * xy / xx) / self.count,
            Wanted::Determination if yy == 0.0 => 1.0,
            Wanted::Determination => xy * xy / (xx * yy),
            Wanted::Slope => xy / xx,
            Wanted::SquaresX => xx,
            Wanted::Products => xy,
            Wanted::SquaresY => yy,
        }))
    }
}
