//! The sessions of this process, by the process ids that their clients know them by: for
//! CancelRequest, `pg_cancel_backend` and `pg_terminate_backend`, and `pg_stat_activity`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::Canceler;
use crate::model::error::{Error, SqlState};
use crate::model::id::DatabaseId;
use crate::platform::random;
use crate::session::activity::Activity;

/// The bits of a transaction's number that tell nodes apart.
const NODE_BITS: u32 = 10;

/// Sessions by their process ids. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Backends(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    known: Mutex<HashMap<i32, Backend>>,
    /// What the numbers of this process's transactions end in.
    node: i64,
    /// When the last transaction that asked for its number began: microseconds since 1970, or a little
    /// more where several began at once.
    numbered: AtomicI64,
}

impl Default for Backends {
    fn default() -> Self {
        let node = i64::from(u16::from_be_bytes(random::bytes())) & ((1 << NODE_BITS) - 1);
        Self(Arc::new(Shared { known: Mutex::default(), node, numbered: AtomicI64::new(0) }))
    }
}

#[derive(Debug)]
struct Backend {
    secret: i32,
    /// `None` until the session is open.
    open: Option<OpenBackend>,
}

/// What others may know of an open session.
#[derive(Debug, Clone)]
pub(super) struct OpenBackend {
    pub(super) canceler: Canceler,
    pub(super) activity: Arc<Activity>,
    pub(super) database: DatabaseId,
    pub(super) database_name: String,
    pub(super) user: String,
}

/// A session's place among the backends; given up when dropped.
#[derive(Debug)]
pub struct Place {
    backends: Backends,
    pub(super) pid: i32,
    secret: i32,
}

impl Backends {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<i32, Backend>> {
        // Nothing in here can panic half-way.
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new process id and secret.
    pub fn enter(&self) -> Place {
        let secret = i32::from_be_bytes(random::bytes());
        let mut known = self.lock();
        loop {
            let pid = i32::from_be_bytes(random::bytes()) & i32::MAX;
            if pid > 0 && !known.contains_key(&pid) {
                known.insert(pid, Backend { secret, open: None });
                return Place { backends: self.clone(), pid, secret };
            }
        }
    }

    /// Cancels what the session runs, if the secret is right; whether it was is not told.
    pub fn cancel(&self, pid: i32, secret: i32) {
        let canceler = match self.lock().get(&pid) {
            // One comparison of whole words: its time says nothing about the secret.
            Some(backend) if backend.secret ^ secret == 0 => {
                backend.open.as_ref().map(|open| open.canceler.clone())
            }
            _ => None,
        };
        if let Some(canceler) = canceler {
            canceler.cancel();
        }
    }
}

impl Place {
    /// What the client is told (BackendKeyData): its process id and its secret.
    pub fn key(&self) -> (i32, i32) {
        (self.pid, self.secret)
    }

    /// A number for a transaction that began at this moment (microseconds since 1970).
    pub(super) fn transaction_number(&self, began: i64) -> i64 {
        let shared = &self.backends.0;
        let next = |last: i64| Some(began.max(last + 1));
        let last = shared.numbered.fetch_update(Relaxed, Relaxed, next).unwrap_or(began);
        began.max(last + 1) << NODE_BITS | shared.node
    }

    pub(super) fn open(&self, open: OpenBackend) {
        if let Some(backend) = self.backends.lock().get_mut(&self.pid) {
            backend.open = Some(open);
        }
    }

    /// The open session of that process id.
    pub(super) fn find(&self, pid: i32) -> Option<OpenBackend> {
        self.backends.lock().get(&pid).and_then(|backend| backend.open.clone())
    }

    /// All open sessions, by process id.
    pub(super) fn all(&self) -> Vec<(i32, OpenBackend)> {
        let known = self.backends.lock();
        let mut all: Vec<_> =
            known.iter().filter_map(|(pid, backend)| Some((*pid, backend.open.clone()?))).collect();
        all.sort_by_key(|(pid, _)| *pid);
        all
    }
}

/// What a client is told whose session another one has ended.
pub(super) fn terminated() -> Error {
    let message = "terminating connection due to administrator command";
    Error::retry(SqlState::ADMIN_SHUTDOWN, message)
}

impl Drop for Place {
    fn drop(&mut self) {
        self.backends.lock().remove(&self.pid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_that_begin_at_once_have_numbers_of_their_own() {
        let backends = Backends::default();
        let (first, second) = (backends.enter(), backends.enter());
        let now = 1_700_000_000_000_000;
        let numbers = [now, now, now - 5, now + 9].map(|began| first.transaction_number(began));
        let last = second.transaction_number(now + 9);
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        assert!(last > numbers[3] && last > 0);
    }

    #[test]
    fn a_place_is_given_up_when_its_session_ends() {
        let backends = Backends::default();
        let (first, second) = (backends.enter(), backends.enter());
        assert_ne!(first.pid, second.pid);
        assert!(first.pid > 0);
        let canceler = Canceler::default();
        first.open(OpenBackend {
            canceler: canceler.clone(),
            activity: Arc::new(Activity::new(0)),
            database: DatabaseId::POSTGRES,
            database_name: "postgres".to_owned(),
            user: "u".to_owned(),
        });
        assert_eq!(backends.lock().len(), 2);
        assert_eq!(second.all().len(), 1);
        second.find(first.pid).unwrap().canceler.terminate();
        assert!(canceler.is_terminated());
        // Who isn't let in yet can't be found.
        assert!(first.find(second.pid).is_none());
        // Neither an unknown process nor a wrong secret does anything.
        backends.cancel(second.pid, !second.secret);
        backends.cancel(-1, 0);
        drop(first);
        assert_eq!(backends.lock().len(), 1);
    }
}
