//! Whole clusters under everything that can go wrong at once, from one seed: disks, network, processes,
//! membership; then peace, in which the cluster must come together, serve, and hold every acknowledged
//! write.
//!
//! Engines, SQLite, logs and Raft are the real ones. What must hold is in `invariant`, one file each; what
//! clients were told is in `oracle`.
//!
//! `STORM_SEED=n` runs one seed, `STORM_SEEDS=n` so many, `STORM_SECONDS=n` as many as take so long,
//! counted on from `STORM_FIRST`.

mod client;
mod invariant;
mod nemesis;
mod oracle;
mod storm_test;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use self::client::{Client, look, schema, unit};
use self::invariant::counters_never_go_back::CountersNeverGoBack;
use self::invariant::no_node_stops_without_a_reason::NoNodeStopsWithoutAReason;
use self::invariant::one_leader_a_term::OneLeaderATerm;
use self::invariant::same_position_same_pages::SamePositionSamePages;
use self::nemesis::{Counts, Swarm};
use self::oracle::{Oracle, Told};
use crate::model::read_level::ReadLevel;
use crate::platform::clock;
use crate::platform::random::Random;
use crate::platform::task;
use crate::sim::engines::{Engines, Sizes};
use crate::sim::network::Weather;
use crate::sim::process::member;

const SIZES: Sizes = Sizes {
    log_bytes_max: 128 << 10,
    segment_bytes: 64 << 10,
    cache_bytes: 64 << 10,
    entry_bytes_max: 16 << 10,
};
const CLIENTS: u64 = 4;
/// Pieces of trouble in a run.
const TROUBLES: u64 = 60;
/// In peace everything must be well within this.
const PEACE: Duration = Duration::from_mins(2);

/// One run.
struct Storm {
    cluster: Engines,
    random: Random,
    swarm: Swarm,
    oracle: Oracle,
    leaders: OneLeaderATerm,
    counters: CountersNeverGoBack,
    pages: SamePositionSamePages,
    reasons: NoNodeStopsWithoutAReason,
    clients: u64,
    /// Machines whose disk is of no use any more.
    lost: BTreeSet<u64>,
    /// The machine whose log may be damaged.
    rotten: Option<u64>,
    /// Whether machines were replaced: a change of membership that was given up may still come about.
    replaced: bool,
    next_id: u64,
    counts: Counts,
    flips: u64,
    /// How many nodes stopped by themselves.
    faults: u64,
}

/// What a run held.
#[derive(Debug, Default)]
struct Report {
    counts: Counts,
    flips: u64,
    writes: u64,
    acknowledged: u64,
    unknown: u64,
    reads: u64,
    terms: u64,
    faults: u64,
    compared: u64,
    snapshots: u64,
}

impl Storm {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed ^ 0x5_7011);
        let swarm = Swarm::new(&mut random);
        Self::with(random, swarm, CLIENTS)
    }

    /// Leadership is handed about, and nothing else goes wrong but slow disks and bad weather.
    fn of_transfers(seed: u64) -> Self {
        Self::with(Random(seed ^ 0x7_2a45), Swarm::of_transfers(), 3 * CLIENTS)
    }

    fn with(random: Random, swarm: Swarm, clients: u64) -> Self {
        Self {
            cluster: Engines::empty(SIZES),
            random,
            swarm,
            oracle: Oracle::default(),
            leaders: OneLeaderATerm::default(),
            counters: CountersNeverGoBack::default(),
            pages: SamePositionSamePages::default(),
            reasons: NoNodeStopsWithoutAReason::default(),
            clients,
            lost: BTreeSet::new(),
            rotten: None,
            replaced: false,
            next_id: 0,
            counts: Counts::new(),
            flips: 0,
            faults: 0,
        }
    }

    fn add_machine(&mut self, id: u64) {
        self.cluster.add_machine(id);
        self.cluster.machines.get_mut(&id).unwrap().timing = nemesis::timing(&mut self.random);
    }

    async fn observe(&mut self) {
        self.leaders.observe(&self.cluster);
        self.counters.observe(&self.cluster);
        self.reasons.observe(&self.cluster);
        let running = self.cluster.running();
        if !running.is_empty() {
            let id = running[self.random.below(running.len() as u64) as usize];
            self.pages.observe(&self.cluster, id).await;
        }
    }

    async fn run(mut self) -> Report {
        let size = 3 + 2 * self.random.below(2);
        for id in 0..size {
            self.add_machine(id);
            self.start(id).await;
        }
        self.next_id = size;
        self.cluster.bootstrap(size).await;
        let leader = self.cluster.leader().await;
        unit(self.cluster.engine(leader), &schema()).await.unwrap();
        let running = Arc::new(AtomicBool::new(true));
        for number in 0..self.clients {
            let client = Client {
                random: Random(self.random.next() ^ number),
                attached: self.cluster.attached(),
                oracle: self.oracle.clone(),
                running: running.clone(),
            };
            task::spawn(client.run());
        }
        for _ in 0..TROUBLES {
            self.trouble().await;
            let pause = [10, 100, 800, 3000][self.random.below(4) as usize];
            clock::sleep(Duration::from_millis(self.random.below(pause))).await;
            self.observe().await;
        }
        running.store(false, Ordering::Relaxed);
        self.peace().await
    }

    /// Everything is made well, and then must be.
    async fn peace(mut self) -> Report {
        self.heal();
        *self.cluster.net.weather.lock().unwrap() = Weather::default();
        let deadline = clock::now().plus(PEACE);
        loop {
            for id in self.cluster.machines.keys().copied().collect::<Vec<_>>() {
                *self.cluster.machines[&id].fsync.lock().unwrap() = Duration::from_millis(2);
                if !self.lost.contains(&id) {
                    self.start(id).await;
                }
            }
            for id in self.lost.clone() {
                self.replace(id).await;
            }
            clock::sleep(Duration::from_secs(2)).await;
            self.heal();
            self.join().await;
            self.observe().await;
            if self.is_whole() && self.write().await {
                // Whatever a client still waited for has been given up then.
                clock::sleep(Duration::from_secs(25)).await;
                self.observe().await;
                // A node may come upon its damaged files late.
                if self.is_whole() {
                    break;
                }
            }
            let status = |id: &u64| {
                let node = self.cluster.node(*id);
                let members = node.members().into_iter().map(|(member, votes)| (member.id, votes));
                (*id, node.status(), members.collect::<Vec<_>>())
            };
            let all = || self.cluster.running().iter().map(status).collect::<Vec<_>>();
            assert!(
                !deadline.remaining().is_zero(),
                "no peace: lost {:?}, {:#?}",
                self.lost,
                all()
            );
        }
        self.faults = std::mem::take(&mut *self.cluster.faults.lock().unwrap()).len() as u64;
        self.cluster.check().await;
        let leader = self.cluster.leader().await;
        let end = look(self.cluster.engine(leader), ReadLevel::Linearizable).await.unwrap();
        self.oracle.with(|history| {
            invariant::acknowledged_writes_survive::check(history, &end);
            invariant::failed_writes_never_show::check(history, &end);
            invariant::only_clients_cancel::check(history);
            invariant::one_history::check(history, &end);
            invariant::order_is_real_time::check(history, &end);
            invariant::reads_are_as_fresh_as_promised::check(history);
            invariant::transactions_are_whole::check(history, &end);
        });
        self.report()
    }

    /// Whether all machines run and are members that vote, nobody else is one, and that is settled.
    fn is_whole(&self) -> bool {
        let Some(leader) = self.cluster.leader_now() else { return false };
        let members = self.cluster.node(leader).members();
        let voters: BTreeSet<u64> =
            members.iter().filter(|(_, votes)| *votes).map(|(member, _)| member.id.0).collect();
        let machines: BTreeSet<u64> = self.cluster.machines.keys().copied().collect();
        voters == machines
            && members.len() == machines.len()
            && self.cluster.node(leader).has_one_majority()
            && machines.iter().all(|id| self.cluster.lives(*id))
    }

    /// Machines that aren't members become ones; members without a machine go.
    async fn join(&self) {
        let Some(leader) = self.cluster.leader_now() else { return };
        let node = self.cluster.node(leader).clone();
        let members = node.members();
        let patience = Duration::from_secs(40);
        for (gone, _) in &members {
            if !self.cluster.machines.contains_key(&gone.id.0) {
                // It is asked again if it fails.
                let _ = clock::timeout(patience, node.remove(&gone.name)).await;
            }
        }
        for id in self.cluster.machines.keys() {
            let votes = members.iter().any(|(member, votes)| member.id.0 == *id && *votes);
            if !votes && self.cluster.lives(*id) {
                let _ = clock::timeout(patience, node.add(member(*id), false)).await;
            }
        }
    }

    /// A write in peace.
    async fn write(&self) -> bool {
        let Some(leader) = self.cluster.leader_now() else { return false };
        let mark = self.oracle.begin();
        let texts = [format!("INSERT INTO marks (n) VALUES ({mark})")];
        let engine = self.cluster.engine(leader);
        let done = clock::timeout(Duration::from_secs(20), unit(engine, &texts)).await;
        let told = if matches!(done, Ok(Ok(()))) { Told::Done } else { Told::Unknown };
        self.oracle.end(mark, told.clone());
        told == Told::Done
    }

    fn report(&self) -> Report {
        let snapshots = self.cluster.net.snapshot_bytes.load(Ordering::Relaxed);
        self.oracle.with(|history| {
            let told = |wanted: fn(&Told) -> bool| {
                let told = history.writes.values().filter_map(|write| write.told.as_ref());
                told.filter(|(_, told)| wanted(told)).count() as u64
            };
            Report {
                counts: self.counts.clone(),
                flips: self.flips,
                writes: history.writes.len() as u64,
                acknowledged: told(|told| *told == Told::Done),
                unknown: told(|told| *told == Told::Unknown),
                reads: history.reads.len() as u64,
                terms: self.leaders.terms() as u64,
                faults: self.faults,
                compared: self.pages.compared,
                snapshots: u64::from(snapshots > 0),
            }
        })
    }
}
