//! Where log lines go, which are written, and how: to standard error, by level, as text or as JSON.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging. Does nothing if the process logs already.
pub(super) fn start(level: &str, raft_level: &str, json: bool) {
    // Raft's library and other dependencies speak for themselves only when something is wrong. What
    // its calls say to their callers is not logged a second time: there it is handled.
    let calls = crate::raft::CALLS_LOG_TARGET;
    let filter = format!("warn,eider={level},openraft={raft_level},{calls}=off");
    let filter = EnvFilter::new(filter);
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        // What can't be written is gone, as on a full disk: saying so where it couldn't be said would panic.
        .log_internal_errors(false);
    let started = if json {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    } else {
        lines.try_init()
    };
    drop(started);
}
