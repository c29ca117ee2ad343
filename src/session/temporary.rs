//! Temporary objects: ordinary ones in a schema that only this session uses, dropped when it ends
//! (`docs/decisions/0014-temporary-tables.md`).

use std::time::Duration;

use crate::engine::Limits;
use crate::model::error::Error;
use crate::model::statement::{Atomicity, Dialect, Unit};
use crate::platform::clock;
use crate::session::Session;
use crate::session::transaction::Phase;
use crate::sql::{self, Action, Compiled, Step};

/// How long the end of a session waits for its temporary objects to be dropped. Where that isn't enough,
/// the next session in its place drops them.
const END_TIME: Duration = Duration::from_secs(5);
/// Bytes of rows that a step may return: none do.
const RESULT_BYTES_MAX: usize = 1 << 10;

fn steps(compiled: Option<Compiled>) -> Vec<Step> {
    match compiled.map(|compiled| compiled.action) {
        Some(Action::Write { steps, .. }) => steps,
        _ => Vec::new(),
    }
}

impl Session {
    /// Before the first temporary object is made: what a session before left behind goes.
    pub(crate) async fn begin_temporary(&mut self) -> Result<(), Error> {
        self.run_drop().await?;
        self.settings.use_temporary(true);
        Ok(())
    }

    /// Drops the session's temporary objects.
    pub(crate) async fn drop_temporary(&mut self) -> Result<(), Error> {
        if !self.settings.compile().temporary_used {
            return Ok(());
        }
        self.run_drop().await?;
        self.settings.use_temporary(false);
        Ok(())
    }

    async fn run_drop(&mut self) -> Result<(), Error> {
        let catalog = self.catalog().await?;
        let steps = steps(sql::drop_temporary(&catalog, self.settings.compile())?);
        if steps.is_empty() {
            return Ok(());
        }
        let alone = self.phase == Phase::Idle;
        self.join_transaction().await?;
        // Again, by the catalog of the transaction.
        let catalog = self.catalog().await?;
        let compiled = sql::drop_temporary(&catalog, self.settings.compile())?;
        self.run_steps(self::steps(compiled)).await?;
        if alone { self.commit().await } else { Ok(()) }
    }

    async fn run_steps(&mut self, steps: Vec<Step>) -> Result<(), Error> {
        let limits = self.limits();
        for step in steps {
            let statement = self.statement_for(&step.program, &[])?;
            let write = self.write.as_mut().ok_or_else(|| Error::internal("no transaction"))?;
            write.run(statement, &limits).await?.collect(RESULT_BYTES_MAX).await?;
        }
        Ok(())
    }

    /// Whether a temporary table of the session says what is done at COMMIT.
    pub(crate) async fn has_commit_actions(&mut self) -> Result<bool, Error> {
        if !self.settings.compile().temporary_used {
            return Ok(false);
        }
        let catalog = Box::pin(self.catalog()).await?;
        let schema = &self.settings.compile().temporary_schema;
        let mut own = catalog.tables.values().filter(|table| table.schema == *schema);
        Ok(own.any(|table| table.on_commit.is_some()))
    }

    /// ON COMMIT DROP and DELETE ROWS, as the last of a transaction's work.
    pub(crate) async fn run_commit_actions(&mut self) -> Result<(), Error> {
        if self.write.is_none() || !self.has_commit_actions().await? {
            return Ok(());
        }
        let catalog = self.catalog().await?;
        let compiled = sql::commit_temporary(&catalog, self.settings.compile())?;
        Box::pin(self.run_steps(steps(compiled))).await
    }

    /// The session ends. If the drop fails, the next session in its place does it.
    pub(crate) async fn end_temporary(&mut self) {
        if !self.settings.compile().temporary_used {
            return;
        }
        let limits = Limits {
            deadline: Some(clock::now().plus(END_TIME)),
            lock_timeout: None,
            ..self.limits()
        };
        for _ in 0..2 {
            let Ok(catalog) = self.engine.catalog(self.database).await else { return };
            let Ok(compiled) = sql::drop_temporary(&catalog, self.settings.compile()) else {
                return;
            };
            let statements: Result<Vec<_>, Error> =
                steps(compiled).iter().map(|step| self.statement_for(&step.program, &[])).collect();
            let Ok(statements) = statements else { return };
            if statements.is_empty() {
                return;
            }
            let unit = Unit {
                dialect: Dialect::Postgres,
                atomicity: Atomicity::Unit,
                statements,
                schema: Some(catalog.schema),
                key: None,
            };
            match self.engine.write(self.database, unit, &limits).await {
                // The schema was another one already: once more.
                Ok(written)
                    if written.outcome == crate::model::statement::UnitOutcome::SchemaChanged =>
                {
                    if self.engine.sync(&limits, END_TIME).await.is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    }
}
