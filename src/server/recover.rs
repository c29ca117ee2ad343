//! `raft/peers.json`: the members with which a cluster that lost its majority goes on.
//!
//! **Invariant:** the file takes effect on a node only if each other member that it names runs,
//! says how far its log goes, and has no more than this one; and if none of them has a leader
//! outside of it. So nothing is lost that any of them has.

use std::path::Path;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::model::id::{ClusterId, NodeId};
use crate::model::member::Member;
use crate::peer::{Client, Kind, Target};
use crate::platform::disk::Disk;
use crate::raft::{self, LogEnd};
use crate::raftlog::RaftLog;
use crate::server::identity::DataDir;
use crate::server::join::ASK_TIMEOUT;
use crate::server::setup::{LogReply, log_request};

const FILE: &str = "peers.json";
/// What it is called once it was used.
const USED: &str = "peers.info";

/// A line of the file, as rqlite has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Peer {
    /// The node's name.
    id: String,
    /// Its Raft address.
    address: String,
    #[serde(default)]
    non_voter: bool,
}

/// What a node that isn't running yet can be recovered by.
pub(super) struct Recovery<'a> {
    data: &'a DataDir,
    disk: &'a dyn Disk,
    log: &'a RaftLog,
    me: &'a Member,
    client: &'a Client,
}

/// The members that the file asks for, out of those that are known.
fn chosen(peers: Vec<Peer>, known: &[Member], me: &Member) -> Result<Vec<(Member, bool)>, String> {
    let mut members: Vec<(Member, bool)> = Vec::new();
    for Peer { id, address, non_voter } in peers {
        let Some(member) = known.iter().find(|member| member.name == id) else {
            let names: Vec<&str> = known.iter().map(|member| &*member.name).collect();
            return Err(format!(
                "no node {id:?} is a member; members are {}. Recover with those that are left, \
                 and let others join afterwards",
                names.join(", ")
            ));
        };
        if members.iter().any(|(other, _)| other.name == id || other.raft_addr == address) {
            return Err(format!("node {id:?} or its address is named twice"));
        }
        members.push((Member { raft_addr: address, ..member.clone() }, !non_voter));
    }
    match members.iter().find(|(member, _)| member.id == me.id) {
        Some((_, true)) => Ok(members),
        Some((_, false)) => Err("this node is named without a vote, and has to lead".to_owned()),
        None => Err(format!("this node, {:?}, is not named", me.name)),
    }
}

/// Whether this node may go on as the file says, after what another one has said.
fn judge(
    mine: Option<LogEnd>,
    other: &Member,
    reply: &LogReply,
    chosen: &[(Member, bool)],
) -> Result<(), String> {
    let name = &other.name;
    if reply.leads {
        return Err(format!(
            "node {name:?} leads a majority: there is nothing to recover. Remove the file"
        ));
    }
    if let Some(leader) = reply.hears
        && !chosen.iter().any(|(member, _)| member.id == leader)
    {
        return Err(format!(
            "node {name:?} hears from a leader that the file does not name: there may be nothing \
             to recover"
        ));
    }
    if reply.end > mine {
        return Err(format!(
            "node {name:?} has more of the log than this one: recover with the file there, and \
             start this node without it"
        ));
    }
    Ok(())
}

impl<'a> Recovery<'a> {
    pub(super) fn new(
        data: &'a DataDir,
        disk: &'a dyn Disk,
        log: &'a RaftLog,
        me: &'a Member,
        client: &'a Client,
    ) -> Self {
        Self { data, disk, log, me, client }
    }

    /// Does what the file says, if there is one. `cluster` is what this node tells others that it
    /// belongs to.
    ///
    /// # Errors
    /// A text for the operator. Then nothing was changed.
    pub(super) async fn run(&self, cluster: &OnceLock<ClusterId>) -> Result<(), String> {
        let path = self.data.raft.join(FILE);
        if !path.exists() {
            return Ok(());
        }
        let wrong = |why: String| format!("{}: {why}", path.display());
        self.force(&path, cluster).await.map_err(wrong)?;
        let used = self.data.raft.join(USED);
        std::fs::rename(&path, &used)
            .and_then(|()| self.disk.sync_directory(&self.data.raft))
            .map_err(|error| wrong(format!("rename it to {USED}: {error}")))
    }

    async fn force(&self, path: &Path, told: &OnceLock<ClusterId>) -> Result<(), String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let peers = serde_json::from_str(&text).map_err(|error| {
            format!(
                "{error}. Expected: [{{\"id\": \"NAME\", \"address\": \"HOST:PORT\", \
                 \"non_voter\": false}}, ...]"
            )
        })?;
        let known = raft::known_members(self.log, self.disk, &self.data.raft);
        let Some((cluster, known)) = known.map_err(|fault| fault.message)? else {
            return Err("this node never belonged to a cluster: there is nothing to recover".into());
        };
        let chosen = chosen(peers, &known, self.me)?;
        told.get_or_init(|| cluster);
        let mine = raft::log_end(self.log);
        for (member, _) in chosen.iter().filter(|(member, _)| member.id != self.me.id) {
            judge(mine, member, &self.ask(member).await?, &chosen)?;
        }
        let names: Vec<&str> = chosen.iter().map(|(member, _)| &*member.name).collect();
        tracing::warn!(
            "the cluster goes on with {}, by {FILE}: nodes that it does not name must never be \
             started again",
            names.join(", ")
        );
        let forced = raft::force_membership(self.log, self.me.id, cluster, chosen);
        forced.await.map_err(|fault| fault.message)
    }

    async fn ask(&self, member: &Member) -> Result<LogReply, String> {
        let (name, address) = (&member.name, &member.raft_addr);
        let to = Target { address: address.clone(), node: Some(member.id) };
        let reply = self.client.call(&to, Kind::Log, log_request(), ASK_TIMEOUT).await;
        let reply = reply.map_err(|error| {
            format!(
                "node {name:?} at {address} does not say how far its log goes ({error}). Every \
                 node of the file but this one must run, without a {FILE} of its own; take off \
                 the list what is lost"
            )
        })?;
        LogReply::decode(reply).ok_or_else(|| format!("node {name:?}: its answer can't be read"))
    }
}

/// Whether this node hears from a leader, for [`LogReply::hears`].
pub(super) fn hears(raft: &raft::Node, patience: std::time::Duration) -> Option<NodeId> {
    let status = raft.status();
    if status.role == "Leader" || status.last_contact? > patience {
        return None;
    }
    raft.leadership().borrow().leader.as_ref().map(|leader| leader.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::{LogIndex, Term};

    fn member(number: u64) -> Member {
        Member {
            id: NodeId(number),
            name: format!("n{number}"),
            raft_addr: format!("h{number}:1"),
            ..Member::default()
        }
    }

    fn choose(text: &str) -> Result<Vec<(Member, bool)>, String> {
        let peers = serde_json::from_str(text).map_err(|error| error.to_string())?;
        chosen(peers, &[member(1), member(2), member(3)], &member(1))
    }

    #[test]
    fn the_file_names_members_under_their_new_addresses() {
        let members = choose(
            r#"[{"id": "n1", "address": "h1:1"},
                {"id": "n3", "address": "new:9", "non_voter": true}]"#,
        )
        .unwrap();
        let moved = Member { raft_addr: "new:9".to_owned(), ..member(3) };
        assert_eq!(members, [(member(1), true), (moved, false)]);
        for (text, part) in [
            (r#"[{"id": "n2", "address": "h2:1"}]"#, "this node, \"n1\", is not named"),
            (r#"[{"id": "n1", "address": "h1:1", "non_voter": true}]"#, "without a vote"),
            (r#"[{"id": "n9", "address": "h9:1"}]"#, "members are n1, n2, n3"),
            (r#"[{"id": "n1", "address": "a:1"}, {"id": "n2", "address": "a:1"}]"#, "named twice"),
            (r#"[{"id": "n1", "address": "h1:1", "voter": true}]"#, "unknown field"),
            (r#"{"id": "n1"}"#, "invalid type"),
            ("", "EOF"),
        ] {
            let error = choose(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn nobody_with_more_of_the_log_and_no_leader_is_passed_over() {
        let end = |term, leader, index| {
            Some(LogEnd { term: Term(term), leader: NodeId(leader), index: LogIndex(index) })
        };
        let chosen = [(member(1), true), (member(2), true)];
        let reply = |end| LogReply { end, leads: false, hears: None };
        let judge = |reply: LogReply| judge(end(3, 1, 10), &member(2), &reply, &chosen);
        for fine in [end(3, 1, 10), end(3, 1, 9), end(2, 9, 90), None] {
            assert_eq!(judge(reply(fine)), Ok(()));
        }
        for more in [end(3, 1, 11), end(3, 2, 1), end(4, 0, 0)] {
            assert!(judge(reply(more)).unwrap_err().contains("more of the log"), "{more:?}");
        }
        let leads = LogReply { leads: true, ..reply(None) };
        assert!(judge(leads).unwrap_err().contains("nothing to recover"));
        let hears = |leader| LogReply { hears: Some(NodeId(leader)), ..reply(None) };
        assert!(judge(hears(3)).unwrap_err().contains("does not name"));
        assert_eq!(judge(hears(1)), Ok(()));
    }
}
