//! DO and CALL: run the statements of a block one after the other, in one transaction.
//!
//! A block with handlers is a savepoint: what its statements did is taken back before a handler runs.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::model::error::{Class, Error, SqlState};
use crate::model::pg_type::Oid;
use crate::model::value::Value;
use crate::session::portal::Reply;
use crate::session::run::complete;
use crate::session::statement::{Plan, Prepared};
use crate::session::transaction;
use crate::session::{Session, Severity};
use crate::sql::{Block, Caught, CodeStep, Handler, Message, Parsed, Program};

/// Whether the steps after this one still run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    End,
}

/// The arguments of the procedure that runs.
#[derive(Debug, Clone, Copy, Default)]
struct Given<'s> {
    values: &'s [Value],
    types: &'s [Oid],
}

type Running<'s> = Pin<Box<dyn Future<Output = Result<Flow, Error>> + Send + 's>>;

impl Session {
    pub(crate) async fn anonymous(&mut self, block: &Block) -> Result<Reply, Error> {
        if self.modes.read_only {
            return Err(transaction::read_only("DO"));
        }
        self.join_transaction().await?;
        self.run_block(block, Given::default()).await?;
        Ok(complete("DO"))
    }

    /// CALL.
    pub(crate) async fn call_procedure(
        &mut self,
        plan: &Plan,
        block: &Block,
        (arguments, types): (Option<&Program>, &[Oid]),
        parameters: &[Value],
        alone: bool,
    ) -> Result<Option<Reply>, Error> {
        if self.modes.read_only {
            return Err(transaction::read_only("CALL"));
        }
        let mut values = Vec::new();
        if let Some(program) = arguments {
            match self.values(plan, program, parameters, alone).await? {
                Some(given) => values = given,
                None => return Ok(None),
            }
        }
        self.join_transaction().await?;
        self.run_block(block, Given { values: &values, types }).await?;
        Ok(Some(complete("CALL")))
    }

    fn run_block<'s>(&'s mut self, block: &'s Block, given: Given<'s>) -> Running<'s> {
        Box::pin(async move {
            if block.handlers.is_empty() {
                return self.run_code(&block.steps, given).await;
            }
            let depth = self.savepoints.push(String::new(), self.settings.save(), self.modes);
            if let Some(write) = &mut self.write {
                write.savepoint(depth).await?;
            }
            let error = match self.run_code(&block.steps, given).await {
                Ok(flow) => {
                    if let Some(write) = &mut self.write {
                        write.release(depth).await?;
                    }
                    self.savepoints.release(depth);
                    return Ok(flow);
                }
                Err(error) => error,
            };
            let Some(handler) = block.handlers.iter().find(|handler| catches(handler, &error))
            else {
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
            self.run_code(&handler.steps, given).await
        })
    }

    fn run_code<'s>(&'s mut self, steps: &'s [CodeStep], given: Given<'s>) -> Running<'s> {
        Box::pin(async move {
            for step in steps {
                let flow = match step {
                    CodeStep::Run(parsed) => {
                        self.run_inner(parsed, given).await?;
                        Flow::On
                    }
                    CodeStep::If { branches, otherwise } => {
                        let taken = self.taken(branches, otherwise, given).await?;
                        self.run_code(taken, given).await?
                    }
                    CodeStep::Raise(message) => {
                        self.raise(message, given).await?;
                        Flow::On
                    }
                    CodeStep::Fail(error) => return Err((**error).clone()),
                    CodeStep::Block(block) => self.run_block(block, given).await?,
                    CodeStep::End => Flow::End,
                };
                if flow == Flow::End {
                    return Ok(Flow::End);
                }
            }
            Ok(Flow::On)
        })
    }

    /// The branch of an IF whose condition is true.
    async fn taken<'s>(
        &mut self,
        branches: &'s [(Parsed, Vec<CodeStep>)],
        otherwise: &'s [CodeStep],
        given: Given<'_>,
    ) -> Result<&'s [CodeStep], Error> {
        for (condition, body) in branches {
            let row = self.run_inner(condition, given).await?;
            if row.first() == Some(&Value::Integer(1)) {
                return Ok(body);
            }
        }
        Ok(otherwise)
    }

    /// Runs a statement; the first row that it returns.
    async fn run_inner(&mut self, parsed: &Parsed, given: Given<'_>) -> Result<Vec<Value>, Error> {
        // EXECUTE's statements have none.
        let count = parsed.parameter_count();
        let values = given.values.get(..count).unwrap_or_default();
        let types = given.types.get(..count).unwrap_or_default();
        if parsed.makes_temporary() && !self.settings.compile().temporary_used {
            self.begin_temporary().await?;
        }
        let prepared = Arc::new(Prepared::new(Some(parsed.clone()), types.to_vec()));
        let mut first = Vec::new();
        // On the heap: a statement in a statement would else need twice the stack.
        let reply = Box::pin(self.attempt(&prepared, values, false)).await?;
        if let Reply::Rows(mut rows) = reply {
            while let Some(batch) = rows.next().await? {
                if first.is_empty()
                    && let Some(row) = batch.iter().next()
                {
                    first = row.to_vec();
                }
            }
        }
        Ok(first)
    }

    async fn raise(&mut self, message: &Message, given: Given<'_>) -> Result<(), Error> {
        let row = match &message.values {
            Some(values) => self.run_inner(values, given).await?,
            None => Vec::new(),
        };
        let mut values = row.into_iter().map(|value| match value {
            Value::Text(text) => text,
            Value::Null => "<NULL>".to_owned(),
            other => format!("{other:?}"),
        });
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
        self.notice(severity, error);
        Ok(())
    }
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
