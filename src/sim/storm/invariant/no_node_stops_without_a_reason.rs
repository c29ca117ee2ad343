//! A node stops by itself only after its disk failed, and one whose disk is whole always starts.

use std::collections::BTreeSet;

use crate::sim::engines::Engines;

#[derive(Debug, Default)]
pub(in crate::sim::storm) struct NoNodeStopsWithoutAReason {
    /// Nodes whose disk was made to fail.
    excused: BTreeSet<u64>,
}

impl NoNodeStopsWithoutAReason {
    pub(in crate::sim::storm) fn excuse(&mut self, id: u64) {
        self.excused.insert(id);
    }

    pub(in crate::sim::storm) fn observe(&self, cluster: &Engines) {
        for fault in &*cluster.faults.lock().unwrap() {
            let excused = |id: &u64| fault.starts_with(&format!("node {id}:"));
            assert!(self.excused.iter().any(excused), "a node stopped by itself: {fault}");
        }
    }

    pub(in crate::sim::storm) fn may_refuse_to_start(&self, id: u64) -> bool {
        self.excused.contains(&id)
    }
}
