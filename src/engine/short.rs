//! Short reads run on the thread that asks for them: handing a point SELECT to a reader thread and
//! back costs more than the SELECT.
//!
//! A statement's text is taken to be short once it has been, on a reader thread ([`ShortTexts`]; a
//! lane has its own). It then runs
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

/// A statement that took longer isn't short.
const SHORT_MAX: Duration = Duration::from_micros(300);
/// Checks (`sqlite::Control`), each of a thousand instructions, that a short statement may take.
pub(super) const CHECKS_MAX: u32 = 8;
/// Texts that are remembered.
const TEXTS_MAX: usize = 4096;
/// A text that was taken to be short and wasn't must be short this many times as often, each time,
/// before it is taken to be so again: a power of two.
const STRIKE_SHIFT: u32 = 4;

/// A statement's text, for [`ShortTexts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Text(u64);

impl Text {
    pub(super) fn of(statement: &Statement) -> Self {
        let mut hasher = DefaultHasher::new();
        statement.sql.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// What is known of a text.
#[derive(Debug, Default, Clone, Copy)]
struct Known {
    /// Runs in a row that were short.
    short_runs: u32,
    /// How often it was taken to be short and wasn't.
    strikes: u32,
    /// Whether it only reads.
    reads: bool,
}

/// Which statements are short, by what was seen of them.
#[derive(Debug, Default)]
pub(super) struct ShortTexts(HashMap<Text, Known>);

impl ShortTexts {
    pub(super) fn is_short(&self, text: Text) -> bool {
        let shift = |known: &Known| (known.strikes * STRIKE_SHIFT).min(31);
        self.0.get(&text).is_some_and(|known| known.short_runs >= 1 << shift(known))
    }

    /// Whether it only reads, so that it can be stopped and run again.
    pub(super) fn reads(&self, text: Text) -> bool {
        self.0.get(&text).is_some_and(|known| known.reads)
    }

    /// It has taken this long, where that did no harm. `reads`: it changes nothing.
    pub(super) fn note(&mut self, text: Text, took: Duration, reads: bool) {
        if self.0.len() >= TEXTS_MAX {
            self.0.clear();
        }
        let known = self.0.entry(text).or_default();
        known.reads = reads;
        known.short_runs = if took <= SHORT_MAX { known.short_runs.saturating_add(1) } else { 0 };
    }

    /// It was taken to be short, and wasn't.
    pub(super) fn strike(&mut self, text: Text) {
        let known = self.0.entry(text).or_default();
        *known = Known { short_runs: 0, strikes: known.strikes.saturating_add(1), ..*known };
    }
}

/// The texts of reads.
#[derive(Debug, Default)]
pub(super) struct ShortReads(Mutex<ShortTexts>);

impl ShortReads {
    pub(super) fn is_short(&self, text: Text) -> bool {
        lock(&self.0).is_short(text)
    }

    /// A read has taken this long on a reader thread.
    pub(super) fn note(&self, text: Text, took: Duration) {
        lock(&self.0).note(text, took, true);
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
        let mut sink = OneBatch::new(rows);
        let ran = read(&control, &mut sink);
        if !sink.overran() && left.load(Ordering::Relaxed) > 0 {
            return Some(ran);
        }
        rows.forget();
        lock(&self.0).strike(text);
        None
    }
}

/// Takes one batch; a second one is too much.
pub(super) struct OneBatch<'a> {
    rows: &'a mut RowSender,
    batches: usize,
}

impl<'a> OneBatch<'a> {
    pub(super) fn new(rows: &'a mut RowSender) -> Self {
        Self { rows, batches: 0 }
    }

    /// Whether there was more than one.
    pub(super) fn overran(&self) -> bool {
        self.batches > 1
    }
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
