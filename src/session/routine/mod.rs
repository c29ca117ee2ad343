//! Routines: carries out DO, CALL, and functions that a statement calls.
//!
//! A block with handlers is a savepoint: what its statements did is taken back before a handler runs.

mod call;
mod frame;
mod rows;

use std::future::Future;
use std::pin::Pin;

use crate::model::error::{Class, Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::session::{Session, Severity};
use crate::sql::{
    Block, Caught, CodeStep, Diagnostic, Handler, Loop, LoopKind, Message, Placed, Returned,
    Returns, Routine, Sentence, Target, Targets,
};

pub(crate) use call::{FunctionRows, UnderWay};
use frame::{Frame, Held, not_assigned};
use rows::Ran;

/// Routines that call each other may be so many deep.
const DEPTH_MAX: usize = 48;

/// Where a routine goes on behind a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Flow {
    On,
    /// EXIT of the innermost loop, or of what has the label.
    Exit(Option<String>),
    Continue(Option<String>),
    /// RETURN.
    End,
}

type Running<'s> = Pin<Box<dyn Future<Output = Result<Flow, Error>> + Send + 's>>;

impl Session {
    /// Carries out a routine; the rows that it gives.
    async fn run_routine(
        &mut self,
        routine: &Routine,
        inputs: &[Value],
    ) -> Result<Vec<Vec<Value>>, Error> {
        if self.under_way.depth >= DEPTH_MAX {
            let message = "stack depth limit exceeded";
            let hint = format!("Routines can call each other {DEPTH_MAX} deep.");
            return Err(Error::user(SqlState(*b"54001"), message).with_hint(hint));
        }
        let mut frame = Frame::new(routine, inputs);
        self.under_way.depth += 1;
        let flow = if routine.is_sql {
            self.run_sql(&routine.body.steps, &mut frame).await
        } else {
            self.run_block(&routine.body, &mut frame).await
        };
        self.under_way.depth -= 1;
        let flow = match flow {
            Ok(flow) => flow,
            Err(error) => return Err(placed(error, &frame.context())),
        };
        if !routine.returns_set && !routine.is_sql {
            self.end_routine(flow, &mut frame)?;
        }
        if frame.rows.is_empty() && !routine.returns_set {
            return Ok(vec![vec![Value::Null; routine.width()]]);
        }
        Ok(frame.rows)
    }

    /// What a routine that has come to its end gives beside what RETURN gave.
    fn end_routine(&self, flow: Flow, frame: &mut Frame<'_>) -> Result<(), Error> {
        match &frame.routine.returns {
            Returns::Nothing => frame.give(vec![Value::Text(String::new())]),
            Returns::Variables(_) => self.give_variables(frame),
            Returns::Value(_) | Returns::Row(_) if flow != Flow::End => {
                let message = "control reached end of function without RETURN";
                Err(placed(Error::user(SqlState(*b"2F005"), message), &frame.context()))
            }
            Returns::Value(_) | Returns::Row(_) => Ok(()),
        }
    }

    /// A routine in SQL: one statement after the other.
    async fn run_sql(&mut self, steps: &[Placed], frame: &mut Frame<'_>) -> Result<Flow, Error> {
        for (place, step) in steps.iter().enumerate() {
            let context =
                || format!("SQL function \"{}\" statement {}", frame.routine.name, place + 1);
            frame.failed = Some((String::new(), context()));
            let sentence = match &step.step {
                CodeStep::Run(sentence, _) => sentence,
                CodeStep::Fail(error) => return Err((**error).clone()),
                _ => continue,
            };
            let ran = self.run_sentence(sentence, frame).await?;
            if place + 1 == steps.len() && frame.routine.returns != Returns::Nothing {
                if ran.columns.is_empty() {
                    let message =
                        format!("return type mismatch in function \"{}\"", frame.routine.name);
                    return Err(Error::user(SqlState(*b"42P13"), message).with_detail(
                        "Function's final statement must be SELECT or INSERT/UPDATE/DELETE RETURNING.",
                    ));
                }
                let count = if frame.routine.returns_set { usize::MAX } else { 1 };
                self.give_rows(ran, count, frame).await?;
            }
        }
        if frame.routine.returns == Returns::Nothing {
            frame.give(vec![Value::Text(String::new())])?;
        }
        Ok(Flow::End)
    }

    fn run_block<'s>(&'s mut self, block: &'s Block, frame: &'s mut Frame<'_>) -> Running<'s> {
        Box::pin(async move {
            let flow = self.run_handled(block, frame).await?;
            // EXIT of this block goes on behind it.
            match (&flow, &block.label) {
                (Flow::Exit(Some(label)), Some(own)) if label == own => Ok(Flow::On),
                _ => Ok(flow),
            }
        })
    }

    async fn run_handled(&mut self, block: &Block, frame: &mut Frame<'_>) -> Result<Flow, Error> {
        for (place, default) in &block.declared {
            frame.renew(*place);
            if let Some(default) = default {
                let target = Target { variable: *place, field: None };
                let place = format!(
                    "PL/pgSQL function {} line {} during statement block local variable initialization",
                    frame.routine.label, block.line
                );
                frame.failed = Some((String::new(), place));
                let ran = self.run_sentence(default, frame).await?;
                self.assign_one(&target, ran, frame).await?;
                frame.failed = None;
            }
        }
        if block.handlers.is_empty() {
            return self.run_code(&block.steps, frame).await;
        }
        let depth = self.savepoints.push(String::new(), self.settings.save(), self.modes);
        if let Some(write) = &mut self.write {
            write.savepoint(depth).await?;
        }
        let error = match self.run_code(&block.steps, frame).await {
            Ok(flow) => {
                if let Some(write) = &mut self.write {
                    write.release(depth).await?;
                }
                self.savepoints.release(depth);
                return Ok(flow);
            }
            Err(error) => error,
        };
        let Some(handler) = block.handlers.iter().find(|handler| catches(handler, &error)) else {
            self.savepoints.release(depth);
            return Err(error);
        };
        if let Some(write) = &mut self.write {
            write.rollback_to(depth).await?;
            write.release(depth).await?;
        }
        if let Some((saved, modes)) = self.savepoints.unwind_to(depth) {
            let saved = saved.clone();
            self.settings.restore(&saved);
            self.modes = modes;
        }
        self.savepoints.release(depth);
        let text = |text: &str| Held::Value(Value::Text(text.to_owned()));
        frame.held[handler.state] = text(error.state().as_str());
        frame.held[handler.message] = text(error.message());
        frame.failed = None;
        frame.handled.push(error);
        let flow = self.run_code(&handler.steps, frame).await;
        frame.handled.pop();
        flow
    }

    fn run_code<'s>(&'s mut self, steps: &'s [Placed], frame: &'s mut Frame<'_>) -> Running<'s> {
        Box::pin(async move {
            for step in steps {
                frame.at = (step.line, step.what);
                frame.in_sql = true;
                match self.run_step(&step.step, frame).await {
                    Ok(Flow::On) => {}
                    Ok(flow) => return Ok(flow),
                    Err(error) => {
                        frame.fail_at(step);
                        return Err(error);
                    }
                }
            }
            Ok(Flow::On)
        })
    }

    async fn run_step(&mut self, step: &CodeStep, frame: &mut Frame<'_>) -> Result<Flow, Error> {
        match step {
            CodeStep::Run(sentence, into) => {
                self.run_statement(sentence, into.as_ref(), frame).await?;
            }
            CodeStep::Assign(target, sentence) => {
                let ran = self.run_sentence(sentence, frame).await?;
                self.assign_one(target, ran, frame).await?;
            }
            CodeStep::If { branches, otherwise } => {
                for (condition, body) in branches {
                    if self.is_true(condition, frame).await? {
                        return self.run_code(body, frame).await;
                    }
                }
                return self.run_code(otherwise, frame).await;
            }
            CodeStep::Loop(one) => return self.run_loop(one, frame).await,
            CodeStep::Exit { label, condition, again } => {
                let goes = match condition {
                    Some(condition) => self.is_true(condition, frame).await?,
                    None => true,
                };
                return Ok(match (goes, again) {
                    (false, _) => Flow::On,
                    (true, false) => Flow::Exit(label.clone()),
                    (true, true) => Flow::Continue(label.clone()),
                });
            }
            CodeStep::Execute(execute) => {
                let ran = self.run_executed(execute, frame).await?;
                if execute.returns {
                    self.give_rows(ran, usize::MAX, frame).await?;
                } else if let Some(into) = &execute.into {
                    self.assign_row(into, ran, frame).await?;
                } else {
                    frame.row_count = ran.count;
                }
            }
            CodeStep::Diagnostics(items) => self.diagnose(items, frame).await?,
            CodeStep::Raise(message) => self.raise(message, frame).await?,
            CodeStep::Reraise => {
                return Err(frame.handled.last().cloned().unwrap_or_else(|| {
                    let message =
                        "RAISE without parameters cannot be used outside an exception handler";
                    Error::user(SqlState(*b"0Z002"), message)
                }));
            }
            CodeStep::Fail(error) => return Err((**error).clone()),
            CodeStep::Block(block) => return self.run_block(block, frame).await,
            CodeStep::Return(value) => {
                if let Some(value) = value {
                    self.give(value, frame).await?;
                }
                return Ok(Flow::End);
            }
            CodeStep::ReturnNext(Some(value)) => self.give(value, frame).await?,
            CodeStep::ReturnNext(None) => self.give_variables(frame)?,
            CodeStep::ReturnQuery(query) => {
                let ran = self.run_sentence(query, frame).await?;
                frame.found(!ran.rows.is_empty());
                frame.row_count = ran.count;
                self.give_rows(ran, usize::MAX, frame).await?;
            }
        }
        Ok(Flow::On)
    }

    /// A statement in SQL, with its INTO.
    async fn run_statement(
        &mut self,
        sentence: &Sentence,
        into: Option<&Targets>,
        frame: &mut Frame<'_>,
    ) -> Result<(), Error> {
        let ran = self.run_sentence(sentence, frame).await?;
        frame.in_sql = false;
        if sentence.is_call() && !ran.columns.is_empty() {
            let message = "CALL of a procedure with INOUT arguments in a routine is not supported";
            return Err(Error::refused(message));
        }
        self.settle(ran, into, frame).await
    }

    async fn is_true(
        &mut self,
        condition: &Sentence,
        frame: &mut Frame<'_>,
    ) -> Result<bool, Error> {
        let ran = self.run_sentence(condition, frame).await?;
        Ok(ran.rows.first().and_then(|row| row.first()) == Some(&Value::Integer(1)))
    }

    async fn run_loop(&mut self, one: &Loop, frame: &mut Frame<'_>) -> Result<Flow, Error> {
        match &one.kind {
            LoopKind::Forever => loop {
                if let Some(flow) = self.run_once(one, frame).await? {
                    return Ok(flow);
                }
            },
            LoopKind::While(condition) => {
                while self.is_true(condition, frame).await? {
                    if let Some(flow) = self.run_once(one, frame).await? {
                        return Ok(flow);
                    }
                }
                Ok(Flow::On)
            }
            LoopKind::Numbers { variable, bounds, reverse } => {
                self.run_numbers(one, (*variable, bounds, *reverse), frame).await
            }
            LoopKind::Rows { targets, query } => {
                let ran = self.run_sentence(query, frame).await?;
                self.run_rows(one, targets, ran, frame).await
            }
            LoopKind::Execute { targets, execute } => {
                let ran = self.run_executed(execute, frame).await?;
                self.run_rows(one, targets, ran, frame).await
            }
            LoopKind::Elements { target, query } => {
                let ran = self.run_sentence(query, frame).await?;
                let targets = Targets { targets: vec![target.clone()], strict: false };
                self.run_rows(one, &targets, ran, frame).await
            }
        }
    }

    /// A loop's statements, once; how the routine goes on if the loop ends.
    async fn run_once(&mut self, one: &Loop, frame: &mut Frame<'_>) -> Result<Option<Flow>, Error> {
        // A loop may do nothing that waits.
        tokio::task::yield_now().await;
        self.check_carrying()?;
        let own = |label: &Option<String>| label.is_none() || *label == one.label;
        Ok(match self.run_code(&one.steps, frame).await? {
            Flow::On => None,
            Flow::Continue(label) if own(&label) => None,
            Flow::Exit(label) if own(&label) => Some(Flow::On),
            other => Some(other),
        })
    }

    async fn run_numbers(
        &mut self,
        one: &Loop,
        (variable, bounds, reverse): (usize, &Sentence, bool),
        frame: &mut Frame<'_>,
    ) -> Result<Flow, Error> {
        let ran = self.run_sentence(bounds, frame).await?;
        let mut numbers = [0i64; 3];
        let what = ["lower bound", "upper bound", "BY value"];
        let given = ran.rows.first().map(Vec::as_slice).unwrap_or_default();
        for ((number, value), what) in numbers.iter_mut().zip(given).zip(what) {
            let Value::Integer(value) = *value else {
                let message = format!("{what} of FOR loop cannot be null");
                return Err(Error::user(SqlState::NULL_VALUE_NOT_ALLOWED, message));
            };
            *number = value;
        }
        let [mut next, to, step] = numbers;
        if step <= 0 {
            let message = "BY value of FOR loop must be greater than zero";
            return Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message));
        }
        let mut found = false;
        let range = i64::from(i32::MIN)..=i64::from(i32::MAX);
        while range.contains(&next) && if reverse { next >= to } else { next <= to } {
            found = true;
            frame.held[variable] = Held::Value(Value::Integer(next));
            if let Some(flow) = self.run_once(one, frame).await? {
                frame.found(true);
                return Ok(flow);
            }
            next = if reverse { next - step } else { next + step };
        }
        frame.found(found);
        Ok(Flow::On)
    }

    async fn run_rows(
        &mut self,
        one: &Loop,
        targets: &Targets,
        ran: Ran,
        frame: &mut Frame<'_>,
    ) -> Result<Flow, Error> {
        let found = !ran.rows.is_empty();
        for row in ran.rows {
            self.assign(targets, (&ran.columns, &ran.names), Some(row), frame).await?;
            if let Some(flow) = self.run_once(one, frame).await? {
                frame.found(true);
                return Ok(flow);
            }
        }
        frame.found(found);
        Ok(Flow::On)
    }

    /// What RETURN or RETURN NEXT gives.
    async fn give(&mut self, value: &Returned, frame: &mut Frame<'_>) -> Result<(), Error> {
        match value {
            Returned::Row(sentence) => {
                let ran = self.run_sentence(sentence, frame).await?;
                self.give_rows(ran, 1, frame).await
            }
            Returned::Null => frame.give(vec![Value::Null; frame.routine.width()]),
            Returned::Variable(variable) => {
                if let Held::Row(fields, row) = &frame.held[*variable] {
                    let types = fields.iter().map(|(_, data_type)| *data_type).collect();
                    let row = row.clone().unwrap_or_else(|| vec![Value::Null; fields.len()]);
                    let ran = Ran { columns: types, names: Vec::new(), rows: vec![row], count: 1 };
                    return self.give_rows(ran, 1, frame).await;
                }
                Err(not_assigned(&frame.routine.variables[*variable].name))
            }
        }
    }

    async fn diagnose(
        &mut self,
        items: &[(Target, Diagnostic)],
        frame: &mut Frame<'_>,
    ) -> Result<(), Error> {
        for (target, item) in items {
            let value = match item {
                Diagnostic::RowCount => Value::Integer(frame.row_count as i64),
                Diagnostic::Context => Value::Text(String::new()),
                _ => {
                    let Some(error) = frame.handled.last() else {
                        let message =
                            "GET STACKED DIAGNOSTICS cannot be used outside an exception handler";
                        return Err(Error::user(SqlState(*b"0Z002"), message));
                    };
                    Value::Text(diagnosed(error, *item))
                }
            };
            let from = match value {
                Value::Integer(_) => PgType::INT8,
                _ => PgType::TEXT,
            };
            let ran =
                Ran { columns: vec![from], names: Vec::new(), rows: vec![vec![value]], count: 1 };
            self.assign_one(target, ran, frame).await?;
        }
        Ok(())
    }

    async fn raise(&mut self, message: &Message, frame: &mut Frame<'_>) -> Result<(), Error> {
        let mut values = match &message.values {
            Some(values) => self.shown_values(values, frame).await?.into_iter(),
            None => Vec::new().into_iter(),
        };
        let text = filled(&message.format, &mut values);
        let text = if text.is_empty() {
            String::from_utf8_lossy(&message.state.0).into_owned()
        } else {
            text
        };
        let state = if message.level.is_some() && message.state == SqlState(*b"P0001") {
            SqlState(*b"00000")
        } else {
            message.state
        };
        let mut error = Error::new(Class::User, state, text);
        if message.detail {
            error = error.with_detail(values.next().unwrap_or_default());
        }
        if message.hint {
            error = error.with_hint(values.next().unwrap_or_default());
        }
        let severity = match message.level {
            None => return Err(error),
            Some("DEBUG" | "LOG") => Severity::Debug,
            Some("INFO") => Severity::Info,
            Some("WARNING") => Severity::Warning,
            Some(_) => Severity::Notice,
        };
        let context = frame.place();
        self.notice(severity, placed(error, &context));
        Ok(())
    }

    /// The values of a message, as their types' output functions give them.
    async fn shown_values(
        &mut self,
        values: &Sentence,
        frame: &mut Frame<'_>,
    ) -> Result<Vec<String>, Error> {
        let mut ran = self.run_sentence(values, frame).await?;
        let mut all = Vec::new();
        for (value, from) in ran.rows.pop().unwrap_or_default().into_iter().zip(ran.columns) {
            all.push(match (value, from) {
                (Value::Null, _) => "<NULL>".to_owned(),
                (value, PgType::BOOL) => {
                    if value == Value::Integer(1) { "t" } else { "f" }.to_owned()
                }
                (value, from) => match self.converted(value, (from, PgType::TEXT), frame).await? {
                    Value::Text(text) => text,
                    _ => String::new(),
                },
            });
        }
        Ok(all)
    }
}

/// An error with what it came through.
fn placed(error: Error, context: &str) -> Error {
    let before = error.fields().context.clone();
    let whole = before.map(|before| format!("{before}\n{context}"));
    error.with_context(whole.unwrap_or_else(|| context.to_owned()))
}

/// The format with a value in the place of each `%`; `%%` is a percent sign.
fn filled(format: &str, values: &mut impl Iterator<Item = String>) -> String {
    let mut text = String::new();
    let mut characters = format.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '%' if characters.next_if_eq(&'%').is_some() => text.push('%'),
            '%' => text.push_str(&values.next().unwrap_or_default()),
            other => text.push(other),
        }
    }
    text
}

/// Whether a handler is for an error. What isn't about the statement can't be caught.
fn catches(handler: &Handler, error: &Error) -> bool {
    let state = error.state();
    if error.class() != Class::User || state == SqlState::QUERY_CANCELED {
        return false;
    }
    handler.catches.iter().any(|caught| match caught {
        Caught::Any => true,
        Caught::State(wanted) => *wanted == state,
        Caught::Class(class) => state.0.starts_with(class),
    })
}

/// What GET STACKED DIAGNOSTICS gives of an error.
fn diagnosed(error: &Error, item: Diagnostic) -> String {
    let fields = error.fields();
    let known = match item {
        Diagnostic::State => return error.state().as_str().to_owned(),
        Diagnostic::Message => return error.message().to_owned(),
        Diagnostic::Detail => &fields.detail,
        Diagnostic::Hint => &fields.hint,
        Diagnostic::Schema => &fields.schema,
        Diagnostic::Table => &fields.table,
        Diagnostic::Column => &fields.column,
        Diagnostic::DataType => &fields.data_type,
        Diagnostic::Constraint => &fields.constraint,
        Diagnostic::RowCount | Diagnostic::Context => &None,
    };
    known.clone().unwrap_or_default()
}
