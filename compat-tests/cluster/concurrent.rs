//! Several clients' transactions at once (READ COMMITTED), on the leader and on followers: who waits
//! for whom, what they see, and that nobody who would be served by PostgreSQL gets an error.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::support::{Cluster, Node};

/// Runs a test against each node of a cluster on a table of counters, all at 0.
fn on_every_node(test: impl AsyncFn(&Cluster, &Node)) {
    let mut cluster = Cluster::start(3);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for node in &cluster.nodes {
            let client = node.connect().await;
            let schema = "DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, n int); \
                          INSERT INTO t SELECT g, 0 FROM generate_series(1, 20) AS g";
            client.batch_execute(schema).await.unwrap();
            test(&cluster, node).await;
        }
    });
    cluster.stop_and_compare();
}

async fn number(client: &Client, query: &str) -> i32 {
    client.query_one(query, &[]).await.unwrap_or_else(|error| panic!("{query}: {error:?}")).get(0)
}

async fn run(client: &Client, script: &str) {
    client.batch_execute(script).await.unwrap_or_else(|error| panic!("{script}: {error:?}"));
}

/// Whether a client is still waiting after a while.
async fn waits<T>(work: impl Future<Output = T>) -> bool {
    tokio::time::timeout(Duration::from_millis(300), work).await.is_err()
}

#[test]
fn transactions_of_different_rows_do_not_wait_for_each_other() {
    on_every_node(async |_: &Cluster, node: &Node| {
        let (a, b) = (node.connect().await, node.connect().await);
        run(&a, "BEGIN; UPDATE t SET n = 1 WHERE id = 1").await;
        run(&b, "BEGIN; UPDATE t SET n = 2 WHERE id = 2; INSERT INTO t VALUES (30, 3)").await;
        assert_eq!(number(&a, "SELECT n FROM t WHERE id = 2").await, 0, "not committed");
        run(&b, "COMMIT").await;
        assert_eq!(number(&a, "SELECT n FROM t WHERE id = 2").await, 2, "a new snapshot each time");
        assert_eq!(number(&a, "SELECT n FROM t WHERE id = 1").await, 1, "its own");
        run(&a, "COMMIT").await;
        assert_eq!(number(&b, "SELECT sum(n)::int FROM t").await, 6);
    });
}

#[test]
fn who_has_seen_a_row_is_waited_for_and_who_only_added_to_it_is_not() {
    on_every_node(async |cluster: &Cluster, node: &Node| {
        let other = cluster.nodes[cluster.leader()].connect().await;
        let (a, b) = (node.connect().await, node.connect().await);
        run(&a, "BEGIN; UPDATE t SET n = n + 1 WHERE id = 1").await;
        run(&b, "BEGIN; UPDATE t SET n = n + 10 WHERE id = 1").await;
        run(&other, "UPDATE t SET n = n + 100 WHERE id = 1").await;
        assert_eq!(number(&a, "SELECT n FROM t WHERE id = 1").await, 101);
        assert!(waits(b.batch_execute("COMMIT")).await, "a has seen the row");
        run(&a, "COMMIT").await;
        run(&b, "SELECT 1").await;
        assert_eq!(number(&b, "SELECT n FROM t WHERE id = 1").await, 111);

        run(&a, "BEGIN; UPDATE t SET n = n - 111 WHERE id = 1 AND n >= 111").await;
        let guarded = "UPDATE t SET n = n - 111 WHERE id = 1 AND n >= 111";
        let (withdrawn, ()) = tokio::join!(b.execute(guarded, &[]), run(&a, "COMMIT"));
        assert_eq!(withdrawn.unwrap(), 0, "it saw what the other left");
    });
}

#[test]
fn a_circle_of_waits_fails_one_of_them() {
    on_every_node(async |_: &Cluster, node: &Node| {
        let (a, b) = (node.connect().await, node.connect().await);
        run(&a, "BEGIN; UPDATE t SET n = n + 1 WHERE id = 1 RETURNING n").await;
        run(&b, "BEGIN; UPDATE t SET n = n + 1 WHERE id = 2 RETURNING n").await;
        let (second, first) = tokio::join!(
            a.batch_execute("UPDATE t SET n = n + 1 WHERE id = 2; COMMIT"),
            b.batch_execute("UPDATE t SET n = n + 1 WHERE id = 1; COMMIT"),
        );
        let failed = match (&first, &second) {
            (Err(error), Ok(())) | (Ok(()), Err(error)) => error.code().cloned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(failed, Some(SqlState::T_R_DEADLOCK_DETECTED));
        for client in [&a, &b] {
            run(client, "ROLLBACK").await;
        }
        assert_eq!(number(&a, "SELECT sum(n)::int FROM t").await, 2);
    });
}

#[test]
fn a_transaction_may_take_the_write_slot_in_its_middle() {
    on_every_node(async |_: &Cluster, node: &Node| {
        let (a, b) = (node.connect().await, node.connect().await);
        for script in [
            "CREATE TABLE u (x int)",
            "UPDATE t SET n = n + 1 WHERE id > 19",
            "SELECT n FROM t WHERE id = 5 FOR UPDATE",
            "SELECT count(*) FROM pg_catalog.pg_class",
        ] {
            run(&b, "UPDATE t SET n = 0; DROP TABLE IF EXISTS u").await;
            run(&a, "BEGIN; UPDATE t SET n = 1 WHERE id = 1; SAVEPOINT s").await;
            run(&a, "UPDATE t SET n = 2 WHERE id = 2; SAVEPOINT r; DELETE FROM t WHERE id = 3")
                .await;
            assert_eq!(number(&a, "SELECT n FROM t WHERE id = 2").await, 2);
            run(&a, script).await;
            assert_eq!(number(&a, "SELECT count(*)::int FROM t").await, 19, "{script}");
            run(&a, "ROLLBACK TO r").await;
            assert_eq!(number(&a, "SELECT count(*)::int FROM t").await, 20, "{script}");
            run(&a, "ROLLBACK TO s; COMMIT").await;
            assert_eq!(number(&b, "SELECT sum(n)::int FROM t").await, 1, "{script}");
        }
        run(&b, "DELETE FROM t; INSERT INTO t SELECT g, 0 FROM generate_series(1, 20) AS g").await;
        run(&a, "BEGIN").await;
        for id in 1..=20 {
            for _ in 0..3 {
                run(&a, &format!("UPDATE t SET n = n + 1 WHERE id = {id}")).await;
            }
        }
        run(&a, "COMMIT").await;
        assert_eq!(number(&b, "SELECT sum(n)::int FROM t").await, 60);
    });
}

#[test]
fn nobody_counts_twice() {
    on_every_node(async |cluster: &Cluster, node: &Node| {
        let mut clients = Vec::new();
        for number in 0..6 {
            let client = cluster.nodes[number % 3].connect().await;
            clients.push(tokio::spawn(async move {
                let mut seen = Vec::new();
                for round in 0..10 {
                    run(&client, "BEGIN").await;
                    if (round + number) % 2 == 0 {
                        let raise = "UPDATE t SET n = n + 1 WHERE id = 1 RETURNING n";
                        seen.push(self::number(&client, raise).await);
                    } else {
                        run(&client, "UPDATE t SET n = n + 1 WHERE id = 1").await;
                        seen.push(self::number(&client, "SELECT n FROM t WHERE id = 1").await);
                    }
                    run(&client, "UPDATE t SET n = n - 1 WHERE id = 2; COMMIT").await;
                }
                seen
            }));
        }
        let mut seen = Vec::new();
        for client in clients {
            seen.extend(client.await.unwrap());
        }
        let distinct: BTreeSet<i32> = seen.iter().copied().collect();
        assert_eq!((distinct, seen.len()), ((1..=60).collect(), 60));
        let client = node.connect().await;
        assert_eq!(number(&client, "SELECT n FROM t WHERE id = 2").await, -60);
    });
}

/// Each definition changes the schema that the statements of all others were compiled for.
#[test]
fn definitions_by_many_at_once_fail_nobody() {
    let mut cluster = Cluster::start(3);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut clients = Vec::new();
        for number in 0..12 {
            let client = cluster.nodes[number % 3].connect().await;
            clients.push(tokio::spawn(async move {
                for round in 0..10 {
                    run(&client, "CREATE TEMPORARY TABLE own (n int)").await;
                    run(&client, "INSERT INTO own VALUES (1), (2)").await;
                    if round % 2 == 0 {
                        run(&client, "BEGIN").await;
                    }
                    assert_eq!(self::number(&client, "SELECT sum(n)::int FROM own").await, 3);
                    if round % 2 == 0 {
                        run(&client, "COMMIT").await;
                    }
                    run(&client, "DROP TABLE own").await;
                }
            }));
        }
        for client in clients {
            client.await.unwrap();
        }
    });
    cluster.stop_and_compare();
}
