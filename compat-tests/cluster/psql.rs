//! psql's backslash commands over a sample schema, against a running node: the same output as
//! PostgreSQL 15's, which is recorded in `psql/answers.txt`.
//!
//! `EIDER_ORACLE=HOST:PORT` records the answers anew, in a database of its own there.

use std::path::PathBuf;

use crate::support::{self, Cluster, has_program};

const SCHEMA: &str = include_str!("psql/schema.sql");
const ANSWERS: &str = include_str!("psql/answers.txt");
/// Begins a command's answer in the file.
const MARK: &str = "##### ";
/// Commands whose answer is another one still, each with why. May only shrink: one that has become
/// equal fails the test.
const KNOWN: &str = include_str!("psql/known.txt");

/// What psql shows for a command.
fn psql(host: &str, port: u16, database: &str, arguments: &[&str]) -> String {
    let output = support::psql(&format!("host={host} port={port} dbname={database}"), arguments);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    shown + &String::from_utf8_lossy(&output.stderr)
}

/// The commands of the file with their answers.
fn answers() -> impl Iterator<Item = (&'static str, &'static str)> {
    ANSWERS.split(MARK).skip(1).filter_map(|section| section.split_once('\n'))
}

fn record(oracle: &str) {
    let (host, port) = oracle.split_once(':').unwrap();
    let port = port.parse().unwrap();
    let name = format!("eider_psql_{}", std::process::id());
    psql(host, port, "postgres", &["-c", &format!("CREATE DATABASE {name}")]);
    psql(host, port, &name, &["-c", SCHEMA]);
    let mut text = String::new();
    for (command, _) in answers() {
        let shown = psql(host, port, &name, &["-c", command]).replace(&name, "postgres");
        text = text + MARK + command + "\n" + &shown;
    }
    psql(host, port, "postgres", &["-c", &format!("DROP DATABASE {name}")]);
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("compat-tests/cluster/psql/answers.txt");
    std::fs::write(path, text).unwrap();
}

#[test]
fn backslash_commands_show_what_they_show_of_postgresql() {
    if !has_program("psql") {
        return;
    }
    if let Ok(oracle) = std::env::var("EIDER_ORACLE") {
        return record(&oracle);
    }
    let mut cluster = Cluster::start(3);
    let follower = cluster.follower();
    let port = cluster.nodes[follower].pg;
    let made = psql("127.0.0.1", port, "postgres", &["-v", "ON_ERROR_STOP=1", "-c", SCHEMA]);
    assert_eq!(made, "");
    let known = |command: &str| {
        KNOWN.lines().any(|line| line.split_once(" # ").is_some_and(|(name, _)| name == command))
    };
    let (mut equal, mut wrong) = (0, Vec::new());
    for (command, expected) in answers() {
        let shown = psql("127.0.0.1", port, "postgres", &["-c", command]);
        match (shown == expected, known(command)) {
            (true, false) => equal += 1,
            (false, true) => {}
            (true, true) => wrong.push(format!("{command} is equal now: take it off known.txt")),
            (false, false) => wrong.push(format!("{command}:\n{shown}\ninstead of\n{expected}")),
        }
    }
    println!("{equal} of {} commands are equal", answers().count());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    cluster.stop_and_compare();
}
