//! Tests of whole clusters: the built binary, real sockets, real drivers, real kills.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    missing_debug_implementations,
    reason = "these are tests: they fail by panicking, run on real time and are nobody's interface"
)]

mod advisory;
mod auth;
mod auto_backup;
mod backup;
mod big;
mod catch_up;
mod cdc;
mod certificates;
mod concurrent;
mod directories;
mod disk;
mod dump;
mod encryption;
mod extensions;
mod flip;
mod idempotency;
mod kill;
mod live_file;
mod load;
mod members;
mod mixed;
mod network;
mod notify;
mod pgbench;
mod point_in_time;
mod power;
mod psql;
mod queue;
mod recover;
mod registries;
mod restore_at_start;
mod rolling;
mod shell;
mod shim;
mod shortage;
mod strangers;
mod support;
mod switch;
mod transactions;
mod walkthrough;
mod witness;
