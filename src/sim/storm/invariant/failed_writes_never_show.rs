//! A write whose client was told that nothing happened is never seen, by no read and not in the end; nor is
//! one that nobody sent.

use crate::sim::storm::oracle::{History, Seen, Told};

pub(in crate::sim::storm) fn check(history: &History, end: &Seen) {
    let reads = history.reads.iter().map(|read| &read.seen);
    for seen in reads.chain([end]) {
        for mark in &seen.marks {
            let write = history.writes.get(mark);
            let write = write.unwrap_or_else(|| panic!("write {mark} was never sent"));
            if let Some((_, Told::Failed(state))) = &write.told {
                panic!("write {mark} failed with {state:?}, and is there");
            }
        }
    }
}
