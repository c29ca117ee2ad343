//! One running node: what it is made of, how it starts and stops, proposals and reads.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::platform::watch;
use bytes::Bytes;
use openraft::Instant as _;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{ClientWriteError, LinearizableReadError, RaftError};
use openraft::impls::ProgressResponder;
use openraft::{LinearizerOption, Raft, RaftMetrics, ServerState};
use tokio::sync::Semaphore;

use crate::model::command::{Applied as Outcome, Command};
use crate::model::error::Fault;
use crate::model::id::{ClusterId, LogIndex, NodeId, Term};
use crate::model::member::Member;
use crate::platform::clock::{self, Instant};
use crate::platform::mutant::mutant;
use crate::platform::task;
use crate::raft::applied::Applied;
use crate::raft::commits::Attention;
use crate::raft::contact::Contacts;
use crate::raft::log_store::LogStore;
use crate::raft::network::{Links, Network};
use crate::raft::quarantine::{self, Quarantine};
use crate::raft::snapshot::Progress;
use crate::raft::state_machine::{StateFile, StateMachine};
use crate::raft::types::{EncodedCommand, LeaderId, LogId, TypeConfig};
use crate::raft::{
    AdminError, COMMAND_BYTES_MAX, Channel, Fence, Leadership, LogEnd, Node, ProposeError, Start,
    Status, Timing, codec, config, confirm, leadership, membership, purge, receive, recover,
    stalled, state,
};

/// Bytes of proposals that openraft holds and hasn't answered yet, at the most.
const PROPOSED_BYTES_MAX: u32 = 64 << 20;

/// What all clones of a [`Node`] share.
pub(super) struct Inner {
    pub(super) me: Member,
    pub(super) timing: Timing,
    pub(super) raft: Raft<TypeConfig, StateMachine>,
    pub(super) links: Arc<Links>,
    pub(super) applied: Arc<Applied>,
    pub(super) leadership: watch::Sender<Leadership>,
    pub(super) quarantine: Quarantine,
    /// Held while the membership changes: one change at a time.
    pub(super) changing: tokio::sync::Mutex<()>,
    /// Held while a snapshot arrives.
    pub(super) receiving: tokio::sync::Mutex<()>,
    pub(super) receive_progress: Progress,
    /// Set once a stop was asked for: openraft's end is then no fault.
    pub(super) stopping: AtomicBool,
    proposed_bytes: Semaphore,
    /// Whether the log's disk has no space for more than what Raft itself needs.
    log_full: watch::Receiver<bool>,
    last_contact: Mutex<Option<Instant>>,
    /// When this node learnt of an election.
    leader_since: Mutex<Option<Instant>>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("me", &self.me).finish_non_exhaustive()
    }
}

impl Inner {
    /// Starts what goes on beside openraft until it stops.
    fn attend(self: &Arc<Self>, log_bytes_max: u64) {
        task::spawn(leadership::watch(self.clone()));
        task::spawn(membership::settle(self.clone()));
        task::spawn(stalled::watch(self.clone()));
        task::spawn(purge::run(self.clone(), log_bytes_max));
    }

    /// openraft's state, copied: holding on to it would block openraft.
    pub(super) fn metrics(&self) -> RaftMetrics<TypeConfig> {
        self.raft.metrics().borrow_watched().clone()
    }

    /// A message of the current leader was accepted.
    pub(super) fn heard_from_leader(&self) {
        let mut contact = self.last_contact.lock().expect("nothing panics while it holds this");
        *contact = Some(clock::now());
    }

    /// Another one leads now.
    pub(super) fn has_new_leader(&self) {
        let mut since = self.leader_since.lock().expect("nothing panics while it holds this");
        *since = Some(clock::now());
    }
}

impl Node {
    /// Starts a node. Returns once what its log knows to be committed has been applied.
    ///
    /// # Errors
    /// If the durable state or the log can't be read, contradict each other, or the timers do.
    pub async fn start(start: Start) -> Result<Self, Fault> {
        let config = Arc::new(config::config(&start.timing)?);
        let durable = state::read(&*start.disk, &start.directory)?.unwrap_or_default();
        let applied = Arc::new(Applied::default());
        let log_full = start.log.full();
        let links = Arc::new(Links {
            me: start.me.id,
            transport: start.transport,
            log: start.log.clone(),
            databases: start.databases.clone(),
            timing: start.timing,
            sent: Mutex::default(),
            sending: Mutex::default(),
            members: Mutex::default(),
            quick: Mutex::default(),
            told: AtomicU64::new(0),
            contacts: Contacts::default(),
            commits: Mutex::default(),
            acknowledged: Mutex::default(),
        });
        let machine = StateMachine::new(
            start.databases,
            StateFile::new(start.disk, start.directory),
            durable,
            start.log.flushed(),
            applied.clone(),
        );
        let me = start.me.id.0;
        let raft =
            Raft::build(me, config, Network(links.clone()), LogStore::new(start.log, me), machine)
                .await
                .map_err(|error| Fault::new(format!("start Raft: {error}")))?;
        // Before the quarantine is decided nobody is elected.
        raft.runtime_config().elect(false);
        raft.run();
        raft.with_state_machine(|machine| Box::pin(async move { machine.started() }))
            .await
            .map_err(|error| Fault::new(format!("start Raft: {error}")))?;
        let (promised, alone) = raft
            .with_raft_state(move |state| {
                (quarantine::may_have_promised(state, me), quarantine::is_alone(state, me))
            })
            .await
            .map_err(|error| Fault::new(format!("start Raft: {error}")))?;
        let quarantined = start.quarantine && promised && !mutant("no-quarantine");
        let inner = Arc::new(Inner {
            me: start.me,
            timing: start.timing,
            raft,
            links,
            applied,
            leadership: watch::Sender::new(Leadership::default()),
            quarantine: Quarantine::new(quarantined),
            changing: tokio::sync::Mutex::default(),
            receiving: tokio::sync::Mutex::default(),
            receive_progress: Mutex::default(),
            stopping: AtomicBool::new(false),
            proposed_bytes: Semaphore::new(PROPOSED_BYTES_MAX as usize),
            log_full,
            last_contact: Mutex::default(),
            leader_since: Mutex::default(),
        });
        inner.start_voting(quarantined);
        if alone && !quarantined {
            // Nobody else could be elected: there is nothing to wait for.
            let elected = inner.raft.trigger().elect(false).await;
            elected.map_err(|error| Fault::new(format!("start Raft: {error}")))?;
        }
        inner.attend(start.log_bytes_max);
        Ok(Self { inner })
    }

    /// The cluster this node belongs to, once it does.
    pub fn cluster(&self) -> Option<ClusterId> {
        let metrics = self.inner.metrics();
        let mut nodes = metrics.membership_config.nodes();
        nodes.next().map(|(_, node)| node.cluster)
    }

    /// Appends a command of [`COMMAND_BYTES_MAX`] at most; returns when it is committed and applied
    /// here.
    ///
    /// # Errors
    /// See [`ProposeError`]: only `NotLeader`, `Full` and `Stopped` say that nothing happened. A
    /// command that is too large is logged as the bug that it is, and not proposed. `Full` is not
    /// said to a DROP DATABASE, which frees space.
    pub async fn propose(&self, command: Command, fence: Fence) -> Result<Outcome, ProposeError> {
        let frees_space = matches!(command, Command::DropDatabase { .. });
        if !frees_space && *self.inner.log_full.borrow() {
            let leads = self.inner.leadership.borrow().ready == Some(fence);
            return Err(if leads { ProposeError::Full } else { ProposeError::NotLeader });
        }
        let encoded = EncodedCommand::new(&command);
        drop(command);
        if encoded.bytes().len() > COMMAND_BYTES_MAX {
            tracing::error!(bytes = encoded.bytes().len(), "a command is too large to propose");
            return Err(ProposeError::NotLeader);
        }
        let share = u32::try_from(encoded.bytes().len()).unwrap_or(PROPOSED_BYTES_MAX);
        let permit = self.inner.proposed_bytes.acquire_many(share.min(PROPOSED_BYTES_MAX)).await;
        let _permit = permit.expect("this semaphore is never closed");
        let (responder, answer) = ProgressResponder::complete_only();
        let leader = LeaderId { term: fence.term.0, node_id: fence.leader.0 };
        let request = self.inner.raft.write(encoded).with_leader(leader).responder(responder);
        request.await.map_err(|_| ProposeError::Stopped)?;
        match answer.await {
            Ok(Ok(response)) => Ok(response.data),
            Ok(Err(ClientWriteError::ForwardToLeader(_))) => Err(ProposeError::NotLeader),
            // Appended and then lost from sight; or openraft has stopped under way.
            Ok(Err(_)) | Err(_) => Err(ProposeError::Unknown),
        }
    }

    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.inner.leadership.subscribe()
    }

    /// On the leader: the index that a linearizable read must wait for. Asks a quorum, or with
    /// `lease` answers from the lease while that is safe: for four fifths of the time that its
    /// followers promised not to elect another leader.
    ///
    /// # Errors
    /// `NotLeader` if this node doesn't lead, or can't reach a quorum in time.
    pub async fn read_index(&self, lease: bool) -> Result<LogIndex, ProposeError> {
        if !lease {
            return confirm::read_index(&self.inner).await;
        }
        let age = self.inner.timing.election_timeout_max.mul_f64(0.8);
        let option = LinearizerOption::new(Some(age), true);
        match Box::pin(self.inner.raft.get_read_linearizer(option)).await {
            Ok(linearizer) => Ok(LogIndex(linearizer.read_log_id().log_id().index)),
            Err(RaftError::APIError(
                LinearizableReadError::ForwardToLeader(_)
                | LinearizableReadError::QuorumNotEnough(_),
            )) => Err(ProposeError::NotLeader),
            Err(RaftError::Fatal(_)) => Err(ProposeError::Stopped),
        }
    }

    /// Another node waits for what is committed here until the result is dropped, and no longer
    /// for what was committed by then: it is told at once, and not with the next entries.
    pub fn attend(&self, to: NodeId) -> Attention {
        Attention::new(self.inner.links.commits_of(to), self.inner.applied.clone())
    }

    /// On the leader: returns once `node` hasn't answered for three times the shortest election timeout.
    pub fn lost(&self, node: NodeId) -> impl Future<Output = ()> + Send + use<> {
        self.inner.links.contacts.lost(node)
    }

    /// On the leader: the nodes that don't answer, and since when they haven't.
    pub fn silent(&self) -> BTreeMap<NodeId, Duration> {
        self.inner.links.contacts.silent()
    }

    /// Waits until this node has applied `index`.
    pub async fn wait_applied(&self, index: LogIndex) -> Result<(), ProposeError> {
        self.inner.applied.wait(index.0).await.map_err(|_| ProposeError::Stopped)
    }

    pub async fn bootstrap(
        &self,
        cluster: ClusterId,
        members: Vec<Member>,
    ) -> Result<(), AdminError> {
        membership::bootstrap(&self.inner, cluster, members).await
    }

    /// All members, with whether each votes.
    pub fn members(&self) -> Vec<(Member, bool)> {
        membership::members(&self.inner)
    }

    /// Whether this node votes, as far as is known to be committed: in the middle of a change that gives it
    /// the vote, it doesn't yet.
    pub fn has_vote(&self) -> bool {
        let metrics = self.inner.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        let sets = metrics.committed_membership_config.membership().get_joint_config();
        !sets.is_empty() && sets.iter().all(|set| set.contains(&self.inner.me.id.0))
    }

    /// Whether one majority is enough to elect: not in the middle of a change of membership.
    #[cfg(test)]
    pub(crate) fn has_one_majority(&self) -> bool {
        self.inner.metrics().membership_config.membership().get_joint_config().len() == 1
    }

    /// Leader: adds a node as learner, waits until it has caught up, makes it a voter unless
    /// `read_only`. A member with the same id and name gets its new addresses.
    ///
    /// # Errors
    /// `Refused` with a text for the operator; what was done until then stays, and the same call
    /// may be made again.
    pub async fn add(&self, member: Member, read_only: bool) -> Result<(), AdminError> {
        membership::add(&self.inner, member, read_only).await
    }

    /// Ends openraft as a bug in it would.
    #[cfg(test)]
    pub(crate) async fn panic(&self) {
        let panicked = self.inner.raft.with_raft_state(|_| panic!("this test wants it")).await;
        let Err::<(), _>(_) = panicked else { unreachable!("nothing is left to answer") };
    }

    /// Where this node's log ends.
    pub fn log_end(&self) -> Option<LogEnd> {
        recover::log_end(&self.inner.links.log)
    }

    /// Leader: removes a member. There need be none of this name.
    pub async fn remove(&self, name: &str) -> Result<(), AdminError> {
        membership::remove(&self.inner, name).await
    }

    /// Leader: hands leadership to `to`, or to the most advanced voter. Returns when it has moved.
    pub async fn transfer(&self, to: Option<NodeId>) -> Result<(), AdminError> {
        membership::transfer(&self.inner, to).await
    }

    /// Whether this node leads, and a majority has answered it within `age`, itself included.
    ///
    /// openraft's leader stays one, in its own eyes, when it is cut off from everybody.
    pub fn leads_a_majority(&self, age: Duration) -> bool {
        let metrics = self.inner.raft.metrics();
        let metrics = metrics.borrow_watched();
        let mut voters = metrics.membership_config.voter_ids();
        let is_alone = voters.next() == Some(metrics.id) && voters.next().is_none();
        let answered = metrics.last_quorum_acked.is_some_and(|moment| moment.elapsed() <= age);
        metrics.state == ServerState::Leader && (is_alone || answered)
    }

    /// Whether a majority has answered this leader so lately that nobody else leads, as far as timers tell.
    pub fn has_majority(&self) -> bool {
        self.leads_a_majority(self.inner.timing.election_timeout_max)
    }

    /// Whether this node leads a majority, or has heard from a leader so lately that it looks for no other one.
    /// A leader who has just been elected may not have said anything yet. One of whom this node knows from before
    /// it was started has to.
    ///
    /// Without a majority nobody is elected, and so nobody takes the place of a leader that has gone.
    pub fn hears_a_leader(&self) -> bool {
        let patience = 2 * self.inner.timing.election_timeout_max;
        let is_late = |moment: &Mutex<Option<Instant>>| {
            let moment = *moment.lock().expect("nothing panics while it holds this");
            moment.is_none_or(|moment| clock::now().since(moment) > patience)
        };
        if !is_late(&self.inner.leader_since) {
            return true;
        }
        let leads = self.inner.raft.metrics().borrow_watched().state == ServerState::Leader;
        if leads { self.leads_a_majority(patience) } else { !is_late(&self.inner.last_contact) }
    }

    pub fn status(&self) -> Status {
        let metrics = self.inner.metrics();
        let index = |id: Option<LogId>| LogIndex(id.map_or(0, |id| id.index));
        let role = match metrics.state {
            _ if metrics.running_state.is_err() => "Shutdown",
            ServerState::Learner => "Learner",
            ServerState::Follower => "Follower",
            ServerState::Candidate => "Candidate",
            ServerState::Leader => "Leader",
            ServerState::Shutdown => "Shutdown",
        };
        let contact = *self.inner.last_contact.lock().expect("nothing panics while it holds this");
        let progress = &self.inner.receive_progress;
        let replication = metrics.replication.unwrap_or_default();
        Status {
            role,
            term: Term(metrics.current_term),
            last_log: LogIndex(metrics.last_log_index.unwrap_or(0)),
            committed: index(metrics.local_committed),
            applied: index(self.inner.applied.last()),
            snapshot: index(metrics.snapshot),
            purged: index(metrics.purged),
            last_log_term: last_log_term(&self.inner),
            applied_term: term(self.inner.applied.last()),
            snapshot_term: term(metrics.snapshot),
            membership: index(*metrics.membership_config.log_id()),
            log_bytes: self.inner.links.log.bytes_after(index(metrics.purged).0),
            last_contact: if role == "Leader" {
                Some(Duration::ZERO)
            } else {
                contact.map(|moment| clock::now().since(moment))
            },
            receiving: *progress.lock().expect("nothing panics while it holds this lock"),
            replicated: replication
                .into_iter()
                .filter(|(id, _)| *id != self.inner.me.id.0)
                .map(|(id, matching)| (NodeId(id), index(matching)))
                .collect(),
        }
    }

    /// Makes what was applied durable in the database files, and with `keep` removes the log but for
    /// so many entries before that point. Whether there was anything to do.
    pub async fn compact(&self, keep: Option<u64>) -> Result<bool, AdminError> {
        purge::compact(&self.inner, keep).await
    }

    /// A message from `from`'s [`Transport::call`](crate::raft::Transport::call).
    pub async fn on_call(&self, from: NodeId, payload: Bytes) -> Result<Bytes, String> {
        receive::on_call(&self.inner, from, payload).await
    }

    /// A stream from `from`'s [`Transport::open`](crate::raft::Transport::open).
    pub async fn on_stream(&self, from: NodeId, snapshot: bool, channel: Box<dyn Channel>) {
        if snapshot {
            receive::on_snapshot(&self.inner, from, channel).await;
        } else {
            receive::on_entries(&self.inner, from, channel).await;
        }
    }

    /// Stands for election now, whatever the timers say.
    #[cfg(test)]
    pub(crate) async fn campaign(&self) {
        self.inner.raft.trigger().elect(false).await.expect("Raft runs");
    }

    /// Stops Raft on this node. Waits until nothing of it runs any more.
    pub async fn shutdown(&self) {
        self.inner.stopping.store(true, Ordering::Release);
        if let Err(error) = self.inner.raft.shutdown().await {
            tracing::warn!(%error, "Raft did not stop in order");
        }
        self.inner.applied.close();
    }
}

fn term(id: Option<LogId>) -> Term {
    Term(id.map_or(0, |id| id.committed_leader_id().term))
}

fn last_log_term(inner: &Inner) -> Term {
    let last = inner.links.log.extent().last;
    Term(last.map_or(0, |(_, leader)| codec::decode_leader(leader).term))
}

impl Inner {
    /// Lets this node vote and stand for election: now, or after the quarantine.
    fn start_voting(self: &Arc<Self>, quarantined: bool) {
        if !quarantined {
            self.raft.runtime_config().elect(true);
            return;
        }
        let this = Arc::downgrade(self);
        let wait = quarantine::duration(&self.timing);
        task::spawn(async move {
            clock::sleep(wait).await;
            if let Some(this) = this.upgrade() {
                this.quarantine.lift();
                this.raft.runtime_config().elect(true);
            }
        });
    }
}
