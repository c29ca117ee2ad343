//! A command's way to a node's HTTP listener: which address, which others if it isn't there.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value as Json;
use tokio::runtime::Runtime;

use crate::client::{self, Answer, ClientError, Endpoint, Request};
use crate::command::Problem;
use crate::command::arguments::{Arguments, valued};
use crate::config::{Flag, Form, Group};
use crate::tls::{Connector, KeyPair, Named, Trust};

/// The flags of every command that talks to a node.
pub(crate) const FLAGS: Group = (
    "The node (-H, -p, -s, -P, -a, -u, -t, -c, -i, -d, -k for short)",
    &[
        valued(
            "host",
            "HOST",
            "The node to talk to: a name, HOST:PORT, http://HOST:PORT or https://HOST:PORT.\nWithout -host, -port and -scheme: $EIDER_HOST, $RQLITE_HOST, then 127.0.0.1.",
        ),
        valued("port", "PORT", "Its HTTP port, if -host has none; 4001 without it."),
        valued("scheme", "http|https", "How to reach it, if -host doesn't say; http without it."),
        valued("prefix", "PATH", "What stands before its paths, behind a proxy; / without it."),
        valued("alternatives", "HOST:PORT,...", "Nodes to try if that one can't be reached."),
        valued(
            "user",
            "NAME:PASSWORD",
            "Who you are, if the nodes have -auth. Without it: $EIDER_USER.",
        ),
        Flag {
            name: "http-timeout",
            form: Form::Duration,
            default: "30s",
            help: "How long an answer may take.",
        },
        valued(
            "ca-cert",
            "FILE",
            "Who must have signed the nodes' certificates (https://). Without it: the authorities\nthat this machine trusts.",
        ),
        Flag {
            name: "insecure",
            form: Form::Switch,
            default: "",
            help: "Don't look at the nodes' certificates: anybody could be there.",
        },
        valued("client-cert", "FILE", "Certificate to show to nodes that want one."),
        valued("client-key", "FILE", "Its private key."),
    ],
);
/// The flags of commands that show a document.
pub(crate) const OUTPUT: Group = (
    "Output",
    &[Flag {
        name: "json",
        form: Form::Switch,
        default: "",
        help: "Print the node's answer as JSON.",
    }],
);

const PORT_DEFAULT: u16 = 4001;
/// Where `--host` isn't given: the first of these that is set.
const VARIABLES: [&str; 2] = ["EIDER_HOST", "RQLITE_HOST"];

/// Nodes to talk to.
#[derive(Debug)]
pub(crate) struct Connection {
    runtime: Runtime,
    nodes: Vec<Endpoint>,
    /// The one that answered last, as an index.
    current: usize,
    timeout: Duration,
    user: Option<String>,
    /// Before every path; without a slash at its end.
    prefix: String,
}

impl Connection {
    pub(crate) fn new(arguments: &Arguments) -> Result<Self, Problem> {
        let mut addresses = vec![primary(arguments)?];
        let encrypted = addresses[0].1;
        let others = arguments.get("alternatives").unwrap_or_default().split(',');
        for other in others.map(str::trim).filter(|other| !other.is_empty()) {
            addresses.push(client::address(other, PORT_DEFAULT, encrypted)?);
        }
        let connector = connector(arguments, addresses.iter().any(|(_, encrypted)| *encrypted))?;
        let node = |(address, encrypted)| Endpoint {
            address,
            tls: if encrypted { connector.clone() } else { None },
        };
        let nodes = addresses.into_iter().map(node).collect();
        let timeout = arguments.duration("http-timeout");
        if timeout.is_zero() {
            return Err("-http-timeout must be more than 0".to_owned().into());
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Problem::Text(format!("start the async runtime: {error}")))?;
        let user = arguments.get("user").map(str::to_owned);
        let user = user.or_else(|| std::env::var("EIDER_USER").ok());
        let prefix = prefix(arguments.get("prefix").unwrap_or_default());
        Ok(Self { runtime, nodes, current: 0, timeout, user, prefix })
    }

    /// A request as it is sent: by whom, and by which path.
    fn complete(&self, request: Request) -> Request {
        let path = format!("{}{}", self.prefix, request.path);
        Request { user: self.user.clone(), path, ..request }
    }

    /// The address that answered last.
    pub(crate) fn address(&self) -> &str {
        &self.nodes[self.current].address
    }

    /// Sends a request to that node, by its URL, and to no other. No proxy is between: a node knows its own address.
    ///
    /// # Errors
    /// A text that says why there is no answer.
    pub(crate) fn send_to(&mut self, url: &str, request: &Request) -> Result<Answer, String> {
        let (address, encrypted) = client::address(url, PORT_DEFAULT, false)?;
        let tls = self.nodes[self.current].tls.clone().filter(|_| encrypted);
        let request = Request { user: self.user.clone(), ..request.clone() };
        let node = Endpoint { address, tls };
        let sending = client::send(&node, request, self.timeout);
        self.runtime.block_on(sending).map_err(|error| error.to_string())
    }

    /// Sends a request to the first node that can be reached. Only one that nothing was sent to is
    /// passed over.
    pub(crate) fn send(&mut self, request: &Request) -> Result<Answer, ClientError> {
        let mut first_error = None;
        let request = &self.complete(request.clone());
        for step in 0..self.nodes.len() {
            let at = (self.current + step) % self.nodes.len();
            let sending = client::send(&self.nodes[at], request.clone(), self.timeout);
            match self.runtime.block_on(sending) {
                Err(error @ ClientError::Unreachable { .. }) => {
                    first_error.get_or_insert(error);
                }
                other => {
                    self.current = at;
                    return other;
                }
            }
        }
        Err(first_error.expect("there is at least one address"))
    }

    /// Sends a request and insists on success.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Answer, String> {
        let answer = self.send(request).map_err(|error| error.to_string())?;
        if answer.is_success() {
            return Ok(answer);
        }
        Err(refusal(&answer, self.address()))
    }

    /// Gets a file. It is there as a whole or not at all.
    pub(crate) fn download(&mut self, path: &str, file: &Path) -> Result<(), String> {
        let mut partial = file.as_os_str().to_owned();
        partial.push(".part");
        let partial = PathBuf::from(partial);
        let wrong = |error: std::io::Error| format!("write {}: {error}", partial.display());
        let mut out = File::create(&partial).map_err(wrong)?;
        let request = self.complete(Request::get(path));
        let node = self.nodes[self.current].clone();
        let getting = client::download(&node, request, self.timeout, &mut out);
        let answer = self.runtime.block_on(getting).map_err(|error| error.to_string());
        let got = match answer {
            Ok(answer) if answer.is_success() => out.sync_all().map_err(wrong),
            Ok(answer) => Err(refusal(&answer, &node.address)),
            Err(error) => Err(error),
        };
        if let Err(error) = got {
            // There may be none.
            let _ = std::fs::remove_file(&partial);
            return Err(error);
        }
        std::fs::rename(&partial, file).map_err(wrong)
    }

    /// Sends a file, unpacked if it is packed by gzip, and insists on success.
    pub(crate) fn upload(&mut self, path: &str, file: &Path) -> Result<Answer, String> {
        let wrong = |error: std::io::Error| format!("read {}: {error}", file.display());
        let mut reader = BufReader::new(File::open(file).map_err(wrong)?);
        let packed = reader.fill_buf().map_err(wrong)?.starts_with(&[0x1f, 0x8b]);
        let request = self.complete(Request::post(path, ""));
        let node = self.nodes[self.current].clone();
        let answer = if packed {
            let unpacked = flate2::read::MultiGzDecoder::new(reader);
            self.runtime.block_on(client::upload(&node, request, unpacked))
        } else {
            self.runtime.block_on(client::upload(&node, request, reader))
        };
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.is_success() { Ok(answer) } else { Err(refusal(&answer, &node.address)) }
    }

    /// Gets a document.
    pub(crate) fn document(&mut self, path: &str) -> Result<Json, String> {
        let answer = self.ask(&Request::get(path))?;
        serde_json::from_slice(&answer.body)
            .map_err(|_| format!("{} did not answer with JSON: is it a node?", self.address()))
    }
}

/// What an answer without success says.
fn refusal(answer: &Answer, address: &str) -> String {
    let text = answer.text();
    match (answer.status, text.is_empty()) {
        (503, false) if text == "leader not found" => format!(
            "{address} answers: leader not found. The cluster has no leader at present: \
             `eider nodes` shows which nodes can be reached; a majority of the voters must be"
        ),
        (401, _) => format!(
            "{address} wants to know who asks, or doesn't permit it: give -user NAME:PASSWORD"
        ),
        (status, true) => format!("{address} answers with HTTP status {status}"),
        (status, false) => format!("{address} answers: {text} (HTTP status {status})"),
    }
}

/// What connections are encrypted with; `None` if none is.
fn connector(arguments: &Arguments, encrypted: bool) -> Result<Option<Connector>, String> {
    let file = |flag: &'static str| {
        arguments.get(flag).map(|path| Named { flag, path: PathBuf::from(path) })
    };
    let own = match (file("client-cert"), file("client-key")) {
        (Some(cert), Some(key)) => Some(KeyPair { cert, key }),
        (None, None) => None,
        _ => return Err("-client-cert and -client-key belong together: give both".to_owned()),
    };
    let trust = match (file("ca-cert"), arguments.is_on("insecure")) {
        (Some(_), true) => {
            return Err("-ca-cert is of no use with -insecure: give one of the two".to_owned());
        }
        (Some(file), false) => Trust::File(file),
        (None, true) => Trust::Anyone,
        (None, false) => Trust::System,
    };
    if !encrypted {
        return if own.is_some() || trust != Trust::System {
            Err("-ca-cert, -insecure and -client-cert are for https: write https:// before the \
                 host"
                .to_owned())
        } else {
            Ok(None)
        };
    }
    Connector::new(own, trust, None).map(Some)
}

/// `/`, `/eider/` or `eider` as what is put before a path that begins with a slash.
fn prefix(text: &str) -> String {
    let bare = text.trim_matches('/');
    if bare.is_empty() { String::new() } else { format!("/{bare}") }
}

fn primary(arguments: &Arguments) -> Result<(String, bool), String> {
    let port = match arguments.get("port") {
        None => PORT_DEFAULT,
        Some(text) => text.parse().map_err(|_| format!("-port: {text:?} is not a port number"))?,
    };
    let encrypted = match arguments.get("scheme") {
        None | Some("http") => false,
        Some("https") => true,
        Some(other) => return Err(format!("-scheme: {other:?} is neither http nor https")),
    };
    if ["host", "port", "scheme"].iter().any(|flag| arguments.get(flag).is_some()) {
        return client::address(arguments.get("host").unwrap_or("127.0.0.1"), port, encrypted);
    }
    for variable in VARIABLES {
        if let Ok(value) = std::env::var(variable) {
            return client::address(&value, PORT_DEFAULT, false)
                .map_err(|error| format!("environment variable {variable}: {error}"));
        }
    }
    Ok((format!("127.0.0.1:{port}"), false))
}
