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

Runs the cases of the clients whose names begin so (all, without any) against a node of Eider, and holds
the outcome against compat-tests/status.toml.

  --oracle    against the PostgreSQL 15 at $EIDER_ORACLE (HOST:PORT), where all must pass
  --rewrite   make status.toml, and the table in docs/compatibility.md, say what holds now
";

const CLIENTS: &[(&str, Toolchain)] = &[
    ("asyncpg", Toolchain::Python),
    ("django", Toolchain::Python),
    ("gorm", Toolchain::Go),
    ("knex", Toolchain::Node),
    ("lib-pq", Toolchain::Go),
    ("libpq", Toolchain::C),
    ("node-postgres", Toolchain::Node),
    ("peewee", Toolchain::Python),
    ("pg8000", Toolchain::Python),
    ("pgjdbc", Toolchain::Java),
    ("pgx", Toolchain::Go),
    ("postgres.js", Toolchain::Node),
    ("psycopg", Toolchain::Python),
    ("psycopg2", Toolchain::Python),
    ("sequelize", Toolchain::Node),
    ("sqlalchemy", Toolchain::Python),
    ("typeorm", Toolchain::Node),
];

/// How long all cases of one client may take.
const PATIENCE: Duration = Duration::from_mins(1);

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

fn play(client: &str, mut command: Command, address: &str) -> Result<Outcomes, String> {
    let database = format!("compat_{}", client.replace(['-', '.'], "_"));
    renew(address, &database);
    let (host, port) = address.rsplit_once(':').expect("HOST:PORT");
    let out = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    let file = out.reopen().map_err(|error| error.to_string())?;
    let mut child = command
        .envs([("PGHOST", host), ("PGPORT", port), ("PGUSER", "postgres")])
        .env("PGDATABASE", &database)
        .env("PGSSLMODE", "disable")
        .env("TZ", "UTC")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(file.try_clone().map_err(|error| error.to_string())?)
        .stderr(file)
        .spawn()
        .map_err(|error| error.to_string())?;
    let deadline = Instant::now() + PATIENCE;
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

fn run(clients: &[String], on_oracle: bool, rewrite: bool) -> Result<bool, String> {
    let chosen = |name: &str| clients.is_empty() || clients.iter().any(|c| name.starts_with(c));
    let chosen: Vec<_> = CLIENTS.iter().filter(|(name, _)| chosen(name)).collect();
    if chosen.is_empty() {
        return Ok(true);
    }
    let (address, _running) = if on_oracle {
        let address = std::env::var("EIDER_ORACLE").map_err(|_| USAGE.to_owned())?;
        (address, None)
    } else {
        let cluster = Cluster::start(1);
        (format!("127.0.0.1:{}", cluster.nodes[0].pg), Some(cluster))
    };
    let mut listed = if on_oracle { status::Failing::new() } else { status::read() };
    let (mut complaints, mut counts) = (Vec::new(), BTreeMap::new());
    for (client, toolchain) in chosen {
        if !is_there(*toolchain) {
            println!("SKIPPED: {client}: {} is not installed", toolchain.program().0);
            continue;
        }
        let outcomes = match environment::prepare(client, *toolchain) {
            Ok(command) => play(client, command, &address)?,
            Err(why) if std::env::var("CI").is_err() => {
                println!("SKIPPED: {client}: no environment: {why}");
                continue;
            }
            Err(why) => return Err(format!("{client}: no environment: {why}")),
        };
        let passed = outcomes.values().filter(|outcome| outcome.is_none()).count();
        println!("{client:16} {passed:3} of {} pass", outcomes.len());
        counts.insert((*client).to_owned(), (outcomes.len(), passed));
        let known = listed.entry((*client).to_owned()).or_default();
        complaints.extend(judge(client, &outcomes, known));
        *known = outcomes.into_iter().filter_map(|(case, why)| Some((case, why?))).collect();
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
