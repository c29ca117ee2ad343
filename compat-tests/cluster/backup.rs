//! Backups over HTTP: other programs open them, while writes go on.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Cluster, from_env, has_program, request};

/// Fetches a backup into a file.
fn fetch(cluster: &Cluster, place: usize, query: &str, name: &str) -> PathBuf {
    let file = cluster.root.path().join(name);
    let url = format!("http://127.0.0.1:{}/db/backup?{query}", cluster.nodes[place].http);
    let output = Command::new("curl").args(["-sSf", "-o"]).arg(&file).arg(&url).output().unwrap();
    assert!(output.status.success(), "{url}: {output:?}");
    file
}

fn sqlite3(file: &Path, sql: &str) -> String {
    let output = Command::new("sqlite3").arg("-batch").arg(file).arg(sql).output().unwrap();
    assert!(output.status.success(), "{sql}: {output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The rows that tell the copies apart, and the state of the file.
const SUM: &str = "SELECT count(*), sum(length(filler)), max(id) FROM t; PRAGMA integrity_check";

#[test]
fn backups_open_elsewhere_and_have_what_was_acknowledged() {
    if !has_program("sqlite3") || !has_program("curl") {
        return;
    }
    let mut cluster = Cluster::start(3);
    let (leader, follower) = (cluster.leader(), cluster.follower());
    let made = json!([
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, filler BLOB)",
        "CREATE TABLE \"odd \"\"name\" (a TEXT, b REAL, c AS (a || 'x') STORED)",
        "INSERT INTO \"odd \"\"name\" VALUES ('it''s', 0.1), (NULL, 1e300)",
        "CREATE INDEX t_filler ON t (length(filler))",
        "CREATE VIEW v AS SELECT count(*) AS n FROM t"
    ]);
    let reply = cluster.nodes[leader].execute("/db/execute", &made);
    assert!(!reply.to_string().contains("error"), "{reply}");
    let fill = "INSERT INTO t (filler) WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n \
                WHERE n < 2000) SELECT randomblob(1000) FROM n";
    for round in 1..=3_usize {
        let reply = cluster.nodes[leader].execute("/db/execute", &json!([fill]));
        assert_eq!(reply["results"][0]["rows_affected"], json!(2000), "{reply}");
        let rows = 2000 * round;
        let expected = format!("{rows}|{}|{rows}\nok", rows * 1000);
        let binary = fetch(&cluster, follower, "", &format!("binary{round}"));
        assert_eq!(sqlite3(&binary, SUM), expected);
        let delete = fetch(&cluster, leader, "fmt=delete", &format!("delete{round}"));
        assert_eq!(sqlite3(&delete, "PRAGMA journal_mode"), "delete");
        assert_eq!(sqlite3(&delete, SUM), expected);
        let dump = fetch(&cluster, follower, "fmt=sql&compress", &format!("dump{round}.sql.gz"));
        let restored = cluster.root.path().join(format!("restored{round}"));
        sqlite3(&restored, &format!(".read '|gzip -dc {}'", dump.display()));
        assert_eq!(sqlite3(&restored, SUM), expected);
        let odd = "SELECT quote(a), b, quote(c) FROM \"odd \"\"name\"; SELECT n FROM v";
        let odd = sqlite3(&restored, odd);
        assert_eq!(odd, format!("'it''s'|0.1|'it''sx'\nNULL|1.0e+300|NULL\n{rows}"));
        let next = "INSERT INTO t (filler) VALUES (1) RETURNING id";
        assert_eq!(sqlite3(&restored, next), (rows + 1).to_string());
    }
    let one = fetch(&cluster, leader, "fmt=sql&tables=v,odd%20%22name", "one.sql");
    let one = std::fs::read_to_string(one).unwrap();
    assert!(
        one.contains("INSERT INTO \"odd \"\"name\"(\"a\",\"b\") VALUES('it''s',0.1);"),
        "{one}"
    );
    assert!(!one.contains("TABLE t") && !one.contains("_eider_"), "{one}");
    cluster.stop_and_compare();
}

/// Writes at a steady rate until told to stop: how long the slowest took, and how many there were.
fn steady_writes(port: u16, rate: u64, stop: &AtomicBool) -> (Duration, u64) {
    let (mut slowest, mut count) = (Duration::ZERO, 0);
    let began = Instant::now();
    while !stop.load(Ordering::SeqCst) {
        let due = Duration::from_micros(count * 1_000_000 / rate);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        let sent = Instant::now();
        let body = r#"["INSERT INTO w (v) VALUES ('x')"]"#;
        let reply = request(port, "POST", "/db/execute", Some(body)).unwrap();
        assert!(reply.status == 200 && !reply.body.contains("\"error\""), "{reply:?}");
        slowest = slowest.max(sent.elapsed());
        count += 1;
    }
    (slowest, count)
}

/// Memory of a process that isn't shared with files, in KiB; `None` once it has ended.
pub fn private_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// `EIDER_BACKUP_MEGABYTES` sets how large the database is, `EIDER_BACKUP_WRITE_MS` how long a write may
/// take at the most while it is copied: 250 on a machine of its own.
#[test]
fn a_large_backup_holds_up_no_write() {
    if !has_program("sqlite3") || !has_program("curl") {
        return;
    }
    let megabytes = from_env("EIDER_BACKUP_MEGABYTES", 16);
    let write_max = Duration::from_millis(from_env("EIDER_BACKUP_WRITE_MS", 2000) as u64);
    let cluster = Cluster::start(3);
    let leader = cluster.leader();
    let made =
        json!(["CREATE TABLE t (id INTEGER PRIMARY KEY, filler BLOB)", "CREATE TABLE w (v TEXT)"]);
    cluster.nodes[leader].execute("/db/execute", &made);
    let fill = "INSERT INTO t (filler) WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n \
                WHERE n < 1000) SELECT randomblob(1000) FROM n";
    for _ in 0..megabytes {
        let reply = cluster.nodes[leader].execute("/db/execute", &json!([fill]));
        assert_eq!(reply["results"][0]["rows_affected"], json!(1000), "{reply}");
    }
    let stop = Arc::new(AtomicBool::new(false));
    let port = cluster.nodes[leader].http;
    let writers: Vec<_> = (0..5)
        .map(|_| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || steady_writes(port, 100, &stop))
        })
        .collect();
    let pid = cluster.nodes[leader].pid();
    let before = private_memory(pid).unwrap();
    let (watched, most) = (Arc::clone(&stop), Arc::new(AtomicU64::new(0)));
    let seen = Arc::clone(&most);
    let watcher = std::thread::spawn(move || {
        while !watched.load(Ordering::SeqCst) {
            seen.fetch_max(private_memory(pid).unwrap(), Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let began = Instant::now();
    let copy = fetch(&cluster, leader, "timeout=1h", "large");
    let took = began.elapsed();
    stop.store(true, Ordering::SeqCst);
    let written: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    watcher.join().unwrap();
    let slowest = written.iter().map(|(slowest, _)| *slowest).max().unwrap();
    let count: u64 = written.iter().map(|(_, count)| count).sum();
    let grown = most.load(Ordering::SeqCst).saturating_sub(before);
    println!(
        "{megabytes} MB copied in {took:.1?}; {count} writes meanwhile, the slowest took {slowest:?}; the \
         leader's memory grew by {grown} KiB"
    );
    assert_eq!(sqlite3(&copy, "SELECT count(*) FROM t"), (megabytes * 1000).to_string());
    assert_eq!(sqlite3(&copy, "PRAGMA integrity_check"), "ok");
    assert!(slowest < write_max, "a write took {slowest:?}");
    assert!(grown < 128 << 10, "memory grew by {grown} KiB");
}
