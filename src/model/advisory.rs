//! Advisory locks: names that applications lock, and how.

/// What is locked. One number and a pair of numbers never name the same lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AdvisoryKey {
    One(i64),
    Pair(i32, i32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdvisoryMode {
    Shared,
    Exclusive,
}

/// Until when a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdvisoryScope {
    /// Until it is given up as often as it was taken, or the session ends.
    Session,
    Transaction,
}

/// A lock that is wanted or held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdvisoryLock {
    pub key: AdvisoryKey,
    pub mode: AdvisoryMode,
    pub scope: AdvisoryScope,
}
