//! `/metrics`: what a Prometheus server collects, in its text format.
//!
//! Names follow its conventions: a unit at the end, `_total` for what only grows. Each is explained in
//! docs/operations/metrics.md, which a test holds.

use std::fmt::Write as _;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::engine::{DURATION_BOUNDS, DatabaseStatus, Durations};
use crate::http::sql::Call;
use crate::http::{EIDER_VERSION, reply};
use crate::platform::clock;

/// The exposition format's type (version 0.0.4).
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page of metrics in the making.
#[derive(Debug, Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.0, "{name}");
        for (at, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{}{label}=\"{text}\"", if at == 0 { '{' } else { ',' });
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }

    fn counter(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, "counter", help);
        self.sample(name, &[], value);
    }
}

/// `GET /metrics`
pub(crate) fn metrics(call: &Call) -> Response {
    let mut page = Page::default();
    page.family("eider_build_info", "gauge", "Always 1; the version of the program is a label.");
    page.sample("eider_build_info", &[("version", EIDER_VERSION)], 1.0);
    let up = clock::now().since(call.app.started).as_secs_f64();
    page.gauge("eider_uptime_seconds", "Time since this node started.", up);
    raft(call, &mut page);
    databases(call, &mut page);
    statements(call, &mut page);
    requests(call, &mut page);
    beside(call, &mut page);
    let mut response = reply::text(StatusCode::OK, page.0);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response
}

fn raft(call: &Call, page: &mut Page) {
    let engine = &call.app.engine;
    let raft = engine.status().raft;
    let members = engine.members();
    let leads = f64::from(u8::from(engine.is_leader()));
    page.gauge("eider_raft_is_leader", "1 on the node that leads and takes writes.", leads);
    let known = f64::from(u8::from(engine.leader().is_some()));
    page.gauge("eider_raft_has_leader", "1 if this node knows who leads.", known);
    page.gauge("eider_raft_term", "Raft's term; each election raises it.", raft.term.0 as f64);
    for (name, help, index) in [
        ("eider_raft_last_log_index", "The last entry in this node's log.", raft.last_log),
        ("eider_raft_commit_index", "The last entry known to be committed.", raft.committed),
        ("eider_raft_applied_index", "The last entry that the databases have.", raft.applied),
        (
            "eider_raft_snapshot_index",
            "The last entry that is durable in the database files.",
            raft.snapshot,
        ),
        ("eider_raft_purged_index", "The last entry that is not in the log any more.", raft.purged),
    ] {
        page.gauge(name, help, index.0 as f64);
    }
    page.gauge("eider_raft_log_bytes", "Bytes of entries in the log.", raft.log_bytes as f64);
    let contact = raft.last_contact.map_or(f64::INFINITY, |age| age.as_secs_f64());
    let contact = if contact.is_finite() { contact } else { -1.0 };
    let help = "Time since the leader was heard; 0 on the leader, -1 if never.";
    page.gauge("eider_raft_leader_contact_seconds", help, contact);
    page.family("eider_raft_members", "gauge", "Members of the cluster, by whether they vote.");
    for (kind, votes) in [("voter", true), ("read_only", false)] {
        let count = members.iter().filter(|(_, its)| *its == votes).count();
        page.sample("eider_raft_members", &[("kind", kind)], count as f64);
    }
    let help = "On the leader: the last entry that another node has.";
    page.family("eider_raft_replicated_index", "gauge", help);
    for (id, index) in &raft.replicated {
        let name = members.iter().find(|(member, _)| member.id == *id).map(|(m, _)| &*m.name);
        let name = name.unwrap_or_default();
        page.sample("eider_raft_replicated_index", &[("node", name)], index.0 as f64);
    }
    let (received, expected) = raft.receiving.unwrap_or_default();
    let help = "Bytes of the snapshot that this node is being sent; 0 if none.";
    page.gauge("eider_raft_snapshot_received_bytes", help, received as f64);
    let help = "The size of the snapshot that this node is being sent; 0 if none.";
    page.gauge("eider_raft_snapshot_expected_bytes", help, expected as f64);
}

/// What a sample says of a database.
type Value = fn(&DatabaseStatus) -> f64;

fn databases(call: &Call, page: &mut Page) {
    let databases = call.app.engine.status().databases;
    let families: [(&str, &str, &str, Value); 4] = [
        ("eider_database_size_bytes", "gauge", "The size of a database's file.", |d| {
            d.file_size as f64
        }),
        ("eider_database_wal_bytes", "gauge", "The size of a database's WAL.", |d| {
            d.wal_size as f64
        }),
        (
            "eider_database_waiting_writes",
            "gauge",
            "Writes and transactions that wait for a database's write slot.",
            |d| d.waiting as f64,
        ),
        (
            "eider_database_transactions_total",
            "counter",
            "Transactions that a database has seen in its life.",
            |d| d.position.txid.0 as f64,
        ),
    ];
    for (name, kind, help, value) in families {
        page.family(name, kind, help);
        for database in &databases {
            page.sample(name, &[("database", &database.name)], value(database));
        }
    }
}

fn statements(call: &Call, page: &mut Page) {
    let counts = call.app.engine.statement_counts();
    let help = "Statements of clients, of both protocols.";
    page.counter("eider_statements_total", help, counts.statements as f64);
    page.counter("eider_statements_failed_total", "Those that failed.", counts.failed as f64);
    let help = "Those that took longer than -slow-statement.";
    page.counter("eider_slow_statements_total", help, counts.slow as f64);
    let help = "What all took, each until its result or its first rows were there.";
    page.counter("eider_statement_seconds_total", help, counts.time.as_secs_f64());
    let name = "eider_statement_duration_seconds";
    page.family(name, "histogram", "What each took, by what it did.");
    for durations in call.app.engine.statement_durations() {
        histogram(page, name, &durations);
    }
}

/// Prometheus's buckets are cumulative: each counts what took at most its bound.
fn histogram(page: &mut Page, name: &str, durations: &Durations) {
    let kind = ("kind", durations.kind.name());
    let bucket = format!("{name}_bucket");
    let mut count = 0;
    for (at, more) in durations.counts.iter().enumerate() {
        count += more;
        let bound = DURATION_BOUNDS.get(at).map(|bound| Duration::from_micros(*bound));
        let bound = bound.map_or("+Inf".to_owned(), |bound| bound.as_secs_f64().to_string());
        page.sample(&bucket, &[kind, ("le", &bound)], count as f64);
    }
    page.sample(&format!("{name}_sum"), &[kind], durations.time.as_secs_f64());
    page.sample(&format!("{name}_count"), &[kind], count as f64);
}

fn requests(call: &Call, page: &mut Page) {
    let counters = &call.app.counters;
    page.family("eider_http_requests_total", "counter", "HTTP requests, by endpoint.");
    for (endpoint, counter) in [
        ("execute", &counters.executions),
        ("query", &counters.queries),
        ("request", &counters.requests),
        ("backup", &counters.backups),
        ("load", &counters.loads),
        ("boot", &counters.boot),
        ("status", &counters.num_status),
        ("readyz", &counters.num_readyz),
    ] {
        let labels = [("endpoint", endpoint)];
        page.sample("eider_http_requests_total", &labels, counter.get() as f64);
    }
    let help = "HTTP requests that found no leader.";
    page.counter("eider_http_no_leader_total", help, counters.leader_not_found.get() as f64);
    page.family("eider_http_authorizations_total", "counter", "Decisions about HTTP requests.");
    for (result, counter) in [("allowed", &counters.auth_ok), ("refused", &counters.auth_fail)] {
        let labels = [("result", result)];
        page.sample("eider_http_authorizations_total", &labels, counter.get() as f64);
    }
    let waiting = call.app.queue.waiting() as f64;
    page.gauge("eider_http_queue_requests", "Queued writes that wait.", waiting);
    page.family("eider_http_queue_batches_total", "counter", "Batches of queued writes.");
    for (result, counter) in [
        ("written", &counters.queued_executions_ok),
        ("failed", &counters.queued_executions_failed),
    ] {
        let labels = [("result", result)];
        page.sample("eider_http_queue_batches_total", &labels, counter.get() as f64);
    }
}

/// What runs beside clients.
fn beside(call: &Call, page: &mut Page) {
    let activity = call.app.engine.activity();
    let name = "eider_backup_rounds_total";
    page.family(name, "counter", "Rounds of -auto-backup on this node, by what came of them.");
    let unchanged = activity.uploads_unchanged.get() + activity.uploads_there.get();
    for (result, count) in [
        ("copied", activity.uploads_made.get()),
        ("unchanged", unchanged),
        ("failed", activity.uploads_failed.get()),
    ] {
        page.sample(name, &[("result", result)], count as f64);
    }
    let help = "Segments that -auto-backup has added to a history.";
    page.counter("eider_backup_segments_total", help, activity.segments_made.get() as f64);
    let help = "Bytes of copies and segments that were sent.";
    page.counter("eider_backup_bytes_total", help, activity.upload_bytes.get() as f64);
    let help = "When the backup was known to be up to date, for the last time on this node.";
    let seconds = activity.last_upload.get() as f64 / 1000.0;
    page.gauge("eider_backup_last_success_timestamp_seconds", help, seconds);
    let help = "Captured changes that this node has delivered.";
    page.counter("eider_cdc_changes_sent_total", help, activity.changes_sent.get() as f64);
    let help = "Captured changes that were given up.";
    page.counter("eider_cdc_changes_dropped_total", help, activity.changes_dropped.get() as f64);
    let name = "eider_cdc_deliveries_total";
    page.family(name, "counter", "Attempts to deliver changes, by result.");
    for (result, count) in
        [("taken", activity.deliveries_made.get()), ("failed", activity.deliveries_failed.get())]
    {
        page.sample(name, &[("result", result)], count as f64);
    }
    let help = "Captured changes that wait to be delivered; 0 on nodes that don't lead.";
    let leads = call.app.engine.is_leader();
    let waiting = if leads { activity.changes_waiting.get() } else { 0 };
    page.gauge("eider_cdc_changes_waiting", help, waiting as f64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::StatementKind;

    #[test]
    fn buckets_are_cumulative() {
        let mut counts = [0; DURATION_BOUNDS.len() + 1];
        (counts[0], counts[3], counts[DURATION_BOUNDS.len()]) = (2, 3, 1);
        let time = Duration::from_millis(12_500);
        let mut page = Page::default();
        histogram(&mut page, "m", &Durations { kind: StatementKind::Write, counts, time });
        let lines: Vec<_> = page.0.lines().collect();
        assert_eq!(lines[0], "m_bucket{kind=\"write\",le=\"0.0001\"} 2");
        assert_eq!(lines[3], "m_bucket{kind=\"write\",le=\"0.001\"} 5");
        assert_eq!(lines[15], "m_bucket{kind=\"write\",le=\"10\"} 5");
        let end = [
            "m_bucket{kind=\"write\",le=\"+Inf\"} 6",
            "m_sum{kind=\"write\"} 12.5",
            "m_count{kind=\"write\"} 6",
        ];
        assert_eq!(lines[16..], end);
    }

    #[test]
    fn labels_are_escaped() {
        let mut page = Page::default();
        page.sample("m", &[("a", "x\"\\\n"), ("b", "y")], 1.5);
        page.gauge("n", "Help.", 3.0);
        let expected = "m{a=\"x\\\"\\\\\\n\",b=\"y\"} 1.5\n# HELP n Help.\n# TYPE n gauge\nn 3\n";
        assert_eq!(page.0, expected);
    }
}
