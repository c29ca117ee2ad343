//! Backups over HTTP: other programs open them, while writes go on.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::support::{Cluster, has_program};

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
