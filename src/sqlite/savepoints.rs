//! How much of something there was when each savepoint was set: for what stands beside the database and is
//! rolled back with it.

/// Marks of the savepoints that are set. `T` counts what is marked.
#[derive(Debug, Default)]
pub(crate) struct Savepoints<T>(Vec<(u32, T)>);

impl<T: Copy> Savepoints<T> {
    /// A savepoint of this depth is set.
    pub(crate) fn set(&mut self, depth: u32, there: T) {
        self.0.push((depth, there));
    }

    /// Back to the savepoint of this depth, which stays set: how much there was, if it was marked.
    #[must_use]
    pub(crate) fn rollback_to(&mut self, depth: u32) -> Option<T> {
        self.0.retain(|(other, _)| *other <= depth);
        self.0.last().map(|(_, there)| *there)
    }

    /// The savepoint of this depth is released, with those within it.
    pub(crate) fn release(&mut self, depth: u32) {
        self.0.retain(|(other, _)| *other < depth);
    }

    /// The transaction is over.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
