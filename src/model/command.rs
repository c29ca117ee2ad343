//! What a Raft log entry asks every node to do. `raft::command` has the byte layout.

use bytes::Bytes;

use crate::model::id::{Chain, DatabaseId, NodeId, Position, ProposalId, TransactionId};
use crate::model::notification::Notification;

/// What an entry holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Nothing: its place in the log is what matters (`strong` reads).
    Barrier,
    /// One transaction's pages, or a part of them.
    Pages(PagesPart),
    CreateDatabase {
        id: DatabaseId,
        name: String,
    },
    DropDatabase {
        id: DatabaseId,
    },
}

/// One part of a transaction's pages. Parts of one transaction follow each other in the log, but
/// entries of other databases may lie between them. The last part commits.
#[derive(Debug, Clone, PartialEq)]
pub struct PagesPart {
    pub database: DatabaseId,
    /// The position that the pages were built on. A node whose database stands elsewhere skips the
    /// entry; all nodes decide alike.
    pub base: Position,
    /// `base.txid.next()`.
    pub txid: TransactionId,
    /// The chain value after this transaction. Only meaningful in the last part.
    pub chain: Chain,
    /// The size of the database after this transaction, in pages.
    pub database_pages: u32,
    /// From 0.
    pub part: u32,
    /// Whether this is the last part.
    pub last: bool,
    pub origin: Origin,
    /// What the leader's clock showed when it proposed the transaction: microseconds since 1970-01-01
    /// 00:00 UTC, the same in all parts. 0: not known. Nothing is decided by it.
    pub proposed_at: u64,
    /// Encoded pages; `sqlite::page_set` has the byte layout.
    pub pages: Bytes,
    /// What sessions that listen are told when the transaction is committed. Only in the last part.
    pub notifications: Vec<Notification>,
}

impl PagesPart {
    /// Whether it is a whole transaction.
    pub fn is_whole(&self) -> bool {
        self.part == 0 && self.last
    }
}

/// Who proposed an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Origin {
    pub node: NodeId,
    pub proposal: ProposalId,
}

/// What applying an entry did. Every node comes to the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    Done,
    /// The entry was built on another position, or names a database that is gone or exists
    /// already: nothing changed.
    Skipped,
}
