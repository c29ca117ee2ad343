//! LISTEN: which sessions of this node hear what is notified in which database.
//!
//! Notifications travel in the log entry of the transaction that sent them, and are delivered where
//! it is applied: on every node, in the order of commits, once what was committed can be read there.
//! Nothing is kept for those who don't listen yet, or not any more.
//!
//! Invariant: a mailbox misses nothing between LISTEN and its end. What can't be delivered (it is
//! full, or this node has received a snapshot in place of entries) ends it with an error, and its
//! session with it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::engine::Engine;
use crate::engine::cancel::lock;
use crate::model::error::{Class, Error, SqlState};
use crate::model::id::DatabaseId;
use crate::model::notification::Notification;

/// Bytes that may wait for one session: it is in a transaction, or its client doesn't read.
const WAITING_BYTES_MAX: usize = 16 << 20;

/// Who listens on this node.
#[derive(Debug, Default)]
pub(super) struct Hub(Mutex<HashMap<Channel, Vec<Arc<Mailbox>>>>);

type Channel = (DatabaseId, Arc<str>);

#[derive(Debug, Default)]
struct Mailbox {
    contents: Mutex<Contents>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Contents {
    waiting: VecDeque<Notification>,
    bytes: usize,
    /// Why nothing more comes.
    lost: Option<Error>,
}

impl Hub {
    /// Hands out what a transaction has notified.
    pub(super) fn deliver(&self, database: DatabaseId, notifications: &[Notification]) {
        if notifications.is_empty() {
            return;
        }
        let listening = lock(&self.0);
        for notification in notifications {
            let key = (database, Arc::clone(&notification.channel));
            for mailbox in listening.get(&key).into_iter().flatten() {
                mailbox.put(notification);
            }
        }
    }

    /// This node has missed what was notified in a database.
    pub(super) fn lose(&self, database: DatabaseId) {
        let listening = lock(&self.0);
        let of_database = listening.iter().filter(|((other, _), _)| *other == database);
        for mailbox in of_database.flat_map(|(_, mailboxes)| mailboxes) {
            mailbox.lose(missed("this node has caught up by a snapshot"));
        }
    }

    fn remove(&self, key: &Channel, mailbox: &Arc<Mailbox>) {
        let mut listening = lock(&self.0);
        if let Some(mailboxes) = listening.get_mut(key) {
            mailboxes.retain(|other| !Arc::ptr_eq(other, mailbox));
            if mailboxes.is_empty() {
                listening.remove(key);
            }
        }
    }
}

impl Mailbox {
    fn put(&self, notification: &Notification) {
        let mut contents = lock(&self.contents);
        if contents.lost.is_some() {
            return;
        }
        contents.bytes += notification.size();
        if contents.bytes > WAITING_BYTES_MAX {
            contents.lost = Some(missed("too many notifications wait for this session"));
            contents.waiting.clear();
        } else {
            contents.waiting.push_back(notification.clone());
        }
        self.arrived.notify_one();
    }

    fn lose(&self, error: Error) {
        lock(&self.contents).lost.get_or_insert(error);
        self.arrived.notify_one();
    }
}

/// 57P01: a client that gets it connects again, and looks at what it may have missed.
fn missed(why: &str) -> Error {
    Error::new(
        Class::Retry,
        SqlState::ADMIN_SHUTDOWN,
        format!("terminating connection because notifications were lost: {why}"),
    )
    .with_hint("Connect again, LISTEN, and then look at the present state.")
}

/// What one session listens to. Dropping it ends that.
#[derive(Debug)]
pub struct Listener {
    hub: Arc<Hub>,
    database: DatabaseId,
    channels: Vec<Arc<str>>,
    mailbox: Arc<Mailbox>,
}

impl Engine {
    /// A listener that hears nothing yet.
    pub fn listener(&self, database: DatabaseId) -> Listener {
        let hub = Arc::clone(&self.core.hub);
        Listener { hub, database, channels: Vec::new(), mailbox: Arc::default() }
    }
}

impl Listener {
    /// From now on, what is applied here and was notified on this channel is heard.
    pub fn listen(&mut self, channel: &str) {
        if self.channels.iter().any(|known| **known == *channel) {
            return;
        }
        let channel: Arc<str> = channel.into();
        self.channels.push(Arc::clone(&channel));
        let mut listening = lock(&self.hub.0);
        listening.entry((self.database, channel)).or_default().push(Arc::clone(&self.mailbox));
    }

    /// Listens to these of its channels alone. What has come from others isn't told any more.
    pub fn keep(&mut self, wanted: impl Fn(&str) -> bool) {
        let known = std::mem::take(&mut self.channels);
        let (kept, given_up): (Vec<_>, Vec<_>) = known.into_iter().partition(|name| wanted(name));
        self.channels = kept;
        for channel in given_up {
            let key = (self.database, channel);
            self.hub.remove(&key, &self.mailbox);
            lock(&self.mailbox.contents).waiting.retain(|waiting| waiting.channel != key.1);
        }
    }

    /// In the order in which they were named.
    pub fn channels(&self) -> &[Arc<str>] {
        &self.channels
    }

    /// What has come since the last call.
    ///
    /// # Errors
    /// 57P01: something was missed; the session has to end.
    pub fn take(&self) -> Result<Vec<Notification>, Error> {
        let mut contents = lock(&self.mailbox.contents);
        contents.bytes = 0;
        let taken = std::mem::take(&mut contents.waiting);
        match &contents.lost {
            Some(error) if taken.is_empty() => Err(error.clone()),
            _ => Ok(taken.into()),
        }
    }

    /// Resolves when there is something to [`Self::take`].
    pub async fn arrived(&self) {
        loop {
            let arrived = self.mailbox.arrived.notified();
            {
                let contents = lock(&self.mailbox.contents);
                if !contents.waiting.is_empty() || contents.lost.is_some() {
                    return;
                }
            }
            arrived.await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.keep(|_| false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(channel: &str, payload: &str) -> Notification {
        Notification { sender: 1, channel: channel.into(), payload: payload.into() }
    }

    fn listener(hub: &Arc<Hub>) -> Listener {
        let (hub, database) = (Arc::clone(hub), DatabaseId::POSTGRES);
        Listener { hub, database, channels: Vec::new(), mailbox: Arc::default() }
    }

    #[tokio::test]
    async fn a_listener_hears_its_channels_of_its_database() {
        let hub = Arc::new(Hub::default());
        let mut one = listener(&hub);
        let mut other = listener(&hub);
        one.listen("a");
        one.listen("b");
        one.listen("a");
        other.listen("b");
        let sent = [note("a", "1"), note("b", "2"), note("c", "3"), note("a", "4")];
        hub.deliver(DatabaseId::POSTGRES, &sent);
        hub.deliver(DatabaseId(77), &sent);
        one.arrived().await;
        assert_eq!(one.take().unwrap(), [note("a", "1"), note("b", "2"), note("a", "4")]);
        assert_eq!(other.take().unwrap(), [note("b", "2")]);
        assert_eq!(other.take().unwrap(), []);
        hub.deliver(DatabaseId::POSTGRES, &sent);
        one.keep(|channel| channel == "b");
        assert_eq!(one.take().unwrap(), [note("b", "2")]);
        drop((one, other));
        assert!(lock(&hub.0).is_empty());
    }

    #[tokio::test]
    async fn what_cannot_be_delivered_ends_the_listener() {
        let hub = Arc::new(Hub::default());
        let (mut slow, mut laggard) = (listener(&hub), listener(&hub));
        slow.listen("a");
        let long = note("a", &"x".repeat(7000));
        for _ in 0..=WAITING_BYTES_MAX / 7000 {
            hub.deliver(DatabaseId::POSTGRES, std::slice::from_ref(&long));
        }
        slow.arrived().await;
        assert_eq!(slow.take().unwrap_err().state(), SqlState::ADMIN_SHUTDOWN);
        laggard.listen("b");
        hub.deliver(DatabaseId::POSTGRES, &[note("b", "1")]);
        hub.lose(DatabaseId::POSTGRES);
        hub.deliver(DatabaseId::POSTGRES, &[note("b", "2")]);
        assert_eq!(laggard.take().unwrap(), [note("b", "1")], "it came before");
        assert_eq!(laggard.take().unwrap_err().state(), SqlState::ADMIN_SHUTDOWN);
    }
}
