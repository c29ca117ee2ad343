//! A simulated cluster with real engines: real SQLite, Raft nodes and logs, all on simulated disks, and
//! a simulated network.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, Either, select};
use tokio::sync::{mpsc, watch};

use super::cluster::{CLUSTER, until};
use crate::engine::{Engine, Incoming, Limits, Options, Outgoing, Peers, Written};
use crate::model::error::Error;
use crate::model::id::DatabaseId;
use crate::model::member::Member;
use crate::model::read_level::ReadLevel;
use crate::model::statement::{
    Atomicity, Dialect, Parameters, Statement, StatementResult, Unit, UnitOutcome,
};
use crate::model::value::Value;
use crate::peer::PeerError;
use crate::platform::clock;
use crate::platform::disk::Disk;
use crate::platform::sim_disk::SimDisk;
use crate::platform::task;
use crate::raft::{Node, Start};
use crate::raftlog::{Flushing, Limits as LogLimits, RaftLog};
use crate::sim::network::{Net, Port};
use crate::sim::process::{TIMING, member};
use crate::sqlite;

const DELAY: Duration = Duration::from_millis(1);

/// Links between engines.
#[derive(Default)]
struct Links {
    engines: BTreeMap<u64, Engine>,
    cut: BTreeSet<(u64, u64)>,
}

/// One node's way to the others.
struct Wires {
    me: u64,
    links: Arc<watch::Sender<Links>>,
}

impl std::fmt::Debug for Wires {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wires").field("me", &self.me).finish_non_exhaustive()
    }
}

impl Wires {
    fn engine(&self, to: u64) -> Result<Engine, PeerError> {
        let links = self.links.borrow();
        if links.cut.contains(&(self.me, to)) {
            return Err(PeerError::Broken("the link is cut".to_owned()));
        }
        let engine = links.engines.get(&to).cloned();
        engine.ok_or_else(|| PeerError::Unreachable("connection refused".to_owned()))
    }

    async fn broken(links: Arc<watch::Sender<Links>>, a: u64, b: u64) {
        let mut links = links.subscribe();
        let gone = |links: &Links| {
            links.cut.contains(&(a, b))
                || !links.engines.contains_key(&a)
                || !links.engines.contains_key(&b)
        };
        // The network outlives its nodes.
        let _ = links.wait_for(gone).await;
    }
}

impl Peers for Wires {
    fn call(
        &self,
        to: &Member,
        payload: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Bytes, PeerError>> {
        let to = to.id.0;
        Box::pin(async move {
            let engine = match self.engine(to) {
                Err(PeerError::Broken(_)) => {
                    clock::sleep(timeout.min(Duration::from_secs(3))).await;
                    return Err(PeerError::Unreachable("no route".to_owned()));
                }
                engine => engine?,
            };
            clock::sleep(DELAY).await;
            let (reply, answer) = tokio::sync::oneshot::channel();
            // The receiver goes on with it, whatever becomes of the connection.
            task::spawn(async move { drop(reply.send(engine.on_call(payload).await)) });
            let broken = Self::broken(self.links.clone(), self.me, to);
            let answered = clock::timeout(timeout, answer);
            match select(std::pin::pin!(answered), std::pin::pin!(broken)).await {
                Either::Left((Ok(Ok(answer)), _)) => {
                    clock::sleep(DELAY).await;
                    answer.map_err(PeerError::Refused)
                }
                Either::Left((Err(clock::Elapsed), _)) => Err(PeerError::TimedOut),
                Either::Left((Ok(Err(_)), _)) | Either::Right(_) => {
                    Err(PeerError::Broken("connection reset".to_owned()))
                }
            }
        })
    }

    fn open(
        &self,
        to: &Member,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<(Box<dyn Outgoing>, Box<dyn Incoming>), PeerError>> {
        let to = to.id.0;
        Box::pin(async move {
            let engine = match self.engine(to) {
                Err(PeerError::Broken(_)) => {
                    clock::sleep(timeout).await;
                    return Err(PeerError::Unreachable("no route".to_owned()));
                }
                engine => engine?,
            };
            clock::sleep(DELAY).await;
            let (forth, forth_end) = mpsc::channel(8);
            let (back, back_end) = mpsc::channel(8);
            let ends = (self.links.clone(), self.me, to);
            let outgoing = |sender| Box::new(Half { end: sender, ends: ends.clone() });
            let incoming = |receiver| Box::new(Half { end: receiver, ends: ends.clone() });
            let (sender, receiver) = (outgoing(back), incoming(forth_end));
            task::spawn(async move { engine.on_halves(sender, receiver).await });
            Ok((outgoing(forth) as Box<dyn Outgoing>, incoming(back_end) as Box<dyn Incoming>))
        })
    }
}

struct Half<E> {
    end: E,
    ends: (Arc<watch::Sender<Links>>, u64, u64),
}

impl<E> Half<E> {
    fn broken(&self) -> impl Future<Output = ()> + Send + use<E> {
        let (links, a, b) = self.ends.clone();
        Wires::broken(links, a, b)
    }
}

fn reset() -> PeerError {
    PeerError::Broken("connection reset".to_owned())
}

impl Outgoing for Half<mpsc::Sender<Option<Bytes>>> {
    fn send(&mut self, message: Bytes) -> BoxFuture<'_, Result<(), PeerError>> {
        Box::pin(async move {
            let broken = std::pin::pin!(self.broken());
            match select(std::pin::pin!(self.end.send(Some(message))), broken).await {
                Either::Left((sent, _)) => sent.map_err(|_| reset()),
                Either::Right(_) => Err(reset()),
            }
        })
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), PeerError>> {
        Box::pin(async move { self.end.send(None).await.map_err(|_| reset()) })
    }
}

impl Incoming for Half<mpsc::Receiver<Option<Bytes>>> {
    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, PeerError>> {
        Box::pin(async move {
            let broken = std::pin::pin!(self.broken());
            let message = match select(std::pin::pin!(self.end.recv()), broken).await {
                Either::Left((message, _)) => message.ok_or_else(reset)?,
                Either::Right(_) => return Err(reset()),
            };
            clock::sleep(DELAY).await;
            Ok(message)
        })
    }
}

/// A machine and its process.
struct Machine {
    member: Member,
    disk: SimDisk,
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
    net: Arc<Net>,
    links: Arc<watch::Sender<Links>>,
    machines: BTreeMap<u64, Machine>,
    faults: Arc<Mutex<Vec<String>>>,
    log_bytes_max: u64,
}

impl Engines {
    /// A cluster of voters with a leader.
    pub(crate) async fn new(size: u64, log_bytes_max: u64) -> Self {
        let mut cluster = Self {
            net: Net::new(),
            links: Arc::new(watch::Sender::new(Links::default())),
            machines: BTreeMap::new(),
            faults: Arc::default(),
            log_bytes_max,
        };
        for id in 0..size {
            let machine = Machine { member: member(id), disk: SimDisk::default(), process: None };
            machine.disk.create_directory(&PathBuf::from("data")).unwrap();
            cluster.machines.insert(id, machine);
            cluster.start(id).await;
        }
        let members = (0..size).map(member).collect();
        cluster.node(0).bootstrap(CLUSTER, members).await.unwrap();
        cluster.leader().await;
        cluster
    }

    pub(crate) async fn start(&mut self, id: u64) {
        let machine = self.machines.get_mut(&id).unwrap();
        let alive = Arc::new(AtomicBool::new(true));
        let disk: Arc<dyn Disk> = Arc::new(machine.disk.session());
        let directory = PathBuf::from("data/raft");
        let limits = LogLimits { segment_bytes: 1 << 20, cache_bytes: 4 << 20 };
        let store = machine.member.store;
        let log =
            RaftLog::open_with(disk.clone(), &directory, store, limits, Flushing::Manual).unwrap();
        task::spawn(flush(log.clone(), alive.clone()));
        let options = Options {
            data_dir: PathBuf::from("data"),
            sqlite: sqlite::Options {
                foreign_keys: false,
                transaction_bytes_max: 64 << 20,
                cache_bytes: 8 << 20,
                readers_max: 8,
                value_bytes_max: 16 << 20,
            },
            entry_bytes_max: 64 << 10,
            queue_length_max: 100,
            result_bytes_max: 1 << 20,
        };
        let faults = self.faults.clone();
        let on_fault = move |fault: crate::model::error::Fault| {
            faults.lock().unwrap().push(format!("node {id}: {fault}"));
        };
        let states = crate::raft::read_state(&*disk, &directory).unwrap();
        let me = machine.member.clone();
        let engine = Engine::open(options, me.clone(), disk.clone(), states, on_fault).unwrap();
        let node = Node::start(Start {
            me,
            timing: TIMING,
            log: log.clone(),
            directory,
            disk,
            databases: engine.replica(),
            transport: Arc::new(Port { net: self.net.clone(), me: id, alive: alive.clone() }),
            log_bytes_max: self.log_bytes_max,
            quarantine: true,
        })
        .await
        .unwrap();
        engine.attach(node.clone(), Wires { me: id, links: self.links.clone() });
        self.net.attach(id, node.clone());
        self.links.send_modify(|links| drop(links.engines.insert(id, engine.clone())));
        machine.process = Some(Process { engine, node, log, alive });
    }

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

    pub(crate) fn engine(&self, id: u64) -> &Engine {
        &self.machines[&id].process.as_ref().expect("the process runs").engine
    }

    pub(crate) fn node(&self, id: u64) -> &Node {
        &self.machines[&id].process.as_ref().expect("the process runs").node
    }

    fn running(&self) -> Vec<u64> {
        let running = self.machines.iter().filter(|(_, machine)| machine.process.is_some());
        running.map(|(id, _)| *id).collect()
    }

    fn ready(&self) -> Option<u64> {
        let ready = |id: u64| Some((self.node(id).leadership().borrow().ready?.term, id));
        self.running().into_iter().filter_map(ready).max().map(|(_, id)| id)
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
            let source = self.engine(id).replica();
            let source = source.snapshot().await.unwrap();
            let mut found = Vec::new();
            for state in source.databases() {
                let pages = source.pages(state.id, 1, state.pages, &[]).unwrap();
                found.push((state, pages));
            }
            let (states, _): (Vec<_>, Vec<_>) = found.iter().cloned().unzip();
            let (known, _): (Vec<_>, Vec<_>) =
                expected.get_or_insert(found.clone()).iter().cloned().unzip();
            assert_eq!(states, known, "node {id} stands elsewhere");
            assert!(expected.as_ref() == Some(&found), "node {id} holds other pages");
        }
    }
}

async fn flush(log: RaftLog, alive: Arc<AtomicBool>) {
    while alive.load(Ordering::Relaxed) {
        clock::sleep(Duration::from_millis(2)).await;
        if alive.load(Ordering::Relaxed) {
            log.flush();
        }
    }
}

pub(crate) const DATABASE: DatabaseId = DatabaseId::POSTGRES;

pub(crate) fn statement(sql: &str) -> Statement {
    Statement { sql: sql.into(), parameters: Parameters::default() }
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
