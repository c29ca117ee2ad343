//! A segment's file: creating one, and reading records back from it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::model::error::Fault;
use crate::platform::disk::{Disk, File};
use crate::raftlog::Record;
use crate::raftlog::record::{
    self, HEADER_LEN, Header, Kind, PAYLOAD_MAX, SEGMENT_HEADER_LEN, SegmentHeader,
};

/// One file of the log.
#[derive(Debug)]
pub(super) struct Segment {
    pub path: PathBuf,
    pub file: Arc<dyn File>,
    pub base: u64,
    pub before: Option<u64>,
    pub salt: u64,
}

/// The path of the segment that begins at `base`.
pub(super) fn path(directory: &Path, base: u64) -> PathBuf {
    directory.join(format!("{base:016x}.log"))
}

/// The base in a segment's file name.
pub(super) fn parse_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log").filter(|digits| digits.len() == 16)?;
    let lower = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    u64::from_str_radix(digits, 16).ok().filter(|_| lower)
}

/// The name of the file that the next segment is made of.
pub(super) const SPARE_NAME: &str = "spare.tmp";

/// Reserves space for the next segment, so that a full disk is noticed while there is still room.
pub(super) fn reserve(disk: &dyn Disk, directory: &Path, bytes: u64) -> io::Result<()> {
    let path = directory.join(SPARE_NAME);
    let reserved = disk.open(&path, true).and_then(|file| file.allocate(bytes));
    if reserved.is_err() && disk.exists(&path).unwrap_or(false) {
        // A part of the space may have been taken.
        disk.remove(&path)?;
    }
    reserved
}

impl Segment {
    /// Makes a segment of `capacity` bytes from the spare one, or from nothing. Under its name
    /// there is never anything but a whole, durable header. Returns the header's checksum as well.
    pub(super) fn create(
        disk: &dyn Disk,
        directory: &Path,
        header: &SegmentHeader,
        capacity: u64,
    ) -> io::Result<(Self, u32)> {
        let path = path(directory, header.base);
        let spare = directory.join(SPARE_NAME);
        let file = disk.open(&spare, true)?;
        file.allocate(capacity)?;
        let block = header.encode();
        file.write_all_at(&block, 0)?;
        file.sync_data()?;
        disk.rename(&spare, &path)?;
        disk.sync_directory(directory)?;
        let SegmentHeader { base, before, salt, .. } = *header;
        Ok((Self { path, file, base, before, salt }, record::segment_checksum(&block)))
    }

    /// Reads the entry `index`, whose record begins at `position`.
    pub(super) fn read_entry(&self, index: u64, position: u64) -> Result<Record, Fault> {
        let at = position - self.base;
        let mut bytes = [0; HEADER_LEN];
        self.read_exact(&mut bytes, at)?;
        let (header, _) = Header::decode(&bytes, self.salt, position)
            .filter(|(header, _)| header.kind == Kind::Entry && header.index == index)
            .filter(|(header, _)| header.payload_len as usize <= PAYLOAD_MAX)
            .ok_or_else(|| self.damaged(position))?;
        let mut payload = vec![0; header.payload_len as usize];
        self.read_exact(&mut payload, at + HEADER_LEN as u64)?;
        if record::checksum(&payload) != header.payload_checksum {
            return Err(self.damaged(position));
        }
        let Header { leader, hash, .. } = header;
        Ok(Record { index, leader, payload: Bytes::from(payload), hash })
    }

    fn read_exact(&self, buffer: &mut [u8], at: u64) -> Result<(), Fault> {
        match read_full(self.file.as_ref(), buffer, at) {
            Ok(read) if read == buffer.len() => Ok(()),
            Ok(_) => Err(self.damaged(self.base + at)),
            Err(error) => Err(Fault::new(format!("read {}: {error}", self.path.display()))),
        }
    }

    /// What is said when bytes that were durable are no longer what was written.
    pub(super) fn damaged(&self, position: u64) -> Fault {
        damaged(&self.path, position.saturating_sub(self.base))
    }
}

/// What is said of a damaged file.
pub(super) fn damaged(path: &Path, offset: u64) -> Fault {
    Fault::new(format!(
        "the Raft log is corrupt: {}, byte {offset}: what was durable there has changed. Nothing \
         was removed. Entries that this node acknowledged may be lost, so it must not go on under \
         its id: remove the node from the cluster, move its data directory away, and let it join \
         with an empty one",
        path.display()
    ))
}

/// Reads as much of `buffer` as the file has from `offset` on.
pub(super) fn read_full(file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// A file's bytes from any place, read in larger pieces.
#[derive(Debug)]
pub(super) struct Window<'a> {
    file: &'a dyn File,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    const READ_BYTES: usize = 1 << 20;

    pub(super) fn new(file: &'a dyn File) -> Self {
        Self { file, start: 0, bytes: Vec::new() }
    }

    /// Bytes `at ..`, `len` of them or as many as the file has.
    pub(super) fn get(&mut self, at: u64, len: usize) -> io::Result<&[u8]> {
        let end = at + len as u64;
        if at < self.start || end > self.start + self.bytes.len() as u64 {
            let there = self.file.len()?.saturating_sub(at);
            self.bytes.resize(there.min(len.max(Self::READ_BYTES) as u64) as usize, 0);
            let read = read_full(self.file, &mut self.bytes, at)?;
            self.bytes.truncate(read);
            self.start = at;
        }
        let from = (at - self.start) as usize;
        Ok(&self.bytes[from..self.bytes.len().min(from + len)])
    }
}

/// The smallest file that holds a header, a record of `record_bytes`, and a mark.
pub(super) fn capacity(segment_bytes: u64, record_bytes: u64) -> u64 {
    segment_bytes.max(SEGMENT_HEADER_LEN + record_bytes + record::record_len(0))
}
