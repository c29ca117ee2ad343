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

fn all(call: &Call) -> Vec<(&'static str, Json)> {
    let counters = &call.app.counters;
    let arguments: Vec<String> = std::env::args().collect();
    vec![
        ("cmdline", json!(arguments)),
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
            }),
        ),
        ("queue", call.app.queue.status()),
        ("store", json!({ "num_snapshots": counters.snapshots_made.get() })),
    ]
}
