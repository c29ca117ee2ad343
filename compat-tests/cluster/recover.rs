//! A cluster that has lost its majority, and goes on with the members of `raft/peers.json`.

use serde_json::json;

use crate::support::{Cluster, Node, free_port, wait_for};

fn insert(node: &Node, value: u32) {
    wait_for("a write that is taken", || {
        let body = json!([["INSERT INTO t VALUES (?)", value]]).to_string();
        let reply = node.post("/db/execute", &body)?;
        (reply.status == 200 && reply.body.contains("rows_affected")).then_some(())
    });
}

fn values(node: &Node, level: &str) -> String {
    let path = format!("/db/query?level={level}&q=SELECT%20group_concat(v)%20FROM%20t");
    node.json(&path)["results"][0]["values"][0][0].as_str().unwrap_or_default().to_owned()
}

fn recovery_file(node: &Node, members: &[&Node]) -> std::path::PathBuf {
    let line = |member: &&Node| json!({ "id": member.name, "address": format!("127.0.0.1:{}", member.raft) });
    let file = node.dir.join("raft/peers.json");
    let lines: Vec<_> = members.iter().map(line).collect();
    std::fs::write(&file, json!(lines).to_string()).unwrap();
    file
}

/// Starts a node that must not start, and gives the end of its log.
fn refused(node: &mut Node) -> String {
    node.start();
    wait_for("a node that refuses to start", || (!node.is_alive()).then_some(()));
    node.kill();
    node.log().lines().last().unwrap_or_default().to_owned()
}

/// A cluster of so many nodes, with a table that has the row 1.
fn with_a_row(nodes: usize) -> Cluster {
    let cluster = Cluster::start(nodes);
    cluster.nodes[0].execute("/db/execute", &json!(["CREATE TABLE t (v INTEGER)"]));
    insert(&cluster.nodes[0], 1);
    cluster
}

#[test]
fn the_survivors_of_a_lost_majority_go_on_with_all_that_any_of_them_has() {
    let mut cluster = Cluster::start_with(4, &["--bootstrap-expect-timeout", "2s"]);
    cluster.nodes[0].execute("/db/execute", &json!(["CREATE TABLE t (v INTEGER)"]));
    insert(&cluster.nodes[0], 1);
    wait_for("the second node to have it", || {
        (values(&cluster.nodes[1], "none") == "1").then_some(())
    });
    // Acknowledged by the three others; of those, one is left.
    cluster.nodes[1].kill();
    insert(&cluster.nodes[0], 2);

    // A majority is there: the file is refused, also by the one that could do without the others.
    let file = recovery_file(&cluster.nodes[1], &[&cluster.nodes[1], &cluster.nodes[0]]);
    let why = refused(&mut cluster.nodes[1]);
    assert!(why.contains("nothing to recover") || why.contains("more of the log"), "{why}");
    assert!(file.exists());

    cluster.nodes[0].kill();
    for lost in &mut cluster.nodes[2..] {
        lost.kill();
        std::fs::remove_dir_all(&lost.dir).unwrap();
    }
    // Whoever has less is refused, whether the other runs or not.
    let why = refused(&mut cluster.nodes[1]);
    assert!(why.contains("take off the list what is lost"), "{why}");
    cluster.nodes[0].start();
    wait_for("a node that answers", || cluster.nodes[0].get("/status"));
    let why = wait_for("a refusal that is about the log", || {
        Some(refused(&mut cluster.nodes[1])).filter(|why| !why.contains("hears from"))
    });
    assert!(why.contains("has more of the log than this one"), "{why}");
    std::fs::remove_file(&file).unwrap();

    cluster.nodes[0].kill();
    cluster.nodes[1].start();
    wait_for("a node that answers", || cluster.nodes[1].get("/status"));
    let file = recovery_file(&cluster.nodes[0], &[&cluster.nodes[0], &cluster.nodes[1]]);
    cluster.nodes[0].start();
    cluster.nodes[0].wait_ready();
    assert!(!file.exists() && file.with_extension("info").exists());
    assert_eq!(values(&cluster.nodes[0], "strong"), "1,2");
    insert(&cluster.nodes[1], 3);
    assert_eq!(values(&cluster.nodes[1], "linearizable"), "1,2,3");
    let members = cluster.nodes[1].json("/nodes?ver=2");
    assert_eq!(members["nodes"].as_array().unwrap().len(), 2, "{members}");

    // It is a cluster like any other: it restarts, and takes in new nodes.
    for node in &mut cluster.nodes[..2] {
        node.kill();
        node.start();
    }
    cluster.nodes.truncate(2);
    cluster.nodes[0].wait_ready();
    cluster.add(&[]);
    insert(&cluster.nodes[2], 4);
    assert_eq!(values(&cluster.nodes[0], "linearizable"), "1,2,3,4");
    cluster.nodes[1].wait_ready();
    cluster.stop_and_compare();
}

#[test]
fn one_node_that_is_left_alone_goes_on_alone() {
    let mut cluster = with_a_row(3);
    wait_for("the last node to have it", || {
        (values(&cluster.nodes[2], "none") == "1").then_some(())
    });
    for node in &mut cluster.nodes {
        node.kill();
    }
    let file = cluster.nodes[2].dir.join("raft/peers.json");
    std::fs::write(&file, "[{}]").unwrap();
    let why = refused(&mut cluster.nodes[2]);
    assert!(why.contains("missing field `id`") && why.contains("Expected: ["), "{why}");
    recovery_file(&cluster.nodes[2], &[&cluster.nodes[2]]);
    cluster.nodes[2].start();
    cluster.nodes[2].wait_ready();
    insert(&cluster.nodes[2], 2);
    assert_eq!(values(&cluster.nodes[2], "strong"), "1,2");
}

#[test]
fn the_same_file_may_be_on_every_node() {
    let mut cluster = with_a_row(4);
    wait_for("the second node to have it", || {
        (values(&cluster.nodes[1], "none") == "1").then_some(())
    });
    cluster.nodes[1].kill();
    insert(&cluster.nodes[0], 2);
    for node in &mut cluster.nodes {
        node.kill();
    }
    cluster.nodes.truncate(2);
    let files: Vec<_> = [0, 1]
        .map(|at| recovery_file(&cluster.nodes[at], &[&cluster.nodes[1 - at], &cluster.nodes[at]]))
        .into();
    // The one with less is there first, and waits for the other.
    cluster.nodes[1].start();
    wait_for("a node that waits", || {
        cluster.nodes[1].log().contains("waiting for the others").then_some(())
    });
    cluster.nodes[0].start();
    for node in &mut cluster.nodes {
        node.wait_ready();
    }
    for file in files {
        assert!(!file.exists() && file.with_extension("info").exists());
    }
    insert(&cluster.nodes[1], 3);
    for node in &cluster.nodes {
        assert_eq!(values(node, "linearizable"), "1,2,3");
        let members = node.json("/nodes?ver=2");
        assert_eq!(members["nodes"].as_array().unwrap().len(), 2, "{members}");
    }
    cluster.stop_and_compare();
}

#[test]
fn all_nodes_may_have_moved_elsewhere() {
    let mut cluster = with_a_row(3);
    for node in &mut cluster.nodes {
        node.stop();
        node.raft = free_port();
    }
    let nodes: Vec<&Node> = cluster.nodes.iter().collect();
    for node in &nodes {
        recovery_file(node, &nodes);
    }
    // Others that the file names are waited for, and another file is no file.
    let other = recovery_file(nodes[2], &nodes[1..]);
    for node in &mut cluster.nodes[1..] {
        node.start();
    }
    // Whichever hears first of the other's ends.
    let said = wait_for("a node that ends", || {
        cluster.nodes[1..].iter_mut().find_map(|node| (!node.is_alive()).then(|| node.log()))
    });
    assert!(said.contains("another peers.json"), "{said}");
    assert!(other.exists());
    for node in &mut cluster.nodes {
        node.kill();
    }
    let nodes: Vec<&Node> = cluster.nodes.iter().collect();
    recovery_file(nodes[2], &nodes);
    for node in &mut cluster.nodes {
        node.start();
    }
    for node in &mut cluster.nodes {
        node.wait_ready();
    }
    insert(&cluster.nodes[0], 2);
    for node in &cluster.nodes {
        assert_eq!(values(node, "linearizable"), "1,2");
    }
    cluster.stop_and_compare();
}
