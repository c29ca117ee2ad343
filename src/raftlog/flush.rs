//! From calls to the disk: operations queue in order while an fsync runs, and one fsync then
//! covers all of them.
//!
//! Invariants:
//! - callbacks are called in the order of the calls, each after its fsync;
//! - after any failed write or fsync nothing is written any more, and everybody is told.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::model::error::Fault;
use crate::platform::clock::{self, Instant};
use crate::platform::mutant::mutant;
use crate::raftlog::Flushed;
use crate::raftlog::segment::Segment;
use crate::raftlog::view::View;
use crate::raftlog::writer::{Operation, Writer, is_full};

/// How often a full disk is asked again.
const FULL_RETRY: Duration = Duration::from_secs(1);

/// An fsync of this length, with the write before it, is quick.
const QUICK_SYNC: Duration = Duration::from_micros(250);
/// So many quick ones in a row make it likely that the next one is quick, too.
const QUICK_SYNCS: u32 = 16;

/// An operation that waits to be written.
pub(super) struct Queued {
    pub operation: Operation,
    /// Called when it is durable; without one, nobody waits for that.
    pub flushed: Option<Flushed>,
}

/// What callers and the flushing thread share.
pub(super) struct State {
    pub view: View,
    queue: Vec<Queued>,
    /// How many operations were ever queued.
    pub submitted: u64,
    /// Queued truncations: the operation's number, and the index of the next entry after it.
    truncations: Vec<(u64, u64)>,
    /// Segments that hold nothing any more, to be deleted.
    unneeded: Vec<Arc<Segment>>,
    /// Whether [`Shared::tend`] has something to do.
    untended: bool,
    /// Since when somebody waits for an fsync.
    waited_for: Option<Instant>,
    fault: Option<Fault>,
    closing: bool,
}

impl State {
    /// How long somebody has waited for an fsync by now.
    pub(super) fn wait(&self) -> Duration {
        self.waited_for.map_or(Duration::ZERO, |since| clock::now().since(since))
    }
}

pub(super) struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    writer: Mutex<Writer>,
    pub flushed: crate::platform::watch::Sender<u64>,
    /// Quick fsyncs in a row.
    quick_syncs: AtomicU32,
    /// Whether no space can be reserved for the next segment.
    pub full: crate::platform::watch::Sender<bool>,
    /// Bytes of payload that wait to be written.
    pub queued_bytes: crate::platform::watch::Sender<usize>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder of this lock panics")
}

impl Shared {
    pub(super) fn new(view: View, writer: Writer) -> Self {
        let flushed = view.extent().last.map_or(0, |(index, _)| index);
        let state = State {
            view,
            queue: Vec::new(),
            submitted: 0,
            truncations: Vec::new(),
            unneeded: Vec::new(),
            untended: false,
            waited_for: None,
            fault: None,
            closing: false,
        };
        Self {
            state: Mutex::new(state),
            wake: Condvar::new(),
            writer: Mutex::new(writer),
            flushed: crate::platform::watch::Sender::new(flushed),
            quick_syncs: AtomicU32::new(0),
            full: crate::platform::watch::Sender::new(false),
            queued_bytes: crate::platform::watch::Sender::new(0),
        }
    }

    /// Keeps space for the next segment, or says that there is none.
    pub(super) fn reserve(&self) {
        if self.state().fault.is_some() {
            return;
        }
        let reserved = lock(&self.writer).reserve();
        match reserved {
            Ok(reserved) => {
                self.full.send_if_modified(|full| std::mem::replace(full, !reserved) == reserved);
            }
            Err(error) => self.fail(&failed(&error), Vec::new()),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Wakes the thread.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Changes the view and queues the operation that does the same on disk, if there is one to do.
    /// Whether the thread is to be woken for it.
    pub(super) fn submit(
        &self,
        change: impl FnOnce(&mut View, u64) -> Result<Option<Queued>, Fault>,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        if let Some(fault) = &state.fault {
            return Err(fault.clone());
        }
        if state.closing {
            return Err(Fault::new("the Raft log is closed"));
        }
        let number = state.submitted + 1;
        let Some(queued) = change(&mut state.view, number)? else {
            return Ok(false);
        };
        state.submitted = number;
        match &queued.operation {
            Operation::Append(records) => {
                let bytes: usize = records.iter().map(|record| record.payload.len()).sum();
                self.queued_bytes.send_modify(|queued| *queued += bytes);
            }
            Operation::Truncate(_, next) => {
                state.truncations.push((number, *next));
                let last = next.saturating_sub(1);
                self.flushed.send_if_modified(|flushed| lower(flushed, last));
            }
            Operation::Purge((index, _)) => {
                self.flushed.send_if_modified(|flushed| raise(flushed, *index));
            }
            Operation::Vote(_) | Operation::Committed(_) => {}
        }
        if queued.flushed.is_some() {
            state.waited_for.get_or_insert_with(clock::now);
        }
        if let Operation::Committed(_) = &queued.operation {
            // Only a hint: it goes with what is written next, and only the newest one.
            state.queue.pop_if(|last| matches!(last.operation, Operation::Committed(_)));
            state.queue.push(queued);
            return Ok(false);
        }
        state.queue.push(queued);
        Ok(true)
    }

    /// Writes what is queued, syncs it if anybody waits for that, and tells them.
    pub(super) fn flush(&self) {
        self.flush_with(lock(&self.writer));
        self.tend();
    }

    /// As [`Self::flush`], if that is known to be quick; else the thread does it. For a caller that
    /// waits for the callback: waking the thread and being woken takes longer than a quick fsync.
    pub(super) fn flush_here(&self) {
        if self.quick_syncs.load(Ordering::Relaxed) < QUICK_SYNCS
            || !self.try_flush_here()
            || self.state().untended
        {
            self.wake.notify_one();
        }
    }

    fn try_flush_here(&self) -> bool {
        let Ok(writer) = self.writer.try_lock() else { return false };
        self.flush_with(writer);
        true
    }

    /// Callbacks are called while the writer is held, which keeps them in order.
    fn flush_with(&self, mut writer: MutexGuard<'_, Writer>) {
        let mut state = self.state();
        let batch = std::mem::take(&mut state.queue);
        let last = state.submitted;
        drop(state);
        if batch.is_empty() {
            return;
        }
        let (operations, callbacks): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|queued| (queued.operation, queued.flushed)).unzip();
        let callbacks: Vec<Flushed> = callbacks.into_iter().flatten().collect();
        let sync = !callbacks.is_empty();
        let began = clock::now();
        if let Err(error) = write_batch(&mut writer, &operations, sync) {
            drop(writer);
            self.fail(&failed(&error), callbacks);
            return;
        }
        if sync {
            self.note_sync(clock::now().since(began));
        }
        self.wrote(&mut writer, last, sync);
        for callback in callbacks {
            callback(Ok(()));
        }
        // They were waited for; this isn't. What is written next says it too.
        if sync
            && self.state().queue.is_empty()
            && let Err(error) = writer.mark()
        {
            drop(writer);
            self.fail(&failed(&error), Vec::new());
        }
    }

    fn note_sync(&self, took: Duration) {
        let quick = if took <= QUICK_SYNC {
            self.quick_syncs.load(Ordering::Relaxed).saturating_add(1)
        } else {
            0
        };
        self.quick_syncs.store(quick, Ordering::Relaxed);
    }

    /// What nobody waits for: deletes segments that hold nothing any more, and reserves space.
    fn tend(&self) {
        let unneeded = {
            let mut state = self.state();
            state.untended = false;
            if state.fault.is_some() {
                return;
            }
            std::mem::take(&mut state.unneeded)
        };
        if !unneeded.is_empty()
            && let Err(error) = self.remove(&unneeded)
        {
            self.fail(&failed(&error), Vec::new());
            return;
        }
        self.reserve();
    }

    /// Brings the view up to date after a batch.
    fn wrote(&self, writer: &mut Writer, last: u64, synced: bool) {
        let mut state = self.state();
        let State { view, truncations, unneeded, untended, waited_for, queue, .. } = &mut *state;
        view.segments.extend(writer.made.drain(..));
        view.wrote(&writer.placed, last, writer.end);
        writer.placed.clear();
        truncations.retain(|(number, _)| *number > last);
        if synced {
            let waits = queue.iter().any(|queued| queued.flushed.is_some());
            *waited_for = waits.then(clock::now);
            let durable = writer.checkpoint.last.map_or(0, |(index, _)| index);
            let kept = truncations.iter().map(|(_, next)| next.saturating_sub(1)).min();
            let durable = durable.min(kept.unwrap_or(u64::MAX));
            self.flushed.send_if_modified(|flushed| raise(flushed, durable));
        }
        // Before the first purge nothing is deleted: a log whose first segment is missing and
        // that was never purged has lost it.
        let live = view.extent().purged.map_or(0, |_| view.first_live());
        let empty = view.segments.iter().skip(1).take_while(|next| next.base <= live).count();
        unneeded.extend(view.segments.drain(..empty));
        *untended |= !unneeded.is_empty() || !writer.reserved;
        if state.queue.is_empty() {
            self.queued_bytes.send_if_modified(|bytes| lower(bytes, 0));
        } else {
            let queue = state.queue.iter().map(|queued| match &queued.operation {
                Operation::Append(records) => records.iter().map(|r| r.payload.len()).sum(),
                _ => 0,
            });
            self.queued_bytes.send_replace(queue.sum());
        }
    }

    /// Deletes segments, once it is durable that nothing in them is needed.
    fn remove(&self, segments: &[Arc<Segment>]) -> io::Result<()> {
        let mut writer = lock(&self.writer);
        writer.sync()?;
        for segment in segments {
            writer.disk.remove(&segment.path)?;
        }
        writer.disk.sync_directory(&writer.directory)
    }

    /// Refuses everything from now on, and tells all who wait.
    fn fail(&self, fault: &Fault, callbacks: Vec<Flushed>) {
        let mut state = self.state();
        state.fault.get_or_insert_with(|| fault.clone());
        let queue = std::mem::take(&mut state.queue);
        drop(state);
        self.queued_bytes.send_replace(0);
        // A full disk is a reason not to ask the log for anything. Whoever comes next must hear of the fault.
        self.full.send_if_modified(std::mem::take);
        let queued = queue.into_iter().filter_map(|queued| queued.flushed);
        for callback in callbacks.into_iter().chain(queued) {
            callback(Err(fault.clone()));
        }
    }

    /// Flushes batch after batch until the log is closed.
    pub(super) fn run(&self) {
        let guard = PanicGuard(self);
        loop {
            self.flush();
            let mut state = self.state();
            while state.queue.is_empty() && !state.closing && !state.untended {
                state = if *self.full.borrow() {
                    drop(state);
                    self.reserve();
                    let state = self.state();
                    let woken = self.wake.wait_timeout_while(state, FULL_RETRY, |state| {
                        state.queue.is_empty() && !state.closing && !state.untended
                    });
                    woken.expect("no holder of this lock panics").0
                } else {
                    self.wake.wait(state).expect("no holder of this lock panics")
                };
            }
            if state.queue.is_empty() && state.closing {
                break;
            }
        }
        drop(guard);
    }

    /// Takes no more operations.
    pub(super) fn begin_close(&self) {
        self.state().closing = true;
        self.wake.notify_one();
    }

    /// Flushes the rest and makes it durable, hints included.
    pub(super) fn finish(&self) {
        self.flush();
        if self.state().fault.is_some() {
            return;
        }
        let synced = lock(&self.writer).sync();
        if let Err(error) = synced {
            self.fail(&failed(&error), Vec::new());
        }
    }
}

/// Tells everybody if the flushing thread dies of a bug.
struct PanicGuard<'a>(&'a Shared);

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(&Fault::new("the thread that writes the Raft log panicked"), Vec::new());
        }
    }
}

fn write_batch(writer: &mut Writer, operations: &[Operation], sync: bool) -> io::Result<()> {
    for operation in operations {
        writer.write(operation)?;
    }
    writer.write_buffer()?;
    if sync && !mutant("log-not-synced") {
        match writer.sync() {
            Err(_) if mutant("sync-error-ignored") => {}
            synced => synced?,
        }
    }
    Ok(())
}

fn failed(error: &io::Error) -> Fault {
    let advice = if is_full(error) {
        "make space on its disk, then start this node again"
    } else {
        "check its disk, then start this node again; it recovers from what is on the disk"
    };
    Fault::new(format!("the Raft log can't be written: {error}. Nothing is tried twice: {advice}"))
}

fn raise<T: PartialOrd>(value: &mut T, to: T) -> bool {
    let changes = *value < to;
    if changes {
        *value = to;
    }
    changes
}

fn lower<T: PartialOrd>(value: &mut T, to: T) -> bool {
    let changes = *value > to;
    if changes {
        *value = to;
    }
    changes
}
