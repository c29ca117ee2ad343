//! Raft's messages over peer connections.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::model::member::Member;
use crate::peer::{self, Kind, PeerError, Target};
use crate::raft::{Channel, ChannelReceiver, ChannelSender, Transport, TransportError};

/// [`Transport`] over [`peer::Client`].
#[derive(Debug, Clone)]
pub(super) struct PeerTransport(pub(super) peer::Client);

/// [`Channel`] over [`peer::Stream`].
#[derive(Debug)]
pub(super) struct PeerChannel(pub(super) peer::Stream);

#[derive(Debug)]
struct Outgoing(peer::StreamSender);

#[derive(Debug)]
struct Incoming(peer::StreamReceiver);

fn target(to: Member) -> Target {
    Target { address: to.raft_addr, node: Some(to.id) }
}

fn error(error: PeerError) -> TransportError {
    match error {
        // A refused message did not reach Raft: whoever is there isn't ready for it.
        PeerError::Unreachable(why) | PeerError::Refused(why) => TransportError::Unreachable(why),
        PeerError::Broken(why) => TransportError::Network(why),
        PeerError::TimedOut => TransportError::TimedOut,
    }
}

impl Transport for PeerTransport {
    fn call(
        &self,
        to: Member,
        payload: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Bytes, TransportError>> {
        Box::pin(async move {
            self.0.call(&target(to), Kind::RaftControl, payload, timeout).await.map_err(error)
        })
    }

    fn open(
        &self,
        to: Member,
        snapshot: bool,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Box<dyn Channel>, TransportError>> {
        let kind = if snapshot { Kind::RaftSnapshot } else { Kind::RaftAppend };
        Box::pin(async move {
            let stream = self.0.open(&target(to), kind, timeout).await.map_err(error)?;
            Ok(Box::new(PeerChannel(stream)) as Box<dyn Channel>)
        })
    }
}

impl Channel for PeerChannel {
    fn send(&mut self, message: Bytes) -> BoxFuture<'_, Result<(), TransportError>> {
        Box::pin(async move { self.0.send(message).await.map_err(error) })
    }

    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, TransportError>> {
        Box::pin(async move { self.0.receive().await.map_err(error) })
    }

    fn split(self: Box<Self>) -> (Box<dyn ChannelSender>, Box<dyn ChannelReceiver>) {
        let (sender, receiver) = self.0.split();
        (Box::new(Outgoing(sender)), Box::new(Incoming(receiver)))
    }
}

impl ChannelSender for Outgoing {
    fn send(&mut self, message: Bytes) -> BoxFuture<'_, Result<(), TransportError>> {
        Box::pin(async move { self.0.send(message).await.map_err(error) })
    }
}

impl ChannelReceiver for Incoming {
    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, TransportError>> {
        Box::pin(async move { self.0.receive().await.map_err(error) })
    }
}
