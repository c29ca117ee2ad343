//! A write that was acknowledged is there in the end.

use crate::sim::storm::oracle::{History, Seen, Told};

pub(in crate::sim::storm) fn check(history: &History, end: &Seen) {
    for (mark, write) in &history.writes {
        if matches!(write.told, Some((_, Told::Done))) {
            assert!(end.marks.contains(mark), "acknowledged write {mark} is lost");
        }
    }
}
