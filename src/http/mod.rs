//! HTTP/JSON, compatible with rqlite's API. The only home of axum.
//!
//! A request's way: standard headers, OPTIONS, whose page sends it, query string, path, method, handler. SQL comes in as
//! SQLite's and goes to the engine as it is; nothing is rewritten. A panic in a handler is answered
//! with a 500 and hurts nobody else.

mod backup;
mod body;
mod changes;
mod cluster;
mod console;
mod counters;
mod credentials;
mod dump;
mod duration;
mod error;
mod health;
mod json;
mod listen;
mod load;
mod maintain;
mod metrics;
mod origin;
mod params;
mod queue;
mod read;
mod reply;
mod result;
mod script;
mod sql;
mod status;
mod timestamp;
mod vars;

#[cfg(any(test, fuzzing))]
pub(crate) use body::read_any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

pub use self::queue::QueueOptions;
use crate::auth::{Permission, Permissions, Users};
use crate::engine::Engine;
use crate::http::counters::Counters;
use crate::http::error::Failure;
use crate::http::params::Params;
use crate::http::queue::Queue;
use crate::http::sql::Call;
use crate::platform::clock::{self, Instant};
use crate::platform::watch;
use crate::tls::Acceptor;

/// The version of rqlite's API that this one follows. Clients read it from `X-RQLITE-VERSION`.
pub const RQLITE_VERSION: &str = "v10.3.0";
/// This program's own version, in `X-EIDER-VERSION`.
pub const EIDER_VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// A request's body is at most this large: 413.
const BODY_BYTES_MAX: usize = 64 << 20;
/// All bodies that are read or worked on take at most this much memory: 429.
const BODIES_BYTES_MAX: usize = 512 << 20;
/// The unit in which that memory is given out, in bytes.
const BODY_UNIT: usize = 1 << 10;
/// When the node stops, the queue has so long to be emptied.
const QUEUE_END_TIMEOUT: Duration = Duration::from_secs(5);
/// A client may pause this long while it sends a body: 408.
const BODY_PAUSE_MAX: Duration = Duration::from_secs(30);

/// What the listener needs to know beside the engine.
#[derive(Debug, Clone)]
pub struct Options {
    /// Shown in `/status`.
    pub data_dir: std::path::PathBuf,
    pub node_name: String,
    pub http_addr: String,
    pub raft_addr: String,
    /// Raft's timers, and whether foreign keys are enforced: shown in `/status`.
    pub heartbeat_timeout: Duration,
    pub election_timeout: Duration,
    /// Silent members are removed after so long; zero: never.
    pub reap_voters_after: Duration,
    pub reap_read_only_after: Duration,
    pub foreign_keys: bool,
    /// Names of the SQLite extensions that are loaded.
    pub extensions: Vec<String>,
    /// How others are found, if not by name.
    pub disco_mode: Option<String>,
    /// `None`: everybody may do everything.
    pub users: Option<Arc<Users>>,
    /// `Access-Control-Allow-Origin`.
    pub allow_origin: Option<String>,
    /// `None`: HTTP without encryption.
    pub tls: Option<Acceptor>,
    pub queue: QueueOptions,
    /// Whether there are changes to ask for.
    pub captures_changes: bool,
    /// Whether nobody should use this node yet: it waits for a copy to begin with.
    pub held: watch::Receiver<bool>,
    /// Whether this node is to vote: then it isn't ready before it does.
    pub wants_vote: bool,
}

/// Serves HTTP on `listener` until `stop` changes. Requests that run then may end.
///
/// # Errors
/// When the listener has no address, which means that it isn't one.
pub async fn serve(
    listener: tokio::net::TcpListener,
    engine: Engine,
    options: Arc<Options>,
    stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    listener.local_addr()?;
    let acceptor = options.tls.clone();
    let (router, emptied) = router(engine, options, stop.clone());
    listen::run(listener, acceptor, router, stop).await;
    // The router is gone, and with it the way into the queue.
    if clock::timeout(QUEUE_END_TIMEOUT, emptied).await.is_err() {
        tracing::warn!("queued writes that could not be written by now are lost");
    }
    Ok(())
}

/// What all handlers share.
#[derive(Debug)]
pub(crate) struct App {
    engine: Engine,
    options: Arc<Options>,
    started: Instant,
    /// Since 1970.
    started_wall: Duration,
    queue: Queue,
    counters: Arc<Counters>,
    /// Memory for bodies, in [`BODY_UNIT`]s.
    bodies: Semaphore,
    /// Set when the node stops: what has no end by itself ends then.
    stop: watch::Receiver<bool>,
}

impl App {
    /// Whether this node has a vote.
    fn votes(&self) -> bool {
        let members = self.engine.members();
        members.iter().any(|(member, votes)| member.name == self.options.node_name && *votes)
    }
}

/// The whole API as one service, and what resolves when its queue was emptied after its end.
fn router(
    engine: Engine,
    options: Arc<Options>,
    stop: watch::Receiver<bool>,
) -> (Router, oneshot::Receiver<()>) {
    let counters = Arc::new(Counters::default());
    let (queue, emptied) = Queue::start(engine.clone(), options.queue, Arc::clone(&counters));
    let app = App {
        queue,
        counters,
        engine,
        options,
        started: clock::now(),
        started_wall: clock::wall(),
        bodies: Semaphore::new(BODIES_BYTES_MAX / BODY_UNIT),
        stop,
    };
    (Router::new().fallback(answer).with_state(Arc::new(app)), emptied)
}

/// An endpoint.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Endpoint {
    Home,
    Execute,
    Query,
    Request,
    Status,
    Nodes,
    Ready,
    Remove,
    Leader,
    Backup,
    Load,
    Boot,
    Snapshot,
    Reap,
    Licenses,
    Vars,
    Metrics,
    Verify,
    Sql,
    Console,
    Changes,
}

impl Endpoint {
    /// What must be permitted.
    fn permissions(self) -> Permissions {
        match self {
            // The console's files hold nothing; what it shows comes from other endpoints.
            Self::Home | Self::Console => Permissions::default(),
            Self::Execute => Permission::Execute.into(),
            Self::Query | Self::Sql | Self::Changes => Permission::Query.into(),
            Self::Request => Permission::Query.and(Permission::Execute),
            Self::Status | Self::Nodes | Self::Licenses | Self::Vars | Self::Metrics => {
                Permission::Status.into()
            }
            Self::Ready => Permission::Ready.into(),
            Self::Remove => Permission::Remove.into(),
            Self::Leader => Permission::LeaderOps.into(),
            Self::Backup => Permission::Backup.into(),
            Self::Load | Self::Boot => Permission::Load.into(),
            Self::Snapshot | Self::Reap | Self::Verify => Permission::Snapshot.into(),
        }
    }
}

const ANY: &[Method] =
    &[Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Path, whether longer paths match too, methods, endpoint.
const ROUTES: &[(&str, bool, &[Method], Endpoint)] = &[
    ("/", false, ANY, Endpoint::Home),
    ("/db/execute", true, &[Method::POST], Endpoint::Execute),
    ("/db/query", true, &[Method::GET, Method::POST], Endpoint::Query),
    ("/db/request", true, &[Method::POST], Endpoint::Request),
    ("/status", true, &[Method::GET], Endpoint::Status),
    ("/nodes", true, &[Method::GET], Endpoint::Nodes),
    ("/readyz", true, &[Method::GET], Endpoint::Ready),
    ("/remove", true, &[Method::DELETE], Endpoint::Remove),
    ("/leader", false, &[Method::GET, Method::POST], Endpoint::Leader),
    ("/db/sql", true, &[Method::GET, Method::POST], Endpoint::Sql),
    ("/db/backup", true, &[Method::GET], Endpoint::Backup),
    ("/db/load", true, &[Method::POST], Endpoint::Load),
    ("/boot", false, &[Method::POST], Endpoint::Boot),
    ("/snapshot", false, &[Method::POST], Endpoint::Snapshot),
    ("/reap", false, &[Method::POST], Endpoint::Reap),
    ("/licenses", false, &[Method::GET], Endpoint::Licenses),
    ("/debug/vars", false, ANY, Endpoint::Vars),
    ("/metrics", false, &[Method::GET], Endpoint::Metrics),
    ("/verify", false, &[Method::POST], Endpoint::Verify),
    ("/cdc", false, &[Method::GET], Endpoint::Changes),
    ("/console", true, &[Method::GET, Method::HEAD], Endpoint::Console),
];

/// The endpoint of a path, and the methods that it has.
fn route(path: &str) -> Result<(Endpoint, &'static [Method]), StatusCode> {
    let found = ROUTES
        .iter()
        .find(|(known, prefix, ..)| path == *known || (*prefix && path.starts_with(known)));
    found.map(|(_, _, methods, endpoint)| (*endpoint, *methods)).ok_or(StatusCode::NOT_FOUND)
}

/// The endpoint of a request whose sender may use it, or the status that says why there is none.
fn admit(app: &App, request: &Request) -> Result<Endpoint, StatusCode> {
    let (endpoint, methods) = route(request.uri().path())?;
    if let Some(users) = &app.options.users {
        let allowed = credentials::is_allowed(users, request.headers(), endpoint.permissions());
        if !allowed {
            app.counters.auth_fail.one();
            return Err(StatusCode::UNAUTHORIZED);
        }
        app.counters.auth_ok.one();
    }
    if methods.contains(request.method()) {
        Ok(endpoint)
    } else {
        Err(StatusCode::METHOD_NOT_ALLOWED)
    }
}

async fn answer(State(app): State<Arc<App>>, request: Request) -> Response {
    let options = Arc::clone(&app.options);
    let answered = AssertUnwindSafe(dispatch(app, request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| {
        tracing::error!("an HTTP handler panicked; the request was answered with a 500");
        failed(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
    });
    standard_headers(&options, response.headers_mut());
    response
}

fn standard_headers(options: &Options, headers: &mut HeaderMap) {
    const HEADERS: [(HeaderName, HeaderValue); 4] = [
        (HeaderName::from_static("x-rqlite-version"), HeaderValue::from_static(RQLITE_VERSION)),
        (HeaderName::from_static("x-eider-version"), HeaderValue::from_static(EIDER_VERSION)),
        (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("OPTIONS, GET, POST")),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type")),
    ];
    const WITH_USERS: [(HeaderName, HeaderValue); 3] = [
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("Content-Type, Authorization"),
        ),
        (header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")),
        (header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"rqlite\"")),
    ];
    headers.extend(HEADERS);
    if options.users.is_some() {
        for (name, value) in WITH_USERS {
            headers.insert(name, value);
        }
    }
    if let Some(origin) = options.allow_origin.as_deref().and_then(|text| text.try_into().ok()) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}

/// An error of the first tier.
fn failed(status: StatusCode, text: &str) -> Response {
    let mut response = reply::text(status, format!("{text}\n"));
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

async fn dispatch(app: Arc<App>, request: Request) -> Response {
    let began = clock::now();
    if request.method() == Method::OPTIONS {
        return reply::empty(StatusCode::OK);
    }
    let allowed = app.options.allow_origin.as_deref();
    if origin::is_refused(allowed, request.method(), request.headers()) {
        return failed(StatusCode::FORBIDDEN, origin::REFUSED);
    }
    let params = match Params::parse(request.uri().query().unwrap_or_default()) {
        Ok(params) => Arc::new(params),
        Err(text) => return failed(StatusCode::BAD_REQUEST, &text),
    };
    let endpoint = match admit(&app, &request) {
        Ok(endpoint) => endpoint,
        Err(status) => return reply::empty(status),
    };
    let call = Call { app, params, began };
    match handle(call.clone(), endpoint, request).await {
        Ok(response) => response,
        Err(failure) if failure == Failure::no_leader() => {
            call.app.counters.leader_not_found.one();
            failed(StatusCode::SERVICE_UNAVAILABLE, failure.text())
        }
        Err(Failure::Status(status, text)) => failed(status, &text),
        Err(Failure::TopLevel(text)) => call.failed(&text),
    }
}

async fn handle(call: Call, endpoint: Endpoint, request: Request) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let app = Arc::clone(&call.app);
    // They read their body by themselves.
    match endpoint {
        Endpoint::Load => return Box::pin(load::load(call, parts, body)).await,
        Endpoint::Boot => return Box::pin(load::boot(call, body)).await,
        _ => {}
    }
    let (body, _memory) = read_body(body, &app.bodies).await?;
    match endpoint {
        Endpoint::Home => Ok(console::home()),
        Endpoint::Execute => sql::execute(call, parts, &body).await,
        Endpoint::Query => sql::query(call, parts, &body).await,
        Endpoint::Request => sql::request(call, parts, &body).await,
        Endpoint::Status => Ok(status::status(&call).await),
        Endpoint::Nodes => Ok(cluster::nodes(&call).await),
        Endpoint::Ready => Ok(cluster::ready(&call).await),
        Endpoint::Remove => cluster::remove(&call, &parts, &body).await,
        Endpoint::Leader if parts.method == Method::GET => cluster::leader(&call).await,
        Endpoint::Leader => cluster::step_down(&call, &parts, &body).await,
        Endpoint::Backup => backup::backup(&call, &parts).await,
        Endpoint::Snapshot => maintain::snapshot(&call).await,
        Endpoint::Reap => maintain::reap(&call).await,
        Endpoint::Licenses => Ok(maintain::licenses()),
        Endpoint::Vars => Ok(vars::vars(&call)),
        Endpoint::Metrics => Ok(metrics::metrics(&call)),
        Endpoint::Verify => maintain::verify(&call).await,
        Endpoint::Sql => maintain::sql(&call, &parts, &body).await,
        Endpoint::Console => Ok(console::serve(&parts)),
        Endpoint::Changes => changes::changes(&call, &parts).await,
        // Above.
        Endpoint::Load | Endpoint::Boot => Err(Failure::internal("the body was read already")),
    }
}

/// Reads a body, and takes memory for it that is given back when the permits are dropped.
async fn read_body(
    body: Body,
    memory: &Semaphore,
) -> Result<(Vec<u8>, Option<SemaphorePermit<'_>>), Failure> {
    let mut stream = body.into_data_stream();
    let mut whole = Vec::new();
    let mut permits: Option<SemaphorePermit<'_>> = None;
    loop {
        let Ok(part) = clock::timeout(BODY_PAUSE_MAX, stream.next()).await else {
            let text = "the request's body did not arrive in time";
            return Err(Failure::Status(StatusCode::REQUEST_TIMEOUT, text.to_owned()));
        };
        let Some(part) = part else { return Ok((whole, permits)) };
        let part = part.map_err(|_| Failure::bad_request("the request's body broke off"))?;
        if whole.len() + part.len() > BODY_BYTES_MAX {
            let text = format!("the request's body is larger than {BODY_BYTES_MAX} bytes");
            return Err(Failure::Status(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        let units = part.len().div_ceil(BODY_UNIT) as u32;
        let permit = memory.try_acquire_many(units).map_err(|_| {
            let text = "other requests' bodies take up the memory there is for them";
            Failure::Status(StatusCode::TOO_MANY_REQUESTS, text.to_owned())
        })?;
        match &mut permits {
            Some(permits) => permits.merge(permit),
            None => permits = Some(permit),
        }
        whole.extend_from_slice(&part);
    }
}

/// The whole API without a socket, for tests that bring an engine.
#[cfg(test)]
pub(crate) struct TestClient(Router);

/// What a [`TestClient`] was answered.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct TestReply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

#[cfg(test)]
impl TestClient {
    pub(crate) fn new(engine: Engine, options: Options) -> Self {
        // Nobody sends: the test's end is the end.
        Self(router(engine, Arc::new(options), watch::channel(false).1).0)
    }

    /// `content_type` may be empty.
    pub(crate) async fn send(
        &self,
        method: &str,
        uri: &str,
        content_type: &str,
        body: &str,
    ) -> TestReply {
        self.send_with(method, uri, &[("content-type", content_type)], body).await
    }

    pub(crate) async fn send_with(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> TestReply {
        use tower::ServiceExt;
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.0.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        TestReply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_by_prefix_or_exactly() {
        let found = |path| route(path).map(|(endpoint, _)| endpoint);
        assert_eq!(found("/db/execute"), Ok(Endpoint::Execute));
        assert_eq!(found("/db/query/"), Ok(Endpoint::Query));
        assert_eq!(found("/leader"), Ok(Endpoint::Leader));
        assert_eq!(found("/leader/x"), Err(StatusCode::NOT_FOUND));
        assert_eq!(found("/delete"), Err(StatusCode::NOT_FOUND));
        assert!(!route("/db/execute").unwrap().1.contains(&Method::GET));
        assert!(!route("/status").unwrap().1.contains(&Method::HEAD));
    }

    #[tokio::test]
    async fn bodies_are_bounded_one_by_one_and_together() {
        let memory = Semaphore::new(BODIES_BYTES_MAX / BODY_UNIT);
        let body = || Body::from(vec![b' '; BODY_BYTES_MAX]);
        let mut held = Vec::new();
        for _ in 0..BODIES_BYTES_MAX / BODY_BYTES_MAX {
            held.push(read_body(body(), &memory).await.unwrap());
        }
        let status = |read: Result<_, Failure>| match read {
            Err(Failure::Status(status, _)) => status,
            _ => StatusCode::OK,
        };
        let full = read_body(Body::from("x"), &memory).await;
        assert_eq!(status(full), StatusCode::TOO_MANY_REQUESTS);
        held.pop();
        assert_eq!(status(read_body(body(), &memory).await), StatusCode::OK);
        held.pop();
        let large = Body::from(vec![b' '; BODY_BYTES_MAX + 1]);
        assert_eq!(status(read_body(large, &memory).await), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
