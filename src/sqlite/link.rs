//! A connection to the database with everything it needs: settings, guard, limits, watch.

use std::cell::Cell;
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use crate::model::error::Fault;
use crate::model::id::{SchemaVersion, TransactionId};
use crate::model::statement::{Dialect, TakenValue};
use crate::sqlite::changes::Changes;
use crate::sqlite::control::Watch;
use crate::sqlite::culprit::Notes;
use crate::sqlite::errors::fault;
use crate::sqlite::guard::Guard;
use crate::sqlite::once::Changed;
use crate::sqlite::outbox::Outbox;
use crate::sqlite::place::Place;
use crate::sqlite::sequence::{Sequences, takes_values};
use crate::sqlite::vfs::{Shown, Tap, load_extensions, register_system_tables};
use crate::sqlite::{Options, function};

/// Prepared statements kept by a connection.
const STATEMENTS_MAX: usize = 256;
/// The page cache of a connection for private runs.
const PRIVATE_CACHE_KIB: i64 = 1024;

/// Our own statements begin with this, and clients' never do: they share the connection's cache of
/// prepared statements, and one that was prepared with the guard lifted must not serve a client.
macro_rules! own {
    ($sql:literal) => {
        concat!("/*eider*/", $sql)
    };
}
pub(crate) use own;

/// See [`own`].
pub(crate) const OWN_MARK: &str = "/*eider*/";

/// A connection that runs clients' statements.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: Connection,
    pub(crate) guard: Arc<Guard>,
    pub(crate) watch: Arc<Watch>,
    /// For readers: the schema version that was last read together with a client's statement.
    pub(crate) verified: Cell<Option<SchemaVersion>>,
    /// What the running statement sees of the system catalogs.
    pub(crate) shown: Arc<Shown>,
    /// Rows that a failed statement's second run notes.
    pub(crate) notes: Arc<Notes>,
    /// Rows that the running statement has changed.
    pub(crate) changed: Arc<Changed>,
    /// What the open transaction notifies.
    pub(crate) outbox: Arc<Outbox>,
    /// What the open transaction changes, where that is captured.
    pub(crate) changes: Option<Arc<Changes>>,
    /// Where values of sequences come from; empty but for the write connection's.
    pub(crate) sequences: Arc<Sequences>,
    /// Whether `"x"` may be a string.
    lax_quotes: Cell<bool>,
    /// For readers: whether it has a cache as large as the write connection's.
    pub(crate) large_cache: bool,
}

/// How much an open transaction is to tell others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effects {
    notified: usize,
    noted: u64,
}

impl Link {
    fn new(connection: Connection, watch: Watch) -> Self {
        Self {
            connection,
            guard: Arc::default(),
            watch: Arc::new(watch),
            verified: Cell::new(None),
            shown: Arc::default(),
            notes: Arc::default(),
            changed: Arc::default(),
            outbox: Arc::default(),
            changes: None,
            sequences: Arc::default(),
            lax_quotes: Cell::new(true),
            large_cache: false,
        }
    }

    /// What a statement that ran took of sequences.
    pub(crate) fn taken_by(&self, sql: &str) -> Vec<TakenValue> {
        if takes_values(sql) { self.sequences.taken() } else { Vec::new() }
    }

    /// Makes sequences known to a statement that takes values, or has them read anew after one that
    /// may change them.
    pub(crate) fn prepare_sequences(&self, sql: &str) -> rusqlite::Result<()> {
        // What takes values only reads the recorded sequences, for their names.
        if takes_values(sql) {
            self.guard.lift();
            self.sequences.load(&self.connection)?;
        } else if sql.contains("_eider_sequence") {
            // Those of before the transaction are told by that from those that it makes.
            if !self.sequences.are_changed() {
                self.guard.lift();
                let loaded = self.sequences.load(&self.connection);
                self.guard.restore();
                loaded?;
            }
            self.sequences.reload();
        }
        Ok(())
    }

    /// The transaction is over: what it was to tell others is forgotten.
    pub(crate) fn forget_effects(&self) {
        self.outbox.clear();
        self.changes.iter().for_each(|changes| changes.clear());
    }

    /// How much there is of that.
    pub(crate) fn effects(&self) -> Effects {
        let noted = self.changes.as_ref().map_or(0, |changes| changes.length());
        Effects { notified: self.outbox.len(), noted }
    }

    /// Forgets what came after `before`: of a failed statement, and of its second run that looks for the
    /// culprit.
    pub(crate) fn cut_effects(&self, before: Effects) {
        self.outbox.cut(before.notified);
        self.changes.iter().for_each(|changes| changes.cut(before.noted));
    }

    /// A savepoint was set.
    pub(crate) fn savepoint(&self, depth: u32) {
        self.outbox.savepoint(depth);
        self.changes.iter().for_each(|changes| changes.savepoint(depth));
    }

    /// What came after a savepoint was rolled back.
    pub(crate) fn rollback_to(&self, depth: u32) {
        self.outbox.rollback_to(depth);
        self.changes.iter().for_each(|changes| changes.rollback_to(depth));
    }

    /// A savepoint is gone; what came after it stays.
    pub(crate) fn release(&self, depth: u32) {
        self.outbox.release(depth);
        self.changes.iter().for_each(|changes| changes.release(depth));
    }

    /// An unchecked statement runs: rows may move by it, which is no change of theirs.
    pub(crate) fn follow_moves(&self, sql: &str) {
        self.changes.iter().for_each(|changes| changes.follow_moves(sql));
    }

    /// Names of tables may mean other ones from now on.
    pub(crate) fn forget_names(&self) {
        self.changes.iter().for_each(|changes| changes.forget_names());
    }

    /// Keeps what the transaction changed, where that is captured.
    pub(crate) fn write_changes(&self, txid: TransactionId) -> rusqlite::Result<()> {
        self.changes.as_ref().map_or(Ok(()), |changes| changes.write(&self.connection, txid))
    }

    /// Switches to a dialect's reading of `"x"`. A cached statement keeps the reading it was
    /// prepared with; that does no harm, since the compiler of the PostgreSQL dialect only writes
    /// names that exist, and a name that exists is never taken for a string.
    pub(crate) fn set_lax_quotes(&self, dialect: Dialect) -> rusqlite::Result<()> {
        let lax = dialect == Dialect::Sqlite;
        if self.lax_quotes.replace(lax) != lax {
            self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, lax)?;
            self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, lax)?;
        }
        Ok(())
    }
}

/// Opens a write connection. It always runs by the rules of one dialect; readers switch.
pub(crate) fn open_writer(
    place: &Place,
    tap: &Arc<Tap>,
    dialect: Dialect,
    options: &Options,
) -> Result<Link, Fault> {
    let watch = Watch::with_limit(Arc::clone(tap), options.transaction_bytes_max);
    let connection = open_tapped(place, tap, options)?;
    let mut link = Link::new(connection, watch);
    if let Some(capturing) = &options.capturing {
        let beside = place.with_suffix(&format!("-changes-{dialect:?}").to_lowercase());
        beside.remove()?;
        let installed = Changes::install(&link.connection, capturing, beside);
        link.changes = Some(installed.map_err(|error| fault("open the database", &error))?);
    }
    link.outbox.open();
    let foreign_keys = dialect == Dialect::Postgres || options.foreign_keys;
    prepare_for_clients(&mut link, options)
        .and_then(|()| link.set_lax_quotes(dialect))
        .and_then(|()| {
            let foreign = DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY;
            link.connection.set_db_config(foreign, foreign_keys)
        })
        .map_err(|error| fault("open the database", &error))?;
    Ok(link)
}

/// Opens a connection for private runs.
pub(crate) fn open_private(place: &Place, tap: &Tap, options: &Options) -> Result<Link, Fault> {
    let connection = open_tapped(place, tap, options)?;
    let mut link = Link::new(connection, Watch::default());
    link.outbox.open();
    prepare_for_clients(&mut link, options)
        .and_then(|()| link.set_lax_quotes(Dialect::Postgres))
        .and_then(|()| {
            let connection = &link.connection;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true)?;
            connection.pragma_update(None, "cache_size", -PRIVATE_CACHE_KIB)?;
            connection.pragma_update(None, "cache_spill", false)
        })
        .map_err(|error| fault("open the database", &error))?;
    Ok(link)
}

/// Opens a connection that reads only.
pub(crate) fn open_reader(
    place: &Place,
    options: &Options,
    large_cache: bool,
) -> rusqlite::Result<Link> {
    let connection = place.connect_checked(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.pragma_update(None, "query_only", true)?;
    if large_cache {
        connection.pragma_update(None, "cache_size", -cache_kib(options))?;
    }
    // For who asks: nothing is checked where nothing is written.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, options.foreign_keys)?;
    let mut link = Link { large_cache, ..Link::new(connection, Watch::default()) };
    prepare_for_clients(&mut link, options)?;
    Ok(link)
}

/// Makes a link that may VACUUM of a connection to a file that is nobody's database yet, or to one that
/// is to be copied. Its guard is lifted.
pub(crate) fn staged(connection: Connection, options: &Options) -> rusqlite::Result<Link> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "cell_size_check", true)?;
    let mut link = Link::new(connection, Watch::default());
    prepare_for_clients(&mut link, options)?;
    link.connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1)?;
    Ok(link)
}

/// Opens a connection through the shim.
pub(crate) fn open_tapped(
    place: &Place,
    tap: &Tap,
    options: &Options,
) -> Result<Connection, Fault> {
    let doing = "open the database";
    let connection = place.connect_tapped(tap)?;
    let cache_kib = cache_kib(options);
    let set = || -> rusqlite::Result<()> {
        // Checkpoints are run where their time doesn't count.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "mmap_size", 0)?;
        connection.pragma_update(None, "cache_size", -cache_kib)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        Ok(())
    };
    set().map_err(|error| fault(doing, &error))?;
    Ok(connection)
}

fn cache_kib(options: &Options) -> i64 {
    i64::try_from(options.cache_bytes / 1024).unwrap_or(i64::MAX).max(64)
}

fn prepare_for_clients(link: &mut Link, options: &Options) -> rusqlite::Result<()> {
    let connection = &mut link.connection;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false)?;
    let length = i32::try_from(options.value_bytes_max).unwrap_or(i32::MAX);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, length)?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, 16 << 20)?;
    connection.set_limit(Limit::SQLITE_LIMIT_EXPR_DEPTH, 1000)?;
    connection.set_limit(Limit::SQLITE_LIMIT_COMPOUND_SELECT, 500)?;
    // LIKE takes time in proportion to text times pattern, and can't be interrupted.
    connection.set_limit(Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 256)?;
    connection.set_limit(Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 65_535)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_limit(Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 100)?;
    connection.set_limit(Limit::SQLITE_LIMIT_WORKER_THREADS, 0)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, true)?;
    function::register(connection, &link.shown, &link.outbox, &link.sequences)?;
    function::trigger::register(connection, &link.guard)?;
    register_system_tables(connection, &link.shown)?;
    link.guard.allow_modules(load_extensions(connection, &options.extensions)?);
    link.notes.install(connection)?;
    link.changed.install(connection)?;
    link.guard.install(connection)?;
    link.watch.install(connection)
}

/// Lifts what SQLite itself checks, for a definition that the compiler answers for; or puts it back.
pub(crate) fn set_unchecked(connection: &Connection, on: bool) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, !on)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, !on)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, !on)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, on)?;
    Ok(())
}
