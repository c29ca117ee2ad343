//! Values of sequences. They are taken from memory by the write connection, and not given back when
//! the transaction that took them is rolled back.
//!
//! What the file says of a sequence is written with the commit of a transaction that took values: the
//! last value, and `reserved`, up to which values may be taken before the next such commit. Who reads
//! the file anew (after a start, or when another node has led) goes on behind `reserved`.
//!
//! Invariants:
//! - A value is never given twice under one `version` of a sequence, whoever leads: a transaction's
//!   values are in the log with it, and those of a transaction that was rolled back are below
//!   `reserved`, as long as it took no more than [`RESERVED`].
//! - Memory is ahead of the file or equal to it. It is forgotten when another node's pages come.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Row};

use crate::model::error::{Error, SqlState};
use crate::model::statement::TakenValue;
use crate::sqlite::link::own;

/// Values that may be taken beyond those that the file tells of (`SEQ_LOG_VALS`).
const RESERVED: i64 = 32;

/// A database's sequences, as the write connection knows them.
#[derive(Debug, Default)]
pub(crate) struct Sequences(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// By stored name.
    known: HashMap<String, Known>,
    /// Whether `known` has what the file says now.
    loaded: bool,
    /// Whether a statement of the open transaction may have changed the file's rows.
    changed: bool,
    /// The last values of the sequences that the statement has used, as they were before it.
    before: HashMap<String, (i64, bool)>,
    /// What the statement took, the sequence that it used last at the end.
    taken: Vec<TakenValue>,
}

#[derive(Debug, Clone)]
struct Known {
    /// A sequence that is made anew under the name of a dropped one begins anew.
    oid: i64,
    /// Which life of the sequence this is; a restart begins a new one.
    version: i64,
    /// What messages call it.
    label: String,
    last: i64,
    /// Whether `last` has been given.
    called: bool,
    increment: i64,
    minimum: i64,
    maximum: i64,
    cycle: bool,
    /// Whether the file doesn't tell of `last` yet.
    ahead: bool,
    since: Since,
}

/// Which transaction a life of a sequence began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    Committed,
    /// The open one.
    Open,
}

impl Sequences {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Other pages have come: all is read anew, behind what was reserved.
    pub(crate) fn forget(&self) {
        *self.lock() = State::default();
    }

    /// Definitions may have changed.
    pub(crate) fn reload(&self) {
        let mut state = self.lock();
        (state.loaded, state.changed) = (false, true);
    }

    /// Whether definitions may have changed since the transaction began.
    pub(crate) fn are_changed(&self) -> bool {
        self.lock().changed
    }

    /// What statements did to the file's rows may be undone. The transaction goes on: what it took of
    /// sequences that it has made itself stays taken.
    pub(crate) fn rolled_back_to_savepoint(&self) {
        let mut state = self.lock();
        state.loaded &= !state.changed;
    }

    /// The transaction is undone, with the sequences that it made or began anew: others may be made with
    /// the same numbers.
    pub(crate) fn rolled_back(&self) {
        let mut state = self.lock();
        state.loaded &= !state.changed;
        state.changed = false;
        state.known.retain(|_, sequence| sequence.since == Since::Committed);
    }

    /// Before a statement: reads what the file says, unless that is known. What memory is ahead in stays.
    pub(crate) fn load(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut state = self.lock();
        state.before.clear();
        state.taken.clear();
        if state.loaded {
            return Ok(());
        }
        let sql = own!(
            "SELECT name, coalesce(relation_name, name), last_value, is_called, reserved, version, \
             increment, minimum, maximum, cycle, oid FROM _eider_sequence"
        );
        let mut prepared = connection.prepare_cached(sql)?;
        let mut rows = prepared.query([])?;
        let mut known = HashMap::new();
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            let mut read = read(row)?;
            read.since = if state.changed { Since::Open } else { Since::Committed };
            let same = |own: &&Known| (own.oid, own.version) == (read.oid, read.version);
            if let Some(own) = state.known.get(&name).filter(same) {
                (read.last, read.called, read.ahead) = (own.last, own.called, own.ahead);
                read.since = own.since;
            }
            known.insert(name, read);
        }
        state.known = known;
        state.loaded = true;
        Ok(())
    }

    /// `nextval`
    ///
    /// # Errors
    /// 2200H behind the last value.
    pub(crate) fn next(&self, name: &str) -> Result<i64, Error> {
        let mut state = self.lock();
        let sequence = state.taken(name)?;
        let value = if sequence.called { sequence.following()? } else { sequence.last };
        (sequence.last, sequence.called, sequence.ahead) = (value, true, true);
        state.note(name, value, true);
        Ok(value)
    }

    /// `setval`
    ///
    /// # Errors
    /// 22003 for a value that the sequence can't have.
    pub(crate) fn set(&self, name: &str, value: i64, called: bool) -> Result<i64, Error> {
        let mut state = self.lock();
        let sequence = state.taken(name)?;
        let (minimum, maximum) = (sequence.minimum, sequence.maximum);
        if !(minimum..=maximum).contains(&value) {
            let label = &sequence.label;
            let message = format!(
                "setval: value {value} is out of bounds for sequence \"{label}\" ({minimum}..{maximum})"
            );
            return Err(Error::user(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message));
        }
        (sequence.last, sequence.called, sequence.ahead) = (value, called, true);
        if called {
            state.note(name, value, false);
        }
        Ok(value)
    }

    /// What the statement took.
    pub(crate) fn taken(&self) -> Vec<TakenValue> {
        std::mem::take(&mut self.lock().taken)
    }

    /// Gives the statement, which is run once more, the same values again. What is returned is for
    /// [`forward`](Self::forward) behind that.
    pub(crate) fn rewind(&self) -> Rewound {
        let mut state = self.lock();
        let before = std::mem::take(&mut state.before);
        let mut after = HashMap::new();
        for (name, (last, called)) in before {
            if let Some(sequence) = state.known.get_mut(&name) {
                after.insert(name, (sequence.last, sequence.called));
                (sequence.last, sequence.called) = (last, called);
            }
        }
        Rewound(after)
    }

    /// Goes on behind what the statement took when it ran first.
    pub(crate) fn forward(&self, rewound: Rewound) {
        let mut state = self.lock();
        for (name, (last, called)) in rewound.0 {
            if let Some(sequence) = state.known.get_mut(&name) {
                (sequence.last, sequence.called) = (last, called);
            }
        }
    }

    /// Whether something must be written.
    pub(crate) fn is_ahead(&self) -> bool {
        self.lock().known.values().any(|sequence| sequence.ahead)
    }

    /// Writes what the file doesn't tell of yet.
    pub(crate) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let state = self.lock();
        let sql = own!(
            "UPDATE _eider_sequence SET last_value = ?2, is_called = ?3, reserved = ?4 \
             WHERE oid = ?1 AND version = ?5"
        );
        let mut prepared = connection.prepare_cached(sql)?;
        for sequence in state.known.values().filter(|sequence| sequence.ahead) {
            let reserved = sequence.reserved();
            let Known { oid, last, called, version, .. } = sequence;
            let row = rusqlite::params![oid, last, called, reserved, version];
            prepared.execute(row)?;
        }
        Ok(())
    }

    /// What was written is committed.
    pub(crate) fn written(&self) {
        let mut state = self.lock();
        state.changed = false;
        for sequence in state.known.values_mut() {
            (sequence.ahead, sequence.since) = (false, Since::Committed);
        }
    }
}

/// Where sequences stood before [`Sequences::rewind`].
#[derive(Debug)]
pub(crate) struct Rewound(HashMap<String, (i64, bool)>);

impl State {
    /// Remembers a value for `currval` and `lastval`, which `setval` doesn't make another sequence's.
    fn note(&mut self, name: &str, value: i64, was_next: bool) {
        let known = self.taken.iter().position(|taken| taken.sequence == name);
        match known {
            Some(place) if was_next && place + 1 < self.taken.len() => {
                self.taken.remove(place);
            }
            Some(place) => {
                let taken = &mut self.taken[place];
                (taken.value, taken.was_next) = (value, taken.was_next || was_next);
                return;
            }
            None => {}
        }
        self.taken.push(TakenValue { sequence: name.to_owned(), value, was_next });
    }

    /// A sequence whose state changes.
    fn taken(&mut self, name: &str) -> Result<&mut Known, Error> {
        let sequence = self.find(name)?;
        let now = (sequence.last, sequence.called);
        if !self.before.contains_key(name) {
            self.before.insert(name.to_owned(), now);
        }
        self.find(name)
    }

    fn find(&mut self, name: &str) -> Result<&mut Known, Error> {
        if !self.loaded {
            return Err(Error::refused("sequences are not supported here"));
        }
        self.known.get_mut(name).ok_or_else(|| {
            let message = format!("relation \"{name}\" does not exist");
            Error::user(SqlState::UNDEFINED_TABLE, message)
        })
    }
}

impl Known {
    fn following(&self) -> Result<i64, Error> {
        let ascending = self.increment > 0;
        let next = self.last.checked_add(self.increment);
        match next.filter(|next| (self.minimum..=self.maximum).contains(next)) {
            Some(next) => Ok(next),
            None if self.cycle => Ok(if ascending { self.minimum } else { self.maximum }),
            None => {
                let (which, end) =
                    if ascending { ("maximum", self.maximum) } else { ("minimum", self.minimum) };
                let label = &self.label;
                let message =
                    format!("nextval: reached {which} value of sequence \"{label}\" ({end})");
                Err(Error::user(SqlState(*b"2200H"), message))
            }
        }
    }

    /// The last value that may be taken before the file is written again.
    fn reserved(&self) -> i64 {
        let ahead = self.increment.saturating_mul(RESERVED);
        self.last.saturating_add(ahead).clamp(self.minimum, self.maximum)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Known> {
    let reserved: Option<i64> = row.get(4)?;
    Ok(Known {
        oid: row.get(10)?,
        label: row.get(1)?,
        last: reserved.map_or_else(|| row.get(2), Ok)?,
        called: reserved.is_some() || row.get(3)?,
        version: row.get(5)?,
        increment: row.get(6)?,
        minimum: row.get(7)?,
        maximum: row.get(8)?,
        cycle: row.get(9)?,
        ahead: false,
        since: Since::Open,
    })
}

/// Whether a text takes values of sequences.
pub(crate) fn takes_values(sql: &str) -> bool {
    sql.contains("pg_nextval(") || sql.contains("pg_setval(")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("system_schema.sql")).unwrap();
        let row = "INSERT INTO _eider_sequence (oid, name, maximum) VALUES (1, 's', 100)";
        connection.execute(row, []).unwrap();
        connection
    }

    fn loaded(connection: &Connection) -> Sequences {
        let sequences = Sequences::default();
        sequences.load(connection).unwrap();
        sequences
    }

    #[test]
    fn who_reads_the_file_goes_on_behind_what_was_reserved() {
        let file = database();
        let first = loaded(&file);
        assert_eq!([first.next("s"), first.next("s"), first.next("s")], [Ok(1), Ok(2), Ok(3)]);
        first.write(&file).unwrap();
        first.written();
        // Not in the file, as its transaction was rolled back.
        assert_eq!(first.next("s"), Ok(4));
        assert!(first.is_ahead());
        assert_eq!(loaded(&file).next("s"), Ok(3 + RESERVED + 1));
    }

    #[test]
    fn a_sequence_that_is_made_anew_begins_anew() {
        let file = database();
        let sequences = loaded(&file);
        assert_eq!([sequences.next("s"), sequences.next("s")], [Ok(1), Ok(2)]);
        let anew = "DELETE FROM _eider_sequence; \
                    INSERT INTO _eider_sequence (oid, name, maximum) VALUES (2, 's', 100)";
        file.execute_batch(anew).unwrap();
        sequences.reload();
        sequences.load(&file).unwrap();
        assert_eq!(sequences.next("s"), Ok(1));
    }

    #[test]
    fn what_a_transaction_that_was_undone_made_is_forgotten() {
        let file = database();
        let sequences = loaded(&file);
        assert_eq!(sequences.next("s"), Ok(1));
        let restart = "UPDATE _eider_sequence SET last_value = 50, is_called = 0, version = 2";
        for _ in 0..2 {
            file.execute_batch("BEGIN").unwrap();
            file.execute(restart, []).unwrap();
            sequences.reload();
            sequences.load(&file).unwrap();
            assert_eq!([sequences.next("s"), sequences.next("s")], [Ok(50), Ok(51)]);
            sequences.rolled_back_to_savepoint();
            sequences.load(&file).unwrap();
            assert_eq!(sequences.next("s"), Ok(52), "the transaction goes on");
            sequences.rolled_back();
            file.execute_batch("ROLLBACK").unwrap();
        }
    }

    #[test]
    fn memory_stays_ahead_until_the_sequence_begins_anew() {
        let file = database();
        let sequences = loaded(&file);
        assert_eq!(sequences.next("s"), Ok(1));
        sequences.reload();
        sequences.load(&file).unwrap();
        assert_eq!(sequences.next("s"), Ok(2));
        let restart = "UPDATE _eider_sequence SET last_value = 50, is_called = 0, version = 7";
        file.execute(restart, []).unwrap();
        sequences.reload();
        sequences.load(&file).unwrap();
        assert_eq!(sequences.next("s"), Ok(50));
        assert_eq!(sequences.set("s", 100, true), Ok(100));
        assert!(sequences.next("s").is_err());
        assert!(sequences.set("s", 101, true).is_err());
    }
}
