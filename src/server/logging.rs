//! Where log lines go and which are written: standard error, by level.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging. Does nothing if the process logs already.
pub(super) fn start(level: &str, raft_level: &str) {
    // Raft's library and other dependencies speak for themselves only when something is wrong. What
    // its calls say to their callers is not logged a second time: there it is handled.
    let calls = crate::raft::CALLS_LOG_TARGET;
    let filter = format!("warn,eider={level},openraft={raft_level},{calls}=off");
    let filter = EnvFilter::new(filter);
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        // What can't be written is gone, as on a full disk: saying so where it couldn't be said would panic.
        .log_internal_errors(false)
        .try_init();
    drop(started);
}
