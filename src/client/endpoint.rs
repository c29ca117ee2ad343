//! Where a node's HTTP listener is, and how to reach it: an address, encrypted or not.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::tls::{self, Connector};

/// An HTTP listener.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// `host:port`.
    pub address: String,
    /// `None`: HTTP without encryption.
    pub tls: Option<Connector>,
}

/// What a connection is made of.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

impl Endpoint {
    /// Without encryption.
    pub fn plain(address: impl Into<String>) -> Self {
        Self { address: address.into(), tls: None }
    }

    /// Connects, the handshake included.
    ///
    /// # Errors
    /// Why not: nothing was sent then.
    pub(super) async fn connect(&self) -> Result<Box<dyn Io>, String> {
        let socket = TcpStream::connect(&self.address).await.map_err(|error| error.to_string())?;
        let Some(connector) = &self.tls else { return Ok(Box::new(socket)) };
        match connector.connect(&self.address, socket).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(format!("TLS: {}", tls::explain(&error))),
        }
    }
}

/// Reads `http://host[:port][/]`, the same with `https`, `//host:port` or `host:port` as a
/// `host:port` and whether it is to be encrypted; `port` and `encrypted` where none is given.
///
/// # Errors
/// A text for whoever wrote the address.
pub fn address(url: &str, port: u16, encrypted: bool) -> Result<(String, bool), String> {
    let (rest, encrypted) = match (url.strip_prefix("https:"), url.strip_prefix("http:")) {
        (Some(rest), _) => (rest, true),
        (_, Some(rest)) => (rest, false),
        _ => (url, encrypted),
    };
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let host = rest.strip_suffix('/').unwrap_or(rest);
    let wrong =
        || format!("{url:?} is not an address: expected http[s]://HOST[:PORT] or HOST:PORT");
    if host.is_empty() || host.contains(['/', '?', '#', '@', ' ']) {
        return Err(wrong());
    }
    // An IPv6 address stands in brackets; colons inside them are its own.
    let after_brackets = host.rfind(']').map_or(0, |at| at + 1);
    match host[after_brackets..].rsplit_once(':') {
        None => Ok((format!("{host}:{port}"), encrypted)),
        Some((_, given)) if given.parse::<u16>().is_ok() && !host.starts_with(':') => {
            Ok((host.to_owned(), encrypted))
        }
        Some(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_urls_or_host_and_port() {
        for (url, expected, encrypted) in [
            ("http://localhost", "localhost:4001", false),
            ("https://localhost", "localhost:4001", true),
            ("https://localhost:5001/", "localhost:5001", true),
            ("http://localhost:5001/", "localhost:5001", false),
            ("//node1:5001", "node1:5001", false),
            ("node1:5001", "node1:5001", false),
            ("node1", "node1:4001", false),
            ("http://[::1]:5001", "[::1]:5001", false),
            ("[::1]", "[::1]:4001", false),
        ] {
            let expected = Ok((expected.to_owned(), encrypted));
            assert_eq!(address(url, 4001, false), expected, "{url}");
        }
        assert_eq!(address("node1", 4001, true), Ok(("node1:4001".to_owned(), true)));
        assert_eq!(address("http://node1", 4001, true), Ok(("node1:4001".to_owned(), false)));
        for url in ["", "http://", "https://", "http://a/b", "a:b", ":4001", "u:p@h:1", "ftp://x"] {
            assert!(address(url, 4001, false).is_err(), "{url}");
        }
    }
}
