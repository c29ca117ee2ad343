//! Agreement. The only home of openraft: nothing outside this folder sees its types.

mod acknowledged;
mod applied;
mod codec;
mod command;
mod commits;
mod config;
mod confirm;
mod contact;
mod history;
mod leadership;
mod log_store;
mod logged;
mod membership;
mod message;
mod network;
mod node;
mod purge;
mod quarantine;
mod receive;
mod recover;
mod snapshot;
mod stalled;
mod state;
mod state_machine;
mod types;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::model::command::{Applied, Command};
use crate::model::error::Fault;
use crate::model::id::{DatabaseId, LogIndex, NodeId, Position, Term};
use crate::model::member::Member;
use crate::raftlog::RaftLog;

pub use self::commits::Attention;
pub use self::logged::{Logged, decode_command};
#[cfg(any(test, fuzzing))]
pub(crate) use self::message::read_any;
pub use self::recover::{
    Known, LogEnd, force_membership, highest_term, known_members, log_end, vote_for,
};

/// Where Raft's library logs what its calls return to their callers as well.
pub const CALLS_LOG_TARGET: &str = "openraft::raft";

/// The largest command, in bytes: it must fit into one message between nodes with room to spare.
/// Far smaller ones are better: heartbeats wait for the fsync of what came before them.
pub const COMMAND_BYTES_MAX: usize = 32 << 20;

/// Timers, sized by the fsync of the largest entry: a follower answers a heartbeat only when what
/// came before it is durable.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    pub heartbeat: Duration,
    pub election_timeout_min: Duration,
    pub election_timeout_max: Duration,
}

/// The databases, as the log changes them. The engine implements it; `apply`, `positions`,
/// `snapshot`, and the install of what was received come one at a time, in log order; `checkpoint`
/// may run beside them.
///
/// After a restart entries are applied again from the last durable point on, although the files may
/// hold some of them already; and so they are after a snapshot was installed. `apply` finds that
/// out from the databases' positions, and skips those.
pub trait Databases: Send + Sync + 'static {
    /// Applies one command. The log is durable up to it. Returns when its effect can be read.
    fn apply(&self, index: LogIndex, command: Command) -> BoxFuture<'_, Result<Applied, Fault>>;
    /// Applies commands that follow each other and that nobody here waits for one by one: maybe in
    /// fewer steps than there are commands.
    fn apply_all(&self, commands: Vec<(LogIndex, Command)>) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move {
            for (index, command) in commands {
                self.apply(index, command).await?;
            }
            Ok(())
        })
    }
    /// Where every database stands, after the last applied command.
    fn positions(&self) -> BoxFuture<'_, Result<Vec<DatabaseState>, Fault>>;
    /// Makes everything that was applied when it is called durable in the database files.
    fn checkpoint(&self) -> BoxFuture<'_, Result<(), Fault>>;
    /// The lowest index whose entry is needed to apply a later one: the first part of the oldest
    /// transaction whose last part hasn't come and still may. The durable point stays before it, so
    /// that a restart, or a node that installs a snapshot, sees that entry again. Must not block.
    fn needed_from(&self) -> Option<LogIndex>;
    /// Opens a read view of every database at one point. No command is applied meanwhile.
    fn snapshot(&self) -> BoxFuture<'_, Result<Arc<dyn SnapshotSource>, Fault>>;
    /// Starts receiving a snapshot of these databases: what this node has already needn't be sent.
    fn receive(
        &self,
        databases: Vec<DatabaseState>,
    ) -> BoxFuture<'_, Result<Arc<dyn SnapshotSink>, Fault>>;
    /// Something happened after which this node must not go on. May be called more than once.
    fn fault(&self, fault: Fault);
}

/// One database in the state machine's durable state and in snapshots.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseState {
    pub id: DatabaseId,
    pub name: String,
    pub position: Position,
    /// Size in pages; only used in snapshots.
    pub pages: u32,
}

/// Reads a snapshot's pages. Calls may block on the disk; they are made off the async threads.
pub trait SnapshotSource: Send + Sync + 'static {
    fn databases(&self) -> Vec<DatabaseState>;
    /// Pages `first ..` of a database, at most `count`: encoded with their checksums, leaving out
    /// those whose checksum stands in `known` (in the same order).
    fn pages(
        &self,
        database: DatabaseId,
        first: u32,
        count: u32,
        known: &[u64],
    ) -> Result<Bytes, Fault>;
}

/// Takes a snapshot's pages into a staging file, and installs them.
pub trait SnapshotSink: Send + Sync + 'static {
    /// Checksums of this node's own pages `first ..`, at most `count` (fewer at the end of its file).
    fn known(&self, database: DatabaseId, first: u32, count: u32) -> Result<Vec<u64>, Fault>;
    /// Keeps a run of pages. `false`: one of them isn't what its checksum says; none is kept.
    fn put(&self, database: DatabaseId, pages: Bytes) -> Result<bool, Fault>;
    /// All pages are there and durable: install them, each database in one transaction. Repeatable
    /// after a crash.
    fn install(&self) -> BoxFuture<'_, Result<(), Fault>>;
}

/// Carries messages to other nodes. `server` supplies the one over `peer`; the simulation its own.
pub trait Transport: Send + Sync + 'static {
    fn call(
        &self,
        to: Member,
        payload: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Bytes, TransportError>>;
    /// A stream for entries (`false`) or for a snapshot (`true`).
    fn open(
        &self,
        to: Member,
        snapshot: bool,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Box<dyn Channel>, TransportError>>;
}

/// One ordered two-way sequence of messages.
pub trait Channel: Send + 'static {
    fn send(&mut self, message: Bytes) -> BoxFuture<'_, Result<(), TransportError>>;
    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, TransportError>>;
    fn split(self: Box<Self>) -> (Box<dyn ChannelSender>, Box<dyn ChannelReceiver>);
}
pub trait ChannelSender: Send + 'static {
    fn send(&mut self, message: Bytes) -> BoxFuture<'_, Result<(), TransportError>>;
}
pub trait ChannelReceiver: Send + 'static {
    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, TransportError>>;
}

#[derive(Debug, Clone)]
pub enum TransportError {
    /// Nothing arrived there: back off.
    Unreachable(String),
    /// The connection broke under way.
    Network(String),
    TimedOut,
}

impl TransportError {
    /// For a person.
    pub fn reason(&self) -> &str {
        match self {
            Self::Unreachable(reason) | Self::Network(reason) => reason,
            Self::TimedOut => "no answer in time",
        }
    }
}

/// What a leader may propose under: proposals fail if leadership has changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    pub term: Term,
    pub leader: NodeId,
}

/// Who leads, as far as this node knows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Leadership {
    pub term: Term,
    pub leader: Option<Member>,
    /// Set when this node leads and has applied everything up to its own term's first entry: it
    /// may take writes and answer reads.
    pub ready: Option<Fence>,
}

/// Why a proposal failed.
#[derive(Debug, Clone, PartialEq)]
pub enum ProposeError {
    /// Never appended: nothing happened, safe to try again.
    NotLeader,
    /// Appended, then lost from this node's sight: it may have been committed or not.
    Unknown,
    /// Raft has stopped on this node.
    Stopped,
    /// Never appended: this node's disk has no room for the log.
    Full,
}

/// Why a membership change or a transfer failed.
#[derive(Debug, Clone, PartialEq)]
pub enum AdminError {
    NotLeader,
    /// Text for the operator.
    Refused(String),
    Stopped,
}

/// A running Raft node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Node {
    inner: Arc<node::Inner>,
}

/// What a node is started with.
pub struct Start {
    pub me: Member,
    pub timing: Timing,
    pub log: RaftLog,
    /// `DATA_DIR/raft`: `state` lives here.
    pub directory: std::path::PathBuf,
    pub disk: Arc<dyn crate::platform::disk::Disk>,
    pub databases: Arc<dyn Databases>,
    pub transport: Arc<dyn Transport>,
    /// The log is purged, as far as it may be, when it has grown beyond this.
    pub log_bytes_max: u64,
    /// Whether this is a fresh start of the process: votes are refused for one election timeout.
    pub quarantine: bool,
}

impl std::fmt::Debug for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Start").field("me", &self.me).finish_non_exhaustive()
    }
}

/// The databases in the state machine's durable state (`DATA_DIR/raft/state`): what the database
/// files are known to hold after a crash. They may hold more. `None` before the first checkpoint.
///
/// # Errors
/// If the file can't be read, or is corrupt.
pub fn read_state(
    disk: &dyn crate::platform::disk::Disk,
    directory: &Path,
) -> Result<Option<Vec<DatabaseState>>, Fault> {
    Ok(state::read(disk, directory)?.map(|state| state.databases))
}

/// For `/status`, metrics and tests.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Status {
    /// "Leader", "Follower", "Candidate", "Learner", "Shutdown".
    pub role: &'static str,
    pub term: Term,
    pub last_log: LogIndex,
    pub committed: LogIndex,
    pub applied: LogIndex,
    pub snapshot: LogIndex,
    pub purged: LogIndex,
    /// The terms of `last_log`, `applied` and `snapshot`.
    pub last_log_term: Term,
    pub applied_term: Term,
    pub snapshot_term: Term,
    /// The entry that the membership is from.
    pub membership: LogIndex,
    /// Bytes of entries in the log.
    pub log_bytes: u64,
    /// Time since this node heard from the leader; `None` if never, zero on the leader.
    pub last_contact: Option<Duration>,
    /// Receiving a snapshot: bytes so far, bytes expected.
    pub receiving: Option<(u64, u64)>,
    /// On the leader: each follower's last replicated index.
    pub replicated: Vec<(NodeId, LogIndex)>,
}
