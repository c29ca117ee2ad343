//! The private transactions of a database: who they are, and when they may run beside the lane.
//!
//! A private transaction is *active* while it may run and commit without more ado. What the lane runs
//! *exclusively* (an interactive transaction with the write slot, a unit whose rows nobody knows)
//! runs while none is active. The gate between the two:
//!
//! ```text
//!   lane: nothing exclusive runs, is in flight, or waits ── open: transactions enter by themselves
//!         something exclusive comes ── closed: who wants to enter waits in the lane's queue, and the
//!         exclusive one at its head runs when the last active transaction has ended
//! ```
//!
//! A transaction that waits, for a row or for the write slot, isn't active: the lane doesn't wait for
//! those who wait. So it may be *overtaken* by something that knows no row locks; it finds that by the
//! epoch, and compares anew all that its client has seen before it goes on.
//!
//! Invariants:
//! - `active` counts the transactions that are active, and nothing exclusive begins while it isn't 0.
//! - A transaction's row locks are given up when it has ended: for one that commits, after readers see
//!   what it did, or after it is known that they won't.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::row_locks::{Hold, RowLocks, UNITS, Want};
use super::{Event, LaneHandle};
use crate::engine::cancel::lock;
use crate::model::error::{Error, SqlState};
use crate::model::id::SchemaVersion;
use crate::model::statement::{Dialect, Touch, Unit};
use crate::platform::clock::{self, Instant};
use crate::platform::watch;

/// Texts of first statements that are remembered.
const TEXTS_MAX: usize = 1024;
/// For how many transactions the outcome of one is remembered.
const REMEMBERED: u32 = 32;

#[derive(Debug)]
pub(in crate::engine) struct Privates {
    state: Mutex<State>,
    /// Changes with everything that may let somebody go on who waits for a row.
    released: watch::Sender<u64>,
}

impl Default for Privates {
    fn default() -> Self {
        Self { state: Mutex::default(), released: watch::Sender::new(0) }
    }
}

#[derive(Debug, Default)]
struct State {
    /// This node leads.
    possible: bool,
    /// Tables, in small letters, whose triggers make statements touch more than they say.
    triggered: HashSet<String>,
    open: bool,
    /// The lane waits for the end of a transaction.
    lane_waits: bool,
    /// Counts what ran exclusively.
    epoch: u64,
    next: u64,
    active: usize,
    transactions: HashMap<u64, Registered>,
    locks: RowLocks,
    /// Transactions that needed the write slot after all, by the text of their first statement: how
    /// many more take it at once.
    promoted: HashMap<Arc<str>, u32>,
}

#[derive(Debug)]
struct Registered {
    active: bool,
    /// Whether it was granted to commit.
    commits: bool,
    /// When it was last to enter: before each statement.
    used: Instant,
    lost: watch::Sender<Option<Error>>,
}

impl State {
    fn is_triggered(&self, table: &str) -> bool {
        !self.triggered.is_empty() && self.triggered.contains(&table.to_ascii_lowercase())
    }

    fn set_active(&mut self, number: u64, active: bool) {
        if let Some(registered) = self.transactions.get_mut(&number)
            && registered.active != active
        {
            registered.active = active;
            self.active = if active { self.active + 1 } else { self.active - 1 };
        }
    }
}

/// What a transaction gets that asks for something.
#[derive(Debug)]
pub(in crate::engine) enum Asked {
    Granted,
    /// When this changes it is to ask again.
    Wait(watch::Receiver<u64>),
}

impl Privates {
    fn release(&self) {
        self.released.send_modify(|count| *count = count.wrapping_add(1));
    }

    // ---- the lane's side

    /// Says whether private transactions are possible at all.
    pub(super) fn set_possible(&self, possible: bool) {
        lock(&self.state).possible = possible;
    }

    pub(super) fn set_triggered(&self, tables: HashSet<String>) {
        lock(&self.state).triggered = tables;
    }

    /// Takes from a unit what its statements say of their rows, where triggers do more.
    pub(super) fn unname_triggered(&self, unit: &mut Unit) {
        let state = lock(&self.state);
        if state.triggered.is_empty() {
            return;
        }
        for statement in &mut unit.statements {
            if statement.touch.as_ref().is_some_and(|touch| state.is_triggered(&touch.table)) {
                statement.touch = None;
            }
        }
    }

    /// Whether a table has triggers.
    pub(in crate::engine) fn is_triggered(&self, table: &str) -> bool {
        lock(&self.state).is_triggered(table)
    }

    /// Closes the gate; whether nobody is active any more.
    pub(super) fn close(&self) -> bool {
        let mut state = lock(&self.state);
        state.open = false;
        state.lane_waits |= state.active > 0;
        state.active == 0
    }

    /// How many active transactions had a statement within `recent` before `now`, and don't commit yet.
    pub(super) fn busy(&self, now: Instant, recent: Duration) -> usize {
        let state = lock(&self.state);
        if state.active == 0 {
            return 0;
        }
        let busy =
            |known: &&Registered| known.active && !known.commits && now.since(known.used) < recent;
        state.transactions.values().filter(busy).count()
    }

    pub(super) fn set_open(&self, open: bool) {
        let mut state = lock(&self.state);
        state.open = open && state.possible;
    }

    /// Something exclusive begins.
    pub(super) fn overtake(&self) {
        lock(&self.state).epoch += 1;
    }

    /// Lets a transaction in that has waited for it. `false` if none can be.
    pub(super) fn admit(&self, number: u64) -> bool {
        let mut state = lock(&self.state);
        if state.possible {
            state.set_active(number, true);
        }
        state.possible
    }

    /// Whether a unit may run beside the active transactions; if so its rows are in flight.
    pub(super) fn admit_unit(&self, unit: &Unit) -> bool {
        let mut state = lock(&self.state);
        let touches = || unit.statements.iter().filter_map(|statement| statement.touch.as_ref());
        if touches().any(|touch| state.locks.refuses_unit(&touch.rows, touch.existence)) {
            state.lane_waits = true;
            return false;
        }
        for touch in touches() {
            let hold = if touch.existence { Hold::Full } else { Hold::Blind };
            let wants: Vec<Want> = touch.rows.iter().map(|row| (row.clone(), hold)).collect();
            state.locks.take(UNITS, &wants);
        }
        true
    }

    /// No unit is in flight any more.
    pub(super) fn units_over(&self) {
        let released = lock(&self.state).locks.release(UNITS);
        if released {
            self.release();
        }
    }

    /// All transactions are over, because of this.
    pub(super) fn lose_all(&self, error: &Error) {
        let mut state = lock(&self.state);
        state.open = false;
        state.active = 0;
        for (number, registered) in std::mem::take(&mut state.transactions) {
            registered.lost.send_replace(Some(error.clone()));
            state.locks.release(number);
        }
        drop(state);
        self.release();
    }

    /// Counts what may let units go on that were put aside. The lane hears of the next one.
    pub(super) fn releases(&self) -> u64 {
        // Before the count is read: a release in between is heard of.
        lock(&self.state).lane_waits = true;
        *self.released.borrow()
    }

    // ---- the transactions' side

    /// A new transaction, not active yet. `None` if there can't be any now.
    pub(in crate::engine) fn register(&self, lane: &LaneHandle) -> Option<Registration> {
        let (lost, loss) = watch::channel(None);
        let mut state = lock(&self.state);
        if !state.possible {
            return None;
        }
        // 0 is `UNITS`.
        state.next += 1;
        let number = state.next;
        let epoch = state.epoch;
        state
            .transactions
            .insert(number, Registered { active: false, commits: false, used: clock::now(), lost });
        let schema = lane.shared.schema();
        Some(Registration { number, epoch, schema, lane: lane.clone(), lost: loss })
    }

    /// Whether a transaction that begins with this text had better take the write slot at once.
    pub(in crate::engine) fn is_exclusive(&self, text: &Arc<str>) -> bool {
        match lock(&self.state).promoted.get_mut(text) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }

    /// A transaction that began with this text needed the write slot.
    pub(in crate::engine) fn note_promoted(&self, text: &Arc<str>) {
        let mut state = lock(&self.state);
        if state.promoted.len() >= TEXTS_MAX {
            state.promoted.clear();
        }
        state.promoted.insert(text.clone(), REMEMBERED);
    }

    #[cfg(test)]
    pub(super) fn holds_nothing(&self) -> bool {
        let state = lock(&self.state);
        state.locks.is_empty() && state.transactions.is_empty() && state.active == 0
    }
}

/// A private transaction's place among the others. Dropping it ends the transaction: whoever waits
/// for it goes on.
#[derive(Debug)]
pub(in crate::engine) struct Registration {
    pub number: u64,
    /// When it began.
    pub epoch: u64,
    pub schema: SchemaVersion,
    pub lane: LaneHandle,
    pub lost: watch::Receiver<Option<Error>>,
}

impl Registration {
    fn privates(&self) -> &Privates {
        &self.lane.shared.privates
    }

    fn is_registered(&self, state: &State) -> Result<(), Error> {
        if state.transactions.contains_key(&self.number) {
            return Ok(());
        }
        Err(self.loss())
    }

    /// Why the transaction is lost.
    pub(in crate::engine) fn loss(&self) -> Error {
        self.lost.borrow().clone().unwrap_or_else(super::leadership_lost)
    }

    /// Fails once the transaction is lost.
    pub(in crate::engine) fn check(&self) -> Result<(), Error> {
        self.is_registered(&lock(&self.privates().state))
    }

    /// Becomes active if the gate is open; else the lane must be asked. The epoch if it is active.
    pub(in crate::engine) fn enter(&self) -> Result<Option<u64>, Error> {
        let mut state = lock(&self.privates().state);
        self.is_registered(&state)?;
        let mut active = false;
        if let Some(known) = state.transactions.get_mut(&self.number) {
            active = known.active;
            known.used = clock::now();
        }
        if !active && !state.open {
            return Ok(None);
        }
        state.set_active(self.number, true);
        Ok(Some(state.epoch))
    }

    /// Isn't active any more, until it enters again.
    pub(in crate::engine) fn leave(&self) {
        lock(&self.privates().state).set_active(self.number, false);
        self.wake_lane();
    }

    /// Asks for rows. Who must wait isn't active. 40P01 if it would wait for ever.
    pub(in crate::engine) fn ask(&self, wants: &[Want], all: bool) -> Result<Asked, Error> {
        let mut state = lock(&self.privates().state);
        self.is_registered(&state)?;
        let blind = if all { state.locks.blind_rows(self.number) } else { Vec::new() };
        let blocker = state
            .locks
            .blocker(self.number, wants)
            .or_else(|| state.locks.blocker(self.number, &blind));
        if let Some(blocker) = blocker {
            return self.wait_for(state, blocker);
        }
        state.locks.waited(self.number);
        state.locks.take(self.number, wants);
        state.locks.take(self.number, &blind);
        Ok(Asked::Granted)
    }

    /// Asks to commit. From when it is granted on, nobody else sees its rows.
    pub(in crate::engine) fn ask_to_commit(&self) -> Result<Asked, Error> {
        let mut state = lock(&self.privates().state);
        self.is_registered(&state)?;
        if let Some(blocker) = state.locks.commit_blocker(self.number) {
            return self.wait_for(state, blocker);
        }
        state.locks.waited(self.number);
        state.locks.commit(self.number);
        if let Some(known) = state.transactions.get_mut(&self.number) {
            known.commits = true;
        }
        Ok(Asked::Granted)
    }

    fn wait_for(
        &self,
        mut state: std::sync::MutexGuard<'_, State>,
        blocker: u64,
    ) -> Result<Asked, Error> {
        if !state.locks.wait(self.number, blocker) {
            state.locks.waited(self.number);
            return Err(deadlock());
        }
        state.set_active(self.number, false);
        let released = self.privates().released.subscribe();
        drop(state);
        self.wake_lane();
        Ok(Asked::Wait(released))
    }

    /// Doesn't wait any more.
    pub(in crate::engine) fn give_up(&self) {
        lock(&self.privates().state).locks.waited(self.number);
    }

    /// Ends it from its own side: what its client has seen doesn't hold any more.
    pub(in crate::engine) fn lose(&self, error: &Error) {
        let lost = {
            let mut state = lock(&self.privates().state);
            state.set_active(self.number, false);
            state.locks.release(self.number);
            state.transactions.remove(&self.number)
        };
        if let Some(registered) = lost {
            registered.lost.send_replace(Some(error.clone()));
        }
        self.privates().release();
        self.wake_lane();
    }

    fn wake_lane(&self) {
        let waits = std::mem::take(&mut lock(&self.privates().state).lane_waits);
        if waits {
            self.lane.send_soon(Event::Recheck);
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        {
            let mut state = lock(&self.privates().state);
            state.set_active(self.number, false);
            state.locks.release(self.number);
            state.transactions.remove(&self.number);
        }
        self.privates().release();
        self.wake_lane();
    }
}

/// Whether all that a unit changes is known before it runs.
pub(super) fn is_shared(unit: &Unit) -> bool {
    unit.dialect == Dialect::Postgres
        && unit.statements.iter().all(|statement| statement.touch.is_some())
}

/// What a statement needs of the rows that it changes.
pub(in crate::engine) fn wants(touch: &Touch) -> Vec<Want> {
    let hold = if touch.existence || touch.contents { Hold::Full } else { Hold::Blind };
    touch.rows.iter().map(|row| (row.clone(), hold)).collect()
}

fn deadlock() -> Error {
    Error::new(crate::model::error::Class::Retry, SqlState::DEADLOCK_DETECTED, "deadlock detected")
        .with_detail("The transaction waits for one that waits for it.")
        .with_hint("Try again.")
}
