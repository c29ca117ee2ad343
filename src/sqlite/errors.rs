//! What SQLite's failures mean to the client and to the node.

use std::cell::RefCell;

use rusqlite::ffi;

use crate::model::error::{Class, Error, Fault, SqlState};
use crate::model::statement::Dialect;
use crate::sqlite::constraint::{self, Broken};
use crate::sqlite::vfs;

thread_local! {
    /// The error that one of our SQL functions failed with last. SQLite only carries its text from
    /// the function to the statement's failure; both happen on one thread, one right after the other.
    static FUNCTION_ERROR: RefCell<Option<Error>> = const { RefCell::new(None) };
}

/// For our SQL functions: fails the function, and with it the statement, with `error`.
pub(crate) fn fail_function(error: Error) -> rusqlite::Error {
    let text = error.message().to_owned();
    FUNCTION_ERROR.with_borrow_mut(|slot| *slot = Some(error));
    rusqlite::Error::UserFunctionError(text.into())
}

/// Forgets what functions failed with before a statement.
pub(crate) fn forget_function_error() {
    FUNCTION_ERROR.with_borrow_mut(|slot| *slot = None);
}

/// A failure that is the statement's, or the node's.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    Error(Error),
    Fault(Fault),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// SQLite's extended result code, if SQLite made the error.
pub(crate) fn extended_code(error: &rusqlite::Error) -> Option<i32> {
    match error {
        rusqlite::Error::SqliteFailure(error, _) | rusqlite::Error::SqlInputError { error, .. } => {
            Some(error.extended_code)
        }
        _ => None,
    }
}

/// SQLite's own text, without any prefix.
pub(crate) fn message(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::SqliteFailure(error, None) => {
            ffi::code_to_str(error.extended_code).to_owned()
        }
        other => other.to_string(),
    }
}

/// What SQLite says to VACUUM here, as there always is a transaction.
const IN_TRANSACTION: &str = "cannot VACUUM from within a transaction";
const NO_VACUUM: &str = "VACUUM is not allowed: the database is replicated, and the space of what was deleted is used \
     again. A smaller file is made by a backup with \"vacuum\", which can be loaded";

/// A failure of something that only fails if the disk does, or we have a bug.
pub(crate) fn fault(doing: &str, error: &rusqlite::Error) -> Fault {
    if extended_code(error) == Some(ffi::SQLITE_IOERR_DATA) {
        return Fault::new(format!("{doing}: {}", vfs::damage()));
    }
    let code = extended_code(error).map(|code| format!(" (SQLite code {code})"));
    Fault::new(format!("{doing}: {}{}", message(error), code.unwrap_or_default()))
}

/// Maps the failure of a client's statement. `explain` is asked what broke a constraint, in the
/// PostgreSQL dialect, by SQLite's extended result code and text.
pub(crate) fn statement_failure(
    error: &rusqlite::Error,
    dialect: Dialect,
    explain: impl FnOnce(i32, &str) -> Error,
) -> Failure {
    let text = message(error);
    let Some(extended) = extended_code(error) else {
        return Error::internal(text).into();
    };
    let from_function = FUNCTION_ERROR.with_borrow_mut(Option::take);
    if let Some(from_function) = from_function
        && from_function.message() == text
    {
        return from_function.into();
    }
    if text == IN_TRANSACTION {
        return Error::refused(NO_VACUUM).into();
    }
    let plain = |class, state| Failure::Error(Error::new(class, state, text.clone()));
    match extended & 0xff {
        ffi::SQLITE_CONSTRAINT if dialect == Dialect::Postgres => explain(extended, &text).into(),
        ffi::SQLITE_CONSTRAINT => plain(Class::User, constraint::state(extended, &text)),
        ffi::SQLITE_INTERRUPT => {
            Error::limit(SqlState::QUERY_CANCELED, "canceling statement due to user request").into()
        }
        ffi::SQLITE_TOOBIG => plain(Class::Limit, SqlState::PROGRAM_LIMIT_EXCEEDED),
        ffi::SQLITE_NOMEM => plain(Class::Limit, SqlState::OUT_OF_MEMORY),
        ffi::SQLITE_FULL => plain(Class::Limit, SqlState::DISK_FULL),
        ffi::SQLITE_MISMATCH => plain(Class::User, SqlState::DATATYPE_MISMATCH),
        ffi::SQLITE_AUTH => plain(Class::Refused, SqlState::INSUFFICIENT_PRIVILEGE),
        ffi::SQLITE_READONLY => plain(Class::User, SqlState::READ_ONLY_SQL_TRANSACTION),
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => plain(Class::Retry, SqlState::LOCK_NOT_AVAILABLE),
        ffi::SQLITE_IOERR | ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB | ffi::SQLITE_CANTOPEN => {
            Failure::Fault(fault("the database can't be read or written", error))
        }
        ffi::SQLITE_ERROR => sql_error(error, text, dialect),
        _ => plain(Class::Internal, SqlState::INTERNAL_ERROR),
    }
}

/// What can be said of a broken constraint where there is no catalog.
pub(crate) fn unexplained(extended: i32, text: &str) -> Error {
    Broken { extended, text, contents: None, row: None }.error()
}

/// What window functions say of an argument, and what PostgreSQL says.
const WINDOWS: [(&str, SqlState, &str); 2] = [
    (
        "argument of ntile must be a positive integer",
        SqlState::INVALID_ARGUMENT_FOR_NTILE,
        "argument of ntile must be greater than zero",
    ),
    (
        "second argument to nth_value must be a positive integer",
        SqlState::INVALID_ARGUMENT_FOR_NTH_VALUE,
        "argument of nth_value must be greater than zero",
    ),
];

/// SQLITE_ERROR: a wrong statement, or a run-time error of one. Only the text tells them apart.
fn sql_error(error: &rusqlite::Error, text: String, dialect: Dialect) -> Failure {
    let limits = [
        "too complex",
        "too many",
        "too large",
        "stack overflow",
        "too deep",
        "too long",
        "Recursion limit",
    ];
    let state = if text.contains("syntax error") || text.contains("incomplete input") {
        SqlState::SYNTAX_ERROR
    } else if text.starts_with("no such table") || text.starts_with("no such view") {
        SqlState::UNDEFINED_TABLE
    } else if text.starts_with("no such column") || text.contains("has no column named") {
        SqlState::UNDEFINED_COLUMN
    } else if text.starts_with("no such function") {
        SqlState::UNDEFINED_FUNCTION
    } else if text.starts_with("ambiguous column name") {
        SqlState::AMBIGUOUS_COLUMN
    } else if text.contains("already exists") || text.contains("already another table") {
        SqlState::DUPLICATE_TABLE
    } else if text.contains("integer overflow") {
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE
    } else if let Some((_, state, message)) =
        WINDOWS.iter().find(|(known, ..)| text.starts_with(known))
        && dialect == Dialect::Postgres
    {
        return Error::user(*state, *message).into();
    } else if limits.iter().any(|limit| text.contains(limit)) {
        return Error::limit(SqlState::PROGRAM_LIMIT_EXCEEDED, text).into();
    } else if dialect == Dialect::Postgres {
        // The compiler should have known: our bug.
        return Error::internal(text).into();
    } else {
        SqlState::SYNTAX_ERROR
    };
    let mut result = Error::user(state, text);
    if let (Dialect::Sqlite, rusqlite::Error::SqlInputError { sql, offset, .. }) = (dialect, error)
        && let Some(before) = usize::try_from(*offset).ok().and_then(|offset| sql.get(..offset))
    {
        result = result.with_position(before.chars().count() as u32 + 1);
    }
    result.into()
}

/// A copy of the parts of an error that matter to `statement_failure`.
pub(crate) fn copy(error: &rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(error, message) => {
            rusqlite::Error::SqliteFailure(*error, message.clone())
        }
        other => rusqlite::Error::UserFunctionError(other.to_string().into()),
    }
}
