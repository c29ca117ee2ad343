//! Queued writes whose clients wait aren't lost when nodes are killed.
//!
//! `EIDER_KILL_ROUNDS` sets the rounds.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::support::{Cluster, from_env, request, wait_for};

/// Clients that wait for what they queue.
const CLIENTS: usize = 64;

#[derive(Default)]
struct History {
    next: AtomicU64,
    acknowledged: Mutex<HashSet<u64>>,
    stop: AtomicBool,
}

fn client(port: u16, history: &History) {
    while !history.stop.load(Ordering::SeqCst) {
        let id = history.next.fetch_add(1, Ordering::SeqCst);
        let body = json!([["INSERT INTO t (id) VALUES (?)", id]]).to_string();
        let reply = request(port, "POST", "/db/execute?queue&wait&timeout=5s", Some(&body));
        if let Some(reply) = reply.filter(|reply| reply.status == 200)
            && !reply.body.contains("error")
        {
            history.acknowledged.lock().unwrap().insert(id);
        }
    }
}

#[test]
fn what_was_waited_for_is_there_after_kills() {
    let rounds = from_env("EIDER_KILL_ROUNDS", 3);
    let mut cluster = Cluster::start(3);
    let leader = cluster.leader();
    let made = json!(["CREATE TABLE t (id INTEGER PRIMARY KEY)"]);
    assert_eq!(cluster.nodes[leader].execute("/db/execute", &made), json!({"results": [{}]}));
    let history = Arc::new(History::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (port, history) = (cluster.nodes[number % 3].http, history.clone());
            std::thread::spawn(move || client(port, &history))
        })
        .collect();
    for _ in 0..rounds {
        let before = history.acknowledged.lock().unwrap().len();
        wait_for("queued writes", || {
            (history.acknowledged.lock().unwrap().len() > before + CLIENTS).then_some(())
        });
        let leader = cluster.leader();
        cluster.nodes[leader].kill();
        cluster.leader();
        cluster.nodes[leader].start();
        cluster.nodes[leader].wait_ready();
    }
    history.stop.store(true, Ordering::SeqCst);
    for client in clients {
        client.join().unwrap();
    }
    let acknowledged = history.acknowledged.lock().unwrap();
    let leader = cluster.leader();
    let all = "/db/query?level=strong&q=SELECT%20id%20FROM%20t";
    let reply = cluster.nodes[leader].json(all);
    let rows = reply["results"][0]["values"].as_array().unwrap();
    let there: HashSet<u64> = rows.iter().map(|row| row[0].as_u64().unwrap()).collect();
    let lost: Vec<_> = acknowledged.difference(&there).collect();
    assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), acknowledged.len());
    println!(
        "{} queued writes acknowledged in {rounds} rounds, {} there",
        acknowledged.len(),
        there.len()
    );
    drop(acknowledged);
    cluster.stop_and_compare();
}
