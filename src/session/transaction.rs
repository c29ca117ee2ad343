//! The transaction status machine (PostgreSQL manual, "Transactions"; observed on version 15).
//! Pure: it decides, `run` acts.
//!
//! | phase | a statement | BEGIN | COMMIT | ROLLBACK | an error |
//! |---|---|---|---|---|---|
//! | `Idle` | by itself | → `Block` | warning 25P01 | warning 25P01 | `Idle` |
//! | `Implicit` | joins | → `Block`, keeping what was done | commits, warning 25P01 | rolls back, warning 25P01 | rolled back → `Idle` |
//! | `Block` | joins | warning 25001 | commits → `Idle` | → `Idle` | → `Failed` |
//! | `Failed` | 25P02 | 25P02 | rolls back, tag ROLLBACK → `Idle` | → `Idle` | `Failed` |
//!
//! `Implicit` is a simple query of several statements, or an extended-protocol pipeline up to its
//! Sync. ROLLBACK TO leads from `Failed` back to `Block`.
//!
//! A transaction that is lost while its client says nothing (its leader is gone) fails without a word.
//! Whatever the client sends next, other than ROLLBACK, is answered with the reason, COMMIT too, and an
//! implicit transaction's Sync: a tag would be taken for success.

use crate::model::error::{Error, SqlState};
use crate::session::settings::Saved;
use crate::sql::{Isolation, TransactionModes};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Idle,
    Implicit,
    Block,
    Failed,
}

/// How the present transaction runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Modes {
    pub(crate) isolation: Isolation,
    pub(crate) read_only: bool,
    pub(crate) deferrable: bool,
}

impl Modes {
    /// These modes, changed by what a statement says.
    pub(crate) fn with(self, modes: TransactionModes) -> Self {
        Self {
            isolation: modes.isolation.unwrap_or(self.isolation),
            read_only: modes.read_only.unwrap_or(self.read_only),
            deferrable: modes.deferrable.unwrap_or(self.deferrable),
        }
    }
}

/// A savepoint that the client has set. Its depth is its place in the stack, from 1.
#[derive(Debug)]
pub(crate) struct Savepoint {
    name: String,
    settings: Saved,
    modes: Modes,
}

/// The client's savepoints, outermost first.
#[derive(Debug, Default)]
pub(crate) struct Savepoints(Vec<Savepoint>);

impl Savepoints {
    pub(crate) fn depth(&self) -> u32 {
        self.0.len() as u32
    }

    /// Sets one; its depth.
    pub(crate) fn push(&mut self, name: String, settings: Saved, modes: Modes) -> u32 {
        self.0.push(Savepoint { name, settings, modes });
        self.depth()
    }

    /// The depth of the innermost savepoint of this name.
    ///
    /// # Errors
    /// 3B001 if there is none.
    pub(crate) fn find(&self, name: &str) -> Result<u32, Error> {
        let place = self.0.iter().rposition(|savepoint| savepoint.name == name);
        place.map(|place| place as u32 + 1).ok_or_else(|| {
            Error::user(
                SqlState::INVALID_SAVEPOINT_SPECIFICATION,
                format!("savepoint \"{name}\" does not exist"),
            )
        })
    }

    /// Forgets the savepoints inside the one at `depth`; the settings and modes as they were when it
    /// was set.
    pub(crate) fn unwind_to(&mut self, depth: u32) -> Option<(&Saved, Modes)> {
        self.0.truncate(depth as usize);
        self.0.last().map(|savepoint| (&savepoint.settings, savepoint.modes))
    }

    /// Forgets the savepoint at `depth` and those inside it.
    pub(crate) fn release(&mut self, depth: u32) {
        self.0.truncate(depth as usize - 1);
    }
}

/// 25P02: the block has failed, only its end may be asked for.
pub(crate) fn failed() -> Error {
    Error::user(
        SqlState::IN_FAILED_SQL_TRANSACTION,
        "current transaction is aborted, commands ignored until end of transaction block",
    )
}

/// 25P01, for statements that make no sense outside a block.
pub(crate) fn only_in_block(what: &str) -> Error {
    Error::user(
        SqlState::NO_ACTIVE_SQL_TRANSACTION,
        format!("{what} can only be used in transaction blocks"),
    )
}

/// 25001, for statements that can't be rolled back.
pub(crate) fn not_in_block(what: &str) -> Error {
    Error::user(
        SqlState::ACTIVE_SQL_TRANSACTION,
        format!("{what} cannot run inside a transaction block"),
    )
}

/// The warning for COMMIT or ROLLBACK outside a block.
pub(crate) fn no_transaction() -> Error {
    Error::user(SqlState::NO_ACTIVE_SQL_TRANSACTION, "there is no transaction in progress")
}

/// The warning for BEGIN inside a block.
pub(crate) fn already_in_transaction() -> Error {
    Error::user(SqlState::ACTIVE_SQL_TRANSACTION, "there is already a transaction in progress")
}

/// 25006: a write in a read-only transaction.
pub(crate) fn read_only(what: &str) -> Error {
    Error::user(
        SqlState::READ_ONLY_SQL_TRANSACTION,
        format!("cannot execute {what} in a read-only transaction"),
    )
}
