//! Aggregates that put values together: arrays, strings, bits, and those of an ordered set.

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::accumulate::{Accumulate, Budget, both};
use super::typed::{element_of, sql_value};
use super::{array::nest, integer, string};
use crate::datum::array::{self, Array};
use crate::datum::bits::{Combination, combine};
use crate::datum::compare::compare;
use crate::datum::interval::Interval;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{PgType, builtin};
use crate::model::value::Value;

/// Arguments before those proper of a typed aggregate: style and types.
pub(super) const HEAD: usize = 2;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    both(connection, "pg_array_agg", 3, ArrayOf::default)?;
    both(connection, "pg_string_agg", 2, Joined::default)?;
    both(connection, "pg_bytea_string_agg", 2, JoinedBytes::default)?;
    for (name, operation) in
        [("pg_bit_and", Bits::And), ("pg_bit_or", Bits::Or), ("pg_bit_xor", Bits::Xor)]
    {
        both(connection, name, 1, move || BitwiseOf { operation, value: None })?;
    }
    for (name, operation) in [
        ("pg_bits_and", Combination::And),
        ("pg_bits_or", Combination::Or),
        ("pg_bits_xor", Combination::Xor),
    ] {
        both(connection, name, 1, move || BitStrings { operation, value: None })?;
    }
    both(connection, "pg_sum_interval", 1, || SpanOf { average: false, sum: None, count: 0 })?;
    both(connection, "pg_avg_interval", 1, || SpanOf { average: true, sum: None, count: 0 })?;
    both(connection, "pg_mode", 3, Mode::default)?;
    both(connection, "pg_percentile_disc", 4, || Percentile::new(false))?;
    both(connection, "pg_percentile_cont", 4, || Percentile::new(true))
}

pub(super) fn types(row: &[Value]) -> Vec<PgType> {
    match row.get(1) {
        Some(Value::Text(oids)) => {
            oids.split(',').filter_map(|oid| oid.parse().ok()).map(PgType::new).collect()
        }
        _ => Vec::new(),
    }
}

fn type_at(types: &[PgType], at: usize) -> PgType {
    types.get(at).copied().unwrap_or(PgType::TEXT)
}

#[derive(Default)]
struct ArrayOf {
    element: Option<PgType>,
    values: Vec<Value>,
    budget: Budget,
}

impl Accumulate for ArrayOf {
    fn add(&mut self, row: &[Value]) -> Result<(), Error> {
        if self.element.is_none() {
            self.element = Some(type_at(&types(row), 0));
        }
        self.budget.take(row[HEAD].size())?;
        self.values.push(row[HEAD].clone());
        Ok(())
    }

    fn answer(&self) -> Result<SqlValue, Error> {
        let Some(element) = self.element else { return Ok(SqlValue::Null) };
        let is_array = match builtin(element.oid) {
            Some(known) => known.category == b'A',
            None => array::element_of(element.oid).is_some(),
        };
        if !is_array {
            let array = Array { lengths: vec![self.values.len()], elements: self.values.clone() };
            return Ok(string(array::store(element, &array)));
        }
        // Of arrays: one with a dimension more.
        let inner = element_of(element);
        let mut arrays = Vec::new();
        for value in &self.values {
            match value {
                Value::Text(text) => {
                    let array = array::load(inner, text)?;
                    if array.lengths.is_empty() {
                        return Err(Error::user(
                            SqlState(*b"2202E"),
                            "cannot accumulate empty arrays",
                        ));
                    }
                    if arrays.first().is_some_and(|first: &Array| first.lengths != array.lengths) {
                        return Err(Error::user(
                            SqlState(*b"2202E"),
                            "cannot accumulate arrays of different dimensionality",
                        ));
                    }
                    arrays.push(array);
                }
                _ => {
                    return Err(Error::user(SqlState(*b"22004"), "cannot accumulate null arrays"));
                }
            }
        }
        Ok(string(array::store(inner, &nest(arrays)?)))
    }
}

struct BitStrings {
    operation: Combination,
    value: Option<String>,
}

impl Accumulate for BitStrings {
    fn add(&mut self, row: &[Value]) -> Result<(), Error> {
        if let Value::Text(bits) = &row[0] {
            self.value = Some(match &self.value {
                Some(value) => combine(self.operation, value, bits)?,
                None => bits.clone(),
            });
        }
        Ok(())
    }

    fn answer(&self) -> Result<SqlValue, Error> {
        Ok(self.value.as_ref().map_or(SqlValue::Null, |value| string(value.as_str())))
    }
}

#[derive(Default)]
struct Joined {
    text: Option<String>,
    budget: Budget,
}

impl Accumulate for Joined {
    fn add(&mut self, row: &[Value]) -> Result<(), Error> {
        let Value::Text(value) = &row[0] else { return Ok(()) };
        let separator = if let Value::Text(separator) = &row[1] { separator } else { "" };
        self.budget.take(value.len() + separator.len())?;
        match &mut self.text {
            None => self.text = Some(value.clone()),
            Some(text) => {
                text.push_str(separator);
                text.push_str(value);
            }
        }
        Ok(())
    }

    fn answer(&self) -> Result<SqlValue, Error> {
        Ok(self.text.as_deref().map_or(SqlValue::Null, string))
    }
}

#[derive(Default)]
struct JoinedBytes {
    bytes: Option<Vec<u8>>,
    budget: Budget,
}

impl Accumulate for JoinedBytes {
    fn add(&mut self, row: &[Value]) -> Result<(), Error> {
        let Value::Blob(value) = &row[0] else { return Ok(()) };
        let separator =
            if let Value::Blob(separator) = &row[1] { separator.as_slice() } else { &[] };
        self.budget.take(value.len() + separator.len())?;
        match &mut self.bytes {
            None => self.bytes = Some(value.clone()),
            Some(bytes) => {
                bytes.extend(separator);
                bytes.extend(value);
            }
        }
        Ok(())
    }

    fn answer(&self) -> Result<SqlValue, Error> {
        Ok(self.bytes.clone().map_or(SqlValue::Null, SqlValue::Blob))
    }
}

#[derive(Debug, Clone, Copy)]
enum Bits {
    And,
    Or,
    Xor,
}

struct BitwiseOf {
    operation: Bits,
    value: Option<i64>,
}

impl Accumulate for BitwiseOf {
    fn add(&mut self, row: &[Value]) -> Result<(), Error> {
        if let Value::Integer(number) = row[0] {
            self.value = Some(match (self.value, self.operation) {
                (None, _) => number,
                (Some(value), Bits::And) => value & number,
                (Some(value), Bits::Or) => value | number,
                (Some(value), Bits::Xor) => value ^ number,
            });
        }
        Ok(())
    }

    fn answer(&self) -> Result<SqlValue, Error> {
        Ok(self.value.map_or(SqlValue::Null, integer))
    }
}

fn interval_of(value: &Value) -> Result<Interval, Error> {
    match value {
        Value::Text(text) => Interval::load(text),
        _ => None,
    }
    .ok_or_else(|| super::wrong_class("an interval"))
}

struct SpanOf {
    average: bool,
    sum: Option<Interval>,
    count: i64,
}

impl Accumulate for SpanOf {
    fn add(&mut self, row: &[Value]) -> Result<(), Error> {
        if row[0] == Value::Null {
            return Ok(());
        }
        let value = interval_of(&row[0])?;
        self.count += 1;
        self.sum = Some(match &self.sum {
            None => value,
            Some(sum) => sum.add(&value)?,
        });
        Ok(())
    }

    fn answer(&self) -> Result<SqlValue, Error> {
        let Some(sum) = &self.sum else { return Ok(SqlValue::Null) };
        let result = if self.average { sum.divide(self.count as f64)? } else { *sum };
        Ok(string(result.store()))
    }
}

/// The most frequent value; the first one of several. Rows come sorted.
#[derive(Default)]
struct Mode {
    best: Option<(Value, usize)>,
    current: Option<(Value, usize)>,
}

impl Accumulate for Mode {
    fn add(&mut self, row: &[Value]) -> Result<(), Error> {
        let value = &row[HEAD];
        if *value == Value::Null {
            return Ok(());
        }
        let data_type = type_at(&types(row), 0);
        match &mut self.current {
            Some((current, count)) if compare(data_type, current, value)?.is_eq() => *count += 1,
            current => *current = Some((value.clone(), 1)),
        }
        let count = self.current.as_ref().map_or(0, |(_, count)| *count);
        if self.best.as_ref().is_none_or(|(_, most)| count > *most) {
            self.best = self.current.clone();
        }
        Ok(())
    }

    fn answer(&self) -> Result<SqlValue, Error> {
        Ok(self.best.clone().map_or(SqlValue::Null, |(value, _)| sql_value(value)))
    }
}

/// `percentile_cont` and `percentile_disc`: the fraction, then the value. Rows come sorted.
struct Percentile {
    continuous: bool,
    fraction: Value,
    types: Vec<PgType>,
    values: Vec<Value>,
    budget: Budget,
}

impl Percentile {
    fn new(continuous: bool) -> Self {
        Self {
            continuous,
            fraction: Value::Null,
            types: Vec::new(),
            values: Vec::new(),
            budget: Budget::default(),
        }
    }

    fn at(&self, fraction: f64) -> Result<Value, Error> {
        if !(0.0..=1.0).contains(&fraction) {
            return Err(Error::user(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                format!("percentile value {fraction} is not between 0 and 1"),
            ));
        }
        let count = self.values.len();
        if !self.continuous {
            let place = (fraction * count as f64).ceil() as usize;
            return Ok(self.values[place.max(1) - 1].clone());
        }
        let place = fraction * (count - 1) as f64;
        let (low, high) = (place.floor() as usize, place.ceil() as usize);
        let part = place - place.floor();
        if low == high {
            return Ok(self.values[low].clone());
        }
        match (&self.values[low], &self.values[high]) {
            (Value::Text(low), Value::Text(high)) => {
                let (low, high) = (Interval::load(low), Interval::load(high));
                let (Some(low), Some(high)) = (low, high) else {
                    return Err(super::wrong_class("an interval"));
                };
                Ok(Value::Text(low.add(&high.sub(&low)?.multiply(part)?)?.store()))
            }
            (low, high) => {
                let number = |value: &Value| match value {
                    Value::Real(number) => *number,
                    Value::Integer(number) => *number as f64,
                    _ => f64::NAN,
                };
                let (low, high) = (number(low), number(high));
                Ok(Value::Real(low + part * (high - low)))
            }
        }
    }
}

impl Accumulate for Percentile {
    fn add(&mut self, row: &[Value]) -> Result<(), Error> {
        if self.types.is_empty() {
            self.types = types(row);
            self.fraction = row[HEAD].clone();
        }
        if row[HEAD + 1] != Value::Null {
            self.budget.take(row[HEAD + 1].size())?;
            self.values.push(row[HEAD + 1].clone());
        }
        Ok(())
    }

    fn answer(&self) -> Result<SqlValue, Error> {
        if self.values.is_empty() {
            return Ok(SqlValue::Null);
        }
        match &self.fraction {
            Value::Real(fraction) => self.at(*fraction).map(sql_value),
            Value::Integer(fraction) => self.at(*fraction as f64).map(sql_value),
            // Several fractions, several results.
            Value::Text(fractions) => {
                let mut array = array::load(PgType::FLOAT8, fractions)?;
                for fraction in &mut array.elements {
                    *fraction = match fraction {
                        Value::Real(number) => self.at(*number)?,
                        Value::Integer(number) => self.at(*number as f64)?,
                        _ => Value::Null,
                    };
                }
                let element =
                    if self.continuous && type_at(&self.types, 1).oid != PgType::INTERVAL.oid {
                        PgType::FLOAT8
                    } else {
                        type_at(&self.types, 1)
                    };
                Ok(string(array::store(element, &array)))
            }
            _ => Ok(SqlValue::Null),
        }
    }
}
