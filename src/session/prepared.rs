//! PREPARE and EXECUTE as statements, DISCARD, SET CONSTRAINTS.

use std::sync::Arc;

use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::statement::{Parameters, Statement};
use crate::model::value::Value;
use crate::session::portal::{Reply, RowsTag};
use crate::session::run::complete;
use crate::session::statement::{Named, Plan, Prepared};
use crate::session::transaction::{self, Phase};
use crate::session::{NAMED_OBJECTS_MAX, Session, Severity};
use crate::sql::{self, Action, DEFER_FOREIGN_KEYS, Discard, Parsed, SetConstraints};

/// Bytes of a check's one row.
const CHECK_BYTES_MAX: usize = 64 << 10;

impl Session {
    /// A prepared statement of this name, from PREPARE or Parse, may be kept.
    ///
    /// # Errors
    /// 42P05 for a name that is taken, 54000 if there are too many.
    pub(crate) fn check_new_statement(&self, name: &str) -> Result<(), Error> {
        if self.statements.contains_key(name) {
            return Err(Error::user(
                SqlState::DUPLICATE_PREPARED_STATEMENT,
                format!("prepared statement \"{name}\" already exists"),
            ));
        }
        if self.statements.len() >= NAMED_OBJECTS_MAX {
            return Err(Error::limit(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!("a session can have {NAMED_OBJECTS_MAX} prepared statements at the most"),
            ));
        }
        Ok(())
    }

    /// PREPARE.
    pub(crate) async fn keep_prepared(
        &mut self,
        name: &str,
        statement: &Parsed,
        types: &[Oid],
        text: &str,
    ) -> Result<Reply, Error> {
        self.check_new_statement(name)?;
        let prepared = Arc::new(Prepared::new(Some(statement.clone()), types.to_vec()));
        self.plan(&prepared, false).await?;
        self.statements.insert(name.to_owned(), Named::new(prepared, text, true));
        Ok(complete("PREPARE"))
    }

    /// EXECUTE.
    pub(crate) async fn execute_prepared(
        &mut self,
        execute: &Parsed,
        name: &str,
        alone: bool,
    ) -> Result<Reply, Error> {
        let prepared = self.used_statement(name)?;
        let parameters = self.execute_arguments(execute, &prepared, alone).await?;
        Box::pin(self.attempt(&prepared, &parameters, alone)).await
    }

    /// The values of EXECUTE's arguments, as the prepared statement's parameters.
    pub(crate) async fn execute_arguments(
        &mut self,
        execute: &Parsed,
        prepared: &Prepared,
        alone: bool,
    ) -> Result<Vec<Value>, Error> {
        let types: Arc<[PgType]> = Arc::clone(&self.plan(prepared, false).await?.parameters);
        let catalog = self.catalog().await?;
        let settings = Arc::clone(self.settings.compile());
        let Some(program) = sql::execute_arguments(execute, &catalog, &settings, &types)? else {
            return Ok(Vec::new());
        };
        let compiled = sql::Compiled {
            parameters: Vec::new(),
            parameter_forms: Vec::new(),
            columns: Vec::new(),
            returns_rows: true,
            action: Action::Query { program: program.clone(), locking: None, constant: true },
            calls: Vec::new(),
            notices: Vec::new(),
        };
        let plan = Plan::new(compiled, catalog.schema, settings);
        let mut rows = self
            .query(&plan, &program, None, &[], RowsTag::Select, alone)
            .await?
            .ok_or_else(|| Error::serialization("the schema changed during EXECUTE"))?;
        let mut values = Vec::new();
        while let Some(batch) = self.fetch(&mut rows).await? {
            values.extend(batch.values);
        }
        Ok(values)
    }

    /// DISCARD.
    pub(crate) async fn discard(&mut self, what: Discard) -> Result<Reply, Error> {
        match what {
            Discard::All => {
                if self.phase != Phase::Idle {
                    return Err(transaction::not_in_block("DISCARD ALL"));
                }
                self.portals.clear();
                self.statements.clear();
                self.ears.close();
                self.locks.unlock_all().await?;
                self.drop_temporary().await?;
                self.settings.reset_all();
                self.taken.forget();
                self.adopt_defaults();
                Ok(complete("DISCARD ALL"))
            }
            Discard::Plans => {
                for named in self.statements.values() {
                    named.prepared.forget_plan();
                }
                Ok(complete("DISCARD PLANS"))
            }
            Discard::Sequences => {
                self.taken.forget();
                Ok(complete("DISCARD SEQUENCES"))
            }
            Discard::Temporary => {
                self.drop_temporary().await?;
                Ok(complete("DISCARD TEMP"))
            }
        }
    }

    /// SET CONSTRAINTS. IMMEDIATE looks at once for references that lead nowhere.
    pub(crate) async fn set_constraints(&mut self, what: &SetConstraints) -> Result<Reply, Error> {
        if self.phase != Phase::Block {
            let warning = transaction::only_in_block("SET CONSTRAINTS");
            self.notice(Severity::Warning, warning);
            return Ok(complete("SET CONSTRAINTS"));
        }
        // What nobody has written breaks nothing.
        if what.deferred && what.changes_default || self.write.is_some() {
            self.take_write_slot(false).await?;
        }
        let limits = self.limits();
        let Some(write) = &mut self.write else { return Ok(complete("SET CONSTRAINTS")) };
        for check in &what.checks {
            let statement = Statement {
                sql: Arc::clone(&check.program.sql),
                parameters: Parameters::default(),
                touch: None,
            };
            let found = write.run(statement, &limits).await?.collect(CHECK_BYTES_MAX).await?;
            if let (Some(unwanted), Some(row)) = (&check.must_be_empty, found.rows.iter().next()) {
                return Err(unwanted.about(row, &self.settings.compile().style));
            }
        }
        if what.changes_default {
            let statement = Statement {
                sql: format!("PRAGMA {DEFER_FOREIGN_KEYS} = {}", i32::from(what.deferred)).into(),
                parameters: Parameters::default(),
                touch: None,
            };
            write.run(statement, &limits).await?.collect(CHECK_BYTES_MAX).await?;
        }
        Ok(complete("SET CONSTRAINTS"))
    }
}
