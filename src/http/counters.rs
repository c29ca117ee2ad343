//! How often clients had what done, since the node started: for `/debug/vars` and `/metrics`. What runs
//! beside clients is counted in `engine/activity.rs`.

use crate::engine::Counter;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The counts.
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $($(#[$doc])* pub(crate) $name: Counter,)* }
    };
}

counters! {
    /// Requests, by endpoint.
    executions,
    queries,
    requests,
    backups,
    loads,
    boot,
    user_snapshots,
    user_reaps,
    /// Of those requests for a snapshot, how many found something to do.
    snapshots_made,
    num_status,
    num_readyz,
    /// Decisions about who may do what.
    auth_ok,
    auth_fail,
    /// Answers that there is no leader.
    leader_not_found,
    /// Requests that were put into the queue; that waited for being written; batches that were
    /// written, or failed.
    queued_executions,
    queued_executions_wait,
    queued_executions_ok,
    queued_executions_failed,
    /// Statements, by how they were run, and those of them that failed.
    statements_written,
    statements_write_failed,
    statements_read,
    statements_read_failed,
    /// Requests with `transaction`, by endpoint.
    execute_transactions,
    query_transactions,
    request_transactions,
    /// Requests that the leader served for this node.
    remote_executions,
    remote_queries,
    remote_requests,
    remote_loads,
    remote_remove_node,
    remote_stepdowns,
}
