//! Private runs: statements that write, beside the write connection, on the newest committed state,
//! and are rolled back at once. What they would have done is seen by whoever runs them, and nobody
//! else.
//!
//! Each run is a transaction of its own on a connection whose tap lets it believe that it has WAL's
//! write lock (`Tap::private`). Its pages stay in its cache: spilling is off, it never commits.
//!
//! Rolling back makes SQLite load the WAL's header anew, and if that has moved on, clear the part
//! of the wal-index behind it, where the real writer may have frames. So between a run's begin and
//! its end no commit may become visible: runs hold `Gate` shared, and whatever writes commit frames
//! holds it alone.

use std::hash::Hasher as _;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rusqlite::ffi;
use xxhash_rust::xxh3::Xxh3;

use crate::model::error::Error;
use crate::model::id::SchemaVersion;
use crate::model::statement::{Completion, Dialect, Statement, StatementResult};
use crate::model::value::{ResultColumn, RowBatch, Value};
use crate::sqlite::culprit::Failed;
use crate::sqlite::database::Shared;
use crate::sqlite::errors::{self, Failure, extended_code, statement_failure};
use crate::sqlite::link::{self, Link, own};
use crate::sqlite::run::{self, Stop};
use crate::sqlite::sequence::takes_values;
use crate::sqlite::vfs::Tap;
use crate::sqlite::writer::execute;
use crate::sqlite::{Control, RowSink, schema};

/// Keeps commits and private runs apart.
#[derive(Debug, Default)]
pub(crate) struct Gate(RwLock<()>);

impl Gate {
    fn run(&self) -> RwLockReadGuard<'_, ()> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// While a commit becomes visible.
    pub(crate) fn commit(&self) -> RwLockWriteGuard<'_, ()> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a client saw of a statement: its count and its rows, as a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome(u64);

impl Outcome {
    pub fn of(result: &StatementResult) -> Self {
        let mut hasher = Xxh3::new();
        result.rows.values.iter().for_each(|value| add(&mut hasher, value));
        Self::finish(hasher, &result.completion)
    }

    fn finish(mut hasher: Xxh3, completion: &Completion) -> Self {
        hasher.write_u64(completion.rows);
        hasher.write_u64(completion.rows_affected);
        Self(hasher.finish())
    }
}

fn add(hasher: &mut Xxh3, value: &Value) {
    let mut put = |tag: u8, content: &[u8]| {
        hasher.write_u8(tag);
        hasher.write_u64(content.len() as u64);
        hasher.update(content);
    };
    match value {
        Value::Null => put(0, &[]),
        Value::Integer(number) => put(1, &number.to_le_bytes()),
        Value::Real(number) => put(2, &number.to_bits().to_le_bytes()),
        Value::Text(text) => put(3, text.as_bytes()),
        Value::Blob(content) => put(4, content),
    }
}

/// Hashes the rows that pass.
struct Witness<'a> {
    sink: Option<&'a mut dyn RowSink>,
    hasher: Xxh3,
}

impl RowSink for Witness<'_> {
    fn columns(&mut self, columns: Vec<ResultColumn>) {
        if let Some(sink) = &mut self.sink {
            sink.columns(columns);
        }
    }

    fn push(&mut self, batch: RowBatch) -> Result<(), Error> {
        batch.values.iter().for_each(|value| add(&mut self.hasher, value));
        match &mut self.sink {
            Some(sink) => sink.push(batch),
            None => Ok(()),
        }
    }
}

/// What is run.
#[derive(Debug)]
pub struct Job<'a> {
    /// What the statements were compiled for.
    pub schema: SchemaVersion,
    /// Statements that went before, and what their client saw of them.
    pub earlier: &'a [(&'a Statement, Outcome)],
    pub statement: Option<&'a Statement>,
}

/// What came of it.
#[derive(Debug)]
pub enum Ran {
    Done(Completion, Outcome),
    /// There was no statement, and what went before came out as it did.
    Same,
    /// An earlier statement came out differently.
    Differs,
    /// It can't be run this way: another schema, a check that found no budget left, a private
    /// connection that can't be had.
    Elsewhere,
}

/// A database's connections for private runs.
#[derive(Debug)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
    tap: Arc<Tap>,
    /// Runs are synchronous: there are as many as threads that run some.
    idle: Mutex<Option<Vec<Link>>>,
}

impl Pool {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, tap: Tap::private(), idle: Mutex::new(Some(Vec::new())) }
    }

    /// A connection; `None` if the pool is closed or none can be opened.
    fn take(&self) -> Option<Link> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = idle.as_mut()?;
        match idle.pop() {
            Some(link) => Some(link),
            None => link::open_private(&self.shared.place, &self.tap, &self.shared.options).ok(),
        }
    }

    fn give_back(&self, link: Link) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(idle) = idle.as_mut() {
            idle.push(link);
        }
    }

    pub(crate) fn close(&self) {
        // Runs in progress end first: no connection may be left.
        let _alone = self.shared.gate.commit();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether running a text can't change anything. `None` if it can't be run here: it can't be
    /// prepared, or asks for the system catalogs.
    pub(crate) fn reads_only(&self, sql: &str) -> Option<bool> {
        if run::reads_system_tables(sql) || takes_values(sql) {
            return None;
        }
        let _running = self.shared.gate.run();
        let link = self.take()?;
        link.guard.lower(Dialect::Postgres);
        let prepared = link.connection.prepare_cached(&run::not_own(sql));
        let answer = prepared.as_ref().ok().map(|prepared| run::reads_only(prepared));
        drop(prepared);
        link.guard.lift();
        link.guard.take_denial();
        self.give_back(link);
        answer
    }

    pub(crate) fn run(
        &self,
        job: &Job<'_>,
        control: &Control,
        sink: &mut dyn RowSink,
    ) -> Result<Ran, Error> {
        let _running = self.shared.gate.run();
        let Some(mut link) = self.take() else { return Ok(Ran::Elsewhere) };
        link.guard.lift();
        let ran = self.run_open(&mut link, job, control, sink);
        link.guard.lift();
        // What is notified counts when it runs on the write connection.
        link.outbox.clear();
        let ended = link.connection.is_autocommit()
            || execute(&link.connection, own!("ROLLBACK")).is_ok()
            || link.connection.is_autocommit();
        if ended {
            self.give_back(link);
        }
        ran
    }

    fn run_open(
        &self,
        link: &mut Link,
        job: &Job<'_>,
        control: &Control,
        sink: &mut dyn RowSink,
    ) -> Result<Ran, Error> {
        let begun = execute(&link.connection, own!("BEGIN"))
            .and_then(|()| schema::version(&link.connection));
        // Whatever stands in the way of reading is met, and told, on the way everybody else goes.
        if begun.ok() != Some(job.schema) {
            return Ok(Ran::Elsewhere);
        }
        Tap::pretend(|| {
            for (statement, outcome) in job.earlier {
                match self.step(link, statement, control, None)? {
                    None => return Ok(Ran::Elsewhere),
                    Some((_, now)) if now != *outcome => return Ok(Ran::Differs),
                    Some(_) => {}
                }
            }
            let Some(statement) = job.statement else { return Ok(Ran::Same) };
            Ok(match self.step(link, statement, control, Some(sink))? {
                Some((completion, outcome)) => Ran::Done(completion, outcome),
                None => Ran::Elsewhere,
            })
        })
    }

    /// Runs one statement. `None` if it ran out of budget or of locks.
    fn step(
        &self,
        link: &mut Link,
        statement: &Statement,
        control: &Control,
        sink: Option<&mut dyn RowSink>,
    ) -> Result<Option<(Completion, Outcome)>, Error> {
        let mut witness = Witness { sink, hasher: Xxh3::new() };
        let Ok(watched) = link.changed.watch(&mut link.connection, &statement.sql) else {
            return Ok(None);
        };
        errors::forget_function_error();
        link.guard.lower(Dialect::Postgres);
        link.watch.arm(control);
        let result = run::run(link, Dialect::Postgres, statement, &mut witness);
        let stopped = link.watch.disarm();
        link.guard.lift();
        if watched && link.changed.unwatch(&mut link.connection).is_err() {
            return Ok(None);
        }
        let link = &*link;
        let denied = link.guard.take_denial();
        let error = match result {
            Ok(completion) => {
                let outcome = Outcome::finish(witness.hasher, &completion);
                return Ok(Some((completion, outcome)));
            }
            Err(Stop::Error(error)) => return Err(error),
            Err(Stop::Sqlite(error)) => error,
        };
        let out_of_budget = || {
            let left = control.checks_left.as_ref();
            left.is_some_and(|left| left.load(std::sync::atomic::Ordering::Relaxed) == 0)
        };
        match (extended_code(&error).map(|code| code & 0xff), stopped, denied) {
            (Some(ffi::SQLITE_INTERRUPT), Some(_), _) if out_of_budget() => return Ok(None),
            (Some(ffi::SQLITE_INTERRUPT), Some(stopped), _) => return Err(stopped),
            (Some(ffi::SQLITE_AUTH | ffi::SQLITE_ERROR), _, Some(denied)) => return Err(denied),
            // The WAL was begun anew in between.
            (Some(ffi::SQLITE_BUSY), ..) => return Ok(None),
            _ => {}
        }
        let explain = |extended, text: &str| {
            let contents = schema::version(&link.connection)
                .ok()
                .and_then(|version| self.shared.contents(&link.connection, version).ok());
            match contents {
                Some(contents) => {
                    Failed { link, contents: &contents, statement, control }.explain(extended, text)
                }
                None => errors::unexplained(extended, text),
            }
        };
        match statement_failure(&error, Dialect::Postgres, explain) {
            Failure::Error(_) if out_of_budget() => Ok(None),
            Failure::Error(error) => Err(error),
            Failure::Fault(_) => Ok(None),
        }
    }
}
