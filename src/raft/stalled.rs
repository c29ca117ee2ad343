//! A leader whose disk stands still.
//!
//! What it has not made durable itself it doesn't apply, even if a majority has it. But it still sends heartbeats, and so
//! nobody else would be elected: it has to hand over by itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::platform::clock;
use crate::raft::membership;
use crate::raft::node::Inner;

/// A busy disk takes less.
const STALL_MIN: Duration = Duration::from_secs(2);

/// Hands leadership over whenever an fsync of this leader's log takes longer than the others would wait for a leader
/// that is silent. Until the node stops.
pub(super) async fn watch(inner: Arc<Inner>) {
    let patience = inner.timing.election_timeout_max.max(STALL_MIN);
    while !inner.stopping.load(Ordering::Acquire) {
        clock::sleep(inner.timing.heartbeat).await;
        let wait = inner.links.log.wait();
        if wait < patience || inner.leadership.borrow().ready.is_none() {
            continue;
        }
        let seconds = wait.as_secs_f64();
        tracing::warn!(
            "the Raft log's disk has not answered for {seconds:.1} s: handing over leadership"
        );
        if let Err(error) = membership::transfer(&inner, None).await {
            tracing::warn!("nobody has taken it over: {error:?}");
        }
    }
}
