//! `GET /cdc`: captured changes as server-sent events, from a position on, as long as the client listens.
//!
//! Each event's `id` is its position. A client that comes again with `Last-Event-ID`, on any node, gets
//! what follows; one whose position isn't kept any more is told so (410), and has missed something.

use std::fmt::Write as _;
use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::engine::{Change, ChangeMarks, Engine, Limits};
use crate::http::error::{Failure, Operation, failure};
use crate::http::reply::{self, Part, Sender, Stop};
use crate::http::sql::Call;
use crate::model::error::Error;
use crate::model::id::DatabaseId;
use crate::platform::{clock, task};

/// Bytes of events that are read at once.
const BYTES_AT_ONCE: usize = 256 << 10;
/// A comment is sent after so long without an event, so that everybody knows that the other is there.
const QUIET_MAX: Duration = Duration::from_secs(15);
/// How long this node may take to come to "from now on".
const CATCH_UP: Duration = Duration::from_secs(10);

fn gone(marks: ChangeMarks) -> String {
    format!("changes up to {} are not kept any more", marks.removed)
}

/// `GET /cdc`
pub(crate) async fn changes(call: &Call, parts: &Parts) -> Result<Response, Failure> {
    if !call.app.options.captures_changes {
        let text = "changes are not captured: nodes are started with -cdc-config for that";
        return Err(Failure::Status(StatusCode::NOT_FOUND, text.to_owned()));
    }
    let database = call.database()?;
    let engine = call.app.engine.clone();
    let failed = |error| failure(&error, Operation::Query);
    let wanted = start(call, parts)?;
    if wanted.is_none() {
        // What was acknowledged before is past, though it may not be here yet.
        engine.sync(&Limits::default(), CATCH_UP).await.map_err(failed)?;
    }
    let marks = engine.change_marks(database).await.map_err(failed)?;
    let after = match wanted {
        Some(after) if after < marks.removed => {
            return Err(Failure::Status(StatusCode::GONE, gone(marks)));
        }
        Some(after) => after,
        None => marks.newest,
    };
    let (sender, made) = reply::parts();
    let mut stop = call.app.stop.clone();
    task::spawn(async move {
        let feed = Feed { engine, database, after, sender };
        let left = feed.sender.gone();
        tokio::select! {
            () = feed.run() => {}
            () = left => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    });
    let mut response = Response::new(reply::body(made).await?);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// After which change a client wants to go on; `None`: from now on.
fn start(call: &Call, parts: &Parts) -> Result<Option<u64>, Failure> {
    let last = parts.headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?"));
    let wanted = last.or_else(|| call.params.get("after")).filter(|text| !text.is_empty());
    let number = |text: &str| {
        let wrong = || Failure::bad_request(format!("'{text}' is not the position of a change"));
        text.parse().map_err(|_| wrong())
    };
    wanted.map(number).transpose()
}

struct Feed {
    engine: Engine,
    database: DatabaseId,
    after: u64,
    sender: Sender,
}

impl Feed {
    /// Sends what comes, until nobody takes it or this node can't read it.
    async fn run(mut self) {
        // The answer's head goes with the first part.
        let mut text = ": changes\n\n".to_owned();
        loop {
            if !text.is_empty()
                && self.sender.send(Part::More(text.into())).await == Err(Stop::Gone)
            {
                return;
            }
            text = match self.next().await {
                Ok(Some(text)) => text,
                Ok(None) => return,
                Err(error) => {
                    tracing::debug!("a feed of changes ends: {error}");
                    return;
                }
            };
        }
    }

    /// The next events, or a comment; `None` after the last.
    async fn next(&mut self) -> Result<Option<String>, Error> {
        let quiet_from = clock::now();
        loop {
            let index = self.engine.applied()?;
            let (marks, changes) =
                self.engine.changes(self.database, self.after, BYTES_AT_ONCE).await?;
            if self.after < marks.removed {
                // The client asks again with its position, and is told.
                return Ok(None);
            }
            if let Some(last) = changes.last() {
                self.after = last.position;
                return Ok(Some(events(&changes)));
            }
            let rest = QUIET_MAX.saturating_sub(clock::now().since(quiet_from));
            match clock::timeout(rest, self.engine.applied_beyond(index)).await {
                Ok(applied) => applied?,
                Err(clock::Elapsed) => return Ok(Some(": quiet\n\n".to_owned())),
            }
        }
    }
}

fn events(changes: &[Change]) -> String {
    let mut text = String::new();
    for change in changes {
        let Change { position, transaction, at, .. } = change;
        let event = change.json();
        let rest = event.strip_prefix('{').unwrap_or_default();
        // JSON has no line breaks in it.
        let _ = write!(
            text,
            "id: {position}\ndata: {{\"index\":{transaction},\"commit_timestamp\":{at},{rest}\n\n"
        );
    }
    text
}
