//! What starts a routine: DO, CALL, and statements that call functions.

use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::Running;
use crate::model::error::Error;
use crate::model::value::{RowBatch, Value};
use crate::platform::clock::Instant;
use crate::session::Session;
use crate::session::feed;
use crate::session::portal::{Reply, RowsTag, Rowset};
use crate::session::run::complete;
use crate::session::statement::Plan;
use crate::session::transaction;
use crate::sql::{Action, Called, Program, Routine};

/// Rows of functions that a statement calls, by the numbers of their feeds.
pub(crate) type FunctionRows = Arc<HashMap<usize, String>>;

/// What the statement that runs has given on its way.
#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    /// Rows of its steps for later ones, by their numbers.
    pub(crate) feeds: HashMap<usize, String>,
    /// The same of the functions that were carried out before it.
    pub(crate) called: FunctionRows,
    /// All settings as they were before its `set_config`, if it shows them.
    pub(crate) settings_before: Option<String>,
    pub(super) carrying: Option<Carrying>,
    /// How many routines call each other now.
    pub(super) depth: usize,
}

/// The statement that the outermost routine belongs to.
#[derive(Debug)]
pub(super) struct Carrying {
    /// `statement_timeout` counts from its beginning.
    deadline: Option<Instant>,
    running: Running,
}

impl Session {
    /// DO.
    pub(crate) async fn anonymous(&mut self, routine: &Routine) -> Result<Reply, Error> {
        if self.modes.read_only {
            return Err(transaction::read_only("DO"));
        }
        self.join_transaction().await?;
        self.outermost(routine, &[]).await?;
        Ok(complete("DO"))
    }

    /// CALL.
    pub(crate) async fn call_procedure(
        &mut self,
        plan: &Plan,
        (routine, arguments): (&Routine, Option<&Program>),
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
        let rows = self.outermost(routine, &values).await?;
        let Some(columns) = plan.described() else { return Ok(Some(complete("CALL"))) };
        let rows = batch(rows, columns.len());
        Ok(Some(Reply::Rows(Rowset::memory(columns, rows, RowsTag::Plain("CALL")))))
    }

    /// Carries out the functions that a statement calls; their rows by the numbers of their feeds. `None`: the
    /// schema isn't the plan's, and nothing was done.
    pub(crate) async fn carry_out(
        &mut self,
        plan: &Plan,
        parameters: &[Value],
    ) -> Result<Option<FunctionRows>, Error> {
        // What a function calls has rows of its own.
        let outer = std::mem::take(&mut self.under_way.called);
        let result = self.carry_out_all(plan, parameters).await;
        let rows = std::mem::replace(&mut self.under_way.called, outer);
        Ok(result?.then_some(rows))
    }

    async fn carry_out_all(&mut self, plan: &Plan, parameters: &[Value]) -> Result<bool, Error> {
        for Called { routine, arguments, feed, .. } in &plan.compiled.calls {
            if routine.volatility == 'v' && !self.modes.read_only {
                self.join_transaction().await?;
            }
            // A function of the committed schema, as far as the read level asks for it, is what is to run.
            let nothing = Program { sql: "SELECT 1".into(), arguments: Vec::new(), touches: None };
            let program = arguments.as_ref().unwrap_or(&nothing);
            let mut values = match self.values(plan, program, parameters, false).await? {
                Some(given) => given,
                None if self.under_way.called.is_empty() => return Ok(false),
                None => {
                    return Err(Error::serialization("the schema was changed by a function"));
                }
            };
            if arguments.is_none() {
                values.clear();
            }
            let skipped = routine.strict && values.contains(&Value::Null);
            let called = std::mem::take(&mut self.under_way.called);
            let rows = match skipped {
                true if routine.returns_set => Ok(Vec::new()),
                true => Ok(vec![vec![Value::Null; routine.width()]]),
                false => self.outermost(routine, &values).await,
            };
            self.under_way.called = called;
            let rows = feed::to_json(&batch(rows?, routine.width()));
            Arc::make_mut(&mut self.under_way.called).insert(*feed, rows);
        }
        Ok(true)
    }

    /// Carries out a routine under the limits of the client's statement.
    async fn outermost(
        &mut self,
        routine: &Routine,
        values: &[Value],
    ) -> Result<Vec<Vec<Value>>, Error> {
        if self.under_way.carrying.is_some() {
            return self.run_routine(routine, values).await;
        }
        let deadline = self.limits().deadline;
        self.under_way.carrying = Some(Carrying { deadline, running: self.canceler.start() });
        let result = self.run_routine(routine, values).await;
        self.under_way.carrying = None;
        result
    }

    /// Ends a routine that was cancelled, or takes too long, between its statements.
    ///
    /// # Errors
    /// 57014.
    pub(super) fn check_carrying(&self) -> Result<(), Error> {
        match &self.under_way.carrying {
            Some(carrying) => carrying.running.check(carrying.deadline),
            None => Ok(()),
        }
    }
}

impl Plan {
    /// What comes of a statement a function of which has failed: a query's rows are described before, unless
    /// PostgreSQL computes the function while it plans.
    pub(crate) fn failed_call(&self, error: Error) -> Result<Reply, Error> {
        let planned = self.compiled.calls.iter().any(|call| call.routine.volatility == 'i');
        let columns = self.described().filter(|_| !planned);
        match (columns, &self.compiled.action) {
            (Some(columns), Action::Query { .. }) => {
                Ok(Reply::Rows(Rowset::failing(columns, error)))
            }
            _ => Err(error),
        }
    }
}

fn batch(rows: Vec<Vec<Value>>, width: usize) -> RowBatch {
    RowBatch { width, rows: rows.len(), values: rows.into_iter().flatten().collect() }
}
