//! One node. The same workload is run once without a failure. It gives the list of calls, and where
//! every database stands after each step, pages included: what a node holds after a crash must be one of
//! those states, the one after the last acknowledged step or after the one that was under way.
//!
//! The workload runs in segments, each on the disk that the one before it left.

use std::path::{Path, PathBuf};
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use super::{Kind, Outcome, Points, SIZES, STEP_TIME, outcome};
use crate::engine::{Begin, Engine, Limits};
use crate::model::error::Error;
use crate::model::statement::Dialect;
use crate::platform::clock;
use crate::platform::disk::Disk;
use crate::platform::sim_disk::{Operation, SimDisk};
use crate::raft::DatabaseState;
use crate::sim::cluster::CLUSTER;
use crate::sim::engines::{DATABASE, Engines, statement, write, write_to};
use crate::sim::process::member;

async fn interactive(engine: &Engine, step: u64) -> Result<(), Error> {
    let limits = Limits::default();
    let begin = Begin {
        database: DATABASE,
        dialect: Dialect::Sqlite,
        since: None,
        private: false,
        limits: limits.clone(),
    };
    let mut transaction = engine.begin(begin).await?;
    for sql in [
        format!("INSERT INTO t VALUES ({step}, 'interactive')"),
        format!("UPDATE t SET v = v || '+' WHERE n > {step} - 4"),
    ] {
        transaction.run(statement(&sql), &limits).await?.collect(1 << 20).await?;
    }
    transaction.savepoint(1).await?;
    let sql = format!("DELETE FROM t WHERE n < {step}");
    transaction.run(statement(&sql), &limits).await?.collect(1 << 20).await?;
    transaction.rollback_to(1).await?;
    transaction.commit(&limits).await.map(drop)
}

/// One step of the workload.
async fn step(engine: &Engine, number: u64) -> Result<(), Error> {
    let sql = match number {
        0 => "CREATE TABLE t (n INTEGER PRIMARY KEY, v TEXT)".to_owned(),
        _ if number % 40 == 7 => return engine.create_database(&format!("d{number}")).await,
        _ if number % 40 == 27 => {
            return engine.drop_database(&format!("d{}", number - 20), false).await;
        }
        _ if number % 40 == 17 => {
            let name = format!("d{}", number - 10);
            let id = engine.database(&name).ok_or_else(Error::no_leader)?;
            return write_to(engine, id, "CREATE TABLE u (x)", &Limits::default()).await.map(drop);
        }
        // Large: spilled, and in several parts.
        _ if number % 50 == 12 => format!(
            "INSERT INTO t SELECT 100000 + {number} * 1000 + value, \
             hex(zeroblob(400)) || {number} || value FROM (WITH RECURSIVE g (value) AS \
             (SELECT 1 UNION ALL SELECT value + 1 FROM g WHERE value < 160) SELECT value FROM g)"
        ),
        _ if number % 50 == 33 => "DELETE FROM t WHERE n >= 100000".to_owned(),
        _ if number % 50 == 34 => format!("CREATE INDEX i{number} ON t (v, n)"),
        _ if number % 50 == 40 => format!("DROP INDEX i{}", number - 6),
        _ if number % 9 == 5 => return interactive(engine, number).await,
        _ if number % 11 == 3 => format!("UPDATE t SET v = v || '.' WHERE n % 3 = {number} % 3"),
        _ => format!("INSERT INTO t VALUES ({number}, 'row {number}')"),
    };
    write(engine, &sql).await.map(drop)
}

/// What a database is at one moment: where it stands, and a hash of its pages.
type Fingerprint = Vec<(DatabaseState, u64)>;

async fn fingerprint(cluster: &Engines, id: u64) -> Fingerprint {
    let contents = cluster.contents(id).await;
    contents.into_iter().map(|(state, pages)| (state, xxh3_64(&pages))).collect()
}

/// A part of the workload, run without a failure.
struct Segment {
    /// The disk before it; empty before the first.
    disk: SimDisk,
    /// Its first step.
    first: u64,
    calls: Vec<(Operation, PathBuf)>,
    /// The state before its first step, and after each.
    states: Vec<Fingerprint>,
}

/// Starts the one node, if it can, and makes it a cluster, if it isn't one.
async fn begin(cluster: &mut Engines) -> bool {
    if cluster.try_start(0).await.is_err() {
        return false;
    }
    if cluster.node(0).members().is_empty() {
        let members = vec![member(0)];
        let made = clock::timeout(STEP_TIME, cluster.node(0).bootstrap(CLUSTER, members)).await;
        if !matches!(made, Ok(Ok(()))) {
            return false;
        }
    }
    let deadline = clock::now().plus(STEP_TIME);
    while cluster.lives(0) && !cluster.engine(0).is_leader() {
        if deadline.remaining().is_zero() {
            return false;
        }
        clock::sleep(Duration::from_millis(10)).await;
    }
    cluster.lives(0)
}

async fn run_step(cluster: &Engines, number: u64) -> Outcome {
    let engine = cluster.engine(0).clone();
    outcome(clock::timeout(STEP_TIME, step(&engine, number)).await)
}

/// A cluster of one on a copy of a disk.
fn on(disk: &SimDisk) -> Engines {
    let mut cluster = Engines::empty(SIZES);
    cluster.add_machine(0);
    cluster.machines.get_mut(&0).unwrap().disk = disk.copy();
    cluster
}

/// Runs a segment on a copy of its disk, and looks at the state after each step or not.
async fn undisturbed(segment: &Segment, steps: u64, look: bool) -> (Engines, Vec<Fingerprint>) {
    let mut cluster = on(&segment.disk);
    cluster.machines[&0].disk.record();
    assert!(begin(&mut cluster).await);
    let mut states = Vec::new();
    if look {
        states.push(fingerprint(&cluster, 0).await);
    }
    for number in segment.first..segment.first + steps {
        assert_eq!(run_step(&cluster, number).await, Outcome::Done, "step {number}");
        if look {
            states.push(fingerprint(&cluster, 0).await);
        }
    }
    let faults = cluster.faults.lock().unwrap().clone();
    assert!(faults.is_empty(), "{faults:?}");
    (cluster, states)
}

/// The whole workload in segments.
fn segments(count: u64, steps: u64) -> Vec<Segment> {
    let disk = SimDisk::default();
    disk.create_directory(Path::new("data")).unwrap();
    let mut segments = Vec::new();
    let mut next = Segment { disk, first: 0, calls: Vec::new(), states: Vec::new() };
    for _ in 0..count {
        // Looking at the states makes calls of its own: the calls are taken from another run.
        next.calls = crate::sim::run(1, async {
            let (mut cluster, _) = undisturbed(&next, steps, false).await;
            let calls = cluster.machines[&0].disk.recorded();
            cluster.kill(0, None);
            calls
        });
        let (disk, states) = crate::sim::run(1, async {
            let (mut cluster, states) = undisturbed(&next, steps, true).await;
            cluster.kill(0, None);
            (cluster.machines[&0].disk.copy(), states)
        });
        next.states = states;
        let after =
            Segment { disk, first: next.first + steps, calls: Vec::new(), states: Vec::new() };
        segments.push(std::mem::replace(&mut next, after));
    }
    segments
}

/// One run with a failure at one call.
async fn one(segment: &Segment, at: usize, kind: Kind) {
    let steps = segment.states.len() as u64 - 1;
    let mut cluster = on(&segment.disk);
    let disk = cluster.machines[&0].disk.clone();
    disk.count_all();
    let (failure, forever) = kind.failure();
    disk.fail_after(at as u64, failure, forever);
    let (mut done, mut last) = (0, Outcome::Done);
    if begin(&mut cluster).await {
        while done < steps {
            last = run_step(&cluster, segment.first + done).await;
            if last != Outcome::Done {
                break;
            }
            done += 1;
            if disk.has_failed() && (forever || !at.is_multiple_of(4)) {
                break;
            }
        }
    }
    let (operation, path) = &segment.calls[at];
    let first = segment.first;
    let what =
        format!("{kind:?} at call {at} ({operation:?} {path:?}), steps {first} + {done}, {last:?}");
    assert!(disk.has_failed(), "{what}: the failure was not reached");
    // A fault reaches the node a moment after the client's error.
    clock::sleep(Duration::from_millis(100)).await;
    if cluster.lives(0) && matches!(last, Outcome::Failed(_)) {
        // Nothing happened, the node goes on, and what failed once can be done.
        let again = run_step(&cluster, first + done).await;
        assert_eq!(again, Outcome::Done, "{what}: and it can't be done again");
        (done, last) = (done + 1, Outcome::Done);
    }
    // An error alone loses nothing; every other time the power goes as well.
    let odd = (at % 2 == 1 && kind != Kind::Death).then_some(at as u64);
    cluster.kill(0, kind.power_loss(at as u64).or(odd));
    let allowed = done as usize..=done as usize + usize::from(last == Outcome::Unknown);
    let allowed = &segment.states[allowed];
    for again in 0..=u64::from(at.is_multiple_of(8)) {
        let faults = cluster.faults.clone();
        let started = begin(&mut cluster).await;
        assert!(started, "{what}: it doesn't start: {:?}", faults.lock().unwrap());
        let found = fingerprint(&cluster, 0).await;
        assert!(allowed.contains(&found), "{what}: {found:?} is none of {allowed:?}");
        cluster.kill(0, (again == 0).then_some(at as u64 + 1));
    }
}

/// Runs the points of some segments, and says how many of each kind were survived.
fn exhaust(segments: &[Segment]) {
    let mut points = Points::new("one node", 23);
    for segment in segments {
        for (at, kind) in points.choose(&segment.calls) {
            crate::sim::run(1, one(segment, at, kind));
        }
    }
    points.report();
}

#[test]
fn a_single_node_survives_a_failure_at_any_call() {
    let segments = segments(10, 20);
    std::thread::scope(|scope| {
        let (first, second) = segments.split_at(5);
        let other = scope.spawn(|| exhaust(second));
        exhaust(first);
        other.join().unwrap();
    });
}
