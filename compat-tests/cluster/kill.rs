//! Nodes are killed under writers: nothing that was acknowledged may be missing, nothing may be
//! there twice, and linearizable reads never go back.
//!
//! `EIDER_KILL_ROUNDS` sets the rounds of each kind of kill.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio_postgres::error::SqlState;

use crate::support::{Cluster, from_env, request};

/// What a client knows of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Acknowledged,
    /// Certainly not there.
    Failed,
    Unknown,
}

#[derive(Default)]
struct History {
    outcomes: Mutex<HashMap<u64, Outcome>>,
    next: AtomicU64,
    acknowledged: AtomicU64,
    /// When a write was last acknowledged.
    last: Mutex<Option<Instant>>,
    stop: AtomicBool,
    complaints: Mutex<Vec<String>>,
}

impl History {
    fn record(&self, id: u64, outcome: Outcome) {
        self.outcomes.lock().unwrap().insert(id, outcome);
        if outcome == Outcome::Acknowledged {
            self.acknowledged.fetch_add(1, Ordering::SeqCst);
            *self.last.lock().unwrap() = Some(Instant::now());
        }
    }

    fn complain(&self, what: String) {
        self.complaints.lock().unwrap().push(what);
    }
}

/// SQLSTATEs after which nothing can have happened.
fn certainly_failed(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::IN_FAILED_SQL_TRANSACTION,
        ]
        .contains(code)
    })
}

async fn pg_writer(port: u16, history: Arc<History>) {
    while !history.stop.load(Ordering::SeqCst) {
        let target = format!("host=127.0.0.1 port={port} user=postgres connect_timeout=2");
        let Ok((mut client, connection)) =
            tokio_postgres::connect(&target, tokio_postgres::NoTls).await
        else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        tokio::spawn(connection);
        while !history.stop.load(Ordering::SeqCst) && !client.is_closed() {
            let id = history.next.fetch_add(1, Ordering::SeqCst);
            history.record(id, Outcome::Unknown);
            let outcome = pg_write(&mut client, id).await;
            history.record(id, outcome);
        }
    }
}

async fn pg_write(client: &mut tokio_postgres::Client, id: u64) -> Outcome {
    let id = id as i64;
    let Ok(transaction) = client.transaction().await else { return Outcome::Failed };
    // Before COMMIT is sent nothing can be kept.
    if transaction
        .execute("INSERT INTO witness (id, origin) VALUES ($1, 'pg')", &[&id])
        .await
        .is_err()
    {
        return Outcome::Failed;
    }
    if transaction.execute("UPDATE total SET n = n + 1 WHERE id = 1", &[]).await.is_err() {
        return Outcome::Failed;
    }
    match transaction.commit().await {
        Ok(()) => Outcome::Acknowledged,
        Err(error) if certainly_failed(&error) => Outcome::Failed,
        Err(_) => Outcome::Unknown,
    }
}

fn http_writer(port: u16, history: &History) {
    while !history.stop.load(Ordering::SeqCst) {
        let id = history.next.fetch_add(1, Ordering::SeqCst);
        history.record(id, Outcome::Unknown);
        let body = json!([
            ["INSERT INTO witness (id, origin) VALUES (?, 'http')", id],
            "UPDATE total SET n = n + 1 WHERE id = 1",
        ]);
        let reply = request(port, "POST", "/db/execute?transaction", Some(&body.to_string()));
        let outcome = match reply {
            Some(reply) if reply.status == 200 => {
                let reply: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
                let results = reply["results"].as_array().map_or(0, Vec::len);
                if reply.get("error").is_none() && results == 2 {
                    Outcome::Acknowledged
                } else {
                    Outcome::Unknown
                }
            }
            _ => Outcome::Unknown,
        };
        history.record(id, outcome);
        if outcome != Outcome::Acknowledged {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Reads the total at `linearizable`, from every node in turn; it may never go back, nor lag
/// behind what was acknowledged before the read began.
async fn reader(ports: Vec<u16>, history: Arc<History>) {
    let mut highest = 0;
    let mut turn = 0;
    while !history.stop.load(Ordering::SeqCst) {
        turn += 1;
        let target = format!(
            "host=127.0.0.1 port={} user=postgres connect_timeout=2",
            ports[turn % ports.len()]
        );
        let Ok((client, connection)) =
            tokio_postgres::connect(&target, tokio_postgres::NoTls).await
        else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        tokio::spawn(connection);
        for _ in 0..50 {
            let acknowledged = history.acknowledged.load(Ordering::SeqCst);
            let Ok(row) = client.query_one("SELECT n FROM total WHERE id = 1", &[]).await else {
                break;
            };
            let n: i64 = row.get(0);
            if n < highest {
                history.complain(format!("a linearizable read went back from {highest} to {n}"));
            }
            if n < acknowledged as i64 {
                history.complain(format!(
                    "a linearizable read saw {n} after {acknowledged} were acknowledged"
                ));
            }
            highest = highest.max(n);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Leader,
    Any,
    All,
    Graceful,
}

/// One round: takes nodes away as `kind` says, waits until writes are accepted again, brings the
/// nodes back. How long no write was acknowledged.
fn round(cluster: &mut Cluster, history: &History, kind: Kind, turn: usize) -> Duration {
    let leader = cluster.leader();
    let victims: Vec<usize> = match kind {
        Kind::Leader | Kind::Graceful => vec![leader],
        Kind::Any => vec![turn % cluster.nodes.len()],
        Kind::All => (0..cluster.nodes.len()).collect(),
    };
    let calm = history.acknowledged.load(Ordering::SeqCst);
    crate::support::wait_for("writes before a kill", || {
        (history.acknowledged.load(Ordering::SeqCst) > calm + 100).then_some(())
    });
    let before = history.acknowledged.load(Ordering::SeqCst);
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
    let settled = history.acknowledged.load(Ordering::SeqCst);
    crate::support::wait_for("writes after a kill", || {
        (history.acknowledged.load(Ordering::SeqCst) > settled.max(before)).then_some(())
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

async fn check(cluster: &Cluster, history: &History) {
    let outcomes = history.outcomes.lock().unwrap().clone();
    for node in &cluster.nodes {
        let client = node.connect().await;
        let rows = client.query("SELECT id FROM witness", &[]).await.unwrap();
        let mut there = HashMap::<u64, u32>::new();
        for row in &rows {
            *there.entry(row.get::<_, i64>(0) as u64).or_default() += 1;
        }
        let total: i64 =
            client.query_one("SELECT n FROM total WHERE id = 1", &[]).await.unwrap().get(0);
        assert_eq!(
            total as usize,
            rows.len(),
            "a transaction was applied by half on node {}",
            node.name
        );
        for (id, outcome) in &outcomes {
            let times = there.get(id).copied().unwrap_or(0);
            match outcome {
                Outcome::Acknowledged => {
                    assert_eq!(times, 1, "acknowledged write {id} on node {}", node.name);
                }
                Outcome::Failed => assert_eq!(times, 0, "failed write {id} on node {}", node.name),
                Outcome::Unknown => {
                    assert!(times <= 1, "write {id} applied {times} times on node {}", node.name);
                }
            }
        }
    }
}

fn kill_under_writers(kind: Kind, rounds: usize) {
    let mut cluster = Cluster::start(3);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = cluster.nodes[0].connect().await;
        let schema = "CREATE TABLE witness (id bigint, origin text); CREATE TABLE total (id int PRIMARY KEY, n bigint); INSERT INTO total VALUES (1, 0)";
        client.batch_execute(schema).await.unwrap();
    });
    let history = Arc::new(History::default());
    let ports: Vec<(u16, u16)> = cluster.nodes.iter().map(|node| (node.pg, node.http)).collect();
    let (mut tasks, mut threads) = (Vec::new(), Vec::new());
    for writer in 0..16 {
        let (pg, http) = ports[writer % 3];
        tasks.push(runtime.spawn(pg_writer(pg, Arc::clone(&history))));
        let history = Arc::clone(&history);
        threads.push(std::thread::spawn(move || http_writer(http, &history)));
    }
    tasks.push(
        runtime.spawn(reader(ports.iter().map(|ports| ports.0).collect(), Arc::clone(&history))),
    );
    crate::support::wait_for("the first writes", || {
        (history.acknowledged.load(Ordering::SeqCst) > 100).then_some(())
    });
    let mut gaps: Vec<Duration> =
        (0..rounds).map(|turn| round(&mut cluster, &history, kind, turn)).collect();
    history.stop.store(true, Ordering::SeqCst);
    runtime.block_on(futures_util::future::try_join_all(tasks)).unwrap();
    for thread in threads {
        thread.join().unwrap();
    }
    gaps.sort();
    let counts = history.outcomes.lock().unwrap().values().fold([0; 3], |mut counts, outcome| {
        counts[*outcome as usize] += 1;
        counts
    });
    println!(
        "{kind:?}: {rounds} rounds, {} acknowledged, {} failed, {} unknown; writes again after median {:?}, max {:?}",
        counts[0],
        counts[1],
        counts[2],
        gaps[gaps.len() / 2],
        gaps[gaps.len() - 1]
    );
    runtime.block_on(check(&cluster, &history));
    let complaints = history.complaints.lock().unwrap().clone();
    assert!(complaints.is_empty(), "{complaints:#?}");
    cluster.stop_and_compare();
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
