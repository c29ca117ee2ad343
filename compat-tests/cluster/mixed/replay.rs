//! Transactions over HTTP that are run again, in the order in which they were committed, on a SQLite of the test's
//! own: every row that a client was shown must come out again. A journal that each of them writes to tells the
//! order, and positions in the log must agree with it and with the passing of time.

use std::collections::HashMap;

use rusqlite::types::Value;
use serde_json::{Value as Json, json};

use crate::mixed::append::Outcome;
use crate::support::{Cluster, Dice};

pub const SCHEMA: [&str; 2] = [
    "CREATE TABLE journal (n INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER)",
    "CREATE TABLE replayed (id INTEGER PRIMARY KEY, a INTEGER, b TEXT)",
];

/// A transaction, and what its client was told.
pub struct Replayed {
    pub number: u64,
    pub statements: Vec<Json>,
    pub start: u64,
    pub end: u64,
    pub outcome: Outcome,
    /// Its position in the log.
    pub index: Option<u64>,
    /// The rows of its last statement.
    pub shown: Json,
}

/// A transaction: the journal's row, a change, and a read.
pub fn statements(number: u64, dice: &mut Dice) -> Vec<Json> {
    let (some, other) = (dice.below(100), dice.below(13));
    let change = match dice.below(8) {
        0 | 1 => json!([
            "UPDATE replayed SET a = a + ?, b = substr(b || ?, -12) WHERE id % 7 = ?",
            some,
            some.to_string(),
            other % 7
        ]),
        2 => json!(["DELETE FROM replayed WHERE id % 13 = ? AND a > ?", other, some]),
        3 => json!([
            "INSERT INTO replayed (a, b) SELECT a + 1, b FROM replayed WHERE id % 13 = ? ORDER BY id LIMIT 2",
            other
        ]),
        4 => json!([
            "INSERT INTO replayed (id, a, b) VALUES (?, ?, 'u') ON CONFLICT (id) DO UPDATE SET a = a + excluded.a",
            some,
            other
        ]),
        _ => json!(["INSERT INTO replayed (a, b) VALUES (?, ?)", some, format!("w{number}")]),
    };
    let read = match dice.below(3) {
        0 => json!(["SELECT id, a, b FROM replayed WHERE id % 5 = ? ORDER BY id", other % 5]),
        1 => json!(["SELECT count(*), sum(a), max(id), min(b) FROM replayed WHERE a < ?", some]),
        _ => json!(["SELECT a % 3, count(*), max(b) FROM replayed GROUP BY 1 ORDER BY 1"]),
    };
    vec![json!(["INSERT INTO journal (number) VALUES (?)", number]), change, read]
}

fn bound(value: &Json) -> Value {
    match value {
        Json::Number(number) => Value::Integer(number.as_i64().unwrap()),
        Json::String(text) => Value::Text(text.clone()),
        other => panic!("no statement here has a {other}"),
    }
}

/// Runs a statement; its rows, as HTTP shows them.
fn run(connection: &rusqlite::Connection, statement: &Json) -> Json {
    let parts = statement.as_array().unwrap();
    let mut prepared = connection.prepare_cached(parts[0].as_str().unwrap()).unwrap();
    let columns = prepared.column_count();
    let mut rows =
        prepared.query(rusqlite::params_from_iter(parts[1..].iter().map(bound))).unwrap();
    let mut shown = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let value = |at| match row.get(at).unwrap() {
            Value::Null => Json::Null,
            Value::Integer(number) => json!(number),
            Value::Text(text) => json!(text),
            other => panic!("no column here has a {other:?}"),
        };
        shown.push((0..columns).map(value).collect::<Json>());
    }
    Json::Array(shown)
}

fn rows(cluster: &Cluster, place: usize, sql: &str) -> Json {
    let reply = cluster.nodes[place].execute("/db/query?level=linearizable", &json!([sql]));
    let values = reply["results"][0].get("values").cloned();
    assert!(reply["results"][0].get("error").is_none(), "UNKNOWN (harness): {reply}");
    values.unwrap_or_else(|| json!([]))
}

/// Runs them again. How many were committed.
pub fn check(told: &[Replayed], cluster: &Cluster) -> Result<usize, String> {
    let journal = rows(cluster, 0, "SELECT number FROM journal ORDER BY n");
    let order: Vec<u64> =
        journal.as_array().unwrap().iter().map(|row| row[0].as_u64().unwrap()).collect();
    let by_number: HashMap<u64, &Replayed> = told.iter().map(|one| (one.number, one)).collect();
    let places: HashMap<u64, usize> =
        order.iter().enumerate().map(|(at, number)| (*number, at)).collect();
    if places.len() != order.len() {
        return Err("the journal has a transaction twice".to_owned());
    }
    for one in told {
        let is_there = places.contains_key(&one.number);
        let number = one.number;
        match one.outcome {
            Outcome::Committed if !is_there => return Err(format!("{number} is lost")),
            Outcome::Failed if is_there => return Err(format!("{number} failed, and is there")),
            _ => {}
        }
    }
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch(&SCHEMA.join(";")).unwrap();
    for number in &order {
        let one = by_number.get(number).ok_or_else(|| format!("nobody wrote {number}"))?;
        let shown = one.statements.iter().map(|statement| run(&connection, statement)).last();
        let (shown, told) =
            (shown.unwrap(), if one.shown.is_null() { json!([]) } else { one.shown.clone() });
        if one.outcome == Outcome::Committed && shown != told {
            return Err(format!(
                "{number} was shown {told}, and again {shown}: {:?}",
                one.statements
            ));
        }
    }
    let all = "SELECT id, a, b FROM replayed ORDER BY id";
    let expected = run(&connection, &json!([all]));
    for place in 0..cluster.nodes.len() {
        let there = rows(cluster, place, all);
        if there != expected {
            return Err(format!(
                "node {} has {there}, again {expected}",
                cluster.nodes[place].name
            ));
        }
    }
    check_positions(order.iter().map(|number| by_number[number]))?;
    Ok(order.len())
}

/// In the journal's order positions never go back; and who ended before another began has the smaller one.
fn check_positions<'a>(order: impl Iterator<Item = &'a Replayed>) -> Result<(), String> {
    let known: Vec<(u64, &Replayed)> = order
        .filter(|one| one.outcome == Outcome::Committed)
        .map(|one| one.index.map(|index| (index, one)).ok_or("an answer has no position"))
        .collect::<Result<_, _>>()?;
    for pair in known.windows(2) {
        if pair[1].0 < pair[0].0 {
            let (one, other) = (pair[0].1.number, pair[1].1.number);
            return Err(format!("{one} at {} comes before {other} at {}", pair[0].0, pair[1].0));
        }
    }
    // From the last one back: nobody has ended before one began that comes earlier.
    let mut earliest_end = u64::MAX;
    for (index, one) in known.iter().rev() {
        if earliest_end < one.start {
            return Err(format!("{} at {index} began after a later one had ended", one.number));
        }
        earliest_end = earliest_end.min(one.end);
    }
    Ok(())
}
