//! The catalog, by either API.

use crate::model::catalog::{ConstraintKind, KeyActions, TableKind};
use crate::model::pg_type::PgType;
use crate::model::statement::Dialect::{Postgres, Sqlite};
use crate::model::statement::UNCHECKED;
use crate::model::value::Value;
use crate::sqlite::Control;
use crate::sqlite::testkit::{Pair, Rows, options, statement};

#[test]
fn sqlite_tables_get_derived_types_and_stable_oids() {
    let mut pair = Pair::new(&options());
    pair.commit(Sqlite, &[
        "CREATE TABLE p (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL DEFAULT 'x', flag BOOLEAN, UNIQUE (name, flag))",
        "CREATE TABLE c (a INT, b REFERENCES p (id), data BLOB, PRIMARY KEY (b, a)) WITHOUT ROWID",
        "CREATE INDEX ci ON c (data, length(data)) WHERE a > 5",
        "CREATE VIEW v AS SELECT id, name FROM p",
        "CREATE VIRTUAL TABLE ft USING fts5(body)",
    ]);
    let catalog = pair.mirror.reader().catalog().unwrap();
    assert_eq!(pair.leader.writer.catalog().unwrap(), catalog);
    assert_eq!(catalog.schema, pair.mirror.reader().schema().unwrap());
    let mut names: Vec<_> = catalog.tables.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["c", "ft", "p", "v"]);
    let p = &catalog.tables["p"];
    assert!(p.has_rowid && !p.from_postgres);
    assert_eq!(p.columns[0].data_type, PgType::INT8);
    assert_eq!(p.columns[1].data_type, PgType { modifier: 24, ..PgType::VARCHAR });
    assert_eq!(p.columns[1].default.as_deref(), Some("'x'"));
    assert!(p.columns[1].not_null);
    let kinds: Vec<_> = p.constraints.iter().map(|c| (c.name.as_str(), &c.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("p_pkey", &ConstraintKind::PrimaryKey { columns: vec![0] }),
            ("p_name_flag_key", &ConstraintKind::Unique { columns: vec![1, 2] }),
        ]
    );
    let c = &catalog.tables["c"];
    assert!(!c.has_rowid);
    assert_eq!(c.constraints[0].kind, ConstraintKind::PrimaryKey { columns: vec![1, 0] });
    assert_eq!(
        c.constraints[1].kind,
        ConstraintKind::ForeignKey {
            columns: vec![1],
            table: "p".to_owned(),
            foreign_columns: vec!["id".to_owned()],
            actions: KeyActions::default(),
        }
    );
    assert_eq!(catalog.tables["v"].kind, TableKind::View);
    assert_eq!(catalog.tables["ft"].kind, TableKind::Virtual);
    assert_eq!(catalog.indexes["ci"].columns, [Some("data".to_owned()), None]);
    assert!(catalog.indexes["ci"].partial);
    let oid = p.oid;
    assert!((16384..catalog.next_oid).contains(&oid));
    pair.commit(Sqlite, &["ALTER TABLE p ADD COLUMN more", "DROP TABLE c"]);
    let catalog = pair.mirror.reader().catalog().unwrap();
    assert_eq!(catalog.tables["p"].oid, oid);
    assert_eq!(catalog.tables["p"].columns.len(), 4);
    assert!(!catalog.indexes.contains_key("ci"));
    pair.commit(Sqlite, &["CREATE TABLE c (x)"]);
    let again = pair.mirror.reader().catalog().unwrap();
    assert_eq!(again.tables["c"].oid, catalog.next_oid);
}

#[test]
fn postgres_tables_keep_their_recorded_types() {
    let mut pair = Pair::new(&options());
    pair.commit(Postgres, &[
        "CREATE TABLE t (id INTEGER PRIMARY KEY, price TEXT)",
        "INSERT INTO \"_eider_table\" (name, oid) VALUES ('t', 16384)",
        "INSERT INTO \"_eider_column\" (table_name, number, name, type_oid, not_null) VALUES ('t', 1, 'id', 23, 1)",
        "INSERT INTO \"_eider_column\" (table_name, number, name, type_oid, modifier) VALUES ('t', 2, 'price', 1700, 655366)",
        "INSERT INTO \"_eider_constraint\" (oid, table_name, name, kind, columns, definition) VALUES (16385, 't', 'the_key', 'p', '[1]', '')",
        "UPDATE \"_eider_oid\" SET next = 16386",
    ]);
    let before = pair.mirror.reader().catalog().unwrap();
    let table = &before.tables["t"];
    assert!(table.from_postgres);
    assert_eq!(table.oid, 16384);
    assert_eq!(table.columns[1].data_type, PgType { oid: 1700, modifier: 655_366 });
    assert_eq!(table.constraints[0].name, "the_key");
    // Changing a recorded type changes the schema version, although SQLite's schema is the same.
    pair.commit(Postgres, &["UPDATE \"_eider_column\" SET type_oid = 20 WHERE name = 'id'"]);
    let after = pair.mirror.reader().catalog().unwrap();
    assert_ne!(after.schema, before.schema);
    assert_eq!(after.tables["t"].columns[0].data_type, PgType::INT8);
    // A plain SQLite rename is followed.
    pair.commit(Sqlite, &["ALTER TABLE t RENAME TO u"]);
    let renamed = pair.mirror.reader().catalog().unwrap();
    assert_eq!(renamed.tables["u"].oid, 16384);
    assert!(renamed.tables["u"].from_postgres);
    pair.assert_equal("renamed");
}

#[test]
fn a_sequences_state_is_no_schema_change() {
    let mut pair = Pair::new(&options());
    pair.commit(Postgres, &["INSERT INTO \"_eider_sequence\" (name, oid) VALUES ('s', 16390)"]);
    let before = pair.mirror.reader().schema().unwrap();
    pair.commit(
        Postgres,
        &["UPDATE \"_eider_sequence\" SET last_value = last_value + 1, is_called = 1 WHERE name = 's'"],
    );
    assert_eq!(pair.mirror.reader().schema().unwrap(), before);
    assert_eq!(pair.mirror.reader().catalog().unwrap().sequences["s"].oid, 16390);
}

/// The transaction makes a sequence before it takes a value of an old one: memory has neither yet.
#[test]
fn values_of_a_transaction_that_was_undone_are_not_given_again() {
    let mut pair = Pair::new(&options());
    let made = |name: &str, oid: u32| {
        format!("INSERT INTO \"_eider_sequence\" (name, oid) VALUES ('{name}', {oid})")
    };
    pair.commit(Postgres, &[&made("old", 16390)]);
    pair.reopen_leader(&options());
    let next = |pair: &mut Pair, name: &str| {
        let mut rows = Rows::default();
        let taking = statement(&format!("SELECT pg_nextval('{name}')"));
        pair.leader.writer.run(&taking, &Control::default(), &mut rows).unwrap();
        rows.rows[0][0].clone()
    };
    let mut undone = Vec::new();
    for _ in 0..2 {
        pair.leader.writer.begin(Postgres).unwrap();
        pair.leader.run(&made("new", 16391)).unwrap();
        undone.push([next(&mut pair, "old"), next(&mut pair, "new")]);
        pair.leader.writer.rollback().unwrap();
    }
    let number = Value::Integer;
    assert_eq!(undone, [[number(1), number(1)], [number(2), number(1)]]);
}

#[test]
fn the_open_transactions_catalog_has_its_own_changes() {
    let mut pair = Pair::new(&options());
    pair.leader.writer.begin(Sqlite).unwrap();
    let before = pair.leader.writer.schema();
    pair.leader.run("CREATE TABLE t (a)").unwrap();
    assert_ne!(pair.leader.writer.schema(), before);
    assert!(pair.leader.writer.catalog().unwrap().tables.contains_key("t"));
    assert!(!pair.leader.reader().catalog().unwrap().tables.contains_key("t"));
    pair.leader.writer.rollback().unwrap();
    assert!(!pair.leader.writer.catalog().unwrap().tables.contains_key("t"));
    pair.commit(Sqlite, &["CREATE TABLE other (a)"]);
    assert!(pair.leader.writer.catalog().unwrap().tables.contains_key("other"));
}

#[test]
fn a_definition_that_sqlite_cannot_use_is_an_error_and_leaves_nothing() {
    let mut pair = Pair::new(&options());
    pair.commit(Postgres, &["CREATE TABLE t (id INTEGER PRIMARY KEY)"]);
    for definition in
        ["CREATE TABLE t (id TEXT PRIMARY KEY)", "CREATE TABLE t (id INTEGER", "nonsense"]
    {
        let change = format!(
            "{UNCHECKED}UPDATE \"sqlite_schema\" SET \"sql\" = '{definition}' WHERE \"name\" = 't'"
        );
        pair.leader.writer.begin(Postgres).unwrap();
        let refused = pair.leader.run(&change).unwrap_err();
        assert!(refused.fault.is_none() && !refused.transaction_lost, "{refused:?}");
        assert!(refused.error.message().contains("can't use this definition"), "{refused:?}");
        pair.leader.run("INSERT INTO t DEFAULT VALUES").unwrap();
        pair.finish();
    }
    assert_eq!(pair.mirror.number("SELECT count(*) FROM t"), 3);
    pair.assert_equal("after the refusals");
}
