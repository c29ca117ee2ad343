//! Random bytes and damaged sessions on every port, from a seed; nothing may end or fill a node.

use std::io::Write as _;
use std::net::TcpStream;

use crate::strangers::bytes::{bind, converse, execute, message, parse, query, startup, sync};
use crate::support::{Cluster, Dice, Node};

/// Changes, drops, doubles or cuts some bytes.
fn damage(dice: &mut Dice, bytes: &mut Vec<u8>, from: usize) {
    for _ in 0..=dice.below(4) {
        if bytes.len() <= from {
            return;
        }
        let at = from + dice.below(bytes.len() - from);
        match dice.below(5) {
            0 => bytes[at] ^= 1 << dice.below(8),
            1 => bytes[at] = [0, 1, 4, 0x7f, 0x80, 0xff][dice.below(6)],
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, bytes[at]),
            _ => bytes.truncate(at),
        }
    }
}

/// The resident memory of a node, in bytes.
fn memory(node: &Node) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

fn seed() -> u64 {
    std::env::var("STRANGER_SEED").map_or(1, |seed| seed.parse().unwrap())
}

fn rounds() -> usize {
    std::env::var("STRANGER_ROUNDS").map_or(400, |rounds| rounds.parse().unwrap())
}

/// Sends it, says that no more comes, and waits until the server has had enough.
fn throw(port: u16, bytes: &[u8]) {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    drop((&stream).write_all(bytes));
    drop(stream.shutdown(std::net::Shutdown::Write));
    drop(std::io::copy(&mut &stream, &mut std::io::sink()));
}

#[test]
fn damaged_sessions_end_themselves_only() {
    let mut cluster = Cluster::start(1);
    let mut dice = Dice(seed());
    let address = format!("127.0.0.1:{}", cluster.nodes[0].pg);
    let session = [
        startup("postgres"),
        query("CREATE TABLE IF NOT EXISTS noise (a integer PRIMARY KEY, b text)"),
        parse("SELECT a, b FROM noise WHERE a = 5 ORDER BY b LIMIT 3"),
        message(b'D', b"S\0"),
        bind(),
        message(b'D', b"P\0"),
        execute(2),
        execute(0),
        sync(),
        message(b'P', b"n\0INSERT INTO noise VALUES ($1, $2) ON CONFLICT DO NOTHING\0\0\0"),
        message(b'B', b"\0n\0\0\x02\0\x01\0\0\0\x02\0\0\0\x04\0\0\0\x09\0\0\0\x02ab\0\0"),
        execute(0),
        sync(),
        query("COPY noise FROM STDIN"),
        message(b'd', b"10\tten\n"),
        message(b'c', b""),
        message(b'X', b""),
    ];
    let whole = session.concat();
    for round in 0..rounds() {
        let mut bytes = whole.clone();
        // Half of them get in first.
        let from = if round % 2 == 0 { session[0].len() } else { 0 };
        damage(&mut dice, &mut bytes, from);
        throw(cluster.nodes[0].pg, &bytes);
    }
    let answer = converse(&address, &whole);
    assert!(!answer.is_empty());
    assert!(cluster.nodes[0].is_alive(), "{}", cluster.nodes[0].log());
    let log = cluster.nodes[0].log();
    assert!(!log.contains("panic"), "seed {}: {log}", seed());
}

#[test]
fn noise_between_nodes_is_refused() {
    let mut cluster = Cluster::start(3);
    let mut dice = Dice(seed() + 1);
    for round in 0..rounds() {
        let mut bytes: Vec<u8> = (0..dice.below(300)).map(|_| dice.next() as u8).collect();
        if round % 3 == 0 {
            // A length that nobody can want.
            bytes.splice(0..0, 0xffff_fff0u32.to_be_bytes());
        }
        throw(cluster.nodes[round % 3].raft, &bytes);
    }
    let reply = cluster.nodes[1].execute(
        "/db/execute?level=weak",
        &serde_json::json!([["CREATE TABLE quiet (a INTEGER PRIMARY KEY)"]]),
    );
    assert!(reply["results"][0].get("error").is_none(), "{reply}");
    for node in &mut cluster.nodes {
        assert!(node.is_alive(), "{}", node.log());
        assert!(!node.log().contains("panic"), "seed {}: {}", seed(), node.log());
    }
}

#[test]
fn damaged_requests_are_refused() {
    let mut cluster = Cluster::start(1);
    let mut dice = Dice(seed() + 2);
    let requests = [
        "POST /db/execute?transaction&timings HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\nConnection: close\r\n\r\n[[\"INSERT INTO noise(a, b) VALUES(?, ?)\", 1, {\"x\": [1, 2]}]]",
        "GET /db/query?q=SELECT%201&level=weak&freshness=1s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "POST /db/request?associative HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n10\r\n[\"SELECT 1 AS x\"]\r\n0\r\n\r\n",
    ];
    for round in 0..rounds() {
        let mut bytes = requests[round % requests.len()].as_bytes().to_vec();
        damage(&mut dice, &mut bytes, 0);
        throw(cluster.nodes[0].http, &bytes);
    }
    let nested = "[".repeat(200_000);
    let reply = cluster.nodes[0].post("/db/execute", &nested).unwrap();
    assert_eq!(reply.status, 400, "{}", reply.body);
    assert!(cluster.nodes[0].is_alive(), "{}", cluster.nodes[0].log());
    assert!(
        !cluster.nodes[0].log().contains("panic"),
        "seed {}: {}",
        seed(),
        cluster.nodes[0].log()
    );
}

/// Fuzzing bar of docs/testing.md: at most 64 KiB for each connection that isn't let in yet.
#[test]
fn who_is_not_let_in_holds_little_memory() {
    const CONNECTIONS: u64 = 300;
    let mut cluster = Cluster::start(1);
    let before = memory(&cluster.nodes[0]);
    // A start-up packet that claims to be as long as may be, and one byte less than that.
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(("127.0.0.1", cluster.nodes[0].pg)).unwrap();
        let mut bytes = 10_004u32.to_be_bytes().to_vec();
        bytes.extend(196_608u32.to_be_bytes());
        bytes.resize(10_003, b'a');
        stream.write_all(&bytes).unwrap();
        open.push(stream);
    }
    // And one that is too long: it has to be refused before it is read.
    let mut huge = 0x3fff_fff0u32.to_be_bytes().to_vec();
    huge.resize(1 << 20, b'a');
    for _ in 0..20 {
        throw(cluster.nodes[0].pg, &huge);
    }
    // The node has taken in all of what is open once it answers who came later.
    let answer = converse(
        &format!("127.0.0.1:{}", cluster.nodes[0].pg),
        &[startup("postgres"), query("SELECT 1"), message(b'X', b"")].concat(),
    );
    assert!(!answer.is_empty());
    let each = memory(&cluster.nodes[0]).saturating_sub(before) / CONNECTIONS;
    assert!(each <= 64 << 10, "{each} bytes for each connection");
    drop(open);
    assert!(cluster.nodes[0].is_alive());
}
