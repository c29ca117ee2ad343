//! Links between real nodes fail in every way, and processes stand still and go on, under writers, readers
//! and a bank on every node: also on the side that is cut off.
//!
//! `EIDER_NETWORK_ROUNDS` sets how often each kind of trouble comes.

use std::time::{Duration, Instant};

use crate::support::{Cluster, from_env, signal, wait_for};
use crate::switch::{Link, State, Switch};
use crate::witness::Witnesses;

/// Longer than the longest election timeout, so that what stands still is succeeded.
const LONG: Duration = Duration::from_secs(4);
const SHORT: Duration = Duration::from_millis(1500);
/// Everybody must have what was committed within this, once all is well.
const CONVERGENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// The leader hears nobody and is heard by nobody.
    LeaderCutOff,
    /// It hears the others, and they don't hear it.
    LeaderMute,
    LeaderDeaf,
    /// Leader and one follower don't reach each other; both reach the third.
    OneLink,
    /// Delay, jitter and losses everywhere.
    Slow,
    /// No link carries more than some kilobytes a second.
    Narrow,
    /// Links are held up one by one, and freed in another order.
    Swizzle,
    /// SIGSTOP for longer than it takes to elect another, then SIGCONT.
    LeaderPaused,
    /// And for less.
    LeaderHiccups,
    FollowerPaused,
}

const ALL: [Trouble; 10] = [
    Trouble::LeaderCutOff,
    Trouble::LeaderMute,
    Trouble::LeaderDeaf,
    Trouble::OneLink,
    Trouble::Slow,
    Trouble::Narrow,
    Trouble::Swizzle,
    Trouble::LeaderPaused,
    Trouble::LeaderHiccups,
    Trouble::FollowerPaused,
];

fn pause(cluster: &Cluster, place: usize, lasts: Duration) {
    let pid = cluster.nodes[place].pid();
    signal(pid, "STOP");
    std::thread::sleep(lasts);
    signal(pid, "CONT");
}

/// Makes trouble, for a while.
fn make(trouble: Trouble, switch: &Switch, cluster: &Cluster, witnesses: &Witnesses) {
    let leader = cluster.leader();
    let others: Vec<usize> = (0..cluster.nodes.len()).filter(|&place| place != leader).collect();
    let out: Vec<Link> = others.iter().map(|&other| (leader, other)).collect();
    let back: Vec<Link> = others.iter().map(|&other| (other, leader)).collect();
    match trouble {
        Trouble::LeaderCutOff => switch.hold(out.into_iter().chain(back)),
        Trouble::LeaderMute => switch.hold(out),
        Trouble::LeaderDeaf => switch.hold(back),
        Trouble::OneLink => switch.hold([out[0], back[0]]),
        Trouble::Slow => {
            let all = out.into_iter().chain(back).chain([(others[0], others[1])]);
            let (delay, lost) = (Duration::from_millis(15), 20);
            switch.set(all, State { delay, lost, ..State::default() });
        }
        Trouble::Narrow => {
            let all = out.into_iter().chain(back).chain([(others[0], others[1])]);
            switch.set(all, State { bytes_per_second: 64 << 10, ..State::default() });
        }
        Trouble::Swizzle => {
            let links: Vec<Link> = out.iter().chain(&back).copied().collect();
            for link in &links {
                switch.hold([*link]);
                std::thread::sleep(Duration::from_millis(150));
            }
            for at in [2, 0, 3, 1] {
                switch.set([links[at]], State::default());
                std::thread::sleep(Duration::from_millis(150));
            }
        }
        Trouble::LeaderPaused => pause(cluster, leader, LONG),
        Trouble::LeaderHiccups => pause(cluster, leader, SHORT),
        Trouble::FollowerPaused => pause(cluster, others[0], SHORT),
    }
    // A majority goes on, or goes on again.
    witnesses.more_writes(40);
    std::thread::sleep(Duration::from_millis(500));
}

/// How long it takes until every node has what was committed when all was well again.
fn converge(cluster: &Cluster, witnesses: &Witnesses) -> Duration {
    let healed = Instant::now();
    let goal = cluster.nodes.iter().map(crate::support::Node::applied_index).max().unwrap();
    wait_for("all nodes to have what was committed", || {
        cluster.nodes.iter().all(|node| node.applied_index() >= goal).then_some(())
    });
    witnesses.more_writes(20);
    let took = healed.elapsed();
    assert!(took < CONVERGENCE, "{took:?} until all had caught up");
    took
}

#[test]
fn whatever_the_network_does_nothing_is_lost_and_no_linearizable_read_is_stale() {
    let (switch, mut cluster) = Switch::cluster(3);
    let witnesses = Witnesses::start(&cluster, 6);
    for turn in 0..from_env("EIDER_NETWORK_ROUNDS", 1) * ALL.len() {
        let trouble = ALL[turn % ALL.len()];
        let (start, before) = (Instant::now(), witnesses.acknowledged());
        make(trouble, &switch, &cluster, &witnesses);
        let (lasted, written) = (start.elapsed(), witnesses.acknowledged() - before);
        switch.heal();
        let took = converge(&cluster, &witnesses);
        println!("{trouble:?}: {lasted:?}, {written} writes meanwhile, whole again after {took:?}");
    }
    let counts = witnesses.check(&mut cluster);
    println!("{} acknowledged, {} failed, {} unknown", counts[0], counts[1], counts[2]);
}
