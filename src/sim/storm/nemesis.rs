//! What goes wrong: the seed chooses which kinds of trouble there are, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Storm;
use crate::model::id::NodeId;
use crate::platform::clock;
use crate::platform::random::Random;
use crate::platform::sim_disk::Failure;
use crate::platform::task;
use crate::raft::Timing;
use crate::sim::network::Weather;
use crate::sim::process::{TIMING, member};

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    Crash,
    PowerCut,
    AllPowerCut,
    Start,
    Cut,
    CutOneWay,
    Isolate,
    Heal,
    Clog,
    Weather,
    SlowSync,
    DiskError,
    DiskFull,
    LogRot,
    Transfer,
    Replace,
    Grow,
    Stop,
}

/// With how often each is chosen, when it is at all.
const TROUBLES: [(Trouble, u64); 18] = [
    (Trouble::Crash, 4),
    (Trouble::PowerCut, 5),
    (Trouble::AllPowerCut, 2),
    (Trouble::Start, 14),
    (Trouble::Cut, 4),
    (Trouble::CutOneWay, 4),
    (Trouble::Isolate, 3),
    (Trouble::Heal, 14),
    (Trouble::Clog, 5),
    (Trouble::Weather, 3),
    (Trouble::SlowSync, 3),
    (Trouble::DiskError, 4),
    (Trouble::DiskFull, 2),
    (Trouble::LogRot, 2),
    (Trouble::Transfer, 4),
    (Trouble::Replace, 2),
    (Trouble::Grow, 1),
    (Trouble::Stop, 2),
];

/// The troubles of one run: what heals is always there, of the others each with one chance in two.
pub(super) struct Swarm(Vec<(Trouble, u64)>);

impl Swarm {
    pub(super) fn new(random: &mut Random) -> Self {
        let chosen = TROUBLES.into_iter().filter(|(trouble, _)| {
            matches!(trouble, Trouble::Start | Trouble::Heal) || random.below(2) == 0
        });
        Self(chosen.collect())
    }

    pub(super) fn of_transfers() -> Self {
        Self(vec![
            (Trouble::Transfer, 20),
            (Trouble::SlowSync, 4),
            (Trouble::Weather, 2),
            (Trouble::Stop, 2),
            (Trouble::Start, 8),
        ])
    }

    fn pick(&self, random: &mut Random) -> Trouble {
        let total: u64 = self.0.iter().map(|(_, weight)| weight).sum();
        let mut at = random.below(total);
        for (trouble, weight) in &self.0 {
            if at < *weight {
                return *trouble;
            }
            at -= weight;
        }
        Trouble::Heal
    }
}

/// A machine whose clock runs a little faster or slower than others'.
pub(super) fn timing(random: &mut Random) -> Timing {
    let rate = 0.96 + random.below(81) as f64 / 1000.0;
    Timing {
        heartbeat: TIMING.heartbeat.mul_f64(rate),
        election_timeout_min: TIMING.election_timeout_min.mul_f64(rate),
        election_timeout_max: TIMING.election_timeout_max.mul_f64(rate),
    }
}

/// How often each happened.
pub(super) type Counts = BTreeMap<Trouble, u64>;

impl Storm {
    /// One piece of trouble.
    pub(super) async fn trouble(&mut self) {
        let trouble = self.swarm.pick(&mut self.random);
        let ids: Vec<u64> = self.cluster.machines.keys().copied().collect();
        let id = ids[self.random.below(ids.len() as u64) as usize];
        let other = ids[self.random.below(ids.len() as u64) as usize];
        let lives = self.cluster.lives(id);
        match trouble {
            Trouble::Crash if lives => self.kill(id, false),
            Trouble::PowerCut if lives => self.kill(id, true),
            Trouble::AllPowerCut => ids.iter().for_each(|id| self.kill(*id, true)),
            Trouble::Stop if lives => {
                self.counters.forget(id);
                self.cluster.stop(id).await;
            }
            Trouble::Start if !lives => self.start(id).await,
            Trouble::Cut if id != other => {
                self.cluster.cut_one_way(id, other);
                self.cluster.cut_one_way(other, id);
            }
            Trouble::CutOneWay if id != other => self.cluster.cut_one_way(id, other),
            Trouble::Isolate => self.cluster.isolate(id),
            Trouble::Heal => self.heal(),
            Trouble::Clog if id != other => self.clog(id, other),
            Trouble::Weather => {
                *self.cluster.net.weather.lock().unwrap() = Weather {
                    jitter: Duration::from_millis([1, 10, 80, 400][self.random.below(4) as usize]),
                    lost: [0, 0, 5, 50][self.random.below(4) as usize],
                    twice: [0, 20][self.random.below(2) as usize],
                };
            }
            Trouble::SlowSync => {
                let takes = [1, 2, 20, 300, 1000][self.random.below(5) as usize];
                *self.cluster.machines[&id].fsync.lock().unwrap() = Duration::from_millis(takes);
            }
            Trouble::DiskError if lives => {
                let all = [Failure::Broken, Failure::Refused, Failure::Full];
                let failure = all[self.random.below(3) as usize];
                self.reasons.excuse(id);
                let after = self.random.below(60);
                self.cluster.machines[&id].disk.fail_after(after, failure, false);
            }
            Trouble::DiskFull if lives => self.fill(id),
            Trouble::LogRot => self.rot(id),
            Trouble::Transfer => {
                let Some(leader) = self.cluster.leader_now() else { return };
                let node = self.cluster.node(leader).clone();
                let to = (other != leader).then_some(NodeId(other));
                task::spawn(async move { drop(node.transfer(to).await) });
            }
            Trouble::Replace if ids.len() > 2 => self.replace(id).await,
            Trouble::Grow if ids.len() < 5 => self.grow().await,
            _ => return,
        }
        *self.counts.entry(trouble).or_default() += 1;
    }

    pub(super) fn kill(&mut self, id: u64, power: bool) {
        let power = power.then(|| self.random.next());
        self.counters.forget(id);
        self.cluster.kill(id, power);
    }

    /// Starts a process. One whose disk was damaged may refuse: its machine is lost.
    pub(super) async fn start(&mut self, id: u64) {
        if self.cluster.lives(id) {
            return;
        }
        self.kill(id, false);
        if let Err(fault) = self.cluster.try_start(id).await {
            let excused = self.reasons.may_refuse_to_start(id);
            assert!(excused, "node {id} doesn't start, and nothing was done to it: {fault}");
            if fault.message.contains("corrupt") || fault.message.contains("damaged") {
                self.lost.insert(id);
            }
        }
    }

    pub(super) fn heal(&mut self) {
        self.cluster.heal();
        for machine in self.cluster.machines.values() {
            machine.disk.set_full(false);
        }
    }

    /// Stops links one by one, and frees them in another order.
    fn clog(&mut self, id: u64, other: u64) {
        let net = self.cluster.net.clone();
        let (first, second) = (self.random.below(3000), self.random.below(3000));
        task::spawn(async move {
            net.clog(id, other);
            clock::sleep(Duration::from_millis(first)).await;
            net.clog(other, id);
            clock::sleep(Duration::from_millis(second)).await;
            net.unclog(id, other);
            clock::sleep(Duration::from_millis(first)).await;
            net.unclog(other, id);
        });
    }

    fn fill(&mut self, id: u64) {
        self.reasons.excuse(id);
        let disk = self.cluster.machines[&id].disk.clone();
        let lasts = Duration::from_millis(self.random.below(8000));
        task::spawn(async move {
            disk.set_full(true);
            clock::sleep(lasts).await;
            disk.set_full(false);
        });
    }

    /// One bit of a log file flips, of one node only: with two, what a majority had may be gone.
    fn rot(&mut self, id: u64) {
        if !self.lost.is_empty() || self.rotten.is_some_and(|rotten| rotten != id) {
            return;
        }
        // Of two voters none may be lost, be it of those before a change that isn't done.
        let running = self.cluster.running();
        let all_run = running.len() == self.cluster.machines.len();
        let is_settled = |id: &u64| {
            let node = self.cluster.node(*id);
            let voters = node.members().iter().filter(|(_, votes)| *votes).count();
            voters >= 3 && node.has_one_majority()
        };
        if self.replaced || !all_run || !running.iter().all(is_settled) {
            return;
        }
        let disk = self.cluster.machines[&id].disk.clone();
        let logs: Vec<_> = disk
            .paths()
            .into_iter()
            .filter(|path| path.extension().is_some_and(|kind| kind == "log"))
            .collect();
        if logs.is_empty() {
            return;
        }
        self.rotten = Some(id);
        self.reasons.excuse(id);
        self.kill(id, false);
        let path = &logs[self.random.below(logs.len() as u64) as usize];
        let mut bytes = disk.contents(path);
        if bytes.is_empty() {
            return;
        }
        let at = self.random.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << self.random.below(8);
        disk.set_contents(path, &bytes);
        self.flips += 1;
    }

    /// A machine's disk is lost: it is removed, and a new one takes its place under a new id.
    pub(super) async fn replace(&mut self, id: u64) {
        // Who removes a healthy machine while another's disk is damaged may be left without a majority.
        if self.rotten.is_some_and(|rotten| rotten != id) {
            return;
        }
        let Some(leader) = self.cluster.leader_now() else { return };
        let others = self.cluster.running().iter().filter(|other| **other != id).count();
        if leader == id || others * 2 <= self.cluster.machines.len() {
            return;
        }
        self.kill(id, false);
        self.replaced = true;
        let node = self.cluster.node(leader).clone();
        let removed = clock::timeout(Duration::from_secs(30), node.remove(&member(id).name)).await;
        if !matches!(removed, Ok(Ok(()))) {
            // It may have happened or not: the machine comes back as it was, if it is still a member.
            return;
        }
        self.cluster.machines.remove(&id);
        self.lost.remove(&id);
        if self.rotten == Some(id) {
            self.rotten = None;
        }
        self.grow().await;
    }

    /// A new machine joins. If it can't now, it is asked again when all is well.
    async fn grow(&mut self) {
        let id = self.next_id;
        self.next_id += 1;
        self.add_machine(id);
        self.start(id).await;
        if let Some(leader) = self.cluster.leader_now() {
            let node = self.cluster.node(leader).clone();
            task::spawn(async move { drop(node.add(member(id), false).await) });
        }
    }
}
