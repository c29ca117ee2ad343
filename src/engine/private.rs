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
//! - A statement runs beside one that holds the write slot, without being active, only if it comes out
//!   the same before and behind what that one has done so far (`lane::beside`). The comparison above
//!   follows before the COMMIT.
//! - What it has done was compiled for `schema`, or means in `schema` what it was compiled for.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::engine::Limits;
use crate::engine::cancel::Running;
use crate::engine::lane::{
    Asked, Asking, CatalogState, Claim, Entering, Event, Opened, Private as Seen, Refusal,
    Registration, Replayed, Request, Submission, Want, leadership_lost, wants,
};
use crate::engine::route::until_slot;
use crate::engine::rows::RowSender;
use crate::engine::short::{CHECKS_MAX, OneBatch};
use crate::engine::store::Entry;
use crate::engine::{Begin, Written};
use crate::model::catalog::Catalog;
use crate::model::error::Error;
use crate::model::id::SchemaVersion;
use crate::model::statement::{
    Atomicity, Completion, Dialect, Statement, Touch, Unit, UnitOutcome,
};
use crate::platform::{clock, watch};
use crate::sqlite::{Control, Job, Outcome, Ran};

/// Statements that are kept to be run again. A transaction with more takes the write slot.
const STATEMENTS_MAX: usize = 32;
/// Bytes of their parameters.
const PARAMETER_BYTES_MAX: usize = 64 << 10;
/// How long a statement waits for the holder of the write slot before it is asked whether it must;
/// then twice as long each time, up to the second one.
const ASK_AFTER: Duration = Duration::from_millis(100);
const ASK_AFTER_MAX: Duration = Duration::from_secs(5);

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

/// How a statement may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Active.
    In,
    /// Beside a transaction with the write slot, behind whose work it comes out like this.
    Beside(Outcome),
}

impl Way {
    /// Whether what came of a statement depends on the work of who has the write slot.
    fn depends(self, outcome: Outcome) -> bool {
        matches!(self, Self::Beside(behind) if behind != outcome)
    }
}

/// What came of running it at once.
enum Now {
    Done(Completion),
    /// It needs the write slot; nothing was done.
    NeedsSlot,
    /// It can't run beside the one that has the write slot; nothing was done.
    Depends,
}

/// What came of a statement.
#[derive(Debug)]
pub(super) enum Came {
    Done(Completion),
    /// It needs the write slot; nothing was done.
    NeedsSlot,
    /// It was compiled for another schema. Nothing was done, and the transaction is a new one or was
    /// taken over to the present schema.
    Stale,
}

/// An open private transaction, at the leader. Dropping it forgets it.
#[derive(Debug)]
pub(super) struct Private {
    entry: Arc<Entry>,
    registration: Arc<Registration>,
    schema: SchemaVersion,
    catalog: Arc<CatalogState>,
    /// Up to when what the client has seen is known to hold. `None`: a statement ran beside another
    /// transaction.
    epoch: Option<u64>,
    /// What `schema` stands for, if it was known or had to be: it may run beside a transaction that
    /// defines something.
    definitions: Option<Arc<Catalog>>,
    steps: Vec<Step>,
    parameter_bytes: usize,
    first: Option<Arc<str>>,
}

impl Private {
    /// `None` if there can't be private transactions now.
    pub(super) fn begin(entry: &Arc<Entry>) -> Option<Self> {
        let registration = entry.lane.shared.privates.register(&entry.lane)?;
        let schema = registration.schema;
        Some(Self {
            entry: entry.clone(),
            schema,
            catalog: CatalogState::new(schema),
            epoch: Some(registration.epoch),
            definitions: entry.known_definitions().filter(|known| known.schema == schema),
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

    /// Goes on with the present schema, if its client has seen nothing yet or what it has done means
    /// the same there. `false`: it can't.
    pub(super) fn renew(&mut self) -> bool {
        if !self.steps.is_empty() {
            return self.take_over();
        }
        match Self::begin(&self.entry) {
            Some(new) => {
                *self = new;
                true
            }
            None => false,
        }
    }

    /// Takes what it has done over to the present schema, which others have made since it began.
    fn take_over(&mut self) -> bool {
        let Some(before) = &self.definitions else { return false };
        let Ok(now) = self.entry.definitions() else { return false };
        let privates = &self.entry.lane.shared.privates;
        let same = |table: &str| {
            table.is_empty() || before.is_same_for(&now, table) && !privates.is_triggered(table)
        };
        let touches = |done: &Done| done.statement.touch.as_ref().is_none_or(|t| same(&t.table));
        if !self.done().all(touches) {
            return false;
        }
        (self.schema, self.epoch) = (now.schema, None);
        self.catalog = CatalogState::new(self.schema);
        self.definitions = Some(now);
        true
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
        let compiled_for = self.schema;
        let mut beside = Some(statement);
        loop {
            let mut way = self.enter(beside, limits, running).await?;
            // A reading client may see all of its rows.
            self.take(&wanted, reads, limits, running).await?;
            if way == Way::In {
                way = self.enter(beside, limits, running).await?;
            }
            // From here on nobody changes the schema, unless it runs beside another transaction.
            // Definitions may have gone first.
            let schema = self.entry.lane.shared.schema();
            if self.schema != compiled_for || schema != self.schema && self.renew() {
                return Ok(Came::Stale);
            }
            let triggered =
                |touch: &Touch| self.entry.lane.shared.privates.is_triggered(&touch.table);
            if statement.touch.as_ref().is_some_and(triggered) {
                return Ok(Came::NeedsSlot);
            }
            if way != Way::In && self.definitions.is_none() {
                let definitions = self.entry.definitions().ok();
                self.definitions = definitions.filter(|now| now.schema == self.schema);
            }
            match self.run_now(statement, rows, way)? {
                Now::Done(completion) => return Ok(Came::Done(completion)),
                Now::NeedsSlot => return Ok(Came::NeedsSlot),
                Now::Depends => beside = None,
            }
        }
    }

    fn database<T>(&self, work: impl FnOnce(&crate::sqlite::Database) -> T) -> Option<T> {
        self.entry.with(work)
    }

    fn run_now(
        &mut self,
        statement: &Statement,
        rows: &mut RowSender,
        way: Way,
    ) -> Result<Now, Error> {
        // What a writing statement sees is in its table alone.
        let earlier: Vec<(&Statement, Outcome)> = self
            .written()
            .filter(|done| match (&statement.touch, &done.statement.touch) {
                (Some(touch), Some(earlier)) => touch.table == earlier.table,
                _ => true,
            })
            .map(|done| (&done.statement, done.outcome))
            .collect();
        let job = Job { schema: self.schema, earlier: &earlier, statement: Some(statement) };
        let control = budget(&rows.control);
        let mut sink = OneBatch::new(rows);
        let ran = self.entry.with(|database| database.run_private(&job, &control, &mut sink));
        let fits = !sink.overran();
        match ran {
            None => Err(leadership_lost()),
            Some(Ok(Ran::Done(_, outcome))) if way.depends(outcome) => {
                rows.forget();
                Ok(Now::Depends)
            }
            Some(Ok(Ran::Done(completion, outcome))) if fits => {
                if way != Way::In {
                    self.epoch = None;
                }
                self.parameter_bytes += statement.size();
                self.steps.push(Step::Done(Done { statement: statement.clone(), outcome }));
                Ok(Now::Done(completion))
            }
            Some(Ok(Ran::Differs)) => Err(self.lose()),
            // Behind the other's work it came out well.
            Some(Err(_)) if fits && way != Way::In => {
                rows.forget();
                Ok(Now::Depends)
            }
            Some(Err(error)) if fits => Err(error),
            Some(_) => {
                rows.forget();
                Ok(Now::NeedsSlot)
            }
        }
    }

    /// What the client has seen doesn't hold any more: 40001.
    fn lose(&self) -> Error {
        let error = crate::engine::lane::changed();
        self.registration.lose(&error);
        error
    }

    /// Becomes active, or finds that the statement needn't. If something exclusive has run meanwhile,
    /// compares what the client has seen.
    async fn enter(
        &mut self,
        beside: Option<&Statement>,
        limits: &Limits,
        running: &Running,
    ) -> Result<Way, Error> {
        let epoch = loop {
            if let Some(epoch) = self.registration.enter()? {
                break epoch;
            }
            if let Way::Beside(outcome) = self.wait_for_gate(beside, limits, running).await? {
                return Ok(Way::Beside(outcome));
            }
        };
        if Some(epoch) != self.epoch {
            let schema = self.entry.lane.shared.schema();
            if schema != self.schema && !self.steps.is_empty() && !self.take_over() {
                return Err(self.lose());
            }
            self.compare()?;
            self.epoch = Some(epoch);
        }
        Ok(Way::In)
    }

    async fn wait_for_gate(
        &self,
        beside: Option<&Statement>,
        limits: &Limits,
        running: &Running,
    ) -> Result<Way, Error> {
        let (reply, mut answer) = oneshot::channel();
        let entering = Entering { number: self.registration.number, reply };
        let admitted = async {
            self.entry.lane.send(Event::Enter(entering)).await?;
            let mut pause = ASK_AFTER;
            while let Some(statement) = beside {
                if let Ok(answer) = clock::timeout(pause, &mut answer).await {
                    return answer.unwrap_or(Err(Refusal::NotLeader)).map(|()| Way::In);
                }
                if let Some(outcome) = self.ask_beside(statement).await? {
                    return Ok(Way::Beside(outcome));
                }
                pause = (pause * 2).min(ASK_AFTER_MAX);
            }
            answer.await.unwrap_or(Err(Refusal::NotLeader)).map(|()| Way::In)
        };
        match Box::pin(until_slot(limits, running, admitted)).await {
            Ok(Ok(way)) => Ok(way),
            Ok(Err(Refusal::Error(error))) => Err(error),
            Ok(Err(Refusal::NotLeader)) => Err(self.registration.loss()),
            Err(stopped) => Err(stopped.error()),
        }
    }

    /// How a statement comes out behind what the holder of the write slot has done so far.
    async fn ask_beside(&self, statement: &Statement) -> Result<Option<Outcome>, Refusal> {
        let (reply, answer) = oneshot::channel();
        let asking =
            Asking { earlier: self.replayed().collect(), statement: statement.clone(), reply };
        self.entry.lane.send(Event::Ask(asking)).await?;
        // Unanswered: the lane has ended, which whoever waits for it hears from it.
        Ok(answer.await.ok().flatten())
    }

    fn replayed(&self) -> impl Iterator<Item = Replayed> {
        self.steps.iter().map(|step| match step {
            Step::Done(done) => Replayed::Statement(done.statement.clone(), done.outcome),
            Step::Savepoint(depth) => Replayed::Savepoint(*depth),
        })
    }

    /// Runs all statements again, and compares.
    fn compare(&self) -> Result<(), Error> {
        let earlier: Vec<(&Statement, Outcome)> =
            self.done().map(|done| (&done.statement, done.outcome)).collect();
        if earlier.is_empty() {
            return Ok(());
        }
        let job = Job { schema: self.schema, earlier: &earlier, statement: None };
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
        self.enter(None, limits, running).await?;
        let (reply, answer) = oneshot::channel();
        let outcomes = self.written().map(|done| done.outcome).collect();
        let unit = Unit {
            dialect: Dialect::Postgres,
            atomicity: Atomicity::Unit,
            statements: self.written().map(|done| done.statement.clone()).collect(),
            schema: Some(self.schema),
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
        let present = || opened.catalog().committed();
        let usable = self.steps.is_empty() || present() == Some(self.schema) || self.take_over();
        let (reply, answer) = oneshot::channel();
        let replayed = if usable {
            let steps = self.replayed().collect();
            opened.send(Request::Replay { steps, reply }).await?;
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

/// For what others may wait for: stops (57014) after a little work.
pub(super) fn budget(control: &Control) -> Control {
    Control { checks_left: Some(Arc::new(AtomicU32::new(CHECKS_MAX))), ..control.clone() }
}

fn no_savepoint() -> Error {
    Error::internal("the savepoint is not there")
}
