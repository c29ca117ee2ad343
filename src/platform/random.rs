//! Randomness from the operating system; in a simulation, from its seed.

/// `N` random bytes.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut buffer = [0; N];
    #[cfg(test)]
    if seeded(&mut buffer) {
        return buffer;
    }
    getrandom::fill(&mut buffer).expect("the operating system has randomness once it is up");
    buffer
}

/// SplitMix64: what simulations choose by.
#[cfg(any(test, fuzzing))]
#[derive(Debug, Clone)]
pub(crate) struct Random(pub u64);

#[cfg(any(test, fuzzing))]
impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which isn't 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

#[cfg(test)]
thread_local! {
    static SEEDED: std::cell::RefCell<Option<Random>> = const { std::cell::RefCell::new(None) };
}

/// Makes this thread's randomness come from a seed, for the rest of its life.
#[cfg(test)]
pub(crate) fn seed(seed: u64) {
    SEEDED.set(Some(Random(seed)));
}

#[cfg(test)]
fn seeded(buffer: &mut [u8]) -> bool {
    SEEDED.with_borrow_mut(|seeded| {
        let Some(random) = seeded else { return false };
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&random.next().to_le_bytes()[..chunk.len()]);
        }
        true
    })
}
