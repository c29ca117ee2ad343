//! What other nodes ask of this one's Raft: bytes in, openraft, bytes out.
//!
//! Invariants: nobody speaks for another node; no vote is answered in quarantine (`quarantine.rs`
//! says why); and an entry that this node holds already has the contents that the leader says it
//! has, or the node stops.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::{StreamExt, stream};
use openraft::alias::SnapshotMetaOf;
use openraft::raft::{AppendEntriesRequest, StreamAppendError, VoteRequest};
use tokio::sync::mpsc;

use crate::model::error::Fault;
use crate::model::id::NodeId;
use crate::platform::clock;
use crate::raft::confirm;
use crate::raft::message::{self, Append, Call, SnapshotMessage};
use crate::raft::node::Inner;
use crate::raft::snapshot;
use crate::raft::types::{LogId, TypeConfig, Vote};
use crate::raft::{Channel, ChannelReceiver};

/// Answers a call.
///
/// # Errors
/// With a text for the sender: the call was not acted on, or it can't be known.
pub(super) async fn on_call(inner: &Inner, from: NodeId, payload: Bytes) -> Result<Bytes, String> {
    match message::decode_call(payload).map_err(|error| error.to_string())? {
        Call::Vote(request) => {
            may_vote(inner, from, &request)?;
            let response = inner.raft.vote(request).await.map_err(|error| error.to_string())?;
            Ok(message::encode_vote_response(&response))
        }
        Call::PreVote(request) => {
            may_vote(inner, from, &request)?;
            let response = inner.raft.pre_vote(request).await.map_err(|error| error.to_string())?;
            Ok(message::encode_vote_response(&response))
        }
        Call::Transfer(request) => {
            speaks_for(from, request.from_leader())?;
            let response = inner.raft.handle_transfer_leader(request).await;
            let response = response.map_err(|error| error.to_string())?;
            Ok(message::encode_transfer_response(&response))
        }
        Call::Confirm(vote) => {
            speaks_for(from, &vote)?;
            let confirmed = confirm::promised_nobody_after(inner, &vote.leader_id);
            Ok(message::encode_confirmed(confirmed))
        }
        Call::Append(append) => {
            let request = accept_entries(inner, from, append)?;
            let (prev, last) = (request.prev_log_id, message::last_of(&request));
            let response =
                inner.raft.append_entries(request).await.map_err(|error| error.to_string())?;
            let result = response.into_stream_result(prev, last);
            match &result {
                Ok(_) => inner.heard_from_leader(),
                Err(StreamAppendError::Conflict(lost)) => has_lost(inner, from, *lost),
                Err(StreamAppendError::HigherVote(_)) => {}
            }
            Ok(message::encode_append_result(&result))
        }
    }
}

/// A call with entries is a heartbeat, and begins behind the last entry that this node has acknowledged to the leader.
fn has_lost(inner: &Inner, leader: NodeId, acknowledged: LogId) {
    let last = inner.links.log.extent().last.map_or(0, |(index, _)| index);
    inner.links.databases.fault(Fault::new(format!(
        "this node has acknowledged the entry {acknowledged} of the Raft log to the leader, node {leader}, and its \
         log ends at {last}: its data directory is an old copy, or the disk has lost what it said to be durable. It \
         can't go on as the same node. Remove it from its cluster with 'eider remove {}' at another node, and start \
         it again with an empty directory",
        inner.me.name
    )));
}

fn speaks_for(from: NodeId, vote: &Vote) -> Result<(), String> {
    if vote.leader_id.node_id == from.0 {
        Ok(())
    } else {
        Err(format!("node {from} speaks for another one"))
    }
}

/// A vote that the leader itself asked for, to hand over, breaks nobody's lease: its own is given
/// up, and an earlier leader's had run out before it was elected.
fn may_vote(inner: &Inner, from: NodeId, request: &VoteRequest<TypeConfig>) -> Result<(), String> {
    speaks_for(from, &request.vote)?;
    if inner.quarantine.is_on() && !request.leadership_transfer {
        return Err("this node has just started and doesn't vote yet".to_owned());
    }
    Ok(())
}

/// Checks entries against this node's log before openraft, which compares ids only, sees them.
fn accept_entries(
    inner: &Inner,
    from: NodeId,
    append: Append,
) -> Result<AppendEntriesRequest<TypeConfig>, String> {
    speaks_for(from, &append.request.vote)?;
    let request = append.request;
    let prev = request.prev_log_id.zip(append.prev_hash);
    let last = inner.links.log.extent().last.map(|(index, _)| index);
    let held = request
        .entries
        .iter()
        .zip(&append.hashes)
        .map(|(entry, hash)| (entry.log_id, *hash))
        .take_while(|(id, _)| Some(id.index) <= last);
    for (id, hash) in prev.into_iter().chain(held) {
        check_hash(inner, from, id, hash)?;
    }
    Ok(request)
}

fn check_hash(inner: &Inner, from: NodeId, id: LogId, hash: u64) -> Result<(), String> {
    match inner.links.hash_of(id) {
        Some(own) if own != hash => {
            let fault = Fault::new(format!(
                "entry {id} of the Raft log differs from the leader's ({own:016x} here, \
                 {hash:016x} at node {from}): the logs have diverged. Find out which node is \
                 wrong before going on; remove that one and let it join again with an empty data \
                 directory"
            ));
            inner.links.databases.fault(fault.clone());
            Err(fault.message)
        }
        _ => Ok(()),
    }
}

/// Serves a stream of entries until it ends, or something about it is wrong.
pub(super) async fn on_entries(inner: &Arc<Inner>, from: NodeId, channel: Box<dyn Channel>) {
    let (mut sender, mut receiver) = channel.split();
    let (requests, queue) = mpsc::channel(1);
    let queue =
        stream::unfold(queue, |mut queue| async move { Some((queue.recv().await?, queue)) });
    let reading = async {
        while let Some(request) = next_entries(inner, from, &mut *receiver).await {
            if requests.send(request).await.is_err() {
                // openraft takes no more. Closing now could destroy its last answer on the way.
                while let Ok(Some(_)) = receiver.receive().await {}
            }
        }
        drop(requests);
    };
    let answering = async {
        let mut results = std::pin::pin!(inner.raft.stream_append(queue));
        while let Some(Ok(result)) = results.next().await {
            if result.is_ok() {
                inner.heard_from_leader();
            }
            if sender.send(message::encode_append_result(&result)).await.is_err() {
                break;
            }
        }
    };
    match select(std::pin::pin!(reading), std::pin::pin!(answering)).await {
        Either::Left(((), answering)) => answering.await,
        Either::Right(((), reading)) => {
            let _closed = clock::timeout(inner.links.stall(), reading).await;
        }
    }
}

async fn next_entries(
    inner: &Inner,
    from: NodeId,
    receiver: &mut dyn ChannelReceiver,
) -> Option<AppendEntriesRequest<TypeConfig>> {
    let bytes = receiver.receive().await.ok()??;
    let accepted = message::decode_append(bytes)
        .map_err(|error| error.to_string())
        .and_then(|append| accept_entries(inner, from, append));
    match accepted {
        Ok(request) => Some(request),
        Err(reason) => {
            tracing::warn!(%from, reason, "refused entries");
            None
        }
    }
}

/// Serves a snapshot stream.
pub(super) async fn on_snapshot(inner: &Inner, from: NodeId, mut channel: Box<dyn Channel>) {
    let last = match inner.receiving.try_lock() {
        Ok(_guard) => take_snapshot(inner, from, &mut *channel).await,
        Err(_) => SnapshotMessage::Refused("another snapshot is being received".to_owned()),
    };
    // If the leader is gone it needn't know.
    drop(channel.send(message::encode_snapshot(&last)).await);
    // The leader closes the stream once it has the last message.
    let _closed = clock::timeout(inner.links.stall(), channel.receive()).await;
}

async fn take_snapshot(inner: &Inner, from: NodeId, channel: &mut dyn Channel) -> SnapshotMessage {
    let accept = |vote: &Vote, meta: &SnapshotMetaOf<TypeConfig>| accept(inner, from, vote, meta);
    let received = snapshot::receive(channel, &inner.links, &inner.receive_progress, accept).await;
    let (vote, snapshot) = match received {
        Ok(received) => received,
        Err(message) => return message,
    };
    match inner.raft.install_full_snapshot(vote, snapshot).await {
        Ok(response) => SnapshotMessage::Installed(response.vote),
        Err(error) => SnapshotMessage::Refused(error.to_string()),
    }
}

/// openraft takes these for bugs and panics; here they end one stream, or stop the node in order.
fn accept(
    inner: &Inner,
    from: NodeId,
    vote: &Vote,
    meta: &SnapshotMetaOf<TypeConfig>,
) -> Result<(), Result<Vote, String>> {
    speaks_for(from, vote).map_err(Err)?;
    let metrics = inner.metrics();
    if *vote < metrics.vote {
        return Err(Ok(metrics.vote));
    }
    let Some(last) = meta.last_log_id else {
        return Err(Err("a snapshot of nothing".to_owned()));
    };
    if *last.committed_leader_id() > vote.leader_id {
        return Err(Err("a snapshot from a later term than its leader's".to_owned()));
    }
    match metrics.local_committed {
        Some(committed) if last > committed && last.index <= committed.index => {
            let fault = Fault::new(format!(
                "a snapshot up to {last} contradicts the entry {committed} that this node knows \
                 to be committed: the cluster's logs have diverged"
            ));
            inner.links.databases.fault(fault.clone());
            Err(Err(fault.message))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::types::{Entry, Payload, from_record, log_id};
    use crate::sim::cluster::Cluster;

    /// A cluster, a follower of it, the leader, and the follower's last entry.
    async fn cluster() -> (Cluster, u64, NodeId, Entry) {
        let mut cluster = Cluster::new(3).await;
        let leader = cluster.leader().await;
        for _ in 0..3 {
            cluster.write().await;
        }
        cluster.settle().await;
        let follower = (leader + 1) % 3;
        let log = &cluster.process(follower).log;
        let (last, _) = log.extent().last.unwrap();
        let entry = from_record(&log.read(last..last + 1, 0).unwrap()[0]).unwrap();
        (cluster, follower, NodeId(leader), entry)
    }

    fn append(
        inner: &Inner,
        prev: Option<LogId>,
        entries: Vec<Entry>,
    ) -> AppendEntriesRequest<TypeConfig> {
        let vote = inner.metrics().vote;
        AppendEntriesRequest { vote, prev_log_id: prev, entries, leader_commit: None }
    }

    #[test]
    fn another_entry_under_a_known_id_stops_the_node() {
        crate::sim::run(1, async {
            let (cluster, follower, leader, entry) = cluster().await;
            let inner = &cluster.node(follower).inner;
            let before = inner.links.log.read(entry.log_id.index - 1..entry.log_id.index, 0);
            let before = from_record(&before.unwrap()[0]).unwrap().log_id;
            let same = append(inner, Some(before), vec![entry.clone()]);
            let answer = on_call(inner, leader, message::encode_append(&same, None)).await;
            let matched = message::decode_append_result(answer.unwrap()).unwrap();
            assert_eq!(matched, Ok(Some(entry.log_id)));
            assert!(cluster.databases(follower).faults.lock().unwrap().is_empty());
            let other = Entry { payload: Payload::Blank, ..entry };
            let other = append(inner, Some(before), vec![other]);
            let refused = on_call(inner, leader, message::encode_append(&other, None)).await;
            assert!(refused.unwrap_err().contains("diverged"));
            assert_eq!(cluster.databases(follower).faults.lock().unwrap().len(), 1);
        });
    }

    #[test]
    fn another_entry_before_the_new_ones_stops_the_node() {
        crate::sim::run(1, async {
            let (cluster, follower, leader, entry) = cluster().await;
            let inner = &cluster.node(follower).inner;
            let hash = inner.links.hash_of(entry.log_id).unwrap();
            let after = append(inner, Some(entry.log_id), vec![]);
            let fine = on_call(inner, leader, message::encode_append(&after, Some(hash))).await;
            assert!(fine.is_ok());
            let wrong = on_call(inner, leader, message::encode_append(&after, Some(!hash))).await;
            assert!(wrong.unwrap_err().contains("diverged"));
            assert_eq!(cluster.databases(follower).faults.lock().unwrap().len(), 1);
        });
    }

    #[test]
    fn a_node_that_has_lost_what_it_acknowledged_stops() {
        crate::sim::run(1, async {
            let (cluster, follower, leader, entry) = cluster().await;
            let inner = &cluster.node(follower).inner;
            let faults = || cluster.databases(follower).faults.lock().unwrap().clone();
            let last = append(inner, Some(entry.log_id), vec![]);
            on_call(inner, leader, message::encode_append(&last, None)).await.unwrap();
            assert!(faults().is_empty());
            let ahead = log_id(*entry.log_id.committed_leader_id(), entry.log_id.index + 5);
            let ahead = append(inner, Some(ahead), vec![]);
            on_call(inner, leader, message::encode_append(&ahead, None)).await.unwrap();
            assert!(faults()[0].message.contains("has acknowledged"), "{:?}", faults());
        });
    }

    #[test]
    fn nobody_speaks_for_another_node() {
        crate::sim::run(1, async {
            let (cluster, follower, leader, _) = cluster().await;
            let inner = &cluster.node(follower).inner;
            let vote = Vote::new(inner.metrics().current_term + 1, leader.0);
            let request = VoteRequest::new(vote, None);
            for message in [
                message::encode_vote_request(&request, false),
                message::encode_vote_request(&request, true),
                message::encode_append(&append(inner, None, vec![]), None),
            ] {
                let refused = on_call(inner, NodeId(9), message).await;
                assert!(refused.unwrap_err().contains("speaks for"));
            }
        });
    }

    #[test]
    fn hostile_bytes_are_refused() {
        crate::sim::run(1, async {
            let (cluster, follower, leader, _) = cluster().await;
            let node = cluster.node(follower);
            for bytes in [&b""[..], &[1], &[1, 99], &[9, 1, 2, 3], &[1, 4, 0, 0]] {
                assert!(node.on_call(leader, Bytes::copy_from_slice(bytes)).await.is_err());
            }
        });
    }
}
