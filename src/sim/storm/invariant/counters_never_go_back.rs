//! On a running node term, applied, durable and purged indexes only grow, and keep their order: what is
//! purged is durable, what is durable was applied.

use std::collections::BTreeMap;

use crate::model::id::{LogIndex, Term};
use crate::raft::Status;
use crate::sim::engines::Engines;

#[derive(Debug, Default)]
pub(in crate::sim::storm) struct CountersNeverGoBack(BTreeMap<u64, (Term, [LogIndex; 3])>);

impl CountersNeverGoBack {
    /// The node has died: it may come back with less.
    pub(in crate::sim::storm) fn forget(&mut self, id: u64) {
        self.0.remove(&id);
    }

    pub(in crate::sim::storm) fn observe(&mut self, cluster: &Engines) {
        for id in cluster.running() {
            let status = cluster.node(id).status();
            if status.role == "Shutdown" {
                continue;
            }
            let Status { term, applied, snapshot, purged, .. } = status;
            let now = [applied, snapshot, purged];
            if let Some((before_term, before)) = self.0.get(&id) {
                assert!(term >= *before_term, "node {id}: from {before_term:?} to {term:?}");
                let grows = now.iter().zip(before).all(|(now, before)| now >= before);
                assert!(grows, "node {id}: from {before:?} to {now:?}");
            }
            assert!(purged <= snapshot, "node {id} has purged what isn't durable: {now:?}");
            self.0.insert(id, (term, now));
        }
    }
}
