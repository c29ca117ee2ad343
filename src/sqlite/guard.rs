//! What a client's SQL may do: an authorizer, asked by SQLite while it prepares a statement.
//!
//! Our own statements run with the guard lifted. SQLite asks again when a changed schema makes it
//! prepare a statement anew, and then the guard stands as it does for the statement that runs.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use crate::model::error::{Error, SqlState};
use crate::model::statement::Dialect;

/// Eider's own tables begin with this.
const OWN_PREFIX: &str = "_eider_";

/// PRAGMAs that only read, with or without an argument.
const READ_PRAGMAS: [&str; 19] = [
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "foreign_key_check",
    "integrity_check",
    "quick_check",
    "page_count",
    "freelist_count",
    "compile_options",
    "function_list",
    "module_list",
    "collation_list",
    "pragma_list",
    "database_list",
    "data_version",
];
/// PRAGMAs that read if they have no argument, and otherwise change something they must not.
const QUERY_PRAGMAS: [&str; 10] = [
    "busy_timeout",
    "cache_size",
    "max_page_count",
    "page_size",
    "encoding",
    "schema_version",
    "foreign_keys",
    "journal_mode",
    "auto_vacuum",
    "synchronous",
];
/// PRAGMAs that set a number in the database's header, which is replicated like all else.
const HEADER_PRAGMAS: [&str; 2] = ["user_version", "application_id"];

/// Virtual table modules that a client may use.
const MODULES: [&str; 10] = [
    "fts3",
    "fts4",
    "fts4aux",
    "fts5",
    "fts5vocab",
    "rtree",
    "rtree_i32",
    "geopoly",
    "dbstat",
    "fts3tokenize",
];

/// Functions that reach out of the database.
const DENIED_FUNCTIONS: [&str; 2] = ["load_extension", "fts3_tokenizer"];

const LIFTED: u8 = 0;
const POSTGRES: u8 = 1;
const SQLITE: u8 = 2;

/// The guard of one connection.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    mode: AtomicU8,
    /// The mode before it was lifted.
    before: AtomicU8,
    /// Whether a trigger writes what another one assigned: see `function::trigger`.
    mending: AtomicBool,
    /// Why it denied something last.
    denied: Mutex<Option<Error>>,
    /// Modules of virtual tables that extensions have brought.
    modules: OnceLock<Vec<String>>,
    recording: AtomicBool,
    /// Tables that a statement writes to which was prepared while that was recorded.
    written: Mutex<Vec<String>>,
}

impl Guard {
    /// Lets everything through: our own statements.
    pub(crate) fn lift(&self) {
        let before = self.mode.swap(LIFTED, Ordering::Relaxed);
        self.before.store(before, Ordering::Relaxed);
    }

    /// Stands again as it stood before it was lifted.
    pub(crate) fn restore(&self) {
        self.mode.store(self.before.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Guards against a client's statement.
    pub(crate) fn lower(&self, dialect: Dialect) {
        *self.denied.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.mend(false);
        let mode = match dialect {
            Dialect::Postgres => POSTGRES,
            Dialect::Sqlite => SQLITE,
        };
        self.mode.store(mode, Ordering::Relaxed);
    }

    /// Whether the statement that runs is SQLite's own language.
    pub(crate) fn is_sqlite(&self) -> bool {
        self.mode.load(Ordering::Relaxed) == SQLITE
    }

    /// Lets clients make virtual tables of these modules, too. Said once, before the guard is installed.
    pub(crate) fn allow_modules(&self, modules: Vec<String>) {
        self.modules.get_or_init(|| modules);
    }

    pub(crate) fn mend(&self, on: bool) {
        self.mending.store(on, Ordering::Relaxed);
    }

    pub(crate) fn is_mending(&self) -> bool {
        self.mending.load(Ordering::Relaxed)
    }

    /// Why the statement was denied, if it was.
    pub(crate) fn take_denial(&self) -> Option<Error> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Makes the connection ask this guard.
    pub(crate) fn install(
        self: &Arc<Self>,
        connection: &mut rusqlite::Connection,
    ) -> rusqlite::Result<()> {
        let guard = Arc::clone(self);
        connection.authorizer(Some(move |context: AuthContext<'_>| guard.authorize(&context)))
    }

    /// Notes from now on which tables are written to by what is prepared.
    pub(crate) fn record(&self) {
        self.recording.store(true, Ordering::Relaxed);
    }

    /// The tables that were noted. Ends the recording.
    pub(crate) fn recorded(&self) -> Vec<String> {
        self.recording.store(false, Ordering::Relaxed);
        std::mem::take(&mut *self.written.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, action: AuthAction<'_>) {
        if let AuthAction::Insert { table_name }
        | AuthAction::Delete { table_name }
        | AuthAction::Update { table_name, .. } = action
        {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            written.push(table_name.to_owned());
        }
    }

    fn authorize(&self, context: &AuthContext<'_>) -> Authorization {
        if self.recording.load(Ordering::Relaxed) {
            self.note(context.action);
        }
        let dialect = match self.mode.load(Ordering::Relaxed) {
            POSTGRES => Dialect::Postgres,
            SQLITE => Dialect::Sqlite,
            _ => return Authorization::Allow,
        };
        let brought = self.modules.get().map_or(&[][..], Vec::as_slice);
        match judge(context.action, dialect, brought) {
            Ok(()) => Authorization::Allow,
            Err(error) => {
                *self.denied.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Authorization::Deny
            }
        }
    }
}

fn denied(message: impl Into<String>) -> Error {
    Error::user(SqlState::INSUFFICIENT_PRIVILEGE, message)
}

/// Whether a client's statement may do this. `brought`: the modules of extensions.
fn judge(action: AuthAction<'_>, dialect: Dialect, brought: &[String]) -> Result<(), Error> {
    match action {
        AuthAction::Select
        | AuthAction::Recursive
        | AuthAction::Analyze { .. }
        | AuthAction::Reindex { .. } => Ok(()),
        AuthAction::Read { table_name, .. } => not_pages(table_name),
        AuthAction::Insert { table_name }
        | AuthAction::Delete { table_name }
        | AuthAction::Update { table_name, .. } => {
            not_pages(table_name)?;
            // The compiler of the PostgreSQL dialect keeps the catalog there, and never lets a
            // client name these tables.
            if dialect == Dialect::Postgres { Ok(()) } else { not_own(table_name) }
        }
        AuthAction::CreateTable { table_name }
        | AuthAction::DropTable { table_name }
        | AuthAction::CreateView { view_name: table_name }
        | AuthAction::DropView { view_name: table_name }
        | AuthAction::AlterTable { table_name, .. }
        | AuthAction::DropVtable { table_name, .. } => not_own(table_name),
        AuthAction::CreateIndex { index_name: name, table_name }
        | AuthAction::DropIndex { index_name: name, table_name }
        | AuthAction::CreateTrigger { trigger_name: name, table_name }
        | AuthAction::DropTrigger { trigger_name: name, table_name } => {
            not_own(name).and_then(|()| not_own(table_name))
        }
        AuthAction::CreateVtable { table_name, module_name } => {
            not_own(table_name)?;
            let mut known = MODULES.into_iter().chain(brought.iter().map(String::as_str));
            if known.any(|module| module.eq_ignore_ascii_case(module_name)) {
                return Ok(());
            }
            Err(denied(format!("virtual tables of module {module_name} are not allowed")))
        }
        // SET CONSTRAINTS, which the compiler alone writes.
        AuthAction::Pragma { pragma_name: "defer_foreign_keys", .. }
            if dialect == Dialect::Postgres =>
        {
            Ok(())
        }
        AuthAction::Pragma { pragma_name, pragma_value } => pragma(pragma_name, pragma_value),
        AuthAction::Function { function_name } => {
            if DENIED_FUNCTIONS.iter().any(|name| name.eq_ignore_ascii_case(function_name)) {
                return Err(denied(format!("function {function_name} is not allowed")));
            }
            Ok(())
        }
        AuthAction::CreateTempIndex { .. }
        | AuthAction::CreateTempTable { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::CreateTempView { .. }
        | AuthAction::DropTempIndex { .. }
        | AuthAction::DropTempTable { .. }
        | AuthAction::DropTempTrigger { .. }
        | AuthAction::DropTempView { .. } => {
            Err(Error::refused("temporary tables, views, indexes and triggers are not supported"))
        }
        AuthAction::Attach { .. } => {
            Err(Error::refused("ATTACH and VACUUM are not allowed: the database is replicated"))
        }
        AuthAction::Detach { .. } => Err(Error::refused("DETACH is not allowed")),
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => Err(Error::refused(
            "BEGIN, COMMIT, ROLLBACK, SAVEPOINT and RELEASE are not allowed here: statements that are \
             sent together can be run in one transaction by asking for it with the request",
        )),
        _ => Err(Error::refused("this kind of statement is not allowed")),
    }
}

fn not_own(table: &str) -> Result<(), Error> {
    let own = table.get(..OWN_PREFIX.len()).is_some_and(|p| p.eq_ignore_ascii_case(OWN_PREFIX));
    if own {
        return Err(denied(format!("table {table} belongs to the system and may not be modified")));
    }
    not_pages(table)
}

fn not_pages(table: &str) -> Result<(), Error> {
    if table.eq_ignore_ascii_case("sqlite_dbpage") {
        return Err(denied("table sqlite_dbpage is not allowed"));
    }
    Ok(())
}

fn pragma(name: &str, value: Option<&str>) -> Result<(), Error> {
    let known = |list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(name));
    let allowed =
        known(&READ_PRAGMAS) || known(&HEADER_PRAGMAS) || value.is_none() && known(&QUERY_PRAGMAS);
    if allowed {
        return Ok(());
    }
    // HTTP clients match on these words.
    Err(Error::refused("disallowed pragma").with_detail(format!("PRAGMA {name} is not allowed.")))
}
