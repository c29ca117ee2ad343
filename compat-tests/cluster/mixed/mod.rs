//! Faults of all kinds, from a seed, at three or five real nodes, while clients of all kinds work on each of them.
//!
//! `EIDER_MIXED_SECONDS` sets how long, `EIDER_MIXED_SEED` which faults in which order, and `EIDER_MIXED_NODES` at how
//! many nodes. The run ends with one of three verdicts: VALID; INVALID, if something was seen that must not be; or
//! UNKNOWN, if the run can't tell, because the harness broke or too little happened.

mod append;
mod clients;
mod faults;
mod register;
mod replay;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::disk::{self, Disk};
use crate::mixed::clients::Clients;
use crate::mixed::faults::{BLOWS, Deck, Fault, Place, WEATHER};
use crate::shim::Shim;
use crate::support::{Dice, Node, Spread, from_env, wait_for};
use crate::switch::Switch;
use crate::witness::Witnesses;

/// Everybody must have what was committed, and take a write, within this once all is well.
const CONVERGENCE: Duration = Duration::from_secs(10);
/// A run of this many seconds has had every fault.
const WHOLE: usize = 600;

/// A cluster behind a switch, each node on a disk of its own behind a shim.
fn place(nodes: usize, megabytes: u64) -> Place {
    let root = tempfile::tempdir().unwrap();
    let library = Shim::compile(root.path());
    let disks = disk::disks(root.path(), nodes, megabytes << 20);
    let (mut shims, directory) = (Vec::new(), root.path().to_owned());
    let (switch, cluster) = Switch::cluster_in(root, nodes, |place, node| {
        if let Some(disks) = &disks {
            node.dir = disks[place].place.join("data");
        }
        shims.push(Shim::put(&library, &directory, node));
    });
    let (counts, doomed) = (BTreeMap::new(), Vec::new());
    Place { cluster, switch, shims, library, disks, counts, doomed }
}

/// How long it takes until every node has what was committed when all was well again, and takes a write.
fn converge(place: &mut Place) -> Duration {
    let healed = Instant::now();
    for node in &mut place.cluster.nodes {
        node.wait_ready();
    }
    let nodes = &place.cluster.nodes;
    let goal = nodes.iter().map(Node::applied_index).max().unwrap();
    wait_for("all nodes to have what was committed", || {
        nodes.iter().all(|node| node.applied_index() >= goal).then_some(())
    });
    for node in nodes {
        let body = json!([["INSERT INTO alive (node) VALUES (?)", node.name]]).to_string();
        wait_for("a write at every node", || {
            let reply = node.post("/db/execute", &body)?;
            (reply.status == 200 && !reply.body.contains("error")).then_some(())
        });
    }
    healed.elapsed()
}

/// One round. How long it took to converge; what must not have happened.
fn round(place: &mut Place, decks: &mut [Deck; 2], dice: &mut Dice) -> Result<Duration, String> {
    let (weather, blow) = (decks[0].deal(dice), decks[1].deal(dice));
    let (victim, lasts) = (dice.below(place.cluster.nodes.len()), 300 + dice.below(1700) as u64);
    let calm = 200 + dice.below(2000) as u64;
    print!("{weather:?} and {blow:?}: ");
    let leader = place.cluster.leader();
    place.begin(weather, leader, dice);
    place.strike(blow, leader, dice);
    std::thread::sleep(Duration::from_millis(lasts));
    place.heal(blow)?;
    let mut took = converge(place);
    if blow == Fault::Replace {
        place.replace(victim);
        took = took.max(converge(place));
    }
    println!("whole again after {took:?}");
    if took > CONVERGENCE {
        return Err(format!("{took:?} until all was well again\n{}", place.cluster.standing()));
    }
    // Some of the time is good.
    std::thread::sleep(Duration::from_millis(calm));
    Ok(took)
}

/// What a run lacks to prove something.
fn untested(place: &Place, seconds: usize, checked: usize) -> Option<String> {
    let lacking = |faults: &[Fault]| {
        let dealt = faults.iter().filter(|fault| place.disks.is_some() || !needs_disk(**fault));
        dealt.filter(|fault| !place.counts.contains_key(fault)).copied().collect::<Vec<_>>()
    };
    let missing = [lacking(&WEATHER), lacking(&BLOWS)].concat();
    if seconds >= WHOLE && !missing.is_empty() {
        return Some(format!("these never happened: {missing:?}"));
    }
    (checked < seconds * 10).then(|| format!("only {checked} transactions in {seconds} s"))
}

fn needs_disk(fault: Fault) -> bool {
    matches!(fault, Fault::PowerAny | Fault::PowerAll | Fault::DiskFull | Fault::ReadOnly)
}

/// Rounds until the time is over, and then all checks. How much was checked, by kind.
fn run(place: &mut Place, seconds: usize, dice: &mut Dice) -> Result<usize, String> {
    place.cluster.nodes[0].execute("/db/execute", &json!(["CREATE TABLE alive (node TEXT)"]));
    let witnesses = Witnesses::start(&place.cluster, place.cluster.nodes.len());
    let clients = Clients::start(&place.cluster, dice);
    let has_disks = place.disks.is_some();
    let blows = BLOWS.into_iter().filter(|blow| has_disks || !needs_disk(*blow));
    let mut decks = [Deck::new(WEATHER), Deck::new(blows)];
    let (began, mut convergences) = (Instant::now(), Vec::new());
    while began.elapsed() < Duration::from_secs(seconds as u64) {
        convergences.push(round(place, &mut decks, dice)?);
    }
    let rounds = convergences.len();
    println!("{rounds} rounds; whole again after {}", Spread::new(convergences));
    println!("faults: {:?}", place.counts);
    let mut checked = 0;
    for (what, count) in clients.check(&place.cluster)? {
        println!("{count} {what}");
        checked += count;
    }
    checked += usize::try_from(witnesses.reads_and_transfers()).unwrap();
    // This ends with a comparison of all files.
    let [acknowledged, failed, unknown] = witnesses.check(&mut place.cluster);
    println!("{acknowledged} writes acknowledged, {failed} failed, {unknown} unknown");
    Ok(checked + (acknowledged + failed) as usize)
}

#[test]
fn whatever_happens_at_once_every_promise_holds() {
    let seconds = from_env("EIDER_MIXED_SECONDS", 30);
    let seed = from_env("EIDER_MIXED_SEED", 1);
    let nodes = from_env("EIDER_MIXED_NODES", 3);
    println!("EIDER_MIXED_SEED={seed} EIDER_MIXED_NODES={nodes}, {seconds} s");
    // A small seed has few bits that are set.
    let mut dice = Dice((seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut place = place(nodes, 512 + seconds as u64 / 8);
    match run(&mut place, seconds, &mut dice) {
        Err(wrong) => panic!("INVALID: {wrong}\n{}", place.cluster.standing()),
        Ok(checked) => match untested(&place, seconds, checked) {
            Some(lacking) => panic!("UNKNOWN: {lacking}"),
            None => println!("VALID: {checked} transactions checked"),
        },
    }
    // Before the directory that they are mounted in is removed.
    drop(place.disks.take().map(Vec::<Disk>::into_iter));
}
