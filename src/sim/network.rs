//! The network between simulated nodes: every message takes a while, and links can be cut.
//!
//! A call over a cut link gets no answer before its deadline. A stream breaks when its link is
//! cut in either direction, as a connection does when its keepalive fails. A node that is down refuses
//! at once. On a clogged link nothing arrives until it is free again, and then all of it. [`Weather`]
//! makes delays vary, loses calls, delivers them twice, and breaks streams.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, Either, select};
use tokio::sync::{Notify, mpsc};

use crate::model::id::NodeId;
use crate::model::member::Member;
use crate::platform::clock::{self, Instant};
use crate::platform::{random, task};
use crate::raft::{Channel, ChannelReceiver, ChannelSender, Node, Transport, TransportError};

#[derive(Default)]
struct State {
    nodes: BTreeMap<u64, Node>,
    /// From whom to whom nothing gets through.
    cut: BTreeSet<(u64, u64)>,
    clogged: BTreeSet<(u64, u64)>,
    /// Both ends' halves of each open stream.
    streams: Vec<(u64, u64, Arc<Breaker>)>,
}

/// What happens to messages by chance.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    /// Added to each delay, from nothing up to this.
    pub jitter: Duration,
    /// Of a thousand: calls that are lost, streams that break at a message.
    pub lost: u64,
    /// Of a thousand: calls that arrive twice.
    pub twice: u64,
}

/// All links.
pub(crate) struct Net {
    state: Mutex<State>,
    pub delay: Mutex<Duration>,
    pub weather: Mutex<Weather>,
    /// Bytes that went over snapshot streams.
    pub snapshot_bytes: AtomicU64,
}

impl Net {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            delay: Mutex::new(Duration::from_millis(1)),
            weather: Mutex::default(),
            snapshot_bytes: AtomicU64::new(0),
        })
    }

    pub(crate) fn attach(&self, id: u64, node: Node) {
        self.state.lock().unwrap().nodes.insert(id, node);
    }

    /// Takes a node off the network; its streams break.
    pub(crate) fn detach(&self, id: u64) {
        let mut state = self.state.lock().unwrap();
        state.nodes.remove(&id);
        break_streams(&mut state, |a, b| a == id || b == id);
    }

    pub(crate) fn cut(&self, a: u64, b: u64) {
        let mut state = self.state.lock().unwrap();
        state.cut.extend([(a, b), (b, a)]);
        break_streams(&mut state, |x, y| (x, y) == (a, b) || (y, x) == (a, b));
    }

    /// Cuts one direction of a link.
    pub(crate) fn cut_one_way(&self, from: u64, to: u64) {
        let mut state = self.state.lock().unwrap();
        state.cut.insert((from, to));
        break_streams(&mut state, |x, y| (x, y) == (from, to) || (y, x) == (from, to));
    }

    pub(crate) fn clog(&self, from: u64, to: u64) {
        self.state.lock().unwrap().clogged.insert((from, to));
    }

    pub(crate) fn unclog(&self, from: u64, to: u64) {
        self.state.lock().unwrap().clogged.remove(&(from, to));
    }

    /// Waits while a link is clogged.
    pub(crate) async fn passage(&self, from: u64, to: u64) {
        while self.state.lock().unwrap().clogged.contains(&(from, to)) {
            clock::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Cuts a node off from all others.
    pub(crate) fn isolate(&self, id: u64) {
        for other in 0..16 {
            if other != id {
                self.cut(id, other);
            }
        }
    }

    pub(crate) fn heal(&self) {
        let mut state = self.state.lock().unwrap();
        state.cut.clear();
        state.clogged.clear();
    }

    /// Forgets all nodes: they hold the network, and it holds them.
    pub(crate) fn clear(&self) {
        let mut state = self.state.lock().unwrap();
        state.nodes.clear();
        state.streams.clear();
    }

    fn is_cut(&self, a: u64, b: u64) -> bool {
        self.state.lock().unwrap().cut.contains(&(a, b))
    }

    fn node(&self, id: u64) -> Option<Node> {
        self.state.lock().unwrap().nodes.get(&id).cloned()
    }

    pub(crate) fn delay(&self) -> Duration {
        let jitter = self.weather.lock().unwrap().jitter.as_micros() as u64;
        let more = if jitter == 0 { 0 } else { chance() % jitter };
        *self.delay.lock().unwrap() + Duration::from_micros(more)
    }

    fn loses(&self) -> bool {
        let lost = self.weather.lock().unwrap().lost;
        lost > 0 && chance() % 1000 < lost
    }

    fn repeats(&self) -> bool {
        let twice = self.weather.lock().unwrap().twice;
        twice > 0 && chance() % 1000 < twice
    }
}

fn chance() -> u64 {
    u64::from_le_bytes(random::bytes())
}

fn break_streams(state: &mut State, concerns: impl Fn(u64, u64) -> bool) {
    state.streams.retain(|(a, b, breaker)| {
        let breaks = concerns(*a, *b);
        if breaks {
            breaker.cut();
        }
        !breaks && Arc::strong_count(breaker) > 1
    });
}

/// One process's access to the network; dead with it.
pub(crate) struct Port {
    pub net: Arc<Net>,
    pub me: u64,
    pub alive: Arc<AtomicBool>,
}

impl Port {
    /// Whether a message can leave towards `to`.
    fn link(&self, to: u64) -> Result<(), bool> {
        if !self.alive.load(Ordering::Relaxed) || self.net.is_cut(self.me, to) {
            return Err(true);
        }
        Ok(())
    }

    async fn send_call(
        &self,
        to: u64,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, TransportError> {
        let started = clock::now();
        let lost = async || {
            clock::sleep_until(started.plus(timeout)).await;
            Err(TransportError::TimedOut)
        };
        if self.link(to).is_err() || self.net.loses() {
            return lost().await;
        }
        clock::sleep(self.net.delay()).await;
        if clock::timeout(timeout, self.net.passage(self.me, to)).await.is_err() {
            return lost().await;
        }
        let Some(node) = self.net.node(to) else {
            return Err(TransportError::Unreachable("connection refused".to_owned()));
        };
        if self.net.repeats() {
            let (node, payload, me) = (node.clone(), payload.clone(), NodeId(self.me));
            let later = self.net.delay();
            task::spawn(async move {
                clock::sleep(later).await;
                // The answer to the second copy has nowhere to go.
                drop(node.on_call(me, payload).await);
            });
        }
        let answer = clock::timeout(timeout, node.on_call(NodeId(self.me), payload)).await;
        clock::sleep(self.net.delay()).await;
        if clock::timeout(timeout, self.net.passage(to, self.me)).await.is_err() {
            return lost().await;
        }
        let back = self.net.is_cut(to, self.me) || self.net.loses();
        if self.link(to).is_err() || back || self.net.node(to).is_none() {
            return lost().await;
        }
        match answer {
            Ok(answer) => answer.map_err(TransportError::Unreachable),
            Err(clock::Elapsed) => Err(TransportError::TimedOut),
        }
    }

    async fn open_stream(
        &self,
        to: u64,
        snapshot: bool,
        timeout: Duration,
    ) -> Result<Box<dyn Channel>, TransportError> {
        if self.link(to).is_err() || self.net.is_cut(to, self.me) {
            clock::sleep(timeout).await;
            return Err(TransportError::TimedOut);
        }
        clock::sleep(self.net.delay()).await;
        let Some(node) = self.net.node(to) else {
            return Err(TransportError::Unreachable("connection refused".to_owned()));
        };
        let (here, there) = self.pair(to, snapshot);
        let from = NodeId(self.me);
        task::spawn(async move { node.on_stream(from, snapshot, Box::new(there)).await });
        Ok(Box::new(here))
    }

    fn pair(&self, to: u64, snapshot: bool) -> (Stream, Stream) {
        let (forth, forth_end) = mpsc::channel(32);
        let (back, back_end) = mpsc::channel(32);
        let stream = |sender, receiver, way: (u64, u64)| Stream {
            sender: Half {
                net: self.net.clone(),
                way,
                snapshot,
                breaker: self.breaker(to),
                end: sender,
            },
            receiver: Half {
                net: self.net.clone(),
                way: (way.1, way.0),
                snapshot,
                breaker: self.breaker(to),
                end: receiver,
            },
        };
        (stream(forth, back_end, (self.me, to)), stream(back, forth_end, (to, self.me)))
    }

    fn breaker(&self, to: u64) -> Arc<Breaker> {
        let breaker = Arc::new(Breaker::default());
        self.net.state.lock().unwrap().streams.push((self.me, to, breaker.clone()));
        breaker
    }
}

impl Transport for Port {
    fn call(
        &self,
        to: Member,
        payload: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Bytes, TransportError>> {
        Box::pin(self.send_call(to.id.0, payload, timeout))
    }

    fn open(
        &self,
        to: Member,
        snapshot: bool,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Box<dyn Channel>, TransportError>> {
        Box::pin(self.open_stream(to.id.0, snapshot, timeout))
    }
}

/// Tells one half of a stream that its connection is gone.
#[derive(Default)]
struct Breaker {
    broken: AtomicBool,
    notify: Notify,
}

impl Breaker {
    fn cut(&self) {
        self.broken.store(true, Ordering::Relaxed);
        self.notify.notify_one();
    }

    fn check(&self) -> Result<(), TransportError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(TransportError::Network("connection reset".to_owned()));
        }
        Ok(())
    }

    /// What `future` gives, unless the connection goes first.
    async fn guard<T>(&self, future: impl Future<Output = T>) -> Result<T, TransportError> {
        self.check()?;
        let (future, broken) = (std::pin::pin!(future), std::pin::pin!(self.notify.notified()));
        match select(future, broken).await {
            Either::Left((value, _)) => Ok(value),
            Either::Right(_) => Err(TransportError::Network("connection reset".to_owned())),
        }
    }
}

struct Half<E> {
    net: Arc<Net>,
    /// From whom to whom its messages go.
    way: (u64, u64),
    snapshot: bool,
    breaker: Arc<Breaker>,
    end: E,
}

type SendEnd = Half<mpsc::Sender<(Instant, Bytes)>>;
type ReceiveEnd = Half<mpsc::Receiver<(Instant, Bytes)>>;

struct Stream {
    sender: SendEnd,
    receiver: ReceiveEnd,
}

impl ChannelSender for SendEnd {
    fn send(&mut self, message: Bytes) -> BoxFuture<'_, Result<(), TransportError>> {
        Box::pin(async move {
            if self.snapshot {
                self.net.snapshot_bytes.fetch_add(message.len() as u64, Ordering::Relaxed);
            }
            if self.net.loses() {
                self.breaker.cut();
            }
            let arrival = clock::now().plus(self.net.delay());
            let sent = self.breaker.guard(self.end.send((arrival, message))).await?;
            sent.map_err(|_| TransportError::Network("the other side has closed".to_owned()))
        })
    }
}

impl ChannelReceiver for ReceiveEnd {
    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, TransportError>> {
        Box::pin(async move {
            let Some((arrival, message)) = self.breaker.guard(self.end.recv()).await? else {
                return Ok(None);
            };
            clock::sleep_until(arrival).await;
            self.breaker.guard(self.net.passage(self.way.0, self.way.1)).await?;
            self.breaker.check()?;
            Ok(Some(message))
        })
    }
}

impl Channel for Stream {
    fn send(&mut self, message: Bytes) -> BoxFuture<'_, Result<(), TransportError>> {
        self.sender.send(message)
    }
    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, TransportError>> {
        self.receiver.receive()
    }
    fn split(self: Box<Self>) -> (Box<dyn ChannelSender>, Box<dyn ChannelReceiver>) {
        (Box::new(self.sender), Box::new(self.receiver))
    }
}
