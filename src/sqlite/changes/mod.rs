//! Change data capture: the rows that a transaction changes, written into a table of the database in
//! that very transaction. So they are replicated with it, and lost with it.
//!
//! While statements run, changes are noted beside the database, in the order in which they happen; what
//! is rolled back takes its changes with it, as notifications do (`outbox`). When the transaction is
//! captured they become rows of `_eider_change`. The names of columns are looked up after each statement,
//! before another one can change them.
//!
//! Invariant: nothing is noted while no transaction is open. Without [`Capturing`] none of this is there,
//! and SQLite calls nobody.

mod event;
mod notes;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, params};

use crate::datum::regex::{Flags, Regex};
use crate::model::error::Error;
use crate::model::id::TransactionId;
use crate::platform::clock;
use crate::sqlite::changes::event::{Row, Shape};
use crate::sqlite::changes::notes::Notes;
use crate::sqlite::link::own;
use crate::sqlite::place::Place;
use crate::sqlite::savepoints::Savepoints;
use crate::sqlite::vfs::{OnChange, RowChange, watch_rows};

/// Tables of these names are never captured: Eider's own, SQLite's, and temporary ones.
const LEFT_OUT: [&str; 3] = ["_eider_", "sqlite_", "pg_temp_"];

/// Where rows stand while their table gets another form, as the compiler names it.
const ASIDE: &str = "_eider_aside";

/// What is captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capturing {
    /// The name of the database.
    pub database: String,
    /// Only the numbers of rows, no values.
    pub row_ids_only: bool,
    /// A regular expression that a table's name must match.
    pub tables: Option<String>,
}

/// Reads the regular expression of a [`Capturing`].
///
/// # Errors
/// 2201B; 0A000 for what is not supported.
pub fn check_table_filter(pattern: &str) -> Result<(), Error> {
    Regex::get(pattern, &Flags::default()).map(drop)
}

impl Capturing {
    fn wants(&self, table: &str) -> bool {
        let is = |prefix: &&str| {
            table.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
        };
        if LEFT_OUT.iter().any(is) {
            return false;
        }
        // A bad expression was refused when it was read.
        self.tables.as_deref().is_none_or(|pattern| {
            Regex::get(pattern, &Flags::default()).is_ok_and(|regex| regex.is_match(table))
        })
    }
}

/// What a connection has changed in its open transaction.
#[derive(Debug)]
pub(crate) struct Changes {
    capturing: Arc<Capturing>,
    noted: Mutex<Noted>,
    /// Whether there are tables whose columns must be looked up.
    unnamed: AtomicBool,
}

#[derive(Debug)]
struct Noted {
    notes: Notes,
    /// Rows are moved, not changed.
    suspended: bool,
    /// Where a name's table is in `tables`; `None` if it isn't captured.
    known: HashMap<String, Option<u32>>,
    /// By the number that notes have. `None`: its columns must be looked up.
    tables: Vec<(String, Option<Shape>)>,
    /// How much there was when the savepoint of each depth was set.
    savepoints: Savepoints<u64>,
}

impl Noted {
    fn forget_names(&mut self) {
        self.known.clear();
        if self.notes.is_empty() {
            self.tables.clear();
        }
    }

    fn cut(&mut self, length: u64) {
        self.notes.cut(length);
        self.forget_names();
    }
}

impl OnChange for Changes {
    fn on_change(&self, change: &RowChange<'_>) {
        let mut noted = self.lock();
        if noted.suspended {
            return;
        }
        let number = match noted.known.get(change.table) {
            Some(number) => *number,
            None => {
                let number = self.capturing.wants(change.table).then(|| {
                    self.unnamed.store(true, Ordering::Relaxed);
                    noted.tables.push((change.table.to_owned(), None));
                    (noted.tables.len() - 1) as u32
                });
                noted.known.insert(change.table.to_owned(), number);
                number
            }
        };
        if let Some(number) = number {
            noted.notes.add(number, change, !self.capturing.row_ids_only);
        }
    }
}

impl Changes {
    /// Begins to note what a connection changes: before anything is prepared on it. `beside` is for
    /// what doesn't fit into memory.
    pub(crate) fn install(
        connection: &Connection,
        capturing: &Arc<Capturing>,
        beside: Place,
    ) -> rusqlite::Result<Arc<Self>> {
        let noted = Noted {
            notes: Notes::new(beside),
            suspended: false,
            known: HashMap::new(),
            tables: Vec::new(),
            savepoints: Savepoints::default(),
        };
        let changes = Arc::new(Self {
            capturing: Arc::clone(capturing),
            noted: Mutex::new(noted),
            unnamed: AtomicBool::new(false),
        });
        watch_rows(connection, Arc::clone(&changes))?;
        Ok(changes)
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        // Nothing in here can panic half-way.
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// While a table gets another form, its rows only move: from when they get a place aside until that is
    /// dropped again.
    pub(crate) fn follow_moves(&self, sql: &str) {
        if sql.contains(ASIDE) {
            let mut noted = self.lock();
            noted.suspended |= sql.contains("CREATE TABLE");
            noted.suspended &= !sql.contains("DROP TABLE");
        }
    }

    /// After a statement: looks up the columns of tables that it was the first to change.
    pub(crate) fn name_columns(&self, connection: &Connection) -> rusqlite::Result<()> {
        if !self.unnamed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut noted = self.lock();
        for (name, shape) in noted.tables.iter_mut().filter(|(_, shape)| shape.is_none()) {
            *shape = Some(Shape::read(connection, name)?);
        }
        self.unnamed.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// A name may mean another table from now on.
    pub(crate) fn forget_names(&self) {
        self.lock().forget_names();
    }

    /// How much there is.
    pub(crate) fn length(&self) -> u64 {
        self.lock().notes.length()
    }

    /// Forgets all but the first `length`.
    pub(crate) fn cut(&self, length: u64) {
        self.lock().cut(length);
    }

    pub(crate) fn savepoint(&self, depth: u32) {
        let mut noted = self.lock();
        let there = noted.notes.length();
        noted.savepoints.set(depth, there);
    }

    pub(crate) fn rollback_to(&self, depth: u32) {
        let mut noted = self.lock();
        noted.suspended = false;
        if let Some(length) = noted.savepoints.rollback_to(depth) {
            noted.cut(length);
        }
    }

    pub(crate) fn release(&self, depth: u32) {
        self.lock().savepoints.release(depth);
    }

    /// Forgets everything: the transaction is over.
    pub(crate) fn clear(&self) {
        let mut noted = self.lock();
        noted.savepoints.clear();
        noted.suspended = false;
        noted.cut(0);
    }

    /// Writes everything into the table of changes, as done by this transaction.
    pub(crate) fn write(
        &self,
        connection: &Connection,
        txid: TransactionId,
    ) -> rusqlite::Result<()> {
        let (mut notes, tables) = {
            let mut noted = self.lock();
            noted.savepoints.clear();
            if noted.notes.is_empty() {
                return Ok(());
            }
            noted.known.clear();
            let notes = noted.notes.take();
            (notes, std::mem::take(&mut noted.tables))
        };
        let mut number = newest(connection)?;
        let at = clock::wall().as_millis() as i64;
        let sql = own!("INSERT INTO _eider_change VALUES (?1, ?2, ?3, ?4)");
        let mut insert = connection.prepare_cached(sql)?;
        while let Some(note) = notes.next().map_err(unreadable)? {
            let row = Row::decode(&note).ok_or_else(|| unreadable("it is cut off".into()))?;
            let Some((name, Some(shape))) = tables.get(row.table as usize) else { continue };
            if !shape.is_table {
                continue;
            }
            number += 1;
            let event = event::json(name, shape, &row, self.capturing.row_ids_only);
            insert.execute(params![number, txid.0.cast_signed(), at, event])?;
        }
        notes.clear();
        self.lock().notes.put_back(notes);
        Ok(())
    }
}

fn unreadable(why: Box<dyn std::error::Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(why)
}

/// The number of the newest change that there ever was.
fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    let sql = own!(
        "SELECT max(coalesce((SELECT max(number) FROM _eider_change), 0), removed) \
         FROM _eider_change_mark"
    );
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

/// Puts the changes of one database into another one that is to take its place, and notes there that all
/// has changed, if changes are captured.
pub(crate) fn carry_over(
    from: &Connection,
    to: &Connection,
    txid: TransactionId,
    capturing: bool,
) -> rusqlite::Result<()> {
    to.execute("DELETE FROM _eider_change", [])?;
    let marks = from.query_row("SELECT sent, removed FROM _eider_change_mark", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    })?;
    to.execute("UPDATE _eider_change_mark SET sent = ?1, removed = ?2", params![marks.0, marks.1])?;
    let mut rows = from.prepare("SELECT number, txid, at, event FROM _eider_change")?;
    let mut rows = rows.query([])?;
    let mut insert = to.prepare("INSERT INTO _eider_change VALUES (?1, ?2, ?3, ?4)")?;
    while let Some(row) = rows.next()? {
        let (number, txid, at): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        insert.execute(params![number, txid, at, row.get::<_, String>(3)?])?;
    }
    if capturing {
        let at = clock::wall().as_millis() as i64;
        let number = newest(to)? + 1;
        insert.execute(params![number, txid.0.cast_signed(), at, event::LOADED])?;
    }
    Ok(())
}
