//! Private transactions: several clients' interactive transactions at once.
//!
//! A transaction of statements whose rows are known before they run (`model::statement::Touch`)
//! doesn't take the write slot. Each of its statements is run where it is asked for, on the newest
//! committed state and the transaction's own earlier statements, and rolled back at once
//! (`sqlite::Database::run_private`). At COMMIT the statements that write are given to the lane as a
//! unit of its group commit, and must come out there as the client saw them.
//!
//! | the client sees | it holds until COMMIT, because |
//! |---|---|
//! | that a row was changed, no more | it must not go, or come |
//! | what is in rows that it has changed (SELECT, RETURNING, further conditions) | nobody else may change those rows first |
//! | other rows | nothing, as in PostgreSQL: READ COMMITTED promises nothing of them |
//!
//! That is held by row locks (`lane::row_locks`): who wants what another holds waits until that one
//! ends, and then runs on what it has left. What can't be done this way (DDL, statements of unknown
//! rows, FOR UPDATE, COPY, large results, many statements) takes the write slot in the middle of the
//! transaction, and what was done so far is run again there ([`Private::promote`]).
//!
//! Invariants:
//! - Nothing of a private transaction is on the write connection before its COMMIT.
//! - It is active (`lane::privates`) while it runs a statement and while it commits.
//! - If something that knows no row locks has run since its last statement, all that its client has
//!   seen is compared anew before it goes on: 40001 if it came out differently.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use tokio::sync::oneshot;

use crate::engine::Limits;
use crate::engine::cancel::Running;
use crate::engine::lane::{
    Asked, CatalogState, Claim, Entering, Event, Opened, Private as Seen, Refusal, Registration,
    Replayed, Request, Submission, Want, leadership_lost, wants,
};
use crate::engine::route::until_slot;
use crate::engine::rows::RowSender;
use crate::engine::short::{CHECKS_MAX, OneBatch};
use crate::engine::store::Entry;
use crate::engine::{Begin, Written};
use crate::model::error::Error;
use crate::model::statement::{Atomicity, Completion, Dialect, Statement, Unit, UnitOutcome};
use crate::platform::watch;
use crate::sqlite::{Control, Job, Outcome, Ran};

/// Statements that are kept to be run again. A transaction with more takes the write slot.
const STATEMENTS_MAX: usize = 32;
/// Bytes of their parameters.
const PARAMETER_BYTES_MAX: usize = 64 << 10;

/// A statement that the client has seen the result of.
#[derive(Debug, Clone)]
struct Done {
    statement: Statement,
    outcome: Outcome,
}

#[derive(Debug, Clone)]
enum Step {
    Done(Done),
    /// A savepoint that is set: those inside it come after it.
    Savepoint(u32),
}

/// What came of a statement.
#[derive(Debug)]
pub(super) enum Came {
    Done(Completion),
    /// It needs the write slot; nothing was done.
    NeedsSlot,
    /// It was compiled for another schema. Nothing was done, and the transaction is a new one.
    Stale,
}

/// An open private transaction, at the leader. Dropping it forgets it.
#[derive(Debug)]
pub(super) struct Private {
    entry: Arc<Entry>,
    registration: Arc<Registration>,
    catalog: Arc<CatalogState>,
    /// Up to when what the client has seen is known to hold.
    epoch: u64,
    steps: Vec<Step>,
    parameter_bytes: usize,
    first: Option<Arc<str>>,
}

impl Private {
    /// `None` if there can't be private transactions now.
    pub(super) fn begin(entry: &Arc<Entry>) -> Option<Self> {
        let registration = entry.lane.shared.privates.register(&entry.lane)?;
        Some(Self {
            entry: entry.clone(),
            catalog: CatalogState::new(registration.schema),
            epoch: registration.epoch,
            registration: Arc::new(registration),
            steps: Vec::new(),
            parameter_bytes: 0,
            first: None,
        })
    }

    pub(super) fn lost(&self) -> watch::Receiver<Option<Error>> {
        self.registration.lost.clone()
    }

    pub(super) fn catalog(&self) -> Arc<CatalogState> {
        self.catalog.clone()
    }

    /// Begins again on the present schema, if its client has seen nothing yet. `false`: it can't.
    pub(super) fn renew(&mut self) -> bool {
        let new = if self.steps.is_empty() { Self::begin(&self.entry) } else { None };
        match new {
            Some(new) => {
                *self = new;
                true
            }
            None => false,
        }
    }

    fn done(&self) -> impl Iterator<Item = &Done> {
        self.steps.iter().filter_map(|step| match step {
            Step::Done(done) => Some(done),
            Step::Savepoint(_) => None,
        })
    }

    fn written(&self) -> impl Iterator<Item = &Done> {
        self.done().filter(|done| done.statement.touch.is_some())
    }

    /// Runs a statement.
    pub(super) async fn run(
        &mut self,
        statement: &Statement,
        rows: &mut RowSender,
        limits: &Limits,
        running: &Running,
    ) -> Result<Came, Error> {
        self.registration.check()?;
        if self.first.is_none() {
            if self.entry.lane.shared.privates.is_exclusive(&statement.sql) {
                return Ok(Came::NeedsSlot);
            }
            self.first = Some(statement.sql.clone());
        }
        if self.steps.len() >= STATEMENTS_MAX || self.parameter_bytes >= PARAMETER_BYTES_MAX {
            return Ok(Came::NeedsSlot);
        }
        let reads = statement.touch.is_none();
        if reads
            && self.database(|database| database.reads_only(&statement.sql)).flatten() != Some(true)
        {
            return Ok(Came::NeedsSlot);
        }
        let wanted = statement.touch.as_ref().map(wants).unwrap_or_default();
        self.enter(limits, running).await?;
        // A reading client may see all of its rows.
        self.take(&wanted, reads, limits, running).await?;
        self.enter(limits, running).await?;
        // From here on nobody changes the schema. Definitions may have gone first.
        let schema = self.entry.lane.shared.schema();
        if schema != self.registration.schema && self.renew() {
            return Ok(Came::Stale);
        }
        Ok(self.run_now(statement, rows)?.map_or(Came::NeedsSlot, Came::Done))
    }

    fn database<T>(&self, work: impl FnOnce(&crate::sqlite::Database) -> T) -> Option<T> {
        self.entry.with(work)
    }

    /// `None`: it needs the write slot, nothing was done.
    fn run_now(
        &mut self,
        statement: &Statement,
        rows: &mut RowSender,
    ) -> Result<Option<Completion>, Error> {
        // What a writing statement sees is in its table alone.
        let earlier: Vec<(&Statement, Outcome)> = self
            .written()
            .filter(|done| match (&statement.touch, &done.statement.touch) {
                (Some(touch), Some(earlier)) => touch.table == earlier.table,
                _ => true,
            })
            .map(|done| (&done.statement, done.outcome))
            .collect();
        let job =
            Job { schema: self.registration.schema, earlier: &earlier, statement: Some(statement) };
        let control = budget(&rows.control);
        let mut sink = OneBatch::new(rows);
        let ran = self.entry.with(|database| database.run_private(&job, &control, &mut sink));
        let fits = !sink.overran();
        match ran {
            None => Err(leadership_lost()),
            Some(Ok(Ran::Done(completion, outcome))) if fits => {
                self.parameter_bytes += statement.size();
                self.steps.push(Step::Done(Done { statement: statement.clone(), outcome }));
                Ok(Some(completion))
            }
            Some(Ok(Ran::Differs)) => Err(self.lose()),
            Some(Err(error)) if fits => Err(error),
            Some(_) => {
                rows.forget();
                Ok(None)
            }
        }
    }

    /// What the client has seen doesn't hold any more: 40001.
    fn lose(&self) -> Error {
        let error = crate::engine::lane::changed();
        self.registration.lose(&error);
        error
    }

    /// Becomes active. If something exclusive has run meanwhile, compares what the client has seen.
    async fn enter(&mut self, limits: &Limits, running: &Running) -> Result<(), Error> {
        let epoch = loop {
            if let Some(epoch) = self.registration.enter()? {
                break epoch;
            }
            self.wait_for_gate(limits, running).await?;
        };
        if epoch != self.epoch {
            self.compare()?;
            self.epoch = epoch;
        }
        Ok(())
    }

    async fn wait_for_gate(&self, limits: &Limits, running: &Running) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        let entering = Entering { number: self.registration.number, reply };
        let admitted = async {
            self.entry.lane.send(Event::Enter(entering)).await?;
            answer.await.unwrap_or(Err(Refusal::NotLeader))
        };
        match Box::pin(until_slot(limits, running, admitted)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Refusal::Error(error))) => Err(error),
            Ok(Err(Refusal::NotLeader)) => Err(self.registration.loss()),
            Err(stopped) => Err(stopped.error()),
        }
    }

    /// Runs all statements again, and compares.
    fn compare(&self) -> Result<(), Error> {
        let earlier: Vec<(&Statement, Outcome)> =
            self.done().map(|done| (&done.statement, done.outcome)).collect();
        if earlier.is_empty() {
            return Ok(());
        }
        let job = Job { schema: self.registration.schema, earlier: &earlier, statement: None };
        let ran = self.database(|database| {
            database.run_private(&job, &budget(&Control::default()), &mut Nowhere)
        });
        match ran {
            Some(Ok(Ran::Same)) => Ok(()),
            _ => Err(self.lose()),
        }
    }

    /// Waits until all of these rows can be had.
    async fn take(
        &self,
        wanted: &[Want],
        all: bool,
        limits: &Limits,
        running: &Running,
    ) -> Result<(), Error> {
        self.until_granted(|| self.registration.ask(wanted, all), limits, running).await
    }

    async fn until_granted(
        &self,
        ask: impl Fn() -> Result<Asked, Error>,
        limits: &Limits,
        running: &Running,
    ) -> Result<(), Error> {
        let Asked::Wait(released) = ask()? else { return Ok(()) };
        Box::pin(self.wait_for_rows(ask, released, limits, running)).await
    }

    async fn wait_for_rows(
        &self,
        ask: impl Fn() -> Result<Asked, Error>,
        mut released: watch::Receiver<u64>,
        limits: &Limits,
        running: &Running,
    ) -> Result<(), Error> {
        let _waiting = Waiting(&self.registration);
        let granted = async {
            loop {
                if released.changed().await.is_err() {
                    return Err(leadership_lost());
                }
                match ask()? {
                    Asked::Granted => return Ok(()),
                    Asked::Wait(next) => released = next,
                }
            }
        };
        until_slot(limits, running, granted).await.unwrap_or_else(|stopped| Err(stopped.error()))
    }

    pub(super) fn savepoint(&mut self, depth: u32) -> Result<(), Error> {
        self.registration.check()?;
        self.steps.push(Step::Savepoint(depth));
        Ok(())
    }

    fn place(&self, depth: u32) -> Option<usize> {
        let is_it = |step: &Step| matches!(step, Step::Savepoint(other) if *other == depth);
        self.steps.iter().rposition(is_it)
    }

    /// Forgets what came after the savepoint. Its rows stay locked.
    pub(super) fn rollback_to(&mut self, depth: u32) -> Result<(), Error> {
        self.registration.check()?;
        let place = self.place(depth).ok_or_else(no_savepoint)?;
        self.steps.truncate(place + 1);
        Ok(())
    }

    pub(super) fn release(&mut self, depth: u32) -> Result<(), Error> {
        self.registration.check()?;
        let place = self.place(depth).ok_or_else(no_savepoint)?;
        let inside = self.steps.split_off(place);
        let done = inside.into_iter().filter(|step| matches!(step, Step::Done(_)));
        self.steps.extend(done);
        Ok(())
    }

    /// Gives the transaction to the lane. The answer comes when a quorum has it.
    pub(super) async fn commit(
        mut self,
        limits: &Limits,
        running: &Running,
    ) -> Result<oneshot::Receiver<Result<Written, Refusal>>, Error> {
        self.until_granted(|| self.registration.ask_to_commit(), limits, running).await?;
        self.enter(limits, running).await?;
        let (reply, answer) = oneshot::channel();
        let outcomes = self.written().map(|done| done.outcome).collect();
        let unit = Unit {
            dialect: Dialect::Postgres,
            atomicity: Atomicity::Unit,
            statements: self.written().map(|done| done.statement.clone()).collect(),
            schema: Some(self.registration.schema),
            key: None,
        };
        let submission = Submission {
            unit,
            token: running.token.clone(),
            deadline: limits.deadline,
            claim: Claim::default(),
            private: Some(Seen { registration: self.registration.clone(), outcomes }),
            _place: self.entry.lane.place(),
            reply,
        };
        match self.entry.lane.send(Event::Commit(submission)).await {
            Ok(()) => Ok(answer),
            Err(Refusal::Error(error)) => Err(error),
            Err(Refusal::NotLeader) => Err(leadership_lost()),
        }
    }

    /// Takes the write slot, and does there what was done so far.
    ///
    /// # Errors
    /// 40001 if something came out differently; those of waiting for the slot, after which the
    /// transaction is as it was.
    pub(super) async fn promote(
        &mut self,
        core: &crate::engine::core::Core,
        limits: &Limits,
        running: &Running,
    ) -> Result<Opened, Error> {
        self.registration.check()?;
        if let Some(first) = &self.first {
            self.entry.lane.shared.privates.note_promoted(first);
        }
        self.registration.leave();
        let begin = Begin {
            database: self.entry.id,
            dialect: Dialect::Postgres,
            since: None,
            private: false,
            limits: limits.clone(),
        };
        let opened = match core.begin_here(&self.entry, &begin, running).await {
            Ok(opened) => opened,
            Err(Refusal::Error(error)) => return Err(error),
            Err(Refusal::NotLeader) => return Err(self.registration.loss()),
        };
        // Lost while it waited.
        self.registration.check()?;
        let same_schema = opened.catalog().committed() == Some(self.registration.schema);
        let steps = self.steps.iter().map(|step| match step {
            Step::Done(done) => Replayed::Statement(done.statement.clone(), done.outcome),
            Step::Savepoint(depth) => Replayed::Savepoint(*depth),
        });
        let (reply, answer) = oneshot::channel();
        let replayed = if same_schema || self.steps.is_empty() {
            opened.send(Request::Replay { steps: steps.collect(), reply }).await?;
            answer.await.unwrap_or_else(|_| Err(leadership_lost()))
        } else {
            Err(crate::engine::lane::changed())
        };
        replayed.inspect_err(|error| self.registration.lose(error))?;
        Ok(opened)
    }

    /// What keeps its rows locked.
    pub(super) fn into_registration(self) -> Arc<Registration> {
        self.registration
    }
}

/// The lane's answer to a commit, for the client.
pub(super) fn committed(
    answer: Result<Written, Refusal>,
) -> Result<Option<crate::model::id::LogIndex>, Error> {
    match answer {
        Ok(Written { outcome: UnitOutcome::Ran(results), index, .. }) => {
            results.into_iter().collect::<Result<Vec<_>, _>>()?;
            Ok(index)
        }
        Ok(Written { outcome: UnitOutcome::SchemaChanged, .. }) => {
            Err(crate::engine::lane::changed())
        }
        Err(Refusal::Error(error)) => Err(error),
        Err(Refusal::NotLeader) => Err(leadership_lost()),
    }
}

/// Takes a wait back.
struct Waiting<'a>(&'a Registration);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// For statements that are only compared.
struct Nowhere;

impl crate::sqlite::RowSink for Nowhere {
    fn columns(&mut self, _: Vec<crate::model::value::ResultColumn>) {}

    fn push(&mut self, _: crate::model::value::RowBatch) -> Result<(), Error> {
        Ok(())
    }
}

fn budget(control: &Control) -> Control {
    Control { checks_left: Some(Arc::new(AtomicU32::new(CHECKS_MAX))), ..control.clone() }
}

fn no_savepoint() -> Error {
    Error::internal("the savepoint is not there")
}
