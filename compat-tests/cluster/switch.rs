//! The network between nodes, in this process: each node is reached by the others through a port of ours,
//! and what goes from one to another can be held up or delayed, in each direction by itself.
//!
//! What is held up isn't lost: it arrives when the link is free again, as TCP would have it, so nodes meet
//! messages of a time long past. New connections over such a link hang. A connection whose bytes are held up
//! for [`KEEPALIVE`] breaks, as the kernel of either node would have it.
//!
//! Who a connection comes from is in its first frame, the greeting (docs/format.md, "Handshake").

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::support::{Cluster, Node};

/// The frame's header, the greeting's first bytes, and where its fields lie behind them.
const GREETING: usize = 72;
const SENDER: std::ops::Range<usize> = 40..48;
const RECEIVER: std::ops::Range<usize> = 64..72;

/// After this long without an answer a node's kernel gives a connection up (`src/peer/wire.rs`).
const KEEPALIVE: Duration = Duration::from_secs(11);

/// From a place to another.
pub type Link = (usize, usize);

#[derive(Debug, Clone, Copy, Default)]
pub struct State {
    pub held: bool,
    /// Each piece takes this long, and up to as much again.
    pub delay: Duration,
    /// Of a thousand pieces so many are sent again by TCP, which takes a while.
    pub lost: u64,
    /// The width of the link, in bytes a second, over all its connections. 0: as wide as it gets.
    pub bytes_per_second: u64,
}

type States = HashMap<Link, State>;

#[derive(Default)]
struct Shared {
    /// Places by node id.
    ids: Mutex<HashMap<u64, usize>>,
    /// Raft ports by place.
    ports: Mutex<HashMap<usize, u16>>,
    /// Until when what a narrow link has taken keeps it busy.
    busy: Mutex<HashMap<Link, Instant>>,
}

impl Shared {
    /// When a piece has gone through a link, behind what others have given to it.
    fn through(&self, link: Link, bytes: usize, state: State) -> Instant {
        let now = Instant::now();
        if state.bytes_per_second == 0 {
            return now;
        }
        let mut busy = self.busy.lock().unwrap();
        let until = busy.entry(link).or_insert(now);
        let takes = Duration::from_secs_f64(bytes as f64 / state.bytes_per_second as f64);
        *until = now.max(*until) + takes;
        *until
    }
}

/// All links of a cluster.
pub struct Switch {
    runtime: Runtime,
    shared: Arc<Shared>,
    states: watch::Sender<States>,
    addresses: Vec<String>,
}

impl Switch {
    /// A cluster whose nodes reach each other through a switch.
    pub fn cluster(size: usize) -> (Self, Cluster) {
        Self::cluster_in(tempfile::tempdir().unwrap(), size, |_, _| ())
    }

    /// The same in a directory that is there; each node is given to `prepare` before it is started.
    pub fn cluster_in(
        root: TempDir,
        size: usize,
        mut prepare: impl FnMut(usize, &mut Node),
    ) -> (Self, Cluster) {
        let runtime = Runtime::new().unwrap();
        let (shared, states) = (Arc::default(), watch::Sender::default());
        let mut switch = Self { runtime, shared, states, addresses: Vec::new() };
        let mut cluster = Cluster { nodes: Vec::new(), root };
        for place in 0..size {
            let address = format!("127.0.0.1:{}", switch.listen(place));
            cluster.prepare(&["--raft-adv-addr", &address]);
            switch.addresses.push(address);
            prepare(place, &mut cluster.nodes[place]);
            cluster.nodes[place].start();
            switch.shared.ports.lock().unwrap().insert(place, cluster.nodes[place].raft);
            cluster.nodes[place].wait_ready();
        }
        (switch, cluster)
    }

    /// By which a place is reached.
    pub fn address(&self, place: usize) -> String {
        self.addresses[place].clone()
    }

    /// Another node, with another port, is at a place now.
    pub fn move_to(&self, place: usize, raft: u16) {
        self.shared.ports.lock().unwrap().insert(place, raft);
    }

    /// Opens the port by which a place is reached.
    fn listen(&self, place: usize) -> u16 {
        let listener = self.runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (shared, states) = (Arc::clone(&self.shared), self.states.subscribe());
        self.runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                // Either side may go at any time.
                tokio::spawn(carry(socket, place, Arc::clone(&shared), states.clone()));
            }
        });
        port
    }

    /// Changes a link, in one direction.
    pub fn set(&self, links: impl IntoIterator<Item = Link>, state: State) {
        self.states.send_modify(|states| {
            for link in links {
                states.insert(link, state);
            }
        });
    }

    pub fn hold(&self, links: impl IntoIterator<Item = Link>) {
        self.set(links, State { held: true, ..State::default() });
    }

    pub fn heal(&self) {
        self.states.send_modify(States::clear);
        self.shared.busy.lock().unwrap().clear();
    }
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().unwrap())
}

async fn carry(
    mut socket: TcpStream,
    to: usize,
    shared: Arc<Shared>,
    states: watch::Receiver<States>,
) -> Option<()> {
    let mut greeting = [0; GREETING];
    socket.read_exact(&mut greeting).await.ok()?;
    let (sender, receiver) = (number(&greeting[SENDER]), number(&greeting[RECEIVER]));
    if receiver != 0 {
        shared.ids.lock().unwrap().insert(receiver, to);
    }
    let from = shared.ids.lock().unwrap().get(&sender).copied();
    let port = shared.ports.lock().unwrap().get(&to).copied()?;
    // Nobody knows yet who a joining node is: its links are free.
    let link = from.map_or((usize::MAX, to), |from| (from, to));
    let mut free = states.clone();
    free.wait_for(|states| !states.get(&link).is_some_and(|state| state.held)).await.ok()?;
    let mut there = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    for socket in [&socket, &there] {
        socket.set_nodelay(true).ok()?;
    }
    there.write_all(&greeting).await.ok()?;
    let ((here_in, here_out), (there_in, there_out)) = (socket.into_split(), there.into_split());
    tokio::spawn(pump(there_in, here_out, (link.1, link.0), Arc::clone(&shared), states.clone()));
    pump(here_in, there_out, link, shared, states).await;
    Some(())
}

/// Carries what goes in one direction, until either end closes.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    link: Link,
    shared: Arc<Shared>,
    mut states: watch::Receiver<States>,
) {
    let (pieces, mut queue) = mpsc::channel::<(Instant, Vec<u8>)>(64);
    let delays = states.clone();
    tokio::spawn(async move {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            let state = delays.borrow().get(&link).copied().unwrap_or_default();
            let mut delay = state.delay.mul_f64(1.0 + f64::from(fastrand_f32()));
            if u64::from(fastrand() % 1000) < state.lost {
                delay += Duration::from_millis(200 + u64::from(fastrand() % 400));
            }
            let due = shared.through(link, count, state) + delay;
            let piece = (due, buffer[..count].to_vec());
            if pieces.send(piece).await.is_err() {
                break;
            }
        }
    });
    while let Some((due, piece)) = queue.recv().await {
        tokio::time::sleep_until(due).await;
        let free = |states: &States| !states.get(&link).is_some_and(|state| state.held);
        let wait = tokio::time::timeout(KEEPALIVE, states.wait_for(free));
        let freed = wait.await.is_ok_and(|freed| freed.is_ok());
        if !freed || to.write_all(&piece).await.is_err() {
            break;
        }
    }
}

/// Not repeatable anyway: the nodes are real.
fn fastrand() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish() as u32
}

fn fastrand_f32() -> f32 {
    (fastrand() % 1000) as f32 / 1000.0
}
