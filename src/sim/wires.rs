//! Engine to engine, without sockets: calls and streams that take a while, break when their link is cut,
//! and are refused by nodes that are down.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::platform::watch;
use bytes::Bytes;
use futures_util::future::{BoxFuture, Either, select};
use tokio::sync::mpsc;

use crate::engine::{Engine, Incoming, Outgoing, Peers};
use crate::model::member::Member;
use crate::peer::PeerError;
use crate::platform::clock;
use crate::platform::task;
use crate::sim::network::Net;

/// Links between engines.
#[derive(Default)]
pub(super) struct Links {
    pub engines: BTreeMap<u64, Engine>,
    pub cut: BTreeSet<(u64, u64)>,
}

/// One node's way to the others.
pub(super) struct Wires {
    pub me: u64,
    pub net: Arc<Net>,
    pub links: Arc<watch::Sender<Links>>,
}

impl std::fmt::Debug for Wires {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wires").field("me", &self.me).finish_non_exhaustive()
    }
}

impl Wires {
    fn engine(&self, to: u64) -> Result<Engine, PeerError> {
        let links = self.links.borrow();
        if links.cut.contains(&(self.me, to)) {
            return Err(PeerError::Broken("the link is cut".to_owned()));
        }
        let engine = links.engines.get(&to).cloned();
        engine.ok_or_else(|| PeerError::Unreachable("connection refused".to_owned()))
    }

    async fn broken(links: Arc<watch::Sender<Links>>, a: u64, b: u64) {
        let mut links = links.subscribe();
        let gone = |links: &Links| {
            links.cut.contains(&(a, b))
                || links.cut.contains(&(b, a))
                || !links.engines.contains_key(&a)
                || !links.engines.contains_key(&b)
        };
        // The network outlives its nodes.
        let _ = links.wait_for(gone).await;
    }
}

impl Peers for Wires {
    fn call(
        &self,
        to: &Member,
        payload: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Bytes, PeerError>> {
        let to = to.id.0;
        Box::pin(async move {
            let engine = match self.engine(to) {
                Err(PeerError::Broken(_)) => {
                    clock::sleep(timeout.min(Duration::from_secs(3))).await;
                    return Err(PeerError::Unreachable("no route".to_owned()));
                }
                engine => engine?,
            };
            clock::sleep(self.net.delay()).await;
            if clock::timeout(timeout, self.net.passage(self.me, to)).await.is_err() {
                // It never arrives: the connection is given up with it on its way.
                return Err(PeerError::TimedOut);
            }
            let (reply, answer) = tokio::sync::oneshot::channel();
            // The receiver goes on with it, whatever becomes of the connection.
            task::spawn(async move { drop(reply.send(engine.on_call(payload).await)) });
            let broken = Self::broken(self.links.clone(), self.me, to);
            let answered = clock::timeout(timeout, answer);
            match select(std::pin::pin!(answered), std::pin::pin!(broken)).await {
                Either::Left((Ok(Ok(answer)), _)) => {
                    clock::sleep(self.net.delay()).await;
                    self.net.passage(to, self.me).await;
                    answer.map_err(PeerError::Refused)
                }
                Either::Left((Err(clock::Elapsed), _)) => Err(PeerError::TimedOut),
                Either::Left((Ok(Err(_)), _)) | Either::Right(_) => {
                    Err(PeerError::Broken("connection reset".to_owned()))
                }
            }
        })
    }

    fn open(
        &self,
        to: &Member,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<(Box<dyn Outgoing>, Box<dyn Incoming>), PeerError>> {
        let to = to.id.0;
        Box::pin(async move {
            let engine = match self.engine(to) {
                Err(PeerError::Broken(_)) => {
                    clock::sleep(timeout).await;
                    return Err(PeerError::Unreachable("no route".to_owned()));
                }
                engine => engine?,
            };
            clock::sleep(self.net.delay()).await;
            let (forth, forth_end) = mpsc::channel(8);
            let (back, back_end) = mpsc::channel(8);
            let ends = (self.links.clone(), self.me, to);
            let net = &self.net;
            let outgoing =
                |sender| Box::new(Half { end: sender, net: net.clone(), ends: ends.clone() });
            let incoming =
                |receiver| Box::new(Half { end: receiver, net: net.clone(), ends: ends.clone() });
            let (sender, receiver) = (outgoing(back), incoming(forth_end));
            task::spawn(async move { engine.on_halves(sender, receiver).await });
            Ok((outgoing(forth) as Box<dyn Outgoing>, incoming(back_end) as Box<dyn Incoming>))
        })
    }
}

struct Half<E> {
    end: E,
    net: Arc<Net>,
    ends: (Arc<watch::Sender<Links>>, u64, u64),
}

impl<E> Half<E> {
    fn broken(&self) -> impl Future<Output = ()> + Send + use<E> {
        let (links, a, b) = self.ends.clone();
        Wires::broken(links, a, b)
    }
}

fn reset() -> PeerError {
    PeerError::Broken("connection reset".to_owned())
}

impl Outgoing for Half<mpsc::Sender<Option<Bytes>>> {
    fn send(&mut self, message: Bytes) -> BoxFuture<'_, Result<(), PeerError>> {
        Box::pin(async move {
            let broken = std::pin::pin!(self.broken());
            match select(std::pin::pin!(self.end.send(Some(message))), broken).await {
                Either::Left((sent, _)) => sent.map_err(|_| reset()),
                Either::Right(_) => Err(reset()),
            }
        })
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), PeerError>> {
        Box::pin(async move { self.end.send(None).await.map_err(|_| reset()) })
    }
}

impl Incoming for Half<mpsc::Receiver<Option<Bytes>>> {
    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, PeerError>> {
        Box::pin(async move {
            let broken = std::pin::pin!(self.broken());
            let message = match select(std::pin::pin!(self.end.recv()), broken).await {
                Either::Left((message, _)) => message.ok_or_else(reset)?,
                Either::Right(_) => return Err(reset()),
            };
            clock::sleep(self.net.delay()).await;
            Ok(message)
        })
    }
}
