//! Nodes that were away, or are new, get everything: from the log, or as a snapshot once the log
//! has been purged.
//!
//! `EIDER_CATCH_UP_TRANSACTIONS` and `EIDER_JOIN_MEGABYTES` make it longer and larger.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Cluster, Node, from_env, wait_for};

/// Connections that write at the same time.
const WRITERS: usize = 16;
/// From this many transactions on, a run is long enough for its rates to be compared.
const MEASURED: usize = 100_000;

fn make_table(node: &Node) {
    let made = json!(["CREATE TABLE t (id INTEGER PRIMARY KEY, filler TEXT)"]);
    assert_eq!(node.execute("/db/execute", &made), json!({"results": [{}]}));
}

/// Clients that each write one row after the other, each row in a transaction of its own.
struct Writers {
    runtime: tokio::runtime::Runtime,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    acknowledged: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Writers {
    fn start(node: &Node) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let clients = runtime.block_on(async {
            let mut clients = Vec::new();
            for _ in 0..WRITERS {
                clients.push(node.connect().await);
            }
            clients
        });
        let tasks = clients
            .into_iter()
            .map(|client| {
                let (acknowledged, stop) = (acknowledged.clone(), stop.clone());
                runtime.spawn(async move {
                    let insert = "INSERT INTO t (filler) VALUES ($1)";
                    let insert = client.prepare(insert).await.unwrap();
                    while !stop.load(Ordering::Relaxed) {
                        let filler = format!("{:>64}", acknowledged.load(Ordering::Relaxed));
                        client.execute(&insert, &[&filler]).await.unwrap();
                        acknowledged.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        Self { runtime, tasks, acknowledged, stop }
    }

    fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Waits until `count` more are acknowledged. Returns the rate, per second.
    fn wait_for(&self, count: usize) -> f64 {
        let (began, first) = (Instant::now(), self.acknowledged());
        let patience = Duration::from_mins(1) + Duration::from_millis(count as u64);
        while self.acknowledged() < first + count {
            assert!(!self.tasks.iter().any(|task| task.is_finished()), "a writer failed");
            assert!(began.elapsed() < patience, "{count} writes take too long");
            std::thread::sleep(Duration::from_millis(1));
        }
        count as f64 / began.elapsed().as_secs_f64()
    }

    fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.runtime.block_on(async {
            for task in self.tasks {
                task.await.unwrap();
            }
        });
        self.acknowledged.load(Ordering::Relaxed)
    }
}

/// The rows that a node has by itself.
fn rows_at(node: &Node) -> Option<usize> {
    let reply = node.get("/db/query?level=none&q=SELECT%20max(id)%20FROM%20t")?;
    let reply: serde_json::Value = serde_json::from_str(&reply.body).ok()?;
    reply["results"][0]["values"][0][0].as_u64().map(|rows| rows as usize)
}

#[test]
fn a_node_that_was_away_catches_up_beyond_the_purged_log_while_writes_go_on() {
    let transactions = from_env("EIDER_CATCH_UP_TRANSACTIONS", 5_000);
    // A small log, so that the follower has to be sent a snapshot.
    let mut cluster = Cluster::start_with(3, &["--raft-log-bytes", "256KiB"]);
    let leader = cluster.leader();
    make_table(&cluster.nodes[leader]);
    let away = cluster.follower();
    let left_at = cluster.nodes[away].applied_index();
    cluster.nodes[away].kill();
    let leader = cluster.leader();
    let writers = Writers::start(&cluster.nodes[leader]);
    let alone = writers.wait_for(transactions);
    wait_for("the log to be purged", || {
        (cluster.nodes[leader].purged_index() > left_at).then_some(())
    });
    let (began, before) = (Instant::now(), writers.acknowledged());
    cluster.nodes[away].start();
    let patience = Duration::from_mins(1) + Duration::from_millis(transactions as u64);
    // Caught up: it has what had been acknowledged before it was asked the time before.
    let mut wanted = usize::MAX;
    loop {
        let acknowledged = writers.acknowledged();
        if rows_at(&cluster.nodes[away]).is_some_and(|rows| rows >= wanted) {
            break;
        }
        wanted = acknowledged;
        assert!(began.elapsed() < patience, "it doesn't catch up\n{}", cluster.nodes[away].log());
        std::thread::sleep(Duration::from_millis(10));
    }
    let meanwhile = (writers.acknowledged() - before) as f64 / began.elapsed().as_secs_f64();
    println!(
        "{transactions} transactions away, caught up in {:.1} s; writes/s: {alone:.0} before, \
         {meanwhile:.0} meanwhile ({:.2})",
        began.elapsed().as_secs_f64(),
        meanwhile / alone
    );
    assert!(cluster.nodes[away].log().contains("receiving the databases"), "by a snapshot");
    assert!(transactions < MEASURED || meanwhile >= alone / 2.0, "writes became slow");
    let acknowledged = writers.stop();
    wait_for("the node to have all", || {
        (rows_at(&cluster.nodes[away])? >= acknowledged).then_some(())
    });
    cluster.stop_and_compare();
}

#[test]
fn a_fourth_node_joins_says_how_far_it_is_and_serves() {
    let megabytes = from_env("EIDER_JOIN_MEGABYTES", 2);
    let mut cluster = Cluster::start(3);
    let leader = cluster.leader();
    make_table(&cluster.nodes[leader]);
    let fill = "INSERT INTO t (filler) SELECT hex(randomblob(500)) FROM \
                (WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000) SELECT n FROM n)";
    for _ in 0..megabytes {
        let reply = cluster.nodes[leader].execute("/db/execute", &json!([fill]));
        assert_eq!(reply["results"][0]["rows_affected"], json!(1000), "{reply}");
    }
    let rows = megabytes * 1000;
    let began = Instant::now();
    let place = cluster.add_without_waiting(&[]);
    let patience = Duration::from_mins(1) + Duration::from_millis(100 * megabytes as u64);
    let mut seen = Vec::new();
    while rows_at(&cluster.nodes[place]).is_none_or(|here| here < rows) {
        let node = &mut cluster.nodes[place];
        assert!(node.is_alive(), "it ended\n{}", node.log());
        assert!(began.elapsed() < patience, "it doesn't join\n{}", node.log());
        if let Some(reply) = cluster.nodes[place].get("/status?key=store.raft.receiving_snapshot")
            && reply.body != "null"
            && seen.last() != Some(&reply.body)
        {
            seen.push(reply.body);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    println!(
        "{megabytes} MB joined in {:.1} s; /status said {} different positions, the last one {:?}",
        began.elapsed().as_secs_f64(),
        seen.len(),
        seen.last()
    );
    let log = cluster.nodes[place].log();
    println!(
        "{}",
        log.lines().filter(|line| line.contains("databases")).collect::<Vec<_>>().join("\n")
    );
    cluster.nodes[place].wait_ready();
    wait_for("it to be a voter", || {
        let nodes = cluster.nodes[place].json("/nodes?ver=2");
        (nodes["nodes"].as_array().map(Vec::len) == Some(4)).then_some(())
    });
    let insert = json!(["INSERT INTO t (filler) VALUES ('new')"]);
    let reply = cluster.nodes[place].execute("/db/execute", &insert);
    assert_eq!(reply["results"][0]["rows_affected"], json!(1), "{reply}");
    cluster.stop_and_compare();
}

#[test]
fn a_node_whose_disk_was_lost_is_refused_under_its_name_until_it_is_removed() {
    let mut cluster = Cluster::start(3);
    let leader = cluster.leader();
    make_table(&cluster.nodes[leader]);
    let writers = Writers::start(&cluster.nodes[leader]);
    writers.wait_for(500);
    let rows = writers.stop();
    let lost = (0..3).find(|&place| place != leader && place != 0).unwrap();
    cluster.nodes[lost].kill();
    std::fs::remove_dir_all(&cluster.nodes[lost].dir).unwrap();
    cluster.nodes[lost].start();
    let name = cluster.nodes[lost].name.clone();
    wait_for("the refusal", || {
        cluster.nodes[lost].log().contains(&format!("eider remove {name}")).then_some(())
    });
    cluster.nodes[lost].kill();
    let removed = crate::support::request(
        cluster.nodes[leader].http,
        "DELETE",
        "/remove",
        Some(&json!({"id": name}).to_string()),
    );
    assert_eq!(removed.unwrap().status, 200);
    cluster.nodes[lost].start();
    cluster.nodes[lost].wait_ready();
    wait_for("the new node to have the rows", || {
        (rows_at(&cluster.nodes[lost])? == rows).then_some(())
    });
    cluster.stop_and_compare();
}
