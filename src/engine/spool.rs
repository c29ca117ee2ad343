//! The parts of a transaction that is too large for one entry, until its last part comes.
//!
//! One file a database, `DATA_DIR/raft/spool/ID`: every part as its length (u32, little endian) and
//! its encoded pages. At the most one transaction is open in it; part 0 of another takes its place.
//!
//! The file is worthless after a restart: Raft keeps the entries from the first part on
//! ([`crate::raft::Databases::needed_from`]) and applies them again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::model::command::{Origin, PagesPart};
use crate::model::error::Fault;
use crate::model::id::{DatabaseId, LogIndex, Position};
use crate::platform::disk::{Disk, File};

/// What became of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is kept until the last one comes.
    Kept,
    /// It was the last one, and all others are there.
    Complete,
    /// It doesn't follow what is there.
    Skipped,
}

/// The open transaction.
#[derive(Debug, Clone)]
struct Held {
    origin: Origin,
    base: Position,
    /// The entry of its first part.
    from: LogIndex,
    /// The number of the part that must come next.
    next: u32,
    file: Arc<dyn File>,
    /// Bytes of the file.
    length: u64,
}

/// The open transaction of one database.
#[derive(Debug)]
pub(super) struct Spool {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    held: Option<Held>,
}

impl Spool {
    /// Begins with nothing: what a former life left is removed.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        directory: &Path,
        database: DatabaseId,
    ) -> Result<Self, Fault> {
        let path = directory.join(database.to_string());
        if disk.exists(&path).map_err(failed("look for"))? {
            disk.remove(&path).map_err(failed("remove"))?;
        }
        Ok(Self { disk, path, held: None })
    }

    /// Takes a part that stands on the database's position.
    pub(super) fn take(&mut self, index: LogIndex, part: &PagesPart) -> Result<Taken, Fault> {
        if part.part == 0 && part.last {
            return Ok(Taken::Complete);
        }
        if part.part == 0 {
            self.clear()?;
            let file = self.disk.open(&self.path, true).map_err(failed("create"))?;
            let (origin, base) = (part.origin, part.base);
            self.held = Some(Held { origin, base, from: index, next: 0, file, length: 0 });
        }
        let Some(held) = &mut self.held else { return Ok(Taken::Skipped) };
        if held.origin != part.origin || held.base != part.base || held.next != part.part {
            return Ok(Taken::Skipped);
        }
        let mut bytes = Vec::with_capacity(4 + part.pages.len());
        bytes.extend((part.pages.len() as u32).to_le_bytes());
        bytes.extend(&part.pages);
        held.file.write_all_at(&bytes, held.length).map_err(failed("write"))?;
        held.length += bytes.len() as u64;
        held.next += 1;
        Ok(if part.last { Taken::Complete } else { Taken::Kept })
    }

    /// The entry of the open transaction's first part.
    pub(super) fn from(&self) -> Option<LogIndex> {
        self.held.as_ref().map(|held| held.from)
    }

    /// The parts that are there, in order.
    pub(super) fn parts(&self) -> Result<PartIterator, Fault> {
        let held = self.held.as_ref().ok_or_else(|| Fault::new("no spooled transaction"))?;
        Ok(PartIterator { file: held.file.clone(), at: 0, end: held.length })
    }

    /// Forgets the open transaction: it was committed, or can't be any more.
    pub(super) fn clear(&mut self) -> Result<(), Fault> {
        if self.held.take().is_some() {
            self.disk.remove(&self.path).map_err(failed("remove"))?;
        }
        Ok(())
    }
}

/// Reads spooled parts, one at a time.
#[derive(Debug)]
pub(super) struct PartIterator {
    file: Arc<dyn File>,
    at: u64,
    end: u64,
}

impl Iterator for PartIterator {
    type Item = Result<Bytes, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let part = self.read();
        if part.is_err() {
            self.at = self.end;
        }
        Some(part)
    }
}

impl PartIterator {
    fn read(&mut self) -> Result<Bytes, Fault> {
        let mut length = [0; 4];
        read_exact(&*self.file, &mut length, self.at)?;
        let length = u64::from(u32::from_le_bytes(length));
        if self.at + 4 + length > self.end {
            return Err(Fault::new("a spooled transaction is damaged"));
        }
        let mut bytes = vec![0; length as usize];
        read_exact(&*self.file, &mut bytes, self.at + 4)?;
        self.at += 4 + length;
        Ok(bytes.into())
    }
}

/// Fills `buffer` from `offset`; a file that is too short is a fault.
pub(super) fn read_exact(file: &dyn File, buffer: &mut [u8], offset: u64) -> Result<(), Fault> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => return Err(Fault::new("a file in the data directory is too short")),
            Ok(count) => filled += count,
            Err(error) => return Err(failed("read")(error)),
        }
    }
    Ok(())
}

fn failed(what: &'static str) -> impl Fn(std::io::Error) -> Fault {
    move |error| Fault::new(format!("{what} a file of spooled pages: {error}"))
}
