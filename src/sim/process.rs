//! One simulated machine, and the process that runs on it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::model::error::Fault;
use crate::model::id::{NodeId, StoreId};
use crate::model::member::Member;
use crate::platform::clock;
use crate::platform::disk::{Disk, File};
use crate::platform::sim_disk::SimDisk;
use crate::platform::task;
use crate::raft::{Node, Start, Timing};
use crate::raftlog::{Flushing, Limits, RaftLog};
use crate::sim::databases::{MemoryDatabases, Oracle, Storage};
use crate::sim::network::{Net, Port};

const LIMITS: Limits = Limits { segment_bytes: 16 << 10, cache_bytes: 64 << 10 };

pub(crate) const TIMING: Timing = Timing {
    heartbeat: Duration::from_millis(300),
    election_timeout_min: Duration::from_millis(1500),
    election_timeout_max: Duration::from_secs(3),
};

/// A disk that a dead process can't touch any more.
#[derive(Debug)]
struct ProcessDisk {
    disk: SimDisk,
    alive: Arc<AtomicBool>,
}

impl ProcessDisk {
    fn disk(&self) -> io::Result<&SimDisk> {
        let alive = self.alive.load(Ordering::Relaxed);
        alive.then_some(&self.disk).ok_or_else(|| io::Error::other("this process is dead"))
    }
}

impl Disk for ProcessDisk {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn File>> {
        self.disk()?.open(path, create)
    }
    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        self.disk()?.list(directory)
    }
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.disk()?.create_directory(path)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk()?.remove(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk()?.rename(from, to)
    }
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.disk()?.sync_directory(path)
    }
    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.disk()?.exists(path)
    }
    fn length(&self, path: &Path) -> io::Result<u64> {
        self.disk()?.length(path)
    }
}

/// What survives a process.
pub(crate) struct Machine {
    pub member: Member,
    pub disk: SimDisk,
    pub storage: Arc<Mutex<Storage>>,
    /// How long an fsync of the log takes.
    pub fsync: Arc<Mutex<Duration>>,
    pub log_bytes_max: u64,
    pub quarantine: bool,
    pub process: Option<Process>,
}

/// A running node.
#[derive(Clone)]
pub(crate) struct Process {
    pub node: Node,
    pub log: RaftLog,
    pub databases: Arc<MemoryDatabases>,
    alive: Arc<AtomicBool>,
}

pub(crate) fn member(id: u64) -> Member {
    let mut store = [0; 16];
    store[..8].copy_from_slice(&id.to_be_bytes());
    Member {
        id: NodeId(id),
        store: StoreId(store),
        name: format!("n{id}"),
        raft_addr: format!("node{id}:4002"),
        http_addr: format!("node{id}:4001"),
        pg_addr: format!("node{id}:5432"),
    }
}

impl Machine {
    pub(crate) fn new(id: u64) -> Self {
        Self {
            member: member(id),
            disk: SimDisk::default(),
            storage: Arc::default(),
            fsync: Arc::new(Mutex::new(Duration::from_millis(2))),
            log_bytes_max: 1 << 20,
            quarantine: true,
            process: None,
        }
    }

    /// Starts a process on what the disk holds.
    pub(crate) async fn start(
        &mut self,
        net: &Arc<Net>,
        oracle: &Arc<Oracle>,
    ) -> Result<(), Fault> {
        let id = self.member.id.0;
        let alive = Arc::new(AtomicBool::new(true));
        let data = PathBuf::from("data");
        if !self.disk.exists(&data).unwrap() {
            self.disk.create_directory(&data).unwrap();
            self.disk.sync_directory(Path::new("")).unwrap();
        }
        let disk: Arc<dyn Disk> =
            Arc::new(ProcessDisk { disk: self.disk.clone(), alive: alive.clone() });
        let directory = data.join("raft");
        let store = self.member.store;
        let log = RaftLog::open_with(disk.clone(), &directory, store, LIMITS, Flushing::Manual)?;
        task::spawn(flush(log.clone(), self.fsync.clone(), alive.clone()));
        let databases = MemoryDatabases::open(self.storage.clone(), oracle.clone(), alive.clone());
        let node = Node::start(Start {
            me: self.member.clone(),
            timing: TIMING,
            log: log.clone(),
            directory,
            disk,
            databases: databases.clone(),
            transport: Arc::new(Port { net: net.clone(), me: id, alive: alive.clone() }),
            log_bytes_max: self.log_bytes_max,
            quarantine: self.quarantine,
        })
        .await?;
        net.attach(id, node.clone());
        self.process = Some(Process { node, log, databases, alive });
        Ok(())
    }

    /// Ends the process without a word. With `power_loss` the disk loses what wasn't synced.
    pub(crate) fn kill(&mut self, net: &Net, power_loss: Option<u64>) {
        let process = self.process.take().expect("the process runs");
        process.alive.store(false, Ordering::Relaxed);
        net.detach(self.member.id.0);
        match power_loss {
            Some(seed) => self.disk.power_loss(seed),
            None => self.disk.process_death(),
        }
        task::spawn(async move { process.node.shutdown().await });
    }

    /// Stops the process in order.
    pub(crate) async fn stop(&mut self, net: &Net) {
        let process = self.process.take().expect("the process runs");
        process.node.shutdown().await;
        net.detach(self.member.id.0);
        process.log.close();
        process.alive.store(false, Ordering::Relaxed);
        self.disk.process_death();
    }
}

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
