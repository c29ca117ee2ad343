//! Mistakes that tests must catch. `EIDER_MUTANT` names one, and the unit tests then run with it; the
//! program itself has none. `.ci/mutants` runs all, and `docs/testing.md` says what catches which.

/// Whether this mistake is to be made.
#[cfg(not(test))]
pub const fn mutant(_: &str) -> bool {
    false
}

/// Whether this mistake is to be made.
#[cfg(test)]
pub fn mutant(name: &str) -> bool {
    static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    CHOSEN.get_or_init(|| std::env::var("EIDER_MUTANT").ok()).as_deref() == Some(name)
}
