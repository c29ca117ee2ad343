//! LISTEN and NOTIFY over the cluster.

use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::{AsyncMessage, Client, NoTls};

use crate::support::{Cluster, Node};

/// A session, and what it hears: the sender, the channel and the payload.
struct Session {
    client: Client,
    heard: UnboundedReceiver<(i32, String, String)>,
}

impl Session {
    async fn open(node: &Node) -> Self {
        let target = format!("host=127.0.0.1 port={} user=postgres", node.pg);
        let (client, mut connection) = tokio_postgres::connect(&target, NoTls).await.unwrap();
        let (sender, heard) = unbounded_channel();
        tokio::spawn(async move {
            while let Some(message) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                let Ok(AsyncMessage::Notification(told)) = message else { continue };
                let told = (told.process_id(), told.channel().into(), told.payload().into());
                if sender.send(told).is_err() {
                    return;
                }
            }
        });
        Self { client, heard }
    }

    async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    async fn pid(&self) -> i32 {
        self.client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0)
    }

    async fn next(&mut self) -> (i32, String, String) {
        let waited = tokio::time::timeout(Duration::from_secs(20), self.heard.recv()).await;
        waited.expect("nothing was heard for 20 s").expect("the connection is there")
    }

    /// The payloads that come before this one, which comes for certain.
    async fn until(&mut self, last: &str) -> Vec<String> {
        let mut payloads = Vec::new();
        loop {
            let (_, _, payload) = self.next().await;
            if payload == last {
                return payloads;
            }
            payloads.push(payload);
        }
    }
}

#[test]
fn what_is_notified_on_any_node_is_heard_on_every_node_in_one_order() {
    let cluster = Cluster::start(3);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut listeners = Vec::new();
        for node in &cluster.nodes {
            let session = Session::open(node).await;
            session.run("LISTEN news; LISTEN \"Other\"").await;
            listeners.push(session);
        }
        let mut senders = Vec::new();
        for node in &cluster.nodes {
            let session = Session::open(node).await;
            let pid = session.pid().await;
            senders.push((session, pid));
        }
        let mut sent = Vec::new();
        for round in 0..5 {
            for (at, (sender, pid)) in senders.iter().enumerate() {
                let payload = format!("{round}.{at}");
                sender.run(&format!("NOTIFY news, '{payload}'; NOTIFY nobody")).await;
                sent.push((*pid, "news".to_owned(), payload));
            }
        }
        let call = "SELECT pg_notify('Other', $1)";
        senders[1].0.client.query_one(call, &[&"é"]).await.unwrap();
        sent.push((senders[1].1, "Other".to_owned(), "é".to_owned()));
        // Concurrent ones have an order too, and it is the same everywhere.
        let all = senders.iter().map(|(sender, _)| async move {
            for at in 0..20 {
                sender.run(&format!("NOTIFY news, '{at}'")).await;
            }
        });
        futures_util::future::join_all(all).await;
        let mut orders = Vec::new();
        for listener in &mut listeners {
            let mut heard = Vec::new();
            for _ in 0..sent.len() + 60 {
                heard.push(listener.next().await);
            }
            assert_eq!(heard[..sent.len()], sent);
            orders.push(heard.split_off(sent.len()));
        }
        assert!(orders.iter().all(|order| *order == orders[0]));
    });
}

#[test]
fn a_notification_belongs_to_its_transaction() {
    let cluster = Cluster::start(3);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        for node in &cluster.nodes {
            let mut listener = Session::open(&cluster.nodes[0]).await;
            listener.run("LISTEN a").await;
            let sender = Session::open(node).await;
            sender.run("DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY)").await;
            sender.run("BEGIN; NOTIFY a, 'rolled back'; ROLLBACK").await;
            sender
                .run(
                    "BEGIN; NOTIFY a, '1'; SAVEPOINT s; NOTIFY a, 'undone'; ROLLBACK TO s; \
                     NOTIFY a, '2'; SAVEPOINT s; NOTIFY a, '1'; NOTIFY a, '3'; RELEASE s",
                )
                .await;
            // A statement that fails takes its own with it.
            sender.run("SAVEPOINT s").await;
            let failing =
                "SELECT pg_notify('a', (1 / (3 - id))::text) FROM generate_series(1, 3) i(id)";
            assert!(sender.client.batch_execute(failing).await.is_err());
            sender.run("ROLLBACK TO s; INSERT INTO t VALUES (1); COMMIT").await;
            sender.run("INSERT INTO t VALUES (2), (3)").await;
            sender.run("SELECT pg_notify('a', 'row ' || id) FROM t ORDER BY id").await;
            sender
                .run(
                    "WITH gone AS (DELETE FROM t RETURNING id) \
                     SELECT pg_notify('a', 'gone ' || count(*)) FROM gone",
                )
                .await;
            sender.run("BEGIN READ ONLY; NOTIFY a; COMMIT").await;
            sender.run("NOTIFY a, 'end'").await;
            let heard = listener.until("end").await;
            assert_eq!(heard, ["1", "2", "3", "row 1", "row 2", "row 3", "gone 3", ""]);
        }
    });
}

#[test]
fn listening_begins_and_ends_with_a_commit() {
    let cluster = Cluster::start(3);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        for node in &cluster.nodes {
            let mut session = Session::open(node).await;
            session.run("BEGIN; LISTEN a; ROLLBACK").await;
            session.run("BEGIN; LISTEN b; SAVEPOINT s; LISTEN c; ROLLBACK TO s; COMMIT").await;
            session.run("NOTIFY a, 'a'; NOTIFY b, 'b'; NOTIFY c, 'c'").await;
            // In a transaction nothing is told; after it, everything.
            session.run("BEGIN; LISTEN a").await;
            let other = Session::open(&cluster.nodes[0]).await;
            other.run("NOTIFY b, 'in between'").await;
            session.run("NOTIFY a, 'own'; COMMIT").await;
            session.run("UNLISTEN b; NOTIFY b, 'late'; NOTIFY a, 'last'").await;
            assert_eq!(session.until("last").await, ["b", "in between", "own"]);
            session.run("UNLISTEN *; NOTIFY a, 'unheard'; LISTEN a; NOTIFY a, 'end'").await;
            assert_eq!(session.until("end").await, ["unheard"], "one transaction, one commit");
        }
    });
}

#[test]
fn nothing_acknowledged_is_missed_when_the_leader_dies() {
    let mut cluster = Cluster::start(3);
    let leader = cluster.leader();
    let (follower, other) = ((leader + 1) % 3, (leader + 2) % 3);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut listener = Session::open(&cluster.nodes[follower]).await;
        listener.run("LISTEN a").await;
        let sender = Session::open(&cluster.nodes[other]).await;
        let mut acknowledged = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(30);
        for number in 0.. {
            if number == 50 {
                cluster.nodes[leader].kill();
            }
            if number >= 50 && acknowledged.last().is_some_and(|last| *last > 100) {
                break;
            }
            assert!(Instant::now() < deadline, "no new leader");
            if sender.client.batch_execute(&format!("NOTIFY a, '{number}'")).await.is_ok() {
                acknowledged.push(number);
            }
        }
        sender.run("NOTIFY a, 'end'").await;
        let heard: Vec<i32> =
            listener.until("end").await.iter().map(|payload| payload.parse().unwrap()).collect();
        assert!(heard.is_sorted_by(|a, b| a < b), "in order, and none twice: {heard:?}");
        let missed: Vec<_> = acknowledged.iter().filter(|sent| !heard.contains(sent)).collect();
        assert!(missed.is_empty(), "missed {missed:?}");
    });
}

#[test]
fn a_database_does_not_grow_by_notifications() {
    let cluster = Cluster::start(1);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let session = Session::open(&cluster.nodes[0]).await;
        let size = || cluster.nodes[0].json("/db/query?q=PRAGMA%20page_count")["results"].clone();
        session.run("NOTIFY a, 'first'").await;
        let before = size();
        for _ in 0..300 {
            session.run(&format!("NOTIFY a, '{}'", "x".repeat(7000))).await;
        }
        assert_eq!(size(), before);
    });
}
