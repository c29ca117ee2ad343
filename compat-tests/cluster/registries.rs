//! Nodes that find their cluster by a key in etcd or in Consul. Skipped where there is none.

use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Node, free_port, request, request_with, wait_for};

/// What Consul's access control lets do everything here.
const TOKEN: &str = "6ff58bd9-7a61-4ab5-9b3c-2b9d0dc0e7a1";

/// A running server of one kind.
struct Server {
    child: Child,
    port: u16,
    data: TempDir,
    /// `-disco-mode`.
    mode: &'static str,
}

impl Server {
    fn etcd() -> Option<Self> {
        let (data, port, peers) = (TempDir::new().unwrap(), free_port(), free_port());
        let (clients, peers) =
            (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peers}"));
        let mut command = Command::new("etcd");
        command
            .args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients])
            .args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers])
            .args(["--initial-cluster", &format!("default={peers}"), "--data-dir"])
            .arg(data.path().join("etcd"));
        Self::start(command, port, data, "etcd-kv")
    }

    /// One with access control.
    fn consul() -> Option<Self> {
        let (data, port) = (TempDir::new().unwrap(), free_port());
        let [lan, rpc] = [free_port(), free_port()].map(|port| port.to_string());
        let access = format!(
            r#"acl {{ enabled = true, default_policy = "deny", tokens {{ initial_management = "{TOKEN}" }} }}"#
        );
        let mut command = Command::new("consul");
        command
            .args(["agent", "-dev", "-http-port", &port.to_string(), "-serf-lan-port", &lan])
            .args(["-server-port", &rpc, "-serf-wan-port", "-1", "-dns-port", "-1"])
            .args(["-grpc-port", "-1", "-grpc-tls-port", "-1", "-hcl", &access]);
        std::fs::write(data.path().join("token"), TOKEN).unwrap();
        Self::start(command, port, data, "consul-kv")
    }

    fn start(mut command: Command, port: u16, data: TempDir, mode: &'static str) -> Option<Self> {
        let spawned = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(child) = spawned else {
            eprintln!("SKIPPED: {} is not installed", command.get_program().display());
            return None;
        };
        let server = Self { child, port, data, mode };
        wait_for("the server to serve", || server.read("nothing").map(drop));
        Some(server)
    }

    /// `-disco-config`.
    fn config(&self) -> String {
        let address = format!("127.0.0.1:{}", self.port);
        let token = self.data.path().join("token");
        match self.mode {
            "etcd-kv" => json!({ "endpoints": [address] }),
            _ => json!({ "address": address, "token_file": token }),
        }
        .to_string()
    }

    /// A key as the server has it; null if it has none. `None`: it doesn't answer.
    fn read(&self, key: &str) -> Option<Value> {
        let (packed, etcd) = (BASE64.encode(format!("/{key}")), self.mode == "etcd-kv");
        let found = if etcd {
            let asked = json!({ "key": packed }).to_string();
            request(self.port, "POST", "/v3/kv/range", Some(&asked))?
        } else {
            let token = format!("X-Consul-Token: {TOKEN}\r\n");
            request_with(self.port, "GET", &format!("/v1/kv/{key}?consistent"), &token, None)?
        };
        if found.status == 404 {
            return Some(Value::Null);
        }
        let found: Value =
            (found.status == 200).then(|| serde_json::from_str(&found.body))?.ok()?;
        let value = if etcd { &found["kvs"][0]["value"] } else { &found[0]["Value"] };
        let Some(value) = value.as_str() else { return Some(Value::Null) };
        Some(serde_json::from_slice(&BASE64.decode(value).unwrap()).unwrap())
    }

    /// What the cluster's key holds.
    fn leader(&self) -> Value {
        self.read("app/leader").expect("the server answers")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn rows(node: &Node) -> Value {
    node.json("/db/query?level=none&q=SELECT%20a%20FROM%20t")["results"][0]["values"].clone()
}

#[test]
fn nodes_meet_by_a_key_in_etcd_that_follows_the_leader() {
    let Some(server) = Server::etcd() else { return };
    meet(&server);
}

#[test]
fn nodes_meet_by_a_key_in_consul_that_follows_the_leader() {
    let Some(server) = Server::consul() else { return };
    meet(&server);
}

#[test]
fn who_may_not_read_consuls_key_is_told_so() {
    let Some(server) = Server::consul() else { return };
    let config = json!({ "address": format!("127.0.0.1:{}", server.port), "token": "unknown" });
    let config = config.to_string();
    let root = TempDir::new().unwrap();
    let options = ["-disco-mode", "consul-kv", "-disco-key", "app", "-disco-config", &config];
    let mut node = Node::new(root.path(), "1", &options);
    node.start();
    wait_for("Consul's answer", || node.log().contains("answers 403").then_some(()));
    assert_eq!(server.leader(), Value::Null);
}

fn meet(server: &Server) {
    let (mode, config) = (server.mode, server.config());
    let found = ["-disco-mode", mode, "-disco-key", "app", "-disco-config", &config];
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
    assert_eq!(server.leader(), Value::Null);
    // Of those that start at once, one does.
    nodes[..3].iter_mut().for_each(Node::start);
    nodes.iter_mut().for_each(Node::wait_ready);
    let reply =
        nodes[1].execute("/db/execute", &json!(["CREATE TABLE t (a)", "INSERT INTO t VALUES (7)"]));
    assert_eq!(reply["results"][1]["rows_affected"], json!(1), "{reply}");
    for node in &nodes {
        wait_for("the row", || (rows(node) == json!([[7]])).then_some(()));
        assert_eq!(node.json("/nodes?nonvoters").as_object().unwrap().len(), 4);
        assert_eq!(node.json("/status?key=disco.mode"), json!(mode));
    }
    // The leader dies: the key names another one, and who comes now joins it.
    let leader = nodes
        .iter()
        .position(|node| node.json("/status?key=store.raft.state") == json!("Leader"))
        .unwrap();
    let before = server.leader();
    nodes[leader].kill();
    wait_for("the next leader's report", || (server.leader() != before).then_some(()));
    let mut fifth = Node::new(root.path(), "5", &options);
    fifth.start();
    fifth.wait_ready();
    wait_for("the row", || (rows(&fifth) == json!([[7]])).then_some(()));
    // A node that has lost its data, and whom the key still names, makes no second cluster.
    nodes.iter_mut().for_each(Node::kill);
    fifth.kill();
    let named = server.leader()["id"].as_str().unwrap().to_owned();
    let lost = nodes.iter_mut().chain([&mut fifth]).find(|node| node.name == named).unwrap();
    std::fs::remove_dir_all(&lost.dir).unwrap();
    lost.start();
    wait_for("it looks", || lost.log().contains("but it has no data").then_some(()));
    assert_eq!(lost.json("/status?key=store.raft.state"), json!("Follower"));
}
