//! Which other nodes answer, told to the operator: once when one has been silent for as long as an
//! election takes to begin, and once when it answers again.
//!
//! One that stays silent is lost to a leader: what its sessions hold here must not keep others waiting
//! until its connections break, which can take a minute and more when a network swallows everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use crate::model::id::NodeId;
use crate::model::member::Member;
use crate::platform::clock::{self, Instant};
use crate::platform::watch;

/// A node that is silent for so many times the time after which that is told is lost.
const LOST_AFTER: u32 = 3;

/// A node that didn't answer the last time.
#[derive(Debug)]
struct Silence {
    since: Instant,
    told: bool,
}

/// What is worth a line in the log.
#[derive(Debug, PartialEq)]
enum News {
    Silent,
    Back(Duration),
}

/// The nodes that are silent; this node calls those that it leads or asks for votes.
#[derive(Debug)]
pub(super) struct Contacts {
    silent: Mutex<BTreeMap<NodeId, Silence>>,
    lost: watch::Sender<BTreeSet<NodeId>>,
}

impl Default for Contacts {
    fn default() -> Self {
        Self { silent: Mutex::default(), lost: watch::Sender::new(BTreeSet::new()) }
    }
}

impl Contacts {
    /// A call to a node has ended; `failure` says why it failed, if it did.
    pub(super) fn note(&self, member: &Member, patience: Duration, failure: Option<&str>) {
        let Member { name, raft_addr, .. } = member;
        match self.take_note(member.id, patience, failure.is_some()) {
            None => {}
            Some(News::Silent) => {
                // The address may stand there a second time.
                let why = failure.unwrap_or_default();
                let why = why.strip_prefix(&format!("{raft_addr}: ")).unwrap_or(why);
                tracing::warn!("node {name} ({raft_addr}) does not answer: {why}");
            }
            Some(News::Back(silence)) => {
                let seconds = silence.as_secs_f64();
                tracing::info!("node {name} ({raft_addr}) answers again after {seconds:.1} s");
            }
        }
    }

    fn take_note(&self, node: NodeId, patience: Duration, failed: bool) -> Option<News> {
        let mut silent = self.silent.lock().expect("nothing panics while it holds this lock");
        if !failed {
            let silence = silent.remove(&node)?;
            self.lost.send_if_modified(|lost| lost.remove(&node));
            return silence.told.then(|| News::Back(clock::now().since(silence.since)));
        }
        let now = clock::now();
        let silence = silent.entry(node).or_insert(Silence { since: now, told: false });
        let lasts = now.since(silence.since);
        if lasts >= patience * LOST_AFTER {
            self.lost.send_if_modified(|lost| lost.insert(node));
        }
        let tell = !silence.told && lasts >= patience;
        silence.told |= tell;
        tell.then_some(News::Silent)
    }

    /// For how long each of the silent ones has been so.
    pub(super) fn silent(&self) -> BTreeMap<NodeId, Duration> {
        let silent = self.silent.lock().expect("nothing panics while it holds this lock");
        let now = clock::now();
        silent.iter().map(|(node, silence)| (*node, now.since(silence.since))).collect()
    }

    /// Another node leads: this one calls nobody, and won't see who answers again.
    pub(super) fn forget(&self) {
        self.silent.lock().expect("nothing panics while it holds this lock").clear();
        self.lost.send_if_modified(|lost| !std::mem::take(lost).is_empty());
    }

    /// Returns once `node` is lost.
    pub(super) fn lost(&self, node: NodeId) -> impl Future<Output = ()> + Send + use<> {
        let mut lost = self.lost.subscribe();
        async move {
            while !lost.borrow_and_update().contains(&node) {
                if lost.changed().await.is_err() {
                    // This node stops: whoever waits for this is told by others.
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stays_silent_is_lost_until_it_answers() {
        let contacts = Contacts::default();
        let is_lost = |contacts: &Contacts| contacts.lost.subscribe().borrow().contains(&NodeId(7));
        contacts.take_note(NodeId(7), Duration::from_hours(1), true);
        assert!(!is_lost(&contacts), "it may be a hiccup");
        contacts.take_note(NodeId(7), Duration::ZERO, true);
        assert!(is_lost(&contacts));
        assert!(contacts.silent().contains_key(&NodeId(7)));
        contacts.take_note(NodeId(7), Duration::ZERO, false);
        assert!(!is_lost(&contacts));
        assert!(contacts.silent().is_empty());
        contacts.take_note(NodeId(7), Duration::ZERO, true);
        contacts.forget();
        assert!(!is_lost(&contacts));
    }

    #[test]
    fn each_change_is_told_once() {
        let contacts = Contacts::default();
        let node = NodeId(7);
        let note = |patience, failed| contacts.take_note(node, patience, failed);
        assert_eq!(note(Duration::ZERO, false), None);
        assert_eq!(note(Duration::from_hours(1), true), None, "it may be a hiccup");
        assert_eq!(note(Duration::from_hours(1), false), None);
        assert_eq!(note(Duration::ZERO, true), Some(News::Silent));
        assert_eq!(note(Duration::ZERO, true), None);
        assert!(matches!(note(Duration::ZERO, false), Some(News::Back(_))));
        assert_eq!(note(Duration::ZERO, false), None);
        assert_eq!(note(Duration::ZERO, true), Some(News::Silent));
        contacts.forget();
        assert_eq!(note(Duration::ZERO, false), None);
    }
}
