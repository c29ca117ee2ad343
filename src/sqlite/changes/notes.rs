//! Changes of an open transaction, as bytes in the order in which they happened: in memory, and in a file
//! once they are many.
//!
//! A note is its length (4 bytes), the table's number (4), what happened (1), the row's number before and
//! after (8 each), how many values it has (2), and those before and then those after. A value is its type
//! (1) and its bytes, which have their length (4) before them for texts and BLOBs. The file means nothing
//! after the transaction.

use std::io;
use std::sync::Arc;

use rusqlite::types::ValueRef;

use crate::platform::disk::{File, read_exact_at};
use crate::sqlite::place::Place;
use crate::sqlite::vfs::{ChangeKind, RowChange};

/// Bytes in memory.
const MEMORY_MAX: usize = 1 << 20;

/// What was noted.
#[derive(Debug)]
pub(super) struct Notes {
    place: Place,
    file: Option<Arc<dyn File>>,
    /// Bytes that are in the file.
    in_file: u64,
    /// What follows those.
    tail: Vec<u8>,
    /// What is read next, by [`Notes::next`].
    at: u64,
    /// Why the file can't be written.
    failed: Option<String>,
}

impl Notes {
    pub(super) fn new(place: Place) -> Self {
        Self { place, file: None, in_file: 0, tail: Vec::new(), at: 0, failed: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length() == 0
    }

    /// Bytes.
    pub(super) fn length(&self) -> u64 {
        self.in_file + self.tail.len() as u64
    }

    pub(super) fn cut(&mut self, length: u64) {
        if length < self.in_file {
            self.in_file = length;
            self.tail.clear();
        } else {
            self.tail.truncate((length - self.in_file) as usize);
        }
        if length == 0 {
            self.clear();
        }
    }

    pub(super) fn clear(&mut self) {
        if self.file.take().is_some() {
            // It means nothing, and is made anew when it is needed.
            let _ = self.place.remove();
        }
        (self.in_file, self.at, self.failed) = (0, 0, None);
        self.tail.clear();
        self.tail.shrink_to(MEMORY_MAX);
    }

    /// All of them, and leaves none.
    pub(super) fn take(&mut self) -> Self {
        let empty = Self::new(self.place.clone());
        std::mem::replace(self, empty)
    }

    /// Has room again that is set aside already.
    pub(super) fn put_back(&mut self, empty: Self) {
        *self = empty;
    }

    pub(super) fn add(&mut self, table: u32, change: &RowChange<'_>, with_values: bool) {
        let start = self.tail.len();
        let out = &mut self.tail;
        out.extend([0; 4]);
        out.extend(table.to_le_bytes());
        out.push(match change.kind {
            ChangeKind::Insert => 0,
            ChangeKind::Update => 1,
            ChangeKind::Delete => 2,
        });
        out.extend(change.old_row.to_le_bytes());
        out.extend(change.new_row.to_le_bytes());
        let width = if with_values { change.width().min(usize::from(u16::MAX)) } else { 0 };
        out.extend((width as u16).to_le_bytes());
        if change.kind != ChangeKind::Insert {
            (0..width).for_each(|at| put(out, change.before(at)));
        }
        if change.kind != ChangeKind::Delete {
            (0..width).for_each(|at| put(out, change.after(at)));
        }
        let length = (out.len() - start - 4) as u32;
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
        if self.tail.len() > MEMORY_MAX
            && let Err(error) = self.spill()
        {
            self.failed.get_or_insert(error.kind().to_string());
            self.tail.clear();
        }
    }

    fn spill(&mut self) -> io::Result<()> {
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(self.place.disk.open(&self.place.path, true)?),
        };
        file.write_all_at(&self.tail, self.in_file)?;
        self.in_file += self.tail.len() as u64;
        self.tail.clear();
        Ok(())
    }

    /// The next one, from the first on.
    pub(super) fn next(
        &mut self,
    ) -> Result<Option<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> {
        if let Some(why) = &self.failed {
            return Err(format!("changes can't be kept on this node's disk: {why}").into());
        }
        if self.at >= self.length() {
            return Ok(None);
        }
        let mut length = [0; 4];
        self.read(&mut length, self.at)?;
        let mut note = vec![0; u32::from_le_bytes(length) as usize];
        self.read(&mut note, self.at + 4)?;
        self.at += 4 + note.len() as u64;
        Ok(Some(note))
    }

    /// Notes are spilled whole: none stands in both places.
    fn read(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        if at < self.in_file {
            let Some(file) = &self.file else { return Err(io::ErrorKind::UnexpectedEof.into()) };
            return read_exact_at(&**file, buffer, at);
        }
        let start = (at - self.in_file) as usize;
        let found = self.tail.get(start..start + buffer.len());
        buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        self.clear();
    }
}

fn put(out: &mut Vec<u8>, value: Option<ValueRef<'_>>) {
    let mut put = |kind: u8, bytes: &[u8], counted: bool| {
        out.push(kind);
        if counted {
            out.extend((bytes.len() as u32).to_le_bytes());
        }
        out.extend(bytes);
    };
    match value.unwrap_or(ValueRef::Null) {
        ValueRef::Null => put(0, &[], false),
        ValueRef::Integer(number) => put(1, &number.to_le_bytes(), false),
        ValueRef::Real(number) => put(2, &number.to_le_bytes(), false),
        ValueRef::Text(bytes) => put(3, bytes, true),
        ValueRef::Blob(bytes) => put(4, bytes, true),
    }
}
