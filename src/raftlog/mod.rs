//! The Raft log on disk: segments of records, one file after the other. Votes, entries,
//! truncations and purges share the file, so that their order on disk is the order of the calls.
//!
//! Knows neither openraft nor SQL: entries are bytes, votes are bytes.
//!
//! | file | owns |
//! |---|---|
//! | `record` | the byte layout |
//! | `segment` | one file |
//! | `view` | the contents as readers see them, and the newest entries in memory |
//! | `writer` | appending records to files |
//! | `flush` | the queue, group commit, and what happens after a failure |
//! | `recover` | opening: torn or corrupt? |

mod flush;
mod record;
mod recover;
mod segment;
mod view;
mod writer;

#[cfg(test)]
mod crash_test;
#[cfg(test)]
mod raftlog_test;

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;

use crate::model::error::Fault;
use crate::model::id::StoreId;
use crate::platform::disk::Disk;
use crate::platform::task;
use crate::raftlog::flush::{Queued, Shared};
use crate::raftlog::recover::Place;
use crate::raftlog::writer::Operation;

/// An entry as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub index: u64,
    /// openraft's log id without its index, encoded by the caller.
    pub leader: LeaderBytes,
    /// At most 1 GiB.
    pub payload: Bytes,
    /// Hash over index, leader and payload, made by the caller: two entries under one id with other
    /// contents differ.
    pub hash: u64,
}

/// An encoded committed leader id: term and node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct LeaderBytes(pub [u8; 16]);

/// Where the log begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    /// The last purged entry's id.
    pub purged: Option<(u64, LeaderBytes)>,
    /// The last entry's id; the last purged one's if no entry is left.
    pub last: Option<(u64, LeaderBytes)>,
}

/// Sizes. All in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A segment is preallocated to this size; a larger entry gets a segment of its own. One more
    /// is kept in reserve.
    pub segment_bytes: u64,
    /// Entries kept in memory behind the end of the log. Entries that are not written yet are in
    /// memory besides.
    pub cache_bytes: usize,
}

/// Who writes and syncs what is queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushing {
    /// A thread of the log's own.
    Thread,
    /// The call itself: it returns when everything is durable and the callback was called.
    Inline,
    /// Whoever calls [`RaftLog::flush`]. For simulations, which decide when an fsync is done.
    /// Closing the log, or dropping its last clone, flushes as well: cut the power first.
    Manual,
}

/// The log. Cheap to clone; all clones are the same log. Calls that change it are made in order by
/// one caller; reads may come from anywhere.
///
/// After a failed write or fsync every call that changes the log is refused with that fault, and
/// so is every callback that still waits. Nothing is tried twice: what the operating system still
/// has in memory after a failed fsync is not to be trusted.
#[derive(Debug, Clone)]
pub struct RaftLog {
    handle: Arc<Handle>,
}

/// Closes the log with its last clone.
struct Handle {
    shared: Arc<Shared>,
    flushing: Flushing,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RaftLog").field("flushing", &self.flushing).finish_non_exhaustive()
    }
}

/// Called once what it was given with, and everything before it, is durable. It must not block:
/// the next fsync waits for it.
pub type Flushed = Box<dyn FnOnce(Result<(), Fault>) + Send>;

impl RaftLog {
    /// Payload bytes that may wait to be written before [`RaftLog::room`] asks callers to wait.
    pub const QUEUE_BYTES_MAX: usize = 64 << 20;

    /// Opens the log in `directory`, or creates one that belongs to `store`. It has a thread of
    /// its own, called `raft-log`.
    ///
    /// # Errors
    /// If the log belongs to another store, or is corrupt (as opposed to torn at its end): the
    /// message says what to do. Nothing is changed or removed then.
    pub fn open(
        disk: Arc<dyn Disk>,
        directory: &Path,
        store: StoreId,
        limits: Limits,
    ) -> Result<Self, Fault> {
        Self::open_with(disk, directory, store, limits, Flushing::Thread)
    }

    /// As [`RaftLog::open`], with a choice of who flushes.
    ///
    /// # Errors
    /// As [`RaftLog::open`].
    pub fn open_with(
        disk: Arc<dyn Disk>,
        directory: &Path,
        store: StoreId,
        limits: Limits,
        flushing: Flushing,
    ) -> Result<Self, Fault> {
        let (view, writer) = recover::open(&Place { disk, directory, store }, limits)?;
        let shared = Arc::new(Shared::new(view, writer));
        shared.reserve();
        let thread = if flushing == Flushing::Thread {
            let shared = Arc::clone(&shared);
            let thread = task::thread("raft-log", move || shared.run());
            Some(thread.map_err(|error| Fault::new(format!("start the log's thread: {error}")))?)
        } else {
            None
        };
        let handle = Handle { shared, flushing, thread: Mutex::new(thread) };
        Ok(Self { handle: Arc::new(handle) })
    }

    /// Whether `directory` holds a log: a data directory that had one and has none has lost it.
    ///
    /// # Errors
    /// If the directory can't be read.
    pub fn exists(disk: &dyn Disk, directory: &Path) -> io::Result<bool> {
        recover::exists(disk, directory)
    }

    pub fn extent(&self) -> Extent {
        self.shared().state().view.extent()
    }

    /// The index up to which entries are durable; 0 if none is. Entries up to the purged one count
    /// as durable: whoever purged them has them elsewhere.
    pub fn flushed(&self) -> crate::platform::watch::Receiver<u64> {
        self.shared().flushed.subscribe()
    }

    /// Entries of `range` from its start, until it ends or `bytes_max` is reached; at least one if
    /// the first exists. Those that don't exist, at either end, are left out. Entries that are not
    /// in memory are read from the disk by this call.
    ///
    /// # Errors
    /// If the disk can't be read, or what it gives is not what was written.
    pub fn read(&self, range: Range<u64>, bytes_max: usize) -> Result<Vec<Record>, Fault> {
        let found = self.shared().state().view.find(range.start, range.end, bytes_max)?;
        let cold = found.cold.iter();
        let mut records = cold
            .map(|(index, position, segment)| segment.read_entry(*index, *position))
            .collect::<Result<Vec<_>, _>>()?;
        records.extend(found.hot);
        Ok(records)
    }

    /// Whether [`RaftLog::read`] from `index` on would need no disk.
    pub fn in_memory(&self, index: u64) -> bool {
        self.shared().state().view.in_memory(index)
    }

    /// Appends; the records are readable at once, and durable when `flushed` is called. It is
    /// called even if this fails.
    ///
    /// # Errors
    /// If the records don't follow the log's last entry, one is too large, or the log has failed.
    pub fn append(&self, records: Vec<Record>, flushed: Flushed) -> Result<(), Fault> {
        self.submit_append(records, flushed)?;
        self.flush_soon();
        Ok(())
    }

    /// As [`RaftLog::append`], for a caller that has nothing to do until the records are durable: if the
    /// disk has been quick of late, this thread writes and syncs them before the call returns, which
    /// saves two changes of threads. `flushed` may not drop the last clone of the log.
    ///
    /// # Errors
    /// As [`RaftLog::append`].
    pub fn append_and_wait(&self, records: Vec<Record>, flushed: Flushed) -> Result<(), Fault> {
        self.submit_append(records, flushed)?;
        if self.handle.flushing == Flushing::Thread {
            self.shared().flush_here();
        } else {
            self.flush_soon();
        }
        Ok(())
    }

    fn submit_append(&self, records: Vec<Record>, flushed: Flushed) -> Result<(), Fault> {
        self.submit_with(flushed, move |view, number| {
            if let Some(large) = records.iter().find(|r| r.payload.len() > record::PAYLOAD_MAX) {
                let bytes = large.payload.len();
                return Err(Fault::new(format!("a Raft log entry of {bytes} bytes is too large")));
            }
            view.check_append(&records)?;
            for record in &records {
                view.append(record.clone(), number);
            }
            Ok(Operation::Append(records))
        })
    }

    /// Removes every entry after `index`. Durable no later than whatever is appended next.
    ///
    /// # Errors
    /// If purged entries would have to be removed, or the log has failed.
    pub fn truncate_after(&self, index: Option<u64>) -> Result<(), Fault> {
        let next = index.map_or(0, |index| index + 1);
        self.submit(move |view, _| {
            let purged = view.extent().purged;
            if purged.is_some_and(|(purged, _)| next <= purged) {
                return Err(Fault::new(format!(
                    "the Raft log can't be cut before entry {next}: it is purged"
                )));
            }
            let removed = view.truncate(next);
            Ok(removed.then(|| Operation::Truncate(view.extent().last, next)))
        })
    }

    /// Forgets entries up to and with `last`, which may lie beyond the end of the log: it is then
    /// empty and ends there. Segments are deleted after this is durable.
    ///
    /// # Errors
    /// If the log has failed.
    pub fn purge(&self, last: (u64, LeaderBytes)) -> Result<(), Fault> {
        self.submit(move |view, _| Ok(view.purge(last).then_some(Operation::Purge(last))))
    }

    /// Stores the vote, which can be read at once; `flushed` is called when it is durable, and
    /// even if this fails.
    ///
    /// # Errors
    /// If the vote is longer than 1024 bytes, or the log has failed.
    pub fn save_vote(&self, vote: Bytes, flushed: Flushed) -> Result<(), Fault> {
        self.submit_with(flushed, move |view, _| {
            check_state("vote", &vote)?;
            view.vote = Some(vote.clone());
            Ok(Operation::Vote(vote))
        })?;
        self.flush_soon();
        Ok(())
    }

    pub fn vote(&self) -> Option<Bytes> {
        self.shared().state().view.vote.clone()
    }

    /// A hint, not made durable by itself.
    ///
    /// # Errors
    /// If it is longer than 1024 bytes, or the log has failed.
    pub fn save_committed(&self, committed: Bytes) -> Result<(), Fault> {
        self.submit(move |view, _| {
            check_state("committed id", &committed)?;
            view.committed = Some(committed.clone());
            Ok(Some(Operation::Committed(committed)))
        })
    }

    pub fn committed(&self) -> Option<Bytes> {
        self.shared().state().view.committed.clone()
    }

    /// Bytes of entries after `index` (what a purge up to it would keep).
    pub fn bytes_after(&self, index: u64) -> u64 {
        self.shared().state().view.bytes_after(index)
    }

    /// Waits until less than [`RaftLog::QUEUE_BYTES_MAX`] waits to be written. To be called before
    /// an append whose size nothing else bounds.
    pub async fn room(&self) {
        let mut queued = self.shared().queued_bytes.subscribe();
        let room = queued.wait_for(|bytes| *bytes < Self::QUEUE_BYTES_MAX).await;
        drop(room.expect("the sender lives as long as this log"));
    }

    /// How long somebody has waited by now for a write or an fsync that doesn't end. Zero if nobody waits.
    pub fn wait(&self) -> Duration {
        self.shared().state().wait()
    }

    /// True while the disk has no space for another segment. There is room left in the present one,
    /// for votes and what the cluster needs to go on; clients' writes are to be refused until it
    /// is false again. A purge may free space; otherwise the disk is asked every second.
    pub fn full(&self) -> crate::platform::watch::Receiver<bool> {
        self.shared().full.subscribe()
    }

    /// Writes what is queued and syncs it if a callback waits for that. Only of use with
    /// [`Flushing::Manual`].
    pub fn flush(&self) {
        self.shared().flush();
    }

    /// Stops the flush thread after what is queued, and waits for it.
    pub fn close(&self) {
        self.handle.close();
    }

    fn shared(&self) -> &Shared {
        &self.handle.shared
    }

    fn submit(
        &self,
        change: impl FnOnce(&mut view::View, u64) -> Result<Option<Operation>, Fault>,
    ) -> Result<(), Fault> {
        let soon = self.shared().submit(|view, number| {
            let operation = change(view, number)?;
            Ok(operation.map(|operation| Queued { operation, flushed: None }))
        })?;
        if soon || self.handle.flushing == Flushing::Inline {
            self.flush_soon();
        }
        Ok(())
    }

    /// Queues what `flushed` waits for; [`Self::flush_soon`] must follow.
    fn submit_with(
        &self,
        flushed: Flushed,
        change: impl FnOnce(&mut view::View, u64) -> Result<Operation, Fault>,
    ) -> Result<(), Fault> {
        let mut flushed = Some(flushed);
        let submitted = self.shared().submit(|view, number| {
            let operation = change(view, number)?;
            Ok(Some(Queued { operation, flushed: flushed.take() }))
        });
        match (submitted, flushed) {
            (Err(fault), Some(flushed)) => {
                flushed(Err(fault.clone()));
                Err(fault)
            }
            (submitted, _) => submitted.map(drop),
        }
    }

    fn flush_soon(&self) {
        match self.handle.flushing {
            Flushing::Thread => self.shared().wake(),
            Flushing::Inline => self.shared().flush(),
            Flushing::Manual => {}
        }
    }
}

impl Handle {
    fn close(&self) {
        self.shared.begin_close();
        let thread = self.thread.lock().expect("no holder of this lock panics").take();
        match thread {
            // A callback dropped the last clone: the thread ends by itself after what is queued.
            Some(thread) if thread.thread().id() == std::thread::current().id() => return,
            Some(thread) => drop(thread.join()),
            None if self.flushing == Flushing::Thread => return,
            None => {}
        }
        self.shared.finish();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

fn check_state(what: &str, bytes: &Bytes) -> Result<(), Fault> {
    if bytes.len() > record::STATE_MAX {
        return Err(Fault::new(format!("a {what} of {} bytes is too large", bytes.len())));
    }
    Ok(())
}
