//! Who is in the cluster: making one, adding, removing, handing over.
//!
//! Changes are made one at a time, by the leader. A node is a learner until it has caught up, so
//! that a new voter never makes a quorum slower. Ids are never used twice; names may be, once the
//! old bearer has been removed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{ChangeMembershipError, ClientWriteError, InitializeError, RaftError};
use openraft::raft::Precondition;
use openraft::{ChangeMembers, RaftMetrics, ServerState};

use crate::model::id::{ClusterId, NodeId};
use crate::model::member::Member;
use crate::platform::clock;
use crate::raft::AdminError;
use crate::raft::node::Inner;
use crate::raft::types::{RaftNode, StoredMembership, TypeConfig};

/// A name or an address is at most this long, in bytes: they travel with every membership.
const TEXT_BYTES_MAX: usize = 1024;

fn refused(reason: impl Into<String>) -> AdminError {
    AdminError::Refused(reason.into())
}

pub(super) async fn bootstrap(
    inner: &Inner,
    cluster: ClusterId,
    members: Vec<Member>,
) -> Result<(), AdminError> {
    let _changing = begin(inner).await?;
    let mut names = BTreeSet::new();
    let mut nodes = BTreeMap::new();
    for member in members {
        check_texts(&member)?;
        let (name, id) = (member.name.clone(), member.id.0);
        if !names.insert(name.clone()) || nodes.insert(id, RaftNode { cluster, member }).is_some() {
            return Err(refused(format!("node {name:?} is named twice")));
        }
    }
    inner.raft.initialize(nodes).await.map_err(|error| match error {
        RaftError::Fatal(_) => AdminError::Stopped,
        RaftError::APIError(InitializeError::NotAllowed(_)) => {
            refused("this node belongs to a cluster already")
        }
        RaftError::APIError(InitializeError::NotInMembers(_)) => {
            refused("a node can't make a cluster that it isn't in")
        }
    })
}

fn check_texts(member: &Member) -> Result<(), AdminError> {
    let texts = [&member.name, &member.raft_addr, &member.http_addr, &member.pg_addr];
    if member.name.is_empty() || texts.iter().any(|text| text.len() > TEXT_BYTES_MAX) {
        return Err(refused("a node's name is empty, or its name or an address is too long"));
    }
    Ok(())
}

pub(super) fn members(inner: &Inner) -> Vec<(Member, bool)> {
    let metrics = inner.metrics();
    let membership = metrics.membership_config.membership();
    let voters: BTreeSet<u64> = membership.voter_ids().collect();
    membership.nodes().map(|(id, node)| (node.member.clone(), voters.contains(id))).collect()
}

/// One change at a time. One that is nearly done, as what [`settle`] does, is waited for.
async fn begin(inner: &Inner) -> Result<tokio::sync::MutexGuard<'_, ()>, AdminError> {
    let changing = clock::timeout(inner.timing.election_timeout_max, inner.changing.lock()).await;
    changing.map_err(|clock::Elapsed| refused("another membership change is in progress"))
}

fn metrics_of_leader(inner: &Inner) -> Result<RaftMetrics<TypeConfig>, AdminError> {
    let metrics = inner.metrics();
    if metrics.running_state.is_err() {
        Err(AdminError::Stopped)
    } else if metrics.state != ServerState::Leader {
        Err(AdminError::NotLeader)
    } else {
        Ok(metrics)
    }
}

/// This leader's state, when no change is under way: one that its predecessor left half done is
/// finished first. On top of it, one of two removed nodes could lead on without being a member.
async fn settled(inner: &Inner) -> Result<RaftMetrics<TypeConfig>, AdminError> {
    let metrics = metrics_of_leader(inner)?;
    if !is_half_done(&metrics.membership_config) {
        return Ok(metrics);
    }
    change(inner, &metrics, ChangeMembers::AddVoterIds(BTreeSet::new()), false).await?;
    metrics_of_leader(inner)
}

/// Whether two majorities are needed, that of the voters before a change and that of those after it.
fn is_half_done(membership: &StoredMembership) -> bool {
    membership.membership().get_joint_config().len() > 1
}

/// While this node leads, finishes changes that were left half done, until openraft stops: their leader
/// was lost, or who asked for one went away. As long as two majorities are needed, the loss of fewer
/// nodes can stop the cluster.
pub(super) async fn settle(inner: Arc<Inner>) {
    let mut receiver = inner.raft.server_metrics();
    loop {
        let half_done = {
            let metrics = receiver.borrow_and_update();
            metrics.state == ServerState::Leader && is_half_done(&metrics.membership_config)
        };
        let mut again = None;
        if half_done {
            // Who makes the change finishes it.
            let _changing = inner.changing.lock().await;
            if let Err(error) = settled(&inner).await {
                tracing::debug!(?error, "a change of members stays half done");
                again = Some(inner.timing.election_timeout_max);
            }
        }
        let changed = receiver.changed();
        let changed = match again {
            None => changed.await,
            Some(after) => clock::timeout(after, changed).await.unwrap_or(Ok(())),
        };
        if changed.is_err() {
            break;
        }
    }
}

/// Changes the membership that `seen` holds, if it is still the last one.
async fn change(
    inner: &Inner,
    seen: &RaftMetrics<TypeConfig>,
    members: ChangeMembers<u64, RaftNode>,
    retain: bool,
) -> Result<(), AdminError> {
    let membership = &seen.membership_config;
    if membership.membership().get_node(&seen.id).is_none() {
        // It was removed, and leads only until another does.
        return Err(AdminError::NotLeader);
    }
    let unchanged =
        Precondition::LastMembershipLogId { last_membership_log_id: *membership.log_id() };
    let changed = Box::pin(inner.raft.change_membership_if(members, retain, [unchanged])).await;
    changed.map(drop).map_err(|error| match error {
        RaftError::Fatal(_) => AdminError::Stopped,
        RaftError::APIError(ClientWriteError::ForwardToLeader(_)) => AdminError::NotLeader,
        RaftError::APIError(
            ClientWriteError::LogEntryDiscarded(_) | ClientWriteError::PreconditionFailed(_),
        ) => refused(
            "leadership or the membership changed meanwhile, and the change may have been made or \
             not: look at the list of members",
        ),
        RaftError::APIError(ClientWriteError::ChangeMembershipError(
            ChangeMembershipError::InProgress(_),
        )) => refused("another membership change is in progress"),
        RaftError::APIError(error) => refused(error.to_string()),
    })
}

pub(super) async fn add(inner: &Inner, member: Member, read_only: bool) -> Result<(), AdminError> {
    let _changing = begin(inner).await?;
    check_texts(&member)?;
    let metrics = settled(inner).await?;
    let membership = metrics.membership_config.membership();
    let Some(cluster) = membership.nodes().next().map(|(_, node)| node.cluster) else {
        return Err(AdminError::NotLeader);
    };
    let id = member.id.0;
    if membership.nodes().any(|(other, node)| *other != id && node.member.name == member.name) {
        return Err(refused(format!(
            "there is a node {:?} already; if its disk was lost, remove it first",
            member.name
        )));
    }
    let known = membership.get_node(&id).map(|node| node.member.clone());
    let votes = membership.voter_ids().any(|voter| voter == id);
    if votes && read_only {
        return Err(refused(format!(
            "node {:?} is a voter; remove it before it joins as a read-only node",
            member.name
        )));
    }
    let nodes = BTreeMap::from([(id, RaftNode { cluster, member: member.clone() })]);
    match known {
        None => change(inner, &metrics, ChangeMembers::AddNodes(nodes), true).await?,
        Some(known) if known != member => {
            change(inner, &metrics, ChangeMembers::SetNodes(nodes), true).await?;
        }
        Some(_) => {}
    }
    if votes || read_only {
        return Ok(());
    }
    let seen = wait_caught_up(inner, &member).await?;
    change(inner, &seen, ChangeMembers::AddVoterIds(BTreeSet::from([id])), true).await
}

/// Waits until a learner has everything that was in the log when it was added, as long as it makes
/// progress.
async fn wait_caught_up(
    inner: &Inner,
    member: &Member,
) -> Result<RaftMetrics<TypeConfig>, AdminError> {
    let id = member.id.0;
    let goal = metrics_of_leader(inner)?.last_log_index;
    let patience = inner.timing.election_timeout_max * 10;
    let mut receiver = inner.raft.metrics();
    let mut seen = (None, 0);
    let mut deadline = clock::now().plus(patience);
    loop {
        let metrics = metrics_of_leader(inner)?;
        if metrics.membership_config.membership().get_node(&id).is_none() {
            return Err(refused(format!("node {:?} was removed meanwhile", member.name)));
        }
        let matched = metrics.replication.as_ref().and_then(|all| *all.get(&id)?);
        if matched.map(|log_id| log_id.index) >= goal {
            return Ok(metrics);
        }
        let progress = (matched, inner.links.sent_to(id));
        if progress != seen {
            seen = progress;
            deadline = clock::now().plus(patience);
        }
        if deadline.remaining() == Duration::ZERO {
            return Err(refused(format!(
                "node {:?} does not answer at {}; it stays a node without a vote until it is \
                 added again or removed",
                member.name, member.raft_addr
            )));
        }
        let step = deadline.remaining().min(inner.timing.election_timeout_min);
        if let Ok(Err(_)) = clock::timeout(step, receiver.changed()).await {
            return Err(AdminError::Stopped);
        }
    }
}

pub(super) async fn remove(inner: &Inner, name: &str) -> Result<(), AdminError> {
    let _changing = begin(inner).await?;
    let metrics = settled(inner).await?;
    let membership = metrics.membership_config.membership();
    let Some(id) = membership.nodes().find(|(_, node)| node.member.name == name).map(|(id, _)| *id)
    else {
        return Ok(());
    };
    let voters: BTreeSet<u64> = membership.voter_ids().collect();
    if !voters.contains(&id) {
        let members = ChangeMembers::RemoveNodes(BTreeSet::from([id]));
        return change(inner, &metrics, members, false).await;
    }
    if voters.len() == 1 {
        return Err(refused(format!("node {name:?} is the last voter")));
    }
    change(inner, &metrics, ChangeMembers::RemoveVoters(BTreeSet::from([id])), false).await
}

/// The voter, other than this node, whose log has got furthest.
fn most_advanced(metrics: &RaftMetrics<TypeConfig>) -> Option<u64> {
    let replication = metrics.replication.as_ref()?;
    let voters = metrics.membership_config.membership().voter_ids();
    voters.filter(|id| *id != metrics.id).max_by_key(|id| replication.get(id).copied().flatten())
}

pub(super) async fn transfer(inner: &Inner, to: Option<NodeId>) -> Result<(), AdminError> {
    let _changing = begin(inner).await?;
    let metrics = metrics_of_leader(inner)?;
    let to = match to {
        Some(to) if to.0 == metrics.id => return Ok(()),
        Some(to) => to.0,
        None => most_advanced(&metrics).ok_or_else(|| refused("there is no other voter"))?,
    };
    if !metrics.membership_config.membership().voter_ids().any(|voter| voter == to) {
        let node = metrics.membership_config.membership().get_node(&to);
        let name = node.map_or_else(|| NodeId(to).to_string(), |node| node.member.name.clone());
        return Err(refused(format!("node {name:?} is not a voter")));
    }
    inner.raft.trigger().transfer_leader(to).await.map_err(|_| AdminError::Stopped)?;
    let mut receiver = inner.raft.metrics();
    let moved = async {
        loop {
            let now = inner.metrics();
            if now.current_leader.is_some_and(|leader| leader != now.id) {
                return Ok(now.current_leader);
            }
            receiver.changed().await.map_err(|_| AdminError::Stopped)?;
        }
    };
    // If the target can't take over, this leader falls silent and the others elect one.
    match clock::timeout(inner.timing.election_timeout_max * 3, moved).await {
        Ok(Ok(leader)) if leader == Some(to) => Ok(()),
        Ok(Ok(_)) => Err(refused("another node was elected instead")),
        Ok(Err(error)) => Err(error),
        Err(clock::Elapsed) => Err(refused("no node took over in time")),
    }
}
