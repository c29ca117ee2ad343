//! The `eider` commands other than `serve`: shell, backup, restore, verify, status, nodes,
//! remove, transfer-leader, demo.
//!
//! All but `demo` talk to a node over HTTP. Results go to standard output, problems to standard
//! error with an exit status of 1.

mod arguments;
mod cluster;
mod connection;
mod copy;
mod demo;
mod history;
mod shell;
mod table;
mod terminal;

use std::process::ExitCode;

use crate::command::arguments::Arguments;
use crate::command::terminal::{Closed, complain, print};
use crate::config::{Stop, Syntax};

/// Why a command ended early.
#[derive(Debug, Clone, PartialEq)]
enum Problem {
    /// For standard error.
    Text(String),
    /// Nobody reads the output any more.
    Closed,
}

impl From<String> for Problem {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Closed> for Problem {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

/// A command: how it is called, and what it does.
struct Command {
    name: &'static str,
    syntax: &'static Syntax,
    run: fn(&Arguments) -> Result<ExitCode, Problem>,
}

const COMMANDS: &[Command] = &[
    Command { name: "shell", syntax: &shell::SYNTAX, run: shell::run },
    Command { name: "backup", syntax: &copy::BACKUP, run: copy::backup },
    Command { name: "restore", syntax: &copy::RESTORE, run: copy::restore },
    Command { name: "status", syntax: &cluster::STATUS, run: cluster::status },
    Command { name: "nodes", syntax: &cluster::NODES, run: cluster::nodes },
    Command { name: "verify", syntax: &cluster::VERIFY, run: cluster::verify },
    Command { name: "remove", syntax: &cluster::REMOVE, run: cluster::remove },
    Command {
        name: "transfer-leader",
        syntax: &cluster::TRANSFER_LEADER,
        run: cluster::transfer_leader,
    },
    Command { name: "demo", syntax: &demo::SYNTAX, run: demo::run },
];

/// The commands' names, each with a line about it, for the program's own help.
pub fn summaries() -> Vec<(&'static str, &'static str)> {
    let first_line = |text: &'static str| text.lines().next().unwrap_or_default();
    COMMANDS.iter().map(|command| (command.name, first_line(command.syntax.about))).collect()
}

/// Runs the command called `name` with what follows it on the command line.
pub fn run(name: &str, arguments: &[String]) -> ExitCode {
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        let names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
        complain(&format!("eider: unknown command {name:?}. Commands: {}", names.join(", ")));
        return ExitCode::FAILURE;
    };
    let ended = match Arguments::parse(command.syntax, arguments) {
        Ok(arguments) => (command.run)(&arguments),
        Err(Stop::Print(text)) => print(&text).map(|()| ExitCode::SUCCESS).map_err(Problem::from),
        Err(Stop::Wrong(text)) => Err(Problem::Text(text)),
    };
    match ended {
        Ok(code) => code,
        Err(Problem::Closed) => ExitCode::SUCCESS,
        Err(Problem::Text(text)) => {
            complain(&format!("eider {name}: {text}"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_commands_and_options_are_refused() {
        assert_eq!(run("nonsense", &[]), ExitCode::FAILURE);
        assert_eq!(run("status", &["--nonsense".to_owned()]), ExitCode::FAILURE);
        assert_eq!(run("remove", &[]), ExitCode::FAILURE);
    }

    #[test]
    fn every_command_has_a_line_about_it() {
        for (name, about) in summaries() {
            assert!(!name.is_empty() && about.ends_with('.'), "{name}");
        }
    }
}
