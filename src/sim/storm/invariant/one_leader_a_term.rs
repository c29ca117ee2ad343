//! In a term at most one node takes writes.

use std::collections::BTreeMap;

use crate::model::id::{NodeId, Term};
use crate::sim::engines::Engines;

#[derive(Debug, Default)]
pub(in crate::sim::storm) struct OneLeaderATerm(BTreeMap<Term, NodeId>);

impl OneLeaderATerm {
    pub(in crate::sim::storm) fn observe(&mut self, cluster: &Engines) {
        for id in cluster.running() {
            let ready = cluster.node(id).leadership().borrow().ready;
            let Some(fence) = ready else { continue };
            let leader = *self.0.entry(fence.term).or_insert(fence.leader);
            assert_eq!(leader, fence.leader, "two leaders in {:?}", fence.term);
        }
    }

    /// Terms in which somebody took writes.
    pub(in crate::sim::storm) fn terms(&self) -> usize {
        self.0.len()
    }
}
