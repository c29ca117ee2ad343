//! A simulated cluster with real engines: real SQLite, Raft nodes and logs, all on simulated disks, and
//! a simulated network.
//!
//! A node that meets a fault dies at once, as the real process does: it is off the network, and its
//! disk takes nothing from it any more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::platform::watch;
use bytes::Bytes;

use super::cluster::{CLUSTER, until};
use super::wires::{Links, Wires};
use crate::engine::{Engine, Limits, Options, Written};
use crate::model::error::{Error, Fault};
use crate::model::id::DatabaseId;
use crate::model::member::Member;
use crate::model::read_level::ReadLevel;
use crate::model::statement::{
    Atomicity, Dialect, Parameters, Statement, StatementResult, Unit, UnitOutcome,
};
use crate::model::value::Value;
use crate::platform::clock;
use crate::platform::disk::Disk;
use crate::platform::random::Random;
use crate::platform::sim_disk::SimDisk;
use crate::platform::task;
use crate::raft::{DatabaseState, Node, Start, Timing};
use crate::raftlog::{Flushing, Limits as LogLimits, RaftLog};
use crate::sim::network::{Net, Port};
use crate::sim::process::{TIMING, member};
use crate::sqlite;

/// Sizes of everything, so that small workloads reach every limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// The log is purged beyond this.
    pub log_bytes_max: u64,
    pub segment_bytes: u64,
    /// SQLite's cache: what doesn't fit is spilled.
    pub cache_bytes: u64,
    pub entry_bytes_max: usize,
}

impl Sizes {
    pub(crate) fn with_log(log_bytes_max: u64) -> Self {
        Self {
            log_bytes_max,
            segment_bytes: 1 << 20,
            cache_bytes: 8 << 20,
            entry_bytes_max: 64 << 10,
        }
    }
}

/// A machine and its process.
pub(crate) struct Machine {
    pub member: Member,
    pub disk: SimDisk,
    /// How long an fsync of the log takes.
    pub fsync: Arc<Mutex<Duration>>,
    /// As this machine's clock counts them.
    pub timing: Timing,
    process: Option<Process>,
}

struct Process {
    engine: Engine,
    node: Node,
    log: RaftLog,
    alive: Arc<AtomicBool>,
}

/// The cluster.
pub(crate) struct Engines {
    pub net: Arc<Net>,
    links: Arc<watch::Sender<Links>>,
    pub machines: BTreeMap<u64, Machine>,
    pub faults: Arc<Mutex<Vec<String>>>,
    sizes: Sizes,
    /// Engines of processes that have ended.
    ended: Vec<Engine>,
}

impl Drop for Engines {
    fn drop(&mut self) {
        let running = self.machines.values().filter_map(|machine| machine.process.as_ref());
        for engine in running.map(|process| &process.engine).chain(&self.ended) {
            engine.abandon();
        }
        self.links.send_modify(|links| links.engines.clear());
        self.net.clear();
    }
}

impl Engines {
    /// A cluster of voters with a leader.
    pub(crate) async fn new(size: u64, log_bytes_max: u64) -> Self {
        let mut cluster = Self::empty(Sizes::with_log(log_bytes_max));
        for id in 0..size {
            cluster.add_machine(id);
            cluster.start(id).await;
        }
        cluster.bootstrap(size).await;
        cluster
    }

    pub(crate) fn empty(sizes: Sizes) -> Self {
        Self {
            net: Net::new(),
            links: Arc::new(watch::Sender::new(Links::default())),
            machines: BTreeMap::new(),
            faults: Arc::default(),
            sizes,
            ended: Vec::new(),
        }
    }

    /// A machine with an empty disk.
    pub(crate) fn add_machine(&mut self, id: u64) {
        let machine = Machine {
            member: member(id),
            disk: SimDisk::default(),
            fsync: Arc::new(Mutex::new(Duration::from_millis(2))),
            timing: TIMING,
            process: None,
        };
        machine.disk.create_directory(&PathBuf::from("data")).unwrap();
        self.machines.insert(id, machine);
    }

    /// Makes the first machines a cluster, and waits for its leader.
    pub(crate) async fn bootstrap(&self, size: u64) {
        let members = (0..size).map(member).collect();
        self.node(0).bootstrap(CLUSTER, members).await.unwrap();
        self.leader().await;
    }

    pub(crate) async fn start(&mut self, id: u64) {
        self.try_start(id).await.unwrap_or_else(|fault| panic!("node {id}: {fault}"));
    }

    /// Starts a process on what the disk holds. If it can't start, it has died.
    pub(crate) async fn try_start(&mut self, id: u64) -> Result<(), Fault> {
        let alive = Arc::new(AtomicBool::new(true));
        let started = self.start_process(id, &alive).await;
        let machine = self.machines.get_mut(&id).unwrap();
        match started {
            Ok(process) => {
                machine.process = Some(process);
                Ok(())
            }
            Err(fault) => {
                alive.store(false, Ordering::Relaxed);
                machine.disk.process_death();
                Err(fault)
            }
        }
    }

    async fn start_process(&self, id: u64, alive: &Arc<AtomicBool>) -> Result<Process, Fault> {
        let machine = &self.machines[&id];
        let sizes = self.sizes;
        let disk: Arc<dyn Disk> = Arc::new(machine.disk.session());
        let directory = PathBuf::from("data/raft");
        let limits = LogLimits { segment_bytes: sizes.segment_bytes, cache_bytes: 4 << 20 };
        let store = machine.member.store;
        let log = RaftLog::open_with(disk.clone(), &directory, store, limits, Flushing::Manual)?;
        task::spawn(flush(log.clone(), machine.fsync.clone(), alive.clone()));
        let options = Options {
            data_dir: PathBuf::from("data"),
            sqlite: sqlite::Options {
                foreign_keys: false,
                extensions: Vec::new(),
                transaction_bytes_max: 64 << 20,
                cache_bytes: sizes.cache_bytes,
                readers_max: 8,
                deparse: None,
                value_bytes_max: 16 << 20,
                capturing: None,
            },
            entry_bytes_max: sizes.entry_bytes_max,
            queue_length_max: 100,
            result_bytes_max: 1 << 20,
            slow_statement: None,
        };
        let on_fault = {
            let (faults, alive) = (self.faults.clone(), alive.clone());
            let (net, links, disk) = (self.net.clone(), self.links.clone(), machine.disk.clone());
            move |fault: Fault| {
                if alive.swap(false, Ordering::Relaxed) {
                    faults.lock().unwrap().push(format!("node {id}: {fault}"));
                    disk.process_death();
                    net.detach(id);
                    links.send_modify(|links| drop(links.engines.remove(&id)));
                }
            }
        };
        let states = crate::raft::read_state(&*disk, &directory)?;
        let me = machine.member.clone();
        let engine = Engine::open(options, me.clone(), disk.clone(), states, on_fault)?;
        let node = Node::start(Start {
            me,
            timing: machine.timing,
            log: log.clone(),
            directory,
            disk,
            databases: engine.replica(),
            transport: Arc::new(Port { net: self.net.clone(), me: id, alive: alive.clone() }),
            log_bytes_max: sizes.log_bytes_max,
            quarantine: true,
        })
        .await?;
        engine.attach(
            node.clone(),
            Wires { me: id, net: self.net.clone(), links: self.links.clone() },
        );
        self.net.attach(id, node.clone());
        self.links.send_modify(|links| drop(links.engines.insert(id, engine.clone())));
        if !alive.load(Ordering::Relaxed) {
            self.net.detach(id);
            self.links.send_modify(|links| drop(links.engines.remove(&id)));
            return Err(Fault::new("the process has died"));
        }
        Ok(Process { engine, node, log, alive: alive.clone() })
    }

    /// Stops a process in order.
    pub(crate) async fn stop(&mut self, id: u64) {
        let process = self.machines.get_mut(&id).unwrap().process.take().unwrap();
        self.links.send_modify(|links| drop(links.engines.remove(&id)));
        process.engine.close().await;
        process.node.shutdown().await;
        self.net.detach(id);
        process.log.close();
        process.alive.store(false, Ordering::Relaxed);
        drop(process);
        // What is left of its tasks ends.
        clock::sleep(Duration::from_secs(1)).await;
        self.machines[&id].disk.process_death();
    }

    /// Ends a process without a word, or what is left of one that a fault has ended. With
    /// `power_loss` the disk loses what wasn't synced.
    pub(crate) fn kill(&mut self, id: u64, power_loss: Option<u64>) {
        let machine = self.machines.get_mut(&id).unwrap();
        match power_loss {
            Some(seed) => machine.disk.power_loss(seed),
            None => machine.disk.process_death(),
        }
        let Some(process) = machine.process.take() else { return };
        process.alive.store(false, Ordering::Relaxed);
        self.net.detach(id);
        self.links.send_modify(|links| drop(links.engines.remove(&id)));
        self.ended.push(process.engine.clone());
        task::spawn(async move {
            process.engine.close().await;
            process.node.shutdown().await;
        });
    }

    /// Whether a process is there and has met no fault.
    pub(crate) fn lives(&self, id: u64) -> bool {
        let process = self.machines[&id].process.as_ref();
        process.is_some_and(|process| process.alive.load(Ordering::Relaxed))
    }

    pub(crate) fn engine(&self, id: u64) -> &Engine {
        &self.machines[&id].process.as_ref().expect("the process runs").engine
    }

    pub(crate) fn node(&self, id: u64) -> &Node {
        &self.machines[&id].process.as_ref().expect("the process runs").node
    }

    pub(crate) fn running(&self) -> Vec<u64> {
        self.machines.keys().copied().filter(|id| self.lives(*id)).collect()
    }

    fn ready(&self) -> Option<u64> {
        let ready = |id: u64| Some((self.node(id).leadership().borrow().ready?.term, id));
        self.running().into_iter().filter_map(ready).max().map(|(_, id)| id)
    }

    /// A node that leads and takes writes, if one does.
    pub(crate) fn leader_now(&self) -> Option<u64> {
        self.ready().filter(|id| self.engine(*id).is_leader())
    }

    pub(crate) async fn leader(&self) -> u64 {
        until(30, || self.ready().is_some_and(|id| self.engine(id).is_leader())).await;
        self.ready().unwrap()
    }

    /// A node that doesn't lead.
    pub(crate) async fn follower(&self) -> u64 {
        (self.leader().await + 1) % self.machines.len() as u64
    }

    pub(crate) fn isolate(&self, id: u64) {
        self.net.isolate(id);
        self.links.send_modify(|links| {
            links.cut.extend((0..16).flat_map(|other| [(id, other), (other, id)]));
        });
    }

    /// Cuts one direction of a link.
    pub(crate) fn cut_one_way(&self, from: u64, to: u64) {
        self.net.cut_one_way(from, to);
        self.links.send_modify(|links| links.cut.extend([(from, to)]));
    }

    /// The engines that are on the network.
    pub(crate) fn attached(&self) -> Attached {
        Attached(self.links.clone())
    }

    pub(crate) fn heal(&self) {
        self.net.heal();
        self.links.send_modify(|links| links.cut.clear());
    }

    /// Waits until all have applied the same, then checks that their databases are equal, byte for
    /// byte, and that none stopped.
    pub(crate) async fn check(&self) {
        self.leader().await;
        let ids = self.running();
        let same = || {
            let all: BTreeSet<_> = ids.iter().map(|id| self.node(*id).status().applied).collect();
            let committed: BTreeSet<_> =
                ids.iter().map(|id| self.node(*id).status().last_log).collect();
            all.len() == 1 && all == committed
        };
        let deadline = clock::now().plus(Duration::from_mins(1));
        while !same() {
            let status = |id: &u64| (*id, self.node(*id).status());
            let all = || ids.iter().map(status).collect::<Vec<_>>();
            let faults = self.faults.lock().unwrap().clone();
            assert!(!deadline.remaining().is_zero(), "not equal: {:#?} {faults:?}", all());
            clock::sleep(Duration::from_millis(10)).await;
        }
        assert!(self.faults.lock().unwrap().is_empty(), "{:?}", self.faults.lock().unwrap());
        let mut expected = None;
        for id in ids {
            let found = self.contents(id).await;
            let known = expected.get_or_insert_with(|| found.clone());
            let states =
                |all: &Contents| all.iter().map(|(state, _)| state.clone()).collect::<Vec<_>>();
            assert_eq!(states(&found), states(known), "node {id} stands elsewhere");
            assert!(found == *known, "node {id} holds other pages");
        }
    }

    /// As [`Self::contents`], of a node that may fail meanwhile. `None` also while its files are ahead of
    /// its log, after a restart.
    pub(crate) async fn try_contents(&self, id: u64) -> Option<Contents> {
        let states = self.engine(id).replica().positions().await.ok()?;
        // One without a name only counts databases.
        for state in states.iter().filter(|state| !state.name.is_empty()) {
            let level = ReadLevel::None(None);
            self.engine(id).view(state.id, level, &Limits::default()).await.ok()?;
        }
        let source = self.engine(id).replica().snapshot().await.ok()?;
        let mut contents = Vec::new();
        for state in source.databases() {
            let pages = source.pages(state.id, 1, state.pages, &[]).ok()?;
            contents.push((state, pages));
        }
        Some(contents)
    }

    /// Where a node's databases stand, and all their pages.
    pub(crate) async fn contents(&self, id: u64) -> Contents {
        let source = self.engine(id).replica();
        let source = source.snapshot().await.unwrap();
        let pages = |state: DatabaseState| {
            let pages = source.pages(state.id, 1, state.pages, &[]).unwrap();
            (state, pages)
        };
        source.databases().into_iter().map(pages).collect()
    }
}

/// The engines that clients can connect to, now and later.
#[derive(Clone)]
pub(crate) struct Attached(Arc<watch::Sender<Links>>);

impl Attached {
    /// One of them.
    pub(crate) fn pick(&self, random: &mut Random) -> Option<(u64, Engine)> {
        let links = self.0.borrow();
        let number = random.below(links.engines.len().max(1) as u64) as usize;
        links.engines.iter().nth(number).map(|(id, engine)| (*id, engine.clone()))
    }
}

/// Databases and their pages.
pub(crate) type Contents = Vec<(DatabaseState, Bytes)>;

/// One fsync after the other, each taking its time.
async fn flush(log: RaftLog, fsync: Arc<Mutex<Duration>>, alive: Arc<AtomicBool>) {
    while alive.load(Ordering::Relaxed) {
        let takes = *fsync.lock().unwrap();
        clock::sleep(takes).await;
        if alive.load(Ordering::Relaxed) {
            log.flush();
        }
    }
}

pub(crate) const DATABASE: DatabaseId = DatabaseId::POSTGRES;

pub(crate) fn statement(sql: &str) -> Statement {
    Statement { sql: sql.into(), parameters: Parameters::default(), touch: None }
}

/// Runs one statement as a unit of its own.
pub(crate) async fn write(engine: &Engine, sql: &str) -> Result<Written, Error> {
    write_to(engine, DATABASE, sql, &Limits::default()).await
}

pub(crate) async fn write_to(
    engine: &Engine,
    database: DatabaseId,
    sql: &str,
    limits: &Limits,
) -> Result<Written, Error> {
    let unit = Unit {
        dialect: Dialect::Sqlite,
        atomicity: Atomicity::Unit,
        statements: vec![statement(sql)],
        schema: None,
        key: None,
    };
    let written = engine.write(database, unit, limits).await?;
    match &written.outcome {
        UnitOutcome::Ran(results) => results[0].clone().map(|_| written),
        UnitOutcome::SchemaChanged => panic!("no schema was asked for"),
    }
}

pub(crate) async fn query(
    engine: &Engine,
    level: ReadLevel,
    sql: &str,
) -> Result<StatementResult, Error> {
    let limits = Limits::default();
    let read = engine.read(DATABASE, Dialect::Sqlite, level, statement(sql), None, &limits);
    read.await?.expect("no schema was asked for").collect(1 << 20).await
}

/// The first column, as numbers.
pub(crate) async fn numbers(
    engine: &Engine,
    level: ReadLevel,
    sql: &str,
) -> Result<Vec<i64>, Error> {
    let result = query(engine, level, sql).await?;
    let number = |row: &[Value]| match row[0] {
        Value::Integer(number) => number,
        ref other => panic!("{other:?}"),
    };
    Ok(result.rows.iter().map(number).collect())
}
