//! `/debug/vars`: counters, as JSON, in the form of Go's `expvar`.

use axum::response::Response;
use serde_json::{Value as Json, json};

use crate::http::sql::Call;
use crate::http::{json as text, reply};

/// `GET /debug/vars`
pub(crate) fn vars(call: &Call) -> Response {
    let wanted = call.params.get("key").filter(|key| !key.is_empty());
    let mut out = b"{\n".to_vec();
    for (name, value) in all(call) {
        if wanted.is_some_and(|wanted| wanted != name) {
            continue;
        }
        if out.len() > 2 {
            out.extend_from_slice(b",\n");
        }
        out.extend_from_slice(format!("\"{name}\": ").as_bytes());
        out.extend(text::text(&value, false));
    }
    out.extend_from_slice(b"\n}\n");
    reply::json(out)
}

/// All maps, in the order of their names.
fn all(call: &Call) -> Vec<(&'static str, Json)> {
    let arguments: Vec<String> = std::env::args().collect();
    let mut maps = of_requests(call);
    maps.extend(beside_requests(call));
    maps.push(("cmdline", json!(arguments)));
    maps.push(("queue", call.app.queue.status()));
    maps.sort_unstable_by_key(|(name, _)| *name);
    maps
}

fn of_requests(call: &Call) -> Vec<(&'static str, Json)> {
    let counters = &call.app.counters;
    vec![
        (
            "db",
            json!({
                "executions": counters.statements_written.get(),
                "execution_errors": counters.statements_write_failed.get(),
                "queries": counters.statements_read.get(),
                "query_errors": counters.statements_read_failed.get(),
                "requests": counters.requests.get(),
                "execute_transactions": counters.execute_transactions.get(),
                "query_transactions": counters.query_transactions.get(),
                "request_transactions": counters.request_transactions.get(),
            }),
        ),
        (
            "http",
            json!({
                "executions": counters.executions.get(),
                "queries": counters.queries.get(),
                "requests": counters.requests.get(),
                "backups": counters.backups.get(),
                "loads": counters.loads.get(),
                "boot": counters.boot.get(),
                "user_snapshots": counters.user_snapshots.get(),
                "user_reaps": counters.user_reaps.get(),
                "num_status": counters.num_status.get(),
                "num_readyz": counters.num_readyz.get(),
                "auth_ok": counters.auth_ok.get(),
                "auth_fail": counters.auth_fail.get(),
                "leader_not_found": counters.leader_not_found.get(),
                "queued_executions": counters.queued_executions.get(),
                "queued_executions_ok": counters.queued_executions_ok.get(),
                "queued_executions_failed": counters.queued_executions_failed.get(),
                "queued_executions_wait": counters.queued_executions_wait.get(),
            }),
        ),
        (
            "proxy",
            json!({
                "remote_executions": counters.remote_executions.get(),
                "remote_queries": counters.remote_queries.get(),
                "remote_requests": counters.remote_requests.get(),
                "remote_loads": counters.remote_loads.get(),
                "remote_remove_node": counters.remote_remove_node.get(),
                "remote_stepdowns": counters.remote_stepdowns.get(),
            }),
        ),
    ]
}

/// What runs beside clients.
fn beside_requests(call: &Call) -> Vec<(&'static str, Json)> {
    let counters = &call.app.counters;
    let activity = call.app.engine.activity();
    vec![
        (
            "cdc.service",
            json!({
                "num_events_sent": activity.changes_sent.get(),
                "num_batches_sent": activity.deliveries_made.get(),
                "num_batches_failed": activity.deliveries_failed.get(),
                "num_events_dropped": activity.changes_dropped.get(),
                "num_events_waiting": activity.changes_waiting.get(),
            }),
        ),
        (
            "cluster",
            json!({
                "num_join_req": activity.join_requests.get(),
                "num_notify_req": activity.notify_requests.get(),
            }),
        ),
        (
            "downloader",
            json!({
                "num_downloads_ok": activity.downloads_made.get(),
                "num_downloads_fail": activity.downloads_failed.get(),
            }),
        ),
        (
            "store",
            json!({
                "num_ignored_joins": activity.joins_ignored.get(),
                "num_joins": activity.joins.get(),
                "num_removed_before_joins": activity.joins_moved.get(),
                "num_restores": activity.snapshots_installed.get(),
                "num_snapshots": counters.snapshots_made.get(),
            }),
        ),
        (
            "uploader",
            json!({
                "num_uploads_ok": activity.uploads_made.get(),
                "num_uploads_fail": activity.uploads_failed.get(),
                "num_uploads_skipped": activity.uploads_unchanged.get(),
                "num_uploads_skipped_id": activity.uploads_there.get(),
                "num_segments": activity.segments_made.get(),
                "total_upload_bytes": activity.upload_bytes.get(),
                "last_upload_bytes": activity.last_upload_bytes.get(),
            }),
        ),
    ]
}
