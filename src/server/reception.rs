//! Takes what other nodes send from the moment that this node listens: until its parts are there, whoever calls waits,
//! but for nodes that recover with this one.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::peer::{self, Kind, Sender, Stream};
use crate::platform::watch;
use crate::server::inbound::Inbound;
use crate::server::recover::Stand;

pub(super) struct Reception {
    /// While this node recovers.
    stand: OnceLock<Arc<Stand>>,
    inbound: watch::Sender<Option<Arc<Inbound>>>,
}

impl Reception {
    pub(super) fn new() -> Self {
        Self { stand: OnceLock::new(), inbound: watch::channel(None).0 }
    }

    /// From now on, nodes that recover hear from this one.
    pub(super) fn recover(&self, stand: Arc<Stand>) {
        self.stand.get_or_init(|| stand);
    }

    /// From now on everything is answered.
    pub(super) fn open(&self, inbound: Arc<Inbound>) {
        self.inbound.send_replace(Some(inbound));
    }

    /// What answers, when it is there; `None` if it never will be.
    async fn inbound(&self) -> Option<Arc<Inbound>> {
        let mut inbound = self.inbound.subscribe();
        loop {
            if let Some(inbound) = inbound.borrow().clone() {
                return Some(inbound);
            }
            inbound.changed().await.ok()?;
        }
    }
}

impl peer::Handler for Reception {
    async fn call(&self, from: Sender, kind: Kind, payload: Bytes) -> Result<Bytes, String> {
        let is_open = self.inbound.borrow().is_some();
        if let (false, Kind::Log, Some(stand)) = (is_open, kind, self.stand.get()) {
            return stand.on_call(from.node, payload).await;
        }
        let inbound = self.inbound().await.ok_or("this node stops")?;
        inbound.call(from, kind, payload).await
    }

    async fn stream(&self, from: Sender, kind: Kind, stream: Stream) {
        if let Some(inbound) = self.inbound().await {
            inbound.stream(from, kind, stream).await;
        }
    }
}
