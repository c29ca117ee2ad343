//! Single bits flip in a node's files while it is down. It must notice, or come to no harm: it never
//! shows at `linearizable` what was not written, and its file ends up equal to the others'.
//!
//! A node that notices is replaced, as docs/operations/recover.md says; where nothing was noticed the
//! bit is flipped back after a look at all rows. `EIDER_FLIP_ROUNDS` and `EIDER_FLIP_SEED` set how many
//! bits, and which.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;

use crate::support::{Cluster, Dice, PATIENCE, from_env, wait_for};

/// Rows that each look reads, and their sum of lengths.
const ROWS: usize = 3000;

/// A bit of a file.
#[derive(Debug, Clone)]
struct Bit {
    file: PathBuf,
    at: usize,
    mask: u8,
}

impl Bit {
    /// Some bit of some file of a node.
    fn choose(directory: &Path, dice: &mut Dice) -> Self {
        let mut files = Vec::new();
        list(directory, &mut files);
        files.sort();
        let (file, length) = files.swap_remove(dice.below(files.len()));
        Self { file, at: dice.below(length), mask: 1 << dice.below(8) }
    }

    /// Flips it. Returns the byte as it is then.
    fn flip(&self) -> u8 {
        let mut bytes = std::fs::read(&self.file).unwrap();
        bytes[self.at] ^= self.mask;
        std::fs::write(&self.file, &bytes).unwrap();
        bytes[self.at]
    }

    /// Flips it back if it still is what `flip` made of it.
    fn restore(&self, flipped: u8) {
        let bytes = std::fs::read(&self.file).unwrap_or_default();
        if bytes.get(self.at) == Some(&flipped) {
            self.flip();
        }
    }
}

/// The files under a directory that hold something, and up to where: space that was set aside for
/// later is zeros.
fn list(directory: &Path, files: &mut Vec<(PathBuf, usize)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            list(&entry.path(), files);
        } else if kind.is_file() {
            let bytes = std::fs::read(entry.path()).unwrap();
            if let Some(last) = bytes.iter().rposition(|byte| *byte != 0) {
                files.push((entry.path(), last + 1));
            }
        }
    }
}

/// What came of a start with a flipped bit.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The node didn't start, or stopped, or said that a page is damaged.
    Noticed,
    Harmless,
}

/// Starts a node and reads everything there is through it.
fn look(cluster: &mut Cluster, place: usize, expected: &str) -> Outcome {
    cluster.nodes[place].start();
    let deadline = Instant::now() + PATIENCE;
    loop {
        if !cluster.nodes[place].is_alive() {
            return Outcome::Noticed;
        }
        if cluster.nodes[place].get("/readyz").is_some_and(|reply| reply.status == 200) {
            break;
        }
        assert!(Instant::now() < deadline, "not ready in time\n{}", cluster.standing());
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    for sql in [
        "SELECT id, filler FROM flipped NOT INDEXED ORDER BY id",
        "SELECT filler, id FROM flipped INDEXED BY flipped_filler ORDER BY filler, id",
    ] {
        // The node has just started, and may have something to catch up with.
        let path = "/db/query?level=linearizable&linearizable_timeout=60s";
        let Some(reply) = cluster.nodes[place].post(path, &json!([sql]).to_string()) else {
            return Outcome::Noticed;
        };
        if reply.status != 200 || reply.body.contains("\"error\"") {
            assert!(
                reply.status != 200 || reply.body.contains("damaged"),
                "node {}: {}\n{}",
                cluster.nodes[place].name,
                reply.body,
                cluster.standing()
            );
            return Outcome::Noticed;
        }
        let answer: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        let rows = answer["results"][0]["values"].as_array().unwrap();
        let mut shown: Vec<String> = rows
            .iter()
            .map(|row| {
                let (a, b) = (&row[0], &row[1]);
                if a.is_number() { format!("{a}{b}") } else { format!("{b}{a}") }
            })
            .collect();
        shown.sort();
        assert!(
            shown.concat() == expected,
            "a damaged row was shown by node {}\n{}",
            cluster.nodes[place].name,
            cluster.standing()
        );
    }
    Outcome::Harmless
}

/// Copies all of a stopped node's WAL into the database file, so that this is what it reads.
fn checkpoint(directory: &Path) {
    let database = rusqlite::Connection::open(directory.join("db.sqlite")).unwrap();
    let busy: i64 =
        database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
    assert_eq!(busy, 0);
}

/// Takes a node out of the cluster and puts a new one, with an empty directory, into its place.
fn replace(cluster: &mut Cluster, place: usize) {
    cluster.nodes[place].kill();
    let helper = (place + 1) % cluster.nodes.len();
    let removed = json!({"id": cluster.nodes[place].name}).to_string();
    wait_for("the removal", || {
        let reply = cluster.nodes[helper].get("/nodes")?;
        if !reply.body.contains(&format!("\"{}\":", cluster.nodes[place].name)) {
            return Some(());
        }
        let asked = Some(removed.as_str());
        let reply = crate::support::request(cluster.nodes[helper].http, "DELETE", "/remove", asked);
        if reply.as_ref().is_none_or(|reply| reply.status != 200) {
            let why = reply.map(|reply| reply.body);
            println!("not removed yet: {why:?}\n{}", cluster.standing());
        }
        None
    });
    // Hundreds of them would fill a disk.
    std::fs::remove_dir_all(&cluster.nodes[place].dir).unwrap();
    cluster.replace(place, helper);
    cluster.nodes[place].wait_ready();
}

#[test]
fn a_flipped_bit_is_noticed_or_harmless() {
    let rounds = from_env("EIDER_FLIP_ROUNDS", 6);
    let mut dice = Dice(from_env("EIDER_FLIP_SEED", 1) as u64);
    let mut cluster = Cluster::start(3);
    let schema = json!([
        "CREATE TABLE flipped (id INTEGER PRIMARY KEY, filler TEXT)",
        "CREATE INDEX flipped_filler ON flipped (filler)",
    ]);
    cluster.nodes[0].execute("/db/execute", &schema);
    let rows: Vec<serde_json::Value> = (0..ROWS)
        .map(|id| {
            let filler = format!("{:x>1$}", id * 7919 % 10007, 20 + id % 90);
            json!(["INSERT INTO flipped VALUES (?, ?)", id, filler])
        })
        .collect();
    let mut shown: Vec<String> = rows.iter().map(|row| format!("{}{}", row[1], row[2])).collect();
    shown.sort();
    let expected = shown.concat();
    for batch in rows.chunks(500) {
        cluster.nodes[0].execute("/db/execute?transaction", &json!(batch));
    }
    cluster.nodes[0].execute("/db/execute", &json!(["CREATE TABLE alive (n INTEGER PRIMARY KEY)"]));
    let mut noticed = BTreeMap::<String, [usize; 2]>::new();
    for round in 0..rounds {
        let place = round % 3;
        if round % 2 == 0 {
            cluster.nodes[place].stop();
            checkpoint(&cluster.nodes[place].dir);
        } else {
            cluster.nodes[place].kill();
        }
        let bit = Bit::choose(&cluster.nodes[place].dir, &mut dice);
        let flipped = bit.flip();
        print!("{bit:?}: ");
        let outcome = look(&mut cluster, place, &expected);
        println!("{outcome:?}");
        let name = bit.file.strip_prefix(&cluster.nodes[place].dir).unwrap();
        let kind = name.to_string_lossy().trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
        noticed.entry(kind).or_default()[usize::from(outcome == Outcome::Harmless)] += 1;
        cluster.nodes[place].kill();
        if outcome == Outcome::Noticed {
            replace(&mut cluster, place);
        } else {
            bit.restore(flipped);
            cluster.nodes[place].start();
            cluster.nodes[place].wait_ready();
        }
        let alive = json!([["INSERT INTO alive VALUES (?)", round]]);
        wait_for("a write", || {
            let reply = cluster.nodes[(place + 1) % 3].post("/db/execute", &alive.to_string())?;
            // It may have been done by a request whose answer was lost.
            (reply.body.contains("rows_affected") || reply.body.contains("UNIQUE")).then_some(())
        });
    }
    println!("of {rounds} bits, noticed and harmless by file: {noticed:?}");
    cluster.stop_and_compare();
}
