//! Bytes from strangers: what takes bytes that anybody may have made is given any bytes at all.
//!
//! Each target returns, whatever it is given: no panic, no hang, no memory beyond a small multiple of the
//! bytes. The test here runs the corpora in `fuzz/corpus/`, and what a seed makes of them. Not in the
//! program.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;

use crate::model::catalog::Catalog;
use crate::model::id::StoreId;
use crate::platform::disk::Disk;
use crate::platform::sim_disk::SimDisk;
use crate::raftlog::{Flushing, LeaderBytes, Limits, RaftLog, Record};
use crate::{engine, http, peer, pg, raft, sql};

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

/// Text to the compiler, over a catalog without tables.
pub fn sql(bytes: &[u8]) {
    static SETTINGS: LazyLock<sql::CompileSettings> =
        LazyLock::new(|| sql::CompileSettings::new("u", "d"));
    static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::default);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(statements) = sql::parse(text) else { return };
    for statement in &statements {
        // Most of what parses is wrong all the same.
        let _compiled = sql::compile(statement, &CATALOG, &SETTINGS, &[]);
    }
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
