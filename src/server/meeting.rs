//! Nodes that make a new cluster together (`-bootstrap-expect`).
//!
//! Each tells the others that it is there. The one whose name comes first among them then claims
//! the cluster: it asks every other one to agree to exactly these members, and makes the cluster
//! only if all do.
//!
//! **Invariants:** a node agrees to one set of members only, as long as it runs. The cluster's id
//! follows from the members' store ids, so that a claim that is repeated after a crash is the same
//! claim. Hence two clusters of one node cannot both be made.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify as Signal;

use crate::model::id::ClusterId;
use crate::model::member::Member;
use crate::peer::Identity;
use crate::server::setup::{Notify, NotifyReply};

/// What this node knows of the others.
#[derive(Debug)]
pub(super) struct Meeting {
    expect: usize,
    me: Member,
    /// By name; this node is among them.
    known: Mutex<BTreeMap<String, Member>>,
    changed: Signal,
}

/// The id of a cluster that these members make.
pub(super) fn cluster_id(members: &[Member]) -> ClusterId {
    let mut stores: Vec<[u8; 16]> = members.iter().map(|member| member.store.0).collect();
    stores.sort_unstable();
    let text = [b"eider cluster".as_slice(), &stores.concat()].concat();
    ClusterId(xxhash_rust::xxh3::xxh3_128(&text).to_be_bytes())
}

impl Meeting {
    pub(super) fn new(me: Member, expect: usize) -> Self {
        let known = BTreeMap::from([(me.name.clone(), me.clone())]);
        Self { expect, me, known: Mutex::new(known), changed: Signal::new() }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Member>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How this node announces itself.
    pub(super) fn here(&self) -> Notify {
        Notify::Here { me: self.me.clone(), expect: self.expect as u32 }
    }

    /// Resolves when somebody new has come.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// How many are here, and how many there are to be.
    pub(super) fn count(&self) -> (usize, usize) {
        (self.known().len(), self.expect)
    }

    /// Forgets a node that can't be reached under its name any more.
    pub(super) fn forget(&self, name: &str) {
        if name != self.me.name {
            self.known().remove(name);
        }
    }

    /// The members to claim a cluster with, if there are enough and it is this node's turn.
    pub(super) fn turn(&self) -> Option<Vec<Member>> {
        let known = self.known();
        if known.len() < self.expect {
            return None;
        }
        let members: Vec<Member> = known.values().take(self.expect).cloned().collect();
        (members.first()?.name == self.me.name).then_some(members)
    }

    /// Another node's message.
    pub(super) fn hear(&self, notify: Notify, identity: &Identity) -> NotifyReply {
        let heard = match notify {
            Notify::Here { me, expect } => self.meet(me, expect as usize),
            Notify::Claim { members } => self.agree(&members, identity),
        };
        heard.map_or_else(NotifyReply::Disagreed, |()| NotifyReply::Agreed)
    }

    fn meet(&self, other: Member, expect: usize) -> Result<(), String> {
        if expect != self.expect {
            return Err(format!(
                "{} expects {} nodes and {} expects {expect}: start all with the same \
                 -bootstrap-expect",
                self.me.name, self.expect, other.name
            ));
        }
        let mut known = self.known();
        match known.get(&other.name) {
            Some(same) if same.store != other.store => Err(format!(
                "two nodes are called {}: {} and {}",
                other.name, same.raft_addr, other.raft_addr
            )),
            Some(same) if *same == other => Ok(()),
            _ => {
                known.insert(other.name.clone(), other);
                self.changed.notify_one();
                Ok(())
            }
        }
    }

    fn agree(&self, members: &[Member], identity: &Identity) -> Result<(), String> {
        if members.len() != self.expect || !members.contains(&self.me) {
            return Err(format!("{} does not see itself among these members", self.me.name));
        }
        if !members.is_sorted_by(|one, next| one.name < next.name) {
            return Err("the members are not in order".to_owned());
        }
        let cluster = cluster_id(members);
        if *identity.cluster.get_or_init(|| cluster) == cluster {
            return Ok(());
        }
        Err(format!(
            "{} has agreed to another set of members; if more nodes than -bootstrap-expect were \
             started at once, stop the surplus and start the others again",
            self.me.name
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::StoreId;
    use std::sync::{Arc, OnceLock};

    fn member(number: u8) -> Member {
        let store = StoreId([number; 16]);
        let name = format!("n{number}");
        let raft_addr = format!("h{number}:1");
        Member { id: store.node_id(), store, name, raft_addr, ..Member::default() }
    }

    fn node(number: u8, expect: usize) -> (Meeting, Identity) {
        let me = member(number);
        let identity =
            Identity { node: me.id, store: me.store, cluster: Arc::new(OnceLock::new()) };
        (Meeting::new(me, expect), identity)
    }

    fn tell(from: &Meeting, to: &(Meeting, Identity)) -> NotifyReply {
        to.0.hear(from.here(), &to.1)
    }

    #[test]
    fn only_the_first_name_claims_and_only_when_all_are_here() {
        let nodes = [node(1, 3), node(2, 3), node(3, 3)];
        assert_eq!(tell(&nodes[1].0, &nodes[0]), NotifyReply::Agreed);
        assert_eq!(nodes[0].0.turn(), None);
        for from in &nodes {
            for to in &nodes {
                assert_eq!(tell(&from.0, to), NotifyReply::Agreed);
            }
        }
        let members = nodes[0].0.turn().unwrap();
        assert_eq!(members, [member(1), member(2), member(3)]);
        assert_eq!((nodes[1].0.turn(), nodes[2].0.turn()), (None, None));
        let claim = Notify::Claim { members };
        for (meeting, identity) in &nodes {
            // A repeated claim is the same claim.
            assert_eq!(meeting.hear(claim.clone(), identity), NotifyReply::Agreed);
            assert_eq!(meeting.hear(claim.clone(), identity), NotifyReply::Agreed);
        }
        assert_eq!(nodes[0].1.cluster, nodes[2].1.cluster);
    }

    #[test]
    fn nobody_agrees_twice() {
        let shared = node(2, 2);
        let claim = |a, b| Notify::Claim { members: vec![member(a), member(b)] };
        assert_eq!(shared.0.hear(claim(1, 2), &shared.1), NotifyReply::Agreed);
        assert!(matches!(shared.0.hear(claim(2, 3), &shared.1), NotifyReply::Disagreed(_)));
        assert!(matches!(shared.0.hear(claim(1, 3), &shared.1), NotifyReply::Disagreed(_)));
    }

    #[test]
    fn contradictions_are_named() {
        let here = node(1, 3);
        let NotifyReply::Disagreed(why) = tell(&node(2, 4).0, &here) else { panic!("agreed") };
        assert!(why.contains("n1 expects 3 nodes and n2 expects 4"), "{why}");
        let namesake = Member { name: "n1".to_owned(), ..member(5) };
        let NotifyReply::Disagreed(why) = tell(&Meeting::new(namesake, 3), &here) else {
            panic!("agreed")
        };
        assert!(why.contains("two nodes are called n1"), "{why}");
    }
}
