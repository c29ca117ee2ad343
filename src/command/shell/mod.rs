//! `eider shell`: SQL, line by line, over HTTP.
//!
//! Each line is one command: SQL, or a word that begins with a point. SQL goes on in the next line while a
//! quote or a parenthesis is open. From a pipe it reads without
//! a prompt, and its exit status says whether everything succeeded.

mod dot;
mod edit;
mod render;

use std::fs::File;
use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;

use rustyline::error::ReadlineError;
use serde_json::{Value as Json, json};

use crate::client::{Request, percent_encode};
use crate::command::Problem;
use crate::command::arguments::{Arguments, valued};
use crate::command::connection::{Connection, FLAGS};
use crate::command::shell::render::Mode;
use crate::command::terminal::{Closed, complain, print};
use crate::config::Syntax;

pub(crate) const SYNTAX: Syntax = Syntax {
    usage: "eider shell [OPTIONS]",
    about: "Type SQL, see tables.\n\nThe language is SQLite's. '.help' shows what else there is.",
    groups: &[
        FLAGS,
        ("Database", &[valued("db", "NAME", "The database to use; 'postgres' without it.")]),
    ],
    unsupported: &[],
    operands: &[],
    more_operands: false,
};

/// Files that `.read` one another go this deep.
const READ_DEPTH_MAX: usize = 8;

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Problem> {
    let mut shell = Shell {
        connection: Connection::new(arguments)?,
        database: arguments.get("db").map(str::to_owned),
        settings: Settings::default(),
        output: None,
        failed: false,
        read_depth: 0,
    };
    let status = shell.connection.document("/status?key=build.eider_version")?;
    if std::io::stdin().is_terminal() {
        let version = status.as_str().unwrap_or("of another kind");
        let address = shell.connection.address();
        print(&format!(
            "Welcome to the eider shell.\nType .help for help.\n\
             Connected to http://{address} running version {version}\n"
        ))?;
        shell.interactive()?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut pending = String::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| Problem::Text(format!("read standard input: {error}")))?;
        pending.push_str(&line);
        if edit::is_open(&pending) {
            pending.push('\n');
        } else if shell.line(&std::mem::take(&mut pending))? == Flow::End {
            break;
        }
    }
    // What was left open is SQLite's to complain about.
    shell.line(&pending)?;
    Ok(if shell.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Whether the shell goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Flow {
    Continue,
    End,
}

/// What the user has switched.
#[derive(Debug, Clone)]
struct Settings {
    mode: Mode,
    /// `None`: the node's default, `weak`.
    level: Option<&'static str>,
    switches: Vec<&'static str>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { mode: Mode::Column, level: None, switches: Vec::new() }
    }
}

impl Settings {
    fn is_on(&self, switch: &str) -> bool {
        self.switches.contains(&switch)
    }
}

struct Shell {
    connection: Connection,
    database: Option<String>,
    settings: Settings,
    /// Where results go, if not to the screen.
    output: Option<File>,
    /// Whether any command failed.
    failed: bool,
    read_depth: usize,
}

impl Shell {
    fn interactive(&mut self) -> Result<(), Problem> {
        let editor = edit::terminal(self.names());
        let mut editor =
            editor.map_err(|error| Problem::Text(format!("set up the terminal: {error}")))?;
        let history = edit::History::load(&mut editor);
        loop {
            let line = match editor.readline(&format!("{}> ", self.connection.address())) {
                Ok(line) => line,
                Err(ReadlineError::Eof | ReadlineError::Interrupted) => break,
                Err(error) => return Err(format!("read the terminal: {error}").into()),
            };
            if !line.trim().is_empty() {
                // A full history only means that the oldest line goes.
                let _ = editor.add_history_entry(&line);
                history.add(&line);
            }
            if self.line(&line)? == Flow::End {
                break;
            }
        }
        print("bye~\n")?;
        Ok(())
    }

    /// Names of tables and columns, to complete words with.
    fn names(&mut self) -> Vec<String> {
        let sql = "SELECT name FROM pragma_table_list WHERE schema = 'main' \
                   AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_eider\\_%' ESCAPE '\\' \
                   UNION SELECT c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c \
                   WHERE t.type IN ('table', 'view') AND t.name NOT LIKE '\\_eider\\_%' ESCAPE '\\' ORDER BY 1";
        let path = self.path("/db/query", &format!("q={}", percent_encode(sql)));
        // Without an answer nothing is completed but keywords.
        let document = self.connection.document(&path).unwrap_or_default();
        let rows = document.pointer("/results/0/values").and_then(Json::as_array);
        let names = rows.into_iter().flatten().filter_map(|row| row.get(0)?.as_str());
        names.map(str::to_owned).collect()
    }

    /// Runs one line. What goes wrong with it is told and doesn't end the shell.
    fn line(&mut self, line: &str) -> Result<Flow, Closed> {
        let line = line.trim();
        if line.is_empty() {
            return Ok(Flow::Continue);
        }
        if matches!(line.to_ascii_lowercase().as_str(), ".exit" | ".quit" | "exit" | "quit") {
            return Ok(Flow::End);
        }
        let done = if line.starts_with('.') { self.dot_command(line) } else { self.sql(line) };
        match done {
            Ok(()) => Ok(Flow::Continue),
            Err(Problem::Closed) => Err(Closed),
            Err(Problem::Text(text)) => {
                complain(&format!("ERR! {text}"));
                self.failed = true;
                Ok(Flow::Continue)
            }
        }
    }

    /// Runs the lines of a file that aren't empty or comments.
    fn read_file(&mut self, path: &str) -> Result<(), Problem> {
        if self.read_depth == READ_DEPTH_MAX {
            return Err(format!("files .read each other more than {READ_DEPTH_MAX} deep").into());
        }
        let text =
            std::fs::read_to_string(path).map_err(|error| format!("read {path}: {error}"))?;
        self.read_depth += 1;
        let mut pending = String::new();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("--")) {
            pending.push_str(line);
            if edit::is_open(&pending) {
                pending.push('\n');
            } else if self.line(&std::mem::take(&mut pending))? == Flow::End {
                break;
            }
        }
        self.line(&pending)?;
        self.read_depth -= 1;
        Ok(())
    }

    fn sql(&mut self, sql: &str) -> Result<(), Problem> {
        let endpoint =
            if self.settings.is_on("forcewrites") { "/db/execute" } else { "/db/request" };
        let path = self.path(endpoint, "timings");
        let answer = self.connection.ask(&Request::post(path, json!([sql]).to_string()))?;
        let document: Json = serde_json::from_slice(&answer.body)
            .map_err(|error| format!("the answer is not JSON: {error}"))?;
        self.show(&document)
    }

    /// Runs a query that a command stands for.
    fn query(&mut self, sql: &str) -> Result<(), Problem> {
        let path = self.path("/db/query", &format!("timings&q={}", percent_encode(sql)));
        let document = self.connection.document(&path)?;
        self.show(&document)
    }

    /// An endpoint with the parameters that the settings ask for.
    fn path(&self, endpoint: &str, parameters: &str) -> String {
        let mut path = format!("{endpoint}?{parameters}");
        if let Some(level) = self.settings.level {
            path.push_str("&level=");
            path.push_str(level);
        }
        if let Some(database) = &self.database {
            path.push_str("&db=");
            path.push_str(&percent_encode(database));
        }
        if self.settings.is_on("blobarray") {
            path.push_str("&blob_array");
        }
        path
    }

    /// Shows an answer's items.
    fn show(&mut self, document: &Json) -> Result<(), Problem> {
        let results = document.get("results").and_then(Json::as_array);
        let mut failed = false;
        for item in results.into_iter().flatten() {
            if let Some(text) = render::result(item, &self.settings) {
                self.put(&text)?;
            }
            if let Some(error) = item.get("error").and_then(Json::as_str) {
                complain(&format!("Error: {error}"));
                failed = true;
            }
        }
        self.failed |= failed;
        if let Some(error) = document.get("error").and_then(Json::as_str) {
            return Err(error.to_owned().into());
        }
        if self.settings.is_on("timer") && !failed {
            let time = document.get("time").and_then(Json::as_f64).unwrap_or(0.0);
            self.put(&format!("Run Time: {time:.6} seconds\n"))?;
        }
        Ok(())
    }

    /// Writes a result to where results go.
    fn put(&mut self, text: &str) -> Result<(), Problem> {
        match &mut self.output {
            None => Ok(print(text)?),
            Some(file) => file
                .write_all(text.as_bytes())
                .map_err(|error| Problem::Text(format!("write the output file: {error}"))),
        }
    }
}
