//! Three nodes, one of which fails. The others go on; it comes back, and in the end all hold the same,
//! with every acknowledged step and none that certainly failed.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Kind, Outcome, Points, SIZES, STEP_TIME, outcome};
use crate::engine::{Begin, Engine, Limits};
use crate::model::error::Error;
use crate::model::read_level::ReadLevel;
use crate::model::statement::{Atomicity, Dialect, Unit, UnitOutcome};
use crate::platform::clock;
use crate::platform::sim_disk::{Operation, SimDisk};
use crate::sim::engines::{DATABASE, Engines, numbers, statement, write};
use crate::sim::process::member;

/// Written when all is well again.
const LAST_MARK: i64 = 100_000;

/// What happens around the node that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scene {
    /// It follows.
    Follower,
    /// It leads.
    Leader,
    /// It comes back after the log was purged, and is sent a snapshot.
    Laggard,
    /// It is new, and joins.
    Joiner,
}

/// Disks to begin with, and who fails.
struct Stage {
    scene: Scene,
    disks: BTreeMap<u64, SimDisk>,
    target: u64,
    first: u64,
    steps: u64,
}

async fn unit(engine: &Engine, texts: &[String]) -> Result<(), Error> {
    let unit = Unit {
        dialect: Dialect::Sqlite,
        atomicity: Atomicity::Unit,
        statements: texts.iter().map(|sql| statement(sql)).collect(),
        schema: None,
        key: None,
    };
    let written = engine.write(DATABASE, unit, &Limits::default()).await?;
    match written.outcome {
        UnitOutcome::Ran(results) => results.into_iter().try_for_each(|result| result.map(drop)),
        UnitOutcome::SchemaChanged => panic!("no schema was asked for"),
    }
}

async fn transaction(engine: &Engine, texts: &[String]) -> Result<(), Error> {
    let limits = Limits::default();
    let begin = Begin {
        database: DATABASE,
        dialect: Dialect::Sqlite,
        since: None,
        private: false,
        limits: limits.clone(),
    };
    let mut transaction = engine.begin(begin).await?;
    for sql in texts {
        transaction.run(statement(sql), &limits).await?.collect(1 << 20).await?;
    }
    transaction.commit(&limits).await.map(drop)
}

/// One step; whether it was done is told by its mark.
async fn step(engine: &Engine, number: u64) -> Result<(), Error> {
    let mark = format!("INSERT INTO marks VALUES ({number})");
    let other = match number % 12 {
        3 => "UPDATE t SET v = v || '.' WHERE n % 3 = 1".to_owned(),
        5 => format!(
            "INSERT INTO t SELECT {number} * 1000 + value, hex(zeroblob(300)) || value FROM \
             (WITH RECURSIVE g (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM g \
             WHERE value < 90) SELECT value FROM g)"
        ),
        6 => "DELETE FROM t WHERE n >= 1000".to_owned(),
        7 => format!("CREATE TABLE x{number} (a PRIMARY KEY, b)"),
        8 => format!("DROP TABLE x{}", number - 1),
        _ => format!("INSERT INTO t VALUES ({number}, 'row {number}')"),
    };
    match number % 12 {
        9 => engine.create_database(&format!("d{number}")).await,
        10 => engine.drop_database(&format!("d{}", number - 1), false).await,
        1 | 4 | 11 => transaction(engine, &[mark, other]).await,
        _ => unit(engine, &[mark, other]).await,
    }
}

fn has_mark(number: u64) -> bool {
    !matches!(number % 12, 9 | 10)
}

/// What became of the steps.
#[derive(Debug, Default)]
struct History(BTreeMap<u64, Outcome>);

impl History {
    fn check(&self, first: u64, marks: &[i64], what: &str) {
        for (number, outcome) in self.0.iter().filter(|(number, _)| has_mark(**number)) {
            let there = marks.contains(&number.cast_signed());
            match outcome {
                Outcome::Done => assert!(there, "{what}: step {number} is lost"),
                Outcome::Failed(_) => assert!(!there, "{what}: step {number} failed and is there"),
                Outcome::Unknown => {}
            }
        }
        let known = |mark: &&i64| (first.cast_signed()..LAST_MARK).contains(*mark);
        for mark in marks.iter().filter(known) {
            assert!(self.0.contains_key(&mark.cast_unsigned()), "{what}: mark {mark} from nowhere");
        }
    }
}

/// Brings the failing node back if it is down.
async fn revive(cluster: &mut Engines, stage: &Stage, power: &mut Option<u64>, what: &str) {
    if cluster.lives(stage.target) {
        return;
    }
    cluster.kill(stage.target, power.take());
    if cluster.try_start(stage.target).await.is_err() {
        cluster.kill(stage.target, power.take());
        let started = cluster.try_start(stage.target).await;
        started.unwrap_or_else(|fault| panic!("{what}: it doesn't start: {fault}"));
    }
}

/// Asks for the new node to be a voter, until it is one.
async fn join(cluster: &Engines, target: u64) {
    let leader = cluster.leader().await;
    let node = cluster.node(leader).clone();
    // It may fail with the node; the next step tries again.
    let _ = clock::timeout(STEP_TIME, node.add(member(target), false)).await;
}

fn is_voter(cluster: &Engines, target: u64) -> bool {
    let Some(other) = cluster.running().into_iter().find(|id| *id != target) else { return false };
    let members = cluster.node(other).members();
    members.iter().any(|(member, votes)| member.id.0 == target && *votes)
}

/// Runs a stage; with a point, its node fails there.
async fn play(
    stage: &Stage,
    point: Option<(usize, Kind)>,
    what: &str,
) -> Vec<(Operation, std::path::PathBuf)> {
    let target = stage.target;
    let mut cluster = Engines::empty(SIZES);
    for (id, disk) in &stage.disks {
        cluster.add_machine(*id);
        cluster.machines.get_mut(id).unwrap().disk = disk.copy();
    }
    let disk = cluster.machines[&target].disk.clone();
    disk.record();
    if let Some((at, kind)) = point {
        let (failure, forever) = kind.failure();
        disk.fail_after(at as u64, failure, forever);
    }
    let mut power = point.and_then(|(at, kind)| {
        kind.power_loss(at as u64).or((at % 2 == 1 && kind != Kind::Death).then_some(at as u64))
    });
    let late = matches!(stage.scene, Scene::Laggard | Scene::Joiner);
    for id in stage.disks.keys().copied().filter(|id| !late || *id != target) {
        // The one that fails is brought back below.
        assert!(cluster.try_start(id).await.is_ok() || id == target, "{what}");
    }
    cluster.leader().await;
    if late {
        // If it can't start, it is brought back below.
        let _ = cluster.try_start(target).await;
    }
    let other = (0..3).find(|id| *id != target).unwrap();
    let mut history = History::default();
    for number in stage.first..stage.first + stage.steps {
        revive(&mut cluster, stage, &mut power, what).await;
        if stage.scene == Scene::Joiner && !is_voter(&cluster, target) {
            join(&cluster, target).await;
        }
        let engine = cluster.engine(other).clone();
        let done = clock::timeout(STEP_TIME, step(&engine, number)).await;
        history.0.insert(number, outcome(done));
        assert!(
            point.is_some() || history.0[&number] == Outcome::Done,
            "step {number}: {history:?}"
        );
    }
    revive(&mut cluster, stage, &mut power, what).await;
    if stage.scene == Scene::Joiner && !is_voter(&cluster, target) {
        join(&cluster, target).await;
        revive(&mut cluster, stage, &mut power, what).await;
    }
    let applied = |id: u64| cluster.node(id).status().applied;
    let deadline = clock::now().plus(STEP_TIME);
    while cluster.lives(target) && applied(target) < applied(other) {
        assert!(!deadline.remaining().is_zero(), "{what}: it never catches up");
        clock::sleep(Duration::from_millis(10)).await;
    }
    let calls = disk.recorded();
    finish(&mut cluster, stage, &mut power, what).await;
    assert!(point.is_none() || disk.has_failed(), "{what}: the failure was not reached");
    let marks =
        numbers(cluster.engine(target), ReadLevel::Linearizable, "SELECT n FROM marks").await;
    history.check(stage.first, &marks.unwrap(), what);
    calls
}

/// Brings everybody back, and checks that all are well.
async fn finish(cluster: &mut Engines, stage: &Stage, power: &mut Option<u64>, what: &str) {
    let other = (0..3).find(|id| *id != stage.target).unwrap();
    let last = format!("INSERT OR IGNORE INTO marks VALUES ({LAST_MARK})");
    for tries in 0.. {
        // A fault reaches the node a moment after others see the error.
        clock::sleep(Duration::from_millis(200)).await;
        revive(cluster, stage, power, what).await;
        match clock::timeout(STEP_TIME, write(cluster.engine(other), &last)).await {
            Ok(Ok(_)) => break,
            failed => assert!(tries < 5, "{what}: nothing can be written: {failed:?}"),
        }
    }
    if stage.scene == Scene::Joiner && !is_voter(cluster, stage.target) {
        join(cluster, stage.target).await;
        assert!(is_voter(cluster, stage.target), "{what}: it never joined");
    }
    clock::sleep(Duration::from_millis(200)).await;
    revive(cluster, stage, power, what).await;
    let own = format!("node {}:", stage.target);
    cluster.faults.lock().unwrap().retain(|fault| !fault.starts_with(&own));
    cluster.check().await;
}

/// Three disks of a cluster that has done some steps; with `without`, that node has missed the last.
async fn prepare(without: Option<u64>) -> (BTreeMap<u64, SimDisk>, u64) {
    let mut cluster = Engines::empty(SIZES);
    for id in 0..3 {
        cluster.add_machine(id);
        cluster.start(id).await;
    }
    cluster.bootstrap(3).await;
    write(cluster.engine(0), "CREATE TABLE marks (n INTEGER PRIMARY KEY)").await.unwrap();
    write(cluster.engine(0), "CREATE TABLE t (n INTEGER PRIMARY KEY, v TEXT)").await.unwrap();
    for number in 0..12 {
        step(cluster.engine(0), number).await.unwrap();
    }
    let mut next = 12;
    if let Some(id) = without {
        let behind = cluster.node(id).status().last_log;
        cluster.stop(id).await;
        let other = (id + 1) % 3;
        while cluster.node(cluster.leader().await).status().purged <= behind {
            step(cluster.engine(other), next).await.unwrap();
            clock::sleep(Duration::from_millis(300)).await;
            next += 1;
            assert!(next < 300, "the log is never purged");
        }
    }
    for id in cluster.running() {
        cluster.kill(id, None);
    }
    let disks = cluster.machines.iter().map(|(id, machine)| (*id, machine.disk.copy())).collect();
    (disks, next)
}

/// Who leads when all start on these disks.
async fn leader_on(disks: &BTreeMap<u64, SimDisk>) -> u64 {
    let mut cluster = Engines::empty(SIZES);
    for (id, disk) in disks {
        cluster.add_machine(*id);
        cluster.machines.get_mut(id).unwrap().disk = disk.copy();
    }
    for id in disks.keys() {
        cluster.start(*id).await;
    }
    cluster.leader().await
}

fn stage(scene: Scene) -> Stage {
    let without = (scene == Scene::Laggard).then_some(1);
    let (mut disks, first) = crate::sim::run(1, prepare(without));
    let target = match scene {
        Scene::Leader => crate::sim::run(1, leader_on(&disks)),
        Scene::Follower => (crate::sim::run(1, leader_on(&disks)) + 1) % 3,
        Scene::Laggard => 1,
        Scene::Joiner => {
            let disk = SimDisk::default();
            crate::platform::disk::Disk::create_directory(&disk, "data".as_ref()).unwrap();
            disks.insert(3, disk);
            3
        }
    };
    Stage { scene, disks, target, first, steps: 14 }
}

fn exhaust(scene: Scene, name: &'static str, stride: usize) {
    let stage = stage(scene);
    let calls = crate::sim::run(1, play(&stage, None, "undisturbed"));
    let mut points = Points::new(name, stride);
    for (at, kind) in points.choose(&calls) {
        let (operation, path) = &calls[at];
        let what = format!("{scene:?}: {kind:?} at call {at} ({operation:?} {})", path.display());
        crate::sim::run(1, play(&stage, Some((at, kind)), &what));
    }
    points.report();
}

#[test]
fn a_follower_survives_a_failure_at_any_call() {
    exhaust(Scene::Follower, "a follower of three", 29);
}

#[test]
fn a_leader_survives_a_failure_at_any_call() {
    exhaust(Scene::Leader, "the leader of three", 29);
}

#[test]
fn a_node_that_is_sent_a_snapshot_survives_a_failure_at_any_call() {
    exhaust(Scene::Laggard, "a node that is sent a snapshot", 29);
}

#[test]
fn a_node_that_joins_survives_a_failure_at_any_call() {
    exhaust(Scene::Joiner, "a node that joins", 29);
}
