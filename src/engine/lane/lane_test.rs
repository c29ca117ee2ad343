//! A lane with a real database, and a script in the place of agreement.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::*;
use crate::engine::Written;
use crate::engine::cancel::{Canceler, Token};
use crate::engine::rows;
use crate::engine::spool::Spool;
use crate::model::command::Command;
use crate::model::error::SqlState;
use crate::model::id::Term;
use crate::model::statement::{
    Atomicity, Dialect, Parameters, Statement, StatementResult, Unit, UnitOutcome,
};
use crate::model::value::Value;
use crate::platform::clock;
use crate::platform::disk::RealDisk;
use crate::sqlite::{Control, Database, Options, Reader};

pub(super) const FENCE: Fence = Fence { term: Term(1), leader: NodeId(1) };

/// A proposal that waits for the test to say what becomes of it.
pub(super) struct Proposal {
    part: PagesPart,
    pub(super) answer: oneshot::Sender<Result<Applied, ProposeError>>,
}

#[derive(Debug)]
struct Script {
    proposals: mpsc::Sender<Proposal>,
    confirms: std::sync::Mutex<VecDeque<Result<(), ProposeError>>>,
}

impl std::fmt::Debug for Proposal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proposal")
    }
}

impl Proposer for Script {
    fn propose(
        &self,
        command: Command,
        _: Fence,
    ) -> BoxFuture<'static, Result<Applied, ProposeError>> {
        let Command::Pages(part) = command else { panic!("a lane proposes pages") };
        let proposals = self.proposals.clone();
        Box::pin(async move {
            let (answer, outcome) = oneshot::channel();
            proposals.send(Proposal { part, answer }).await.unwrap();
            outcome.await.unwrap_or(Err(ProposeError::Stopped))
        })
    }

    fn confirm(&self, _: Fence) -> BoxFuture<'static, Result<(), ProposeError>> {
        let answer = self.confirms.lock().unwrap().pop_front().unwrap_or(Ok(()));
        Box::pin(std::future::ready(answer))
    }
}

/// A database with a lane, on one node.
pub(super) struct Bench {
    directory: Arc<tempfile::TempDir>,
    database: Database,
    pub(super) handle: LaneHandle,
    proposals: Mutex<mpsc::Receiver<Proposal>>,
    script: Arc<Script>,
    log: std::sync::Mutex<u64>,
}

fn options() -> Options {
    Options {
        foreign_keys: false,
        transaction_bytes_max: 64 << 20,
        cache_bytes: 8 << 20,
        readers_max: 4,
        deparse: None,
        value_bytes_max: 64 << 20,
        extensions: Vec::new(),
        capturing: None,
    }
}

fn open(directory: &std::path::Path) -> Database {
    let disk: Arc<dyn crate::platform::disk::Disk> = Arc::new(RealDisk);
    Database::open(&disk, &directory.join("db.sqlite"), &options()).unwrap()
}

impl Bench {
    pub(super) async fn new(node: u64) -> Self {
        let bench =
            Self::with(node, Arc::new(tempfile::tempdir().unwrap()), 1 << 20, Position::default());
        bench.handle.leadership(Some(FENCE)).await;
        bench
    }

    fn with(
        node: u64,
        directory: Arc<tempfile::TempDir>,
        entry_bytes_max: usize,
        position: Position,
    ) -> Self {
        let database = open(directory.path());
        let (sender, proposals) = mpsc::channel(16);
        let script = Arc::new(Script { proposals: sender, confirms: std::sync::Mutex::default() });
        let disk = Arc::new(RealDisk);
        let (lane, events, handle) = Lane::new(Start {
            database: DatabaseId::POSTGRES,
            node: NodeId(node),
            writer: Some(database.writer()),
            position,
            spool: Spool::open(disk, directory.path(), DatabaseId::POSTGRES).unwrap(),
            limits: LaneLimits {
                entry_bytes_max,
                result_bytes_max: 1 << 20,
                queue_length_max: 100,
                // However busy the machine is.
                batch_time_max: Duration::from_mins(1),
            },
            proposer: script.clone(),
            hub: Arc::default(),
        });
        start("lane", lane, events, |fault| panic!("{fault}")).unwrap();
        let (proposals, log) = (Mutex::new(proposals), std::sync::Mutex::new(0));
        Self { directory, database, handle, proposals, script, log }
    }

    pub(super) async fn submit_with(
        &self,
        unit: Unit,
        token: Token,
    ) -> oneshot::Receiver<Result<Written, Refusal>> {
        self.submit_claimed(unit, token, Claim::default()).await
    }

    async fn submit_claimed(
        &self,
        unit: Unit,
        token: Token,
        claim: Claim,
    ) -> oneshot::Receiver<Result<Written, Refusal>> {
        let (reply, answer) = oneshot::channel();
        let submission = Submission {
            unit,
            token,
            deadline: None,
            claim,
            private: None,
            _place: self.handle.wait().unwrap(),
            reply,
        };
        self.handle.send(Event::Submit(submission)).await.unwrap();
        answer
    }

    pub(super) async fn submit(
        &self,
        statements: &[&str],
    ) -> oneshot::Receiver<Result<Written, Refusal>> {
        self.submit_with(unit(statements), Token::default()).await
    }

    pub(super) async fn open(&self) -> oneshot::Receiver<Result<Opened, Refusal>> {
        let (reply, answer) = oneshot::channel();
        let opening = Opening {
            dialect: Dialect::Sqlite,
            since: None,
            lane: self.handle.clone(),
            _place: self.handle.wait().unwrap(),
            reply,
        };
        self.handle.send(Event::Open(opening)).await.unwrap();
        answer
    }

    pub(super) async fn proposal(&self) -> Proposal {
        let mut proposals = self.proposals.lock().await;
        clock::timeout(Duration::from_secs(10), proposals.recv())
            .await
            .expect("a proposal")
            .unwrap()
    }

    async fn apply(&self, part: PagesPart) -> Applied {
        let index = {
            let mut log = self.log.lock().unwrap();
            *log += 1;
            *log
        };
        self.handle.apply(LogIndex(index), part).await.unwrap()
    }

    /// Lets a proposal be committed: every node applies it, then the proposer hears of it.
    pub(super) async fn commit(&self, proposal: Proposal) -> PagesPart {
        let applied = self.apply(proposal.part.clone()).await;
        let _ = proposal.answer.send(Ok(applied));
        proposal.part
    }

    /// Runs a unit and lets it be committed.
    pub(super) async fn write(&self, statements: &[&str]) -> Vec<PagesPart> {
        let mut answer = self.submit(statements).await;
        let mut parts = Vec::new();
        loop {
            parts.push(self.commit(self.proposal().await).await);
            if parts.last().unwrap().last {
                (&mut answer).await.unwrap().unwrap();
                return parts;
            }
        }
    }

    pub(super) fn count(&self, table: &str) -> i64 {
        let mut reader = self.database.reader(Duration::from_secs(5)).unwrap();
        match query(&mut reader, &format!("SELECT count(*) FROM {table}")).rows.values[..] {
            [Value::Integer(count)] => count,
            ref other => panic!("{other:?}"),
        }
    }

    /// All pages, to compare nodes.
    fn pages(&self) -> Vec<Bytes> {
        let mut view = self.database.snapshot().unwrap();
        (1..=view.pages()).map(|number| view.page(number).unwrap()).collect()
    }

    fn position(&self) -> Position {
        self.handle.shared.position()
    }
}

fn query(reader: &mut Reader, sql: &str) -> StatementResult {
    let mut rows = rows::Collector::new(1 << 20);
    let control = Control::default();
    let done = reader.run(Dialect::Sqlite, &statement(sql), None, &control, &mut rows);
    rows.into_result(done.unwrap().unwrap())
}

pub(super) fn statement(sql: &str) -> Statement {
    Statement { sql: sql.into(), parameters: Parameters::default(), touch: None }
}

pub(super) fn unit(statements: &[&str]) -> Unit {
    Unit {
        dialect: Dialect::Sqlite,
        atomicity: Atomicity::Unit,
        statements: statements.iter().map(|sql| statement(sql)).collect(),
        schema: None,
        key: None,
    }
}

pub(super) fn state(answer: Result<Written, Refusal>) -> SqlState {
    match answer {
        Err(Refusal::Error(error)) => error.state(),
        other => panic!("{other:?}"),
    }
}

pub(super) fn results(answer: Result<Written, Refusal>) -> Vec<Result<StatementResult, Error>> {
    match answer {
        Ok(Written { outcome: UnitOutcome::Ran(results), .. }) => results,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn run(opened: &Opened, sql: &str) -> Result<StatementResult, Error> {
    let (rows, pending) = rows::channel(Canceler::default().start(), None);
    opened.send(Request::Run { statement: statement(sql), rows, lock_timeout: None }).await?;
    pending.started().await?.unwrap().collect(1 << 20).await
}

pub(super) const TABLE: &str = "CREATE TABLE t (a INTEGER PRIMARY KEY)";

#[tokio::test]
async fn units_that_wait_are_committed_as_one_entry() {
    let bench = Bench::new(1).await;
    bench.write(&[TABLE]).await;
    let first = bench.submit(&["INSERT INTO t VALUES (1)"]).await;
    let proposal = bench.proposal().await;
    let second = bench.submit(&["INSERT INTO t VALUES (2)"]).await;
    let failing = bench.submit(&["INSERT INTO t VALUES (3)", "INSERT INTO t VALUES (1)"]).await;
    let third = bench.submit(&["INSERT INTO t VALUES (4)"]).await;
    assert_eq!(bench.count("t"), 0, "nobody reads what isn't committed");
    bench.commit(proposal).await;
    assert_eq!(results(first.await.unwrap()).len(), 1);
    let proposal = bench.proposal().await;
    assert_eq!(bench.count("t"), 1);
    bench.commit(proposal).await;
    let index = |written: Result<Written, Refusal>| written.unwrap().index;
    assert_eq!(index(second.await.unwrap()), Some(LogIndex(3)));
    let failed = results(failing.await.unwrap());
    assert_eq!(failed[1].as_ref().unwrap_err().state(), SqlState::UNIQUE_VIOLATION);
    assert_eq!(index(third.await.unwrap()), Some(LogIndex(3)));
    assert_eq!(bench.count("t"), 3, "the failed unit left nothing behind");
}

#[tokio::test]
async fn statements_fail_alone_where_the_unit_says_so() {
    let bench = Bench::new(1).await;
    bench.write(&[TABLE]).await;
    let sql = ["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)"];
    let unit = Unit { atomicity: Atomicity::Statement, ..unit(&sql) };
    let answer = bench.submit_with(unit, Token::default()).await;
    bench.commit(bench.proposal().await).await;
    let ok: Vec<bool> = results(answer.await.unwrap()).iter().map(Result::is_ok).collect();
    assert_eq!((ok, bench.count("t")), (vec![true, false, true], 2));
}

#[tokio::test]
async fn another_schema_runs_nothing() {
    let bench = Bench::new(1).await;
    bench.write(&[TABLE]).await;
    let schema = bench.handle.shared.schema();
    let unit = Unit { schema: Some(SchemaVersion(schema.0 + 1)), ..unit(&["DELETE FROM t"]) };
    let answer = bench.submit_with(unit, Token::default()).await.await.unwrap().unwrap();
    assert_eq!(
        answer,
        Written { outcome: UnitOutcome::SchemaChanged, index: None, repeated: false }
    );
}

#[tokio::test]
async fn what_changed_nothing_is_answered_only_by_a_leader() {
    let bench = Bench::new(1).await;
    bench.write(&[TABLE]).await;
    let answer = bench.submit(&["DELETE FROM t"]).await.await.unwrap();
    assert_eq!(answer.unwrap().index, None);
    bench.script.confirms.lock().unwrap().push_back(Err(ProposeError::NotLeader));
    let answer = bench.submit(&["DELETE FROM t"]).await.await.unwrap();
    assert_eq!(state(answer), SqlState::SERIALIZATION_FAILURE);
}

#[tokio::test]
async fn a_proposal_that_was_never_appended_changed_nothing() {
    let bench = Bench::new(1).await;
    bench.write(&[TABLE]).await;
    let answer = bench.submit(&["INSERT INTO t VALUES (1)"]).await;
    let proposal = bench.proposal().await;
    let waiting = bench.submit(&["INSERT INTO t VALUES (2)"]).await;
    proposal.answer.send(Err(ProposeError::NotLeader)).unwrap();
    assert_eq!(state(answer.await.unwrap()), SqlState::SERIALIZATION_FAILURE);
    bench.commit(bench.proposal().await).await;
    waiting.await.unwrap().unwrap();
    assert_eq!(bench.count("t"), 1);
}

#[tokio::test]
async fn a_full_log_refuses_a_transaction_and_takes_the_next_one_when_it_can() {
    let bench = Bench::new(1).await;
    bench.write(&[TABLE]).await;
    let answer = bench.submit(&["INSERT INTO t VALUES (1)"]).await;
    bench.proposal().await.answer.send(Err(ProposeError::Full)).unwrap();
    assert_eq!(state(answer.await.unwrap()), SqlState::DISK_FULL);
    assert_eq!(bench.count("t"), 0);
    bench.write(&["INSERT INTO t VALUES (2)"]).await;
    assert_eq!(bench.count("t"), 1);
}

#[tokio::test]
async fn commit_after_lost_leadership_is_unknown_and_may_still_come() {
    let bench = Bench::new(1).await;
    bench.write(&[TABLE]).await;
    let answer = bench.submit(&["INSERT INTO t VALUES (1)"]).await;
    let Proposal { part, answer: outcome } = bench.proposal().await;
    outcome.send(Err(ProposeError::Unknown)).unwrap();
    assert_eq!(state(answer.await.unwrap()), SqlState::TRANSACTION_RESOLUTION_UNKNOWN);
    assert_eq!(bench.count("t"), 0);
    assert_eq!(bench.apply(part).await, Applied::Done);
    assert_eq!(bench.count("t"), 1);
    bench.write(&["INSERT INTO t VALUES (2)"]).await;
    assert_eq!(bench.count("t"), 2);
}

#[tokio::test]
async fn another_leaders_entry_wins_over_a_proposal() {
    let (ours, theirs) = (Bench::new(1).await, Bench::new(2).await);
    for part in theirs.write(&[TABLE]).await {
        assert_eq!(ours.apply(part).await, Applied::Done);
    }
    let answer = ours.submit(&["INSERT INTO t VALUES (1)"]).await;
    let late = ours.proposal().await;
    for part in theirs.write(&["INSERT INTO t VALUES (2)"]).await {
        assert_eq!(ours.apply(part).await, Applied::Done);
    }
    assert_eq!(state(answer.await.unwrap()), SqlState::SERIALIZATION_FAILURE);
    assert_eq!(theirs.apply(late.part.clone()).await, Applied::Skipped);
    assert_eq!(ours.apply(late.part).await, Applied::Skipped);
    assert_eq!(ours.position(), theirs.position());
    assert!(ours.pages() == theirs.pages(), "the files differ");
    for part in ours.write(&["INSERT INTO t VALUES (3)"]).await {
        assert_eq!(theirs.apply(part).await, Applied::Done);
    }
    assert_eq!((ours.count("t"), theirs.count("t")), (2, 2));
    assert!(ours.pages() == theirs.pages(), "the files differ");
}

#[tokio::test]
async fn an_open_transaction_is_lost_to_another_leaders_entry() {
    let (ours, theirs) = (Bench::new(1).await, Bench::new(2).await);
    for part in theirs.write(&[TABLE]).await {
        ours.apply(part).await;
    }
    let opened = ours.open().await.await.unwrap().unwrap();
    run(&opened, "INSERT INTO t VALUES (1)").await.unwrap();
    for part in theirs.write(&["INSERT INTO t VALUES (2)"]).await {
        assert_eq!(ours.apply(part).await, Applied::Done);
    }
    let mut lost = opened.lost();
    let error = lost.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    assert_eq!(error.state(), SqlState::SERIALIZATION_FAILURE);
    assert!(run(&opened, "SELECT 1").await.is_err());
    assert!(ours.pages() == theirs.pages(), "the files differ");
}

#[tokio::test]
async fn the_write_slot_is_given_first_come_first_served() {
    let bench = Bench::new(1).await;
    bench.write(&[TABLE]).await;
    let first = bench.open().await.await.unwrap().unwrap();
    run(&first, "INSERT INTO t VALUES (1)").await.unwrap();
    let unit = bench.submit(&["INSERT INTO t VALUES (2)"]).await;
    let mut second = bench.open().await;
    let late = bench.submit(&["INSERT INTO t VALUES (3)"]).await;
    let rows = run(&first, "SELECT a FROM t").await.unwrap().rows;
    assert_eq!(rows.values, [Value::Integer(1)], "it reads its own writes");
    let (reply, committed) = oneshot::channel();
    first.send(Request::Commit { reply }).await.unwrap();
    bench.commit(bench.proposal().await).await;
    assert_eq!(committed.await.unwrap().unwrap(), Some(LogIndex(2)));
    let proposal = bench.proposal().await;
    assert!(second.try_recv().is_err(), "the unit came first");
    bench.commit(proposal).await;
    unit.await.unwrap().unwrap();
    let second = second.await.unwrap().unwrap();
    let rows = run(&second, "SELECT count(*) FROM t").await.unwrap().rows;
    assert_eq!(rows.values, [Value::Integer(2)]);
    drop(second);
    bench.commit(bench.proposal().await).await;
    late.await.unwrap().unwrap();
    assert_eq!(bench.count("t"), 3);
}

#[tokio::test]
async fn a_dropped_handle_stops_what_runs_and_frees_the_slot() {
    let bench = Bench::new(1).await;
    bench.write(&[TABLE]).await;
    let opened = bench.open().await.await.unwrap().unwrap();
    run(&opened, "INSERT INTO t VALUES (1)").await.unwrap();
    let endless = "WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n) \
                   INSERT INTO t SELECT i FROM n";
    let (rows, pending) = rows::channel(Canceler::default().start(), None);
    opened
        .send(Request::Run { statement: statement(endless), rows, lock_timeout: None })
        .await
        .unwrap();
    while lock(&bench.handle.shared.runs).is_none() {
        tokio::task::yield_now().await;
    }
    drop(opened);
    assert!(pending.started().await.is_err());
    bench.write(&["INSERT INTO t VALUES (2)"]).await;
    assert_eq!(bench.count("t"), 1);
}

#[tokio::test]
async fn a_unit_that_another_leader_stopped_can_be_sent_again() {
    let bench = Bench::new(1).await;
    bench.write(&[TABLE]).await;
    let token = Token::default();
    let endless = "WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n) \
                   INSERT INTO t SELECT i FROM n";
    let answer = bench.submit_with(unit(&[endless]), token.clone()).await;
    while lock(&bench.handle.shared.runs).is_none() {
        tokio::task::yield_now().await;
    }
    bench.handle.leadership(None).await;
    assert_eq!(answer.await.unwrap(), Err(Refusal::NotLeader));
    assert!(!token.is_cancelled(), "its client didn't cancel it");
    bench.handle.leadership(Some(FENCE)).await;
    let again = bench.submit_with(unit(&["INSERT INTO t VALUES (1)"]), token).await;
    bench.commit(bench.proposal().await).await;
    assert!(results(again.await.unwrap())[0].is_ok());
}

#[tokio::test]
async fn a_transaction_that_another_leader_stopped_is_told_so() {
    let bench = Bench::new(1).await;
    bench.write(&[TABLE]).await;
    let opened = bench.open().await.await.unwrap().unwrap();
    let sql: Arc<str> = "INSERT INTO t SELECT ?1 + (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL \
                         SELECT i + 1 FROM n) SELECT count(*) FROM n)"
        .into();
    let rows = crate::model::value::RowBatch { width: 1, rows: 1, values: vec![Value::Integer(1)] };
    let (reply, answer) = oneshot::channel();
    let (token, deadline) = (Token::default(), None);
    opened.send(Request::RunEach { sql, rows, token, deadline, reply }).await.unwrap();
    while lock(&bench.handle.shared.runs).is_none() {
        tokio::task::yield_now().await;
    }
    bench.handle.leadership(None).await;
    let error = answer.await.unwrap().unwrap_err();
    assert_eq!(error.state(), SqlState::SERIALIZATION_FAILURE);
}

#[tokio::test]
async fn a_unit_that_loses_the_transaction_is_left_out_and_the_others_run_again() {
    let bench = Bench::new(1).await;
    bench.write(&[TABLE]).await;
    let blocker = bench.submit(&["INSERT INTO t VALUES (1)"]).await;
    let proposal = bench.proposal().await;
    let before = bench.submit(&["INSERT INTO t VALUES (2)"]).await;
    let token = Token::default();
    let endless = "WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n) \
                   INSERT INTO t SELECT i FROM n";
    let claim = Claim::default();
    let guilty = bench.submit_claimed(unit(&[endless]), token.clone(), claim.clone()).await;
    let after = bench.submit(&["INSERT INTO t VALUES (3)"]).await;
    bench.commit(proposal).await;
    blocker.await.unwrap().unwrap();
    while !claim.is_taken() || lock(&bench.handle.shared.runs).is_none() {
        tokio::task::yield_now().await;
    }
    token.cancel();
    bench.commit(bench.proposal().await).await;
    assert!(results(before.await.unwrap())[0].is_ok());
    let error = results(guilty.await.unwrap()).remove(0).unwrap_err();
    assert_eq!(error.state(), SqlState::QUERY_CANCELED);
    assert!(results(after.await.unwrap())[0].is_ok());
    assert_eq!(bench.count("t"), 3);
}

#[tokio::test]
async fn what_cannot_be_committed_fails_alone() {
    let bench = Bench::new(1).await;
    let postgres = |sql: &[&str]| Unit { dialect: Dialect::Postgres, ..unit(sql) };
    let tables = [
        "CREATE TABLE p (a INTEGER PRIMARY KEY)",
        "CREATE TABLE c (a INTEGER REFERENCES p DEFERRABLE INITIALLY DEFERRED)",
    ];
    let blocker = bench.submit_with(postgres(&tables), Token::default()).await;
    let proposal = bench.proposal().await;
    let token = Token::default;
    let good = bench.submit_with(postgres(&["INSERT INTO p VALUES (1)"]), token()).await;
    let bad = bench.submit_with(postgres(&["INSERT INTO c VALUES (7)"]), token()).await;
    let other = bench.submit_with(postgres(&["INSERT INTO c VALUES (1)"]), token()).await;
    bench.commit(proposal).await;
    blocker.await.unwrap().unwrap();
    bench.commit(bench.proposal().await).await;
    assert!(results(good.await.unwrap())[0].is_ok());
    let error = results(bad.await.unwrap()).remove(0).unwrap_err();
    assert_eq!(error.state(), SqlState::FOREIGN_KEY_VIOLATION);
    bench.commit(bench.proposal().await).await;
    assert!(results(other.await.unwrap())[0].is_ok());
    assert_eq!((bench.count("p"), bench.count("c")), (1, 1));
}

#[tokio::test]
async fn a_large_transaction_travels_in_parts() {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let ours = Bench::with(1, directory, 8192, Position::default());
    ours.handle.leadership(Some(FENCE)).await;
    let theirs = Bench::new(2).await;
    let mut parts = ours.write(&["CREATE TABLE t (a)"]).await;
    let noise = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) \
                 INSERT INTO t SELECT randomblob(4000) FROM n";
    let large = ours.write(&[noise]).await;
    assert!(large.len() > 10, "{} parts", large.len());
    parts.extend(large.clone());
    for part in &parts {
        assert_eq!(theirs.count_if_there(), 0);
        assert_eq!(theirs.apply(part.clone()).await, Applied::Done);
    }
    assert_eq!(theirs.handle.shared.needed_from(), None);
    assert_eq!(theirs.count("t"), 60);
    assert!(ours.pages() == theirs.pages(), "the files differ");

    // A middle part alone leads nowhere.
    assert_eq!(theirs.apply(large[3].clone()).await, Applied::Skipped);
}

impl Bench {
    fn count_if_there(&self) -> i64 {
        let mut reader = self.database.reader(Duration::from_secs(5)).unwrap();
        let tables = query(&mut reader, "SELECT 1 FROM sqlite_schema WHERE name = 't'");
        drop(reader);
        if tables.rows.rows == 0 { 0 } else { self.count("t") }
    }
}

#[tokio::test]
async fn unfinished_parts_hold_the_log_and_give_way_to_another_transaction() {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let ours = Bench::with(1, directory, 8192, Position::default());
    ours.handle.leadership(Some(FENCE)).await;
    let theirs = Bench::new(2).await;
    for part in ours.write(&["CREATE TABLE t (a)"]).await {
        theirs.apply(part).await;
    }
    let answer = ours.submit(&["INSERT INTO t VALUES (randomblob(100000))"]).await;
    let Proposal { part, answer: outcome } = ours.proposal().await;
    assert_eq!(theirs.apply(part.clone()).await, Applied::Done);
    let first = theirs.handle.shared.needed_from().unwrap();
    assert_eq!(ours.apply(part).await, Applied::Done);
    outcome.send(Ok(Applied::Done)).unwrap();
    ours.proposal().await.answer.send(Err(ProposeError::Unknown)).unwrap();
    // The last part was never proposed.
    assert_eq!(state(answer.await.unwrap()), SqlState::SERIALIZATION_FAILURE);
    for part in theirs.write(&["INSERT INTO t VALUES (1)"]).await {
        assert_eq!(ours.apply(part).await, Applied::Done);
    }
    assert_eq!((first, theirs.handle.shared.needed_from()), (LogIndex(2), None));
    assert!(ours.pages() == theirs.pages(), "the files differ");
}

#[tokio::test]
async fn replay_after_a_restart_skips_what_the_file_has() {
    let bench = Bench::new(1).await;
    let mut log = bench.write(&[TABLE]).await;
    let noted = bench.position();
    log.extend(bench.write(&["INSERT INTO t VALUES (1)"]).await);
    log.extend(bench.write(&["INSERT INTO t VALUES (2)"]).await);
    let (end, pages, directory) = (bench.position(), bench.pages(), bench.directory.clone());
    bench.handle.close(closed(), Then::Nothing).await;
    drop(bench);

    let again = Bench::with(1, directory, 1 << 20, noted);
    assert_eq!(again.position(), noted);
    assert_eq!(again.apply(log[0].clone()).await, Applied::Skipped, "before what was noted");
    assert_eq!(again.apply(log[1].clone()).await, Applied::Done);
    assert_eq!(again.apply(log[2].clone()).await, Applied::Done);
    assert_eq!(again.position(), end);
    assert!(again.pages() == pages, "replay wrote something");
    again.handle.leadership(Some(FENCE)).await;
    again.write(&["INSERT INTO t VALUES (3)"]).await;
    assert_eq!(again.count("t"), 3);
}

#[tokio::test]
async fn a_file_behind_the_log_is_a_fault() {
    let other = Bench::new(2).await;
    other.write(&[TABLE]).await;
    let noted = other.position();
    let part = other.write(&["INSERT INTO t VALUES (1)"]).await.remove(0);
    let directory = tempfile::tempdir().unwrap();
    let database = open(directory.path());
    let (proposals, _receiver) = mpsc::channel(1);
    let (mut lane, _events, _handle) = Lane::new(Start {
        database: DatabaseId::POSTGRES,
        node: NodeId(1),
        writer: Some(database.writer()),
        position: noted,
        spool: Spool::open(Arc::new(RealDisk), directory.path(), DatabaseId::POSTGRES).unwrap(),
        limits: LaneLimits {
            entry_bytes_max: 1,
            result_bytes_max: 1,
            queue_length_max: 1,
            batch_time_max: BATCH_TIME_MAX,
        },
        proposer: Arc::new(Script { proposals, confirms: std::sync::Mutex::default() }),
        hub: Arc::default(),
    });
    assert!(lane.apply(LogIndex(9), part).is_err());
}

#[tokio::test]
async fn without_leadership_nothing_is_taken() {
    let bench = Bench::new(1).await;
    bench.handle.leadership(None).await;
    let answer = bench.submit(&[TABLE]).await.await.unwrap();
    assert_eq!(answer.unwrap_err(), Refusal::NotLeader);
    assert!(matches!(bench.open().await.await.unwrap(), Err(Refusal::NotLeader)));
}

#[tokio::test]
async fn a_withdrawn_unit_is_not_run() {
    let bench = Bench::new(1).await;
    bench.write(&[TABLE]).await;
    let blocker = bench.open().await.await.unwrap().unwrap();
    let (reply, _answer) = oneshot::channel();
    let claim = Claim::default();
    let submission = Submission {
        unit: unit(&["INSERT INTO t VALUES (1)"]),
        token: Token::default(),
        deadline: None,
        claim: claim.clone(),
        private: None,
        _place: bench.handle.wait().unwrap(),
        reply,
    };
    bench.handle.send(Event::Submit(submission)).await.unwrap();
    assert!(claim.withdraw());
    drop(blocker);
    bench.write(&["INSERT INTO t VALUES (2)"]).await;
    assert_eq!(bench.count("t"), 1);
    assert_eq!(bench.handle.shared.waiting(), 0);
}
