//! Encryption: certificates and keys in PEM files, and both sides of a TLS handshake over any
//! byte stream. The only home of rustls.
//!
//! Files are read at start, when a mistake can still be told to whoever made it, and again at the
//! first handshake after they have changed, so that a renewed certificate needs no restart. If what
//! they hold then can't be used, that is logged once and the last good state stays in use.
//!
//! Time limits are the callers': a handshake waits for the other side as long as it is let.

mod common_name;
mod fresh;
mod pem;
mod system;
mod trust;

#[cfg(test)]
#[path = "../../compat-tests/cluster/certificates.rs"]
#[allow(unreachable_pub, reason = "the cluster tests use it too")]
pub(crate) mod certificates;
#[cfg(test)]
mod tls_test;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::tls::common_name::OnlyNamed;
use crate::tls::fresh::Fresh;

/// An encrypted byte stream, of either side.
pub type Stream<S> = tokio_rustls::TlsStream<S>;

/// A file and the flag that named it, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub flag: &'static str,
    pub path: PathBuf,
}

/// A certificate chain, the node's own first, and its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    pub cert: Named,
    pub key: Named,
}

/// Which clients a server lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clients {
    /// Those with a certificate that one of this file's has signed.
    pub signers: Named,
    /// And of them those whose certificate has this common name.
    pub common_name: Option<String>,
}

/// Whom a client believes to be who they say they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Those with a certificate that one of the file's has signed.
    File(Named),
    /// Those with a certificate of an authority that this machine trusts (`SSL_CERT_FILE`, or the
    /// operating system's list).
    System,
    /// Everybody: the connection is encrypted, but nobody knows to whom.
    Anyone,
}

/// The accepting side. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Acceptor(Arc<Fresh<ServerConfig>>);

/// The dialling side. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connector {
    config: Arc<Fresh<ClientConfig>>,
    /// Expected in the other side's certificate instead of the host that was dialled.
    server_name: Option<ServerName<'static>>,
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// What rustls says of files that can be read but not used.
fn unusable(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InconsistentKeys(_) => {
            "the private key does not belong to the certificate".to_owned()
        }
        error => error.to_string(),
    }
}

fn in_both(pair: &KeyPair, why: &str) -> String {
    let KeyPair { cert, key } = pair;
    let (cert_path, key_path) = (cert.path.display(), key.path.display());
    format!("-{} {cert_path} and -{} {key_path}: {why}", cert.flag, key.flag)
}

fn server_config(own: &KeyPair, clients: Option<&Clients>) -> Result<ServerConfig, String> {
    let (chain, key) = pem::pair(own)?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has what TLS 1.2 and 1.3 need");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(Clients { signers, common_name }) => {
            let roots = Arc::new(pem::roots(signers)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build();
            let verifier = verifier.map_err(|error| error.to_string())?;
            builder.with_client_cert_verifier(match common_name.clone() {
                Some(name) => Arc::new(OnlyNamed { verifier, name }),
                None => verifier,
            })
        }
    };
    builder.with_single_cert(chain, key).map_err(|error| in_both(own, &unusable(&error)))
}

fn client_config(own: Option<&KeyPair>, trust: &Trust) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has what TLS 1.2 and 1.3 need");
    let trusting = |roots: RootCertStore| builder.clone().with_root_certificates(roots);
    let builder = match trust {
        Trust::File(file) => trusting(pem::roots(file)?),
        Trust::System => trusting(system::roots()?),
        Trust::Anyone => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(trust::Anyone::new(provider()))),
    };
    let Some(own) = own else { return Ok(builder.with_no_client_auth()) };
    let (chain, key) = pem::pair(own)?;
    builder.with_client_auth_cert(chain, key).map_err(|error| in_both(own, &unusable(&error)))
}

fn paths<'a>(own: Option<&'a KeyPair>, other: Option<&'a Named>) -> Vec<PathBuf> {
    let own = own.into_iter().flat_map(|pair| [&pair.cert, &pair.key]);
    own.chain(other).map(|named| named.path.clone()).collect()
}

impl Acceptor {
    /// A server that shows `own`, and with `clients` lets in only who has a certificate that one of
    /// that file's has signed.
    ///
    /// # Errors
    /// A text for the operator: the flag, the file, what is wrong and what to do.
    pub fn new(own: KeyPair, clients: Option<Named>) -> Result<Self, String> {
        Self::for_clients(own, clients.map(|signers| Clients { signers, common_name: None }))
    }

    /// As [`Self::new`], where it may matter which name a client's certificate has.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn for_clients(own: KeyPair, clients: Option<Clients>) -> Result<Self, String> {
        let paths = paths(Some(&own), clients.as_ref().map(|clients| &clients.signers));
        let make = move || server_config(&own, clients.as_ref());
        Ok(Self(Arc::new(Fresh::new(paths, make)?)))
    }

    /// The handshake with somebody who connected.
    ///
    /// # Errors
    /// See [`explain`].
    pub async fn accept<S>(&self, stream: S) -> io::Result<Stream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        TlsAcceptor::from(self.0.get()).accept(stream).await.map(Stream::Server)
    }
}

impl Connector {
    /// A client that trusts by `trust`, and shows `own` to servers that ask for it. `server_name`
    /// is expected in certificates instead of the host that is dialled.
    ///
    /// # Errors
    /// A text for the operator: the flag, the file, what is wrong and what to do.
    pub fn new(
        own: Option<KeyPair>,
        trust: Trust,
        server_name: Option<&str>,
    ) -> Result<Self, String> {
        let server_name = server_name.map(name).transpose()?;
        let file = if let Trust::File(file) = &trust { Some(file) } else { None };
        let paths = paths(own.as_ref(), file);
        let make = move || client_config(own.as_ref(), &trust);
        Ok(Self { config: Arc::new(Fresh::new(paths, make)?), server_name })
    }

    /// The handshake with whoever answers at `address` (`host:port`).
    ///
    /// # Errors
    /// See [`explain`].
    pub async fn connect<S>(&self, address: &str, stream: S) -> io::Result<Stream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let expected = match &self.server_name {
            Some(name) => name.clone(),
            None => name(host).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?,
        };
        let connector = TlsConnector::from(self.config.get());
        let connected = connector.connect(expected, stream).await;
        connected.map(Stream::Client).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                let why = "it ended the connection; perhaps what answers there does not speak TLS";
                io::Error::new(error.kind(), why)
            }
            _ => error,
        })
    }
}

fn name(host: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(host.to_owned())
        .map_err(|_| format!("'{host}' is neither a host name nor an IP address"))
}

/// Why a handshake failed, or what came after it, for the operator of the side that asks. An error of
/// another kind is told as it is.
pub fn explain(error: &io::Error) -> String {
    use rustls::{AlertDescription as Alert, CertificateError, Error, InvalidMessage};
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "its certificate is signed by nobody who is trusted here".to_owned()
        }
        Some(Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => "its certificate has expired".to_owned(),
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "what answers there does not speak TLS".to_owned()
        }
        Some(Error::AlertReceived(Alert::CertificateRequired)) => {
            "it lets in only who shows a certificate".to_owned()
        }
        Some(Error::AlertReceived(Alert::AccessDenied)) => {
            "it does not let in the name in the certificate that it was shown".to_owned()
        }
        Some(Error::AlertReceived(Alert::UnknownCA | Alert::BadCertificate)) => {
            "it does not trust the certificate that it was shown".to_owned()
        }
        Some(error) => error.to_string(),
        None => error.to_string(),
    }
}
