//! Stops running statements: SQLite asks every thousand instructions.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;

use crate::model::error::{Error, SqlState};
use crate::platform::clock;
use crate::sqlite::Control;
use crate::sqlite::errors::fail_function;
use crate::sqlite::vfs::Tap;

/// SQLite instructions between two checks.
pub(crate) const CHECK_INTERVAL: i32 = 1000;

/// What one connection's running statement obeys.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    armed: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    control: Control,
    /// The transaction's pages, and how many bytes of them are allowed.
    pages: Option<(Arc<Tap>, u64)>,
    reason: Option<Error>,
}

impl Watch {
    /// A watch that also stops transactions which spill more than `bytes_max`.
    pub(crate) fn with_limit(tap: Arc<Tap>, bytes_max: u64) -> Self {
        let state = State { pages: Some((tap, bytes_max)), ..State::default() };
        Self { armed: AtomicBool::new(false), state: Mutex::new(state) }
    }

    /// Makes the connection ask this watch.
    pub(crate) fn install(
        self: &Arc<Self>,
        connection: &mut rusqlite::Connection,
    ) -> rusqlite::Result<()> {
        let watch = Arc::clone(self);
        let sleeping = Arc::clone(self);
        connection.create_scalar_function(
            "pg_sleep",
            1,
            FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS,
            move |context| sleep(context, &sleeping),
        )?;
        connection.progress_handler(CHECK_INTERVAL, Some(move || watch.must_stop()))
    }

    /// A client's statement begins.
    pub(crate) fn arm(&self, control: &Control) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.control.clone_from(control);
        state.reason = None;
        self.armed.store(true, Ordering::Relaxed);
    }

    /// The statement ended. Says why it was stopped, if it was.
    pub(crate) fn disarm(&self) -> Option<Error> {
        self.armed.store(false, Ordering::Relaxed);
        self.state.lock().unwrap_or_else(PoisonError::into_inner).reason.take()
    }

    fn must_stop(&self) -> bool {
        if !self.armed.load(Ordering::Relaxed) {
            return false;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let reason = state.reason_to_stop();
        let stop = reason.is_some();
        if stop {
            state.reason = reason;
        }
        stop
    }
}

/// How long a sleeping statement doesn't look whether it must stop.
const NAP: Duration = Duration::from_millis(10);

/// `pg_sleep(seconds)`, in naps between which it can be stopped. Gives void's value.
fn sleep(context: &Context<'_>, watch: &Watch) -> rusqlite::Result<Option<String>> {
    let seconds = match context.get_raw(0) {
        ValueRef::Real(seconds) => seconds,
        ValueRef::Integer(seconds) => seconds as f64,
        _ => return Ok(None),
    };
    let duration = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
    let end = clock::now().plus(duration);
    while !end.remaining().is_zero() {
        if watch.must_stop() {
            let state = watch.state.lock().unwrap_or_else(PoisonError::into_inner);
            let reason = state.reason.clone();
            let canceled = || canceled("canceling statement due to user request");
            return Err(fail_function(reason.unwrap_or_else(canceled)));
        }
        clock::block(end.remaining().min(NAP));
    }
    Ok(Some(String::new()))
}

impl State {
    fn reason_to_stop(&self) -> Option<Error> {
        if let Some((tap, bytes_max)) = &self.pages
            && tap.spilled_bytes() > *bytes_max
        {
            return Some(too_large(*bytes_max));
        }
        stop_reason(&self.control)
    }
}

/// Why a statement under this control must stop, if it must.
pub(crate) fn stop_reason(control: &Control) -> Option<Error> {
    if control.is_stopped() {
        return Some(canceled("canceling statement due to user request"));
    }
    if let Some(left) = &control.checks_left {
        let less = |left: u32| left.checked_sub(1);
        if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_err() {
            return Some(canceled("canceling statement that takes longer than it may here"));
        }
    }
    if let Some(overdue) = &control.overdue {
        let less = |left: u32| left.checked_sub(1);
        let before = overdue.checks_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        if before == Ok(1) {
            (overdue.then)();
        }
    }
    if control.deadline.is_some_and(|deadline| deadline.remaining().is_zero()) {
        return Some(canceled("canceling statement due to statement timeout"));
    }
    None
}

fn canceled(message: &str) -> Error {
    Error::limit(SqlState::QUERY_CANCELED, message)
}

/// The transaction changes more than is allowed.
pub(crate) fn too_large(bytes_max: u64) -> Error {
    Error::limit(
        SqlState::PROGRAM_LIMIT_EXCEEDED,
        format!("transaction changes more than {bytes_max} bytes of pages"),
    )
    .with_hint("Split it, or raise --max-transaction-bytes.")
}
