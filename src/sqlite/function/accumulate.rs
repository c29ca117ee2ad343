//! Aggregates by the rows that they have seen, as aggregates proper, over windows, and with DISTINCT.
//!
//! Each is registered three times: `name` takes rows one by one; `name_over` also keeps them, since a
//! moving frame takes rows away again, and computes anew then; `name_distinct` skips a row that is equal
//! to the one before it, and so wants its rows sorted.

use std::collections::VecDeque;
use std::panic::{RefUnwindSafe, UnwindSafe};

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, WindowAggregate};
use rusqlite::types::Value as SqlValue;

use super::{Arguments, PURE, fail};
use crate::model::error::{Error, SqlState};
use crate::model::value::Value;

/// Bytes of rows that an aggregate keeps at the most.
const KEPT_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What an aggregate knows of the rows so far.
pub(super) trait Accumulate: Send + UnwindSafe + RefUnwindSafe {
    fn add(&mut self, row: &[Value]) -> Result<(), Error>;

    /// The result, if there is no more row. NULL for no row is the accumulator's to say.
    fn answer(&self) -> Result<SqlValue, Error>;
}

/// Counts kept bytes.
#[derive(Debug, Default)]
pub(super) struct Budget(usize);

impl Budget {
    /// # Errors
    /// 54000 if it is used up.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Error> {
        self.0 += bytes;
        if self.0 > KEPT_BYTES_MAX {
            return Err(Error::limit(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                "an aggregate collects too much",
            ));
        }
        Ok(())
    }
}

/// Registers an aggregate in its three forms. `count` is its number of arguments, -1 for any.
pub(super) fn both<A: Accumulate + 'static>(
    connection: &Connection,
    name: &str,
    count: i32,
    new: impl Fn() -> A + Clone + Send + UnwindSafe + 'static,
) -> rusqlite::Result<()> {
    connection.create_aggregate_function(name, count, PURE, Plain(new.clone()))?;
    connection.create_aggregate_function(
        format!("{name}_distinct").as_str(),
        count,
        PURE,
        Distinct(new.clone()),
    )?;
    connection.create_window_function(format!("{name}_over").as_str(), count, PURE, Over(new))
}

fn row(context: &Context<'_>) -> Result<Vec<Value>, Error> {
    let args = Arguments { context };
    (0..args.count()).map(|at| args.datum(at)).collect()
}

struct Plain<F>(F);

impl<A: Accumulate, F: Fn() -> A> Aggregate<A, SqlValue> for Plain<F> {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<A> {
        Ok((self.0)())
    }

    fn step(&self, context: &mut Context<'_>, state: &mut A) -> rusqlite::Result<()> {
        row(context).and_then(|row| state.add(&row)).map_err(fail)
    }

    fn finalize(&self, _: &mut Context<'_>, state: Option<A>) -> rusqlite::Result<SqlValue> {
        state.unwrap_or_else(&self.0).answer().map_err(fail)
    }
}

struct Distinct<F>(F);

impl<A: Accumulate, F: Fn() -> A> Aggregate<(A, Option<Vec<Value>>), SqlValue> for Distinct<F> {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<(A, Option<Vec<Value>>)> {
        Ok(((self.0)(), None))
    }

    fn step(
        &self,
        context: &mut Context<'_>,
        (state, last): &mut (A, Option<Vec<Value>>),
    ) -> rusqlite::Result<()> {
        let row = row(context).map_err(fail)?;
        if last.as_ref() != Some(&row) {
            state.add(&row).map_err(fail)?;
            *last = Some(row);
        }
        Ok(())
    }

    fn finalize(
        &self,
        _: &mut Context<'_>,
        state: Option<(A, Option<Vec<Value>>)>,
    ) -> rusqlite::Result<SqlValue> {
        state.map_or_else(&self.0, |(state, _)| state).answer().map_err(fail)
    }
}

struct Over<F>(F);

/// The rows in the frame.
struct Frame<A> {
    rows: VecDeque<Vec<Value>>,
    budget: Budget,
    /// Of all these rows; `None` after one was taken away.
    state: Option<A>,
}

impl<A: Accumulate, F: Fn() -> A> Over<F> {
    fn answer(&self, frame: &mut Frame<A>) -> Result<SqlValue, Error> {
        if let Some(state) = &frame.state {
            return state.answer();
        }
        let mut anew = (self.0)();
        for row in &frame.rows {
            anew.add(row)?;
        }
        let answer = anew.answer();
        frame.state = Some(anew);
        answer
    }
}

impl<A: Accumulate, F: Fn() -> A> Aggregate<Frame<A>, SqlValue> for Over<F> {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Frame<A>> {
        Ok(Frame { rows: VecDeque::new(), budget: Budget::default(), state: Some((self.0)()) })
    }

    fn step(&self, context: &mut Context<'_>, frame: &mut Frame<A>) -> rusqlite::Result<()> {
        let row = row(context).map_err(fail)?;
        let bytes = row.iter().map(Value::size).sum();
        frame.budget.take(bytes).map_err(fail)?;
        if let Some(state) = &mut frame.state {
            state.add(&row).map_err(fail)?;
        }
        frame.rows.push_back(row);
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, frame: Option<Frame<A>>) -> rusqlite::Result<SqlValue> {
        match frame {
            Some(mut frame) => self.answer(&mut frame),
            None => (self.0)().answer(),
        }
        .map_err(fail)
    }
}

impl<A: Accumulate, F: Fn() -> A> WindowAggregate<Frame<A>, SqlValue> for Over<F> {
    fn value(&self, frame: Option<&mut Frame<A>>) -> rusqlite::Result<SqlValue> {
        match frame {
            Some(frame) => self.answer(frame),
            None => (self.0)().answer(),
        }
        .map_err(fail)
    }

    fn inverse(&self, _: &mut Context<'_>, frame: &mut Frame<A>) -> rusqlite::Result<()> {
        frame.rows.pop_front();
        frame.state = None;
        Ok(())
    }
}
