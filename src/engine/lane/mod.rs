//! A database's write lane: the one place that owns its write connection.
//!
//! A synchronous state machine. Its [`driver`] feeds it events from a bounded inbox, on a thread of
//! its own or, if they are brief, where they come from; in a simulation, on a task. It never waits for the network: what it proposes
//! is carried by a task, and comes back as an event.
//!
//! ```text
//!            gather units, run them, capture ──▶ one more in flight
//!   Idle ──┤
//!            give the slot to a transaction ──▶ Interactive ──commit: capture──▶ one more in flight
//!                                                    └─ rolled back, lost, handle dropped ─▶ Idle
//!
//!   in flight ──▶ Apply, held by the writer: finish, answer
//!             ──▶ Apply, not held any more: write the pages as a foreign entry's, answer
//!             ──▶ skipped by the log, or its base is past: 40001
//!             ──▶ NotLeader: 40001, and so for all behind it, which build on it
//!             ──▶ Full: 53100, likewise
//!             ──▶ Unknown: 08007
//! ```
//!
//! Invariants:
//! - A transaction is open on the writer exactly in `Interactive`, and while a captured one is
//!   held (the writer keeps that one open: at the most [`IN_FLIGHT_MAX`] is in flight).
//! - Each proposal in flight builds on the one before it, the first on `position`. When the writer
//!   has to let go of one it lets go of all; they stay in flight, each until its own outcome is
//!   known. Nothing new begins meanwhile.
//! - Apply always wins: an entry that commits and is not the first held proposal rolls back
//!   whatever is open. What was built on an earlier position can then never commit, as transaction
//!   ids only grow and every node skips it: 40001 is the truth.
//! - `position` is a function of the log alone. It decides which entries are skipped, so every
//!   node skips the same ones. The file may be ahead of it after a restart, never behind: replay
//!   starts at the state that was durable, and every entry between there and the file's
//!   transaction was applied by this very node in this very order. An entry that the file has
//!   already is therefore not written again, and moves only the position.
//! - Requests are served first come, first served; a batch is a run of units at the head of the
//!   queue. Before it begins it waits a little for others ([`gather`]).
//!
//! Beside all that run *private* transactions (`privates`, `crate::engine::private`), which the lane
//! meets when they commit: as units whose results must be what their clients saw.
//!
//! What a unit that changes nothing may answer: what it read is this node's committed state, and
//! this node was the leader when it ran. Before it is answered, a quorum confirms that it still is
//! (`read_index`), so nobody else can have committed anything before the unit ran: the answer is
//! linearizable, without an entry.

mod answers;
mod apply;
mod batch;
mod beside;
mod brief;
mod driver;
#[cfg(test)]
mod driver_test;
mod gather;
mod handle;
mod interactive;
#[cfg(test)]
mod lane_test;
#[cfg(test)]
mod private_test;
mod privates;
mod propose;
mod queue;
mod row_locks;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

pub(super) use self::batch::{BATCH_TIME_MAX, Claim, Private, Submission, changed};
pub(super) use self::beside::Asking;
use self::driver::Driver;
use self::gather::Wait;
use self::handle::Door;
pub(super) use self::handle::{LaneHandle, Waiting};
pub(super) use self::interactive::{CatalogState, Mark, Opened, Opening, Replayed, Request};
pub(super) use self::privates::{Asked, Registration, wants};
pub(super) use self::propose::Proposer;
pub(super) use self::queue::Entering;
use self::queue::{Queue, Queued};
pub(super) use self::row_locks::Want;
use crate::engine::cancel::lock;
use crate::engine::listen::Hub;
use crate::engine::rows::RowStream;
use crate::engine::short::ShortTexts;
use crate::engine::spool::Spool;
use crate::model::command::{Applied, PagesPart};
use crate::model::error::{Error, Fault};
use crate::model::id::{
    DatabaseId, LogIndex, NodeId, Position, ProposalId, SchemaVersion, TransactionId,
};
use crate::platform::{clock, task};
use crate::raft::{Fence, ProposeError};
use crate::sqlite::Writer;

/// Positions that readers may still meet: the committed one, and a few before it.
const RECENT_POSITIONS: usize = 64;
/// Proposals in flight at the most.
const IN_FLIGHT_MAX: usize = 1;
/// Events handled before the lane looks at its queue again.
const EVENTS_MAX: usize = 1024;

/// What a lane is told.
#[derive(Debug)]
pub(super) enum Event {
    Submit(Submission),
    Open(Opening),
    /// A private transaction's COMMIT.
    Commit(Submission),
    Enter(Entering),
    /// Whether a private transaction has to wait for the holder of the write slot.
    Ask(Asking),
    /// Something that the lane waits for outside of its inbox may have come.
    Recheck,
    /// For the open transaction of this number.
    Statement {
        transaction: u64,
        request: Request,
    },
    /// A part of a transaction, from the log.
    Apply {
        index: LogIndex,
        part: PagesPart,
        reply: oneshot::Sender<Result<Applied, Fault>>,
    },
    /// Whole transactions from the log, each of which stands on the one before it and leaves no
    /// smaller database.
    ApplyRun {
        parts: Vec<(LogIndex, PagesPart)>,
        reply: oneshot::Sender<Result<(), Fault>>,
    },
    ProposalFailed {
        proposal: ProposalId,
        error: ProposeError,
    },
    /// `Some` while this node leads and may take writes.
    Leadership(Option<Fence>),
    /// A received snapshot takes the place of everything.
    Install(Install),
    /// To be run between two transactions.
    Between(Between),
    /// The database is dropped, or the node stops: everything that waits is refused with the error.
    Close {
        error: Error,
        then: Then,
        reply: oneshot::Sender<()>,
    },
}

/// A short job.
pub(super) struct Between(pub Box<dyn FnOnce() + Send>);

impl std::fmt::Debug for Between {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Between")
    }
}

/// What a closed lane still does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Applies the log.
    Apply,
    /// Nothing: the database is gone.
    Nothing,
}

/// Pages of a snapshot, read from its staging file.
pub(super) type Pages = Box<dyn Iterator<Item = Result<(u32, Bytes), Fault>> + Send>;

/// A snapshot for one database.
pub(super) struct Install {
    pub position: Position,
    pub database_pages: u32,
    pub pages: Pages,
    pub reply: oneshot::Sender<Result<(), Fault>>,
}

impl std::fmt::Debug for Install {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Install").field("position", &self.position).finish_non_exhaustive()
    }
}

/// Why the lane didn't do what it was asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Refusal {
    /// This node doesn't lead (any more), and nothing was done: ask the leader.
    NotLeader,
    Error(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Sizes, and a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct LaneLimits {
    /// Bytes of pages in an entry, about.
    pub entry_bytes_max: usize,
    /// Bytes of one unit's results.
    pub result_bytes_max: usize,
    /// Units and transactions that wait.
    pub queue_length_max: usize,
    /// After this much time no more units are taken into a batch: those in it are waiting.
    pub batch_time_max: Duration,
}

/// What runs on the lane's thread at this moment, so that others can stop it.
#[derive(Debug)]
struct Runs {
    transaction: Option<u64>,
    rows: Option<Arc<RowStream>>,
}

/// What others may see of a lane, and do to it, without waiting for it.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub privates: privates::Privates,
    /// The newest committed positions, the last one last. One that is being committed is in it
    /// before readers can see it.
    recent: Mutex<VecDeque<Position>>,
    schema: AtomicU32,
    waiting: AtomicUsize,
    runs: Mutex<Option<Runs>>,
    /// Set when what runs is stopped by [`Shared::interrupt`]. Not its client's flag: a unit that was
    /// stopped is sent again, and must find nothing left of it.
    interrupted: Arc<AtomicBool>,
    /// Why it was.
    reason: Mutex<Option<Error>>,
    /// Entries of others that wait for the lane: what runs is stopped for them.
    urgent: AtomicUsize,
    /// The own proposal that the writer can finish next; 0 if there is none.
    pending: AtomicU64,
    /// The entry of the first part of an open transaction from the log; 0 if none is.
    spooled_from: AtomicU64,
    /// Transactions written since somebody last looked at the WAL.
    pub written: AtomicU32,
}

impl Shared {
    /// The last committed position.
    pub(super) fn position(&self) -> Position {
        lock(&self.recent).back().copied().unwrap_or_default()
    }

    /// The position of a transaction that a reader sees.
    pub(super) fn position_of(&self, txid: TransactionId) -> Option<Position> {
        lock(&self.recent).iter().rev().find(|position| position.txid == txid).copied()
    }

    pub(super) fn schema(&self) -> SchemaVersion {
        SchemaVersion(self.schema.load(Ordering::Acquire))
    }

    /// The first entry that a later one needs.
    pub(super) fn needed_from(&self) -> Option<LogIndex> {
        Some(LogIndex(self.spooled_from.load(Ordering::Acquire))).filter(|index| index.0 > 0)
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn enter(&self, position: Position) {
        let mut recent = lock(&self.recent);
        if recent.len() == RECENT_POSITIONS {
            recent.pop_front();
        }
        recent.push_back(position);
    }

    /// Stops what runs, if it belongs to `transaction`, or whatever it is (`None`).
    pub(super) fn interrupt(&self, transaction: Option<u64>, error: &Error) {
        let runs = lock(&self.runs);
        let Some(runs) = runs.as_ref() else { return };
        if transaction.is_none() || runs.transaction == transaction {
            *lock(&self.reason) = Some(error.clone());
            self.interrupted.store(true, Ordering::Release);
            if let Some(rows) = &runs.rows {
                rows.stop(error.clone());
            }
        }
    }

    /// Whether an entry is the lane's own proposal.
    fn is_pending(&self, node: NodeId, part: &PagesPart) -> bool {
        part.origin.node == node && part.origin.proposal.0 == self.pending.load(Ordering::Acquire)
    }
}

#[derive(Debug)]
enum State {
    Idle,
    Interactive(interactive::Open),
}

/// The state machine.
#[derive(Debug)]
pub(super) struct Lane {
    database: DatabaseId,
    node: NodeId,
    /// `None` for a database that replay meets in the log and that the disk has no more: only its
    /// position counts.
    writer: Option<Writer>,
    position: Position,
    fence: Option<Fence>,
    state: State,
    in_flight: VecDeque<propose::Proposed>,
    queue: Queue,
    /// COMMITs of private transactions. They go before the queue: what is at its head may wait for
    /// them.
    commits: VecDeque<Submission>,
    /// Units that wait for rows, and the count of releases when they were last looked at.
    parked: Vec<Submission>,
    releases: u64,
    /// Whether rows of units are in flight, or something exclusive is.
    units_in_flight: bool,
    exclusive_in_flight: bool,
    /// Units at the head of the queue that must be run one by one.
    alone: usize,
    gather: gather::Gather,
    spool: Spool,
    next_proposal: u64,
    next_transaction: u64,
    shared: Arc<Shared>,
    limits: LaneLimits,
    proposer: Arc<dyn Proposer>,
    hub: Arc<Hub>,
    door: Weak<Door>,
    /// What is known of the texts of writes, and of reads between them.
    texts: ShortTexts,
    /// Whether it runs on the thread of a task that others wait for ([`driver`]).
    here: bool,
    between: Option<Between>,
    closed: Option<Error>,
}

/// What a lane is made of.
#[derive(Debug)]
pub(super) struct Start {
    pub database: DatabaseId,
    pub node: NodeId,
    pub writer: Option<Writer>,
    /// As the log has it: the file may be ahead.
    pub position: Position,
    pub spool: Spool,
    pub limits: LaneLimits,
    pub proposer: Arc<dyn Proposer>,
    pub hub: Arc<Hub>,
}

impl Lane {
    /// A lane, its inbox and the way to it.
    pub(super) fn new(start: Start) -> (Self, mpsc::Receiver<Event>, LaneHandle) {
        let shared = Arc::new(Shared::default());
        shared.enter(start.position);
        if let Some(writer) = &start.writer {
            shared.schema.store(writer.schema().0, Ordering::Release);
        }
        // Statements, entries and leadership come on top of what waits.
        let (inbox, events) = mpsc::channel(start.limits.queue_length_max + EVENTS_MAX);
        let door = Arc::new(Door { inbox: Some(inbox), driver: OnceLock::new() });
        let handle = LaneHandle {
            shared: shared.clone(),
            door: door.clone(),
            node: start.node,
            queue_length_max: start.limits.queue_length_max,
        };
        let lane = Self {
            database: start.database,
            node: start.node,
            writer: start.writer,
            position: start.position,
            fence: None,
            state: State::Idle,
            in_flight: VecDeque::new(),
            queue: Queue::default(),
            commits: VecDeque::new(),
            parked: Vec::new(),
            releases: 0,
            units_in_flight: false,
            exclusive_in_flight: false,
            alone: 0,
            gather: gather::Gather::default(),
            spool: start.spool,
            // Unique among all that this node ever proposed, before restarts as well: an entry of an
            // earlier life must never be taken for the pending one.
            next_proposal: u64::from_be_bytes(crate::platform::random::bytes()),
            next_transaction: 1,
            shared,
            limits: start.limits,
            proposer: start.proposer,
            hub: start.hub,
            door: Arc::downgrade(&door),
            texts: ShortTexts::default(),
            here: false,
            between: None,
            closed: None,
        };
        (lane, events, handle)
    }

    /// Takes one event. [`Self::advance`] must follow before the lane waits again.
    ///
    /// Returns the event if the lane's own thread must handle it, which only happens elsewhere.
    fn handle(&mut self, event: Event) -> Result<Option<Event>, Fault> {
        match event {
            Event::Submit(mut submission) => {
                self.gather.arrived();
                self.shared.privates.unname_triggered(&mut submission.unit);
                self.queue.push(Queued::Unit(submission));
            }
            Event::Open(opening) => self.queue.push(Queued::Open(opening)),
            Event::Commit(submission) => self.commits.push_back(submission),
            Event::Enter(entering) => self.queue.push(Queued::Enter(entering)),
            Event::Ask(asking) => self.on_asking(asking)?,
            Event::Recheck => {}
            Event::Statement { transaction, request } => {
                let left = self.on_request(transaction, request)?;
                return Ok(left.map(|request| Event::Statement { transaction, request }));
            }
            Event::Apply { index, part, reply } => {
                let applied = self.apply(index, part);
                // Who waits stops the node, and is to say why. Nobody does if it is stopping.
                let _ = reply.send(applied.clone());
                applied?;
            }
            Event::ApplyRun { parts, reply } => {
                let applied = self.apply_run(parts);
                let _ = reply.send(applied.clone());
                applied?;
            }
            Event::ProposalFailed { proposal, error } => self.on_failure(proposal, &error)?,
            Event::Leadership(fence) => self.on_leadership(fence)?,
            Event::Install(mut install) => {
                let installed = self.install(&mut install);
                // The node is stopping if nobody waits for it.
                let _ = install.reply.send(installed.clone());
                installed?;
            }
            Event::Between(job) => self.between = Some(job),
            Event::Close { error, then, reply } => {
                self.lose_transaction(&error)?;
                self.shared.privates.set_possible(false);
                self.shared.privates.lose_all(&error);
                // Entries of a dropped database are skipped from now on; a node that stops doesn't
                // know.
                let outcome = if then == Then::Apply { unknown() } else { error.clone() };
                self.lose_proposals(0, &outcome)?;
                self.refuse_queue(&Refusal::Error(error.clone()));
                self.closed = Some(error);
                if then == Then::Nothing {
                    self.writer = None;
                }
                let _ = reply.send(());
            }
        }
        Ok(None)
    }

    /// Serves what waits, as far as the state allows. If a batch waits for others: for how long at
    /// the most. Then this is to be called again.
    pub(super) fn advance(&mut self) -> Result<Option<Duration>, Fault> {
        let served = self.serve();
        self.note_gate();
        served
    }

    /// Lets private transactions become active by themselves, or not.
    fn note_gate(&self) {
        let idle = matches!(self.state, State::Idle) && !self.exclusive_in_flight;
        self.shared.privates.set_open(idle && !self.queue.closes_gate());
    }

    fn serve(&mut self) -> Result<Option<Duration>, Fault> {
        self.note_landed();
        while matches!(self.state, State::Idle) && self.may_begin() {
            if let Some(Between(job)) = self.between.take() {
                job();
            }
            if let Some(error) = self.closed.clone() {
                self.refuse_queue(&Refusal::Error(error));
            } else if self.fence.is_none() {
                self.refuse_queue(&Refusal::NotLeader);
            }
            self.unpark();
            let shared = match self.queue.front() {
                _ if !self.commits.is_empty() => true,
                None => return Ok(None),
                Some(Queued::Enter(_)) => {
                    self.admit_next();
                    continue;
                }
                Some(Queued::Unit(submission)) => privates::is_shared(&submission.unit),
                Some(Queued::Open(_)) => false,
            };
            // What nobody knows the rows of runs when no private transaction is active.
            let exclusive = (!shared || self.queue.closes_gate()) && self.shared.privates.close();
            if !shared && !exclusive {
                return Ok(None);
            }
            if !shared && matches!(self.queue.front(), Some(Queued::Open(_))) {
                self.open_next()?;
            } else if let Wait::Begins(left) | Wait::GoesOn(left) = self.wait_for_others() {
                return Ok(Some(left));
            } else {
                self.run_batch(exclusive)?;
            }
            self.note_landed();
        }
        Ok(None)
    }

    /// Lets go of the rows of what isn't in flight any more.
    fn note_landed(&mut self) {
        if !self.in_flight.is_empty() {
            return;
        }
        self.exclusive_in_flight = false;
        if std::mem::take(&mut self.units_in_flight) {
            self.shared.privates.units_over();
        }
    }

    /// Puts units that wait for rows back to the head of the queue, if a row was given up.
    fn unpark(&mut self) {
        if self.parked.is_empty() {
            return;
        }
        let releases = self.shared.privates.releases();
        if self.releases != releases {
            self.releases = releases;
            for submission in self.parked.drain(..).rev() {
                self.queue.put_back(Queued::Unit(submission));
            }
        }
    }

    fn admit_next(&mut self) {
        let Some(Queued::Enter(entering)) = self.queue.pop() else { return };
        if entering.reply.is_closed() {
            return;
        }
        let admitted = self.shared.privates.admit(entering.number);
        // Whoever doesn't wait any more leaves by itself.
        let _ = entering.reply.send(if admitted { Ok(()) } else { Err(Refusal::NotLeader) });
    }

    fn writer(&mut self) -> &mut Writer {
        self.writer.as_mut().expect("only databases that are on the disk are written to")
    }

    fn on_leadership(&mut self, fence: Option<Fence>) -> Result<(), Fault> {
        if self.fence != fence {
            self.shared.privates.lose_all(&leadership_lost());
        }
        self.fence = fence;
        if let State::Interactive(open) = &self.state
            && Some(open.fence) != fence
        {
            self.lose_transaction(&leadership_lost())?;
        }
        self.note_privates()
    }

    fn refuse_queue(&mut self, refusal: &Refusal) {
        self.alone = 0;
        for submission in self.commits.drain(..).chain(self.parked.drain(..)) {
            submission.answer(Err(refusal.clone()));
        }
        while let Some(queued) = self.queue.pop() {
            queued.refuse(refusal);
        }
    }

    /// Says whether there can be private transactions, by leadership, and which tables' rows they
    /// can't name, by this schema.
    fn note_privates(&mut self) -> Result<(), Fault> {
        let leads = self.fence.is_some() && self.closed.is_none();
        if let Some(writer) = self.writer.as_ref().filter(|_| leads) {
            self.shared.privates.set_triggered(writer.triggered_tables()?);
        }
        self.shared.privates.set_possible(leads && self.writer.is_some());
        Ok(())
    }

    /// Whether the writer can begin another transaction.
    fn may_begin(&self) -> bool {
        self.in_flight.len() < IN_FLIGHT_MAX && self.in_flight.iter().all(|proposed| proposed.held)
    }

    /// Marks what runs on the writer, so that it can be stopped from elsewhere.
    fn running(&self, transaction: Option<u64>, rows: Option<Arc<RowStream>>) {
        self.shared.interrupted.store(false, Ordering::Release);
        *lock(&self.shared.reason) = None;
        *lock(&self.shared.runs) = Some(Runs { transaction, rows });
        if self.shared.urgent.load(Ordering::SeqCst) > 0 {
            self.shared.interrupt(None, &overtaken());
        }
    }

    /// The end of [`Self::running`]: why it was stopped from elsewhere, if it was.
    fn ran(&self) -> Option<Error> {
        *lock(&self.shared.runs) = None;
        lock(&self.shared.reason).take()
    }
}

/// Runs a lane until its handles are gone. `on_fault` is told why it stopped, if it had to.
pub(super) fn start(
    name: &str,
    mut lane: Lane,
    mut events: mpsc::Receiver<Event>,
    on_fault: impl Fn(Fault) + Send + Sync + 'static,
) -> Result<(), Fault> {
    if !task::may_block() {
        task::spawn(async move {
            while let Some(event) = events.recv().await {
                let mut again = driver::turn(&mut lane, Some(event), &mut events);
                while let Ok(Some(left)) = again {
                    let event = match clock::timeout(left, events.recv()).await {
                        Ok(None) => return,
                        Ok(event) => event,
                        Err(_) => None,
                    };
                    again = driver::turn(&mut lane, event, &mut events);
                }
                if let Err(fault) = again {
                    return on_fault(fault);
                }
            }
        });
        return Ok(());
    }
    let Some(door) = lane.door.upgrade() else { return Ok(()) };
    let driver = Driver::start(name, lane, events, Box::new(on_fault))?;
    // A lane is started once.
    let _ = door.driver.set(driver);
    Ok(())
}

pub(super) fn leadership_lost() -> Error {
    Error::serialization("leadership changed before the transaction was proposed")
        .with_detail("Nothing was changed.")
        .with_hint("Try again.")
}

/// 53100: nothing was proposed.
pub(super) fn log_full() -> Error {
    let state = crate::model::error::SqlState::DISK_FULL;
    Error::limit(state, "the Raft log's disk is full: free space on the leader")
        .with_detail("Nothing was changed.")
}

pub(super) fn overtaken() -> Error {
    Error::serialization("another leader's transaction came first")
        .with_detail("Nothing was changed.")
        .with_hint("Try again.")
}

fn unknown() -> Error {
    Error::outcome_unknown("leadership was lost while the transaction was being replicated")
        .with_detail("It may or may not have been committed.")
}

fn closed() -> Error {
    Error::new(
        crate::model::error::Class::Limit,
        crate::model::error::SqlState::ADMIN_SHUTDOWN,
        "the database is closed",
    )
}
