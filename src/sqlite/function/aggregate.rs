//! Aggregates: sums and averages as PostgreSQL gives them, and the check that a subquery has one row.

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, WindowAggregate};
use rusqlite::types::{Value as SqlValue, ValueRef};

use super::{Arguments, PURE, fail, owned, string};
use crate::datum::numeric::Numeric;
use crate::model::error::{Error, SqlState};

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    for (name, result) in [
        ("pg_sum_i8", Wanted::Integer),
        ("pg_sum_num", Wanted::Numeric),
        ("pg_avg_num", Wanted::Average),
    ] {
        connection.create_window_function(name, 1, PURE, Sum { result })?;
    }
    for (name, average) in [("pg_sum_float", false), ("pg_avg_float", true)] {
        connection.create_aggregate_function(name, 1, PURE, FloatSum { average })?;
    }
    connection.create_aggregate_function("pg_single", 1, PURE, Single)
}

#[derive(Debug, Clone, Copy)]
enum Wanted {
    Integer,
    Numeric,
    Average,
}

/// An exact sum: small as long as it fits, then big.
#[derive(Debug)]
struct Sum {
    result: Wanted,
}

#[derive(Debug)]
struct SumState {
    small: i128,
    big: Option<Numeric>,
    count: i64,
}

impl SumState {
    fn change(&mut self, context: &Context<'_>, sign: i64) -> Result<(), Error> {
        let args = Arguments { context };
        match args.value(0) {
            ValueRef::Null => return Ok(()),
            ValueRef::Integer(number) => self.small += i128::from(number) * i128::from(sign),
            _ => {
                let value = args.numeric(0)?;
                let value = if sign < 0 { value.negate() } else { value };
                self.big = Some(match &self.big {
                    None => value,
                    Some(sum) => sum.add(&value)?,
                });
            }
        }
        self.count += sign;
        Ok(())
    }

    fn answer(&self, wanted: Wanted) -> Result<SqlValue, Error> {
        if self.count == 0 {
            return Ok(SqlValue::Null);
        }
        if let Wanted::Integer = wanted {
            return i64::try_from(self.small)
                .map(SqlValue::Integer)
                .map_err(|_| super::out_of_range("bigint"));
        }
        let small = super::parse_numeric(&self.small.to_string())?;
        let sum = match &self.big {
            None => small,
            Some(big) if self.small == 0 => big.clone(),
            Some(big) => big.add(&small)?,
        };
        match wanted {
            Wanted::Average => Ok(string(sum.div(&Numeric::from_i64(self.count))?.to_string())),
            Wanted::Integer | Wanted::Numeric => Ok(string(sum.to_string())),
        }
    }
}

impl Aggregate<SumState, SqlValue> for Sum {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<SumState> {
        Ok(SumState { small: 0, big: None, count: 0 })
    }

    fn step(&self, context: &mut Context<'_>, state: &mut SumState) -> rusqlite::Result<()> {
        state.change(context, 1).map_err(fail)
    }

    fn finalize(&self, _: &mut Context<'_>, state: Option<SumState>) -> rusqlite::Result<SqlValue> {
        state.map_or(Ok(SqlValue::Null), |state| state.answer(self.result)).map_err(fail)
    }
}

impl WindowAggregate<SumState, SqlValue> for Sum {
    fn value(&self, state: Option<&mut SumState>) -> rusqlite::Result<SqlValue> {
        state.map_or(Ok(SqlValue::Null), |state| state.answer(self.result)).map_err(fail)
    }

    fn inverse(&self, context: &mut Context<'_>, state: &mut SumState) -> rusqlite::Result<()> {
        state.change(context, -1).map_err(fail)
    }
}

#[derive(Debug)]
struct FloatSum {
    average: bool,
}

impl Aggregate<(f64, i64), SqlValue> for FloatSum {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<(f64, i64)> {
        Ok((0.0, 0))
    }

    fn step(
        &self,
        context: &mut Context<'_>,
        (sum, count): &mut (f64, i64),
    ) -> rusqlite::Result<()> {
        let args = Arguments { context };
        if args.value(0) != ValueRef::Null {
            *sum += args.float(0).map_err(fail)?;
            *count += 1;
        }
        Ok(())
    }

    fn finalize(
        &self,
        _: &mut Context<'_>,
        state: Option<(f64, i64)>,
    ) -> rusqlite::Result<SqlValue> {
        Ok(match state {
            None | Some((_, 0)) => SqlValue::Null,
            Some((sum, count)) => {
                super::math::real(if self.average { sum / count as f64 } else { sum })
            }
        })
    }
}

/// The only row's value: NULL without rows, 21000 with more than one.
#[derive(Debug)]
struct Single;

impl Aggregate<Option<SqlValue>, SqlValue> for Single {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Option<SqlValue>> {
        Ok(None)
    }

    fn step(
        &self,
        context: &mut Context<'_>,
        state: &mut Option<SqlValue>,
    ) -> rusqlite::Result<()> {
        if state.is_some() {
            let message = "more than one row returned by a subquery used as an expression";
            return Err(fail(Error::user(SqlState::CARDINALITY_VIOLATION, message)));
        }
        *state = Some(owned(context.get_raw(0)));
        Ok(())
    }

    fn finalize(
        &self,
        _: &mut Context<'_>,
        state: Option<Option<SqlValue>>,
    ) -> rusqlite::Result<SqlValue> {
        Ok(state.flatten().unwrap_or(SqlValue::Null))
    }
}
