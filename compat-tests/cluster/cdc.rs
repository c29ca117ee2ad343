//! Change data capture: a webhook hears of every change at least once and in order, whatever happens to
//! the leaders or to itself; a feed of events goes on where it was left, on any node.
//!
//! `EIDER_CDC_CHANGES` sets how many changes are made while leaders are killed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Cluster, PATIENCE, Reply, from_env, request, wait_for};

/// What a webhook has heard.
#[derive(Default)]
struct Heard {
    /// Every event once, in order.
    events: Vec<Value>,
    /// Deliveries of events that it knew.
    repeated: usize,
    requests: usize,
}

/// An HTTP server that takes what is sent to it.
struct Webhook {
    port: u16,
    heard: Arc<Mutex<Heard>>,
    /// Answered with a 500 instead, so many times; every second one after it has taken them.
    failures: Arc<AtomicUsize>,
    /// Waits so long with the answer, in milliseconds, once.
    pause: Arc<AtomicU64>,
}

impl Webhook {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let webhook = Self {
            port: listener.local_addr().unwrap().port(),
            heard: Arc::default(),
            failures: Arc::default(),
            pause: Arc::default(),
        };
        let (heard, failures) = (webhook.heard.clone(), webhook.failures.clone());
        let pause = webhook.pause.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (heard, failures) = (heard.clone(), failures.clone());
                let pause = pause.clone();
                // A leader that is killed leaves its connection half-way.
                std::thread::spawn(move || answer(stream.ok()?, &heard, &failures, &pause));
            }
        });
        webhook
    }

    fn config(&self, root: &Path, more: &Value) -> PathBuf {
        let mut config = json!({
            "endpoint": format!("http://127.0.0.1:{}/cdc", self.port), "service_id": "s1",
            "max_batch_size": 200, "max_batch_delay": "5ms", "high_watermark_interval": "100ms",
            "transmit_timeout": "2s", "transmit_min_backoff": "10ms",
            "transmit_max_backoff": "100ms"
        });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let path = root.join("cdc.json");
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }

    fn positions(&self) -> usize {
        self.heard.lock().unwrap().events.len()
    }
}

fn answer(
    mut stream: TcpStream,
    heard: &Mutex<Heard>,
    failures: &AtomicUsize,
    pause: &AtomicU64,
) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).ok()? > 2 {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let failing =
        failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    std::thread::sleep(Duration::from_millis(pause.swap(0, Ordering::SeqCst)));
    if failing.is_err() || failing.is_ok_and(|left| left % 2 == 0) {
        hear(&serde_json::from_slice(&body).unwrap(), &mut heard.lock().unwrap());
    }
    let status = if failing.is_ok() { "500 no" } else { "202 Accepted" };
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok()
}

/// Takes a delivery. What is new in it must be what follows.
fn hear(document: &Value, heard: &mut Heard) {
    heard.requests += 1;
    assert_eq!(document["service_id"], "s1");
    for group in document["payload"].as_array().unwrap() {
        assert!(group["commit_timestamp"].as_u64().unwrap() > 1_600_000_000_000);
        for event in group["events"].as_array().unwrap() {
            let position = event["position"].as_u64().unwrap() as usize;
            let known = heard.events.len();
            assert!(position <= known + 1, "change {position} after {known}");
            if position == known + 1 {
                let mut event = event.clone();
                event["index"] = group["index"].clone();
                heard.events.push(event);
            } else {
                heard.repeated += 1;
            }
        }
    }
}

/// What tables hold if these changes are all that happened.
fn replay(events: &[Value]) -> BTreeMap<String, BTreeMap<i64, Value>> {
    let mut tables: BTreeMap<String, BTreeMap<i64, Value>> = BTreeMap::new();
    for event in events {
        let table = tables.entry(event["table"].as_str().unwrap().to_owned()).or_default();
        if let Some(old) = event["old_row_id"].as_i64() {
            assert_eq!(table.remove(&old), Some(event["before"].clone()), "{event}");
        }
        if let Some(new) = event["new_row_id"].as_i64() {
            assert_eq!(table.insert(new, event["after"].clone()), None, "{event}");
        }
    }
    tables
}

/// What a table holds.
fn rows(cluster: &Cluster, table: &str) -> BTreeMap<i64, Value> {
    let path = format!("/db/query?associative&level=strong&q=SELECT%20*%20FROM%20{table}");
    let found = cluster.nodes[cluster.leader()].json(&path);
    let rows = found["results"][0]["rows"].as_array().unwrap();
    rows.iter().map(|row| (row["id"].as_i64().unwrap(), row.clone())).collect()
}

fn write(ports: &[u16], turn: usize, body: &str) -> Option<Reply> {
    let reply = request(ports[turn % ports.len()], "POST", "/db/execute?transaction", Some(body))?;
    (reply.status == 200 && !reply.body.contains("\"error\"")).then_some(reply)
}

/// Inserts, changes and deletes rows of one table until `changes` were made; whatever fails is followed
/// by something else.
fn writer(ports: &[u16], table: usize, changes: &AtomicU64, most: u64) {
    for turn in 0.. {
        if changes.load(Ordering::SeqCst) >= most {
            return;
        }
        let id = turn + 1;
        let body = json!([
            [format!("INSERT INTO t{table} VALUES (?, ?)"), id, format!("v{turn}")],
            [format!("UPDATE t{table} SET v = v || 'x' WHERE id = ?"), id.max(3) - 2],
            [format!("DELETE FROM t{table} WHERE id = ?"), id.max(10) - 9],
        ]);
        if write(ports, turn + table, &body.to_string()).is_some() {
            changes.fetch_add(3, Ordering::SeqCst);
        } else {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn every_change_is_heard_of_in_order_while_leaders_are_killed() {
    let webhook = Webhook::start();
    let root = tempfile::tempdir().unwrap();
    let config = webhook.config(root.path(), &json!({ "keep": "0s" }));
    let mut cluster = Cluster::start_with(3, &["--cdc-config", config.to_str().unwrap()]);
    let most = from_env("EIDER_CDC_CHANGES", 3000) as u64;
    let tables = 0..4;
    for table in tables.clone() {
        let create = format!("CREATE TABLE t{table} (id INTEGER PRIMARY KEY, v TEXT)");
        cluster.nodes[0].execute("/db/execute", &json!([create]));
    }
    let ports: Arc<Vec<u16>> = Arc::new(cluster.nodes.iter().map(|node| node.http).collect());
    let changes = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let writers: Vec<_> = tables
        .clone()
        .map(|table| {
            let (ports, changes) = (ports.clone(), changes.clone());
            std::thread::spawn(move || writer(&ports, table, &changes, most))
        })
        .collect();
    let mut kills = 0;
    let every = (most / 20).max(300);
    let mut next = every;
    while changes.load(Ordering::SeqCst) < most {
        wait_for("more changes", || {
            (changes.load(Ordering::SeqCst) >= next.min(most)).then_some(())
        });
        let leader = cluster.leader();
        cluster.nodes[leader].kill();
        kills += 1;
        wait_for("another leader", || cluster.find_leader());
        cluster.nodes[leader].start();
        cluster.nodes[leader].wait_ready();
        next = changes.load(Ordering::SeqCst) + every;
    }
    for writer in writers {
        writer.join().unwrap();
    }
    let made = cluster.nodes[cluster.leader()].json(
        "/db/query?level=strong&q=SELECT%20max(removed,coalesce((SELECT%20max(number)%20FROM%20_eider_change),0))%20FROM%20_eider_change_mark",
    );
    let made = made["results"][0]["values"][0][0].as_u64().unwrap() as usize;
    let deadline = Instant::now() + PATIENCE * 5;
    while webhook.positions() < made {
        assert!(Instant::now() < deadline, "{} of {made} changes", webhook.positions());
        std::thread::sleep(Duration::from_millis(20));
    }
    let heard = webhook.heard.lock().unwrap();
    let replayed = replay(&heard.events);
    for table in tables {
        let name = format!("t{table}");
        assert_eq!(replayed[&name], rows(&cluster, &name), "{name}");
    }
    println!(
        "{made} changes, {} acknowledged, {kills} leaders killed, {} heard of more than once, {} requests, {:?}",
        changes.load(Ordering::SeqCst),
        heard.repeated,
        heard.requests,
        began.elapsed()
    );
    drop(heard);
    wait_for("what was delivered to be removed", || {
        let node = &cluster.nodes[cluster.leader()];
        let left = node.json("/db/query?level=strong&q=SELECT%20count(*)%20FROM%20_eider_change");
        (left["results"][0]["values"][0][0] == 0).then_some(())
    });
    cluster.stop_and_compare();
}

#[tokio::test]
async fn changes_by_postgresqls_language_are_heard_of() {
    let webhook = Webhook::start();
    let root = tempfile::tempdir().unwrap();
    let config = webhook.config(root.path(), &json!({ "table_filter": "^t$" }));
    let cluster = Cluster::start_with(1, &["--cdc-config", config.to_str().unwrap()]);
    let client = cluster.nodes[0].connect().await;
    let run = async |sql: &str| client.batch_execute(sql).await.unwrap();
    run("CREATE TABLE t (id int PRIMARY KEY, v text, twice int GENERATED ALWAYS AS (id * 2) STORED)")
        .await;
    run("INSERT INTO t VALUES (1, 'a'), (2, 'b')").await;
    // READ COMMITTED, and thus beside the writer until it commits.
    run("BEGIN; UPDATE t SET v = 'c' WHERE id = 1; SAVEPOINT s; DELETE FROM t WHERE id = 2; \
         ROLLBACK TO s; COMMIT")
    .await;
    run("BEGIN; INSERT INTO t VALUES (3, 'never'); ROLLBACK").await;
    let sink = client.copy_in("COPY t (id, v) FROM STDIN").await.unwrap();
    let mut sink = std::pin::pin!(sink);
    let rows = bytes::Bytes::from_static(b"4\td\n5\te\n");
    futures_util::SinkExt::send(&mut sink, rows).await.unwrap();
    sink.finish().await.unwrap();
    // The rows move, and are the same after it.
    run("ALTER TABLE t ADD COLUMN n int; ALTER TABLE t ALTER COLUMN n TYPE text").await;
    run("INSERT INTO t VALUES (4, 'x') ON CONFLICT (id) DO UPDATE SET v = 'f'").await;
    run("TRUNCATE t").await;
    wait_for("all changes", || (webhook.positions() == 10).then_some(()));
    let events = webhook.heard.lock().unwrap().events.clone();
    let short = |event: &Value| {
        let v = |side: &str| event[side]["v"].as_str().unwrap_or_default().to_owned();
        format!("{} {}>{}", event["op"].as_str().unwrap(), v("before"), v("after"))
    };
    let mut shown: Vec<_> = events.iter().map(short).collect();
    shown[6..].sort();
    assert_eq!(
        shown,
        [
            "INSERT >a",
            "INSERT >b",
            "UPDATE a>c",
            "INSERT >d",
            "INSERT >e",
            "UPDATE d>f",
            "DELETE b>",
            "DELETE c>",
            "DELETE e>",
            "DELETE f>"
        ]
    );
    assert_eq!(events[0]["after"], json!({ "id": 1, "v": "a", "twice": 2 }));
    let hidden = client.query("SELECT * FROM _eider_change", &[]).await.unwrap_err();
    assert_eq!(hidden.code().unwrap().code(), "42P01");
}

#[test]
fn a_webhook_that_fails_or_is_slow_misses_nothing() {
    let webhook = Webhook::start();
    let root = tempfile::tempdir().unwrap();
    let config = webhook.config(root.path(), &json!({ "transmit_timeout": "100ms" }));
    let cluster = Cluster::start_with(1, &["--cdc-config", config.to_str().unwrap()]);
    let node = &cluster.nodes[0];
    node.execute("/db/execute", &json!(["CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)"]));
    webhook.failures.store(5, Ordering::SeqCst);
    for id in 1..=50 {
        if id == 25 {
            webhook.pause.store(500, Ordering::SeqCst);
        }
        node.execute("/db/execute", &json!([["INSERT INTO t VALUES (?, 'x')", id]]));
    }
    wait_for("all changes", || (webhook.positions() == 50).then_some(()));
    wait_for("the failures", || (webhook.failures.load(Ordering::SeqCst) == 0).then_some(()));
    assert!(webhook.heard.lock().unwrap().repeated > 0, "it was told again what it had refused");
    assert!(node.log().contains("changes can't be delivered"), "{}", node.log());
    assert_eq!(webhook.heard.lock().unwrap().events[49]["after"], json!({ "id": 50, "v": "x" }));
    // All of that is counted.
    wait_for("the last delivery to be counted", || {
        let counts = node.json("/debug/vars?key=cdc.service")["cdc.service"].clone();
        (counts["num_events_sent"] == 50 && counts["num_events_waiting"] == 0).then_some(())
    });
    let metrics = node.get("/metrics").unwrap().body;
    let value = |name: &str| -> u64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name}: {metrics}")).trim().parse().unwrap()
    };
    assert_eq!(value("eider_cdc_changes_sent_total"), 50);
    assert_eq!(value("eider_cdc_changes_dropped_total"), 0);
    assert_eq!(value("eider_cdc_changes_waiting"), 0);
    assert!(value("eider_cdc_deliveries_total{result=\"failed\"}") >= 5, "{metrics}");
    assert!(value("eider_cdc_deliveries_total{result=\"taken\"}") > 0, "{metrics}");
}

/// Reads events of a feed until `enough` says so, and hangs up.
fn listen(
    port: u16,
    path: &str,
    last: Option<u64>,
    mut enough: impl FnMut(&[Value]) -> bool,
) -> Vec<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let last = last.map_or(String::new(), |last| format!("Last-Event-ID: {last}\r\n"));
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n{last}\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let head: Vec<_> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    assert!(head.iter().any(|line| line.contains("text/event-stream")), "{head:?}");
    let (mut events, mut id) = (Vec::new(), 0);
    while !enough(&events) {
        let line = lines.next().expect("the feed goes on");
        if let Some(text) = line.strip_prefix("id: ") {
            id = text.parse().unwrap();
        } else if let Some(text) = line.strip_prefix("data: ") {
            let event: Value = serde_json::from_str(text).unwrap();
            assert_eq!(event["position"], id);
            events.push(event);
        }
    }
    events
}

#[test]
fn a_feed_goes_on_where_it_was_left_on_any_node() {
    let root = tempfile::tempdir().unwrap();
    let config = root.path().join("cdc.json");
    std::fs::write(&config, r#"{"high_watermark_interval":"50ms","keep_max":60}"#).unwrap();
    let mut cluster = Cluster::start_with(3, &["--cdc-config", config.to_str().unwrap()]);
    cluster.nodes[0].execute("/db/execute", &json!(["CREATE TABLE t (id INTEGER PRIMARY KEY)"]));
    let stop = Arc::new(AtomicBool::new(false));
    let insert = |cluster: &Cluster, ids: std::ops::RangeInclusive<u64>| {
        for id in ids {
            cluster.nodes[0].execute("/db/execute", &json!([["INSERT INTO t VALUES (?)", id]]));
        }
    };
    insert(&cluster, 1..=20);
    let ports: Vec<u16> = cluster.nodes.iter().map(|node| node.http).collect();
    let first = listen(ports[0], "/cdc?after=0", None, |events| events.len() == 7);
    assert_eq!(first[6]["position"], 7);
    assert_eq!(first[6]["op"], "INSERT");
    assert_eq!(first[6]["after"], json!({ "id": 7 }));
    let second = listen(ports[1], "/cdc", Some(7), |events| events.len() == 13);
    assert_eq!((&second[0]["position"], &second[12]["position"]), (&json!(8), &json!(20)));
    // One that waits is told of what comes, and of nothing from before.
    let (port, told) = (ports[2], stop.clone());
    let waiting = std::thread::spawn(move || {
        listen(port, "/cdc", None, |events| {
            told.store(true, Ordering::SeqCst);
            events.len() == 1
        })
    });
    wait_for("the feed to begin", || stop.load(Ordering::SeqCst).then_some(()));
    insert(&cluster, 21..=21);
    assert_eq!(waiting.join().unwrap()[0]["position"], 21);
    insert(&cluster, 22..=120);
    wait_for("old changes to be removed", || {
        (request(ports[0], "GET", "/cdc?after=1", None)?.status == 410).then_some(())
    });
    assert_eq!(request(ports[0], "GET", "/cdc?after=x", None).unwrap().status, 400);
    // Listeners don't hold up the end of a node.
    let last = listen(ports[1], "/cdc", Some(119), |events| events.len() == 1);
    assert_eq!(last[0]["after"], json!({ "id": 120 }));
    let mut open = TcpStream::connect(("127.0.0.1", ports[0])).unwrap();
    write!(open, "GET /cdc HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut start = [0; 12];
    open.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
    let began = Instant::now();
    cluster.nodes[0].stop();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[test]
fn without_a_configuration_there_are_no_changes_to_hear_of() {
    let cluster = Cluster::start(1);
    let reply = cluster.nodes[0].get("/cdc").unwrap();
    assert_eq!(reply.status, 404);
    assert!(reply.body.contains("-cdc-config"), "{}", reply.body);
}
