//! The network between simulated nodes: every message takes a while, and links can be cut.
//!
//! A call over a cut link gets no answer before its deadline. A stream breaks when its link is
//! cut, as a connection does when its keepalive fails. A node that is down refuses at once.

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
use crate::platform::task;
use crate::raft::{Channel, ChannelReceiver, ChannelSender, Node, Transport, TransportError};

#[derive(Default)]
struct State {
    nodes: BTreeMap<u64, Node>,
    cut: BTreeSet<(u64, u64)>,
    /// Both ends' halves of each open stream.
    streams: Vec<(u64, u64, Arc<Breaker>)>,
}

/// All links.
pub(crate) struct Net {
    state: Mutex<State>,
    pub delay: Mutex<Duration>,
    /// Bytes that went over snapshot streams.
    pub snapshot_bytes: AtomicU64,
}

impl Net {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            delay: Mutex::new(Duration::from_millis(1)),
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

    /// Cuts a node off from all others.
    pub(crate) fn isolate(&self, id: u64) {
        for other in 0..16 {
            if other != id {
                self.cut(id, other);
            }
        }
    }

    pub(crate) fn heal(&self) {
        self.state.lock().unwrap().cut.clear();
    }

    fn is_cut(&self, a: u64, b: u64) -> bool {
        self.state.lock().unwrap().cut.contains(&(a, b))
    }

    fn node(&self, id: u64) -> Option<Node> {
        self.state.lock().unwrap().nodes.get(&id).cloned()
    }

    fn delay(&self) -> Duration {
        *self.delay.lock().unwrap()
    }
}

fn break_streams(state: &mut State, concerns: impl Fn(u64, u64) -> bool) {
    state.streams.retain(|(a, b, breaker)| {
        let breaks = concerns(*a, *b);
        if breaks {
            breaker.broken.store(true, Ordering::Relaxed);
            breaker.notify.notify_one();
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
        if self.link(to).is_err() {
            return lost().await;
        }
        clock::sleep(self.net.delay()).await;
        let Some(node) = self.net.node(to) else {
            return Err(TransportError::Unreachable("connection refused".to_owned()));
        };
        let answer = clock::timeout(timeout, node.on_call(NodeId(self.me), payload)).await;
        clock::sleep(self.net.delay()).await;
        if self.link(to).is_err() || self.net.node(to).is_none() {
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
        if self.link(to).is_err() {
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
        let stream = |sender, receiver| Stream {
            sender: Half {
                net: self.net.clone(),
                snapshot,
                breaker: self.breaker(to),
                end: sender,
            },
            receiver: Half {
                net: self.net.clone(),
                snapshot,
                breaker: self.breaker(to),
                end: receiver,
            },
        };
        (stream(forth, back_end), stream(back, forth_end))
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
