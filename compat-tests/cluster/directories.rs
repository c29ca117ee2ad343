//! Data directories that aren't what they should be: another node's, a copy that runs beside its original, an old copy.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::{Cluster, Node, wait_for};

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.is_ok_and(|status| status.success()), "UNKNOWN (harness): cp -a");
}

fn count(node: &Node) -> u64 {
    let reply = node.json("/db/query?level=linearizable&q=SELECT%20count(*)%20FROM%20t");
    reply["results"][0]["values"][0][0].as_u64().unwrap_or_else(|| panic!("{reply}"))
}

/// Inserts, each row once: what failed for want of a leader has changed nothing.
fn insert(node: &Node, rows: usize) {
    for _ in 0..rows {
        wait_for("a row", || {
            let reply = node.post("/db/execute", "[\"INSERT INTO t VALUES (1)\"]").unwrap();
            let refused = "leadership changed before the transaction was proposed";
            assert!(reply.status == 200 || reply.body.starts_with(refused), "{reply:?}");
            reply.body.contains("rows_affected").then_some(())
        });
    }
}

fn ends(node: &mut Node, because: &str) {
    wait_for("the node's end", || (!node.is_alive()).then_some(()));
    assert!(node.log().contains(because), "{}", node.log());
    node.kill();
}

fn with_rows() -> Cluster {
    let cluster = Cluster::start(3);
    let leader = &cluster.nodes[cluster.leader()];
    leader.execute("/db/execute", &json!(["CREATE TABLE t (a INTEGER)"]));
    insert(leader, 20);
    cluster
}

/// Its log ends before what it has acknowledged. It must not be counted for what it doesn't have, nor vote by it.
#[test]
fn an_old_copy_of_a_data_directory_is_noticed() {
    let mut cluster = with_rows();
    let place = cluster.follower();
    let old = cluster.root.path().join("old");
    cluster.nodes[place].stop();
    copy(&cluster.nodes[place].dir, &old);
    cluster.nodes[place].start();
    cluster.nodes[place].wait_ready();
    let leader = cluster.leader();
    insert(&cluster.nodes[leader], 20);
    let goal = cluster.nodes[leader].applied_index();
    wait_for("its acknowledgements", || {
        (cluster.nodes[place].applied_index() >= goal).then_some(())
    });
    cluster.nodes[place].kill();
    std::fs::remove_dir_all(&cluster.nodes[place].dir).unwrap();
    copy(&old, &cluster.nodes[place].dir);
    cluster.nodes[place].start();
    ends(&mut cluster.nodes[place], "has acknowledged");
    // The others go on, with all that was acknowledged.
    let leader = cluster.leader();
    insert(&cluster.nodes[leader], 1);
    assert_eq!(count(&cluster.nodes[leader]), 41);
    // The way out that its message names.
    let asked = json!({ "id": cluster.nodes[place].name }).to_string();
    wait_for("the removal", || {
        let node = &cluster.nodes[leader];
        let reply = crate::support::request(node.http, "DELETE", "/remove", Some(&asked))?;
        (reply.status == 200).then_some(())
    });
    cluster.replace(place, leader);
    cluster.nodes[place].wait_ready();
    assert_eq!(count(&cluster.nodes[place]), 41);
    cluster.stop_and_compare();
}

/// Two processes that are one node would vote twice.
#[test]
fn a_copy_of_a_data_directory_does_not_run_beside_its_original() {
    let mut cluster = with_rows();
    let place = cluster.follower();
    let (name, other) = (cluster.nodes[place].name.clone(), cluster.root.path().join("copy"));
    cluster.nodes[place].stop();
    copy(&cluster.nodes[place].dir, &other);
    cluster.nodes[place].start();
    cluster.nodes[place].wait_ready();
    let mut twin = Node::new(&cluster.root.path().join("copy"), &name, &[]);
    twin.dir = other;
    twin.start();
    ends(&mut twin, "runs already");
    // Where the original is gone, its directory may go to another address.
    cluster.nodes[place].stop();
    twin.start();
    twin.wait_ready();
    wait_for("its new address", || {
        let members = cluster.nodes[cluster.leader()].json("/nodes?ver=2");
        members.to_string().contains(&format!(":{}", twin.raft)).then_some(())
    });
    insert(&twin, 1);
    assert_eq!(count(&twin), 21);
}

/// A directory has its node's identity, whatever the flags say.
#[test]
fn swapped_data_directories_are_refused_under_the_other_name() {
    let mut cluster = with_rows();
    let leader = cluster.leader();
    let others: Vec<usize> = (0..3).filter(|place| *place != leader).collect();
    for place in &others {
        cluster.nodes[*place].stop();
    }
    let swap = |cluster: &mut Cluster| {
        let (one, other) =
            (cluster.nodes[others[0]].dir.clone(), cluster.nodes[others[1]].dir.clone());
        (cluster.nodes[others[0]].dir, cluster.nodes[others[1]].dir) = (other, one);
    };
    swap(&mut cluster);
    for place in &others {
        cluster.nodes[*place].start();
    }
    for place in &others {
        ends(&mut cluster.nodes[*place], "belongs to the member");
    }
    swap(&mut cluster);
    for place in &others {
        cluster.nodes[*place].start();
    }
    for node in &mut cluster.nodes {
        node.wait_ready();
    }
    insert(&cluster.nodes[others[0]], 1);
    assert_eq!(count(&cluster.nodes[others[1]]), 21);
    cluster.stop_and_compare();
}
