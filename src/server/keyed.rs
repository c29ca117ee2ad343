//! Into a cluster by a key that says who leads ([`Registry`]), and the leader's part in keeping it true.

use std::time::Duration;

use crate::config::Join;
use crate::engine::Engine;
use crate::model::member::Member;
use crate::platform::{clock, watch};
use crate::raft;
use crate::server::bootstrap;
use crate::server::join::{Failure, Joiner};
use crate::server::registry::{Claim, Registry};

/// How often a leader writes the key anew.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// A node that is in no cluster yet.
pub(super) struct Entrance<'a> {
    pub(super) joiner: &'a Joiner,
    pub(super) raft: &'a raft::Node,
    pub(super) registry: &'a Registry,
    /// Between two looks at the key.
    pub(super) interval: Duration,
}

impl Entrance<'_> {
    /// Returns when this node is in a cluster: the one that the key leads to, or one of its own.
    ///
    /// # Errors
    /// A text for the operator, if looking again makes no sense.
    pub(super) async fn run(&self) -> Result<(), String> {
        loop {
            match self.round().await {
                Ok(()) => return Ok(()),
                Err(Failure::Never(why)) => return Err(format!("cannot join: {why}")),
                Err(Failure::Now(why)) => tracing::warn!("in no cluster yet: {why}"),
            }
            clock::sleep(self.interval).await;
        }
    }

    async fn round(&self) -> Result<(), Failure> {
        let (registry, me) = (self.registry, &self.joiner.me);
        match registry.leader().await.map_err(Failure::Now)? {
            // This node was stopped between its claim and its cluster.
            Some(claim) if claim.is_of(me) => self.found().await,
            Some(claim) if claim.addr == me.raft_addr => Err(Failure::Now(format!(
                "{registry} says that this node leads, but it has no data: if no other node of that \
                 cluster is there any more, delete the key"
            ))),
            Some(claim) => self.joiner.ask(&Join::Raft(claim.addr)).await,
            None if self.joiner.read_only => {
                Err(Failure::Now(format!("nobody leads yet, says {registry}")))
            }
            None => {
                let claim = Claim::of(me);
                if registry.claim(&claim).await.map_err(Failure::Now)? {
                    return self.found().await;
                }
                Err(Failure::Now(format!("another node was quicker to claim {registry}")))
            }
        }
    }

    /// Makes the cluster.
    async fn found(&self) -> Result<(), Failure> {
        let made = bootstrap::alone(self.raft, &self.joiner.identity, &self.joiner.me).await;
        made.map_err(Failure::Never)
    }
}

/// Keeps the key true for as long as this node leads, until `stop` changes.
pub(super) async fn report(
    registry: Registry,
    raft: raft::Node,
    engine: Engine,
    me: Member,
    mut stop: watch::Receiver<bool>,
) {
    let claim = Claim::of(&me);
    let mut leadership = raft.leadership();
    let mut failed = false;
    loop {
        if engine.is_leader() {
            let reported = registry.report(&claim).await;
            if let Err(why) = &reported
                && !failed
            {
                tracing::warn!("others can't be told that this node leads: {why}");
            }
            failed = reported.is_err();
        }
        let news = async {
            tokio::select! {
                _ = stop.changed() => true,
                _ = leadership.changed() => false,
            }
        };
        if clock::timeout(REPORT_INTERVAL, news).await.unwrap_or(false) {
            return;
        }
    }
}
