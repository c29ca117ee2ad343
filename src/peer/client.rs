//! The dialling side: connections to other nodes, kept and used again.
//!
//! **Invariant:** a message is handed to one connection once. Whether to send it again is for the
//! caller to decide, who knows what it would do.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;

use crate::peer::calls::Calls;
use crate::peer::frame::{FrameReader, FrameWriter, PAYLOAD_BYTES_MAX};
use crate::peer::handshake::{self, HandshakeError, Lane};
use crate::peer::outlet::Outlet;
use crate::peer::stream::{Released, Stream};
use crate::peer::{Identity, Kind, Limits, PeerError, Sender, Target, wire};
use crate::platform::clock::{self, Instant};
use crate::platform::task;
use crate::tls::{self, Connector};

/// Stream connections that are kept for later, per target and lane.
const IDLE_MAX: usize = 16;
/// Targets that are remembered; beyond it those without a live connection are dropped.
const TARGETS_MAX: usize = 256;

type Key = (Target, Lane);

/// Sends messages to other nodes, over pooled connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    identity: Identity,
    /// `None`: connections aren't encrypted.
    connector: Option<Connector>,
    limits: Limits,
    calls: Mutex<HashMap<Key, Arc<Lines>>>,
    idle: Mutex<HashMap<Key, Vec<(FrameReader, FrameWriter)>>>,
    /// The last refusal from each address, so that each is logged once.
    refusals: Mutex<HashMap<String, String>>,
    next_stream: AtomicU64,
}

/// The connections for calls to one target on one lane.
#[derive(Debug, Default)]
struct Lines {
    open: Mutex<Vec<Arc<Calls>>>,
    /// Held while dialling, so that waiting callers share what comes of it.
    dialling: tokio::sync::Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lines {
    /// The open connection with the fewest waiting calls, and how many are open.
    fn best(&self) -> (Option<Arc<Calls>>, usize) {
        let mut open = lock(&self.open);
        open.retain(|calls| !calls.is_closed());
        (open.iter().min_by_key(|calls| calls.load()).cloned(), open.len())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for lines in lock(&self.calls).values() {
            for calls in lock(&lines.open).iter() {
                calls.close();
            }
        }
    }
}

impl Client {
    /// A client that encrypts with `connector`, or without one not at all.
    pub fn new(identity: Identity, connector: Option<Connector>) -> Self {
        Self::with_limits(identity, connector, Limits::default())
    }

    pub(super) fn with_limits(
        identity: Identity,
        connector: Option<Connector>,
        limits: Limits,
    ) -> Self {
        Self(Arc::new(Inner {
            identity,
            connector,
            limits,
            calls: Mutex::default(),
            idle: Mutex::default(),
            refusals: Mutex::default(),
            next_stream: AtomicU64::new(1),
        }))
    }

    /// The same node as if it belonged to no cluster: to ask anybody who they are.
    #[must_use]
    pub fn outside(&self) -> Self {
        let Inner { identity, connector, limits, .. } = &*self.0;
        let identity = Identity { cluster: Arc::default(), ..identity.clone() };
        Self::with_limits(identity, connector.clone(), *limits)
    }

    /// Sends `payload` and waits for the answer, connecting included, for `timeout` at the most.
    /// Sent once: never repeated by this layer. If the future is dropped, the call may still be
    /// carried out.
    pub async fn call(
        &self,
        to: &Target,
        kind: Kind,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, PeerError> {
        let lane = Lane::of(kind);
        if lane.is_stream() {
            return Err(PeerError::Refused(format!("{kind:?} is a stream")));
        }
        if payload.len() > PAYLOAD_BYTES_MAX {
            let text = format!("a message of {} bytes; 64 MiB is the most", payload.len());
            return Err(PeerError::Refused(text));
        }
        let deadline = clock::now().plus(timeout);
        let calls = self.line(to, lane, deadline).await?;
        clock::timeout(deadline.remaining(), calls.call(kind, payload))
            .await
            .unwrap_or(Err(PeerError::TimedOut))
    }

    /// Opens a stream on a connection that nothing else uses until it ends. `timeout` limits the
    /// connecting; a stream itself ends when no byte moves in it for too long while one should.
    pub async fn open(
        &self,
        to: &Target,
        kind: Kind,
        timeout: Duration,
    ) -> Result<Stream, PeerError> {
        let lane = Lane::of(kind);
        if !lane.is_stream() {
            return Err(PeerError::Refused(format!("{kind:?} is a call")));
        }
        let key = (to.clone(), lane);
        let (reader, writer) = if let Some(connection) = self.0.take_idle(&key) {
            connection
        } else {
            let (reader, writer, _) = self.0.dial(to, lane, clock::now().plus(timeout)).await?;
            (reader, writer)
        };
        let seq = self.0.next_stream.fetch_add(1, Ordering::Relaxed);
        let home = Arc::downgrade(&self.0);
        let give_back = Box::new(move |released: Released| {
            if released.is_finished() {
                put_by(&home, key, released.into_connection());
            } else if tokio::runtime::Handle::try_current().is_ok() {
                task::spawn(async move {
                    if let Some(connection) = released.settle().await {
                        put_by(&home, key, connection);
                    }
                });
            }
            // Outside the runtime nothing can wait: the connection closes.
        });
        Ok(Stream::open(reader, writer, kind as u8, seq, give_back))
    }

    /// Whether a connection for such a stream is kept.
    #[cfg(test)]
    pub(super) fn has_idle(&self, to: &Target, kind: Kind) -> bool {
        let key = (to.clone(), Lane::of(kind));
        lock(&self.0.idle).get(&key).is_some_and(|connections| !connections.is_empty())
    }

    /// A connection for calls: the least busy one, or a new one.
    async fn line(
        &self,
        to: &Target,
        lane: Lane,
        deadline: Instant,
    ) -> Result<Arc<Calls>, PeerError> {
        let lines = self.0.lines((to.clone(), lane));
        let most = lane.connections_max();
        let enough = |best: &Option<Arc<Calls>>, count: usize| {
            best.as_ref().is_some_and(|calls| count >= most || calls.load() == 0)
        };
        let (best, count) = lines.best();
        if enough(&best, count) {
            return best.ok_or(PeerError::TimedOut);
        }
        let dialling = match (lines.dialling.try_lock(), best) {
            (Ok(guard), _) => guard,
            (Err(_), Some(calls)) => return Ok(calls),
            (Err(_), None) => {
                clock::timeout(deadline.remaining(), lines.dialling.lock()).await.map_err(|_| {
                    PeerError::Unreachable(format!("{}: no connection in time", to.address))
                })?
            }
        };
        let (best, count) = lines.best();
        if enough(&best, count) {
            return best.ok_or(PeerError::TimedOut);
        }
        let (reader, writer, _) = self.0.dial(to, lane, deadline).await?;
        let outlet = Outlet::new(writer.io, self.0.limits.stall(lane));
        let calls = Calls::start(reader, outlet);
        lock(&lines.open).push(Arc::clone(&calls));
        drop(dialling);
        Ok(calls)
    }
}

/// Keeps a connection, as long as there is a client.
fn put_by(home: &Weak<Inner>, key: Key, connection: (FrameReader, FrameWriter)) {
    if let Some(inner) = home.upgrade() {
        inner.keep_idle(key, connection);
    }
}

fn entry<V: Default>(map: &mut HashMap<Key, V>, key: Key, live: impl Fn(&V) -> bool) -> &mut V
where
    Key: Eq + Hash,
{
    if map.len() >= TARGETS_MAX && !map.contains_key(&key) {
        map.retain(|_, value| live(value));
    }
    map.entry(key).or_default()
}

impl Inner {
    fn lines(&self, key: Key) -> Arc<Lines> {
        let mut calls = lock(&self.calls);
        Arc::clone(entry(&mut calls, key, |lines| lines.best().1 > 0))
    }

    fn take_idle(&self, key: &Key) -> Option<(FrameReader, FrameWriter)> {
        let mut idle = lock(&self.idle);
        let connections = idle.get_mut(key)?;
        loop {
            let mut connection = connections.pop()?;
            // What the other side has closed meanwhile is of no use.
            if connection.0.is_idle() {
                return Some(connection);
            }
        }
    }

    fn keep_idle(&self, key: Key, connection: (FrameReader, FrameWriter)) {
        let mut idle = lock(&self.idle);
        let connections = entry(&mut idle, key, |connections| !connections.is_empty());
        if connections.len() < IDLE_MAX {
            connections.push(connection);
        }
    }

    async fn dial(
        &self,
        to: &Target,
        lane: Lane,
        deadline: Instant,
    ) -> Result<(FrameReader, FrameWriter, Sender), PeerError> {
        let limit = deadline.remaining().min(self.limits.connect);
        let unreachable =
            |why: &dyn std::fmt::Display| PeerError::Unreachable(format!("{}: {why}", to.address));
        match clock::timeout(limit, self.connect(to, lane)).await {
            Err(_) => Err(unreachable(&"no connection in time")),
            Ok(Err(DialError::Socket(error))) => Err(unreachable(&error)),
            Ok(Err(DialError::Tls(error))) => {
                let why = tls::explain(&error);
                // A connection that broke is nobody's mistake.
                if error.get_ref().is_some() {
                    self.log_refusal(&to.address, format!("TLS: {why}"));
                }
                Err(unreachable(&why))
            }
            Ok(Err(DialError::Handshake(error))) => {
                if !matches!(error, HandshakeError::Silent) {
                    self.log_refusal(&to.address, error.to_string());
                }
                Err(unreachable(&error))
            }
            Ok(Ok(connection)) => {
                lock(&self.refusals).remove(&to.address);
                Ok(connection)
            }
        }
    }

    async fn connect(
        &self,
        to: &Target,
        lane: Lane,
    ) -> Result<(FrameReader, FrameWriter, Sender), DialError> {
        let socket = TcpStream::connect(&to.address).await.map_err(DialError::Socket)?;
        let stall = self.limits.stall(lane);
        wire::prepare(&socket).map_err(DialError::Socket)?;
        let (read, write) = match &self.connector {
            None => wire::plain(socket),
            Some(connector) => {
                let stream = connector.connect(&to.address, socket).await;
                wire::encrypted(stream.map_err(DialError::Tls)?)
            }
        };
        write.set_user_timeout(stall).map_err(DialError::Socket)?;
        let mut reader = FrameReader::new(read, self.limits.handshake);
        let mut writer = FrameWriter::new(write, self.limits.handshake);
        let me = Sender {
            node: self.identity.node,
            store: self.identity.store,
            cluster: self.identity.cluster.get().copied(),
        };
        let other = handshake::greet(&mut reader, &mut writer, me, lane, to.node)
            .await
            .map_err(DialError::Handshake)?;
        reader.trust(stall);
        writer.trust(stall);
        Ok((reader, writer, other))
    }

    /// Tells the operator once what only he can put right.
    fn log_refusal(&self, address: &str, text: String) {
        let mut refusals = lock(&self.refusals);
        if refusals.get(address) != Some(&text) && refusals.len() < TARGETS_MAX {
            tracing::warn!(address, "cannot talk to another node: {text}");
            refusals.insert(address.to_owned(), text);
        }
    }
}

enum DialError {
    Socket(std::io::Error),
    Tls(std::io::Error),
    Handshake(HandshakeError),
}
