//! A simulated cluster, and what a test does with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::model::command::{Applied, Command, Origin, PagesPart};
use crate::model::id::{ClusterId, DatabaseId, LogIndex, NodeId, Position};
use crate::platform::clock;
use crate::raft::{Fence, Node, ProposeError, Status};
use crate::sim::databases::{Files, MemoryDatabases, Oracle, chain_after, encode_pages};
use crate::sim::network::Net;
use crate::sim::process::{Machine, Process, member};

pub(crate) const CLUSTER: ClusterId = ClusterId([7; 16]);

/// Machines, by node id.
pub(crate) struct Cluster {
    pub net: Arc<Net>,
    pub machines: BTreeMap<u64, Machine>,
    oracle: Arc<Oracle>,
    next_row: u32,
}

impl Cluster {
    /// Machines that know nothing of each other.
    pub(crate) async fn machines(ids: impl IntoIterator<Item = u64>) -> Self {
        let mut cluster = Self {
            net: Net::new(),
            machines: BTreeMap::new(),
            oracle: Arc::default(),
            next_row: 20_000,
        };
        for id in ids {
            cluster.add_machine(id).await;
        }
        cluster
    }

    /// A cluster of voters with a leader.
    pub(crate) async fn new(size: u64) -> Self {
        let cluster = Self::machines(0..size).await;
        let members = (0..size).map(member).collect();
        cluster.node(0).bootstrap(CLUSTER, members).await.unwrap();
        cluster.leader().await;
        cluster
    }

    pub(crate) async fn add_machine(&mut self, id: u64) {
        let mut machine = Machine::new(id);
        machine.start(&self.net, &self.oracle).await.unwrap();
        self.machines.insert(id, machine);
    }

    pub(crate) fn machine(&mut self, id: u64) -> &mut Machine {
        self.machines.get_mut(&id).unwrap()
    }

    pub(crate) fn process(&self, id: u64) -> &Process {
        self.machines[&id].process.as_ref().expect("the process runs")
    }

    pub(crate) fn node(&self, id: u64) -> &Node {
        &self.process(id).node
    }

    pub(crate) fn databases(&self, id: u64) -> &MemoryDatabases {
        &self.process(id).databases
    }

    pub(crate) fn status(&self, id: u64) -> Status {
        self.node(id).status()
    }

    pub(crate) async fn start(&mut self, id: u64) {
        let (net, oracle) = (self.net.clone(), self.oracle.clone());
        self.machine(id).start(&net, &oracle).await.unwrap();
    }

    pub(crate) fn kill(&mut self, id: u64, power_loss: Option<u64>) {
        let net = self.net.clone();
        self.machine(id).kill(&net, power_loss);
    }

    pub(crate) async fn stop(&mut self, id: u64) {
        let net = self.net.clone();
        self.machine(id).stop(&net).await;
    }

    /// Nodes whose process runs.
    pub(crate) fn running(&self) -> Vec<u64> {
        let running = self.machines.iter().filter(|(_, machine)| machine.process.is_some());
        running.map(|(id, _)| *id).collect()
    }

    /// A node that leads and is ready, if one is, and under what it may propose.
    pub(crate) fn ready(&self) -> Option<(u64, Fence)> {
        let ready = |id: u64| Some((id, self.node(id).leadership().borrow().ready?));
        // A deposed leader may not know yet: the latest term counts.
        self.running().into_iter().filter_map(ready).max_by_key(|(_, fence)| fence.term)
    }

    /// Waits for a leader that is ready.
    pub(crate) async fn leader(&self) -> u64 {
        until(30, || self.ready().is_some()).await;
        self.ready().unwrap().0
    }

    /// Proposes on a node as its present leadership allows.
    pub(crate) async fn propose_on(
        &self,
        id: u64,
        command: Command,
    ) -> Result<Applied, ProposeError> {
        let node = self.node(id).clone();
        let Some(fence) = node.leadership().borrow().ready else {
            return Err(ProposeError::NotLeader);
        };
        node.propose(command, fence).await
    }

    /// A database that no other call makes: the unit of "a row" here.
    pub(crate) fn row(&mut self) -> (DatabaseId, Command) {
        self.next_row += 1;
        let id = DatabaseId(self.next_row);
        (id, create(id))
    }

    /// Writes a row, on whoever leads, until it is acknowledged.
    pub(crate) async fn write(&mut self) -> DatabaseId {
        let (id, command) = self.row();
        self.write_command(command).await;
        id
    }

    pub(crate) async fn write_command(&self, command: Command) -> Applied {
        for _ in 0..100 {
            let leader = self.leader().await;
            match self.propose_on(leader, command.clone()).await {
                Ok(applied) => return applied,
                Err(_) => clock::sleep(Duration::from_millis(100)).await,
            }
        }
        panic!("nobody takes a write");
    }

    /// Writes pages to a database in one transaction.
    pub(crate) async fn write_pages(&self, database: DatabaseId, size: u32, pages: &[(u32, u64)]) {
        let leader = self.leader().await;
        let base = self.databases(leader).files()[&database].position;
        let part = pages_part(database, base, size, pages);
        assert_eq!(self.write_command(Command::Pages(part)).await, Applied::Done);
    }

    /// Waits until all running nodes have applied as much as the most advanced one.
    pub(crate) async fn settle(&self) {
        let all_same = || {
            let applied: BTreeSet<LogIndex> =
                self.running().into_iter().map(|id| self.status(id).applied).collect();
            applied.len() == 1
        };
        until(60, all_same).await;
    }

    /// Waits until everybody has everything, then checks that all hold the same, these rows among
    /// it, and that nothing stopped.
    pub(crate) async fn check(&self, rows: &[DatabaseId]) -> Files {
        // A node that has just restarted may have files ahead of what it knows to be committed:
        // the next leader's first entry settles that.
        self.leader().await;
        self.settle().await;
        let ids = self.running();
        let files = self.databases(ids[0]).files();
        for id in &ids {
            assert!(self.databases(*id).files() == files, "node {id} differs from {}", ids[0]);
            let faults = self.databases(*id).faults.lock().unwrap();
            assert!(faults.is_empty(), "node {id}: {faults:?}");
        }
        for row in rows {
            assert!(files.contains_key(row), "row {row} is lost");
        }
        files
    }
}

pub(crate) fn create(id: DatabaseId) -> Command {
    Command::CreateDatabase { id, name: format!("d{id}") }
}

/// A transaction in one part.
pub(crate) fn pages_part(
    database: DatabaseId,
    base: Position,
    size: u32,
    pages: &[(u32, u64)],
) -> PagesPart {
    let pages = encode_pages(pages.iter().copied());
    PagesPart {
        database,
        base,
        txid: base.txid.next(),
        chain: chain_after(base.chain, &pages),
        database_pages: size,
        part: 0,
        last: true,
        origin: Origin { node: NodeId(0), ..Origin::default() },
        proposed_at: 0,
        pages,
        notifications: Vec::new(),
    }
}

/// Waits until a condition holds; fails after so many seconds.
pub(crate) async fn until(seconds: u64, condition: impl Fn() -> bool) {
    let deadline = clock::now().plus(Duration::from_secs(seconds));
    while !condition() {
        assert!(deadline.remaining() > Duration::ZERO, "waited {seconds} s in vain");
        clock::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) async fn milliseconds(count: u64) {
    clock::sleep(Duration::from_millis(count)).await;
}
