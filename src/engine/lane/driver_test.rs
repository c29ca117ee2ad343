//! Lanes that are run by those who have something short for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::lane_test::{Bench, TABLE, run, statement, unit};
use crate::engine::cancel::Token;
use crate::model::statement::{Parameters, Statement, Unit};
use crate::model::value::Value;
use crate::platform::{clock, task};

/// More than a batch of rows, or none.
const MANY: &str = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < \
                    (SELECT max(a) FROM t)) SELECT n FROM n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_units_are_committed_one_after_the_other() {
    let bench = Bench::new(1).await;
    bench.write(&[TABLE]).await;
    for _ in 0..50 {
        bench.write(&["INSERT INTO t VALUES (NULL)"]).await;
    }
    assert_eq!(bench.count("t"), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_lose_nothing() {
    let bench = Arc::new(Bench::new(1).await);
    bench.write(&[TABLE]).await;
    let (done, mut clients) = mpsc::channel::<()>(1);
    for _ in 0..8 {
        let (bench, done) = (bench.clone(), done.clone());
        task::spawn(async move {
            for _ in 0..25 {
                let answer = bench.submit(&["INSERT INTO t VALUES (NULL)"]).await;
                answer.await.unwrap().unwrap();
                let opened = bench.open().await.await.unwrap().unwrap();
                run(&opened, "INSERT INTO t VALUES (NULL)").await.unwrap();
                let (reply, answer) = oneshot::channel();
                opened.send(super::Request::Commit { reply }).await.unwrap();
                answer.await.unwrap().unwrap();
            }
            drop(done);
        });
    }
    drop(done);
    loop {
        tokio::select! {
            _ = clients.recv() => break,
            proposal = bench.proposal() => drop(bench.commit(proposal).await),
        }
    }
    assert_eq!(bench.count("t"), 8 * 25 * 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_text_that_was_short_and_takes_long_does_not_stop_other_tasks() {
    let bench = Arc::new(Bench::new(1).await);
    bench.write(&[TABLE]).await;
    let counting = "INSERT INTO t WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n \
                    WHERE n < ?1) SELECT NULL FROM n WHERE n = ?1";
    let counted = |to: i64| {
        let parameters = Parameters::Positional(vec![Value::Integer(to)]);
        Unit { statements: vec![Statement { parameters, ..statement(counting) }], ..unit(&[]) }
    };
    for _ in 0..5 {
        let answer = bench.submit_with(counted(1), Token::default()).await;
        bench.commit(bench.proposal().await).await;
        answer.await.unwrap().unwrap();
    }
    let ticks = Arc::new(AtomicU64::new(0));
    let counter = ticks.clone();
    task::spawn(async move {
        loop {
            clock::sleep(Duration::from_millis(1)).await;
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    // The submission runs it, on the one thread that there is for tasks, if it was seen to be short.
    let before = ticks.load(Ordering::Relaxed);
    let (told, hears) = oneshot::channel();
    let (submitter, unit) = (bench.clone(), counted(5_000_000));
    task::spawn(async move {
        drop(told.send(submitter.submit_with(unit, Token::default()).await));
    });
    let answer = hears.await.unwrap();
    let proposal = bench.proposal().await;
    let meanwhile = ticks.load(Ordering::Relaxed) - before;
    bench.commit(proposal).await;
    answer.await.unwrap().unwrap();
    assert!(meanwhile > 10, "{meanwhile} ticks while it ran");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_read_that_was_short_and_has_many_rows_gives_them_all() {
    let bench = Bench::new(1).await;
    bench.write(&[TABLE]).await;
    let opened = bench.open().await.await.unwrap().unwrap();
    for _ in 0..3 {
        assert_eq!(run(&opened, MANY).await.unwrap().rows.values.len(), 1);
    }
    run(&opened, "INSERT INTO t VALUES (10000)").await.unwrap();
    assert_eq!(run(&opened, MANY).await.unwrap().rows.values.len(), 10_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_write_that_was_short_and_returns_many_rows_gives_them_all_and_runs_once() {
    let bench = Bench::new(1).await;
    bench.write(&[TABLE]).await;
    let opened = bench.open().await.await.unwrap().unwrap();
    let update = "UPDATE t SET a = -a RETURNING a";
    for _ in 0..3 {
        assert_eq!(run(&opened, update).await.unwrap().rows.values.len(), 0);
    }
    run(&opened, &format!("INSERT INTO t {}", MANY.replace("(SELECT max(a) FROM t)", "10000")))
        .await
        .unwrap();
    assert_eq!(run(&opened, update).await.unwrap().rows.values.len(), 10_000);
    let negative = run(&opened, "SELECT count(*) FROM t WHERE a < 0").await.unwrap();
    assert_eq!(negative.rows.values, [Value::Integer(10_000)]);
}
