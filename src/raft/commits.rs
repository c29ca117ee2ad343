//! When a follower is told how far the log is committed.
//!
//! It needn't know of each commit at once: told of several together, it applies them together, which
//! takes it fewer steps. So the news waits a few milliseconds, then goes with the next entries or by
//! itself. Whoever waits for what was committed (a session at that follower) makes it leave at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::platform::clock::{self, Instant};
use crate::raft::applied::Applied;

/// How long the news waits. It delays what readers on followers see at the level `none`, and nothing
/// else.
const DELAY: Duration = Duration::from_millis(5);

/// One follower's interest in commits.
#[derive(Debug, Default)]
pub(super) struct Commits {
    /// Requests of its sessions that run here.
    attended: AtomicUsize,
    /// It waits for this index, or did.
    wanted: AtomicU64,
    changed: Notify,
}

impl Commits {
    /// Whether a follower that knows of commits up to `told` is to hear of those that came `since`.
    pub(super) fn is_due(&self, told: u64, since: Instant) -> bool {
        self.is_wanted(told) || since.plus(DELAY).remaining().is_zero()
    }

    fn is_wanted(&self, told: u64) -> bool {
        self.attended.load(Ordering::SeqCst) > 0 || self.wanted.load(Ordering::SeqCst) > told
    }

    /// Returns when [`Self::is_due`].
    pub(super) async fn due(&self, told: u64, since: Instant) {
        let wanted = async {
            loop {
                let changed = self.changed.notified();
                if self.is_wanted(told) {
                    return;
                }
                changed.await;
            }
        };
        // Either way it is time.
        let _ = clock::timeout(since.plus(DELAY).remaining(), wanted).await;
    }
}

/// A follower waits for commits until this is dropped, and afterwards for those there were then.
#[derive(Debug)]
pub struct Attention {
    commits: Arc<Commits>,
    applied: Arc<Applied>,
}

impl Attention {
    pub(super) fn new(commits: Arc<Commits>, applied: Arc<Applied>) -> Self {
        commits.attended.fetch_add(1, Ordering::SeqCst);
        commits.changed.notify_waiters();
        Self { commits, applied }
    }
}

impl Drop for Attention {
    fn drop(&mut self) {
        self.commits.wanted.fetch_max(self.applied.begun(), Ordering::SeqCst);
        self.commits.attended.fetch_sub(1, Ordering::SeqCst);
        self.commits.changed.notify_waiters();
    }
}
