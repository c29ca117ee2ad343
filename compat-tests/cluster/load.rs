//! Whole databases by `/db/load`, `/boot` and `/db/backup?vacuum`, made and read by another program.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value as Json, json};

use crate::support::{Cluster, has_program};

fn sqlite3(file: &Path, sql: &str) -> String {
    let output = Command::new("sqlite3").arg("-batch").arg(file).arg(sql).output().unwrap();
    assert!(output.status.success(), "{sql}: {output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// POSTs a file: status and body.
fn send(cluster: &Cluster, place: usize, path: &str, file: &Path) -> (String, String) {
    let url = format!("http://127.0.0.1:{}{path}", cluster.nodes[place].http);
    let data = format!("@{}", file.display());
    let output = Command::new("curl")
        .args(["-sS", "-w", "\n%{http_code}", "-XPOST", "--data-binary", &data, &url])
        .output()
        .unwrap();
    assert!(output.status.success(), "{url}: {output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

fn fetch(cluster: &Cluster, place: usize, query: &str, name: &str) -> PathBuf {
    let file = cluster.root.path().join(name);
    let url = format!("http://127.0.0.1:{}/db/backup?{query}", cluster.nodes[place].http);
    let output = Command::new("curl").args(["-sSf", "-o"]).arg(&file).arg(&url).output().unwrap();
    assert!(output.status.success(), "{url}: {output:?}");
    file
}

fn count(cluster: &Cluster, place: usize, table: &str) -> Json {
    let query = format!("/db/query?level=linearizable&q=SELECT%20count(*)%20FROM%20{table}");
    cluster.nodes[place].json(&query)["results"][0].clone()
}

/// A database that another program made, of `rows` rows.
fn made(cluster: &Cluster, name: &str, before: &str, rows: usize) -> PathBuf {
    let file = cluster.root.path().join(name);
    let sql = format!(
        "{before}; CREATE TABLE t (id INTEGER PRIMARY KEY, filler TEXT); \
         CREATE INDEX t_filler ON t (filler); CREATE VIEW v AS SELECT count(*) AS n FROM t; \
         WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {rows}) \
         INSERT INTO t SELECT n, hex(randomblob(200)) FROM n; PRAGMA wal_checkpoint(TRUNCATE);"
    );
    sqlite3(&file, &sql);
    file
}

const DONE: &str = r#"{"results":[]}"#;

#[tokio::test]
async fn a_file_takes_the_databases_place_on_every_node() {
    if !has_program("sqlite3") || !has_program("curl") {
        return;
    }
    let mut cluster = Cluster::start(3);
    let (leader, follower) = (cluster.leader(), cluster.follower());
    let old = json!(["CREATE TABLE old (a)", "INSERT INTO old VALUES (1)"]);
    cluster.nodes[leader].execute("/db/execute", &old);
    let large = made(&cluster, "large", "PRAGMA page_size=1024; PRAGMA journal_mode=WAL", 20_000);
    let small = made(&cluster, "small", "PRAGMA auto_vacuum=FULL", 10);
    for (place, file, rows) in [(leader, &large, 20_000), (follower, &small, 10)] {
        assert_eq!(send(&cluster, place, "/db/load", file), ("200".into(), DONE.into()));
        for place in 0..3 {
            assert_eq!(count(&cluster, place, "t")["values"], json!([[rows]]));
            assert_eq!(count(&cluster, place, "old"), json!({"error": "no such table: old"}));
        }
        // PostgreSQL's clients see it too, and it can be written to.
        let client = cluster.nodes[follower].connect().await;
        client.execute("INSERT INTO t (filler) VALUES ('more')", &[]).await.unwrap();
        let row = client.query_one("SELECT n FROM v", &[]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), (rows + 1).to_string());
        // What it gives is a database, and can be loaded again.
        let copy = fetch(&cluster, follower, "vacuum", &format!("copy{rows}"));
        let sum = "SELECT count(*) FROM t; PRAGMA integrity_check; PRAGMA journal_mode";
        assert_eq!(sqlite3(&copy, sum), format!("{}\nok\nwal", rows + 1));
        assert_eq!(send(&cluster, leader, "/db/load", &copy), ("200".into(), DONE.into()));
        assert_eq!(count(&cluster, follower, "t")["values"], json!([[rows + 1]]));
    }
    let damaged = cluster.root.path().join("damaged");
    let mut bytes = std::fs::read(&large).unwrap();
    bytes[40_000..60_000].fill(0x55);
    std::fs::write(&damaged, bytes).unwrap();
    let (status, body) = send(&cluster, follower, "/db/load", &damaged);
    assert!(status == "200" && body.contains("invalid SQLite data"), "{status} {body}");
    // Leadership may have moved on meanwhile.
    let (leader, follower) = (cluster.leader(), cluster.follower());
    let (status, body) = send(&cluster, leader, "/boot", &small);
    assert_eq!((status.as_str(), body.as_str()), ("503", "not single-node\n"));
    let (status, body) = send(&cluster, follower, "/boot", &small);
    assert_eq!((status.as_str(), body.as_str()), ("503", "not leader\n"));
    assert_eq!(count(&cluster, follower, "t")["values"], json!([[11]]));
    for node in &cluster.nodes {
        let left = std::fs::read_dir(node.dir.join("raft/incoming")).unwrap().count();
        assert_eq!(left, 0, "files are left in {}", node.name);
    }
    cluster.stop_and_compare();
}

#[test]
fn a_single_node_is_booted_from_a_file() {
    if !has_program("sqlite3") || !has_program("curl") {
        return;
    }
    let mut cluster = Cluster::start(1);
    let file = made(&cluster, "file", "", 1000);
    assert_eq!(send(&cluster, 0, "/boot", &file), ("200".into(), String::new()));
    cluster.add(&[]);
    assert_eq!(count(&cluster, 1, "t")["values"], json!([[1000]]));
    cluster.nodes[0].kill();
    cluster.nodes[0].start();
    cluster.nodes[0].wait_ready();
    assert_eq!(count(&cluster, 0, "t")["values"], json!([[1000]]));
    cluster.stop_and_compare();
}
