//! The system tables, read by SQLite.

use crate::catalog::{Contents, SearchPath, Source, relations};
use crate::model::statement::Dialect::{Postgres, Sqlite};
use crate::model::value::Value;
use crate::sqlite::Control;
use crate::sqlite::testkit::{Pair, Rows, options, statement, with};

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
    let contents = Contents::new(pair.leader.reader().catalog().unwrap(), None);
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

/// What a query in PostgreSQL's language gives.
fn ask(pair: &Pair, text: &str) -> Vec<Vec<Value>> {
    let settings = crate::sql::CompileSettings {
        search_path: vec!["$user".to_owned(), "public".to_owned()],
        ..crate::sql::CompileSettings::new("postgres", "postgres")
    };
    let mut reader = pair.leader.reader();
    let catalog = reader.catalog().unwrap();
    let parsed = crate::sql::parse(text).unwrap();
    let compiled = crate::sql::compile(&parsed[0], &catalog, &settings, &[]).unwrap();
    let crate::sql::Action::Query { program, .. } = compiled.action else { panic!("no query") };
    let arguments = program.arguments.iter().map(|argument| match argument {
        crate::sql::Argument::SearchPath => {
            let path = SearchPath::new(&settings.search_path, &settings.user);
            Value::Text(path.to_argument())
        }
        other => panic!("{other:?} has no value here"),
    });
    let mut rows = Rows::default();
    let statement = with(&program.sql, arguments.collect());
    reader.run(Postgres, &statement, Some(catalog.schema), &Control::default(), &mut rows).unwrap();
    rows.rows
}

#[test]
fn functions_describe_objects_as_postgresql_does() {
    let mut pair = Pair::new(&options());
    pair.commit(Sqlite, &[
        "CREATE TABLE p (id INTEGER PRIMARY KEY, \"Name\" VARCHAR(20) NOT NULL, UNIQUE (\"Name\", id))",
        "CREATE TABLE c (a INT REFERENCES p (id), b TEXT)",
        "CREATE INDEX ci ON c (b, a)",
    ]);
    for (text, expected) in [
        (
            "SELECT pg_get_indexdef('ci'::regclass)",
            "CREATE INDEX ci ON public.c USING btree (b, a)",
        ),
        ("SELECT pg_get_indexdef('ci'::regclass, 2, true)", "a"),
        (
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'u'",
            "UNIQUE (\"Name\", id)",
        ),
        (
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'c'::regclass",
            "FOREIGN KEY (a) REFERENCES p(id)",
        ),
        (
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'p'::regclass AND attnum = 2",
            "character varying(20)",
        ),
        ("SELECT format_type(1700, 655366)", "numeric(10,2)"),
        ("SELECT format_type(1115, 3)", "timestamp(3) without time zone[]"),
        ("SELECT 'pg_class'::regclass::text", "pg_class"),
        ("SELECT 'information_schema.tables'::regclass::text", "information_schema.tables"),
        ("SELECT pg_get_userbyid(10)", "postgres"),
        ("SELECT obj_description(16, 'pg_type')", "boolean, 'true'/'false'"),
        (
            "SELECT pg_get_function_arguments(oid) FROM pg_proc WHERE proname = 'make_interval'",
            "years integer DEFAULT 0, months integer DEFAULT 0, weeks integer DEFAULT 0, days integer DEFAULT 0, \
          hours integer DEFAULT 0, mins integer DEFAULT 0, secs double precision DEFAULT 0.0",
        ),
        (
            "SELECT pg_get_function_result(oid) FROM pg_proc WHERE proname = 'pg_get_keywords'",
            "SETOF record",
        ),
        (
            "SELECT data_type FROM information_schema.columns WHERE table_name = 'c' AND column_name = 'b'",
            "text",
        ),
        ("SELECT table_type FROM information_schema.tables WHERE table_name = 'c'", "BASE TABLE"),
    ] {
        assert_eq!(ask(&pair, text), [[Value::Text(expected.to_owned())]], "{text}");
    }
    assert_eq!(ask(&pair, "SELECT to_regclass('nothing')"), [[Value::Null]]);
    let visible = "SELECT count(*) FROM pg_class WHERE pg_table_is_visible(oid) AND relname IN ('c', 'columns')";
    assert_eq!(ask(&pair, visible), [[Value::Integer(1)]]);
}
