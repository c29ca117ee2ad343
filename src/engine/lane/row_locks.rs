//! Who has changed which row and isn't committed yet: the row locks of private transactions and of
//! the units in flight. Pure.
//!
//! | a holder's hold on a row | its result so far depends on | others may |
//! |---|---|---|
//! | [`Hold::Blind`] | whether the row exists | change the row blindly too, and commit first or last |
//! | [`Hold::Full`] | what is in the row | wait |
//!
//! A row's holders stand in the order in which they came. A blind one whose client is about to see
//! the row needs it in full, and gets it once those before it have ended; those after it wait with
//! their commits. So a holder only ever waits for one that came to the row before it, or that is
//! committing and waits for nobody: where two wait for each other they came to two rows in different
//! orders, and PostgreSQL's row locks would have them deadlocked as well.

use std::collections::{HashMap, HashSet};

use crate::model::statement::RowKey;

/// A private transaction, by its number.
pub(super) type Holder = u64;
/// The units in flight. They wait for nobody.
pub(super) const UNITS: Holder = 0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine) enum Hold {
    Blind,
    Full,
}

/// A wish for a row.
pub(in crate::engine) type Want = (RowKey, Hold);

#[derive(Debug, Default)]
pub(super) struct RowLocks {
    rows: HashMap<RowKey, Vec<(Holder, Hold)>>,
    held: HashMap<Holder, Vec<RowKey>>,
    committing: HashSet<Holder>,
    waits: HashMap<Holder, Holder>,
}

impl RowLocks {
    /// Who must end before `holder` can have all of these.
    pub(super) fn blocker(&self, holder: Holder, wants: &[Want]) -> Option<Holder> {
        wants.iter().find_map(|(row, hold)| self.blocks(holder, row, *hold))
    }

    fn blocks(&self, holder: Holder, row: &RowKey, hold: Hold) -> Option<Holder> {
        let holders = self.rows.get(row)?;
        let mine = holders.iter().position(|(other, _)| *other == holder);
        if mine.is_some_and(|at| holders[at].1 == Hold::Full) {
            return None;
        }
        let before = mine.unwrap_or(holders.len());
        let stands_in_the_way = |(at, (other, held)): (usize, &(Holder, Hold))| {
            let in_the_way = *other != holder
                && (*held == Hold::Full
                    || hold == Hold::Full && (at < before || self.is_committing(*other)));
            in_the_way.then_some(*other)
        };
        holders.iter().enumerate().find_map(stands_in_the_way)
    }

    fn is_committing(&self, holder: Holder) -> bool {
        holder == UNITS || self.committing.contains(&holder)
    }

    /// Gives what [`Self::blocker`] has nothing against.
    pub(super) fn take(&mut self, holder: Holder, wants: &[Want]) {
        for (row, hold) in wants {
            let holders = self.rows.entry(row.clone()).or_default();
            match holders.iter_mut().find(|(other, _)| *other == holder) {
                Some((_, held)) => *held = (*held).max(*hold),
                None => {
                    holders.push((holder, *hold));
                    self.held.entry(holder).or_default().push(row.clone());
                }
            }
        }
    }

    /// The rows that `holder` has blindly, wanted in full.
    pub(super) fn blind_rows(&self, holder: Holder) -> Vec<Want> {
        let rows = self.held.get(&holder).into_iter().flatten();
        rows.filter(|row| self.rows[*row].contains(&(holder, Hold::Blind)))
            .map(|row| (row.clone(), Hold::Full))
            .collect()
    }

    /// Who must end before `holder` may commit: who has one of its rows in full.
    pub(super) fn commit_blocker(&self, holder: Holder) -> Option<Holder> {
        let rows = self.held.get(&holder)?;
        rows.iter().find_map(|row| {
            let others = self.rows[row].iter();
            others
                .copied()
                .find_map(|(other, hold)| (other != holder && hold == Hold::Full).then_some(other))
        })
    }

    /// From now on nobody gets a row of `holder`'s in full.
    pub(super) fn commit(&mut self, holder: Holder) {
        self.committing.insert(holder);
    }

    /// Whether a unit that changes these rows would change what somebody else counts on.
    pub(super) fn refuses_unit(&self, rows: &[RowKey], existence: bool) -> bool {
        rows.iter()
            .filter_map(|row| self.rows.get(row))
            .flatten()
            .any(|(holder, hold)| *holder != UNITS && (existence || *hold == Hold::Full))
    }

    /// Gives up all of `holder`'s rows. Whether it had any.
    pub(super) fn release(&mut self, holder: Holder) -> bool {
        let rows = self.held.remove(&holder).unwrap_or_default();
        let any = !rows.is_empty();
        for row in rows {
            if let Some(holders) = self.rows.get_mut(&row) {
                holders.retain(|(other, _)| *other != holder);
                if holders.is_empty() {
                    self.rows.remove(&row);
                }
            }
        }
        self.committing.remove(&holder);
        self.waits.remove(&holder);
        any
    }

    /// Notes that `holder` waits for `blocker`. `false` if that would never end: a deadlock.
    pub(super) fn wait(&mut self, holder: Holder, blocker: Holder) -> bool {
        let mut next = Some(blocker);
        while let Some(other) = next {
            if other == holder {
                return false;
            }
            next = self.waits.get(&other).copied();
        }
        self.waits.insert(holder, blocker);
        true
    }

    pub(super) fn waited(&mut self, holder: Holder) {
        self.waits.remove(&holder);
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.held.is_empty() && self.waits.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::value::Value;

    fn row(number: i64) -> RowKey {
        RowKey::new("t", &[Value::Integer(number)])
    }

    fn blind(number: i64) -> Vec<Want> {
        vec![(row(number), Hold::Blind)]
    }

    fn full(number: i64) -> Vec<Want> {
        vec![(row(number), Hold::Full)]
    }

    /// Takes the rows if nobody stands in the way, or says who does.
    fn ask(locks: &mut RowLocks, holder: Holder, wants: &[Want]) -> Option<Holder> {
        let blocker = locks.blocker(holder, wants);
        if blocker.is_none() {
            locks.take(holder, wants);
        }
        blocker
    }

    #[test]
    fn blind_holders_share_a_row_and_a_full_one_does_not() {
        let mut locks = RowLocks::default();
        assert_eq!(ask(&mut locks, 1, &blind(7)), None);
        assert_eq!(ask(&mut locks, 2, &blind(7)), None);
        assert_eq!(ask(&mut locks, 3, &full(7)), Some(1));
        assert_eq!(ask(&mut locks, 3, &full(8)), None);
        assert_eq!(ask(&mut locks, 1, &blind(8)), Some(3));
        locks.release(3);
        assert_eq!(ask(&mut locks, 1, &blind(8)), None);
    }

    #[test]
    fn a_row_goes_in_full_to_the_one_that_came_first() {
        let mut locks = RowLocks::default();
        assert_eq!(ask(&mut locks, 1, &blind(7)), None);
        assert_eq!(ask(&mut locks, 2, &blind(7)), None);
        let (first, second) = (locks.blind_rows(1), locks.blind_rows(2));
        assert_eq!(ask(&mut locks, 2, &second), Some(1));
        assert_eq!(ask(&mut locks, 1, &first), None, "the one behind is blind");
        assert_eq!(locks.blind_rows(1), []);
        assert_eq!(locks.commit_blocker(2), Some(1), "what the first has seen must stay");
        assert_eq!(locks.commit_blocker(1), None);
        locks.release(1);
        assert_eq!((locks.commit_blocker(2), ask(&mut locks, 2, &second)), (None, None));
    }

    #[test]
    fn nobody_looks_at_a_row_that_is_being_committed() {
        let mut locks = RowLocks::default();
        assert_eq!(ask(&mut locks, 1, &blind(7)), None);
        assert_eq!(ask(&mut locks, 2, &blind(7)), None);
        locks.commit(2);
        let first = locks.blind_rows(1);
        assert_eq!(ask(&mut locks, 1, &first), Some(2), "although it came later");
        locks.take(UNITS, &blind(9));
        assert_eq!(ask(&mut locks, 1, &blind(9)), None);
        assert_eq!(ask(&mut locks, 1, &full(9)), Some(UNITS));
    }

    #[test]
    fn units_may_change_what_is_held_blindly_but_not_remove_it() {
        let mut locks = RowLocks::default();
        locks.take(1, &blind(7));
        assert!(!locks.refuses_unit(&[row(7)], false));
        assert!(locks.refuses_unit(&[row(6), row(7)], true));
        locks.take(1, &full(7));
        assert!(locks.refuses_unit(&[row(7)], false));
        locks.release(1);
        assert!(!locks.refuses_unit(&[row(7)], true));
    }

    #[test]
    fn waiting_in_a_circle_is_found() {
        let mut locks = RowLocks::default();
        assert!(locks.wait(1, 2));
        assert!(locks.wait(2, 3));
        assert!(!locks.wait(3, 1));
        assert!(locks.wait(3, UNITS));
        locks.waited(1);
        locks.release(2);
        locks.release(3);
        assert!(locks.is_empty());
    }
}
