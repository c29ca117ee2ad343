//! `eider status`, `nodes`, `verify`, `remove`, `transfer-leader`.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value as Json, json};

use crate::client::{Request, percent_encode};
use crate::command::Problem;
use crate::command::arguments::{Arguments, valued};
use crate::command::connection::{Connection, FLAGS, OUTPUT};
use crate::command::table;
use crate::command::terminal::print;
use crate::config::Syntax;

pub(crate) const STATUS: Syntax = Syntax {
    usage: "eider status [OPTIONS]",
    about: "Show how the cluster is, its nodes, and what one node knows about itself.",
    groups: &[FLAGS, OUTPUT],
    unsupported: &[],
    operands: &[],
    more_operands: false,
};

pub(crate) const NODES: Syntax = Syntax {
    usage: "eider nodes [OPTIONS]",
    about: "Show the cluster's nodes, and whether each can be reached.",
    groups: &[FLAGS, OUTPUT],
    unsupported: &[],
    operands: &[],
    more_operands: false,
};

pub(crate) const VERIFY: Syntax = Syntax {
    usage: "eider verify [OPTIONS]",
    about: "Compare a database on all nodes, page by page.\n\nAll are hashed at the same transaction. Exit \
            status 1 if they differ, or if a node can't be asked.",
    groups: &[
        FLAGS,
        OUTPUT,
        ("Database", &[valued("db", "NAME", "The database; 'postgres' without it.")]),
    ],
    unsupported: &[],
    operands: &[],
    more_operands: false,
};

pub(crate) const REMOVE: Syntax = Syntax {
    usage: "eider remove [OPTIONS] NAME",
    about: "Remove a node from the cluster.\n\nNAME is its -node-id, as 'eider nodes' shows it. Its \
            data stays on its disk.\nStop the node for good, too.",
    groups: &[FLAGS],
    unsupported: &[],
    operands: &["NAME"],
    more_operands: false,
};

pub(crate) const TRANSFER_LEADER: Syntax = Syntax {
    usage: "eider transfer-leader [OPTIONS] [NAME]",
    about: "Hand leadership to another node.\n\nWithout a NAME (its -node-id) the most advanced voter \
            takes over.",
    groups: &[FLAGS],
    unsupported: &[],
    operands: &[],
    more_operands: true,
};

/// All members with what is known of each. Who can't be reached is to be known soon.
const MEMBERS: &str = "/nodes?nonvoters&ver=2&details&timeout=2s";

pub(crate) fn status(arguments: &Arguments) -> Result<ExitCode, Problem> {
    let mut connection = Connection::new(arguments)?;
    if arguments.is_on("json") {
        return raw(&mut connection, "/status?pretty");
    }
    let cluster = connection.document(MEMBERS)?;
    let document = connection.document("/status")?;
    print(&format!("{}\n{}", overview(&cluster), describe(&document)))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn nodes(arguments: &Arguments) -> Result<ExitCode, Problem> {
    let mut connection = Connection::new(arguments)?;
    if arguments.is_on("json") {
        return raw(&mut connection, "/nodes?nonvoters&ver=2&pretty");
    }
    print(&list(&connection.document(MEMBERS)?))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn verify(arguments: &Arguments) -> Result<ExitCode, Problem> {
    let mut connection = Connection::new(arguments)?;
    let mut path = format!("/verify?timeout={}s", arguments.duration("http-timeout").as_secs());
    if let Some(database) = arguments.get("db") {
        path = format!("{path}&db={}", percent_encode(database));
    }
    let answer = connection.ask(&Request::post(path, ""))?;
    let document: Json = serde_json::from_slice(&answer.body)
        .map_err(|error| format!("the answer is not JSON: {error}"))?;
    if arguments.is_on("json") {
        print(&format!("{}\n", answer.text()))?;
    } else {
        print(&compared(&document))?;
    }
    Ok(if flag(&document, "equal") { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn compared(document: &Json) -> String {
    let rows: Vec<Vec<String>> = entries(document)
        .map(|node| {
            let hash = text(node, "hash");
            let hash = if hash.is_empty() { text(node, "error") } else { hash };
            vec![text(node, "id"), text(node, "pages"), hash]
        })
        .collect();
    let position = text(document, "position");
    let transaction = position.split('/').next().unwrap_or_default();
    let verdict = if flag(document, "equal") { "equal" } else { "NOT EQUAL" };
    let table = table::plain(&["NODE", "PAGES", "HASH"], &rows);
    format!("{table}At transaction {transaction}: {verdict}\n")
}

pub(crate) fn remove(arguments: &Arguments) -> Result<ExitCode, Problem> {
    let mut connection = Connection::new(arguments)?;
    let name = &arguments.operands()[0];
    let known = connection.document("/nodes?nonvoters&ver=2&timeout=2s")?;
    let is_member = entries(&known).any(|node| text(node, "id") == *name);
    if !is_member {
        let names: Vec<String> = entries(&known).map(|node| text(node, "id")).collect();
        let names = names.join(", ");
        return Err(format!("the cluster has no node called {name:?}. Its nodes: {names}").into());
    }
    let body = json!({ "id": name }).to_string();
    let path = "/remove".to_owned();
    connection.ask(&Request { method: "DELETE", path, body, ..Request::default() })?;
    print(&format!("{name} is no longer a member of the cluster.\n"))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn transfer_leader(arguments: &Arguments) -> Result<ExitCode, Problem> {
    let mut connection = Connection::new(arguments)?;
    let names = arguments.operands();
    if let [_, extra, ..] = names {
        return Err(format!("'{extra}' is one argument too many: {}", TRANSFER_LEADER.usage).into());
    }
    let body = names.first().map(|name| json!({ "id": name }).to_string());
    connection.ask(&Request::post("/leader?wait", body.unwrap_or_default()))?;
    let leader = connection.document("/leader")?;
    print(&format!("The leader is now {}.\n", text(&leader, "id")))?;
    Ok(ExitCode::SUCCESS)
}

fn raw(connection: &mut Connection, path: &str) -> Result<ExitCode, Problem> {
    let answer = connection.ask(&Request::get(path))?;
    print(&format!("{}\n", answer.text()))?;
    Ok(ExitCode::SUCCESS)
}

/// The nodes in an answer of `/nodes?ver=2`.
pub(crate) fn entries(document: &Json) -> impl Iterator<Item = &Json> {
    document.get("nodes").and_then(Json::as_array).into_iter().flatten()
}

/// A field as text; empty if it isn't there.
fn text(document: &Json, field: &str) -> String {
    match document.get(field) {
        None | Some(Json::Null) => String::new(),
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn flag(document: &Json, field: &str) -> bool {
    document.get(field).and_then(Json::as_bool).unwrap_or(false)
}

/// The cluster in a sentence, which is loud if something is wrong, and its nodes.
fn overview(cluster: &Json) -> String {
    let health = cluster.get("health").unwrap_or(&Json::Null);
    let title = text(health, "title");
    let title = if text(health, "state") == "healthy" { title } else { title.to_uppercase() };
    format!("{}: {}\n\n{}", title, table::printable(&text(health, "text")), list(cluster))
}

fn list(document: &Json) -> String {
    let role = |node: &Json| match (flag(node, "leader"), flag(node, "voter")) {
        (true, _) => "leader",
        (false, true) => "follower",
        (false, false) => "read-only",
    };
    let rows: Vec<Vec<String>> = entries(document)
        .map(|node| {
            let reachable = flag(node, "reachable");
            vec![
                text(node, "id"),
                role(node).to_owned(),
                if reachable { "yes" } else { "NO" }.to_owned(),
                text(node, "behind"),
                text(node, "http_addr"),
                text(node, "addr"),
                text(node, "pg_addr"),
                text(node, "eider_version"),
                if reachable { text(node, "time_s") } else { text(node, "error") },
            ]
        })
        .collect();
    let columns = [
        "NODE",
        "ROLE",
        "REACHABLE",
        "BEHIND",
        "HTTP",
        "RAFT",
        "POSTGRESQL",
        "VERSION",
        "ANSWERED IN",
    ];
    table::plain(&columns, &rows)
}

fn describe(document: &Json) -> String {
    let at = |path: &str| document.pointer(path).unwrap_or(&Json::Null);
    let value = |path: &str| match at(path) {
        Json::Null => "-".to_owned(),
        Json::String(text) if text.is_empty() => "-".to_owned(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "{name:<16}{}", table::printable(&value));
    };
    let version = value("/build/eider_version");
    line("node", format!("{} (eider {version})", value("/store/node_id")));
    line("up for", value("/node/uptime"));
    line("state", value("/store/raft/state").to_lowercase());
    line("leader", value("/store/leader/node_id"));
    line("takes requests", if flag(at("/store"), "ready") { "yes" } else { "no" }.to_owned());
    line("HTTP", value("/http/bind_addr"));
    line("Raft", value("/store/addr"));
    line("data", value("/store/dir"));
    line("term", value("/store/raft/term"));
    let applied = value("/store/raft/applied_index");
    line("applied", format!("{applied} of {} committed", value("/store/raft/commit_index")));
    line(
        "heard leader",
        match value("/store/raft/last_contact").as_str() {
            "0" => "leads itself".to_owned(),
            "never" => "never".to_owned(),
            age => format!("{age} ago"),
        },
    );
    let databases = at("/store/sqlite3/databases").as_object();
    for (name, database) in databases.into_iter().flatten() {
        let size = database.get("size").and_then(Json::as_u64).unwrap_or(0);
        let position = text(database, "position");
        let transactions = position.split('/').next().unwrap_or_default();
        line("database", format!("{name}, {}, {transactions} transactions", bytes(size)));
    }
    out
}

/// A size for people.
fn bytes(size: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if size < 1024 {
        return format!("{size} bytes");
    }
    let mut scaled = size as f64 / 1024.0;
    let mut unit = 0;
    while scaled >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{scaled:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_listed_with_their_roles() {
        let document = json!({"nodes": [
            {"id": "n1", "api_addr": "http://h1:4001", "addr": "h1:4002", "voter": true,
             "reachable": true, "leader": true, "time": 0.000_05, "time_s": "50µs", "behind": 0,
             "http_addr": "h1:4001", "pg_addr": "h1:5432", "eider_version": "v0.1.0"},
            {"id": "n2", "addr": "h2:4002", "voter": false, "reachable": false, "leader": false,
             "error": "can't be reached", "http_addr": "h2:4001", "pg_addr": "h2:5432"},
        ], "health": {"state": "degraded", "title": "Degraded", "text": "n2 is down."}});
        let expected = "\
NODE  ROLE       REACHABLE  BEHIND  HTTP     RAFT     POSTGRESQL  VERSION  ANSWERED IN
n1    leader     yes        0       h1:4001  h1:4002  h1:5432     v0.1.0   50µs
n2    read-only  NO                 h2:4001  h2:4002  h2:5432              can't be reached
";
        assert_eq!(list(&document), expected);
        assert_eq!(overview(&document), format!("DEGRADED: n2 is down.\n\n{expected}"));
    }

    #[test]
    fn a_status_without_anything_is_still_shown() {
        assert!(describe(&json!({})).contains("leader          -\n"));
    }

    #[test]
    fn sizes_have_units() {
        for (size, text) in [(0, "0 bytes"), (4096, "4.0 KiB"), (3 << 30, "3.0 GiB")] {
            assert_eq!(bytes(size), text);
        }
    }
}
