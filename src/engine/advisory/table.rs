//! Who holds which advisory lock, and who waits for one. Pure.
//!
//! Those who wait for a lock stand in the order in which they came: one who could share it with its
//! holders still waits behind one who can't. Who has it already in some way goes before all of them,
//! as in PostgreSQL.

use std::collections::{HashMap, HashSet};

use crate::model::advisory::{AdvisoryKey, AdvisoryLock, AdvisoryMode, AdvisoryScope};
use crate::model::id::DatabaseId;

/// Locks that one session may hold.
const HELD_MAX: usize = 10_000;

/// A session.
pub(super) type Owner = u64;
/// A lock of a database.
pub(super) type Name = (DatabaseId, AdvisoryKey);

/// How often an owner holds a lock, by mode and scope.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Counts([[u32; 2]; 2]);

impl Counts {
    fn of(&mut self, mode: AdvisoryMode, scope: AdvisoryScope) -> &mut u32 {
        &mut self.0[mode as usize][scope as usize]
    }

    fn has(&self, mode: AdvisoryMode) -> bool {
        self.0[mode as usize] != [0, 0]
    }

    fn conflicts(&self, mode: AdvisoryMode) -> bool {
        self.has(AdvisoryMode::Exclusive)
            || mode == AdvisoryMode::Exclusive && *self != Self::default()
    }
}

#[derive(Debug, Default)]
struct Lock {
    holders: HashMap<Owner, Counts>,
    /// In the order in which they came.
    waiting: Vec<(Owner, AdvisoryMode)>,
}

impl Lock {
    /// Who must go before `owner` can have it.
    fn blockers(&self, owner: Owner, mode: AdvisoryMode) -> Vec<Owner> {
        let holders = self.holders.iter();
        let mut blockers: Vec<Owner> = holders
            .filter(|(other, counts)| **other != owner && counts.conflicts(mode))
            .map(|(other, _)| *other)
            .collect();
        if !self.holders.contains_key(&owner) {
            let before = self.waiting.iter().take_while(|(other, _)| *other != owner);
            let conflicts = |other: AdvisoryMode| {
                other == AdvisoryMode::Exclusive || mode == AdvisoryMode::Exclusive
            };
            blockers.extend(before.filter(|(_, other)| conflicts(*other)).map(|(other, _)| *other));
        }
        blockers
    }

    fn is_free(&self) -> bool {
        self.holders.is_empty() && self.waiting.is_empty()
    }
}

#[derive(Debug, Default)]
pub(super) struct Table {
    locks: HashMap<Name, Lock>,
    held: HashMap<Owner, HashSet<Name>>,
    waits: HashMap<Owner, (Name, AdvisoryMode)>,
}

/// What came of asking for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Granted,
    /// Others have it; if it was to be waited for, the owner stands in the queue.
    Busy,
    /// Waiting would never end.
    Deadlock,
    TooMany,
}

impl Table {
    pub(super) fn ask(
        &mut self,
        owner: Owner,
        database: DatabaseId,
        wanted: AdvisoryLock,
        wait: bool,
    ) -> Asked {
        let name = (database, wanted.key);
        let lock = self.locks.entry(name).or_default();
        if !lock.blockers(owner, wanted.mode).is_empty() {
            if !wait {
                return Asked::Busy;
            }
            if !lock.waiting.iter().any(|(other, _)| *other == owner) {
                lock.waiting.push((owner, wanted.mode));
                self.waits.insert(owner, (name, wanted.mode));
            }
            if self.waits_for_itself(owner) {
                self.give_up(owner);
                return Asked::Deadlock;
            }
            return Asked::Busy;
        }
        let held = self.held.entry(owner).or_default();
        if held.len() >= HELD_MAX && !held.contains(&name) {
            self.give_up(owner);
            return Asked::TooMany;
        }
        held.insert(name);
        *lock.holders.entry(owner).or_default().of(wanted.mode, wanted.scope) += 1;
        self.give_up(owner);
        Asked::Granted
    }

    fn waits_for_itself(&self, owner: Owner) -> bool {
        let mut seen = HashSet::new();
        let mut next = vec![owner];
        while let Some(waiter) = next.pop() {
            let Some((name, mode)) = self.waits.get(&waiter) else { continue };
            let Some(lock) = self.locks.get(name) else { continue };
            for blocker in lock.blockers(waiter, *mode) {
                if blocker == owner {
                    return true;
                }
                if seen.insert(blocker) {
                    next.push(blocker);
                }
            }
        }
        false
    }

    /// `owner` waits no more.
    pub(super) fn give_up(&mut self, owner: Owner) {
        if let Some((name, _)) = self.waits.remove(&owner)
            && let Some(lock) = self.locks.get_mut(&name)
        {
            lock.waiting.retain(|(other, _)| *other != owner);
            self.tidy(owner, name);
        }
    }

    /// Takes one hold back; whether there was one.
    pub(super) fn release(
        &mut self,
        owner: Owner,
        database: DatabaseId,
        held: AdvisoryLock,
    ) -> bool {
        let name = (database, held.key);
        let lock = self.locks.get_mut(&name);
        let Some(counts) = lock.and_then(|lock| lock.holders.get_mut(&owner)) else { return false };
        let count = counts.of(held.mode, held.scope);
        if *count == 0 {
            return false;
        }
        *count -= 1;
        self.tidy(owner, name);
        true
    }

    /// Takes all holds of a scope back.
    pub(super) fn release_scope(&mut self, owner: Owner, scope: AdvisoryScope) {
        let names: Vec<Name> = self.held.get(&owner).into_iter().flatten().copied().collect();
        for name in names {
            let lock = self.locks.get_mut(&name);
            if let Some(counts) = lock.and_then(|lock| lock.holders.get_mut(&owner)) {
                for mode in [AdvisoryMode::Shared, AdvisoryMode::Exclusive] {
                    *counts.of(mode, scope) = 0;
                }
            }
            self.tidy(owner, name);
        }
    }

    /// The owner is gone.
    pub(super) fn release_owner(&mut self, owner: Owner) {
        self.give_up(owner);
        for scope in [AdvisoryScope::Session, AdvisoryScope::Transaction] {
            self.release_scope(owner, scope);
        }
    }

    /// Forgets what is nobody's any more.
    fn tidy(&mut self, owner: Owner, name: Name) {
        let Some(lock) = self.locks.get_mut(&name) else { return };
        if lock.holders.get(&owner).is_none_or(|counts| *counts == Counts::default()) {
            lock.holders.remove(&owner);
            if let Some(held) = self.held.get_mut(&owner) {
                held.remove(&name);
                if held.is_empty() {
                    self.held.remove(&owner);
                }
            }
        }
        if lock.is_free() {
            self.locks.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATABASE: DatabaseId = DatabaseId::POSTGRES;

    fn lock(key: i64, mode: AdvisoryMode) -> AdvisoryLock {
        AdvisoryLock { key: AdvisoryKey::One(key), mode, scope: AdvisoryScope::Session }
    }

    fn exclusive(key: i64) -> AdvisoryLock {
        lock(key, AdvisoryMode::Exclusive)
    }

    fn shared(key: i64) -> AdvisoryLock {
        lock(key, AdvisoryMode::Shared)
    }

    #[test]
    fn locks_stack_are_shared_and_have_two_key_spaces() {
        let mut table = Table::default();
        let mut ask = |owner, wanted| table.ask(owner, DATABASE, wanted, false);
        assert_eq!(ask(1, exclusive(7)), Asked::Granted);
        assert_eq!(ask(1, exclusive(7)), Asked::Granted);
        assert_eq!(ask(2, shared(7)), Asked::Busy);
        let pair = AdvisoryLock { key: AdvisoryKey::Pair(0, 7), ..exclusive(0) };
        assert_eq!(ask(2, pair), Asked::Granted);
        assert_eq!(ask(3, shared(8)), Asked::Granted);
        assert_eq!(ask(2, shared(8)), Asked::Granted);
        assert_eq!(ask(2, exclusive(8)), Asked::Busy);
        assert!(table.release(1, DATABASE, exclusive(7)));
        assert!(!table.release(1, DATABASE, shared(7)));
        assert_eq!(table.ask(2, DATABASE, exclusive(7), false), Asked::Busy);
        assert!(table.release(1, DATABASE, exclusive(7)));
        assert!(!table.release(1, DATABASE, exclusive(7)));
        assert_eq!(table.ask(2, DATABASE, exclusive(7), false), Asked::Granted);
        table.release_owner(2);
        table.release_owner(3);
        assert!(table.locks.is_empty() && table.held.is_empty());
    }

    #[test]
    fn a_transactions_locks_go_and_the_sessions_stay() {
        let mut table = Table::default();
        let of_transaction = AdvisoryLock { scope: AdvisoryScope::Transaction, ..exclusive(1) };
        for wanted in [of_transaction, exclusive(2), of_transaction] {
            assert_eq!(table.ask(1, DATABASE, wanted, false), Asked::Granted);
        }
        table.release_scope(1, AdvisoryScope::Transaction);
        assert_eq!(table.ask(2, DATABASE, exclusive(1), false), Asked::Granted);
        assert_eq!(table.ask(2, DATABASE, exclusive(2), false), Asked::Busy);
        table.release_scope(1, AdvisoryScope::Session);
        assert_eq!(table.ask(2, DATABASE, exclusive(2), false), Asked::Granted);
    }

    #[test]
    fn who_comes_first_is_served_first() {
        let mut table = Table::default();
        assert_eq!(table.ask(1, DATABASE, shared(1), true), Asked::Granted);
        assert_eq!(table.ask(2, DATABASE, exclusive(1), true), Asked::Busy);
        assert_eq!(table.ask(3, DATABASE, shared(1), true), Asked::Busy, "behind the second");
        assert_eq!(table.ask(1, DATABASE, shared(1), false), Asked::Granted, "it has it");
        table.release_owner(1);
        assert_eq!(table.ask(3, DATABASE, shared(1), true), Asked::Busy);
        assert_eq!(table.ask(2, DATABASE, exclusive(1), true), Asked::Granted);
        table.release_owner(2);
        assert_eq!(table.ask(3, DATABASE, shared(1), true), Asked::Granted);
    }

    #[test]
    fn waiting_in_a_circle_is_found() {
        let mut table = Table::default();
        for owner in 1..=3 {
            assert_eq!(table.ask(owner, DATABASE, exclusive(owner as i64), true), Asked::Granted);
        }
        assert_eq!(table.ask(1, DATABASE, exclusive(2), true), Asked::Busy);
        assert_eq!(table.ask(2, DATABASE, exclusive(3), true), Asked::Busy);
        assert_eq!(table.ask(3, DATABASE, exclusive(1), true), Asked::Deadlock);
        table.release_owner(3);
        assert_eq!(table.ask(2, DATABASE, exclusive(3), true), Asked::Granted);
        // Two that share a lock and both want it alone.
        let mut table = Table::default();
        for owner in 1..=2 {
            assert_eq!(table.ask(owner, DATABASE, shared(9), true), Asked::Granted);
        }
        assert_eq!(table.ask(1, DATABASE, exclusive(9), true), Asked::Busy);
        assert_eq!(table.ask(2, DATABASE, exclusive(9), true), Asked::Deadlock);
    }
}
