//! A node of the cluster, as the membership records it.

use crate::model::id::{NodeId, StoreId};

/// One node. `name` is unique among members; so is `id`, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Member {
    pub id: NodeId,
    pub store: StoreId,
    /// What operators call it: `--node-id`.
    pub name: String,
    /// Advertised `host:port` of the node-to-node listener.
    pub raft_addr: String,
    /// Advertised `host:port` of the HTTP listener.
    pub http_addr: String,
    /// Advertised `host:port` of the PostgreSQL listener.
    pub pg_addr: String,
}
