//! The async runtime that openraft runs on: tokio's, or in unit tests the simulated one.
//!
//! Code that runs inside a simulation (`raft`, `engine`) uses `platform::{clock, task}` and
//! tokio's channels, which work in both.

#[cfg(not(test))]
pub use openraft_rt_tokio::TokioRuntime as Runtime;

#[cfg(test)]
pub use openraft_rt_sim::SimRuntime as Runtime;
