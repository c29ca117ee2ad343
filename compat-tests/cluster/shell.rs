//! The shell from a pipe, `eider backup`, `restore` and `verify`.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};

use serde_json::json;

use crate::support::{Cluster, binary};

/// Runs `eider` with these arguments at a node, and what goes to its standard input.
fn eider(cluster: &Cluster, place: usize, arguments: &[&str], input: &str) -> Output {
    let host = format!("127.0.0.1:{}", cluster.nodes[place].http);
    let mut child = Command::new(binary())
        .args([arguments[0], "--host", &host])
        .args(&arguments[1..])
        .current_dir(cluster.root.path())
        .env_remove("EIDER_USER")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// As [`eider`]: whether it succeeded, and what it said.
fn said(cluster: &Cluster, place: usize, arguments: &[&str], input: &str) -> (bool, String) {
    let output = eider(cluster, place, arguments, input);
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

const SCRIPT: &str = "\
CREATE TABLE foo (id INTEGER PRIMARY KEY,
  name TEXT)
INSERT INTO foo(name) VALUES('it''s
two lines')
.mode line
SELECT * FROM foo
.tables
.mode csv
SELECT name, NULL AS n FROM foo
.consistency strong
.consistency
.dump foo.sql foo
.backup foo.db
DELETE FROM foo
.restore foo.db
SELECT count(*) AS n FROM foo
DROP TABLE foo
.restore foo.sql
.snapshot
.reap
.expvar queue
.ready
";

#[test]
fn a_script_is_run_from_a_pipe() {
    let cluster = Cluster::start(1);
    let (done, text) = said(&cluster, 0, &["shell"], SCRIPT);
    assert!(done, "{text}");
    let expected = "\
0 rows affected
1 row affected
  id = 1
name = it's\\ntwo lines
name = foo
name,n
\"it's
two lines\",NULL
strong
SQL text file written successfully
backup file written successfully
1 row affected
Database restored successfully.
n
1
0 rows affected
last inserted ID: 1
rows affected: 1
Database restored successfully.
snapshots reaped: 0, WALs checkpointed: 1
queue:
";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.ends_with("ready\n"), "{text}");
    let (done, text) =
        said(&cluster, 0, &["shell"], "SELECT 1 AS a\nnonsense\n.nothing\nSELECT (1\n");
    assert!(!done && text.contains("| a |"), "{text}");
    for part in [
        "Error: near \"nonsense\": syntax error",
        "ERR! unknown command .nothing",
        "Error: incomplete input",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (done, text) = said(&cluster, 0, &["shell"], ".read nowhere\n.exit\nnever run");
    assert!(!done && text.contains("nowhere") && !text.contains("never"), "{text}");
}

/// Commands that show or set something, and all that they print.
const SETTINGS: &str = "\
.changes
.changes on
create table foo (id integer primary key, name text, b blob)
insert into foo(name, b) values('a', x'0102')
insert into foo(name) values('b'), ('c')
.changes off
.blobarray on
select * from foo where id < 3
.blobarray off
select b from foo where id = 1
select * from foo where id = 9
create index foo_name on foo(name)
.schema
.indexes
.mode json
.MODE
select id, name, b from foo where id = 2
.mode column
.forcewrites on
update foo set name = 'z' where id = 9
.forcewrites off
.timer on
.timer
.timer off
.consistency
.show
.extensions
.status store.raft.state
.status store.leader
.expvar downloader
.remove nobody
.sysdump dump.txt
.output rows.txt
select 1
.output
.quit
never run
";

const SETTINGS_SHOWN: &str = "\
off
0 rows affected
last insert ID: 0
1 row affected
last insert ID: 1
2 rows affected
last insert ID: 3
+----+------+-------+
| id | name | b     |
+----+------+-------+
| 1  | a    | [1,2] |
+----+------+-------+
| 2  | b    | <nil> |
+----+------+-------+
+------+
| b    |
+------+
| AQI= |
+------+
+----+------+---+
| id | name | b |
+----+------+---+
0 rows affected
+--------------------------------------------------------------+
| sql                                                          |
+--------------------------------------------------------------+
| CREATE TABLE foo (id integer primary key, name text, b blob) |
+--------------------------------------------------------------+
+------------------------------------+
| sql                                |
+------------------------------------+
| CREATE INDEX foo_name on foo(name) |
+------------------------------------+
json
[
  {
    \"id\": 2,
    \"name\": \"b\",
    \"b\": null
  }
]
0 rows affected
on
weak
blobarray: off
changes: off
consistency: weak
forcewrites: off
mode: column
output: screen
timer: off
Follower
addr: ADDRESS
node_id: LEADER
downloader:
  num_downloads_fail: 0
  num_downloads_ok: 0
";

#[test]
fn commands_show_and_set_what_they_name() {
    let cluster = Cluster::start(3);
    let follower = cluster.follower();
    let (done, text) = said(&cluster, follower, &["shell"], SETTINGS);
    let leader = &cluster.nodes[cluster.leader()];
    let expected = SETTINGS_SHOWN
        .replace("ADDRESS", &format!("127.0.0.1:{}", leader.raft))
        .replace("LEADER", &leader.name);
    assert!(done);
    assert_eq!(text, expected);
    let written = |name: &str| std::fs::read_to_string(cluster.root.path().join(name)).unwrap();
    assert_eq!(written("rows.txt"), "+---+\n| 1 |\n+---+\n| 1 |\n+---+\n");
    let dump = written("dump.txt");
    for node in &cluster.nodes {
        for path in ["/status?pretty", "/nodes?nonvoters&pretty", "/readyz", "/debug/vars"] {
            let head = format!("===== http://127.0.0.1:{}{path}\n", node.http);
            assert_eq!(dump.matches(&head).count(), 1, "{head}: {dump}");
        }
    }
    assert_eq!(dump.matches("\"node_id\": \"1\"").count(), if leader.name == "1" { 4 } else { 1 });
    // To whom leadership goes may be said.
    let to = cluster.nodes[follower].name.clone();
    let (done, text) = said(&cluster, follower, &["shell"], &format!(".stepdown {to}\n.leader\n"));
    assert!(done && text.contains(&format!("\nid: {to}\nleader: true\n")), "{text}");
    // A node that isn't there, in place of whom another one is asked.
    let unused = crate::support::free_port();
    let also = format!("127.0.0.1:{}", cluster.nodes[0].http);
    let asked = |arguments: &[&str], variable: &str| {
        let mut command = Command::new(binary());
        let command = command.args(arguments).env("RQLITE_HOST", variable).env_remove("EIDER_HOST");
        command.stdin(Stdio::null()).output().unwrap()
    };
    let output = asked(&["shell", "-p", &unused.to_string(), "-a", &also], "");
    assert!(output.status.success(), "{output:?}");
    let output = asked(&["shell"], &format!("http://{also}"));
    assert!(output.status.success(), "{output:?}");
    let output = asked(&["shell", "-p", &unused.to_string()], "");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("no connection to"), "{text}");
}

#[test]
fn a_backup_is_restored_and_all_nodes_are_equal() {
    let mut cluster = Cluster::start(3);
    let fill = json!([
        "CREATE TABLE t (id INTEGER PRIMARY KEY, filler BLOB)",
        "INSERT INTO t (filler) WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n \
         WHERE n < 2000) SELECT randomblob(500) FROM n"
    ]);
    let follower = cluster.follower();
    cluster.nodes[follower].execute("/db/execute", &fill);
    for (options, name) in [
        (&["backup"][..], "plain.db"),
        (&["backup", "--compress", "--vacuum"], "packed.db.gz"),
        (&["backup", "--format", "sql", "--compress"], "t.sql.gz"),
    ] {
        let arguments = [options, &[name]].concat();
        let (done, text) = said(&cluster, follower, &arguments, "");
        assert!(done && text.starts_with(&format!("{name}: ")), "{text}");
        cluster.nodes[0].execute("/db/execute", &json!(["DROP TABLE t"]));
        let (done, text) = said(&cluster, follower, &["restore", name], "");
        assert!(done && text == format!("{name} is restored.\n"), "{text}");
        let query = "/db/query?q=SELECT%20count(*)%20FROM%20t";
        assert_eq!(cluster.nodes[0].json(query)["results"][0]["values"], json!([[2000]]));
    }
    let (done, text) = said(&cluster, follower, &["restore", "t.sql.gz"], "");
    assert!(!done && text.contains("table t already exists"), "{text}");
    for place in 0..3 {
        let (done, text) = said(&cluster, place, &["verify"], "");
        assert!(done && text.ends_with(": equal\n"), "{text}");
        let hashes: Vec<&str> =
            text.lines().skip(1).take(3).map(|line| &line[line.len() - 16..]).collect();
        assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{text}");
    }
    let other = (0..3).find(|place| ![follower, cluster.leader()].contains(place)).unwrap();
    cluster.nodes[other].kill();
    let (done, text) = said(&cluster, follower, &["verify"], "");
    assert!(!done && text.contains("can't be reached") && text.ends_with("NOT EQUAL\n"), "{text}");
    cluster.nodes[other].start();
    cluster.nodes[other].wait_ready();
    let (done, text) = said(&cluster, follower, &["backup", "--format", "tar", "x"], "");
    assert!(!done && text.contains("-format must be"), "{text}");
    assert!(!cluster.root.path().join("x.part").exists());
    cluster.stop_and_compare();
}

/// A proxy that has a node's paths below `/eider`. Returns its port.
fn proxy(node: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                let mut byte = [0];
                if client.read_exact(&mut byte).is_err() {
                    break;
                }
                line.push(byte[0]);
            }
            let line = String::from_utf8(line).unwrap();
            // What doesn't begin as it should gets no answer.
            let Some((method, rest)) = line.split_once(" /eider/") else { continue };
            let mut upstream = TcpStream::connect(("127.0.0.1", node)).unwrap();
            write!(upstream, "{method} /{rest}").unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut upstream, &mut client);
                let _ = client.shutdown(Shutdown::Both);
            });
        }
    });
    port
}

#[test]
fn where_the_node_is_can_be_said_in_rqlites_ways() {
    let cluster = Cluster::start(1);
    let node = cluster.nodes[0].http;
    let shell = |arguments: &[&str], input: &str| {
        let arguments = [&["shell"], arguments].concat();
        let mut child = Command::new(binary())
            .args(arguments)
            .current_dir(cluster.root.path())
            .env("RQLITE_HOST", "http://127.0.0.1:1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let (port, behind) = (node.to_string(), proxy(node).to_string());
    assert_eq!(shell(&["-s", "http", "-p", &port], ".ready\n"), "ready\n");
    let encrypted = shell(&["-s", "https", "-p", &port, "-i"], ".ready\n");
    assert!(encrypted.contains("TLS: "), "{encrypted}");
    let unknown = shell(&["-s", "ftp", "-p", &port], "");
    assert!(unknown.contains("\"ftp\" is neither http nor https"), "{unknown}");
    assert!(shell(&["-v"], "").starts_with("eider "));
    let script = "CREATE TABLE t (a)\nINSERT INTO t VALUES (7)\n.backup b.db\n.restore b.db\n\
                  .mode csv\nSELECT a FROM t\n";
    let answers = "0 rows affected\n1 row affected\nbackup file written successfully\n\
                   Database restored successfully.\na\n7\n";
    for prefix in ["/eider/", "/eider", "eider"] {
        let said = shell(&["-p", &behind, "-P", prefix], script);
        assert_eq!(said, answers, "{prefix}");
        shell(&["-p", &port], "DROP TABLE t\n");
    }
}
