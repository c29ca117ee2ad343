//! Making a cluster: of one node, or with others that are starting too.

use std::sync::Arc;

use crate::config::{Config, Join};
use crate::model::member::Member;
use crate::peer::{Identity, Kind, Target};
use crate::platform::clock::{self, Instant};
use crate::raft::{AdminError, Node};
use crate::server::join::{ASK_TIMEOUT, Failure, Joiner};
use crate::server::meeting::{Meeting, cluster_id};
use crate::server::setup::{Notify, NotifyReply};

/// Text for an operator.
fn explain(error: AdminError) -> String {
    match error {
        AdminError::Refused(why) => why,
        AdminError::NotLeader => "this node does not lead".to_owned(),
        AdminError::Stopped => "Raft has stopped on this node".to_owned(),
    }
}

/// Makes a cluster of this node alone.
pub(super) async fn alone(raft: &Node, identity: &Identity, me: &Member) -> Result<(), String> {
    let members = vec![me.clone()];
    let cluster = *identity.cluster.get_or_init(|| cluster_id(&members));
    raft.bootstrap(cluster, members).await.map_err(explain)
}

/// A node that looks for the others it is to make a cluster with.
pub(super) struct Gathering<'a> {
    pub(super) joiner: &'a Joiner,
    pub(super) raft: &'a Node,
    pub(super) meeting: &'a Arc<Meeting>,
    pub(super) config: &'a Config,
}

impl Gathering<'_> {
    /// Returns when this node is in a cluster: one it made with others, one that another one made
    /// with it, or one that was there already.
    pub(super) async fn run(&self) -> Result<(), String> {
        let limit = self.config.bootstrap_expect_timeout;
        let deadline = clock::now().plus(limit);
        loop {
            let trouble = match self.round().await {
                Ok(true) => return Ok(()),
                Ok(false) => Vec::new(),
                Err(Failure::Never(why)) => return Err(format!("cannot join: {why}")),
                Err(Failure::Now(why)) => vec![why],
            };
            let (here, expected) = self.meeting.count();
            if deadline.remaining().is_zero() {
                return Err(format!(
                    "{here} of {expected} nodes have met after {limit:?}; is -join the same \
                     everywhere? {}",
                    trouble.join("; ")
                ));
            }
            if let Some(why) = trouble.first() {
                tracing::info!("{here} of {expected} nodes are here: {why}");
            }
            self.pause(deadline).await;
        }
    }

    /// Waits for the next round: until somebody comes, or this node is made a member.
    async fn pause(&self, deadline: Instant) {
        let limit = self.config.join_interval.min(deadline.remaining());
        let mut leadership = self.raft.leadership();
        let woken = async {
            tokio::select! {
                () = self.meeting.changed() => {}
                _ = leadership.changed() => {}
            }
        };
        // Running out of time is what usually happens.
        let _ = clock::timeout(limit, woken).await;
    }

    /// One round; whether this node is in a cluster now.
    async fn round(&self) -> Result<bool, Failure> {
        let mut trouble = None;
        let others = self.joiner.candidates(&self.config.join).await;
        for somebody in &others.map_err(Failure::Now)? {
            let Join::Raft(address) = somebody else { continue };
            if *address == self.joiner.me.raft_addr {
                continue;
            }
            if self.raft.cluster().is_some() {
                return Ok(true);
            }
            match self.meet(address).await {
                Ok(false) => {}
                Ok(true) => return Ok(true),
                Err(never @ Failure::Never(_)) => return Err(never),
                Err(Failure::Now(why)) => trouble = Some(why),
            }
        }
        if let Some(members) = self.meeting.turn() {
            self.claim(members).await?;
            return Ok(true);
        }
        match trouble {
            None => Ok(self.raft.cluster().is_some()),
            Some(why) => Err(Failure::Now(why)),
        }
    }

    /// Looks who is at an address: joins its cluster if it has one (`true`), else says that this
    /// node is here.
    async fn meet(&self, address: &str) -> Result<bool, Failure> {
        let reply = self.joiner.hello(address).await?;
        if reply.me.id == self.joiner.me.id {
            return Ok(false);
        }
        if reply.cluster.is_some() {
            // Members of a cluster that was just made learn of it through Raft.
            return self.joiner.enter(address).await.map(|()| true);
        }
        self.notify(&reply.me, &self.meeting.here()).await.map(|()| false)
    }

    async fn notify(&self, to: &Member, notify: &Notify) -> Result<(), Failure> {
        let target = Target { address: to.raft_addr.clone(), node: Some(to.id) };
        let reply = self
            .joiner
            .client
            .call(&target, Kind::Notify, notify.encode(), ASK_TIMEOUT)
            .await
            .map_err(|error| Failure::Now(format!("{}: {error}", to.name)))?;
        match NotifyReply::decode(reply) {
            Some(NotifyReply::Agreed) => Ok(()),
            Some(NotifyReply::Disagreed(why)) => Err(Failure::Now(why)),
            None => Err(Failure::Now(format!("{}: its answer can't be read", to.name))),
        }
    }

    /// Makes the cluster, if all the others agree.
    async fn claim(&self, members: Vec<Member>) -> Result<(), Failure> {
        let claim = Notify::Claim { members: members.clone() };
        for member in members.iter().filter(|member| member.id != self.joiner.me.id) {
            if let Err(failure) = self.notify(member, &claim).await {
                // It will announce itself again if it is still there.
                self.meeting.forget(&member.name);
                return Err(failure);
            }
        }
        let cluster = cluster_id(&members);
        if *self.joiner.identity.cluster.get_or_init(|| cluster) != cluster {
            return Err(Failure::Now("this node has agreed to another set of members".to_owned()));
        }
        tracing::info!("making a cluster of {} nodes", members.len());
        self.raft.bootstrap(cluster, members).await.map_err(|error| Failure::Never(explain(error)))
    }
}
