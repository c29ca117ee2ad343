//! What other nodes send, and who here answers it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::auth::{Permission, Users};
use crate::engine::Engine;
use crate::model::member::Member;
use crate::peer::{self, Kind, Sender, Stream};
use crate::platform::task;
use crate::raft::{AdminError, Node};
use crate::server::admit::{Verdict, judge};
use crate::server::meeting::Meeting;
use crate::server::recover;
use crate::server::setup::{
    HelloReply, JoinReply, JoinRequest, LogReply, LogRequest, Notify, NotifyReply,
};
use crate::server::transport::PeerChannel;

/// Routes messages to Raft, to the engine, or answers them itself.
pub(super) struct Inbound {
    pub(super) me: Member,
    pub(super) identity: peer::Identity,
    pub(super) raft: Node,
    pub(super) engine: Engine,
    /// Without them everybody may join.
    pub(super) users: Option<Arc<Users>>,
    /// While this node makes a cluster with others.
    pub(super) meeting: Option<Arc<Meeting>>,
    /// A leader that was silent for longer is none.
    pub(super) contact_max: Duration,
}

impl peer::Handler for Inbound {
    async fn call(&self, from: Sender, kind: Kind, payload: Bytes) -> Result<Bytes, String> {
        match kind {
            Kind::Hello => Ok(self.hello()),
            Kind::Join => Box::pin(self.join(from, payload)).await,
            Kind::Notify => self.notify(from, payload),
            Kind::Log => self.log(payload).await,
            Kind::RaftControl => self.raft.on_call(from.node, payload).await,
            Kind::Engine => {
                let _attention = self.raft.attend(from.node);
                self.engine.on_call(payload).await
            }
            Kind::RaftAppend | Kind::RaftSnapshot | Kind::EngineStream => {
                Err(format!("{kind:?} is a stream"))
            }
        }
    }

    async fn stream(&self, from: Sender, kind: Kind, stream: Stream) {
        match kind {
            Kind::RaftAppend | Kind::RaftSnapshot => {
                let snapshot = kind == Kind::RaftSnapshot;
                self.raft.on_stream(from.node, snapshot, Box::new(PeerChannel(stream))).await;
            }
            Kind::EngineStream => {
                let _attention = self.raft.attend(from.node);
                tokio::select! {
                    () = self.engine.on_stream(stream) => {}
                    // Its sessions' transactions end, so that they don't hold up all others.
                    () = self.raft.lost(from.node) => {}
                }
            }
            // The connection layer lets no others through.
            Kind::Hello
            | Kind::Join
            | Kind::Notify
            | Kind::Log
            | Kind::RaftControl
            | Kind::Engine => {}
        }
    }
}

impl Inbound {
    fn leader(&self) -> Option<Member> {
        self.raft.leadership().borrow().leader.clone()
    }

    fn hello(&self) -> Bytes {
        let cluster = self.raft.cluster();
        HelloReply { cluster, me: self.me.clone(), leader: self.leader() }.encode()
    }

    /// For a node that would like to go on without a majority.
    async fn log(&self, payload: Bytes) -> Result<Bytes, String> {
        match LogRequest::decode(payload).ok_or("the request can't be read")? {
            LogRequest::End => {}
            LogRequest::Vote(_) => {
                let why = format!("{} runs already, and votes as usual", self.me.name);
                return Ok(NotifyReply::Disagreed(why).encode());
            }
        }
        // Whoever doesn't lead knows that at once; a leader asks a quorum.
        let leads = self.raft.read_index(false).await.is_ok();
        let hears = recover::hears(&self.raft, self.contact_max);
        let term = self.raft.status().term;
        Ok(LogReply { term, file: None, end: self.raft.log_end(), leads, hears }.encode())
    }

    async fn join(&self, from: Sender, payload: Bytes) -> Result<Bytes, String> {
        self.engine.activity().join_requests.one();
        let request = JoinRequest::decode(payload).ok_or("the join request can't be read")?;
        if request.me.id != from.node || request.me.store != from.store {
            return Err("a node can only ask for itself".to_owned());
        }
        self.admit(request).await.map(|reply| reply.encode())
    }

    /// `Err`: not now.
    async fn admit(&self, request: JoinRequest) -> Result<JoinReply, String> {
        let no_leader = || "there is no leader at the moment".to_owned();
        let leader = self.leader().ok_or_else(no_leader)?;
        if leader.id != self.me.id {
            return Ok(JoinReply::Redirect(leader));
        }
        let members = self.raft.members();
        match judge(&members, &request) {
            Verdict::Already => {
                self.engine.activity().joins_ignored.one();
                return Ok(JoinReply::Done);
            }
            Verdict::Never(why) => {
                tracing::warn!("{} asked to join and was refused: {why}", request.me.name);
                return Ok(JoinReply::Never(why));
            }
            Verdict::Add => {}
        }
        if !self.may_join(&members, &request).await {
            let wanted = if request.read_only { "join-read-only" } else { "join" };
            tracing::warn!("{} asked to join and may not: '{wanted}' is missing", request.me.name);
            // The nodes may be started with another file meanwhile.
            return Err(format!(
                "this cluster has users: start the node with -join-as and one who may '{wanted}'"
            ));
        }
        let name = request.me.name.clone();
        let moved = members.iter().any(|(member, _)| {
            member.store == request.me.store && member.raft_addr != request.me.raft_addr
        });
        match self.raft.add(request.me, request.read_only).await {
            Ok(()) => {
                self.engine.activity().joins.one();
                self.engine.activity().joins_moved.add(moved.into());
                let kind = if request.read_only { "read-only node" } else { "voter" };
                tracing::info!("node {name} is a member now ({kind})");
                Ok(JoinReply::Done)
            }
            Err(AdminError::Refused(why)) => Err(why),
            Err(AdminError::NotLeader | AdminError::Stopped) => Err(no_leader()),
        }
    }

    /// Whether who asks is permitted to. Members need no permission for new addresses.
    async fn may_join(&self, members: &[(Member, bool)], request: &JoinRequest) -> bool {
        let Some(users) = self.users.clone() else { return true };
        if members.iter().any(|(member, _)| member.store == request.me.store) {
            return true;
        }
        let wanted = if request.read_only { Permission::JoinReadOnly } else { Permission::Join };
        let login = request.login.clone();
        // Some milliseconds of arithmetic.
        task::blocking(move || users.may(&login.name, &login.password, wanted.into())).await
    }

    fn notify(&self, from: Sender, payload: Bytes) -> Result<Bytes, String> {
        self.engine.activity().notify_requests.one();
        let notify = Notify::decode(payload).ok_or("the notification can't be read")?;
        if let Notify::Here { me, .. } = &notify
            && me.id != from.node
        {
            return Err("a node can only announce itself".to_owned());
        }
        let reply = match &self.meeting {
            Some(meeting) => meeting.hear(notify, &self.identity),
            None => NotifyReply::Disagreed(format!(
                "{} was not started with -bootstrap-expect",
                self.me.name
            )),
        };
        Ok(reply.encode())
    }
}
