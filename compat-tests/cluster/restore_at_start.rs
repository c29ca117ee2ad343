//! A new cluster begins with a copy: from a directory and from an object store.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Cluster, Node, free_port, object_store, wait_for};

fn count(node: &Node) -> Value {
    node.json("/db/query?level=none&q=SELECT%20count(*)%20FROM%20t")["results"][0]["values"][0][0]
        .clone()
}

/// Has a cluster copy itself to a place, and another one begin with that.
fn copy_and_begin(root: &Path, place: &Value) {
    let write = |name: &str, document: &Value| {
        let path = root.join(name);
        std::fs::write(&path, document.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mut backup = json!({ "version": 1, "interval": "100ms" });
    let mut restore = json!({ "version": 1, "timeout": "20s" });
    for plan in [&mut backup, &mut restore] {
        plan.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
    }
    let (backup, restore) = (write("backup.json", &backup), write("restore.json", &restore));
    let mut first = Cluster::start(1);
    first.nodes[0].execute(
        "/db/execute?transaction",
        &json!(["CREATE TABLE t (id INTEGER PRIMARY KEY)", "INSERT INTO t VALUES (1), (2), (3)"]),
    );
    // The first copy has them.
    first.nodes[0].stop();
    first.nodes[0].add_option("--auto-backup", &backup);
    first.nodes[0].start();
    wait_for("a copy", || first.nodes[0].log().contains("was backed up to").then_some(()));
    drop(first);
    // All three are new: one of them loads the copy, once.
    let directory = tempfile::tempdir().unwrap();
    let ports: Vec<u16> = (0..3).map(|_| free_port()).collect();
    let join = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",");
    let options = ["--bootstrap-expect", "3", "--join", &join, "--auto-restore", &restore];
    let mut nodes: Vec<Node> = ["1", "2", "3"]
        .iter()
        .zip(&ports)
        .map(|(name, port)| {
            let mut node = Node::new(directory.path(), name, &options);
            node.raft = *port;
            node
        })
        .collect();
    nodes.iter_mut().for_each(Node::start);
    for node in &mut nodes {
        node.wait_ready();
        wait_for("the rows", || (count(node) == 3).then_some(()));
    }
    let restored = |node: &Node| node.log().matches("was restored").count();
    assert_eq!(nodes.iter().map(restored).sum::<usize>(), 1);
    // A node with data doesn't begin anew.
    nodes[0].execute("/db/execute", &json!(["DELETE FROM t WHERE id = 1"]));
    nodes.iter_mut().for_each(Node::kill);
    nodes.iter_mut().for_each(Node::start);
    nodes.iter_mut().for_each(Node::wait_ready);
    wait_for("the rows that were left", || (count(&nodes[1]) == 2).then_some(()));
}

#[test]
fn a_new_cluster_begins_with_a_copy_of_a_directory() {
    let root = tempfile::tempdir().unwrap();
    copy_and_begin(
        root.path(),
        &json!({
            "type": "file", "sub": { "dir": root.path(), "name": "copy.gz" }
        }),
    );
}

/// Needs an S3 server: `docs/testing.md` says how to run one.
#[test]
fn a_new_cluster_begins_with_a_copy_of_an_object_store() {
    let Some(place) = object_store(&format!("start {}.gz", std::process::id())) else { return };
    let root = tempfile::tempdir().unwrap();
    copy_and_begin(root.path(), &place);
}

#[test]
fn a_copy_that_is_missing_stops_the_start_or_not_as_the_file_says() {
    let root = tempfile::tempdir().unwrap();
    let plan = root.path().join("restore.json");
    let mut text = json!({
        "version": 1, "type": "file", "sub": { "dir": root.path(), "name": "nothing" }
    });
    std::fs::write(&plan, text.to_string()).unwrap();
    let options = ["--auto-restore", plan.to_str().unwrap()];
    let mut node = Node::new(root.path(), "1", &options);
    node.start();
    wait_for("the node to end", || (!node.is_alive()).then_some(()));
    assert!(node.log().contains("could not be restored"), "{}", node.log());
    text["continue_on_failure"] = true.into();
    std::fs::write(&plan, text.to_string()).unwrap();
    let other = tempfile::tempdir().unwrap();
    let mut node = Node::new(other.path(), "1", &options);
    node.start();
    node.wait_ready();
    assert!(node.log().contains("could not be restored"), "{}", node.log());
}
