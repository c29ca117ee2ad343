//! Read-only members, members that leave when they are stopped, and members that are silent.

use serde_json::{Value as Json, json};

use crate::support::{Cluster, Node, wait_for};

fn ids(node: &Node, path: &str) -> Vec<String> {
    let document = node.json(path);
    let Json::Object(nodes) = &document else { panic!("{document}") };
    nodes.keys().cloned().collect()
}

#[test]
fn a_read_only_node_has_all_data_and_no_vote() {
    let mut cluster = Cluster::start(2);
    let place = cluster.add_without_waiting(&["--raft-non-voter"]);
    cluster.nodes[place].wait_ready();
    let made = json!(["CREATE TABLE t (a INTEGER)", "INSERT INTO t VALUES (7)"]);
    // It passes writes on, and reads by itself.
    let reply = cluster.nodes[place].execute("/db/execute", &made);
    assert_eq!(reply["results"][1]["rows_affected"], json!(1), "{reply}");
    for level in ["none", "auto", "weak", "linearizable"] {
        let path = format!("/db/query?level={level}&q=SELECT%20a%20FROM%20t");
        assert_eq!(
            cluster.nodes[place].json(&path)["results"][0]["values"],
            json!([[7]]),
            "{level}"
        );
    }
    for node in &cluster.nodes {
        assert_eq!(ids(node, "/nodes"), ["1", "2"]);
        assert_eq!(ids(node, "/nodes?nonvoters"), ["1", "2", "3"]);
        let listed = node.json("/nodes?nonvoters&ver=2");
        let votes: Vec<&Json> =
            listed["nodes"].as_array().unwrap().iter().map(|node| &node["voter"]).collect();
        assert_eq!(votes, [&json!(true), &json!(true), &json!(false)]);
        let versions = listed["nodes"].as_array().unwrap().iter().map(|node| &node["version"]);
        assert!(versions.clone().all(|version| version == "v10.3.0"), "{listed}");
    }
    let status = cluster.nodes[place].json("/status");
    assert_eq!(status["store"]["raft"]["voter"], json!(false));
    assert_eq!(status["store"]["raft"]["state"], json!("Follower"));
    assert_eq!(status["store"]["nodes"][2]["suffrage"], json!("nonvoter"));
    // It doesn't count for a quorum: the two voters go on without it.
    cluster.nodes[place].kill();
    let reply = cluster.nodes[0].execute("/db/execute", &json!(["INSERT INTO t VALUES (8)"]));
    assert_eq!(reply["results"][0]["rows_affected"], json!(1), "{reply}");
    // A member doesn't have to be told where the others are.
    cluster.nodes[place].drop_option("--join");
    cluster.nodes[place].start();
    cluster.nodes[place].wait_ready();
    let sync = cluster.nodes[place].get("/readyz?sync").unwrap();
    assert_eq!(sync.status, 200, "{}", sync.body);
    let path = "/db/query?level=none&q=SELECT%20sum(a)%20FROM%20t";
    assert_eq!(cluster.nodes[place].json(path)["results"][0]["values"], json!([[15]]));
    cluster.stop_and_compare();
}

/// A node that is stopped while it joins is a member without a vote. Were it left at that, the cluster would
/// have a voter less than its operator thinks.
#[test]
fn a_node_that_has_no_vote_and_wants_one_asks_for_it() {
    let mut cluster = Cluster::start(2);
    let place = cluster.add_without_waiting(&["--raft-non-voter=true"]);
    cluster.nodes[place].wait_ready();
    assert_eq!(ids(&cluster.nodes[0], "/nodes"), ["1", "2"]);
    cluster.nodes[place].kill();
    cluster.nodes[place].replace_option("--raft-non-voter=true", "--raft-non-voter=false");
    cluster.nodes[place].start();
    wait_for("its vote", || (ids(&cluster.nodes[0], "/nodes") == ["1", "2", "3"]).then_some(()));
    // It counts: one of three may be missing.
    cluster.nodes[place].wait_ready();
    let leader = cluster.leader();
    cluster.nodes[leader].kill();
    let other = (0..2).find(|other| *other != leader).unwrap();
    let made = json!(["CREATE TABLE t (a INTEGER)"]).to_string();
    wait_for("a write", || {
        let reply = cluster.nodes[other].post("/db/execute", &made)?;
        (reply.status == 200 && !reply.body.contains("error")).then_some(())
    });
    cluster.nodes[leader].start();
    cluster.nodes[leader].wait_ready();
    cluster.stop_and_compare();
}

#[test]
fn a_node_with_data_of_its_own_joins_nobody() {
    let (first, mut second) = (Cluster::start(1), Cluster::start(1));
    let node = &mut second.nodes[0];
    node.stop();
    for to in [
        format!("127.0.0.1:{}", first.nodes[0].raft),
        format!("http://127.0.0.1:{}", first.nodes[0].http),
    ] {
        node.add_option("--join", &to);
        node.start();
        wait_for("it gives up", || (!node.is_alive()).then_some(()));
        assert!(node.log().contains("belongs to another cluster"), "{}", node.log());
        node.kill();
        node.drop_option("--join");
    }
    // Where nobody is, it goes on.
    node.add_option("--join", "127.0.0.1:1");
    node.start();
    node.wait_ready();
}

#[test]
fn a_silent_node_is_told_of_once() {
    let mut cluster = Cluster::start(3);
    let (leader, follower) = (cluster.leader(), cluster.follower());
    let lines = |cluster: &Cluster, words: &str| {
        let log = cluster.nodes[leader].log();
        let name = &cluster.nodes[follower].name;
        log.lines()
            .filter(|line| line.contains(&format!("node {name} (")) && line.contains(words))
            .count()
    };
    cluster.nodes[follower].kill();
    wait_for("the leader notices", || (lines(&cluster, "does not answer") > 0).then_some(()));
    // Heartbeats fail all the time that this takes.
    for number in 0..20 {
        let made = json!([format!("CREATE TABLE t{number} (a INTEGER)")]);
        cluster.nodes[leader].execute("/db/execute", &made);
    }
    cluster.nodes[follower].start();
    cluster.nodes[follower].wait_ready();
    wait_for("the leader notices", || (lines(&cluster, "answers again") > 0).then_some(()));
    assert_eq!(lines(&cluster, ""), 2, "{}", cluster.nodes[leader].log());
    cluster.stop_and_compare();
}

#[test]
fn a_node_can_leave_when_it_is_stopped() {
    let mut cluster = Cluster::start(2);
    cluster.add(&["--raft-cluster-remove-shutdown"]);
    assert_eq!(ids(&cluster.nodes[0], "/nodes"), ["1", "2", "3"]);
    cluster.nodes[2].stop();
    wait_for("two members", || (ids(&cluster.nodes[0], "/nodes") == ["1", "2"]).then_some(()));
    let unknown = cluster.nodes[0].post("/db/execute", "[\"CREATE TABLE t (a)\"]").unwrap();
    assert_eq!(unknown.status, 200);
}

#[test]
fn joining_is_tried_as_often_as_told() {
    let root = tempfile::tempdir().unwrap();
    let options = ["--join", "127.0.0.1:1", "--join-attempts", "2", "--join-interval", "10ms"];
    let mut node = Node::new(root.path(), "1", &options);
    node.start();
    wait_for("the node's end", || (!node.is_alive()).then_some(()));
    let log = node.log();
    assert!(log.contains("not joined yet (1 of 2)") && log.contains("after 2 attempts"), "{log}");
}

#[test]
fn nodes_find_each_other_by_dns() {
    let root = tempfile::tempdir().unwrap();
    let mut first = Node::new(root.path(), "1", &[]);
    first.start();
    first.wait_ready();
    let config = root.path().join("dns.json");
    let text = json!({ "name": "localhost", "port": first.raft });
    std::fs::write(&config, text.to_string()).unwrap();
    let options = ["--disco-mode", "dns", "--disco-config", config.to_str().unwrap()];
    let mut second = Node::new(root.path(), "2", &options);
    second.start();
    second.wait_ready();
    let members = second.json("/nodes?ver=2");
    assert_eq!(members["nodes"].as_array().unwrap().len(), 2, "{members}");
}

#[test]
fn a_node_that_stays_silent_is_removed_if_the_operator_wants_that() {
    let mut cluster = Cluster::start_with(3, &["-raft-reap-node-timeout", "3s"]);
    let follower = cluster.follower();
    let (name, other) = (cluster.nodes[follower].name.clone(), 3 - cluster.leader() - follower);
    cluster.nodes[follower].kill();
    wait_for("it is removed", || {
        (!ids(&cluster.nodes[other], "/nodes").contains(&name)).then_some(())
    });
    let leader = cluster.leader();
    wait_for("the leader says so", || {
        cluster.nodes[leader].log().contains("it is no member any more").then_some(())
    });
    let made = json!(["CREATE TABLE t (a INTEGER)"]);
    let reply = cluster.nodes[other].execute("/db/execute", &made);
    assert!(reply["results"][0].get("error").is_none(), "{reply}");
}
