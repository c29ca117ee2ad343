//! Election, replication, failover, restart.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::cluster::{CLUSTER, Cluster, create, milliseconds, until};
use crate::model::command::{Applied, Command};
use crate::model::id::{DatabaseId, Term};
use crate::platform::{clock, task};
use crate::raft::{Fence, ProposeError};

#[test]
fn three_nodes_elect_a_leader_and_apply_the_same() {
    super::run(1, async {
        let mut cluster = Cluster::new(3).await;
        let mut rows = Vec::new();
        for _ in 0..20 {
            rows.push(cluster.write().await);
        }
        assert_eq!(cluster.check(&rows).await.len(), 20);
        assert_eq!(cluster.node(2).cluster(), Some(CLUSTER));
        assert_eq!(cluster.node(1).members().len(), 3);
        let leader = cluster.leader().await;
        let status = cluster.status(leader);
        assert_eq!((status.role, status.last_contact), ("Leader", Some(Duration::ZERO)));
        assert_eq!(status.replicated.len(), 2);
        let follower = cluster.status((leader + 1) % 3);
        assert_eq!(follower.role, "Follower");
        assert!(follower.last_contact.unwrap() < Duration::from_secs(1));
    });
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let simulation = |seed| {
        super::trace(seed, async move {
            let mut cluster = Cluster::new(3).await;
            cluster.write().await;
            let leader = cluster.leader().await;
            cluster.kill(leader, Some(seed));
            cluster.write().await;
            cluster.start(leader).await;
            cluster.check(&[]).await;
            cluster.leader().await
        })
    };
    let (first, second, third) = (simulation(5), simulation(5), simulation(6));
    assert!(first.1.len() > 1000);
    assert!(first == second, "two runs with one seed differ");
    assert_ne!(first.1, third.1);
}

/// Sends `count` rows to a node at once; the acknowledged ones appear in the list.
fn send_rows(cluster: &mut Cluster, to: u64, count: u32) -> Arc<Mutex<Vec<DatabaseId>>> {
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let fence = cluster.ready().unwrap().1;
    for _ in 0..count {
        let (id, command) = cluster.row();
        let (node, acknowledged) = (cluster.node(to).clone(), acknowledged.clone());
        task::spawn(async move {
            if node.propose(command, fence).await.is_ok() {
                acknowledged.lock().unwrap().push(id);
            }
        });
    }
    acknowledged
}

#[test]
fn a_leader_that_loses_power_loses_nothing_acknowledged() {
    for seed in 0..12 {
        super::run(seed, async move {
            let mut cluster = Cluster::new(3).await;
            let leader = cluster.leader().await;
            let acknowledged = send_rows(&mut cluster, leader, 20);
            milliseconds(1 + seed).await;
            cluster.kill(leader, Some(seed));
            let after = cluster.write().await;
            assert_ne!(cluster.leader().await, leader);
            cluster.start(leader).await;
            let rows = [acknowledged.lock().unwrap().clone(), vec![after]].concat();
            cluster.check(&rows).await;
        });
    }
}

#[test]
fn a_whole_cluster_that_loses_power_comes_back_with_everything() {
    for seed in 0..6 {
        super::run(seed, async move {
            let mut cluster = Cluster::new(3).await;
            let leader = cluster.leader().await;
            let first = cluster.write().await;
            let acknowledged = send_rows(&mut cluster, leader, 20);
            milliseconds(4 + seed).await;
            for id in 0..3 {
                if seed % 2 == 0 {
                    cluster.databases(id).write_back();
                }
                cluster.kill(id, Some(seed * 10 + id));
            }
            let began = clock::now();
            for id in 0..3 {
                cluster.start(id).await;
            }
            cluster.leader().await;
            // One quarantine, and an election or two.
            assert!(clock::now().since(began) < Duration::from_secs(10));
            let rows = [acknowledged.lock().unwrap().clone(), vec![first]].concat();
            cluster.check(&rows).await;
        });
    }
}

#[test]
fn a_single_node_is_up_at_once() {
    super::run(1, async {
        let mut cluster = Cluster::new(1).await;
        let row = cluster.write().await;
        cluster.stop(0).await;
        let began = clock::now();
        cluster.start(0).await;
        cluster.leader().await;
        assert!(clock::now().since(began) < Duration::from_millis(100));
        cluster.check(&[row]).await;
    });
}

#[test]
fn a_node_that_stops_in_order_reports_no_fault() {
    super::run(1, async {
        let mut cluster = Cluster::new(3).await;
        let leader = cluster.leader().await;
        let databases = cluster.process(leader).databases.clone();
        let leadership = cluster.node(leader).leadership();
        let node = cluster.node(leader).clone();
        let fence = cluster.ready().unwrap().1;
        cluster.stop(leader).await;
        assert!(databases.faults.lock().unwrap().is_empty());
        until(5, || leadership.borrow().ready.is_none()).await;
        assert_eq!(node.status().role, "Shutdown");
        assert_eq!(node.propose(Command::Barrier, fence).await, Err(ProposeError::Stopped));
        let beyond = crate::model::id::LogIndex(u64::MAX);
        assert_eq!(node.wait_applied(beyond).await, Err(ProposeError::Stopped));
        cluster.write().await;
    });
}

/// The trap: the leader replicates before its own fsync, loses its tail with the power, and comes
/// back at once. If it went on in its old term it would give the lost entry's id to another one.
#[test]
fn a_leader_that_lost_its_tail_never_gives_an_id_twice() {
    for seed in 0..6 {
        super::run(seed, async move {
            let mut cluster = Cluster::new(3).await;
            let leader = cluster.leader().await;
            milliseconds(333).await;
            *cluster.machine(leader).fsync.lock().unwrap() = Duration::from_millis(400);
            milliseconds(10).await;
            let (first, command) = cluster.row();
            let (node, fence) = (cluster.node(leader).clone(), cluster.ready().unwrap().1);
            task::spawn(async move { drop(node.propose(command, fence).await) });
            milliseconds(25 * (1 + seed)).await;
            let others = [(leader + 1) % 3, (leader + 2) % 3];
            for other in others {
                cluster.net.cut(leader, other);
                let replicated = cluster.status(other).last_log;
                assert_eq!(replicated, cluster.status(leader).last_log);
            }
            cluster.kill(leader, Some(seed));
            milliseconds(100).await;
            cluster.net.heal();
            *cluster.machine(leader).fsync.lock().unwrap() = Duration::from_millis(2);
            cluster.start(leader).await;
            assert!(
                cluster.process(leader).log.extent().last
                    < cluster.process(others[0]).log.extent().last
            );
            let second = cluster.write().await;
            // The first write was never acknowledged; it was not lost either.
            cluster.check(&[first, second]).await;
        });
    }
}

#[test]
fn an_isolated_follower_does_not_raise_the_term() {
    super::run(1, async {
        let mut cluster = Cluster::new(3).await;
        let leader = cluster.leader().await;
        let term = cluster.status(leader).term;
        let follower = (leader + 1) % 3;
        cluster.net.isolate(follower);
        milliseconds(60_000).await;
        assert_eq!(cluster.status(follower).term, term);
        cluster.net.heal();
        let row = cluster.write().await;
        cluster.check(&[row]).await;
        assert_eq!(cluster.leader().await, leader);
        assert_eq!(cluster.status(leader).term, term);
    });
}

#[test]
fn an_isolated_leader_stops_and_its_proposals_are_in_doubt() {
    super::run(3, async {
        let mut cluster = Cluster::new(3).await;
        let leader = cluster.leader().await;
        let old = cluster.ready().unwrap().1;
        cluster.net.isolate(leader);
        let (lost, command) = cluster.row();
        let node = cluster.node(leader).clone();
        let answer = Arc::new(Mutex::new(None));
        let told = answer.clone();
        task::spawn(async move {
            let result = node.propose(command, old).await;
            *told.lock().unwrap() = Some(result);
        });
        let moved = || cluster.ready().is_some_and(|(id, _)| id != leader);
        until(30, moved).await;
        let kept = cluster.write().await;
        // It can't know yet that it was deposed, but it can know that nobody answers it.
        assert_eq!(cluster.node(leader).read_index(false).await, Err(ProposeError::NotLeader));
        assert_eq!(
            cluster.node(leader).propose(Command::Barrier, old).await,
            Err(ProposeError::NotLeader)
        );
        cluster.net.heal();
        until(30, || answer.lock().unwrap().is_some()).await;
        assert_eq!(*answer.lock().unwrap(), Some(Err(ProposeError::Unknown)));
        assert_eq!(cluster.node(leader).leadership().borrow().ready, None);
        let files = cluster.check(&[kept]).await;
        assert!(!files.contains_key(&lost));
    });
}

#[test]
fn a_proposal_under_an_old_leadership_is_refused() {
    super::run(1, async {
        let mut cluster = Cluster::new(3).await;
        let leader = cluster.leader().await;
        let fence = cluster.ready().unwrap().1;
        let (row, command) = cluster.row();
        for wrong in [
            Fence { term: Term(fence.term.0 + 1), ..fence },
            Fence { term: Term(fence.term.0 - 1), ..fence },
        ] {
            let node = cluster.node(leader);
            assert_eq!(node.propose(command.clone(), wrong).await, Err(ProposeError::NotLeader));
        }
        let other = cluster.node((leader + 1) % 3);
        assert_eq!(other.propose(command, fence).await, Err(ProposeError::NotLeader));
        let files = cluster.check(&[]).await;
        assert!(!files.contains_key(&row));
        let id = cluster.write().await;
        assert_eq!(cluster.write_command(create(id)).await, Applied::Skipped);
    });
}

#[test]
fn a_read_index_covers_every_acknowledged_write() {
    super::run(1, async {
        let mut cluster = Cluster::new(3).await;
        let leader = cluster.leader().await;
        for round in 0..10 {
            let row = cluster.write().await;
            let index = cluster.node(leader).read_index(round % 2 == 0).await.unwrap();
            let follower = (leader + 1) % 3;
            cluster.node(follower).wait_applied(index).await.unwrap();
            assert!(cluster.databases(follower).files().contains_key(&row));
            let refused = cluster.node(follower).read_index(false).await;
            assert_eq!(refused, Err(ProposeError::NotLeader));
        }
    });
}

#[test]
fn a_leader_without_room_in_its_log_refuses_proposals_and_leads_on() {
    super::run(11, async {
        let mut cluster = Cluster::new(3).await;
        let leader = cluster.leader().await;
        let (_, fence) = cluster.ready().unwrap();
        let disk = cluster.machine(leader).disk.clone();
        disk.set_full(true);
        let mut kept = Vec::new();
        // The segment at hand and the spare one are used up first.
        let refused = loop {
            let (row, command) = cluster.row();
            match cluster.node(leader).propose(command, fence).await {
                Ok(_) => kept.push(row),
                Err(error) => break (row, error),
            }
            assert!(kept.len() < 10_000);
        };
        assert_eq!(refused.1, ProposeError::Full);
        milliseconds(5000).await;
        assert_eq!(cluster.ready(), Some((leader, fence)));
        // Another can lead: only this one has no room.
        let files = cluster.check(&kept).await;
        assert!(!files.contains_key(&refused.0));
    });
}

#[test]
fn a_node_whose_raft_panics_says_so() {
    super::run(1, async {
        let cluster = Cluster::new(3).await;
        let leader = cluster.leader().await;
        cluster.node(leader).panic().await;
        let said = || {
            let faults = cluster.databases(leader).faults.lock().unwrap();
            faults.iter().any(|fault| fault.message.contains("Raft has stopped"))
        };
        until(30, said).await;
    });
}
