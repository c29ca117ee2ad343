//! Who leads, told to whoever wants to know; and what to do when openraft stops.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::{Either, select};
use openraft::ServerState;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::Fatal;
use openraft::metrics::RaftServerMetrics;

use crate::model::error::Fault;
use crate::model::id::{NodeId, Term};
use crate::raft::node::Inner;
use crate::raft::types::{LogId, TypeConfig};
use crate::raft::{Fence, Leadership};

/// The state of leadership that these add up to.
///
/// A leader is ready once the last entry it applied is one of its own term: everything before it
/// has been applied then, its predecessors' commits included.
fn leadership(metrics: &RaftServerMetrics<TypeConfig>, applied: Option<LogId>) -> Leadership {
    let nodes = metrics.membership_config.membership();
    let leader = metrics.current_leader.and_then(|id| nodes.get_node(&id));
    let vote = metrics.vote;
    let leads = metrics.state == ServerState::Leader
        && vote.committed
        && vote.leader_id.node_id == metrics.id;
    let caught_up = applied.is_some_and(|id| id.leader_id == vote.leader_id);
    Leadership {
        term: Term(vote.leader_id.term),
        leader: leader.map(|node| node.member.clone()),
        ready: (leads && caught_up)
            .then_some(Fence { term: Term(vote.leader_id.term), leader: NodeId(metrics.id) }),
    }
}

/// Keeps [`Inner::leadership`] current until openraft stops. Sleeps while entries come and go: only
/// what is said here wakes it.
pub(super) async fn watch(inner: Arc<Inner>) {
    let mut receiver = inner.raft.server_metrics();
    let mut known_membership = None;
    let mut told = None;
    let first_term = Term(receiver.borrow_and_update().vote.leader_id.term);
    loop {
        let metrics = receiver.borrow_and_update().clone();
        let now = leadership(&metrics, inner.applied.last());
        if known_membership != *metrics.membership_config.log_id() {
            known_membership = *metrics.membership_config.log_id();
            let nodes = metrics.membership_config.nodes();
            inner.links.set_members(nodes.map(|(_, node)| node.member.clone()));
        }
        told = tell(&inner, told, &now, first_term);
        let settled = metrics.state != ServerState::Leader || now.ready.is_some();
        drop(metrics);
        inner.leadership.send_if_modified(|known| {
            let changed = *known != now;
            if changed {
                *known = now;
            }
            changed
        });
        let changed = if settled {
            receiver.changed().await
        } else {
            let applied = std::pin::pin!(inner.applied.changed());
            match select(std::pin::pin!(receiver.changed()), applied).await {
                Either::Left((changed, _)) => changed,
                Either::Right(((), _)) => Ok(()),
            }
        };
        if changed.is_err() {
            break;
        }
    }
    stopped(&inner, inner.metrics().running_state.err().unwrap_or(Fatal::Panicked));
    inner.leadership.send_modify(|known| {
        known.leader = None;
        known.ready = None;
    });
    inner.applied.close();
}

/// Tells the operator who leads, if that has changed since he was `told`. `first` is the term that this node has started
/// in: who led then may be gone.
fn tell(inner: &Inner, told: Option<NodeId>, now: &Leadership, first: Term) -> Option<NodeId> {
    let leader = now.leader.as_ref();
    let id = leader.map(|leader| leader.id);
    if id == told {
        return told;
    }
    match leader {
        Some(leader) => {
            if leader.id == inner.me.id || now.term > first {
                inner.has_new_leader();
            }
            tracing::info!("node {} leads now (term {})", leader.name, now.term.0);
        }
        None => tracing::info!("no leader now: a majority has to elect one"),
    }
    if id.is_some_and(|id| id != inner.links.me) {
        inner.links.contacts.forget();
    }
    id
}

fn stopped(inner: &Inner, fatal: Fatal<TypeConfig>) {
    if !inner.stopping.load(Ordering::Acquire) {
        inner.links.databases.fault(Fault::new(format!("Raft has stopped: {fatal}")));
    }
}
