//! The pool of read-only connections, and what they run.
//!
//! What a connection has read stays in its cache until somebody commits. The first few connections have
//! large caches, and are handed out before the others.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::{Batch, Connection, Statement as Prepared, StatementStatus, TransactionState, ffi};

use crate::model::catalog::Catalog;
use crate::model::error::{Class, Error, SqlState};
use crate::model::id::{SchemaVersion, TransactionId};
use crate::model::statement::{Completion, Dialect, Statement};
use crate::sqlite::database::Shared;
use crate::sqlite::errors::{self, Failure, extended_code, statement_failure};
use crate::sqlite::link::{self, Link, own};
use crate::sqlite::run::{self, Stop};
use crate::sqlite::vfs::PAGE_BYTES;
use crate::sqlite::writer::execute;
use crate::sqlite::{Control, RowSink, apply, schema};

/// Readers with a large cache: about as many as read at once while all reads are short.
const LARGE_MAX: usize = 2;

/// A database's idle readers.
#[derive(Debug)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Those with a large cache at the end.
    idle: VecDeque<Link>,
    /// Readers that were handed out or are idle.
    count: usize,
    /// Those of them that have a large cache.
    large: usize,
    /// Who waits for a reader. Waking nobody is a system call all the same.
    waiting: usize,
    closed: bool,
}

impl Pool {
    pub(crate) fn new(shared: Arc<Shared>) -> Arc<Self> {
        Arc::new(Self { shared, state: Mutex::default(), returned: Condvar::new() })
    }

    pub(crate) fn take(self: &Arc<Self>, wait: Duration) -> Result<Reader, Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let may_go_on = |state: &State| {
            state.closed || !state.idle.is_empty() || state.count < self.shared.options.readers_max
        };
        if !may_go_on(&state) {
            state.waiting += 1;
            let waited = self.returned.wait_timeout_while(state, wait, |state| !may_go_on(state));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.waiting -= 1;
        }
        if state.closed {
            return Err(Error::retry(SqlState::DATABASE_DROPPED, "the database is closed"));
        }
        if let Some(link) = state.idle.pop_back() {
            return Ok(self.reader(link));
        }
        if state.count >= self.shared.options.readers_max {
            return Err(Error::limit(
                SqlState::TOO_MANY_CONNECTIONS,
                "too many statements are reading at this time",
            ));
        }
        let large = state.large < LARGE_MAX;
        state.count(large);
        drop(state);
        match link::open_reader(&self.shared.place, &self.shared.options, large) {
            Ok(link) => Ok(self.reader(link)),
            Err(error) => {
                self.state.lock().unwrap_or_else(PoisonError::into_inner).forget(large);
                self.returned.notify_one();
                Err(Error::internal(format!(
                    "the database can't be opened for reading: {}",
                    errors::message(&error)
                )))
            }
        }
    }

    fn reader(self: &Arc<Self>, link: Link) -> Reader {
        Reader { link: Some(link), view: None, pool: Arc::clone(self), broken: false }
    }

    fn give_back(&self, link: Link, broken: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let closed = if broken || state.closed {
            state.forget(link.large_cache);
            Some(link)
        } else {
            if link.large_cache {
                state.idle.push_back(link);
            } else {
                // Behind others of its kind, in front of those that are better.
                let at = state.idle.iter().position(|other| other.large_cache);
                let at = at.unwrap_or(state.idle.len());
                state.idle.insert(at, link);
            }
            None
        };
        if state.waiting > 0 {
            self.returned.notify_one();
        }
        drop(state);
        drop(closed);
    }

    /// Closes the idle readers, and the others when they come back.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.closed = true;
        let idle = std::mem::take(&mut state.idle);
        for link in &idle {
            state.forget(link.large_cache);
        }
        self.returned.notify_all();
    }
}

impl State {
    fn count(&mut self, large: bool) {
        self.count += 1;
        self.large += usize::from(large);
    }

    fn forget(&mut self, large: bool) {
        self.count -= 1;
        self.large -= usize::from(large);
    }
}

/// A read-only connection. Goes back to the pool when dropped.
///
/// How `run` knows the schema version without asking for it each time:
/// SQLite compiles a statement for one schema cookie. When the statement starts, SQLite compares that
/// cookie with the database's in the snapshot it is about to read, and compiles anew if they differ,
/// which it counts. `verified` is the version that was read last in one transaction with a client's
/// statement, and every statement that was compiled, or compiled anew, is run in a transaction where
/// the version is read first (the slow path). So if a statement has run before and was not compiled
/// anew by its first step (which must have read of the database: else nothing was compared), the snapshot has
/// the version `v` it was verified with; versions never go
/// back, so `verified`, which was read then or later, and before this snapshot, is `v` too.
#[derive(Debug)]
pub struct Reader {
    /// `None` only while being dropped.
    link: Option<Link>,
    /// The schema version of the open transaction, once it is known.
    view: Option<View>,
    pool: Arc<Pool>,
    /// Something went wrong that the next user shouldn't inherit.
    broken: bool,
}

/// A transaction that `begin` opened.
#[derive(Debug, Clone, Copy)]
struct View {
    schema: SchemaVersion,
}

impl Reader {
    fn link(&self) -> &Link {
        self.link.as_ref().expect("a reader has its connection until it is dropped")
    }

    /// Begins a read transaction: everything until `end` sees one state of the database.
    pub fn begin(&mut self) -> Result<TransactionId, Error> {
        self.end();
        let link = self.link();
        link.guard.lift();
        let begin = || -> rusqlite::Result<SchemaVersion> {
            execute(&link.connection, own!("BEGIN"))?;
            schema::version(&link.connection)
        };
        let schema = begin().map_err(|error| internal(&error))?;
        let txid =
            apply::read_txid(&link.connection).map_err(|fault| Error::internal(fault.message))?;
        self.view = Some(View { schema });
        Ok(txid)
    }

    /// The database's size in pages, as the open transaction sees it.
    pub fn page_count(&self) -> Result<u32, Error> {
        let link = self.link();
        link.guard.lift();
        apply::read_page_count(&link.connection).map_err(|fault| Error::internal(fault.message))
    }

    /// The bytes of `count` pages from `first` on, as the open transaction sees them.
    pub fn pages(&self, first: u32, count: u32) -> Result<Vec<u8>, Error> {
        let link = self.link();
        link.guard.lift();
        let mut bytes = Vec::with_capacity(count as usize * PAGE_BYTES);
        for number in first..first + count {
            let page = apply::read_page(&link.connection, number);
            bytes.extend(page.map_err(|fault| Error::internal(fault.message))?);
        }
        Ok(bytes)
    }

    /// Ends the read transaction, if one is open.
    pub fn end(&mut self) {
        self.view = None;
        let link = self.link();
        link.guard.lift();
        if !link.connection.is_autocommit() && execute(&link.connection, own!("COMMIT")).is_err() {
            self.broken = true;
        }
    }

    /// Runs one read-only statement. With `schema`, fails with `Ok(None)` if the database has
    /// another schema by now. A statement that writes is refused: "attempt to change database via
    /// query operation".
    pub fn run(
        &mut self,
        dialect: Dialect,
        statement: &Statement,
        schema: Option<SchemaVersion>,
        control: &Control,
        sink: &mut dyn RowSink,
    ) -> Result<Option<Completion>, Error> {
        let link = self.link();
        link.set_lax_quotes(dialect).map_err(|error| internal(&error))?;
        errors::forget_function_error();
        link.guard.lower(dialect);
        link.watch.arm(control);
        let result = if schema.is_none() && self.are_several(dialect, &statement.sql) {
            run::read_several(link, statement, sink).map(Some)
        } else {
            self.run_guarded(statement, schema, sink)
        };
        let link = self.link();
        let stopped = link.watch.disarm();
        link.guard.lift();
        let denied = link.guard.take_denial();
        match result {
            Ok(completion) => Ok(completion),
            Err(Stop::Error(error)) => Err(error),
            Err(Stop::Sqlite(error)) => Err(self.error(dialect, &error, stopped, denied)),
        }
    }

    /// Whether a client's text is that of more than one statement.
    fn are_several(&self, dialect: Dialect, sql: &str) -> bool {
        let several = dialect == Dialect::Sqlite && run::may_be_several(sql);
        let prepared = several.then(|| self.link().connection.prepare(&run::not_own(sql)).err());
        matches!(prepared.flatten(), Some(rusqlite::Error::MultipleStatement))
    }

    fn run_guarded(
        &mut self,
        statement: &Statement,
        schema: Option<SchemaVersion>,
        sink: &mut dyn RowSink,
    ) -> Result<Option<Completion>, Stop> {
        let link = self.link();
        let sql = run::not_own(&statement.sql);
        if is_empty(&link.connection, &sql)? {
            return Ok(Some(Completion { read_only: true, ..Completion::default() }));
        }
        let mut prepared = match link.connection.prepare_cached(&sql) {
            Ok(prepared) => prepared,
            // What it names may be gone, and then its names may mean something else.
            Err(error) => {
                let changed = match schema {
                    Some(wanted) => self.present_schema()? != wanted,
                    None => false,
                };
                return if changed { Ok(None) } else { Err(error.into()) };
            }
        };
        if !run::reads_only(&prepared) {
            return Err(run::only_reads());
        }
        run::bind(&mut prepared, &statement.parameters)?;
        if run::reads_system_tables(&sql) {
            drop(prepared);
            return self.run_on_catalog(statement, schema, sink);
        }
        if let Some(view) = self.view {
            if schema.is_some_and(|wanted| wanted != view.schema) {
                return Ok(None);
            }
            link.verified.set(Some(view.schema));
            return run::step_all(link, &mut prepared, sink).map(Some);
        }
        let recompiled = prepared.get_status(StatementStatus::RePrepare);
        let has_run = prepared.get_status(StatementStatus::Run) > 0;
        let Some(wanted) = schema else {
            let result = run::step_all(link, &mut prepared, sink);
            if !has_run || prepared.get_status(StatementStatus::RePrepare) != recompiled {
                link.verified.set(None);
            }
            return result.map(Some);
        };
        if has_run && link.verified.get() == Some(wanted) {
            let same = |prepared: &Prepared<'_>, in_row: bool| {
                let state = || link.connection.transaction_state(Some("main"));
                // What reads nothing of the database finds no change of it.
                let looked = !in_row || !matches!(state(), Ok(TransactionState::None));
                looked && prepared.get_status(StatementStatus::RePrepare) == recompiled
            };
            // It may also be compiled anew in vain, where what it names is gone.
            if let Some(completion) = run::step_if(link, &mut prepared, sink, same)? {
                return Ok(Some(completion));
            }
        }
        link.guard.lift();
        execute(&link.connection, own!("BEGIN"))?;
        let present = schema::version(&link.connection);
        link.guard.restore();
        let result = match present {
            Ok(present) => {
                link.verified.set(Some(present));
                if present == wanted {
                    run::step_all(link, &mut prepared, sink).map(Some)
                } else {
                    Ok(None)
                }
            }
            Err(error) => Err(error.into()),
        };
        drop(prepared);
        self.end();
        result
    }

    /// The schema that a statement sees which runs now.
    fn present_schema(&self) -> rusqlite::Result<SchemaVersion> {
        if let Some(view) = self.view {
            return Ok(view.schema);
        }
        let link = self.link();
        link.guard.lift();
        let present = schema::version(&link.connection);
        link.guard.restore();
        present
    }

    /// Runs a statement that reads the system tables: they show the schema of its snapshot.
    fn run_on_catalog(
        &mut self,
        statement: &Statement,
        schema: Option<SchemaVersion>,
        sink: &mut dyn RowSink,
    ) -> Result<Option<Completion>, Stop> {
        let own_transaction = self.view.is_none();
        let link = self.link();
        link.guard.lift();
        if own_transaction {
            execute(&link.connection, own!("BEGIN"))?;
        }
        let result = self.run_shown(statement, schema, sink);
        self.link().shown.set(None);
        if own_transaction {
            self.end();
        }
        result
    }

    /// The guard is lifted when this begins.
    fn run_shown(
        &self,
        statement: &Statement,
        schema: Option<SchemaVersion>,
        sink: &mut dyn RowSink,
    ) -> Result<Option<Completion>, Stop> {
        let link = self.link();
        let present = schema::version(&link.connection)?;
        if schema.is_some_and(|wanted| wanted != present) {
            link.guard.restore();
            return Ok(None);
        }
        let contents = self.pool.shared.contents(&link.connection, present)?;
        link.guard.restore();
        link.verified.set(Some(present));
        link.shown.set(Some(contents));
        let mut prepared = link.connection.prepare_cached(&run::not_own(&statement.sql))?;
        run::bind(&mut prepared, &statement.parameters)?;
        run::step_all(link, &mut prepared, sink).map(Some)
    }

    fn error(
        &mut self,
        dialect: Dialect,
        error: &rusqlite::Error,
        stopped: Option<Error>,
        denied: Option<Error>,
    ) -> Error {
        match (extended_code(error).map(|code| code & 0xff), stopped, denied) {
            (Some(ffi::SQLITE_INTERRUPT), Some(stopped), _) => return stopped,
            (Some(ffi::SQLITE_AUTH | ffi::SQLITE_ERROR), _, Some(denied)) => return denied,
            _ => {}
        }
        match statement_failure(error, dialect, errors::unexplained) {
            Failure::Error(error) => error,
            Failure::Fault(fault) => {
                self.broken = true;
                let state = match extended_code(error) {
                    Some(ffi::SQLITE_IOERR_DATA) => SqlState::DATA_CORRUPTED,
                    _ => SqlState::IO_ERROR,
                };
                Error::new(Class::Internal, state, fault.message)
            }
        }
    }

    /// The schema version of the transaction, or of the committed state.
    pub fn schema(&mut self) -> Result<SchemaVersion, Error> {
        if let Some(view) = self.view {
            return Ok(view.schema);
        }
        let link = self.link();
        link.guard.lift();
        schema::version(&link.connection).map_err(|error| internal(&error))
    }

    /// The catalog of the transaction, or of the committed state.
    pub fn catalog(&mut self) -> Result<Arc<Catalog>, Error> {
        let own_transaction = self.view.is_none();
        if own_transaction {
            self.begin()?;
        }
        let version = self.schema()?;
        let link = self.link();
        link.guard.lift();
        let catalog = self.pool.shared.catalog(&link.connection, version);
        if own_transaction {
            self.end();
        }
        catalog
    }

    /// Whether SQLite says that every statement of `sql` only reads. `Err` if it can't be prepared.
    ///
    /// In a text of several, a statement is prepared against the database as it is, so one that
    /// needs an earlier one's table can't be; a text that has a writing statement before it is
    /// known to write by then.
    pub fn is_read_only(&mut self, dialect: Dialect, sql: &str) -> Result<bool, Error> {
        let link = self.link();
        link.set_lax_quotes(dialect).map_err(|error| internal(&error))?;
        link.guard.lower(dialect);
        let sql = run::not_own(sql);
        let ask = || -> rusqlite::Result<bool> {
            if dialect == Dialect::Postgres || !run::may_be_several(&sql) {
                return Ok(run::reads_only(&*link.connection.prepare_cached(&sql)?));
            }
            let mut batch = Batch::new(&link.connection, &sql);
            while let Some(prepared) = batch.next()? {
                if !run::reads_only(&prepared) {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        let answer = ask();
        link.guard.lift();
        let denied = link.guard.take_denial();
        answer.map_err(|error| self.error(dialect, &error, None, denied))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.end();
        if let Some(link) = self.link.take() {
            self.pool.give_back(link, self.broken);
        }
    }
}

/// Whether a text has no statement: nothing, or only comments.
fn is_empty(connection: &Connection, sql: &str) -> rusqlite::Result<bool> {
    Ok(run::may_be_several(sql) && Batch::new(connection, sql).next()?.is_none())
}

fn internal(error: &rusqlite::Error) -> Error {
    Error::internal(errors::message(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::testkit::{Pair, options};

    #[test]
    fn readers_with_large_caches_are_handed_out_first() {
        let pair = Pair::new(&options());
        let take = || pair.leader.database.reader(Duration::ZERO).unwrap();
        let large = |readers: &[Reader]| -> Vec<bool> {
            readers.iter().map(|reader| reader.link().large_cache).collect()
        };
        let mut readers: Vec<Reader> = (0..4).map(|_| take()).collect();
        assert_eq!(large(&readers), [true, true, false, false]);
        // However they come back.
        readers.swap(0, 3);
        drop(readers);
        let mut readers: Vec<Reader> = (0..4).map(|_| take()).collect();
        assert_eq!(large(&readers), [true, true, false, false]);
        // One that is lost is replaced by its like.
        readers[1].broken = true;
        drop(readers);
        let readers: Vec<Reader> = (0..4).map(|_| take()).collect();
        assert_eq!(large(&readers).iter().filter(|large| **large).count(), 2);
    }
}
