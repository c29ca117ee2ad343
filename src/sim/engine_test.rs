//! What clients see of a cluster, through whichever node.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::cluster::until;
use super::engines::{DATABASE, Engines, numbers, query, statement, write, write_to};
use crate::engine::{Begin, Engine, Limits, Transaction};
use crate::model::error::{Class, SqlState};
use crate::model::id::Position;
use crate::model::read_level::ReadLevel;
use crate::model::statement::Dialect;
use crate::model::value::Value;
use crate::platform::clock;
use crate::platform::task;
use crate::sim::process::TIMING;
use crate::sim::run;

const LOG_BYTES: u64 = 1 << 20;
const TABLE: &str = "CREATE TABLE t (a INTEGER PRIMARY KEY, b)";
const ALL: &str = "SELECT a FROM t ORDER BY a";

async fn begin(
    engine: &Engine,
    since: Option<Position>,
) -> Result<Transaction, crate::model::error::Error> {
    let limits = Limits::default();
    engine
        .begin(Begin {
            database: DATABASE,
            dialect: Dialect::Sqlite,
            since,
            private: false,
            limits,
        })
        .await
}

async fn ask(transaction: &mut Transaction, sql: &str) -> Result<Vec<Value>, SqlState> {
    let rows = transaction.run(statement(sql), &Limits::default()).await;
    let result = match rows {
        Ok(rows) => rows.collect(1 << 20).await,
        Err(error) => Err(error),
    };
    result.map(|result| result.rows.values).map_err(|error| error.state())
}

#[test]
fn every_node_takes_writes_and_reads_them_at_once() {
    run(1, async {
        let cluster = Engines::new(3, LOG_BYTES).await;
        write(cluster.engine(0), TABLE).await.unwrap();
        for id in 0..3 {
            let sql = format!("INSERT INTO t VALUES ({id}, 'x')");
            let written = write(cluster.engine(id), &sql).await.unwrap();
            assert!(written.index.is_some());
            let seen = numbers(cluster.engine(id), ReadLevel::None(None), ALL).await.unwrap();
            assert_eq!(seen, (0..=i64::try_from(id).unwrap()).collect::<Vec<_>>());
        }
        let error = write(cluster.engine(1), "INSERT INTO t VALUES (1, 'y')").await.unwrap_err();
        assert_eq!(error.state(), SqlState::UNIQUE_VIOLATION);
        for level in [ReadLevel::Weak, ReadLevel::Linearizable, ReadLevel::Lease, ReadLevel::Strong]
        {
            for id in 0..3 {
                let seen = numbers(cluster.engine(id), level, ALL).await.unwrap();
                assert_eq!(seen, [0, 1, 2], "{level:?} on node {id}");
            }
        }
        let error = query(cluster.engine(1), ReadLevel::Weak, "SELECT nothing").await.unwrap_err();
        assert_eq!(error.class(), Class::User);
        cluster.check().await;
    });
}

#[test]
fn a_transaction_through_a_follower_is_a_real_one() {
    run(2, async {
        let cluster = Engines::new(3, LOG_BYTES).await;
        let follower = cluster.follower().await;
        let engine = cluster.engine(follower);
        write(engine, TABLE).await.unwrap();
        let committed = engine.catalog(DATABASE).await.unwrap();
        let mut transaction = begin(engine, None).await.unwrap();
        assert_eq!(transaction.catalog().await.unwrap(), committed);
        ask(&mut transaction, "INSERT INTO t VALUES (1, 'x')").await.unwrap();
        assert_eq!(ask(&mut transaction, ALL).await.unwrap(), [Value::Integer(1)]);
        let duplicate = ask(&mut transaction, "INSERT INTO t VALUES (1, 'y')").await;
        assert_eq!(duplicate, Err(SqlState::UNIQUE_VIOLATION));
        transaction.savepoint(1).await.unwrap();
        ask(&mut transaction, "CREATE TABLE u (c)").await.unwrap();
        assert!(transaction.catalog().await.unwrap().tables.contains_key("u"));
        transaction.rollback_to(1).await.unwrap();
        transaction.release(1).await.unwrap();
        assert!(!transaction.catalog().await.unwrap().tables.contains_key("u"));
        assert!(numbers(engine, ReadLevel::Linearizable, ALL).await.unwrap().is_empty());
        assert!(transaction.commit(&Limits::default()).await.unwrap().is_some());
        assert_eq!(numbers(engine, ReadLevel::None(None), ALL).await.unwrap(), [1]);

        let mut abandoned = begin(engine, None).await.unwrap();
        ask(&mut abandoned, "INSERT INTO t VALUES (2, 'x')").await.unwrap();
        drop(abandoned);
        write(cluster.engine(cluster.leader().await), "INSERT INTO t VALUES (3, 'x')")
            .await
            .unwrap();
        assert_eq!(numbers(engine, ReadLevel::Linearizable, ALL).await.unwrap(), [1, 3]);

        let rolled_back = begin(engine, None).await.unwrap();
        rolled_back.rollback().await;
        cluster.check().await;
    });
}

#[test]
fn the_write_slot_is_waited_for_as_long_as_allowed() {
    run(3, async {
        let cluster = Engines::new(3, LOG_BYTES).await;
        let leader = cluster.leader().await;
        write(cluster.engine(leader), TABLE).await.unwrap();
        let holder = begin(cluster.engine(leader), None).await.unwrap();
        for id in 0..3 {
            let engine = cluster.engine(id);
            let lock_timeout = Some(Duration::from_millis(50));
            let limits = Limits { lock_timeout, ..Limits::default() };
            let sql = "INSERT INTO t VALUES (1, 'x')";
            let error = write_to(engine, DATABASE, sql, &limits).await.unwrap_err();
            assert_eq!(error.state(), SqlState::LOCK_NOT_AVAILABLE, "node {id}");
            let waiting = Begin {
                database: DATABASE,
                dialect: Dialect::Sqlite,
                since: None,
                private: false,
                limits,
            };
            let error = engine.begin(waiting).await.unwrap_err();
            assert_eq!(error.state(), SqlState::LOCK_NOT_AVAILABLE, "node {id}");

            let deadline = Some(clock::now().plus(Duration::from_millis(50)));
            let limits = Limits { deadline, ..Limits::default() };
            let error = write_to(engine, DATABASE, sql, &limits).await.unwrap_err();
            assert_eq!(error.state(), SqlState::QUERY_CANCELED, "node {id}");

            let limits = Limits::default();
            let canceler = limits.cancel.clone();
            task::spawn(async move {
                clock::sleep(Duration::from_millis(100)).await;
                canceler.cancel();
            });
            let error = write_to(engine, DATABASE, sql, &limits).await.unwrap_err();
            assert_eq!(error.state(), SqlState::QUERY_CANCELED, "node {id}");
        }
        drop(holder);
        assert!(numbers(cluster.engine(0), ReadLevel::Linearizable, ALL).await.unwrap().is_empty());
        cluster.check().await;
    });
}

#[test]
fn a_view_is_one_state_and_tells_when_it_is_past() {
    run(4, async {
        let cluster = Engines::new(3, LOG_BYTES).await;
        let follower = cluster.engine(cluster.follower().await);
        write(follower, TABLE).await.unwrap();
        let mut view =
            follower.view(DATABASE, ReadLevel::Linearizable, &Limits::default()).await.unwrap();
        let current = begin(follower, Some(view.position())).await.unwrap();
        drop(current);
        write(follower, "INSERT INTO t VALUES (1, 'x')").await.unwrap();
        let rows = view.run(Dialect::Sqlite, statement(ALL), &Limits::default()).await.unwrap();
        assert_eq!(rows.collect(1000).await.unwrap().rows.rows, 0);
        let error = begin(follower, Some(view.position())).await.unwrap_err();
        assert_eq!(error.state(), SqlState::SERIALIZATION_FAILURE);
    });
}

#[test]
fn a_leader_that_is_cut_off_commits_nothing_and_says_what_it_knows() {
    run(5, async {
        let cluster = Engines::new(3, LOG_BYTES).await;
        let old = cluster.leader().await;
        write(cluster.engine(old), TABLE).await.unwrap();
        let mut open = begin(cluster.engine(old), None).await.unwrap();
        ask(&mut open, "INSERT INTO t VALUES (100, 'x')").await.unwrap();
        let engine = cluster.engine(old).clone();
        cluster.isolate(old);
        task::spawn(async move {
            // It waits for the slot that the open transaction has.
            let outcome = write(&engine, "INSERT INTO t VALUES (101, 'x')").await;
            let state = outcome.unwrap_err().state();
            let expected = [
                SqlState::TRANSACTION_RESOLUTION_UNKNOWN,
                SqlState::SERIALIZATION_FAILURE,
                SqlState::CANNOT_CONNECT_NOW,
            ];
            assert!(expected.contains(&state), "{state:?}");
        });
        let limits = Limits::default();
        let committed = open.commit(&limits);
        let others: Vec<u64> = (0..3).filter(|id| *id != old).collect();
        let elected = async {
            let led = || others.iter().any(|id| cluster.engine(*id).is_leader());
            until(30, led).await;
            write(cluster.engine(others[0]), "INSERT INTO t VALUES (1, 'x')").await.unwrap();
            write(cluster.engine(others[1]), "INSERT INTO t VALUES (2, 'x')").await.unwrap();
            cluster.heal();
        };
        let (outcome, ()) = futures_util::future::join(committed, elected).await;
        assert_eq!(outcome.unwrap_err().state(), SqlState::TRANSACTION_RESOLUTION_UNKNOWN);
        let seen = numbers(cluster.engine(old), ReadLevel::Linearizable, ALL).await.unwrap();
        assert_eq!(seen, [1, 2]);
        cluster.check().await;
    });
}

#[test]
fn a_leader_that_is_cut_off_is_none_after_a_while() {
    run(7, async {
        let cluster = Engines::new(3, LOG_BYTES).await;
        let old = cluster.leader().await;
        let engine = cluster.engine(old);
        write(engine, TABLE).await.unwrap();
        assert_eq!(engine.leader().map(|leader| leader.id.0), Some(old));
        cluster.isolate(old);
        // As long as nobody else can have been elected it answers.
        assert_eq!(numbers(engine, ReadLevel::Weak, ALL).await.unwrap(), Vec::<i64>::new());
        let others: Vec<u64> = (0..3).filter(|id| *id != old).collect();
        until(30, || others.iter().any(|id| cluster.engine(*id).is_leader())).await;
        write(cluster.engine(others[0]), "INSERT INTO t VALUES (1, 'x')").await.unwrap();
        clock::sleep(2 * TIMING.election_timeout_max).await;
        assert!(engine.is_leader(), "it knows that it was succeeded: this shows nothing");
        let error = numbers(engine, ReadLevel::Weak, ALL).await.unwrap_err();
        assert_eq!(error.state(), SqlState::CANNOT_CONNECT_NOW, "{error}");
        assert_eq!(engine.leader(), None);
        cluster.heal();
        assert_eq!(numbers(engine, ReadLevel::Weak, ALL).await.unwrap(), [1]);
        cluster.check().await;
    });
}

#[test]
fn a_leader_is_named_once_it_takes_writes() {
    run(8, async {
        let mut cluster = Engines::new(3, LOG_BYTES).await;
        let old = cluster.leader().await;
        write(cluster.engine(old), TABLE).await.unwrap();
        cluster.kill(old, None);
        let (mut was_early, mut is_named) = (false, false);
        while !is_named {
            clock::sleep(Duration::from_millis(1)).await;
            for id in cluster.running() {
                let (engine, role) = (cluster.engine(id), cluster.node(id).status().role);
                let names_itself = engine.leader().is_some_and(|leader| leader.id.0 == id);
                was_early |= role == "Leader" && !engine.is_leader();
                assert!(!names_itself || engine.is_leader(), "node {id} takes no writes yet");
                is_named |= names_itself;
            }
        }
        assert!(was_early, "nobody was looked at in the middle: this shows nothing");
    });
}

#[test]
fn a_node_that_starts_names_a_leader_once_it_hears_one() {
    run(9, async {
        let mut cluster = Engines::new(3, LOG_BYTES).await;
        let id = cluster.follower().await;
        write(cluster.engine(id), TABLE).await.unwrap();
        cluster.kill(id, None);
        cluster.isolate(id);
        cluster.start(id).await;
        let engine = cluster.engine(id);
        // Its log says who led.
        until(30, || cluster.node(id).leadership().borrow().leader.is_some()).await;
        assert_eq!(engine.leader(), None);
        cluster.heal();
        until(30, || engine.leader().is_some()).await;
        assert!(engine.has_vote(), "it has been told what is committed");
        cluster.check().await;
    });
}

#[test]
fn an_idle_transaction_is_told_that_its_leader_is_gone() {
    run(6, async {
        let cluster = Engines::new(3, LOG_BYTES).await;
        let old = cluster.leader().await;
        let follower = cluster.follower().await;
        write(cluster.engine(old), TABLE).await.unwrap();
        let mut remote = begin(cluster.engine(follower), None).await.unwrap();
        ask(&mut remote, "INSERT INTO t VALUES (1, 'x')").await.unwrap();
        cluster.isolate(old);
        assert_eq!(remote.lost().await.state(), SqlState::SERIALIZATION_FAILURE);
        assert!(remote.is_lost());
        let error = remote.commit(&Limits::default()).await.unwrap_err();
        assert_eq!(error.state(), SqlState::SERIALIZATION_FAILURE);
        write(cluster.engine(follower), "INSERT INTO t VALUES (2, 'x')").await.unwrap();
        cluster.heal();
        cluster.check().await;
        let seen = numbers(cluster.engine(old), ReadLevel::None(None), ALL).await.unwrap();
        assert_eq!(seen, [2]);
    });
}

#[test]
fn databases_are_made_and_dropped_everywhere() {
    run(7, async {
        let cluster = Engines::new(3, LOG_BYTES).await;
        let follower = cluster.engine(cluster.follower().await);
        follower.create_database("app").await.unwrap();
        let error = follower.create_database("app").await.unwrap_err();
        assert_eq!(error.state(), SqlState::DUPLICATE_DATABASE);
        let id = follower.database("app").unwrap();
        write_to(follower, id, TABLE, &Limits::default()).await.unwrap();
        let leader = cluster.engine(cluster.leader().await);
        let used = leader.enter(id).unwrap();
        let error = follower.drop_database("app", false).await.unwrap_err();
        assert_eq!(error.state(), SqlState::OBJECT_IN_USE);
        follower.drop_database("app", true).await.unwrap();
        assert!(used.is_dropped());
        assert_eq!(follower.database("app"), None);
        let error = write_to(leader, id, TABLE, &Limits::default()).await.unwrap_err();
        assert_eq!(error.state(), SqlState::DATABASE_DROPPED);
        let error = follower.drop_database("app", false).await.unwrap_err();
        assert_eq!(error.state(), SqlState::INVALID_CATALOG_NAME);
        follower.create_database("app").await.unwrap();
        assert!(follower.database("app").unwrap() > id, "ids are never given twice");
        cluster.check().await;
    });
}

#[test]
fn a_node_goes_on_from_its_files_after_a_restart() {
    run(8, async {
        let mut cluster = Engines::new(3, LOG_BYTES).await;
        write(cluster.engine(0), TABLE).await.unwrap();
        cluster.engine(0).create_database("app").await.unwrap();
        for round in 0..3 {
            let id = cluster.follower().await;
            cluster.stop(id).await;
            let leader = cluster.leader().await;
            write(cluster.engine(leader), &format!("INSERT INTO t VALUES ({round}, 'x')"))
                .await
                .unwrap();
            cluster.start(id).await;
            let seen = numbers(cluster.engine(id), ReadLevel::Linearizable, ALL).await.unwrap();
            assert_eq!(seen.len(), round + 1);
        }
        let leader = cluster.leader().await;
        cluster.stop(leader).await;
        let other = cluster.leader().await;
        write(cluster.engine(other), "INSERT INTO t VALUES (9, 'x')").await.unwrap();
        cluster.start(leader).await;
        cluster.check().await;
        let seen = numbers(cluster.engine(leader), ReadLevel::None(None), ALL).await.unwrap();
        assert_eq!(seen, [0, 1, 2, 9]);
    });
}

#[test]
fn a_node_that_missed_too_much_gets_a_snapshot() {
    run(9, async {
        let mut cluster = Engines::new(3, 64 << 10).await;
        write(cluster.engine(0), TABLE).await.unwrap();
        cluster.engine(0).create_database("kept").await.unwrap();
        cluster.engine(0).create_database("dropped").await.unwrap();
        let laggard = cluster.follower().await;
        let behind = cluster.node(laggard).status().last_log;
        cluster.stop(laggard).await;
        let leader = cluster.leader().await;
        let engine = cluster.engine(leader);
        engine.drop_database("dropped", false).await.unwrap();
        engine.create_database("new").await.unwrap();
        let mut rows = 0;
        while cluster.node(leader).status().purged <= behind {
            write(engine, &format!("INSERT INTO t VALUES ({rows}, randomblob(9000))"))
                .await
                .unwrap();
            rows += 1;
            assert!(rows < 500, "the log is never purged");
            clock::sleep(Duration::from_millis(100)).await;
        }
        // Large ones travel in parts.
        write(engine, "INSERT INTO t VALUES (1000, randomblob(500000))").await.unwrap();
        cluster.start(laggard).await;
        cluster.check().await;
        let names: Vec<String> =
            cluster.engine(laggard).databases().into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["postgres", "kept", "new"]);
        let seen = numbers(cluster.engine(laggard), ReadLevel::None(None), ALL).await.unwrap();
        assert_eq!(seen.len(), rows + 1);
        cluster.stop(laggard).await;
        cluster.start(laggard).await;
        cluster.check().await;
    });
}

#[test]
fn a_leader_whose_files_are_ahead_of_its_log_sends_snapshots() {
    for seed in 0..3 {
        run(seed, async {
            let mut cluster = Engines::new(3, LOG_BYTES).await;
            let leader = cluster.leader().await;
            let (other, laggard) = ((leader + 1) % 3, (leader + 2) % 3);
            write(cluster.engine(leader), "CREATE TABLE t (a INTEGER PRIMARY KEY)").await.unwrap();
            cluster.kill(laggard, None);
            for n in 0..20 {
                let sql = format!("INSERT INTO t VALUES ({n})");
                write(cluster.engine(leader), &sql).await.unwrap();
            }
            cluster.node(leader).compact(Some(0)).await.unwrap();
            write(cluster.engine(leader), "INSERT INTO t VALUES (100)").await.unwrap();
            // It has applied the last row, and nothing on its disk says yet that it was committed.
            cluster.kill(leader, None);
            cluster.kill(other, None);
            cluster.start(leader).await;
            cluster.start(laggard).await;
            // Nothing can be committed before the laggard has its snapshot.
            let leader = cluster.leader().await;
            let rows = numbers(cluster.engine(leader), ReadLevel::Linearizable, "SELECT a FROM t");
            assert_eq!(rows.await.unwrap().len(), 21);
            assert!(cluster.net.snapshot_bytes.load(Ordering::Relaxed) > 0);
            cluster.start(other).await;
            cluster.check().await;
        });
    }
}

#[test]
fn what_changes_here_while_a_snapshot_arrives_is_put_back() {
    run(1, async {
        let cluster = Engines::new(1, LOG_BYTES).await;
        let engine = cluster.engine(0);
        write(engine, TABLE).await.unwrap();
        let rows = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 400) \
                    INSERT INTO t SELECT i, randomblob(900) FROM n";
        write(engine, rows).await.unwrap();
        let expected = cluster.contents(0).await;
        let source = engine.replica().snapshot().await.unwrap();
        let states = source.databases();
        let sink = engine.replica().receive(states.clone()).await.unwrap();
        // Some pages are sent although they are here: only the others have to be put back.
        for state in &states {
            let known = sink.known(state.id, 1, state.pages).unwrap();
            let left_out = known.len() / 2;
            let pages = source.pages(state.id, 1, state.pages, &known[..left_out]).unwrap();
            assert!(known.is_empty() || sink.put(state.id, pages).unwrap());
        }
        drop(source);
        write(engine, "UPDATE t SET b = randomblob(900) WHERE a % 7 = 0").await.unwrap();
        write(engine, "DELETE FROM t WHERE a > 100").await.unwrap();
        assert!(cluster.contents(0).await != expected);
        sink.install().await.unwrap();
        assert!(cluster.contents(0).await == expected);
    });
}

#[test]
fn who_set_the_time_tells_what_ended_a_wait_for_the_leader() {
    run(1, async {
        let cluster = Engines::new(3, LOG_BYTES).await;
        let leader = cluster.leader().await;
        // It leads on for a moment, and hears from nobody.
        cluster.isolate(leader);
        let (short, long) = (Duration::from_millis(50), Duration::from_secs(10));
        let engine = cluster.engine(leader);
        let late = engine.sync(&Limits::default(), short).await.unwrap_err();
        assert_eq!(late.state(), SqlState::CANNOT_CONNECT_NOW);
        assert!(late.message().contains("not caught up"), "{late:?}");
        let limits = Limits { deadline: Some(clock::now().plus(short)), ..Limits::default() };
        let stopped = engine.sync(&limits, long).await.unwrap_err();
        assert_eq!(stopped.state(), SqlState::QUERY_CANCELED);
    });
}
