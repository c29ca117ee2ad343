//! How long it takes to compile a statement that isn't in any cache: from its text to SQLite's.
//!
//! `cargo bench --bench compile` prints the median for each statement, in microseconds. The goal is
//! less than 50 for simple ones.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark prints, fails by panicking and runs on real time"
)]

use std::time::Instant;

use eider::datum::Style;
use eider::model::catalog::Catalog;
use eider::sql::{CompileSettings, compile, parse};

const ROUNDS: usize = 2000;

const STATEMENTS: &[&str] = &[
    "SELECT 1",
    "SELECT relname FROM pg_class WHERE oid = $1",
    "SELECT relname, relkind FROM pg_class WHERE relname = $1 AND relnatts > 3 ORDER BY relname LIMIT 10",
    "SELECT count(*), max(relnatts) FROM pg_class WHERE relname LIKE 'pg_%' GROUP BY relkind",
    "SELECT lower(a.attname) || ':' || coalesce(a.attnum, 0) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relname IN ('a', 'b', 'c')",
];

fn main() {
    let settings = CompileSettings {
        search_path: vec!["public".to_owned()],
        user: "postgres".to_owned(),
        database: "postgres".to_owned(),
        time_zone: "UTC".to_owned(),
        style: Style::default(),
    };
    let catalog = Catalog::default();
    for text in STATEMENTS {
        let once = || {
            let parsed = parse(text).unwrap();
            let parsing = Instant::now();
            compile(&parsed[0], &catalog, &settings, &[]).unwrap();
            parsing.elapsed()
        };
        // The first one reads PostgreSQL's catalog.
        once();
        let mut whole = Vec::with_capacity(ROUNDS);
        let mut compiling = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let start = Instant::now();
            compiling.push(once());
            whole.push(start.elapsed());
        }
        whole.sort_unstable();
        compiling.sort_unstable();
        let micros = |times: &[std::time::Duration]| times[ROUNDS / 2].as_nanos() as f64 / 1000.0;
        println!("{:8.1} us ({:.1} without parsing)  {text}", micros(&whole), micros(&compiling));
    }
}
