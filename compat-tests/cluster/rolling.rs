//! A rolling restart by the documented procedure, under load: clients that follow the documented rules see
//! no failed request, and nothing is lost or done twice.
//!
//! `EIDER_ROLLING_ROUNDS` sets how often all nodes are restarted. `EIDER_OLDER_BINARY` names a program of an earlier
//! version, from which three nodes are upgraded.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Cluster, PATIENCE, binary, from_env, request_with, wait_for};

/// What a client may see of a leader that changes, with its effect: nothing was done (40001, 57P01, 57P03),
/// or it isn't known (08006, 08007, a connection that ended).
const ALLOWED: [&str; 5] = ["40001", "57P01", "57P03", "08006", "08007"];

/// Writes over HTTP with an idempotency key, to one node after the other until one answers: the rule for
/// clients. How long the slowest took.
fn over_http(ports: &[u16], client: usize, stop: &AtomicBool, done: &AtomicUsize) -> Duration {
    let mut slowest = Duration::ZERO;
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let key = format!("client-{client}-write-{number}");
        let body = json!([["INSERT INTO t (k) VALUES (?)", key]]).to_string();
        let header = format!("Idempotency-Key: {key}\r\n");
        let began = Instant::now();
        for attempt in client.. {
            let port = ports[attempt % ports.len()];
            let reply = request_with(port, "POST", "/db/execute", &header, Some(&body));
            if let Some(reply) = reply
                && reply.status == 200
                && !reply.body.contains("\"error\"")
            {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{key} failed for {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        slowest = slowest.max(began.elapsed());
        done.fetch_add(1, Ordering::SeqCst);
    }
    slowest
}

/// Autocommit statements through PostgreSQL's protocol; says which errors there were, by SQLSTATE, and how
/// many statements went well.
async fn over_postgres(
    ports: Vec<u16>,
    client: usize,
    stop: Arc<AtomicBool>,
) -> (usize, HashMap<String, usize>) {
    let (mut fine, mut errors) = (0, HashMap::new());
    let mut node = client;
    'connect: while !stop.load(Ordering::SeqCst) {
        node += 1;
        let port = ports[node % ports.len()];
        let target = format!("host=127.0.0.1 port={port} user=postgres connect_timeout=5");
        let connected = tokio_postgres::connect(&target, tokio_postgres::NoTls).await;
        let Ok((session, connection)) = connected else {
            // Nobody is there: a pool goes on to the next node.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        tokio::spawn(connection);
        while !stop.load(Ordering::SeqCst) {
            let text = format!("INSERT INTO p (k) VALUES ('client {client} {fine}')");
            match session.batch_execute(&text).await {
                Ok(()) => fine += 1,
                Err(error) => {
                    let code = error.code().map_or("connection", |code| code.code());
                    *errors.entry(code.to_owned()).or_insert(0) += 1;
                    if session.is_closed() {
                        continue 'connect;
                    }
                }
            }
        }
    }
    (fine, errors)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_no_request() {
    restart_one_by_one(&binary()).await;
}

/// While it lasts, nodes of both versions are one cluster, led by either.
#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_upgrade_fails_no_request() {
    match std::env::var_os("EIDER_OLDER_BINARY") {
        Some(older) => restart_one_by_one(Path::new(&older)).await,
        None => eprintln!("SKIPPED: EIDER_OLDER_BINARY names no program of an earlier version"),
    }
}

/// Three nodes of another program.
fn three_of(program: &Path) -> Cluster {
    let mut cluster = Cluster { nodes: Vec::new(), root: tempfile::tempdir().unwrap() };
    for place in 0..3 {
        cluster.prepare(&[]);
        program.clone_into(&mut cluster.nodes[place].program);
        cluster.nodes[place].start();
        cluster.nodes[place].wait_ready();
    }
    cluster
}

/// Three nodes that begin with the program `first`, and go on with this one's.
async fn restart_one_by_one(first: &Path) {
    let mut cluster = three_of(first);
    for table in ["t", "p"] {
        let create = format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY, k TEXT)");
        cluster.nodes[0].execute("/db/execute", &json!([create]));
    }
    let http: Vec<u16> = cluster.nodes.iter().map(|node| node.http).collect();
    let pg: Vec<u16> = cluster.nodes.iter().map(|node| node.pg).collect();
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writers: Vec<_> = (0..4)
        .map(|client| {
            let (http, stop, done) = (http.clone(), stop.clone(), done.clone());
            std::thread::spawn(move || over_http(&http, client, &stop, &done))
        })
        .collect();
    let sessions: Vec<_> = (0..4)
        .map(|client| tokio::spawn(over_postgres(pg.clone(), client, stop.clone())))
        .collect();
    let more = |done: &AtomicUsize| {
        let before = done.load(Ordering::SeqCst);
        wait_for("more writes", || (done.load(Ordering::SeqCst) > before + 50).then_some(()));
    };
    for _ in 0..from_env("EIDER_ROLLING_ROUNDS", 1) {
        // Followers first, the leader last: one change of the leader for all three nodes.
        let leader = cluster.leader();
        let order = (0..3).filter(|&node| node != leader).chain([leader]);
        for node in order.collect::<Vec<_>>() {
            more(&done);
            cluster.nodes[node].stop();
            cluster.nodes[node].program = binary();
            cluster.nodes[node].start();
            wait_for("the node to have caught up", || {
                let reply = cluster.nodes[node].get("/readyz?sync&timeout=5s")?;
                (reply.status == 200).then_some(())
            });
        }
    }
    more(&done);
    stop.store(true, Ordering::SeqCst);
    let slowest = writers.into_iter().map(|writer| writer.join().unwrap()).max().unwrap();
    let (mut fine, mut errors) = (0, HashMap::new());
    for session in sessions {
        let (some, theirs) = session.await.unwrap();
        fine += some;
        for (code, count) in theirs {
            *errors.entry(code).or_insert(0) += count;
        }
    }
    let written = done.load(Ordering::SeqCst);
    println!(
        "{written} writes over HTTP, the slowest took {slowest:?}; {fine} statements, failed: {errors:?}"
    );
    let unexpected: Vec<_> = errors
        .keys()
        .filter(|code| !ALLOWED.contains(&code.as_str()) && *code != "connection")
        .collect();
    assert!(unexpected.is_empty(), "{errors:?}");
    let count = |sql: &str| -> Value {
        let path = format!("/db/query?level=strong&q={}", sql.replace(' ', "%20"));
        cluster.nodes[cluster.leader()].json(&path)["results"][0]["values"][0].clone()
    };
    let once = "SELECT count(*), count(DISTINCT k) FROM t";
    assert_eq!(count(once), json!([written, written]), "each write once");
    let there = count("SELECT count(DISTINCT k) FROM p")[0].as_u64().unwrap() as usize;
    assert!(there >= fine, "{there} of {fine} acknowledged statements are there");
    cluster.stop_and_compare();
}
