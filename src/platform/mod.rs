//! The only callers of the clock, randomness, files, threads and task spawning, so that a
//! simulation can stand in for all of them.

pub mod clock;
pub mod disk;
pub mod mutant;
pub mod random;
pub mod runtime;
pub mod task;
pub mod watch;

#[cfg(any(test, fuzzing))]
pub mod sim_disk;
