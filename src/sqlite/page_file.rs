//! A copy of a database as nothing but its pages, which transactions of the log are applied to without
//! SQLite.
//!
//! **Invariant:** between two transactions the file has the bytes that every node's file has at that
//! position, once it is checkpointed.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use rusqlite::OpenFlags;

use crate::model::command::{Origin, PagesPart};
use crate::model::error::Fault;
use crate::model::id::{Position, TransactionId};
use crate::platform::disk::{Disk, File, read_exact_at};
use crate::sqlite::apply::read_txid;
use crate::sqlite::errors::fault;
use crate::sqlite::page::{LOCK_BYTE_PAGE, is_whole, set_wal_mode};
use crate::sqlite::page_set::{ChainHasher, EncodedPage, for_each_page};
use crate::sqlite::place::Place;
use crate::sqlite::vfs::PAGE_BYTES;

/// A database file that nobody else uses.
#[derive(Debug)]
pub struct PageFile {
    file: Arc<dyn File>,
    position: Position,
    /// The file's size.
    pages: u32,
    /// The transaction of which not all parts have come.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    origin: Origin,
    txid: TransactionId,
    /// The number of the part that must come next.
    next: u32,
    chain: ChainHasher,
}

impl PageFile {
    /// A copy of the state at `position`, in either journal mode. Every page is read, and held against
    /// the checksum that it carries.
    ///
    /// # Errors
    /// If the file isn't a copy of a database of ours, or can't be read or written.
    pub fn open(file: Arc<dyn File>, position: Position) -> Result<Self, Fault> {
        let length = file.len().map_err(|error| unusable(&error))?;
        let pages = u32::try_from(length / PAGE_BYTES as u64).unwrap_or(0);
        if pages == 0 || length % PAGE_BYTES as u64 != 0 {
            return Err(Fault::new("it is not a whole number of pages long"));
        }
        let this = Self { file, position, pages, open: None };
        for number in 1..=pages {
            if number != LOCK_BYTE_PAGE && !is_whole(&this.read(number)?) {
                return Err(Fault::new(format!("page {number} is damaged")));
            }
        }
        this.set_wal_mode(true)?;
        Ok(this)
    }

    /// Where the file stands.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Applies a part of the transaction that follows.
    ///
    /// # Errors
    /// If the part isn't the one that must come next; if a page or the chain value isn't what the entry
    /// says, as for a node that applies it; if the file can't be read or written. The file is of no use
    /// then.
    pub fn apply(&mut self, part: &PagesPart) -> Result<(), Fault> {
        let mut open = match self.open.take() {
            None if part.part == 0 => Open {
                origin: part.origin,
                txid: part.txid,
                next: 0,
                chain: ChainHasher::new(part.base.chain, part.txid, part.database_pages),
            },
            Some(open) => open,
            None => return Err(Fault::new(format!("transaction {} lacks a part", part.txid))),
        };
        let follows = part.base == self.position
            && part.txid == part.base.txid.next()
            && (part.origin, part.txid, part.part) == (open.origin, open.txid, open.next);
        if !follows {
            return Err(Fault::new(format!(
                "transaction {} doesn't follow transaction {}",
                part.txid, self.position.txid
            )));
        }
        open.next += 1;
        let failed = for_each_page(&part.pages, |page| {
            open.chain.page(page.number, page.checksum);
            match self.page(page, part.database_pages) {
                Ok(()) => ControlFlow::Continue(()),
                Err(fault) => ControlFlow::Break(fault),
            }
        })?;
        if let Some(fault) = failed {
            return Err(fault);
        }
        if !part.last {
            self.open = Some(open);
            return Ok(());
        }
        if open.chain.finish() != part.chain {
            return Err(Fault::new(format!(
                "transaction {} has another chain value than its log entry says",
                part.txid
            )));
        }
        // What the file grows by and no page was written to is zeros, as for SQLite.
        let length = u64::from(part.database_pages) * PAGE_BYTES as u64;
        self.file.set_len(length).map_err(|error| unusable(&error))?;
        self.pages = part.database_pages;
        self.position = Position { txid: part.txid, chain: part.chain };
        Ok(())
    }

    /// Makes it an ordinary database without a WAL, durable.
    ///
    /// # Errors
    /// If a transaction isn't whole, or the file can't be written.
    pub fn finish(self) -> Result<(), Fault> {
        if let Some(open) = &self.open {
            return Err(Fault::new(format!("transaction {} lacks a part", open.txid)));
        }
        self.set_wal_mode(false)?;
        self.file.sync_data().map_err(|error| unusable(&error))
    }

    fn page(&self, page: EncodedPage<'_>, database_pages: u32) -> Result<(), Fault> {
        let number = page.number;
        if number > database_pages {
            return Err(Fault::new(format!("page {number} lies past the end of its database")));
        }
        let before = if page.needs_before() { Some(self.read(number)?) } else { None };
        let bytes = page.decode(before.as_deref())?;
        if number == LOCK_BYTE_PAGE {
            return Ok(());
        }
        self.write(number, &bytes)
    }

    /// A page, which lies past the end of the file if the transaction makes that longer.
    fn read(&self, number: u32) -> Result<Vec<u8>, Fault> {
        let mut page = vec![0; PAGE_BYTES];
        if number <= self.pages {
            let read = read_exact_at(&*self.file, &mut page, offset(number));
            read.map_err(|error| unusable(&error))?;
        }
        Ok(page)
    }

    fn write(&self, number: u32, page: &[u8]) -> Result<(), Fault> {
        let written = self.file.write_all_at(page, offset(number));
        written.map_err(|error| unusable(&error))
    }

    fn set_wal_mode(&self, wal: bool) -> Result<(), Fault> {
        let mut first = self.read(1)?;
        set_wal_mode(&mut first, wal);
        self.write(1, &first)
    }
}

fn offset(number: u32) -> u64 {
    u64::from(number - 1) * PAGE_BYTES as u64
}

fn unusable(error: &std::io::Error) -> Fault {
    Fault::new(format!("read or write the file: {error}"))
}

/// The transaction that a database file says it is at. Nobody may be writing to it.
///
/// # Errors
/// If it can't be opened, or isn't a database of ours.
pub fn read_position(disk: &Arc<dyn Disk>, path: &Path) -> Result<TransactionId, Fault> {
    let connection = Place::new(disk, path).connect(OpenFlags::SQLITE_OPEN_READ_ONLY);
    let connection = connection.map_err(|error| fault("open the database", &error))?;
    read_txid(&connection)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::model::statement::Dialect;
    use crate::platform::disk::RealDisk;
    use crate::sqlite::testkit::{Node, Pair, options, pages_parts};

    /// A copy of a node's file, in rollback mode as a backup is.
    fn copy(node: &Node, directory: &TempDir) -> (PageFile, std::path::PathBuf) {
        let mut bytes = node.bytes();
        set_wal_mode(&mut bytes[..PAGE_BYTES], false);
        let path = directory.path().join("copy.sqlite");
        std::fs::write(&path, bytes).unwrap();
        let file = RealDisk.open(&path, false).unwrap();
        (PageFile::open(file, node.position).unwrap(), path)
    }

    fn transactions() -> [&'static [&'static str]; 8] {
        [
            &["CREATE TABLE t (a INTEGER PRIMARY KEY, b)", "CREATE INDEX i ON t (b)"],
            // Several parts.
            &[
                "INSERT INTO t (b) WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n LIMIT \
               900) SELECT hex(randomblob(900)) FROM n",
            ],
            &["UPDATE t SET b = 'short' WHERE a % 3 = 0"],
            &["DELETE FROM t WHERE a > 100"],
            &["CREATE TABLE u (x)", "INSERT INTO u VALUES (zeroblob(300000))"],
            &["DROP TABLE t"],
            &["DELETE FROM u"],
            &[
                "INSERT INTO u WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n LIMIT 50) \
               SELECT randomblob(5000) FROM n",
            ],
        ]
    }

    #[test]
    fn a_copy_follows_as_a_node_does() {
        let mut pair = Pair::new(&options());
        let directory = TempDir::new().unwrap();
        pair.commit(Dialect::Sqlite, &["CREATE TABLE first (x)"]);
        let (mut pages, path) = copy(&pair.leader, &directory);
        let mut several = false;
        for texts in transactions() {
            let base = pair.leader.position;
            let entry = pair.leader.commit(Dialect::Sqlite, texts);
            several |= entry.parts.len() > 1;
            for part in pages_parts(&entry) {
                pages.apply(&PagesPart { base, ..part }).unwrap();
            }
            assert_eq!(pages.position(), pair.leader.position);
            assert!(std::fs::read(&path).unwrap() == pair.leader.bytes(), "{texts:?}");
        }
        assert!(several);
        let end = pages.position();
        pages.finish().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        assert_eq!(read_position(&disk, &path).unwrap(), end.txid);
    }

    #[test]
    fn what_does_not_follow_is_refused() {
        let mut pair = Pair::new(&options());
        let directory = TempDir::new().unwrap();
        let base = pair.leader.position;
        let first = pair.leader.commit(Dialect::Sqlite, &["CREATE TABLE t (b)"]);
        let whole = || copy(&pair.mirror, &directory).0;
        let part = PagesPart { base, ..pages_parts(&first).remove(0) };
        whole().apply(&part).unwrap();
        let chain = crate::model::id::Chain(1);
        for wrong in [
            PagesPart { base: Position { chain, ..base }, ..part.clone() },
            PagesPart { txid: part.txid.next(), ..part.clone() },
            PagesPart { part: 1, ..part.clone() },
            PagesPart { chain, ..part.clone() },
            PagesPart { database_pages: part.database_pages + 1, ..part.clone() },
            PagesPart { pages: part.pages.slice(..part.pages.len() - 1), ..part.clone() },
        ] {
            assert!(whole().apply(&wrong).is_err(), "{wrong:?}");
        }
        // A transaction that isn't whole is none.
        let mut pages = whole();
        pages.apply(&PagesPart { last: false, ..part.clone() }).unwrap();
        assert!(pages.finish().is_err());
        // Neither is a copy that isn't what was written.
        let (_, path) = copy(&pair.mirror, &directory);
        let bytes = std::fs::read(&path).unwrap();
        for at in [30, PAGE_BYTES + 100, bytes.len() - 1] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, damaged).unwrap();
            let file = RealDisk.open(&path, false).unwrap();
            assert!(PageFile::open(file, base).is_err(), "byte {at}");
        }
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(PageFile::open(RealDisk.open(&path, false).unwrap(), base).is_err());
    }
}
