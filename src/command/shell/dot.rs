//! The shell's commands that begin with a point.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::client::{Request, percent_encode};
use crate::command::Problem;
use crate::command::cluster::entries;
use crate::command::copy;
use crate::command::shell::Shell;
use crate::command::shell::render::{Mode, indented};
use crate::command::terminal::print;

/// Names with their arguments, and what each does.
pub(super) const HELP: &[(&str, &str)] = &[
    (".backup FILE", "Write a copy of the database to a file"),
    (".blobarray [on|off]", "Show BLOBs as arrays of bytes"),
    (".boot FILE", "Load a SQLite file into a node that is alone"),
    (".changes [on|off]", "Show the last insert ID with a write's result"),
    (".consistency [none|weak|auto|linearizable|lease|strong]", "Show or set the read level"),
    (".dump FILE [TABLE,...]", "Write the database as SQL to a file"),
    (".expvar [NAME]", "Show the node's counters"),
    (".exit", "Leave (also .quit, Ctrl-D)"),
    (".extensions", "Show the SQLite extensions that the node has loaded"),
    (".forcewrites [on|off]", "Send every statement to /db/execute"),
    (".help", "Show this"),
    (".indexes", "Show the indexes' SQL"),
    (".leader", "Show the leader"),
    (".mode [column|csv|json|line]", "Show or set how results look"),
    (".nodes [all]", "Show the voters, or all nodes"),
    (".output [FILE]", "Write results to a file, or to the screen again"),
    (".read FILE", "Run the lines of a file"),
    (".ready", "Show whether the node is ready"),
    (".reap", "Write what is in the WALs into the database files"),
    (".remove ID", "Remove a node from the cluster"),
    (".restore FILE", "Put a SQLite file, or SQL, in the database's place"),
    (".schema", "Show the tables' SQL"),
    (".show", "Show the settings"),
    (".snapshot [N]", "Write the databases out, and keep N entries of the log"),
    (".status [KEY]", "Show the node's status, or a part of it (store.raft)"),
    (".stepdown [ID]", "Hand leadership to another node"),
    (".sysdump FILE", "Write what all nodes say about themselves to a file"),
    (".tables", "Show the tables"),
    (".timer [on|off]", "Show how long statements take"),
];

/// What can be switched on and off.
const SWITCHES: [&str; 4] = ["blobarray", "changes", "forcewrites", "timer"];
const LEVELS: [&str; 6] = ["none", "weak", "auto", "linearizable", "lease", "strong"];
/// Tables of SQLite's and of Eider's own are not the user's.
const USERS_OWN: &str =
    "name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_eider\\_%' ESCAPE '\\'";

impl Shell {
    pub(super) fn dot_command(&mut self, line: &str) -> Result<(), Problem> {
        let (name, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let name = name.trim_start_matches('.').to_ascii_lowercase();
        let argument = argument.trim();
        if let Some(switch) = SWITCHES.into_iter().find(|switch| *switch == name) {
            return self.switch(switch, argument);
        }
        match (name.as_str(), argument) {
            ("help", "") => help(),
            ("tables", "") => self.query(&format!(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND {USERS_OWN} ORDER BY name"
            )),
            ("schema", "") => self.query(&format!(
                "SELECT sql FROM sqlite_master WHERE type <> 'index' AND sql NOT NULL AND {USERS_OWN} ORDER BY name"
            )),
            ("indexes", "") => self.query(&format!(
                "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL AND {USERS_OWN} ORDER BY name"
            )),
            ("consistency", level) => self.consistency(level),
            ("mode", mode) => self.mode(mode),
            ("show", "") => self.settings_shown(),
            ("output", path) => self.redirect(path),
            ("read", path) if !path.is_empty() => self.read_file(path),
            ("nodes", "") => self.get("/nodes"),
            ("nodes", "all") => self.get("/nodes?nonvoters"),
            ("leader", "") => self.leader(),
            ("status", "") => self.get("/status"),
            ("status", key) => self.get(&format!("/status?key={}", percent_encode(key))),
            ("ready", "") => self.ready(),
            ("extensions", "") => self.extensions(),
            ("backup", file) if !file.is_empty() => self.backup(file),
            ("dump", argument) if !argument.is_empty() => self.dump(argument),
            ("restore", file) if !file.is_empty() => self.restore(file),
            ("boot", file) if !file.is_empty() => self.boot(file),
            ("snapshot", keep) => self.snapshot(keep),
            ("reap", "") => self.reap(),
            ("expvar", "") => self.get("/debug/vars"),
            ("expvar", key) => self.get(&format!("/debug/vars?key={}", percent_encode(key))),
            ("remove", id) if !id.is_empty() => self.remove(id),
            ("stepdown", id) => self.step_down(id),
            ("sysdump", file) if !file.is_empty() => self.system_dump(file),
            (
                "help" | "tables" | "schema" | "indexes" | "show" | "nodes" | "leader" | "ready"
                | "reap" | "extensions",
                _,
            ) => {
                Err(format!(".{name}: unexpected argument {argument:?}").into())
            }
            ("read" | "remove" | "backup" | "dump" | "restore" | "boot" | "sysdump", _) => Err(format!(".{name} needs an argument").into()),
            _ => Err(format!("unknown command .{name}: try .help").into()),
        }
    }

    fn switch(&mut self, switch: &'static str, argument: &str) -> Result<(), Problem> {
        match argument {
            "" => {
                let state = if self.settings.is_on(switch) { "on" } else { "off" };
                print(&format!("{state}\n"))?;
            }
            "on" | "off" => {
                self.settings.switches.retain(|known| *known != switch);
                if argument == "on" {
                    self.settings.switches.push(switch);
                }
            }
            _ => return Err(format!(".{switch}: {argument:?} is neither on nor off").into()),
        }
        Ok(())
    }

    fn consistency(&mut self, level: &str) -> Result<(), Problem> {
        if level.is_empty() {
            print(&format!("{}\n", self.settings.level.unwrap_or("weak")))?;
            return Ok(());
        }
        let lower = level.to_ascii_lowercase();
        let known = LEVELS.into_iter().find(|known| *known == lower);
        let unknown = || format!("unknown level {level:?}: one of {}", LEVELS.join(", "));
        self.settings.level = Some(known.ok_or_else(unknown)?);
        Ok(())
    }

    fn mode(&mut self, name: &str) -> Result<(), Problem> {
        if name.is_empty() {
            print(&format!("{}\n", self.settings.mode.name()))?;
            return Ok(());
        }
        let lower = name.to_ascii_lowercase();
        let known = Mode::ALL.into_iter().find(|mode| mode.name() == lower);
        let names = Mode::ALL.map(Mode::name).join(", ");
        self.settings.mode =
            known.ok_or_else(|| format!("unknown mode {name:?}: one of {names}"))?;
        Ok(())
    }

    fn settings_shown(&self) -> Result<(), Problem> {
        let mut lines = Vec::new();
        for switch in SWITCHES {
            let state = if self.settings.is_on(switch) { "on" } else { "off" };
            lines.push(format!("{switch}: {state}"));
        }
        lines.push(format!("consistency: {}", self.settings.level.unwrap_or("weak")));
        lines.push(format!("mode: {}", self.settings.mode.name()));
        lines.push(format!("output: {}", if self.output.is_some() { "file" } else { "screen" }));
        lines.sort();
        print(&format!("{}\n", lines.join("\n")))?;
        Ok(())
    }

    fn redirect(&mut self, path: &str) -> Result<(), Problem> {
        self.output = None;
        if !path.is_empty() {
            let file = File::create(path).map_err(|error| format!("create {path}: {error}"))?;
            self.output = Some(file);
        }
        Ok(())
    }

    fn get(&mut self, path: &str) -> Result<(), Problem> {
        let document = self.connection.document(path)?;
        print(&indented(&document))?;
        Ok(())
    }

    fn leader(&mut self) -> Result<(), Problem> {
        let document = self.connection.document("/nodes?nonvoters&ver=2")?;
        let leader = entries(&document).find(|node| node.get("leader") == Some(&Json::Bool(true)));
        let leader = leader.ok_or_else(|| "leader not found".to_owned())?;
        print(&indented(leader))?;
        Ok(())
    }

    fn extensions(&mut self) -> Result<(), Problem> {
        let document = self.connection.document("/status?key=extensions")?;
        let names = document["names"].as_array().into_iter().flatten().filter_map(Json::as_str);
        print(&names.map(|name| format!("{name}\n")).collect::<String>())?;
        Ok(())
    }

    fn ready(&mut self) -> Result<(), Problem> {
        let answer =
            self.connection.send(&Request::get("/readyz")).map_err(|error| error.to_string())?;
        let word = if answer.is_success() { "ready" } else { "not ready" };
        print(&format!("{word}\n"))?;
        Ok(())
    }

    fn remove(&mut self, id: &str) -> Result<(), Problem> {
        let body = json!({ "id": id }).to_string();
        self.connection.ask(&Request {
            method: "DELETE",
            path: "/remove".to_owned(),
            body,
            ..Request::default()
        })?;
        Ok(())
    }

    fn backup(&mut self, file: &str) -> Result<(), Problem> {
        let path = copy::backup_path(self.database.as_deref(), &[]);
        self.connection.download(&path, Path::new(file))?;
        print("backup file written successfully\n")?;
        Ok(())
    }

    fn dump(&mut self, argument: &str) -> Result<(), Problem> {
        let (file, tables) = match argument.split_once(char::is_whitespace) {
            Some((file, tables)) => (file, Some(tables.trim())),
            None => (argument, None),
        };
        let more = [("fmt", Some("sql")), ("tables", tables)];
        let path = copy::backup_path(self.database.as_deref(), &more);
        self.connection.download(&path, Path::new(file))?;
        print("SQL text file written successfully\n")?;
        Ok(())
    }

    fn restore(&mut self, file: &str) -> Result<(), Problem> {
        let done = copy::load(&mut self.connection, self.database.as_deref(), Path::new(file))?;
        if let Some(done) = done {
            let number = |field| done.get(field).and_then(Json::as_i64).unwrap_or(0);
            let (id, rows) = (number("last_insert_id"), number("rows_affected"));
            print(&format!("last inserted ID: {id}\nrows affected: {rows}\n"))?;
        }
        print("Database restored successfully.\n")?;
        Ok(())
    }

    fn boot(&mut self, file: &str) -> Result<(), Problem> {
        self.connection.upload("/boot", Path::new(file))?;
        print("Node booted successfully.\n")?;
        Ok(())
    }

    fn snapshot(&mut self, keep: &str) -> Result<(), Problem> {
        let path = match keep {
            "" => "/snapshot".to_owned(),
            keep => format!("/snapshot?trailing_logs={}", percent_encode(keep)),
        };
        self.connection.ask(&Request::post(path, ""))?;
        Ok(())
    }

    fn reap(&mut self) -> Result<(), Problem> {
        let answer = self.connection.ask(&Request::post("/reap", ""))?;
        let done: Json = serde_json::from_slice(&answer.body)
            .map_err(|error| format!("the answer is not JSON: {error}"))?;
        let number = |field| done.get(field).and_then(Json::as_u64).unwrap_or(0);
        let (snapshots, wals) = (number("snapshots_reaped"), number("wals_checkpointed"));
        print(&format!("snapshots reaped: {snapshots}, WALs checkpointed: {wals}\n"))?;
        Ok(())
    }

    /// Asks each node for what it says about itself. One that doesn't answer is noted.
    fn system_dump(&mut self, file: &str) -> Result<(), Problem> {
        const PATHS: [&str; 4] =
            ["/status?pretty", "/nodes?nonvoters&pretty", "/readyz", "/debug/vars"];
        let document = self.connection.document("/nodes?nonvoters&ver=2")?;
        let mut text = String::new();
        for node in entries(&document) {
            let Some(url) = node.get("api_addr").and_then(Json::as_str) else {
                let id = node.get("id").and_then(Json::as_str).unwrap_or("?");
                let _ = writeln!(text, "===== node {id} can't be reached\n");
                continue;
            };
            for path in PATHS {
                let _ = writeln!(text, "===== {url}{path}");
                match self.connection.send_to(url, &Request::get(path)) {
                    Ok(answer) => text.push_str(answer.text().trim_end()),
                    Err(why) => text.push_str(&why),
                }
                text.push_str("\n\n");
            }
        }
        std::fs::write(file, text).map_err(|error| format!("write {file}: {error}"))?;
        Ok(())
    }

    fn step_down(&mut self, id: &str) -> Result<(), Problem> {
        let body = if id.is_empty() { String::new() } else { json!({ "id": id }).to_string() };
        self.connection.ask(&Request::post("/leader?wait=true", body))?;
        Ok(())
    }
}

fn help() -> Result<(), Problem> {
    let mut text = String::new();
    for (name, does) in HELP {
        let _ = writeln!(text, "{name:<34} {does}");
    }
    text.push_str("Any other line is SQL, in SQLite's language.\n");
    print(&text)?;
    Ok(())
}
