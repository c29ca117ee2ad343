//! Whether all nodes have the same database: their hashes at one position.
//!
//! The leader takes the write slot, so that nothing is committed, has every node open a read view at that
//! position, and gives the slot back: writes wait for one round of messages. Then each node hashes its view
//! in its own time, and the leader collects the hashes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use xxhash_rust::xxh3::Xxh3;

use crate::engine::cancel::lock;
use crate::engine::core::Core;
use crate::engine::lane::Refusal;
use crate::engine::route::{Route, Search};
use crate::engine::wire::{Call, Reply};
use crate::engine::{Begin, Engine, Limits, forward};
use crate::model::error::{Error, Fault, SqlState};
use crate::model::id::{DatabaseId, LogIndex, Position, TransactionId};
use crate::model::member::Member;
use crate::model::statement::Dialect;
use crate::peer::PeerError;
use crate::platform::clock::{self, Instant};
use crate::platform::random;
use crate::sqlite::SnapshotView;

/// How long writes wait at the most, for a node that can't be reached or lags.
const FREEZE_TIME: Duration = Duration::from_secs(2);
/// Between two questions whether a node has its hash.
const ASK_PAUSE: Duration = Duration::from_millis(100);
/// For one of those questions.
const ASK_TIME: Duration = Duration::from_secs(5);
/// Views that are hashed on a node at a time, or whose hash nobody has asked for.
const VIEWS_MAX: usize = 4;
/// A hash that nobody asks for is forgotten after this time.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(10);

/// What all nodes have of a database at one position.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    pub position: Position,
    pub nodes: Vec<NodeHash>,
}

/// What one node has. `Err` says why that isn't known.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeHash {
    pub node: String,
    pub hash: Result<DatabaseHash, String>,
}

/// All pages of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseHash {
    pub pages: u32,
    /// xxh3-64 over the checksums of the pages in their order.
    pub hash: u64,
}

impl Verified {
    /// Whether all nodes could be asked and have the same.
    pub fn is_equal(&self) -> bool {
        let first = self.nodes.first().and_then(|node| node.hash.clone().ok());
        first.is_some() && self.nodes.iter().all(|node| node.hash.as_ref().ok() == first.as_ref())
    }
}

/// A view that is being hashed, and since when.
#[derive(Debug)]
struct Hashing {
    begun: Instant,
    result: Option<Result<DatabaseHash, String>>,
}

/// The views that this node hashes, by the numbers that they were given.
#[derive(Debug, Default)]
pub(super) struct Verifying(Mutex<HashMap<u64, Hashing>>);

impl Engine {
    /// Compares a database on all members. It takes as long as reading it does; writes wait for a
    /// moment at its beginning, two seconds at the most if a node can't be reached.
    ///
    /// # Errors
    /// 57P03 without a leader, 57014 if `limits` run out.
    pub async fn verify(&self, database: DatabaseId, limits: &Limits) -> Result<Verified, Error> {
        let running = limits.cancel.start();
        let mut search = Search::new();
        loop {
            let route = self.core.route(&search, limits, &running).await?;
            let verified = match &route {
                Route::Here(_) => self.core.verify_here(database, limits).await,
                Route::There(leader) => self.core.verify_there(leader, database, limits).await,
            };
            match verified {
                Ok(verified) => return Ok(verified),
                Err(refusal) => search.again(&self.core, refusal, route)?,
            }
        }
    }
}

impl Core {
    async fn verify_there(
        &self,
        leader: &Member,
        database: DatabaseId,
        limits: &Limits,
    ) -> Result<Verified, Refusal> {
        let left = limits.deadline.map_or(FORGOTTEN_AFTER, |deadline| deadline.remaining());
        match self.call(leader, &Call::Verify { database }, left).await {
            Ok(Ok(Reply::Verified(verified))) => Ok(verified),
            Ok(Ok(_)) => Err(forward::unexpected().into()),
            Ok(Err(refusal)) => Err(refusal),
            Err(PeerError::TimedOut) => Err(late().into()),
            // It changes nothing: it can be begun again.
            Err(PeerError::Unreachable(_) | PeerError::Refused(_) | PeerError::Broken(_)) => {
                Err(Refusal::NotLeader)
            }
        }
    }

    /// On the leader.
    pub(super) async fn verify_here(
        self: &Arc<Self>,
        database: DatabaseId,
        limits: &Limits,
    ) -> Result<Verified, Refusal> {
        self.fence().ok_or(Refusal::NotLeader)?;
        let entry = self.entry(database)?;
        let node = self.attached()?.node.clone();
        let begin = Begin {
            database,
            dialect: Dialect::Sqlite,
            since: None,
            private: false,
            limits: limits.clone(),
        };
        let running = limits.cancel.start();
        let slot = self.begin_here(&entry, &begin, &running).await?;
        let position = entry.lane.shared.position();
        let index = node.status().applied;
        let mut members: Vec<Member> =
            node.members().into_iter().map(|(member, _)| member).collect();
        members.sort_by(|one, other| one.name.cmp(&other.name));
        let call = Call::Freeze { database, index, txid: position.txid };
        let frozen = members.iter().map(|member| self.freeze_at(member, &call));
        let frozen = join_all(frozen).await;
        drop(slot);
        let deadline = limits.deadline;
        let hashes = members.iter().zip(frozen).map(|(member, ticket)| async move {
            let hash = match ticket {
                Ok(ticket) => self.hash_of(member, ticket, deadline).await,
                Err(why) => Err(why),
            };
            NodeHash { node: member.name.clone(), hash }
        });
        Ok(Verified { position, nodes: join_all(hashes).await })
    }

    async fn freeze_at(self: &Arc<Self>, member: &Member, call: &Call) -> Result<u64, String> {
        let answer = if member.id == self.me.id {
            let &Call::Freeze { database, index, txid } = call else {
                return Err("another call was expected".to_owned());
            };
            Ok(self.freeze_here(database, index, txid).await.map(Reply::Count))
        } else {
            self.call(member, call, FREEZE_TIME).await
        };
        match answer {
            Ok(Ok(Reply::Count(ticket))) => Ok(ticket),
            Ok(Err(Refusal::Error(error))) => Err(error.message().to_owned()),
            Ok(_) => Err("an unexpected answer".to_owned()),
            Err(error) => Err(unreachable_text(&error)),
        }
    }

    /// Opens a view at a transaction, and begins to hash it. Returns the number to ask for it by.
    pub(super) async fn freeze_here(
        self: &Arc<Self>,
        database: DatabaseId,
        index: LogIndex,
        txid: TransactionId,
    ) -> Result<u64, Refusal> {
        let entry = self.entry(database)?;
        let node = self.attached()?.node.clone();
        let lags = || Error::retry(SqlState::CANNOT_CONNECT_NOW, "it lags behind the leader");
        let applied = clock::timeout(FREEZE_TIME, node.wait_applied(index)).await;
        applied.map_err(|_| lags())?.map_err(|_| lags())?;
        let ticket = self.verifying.ticket()?;
        let opened = entry.clone();
        let view = move || opened.with(|database| database.snapshot()).transpose();
        let view = self.background.run(view).await?.map_err(|fault| internal(&fault))?;
        let view = view.ok_or_else(|| Error::internal("the database is not here"))?;
        if view.txid() != txid {
            self.verifying.forget(ticket);
            return Err(Error::internal(format!("it stands at transaction {}", view.txid())).into());
        }
        let core = self.clone();
        self.background.submit(move || {
            let hash = hash(view).map_err(|fault| fault.message);
            core.verifying.note(ticket, hash);
        })?;
        Ok(ticket)
    }

    /// Waits for a node's hash.
    async fn hash_of(
        &self,
        member: &Member,
        ticket: u64,
        deadline: Option<Instant>,
    ) -> Result<DatabaseHash, String> {
        loop {
            let answer = if member.id == self.me.id {
                Ok(self.verifying.take(ticket))
            } else {
                match self.call(member, &Call::Hash { ticket }, ASK_TIME).await {
                    Ok(Ok(Reply::Hash(hash))) => Ok(hash),
                    Ok(_) => Err("an unexpected answer".to_owned()),
                    Err(error) => Err(unreachable_text(&error)),
                }
            };
            if let Some(hash) = answer? {
                return hash;
            }
            if deadline.is_some_and(|deadline| deadline.remaining().is_zero()) {
                return Err("it takes too long".to_owned());
            }
            clock::sleep(ASK_PAUSE).await;
        }
    }
}

impl Verifying {
    fn ticket(&self) -> Result<u64, Error> {
        let mut hashing = lock(&self.0);
        let now = clock::now();
        hashing.retain(|_, one| now.since(one.begun) < FORGOTTEN_AFTER);
        if hashing.len() >= VIEWS_MAX {
            let message = "too many comparisons are under way";
            return Err(Error::limit(SqlState::TOO_MANY_CONNECTIONS, message));
        }
        let ticket = u64::from_be_bytes(random::bytes());
        hashing.insert(ticket, Hashing { begun: now, result: None });
        Ok(ticket)
    }

    fn note(&self, ticket: u64, result: Result<DatabaseHash, String>) {
        if let Some(hashing) = lock(&self.0).get_mut(&ticket) {
            hashing.result = Some(result);
        }
    }

    fn forget(&self, ticket: u64) {
        lock(&self.0).remove(&ticket);
    }

    /// `None`: not yet. What is there is given away once.
    pub(super) fn take(&self, ticket: u64) -> Option<Result<DatabaseHash, String>> {
        let mut hashing = lock(&self.0);
        match hashing.get(&ticket) {
            None => Some(Err("it has forgotten the question".to_owned())),
            Some(Hashing { result: None, .. }) => None,
            Some(_) => hashing.remove(&ticket).and_then(|one| one.result),
        }
    }
}

fn hash(mut view: SnapshotView) -> Result<DatabaseHash, Fault> {
    let mut hasher = Xxh3::new();
    let pages = view.pages();
    for number in 1..=pages {
        hasher.update(&view.checksum(number)?.to_le_bytes());
    }
    Ok(DatabaseHash { pages, hash: hasher.digest() })
}

fn internal(fault: &Fault) -> Error {
    Error::internal(fault.message.clone())
}

fn late() -> Error {
    Error::limit(SqlState::QUERY_CANCELED, "the databases could not be compared in time")
}

fn unreachable_text(error: &PeerError) -> String {
    match error {
        PeerError::Unreachable(_) | PeerError::Broken(_) => "can't be reached",
        PeerError::TimedOut => "no answer in time",
        PeerError::Refused(_) => "refused the request",
    }
    .to_owned()
}
