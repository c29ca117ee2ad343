//! PostgreSQL's own regression scripts, counted by statement. They stay outside the tree:
//! `$EIDER_REGRESSION` names the folder `src/test/regress` of PostgreSQL 15's source.
//!
//! The real `psql` plays each script to Eider and to the PostgreSQL at `$EIDER_ORACLE`, as `pg_regress`
//! would run it, in a fresh database that `test_setup` and what the script builds on have set up. A marker
//! after each statement cuts the two outputs into answers, and a statement is equal if its answers are: what
//! `psql` shows of names, rows, errors with their positions, and notices. Rows that no ORDER BY sorts may come
//! in any order.
//!
//! **Invariant:** a statement counts only if PostgreSQL's answer stands in the script's expected output, or is a plan. So
//! what fails on both sides for lack of a table of another script counts for nobody.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::play::Server;
use crate::psql_script::{Kind, Part, parse};
use crate::{Options, eider, oracle};

/// What is played without a name on the command line.
const SCRIPTS: &[&str] = &[
    "boolean",
    "int2",
    "int4",
    "int8",
    "float8",
    "numeric",
    "text",
    "varchar",
    "char",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "interval",
    "uuid",
    "enum",
    "json",
    "jsonb",
    "arrays",
    "select",
    "select_distinct",
    "select_having",
    "case",
    "join",
    "subselect",
    "union",
    "aggregates",
    "window",
    "with",
    "insert",
    "insert_conflict",
    "update",
    "delete",
    "returning",
    "copy2",
    "sequence",
    "identity",
    "generated",
    "prepare",
    "transactions",
    "portals",
    "limit",
];

/// What a script builds on, beside `test_setup`: the comments of `parallel_schedule` say so.
const BUILT_ON: &[(&str, &[&str])] = &[
    ("aggregates", &["create_aggregate"]),
    ("join", &["create_misc"]),
    ("with", &["create_misc"]),
];

/// As `pg_regress` sets them, and an end for what would never end.
const OPTIONS: &str = "-c intervalstyle=postgres_verbose -c statement_timeout=20s";

/// Causes of differences that are printed.
const SHOWN: usize = 60;

/// How one script came out.
#[derive(Debug, Default)]
struct Count {
    statements: usize,
    equal: usize,
    /// Statements that begin with EXPLAIN, whose answers are a planner's own.
    plans: usize,
    equal_plans: usize,
    /// Statements whose answers PostgreSQL's own run doesn't have.
    elsewhere: usize,
    /// `psql`'s commands, such as `\d`.
    commands: usize,
    equal_commands: usize,
}

impl Count {
    fn line(&self, script: &str) -> String {
        let (plain, equal) = (self.statements - self.plans, self.equal - self.equal_plans);
        format!(
            "{script:18} {:10} {:7} {:6.1} {plain:17} {equal:7} {:6.1} {:9} {:7}",
            self.statements,
            self.equal,
            share(self.equal, self.statements),
            share(equal, plain),
            self.commands,
            self.equal_commands,
        )
    }

    fn add(&mut self, other: &Self) {
        self.statements += other.statements;
        self.equal += other.equal;
        self.plans += other.plans;
        self.equal_plans += other.equal_plans;
        self.elsewhere += other.elsewhere;
        self.commands += other.commands;
        self.equal_commands += other.equal_commands;
    }
}

struct Player {
    folder: PathBuf,
    /// For data that a script brings along.
    scratch: tempfile::TempDir,
    differences: BTreeMap<String, usize>,
    show: bool,
}

/// # Errors
/// If the scripts, `psql` or a server aren't there.
pub fn run(options: &Options) -> Result<bool, String> {
    let folder = std::env::var("EIDER_REGRESSION").map_err(|_| {
        "EIDER_REGRESSION has to name the folder src/test/regress of PostgreSQL 15".to_owned()
    })?;
    let folder = std::fs::canonicalize(&folder).map_err(|error| format!("{folder}: {error}"))?;
    let (postgres, (server, _running)) = (oracle()?, eider());
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    let show = options.has("--show");
    let mut player = Player { folder, scratch, differences: BTreeMap::new(), show };
    let named: Vec<&str> = options.areas.iter().map(String::as_str).collect();
    let scripts = if named.is_empty() { SCRIPTS } else { &named };
    println!(
        "{:18} statements   equal      %   without EXPLAIN   equal      %   \\d etc.   equal",
        "script"
    );
    let mut total = Count::default();
    for script in scripts {
        let count = player.compare(script, &server, &postgres)?;
        println!("{}", count.line(script));
        total.add(&count);
    }
    println!("{}", total.line("total"));
    println!(
        "{} not counted: PostgreSQL answered otherwise than its expected output",
        total.elsewhere
    );
    println!("\nwhat Eider said where PostgreSQL said something else");
    let mut causes: Vec<_> = player.differences.iter().collect();
    causes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (cause, count) in causes.iter().take(SHOWN) {
        println!("{count:6} {cause}");
    }
    Ok(share(total.equal, total.statements) >= BAR)
}

/// The share of equal statements that all scripts together must reach, in percent.
const BAR: f64 = 60.0;

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 100.0 } else { part as f64 * 100.0 / whole as f64 }
}

impl Player {
    fn read(&self, script: &str) -> Result<Vec<Part>, String> {
        let path = self.folder.join("sql").join(format!("{script}.sql"));
        let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(parse(&String::from_utf8_lossy(&bytes)))
    }

    fn compare(
        &mut self,
        script: &str,
        eider: &Server,
        postgres: &Server,
    ) -> Result<Count, String> {
        let database = format!("regression_{script}");
        let before =
            BUILT_ON.iter().find(|(name, _)| *name == script).map_or(&[][..], |(_, on)| on);
        let parts = self.read(script)?;
        let mut answers = Vec::new();
        for server in [postgres, eider] {
            server.renew(&database).map_err(|error| error.to_string())?;
            for other in std::iter::once(&"test_setup").chain(before) {
                self.play(&self.read(other)?, server, &database)?;
            }
            answers.push(self.play(&parts, server, &database)?);
            server.drop_database(&database).map_err(|error| error.to_string())?;
        }
        let expected = self.expected(script)?;
        let mut count = Count::default();
        let (theirs, ours) = (&answers[0], &answers[1]);
        for (place, part) in parts.iter().enumerate() {
            let nothing = String::from("(the session has ended)\n");
            let get =
                |answers: &BTreeMap<usize, String>| answers.get(&place).unwrap_or(&nothing).clone();
            let (theirs, ours) = (get(theirs), get(ours));
            let is_equal = sorted(part, &theirs) == sorted(part, &ours);
            match part.kind {
                Kind::Setting => continue,
                Kind::Command => {
                    count.commands += 1;
                    count.equal_commands += usize::from(is_equal);
                }
                Kind::Statement
                    if !part.is_explain()
                        && !expected.iter().any(|file| file.contains(&theirs)) =>
                {
                    count.elsewhere += 1;
                    self.print("elsewhere", script, part, &theirs, &ours);
                    continue;
                }
                Kind::Statement => {
                    count.statements += 1;
                    count.equal += usize::from(is_equal);
                    let is_plan = part.is_explain();
                    count.plans += usize::from(is_plan);
                    count.equal_plans += usize::from(is_plan && is_equal);
                }
            }
            if !is_equal {
                self.print("differs", script, part, &theirs, &ours);
                *self.differences.entry(cause(&theirs, &ours)).or_default() += 1;
            }
        }
        Ok(count)
    }

    fn print(&self, what: &str, script: &str, part: &Part, theirs: &str, ours: &str) {
        if self.show {
            println!(
                "=== {script}:{} {what}\n{}\n--- PostgreSQL\n{theirs}--- Eider\n{ours}",
                part.line, part.text
            );
        }
    }

    fn expected(&self, script: &str) -> Result<Vec<String>, String> {
        let folder = self.folder.join("expected");
        let mut files = Vec::new();
        for variant in ["", "_1", "_2", "_3"] {
            let path = folder.join(format!("{script}{variant}.out"));
            match std::fs::read(&path) {
                Ok(bytes) => files.push(String::from_utf8_lossy(&bytes).into_owned()),
                Err(_) if !variant.is_empty() => {}
                Err(error) => return Err(format!("{}: {error}", path.display())),
            }
        }
        Ok(files)
    }

    /// The answers by the places of their statements.
    fn play(
        &self,
        parts: &[Part],
        server: &Server,
        database: &str,
    ) -> Result<BTreeMap<usize, String>, String> {
        let data = self.scratch.path().join("data");
        std::fs::create_dir_all(&data).map_err(|error| error.to_string())?;
        let mut script = String::new();
        for (place, part) in parts.iter().enumerate() {
            let text = match &part.copied {
                None => part.text.replace("@source@", &self.folder.display().to_string()),
                Some(bytes) => {
                    let file = data.join(format!("{place}"));
                    std::fs::write(&file, bytes).map_err(|error| error.to_string())?;
                    part.text.replace("@file@", &file.display().to_string())
                }
            };
            write!(script, "{text}\n\\echo {MARK}{place}\n").expect("a String takes everything");
        }
        let input = self.scratch.path().join("input.sql");
        std::fs::write(&input, script).map_err(|error| error.to_string())?;
        let (host, port) = server.address.rsplit_once(':').ok_or("an address is HOST:PORT")?;
        let script = File::open(&input).map_err(|error| error.to_string())?;
        let output = self.scratch.path().join("output");
        let out = File::create(&output).map_err(|error| error.to_string())?;
        let err = out.try_clone().map_err(|error| error.to_string())?;
        Command::new("psql")
            .args(["-X", "-q", "-v", "HIDE_TABLEAM=on", "-v", "HIDE_TOAST_COMPRESSION=on"])
            .args(["-h", host, "-p", port, "-U", "postgres", "-d", database])
            .env("PGTZ", "PST8PDT")
            .env("PGDATESTYLE", "Postgres, MDY")
            .env("PGOPTIONS", OPTIONS)
            .env("PG_ABS_SRCDIR", &self.folder)
            .env("PG_ABS_BUILDDIR", self.scratch.path())
            .env("PG_LIBDIR", "/nonexistent")
            .env("PG_DLSUFFIX", ".so")
            .current_dir(self.scratch.path())
            .stdin(script)
            .stdout(Stdio::from(out))
            .stderr(Stdio::from(err))
            .status()
            .map_err(|error| format!("psql: {error}"))?;
        let output = std::fs::read(&output).map_err(|error| error.to_string())?;
        Ok(cut(&String::from_utf8_lossy(&output)))
    }
}

/// No script has this in an answer.
const MARK: &str = "~~ statement ";

fn cut(output: &str) -> BTreeMap<usize, String> {
    let (mut answers, mut answer) = (BTreeMap::new(), String::new());
    for line in output.lines() {
        // psql may leave a line open, as after \echo -n.
        let (before, place) = match line.split_once(MARK) {
            Some((before, place)) => (before, place.parse::<usize>().ok()),
            None => (line, None),
        };
        let Some(place) = place else {
            answer.push_str(line);
            answer.push('\n');
            continue;
        };
        answer.push_str(before);
        answers.insert(place, std::mem::take(&mut answer));
    }
    answers
}

/// What is compared: the lines, sorted where the statement doesn't sort its rows.
fn sorted(part: &Part, answer: &str) -> Vec<String> {
    let mut lines: Vec<String> = answer.lines().map(str::to_owned).collect();
    if !part.sorts() {
        lines.sort();
    }
    lines
}

/// The first error or notice that only Eider gave, or the one that it didn't give, without numbers.
fn cause(theirs: &str, ours: &str) -> String {
    let message = |text: &str, other: &str| {
        let is_message = |line: &&str| {
            [
                "ERROR:",
                "NOTICE:",
                "WARNING:",
                "FATAL:",
                "server closed",
                "DETAIL:",
                "HINT:",
                "LINE ",
                "(the session",
            ]
            .iter()
            .any(|word| line.starts_with(word))
        };
        text.lines()
            .filter(is_message)
            .find(|line| !other.lines().any(|l| l == *line))
            .map(str::to_owned)
    };
    let cause = match (message(ours, theirs), message(theirs, ours)) {
        (Some(line), _) => line,
        (None, Some(line)) => format!("(without the {line})"),
        (None, None) => "(other rows)".into(),
    };
    cause.chars().map(|c| if c.is_ascii_digit() { 'N' } else { c }).take(140).collect()
}
