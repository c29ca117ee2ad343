//! No read at any level sees half a transfer, nor a mark twice.

use std::collections::BTreeSet;

use crate::sim::storm::client::{ACCOUNTS, BALANCE};
use crate::sim::storm::oracle::{History, Seen};

pub(in crate::sim::storm) fn check(history: &History, end: &Seen) {
    let reads = history.reads.iter().map(|read| &read.seen);
    for seen in reads.chain([end]) {
        assert_eq!(seen.sum, ACCOUNTS as i64 * BALANCE, "half a transfer: {seen:?}");
        let different: BTreeSet<_> = seen.marks.iter().collect();
        assert_eq!(different.len(), seen.marks.len(), "applied twice: {seen:?}");
    }
}
