//! `/status`: what there is to know about this node, for people and for monitoring.

use serde_json::{Map, Value as Json, json};

use crate::engine::Status;
use crate::http::sql::Call;
use crate::http::{EIDER_VERSION, RQLITE_VERSION, duration, json as text, reply, timestamp};
use crate::model::error::Error;
use crate::model::id::DatabaseId;
use crate::model::member::Member;
use crate::model::read_level::ReadLevel;
use crate::model::statement::{Dialect, Parameters, Statement};
use crate::model::value::Value;
use crate::platform::clock;

/// What SQLite is asked for a status may take so long, and be so large.
const DETAILS_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(1);
const DETAILS_BYTES_MAX: usize = 1 << 20;

/// `GET /status`
pub(crate) async fn status(call: &Call) -> axum::response::Response {
    call.app.counters.num_status.one();
    let mut document = document(call);
    if let Some(mode) = &call.app.options.disco_mode {
        document["disco"] = json!({ "mode": mode });
    }
    let backed_up = call.app.engine.activity().last_upload.get();
    if backed_up > 0 {
        let moment = std::time::Duration::from_millis(backed_up);
        document["last_backup_time"] = timestamp::from_wall(moment).into();
    }
    add_sqlite(call, &mut document["store"]["sqlite3"]).await;
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
    let encrypted = if app.options.tls.is_some() { "true" } else { "false" };
    json!({
        "build": {
            "version": RQLITE_VERSION,
            "eider_version": EIDER_VERSION,
            "commit": option_env!("EIDER_COMMIT").unwrap_or("unknown"),
            "build_time": option_env!("EIDER_BUILD_TIME").unwrap_or("unknown"),
            "compiler_toolchain": "rustc",
        },
        "os": {
            "pid": std::process::id(),
            "ppid": std::os::unix::process::parent_id(),
            "page_size": rustix::param::page_size(),
            "hostname": rustix::system::uname().nodename().to_string_lossy(),
            "executable": std::env::current_exe().ok().map(|path| path.display().to_string()),
        },
        "runtime": {
            "GOARCH": std::env::consts::ARCH,
            "GOOS": std::env::consts::OS,
            "GOMAXPROCS": parallelism,
            "num_cpu": parallelism,
            "num_tasks": tasks(),
            "kubernetes_hint": std::env::var_os("KUBERNETES_SERVICE_HOST").is_some(),
        },
        "node": {
            "start_time": timestamp::from_wall(app.started_wall),
            "current_time": timestamp::from_wall(clock::wall()),
            "uptime": duration::format(clock::now().since(app.started)),
        },
        "http": {
            "bind_addr": app.options.http_addr,
            "auth": if app.options.users.is_some() { "enabled" } else { "disabled" },
            "tls": { "enabled": encrypted },
            "cluster": {
                "timeout": duration::format(crate::http::params::TIMEOUT_DEFAULT),
                "local_node_addr": app.options.raft_addr,
            },
            "queue": app.queue.status(),
            "allow_origin": app.options.allow_origin.as_deref().unwrap_or_default(),
        },
        "cluster": {
            "addr": app.options.raft_addr,
            "api_addr": app.options.http_addr,
            "https": encrypted,
        },
        "extensions": {
            "dir": app.options.data_dir.join("extensions").display().to_string(),
            "names": app.options.extensions,
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
    let dir_size = status.raft.log_bytes
        + status
            .databases
            .iter()
            .map(|database| database.file_size + database.wal_size)
            .sum::<u64>();
    json!({
        "open": true,
        "ready": ready,
        "node_id": app.options.node_name,
        "addr": app.options.raft_addr,
        "leader": leader.as_ref().map_or_else(|| json!({ "node_id": "", "addr": "" }), identity),
        "nodes": nodes,
        "raft": raft(status, &members, app.votes(), app.engine.hears_a_leader()),
        "fsm_index": status.raft.applied.0,
        "fsm_term": status.raft.applied_term.0,
        "db_applied_index": status.raft.applied.0,
        "heartbeat_timeout": duration::format(app.options.heartbeat_timeout),
        "election_timeout": duration::format(app.options.election_timeout),
        "reap_timeout": duration::format(app.options.reap_voters_after),
        "reap_read_only_timeout": duration::format(app.options.reap_read_only_after),
        "cdc": { "enabled": app.options.captures_changes },
        "dir": app.options.data_dir.display().to_string(),
        "dir_size": dir_size,
        "dir_size_friendly": friendly(dir_size),
        "db_conf": { "fk_constraints": app.options.foreign_keys },
        "sqlite3": databases(call, status),
    })
}

fn raft(status: &Status, members: &[(Member, bool)], votes: bool, hears: bool) -> Json {
    let raft = &status.raft;
    let state = match raft.role {
        // rqlite calls a node without a vote so, too: `voter` tells.
        "Learner" => "Follower",
        // rqlite's steps down when it hears of no majority.
        "Leader" if !hears => "Follower",
        role => role,
    };
    let configuration: Vec<String> = members
        .iter()
        .map(|(member, votes)| {
            let suffrage = if *votes { "Voter" } else { "Nonvoter" };
            format!("{{Suffrage:{suffrage} ID:{} Address:{}}}", member.name, member.raft_addr)
        })
        .collect();
    let last_contact = match raft.last_contact {
        None => "never".to_owned(),
        Some(age) if age.is_zero() => "0".to_owned(),
        Some(age) => duration::format(age),
    };
    let replicated: Map<String, Json> =
        raft.replicated.iter().map(|(node, index)| (node.to_string(), index.0.into())).collect();
    json!({
        "state": state,
        "term": raft.term.0,
        "last_log_index": raft.last_log.0,
        "last_log_term": raft.last_log_term.0,
        "commit_index": raft.committed.0,
        "applied_index": raft.applied.0,
        "fsm_pending": raft.committed.0.saturating_sub(raft.applied.0),
        "last_snapshot_index": raft.snapshot.0,
        "last_snapshot_term": raft.snapshot_term.0,
        "latest_configuration": format!("[{}]", configuration.join(" ")),
        "latest_configuration_index": raft.membership.0,
        "log_size": raft.log_bytes,
        "log_size_friendly": friendly(raft.log_bytes),
        "purged_index": raft.purged.0,
        "num_peers": members.len().saturating_sub(1),
        "last_contact": last_contact,
        "voter": votes,
        "receiving_snapshot": raft.receiving.map(|(got, of)| json!({ "bytes": got, "of": of })),
        "replicated_index": replicated,
    })
}

fn tasks() -> usize {
    tokio::runtime::Handle::try_current().map_or(0, |handle| handle.metrics().num_alive_tasks())
}

/// A size for people, in units of 1000 as in rqlite's answers.
fn friendly(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut unit = 0;
    let mut size = bytes as f64;
    while size >= 1000.0 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    if unit == 0 || size >= 10.0 {
        format!("{size:.0} {}", UNITS[unit])
    } else {
        format!("{size:.1} {}", UNITS[unit])
    }
}

/// What SQLite says of the first database, as far as it can be read now.
async fn add_sqlite(call: &Call, fields: &mut Json) {
    let text = |sql: &'static str| async move { column(call, sql).await.ok() };
    let settings = "SELECT json_object('max_page_count', (SELECT max_page_count FROM pragma_max_page_count), \
                    'page_count', (SELECT page_count FROM pragma_page_count), \
                    'page_size', (SELECT page_size FROM pragma_page_size), \
                    'cache_size', (SELECT cache_size FROM pragma_cache_size), \
                    'freelist_count', (SELECT freelist_count FROM pragma_freelist_count))";
    // Texts, as in rqlite.
    let pragmas = "SELECT json_object('busy_timeout', (SELECT timeout || '' FROM pragma_busy_timeout), \
                   'foreign_keys', (SELECT foreign_keys || '' FROM pragma_foreign_keys), \
                   'journal_mode', (SELECT journal_mode FROM pragma_journal_mode), \
                   'synchronous', (SELECT synchronous || '' FROM pragma_synchronous))";
    let parsed = |rows: Vec<String>| -> Option<Json> { serde_json::from_str(rows.first()?).ok() };
    if let Some(version) = text("SELECT sqlite_version()").await {
        fields["version"] = version.first().cloned().into();
    }
    if let Some(options) = text("PRAGMA compile_options").await {
        fields["compile_options"] = options.into();
    }
    if let Some(document) = text(settings).await.and_then(parsed) {
        fields["mem_stats"] = document;
    }
    if let Some(document) = text(pragmas).await.and_then(parsed) {
        fields["pragmas"] = json!({ "ro": document });
    }
}

/// The first column of what a statement of ours gives on this node's copy, as texts.
async fn column(call: &Call, sql: &str) -> Result<Vec<String>, Error> {
    let limits = crate::http::sql::limits(Some(DETAILS_TIMEOUT));
    let statement = Statement { sql: sql.into(), parameters: Parameters::default(), touch: None };
    let (database, level) = (DatabaseId::POSTGRES, ReadLevel::None(None));
    let engine = &call.app.engine;
    let rows = engine.read(database, Dialect::Sqlite, level, statement, None, &limits).await?;
    let rows =
        rows.ok_or_else(|| Error::internal("a read without a schema is never out of date"))?;
    let rows = rows.collect(DETAILS_BYTES_MAX).await?.rows;
    let text = |row: &[Value]| match row.first() {
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Integer(number)) => number.to_string(),
        _ => String::new(),
    };
    Ok(rows.iter().map(text).collect())
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
        fields.insert("db_size_friendly".to_owned(), friendly(first.file_size).into());
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
