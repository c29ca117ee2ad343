//! Real clients: packages from their registries against the built binary. A client has a folder of
//! its own beside this one, with a locked manifest and a program that prints a line for each case:
//! `case NAME ok`, or `case NAME failed WHY`. [`USAGE`] has the ways to run it.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    missing_debug_implementations,
    reason = "these are tests: they fail by panicking, run on real time and are nobody's interface"
)]

mod browser;
mod environment;
mod status;
#[path = "../cluster/support.rs"]
#[allow(dead_code, reason = "the tests of clusters use more of it")]
mod support;
#[path = "../differential/wire.rs"]
#[allow(dead_code, reason = "the oracle uses more of it")]
mod wire;

use std::collections::BTreeMap;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use environment::Toolchain;
use support::Cluster;
use wire::Connection;

const USAGE: &str = "\
cargo test --test compat [-- [CLIENT...] [--oracle] [--rewrite]]

Runs the cases of the clients whose names begin so (all, without any) against a cluster of three nodes, once at
its leader and once at a follower, and holds the outcome against compat-tests/status.toml.

  --oracle    against the PostgreSQL 15 at $EIDER_ORACLE (HOST:PORT), where all must pass
  --rewrite   make status.toml, and the table in docs/compatibility.md, say what holds now
";

const CLIENTS: &[(&str, Toolchain)] = &[
    ("activerecord", Toolchain::Ruby),
    ("asyncpg", Toolchain::Python),
    ("bun", Toolchain::Go),
    ("console", Toolchain::Browser),
    ("diesel", Toolchain::Rust),
    ("django", Toolchain::Python),
    ("doctrine", Toolchain::Php),
    ("drizzle", Toolchain::Node),
    ("gorm", Toolchain::Go),
    ("haproxy", Toolchain::Program("haproxy", "-v")),
    ("hibernate", Toolchain::Java),
    ("jooq", Toolchain::Java),
    ("knex", Toolchain::Node),
    ("lib-pq", Toolchain::Go),
    ("libpq", Toolchain::C),
    ("node-postgres", Toolchain::Node),
    ("peewee", Toolchain::Python),
    ("pg8000", Toolchain::Python),
    ("pgbouncer", Toolchain::Program("pgbouncer", "--version")),
    ("pgcli", Toolchain::Python),
    ("pgjdbc", Toolchain::Java),
    ("pgx", Toolchain::Go),
    ("postgres.js", Toolchain::Node),
    ("prisma", Toolchain::Node),
    ("psycopg", Toolchain::Python),
    ("psycopg2", Toolchain::Python),
    ("r2dbc", Toolchain::Java),
    ("sea-orm", Toolchain::Rust),
    ("sequelize", Toolchain::Node),
    ("sqlalchemy", Toolchain::Python),
    ("sqlx", Toolchain::Rust),
    ("tokio-postgres", Toolchain::Rust),
    ("typeorm", Toolchain::Node),
];

/// How long all cases of one client may take. It takes seconds; on a machine that compiles beside it, minutes.
const PATIENCE: Duration = Duration::from_mins(6);

/// Characters of a case's reason that are kept: object mappers add the whole statement.
const WHY_MAX: usize = 160;

/// Whether a client's toolchain is there. In CI it has to be.
fn is_there(toolchain: Toolchain) -> bool {
    let (program, question) = toolchain.program();
    let found = Command::new(program).arg(question).output().is_ok_and(|o| o.status.success());
    assert!(found || std::env::var("CI").is_err(), "{program} is not installed");
    found
}

/// Makes an empty database for a client.
fn renew(address: &str, database: &str) {
    let mut admin = Connection::open(address, "postgres").unwrap();
    for sql in [
        format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"),
        format!("CREATE DATABASE {database}"),
    ] {
        let answer = admin.simple(&sql, None).unwrap();
        assert!(answer.error().is_none(), "{sql}: {answer:?}");
    }
}

/// Outcomes by case; `None` is a pass.
type Outcomes = BTreeMap<String, Option<String>>;

/// Where the cases of a client run.
struct Place<'a> {
    name: &'static str,
    /// HOST:PORT of the node that is connected to.
    address: &'a str,
    /// The same of all nodes, with commas between them.
    all: &'a str,
    leader: &'a str,
    /// The HTTP addresses of all nodes, in the same order.
    http: &'a str,
}

fn play(client: &str, mut command: Command, place: &Place<'_>) -> Result<Outcomes, String> {
    let database = format!("compat_{}", client.replace(['-', '.'], "_"));
    renew(place.address, &database);
    let (host, port) = place.address.rsplit_once(':').expect("HOST:PORT");
    command
        .envs([("PGHOST", host), ("PGPORT", port), ("PGUSER", "postgres")])
        .env("PGDATABASE", &database)
        .envs([("EIDER_HOSTS", place.all), ("EIDER_LEADER", place.leader)])
        .env("EIDER_HTTP", place.http)
        .env("PGSSLMODE", "disable");
    watch(command, PATIENCE)
}

/// Runs a client's program, and reads what it says of its cases.
fn watch(mut command: Command, patience: Duration) -> Result<Outcomes, String> {
    let out = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    let file = out.reopen().map_err(|error| error.to_string())?;
    let mut child = command
        .env("TZ", "UTC")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(file.try_clone().map_err(|error| error.to_string())?)
        .stderr(file)
        .spawn()
        .map_err(|error| error.to_string())?;
    let deadline = Instant::now() + patience;
    let ended = loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            break status.success();
        }
        if Instant::now() > deadline {
            child.kill().map_err(|error| error.to_string())?;
            break child.wait().is_ok_and(|status| status.success());
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let text = std::fs::read_to_string(out.path()).map_err(|error| error.to_string())?;
    let mut outcomes = Outcomes::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("case ")) {
        let (case, rest) = line.split_once(' ').unwrap_or((line, ""));
        let why = (rest != "ok").then(|| rest.trim_start_matches("failed "));
        let why = why.map(|why| why.chars().take(WHY_MAX).collect());
        outcomes.insert(case.to_owned(), why);
    }
    // A client that hangs or breaks has a case more, which says so.
    if !ended || outcomes.is_empty() {
        let tail: Vec<_> = text.lines().rev().take(3).collect();
        outcomes.insert("all_run".into(), Some(format!("no end; last: {}", tail.join(" / "))));
    }
    Ok(outcomes)
}

/// The cases that failed, with reasons; those that failed only at a follower say so.
fn failing(at_leader: &Outcomes, at_follower: Option<&Outcomes>) -> BTreeMap<String, String> {
    let failed = |outcomes: &Outcomes| -> Vec<(String, String)> {
        let failed = outcomes.iter().filter_map(|(case, why)| Some((case.clone(), why.clone()?)));
        failed.collect()
    };
    let mut all: BTreeMap<String, String> = failed(at_leader).into_iter().collect();
    for (case, why) in at_follower.map(failed).unwrap_or_default() {
        all.entry(case).or_insert_with(|| format!("at a follower: {why}"));
    }
    all
}

/// What isn't as the list says.
fn judge(client: &str, outcomes: &Outcomes, listed: &BTreeMap<String, String>) -> Vec<String> {
    let complaint = |(case, outcome): (&String, &Option<String>)| match (outcome, listed.get(case))
    {
        (Some(why), None) => Some(format!("{client} {case}: {why}")),
        (None, Some(_)) => {
            Some(format!("{client} {case}: passes now; --rewrite takes it off the list"))
        }
        _ => None,
    };
    let mut complaints: Vec<_> = outcomes.iter().filter_map(complaint).collect();
    let gone = listed.keys().filter(|case| !outcomes.contains_key(*case));
    complaints.extend(gone.map(|case| format!("{client} {case}: is listed, and didn't run")));
    complaints
}

/// How many cases there are, and how many pass.
fn count(outcomes: &Outcomes) -> (usize, usize) {
    (outcomes.len(), outcomes.values().filter(|outcome| outcome.is_none()).count())
}

/// What the clients connect to.
enum Servers {
    Oracle(String),
    Cluster(Cluster),
}

impl Servers {
    fn start(on_oracle: bool) -> Result<Self, String> {
        if on_oracle {
            let address = std::env::var("EIDER_ORACLE").map_err(|_| USAGE.to_owned())?;
            return Ok(Self::Oracle(address));
        }
        Ok(Self::Cluster(Cluster::start(3)))
    }

    fn leader(&self) -> String {
        match self {
            Self::Oracle(address) => address.clone(),
            Self::Cluster(cluster) => format!("127.0.0.1:{}", cluster.nodes[cluster.leader()].pg),
        }
    }

    fn all(&self) -> String {
        match self {
            Self::Oracle(address) => address.clone(),
            Self::Cluster(cluster) => {
                let addresses = cluster.nodes.iter().map(|node| format!("127.0.0.1:{}", node.pg));
                addresses.collect::<Vec<_>>().join(",")
            }
        }
    }

    fn http(&self) -> String {
        match self {
            Self::Oracle(_) => String::new(),
            Self::Cluster(cluster) => {
                let addresses = cluster.nodes.iter().map(|node| format!("127.0.0.1:{}", node.http));
                addresses.collect::<Vec<_>>().join(",")
            }
        }
    }

    fn places(&self, leader: &str) -> Vec<(&'static str, String)> {
        match self {
            Self::Oracle(address) => vec![("", address.clone())],
            Self::Cluster(cluster) => vec![
                ("at the leader", leader.to_owned()),
                ("at a follower", format!("127.0.0.1:{}", cluster.nodes[cluster.follower()].pg)),
            ],
        }
    }
}

/// Runs a client's cases at each place that there is, or on a browser's own stage.
fn play_all(
    client: &str,
    toolchain: Toolchain,
    servers: &Servers,
) -> Result<Vec<Outcomes>, String> {
    let say = |outcomes: &Outcomes, place: &str| {
        let (all, passed) = count(outcomes);
        println!("{client:16} {passed:3} of {all} pass {place}");
    };
    if toolchain == Toolchain::Browser {
        let stage = browser::Stage::start();
        let mut command = environment::command(client, toolchain);
        command.envs(stage.environment());
        let outcomes = watch(command, PATIENCE)?;
        say(&outcomes, "");
        return Ok(vec![outcomes]);
    }
    let (leader, all, http) = (servers.leader(), servers.all(), servers.http());
    let mut played = Vec::new();
    for (name, address) in servers.places(&leader) {
        let place = Place { name, address: &address, all: &all, leader: &leader, http: &http };
        let outcomes = play(client, environment::command(client, toolchain), &place)?;
        say(&outcomes, place.name);
        played.push(outcomes);
    }
    Ok(played)
}

fn run(clients: &[String], on_oracle: bool, rewrite: bool) -> Result<bool, String> {
    let chosen = |name: &str| clients.is_empty() || clients.iter().any(|c| name.starts_with(c));
    let chosen: Vec<_> = CLIENTS.iter().filter(|(name, _)| chosen(name)).collect();
    if chosen.is_empty() {
        return Ok(true);
    }
    let servers = Servers::start(on_oracle)?;
    let mut listed = if on_oracle { status::Failing::new() } else { status::read() };
    let (mut complaints, mut counts) = (Vec::new(), BTreeMap::new());
    for (client, toolchain) in chosen {
        if on_oracle && (*toolchain == Toolchain::Browser || *client == "haproxy") {
            continue; // They are for what PostgreSQL doesn't have.
        }
        if !is_there(*toolchain) {
            println!("SKIPPED: {client}: {} is not installed", toolchain.program().0);
            continue;
        }
        let played = match environment::prepare(client, *toolchain) {
            Ok(()) => play_all(client, *toolchain, &servers)?,
            Err(why) if std::env::var("CI").is_err() => {
                println!("SKIPPED: {client}: no environment: {why}");
                continue;
            }
            Err(why) => return Err(format!("{client}: no environment: {why}")),
        };
        let failed = failing(&played[0], played.get(1));
        let cases = played.iter().flat_map(Outcomes::keys);
        let outcomes: Outcomes =
            cases.map(|case| (case.clone(), failed.get(case).cloned())).collect();
        counts.insert((*client).to_owned(), played.iter().map(count).collect());
        let known = listed.entry((*client).to_owned()).or_default();
        complaints.extend(judge(client, &outcomes, known));
        *known = failed;
    }
    for complaint in &complaints {
        println!("{complaint}");
    }
    if rewrite && !on_oracle {
        status::write(&listed).map_err(|error| error.to_string())?;
        if counts.len() == CLIENTS.len() {
            status::write_table(&counts).map_err(|error| error.to_string())?;
        }
        return Ok(true);
    }
    Ok(complaints.is_empty())
}

fn main() -> ExitCode {
    let (mut clients, mut on_oracle, mut rewrite) = (Vec::new(), false, false);
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--oracle" => on_oracle = true,
            "--rewrite" => rewrite = true,
            "--nocapture" | "--quiet" | "-q" => {}
            threads if threads.starts_with("--test-threads=") => {}
            flag if flag.starts_with('-') => {
                eprintln!("unknown {flag}\n\n{USAGE}");
                return ExitCode::FAILURE;
            }
            client => clients.push(client.to_owned()),
        }
    }
    match run(&clients, on_oracle, rewrite) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
