//! Plays a script to a server and writes down what it answers.
//!
//! Every script has a database of its own, made before and dropped after it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use crate::answer::{escape, from_hex, hex, render};
use crate::script::Statement;
use crate::wire::{Bound, Connection, Value};

/// A server that scripts are played to.
#[derive(Debug, Clone)]
pub struct Server {
    /// `host:port`.
    pub address: String,
    /// A real PostgreSQL, which others may use at the same time.
    pub is_oracle: bool,
}

/// The binary form of parameters, in an answer. It is PostgreSQL that says it.
const BINARY: &str = "by the extended protocol, binary: ";

impl Server {
    fn admin(&self, sql: &str) -> io::Result<()> {
        let answer = Connection::open(&self.address, "postgres")?.simple(sql, None)?;
        match answer.error() {
            None => Ok(()),
            Some(error) => Err(io::Error::other(format!("{sql}: {error:?}"))),
        }
    }

    pub fn drop_database(&self, database: &str) -> io::Result<()> {
        self.admin(&format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"))
    }

    /// Makes an empty database, in the place of one that may be there.
    pub fn renew(&self, database: &str) -> io::Result<()> {
        self.drop_database(database)?;
        let ctype = "TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'";
        let options = if self.is_oracle { ctype } else { "" };
        self.admin(&format!("CREATE DATABASE {database} {options}"))
    }

    /// Plays one statement after the other. `expected` are PostgreSQL's answers, for what only it
    /// can say: the binary form of parameters.
    pub fn play(
        &self,
        area: &str,
        statements: &[Statement],
        expected: Option<&[String]>,
    ) -> io::Result<Vec<String>> {
        let database = format!("differential_{area}");
        let mut lock = Connection::open(&self.address, "postgres")?;
        if self.is_oracle {
            lock.simple(&format!("SELECT pg_advisory_lock(hashtext('{database}'))"), None)?;
        }
        self.renew(&database)?;
        let mut player = Player { server: self, database: &database, sessions: BTreeMap::new() };
        let mut answers = Vec::with_capacity(statements.len());
        for (place, statement) in statements.iter().enumerate() {
            let expected = expected.map(|expected| expected[place].as_str());
            let answer = player.answer(statement, expected).unwrap_or_else(|error| {
                // The session is lost, and what it had set up.
                player.sessions.remove(&statement.session);
                format!("no answer: {}\n", error.kind())
            });
            answers.push(answer);
        }
        player.sessions.clear();
        self.drop_database(&database)?;
        Ok(answers)
    }
}

struct Player<'a> {
    server: &'a Server,
    database: &'a str,
    sessions: BTreeMap<String, Connection>,
}

impl Player<'_> {
    fn answer(&mut self, statement: &Statement, expected: Option<&str>) -> io::Result<String> {
        if !self.sessions.contains_key(&statement.session) {
            let opened = Connection::open(&self.server.address, self.database)?;
            self.sessions.insert(statement.session.clone(), opened);
        }
        let session = self.sessions.get_mut(&statement.session).expect("just opened");
        let sql = statement.sql.as_str();
        if statement.binds.is_empty() {
            let simple = session.simple(sql, statement.copied.as_deref())?;
            let mut text = render(&simple, statement.ordered);
            if statement.extended && statement.is_query() {
                let bound = Bound { binary_results: true, ..Bound::default() };
                let answer = session.extended(sql, &bound)?;
                writeln!(text, "by the extended protocol, binary results").expect("a String");
                text.push_str(&render(&answer, statement.ordered));
            }
            return Ok(text);
        }
        let mut text = String::new();
        let mut recorded = expected.into_iter().flat_map(binary_values);
        for values in &statement.binds {
            let answer = session.extended(sql, &Bound { values, ..Bound::default() })?;
            let shown: Vec<_> = values.iter().map(|value| show(value, escape)).collect();
            writeln!(text, "by the extended protocol: {}", shown.join(" | ")).expect("a String");
            text.push_str(&render(&answer, statement.ordered));
            if !statement.is_query() {
                continue;
            }
            let binary = if self.server.is_oracle {
                match (answer.error(), answer.parameters()) {
                    (None, Some(types)) => to_binary(session, values, types)?,
                    _ => None,
                }
            } else {
                recorded.next().flatten()
            };
            let shown: Vec<_> = binary.iter().flatten().map(|value| show(value, hex)).collect();
            let shown = if binary.is_some() { shown.join(" | ") } else { "not sent".into() };
            writeln!(text, "{BINARY}{shown}").expect("a String");
            if let Some(values) = binary {
                let bound = Bound {
                    values: &values,
                    binary_values: true,
                    binary_results: true,
                    types: &[],
                };
                text.push_str(&render(&session.extended(sql, &bound)?, statement.ordered));
            }
        }
        Ok(text)
    }
}

fn show(value: &Value, text: fn(&[u8]) -> String) -> String {
    value.as_ref().map_or_else(|| "NULL".into(), |bytes| format!("'{}'", text(bytes)))
}

/// What PostgreSQL sends for values of these types in the binary format, which is what it takes, too.
/// `None` if it has none.
fn to_binary(
    session: &mut Connection,
    values: &[Value],
    types: &[u32],
) -> io::Result<Option<Vec<Value>>> {
    let mut binary = Vec::new();
    for (value, oid) in values.iter().zip(types) {
        let bound = Bound {
            values: std::slice::from_ref(value),
            types: &[*oid],
            binary_values: false,
            binary_results: true,
        };
        let answer = session.extended("SELECT $1", &bound)?;
        let Some(row) = answer.rows().next() else { return Ok(None) };
        binary.push(row[0].clone());
    }
    Ok(Some(binary))
}

/// The binary parameters that stand in a recorded answer, one set for each bind.
fn binary_values(recorded: &str) -> Vec<Option<Vec<Value>>> {
    let value = |text: &str| match text {
        "NULL" => Some(None),
        text => Some(Some(from_hex(text.trim_matches('\''))?)),
    };
    recorded
        .lines()
        .filter_map(|line| line.strip_prefix(BINARY))
        .map(|values| {
            if values.is_empty() {
                return Some(Vec::new());
            }
            values.split(" | ").map(value).collect()
        })
        .collect()
}
