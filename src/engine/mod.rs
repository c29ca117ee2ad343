//! Where a request runs, and in what order. The API that both protocols stand on: the same on
//! every node, whoever leads.
//!
//! Reading order: `lane` (the one writer of a database), `replica` and `store` (what the log does to
//! the databases), `read` and `view`, `write` and `transaction` and `private`, `route` (which node serves what),
//! `forward`, `remote` and `serve` (node to node), `listen`, `admin`.

mod activity;
mod admin;
mod advisory;
mod cancel;
mod changes;
mod core;
mod forward;
mod history;
mod inbox;
mod lane;
mod listen;
mod load;
mod observe;
mod peers;
mod private;
mod read;
mod remote;
mod replica;
mod rounds;
mod route;
mod rows;
mod serve;
mod short;
mod snapshot;
mod spool;
mod staging;
mod store;
mod transaction;
mod verify;
mod view;
mod wire;
mod workers;
mod write;

use std::sync::Arc;

pub use self::activity::{Activity, Counter, Latest};
pub use self::admin::DatabaseUse;
pub use self::advisory::AdvisoryLocks;
pub use self::cancel::{Canceler, Limits, Running};
pub use self::changes::{Change, ChangeMarks, check_table_filter};
pub use self::history::{LoggedPart, LoggedParts, decode_part};
pub use self::listen::Listener;
pub use self::observe::{DURATION_BOUNDS, Durations, StatementCounts, StatementKind};
pub use self::peers::{Incoming, Outgoing, Peers};
pub use self::rows::Rows;
pub use self::staging::Staged;
pub use self::transaction::Transaction;
pub use self::verify::{DatabaseHash, NodeHash, Verified};
pub use self::view::View;
#[cfg(any(test, fuzzing))]
pub(crate) use self::wire::read_any;
use crate::model::error::Fault;
use crate::model::id::{DatabaseId, LogIndex, Position, Term};
use crate::model::member::Member;
use crate::model::statement::{Dialect, UnitOutcome};
use crate::platform::disk::Disk;
pub use crate::raft::Fence;
pub use crate::sqlite::Capturing;
pub use crate::sqlite::{
    MAGIC as DATABASE_MAGIC, PAGE_BYTES, PageFile, read_position, set_wal_mode,
};
use crate::{raft, sqlite};

/// What the engine is started with.
#[derive(Debug, Clone)]
pub struct Options {
    pub data_dir: std::path::PathBuf,
    pub sqlite: sqlite::Options,
    /// A log entry's pages are cut into parts of about this size.
    pub entry_bytes_max: usize,
    /// Waiting writes at the most; above it they are refused (53300). Waiting reads, too.
    pub queue_length_max: usize,
    /// A result that is collected in memory (a unit's) is at most this large: 54000.
    pub result_bytes_max: usize,
    /// Statements of clients that take longer are logged.
    pub slow_statement: Option<std::time::Duration>,
}

/// The engine of one node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    core: Arc<core::Core>,
}

/// How a transaction is opened at the leader.
#[derive(Debug, Clone)]
pub struct Begin {
    pub database: DatabaseId,
    pub dialect: Dialect,
    /// REPEATABLE READ: fail with 40001 if anything was committed since this position.
    pub since: Option<Position>,
    /// READ COMMITTED: others may write meanwhile, as far as they don't touch the same rows.
    pub private: bool,
    pub limits: Limits,
}

impl Engine {
    /// Opens the databases in `options.data_dir` (which must exist) in the states that Raft has
    /// noted ([`raft::read_state`]). Within a runtime: the write lanes' threads belong to it.
    ///
    /// What Raft applies the log to is [`Self::replica`]; once Raft runs, [`Self::attach`] connects
    /// the two. Until then requests are answered with 57P03.
    ///
    /// `on_fault` is told of faults: the process must stop. It is called on any thread, maybe more
    /// than once, and must not block.
    ///
    /// # Errors
    /// If a file can't be opened or read, or is damaged.
    pub fn open(
        options: Options,
        me: Member,
        disk: Arc<dyn Disk>,
        states: Option<Vec<raft::DatabaseState>>,
        on_fault: impl Fn(Fault) + Send + Sync + 'static,
    ) -> Result<Self, Fault> {
        let on_fault = store::OnFault(Arc::new(on_fault));
        Ok(Self { core: core::Core::open(options, me, disk, states, on_fault)? })
    }

    /// The databases, for [`raft::Start::databases`].
    pub fn replica(&self) -> Arc<dyn raft::Databases> {
        Arc::new(replica::Replica(self.core.clone()))
    }

    /// Connects the engine with the running Raft node and with the other nodes' engines. Once.
    pub fn attach(&self, node: raft::Node, peers: impl Peers) {
        self.core.attach(node, Arc::new(peers));
    }

    /// Lets go of the Raft node, as closing does: engine and node hold each other.
    #[cfg(test)]
    pub(crate) fn abandon(&self) {
        self.core.detach();
    }
}

/// A committed unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    pub outcome: UnitOutcome,
    /// The log entry that holds it; `None` if nothing was changed.
    pub index: Option<LogIndex>,
    /// Whether it was carried out before, and this is the answer from then.
    pub repeated: bool,
}

/// What a unit fails with whose key was used for another one.
pub const KEY_USED: &str = "the idempotency key was used for another request";

/// For `/status`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Status {
    pub raft: raft::Status,
    pub databases: Vec<DatabaseStatus>,
}

/// How far a node has got, as it tells other nodes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// Of its program.
    pub version: String,
    /// As in [`raft::Status`].
    pub role: String,
    pub term: Term,
    pub last_log: LogIndex,
    pub committed: LogIndex,
    pub applied: LogIndex,
    /// Bytes of entries in its log.
    pub log_bytes: u64,
    /// Bytes of a snapshot that have arrived, and that are to arrive; both 0 if none is being sent.
    pub received: u64,
    pub expected: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseStatus {
    pub id: DatabaseId,
    pub name: String,
    pub position: Position,
    /// Bytes.
    pub file_size: u64,
    /// Bytes.
    pub wal_size: u64,
    /// Units and transactions waiting for the write slot.
    pub waiting: usize,
}
