//! Random typed expressions and queries over random tables, to Eider and to PostgreSQL. A difference is
//! made as small as it gets, and printed once for each kind.
//!
//! A seed says all: the same seed makes the same tables and queries.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::answer::{difference, render};
use crate::play::Server;
use crate::wire::{Bound, Connection};
use crate::{eider, oracle};

mod expression;
mod query;

use query::Query;

const DATABASE: &str = "differential_generated";
/// Queries over one set of tables.
const QUERIES: usize = 200;

/// SplitMix64.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// Both servers, at the same tables.
struct Pair {
    postgres: Connection,
    eider: Connection,
}

impl Pair {
    fn open(servers: &[Server; 2]) -> std::io::Result<Self> {
        for server in servers {
            server.renew(DATABASE)?;
        }
        let [postgres, eider] = servers;
        Ok(Self {
            postgres: Connection::open(&postgres.address, DATABASE)?,
            eider: Connection::open(&eider.address, DATABASE)?,
        })
    }

    /// What a statement's answers differ in; `None` if they don't. Rows are a set.
    fn differ(&mut self, sql: &str, binary: bool) -> Option<(String, String, String)> {
        let ask = |connection: &mut Connection| {
            let answer = if binary {
                let bound = Bound { binary_results: true, ..Bound::default() };
                connection.extended(sql, &bound)
            } else {
                connection.simple(sql, None)
            };
            answer.map_or_else(|error| format!("no answer: {error}\n"), |a| render(&a, false))
        };
        let (expected, got) = (ask(&mut self.postgres), ask(&mut self.eider));
        let same = expected == got
            || (run_time(&expected) && run_time(&got))
            || (run_time(&expected) && !fails(&got) && self.fails_to_plan(sql))
            || (run_time(&got)
                && !fails(&expected)
                && (is_cut_short(sql) || self.plans_a_null(sql)))
            || (run_time(&expected) && !fails(&got) && may_be_left_out(sql))
            || chosen_freely(sql, &expected) == chosen_freely(sql, &got)
            || (binary && is_merged(sql) && self.differ(sql, false).is_none());
        (!same).then(|| (difference(&expected, &got), expected, got))
    }

    /// Whether PostgreSQL finds a NULL while it plans, beside which nothing is computed: it computes all
    /// functions of constants then.
    fn plans_a_null(&mut self, sql: &str) -> bool {
        let plan = self.postgres.simple(&format!("EXPLAIN (VERBOSE, COSTS OFF) {sql}"), None);
        plan.is_ok_and(|plan| render(&plan, false).contains("NULL::"))
    }

    /// Whether PostgreSQL meets an error before there are rows: it computes constants while it plans, also
    /// those that no row would ever ask for.
    fn fails_to_plan(&mut self, sql: &str) -> bool {
        let answer = self.postgres.simple(&format!("EXPLAIN {sql}"), None);
        answer.is_ok_and(|answer| run_time(&render(&answer, false)))
    }
}

/// Whether a part of a condition may decide all of it: which part is computed first isn't defined.
fn is_cut_short(sql: &str) -> bool {
    [" AND ", " OR ", ") = (", ") < (", ") > (", " IN "].iter().any(|word| sql.contains(word))
}

/// Whether a part may not matter: of a condition, or beside a NULL. SQLite computes a part that has a query
/// last, and the compiler leaves out more than PostgreSQL's planner.
fn may_be_left_out(sql: &str) -> bool {
    let has_query = sql.matches("SELECT ").count() > 1;
    has_query || is_cut_short(sql) || ["CASE ", "BETWEEN "].iter().any(|word| sql.contains(word))
}

/// Whether equal values become one, or some of them are chosen.
fn is_merged(sql: &str) -> bool {
    let words = ["DISTINCT ", " UNION ", " INTERSECT ", " EXCEPT ", " GROUP BY ", " LIMIT "];
    words.iter().any(|word| sql.contains(word))
}

/// An answer without what PostgreSQL's planner chooses.
fn chosen_freely(sql: &str, answer: &str) -> String {
    // Where the planner leaves out a NULL, a branch or a query, it may find a modifier in what is left.
    let leaves_out = ["coalesce(", "CASE ", " UNION ", " INTERSECT ", " EXCEPT "];
    let leaves_out = leaves_out.iter().any(|word| sql.contains(word));
    let line = |line: &str| {
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        match words.first().map(String::as_str) {
            // Which of several equal values stands for them.
            Some("row") if is_merged(sql) => words.iter_mut().for_each(|word| *word = plain(word)),
            Some("column") if leaves_out => drop(words.pop()),
            _ => {}
        }
        words.join(" ")
    };
    let mut lines: Vec<String> = answer.lines().map(line).collect();
    // Values that look otherwise stand elsewhere among the rows.
    for rows in
        lines.chunk_by_mut(|last, next| last.starts_with("row ") == next.starts_with("row "))
    {
        if rows[0].starts_with("row ") {
            rows.sort_unstable();
        }
    }
    // PostgreSQL tells the columns of a portal again if they aren't those of its statement. Columns that are alike
    // become one, as nobody can tell them from those.
    let is_column = |line: &String| line.starts_with("column ");
    let mut kept = Vec::new();
    for run in lines.chunk_by(|last, next| is_column(last) == is_column(next)) {
        let mut left = run;
        while let (once, again) = left.split_at(left.len() / 2)
            && is_column(&run[0])
            && once == again
        {
            left = once;
        }
        kept.extend_from_slice(left);
    }
    kept.join("\n")
}

/// A number without zeros at its end, or a sign of zero.
fn plain(word: &str) -> String {
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
    let word = match word {
        number if is_number && number.contains('.') => {
            number.trim_end_matches('0').trim_end_matches('.')
        }
        other => other,
    };
    if word == "-0" { "0".to_owned() } else { word.to_owned() }
}

fn fails(text: &str) -> bool {
    text.contains("error ERROR")
}

/// Whether an error is one of values rather than of the statement.
fn run_time(text: &str) -> bool {
    text.contains("error ERROR 22")
}

/// Gives smaller queries as long as they differ in the same way.
fn minimize(pair: &mut Pair, query: Query, kind: &str, binary: bool) -> Query {
    let mut smallest = query;
    loop {
        let smaller = smallest.smaller().into_iter().find(|candidate| {
            pair.differ(&candidate.to_string(), binary).is_some_and(|(what, ..)| what == kind)
        });
        match smaller {
            Some(candidate) => smallest = candidate,
            None => return smallest,
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// # Errors
/// If a server isn't there.
pub fn run() -> Result<bool, String> {
    let (server, _running) = eider();
    let servers = [oracle()?, server];
    let deadline = Instant::now() + Duration::from_secs(number("EIDER_SECONDS", 60));
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let (mut seed, mut queries) = (number("EIDER_SEED", 0), 0);
    while Instant::now() < deadline {
        let mut random = Random(seed);
        let mut pair = Pair::open(&servers).map_err(|error| error.to_string())?;
        for sql in query::tables(&mut random) {
            if let Some((what, expected, got)) = pair.differ(&sql, false) {
                return Err(format!("seed {seed}: {what}: {sql}\n{expected}---\n{got}"));
            }
        }
        for _ in 0..QUERIES {
            let query = Query::random(&mut random);
            let binary = random.one_in(2);
            queries += 1;
            let Some((kind, expected, got)) = pair.differ(&query.to_string(), binary) else {
                continue;
            };
            // What isn't computed can't fail, and that is for the planner to choose.
            if query.leaves_out_rows() && (run_time(&expected) || run_time(&got)) {
                continue;
            }
            let count = kinds.entry(kind.clone()).or_default();
            *count += 1;
            if *count > 1 {
                continue;
            }
            let small = minimize(&mut pair, query, &kind, binary).to_string();
            if let Some((kind, expected, got)) = pair.differ(&small, binary) {
                println!(
                    "seed {seed}: {kind}\n{small}\n--- PostgreSQL\n{expected}--- Eider\n{got}"
                );
            }
        }
        seed += 1;
    }
    println!("{queries} queries, seeds up to {seed}");
    for (kind, count) in &kinds {
        println!("{count:6}  {kind}");
    }
    for server in &servers {
        server.drop_database(DATABASE).map_err(|error| error.to_string())?;
    }
    Ok(kinds.is_empty())
}
