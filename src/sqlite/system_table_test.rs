//! The system tables, read by SQLite.

use crate::catalog::{Contents, Source, relations};
use crate::model::statement::Dialect::{Postgres, Sqlite};
use crate::model::value::Value;
use crate::sqlite::Control;
use crate::sqlite::testkit::{Pair, Rows, options, statement};

const CLASSES: &str = "SELECT relname FROM _eider_pg_class WHERE oid >= 16384 ORDER BY relname";

fn names(rows: &[Vec<Value>]) -> Vec<&str> {
    let name = |row: &Vec<Value>| match &row[0] {
        Value::Text(text) => Some(text.clone().leak() as &str),
        _ => None,
    };
    rows.iter().filter_map(name).collect()
}

#[test]
fn every_system_table_can_be_read() {
    let pair = Pair::new(&options());
    let contents = Contents::new(pair.leader.reader().catalog().unwrap());
    for relation in relations().iter().filter(|relation| relation.source == Source::Table) {
        let count =
            pair.leader.number(&format!("SELECT count(*) FROM {}", relation.physical_name()));
        let rows = Contents::fixed(relation).len() + contents.own(relation).len();
        assert_eq!(count, rows as i64, "{}", relation.name);
    }
    assert_eq!(pair.leader.number("SELECT count(*) FROM _eider_pg_am"), 7);
    assert!(pair.leader.number("SELECT count(*) FROM _eider_pg_proc") > 3000);
}

#[test]
fn lookups_find_what_scans_find() {
    let mut pair = Pair::new(&options());
    pair.commit(Sqlite, &["CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)"]);
    let node = &pair.leader;
    for (relation, column) in [("class", "oid"), ("attribute", "attrelid"), ("type", "typname")] {
        let sql = |by: &str| {
            format!(
                "SELECT count(*) FROM _eider_pg_class AS c JOIN _eider_pg_{relation} AS x \
                 ON {by}x.{column} = c.oid OR {by}x.{column} = c.relname"
            )
        };
        // A unary plus keeps the planner from looking up.
        assert_eq!(node.number(&sql("")), node.number(&sql("+")), "{relation}.{column}");
    }
    let by_name = "SELECT oid FROM _eider_pg_class WHERE relname = 't'";
    let oid = node.number(by_name);
    let plan = node.query(&format!("EXPLAIN QUERY PLAN {by_name}"));
    assert!(format!("{plan:?}").contains("VIRTUAL TABLE INDEX 2:"), "{plan:?}");
    let columns =
        format!("SELECT attname FROM _eider_pg_attribute WHERE attrelid = {oid} AND attnum > 0");
    assert_eq!(names(&node.query(&columns)), ["a", "b"]);
}

#[test]
fn a_statement_sees_the_schema_of_its_own_transaction() {
    let mut pair = Pair::new(&options());
    pair.commit(Sqlite, &["CREATE TABLE before (a)"]);
    let writer_sees = |pair: &mut Pair| {
        let mut rows = Rows::default();
        pair.leader.writer.run(&statement(CLASSES), &Control::default(), &mut rows).unwrap();
        rows.rows
    };
    let mut old = pair.leader.reader();
    old.begin().unwrap();
    let mut seen = Rows::default();
    old.run(Postgres, &statement(CLASSES), None, &Control::default(), &mut seen).unwrap();
    assert_eq!(names(&seen.rows), ["before"]);

    pair.leader.writer.begin(Sqlite).unwrap();
    pair.leader.run("CREATE TABLE open (a)").unwrap();
    assert_eq!(names(&writer_sees(&mut pair)), ["before", "open"]);
    assert_eq!(names(&pair.leader.query(CLASSES)), ["before"]);
    pair.leader.writer.rollback().unwrap();

    pair.commit(Sqlite, &["CREATE TABLE later (a)"]);
    assert_eq!(names(&pair.leader.query(CLASSES)), ["before", "later"]);
    assert_eq!(names(&pair.mirror.query(CLASSES)), ["before", "later"]);
    let mut seen = Rows::default();
    old.run(Postgres, &statement(CLASSES), None, &Control::default(), &mut seen).unwrap();
    assert_eq!(names(&seen.rows), ["before"], "its snapshot has not moved");
}
