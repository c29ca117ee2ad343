//! A whole database that somebody sends, as a file: made fit, and put in a database's place.
//!
//! Fitting happens to the file alone, before the write slot is taken: any SQLite database becomes one
//! with pages of our size and Eider's own tables. Putting it in place is one transaction of the writer
//! like any other: every page is written, captured, and goes through the log.
//!
//! Invariant: the schema version grows by a load as well, so that nobody takes what was compiled before
//! for what is valid after it.

use std::path::Path;
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, ffi};

use crate::model::error::{Error, Fault, SqlState};
use crate::model::id::{SchemaVersion, TransactionId};
use crate::platform::disk::{Disk, File, read_exact_at};
use crate::sqlite::apply::Applying;
use crate::sqlite::control::stop_reason;
use crate::sqlite::database::{SYSTEM_SCHEMA, Shared};
use crate::sqlite::errors::{self, extended_code};
use crate::sqlite::link::{self, Link};
use crate::sqlite::page::{FORMAT_VERSIONS, RESERVED_AT, RESERVED_BYTES, set_wal_mode};
use crate::sqlite::place::Place;
use crate::sqlite::vfs::{PAGE_BYTES, reserve_bytes};
use crate::sqlite::writer::execute;
use crate::sqlite::{Control, Options, changes, schema};

/// What every SQLite database begins with (SQLite file format §1.3.1).
pub const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Pages written between two looks at whether to stop.
const PAGES_UNCHECKED: u32 = 256;

/// Clients match on these words.
fn invalid(why: &str) -> Error {
    Error::user(SqlState::DATA_CORRUPTED, format!("invalid SQLite data: {why}"))
}

fn of_disk(error: &std::io::Error) -> Error {
    Error::limit(SqlState::DISK_FULL, "the file can't be kept on this node's disk")
        .with_detail(error.kind().to_string())
}

/// What it means that SQLite can't do something with the file.
fn of_file(error: &rusqlite::Error) -> Error {
    match extended_code(error).map(|code| code & 0xff) {
        Some(ffi::SQLITE_FULL | ffi::SQLITE_IOERR | ffi::SQLITE_CANTOPEN) => Error::limit(
            SqlState::DISK_FULL,
            "the file can't be worked on: this node's disk is full",
        ),
        _ => invalid(&errors::message(error)),
    }
}

/// Makes a file that holds any SQLite database fit for [`Writer::load`](crate::sqlite::Writer::load).
///
/// # Errors
/// XX001 "invalid SQLite data" if it is no database or a damaged one; 0A000 if it has something that
/// can't be here; 53100.
pub fn prepare_load(disk: &Arc<dyn Disk>, path: &Path, options: &Options) -> Result<(), Error> {
    let place = Place::new(disk, path);
    let file = disk.open(path, false).map_err(|error| of_disk(&error))?;
    let mut header = [0; 100];
    let length = file.len().map_err(|error| of_disk(&error))?;
    if length < 512 || read_exact_at(&*file, &mut header, 0).is_err() {
        return Err(invalid("the file is too short"));
    }
    if !header.starts_with(MAGIC) {
        return Err(invalid("it does not begin as a database does"));
    }
    if header[FORMAT_VERSIONS] == [2, 2] {
        // There is no WAL beside it: what was in one hasn't come along.
        file.write_all_at(&[1, 1], FORMAT_VERSIONS.start as u64)
            .map_err(|error| of_disk(&error))?;
    }
    let connect = || link::staged(place.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?, options);
    let link = connect().map_err(|error| of_file(&error))?;
    let connection = &link.connection;
    check(connection)?;
    let fitted = || -> rusqlite::Result<()> {
        let pragma = |name: &str| {
            connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
        };
        let unfit = pragma("page_size")? != PAGE_BYTES as i64 || pragma("auto_vacuum")? != 0;
        if unfit || usize::from(header[RESERVED_AT]) < RESERVED_BYTES {
            connection.pragma_update(None, "page_size", PAGE_BYTES as i64)?;
            connection.pragma_update(None, "auto_vacuum", "NONE")?;
            // Last: setting the page size forgets what was to be reserved.
            reserve_bytes(connection)?;
            connection.execute_batch("VACUUM")?;
        }
        Ok(())
    };
    fitted().map_err(|error| of_file(&error))?;
    add_own_tables(connection)
}

/// Refuses what is damaged, or can't be here.
fn check(connection: &Connection) -> Result<(), Error> {
    let text = |sql: &str| {
        connection.query_row(sql, [], |row| row.get::<_, String>(0)).map_err(|e| of_file(&e))
    };
    let whole = text("PRAGMA quick_check(1)")?;
    if whole != "ok" {
        return Err(invalid(&whole));
    }
    if text("PRAGMA encoding")? != "UTF-8" {
        return Err(Error::refused("databases in UTF-16 can't be loaded: make it one in UTF-8"));
    }
    let sql = "SELECT count(*) FROM sqlite_schema \
               WHERE instr(lower(coalesce(sql, '')), 'sqlite_dbpage') > 0";
    let raw: rusqlite::Result<i64> = connection.query_row(sql, [], |row| row.get(0));
    if raw.map_err(|error| of_file(&error))? > 0 {
        return Err(Error::refused("databases with tables over sqlite_dbpage can't be loaded"));
    }
    Ok(())
}

/// Eider's own tables in a schema: name and text, and how much else bears their names.
fn own_tables(connection: &Connection) -> rusqlite::Result<(Vec<(String, String)>, i64)> {
    let own = "lower(substr(tbl_name, 1, 7)) = '_eider_'";
    let sql =
        format!("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND {own} ORDER BY 1");
    let mut prepared = connection.prepare(&sql)?;
    let rows = prepared.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let tables = rows.collect::<rusqlite::Result<_>>()?;
    let sql = format!(
        "SELECT count(*) FROM sqlite_schema WHERE {own} AND type <> 'table' AND sql IS NOT NULL"
    );
    Ok((tables, connection.query_row(&sql, [], |row| row.get(0))?))
}

/// Adds Eider's own tables to a database that has none. Those of another Eider database are taken as
/// they are, if they have the layout that this version has.
fn add_own_tables(connection: &Connection) -> Result<(), Error> {
    let ours = || -> rusqlite::Result<_> {
        let fresh = Connection::open_in_memory()?;
        fresh.execute_batch(SYSTEM_SCHEMA)?;
        own_tables(&fresh)
    };
    let ours = ours().map_err(|error| Error::internal(errors::message(&error)))?;
    let found = own_tables(connection).map_err(|error| of_file(&error))?;
    let is_foreign = found.0.is_empty() && found.1 == 0;
    if !is_foreign && found != ours {
        return Err(Error::refused(
            "the database has tables called _eider_ that this version of Eider has not made",
        ));
    }
    let add = || -> rusqlite::Result<()> {
        execute(connection, "BEGIN")?;
        if is_foreign {
            connection.execute_batch(SYSTEM_SCHEMA)?;
        }
        schema::reconcile(connection)?;
        execute(connection, "COMMIT")
    };
    add().map_err(|error| of_file(&error))
}

/// Notes in a prepared file which transaction will have put it in place, and the schema version; and puts
/// the changes there that were captured so far.
fn stamp_staged(
    place: &Place,
    (txid, version): (TransactionId, SchemaVersion),
    applier: &Connection,
    capturing: bool,
) -> rusqlite::Result<()> {
    let connection = place.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
    connection.execute("UPDATE _eider_position SET txid = ?1", [txid.0.cast_signed()])?;
    connection.execute_batch("BEGIN")?;
    changes::carry_over(applier, &connection, txid, capturing)?;
    connection.execute_batch("COMMIT")?;
    connection.pragma_update(None, "schema_version", version.0.cast_signed())?;
    connection.close().map_err(|(_, error)| error)
}

/// Why a file could not be put in place.
pub(crate) enum Stopped {
    Error(Error),
    Fault(Fault),
}

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Writes all pages of a prepared file in a transaction of `applier`, which stays open.
pub(crate) fn write_pages(
    applier: &Connection,
    shared: &Shared,
    path: &Path,
    stamps: (TransactionId, SchemaVersion),
    control: &Control,
) -> Result<(), Stopped> {
    let place = Place::new(&shared.place.disk, path);
    let capturing = shared.options.capturing.is_some();
    stamp_staged(&place, stamps, applier, capturing)
        .map_err(|error| Stopped::Error(of_file(&error)))?;
    let disk_failed = |error: std::io::Error| Stopped::Error(of_disk(&error));
    let file: Arc<dyn File> = place.disk.open(path, false).map_err(disk_failed)?;
    let pages = (file.len().map_err(disk_failed)? / PAGE_BYTES as u64) as u32;
    let mut applying = Applying::begin(applier, pages)?;
    for number in 1..=pages {
        if number % PAGES_UNCHECKED == 0
            && let Some(stop) = stop_reason(control)
        {
            return Err(Stopped::Error(stop));
        }
        let mut page = vec![0; PAGE_BYTES];
        let offset = u64::from(number - 1) * PAGE_BYTES as u64;
        read_exact_at(&*file, &mut page, offset).map_err(disk_failed)?;
        if number == 1 {
            set_wal_mode(&mut page, true);
        }
        applying.write(number, page)?;
    }
    Ok(applying.settle().map(drop)?)
}

/// Writes a compacted copy of a database, as of now, to a file that isn't there.
pub(crate) fn vacuum_into(shared: &Shared, path: &Path) -> Result<(), Error> {
    let copy = || -> rusqlite::Result<()> {
        let connection = shared.place.connect_checked(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let link: Link = link::staged(connection, &shared.options)?;
        let target = Place::new(&shared.place.disk, path).sqlite_name();
        link.connection.execute("VACUUM INTO ?1", [target])?;
        Ok(())
    };
    copy().map_err(|error| of_file(&error))
}
