//! openraft's type parameters, named once. No other file spells out openraft generics.
//!
//! Invariant: a command's bytes are made once, by its proposer, and travel unchanged through every
//! log and connection. Entry hashes therefore agree on all nodes, whatever version each one runs.

use std::fmt;

use bytes::Bytes;

use crate::model::command::{Applied, Command};
use crate::model::id::ClusterId;
use crate::model::member::Member;
use crate::raft::codec::{self, Malformed};
use crate::raft::command;

/// A member, and the cluster it is a member of: a joining node learns both from the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct RaftNode {
    pub(super) cluster: ClusterId,
    pub(super) member: Member,
}

/// A command as the log holds it: a whole entry payload, header included.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct EncodedCommand(Bytes);

impl EncodedCommand {
    pub(super) fn new(command: &Command) -> Self {
        Self(command::encode(command))
    }

    /// Takes bytes from the log or from another node.
    ///
    /// # Errors
    /// If they don't hold a command that this version understands.
    pub(super) fn from_bytes(bytes: Bytes) -> Result<Self, Malformed> {
        command::decode(bytes.clone())?;
        Ok(Self(bytes))
    }

    pub(super) fn bytes(&self) -> &Bytes {
        &self.0
    }

    pub(super) fn decode(&self) -> Result<Command, Malformed> {
        command::decode(self.0.clone())
    }
}

impl fmt::Display for EncodedCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decode() {
            Ok(Command::Barrier) => f.write_str("barrier"),
            Ok(Command::Pages(part)) => write!(
                f,
                "pages database={} txid={} part={}{}",
                part.database,
                part.txid,
                part.part,
                if part.last { " last" } else { "" }
            ),
            Ok(Command::CreateDatabase { id, name }) => write!(f, "create database={id} {name:?}"),
            Ok(Command::DropDatabase { id }) => write!(f, "drop database={id}"),
            Err(error) => write!(f, "command of {} bytes: {error}", self.0.len()),
        }
    }
}

impl fmt::Debug for EncodedCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

openraft::declare_raft_types!(
    /// What openraft is made of here.
    pub(super) TypeConfig:
        D = EncodedCommand,
        R = Applied,
        NodeId = u64,
        Node = RaftNode,
        AsyncRuntime = crate::platform::runtime::Runtime,
);

pub(super) type LeaderId = openraft::alias::CommittedLeaderIdOf<TypeConfig>;
pub(super) type LogId = openraft::alias::LogIdOf<TypeConfig>;
pub(super) type Vote = openraft::alias::VoteOf<TypeConfig>;
pub(super) type Entry = openraft::alias::EntryOf<TypeConfig>;
pub(super) type Payload = openraft::alias::PayloadOf<TypeConfig>;
pub(super) type Membership = openraft::Membership<u64, RaftNode>;
pub(super) type StoredMembership = openraft::alias::StoredMembershipOf<TypeConfig>;

/// The storage error that openraft wants, made of what went wrong.
pub(super) fn io_error(
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> std::io::Error {
    std::io::Error::other(error)
}

/// The id of an entry from its two halves.
pub(super) fn log_id(leader: LeaderId, index: u64) -> LogId {
    LogId::new(leader, index)
}

/// Encodes an entry for the log.
pub(super) fn to_record(entry: &Entry) -> crate::raftlog::Record {
    let leader = codec::encode_leader(entry.log_id.committed_leader_id());
    let payload = codec::encode_payload(&entry.payload);
    let hash = codec::entry_hash(entry.log_id.index, leader, &payload);
    crate::raftlog::Record { index: entry.log_id.index, leader, payload, hash }
}

/// The entry that a record of the log holds.
///
/// # Errors
/// If the record was not made by [`to_record`], or by a later version.
pub(super) fn from_record(record: &crate::raftlog::Record) -> Result<Entry, Malformed> {
    Ok(Entry {
        log_id: log_id(codec::decode_leader(record.leader), record.index),
        payload: codec::decode_payload(record.payload.clone())?,
    })
}
