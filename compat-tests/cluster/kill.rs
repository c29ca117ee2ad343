//! Nodes are killed under writers: nothing that was acknowledged may be missing, nothing may be
//! there twice, and linearizable reads never go back.
//!
//! `EIDER_KILL_ROUNDS` sets the rounds of each kind of kill, `EIDER_TRANSFER_ROUNDS` how often leadership is handed over.
//! From [`MANY`] rounds on, the time without an acknowledged write is held against what is promised.

use std::time::{Duration, Instant};

use crate::support::{Cluster, Spread, from_env};
use crate::witness::Witnesses;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Leader,
    Any,
    All,
    Graceful,
    /// Nobody goes: the leader is told to hand over.
    Transfer,
}

/// Enough for the highest of a hundred.
const MANY: usize = 100;

impl Kind {
    /// What no more than half, and no more than one of a hundred pauses may exceed.
    fn promised(self) -> Option<[Duration; 2]> {
        match self {
            Self::Leader => Some([Duration::from_millis(1500), Duration::from_secs(3)]),
            Self::Transfer => Some([Duration::from_millis(300); 2]),
            Self::Any | Self::All | Self::Graceful => None,
        }
    }
}

/// One round: takes nodes away as `kind` says, waits until writes are accepted again, brings the nodes back. The
/// longest time in which no write was acknowledged, and how long the nodes took to be ready.
fn round(cluster: &mut Cluster, witnesses: &Witnesses, kind: Kind, turn: usize) -> [Duration; 2] {
    let leader = cluster.leader();
    let victims: Vec<usize> = match kind {
        Kind::Leader | Kind::Graceful => vec![leader],
        Kind::Any => vec![turn % cluster.nodes.len()],
        Kind::All => (0..cluster.nodes.len()).collect(),
        Kind::Transfer => Vec::new(),
    };
    witnesses.more_writes(100);
    witnesses.watch_pauses();
    if kind == Kind::Transfer {
        let reply = cluster.nodes[leader].post("/leader", "{}").expect("the node lives");
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    for &victim in &victims {
        match kind {
            Kind::Graceful => cluster.nodes[victim].stop(),
            _ => cluster.nodes[victim].kill(),
        }
    }
    if kind == Kind::All {
        for &victim in &victims {
            cluster.nodes[victim].start();
        }
    }
    witnesses.more_writes(50);
    let pause = witnesses.longest_pause();
    let whole = Instant::now();
    if kind != Kind::All {
        for &victim in &victims {
            cluster.nodes[victim].start();
        }
    }
    for node in &mut cluster.nodes {
        node.wait_ready();
    }
    [pause, whole.elapsed()]
}

fn kill_under_writers(kind: Kind, rounds: usize) {
    let mut cluster = Cluster::start(3);
    let witnesses = Witnesses::start(&cluster, 16);
    let times: Vec<[Duration; 2]> =
        (0..rounds).map(|turn| round(&mut cluster, &witnesses, kind, turn)).collect();
    let [acknowledged, failed, unknown] = witnesses.check(&mut cluster);
    let [pauses, whole] = [0, 1].map(|at| Spread::new(times.iter().map(|both| both[at]).collect()));
    println!(
        "{kind:?}: {rounds} rounds, {acknowledged} acknowledged, {failed} failed, {unknown} unknown; no write for \
         {pauses}; all ready again after {whole}"
    );
    if let Some([half, most]) = kind.promised()
        && rounds >= MANY
    {
        assert!(
            pauses.at(50) <= half && pauses.at(99) <= most,
            "{half:?} and {most:?} are promised"
        );
    }
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

#[test]
fn writes_hardly_pause_while_leadership_is_handed_over() {
    kill_under_writers(Kind::Transfer, from_env("EIDER_TRANSFER_ROUNDS", 5));
}
