//! Large transactions and large results, in bounded memory.
//!
//! `EIDER_BIG_ROWS` sets the rows of the transactions, `EIDER_RESULT_ROWS` those of the result.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};

use crate::support::{Cluster, Node, from_env};

/// A process's resident memory in MiB: now, and at its highest.
fn memory(node: &Node) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    (mebibytes(&status, "VmRSS:"), mebibytes(&status, "VmHWM:"))
}

/// What it takes for itself, without what of its program is in memory: that is larger in a build for tests.
fn own_memory(node: &Node) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    mebibytes(&status, "RssAnon:")
}

fn mebibytes(status: &str, name: &str) -> u64 {
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
fn a_transaction_of_many_rows_commits_on_every_node() {
    let rows = from_env("EIDER_BIG_ROWS", 100_000) as i64;
    let mut cluster = Cluster::start(3);
    let leader = cluster.leader();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = cluster.nodes[leader].connect().await;
        client.batch_execute("CREATE TABLE a (id bigint, filler text); CREATE TABLE b (id bigint, filler text)").await.unwrap();
        let sink = client.copy_in("COPY a FROM STDIN").await.unwrap();
        let mut sink = Box::pin(sink);
        let filler = "x".repeat(90);
        for first in (0..rows).step_by(1000) {
            let lines: String = (first..(first + 1000).min(rows)).map(|id| format!("{id}\t{filler}\n")).collect();
            sink.send(Bytes::from(lines)).await.unwrap();
        }
        assert_eq!(sink.as_mut().finish().await.unwrap() as i64, rows);
        let insert = "INSERT INTO b SELECT x, 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy' FROM generate_series(1, $1::bigint) AS g(x)";
        assert_eq!(client.execute(insert, &[&rows]).await.unwrap() as i64, rows);
        for node in &cluster.nodes {
            let client = node.connect().await;
            for table in ["a", "b"] {
                let count: i64 = client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0);
                assert_eq!(count, rows);
            }
        }
    });
    let memory: Vec<_> = cluster.nodes.iter().map(memory).collect();
    println!(
        "{rows} rows by COPY and by INSERT ... SELECT: resident MiB (now, highest) of each node {memory:?}"
    );
    let allowed = 400;
    assert!(
        memory.iter().all(|(_, highest)| *highest < allowed),
        "more than {allowed} MiB: {memory:?}"
    );
    cluster.stop_and_compare();
}

#[test]
fn a_slow_reader_of_a_large_result_holds_no_memory_and_no_writer() {
    let rows = from_env("EIDER_RESULT_ROWS", 1_000_000);
    let cluster = Cluster::start(1);
    let node = &cluster.nodes[0];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = node.connect().await;
        client.batch_execute("CREATE TABLE t (id int)").await.unwrap();
        let before = memory(node).0;
        let query = format!("SELECT x, 'some text that takes room in memory' FROM generate_series(1, {rows}) AS g(x)");
        let stream = client.query_raw(&query, Vec::<i32>::new()).await.unwrap();
        let mut stream = Box::pin(stream);
        let (mut read, mut highest) = (0, 0);
        let other = node.connect().await;
        while let Some(row) = stream.next().await {
            row.unwrap();
            read += 1;
            if read % (rows / 10) == 0 {
                // The client is slow; a writer is not held up by it.
                tokio::time::sleep(Duration::from_millis(50)).await;
                other.execute("INSERT INTO t VALUES (1)", &[]).await.unwrap();
                highest = highest.max(memory(node).0);
            }
        }
        assert_eq!(read, rows);
        println!("{rows} rows to a slow reader: {before} MiB before, {highest} MiB at the highest");
        assert!(highest < before + 50, "{before} MiB before, {highest} MiB while reading");
    });
}

#[test]
fn idle_connections_are_cheap() {
    let connections = from_env("EIDER_IDLE_CONNECTIONS", 200);
    let cluster = Cluster::start(1);
    let node = &cluster.nodes[0];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        drop(node.connect().await);
        let before = own_memory(node);
        let mut clients = Vec::new();
        for _ in 0..connections {
            let client = node.connect().await;
            client.simple_query("SELECT 1").await.unwrap();
            clients.push(client);
        }
        let after = own_memory(node);
        println!("a node at rest: {before} MiB; with {connections} idle connections {after} MiB");
        assert!(before < 40, "a node at rest takes {before} MiB");
        assert!((after - before) * 10 < connections as u64 + 100, "{before} MiB, then {after} MiB");
    });
}

/// As many parameters as a message can carry, in a read and in a transaction's write, and one more.
#[test]
fn a_statement_takes_as_many_parameters_as_its_message() {
    const MOST: i32 = 65_535;
    let cluster = Cluster::start(3);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut client = cluster.nodes[cluster.follower()].connect().await;
        client.batch_execute("CREATE TABLE many (n int)").await.unwrap();
        let values: Vec<i32> = (1..=MOST).collect();
        let parameters: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> =
            values.iter().map(|value| value as _).collect();
        let list = |count: i32, begin: &str, end: &str| {
            let numbers: Vec<String> = (1..=count).map(|n| format!("{begin}${n}{end}")).collect();
            numbers.join(",")
        };
        let insert = format!("INSERT INTO many VALUES {}", list(MOST, "(", ")"));
        let transaction = client.transaction().await.unwrap();
        assert_eq!(transaction.execute(&insert, &parameters).await.unwrap(), MOST as u64);
        transaction.commit().await.unwrap();
        let select = format!("SELECT sum(n) FROM many WHERE n IN ({})", list(MOST, "", ""));
        let sum: i64 = client.query_one(&select, &parameters).await.unwrap().get(0);
        assert_eq!(sum, i64::from(MOST) * i64::from(MOST + 1) / 2);
        let more = format!("SELECT 1 WHERE 1 IN ({})", list(MOST + 1, "", ""));
        let error = client.prepare(&more).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42P02", "{error:?}");
    });
}
