//! Nodes that were away, or are new, get everything: from the log, or as a snapshot once the log
//! has been purged.

use serde_json::json;

use crate::support::{Cluster, from_env, wait_for};

/// Writes `count` rows in units of a hundred.
fn write_rows(cluster: &Cluster, place: usize, count: usize) {
    let statements: Vec<_> =
        (0..100).map(|_| json!("INSERT INTO t (filler) VALUES (hex(randomblob(100)))")).collect();
    for _ in 0..count / 100 {
        let reply = cluster.nodes[place].execute("/db/execute?transaction", &json!(statements));
        assert_eq!(reply["results"].as_array().map(Vec::len), Some(100), "{reply}");
    }
}

fn rows_at(cluster: &Cluster, place: usize) -> Option<i64> {
    let reply = cluster.nodes[place].get("/db/query?level=none&q=SELECT%20count(*)%20FROM%20t")?;
    let reply: serde_json::Value = serde_json::from_str(&reply.body).ok()?;
    reply["results"][0]["values"][0][0].as_i64()
}

#[test]
fn a_node_that_was_away_catches_up_beyond_the_purged_log_while_writes_go_on() {
    let rows = from_env("EIDER_CATCH_UP_ROWS", 20_000);
    // A small log, so that the follower has to be sent a snapshot.
    let mut cluster = Cluster::start_with(3, &["--raft-log-bytes", "1MiB"]);
    let leader = cluster.leader();
    cluster.nodes[leader]
        .execute("/db/execute", &json!(["CREATE TABLE t (id INTEGER PRIMARY KEY, filler TEXT)"]));
    let away = cluster.follower();
    cluster.nodes[away].kill();
    let leader = cluster.leader();
    write_rows(&cluster, leader, rows);
    wait_for("the log to be purged", || {
        let purged = cluster.nodes[leader].json("/status?key=store.raft.last_snapshot_index");
        (purged.as_u64()? > 0).then_some(())
    });
    cluster.nodes[away].start();
    write_rows(&cluster, leader, rows / 10);
    wait_for("the node to catch up", || {
        (rows_at(&cluster, away)? == (rows + rows / 10) as i64).then_some(())
    });
    cluster.stop_and_compare();
}

#[test]
fn a_fourth_node_joins_and_serves() {
    let mut cluster = Cluster::start(3);
    let leader = cluster.leader();
    cluster.nodes[leader]
        .execute("/db/execute", &json!(["CREATE TABLE t (id INTEGER PRIMARY KEY, filler TEXT)"]));
    write_rows(&cluster, leader, 1000);
    cluster.add(&[]);
    wait_for("the new node to have the rows", || (rows_at(&cluster, 3)? == 1000).then_some(()));
    let nodes = cluster.nodes[3].json("/nodes?ver=2");
    assert_eq!(nodes["nodes"].as_array().map(Vec::len), Some(4), "{nodes}");
    let reply =
        cluster.nodes[3].execute("/db/execute", &json!(["INSERT INTO t (filler) VALUES ('new')"]));
    assert_eq!(reply["results"][0]["rows_affected"], json!(1), "{reply}");
    cluster.stop_and_compare();
}

#[test]
fn a_node_whose_disk_was_lost_is_refused_under_its_name_until_it_is_removed() {
    let mut cluster = Cluster::start(3);
    let leader = cluster.leader();
    cluster.nodes[leader]
        .execute("/db/execute", &json!(["CREATE TABLE t (id INTEGER PRIMARY KEY, filler TEXT)"]));
    write_rows(&cluster, leader, 500);
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
    wait_for("the new node to have the rows", || (rows_at(&cluster, lost)? == 500).then_some(()));
    cluster.stop_and_compare();
}
