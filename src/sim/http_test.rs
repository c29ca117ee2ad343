//! The HTTP API over a real engine: one node, its own Raft log and SQLite files, in virtual time.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::json;

use crate::engine::{self, Engine, Incoming, Outgoing, Peers};
use crate::http::{Options, QueueOptions, TestClient, TestReply};
use crate::model::id::ClusterId;
use crate::model::member::Member;
use crate::peer::PeerError;
use crate::platform::clock;
use crate::platform::disk::{Disk, RealDisk};
use crate::platform::task;
use crate::raft::{self, Channel, Node, Transport, TransportError};
use crate::raftlog::{Flushing, Limits, RaftLog};
use crate::sim::process::{TIMING, member};
use crate::{sim, sqlite};

/// There is no other node.
#[derive(Debug)]
struct Alone;

impl Transport for Alone {
    fn call(
        &self,
        _: Member,
        _: Bytes,
        _: Duration,
    ) -> BoxFuture<'_, Result<Bytes, TransportError>> {
        Box::pin(async { Err(TransportError::Unreachable("alone".to_owned())) })
    }

    fn open(
        &self,
        _: Member,
        _: bool,
        _: Duration,
    ) -> BoxFuture<'_, Result<Box<dyn Channel>, TransportError>> {
        Box::pin(async { Err(TransportError::Unreachable("alone".to_owned())) })
    }
}

impl Peers for Alone {
    fn call(&self, _: &Member, _: Bytes, _: Duration) -> BoxFuture<'_, Result<Bytes, PeerError>> {
        Box::pin(async { Err(PeerError::Unreachable("alone".to_owned())) })
    }

    fn open(
        &self,
        _: &Member,
        _: Duration,
    ) -> BoxFuture<'_, Result<(Box<dyn Outgoing>, Box<dyn Incoming>), PeerError>> {
        Box::pin(async { Err(PeerError::Unreachable("alone".to_owned())) })
    }
}

fn engine_options(data_dir: &Path) -> engine::Options {
    engine::Options {
        data_dir: data_dir.to_owned(),
        sqlite: sqlite::Options {
            foreign_keys: false,
            extensions: Vec::new(),
            transaction_bytes_max: 64 << 20,
            cache_bytes: 8 << 20,
            readers_max: 8,
            deparse: None,
            value_bytes_max: 16 << 20,
            capturing: None,
        },
        entry_bytes_max: 1 << 20,
        queue_length_max: 100,
        result_bytes_max: 16 << 20,
        slow_statement: None,
    }
}

/// A node that is its whole cluster, and a client of its API.
async fn client(data_dir: &Path) -> TestClient {
    client_with(data_dir, |_| {}).await
}

pub(super) async fn client_with(data_dir: &Path, change: impl FnOnce(&mut Options)) -> TestClient {
    let me = member(1);
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let directory = data_dir.join("raft");
    let limits = Limits { segment_bytes: 1 << 20, cache_bytes: 1 << 20 };
    let log = RaftLog::open_with(disk.clone(), &directory, me.store, limits, Flushing::Manual);
    let log = log.unwrap();
    task::spawn(flush(log.clone()));
    let on_fault = |fault| panic!("{fault}");
    let engine = Engine::open(engine_options(data_dir), me.clone(), disk.clone(), None, on_fault);
    let engine = engine.unwrap();
    let node = Node::start(raft::Start {
        me: me.clone(),
        timing: TIMING,
        log,
        directory,
        disk,
        databases: engine.replica(),
        transport: Arc::new(Alone),
        log_bytes_max: 1 << 20,
        quarantine: false,
    });
    let node = node.await.unwrap();
    engine.attach(node.clone(), Alone);
    node.bootstrap(ClusterId([7; 16]), vec![me.clone()]).await.unwrap();
    while !engine.is_leader() {
        clock::sleep(Duration::from_millis(10)).await;
    }
    let mut options = http_options(data_dir, &me);
    change(&mut options);
    TestClient::new(engine, options)
}

/// What the API of a node without any flags is told.
pub(super) fn http_options(data_dir: &Path, me: &Member) -> Options {
    Options {
        data_dir: data_dir.to_owned(),
        node_name: me.name.clone(),
        http_addr: me.http_addr.clone(),
        raft_addr: me.raft_addr.clone(),
        heartbeat_timeout: Duration::from_millis(400),
        election_timeout: Duration::from_millis(400),
        reap_voters_after: Duration::ZERO,
        reap_read_only_after: Duration::ZERO,
        foreign_keys: false,
        extensions: Vec::new(),
        disco_mode: None,
        users: None,
        allow_origin: None,
        tls: None,
        queue: QueueOptions::default(),
        captures_changes: false,
        wants_vote: true,
        held: crate::platform::watch::channel(false).1,
    }
}

async fn flush(log: RaftLog) {
    loop {
        clock::sleep(Duration::from_millis(1)).await;
        log.flush();
    }
}

/// Runs a test against a node of its own.
fn with_node(test: impl AsyncFnOnce(&TestClient)) {
    let data_dir = tempfile::tempdir().unwrap();
    sim::run(1, async {
        let client = client(data_dir.path()).await;
        test(&client).await;
    });
}

impl TestClient {
    async fn post(&self, uri: &str, body: &str) -> String {
        let reply = self.send("POST", uri, "", body).await;
        assert_eq!(reply.status, 200, "{uri} {body}: {}", reply.body);
        reply.body
    }

    /// A write with an idempotency key.
    async fn keyed(&self, uri: &str, key: &str, body: &str) -> TestReply {
        self.send_with("POST", uri, &[("idempotency-key", key)], body).await
    }

    async fn get(&self, uri: &str) -> TestReply {
        self.send("GET", uri, "", "").await
    }

    async fn make_foo(&self) {
        let body =
            r#"["CREATE TABLE foo (id INTEGER NOT NULL PRIMARY KEY, name TEXT, age INTEGER)"]"#;
        assert_eq!(self.post("/db/execute", body).await, r#"{"results":[{}]}"#);
        let body = r#"[["INSERT INTO foo(name, age) VALUES(?, ?)","fiona",20]]"#;
        assert_eq!(
            self.post("/db/execute", body).await,
            r#"{"results":[{"last_insert_id":1,"rows_affected":1}]}"#
        );
    }
}

#[test]
fn statements_are_answered_as_clients_expect() {
    const COLUMNS: &str = r#""columns":["id","name","age"],"types":["integer","text","integer"]"#;
    with_node(async |client| {
        client.make_foo().await;
        let select = client.get("/db/query?q=SELECT%20*%20FROM%20foo").await;
        let fiona = format!(r#"{{"results":[{{{COLUMNS},"values":[[1,"fiona",20]]}}]}}"#);
        assert_eq!(select.body, fiona);
        assert_eq!(
            client.post("/db/query?associative", r#"["SELECT * FROM foo"]"#).await,
            r#"{"results":[{"types":{"age":"integer","id":"integer","name":"text"},"rows":[{"age":20,"id":1,"name":"fiona"}]}]}"#
        );
        let mixed = r#"[["INSERT INTO foo(name, age) VALUES(?,?)","bob",30],["SELECT * FROM foo"],["nonsense"]]"#;
        assert_eq!(
            client.post("/db/request", mixed).await,
            format!(
                r#"{{"results":[{{"last_insert_id":2,"rows_affected":1}},{{{COLUMNS},"values":[[1,"fiona",20],[2,"bob",30]]}},{{"error":"near \"nonsense\": syntax error"}}]}}"#
            )
        );
        let returning = r#"[["INSERT INTO foo(name) VALUES(?) RETURNING id, name","ann"]]"#;
        let ann = r#"{"results":[{"columns":["id","name"],"types":["integer","text"],"values":[[3,"ann"]]}]}"#;
        assert_eq!(client.post("/db/execute", returning).await, ann);
        assert_eq!(
            client.post("/db/query", r#"["INSERT INTO foo(name) VALUES('x')"]"#).await,
            r#"{"results":[{"error":"attempt to change database via query operation"}]}"#
        );
        for uri in ["/db/execute", "/db/request", "/db/query"] {
            assert_eq!(
                client.post(uri, r#"["PRAGMA journal_mode=DELETE"]"#).await,
                r#"{"results":[],"error":"disallowed pragma"}"#
            );
        }
        assert_eq!(
            client.post("/db/query", r#"["SELECT * FROM bar", ["SELECT ?", 1]]"#).await,
            r#"{"results":[{"error":"no such table: bar"},{"columns":["?"],"types":["integer"],"values":[[1]]}]}"#
        );
    });
}

/// The document without its sequence number, and the number.
fn numbered(body: &str) -> (serde_json::Value, u64) {
    let mut document: serde_json::Value = serde_json::from_str(body).unwrap();
    let number = document["sequence_number"].take().as_u64().unwrap();
    (document, number)
}

#[test]
fn queued_writes_are_numbered_and_written_in_their_order() {
    with_node(async |client| {
        client.make_foo().await;
        let quiet = json!({"results": [], "sequence_number": null});
        let insert = |id: u64| format!(r#"[["INSERT INTO foo(id, name) VALUES(?, ?)",{id},"q"]]"#);
        let mut last = 0;
        for id in 10..300 {
            let (document, number) = numbered(&client.post("/db/execute?queue", &insert(id)).await);
            assert_eq!(document, quiet);
            assert!(number > last, "{number} after {last}");
            last = number;
        }
        // An empty request that waits is a barrier.
        let (document, _) = numbered(&client.post("/db/execute?queue&wait", "[]").await);
        assert_eq!(document, quiet);
        let count = client.get("/db/query?q=SELECT%20count(*)%20FROM%20foo").await;
        assert!(count.body.contains(r#""values":[[291]]"#), "{}", count.body);
        // Who waits hears of its own failure, and nobody else's.
        let failing = r#"["INSERT INTO foo(id) VALUES(10)","INSERT INTO foo(id) VALUES(301)"]"#;
        let (document, _) = numbered(&client.post("/db/execute?queue&wait", failing).await);
        assert_eq!(document["error"], json!("UNIQUE constraint failed: foo.id"));
        let (document, _) = numbered(&client.post("/db/execute?queue&wait", &insert(302)).await);
        assert_eq!(document, quiet);
        let empty = client.send("POST", "/db/execute?queue", "", "[]").await;
        assert_eq!((empty.status, &*empty.body), (400, "no statements\n"));
        let broken = client.send("POST", "/db/execute?queue", "", "[").await;
        assert_eq!(broken.status, 400);
        let queue = client.get("/status?key=http.queue._default.max_size").await;
        assert_eq!(queue.body, "1024");
    });
}

#[test]
fn a_transaction_stands_or_falls_as_a_whole() {
    with_node(async |client| {
        client.post("/db/execute", r#"["CREATE TABLE foo (id INTEGER PRIMARY KEY)"]"#).await;
        let body = r#"["INSERT INTO foo(id) VALUES(1)","INSERT INTO foo(id) VALUES(1)","INSERT INTO foo(id) VALUES(2)"]"#;
        assert_eq!(
            client.post("/db/execute?transaction", body).await,
            r#"{"results":[{"last_insert_id":1,"rows_affected":1},{"error":"UNIQUE constraint failed: foo.id"}]}"#
        );
        let count = "/db/query?q=SELECT%20count(*)%20FROM%20foo";
        assert!(client.get(count).await.body.contains("[[0]]"));
        client.post("/db/execute", body).await;
        assert!(client.get(count).await.body.contains("[[2]]"));
    });
}

#[test]
fn only_what_writes_has_a_raft_index() {
    with_node(async |client| {
        client.make_foo().await;
        let insert =
            client.post("/db/execute?raft_index", r#"["INSERT INTO foo(name) VALUES('x')"]"#);
        let reply: serde_json::Value = serde_json::from_str(&insert.await).unwrap();
        assert!(reply["raft_index"].as_u64().unwrap() > 0, "{reply}");
        let select = client.post("/db/request?raft_index&timings", r#"["SELECT 1"]"#).await;
        let reply: serde_json::Value = serde_json::from_str(&select).unwrap();
        assert_eq!(reply.get("raft_index"), None);
        assert!(reply["results"][0]["values"] == json!([[1]]), "{reply}");
    });
}

#[test]
fn explain_and_plain_text_are_understood() {
    with_node(async |client| {
        client.make_foo().await;
        let select = client.post("/db/execute", r#"["SELECT * FROM foo"]"#).await;
        assert!(!select.contains("columns"), "{select}");
        let explain =
            client.post("/db/execute", r#"["EXPLAIN QUERY PLAN SELECT * FROM foo"]"#).await;
        assert!(explain.contains("SCAN foo"), "{explain}");
        let plain = "text/plain; charset=utf-8";
        let reply = client.send("POST", "/db/execute", plain, "DELETE FROM foo").await;
        assert_eq!(reply.body, r#"{"results":[{"last_insert_id":1,"rows_affected":1}]}"#);
        let reply = client.send("POST", "/db/query", plain, "SELECT x'53514C' AS b").await;
        let expected = r#"{"results":[{"columns":["b"],"types":["blob"],"values":[["U1FM"]]}]}"#;
        assert_eq!(reply.body, expected);
        let reply = client.send("POST", "/db/request", plain, "SELECT 1").await;
        assert_eq!((reply.status, reply.body.as_str()), (400, "invalid JSON body\n"));
    });
}

#[test]
fn every_level_reads_what_was_written() {
    with_node(async |client| {
        client.make_foo().await;
        for level in ["none", "weak", "auto", "linearizable", "lease", "strong"] {
            for uri in ["/db/query", "/db/request"] {
                for more in ["", "&transaction", "&freshness=1s"] {
                    let uri = format!("{uri}?level={level}{more}");
                    let body = client.post(&uri, r#"["SELECT name FROM foo"]"#).await;
                    assert!(body.contains("fiona"), "{uri}: {body}");
                }
            }
        }
    });
}

#[test]
fn a_large_result_comes_whole() {
    with_node(async |client| {
        let sql = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 50000) SELECT x, hex(x) FROM c";
        let body = client.post("/db/query", &json!([sql, "SELECT 1"]).to_string()).await;
        let reply: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(reply["results"][0]["values"].as_array().unwrap().len(), 50_000);
        assert_eq!(reply["results"][0]["values"][49_999], json!([50_000, "3530303030"]));
        assert_eq!(reply["results"][1]["values"], json!([[1]]));
    });
}

#[test]
fn an_error_after_the_first_part_is_in_the_document() {
    with_node(async |client| {
        let sql = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 50000) SELECT x, CASE WHEN x = 49999 THEN abs(-9223372036854775808) END FROM c";
        let body = client.post("/db/query", &json!([sql, "SELECT 1"]).to_string()).await;
        let reply: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert!(reply["results"][0]["values"].as_array().unwrap().len() > 10_000);
        assert_eq!(reply["results"][0]["error"], json!("integer overflow"));
        assert_eq!(reply["results"][1]["values"], json!([[1]]));
        let metrics = client.get("/metrics").await.body;
        assert!(metrics.contains("\neider_statements_failed_total 1\n"), "{metrics}");
        let infinite = client.send("POST", "/db/query", "", r#"["SELECT 9e999"]"#).await;
        assert_eq!(infinite.status, 500);
    });
}

#[test]
fn requests_that_cannot_be_run_are_refused() {
    with_node(async |client| {
        for (method, uri, body, status, text) in [
            ("POST", "/db/execute", "[]", 400, "no statements\n"),
            ("POST", "/db/execute", "{}", 400, "invalid request\n"),
            ("POST", "/db/query", "[", 400, "invalid JSON body\n"),
            ("GET", "/db/query?q=", "", 400, "query parameter not set\n"),
            ("GET", "/db/query?timeout=1", "", 400, "timeout is not a valid duration\n"),
            ("GET", "/db/query?db=x&q=SELECT%201", "", 404, "database \"x\" does not exist\n"),
            ("GET", "/nowhere", "", 404, ""),
            ("GET", "/db/execute", "", 405, ""),
            ("GET", "/db/load", "", 405, ""),
            ("GET", "/boot", "", 405, ""),
            ("POST", "/licenses", "", 405, ""),
            ("GET", "/db/sql", "", 400, "query not specified\n"),
            (
                "POST",
                "/snapshot?trailing_logs=x",
                "",
                400,
                "trailing_logs is not a valid integer\n",
            ),
            ("POST", "/boot", "SQLite format 3", 503, "the file is too short\n"),
            (
                "POST",
                "/boot",
                "forty bytes that are not a SQLite database",
                400,
                "invalid SQLite data\n",
            ),
            ("DELETE", "/remove", "{}", 400, ""),
            ("OPTIONS", "/nowhere", "", 200, ""),
            ("GET", "/db/query", "", 200, "{\"results\":[]}"),
        ] {
            let reply = client.send(method, uri, "", body).await;
            assert_eq!((reply.status, reply.body.as_str()), (status, text), "{method} {uri}");
            assert!(reply.headers.contains_key("x-rqlite-version"), "{method} {uri}");
        }
    });
}

#[test]
fn a_node_tells_about_itself() {
    with_node(async |client| {
        client.make_foo().await;
        let ready = client.get("/readyz?sync").await;
        let lines = "[+]node ok\n[+]leader ok\n[+]store ok\n[+]sync ok\n[+]db ok";
        assert_eq!((ready.status, ready.body.as_str()), (200, lines));
        assert_eq!(client.get("/readyz?noleader").await.body, "[+]node ok");
        let nodes: serde_json::Value =
            serde_json::from_str(&client.get("/nodes").await.body).unwrap();
        assert_eq!(nodes["n1"]["api_addr"], json!("http://node1:4001"));
        assert_eq!(nodes["n1"]["leader"], json!(true));
        let nodes: serde_json::Value =
            serde_json::from_str(&client.get("/nodes?ver=2").await.body).unwrap();
        assert_eq!(nodes["nodes"][0]["id"], json!("n1"));
        assert_eq!(client.get("/status?key=store.raft.state").await.body, "\"Leader\"");
        assert_eq!(client.get("/status?key=store.leader.node_id").await.body, "\"n1\"");
        assert_eq!(client.get("/status?key=nothing").await.body, "{}");
        let status: serde_json::Value =
            serde_json::from_str(&client.get("/status").await.body).unwrap();
        let at = |path: &str| status.pointer(path).unwrap_or_else(|| panic!("{path}: {status}"));
        for path in [
            "/build/version",
            "/build/commit",
            "/os/ppid",
            "/os/page_size",
            "/os/hostname",
            "/runtime/GOMAXPROCS",
            "/http/cluster/timeout",
            "/cluster/api_addr",
            "/store/open",
            "/store/fsm_term",
            "/store/heartbeat_timeout",
            "/store/dir_size_friendly",
            "/store/raft/last_log_term",
            "/store/raft/last_snapshot_term",
            "/store/raft/log_size",
            "/store/sqlite3/version",
            "/store/sqlite3/compile_options/0",
            "/store/sqlite3/mem_stats/page_count",
            "/store/sqlite3/db_size_friendly",
        ] {
            at(path);
        }
        assert_eq!(at("/store/sqlite3/mem_stats/page_size"), &json!(4096));
        let configuration = json!("[{Suffrage:Voter ID:n1 Address:node1:4002}]");
        assert_eq!(at("/store/raft/latest_configuration"), &configuration);
        assert_eq!(at("/store/db_conf"), &json!({"fk_constraints": false}));
        let moved = client.send("POST", "/leader", "application/json", r#"{"id":"nobody"}"#).await;
        assert_eq!(moved.status, 500);
        assert!(moved.body.starts_with("stepdown: "), "{}", moved.body);
    });
}

#[test]
fn a_dump_is_loaded_as_one_transaction() {
    with_node(async |client| {
        let dump = "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE foo (id INTEGER PRIMARY KEY, name TEXT);\n\
                    INSERT INTO foo VALUES(1,'a;b'); INSERT INTO foo VALUES(5,'c');\n\
                    CREATE TRIGGER t AFTER INSERT ON foo BEGIN SELECT 1; END;\nCOMMIT;\n";
        assert_eq!(client.post("/db/load", dump).await, r#"{"results":[{"last_insert_id":5}]}"#);
        let rows = client.get("/db/query?q=SELECT%20*%20FROM%20foo").await.body;
        assert!(rows.contains(r#""values":[[1,"a;b"],[5,"c"]]"#), "{rows}");
        let last = "INSERT INTO foo VALUES(7,'x')";
        let loaded = client.send("POST", "/db/load?timings", "", last).await;
        assert!(
            loaded
                .body
                .starts_with(r#"{"results":[{"last_insert_id":7,"rows_affected":1}],"time":"#)
        );
        assert_eq!(loaded.headers["x-rqlite-served-by"], "node1:4001");
        let broken =
            "INSERT INTO foo VALUES(8,'x'); INSERT INTO foo VALUES(7,'x'); DROP TABLE foo;";
        assert_eq!(
            client.post("/db/load", broken).await,
            r#"{"results":[{"error":"UNIQUE constraint failed: foo.id"}]}"#
        );
        let count = client.get("/db/query?q=SELECT%20count(*)%20FROM%20foo").await.body;
        assert!(count.contains("[[3]]"), "{count}");
        assert_eq!(client.post("/db/load", "").await, r#"{"results":[]}"#);
        let refused = client.post("/db/load", "ROLLBACK;").await;
        assert!(refused.contains("ROLLBACK"), "{refused}");
        assert_eq!(
            client.post("/db/load", "SQLite format 3\0 and so on").await,
            r#"{"results":[],"error":"invalid SQLite data: the file is too short"}"#
        );
    });
}

#[test]
fn statements_are_run_as_they_are() {
    with_node(async |client| {
        let sql = "INSERT INTO foo(n) VALUES(random())";
        assert_eq!(
            client.get("/db/sql?q=INSERT%20INTO%20foo(n)%20VALUES(random())").await.body,
            format!(r#"{{"results":[{{"original":"{sql}","rewritten":"{sql}"}}]}}"#)
        );
        assert_eq!(
            client.post("/db/sql", r#"["SELEC 1", ["SELECT ?", 1]]"#).await,
            r#"{"results":[{"original":"SELEC 1","error":"near \"SELEC\": syntax error"},{"original":"SELECT ?","rewritten":"SELECT ?"}]}"#
        );
    });
}

#[test]
fn snapshots_and_reaping_say_whether_there_was_something_to_do() {
    with_node(async |client| {
        client.make_foo().await;
        let made = client.send("POST", "/snapshot", "", "").await;
        assert_eq!((made.status, made.body.as_str()), (200, ""));
        assert_eq!(client.send("POST", "/snapshot", "", "").await.status, 204);
        client.post("/db/execute", r#"["DELETE FROM foo"]"#).await;
        assert_eq!(client.send("POST", "/snapshot?trailing_logs=1", "", "").await.status, 200);
        let purged = client.get("/status?key=store.raft.purged_index").await.body;
        let snapshot = client.get("/status?key=store.raft.last_snapshot_index").await.body;
        assert_eq!(purged.parse::<u64>().unwrap() + 1, snapshot.parse::<u64>().unwrap());
        let reaped = client.send("POST", "/reap", "", "").await;
        assert_eq!(reaped.body, "{\"snapshots_reaped\":0,\"wals_checkpointed\":1}\n");
        assert_eq!(reaped.headers["content-type"], "application/json; charset=utf-8");
    });
}

#[test]
fn counters_are_told_in_go_form() {
    with_node(async |client| {
        client.make_foo().await;
        client.get("/db/query?q=SELECT%201").await;
        client.post("/db/request", r#"["SELECT * FROM nowhere"]"#).await;
        client.send("POST", "/snapshot", "", "").await;
        let vars = client.get("/debug/vars").await.body;
        assert!(vars.starts_with("{\n\"cdc.service\": {") && vars.ends_with("\n}\n"), "{vars}");
        let document: serde_json::Value = serde_json::from_str(&vars).unwrap();
        assert_eq!(document["http"]["executions"], json!(2));
        assert_eq!(document["http"]["queries"], json!(1));
        assert_eq!(document["http"]["requests"], json!(1));
        assert_eq!(document["http"]["user_snapshots"], json!(1));
        assert_eq!(document["db"]["execution_errors"], json!(1));
        // Nothing of this runs here: which there are is what matters.
        let names = |map: &str| -> Vec<&str> {
            document[map].as_object().unwrap().keys().map(String::as_str).collect()
        };
        let maps: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
        let sorted = [
            "cdc.service",
            "cluster",
            "cmdline",
            "db",
            "downloader",
            "http",
            "proxy",
            "queue",
            "store",
            "uploader",
        ];
        assert_eq!(maps, sorted);
        assert_eq!(names("uploader")[..2], ["num_uploads_ok", "num_uploads_fail"]);
        assert_eq!(names("uploader")[2..4], ["num_uploads_skipped", "num_uploads_skipped_id"]);
        assert_eq!(names("cluster"), ["num_join_req", "num_notify_req"]);
        let one = client.get("/debug/vars?key=store").await.body;
        let store = "{\"num_ignored_joins\":0,\"num_joins\":0,\"num_removed_before_joins\":0,\"num_restores\":0,\"num_snapshots\":1}";
        assert_eq!(one, format!("{{\n\"store\": {store}\n}}\n"));
        assert_eq!(client.get("/debug/vars?key=nothing").await.body, "{\n\n}\n");
        let licenses = client.get("/licenses").await;
        assert_eq!(licenses.headers["content-type"], "text/plain; charset=utf-8");
        assert!(licenses.body.contains("Apache-2.0") && licenses.body.contains("openraft"));
    });
}

#[test]
fn a_write_with_a_key_is_done_once() {
    with_node(async |client| {
        client.make_foo().await;
        let insert = r#"[["INSERT INTO foo(name) VALUES(?) RETURNING id, name","x"],"nonsense"]"#;
        let first = client.keyed("/db/execute?raft_index", "k1", insert).await;
        assert!(first.body.contains(r#""values":[[2,"x"]]},{"error":"#), "{}", first.body);
        assert!(
            first.body.contains("raft_index")
                && !first.headers.contains_key("idempotency-replayed")
        );
        for uri in ["/db/execute", "/db/request"] {
            let again = client.keyed(uri, "k1", insert).await;
            let (answer, _) = first.body.split_once("],\"raft_index").unwrap();
            assert_eq!(again.body, format!("{answer}]}}"));
            assert_eq!(again.headers["idempotency-replayed"], "true");
        }
        // The same answer in another form.
        let again = client.keyed("/db/execute?associative", "k1", insert).await;
        assert!(again.body.contains(r#""rows":[{"id":2,"name":"x"}]"#), "{}", again.body);
        let other = client.keyed("/db/execute", "k1", r#"["DELETE FROM foo"]"#).await;
        let used = "the idempotency key was used for another request\n";
        assert_eq!((other.status, other.body.as_str()), (422, used));
        let other = client.keyed("/db/execute?transaction", "k1", insert).await;
        assert_eq!(other.status, 422);
        // A transaction that failed stays failed.
        let failing = r#"["INSERT INTO foo(id) VALUES(9)","INSERT INTO foo(id) VALUES(1)"]"#;
        let failed = client.keyed("/db/execute?transaction", "k2", failing).await;
        assert!(failed.body.contains("UNIQUE constraint failed: foo.id"));
        client.post("/db/execute", r#"["DELETE FROM foo WHERE id = 1"]"#).await;
        assert_eq!(client.keyed("/db/execute?transaction", "k2", failing).await.body, failed.body);
        let rows = client.get("/db/query?q=SELECT%20id%20FROM%20foo").await.body;
        assert!(rows.contains(r#""values":[[2]]"#), "{rows}");
    });
}

#[test]
fn what_cannot_be_remembered_is_not_done() {
    with_node(async |client| {
        client.make_foo().await;
        let large = r#"["INSERT INTO foo(name) VALUES(hex(zeroblob(40000))) RETURNING name"]"#;
        let refused = client.keyed("/db/execute", "k", large).await;
        assert!(refused.body.contains("the answer is larger than 65536 bytes"), "{}", refused.body);
        let count = client.get("/db/query?q=SELECT%20count(*)%20FROM%20foo").await.body;
        assert!(count.contains("[[1]]"), "{count}");
        let wrong = client.keyed("/db/execute", &"k".repeat(256), "[\"SELECT 1\"]").await;
        assert_eq!(wrong.status, 400);
        let queued = client.keyed("/db/execute?queue", "k", "[\"DELETE FROM foo\"]").await;
        assert_eq!(
            (queued.status, &*queued.body),
            (400, "a queued write can't have an Idempotency-Key\n")
        );
    });
}

#[test]
fn old_answers_are_forgotten() {
    with_node(async |client| {
        client.make_foo().await;
        let insert = r#"["INSERT INTO foo(name) VALUES('x')"]"#;
        let count = async || {
            let body =
                client.get("/db/query?q=SELECT%20count(*)%20FROM%20_eider_answer").await.body;
            body.split_once("[[").unwrap().1.split_once("]]").unwrap().0.parse::<usize>().unwrap()
        };
        for number in 0..20 {
            client.keyed("/db/execute", &format!("k{number}"), insert).await;
        }
        assert_eq!(count().await, 20);
        clock::sleep(Duration::from_hours(2)).await;
        for number in 20..30 {
            client.keyed("/db/execute", &format!("k{number}"), insert).await;
        }
        assert_eq!(count().await, 10);
        let again = client.keyed("/db/execute", "k3", insert).await;
        assert!(!again.headers.contains_key("idempotency-replayed"), "{}", again.body);
    });
}

#[test]
fn every_metric_is_explained() {
    with_node(async |client| {
        client.make_foo().await;
        client.get("/db/query?q=SELECT%20nothing").await;
        let page = client.get("/metrics").await;
        assert_eq!(page.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        let manual = include_str!("../../docs/operations/metrics.md");
        let mut names = 0;
        for line in page.body.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').unwrap();
            assert!(manual.contains(&format!("| `{name}` | {kind} |")), "{name} is not explained");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
            names += 1;
        }
        assert_eq!(names, manual.matches("\n| `eider_").count(), "the manual has others");
        for line in [
            "eider_raft_is_leader 1",
            "eider_raft_members{kind=\"voter\"} 1",
            "eider_database_transactions_total{database=\"postgres\"} 2",
            "eider_statements_total 3",
            "eider_statements_failed_total 1",
            "eider_http_requests_total{endpoint=\"execute\"} 2",
        ] {
            assert!(page.body.lines().any(|found| found == line), "{line}\n{}", page.body);
        }
    });
}

#[test]
fn with_users_each_endpoint_wants_its_permission() {
    let file = r#"[{"username":"bob","password":"secret1","perms":["all"]},
        {"username":"mary","password":"secret2","perms":["query","status"]},
        {"username":"*","perms":["ready"]}]"#;
    let users = crate::auth::Users::parse(file).unwrap();
    let data_dir = tempfile::tempdir().unwrap();
    sim::run(1, async {
        let change = |options: &mut Options| {
            options.users = Some(Arc::new(users));
            options.allow_origin = Some("https://example.org".to_owned());
        };
        let client = client_with(data_dir.path(), change).await;
        let send = async |method: &str, uri: &str, user: &str, body: &str| {
            let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, user);
            let value = format!("Basic {encoded}");
            let headers = [("authorization", value.as_str())];
            let headers = if user.is_empty() { &headers[..0] } else { &headers[..] };
            client.send_with(method, uri, headers, body).await
        };
        for (method, uri, status_of_mary) in [
            ("POST", "/db/execute", 401),
            ("POST", "/db/query", 400),
            ("POST", "/db/request", 401),
            ("GET", "/db/sql", 400),
            ("GET", "/db/backup?fmt=sql", 401),
            ("POST", "/db/load", 401),
            ("POST", "/boot", 401),
            ("POST", "/snapshot", 401),
            ("POST", "/reap", 401),
            ("DELETE", "/remove", 401),
            ("GET", "/leader", 401),
            ("GET", "/status", 200),
            ("GET", "/nodes", 200),
            ("GET", "/licenses", 200),
            ("GET", "/debug/vars", 200),
            ("GET", "/metrics", 200),
            ("GET", "/nowhere", 404),
            ("PUT", "/db/execute", 401),
            ("PUT", "/db/query", 405),
        ] {
            assert_eq!(send(method, uri, "mary:secret2", "").await.status, status_of_mary, "{uri}");
            if status_of_mary != 404 {
                let refused = send(method, uri, "", "").await;
                assert_eq!((refused.status, refused.body.as_str()), (401, ""), "{uri}");
                assert_eq!(send(method, uri, "mary:secret1", "").await.status, 401, "{uri}");
                assert_ne!(send(method, uri, "bob:secret1", "").await.status, 401, "{uri}");
            }
        }
        let ready = send("GET", "/readyz", "", "").await;
        assert_eq!(ready.status, 200);
        assert_eq!(ready.headers["www-authenticate"], "Basic realm=\"rqlite\"");
        assert_eq!(ready.headers["access-control-allow-headers"], "Content-Type, Authorization");
        assert_eq!(ready.headers["access-control-allow-credentials"], "true");
        assert_eq!(ready.headers["access-control-allow-origin"], "https://example.org");
        assert_eq!(send("OPTIONS", "/db/execute", "", "").await.status, 200);
        let page = [("sec-fetch-site", "cross-site"), ("origin", "https://other.example")];
        let refused = client.send_with("POST", "/db/execute", &page, "[]").await;
        assert_eq!(refused.status, 403, "{}", refused.body);
        assert!(refused.body.contains("-http-allow-origin"), "{}", refused.body);
        let page = [page[0], ("origin", "https://example.org")];
        assert_eq!(client.send_with("POST", "/db/execute", &page, "[]").await.status, 401);
        let auth = send("GET", "/status?key=http.auth", "mary:secret2", "").await;
        assert_eq!(auth.body, "\"enabled\"");
        // The console's page holds nothing.
        assert_eq!(send("GET", "/console/", "", "").await.status, 200);
    });
}

#[test]
fn what_only_this_api_tells_is_told_on_request() {
    with_node(async |client| {
        client.make_foo().await;
        let wrong = r#"["SELECT 'ü', nam FROM foo"]"#;
        let plain = client.post("/db/query", wrong).await;
        assert_eq!(plain, r#"{"results":[{"error":"no such column: nam"}]}"#);
        for path in ["/db/query", "/db/request"] {
            let told = client.post(&format!("{path}?error_details"), wrong).await;
            let expected = r#"{"error":"no such column: nam","code":"42703","position":13}"#;
            assert_eq!(told, format!("{{\"results\":[{expected}]}}"));
        }
        let twice = r#"["INSERT INTO foo(id) VALUES(1)"]"#;
        let told = client.post("/db/execute?error_details", twice).await;
        assert!(told.contains(r#""code":"23505"}"#), "{told}");
        let nodes = client.get("/nodes?ver=2&details").await.body;
        for field in ["\"eider_version\":\"v", "\"state\":\"Leader\"", "\"applied_index\":"] {
            assert!(nodes.contains(field), "{nodes}");
        }
        assert!(!client.get("/nodes?ver=2").await.body.contains("applied_index"));
    });
}
