//! A command's way to a node's HTTP listener: which address, which others if it isn't there.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value as Json;
use tokio::runtime::Runtime;

use crate::client::{self, Answer, ClientError, Request};
use crate::command::Problem;
use crate::command::arguments::{Arguments, valued};
use crate::config::{Flag, Form, Group};

/// The flags of every command that talks to a node.
pub(crate) const FLAGS: Group = (
    "The node (-H, -p, -a, -u, -t for short)",
    &[
        valued(
            "host",
            "HOST",
            "The node to talk to: a name, HOST:PORT or http://HOST:PORT.\nWithout -host and -port: $EIDER_HOST, $RQLITE_HOST, then 127.0.0.1.",
        ),
        valued("port", "PORT", "Its HTTP port, if -host has none; 4001 without it."),
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
    addresses: Vec<String>,
    /// The one that answered last, as an index.
    current: usize,
    timeout: Duration,
    user: Option<String>,
}

impl Connection {
    pub(crate) fn new(arguments: &Arguments) -> Result<Self, Problem> {
        let mut addresses = vec![primary(arguments)?];
        let others = arguments.get("alternatives").unwrap_or_default().split(',');
        for other in others.map(str::trim).filter(|other| !other.is_empty()) {
            addresses.push(client::address(other, PORT_DEFAULT)?);
        }
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
        Ok(Self { runtime, addresses, current: 0, timeout, user })
    }

    /// The address that answered last.
    pub(crate) fn address(&self) -> &str {
        &self.addresses[self.current]
    }

    /// Sends a request to the first node that can be reached. Only one that nothing was sent to is
    /// passed over.
    pub(crate) fn send(&mut self, request: &Request) -> Result<Answer, ClientError> {
        let mut first_error = None;
        let request = &Request { user: self.user.clone(), ..request.clone() };
        for step in 0..self.addresses.len() {
            let at = (self.current + step) % self.addresses.len();
            let sending = client::send(&self.addresses[at], request.clone(), self.timeout);
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
        let request = Request { user: self.user.clone(), ..Request::get(path) };
        let address = self.addresses[self.current].clone();
        let getting = client::download(&address, request, self.timeout, &mut out);
        let answer = self.runtime.block_on(getting).map_err(|error| error.to_string());
        let got = match answer {
            Ok(answer) if answer.is_success() => out.sync_all().map_err(wrong),
            Ok(answer) => Err(refusal(&answer, &address)),
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
        let request = Request { user: self.user.clone(), ..Request::post(path, "") };
        let address = self.addresses[self.current].clone();
        let answer = if packed {
            let unpacked = flate2::read::MultiGzDecoder::new(reader);
            self.runtime.block_on(client::upload(&address, request, unpacked))
        } else {
            self.runtime.block_on(client::upload(&address, request, reader))
        };
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.is_success() { Ok(answer) } else { Err(refusal(&answer, &address)) }
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

fn primary(arguments: &Arguments) -> Result<String, String> {
    let port = match arguments.get("port") {
        None => PORT_DEFAULT,
        Some(text) => text.parse().map_err(|_| format!("-port: {text:?} is not a port number"))?,
    };
    if arguments.get("host").or(arguments.get("port")).is_some() {
        return client::address(arguments.get("host").unwrap_or("127.0.0.1"), port);
    }
    for variable in VARIABLES {
        if let Ok(value) = std::env::var(variable) {
            return client::address(&value, PORT_DEFAULT)
                .map_err(|error| format!("environment variable {variable}: {error}"));
        }
    }
    Ok(format!("127.0.0.1:{port}"))
}
