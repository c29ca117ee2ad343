//! Keeps the log short: a durable point when it has grown too long, then the old entries go.
//!
//! Half of what is allowed is kept, for followers that were away for a while. What a node needs
//! that is being sent a snapshot is kept too, within limits: if it were purged meanwhile, the node
//! would need the next snapshot at once, and so on for ever. openraft itself keeps the entries
//! that a follower is being sent, and never purges beyond the durable point.

use std::sync::Arc;
use std::time::Duration;

use openraft::async_runtime::watch::WatchReceiver;

use crate::platform::clock;
use crate::raft::node::Inner;

/// At most one look in this time.
const EVERY: Duration = Duration::from_millis(200);
/// A checkpoint that takes longer is waited for in the next round.
const CHECKPOINT_WAIT: Duration = Duration::from_secs(30);

/// For the sake of a snapshot that is being sent, the log may grow to this many times its limit.
const SNAPSHOT_FACTOR: u64 = 4;

/// Runs until openraft stops.
pub(super) async fn run(inner: Arc<Inner>, log_bytes_max: u64) {
    let next = |inner: &Inner| inner.applied.last().map_or(0, |id| id.index + 1);
    while inner.applied.wait(next(&inner)).await.is_ok() {
        if purge(&inner, log_bytes_max).await.is_none() {
            return;
        }
        clock::sleep(EVERY).await;
    }
}

/// One round. `None` when openraft has stopped.
async fn purge(inner: &Inner, log_bytes_max: u64) -> Option<()> {
    let log = &inner.links.log;
    let purged = log.extent().purged.map_or(0, |(index, _)| index);
    if log.bytes_after(purged) <= log_bytes_max {
        return Some(());
    }
    let applied = inner.applied.last()?.index;
    let upto = first_where(purged, applied, |index| log.bytes_after(index) <= log_bytes_max / 2);
    let known = inner.metrics().snapshot.map(|id| id.index);
    if known < Some(upto) {
        inner.raft.trigger().snapshot().await.ok()?;
        let mut metrics = inner.raft.metrics();
        let moved = async {
            while metrics.borrow_watched().snapshot.map(|id| id.index) == known {
                metrics.changed().await.ok()?;
            }
            Some(())
        };
        match clock::timeout(CHECKPOINT_WAIT, moved).await {
            Ok(moved) => moved?,
            Err(clock::Elapsed) => return Some(()),
        }
    }
    let mut upto = upto.min(inner.metrics().snapshot?.index);
    if log.bytes_after(purged) <= log_bytes_max.saturating_mul(SNAPSHOT_FACTOR)
        && let Some(needed) = inner.links.needed_after_snapshots()
    {
        upto = upto.min(needed.saturating_sub(1));
    }
    inner.raft.trigger().purge_log(upto).await.ok()
}

/// The first of `low..=high` for which `holds`, if it holds from there on; `high` if for none.
fn first_where(mut low: u64, mut high: u64, holds: impl Fn(u64) -> bool) -> u64 {
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::first_where;

    #[test]
    fn first_where_finds_the_boundary() {
        for boundary in 3..=9 {
            assert_eq!(first_where(3, 9, |index| index >= boundary), boundary);
        }
        assert_eq!(first_where(3, 9, |_| false), 9);
        assert_eq!(first_where(4, 4, |_| true), 4);
    }
}
