//! Nodes are killed under writers: nothing that was acknowledged may be missing, nothing may be
//! there twice, and linearizable reads never go back.
//!
//! `EIDER_KILL_ROUNDS` sets the rounds of each kind of kill.

use std::time::{Duration, Instant};

use crate::support::{Cluster, from_env, percentiles, wait_for};
use crate::witness::Witnesses;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Leader,
    Any,
    All,
    Graceful,
}

/// One round: takes nodes away as `kind` says, waits until writes are accepted again, brings the
/// nodes back. How long no write was acknowledged.
fn round(cluster: &mut Cluster, witnesses: &Witnesses, kind: Kind, turn: usize) -> Duration {
    let leader = cluster.leader();
    let victims: Vec<usize> = match kind {
        Kind::Leader | Kind::Graceful => vec![leader],
        Kind::Any => vec![turn % cluster.nodes.len()],
        Kind::All => (0..cluster.nodes.len()).collect(),
    };
    witnesses.more_writes(100);
    let before = witnesses.acknowledged();
    let start = Instant::now();
    for &victim in &victims {
        match kind {
            Kind::Graceful => cluster.nodes[victim].stop(),
            Kind::Leader | Kind::Any | Kind::All => cluster.nodes[victim].kill(),
        }
    }
    if kind == Kind::All {
        for &victim in &victims {
            cluster.nodes[victim].start();
        }
    }
    let settled = witnesses.acknowledged();
    wait_for("writes after a kill", || {
        (witnesses.acknowledged() > settled.max(before)).then_some(())
    });
    let gap = start.elapsed();
    if kind != Kind::All {
        for &victim in &victims {
            cluster.nodes[victim].start();
        }
    }
    for node in &mut cluster.nodes {
        node.wait_ready();
    }
    gap
}

fn kill_under_writers(kind: Kind, rounds: usize) {
    let mut cluster = Cluster::start(3);
    let witnesses = Witnesses::start(&cluster, 16);
    let mut gaps: Vec<Duration> =
        (0..rounds).map(|turn| round(&mut cluster, &witnesses, kind, turn)).collect();
    let counts = witnesses.check(&mut cluster);
    println!(
        "{kind:?}: {rounds} rounds, {} acknowledged, {} failed, {} unknown; writes again after {}",
        counts[0],
        counts[1],
        counts[2],
        percentiles(&mut gaps)
    );
}

#[test]
fn nothing_acknowledged_is_lost_when_the_leader_is_killed() {
    kill_under_writers(Kind::Leader, from_env("EIDER_KILL_ROUNDS", 3));
}

#[test]
fn nothing_acknowledged_is_lost_when_any_node_is_killed() {
    kill_under_writers(Kind::Any, from_env("EIDER_KILL_ROUNDS", 3));
}

#[test]
fn nothing_acknowledged_is_lost_when_all_nodes_are_killed() {
    kill_under_writers(Kind::All, from_env("EIDER_KILL_ROUNDS", 4).div_ceil(4));
}

#[test]
fn a_graceful_stop_hands_over_leadership() {
    kill_under_writers(Kind::Graceful, from_env("EIDER_KILL_ROUNDS", 3));
}
