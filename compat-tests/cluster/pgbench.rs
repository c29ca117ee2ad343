//! pgbench's TPC-B in every protocol mode, against the leader and a follower: no failed
//! transaction, and the books balance on every node.
//!
//! `EIDER_PGBENCH_SECONDS` and `EIDER_PGBENCH_SCALE` make it longer and larger.

use std::process::Command;

use crate::support::{Cluster, from_env, has_program};

fn pgbench(port: u16, arguments: &[&str]) -> String {
    let output = Command::new("pgbench")
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-U", "postgres"])
        .args(arguments)
        .arg("postgres")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "pgbench {arguments:?}: {text}");
    text
}

#[test]
fn tpc_b_balances_on_every_node_in_every_mode() {
    if !has_program("pgbench") {
        return;
    }
    let seconds = from_env("EIDER_PGBENCH_SECONDS", 2).to_string();
    let scale = from_env("EIDER_PGBENCH_SCALE", 1).to_string();
    let mut cluster = Cluster::start(3);
    let (leader, follower) = (cluster.leader(), cluster.follower());
    pgbench(cluster.nodes[leader].pg, &["-q", "-i", "-s", &scale]);
    for place in [leader, follower] {
        for mode in ["simple", "extended", "prepared"] {
            let report = pgbench(
                cluster.nodes[place].pg,
                &["-n", "-c", "8", "-j", "2", "-T", &seconds, "-M", mode],
            );
            assert!(report.contains("number of failed transactions: 0 "), "{mode}: {report}");
            let rate = report.lines().find(|line| line.starts_with("tps")).unwrap_or_default();
            println!("{} {mode}: {rate}", if place == leader { "leader" } else { "follower" });
        }
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let sums = "SELECT (SELECT sum(abalance) FROM pgbench_accounts)::bigint, \
                    (SELECT sum(bbalance) FROM pgbench_branches)::bigint, \
                    (SELECT sum(tbalance) FROM pgbench_tellers)::bigint, \
                    (SELECT sum(delta) FROM pgbench_history)::bigint";
        for node in &cluster.nodes {
            let row = node.connect().await.query_one(sums, &[]).await.unwrap();
            let sums: Vec<i64> = (0..4).map(|column| row.get(column)).collect();
            assert!(sums.iter().all(|sum| *sum == sums[0]), "node {}: {sums:?}", node.name);
        }
    });
    cluster.stop_and_compare();
}
