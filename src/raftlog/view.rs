//! The log's contents as its readers see them: ids, the newest entries in memory, and where the
//! others lie on disk.
//!
//! The view is ahead of the disk: a call changes it at once and the file later, in the same order.
//!
//! Invariants:
//! - entries `first .. next` exist; `cached` holds a run of them that ends with the last;
//! - an entry leaves `cached` only once its record is written, so that `positions` tells where the
//!   present version of it lies;
//! - `leaders` has the leader of each entry, as runs of equal ones.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::model::error::Fault;
use crate::raftlog::record::Id;
use crate::raftlog::segment::Segment;
use crate::raftlog::{Extent, LeaderBytes, Record};

/// What a written operation did to the places of entries.
#[derive(Debug, Clone, Copy)]
pub(super) enum Placed {
    /// This entry's record begins at this position.
    Entry(u64, u64),
    /// Entries from this index on are gone.
    Truncated(u64),
    /// Entries before this index are gone.
    Purged(u64),
}

#[derive(Debug)]
struct Cached {
    record: Record,
    /// The number of the operation that appended it.
    operation: u64,
}

/// Where to get the entries of a range: first from disk, then those in memory.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Index, position, and the segment that it lies in.
    pub cold: Vec<(u64, u64, Arc<Segment>)>,
    pub hot: Vec<Record>,
}

#[derive(Debug, Default)]
pub(super) struct View {
    purged: Option<Id>,
    first: u64,
    next: u64,
    leaders: VecDeque<(u64, LeaderBytes)>,
    cached: VecDeque<Cached>,
    cached_bytes: usize,
    cache_bytes_max: usize,
    /// The index of the first of `positions`.
    positions_first: u64,
    positions: VecDeque<u64>,
    /// Operations up to this one are written.
    written: u64,
    /// Where the written log ends.
    written_end: u64,
    /// By base; the last is the one being written.
    pub segments: VecDeque<Arc<Segment>>,
    pub vote: Option<Bytes>,
    pub committed: Option<Bytes>,
}

impl View {
    /// An empty view of a log whose entries up to `last` are no longer there.
    pub(super) fn new(cache_bytes_max: usize, purged: Option<Id>, last: Option<Id>) -> Self {
        let next = last.map_or(0, |(index, _)| index + 1);
        Self { purged, first: next, next, cache_bytes_max, ..Self::default() }
    }

    pub(super) fn extent(&self) -> Extent {
        Extent { purged: self.purged, last: self.id_before(self.next) }
    }

    /// Whether entries between the purged ones and the first are missing.
    pub(super) fn has_gap(&self) -> bool {
        self.purged.is_some_and(|(index, _)| index + 1 != self.first)
    }

    fn is_empty(&self) -> bool {
        self.first == self.next
    }

    /// The id of the entry before `next`, or the last purged one's.
    fn id_before(&self, next: u64) -> Option<Id> {
        if next <= self.first {
            return self.purged;
        }
        let run = self.leaders.partition_point(|(first, _)| *first < next);
        run.checked_sub(1).map(|run| (next - 1, self.leaders[run].1))
    }

    /// Whether these records may be appended: they follow each other and the log's last entry. An
    /// empty log that nothing was purged from may begin anywhere.
    pub(super) fn check_append(&self, records: &[Record]) -> Result<(), Fault> {
        let starts_anywhere = self.is_empty() && self.purged.is_none();
        let first = records.first().filter(|_| starts_anywhere).map_or(self.next, |r| r.index);
        let wrong = (first..).zip(records).find(|(next, record)| *next != record.index);
        wrong.map_or(Ok(()), |(next, record)| {
            Err(Fault::new(format!(
                "Raft log entry {} was given to a log whose next entry is {next}",
                record.index
            )))
        })
    }

    /// Adds an entry that passed [`Self::check_append`].
    pub(super) fn append(&mut self, record: Record, operation: u64) {
        if self.is_empty() && self.purged.is_none() {
            self.first = record.index;
        }
        if self.leaders.back().is_none_or(|(_, leader)| *leader != record.leader) {
            self.leaders.push_back((record.index, record.leader));
        }
        self.next = record.index + 1;
        self.cached_bytes += size(&record);
        self.cached.push_back(Cached { record, operation });
    }

    /// Removes entries from `next` on. False if there was nothing to remove.
    pub(super) fn truncate(&mut self, next: u64) -> bool {
        if next >= self.next {
            return false;
        }
        self.next = next;
        self.first = self.first.min(next);
        while let Some(last) = self.cached.pop_back_if(|cached| cached.record.index >= next) {
            self.cached_bytes -= size(&last.record);
        }
        while self.leaders.pop_back_if(|(first, _)| *first >= next).is_some() {}
        true
    }

    /// Forgets entries up to and with `last`. False if they are forgotten already.
    pub(super) fn purge(&mut self, last: Id) -> bool {
        let (index, _) = last;
        if self.purged.is_some_and(|(purged, _)| index <= purged) {
            return false;
        }
        self.purged = Some(last);
        self.first = self.first.max(index + 1);
        self.next = self.next.max(self.first);
        while let Some(old) = self.cached.pop_front_if(|cached| cached.record.index <= index) {
            self.cached_bytes -= size(&old.record);
        }
        if self.is_empty() {
            self.leaders.clear();
        }
        while self.leaders.get(1).is_some_and(|(first, _)| *first <= self.first) {
            self.leaders.pop_front();
        }
        true
    }

    /// Notes what was written: all operations up to `operation`, up to position `end`.
    pub(super) fn wrote(&mut self, placed: &[Placed], operation: u64, end: u64) {
        for placed in placed {
            match *placed {
                Placed::Entry(index, position) => {
                    if self.positions.is_empty() {
                        self.positions_first = index;
                    }
                    self.positions.truncate((index - self.positions_first) as usize);
                    self.positions.push_back(position);
                }
                Placed::Truncated(next) => {
                    let kept = next.saturating_sub(self.positions_first);
                    self.positions.truncate(kept as usize);
                }
                Placed::Purged(first) => {
                    let gone = first.saturating_sub(self.positions_first);
                    let gone = self.positions.len().min(gone as usize);
                    self.positions.drain(..gone);
                    self.positions_first = self.positions_first.max(first);
                }
            }
        }
        self.written = operation;
        self.written_end = end;
        while self.cached_bytes > self.cache_bytes_max
            && let Some(old) = self.cached.pop_front_if(|cached| cached.operation <= operation)
        {
            self.cached_bytes -= size(&old.record);
        }
    }

    fn position(&self, index: u64) -> Option<u64> {
        let at = index.checked_sub(self.positions_first)?;
        self.positions.get(at as usize).copied()
    }

    /// The position before which no live entry lies.
    pub(super) fn first_live(&self) -> u64 {
        self.positions.front().copied().unwrap_or(self.written_end)
    }

    fn segment_of(&self, position: u64) -> Option<&Arc<Segment>> {
        let after = self.segments.partition_point(|segment| segment.base <= position);
        self.segments.get(after.checked_sub(1)?)
    }

    /// The index of the first entry in memory.
    fn hot_first(&self) -> u64 {
        self.next - self.cached.len() as u64
    }

    /// Whether all entries from `index` on are in memory.
    pub(super) fn in_memory(&self, index: u64) -> bool {
        index.max(self.first) >= self.hot_first()
    }

    /// Where the entries `from .. to` are, from the first that exists, as many as `bytes_max`
    /// allows, but at least one.
    pub(super) fn find(&self, from: u64, to: u64, bytes_max: usize) -> Result<Found, Fault> {
        let (mut next, to) = (from.max(self.first), to.min(self.next));
        let mut found = Found::default();
        let mut bytes = 0;
        let hot_first = self.hot_first();
        while next < to.min(hot_first) {
            let located = self.position(next).and_then(|at| Some((at, self.segment_of(at)?)));
            let (position, segment) = located.ok_or_else(|| {
                Fault::new(format!("Raft log entry {next} is neither in memory nor on disk"))
            })?;
            let end = self.position(next + 1).unwrap_or(position);
            bytes += end.saturating_sub(position) as usize;
            if bytes > bytes_max && !found.cold.is_empty() {
                return Ok(found);
            }
            found.cold.push((next, position, Arc::clone(segment)));
            next += 1;
        }
        let skip = next.saturating_sub(hot_first) as usize;
        for cached in self.cached.iter().skip(skip).take(to.saturating_sub(next) as usize) {
            bytes += size(&cached.record);
            if bytes > bytes_max && !(found.cold.is_empty() && found.hot.is_empty()) {
                break;
            }
            found.hot.push(cached.record.clone());
        }
        Ok(found)
    }

    /// Bytes of entries after `index`, as they are or will be on disk.
    pub(super) fn bytes_after(&self, index: u64) -> u64 {
        let unwritten = self.cached.iter().rev().take_while(|c| c.operation > self.written);
        let (count, unwritten) = unwritten
            .filter(|cached| cached.record.index > index)
            .fold((0, 0), |(count, bytes), c| (count + 1, bytes + size(&c.record) as u64));
        let first = self.first.max(index.saturating_add(1));
        if first + count >= self.next {
            return unwritten;
        }
        let written = self.position(first).map_or(0, |at| self.written_end.saturating_sub(at));
        written + unwritten
    }
}

fn size(record: &Record) -> usize {
    crate::raftlog::record::record_len(record.payload.len()) as usize
}
