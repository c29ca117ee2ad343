//! What happens to nodes, and how it is made to happen.
//!
//! Weather lasts for a while and kills nobody; a blow takes a node, or all of them, away. A round has one of each,
//! dealt from two decks that a seed has shuffled, so that all kinds come equally often.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::disk::{self, Disk};
use crate::shim::{Setting, Shim};
use crate::support::{Cluster, Dice, Node, request, signal, wait_for};
use crate::switch::{Link, State, Switch};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    // Weather.
    Calm,
    LeaderCutOff,
    LeaderMute,
    LeaderDeaf,
    OneLinkCut,
    Delay,
    Loss,
    Narrow,
    Swizzle,
    SlowDisk,
    ClockJump,
    // Blows.
    None,
    KillLeader,
    KillAny,
    KillAll,
    StopLeader,
    PauseLeader,
    PauseAny,
    PowerAny,
    PowerAll,
    SyncFails,
    ReadOnly,
    DiskFull,
    Transfer,
    Replace,
}

pub const WEATHER: [Fault; 11] = [
    Fault::Calm,
    Fault::LeaderCutOff,
    Fault::LeaderMute,
    Fault::LeaderDeaf,
    Fault::OneLinkCut,
    Fault::Delay,
    Fault::Loss,
    Fault::Narrow,
    Fault::Swizzle,
    Fault::SlowDisk,
    Fault::ClockJump,
];

pub const BLOWS: [Fault; 14] = [
    Fault::None,
    Fault::KillLeader,
    Fault::KillAny,
    Fault::KillAll,
    Fault::StopLeader,
    Fault::PauseLeader,
    Fault::PauseAny,
    Fault::PowerAny,
    Fault::PowerAll,
    Fault::SyncFails,
    Fault::ReadOnly,
    Fault::DiskFull,
    Fault::Transfer,
    Fault::Replace,
];

/// Faults that a seed has shuffled, dealt one after the other and over again.
pub struct Deck {
    faults: Vec<Fault>,
    left: Vec<Fault>,
}

impl Deck {
    pub fn new(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self { faults: faults.into_iter().collect(), left: Vec::new() }
    }

    pub fn deal(&mut self, dice: &mut Dice) -> Fault {
        if self.left.is_empty() {
            self.left.clone_from(&self.faults);
        }
        self.left.swap_remove(dice.below(self.left.len()))
    }
}

/// A cluster, and all that things are done to it with.
pub struct Place {
    pub cluster: Cluster,
    pub switch: Switch,
    pub shims: Vec<Shim>,
    pub library: PathBuf,
    pub disks: Option<Vec<Disk>>,
    /// By kind.
    pub counts: BTreeMap<Fault, usize>,
    /// Nodes that may end by themselves in this round.
    pub doomed: Vec<usize>,
}

impl Place {
    fn others(&self, place: usize) -> impl Iterator<Item = usize> + Clone {
        (0..self.cluster.nodes.len()).filter(move |other| *other != place)
    }

    fn all_links(&self) -> Vec<Link> {
        let count = self.cluster.nodes.len();
        (0..count).flat_map(|one| self.others(one).map(move |other| (one, other))).collect()
    }

    /// Begins what lasts.
    pub fn begin(&mut self, weather: Fault, leader: usize, dice: &mut Dice) {
        let out: Vec<Link> = self.others(leader).map(|other| (leader, other)).collect();
        let back: Vec<Link> = self.others(leader).map(|other| (other, leader)).collect();
        let chosen = dice.below(self.cluster.nodes.len());
        let amount = dice.below(100) as u64;
        match weather {
            Fault::LeaderCutOff => self.switch.hold(out.into_iter().chain(back)),
            Fault::LeaderMute => self.switch.hold(out),
            Fault::LeaderDeaf => self.switch.hold(back),
            Fault::OneLinkCut => self.switch.hold([out[0], back[0]]),
            Fault::Delay => {
                let delay = Duration::from_millis(1 + amount / 4);
                self.switch.set(self.all_links(), State { delay, ..State::default() });
            }
            Fault::Loss => {
                self.switch.set(self.all_links(), State { lost: 5 + amount, ..State::default() });
            }
            Fault::Narrow => {
                let bytes_per_second = (64 + 2 * amount) << 10;
                self.switch.set(self.all_links(), State { bytes_per_second, ..State::default() });
            }
            Fault::Swizzle => {
                let mut links: Vec<Link> = out.into_iter().chain(back).collect();
                for link in &links {
                    self.switch.hold([*link]);
                    std::thread::sleep(Duration::from_millis(100));
                }
                while !links.is_empty() {
                    let link = links.swap_remove(dice.below(links.len()));
                    self.switch.set([link], State::default());
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
            Fault::SlowDisk => {
                self.shims[chosen].set(Setting::SyncMilliseconds, 20 + amount as i64);
            }
            Fault::ClockJump => {
                let seconds = (amount as i64 - 50) * 144;
                self.shims[chosen].set(Setting::ClockSeconds, seconds);
            }
            _ => {}
        }
        *self.counts.entry(weather).or_default() += 1;
    }

    /// Strikes, at the node that leads or at another one.
    pub fn strike(&mut self, blow: Fault, leader: usize, dice: &mut Dice) {
        let (any, lasts) = (dice.below(self.cluster.nodes.len()), dice.below(3000) as u64);
        self.doomed.clear();
        match blow {
            Fault::KillLeader => self.cluster.nodes[leader].kill(),
            Fault::KillAny => self.cluster.nodes[any].kill(),
            Fault::KillAll => self.cluster.nodes.iter_mut().for_each(Node::kill),
            Fault::StopLeader => self.cluster.nodes[leader].stop(),
            Fault::PauseLeader => self.pause(leader, lasts),
            Fault::PauseAny => self.pause(any, lasts),
            Fault::PowerAny => self.cut(&[any]),
            Fault::PowerAll => self.cut(&(0..self.cluster.nodes.len()).collect::<Vec<_>>()),
            Fault::SyncFails => self.fail_syncs(any),
            Fault::ReadOnly => {
                self.doomed.push(any);
                let disk = &self.disks.as_ref().expect("only dealt if there are disks")[any];
                disk.break_down().unwrap_or_else(|wrong| panic!("UNKNOWN (harness): {wrong}"));
            }
            Fault::DiskFull => {
                self.doomed.push(any);
                self.disks.as_ref().expect("only dealt if there are disks")[any].fill();
            }
            Fault::Transfer => {
                // Under this weather it may well not succeed.
                let node = &self.cluster.nodes[leader];
                drop(request(node.http, "POST", "/leader?timeout=3s", Some("{}")));
            }
            _ => {}
        }
        *self.counts.entry(blow).or_default() += 1;
    }

    fn pause(&self, place: usize, millis: u64) {
        let pid = self.cluster.nodes[place].pid();
        signal(pid, "STOP");
        std::thread::sleep(Duration::from_millis(500 + millis));
        signal(pid, "CONT");
    }

    fn cut(&mut self, places: &[usize]) {
        let disks = self.disks.as_ref().expect("only dealt if there are disks");
        let harness = |done: Result<(), String>| {
            done.unwrap_or_else(|wrong| panic!("UNKNOWN (harness): {wrong}"));
        };
        harness(disk::cut(places.iter().map(|place| &disks[*place])));
        for place in places {
            self.cluster.nodes[*place].kill();
            harness(disks[*place].mount_again());
        }
    }

    /// No sync succeeds, until the node has noticed and ended.
    fn fail_syncs(&mut self, place: usize) {
        self.doomed.push(place);
        self.shims[place].set(Setting::SyncsFail, 1);
    }

    /// Ends all that lasts, and starts nodes that are down. What must not have happened.
    pub fn heal(&mut self, blow: Fault) -> Result<(), String> {
        self.switch.heal();
        if matches!(blow, Fault::SyncFails | Fault::ReadOnly) {
            let place = self.doomed[0];
            let node = &mut self.cluster.nodes[place];
            // It has something to write as soon as it has a leader again.
            wait_for("a node that can't write to end", || (!node.is_alive()).then_some(()));
            if let (Fault::ReadOnly, Some(disks)) = (blow, &self.disks) {
                let again = disks[place].mount_again();
                again.unwrap_or_else(|wrong| panic!("UNKNOWN (harness): {wrong}"));
            }
            if blow == Fault::SyncFails && self.shims[place].failures() == 0 {
                return Err(format!("node {} ended for another reason", node.name));
            }
        }
        self.shims.iter().for_each(Shim::reset);
        self.disks.iter().flatten().for_each(Disk::empty);
        for (place, node) in self.cluster.nodes.iter_mut().enumerate() {
            if node.is_running() && !node.is_alive() {
                if !self.doomed.contains(&place) {
                    return Err(format!("node {} ended by itself\n{}", node.name, node.log()));
                }
                node.kill();
            }
            if !node.is_running() {
                node.start();
            }
        }
        Ok(())
    }

    /// Takes a node out for good, and puts a new one, with an empty directory and another name, into its place.
    pub fn replace(&mut self, place: usize) {
        let helper = self.others(place).next().expect("there are three or more");
        self.cluster.nodes[place].kill();
        let asked = json!({ "id": self.cluster.nodes[place].name }).to_string();
        let known = format!("\"{}\":", self.cluster.nodes[place].name);
        let port = self.cluster.nodes[helper].http;
        wait_for("the removal", || {
            drop(request(port, "DELETE", "/remove", Some(&asked)));
            let reply = request(port, "GET", "/nodes", None)?;
            (reply.status == 200 && !reply.body.contains(&known)).then_some(())
        });
        let (pg, http) = (self.cluster.nodes[place].pg, self.cluster.nodes[place].http);
        let old = self.cluster.nodes[place].dir.clone();
        std::fs::remove_dir_all(&old).unwrap();
        self.cluster.put_new(place, helper, &["--raft-adv-addr", &self.switch.address(place)]);
        let node = &mut self.cluster.nodes[place];
        // Clients know these.
        (node.pg, node.http) = (pg, http);
        node.dir = old;
        self.switch.move_to(place, node.raft);
        self.shims[place] = Shim::put(&self.library, self.cluster.root.path(), node);
        node.start();
        node.wait_ready();
    }
}
