//! Where a cluster says who leads it: one key of a service outside. Whoever finds none there makes the cluster, and
//! the others join whom it names.
//!
//! The value is as rqlite writes it, and beside that the leader's store id: after a crash in between, a node
//! knows its own claim again, and one that lost its disk does not take an old claim for its own.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::member::Member;
use crate::server::consul::Consul;
use crate::server::etcd::Etcd;

/// A service that keeps keys. Each can read one, write it, and write it only if it isn't there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Registry {
    Etcd(Etcd),
    Consul(Consul),
}

/// What the key holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claim {
    id: String,
    api_addr: String,
    /// A Raft address.
    pub(super) addr: String,
    /// rqlite has none.
    #[serde(default)]
    store: String,
}

impl Claim {
    pub(super) fn of(me: &Member) -> Self {
        Self {
            id: me.name.clone(),
            api_addr: me.http_host().to_owned(),
            addr: me.raft_addr.clone(),
            store: me.store.to_string(),
        }
    }

    /// Whether this very node made it, with the data that it has now.
    pub(super) fn is_of(&self, me: &Member) -> bool {
        self.store == me.store.to_string()
    }

    fn written(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings can be written as JSON")
    }
}

/// What an operator can look at.
impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Etcd(etcd) => write!(f, "etcd's key {}", etcd.key()),
            Self::Consul(consul) => write!(f, "Consul's key {}", consul.key()),
        }
    }
}

impl Registry {
    /// Who leads, as far as the key says.
    ///
    /// # Errors
    /// A text for the operator; so with the others.
    pub(super) async fn leader(&self) -> Result<Option<Claim>, String> {
        let value = match self {
            Self::Etcd(etcd) => etcd.read().await?,
            Self::Consul(consul) => consul.read().await?,
        };
        let Some(value) = value else { return Ok(None) };
        serde_json::from_slice(&value).map(Some).map_err(|error| format!("{self}: {error}"))
    }

    /// Writes the key if there is none. Whether this was the one that did.
    pub(super) async fn claim(&self, claim: &Claim) -> Result<bool, String> {
        match self {
            Self::Etcd(etcd) => etcd.create(&claim.written()).await,
            Self::Consul(consul) => consul.create(&claim.written()).await,
        }
    }

    /// Writes the key: who leads now.
    pub(super) async fn report(&self, claim: &Claim) -> Result<(), String> {
        match self {
            Self::Etcd(etcd) => etcd.write(&claim.written()).await,
            Self::Consul(consul) => consul.write(&claim.written()).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rqlites_values_can_be_read() {
        let text = r#"{"id":"1","api_addr":"h:4001","addr":"h:4002"}"#;
        let claim: Claim = serde_json::from_str(text).unwrap();
        assert_eq!((claim.addr.as_str(), claim.store.as_str()), ("h:4002", ""));
    }
}
