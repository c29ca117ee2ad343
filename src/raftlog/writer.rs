//! Writes operations to the newest segment, in order, and makes them durable.
//!
//! Invariants:
//! - positions before `durable` survive a power loss; each record says how far that was when it
//!   was written;
//! - a new segment is made only when everything before it is durable;
//! - a segment has always room for one more mark.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::model::id::StoreId;
use crate::platform::disk::Disk;
use crate::platform::random;
use crate::raftlog::Record;
use crate::raftlog::record::{
    self, Checkpoint, Header, Id, Kind, SEGMENT_HEADER_LEN, SegmentHeader, record_len,
};
use crate::raftlog::segment::{self, Segment};
use crate::raftlog::view::Placed;

/// Buffered bytes are written when they are more than this.
const BUFFER_BYTES: usize = 1 << 20;

/// Small writes are followed by this many zeros, once they reach the end of the last zeros: syncs
/// into space that was written before need not update the file system's own tables, which takes
/// about as long again.
const ZEROED_BYTES: usize = 256 << 10;

/// One change of the log.
#[derive(Debug)]
pub(super) enum Operation {
    Append(Vec<Record>),
    /// The id that the log then ends with, and the index of the next entry.
    Truncate(Option<Id>, u64),
    Purge(Id),
    Vote(Bytes),
    Committed(Bytes),
}

#[derive(Debug)]
pub(super) struct Writer {
    pub disk: Arc<dyn Disk>,
    pub directory: PathBuf,
    pub store: StoreId,
    pub segment_bytes: u64,
    pub active: Arc<Segment>,
    /// The position after the active segment's last byte.
    pub limit: u64,
    /// Where the next record goes.
    pub end: u64,
    /// Zeros were written up to this position.
    pub zeroed: u64,
    /// The checksum of the record before `end`.
    pub previous: u32,
    pub durable: u64,
    /// Whether space for the next segment is reserved.
    pub reserved: bool,
    /// The state after the last operation.
    pub checkpoint: Checkpoint,
    /// Bytes that end at `end` and are not in the file yet.
    pub buffer: Vec<u8>,
    /// What the operations of the present batch did.
    pub placed: Vec<Placed>,
    /// Segments made by the present batch.
    pub made: Vec<Arc<Segment>>,
}

impl Writer {
    /// Adds an operation's records.
    pub(super) fn write(&mut self, operation: &Operation) -> io::Result<()> {
        match operation {
            Operation::Append(records) => {
                for record in records {
                    self.write_entry(record)?;
                }
            }
            Operation::Truncate(last, next) => {
                let kind = if last.is_some() { Kind::Truncate } else { Kind::Clear };
                self.write_record(kind, last.unwrap_or_default(), 0, &[])?;
                self.checkpoint.last = *last;
                self.placed.push(Placed::Truncated(*next));
            }
            Operation::Purge(id) => {
                self.write_record(Kind::Purge, *id, 0, &[])?;
                self.checkpoint.purge(*id);
                self.placed.push(Placed::Purged(id.0 + 1));
            }
            Operation::Vote(vote) => {
                self.write_record(Kind::Vote, Id::default(), 0, vote)?;
                self.checkpoint.vote = Some(vote.clone());
            }
            Operation::Committed(committed) => {
                self.write_record(Kind::Committed, Id::default(), 0, committed)?;
                self.checkpoint.committed = Some(committed.clone());
            }
        }
        Ok(())
    }

    fn write_entry(&mut self, entry: &Record) -> io::Result<()> {
        let id = (entry.index, entry.leader);
        let position = self.write_record(Kind::Entry, id, entry.hash, &entry.payload)?;
        self.checkpoint.last = Some(id);
        self.placed.push(Placed::Entry(entry.index, position));
        Ok(())
    }

    /// Adds a record, in a new segment if it doesn't fit; returns its position.
    fn write_record(&mut self, kind: Kind, id: Id, hash: u64, payload: &[u8]) -> io::Result<u64> {
        let len = record_len(payload.len());
        if self.end + len + record_len(0) > self.limit {
            self.next_segment(len)?;
        }
        let position = self.end;
        self.put(kind, id, hash, payload);
        if self.buffer.len() >= BUFFER_BYTES {
            self.write_buffer()?;
        }
        Ok(position)
    }

    fn put(&mut self, kind: Kind, id: Id, hash: u64, payload: &[u8]) {
        let len = record_len(payload.len());
        let header = Header {
            kind,
            payload_len: payload.len() as u32,
            previous: self.previous,
            position: self.end,
            durable: self.durable,
            index: id.0,
            leader: id.1,
            hash,
            payload_checksum: record::checksum(payload),
        };
        let start = self.buffer.len();
        self.previous = header.encode(self.active.salt, &mut self.buffer);
        self.buffer.extend_from_slice(payload);
        self.buffer.resize(start + len as usize, 0);
        self.end += len;
    }

    /// Writes a record that says how far the log is durable.
    pub(super) fn mark(&mut self) -> io::Result<()> {
        if self.end + record_len(0) <= self.limit {
            self.put(Kind::Mark, Id::default(), 0, &[]);
            self.write_buffer()?;
        }
        Ok(())
    }

    /// Hands what was added to the operating system.
    pub(super) fn write_buffer(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let len = self.buffer.len();
        if self.end > self.zeroed && len < ZEROED_BYTES / 4 {
            self.zeroed = self.limit.min(self.end + ZEROED_BYTES as u64);
            self.buffer.resize(len + (self.zeroed - self.end) as usize, 0);
        }
        let at = self.end - len as u64 - self.active.base;
        self.active.file.write_all_at(&self.buffer, at)?;
        self.buffer.clear();
        self.buffer.shrink_to(2 * BUFFER_BYTES);
        Ok(())
    }

    /// Makes everything that was added durable.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.write_buffer()?;
        if self.durable < self.end {
            self.active.file.sync_data()?;
            self.durable = self.end;
        }
        Ok(())
    }

    /// Goes on in a new segment that has room for a record of `record_bytes`.
    fn next_segment(&mut self, record_bytes: u64) -> io::Result<()> {
        self.sync()?;
        // What is left of the preallocated space is given back.
        self.active.file.set_len(self.end - self.active.base)?;
        let capacity = segment::capacity(self.segment_bytes, record_bytes);
        let header = SegmentHeader {
            store: self.store,
            base: self.end,
            before: Some(self.active.base),
            salt: u64::from_le_bytes(random::bytes()),
            checkpoint: self.checkpoint.clone(),
        };
        let (active, checksum) =
            Segment::create(self.disk.as_ref(), &self.directory, &header, capacity)?;
        self.reserved = false;
        self.active = Arc::new(active);
        self.made.push(Arc::clone(&self.active));
        self.previous = checksum;
        self.limit = header.base + capacity;
        self.end = header.base + SEGMENT_HEADER_LEN;
        self.zeroed = self.end;
        self.durable = self.end;
        Ok(())
    }

    /// Reserves space for the next segment. False if there is none.
    pub(super) fn reserve(&mut self) -> io::Result<bool> {
        if !self.reserved {
            match segment::reserve(self.disk.as_ref(), &self.directory, self.segment_bytes) {
                Ok(()) => self.reserved = true,
                Err(error) if is_full(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// Whether an operation failed for want of space.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
