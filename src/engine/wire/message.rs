//! The messages themselves.

use std::sync::Arc;
use std::time::Duration;

use super::{Cursor, Unreadable, Wire, wire_enum, wire_struct};
use crate::engine::lane::{Mark, Refusal};
use crate::engine::read::Query;
use crate::engine::{DatabaseHash, Progress, Verified, Written};
use crate::model::advisory::{AdvisoryKey, AdvisoryLock, AdvisoryMode, AdvisoryScope};
use crate::model::catalog::Catalog;
use crate::model::error::Error;
use crate::model::id::{DatabaseId, LogIndex, NodeId, Position, SchemaVersion, TransactionId};
use crate::model::statement::{Completion, Dialect, Statement, Unit};
use crate::model::value::{ResultColumn, RowBatch};
use crate::platform::clock::{self, Instant};
use crate::raft::Fence;

/// A moment, as the time that is left until then: clocks differ between nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine) struct Deadline(pub Instant);

impl Wire for Deadline {
    fn put(&self, into: &mut Vec<u8>) {
        self.0.remaining().put(into);
    }
    fn take(from: &mut Cursor<'_>) -> Result<Self, Unreadable> {
        Ok(Self(clock::now().plus(Duration::take(from)?)))
    }
}

/// Microseconds.
impl Wire for Duration {
    fn put(&self, into: &mut Vec<u8>) {
        u64::try_from(self.as_micros()).unwrap_or(u64::MAX).put(into);
    }
    fn take(from: &mut Cursor<'_>) -> Result<Self, Unreadable> {
        u64::take(from).map(Self::from_micros)
    }
}

/// Names a call among all that run: who made it, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::engine) struct Asked {
    pub node: NodeId,
    pub number: u64,
}

/// A request with one answer.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::engine) enum Call {
    Write {
        asked: Asked,
        database: DatabaseId,
        unit: Unit,
        deadline: Option<Deadline>,
        lock_timeout: Option<Duration>,
        under: Option<Fence>,
    },
    /// Interrupts a call that runs.
    Cancel {
        asked: Asked,
    },
    /// What a linearizable read must wait for.
    Index {
        lease: bool,
        strong: bool,
    },
    Ping,
    /// For the leader.
    Order(Order),
    /// How many sessions use a database there.
    Sessions {
        database: DatabaseId,
    },
    /// For the leader: compare a database on all nodes.
    Verify {
        database: DatabaseId,
    },
    /// Open a view of a database at this transaction, which the entry has led to, and hash it.
    Freeze {
        database: DatabaseId,
        index: LogIndex,
        txid: TransactionId,
    },
    /// The hash of a view.
    Hash {
        ticket: u64,
    },
    /// How far the node has got.
    Progress,
}

/// What an operator or DDL wants of the cluster.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::engine) enum Order {
    CreateDatabase { name: String },
    DropDatabase { name: String },
    Remove { name: String },
    Transfer { to: Option<String> },
}

/// An answer; the leader's may be that it isn't one.
pub(in crate::engine) type Answer = Result<Reply, Refusal>;

#[derive(Debug, Clone, PartialEq)]
pub(in crate::engine) enum Reply {
    Written(Written),
    Done,
    Index(LogIndex),
    Count(u64),
    /// The answer to a ping: the version of the program.
    Version(String),
    Verified(Verified),
    /// `None`: not yet.
    Hash(Option<Result<DatabaseHash, String>>),
    Progress(Progress),
}

/// The first message on a stream.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::engine) enum OpenStream {
    Begin {
        database: DatabaseId,
        dialect: Dialect,
        since: Option<Position>,
        private: bool,
        deadline: Option<Deadline>,
        lock_timeout: Option<Duration>,
        under: Option<Fence>,
    },
    Read {
        query: Query,
        deadline: Option<Deadline>,
    },
    /// A session's advisory locks, as long as the stream lasts.
    Locks {
        database: DatabaseId,
    },
    /// A file comes, to take a database's place.
    Load {
        database: DatabaseId,
        deadline: Option<Deadline>,
    },
}

/// What the holder of a stream asks for.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::engine) enum ToLeader {
    Run {
        statement: Statement,
        deadline: Option<Deadline>,
        lock_timeout: Option<Duration>,
    },
    RunEach {
        sql: Arc<str>,
        rows: RowBatch,
        deadline: Option<Deadline>,
    },
    Mark {
        mark: Mark,
        depth: u32,
    },
    Catalog,
    Commit,
    Rollback,
    /// Interrupts what runs.
    Cancel,
    /// The transaction, if it is private, is to take the write slot.
    Exclusive {
        deadline: Option<Deadline>,
        lock_timeout: Option<Duration>,
    },
    /// The rows that come aren't wanted any more.
    Enough,
    Lock {
        lock: AdvisoryLock,
        wait: bool,
        deadline: Option<Deadline>,
        lock_timeout: Option<Duration>,
    },
    Unlock {
        lock: AdvisoryLock,
    },
    UnlockAll {
        scope: AdvisoryScope,
    },
    /// Of a file; an empty one ends it.
    Part(Vec<u8>),
}

/// What the leader answers, in the order of the requests.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::engine) enum FromLeader {
    Opened {
        schema: SchemaVersion,
    },
    Refused(Refusal),
    Columns(Vec<ResultColumn>),
    Rows(RowBatch),
    /// The end of rows, or the answer to [`ToLeader::RunEach`].
    Completed(Completion),
    SchemaChanged,
    Failed(Error),
    Done,
    Catalog(Arc<Catalog>),
    Committed(Option<LogIndex>),
    /// Before an answer: the transaction's catalog isn't the committed one any more.
    CatalogChanged,
    /// At any time: the transaction is gone, or the locks.
    Lost(Error),
    LocksOpened {
        fence: Fence,
    },
    /// Whether a lock was given, or there was one to give up.
    Granted(bool),
}

wire_struct! {
    Asked { node, number }
    Fence { term, leader }
    AdvisoryLock { key, mode, scope }
}
wire_enum!(AdvisoryKey { 0 => One(key), 1 => Pair(high, low) });
wire_enum!(AdvisoryMode { 0 => Shared, 1 => Exclusive });
wire_enum!(AdvisoryScope { 0 => Session, 1 => Transaction });
wire_enum!(Call {
    0 => Write { asked, database, unit, deadline, lock_timeout, under },
    1 => Cancel { asked },
    2 => Index { lease, strong },
    3 => Ping,
    4 => Order(order),
    5 => Sessions { database },
    6 => Verify { database },
    7 => Freeze { database, index, txid },
    8 => Hash { ticket },
    9 => Progress,
});
wire_enum!(Order {
    0 => CreateDatabase { name },
    1 => DropDatabase { name },
    2 => Remove { name },
    3 => Transfer { to },
});
wire_enum!(Reply { 0 => Written(written), 1 => Done, 2 => Index(index), 3 => Count(count), 4 => Version(version), 5 => Verified(verified), 6 => Hash(hash), 7 => Progress(progress) });
wire_enum!(OpenStream {
    0 => Begin { database, dialect, since, private, deadline, lock_timeout, under },
    1 => Read { query, deadline },
    2 => Load { database, deadline },
    3 => Locks { database },
});
wire_enum!(ToLeader {
    0 => Run { statement, deadline, lock_timeout },
    1 => RunEach { sql, rows, deadline },
    2 => Mark { mark, depth },
    3 => Catalog,
    4 => Commit,
    5 => Rollback,
    6 => Cancel,
    7 => Enough,
    8 => Exclusive { deadline, lock_timeout },
    9 => Part(bytes),
    10 => Lock { lock, wait, deadline, lock_timeout },
    11 => Unlock { lock },
    12 => UnlockAll { scope },
});
wire_enum!(FromLeader {
    0 => Opened { schema },
    1 => Refused(refusal),
    2 => Columns(columns),
    3 => Rows(rows),
    4 => Completed(completion),
    5 => SchemaChanged,
    6 => Failed(error),
    7 => Done,
    8 => Catalog(catalog),
    9 => Committed(index),
    10 => Lost(error),
    11 => CatalogChanged,
    12 => LocksOpened { fence },
    13 => Granted(granted),
});
