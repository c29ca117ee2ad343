//! A node of the cluster, as the membership records it.

use crate::model::id::{NodeId, StoreId};

const ENCRYPTED: &str = "https://";

/// One node. `name` is unique among members; so is `id`, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Member {
    pub id: NodeId,
    pub store: StoreId,
    /// What operators call it: `--node-id`.
    pub name: String,
    /// Advertised `host:port` of the node-to-node listener.
    pub raft_addr: String,
    /// Advertised `host:port` of the HTTP listener; `https://` before it if it wants TLS.
    pub http_addr: String,
    /// Advertised `host:port` of the PostgreSQL listener.
    pub pg_addr: String,
}

impl Member {
    /// Where its HTTP API is, without a path.
    pub fn http_url(&self) -> String {
        if self.http_addr.starts_with(ENCRYPTED) {
            self.http_addr.clone()
        } else {
            format!("http://{}", self.http_addr)
        }
    }

    /// The `host:port` of its HTTP listener.
    pub fn http_host(&self) -> &str {
        self.http_addr.strip_prefix(ENCRYPTED).unwrap_or(&self.http_addr)
    }
}
