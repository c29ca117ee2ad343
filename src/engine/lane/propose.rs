//! From a captured transaction to the log, and what comes back.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::batch::Ran;
use super::interactive::Committing;
use super::{Event, Lane, leadership_lost, log_full, unknown};
use crate::model::command::{Applied, Command, Origin, PagesPart};
use crate::model::error::{Error, Fault};
use crate::model::id::{LogIndex, Position, ProposalId};
use crate::platform::clock::{self, Instant};
use crate::platform::mutant::mutant;
use crate::platform::task;
use crate::raft::{Fence, ProposeError};
use crate::sqlite::Capture;

/// The way to agreement, as a lane sees it.
pub(in crate::engine) trait Proposer:
    Send + Sync + std::fmt::Debug + 'static
{
    /// Appends a command; returns when it is committed and applied here.
    fn propose(
        &self,
        command: Command,
        fence: Fence,
    ) -> BoxFuture<'static, Result<Applied, ProposeError>>;
    /// Whether a quorum says, after this call, that this node still leads under `fence`.
    fn confirm(&self, fence: Fence) -> BoxFuture<'static, Result<(), ProposeError>>;
}

/// Who waits for a proposal.
#[derive(Debug)]
pub(super) enum Waiters {
    Batch(Vec<Ran>),
    Commit(Committing),
}

impl Waiters {
    /// Units, but for the commits of transactions.
    pub(super) fn units(&self) -> usize {
        match self {
            Self::Batch(units) => units.iter().filter(|unit| !unit.is_commit()).count(),
            Self::Commit(_) => 0,
        }
    }

    /// The quorum has it.
    pub(super) fn answer(self, index: Option<LogIndex>) {
        match self {
            Self::Batch(units) => units.into_iter().for_each(|unit| unit.answer(index)),
            Self::Commit(commit) => commit.answer(Ok(index)),
        }
    }

    pub(super) fn answer_error(self, error: &Error) {
        match self {
            Self::Batch(units) => units.into_iter().for_each(|unit| unit.answer_error(error)),
            Self::Commit(commit) => commit.answer(Err(error.clone())),
        }
    }
}

/// A transaction that waits for the log.
#[derive(Debug)]
pub(super) struct Proposed {
    pub proposal: ProposalId,
    pub base: Position,
    /// Where the database stands when it is committed.
    pub position: Position,
    /// Whether the writer has it, captured.
    pub held: bool,
    /// When it was proposed.
    pub since: Instant,
    pub waiters: Waiters,
}

/// Makes the parts of one transaction.
struct Parts {
    capture: Capture,
    /// The part that comes next: one is always cut ahead, to know which is the last.
    next: Option<Bytes>,
    number: u32,
    bytes_max: usize,
    /// What all parts have in common.
    like: PagesPart,
}

impl Parts {
    fn next(&mut self) -> Result<Option<PagesPart>, Fault> {
        let Some(pages) = self.next.take() else { return Ok(None) };
        self.next = self.capture.next_part(self.bytes_max)?;
        let part = self.number;
        self.number += 1;
        let last = self.next.is_none();
        let notifications =
            if last { std::mem::take(&mut self.capture.notifications) } else { Vec::new() };
        Ok(Some(PagesPart { part, last, pages, notifications, ..self.like.clone() }))
    }
}

// With more in flight, `Lane::confirm` would have to wait until all of it is applied.
const _: () = assert!(super::IN_FLIGHT_MAX == 1);

impl Lane {
    /// What the next transaction builds on.
    pub(super) fn base(&self) -> Position {
        self.in_flight.back().map_or(self.position, |proposed| proposed.position)
    }

    /// Proposes the captured transaction. Its outcome comes as an entry or as a failure.
    pub(super) fn propose(
        &mut self,
        mut capture: Capture,
        fence: Fence,
        waiters: Waiters,
    ) -> Result<(), Fault> {
        // 0 stands for "none".
        let proposal = ProposalId(self.next_proposal.max(1));
        self.next_proposal = proposal.0.wrapping_add(1);
        let base = self.base();
        let position = Position { txid: capture.txid, chain: capture.chain };
        let like = PagesPart {
            database: self.database,
            base,
            txid: capture.txid,
            chain: capture.chain,
            database_pages: capture.database_pages,
            part: 0,
            last: false,
            origin: Origin { node: self.node, proposal },
            proposed_at: clock::wall().as_micros() as u64,
            pages: Bytes::new(),
            notifications: Vec::new(),
        };
        let bytes_max = self.limits.entry_bytes_max;
        let next = capture.next_part(bytes_max)?;
        let mut parts = Parts { capture, next, number: 0, bytes_max, like };
        let first =
            parts.next()?.ok_or_else(|| Fault::new("a captured transaction has no page"))?;

        let waiters = if mutant("answered-before-quorum") {
            waiters.answer(None);
            Waiters::Batch(Vec::new())
        } else {
            waiters
        };
        let since = clock::now();
        let proposed = Proposed { proposal, base, position, held: true, since, waiters };
        self.in_flight.push_back(proposed);
        self.note_pending();
        let (proposer, door) = (self.proposer.clone(), self.door.clone());
        task::spawn(async move {
            let Err(error) = propose_parts(&*proposer, first, parts, fence).await else { return };
            if let Some(door) = door.upgrade() {
                // A lane that has ended has answered already.
                let _ = door.send(Event::ProposalFailed { proposal, error }).await;
            }
        });
        Ok(())
    }

    /// Lets others know which entry the writer can finish.
    pub(super) fn note_pending(&self) {
        let first = self.in_flight.front().filter(|proposed| proposed.held);
        let pending = first.map_or(0, |proposed| proposed.proposal.0);
        self.shared.pending.store(pending, Ordering::Release);
    }

    pub(super) fn on_failure(
        &mut self,
        proposal: ProposalId,
        error: &ProposeError,
    ) -> Result<(), Fault> {
        let Some(number) = self.in_flight.iter().position(|other| other.proposal == proposal)
        else {
            return Ok(());
        };
        if *error != ProposeError::Full {
            self.shared.privates.lose_all(&leadership_lost());
        }
        match error {
            ProposeError::NotLeader => self.lose_proposals(number, &leadership_lost()),
            ProposeError::Full => self.lose_proposals(number, &log_full()),
            ProposeError::Unknown | ProposeError::Stopped => {
                self.let_go(&leadership_lost())?;
                if let Some(lost) = self.in_flight.remove(number) {
                    lost.waiters.answer_error(&unknown());
                }
                Ok(())
            }
        }
    }

    /// Answers the proposals from this one on: their outcome is known to be none, or can't be known.
    pub(super) fn lose_proposals(&mut self, number: usize, error: &Error) -> Result<(), Fault> {
        if number >= self.in_flight.len() {
            return Ok(());
        }
        self.let_go(error)?;
        for lost in self.in_flight.drain(number..) {
            lost.waiters.answer_error(error);
        }
        Ok(())
    }

    /// Makes the writer forget what isn't committed. What is in flight stays so.
    pub(super) fn let_go(&mut self, error: &Error) -> Result<(), Fault> {
        self.lose_transaction(error)?;
        if self.in_flight.iter().any(|proposed| proposed.held) {
            self.writer().rollback()?;
            self.in_flight.iter_mut().for_each(|proposed| proposed.held = false);
            self.note_pending();
        }
        Ok(())
    }

    /// Answers a transaction that changed nothing, once a quorum says that this node led when it
    /// ran.
    ///
    /// There is no index to wait for, as a read on another node has: every entry of this leadership
    /// for this database was proposed by this lane, and nothing was in flight when the transaction
    /// began. So what any node can have shown by then was applied here.
    pub(super) fn confirm(&self, fence: Fence, waiters: Waiters) {
        let confirmed = self.proposer.confirm(fence);
        task::spawn(async move {
            match confirmed.await {
                Ok(()) => waiters.answer(None),
                Err(_) => waiters.answer_error(&leadership_lost()),
            }
        });
    }
}

/// Proposes parts one after the other. Unless the last one was handed over, nothing can happen.
async fn propose_parts(
    proposer: &dyn Proposer,
    first: PagesPart,
    mut parts: Parts,
    fence: Fence,
) -> Result<(), ProposeError> {
    let mut part = first;
    loop {
        let last = part.last;
        let proposed = proposer.propose(Command::Pages(part), fence).await;
        if last {
            return proposed.map(drop);
        }
        // A part that was skipped is followed by others that will be.
        match proposed {
            Ok(Applied::Done) => {}
            Err(ProposeError::Full) => return Err(ProposeError::Full),
            Ok(Applied::Skipped) | Err(_) => return Err(ProposeError::NotLeader),
        }
        part = match parts.next() {
            Ok(Some(part)) => part,
            // The pages can't be read: the transaction isn't proposed.
            Ok(None) | Err(_) => return Err(ProposeError::NotLeader),
        };
    }
}

/// Keeps the compiler honest about what may move to the task.
const _: fn() = || {
    fn assert_send<T: Send>() {}
    assert_send::<Capture>();
    assert_send::<Arc<dyn Proposer>>();
};
