//! One database: its file, and who has connections to it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::catalog::Contents;
use crate::model::catalog::Catalog;
use crate::model::error::{Error, Fault};
use crate::model::id::SchemaVersion;
use crate::platform::disk::{Disk, File, read_exact_at};
use crate::sqlite::errors::{self, fault};
use crate::sqlite::page::{RESERVED_AT, RESERVED_BYTES, stamp};
use crate::sqlite::place::Place;
use crate::sqlite::private::{self, Gate, Job, Ran};
use crate::sqlite::reader::{Pool, Reader};
use crate::sqlite::rewrite::rewrite;
use crate::sqlite::snapshot::SnapshotView;
use crate::sqlite::vfs::{self, PAGE_BYTES, Tap};
use crate::sqlite::writer::Writer;
use crate::sqlite::{Checkpoint, Control, Options, RowSink, load, schema};

/// What a new database holds. The text is a format: it is in the file.
pub(crate) const SYSTEM_SCHEMA: &str = include_str!("system_schema.sql");

/// The catalogs of the last few schema versions.
const CATALOGS_MAX: usize = 4;

/// What all connections to one database share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) place: Place,
    pub(crate) wal: Place,
    pub(crate) options: Options,
    /// Between commits and private runs.
    pub(crate) gate: Gate,
    catalogs: Mutex<VecDeque<Arc<Catalog>>>,
    /// What the last few catalogs look like as system tables.
    contents: Mutex<VecDeque<Arc<Contents>>>,
    /// For fsync. Closing any descriptor of a file drops all of the process's POSIX locks on it, so
    /// this one is opened before and closed after SQLite's own: connections hold this struct.
    file: Arc<dyn File>,
}

impl Shared {
    /// The committed catalog with this version, from memory or as `connection` sees it.
    pub(crate) fn catalog(
        &self,
        connection: &Connection,
        version: SchemaVersion,
    ) -> Result<Arc<Catalog>, Error> {
        let mut catalogs = self.catalogs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = catalogs.iter().find(|catalog| catalog.schema == version) {
            return Ok(Arc::clone(known));
        }
        let catalog = schema::load(connection, version)
            .map_err(|error| Error::internal(errors::message(&error)))?;
        let catalog = Arc::new(catalog);
        catalogs.push_front(Arc::clone(&catalog));
        catalogs.truncate(CATALOGS_MAX);
        Ok(catalog)
    }

    /// The rows of the system tables for the committed catalog with this version.
    pub(crate) fn contents(
        &self,
        connection: &Connection,
        version: SchemaVersion,
    ) -> Result<Arc<Contents>, Error> {
        let catalog = self.catalog(connection, version)?;
        Ok(self.contents_of(&catalog))
    }

    /// The rows of the system tables for a catalog.
    pub(crate) fn contents_of(&self, catalog: &Arc<Catalog>) -> Arc<Contents> {
        let mut all = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.iter().find(|known| Arc::ptr_eq(known.catalog(), catalog)) {
            return Arc::clone(known);
        }
        let contents = Arc::new(Contents::new(Arc::clone(catalog), self.options.deparse.clone()));
        all.push_front(Arc::clone(&contents));
        all.truncate(CATALOGS_MAX);
        contents
    }

    /// Forgets all catalogs: the database was replaced.
    pub(crate) fn forget_catalogs(&self) {
        self.catalogs.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.contents.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// One database: its file, its write connection, its readers.
#[derive(Debug)]
pub struct Database {
    writer: Mutex<Option<Writer>>,
    pool: Arc<Pool>,
    private: private::Pool,
    /// The writer's.
    tap: Arc<Tap>,
    /// It copies pages as they are. It closes after all others of this struct.
    checkpointer: Mutex<Connection>,
    shared: Arc<Shared>,
}

impl Database {
    /// Opens `path`, or creates an empty database there (WAL mode, 4096-byte pages).
    ///
    /// # Errors
    /// If the file is no database of ours, or another process writes to it.
    pub fn open(disk: &Arc<dyn Disk>, path: &Path, options: &Options) -> Result<Self, Fault> {
        vfs::register()
            .map_err(|code| Fault::new(format!("SQLite refuses its file layer: code {code}")))?;
        let place = Place::new(disk, path);
        if !place.exists()? {
            create(&place)?;
        }
        let file = disk.open(path, false).map_err(|error| place.failed("open", &error))?;
        check_header(&*file, &place)?;
        let wal = place.with_suffix("-wal");
        rewrite(&wal)?;
        let shared = Arc::new(Shared {
            wal,
            place,
            options: options.clone(),
            gate: Gate::default(),
            catalogs: Mutex::default(),
            contents: Mutex::default(),
            file,
        });
        let writer = Writer::open(&shared)?;
        let tap = Arc::clone(&writer.tap);
        let checkpointer =
            open_checkpointer(&shared.place).map_err(|error| fault("open the database", &error))?;
        Ok(Self {
            writer: Mutex::new(Some(writer)),
            pool: Pool::new(Arc::clone(&shared)),
            private: private::Pool::new(Arc::clone(&shared)),
            tap,
            checkpointer: Mutex::new(checkpointer),
            shared,
        })
    }

    /// The one write connection. Taken once.
    ///
    /// # Panics
    /// If it was taken already.
    pub fn writer(&self) -> Writer {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.take().expect("the writer is taken once")
    }

    /// A read-only connection from the pool; waits for one at the most as long as given, then 53300.
    pub fn reader(&self, wait: Duration) -> Result<Reader, Error> {
        self.pool.take(wait)
    }

    /// Runs statements of the PostgreSQL dialect as if they were committed, and leaves nothing of
    /// them: see [`Job`]. It takes no longer than `control` lets it.
    ///
    /// # Errors
    /// The statement's own.
    pub fn run_private(
        &self,
        job: &Job<'_>,
        control: &Control,
        sink: &mut dyn RowSink,
    ) -> Result<Ran, Error> {
        self.private.run(job, control, sink)
    }

    /// Whether running a text of the PostgreSQL dialect can't change anything. `None` if that can't
    /// be said here.
    pub fn reads_only(&self, sql: &str) -> Option<bool> {
        self.private.reads_only(sql)
    }

    /// Copies committed WAL frames into the database file and fsyncs it, beside running readers and
    /// writers. Everything that was committed when the call began is durable when it returns
    /// `complete`.
    ///
    /// The WAL begins anew with the first transaction that starts after a checkpoint which left no
    /// frame. Under steady writing that only happens if the last checkpoint runs between two
    /// transactions, so call it there too.
    pub fn checkpoint(&self) -> Result<Checkpoint, Fault> {
        self.run_checkpoint("PASSIVE")
    }

    /// Copies all of the WAL into the database file and empties it: nothing may be open but this.
    ///
    /// # Errors
    /// If a reader or the writer is still there.
    pub fn close(self) -> Result<(), Fault> {
        drop(self.writer.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.pool.close();
        self.private.close();
        let checkpoint = self.run_checkpoint("TRUNCATE")?;
        if !checkpoint.complete {
            return Err(Fault::new("the database is still in use and could not be checkpointed"));
        }
        Ok(())
    }

    fn run_checkpoint(&self, mode: &str) -> Result<Checkpoint, Fault> {
        let connection = self.checkpointer.lock().unwrap_or_else(PoisonError::into_inner);
        let (busy, log, copied): (i64, i64, i64) = connection
            .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .map_err(|error| fault("checkpoint the database", &error))?;
        // SQLite only syncs the file if nothing was committed meanwhile.
        let synced = self.shared.file.sync_data();
        synced.map_err(|error| self.shared.place.failed("fsync", &error))?;
        Ok(Checkpoint {
            complete: busy == 0 && log == copied,
            frames_left: u64::try_from(log - copied).unwrap_or(0),
        })
    }

    /// A read view of the whole file at its present state, for streaming a snapshot.
    pub fn snapshot(&self) -> Result<SnapshotView, Fault> {
        SnapshotView::open(&self.shared)
    }

    /// Writes a compacted copy, as of now, to a file that isn't there yet. It is not in WAL mode.
    ///
    /// # Errors
    /// 53100 if the disk has no room for it.
    pub fn vacuum_into(&self, path: &Path) -> Result<(), Error> {
        load::vacuum_into(&self.shared, path)
    }

    /// Closes all connections and removes the file and its companions. A reader or writer that is
    /// still there goes on with the removed file.
    pub fn remove(self) -> Result<(), Fault> {
        drop(self.writer.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.pool.close();
        self.private.close();
        let Self { shared, checkpointer, .. } = self;
        drop(checkpointer);
        let place = &shared.place;
        // The database goes last: what is left by a crash in between is still a database.
        for suffix in ["-wal", "-shm", ""] {
            place.with_suffix(suffix).remove()?;
        }
        place.sync_directory()
    }

    /// Size of the file and of its WAL, in bytes.
    pub fn sizes(&self) -> (u64, u64) {
        let size = |place: &Place| place.disk.length(&place.path).unwrap_or(0);
        (size(&self.shared.place), size(&self.shared.wal))
    }

    /// Bytes of the WAL that are in use, after the first write. Its file doesn't shrink when it begins
    /// anew.
    pub fn wal_bytes(&self) -> u64 {
        self.tap.wal_bytes()
    }
}

fn open_checkpointer(place: &Place) -> rusqlite::Result<Connection> {
    let connection = place.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// Refuses what isn't a database of ours (SQLite file format §1.3): page size, WAL mode.
fn check_header(file: &dyn File, place: &Place) -> Result<(), Fault> {
    let mut header = [0; 100];
    read_exact_at(file, &mut header, 0).map_err(|error| place.failed("read", &error))?;
    let page_size = usize::from(u16::from_be_bytes([header[16], header[17]]));
    if !header.starts_with(b"SQLite format 3\0") || page_size != PAGE_BYTES {
        return Err(Fault::new(format!(
            "{} is not a SQLite database with pages of {PAGE_BYTES} bytes",
            place.path.display()
        )));
    }
    if usize::from(header[RESERVED_AT]) < RESERVED_BYTES {
        return Err(Fault::new(format!(
            "{} has pages without checksums: another program has made it, or a version of Eider \
             before the first release",
            place.path.display()
        )));
    }
    if header[18..20] != [2, 2] {
        return Err(Fault::new(format!(
            "{} is not in WAL mode: another program has changed that",
            place.path.display()
        )));
    }
    Ok(())
}

/// Makes an empty database: the same bytes on every node.
fn create(place: &Place) -> Result<(), Fault> {
    for suffix in ["-wal", "-journal"] {
        let companion = place.with_suffix(suffix);
        if companion.exists()? {
            return Err(Fault::new(format!(
                "{} is there, but the database it belongs to is not",
                companion.path.display()
            )));
        }
    }
    let temporary = place.with_suffix(".new");
    for suffix in ["", "-wal", "-shm", "-journal"] {
        temporary.with_suffix(suffix).remove()?;
    }
    let fill = || -> rusqlite::Result<()> {
        let create = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let connection = temporary.connect_checked(create)?;
        vfs::reserve_bytes(&connection)?;
        connection.pragma_update(None, "page_size", PAGE_BYTES as i64)?;
        connection.pragma_update(None, "auto_vacuum", "NONE")?;
        connection.pragma_update(None, "encoding", "UTF-8")?;
        connection.execute_batch(&format!("BEGIN; {SYSTEM_SCHEMA}; COMMIT;"))?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.close().map_err(|(_, error)| error)
    };
    fill().map_err(|error| fault("create a database", &error))?;
    let failed = |error: std::io::Error| place.failed("create", &error);
    let file = place.disk.open(&temporary.path, false).map_err(failed)?;
    // If the disk fails while SQLite switches to WAL mode, it may stay in its old mode and say nothing.
    check_header(&*file, &temporary)?;
    let finish = || -> std::io::Result<()> {
        let mut first = [0; PAGE_BYTES];
        read_exact_at(&*file, &mut first, 0)?;
        stamp(1, &mut first);
        file.write_all_at(&first, 0)?;
        file.sync_data()?;
        place.disk.rename(&temporary.path, &place.path)
    };
    finish().map_err(failed)?;
    place.sync_directory()
}
