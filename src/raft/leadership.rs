//! Who leads, told to whoever wants to know; and what to do when openraft stops.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::{Either, select};
use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::Fatal;
use openraft::{RaftMetrics, ServerState};

use crate::model::error::Fault;
use crate::model::id::{NodeId, Term};
use crate::raft::node::Inner;
use crate::raft::types::{LogId, TypeConfig};
use crate::raft::{Fence, Leadership};

/// The state of leadership that these add up to.
///
/// A leader is ready once the last entry it applied is one of its own term: everything before it
/// has been applied then, its predecessors' commits included.
fn leadership(metrics: &RaftMetrics<TypeConfig>, applied: Option<LogId>) -> Leadership {
    let nodes = metrics.membership_config.membership();
    let leader = metrics.current_leader.and_then(|id| nodes.get_node(&id));
    let vote = metrics.vote;
    let leads = metrics.state == ServerState::Leader
        && metrics.running_state.is_ok()
        && vote.committed
        && vote.leader_id.node_id == metrics.id;
    let caught_up = applied.is_some_and(|id| id.leader_id == vote.leader_id);
    Leadership {
        term: Term(metrics.current_term),
        leader: leader.map(|node| node.member.clone()),
        ready: (leads && caught_up)
            .then_some(Fence { term: Term(vote.leader_id.term), leader: NodeId(metrics.id) }),
    }
}

/// Keeps [`Inner::leadership`] current until openraft stops.
pub(super) async fn watch(inner: Arc<Inner>) {
    let mut receiver = inner.raft.metrics();
    let mut known_membership = None;
    loop {
        let metrics = receiver.borrow_watched().clone();
        if let Err(fatal) = &metrics.running_state {
            stopped(&inner, fatal);
            break;
        }
        let now = leadership(&metrics, inner.applied.last());
        if known_membership != *metrics.membership_config.log_id() {
            known_membership = *metrics.membership_config.log_id();
            let nodes = metrics.membership_config.nodes();
            inner.links.set_members(nodes.map(|(_, node)| node.member.clone()));
        }
        drop(metrics);
        inner.leadership.send_if_modified(|known| {
            let changed = *known != now;
            if changed {
                *known = now;
            }
            changed
        });
        let applied = std::pin::pin!(inner.applied.changed());
        let changed = std::pin::pin!(receiver.changed());
        if let Either::Left((Err(_), _)) = select(changed, applied).await {
            break;
        }
    }
    inner.leadership.send_modify(|known| {
        known.leader = None;
        known.ready = None;
    });
    inner.applied.close();
}

fn stopped(inner: &Inner, fatal: &Fatal<TypeConfig>) {
    if !inner.stopping.load(Ordering::Acquire) {
        inner.links.databases.fault(Fault::new(format!("Raft has stopped: {fatal}")));
    }
}
