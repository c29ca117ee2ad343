//! Statements that clients were seen to send: played in order to Eider and to PostgreSQL, counted, and
//! what is missing most ranked. They belong to the clients' projects and stay outside the tree.
//!
//! `$EIDER_CAPTURES` is a JSON array of objects with `sql` and `clients`, or a file of one statement a line.
//! Every statement stands by itself: a block that one opens is rolled back, and what it set is
//! reset. Parameters are NULL.

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
        let mut postgres = Side::new(oracle()?).map_err(|error| error.to_string())?;
        let mut eider = Side::new(server.clone()).map_err(|error| error.to_string())?;
        let (mut equal, mut essentially, mut count) = (0, 0, 0);
        let (mut missing, mut clients) = (BTreeMap::new(), BTreeMap::new());
        for Captured { sql, clients: senders } in read(path)? {
            if is_for_all(&sql) {
                continue;
            }
            count += 1;
            let (expected, got) = (postgres.answer(&sql), eider.answer(&sql));
            equal += usize::from(expected == got);
            if essence(&expected) == essence(&got) {
                essentially += 1;
                continue;
            }
            let what = difference(&expected, &got);
            if show {
                println!("{what}\n{sql}\n--- PostgreSQL\n{expected}--- Eider\n{got}");
            }
            *missing.entry(what).or_default() += 1;
            for sender in senders {
                *clients.entry(sender).or_default() += 1;
            }
        }
        println!(
            "{path}: {count} statements; equal in rows, types, tags and SQLSTATEs: {essentially}; in all: {equal}"
        );
        rank("what is missing", &missing);
        rank("whose statements", &clients);
        for side in [postgres, eider] {
            drop(side.connection);
            side.server.drop_database(DATABASE).map_err(|error| error.to_string())?;
        }
    }
    Ok(true)
}
