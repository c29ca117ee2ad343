//! The three listeners: binding them all before anything else runs, and what they are called by
//! others.

use tokio::net::TcpListener;

use crate::config::{Config, address_parts};

/// The bound listeners, and the addresses that others are told.
#[derive(Debug)]
pub(super) struct Listeners {
    pub(super) http: Listener,
    pub(super) pg: Listener,
    pub(super) raft: Listener,
}

#[derive(Debug)]
pub(super) struct Listener {
    pub(super) socket: TcpListener,
    pub(super) advertised: String,
}

impl Listeners {
    /// # Errors
    /// Names the address and the flag.
    pub(super) async fn bind(config: &Config) -> Result<Self, String> {
        Ok(Self {
            http: bind("-http-addr", &config.http_addr, config.http_adv_addr.as_ref()).await?,
            pg: bind("-pg-addr", &config.pg_addr, config.pg_adv_addr.as_ref()).await?,
            raft: bind("-raft-addr", &config.raft_addr, config.raft_adv_addr.as_ref()).await?,
        })
    }
}

async fn bind(flag: &str, address: &str, advertised: Option<&String>) -> Result<Listener, String> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AddrInUse => format!(
            "{address} is in use by another process: stop that, or choose another address with \
             {flag}"
        ),
        _ => format!("listen on {address} ({flag}): {error}"),
    };
    let socket = TcpListener::bind(address).await.map_err(failed)?;
    let port = socket.local_addr().map_err(failed)?.port();
    let advertised = match (advertised, address_parts(address)) {
        (Some(advertised), _) => advertised.clone(),
        // Port 0 means "any": say which one it became.
        (None, Some((_, 0))) => {
            let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
            format!("{host}:{port}")
        }
        (None, _) => address.to_owned(),
    };
    Ok(Listener { socket, advertised })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_used_port_is_named_with_its_flag() {
        let first = bind("-pg-addr", "127.0.0.1:0", None).await.unwrap();
        let port = first.socket.local_addr().unwrap().port();
        assert_eq!(first.advertised, format!("127.0.0.1:{port}"));
        let error = bind("-pg-addr", &first.advertised, None).await.unwrap_err();
        assert!(error.contains(&first.advertised) && error.contains("-pg-addr"), "{error}");
    }
}
