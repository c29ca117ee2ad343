//! Queued writes: `POST /db/execute?queue` is answered before its statements are run.
//!
//! One queue a node, in memory, bounded in requests and bytes. A task of its own takes what has come,
//! and gives it to the engine as one unit for each run of requests to the same database. What waits
//! here is lost with the process; a request with `wait` is answered when its batch is committed, and
//! then it isn't lost any more.
//!
//! A batch that can't be written for now is tried again until it can be. One whose outcome nobody can
//! know is not: it would be written twice. Whoever waits for it is told so; if nobody does, the log is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::engine::{Engine, Limits};
use crate::http::counters::Counters;
use crate::http::error::Failure;
use crate::http::json::Writer;
use crate::http::sql::{Call, begin_envelope};
use crate::http::{body, reply};
use crate::model::error::{Class, Error, SqlState};
use crate::model::id::DatabaseId;
use crate::model::statement::{Atomicity, Dialect, Statement, Unit, UnitOutcome};
use crate::platform::clock;
use crate::platform::task;

/// Texts and parameters that wait, in units of [`UNIT_BYTES`].
const UNITS_MAX: usize = (64 << 20) / UNIT_BYTES;
const UNIT_BYTES: usize = 1 << 10;
/// Before a batch is tried again.
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// Sizes and times.
#[derive(Debug, Clone, Copy)]
pub struct QueueOptions {
    /// Requests that wait at the most; others wait for a place.
    pub requests_max: usize,
    /// Requests in a batch at the most.
    pub batch_max: usize,
    /// A batch is written so long after its first request came, or earlier.
    pub delay_max: Duration,
    /// Whether a batch is one transaction: all of it or nothing.
    pub transaction: bool,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            requests_max: 1024,
            batch_max: 128,
            delay_max: Duration::from_millis(50),
            transaction: false,
        }
    }
}

/// A request in the queue.
#[derive(Debug)]
struct Queued {
    database: DatabaseId,
    statements: Vec<Statement>,
    /// Where it is told what became of it, if it waits.
    done: Option<oneshot::Sender<Result<(), Error>>>,
    _bytes: OwnedSemaphorePermit,
}

/// The way into the queue.
#[derive(Debug)]
pub(crate) struct Queue {
    sender: mpsc::Sender<Queued>,
    bytes: Arc<Semaphore>,
    sequence: AtomicU64,
    options: QueueOptions,
}

impl Queue {
    /// A queue and the task that empties it, which ends after the queue was dropped and is empty;
    /// the receiver resolves then.
    pub(crate) fn start(
        engine: Engine,
        options: QueueOptions,
        counters: Arc<Counters>,
    ) -> (Self, oneshot::Receiver<()>) {
        let (sender, receiver) = mpsc::channel(options.requests_max.max(1));
        let (ended, ends) = oneshot::channel();
        task::spawn(async move {
            run(&engine, options, &counters, receiver).await;
            // Nobody may be waiting.
            let _ = ended.send(());
        });
        // Later than any number that an earlier life of this node gave out.
        let sequence = AtomicU64::new(clock::wall().as_nanos() as u64);
        let bytes = Arc::new(Semaphore::new(UNITS_MAX));
        (Self { sender, bytes, sequence, options }, ends)
    }

    /// For `/status`.
    pub(crate) fn status(&self) -> serde_json::Value {
        serde_json::json!({ "_default": {
            "max_size": self.options.requests_max,
            "batch_size": self.options.batch_max,
            "timeout": super::duration::format(self.options.delay_max),
            "sequence_number": self.sequence.load(Ordering::Relaxed),
            "waiting": self.waiting(),
        }})
    }

    /// Requests that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }

    /// Puts statements into the queue, when there is space. Returns their number.
    async fn put(
        &self,
        database: DatabaseId,
        statements: Vec<Statement>,
        done: Option<oneshot::Sender<Result<(), Error>>>,
    ) -> Result<u64, Failure> {
        let bytes: usize = statements.iter().map(Statement::size).sum();
        let units = bytes.div_ceil(UNIT_BYTES).min(UNITS_MAX) as u32;
        let stopping = || Failure::Status(StatusCode::SERVICE_UNAVAILABLE, "stopping".to_owned());
        let bytes = Arc::clone(&self.bytes).acquire_many_owned(units).await;
        let bytes = bytes.map_err(|_| stopping())?;
        let place = self.sender.reserve().await.map_err(|_| stopping())?;
        // Between here and the sending nothing waits, so numbers follow the queue's order.
        let number = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        place.send(Queued { database, statements, done, _bytes: bytes });
        Ok(number)
    }
}

/// `POST /db/execute?queue`
pub(crate) async fn execute(
    call: &Call,
    database: DatabaseId,
    statements: Vec<Statement>,
) -> Result<Response, Failure> {
    let wait = call.params.has("wait");
    call.app.counters.queued_executions.one();
    call.app.counters.queued_executions_wait.add(u64::from(wait));
    if !call.params.has("noleader") && call.app.engine.leader().is_none() {
        return Err(Failure::no_leader());
    }
    if statements.is_empty() && !wait {
        return Err(Failure::bad_request(body::NO_STATEMENTS));
    }
    let (done, outcome) = oneshot::channel();
    let queued = async {
        let queue = &call.app.queue;
        let number = queue.put(database, statements, wait.then_some(done)).await?;
        let written = if wait { outcome.await.ok() } else { None };
        Ok::<_, Failure>((number, written.unwrap_or(Ok(()))))
    };
    let Ok(queued) = clock::timeout(call.params.timeout_or_default(), queued).await else {
        let text = "queue wait timeout";
        return Err(Failure::Status(StatusCode::REQUEST_TIMEOUT, text.to_owned()));
    };
    let (number, written) = queued?;
    let mut json = Writer::new(call.params.has("pretty"));
    begin_envelope(&mut json);
    json.end(b']');
    if let Err(error) = &written {
        json.key("error");
        json.string(error.message());
    }
    json.key("sequence_number");
    json.integer(number as i64);
    if let Some(time) = call.time(call.began) {
        json.key("time");
        // A duration is finite.
        let _ = json.float(time.as_secs_f64());
    }
    json.end(b'}');
    Ok(call.served(reply::json(json.out), false))
}

async fn run(
    engine: &Engine,
    options: QueueOptions,
    counters: &Counters,
    mut queue: mpsc::Receiver<Queued>,
) {
    while let Some(first) = queue.recv().await {
        let until = clock::now().plus(options.delay_max);
        let mut batch = vec![first];
        while batch.len() < options.batch_max {
            match clock::timeout(until.remaining(), queue.recv()).await {
                Ok(Some(next)) => batch.push(next),
                // The time is up, or no more will come.
                Ok(None) | Err(clock::Elapsed) => break,
            }
        }
        let mut rest = batch.into_iter().peekable();
        while let Some(first) = rest.next() {
            let mut same = vec![first];
            while let Some(next) = rest.next_if(|next| next.database == same[0].database) {
                same.push(next);
            }
            let written = write(engine, options, same).await;
            let counter = if written {
                &counters.queued_executions_ok
            } else {
                &counters.queued_executions_failed
            };
            counter.one();
        }
    }
}

/// Writes requests to one database, and tells those who wait. Whether it was committed.
async fn write(engine: &Engine, options: QueueOptions, batch: Vec<Queued>) -> bool {
    let database = batch[0].database;
    let atomicity = if options.transaction { Atomicity::Unit } else { Atomicity::Statement };
    let statements: Vec<Statement> =
        batch.iter().flat_map(|queued| queued.statements.iter().cloned()).collect();
    let unit = Unit { dialect: Dialect::Sqlite, atomicity, statements, schema: None, key: None };
    let outcome = if unit.statements.is_empty() {
        Ok(Vec::new())
    } else {
        commit(engine, database, &unit).await
    };
    let mut at = 0;
    for queued in batch {
        let its = at..at + queued.statements.len();
        at = its.end;
        let outcome = match &outcome {
            Err(error) => Err(error.clone()),
            // A transaction that failed has fewer results than statements, the last one its error.
            Ok(results) if options.transaction => {
                results.iter().flatten().next().cloned().map_or(Ok(()), Err)
            }
            Ok(results) => {
                results.get(its).into_iter().flatten().flatten().next().cloned().map_or(Ok(()), Err)
            }
        };
        match (queued.done, outcome) {
            // Whoever doesn't wait any more was told so.
            (Some(done), outcome) => drop(done.send(outcome)),
            (None, Err(error)) => tracing::warn!("a queued write failed: {error}"),
            (None, Ok(())) => {}
        }
    }
    outcome.is_ok()
}

/// Whether an error says that nothing was done, and will pass.
fn may_work_later(error: &Error) -> bool {
    match error.class() {
        Class::Retry => error.state() != SqlState::DATABASE_DROPPED,
        Class::Limit => {
            matches!(error.state(), SqlState::TOO_MANY_CONNECTIONS | SqlState::DISK_FULL)
        }
        Class::User | Class::Refused | Class::Unknown | Class::Internal => false,
    }
}

/// Writes a unit, as often as it takes. Returns each statement's error, if it has one.
async fn commit(
    engine: &Engine,
    database: DatabaseId,
    unit: &Unit,
) -> Result<Vec<Option<Error>>, Error> {
    let mut failed_before = false;
    loop {
        let error = match engine.write(database, unit.clone(), &Limits::default()).await {
            Ok(written) => match written.outcome {
                UnitOutcome::Ran(results) => {
                    return Ok(results.into_iter().map(Result::err).collect());
                }
                UnitOutcome::SchemaChanged => {
                    Error::internal("a unit without a schema is never out of date")
                }
            },
            Err(error) => error,
        };
        if !may_work_later(&error) {
            return Err(error);
        }
        if !failed_before {
            tracing::warn!("queued writes wait: {error}");
        }
        failed_before = true;
        clock::sleep(RETRY_DELAY).await;
    }
}
