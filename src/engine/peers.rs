//! The way to other nodes' engines. `peer` is the one in use; tests bring their own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::model::member::Member;
use crate::peer::{self, Kind, PeerError, Target};

/// Sends messages to other nodes' engines.
pub trait Peers: Send + Sync + std::fmt::Debug + 'static {
    /// Sends a request and waits for its answer. It is sent once.
    fn call(
        &self,
        to: &Member,
        payload: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Bytes, PeerError>>;
    /// Opens a stream that nothing else uses.
    fn open(&self, to: &Member, timeout: Duration) -> BoxFuture<'_, Result<Stream, PeerError>>;
}

/// A stream's two directions.
pub(super) type Stream = (Box<dyn Outgoing>, Box<dyn Incoming>);

/// One direction of a stream. Dropping both closes it.
pub trait Outgoing: Send + 'static {
    fn send(&mut self, message: Bytes) -> BoxFuture<'_, Result<(), PeerError>>;
    /// Says that nothing more will be sent.
    fn finish(&mut self) -> BoxFuture<'_, Result<(), PeerError>>;
}

/// The other direction.
pub trait Incoming: Send + 'static {
    /// `None` when the other side has finished.
    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, PeerError>>;
}

impl Outgoing for peer::StreamSender {
    fn send(&mut self, message: Bytes) -> BoxFuture<'_, Result<(), PeerError>> {
        Box::pin(Self::send(self, message))
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), PeerError>> {
        Box::pin(Self::finish(self))
    }
}

impl Incoming for peer::StreamReceiver {
    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, PeerError>> {
        Box::pin(Self::receive(self))
    }
}

fn target(to: &Member) -> Target {
    Target { address: to.raft_addr.clone(), node: Some(to.id) }
}

impl Peers for peer::Client {
    fn call(
        &self,
        to: &Member,
        payload: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Bytes, PeerError>> {
        let target = target(to);
        Box::pin(async move { Self::call(self, &target, Kind::Engine, payload, timeout).await })
    }

    fn open(
        &self,
        to: &Member,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<(Box<dyn Outgoing>, Box<dyn Incoming>), PeerError>> {
        let target = target(to);
        Box::pin(async move {
            let stream = Self::open(self, &target, Kind::EngineStream, timeout).await?;
            let (sender, receiver) = stream.split();
            Ok((Box::new(sender) as Box<dyn Outgoing>, Box::new(receiver) as Box<dyn Incoming>))
        })
    }
}

impl Peers for Arc<dyn Peers> {
    fn call(
        &self,
        to: &Member,
        payload: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Bytes, PeerError>> {
        (**self).call(to, payload, timeout)
    }

    fn open(
        &self,
        to: &Member,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<(Box<dyn Outgoing>, Box<dyn Incoming>), PeerError>> {
        (**self).open(to, timeout)
    }
}
