//! Runs compiled PostgreSQL statements on a real SQLite connection: what the compiler writes must be
//! valid, and give what PostgreSQL gives.
//!
//! Scripts in `testscripts/`: each `> SQL` line is compiled against the connection's own catalog and
//! run in a transaction of its own. The output shows rows in PostgreSQL's text form, or the error with
//! its SQLSTATE and position. A script that starts a line with `> explain ` shows the SQLite text, the
//! parameters and the columns instead of running it.

use std::error::Error as StdError;
use std::fmt::Write as _;

use bytes::BytesMut;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::catalog::Contents;
use crate::datum::{self, Style};
use crate::model::catalog::Catalog;
use crate::model::error::Error;
use crate::model::id::SchemaVersion;
use crate::model::pg_type::builtin;
use crate::model::statement::{Dialect, UNCHECKED};
use crate::model::value::Value;
use crate::sql::{
    self, Action, Argument, CompileSettings, Compiled, OutputColumn, Program, StepRole,
};
use crate::sqlite::constraint::Broken;
use crate::sqlite::errors::{self, Failure};
use crate::sqlite::link::set_unchecked;
use crate::sqlite::schema;

struct Runner {
    connection: Connection,
    sequences: std::sync::Arc<crate::sqlite::sequence::Sequences>,
}

impl Runner {
    fn new() -> Self {
        let connection = Connection::open_in_memory().unwrap();
        let sequences: std::sync::Arc<crate::sqlite::sequence::Sequences> =
            std::sync::Arc::default();
        super::register(
            &connection,
            &std::sync::Arc::default(),
            &std::sync::Arc::default(),
            &sequences,
        )
        .unwrap();
        connection.execute_batch(include_str!("../system_schema.sql")).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
        connection
            .set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DQS_DML, false)
            .unwrap();
        connection
            .set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)
            .unwrap();
        Self { connection, sequences }
    }

    fn catalog(&self) -> Catalog {
        schema::load(&self.connection, SchemaVersion(1)).unwrap()
    }

    fn compile(&self, text: &str) -> Result<Vec<Compiled>, Error> {
        let settings = CompileSettings::new("tester", "postgres");
        sql::parse(text)?
            .iter()
            .map(|parsed| sql::compile(parsed, &self.catalog(), &settings, &[]))
            .collect()
    }

    fn run_one(&self, compiled: &Compiled, out: &mut String) -> Result<(), Error> {
        self.sequences.reload();
        self.sequences.load(&self.connection).unwrap();
        let ran = self.run_action(compiled, out);
        self.sequences.write(&self.connection).unwrap();
        ran
    }

    fn run_action(&self, compiled: &Compiled, out: &mut String) -> Result<(), Error> {
        match &compiled.action {
            Action::Query { program, .. } => {
                self.run_program(program, Some(&compiled.columns), out)?;
            }
            Action::Write { steps, tag, .. } => {
                self.connection.execute_batch("SAVEPOINT statement").unwrap();
                for step in steps {
                    let given = matches!(step.role, StepRole::Result | StepRole::Rows);
                    let columns = given.then_some(compiled.columns.as_slice());
                    let ran = self.run_program(&step.program, columns, out);
                    let rows = match ran {
                        Ok(rows) => rows,
                        Err(error) => {
                            self.connection
                                .execute_batch("ROLLBACK TO statement; RELEASE statement")
                                .unwrap();
                            return Err(error);
                        }
                    };
                    if rows > 0
                        && let Some(unwanted) = &step.must_be_empty
                    {
                        self.connection
                            .execute_batch("ROLLBACK TO statement; RELEASE statement")
                            .unwrap();
                        return Err(unwanted.error.clone());
                    }
                    if matches!(step.role, StepRole::Result | StepRole::Count) {
                        let _ = writeln!(out, "{tag:?} {}", self.connection.changes());
                    }
                }
                self.connection.execute_batch("RELEASE statement").unwrap();
            }
            other => {
                let _ = writeln!(out, "{other:?}");
            }
        }
        Ok(())
    }

    fn run_program(
        &self,
        program: &Program,
        columns: Option<&[OutputColumn]>,
        out: &mut String,
    ) -> Result<usize, Error> {
        let wrong = |error: rusqlite::Error| {
            let explain = |extended, text: &str| {
                let contents = Contents::new(std::sync::Arc::new(self.catalog()), None);
                Broken { extended, text, contents: Some(&contents), row: None }.error()
            };
            match errors::statement_failure(&error, Dialect::Postgres, explain) {
                Failure::Error(error) => error,
                Failure::Fault(fault) => {
                    Error::internal(format!("{} in {}", fault.message, program.sql))
                }
            }
        };
        let unchecked = program.sql.starts_with(UNCHECKED);
        set_unchecked(&self.connection, unchecked).unwrap();
        let count = self.run_statement(program, columns, out, wrong);
        set_unchecked(&self.connection, false).unwrap();
        if program.sql.contains("\"sqlite_schema\"") {
            // The writer shows SQLite a changed definition in the same way.
            let version = schema::version(&self.connection).unwrap();
            set_unchecked(&self.connection, true).unwrap();
            self.connection.pragma_update(None, "schema_version", version.0 + 1).unwrap();
            self.connection.execute_batch("SELECT 1 FROM sqlite_schema LIMIT 1").unwrap();
            set_unchecked(&self.connection, false).unwrap();
        }
        count
    }

    fn run_statement(
        &self,
        program: &Program,
        columns: Option<&[OutputColumn]>,
        out: &mut String,
        wrong: impl Fn(rusqlite::Error) -> Error,
    ) -> Result<usize, Error> {
        let mut statement = self.connection.prepare(&program.sql).map_err(|error| {
            Error::internal(format!("{} in {}", errors::message(&error), program.sql))
        })?;
        for (at, argument) in program.arguments.iter().enumerate() {
            let value = match argument {
                Argument::TransactionTime | Argument::StatementTime => {
                    "2026-01-02 03:04:05.678+00:00".to_owned()
                }
                Argument::Setting(name) => name.clone(),
                Argument::Settings | Argument::SettingsBefore | Argument::TakenValues => {
                    "{}".to_owned()
                }
                // No step feeds another here.
                Argument::Relation(_) | Argument::SearchPath | Argument::Rows(_) => "[]".to_owned(),
                Argument::BackendPid | Argument::TransactionNumber | Argument::TakenValue(_) => {
                    statement.raw_bind_parameter(at + 1, 42).unwrap();
                    continue;
                }
                // Parameters have no values here: NULL.
                Argument::Parameter(_) | Argument::FrameOffset { .. } => continue,
            };
            statement.raw_bind_parameter(at + 1, value).unwrap();
        }
        let mut rows = statement.raw_query();
        let mut count = 0;
        while let Some(row) = rows.next().map_err(&wrong)? {
            count += 1;
            let Some(columns) = columns else { continue };
            let texts: Vec<String> = columns
                .iter()
                .enumerate()
                .map(|(at, column)| shown(row.get_ref(at).unwrap(), column))
                .collect();
            let _ = writeln!(out, "{}", texts.join("|"));
        }
        Ok(count)
    }

    fn explain(compiled: &Compiled) -> String {
        let mut out = String::new();
        let types = |oid| builtin(oid).map_or("?", |known| known.name);
        let parameters: Vec<&str> =
            compiled.parameters.iter().map(|data_type| types(data_type.oid)).collect();
        if !parameters.is_empty() {
            let _ = writeln!(out, "parameters: {}", parameters.join(", "));
        }
        let columns: Vec<String> = compiled
            .columns
            .iter()
            .map(|column| format!("{} {}", column.name, types(column.data_type.oid)))
            .collect();
        if compiled.returns_rows {
            let _ = writeln!(out, "columns: {}", columns.join(", "));
        }
        match &compiled.action {
            Action::Query { program, .. } => {
                let _ = writeln!(out, "{} {:?}", program.sql, program.arguments);
            }
            Action::Write { steps, .. } => {
                for step in steps {
                    let _ = writeln!(out, "{} {:?}", step.program.sql, step.program.arguments);
                }
            }
            other => {
                let _ = writeln!(out, "{other:?}");
            }
        }
        out
    }
}

fn shown(value: ValueRef<'_>, column: &OutputColumn) -> String {
    let value = match value {
        ValueRef::Null => return "NULL".to_owned(),
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(bytes) => Value::Text(String::from_utf8(bytes.to_vec()).unwrap()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    };
    let mut text = BytesMut::new();
    match datum::to_text(column.data_type, &value, &Style::default(), &mut text) {
        Ok(()) => String::from_utf8(text.to_vec()).unwrap(),
        Err(error) => format!("!{error} {value:?}"),
    }
}

fn failure(error: &Error) -> String {
    let fields = error.fields();
    let mut out = format!("ERROR {} {}", fields.state.as_str(), fields.message);
    if let Some(position) = fields.position {
        let _ = write!(out, " @{position}");
    }
    if let Some(detail) = &fields.detail {
        let _ = write!(out, "\nDETAIL {detail}");
    }
    out.push('\n');
    out
}

impl goldenscript::Runner for Runner {
    fn run(&mut self, command: &goldenscript::Command) -> Result<String, Box<dyn StdError>> {
        let text = command.name.trim();
        let (text, explain) = match text.strip_prefix("explain ") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let compiled = match self.compile(text) {
            Ok(compiled) => compiled,
            Err(error) => return Ok(failure(&error)),
        };
        let mut out = String::new();
        for compiled in &compiled {
            for notice in &compiled.notices {
                let _ = writeln!(out, "NOTICE {}", notice.message());
                if let Some(detail) = &notice.fields().detail {
                    let _ = writeln!(out, "DETAIL {detail}");
                }
            }
            if explain {
                out.push_str(&Self::explain(compiled));
            } else if let Err(error) = self.run_one(compiled, &mut out) {
                out.push_str(&failure(&error));
            }
        }
        Ok(out)
    }
}

#[test]
fn scripts_give_what_they_say() {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sqlite/function/testscripts");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        goldenscript::run(&mut Runner::new(), &path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
