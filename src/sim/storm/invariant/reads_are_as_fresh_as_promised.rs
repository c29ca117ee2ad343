//! A linearizable, lease or strong read shows everything that was acknowledged before it was asked for.

use crate::model::read_level::ReadLevel;
use crate::sim::storm::oracle::History;

pub(in crate::sim::storm) fn check(history: &History) {
    for read in &history.reads {
        let promised =
            matches!(read.level, ReadLevel::Linearizable | ReadLevel::Lease | ReadLevel::Strong);
        if !promised {
            continue;
        }
        for mark in history.acknowledged_before(read.begun) {
            assert!(
                read.seen.marks.contains(&mark),
                "node {} at level {:?} read at {:?} without write {mark}",
                read.node,
                read.level,
                read.begun
            );
        }
    }
}
