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
use crate::raft::AdminError;
use crate::raft::node::Inner;

/// At most one look in this time.
const EVERY: Duration = Duration::from_millis(200);
/// A checkpoint that takes longer is waited for in the next round.
const CHECKPOINT_WAIT: Duration = Duration::from_secs(30);

/// An operator waits this long at the most for the log to become shorter.
const PURGE_WAIT: Duration = Duration::from_secs(2);

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
    if durable(inner) < Some(upto) && !make_durable(inner).await? {
        return Some(());
    }
    let mut upto = upto.min(inner.metrics().snapshot?.index);
    if log.bytes_after(purged) <= log_bytes_max.saturating_mul(SNAPSHOT_FACTOR)
        && let Some(needed) = inner.links.needed_after_snapshots()
    {
        upto = upto.min(needed.saturating_sub(1));
    }
    inner.raft.trigger().purge_log(upto).await.ok()
}

/// The last entry that the database files are known to hold.
fn durable(inner: &Inner) -> Option<u64> {
    inner.metrics().snapshot.map(|id| id.index)
}

/// Makes a durable point; whether it was made in time. `None` when openraft has stopped.
async fn make_durable(inner: &Inner) -> Option<bool> {
    let known = durable(inner);
    inner.raft.trigger().snapshot().await.ok()?;
    let mut metrics = inner.raft.metrics();
    let moved = async {
        while metrics.borrow_watched().snapshot.map(|id| id.index) == known {
            metrics.changed().await.ok()?;
        }
        Some(true)
    };
    clock::timeout(CHECKPOINT_WAIT, moved).await.unwrap_or(Some(false))
}

/// A durable point now, because an operator wants one; then, if `keep` is given, nothing of the log
/// stays but so many entries before it. Whether there was anything to do.
///
/// # Errors
/// If it takes too long, as it does while readers keep the databases from being written out.
pub(super) async fn compact(inner: &Inner, keep: Option<u64>) -> Result<bool, AdminError> {
    let behind = durable(inner) < inner.applied.last().map(|id| id.index);
    if behind && !make_durable(inner).await.ok_or(AdminError::Stopped)? {
        return Err(AdminError::Refused(
            "readers keep the databases from being written out".into(),
        ));
    }
    let (Some(keep), Some(durable)) = (keep, durable(inner)) else { return Ok(behind) };
    let needed = inner.links.needed_after_snapshots().map_or(u64::MAX, |n| n.saturating_sub(1));
    let upto = durable.saturating_sub(keep).min(needed);
    let purged = inner.links.log.extent().purged.map_or(0, |(index, _)| index);
    if upto > purged {
        inner.raft.trigger().purge_log(upto).await.map_err(|_| AdminError::Stopped)?;
        let mut metrics = inner.raft.metrics();
        let gone = async {
            while metrics.borrow_watched().purged.is_none_or(|id| id.index < upto) {
                metrics.changed().await.ok()?;
            }
            Some(())
        };
        // openraft keeps what a follower is being sent: that goes later.
        let _ = clock::timeout(PURGE_WAIT, gone).await;
    }
    Ok(behind || upto > purged)
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
