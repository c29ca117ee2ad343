//! A cluster whose every port is encrypted, and nodes that are told the wrong files.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use crate::certificates::Authority;
use crate::support::{self, Cluster, Node, binary, has_program, request, wait_for};

/// Runs one of Eider's commands against a node.
fn eider(node: &Node, command: &[&str], more: &[&str]) -> Output {
    let host = format!("https://127.0.0.1:{}", node.http);
    Command::new(binary()).args(command).args(["-host", &host]).args(more).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn wait_ready(node: &Node, ca: &str) {
    wait_for("a node that is ready", || {
        let status = eider(node, &["status", "-json"], &["-ca-cert", ca]);
        let status: serde_json::Value = serde_json::from_slice(&status.stdout).ok()?;
        (status["store"]["ready"] == json!(true)).then_some(())
    });
}

#[tokio::test]
async fn every_port_can_be_encrypted() {
    let files = tempfile::tempdir().unwrap();
    let authority = Authority::new(files.path(), "authority");
    let ca = authority.certificate();
    let ca = path(&ca);
    let (cert, key) = authority.sign("node", "IP:127.0.0.1,DNS:localhost");
    let (cert, key) = (path(&cert), path(&key));
    let mut options = Vec::new();
    for port in ["http", "pg", "node"] {
        options.extend([format!("-{port}-cert={cert}"), format!("-{port}-key={key}")]);
    }
    options.push(format!("-node-ca-cert={ca}"));
    options.extend(["-node-verify-client", "-pg-require-tls"].map(str::to_owned));
    options.push("-node-verify-common-name=node".to_owned());
    let root = tempfile::tempdir().unwrap();
    let mut nodes: Vec<Node> = Vec::new();
    for name in ["1", "2", "3"] {
        let mut options = options.clone();
        if let Some(first) = nodes.first() {
            // Found by HTTPS, met by an encrypted node-to-node port.
            options.push(format!("-join=https://127.0.0.1:{}", first.http));
            options.push(format!("-http-ca-cert={ca}"));
        }
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let mut node = Node::new(root.path(), name, &options);
        node.start();
        wait_ready(&node, ca);
        nodes.push(node);
    }
    let cluster = Cluster { nodes, root };

    // HTTPS, and the commands' ways to trust.
    let nodes = eider(&cluster.nodes[2], &["nodes", "-json"], &["-ca-cert", ca]);
    let nodes: serde_json::Value = serde_json::from_slice(&nodes.stdout).unwrap();
    let nodes = nodes["nodes"].as_array().unwrap().clone();
    assert_eq!(nodes.len(), 3);
    for node in nodes {
        assert!(node["api_addr"].as_str().unwrap().starts_with("https://127.0.0.1:"), "{node}");
    }
    let node = &cluster.nodes[1];
    assert!(eider(node, &["status"], &["-insecure"]).status.success());
    let refused = eider(node, &["status"], &[]);
    assert!(stderr(&refused).contains("signed by nobody who is trusted here"), "{refused:?}");
    assert_eq!(request(node.http, "GET", "/readyz", None).map(|reply| reply.status), None);

    // PostgreSQL, through a follower.
    let plain = node.try_connect("").await.err().unwrap();
    assert_eq!(plain.code().unwrap().code(), "28000", "{plain}");
    if has_program("psql") {
        let psql = |sslmode: &str, root: &str, statement: &str| {
            let target = format!(
                "host=127.0.0.1 port={} dbname=postgres sslmode={sslmode} sslrootcert={root}",
                node.pg
            );
            support::psql(&target, &["-Atc", statement])
        };
        let made = psql("verify-full", ca, "CREATE TABLE t AS SELECT repeat('x', 100000) AS x");
        assert!(made.status.success(), "{made:?}");
        let read = psql("require", ca, "SELECT length(x), current_setting('ssl') FROM t");
        assert_eq!(String::from_utf8_lossy(&read.stdout), "100000|on\n", "{read:?}");
        let other = Authority::new(files.path(), "other");
        let refused = psql("verify-full", path(&other.certificate()), "SELECT 1");
        assert!(stderr(&refused).contains("certificate verify failed"), "{refused:?}");
        let refused = psql("disable", ca, "SELECT 1");
        assert!(stderr(&refused).contains("sslmode=require"), "{refused:?}");
    }

    // A node whose certificate somebody else signed is not let in, nor is one with another name.
    let stranger = Authority::new(files.path(), "stranger");
    is_kept_out(&cluster, "intruder", &stranger, "does not trust the certificate");
    is_kept_out(&cluster, "other", &authority, "does not let in the name");
}

/// A node with a certificate by this authority tries to join.
fn is_kept_out(cluster: &Cluster, name: &str, authority: &Authority, why: &str) {
    let (cert, key) = authority.sign(name, "IP:127.0.0.1");
    let join = format!("-join=127.0.0.1:{}", cluster.nodes[0].raft);
    let options = ["-node-cert", path(&cert), "-node-key", path(&key), "-node-no-verify"];
    let options = [&options[..], &[&join, "-join-attempts=1"]].concat();
    let mut node = Node::new(cluster.root.path(), name, &options);
    node.start();
    wait_for("it to give up", || (!node.is_alive()).then_some(()));
    assert!(node.log().contains(why), "{}", node.log());
}

#[test]
fn wrong_files_are_told_before_anything_is_made() {
    let files = tempfile::tempdir().unwrap();
    let authority = Authority::new(files.path(), "authority");
    let (cert, key) = authority.sign("node", "DNS:localhost");
    let (_, other) = authority.sign("other", "DNS:localhost");
    let data = files.path().join("data");
    for (options, part) in [
        (["-http-cert", path(&cert), "-http-key", "/nowhere"], "-http-key /nowhere: No such file"),
        (["-pg-cert", path(&key), "-pg-key", path(&key)], "holds no CERTIFICATE"),
        (
            ["-node-cert", path(&cert), "-node-key", path(&other)],
            "does not belong to the certificate",
        ),
    ] {
        let ended = Command::new(binary())
            .args([
                "serve",
                "-http-addr=127.0.0.1:0",
                "-pg-addr=127.0.0.1:0",
                "-raft-addr=127.0.0.1:0",
            ])
            .args(options)
            .arg(&data)
            .output()
            .unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&ended.stdout), stderr(&ended));
        assert!(!ended.status.success() && text.contains(part), "{part}: {text}");
        assert!(!data.exists());
    }
}
