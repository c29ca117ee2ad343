//! Becoming a member of a cluster that exists: find somebody, learn who leads, ask to be let in.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::client::Endpoint;
use crate::config::Join;
use crate::model::id::ClusterId;
use crate::model::member::Member;
use crate::peer::{Client, Identity, Kind, PeerError, Target};
use crate::platform::clock;
use crate::server::discover;
use crate::server::discovery::Discovery;
use crate::server::setup::{HelloReply, JoinReply, JoinRequest, Login, hello};
use crate::tls::Connector;

/// For "hello" and for being told who leads.
pub(super) const ASK_TIMEOUT: Duration = Duration::from_secs(10);
/// For being let in: the leader answers when this node has all its data.
const JOIN_TIMEOUT: Duration = Duration::from_mins(30);
/// "Ask that one, who leads": at the most so many in a row.
const REDIRECTS_MAX: usize = 10;

/// A node that wants in.
#[derive(Debug, Clone)]
pub(super) struct Joiner {
    pub(super) client: Client,
    pub(super) identity: Identity,
    pub(super) me: Member,
    pub(super) read_only: bool,
    /// As whom it asks.
    pub(super) login: Login,
    /// For nodes that are named by an `https://` URL; there is one if there are such.
    pub(super) https: Option<Connector>,
    /// Asked for nodes where none are named.
    pub(super) discovery: Option<Discovery>,
}

/// Why a node is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It may be otherwise a little later.
    Now(String),
    /// Asking again makes no sense.
    Never(String),
}

impl Failure {
    fn peer(address: &str, error: &PeerError) -> Self {
        match error {
            // It begins with the address.
            PeerError::Unreachable(why) => Self::Now(why.clone()),
            error => Self::Now(format!("{address}: {error}")),
        }
    }
}

impl Joiner {
    /// Tries everybody on the list, some rounds long. `is_member` says whether this node has become one all
    /// the same: who let it in may have died before it could say so.
    pub(super) async fn join(
        &self,
        list: &[Join],
        attempts: u64,
        interval: Duration,
        is_member: impl Fn() -> bool,
    ) -> Result<(), String> {
        let mut reasons = Vec::new();
        for attempt in 1..=attempts {
            if attempt > 1 {
                clock::sleep(interval).await;
            }
            reasons.clear();
            let list = match self.candidates(list).await {
                Ok(list) => list,
                Err(why) => {
                    reasons.push(why);
                    Vec::new()
                }
            };
            for somebody in &list {
                match self.ask(somebody).await {
                    Ok(()) => return Ok(()),
                    Err(Failure::Never(why)) => return Err(format!("cannot join: {why}")),
                    Err(Failure::Now(why)) => reasons.push(why),
                }
            }
            if is_member() {
                return Ok(());
            }
            tracing::warn!("not joined yet ({attempt} of {attempts}): {}", reasons.join("; "));
        }
        Err(format!("cannot join after {attempts} attempts: {}", reasons.join("; ")))
    }

    /// Those who are named, or those who are found now.
    pub(super) async fn candidates(&self, named: &[Join]) -> Result<Vec<Join>, String> {
        let Some(discovery) = &self.discovery else { return Ok(named.to_vec()) };
        Ok(discovery.find().await?.into_iter().map(Join::Raft).collect())
    }

    /// For a node that is the only member of a cluster and is told to join somebody.
    ///
    /// # Errors
    /// A text for the operator if that is a node of another cluster. Who doesn't answer may be a former member.
    pub(super) async fn refuse_another_cluster(&self, list: &[Join]) -> Result<(), String> {
        let mine = self.identity.cluster.get();
        let outside = Self { client: self.client.outside(), ..self.clone() };
        for somebody in self.candidates(list).await.unwrap_or_default() {
            for address in outside.addresses(&somebody).await {
                let Ok(HelloReply { cluster: Some(theirs), .. }) = outside.hello(&address).await
                else {
                    continue;
                };
                if mine.is_some_and(|mine| *mine != theirs) {
                    return Err(format!(
                        "{address} belongs to another cluster than this node, which has data of its \
                         own: to join that cluster, start with an empty data directory; to go on \
                         alone, without -join"
                    ));
                }
            }
        }
        Ok(())
    }

    /// The Raft addresses that somebody on the list stands for.
    async fn addresses(&self, somebody: &Join) -> Vec<String> {
        let node = match somebody {
            Join::Raft(address) => return vec![address.clone()],
            Join::Http(address) => Endpoint::plain(address),
            Join::Https(address) => Endpoint { address: address.clone(), tls: self.https.clone() },
        };
        discover::raft_addresses(&node).await.unwrap_or_default()
    }

    pub(super) async fn ask(&self, somebody: &Join) -> Result<(), Failure> {
        match somebody {
            Join::Raft(address) => self.enter(address).await,
            Join::Http(address) => self.discover(&Endpoint::plain(address)).await,
            Join::Https(address) => {
                let tls = self.https.clone();
                self.discover(&Endpoint { address: address.clone(), tls }).await
            }
        }
    }

    async fn discover(&self, node: &Endpoint) -> Result<(), Failure> {
        let raft_addresses = discover::raft_addresses(node).await.map_err(Failure::Now)?;
        let mut last = Failure::Now(format!("{}: it names no nodes", node.address));
        for raft_address in raft_addresses {
            match self.enter(&raft_address).await {
                Err(failure @ Failure::Now(_)) => last = failure,
                settled => return settled,
            }
        }
        Err(last)
    }

    /// Asks who is at a Raft address.
    pub(super) async fn hello(&self, address: &str) -> Result<HelloReply, Failure> {
        let to = Target { address: address.to_owned(), node: None };
        let reply = self
            .client
            .call(&to, Kind::Hello, hello(), ASK_TIMEOUT)
            .await
            .map_err(|error| Failure::peer(address, &error))?;
        HelloReply::decode(reply)
            .ok_or_else(|| Failure::Now(format!("{address}: its answer can't be read")))
    }

    /// Joins the cluster of the node at a Raft address.
    pub(super) async fn enter(&self, address: &str) -> Result<(), Failure> {
        let reply = self.hello(address).await?;
        if reply.me.id == self.me.id {
            return Err(Failure::Now(format!("{address} is this node itself")));
        }
        let Some(cluster) = reply.cluster else {
            return Err(Failure::Now(format!("{address}: that node is in no cluster yet")));
        };
        self.adopt(cluster, address)?;
        self.request(reply.leader.unwrap_or(reply.me)).await
    }

    /// From now on this node speaks to the nodes of this cluster, and they to it.
    fn adopt(&self, cluster: ClusterId, address: &str) -> Result<(), Failure> {
        let mine = *self.identity.cluster.get_or_init(|| cluster);
        if mine == cluster {
            return Ok(());
        }
        Err(Failure::Never(format!(
            "{address} belongs to another cluster ({cluster}) than those asked before ({mine})"
        )))
    }

    /// Asks `first`, or who it says leads, to be a member, as this node now is.
    pub(super) async fn request(&self, first: Member) -> Result<(), Failure> {
        let Self { me, read_only, login, .. } = self.clone();
        let request = JoinRequest { me, read_only, login }.encode();
        let mut asked = first;
        let mut path = BTreeSet::new();
        for _ in 0..REDIRECTS_MAX {
            let address = asked.raft_addr.clone();
            let to = Target { address: address.clone(), node: Some(asked.id) };
            let reply = self
                .client
                .call(&to, Kind::Join, request.clone(), JOIN_TIMEOUT)
                .await
                .map_err(|error| Failure::peer(&address, &error))?;
            match JoinReply::decode(reply) {
                Some(JoinReply::Done) => return Ok(()),
                Some(JoinReply::Never(why)) => return Err(Failure::Never(why)),
                Some(JoinReply::Redirect(leader)) if path.insert(address.clone()) => asked = leader,
                Some(JoinReply::Redirect(_)) => break,
                None => {
                    return Err(Failure::Now(format!("{address}: its answer can't be read")));
                }
            }
        }
        Err(Failure::Now("its nodes don't agree yet on who leads".to_owned()))
    }
}
