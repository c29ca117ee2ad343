//! Opens a log: reads every segment, tells a torn tail from corruption, and prepares the newest
//! segment for more.
//!
//! Records that were never acknowledged may be missing, cut or garbled after a power loss, in any
//! combination; they are dropped. Anything wrong before a position that some record says was
//! durable is corruption, and refused. A record that was acknowledged is always followed by a mark
//! that says so (durable a little later), so even the last one can't vanish unnoticed.
//!
//! Invariant: nothing is changed or removed before everything has been read and accepted.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::model::error::Fault;
use crate::model::id::StoreId;
use crate::platform::disk::Disk;
use crate::platform::mutant::mutant;
use crate::platform::random;
use crate::raftlog::record::{
    self, Checkpoint, HEADER_LEN, Header, HeaderError, Id, Kind, PAYLOAD_MAX, SEGMENT_HEADER_LEN,
    SegmentHeader, record_len,
};
use crate::raftlog::segment::{self, Segment, Window};
use crate::raftlog::view::{Placed, View};
use crate::raftlog::writer::Writer;
use crate::raftlog::{Limits, Record};

/// Where the log is and whose it is.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub disk: Arc<dyn Disk>,
    pub directory: &'a Path,
    pub store: StoreId,
}

/// Opens the log, or makes an empty one.
pub(super) fn open(place: &Place<'_>, limits: Limits) -> Result<(View, Writer), Fault> {
    let bases = list(place).map_err(|error| context("open", place.directory, &error))?;
    let (segments, leftovers) = chain(place, bases)?;
    if segments.is_empty() {
        return create(place, limits).map_err(|error| context("create", place.directory, &error));
    }
    let replay = Replay::run(&segments, limits)?;
    prepare(place, limits, replay, leftovers)
        .map_err(|error| context("prepare", place.directory, &error))
}

fn context(what: &str, path: &Path, error: &io::Error) -> Fault {
    Fault::new(format!("{what} the Raft log in {}: {error}", path.display()))
}

/// Whether the directory holds a log.
pub(super) fn exists(disk: &dyn Disk, directory: &Path) -> io::Result<bool> {
    let names = if disk.exists(directory)? { disk.list(directory)? } else { Vec::new() };
    Ok(names.iter().any(|name| segment::parse_name(name).is_some()))
}

/// Removes the spare segment: a crash may have left anything in it.
fn remove_spare(place: &Place<'_>) -> io::Result<()> {
    let path = place.directory.join(segment::SPARE_NAME);
    if place.disk.exists(&path)? { place.disk.remove(&path) } else { Ok(()) }
}

/// The bases of the log's segments, ascending.
fn list(place: &Place<'_>) -> io::Result<Vec<u64>> {
    let mut bases = Vec::new();
    if place.disk.exists(place.directory)? {
        let names = place.disk.list(place.directory)?;
        bases.extend(names.iter().filter_map(|name| segment::parse_name(name)));
    }
    bases.sort_unstable();
    Ok(bases)
}

/// A segment whose header has been read.
#[derive(Debug)]
struct Opened {
    segment: Arc<Segment>,
    checkpoint: Checkpoint,
    /// The `previous` of its first record.
    checksum: u32,
}

/// Opens the segments that lead to the newest without a gap, ascending. Older ones are leftovers
/// of a deletion that a crash interrupted.
fn chain(place: &Place<'_>, mut bases: Vec<u64>) -> Result<(Vec<Opened>, Vec<PathBuf>), Fault> {
    let mut segments = Vec::new();
    let mut wanted = bases.last().copied();
    while let Some(base) = wanted.filter(|base| bases.binary_search(base).is_ok()) {
        let opened = open_segment(place, base)?;
        wanted = opened.segment.before.filter(|before| *before < base);
        bases.retain(|other| *other != base);
        segments.push(opened);
    }
    segments.reverse();
    let leftovers = bases.into_iter().map(|base| segment::path(place.directory, base));
    Ok((segments, leftovers.collect()))
}

fn open_segment(place: &Place<'_>, base: u64) -> Result<Opened, Fault> {
    let path = segment::path(place.directory, base);
    let read = || {
        let file = place.disk.open(&path, false)?;
        let mut block = vec![0; SEGMENT_HEADER_LEN as usize];
        let len = segment::read_full(file.as_ref(), &mut block, 0)?;
        block.truncate(len);
        io::Result::Ok((file, block))
    };
    let (file, block) = read().map_err(|error| context("read", &path, &error))?;
    let header = SegmentHeader::decode(&block).map_err(|error| match error {
        HeaderError::Damaged => segment::damaged(&path, 0),
        HeaderError::Version(version) => Fault::new(format!(
            "{} has format {version} of the Raft log, which this version does not know",
            path.display()
        )),
    })?;
    if header.store != place.store {
        return Err(Fault::new(format!(
            "the Raft log in {} belongs to the data directory {}, not to this one ({}): put the \
             files back where they belong",
            place.directory.display(),
            header.store,
            place.store
        )));
    }
    if header.base != base {
        return Err(segment::damaged(&path, 0));
    }
    let SegmentHeader { before, salt, checkpoint, .. } = header;
    let segment = Arc::new(Segment { path, file, base, before, salt });
    Ok(Opened { segment, checkpoint, checksum: record::segment_checksum(&block) })
}

/// What reading the segments gave.
#[derive(Debug)]
struct Replay {
    view: View,
    checkpoint: Checkpoint,
    /// The end of the newest segment's valid records, and the last one's checksum.
    end: u64,
    previous: u32,
    /// Bytes after `end` up to here are not all zero.
    dirty_to: u64,
    /// Everything before this position is known to be durable.
    proven: u64,
    /// Whether the last record says that everything before it is durable.
    marked: bool,
}

impl Replay {
    fn run(segments: &[Opened], limits: Limits) -> Result<Self, Fault> {
        let first = segments.first().expect("called with segments");
        let checkpoint = first.checkpoint.clone();
        let view = View::new(limits.cache_bytes, checkpoint.purged, checkpoint.last);
        let mut replay =
            Self { view, checkpoint, end: 0, previous: 0, dirty_to: 0, proven: 0, marked: false };
        for (at, opened) in segments.iter().enumerate() {
            if opened.checkpoint != replay.checkpoint {
                return Err(segment::damaged(&opened.segment.path, 0));
            }
            replay.view.segments.push_back(Arc::clone(&opened.segment));
            replay.read_segment(opened)?;
            match segments.get(at + 1) {
                Some(next) if next.segment.base == replay.end => {}
                Some(_) => return Err(opened.segment.damaged(replay.end)),
                None => replay.check_tail(&opened.segment)?,
            }
        }
        let started_late = first.segment.before.is_some() && replay.checkpoint.purged.is_none();
        if started_late || replay.view.has_gap() {
            return Err(Fault::new(format!(
                "the Raft log is incomplete: the segment before {} is missing. Nothing was \
                 removed. Put it back, or let this node join the cluster anew with an empty data \
                 directory",
                first.segment.path.display()
            )));
        }
        replay.view.vote.clone_from(&replay.checkpoint.vote);
        replay.view.committed.clone_from(&replay.checkpoint.committed);
        Ok(replay)
    }

    /// Reads records until one is not valid.
    fn read_segment(&mut self, opened: &Opened) -> Result<(), Fault> {
        let segment = &opened.segment;
        let mut window = Window::new(segment.file.as_ref());
        self.end = segment.base + SEGMENT_HEADER_LEN;
        self.previous = opened.checksum;
        self.proven = self.end;
        self.marked = true;
        loop {
            let record = self
                .read_record(segment, &mut window)
                .map_err(|error| context("read", &segment.path, &error))?;
            let Some((header, payload, checksum)) = record else {
                return Ok(());
            };
            self.proven = self.proven.max(header.durable);
            self.marked = header.kind == Kind::Mark && header.durable == self.end;
            self.end += record_len(payload.len());
            self.previous = checksum;
            let position = header.position;
            self.apply(&header, payload).ok_or_else(|| segment.damaged(position))?;
        }
    }

    fn read_record(
        &self,
        segment: &Segment,
        window: &mut Window<'_>,
    ) -> io::Result<Option<(Header, Bytes, u32)>> {
        let at = self.end - segment.base;
        let decoded = Header::decode(window.get(at, HEADER_LEN)?, segment.salt, self.end);
        let Some((header, checksum)) = decoded.filter(|(header, _)| {
            header.previous == self.previous && header.payload_len as usize <= PAYLOAD_MAX
        }) else {
            return Ok(None);
        };
        let len = header.payload_len as usize;
        let payload = window.get(at + HEADER_LEN as u64, len)?;
        if payload.len() < len || record::checksum(payload) != header.payload_checksum {
            return Ok(None);
        }
        Ok(Some((header, Bytes::copy_from_slice(payload), checksum)))
    }

    /// Applies a record. `None` if it can't follow what came before it.
    fn apply(&mut self, header: &Header, payload: Bytes) -> Option<()> {
        let Header { kind, index, leader, hash, position, .. } = *header;
        let id: Id = (index, leader);
        let mut placed = None;
        match kind {
            Kind::Entry => {
                if self.checkpoint.last.is_some_and(|(last, _)| last + 1 != index) {
                    return None;
                }
                self.view.append(Record { index, leader, payload, hash }, 0);
                self.checkpoint.last = Some(id);
                placed = Some(Placed::Entry(index, position));
            }
            Kind::Vote => self.checkpoint.vote = Some(payload),
            Kind::Committed => self.checkpoint.committed = Some(payload),
            Kind::Truncate | Kind::Clear => {
                let next = if kind == Kind::Clear { 0 } else { index + 1 };
                self.view.truncate(next);
                self.checkpoint.last = (kind == Kind::Truncate).then_some(id);
                placed = Some(Placed::Truncated(next));
            }
            Kind::Purge => {
                self.view.purge(id);
                self.checkpoint.purge(id);
                placed = Some(Placed::Purged(index + 1));
            }
            Kind::Mark => {}
        }
        self.view.wrote(placed.as_slice(), 0, self.end);
        Some(())
    }

    /// Looks behind the last valid record of the newest segment: a later one that says that more
    /// was durable proves corruption.
    fn check_tail(&mut self, segment: &Segment) -> Result<(), Fault> {
        let claimed =
            self.scan_tail(segment).map_err(|error| context("read", &segment.path, &error))?;
        if claimed > self.end && !mutant("log-cut-at-damage") {
            return Err(segment.damaged(self.end));
        }
        if self.dirty_to > self.end {
            tracing::warn!(
                file = %segment.path.display(),
                offset = self.end - segment.base,
                "dropped the torn end of the Raft log, which nobody was told was durable"
            );
        }
        Ok(())
    }

    /// The furthest position that a record after `end` says was durable.
    fn scan_tail(&mut self, segment: &Segment) -> io::Result<u64> {
        const STEP: u64 = 8;
        const CHUNK: u64 = 1 << 18;
        static ZEROS: [u8; CHUNK as usize] = [0; CHUNK as usize];
        let len = segment.file.len()?;
        let mut window = Window::new(segment.file.as_ref());
        let (mut claimed, mut at) = (0, self.end - segment.base);
        while at < len {
            let bytes = window.get(at, CHUNK as usize + HEADER_LEN)?;
            let chunk = &bytes[..bytes.len().min(CHUNK as usize)];
            if *chunk != ZEROS[..chunk.len()] {
                let dirty = chunk.iter().rposition(|byte| *byte != 0).unwrap_or(0);
                self.dirty_to = segment.base + at + dirty as u64 + 1;
                for from in (0..chunk.len()).step_by(STEP as usize) {
                    let position = segment.base + at + from as u64;
                    let found = Header::decode(&bytes[from..], segment.salt, position);
                    claimed = claimed.max(found.map_or(0, |(header, _)| header.durable));
                }
            }
            at += CHUNK;
        }
        Ok(claimed)
    }
}

/// Makes the log's first segment.
fn create(place: &Place<'_>, limits: Limits) -> io::Result<(View, Writer)> {
    let disk = place.disk.as_ref();
    if !disk.exists(place.directory)? {
        disk.create_directory(place.directory)?;
        disk.sync_directory(parent(place.directory))?;
    }
    remove_spare(place)?;
    let header = SegmentHeader {
        store: place.store,
        base: 0,
        before: None,
        salt: u64::from_le_bytes(random::bytes()),
        checkpoint: Checkpoint::default(),
    };
    let capacity = segment::capacity(limits.segment_bytes, 0);
    let (segment, previous) = Segment::create(disk, place.directory, &header, capacity)?;
    let active = Arc::new(segment);
    let mut view = View::new(limits.cache_bytes, None, None);
    view.segments.push_back(Arc::clone(&active));
    view.wrote(&[], 0, SEGMENT_HEADER_LEN);
    let writer = Writer {
        disk: Arc::clone(&place.disk),
        directory: place.directory.to_owned(),
        store: place.store,
        segment_bytes: limits.segment_bytes,
        active,
        limit: capacity,
        end: SEGMENT_HEADER_LEN,
        zeroed: SEGMENT_HEADER_LEN,
        previous,
        durable: SEGMENT_HEADER_LEN,
        reserved: false,
        checkpoint: Checkpoint::default(),
        buffer: Vec::new(),
        placed: Vec::new(),
        made: Vec::new(),
    };
    Ok((view, writer))
}

/// The directory that holds `path`.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Clears the torn tail, makes what was read durable, and removes what a crash left over.
///
/// What no record calls durable is written once more: a sync that failed before may have left it
/// in the operating system's memory alone, where a sync finds nothing to do.
fn prepare(
    place: &Place<'_>,
    limits: Limits,
    replay: Replay,
    leftovers: Vec<PathBuf>,
) -> io::Result<(View, Writer)> {
    static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
    let Replay { view, checkpoint, end, previous, dirty_to, proven, marked } = replay;
    let active = Arc::clone(view.segments.back().expect("at least one segment was read"));
    let mut at = proven;
    let mut window = Window::new(active.file.as_ref());
    while at < end {
        let len = (end - at).min(ZEROS.len() as u64);
        let bytes = window.get(at - active.base, len as usize)?;
        active.file.write_all_at(bytes, at - active.base)?;
        at += len;
    }
    while at < dirty_to {
        let len = (dirty_to - at).min(ZEROS.len() as u64);
        active.file.write_all_at(&ZEROS[..len as usize], at - active.base)?;
        at += len;
    }
    for path in leftovers {
        place.disk.remove(&path)?;
    }
    remove_spare(place)?;
    place.disk.sync_directory(place.directory)?;
    let needed = end - active.base + record_len(0);
    let capacity = active.file.len()?.max(limits.segment_bytes).max(needed);
    active.file.allocate(capacity)?;
    active.file.sync_data()?;
    let mut writer = Writer {
        disk: Arc::clone(&place.disk),
        directory: place.directory.to_owned(),
        store: place.store,
        segment_bytes: limits.segment_bytes,
        limit: active.base + capacity,
        active,
        end,
        zeroed: end,
        previous,
        durable: end,
        reserved: false,
        checkpoint,
        buffer: Vec::new(),
        placed: Vec::new(),
        made: Vec::new(),
    };
    if !marked {
        writer.mark()?;
    }
    Ok((view, writer))
}
