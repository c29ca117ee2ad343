//! The flags about certificates, and the checks between them.

use std::path::PathBuf;

use crate::config::flag::{Flag, Form, Group};

const FILE: Form = Form::Text("FILE");

const fn flag(name: &'static str, form: Form, help: &'static str) -> Flag {
    Flag { name, form, default: "", help }
}

const fn switch(name: &'static str, help: &'static str) -> Flag {
    Flag { name, form: Form::Switch, default: "false", help }
}

pub(super) const GROUP: Group = (
    "Encryption (files in PEM; they are read again when they change)",
    &[
        flag("http-cert", FILE, "Serve HTTPS instead of HTTP, with this certificate (chain)."),
        flag("http-key", FILE, "Its private key."),
        flag(
            "http-ca-cert",
            FILE,
            "Who must have signed the certificates of HTTPS clients (-http-verify-client), and of\n\
             nodes that are asked by an https:// URL in -join.",
        ),
        switch("http-verify-client", "Let in only HTTPS clients with a certificate."),
        flag(
            "http-verify-common-name",
            Form::Text("NAME"),
            "Of those, let in only whose certificate has this common name.",
        ),
        flag("pg-cert", FILE, "Offer TLS to PostgreSQL clients, with this certificate (chain)."),
        flag("pg-key", FILE, "Its private key."),
        switch("pg-require-tls", "Refuse PostgreSQL clients that don't use TLS."),
        flag(
            "node-cert",
            FILE,
            "Encrypt what nodes say to each other, with this certificate (chain). All nodes of a\n\
             cluster must have one, or none.",
        ),
        flag("node-key", FILE, "Its private key."),
        flag(
            "node-ca-cert",
            FILE,
            "Who must have signed the nodes' certificates; without it, any authority that this\n\
             machine trusts.",
        ),
        switch("node-verify-client", "Let in only nodes with a certificate that was so signed."),
        flag(
            "node-verify-common-name",
            Form::Text("NAME"),
            "Of those, let in only whose certificate has this common name.",
        ),
        switch("node-no-verify", "Don't look at the certificates of nodes that are called."),
        flag(
            "node-verify-server-name",
            Form::Text("NAME"),
            "Expect this name in nodes' certificates instead of the host of their address.",
        ),
    ],
);

/// A certificate's file and its key's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// What is encrypted, by which files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch on the command line")]
pub struct Encryption {
    pub http: Option<Pair>,
    pub http_ca: Option<PathBuf>,
    pub http_verify_client: bool,
    pub http_common_name: Option<String>,
    pub pg: Option<Pair>,
    pub pg_required: bool,
    pub node: Option<Pair>,
    pub node_ca: Option<PathBuf>,
    pub node_verify_client: bool,
    pub node_common_name: Option<String>,
    pub node_no_verify: bool,
    pub node_server_name: Option<String>,
}

/// Reads the flags of [`GROUP`].
pub(super) fn build(
    text: impl Fn(&'static str) -> Option<String>,
    is_on: impl Fn(&'static str) -> bool,
) -> Result<Encryption, String> {
    let pair = |cert, key| match (text(cert), text(key)) {
        (None, None) => Ok(None),
        (Some(cert), Some(key)) => Ok(Some(Pair { cert: cert.into(), key: key.into() })),
        (Some(_), None) => Err(format!("-{cert} needs -{key}, the file with its private key")),
        (None, Some(_)) => Err(format!("-{key} needs -{cert}, the file with its certificate")),
    };
    Ok(Encryption {
        http: pair("http-cert", "http-key")?,
        http_ca: text("http-ca-cert").map(PathBuf::from),
        http_verify_client: is_on("http-verify-client"),
        http_common_name: text("http-verify-common-name"),
        pg: pair("pg-cert", "pg-key")?,
        pg_required: is_on("pg-require-tls"),
        node: pair("node-cert", "node-key")?,
        node_ca: text("node-ca-cert").map(PathBuf::from),
        node_verify_client: is_on("node-verify-client"),
        node_common_name: text("node-verify-common-name"),
        node_no_verify: is_on("node-no-verify"),
        node_server_name: text("node-verify-server-name"),
    })
}

impl Encryption {
    /// Refuses what would be without effect, or contradicts itself. `joins_https`: whether an
    /// https:// URL is in `-join`.
    pub(super) fn check(&self, joins_https: bool) -> Result<(), String> {
        let without_node = self.node.is_none();
        let useless = !self.http_verify_client && !joins_https;
        let wrong = [
            (
                self.http_verify_client && self.http.is_none(),
                "-http-verify-client needs -http-cert",
            ),
            (
                self.http_verify_client && self.http_ca.is_none(),
                "-http-verify-client needs -http-ca-cert, to know clients by",
            ),
            (
                self.http_ca.is_some() && useless,
                "-http-ca-cert alone checks nobody: add -http-verify-client if clients are to show \
                 certificates",
            ),
            (
                self.http_common_name.is_some() && !self.http_verify_client,
                "-http-verify-common-name needs -http-verify-client",
            ),
            (
                self.node_common_name.is_some() && !self.node_verify_client,
                "-node-verify-common-name needs -node-verify-client",
            ),
            (self.pg_required && self.pg.is_none(), "-pg-require-tls needs -pg-cert"),
            (without_node && self.node_ca.is_some(), "-node-ca-cert needs -node-cert"),
            (without_node && self.node_verify_client, "-node-verify-client needs -node-cert"),
            (without_node && self.node_no_verify, "-node-no-verify needs -node-cert"),
            (
                without_node && self.node_server_name.is_some(),
                "-node-verify-server-name needs -node-cert",
            ),
            (
                self.node_verify_client && self.node_ca.is_none(),
                "-node-verify-client needs -node-ca-cert, to know nodes by",
            ),
            (
                self.node_no_verify && self.node_ca.is_some() && !self.node_verify_client,
                "-node-ca-cert is of no use with -node-no-verify: give one of the two",
            ),
            (
                self.node_no_verify && self.node_server_name.is_some(),
                "-node-verify-server-name is of no use with -node-no-verify: give one of the two",
            ),
        ];
        match wrong.into_iter().find(|(is_so, _)| *is_so) {
            Some((_, why)) => Err(why.to_owned()),
            None => Ok(()),
        }
    }
}
