//! Whether this node still leads: asked of a majority, without openraft.
//!
//! A read needs to know that nobody else can have acknowledged a write before the read began. openraft
//! would send heartbeats for it, which go through four tasks on each node. Here a follower says at
//! once, from the vote in its log, whether it has promised anything to a later leader.
//!
//! Why that is enough: a later leader has the votes of a majority, and each of them is in its voter's
//! log before it is given. That majority and the one that confirms have a node in common. It confirmed
//! after the read began and had not voted for the other one by then; so the other was not elected yet.
//!
//! Why the index is enough: what this leader acknowledged had been handed to the databases before; what
//! a follower can have shown to a reader, this leader had told it to be committed, maybe before it was
//! applied here; and what its predecessors acknowledged or told was applied here before it was ready
//! ([`super::Leadership`]).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use openraft::async_runtime::watch::WatchReceiver;

use crate::model::id::LogIndex;
use crate::model::member::Member;
use crate::platform::clock;
use crate::platform::mutant::mutant;
use crate::raft::ProposeError;
use crate::raft::codec;
use crate::raft::message;
use crate::raft::node::Inner;
use crate::raft::types::{LeaderId, Vote};

/// No more nodes are asked than a majority needs, unless they don't answer within this time.
const PATIENCE: Duration = Duration::from_millis(10);

/// Whether this node's log says that it has promised nothing to anybody later than `leader`.
pub(super) fn promised_nobody_after(inner: &Inner, leader: &LeaderId) -> bool {
    match inner.links.log.vote().map(codec::decode_vote) {
        _ if mutant("leadership-not-asked") => true,
        None => true,
        Some(Ok(own)) => codec::encode_leader(&own.leader_id) <= codec::encode_leader(leader),
        // It stops this node wherever it is needed; here it is no promise that could be relied on.
        Some(Err(_)) => false,
    }
}

/// The voters: sets of which each must confirm by its majority.
struct Voters {
    sets: Vec<BTreeSet<u64>>,
    members: Vec<Member>,
}

impl Voters {
    /// As openraft has them now. Whatever changes them is told here before it can be committed.
    fn of(inner: &Inner) -> Self {
        let metrics = inner.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        let membership = metrics.membership_config.membership();
        let sets = membership.get_joint_config().clone();
        let votes = |id: &u64| sets.iter().any(|set| set.contains(id));
        let nodes = membership.nodes().filter(|(id, _)| votes(id));
        Self { members: nodes.map(|(_, node)| node.member.clone()).collect(), sets }
    }

    fn majority(&self, of: &BTreeSet<u64>) -> bool {
        self.sets.iter().all(|set| set.intersection(of).count() > set.len() / 2)
    }
}

/// The index of an entry that holds every write that was acknowledged, anywhere, before this call.
pub(super) async fn read_index(inner: &Arc<Inner>) -> Result<LogIndex, ProposeError> {
    let fence = inner.leadership.borrow().ready.ok_or(ProposeError::NotLeader)?;
    let leader = LeaderId { term: fence.term.0, node_id: fence.leader.0 };
    let told = inner.links.told.load(Ordering::SeqCst);
    let told = if mutant("told-forgotten") { 0 } else { told };
    let index = LogIndex(inner.applied.begun().max(told));
    if !promised_nobody_after(inner, &leader) {
        return Err(ProposeError::NotLeader);
    }
    let voters = Voters::of(inner);
    let mut confirmed = BTreeSet::from([inner.me.id.0]);
    if voters.majority(&confirmed) {
        return Ok(index);
    }
    let round = ask(inner, &voters, leader, &mut confirmed);
    match clock::timeout(inner.timing.election_timeout_max, round).await {
        Ok(true) => Ok(index),
        Ok(false) | Err(clock::Elapsed) => Err(ProposeError::NotLeader),
    }
}

/// Asks others until a majority has confirmed, or can't any more.
async fn ask(
    inner: &Arc<Inner>,
    voters: &Voters,
    leader: LeaderId,
    confirmed: &mut BTreeSet<u64>,
) -> bool {
    let question = message::encode_confirm(&Vote { leader_id: leader, committed: true });
    let call = |member: Member| {
        let (question, timeout) = (question.clone(), inner.timing.election_timeout_max);
        async move {
            let id = member.id.0;
            let answer = inner.links.transport.call(member, question, timeout).await;
            let answer = answer.ok().and_then(|bytes| message::decode_confirmed(bytes).ok());
            (id, answer == Some(true))
        }
    };
    let mut others: Vec<Member> =
        voters.members.iter().filter(|member| member.id != inner.me.id).cloned().collect();
    // Whoever answered the last time will be as quick again.
    others.sort_by_key(|member| !inner.links.is_quick(member.id));
    let mut others = others.into_iter();
    let mut asking = FuturesUnordered::new();
    let mut enough = confirmed.clone();
    while !voters.majority(&enough)
        && let Some(member) = others.next()
    {
        enough.insert(member.id.0);
        asking.push(call(member));
    }
    let mut patience = PATIENCE;
    while !voters.majority(confirmed) {
        match clock::timeout(patience, asking.next()).await {
            Ok(Some((id, true))) => _ = confirmed.insert(id),
            Ok(None) if others.len() == 0 => return false,
            Ok(Some((_, false)) | None) | Err(clock::Elapsed) => {
                others.by_ref().for_each(|member| asking.push(call(member)));
                patience = inner.timing.election_timeout_max;
            }
        }
    }
    inner.links.set_quick(confirmed);
    true
}
