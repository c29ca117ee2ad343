//! `raft/peers.json`: the members with which a cluster that lost its majority goes on.
//!
//! The file lies on one node or on several, the same on each. A node that has it doesn't take part in Raft: it says how
//! far its log goes, and asks all others that the file names. When all have answered, all know the same: the one with
//! the file, a vote, and the most of the log leads. The others give it their vote in a new term, durably, and start
//! as usual; it takes the file's members into its log, as the leader of that term, and starts last.
//!
//! **Invariants:** the file takes effect only if each other member that it names answers, none has more of the log than
//! the one that leads, and none has a leader outside of it. So nothing is lost that any of them has. In the
//! term of the new membership nobody else can be elected: those with the file have voted, and those without are no
//! majority of the members that were.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

use crate::model::id::{ClusterId, NodeId, Term};
use crate::model::member::Member;
use crate::peer::{Client, Kind, Target};
use crate::platform::disk::Disk;
use crate::platform::{clock, watch};
use crate::raft;
use crate::raftlog::RaftLog;
use crate::server::identity::DataDir;
use crate::server::join::ASK_TIMEOUT;
use crate::server::reception::Reception;
use crate::server::setup::{Candidate, LogReply, LogRequest, NotifyReply};

const FILE: &str = "peers.json";
/// What it is called once it was used.
const USED: &str = "peers.info";
/// Between two rounds of asking the others.
const PAUSE: Duration = Duration::from_millis(200);

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
    /// How long the others are waited for.
    patience: Duration,
}

/// What a node that recovers says to others, and whom it has given its vote.
pub(super) struct Stand {
    me: Member,
    log: RaftLog,
    /// What the file says, as a hash.
    file: u128,
    /// One after the other.
    voting: tokio::sync::Mutex<()>,
    /// The leader that has this node's vote.
    voted: watch::Sender<Option<NodeId>>,
}

impl Stand {
    fn new(me: Member, log: RaftLog, file: u128) -> Arc<Self> {
        let (voting, voted) = (tokio::sync::Mutex::new(()), watch::channel(None).0);
        Arc::new(Self { me, log, file, voting, voted })
    }

    fn reply(&self) -> Result<LogReply, String> {
        let term = raft::highest_term(&self.log).map_err(|fault| fault.message)?;
        let end = raft::log_end(&self.log);
        Ok(LogReply { term, file: Some(self.file), end, leads: false, hears: None })
    }

    /// Answers [`Kind::Log`].
    pub(super) async fn on_call(&self, from: NodeId, payload: Bytes) -> Result<Bytes, String> {
        match LogRequest::decode(payload).ok_or("the request can't be read")? {
            LogRequest::End => Ok(self.reply()?.encode()),
            LogRequest::Vote(candidate) => {
                let voted = self.vote(from, &candidate).await;
                Ok(voted.map_or_else(NotifyReply::Disagreed, |()| NotifyReply::Agreed).encode())
            }
        }
    }

    async fn vote(&self, from: NodeId, candidate: &Candidate) -> Result<(), String> {
        let _one = self.voting.lock().await;
        let name = &self.me.name;
        if candidate.file != self.file {
            return Err(format!("{name} has another {FILE}"));
        }
        if candidate.end < raft::log_end(&self.log) {
            return Err(format!("{name} has more of the log"));
        }
        match raft::vote_for(&self.log, from, candidate.term).await {
            Ok(true) => {
                self.voted.send_replace(Some(from));
                Ok(())
            }
            Ok(false) => Err(format!("{name} knows of a later term")),
            Err(fault) => Err(fault.message),
        }
    }
}

/// The members that the file asks for, out of those that are known.
fn chosen(
    peers: Vec<Peer>,
    known: &[(Member, bool)],
    me: &Member,
) -> Result<Vec<(Member, bool)>, String> {
    let mut members: Vec<(Member, bool)> = Vec::new();
    for Peer { id, address, non_voter } in peers {
        let Some((member, _)) = known.iter().find(|(member, _)| member.name == id) else {
            let names: Vec<&str> = known.iter().map(|(member, _)| &*member.name).collect();
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
    if !members.iter().any(|(member, _)| member.id == me.id) {
        return Err(format!("this node, {:?}, is not named", me.name));
    }
    if !members.iter().any(|(_, votes)| *votes) {
        return Err("no node is named with a vote".to_owned());
    }
    Ok(members)
}

/// The same for the same members, in whatever order.
fn hash(members: &[(Member, bool)]) -> u128 {
    let line = |(member, votes): &(Member, bool)| {
        format!("{:?} {:?} {votes}\n", member.name, member.raft_addr)
    };
    let mut lines: Vec<String> = members.iter().map(line).collect();
    lines.sort_unstable();
    xxhash_rust::xxh3::xxh3_128(lines.concat().as_bytes())
}

/// What follows from all answers.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// Not all have answered; why one hasn't.
    Wait(String),
    /// This node leads in that term, if those vote for it.
    Lead(Term, Vec<NodeId>),
    /// That one leads.
    Follow(NodeId),
}

/// Who leads, after what the members of the file have said, this node among them, or why they haven't.
fn judge(
    me: &Member,
    file: u128,
    chosen: &[(Member, bool)],
    known: &[(Member, bool)],
    answers: &HashMap<NodeId, Result<LogReply, String>>,
) -> Result<Outcome, String> {
    let (mut replies, mut silent) = (HashMap::new(), None);
    for (member, _) in chosen {
        match answers.get(&member.id) {
            Some(Ok(reply)) => {
                check(&member.name, file, chosen, reply)?;
                replies.insert(member.id, reply);
            }
            Some(Err(why)) => silent = Some(why.clone()),
            None => silent = Some(format!("node {:?} was not asked", member.name)),
        }
    }
    if let Some(why) = silent {
        return Ok(Outcome::Wait(why));
    }
    let end = |member: &Member| replies.get(&member.id).and_then(|reply| reply.end);
    let recovers = |member: &Member| replies.get(&member.id).is_some_and(|r| r.file.is_some());
    let eligible = chosen.iter().filter(|(member, votes)| *votes && recovers(member));
    let leader = eligible.map(|(member, _)| member).max_by_key(|m| (end(m), m.id));
    let leader = leader.ok_or_else(|| {
        format!("no node with a vote has the {FILE}: one of them has to, as it will lead")
    })?;
    if let Some((more, _)) = chosen.iter().find(|(member, _)| end(member) > end(leader)) {
        return Err(format!(
            "node {:?} has more of the log than this one: recover with the file there, and with a \
             vote",
            more.name
        ));
    }
    let was_voter = |member: &Member| known.iter().any(|(it, votes)| it.id == member.id && *votes);
    let voters = known.iter().filter(|(_, votes)| *votes).count();
    let running = chosen.iter().filter(|(m, _)| !recovers(m) && was_voter(m)).count();
    if running > voters / 2 {
        return Err(format!(
            "a majority runs without a {FILE}, and can elect a leader: there is nothing to recover. \
             If it has to be, give the file to all of them while they are stopped"
        ));
    }
    if leader.id != me.id {
        return Ok(Outcome::Follow(leader.id));
    }
    let term = replies.values().map(|reply| reply.term).max().unwrap_or_default();
    let others = chosen.iter().map(|(member, _)| member).filter(|m| recovers(m) && m.id != me.id);
    Ok(Outcome::Lead(Term(term.0 + 1), others.map(|member| member.id).collect()))
}

/// Whether what a member says speaks against going on as the file says.
fn check(
    name: &str,
    file: u128,
    chosen: &[(Member, bool)],
    reply: &LogReply,
) -> Result<(), String> {
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
    if reply.file.is_some_and(|other| other != file) {
        return Err(format!("node {name:?} has another {FILE}: it must be the same everywhere"));
    }
    Ok(())
}

impl<'a> Recovery<'a> {
    pub(super) fn new(
        (data, disk): (&'a DataDir, &'a dyn Disk),
        log: &'a RaftLog,
        me: &'a Member,
        client: &'a Client,
        patience: Duration,
    ) -> Self {
        Self { data, disk, log, me, client, patience }
    }

    /// Does what the file says, if there is one. `cluster` is what this node tells others that it
    /// belongs to; they are answered by `reception`.
    ///
    /// # Errors
    /// A text for the operator. Then nothing was changed.
    pub(super) async fn run(
        &self,
        cluster: &OnceLock<ClusterId>,
        reception: &Reception,
    ) -> Result<(), String> {
        let path = self.data.raft.join(FILE);
        if !path.exists() {
            return Ok(());
        }
        let wrong = |why: String| format!("{}: {why}", path.display());
        self.force(&path, cluster, reception).await.map_err(wrong)?;
        let used = self.data.raft.join(USED);
        std::fs::rename(&path, &used)
            .and_then(|()| self.disk.sync_directory(&self.data.raft))
            .map_err(|error| wrong(format!("rename it to {USED}: {error}")))
    }

    async fn force(
        &self,
        path: &Path,
        told: &OnceLock<ClusterId>,
        reception: &Reception,
    ) -> Result<(), String> {
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
        let stand = Stand::new(self.me.clone(), self.log.clone(), hash(&chosen));
        reception.recover(Arc::clone(&stand));
        let Some(term) = self.gather(&stand, &chosen, &known).await? else { return Ok(()) };
        let names: Vec<&str> = chosen.iter().map(|(member, _)| &*member.name).collect();
        tracing::warn!(
            "the cluster goes on with {}, by {FILE}: nodes that it does not name must never be \
             started again",
            names.join(", ")
        );
        let forced = raft::force_membership(self.log, (self.me.id, term), cluster, chosen);
        forced.await.map_err(|fault| fault.message)
    }

    /// Asks the others until it is clear who leads. The term, if this node does.
    async fn gather(
        &self,
        stand: &Stand,
        chosen: &[(Member, bool)],
        known: &[(Member, bool)],
    ) -> Result<Option<Term>, String> {
        let until = clock::now().plus(self.patience);
        let mut voted = stand.voted.subscribe();
        let mut waits = false;
        loop {
            if let Some(leader) = *voted.borrow() {
                let leader = chosen.iter().find(|(member, _)| member.id == leader);
                let name = leader.map_or("?", |(member, _)| &*member.name);
                tracing::warn!("this node recovers by {FILE}, led by node {name}");
                return Ok(None);
            }
            let missing = match self.round(stand, chosen, known).await {
                Ok(Ok(term)) => return Ok(Some(term)),
                Ok(Err(missing)) => missing,
                // The leader may run since it got this node's vote, meanwhile.
                Err(_) if voted.borrow().is_some() => continue,
                Err(why) => return Err(why),
            };
            if clock::now() >= until {
                return Err(missing);
            }
            if !std::mem::replace(&mut waits, true) {
                tracing::info!("recovering by {FILE}: waiting for the others that it names");
            }
            // It is looked at above.
            let _ = clock::timeout(PAUSE, voted.changed()).await;
        }
    }

    /// Asks all others once. The outer error ends the recovery; the inner one says what is waited for.
    async fn round(
        &self,
        stand: &Stand,
        chosen: &[(Member, bool)],
        known: &[(Member, bool)],
    ) -> Result<Result<Term, String>, String> {
        let mut answers = HashMap::from([(self.me.id, Ok(stand.reply()?))]);
        let others = chosen.iter().map(|(member, _)| member).filter(|m| m.id != self.me.id);
        for member in others.clone() {
            answers.insert(member.id, self.ask(member).await);
        }
        let (term, voters) = match judge(self.me, stand.file, chosen, known, &answers)? {
            Outcome::Wait(why) => return Ok(Err(why)),
            Outcome::Lead(term, voters) => (term, voters),
            Outcome::Follow(leader) => {
                let leader = others.clone().find(|member| member.id == leader);
                let name = leader.map_or("?", |member| &*member.name);
                return Ok(Err(format!("node {name:?} is to lead, and does not ask for votes")));
            }
        };
        let own = raft::vote_for(self.log, self.me.id, term).await;
        if !own.map_err(|fault| fault.message)? {
            return Ok(Err("this node has voted in a later term".to_owned()));
        }
        let end = raft::log_end(self.log);
        let candidate = Candidate { term, file: stand.file, end };
        for member in others.filter(|member| voters.contains(&member.id)) {
            if let Err(why) = self.win(member, candidate.clone()).await {
                return Ok(Err(why));
            }
        }
        Ok(Ok(term))
    }

    /// Asks a member for its vote.
    async fn win(&self, member: &Member, candidate: Candidate) -> Result<(), String> {
        let name = &member.name;
        let reply = self.call(member, &LogRequest::Vote(candidate)).await?;
        match NotifyReply::decode(reply) {
            Some(NotifyReply::Agreed) => Ok(()),
            Some(NotifyReply::Disagreed(why)) => Err(format!("node {name:?} does not vote: {why}")),
            None => Err(format!("node {name:?}: its answer can't be read")),
        }
    }

    async fn ask(&self, member: &Member) -> Result<LogReply, String> {
        let reply = self.call(member, &LogRequest::End).await?;
        let unread = || format!("node {:?}: its answer can't be read", member.name);
        LogReply::decode(reply).ok_or_else(unread)
    }

    async fn call(&self, member: &Member, request: &LogRequest) -> Result<Bytes, String> {
        let (name, address) = (&member.name, &member.raft_addr);
        let to = Target { address: address.clone(), node: Some(member.id) };
        let reply = self.client.call(&to, Kind::Log, request.encode(), ASK_TIMEOUT).await;
        reply.map_err(|error| {
            format!(
                "node {name:?} at {address} does not say how far its log goes ({error}). Every \
                 node of the file must be started; take off the list what is lost"
            )
        })
    }
}

/// Whether this node hears from a leader, for [`LogReply::hears`].
pub(super) fn hears(raft: &raft::Node, patience: Duration) -> Option<NodeId> {
    let status = raft.status();
    if status.role == "Leader" || status.last_contact? > patience {
        return None;
    }
    raft.leadership().borrow().leader.as_ref().map(|leader| leader.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::LogIndex;
    use crate::raft::LogEnd;

    fn member(number: u64) -> Member {
        Member {
            id: NodeId(number),
            name: format!("n{number}"),
            raft_addr: format!("h{number}:1"),
            ..Member::default()
        }
    }

    fn members(count: u64) -> Vec<(Member, bool)> {
        (1..=count).map(|number| (member(number), true)).collect()
    }

    fn choose(text: &str) -> Result<Vec<(Member, bool)>, String> {
        let peers = serde_json::from_str(text).map_err(|error| error.to_string())?;
        chosen(peers, &members(3), &member(1))
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
        let mut turned = members.clone();
        turned.reverse();
        assert_eq!(hash(&members), hash(&turned));
        turned[0].1 = true;
        assert_ne!(hash(&members), hash(&turned));
        for (text, part) in [
            (r#"[{"id": "n2", "address": "h2:1"}]"#, "this node, \"n1\", is not named"),
            (r#"[{"id": "n1", "address": "h1:1", "non_voter": true}]"#, "with a vote"),
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

    #[expect(clippy::unnecessary_wraps, reason = "as replies have it")]
    fn end(term: u64, leader: u64, index: u64) -> Option<LogEnd> {
        Some(LogEnd { term: Term(term), leader: NodeId(leader), index: LogIndex(index) })
    }

    fn reply(file: Option<u128>, end: Option<LogEnd>) -> LogReply {
        LogReply { term: Term(5), file, end, leads: false, hears: None }
    }

    /// What each of the first members decides, of a cluster that had so many.
    fn judged(were: u64, replies: &[LogReply]) -> Vec<Result<Outcome, String>> {
        let chosen = members(replies.len() as u64);
        let replies = replies.iter().cloned().map(Ok);
        let replies: HashMap<_, _> = (1..).map(NodeId).zip(replies).collect();
        let decide = |(me, _): &(Member, bool)| judge(me, 7, &chosen, &members(were), &replies);
        chosen.iter().map(decide).collect()
    }

    #[test]
    fn all_agree_on_the_one_with_the_most_of_the_log() {
        let file = Some(7);
        let follow = |leader| Ok(Outcome::Follow(NodeId(leader)));
        let lead = |others: &[u64]| {
            Ok(Outcome::Lead(Term(6), others.iter().map(|id| NodeId(*id)).collect()))
        };
        let ends = [end(3, 1, 10), end(3, 1, 11), end(2, 9, 90)];
        let all = ends.map(|end| reply(file, end));
        assert_eq!(judged(5, &all), [follow(2), lead(&[1, 3]), follow(2)]);
        // Equal logs: one of them all the same.
        let equal = [reply(file, end(3, 1, 10)), reply(file, end(3, 1, 10))];
        assert_eq!(judged(3, &equal), [follow(2), lead(&[1])]);
        assert_eq!(judged(3, &[reply(file, None)]), [lead(&[])]);
        // Somebody runs without the file.
        let one = [reply(file, end(3, 1, 10)), reply(None, end(3, 1, 10))];
        assert_eq!(judged(4, &one)[0], lead(&[]));
    }

    #[test]
    fn all_are_waited_for_but_what_speaks_against_it_is_said_at_once() {
        let mine = reply(Some(7), end(3, 1, 10));
        let silent = (NodeId(3), Err("n3 is silent".to_owned()));
        let decide = |second: LogReply| {
            let known = HashMap::from([
                (NodeId(1), Ok(mine.clone())),
                (NodeId(2), Ok(second)),
                silent.clone(),
            ]);
            judge(&member(1), 7, &members(3), &members(5), &known)
        };
        assert_eq!(decide(mine.clone()), Ok(Outcome::Wait("n3 is silent".to_owned())));
        assert!(decide(LogReply { leads: true, ..mine.clone() }).is_err());
    }

    #[test]
    fn nobody_with_more_of_the_log_and_no_leader_is_passed_over() {
        let refused = |were, replies: &[LogReply]| judged(were, replies).remove(0).unwrap_err();
        let mine = reply(Some(7), end(3, 1, 10));
        for more in [end(3, 1, 11), end(3, 2, 1), end(4, 0, 0)] {
            let why = refused(5, &[mine.clone(), reply(None, more)]);
            assert!(why.contains("more of the log"), "{more:?}: {why}");
        }
        let other = |change: fn(&mut LogReply)| {
            let mut other = reply(None, None);
            change(&mut other);
            refused(5, &[mine.clone(), other])
        };
        assert!(other(|reply| reply.leads = true).contains("nothing to recover"));
        assert!(other(|reply| reply.hears = Some(NodeId(3))).contains("does not name"));
        assert!(other(|reply| reply.file = Some(8)).contains("another peers.json"));
        // Those without the file could elect one of them.
        let running = [mine.clone(), reply(None, None), reply(None, None)];
        assert!(refused(3, &running).contains("a majority runs"));
        assert!(judged(4, &running)[0].is_ok());
    }
}
