//! `eider backup` and `eider restore`: a database as a file.

use std::path::Path;
use std::process::ExitCode;

use serde_json::Value as Json;

use crate::client::percent_encode;
use crate::command::Problem;
use crate::command::arguments::{Arguments, valued};
use crate::command::connection::{Connection, FLAGS};
use crate::command::history;
use crate::command::terminal::print;
use crate::config::{Flag, Form, Syntax};

const fn switch(name: &'static str, help: &'static str) -> Flag {
    Flag { name, form: Form::Switch, default: "", help }
}

const DATABASE: Flag = valued("db", "NAME", "The database; 'postgres' without it.");

pub(crate) const BACKUP: Syntax = Syntax {
    usage: "eider backup [OPTIONS] FILE",
    about: "Write a copy of a database to a file.\n\nThe copy is of one moment, and has everything that was \
            acknowledged before. It is made\nwhile writes go on.",
    groups: &[
        FLAGS,
        (
            "The copy",
            &[
                DATABASE,
                valued(
                    "format",
                    "FORMAT",
                    "binary: the SQLite file, in WAL mode (the default).\ndelete: the same in rollback \
                     journal mode. sql: its SQL as text.",
                ),
                valued("tables", "NAME,...", "With -format sql: these tables only."),
                switch("vacuum", "Compact it first. Takes room for a copy on the node's disk."),
                switch("compress", "Pack it with gzip."),
                switch("noleader", "Take what the node has, even if there is no leader."),
            ],
        ),
    ],
    unsupported: &[],
    operands: &["FILE"],
    more_operands: false,
};

pub(crate) const RESTORE: Syntax = Syntax {
    usage: "eider restore [OPTIONS] FILE",
    about: "Put a SQLite file, or SQL, in the place of a database.\n\nA SQLite file replaces the whole database \
            on all nodes, in one transaction. A text of SQL is\nrun, as one transaction. Either may be \
            packed with gzip.\n\nOr make a file of the database as it was, from a history that \
            -auto-backup keeps:\n\n  eider restore -from PLAN -list\n  eider restore -from PLAN -to POINT \
            -output FILE\n\nNo node is asked, and nothing is changed but FILE, which is there when it is \
            complete or not\nat all. Put it in the database's place with a second command.",
    groups: &[FLAGS, ("Database", &[DATABASE]), history::FLAGS],
    unsupported: &[],
    operands: &[],
    more_operands: true,
};

/// The path that a backup is asked for by.
pub(crate) fn backup_path(database: Option<&str>, more: &[(&str, Option<&str>)]) -> String {
    let mut path = "/db/backup?timeout=1h".to_owned();
    let database = ("db", database);
    for (name, value) in std::iter::once(&database).chain(more) {
        if let Some(value) = value {
            path = format!("{path}&{name}={}", percent_encode(value));
        }
    }
    path
}

pub(crate) fn backup(arguments: &Arguments) -> Result<ExitCode, Problem> {
    let format = arguments.get("format");
    if format.is_some_and(|format| !matches!(format, "binary" | "delete" | "sql")) {
        return Err("-format must be binary, delete or sql".to_owned().into());
    }
    let on = |name| arguments.is_on(name).then_some("true");
    let path = backup_path(
        arguments.get("db"),
        &[
            ("fmt", format),
            ("tables", arguments.get("tables")),
            ("vacuum", on("vacuum")),
            ("compress", on("compress")),
            ("noleader", on("noleader")),
        ],
    );
    let file = Path::new(&arguments.operands()[0]);
    Connection::new(arguments)?.download(&path, file)?;
    let size = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    print(&format!("{}: {size} bytes\n", file.display()))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn restore(arguments: &Arguments) -> Result<ExitCode, Problem> {
    if let Some(wanted) = history::Wanted::read(arguments)? {
        return wanted.run();
    }
    match arguments.operands() {
        [_] => {}
        [] => return Err(format!("FILE is missing: {}", RESTORE.usage).into()),
        [_, extra, ..] => {
            return Err(format!("'{extra}' is one argument too many: {}", RESTORE.usage).into());
        }
    }
    let mut connection = Connection::new(arguments)?;
    let file = Path::new(&arguments.operands()[0]);
    load(&mut connection, arguments.get("db"), file)?;
    print(&format!("{} is restored.\n", file.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Loads a file; what the last statement did, if it was SQL.
pub(crate) fn load(
    connection: &mut Connection,
    database: Option<&str>,
    file: &Path,
) -> Result<Option<Json>, String> {
    let mut path = "/db/load".to_owned();
    if let Some(database) = database {
        path = format!("{path}?db={}", percent_encode(database));
    }
    let answer = connection.upload(&path, file)?;
    let document: Json = serde_json::from_slice(&answer.body)
        .map_err(|error| format!("the answer is not JSON: {error}"))?;
    let result = document.pointer("/results/0").cloned();
    let error = document.get("error").or(result.as_ref().and_then(|result| result.get("error")));
    match error.and_then(Json::as_str) {
        Some(error) => Err(format!("nothing was loaded: {error}")),
        None => Ok(result),
    }
}
