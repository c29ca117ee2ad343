//! Private transactions beside a lane: when they may run, and what the lane does about their rows.

use super::lane_test::{Bench, FENCE, TABLE, results, state, statement, unit};
use super::*;
use crate::engine::Written;
use crate::engine::cancel::Token;
use crate::model::error::SqlState;
use crate::model::statement::{Dialect, RowKey, Statement, StatementResult, Touch, Unit};
use crate::model::value::{RowBatch, Value};
use crate::sqlite::Outcome;

fn row(number: i64) -> RowKey {
    RowKey::new("t", &[Value::Integer(number)])
}

/// A statement that changes one row of `t`.
fn touching(sql: &str, number: i64, existence: bool) -> Statement {
    let touch = Touch { table: "t".into(), rows: vec![row(number)], existence, contents: false };
    Statement { touch: Some(touch), ..statement(sql) }
}

fn shared(statement: Statement) -> Unit {
    Unit { dialect: Dialect::Postgres, statements: vec![statement], ..unit(&[]) }
}

fn want(number: i64, hold: row_locks::Hold) -> Vec<Want> {
    vec![(row(number), hold)]
}

const BLIND: row_locks::Hold = row_locks::Hold::Blind;
const FULL: row_locks::Hold = row_locks::Hold::Full;

impl Bench {
    /// A transaction that is active.
    async fn private(&self) -> Registration {
        let registration = self.handle.shared.privates.register(&self.handle).unwrap();
        if registration.enter().unwrap().is_none() {
            let (reply, entered) = oneshot::channel();
            let entering = Entering { number: registration.number, reply };
            self.handle.send(Event::Enter(entering)).await.unwrap();
            entered.await.unwrap().unwrap();
        }
        registration
    }

    async fn commit_private(
        &self,
        registration: Registration,
        statements: Vec<Statement>,
        outcomes: Vec<Outcome>,
    ) -> oneshot::Receiver<Result<Written, Refusal>> {
        let schema = Some(registration.schema);
        let (reply, answer) = oneshot::channel();
        let submission = Submission {
            unit: Unit { dialect: Dialect::Postgres, statements, schema, ..unit(&[]) },
            token: Token::default(),
            deadline: None,
            claim: Claim::default(),
            private: Some(Private { registration: Arc::new(registration), outcomes }),
            _place: self.handle.place(),
            reply,
        };
        self.handle.send(Event::Commit(submission)).await.unwrap();
        answer
    }

    /// Waits until the lane has handled what was sent to it.
    async fn settle(&self) {
        // The second one is looked at after the queue has been served, and the gate set, for the first.
        for _ in 0..2 {
            let (reply, done) = oneshot::channel();
            let job = Between(Box::new(move || reply.send(()).unwrap()));
            self.handle.send(Event::Between(job)).await.unwrap();
            done.await.unwrap();
        }
    }

    async fn with_table() -> Self {
        let bench = Self::new(1).await;
        bench.write(&[TABLE, "INSERT INTO t VALUES (1), (2)"]).await;
        bench.settle().await;
        bench
    }
}

/// What a client saw who changed one row.
fn changed_one() -> Outcome {
    let mut result = StatementResult { rows: RowBatch::default(), ..StatementResult::default() };
    result.completion.rows_affected = 1;
    Outcome::of(&result)
}

#[tokio::test]
async fn private_transactions_commit_as_one_entry() {
    let bench = Bench::with_table().await;
    let (a, b) = (bench.private().await, bench.private().await);
    let mut answers = Vec::new();
    let blocker =
        bench.submit_with(shared(touching("DELETE FROM t WHERE a = 2", 2, true)), Token::default());
    let blocker = blocker.await;
    let proposal = bench.proposal().await;
    for (registration, number) in [(a, 3), (b, 4)] {
        let insert = touching(&format!("INSERT INTO t VALUES ({number})"), number, true);
        answers.push(bench.commit_private(registration, vec![insert], vec![changed_one()]).await);
    }
    bench.commit(proposal).await;
    results(blocker.await.unwrap());
    bench.commit(bench.proposal().await).await;
    for answer in answers {
        assert_eq!(answer.await.unwrap().unwrap().index, Some(LogIndex(3)));
    }
    assert_eq!(bench.count("t"), 3);
    bench.settle().await;
    assert!(bench.handle.shared.privates.holds_nothing());
}

#[tokio::test]
async fn what_comes_out_differently_is_not_committed() {
    let bench = Bench::with_table().await;
    let gone = touching("DELETE FROM t WHERE a = 7", 7, true);
    let insert = touching("INSERT INTO t VALUES (9)", 9, true);
    let outcomes = vec![changed_one(), changed_one()];
    let answer = bench.commit_private(bench.private().await, vec![insert, gone], outcomes).await;
    bench.commit(bench.proposal().await).await;
    let failed = results(answer.await.unwrap());
    assert_eq!(failed[0].as_ref().unwrap_err().state(), SqlState::SERIALIZATION_FAILURE);
    assert_eq!(bench.count("t"), 2);
}

#[tokio::test]
async fn a_unit_waits_for_a_row_that_somebody_has_seen() {
    let bench = Bench::with_table().await;
    let seen = bench.private().await;
    assert!(matches!(seen.ask(&want(1, FULL), false), Ok(Asked::Granted)));
    let update = || shared(touching("UPDATE t SET a = a WHERE a = 1", 1, false));
    let other = || shared(touching("UPDATE t SET a = a WHERE a = 2", 2, false));
    let mut waiting = bench.submit_with(update(), Token::default()).await;
    let passing = bench.submit_with(other(), Token::default()).await;
    bench.commit(bench.proposal().await).await;
    results(passing.await.unwrap());
    bench.settle().await;
    assert!(waiting.try_recv().is_err());
    drop(seen);
    bench.commit(bench.proposal().await).await;
    results(waiting.await.unwrap());
}

#[tokio::test]
async fn rows_of_units_in_flight_are_not_seen() {
    let bench = Bench::with_table().await;
    let unit = shared(touching("UPDATE t SET a = a WHERE a = 1", 1, false));
    let answer = bench.submit_with(unit, Token::default()).await;
    let proposal = bench.proposal().await;
    let private = bench.private().await;
    assert!(matches!(private.ask(&want(1, BLIND), false), Ok(Asked::Granted)));
    let Ok(Asked::Wait(mut released)) = private.ask(&[], true) else { panic!("it must wait") };
    bench.commit(proposal).await;
    results(answer.await.unwrap());
    released.changed().await.unwrap();
    assert!(matches!(private.ask(&[], true), Ok(Asked::Granted)));
}

#[tokio::test]
async fn what_nobody_knows_the_rows_of_runs_alone() {
    let bench = Bench::with_table().await;
    let first = bench.private().await;
    let mut exclusive = bench.open().await;
    bench.settle().await;
    assert!(exclusive.try_recv().is_err(), "a transaction is active");
    let second = bench.handle.shared.privates.register(&bench.handle).unwrap();
    assert_eq!(second.enter().unwrap(), None, "the gate is closed");
    let epoch = first.enter().unwrap().unwrap();
    drop(first);
    let opened = exclusive.await.unwrap().unwrap();
    let (reply, mut entered) = oneshot::channel();
    let entering = Entering { number: second.number, reply };
    bench.handle.send(Event::Enter(entering)).await.unwrap();
    drop(opened);
    (&mut entered).await.unwrap().unwrap();
    assert!(second.enter().unwrap().unwrap() > epoch, "it can tell that it was overtaken");
}

#[tokio::test]
async fn who_waits_for_a_row_lets_others_run_alone() {
    let bench = Bench::with_table().await;
    let (holder, waiter) = (bench.private().await, bench.private().await);
    assert!(matches!(holder.ask(&want(1, FULL), false), Ok(Asked::Granted)));
    assert!(matches!(waiter.ask(&want(1, FULL), false), Ok(Asked::Wait(_))));
    // To take the write slot itself.
    holder.leave();
    bench.open().await.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_circle_of_waits_is_a_deadlock() {
    let bench = Bench::with_table().await;
    let (a, b) = (bench.private().await, bench.private().await);
    assert!(matches!(a.ask(&want(1, FULL), false), Ok(Asked::Granted)));
    assert!(matches!(b.ask(&want(2, FULL), false), Ok(Asked::Granted)));
    assert!(matches!(a.ask(&want(2, FULL), false), Ok(Asked::Wait(_))));
    let error = b.ask(&want(1, FULL), false).unwrap_err();
    assert_eq!(error.state(), SqlState::DEADLOCK_DETECTED);
    drop(b);
    assert!(matches!(a.ask(&want(2, FULL), false), Ok(Asked::Granted)));
}

#[tokio::test]
async fn a_lost_leadership_ends_them_all() {
    let bench = Bench::with_table().await;
    let private = bench.private().await;
    assert!(matches!(private.ask(&want(1, FULL), false), Ok(Asked::Granted)));
    bench.handle.leadership(None).await;
    let mut lost = private.lost.clone();
    lost.changed().await.unwrap();
    assert_eq!(private.check().unwrap_err().state(), SqlState::SERIALIZATION_FAILURE);
    let answer = bench.commit_private(private, Vec::new(), Vec::new()).await;
    assert_eq!(answer.await.unwrap(), Err(Refusal::NotLeader));
    assert!(bench.handle.shared.privates.register(&bench.handle).is_none());
    bench.handle.leadership(Some(FENCE)).await;
    bench.settle().await;
    assert!(bench.handle.shared.privates.holds_nothing());
    drop(bench.private().await);
}

#[tokio::test]
async fn what_fires_a_trigger_runs_alone() {
    let bench = Bench::with_table().await;
    bench
        .write(&["CREATE TRIGGER more AFTER INSERT ON T BEGIN DELETE FROM t WHERE a = 1; END"])
        .await;
    bench.settle().await;
    assert!(bench.handle.shared.privates.is_triggered("t"));
    let active = bench.private().await;
    let insert = shared(touching("INSERT INTO t VALUES (7)", 7, true));
    let mut waiting = bench.submit_with(insert, Token::default()).await;
    bench.settle().await;
    assert!(waiting.try_recv().is_err(), "a transaction is active");
    drop(active);
    bench.commit(bench.proposal().await).await;
    results(waiting.await.unwrap());
    assert_eq!(bench.count("t"), 2, "its trigger removed one");
    bench.write(&["DROP TRIGGER more"]).await;
    bench.settle().await;
    assert!(!bench.handle.shared.privates.is_triggered("t"));
}

#[tokio::test]
async fn an_unknown_outcome_is_told_to_a_private_transaction_too() {
    let bench = Bench::with_table().await;
    let insert = touching("INSERT INTO t VALUES (9)", 9, true);
    let other = bench.private().await;
    let answer =
        bench.commit_private(bench.private().await, vec![insert], vec![changed_one()]).await;
    bench.proposal().await.answer.send(Err(ProposeError::Unknown)).unwrap();
    assert_eq!(state(answer.await.unwrap()), SqlState::TRANSACTION_RESOLUTION_UNKNOWN);
    assert_eq!(other.check().unwrap_err().state(), SqlState::SERIALIZATION_FAILURE);
}
