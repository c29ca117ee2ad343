//! Functions that the session carries out: those in PL/pgSQL, and in SQL of anything but one query. They run before
//! the statement that calls them, and their rows are a feed of it.
//!
//! So a call's arguments can't depend on the statement's rows, and a volatile function may be called only where it is
//! run just once whatever the statement finds.

use std::sync::Arc;

use crate::model::catalog::Function;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sql::CALLED;
use crate::sql::ast::{Call, JoinKind};
use crate::sql::bind::query::{output, plain_query, select_of, unique_aliases};
use crate::sql::bind::scope::Names;
use crate::sql::bind::table_function::Rows;
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{Body, Expr, ExprKind, From, InsertSource, Output, Query};
use crate::sql::code::{self, Routine};
use crate::sql::parser;

/// A call that is carried out before its statement.
#[derive(Debug)]
pub(crate) struct FunctionCall {
    pub(crate) routine: Arc<Routine>,
    pub(crate) arguments: Vec<Expr>,
    pub(crate) feed: usize,
    /// Whether it runs just once, whatever the statement finds.
    once: bool,
    position: u32,
}

/// Whether the session carries it out; the others are put in the places of their calls.
pub(crate) fn is_called(function: &Function) -> bool {
    const TRIGGER: u32 = 2279;
    match function.language.as_str() {
        "plpgsql" => function.result_type != TRIGGER,
        "c" => false,
        _ => !function.is_procedure() && parser::parse_function(&function.body).is_err(),
    }
}

impl<'a> Binder<'a> {
    /// A call in FROM.
    pub(super) fn called_rows(
        &mut self,
        candidates: &[&'a Function],
        call: &Call,
        position: u32,
    ) -> Result<Rows, Error> {
        let function = self.note_call(candidates, call, position)?;
        let (from, columns) = self.call_feed(function)?;
        let number = Expr::constant(Value::Integer(1), PgType::INT8, 0);
        Ok(Rows { from, columns, number })
    }

    /// A call that gives a value.
    pub(super) fn called_value(
        &mut self,
        candidates: &[&'a Function],
        call: &Call,
        position: u32,
    ) -> Result<Expr, Error> {
        let function = self.note_call(candidates, call, position)?;
        if function.returns_set {
            let message = format!(
                "the set-returning function {} in a select list is not supported",
                function.name
            );
            return Err(at(Error::refused(message), position));
        }
        let (from, mut columns) = self.call_feed(function)?;
        let value = if columns.len() == 1 {
            columns.swap_remove(0).1
        } else {
            self.row_of(columns, (None, 0), position)?
        };
        let data_type = value.data_type;
        let outputs = unique_aliases(vec![output(function.name.clone(), data_type)]);
        let Body::Select(mut select) = select_of(vec![value]) else {
            return Err(Error::internal("a select is one"));
        };
        select.from = Some(from);
        let query = plain_query(Body::Select(select), outputs);
        Ok(Expr { kind: ExprKind::Subquery(Box::new(query)), data_type, position })
    }

    /// Finds the function that a call means, and has it carried out.
    fn note_call(
        &mut self,
        candidates: &[&'a Function],
        call: &Call,
        position: u32,
    ) -> Result<&'a Function, Error> {
        let refused = |message: String| Err(at(Error::refused(message), position));
        let name = super::label(&call.name);
        if self.in_stored_code || self.firing_depth > 0 {
            return refused(format!(
                "a call of {name} in a trigger, a view or a rule is not supported"
            ));
        }
        // The rows of the statement aren't there yet.
        let visible = self.scopes.iter().take_while(|scope| scope.of != Names::Relations).count();
        let hidden = self.scopes.split_off(visible);
        let of_rows = !hidden.is_empty();
        let sequences = self.sequences.len();
        let found = self.own_call(candidates, call, position);
        self.scopes.extend(hidden);
        let (function, arguments) = match found {
            Err(error)
                if of_rows
                    && [SqlState::UNDEFINED_COLUMN, SqlState::UNDEFINED_TABLE]
                        .contains(&error.state()) =>
            {
                return refused(format!(
                    "a call of {name} whose arguments depend on the statement's rows is not supported"
                ));
            }
            other => other?,
        };
        self.refuse_procedure(function, call, position)?;
        if arguments.iter().any(Expr::depends_on_rows) {
            return refused(format!(
                "a call of {name} whose arguments depend on the statement's rows is not supported"
            ));
        }
        if self.sequences.len() != sequences {
            return refused(format!("nextval in the arguments of {name} is not supported"));
        }
        let routine = code::routine(function, self).map_err(Error::without_position)?;
        let feed = CALLED + self.calls.len();
        self.calls.push(FunctionCall { routine, arguments, feed, once: false, position });
        Ok(function)
    }

    /// The rows of the call that was noted last.
    fn call_feed(&mut self, function: &Function) -> Result<(From, Vec<(String, Expr)>), Error> {
        let feed = self.calls.last().map_or(CALLED, |call| call.feed);
        let given = code::outputs(function, self)?;
        let mut places: Vec<Output> = Vec::new();
        for one in &given {
            match &one.fields {
                None => places.push(output(one.name.clone(), one.data_type)),
                Some(fields) => {
                    places.push(output(one.name.clone(), PgType::BOOL));
                    let fields = fields.iter();
                    places.extend(fields.map(|(name, data_type)| output(name.clone(), *data_type)));
                }
            }
        }
        let (id, elements) = self.feed_elements(feed, &places);
        let mut elements = elements.into_iter();
        let missing = || Error::internal("a feed lacks a column");
        let mut columns = Vec::new();
        for one in given {
            let first = elements.next().ok_or_else(missing)?;
            let value = match &one.fields {
                None => first,
                Some(fields) => {
                    let values = elements.by_ref().take(fields.len());
                    let named = fields.iter().map(|(name, _)| name.clone()).zip(values).collect();
                    self.row_of(named, (Some(first), one.data_type.oid), 0)?
                }
            };
            columns.push((one.name, value));
        }
        Ok((From::Feed { feed, id }, columns))
    }

    /// Notes which of the calls a part of the statement runs once, whatever it finds.
    pub(crate) fn runs_once(&mut self, part: Calling<'_>) {
        let mut once = Vec::new();
        match part {
            Calling::Query(query) => of_query(query, &mut once),
            Calling::Insert(source) => of_source(source, &mut once),
            Calling::Arguments(values) => {
                for value in values {
                    of_value(value, &mut once);
                }
            }
        }
        // What is in a call's arguments stands before it.
        for call in self.calls.iter_mut().rev() {
            if once.contains(&call.feed) {
                call.once = true;
                call.arguments.iter().for_each(|argument| of_value(argument, &mut once));
            }
        }
    }

    /// The calls of the statement.
    ///
    /// # Errors
    /// 0A000 for volatile functions that would run too often, or though they shouldn't.
    pub(crate) fn take_calls(&mut self) -> Result<Vec<FunctionCall>, Error> {
        let calls = std::mem::take(&mut self.calls);
        let wrong = calls.iter().find(|call| call.routine.volatility == 'v' && !call.once);
        let Some(wrong) = wrong else { return Ok(calls) };
        let message =
            format!("a call of the volatile function {} is not supported here", wrong.routine.name);
        Err(at(Error::refused(message), wrong.position).with_hint(
            "Call it in FROM, or as a column of a SELECT without FROM. A function that changes nothing may be declared STABLE.",
        ))
    }
}

/// A part of a statement that calls functions.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Calling<'q> {
    Query(&'q Query),
    Insert(&'q InsertSource),
    /// Of CALL.
    Arguments(&'q [Expr]),
}

/// The calls that a query runs once, whatever it finds.
fn of_query(query: &Query, once: &mut Vec<usize>) {
    let Body::Select(select) = &query.body else { return };
    if let Some(from) = &select.from {
        of_from(from, once);
        return;
    }
    if select.filter.is_none() && select.having.is_none() {
        select.items.iter().for_each(|item| of_value(item, once));
    }
}

fn of_from(from: &From, once: &mut Vec<usize>) {
    match from {
        From::Feed { feed, .. } => once.push(*feed),
        From::Join { left, right, kind, .. } => {
            of_from(left, once);
            // All of both sides are read.
            if matches!(kind, JoinKind::Inner | JoinKind::Full) {
                of_from(right, once);
            }
        }
        From::Subquery { query, .. } => of_query(query, once),
        _ => {}
    }
}

fn of_source(source: &InsertSource, once: &mut Vec<usize>) {
    match source {
        InsertSource::Rows(rows) => {
            rows.iter().flatten().for_each(|value| of_value(value, once));
        }
        InsertSource::Query { query, .. } => of_query(query, once),
        InsertSource::DefaultValues => {}
    }
}

/// Those of an expression that is computed once.
fn of_value(value: &Expr, once: &mut Vec<usize>) {
    match &value.kind {
        ExprKind::Subquery(query) => of_query(query, once),
        // The others are computed only if this one isn't true.
        ExprKind::Case { branches, .. } => {
            if let Some((condition, _)) = branches.first() {
                of_value(condition, once);
            }
        }
        ExprKind::And(..) | ExprKind::Or(..) | ExprKind::Coalesce(_) => {
            if let Some(first) = value.children().first() {
                of_value(first, once);
            }
        }
        _ => value.children().into_iter().for_each(|child| of_value(child, once)),
    }
}

impl Expr {
    /// Whether a column of a row is in it, subqueries left out.
    pub(crate) fn depends_on_rows(&self) -> bool {
        matches!(self.kind, ExprKind::Column(_) | ExprKind::Element { .. })
            || self.children().into_iter().any(Self::depends_on_rows)
    }
}
