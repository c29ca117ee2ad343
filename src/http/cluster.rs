//! `/nodes`, `/leader`, `/remove`, `/readyz`.

use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::Response;
use futures_util::future::join_all;
use serde_json::{Map, Value as Json, json};

use crate::engine::{Limits, Progress};
use crate::http::error::Failure;
use crate::http::health::{self, Health, Seen};
use crate::http::sql::Call;
use crate::http::{RQLITE_VERSION, duration, json as text, reply};
use crate::model::error::Error;
use crate::model::id::DatabaseId;
use crate::model::member::Member;
use crate::model::read_level::ReadLevel;
use crate::model::statement::{Dialect, Parameters, Statement};
use crate::platform::clock;

/// How long other nodes are waited for where `timeout` isn't given: an answer about who can't be
/// reached should come sooner than the 30 seconds that are given to statements.
const CONTACT_TIMEOUT: Duration = Duration::from_secs(5);

/// `GET /nodes`
pub(crate) async fn nodes(call: &Call) -> Response {
    let nonvoters = call.params.has("nonvoters");
    let mut members = call.app.engine.members();
    members.retain(|(_, votes)| *votes || nonvoters);
    let nodes = join_all(members.iter().map(|(member, votes)| node(call, member, *votes))).await;
    let details = call.params.has("details");
    let document = if call.params.get("ver") == Some("2") && details {
        with_health(nodes)
    } else if call.params.get("ver") == Some("2") {
        json!({ "nodes": nodes })
    } else {
        let named = members.into_iter().zip(nodes).map(|((member, _), node)| (member.name, node));
        Json::Object(named.collect())
    };
    reply::json(text::text(&document, call.params.has("pretty")))
}

/// What `/nodes` says about a member.
async fn node(call: &Call, member: &Member, votes: bool) -> Json {
    let leader = call.app.engine.leader();
    let is_leader = leader.is_some_and(|leader| leader.name == member.name);
    let (contact, progress) = if call.params.has("details") {
        progress(call, member).await
    } else {
        (contact(call, member).await, None)
    };
    let mut node = Map::new();
    node.insert("id".to_owned(), member.name.clone().into());
    if contact.is_ok() && !member.http_addr.is_empty() {
        node.insert("api_addr".to_owned(), member.http_url().into());
    }
    if !member.raft_addr.is_empty() {
        node.insert("addr".to_owned(), member.raft_addr.clone().into());
    }
    let same = contact.as_ref().is_ok_and(|(_, version)| *version == env!("CARGO_PKG_VERSION"));
    // What API another version of Eider has isn't known here.
    let version = if same { RQLITE_VERSION } else { "" };
    node.insert("version".to_owned(), version.into());
    node.insert("voter".to_owned(), votes.into());
    node.insert("reachable".to_owned(), contact.is_ok().into());
    node.insert("leader".to_owned(), is_leader.into());
    match contact {
        Ok((time, _)) => {
            node.insert("time".to_owned(), time.as_secs_f64().into());
            node.insert("time_s".to_owned(), duration::format(time).into());
        }
        Err(error) => {
            node.insert("error".to_owned(), error.message().into());
        }
    }
    if call.params.has("details") {
        node.extend(details(member, progress.as_ref()));
    }
    Json::Object(node)
}

/// The nodes with how many entries each lacks, and what that makes of the cluster.
fn with_health(mut nodes: Vec<Json>) -> Json {
    let committed = nodes.iter().filter_map(|node| number(node, "commit_index")).max();
    for node in &mut nodes {
        if let (Some(applied), Some(committed)) = (number(node, "applied_index"), committed) {
            node["behind"] = committed.saturating_sub(applied).into();
        }
    }
    let Health { state, title, text } = health::judge(&nodes.iter().map(seen).collect::<Vec<_>>());
    json!({
        "nodes": nodes,
        "health": { "state": state.name(), "title": title, "text": text },
    })
}

fn number(node: &Json, field: &str) -> Option<u64> {
    node.get(field).and_then(Json::as_u64)
}

fn seen(node: &Json) -> Seen<'_> {
    let flag = |field: &str| node.get(field).and_then(Json::as_bool).unwrap_or(false);
    Seen {
        name: node.get("id").and_then(Json::as_str).unwrap_or_default(),
        votes: flag("voter"),
        leads: flag("leader"),
        reachable: flag("reachable"),
        behind: number(node, "behind"),
        receives_snapshot: node.get("receiving_snapshot").is_some(),
    }
}

/// What only Eider tells: addresses, known also of a node that can't be reached, and how far the node
/// says that it has got.
fn details(member: &Member, progress: Option<&Progress>) -> Map<String, Json> {
    let mut fields = Map::new();
    for (name, address) in [("http_addr", member.http_host()), ("pg_addr", &member.pg_addr)] {
        if !address.is_empty() {
            fields.insert(name.to_owned(), address.into());
        }
    }
    let Some(progress) = progress else { return fields };
    fields.insert("eider_version".to_owned(), format!("v{}", progress.version).into());
    fields.insert("state".to_owned(), progress.role.clone().into());
    for (name, number) in [
        ("term", progress.term.0),
        ("last_log_index", progress.last_log.0),
        ("commit_index", progress.committed.0),
        ("applied_index", progress.applied.0),
        ("log_size", progress.log_bytes),
    ] {
        fields.insert(name.to_owned(), number.into());
    }
    if progress.expected > 0 {
        let receiving = json!({ "bytes": progress.received, "of": progress.expected });
        fields.insert("receiving_snapshot".to_owned(), receiving);
    }
    fields
}

/// What [`contact`] gives.
type Contact = Result<(Duration, String), Error>;

/// Asks a member how far it has got. One that doesn't know that question, being older, is asked
/// only whether it is there.
async fn progress(call: &Call, member: &Member) -> (Contact, Option<Progress>) {
    let timeout = call.params.timeout.unwrap_or(CONTACT_TIMEOUT);
    match call.app.engine.progress(member, timeout).await {
        Ok((time, progress)) => {
            let time = time.max(Duration::from_nanos(1));
            (Ok((time, progress.version.clone())), Some(progress))
        }
        Err(_) => (contact(call, member).await, None),
    }
}

fn is_me(call: &Call, member: &Member) -> bool {
    member.name == call.app.options.node_name
}

/// Asks a member whether it is there, as often as `retries` allows.
async fn contact(call: &Call, member: &Member) -> Contact {
    let began = clock::now();
    if is_me(call, member) {
        let time = clock::now().since(began).max(Duration::from_nanos(1));
        return Ok((time, env!("CARGO_PKG_VERSION").to_owned()));
    }
    let timeout = call.params.timeout.unwrap_or(CONTACT_TIMEOUT);
    let mut attempts = call.params.retries;
    loop {
        match call.app.engine.ping(member, timeout).await {
            Err(_) if attempts > 0 => attempts -= 1,
            answer => return answer,
        }
    }
}

/// `GET /leader`
pub(crate) async fn leader(call: &Call) -> Result<Response, Failure> {
    let leader = call.app.engine.leader().ok_or_else(Failure::no_leader)?;
    let document = node(call, &leader, true).await;
    Ok(reply::json(text::text(&document, call.params.has("pretty"))))
}

/// `POST /leader`: hands leadership over. Returns when it has moved, with or without `wait`.
pub(crate) async fn step_down(
    call: &Call,
    parts: &Parts,
    body: &[u8],
) -> Result<Response, Failure> {
    let content_type = parts.headers.get(header::CONTENT_TYPE);
    let is_json = content_type.is_some_and(|value| value == "application/json");
    let to = if is_json && !body.is_empty() { successor(body)? } else { None };
    if let Some(redirect) = call.redirect(parts, true)? {
        return Ok(redirect);
    }
    let leader = call.app.engine.leader().ok_or_else(Failure::no_leader)?;
    if to.as_ref() == Some(&leader.name) {
        return Err(Failure::internal("stepdown: cannot step down to the current leader"));
    }
    let timeout = call.params.timeout_or_default();
    call.app.counters.remote_stepdowns.add(u64::from(!call.app.engine.is_leader()));
    let moved = call.app.engine.transfer_leader(to.as_deref(), timeout).await;
    moved.map_err(|error| admin_failure("stepdown: ", &error))?;
    Ok(call.served(reply::empty(StatusCode::OK), true))
}

/// The node that a step-down's body names.
fn successor(body: &[u8]) -> Result<Option<String>, Failure> {
    let invalid = |why: String| Failure::bad_request(format!("invalid JSON: {why}"));
    let document: Json =
        serde_json::from_slice(body).map_err(|error| invalid(error.to_string()))?;
    match document {
        Json::Object(fields) => match fields.get("id") {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(id)) => Ok(Some(id.clone()).filter(|id| !id.is_empty())),
            Some(_) => Err(invalid("id must be a string".to_owned())),
        },
        _ => Err(invalid("an object is expected".to_owned())),
    }
}

/// `DELETE /remove`
pub(crate) async fn remove(call: &Call, parts: &Parts, body: &[u8]) -> Result<Response, Failure> {
    let Some(id) = removed(body) else { return Ok(reply::empty(StatusCode::BAD_REQUEST)) };
    if let Some(redirect) = call.redirect(parts, true)? {
        return Ok(redirect);
    }
    call.app.counters.remote_remove_node.add(u64::from(!call.app.engine.is_leader()));
    let removed = call.app.engine.remove(&id, call.params.timeout_or_default()).await;
    removed.map_err(|error| admin_failure("", &error))?;
    Ok(call.served(reply::empty(StatusCode::OK), true))
}

/// The id in a body that is exactly `{"id": "..."}`.
fn removed(body: &[u8]) -> Option<String> {
    let Json::Object(fields) = serde_json::from_slice(body).ok()? else { return None };
    match fields.get("id") {
        Some(Json::String(id)) if fields.len() == 1 && !id.is_empty() => Some(id.clone()),
        _ => None,
    }
}

fn admin_failure(prefix: &str, error: &Error) -> Failure {
    if error.message() == Error::no_leader().message() {
        return Failure::no_leader();
    }
    Failure::internal(format!("{prefix}{error}"))
}

/// `GET /readyz`
pub(crate) async fn ready(call: &Call) -> Response {
    call.app.counters.num_readyz.one();
    let mut lines = vec!["[+]node ok".to_owned()];
    let mut status = StatusCode::OK;
    if !call.params.has("noleader")
        && let Err(problem) = check(call, &mut lines).await
    {
        lines.push(problem);
        status = StatusCode::SERVICE_UNAVAILABLE;
    }
    reply::text(status, lines.join("\n"))
}

/// Adds a line for each check that passed; the error is the line of the one that didn't.
async fn check(call: &Call, lines: &mut Vec<String>) -> Result<(), String> {
    let engine = &call.app.engine;
    let timeout = call.params.timeout.unwrap_or(CONTACT_TIMEOUT);
    let leader = engine.leader().ok_or("[+]leader does not exist")?;
    contact(call, &leader).await.map_err(|error| format!("[+]leader not contactable: {error}"))?;
    lines.push("[+]leader ok".to_owned());
    if call.app.options.wants_vote && !engine.has_vote() {
        // Whoever takes another node down because this one is ready could take the majority away.
        return Err("[+]node has no vote yet".to_owned());
    }
    let held = *call.app.options.held.borrow();
    if held || is_me(call, &leader) && !engine.is_leader() {
        return Err("[+]store not ready".to_owned());
    }
    lines.push("[+]store ok".to_owned());
    if call.params.has("sync") {
        engine
            .sync(&Limits::default(), timeout)
            .await
            .map_err(|error| format!("[+]sync {error}"))?;
        lines.push("[+]sync ok".to_owned());
    }
    probe(call, timeout).await.map_err(|error| format!("[+]db not ok: ({error})"))?;
    lines.push("[+]db ok".to_owned());
    Ok(())
}

/// Reads from this node's own copy.
async fn probe(call: &Call, timeout: Duration) -> Result<(), Error> {
    let limits = Limits { deadline: Some(clock::now().plus(timeout)), ..Limits::default() };
    let statement =
        Statement { sql: "SELECT 1".into(), parameters: Parameters::default(), touch: None };
    let level = ReadLevel::None(None);
    let engine = &call.app.engine;
    let rows =
        engine.read(DatabaseId::POSTGRES, Dialect::Sqlite, level, statement, None, &limits).await?;
    if let Some(mut rows) = rows {
        while rows.next().await?.is_some() {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removal_names_one_node_and_nothing_else() {
        assert_eq!(removed(br#"{"id":"n2"}"#), Some("n2".to_owned()));
        for body in ["", "{}", "[]", r#"{"id":2}"#, r#"{"id":""}"#, r#"{"id":"a","b":1}"#] {
            assert_eq!(removed(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_step_down_may_name_its_successor() {
        assert_eq!(successor(br#"{"id":"n2"}"#), Ok(Some("n2".to_owned())));
        assert_eq!(successor(b"{}"), Ok(None));
        for body in ["nonsense", "[]", r#"{"id":2}"#] {
            let failure = successor(body.as_bytes()).unwrap_err();
            assert!(failure.text().starts_with("invalid JSON: "), "{body}");
        }
    }
}
