//! A database's transactions as the log has them, for who keeps them elsewhere.

use bytes::Bytes;

use crate::engine::Engine;
use crate::model::command::{Command, PagesPart};
use crate::model::error::{Error, Fault};
use crate::model::id::{DatabaseId, LogIndex};
use crate::raft;

/// A part of a transaction as it is in the log. It may be one that was skipped when it was applied:
/// what it builds on tells.
#[derive(Debug, Clone)]
pub struct LoggedPart {
    pub index: LogIndex,
    pub part: PagesPart,
    /// What [`decode_part`] reads.
    pub encoded: Bytes,
}

/// A piece of the log, for one database.
#[derive(Debug, Clone)]
pub struct LoggedParts {
    pub parts: Vec<LoggedPart>,
    /// The entry to go on from.
    pub next: LogIndex,
    /// Whether there was nothing to read.
    pub at_end: bool,
}

/// Reads what [`LoggedPart::encoded`] holds.
///
/// # Errors
/// If the bytes are no part of a transaction, or are of a later version.
pub fn decode_part(encoded: Bytes) -> Result<PagesPart, Fault> {
    match raft::decode_command(encoded)? {
        Command::Pages(part) => Ok(part),
        _ => Err(Fault::new("a log entry holds no pages")),
    }
}

impl Engine {
    /// The entry from which on the log has all of each transaction that a view of the database, opened
    /// after this call, doesn't see.
    pub fn log_start(&self, database: DatabaseId) -> Result<LogIndex, Error> {
        let applied = self.core.attached()?.node.status().applied;
        // Asked for after that: what is complete by now, the view sees.
        let needed = self.core.entry(database)?.lane.shared.needed_from();
        let next = LogIndex(applied.0 + 1);
        Ok(needed.map_or(next, |needed| needed.min(next)))
    }

    /// The parts of transactions from the entry `from` on: those of about `bytes_max` bytes of log.
    /// `None` if the log begins later, as it is kept short.
    ///
    /// # Errors
    /// If the log can't be read; what is wrong with it is for the operator.
    pub async fn read_log(
        &self,
        database: DatabaseId,
        from: LogIndex,
        bytes_max: usize,
    ) -> Result<Option<LoggedParts>, String> {
        let attached = self.core.attached().map_err(|error| error.message().to_owned())?;
        let logged = attached.node.logged(from, bytes_max).await.map_err(|f| f.to_string())?;
        let Some(logged) = logged else { return Ok(None) };
        let mut parts = Vec::new();
        for (index, encoded) in logged.commands {
            let command = raft::decode_command(encoded.clone()).map_err(|f| f.to_string())?;
            if let Command::Pages(part) = command
                && part.database == database
            {
                parts.push(LoggedPart { index, part, encoded });
            }
        }
        Ok(Some(LoggedParts { parts, next: logged.next, at_end: logged.next == from }))
    }

    /// Bytes of the log from the entry `from` on.
    pub fn log_bytes_from(&self, from: LogIndex) -> u64 {
        self.core.attached().map_or(0, |attached| attached.node.logged_bytes(from))
    }
}
