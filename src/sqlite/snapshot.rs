//! A read view of the whole database file.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, OpenFlags};

use crate::model::error::Fault;
use crate::model::id::TransactionId;
use crate::sqlite::apply::{read_checksum, read_page, read_page_count, read_txid};
use crate::sqlite::database::Shared;
use crate::sqlite::errors::fault;
use crate::sqlite::link::own;
use crate::sqlite::writer::execute;

/// A database file at one moment. Holds a read transaction until dropped, so the WAL can't begin anew
/// while it lives.
#[derive(Debug)]
pub struct SnapshotView {
    connection: Connection,
    txid: TransactionId,
    pages: u32,
    /// Keeps the file's descriptor open as long as the connection.
    _shared: Arc<Shared>,
}

impl SnapshotView {
    pub(crate) fn open(shared: &Arc<Shared>) -> Result<Self, Fault> {
        let connection = shared
            .place
            .connect_checked(OpenFlags::SQLITE_OPEN_READ_ONLY)
            .map_err(|error| fault("open a snapshot", &error))?;
        execute(&connection, own!("BEGIN")).map_err(|error| fault("open a snapshot", &error))?;
        let txid = read_txid(&connection)?;
        let pages = read_page_count(&connection)?;
        Ok(Self { connection, txid, pages, _shared: Arc::clone(shared) })
    }

    /// The last transaction in it.
    pub fn txid(&self) -> TransactionId {
        self.txid
    }

    /// Its size in pages.
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// A page's bytes. `number` is from 1 to `pages()`.
    pub fn page(&mut self, number: u32) -> Result<Bytes, Fault> {
        read_page(&self.connection, number).map(Bytes::from)
    }

    /// The checksum that log entries carry for this page.
    pub fn checksum(&mut self, number: u32) -> Result<u64, Fault> {
        read_checksum(&self.connection, number)
    }
}
