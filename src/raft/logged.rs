//! The commands of the log, for who keeps them elsewhere.

use bytes::Bytes;

use crate::model::command::Command;
use crate::model::error::Fault;
use crate::model::id::LogIndex;
use crate::platform::task;
use crate::raft::codec::PAYLOAD_COMMAND;
use crate::raft::{Node, command};

/// Commands that follow each other in the log, and that were applied on this node.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    /// Each as its entry has it: [`decode_command`] reads it.
    pub commands: Vec<(LogIndex, Bytes)>,
    /// The entry after the last one that was looked at.
    pub next: LogIndex,
}

impl Node {
    /// The commands from the entry `from` on, until about `bytes_max` of them are there or no more is
    /// applied. `None` if that entry isn't in the log any more.
    ///
    /// # Errors
    /// If the log can't be read.
    pub async fn logged(&self, from: LogIndex, bytes_max: usize) -> Result<Option<Logged>, Fault> {
        let applied = self.inner.applied.last().map_or(0, |id| id.index);
        if from.0 > applied {
            return Ok(Some(Logged { commands: Vec::new(), next: from }));
        }
        let log = self.inner.links.log.clone();
        let records = task::blocking(move || log.read(from.0..applied + 1, bytes_max)).await?;
        if records.first().is_none_or(|first| first.index != from.0) {
            return Ok(None);
        }
        let next = LogIndex(records.last().map_or(from.0, |last| last.index + 1));
        let commands = records
            .into_iter()
            .filter(|record| record.payload.get(1) == Some(&PAYLOAD_COMMAND))
            .map(|record| (LogIndex(record.index), record.payload))
            .collect();
        Ok(Some(Logged { commands, next }))
    }

    /// Bytes of the log from the entry `from` on.
    pub fn logged_bytes(&self, from: LogIndex) -> u64 {
        self.inner.links.log.bytes_after(from.0.saturating_sub(1))
    }
}

/// Reads a command of [`Logged::commands`].
///
/// # Errors
/// If the bytes are none, or of a later version.
pub fn decode_command(encoded: Bytes) -> Result<Command, Fault> {
    Ok(command::decode(encoded)?)
}
