//! How far this node has applied the log, and who waits for it.
//!
//! Waiters are woken in the order of what they wait for, then of their coming: simulations stay
//! repeatable, and nobody is woken in vain.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Notify, oneshot};

use crate::raft::types::LogId;

#[derive(Debug, Default)]
struct State {
    last: Option<LogId>,
    closed: bool,
    arrivals: u64,
    waiters: BTreeMap<(u64, u64), oneshot::Sender<()>>,
}

/// The last applied entry.
#[derive(Debug, Default)]
pub(super) struct Applied {
    state: Mutex<State>,
    /// The last entry that was handed to the databases.
    begun: AtomicU64,
    /// Told after each change; one listener.
    changed: Notify,
}

/// The node stopped before the index was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed;

impl Applied {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds this lock")
    }

    /// An entry goes to the databases now; its effect may be seen, and acknowledged, before
    /// [`Self::advance`].
    pub(super) fn begin(&self, index: u64) {
        self.begun.fetch_max(index, Ordering::SeqCst);
    }

    /// The last entry whose effect may have been seen. It will be applied.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    pub(super) fn last(&self) -> Option<LogId> {
        self.state().last
    }

    /// Sets the last applied entry. It can't go back while the node runs.
    pub(super) fn advance(&self, last: Option<LogId>) {
        let index = last.map_or(0, |id| id.index);
        self.begin(index);
        let mut state = self.state();
        if last <= state.last {
            return;
        }
        state.last = last;
        let waiting = state.waiters.split_off(&(index + 1, 0));
        let ready = std::mem::replace(&mut state.waiters, waiting);
        drop(state);
        for waiter in ready.into_values() {
            let _given_up = waiter.send(()).is_err();
        }
        self.changed.notify_one();
    }

    /// Nothing more will be applied.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.waiters.clear();
        drop(state);
        self.changed.notify_one();
    }

    /// Waits until `index` is applied.
    pub(super) async fn wait(&self, index: u64) -> Result<(), Closed> {
        let receiver = {
            let mut state = self.state();
            if state.last.is_some_and(|last| last.index >= index) {
                return Ok(());
            }
            if state.closed {
                return Err(Closed);
            }
            state.waiters.retain(|_, waiter| !waiter.is_closed());
            state.arrivals += 1;
            let key = (index, state.arrivals);
            let (sender, receiver) = oneshot::channel();
            state.waiters.insert(key, sender);
            receiver
        };
        receiver.await.map_err(|_| Closed)
    }

    /// Resolves after the next change, or at once if there was one since the last call.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}
