//! Runs one statement: decides in which transaction, and turns the outcome into a reply.

use std::sync::Arc;

use crate::catalog::SearchPath;
use crate::datum::frame;
use crate::engine::{Begin, Limits, View};
use crate::model::catalog::Catalog;
use crate::model::error::{Error, SqlState};
use crate::model::statement::{Atomicity, Dialect, Parameters, Statement, Unit, UnitOutcome};
use crate::model::value::{RowBatch, Value};
use crate::platform::clock;
use crate::session::portal::{Reply, RowsTag, Rowset};
use crate::session::routine::FunctionRows;
use crate::session::statement::{Plan, Prepared, touch};
use crate::session::transaction::{self, Modes, Phase};
use crate::session::{Session, Severity, feed, settings, wall_microseconds};
use crate::sql::{
    self, Action, Argument, CALLED, Isolation, LockWait, OutputColumn, Program, SettingValue, Step,
    StepRole, TransactionModes, WriteTag,
};

/// How often a statement is compiled because the schema changed under it. The last time, nobody else
/// may change it.
const ATTEMPTS_MAX: u32 = 4;
/// How long to wait for this node to catch up with a schema change.
const CATCH_UP: std::time::Duration = std::time::Duration::from_secs(10);
/// Bytes of rows that a statement returns at once where they are collected.
const COLLECTED_BYTES_MAX: usize = 64 << 20;

/// A command tag with its count.
pub(crate) fn write_tag(tag: WriteTag, count: u64) -> String {
    match tag {
        WriteTag::Insert => format!("INSERT 0 {count}"),
        WriteTag::Update => format!("UPDATE {count}"),
        WriteTag::Delete => format!("DELETE {count}"),
        WriteTag::Merge => format!("MERGE {count}"),
        WriteTag::Select | WriteTag::Notifying => format!("SELECT {count}"),
        WriteTag::Notify => "NOTIFY".to_owned(),
        WriteTag::Plain(tag) => tag.to_owned(),
    }
}

/// What a write is called in "cannot execute X in a read-only transaction".
fn write_name(tag: WriteTag) -> &'static str {
    match tag {
        WriteTag::Insert => "INSERT",
        WriteTag::Update => "UPDATE",
        WriteTag::Delete => "DELETE",
        WriteTag::Merge => "MERGE",
        WriteTag::Select => "CREATE TABLE AS",
        WriteTag::Notifying | WriteTag::Notify => "NOTIFY",
        WriteTag::Plain(tag) => tag,
    }
}

impl Session {
    /// Runs a statement. `alone`: nothing else belongs to its implicit transaction.
    ///
    /// After an error the transaction has *not* been failed yet: callers do that.
    pub(crate) async fn run(
        &mut self,
        prepared: &Arc<Prepared>,
        parameters: &[Value],
        alone: bool,
    ) -> Result<Reply, Error> {
        let Some(parsed) = &prepared.parsed else { return Ok(Reply::Empty) };
        if !parsed.ends_transaction() {
            self.check_transaction()?;
        }
        if self.database_use.is_dropped() {
            return Err(Error::retry(
                SqlState::ADMIN_SHUTDOWN,
                "the database of this session was dropped",
            ));
        }
        self.locks.check()?;
        self.statement_time = wall_microseconds();
        if self.phase == Phase::Idle {
            self.transaction_number.take();
        }
        self.activity.runs(&prepared.text, self.statement_time, self.transaction_time);
        if parsed.makes_temporary() && !self.settings.compile().temporary_used {
            Box::pin(self.begin_temporary()).await?;
        }
        let began = clock::now();
        let reply = self.attempt(prepared, parameters, alone).await;
        let took = clock::now().since(began);
        let kind = prepared.kind();
        self.engine.note_statement(took, reply.is_err(), kind, || prepared.sqlite_text());
        let reply = reply?;
        self.report_changes();
        Ok(reply)
    }

    /// Compiles and performs, again if the schema has changed in between.
    pub(crate) async fn attempt(
        &mut self,
        prepared: &Arc<Prepared>,
        parameters: &[Value],
        alone: bool,
    ) -> Result<Reply, Error> {
        // What functions did is done, even if the statement is compiled again then.
        let mut called = None;
        for attempt in 0..ATTEMPTS_MAX {
            if attempt > 1 {
                // The leader has a schema that this node hasn't applied yet.
                self.catch_up().await?;
            }
            if attempt == ATTEMPTS_MAX - 1 && self.view.is_none() {
                self.join_transaction().await?;
            }
            let plan = self.plan(prepared, attempt > 0).await?;
            if !plan.compiled.calls.is_empty() && called.is_none() {
                match Box::pin(self.carry_out(&plan, parameters)).await {
                    Ok(None) => continue,
                    Ok(rows) => called = rows,
                    Err(error) => return plan.failed_call(error),
                }
            }
            let reply = match &called {
                None => self.perform(&plan, parameters, alone).await?,
                Some(rows) => Box::pin(self.perform_with(&plan, rows, parameters, alone)).await?,
            };
            if let Some(reply) = reply {
                for notice in &plan.compiled.notices {
                    let warning = notice.state().0.starts_with(b"01");
                    let severity = if warning { Severity::Warning } else { Severity::Notice };
                    self.notice(severity, notice.clone());
                }
                return Ok(reply);
            }
        }
        Err(Error::serialization("the schema kept changing while the statement was compiled"))
    }

    /// Waits until this node has applied what the leader has committed.
    pub(crate) async fn catch_up(&mut self) -> Result<(), Error> {
        Box::pin(self.engine.sync(&self.limits(), CATCH_UP)).await
    }

    /// A plan for the present schema. Unless `verify`, a plan that was kept is taken as it is: the
    /// engine checks its schema when it runs.
    pub(crate) async fn plan(
        &mut self,
        prepared: &Prepared,
        verify: bool,
    ) -> Result<Arc<Plan>, Error> {
        let parsed = prepared.parsed.as_ref().ok_or_else(|| Error::internal("no statement"))?;
        let verify = verify || prepared.is_open();
        if let Some(plan) = prepared.cached_plan()
            && Arc::ptr_eq(&plan.settings, self.settings.compile())
            && plan.epoch.is_none_or(|epoch| epoch == self.epoch)
        {
            if !verify && plan.is_checked() && self.write.is_none() && self.view.is_none() {
                return Ok(plan);
            }
            if self.catalog().await?.schema == plan.schema {
                prepared.fix_types(&plan);
                return Ok(plan);
            }
        }
        let catalog = self.catalog().await?;
        let compiled = match self.compile(parsed, &catalog, prepared) {
            Ok(compiled) => compiled,
            // What it names may have been made on another node a moment ago.
            Err(error) if self.write.is_none() && self.view.is_none() => {
                self.catch_up().await?;
                let newer = self.catalog().await?;
                if newer.schema == catalog.schema {
                    return Err(error);
                }
                let compiled = self.compile(parsed, &newer, prepared)?;
                return self.keep(prepared, compiled, &newer);
            }
            Err(error) => return Err(error),
        };
        self.keep(prepared, compiled, &catalog)
    }

    fn compile(
        &self,
        parsed: &sql::Parsed,
        catalog: &Catalog,
        prepared: &Prepared,
    ) -> Result<sql::Compiled, Error> {
        sql::compile(parsed, catalog, self.settings.compile(), prepared.types())
    }

    fn keep(
        &self,
        prepared: &Prepared,
        compiled: sql::Compiled,
        catalog: &Catalog,
    ) -> Result<Arc<Plan>, Error> {
        let settings = Arc::clone(self.settings.compile());
        let epoch = self.has_defined.then_some(self.epoch);
        let plan = Arc::new(Plan { epoch, ..Plan::new(compiled, catalog.schema, settings) });
        prepared.check_result(&plan)?;
        prepared.fix_types(&plan);
        prepared.keep_plan(&plan);
        Ok(plan)
    }

    /// The catalog that the present transaction sees.
    pub(crate) async fn catalog(&mut self) -> Result<Arc<Catalog>, Error> {
        if let Some(write) = &mut self.write {
            return write.catalog().await;
        }
        if let Some(view) = &mut self.view {
            return Box::pin(view.catalog()).await;
        }
        self.engine.catalog(self.database).await
    }

    /// The columns that the client is told; a FETCH has its cursor's.
    pub(crate) fn result_columns(&self, plan: &Plan) -> Option<Arc<[OutputColumn]>> {
        match &plan.compiled.action {
            Action::Fetch { name, move_only: false, .. } => self.cursor_columns(name),
            Action::Execute { name, .. } => self
                .statements
                .get(name)
                .and_then(|named| named.prepared.cached_plan()?.described()),
            _ => plan.described(),
        }
    }

    /// Performs a plan with the rows of the functions that it calls.
    async fn perform_with(
        &mut self,
        plan: &Plan,
        called: &FunctionRows,
        parameters: &[Value],
        alone: bool,
    ) -> Result<Option<Reply>, Error> {
        let outer = std::mem::replace(&mut self.under_way.called, Arc::clone(called));
        let reply = self.perform(plan, parameters, alone).await;
        self.under_way.called = outer;
        reply
    }

    /// Performs a plan. `None`: the schema isn't the plan's any more, nothing was done.
    pub(crate) async fn perform(
        &mut self,
        plan: &Plan,
        parameters: &[Value],
        alone: bool,
    ) -> Result<Option<Reply>, Error> {
        match &plan.compiled.action {
            Action::Query { program, locking, constant } => {
                let in_block = self.phase != Phase::Idle || !alone;
                if in_block && locking.is_some() && self.modes.read_only {
                    return Err(transaction::read_only("SELECT FOR UPDATE"));
                }
                let tag = RowsTag::Select;
                let rows = self.query(plan, program, *locking, parameters, tag, alone).await;
                self.described(plan, rows, *constant).await
            }
            Action::Write { steps, tag, .. } => {
                self.write_steps(plan, steps, *tag, parameters, alone).await
            }
            Action::Begin { .. }
            | Action::Commit { .. }
            | Action::Rollback { .. }
            | Action::Savepoint(_)
            | Action::RollbackTo(_)
            | Action::Release(_)
            | Action::SetTransaction { .. }
            | Action::Lock { .. } => {
                let done = Box::pin(self.control(&plan.compiled.action)).await;
                done.map(|tag| Some(complete(tag)))
            }
            _ => Box::pin(self.perform_other(plan, parameters, alone)).await,
        }
    }

    /// A SELECT: where it runs depends on the transaction that it is in.
    #[expect(
        clippy::too_many_arguments,
        reason = "all of it is the statement's, and one caller has it"
    )]
    pub(crate) async fn query(
        &mut self,
        plan: &Plan,
        program: &Program,
        locking: Option<LockWait>,
        parameters: &[Value],
        tag: RowsTag,
        alone: bool,
    ) -> Result<Option<Rowset>, Error> {
        if !alone && self.phase == Phase::Idle {
            self.start(Phase::Implicit, TransactionModes::default());
        }
        let in_block = self.phase != Phase::Idle;
        let serializable = self.modes.isolation == Isolation::Serializable && !self.modes.read_only;
        if in_block && (locking.is_some() || serializable) {
            self.take_write_slot(locking == Some(LockWait::NoWait)).await?;
        }
        let statement = self.statement_for(program, parameters)?;
        let limits = self.limits();
        if self.write.is_some() {
            if self.catalog().await?.schema != plan.schema {
                return Ok(None);
            }
            let write = self.write.as_mut().ok_or_else(|| Error::internal("no transaction"))?;
            let rows = write.run_compiled(statement, &limits).await?;
            return Ok(rows.map(|rows| Rowset::stream(Arc::clone(&plan.columns), rows, tag, true)));
        }
        if in_block && !self.modes.isolation.is_read_committed() {
            if self.view.is_none() {
                let level = self.settings.read_level();
                let view = self.engine.view(self.database, level, &limits);
                self.view = Some(Box::pin(view).await?);
            }
            if self.catalog().await?.schema != plan.schema {
                return Ok(None);
            }
            let view = self.view.as_mut().ok_or_else(|| Error::internal("no view"))?;
            let rows = Box::pin(view.run(Dialect::Postgres, statement, &limits)).await?;
            // The view's connection serves one statement at a time.
            return Ok(Some(Rowset::stream(Arc::clone(&plan.columns), rows, tag, true)));
        }
        let level = self.settings.read_level();
        let rows = self
            .engine
            .read(self.database, Dialect::Postgres, level, statement, Some(plan.schema), &limits)
            .await?;
        Ok(rows.map(|rows| Rowset::stream(Arc::clone(&plan.columns), rows, tag, false)))
    }

    /// A SELECT's reply. Its rows are described before it fails, but for what PostgreSQL computes while
    /// it plans.
    async fn described(
        &mut self,
        plan: &Plan,
        rows: Result<Option<Rowset>, Error>,
        constant: bool,
    ) -> Result<Option<Reply>, Error> {
        Ok(match rows {
            Ok(Some(mut rows)) if constant => {
                rows.read_ahead().await?;
                Some(Reply::Rows(rows))
            }
            Err(error) if !constant => {
                Some(Reply::Rows(Rowset::failing(Arc::clone(&plan.columns), error)))
            }
            rows => rows?.map(Reply::Rows),
        })
    }

    /// A statement that writes: by itself as one unit of a group commit, or in the transaction.
    pub(super) async fn write_steps(
        &mut self,
        plan: &Plan,
        steps: &[Step],
        tag: WriteTag,
        parameters: &[Value],
        alone: bool,
    ) -> Result<Option<Reply>, Error> {
        let temporary = matches!(plan.compiled.action, Action::Write { temporary: true, .. });
        let changes = !temporary && !matches!(tag, WriteTag::Notifying | WriteTag::Notify);
        if self.modes.read_only && changes {
            return Err(transaction::read_only(write_name(tag)));
        }
        let checked = steps
            .iter()
            .any(|step| step.must_be_empty.is_some() || matches!(step.role, StepRole::Feeds(_)));
        // What is done at the end of a transaction needs one.
        let ends = self.has_commit_actions().await?;
        if alone && self.phase == Phase::Idle && !checked && !ends {
            return self.write_unit(plan, steps, tag, parameters).await;
        }
        let alone_in_step = matches!(steps, [step] if step.program.touches.is_some());
        self.open_transaction(alone_in_step).await?;
        if self.catalog().await?.schema != plan.schema {
            return Ok(None);
        }
        if matches!(plan.compiled.action, Action::Write { changes_catalog: true, .. }) {
            self.has_defined = true;
        }
        let limits = self.limits();
        self.under_way.feeds.clear();
        let mut result = (RowBatch::default(), 0);
        for step in steps {
            let statement = self.statement_for(&step.program, parameters)?;
            let write = self.write.as_mut().ok_or_else(|| Error::internal("no transaction"))?;
            let Some(rows) = write.run_compiled(statement, &limits).await? else {
                return Ok(None);
            };
            let ran = rows.collect(COLLECTED_BYTES_MAX).await?;
            if let (Some(unwanted), Some(row)) = (&step.must_be_empty, ran.rows.iter().next()) {
                return Err(unwanted.about(row, &self.settings.compile().style));
            }
            self.taken.note(&ran.completion.taken);
            match step.role {
                StepRole::Nothing => {}
                StepRole::Result => result = (ran.rows, ran.completion.rows_affected),
                StepRole::Rows => result.0 = ran.rows,
                StepRole::Count => result.1 += ran.completion.rows_affected,
                StepRole::Feeds(feed) => {
                    self.under_way.feeds.insert(feed, feed::to_json(&ran.rows));
                }
            }
        }
        self.under_way.feeds.clear();
        Ok(Some(written(plan, tag, result.0, result.1)))
    }

    async fn write_unit(
        &mut self,
        plan: &Plan,
        steps: &[Step],
        tag: WriteTag,
        parameters: &[Value],
    ) -> Result<Option<Reply>, Error> {
        let statements = steps.iter().map(|step| self.statement_for(&step.program, parameters));
        let unit = Unit {
            dialect: Dialect::Postgres,
            atomicity: Atomicity::Unit,
            statements: statements.collect::<Result<_, _>>()?,
            schema: Some(plan.schema),
            key: None,
        };
        let limits = self.limits();
        let ran = match self.engine.write(self.database, unit, &limits).await?.outcome {
            UnitOutcome::SchemaChanged => return Ok(None),
            UnitOutcome::Ran(ran) => ran,
        };
        let mut result = (RowBatch::default(), 0);
        for (outcome, step) in ran.into_iter().zip(steps) {
            let outcome = outcome?;
            self.taken.note(&outcome.completion.taken);
            match step.role {
                StepRole::Nothing | StepRole::Feeds(_) => {}
                StepRole::Result => result = (outcome.rows, outcome.completion.rows_affected),
                StepRole::Rows => result.0 = outcome.rows,
                StepRole::Count => result.1 += outcome.completion.rows_affected,
            }
        }
        Ok(Some(written(plan, tag, result.0, result.1)))
    }

    /// Makes sure that a transaction is open and holds the write slot.
    pub(crate) async fn join_transaction(&mut self) -> Result<(), Error> {
        if self.phase == Phase::Idle {
            self.start(Phase::Implicit, TransactionModes::default());
        }
        self.take_write_slot(false).await
    }

    /// Makes sure that a transaction is open for a statement that writes. One that touches known
    /// rows goes without the write slot, where the isolation level lets others write meanwhile.
    async fn open_transaction(&mut self, known_rows: bool) -> Result<(), Error> {
        if self.phase == Phase::Idle {
            self.start(Phase::Implicit, TransactionModes::default());
        }
        if !known_rows || !self.modes.isolation.is_read_committed() {
            return self.take_write_slot(false).await;
        }
        if self.write.is_some() {
            return Ok(());
        }
        let limits = self.limits();
        self.begin_write(limits, true).await
    }

    pub(crate) async fn take_write_slot(&mut self, no_wait: bool) -> Result<(), Error> {
        let mut limits = self.limits();
        if no_wait {
            limits.lock_timeout = Some(std::time::Duration::ZERO);
        }
        if let Some(write) = &mut self.write {
            return Box::pin(write.make_exclusive(&limits)).await;
        }
        Box::pin(self.begin_write(limits, false)).await
    }

    async fn begin_write(&mut self, limits: Limits, private: bool) -> Result<(), Error> {
        let since = self.view.as_ref().map(View::position);
        let (database, dialect) = (self.database, Dialect::Postgres);
        let mut write =
            self.engine.begin(Begin { database, dialect, since, private, limits }).await?;
        self.view = None;
        for depth in 1..=self.savepoints.depth() {
            write.savepoint(depth).await?;
        }
        self.write = Some(write);
        Ok(())
    }

    /// A program with its parameters filled in.
    pub(crate) fn statement_for(
        &self,
        program: &Program,
        parameters: &[Value],
    ) -> Result<Statement, Error> {
        let values = program.arguments.iter().map(|argument| {
            Ok(match argument {
                Argument::Parameter(number) => given(parameters, *number)?.clone(),
                Argument::FrameOffset { parameter, rule } => {
                    frame::offset(*rule, given(parameters, *parameter)?)?
                }
                Argument::TransactionTime => self.now(),
                Argument::StatementTime => crate::datum::timestamptz_from_unix(self.statement_time),
                Argument::Setting(name) => Value::Text(self.show(name)?),
                Argument::Settings => Value::Text(self.all_settings()?),
                Argument::SettingsBefore => {
                    let before = self.under_way.settings_before.clone();
                    Value::Text(before.ok_or_else(|| {
                        Error::internal("nothing is shown as it was where nothing is set")
                    })?)
                }
                Argument::SearchPath => {
                    let compile = self.settings.compile();
                    let path = SearchPath::new(&compile.search_path, &compile.user).with_temporary(
                        compile.temporary_used.then_some(&compile.temporary_schema),
                    );
                    Value::Text(path.to_argument())
                }
                Argument::Relation(name) => self.relation_rows(name)?,
                Argument::Rows(feed) if *feed >= CALLED => {
                    let rows = self.under_way.called.get(feed).cloned();
                    Value::Text(rows.ok_or_else(|| {
                        Error::refused("a call of a function in PL/pgSQL here is not supported")
                    })?)
                }
                Argument::Rows(feed) => Value::Text(
                    self.under_way.feeds.get(feed).cloned().unwrap_or_else(|| "[]".to_owned()),
                ),
                Argument::TakenValue(sequence) => {
                    Value::Integer(self.taken.value(sequence.as_deref())?)
                }
                Argument::TakenValues => Value::Text(self.taken.all()),
                Argument::BackendPid => Value::Integer(i64::from(self.place.pid)),
                Argument::TransactionNumber => Value::Integer(self.transaction_number()),
            })
        });
        Ok(Statement {
            sql: Arc::clone(&program.sql),
            parameters: Parameters::Positional(values.collect::<Result<_, Error>>()?),
            touch: program.touches.as_deref().map(|touches| touch(touches, parameters)),
        })
    }

    /// Begins a transaction. Nothing is asked of the engine yet.
    pub(crate) fn start(&mut self, phase: Phase, modes: TransactionModes) {
        self.phase = phase;
        self.saved = Some(self.settings.save());
        self.transaction_time = Some(self.statement_time);
        self.modes = self.default_modes().with(modes);
    }

    pub(crate) fn default_modes(&self) -> Modes {
        Modes {
            isolation: self.settings.default_isolation(),
            read_only: self.settings.default_read_only(),
            deferrable: self.settings.flag("default_transaction_deferrable"),
        }
    }

    /// Commits what is open.
    pub(crate) async fn commit(&mut self) -> Result<(), Error> {
        if let Some(loss) = self.loss.take() {
            self.end(false).await;
            return Err(loss);
        }
        let limits = self.limits();
        if let Err(error) = self.run_commit_actions().await {
            self.end(false).await;
            return Err(error);
        }
        let listening = match self.locks.check() {
            Ok(()) => self.begin_listening().await,
            Err(lost) => Err(lost),
        };
        let result = match (listening, self.write.take()) {
            (Ok(()), Some(write)) => write.commit(&limits).await.map(drop),
            (listening, _) => listening,
        };
        self.end(result.is_ok()).await;
        result
    }

    /// Leaves the transaction: rolls back what is still open, and settles the settings.
    pub(crate) async fn end(&mut self, committed: bool) {
        if let Some(write) = self.write.take() {
            write.rollback().await;
        }
        self.loss = None;
        self.view = None;
        self.copy = None;
        self.end_listening(committed);
        self.epoch += 1;
        self.has_defined = false;
        self.locks.end_transaction().await;
        self.savepoints = transaction::Savepoints::default();
        match self.saved.take() {
            Some(saved) if !committed => self.settings.restore(&saved),
            _ => self.settings.end_local(),
        }
        self.phase = Phase::Idle;
        self.transaction_time = None;
        self.transaction_number.take();
        self.modes = self.default_modes();
        self.drop_portals(committed);
        self.report_changes();
    }

    /// A setting's value, or a fact of the session that has a setting's name.
    pub(crate) fn show(&self, name: &str) -> Result<String, Error> {
        let on = |flag: bool| if flag { "on" } else { "off" }.to_owned();
        Ok(match name.to_ascii_lowercase().as_str() {
            "transaction_isolation" => settings::isolation_name(self.modes.isolation).to_owned(),
            "transaction_deferrable" => on(self.modes.deferrable),
            "transaction_read_only" => {
                // Clients that look for a primary ask this outside a block.
                let standby = self.phase == Phase::Idle && !self.engine.is_leader();
                on(self.modes.read_only || standby)
            }
            "in_hot_standby" => on(!self.engine.is_leader()),
            "ssl" => on(self.offers_tls),
            _ => self.settings.show(name)?,
        })
    }

    /// What [`show`](Self::show) shows, of every setting: a JSON object, with names in lower case.
    pub(super) fn all_settings(&self) -> Result<String, Error> {
        let shown =
            self.settings.names().map(|name| Ok((name.to_lowercase(), self.show(name)?.into())));
        let all = shown.collect::<Result<serde_json::Map<_, _>, Error>>()?;
        Ok(serde_json::Value::Object(all).to_string())
    }

    pub(super) fn utility(&mut self, plan: &Plan) -> Result<Reply, Error> {
        match &plan.compiled.action {
            Action::Set { name, value, local } => self.set(name, value, *local),
            Action::Show { name } => self.show_row(plan, name),
            Action::Reset { name } => {
                match name {
                    Some(name) => self.settings.set(name, None, false)?,
                    None => self.settings.reset_all(),
                }
                self.adopt_defaults();
                Ok(complete("RESET"))
            }
            Action::Deallocate { name: None } => {
                self.statements.clear();
                Ok(complete("DEALLOCATE ALL"))
            }
            Action::Deallocate { name: Some(name) } => {
                self.statement(name)?;
                self.statements.remove(name);
                Ok(complete("DEALLOCATE"))
            }
            Action::Nothing { tag, notice } => {
                if let Some(notice) = notice {
                    self.notice(Severity::Notice, notice.clone());
                }
                Ok(complete(tag))
            }
            _ => Err(Error::internal("this statement runs elsewhere")),
        }
    }

    pub(crate) fn set(
        &mut self,
        name: &str,
        value: &SettingValue,
        local: bool,
    ) -> Result<Reply, Error> {
        let text = match value {
            SettingValue::Default => None,
            SettingValue::Text(text) => Some(text.as_str()),
        };
        if local && self.phase != Phase::Block {
            self.notice(Severity::Warning, transaction::only_in_block("SET LOCAL"));
            self.settings.clone().set(name, text, true)?;
        } else {
            self.change(name, text, local)?;
        }
        Ok(complete("SET"))
    }

    /// Gives a setting a value, or its default, for the transaction or for longer.
    pub(crate) fn change(
        &mut self,
        name: &str,
        text: Option<&str>,
        local: bool,
    ) -> Result<(), Error> {
        if let Some(notice) = text.and_then(|text| settings::truncation(name, text)) {
            self.notice(Severity::Notice, notice);
        }
        self.settings.set(name, text, local)?;
        self.adopt_defaults();
        Ok(())
    }

    /// Settings of what transactions begin with may have changed: where none is open, the next
    /// statement is one.
    pub(crate) fn adopt_defaults(&mut self) {
        if self.phase == Phase::Idle {
            self.modes = self.default_modes();
        }
    }

    /// SET and RESET of a setting that is the present transaction's: nothing is left of it after
    /// that, so a statement by itself only has its value checked.
    pub(crate) fn set_mode(
        &mut self,
        name: &str,
        value: &SettingValue,
        local: bool,
        alone: bool,
    ) -> Result<(), Error> {
        let text = match value {
            SettingValue::Default => None,
            SettingValue::Text(text) => Some(text.as_str()),
        };
        let modes = self.settings.transaction_mode(name, text)?;
        if local && self.phase != Phase::Block {
            self.notice(Severity::Warning, transaction::only_in_block("SET LOCAL"));
            return Ok(());
        }
        match self.phase {
            Phase::Idle if alone => Ok(()),
            Phase::Idle => {
                self.start(Phase::Implicit, modes);
                Ok(())
            }
            Phase::Implicit | Phase::Block | Phase::Failed => self.set_modes(modes),
        }
    }

    fn show_row(&mut self, plan: &Plan, name: &str) -> Result<Reply, Error> {
        let values = if name.eq_ignore_ascii_case("all") {
            let all = self.settings.all();
            all.into_iter()
                .flat_map(|(name, value)| {
                    let value = self.show(&name).unwrap_or(value);
                    [Value::Text(name), Value::Text(value), Value::Text(String::new())]
                })
                .collect()
        } else {
            vec![Value::Text(self.show(name)?)]
        };
        let width = plan.columns.len().max(1);
        if values.len() % width != 0 {
            return Err(Error::internal("SHOW has other columns than its plan"));
        }
        let rows = RowBatch { width, rows: values.len() / width, values };
        Ok(Reply::Rows(Rowset::memory(Arc::clone(&plan.columns), rows, RowsTag::Plain("SHOW"))))
    }
}

pub(crate) fn complete(tag: &str) -> Reply {
    Reply::Complete(tag.to_owned())
}

/// The reply of a write: its rows if it returns any, else its tag.
fn written(plan: &Plan, tag: WriteTag, rows: RowBatch, count: u64) -> Reply {
    if plan.compiled.returns_rows {
        // A SELECT counts what it gives, not what was changed on the way.
        let selects = matches!(tag, WriteTag::Select | WriteTag::Notifying);
        let count = if selects { rows.rows as u64 } else { count };
        let tag = RowsTag::Given(tag, count);
        return Reply::Rows(Rowset::memory(Arc::clone(&plan.columns), rows, tag));
    }
    Reply::Complete(write_tag(tag, count))
}

/// The client's value for `$number`.
fn given(parameters: &[Value], number: usize) -> Result<&Value, Error> {
    let missing = || {
        let message = format!("there is no parameter ${number}");
        Error::user(SqlState::UNDEFINED_PARAMETER, message)
    };
    number.checked_sub(1).and_then(|at| parameters.get(at)).ok_or_else(missing)
}
