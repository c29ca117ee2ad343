//! A statement's rows on their way from the thread that runs it to the session that reads them.
//!
//! A [`RowStream`] has one producer (a reader thread or a write lane, which block; or a task that
//! takes rows from another node, which waits) and one consumer, [`Rows`]. It holds
//! [`BATCHES_MAX`] batches: a slow client stops its statement and costs no memory. When the
//! session wants to run the next statement on the same connection first, the rest is read into
//! memory, up to a limit ([`Rest::keep`]).
//!
//! The first batch is handed over together with what follows it, so that a small result wakes its
//! consumer once.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::engine::cancel::{self, Running, Stopped, Token, lock};
use crate::model::error::{Error, SqlState};
use crate::model::id::LogIndex;
use crate::model::statement::{Completion, StatementResult};
use crate::model::value::{ResultColumn, RowBatch, Value};
use crate::platform::clock::Instant;
use crate::platform::task;
use crate::sqlite::{Control, RowSink};

/// Batches that wait for the consumer.
const BATCHES_MAX: usize = 2;
/// How often a producer that waits for a slow client looks at its deadline and its flag.
const BLOCKED_CHECK: Duration = Duration::from_millis(50);

/// How a stream ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum End {
    Done(Completion),
    Failed(Error),
    /// The statement was compiled for another schema; nothing was run.
    SchemaChanged,
}

#[derive(Debug, Default)]
struct State {
    columns: Option<Vec<ResultColumn>>,
    batches: VecDeque<RowBatch>,
    /// Set when the rest of the rows is to be kept in memory: bytes that may still come.
    keep: Option<usize>,
    end: Option<End>,
    /// Whether it failed before anybody saw a row of it.
    failed_early: bool,
    /// Set by others to make the producer stop with this error.
    stopped: Option<Error>,
    receiver_gone: bool,
    consumer: Option<Waker>,
    producer: Option<Waker>,
    /// A producer's thread waits for space. Waking nobody is a system call all the same.
    blocked: bool,
}

impl State {
    fn wake_consumer(&mut self) {
        if let Some(waker) = self.consumer.take() {
            waker.wake();
        }
    }

    /// Why no more rows are wanted, if so.
    fn refusal(&self) -> Option<Error> {
        if self.receiver_gone {
            return Some(Stopped::Cancelled.error());
        }
        self.stopped.clone()
    }

    fn has_space(&self) -> bool {
        self.batches.len() < BATCHES_MAX || self.keep.is_some()
    }

    fn put(&mut self, batch: RowBatch) -> Result<(), Error> {
        if let Some(left) = &mut self.keep {
            let bytes = batch_bytes(&batch);
            *left = left.checked_sub(bytes).ok_or_else(too_large)?;
        }
        self.batches.push_back(batch);
        self.wake_consumer();
        Ok(())
    }
}

/// The shared part.
#[derive(Debug, Default)]
pub(super) struct RowStream {
    state: Mutex<State>,
    space: Condvar,
}

impl RowStream {
    /// Makes the producer stop: its next row fails with `error`.
    pub(super) fn stop(&self, error: Error) {
        self.change(|state| state.stopped = Some(error));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = lock(&self.state);
        change(&mut state);
        self.wake_producer(state);
    }

    fn wake_producer(&self, mut state: MutexGuard<'_, State>) {
        if let Some(waker) = state.producer.take() {
            waker.wake();
        }
        let blocked = state.blocked;
        drop(state);
        if blocked {
            self.space.notify_all();
        }
    }

    /// Waits for space on the producer's own thread, and puts the batch.
    fn put_blocking(&self, batch: RowBatch, control: &Control) -> Result<(), Error> {
        let mut state = lock(&self.state);
        loop {
            if let Some(refusal) = state.refusal() {
                return Err(refusal);
            }
            if state.has_space() || !task::may_block() {
                return state.put(batch);
            }
            check(control)?;
            state.blocked = true;
            state = self
                .space
                .wait_timeout(state, BLOCKED_CHECK)
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .0;
            state.blocked = false;
        }
    }

    fn poll_space(&self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        let mut state = lock(&self.state);
        if let Some(refusal) = state.refusal() {
            return Poll::Ready(Err(refusal));
        }
        if state.has_space() {
            return Poll::Ready(Ok(()));
        }
        state.producer = Some(context.waker().clone());
        Poll::Pending
    }

    fn poll_started(
        &self,
        partial: bool,
        context: &Context<'_>,
    ) -> Poll<Result<Option<Vec<ResultColumn>>, Error>> {
        let mut state = lock(&self.state);
        if let Some(end) = &state.end {
            match end {
                End::Failed(error)
                    if state.batches.is_empty() || state.failed_early && !partial =>
                {
                    return Poll::Ready(Err(error.clone()));
                }
                End::SchemaChanged => return Poll::Ready(Ok(None)),
                End::Failed(_) | End::Done(_) => {}
            }
            return Poll::Ready(Ok(Some(state.columns.take().unwrap_or_default())));
        }
        if let Some(columns) = state.columns.take() {
            return Poll::Ready(Ok(Some(columns)));
        }
        state.consumer = Some(context.waker().clone());
        Poll::Pending
    }

    fn poll_next(&self, context: &Context<'_>) -> Poll<Result<Next, Error>> {
        let mut state = lock(&self.state);
        if let Some(batch) = state.batches.pop_front() {
            self.wake_producer(state);
            return Poll::Ready(Ok(Next::Batch(batch)));
        }
        match &state.end {
            Some(End::Done(completion)) => Poll::Ready(Ok(Next::End(completion.clone()))),
            Some(End::Failed(error)) => Poll::Ready(Err(error.clone())),
            Some(End::SchemaChanged) => {
                Poll::Ready(Err(Error::internal("rows of a statement that was not run")))
            }
            None => {
                state.consumer = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

enum Next {
    Batch(RowBatch),
    End(Completion),
}

/// The producer's end. Dropping it without an end is reported as an internal error.
#[derive(Debug)]
pub(super) struct RowSender {
    pub stream: Arc<RowStream>,
    pub control: Control,
    pub token: Token,
    /// What is handed over with the next batch or the end.
    held: Option<(Vec<ResultColumn>, Option<RowBatch>)>,
    ended: bool,
}

/// A new stream: its producer's end, and its consumer's.
pub(super) fn channel(running: Running, deadline: Option<Instant>) -> (RowSender, Pending) {
    let stream = Arc::new(RowStream::default());
    let control = running.token.control(deadline);
    let sender = RowSender {
        stream: stream.clone(),
        control,
        token: running.token.clone(),
        held: None,
        ended: false,
    };
    (sender, Pending { stream, deadline, partial: false, running: Some(running) })
}

impl RowSender {
    pub(super) fn finish(mut self, end: End) {
        self.end(end);
    }

    fn end(&mut self, end: End) {
        let mut state = lock(&self.stream.state);
        if let Some((columns, batch)) = self.held.take() {
            state.failed_early = matches!(end, End::Failed(_));
            state.columns = Some(columns);
            state.batches.extend(batch);
        }
        // Why it was stopped says more than how the statement took it.
        let end = match (&state.stopped, end) {
            (Some(error), End::Failed(_)) => End::Failed(error.clone()),
            (_, end) => end,
        };
        state.end = Some(end);
        state.wake_consumer();
        self.ended = true;
    }

    /// Forgets what was put but not handed over yet: the statement is run again.
    pub(super) fn forget(&mut self) {
        self.held = None;
    }

    /// From now on all rows are kept: for a result whose consumer can't read meanwhile.
    pub(super) fn keep_all(&mut self) {
        lock(&self.stream.state).keep.get_or_insert(usize::MAX);
    }

    /// Hands over what is held, so that the consumer has the columns.
    fn release(&mut self) -> Option<RowBatch> {
        let (columns, batch) = self.held.take()?;
        let mut state = lock(&self.stream.state);
        state.columns = Some(columns);
        state.wake_consumer();
        batch
    }

    /// For a producer that is a task: puts a batch when there is space.
    pub(super) async fn send(&mut self, batch: RowBatch) -> Result<(), Error> {
        std::future::poll_fn(|context| self.stream.poll_space(context)).await?;
        lock(&self.stream.state).put(batch)
    }

    /// For a producer that is a task: the columns, which the consumer sees at once.
    pub(super) fn start(&mut self, columns: Vec<ResultColumn>) {
        self.held = Some((columns, None));
        self.release();
    }
}

impl RowSink for RowSender {
    fn columns(&mut self, columns: Vec<ResultColumn>) {
        self.held = Some((columns, None));
    }

    fn push(&mut self, batch: RowBatch) -> Result<(), Error> {
        if let Some((_, first @ None)) = &mut self.held {
            *first = Some(batch);
            return match lock(&self.stream.state).refusal() {
                Some(refusal) => Err(refusal),
                None => Ok(()),
            };
        }
        if let Some(first) = self.release() {
            self.stream.put_blocking(first, &self.control)?;
        }
        self.stream.put_blocking(batch, &self.control)
    }
}

impl Drop for RowSender {
    fn drop(&mut self) {
        if !self.ended {
            self.end(End::Failed(Error::internal("the statement ended without a result")));
        }
    }
}

/// A result that hasn't started yet.
#[derive(Debug)]
pub(super) struct Pending {
    stream: Arc<RowStream>,
    deadline: Option<Instant>,
    partial: bool,
    running: Option<Running>,
}

impl Pending {
    /// Whether a statement that fails gives the rows that it had by then first. Otherwise one that fails
    /// before anybody saw a row of it is just an error.
    pub(super) fn partial(mut self, partial: bool) -> Self {
        self.partial = partial;
        self
    }

    /// Waits for the first rows. `None`: the schema is another one by now. Dropping the wait stops
    /// the statement.
    pub(super) async fn started(mut self) -> Result<Option<Rows>, Error> {
        let token = self.running.as_ref().expect("taken only here").token.clone();
        let partial = self.partial;
        let started = std::future::poll_fn(|context| self.stream.poll_started(partial, context));
        // What runs obeys the deadline by itself; what waits for a thread or a connection doesn't.
        let started = match self.deadline {
            None => started.await,
            Some(_) => match cancel::until(self.deadline, &token, started).await {
                Ok(started) => started,
                Err(stopped) => {
                    token.cancel();
                    Err(stopped.error())
                }
            },
        };
        let running = self.running.take().expect("taken only here");
        Ok(started?.map(|columns| Rows {
            stream: self.stream.clone(),
            columns,
            completion: Completion::default(),
            running,
            interrupt: false,
            index: LogIndex::default(),
        }))
    }

    pub(super) fn rest(&self) -> Rest {
        Rest(Arc::downgrade(&self.stream))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.token.cancel();
            self.stream.change(|state| state.receiver_gone = true);
        }
    }
}

/// Rows that an earlier statement of the same connection may still have to give.
#[derive(Debug, Default)]
pub(super) struct Rest(std::sync::Weak<RowStream>);

impl Rest {
    /// Lets the statement run to its end, its rows kept in memory up to `bytes_max`.
    pub(super) fn keep(&self, bytes_max: usize) {
        if let Some(stream) = self.0.upgrade() {
            stream.change(|state| state.keep = state.keep.or(Some(bytes_max)));
        }
    }
}

/// A statement's rows as they come. Dropping it stops the statement.
#[derive(Debug)]
pub struct Rows {
    stream: Arc<RowStream>,
    columns: Vec<ResultColumn>,
    completion: Completion,
    running: Running,
    /// Whether dropping it interrupts SQLite. In a transaction that would be lost by it, the
    /// statement is stopped at its next row instead.
    interrupt: bool,
    /// 0 where there is none: an `Option` is twice as large.
    index: LogIndex,
}

impl Rows {
    /// Of a `strong` read: up to where the log had been applied when it began, or further.
    pub fn index(&self) -> Option<LogIndex> {
        Some(self.index).filter(|index| index.0 > 0)
    }

    pub fn columns(&self) -> &[ResultColumn] {
        &self.columns
    }

    /// The next rows; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<RowBatch>, Error> {
        match std::future::poll_fn(|context| self.stream.poll_next(context)).await? {
            Next::Batch(batch) => Ok(Some(batch)),
            Next::End(completion) => {
                self.completion = completion;
                Ok(None)
            }
        }
    }

    /// After the end: what the statement did.
    pub fn completion(&self) -> Completion {
        self.completion.clone()
    }

    /// Reads all rows into memory; 54000 above `bytes_max`.
    pub async fn collect(mut self, bytes_max: usize) -> Result<StatementResult, Error> {
        let mut collected = Collector::new(bytes_max);
        collected.columns(std::mem::take(&mut self.columns));
        while let Some(batch) = self.next().await? {
            collected.push(batch)?;
        }
        Ok(collected.into_result(self.completion()))
    }

    /// Makes dropping it interrupt SQLite: for statements outside a transaction.
    pub(super) fn interrupting(mut self) -> Self {
        self.interrupt = true;
        self
    }

    pub(super) fn at(mut self, index: Option<LogIndex>) -> Self {
        self.index = index.unwrap_or_default();
        self
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        let ended = lock(&self.stream.state).end.is_some();
        self.stream.change(|state| {
            state.receiver_gone = true;
            state.batches.clear();
        });
        if !ended && self.interrupt {
            self.running.token.cancel();
        }
    }
}

/// Takes a whole result into memory, up to a limit.
#[derive(Debug)]
pub(super) struct Collector {
    columns: Vec<ResultColumn>,
    rows: RowBatch,
    bytes_left: usize,
}

impl Collector {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { columns: Vec::new(), rows: RowBatch::default(), bytes_left: bytes_max }
    }

    pub(super) fn bytes_left(&self) -> usize {
        self.bytes_left
    }

    pub(super) fn into_result(self, completion: Completion) -> StatementResult {
        let (columns, rows, time) = (self.columns, self.rows, Duration::ZERO);
        StatementResult { columns, rows, completion, time }
    }
}

impl RowSink for Collector {
    fn columns(&mut self, columns: Vec<ResultColumn>) {
        self.rows.width = columns.len();
        self.columns = columns;
    }

    fn push(&mut self, batch: RowBatch) -> Result<(), Error> {
        let bytes = batch_bytes(&batch);
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or_else(too_large)?;
        self.rows.width = batch.width;
        self.rows.rows += batch.rows;
        if self.rows.values.is_empty() {
            self.rows.values = batch.values;
        } else {
            self.rows.values.extend(batch.values);
        }
        Ok(())
    }
}

fn batch_bytes(batch: &RowBatch) -> usize {
    batch.values.iter().map(Value::size).sum()
}

fn too_large() -> Error {
    Error::limit(SqlState::PROGRAM_LIMIT_EXCEEDED, "the result is too large to be held in memory")
        .with_hint("Fetch it in parts, or add a LIMIT.")
}

fn check(control: &Control) -> Result<(), Error> {
    if control.is_stopped() {
        return Err(Stopped::Cancelled.error());
    }
    if control.deadline.is_some_and(|deadline| deadline.remaining().is_zero()) {
        return Err(Stopped::Deadline.error());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cancel::Canceler;

    fn batch(value: i64) -> RowBatch {
        RowBatch { width: 1, rows: 1, values: vec![Value::Integer(value)] }
    }

    fn columns() -> Vec<ResultColumn> {
        vec![ResultColumn { name: "a".into(), ..ResultColumn::default() }]
    }

    #[tokio::test]
    async fn a_small_result_arrives_at_once() {
        let (mut sender, pending) = channel(Canceler::default().start(), None);
        sender.columns(columns());
        sender.push(batch(1)).unwrap();
        sender.finish(End::Done(Completion { rows: 1, ..Completion::default() }));
        let rows = pending.started().await.unwrap().unwrap();
        let result = rows.collect(1000).await.unwrap();
        assert_eq!((result.rows, result.completion.rows), (batch(1), 1));
    }

    #[tokio::test]
    async fn rows_before_a_failure_come_first_where_they_are_wanted() {
        for partial in [false, true] {
            let (mut sender, pending) = channel(Canceler::default().start(), None);
            sender.columns(columns());
            sender.push(batch(1)).unwrap();
            sender.finish(End::Failed(Error::internal("broken")));
            let started = pending.partial(partial).started().await;
            if !partial {
                assert_eq!(started.unwrap_err().message(), "broken");
                continue;
            }
            let mut rows = started.unwrap().unwrap();
            assert_eq!(rows.columns(), columns());
            assert_eq!(rows.next().await.unwrap(), Some(batch(1)));
            assert_eq!(rows.next().await.unwrap_err().message(), "broken");
        }
    }

    #[tokio::test]
    async fn a_slow_client_stops_its_statement_until_the_rest_is_kept() {
        let (mut sender, pending) = channel(Canceler::default().start(), None);
        let rest = pending.rest();
        let (progress, mut seen) = tokio::sync::mpsc::channel(16);
        let producer = task::thread("test", move || {
            sender.columns(columns());
            for value in 0..10 {
                sender.push(batch(value)).unwrap();
                progress.blocking_send(value).unwrap();
            }
            sender.finish(End::Done(Completion::default()));
        })
        .unwrap();
        let mut rows = pending.started().await.unwrap().unwrap();
        assert_eq!(rows.next().await.unwrap(), Some(batch(0)));
        assert!(!producer.is_finished());
        rest.keep(100_000);
        producer.join().unwrap();
        let mut last = None;
        while let Ok(value) = seen.try_recv() {
            last = Some(value);
        }
        assert_eq!(last, Some(9));
        for value in 1..10 {
            assert_eq!(rows.next().await.unwrap(), Some(batch(value)));
        }
        assert_eq!(rows.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_kept_is_limited() {
        let (mut sender, pending) = channel(Canceler::default().start(), None);
        pending.rest().keep(size_of::<Value>() * 3);
        sender.columns(columns());
        for value in 0..3 {
            sender.push(batch(value)).unwrap();
        }
        let error = sender.push(batch(3)).unwrap_err();
        assert_eq!(error.state(), SqlState::PROGRAM_LIMIT_EXCEEDED);
    }

    #[tokio::test]
    async fn dropping_the_rows_ends_the_statement() {
        let (mut sender, pending) = channel(Canceler::default().start(), None);
        sender.columns(columns());
        sender.push(batch(1)).unwrap();
        sender.push(batch(2)).unwrap();
        drop(pending.started().await.unwrap());
        assert_eq!(sender.push(batch(3)).unwrap_err().state(), SqlState::QUERY_CANCELED);
    }

    #[tokio::test]
    async fn a_stream_stopped_by_others_says_why() {
        let (mut sender, pending) = channel(Canceler::default().start(), None);
        sender.stream.stop(Error::serialization("lost"));
        sender.columns(columns());
        let error = sender.push(batch(1)).unwrap_err();
        sender.finish(End::Failed(error));
        assert_eq!(pending.started().await.unwrap_err().state(), SqlState::SERIALIZATION_FAILURE);
    }
}
