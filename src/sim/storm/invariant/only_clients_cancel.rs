//! A write whose client neither cancelled it nor set it a time is never told that it was cancelled: what
//! stops it inside a node is that node's business.

use crate::model::error::SqlState;
use crate::sim::storm::oracle::{History, Told};

pub(in crate::sim::storm) fn check(history: &History) {
    for (mark, write) in &history.writes {
        if let Some((_, Told::Failed(SqlState::QUERY_CANCELED))) = &write.told {
            panic!("write {mark} was cancelled by nobody");
        }
    }
}
