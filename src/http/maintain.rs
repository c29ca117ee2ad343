//! `/snapshot`, `/reap`, `/verify`, `/licenses`, `/db/sql`.

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Value as Json, json};

use crate::http::error::{Failure, Operation, failure};
use crate::http::sql::{Call, limits};
use crate::http::{body, json as text, reply};
use crate::model::error::SqlState;
use crate::model::statement::Dialect;

/// A comparison of all nodes takes as long as reading their databases.
const VERIFY_TIMEOUT: Duration = Duration::from_mins(10);

/// `POST /snapshot`: makes what was applied durable in the database files, and with `trailing_logs`
/// removes the log but for so many entries.
pub(crate) async fn snapshot(call: &Call) -> Result<Response, Failure> {
    call.app.counters.user_snapshots.one();
    let keep = call.params.trailing_logs.filter(|keep| *keep > 0);
    let made = call.app.engine.compact_log(keep).await;
    let made = made.map_err(|error| Failure::internal(error.message()))?;
    call.app.counters.snapshots_made.add(u64::from(made));
    Ok(reply::empty(if made { StatusCode::OK } else { StatusCode::NO_CONTENT }))
}

/// `POST /reap`: there are no old snapshots; what is in the WALs goes into the database files.
pub(crate) async fn reap(call: &Call) -> Result<Response, Failure> {
    call.app.counters.user_reaps.one();
    let timeout = call.params.timeout_or_default();
    let count = call.app.engine.checkpoint(timeout).await;
    let count = count.map_err(|error| Failure::internal(error.message()))?;
    let document = json!({ "snapshots_reaped": 0, "wals_checkpointed": count });
    let mut out = text::text(&document, call.params.has("pretty"));
    out.push(b'\n');
    Ok(reply::json(out))
}

/// `POST /verify`: whether all nodes have the same database.
pub(crate) async fn verify(call: &Call) -> Result<Response, Failure> {
    let database = call.database()?;
    let limits = limits(Some(call.params.timeout.unwrap_or(VERIFY_TIMEOUT)));
    let verified = Box::pin(call.app.engine.verify(database, &limits)).await;
    let verified = verified.map_err(|error| failure(&error, Operation::Query))?;
    let nodes: Vec<Json> = verified
        .nodes
        .iter()
        .map(|node| match &node.hash {
            Ok(found) => {
                let hash = format!("{:016x}", found.hash);
                json!({ "id": node.node, "pages": found.pages, "hash": hash })
            }
            Err(why) => json!({ "id": node.node, "error": why }),
        })
        .collect();
    let document = json!({
        "position": verified.position.to_string(),
        "equal": verified.is_equal(),
        "nodes": nodes,
    });
    Ok(call.served(reply::json(text::text(&document, call.params.has("pretty"))), true))
}

/// `GET /licenses`
pub(crate) fn licenses() -> Response {
    reply::text(StatusCode::OK, include_str!("licenses.txt"))
}

/// `GET|POST /db/sql`: a statement as it would be run, which is as it was sent.
pub(crate) async fn sql(call: &Call, parts: &Parts, bytes: &[u8]) -> Result<Response, Failure> {
    let statements = if parts.method == axum::http::Method::GET {
        let text =
            call.params.get("q").ok_or_else(|| Failure::bad_request("query not specified"))?;
        body::one(text)
    } else {
        body::statements(bytes).map_err(Failure::bad_request)?
    };
    let database = call.database()?;
    let mut results = Vec::new();
    for statement in statements {
        let engine = &call.app.engine;
        let prepared = engine.is_read_only(database, Dialect::Sqlite, &statement.sql).await;
        results.push(match prepared {
            Err(error) if error.state() == SqlState::SYNTAX_ERROR => {
                json!({ "original": &*statement.sql, "error": error.message() })
            }
            _ => json!({ "original": &*statement.sql, "rewritten": &*statement.sql }),
        });
    }
    let mut document = json!({ "results": results });
    if let Some(time) = call.time(call.began) {
        document["time"] = Json::from(time.as_secs_f64());
    }
    Ok(reply::json(text::text(&document, call.params.has("pretty"))))
}
