//! Nodes that find their cluster by a key in etcd. Skipped where there is no etcd.

use std::process::{Child, Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::support::{Node, free_port, request, wait_for};

struct Etcd {
    child: Child,
    port: u16,
    _data: TempDir,
}

impl Etcd {
    fn start() -> Option<Self> {
        if Command::new("etcd").arg("--version").output().is_err() {
            eprintln!("SKIPPED: etcd is not installed");
            return None;
        }
        let (data, port, peers) = (TempDir::new().unwrap(), free_port(), free_port());
        let (clients, peers) =
            (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peers}"));
        let child = Command::new("etcd")
            .args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients])
            .args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers])
            .args(["--initial-cluster", &format!("default={peers}"), "--data-dir"])
            .arg(data.path().join("etcd"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let etcd = Self { child, port, _data: data };
        wait_for("etcd to serve", || {
            let health = request(etcd.port, "GET", "/health", None)?;
            health.body.contains("true").then_some(())
        });
        Some(etcd)
    }

    /// The key as etcd has it.
    fn value(&self, key: &str) -> String {
        let asked = json!({ "key": base64(key) }).to_string();
        let found = request(self.port, "POST", "/v3/kv/range", Some(&asked)).unwrap();
        let found: serde_json::Value = serde_json::from_str(&found.body).unwrap();
        found["kvs"][0]["value"].as_str().unwrap_or_default().to_owned()
    }
}

impl Etcd {
    /// The name of the node that a key names.
    fn leader(&self, key: &str) -> String {
        use base64::Engine as _;
        let value = base64::engine::general_purpose::STANDARD.decode(self.value(key)).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&value).unwrap();
        value["id"].as_str().unwrap().to_owned()
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn rows(node: &Node) -> serde_json::Value {
    node.json("/db/query?level=none&q=SELECT%20a%20FROM%20t")["results"][0]["values"].clone()
}

#[test]
fn nodes_meet_by_a_key_that_follows_the_leader() {
    let Some(etcd) = Etcd::start() else { return };
    let config = json!({ "endpoints": [format!("127.0.0.1:{}", etcd.port)] }).to_string();
    let found = ["-disco-mode", "etcd-kv", "-disco-key", "app", "-disco-config", &config];
    let read_only = [&found[..], &["-join-interval", "200ms", "-raft-non-voter"]].concat();
    let options = [&found[..], &["-join-interval", "200ms"]].concat();
    let root = TempDir::new().unwrap();
    let mut nodes: Vec<Node> = ["1", "2", "3", "4"]
        .iter()
        .map(|name| Node::new(root.path(), name, if *name == "4" { &read_only } else { &options }))
        .collect();
    // Without a vote nobody makes a cluster.
    nodes[3].start();
    wait_for("the node without vote looks", || {
        nodes[3].log().contains("nobody leads yet").then_some(())
    });
    assert_eq!(etcd.value("/app/leader"), "");
    // Of those that start at once, one does.
    nodes[..3].iter_mut().for_each(Node::start);
    nodes.iter_mut().for_each(Node::wait_ready);
    let reply =
        nodes[1].execute("/db/execute", &json!(["CREATE TABLE t (a)", "INSERT INTO t VALUES (7)"]));
    assert_eq!(reply["results"][1]["rows_affected"], json!(1), "{reply}");
    for node in &nodes {
        wait_for("the row", || (rows(node) == json!([[7]])).then_some(()));
        assert_eq!(node.json("/nodes?nonvoters").as_object().unwrap().len(), 4);
        assert_eq!(node.json("/status?key=disco.mode"), json!("etcd-kv"));
    }
    // The leader dies: the key names another one, and who comes now joins it.
    let leader = nodes
        .iter()
        .position(|node| node.json("/status?key=store.raft.state") == json!("Leader"))
        .unwrap();
    let before = etcd.value("/app/leader");
    nodes[leader].kill();
    wait_for("the next leader's report", || (etcd.value("/app/leader") != before).then_some(()));
    let mut fifth = Node::new(root.path(), "5", &options);
    fifth.start();
    fifth.wait_ready();
    wait_for("the row", || (rows(&fifth) == json!([[7]])).then_some(()));
    // A node that has lost its data, and whom the key still names, makes no second cluster.
    nodes.iter_mut().for_each(Node::kill);
    fifth.kill();
    let named = etcd.leader("/app/leader");
    let lost = nodes.iter_mut().chain([&mut fifth]).find(|node| node.name == named).unwrap();
    std::fs::remove_dir_all(&lost.dir).unwrap();
    lost.start();
    wait_for("it looks", || lost.log().contains("but it has no data").then_some(()));
    assert_eq!(lost.json("/status?key=store.raft.state"), json!("Follower"));
}
