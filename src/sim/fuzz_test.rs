//! Random faults from a seed, then peace: nothing acknowledged is lost, no read was stale, and all
//! nodes hold the same.
//!
//! `SIM_SEED=n` runs one seed, `SIM_SEEDS=n` so many of them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::cluster::{Cluster, milliseconds};
use super::process::member;
use crate::model::id::{DatabaseId, NodeId};
use crate::platform::random::Random;
use crate::platform::{clock, task};

const NODES: u64 = 3;
const STEPS: u64 = 60;

type Rows = Arc<Mutex<Vec<DatabaseId>>>;

/// Sends rows to whoever takes them for the leader.
fn write(cluster: &mut Cluster, count: u64, acknowledged: &Rows) {
    let Some((leader, fence)) = cluster.ready() else { return };
    for _ in 0..count {
        let (id, command) = cluster.row();
        let (node, acknowledged) = (cluster.node(leader).clone(), acknowledged.clone());
        task::spawn(async move {
            if node.propose(command, fence).await.is_ok() {
                acknowledged.lock().unwrap().push(id);
            }
        });
    }
}

/// Asks a node for a read; if it answers, it must show everything that was acknowledged before.
fn read(cluster: &Cluster, id: u64, lease: bool, acknowledged: &Rows) {
    let process = cluster.process(id).clone();
    let before = acknowledged.lock().unwrap().clone();
    task::spawn(async move {
        let Ok(index) = process.node.read_index(lease).await else { return };
        if process.node.wait_applied(index).await.is_err() {
            return;
        }
        let files = process.databases.files();
        for row in before {
            assert!(files.contains_key(&row), "node {id} read without {row}, lease: {lease}");
        }
    });
}

async fn step(cluster: &mut Cluster, random: &mut Random, acknowledged: &Rows) {
    let id = random.below(NODES);
    let runs = cluster.machines[&id].process.is_some();
    match random.below(12) {
        0..=3 => write(cluster, 1 + random.below(30), acknowledged),
        4 | 5 if runs => read(cluster, id, random.below(2) == 0, acknowledged),
        6 if runs => {
            if random.below(2) == 0 {
                cluster.databases(id).write_back();
            }
            let power = (random.below(3) > 0).then(|| random.below(1000));
            cluster.kill(id, power);
        }
        6 | 7 if !runs => cluster.start(id).await,
        8 => cluster.net.cut(id, (id + 1 + random.below(NODES - 1)) % NODES),
        9 | 10 => cluster.net.heal(),
        11 if runs => {
            let node = cluster.node(id).clone();
            let to = NodeId(random.below(NODES));
            task::spawn(async move { drop(node.transfer(Some(to)).await) });
        }
        _ => {
            let takes = Duration::from_millis([1, 2, 20, 300][random.below(4) as usize]);
            *cluster.machine(id).fsync.lock().unwrap() = takes;
        }
    }
    let pause = [0, 3, 50, 400, 2500][random.below(5) as usize];
    milliseconds(random.below(pause + 1)).await;
}

async fn fuzz(seed: u64) {
    let mut random = Random(seed);
    let mut cluster = Cluster::machines(0..NODES).await;
    for id in 0..NODES {
        cluster.stop(id).await;
        cluster.machine(id).log_bytes_max = 2 << 10;
        cluster.start(id).await;
    }
    let members = (0..NODES).map(member).collect();
    cluster.node(0).bootstrap(super::cluster::CLUSTER, members).await.unwrap();
    cluster.leader().await;
    let acknowledged = Rows::default();
    for _ in 0..STEPS {
        step(&mut cluster, &mut random, &acknowledged).await;
    }
    cluster.net.heal();
    for id in 0..NODES {
        *cluster.machine(id).fsync.lock().unwrap() = Duration::from_millis(2);
        if cluster.machines[&id].process.is_none() {
            cluster.start(id).await;
        }
    }
    let last = cluster.write().await;
    clock::sleep(Duration::from_secs(15)).await;
    let mut rows = acknowledged.lock().unwrap().clone();
    rows.push(last);
    cluster.check(&rows).await;
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn whatever_happens_nothing_acknowledged_is_lost_and_no_read_is_stale() {
    let seeds = match number("SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIM_SEEDS").unwrap_or(20),
    };
    for seed in seeds {
        println!("SIM_SEED={seed}");
        super::run(seed, fuzz(seed));
    }
}
