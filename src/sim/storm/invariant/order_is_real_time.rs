//! A write that was acknowledged before another was sent stands before it in the history.

use crate::sim::storm::oracle::{History, Seen, Told};

pub(in crate::sim::storm) fn check(history: &History, end: &Seen) {
    // Going back through the history: the earliest moment at which a later write was answered.
    let mut earliest = None;
    for mark in end.marks.iter().rev() {
        let write = &history.writes[mark];
        if let Some((answered, later)) = earliest {
            assert!(
                write.begun <= answered,
                "write {mark} was sent after {later} was acknowledged, and stands before it"
            );
        }
        if let Some((at, Told::Done)) = write.told
            && earliest.is_none_or(|(answered, _)| at < answered)
        {
            earliest = Some((at, *mark));
        }
    }
}
