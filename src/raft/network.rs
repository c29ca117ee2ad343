//! openraft's network over [`Transport`]: the sending side.
//!
//! Entries go down a stream of their own, many messages in flight, answers in order. Votes,
//! heartbeats and leader transfer are calls, which other connections carry: bulk data never delays
//! them. Every message with entries says what the entry before them hashes to, so that a follower
//! that holds another entry under the same id notices.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, Either, select};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, stream};
use openraft::alias::SnapshotOf;
use openraft::errors::{
    NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable,
};
use openraft::network::{
    Backoff, RPCOption, RaftNetworkFactory, RaftNetworkV2, stream_append_sequential,
};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendError,
    StreamAppendResult, TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, RPCTypes};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::model::id::NodeId;
use crate::model::member::Member;
use crate::platform::clock::{self, Instant};
use crate::raft::acknowledged::Acknowledged;
use crate::raft::codec::Malformed;
use crate::raft::commits::Commits;
use crate::raft::contact::Contacts;
use crate::raft::message;
use crate::raft::snapshot;
use crate::raft::state_machine::SnapshotData;
use crate::raft::types::{LogId, RaftNode, TypeConfig, Vote};
use crate::raft::{
    Channel, ChannelReceiver, ChannelSender, Databases, Timing, Transport, TransportError, codec,
};
use crate::raftlog::RaftLog;

/// Messages with entries on their way to one follower, at the most.
const IN_FLIGHT_MAX: usize = 64;
/// Bytes of them, at the most; one message may be larger.
const IN_FLIGHT_BYTES_MAX: u32 = 32 << 20;

/// What all links of a node share.
pub(super) struct Links {
    pub(super) me: NodeId,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) log: RaftLog,
    pub(super) databases: Arc<dyn Databases>,
    pub(super) timing: Timing,
    /// Snapshot bytes sent to each node: whoever waits for one to catch up sees that it goes on.
    pub(super) sent: Mutex<BTreeMap<u64, u64>>,
    /// Snapshots on their way now: to whom, up to which index.
    pub(super) sending: Mutex<BTreeMap<u64, u64>>,
    /// The members as the newest membership has them.
    pub(super) members: Mutex<BTreeMap<u64, Member>>,
    /// Who confirmed this node's leadership the last time.
    pub(super) quick: Mutex<BTreeSet<u64>>,
    /// The highest index that any follower was told to be committed.
    pub(super) told: AtomicU64,
    /// Who doesn't answer.
    pub(super) contacts: Contacts,
    /// Who waits for news of commits.
    pub(super) commits: Mutex<BTreeMap<u64, Arc<Commits>>>,
    /// What each follower has acknowledged to this node.
    pub(super) acknowledged: Mutex<BTreeMap<u64, Arc<Acknowledged>>>,
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").field("me", &self.me).finish_non_exhaustive()
    }
}

impl Links {
    /// A stream on which nothing moves for this long is given up. Generous: the largest entry must
    /// get through a slow line, and be fsynced, within it.
    pub(super) fn stall(&self) -> Duration {
        (self.timing.election_timeout_max * 4).max(Duration::from_secs(10))
    }

    pub(super) fn sent_to(&self, node: u64) -> u64 {
        let sent = self.sent.lock().expect("nothing panics while it holds this lock");
        sent.get(&node).copied().unwrap_or(0)
    }

    pub(super) fn add_sent(&self, node: NodeId, bytes: u64) {
        let mut sent = self.sent.lock().expect("nothing panics while it holds this lock");
        *sent.entry(node.0).or_default() += bytes;
    }

    /// The hash of an entry of this node's log, if it is still there.
    pub(super) fn hash_of(&self, id: LogId) -> Option<u64> {
        let records = self.log.read(id.index..id.index.checked_add(1)?, 0);
        let record = records.map_err(|fault| self.databases.fault(fault)).ok()?.pop()?;
        let same = record.leader == codec::encode_leader(id.committed_leader_id());
        (same && record.index == id.index).then_some(record.hash)
    }

    /// The member with its addresses of now: openraft keeps a link while they change.
    fn current(&self, target: &Member) -> Member {
        let members = self.members.lock().expect("nothing panics while it holds this lock");
        members.get(&target.id.0).unwrap_or(target).clone()
    }

    /// The membership has changed.
    pub(super) fn set_members(&self, members: impl Iterator<Item = Member>) {
        let mut known = self.members.lock().expect("nothing panics while it holds this lock");
        *known = members.map(|member| (member.id.0, member)).collect();
    }

    /// A message with entries. Whoever gets it may show what it says to be committed.
    fn encode_append(
        &self,
        request: &AppendEntriesRequest<TypeConfig>,
        prev_hash: Option<u64>,
    ) -> Bytes {
        self.told.fetch_max(request.leader_commit.map_or(0, |id| id.index), Ordering::SeqCst);
        message::encode_append(request, prev_hash)
    }

    pub(super) fn is_quick(&self, node: NodeId) -> bool {
        let quick = self.quick.lock().expect("nothing panics while it holds this lock");
        quick.contains(&node.0)
    }

    pub(super) fn set_quick(&self, nodes: &BTreeSet<u64>) {
        let mut quick = self.quick.lock().expect("nothing panics while it holds this lock");
        quick.clone_from(nodes);
    }

    fn acknowledged_by(&self, node: NodeId) -> Arc<Acknowledged> {
        let mut known = self.acknowledged.lock().expect("nothing panics while it holds this lock");
        known.entry(node.0).or_default().clone()
    }

    pub(super) fn commits_of(&self, node: NodeId) -> Arc<Commits> {
        let mut commits = self.commits.lock().expect("nothing panics while it holds this lock");
        commits.entry(node.0).or_default().clone()
    }

    /// Notes that a snapshot up to `index` goes to `node`, until the note is dropped.
    pub(super) fn note_sending(self: &Arc<Self>, node: NodeId, index: u64) -> Sending {
        let mut sending = self.sending.lock().expect("nothing panics while it holds this lock");
        sending.insert(node.0, index);
        Sending { links: self.clone(), node }
    }

    /// The first index that nodes which are being sent snapshots now will need after them.
    pub(super) fn needed_after_snapshots(&self) -> Option<u64> {
        let sending = self.sending.lock().expect("nothing panics while it holds this lock");
        sending.values().min().map(|index| index + 1)
    }
}

/// A snapshot on its way to a node.
#[derive(Debug)]
pub(super) struct Sending {
    links: Arc<Links>,
    node: NodeId,
}

impl Drop for Sending {
    fn drop(&mut self) {
        let sending = self.links.sending.lock();
        sending.expect("nothing panics while it holds this lock").remove(&self.node.0);
    }
}

/// Makes a [`Link`] for each member and purpose.
#[derive(Debug, Clone)]
pub(super) struct Network(pub(super) Arc<Links>);

impl Network {
    fn link(&self, node: &RaftNode, streams: bool) -> Link {
        Link {
            links: self.0.clone(),
            target: node.member.clone(),
            streams,
            channel: Mutex::new(None),
        }
    }
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Link;

    async fn new_client(&mut self, _target: u64, node: &RaftNode) -> Link {
        self.link(node, true)
    }

    async fn new_heartbeat_client(&mut self, _target: u64, node: &RaftNode) -> Link {
        self.link(node, false)
    }
}

/// Both halves of an open stream of entries, with nothing in flight on it.
struct Halves {
    sender: Box<dyn ChannelSender>,
    receiver: Box<dyn ChannelReceiver>,
}

/// One member, for one purpose.
pub(super) struct Link {
    links: Arc<Links>,
    target: Member,
    /// Whether entries go down a stream; a heartbeat is a call.
    streams: bool,
    /// Kept from one session to the next. The lock only makes the link `Sync`; one task has it.
    channel: Mutex<Option<Halves>>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("target", &self.target.id).finish_non_exhaustive()
    }
}

impl Link {
    fn error(&self, action: RPCTypes, timeout: Duration, error: TransportError) -> RpcError {
        rpc_error(self.links.me, &self.target, action, timeout, error)
    }

    fn malformed(error: Malformed) -> RpcError {
        RPCError::Unreachable(Unreachable::from_string(error))
    }

    async fn call(
        &self,
        action: RPCTypes,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, RpcError> {
        let target = self.links.current(&self.target);
        let answer = self.links.transport.call(target.clone(), payload, timeout).await;
        let failure = answer.as_ref().err().map(TransportError::reason);
        let patience = self.links.timing.election_timeout_min;
        self.links.contacts.note(&target, patience, failure);
        answer.map_err(|error| self.error(action, timeout, error))
    }

    /// Takes the stream left from the last session, or opens one.
    async fn take_channel(&mut self) -> Result<Halves, RpcError> {
        let kept = self.channel.get_mut().expect("no other task has this link").take();
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let timeout = self.links.timing.election_timeout_min;
        let target = self.links.current(&self.target);
        let opened = self.links.transport.open(target, false, timeout).await;
        let channel: Box<dyn Channel> =
            opened.map_err(|error| self.error(RPCTypes::AppendEntries, timeout, error))?;
        let (sender, receiver) = channel.split();
        Ok(Halves { sender, receiver })
    }

    async fn pipelined<S>(&mut self, mut input: S) -> Result<BoxStream<'_, AppendResult>, RpcError>
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + Unpin + 'static,
    {
        // openraft holds the input back while the node is to be left alone: dial only after it.
        let Some(first) = input.next().await else { return Ok(Box::pin(stream::empty())) };
        let vote = first.vote;
        let input = stream::iter([first]).chain(input);
        let Halves { sender, receiver } = self.take_channel().await?;
        let (queue, in_flight) = mpsc::channel(IN_FLIGHT_MAX);
        let session = Arc::new(Session {
            links: self.links.clone(),
            target: self.target.clone(),
            bytes: Arc::new(Semaphore::new(IN_FLIGHT_BYTES_MAX as usize)),
            commits: self.links.commits_of(self.target.id),
            acknowledged: self.links.acknowledged_by(self.target.id),
            vote,
        });
        let writer = write(session.clone(), input, sender, queue);
        let reader = read(session, receiver, in_flight);
        let pipeline = Pipeline {
            writer: Some(Box::pin(writer)),
            sender: None,
            reader: Some(Box::pin(reader)),
            keep: self.channel.get_mut().expect("no other task has this link"),
        };
        Ok(Box::pin(pipeline))
    }
}

type RpcError = RPCError<TypeConfig>;
type AppendResult = Result<StreamAppendResult<TypeConfig>, RpcError>;

/// What openraft does about each: an unreachable node is left alone for a while, a broken
/// connection is tried again at once (a few times), and so is a timeout.
pub(super) fn rpc_error(
    me: NodeId,
    target: &Member,
    action: RPCTypes,
    timeout: Duration,
    error: TransportError,
) -> RpcError {
    match error {
        TransportError::Unreachable(reason) => {
            RPCError::Unreachable(Unreachable::from_string(reason))
        }
        TransportError::Network(reason) => RPCError::Network(NetworkError::from_string(reason)),
        TransportError::TimedOut => {
            RPCError::Timeout(Timeout { action, id: me.0, target: target.id.0, timeout })
        }
    }
}

/// What both halves of one session need.
struct Session {
    links: Arc<Links>,
    target: Member,
    bytes: Arc<Semaphore>,
    commits: Arc<Commits>,
    acknowledged: Arc<Acknowledged>,
    /// The leader's: openraft ends a session when its leadership ends.
    vote: Vote,
}

impl Session {
    fn error(&self, error: TransportError) -> RpcError {
        let action = RPCTypes::AppendEntries;
        rpc_error(self.links.me, &self.target, action, self.links.stall(), error)
    }
}

/// The follower itself stops when it hears of this (`receive.rs`); until then it is left alone.
fn has_lost(target: &Member, acknowledged: LogId) -> RpcError {
    let name = &target.name;
    let text = format!("node {name} has lost what it had acknowledged, up to {acknowledged}");
    RPCError::Unreachable(Unreachable::from_string(text))
}

/// A message that waits for its answer; holds its share of the bytes in flight.
type InFlight = OwnedSemaphorePermit;

/// What went down a stream, and what of it is still to be said.
struct Sent {
    last: Option<LogId>,
    /// How far the follower was told that the log is committed, and how far it is.
    told: Option<LogId>,
    committed: Option<LogId>,
    /// Since when those two differ.
    since: Instant,
}

impl Sent {
    fn new() -> Self {
        Self { last: None, told: None, committed: None, since: clock::now() }
    }

    fn owes(&self) -> bool {
        self.told < self.committed
    }

    fn told_index(&self) -> u64 {
        self.told.map_or(0, |id| id.index)
    }

    /// Whether a message follows what this very stream carried before.
    fn precedes(&self, request: &AppendEntriesRequest<TypeConfig>) -> bool {
        request.prev_log_id.is_some() && request.prev_log_id == self.last
    }

    /// Takes note of a message of openraft's. Whether it is to be sent: one that only says how far
    /// the log is committed isn't.
    fn take(&mut self, request: &AppendEntriesRequest<TypeConfig>) -> bool {
        let owed = self.owes();
        self.committed = self.committed.max(request.leader_commit);
        if !owed {
            self.since = clock::now();
        }
        let follows = self.precedes(request);
        if !follows {
            self.told = None;
        }
        self.last = message::last_of(request);
        !follows || !request.entries.is_empty()
    }
}

impl Session {
    /// Takes note of an answer. What the follower had acknowledged before, if it says now that it doesn't have it.
    fn lost(&self, result: &StreamAppendResult<TypeConfig>) -> Option<LogId> {
        match result {
            Ok(matching) => {
                self.acknowledged.note(self.vote, *matching);
                None
            }
            Err(StreamAppendError::Conflict(conflict)) => {
                self.acknowledged.lost(self.vote, *conflict)
            }
            Err(StreamAppendError::HigherVote(_)) => None,
        }
    }

    /// The next message to be sent. How far the log is committed goes with entries, but not with
    /// each of them (`commits`); openraft takes the answer to a message for those before it as well.
    async fn next_message<S>(
        &self,
        input: &mut S,
        sent: &mut Sent,
    ) -> Option<AppendEntriesRequest<TypeConfig>>
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + Unpin + 'static,
    {
        loop {
            let next = if sent.owes() {
                let due = std::pin::pin!(self.commits.due(sent.told_index(), sent.since));
                match select(input.next(), due).await {
                    Either::Left((next, _)) => next,
                    Either::Right(_) => return Some(self.commit_message(sent)),
                }
            } else {
                input.next().await
            };
            let Some(mut request) = next else {
                return sent.owes().then(|| self.commit_message(sent));
            };
            let follows = sent.precedes(&request);
            if !sent.take(&request) {
                continue;
            }
            if follows && !self.commits.is_due(sent.told_index(), sent.since) {
                request.leader_commit = sent.told;
            } else {
                sent.told = sent.committed;
            }
            return Some(request);
        }
    }

    /// Says how far the log is committed, and nothing else.
    fn commit_message(&self, sent: &mut Sent) -> AppendEntriesRequest<TypeConfig> {
        sent.told = sent.committed;
        AppendEntriesRequest {
            vote: self.vote,
            prev_log_id: sent.last,
            leader_commit: sent.committed,
            entries: Vec::new(),
        }
    }
}

/// Sends messages until the input ends, and gives the sender back.
async fn write<S>(
    session: Arc<Session>,
    input: S,
    mut sender: Box<dyn ChannelSender>,
    queue: mpsc::Sender<InFlight>,
) -> Result<Box<dyn ChannelSender>, RpcError>
where
    S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + Unpin + 'static,
{
    let mut sent = Sent::new();
    let mut before = None;
    let mut input = input.fuse();
    while let Some(request) = session.next_message(&mut input, &mut sent).await {
        // The hash of the entry before is only news if it didn't go down this very stream.
        let follows = request.prev_log_id.is_some() && request.prev_log_id == before;
        let prev_hash = match request.prev_log_id {
            Some(id) if !follows && !request.entries.is_empty() => session.links.hash_of(id),
            _ => None,
        };
        before = request.entries.last().map(|entry| entry.log_id).or(before);
        let bytes = session.links.encode_append(&request, prev_hash);
        drop(request);
        let share = u32::try_from(bytes.len())
            .map_or(IN_FLIGHT_BYTES_MAX, |length| length.min(IN_FLIGHT_BYTES_MAX));
        let permit = session.bytes.clone().acquire_many_owned(share).await;
        let permit = permit.expect("this semaphore is never closed");
        if queue.send(permit).await.is_err() {
            // The reader has ended: so has the session.
            break;
        }
        sender.send(bytes).await.map_err(|error| session.error(error))?;
    }
    Ok(sender)
}

/// One step of the reading half: an answer, or the end with the receiver given back.
enum Read {
    Answer(AppendResult, Box<dyn ChannelReceiver>, mpsc::Receiver<InFlight>),
    End(Box<dyn ChannelReceiver>),
}

async fn read(
    session: Arc<Session>,
    mut receiver: Box<dyn ChannelReceiver>,
    mut in_flight: mpsc::Receiver<InFlight>,
) -> (Read, Arc<Session>) {
    let Some(permit) = in_flight.recv().await else {
        return (Read::End(receiver), session);
    };
    let answer = clock::timeout(session.links.stall(), receiver.receive()).await;
    drop(permit);
    let result = match answer {
        Ok(Ok(Some(bytes))) => match message::decode_append_result(bytes) {
            Ok(result) => match session.lost(&result) {
                Some(last) => Err(has_lost(&session.target, last)),
                None => Ok(result),
            },
            Err(malformed) => Err(Link::malformed(malformed)),
        },
        Ok(Ok(None)) => {
            Err(session.error(TransportError::Network("the stream of entries ended".to_owned())))
        }
        Ok(Err(error)) => Err(session.error(error)),
        Err(clock::Elapsed) => Err(session.error(TransportError::TimedOut)),
    };
    (Read::Answer(result, receiver, in_flight), session)
}

/// Both halves of a session as one stream of answers. Nothing of it outlives the stream: openraft
/// drops it to stop.
struct Pipeline<'s> {
    writer: Option<BoxFuture<'static, Result<Box<dyn ChannelSender>, RpcError>>>,
    /// What the writer gave back.
    sender: Option<Box<dyn ChannelSender>>,
    /// `None` after the end.
    reader: Option<BoxFuture<'static, (Read, Arc<Session>)>>,
    /// Takes the channel back after a session without an error.
    keep: &'s mut Option<Halves>,
}

impl Stream for Pipeline<'_> {
    type Item = AppendResult;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<AppendResult>> {
        let this = &mut *self;
        if let Some(Poll::Ready(written)) =
            this.writer.as_mut().map(|writer| writer.as_mut().poll(context))
        {
            this.writer = None;
            match written {
                Ok(sender) => this.sender = Some(sender),
                Err(error) => {
                    this.reader = None;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        let Some(reader) = this.reader.as_mut() else {
            return Poll::Ready(None);
        };
        let Poll::Ready((step, session)) = reader.as_mut().poll(context) else {
            return Poll::Pending;
        };
        this.reader = None;
        match step {
            Read::Answer(answer, receiver, in_flight) => {
                if matches!(answer, Ok(Ok(_))) {
                    this.reader = Some(Box::pin(read(session, receiver, in_flight)));
                } else {
                    this.writer = None;
                }
                Poll::Ready(Some(answer))
            }
            Read::End(receiver) => {
                let sender = this.sender.take();
                *this.keep = sender.map(|sender| Halves { sender, receiver });
                Poll::Ready(None)
            }
        }
    }
}

impl RaftNetworkV2<TypeConfig> for Link {
    type SnapshotData = SnapshotData;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RpcError> {
        let payload = self.links.encode_append(&request, None);
        let answer = self.call(RPCTypes::AppendEntries, payload, option.soft_ttl()).await?;
        let result = message::decode_append_result(answer).map_err(Self::malformed)?;
        Ok(match result {
            Ok(matching) if matching == message::last_of(&request) => {
                AppendEntriesResponse::Success
            }
            Ok(matching) => AppendEntriesResponse::PartialSuccess(matching),
            // It is asked for the last entry that it has acknowledged.
            Err(StreamAppendError::Conflict(lost)) => return Err(has_lost(&self.target, lost)),
            Err(error) => AppendEntriesResponse::from(Err(error)),
        })
    }

    fn stream_append<S>(
        &mut self,
        input: S,
        option: RPCOption,
    ) -> BoxFuture<'_, Result<BoxStream<'_, AppendResult>, RpcError>>
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + OptionalSend + Unpin + 'static,
    {
        if self.streams {
            Box::pin(self.pipelined(input))
        } else {
            stream_append_sequential(self, input, option)
        }
    }

    async fn vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        let payload = message::encode_vote_request(&request, false);
        let answer = self.call(RPCTypes::Vote, payload, option.soft_ttl()).await?;
        message::decode_vote_response(answer).map_err(Self::malformed)
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        let payload = message::encode_vote_request(&request, true);
        let answer = self.call(RPCTypes::Vote, payload, option.soft_ttl()).await?;
        message::decode_vote_response(answer).map_err(Self::malformed)
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: SnapshotOf<TypeConfig, SnapshotData>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        snapshot::send(&self.links, &self.target, vote, snapshot, cancel).await
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, RpcError> {
        // The target first waits until its log is durable, up to one election timeout.
        let timeout = self.links.timing.election_timeout_max;
        let payload = message::encode_transfer(&request);
        let answer = self.call(RPCTypes::TransferLeader, payload, timeout).await?;
        message::decode_transfer_response(answer).map_err(Self::malformed)
    }

    fn backoff(&self) -> Option<Backoff> {
        Some(Backoff::new(std::iter::repeat(self.links.timing.heartbeat)))
    }
}
