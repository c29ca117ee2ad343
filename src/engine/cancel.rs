//! Ending a request before it is done: by its client, or by its deadline.
//!
//! Every request holds a [`Running`] while it waits or runs; what runs in SQLite looks at the
//! token's flag, what waits in an async task is woken by it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::model::error::{Error, SqlState};
use crate::platform::clock::{self, Instant};
use crate::raft::Fence;
use crate::sqlite::Control;

/// Where the waiting ends, and who may end it early. Every request has one.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// `statement_timeout`: 57014.
    pub deadline: Option<Instant>,
    /// `lock_timeout`: the longest wait for the write slot, 55P03.
    pub lock_timeout: Option<Duration>,
    /// Cancels what runs when set: 57014.
    pub cancel: Canceler,
    /// For writes: the leadership that must be in force (`engine::advisory`).
    pub under: Option<Fence>,
}

/// Cancels one session's running statement, wherever it runs, or ends it. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Canceler {
    /// The requests that run now. A session rarely has more than one.
    running: Arc<Mutex<Vec<Token>>>,
    /// Set once the session has to end.
    end: Token,
}

impl Canceler {
    /// Ends the session: what runs is interrupted, and nothing more will run.
    pub fn terminate(&self) {
        self.end.cancel();
        self.cancel();
    }

    pub fn is_terminated(&self) -> bool {
        self.end.is_cancelled()
    }

    /// Resolves when the session has to end.
    pub async fn terminated(&self) {
        self.end.cancelled().await;
    }

    /// Interrupts the statement that runs now, if one does.
    pub fn cancel(&self) {
        for token in lock(&self.running).iter() {
            token.cancel();
        }
    }

    /// Registers a request as running, until the result is dropped.
    pub fn start(&self) -> Running {
        let token = Token::default();
        lock(&self.running).push(token.clone());
        Running { token, list: self.running.clone() }
    }
}

/// One request's wish to stop. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Token {
    flag: Arc<AtomicBool>,
    notify: Arc<Notify>,
}

impl Token {
    pub(super) fn cancel(&self) {
        self.flag.store(true, Ordering::Release);
        self.notify.notify_waiters();
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }

    pub(super) async fn cancelled(&self) {
        loop {
            let notified = self.notify.notified();
            if self.is_cancelled() {
                return;
            }
            notified.await;
        }
    }

    pub(super) fn control(&self, deadline: Option<Instant>) -> Control {
        Control { deadline, cancel: Some(self.flag.clone()), ..Control::default() }
    }
}

/// A request under way.
#[derive(Debug)]
pub struct Running {
    pub(super) token: Token,
    list: Arc<Mutex<Vec<Token>>>,
}

impl Running {
    /// Whether it goes on.
    ///
    /// # Errors
    /// 57014.
    pub fn check(&self, deadline: Option<Instant>) -> Result<(), Error> {
        if self.token.is_cancelled() {
            return Err(Stopped::Cancelled.error());
        }
        match deadline {
            Some(deadline) if deadline.remaining().is_zero() => Err(Stopped::Deadline.error()),
            _ => Ok(()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.list).retain(|token| !Arc::ptr_eq(&token.flag, &self.token.flag));
    }
}

/// Why a wait ended without what it waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    Deadline,
    Cancelled,
}

impl Stopped {
    /// PostgreSQL's words for it.
    pub(super) fn error(self) -> Error {
        let by = match self {
            Self::Deadline => "statement timeout",
            Self::Cancelled => "user request",
        };
        Error::limit(SqlState::QUERY_CANCELED, format!("canceling statement due to {by}"))
    }
}

/// Waits for `future` until the deadline or a cancellation.
pub(super) async fn until<T>(
    deadline: Option<Instant>,
    token: &Token,
    future: impl Future<Output = T>,
) -> Result<T, Stopped> {
    let uncancelled = async {
        let future = std::pin::pin!(future);
        let cancelled = std::pin::pin!(token.cancelled());
        match futures_util::future::select(future, cancelled).await {
            futures_util::future::Either::Left((value, _)) => Ok(value),
            futures_util::future::Either::Right(_) => Err(Stopped::Cancelled),
        }
    };
    match deadline {
        None => uncancelled.await,
        Some(deadline) => clock::timeout(deadline.remaining(), uncancelled)
            .await
            .unwrap_or(Err(Stopped::Deadline)),
    }
}

/// Locks a mutex whose data is never left half-changed, so that a panic elsewhere does no harm.
pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cancellation_ends_the_wait_of_what_runs_and_nothing_else() {
        let canceler = Canceler::default();
        canceler.cancel();
        let running = canceler.start();
        assert!(!running.token.is_cancelled(), "an earlier cancellation is for an earlier request");
        let wait = until(None, &running.token, std::future::pending::<()>());
        let cancel = async { canceler.cancel() };
        let (stopped, ()) = tokio::join!(wait, cancel);
        assert_eq!(stopped, Err(Stopped::Cancelled));
        drop(running);
        assert!(lock(&canceler.running).is_empty());
    }

    #[tokio::test]
    async fn a_deadline_ends_the_wait() {
        let deadline = Some(clock::now().plus(Duration::from_millis(5)));
        let stopped = until(deadline, &Token::default(), std::future::pending::<()>()).await;
        assert_eq!(stopped, Err(Stopped::Deadline));
    }
}
