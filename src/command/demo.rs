//! `eider demo`: a cluster of three nodes on this machine, from one command.
//!
//! The nodes are processes of this same program. They end with this one, and their data with them,
//! unless a directory was named for it.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value as Json;

use crate::client::{self, Endpoint, Request};
use crate::command::Problem;
use crate::command::arguments::{Arguments, valued};
use crate::command::cluster::entries;
use crate::command::terminal::{complain, print};
use crate::config::Syntax;
use crate::platform::{clock, random};

pub(crate) const SYNTAX: Syntax = Syntax {
    usage: "eider demo [OPTIONS]",
    about: "Run a cluster of three nodes on this machine until Ctrl-C.",
    groups: &[(
        "Data",
        &[valued(
            "data-dir",
            "DIR",
            "Keep the data in this directory. Otherwise it is removed at the end.",
        )],
    )],
    unsupported: &[],
    operands: &[],
    more_operands: false,
};

const NODES: usize = 3;
const HTTP_PORT: u16 = 4001;
const RAFT_PORT: u16 = 4002;
const PG_PORT: u16 = 5432;
/// The cluster must be ready by then.
const READY_TIMEOUT: Duration = Duration::from_mins(1);
/// Between two looks at whether it is.
const READY_INTERVAL: Duration = Duration::from_millis(100);
/// A node has this long to end by itself.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
/// How much of a failed node's log is shown, in lines.
const LOG_LINES: usize = 15;

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::Text(format!("start the async runtime: {error}")))?;
    let directory = Directory::new(arguments.get("data-dir").map(PathBuf::from))?;
    runtime.block_on(demonstrate(&directory))
}

async fn demonstrate(directory: &Directory) -> Result<ExitCode, Problem> {
    let mut stop = Stop::listen()?;
    print("Starting three nodes ...\n")?;
    let mut nodes = Nodes::start(directory)?;
    let ready = tokio::select! {
        ready = nodes.ready() => ready.map(|()| true),
        () = stop.asked() => Ok(false),
    };
    let ended = match ready {
        Ok(true) => watch(&mut nodes, &mut stop, directory).await,
        Ok(false) => Ok(()),
        Err(text) => Err(text.into()),
    };
    nodes.stop().await;
    ended.map(|()| ExitCode::SUCCESS)
}

/// Says what to try, and returns when the demonstration is over.
async fn watch(nodes: &mut Nodes, stop: &mut Stop, directory: &Directory) -> Result<(), Problem> {
    print(&nodes.invitation(directory))?;
    loop {
        tokio::select! {
            () = stop.asked() => break,
            () = clock::sleep(Duration::from_secs(1)) => {
                for gone in nodes.newly_ended() {
                    // A user may well kill one to see what happens.
                    complain(&gone);
                }
                if nodes.all.iter().all(|node| node.ended) {
                    return Err("all nodes have ended".to_owned().into());
                }
            }
        }
    }
    print("\nStopping the nodes ...\n")?;
    Ok(())
}

/// The requests to end: Ctrl-C, and what `kill` and a closed terminal send.
struct Stop {
    signals: [tokio::signal::unix::Signal; 3],
}

impl Stop {
    fn listen() -> Result<Self, Problem> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| {
            signal(kind).map_err(|error| Problem::Text(format!("listen for signals: {error}")))
        };
        let signals = [
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ];
        Ok(Self { signals })
    }

    async fn asked(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => (),
            _ = terminate.recv() => (),
            _ = hangup.recv() => (),
        }
    }
}

/// Where the nodes' data lies. Removed when dropped, unless the user named it.
#[derive(Debug)]
struct Directory {
    path: PathBuf,
    temporary: bool,
}

impl Directory {
    fn new(named: Option<PathBuf>) -> Result<Self, Problem> {
        let temporary = named.is_none();
        let path = named.unwrap_or_else(|| {
            let unique = u64::from_be_bytes(random::bytes());
            std::env::temp_dir().join(format!("eider-demo-{unique:016x}"))
        });
        std::fs::create_dir_all(&path)
            .map_err(|error| Problem::Text(format!("create {}: {error}", path.display())))?;
        Ok(Self { path, temporary })
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if !self.temporary {
            return;
        }
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            complain(&format!("remove {}: {error}", self.path.display()));
        }
    }
}

/// One node and its process.
#[derive(Debug)]
struct Node {
    name: String,
    http: u16,
    raft: u16,
    pg: u16,
    log: PathBuf,
    process: Child,
    ended: bool,
}

/// The nodes. Killed when dropped, if they run.
#[derive(Debug)]
struct Nodes {
    all: Vec<Node>,
}

impl Nodes {
    fn start(directory: &Directory) -> Result<Self, Problem> {
        let program = std::env::current_exe()
            .map_err(|error| Problem::Text(format!("find this program's file: {error}")))?;
        let ports = Ports::choose(directory)?;
        let members: Vec<String> =
            ports.numbers.iter().map(|[_, raft, _]| format!("127.0.0.1:{raft}")).collect();
        let members = members.join(",");
        let mut nodes = Self { all: Vec::new() };
        for at in 0..NODES {
            let node = Node::start(&program, directory, at + 1, ports.numbers[at], &members)?;
            nodes.all.push(node);
        }
        Ok(nodes)
    }

    /// Returns when all nodes are members, reach each other and answer.
    async fn ready(&mut self) -> Result<(), String> {
        let deadline = clock::now().plus(READY_TIMEOUT);
        loop {
            if let Some(gone) = self.newly_ended().into_iter().next() {
                return Err(gone);
            }
            if self.are_ready().await {
                return Ok(());
            }
            if deadline.remaining().is_zero() {
                let logs: Vec<String> = self.all.iter().map(|node| tail(&node.log)).collect();
                return Err(format!(
                    "the cluster was not ready after {READY_TIMEOUT:?}. Logs:\n{}",
                    logs.join("\n")
                ));
            }
            clock::sleep(READY_INTERVAL).await;
        }
    }

    async fn are_ready(&self) -> bool {
        for node in &self.all {
            let ready = ask(node.http, "/readyz?sync&timeout=2s").await;
            if !ready.is_some_and(|answer| answer.is_success()) {
                return false;
            }
        }
        let answer = ask(self.all[0].http, "/nodes?ver=2&timeout=2s").await;
        let document: Option<Json> =
            answer.and_then(|answer| serde_json::from_slice(&answer.body).ok());
        document.is_some_and(|document| {
            let reachable = |node: &&Json| node.get("reachable") == Some(&Json::Bool(true));
            entries(&document).filter(reachable).count() == NODES
        })
    }

    /// Which nodes have ended since the last call, each with the end of its log.
    fn newly_ended(&mut self) -> Vec<String> {
        self.all.iter_mut().filter_map(Node::newly_ended).collect()
    }

    /// What to try.
    fn invitation(&self, directory: &Directory) -> String {
        let [a, b, c] = [&self.all[0], &self.all[1], &self.all[2]];
        let kept = if directory.temporary { "removed at the end" } else { "kept" };
        format!(
            "
The cluster is ready. Its data is in {} ({kept}).

         {:<14}{:<14}{:<14}
HTTP     {:<14}{:<14}{:<14}
psql     {:<14}{:<14}{:<14}

Try, from another terminal:

  psql -h 127.0.0.1 -p {} postgres -c \"CREATE TABLE ducks (id serial PRIMARY KEY, name text)\"
  psql -h 127.0.0.1 -p {} postgres -c \"INSERT INTO ducks (name) VALUES ('common eider') RETURNING *\"
  curl -G 127.0.0.1:{}/db/query --data-urlencode 'q=SELECT * FROM ducks' --data level=linearizable

Each goes to another node. The console is at http://127.0.0.1:{}/console/, and
`eider status -p {}` shows who leads. Ctrl-C ends all three.
",
            directory.path.display(),
            a.name,
            b.name,
            c.name,
            a.http,
            b.http,
            c.http,
            a.pg,
            b.pg,
            c.pg,
            a.pg,
            b.pg,
            c.http,
            a.http,
            a.http,
        )
    }

    /// Asks the nodes to end, followers first, and waits until they have.
    async fn stop(&mut self) {
        for node in self.all.iter_mut().rev() {
            node.stop().await;
        }
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for node in &mut self.all {
            if !node.ended {
                // It may have ended just now; then there is nothing to kill.
                let _ = node.process.kill();
                let _ = node.process.wait();
            }
        }
    }
}

impl Node {
    fn start(
        program: &Path,
        directory: &Directory,
        number: usize,
        [http, raft, pg]: [u16; 3],
        members: &str,
    ) -> Result<Self, Problem> {
        let name = format!("node{number}");
        let data = directory.path.join(&name);
        let log = directory.path.join(format!("{name}.log"));
        let file = std::fs::File::create(&log)
            .map_err(|error| Problem::Text(format!("create {}: {error}", log.display())))?;
        let second = file
            .try_clone()
            .map_err(|error| Problem::Text(format!("open {}: {error}", log.display())))?;
        let mut command = Command::new(program);
        command.args(["serve", "--node-id", &name]);
        command.args(["--http-addr", &format!("127.0.0.1:{http}")]);
        command.args(["--raft-addr", &format!("127.0.0.1:{raft}")]);
        command.args(["--pg-addr", &format!("127.0.0.1:{pg}")]);
        command.args(["--bootstrap-expect", &NODES.to_string(), "--join", members]);
        // All start at once, so that each is there soon.
        command.args(["--join-interval", "200ms", "--join-attempts", "100"]);
        command.arg(&data).stdin(Stdio::null()).stdout(file).stderr(second);
        // Of its own group, so that a terminal's Ctrl-C reaches it through this process only.
        command.process_group(0);
        let process =
            command.spawn().map_err(|error| Problem::Text(format!("start {name}: {error}")))?;
        Ok(Self { name, http, raft, pg, log, process, ended: false })
    }

    fn newly_ended(&mut self) -> Option<String> {
        if self.ended {
            return None;
        }
        let status: ExitStatus = self.process.try_wait().ok().flatten()?;
        self.ended = true;
        let Self { name, raft, .. } = self;
        let log = tail(&self.log);
        Some(format!("{name} (Raft port {raft}) has ended: {status}. The end of its log:\n{log}"))
    }

    async fn stop(&mut self) {
        if self.ended {
            return;
        }
        let process = Pid::from_raw(self.process.id() as i32);
        // It may have ended just now; then the wait below sees it.
        let _ = kill(process, Signal::SIGTERM);
        let deadline = clock::now().plus(STOP_TIMEOUT);
        while !deadline.remaining().is_zero() {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                self.ended = true;
                return;
            }
            clock::sleep(Duration::from_millis(20)).await;
        }
        complain(&format!("{} did not end within {STOP_TIMEOUT:?}: it is killed", self.name));
    }
}

async fn ask(port: u16, path: &str) -> Option<client::Answer> {
    let node = Endpoint::plain(format!("127.0.0.1:{port}"));
    client::send(&node, Request::get(path), Duration::from_secs(5)).await.ok()
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(LOG_LINES)..];
    format!("{}:\n  {}", log.display(), last.join("\n  "))
}

/// Ports for the nodes: the usual ones where they are free, else any that are. Data that is kept
/// keeps its ports, too, since the nodes know each other by them.
#[derive(Debug)]
struct Ports {
    /// HTTP, Raft, PostgreSQL.
    numbers: [[u16; 3]; NODES],
}

impl Ports {
    fn choose(directory: &Directory) -> Result<Self, Problem> {
        let kept = directory.path.join("ports");
        if let Ok(text) = std::fs::read_to_string(&kept) {
            let numbers = Self::read(&text)
                .ok_or_else(|| format!("{} doesn't hold {} ports", kept.display(), 3 * NODES))?;
            for port in numbers.as_flattened() {
                TcpListener::bind(("127.0.0.1", *port)).map_err(|error| {
                    format!("port {port} is needed by the data in this directory: {error}")
                })?;
            }
            return Ok(Self { numbers });
        }
        let mut numbers = [[0; 3]; NODES];
        // All are held until all are chosen, so that none is chosen twice.
        let mut held = Vec::new();
        for (at, ports) in numbers.iter_mut().enumerate() {
            let at = at as u16;
            let usual = [HTTP_PORT + 2 * at, RAFT_PORT + 2 * at, PG_PORT + at];
            for (port, usual) in ports.iter_mut().zip(usual) {
                let (listener, chosen) = free(usual)
                    .map_err(|error| Problem::Text(format!("find a free port: {error}")))?;
                *port = chosen;
                held.push(listener);
            }
        }
        if !directory.temporary {
            let text: Vec<String> = numbers.as_flattened().iter().map(u16::to_string).collect();
            std::fs::write(&kept, text.join(" ") + "\n")
                .map_err(|error| format!("write {}: {error}", kept.display()))?;
        }
        Ok(Self { numbers })
    }

    fn read(text: &str) -> Option<[[u16; 3]; NODES]> {
        let ports: Option<Vec<u16>> =
            text.split_whitespace().map(|port| port.parse().ok()).collect();
        let (rows, rest) = ports.as_ref()?.as_chunks::<3>();
        if rest.is_empty() { rows.try_into().ok() } else { None }
    }
}

/// This port if it is free, or any.
fn free(usual: u16) -> std::io::Result<(TcpListener, u16)> {
    let listener =
        TcpListener::bind(("127.0.0.1", usual)).or_else(|_| TcpListener::bind(("127.0.0.1", 0)))?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_all_different() {
        let ports = Ports::choose(&Directory::new(None).unwrap()).unwrap();
        let all: std::collections::HashSet<u16> = ports.numbers.into_iter().flatten().collect();
        assert_eq!(all.len(), 3 * NODES);
        assert!(!all.contains(&0));
    }

    #[test]
    fn kept_data_keeps_its_ports() {
        let parent = tempfile::tempdir().unwrap();
        let directory = Directory::new(Some(parent.path().to_owned())).unwrap();
        let first = Ports::choose(&directory).unwrap();
        assert_eq!(Ports::choose(&directory).unwrap().numbers, first.numbers);
        let _taken = TcpListener::bind(("127.0.0.1", first.numbers[1][2])).unwrap();
        assert!(Ports::choose(&directory).is_err());
    }

    #[test]
    fn a_temporary_directory_is_removed_and_a_named_one_is_not() {
        let path = Directory::new(None).unwrap().path.clone();
        assert!(!path.exists());
        let parent = tempfile::tempdir().unwrap();
        let named = parent.path().join("kept");
        drop(Directory::new(Some(named.clone())).unwrap());
        assert!(named.exists());
    }
}
