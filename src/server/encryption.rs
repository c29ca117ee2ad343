//! Certificates by the flags that name them: what each listener shows, and whom this node trusts.

use crate::config::{Encryption, Pair};
use crate::tls::{Acceptor, Clients, Connector, KeyPair, Named, Trust};

/// Both sides of TLS, as far as the operator wants it.
#[derive(Debug, Clone)]
pub(super) struct Certificates {
    pub(super) http: Option<Acceptor>,
    pub(super) pg: Option<Acceptor>,
    pub(super) node: Option<(Acceptor, Connector)>,
    /// For `https://` URLs of nodes to join; made only where there are any.
    pub(super) https: Option<Connector>,
}

fn key_pair(pair: &Pair, flags: [&'static str; 2]) -> KeyPair {
    KeyPair {
        cert: Named { flag: flags[0], path: pair.cert.clone() },
        key: Named { flag: flags[1], path: pair.key.clone() },
    }
}

impl Certificates {
    /// Reads all files.
    ///
    /// # Errors
    /// Names the flag, the file and what to do.
    pub(super) fn read(encryption: &Encryption, joins_https: bool) -> Result<Self, String> {
        let Encryption { http, http_ca, pg, node, node_ca, .. } = encryption;
        let http_ca = http_ca.clone().map(|path| Named { flag: "http-ca-cert", path });
        let node_ca = node_ca.clone().map(|path| Named { flag: "node-ca-cert", path });
        let clients = |signers: &Option<Named>, verify: bool, name: &Option<String>| {
            let signers = signers.clone().filter(|_| verify)?;
            Some(Clients { signers, common_name: name.clone() })
        };
        let http_clients =
            clients(&http_ca, encryption.http_verify_client, &encryption.http_common_name);
        let node_clients =
            clients(&node_ca, encryption.node_verify_client, &encryption.node_common_name);
        let http = http.as_ref().map(|pair| {
            Acceptor::for_clients(key_pair(pair, ["http-cert", "http-key"]), http_clients)
        });
        let pg = pg.as_ref().map(|pair| Acceptor::new(key_pair(pair, ["pg-cert", "pg-key"]), None));
        let node = node.as_ref().map(|pair| {
            let own = key_pair(pair, ["node-cert", "node-key"]);
            let trust = match node_ca {
                _ if encryption.node_no_verify => Trust::Anyone,
                Some(file) => Trust::File(file),
                None => Trust::System,
            };
            let name = encryption.node_server_name.as_deref();
            let connector = Connector::new(Some(own.clone()), trust, name)?;
            Ok::<_, String>((Acceptor::for_clients(own, node_clients)?, connector))
        });
        let https = joins_https
            .then(|| Connector::new(None, http_ca.map_or(Trust::System, Trust::File), None));
        Ok(Self {
            http: http.transpose()?,
            pg: pg.transpose()?,
            node: node.transpose()?,
            https: https.transpose()?,
        })
    }
}
