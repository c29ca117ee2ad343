//! The one write connection: a transaction's life on the node that runs it.
//!
//! Behind it are three SQLite connections that take turns with WAL's write lock: one for each dialect,
//! so that neither settings nor prepared statements have to be switched, and one that applies other
//! nodes' pages (`apply`), so that what SQLite and its virtual tables remember of the content is never
//! changed behind their backs: to the other two, applied pages are another connection's commit.
//!
//! Invariant: `open` is `Some` from `begin` to `finish` or `rollback`.

mod failure;

use std::cell::Cell;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, config::DbConfig, ffi};

use self::failure::Failing;
use crate::model::catalog::Catalog;
use crate::model::error::{Error, Fault, SqlState};
use crate::model::id::{Position, SchemaVersion, TransactionId};
use crate::model::statement::{Completion, Dialect, Parameters, Statement, UNCHECKED};
use crate::model::value::RowBatch;
use crate::sqlite::capture::{Capture, RecentPages};
use crate::sqlite::control::{stop_reason, too_large};
use crate::sqlite::database::Shared;
use crate::sqlite::errors::{self, extended_code, fault};
use crate::sqlite::link::{self, Link, own, set_unchecked};
use crate::sqlite::run::{self, Discard, Stop};
use crate::sqlite::vfs::{PAGE_BYTES, Tap};
use crate::sqlite::{Control, RowSink, RunError, apply, load, schema};

/// The one write connection of a database.
#[derive(Debug)]
pub struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) tap: Arc<Tap>,
    pub(crate) postgres: Link,
    sqlite: Link,
    pub(crate) applier: Connection,
    open: Option<Open>,
    last_dialect: Dialect,
    pub(crate) txid: TransactionId,
    pub(crate) recent: RecentPages,
    /// The schema version of the committed state, as long as it is known.
    pub(crate) committed_schema: Cell<Option<SchemaVersion>>,
    /// Whether a trigger may say RAISE(FAIL), for a schema version; `None` if it must be looked up.
    failing_triggers: Option<(SchemaVersion, bool)>,
}

/// The open transaction.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is another fact about it")]
struct Open {
    dialect: Dialect,
    /// Whether a statement may have changed something.
    wrote: bool,
    /// SQLite rolled it back on its own.
    lost: bool,
    /// The schema cookie before it.
    schema_before: SchemaVersion,
    /// Rows of Eider's catalog tables changed, and the schema cookie doesn't show it yet.
    catalog_written: bool,
    /// It is on the applier: the pages of a loaded database.
    loaded: bool,
    catalog: Option<Arc<Catalog>>,
    captured: Option<Captured>,
}

/// What `finish` must know of the captured transaction.
#[derive(Debug)]
struct Captured {
    txid: TransactionId,
    /// The schema version that it leaves, if that is known.
    schema: Option<SchemaVersion>,
    database_pages: u32,
    /// Each page with its content, or without if it was spilled.
    pages: Vec<(u32, Option<Arc<[u8]>>)>,
}

impl Writer {
    pub(crate) fn open(shared: &Arc<Shared>) -> Result<Self, Fault> {
        let tap = Tap::new();
        let (place, options) = (&shared.place, &shared.options);
        let postgres = link::open_writer(place, &tap, Dialect::Postgres, options)?;
        let sqlite = link::open_writer(place, &tap, Dialect::Sqlite, options)?;
        let applier = link::open_tapped(place, &tap, options)?;
        let recent_bytes = usize::try_from(options.cache_bytes / 4).unwrap_or(usize::MAX);
        let mut writer = Self {
            shared: Arc::clone(shared),
            tap,
            postgres,
            sqlite,
            applier,
            open: None,
            last_dialect: Dialect::Postgres,
            txid: TransactionId(0),
            recent: RecentPages::new(recent_bytes.clamp(64 << 10, 64 << 20)),
            committed_schema: Cell::new(None),
            failing_triggers: None,
        };
        // Takes WAL's write lock, which the shim keeps from now on.
        writer.begin(Dialect::Postgres)?;
        writer.txid = writer.read_txid()?;
        writer.rollback()?;
        Ok(writer)
    }

    fn link(&self, dialect: Dialect) -> &Link {
        match dialect {
            Dialect::Postgres => &self.postgres,
            Dialect::Sqlite => &self.sqlite,
        }
    }

    /// Has changed rows noted for a statement that asks for them; or no longer.
    fn watch_changes(&mut self, sql: Option<&str>) -> Result<bool, RunError> {
        let link = &mut self.postgres;
        let watched = match sql {
            Some(sql) => link.changed.watch(&mut link.connection, sql),
            None => link.changed.unwatch(&mut link.connection).map(|()| false),
        };
        watched.map_err(|error| self.run_error(&error))
    }

    /// The connection of the open transaction, or the one used last.
    fn current(&self) -> &Link {
        self.link(self.open.as_ref().map_or(self.last_dialect, |open| open.dialect))
    }

    /// The last transaction in the file.
    pub fn txid(&self) -> TransactionId {
        self.txid
    }

    pub(crate) fn read_txid(&self) -> Result<TransactionId, Fault> {
        apply::read_txid(&self.current().connection)
    }

    /// The schema version as this connection sees it: with the open transaction's own changes.
    pub fn schema(&self) -> SchemaVersion {
        let known = self.committed_schema.get().filter(|_| self.open.is_none());
        // Reading the cookie only fails if the disk does, and then the next statement says so.
        let version = known.or_else(|| schema::version(&self.current().connection).ok());
        if self.open.is_none() {
            self.committed_schema.set(version);
        }
        version.unwrap_or_default()
    }

    /// The catalog as this connection sees it: with the open transaction's own changes.
    ///
    /// While the transaction is open, its schema version may be one that another transaction will
    /// give to another schema, if this one is rolled back.
    pub fn catalog(&mut self) -> Result<Arc<Catalog>, Error> {
        let version = self.schema();
        let link = self.current();
        let unchanged = self.open.as_ref().is_none_or(|open| {
            open.schema_before == version && !open.catalog_written && !open.lost
        });
        if unchanged {
            return self.shared.catalog(&link.connection, version);
        }
        if let Some(catalog) = self.open.as_ref().and_then(|open| open.catalog.as_ref())
            && catalog.schema == version
        {
            return Ok(Arc::clone(catalog));
        }
        link.guard.lift();
        let catalog = schema::load(&link.connection, version)
            .map(Arc::new)
            .map_err(|error| Error::internal(errors::message(&error)))?;
        if let Some(open) = &mut self.open {
            open.catalog = Some(Arc::clone(&catalog));
        }
        Ok(catalog)
    }

    /// The tables and views that have a trigger, in the committed schema, in small letters.
    pub fn triggered_tables(&self) -> Result<HashSet<String>, Fault> {
        let link = self.current();
        link.guard.lift();
        let read = || -> rusqlite::Result<HashSet<String>> {
            let sql = own!("SELECT lower(tbl_name) FROM sqlite_schema WHERE type = 'trigger'");
            link.connection.prepare_cached(sql)?.query_map([], |row| row.get(0))?.collect()
        };
        read().map_err(|error| fault("look for triggers", &error))
    }

    /// Opens a transaction. Invariant: none is open.
    pub fn begin(&mut self, dialect: Dialect) -> Result<(), Fault> {
        if self.open.is_some() {
            return Err(Fault::new("a transaction was begun while another is open"));
        }
        if dialect != self.last_dialect {
            // What the other connection remembers will be stale after this transaction.
            let idle = self.link(self.last_dialect);
            idle.connection.release_memory().map_err(|error| fault("free memory", &error))?;
            self.last_dialect = dialect;
        }
        self.tap.watch();
        let link = self.link(dialect);
        link.guard.lift();
        execute(&link.connection, own!("BEGIN IMMEDIATE"))
            .map_err(|error| fault("begin a transaction", &error))?;
        let schema_before = schema::version(&link.connection)
            .map_err(|error| fault("read the schema version", &error))?;
        if self.failing_triggers.is_some_and(|(version, _)| version != schema_before) {
            self.failing_triggers = None;
        }
        self.open = Some(Open {
            dialect,
            wrote: false,
            lost: false,
            schema_before,
            catalog_written: false,
            loaded: false,
            catalog: None,
            captured: None,
        });
        Ok(())
    }

    /// The connection that an open transaction is on.
    fn connection_of(&self, open: &Open) -> &Connection {
        if open.loaded { &self.applier } else { &self.link(open.dialect).connection }
    }

    /// Puts a file that [`prepare_load`](crate::sqlite::prepare_load) has made fit in the place of the
    /// whole database, in the open transaction, which must be a new one. Nothing else can be done in
    /// it then but `capture`, `finish` and `rollback`. The file is changed.
    pub fn load(&mut self, path: &Path, control: &Control) -> Result<(), RunError> {
        let dialect = self.usable()?;
        let before = self.schema();
        let link = self.link(dialect);
        link.guard.lift();
        execute(&link.connection, own!("ROLLBACK")).map_err(|error| self.run_error(&error))?;
        if let Some(open) = &mut self.open {
            open.loaded = true;
            open.wrote = true;
        }
        self.tap.watch();
        self.failing_triggers = None;
        let stamps = (self.txid.next(), SchemaVersion(before.0.wrapping_add(1)));
        match load::write_pages(&self.applier, &self.shared, path, stamps, control) {
            Ok(()) => self.check_size(),
            Err(load::Stopped::Error(error)) => Err(self.lose(error)),
            Err(load::Stopped::Fault(fault)) => {
                let error = Error::internal("the database can't be read or written");
                Err(RunError { fault: Some(fault), ..self.lose(error) })
            }
        }
    }

    /// Runs one statement (a text of several, in the SQLite dialect). If it fails it leaves nothing
    /// behind, unless `transaction_lost`.
    pub fn run(
        &mut self,
        statement: &Statement,
        control: &Control,
        sink: &mut dyn RowSink,
    ) -> Result<Completion, RunError> {
        let dialect = self.usable()?;
        if run::reads_system_tables(&statement.sql) {
            self.show_catalog()?;
        }
        self.postgres.prepare_sequences(&statement.sql).map_err(|error| self.run_error(&error))?;
        // SQLite undoes a failed statement, but not the ones before it in a text; nor one that says
        // OR FAIL, or whose trigger says RAISE(FAIL).
        let several = dialect == Dialect::Sqlite && run::may_be_several(&statement.sql);
        let guarded = several
            || run::contains_ignoring_case(&statement.sql, "fail")
            || self.has_failing_triggers().map_err(|error| self.run_error(&error))?;
        self.attempt(
            guarded,
            control,
            |link| run::run(link, dialect, statement, sink),
            &|| Some(statement.clone()),
            &statement.sql,
        )
    }

    /// Runs one statement once for each row of parameters: COPY and batches.
    pub fn run_each(
        &mut self,
        sql: &Arc<str>,
        rows: &RowBatch,
        control: &Control,
    ) -> Result<Completion, RunError> {
        self.usable()?;
        self.postgres.prepare_sequences(sql).map_err(|error| self.run_error(&error))?;
        let reached = Cell::new(0);
        let each = |link: &Link| {
            let mut prepared = link.connection.prepare_cached(&run::not_own(sql))?;
            let mut total = Completion { read_only: true, ..Completion::default() };
            for (at, row) in rows.iter().enumerate() {
                reached.set(at);
                if let Some(stop) = stop_reason(control) {
                    return Err(Stop::Error(stop));
                }
                run::bind(&mut prepared, &Parameters::Positional(row.to_vec()))?;
                let completion = run::step_all(link, &mut prepared, &mut Discard)?;
                total.rows += completion.rows;
                total.rows_affected += completion.rows_affected;
                total.last_insert_id = completion.last_insert_id;
                total.read_only &= completion.read_only;
            }
            Ok(total)
        };
        let failed = || {
            let row = rows.iter().nth(reached.get())?;
            let parameters = Parameters::Positional(row.to_vec());
            Some(Statement { sql: Arc::clone(sql), parameters, touch: None })
        };
        self.attempt(true, control, each, &failed, sql)
    }

    /// Runs our own statements in the open transaction. `writes`: they change something.
    pub(crate) fn own_work<T>(
        &mut self,
        writes: bool,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, RunError> {
        let dialect = self.usable()?;
        let link = self.link(dialect);
        link.guard.lift();
        let done = work(&link.connection).map_err(|error| self.run_error(&error))?;
        if let Some(open) = &mut self.open {
            open.wrote |= writes;
        }
        Ok(done)
    }

    fn has_failing_triggers(&mut self) -> rusqlite::Result<bool> {
        if let Some((_, known)) = self.failing_triggers {
            return Ok(known);
        }
        let link = self.current();
        link.guard.lift();
        let version = schema::version(&link.connection)?;
        let sql = own!(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND instr(lower(sql), 'fail') > 0"
        );
        let count: i64 = link.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        self.failing_triggers = Some((version, count > 0));
        Ok(count > 0)
    }

    /// The dialect of the open transaction, if it can be used.
    fn usable(&self) -> Result<Dialect, RunError> {
        let no_transaction =
            || Error::user(SqlState::NO_ACTIVE_SQL_TRANSACTION, "no transaction is open");
        match &self.open {
            Some(open) if !open.lost => Ok(open.dialect),
            _ => Err(RunError { error: no_transaction(), transaction_lost: true, fault: None }),
        }
    }

    /// Runs a client's work under guard and watch; inside a savepoint of its own if `guarded`.
    /// `failed` says which statement of it failed, if one did.
    fn attempt(
        &mut self,
        guarded: bool,
        control: &Control,
        work: impl FnOnce(&Link) -> Result<Completion, Stop>,
        failed: &dyn Fn() -> Option<Statement>,
        sql: &str,
    ) -> Result<Completion, RunError> {
        let dialect = self.usable()?;
        let watched = dialect == Dialect::Postgres && self.watch_changes(Some(sql))?;
        // What SQLite doesn't check may turn out to be wrong after it has been done.
        let unchecked = dialect == Dialect::Postgres && sql.starts_with(UNCHECKED);
        let guarded = guarded || unchecked;
        let link = self.link(dialect);
        link.guard.lift();
        if guarded {
            execute(&link.connection, own!("SAVEPOINT _eider_statement"))
                .map_err(|error| self.run_error(&error))?;
        }
        let changes_before = link.connection.total_changes();
        let before = link.effects();
        errors::forget_function_error();
        if unchecked {
            set_unchecked(&link.connection, true).map_err(|error| self.run_error(&error))?;
            link.follow_moves(sql);
        } else {
            link.guard.lower(dialect);
        }
        link.watch.arm(control);
        let result = work(link);
        let stopped = link.watch.disarm();
        link.guard.lift();
        if watched {
            self.watch_changes(None)?;
        }
        let link = self.link(dialect);
        if unchecked {
            set_unchecked(&link.connection, false).map_err(|error| self.run_error(&error))?;
        }
        let changed = link.connection.total_changes() != changes_before;
        let noted = result.and_then(|completion| {
            self.note_statement(sql, completion.read_only, changed).map(|()| completion)
        });
        let link = self.link(dialect);
        match noted {
            Ok(mut completion) => {
                completion.taken = link.taken_by(sql);
                if guarded {
                    execute(&link.connection, own!("RELEASE _eider_statement"))
                        .map_err(|error| self.run_error(&error))?;
                }
                self.check_size()?;
                Ok(completion)
            }
            Err(stop) => {
                let denied = link.guard.take_denial();
                let failing = match failed() {
                    Some(statement) if !unchecked => Failing::Statement(statement, control),
                    _ => Failing::Definition,
                };
                let failure = self.failure(stop, stopped, denied, failing);
                self.link(dialect).cut_effects(before);
                Err(self.undo(guarded, failure))
            }
        }
    }

    /// Remembers what a statement may have changed.
    ///
    /// # Errors
    /// If SQLite can't read the schema that it leaves.
    fn note_statement(&mut self, sql: &str, read_only: bool, changed: bool) -> Result<(), Stop> {
        if read_only {
            return Ok(());
        }
        let is_dml = ["insert", "update", "delete", "replace", "with"]
            .iter()
            .any(|word| sql.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word)));
        // A data change that touched no row left no trace; of anything else that isn't known.
        let may_be_ddl = !is_dml || run::may_be_several(sql);
        if may_be_ddl {
            self.failing_triggers = None;
            self.current().forget_names();
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        open.wrote |= changed || may_be_ddl;
        if open.dialect == Dialect::Postgres && run::writes_catalog(sql) {
            open.catalog = None;
            open.catalog_written = true;
        }
        if open.catalog_written {
            self.show_catalog_change().map_err(unreadable)?;
        }
        if sql.starts_with(UNCHECKED)
            && let Some(index) = schema::missing_index(&self.current().connection)?
        {
            return Err(Stop::Error(unfit(&format!("there is no index {index}"))));
        }
        Ok(())
    }

    /// Lets the next statement see this transaction's catalog in the system tables.
    fn show_catalog(&mut self) -> Result<(), RunError> {
        let catalog = self.catalog().map_err(|error| RunError {
            error,
            transaction_lost: false,
            fault: None,
        })?;
        let contents = self.shared.contents_of(&catalog);
        self.current().shown.set(Some(contents));
        Ok(())
    }

    /// Raises the schema version: rows of the catalog tables changed, which SQLite doesn't count.
    fn show_catalog_change(&mut self) -> rusqlite::Result<()> {
        let version = self.schema();
        let Some(open) = &self.open else { return Ok(()) };
        let connection = &self.link(open.dialect).connection;
        // SQLite lets nobody set the cookie in defensive mode.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
        let raised = version.0.wrapping_add(1).cast_signed();
        let result = connection.pragma_update(None, "schema_version", raised);
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        // A statement that is run finds the new cookie, and this connection reads the schema again:
        // one that is only prepared would still see the old definitions.
        result.and_then(|()| execute(connection, own!("SELECT 1 FROM sqlite_schema LIMIT 1")))?;
        if let Some(open) = &mut self.open {
            open.catalog_written = false;
        }
        Ok(())
    }

    fn check_size(&mut self) -> Result<(), RunError> {
        let bytes_max = self.shared.options.transaction_bytes_max;
        if self.tap.spilled_bytes() <= bytes_max {
            return Ok(());
        }
        Err(self.lose(too_large(bytes_max)))
    }

    /// Savepoints nest; `depth` names them, from 1. These are separate from the client's names.
    pub fn savepoint(&mut self, depth: u32) -> Result<(), RunError> {
        self.savepoint_command("SAVEPOINT", depth)?;
        self.current().savepoint(depth);
        Ok(())
    }

    pub fn rollback_to(&mut self, depth: u32) -> Result<(), RunError> {
        self.failing_triggers = None;
        if let Some(open) = &mut self.open {
            open.catalog = None;
        }
        self.postgres.sequences.rolled_back_to_savepoint();
        self.savepoint_command("ROLLBACK TO", depth)?;
        self.current().rollback_to(depth);
        Ok(())
    }

    pub fn release(&mut self, depth: u32) -> Result<(), RunError> {
        self.savepoint_command("RELEASE", depth)?;
        self.current().release(depth);
        Ok(())
    }

    fn savepoint_command(&mut self, command: &str, depth: u32) -> Result<(), RunError> {
        let dialect = self.usable()?;
        let link = self.link(dialect);
        link.guard.lift();
        let sql = format!("{}{command} _eider_{depth}", link::OWN_MARK);
        let result = execute(&link.connection, &sql);
        result.map_err(|error| self.run_error(&error))
    }

    /// The open transaction's pages, for the log. The transaction stays open and invisible to
    /// others. `None` if nothing was changed. Deferred foreign keys are checked here (23503).
    ///
    /// `base` is where the database stands; the result's txid is the one after it. The parts must be
    /// taken before `finish` or `rollback`.
    pub fn capture(&mut self, base: Position) -> Result<Option<Capture>, RunError> {
        let dialect = self.usable()?;
        if base.txid != self.txid {
            let text = format!("capture at {base}, but the file is at {}", self.txid);
            return Err(self.lose(Error::internal(text)));
        }
        let open = self.open.as_ref().expect("usable() saw an open transaction");
        // A transaction that only notifies goes through the log as well: its place there says when.
        let ahead = !open.loaded && self.postgres.sequences.is_ahead();
        if !open.wrote && !ahead && self.current().outbox.len() == 0 {
            return Ok(None);
        }
        if open.catalog_written {
            self.show_catalog_change().map_err(|error| self.run_error(&error))?;
        }
        let txid = base.txid.next();
        let loaded = self.open.as_ref().is_some_and(|open| open.loaded);
        let schema_before = self.open.as_ref().map(|open| open.schema_before);
        let link = self.link(dialect);
        link.guard.lift();
        let sequences = &self.postgres.sequences;
        let prepare = || -> rusqlite::Result<Option<SchemaVersion>> {
            if loaded {
                // It has both from the file.
                return Ok(None);
            }
            let unchanged = Some(schema::version(&link.connection)?) == schema_before;
            if !unchanged {
                schema::reconcile(&link.connection)?;
            }
            if ahead {
                sequences.write(&link.connection)?;
            }
            link.write_changes(txid)?;
            let set = own!("UPDATE _eider_position SET txid = ?1");
            link.connection.prepare_cached(set)?.execute([txid.0.cast_signed()])?;
            Ok(schema_before.filter(|_| unchanged))
        };
        let schema = prepare().map_err(|error| self.run_error(&error))?;
        // A WAL that may be begun anew is, by the first frame.
        let shared = Arc::clone(&self.shared);
        let alone = shared.gate.commit();
        self.tap.capture();
        let connection = if loaded { &self.applier } else { &self.link(dialect).connection };
        let committed = execute(connection, own!("COMMIT"));
        drop(alone);
        let captured = self.tap.take_captured();
        let captured = match (committed, captured) {
            (Err(_), Some(captured)) => captured,
            (Err(error), None) => return Err(self.commit_refused(&error)),
            (Ok(()), _) => return Err(self.committed_early()),
        };
        let bytes = (captured.pages.len() * PAGE_BYTES) as u64;
        let bytes_max = self.shared.options.transaction_bytes_max;
        if bytes > bytes_max {
            return Err(self.lose(too_large(bytes_max)));
        }
        let mut capture = Capture::new(base, captured, &mut self.recent, &self.shared.wal)
            .map_err(|fault| RunError {
                error: Error::internal("the transaction can't be replicated"),
                transaction_lost: false,
                fault: Some(fault),
            })?;
        capture.notifications = self.current().outbox.take();
        if let Some(open) = &mut self.open {
            open.captured = Some(Captured {
                txid,
                schema,
                database_pages: capture.database_pages,
                pages: capture.contents(),
            });
        }
        Ok(Some(capture))
    }

    /// SQLite has written what was to be held back.
    fn committed_early(&mut self) -> RunError {
        let fault = Fault::new("a transaction was committed before it was replicated");
        let error = Error::internal("the transaction can't be replicated");
        self.mark_lost();
        RunError { error, transaction_lost: true, fault: Some(fault) }
    }

    /// Commits the captured transaction: a quorum has it. Readers see it when this returns.
    pub fn finish(&mut self) -> Result<(), Fault> {
        let mut open = self.open.take().ok_or_else(|| Fault::new("no transaction to finish"))?;
        let loaded = open.loaded;
        let Some(captured) = open.captured.take() else {
            self.open = Some(open);
            return Err(Fault::new("a transaction was to be committed that was not captured"));
        };
        self.tap.finish();
        let committed = {
            let _alone = self.shared.gate.commit();
            execute(self.connection_of(&open), own!("COMMIT"))
        };
        let checked = self.tap.check_finished();
        self.tap.pass();
        if let Err(mismatch) = checked {
            return Err(Fault::new(format!(
                "SQLite committed other pages than were replicated: {mismatch}"
            )));
        }
        committed.map_err(|error| fault("commit a replicated transaction", &error))?;
        self.txid = captured.txid;
        self.committed_schema.set(captured.schema);
        self.postgres.sequences.written();
        self.recent.update(captured.pages, captured.database_pages);
        if loaded {
            self.postgres.sequences.forget();
            self.shared.forget_catalogs();
            self.applier.release_memory().map_err(|error| fault("free memory", &error))?;
        }
        Ok(())
    }

    /// Rolls back the open transaction, captured or not.
    pub fn rollback(&mut self) -> Result<(), Fault> {
        let Some(open) = self.open.take() else { return Ok(()) };
        // The transaction may have given its version to a schema that is gone now.
        self.failing_triggers = None;
        self.postgres.sequences.rolled_back();
        let link = self.link(open.dialect);
        link.guard.lift();
        link.forget_effects();
        let connection = self.connection_of(&open);
        if !connection.is_autocommit() {
            execute(connection, own!("ROLLBACK"))
                .map_err(|error| fault("roll back a transaction", &error))?;
        }
        self.tap.pass();
        Ok(())
    }

    /// Whether a transaction is open.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }
}

/// Runs one of our own statements. The guard must be lifted.
pub(crate) fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    let mut prepared = connection.prepare_cached(sql)?;
    let mut rows = prepared.raw_query();
    while rows.next()?.is_some() {}
    Ok(())
}

/// A definition that SQLite takes for damage would stop every node that comes to use it.
fn unfit(why: &str) -> Error {
    Error::internal(format!("SQLite can't use this definition: {why}"))
}

fn unreadable(error: rusqlite::Error) -> Stop {
    if extended_code(&error).is_some_and(|code| code & 0xff == ffi::SQLITE_CORRUPT) {
        return Stop::Error(unfit(&errors::message(&error)));
    }
    Stop::Sqlite(error)
}
