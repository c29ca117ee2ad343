//! From a node that doesn't lead to the one that does.
//!
//! A write is sent once. Only if nothing of it was sent, or the receiver says that it doesn't lead,
//! it is sent to another; if the connection breaks under way, nobody here can know what became of
//! it: 08007. Reads are sent again as long as no row has arrived.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::cancel::{self, Running, until};
use crate::engine::core::{Attached, Core};
use crate::engine::inbox::Inbox;
use crate::engine::lane::Refusal;
use crate::engine::peers::Outgoing;
use crate::engine::read::Query;
use crate::engine::remote::{self, Remote};
use crate::engine::route::{Route, Search};
use crate::engine::rows::{self, End, RowSender, Rows};
use crate::engine::wire::{self, Answer, Call, Deadline, FromLeader, OpenStream, Reply, ToLeader};
use crate::engine::write::COMMIT_GRACE;
use crate::engine::{Begin, Limits, Written};
use crate::model::error::Error;
use crate::model::id::{DatabaseId, LogIndex};
use crate::model::member::Member;
use crate::model::statement::Unit;
use crate::peer::PeerError;
use crate::platform::mutant::mutant;
use crate::platform::{clock, task};

/// A call without a deadline of its own waits as long as its leader leads, and this long at the
/// most.
const CALL_TIME_MAX: Duration = Duration::from_hours(24);
/// For calls that are answered at once, or after a round of heartbeats.
pub(super) const SHORT_CALL_TIME: Duration = Duration::from_secs(5);
/// For opening a stream.
const OPEN_TIME: Duration = Duration::from_secs(5);

impl Core {
    /// One call, one answer.
    pub(super) async fn call(
        &self,
        to: &Member,
        call: &Call,
        timeout: Duration,
    ) -> Result<Answer, PeerError> {
        let Ok(attached) = self.attached() else {
            return Err(PeerError::Unreachable("the node is starting".to_owned()));
        };
        let bytes = attached.peers.call(to, wire::encode(call), timeout).await?;
        wire::decode(&bytes).map_err(|_| PeerError::Broken("an unreadable answer".to_owned()))
    }

    /// Sends a unit to the leader.
    pub(super) async fn write_there(
        self: &Arc<Self>,
        leader: &Member,
        database: DatabaseId,
        unit: &Unit,
        limits: &Limits,
        running: &Running,
    ) -> Result<Written, Refusal> {
        let asked = self.calls.ask(self.me.id);
        let call = Call::Write {
            asked,
            database,
            unit: unit.clone(),
            deadline: limits.deadline.map(Deadline),
            lock_timeout: limits.lock_timeout,
            under: limits.under,
        };
        let timeout = limits.deadline.map_or(CALL_TIME_MAX, |at| at.remaining() + COMMIT_GRACE * 2);
        let answered = async {
            let answer = self.call(leader, &call, timeout);
            let mut answer = std::pin::pin!(answer);
            if let Ok(answer) = until(None, &running.token, &mut answer).await {
                return answer;
            }
            self.cancel_there(leader, asked);
            answer.await
        };
        let attached = self.attached()?;
        let deposed = std::pin::pin!(deposed(&attached, leader));
        let answer = match futures_util::future::select(std::pin::pin!(answered), deposed).await {
            futures_util::future::Either::Left((answer, _)) => answer,
            futures_util::future::Either::Right(_) => Err(PeerError::TimedOut),
        };
        match answer {
            Ok(Ok(Reply::Written(written))) => Ok(written),
            Ok(Err(refusal)) => Err(refusal),
            Err(_) if mutant("forwarder-retries") => Err(Refusal::NotLeader),
            Err(PeerError::Unreachable(_) | PeerError::Refused(_)) => Err(Refusal::NotLeader),
            Ok(Ok(_)) | Err(PeerError::Broken(_) | PeerError::TimedOut) => {
                Err(connection_lost_in_commit().into())
            }
        }
    }

    fn cancel_there(self: &Arc<Self>, leader: &Member, asked: wire::Asked) {
        let (core, leader) = (self.clone(), leader.clone());
        task::spawn(async move {
            // If it doesn't arrive the call ends by its limits.
            let _ = core.call(&leader, &Call::Cancel { asked }, SHORT_CALL_TIME).await;
        });
    }

    /// Opens a transaction at the leader.
    pub(super) async fn begin_there(
        &self,
        leader: &Member,
        begin: &Begin,
        running: &Running,
    ) -> Result<Remote, Refusal> {
        let open = OpenStream::Begin {
            database: begin.database,
            dialect: begin.dialect,
            since: begin.since,
            private: begin.private,
            deadline: begin.limits.deadline.map(Deadline),
            lock_timeout: begin.limits.lock_timeout,
            under: begin.limits.under,
        };
        let opening = async {
            let (outgoing, mut inbox) = self.open_stream(leader, &open).await?;
            match inbox.next().await {
                Some(FromLeader::Opened { schema }) => Ok(remote::start(outgoing, inbox, schema)),
                Some(FromLeader::Refused(refusal)) => Err(refusal),
                // Nothing was done yet: another leader may do it.
                _ => Err(Refusal::NotLeader),
            }
        };
        // The leader minds the limits too; this is for when it is out of reach.
        let deadline = begin.limits.deadline.map(|deadline| deadline.plus(COMMIT_GRACE));
        let attached = self.attached()?;
        let deposed = deposed(&attached, leader);
        let either = async {
            match futures_util::future::select(std::pin::pin!(opening), std::pin::pin!(deposed))
                .await
            {
                futures_util::future::Either::Left((opened, _)) => opened,
                futures_util::future::Either::Right(_) => Err(Refusal::NotLeader),
            }
        };
        match until(deadline, &running.token, either).await {
            Ok(opened) => opened,
            Err(stopped) => Err(stopped.error().into()),
        }
    }

    pub(super) async fn open_stream(
        &self,
        leader: &Member,
        open: &OpenStream,
    ) -> Result<(Box<dyn Outgoing>, Inbox<FromLeader>), Refusal> {
        let attached = self.attached()?;
        let opened = attached.peers.open(leader, OPEN_TIME).await;
        let (mut outgoing, incoming) = opened.map_err(|_| Refusal::NotLeader)?;
        outgoing.send(wire::encode(open)).await.map_err(|_| Refusal::NotLeader)?;
        Ok((outgoing, Inbox::new(incoming)))
    }

    /// Reads at the leader.
    pub(super) async fn read_there(
        self: &Arc<Self>,
        leader: Member,
        query: Query,
        limits: &Limits,
        running: Running,
    ) -> Result<Option<Rows>, Error> {
        let mut search = Search::new();
        let mut leader = leader;
        let open =
            OpenStream::Read { query: query.clone(), deadline: limits.deadline.map(Deadline) };
        loop {
            let first = async {
                let (outgoing, mut inbox) = self.open_stream(&leader, &open).await?;
                match inbox.next().await {
                    Some(FromLeader::Refused(refusal)) => Err(refusal),
                    Some(message) => Ok((outgoing, inbox, message)),
                    None => Err(Refusal::NotLeader),
                }
            };
            let first = until(limits.deadline, &running.token, first).await;
            match first.map_err(cancel::Stopped::error)? {
                Ok((outgoing, inbox, FromLeader::Columns(columns))) => {
                    let (mut sender, pending) = rows::channel(running, limits.deadline);
                    sender.start(columns);
                    task::spawn(relay(sender, outgoing, inbox));
                    return pending.started().await;
                }
                Ok((_, _, FromLeader::SchemaChanged)) => return Ok(None),
                Ok((_, _, FromLeader::Failed(error))) => return Err(error),
                Ok(_) => return Err(unexpected()),
                Err(refusal) => search.again(self, refusal, Route::There(Box::new(leader)))?,
            }
            match self.route(&search, limits, &running).await? {
                Route::There(other) => leader = *other,
                Route::Here(_) => {
                    let pending = self.read_here(query, limits, running)?;
                    return Ok(pending.started().await?.map(Rows::interrupting));
                }
            }
        }
    }

    /// What the leader says a read must wait for; `None` if it doesn't lead or doesn't answer.
    pub(super) async fn index_there(
        &self,
        leader: &Member,
        lease: bool,
        strong: bool,
    ) -> Result<LogIndex, Refusal> {
        match self.call(leader, &Call::Index { lease, strong }, SHORT_CALL_TIME).await {
            Ok(Ok(Reply::Index(index))) => Ok(index),
            Ok(Err(refusal)) => Err(refusal),
            _ => Err(Refusal::NotLeader),
        }
    }

    /// As [`Self::index_there`], in one round with all who wait.
    pub(super) async fn shared_index_there(
        self: &Arc<Self>,
        leader: &Member,
        lease: bool,
    ) -> Option<LogIndex> {
        let attached = self.attached().ok()?;
        let rounds = if lease { &attached.lease_rounds } else { &attached.rounds };
        let (core, leader) = (self.clone(), leader.clone());
        let ask = move || {
            let (core, leader) = (core.clone(), leader.clone());
            async move { core.index_there(&leader, lease, false).await.ok() }
        };
        rounds.join(ask).await
    }
}

/// Resolves when the cluster has another leader, and the old one has had time to answer.
pub(super) async fn deposed(attached: &Attached, leader: &Member) {
    let mut leadership = attached.leadership.clone();
    let other = leadership.wait_for(|now| {
        now.ready.is_some() || now.leader.as_ref().is_some_and(|other| other.id != leader.id)
    });
    if other.await.is_err() {
        std::future::pending::<()>().await;
    }
    clock::sleep(COMMIT_GRACE).await;
}

/// Hands a read's rows from the leader to the session.
async fn relay(mut rows: RowSender, mut outgoing: Box<dyn Outgoing>, mut inbox: Inbox<FromLeader>) {
    let token = rows.token.clone();
    let mut cancelled = false;
    let end = loop {
        let message = if cancelled {
            inbox.next().await
        } else {
            match until(None, &token, inbox.next()).await {
                Ok(message) => message,
                Err(_) => {
                    cancelled = true;
                    if outgoing.send(wire::encode(&ToLeader::Cancel)).await.is_err() {
                        break End::Failed(connection_lost());
                    }
                    continue;
                }
            }
        };
        match message {
            Some(FromLeader::Rows(batch)) => {
                if let Err(error) = rows.send(batch).await {
                    // Dropping the stream stops the leader.
                    break End::Failed(error);
                }
            }
            Some(FromLeader::Completed(completion)) => break End::Done(completion),
            Some(FromLeader::Failed(error)) => break End::Failed(error),
            Some(_) => break End::Failed(unexpected()),
            None => break End::Failed(connection_lost()),
        }
    };
    if matches!(end, End::Done(_)) {
        // The connection can be used again.
        let _ = outgoing.finish().await;
    }
    rows.finish(end);
}

pub(super) fn connection_lost() -> Error {
    Error::serialization("the connection to the leader was lost")
        .with_detail("Nothing was changed.")
        .with_hint("Try again.")
}

pub(super) fn connection_lost_in_commit() -> Error {
    Error::outcome_unknown("the connection to the leader was lost while it committed")
        .with_detail("The transaction may or may not have been committed.")
}

pub(super) fn unexpected() -> Error {
    Error::internal("the leader sent an unexpected message")
}
