//! What a failed statement or commit means, and what is left of the transaction.

use rusqlite::ffi;

use super::{Writer, execute};
use crate::model::error::{Error, Fault};
use crate::model::statement::{Dialect, Statement};
use crate::sqlite::constraint::Broken;
use crate::sqlite::culprit::{self, Failed};
use crate::sqlite::errors::{self, Failure, extended_code, statement_failure};
use crate::sqlite::link::own;
use crate::sqlite::run::Stop;
use crate::sqlite::{Control, RunError};

/// What it was that failed.
pub(super) enum Failing<'a> {
    Statement(Statement, &'a Control),
    /// A statement that the compiler answers for.
    Definition,
    Commit,
}

impl Writer {
    /// What a failed statement means.
    pub(super) fn failure(
        &mut self,
        stop: Stop,
        stopped: Option<Error>,
        denied: Option<Error>,
        failing: Failing<'_>,
    ) -> Failure {
        let error = match stop {
            Stop::Error(error) => return error.into(),
            Stop::Sqlite(error) => error,
        };
        let primary = extended_code(&error).map(|code| code & 0xff);
        match (primary, stopped, denied) {
            (Some(ffi::SQLITE_INTERRUPT), Some(stopped), _) => return stopped.into(),
            (Some(ffi::SQLITE_AUTH | ffi::SQLITE_ERROR), _, Some(denied)) => return denied.into(),
            _ => {}
        }
        let dialect = self.open.as_ref().map_or(Dialect::Sqlite, |open| open.dialect);
        statement_failure(&error, dialect, |extended, text| {
            let Ok(catalog) = self.catalog() else { return errors::unexplained(extended, text) };
            let contents = &*self.shared.contents_of(&catalog);
            let link = self.current();
            let broken = Broken { extended, text, contents: Some(contents), row: None };
            match &failing {
                Failing::Statement(statement, control) => {
                    Failed { link, contents, statement, control }.explain(extended, text)
                }
                Failing::Definition => broken.error(),
                Failing::Commit => culprit::refused_commit(link, &self.applier, contents, &broken),
            }
        })
    }

    /// After a failed statement: makes sure that nothing of it is left.
    pub(super) fn undo(&mut self, guarded: bool, failure: Failure) -> RunError {
        let (error, fault) = match failure {
            Failure::Error(error) => (error, None),
            Failure::Fault(fault) => {
                (Error::internal("the database can't be read or written"), Some(fault))
            }
        };
        let connection = &self.current().connection;
        if connection.is_autocommit() {
            self.mark_lost();
            return RunError { error, transaction_lost: true, fault };
        }
        let undone = !guarded
            || execute(connection, own!("ROLLBACK TO _eider_statement"))
                .and_then(|()| execute(connection, own!("RELEASE _eider_statement")))
                .is_ok();
        self.failing_triggers = None;
        if !undone {
            return RunError { fault, ..self.lose(error) };
        }
        RunError { error, transaction_lost: false, fault }
    }

    pub(super) fn mark_lost(&mut self) {
        if let Some(open) = &mut self.open {
            open.lost = true;
        }
    }

    /// Gives the whole transaction up.
    pub(super) fn lose(&mut self, error: Error) -> RunError {
        self.current().forget_effects();
        let connection = match &self.open {
            Some(open) => self.connection_of(open),
            None => &self.current().connection,
        };
        let rolled_back = connection.is_autocommit()
            || execute(connection, own!("ROLLBACK")).is_ok()
            || connection.is_autocommit();
        self.mark_lost();
        let fault = (!rolled_back).then(|| Fault::new("a transaction can't be rolled back"));
        RunError { error, transaction_lost: true, fault }
    }

    pub(super) fn run_error(&self, error: &rusqlite::Error) -> RunError {
        let transaction_lost = self.current().connection.is_autocommit();
        match statement_failure(error, Dialect::Sqlite, errors::unexplained) {
            Failure::Error(error) => RunError { error, transaction_lost, fault: None },
            Failure::Fault(fault) => RunError {
                error: Error::internal("the database can't be read or written"),
                transaction_lost,
                fault: Some(fault),
            },
        }
    }

    /// A COMMIT that failed for its own reasons: deferred foreign keys, or the disk.
    pub(super) fn commit_refused(&mut self, error: &rusqlite::Error) -> RunError {
        let failure = self.failure(Stop::Sqlite(errors::copy(error)), None, None, Failing::Commit);
        let transaction_lost = self.current().connection.is_autocommit();
        if transaction_lost {
            self.mark_lost();
        }
        match failure {
            Failure::Error(error) => RunError { error, transaction_lost, fault: None },
            Failure::Fault(fault) => RunError {
                error: Error::internal("the database can't be read or written"),
                transaction_lost,
                fault: Some(fault),
            },
        }
    }
}
