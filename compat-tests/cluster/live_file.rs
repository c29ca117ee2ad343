//! A follower's `db.sqlite` is an ordinary SQLite database for other programs, while the node runs.
//!
//! `EIDER_DATASETTE_SECONDS` makes Datasette's turn longer.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Cluster, Node, free_port, from_env, has_program, request, wait_for};

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
            // The table itself may not have come yet.
            let early =
                round == 1 && String::from_utf8_lossy(&output.stderr).contains("no such table");
            assert!(output.status.success() || early, "{output:?}");
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

/// Datasette, serving one file as it is. Killed when dropped.
struct Datasette {
    child: Child,
    port: u16,
}

impl Datasette {
    fn serve(file: &Path) -> Self {
        let port = free_port();
        let child = Command::new("datasette")
            .arg("serve")
            .arg(file)
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let datasette = Self { child, port };
        wait_for("Datasette to serve", || datasette.largest_id().ok());
        datasette
    }

    /// The largest id that it shows, or what it said instead.
    fn largest_id(&self) -> Result<i64, String> {
        let path = "/db.json?sql=select+coalesce(max(id),0)+as+id+from+t&_shape=array";
        let reply = request(self.port, "GET", path, None).ok_or("no answer")?;
        let rows: Option<serde_json::Value> = serde_json::from_str(&reply.body).ok();
        rows.and_then(|rows| rows[0]["id"].as_i64()).ok_or(reply.body)
    }
}

impl Drop for Datasette {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes a row a time through the leader, and each time waits until Datasette shows it. Returns
/// the longest wait.
fn show_each_row_within_a_second(leader: &Node, datasette: &Datasette, seconds: u64) -> Duration {
    let (until, mut longest) = (Instant::now() + Duration::from_secs(seconds), Duration::ZERO);
    let insert = json!(["INSERT INTO t (filler) VALUES (hex(randomblob(500)))"]);
    while Instant::now() < until {
        let reply = leader.execute("/db/execute", &insert);
        let written = Instant::now();
        let id = reply["results"][0]["last_insert_id"].as_i64().unwrap();
        loop {
            let shown = datasette.largest_id();
            if shown.as_ref().is_ok_and(|shown| *shown >= id) {
                break;
            }
            let waited = written.elapsed();
            assert!(waited < Duration::from_secs(1), "row {id} isn't shown: {shown:?}");
        }
        longest = longest.max(written.elapsed());
    }
    longest
}

#[test]
fn datasette_shows_a_followers_rows_as_they_come_also_through_a_snapshot() {
    if Command::new("datasette").arg("--version").output().is_err() {
        eprintln!("SKIPPED: datasette is not installed");
        return;
    }
    let seconds = from_env("EIDER_DATASETTE_SECONDS", 3) as u64;
    let mut cluster = Cluster::start_with(3, &["--raft-log-bytes", "1MiB"]);
    let leader = cluster.leader();
    let made = json!(["CREATE TABLE t (id INTEGER PRIMARY KEY, filler TEXT)"]);
    cluster.nodes[leader].execute("/db/execute", &made);
    let follower = cluster.follower();
    let file = cluster.nodes[follower].dir.join("db.sqlite");
    let datasette = Datasette::serve(&file);
    let live = show_each_row_within_a_second(&cluster.nodes[leader], &datasette, seconds);
    // Away until the log is purged: what it missed comes as a snapshot, under Datasette's eyes.
    let left_at = cluster.nodes[follower].applied_index();
    cluster.nodes[follower].kill();
    let leader = cluster.leader();
    let many: Vec<_> =
        (0..100).map(|_| "INSERT INTO t (filler) VALUES (hex(randomblob(2000)))").collect();
    let missed = wait_for("the log to be purged", || {
        let reply = cluster.nodes[leader].execute("/db/execute?transaction", &json!(many));
        let behind = cluster.nodes[leader].purged_index() > left_at;
        behind.then(|| reply["results"][99]["last_insert_id"].as_i64())?
    });
    let before = datasette.largest_id().unwrap();
    cluster.nodes[follower].start();
    let mut shown = vec![before];
    wait_for("Datasette to show what the follower missed", || {
        let id = datasette.largest_id().unwrap_or_else(|error| panic!("{error}"));
        shown.push(id);
        (id >= missed).then_some(())
    });
    // One transaction: the rows of before, then all of them.
    shown.dedup();
    assert!(shown.is_sorted() && shown[0] == before, "half a snapshot was seen: {shown:?}");
    assert!(cluster.nodes[follower].log().contains("receiving the databases"), "by a snapshot");
    let after = show_each_row_within_a_second(&cluster.nodes[leader], &datasette, seconds);
    println!("longest wait for a row: {live:?}, and {after:?} after the snapshot");
    drop(datasette);
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
