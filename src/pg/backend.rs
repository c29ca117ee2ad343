//! The sessions of this process, for CancelRequest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::Canceler;
use crate::platform::random;

/// Sessions by the process id that their clients know them by. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backends(Arc<Mutex<HashMap<i32, Backend>>>);

#[derive(Debug)]
struct Backend {
    secret: i32,
    /// `None` until the session is open.
    canceler: Option<Canceler>,
}

/// A session's place among the backends; given up when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    backends: Backends,
    pub(crate) pid: i32,
    pub(crate) secret: i32,
}

impl Backends {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<i32, Backend>> {
        // Nothing in here can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new process id and secret.
    pub(crate) fn enter(&self) -> Place {
        let secret = i32::from_be_bytes(random::bytes());
        let mut known = self.lock();
        loop {
            let pid = i32::from_be_bytes(random::bytes()) & i32::MAX;
            if pid > 0 && !known.contains_key(&pid) {
                known.insert(pid, Backend { secret, canceler: None });
                return Place { backends: self.clone(), pid, secret };
            }
        }
    }

    /// Cancels what the session runs, if the secret is right; whether it was is not told.
    pub(crate) fn cancel(&self, pid: i32, secret: i32) {
        let canceler = match self.lock().get(&pid) {
            // One comparison of whole words: its time says nothing about the secret.
            Some(backend) if backend.secret ^ secret == 0 => backend.canceler.clone(),
            _ => None,
        };
        if let Some(canceler) = canceler {
            canceler.cancel();
        }
    }
}

impl Place {
    pub(crate) fn set_canceler(&self, canceler: Canceler) {
        if let Some(backend) = self.backends.lock().get_mut(&self.pid) {
            backend.canceler = Some(canceler);
        }
    }
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
    fn a_place_is_given_up_when_its_session_ends() {
        let backends = Backends::default();
        let (first, second) = (backends.enter(), backends.enter());
        assert_ne!(first.pid, second.pid);
        assert!(first.pid > 0);
        first.set_canceler(Canceler::default());
        assert_eq!(backends.lock().len(), 2);
        drop(first);
        assert_eq!(backends.lock().len(), 1);
        // Neither an unknown process nor a wrong secret does anything.
        backends.cancel(second.pid, !second.secret);
        backends.cancel(-1, 0);
    }
}
