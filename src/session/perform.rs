//! Performs what is neither a query nor a write nor about the transaction: what comes less often. It is
//! apart, and boxed where it is called, so that it takes no room in what every statement goes through.

use std::sync::Arc;

use crate::model::error::Error;
use crate::model::value::Value;
use crate::session::listen::Listening;
use crate::session::portal::{Reply, RowsTag};
use crate::session::run::complete;
use crate::session::statement::{Plan, Prepared};
use crate::session::{Session, settings};
use crate::sql::{Action, SettingValue};

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
            Action::Call { block, arguments, types } => {
                let given = (arguments.as_ref(), types.as_slice());
                self.call_procedure(plan, block, given, parameters, alone).await
            }
            _ => Err(Error::internal("not of the session alone")),
        }
    }
}
