//! The receiving half of a stream, read by a task of its own, so that waiting for a message can be
//! given up at any time without losing a part of one.

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::engine::peers::Incoming;
use crate::engine::wire::{self, Wire};
use crate::platform::task;

/// Messages that wait.
const MESSAGES_MAX: usize = 4;

/// Messages of one kind from the other side.
#[derive(Debug)]
pub(super) struct Inbox<T> {
    messages: mpsc::Receiver<Bytes>,
    kind: std::marker::PhantomData<fn() -> T>,
}

impl<T: Wire> Inbox<T> {
    pub(super) fn new(mut incoming: Box<dyn Incoming>) -> Self {
        let (sender, messages) = mpsc::channel(MESSAGES_MAX);
        task::spawn(async move {
            let forward = async {
                while let Ok(Some(message)) = incoming.receive().await {
                    if sender.send(message).await.is_err() {
                        break;
                    }
                }
            };
            let forward = std::pin::pin!(forward);
            let closed = std::pin::pin!(sender.closed());
            futures_util::future::select(forward, closed).await;
        });
        Self { messages, kind: std::marker::PhantomData }
    }

    /// The next message; `None` when the stream ended, broke, or said something unreadable. May be
    /// dropped while it waits.
    pub(super) async fn next(&mut self) -> Option<T> {
        wire::decode(&self.messages.recv().await?).ok()
    }
}
