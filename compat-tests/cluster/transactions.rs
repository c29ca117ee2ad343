//! PostgreSQL transactions as drivers see them, on the leader and on followers.

use std::time::{Duration, Instant};

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, IsolationLevel, SimpleQueryMessage};

use crate::support::{Cluster, Node, wait_for};

/// Runs a test against each node of a cluster, the leader among them, on an empty table `t`.
fn on_every_node(test: impl AsyncFn(&Node)) {
    let cluster = Cluster::start(3);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for node in &cluster.nodes {
            let client = node.connect().await;
            let schema = "DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, n int)";
            client.batch_execute(schema).await.unwrap();
            test(node).await;
        }
    });
}

async fn count(client: &Client) -> i64 {
    client.query_one("SELECT count(*) FROM t", &[]).await.unwrap().get(0)
}

fn code(error: &tokio_postgres::Error) -> SqlState {
    error.code().unwrap_or_else(|| panic!("no SQLSTATE: {error}")).clone()
}

#[test]
fn a_transaction_sees_its_own_writes_and_others_do_not_until_commit() {
    on_every_node(async |node: &Node| {
        let (mut a, b) = (node.connect().await, node.connect().await);
        let transaction = a.transaction().await.unwrap();
        transaction.execute("INSERT INTO t VALUES (1, 1)", &[]).await.unwrap();
        let seen: i64 = transaction.query_one("SELECT count(*) FROM t", &[]).await.unwrap().get(0);
        assert_eq!((seen, count(&b).await), (1, 0));
        transaction.commit().await.unwrap();
        assert_eq!(count(&b).await, 1);
        let transaction = a.transaction().await.unwrap();
        transaction.execute("DELETE FROM t", &[]).await.unwrap();
        transaction.rollback().await.unwrap();
        assert_eq!(count(&b).await, 1);
    });
}

#[test]
fn savepoints_nest_and_an_error_waits_for_rollback() {
    on_every_node(async |node: &Node| {
        let mut client = node.connect().await;
        let mut transaction = client.transaction().await.unwrap();
        transaction.execute("INSERT INTO t VALUES (1, 1)", &[]).await.unwrap();
        let savepoint = transaction.savepoint("a").await.unwrap();
        savepoint.execute("INSERT INTO t VALUES (2, 2)", &[]).await.unwrap();
        let duplicate = savepoint.execute("INSERT INTO t VALUES (1, 1)", &[]).await.unwrap_err();
        assert_eq!(code(&duplicate), SqlState::UNIQUE_VIOLATION);
        let ignored = savepoint.query("SELECT 1", &[]).await.unwrap_err();
        assert_eq!(code(&ignored), SqlState::IN_FAILED_SQL_TRANSACTION);
        savepoint.rollback().await.unwrap();
        transaction.execute("INSERT INTO t VALUES (3, 3)", &[]).await.unwrap();
        transaction.commit().await.unwrap();
        let rows = client.query("SELECT id FROM t ORDER BY id", &[]).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<i32>>(), [1, 3]);
    });
}

#[test]
fn a_script_is_one_transaction() {
    on_every_node(async |node: &Node| {
        let client = node.connect().await;
        let script =
            "INSERT INTO t VALUES (1, 1); INSERT INTO t VALUES (1, 1); INSERT INTO t VALUES (2, 2)";
        let error = client.batch_execute(script).await.unwrap_err();
        assert_eq!(code(&error), SqlState::UNIQUE_VIOLATION);
        assert_eq!(count(&client).await, 0);
        let error = client.batch_execute("BEGIN; INSERT INTO t VALUES (1, 1); COMMIT; INSERT INTO t VALUES (2, 2); SELECT 1/0").await;
        assert_eq!(code(&error.unwrap_err()), SqlState::DIVISION_BY_ZERO);
        assert_eq!(count(&client).await, 1);
    });
}

#[test]
fn repeatable_read_keeps_its_snapshot_and_refuses_to_write_on_an_old_one() {
    on_every_node(async |node: &Node| {
        let (mut a, b) = (node.connect().await, node.connect().await);
        let transaction = a
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .start()
            .await
            .unwrap();
        let before: i64 =
            transaction.query_one("SELECT count(*) FROM t", &[]).await.unwrap().get(0);
        b.execute("INSERT INTO t VALUES (1, 1)", &[]).await.unwrap();
        let after: i64 = transaction.query_one("SELECT count(*) FROM t", &[]).await.unwrap().get(0);
        assert_eq!((before, after), (0, 0));
        let error = transaction.execute("INSERT INTO t VALUES (2, 2)", &[]).await.unwrap_err();
        assert_eq!(code(&error), SqlState::T_R_SERIALIZATION_FAILURE);
        transaction.rollback().await.unwrap();
    });
}

#[test]
fn a_waiting_writer_obeys_lock_timeout_and_goes_on_when_its_row_or_the_slot_is_free() {
    on_every_node(async |node: &Node| {
        let (mut a, b) = (node.connect().await, node.connect().await);
        a.batch_execute("INSERT INTO t VALUES (0, 0)").await.unwrap();
        // The first locks a row, the second the whole database.
        for (holds, waits) in [
            ("UPDATE t SET n = n + 1 WHERE id = 0 RETURNING n", "UPDATE t SET n = 7 WHERE id = 0"),
            ("SELECT n FROM t FOR UPDATE", "INSERT INTO t VALUES (2, 2)"),
        ] {
            let transaction = a.transaction().await.unwrap();
            transaction.query(holds, &[]).await.unwrap();
            b.batch_execute("SET lock_timeout = '200ms'").await.unwrap();
            let error = b.execute(waits, &[]).await.unwrap_err();
            assert_eq!(code(&error), SqlState::LOCK_NOT_AVAILABLE);
            b.batch_execute("SET lock_timeout = 0").await.unwrap();
            let (committed, done) = tokio::join!(transaction.commit(), b.execute(waits, &[]));
            committed.unwrap();
            assert_eq!(done.unwrap(), 1);
        }
        assert_eq!(count(&b).await, 2);
    });
}

#[test]
fn a_client_that_vanishes_frees_its_rows_and_the_write_slot() {
    on_every_node(async |node: &Node| {
        let b = node.connect().await;
        for (holds, id) in
            [("INSERT INTO t VALUES (1, 1)", 1), ("INSERT INTO t SELECT 2, count(*) FROM t", 2)]
        {
            let a = node.connect().await;
            a.batch_execute(&format!("BEGIN; {holds}")).await.unwrap();
            drop(a);
            let start = Instant::now();
            b.execute("INSERT INTO t VALUES ($1, 2)", &[&id]).await.unwrap();
            assert!(start.elapsed() < Duration::from_secs(5), "took {:?}", start.elapsed());
        }
        assert_eq!(count(&b).await, 2);
    });
}

#[test]
fn timeouts_and_cancel_stop_statements() {
    on_every_node(async |node: &Node| {
        let client = node.connect().await;
        let endless = "SELECT count(*) FROM generate_series(1, 10000000000) AS g(x)";
        client.batch_execute("SET statement_timeout = '300ms'").await.unwrap();
        let error = client.query(endless, &[]).await.unwrap_err();
        assert_eq!(code(&error), SqlState::QUERY_CANCELED);
        client.batch_execute("SET statement_timeout = 0").await.unwrap();
        let token = client.cancel_token();
        let cancel = async {
            // Until the statement runs there is nothing to cancel.
            for _ in 0..100 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                token.cancel_query(tokio_postgres::NoTls).await.unwrap();
            }
        };
        tokio::select! {
            result = client.query(endless, &[]) => {
                assert_eq!(code(&result.unwrap_err()), SqlState::QUERY_CANCELED);
            }
            () = cancel => panic!("not cancelled"),
        }
        assert_eq!(count(&client).await, 0);
    });
}

#[test]
fn an_idle_transaction_is_cut_and_its_rows_freed() {
    on_every_node(async |node: &Node| {
        let (a, b) = (node.connect().await, node.connect().await);
        a.batch_execute("SET idle_in_transaction_session_timeout = '200ms'").await.unwrap();
        a.batch_execute("BEGIN; INSERT INTO t VALUES (1, 1)").await.unwrap();
        b.execute("INSERT INTO t VALUES (1, 2)", &[]).await.unwrap();
        assert!(a.batch_execute("SELECT 1").await.is_err());
        assert_eq!(count(&b).await, 1);
    });
}

#[test]
fn settings_of_the_running_transaction_reach_it_and_no_other() {
    on_every_node(async |node: &Node| {
        let client = node.connect().await;
        let read_only = async |script: &str| {
            let error = client.batch_execute(script).await.unwrap_err();
            assert_eq!(code(&error), SqlState::READ_ONLY_SQL_TRANSACTION, "{script}");
            client.batch_execute("ROLLBACK").await.unwrap();
        };
        let insert = "INSERT INTO t VALUES (1, 1)";
        read_only(&format!("BEGIN; SET transaction_read_only = on; {insert}")).await;
        read_only(&format!("BEGIN; SET LOCAL transaction_read_only TO yes; {insert}")).await;
        read_only(&format!("SET transaction_read_only = on; {insert}")).await;
        read_only(&format!("BEGIN READ ONLY; SET transaction_read_only = on; {insert}")).await;
        client.batch_execute("SET transaction_read_only = on").await.unwrap();
        client.batch_execute(insert).await.unwrap();
        let undone = "BEGIN READ ONLY; RESET transaction_read_only; DELETE FROM t; COMMIT";
        client.batch_execute(undone).await.unwrap();
        assert_eq!(count(&client).await, 0);
        let wrong = client.batch_execute("SET transaction_read_only = maybe").await.unwrap_err();
        assert_eq!(code(&wrong), SqlState::INVALID_PARAMETER_VALUE);
        client.batch_execute("BEGIN; SET transaction_deferrable = on").await.unwrap();
        let shown = client.simple_query("SHOW transaction_deferrable").await.unwrap();
        let row = shown.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        assert_eq!(row, Some("on"));
        client.batch_execute("ROLLBACK").await.unwrap();
    });
}

/// Loses the open transactions of all sessions: leadership moves, and comes into force.
fn move_leadership(cluster: &Cluster) {
    let before = cluster.leader();
    cluster.nodes[before].post("/leader", "{}").unwrap();
    wait_for("another leader", || cluster.find_leader().filter(|&now| now != before));
}

#[test]
fn a_transaction_that_is_lost_while_its_client_is_silent_is_never_said_to_be_committed() {
    let cluster = Cluster::start(3);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let writer = cluster.nodes[0].connect().await;
        writer.batch_execute("CREATE TABLE t (id int PRIMARY KEY, n int)").await.unwrap();
        // Of known rows, and with the write slot.
        for begin in ["INSERT INTO t VALUES ($1, 1)", "INSERT INTO t SELECT $1, count(*) FROM t"] {
            for node in &cluster.nodes {
                for ends in ["COMMIT", "SELECT 1", "SAVEPOINT a", "ROLLBACK"] {
                    let client = node.connect().await;
                    client.batch_execute("BEGIN").await.unwrap();
                    client.execute(begin, &[&-1]).await.unwrap();
                    move_leadership(&cluster);
                    writer.batch_execute("DELETE FROM t").await.unwrap();
                    let ended = client.batch_execute(ends).await;
                    if ends == "ROLLBACK" {
                        ended.unwrap();
                    } else {
                        let code = code(&ended.expect_err(ends));
                        assert_eq!(code, SqlState::T_R_SERIALIZATION_FAILURE, "{ends}");
                    }
                    if ends.starts_with('S') {
                        let ignored = client.batch_execute("SELECT 1").await.unwrap_err();
                        assert_eq!(code(&ignored), SqlState::IN_FAILED_SQL_TRANSACTION);
                        client.batch_execute("ROLLBACK").await.unwrap();
                    }
                    let kept = "SELECT count(*) FROM t WHERE id = -1";
                    let kept: i64 = client.query_one(kept, &[]).await.unwrap().get(0);
                    assert_eq!(kept, 0, "{ends}");
                }
            }
        }
    });
}
