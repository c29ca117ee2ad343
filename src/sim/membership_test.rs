//! Making a cluster, adding, removing, handing over.

use std::time::Duration;

use super::cluster::{CLUSTER, Cluster, milliseconds, until};
use super::process::member;
use crate::model::id::NodeId;
use crate::platform::task;
use crate::raft::AdminError;

fn is_refused<T>(result: &Result<T, AdminError>, text: &str) -> bool {
    matches!(result, Err(AdminError::Refused(reason)) if reason.contains(text))
}

#[test]
fn a_cluster_is_made_once() {
    super::run(1, async {
        let cluster = Cluster::machines(0..2).await;
        let node = cluster.node(0);
        assert_eq!(node.cluster(), None);
        assert!(node.members().is_empty());
        let alone = node.bootstrap(CLUSTER, vec![member(1)]).await;
        assert!(is_refused(&alone, "isn't in"), "{alone:?}");
        let twice = node.bootstrap(CLUSTER, vec![member(0), member(0)]).await;
        assert!(is_refused(&twice, "named twice"), "{twice:?}");
        node.bootstrap(CLUSTER, vec![member(0)]).await.unwrap();
        let again = node.bootstrap(CLUSTER, vec![member(0)]).await;
        assert!(is_refused(&again, "already"), "{again:?}");
    });
}

#[test]
fn a_cluster_grows_and_shrinks() {
    super::run(2, async {
        let mut cluster = Cluster::new(1).await;
        let mut rows = vec![cluster.write().await];
        for id in 1..4 {
            cluster.add_machine(id).await;
            cluster.node(0).add(member(id), id == 3).await.unwrap();
            rows.push(cluster.write().await);
        }
        cluster.check(&rows).await;
        let votes: Vec<bool> = cluster.node(3).members().iter().map(|(_, votes)| *votes).collect();
        assert_eq!(votes, [true, true, true, false]);
        assert_eq!(cluster.node(3).cluster(), Some(CLUSTER));
        assert_eq!(cluster.status(3).role, "Learner");
        // Both are done already.
        cluster.node(0).add(member(1), false).await.unwrap();
        cluster.node(0).add(member(3), true).await.unwrap();
        for id in [3, 1] {
            cluster.node(0).remove(&format!("n{id}")).await.unwrap();
            cluster.stop(id).await;
        }
        cluster.node(0).remove("nobody").await.unwrap();
        rows.push(cluster.write().await);
        cluster.check(&rows).await;
        assert_eq!(cluster.node(2).members().len(), 2);
        assert_eq!(cluster.status(0).replicated.len(), 1);
    });
}

#[test]
fn a_removed_leader_hands_over() {
    super::run(1, async {
        let mut cluster = Cluster::new(3).await;
        let leader = cluster.leader().await;
        let name = format!("n{leader}");
        cluster.node(leader).remove(&name).await.unwrap();
        // It leads for some milliseconds more. What it would do then is for its successor.
        assert_eq!(cluster.node(leader).add(member(9), true).await, Err(AdminError::NotLeader));
        until(30, || cluster.ready().is_some_and(|(id, _)| id != leader)).await;
        cluster.stop(leader).await;
        let row = cluster.write().await;
        cluster.check(&[row]).await;
        let next = cluster.leader().await;
        assert_eq!(cluster.node(next).members().len(), 2);
    });
}

/// A removal that its leader didn't live to finish: whoever leads next finishes it before he changes
/// anything else, and if it is he who was to go, he goes.
#[test]
fn a_change_left_half_done_is_finished_before_the_next() {
    let mut led_by_the_removed = 0;
    for seed in 0..8 {
        led_by_the_removed += super::run(seed, async move {
            let mut cluster = Cluster::new(4).await;
            let leader = cluster.leader().await;
            let removed = (leader + 1) % 4;
            let others: Vec<u64> = (0..4).filter(|id| *id != leader).collect();
            for id in &others {
                // Time to see it.
                *cluster.machine(*id).fsync.lock().unwrap() = Duration::from_millis(200);
            }
            let (node, name) = (cluster.node(leader).clone(), format!("n{removed}"));
            task::spawn(async move { drop(node.remove(&name).await) });
            let half_done = || others.iter().all(|id| !cluster.node(*id).has_one_majority());
            until(30, half_done).await;
            cluster.kill(leader, None);
            let next = cluster.leader().await;
            let added = cluster.node(next).add(member(9), true).await;
            let leads = if next == removed {
                assert_eq!(added, Err(AdminError::NotLeader));
                until(30, || cluster.ready().is_some_and(|(id, _)| id != removed)).await;
                cluster.leader().await
            } else {
                assert_eq!(added, Ok(()));
                next
            };
            let members = cluster.node(leads).members();
            assert!(members.iter().all(|(member, _)| member.id.0 != removed));
            assert!(cluster.node(leads).has_one_majority());
            u32::from(next == removed)
        });
    }
    assert!((1..8).contains(&led_by_the_removed), "{led_by_the_removed}");
}

/// The same, and nobody asks for another change: two majorities would be needed for good.
#[test]
fn a_change_left_half_done_is_finished_without_being_asked() {
    super::run(1, async {
        let mut cluster = Cluster::new(4).await;
        let leader = cluster.leader().await;
        let others: Vec<u64> = (0..4).filter(|id| *id != leader).collect();
        for id in &others {
            // Time to see it.
            *cluster.machine(*id).fsync.lock().unwrap() = Duration::from_millis(200);
        }
        let (node, name) = (cluster.node(leader).clone(), format!("n{}", (leader + 1) % 4));
        task::spawn(async move { drop(node.remove(&name).await) });
        let half_done = || others.iter().all(|id| !cluster.node(*id).has_one_majority());
        until(30, half_done).await;
        cluster.kill(leader, None);
        let settled = || cluster.ready().is_some_and(|(id, _)| cluster.node(id).has_one_majority());
        until(30, settled).await;
        assert_eq!(cluster.node(cluster.leader().await).members().len(), 3);
    });
}

/// Who asked for a change went away in its middle.
#[test]
fn a_change_that_its_caller_left_half_done_is_finished() {
    super::run(1, async {
        let mut cluster = Cluster::new(4).await;
        let leader = cluster.leader().await;
        let node = cluster.node(leader).clone();
        for id in (0..4).filter(|id| *id != leader) {
            // Time to see it.
            *cluster.machine(id).fsync.lock().unwrap() = Duration::from_millis(200);
        }
        let name = format!("n{}", (leader + 1) % 4);
        {
            let half_done = std::pin::pin!(until(30, || !node.has_one_majority()));
            let removing = std::pin::pin!(node.remove(&name));
            let first = futures_util::future::select(half_done, removing).await;
            assert!(matches!(first, futures_util::future::Either::Left(_)));
        }
        until(30, || node.has_one_majority()).await;
        assert_eq!(node.members().len(), 3);
    });
}

#[test]
fn a_node_that_joins_is_ready_with_its_vote() {
    super::run(1, async {
        let mut cluster = Cluster::new(2).await;
        cluster.add_machine(2).await;
        for id in 0..3 {
            // Time to see it.
            *cluster.machine(id).fsync.lock().unwrap() = Duration::from_millis(200);
        }
        let leader = cluster.leader().await;
        let node = cluster.node(leader).clone();
        task::spawn(async move { drop(node.add(member(2), false).await) });
        let joining = cluster.node(2);
        until(30, || joining.members().iter().any(|(it, votes)| it.id.0 == 2 && *votes)).await;
        assert!(!joining.has_vote());
        assert!(cluster.node(leader).has_vote());
        until(30, || joining.has_vote()).await;
    });
}

#[test]
fn wrong_changes_are_refused() {
    super::run(1, async {
        let cluster = Cluster::new(2).await;
        let leader = cluster.leader().await;
        let (node, other) = (cluster.node(leader), cluster.node(1 - leader));
        let mut namesake = member(9);
        namesake.name = "n0".to_owned();
        let refused = node.add(namesake, false).await;
        assert!(is_refused(&refused, "already"), "{refused:?}");
        let refused = node.add(member(1 - leader), true).await;
        assert!(is_refused(&refused, "is a voter"), "{refused:?}");
        assert_eq!(other.add(member(9), false).await, Err(AdminError::NotLeader));
        assert_eq!(other.remove("n0").await, Err(AdminError::NotLeader));
        assert_eq!(other.transfer(None).await, Err(AdminError::NotLeader));
        let mut nameless = member(9);
        nameless.name.clear();
        assert!(is_refused(&node.add(nameless, false).await, "name"));
        node.remove(&format!("n{}", 1 - leader)).await.unwrap();
        let refused = node.remove(&format!("n{leader}")).await;
        assert!(is_refused(&refused, "last voter"), "{refused:?}");
        let refused = node.transfer(None).await;
        assert!(is_refused(&refused, "no other voter"), "{refused:?}");
    });
}

#[test]
fn a_node_that_never_answers_gets_no_vote_and_blocks_nothing() {
    super::run(1, async {
        let mut cluster = Cluster::new(1).await;
        let node = cluster.node(0).clone();
        let (adding, during) = (node.add(member(5), false), async {
            milliseconds(1000).await;
            let second = node.remove("n0").await;
            assert!(is_refused(&second, "in progress"), "{second:?}");
            cluster.write().await
        });
        let (added, row) = futures_util::future::join(adding, during).await;
        assert!(is_refused(&added, "does not answer"), "{added:?}");
        cluster.check(&[row]).await;
        assert_eq!(cluster.node(0).members()[1], (member(5), false));
        cluster.node(0).remove("n5").await.unwrap();
        assert_eq!(cluster.node(0).members().len(), 1);
    });
}

#[test]
fn a_member_may_get_a_new_address() {
    super::run(1, async {
        let mut cluster = Cluster::new(2).await;
        let leader = cluster.leader().await;
        let mut moved = member(1 - leader);
        moved.raft_addr = "elsewhere:4002".to_owned();
        cluster.node(leader).add(moved.clone(), false).await.unwrap();
        let row = cluster.write().await;
        cluster.check(&[row]).await;
        assert!(cluster.node(1 - leader).members().contains(&(moved, true)));
    });
}

#[test]
fn leadership_moves_to_whom_it_is_handed() {
    super::run(1, async {
        let mut cluster = Cluster::new(3).await;
        let leader = cluster.leader().await;
        cluster.node(leader).transfer(Some(NodeId(leader))).await.unwrap();
        let heir = (leader + 1) % 3;
        cluster.node(leader).transfer(Some(NodeId(heir))).await.unwrap();
        until(5, || cluster.ready().is_some_and(|(id, _)| id == heir)).await;
        assert_eq!(cluster.node(leader).leadership().borrow().ready, None);
        let row = cluster.write().await;
        // To the most advanced: not to the one that was away.
        let (away, near) = (leader, (leader + 2) % 3);
        cluster.net.isolate(away);
        let more = cluster.write().await;
        cluster.node(heir).transfer(None).await.unwrap();
        until(5, || cluster.ready().is_some_and(|(id, _)| id == near)).await;
        cluster.net.heal();
        cluster.check(&[row, more]).await;
    });
}

#[test]
fn leadership_can_be_handed_to_a_node_that_has_just_started() {
    super::run(1, async {
        let mut cluster = Cluster::new(3).await;
        let leader = cluster.leader().await;
        let heir = (leader + 1) % 3;
        cluster.stop(heir).await;
        cluster.start(heir).await;
        milliseconds(500).await;
        cluster.node(leader).transfer(Some(NodeId(heir))).await.unwrap();
        let row = cluster.write().await;
        cluster.check(&[row]).await;
    });
}

#[test]
fn handing_over_to_a_dead_node_fails_in_bounded_time() {
    super::run(1, async {
        let mut cluster = Cluster::new(3).await;
        let leader = cluster.leader().await;
        let dead = (leader + 1) % 3;
        cluster.kill(dead, None);
        let handed = cluster.node(leader).transfer(Some(NodeId(dead))).await;
        assert!(matches!(handed, Err(AdminError::Refused(_))), "{handed:?}");
        let row = cluster.write().await;
        cluster.start(dead).await;
        cluster.check(&[row]).await;
    });
}
