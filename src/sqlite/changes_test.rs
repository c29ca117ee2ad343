//! Captured changes: what of a transaction is in the table of changes, and that it is on all nodes.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::model::statement::Dialect::{Postgres, Sqlite};
use crate::model::value::Value;
use crate::sqlite::testkit::{Pair, options};
use crate::sqlite::{Capturing, Control, Options};

fn capturing(row_ids_only: bool, tables: Option<&str>) -> Options {
    let tables = tables.map(str::to_owned);
    let capturing = Capturing { database: "postgres".to_owned(), row_ids_only, tables };
    Options { capturing: Some(Arc::new(capturing)), ..options() }
}

/// A pair whose leader has these tables.
fn pair(options: &Options, tables: &[&str]) -> Pair {
    let mut pair = Pair::new(options);
    pair.commit(Sqlite, tables);
    pair
}

/// What was captured after the change of this number, on both nodes.
fn since(pair: &Pair, after: i64) -> Vec<Json> {
    pair.assert_equal("changes");
    let sql = format!("SELECT event FROM _eider_change WHERE number > {after} ORDER BY number");
    let event = |row: &Vec<Value>| match &row[0] {
        Value::Text(event) => serde_json::from_str(event).unwrap(),
        other => panic!("{other:?}"),
    };
    pair.mirror.query(&sql).iter().map(event).collect()
}

#[test]
fn inserts_updates_and_deletes_are_there_with_their_values() {
    let mut pair = pair(
        &capturing(false, None),
        &["CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, n REAL, b BLOB)"],
    );
    pair.commit(Sqlite, &["INSERT INTO t VALUES (7, 'é', 1.5, x'00ff'), (8, NULL, NULL, NULL)"]);
    pair.commit(Sqlite, &["UPDATE t SET id = 9, name = 'x' WHERE id = 7", "DELETE FROM t"]);
    let before = json!({"id": 7, "name": "é", "n": 1.5, "b": "AP8="});
    let after = json!({"id": 9, "name": "x", "n": 1.5, "b": "AP8="});
    let empty = json!({"id": 8, "name": null, "n": null, "b": null});
    assert_eq!(
        since(&pair, 0),
        [
            json!({"op": "INSERT", "table": "t", "new_row_id": 7, "after": before}),
            json!({"op": "INSERT", "table": "t", "new_row_id": 8, "after": empty}),
            json!({"op": "UPDATE", "table": "t", "old_row_id": 7, "new_row_id": 9,
                   "before": before, "after": after}),
            json!({"op": "DELETE", "table": "t", "old_row_id": 8, "before": empty}),
            json!({"op": "DELETE", "table": "t", "old_row_id": 9, "before": after}),
        ]
    );
    let txids =
        "SELECT count(DISTINCT txid), min(txid) > 0, min(at) > 1600000000000 FROM _eider_change";
    let [Value::Integer(2), Value::Integer(1), Value::Integer(1)] =
        &pair.leader.query(txids)[0][..]
    else {
        panic!()
    };
}

#[test]
fn what_is_rolled_back_leaves_no_change() {
    let mut pair = pair(
        &capturing(false, None),
        &["CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"],
    );
    let leader = &mut pair.leader;
    leader.writer.begin(Sqlite).unwrap();
    leader.run("INSERT INTO t VALUES (1, 'a')").unwrap();
    leader.writer.savepoint(1).unwrap();
    leader.run("INSERT INTO t VALUES (2, 'b')").unwrap();
    leader.writer.rollback_to(1).unwrap();
    leader.writer.release(1).unwrap();
    // The third row fails, and with it the two before it.
    leader.run("INSERT INTO t VALUES (3, 'c'), (4, 'd'), (5, 'a')").unwrap_err();
    leader.run("INSERT OR FAIL INTO t VALUES (3, 'c'), (5, 'a')").unwrap_err();
    leader.run("INSERT OR IGNORE INTO t VALUES (6, 'a'), (7, 'e')").unwrap();
    pair.finish();
    let ids: Vec<_> = since(&pair, 0).iter().map(|event| event["new_row_id"].clone()).collect();
    assert_eq!(ids, [1, 7]);
    pair.leader.writer.begin(Sqlite).unwrap();
    pair.leader.run("INSERT INTO t VALUES (8, 'f')").unwrap();
    pair.leader.writer.rollback().unwrap();
    pair.commit(Sqlite, &["INSERT INTO t VALUES (9, 'g')"]);
    assert_eq!(since(&pair, 2).len(), 1);
}

#[test]
fn replaced_rows_triggers_and_cascades_are_captured() {
    let mut pair = pair(
        &Options { foreign_keys: true, ..capturing(true, None) },
        &[
            "CREATE TABLE p (id INTEGER PRIMARY KEY, u TEXT UNIQUE)",
            "CREATE TABLE c (p INTEGER REFERENCES p ON DELETE CASCADE)",
            "CREATE TABLE log (what TEXT)",
            "CREATE TRIGGER tr AFTER INSERT ON c BEGIN INSERT INTO log VALUES ('c'); END",
        ],
    );
    pair.commit(Sqlite, &["INSERT INTO p VALUES (1, 'a')", "INSERT INTO c VALUES (1)"]);
    pair.commit(Sqlite, &["INSERT OR REPLACE INTO p VALUES (2, 'a')"]);
    let row = |event: &Json| {
        let row = event.get("new_row_id").or(event.get("old_row_id")).unwrap();
        format!("{} {} {row}", event["op"].as_str().unwrap(), event["table"].as_str().unwrap())
    };
    let events = since(&pair, 0);
    assert!(events.iter().all(|event| event.get("after").is_none()));
    let mut rows: Vec<_> = events.iter().map(row).collect();
    assert_eq!(rows[..3], ["INSERT p 1", "INSERT c 1", "INSERT log 1"]);
    rows[3..].sort();
    assert_eq!(rows[3..], ["DELETE c 1", "DELETE p 1", "INSERT p 2"]);
}

#[test]
fn some_tables_are_left_out() {
    let mut pair = pair(
        &capturing(false, Some("^(t|w|f.*)$")),
        &[
            "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, g AS (id * 2), s AS (id * 3) STORED, z)",
            "CREATE TABLE other (a)",
            "CREATE TABLE w (k TEXT PRIMARY KEY, v) WITHOUT ROWID",
            "CREATE VIRTUAL TABLE ft USING fts5(body)",
            "CREATE TABLE \"pg_temp_1_1.t\" (a)",
        ],
    );
    pair.commit(
        Sqlite,
        &[
            "INSERT INTO other VALUES (1)",
            "INSERT INTO ft VALUES ('word')",
            "INSERT INTO \"pg_temp_1_1.t\" VALUES (1)",
            "INSERT INTO t (z) VALUES (5)",
            "INSERT INTO w VALUES ('k', 1)",
            "UPDATE w SET v = 2",
        ],
    );
    assert_eq!(
        since(&pair, 0),
        [
            json!({"op": "INSERT", "table": "t", "new_row_id": 1, "after": {"id": 1, "s": 3, "z": 5}}),
            json!({"op": "INSERT", "table": "w", "after": {"k": "k", "v": 1}}),
            json!({"op": "UPDATE", "table": "w", "before": {"k": "k", "v": 1},
                   "after": {"k": "k", "v": 2}}),
        ]
    );
}

#[test]
fn columns_have_the_names_that_they_had_when_they_changed() {
    let mut pair = pair(&capturing(false, None), &["CREATE TABLE t (a)"]);
    pair.commit(
        Sqlite,
        &[
            "INSERT INTO t VALUES (1)",
            "ALTER TABLE t RENAME COLUMN a TO b",
            "INSERT INTO t VALUES (2); ALTER TABLE t ADD COLUMN c; INSERT INTO t VALUES (3, 4); \
             DROP TABLE t; CREATE TABLE t (d); INSERT INTO t VALUES (5)",
        ],
    );
    let after: Vec<_> = since(&pair, 0).iter().map(|event| event["after"].clone()).collect();
    assert_eq!(after, [json!({"a": 1}), json!({"b": 2}), json!({"b": 3, "c": 4}), json!({"d": 5})]);
}

#[test]
fn many_changes_of_one_transaction_are_all_there() {
    let mut pair = pair(&capturing(false, None), &["CREATE TABLE t (a INTEGER PRIMARY KEY, b)"]);
    let many = "INSERT INTO t WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<20000) \
                SELECT x, hex(randomblob(100)) FROM c";
    pair.leader.writer.begin(Sqlite).unwrap();
    pair.leader.run(many).unwrap();
    pair.leader.writer.savepoint(1).unwrap();
    pair.leader.run("DELETE FROM t WHERE a > 5").unwrap();
    pair.leader.writer.rollback_to(1).unwrap();
    pair.leader.writer.release(1).unwrap();
    pair.leader.run("DELETE FROM t WHERE a > 19999").unwrap();
    pair.finish();
    let events = since(&pair, 0);
    assert_eq!(events.len(), 20_001);
    let rows = events[..20_000].iter().map(|event| event["after"]["a"].as_i64().unwrap());
    assert!(rows.eq(1..=20_000));
    assert_eq!(events[20_000]["op"], "DELETE");
    let left = std::fs::read_dir(pair.directory.path()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("changes")), "{left:?}");
}

#[test]
fn positions_go_on_after_everything_was_removed() {
    let mut pair = pair(&capturing(false, None), &["CREATE TABLE t (a)"]);
    pair.commit(Sqlite, &["INSERT INTO t VALUES (1), (2)"]);
    let schema = pair.leader.writer.schema();
    pair.commit(
        Postgres,
        &[
            "UPDATE \"_eider_change_mark\" SET sent = 2, removed = 2",
            "DELETE FROM \"_eider_change\" WHERE number <= 2",
        ],
    );
    assert_eq!(pair.leader.writer.schema(), schema, "the catalog has nothing to do with it");
    pair.commit(Sqlite, &["INSERT INTO t VALUES (3)"]);
    assert_eq!(pair.leader.number("SELECT number FROM _eider_change"), 3);
}

#[test]
fn a_loaded_database_takes_over_what_was_captured() {
    let options = capturing(false, None);
    let mut pair = pair(&options, &["CREATE TABLE t (a)"]);
    pair.commit(Sqlite, &["INSERT INTO t VALUES (1)"]);
    let path = pair.directory.path().join("other.sqlite");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE o (x); INSERT INTO o VALUES (1), (2)").unwrap();
    other.close().unwrap();
    let disk: Arc<dyn crate::platform::disk::Disk> = Arc::new(crate::platform::disk::RealDisk);
    crate::sqlite::prepare_load(&disk, &path, &options).unwrap();
    pair.leader.writer.begin(Sqlite).unwrap();
    pair.leader.writer.load(&path, &Control::default()).unwrap();
    pair.finish();
    pair.commit(Sqlite, &["DELETE FROM o WHERE x = 1"]);
    let ops: Vec<_> = since(&pair, 0).iter().map(|event| event["op"].clone()).collect();
    assert_eq!(ops, ["INSERT", "LOAD", "DELETE"]);
}

#[test]
fn nothing_is_captured_if_nobody_asks() {
    let mut pair = pair(&options(), &["CREATE TABLE t (a)"]);
    for dialect in [Sqlite, Postgres] {
        pair.commit(dialect, &["INSERT INTO t VALUES (1)", "DELETE FROM t"]);
    }
    assert_eq!(since(&pair, 0), Vec::<Json>::new());
}
