//! `/status`: what there is to know about this node, for people and for monitoring.

use serde_json::{Map, Value as Json, json};

use crate::engine::Status;
use crate::http::sql::Call;
use crate::http::{EIDER_VERSION, RQLITE_VERSION, duration, json as text, reply, timestamp};
use crate::model::member::Member;
use crate::platform::clock;

/// `GET /status`
pub(crate) fn status(call: &Call) -> axum::response::Response {
    call.app.counters.num_status.one();
    let document = document(call);
    let chosen = match call.params.get("key").filter(|key| !key.is_empty()) {
        Some(path) => select(&document, path).cloned().unwrap_or_else(|| json!({})),
        None => document,
    };
    reply::json(text::text(&chosen, call.params.has("pretty")))
}

/// The part of a document that a dotted path names. A path that goes on behind a scalar names the
/// scalar.
fn select<'a>(document: &'a Json, path: &str) -> Option<&'a Json> {
    let mut at = document;
    for key in path.split('.') {
        match at {
            Json::Object(fields) => at = fields.get(key)?,
            Json::Array(elements) => at = elements.get(key.parse::<usize>().ok()?)?,
            _ => break,
        }
    }
    Some(at)
}

fn document(call: &Call) -> Json {
    let app = &call.app;
    let status = app.engine.status();
    let parallelism = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    json!({
        "build": {
            "version": RQLITE_VERSION,
            "eider_version": EIDER_VERSION,
        },
        "os": {
            "pid": std::process::id(),
            "executable": std::env::current_exe().ok().map(|path| path.display().to_string()),
        },
        "runtime": {
            "GOARCH": std::env::consts::ARCH,
            "GOOS": std::env::consts::OS,
            "num_cpu": parallelism,
        },
        "node": {
            "start_time": timestamp::from_wall(app.started_wall),
            "current_time": timestamp::from_wall(clock::wall()),
            "uptime": duration::format(clock::now().since(app.started)),
        },
        "http": {
            "bind_addr": app.options.http_addr,
            "auth": "disabled",
            "tls": { "enabled": "false" },
            "queue": app.queue.status(),
        },
        "cluster": {
            "addr": app.options.raft_addr,
            "api_addr": app.options.http_addr,
            "https": "false",
        },
        "store": store(call, &status),
    })
}

fn store(call: &Call, status: &Status) -> Json {
    let app = &call.app;
    let leader = app.engine.leader();
    let identity = |member: &Member| json!({ "node_id": member.name, "addr": member.raft_addr });
    let members = app.engine.members();
    let nodes: Vec<Json> = members
        .iter()
        .map(|(member, votes)| {
            let suffrage = if *votes { "voter" } else { "nonvoter" };
            json!({ "id": member.name, "addr": member.raft_addr, "suffrage": suffrage })
        })
        .collect();
    let is_me = |member: &Member| member.name == app.options.node_name;
    let ready = leader.as_ref().is_some_and(|leader| !is_me(leader) || app.engine.is_leader());
    json!({
        "ready": ready,
        "node_id": app.options.node_name,
        "addr": app.options.raft_addr,
        "leader": leader.as_ref().map_or_else(|| json!({ "node_id": "", "addr": "" }), identity),
        "nodes": nodes,
        "raft": raft(status, members.len(), app.votes()),
        "fsm_index": status.raft.applied.0,
        "db_applied_index": status.raft.applied.0,
        "dir": app.options.data_dir.display().to_string(),
        "sqlite3": databases(call, status),
    })
}

fn raft(status: &Status, members: usize, votes: bool) -> Json {
    let raft = &status.raft;
    let last_contact = match raft.last_contact {
        None => "never".to_owned(),
        Some(age) if age.is_zero() => "0".to_owned(),
        Some(age) => duration::format(age),
    };
    let replicated: Map<String, Json> =
        raft.replicated.iter().map(|(node, index)| (node.to_string(), index.0.into())).collect();
    json!({
        "state": raft.role,
        "term": raft.term.0,
        "last_log_index": raft.last_log.0,
        "commit_index": raft.committed.0,
        "applied_index": raft.applied.0,
        "fsm_pending": raft.committed.0.saturating_sub(raft.applied.0),
        "last_snapshot_index": raft.snapshot.0,
        "purged_index": raft.purged.0,
        "num_peers": members.saturating_sub(1),
        "last_contact": last_contact,
        "voter": votes,
        "receiving_snapshot": raft.receiving.map(|(got, of)| json!({ "bytes": got, "of": of })),
        "replicated_index": replicated,
    })
}

/// The first database's fields stand where clients look for them; all have an entry of their own.
fn databases(call: &Call, status: &Status) -> Json {
    let mut fields = Map::new();
    let path = call.app.options.data_dir.join("db.sqlite");
    fields.insert("path".to_owned(), path.display().to_string().into());
    if let Some(first) = status.databases.first() {
        fields.insert("size".to_owned(), first.file_size.into());
        fields.insert("wal_size".to_owned(), first.wal_size.into());
        fields.insert("db_size".to_owned(), first.file_size.into());
    }
    let all: Map<String, Json> = status
        .databases
        .iter()
        .map(|database| {
            let entry = json!({
                "id": database.id.0,
                "position": database.position.to_string(),
                "size": database.file_size,
                "wal_size": database.wal_size,
                "waiting": database.waiting,
            });
            (database.name.clone(), entry)
        })
        .collect();
    fields.insert("databases".to_owned(), Json::Object(all));
    Json::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_selects_and_may_run_past_a_scalar() {
        let document = json!({"store": {"raft": {"term": 2}, "nodes": [{"id": "1"}]}});
        assert_eq!(select(&document, "store.raft.term"), Some(&json!(2)));
        assert_eq!(select(&document, "store.raft.term.more"), Some(&json!(2)));
        assert_eq!(select(&document, "store.nodes.0.id"), Some(&json!("1")));
        assert_eq!(select(&document, "store.nothing"), None);
    }
}
