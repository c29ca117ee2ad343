//! Nodes that stand at the same position hold the same pages, at any time and not just in the end.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use crate::model::id::{DatabaseId, Position};
use crate::sim::engines::Engines;

#[derive(Debug, Default)]
pub(in crate::sim::storm) struct SamePositionSamePages {
    known: BTreeMap<(DatabaseId, String), (u64, u64)>,
    pub compared: u64,
}

impl SamePositionSamePages {
    /// Looks at one node's files.
    pub(in crate::sim::storm) async fn observe(&mut self, cluster: &Engines, id: u64) {
        let Some(contents) = cluster.try_contents(id).await else { return };
        for (state, pages) in contents {
            let Position { txid, chain } = state.position;
            let at = (state.id, format!("{txid:?} {chain:?}"));
            let hash = xxh3_64(&pages);
            if let Some((other, before)) = self.known.get(&at) {
                assert_eq!(*before, hash, "nodes {other} and {id} differ at {at:?}");
                self.compared += 1;
            }
            self.known.insert(at, (id, hash));
        }
    }
}
