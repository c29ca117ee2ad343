//! Identifiers. Each is its own type, so that two of them can't be swapped by accident.

use std::fmt;
use std::num::NonZeroU32;

/// A Raft node id. Derived from the node's [`StoreId`], so that a node whose disk was lost can
/// never come back under the id that its old log voted with. What operators call a node's id
/// (`--node-id`) is its [name](crate::model::member::Member::name).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NodeId(pub u64);

/// The identity of one data directory: random, written once when it is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StoreId(pub [u8; 16]);

impl StoreId {
    /// The Raft id that belongs to this data directory: its first eight bytes. Never 0.
    pub fn node_id(self) -> NodeId {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0[..8]);
        NodeId(u64::from_be_bytes(first).max(1))
    }
}

/// The identity of a cluster: random, made by the node that bootstrapped it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ClusterId(pub [u8; 16]);

/// A database's id, which is also its PostgreSQL OID (`pg_database.oid`). Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatabaseId(pub u32);

impl DatabaseId {
    /// The first database, `postgres`, which lives in `DATA_DIR/db.sqlite`.
    pub const POSTGRES: Self = Self(5);
    /// The first id for databases made by `CREATE DATABASE`.
    pub const FIRST_CREATED: u32 = 16384;
}

/// A Raft term. 0 before the first election.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Term(pub u64);

/// The index of an entry in the Raft log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LogIndex(pub u64);

/// Counts a database's committed transactions. 0 is the empty database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TransactionId(pub u64);

impl TransactionId {
    /// The id of the transaction after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The number of a page in a database file, from 1 (SQLite file format §1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageNumber(pub NonZeroU32);

/// One proposal of one node, so that the proposer knows its own entry when it is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ProposalId(pub u64);

/// A hash over a database's whole history of transactions: each value covers the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Chain(pub u128);

/// Where a database stands. Two databases at equal positions hold equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Position {
    /// The last transaction that was committed.
    pub txid: TransactionId,
    /// The chain value after that transaction.
    pub chain: Chain,
}

/// SQLite's schema cookie: changes whenever the schema or Eider's catalog tables change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SchemaVersion(pub u32);

macro_rules! display_number {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    )*};
}
display_number!(DatabaseId, Term, LogIndex, TransactionId, PageNumber, ProposalId, SchemaVersion);

macro_rules! display_hex {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    )*};
}
display_hex!(StoreId, ClusterId);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.txid, self.chain)
    }
}
