//! The `eider` command: `serve` runs a node, the others talk to one.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use eider::config::{self, Stop};

fn main() -> ExitCode {
    let arguments: Result<Vec<String>, _> =
        std::env::args_os().skip(1).map(std::ffi::OsString::into_string).collect();
    let Ok(arguments) = arguments else {
        return complain("an argument is not UTF-8");
    };
    let Some((command, rest)) = arguments.split_first() else {
        print(&overview());
        return ExitCode::FAILURE;
    };
    match command.trim_start_matches('-') {
        "serve" if !command.starts_with('-') => serve(rest),
        "help" | "h" => print(&overview()),
        "version" => print(&config::version()),
        _ if command.starts_with('-') => {
            complain(&format!("to run a node: eider serve {}", arguments.join(" ")))
        }
        name => eider::command::run(name, rest),
    }
}

fn serve(arguments: &[String]) -> ExitCode {
    match config::parse_serve(arguments) {
        Ok(config) => eider::server::run(config),
        Err(Stop::Print(text)) => print(&text),
        Err(Stop::Wrong(text)) => complain(&text),
    }
}

fn overview() -> String {
    let mut text = String::from(
        "Eider: PostgreSQL clients and HTTP in front, SQLite inside, replicated by Raft.\n\n\
         Usage: eider COMMAND [OPTIONS]\n\n\
         \x20 serve            Runs a node: eider serve DATA_DIR\n",
    );
    for (name, about) in eider::command::summaries() {
        let _ = writeln!(text, "  {name:<16} {about}");
    }
    text.push_str("\n'eider COMMAND -help' says more. 'eider version' prints the version.\n");
    text
}

/// Nothing can be done if nobody reads it.
fn print(text: &str) -> ExitCode {
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn complain(text: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "eider: {text}");
    ExitCode::FAILURE
}
