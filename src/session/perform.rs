//! Performs what is neither a query nor a write nor about the transaction: what comes less often. It is
//! apart, and boxed where it is called, so that it takes no room in what every statement goes through.

use std::sync::Arc;

use crate::model::error::{Error, SqlState};
use crate::model::value::Value;
use crate::session::listen::Listening;
use crate::session::portal::{Reply, RowsTag};
use crate::session::run::complete;
use crate::session::statement::{Plan, Prepared};
use crate::session::transaction::{self, Phase};
use crate::session::{Session, Severity, settings};
use crate::sql::{Action, Program, SettingValue, Step, StepRole, WriteTag};

impl Session {
    /// Neither a query nor a write nor about the transaction: what comes less often.
    pub(super) async fn perform_other(
        &mut self,
        plan: &Plan,
        parameters: &[Value],
        alone: bool,
    ) -> Result<Option<Reply>, Error> {
        match &plan.compiled.action {
            Action::SetConfig { arguments, program } => {
                self.set_config(plan, (arguments, program), parameters, alone).await
            }
            Action::CopyFrom(copy) => self.copy_from(plan, copy).await,
            Action::CopyTo(copy) => {
                let rows =
                    self.query(plan, &copy.query, None, parameters, RowsTag::Copy, alone).await?;
                let rows = rows.map(|rows| rows.with_columns(&copy.columns));
                Ok(rows.map(|rows| Reply::CopyOut { options: copy.options.clone(), rows }))
            }
            Action::Declare { name, query, options } => {
                let types = plan.parameters.iter().map(|known| known.oid).collect();
                let query = Arc::new(Prepared::new(Some((**query).clone()), types));
                self.declare(name, &query, parameters, (*options, alone)).await.map(Some)
            }
            Action::Fetch { name, count, move_only } => {
                self.fetch_cursor(name, *count, *move_only).await.map(Some)
            }
            Action::CloseCursor { name } => self.close_cursor(name.as_deref()).map(Some),
            Action::SessionCalls { .. }
            | Action::Listen(_)
            | Action::Unlisten(_)
            | Action::Call { .. } => {
                Box::pin(self.perform_for_session(plan, parameters, alone)).await
            }
            Action::CreateDatabase { .. }
            | Action::DropDatabase { .. }
            | Action::Maintenance { .. } => self.administer(plan, alone).await,
            Action::Prepare { name, statement, parameter_types, text } => {
                self.keep_prepared(name, statement, parameter_types, text).await.map(Some)
            }
            Action::Execute { name, execute } => {
                self.execute_prepared(execute, name, alone).await.map(Some)
            }
            Action::Explain { options, statement } => {
                self.explain(plan, *options, statement, parameters, alone).await
            }
            Action::ExplainExecute { options, name, execute } => {
                self.explain_execute(plan, *options, name, execute, alone).await
            }
            Action::SetConstraints(what) => self.set_constraints(what).await.map(Some),
            _ => self.other(plan, alone).await.map(Some),
        }
    }

    /// CREATE and DROP DATABASE, VACUUM, ANALYZE.
    pub(super) async fn administer(
        &mut self,
        plan: &Plan,
        alone: bool,
    ) -> Result<Option<Reply>, Error> {
        let outside = alone && self.phase == Phase::Idle;
        match &plan.compiled.action {
            Action::CreateDatabase { name, if_not_exists } => {
                if !outside {
                    return Err(transaction::not_in_block("CREATE DATABASE"));
                }
                match self.engine.create_database(name).await {
                    Err(error)
                        if *if_not_exists && error.state() == SqlState::DUPLICATE_DATABASE =>
                    {
                        self.notice(Severity::Notice, error);
                    }
                    other => other?,
                }
                Ok(Some(complete("CREATE DATABASE")))
            }
            Action::DropDatabase { name, if_exists, force } => {
                if !outside {
                    return Err(transaction::not_in_block("DROP DATABASE"));
                }
                if name == self.settings.database() {
                    return Err(Error::user(
                        SqlState::OBJECT_IN_USE,
                        "cannot drop the currently open database",
                    ));
                }
                match self.engine.drop_database(name, *force).await {
                    Err(error) if *if_exists && error.state() == SqlState::INVALID_CATALOG_NAME => {
                        let message = format!("database \"{name}\" does not exist, skipping");
                        self.notice(Severity::Notice, Error::user(SqlState(*b"00000"), message));
                    }
                    other => other?,
                }
                Ok(Some(complete("DROP DATABASE")))
            }
            Action::Maintenance { sql, tag } => {
                if *tag == "VACUUM" && !outside {
                    return Err(transaction::not_in_block("VACUUM"));
                }
                let step = |sql: &Arc<str>| Step {
                    program: Program { sql: Arc::clone(sql), arguments: Vec::new(), touches: None },
                    role: StepRole::Nothing,
                    must_be_empty: None,
                };
                let steps: Vec<Step> = sql.iter().map(step).collect();
                if steps.is_empty() {
                    return Ok(Some(complete(tag)));
                }
                self.write_steps(plan, &steps, WriteTag::Plain(tag), &[], alone).await
            }
            _ => Err(Error::internal("not an administrative statement")),
        }
    }

    /// What is about the session rather than rows.
    async fn other(&mut self, plan: &Plan, alone: bool) -> Result<Reply, Error> {
        match &plan.compiled.action {
            Action::Set { name, value, local } if settings::is_transaction_mode(name) => {
                self.set_mode(name, value, *local, alone)?;
                Ok(complete("SET"))
            }
            Action::Reset { name: Some(name) } if settings::is_transaction_mode(name) => {
                self.set_mode(name, &SettingValue::Default, false, alone)?;
                Ok(complete("RESET"))
            }
            Action::Discard(what) => self.discard(*what).await,
            Action::Do(block) => Box::pin(self.anonymous(block)).await,
            _ => self.utility(plan),
        }
    }

    /// What changes what the session has at the leader, or hears; and CALL.
    async fn perform_for_session(
        &mut self,
        plan: &Plan,
        parameters: &[Value],
        alone: bool,
    ) -> Result<Option<Reply>, Error> {
        match &plan.compiled.action {
            Action::SessionCalls { program, calls } => {
                self.advisory(plan, (program, calls), parameters, alone).await
            }
            Action::Listen(channel) => {
                let begin = Listening::Begin(channel.as_str().into());
                self.listen(begin, alone).await.map(Some)
            }
            Action::Unlisten(channel) => {
                let channel = channel.as_deref().map(Into::into);
                self.listen(Listening::End(channel), alone).await.map(Some)
            }
            Action::Call { routine, arguments } => {
                let called = (&**routine, arguments.as_ref());
                self.call_procedure(plan, called, parameters, alone).await
            }
            _ => Err(Error::internal("not of the session alone")),
        }
    }
}
