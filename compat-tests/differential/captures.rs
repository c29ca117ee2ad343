//! Statements that clients were seen to send: played in order to Eider and to PostgreSQL, counted, and
//! what is missing most ranked. They belong to the clients' projects and stay outside the tree.
//!
//! `$EIDER_CAPTURES` is a JSON array of objects with `sql` and `clients`, or a file of one statement a line.
//! Every statement stands by itself: a block that one opens is rolled back, and what it set is
//! reset. Parameters are NULL.
//!
//! PostgreSQL is asked twice, in two databases. Where it answers otherwise the second time (the time, random
//! values, process ids), the two answers' shapes are held against each other: columns, types, tags and the
//! number of rows. A statement that has the OID of an object in its text is about the database that it was
//! captured in, and not counted.

use std::collections::BTreeMap;
use std::io;

use crate::answer::{difference, render};
use crate::play::Server;
use crate::wire::{Bound, Connection, Value};
use crate::{eider, oracle};

const DATABASE: &str = "differential_captures";
/// Entries of each ranking that are printed.
const SHOWN: usize = 60;

struct Captured {
    sql: String,
    clients: Vec<String>,
}

fn read(path: &str) -> Result<Vec<Captured>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    if !text.trim_start().starts_with('[') {
        let line = |sql: &str| Captured { sql: sql.to_owned(), clients: Vec::new() };
        return Ok(text.lines().filter(|sql| !sql.trim().is_empty()).map(line).collect());
    }
    let items: Vec<serde_json::Value> =
        serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))?;
    let names = |item: &serde_json::Value| {
        let names = item["clients"].as_array().into_iter().flatten();
        names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
    };
    let captured = |item: &serde_json::Value| {
        Some(Captured { sql: item["sql"].as_str()?.to_owned(), clients: names(item) })
    };
    Ok(items.iter().filter_map(captured).collect())
}

/// What would change more than the run's own database.
fn is_for_all(sql: &str) -> bool {
    let words: Vec<_> = sql.split_whitespace().take(2).map(str::to_ascii_lowercase).collect();
    let what = words.get(1).map(|word| word.trim_end_matches(';'));
    ["create", "drop", "alter"].contains(&words.first().map_or("", String::as_str))
        && ["database", "role", "user", "tablespace"].contains(&what.unwrap_or(""))
}

/// Whether it has an OID of an object of the captured database in its text.
fn has_oid(sql: &str) -> bool {
    let mut word = String::new();
    for c in sql.chars().chain([' ']) {
        if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | ':') {
            word.push(c);
            continue;
        }
        let number = (word.len() == 5).then(|| word.parse::<u32>().ok()).flatten();
        if number.is_some_and(|number| (16_384..20_000).contains(&number)) {
            return true;
        }
        word.clear();
    }
    false
}

/// The number of the highest parameter.
fn parameters(sql: &str) -> usize {
    let number = |rest: &str| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    sql.split('$').skip(1).filter_map(number).filter(|count| *count < 100).max().unwrap_or(0)
}

struct Side {
    server: Server,
    connection: Option<Connection>,
}

impl Side {
    fn new(server: Server) -> io::Result<Self> {
        server.renew(DATABASE)?;
        Ok(Self { server, connection: None })
    }

    fn ask(&mut self, sql: &str) -> io::Result<String> {
        if self.connection.is_none() {
            self.connection = Some(Connection::open(&self.server.address, DATABASE)?);
        }
        let connection = self.connection.as_mut().expect("just opened");
        let values: Vec<Value> = vec![None; parameters(sql)];
        let answer = if values.is_empty() {
            connection.simple(sql, None)?
        } else {
            connection.extended(sql, &Bound { values: &values, ..Bound::default() })?
        };
        if answer.status != 'I' {
            connection.simple("ROLLBACK", None)?;
        }
        connection.simple("RESET ALL", None)?;
        Ok(render(&answer, sql.to_ascii_lowercase().contains("order by")))
    }

    fn answer(&mut self, sql: &str) -> String {
        self.ask(sql).unwrap_or_else(|error| {
            self.connection = None;
            format!("no answer: {}\n", error.kind())
        })
    }
}

/// Rows, names and types of columns and parameters, tags, and the SQLSTATE of an error.
fn essence(text: &str) -> String {
    let kept = text.lines().filter_map(|line| {
        let word = line.split(' ').next().unwrap_or_default();
        match word {
            "error" => line.split(' ').nth(2).map(|code| format!("error {code}\n")),
            "column" | "row" | "tag" | "copied" | "parameters" | "status" | "no" => {
                Some(format!("{line}\n"))
            }
            _ => None,
        }
    });
    kept.collect()
}

/// Columns, types, tags, the SQLSTATE of an error, and how many rows there are.
fn shape(text: &str) -> String {
    let (rows, others): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.starts_with("row "));
    format!("{}{} rows\n", essence(&others.join("\n")), rows.len())
}

fn rank(title: &str, counts: &BTreeMap<String, usize>) {
    println!("\n{title}");
    let mut ranked: Vec<_> = counts.iter().collect();
    ranked.sort_by_key(|(what, count)| (std::cmp::Reverse(**count), (*what).clone()));
    for (what, count) in ranked.iter().take(SHOWN) {
        println!("{count:6}  {what}");
    }
}

/// # Errors
/// If a file or a server isn't there.
pub fn run(show: bool) -> Result<bool, String> {
    let paths = std::env::var("EIDER_CAPTURES")
        .map_err(|_| "EIDER_CAPTURES has to name the statements' file".to_owned())?;
    let (server, _running) = eider();
    for path in paths.split(':') {
        let statements: Vec<Captured> = read(path)?
            .into_iter()
            .filter(|captured| !is_for_all(&captured.sql) && !has_oid(&captured.sql))
            .collect();
        let answers = |server: Server| -> Result<Vec<String>, String> {
            let mut side = Side::new(server).map_err(|error| error.to_string())?;
            let answers = statements.iter().map(|captured| side.answer(&captured.sql)).collect();
            drop(side.connection);
            side.server.drop_database(DATABASE).map_err(|error| error.to_string())?;
            Ok(answers)
        };
        let (first, second) = (answers(oracle()?)?, answers(oracle()?)?);
        let got = answers(server.clone())?;
        let (mut equal, mut essentially) = (0, 0);
        let (mut missing, mut clients) = (BTreeMap::new(), BTreeMap::new());
        for (place, captured) in statements.iter().enumerate() {
            let (expected, again, got) = (&first[place], &second[place], &got[place]);
            equal += usize::from(expected == got);
            let moves = essence(expected) != essence(again);
            if essence(expected) == essence(got) || (moves && shape(expected) == shape(got)) {
                essentially += 1;
                continue;
            }
            let what = difference(expected, got);
            if show {
                println!("{what}\n{}\n--- PostgreSQL\n{expected}--- Eider\n{got}", captured.sql);
            }
            *missing.entry(what).or_default() += 1;
            for sender in &captured.clients {
                *clients.entry(sender.clone()).or_default() += 1;
            }
        }
        let count = statements.len();
        println!(
            "{path}: {count} statements; equal in rows, types, tags and SQLSTATEs: {essentially}; in all: {equal}"
        );
        rank("what is missing", &missing);
        rank("whose statements", &clients);
    }
    Ok(true)
}
