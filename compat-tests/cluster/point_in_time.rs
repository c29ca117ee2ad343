//! Every state between two copies can be had again: recorded while the leader is killed, and then made
//! from a history by number and by time; and what is said when the history isn't whole.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::backup::private_memory;
use crate::support::{
    Cluster, Node, binary, free_port, from_env, object_store, request_with, wait_for,
};

/// A state as a client saw it.
#[derive(Debug, Clone, PartialEq)]
struct State {
    transaction: u64,
    values: String,
    /// When it was seen: microseconds since 1970.
    seen: u128,
}

const VALUES: &str = "SELECT coalesce(group_concat(v), '') FROM (SELECT v FROM t ORDER BY id)";

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()
}

/// RFC 3339, by somebody else's calendar.
fn written(micros: u128) -> String {
    let sql = format!("SELECT strftime('%Y-%m-%dT%H:%M:%S', {}, 'unixepoch')", micros / 1_000_000);
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    let text: String = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
    format!("{text}.{:06}Z", micros % 1_000_000)
}

/// Writes until it is taken, and says which state that led to. Nobody else writes, and what is sent again
/// because nobody knows what became of it is done once: each transaction is one that a caller knows of.
fn change(node: &Node, statement: &Value) -> State {
    let key = format!("Idempotency-Key: {}\r\n", now());
    let body = json!([statement]).to_string();
    wait_for("a write that is taken", || {
        let reply = request_with(node.http, "POST", "/db/execute", &key, Some(&body))?;
        (reply.status == 200 && !reply.body.contains("error")).then_some(())
    });
    let body = json!([[VALUES], ["SELECT txid FROM _eider_position"]]).to_string();
    let results = wait_for("a read", || {
        let reply = node.post("/db/query?level=linearizable", &body)?;
        let document: Value = serde_json::from_str(&reply.body).ok()?;
        document["results"][1]["values"].is_array().then(|| document["results"].clone())
    });
    State {
        transaction: results[1]["values"][0][0].as_u64().unwrap(),
        values: results[0]["values"][0][0].as_str().unwrap().to_owned(),
        seen: now(),
    }
}

/// Runs `eider restore -from PLAN ...`: whether it succeeded, and what it said.
fn eider(plan: &Path, arguments: &[&str]) -> (bool, String) {
    let output =
        Command::new(binary()).args(["restore", "-from"]).arg(plan).args(arguments).output();
    let output = output.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// Makes the database as it was at a point; the path of the file.
fn restore(plan: &Path, directory: &Path, point: &str) -> PathBuf {
    let path = directory.join(format!("restored-{}.sqlite", point.replace(':', "")));
    // An earlier try of the same test.
    let _ = std::fs::remove_file(&path);
    let (done, said) = eider(plan, &["-to", point, "-output", path.to_str().unwrap()]);
    assert!(done, "-to {point}: {said}");
    path
}

fn state_of(path: &Path) -> (u64, String) {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = rusqlite::Connection::open_with_flags(path, flags).unwrap();
    let text = |sql: &str| -> String { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(text("PRAGMA integrity_check"), "ok");
    let sql = "SELECT txid FROM _eider_position";
    let txid: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    (u64::try_from(txid).unwrap(), text(VALUES))
}

/// What cannot be restored says why.
fn refused(plan: &Path, directory: &Path, point: &str) -> String {
    let path = directory.join("refused.sqlite");
    let (done, said) = eider(plan, &["-to", point, "-output", path.to_str().unwrap()]);
    assert!(!done, "-to {point}: {said}");
    assert!(!path.exists());
    assert!(!directory.join("refused.sqlite.part").exists());
    said
}

/// The last transaction that a history has, once there is one.
fn last_kept(plan: &Path) -> Option<u64> {
    let (done, said) = eider(plan, &["-list"]);
    let (_, last) = said.trim_end().rsplit_once("to transaction ").filter(|_| done)?;
    last.split(' ').next()?.parse().ok()
}

/// Writes the plans for a place: of the backup, and of a restore at the start of a cluster.
fn plans(root: &Path, place: &Value, interval: &str, keep: Option<&str>) -> PathBuf {
    let mut plan = json!({
        "version": 1, "interval": interval, "point_in_time": { "interval": "50ms" }
    });
    if let Some(keep) = keep {
        plan["point_in_time"]["keep"] = keep.into();
    }
    plan.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
    let path = root.join("backup.json");
    std::fs::write(&path, plan.to_string()).unwrap();
    path
}

/// Writes known states, kills the leader on the way, and makes them all again.
fn follow(root: &Path, place: &Value) -> (PathBuf, Vec<State>) {
    let plan = plans(root, place, "2s", None);
    let mut cluster = Cluster::start_with(3, &["--auto-backup", plan.to_str().unwrap()]);
    cluster.nodes[0].execute("/db/execute", &json!(["CREATE TABLE t (id INTEGER PRIMARY KEY, v)"]));
    let mut states = Vec::new();
    let copies = |cluster: &Cluster| -> usize {
        let made = |node: &Node| node.log().matches("the database was backed up to").count();
        cluster.nodes.iter().map(made).sum()
    };
    let mut number = 0;
    let mut write = |node: &Node, states: &mut Vec<State>| {
        number += 1;
        let statement = match number % 5 {
            // Pages come and go.
            0 => json!(["DELETE FROM t WHERE id % 3 = 0"]),
            1 => json!(["INSERT INTO t (v) SELECT hex(randomblob(300)) FROM sqlite_schema"]),
            2 => json!(["UPDATE t SET v = ? WHERE id % 2 = 0", number]),
            _ => json!(["INSERT INTO t (v) VALUES (?)", number]),
        };
        states.push(change(node, &statement));
    };
    wait_for("a first copy", || (copies(&cluster) > 0).then_some(()));
    // Between two copies the leader is killed.
    for round in 0..3 {
        let made = copies(&cluster);
        let leader = cluster.leader();
        let writer = (leader + 1) % 3;
        for _ in 0..7 {
            write(&cluster.nodes[writer], &mut states);
        }
        if round == 1 {
            cluster.nodes[leader].kill();
        }
        for _ in 0..7 {
            write(&cluster.nodes[writer], &mut states);
        }
        // Changes go on until there is another copy.
        wait_for("another copy", || {
            write(&cluster.nodes[writer], &mut states);
            (copies(&cluster) > made).then_some(())
        });
        if round == 1 {
            cluster.nodes[leader].start();
            cluster.nodes[leader].wait_ready();
        }
    }
    write(&cluster.nodes[0], &mut states);
    let last = states.last().unwrap().clone();
    wait_for("the last change to be kept", || {
        (last_kept(&plan)? == last.transaction).then_some(())
    });
    cluster.stop_and_compare();
    // The last one is what the nodes have, byte for byte, but for the journal mode and its checksum.
    let latest = restore(&plan, root, "latest");
    assert_eq!(state_of(&latest), (last.transaction, last.values.clone()));
    let (mut restored, mut original) = (
        std::fs::read(&latest).unwrap(),
        std::fs::read(cluster.nodes[0].dir.join("db.sqlite")).unwrap(),
    );
    for file in [&mut restored, &mut original] {
        file[18..20].fill(0);
        file[4088..4096].fill(0);
    }
    assert!(restored == original, "{} and {} bytes", restored.len(), original.len());
    (plan, states)
}

/// Makes recorded states again, by number and by time.
fn compare(plan: &Path, root: &Path, states: &[State], step: usize) {
    let (_, list) = eider(plan, &["-list"]);
    assert!(!list.contains("nothing between"), "{list}");
    let first = list.split("from transaction ").nth(1).unwrap().split(' ').next().unwrap();
    let first: u64 = first.parse().unwrap();
    let kept: Vec<&State> = states.iter().filter(|state| state.transaction >= first).collect();
    assert!(kept.len() > 30, "{list}");
    for pair in kept.windows(2).step_by(step) {
        let (state, next) = (pair[0], pair[1]);
        let wanted = (state.transaction, state.values.clone());
        assert_eq!(state_of(&restore(plan, root, &state.transaction.to_string())), wanted);
        // Seen then, and nothing was changed until later.
        assert!(state.seen < next.seen);
        assert_eq!(state_of(&restore(plan, root, &written(state.seen))), wanted, "{state:?}");
    }
}

/// What is in a directory; nothing if it isn't there yet, or any more: nodes make and remove them.
fn inside(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// Files of the history whose names end like this, in order.
fn objects(root: &Path, suffix: &str) -> Vec<PathBuf> {
    let spans = inside(&root.join("copy.gz.history"));
    let mut found: Vec<PathBuf> = spans.iter().flat_map(|span| inside(span)).collect();
    found.retain(|file| file.to_str().unwrap().ends_with(suffix));
    // Names of segments begin with a number that isn't padded.
    let number = |path: &PathBuf| -> Option<u64> {
        path.file_name()?.to_str()?.split('-').next()?.parse().ok()
    };
    found.sort_by_key(|path| (number(path), path.clone()));
    found
}

#[test]
fn every_state_between_two_copies_is_restored() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let place = json!({ "type": "file", "sub": { "dir": root, "name": "copy.gz" } });
    let (plan, states) = follow(root, &place);
    compare(&plan, root, &states, 4);

    // A copy is restored as it is: nothing of a segment is needed.
    let copies = objects(root, "/copy.sqlite.gz");
    assert!(copies.len() >= 3, "{copies:?}");
    let directory = copies.last().unwrap().parent().unwrap().file_name().unwrap().to_str().unwrap();
    let of: u64 = directory.split('-').next().unwrap().parse().unwrap();
    let state = states.iter().find(|state| state.transaction == of).unwrap();
    let restored = state_of(&restore(&plan, root, &of.to_string()));
    assert_eq!(restored, (of, state.values.clone()));

    // Outside of what is kept.
    let last = states.last().unwrap();
    let said = refused(&plan, root, &(last.transaction + 1).to_string());
    assert!(said.contains("is after the last transaction that is kept"), "{said}");
    assert!(said.contains(&format!("to transaction {}", last.transaction)), "{said}");
    assert!(refused(&plan, root, "2020-01-01T00:00:00Z").contains("is before what is kept"));
    assert!(refused(&plan, root, "2199-01-01T00:00:00Z").contains("is after the last time"));
    assert!(refused(&plan, root, "yesterday").contains("'yesterday' is neither"));
    let there = root.join("there");
    std::fs::write(&there, "mine").unwrap();
    let (done, said) = eider(&plan, &["-to", "latest", "-output", there.to_str().unwrap()]);
    assert!(!done && said.contains("is there already"), "{said}");
    assert_eq!(std::fs::read(&there).unwrap(), b"mine");

    // Damage is noticed, wherever it is.
    let segments = objects(root, ".segment");
    let segment = &segments[segments.len() / 2];
    let name = segment.file_name().unwrap().to_str().unwrap();
    let numbers: Vec<u64> = name.split(['-', '.']).take(2).map(|n| n.parse().unwrap()).collect();
    let inside = numbers[1].to_string();
    let whole = std::fs::read(segment).unwrap();
    for at in [0, 9, 20, 36, 44, 50, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        std::fs::write(segment, damaged).unwrap();
        let said = refused(&plan, root, &inside);
        assert!(said.contains(name) && said.contains("is damaged"), "byte {at}: {said}");
    }
    std::fs::write(segment, &whole[..whole.len() - 1]).unwrap();
    assert!(refused(&plan, root, &inside).contains("is damaged"));
    // What is missing is said, and how far one can get.
    std::fs::remove_file(segment).unwrap();
    let said = refused(&plan, root, &inside);
    assert!(said.contains(name) && said.contains("is missing"), "{said}");
    let before = said.trim_end().rsplit(' ').next().unwrap();
    assert_eq!(before.parse::<u64>().unwrap(), numbers[0] - 1);
    assert_eq!(state_of(&restore(&plan, root, before)).0, numbers[0] - 1);
    // Later spans don't need it.
    assert_eq!(state_of(&restore(&plan, root, "latest")).0, last.transaction);
    // A span whose description is damaged is a hole that is told of.
    let description = copies[1].with_file_name("span.json");
    let text = std::fs::read_to_string(&description).unwrap();
    std::fs::write(&description, text.replacen("\"bytes\":", "\"bytes\":1", 1)).unwrap();
    let (_, said) = eider(&plan, &["-list"]);
    assert!(said.contains("PROBLEM: ") && said.contains("nothing between"), "{said}");
}

/// Needs an S3 server: `docs/testing.md` says how to run one.
#[test]
fn every_state_is_restored_from_an_object_store() {
    let path = format!("history {}/copy.gz", std::process::id());
    let Some(place) = object_store(&path) else { return };
    let root = tempfile::tempdir().unwrap();
    let (plan, states) = follow(root.path(), &place);
    compare(&plan, root.path(), &states, 15);
}

#[test]
fn where_the_log_was_cut_the_history_says_what_is_missing() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let place = json!({ "type": "file", "sub": { "dir": root, "name": "copy.gz" } });
    let plan = plans(root, &place, "1h", None);
    let mut cluster = Cluster::start_with(1, &[]);
    let node = &mut cluster.nodes[0];
    node.execute("/db/execute", &json!(["CREATE TABLE t (id INTEGER PRIMARY KEY, v)"]));
    node.stop();
    node.add_option("--auto-backup", plan.to_str().unwrap());
    node.start();
    node.wait_ready();
    let insert = json!(["INSERT INTO t (v) VALUES ('a')"]);
    let first = change(&cluster.nodes[0], &insert);
    wait_for("it to be kept", || (last_kept(&plan)? == first.transaction).then_some(()));
    // Meanwhile nothing is copied, and the log is cut.
    let node = &mut cluster.nodes[0];
    node.stop();
    node.drop_option("--auto-backup");
    node.start();
    node.wait_ready();
    let between = change(node, &insert);
    let second = change(node, &insert);
    let reply = node.post("/snapshot?trailing_logs=1", "").unwrap();
    assert_eq!(reply.status, 200, "{reply:?}");
    node.stop();
    node.add_option("--auto-backup", plan.to_str().unwrap());
    node.start();
    node.wait_ready();
    wait_for("a new copy", || (last_kept(&plan)? == second.transaction).then_some(()));
    assert!(node.log().contains("goes on with a new copy"), "{}", node.log());
    let third = change(node, &insert);
    wait_for("it to be kept", || (last_kept(&plan)? == third.transaction).then_some(()));
    let (_, list) = eider(&plan, &["-list"]);
    assert!(list.contains("nothing between these"), "{list}");
    let said = refused(&plan, root, "0");
    assert!(said.contains("transaction 0 is before what is kept"), "{said}");
    for point in [between.transaction.to_string(), written(between.seen)] {
        let said = refused(&plan, root, &point);
        assert!(said.contains("lies where a part of the history is missing"), "{said}");
    }
    for state in [&first, &second, &third] {
        let path = restore(&plan, root, &state.transaction.to_string());
        assert_eq!(state_of(&path), (state.transaction, state.values.clone()));
    }
}

#[test]
fn a_history_is_of_one_database_and_no_longer_than_it_is_to_be() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let place = json!({
        "type": "file", "database": "shop", "sub": { "dir": root, "name": "copy.gz" }
    });
    let plan = plans(root, &place, "300ms", Some("1s"));
    let cluster = Cluster::start_with(1, &["--auto-backup", plan.to_str().unwrap()]);
    let node = &cluster.nodes[0];
    wait_for("a word about the database", || {
        node.log().contains("there is no database \"shop\"").then_some(())
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        node.connect().await.batch_execute("CREATE DATABASE shop").await.unwrap();
    });
    let run = |database: &str, statement: &str| {
        let body = json!([statement]).to_string();
        let reply = node.post(&format!("/db/execute?db={database}"), &body).unwrap();
        assert!(!reply.body.contains("error"), "{reply:?}");
    };
    for database in ["shop", "postgres"] {
        run(database, "CREATE TABLE t (id INTEGER PRIMARY KEY, v)");
    }
    let mut number = 0;
    let spans = || objects(root, "/span.json");
    let mut names = std::collections::BTreeSet::new();
    let mut next = || {
        number += 1;
        run("shop", &format!("INSERT INTO t (v) VALUES ({number})"));
        run("postgres", "INSERT INTO t (v) VALUES ('other')");
        number
    };
    // The first spans are gone with all that they had.
    wait_for("old spans to be removed", || {
        next();
        names.extend(spans());
        let first = names.first()?;
        (names.len() > 5 && !first.parent()?.exists()).then_some(())
    });
    let last = next();
    let wanted = (1..=last).map(|v| v.to_string()).collect::<Vec<_>>().join(",");
    wait_for("the last change to be kept", || {
        let path = restore(&plan, root, "latest");
        (state_of(&path).1 == wanted).then_some(())
    });
}

#[test]
fn a_new_cluster_begins_with_a_state_of_the_past() {
    let root = tempfile::tempdir().unwrap();
    let place = json!({ "type": "file", "sub": { "dir": root.path(), "name": "copy.gz" } });
    let plan = plans(root.path(), &place, "1h", None);
    let first = Cluster::start_with(1, &["--auto-backup", plan.to_str().unwrap()]);
    first.nodes[0].execute("/db/execute", &json!(["CREATE TABLE t (id INTEGER PRIMARY KEY, v)"]));
    // A history has no state from before its first copy.
    wait_for("the first copy", || last_kept(&plan));
    let insert = json!(["INSERT INTO t (v) VALUES ('a')"]);
    let states: Vec<State> = (0..3).map(|_| change(&first.nodes[0], &insert)).collect();
    wait_for("it to be kept", || (last_kept(&plan)? == states[2].transaction).then_some(()));
    drop(first);
    let mut begin = json!({ "version": 1, "to": states[1].transaction.to_string() });
    begin.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
    let path = root.path().join("restore.json");
    std::fs::write(&path, begin.to_string()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut node = Node::new(directory.path(), "1", &["--auto-restore", path.to_str().unwrap()]);
    node.http = free_port();
    node.start();
    node.wait_ready();
    let found = node.execute("/db/query", &json!([VALUES]));
    assert_eq!(found["results"][0]["values"][0][0], states[1].values.as_str());
    // That file says where the history is, too.
    assert_eq!(last_kept(&path), Some(states[2].transaction));
}

#[test]
fn each_of_several_databases_has_a_history() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let plan = root.join("backup.json");
    let written = json!({
        "version": 1, "type": "file", "interval": "1h", "databases": "*",
        "point_in_time": { "interval": "50ms" }, "sub": { "dir": root, "name": "{database}.gz" }
    });
    std::fs::write(&plan, written.to_string()).unwrap();
    let cluster = Cluster::start_with(1, &["--auto-backup", plan.to_str().unwrap()]);
    let node = &cluster.nodes[0];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let create = async { node.connect().await.batch_execute("CREATE DATABASE \"my shop\"").await };
    runtime.block_on(create).unwrap();
    let run = |database: &str, statement: &str| {
        let body = json!([statement]).to_string();
        let path = format!("/db/execute?db={}", database.replace(' ', "%20"));
        let reply = node.post(&path, &body).unwrap();
        assert!(!reply.body.contains("error"), "{reply:?}");
    };
    for (number, database) in ["my shop", "postgres"].into_iter().enumerate() {
        run(database, "CREATE TABLE t (id INTEGER PRIMARY KEY, v)");
        run(database, &format!("INSERT INTO t (v) VALUES ({number})"));
    }
    assert!(eider(&plan, &["-list"]).1.contains("several databases: say which with -db"));
    for (number, database) in ["my shop", "postgres"].into_iter().enumerate() {
        let path = root.join(format!("{number}.sqlite"));
        let arguments = ["-db", database, "-to", "latest", "-output", path.to_str().unwrap()];
        wait_for("the last change to be kept", || {
            let _ = std::fs::remove_file(&path);
            let (done, _) = eider(&plan, &arguments);
            (done && state_of(&path).1 == number.to_string()).then_some(())
        });
        let (done, list) = eider(&plan, &["-db", database, "-list"]);
        assert!(done && list.contains(&format!("The database '{database}'")), "{list}");
    }
    assert!(root.join("my%20shop.gz.history").is_dir());
    // A database that is gone is copied no more, and isn't missed.
    let drop_it = async { node.connect().await.batch_execute("DROP DATABASE \"my shop\"").await };
    runtime.block_on(drop_it).unwrap();
    run("postgres", "INSERT INTO t (v) VALUES ('more')");
    let (plan, path) = (&plan, root.join("last.sqlite"));
    wait_for("the other one's history to go on", || {
        let _ = std::fs::remove_file(&path);
        let arguments = ["-db", "postgres", "-to", "latest", "-output", path.to_str().unwrap()];
        (eider(plan, &arguments).0 && state_of(&path).1 == "1,more").then_some(())
    });
}

/// A node with so many megabytes that don't pack, and an empty table, which then keeps a history as `plan` says.
fn large(megabytes: usize, plan: &Path, options: &[&str]) -> Cluster {
    let mut cluster = Cluster::start_with(1, options);
    let node = &mut cluster.nodes[0];
    let made = json!([
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v)",
        "CREATE TABLE filler (id INTEGER PRIMARY KEY, filler BLOB)"
    ]);
    node.execute("/db/execute", &made);
    let fill = "INSERT INTO filler (filler) WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 \
                FROM n WHERE n < 1000) SELECT randomblob(1000) FROM n";
    for _ in 0..megabytes {
        let reply = node.execute("/db/execute", &json!([fill]));
        assert_eq!(reply["results"][0]["rows_affected"], json!(1000), "{reply}");
    }
    node.stop();
    node.add_option("--auto-backup", plan.to_str().unwrap());
    node.start();
    node.wait_ready();
    cluster
}

/// The log is cut again and again while a copy is made.
#[test]
fn a_copy_that_takes_long_leaves_no_hole() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let place = json!({ "type": "file", "sub": { "dir": root, "name": "copy.gz" } });
    let plan = plans(root, &place, "500ms", None);
    let cluster = large(48, &plan, &["--raft-log-bytes", "4MiB"]);
    let node = &cluster.nodes[0];
    let copies = || node.log().matches("the database was backed up to").count();
    let (mut number, mut states) = (0, Vec::new());
    let mut write = || {
        number += 1;
        let update = "UPDATE filler SET filler = randomblob(1000) WHERE id % 200 = ?";
        states.push(change(node, &json!([update, number % 200])));
        states.push(change(node, &json!(["INSERT INTO t (v) VALUES (?)", number])));
    };
    // A copy takes longer than the interval, and so the next one begins at once.
    for count in [1, 4] {
        let purged = node.purged_index();
        wait_for("copies, and the log to be cut", || {
            write();
            let cut = count == 1 || node.purged_index() > purged;
            (copies() >= count && cut).then_some(())
        });
    }
    write();
    let last = states.last().unwrap().transaction;
    wait_for("the last change to be kept", || (last_kept(&plan)? == last).then_some(()));
    assert!(!node.log().contains("goes on with a new copy"), "{}", node.log());
    let (_, list) = eider(&plan, &["-list"]);
    assert!(!list.contains("nothing between"), "{list}");
    let first = list.split("from transaction ").nth(1).unwrap().split(' ').next().unwrap();
    let first: u64 = first.parse().unwrap();
    let kept = states.iter().filter(|state| state.transaction >= first).step_by(states.len() / 8);
    for state in kept {
        let wanted = (state.transaction, state.values.clone());
        assert_eq!(state_of(&restore(&plan, root, &state.transaction.to_string())), wanted);
    }
}

/// `EIDER_HISTORY_MEGABYTES` sets how large the database is.
#[test]
fn a_large_database_is_restored_to_a_state_between_two_copies() {
    let megabytes = from_env("EIDER_HISTORY_MEGABYTES", 16);
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let place = json!({ "type": "file", "sub": { "dir": root, "name": "copy.gz" } });
    let plan = plans(root, &place, "10s", None);
    let cluster = large(megabytes, &plan, &[]);
    let node = &cluster.nodes[0];
    let copies = || node.log().matches("the database was backed up to").count();
    let until = |count: usize| {
        let end = Instant::now() + Duration::from_secs(60 + megabytes as u64);
        while copies() < count {
            assert!(Instant::now() < end, "no copy {count}: {}", node.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    until(1);
    // Between the first copy and the next: single rows, and a tenth of the large table.
    let mut states = Vec::new();
    for number in 0..20 {
        states.push(change(node, &json!(["INSERT INTO t (v) VALUES (?)", number])));
        let update = "UPDATE filler SET filler = randomblob(1000) WHERE id % 200 = ?";
        states.push(change(node, &json!([update, number])));
    }
    until(2);
    let last = change(node, &json!(["INSERT INTO t (v) VALUES ('last')"]));
    let (plan, wanted) = (&plan, last.transaction);
    let end = Instant::now() + Duration::from_secs(60 + megabytes as u64);
    while last_kept(plan) != Some(wanted) {
        assert!(Instant::now() < end, "the last change isn't kept: {}", node.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    for state in [&states[states.len() / 2], &last] {
        restore_measured(plan, state, &root.join(format!("large-{}.sqlite", state.transaction)));
    }
}

/// Makes a state, and says how long that took, and in how much memory.
fn restore_measured(plan: &Path, state: &State, path: &Path) {
    let began = Instant::now();
    let mut child = Command::new(binary())
        .args(["restore", "-from"])
        .arg(plan)
        .args(["-to", &state.transaction.to_string(), "-output"])
        .arg(path)
        .spawn()
        .unwrap();
    let mut most = 0;
    let status = loop {
        most = most.max(private_memory(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let took = began.elapsed();
    assert!(status.success());
    let megabytes = std::fs::metadata(path).unwrap().len() / 1_000_000;
    let transaction = state.transaction;
    println!(
        "{megabytes} MB restored to transaction {transaction} in {took:.1?}, with {most} KiB of memory"
    );
    assert_eq!(state_of(path), (state.transaction, state.values.clone()));
    assert!(most < 256 << 10, "{most} KiB");
}
