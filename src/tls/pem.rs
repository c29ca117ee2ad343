//! Certificates and keys out of PEM files.

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::pem::{Error, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::tls::{KeyPair, Named};

fn wrong(file: &Named, why: &str) -> String {
    format!("-{} {}: {why}", file.flag, file.path.display())
}

/// What is wrong with a file in which a `what` was looked for.
fn problem(file: &Named, error: &Error, what: &str) -> String {
    match error {
        Error::Io(error) => wrong(file, &error.to_string()),
        Error::NoItemsFound => wrong(
            file,
            &format!("holds no {what}: a PEM file is needed, with a line -----BEGIN {what}-----"),
        ),
        error => wrong(file, &format!("is no PEM file: {error}")),
    }
}

/// All certificates of a file; at least one.
fn certificates(file: &Named) -> Result<Vec<CertificateDer<'static>>, String> {
    let told = |error: Error| problem(file, &error, "CERTIFICATE");
    let found = CertificateDer::pem_file_iter(&file.path).map_err(told)?;
    let found = found.collect::<Result<Vec<_>, _>>().map_err(told)?;
    if found.is_empty() { Err(told(Error::NoItemsFound)) } else { Ok(found) }
}

/// A chain and its key.
///
/// # Errors
/// Names the file and what to do.
pub(super) fn pair(
    pair: &KeyPair,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
    let chain = certificates(&pair.cert)?;
    let text =
        std::fs::read(&pair.key.path).map_err(|error| wrong(&pair.key, &error.to_string()))?;
    if find(&text, b"BEGIN ENCRYPTED PRIVATE KEY") || find(&text, b"Proc-Type: 4,ENCRYPTED") {
        let why = "is locked with a passphrase, which nobody can type here: unlock it with \
                   'openssl pkey -in FILE -out OTHER'";
        return Err(wrong(&pair.key, why));
    }
    let key = PrivateKeyDer::from_pem_slice(&text);
    Ok((chain, key.map_err(|error| problem(&pair.key, &error, "PRIVATE KEY"))?))
}

fn find(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|part| part == what)
}

/// Authorities to trust.
///
/// # Errors
/// Names the file and what to do.
pub(super) fn roots(file: &Named) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| wrong(file, &error.to_string()))?;
    }
    Ok(roots)
}
