//! Group commit: units that wait are run together and committed as one transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;

use super::privates::is_shared;
use super::propose::Waiters;
use super::{Lane, Queued, Refusal, Registration, Waiting, answers, leadership_lost};
use crate::engine::Written;
use crate::engine::cancel::Token;
use crate::engine::rows::Collector;
use crate::engine::short::{ShortTexts, Text};
use crate::model::error::{Error, Fault};
use crate::model::id::LogIndex;
use crate::model::statement::{Atomicity, Dialect, StatementResult, Unit, UnitOutcome};
use crate::platform::clock::{self, Instant};
use crate::platform::mutant::mutant;
use crate::sqlite::{Outcome, RunError};

/// Units in one batch.
const UNITS_MAX: usize = 1024;
/// What [`super::LaneLimits::batch_time_max`] is outside of tests.
pub(in crate::engine) const BATCH_TIME_MAX: Duration = Duration::from_millis(5);

/// The savepoint around a unit with a key. Those within it are less deep, and of other names.
const KEYED_DEPTH: u32 = 2;

/// Statements of a unit that is run where it comes from.
const BRIEF_STATEMENTS_MAX: usize = 4;

/// Whether a unit is still waiting. Its client may take it back until the lane takes it.
#[derive(Debug, Clone, Default)]
pub(in crate::engine) struct Claim(Arc<AtomicU8>);

impl Claim {
    const WAITING: u8 = 0;
    const TAKEN: u8 = 1;
    const WITHDRAWN: u8 = 2;

    /// The state before, if it was "waiting" it is `to` now.
    fn change(&self, to: u8) -> u8 {
        match self.0.compare_exchange(Self::WAITING, to, Ordering::AcqRel, Ordering::Acquire) {
            Ok(before) | Err(before) => before,
        }
    }

    /// For the client: whether the unit will never be run.
    pub(in crate::engine) fn withdraw(&self) -> bool {
        self.change(Self::WITHDRAWN) == Self::WAITING
    }

    #[cfg(test)]
    pub(super) fn is_taken(&self) -> bool {
        self.0.load(Ordering::Acquire) == Self::TAKEN
    }

    /// For the lane: whether the unit may be run. One that was taken before may, again.
    fn take(&self) -> bool {
        self.change(Self::TAKEN) != Self::WITHDRAWN
    }
}

/// A unit that waits for the lane.
#[derive(Debug)]
pub(in crate::engine) struct Submission {
    pub unit: Unit,
    pub token: Token,
    pub deadline: Option<Instant>,
    pub claim: Claim,
    pub private: Option<Private>,
    pub _place: Waiting,
    pub reply: oneshot::Sender<Result<Written, Refusal>>,
}

/// What makes a unit the COMMIT of a private transaction. Its rows are its own until it is answered.
#[derive(Debug)]
pub(in crate::engine) struct Private {
    pub registration: Arc<Registration>,
    /// What its client saw of each statement.
    pub outcomes: Vec<Outcome>,
}

impl Submission {
    /// Whether its statements are few and known to be short.
    pub(super) fn is_brief(&self, texts: &ShortTexts) -> bool {
        let statements = &self.unit.statements;
        statements.len() <= BRIEF_STATEMENTS_MAX
            && statements.iter().all(|statement| texts.is_short(Text::of(statement)))
    }

    pub(super) fn answer(self, answer: Result<Written, Refusal>) {
        // Whoever doesn't wait any more has given up on the answer.
        let _ = self.reply.send(answer);
    }
}

/// A unit that was run, and what came of it.
#[derive(Debug)]
pub(in crate::engine) struct Ran {
    submission: Submission,
    outcome: Option<UnitOutcome>,
    /// The outcome is that of an earlier unit with the same key.
    repeated: bool,
    /// It made SQLite lose the transaction, or can't be committed: it is not run again.
    failed: bool,
}

impl Ran {
    /// Whether it is the COMMIT of a transaction.
    pub(super) fn is_commit(&self) -> bool {
        self.submission.private.is_some()
    }

    pub(super) fn answer(self, index: Option<LogIndex>) {
        let outcome = self.outcome.expect("a unit is answered after it was run");
        let index = if keeps_something(&outcome) && !self.repeated { index } else { None };
        let repeated = self.repeated;
        self.submission.answer(Ok(Written { outcome, index, repeated }));
    }

    pub(super) fn answer_error(self, error: &Error) {
        self.submission.answer(Err(Refusal::Error(error.clone())));
    }
}

/// Whether anything of a unit may have been committed.
fn keeps_something(outcome: &UnitOutcome) -> bool {
    matches!(outcome, UnitOutcome::Ran(results) if results.iter().any(Result::is_ok))
}

/// Why a batch was not run to its end.
enum Broken {
    /// By this unit; the others can be run again.
    By(usize, Error),
    /// From outside.
    Interrupted,
    Fault(Fault),
}

impl Broken {
    /// A unit's failure that concerns others as well.
    fn of(number: usize, failed: RunError) -> Self {
        match failed.fault {
            Some(fault) if !mutant("disk-fault-ignored") => Self::Fault(fault),
            _ => Self::By(number, failed.error),
        }
    }
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Lane {
    /// Takes the units at the head of the queue, runs them, and proposes what they changed.
    ///
    /// A unit that makes SQLite roll back everything takes the others' work with it. Nobody was
    /// answered yet, so they are run again without it.
    ///
    /// `exclusive`: no private transaction is active, so nobody's rows stand in the way.
    pub(super) fn run_batch(&mut self, exclusive: bool) -> Result<(), Fault> {
        let Some(fence) = self.fence else { return Ok(()) };
        self.gather.began();
        let mut batch = Vec::new();
        if exclusive {
            self.shared.privates.overtake();
            self.exclusive_in_flight = true;
        } else {
            self.units_in_flight = true;
        }
        loop {
            match self.run_units(&mut batch, exclusive) {
                Ok(()) => break,
                Err(Broken::By(guilty, error)) => {
                    self.writer().rollback()?;
                    batch[guilty].fail(&error);
                }
                Err(Broken::Interrupted) => {
                    self.writer().rollback()?;
                    for unit in batch {
                        unit.submission.answer(Err(Refusal::NotLeader));
                    }
                    return Ok(());
                }
                Err(Broken::Fault(fault)) => return Err(fault),
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        let base = self.base();
        match self.writer().capture(base) {
            Ok(Some(capture)) => self.propose(capture, fence, Waiters::Batch(batch)),
            Ok(None) => {
                self.writer().rollback()?;
                self.confirm(fence, Waiters::Batch(batch));
                Ok(())
            }
            Err(failed) => self.cannot_commit(batch, fence, &failed),
        }
    }

    /// The transaction can't be committed: deferred constraints, or its size. In a batch of one it
    /// is that unit's failure; otherwise nobody knows whose, and they are run one by one.
    fn cannot_commit(
        &mut self,
        mut batch: Vec<Ran>,
        fence: crate::raft::Fence,
        failed: &RunError,
    ) -> Result<(), Fault> {
        if let Some(fault) = failed.fault.as_ref().filter(|_| !mutant("disk-fault-ignored")) {
            return Err(fault.clone());
        }
        self.writer().rollback()?;
        if batch.iter().filter(|unit| !unit.failed).count() == 1 {
            batch.iter_mut().filter(|unit| !unit.failed).for_each(|unit| unit.fail(&failed.error));
            self.confirm(fence, Waiters::Batch(batch));
            return Ok(());
        }
        let (guilty, rest): (Vec<_>, Vec<_>) = batch.into_iter().partition(|unit| unit.failed);
        self.confirm(fence, Waiters::Batch(guilty));
        self.alone = rest.len();
        for Ran { submission, .. } in rest.into_iter().rev() {
            if submission.private.is_some() {
                self.commits.push_front(submission);
            } else {
                self.queue.put_back(Queued::Unit(submission));
            }
        }
        Ok(())
    }

    /// Runs a batch's units in a new transaction: first those in `batch`, then more from the queue.
    fn run_units(&mut self, batch: &mut Vec<Ran>, exclusive: bool) -> Result<(), Broken> {
        let first = batch.first().map(|unit| &unit.submission).or(self.commits.front());
        let dialect = match (first, self.queue.front()) {
            (Some(submission), _) | (None, Some(Queued::Unit(submission))) => {
                submission.unit.dialect
            }
            (None, _) => return Ok(()),
        };
        self.writer().begin(dialect)?;
        for (number, unit) in batch.iter_mut().enumerate() {
            if !unit.failed {
                let (outcome, repeated) = self.run_once(number, &unit.submission)?;
                unit.outcome = Some(outcome);
                unit.repeated = repeated;
            }
        }
        let until = clock::now().plus(self.limits.batch_time_max);
        while batch.len() < self.units_max() && (batch.is_empty() || !until.remaining().is_zero()) {
            let Some(submission) = self.next_unit(dialect, exclusive) else { break };
            batch.push(Ran { submission, outcome: None, repeated: false, failed: false });
            let number = batch.len() - 1;
            let (outcome, repeated) = self.run_once(number, &batch[number].submission)?;
            batch[number].outcome = Some(outcome);
            batch[number].repeated = repeated;
        }
        self.alone = self.alone.saturating_sub(batch.len());
        if batch.is_empty() {
            self.writer().rollback()?;
        }
        Ok(())
    }

    fn units_max(&self) -> usize {
        if self.alone > 0 { 1 } else { UNITS_MAX }
    }

    /// The next unit that still waits, if it may join a batch of this dialect.
    fn next_unit(&mut self, dialect: Dialect, exclusive: bool) -> Option<Submission> {
        loop {
            if dialect == Dialect::Postgres
                && let Some(commit) = self.commits.pop_front()
            {
                return Some(commit);
            }
            match self.queue.front() {
                Some(Queued::Unit(submission))
                    if submission.unit.dialect == dialect
                        && (exclusive || is_shared(&submission.unit)) => {}
                _ => return None,
            }
            let Some(Queued::Unit(submission)) = self.queue.pop() else { return None };
            if !exclusive && !self.shared.privates.admit_unit(&submission.unit) {
                self.parked.push(submission);
                continue;
            }
            if submission.claim.take() {
                return Some(submission);
            }
        }
    }

    /// Runs a unit; or, if one with its key was run before, gives that one's outcome (`true`).
    fn run_once(
        &mut self,
        number: usize,
        submission: &Submission,
    ) -> Result<(UnitOutcome, bool), Broken> {
        let Some(key) = &submission.unit.key else {
            return Ok((self.run_unit(number, submission)?, false));
        };
        let broken = |failed: RunError| Broken::of(number, failed);
        let fingerprint = answers::fingerprint(&submission.unit);
        if let Some(known) = self.writer().recall(key).map_err(broken)? {
            return Ok((answers::recalled(&known, fingerprint), true));
        }
        // So that what can't be remembered isn't done.
        self.writer().savepoint(KEYED_DEPTH).map_err(broken)?;
        let mut outcome = self.run_unit(number, submission)?;
        match answers::encode(&outcome) {
            Ok(answer) => {
                self.writer().remember(key, fingerprint, &answer).map_err(broken)?;
            }
            Err(error) => {
                self.writer().rollback_to(KEYED_DEPTH).map_err(broken)?;
                outcome = UnitOutcome::Ran(vec![Err(error)]);
            }
        }
        self.writer().release(KEYED_DEPTH).map_err(broken)?;
        Ok((outcome, false))
    }

    fn run_unit(&mut self, number: usize, submission: &Submission) -> Result<UnitOutcome, Broken> {
        let unit = &submission.unit;
        if let Some(private) = &submission.private {
            return self.run_private(number, submission, private);
        }
        if unit.schema.is_some_and(|schema| schema != self.writer().schema()) {
            return Ok(UnitOutcome::SchemaChanged);
        }
        // A statement is atomic by itself.
        let guarded = unit.atomicity == Atomicity::Unit && unit.statements.len() > 1;
        let broken = |failed: RunError| Broken::of(number, failed);
        if guarded {
            self.writer().savepoint(1).map_err(broken)?;
        }
        let results = self.run_statements(number, submission)?;
        if guarded {
            if results.last().is_some_and(Result::is_err) {
                self.writer().rollback_to(1).map_err(broken)?;
            }
            self.writer().release(1).map_err(broken)?;
        }
        Ok(UnitOutcome::Ran(results))
    }

    /// A private transaction's statements, once more, where they count. Its client is answered
    /// with what it has seen, or not at all.
    fn run_private(
        &mut self,
        number: usize,
        submission: &Submission,
        private: &Private,
    ) -> Result<UnitOutcome, Broken> {
        let fails = |error: Error| Ok(UnitOutcome::Ran(vec![Err(error)]));
        if private.registration.check().is_err() {
            return fails(leadership_lost());
        }
        if submission.unit.schema != Some(self.writer().schema()) {
            return fails(changed());
        }
        let broken = |failed: RunError| Broken::By(number, failed.error);
        self.writer().savepoint(1).map_err(broken)?;
        let mut results = self.run_statements(number, submission)?;
        let seen = results.iter().flatten().map(Outcome::of);
        let failed = results.last().is_some_and(Result::is_err);
        let same = failed || seen.eq(private.outcomes.iter().copied());
        if !same {
            results = vec![Err(changed())];
        }
        if failed || !same {
            self.writer().rollback_to(1).map_err(broken)?;
        }
        self.writer().release(1).map_err(broken)?;
        Ok(UnitOutcome::Ran(results))
    }

    fn run_statements(
        &mut self,
        number: usize,
        submission: &Submission,
    ) -> Result<Vec<Result<StatementResult, Error>>, Broken> {
        let unit = &submission.unit;
        let control = self.control(&submission.token, submission.deadline);
        let mut bytes_left = self.limits.result_bytes_max;
        let mut results = Vec::with_capacity(unit.statements.len());
        for statement in &unit.statements {
            let mut rows = Collector::new(bytes_left);
            self.running(None, None);
            let began = self.began();
            let start = clock::now();
            let ran = self.writer().run(statement, &control, &mut rows);
            let time = clock::now().since(start);
            if self.ran().is_some() {
                return Err(Broken::Interrupted);
            }
            self.note_text(Text::of(statement), began, &ran, &control);
            match ran {
                Ok(completion) => {
                    bytes_left = rows.bytes_left();
                    results.push(Ok(StatementResult { time, ..rows.into_result(completion) }));
                }
                Err(failed) if failed.transaction_lost || failed.fault.is_some() => {
                    return Err(Broken::of(number, failed));
                }
                Err(failed) => {
                    results.push(Err(failed.error));
                    if unit.atomicity == Atomicity::Unit {
                        break;
                    }
                }
            }
        }
        Ok(results)
    }
}

/// What a transaction's client saw of its statements isn't so any more.
pub(in crate::engine) fn changed() -> Error {
    Error::serialization("could not serialize access due to concurrent update")
}

impl Ran {
    /// Nothing of the unit is kept, because of this error.
    fn fail(&mut self, error: &Error) {
        let count = match self.submission.unit.atomicity {
            Atomicity::Unit => 1,
            Atomicity::Statement => self.submission.unit.statements.len(),
        };
        self.outcome = Some(UnitOutcome::Ran(vec![Err(error.clone()); count]));
        self.failed = true;
    }
}
