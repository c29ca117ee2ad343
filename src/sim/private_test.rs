//! Many clients' transactions at once, through every node, against what a serial order allows.
//!
//! Rows are counters and accounts. A counter is only ever raised by one, by somebody who sees the
//! result, so no two committed transactions may have seen the same value and none may be missing.
//! Transfers between accounts keep their sum.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::engines::{DATABASE, Engines, numbers, statement, write};

use tokio::sync::mpsc;

use crate::engine::{Begin, Engine, Limits, Transaction};
use crate::model::error::{Error, SqlState};
use crate::model::read_level::ReadLevel;
use crate::model::statement::{Atomicity, Dialect, RowKey, Statement, Touch, Unit, UnitOutcome};
use crate::model::value::Value;
use crate::platform::random::Random;
use crate::platform::{clock, task};
use crate::sim::run;

const COUNTERS: u64 = 4;
const ACCOUNTS: u64 = 6;
const START: i64 = 1000;

/// What committed transactions have seen: a counter and its value.
type Seen = Arc<Mutex<Vec<(u64, i64)>>>;

fn on_row(sql: String, row: u64, contents: bool) -> Statement {
    let key = RowKey::new("t", &[Value::Integer(row.cast_signed())]);
    let touch = Touch { table: "t".into(), rows: vec![key], existence: false, contents };
    Statement { touch: Some(touch), ..statement(&sql) }
}

fn raise_and_return(row: u64) -> Statement {
    on_row(format!("UPDATE t SET b = b + 1 WHERE a = {row} RETURNING b"), row, true)
}

fn add(row: u64, amount: i64) -> Statement {
    on_row(format!("UPDATE t SET b = b + {amount} WHERE a = {row}"), row, false)
}

/// A transaction at a node, and whether it may be private.
async fn begin(engine: &Engine, private: bool, limits: &Limits) -> Result<Transaction, Error> {
    let (database, dialect, limits) = (DATABASE, Dialect::Postgres, limits.clone());
    engine.begin(Begin { database, dialect, since: None, private, limits }).await
}

/// Nodes with a table `t` of these rows.
async fn with_rows(nodes: u64, rows: &str) -> Engines {
    let cluster = Engines::new(nodes, 1 << 20).await;
    let leader = cluster.engine(cluster.leader().await);
    write(leader, "CREATE TABLE t (a INTEGER PRIMARY KEY, b)").await.unwrap();
    write(leader, &format!("INSERT INTO t VALUES {rows}")).await.unwrap();
    cluster
}

async fn ask(transaction: &mut Transaction, statement: Statement) -> Result<Vec<i64>, Error> {
    let result = transaction.run(statement, &Limits::default()).await?.collect(1 << 20).await?;
    Ok(result.rows.values.iter().map(number).collect())
}

fn number(value: &Value) -> i64 {
    match value {
        Value::Integer(number) => *number,
        other => panic!("{other:?}"),
    }
}

/// A few counters, raised by one transaction, which sees them at once or afterwards.
async fn count(
    transaction: &mut Transaction,
    random: &mut Random,
) -> Result<Vec<(u64, i64)>, Error> {
    let mut seen = Vec::new();
    let mut rows: Vec<u64> = (0..=random.below(2)).map(|_| random.below(COUNTERS)).collect();
    rows.dedup();
    for row in rows {
        if random.below(2) == 0 {
            seen.push((row, ask(transaction, raise_and_return(row)).await?[0]));
        } else {
            ask(transaction, add(row, 1)).await?;
            clock::sleep(Duration::from_millis(random.below(4))).await;
            let select = statement(&format!("SELECT b FROM t WHERE a = {row}"));
            seen.push((row, ask(transaction, select).await?[0]));
        }
        clock::sleep(Duration::from_millis(random.below(4))).await;
    }
    Ok(seen)
}

async fn transfer(transaction: &mut Transaction, random: &mut Random) -> Result<(), Error> {
    let from = COUNTERS + random.below(ACCOUNTS);
    let to = COUNTERS + random.below(ACCOUNTS);
    let amount = random.below(50).cast_signed();
    transaction.savepoint(1).await?;
    ask(transaction, add(from, -amount)).await?;
    if random.below(4) == 0 {
        transaction.rollback_to(1).await?;
        ask(transaction, add(from, -amount)).await?;
    }
    transaction.release(1).await?;
    clock::sleep(Duration::from_millis(random.below(4))).await;
    ask(transaction, add(to, amount)).await?;
    Ok(())
}

/// One transaction; the counters that it saw, if it was committed.
async fn transact(
    engine: &Engine,
    random: &mut Random,
    exclusive: bool,
) -> Result<Vec<(u64, i64)>, Error> {
    let limits = Limits::default();
    let private = !exclusive || random.below(3) > 0;
    let mut transaction = begin(engine, private, &limits).await?;
    let seen = if random.below(3) == 0 {
        count(&mut transaction, random).await?
    } else {
        transfer(&mut transaction, random).await?;
        Vec::new()
    };
    if exclusive && random.below(6) == 0 {
        // Of no known rows: it takes the write slot.
        ask(&mut transaction, statement("UPDATE t SET b = b WHERE a >= 0")).await?;
    }
    if exclusive && random.below(6) == 0 {
        // So long that others ask whether they have to wait for it.
        clock::sleep(Duration::from_millis(random.below(700))).await;
    }
    match random.below(8) {
        0 => {
            transaction.rollback().await;
            Ok(Vec::new())
        }
        1 => {
            drop(transaction);
            Ok(Vec::new())
        }
        _ => transaction.commit(&limits).await.map(|_| seen),
    }
}

/// A counter that is raised by a statement of its own.
async fn unit(engine: &Engine, random: &mut Random) -> Result<Vec<(u64, i64)>, Error> {
    let row = random.below(COUNTERS);
    let unit = Unit {
        dialect: Dialect::Postgres,
        atomicity: Atomicity::Unit,
        statements: vec![raise_and_return(row)],
        schema: None,
        key: None,
    };
    match engine.write(DATABASE, unit, &Limits::default()).await?.outcome {
        UnitOutcome::Ran(results) => Ok(vec![(row, number(&results[0].clone()?.rows.values[0]))]),
        UnitOutcome::SchemaChanged => panic!("no schema was asked for"),
    }
}

async fn client(engine: Engine, seed: u64, exclusive: bool, seen: Seen) -> Result<(), Error> {
    let mut random = Random(seed);
    for _ in 0..25 {
        let done = if random.below(5) == 0 {
            unit(&engine, &mut random).await
        } else {
            transact(&engine, &mut random, exclusive).await
        };
        match done {
            Ok(values) => seen.lock().unwrap().extend(values),
            Err(error) => {
                let state = error.state();
                let overtaken = exclusive && state == SqlState::SERIALIZATION_FAILURE;
                if state != SqlState::DEADLOCK_DETECTED && !overtaken {
                    return Err(error);
                }
            }
        }
    }
    Ok(())
}

fn many_clients(seed: u64, exclusive: bool) {
    run(seed, async {
        let cluster = Engines::new(3, 1 << 20).await;
        let leader = cluster.leader().await;
        write(cluster.engine(leader), "CREATE TABLE t (a INTEGER PRIMARY KEY, b)").await.unwrap();
        for row in 0..COUNTERS + ACCOUNTS {
            let start = if row < COUNTERS { 0 } else { START };
            let insert = format!("INSERT INTO t VALUES ({row}, {start})");
            write(cluster.engine(leader), &insert).await.unwrap();
        }
        let seen = Seen::default();
        let (done, mut ends) = mpsc::channel(8);
        for number in 0..8 {
            let engine = cluster.engine(number % 3).clone();
            let client = client(engine, seed * 100 + number, exclusive, seen.clone());
            let done = done.clone();
            task::spawn(async move { done.send(client.await).await.unwrap() });
        }
        drop(done);
        while let Some(ended) = ends.recv().await {
            ended.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
        let all = "SELECT b FROM t ORDER BY a";
        let left = numbers(cluster.engine(1), ReadLevel::Linearizable, all).await.unwrap();
        let (counters, accounts) = left.split_at(COUNTERS as usize);
        assert_eq!(accounts.iter().sum::<i64>(), ACCOUNTS.cast_signed() * START, "seed {seed}");
        let seen = seen.lock().unwrap().clone();
        for (row, last) in (0..).zip(counters) {
            let values: Vec<i64> =
                seen.iter().filter(|(other, _)| *other == row).map(|(_, value)| *value).collect();
            let distinct: BTreeSet<i64> = values.iter().copied().collect();
            assert_eq!(distinct, (1..=*last).collect(), "seed {seed}, counter {row}");
            assert_eq!(distinct.len(), values.len(), "seed {seed}, counter {row}");
        }
        assert!(counters.iter().sum::<i64>() > 20, "most of it was committed");
        cluster.check().await;
    });
}

#[test]
fn clients_of_the_same_rows_see_a_serial_order_and_no_serialization_failure() {
    for seed in 1..=12 {
        many_clients(seed, false);
    }
}

#[test]
fn what_takes_the_write_slot_in_between_breaks_nothing() {
    for seed in 21..=32 {
        many_clients(seed, true);
    }
}

#[test]
fn a_transaction_that_has_shown_nothing_goes_on_after_a_definition() {
    run(41, async {
        let cluster = with_rows(3, "(0, 0)").await;
        let leader = cluster.leader().await;
        let limits = Limits::default();
        for number in 0..3 {
            let mut transaction = begin(cluster.engine(number), true, &limits).await.unwrap();
            let compiled_for = transaction.catalog().await.unwrap().schema;
            let other = format!("CREATE TABLE other_{number} (a)");
            write(cluster.engine(leader), &other).await.unwrap();
            let stale = transaction.run_compiled(add(0, 1), &limits).await.unwrap();
            assert!(stale.is_none(), "it was compiled for what isn't so any more");
            let catalog = transaction.catalog().await.unwrap();
            assert_ne!(catalog.schema, compiled_for);
            ask(&mut transaction, add(0, 1)).await.unwrap();
            transaction.commit(&limits).await.unwrap();
        }
        let left = numbers(cluster.engine(1), ReadLevel::Linearizable, "SELECT b FROM t").await;
        assert_eq!(left.unwrap(), [3]);
        cluster.check().await;
    });
}

fn insert(row: u64) -> Statement {
    let mut statement = on_row(format!("INSERT INTO t VALUES ({row}, 0)"), row, true);
    statement.touch.as_mut().unwrap().existence = true;
    statement
}

/// One program that uses two connections in turn.
#[test]
fn who_has_nothing_to_do_with_an_idle_transaction_does_not_wait_for_it() {
    run(42, async {
        let cluster = with_rows(3, "(0, 0)").await;
        for number in 0..3 {
            let engine = cluster.engine(number);
            let mut definer = begin(engine, false, &Limits::default()).await.unwrap();
            ask(&mut definer, statement(&format!("CREATE TABLE other_{number} (a)")))
                .await
                .unwrap();
            let mut noter = begin(engine, true, &Limits::default()).await.unwrap();
            ask(&mut noter, insert(number + 1)).await.unwrap();
            ask(&mut noter, add(0, 1)).await.unwrap();
            definer.commit(&Limits::default()).await.unwrap();
            // As sessions do before each statement: it is compiled for this.
            noter.catalog().await.unwrap();
            let seen = ask(&mut noter, statement("SELECT b FROM t ORDER BY a")).await.unwrap();
            assert_eq!(seen[0], number as i64 + 1);
            noter.commit(&Limits::default()).await.unwrap();
        }
        let left = numbers(cluster.engine(1), ReadLevel::Linearizable, "SELECT b FROM t").await;
        assert_eq!(left.unwrap(), [3, 0, 0, 0]);
        cluster.check().await;
    });
}

#[test]
fn who_depends_on_an_idle_transaction_waits_for_it() {
    run(43, async {
        let cluster = with_rows(1, "(0, 0), (1, 0), (3, 0)").await;
        let engine = cluster.engine(0);
        let soon = Limits { lock_timeout: Some(Duration::from_secs(2)), ..Limits::default() };
        let mut holder = begin(engine, false, &Limits::default()).await.unwrap();
        ask(&mut holder, statement("UPDATE t SET b = b + 1 WHERE a >= 0")).await.unwrap();
        ask(&mut holder, statement("INSERT INTO t VALUES (2, 0)")).await.unwrap();
        ask(&mut holder, statement("DELETE FROM t WHERE a = 3")).await.unwrap();
        for depends in [raise_and_return(0), insert(2), insert(3)] {
            let refused = begin(engine, true, &Limits::default())
                .await
                .unwrap()
                .run(depends, &soon)
                .await
                .unwrap_err();
            assert_eq!(refused.state(), SqlState::LOCK_NOT_AVAILABLE);
        }
        // What is tried for others leaves nothing behind.
        assert_eq!(ask(&mut holder, statement("SELECT sum(b) FROM t")).await.unwrap(), [2]);
        let mut other = begin(engine, true, &Limits::default()).await.unwrap();
        ask(&mut other, add(1, 10)).await.unwrap();
        holder.commit(&Limits::default()).await.unwrap();
        other.commit(&Limits::default()).await.unwrap();
        let left = numbers(engine, ReadLevel::Linearizable, "SELECT b FROM t ORDER BY a").await;
        assert_eq!(left.unwrap(), [1, 11, 0]);
    });
}

#[test]
fn what_was_done_beside_a_definition_of_the_same_table_is_not_committed() {
    run(44, async {
        let cluster = with_rows(1, "(0, 0)").await;
        let engine = cluster.engine(0);
        for (number, definition) in [
            "CREATE INDEX by_b ON t (b)",
            "ALTER TABLE t ADD COLUMN c DEFAULT 1",
            "CREATE TABLE child (a REFERENCES t (a))",
            "CREATE TRIGGER T_changes AFTER INSERT ON T BEGIN UPDATE t SET b = 7; END",
        ]
        .into_iter()
        .enumerate()
        {
            let mut definer = begin(engine, false, &Limits::default()).await.unwrap();
            ask(&mut definer, statement("DELETE FROM t WHERE a = 99")).await.unwrap();
            let mut other = begin(engine, true, &Limits::default()).await.unwrap();
            let row = number as u64 + 1;
            let statement_now = if number > 1 { add(0, 0) } else { insert(row) };
            ask(&mut other, statement_now).await.unwrap();
            ask(&mut definer, statement(definition)).await.unwrap();
            definer.commit(&Limits::default()).await.unwrap();
            let refused = other.commit(&Limits::default()).await.unwrap_err();
            assert_eq!(refused.state(), SqlState::SERIALIZATION_FAILURE, "{definition}");
        }
        // Its triggers do more than the statement says: it waits for its turn.
        let mut fires = begin(engine, true, &Limits::default()).await.unwrap();
        let fired = Statement { sql: "INSERT INTO t (a, b) VALUES (9, 0)".into(), ..insert(9) };
        ask(&mut fires, fired).await.unwrap();
        let limits = Limits { lock_timeout: Some(Duration::from_millis(50)), ..Limits::default() };
        let refused = begin(engine, false, &limits).await.map(drop).unwrap_err();
        assert_eq!(refused.state(), SqlState::LOCK_NOT_AVAILABLE, "it has the write slot");
        fires.commit(&Limits::default()).await.unwrap();
        let left = numbers(engine, ReadLevel::Linearizable, "SELECT b FROM t ORDER BY a").await;
        assert_eq!(left.unwrap(), [7, 7]);
    });
}

#[test]
fn a_statement_that_waits_while_others_define_something_is_compiled_again() {
    run(45, async {
        let cluster = with_rows(1, "(0, 0)").await;
        let engine = cluster.engine(0);
        let limits = Limits::default();
        let mut definer = begin(engine, false, &Limits::default()).await.unwrap();
        ask(&mut definer, statement("UPDATE t SET b = b + 1")).await.unwrap();
        let mut other = begin(engine, true, &Limits::default()).await.unwrap();
        ask(&mut other, insert(1)).await.unwrap();
        let define = async {
            clock::sleep(Duration::from_secs(1)).await;
            ask(&mut definer, statement("CREATE TABLE more (a)")).await.unwrap();
            definer.commit(&limits).await.unwrap();
        };
        let (waited, ()) = tokio::join!(other.run_compiled(raise_and_return(0), &limits), define);
        assert!(waited.unwrap().is_none(), "it was compiled for what isn't so any more");
        let now = other.catalog().await.unwrap();
        assert_eq!(now, engine.catalog(DATABASE).await.unwrap());
        assert_eq!(ask(&mut other, raise_and_return(0)).await.unwrap(), [2]);
        other.commit(&limits).await.unwrap();
        let left = numbers(engine, ReadLevel::Linearizable, "SELECT b FROM t ORDER BY a").await;
        assert_eq!(left.unwrap(), [2, 0]);
    });
}
