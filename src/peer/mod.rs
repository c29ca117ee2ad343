//! Node to node: frames over TCP, a handshake that checks who is there, calls and streams.
//! Payloads are bytes.
//!
//! Owns connections between nodes and everything that can go wrong with them. Never looks into a
//! payload, never sends a message twice, and never decides what a failure means for a request.
//!
//! Each kind of traffic has connections of its own (a *lane*), so that a heartbeat never waits
//! behind a snapshot. Calls share a connection and are told apart by number; a stream has one to
//! itself and gives it back when both sides have finished. `docs/format.md` has the bytes.

mod calls;
mod client;
mod frame;
mod handshake;
mod outlet;
#[cfg(test)]
mod peer_test;
mod server;
mod stream;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::model::id::{ClusterId, NodeId, StoreId};

pub use client::Client;
#[cfg(any(test, fuzzing))]
pub(crate) use frame::read_any;
pub use server::serve;
pub use stream::{Stream, StreamReceiver, StreamSender};

/// Who this node is, for the handshake.
#[derive(Debug, Clone)]
pub struct Identity {
    pub node: NodeId,
    pub store: StoreId,
    /// `None` until this node belongs to a cluster: then only [`Kind::Join`], [`Kind::Hello`],
    /// [`Kind::Notify`] and [`Kind::Log`] are let through.
    pub cluster: Arc<std::sync::OnceLock<ClusterId>>,
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// `host:port`.
    pub address: String,
    /// Who must answer there; `None` when that isn't known yet (joining).
    pub node: Option<NodeId>,
}

/// What a message is for. Kinds of one lane share connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Who are you? (needs no cluster)
    Hello = 1,
    /// Let me into your cluster (needs no cluster)
    Join = 2,
    /// Bootstrap: I am here and expect N nodes (needs no cluster)
    Notify = 3,
    /// Recovery: how far does your log go? (needs no cluster)
    Log = 4,
    /// Raft votes, pre-votes, heartbeats, leader transfer
    RaftControl = 10,
    /// Raft entries: a stream
    RaftAppend = 11,
    /// Raft snapshot: a stream
    RaftSnapshot = 12,
    /// A request for the engine of the receiver
    Engine = 20,
    /// A stream to the engine of the receiver: a transaction or a long read
    EngineStream = 21,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::Hello,
            Self::Join,
            Self::Notify,
            Self::Log,
            Self::RaftControl,
            Self::RaftAppend,
            Self::RaftSnapshot,
            Self::Engine,
            Self::EngineStream,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }
}

/// Why a message has no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum PeerError {
    /// Nothing was sent: no connection, or the handshake failed. Safe to send again.
    Unreachable(String),
    /// The connection broke; the receiver may have acted on it.
    Broken(String),
    /// No answer in time; the receiver may have acted on it.
    TimedOut,
    /// The receiver refused it before acting.
    Refused(String),
}

impl std::fmt::Display for PeerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "unreachable: {why}"),
            Self::Broken(why) => write!(f, "connection broken: {why}"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}

/// Who sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    pub node: NodeId,
    pub store: StoreId,
    /// `None` if it didn't belong to a cluster when it connected.
    pub cluster: Option<ClusterId>,
}

/// What a node does with messages from others. `server` supplies it.
///
/// Its futures run on the connection's own task, many at a time but never in parallel: lengthy
/// computations belong elsewhere.
pub trait Handler: Send + Sync + 'static {
    /// Answers a call. An `Err` reaches the caller as [`PeerError::Refused`].
    fn call(
        &self,
        from: Sender,
        kind: Kind,
        payload: Bytes,
    ) -> impl Future<Output = Result<Bytes, String>> + Send;
    /// Serves a stream until it ends. The future is dropped if the node stops and waits for it in
    /// vain.
    fn stream(&self, from: Sender, kind: Kind, stream: Stream) -> impl Future<Output = ()> + Send;
}

/// Patience. Tests have less of it.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// For connecting, the handshake included.
    connect: Duration,
    /// For each step of the handshake.
    handshake: Duration,
    /// For the next byte to move where one should; `None`: the lane's own.
    stall: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), handshake: Duration::from_secs(5), stall: None }
    }
}

impl Limits {
    fn stall(self, lane: handshake::Lane) -> Duration {
        self.stall.unwrap_or(lane.stall())
    }
}
