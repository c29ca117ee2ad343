//! Log ids and memberships of the entries that may have to be applied again.
//!
//! The *durable point* is where a restart, or a node that installs a snapshot, goes on from. It
//! lies before the first entry that some later one still needs (a transaction's parts), so it can
//! be behind the last applied entry; this file remembers the id and the membership at each place
//! it may come to lie. Entries by one leader share one item, so the memory is small.

use std::collections::VecDeque;

use crate::raft::types::{LeaderId, LogId, StoredMembership, log_id};

#[derive(Debug, Clone)]
pub(super) struct History {
    applied: Option<LogId>,
    /// First index and leader of each run of entries, oldest first.
    runs: VecDeque<(u64, LeaderId)>,
    /// Oldest first; never empty.
    memberships: VecDeque<StoredMembership>,
}

impl History {
    pub(super) fn new(applied: Option<LogId>, membership: StoredMembership) -> Self {
        let runs = applied.map(|id| (id.index, id.leader_id)).into_iter().collect();
        Self { applied, runs, memberships: VecDeque::from([membership]) }
    }

    pub(super) fn applied(&self) -> Option<LogId> {
        self.applied
    }

    pub(super) fn membership(&self) -> &StoredMembership {
        self.memberships.back().expect("there is always a membership")
    }

    /// The entry with this id has been applied.
    pub(super) fn advance(&mut self, id: LogId) {
        self.applied = Some(id);
        if self.runs.back().is_none_or(|(_, leader)| *leader != id.leader_id) {
            self.runs.push_back((id.index, id.leader_id));
        }
    }

    pub(super) fn set_membership(&mut self, membership: StoredMembership) {
        self.memberships.push_back(membership);
    }

    /// The durable point when `needed_from` is the first entry that is still needed: its id, and
    /// the membership there. Forgets what lies before it.
    pub(super) fn point(&mut self, needed_from: Option<u64>) -> (Option<LogId>, StoredMembership) {
        let point = match needed_from {
            None => self.applied,
            Some(index) => index.checked_sub(1).and_then(|index| self.id_of(index)),
        };
        if let Some(point) = point {
            while self.runs.get(1).is_some_and(|(first, _)| *first <= point.index) {
                self.runs.pop_front();
            }
        }
        while self.memberships.get(1).is_some_and(|next| *next.log_id() <= point) {
            self.memberships.pop_front();
        }
        let membership = self.memberships.front().expect("there is always a membership");
        (point, membership.clone())
    }

    fn id_of(&self, index: u64) -> Option<LogId> {
        let applied = self.applied?;
        let run = self.runs.iter().rev().find(|(first, _)| *first <= index)?;
        (index <= applied.index).then(|| log_id(run.1, index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::types::Membership;

    fn id(term: u64, index: u64) -> LogId {
        log_id(LeaderId { term, node_id: 1 }, index)
    }

    #[test]
    fn the_point_stays_before_what_is_needed() {
        let mut history = History::new(None, StoredMembership::default());
        assert_eq!(history.point(None).0, None);
        for (term, index) in [(1, 0), (1, 1), (1, 2), (3, 3), (3, 4), (3, 5)] {
            history.advance(id(term, index));
        }
        assert_eq!(history.point(Some(0)).0, None);
        assert_eq!(history.point(Some(3)).0, Some(id(1, 2)));
        assert_eq!(history.point(Some(5)).0, Some(id(3, 4)));
        assert_eq!(history.point(None).0, Some(id(3, 5)));
    }

    #[test]
    fn the_membership_is_the_one_at_the_point() {
        let mut history = History::new(None, StoredMembership::default());
        for index in 0..6 {
            history.advance(id(1, index));
            if index % 2 == 0 {
                let membership = StoredMembership::new(Some(id(1, index)), Membership::default());
                history.set_membership(membership);
            }
        }
        assert_eq!(*history.point(Some(0)).1.log_id(), None);
        assert_eq!(*history.point(Some(2)).1.log_id(), Some(id(1, 0)));
        assert_eq!(*history.point(Some(5)).1.log_id(), Some(id(1, 4)));
        assert_eq!(*history.membership().log_id(), Some(id(1, 4)));
    }

    #[test]
    fn what_lies_before_the_point_is_forgotten() {
        let mut history = History::new(None, StoredMembership::default());
        for index in 0..1000 {
            history.advance(id(index, index));
            history.point(None);
        }
        assert_eq!(history.runs.len(), 1);
    }
}
