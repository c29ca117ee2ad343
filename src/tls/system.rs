//! The authorities that this machine trusts, from the file in which its distribution keeps them.

use std::path::{Path, PathBuf};

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

/// Names another file than the system's, as for OpenSSL.
const VARIABLE: &str = "SSL_CERT_FILE";
/// Debian and Alpine; Red Hat; SUSE; the BSDs and macOS.
const PLACES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// # Errors
/// When there is no list, or nothing in it.
pub(super) fn roots() -> Result<RootCertStore, String> {
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    let found = PLACES.iter().map(PathBuf::from).find(|place| place.exists());
    let Some(place) = named.or(found) else {
        return Err(format!(
            "this machine has no list of trusted authorities: name the one that signed the other \
             side's certificate, or set {VARIABLE}"
        ));
    };
    read(&place)
}

fn read(place: &Path) -> Result<RootCertStore, String> {
    let wrong = |why: String| format!("trusted authorities in {}: {why}", place.display());
    let mut roots = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(place).map_err(|error| wrong(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        // Such lists are long, and may have one that can't be used: it is then not trusted.
        roots.add_parsable_certificates([certificate]);
    }
    if roots.is_empty() { Err(wrong("none there".to_owned())) } else { Ok(roots) }
}
