//! The HTTP API to the byte: requests, and their statuses, headers and bodies, from the files in
//! `src/http/exchanges`, in virtual time.
//!
//! A file is a conversation with a new node of its own. Lines with `>` are a request: method and path, headers, an
//! empty line, the body. Lines with `<` are the answer. Lines with `~` are what rqlite answers where that differs, which
//! `compat-tests/rqlite/exchanges` checks against the real one; the comment (`#`) above says why. Lines with `!` are
//! the node's options. What changes from run to run stands as `*`. With `UPDATE_GOLDENFILES=1` the answers are written anew.
//!
//! `! nodes 3` makes it a conversation with a cluster, and `! reader` adds a node without a vote. A request then names
//! whom it is for: `leader`, `follower`, `other`, `reader`, as they are at the beginning, when they are called n1 to n4.
//! `! stop leader other` ends these at that place, and waits until the others know.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::auth::Users;
use crate::http::{Options, TestClient, TestReply};
use crate::platform::clock;
use crate::sim;
use crate::sim::cluster::until;
use crate::sim::engines::Engines;
use crate::sim::http_test::{client_with, http_options};
use crate::sim::process::member;

/// Fields of JSON that aren't the same in each run.
const VARYING: &[&str] = &[
    "time",
    "time_s",
    "sequence_number",
    "raft_index",
    "last_modified",
    // The machine's, the process's and the build's.
    "build_time",
    "cmdline",
    "commit",
    "compile_options",
    "current_time",
    "dir",
    "executable",
    "GOARCH",
    "GOMAXPROCS",
    "hostname",
    "num_cpu",
    "num_tasks",
    "path",
    "pid",
    "position",
    "ppid",
    "start_time",
    "uptime",
];

/// Headers that every answer has, with their values.
const STANDARD: &[(&str, &str)] = &[
    ("access-control-allow-headers", "Content-Type"),
    ("access-control-allow-methods", "OPTIONS, GET, POST"),
    ("x-eider-version", crate::http::EIDER_VERSION),
    ("x-rqlite-version", crate::http::RQLITE_VERSION),
];

/// What a file has, in its order.
#[derive(Debug, PartialEq)]
enum Part {
    /// Lines that are kept as they are.
    Text(String),
    Exchange {
        request: String,
        answer: String,
        /// What rqlite answers.
        other: String,
    },
}

fn parts(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for line in text.lines() {
        let content = |mark: char| {
            let rest = line.strip_prefix(mark)?;
            Some(format!("{}\n", rest.strip_prefix(' ').unwrap_or(rest)))
        };
        let mut last = parts.last_mut();
        let under_way = match &mut last {
            Some(Part::Exchange { request, answer, other }) => Some((request, answer, other)),
            _ => None,
        };
        match (content('>'), content('<'), content('~'), under_way) {
            (Some(more), _, _, Some((request, answer, _))) if answer.is_empty() => {
                request.push_str(&more);
            }
            (Some(request), ..) => {
                parts.push(Part::Exchange { request, answer: String::new(), other: String::new() });
            }
            (_, Some(more), _, Some((_, answer, _))) => answer.push_str(&more),
            (_, _, Some(more), Some((_, _, other))) => other.push_str(&more),
            _ => parts.push(Part::Text(format!("{line}\n"))),
        }
    }
    parts
}

/// Lines after a mark.
fn marked(mark: char, text: &str) -> String {
    text.lines().fold(String::new(), |mut out, line| {
        let space = if line.is_empty() { "" } else { " " };
        let _ = writeln!(out, "{mark}{space}{line}");
        out
    })
}

/// The text with `*` in the place of what varies.
fn steady(body: &str) -> String {
    let mut out = body.to_owned();
    for name in VARYING {
        let key = format!("\"{name}\":");
        let mut from = 0;
        while let Some(found) = out[from..].find(&key) {
            let at = from + found + key.len();
            let spaces = out[at..].len() - out[at..].trim_start_matches(' ').len();
            let value = at + spaces;
            let rest = &out[value..];
            let end = if rest.starts_with('[') {
                rest.find(']').map(|end| end + 1)
            } else {
                rest.find([',', '}', ']', '\n'])
            };
            let length = end.unwrap_or(rest.len());
            out.replace_range(value..value + length, "*");
            from = value;
        }
    }
    out
}

fn told(reply: &TestReply, standard: bool) -> String {
    let mut out = format!("{}\n", reply.status);
    // It follows from the body.
    let mut headers: Vec<(&str, &str)> = reply
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .filter(|(name, _)| *name != "content-length")
        .collect();
    headers.sort_unstable();
    if standard {
        for header in STANDARD {
            assert!(headers.contains(header), "{header:?} is missing in {headers:?}");
        }
        headers.retain(|header| !STANDARD.contains(header));
    }
    for (name, value) in headers {
        let _ = writeln!(out, "{name}: {value}");
    }
    let _ = if reply.body.starts_with("SQLite format 3\0") {
        let bytes = reply.body.as_bytes();
        writeln!(out, "\n(a SQLite file, versions {} and {})", bytes[18], bytes[19])
    } else if reply.body.contains(['\0', '\u{fffd}']) {
        writeln!(out, "\n(bytes)")
    } else if reply.body.is_empty() {
        Ok(())
    } else {
        writeln!(out, "\n{}", steady(&reply.body))
    };
    out
}

/// What the lines with `!` say.
fn options(text: &str, options: &mut Options) {
    for line in text.lines().filter_map(|line| line.strip_prefix("! ")) {
        match line.split_once(' ') {
            Some(("auth", users)) => {
                options.users = Some(Arc::new(Users::parse(users).unwrap()));
            }
            Some(("http-allow-origin", origin)) => options.allow_origin = Some(origin.to_owned()),
            _ if line == "reader" || line == "nodes 3" || line.starts_with("stop ") => {}
            _ => panic!("unknown option: {line}"),
        }
    }
}

/// The parts that nodes have in a cluster, in the order of their names.
const ROLES: [&str; 4] = ["leader", "follower", "other", "reader"];

/// Whom a file talks to.
enum Stage {
    One(TestClient),
    /// By their roles: the nodes' ids, and their clients.
    Cluster(Box<Engines>, Vec<(u64, TestClient)>),
}

impl Stage {
    async fn set(text: &str, data_dir: &Path) -> Self {
        let is_said = |line: &str| text.lines().any(|other| other == line);
        if !is_said("! nodes 3") {
            return Self::One(client_with(data_dir, |node| options(text, node)).await);
        }
        let mut cluster = Engines::new(3, 1 << 20).await;
        let leader = cluster.leader().await;
        let mut ids: Vec<u64> = (0..3).filter(|id| *id != leader).collect();
        ids.insert(0, leader);
        if is_said("! reader") {
            cluster.add_machine(3);
            cluster.start(3).await;
            cluster.node(leader).add(member(3), true).await.unwrap();
            ids.push(3);
        }
        let client = |id: &u64| {
            let me = member(*id);
            let mut node = http_options(data_dir, &me);
            node.wants_vote = *id != 3;
            options(text, &mut node);
            (*id, TestClient::new(cluster.engine(*id).clone(), node))
        };
        let clients = ids.iter().map(client).collect();
        Self::Cluster(Box::new(cluster), clients)
    }

    /// Does what stands behind `!` between exchanges.
    async fn act(&mut self, line: &str) {
        let (Self::Cluster(cluster, clients), Some(roles)) = (self, line.strip_prefix("! stop "))
        else {
            return;
        };
        for role in roles.split(' ') {
            let role = ROLES.iter().position(|known| *known == role).unwrap();
            cluster.kill(clients[role].0, None);
        }
        let stopped: Vec<u64> =
            clients.iter().map(|(id, _)| *id).filter(|id| !cluster.lives(*id)).collect();
        let knows = |id: &u64| {
            let leader = cluster.engine(*id).leader();
            leader.is_none_or(|leader| !stopped.contains(&leader.id.0))
        };
        until(30, || cluster.running().iter().all(knows)).await;
        // A leader that hears of no majority takes a while to step down.
        clock::sleep(Duration::from_secs(10)).await;
    }

    /// Sends a request, whose first line may begin with a role.
    async fn ask(&self, request: &str) -> TestReply {
        let (head, body) = request.split_once("\n\n").unwrap_or((request.trim_end(), "\n"));
        let body = body.strip_suffix('\n').unwrap_or(body);
        let mut lines = head.lines();
        let first = lines.next().unwrap();
        let headers: Vec<(&str, &str)> = lines.map(|line| line.split_once(": ").unwrap()).collect();
        match self {
            Self::One(client) => {
                let (method, uri) = first.split_once(' ').unwrap();
                client.send_with(method, uri, &headers, body).await
            }
            Self::Cluster(_, clients) => {
                let (role, line) = first.split_once(' ').unwrap();
                let role = ROLES.iter().position(|known| *known == role).unwrap();
                let (method, uri) = line.split_once(' ').unwrap();
                clients[role].1.send_with(method, uri, &headers, &self.real(body)).await
            }
        }
    }

    /// Names as the nodes have them, for those that the file gives them.
    fn real(&self, text: &str) -> String {
        let Self::Cluster(_, clients) = self else { return text.to_owned() };
        let pairs = clients.iter().zip(1..).map(|((id, _), number)| (number, *id));
        renamed(text, &pairs.collect::<Vec<_>>())
    }

    /// The other way round.
    fn told(&self, text: &str) -> String {
        let Self::Cluster(_, clients) = self else { return text.to_owned() };
        let pairs = clients.iter().zip(1..).map(|((id, _), number)| (*id, number));
        renamed(text, &pairs.collect::<Vec<_>>())
    }
}

/// The text with other numbers in nodes' names and addresses.
fn renamed(text: &str, pairs: &[(u64, u64)]) -> String {
    let mut out = text.to_owned();
    for (from, to) in pairs {
        for (before, after) in [("\"n", "\""), ("node", ":4"), ("ID:n", " ")] {
            // The mark keeps it from being renamed again.
            out = out.replace(&format!("{before}{from}{after}"), &format!("{before}\0{to}{after}"));
        }
    }
    out.replace('\0', "")
}

/// Has the conversation of a file, and gives the file as it should be.
fn replay(text: &str) -> String {
    let data_dir = tempfile::tempdir().unwrap();
    let mut out = String::new();
    sim::run(1, async {
        let mut stage = Stage::set(text, data_dir.path()).await;
        let standard = !text.lines().any(|line| line.starts_with("! auth"));
        for part in parts(text) {
            let (request, other) = match part {
                Part::Text(line) => {
                    stage.act(line.trim_end()).await;
                    out.push_str(&line);
                    continue;
                }
                Part::Exchange { request, other, .. } => (request, other),
            };
            let reply = stage.ask(&request).await;
            out.push_str(&marked('>', &request));
            out.push_str(&marked('<', &stage.told(&told(&reply, standard))));
            out.push_str(&marked('~', &other));
        }
    });
    out
}

#[test]
fn every_exchange_is_as_it_is_written() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/exchanges");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let made = replay(&text);
        if std::env::var_os("UPDATE_GOLDENFILES").is_some() {
            std::fs::write(&file, made).unwrap();
            continue;
        }
        for (number, (expected, found)) in text.lines().zip(made.lines()).enumerate() {
            let place = format!("{}:{}", file.display(), number + 1);
            assert_eq!(expected, found, "{place}\n{made}");
        }
        assert_eq!(text.lines().count(), made.lines().count(), "{}", file.display());
    }
}

#[test]
fn what_varies_is_left_out() {
    let body = "{\"time\":0.5,\"results\":[{\"time\": 1}],\"times\":3}";
    assert_eq!(steady(body), "{\"time\":*,\"results\":[{\"time\": *}],\"times\":3}");
}

#[test]
fn a_file_is_made_of_exchanges_and_remarks() {
    let text = "# about\n\n> GET /\n>\n> body\n< 200\n<\n< ok\n~ 404\n\n> GET /b\n";
    let exchange = |request: &str, answer: &str, other: &str| Part::Exchange {
        request: request.to_owned(),
        answer: answer.to_owned(),
        other: other.to_owned(),
    };
    let line = |text: &str| Part::Text(text.to_owned());
    let expected = [
        line("# about\n"),
        line("\n"),
        exchange("GET /\n\nbody\n", "200\n\nok\n", "404\n"),
        line("\n"),
        exchange("GET /b\n", "", ""),
    ];
    assert_eq!(parts(text), expected);
}
