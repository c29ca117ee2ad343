//! What a client's SQL may not do, and what its failures say.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::model::error::{Class, SqlState};
use crate::model::statement::Dialect::{self, Postgres, Sqlite};
use crate::model::statement::{Parameters, Statement};
use crate::model::value::Value;
use crate::platform::clock;
use crate::sqlite::testkit::{Pair, Rows, options, statement, with};
use crate::sqlite::{Control, RunError};

fn pair() -> Pair {
    let mut pair = Pair::new(&options());
    pair.commit(Sqlite, &[
        "CREATE TABLE foo (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INT CONSTRAINT grown CHECK (age > 17), UNIQUE (name))",
        "CREATE TABLE child (id INTEGER REFERENCES foo)",
        "INSERT INTO foo VALUES (1, 'fiona', 20)",
    ]);
    pair
}

/// Runs one statement in a transaction of its own that is rolled back.
fn attempt(pair: &mut Pair, dialect: Dialect, sql: &str) -> Result<(), RunError> {
    pair.leader.writer.begin(dialect).unwrap();
    let result = pair.leader.run(sql).map(drop);
    pair.leader.writer.rollback().unwrap();
    result
}

fn read(pair: &Pair, sql: &str) -> Result<Vec<Vec<Value>>, crate::model::error::Error> {
    let mut rows = Rows::default();
    let control = Control::default();
    pair.leader.reader().run(Sqlite, &statement(sql), None, &control, &mut rows)?;
    Ok(rows.rows)
}

#[test]
fn attacks_are_refused() {
    let mut pair = pair();
    let attacks = [
        "ATTACH '/tmp/eider-attack.db' AS x",
        "ATTACH 'file:/tmp/eider-attack.db?mode=rwc' AS x",
        "VACUUM INTO '/tmp/eider-attack.db'",
        "VACUUM",
        "DETACH main",
        "SELECT load_extension('x')",
        "SELECT fts3_tokenizer('simple')",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT x",
        "RELEASE x",
        "INSERT INTO sqlite_dbpage (pgno, data) VALUES (1, zeroblob(4096))",
        "SELECT data FROM sqlite_dbpage WHERE pgno = 1",
        "UPDATE _eider_position SET txid = 7",
        "DELETE FROM _EIDER_OID",
        "DROP TABLE _eider_oid",
        "ALTER TABLE _eider_oid RENAME TO x",
        "CREATE TABLE _eider_x (a)",
        "CREATE INDEX x ON _eider_oid (next)",
        "CREATE TRIGGER x AFTER UPDATE ON _eider_position BEGIN SELECT 1; END",
        "CREATE TRIGGER x AFTER INSERT ON foo BEGIN UPDATE _eider_position SET txid = 9; END; INSERT INTO foo VALUES (9, 'x', 30)",
        "CREATE TEMP TABLE x (a)",
        "CREATE TEMP VIEW x AS SELECT 1",
        "CREATE TEMP TRIGGER x AFTER INSERT ON foo BEGIN SELECT 1; END",
        "INSERT INTO sqlite_schema (name) VALUES ('x')",
        "CREATE VIRTUAL TABLE x USING csv(filename='/etc/passwd')",
        "CREATE VIRTUAL TABLE x USING sqlite_dbpage",
    ];
    for attack in attacks {
        let error = attempt(&mut pair, Sqlite, attack).expect_err(attack);
        assert!(!error.transaction_lost && error.fault.is_none(), "{attack}: {error:?}");
        assert_ne!(error.error.class(), Class::Internal, "{attack}: {error:?}");
    }
    assert!(!std::path::Path::new("/tmp/eider-attack.db").exists());
    pair.commit(Sqlite, &["INSERT INTO foo VALUES (2, 'declan', 30)"]);
    pair.assert_equal("after attacks");
}

#[test]
fn pragmas_are_refused_unless_they_are_listed() {
    let mut pair = pair();
    let names: Vec<String> = {
        let plain = rusqlite::Connection::open_in_memory().unwrap();
        let mut list = plain.prepare("SELECT name FROM pragma_pragma_list").unwrap();
        let names = list.query_map([], |row| row.get(0)).unwrap();
        names.collect::<Result<_, _>>().unwrap()
    };
    assert!(names.len() > 50);
    let with_argument = [
        "table_info",
        "table_xinfo",
        "table_list",
        "index_list",
        "index_info",
        "index_xinfo",
        "foreign_key_list",
        "foreign_key_check",
        "integrity_check",
        "quick_check",
        "user_version",
        "application_id",
        "page_count",
        "freelist_count",
        "compile_options",
        "function_list",
        "module_list",
        "collation_list",
        "pragma_list",
        "database_list",
        "data_version",
    ];
    for name in names {
        let sql = format!("PRAGMA {name} = 1");
        let result = attempt(&mut pair, Sqlite, &sql);
        if with_argument.contains(&name.as_str()) {
            continue;
        }
        let error = result.expect_err(&sql);
        assert_eq!(error.error.message(), "disallowed pragma", "{sql}");
        assert!(read(&pair, &sql).is_err(), "{sql}");
    }
    for sql in [
        "PRAGMA journal_mode = DELETE",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA wal_autocheckpoint = 5",
        "PRAGMA synchronous = OFF",
        "PRAGMA query_only = 0",
        "PRAGMA writable_schema = 1",
        "PRAGMA foreign_keys = OFF",
        "PRAGMA main.journal_mode = OFF",
        "pragma LOCKING_MODE = exclusive",
        "PRAGMA schema_version = 99",
    ] {
        let error = attempt(&mut pair, Sqlite, sql).expect_err(sql);
        assert_eq!(error.error.message(), "disallowed pragma", "{sql}");
    }
}

#[test]
fn reading_pragmas_work() {
    let pair = pair();
    assert_eq!(read(&pair, "PRAGMA table_info(foo)").unwrap().len(), 3);
    assert_eq!(read(&pair, "SELECT name FROM pragma_table_info('foo')").unwrap().len(), 3);
    assert_eq!(read(&pair, "PRAGMA integrity_check").unwrap()[0][0], Value::Text("ok".into()));
    assert_eq!(read(&pair, "PRAGMA foreign_keys").unwrap()[0][0], Value::Integer(0));
    assert_eq!(read(&pair, "PRAGMA page_size").unwrap()[0][0], Value::Integer(4096));
    assert_eq!(read(&pair, "SELECT next > 0 FROM _eider_oid").unwrap()[0][0], Value::Integer(1));
}

#[test]
fn our_own_statements_do_not_serve_clients() {
    let mut pair = pair();
    // The very texts that run unguarded, and are in the cache by now.
    for sql in ["/*eider*/UPDATE _eider_position SET txid = ?1", "/*eider*/COMMIT"] {
        let statement = with(sql, vec![Value::Integer(99)]);
        pair.leader.writer.begin(Sqlite).unwrap();
        let control = Control::default();
        let result = pair.leader.writer.run(&statement, &control, &mut Rows::default());
        assert!(result.is_err(), "{sql}");
        pair.leader.writer.rollback().unwrap();
    }
}

#[test]
fn sqlite_errors_keep_their_text() {
    let mut pair = pair();
    for (sql, text) in [
        ("nonsense", "near \"nonsense\": syntax error"),
        ("SELECT * FROM bar", "no such table: bar"),
        ("SELECT bar FROM foo", "no such column: bar"),
        ("INSERT INTO foo VALUES (1, 'x', 30)", "UNIQUE constraint failed: foo.id"),
        ("INSERT INTO foo VALUES (2, NULL, 30)", "NOT NULL constraint failed: foo.name"),
        ("INSERT INTO foo VALUES (2, 'x', 3)", "CHECK constraint failed: grown"),
        ("CREATE TABLE foo (a)", "table foo already exists"),
    ] {
        let error = attempt(&mut pair, Sqlite, sql).expect_err(sql).error;
        assert_eq!(error.message(), text);
        assert_eq!(error.class(), Class::User, "{sql}");
    }
    let error = attempt(&mut pair, Sqlite, "SELECT ?").expect_err("no value").error;
    assert_eq!(error.message(), "not enough args to execute query: want 1 got 0");
    assert_eq!(read(&pair, "").unwrap(), Vec::<Vec<Value>>::new());
    assert_eq!(read(&pair, " -- nothing").unwrap(), Vec::<Vec<Value>>::new());
}

#[test]
fn constraint_violations_are_told_as_postgresql_does() {
    let mut pair = pair();
    pair.commit(
        Sqlite,
        &[
            "CREATE UNIQUE INDEX by_age ON foo (age)",
            "CREATE UNIQUE INDEX lower_name ON foo (lower(name))",
        ],
    );
    let unique = |name: &str| format!("duplicate key value violates unique constraint \"{name}\"");
    for (sql, state, text) in [
        ("INSERT INTO foo VALUES (1, 'x', 30)", SqlState::UNIQUE_VIOLATION, unique("foo_pkey")),
        (
            "INSERT INTO foo VALUES (2, 'fiona', 30)",
            SqlState::UNIQUE_VIOLATION,
            unique("lower_name"),
        ),
        (
            "INSERT INTO foo VALUES (2, 'FIONA', 30)",
            SqlState::UNIQUE_VIOLATION,
            unique("lower_name"),
        ),
        ("INSERT INTO foo VALUES (2, 'x', 20)", SqlState::UNIQUE_VIOLATION, unique("by_age")),
        (
            "INSERT INTO foo VALUES (2, NULL, 30)",
            SqlState::NOT_NULL_VIOLATION,
            "null value in column \"name\" of relation \"foo\" violates not-null constraint"
                .to_owned(),
        ),
        ("INSERT INTO child VALUES (77)", SqlState::FOREIGN_KEY_VIOLATION, String::new()),
        ("INSERT INTO foo VALUES (2, 'x', 3)", SqlState::CHECK_VIOLATION, String::new()),
    ] {
        let error = attempt(&mut pair, Postgres, sql).expect_err(sql);
        assert_eq!(error.error.state(), state, "{sql}");
        assert!(!error.transaction_lost);
        if !text.is_empty() {
            assert_eq!(error.error.message(), text, "{sql}");
            assert_eq!(error.error.fields().table.as_deref(), Some("foo"), "{sql}");
        }
    }
    // HTTP runs without foreign keys.
    attempt(&mut pair, Sqlite, "INSERT INTO child VALUES (77)").unwrap();
}

#[test]
fn failed_statements_leave_nothing_behind() {
    let mut pair = pair();
    pair.commit(Sqlite, &["CREATE TABLE n (a INTEGER PRIMARY KEY)"]);
    pair.leader.writer.begin(Sqlite).unwrap();
    for sql in [
        "INSERT INTO n VALUES (1), (2), (1)",
        "INSERT OR FAIL INTO n VALUES (1), (2), (1)",
        "INSERT INTO n VALUES (1); INSERT INTO n VALUES (2); INSERT INTO n VALUES (1)",
        "CREATE TABLE made (a); INSERT INTO nowhere VALUES (1)",
    ] {
        let error = pair.leader.run(sql).unwrap_err();
        assert!(!error.transaction_lost, "{sql}");
    }
    pair.leader.run("INSERT INTO n VALUES (5)").unwrap();
    pair.finish();
    assert_eq!(pair.mirror.query("SELECT a FROM n"), [[Value::Integer(5)]]);
    assert!(read(&pair, "SELECT * FROM made").is_err());
    // A trigger's RAISE(FAIL) leaves the rows before it in SQLite.
    pair.commit(Sqlite, &["CREATE TRIGGER picky AFTER INSERT ON n WHEN new.a > 100 BEGIN SELECT RAISE(FAIL, 'too much'); END"]);
    pair.leader.writer.begin(Sqlite).unwrap();
    let error = pair.leader.run("INSERT INTO n VALUES (50), (101)").unwrap_err();
    assert_eq!((error.error.message(), error.transaction_lost), ("too much", false));
    pair.leader.run("DROP TRIGGER picky").unwrap();
    pair.finish();
    assert_eq!(pair.leader.number("SELECT count(*) FROM n"), 1);
    // OR ROLLBACK takes the transaction with it.
    pair.leader.writer.begin(Sqlite).unwrap();
    pair.leader.run("INSERT INTO n VALUES (6)").unwrap();
    let error = pair.leader.run("INSERT OR ROLLBACK INTO n VALUES (5)").unwrap_err();
    assert!(error.transaction_lost);
    assert!(pair.leader.run("SELECT 1").unwrap_err().transaction_lost);
    pair.leader.writer.rollback().unwrap();
    assert_eq!(pair.leader.number("SELECT count(*) FROM n"), 1);
    pair.assert_equal("after failures");
}

const ENDLESS: &str =
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c";

#[test]
fn statements_stop_at_their_deadline_and_when_canceled() {
    let mut pair = pair();
    let deadline = Control {
        deadline: Some(clock::now().plus(Duration::from_millis(50))),
        ..Control::default()
    };
    let mut reader = pair.leader.reader();
    let error =
        reader.run(Sqlite, &statement(ENDLESS), None, &deadline, &mut Rows::default()).unwrap_err();
    assert_eq!(error.state(), SqlState::QUERY_CANCELED);
    assert_eq!(error.message(), "canceling statement due to statement timeout");
    let canceled = Control { cancel: Some(Arc::new(AtomicBool::new(true))), ..Control::default() };
    let error =
        reader.run(Sqlite, &statement(ENDLESS), None, &canceled, &mut Rows::default()).unwrap_err();
    assert_eq!(error.message(), "canceling statement due to user request");
    let control = Control::default();
    reader.run(Sqlite, &statement("SELECT 1"), None, &control, &mut Rows::default()).unwrap();
    // An interrupted write takes its transaction with it.
    pair.leader.writer.begin(Sqlite).unwrap();
    let write = format!("INSERT INTO child {ENDLESS}");
    let result = pair.leader.writer.run(&statement(&write), &canceled, &mut Rows::default());
    assert_eq!(result.unwrap_err().error.state(), SqlState::QUERY_CANCELED);
    pair.leader.writer.rollback().unwrap();
    pair.commit(Sqlite, &["INSERT INTO child VALUES (1)"]);
}

#[test]
fn hostile_sizes_are_refused() {
    let small = crate::sqlite::Options { value_bytes_max: 1 << 20, ..options() };
    let mut pair = Pair::new(&small);
    let deep = format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000));
    let sum = format!("SELECT {}", vec!["1"; 3000].join("+"));
    let union = vec!["SELECT 1"; 600].join(" UNION ");
    let like = format!("SELECT 'x' LIKE '{}'", "%a".repeat(500));
    for sql in [
        "SELECT printf('%.*c', 900000000, 'x')",
        "SELECT zeroblob(2000000)",
        &deep,
        &sum,
        &union,
        &like,
    ] {
        let error = attempt(&mut pair, Sqlite, sql).expect_err(sql).error;
        assert_eq!(error.state(), SqlState::PROGRAM_LIMIT_EXCEEDED, "{error:?}");
    }
}

#[test]
fn readers_refuse_to_write() {
    let pair = pair();
    for sql in ["INSERT INTO foo VALUES (5, 'x', 50)", "DROP TABLE foo", "PRAGMA user_version = 5"]
    {
        let error = read(&pair, sql).unwrap_err();
        assert_eq!(error.message(), "attempt to change database via query operation");
    }
    let mut reader = pair.leader.reader();
    assert!(reader.is_read_only(Sqlite, "SELECT * FROM foo").unwrap());
    assert!(reader.is_read_only(Sqlite, "EXPLAIN DELETE FROM foo").unwrap());
    assert!(!reader.is_read_only(Sqlite, "DELETE FROM foo").unwrap());
    assert!(!reader.is_read_only(Sqlite, "SELECT 1; DELETE FROM foo").unwrap());
    assert!(reader.is_read_only(Sqlite, "SELECT * FROM nowhere").is_err());
}

#[test]
fn parameters_are_bound_by_position_and_name() {
    let pair = pair();
    let run = |sql: &str, parameters: Parameters| {
        let mut rows = Rows::default();
        let statement = Statement { sql: sql.into(), parameters, touch: None };
        let control = Control::default();
        pair.leader.reader().run(Sqlite, &statement, None, &control, &mut rows)?;
        Ok::<_, crate::model::error::Error>(rows.rows)
    };
    let named = |names: &[&str]| Parameters::Named {
        positional: vec![Value::Integer(1)],
        named: names.iter().map(|n| ((*n).to_owned(), Value::Text((*n).to_owned()))).collect(),
    };
    let rows = run("SELECT :a, @b, $c, :a, ?", named(&["a", "b", "c"])).unwrap();
    let text = |text: &str| Value::Text(text.to_owned());
    assert_eq!(rows, [[text("a"), text("b"), text("c"), text("a"), Value::Integer(1)]]);
    let error = run("SELECT :a, :z", named(&["a"])).unwrap_err();
    assert!(error.message().starts_with("not enough args to execute query: want 2 got"));
    let values = vec![Value::Null, Value::Real(0.5), Value::Blob(vec![0, 255])];
    let rows = run("SELECT ?1, ?2, ?3", Parameters::Positional(values.clone())).unwrap();
    assert_eq!(rows, [values]);
}

#[test]
fn a_reader_notices_a_changed_schema() {
    let mut pair = pair();
    let mut reader = pair.leader.reader();
    let query = statement("SELECT * FROM foo WHERE id = 1");
    let control = Control::default();
    let columns = |reader: &mut crate::sqlite::Reader, schema| {
        let mut rows = Rows::default();
        let done = reader.run(Sqlite, &query, Some(schema), &control, &mut rows).unwrap();
        done.map(|_| (rows.columns.len(), rows.rows.len()))
    };
    let old = reader.schema().unwrap();
    for _ in 0..3 {
        assert_eq!(columns(&mut reader, old), Some((3, 1)));
    }
    pair.commit(Sqlite, &["ALTER TABLE foo ADD COLUMN more"]);
    assert_eq!(columns(&mut reader, old), None);
    let new = reader.schema().unwrap();
    for _ in 0..3 {
        assert_eq!(columns(&mut reader, new), Some((4, 1)));
        assert_eq!(columns(&mut reader, old), None);
    }
    // A statement that another run compiled for a newer schema must not pass for the old one.
    pair.commit(Sqlite, &["ALTER TABLE foo ADD COLUMN most"]);
    let other = statement("SELECT count(*) FROM foo");
    reader.run(Sqlite, &other, None, &control, &mut Rows::default()).unwrap();
    assert_eq!(columns(&mut reader, new), None);
    // Nor one that reads nothing of the database, but was compiled for a schema all the same.
    let constant = statement("SELECT 1");
    let one = |reader: &mut crate::sqlite::Reader, schema| {
        let done = reader.run(Sqlite, &constant, Some(schema), &control, &mut Rows::default());
        done.unwrap().is_some()
    };
    let now = reader.schema().unwrap();
    assert!(one(&mut reader, now) && one(&mut reader, now));
    pair.commit(Sqlite, &["CREATE TABLE other (a)"]);
    assert!(!one(&mut reader, now));
    // One state throughout a view.
    let view = reader.begin().unwrap();
    let newest = reader.schema().unwrap();
    pair.commit(Sqlite, &["ALTER TABLE foo ADD COLUMN again"]);
    assert_eq!(columns(&mut reader, newest), Some((5, 1)));
    assert_eq!(pair.leader.writer.txid(), view.next());
    reader.end();
    assert_eq!(columns(&mut reader, newest), None);
}

#[test]
fn the_pool_is_bounded() {
    let pair = pair();
    let readers: Vec<_> = (0..4).map(|_| pair.leader.reader()).collect();
    let error = pair.leader.database.reader(Duration::ZERO).unwrap_err();
    assert_eq!(error.state(), SqlState::TOO_MANY_CONNECTIONS);
    drop(readers);
    pair.leader.reader();
}

#[test]
fn large_results_come_in_batches() {
    let pair = pair();
    let mut rows = Rows::default();
    let sql = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 5000) SELECT x, hex(zeroblob(50)) FROM c";
    let control = Control::default();
    let done = pair.leader.reader().run(Sqlite, &statement(sql), None, &control, &mut rows);
    assert_eq!(done.unwrap().unwrap().rows, 5000);
    assert_eq!(rows.rows.len(), 5000);
    assert!(rows.batches > 5, "{}", rows.batches);
    assert_eq!(rows.columns[1].table, None);
    let mut rows = Rows::default();
    let query = statement("SELECT name AS n FROM foo");
    pair.leader.reader().run(Sqlite, &query, None, &control, &mut rows).unwrap();
    assert_eq!(rows.columns[0].table.as_deref(), Some("foo"));
    assert_eq!(rows.columns[0].declared_type.as_deref(), Some("TEXT"));
}
