//! `/db/execute`, `/db/query`, `/db/request`: from a request's statements to the engine, and from
//! what comes of them to the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;

use crate::engine::{Canceler, KEY_USED, Limits, StatementKind, Written};
use crate::http::error::{DISALLOWED_PRAGMA, Failure, Operation, failure};
use crate::http::json::Writer;
use crate::http::params::Params;
use crate::http::read::Read;
use crate::http::result::{self, Shape, Told};
use crate::http::{App, body, queue, reply};
use crate::model::error::{Error, SqlState};
use crate::model::id::{DatabaseId, LogIndex};
use crate::model::read_level::ReadLevel;
use crate::model::statement::{Atomicity, Dialect, Statement, StatementResult, Unit, UnitOutcome};
use crate::platform::clock::{self, Instant};

/// What every handler here is given.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    pub(crate) params: Arc<Params>,
    pub(crate) began: Instant,
}

/// Which endpoint a write came by: `/db/execute` shows no rows of a plain SELECT.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Endpoint {
    Execute,
    Request,
}

/// `POST /db/execute`
pub(crate) async fn execute(call: Call, parts: Parts, body: &[u8]) -> Result<Response, Failure> {
    call.app.counters.executions.one();
    let statements =
        if is_plain_text(&parts) { body::plain_text(body) } else { body::statements(body) };
    // With nothing in it, a queued request that waits only waits for what came before it.
    let waits = call.params.has("queue") && call.params.has("wait");
    let statements = match statements {
        Err(text) if waits && text == body::NO_STATEMENTS => Ok(Vec::new()),
        statements => statements,
    };
    let statements = checked(statements)?;
    let database = call.database()?;
    if call.params.has("queue") {
        if parts.headers.contains_key(KEY_HEADER) {
            return Err(Failure::bad_request("a queued write can't have an Idempotency-Key"));
        }
        return queue::execute(&call, database, statements).await;
    }
    if let Some(redirect) = call.redirect(&parts, true)? {
        return Ok(redirect);
    }
    let key = idempotency_key(&parts)?;
    call.write(database, statements, Endpoint::Execute, key).await
}

/// `GET|POST /db/query`
pub(crate) async fn query(call: Call, parts: Parts, body: &[u8]) -> Result<Response, Failure> {
    call.app.counters.queries.one();
    let statements = if parts.method == Method::GET {
        Ok(body::one(call.params.get("q").unwrap_or_default()))
    } else if is_plain_text(&parts) {
        body::plain_text(body)
    } else {
        body::statements(body)
    };
    let statements = checked(statements)?;
    let database = call.database()?;
    let level = call.params.level();
    if let Some(redirect) = call.redirect(&parts, call.needs_leader(level))? {
        return Ok(redirect);
    }
    call.read(database, statements, level).await
}

/// `POST /db/request`
pub(crate) async fn request(call: Call, parts: Parts, body: &[u8]) -> Result<Response, Failure> {
    call.app.counters.requests.one();
    let statements = checked(body::statements(body))?;
    let database = call.database()?;
    let level = call.params.level();
    let mut only_reads = true;
    for statement in &statements {
        let engine = &call.app.engine;
        // What can't be prepared is run as a write: an earlier statement may make it valid.
        let reads = engine.is_read_only(database, Dialect::Sqlite, &statement.sql).await;
        only_reads = only_reads && reads.unwrap_or(false);
    }
    let needs_leader = !only_reads || call.needs_leader(level);
    if let Some(redirect) = call.redirect(&parts, needs_leader)? {
        return Ok(redirect);
    }
    if only_reads {
        return call.read(database, statements, level).await;
    }
    let key = idempotency_key(&parts)?;
    call.write(database, statements, Endpoint::Request, key).await
}

/// The header that names a write, so that it can be sent again.
const KEY_HEADER: &str = "idempotency-key";
/// Bytes of it.
const KEY_BYTES_MAX: usize = 255;

fn idempotency_key(parts: &Parts) -> Result<Option<Arc<str>>, Failure> {
    let Some(value) = parts.headers.get(KEY_HEADER) else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=KEY_BYTES_MAX).contains(&key.len()));
    let wrong = || {
        Failure::bad_request(format!(
            "Idempotency-Key must have 1 to {KEY_BYTES_MAX} characters, all of them visible ASCII"
        ))
    };
    Ok(Some(key.ok_or_else(wrong)?.into()))
}

fn is_plain_text(parts: &Parts) -> bool {
    let value = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.starts_with("text/plain"))
}

/// Turns a body's mistake into a 400, and refuses what must not be run at all.
fn checked(statements: Result<Vec<Statement>, String>) -> Result<Vec<Statement>, Failure> {
    let statements = statements.map_err(Failure::bad_request)?;
    if statements.iter().any(|statement| body::is_disallowed_pragma(&statement.sql)) {
        return Err(Failure::TopLevel(DISALLOWED_PRAGMA.to_owned()));
    }
    Ok(statements)
}

impl Call {
    /// The database that `db` names.
    pub(crate) fn database(&self) -> Result<DatabaseId, Failure> {
        let Some(name) = self.params.get("db") else { return Ok(DatabaseId::POSTGRES) };
        self.app.engine.database(name).ok_or_else(|| {
            let text = format!("database \"{name}\" does not exist");
            Failure::Status(StatusCode::NOT_FOUND, text)
        })
    }

    /// Whether the leader answers reads of this level.
    fn needs_leader(&self, level: ReadLevel) -> bool {
        match level {
            ReadLevel::None(_) => false,
            ReadLevel::Auto(_) => self.app.votes(),
            _ => true,
        }
    }

    /// With `redirect`, the answer that sends the client to the leader, if that is another node.
    pub(crate) fn redirect(
        &self,
        parts: &Parts,
        needs_leader: bool,
    ) -> Result<Option<Response>, Failure> {
        if !needs_leader || !self.params.has("redirect") || self.app.engine.is_leader() {
            return Ok(None);
        }
        let leader = self.app.engine.leader().ok_or_else(Failure::no_leader)?;
        if leader.name == self.app.options.node_name {
            return Ok(None);
        }
        if leader.http_addr.is_empty() {
            return Err(Failure::internal(Error::no_leader().message()));
        }
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let location = format!("{}{path}", leader.http_url());
        let mut response = reply::empty(StatusCode::MOVED_PERMANENTLY);
        let location = location
            .try_into()
            .map_err(|_| Failure::internal("the leader's HTTP address can't stand in a header"))?;
        response.headers_mut().insert(header::LOCATION, location);
        Ok(Some(response))
    }

    /// How long a statement may take. `timeout` bounds what the leader is asked for, and what is
    /// done here only if it was given.
    fn limit(&self, needs_leader: bool) -> Option<Duration> {
        let forwarded = needs_leader && !self.app.engine.is_leader();
        let timeout = match self.params.timeout {
            None if forwarded => Some(self.params.timeout_or_default()),
            given => given,
        };
        [self.params.db_timeout, timeout].into_iter().flatten().min()
    }

    async fn write(
        self,
        database: DatabaseId,
        statements: Vec<Statement>,
        endpoint: Endpoint,
        key: Option<Arc<str>>,
    ) -> Result<Response, Failure> {
        self.count_write(endpoint);
        let mut results = Vec::new();
        let mut index = None;
        let mut repeated = false;
        if !statements.is_empty() {
            let whole = self.params.has("transaction");
            let atomicity = if whole { Atomicity::Unit } else { Atomicity::Statement };
            let unit = Unit {
                dialect: Dialect::Sqlite,
                atomicity,
                statements: statements.clone(),
                schema: None,
                key,
            };
            let cancel = Canceler::default();
            let limits = Limits { cancel: cancel.clone(), ..limits(self.limit(true)) };
            let writing = Box::pin(self.app.engine.write(database, unit, &limits));
            let written = guarded(writing, cancel).await;
            self.note(&statements, &written);
            let written = written.map_err(|error| self.write_failure(&error))?;
            (index, repeated) = (written.index, written.repeated);
            match written.outcome {
                UnitOutcome::Ran(ran) => results = ran,
                UnitOutcome::SchemaChanged => {
                    return Err(Failure::internal("a unit without a schema can't be out of date"));
                }
            }
        }
        if let [Err(error)] = results.as_slice()
            && error.message() == DISALLOWED_PRAGMA
        {
            return Err(Failure::TopLevel(DISALLOWED_PRAGMA.to_owned()));
        }
        if let [Err(error)] = results.as_slice()
            && error.message() == KEY_USED
        {
            return Err(Failure::Status(StatusCode::UNPROCESSABLE_ENTITY, KEY_USED.to_owned()));
        }
        let counters = &self.app.counters;
        counters.statements_written.add(results.len() as u64);
        counters.statements_write_failed.add(results.iter().filter(|r| r.is_err()).count() as u64);
        let shape = Shape::new(&self.params);
        let mut json = Writer::new(self.params.has("pretty"));
        begin_envelope(&mut json);
        for (statement, result) in statements.iter().zip(&results) {
            match result {
                Ok(result) if shows_rows(endpoint, &statement.sql, result) => {
                    result::query_item(&mut json, shape, result);
                }
                Ok(result) => result::execute_item(&mut json, shape, result),
                Err(error) => {
                    let told = Told::new(error, Operation::Execute, shape);
                    result::error_item(&mut json, false, &told, None);
                }
            }
        }
        self.end_envelope(&mut json, None, index);
        let mut response = self.served(reply::json(json.out), true);
        if repeated {
            let yes = HeaderValue::from_static("true");
            response.headers_mut().insert("idempotency-replayed", yes);
        }
        Ok(response)
    }

    /// Counts the statements of a write, which together took as long as the request.
    fn note(&self, statements: &[Statement], written: &Result<Written, Error>) {
        let failed = |at: usize| match written.as_ref().map(|written| &written.outcome) {
            Ok(UnitOutcome::Ran(results)) => matches!(results.get(at), Some(Err(_))),
            _ => true,
        };
        let took = clock::now().since(self.began) / statements.len().max(1) as u32;
        for (at, statement) in statements.iter().enumerate() {
            let kind = StatementKind::Write;
            self.app.engine.note_statement(took, failed(at), kind, || &*statement.sql);
        }
    }

    fn count_write(&self, endpoint: Endpoint) {
        let counters = &self.app.counters;
        let (transactions, remote) = match endpoint {
            Endpoint::Execute => (&counters.execute_transactions, &counters.remote_executions),
            Endpoint::Request => (&counters.request_transactions, &counters.remote_requests),
        };
        transactions.add(u64::from(self.params.has("transaction")));
        remote.add(u64::from(!self.app.engine.is_leader()));
    }

    /// Runs statements that only read.
    async fn read(
        self,
        database: DatabaseId,
        statements: Vec<Statement>,
        level: ReadLevel,
    ) -> Result<Response, Failure> {
        let needs_leader = self.needs_leader(level);
        let linearizable = matches!(level, ReadLevel::Linearizable | ReadLevel::Lease);
        let counters = &self.app.counters;
        counters.query_transactions.add(u64::from(self.params.has("transaction")));
        let remote = needs_leader && !linearizable && !self.app.engine.is_leader();
        counters.remote_queries.add(u64::from(remote));
        let read = Read {
            call: self.clone(),
            database,
            level,
            limit: self.limit(needs_leader),
            linearizable,
            cancel: Canceler::default(),
        };
        let response = read.run(statements).await?;
        Ok(self.served(response, needs_leader && !linearizable))
    }

    /// The time since a moment, if the client wants to know.
    pub(crate) fn time(&self, began: Instant) -> Option<Duration> {
        self.params.has("timings").then(|| clock::now().since(began))
    }

    /// Ends the list of results and the document.
    pub(crate) fn end_envelope(
        &self,
        json: &mut Writer,
        error: Option<&str>,
        index: Option<LogIndex>,
    ) {
        json.end(b']');
        if let Some(error) = error {
            json.key("error");
            json.string(error);
        }
        if let Some(time) = self.time(self.began) {
            json.key("time");
            let _ = json.float(time.as_secs_f64());
        }
        if let Some(index) = index.filter(|_| self.params.has("raft_index")) {
            json.key("raft_index");
            json.integer(index.0 as i64);
        }
        json.end(b'}');
    }

    /// The document for a request that failed as a whole.
    pub(crate) fn failed(&self, error: &str) -> Response {
        let mut json = Writer::new(self.params.has("pretty"));
        begin_envelope(&mut json);
        self.end_envelope(&mut json, Some(error), None);
        reply::json(json.out)
    }

    /// What a write failed with as a whole. One that was given back because this node leads no more is told that there is
    /// no leader, as long as there is none.
    pub(crate) fn write_failure(&self, error: &Error) -> Failure {
        let given_back = error.state() == SqlState::SERIALIZATION_FAILURE;
        if given_back && self.app.engine.leader().is_none() {
            return Failure::no_leader();
        }
        failure(error, Operation::Execute)
    }

    /// Says which node did the work.
    pub(crate) fn served(&self, mut response: Response, at_leader: bool) -> Response {
        let engine = &self.app.engine;
        let address = match engine.leader() {
            Some(leader) if at_leader && !engine.is_leader() => leader.http_host().to_owned(),
            _ => self.app.options.http_addr.clone(),
        };
        if let Ok(address) = address.try_into() {
            response.headers_mut().insert("x-rqlite-served-by", address);
        }
        response
    }
}

/// A request whose client may go away: then its future is dropped, and what runs is stopped
/// rather than let run for nobody. What was proposed by then takes its course.
struct Guarded<F> {
    future: Pin<Box<F>>,
    cancel: Canceler,
}

impl<F: Future> Future for Guarded<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.future.as_mut().poll(context)
    }
}

impl<F> Drop for Guarded<F> {
    /// The future is still there, so that what it runs is still known; once it is done there is
    /// nothing to cancel.
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// Runs `future`, and stops it if its client goes away.
pub(crate) fn guarded<F: Future>(
    future: Pin<Box<F>>,
    cancel: Canceler,
) -> impl Future<Output = F::Output> {
    Guarded { future, cancel }
}

/// These limits for what begins now.
pub(crate) fn limits(limit: Option<Duration>) -> Limits {
    Limits { deadline: limit.map(|limit| clock::now().plus(limit)), ..Limits::default() }
}

pub(crate) fn begin_envelope(json: &mut Writer) {
    json.begin(b'{');
    json.key("results");
    json.begin(b'[');
}

/// Whether a statement's item shows rows. A statement that writes and has columns has RETURNING.
fn shows_rows(endpoint: Endpoint, sql: &str, result: &StatementResult) -> bool {
    !result.columns.is_empty()
        && (endpoint == Endpoint::Request || !result.completion.read_only || body::is_explain(sql))
}
