//! What operators and DDL want of the cluster: databases, members, leadership.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::engine::core::Core;
use crate::engine::forward::SHORT_CALL_TIME;
use crate::engine::lane::{Refusal, Then, leadership_lost, log_full};
use crate::engine::read::sessions;
use crate::engine::route::{Route, Search};
use crate::engine::store::{Entry, POSTGRES, check_name};
use crate::engine::wire::{Call, Order, Reply};
use crate::engine::write::APPLY_WAIT;
use crate::engine::{DatabaseStatus, Engine, Limits, Progress, Status};
use crate::model::catalog;
use crate::model::command::{Applied, Command};
use crate::model::error::{Error, SqlState};
use crate::model::id::{DatabaseId, LogIndex, NodeId};
use crate::model::member::Member;
use crate::peer::PeerError;
use crate::platform::clock;
use crate::raft::{AdminError, Leadership, ProposeError};

/// How long DDL on databases may take, an election included.
const ORDER_TIME: Duration = Duration::from_secs(30);
/// Tries to find an id that no other leader has given meanwhile.
const ID_TRIES: usize = 8;

impl Engine {
    /// The id of a database by name.
    pub fn database(&self, name: &str) -> Option<DatabaseId> {
        self.core.store.by_name(name).map(|entry| entry.id)
    }

    /// All databases: id and name, by id.
    pub fn databases(&self) -> Vec<(DatabaseId, String)> {
        self.core.store.all().iter().map(|entry| (entry.id, entry.name.clone())).collect()
    }

    /// CREATE DATABASE: 42P04 if it exists. Returns when this node has it.
    pub async fn create_database(&self, name: &str) -> Result<(), Error> {
        check_name(name)?;
        self.core.order(Order::CreateDatabase { name: name.to_owned() }, ORDER_TIME).await
    }

    /// DROP DATABASE: 3D000 if unknown, 55006 if sessions use it and not `force`; with it their
    /// transactions are rolled back and their next statement fails with 57P04. Sessions on nodes
    /// that can't be asked don't count.
    pub async fn drop_database(&self, name: &str, force: bool) -> Result<(), Error> {
        if name == POSTGRES {
            return Err(Error::user(
                SqlState::OBJECT_IN_USE,
                "the database \"postgres\" can't be dropped",
            ));
        }
        let entry = self.core.store.by_name(name).ok_or_else(|| unknown(name))?;
        if !force && self.core.is_used(&entry).await {
            let message = format!("database \"{name}\" is being accessed by other users");
            return Err(Error::user(SqlState::OBJECT_IN_USE, message));
        }
        self.core.order(Order::DropDatabase { name: name.to_owned() }, ORDER_TIME).await
    }

    /// Counts a session as using a database, until dropped.
    pub fn enter(&self, database: DatabaseId) -> Result<DatabaseUse, Error> {
        let entry = self.core.entry(database)?;
        entry.sessions.fetch_add(1, Ordering::AcqRel);
        let mut slots = entry.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let free = slots.iter().zip(1..).find(|(used, number)| *used != number);
        let slot = free.map_or(slots.len() as u32 + 1, |(_, number)| number);
        slots.insert(slot);
        drop(slots);
        Ok(DatabaseUse { entry, node: self.core.store.node(), slot })
    }

    pub fn status(&self) -> Status {
        let raft = self.core.attached().map(|attached| attached.node.status());
        let databases = self.core.store.all().into_iter().map(|entry| {
            let (file_size, wal_size) = entry.sizes();
            DatabaseStatus {
                id: entry.id,
                name: entry.name.clone(),
                position: entry.lane.shared.position(),
                file_size,
                wal_size,
                waiting: entry.lane.shared.waiting(),
            }
        });
        Status { raft: raft.unwrap_or_default(), databases: databases.collect() }
    }

    /// Members, with whether each votes.
    pub fn members(&self) -> Vec<(Member, bool)> {
        let attached = self.core.attached();
        let mut members = attached.map(|attached| attached.node.members()).unwrap_or_default();
        members.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        members
    }

    /// The leader, if this node hears one, or is one that takes writes.
    pub fn leader(&self) -> Option<Member> {
        let attached = self.core.attached().ok()?;
        let leader = attached.leadership.borrow().leader.clone()?;
        let leads = leader.id != self.core.me.id || self.is_leader();
        (leads && attached.node.hears_a_leader()).then_some(leader)
    }

    /// Whether this node hears a leader, or is one: also one that takes no writes yet.
    pub fn hears_a_leader(&self) -> bool {
        self.core.attached().is_ok_and(|attached| attached.node.hears_a_leader())
    }

    /// Whether this node leads and takes writes.
    pub fn is_leader(&self) -> bool {
        self.core.fence().is_some()
    }

    /// Whether this node votes, which it does once its joining is committed.
    pub fn has_vote(&self) -> bool {
        self.core.attached().is_ok_and(|attached| attached.node.has_vote())
    }

    /// Asks a member whether it is there: the round-trip time, and the version of its program.
    pub async fn ping(
        &self,
        member: &Member,
        timeout: Duration,
    ) -> Result<(Duration, String), Error> {
        if member.id == self.core.me.id {
            return Ok((Duration::ZERO, env!("CARGO_PKG_VERSION").to_owned()));
        }
        let start = clock::now();
        match self.core.call(member, &Call::Ping, timeout).await {
            Ok(Ok(Reply::Version(version))) => Ok((clock::now().since(start), version)),
            Ok(_) => Err(crate::engine::forward::unexpected()),
            Err(error) => Err(contact_error(&error)),
        }
    }

    /// Asks a member how far it has got, which tells that it is there: the round-trip time, and the
    /// answer. A member of an older version doesn't know the question.
    pub async fn progress(
        &self,
        member: &Member,
        timeout: Duration,
    ) -> Result<(Duration, Progress), Error> {
        if member.id == self.core.me.id {
            return Ok((Duration::ZERO, self.core.progress()));
        }
        let start = clock::now();
        match self.core.call(member, &Call::Progress, timeout).await {
            Ok(Ok(Reply::Progress(progress))) => Ok((clock::now().since(start), progress)),
            Ok(_) => Err(crate::engine::forward::unexpected()),
            Err(error) => Err(contact_error(&error)),
        }
    }

    /// Removes a member by name; unknown names succeed. Works on any node.
    pub async fn remove(&self, name: &str, timeout: Duration) -> Result<(), Error> {
        self.core.order(Order::Remove { name: name.to_owned() }, timeout).await
    }

    /// Hands leadership to the member called `to`, or to the most advanced voter. Any node.
    ///
    /// When it returns, this node knows the new leader, and if it is the new leader, it takes writes.
    pub async fn transfer_leader(&self, to: Option<&str>, timeout: Duration) -> Result<(), Error> {
        let mut leadership = self.core.attached()?.leadership.clone();
        let before = leadership.borrow().term;
        self.core.order(Order::Transfer { to: to.map(str::to_owned) }, timeout).await?;
        let known = async {
            let moved = |now: &Leadership| now.term > before && now.leader.is_some();
            if leadership.wait_for(moved).await.is_ok() {
                let limits = Limits::default();
                let _ = self.core.route(&Search::new(), &limits, &limits.cancel.start()).await;
            }
        };
        // It has moved in any case: nothing is lost by not waiting longer.
        let _ = clock::timeout(APPLY_WAIT, known).await;
        Ok(())
    }

    /// Waits until this node has applied what the leader has committed (`/readyz?sync`): as long as
    /// `limits` allow, and no longer than `patience`.
    ///
    /// # Errors
    /// 57P03 without a leader or when patience ends; 57014.
    pub async fn sync(&self, limits: &Limits, patience: Duration) -> Result<(), Error> {
        let running = limits.cancel.start();
        let level = crate::model::read_level::ReadLevel::Linearizable;
        let applied = self.core.satisfy(level, limits, &running);
        match clock::timeout(patience, applied).await {
            Ok(applied) => applied.map(drop),
            Err(clock::Elapsed) => Err(Error::retry(
                SqlState::CANNOT_CONNECT_NOW,
                "this node has not caught up with the leader in time",
            )),
        }
    }

    /// Makes what was applied durable in this node's database files, and with `keep` removes its log
    /// but for so many entries before that point. Whether there was anything to do.
    pub async fn compact_log(&self, keep: Option<u64>) -> Result<bool, Error> {
        let node = self.core.attached()?.node.clone();
        node.compact(keep).await.map_err(|error| match refusal(error) {
            Refusal::Error(error) => error,
            Refusal::NotLeader => Error::no_leader(),
        })
    }

    /// Copies what is in the WALs of this node into its database files. How many had something.
    pub async fn checkpoint(&self, timeout: Duration) -> Result<usize, Error> {
        let mut count = 0;
        for entry in self.core.store.all() {
            count += usize::from(entry.sizes().1 > 0);
            let settled = clock::timeout(timeout, self.core.settle(&entry)).await;
            let settled = settled.map_err(|_| {
                Error::limit(SqlState::QUERY_CANCELED, "readers keep a WAL from being copied")
            })?;
            settled.map_err(|fault| Error::internal(fault.message))?;
        }
        Ok(count)
    }

    /// Refuses what waits and what comes, and rolls back what is open. The log can still be applied:
    /// Raft is stopped after this.
    pub async fn close(&self) {
        let error = Error::new(
            crate::model::error::Class::Retry,
            SqlState::ADMIN_SHUTDOWN,
            "terminating connection due to administrator command",
        );
        for entry in self.core.store.all() {
            entry.lane.close(error.clone(), Then::Apply).await;
        }
        self.core.detach();
    }
}

/// Why a member gave no answer, in words for whoever asked about it.
fn contact_error(error: &PeerError) -> Error {
    let why = match error {
        PeerError::Unreachable(_) | PeerError::Broken(_) => "can't be reached",
        PeerError::TimedOut => "no answer in time",
        PeerError::Refused(_) => "refused the request",
    };
    Error::retry(SqlState::CONNECTION_FAILURE, why)
}

impl Core {
    /// How far this node has got.
    pub(super) fn progress(&self) -> Progress {
        let raft = self.attached().map(|attached| attached.node.status()).unwrap_or_default();
        let (received, expected) = raft.receiving.unwrap_or_default();
        Progress {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            role: raft.role.to_owned(),
            term: raft.term,
            last_log: raft.last_log,
            committed: raft.committed,
            applied: raft.applied,
            log_bytes: raft.log_bytes,
            received,
            expected,
        }
    }

    /// Has the leader carry out an order, and waits until its effect is here.
    async fn order(self: &Arc<Self>, order: Order, timeout: Duration) -> Result<(), Error> {
        let limits = Limits { deadline: Some(clock::now().plus(timeout)), ..Limits::default() };
        let running = limits.cancel.start();
        let mut search = Search::new();
        let index = loop {
            let route = self.route(&search, &limits, &running).await?;
            let answer = match &route {
                Route::Here(_) => match clock::timeout(timeout, self.order_here(&order)).await {
                    Ok(answer) => answer.map(Reply::Index),
                    Err(clock::Elapsed) => return Err(unresolved()),
                },
                Route::There(leader) => {
                    match self.call(leader, &Call::Order(order.clone()), timeout).await {
                        Ok(answer) => answer,
                        Err(PeerError::Unreachable(_) | PeerError::Refused(_)) => {
                            Err(Refusal::NotLeader)
                        }
                        Err(PeerError::Broken(_) | PeerError::TimedOut) => return Err(unresolved()),
                    }
                }
            };
            match answer {
                Ok(Reply::Index(index)) => break index,
                Ok(_) => return Err(crate::engine::forward::unexpected()),
                Err(refusal) => search.again(self, refusal, route)?,
            }
        };
        self.catch_up(index).await;
        Ok(())
    }

    /// On the leader. Returns the index up to which another node must apply to see the effect.
    pub(super) async fn order_here(&self, order: &Order) -> Result<LogIndex, Refusal> {
        self.fence().ok_or(Refusal::NotLeader)?;
        let node = self.attached()?.node.clone();
        match order {
            Order::CreateDatabase { name } => self.create_here(name).await?,
            Order::DropDatabase { name } => {
                let entry = self.store.by_name(name).ok_or_else(|| unknown(name))?;
                let command = Command::DropDatabase { id: entry.id };
                if self.propose(command).await? == Applied::Skipped {
                    return Err(unknown(name).into());
                }
            }
            Order::Remove { name } => node.remove(name).await.map_err(refusal)?,
            Order::Transfer { to } => {
                let to = match to {
                    None => None,
                    Some(name) => {
                        let members = node.members();
                        let member = members.into_iter().find(|(member, _)| member.name == *name);
                        let (member, _) = member.ok_or_else(|| {
                            let message = format!("no member is called \"{name}\"");
                            Error::user(SqlState::UNDEFINED_OBJECT, message)
                        })?;
                        Some(member.id)
                    }
                };
                node.transfer(to).await.map_err(refusal)?;
            }
        }
        Ok(node.status().applied)
    }

    async fn create_here(&self, name: &str) -> Result<(), Refusal> {
        check_name(name)?;
        for _ in 0..ID_TRIES {
            if self.store.by_name(name).is_some() {
                break;
            }
            let command =
                Command::CreateDatabase { id: self.store.next_id(), name: name.to_owned() };
            if self.propose(command).await? == Applied::Done {
                return Ok(());
            }
        }
        let message = format!("database \"{name}\" already exists");
        Err(Error::user(SqlState::DUPLICATE_DATABASE, message).into())
    }

    async fn propose(&self, command: Command) -> Result<Applied, Refusal> {
        let fence = self.fence().ok_or(Refusal::NotLeader)?;
        match self.attached()?.node.propose(command, fence).await {
            Ok(applied) => Ok(applied),
            Err(ProposeError::NotLeader) => Err(Refusal::NotLeader),
            Err(ProposeError::Full) => Err(log_full().into()),
            Err(ProposeError::Unknown | ProposeError::Stopped) => Err(unresolved().into()),
        }
    }

    /// Whether a session uses a database, on any node that answers.
    async fn is_used(&self, entry: &Entry) -> bool {
        if sessions(entry) > 0 {
            return true;
        }
        let Ok(attached) = self.attached() else { return false };
        let others =
            attached.node.members().into_iter().filter(|(member, _)| member.id != self.me.id);
        let call = Call::Sessions { database: entry.id };
        let counts = others.map(|(member, _)| {
            let call = &call;
            async move { self.call(&member, call, SHORT_CALL_TIME).await }
        });
        let counts = futures_util::future::join_all(counts).await;
        counts.iter().any(|count| matches!(count, Ok(Ok(Reply::Count(1..)))))
    }
}

fn refusal(error: AdminError) -> Refusal {
    match error {
        AdminError::NotLeader => Refusal::NotLeader,
        AdminError::Refused(text) => {
            Error::user(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, text).into()
        }
        AdminError::Stopped => leadership_lost().into(),
    }
}

fn unknown(name: &str) -> Error {
    Error::user(SqlState::INVALID_CATALOG_NAME, format!("database \"{name}\" does not exist"))
}

fn unresolved() -> Error {
    Error::outcome_unknown("the leader didn't say in time whether it was done")
}

/// A session's use of a database.
#[derive(Debug)]
pub struct DatabaseUse {
    entry: Arc<Entry>,
    node: NodeId,
    slot: u32,
}

impl DatabaseUse {
    /// Whether the database was dropped under the session.
    pub fn is_dropped(&self) -> bool {
        self.entry.is_dropped()
    }
}

impl DatabaseUse {
    /// The schema of the session's temporary objects. No other session has it at the same time.
    pub fn temporary_schema(&self) -> String {
        format!("{}{}_{}", catalog::TEMPORARY_PREFIX, self.node.0, self.slot)
    }
}

impl Drop for DatabaseUse {
    fn drop(&mut self) {
        self.entry.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.slot);
        self.entry.sessions.fetch_sub(1, Ordering::AcqRel);
    }
}
