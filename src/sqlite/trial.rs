//! A database in memory that what the compiler writes is tried on, for `fuzz`: whether SQLite can read it.
//! Not in the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use rusqlite::Connection;

use crate::model::catalog::Catalog;
use crate::model::error::{Class, Error};
use crate::model::id::SchemaVersion;
use crate::model::statement::{Dialect, UNCHECKED};
use crate::sqlite::errors::{self, Failure};
use crate::sqlite::link::{Link, set_unchecked, staged};
use crate::sqlite::{Options, schema};

/// A statement that runs ends after so many thousand instructions of SQLite: only what it is matters.
const THOUSANDS_MAX: i32 = 50;

const OPTIONS: Options = Options {
    foreign_keys: true,
    transaction_bytes_max: 1 << 20,
    cache_bytes: 1 << 20,
    readers_max: 1,
    deparse: None,
    value_bytes_max: 1 << 20,
    extensions: Vec::new(),
    capturing: None,
};

/// The database.
#[derive(Debug)]
pub(crate) struct Trial {
    link: Link,
    /// Thousands of instructions that the running statement has left.
    left: Arc<AtomicI32>,
}

impl Trial {
    /// With the system's tables and functions, and nothing else.
    pub(crate) fn new() -> Self {
        let left = Arc::<AtomicI32>::default();
        let link = open(&left).expect("a database in memory needs nothing that could be missing");
        Self { link, left }
    }

    pub(crate) fn catalog(&self) -> Catalog {
        self.left.store(i32::MAX, Ordering::Relaxed);
        schema::load(&self.link.connection, SchemaVersion(1)).expect("its tables are the system's")
    }

    /// Has SQLite read a statement of the compiler.
    ///
    /// # Errors
    /// What SQLite finds wrong with it, but for limits of its size, which a client is told of.
    pub(crate) fn prepare(&self, sql: &str) -> Result<(), Error> {
        let _ = set_unchecked(&self.link.connection, sql.starts_with(UNCHECKED));
        let prepared = self.link.connection.prepare(sql).map(drop);
        let _ = set_unchecked(&self.link.connection, false);
        prepared.map_or_else(wrong, Ok)
    }

    /// Prepares a statement and runs it, with some value for each parameter. `false`: it failed, as
    /// statements may.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    pub(crate) fn run(&self, sql: &str) -> Result<bool, Error> {
        self.prepare(sql)?;
        let is_unchecked = sql.starts_with(UNCHECKED);
        let _ = set_unchecked(&self.link.connection, is_unchecked);
        let ran = self.step_through(sql).is_ok();
        if ran && is_unchecked {
            self.reread();
        }
        let _ = set_unchecked(&self.link.connection, false);
        Ok(ran)
    }

    /// A definition may have been exchanged: SQLite reads them anew, as after the writer has given the
    /// schema its next version.
    fn reread(&self) {
        let version = "schema_version";
        let connection = &self.link.connection;
        let known = connection.pragma_query_value(None, version, |row| row.get::<_, i64>(0));
        let raised = known.and_then(|known| connection.pragma_update(None, version, known + 1));
        raised.expect("a database in memory has a version that can be set");
    }

    fn step_through(&self, sql: &str) -> rusqlite::Result<()> {
        self.left.store(THOUSANDS_MAX, Ordering::Relaxed);
        let mut statement = self.link.connection.prepare(sql)?;
        for at in 1..=statement.parameter_count() {
            statement.raw_bind_parameter(at, "[]")?;
        }
        let mut rows = statement.raw_query();
        while rows.next()?.is_some() {}
        Ok(())
    }

    /// What `attempt` does is taken back.
    pub(crate) fn undone<T>(&self, attempt: impl FnOnce() -> T) -> T {
        let _ = self.link.connection.execute_batch("SAVEPOINT trial");
        let result = attempt();
        let undone = self.link.connection.execute_batch("ROLLBACK TO trial; RELEASE trial");
        undone.expect("the savepoint is there, and statements end before it does");
        result
    }
}

fn open(left: &Arc<AtomicI32>) -> rusqlite::Result<Link> {
    let mut link = staged(Connection::open_in_memory()?, &OPTIONS)?;
    left.store(i32::MAX, Ordering::Relaxed);
    let counted = Arc::clone(left);
    let stop = move || counted.fetch_sub(1, Ordering::Relaxed) <= 0;
    link.connection.progress_handler(1000, Some(stop))?;
    link.connection.execute_batch(include_str!("system_schema.sql"))?;
    link.set_lax_quotes(Dialect::Postgres)?;
    Ok(link)
}

fn wrong(error: rusqlite::Error) -> Result<(), Error> {
    match errors::statement_failure(&error, Dialect::Postgres, errors::unexplained) {
        Failure::Error(error) if error.class() == Class::Limit => Ok(()),
        Failure::Error(error) => Err(error),
        Failure::Fault(fault) => Err(Error::internal(fault.message)),
    }
}
