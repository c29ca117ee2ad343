//! Keeps a connection's read lock on the wal-index from one transaction to the next.
//!
//! A read transaction holds one of WAL's read locks (SQLite, WAL-mode file format §2.3). Taking it and
//! giving it back are system calls, made under a lock that all connections of the process share: for
//! a short read that is much. So a lock that SQLite gives back stays with its connection, *kept*; if the
//! connection's next transaction wants the same one, it is there. To the operating system a kept lock is
//! like any: other processes see a reader.
//!
//! Whoever in this process wants read locks for itself (to begin the WAL anew, to copy it, to
//! move a read mark) takes away those that are kept, and only those. Other processes never have to
//! wait for one: without the write lock, which this process has, they can only move read marks, of
//! which there are several, and copy part of the WAL, which may stop at any mark.
//!
//! ```text
//!              lock: a system call                unlock
//!   free ────────────────────────────────▶ held ──────────▶ kept ──▶ held: no system call
//!    ▲                                                        │
//!    └────────── unlock: a system call ───── leaving ◀────────┘ another lock is wanted, by this
//!                                                               connection or a neighbour
//! ```
//!
//! Invariants:
//! * Only the connection itself goes from `free` or `kept` to `held`, and from `held` to `kept`. So a lock
//!   is never taken away from a transaction.
//! * Whoever moves a lock from `kept` to `leaving` gives it back, and nobody else touches the connection's
//!   locks until it is `free`.
//! * A lock is taken away by a neighbour only while that holds the list of neighbours, on which the
//!   connection stands until just before its file is closed.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

/// The locks of the wal-index that readers share: `WAL_READ_LOCK(0)` to `WAL_READ_LOCK(4)`.
const READ_SLOTS: Range<u32> = 3..8;

const FREE: u32 = 0;
const HELD: u32 = 0x10;
const KEPT: u32 = 0x20;
const LEAVING: u32 = 0x30;

/// The real locks of a connection.
pub(super) trait RealLocks: std::fmt::Debug + Send + Sync {
    /// Takes a lock to be shared. SQLite's result code.
    fn share(&self, slot: u32) -> i32;
    /// Gives a shared lock back. SQLite's result code.
    fn give_back(&self, slot: u32) -> i32;
}

/// The connections of this process to one database.
#[derive(Debug, Default)]
pub(super) struct Neighbours(Mutex<Vec<Arc<ReadLock>>>);

impl Neighbours {
    /// Those of the database with this name. Databases that have had the same name are taken for one:
    /// that only takes kept locks away in vain.
    pub(super) fn of(name: &[u8]) -> Arc<Self> {
        static ALL: OnceLock<Mutex<HashMap<Vec<u8>, Weak<Neighbours>>>> = OnceLock::new();
        let mut all =
            ALL.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(name).and_then(Weak::upgrade) {
            return known;
        }
        all.retain(|_, neighbours| neighbours.strong_count() > 0);
        let neighbours = Arc::default();
        all.insert(name.to_owned(), Arc::downgrade(&neighbours));
        neighbours
    }

    fn list(&self) -> MutexGuard<'_, Vec<Arc<ReadLock>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody wants these locks for itself: gives back those that are kept. In vain, and therefore
    /// not done, while a transaction has one of them.
    pub(super) fn clear(&self, slots: Range<u32>) {
        if slots.end <= READ_SLOTS.start {
            return;
        }
        let list = self.list();
        if list.iter().any(|lock| lock.is_held_in(&slots)) {
            return;
        }
        for lock in list.iter() {
            lock.leave_any(&slots);
        }
    }
}

/// The read lock of one connection.
#[derive(Debug)]
pub(super) struct ReadLock {
    /// What state it is in, and which slot it is about.
    state: AtomicU32,
    real: Box<dyn RealLocks>,
    neighbours: Arc<Neighbours>,
}

impl ReadLock {
    pub(super) fn new(neighbours: Arc<Neighbours>, real: Box<dyn RealLocks>) -> Arc<Self> {
        let lock = Arc::new(Self { state: AtomicU32::new(FREE), real, neighbours });
        lock.neighbours.list().push(Arc::clone(&lock));
        lock
    }

    pub(super) fn neighbours(&self) -> &Neighbours {
        &self.neighbours
    }

    /// The connection begins to share a lock. SQLite's result code.
    pub(super) fn lock(&self, slot: u32) -> i32 {
        if !READ_SLOTS.contains(&slot) {
            return self.real.share(slot);
        }
        loop {
            let state = self.state.load(Ordering::Acquire);
            match state & !0xf {
                FREE => {
                    let result = self.real.share(slot);
                    if result == rusqlite::ffi::SQLITE_OK {
                        self.state.store(HELD | slot, Ordering::Release);
                    }
                    return result;
                }
                KEPT if state == KEPT | slot => {
                    if self.change(state, HELD | slot) {
                        return rusqlite::ffi::SQLITE_OK;
                    }
                }
                KEPT => self.leave(state),
                // A neighbour takes it away, and holds the list meanwhile.
                LEAVING => drop(self.neighbours.list()),
                // A second one, which isn't kept.
                _ => return self.real.share(slot),
            }
        }
    }

    /// The connection has no use for a lock any more. SQLite's result code.
    pub(super) fn unlock(&self, slot: u32) -> i32 {
        if self.change(HELD | slot, KEPT | slot) {
            return rusqlite::ffi::SQLITE_OK;
        }
        self.real.give_back(slot)
    }

    /// Gives back a kept lock: the connection's wal-index goes.
    pub(super) fn give_back(&self) {
        let _list = self.neighbours.list();
        self.leave_any(&READ_SLOTS);
    }

    /// The connection's file is closed: nobody may ask for its lock any more.
    pub(super) fn retire(&self) {
        let mut list = self.neighbours.list();
        list.retain(|lock| !std::ptr::eq(&raw const **lock, self));
    }

    fn is_held_in(&self, slots: &Range<u32>) -> bool {
        let state = self.state.load(Ordering::Acquire);
        state & !0xf == HELD && slots.contains(&(state & 0xf))
    }

    fn leave_any(&self, slots: &Range<u32>) {
        let state = self.state.load(Ordering::Acquire);
        if state & !0xf == KEPT && slots.contains(&(state & 0xf)) {
            self.leave(state);
        }
    }

    /// From this state, if it is still the state.
    fn leave(&self, kept: u32) {
        let slot = kept & 0xf;
        if self.change(kept, LEAVING | slot) {
            // It fails only if the file is broken, and then whoever wants the lock is told.
            let _given_back = self.real.give_back(slot);
            self.state.store(FREE, Ordering::Release);
        }
    }

    fn change(&self, from: u32, to: u32) -> bool {
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi::{SQLITE_BUSY, SQLITE_OK};

    /// What the operating system would know: how many share each slot; `None` is one alone.
    #[derive(Debug)]
    struct System {
        shared: Mutex<[Option<u32>; 8]>,
        calls: AtomicU32,
    }

    impl System {
        fn new() -> Arc<Self> {
            Arc::new(Self { shared: Mutex::new([Some(0); 8]), calls: AtomicU32::new(0) })
        }

        fn calls(&self) -> u32 {
            self.calls.swap(0, Ordering::Relaxed)
        }

        fn alone(&self, slot: u32) -> bool {
            let mut shared = self.shared.lock().unwrap();
            let free = shared[slot as usize] == Some(0);
            if free {
                shared[slot as usize] = None;
            }
            free
        }

        fn open(&self, slot: u32) {
            self.shared.lock().unwrap()[slot as usize] = Some(0);
        }
    }

    #[derive(Debug)]
    struct Real(Arc<System>);

    impl RealLocks for Real {
        fn share(&self, slot: u32) -> i32 {
            self.0.calls.fetch_add(1, Ordering::Relaxed);
            match &mut self.0.shared.lock().unwrap()[slot as usize] {
                Some(count) => {
                    *count += 1;
                    SQLITE_OK
                }
                None => SQLITE_BUSY,
            }
        }

        fn give_back(&self, slot: u32) -> i32 {
            self.0.calls.fetch_add(1, Ordering::Relaxed);
            let mut shared = self.0.shared.lock().unwrap();
            let count = shared[slot as usize].as_mut().expect("it is shared");
            *count = count.checked_sub(1).expect("somebody shares it");
            SQLITE_OK
        }
    }

    fn connection(system: &Arc<System>, neighbours: &Arc<Neighbours>) -> Arc<ReadLock> {
        ReadLock::new(Arc::clone(neighbours), Box::new(Real(Arc::clone(system))))
    }

    #[test]
    fn the_same_lock_is_taken_again_without_a_call() {
        let (system, neighbours) = (System::new(), Arc::default());
        let lock = connection(&system, &neighbours);
        assert_eq!((lock.lock(4), lock.unlock(4), system.calls()), (SQLITE_OK, SQLITE_OK, 1));
        assert_eq!((lock.lock(4), lock.unlock(4), system.calls()), (SQLITE_OK, SQLITE_OK, 0));
        // Another one takes its place.
        assert_eq!((lock.lock(5), lock.unlock(5), system.calls()), (SQLITE_OK, SQLITE_OK, 2));
        assert!(system.alone(4));
        assert!(!system.alone(5));
        lock.give_back();
        assert!(system.alone(5));
    }

    #[test]
    fn whoever_wants_a_lock_for_itself_gets_it_from_the_idle_and_not_from_a_transaction() {
        let (system, neighbours) = (System::new(), Arc::default());
        let (idle, other) = (connection(&system, &neighbours), connection(&system, &neighbours));
        for lock in [&idle, &other] {
            assert_eq!(lock.lock(4), SQLITE_OK);
        }
        assert_eq!(idle.unlock(4), SQLITE_OK);
        system.calls();
        idle.neighbours().clear(4..5);
        assert_eq!(system.calls(), 0, "in vain as long as the other has it");
        assert!(!system.alone(4));
        assert_eq!(other.unlock(4), SQLITE_OK);
        idle.neighbours().clear(5..8);
        assert!(!system.alone(4), "others were asked for");
        idle.neighbours().clear(3..8);
        assert!(system.alone(4));
        assert_eq!(idle.lock(4), SQLITE_BUSY);
        system.open(4);
        assert_eq!(idle.lock(4), SQLITE_OK);
    }

    #[test]
    fn a_second_lock_and_those_that_are_none_of_readers_are_not_kept() {
        let (system, neighbours) = (System::new(), Arc::default());
        let lock = connection(&system, &neighbours);
        assert_eq!((lock.lock(3), lock.lock(6), lock.lock(2)), (SQLITE_OK, SQLITE_OK, SQLITE_OK));
        assert_eq!(
            (lock.unlock(6), lock.unlock(2), lock.unlock(3)),
            (SQLITE_OK, SQLITE_OK, SQLITE_OK)
        );
        assert!(system.alone(6) && system.alone(2));
        assert!(!system.alone(3));
        lock.retire();
        lock.neighbours().clear(3..4);
        assert!(!system.alone(3), "nobody knows it any more");
        lock.give_back();
        assert!(system.alone(3));
    }

    /// Reads many times, now at one mark and now at another, and at least until somebody was alone in between.
    fn read_many(lock: &ReadLock, number: u32, inside: &[AtomicU32; 8], alone: &AtomicU32) {
        let mut reads = 0;
        for round in 0.. {
            let slot = 4 + (number + round / 8) % 2;
            if lock.lock(slot) != SQLITE_OK {
                continue;
            }
            inside[slot as usize].fetch_add(1, Ordering::SeqCst);
            std::hint::spin_loop();
            inside[slot as usize].fetch_sub(1, Ordering::SeqCst);
            assert_eq!(lock.unlock(slot), SQLITE_OK);
            reads += 1;
            if reads > 20_000 && alone.load(Ordering::SeqCst) > 0 {
                break;
            }
        }
        lock.give_back();
    }

    /// Threads that read, and threads that want the same locks alone: never both at once.
    #[test]
    fn a_lock_is_never_taken_from_a_transaction() {
        let (system, neighbours) = (System::new(), Arc::<Neighbours>::default());
        let inside: [AtomicU32; 8] = Default::default();
        let (done, alone) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for number in 0..3_u32 {
                let lock = connection(&system, &neighbours);
                let (inside, done, alone) = (&inside, &done, &alone);
                scope.spawn(move || {
                    read_many(&lock, number, inside, alone);
                    done.fetch_add(1, Ordering::SeqCst);
                });
            }
            while done.load(Ordering::SeqCst) < 3 {
                for slot in 4..6 {
                    neighbours.clear(slot..slot + 1);
                    if system.alone(slot) {
                        alone.fetch_add(1, Ordering::SeqCst);
                        assert_eq!(inside[slot as usize].load(Ordering::SeqCst), 0);
                        system.open(slot);
                    }
                }
            }
        });
        assert!(system.alone(4) && system.alone(5), "every lock was given back");
    }
}
