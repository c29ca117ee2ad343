//! One statement's result as an item of `results`.
//!
//! The order of an item's keys is part of the contract, and so is which of them are left out. A
//! query's item is written row by row: `begin`, `row`s, `end`. If its statement fails after rows
//! were written, the item ends with an `error` key behind the rows.

use std::time::Duration;

use base64::Engine as _;

use crate::http::error::{Operation, item_text};
use crate::http::json::{NotFinite, Writer};
use crate::http::params::Params;
use crate::http::timestamp;
use crate::model::error::{Error, SqlState};
use crate::model::statement::StatementResult;
use crate::model::value::{ResultColumn, Value};

/// The forms that a request chose.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag in a query string")]
pub(crate) struct Shape {
    /// Rows are objects.
    pub(crate) associative: bool,
    /// BLOBs are arrays of numbers rather than base64.
    pub(crate) blob_array: bool,
    /// Column names carry their table's.
    pub(crate) qualify_columns: bool,
    /// Items of writes say what their statement took.
    pub(crate) timings: bool,
    /// Errors come with their SQLSTATE and their place in the statement.
    pub(crate) error_details: bool,
}

impl Shape {
    pub(crate) fn new(params: &Params) -> Self {
        Self {
            associative: params.has("associative"),
            blob_array: params.has("blob_array"),
            qualify_columns: params.has("qualify_columns"),
            timings: params.has("timings"),
            error_details: params.has("error_details"),
        }
    }
}

impl Shape {
    fn time(self, result: &StatementResult) -> Option<Duration> {
        self.timings.then_some(result.time).filter(|time| !time.is_zero())
    }
}

/// What a column's declared type means for its values.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Boolean,
    Time,
    Text,
    Other,
}

impl Kind {
    fn of(declared: &str) -> Self {
        const TEXT_PREFIXES: [&str; 6] =
            ["varchar", "varying character", "nchar", "native character", "nvarchar", "clob"];
        match declared {
            "boolean" => Self::Boolean,
            "date" | "datetime" | "timestamp" => Self::Time,
            "text" | "json" => Self::Text,
            _ if TEXT_PREFIXES.iter().any(|prefix| declared.starts_with(prefix)) => Self::Text,
            _ => Self::Other,
        }
    }
}

/// A query's item while its rows come.
#[derive(Debug)]
pub(crate) struct QueryItem {
    shape: Shape,
    kinds: Vec<Kind>,
    /// For associative rows: keys in their order, each with its column.
    keys: Vec<(String, usize)>,
    /// Whether the array of rows is open.
    open: bool,
}

impl QueryItem {
    /// Writes the head of the item. The first row decides the types of columns that have none.
    pub(crate) fn begin(
        json: &mut Writer,
        shape: Shape,
        columns: &[ResultColumn],
        first: Option<&[Value]>,
    ) -> Self {
        let names: Vec<String> = columns.iter().map(|column| name(column, shape)).collect();
        let declared = columns
            .iter()
            .map(|column| column.declared_type.as_deref().unwrap_or_default().to_lowercase());
        let declared: Vec<String> = declared.collect();
        let kinds = declared.iter().map(|declared| Kind::of(declared)).collect();
        let types = declared.iter().enumerate().map(|(at, declared)| {
            let value = first.and_then(|row| row.get(at));
            if declared.is_empty() { storage_class(value) } else { declared }
        });
        let mut item = Self { shape, kinds, keys: Vec::new(), open: false };
        json.begin(b'{');
        if shape.associative {
            item.keys = keys(names);
            item.associative_head(json, &types.collect::<Vec<_>>());
        } else if !columns.is_empty() {
            json.key("columns");
            json.begin(b'[');
            for name in &names {
                json.string(name);
            }
            json.end(b']');
            json.key("types");
            json.begin(b'[');
            types.for_each(|name| json.string(name));
            json.end(b']');
            if first.is_some() {
                json.key("values");
                json.begin(b'[');
                item.open = true;
            }
        }
        item
    }

    fn associative_head(&mut self, json: &mut Writer, types: &[&str]) {
        if !self.keys.is_empty() {
            json.key("types");
            json.begin(b'{');
            for (key, column) in &self.keys {
                json.key(key);
                json.string(types[*column]);
            }
            json.end(b'}');
        }
        json.key("rows");
        json.begin(b'[');
        self.open = true;
    }

    /// Writes one row. Invariant: `begin` was given a first row. A number that JSON hasn't is
    /// written as `null`, and reported.
    pub(crate) fn row(&self, json: &mut Writer, row: &[Value]) -> Result<(), NotFinite> {
        if self.kinds.is_empty() {
            return Ok(());
        }
        let mut written = Ok(());
        if self.shape.associative {
            json.begin(b'{');
            for (key, column) in &self.keys {
                json.key(key);
                written = written.and(self.value(json, self.kinds[*column], &row[*column]));
            }
            json.end(b'}');
        } else {
            json.begin(b'[');
            for (kind, value) in self.kinds.iter().zip(row) {
                written = written.and(self.value(json, *kind, value));
            }
            json.end(b']');
        }
        written
    }

    /// Ends the item.
    pub(crate) fn end(self, json: &mut Writer, error: Option<&Told>, time: Option<Duration>) {
        if self.open {
            json.end(b']');
        }
        tail(json, error, time);
        json.end(b'}');
    }

    /// Writes one value: `null` for a number that JSON hasn't, and then says so.
    fn value(&self, json: &mut Writer, kind: Kind, value: &Value) -> Result<(), NotFinite> {
        match (value, kind) {
            (Value::Null, _) => json.null(),
            (Value::Integer(integer), Kind::Boolean) => json.bool(*integer > 0),
            (Value::Integer(integer), Kind::Time) => {
                json.string(&timestamp::from_integer(*integer));
            }
            (Value::Integer(integer), _) => json.integer(*integer),
            (Value::Real(real), _) => {
                return json.float(*real).inspect_err(|_| json.null());
            }
            (Value::Text(text), Kind::Time) => json.string(&timestamp::from_text(text)),
            (Value::Text(text), _) => json.string(text),
            (Value::Blob(bytes), kind) => self.blob(json, kind, bytes),
        }
        Ok(())
    }

    /// A BLOB in a text column is shown as text where it is UTF-8, so that nothing is lost.
    fn blob(&self, json: &mut Writer, kind: Kind, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) if kind == Kind::Text => json.string(text),
            _ if self.shape.blob_array => {
                json.begin(b'[');
                for byte in bytes {
                    json.integer(i64::from(*byte));
                }
                json.end(b']');
            }
            _ => json.string(&base64::engine::general_purpose::STANDARD.encode(bytes)),
        }
    }
}

fn name(column: &ResultColumn, shape: Shape) -> String {
    match &column.table {
        Some(table) if shape.qualify_columns => format!("{table}.{}", column.name),
        _ => column.name.clone(),
    }
}

/// Sorted, and of equal ones the last.
fn keys(names: Vec<String>) -> Vec<(String, usize)> {
    let last: std::collections::BTreeMap<String, usize> =
        names.into_iter().enumerate().map(|(at, name)| (name, at)).collect();
    last.into_iter().collect()
}

/// The type of a column without a declared one, by its first value.
fn storage_class(value: Option<&Value>) -> &'static str {
    match value {
        None | Some(Value::Null) => "",
        Some(Value::Integer(_)) => "integer",
        Some(Value::Real(_)) => "real",
        Some(Value::Text(_)) => "text",
        Some(Value::Blob(_)) => "blob",
    }
}

/// What a client is told of an error.
#[derive(Debug)]
pub(crate) struct Told {
    text: String,
    /// If they are wanted: the SQLSTATE, and the place in the statement in characters from 1.
    details: Option<(SqlState, Option<u32>)>,
}

impl Told {
    pub(crate) fn new(error: &Error, operation: Operation, shape: Shape) -> Self {
        let details = (error.state(), error.fields().position);
        let details = shape.error_details.then_some(details);
        Self { text: item_text(error, operation), details }
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), details: None }
    }
}

/// `error` with its details, and `time`, where there are any.
fn tail(json: &mut Writer, error: Option<&Told>, time: Option<Duration>) {
    if let Some(error) = error {
        json.key("error");
        json.string(&error.text);
    }
    if let Some((state, position)) = error.and_then(|error| error.details) {
        json.key("code");
        json.string(state.as_str());
        if let Some(position) = position {
            json.key("position");
            json.integer(i64::from(position));
        }
    }
    if let Some(time) = time {
        json.key("time");
        let _ = json.float(time.as_secs_f64());
    }
}

/// A query's whole result. A number that JSON hasn't is shown as `null`, and the item then has an
/// error: the statement itself has done what it did.
pub(crate) fn query_item(json: &mut Writer, shape: Shape, result: &StatementResult) {
    let item = QueryItem::begin(json, shape, &result.columns, result.rows.iter().next());
    let mut written = Ok(());
    for row in result.rows.iter() {
        written = written.and(item.row(json, row));
    }
    let error = written.err().map(|value| Told::text(value.to_string()));
    item.end(json, error.as_ref(), shape.time(result));
}

/// What a statement that isn't a query did.
pub(crate) fn execute_item(json: &mut Writer, shape: Shape, result: &StatementResult) {
    json.begin(b'{');
    let completion = &result.completion;
    if completion.last_insert_id != 0 {
        json.key("last_insert_id");
        json.integer(completion.last_insert_id);
    }
    if completion.rows_affected != 0 {
        json.key("rows_affected");
        json.integer(completion.rows_affected as i64);
    }
    tail(json, None, shape.time(result));
    if shape.associative {
        json.key("rows");
        json.null();
    }
    json.end(b'}');
}

/// A statement that failed. `/db/query` gives associative ones an empty list of rows.
pub(crate) fn error_item(json: &mut Writer, with_rows: bool, error: &Told, time: Option<Duration>) {
    json.begin(b'{');
    if with_rows {
        json.key("rows");
        json.begin(b'[');
        json.end(b']');
    }
    tail(json, Some(error), time);
    json.end(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::statement::Completion;
    use crate::model::value::RowBatch;

    fn column(name: &str, declared_type: Option<&str>) -> ResultColumn {
        let declared_type = declared_type.map(str::to_owned);
        let table = declared_type.is_some().then(|| "foo".to_owned());
        ResultColumn { name: name.to_owned(), declared_type, table }
    }

    fn rows(columns: &[(&str, Option<&str>)], values: Vec<Value>) -> StatementResult {
        let width = columns.len();
        let columns = columns.iter().map(|(name, declared)| column(name, *declared)).collect();
        let rows = RowBatch { width, rows: values.len().checked_div(width).unwrap_or(0), values };
        StatementResult { columns, rows, ..StatementResult::default() }
    }

    fn shown(shape: Shape, result: &StatementResult) -> String {
        let mut json = Writer::new(false);
        query_item(&mut json, shape, result);
        String::from_utf8(json.out).unwrap()
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    /// One value of a column of this type, as it is shown.
    fn one(declared: Option<&str>, value: Value) -> String {
        let shown = shown(Shape::default(), &rows(&[("c", declared)], vec![value]));
        let (_, values) = shown.split_once("\"values\":[[").unwrap();
        values.strip_suffix("]]}").unwrap().to_owned()
    }

    const FOO: [(&str, Option<&str>); 3] =
        [("id", Some("INTEGER")), ("name", Some("TEXT")), ("age", Some("INTEGER"))];

    #[test]
    fn a_query_has_columns_types_and_values() {
        let result = rows(&FOO, vec![Value::Integer(1), text("fiona"), Value::Integer(20)]);
        assert_eq!(
            shown(Shape::default(), &result),
            r#"{"columns":["id","name","age"],"types":["integer","text","integer"],"values":[[1,"fiona",20]]}"#
        );
        assert_eq!(
            shown(Shape { associative: true, ..Shape::default() }, &result),
            r#"{"types":{"age":"integer","id":"integer","name":"text"},"rows":[{"age":20,"id":1,"name":"fiona"}]}"#
        );
        assert_eq!(
            shown(Shape { qualify_columns: true, ..Shape::default() }, &rows(&FOO[..1], vec![])),
            r#"{"columns":["foo.id"],"types":["integer"]}"#
        );
    }

    #[test]
    fn without_rows_values_is_left_out_and_rows_is_not() {
        let result = rows(&FOO[..2], vec![]);
        assert_eq!(
            shown(Shape::default(), &result),
            r#"{"columns":["id","name"],"types":["integer","text"]}"#
        );
        let associative = Shape { associative: true, ..Shape::default() };
        assert_eq!(
            shown(associative, &result),
            r#"{"types":{"id":"integer","name":"text"},"rows":[]}"#
        );
        assert_eq!(shown(Shape::default(), &rows(&[], vec![])), "{}");
    }

    #[test]
    fn of_two_columns_with_one_name_the_last_is_shown() {
        let columns = [("a", Some("TEXT")), ("a", Some("INTEGER"))];
        let result = rows(&columns, vec![text("x"), Value::Integer(2)]);
        assert_eq!(
            shown(Shape { associative: true, ..Shape::default() }, &result),
            r#"{"types":{"a":"integer"},"rows":[{"a":2}]}"#
        );
    }

    #[test]
    fn expressions_have_the_type_of_their_first_value() {
        let columns = [("a", None), ("b", None), ("c", None), ("d", None), ("e", None)];
        let first =
            [Value::Integer(1), Value::Real(2.0), text("t"), Value::Blob(vec![0]), Value::Null];
        let second = [const { Value::Null }; 5];
        let result = rows(&columns, first.into_iter().chain(second).collect());
        assert_eq!(
            shown(Shape::default(), &result),
            r#"{"columns":["a","b","c","d","e"],"types":["integer","real","text","blob",""],"values":[[1,2,"t","AA==",null],[null,null,null,null,null]]}"#
        );
    }

    #[test]
    fn the_declared_type_decides_how_a_value_is_shown() {
        assert_eq!(one(Some("BOOLEAN"), Value::Integer(1)), "true");
        assert_eq!(one(Some("boolean"), Value::Integer(-1)), "false");
        assert_eq!(one(Some("boolean"), text("yes")), "\"yes\"");
        assert_eq!(one(Some("bool"), Value::Integer(1)), "1");
        assert_eq!(one(Some("DATETIME"), text("2004-02-14")), "\"2004-02-14T00:00:00Z\"");
        assert_eq!(one(Some("timestamp"), Value::Integer(0)), "\"1970-01-01T00:00:00Z\"");
        assert_eq!(one(Some("timestamp"), Value::Real(0.5)), "0.5");
        assert_eq!(one(Some("BLOB"), Value::Blob(b"SQL".to_vec())), "\"U1FM\"");
        assert_eq!(one(Some("blob"), text("SQL")), "\"SQL\"");
        assert_eq!(one(Some("VARCHAR(36)"), Value::Blob(b"SQL".to_vec())), "\"SQL\"");
        assert_eq!(one(Some("TEXT"), Value::Blob(vec![0xff])), "\"/w==\"");
        assert_eq!(one(None, Value::Blob(b"SQL".to_vec())), "\"U1FM\"");
        assert_eq!(one(None, Value::Integer(i64::MIN)), "-9223372036854775808");
    }

    #[test]
    fn blobs_are_arrays_on_request() {
        let result = rows(&[("b", Some("BLOB"))], vec![Value::Blob(vec![0, 255])]);
        let shape = Shape { blob_array: true, ..Shape::default() };
        assert_eq!(
            shown(shape, &result),
            r#"{"columns":["b"],"types":["blob"],"values":[[[0,255]]]}"#
        );
    }

    #[test]
    fn infinity_is_an_error_of_the_item() {
        let result = rows(&[("r", None)], vec![Value::Real(f64::NEG_INFINITY)]);
        assert_eq!(
            shown(Shape::default(), &result),
            r#"{"columns":["r"],"types":["real"],"values":[[null]],"error":"json: unsupported value: -Inf"}"#
        );
    }

    #[test]
    fn execute_items_leave_out_what_is_zero() {
        let shown = |shape, last_insert_id, rows_affected| {
            let completion = Completion { rows_affected, last_insert_id, ..Completion::default() };
            let mut json = Writer::new(false);
            execute_item(&mut json, shape, &StatementResult { completion, ..rows(&[], vec![]) });
            String::from_utf8(json.out).unwrap()
        };
        let plain = Shape::default();
        assert_eq!(shown(plain, 0, 0), "{}");
        assert_eq!(shown(plain, 1, 1), r#"{"last_insert_id":1,"rows_affected":1}"#);
        let associative = Shape { associative: true, ..plain };
        assert_eq!(
            shown(associative, 1, 1),
            r#"{"last_insert_id":1,"rows_affected":1,"rows":null}"#
        );
    }

    #[test]
    fn an_errors_details_are_told_on_request() {
        let shown = |error: &Error, error_details| {
            let shape = Shape { error_details, ..Shape::default() };
            let mut json = Writer::new(false);
            let told = Told::new(error, Operation::Query, shape);
            error_item(&mut json, false, &told, Some(Duration::from_millis(1)));
            String::from_utf8(json.out).unwrap()
        };
        let error = Error::user(SqlState::UNDEFINED_COLUMN, "no such column: b").with_position(8);
        assert_eq!(
            shown(&error, true),
            r#"{"error":"no such column: b","code":"42703","position":8,"time":0.001}"#
        );
        assert_eq!(shown(&error, false), r#"{"error":"no such column: b","time":0.001}"#);
        let error = Error::user(SqlState::UNIQUE_VIOLATION, "UNIQUE constraint failed: t.a");
        assert_eq!(
            shown(&error, true),
            r#"{"error":"UNIQUE constraint failed: t.a","code":"23505","time":0.001}"#
        );
    }

    #[test]
    fn errors_come_before_the_time() {
        let mut json = Writer::new(false);
        json.begin(b'[');
        let time = Some(Duration::from_micros(59));
        error_item(&mut json, false, &Told::text("no such table: bar"), time);
        error_item(&mut json, true, &Told::text("no such table: bar"), None);
        let first = [Value::Integer(1)];
        let item =
            QueryItem::begin(&mut json, Shape::default(), &[column("c", None)], Some(&first));
        item.row(&mut json, &first).unwrap();
        item.end(&mut json, Some(&Told::text("query timeout")), time);
        json.end(b']');
        assert_eq!(
            String::from_utf8(json.out).unwrap(),
            r#"[{"error":"no such table: bar","time":0.000059},{"rows":[],"error":"no such table: bar"},{"columns":["c"],"types":["integer"],"values":[[1]],"error":"query timeout","time":0.000059}]"#
        );
    }
}
