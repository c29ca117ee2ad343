//! `POST /db/load` and `/boot`: a database from a file, or from a text of SQL.
//!
//! A file is kept on the disk while it arrives, and never in memory whole. What it is, is seen by its
//! first bytes.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt;

use crate::engine::{Canceler, DATABASE_MAGIC, Limits, Staged};
use crate::http::error::{Failure, Operation, failure};
use crate::http::json::Writer;
use crate::http::result::{self, Shape, Told};
use crate::http::sql::{Call, begin_envelope, guarded, limits};
use crate::http::{BODY_BYTES_MAX, BODY_PAUSE_MAX, reply, script};
use crate::model::error::Error;
use crate::model::id::{DatabaseId, LogIndex};
use crate::model::statement::{Atomicity, Dialect, StatementResult, Unit, UnitOutcome};
use crate::platform::clock;

/// Fewer bytes are no database.
const FILE_BYTES_MIN: usize = 32;

/// A body that is read part by part.
struct Incoming {
    parts: axum::body::BodyDataStream,
    /// Read and not yet given away.
    head: Vec<u8>,
}

impl Incoming {
    fn new(body: Body) -> Self {
        Self { parts: body.into_data_stream(), head: Vec::new() }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        if !self.head.is_empty() {
            return Ok(Some(std::mem::take(&mut self.head).into()));
        }
        self.read().await
    }

    async fn read(&mut self) -> Result<Option<Bytes>, Failure> {
        let Ok(part) = clock::timeout(BODY_PAUSE_MAX, self.parts.next()).await else {
            let text = "the request's body did not arrive in time";
            return Err(Failure::Status(StatusCode::REQUEST_TIMEOUT, text.to_owned()));
        };
        part.transpose().map_err(|_| Failure::bad_request("the request's body broke off"))
    }

    /// The first bytes, as many as wanted if there are so many.
    async fn peek(&mut self, count: usize) -> Result<&[u8], Failure> {
        while self.head.len() < count {
            let Some(part) = self.read().await? else { break };
            self.head.extend_from_slice(&part);
        }
        Ok(&self.head[..self.head.len().min(count)])
    }

    async fn into_file(mut self, call: &Call) -> Result<Staged, Failure> {
        let failed = |error: Error| failure(&error, Operation::Execute);
        let mut file = call.app.engine.stage().await.map_err(failed)?;
        while let Some(part) = self.next().await? {
            file.append(part).await.map_err(failed)?;
        }
        Ok(file)
    }

    async fn into_text(mut self) -> Result<String, Failure> {
        let mut whole = Vec::new();
        while let Some(part) = self.next().await? {
            whole.extend_from_slice(&part);
            if whole.len() > BODY_BYTES_MAX {
                let text = format!(
                    "SQL of more than {BODY_BYTES_MAX} bytes can't be loaded: make it a SQLite file"
                );
                return Err(Failure::Status(StatusCode::PAYLOAD_TOO_LARGE, text));
            }
        }
        String::from_utf8(whole).map_err(|_| Failure::bad_request("the SQL is not UTF-8"))
    }
}

/// `POST /db/load`
pub(crate) async fn load(call: Call, parts: Parts, body: Body) -> Result<Response, Failure> {
    call.app.counters.loads.one();
    let database = call.database()?;
    if let Some(redirect) = call.redirect(&parts, true)? {
        return Ok(redirect);
    }
    call.app.counters.remote_loads.add(u64::from(!call.app.engine.is_leader()));
    let mut incoming = Incoming::new(body);
    if incoming.peek(DATABASE_MAGIC.len()).await? == DATABASE_MAGIC {
        let file = incoming.into_file(&call).await?;
        put_in_place(&call, database, &file).await?;
        let mut json = Writer::new(call.params.has("pretty"));
        begin_envelope(&mut json);
        call.end_envelope(&mut json, None, None);
        return Ok(call.served(reply::json(json.out), true));
    }
    let script = incoming.into_text().await?;
    let last = run(&call, database, &script).await?;
    let mut json = Writer::new(call.params.has("pretty"));
    begin_envelope(&mut json);
    match last {
        None => {}
        Some(Ok(done)) => {
            let shape = Shape { timings: call.params.has("timings"), ..Shape::default() };
            result::execute_item(&mut json, shape, &done);
        }
        Some(Err(error)) => {
            result::error_item(&mut json, false, &Told::text(error.message()), None);
        }
    }
    call.end_envelope(&mut json, None, None);
    Ok(call.served(reply::json(json.out), true))
}

/// `POST /boot`: as a load, but only where there is nobody else.
pub(crate) async fn boot(call: Call, body: Body) -> Result<Response, Failure> {
    call.app.counters.boot.one();
    let engine = &call.app.engine;
    let unavailable =
        |text: &str| Err(Failure::Status(StatusCode::SERVICE_UNAVAILABLE, text.to_owned()));
    if !engine.is_leader() {
        return unavailable("not leader");
    }
    if engine.members().len() != 1 {
        return unavailable("not single-node");
    }
    let mut incoming = Incoming::new(body);
    let head = incoming.peek(FILE_BYTES_MIN).await?;
    if head.len() < FILE_BYTES_MIN {
        return unavailable("the file is too short");
    }
    if !head.starts_with(DATABASE_MAGIC) {
        return Err(Failure::bad_request("invalid SQLite data"));
    }
    let database = call.database()?;
    let file = incoming.into_file(&call).await?;
    match put_in_place(&call, database, &file).await {
        Ok(_) => Ok(reply::empty(StatusCode::OK)),
        Err(Failure::TopLevel(text)) if text.starts_with("invalid SQLite data") => {
            Err(Failure::bad_request(text))
        }
        Err(Failure::TopLevel(text)) => unavailable(&text),
        Err(other) => Err(other),
    }
}

async fn put_in_place(
    call: &Call,
    database: DatabaseId,
    file: &Staged,
) -> Result<Option<LogIndex>, Failure> {
    let cancel = Canceler::default();
    let limits = Limits { cancel: cancel.clone(), ..limits(call.params.timeout) };
    let loading = Box::pin(call.app.engine.load(database, file, &limits));
    guarded(loading, cancel).await.map_err(|error| call.write_failure(&error))
}

/// Runs a text as one transaction. What its last statement did, or why it is undone.
async fn run(
    call: &Call,
    database: DatabaseId,
    text: &str,
) -> Result<Option<Result<StatementResult, Error>>, Failure> {
    let statements = script::split(text);
    if statements.is_empty() {
        return Ok(None);
    }
    let unit = Unit {
        dialect: Dialect::Sqlite,
        atomicity: Atomicity::Unit,
        statements,
        schema: None,
        key: None,
    };
    let cancel = Canceler::default();
    let limit: Option<Duration> = call.params.timeout;
    let limits = Limits { cancel: cancel.clone(), ..limits(limit) };
    let writing = Box::pin(call.app.engine.write(database, unit, &limits));
    let written = guarded(writing, cancel).await;
    let written = written.map_err(|error| call.write_failure(&error))?;
    match written.outcome {
        UnitOutcome::Ran(mut results) => Ok(results.pop()),
        UnitOutcome::SchemaChanged => {
            Err(Failure::internal("a unit without a schema can't be out of date"))
        }
    }
}
