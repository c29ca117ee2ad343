//! Other nodes' pages into the file: log entries, and snapshots.
//!
//! Pages are written through SQLite's virtual table `sqlite_dbpage`, on a connection that does nothing
//! else, in one transaction. Page 1 goes last: with it comes the new schema cookie, after which SQLite
//! stops to read the schema anew. If the file shrinks it is cut after that.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::Connection;
use rusqlite::params;

use crate::model::command::PagesPart;
use crate::model::error::Fault;
use crate::model::id::{Position, TransactionId};
use crate::platform::mutant::mutant;
use crate::sqlite::errors::fault;
use crate::sqlite::link::own;
use crate::sqlite::page::{LOCK_BYTE_PAGE, page_checksum, stamp};
use crate::sqlite::page_set::{ChainHasher, EncodedPage, for_each_page};
use crate::sqlite::vfs::PAGE_BYTES;
use crate::sqlite::writer::{Writer, execute};

/// Where the schema cookie is in page 1 (SQLite file format §1.3).
const SCHEMA_COOKIE: std::ops::Range<usize> = 40..44;

impl Writer {
    /// Applies another node's transaction, which leads from one position to another, given as its
    /// encoded parts in order. Invariant: no transaction is open. Fails if a page's checksum isn't
    /// what the entry says, or if the chain value over all of them isn't.
    pub fn apply(
        &mut self,
        base: Position,
        after: Position,
        database_pages: u32,
        parts: &mut dyn Iterator<Item = Result<Bytes, Fault>>,
    ) -> Result<(), Fault> {
        self.replace(database_pages, |applying| {
            let mut chain = ChainHasher::new(base.chain, after.txid, database_pages);
            for part in parts {
                each_page(&part?, |page| {
                    chain.page(page.number, page.checksum);
                    applying.page(page)
                })?;
            }
            check_chain(chain, after)
        })?;
        // The checksums say that the pages are the leader's, and the id is stored in them.
        self.txid = after.txid;
        Ok(())
    }

    /// Applies transactions that follow each other, each whole in one part, as one: a page that
    /// several of them change is written once. Invariant: none leaves a smaller database than the
    /// one before it.
    pub fn apply_run(&mut self, run: &[PagesPart]) -> Result<(), Fault> {
        let Some(last) = run.last() else { return Ok(()) };
        self.replace(last.database_pages, |applying| {
            // As the transactions leave them. SQLite shows no page past the end that page 1 tells.
            let mut pages: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
            for part in run {
                let mut chain = ChainHasher::new(part.base.chain, part.txid, part.database_pages);
                each_page(&part.pages, |page| {
                    chain.page(page.number, page.checksum);
                    let bytes = match pages.get(&page.number) {
                        Some(before) => page.decode(Some(before))?,
                        None => applying.decode(page)?,
                    };
                    pages.insert(page.number, bytes);
                    Ok(())
                })?;
                check_chain(chain, Position { txid: part.txid, chain: part.chain })?;
            }
            pages.into_iter().try_for_each(|(number, bytes)| applying.write(number, bytes))
        })?;
        self.txid = last.txid;
        Ok(())
    }

    /// Replaces the database by a received snapshot, in one transaction: `pages` yields the pages
    /// that differ.
    pub fn install(
        &mut self,
        database_pages: u32,
        pages: &mut dyn Iterator<Item = Result<(u32, Bytes), Fault>>,
    ) -> Result<(), Fault> {
        self.replace(database_pages, |applying| {
            for page in pages {
                let (number, bytes) = page?;
                if bytes.len() != PAGE_BYTES || number == 0 || number > database_pages {
                    return Err(Fault::new(format!("page {number} of a snapshot is malformed")));
                }
                applying.write(number, bytes.to_vec())?;
            }
            Ok(())
        })?;
        self.shared.forget_catalogs();
        self.txid = self.read_txid()?;
        Ok(())
    }

    /// Runs `work` in a transaction that writes pages, and commits it.
    fn replace(
        &mut self,
        database_pages: u32,
        work: impl FnOnce(&mut Applying<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if self.is_open() {
            return Err(Fault::new("pages were to be applied while a transaction is open"));
        }
        self.tap.pass();
        self.postgres.sequences.forget();
        self.recent.clear();
        let shared = Arc::clone(&self.shared);
        let _alone = shared.gate.commit();
        let connection = &self.applier;
        let mut applying = Applying::begin(connection, database_pages)?;
        let result = work(&mut applying).and_then(|()| applying.finish());
        match result {
            // Neither its size nor its schema can be another one now.
            Ok(Settled { first_page: false, resized: false, .. }) => return Ok(()),
            Ok(_) => self.committed_schema.set(None),
            Err(fault) => {
                // The fault is what matters; the node stops, and starts from its log.
                let _ = execute(connection, own!("ROLLBACK"));
                return Err(fault);
            }
        }
        let pages = read_page_count(connection)?;
        if pages != database_pages {
            return Err(Fault::new(format!(
                "the database has {pages} pages after a transaction that leaves {database_pages}"
            )));
        }
        Ok(())
    }
}

/// Hands the pages of a part on, until one fails.
fn each_page(
    part: &[u8],
    mut each: impl FnMut(EncodedPage<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let failed = for_each_page(part, |page| match each(page) {
        Ok(()) => ControlFlow::Continue(()),
        Err(fault) => ControlFlow::Break(fault),
    })?;
    failed.map_or(Ok(()), Err)
}

fn check_chain(chain: ChainHasher, after: Position) -> Result<(), Fault> {
    if chain.finish() == after.chain || mutant("chain-not-checked") {
        return Ok(());
    }
    Err(Fault::new(format!(
        "transaction {} has another chain value than its log entry says: a page of it is missing, \
         or the entry was damaged",
        after.txid
    )))
}

/// What a transaction of pages has come to before its COMMIT.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settled {
    /// Page 1 is among them.
    first_page: bool,
    /// The database was larger or smaller before.
    resized: bool,
    schema_changed: bool,
}

/// A transaction that writes pages.
pub(crate) struct Applying<'connection> {
    connection: &'connection Connection,
    /// Page 1, which is written last.
    first: Option<Vec<u8>>,
    database_pages: u32,
}

impl<'connection> Applying<'connection> {
    /// Begins a transaction that leaves a database of so many pages.
    pub(crate) fn begin(
        connection: &'connection Connection,
        database_pages: u32,
    ) -> Result<Self, Fault> {
        let begin = || -> rusqlite::Result<()> {
            // A file is cut by a statement that comes after page 1, and has SQLite read the schema anew.
            // Its pages must not lie parsed in the cache then, as they were before: the schema is read
            // now, as long as it is the old one, and its pages are dropped.
            if database_pages < page_count(connection)? {
                execute(connection, own!("SELECT 1 FROM sqlite_schema LIMIT 1"))?;
                connection.release_memory()?;
            }
            execute(connection, own!("BEGIN IMMEDIATE"))
        };
        begin().map_err(|error| fault("apply pages", &error))?;
        Ok(Self { connection, first: None, database_pages })
    }

    fn page(&mut self, page: EncodedPage<'_>) -> Result<(), Fault> {
        let bytes = self.decode(page)?;
        self.write(page.number, bytes)
    }

    /// A page that was not written yet.
    fn decode(&self, page: EncodedPage<'_>) -> Result<Vec<u8>, Fault> {
        let number = page.number;
        let before =
            if page.needs_before() { Some(read_page(self.connection, number)?) } else { None };
        page.decode(before.as_deref())
    }

    pub(crate) fn write(&mut self, number: u32, bytes: Vec<u8>) -> Result<(), Fault> {
        if number > self.database_pages {
            return Err(Fault::new(format!("page {number} lies past the end of its database")));
        }
        if number == 1 {
            self.first = Some(bytes);
            return Ok(());
        }
        if number == LOCK_BYTE_PAGE {
            return Ok(());
        }
        let write = || -> rusqlite::Result<()> {
            let sql =
                own!("INSERT INTO sqlite_dbpage (pgno, data, schema) VALUES (?1, ?2, 'main')");
            self.connection.prepare_cached(sql)?.execute(params![number, bytes])?;
            Ok(())
        };
        write().map_err(|error| fault("write a page", &error))
    }

    /// Writes page 1, cuts the file, commits.
    fn finish(self) -> Result<Settled, Fault> {
        let connection = self.connection;
        let settled = self.settle()?;
        let commit = || -> rusqlite::Result<()> {
            execute(connection, own!("COMMIT"))?;
            if settled.schema_changed {
                // The pages of the schema lie parsed in this connection's cache, as they were before.
                connection.release_memory()?;
            }
            Ok(())
        };
        commit().map_err(|error| fault("commit applied pages", &error))?;
        Ok(settled)
    }

    /// Writes page 1 and cuts the file.
    pub(crate) fn settle(self) -> Result<Settled, Fault> {
        let connection = self.connection;
        let pages = read_page_count(connection)?;
        let shrinks = pages > self.database_pages;
        let schema_changed = match &self.first {
            Some(after) => read_page(connection, 1)?[SCHEMA_COOKIE] != after[SCHEMA_COOKIE],
            None => false,
        };
        let write = || -> rusqlite::Result<()> {
            if let Some(first) = &self.first {
                let sql =
                    own!("INSERT INTO sqlite_dbpage (pgno, data, schema) VALUES (1, ?1, 'main')");
                connection.prepare_cached(sql)?.execute(params![first])?;
            }
            if shrinks {
                // A statement of its own. The end of one that writes two rows makes SQLite take the
                // size from page 1, and the file would then not be cut.
                let sql = own!(
                    "INSERT INTO sqlite_dbpage (pgno, data, schema) VALUES (?1, NULL, 'main')"
                );
                let cut = i64::from(self.database_pages) + 1;
                connection.prepare_cached(sql)?.execute(params![cut])?;
            }
            Ok(())
        };
        write().map_err(|error| fault("write applied pages", &error))?;
        Ok(Settled {
            first_page: self.first.is_some(),
            resized: pages != self.database_pages,
            schema_changed,
        })
    }
}

/// A page's bytes as the connection sees them.
pub(crate) fn read_page(connection: &Connection, number: u32) -> Result<Vec<u8>, Fault> {
    let read = || -> rusqlite::Result<Vec<u8>> {
        let sql = own!("SELECT data FROM sqlite_dbpage WHERE pgno = ?1");
        connection.prepare_cached(sql)?.query_row([number], |row| row.get(0))
    };
    let mut page = read().map_err(|error| fault("read a page", &error))?;
    if page.len() != PAGE_BYTES {
        return Err(Fault::new("the database has another page size than 4096"));
    }
    // SQLite's cache may hold what it wrote itself, without the stamps that the file has.
    stamp(number, &mut page);
    Ok(page)
}

/// The checksum of a page as the connection sees it.
pub(crate) fn read_checksum(connection: &Connection, number: u32) -> Result<u64, Fault> {
    Ok(page_checksum(number, &read_page(connection, number)?))
}

/// Reads the transaction id from the file.
pub(crate) fn read_txid(connection: &Connection) -> Result<TransactionId, Fault> {
    let read = || -> rusqlite::Result<i64> {
        let sql = own!("SELECT txid FROM _eider_position");
        connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
    };
    let txid = read().map_err(|error| fault("read the position", &error))?;
    Ok(TransactionId(txid.cast_unsigned()))
}

/// The database's size in pages as the connection sees it.
pub(crate) fn read_page_count(connection: &Connection) -> Result<u32, Fault> {
    page_count(connection).map_err(|error| fault("read the database's size", &error))
}

fn page_count(connection: &Connection) -> rusqlite::Result<u32> {
    connection.prepare_cached(own!("PRAGMA page_count"))?.query_row([], |row| row.get(0))
}
