//! Writes with an idempotency key, sent again and again until they are answered, on any node, while
//! leaders are killed: each is done once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{Cluster, request_with};

const CLIENTS: usize = 8;
const KILLS: usize = 4;

/// Sends a write to one node after the other until one of them says what became of it.
fn send_until_answered(ports: &[u16], key: &str, body: &str, resent: &AtomicUsize) -> Json {
    for attempt in 0.. {
        let port = ports[attempt % ports.len()];
        let headers = format!("Idempotency-Key: {key}\r\n");
        let reply = request_with(port, "POST", "/db/execute?timeout=5s", &headers, Some(body));
        if let Some(reply) = reply
            && reply.status == 200
        {
            let document: Json = serde_json::from_str(&reply.body).unwrap();
            if document.get("error").is_none() {
                return document["results"][0].clone();
            }
        }
        resent.fetch_add(1, Ordering::Relaxed);
        assert!(attempt < 2000, "{key} was never answered");
        std::thread::sleep(Duration::from_millis(20));
    }
    unreachable!("the loop ends by returning")
}

#[test]
fn a_write_with_a_key_is_done_once_while_leaders_are_killed() {
    let mut cluster = Cluster::start(3);
    let made = json!([
        "CREATE TABLE done (client INTEGER, number INTEGER)",
        "CREATE TABLE total (n INTEGER)",
        "INSERT INTO total VALUES (0)"
    ]);
    cluster.nodes[0].execute("/db/execute", &made);
    let ports: Vec<u16> = cluster.nodes.iter().map(|node| node.http).collect();
    let (stop, resent) = (AtomicBool::new(false), AtomicUsize::new(0));
    let written: Vec<usize> = std::thread::scope(|scope| {
        let client = |client: usize| {
            let (ports, stop, resent) = (&ports, &stop, &resent);
            move || {
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    number += 1;
                    let body = json!([
                        ["INSERT INTO done VALUES (?, ?)", client, number],
                        "UPDATE total SET n = n + 1"
                    ]);
                    let key = format!("{client}-{number}");
                    let result = send_until_answered(ports, &key, &body.to_string(), resent);
                    assert_eq!(result["rows_affected"], json!(1), "{key}: {result}");
                }
                number
            }
        };
        let clients: Vec<_> = (0..CLIENTS).map(|number| scope.spawn(client(number))).collect();
        for _ in 0..KILLS {
            std::thread::sleep(Duration::from_millis(700));
            let leader = cluster.leader();
            cluster.nodes[leader].kill();
            cluster.leader();
            cluster.nodes[leader].start();
            cluster.nodes[leader].wait_ready();
        }
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let all: usize = written.iter().sum();
    let query = "/db/query?level=linearizable&q=SELECT%20(SELECT%20n%20FROM%20total),count(*),\
                 count(DISTINCT%20client*1000000%2Bnumber)%20FROM%20done";
    let counts = cluster.nodes[0].json(query)["results"][0]["values"].clone();
    assert_eq!(counts, json!([[all, all, all]]), "{written:?}");
    let again = resent.load(Ordering::Relaxed);
    println!("{all} writes, sent again {again} times, {KILLS} leaders killed");
    assert!(again > 0, "no write was sent again: the kills proved nothing");
    cluster.stop_and_compare();
}
