//! Linearizable reads without a lease: which index they wait for, and who may answer at all.

use std::time::Duration;

use super::cluster::{Cluster, until};
use crate::platform::task;
use crate::raft::ProposeError;

/// The followers have a commit on their disks, and one has shown it, before the leader, whose disk is slow,
/// has applied it.
#[test]
fn a_read_at_the_leader_sees_what_a_follower_has_shown() {
    for seed in 0..10 {
        super::run(seed, async {
            let mut cluster = Cluster::new(3).await;
            let leader = cluster.leader().await;
            let follower = (leader + 1) % 3;
            *cluster.machine(leader).fsync.lock().unwrap() = Duration::from_millis(800);
            let (row, command) = cluster.row();
            let node = cluster.node(leader).clone();
            let fence = node.leadership().borrow().ready.unwrap();
            task::spawn({
                let node = node.clone();
                async move { drop(node.propose(command, fence).await) }
            });
            until(5, || cluster.databases(follower).files().contains_key(&row)).await;
            let here = || cluster.databases(leader).files().contains_key(&row);
            assert!(!here(), "the leader wasn't slow: this shows nothing");
            let index = node.read_index(false).await.unwrap();
            node.wait_applied(index).await.unwrap();
            assert!(here(), "a stale read");
        });
    }
}

#[test]
fn a_leader_that_was_succeeded_answers_no_read() {
    for seed in 0..5 {
        super::run(seed, async {
            let mut cluster = Cluster::new(3).await;
            let old = cluster.leader().await;
            cluster.net.isolate(old);
            until(30, || cluster.ready().is_some_and(|(id, _)| id != old)).await;
            let row = cluster.write().await;
            let node = cluster.node(old).clone();
            assert!(node.leadership().borrow().ready.is_some(), "it knows of nothing");
            cluster.net.heal();
            assert_eq!(node.read_index(false).await, Err(ProposeError::NotLeader));
            cluster.check(&[row]).await;
        });
    }
}
