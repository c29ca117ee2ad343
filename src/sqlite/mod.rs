//! The database file. The only home of rusqlite.
//!
//! Synchronous: no thread is started in here, and nothing waits for the network.

mod answers;
mod apply;
mod capture;
mod changes;
mod constraint;
mod control;
mod culprit;
mod database;
mod declared_type;
mod errors;
mod function;
mod guard;
mod link;
mod load;
mod once;
mod outbox;
mod page;
mod page_file;
mod page_set;
mod place;
mod private;
mod reader;
mod rewrite;
mod run;
mod savepoints;
mod schema;
mod sequence;
mod snapshot;
#[cfg(any(test, fuzzing))]
mod trial;
mod vfs;
mod writer;

#[cfg(test)]
mod catalog_test;
#[cfg(test)]
mod changes_test;
#[cfg(test)]
mod guard_test;
#[cfg(test)]
mod random_test;
#[cfg(test)]
mod replication_test;
#[cfg(test)]
mod system_table_test;
#[cfg(test)]
mod testkit;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32};

use crate::catalog::Deparse;
use crate::model::error::{Error, Fault};
use crate::model::value::{ResultColumn, RowBatch};
use crate::platform::clock::Instant;

pub use answers::Remembered;
pub use capture::Capture;
pub use changes::{Capturing, check_table_filter};
pub use database::Database;
pub use load::{MAGIC, prepare_load};
pub use page::{page_checksum, set_wal_mode};
pub use page_file::{PageFile, read_position};
pub use page_set::chain_after;
pub use private::{Job, Outcome, Ran};
pub use reader::Reader;
pub use snapshot::SnapshotView;
#[cfg(any(test, fuzzing))]
pub(crate) use trial::Trial;
pub use vfs::PAGE_BYTES;
pub use writer::Writer;

/// How databases are opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether statements of the SQLite dialect have foreign keys enforced.
    pub foreign_keys: bool,
    /// A transaction with more page bytes than this is refused: 54000.
    pub transaction_bytes_max: u64,
    /// The page cache of the write connection, in bytes. What doesn't fit is spilled to the WAL.
    pub cache_bytes: u64,
    /// Read-only connections at the most.
    pub readers_max: usize,
    /// Reads the definitions that the system catalogs show; without it they are shown as written.
    pub deparse: Option<Arc<dyn Deparse>>,
    /// The longest string or BLOB, in bytes (`SQLITE_LIMIT_LENGTH`).
    pub value_bytes_max: u32,
    /// Libraries of SQLite extensions that every connection of clients loads, in this order.
    pub extensions: Vec<PathBuf>,
    /// Which changes of rows are captured, if any are.
    pub capturing: Option<Arc<Capturing>>,
}

/// Takes a statement's rows as they are made.
pub trait RowSink {
    /// Called once, before the rows, for statements that have result columns.
    fn columns(&mut self, columns: Vec<ResultColumn>);
    /// Takes rows; may block. An `Err` ends the statement.
    fn push(&mut self, batch: RowBatch) -> Result<(), Error>;
}

/// When to stop a running statement. Checked every thousand or so SQLite instructions.
#[derive(Debug, Clone, Default)]
pub struct Control {
    /// 57014 "canceling statement due to statement timeout" when it passes.
    pub deadline: Option<Instant>,
    /// 57014 "canceling statement due to user request" when set.
    pub cancel: Option<Arc<AtomicBool>>,
    /// The same, set by somebody in whose way the statement stands: not by its client, whose next
    /// attempt it must not stop.
    pub stop: Option<Arc<AtomicBool>>,
    /// Checks that may still be made: each takes one away, and the statement stops (57014) at the
    /// check that finds none left. Whoever set it knows by the zero why it stopped.
    pub checks_left: Option<Arc<AtomicU32>>,
    /// What is done when the statement turns out to take long.
    pub overdue: Option<Overdue>,
}

impl Control {
    /// Whether the client or somebody else has asked it to stop.
    pub fn is_stopped(&self) -> bool {
        let is_set = |flag: &Arc<AtomicBool>| flag.load(std::sync::atomic::Ordering::Acquire);
        self.cancel.as_ref().is_some_and(is_set) || self.stop.as_ref().is_some_and(is_set)
    }
}

/// Something to be done once, in the middle of a statement that goes on.
#[derive(Debug, Clone)]
pub struct Overdue {
    /// Checks before it.
    pub checks_left: Arc<AtomicU32>,
    pub then: fn(),
}

/// Why a statement failed.
#[derive(Debug, Clone)]
pub struct RunError {
    pub error: Error,
    /// SQLite rolled back the whole transaction, not just the statement (an interrupted write, for
    /// one).
    pub transaction_lost: bool,
    /// The node can't go on.
    pub fault: Option<Fault>,
}

/// What a checkpoint did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whether every frame that was committed when it began is in the database file, fsynced.
    pub complete: bool,
    /// Frames left in the WAL.
    pub frames_left: u64,
}
