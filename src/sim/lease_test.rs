//! Reads from the lease, and the restart that would break their promise.

use super::cluster::{Cluster, milliseconds};
use crate::model::id::DatabaseId;
use crate::raft::ProposeError;

/// What came of a follower's restart under a leader that reads from its lease.
struct Outcome {
    /// A row that another leader committed meanwhile.
    newer: Option<DatabaseId>,
    /// Whether the old leader still answered, from files without that row.
    stale: bool,
}

/// The old leader reaches follower `a` only; `a` restarts, and `b` asks it for its vote.
async fn restart_under_lease(quarantine: bool) -> Outcome {
    let mut cluster = Cluster::new(3).await;
    let leader = cluster.leader().await;
    let (a, b) = ((leader + 1) % 3, (leader + 2) % 3);
    cluster.machine(a).quarantine = quarantine;
    cluster.net.cut(leader, b);
    // Until the promise that b gave has run out.
    milliseconds(4000).await;
    assert!(cluster.node(leader).read_index(true).await.is_ok());
    cluster.kill(a, None);
    cluster.start(a).await;
    cluster.net.cut(leader, a);
    let mut outcome = Outcome { newer: None, stale: false };
    for _ in 0..100 {
        cluster.node(b).campaign().await;
        milliseconds(60).await;
        let elected = cluster.node(b).leadership().borrow().ready.is_some();
        if elected && outcome.newer.is_none() {
            let (row, command) = cluster.row();
            if cluster.propose_on(b, command).await.is_ok() {
                outcome.newer = Some(row);
            }
        }
        if let Some(row) = outcome.newer {
            let answered = cluster.node(leader).read_index(true).await.is_ok();
            outcome.stale |= answered && !cluster.databases(leader).files().contains_key(&row);
            break;
        }
    }
    outcome
}

#[test]
fn without_a_quarantine_a_restart_breaks_the_lease() {
    super::run(7, async {
        let outcome = restart_under_lease(false).await;
        assert!(outcome.newer.is_some());
        assert!(outcome.stale, "the hole that the quarantine is for has gone");
    });
}

#[test]
fn a_quarantined_restart_keeps_the_lease() {
    for seed in 0..10 {
        super::run(seed, async {
            let outcome = restart_under_lease(true).await;
            assert!(outcome.newer.is_some(), "nobody was elected after the quarantine");
            assert!(!outcome.stale, "a stale read");
        });
    }
}

#[test]
fn a_leader_alone_stops_answering_from_its_lease() {
    super::run(1, async {
        let cluster = Cluster::new(3).await;
        let leader = cluster.leader().await;
        cluster.net.isolate(leader);
        milliseconds(1000).await;
        assert!(cluster.node(leader).read_index(true).await.is_ok());
        milliseconds(1500).await;
        // It may ask a quorum now, in vain.
        assert_eq!(cluster.node(leader).read_index(true).await, Err(ProposeError::NotLeader));
    });
}

#[test]
fn a_quarantined_node_does_not_stand_for_election() {
    super::run(1, async {
        let mut cluster = Cluster::new(3).await;
        let leader = cluster.leader().await;
        let follower = (leader + 1) % 3;
        cluster.kill(follower, None);
        cluster.start(follower).await;
        cluster.kill(leader, None);
        let term = cluster.status(follower).term;
        milliseconds(3200).await;
        assert_eq!(cluster.status(follower).term, term);
        let row = cluster.write().await;
        cluster.start(leader).await;
        cluster.check(&[row]).await;
    });
}
