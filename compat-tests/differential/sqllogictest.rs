//! The public sqllogictest corpus over the wire: its records that apply to PostgreSQL, counted by
//! family. It stays outside the tree: `$EIDER_SQLLOGICTEST` names a file or a folder of `.test` files.
//!
//! With `--live`, records that Eider fails are given to PostgreSQL, too: only those that PostgreSQL
//! passes count against Eider.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use md5::{Digest as _, Md5};

use crate::play::Server;
use crate::wire::{Answer, Connection, Event, Value};
use crate::{eider, oracle};

const AT_A_TIME: usize = 2;
const BOOLEAN: u32 = 16;
/// A record that takes longer is printed.
const SLOW: Duration = Duration::from_secs(10);
/// Examples of failures that are printed.
const SHOWN: usize = 40;

#[derive(Debug)]
enum Expected {
    Success,
    Failure,
    /// Types of columns, how to sort, and the lines.
    Rows {
        types: Vec<u8>,
        sort: String,
        lines: Vec<String>,
    },
}

#[derive(Debug)]
struct Record {
    sql: String,
    expected: Expected,
}

/// The records of a file that are for PostgreSQL.
fn parse(text: &str) -> Vec<Record> {
    let mut records = Vec::new();
    for block in text.replace('\r', "").split("\n\n") {
        let mut lines = block.lines().filter(|line| !line.starts_with('#')).peekable();
        let mut applies = true;
        while let Some(line) =
            lines.next_if(|line| line.starts_with("skipif ") || line.starts_with("onlyif "))
        {
            let is_ours = line.split_whitespace().nth(1) == Some("postgresql");
            applies &= line.starts_with("onlyif") == is_ours;
        }
        let Some(head) = lines.by_ref().find(|line| !line.trim().is_empty()) else { continue };
        let words: Vec<&str> = head.split_whitespace().collect();
        let mut sql: Vec<&str> = Vec::new();
        while let Some(line) = lines.next_if(|line| *line != "----") {
            sql.push(line);
        }
        let expected = match words[..] {
            ["halt", ..] if applies => break,
            ["statement", "ok", ..] => Expected::Success,
            ["statement", "error", ..] => Expected::Failure,
            ["query", types, ref rest @ ..] => Expected::Rows {
                types: types.as_bytes().to_vec(),
                sort: rest.first().copied().unwrap_or("nosort").to_owned(),
                lines: lines.skip(1).map(str::to_owned).collect(),
            },
            _ => continue,
        };
        if applies {
            records.push(Record { sql: sql.join("\n"), expected });
        }
    }
    records
}

/// A value as the corpus writes it.
fn show(value: &Value, kind: u8, is_boolean: bool) -> String {
    let Some(bytes) = value else { return "NULL".into() };
    let text = String::from_utf8_lossy(bytes);
    let text = match (is_boolean, text.as_ref()) {
        (true, "t") => "1",
        (true, _) => "0",
        (false, text) => text,
    };
    match kind {
        b'I' => text
            .parse::<f64>()
            .map_or("0".into(), |number| text.parse::<i64>().unwrap_or(number as i64).to_string()),
        b'R' => text.parse::<f64>().map_or(text.to_owned(), |number| format!("{number:.3}")),
        _ if text.is_empty() => "(empty)".into(),
        _ => text.chars().map(|c| if (' '..='~').contains(&c) { c } else { '@' }).collect(),
    }
}

/// The lines that the corpus would have for an answer.
fn lines(answer: &Answer, types: &[u8], sort: &str) -> Vec<String> {
    let columns = answer.events.iter().find_map(|event| match event {
        Event::Columns(columns) => Some(columns.as_slice()),
        _ => None,
    });
    let is_boolean = |place: usize| {
        columns.and_then(|columns| columns.get(place)).is_some_and(|c| c.type_oid == BOOLEAN)
    };
    let row = |row: &Vec<Value>| -> Vec<String> {
        let shown = row.iter().enumerate().map(|(place, value)| {
            show(value, types.get(place).copied().unwrap_or(b'T'), is_boolean(place))
        });
        shown.collect()
    };
    let mut rows: Vec<_> = answer.rows().map(row).collect();
    if sort == "rowsort" {
        rows.sort();
    }
    let mut values: Vec<String> = rows.into_iter().flatten().collect();
    if sort == "valuesort" {
        values.sort();
    }
    values
}

fn hashed(values: &[String]) -> String {
    let mut hash = Md5::new();
    for value in values {
        hash.update(value.as_bytes());
        hash.update(b"\n");
    }
    let digest = hash.finalize().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String");
        text
    });
    format!("{} values hashing to {digest}", values.len())
}

/// `Err` says how the answer isn't as the record wants it.
fn judge(record: &Record, answer: &Answer) -> Result<(), String> {
    let error = answer.error().map(|fields| {
        let get = |letter| fields.get(&letter).map_or("", String::as_str);
        format!("{} {}", get('C'), get('M'))
    });
    match (&record.expected, error) {
        (Expected::Success | Expected::Rows { .. }, Some(error)) => Err(error),
        (Expected::Failure, None) => Err("should have failed".into()),
        (Expected::Success, None) | (Expected::Failure, Some(_)) => Ok(()),
        (Expected::Rows { types, sort, lines: expected }, None) => {
            let got = lines(answer, types, sort);
            let is_hash = |line: &String| line.contains(" values hashing to ");
            let same = match expected.first().filter(|line| is_hash(line)) {
                Some(line) => *line == hashed(&got),
                None => *expected == got,
            };
            if same { Ok(()) } else { Err("rows differ".into()) }
        }
    }
}

#[derive(Debug, Default, Clone)]
struct Count {
    files: usize,
    records: usize,
    passed: usize,
    /// Failed here, and on PostgreSQL, too.
    excused: usize,
    /// How long Eider took to answer.
    taken: Duration,
}

#[derive(Default)]
struct Totals {
    families: BTreeMap<String, Count>,
    causes: BTreeMap<String, usize>,
    examples: Vec<String>,
}

fn play(
    server: &Server,
    postgres: Option<&Server>,
    path: &Path,
    number: usize,
) -> Result<Totals, String> {
    let text =
        String::from_utf8_lossy(&std::fs::read(path).map_err(|e| e.to_string())?).into_owned();
    let database = format!("differential_slt_{number}");
    let open = |server: &Server| {
        server.renew(&database)?;
        Connection::open(&server.address, &database)
    };
    let mut connection = open(server).map_err(|error| error.to_string())?;
    let mut other = postgres.map(open).transpose().map_err(|error| error.to_string())?;
    let mut totals = Totals::default();
    let mut count = Count { files: 1, ..Count::default() };
    for record in parse(&text) {
        let asked = Instant::now();
        let answer = connection.simple(&record.sql, None).map_err(|error| error.to_string())?;
        let taken = asked.elapsed();
        count.taken += taken;
        if taken > SLOW {
            println!(
                "{}: {} s: {}",
                path.display(),
                taken.as_secs(),
                record.sql.replace('\n', " ")
            );
        }
        count.records += 1;
        let outcome = judge(&record, &answer);
        count.passed += usize::from(outcome.is_ok());
        // PostgreSQL has to be in the same state, so it is given what changes something, too.
        let is_statement = !matches!(record.expected, Expected::Rows { .. });
        let mut excused = false;
        if let Some(other) = other.as_mut().filter(|_| is_statement || outcome.is_err()) {
            let answer = other.simple(&record.sql, None).map_err(|error| error.to_string())?;
            excused = outcome.is_err() && judge(&record, &answer).is_err();
        }
        let Err(cause) = outcome else { continue };
        if excused {
            count.excused += 1;
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        totals.examples.push(format!("{name}: {cause}: {}", record.sql.replace('\n', " ")));
        let cause: String =
            cause.chars().map(|c| if c.is_ascii_digit() { 'N' } else { c }).collect();
        *totals.causes.entry(cause).or_default() += 1;
    }
    drop((connection, other));
    for server in std::iter::once(server).chain(postgres) {
        server.drop_database(&database).map_err(|error| error.to_string())?;
    }
    totals.families.insert(family(path), count);
    Ok(totals)
}

/// The folder and the one above it: `index/between`.
fn family(path: &Path) -> String {
    let is_size = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    let parts: Vec<_> =
        path.parent().into_iter().flat_map(Path::iter).filter_map(|part| part.to_str()).collect();
    let named: Vec<_> = parts.into_iter().filter(|part| !is_size(part)).collect();
    named[named.len().saturating_sub(2)..].join("/")
}

fn files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.extension().is_some_and(|extension| extension == "test") {
        found.push(path.to_owned());
    }
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        files(&entry.path(), found);
    }
}

/// # Errors
/// If the corpus or a server isn't there.
pub fn run(live: bool) -> Result<bool, String> {
    let root = std::env::var("EIDER_SQLLOGICTEST").map_err(|_| {
        "EIDER_SQLLOGICTEST has to name a .test file or a folder of them".to_owned()
    })?;
    let mut paths = Vec::new();
    files(Path::new(&root), &mut paths);
    paths.sort();
    let (server, _running) = eider();
    let postgres = live.then(oracle).transpose()?;
    let (next, totals) = (AtomicUsize::new(0), Mutex::new(Totals::default()));
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(path) = paths.get(number) else { break };
                    match play(&server, postgres.as_ref(), path, number) {
                        Ok(one) => add(&mut totals.lock().unwrap(), path, one),
                        Err(error) => {
                            failures.lock().unwrap().push(format!("{}: {error}", path.display()));
                        }
                    }
                }
            });
        }
    });
    let totals = totals.into_inner().unwrap();
    print(&totals);
    let failures = failures.into_inner().unwrap();
    for failure in &failures {
        println!("NOT PLAYED: {failure}");
    }
    Ok(failures.is_empty() && totals.causes.is_empty())
}

fn add(totals: &mut Totals, path: &Path, one: Totals) {
    for (family, count) in one.families {
        let failed = count.records - count.passed - count.excused;
        let (file, taken) = (path.display(), count.taken.as_secs_f32());
        println!("{file}: {} records, {failed} failed, {taken:.1} s", count.records);
        let sum = totals.families.entry(family).or_default();
        sum.files += count.files;
        sum.records += count.records;
        sum.passed += count.passed;
        sum.excused += count.excused;
        sum.taken += count.taken;
    }
    for (cause, count) in one.causes {
        *totals.causes.entry(cause).or_default() += count;
    }
    totals.examples.extend(one.examples.into_iter().take(SHOWN));
}

fn print(totals: &Totals) {
    for example in totals.examples.iter().take(SHOWN) {
        println!("{}", example.chars().take(300).collect::<String>());
    }
    println!("\ncauses");
    let mut causes: Vec<_> = totals.causes.iter().collect();
    causes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (cause, count) in causes.iter().take(SHOWN) {
        println!("{count:8} {cause}");
    }
    println!("\n{:32} files   records    passed  as PostgreSQL  failed  seconds", "family");
    for (family, count) in &totals.families {
        let failed = count.records - count.passed - count.excused;
        println!(
            "{family:32} {:5} {:9} {:9} {:14} {failed:7} {:8.1}",
            count.files,
            count.records,
            count.passed,
            count.excused,
            count.taken.as_secs_f32()
        );
    }
}
