//! The oracle: the same statements to Eider and to PostgreSQL 15, and every difference in what they
//! answer: rows, columns' names and types, command tags, SQLSTATEs, messages, positions, notices.
//!
//! Scripts by feature area lie in `scripts/`, PostgreSQL's answers to them in `answers/`, and the list of
//! known differences in `known.txt`. [`USAGE`] has the ways to run it.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    missing_debug_implementations,
    reason = "these are tests: they fail by panicking, run on real time and are nobody's interface"
)]

mod answer;
mod captures;
mod generate;
mod known;
mod play;
mod psql_script;
mod recorded;
mod regression;
mod script;
mod scripts;
mod sqllogictest;
#[path = "../cluster/support.rs"]
#[allow(dead_code, reason = "the tests of clusters use more of it")]
mod support;
mod wire;

use std::process::ExitCode;

use play::Server;
use support::Cluster;

const USAGE: &str = "\
cargo test --test differential [-- [AREA...] [OPTION...]]

Plays scripts/AREA.sql to a node of Eider and compares with PostgreSQL's recorded answers.
An AREA is a part of a script's name; without any, all are played.

  --show        print every difference in full, also the known ones
  --live        compare with the PostgreSQL at $EIDER_ORACLE instead of the recorded answers
  --record      record the answers of the PostgreSQL at $EIDER_ORACLE anew (run nothing else)
  --rewrite     make known.txt say what holds now; refused if it would grow
  --grow        with --rewrite: let it grow, for new statements
  --list        the areas

Other runs, which need more than the tree has:

  --captures       the statements in the files $EIDER_CAPTURES (PATH[:PATH]), beside the PostgreSQL at
                   $EIDER_ORACLE; with --show, every difference
  --sqllogictest   the corpus at $EIDER_SQLLOGICTEST; with --live, records that PostgreSQL fails don't count
  --regression     PostgreSQL's own regression scripts at $EIDER_REGRESSION (src/test/regress of its source), by
                   statement, beside the PostgreSQL at $EIDER_ORACLE; an AREA is a script's name here
  --generate       random queries beside the PostgreSQL at $EIDER_ORACLE, for $EIDER_SECONDS (60), from
                   $EIDER_SEED (0) on; each difference is made small and printed

$EIDER_ORACLE is HOST:PORT of a PostgreSQL 15 that lets in the user postgres.
$EIDER_SERVER is HOST:PORT of a running Eider to be used, instead of a node of its own.
";

const FLAGS: &[&str] = &[
    "--show",
    "--live",
    "--record",
    "--rewrite",
    "--grow",
    "--list",
    "--captures",
    "--sqllogictest",
    "--generate",
    "--regression",
];
/// What `cargo test` may hand to all targets.
const IGNORED: &[&str] = &["--nocapture", "--no-capture", "--quiet", "-q"];

/// What the command line asks for.
#[derive(Debug, Default)]
pub struct Options {
    /// Parts of scripts' names.
    pub areas: Vec<String>,
    flags: Vec<String>,
}

impl Options {
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        for argument in arguments {
            if FLAGS.contains(&argument.as_str()) {
                options.flags.push(argument);
            } else if !argument.starts_with('-') {
                options.areas.push(argument);
            } else if !IGNORED.contains(&argument.as_str())
                && !argument.starts_with("--test-threads=")
            {
                return Err(format!("unknown {argument}\n\n{USAGE}"));
            }
        }
        Ok(options)
    }

    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|given| given == flag)
    }
}

/// The PostgreSQL to ask.
pub fn oracle() -> Result<Server, String> {
    let address = std::env::var("EIDER_ORACLE")
        .map_err(|_| "EIDER_ORACLE has to be HOST:PORT of a PostgreSQL 15".to_owned())?;
    Ok(Server { address, is_oracle: true })
}

/// The Eider to ask, and what keeps it running.
pub fn eider() -> (Server, Option<Cluster>) {
    if let Ok(address) = std::env::var("EIDER_SERVER") {
        return (Server { address, is_oracle: false }, None);
    }
    let cluster = Cluster::start(1);
    let address = format!("127.0.0.1:{}", cluster.nodes[0].pg);
    (Server { address, is_oracle: false }, Some(cluster))
}

fn main() -> ExitCode {
    let outcome = Options::parse(std::env::args().skip(1)).and_then(|options| {
        if options.has("--captures") {
            captures::run(options.has("--show"))
        } else if options.has("--sqllogictest") {
            sqllogictest::run(options.has("--live"))
        } else if options.has("--regression") {
            regression::run(&options)
        } else if options.has("--generate") {
            generate::run()
        } else {
            scripts::run(&options)
        }
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
