//! Advisory locks over the cluster.

use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::support::Cluster;

async fn flag(client: &Client, sql: &str) -> bool {
    client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
}

async fn run(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

async fn state(client: &Client, sql: &str) -> SqlState {
    let error = client.batch_execute(sql).await.expect_err(sql);
    error.code().unwrap_or_else(|| panic!("{sql}: {error:?}")).clone()
}

/// Waits until a lock can be had.
async fn until(client: &Client, sql: &str) {
    let had = async {
        while !flag(client, sql).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), had).await.expect("the lock is free in time");
}

#[test]
fn locks_hold_between_sessions_of_all_nodes() {
    let cluster = Cluster::start(3);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        for at in 0..3 {
            let (a, b) =
                (cluster.nodes[at].connect().await, cluster.nodes[(at + 1) % 3].connect().await);
            run(
                &a,
                "SELECT pg_advisory_lock(1), pg_advisory_lock(1), pg_advisory_lock_shared(2, 3)",
            )
            .await;
            assert!(!flag(&b, "SELECT pg_try_advisory_lock(1)").await);
            assert!(!flag(&b, "SELECT pg_try_advisory_lock(2, 3)").await);
            assert!(flag(&b, "SELECT pg_try_advisory_lock_shared(2, 3)").await);
            assert!(flag(&b, "SELECT pg_try_advisory_lock(3, 2)").await);
            assert!(flag(&a, "SELECT pg_advisory_unlock(1)").await);
            assert!(!flag(&b, "SELECT pg_try_advisory_xact_lock(1)").await, "it was taken twice");
            let waiting = run(&b, "SELECT pg_advisory_lock(1)");
            let releasing = async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                assert!(flag(&a, "SELECT pg_advisory_unlock(1)").await);
            };
            tokio::join!(waiting, releasing);
            assert!(!flag(&a, "SELECT pg_advisory_unlock(1)").await, "it isn't its own");
            assert!(!flag(&a, "SELECT pg_try_advisory_lock(1)").await);
            // A session's end, and what clears a session, give all up.
            drop(b);
            until(&a, "SELECT pg_try_advisory_lock(1)").await;
            let c = cluster.nodes[(at + 2) % 3].connect().await;
            assert!(!flag(&c, "SELECT pg_try_advisory_lock(1)").await);
            run(&a, "SELECT pg_advisory_unlock_all()").await;
            assert!(flag(&c, "SELECT pg_try_advisory_lock(1)").await);
            run(&c, "DISCARD ALL").await;
            assert!(flag(&a, "SELECT pg_try_advisory_lock(1)").await);
        }
    });
}

#[test]
fn a_transactions_locks_go_with_it_and_with_its_savepoints() {
    let cluster = Cluster::start(3);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        for at in 0..3 {
            let (a, b) = (cluster.nodes[at].connect().await, cluster.nodes[(at + 1) % 3].connect().await);
            run(&a, "BEGIN; SELECT pg_advisory_xact_lock(1); SAVEPOINT s; SELECT pg_advisory_xact_lock(2)").await;
            run(&a, "SELECT pg_advisory_lock(3)").await;
            for lock in [1, 2, 3] {
                assert!(!flag(&b, &format!("SELECT pg_try_advisory_xact_lock({lock})")).await);
            }
            run(&a, "ROLLBACK TO s").await;
            assert!(flag(&b, "SELECT pg_try_advisory_xact_lock(2)").await);
            assert!(!flag(&b, "SELECT pg_try_advisory_xact_lock(1)").await);
            run(&a, "ROLLBACK").await;
            assert!(flag(&b, "SELECT pg_try_advisory_xact_lock(1)").await);
            assert!(!flag(&b, "SELECT pg_try_advisory_xact_lock(3)").await, "the session's own");
            run(&b, "SET lock_timeout = '50ms'").await;
            assert_eq!(state(&b, "SELECT pg_advisory_lock(3)").await, SqlState::LOCK_NOT_AVAILABLE);
            run(&b, "RESET lock_timeout; SET statement_timeout = '50ms'").await;
            assert_eq!(state(&b, "SELECT pg_advisory_lock(3)").await, SqlState::QUERY_CANCELED);
            run(&b, "RESET statement_timeout").await;
            // Each waits for the other: one is told.
            run(&b, "SELECT pg_advisory_lock(4)").await;
            let (one, other) = tokio::join!(
                a.batch_execute("SELECT pg_advisory_lock(4)"),
                async {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    let told = b.batch_execute("SELECT pg_advisory_lock(3)").await;
                    run(&b, "SELECT pg_advisory_unlock_all()").await;
                    told
                }
            );
            assert!(one.is_ok());
            assert_eq!(other.unwrap_err().code(), Some(&SqlState::T_R_DEADLOCK_DETECTED));
        }
    });
}

#[test]
fn locks_that_are_lost_with_the_leader_end_their_session() {
    let mut cluster = Cluster::start(3);
    let leader = cluster.leader();
    let (one, other) = ((leader + 1) % 3, (leader + 2) % 3);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let holder = cluster.nodes[one].connect().await;
        run(&holder, "CREATE TABLE t (a int); SELECT pg_advisory_lock(7)").await;
        let in_transaction = cluster.nodes[other].connect().await;
        run(&in_transaction, "BEGIN; SELECT pg_advisory_xact_lock(8)").await;
        let without = cluster.nodes[one].connect().await;
        run(&without, "SELECT pg_advisory_lock(9), pg_advisory_unlock(9)").await;
        cluster.nodes[leader].kill();
        // Whatever comes first, the loss or the statement: nothing is written without the lock.
        let ended = async {
            while holder.batch_execute("INSERT INTO t VALUES (1)").await.is_ok() {}
            while !holder.is_closed() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), ended).await.expect("the session ends");
        let next = cluster.nodes[other].connect().await;
        assert!(flag(&next, "SELECT pg_try_advisory_lock(7)").await);
        let failed = in_transaction.batch_execute("SELECT 1; COMMIT").await.unwrap_err();
        let expected = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::IN_FAILED_SQL_TRANSACTION];
        assert!(expected.contains(failed.code().unwrap()), "{failed:?}");
        run(&in_transaction, "ROLLBACK").await;
        assert!(flag(&in_transaction, "SELECT pg_try_advisory_xact_lock(8)").await);
        assert!(flag(&without, "SELECT pg_try_advisory_lock(9)").await);
        assert!(flag(&next, "SELECT count(*) = 0 FROM t").await);
    });
}
