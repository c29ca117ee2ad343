//! Which other nodes answer, told to the operator: once when one has been silent for as long as an
//! election takes to begin, and once when it answers again.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::model::id::NodeId;
use crate::model::member::Member;
use crate::platform::clock::{self, Instant};

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
#[derive(Debug, Default)]
pub(super) struct Contacts(Mutex<BTreeMap<NodeId, Silence>>);

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
        let mut silent = self.0.lock().expect("nothing panics while it holds this lock");
        if !failed {
            let silence = silent.remove(&node)?;
            return silence.told.then(|| News::Back(clock::now().since(silence.since)));
        }
        let now = clock::now();
        let silence = silent.entry(node).or_insert(Silence { since: now, told: false });
        let tell = !silence.told && now.since(silence.since) >= patience;
        silence.told |= tell;
        tell.then_some(News::Silent)
    }

    /// Another node leads: this one calls nobody, and won't see who answers again.
    pub(super) fn forget(&self) {
        self.0.lock().expect("nothing panics while it holds this lock").clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
