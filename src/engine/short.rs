//! Short reads run on the thread that asks for them: handing a point SELECT to a reader thread and
//! back costs more than the SELECT.
//!
//! A statement's text is taken to be short once it has been, on a reader thread. It then runs
//! where it is asked for, within a budget of SQLite instructions and of one batch of rows. If it
//! exceeds them it is stopped, nothing of it having been given out, and run again on a reader
//! thread; its text isn't taken to be short any more.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::engine::cancel::lock;
use crate::engine::rows::RowSender;
use crate::model::error::Error;
use crate::model::statement::Statement;
use crate::model::value::{ResultColumn, RowBatch};
use crate::sqlite::{Control, RowSink};

/// A read that took longer on a reader thread isn't short.
const SHORT_MAX: Duration = Duration::from_micros(300);
/// Checks (`sqlite::Control`), each of a thousand instructions, that a short read may take.
const CHECKS_MAX: u32 = 8;
/// Texts that are remembered.
const TEXTS_MAX: usize = 4096;

/// What is known of statements' texts, by hash: whether they are short.
#[derive(Debug, Default)]
pub(super) struct ShortReads(Mutex<HashMap<u64, bool>>);

/// A statement's text, for [`ShortReads`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Text(u64);

impl Text {
    pub(super) fn of(statement: &Statement) -> Self {
        let mut hasher = DefaultHasher::new();
        statement.sql.hash(&mut hasher);
        Self(hasher.finish())
    }
}

impl ShortReads {
    pub(super) fn is_short(&self, text: Text) -> bool {
        lock(&self.0).get(&text.0) == Some(&true)
    }

    /// A read has taken this long on a reader thread. A text that exceeded the budget once is
    /// remembered as long.
    pub(super) fn note(&self, text: Text, took: Duration) {
        let mut known = lock(&self.0);
        if known.len() >= TEXTS_MAX {
            known.clear();
        }
        known.entry(text.0).or_insert(took <= SHORT_MAX);
    }

    fn is_long(&self, text: Text) {
        lock(&self.0).insert(text.0, false);
    }

    /// Runs a read within the budget. `None`: it exceeded it, and is to be run elsewhere.
    pub(super) fn run<T>(
        &self,
        text: Text,
        rows: &mut RowSender,
        read: impl FnOnce(&Control, &mut dyn RowSink) -> T,
    ) -> Option<T> {
        let left = Arc::new(AtomicU32::new(CHECKS_MAX));
        let control = Control { checks_left: Some(Arc::clone(&left)), ..rows.control.clone() };
        let mut sink = OneBatch { rows, batches: 0 };
        let ran = read(&control, &mut sink);
        if sink.batches <= 1 && left.load(Ordering::Relaxed) > 0 {
            return Some(ran);
        }
        rows.forget();
        self.is_long(text);
        None
    }
}

/// Takes one batch; a second one is too much.
struct OneBatch<'a> {
    rows: &'a mut RowSender,
    batches: usize,
}

impl RowSink for OneBatch<'_> {
    fn columns(&mut self, columns: Vec<ResultColumn>) {
        self.rows.columns(columns);
    }

    fn push(&mut self, batch: RowBatch) -> Result<(), Error> {
        self.batches += 1;
        if self.batches > 1 {
            return Err(Error::internal("a short read has one batch"));
        }
        self.rows.push(batch)
    }
}
