//! What the open transaction of a connection wants to notify, until it is captured.
//!
//! The function `pg_notify` puts it in, wherever it stands: in a statement or in a trigger. What is
//! rolled back takes its notifications with it: a failed statement, a savepoint, the transaction.
//!
//! Invariant: nothing is in it while no transaction is open.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::error::{Error, SqlState};
use crate::model::notification::Notification;
use crate::sqlite::savepoints::Savepoints;

/// Bytes of notifications of one log entry at the most.
const BYTES_MAX: usize = 8 << 20;

/// A connection's notifications.
#[derive(Debug, Default)]
pub(crate) struct Outbox(Mutex<Contents>);

#[derive(Debug, Default)]
struct Contents {
    /// Whether this connection may send any.
    open: bool,
    kept: Vec<Notification>,
    known: HashSet<Notification>,
    bytes: usize,
    /// How many there were when the savepoint of each depth was set.
    savepoints: Savepoints<usize>,
}

impl Contents {
    fn cut(&mut self, len: usize) {
        while self.kept.len() > len {
            if let Some(last) = self.kept.pop() {
                self.bytes -= last.size();
                self.known.remove(&last);
            }
        }
    }
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Contents> {
        // Nothing in here can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on notifications are taken.
    pub(crate) fn open(&self) {
        self.lock().open = true;
    }

    /// Adds one, unless it is there already.
    ///
    /// # Errors
    /// 0A000 on a connection that only reads or speaks SQLite's dialect; 54000 if there are too many.
    pub(crate) fn push(&self, notification: Notification) -> Result<(), Error> {
        let mut contents = self.lock();
        if !contents.open {
            return Err(Error::refused("pg_notify is not supported here"));
        }
        if contents.known.contains(&notification) {
            return Ok(());
        }
        contents.bytes += notification.size();
        if contents.bytes > BYTES_MAX {
            contents.bytes -= notification.size();
            return Err(Error::limit(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                "too many notifications in the NOTIFY queue",
            ));
        }
        contents.known.insert(notification.clone());
        contents.kept.push(notification);
        Ok(())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().kept.len()
    }

    /// Forgets all but the first `len`.
    pub(crate) fn cut(&self, len: usize) {
        self.lock().cut(len);
    }

    pub(crate) fn savepoint(&self, depth: u32) {
        let mut contents = self.lock();
        let there = contents.kept.len();
        contents.savepoints.set(depth, there);
    }

    pub(crate) fn rollback_to(&self, depth: u32) {
        let mut contents = self.lock();
        if let Some(len) = contents.savepoints.rollback_to(depth) {
            contents.cut(len);
        }
    }

    pub(crate) fn release(&self, depth: u32) {
        self.lock().savepoints.release(depth);
    }

    /// Forgets everything: the transaction is over.
    pub(crate) fn clear(&self) {
        drop(self.take());
    }

    /// All of them, in the order in which they came.
    pub(crate) fn take(&self) -> Vec<Notification> {
        let mut contents = self.lock();
        contents.known.clear();
        contents.savepoints.clear();
        contents.bytes = 0;
        std::mem::take(&mut contents.kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(payload: &str) -> Notification {
        Notification { sender: 1, channel: "c".into(), payload: payload.into() }
    }

    #[test]
    fn equal_notifications_are_one_and_what_is_cut_off_may_come_again() {
        let outbox = Outbox::default();
        assert!(outbox.push(note("a")).is_err(), "it isn't open");
        outbox.open();
        for payload in ["a", "b", "a", "c"] {
            outbox.push(note(payload)).unwrap();
        }
        assert_eq!(outbox.len(), 3);
        outbox.cut(1);
        outbox.push(note("c")).unwrap();
        outbox.push(note("a")).unwrap();
        assert_eq!(outbox.take(), [note("a"), note("c")]);
        outbox.push(note("a")).unwrap();
        assert_eq!(outbox.take(), [note("a")]);
    }

    #[test]
    fn there_is_a_limit() {
        let outbox = Outbox::default();
        outbox.open();
        let long = "x".repeat(7000);
        let refused = (0..10_000).find_map(|at| outbox.push(note(&format!("{at}{long}"))).err());
        assert_eq!(refused.map(|error| error.state()), Some(SqlState::PROGRAM_LIMIT_EXCEEDED));
        outbox.clear();
        outbox.push(note(&long)).unwrap();
    }
}
