//! Layouts of the plain data in messages.

use super::{Cursor, Unreadable, Wire, wire_enum, wire_struct};
use crate::engine::lane::{Mark, Refusal};
use crate::engine::read::Query;
use crate::engine::{DatabaseHash, NodeHash, Progress, Verified, Written};
use crate::model::error::{Class, Error, SqlState};
use crate::model::id::{
    Chain, DatabaseId, LogIndex, NodeId, Position, SchemaVersion, Term, TransactionId,
};
use crate::model::pg_type::PgType;
use crate::model::statement::{
    Atomicity, Completion, Dialect, Parameters, RowKey, Statement, StatementResult, TakenValue,
    Touch, Unit, UnitOutcome,
};
use crate::model::value::{ResultColumn, RowBatch, Value};

macro_rules! wire_newtype {
    ($($name:ident),*) => {$(
        impl Wire for $name {
            fn put(&self, into: &mut Vec<u8>) {
                self.0.put(into);
            }
            fn take(from: &mut Cursor<'_>) -> Result<Self, Unreadable> {
                Wire::take(from).map(Self)
            }
        }
    )*};
}
wire_newtype!(DatabaseId, LogIndex, NodeId, Term, TransactionId, Chain, SchemaVersion);

wire_struct! {
    Position { txid, chain }
    Progress { version, role, term, last_log, committed, applied, log_bytes, received, expected }
    Statement { sql, parameters, touch }
    Touch { table, rows, existence, contents }
    Completion { rows, rows_affected, last_insert_id, read_only, taken }
    TakenValue { sequence, value, was_next }
    StatementResult { columns, rows, completion, time }
    ResultColumn { name, declared_type, table }
    Unit { dialect, atomicity, statements, schema, key }
    Written { outcome, index, repeated }
    Query { database, dialect, statement, schema }
    PgType { oid, modifier }
    Verified { position, nodes }
    NodeHash { node, hash }
    DatabaseHash { pages, hash }
}

wire_enum!(Dialect { 0 => Postgres, 1 => Sqlite });
wire_enum!(Atomicity { 0 => Unit, 1 => Statement });
wire_enum!(Parameters { 0 => Positional(values), 1 => Named { positional, named } });
wire_enum!(Value { 0 => Null, 1 => Integer(value), 2 => Real(value), 3 => Text(value), 4 => Blob(value) });
wire_enum!(UnitOutcome { 0 => Ran(results), 1 => SchemaChanged });
wire_enum!(Refusal { 0 => NotLeader, 1 => Error(error) });
wire_enum!(Mark { 0 => Set, 1 => RollBackTo, 2 => Release });
wire_enum!(Class {
    0 => User, 1 => Refused, 2 => Limit, 3 => Retry, 4 => Unknown, 5 => Internal,
});

impl Wire for RowKey {
    fn put(&self, into: &mut Vec<u8>) {
        self.0.to_vec().put(into);
    }

    fn take(from: &mut Cursor<'_>) -> Result<Self, Unreadable> {
        Ok(Self(Vec::<u8>::take(from)?.into()))
    }
}

impl Wire for RowBatch {
    fn put(&self, into: &mut Vec<u8>) {
        self.width.put(into);
        self.rows.put(into);
        self.values.put(into);
    }

    fn take(from: &mut Cursor<'_>) -> Result<Self, Unreadable> {
        let batch =
            Self { width: Wire::take(from)?, rows: Wire::take(from)?, values: Wire::take(from)? };
        let whole = batch.width.checked_mul(batch.rows) == Some(batch.values.len());
        if whole { Ok(batch) } else { Err(Unreadable) }
    }
}

impl Wire for Error {
    fn put(&self, into: &mut Vec<u8>) {
        let fields = self.fields();
        fields.class.put(into);
        into.extend(fields.state.0);
        fields.message.put(into);
        fields.detail.put(into);
        fields.hint.put(into);
        fields.position.put(into);
        fields.context.put(into);
        fields.schema.put(into);
        fields.table.put(into);
        fields.column.put(into);
        fields.data_type.put(into);
        fields.constraint.put(into);
    }

    fn take(from: &mut Cursor<'_>) -> Result<Self, Unreadable> {
        let class = Class::take(from)?;
        let state = SqlState(from.array()?);
        let mut error = Self::new(class, state, String::take(from)?);
        let fields = error.fields_mut();
        fields.detail = Wire::take(from)?;
        fields.hint = Wire::take(from)?;
        fields.position = Wire::take(from)?;
        fields.context = Wire::take(from)?;
        fields.schema = Wire::take(from)?;
        fields.table = Wire::take(from)?;
        fields.column = Wire::take(from)?;
        fields.data_type = Wire::take(from)?;
        fields.constraint = Wire::take(from)?;
        Ok(error)
    }
}
