//! Nodes that are short of what they can't do without: file descriptors, memory, threads, a disk that answers.
//!
//! `EIDER_STALL_SECONDS` sets for how long a disk stands still.

use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::shim::{Setting, Shim};
use crate::support::{Cluster, Node, from_env, has_program, wait_for};
use crate::witness::Witnesses;

/// After which a disk that stands still must not keep anybody from writing any more, on a busy machine, too.
const STALL: Duration = Duration::from_secs(8);

/// Three nodes, each behind a shim.
fn behind_shims() -> (Cluster, Vec<Shim>) {
    let mut cluster = Cluster { nodes: Vec::new(), root: tempfile::tempdir().unwrap() };
    let root = cluster.root.path().to_owned();
    let library = Shim::compile(&root);
    let mut shims = Vec::new();
    for _ in 0..3 {
        let place = cluster.prepare(&[]);
        let node = &mut cluster.nodes[place];
        shims.push(Shim::put(&library, &root, node));
        node.start();
        node.wait_ready();
    }
    (cluster, shims)
}

fn limit(node: &Node, what: &str) {
    let set = Command::new("prlimit").args(["--pid", &node.pid().to_string(), what]).status();
    assert!(set.unwrap().success(), "UNKNOWN (harness): prlimit {what}");
}

fn write(node: &Node) {
    wait_for("a write", || {
        let reply = node.post(
            "/db/execute",
            "[\"CREATE TABLE IF NOT EXISTS t (a INTEGER)\", \"INSERT INTO t VALUES (1)\"]",
        )?;
        (reply.status == 200 && reply.body.contains("rows_affected")).then_some(())
    });
}

/// Starts nodes that have ended; each of them, and each of the others, takes a write.
fn whole_again(cluster: &mut Cluster, why: &str) {
    for node in &mut cluster.nodes {
        if !node.is_alive() {
            let log = node.log();
            assert!(log.contains(why), "node {} ended, and not by {why:?}\n{log}", node.name);
            node.kill();
            node.start();
        }
        node.wait_ready();
    }
    cluster.nodes.iter().for_each(write);
}

/// A node that can't open another file or socket goes on with those that it has, without wearing out a core,
/// and takes connections again as soon as some are free.
#[test]
fn a_node_without_file_descriptors_goes_on() {
    if !has_program("prlimit") {
        return;
    }
    let cluster = Cluster::start(1);
    let node = &cluster.nodes[0];
    let descriptors = || std::fs::read_dir(format!("/proc/{}/fd", node.pid())).unwrap().count();
    let made = json!(["CREATE TABLE t (a INTEGER)"]);
    node.execute("/db/execute", &made);
    limit(node, &format!("--nofile={}:", descriptors() + 20));
    let idle: Vec<TcpStream> =
        (0..60).map(|_| TcpStream::connect(("127.0.0.1", node.pg)).unwrap()).collect();
    let ticks = || -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", node.pid())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    let (before, lasts) = (ticks(), Duration::from_secs(2));
    std::thread::sleep(lasts);
    // A hundred in a second, by one core.
    let used = ticks() - before;
    assert!(used < 60, "{used} ticks in {lasts:?}");
    drop(idle);
    wait_for("the node to take connections again", || {
        let reply = node.post("/db/execute", "[\"INSERT INTO t VALUES (1)\"]")?;
        (reply.status == 200 && reply.body.contains("rows_affected")).then_some(())
    });
}

/// A node that can make no thread answers with errors, or ends; it is never half of a node.
#[test]
fn a_node_without_threads_goes_on_or_ends() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (mut cluster, shims) = behind_shims();
    let witnesses = Witnesses::start(&cluster, 6);
    for place in [cluster.leader(), cluster.follower()] {
        shims[place].set(Setting::NoThreads, 1);
        let node = &cluster.nodes[place];
        // A database has threads of its own; who reads a lot at once wants more.
        let made = runtime.block_on(async {
            let client = node.connect().await;
            client.batch_execute(&format!("CREATE DATABASE d{place}")).await
        });
        let asking: Vec<_> = (0..50)
            .map(|_| {
                let port = node.http;
                let path = "/db/query?level=none&q=SELECT%20count(*)%20FROM%20witness";
                std::thread::spawn(move || crate::support::request(port, "GET", path, None))
            })
            .collect();
        for asked in asking {
            drop(asked.join().unwrap());
        }
        witnesses.more_writes(100);
        println!("{made:?}; {} threads were refused", shims[place].failures());
        shims[place].reset();
        whole_again(&mut cluster, "thread");
    }
    witnesses.check(&mut cluster);
}

/// Memory that isn't given ends a node, or one statement, and loses nothing.
#[test]
fn a_node_without_memory_goes_on_or_ends() {
    if !has_program("prlimit") {
        return;
    }
    let mut cluster = Cluster::start(3);
    let witnesses = Witnesses::start(&cluster, 6);
    for place in [cluster.leader(), cluster.follower()] {
        let node = &cluster.nodes[place];
        let status = std::fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
        let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
        let size: u64 = size.trim().trim_end_matches(" kB").parse().unwrap();
        limit(node, &format!("--as={}:", (size << 10) + (4 << 20)));
        let large = json!(["INSERT INTO witness (id, origin) SELECT -1, hex(zeroblob(20000000))"]);
        for _ in 0..5 {
            let reply = node.post("/db/execute", &large.to_string());
            println!("{:?}", reply.map(|reply| reply.body.chars().take(200).collect::<String>()));
        }
        witnesses.more_writes(100);
        if cluster.nodes[place].is_alive() {
            limit(&cluster.nodes[place], "--as=unlimited:");
        }
        whole_again(&mut cluster, "memory");
    }
    cluster.nodes[0].execute("/db/execute", &json!(["DELETE FROM witness WHERE id = -1"]));
    witnesses.check(&mut cluster);
}

/// A disk whose syncs don't come back, of the leader or of a follower, keeps others from writing for a while only.
#[test]
fn a_disk_that_stands_still_holds_nobody_up_for_long() {
    let (mut cluster, shims) = behind_shims();
    let witnesses = Witnesses::start(&cluster, 6);
    let lasts = Duration::from_secs(from_env("EIDER_STALL_SECONDS", 12) as u64);
    for role in ["follower", "leader"] {
        let place = if role == "leader" { cluster.leader() } else { cluster.follower() };
        witnesses.more_writes(50);
        witnesses.watch_pauses();
        let before = witnesses.acknowledged();
        shims[place].set(Setting::SyncsHang, 1);
        std::thread::sleep(lasts);
        let written = witnesses.acknowledged() - before;
        let pause = witnesses.longest_pause();
        shims[place].reset();
        witnesses.more_writes(50);
        let whole = Instant::now();
        whole_again(&mut cluster, "disk");
        println!(
            "a {role}'s disk stood still for {lasts:?}: {written} writes meanwhile, none for {pause:?}; whole \
             again after {:?}",
            whole.elapsed()
        );
        assert!(written > 0 && pause < STALL, "{}", cluster.standing());
    }
    witnesses.check(&mut cluster);
}
