//! What the web console's test runs against: three nodes of which it kills some, and one that knows
//! its users.

use crate::support::Cluster;
use crate::wire::Connection;

/// Users of the guarded node: one may do everything, one only query.
const USERS: &str = r#"[{"username": "ada", "password": "lovelace", "perms": ["all"]},
    {"username": "reader", "password": "only", "perms": ["query"]}, {"username": "*", "perms": ["ready"]}]"#;

pub struct Stage {
    cluster: Cluster,
    guarded: Cluster,
    _users: tempfile::NamedTempFile,
}

impl Stage {
    pub fn start() -> Self {
        let users = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(users.path(), USERS).unwrap();
        let path = users.path().to_str().expect("a temporary file's name is text");
        let cluster = Cluster::start(3);
        let address = format!("127.0.0.1:{}", cluster.nodes[0].pg);
        let mut session = Connection::open(&address, "postgres").unwrap();
        let made = session.simple("CREATE DATABASE shop", None).unwrap();
        assert!(made.error().is_none(), "{made:?}");
        let guarded = Cluster::start_with(1, &["--auth", path]);
        Self { cluster, guarded, _users: users }
    }

    /// `EIDER_NODES`: name, HTTP port and process id of each node, `name:port:pid,...`.
    /// `EIDER_GUARDED`: the HTTP port of the node with users.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        let nodes = self.cluster.nodes.iter();
        let nodes: Vec<_> =
            nodes.map(|node| format!("{}:{}:{}", node.name, node.http, node.pid())).collect();
        let guarded = self.guarded.nodes[0].http.to_string();
        [("EIDER_NODES", nodes.join(",")), ("EIDER_GUARDED", guarded)]
    }
}
