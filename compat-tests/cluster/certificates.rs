//! Certificates for tests, made by `openssl` in a directory of the test's own.

use std::path::{Path, PathBuf};
use std::process::Command;

/// An authority with files in a directory.
#[derive(Debug)]
pub struct Authority {
    directory: PathBuf,
    name: String,
}

fn openssl(arguments: &[&str]) {
    let made = Command::new("openssl").args(arguments).output();
    let made = made.expect("openssl is needed to make certificates for tests");
    assert!(made.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&made.stderr));
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

impl Authority {
    /// Makes one.
    pub fn new(directory: &Path, name: &str) -> Self {
        let authority = Self { directory: directory.to_owned(), name: name.to_owned() };
        let subject = format!("/CN={name}");
        let (key, cert) = (authority.file(name, "key"), authority.certificate());
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            &subject,
            "-keyout",
            text(&key),
            "-out",
            text(&cert),
        ]);
        authority
    }

    fn file(&self, name: &str, kind: &str) -> PathBuf {
        self.directory.join(format!("{name}.{kind}"))
    }

    /// The file with its own certificate, to trust it by.
    pub fn certificate(&self) -> PathBuf {
        self.file(&self.name, "crt")
    }

    /// Makes a certificate and its key, for these names (`DNS:localhost,IP:127.0.0.1`); returns both
    /// files. Made again under the same name, it takes the place of the old one.
    pub fn sign(&self, name: &str, names: &str) -> (PathBuf, PathBuf) {
        let (key, request, cert) =
            (self.file(name, "key"), self.file(name, "csr"), self.file(name, "crt"));
        let extensions = self.file(name, "ext");
        std::fs::write(&extensions, format!("subjectAltName={names}\nbasicConstraints=CA:FALSE\n"))
            .unwrap();
        let subject = format!("/CN={name}");
        openssl(&[
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            &subject,
            "-keyout",
            text(&key),
            "-out",
            text(&request),
        ]);
        let (ca, ca_key) = (self.certificate(), self.file(&self.name, "key"));
        openssl(&[
            "x509",
            "-req",
            "-in",
            text(&request),
            "-CA",
            text(&ca),
            "-CAkey",
            text(&ca_key),
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            text(&extensions),
            "-out",
            text(&cert),
        ]);
        (cert, key)
    }
}
