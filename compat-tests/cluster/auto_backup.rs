//! Copies that are made by themselves: only by the leader, only of what has changed, to a directory
//! and to an object store.

use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::{Cluster, Node, wait_for};

/// The values of `t.v` in a copy.
fn values(copy: &[u8]) -> Option<String> {
    let mut database = Vec::new();
    flate2::read::GzDecoder::new(copy).read_to_end(&mut database).ok()?;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("copy.sqlite");
    std::fs::write(&path, database).unwrap();
    let connection = rusqlite::Connection::open(&path).ok()?;
    let check: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    connection.query_row("SELECT group_concat(v) FROM t", [], |row| row.get(0)).ok()
}

fn insert(node: &Node, value: u32) {
    wait_for("a write that is taken", || {
        let body = json!([["INSERT INTO t VALUES (?)", value]]).to_string();
        let reply = node.post("/db/execute", &body)?;
        (reply.status == 200 && reply.body.contains("rows_affected")).then_some(())
    });
}

fn copies_made(cluster: &Cluster) -> usize {
    let count = |node: &Node| node.log().matches("the database was backed up to").count();
    cluster.nodes.iter().map(count).sum()
}

/// Goes through changes, idle times and a change of the leader; `read` gets the last copy.
fn follow(plan: &Path, read: impl Fn() -> Option<Vec<u8>>) {
    let plan = plan.to_str().unwrap();
    let mut cluster = Cluster::start_with(3, &["--auto-backup", plan]);
    cluster.nodes[0].execute("/db/execute", &json!(["CREATE TABLE t (v INTEGER)"]));
    let has = |wanted: &str| {
        wait_for("a copy of the state", || {
            let found = values(&read()?)?;
            (found == wanted).then_some(())
        });
    };
    insert(&cluster.nodes[0], 1);
    has("1");
    insert(&cluster.nodes[1], 2);
    has("1,2");
    let joined = |node: &Node| {
        let store = node.json("/debug/vars?key=store")["store"].clone();
        let requests = node.json("/debug/vars?key=cluster")["cluster"]["num_join_req"].as_u64();
        assert!(requests.unwrap() >= store["num_joins"].as_u64().unwrap());
        store["num_joins"].as_u64().unwrap()
    };
    assert_eq!(cluster.nodes.iter().map(joined).sum::<u64>(), 2);
    // The node that leads next finds that the copy is of what it has.
    let leader = cluster.leader();
    cluster.nodes[leader].stop();
    let made = copies_made(&cluster);
    let next = cluster.leader();
    wait_for("the next leader to have looked", || {
        cluster.nodes[next].log().contains("is of the present state").then_some(())
    });
    assert_eq!(copies_made(&cluster), made, "nothing had changed");
    // Counted as rqlite counts.
    let counts = cluster.nodes[next].json("/debug/vars?key=uploader")["uploader"].clone();
    assert_eq!(
        (&counts["num_uploads_ok"], &counts["num_uploads_skipped_id"]),
        (&0.into(), &1.into())
    );
    insert(&cluster.nodes[next], 3);
    has("1,2,3");
    wait_for("it to be counted", || {
        let counts = cluster.nodes[next].json("/debug/vars?key=uploader")["uploader"].clone();
        let (made, bytes) =
            (counts["num_uploads_ok"].as_u64()?, counts["last_upload_bytes"].as_u64()?);
        (made == 1 && bytes > 1000 && counts["num_uploads_skipped"].as_u64()? > 0).then_some(())
    });
    let metrics = cluster.nodes[next].get("/metrics").unwrap().body;
    assert!(metrics.contains("eider_backup_rounds_total{result=\"copied\"} 1\n"), "{metrics}");
    assert!(!metrics.contains("eider_backup_last_success_timestamp_seconds 0\n"), "{metrics}");
}

#[test]
fn a_directory_gets_copies_of_what_has_changed() {
    let root = tempfile::tempdir().unwrap();
    let plan = root.path().join("plan.json");
    let text = json!({
        "version": 1, "type": "file", "interval": "100ms",
        "sub": { "dir": root.path(), "name": "copy.gz" }
    });
    std::fs::write(&plan, text.to_string()).unwrap();
    follow(&plan, || std::fs::read(root.path().join("copy.gz")).ok());
}

/// Needs an S3 server: `docs/testing.md` says how to run one.
#[test]
fn an_object_store_gets_copies_of_what_has_changed() {
    let variable = |name: &str| std::env::var(format!("EIDER_S3_{name}")).ok();
    let Some(endpoint) = variable("ENDPOINT") else {
        eprintln!("SKIPPED: EIDER_S3_ENDPOINT names no S3 server");
        return;
    };
    let [key, secret, bucket] =
        ["KEY", "SECRET", "BUCKET"].map(|name| variable(name).expect("EIDER_S3_* is set"));
    let path = format!("nightly/copy {}.gz", std::process::id());
    let root = tempfile::tempdir().unwrap();
    let plan = root.path().join("plan.json");
    let text = json!({
        "version": 1, "type": "s3", "interval": "100ms",
        "sub": {
            "endpoint": endpoint, "region": "us-east-1", "access_key_id": "$EIDER_S3_KEY",
            "secret_access_key": "${EIDER_S3_SECRET}", "bucket": bucket, "path": path,
            "force_path_style": true
        }
    });
    std::fs::write(&plan, text.to_string()).unwrap();
    let url = format!("{endpoint}/{bucket}/{}", path.replace(' ', "%20"));
    follow(&plan, || {
        let got = Command::new("curl")
            .args(["-sf", "--aws-sigv4", "aws:amz:us-east-1:s3"])
            .args(["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"])
            .args(["--user", &format!("{key}:{secret}"), &url])
            .output()
            .unwrap();
        got.status.success().then_some(got.stdout)
    });
    // A store that refuses says why in the node's log.
    let wrong = text.to_string().replace("${EIDER_S3_SECRET}", "wrong");
    std::fs::write(&plan, wrong.replace("copy ", "other ")).unwrap();
    let cluster = Cluster::start_with(1, &["--auto-backup", plan.to_str().unwrap()]);
    wait_for("a refusal", || {
        let log = cluster.nodes[0].log();
        (log.contains("could not be backed up") && log.contains("403")).then_some(())
    });
}

#[test]
fn a_plan_that_cannot_be_followed_is_told_at_the_start() {
    let root = tempfile::tempdir().unwrap();
    let plan = root.path().join("plan.json");
    std::fs::write(&plan, r#"{"version":1,"type":"file","interval":"soon","sub":{}}"#).unwrap();
    let options = ["--auto-backup", plan.to_str().unwrap()];
    let mut node = Node::new(root.path(), "1", &options);
    node.start();
    wait_for("the node to end", || (!node.is_alive()).then_some(()));
    assert!(node.log().contains("'soon' is not a duration"), "{}", node.log());
    assert!(!node.dir.exists());
}
