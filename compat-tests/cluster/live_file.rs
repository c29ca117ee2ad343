//! A follower's `db.sqlite` is an ordinary SQLite database for other programs, while the node runs.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Cluster, has_program};

fn sqlite3(file: &Path, sql: &str) -> Output {
    Command::new("sqlite3").arg("-batch").arg(file).arg(sql).output().unwrap()
}

#[test]
fn other_programs_read_a_followers_file_live_and_cannot_write_it() {
    if !has_program("sqlite3") {
        return;
    }
    let mut cluster = Cluster::start(3);
    let (leader, follower) = (cluster.leader(), cluster.follower());
    let file = cluster.nodes[follower].dir.join("db.sqlite");
    let made = json!(["CREATE TABLE t (id INTEGER PRIMARY KEY, filler TEXT)"]);
    cluster.nodes[leader].execute("/db/execute", &made);
    for round in 1..=30 {
        let insert = json!(["INSERT INTO t (filler) VALUES (hex(randomblob(500)))"]);
        cluster.nodes[leader].execute("/db/execute", &insert);
        let deadline = Instant::now() + Duration::from_secs(1);
        loop {
            let output = sqlite3(&file, "SELECT count(*) FROM t");
            assert!(output.status.success(), "{output:?}");
            if String::from_utf8_lossy(&output.stdout).trim() == round.to_string() {
                break;
            }
            assert!(Instant::now() < deadline, "row {round} isn't there after a second");
        }
        if round % 10 == 0 {
            let output = sqlite3(&file, "INSERT INTO t (filler) VALUES ('mine')");
            assert!(!output.status.success(), "an outside program wrote: {output:?}");
            sqlite3(&file, "PRAGMA wal_checkpoint(TRUNCATE)");
        }
    }
    let output = sqlite3(&file, "PRAGMA integrity_check");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "ok");
    cluster.stop_and_compare();
}

#[test]
fn files_cannot_be_reached_or_harmed_through_sql() {
    let cluster = Cluster::start(1);
    let node = &cluster.nodes[0];
    let outside = cluster.root.path().join("outside.db");
    let outside = outside.to_str().unwrap();
    for statement in [
        &format!("ATTACH '{outside}' AS other"),
        &format!("VACUUM INTO '{outside}'"),
        "PRAGMA journal_mode=DELETE",
        "PRAGMA writable_schema=1",
        "SELECT load_extension('/lib/libm.so')",
        "INSERT INTO sqlite_dbpage(pgno, data) VALUES (1, zeroblob(4096))",
        "UPDATE _eider_position SET txid = 7",
        "DROP TABLE _eider_position",
    ] {
        for path in ["/db/execute", "/db/request"] {
            let reply = node.execute(path, &json!([statement]));
            let refused =
                reply.get("error").is_some() || reply["results"][0].get("error").is_some();
            assert!(refused, "{statement} by {path}: {reply}");
        }
    }
    assert!(!Path::new(outside).exists());
    let reply = node.execute("/db/execute", &json!(["CREATE TABLE still (works INTEGER)"]));
    assert_eq!(reply, json!({"results": [{}]}));
}
