//! Clusters of the built binary on free ports of this machine, with their data in a temporary
//! directory. A node that is dropped is killed.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a condition may take to come true before the test fails.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Lines of a node's log that are shown when a test fails.
const LINES: usize = 40;

/// Below the ports that systems give to outgoing connections: such a connection could take one while its
/// node is down.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// A port that nothing listens on, and that no other test of this process was given.
pub fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let count = u32::from(PORTS.end - PORTS.start);
    // Processes that run at the same time begin in different places.
    let first = std::process::id().wrapping_mul(7919) % count;
    loop {
        let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
        assert!(taken < count, "no port is left");
        let port = PORTS.start + ((first + taken) % count) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The program under test: this build's, or `EIDER_BINARY` (a release build, for figures).
pub fn binary() -> PathBuf {
    std::env::var_os("EIDER_BINARY").map_or(env!("CARGO_BIN_EXE_eider").into(), PathBuf::from)
}

/// One node: its process, if it runs, and where it lives.
pub struct Node {
    pub name: String,
    pub http: u16,
    pub raft: u16,
    pub pg: u16,
    pub dir: PathBuf,
    log: PathBuf,
    options: Vec<String>,
    /// Variables of its environment.
    pub environment: Vec<(String, String)>,
    /// What it runs from its next start on.
    pub program: PathBuf,
    child: Option<Child>,
}

impl Node {
    pub fn new(root: &Path, name: &str, options: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            http: free_port(),
            raft: free_port(),
            pg: free_port(),
            dir: root.join(format!("node{name}")),
            log: root.join(format!("node{name}.log")),
            options: options.iter().map(|&option| option.to_owned()).collect(),
            environment: Vec::new(),
            program: binary(),
            child: None,
        }
    }

    pub fn start(&mut self) {
        assert!(self.child.is_none(), "node {} runs already", self.name);
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let child = Command::new(&self.program)
            .arg("serve")
            .args(["--node-id", &self.name])
            .args(["--http-addr", &format!("127.0.0.1:{}", self.http)])
            .args(["--raft-addr", &format!("127.0.0.1:{}", self.raft)])
            .args(["--pg-addr", &format!("127.0.0.1:{}", self.pg)])
            .args(&self.options)
            .arg(&self.dir)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    /// It has this option from its next start on.
    pub fn add_option(&mut self, name: &str, value: &str) {
        self.options.extend([name.to_owned(), value.to_owned()]);
    }

    /// From its next start on it has this word in the place of another.
    pub fn replace_option(&mut self, option: &str, by: &str) {
        let at = self.options.iter().position(|known| known == option).unwrap();
        by.clone_into(&mut self.options[at]);
    }

    /// From its next start on it goes without this option, which has a value.
    pub fn drop_option(&mut self, name: &str) {
        let at = self.options.iter().position(|option| option == name).expect("it has the option");
        self.options.drain(at..at + 2);
    }

    /// From its next start on, what it logs meets a disk that is full.
    pub fn log_to_a_full_disk(&mut self) {
        self.log = PathBuf::from("/dev/full");
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the node runs").id()
    }

    pub fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// Whether its process hasn't ended by itself.
    pub fn is_alive(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// SIGTERM, and waits for a clean end.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        signal(child.id(), "TERM");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "node {} ended with {status}\n{}", self.name, self.log());
                return;
            }
            assert!(Instant::now() < deadline, "node {} doesn't stop\n{}", self.name, self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn log(&self) -> String {
        // Reading from a device wouldn't end.
        let is_file = self.log.is_file();
        is_file.then(|| std::fs::read_to_string(&self.log).ok()).flatten().unwrap_or_default()
    }

    /// Its process, whom it takes for the leader, where it stands, and the end of its log.
    fn standing(&self) -> String {
        let says = |path| match self.is_running().then(|| self.get(path)) {
            Some(Some(reply)) => format!("{} {}", reply.status, reply.body),
            Some(None) => "no answer".to_owned(),
            None => "down".to_owned(),
        };
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(LINES)..].join("\n    ");
        let (leader, raft) = (says("/leader"), says("/status?key=store.raft"));
        let (name, ready) = (&self.name, says("/readyz"));
        format!("node {name}: ready: {ready}\n  leader: {leader}\n  raft: {raft}\n    {last}\n")
    }

    pub fn wait_ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.get("/readyz").is_none_or(|reply| reply.status != 200) {
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait().unwrap()
            {
                panic!("node {} ended with {status}\n{}", self.name, self.log());
            }
            assert!(Instant::now() < deadline, "node {} isn't ready\n{}", self.name, self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn get(&self, path: &str) -> Option<Reply> {
        request(self.http, "GET", path, None)
    }

    pub fn post(&self, path: &str, body: &str) -> Option<Reply> {
        request(self.http, "POST", path, Some(body))
    }

    /// The body of a GET as JSON.
    pub fn json(&self, path: &str) -> serde_json::Value {
        let reply = self.get(path).unwrap_or_else(|| panic!("no answer to GET {path}"));
        serde_json::from_str(&reply.body).unwrap_or_else(|e| panic!("{path}: {e}: {}", reply.body))
    }

    /// The last log entry that its databases have.
    pub fn applied_index(&self) -> u64 {
        self.json("/status?key=store.raft.applied_index").as_u64().unwrap()
    }

    /// The last log entry that it has no more.
    pub fn purged_index(&self) -> u64 {
        self.json("/status?key=store.raft.purged_index").as_u64().unwrap()
    }

    /// The body of a POST as JSON.
    pub fn execute(&self, path: &str, body: &serde_json::Value) -> serde_json::Value {
        let reply = self
            .post(path, &body.to_string())
            .unwrap_or_else(|| panic!("no answer to POST {path}"));
        serde_json::from_str(&reply.body).unwrap_or_else(|e| panic!("{path}: {e}: {}", reply.body))
    }

    /// A connection by tokio-postgres.
    pub async fn connect(&self) -> tokio_postgres::Client {
        self.try_connect("").await.unwrap()
    }

    pub async fn try_connect(
        &self,
        more: &str,
    ) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
        let target =
            format!("host=127.0.0.1 port={} user=postgres connect_timeout=5 {more}", self.pg);
        let (client, connection) = tokio_postgres::connect(&target, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal by name.
pub fn signal(pid: u32, name: &str) {
    let status =
        Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap();
    assert!(status.success(), "kill -{name} {pid}");
}

/// An HTTP reply.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: String,
}

/// One HTTP/1.0 request (the reply then ends with the connection). `None` if there is no answer.
pub fn request(port: u16, method: &str, path: &str, body: Option<&str>) -> Option<Reply> {
    request_with(port, method, path, "", body)
}

/// As [`request`], with more header lines, each with its end.
pub fn request_with(
    port: u16,
    method: &str,
    path: &str,
    headers: &str,
    body: Option<&str>,
) -> Option<Reply> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let body = body.unwrap_or_default();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
    .ok()?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).ok()?;
    let reply = String::from_utf8(reply).ok()?;
    let (head, body) = reply.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Reply { status, body: body.to_owned() })
}

/// Some nodes, the first of which the others join.
pub struct Cluster {
    pub nodes: Vec<Node>,
    pub root: TempDir,
}

impl Cluster {
    pub fn start(count: usize) -> Self {
        Self::start_with(count, &[])
    }

    pub fn start_with(count: usize, options: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut cluster = Self { nodes: Vec::new(), root };
        for _ in 0..count {
            cluster.add(options);
        }
        cluster
    }

    /// Three nodes, the data of each in a directory of its own that is there already.
    pub fn start_in(root: TempDir, places: &[PathBuf]) -> Self {
        let mut cluster = Self { nodes: Vec::new(), root };
        for place in places {
            let at = cluster.prepare(&[]);
            cluster.nodes[at].dir.clone_from(place);
            cluster.nodes[at].start();
            cluster.nodes[at].wait_ready();
        }
        cluster
    }

    /// Adds a node and waits until it is ready.
    pub fn add(&mut self, options: &[&str]) {
        let place = self.add_without_waiting(options);
        self.nodes[place].wait_ready();
    }

    /// Adds a node. Returns its place.
    pub fn add_without_waiting(&mut self, options: &[&str]) -> usize {
        let place = self.prepare(options);
        self.nodes[place].start();
        place
    }

    /// Starts a new node, under a name that nobody had, in the place of one that was removed; it joins
    /// by `helper`.
    pub fn replace(&mut self, place: usize, helper: usize) {
        self.put_new(place, helper, &[]);
        self.nodes[place].start();
    }

    /// The same, but doesn't start it yet.
    pub fn put_new(&mut self, place: usize, helper: usize, options: &[&str]) {
        static REPLACED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(100);
        let name = REPLACED.fetch_add(1, Ordering::Relaxed).to_string();
        let join = format!("127.0.0.1:{}", self.nodes[helper].raft);
        let options = [&["--join", join.as_str()], options].concat();
        self.nodes[place] = Node::new(self.root.path(), &name, &options);
    }

    /// Adds a node that isn't started. Returns its place.
    pub fn prepare(&mut self, options: &[&str]) -> usize {
        let name = (self.nodes.len() + 1).to_string();
        let join = self.nodes.first().map(|first| format!("127.0.0.1:{}", first.raft));
        let mut options = options.to_vec();
        if let Some(join) = &join {
            options.extend(["--join", join]);
        }
        self.nodes.push(Node::new(self.root.path(), &name, &options));
        self.nodes.len() - 1
    }

    /// The leader's place, as the running nodes see it.
    pub fn find_leader(&self) -> Option<usize> {
        let running = self.nodes.iter().filter(|node| node.is_running());
        for node in running {
            let Some(reply) = node.get("/nodes?ver=2&timeout=1s") else { continue };
            let Ok(members) = serde_json::from_str::<serde_json::Value>(&reply.body) else {
                continue;
            };
            let leader = members["nodes"].as_array().into_iter().flatten().find(|member| {
                member["leader"].as_bool() == Some(true)
                    && member["reachable"].as_bool() == Some(true)
            });
            let name = leader.and_then(|member| member["id"].as_str());
            let place = self.nodes.iter().position(|node| Some(node.name.as_str()) == name);
            if place.is_some_and(|place| self.nodes[place].is_running()) {
                return place;
            }
        }
        None
    }

    pub fn leader(&self) -> usize {
        wait_for("a leader", || self.find_leader())
    }

    /// What each node knows and has said last, for whoever looks for the reason of a failure.
    pub fn standing(&self) -> String {
        self.nodes.iter().map(Node::standing).collect()
    }

    /// A running node that doesn't lead.
    pub fn follower(&self) -> usize {
        let leader = self.leader();
        (0..self.nodes.len())
            .find(|&place| place != leader && self.nodes[place].is_running())
            .unwrap()
    }

    /// Waits until every node has applied the same, stops them and compares their database files byte
    /// for byte.
    pub fn stop_and_compare(&mut self) {
        wait_for("all nodes to have applied the same", || {
            let first = self.nodes[0].applied_index();
            self.nodes.iter().all(|node| node.applied_index() == first).then_some(())
        });
        // The last one can't hand over leadership, which is no fault.
        for node in &mut self.nodes {
            node.stop();
        }
        let files: Vec<Vec<u8>> = self
            .nodes
            .iter()
            .map(|node| std::fs::read(node.dir.join("db.sqlite")).unwrap())
            .collect();
        for (node, file) in self.nodes.iter().zip(&files).skip(1) {
            let differs = files[0].chunks(4096).zip(file.chunks(4096)).position(|(a, b)| a != b);
            assert!(
                files[0] == *file,
                "node {} has {} bytes, node {} {}; first other page {:?}",
                self.nodes[0].name,
                files[0].len(),
                node.name,
                file.len(),
                differs.map(|page| page + 1)
            );
        }
    }
}

/// Waits until `condition` gives something.
pub fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited for {what} in vain");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Some durations, in order.
pub struct Spread(Vec<Duration>);

impl Spread {
    pub fn new(mut durations: Vec<Duration>) -> Self {
        durations.sort();
        Self(durations)
    }

    /// What so many percent of them don't exceed.
    pub fn at(&self, percent: usize) -> Duration {
        let place = (self.0.len() * percent).div_ceil(100).max(1) - 1;
        self.0.get(place).copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [p50, p90, p99, max] = [50, 90, 99, 100].map(|percent| self.at(percent).as_millis());
        write!(f, "p50 {p50} ms, p90 {p90} ms, p99 {p99} ms, max {max} ms")
    }
}

/// A number from the environment, to run longer than by default.
pub fn from_env(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// A generator that needs no library: xorshift64*. The seed is not 0.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }
}

/// Runs psql as the user postgres, in its plain way: no settings of a user's own, none of the environment. `target` is
/// a connection string without the user.
pub fn psql(target: &str, arguments: &[&str]) -> std::process::Output {
    Command::new("psql")
        .args(["-X", "-q", "-d", &format!("{target} user=postgres")])
        .args(arguments)
        .env("PGOPTIONS", "")
        .output()
        .unwrap()
}

/// Whether a program that a test drives is installed. Without it the test is skipped on a
/// developer's machine, and fails in CI.
pub fn has_program(program: &str) -> bool {
    let found =
        Command::new(program).arg("--version").output().is_ok_and(|out| out.status.success());
    assert!(found || std::env::var("CI").is_err(), "{program} is not installed");
    if !found {
        eprintln!("SKIPPED: {program} is not installed");
    }
    found
}

/// Where a plan puts copies in the S3 server of the environment (`docs/testing.md`); `None`, with a word about
/// that, if there is none.
pub fn object_store(path: &str) -> Option<serde_json::Value> {
    let variable = |name: &str| std::env::var(format!("EIDER_S3_{name}")).ok();
    let Some(endpoint) = variable("ENDPOINT") else {
        eprintln!("SKIPPED: EIDER_S3_ENDPOINT names no S3 server");
        return None;
    };
    let bucket = variable("BUCKET").expect("EIDER_S3_BUCKET is set");
    Some(serde_json::json!({
        "type": "s3", "sub": {
            "endpoint": endpoint, "region": "us-east-1", "access_key_id": "$EIDER_S3_KEY",
            "secret_access_key": "${EIDER_S3_SECRET}", "bucket": bucket, "force_path_style": true,
            "path": path
        }
    }))
}
