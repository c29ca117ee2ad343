//! What the README promises a newcomer, typed as an rqlite user would.

use serde_json::json;

use crate::support::Cluster;

#[test]
fn three_nodes_serve_curl_and_psql() {
    let cluster = Cluster::start(3);
    let [one, two, three] = &cluster.nodes[..] else { panic!("three nodes") };
    let made = one
        .execute("/db/execute", &json!([["CREATE TABLE foo (id INTEGER PRIMARY KEY, name TEXT)"]]));
    assert_eq!(made, json!({"results": [{}]}));
    let inserted = two.execute("/db/execute", &json!([["INSERT INTO foo(name) VALUES(?)", "bar"]]));
    assert_eq!(inserted, json!({"results": [{"last_insert_id": 1, "rows_affected": 1}]}));
    // SQLite's users type strings in double quotes.
    let quoted = three.execute("/db/execute", &json!(["INSERT INTO foo(name) VALUES(\"fiona\")"]));
    assert_eq!(quoted, json!({"results": [{"last_insert_id": 2, "rows_affected": 1}]}));
    let rows = json!({"results": [{
        "columns": ["id", "name"], "types": ["integer", "text"], "values": [[1, "bar"], [2, "fiona"]],
    }]});
    for level in ["strong", "weak", "linearizable", "none"] {
        let path = format!("/db/query?q=SELECT%20*%20FROM%20foo&level={level}");
        assert_eq!(three.json(&path), rows, "level {level}");
    }
    let status = one.json("/status?pretty");
    assert_eq!(status["store"]["ready"], json!(true));
    let nodes = two.json("/nodes?ver=2");
    let ids: Vec<_> = nodes["nodes"].as_array().unwrap().iter().map(|node| &node["id"]).collect();
    assert_eq!(ids, ["1", "2", "3"]);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = three.connect().await;
        let rows = client.query("SELECT id, name FROM foo ORDER BY id", &[]).await.unwrap();
        let rows: Vec<(i64, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(rows, [(1, "bar".to_owned()), (2, "fiona".to_owned())]);
    });
}

#[test]
fn tables_made_by_either_api_are_seen_by_both() {
    let cluster = Cluster::start(1);
    let node = &cluster.nodes[0];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = node.connect().await;
        client
            .batch_execute("CREATE TABLE t (id int PRIMARY KEY, name varchar(10), paid boolean)")
            .await
            .unwrap();
        client
            .execute("INSERT INTO t VALUES ($1, $2, $3)", &[&1_i32, &"ann", &true])
            .await
            .unwrap();
        let rows = node.json("/db/query?q=SELECT%20*%20FROM%20t");
        assert_eq!(rows["results"][0]["values"], json!([[1, "ann", 1]]));
    });
}

#[test]
fn a_database_of_its_own_is_reached_by_both_apis() {
    let mut cluster = Cluster::start(3);
    let follower = cluster.follower();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = cluster.nodes[follower].connect().await;
        client.batch_execute("CREATE DATABASE shop").await.unwrap();
        let again = client.batch_execute("CREATE DATABASE shop").await.unwrap_err();
        assert_eq!(again.code().unwrap().code(), "42P04");
        let shop = cluster.nodes[follower].try_connect("dbname=shop").await.unwrap();
        shop.batch_execute("CREATE TABLE item (id int); INSERT INTO item VALUES (7)")
            .await
            .unwrap();
        let leader = cluster.leader();
        let rows = cluster.nodes[leader].json("/db/query?db=shop&q=SELECT%20id%20FROM%20item");
        assert_eq!(rows["results"][0]["values"], json!([[7]]));
        let unknown = cluster.nodes[leader].try_connect("dbname=nope").await.unwrap_err();
        assert_eq!(unknown.code().unwrap().code(), "3D000");
        let used = client.batch_execute("DROP DATABASE shop").await.unwrap_err();
        assert_eq!(used.code().unwrap().code(), "55006");
        client.batch_execute("DROP DATABASE shop WITH (FORCE)").await.unwrap();
        shop.batch_execute("SELECT 1").await.unwrap_err();
        let gone = cluster.nodes[leader].get("/db/query?db=shop&q=SELECT%201").unwrap();
        assert_eq!(gone.status, 404);
    });
    cluster.stop_and_compare();
}

#[test]
fn a_node_whose_log_lines_cannot_be_written_serves() {
    let mut cluster = Cluster::start(1);
    let node = &mut cluster.nodes[0];
    node.stop();
    node.log_to_a_full_disk();
    node.add_option("-log-level", "debug");
    node.start();
    node.wait_ready();
    let made = node.execute("/db/execute", &json!(["CREATE TABLE t (n)"]));
    assert_eq!(made, json!({"results": [{}]}));
    node.stop();
}

#[test]
fn log_lines_can_be_objects() {
    let mut cluster = Cluster::start_with(1, &["-log-format", "json", "-slow-statement", "1ms"]);
    let node = &mut cluster.nodes[0];
    let slow = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 200000) SELECT max(x) FROM n";
    node.execute("/db/query", &json!([slow]));
    node.stop();
    let log = node.log();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for line in &lines {
        assert!(line["timestamp"].as_str().is_some_and(|at| at.ends_with('Z')), "{line}");
        assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
    }
    let line = lines.iter().find(|line| line["message"] == "slow statement").expect(&log);
    assert_eq!((&line["level"], &line["statement"]), (&json!("WARN"), &json!(slow)));
    assert!(line["milliseconds"].as_u64().is_some_and(|it| it >= 1), "{line}");
    assert_eq!((&line["limit"], &line["failed"]), (&json!(1), &json!(false)));
}
