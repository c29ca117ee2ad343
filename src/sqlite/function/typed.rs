//! Functions that must know the types of their arguments, or how the session shows values.
//!
//! They are called as `name(style, oids, a, b, ...)`: how the session shows values, encoded, and the
//! OIDs of the types of `a`, `b`, ... with commas between them. The compiler writes both.

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};

use super::{Answer, Arguments, PURE, fail};
use crate::datum::{self, Style, array};
use crate::model::error::Error;
use crate::model::pg_type::PgType;
use crate::model::value::Value;

/// What stands before the arguments proper.
const HEAD: usize = 2;

/// A call of such a function. Arguments count from 0.
pub(super) struct Typed<'a, 'c> {
    args: Arguments<'a, 'c>,
    types: Vec<PgType>,
    pub(super) style: Style,
}

impl<'a, 'c> Typed<'a, 'c> {
    pub(super) fn new(context: &'a Context<'c>) -> Result<Self, Error> {
        let args = Arguments { context };
        let (types, style) = {
            let style = args.text(0)?;
            let oids = args.text(1)?.split(',').filter(|oid| !oid.is_empty());
            let types = oids.map(|oid| {
                oid.parse().map(PgType::new).map_err(|_| Error::internal("types are OIDs"))
            });
            let style = Style::decode(style);
            (types.collect::<Result<Vec<_>, _>>()?, style)
        };
        Ok(Self { args, types, style })
    }

    pub(super) fn count(&self) -> usize {
        self.args.count() - HEAD
    }

    pub(super) fn is_null(&self, at: usize) -> bool {
        self.args.value(at + HEAD) == ValueRef::Null
    }

    pub(super) fn raw(&self, at: usize) -> ValueRef<'_> {
        self.args.value(at + HEAD)
    }

    pub(super) fn value(&self, at: usize) -> Result<Value, Error> {
        self.args.datum(at + HEAD)
    }

    pub(super) fn text(&self, at: usize) -> Result<&str, Error> {
        self.args.text(at + HEAD)
    }

    pub(super) fn integer(&self, at: usize) -> Result<i64, Error> {
        self.args.integer(at + HEAD)
    }

    pub(super) fn data_type(&self, at: usize) -> PgType {
        self.types.get(at).copied().unwrap_or(PgType::TEXT)
    }

    /// The element type of an array argument.
    pub(super) fn element(&self, at: usize) -> PgType {
        element_of(self.data_type(at))
    }

    /// An argument in its text form, as the session sees it; `None` for NULL.
    pub(super) fn shown(&self, at: usize) -> Result<Option<String>, Error> {
        if self.is_null(at) {
            return Ok(None);
        }
        shown(self.data_type(at), &self.value(at)?, &self.style).map(Some)
    }
}

/// The element type of an array type; text, if it isn't one.
pub(super) fn element_of(array: PgType) -> PgType {
    PgType::new(array::element_of(array.oid).unwrap_or(PgType::TEXT.oid))
}

/// The text form of a value that isn't NULL.
pub(super) fn shown(data_type: PgType, value: &Value, style: &Style) -> Result<String, Error> {
    let mut out = bytes::BytesMut::new();
    datum::to_text(data_type, value, style, &mut out)?;
    String::from_utf8(out.to_vec()).map_err(|_| Error::internal("text output is UTF-8"))
}

/// A value as SQLite takes it.
pub(super) fn sql_value(value: Value) -> SqlValue {
    match value {
        Value::Null => SqlValue::Null,
        Value::Integer(number) => SqlValue::Integer(number),
        Value::Real(number) if number.is_nan() => SqlValue::Text("NaN".to_owned()),
        Value::Real(number) => SqlValue::Real(number),
        Value::Text(text) => SqlValue::Text(text),
        Value::Blob(bytes) => SqlValue::Blob(bytes),
    }
}

/// Registers a deterministic function that is NULL where an argument is.
pub(super) fn strict_typed(
    connection: &Connection,
    name: &str,
    function: impl Fn(&Typed<'_, '_>) -> Answer + Send + 'static,
) -> rusqlite::Result<()> {
    register(connection, name, PURE, true, function)
}

/// Registers a deterministic function that is called for NULLs too.
pub(super) fn lenient_typed(
    connection: &Connection,
    name: &str,
    function: impl Fn(&Typed<'_, '_>) -> Answer + Send + 'static,
) -> rusqlite::Result<()> {
    register(connection, name, PURE, false, function)
}

fn register(
    connection: &Connection,
    name: &str,
    flags: FunctionFlags,
    strict: bool,
    function: impl Fn(&Typed<'_, '_>) -> Answer + Send + 'static,
) -> rusqlite::Result<()> {
    connection.create_scalar_function(name, -1, flags, move |context| {
        if strict && (0..context.len()).any(|at| context.get_raw(at) == ValueRef::Null) {
            return Ok(ToSqlOutput::Owned(SqlValue::Null));
        }
        let answer = Typed::new(context).and_then(|call| function(&call));
        answer.map(ToSqlOutput::Owned).map_err(fail)
    })
}
