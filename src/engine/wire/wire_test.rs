//! Messages between engines: round trips, the pinned layout, hostile bytes.

use std::sync::Arc;

use super::*;
use crate::engine::lane::Refusal;
use crate::model::catalog::{
    Catalog, Column, Constraint, ConstraintKind, KeyActions, Table, TableKind,
};
use crate::model::error::{Error, SqlState};
use crate::model::id::{DatabaseId, LogIndex, NodeId, SchemaVersion};
use crate::model::pg_type::PgType;
use crate::model::statement::{Atomicity, Dialect, Parameters, RowKey, Statement, Touch, Unit};
use crate::model::value::{RowBatch, Value};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write() -> Call {
    let parameters = Parameters::Named {
        positional: vec![Value::Null, Value::Integer(-1), Value::Real(0.5)],
        named: vec![("n".into(), Value::Blob(vec![7]))],
    };
    let rows = vec![RowKey([9].into())];
    let touch = Some(Touch { table: "t".into(), rows, existence: true, contents: false });
    Call::Write {
        asked: Asked { node: NodeId(1), number: 2 },
        database: DatabaseId::POSTGRES,
        unit: Unit {
            dialect: Dialect::Sqlite,
            atomicity: Atomicity::Unit,
            statements: vec![Statement { sql: "x".into(), parameters, touch }],
            schema: Some(SchemaVersion(3)),
            key: Some("k".into()),
        },
        deadline: None,
        lock_timeout: None,
        under: None,
    }
}

#[test]
fn the_layout_of_a_write_is_pinned() {
    let expected = "07000100000000000000020000000000000005000000010001000000010000007801030000000001\
                    ffffffffffffffff02000000000000e03f01000000010000006e04010000000701010000007401000000\
                    010000000901000103000000 01010000006b 000000";
    assert_eq!(hex(&encode(&write())), expected.replace(' ', ""));
}

#[test]
fn the_layout_of_an_error_is_pinned() {
    let error = Error::user(SqlState::UNIQUE_VIOLATION, "m").with_position(3).with_context("c");
    let answer: Answer = Err(Refusal::Error(error));
    let expected =
        "07 00 01 00 3233353035 01000000 6d 00 00 01 03000000 01 01000000 63 00 00 00 00 00";
    assert_eq!(hex(&encode(&answer)), expected.replace(' ', ""));
}

#[test]
fn messages_round_trip_and_no_cut_or_lengthened_one_is_read() {
    let bytes = encode(&write());
    assert_eq!(decode::<Call>(&bytes), Ok(write()));
    for length in 0..bytes.len() {
        assert_eq!(decode::<Call>(&bytes[..length]), Err(Unreadable), "length {length}");
    }
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert_eq!(decode::<Call>(&longer), Err(Unreadable));
}

#[test]
fn another_version_is_refused() {
    let mut bytes = encode(&Call::Ping).to_vec();
    bytes[0] += 1;
    assert_eq!(decode::<Call>(&bytes), Err(Unreadable));
}

#[test]
fn a_length_beyond_the_message_is_refused_before_anything_is_allocated() {
    let mut bytes = vec![VERSION, 3];
    bytes.extend(u64::MAX.to_le_bytes());
    bytes.extend(u64::MAX.to_le_bytes());
    bytes.extend(u32::MAX.to_le_bytes());
    assert_eq!(decode::<FromLeader>(&bytes), Err(Unreadable));
}

#[test]
fn a_batch_whose_size_is_wrong_is_refused() {
    let batch = RowBatch { width: 2, rows: 2, values: vec![Value::Null; 3] };
    assert_eq!(decode::<FromLeader>(&encode(&FromLeader::Rows(batch))), Err(Unreadable));
}

#[test]
fn errors_and_catalogs_round_trip() {
    let mut error = Error::user(SqlState::UNIQUE_VIOLATION, "m").with_hint("h").with_position(3);
    error.fields_mut().constraint = Some("c".into());
    let mut error = error.with_context("COPY t, line 3");
    error.fields_mut().column = Some("a".into());
    let answer: Answer = Err(Refusal::Error(error));
    assert_eq!(decode::<Answer>(&encode(&answer)), Ok(answer));

    let column = Column { default: Some("1".into()), ..Column::new(1, "a", PgType::INT4) };
    let kind = ConstraintKind::ForeignKey {
        columns: vec![0],
        table: "u".into(),
        foreign_columns: vec!["b".into()],
        actions: KeyActions { on_delete: 'c', ..KeyActions::default() },
    };
    let table = Table {
        oid: 16384,
        schema: "s".into(),
        name: "t".into(),
        stored: "s.t".into(),
        kind: TableKind::Table,
        columns: vec![column],
        constraints: vec![Constraint::new(16385, "f".into(), kind)],
        has_rowid: true,
        from_postgres: true,
        view: None,
        populated: true,
        on_commit: None,
    };
    let mut catalog = Catalog { schema: SchemaVersion(9), ..Catalog::default() };
    catalog.tables.insert("t".into(), Arc::new(table));
    let message = FromLeader::Catalog(Arc::new(catalog));
    assert_eq!(decode::<FromLeader>(&encode(&message)), Ok(message));
    let message = FromLeader::Committed(Some(LogIndex(4)));
    assert_eq!(decode::<FromLeader>(&encode(&message)), Ok(message));
}
