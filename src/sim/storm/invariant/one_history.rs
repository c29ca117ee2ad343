//! All reads, at every level, on every node and at every time, see a beginning of one and the same history.

use crate::sim::storm::oracle::{History, Seen};

pub(in crate::sim::storm) fn check(history: &History, end: &Seen) {
    for read in &history.reads {
        let marks = &read.seen.marks;
        assert!(
            end.marks.starts_with(marks),
            "node {} at level {:?} saw {marks:?}, which is no beginning of {:?}",
            read.node,
            read.level,
            end.marks
        );
    }
}
