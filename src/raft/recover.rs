//! A new membership without the consent of the old one, for a cluster that has lost its majority.
//!
//! It is written into the log of one node before Raft starts there, as the entry of a new term that
//! this node would have proposed had it led. From then on everything is as usual: the node stands
//! for election among the new members, and they take its log. That is only right if no other member
//! has more of the log, which is for the caller to find out ([`LogEnd`]), if no other leads in that term
//! ([`vote_for`]), and if the nodes that are left out never come back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::model::error::Fault;
use crate::model::id::{ClusterId, LogIndex, NodeId, Term};
use crate::model::member::Member;
use crate::platform::disk::Disk;
use crate::raft::codec;
use crate::raft::state;
use crate::raft::types::{
    Entry, LeaderId, Membership, Payload, RaftNode, Vote, from_record, log_id, to_record,
};
use crate::raftlog::{Flushed, RaftLog};

/// How much of the log is read at a time.
const READ_BYTES: usize = 4 << 20;

/// The last entry of a log. The greater one has more of what was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogEnd {
    pub term: Term,
    /// Who led in that term.
    pub leader: NodeId,
    pub index: LogIndex,
}

/// Where a log ends; `None` if it is empty.
pub fn log_end(log: &RaftLog) -> Option<LogEnd> {
    let (index, leader) = log.extent().last?;
    let leader = codec::decode_leader(leader);
    let (term, leader) = (Term(leader.term), NodeId(leader.node_id));
    Some(LogEnd { term, leader, index: LogIndex(index) })
}

/// A cluster and its members, each with whether it votes.
pub type Known = (ClusterId, Vec<(Member, bool)>);

/// The cluster and its members, as this node knows them, committed or not;
/// `None` if it never belonged to one. For a node that isn't running.
///
/// # Errors
/// If what is on the disk can't be read.
pub fn known_members(
    log: &RaftLog,
    disk: &dyn Disk,
    directory: &Path,
) -> Result<Option<Known>, Fault> {
    let durable = state::read(disk, directory)?.unwrap_or_default().membership;
    let mut index = durable.log_id().map(|id| id.index);
    let mut newest = durable.membership().clone();
    let extent = log.extent();
    let mut next = extent.purged.map_or(0, |(index, _)| index + 1);
    let end = extent.last.map_or(0, |(index, _)| index + 1);
    while next < end {
        let records = log.read(next..end, READ_BYTES)?;
        let Some(last) = records.last() else { break };
        next = last.index + 1;
        for record in &records {
            if let Payload::Membership(membership) = from_record(record)?.payload
                && Some(record.index) > index
            {
                (index, newest) = (Some(record.index), membership);
            }
        }
    }
    let cluster = newest.nodes().next().map(|(_, node)| node.cluster);
    let voters: BTreeSet<u64> = newest.voter_ids().collect();
    let members = newest.nodes().map(|(id, node)| (node.member.clone(), voters.contains(id)));
    let members = members.collect();
    Ok(cluster.map(|cluster| (cluster, members)))
}

/// Waits until what `write` gives to the log is durable.
async fn durable(write: impl FnOnce(Flushed) -> Result<(), Fault>) -> Result<(), Fault> {
    let (sender, written) = tokio::sync::oneshot::channel();
    // Who waits for it is this function.
    write(Box::new(move |result: Result<(), Fault>| drop(sender.send(result))))?;
    let lost = |_| Fault::new("the Raft log was closed while it was written".to_owned());
    written.await.map_err(lost)?
}

/// The highest term that a log knows of, by a vote or an entry.
///
/// # Errors
/// If its vote can't be read.
pub fn highest_term(log: &RaftLog) -> Result<Term, Fault> {
    let vote = log.vote().map(codec::decode_vote).transpose()?;
    let voted = vote.map_or(0, |vote| vote.leader_id.term);
    let logged = log.extent().last.map_or(0, |(_, leader)| codec::decode_leader(leader).term);
    Ok(Term(voted.max(logged)))
}

/// Gives this node's vote to `leader` in a term, and so to nobody else in it: whether it did. It is
/// durable then. Raft must not run yet.
///
/// # Errors
/// If the log can't be read or written.
pub async fn vote_for(log: &RaftLog, leader: NodeId, term: Term) -> Result<bool, Fault> {
    let leader_id = LeaderId { term: term.0, node_id: leader.0 };
    let given = log.vote().map(codec::decode_vote).transpose()?;
    if given.is_some_and(|given| given.leader_id == leader_id) {
        return Ok(true);
    }
    if term <= highest_term(log)? {
        return Ok(false);
    }
    let vote = Vote { leader_id, committed: false };
    durable(|flushed| log.save_vote(codec::encode_vote(&vote), flushed)).await?;
    Ok(true)
}

/// Makes `members`, each with whether it votes, the membership in the log of `me`, as the leader of a term
/// that must be above all that this log knows but for the own vote. Raft must not run yet. When this returns it is
/// durable.
///
/// # Errors
/// If the log can't be written.
pub async fn force_membership(
    log: &RaftLog,
    (me, term): (NodeId, Term),
    cluster: ClusterId,
    members: Vec<(Member, bool)>,
) -> Result<(), Fault> {
    let last = log.extent().last;
    let leader = LeaderId { term: term.0, node_id: me.0 };
    let voters: BTreeSet<u64> =
        members.iter().filter(|(_, votes)| *votes).map(|(member, _)| member.id.0).collect();
    let nodes: BTreeMap<u64, RaftNode> = members
        .into_iter()
        .map(|(member, _)| (member.id.0, RaftNode { cluster, member }))
        .collect();
    let membership = Membership::new(vec![voters], nodes)
        .map_err(|error| Fault::new(format!("make a membership: {error}")))?;
    let entry = Entry {
        log_id: log_id(leader, last.map_or(0, |(index, _)| index + 1)),
        payload: Payload::Membership(membership),
    };
    // As a leader of that term would have it: it votes for itself, is elected, and proposes.
    let vote = Vote { leader_id: leader, committed: true };
    durable(|flushed| log.save_vote(codec::encode_vote(&vote), flushed)).await?;
    durable(|flushed| log.append(vec![to_record(&entry)], flushed)).await
}
