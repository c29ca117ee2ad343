//! Whole clusters on one thread, in virtual time: the same seed gives the same run.
//!
//! Real Raft nodes with their real logs, on simulated disks, with a simulated network between
//! them. Databases are in memory here; anything that implements `raft::Databases` can take their
//! place.

pub(crate) mod cluster;
pub(crate) mod databases;
pub(crate) mod network;
pub(crate) mod process;

mod crash;
mod engine_test;
mod engines;
mod exchange_test;
mod fuzz_test;
mod http_test;
mod lease_test;
mod membership_test;
mod private_test;
mod raft_test;
mod read_test;
mod snapshot_test;
mod storm;
mod wires;

use std::time::Duration;

use openraft::AsyncRuntime;

use crate::platform::runtime::Runtime;
use crate::platform::{clock, random, task};

/// Simulated time that no simulation needs.
const TIME_MAX: Duration = Duration::from_hours(3);

/// Runs a simulation; returns what it gave and every event of the run.
pub(crate) fn trace<T>(seed: u64, simulation: impl Future<Output = T>) -> (T, Vec<String>) {
    task::enter_simulation();
    random::seed(seed);
    let mut runtime = Runtime::with_seed(seed);
    runtime.record_trace(true);
    let value = runtime.block_on(in_time(simulation));
    let events = runtime.take_trace();
    (value, events)
}

/// Runs a simulation.
pub(crate) fn run<T>(seed: u64, simulation: impl Future<Output = T>) -> T {
    task::enter_simulation();
    random::seed(seed);
    Runtime::with_seed(seed).block_on(in_time(simulation))
}

/// A simulation that waits for what never comes would go on for ever: its clock costs nothing.
async fn in_time<T>(simulation: impl Future<Output = T>) -> T {
    match clock::timeout(TIME_MAX, simulation).await {
        Ok(value) => value,
        Err(clock::Elapsed) => panic!("not done after {TIME_MAX:?} of simulated time"),
    }
}
