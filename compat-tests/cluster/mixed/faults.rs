//! What happens to nodes, and how it is made to happen.
//!
//! Weather lasts for a while and kills nobody; a blow takes a node, or all of them, away. A round has one of each,
//! dealt from two decks that a seed has shuffled, so that all kinds come equally often.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::disk::{self, Disk, text};
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
    DiskFull,
    Transfer,
    Replace,
}

pub const WEATHER: [Fault; 10] = [
    Fault::Calm,
    Fault::LeaderCutOff,
    Fault::LeaderMute,
    Fault::LeaderDeaf,
    Fault::OneLinkCut,
    Fault::Delay,
    Fault::Loss,
    Fault::Swizzle,
    Fault::SlowDisk,
    Fault::ClockJump,
];

pub const BLOWS: [Fault; 13] = [
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

/// What stands between a node and its C library: `shim.c`.
pub struct Shim(File);

impl Shim {
    const CLOCK_SECONDS: u64 = 0;
    const SYNC_MS: u64 = 8;
    const SYNC_FAILS: u64 = 16;

    /// Compiles the shim. Its place.
    pub fn compile(root: &Path) -> PathBuf {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/compat-tests/cluster/mixed/shim.c");
        let library = root.join("shim.so");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o", text(&library), source, "-ldl"])
            .status();
        assert!(built.is_ok_and(|status| status.success()), "UNKNOWN (harness): cc {source}");
        library
    }

    /// Puts it before a node that isn't started yet.
    pub fn put(library: &Path, root: &Path, node: &mut Node) -> Self {
        let control = root.join(format!("shim{}", node.name));
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(true);
        let file = options.open(&control).unwrap();
        file.set_len(32).unwrap();
        for (name, path) in [("LD_PRELOAD", library), ("EIDER_SHIM", &control)] {
            node.environment.push((name.to_owned(), text(path).to_owned()));
        }
        Self(file)
    }

    fn set(&self, at: u64, value: i64) {
        self.0.write_all_at(&value.to_ne_bytes(), at).unwrap();
    }

    fn reset(&self) {
        self.0.write_all_at(&[0; 24], 0).unwrap();
    }

    /// Syncs that were made to fail.
    fn failed(&self) -> u64 {
        let mut bytes = [0; 8];
        self.0.read_exact_at(&mut bytes, 24).unwrap();
        u64::from_ne_bytes(bytes)
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
                self.switch.set(self.all_links(), State { held: false, delay, lost: 0 });
            }
            Fault::Loss => {
                let state = State { held: false, delay: Duration::ZERO, lost: 5 + amount };
                self.switch.set(self.all_links(), state);
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
            Fault::SlowDisk => self.shims[chosen].set(Shim::SYNC_MS, 20 + amount as i64),
            Fault::ClockJump => {
                let seconds = (amount as i64 - 50) * 144;
                self.shims[chosen].set(Shim::CLOCK_SECONDS, seconds);
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
        self.shims[place].set(Shim::SYNC_FAILS, 1);
    }

    /// Ends all that lasts, and starts nodes that are down. What must not have happened.
    pub fn heal(&mut self, blow: Fault) -> Result<(), String> {
        self.switch.heal();
        if blow == Fault::SyncFails {
            let place = self.doomed[0];
            let node = &mut self.cluster.nodes[place];
            // It syncs something as soon as it has a leader again.
            wait_for("a node whose syncs fail to end", || (!node.is_alive()).then_some(()));
            if self.shims[place].failed() == 0 {
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
