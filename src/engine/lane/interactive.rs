//! An open transaction of one client, which holds the write slot from its first statement to its
//! end.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::platform::watch;
use tokio::sync::oneshot;

use super::batch::changed;
use super::propose::Waiters;
use super::{Event, Lane, LaneHandle, Queued, Refusal, State, Waiting};
use crate::engine::cancel::Token;
use crate::engine::rows::{Collector, End, RowSender};
use crate::engine::short::{OneBatch, ShortTexts, Text};
use crate::model::catalog::Catalog;
use crate::model::error::{Error, Fault, SqlState};
use crate::model::id::{LogIndex, Position, SchemaVersion};
use crate::model::statement::{Completion, Dialect, Statement};
use crate::model::value::RowBatch;
use crate::platform::clock::Instant;
use crate::platform::mutant::mutant;
use crate::raft::Fence;
use crate::sqlite::{Control, Outcome, RunError};

/// Statements, known to be short, of a transaction whose end takes little time.
const BRIEF_STATEMENTS_MAX: usize = 32;

/// A request for the write slot.
#[derive(Debug)]
pub(in crate::engine) struct Opening {
    pub dialect: Dialect,
    pub since: Option<Position>,
    pub lane: LaneHandle,
    pub _place: Waiting,
    pub reply: oneshot::Sender<Result<Opened, Refusal>>,
}

impl Opening {
    pub(super) fn answer(self, answer: Result<Opened, Refusal>) {
        // What is dropped with the answer rolls the transaction back.
        let _ = self.reply.send(answer);
    }
}

/// What a transaction has done to the catalog, for its holder to see without asking.
#[derive(Debug)]
pub(in crate::engine) struct CatalogState {
    /// The schema that it began with.
    schema: SchemaVersion,
    /// Whether it may have another catalog than the committed one by now.
    changed: AtomicBool,
}

impl CatalogState {
    pub(in crate::engine) fn new(schema: SchemaVersion) -> Arc<Self> {
        Arc::new(Self { schema, changed: AtomicBool::new(false) })
    }

    /// The committed catalog's version, while it is the transaction's own as well.
    pub(in crate::engine) fn committed(&self) -> Option<SchemaVersion> {
        (!self.changed.load(Ordering::Acquire)).then_some(self.schema)
    }

    pub(in crate::engine) fn change(&self) {
        self.changed.store(true, Ordering::Release);
    }
}

/// The holder's end of an open transaction. Dropping it rolls the transaction back.
#[derive(Debug)]
pub(in crate::engine) struct Opened {
    number: u64,
    lane: LaneHandle,
    lost: watch::Receiver<Option<Error>>,
    catalog: Arc<CatalogState>,
}

impl Opened {
    pub(in crate::engine) fn catalog(&self) -> Arc<CatalogState> {
        self.catalog.clone()
    }

    pub(in crate::engine) async fn send(&self, request: Request) -> Result<(), Error> {
        let event = Event::Statement { transaction: self.number, request };
        match self.lane.send(event).await {
            Ok(()) => Ok(()),
            Err(Refusal::Error(error)) => Err(error),
            Err(Refusal::NotLeader) => Err(super::leadership_lost()),
        }
    }

    pub(in crate::engine) fn lost(&self) -> watch::Receiver<Option<Error>> {
        self.lost.clone()
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if mutant("disconnect-keeps-transaction") {
            return;
        }
        // After a commit no transaction has this number any more.
        self.lane.shared.interrupt(Some(self.number), &Error::internal("rolled back"));
        let request = Request::Rollback { reply: None };
        self.lane.send_soon(Event::Statement { transaction: self.number, request });
    }
}

/// What is done with a savepoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Mark {
    Set,
    RollBackTo,
    Release,
}

/// A step of a private transaction.
#[derive(Debug, Clone)]
pub(in crate::engine) enum Replayed {
    Statement(Statement, Outcome),
    /// A savepoint that is set.
    Savepoint(u32),
}

/// What the holder asks for. Answers that nobody waits for any more are dropped.
#[derive(Debug)]
pub(in crate::engine) enum Request {
    Run {
        statement: Statement,
        rows: RowSender,
        /// For private transactions elsewhere: the longest wait for a row or the write slot.
        lock_timeout: Option<Duration>,
    },
    /// To a transaction elsewhere that may be private: take the write slot.
    Exclusive {
        deadline: Option<Instant>,
        lock_timeout: Option<Duration>,
        token: Token,
        reply: oneshot::Sender<Result<(), Error>>,
    },
    RunEach {
        sql: Arc<str>,
        rows: RowBatch,
        token: Token,
        deadline: Option<Instant>,
        reply: oneshot::Sender<Result<Completion, Error>>,
    },
    Mark {
        mark: Mark,
        depth: u32,
        reply: oneshot::Sender<Result<(), Error>>,
    },
    Catalog {
        reply: oneshot::Sender<Result<Arc<Catalog>, Error>>,
    },
    /// What a private transaction has done so far: 40001 if something comes out differently.
    Replay {
        steps: Vec<Replayed>,
        reply: oneshot::Sender<Result<(), Error>>,
    },
    /// Put a file in the database's place.
    Load {
        path: PathBuf,
        token: Token,
        deadline: Option<Instant>,
        reply: oneshot::Sender<Result<(), Error>>,
    },
    Commit {
        reply: oneshot::Sender<Result<Option<LogIndex>, Error>>,
    },
    Rollback {
        reply: Option<oneshot::Sender<()>>,
    },
}

impl Request {
    fn refuse(self, error: Error) {
        match self {
            Self::Run { rows, .. } => rows.finish(End::Failed(error)),
            Self::RunEach { reply, .. } => drop(reply.send(Err(error))),
            Self::Exclusive { reply, .. } => drop(reply.send(Err(error))),
            Self::Mark { reply, .. } => drop(reply.send(Err(error))),
            Self::Catalog { reply } => drop(reply.send(Err(error))),
            Self::Replay { reply, .. } | Self::Load { reply, .. } => drop(reply.send(Err(error))),
            Self::Commit { reply } => drop(reply.send(Err(error))),
            Self::Rollback { reply } => drop(reply.map(|reply| reply.send(()))),
        }
    }
}

/// The lane's end.
#[derive(Debug)]
pub(super) struct Open {
    pub number: u64,
    pub dialect: Dialect,
    pub fence: Fence,
    lost: watch::Sender<Option<Error>>,
    catalog: Arc<CatalogState>,
    /// Statements run so far; `None` once one of them may have changed much.
    statements: Option<usize>,
}

impl Open {
    /// Whether a request takes little time.
    pub(super) fn is_brief(&self, request: &Request, texts: &ShortTexts) -> bool {
        match request {
            Request::Run { statement, .. } => texts.is_short(Text::of(statement)),
            Request::Mark { .. } => true,
            Request::Commit { .. } | Request::Rollback { .. } => {
                self.statements.is_some_and(|count| count <= BRIEF_STATEMENTS_MAX)
            }
            Request::Exclusive { .. } => true,
            Request::RunEach { .. }
            | Request::Catalog { .. }
            | Request::Replay { .. }
            | Request::Load { .. } => false,
        }
    }
}

/// A COMMIT that waits for its outcome.
#[derive(Debug)]
pub(super) struct Committing {
    reply: oneshot::Sender<Result<Option<LogIndex>, Error>>,
}

impl Committing {
    pub(super) fn answer(self, answer: Result<Option<LogIndex>, Error>) {
        // Whoever doesn't wait any more has given up on the answer.
        let _ = self.reply.send(answer);
    }
}

impl Lane {
    /// Gives the write slot to the head of the queue.
    pub(super) fn open_next(&mut self) -> Result<(), Fault> {
        let (Some(Queued::Open(opening)), Some(fence)) = (self.queue.pop(), self.fence) else {
            return Ok(());
        };
        if opening.reply.is_closed() {
            return Ok(());
        }
        if opening.since.is_some_and(|since| since.txid != self.base().txid) {
            let message = "could not serialize access due to concurrent update";
            opening.answer(Err(Error::serialization(message).into()));
            return Ok(());
        }
        self.shared.privates.overtake();
        self.writer().begin(opening.dialect)?;
        let number = self.next_transaction;
        self.next_transaction += 1;
        let (lost, loss) = watch::channel(None);
        let catalog = CatalogState::new(self.writer().schema());
        self.state = State::Interactive(Open {
            number,
            dialect: opening.dialect,
            fence,
            lost,
            catalog: catalog.clone(),
            statements: Some(0),
        });
        let opened = Opened { number, lane: opening.lane.clone(), lost: loss, catalog };
        opening.answer(Ok(opened));
        Ok(())
    }

    /// Returns a request that the lane's own thread must handle.
    pub(super) fn on_request(
        &mut self,
        transaction: u64,
        request: Request,
    ) -> Result<Option<Request>, Fault> {
        match &self.state {
            State::Interactive(open) if open.number == transaction => {}
            _ => {
                request.refuse(gone());
                return Ok(None);
            }
        }
        match request {
            Request::Run { statement, rows, .. } => {
                return self.on_run(transaction, statement, rows);
            }
            Request::RunEach { sql, rows, token, deadline, reply } => {
                let control = self.control(&token, deadline);
                self.running(Some(transaction), None);
                let ran = self.writer().run_each(&sql, &rows, &control);
                let ran = explained(ran, self.ran());
                self.note_catalog();
                self.count(false);
                self.reply(ran, reply)?;
            }
            Request::Exclusive { reply, .. } => {
                // It has it.
                let _ = reply.send(Ok(()));
            }
            Request::Mark { mark, depth, reply } => {
                let writer = self.writer();
                let marked = match mark {
                    Mark::Set => writer.savepoint(depth),
                    Mark::RollBackTo => writer.rollback_to(depth),
                    Mark::Release => writer.release(depth),
                };
                self.reply(marked, reply)?;
            }
            Request::Catalog { reply } => {
                // Dropped answers: see `Request`.
                let _ = reply.send(self.writer().catalog());
            }
            Request::Replay { steps, reply } => {
                let replayed = self.replay(&steps);
                self.reply(replayed, reply)?;
            }
            Request::Load { path, token, deadline, reply } => {
                let control = self.control(&token, deadline);
                self.running(Some(transaction), None);
                let loaded = self.writer().load(&path, &control);
                let loaded = explained(loaded, self.ran());
                self.count(false);
                self.reply(loaded, reply)?;
            }
            Request::Commit { reply } => self.on_commit(Committing { reply })?,
            Request::Rollback { reply } => {
                self.state = State::Idle;
                self.writer().rollback()?;
                if let Some(reply) = reply {
                    let _ = reply.send(());
                }
            }
        }
        Ok(None)
    }

    fn on_run(
        &mut self,
        transaction: u64,
        statement: Statement,
        mut rows: RowSender,
    ) -> Result<Option<Request>, Fault> {
        let text = Text::of(&statement);
        let control = self.control(&rows.token, rows.control.deadline);
        self.running(Some(transaction), Some(rows.stream.clone()));
        let began = self.began();
        // Its consumer is the task that stands still while the lane runs here.
        let ran = if self.here && self.texts.reads(text) {
            let mut sink = OneBatch::new(&mut rows);
            let ran = self.writer().run(&statement, &control, &mut sink);
            if sink.overran() {
                self.ran();
                rows.forget();
                self.texts.strike(text);
                let lock_timeout = None;
                return Ok(Some(Request::Run { statement, rows, lock_timeout }));
            }
            ran
        } else {
            if self.here {
                rows.keep_all();
            }
            self.writer().run(&statement, &control, &mut rows)
        };
        let ran = explained(ran, self.ran());
        self.note_text(text, began, &ran, &control);
        self.count(self.texts.is_short(text));
        match ran {
            Ok(completion) => {
                if !completion.read_only {
                    self.note_catalog();
                }
                rows.finish(End::Done(completion));
            }
            Err(failed) => {
                self.note(&failed)?;
                rows.finish(End::Failed(failed.error));
            }
        }
        Ok(None)
    }

    /// Counts a statement of the open transaction.
    fn count(&mut self, is_short: bool) {
        if let State::Interactive(open) = &mut self.state {
            open.statements = open.statements.filter(|_| is_short).map(|count| count + 1);
        }
    }

    fn replay(&mut self, steps: &[Replayed]) -> Result<(), RunError> {
        for step in steps {
            match step {
                Replayed::Savepoint(depth) => self.writer().savepoint(*depth)?,
                Replayed::Statement(statement, outcome) => {
                    if self.outcome(statement, &Control::default())? != *outcome {
                        let (error, fault) = (changed(), None);
                        return Err(RunError { error, transaction_lost: false, fault });
                    }
                }
            }
        }
        Ok(())
    }

    /// Runs a statement of which only what comes of it counts.
    pub(super) fn outcome(
        &mut self,
        statement: &Statement,
        control: &Control,
    ) -> Result<Outcome, RunError> {
        let mut rows = Collector::new(self.limits.result_bytes_max);
        let ran = self.writer().run(statement, control, &mut rows)?;
        Ok(Outcome::of(&rows.into_result(ran)))
    }

    /// Notes whether a statement that wrote may have changed the catalog.
    fn note_catalog(&mut self) {
        let schema = self.writer().schema();
        if let State::Interactive(open) = &self.state
            && schema != open.catalog.schema
        {
            open.catalog.change();
        }
    }

    fn reply<T>(
        &mut self,
        ran: Result<T, RunError>,
        reply: oneshot::Sender<Result<T, Error>>,
    ) -> Result<(), Fault> {
        if let Err(failed) = &ran {
            self.note(failed)?;
        }
        let _ = reply.send(ran.map_err(|failed| failed.error));
        Ok(())
    }

    /// Ends the transaction if SQLite did, and the lane if the node can't go on.
    pub(super) fn note(&mut self, failed: &RunError) -> Result<(), Fault> {
        if let Some(fault) = &failed.fault {
            return Err(fault.clone());
        }
        if failed.transaction_lost { self.lose_transaction(&failed.error) } else { Ok(()) }
    }

    /// Rolls back the open transaction, if one is, and tells its holder.
    pub(super) fn lose_transaction(&mut self, error: &Error) -> Result<(), Fault> {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle => Ok(()),
            State::Interactive(open) => {
                open.lost.send_replace(Some(error.clone()));
                self.writer().rollback()
            }
        }
    }

    fn on_commit(&mut self, committing: Committing) -> Result<(), Fault> {
        let State::Interactive(open) = std::mem::replace(&mut self.state, State::Idle) else {
            return Ok(());
        };
        let base = self.base();
        match self.writer().capture(base) {
            Ok(Some(capture)) => {
                self.exclusive_in_flight = true;
                self.propose(capture, open.fence, Waiters::Commit(committing))
            }
            Ok(None) => {
                self.writer().rollback()?;
                self.confirm(open.fence, Waiters::Commit(committing));
                Ok(())
            }
            Err(failed) => {
                self.note(&failed)?;
                self.writer().rollback()?;
                committing.answer(Err(failed.error));
                Ok(())
            }
        }
    }
}

/// What ran, with the true reason if it was stopped: SQLite only knows that it was.
fn explained<T>(ran: Result<T, RunError>, stopped: Option<Error>) -> Result<T, RunError> {
    ran.map_err(|failed| match stopped {
        Some(error) if failed.error.state() == SqlState::QUERY_CANCELED => {
            RunError { error, ..failed }
        }
        _ => failed,
    })
}

/// The transaction isn't open any more.
fn gone() -> Error {
    Error::user(SqlState::INVALID_TRANSACTION_STATE, "the transaction is not open any more")
}
