//! Bytes from strangers: what takes bytes that anybody may have made is given any bytes at all.
//!
//! Each target returns, whatever it is given: no panic, no hang, no memory beyond a small multiple of the
//! bytes. The test here runs the corpora in `fuzz/corpus/`, and what a seed makes of them. Not in the
//! program.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::model::catalog::Catalog;
use crate::model::error::Error;
use crate::model::id::StoreId;
use crate::platform::disk::Disk;
use crate::platform::sim_disk::SimDisk;
use crate::raftlog::{Flushing, LeaderBytes, Limits, RaftLog, Record};
use crate::sql::{Action, Step};
use crate::{engine, http, peer, pg, raft, sql, sqlite};

/// Takes any bytes.
pub type Target = fn(&[u8]);

/// By name, which is also its corpus' folder.
pub const TARGETS: [(&str, Target); 5] =
    [("log", log), ("nodes", nodes), ("http", http), ("sql", sql), ("postgres", postgres)];

fn open(disk: &SimDisk) -> Option<RaftLog> {
    let limits = Limits { segment_bytes: 4096, cache_bytes: 1 << 16 };
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    RaftLog::open_with(disk, Path::new("data/raft"), StoreId([1; 16]), limits, Flushing::Inline)
        .ok()
}

/// The log's recovery. The first byte says which of a small log's files is replaced by the rest, or from
/// which place on it is.
pub fn log(bytes: &[u8]) {
    let [place, rest @ ..] = bytes else { return };
    let disk = SimDisk::default();
    disk.create_directory(Path::new("data")).expect("a fresh simulated disk takes it");
    let log = open(&disk).expect("nothing is wrong yet");
    for index in 0..4 {
        let payload = Bytes::from(vec![index as u8; 1500]);
        let record = Record { index, leader: LeaderBytes([0; 16]), payload, hash: 0 };
        let _done = log.append(vec![record], Box::new(|_| ()));
    }
    drop(log);
    let paths = disk.paths();
    let Some(path) = paths.get(usize::from(place & 7) % paths.len()) else { return };
    let mut contents = disk.contents(path);
    contents.truncate(usize::from(place >> 3) * 64);
    contents.extend(rest);
    disk.set_contents(path, &contents);
    let Some(log) = open(&disk) else { return };
    let end = log.extent().last.map_or(0, |(index, _)| index.saturating_add(1));
    // Damage is an answer, too.
    let _read = log.read(end.saturating_sub(8)..end, 1 << 16);
}

/// What other nodes send: frames, greetings, Raft's messages, the engine's.
pub fn nodes(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    peer::read_any(&bytes);
    raft::read_any(&bytes);
    engine::read_any(&bytes);
}

/// Bodies of HTTP requests.
pub fn http(bytes: &[u8]) {
    http::read_any(bytes);
}

/// What the compiler finds to work on.
const TABLES: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'fine');
    CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL DEFAULT 'x', price numeric(10,2), at timestamptz,
        tags text[], body jsonb, feeling mood, UNIQUE (name, price), CHECK (price > 0));
    CREATE TABLE u (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t int REFERENCES t ON DELETE CASCADE,
        day date, small smallint, real real, double double precision, flag boolean, raw bytea,
        span interval, key uuid, net inet, twice int GENERATED ALWAYS AS (small * 2) STORED);
    CREATE INDEX u_day ON u (day DESC, lower(key::text)) WHERE flag;
    CREATE VIEW v AS SELECT t.name, count(*) AS number FROM t LEFT JOIN u ON u.t = t.id GROUP BY t.name;
    CREATE SEQUENCE s";

/// A database with [`TABLES`], and its catalog.
struct Place {
    trial: sqlite::Trial,
    catalog: Catalog,
    settings: sql::CompileSettings,
}

impl Place {
    fn new() -> Self {
        let trial = sqlite::Trial::new();
        let settings = sql::CompileSettings::new("u", "d");
        for statement in sql::parse(TABLES).expect("TABLES is SQL") {
            let compiled = sql::compile(&statement, &trial.catalog(), &settings, &[]);
            let compiled = compiled.expect("TABLES needs nothing that isn't there");
            assert!(try_out(&trial, &compiled.action), "TABLES can be made");
        }
        Self { catalog: trial.catalog(), trial, settings }
    }
}

/// Has SQLite read what a statement became; runs it if it makes what its later steps need. Whether it ran to
/// its end.
fn try_out(trial: &sqlite::Trial, action: &Action) -> bool {
    let sure = |sql: &str, tried: Result<bool, Error>| {
        tried.unwrap_or_else(|error| panic!("SQLite can't read {sql}: {}", error.message()))
    };
    let read = |sql: &str| sure(sql, trial.prepare(sql).map(|()| true));
    match action {
        Action::Query { program, .. } => read(&program.sql),
        Action::SetConfig { arguments, program } => read(&arguments.sql) && read(&program.sql),
        Action::Write { steps, changes_catalog, .. } => {
            steps.iter().all(|Step { program, .. }| {
                if *changes_catalog {
                    sure(&program.sql, trial.run(&program.sql))
                } else {
                    read(&program.sql)
                }
            })
        }
        _ => true,
    }
}

/// Text to the compiler, over a catalog with some tables; what it writes must be SQL to SQLite.
pub fn sql(bytes: &[u8]) {
    thread_local! {
        static PLACE: Place = Place::new();
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(statements) = sql::parse(text) else { return };
    PLACE.with(|place| {
        for statement in &statements {
            // Most of what parses is wrong all the same.
            if let Ok(compiled) = sql::compile(statement, &place.catalog, &place.settings, &[]) {
                place.trial.undone(|| try_out(&place.trial, &compiled.action));
            }
        }
    });
}

/// What a PostgreSQL client sends: a start-up packet, and messages.
pub fn postgres(bytes: &[u8]) {
    pg::read_any(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::random::Random;

    fn corpus(target: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        let mut paths: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
    }

    /// Pieces of two inputs, with some bytes changed.
    fn mutate(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut pick = || &corpus[random.below(corpus.len() as u64) as usize];
        let (one, other) = (pick(), pick());
        let mut at = |bytes: &[u8]| random.below(bytes.len() as u64 + 1) as usize;
        let mut bytes = one[..at(one)].to_vec();
        bytes.extend(&other[at(other)..]);
        for _ in 0..random.below(8) {
            if bytes.is_empty() {
                break;
            }
            let at = random.below(bytes.len() as u64) as usize;
            match random.below(4) {
                0 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5) as usize],
                1 => bytes[at] ^= 1 << random.below(8),
                2 => _ = bytes.remove(at),
                _ => bytes.insert(at, b"()'\"[]{},;$0"[random.below(12) as usize]),
            }
        }
        bytes
    }

    #[test]
    fn every_target_comes_back_whatever_it_is_given() {
        let setting = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
        let (rounds, seed) =
            (setting("FUZZ_ROUNDS").unwrap_or(300), setting("FUZZ_SEED").unwrap_or(1));
        for (name, target) in TARGETS {
            let corpus = corpus(name);
            assert!(!corpus.is_empty(), "{name} has no corpus");
            for bytes in &corpus {
                target(bytes);
            }
            let mut random = Random(seed);
            for _ in 0..rounds {
                let bytes = mutate(&mut random, &corpus);
                let input = bytes.clone();
                let came_back = std::panic::catch_unwind(|| target(&input));
                assert!(came_back.is_ok(), "{name}: {:?}", bytes.escape_ascii().to_string());
            }
        }
    }
}
