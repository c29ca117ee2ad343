//! What followers have acknowledged to this leader, and followers that have lost some of it: whose disk went back to an
//! earlier state, or who were started on an old copy of their data directory.
//!
//! **Invariant:** openraft never hears of such a conflict. It takes it for a bug, since whoever has acknowledged an entry
//! has been counted for it.

use std::sync::Mutex;

use crate::raft::types::{LogId, Vote};

/// One follower's, by this node's vote as a leader.
#[derive(Debug, Default)]
pub(super) struct Acknowledged(Mutex<Option<(Vote, LogId)>>);

impl Acknowledged {
    /// The follower has entries up to `matching`, on a durable disk.
    pub(super) fn note(&self, vote: Vote, matching: Option<LogId>) {
        let Some(matching) = matching else { return };
        let mut known = self.0.lock().expect("nothing panics while it holds this lock");
        *known = match *known {
            Some((of, last)) if of == vote => Some((vote, last.max(matching))),
            Some((of, last)) if of > vote => Some((of, last)),
            _ => Some((vote, matching)),
        };
    }

    /// The follower says that it doesn't have the entry `conflict`. What it had acknowledged of the kind.
    pub(super) fn lost(&self, vote: Vote, conflict: LogId) -> Option<LogId> {
        let known = self.0.lock().expect("nothing panics while it holds this lock");
        known.filter(|(of, last)| *of == vote && conflict.index <= last.index).map(|(_, last)| last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::types::LeaderId;

    fn log_id(term: u64, node_id: u64, index: u64) -> LogId {
        LogId::new(LeaderId { term, node_id }, index)
    }

    #[test]
    fn what_was_acknowledged_to_this_leader_is_missed() {
        let (first, second) = (Vote::new(1, 7), Vote::new(2, 7));
        let known = Acknowledged::default();
        assert_eq!(known.lost(first, log_id(1, 7, 3)), None);
        known.note(first, Some(log_id(1, 7, 9)));
        known.note(first, Some(log_id(1, 7, 5)));
        assert_eq!(known.lost(first, log_id(1, 7, 9)), Some(log_id(1, 7, 9)));
        // Where nothing is known to be there, the two logs look for what they have in common.
        assert_eq!(known.lost(first, log_id(1, 7, 10)), None);
        assert_eq!(known.lost(second, log_id(1, 7, 9)), None);
        known.note(second, Some(log_id(1, 7, 4)));
        assert_eq!(known.lost(second, log_id(1, 7, 5)), None);
        // An answer to the one before comes late.
        known.note(first, Some(log_id(1, 7, 9)));
        assert_eq!(known.lost(second, log_id(1, 7, 5)), None);
    }
}
