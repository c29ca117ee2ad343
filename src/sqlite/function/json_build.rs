//! JSON made of other values: constructors and aggregates.

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::accumulate::{Accumulate, Budget, both};
use super::collect::{HEAD, types};
use super::typed::{Typed, element_of, lenient_typed, strict_typed};
use super::{Answer, string};
use crate::datum::Style;
use crate::datum::array::{self, Array};
use crate::datum::json;
use crate::datum::json_build;
use crate::datum::record;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

fn invalid(message: impl Into<String>) -> Error {
    Error::user(SqlState::INVALID_PARAMETER_VALUE, message)
}

fn array_error(message: &str) -> Error {
    Error::user(SqlState(*b"2202E"), message)
}

/// A finished text as json, or in jsonb's normal form.
fn finished(text: String, binary: bool) -> Answer {
    if binary { json::normalize(&text).map(string) } else { Ok(string(text)) }
}

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    for (kind, binary) in [("json", false), ("jsonb", true)] {
        strict_typed(connection, &format!("pg_to_{kind}"), move |call| {
            let mut out = String::new();
            json_build::write(call.data_type(0), &call.value(0)?, &call.style, &mut out)?;
            finished(out, binary)
        })?;
        lenient_typed(connection, &format!("pg_{kind}_build_array"), move |call| {
            let mut out = String::from("[");
            for at in 0..call.count() {
                if at > 0 {
                    out.push_str(", ");
                }
                json_build::write(call.data_type(at), &call.value(at)?, &call.style, &mut out)?;
            }
            out.push(']');
            finished(out, binary)
        })?;
        lenient_typed(connection, &format!("pg_{kind}_build_object"), move |call| {
            finished(build_object(call, kind)?, binary)
        })?;
        strict_typed(connection, &format!("pg_{kind}_object"), move |call| {
            finished(object_of_array(call)?, binary)
        })?;
        strict_typed(connection, &format!("pg_{kind}_object_two_arg"), move |call| {
            finished(object_of_two(call)?, binary)
        })?;
        both(connection, &format!("pg_{kind}_agg"), 3, move || Collect::new(false, binary))?;
        both(connection, &format!("pg_{kind}_object_agg"), 4, move || Collect::new(true, binary))?;
    }
    strict_typed(connection, "pg_array_to_json", |call| {
        let lines = call.count() > 1 && call.integer(1)? != 0;
        let mut out = String::new();
        let element = element_of(call.data_type(0));
        json_build::write_array(element, call.text(0)?, (&call.style, lines), &mut out)?;
        Ok(string(out))
    })?;
    // (record[, with line feeds])
    strict_typed(connection, "pg_row_to_json", |call| {
        let lines = call.count() > 1 && call.integer(1)? != 0;
        let mut out = String::new();
        record::put_json(&call.value(0)?, (&call.style, lines), &mut out)?;
        Ok(string(out))
    })
}

fn build_object(call: &Typed<'_, '_>, kind: &str) -> Result<String, Error> {
    if !call.count().is_multiple_of(2) {
        return Err(invalid("argument list must have even number of elements").with_hint(format!(
            "The arguments of {kind}_build_object() must consist of alternating keys and values."
        )));
    }
    let mut out = String::from("{");
    for at in (0..call.count()).step_by(2) {
        if call.is_null(at) {
            return Err(if kind == "jsonb" {
                invalid(format!("argument {}: key must not be null", at + 1))
            } else {
                invalid(format!("argument {} cannot be null", at + 1))
                    .with_hint("Object keys should be text.")
            });
        }
        if at > 0 {
            out.push_str(", ");
        }
        json_build::write_key(call.data_type(at), &call.value(at)?, &call.style, &mut out)?;
        out.push_str(" : ");
        json_build::write(call.data_type(at + 1), &call.value(at + 1)?, &call.style, &mut out)?;
    }
    out.push('}');
    Ok(out)
}

fn write_pair(key: &Value, value: &Value, out: &mut String) -> Result<(), Error> {
    let Value::Text(key) = key else {
        return Err(Error::user(SqlState(*b"22004"), "null value not allowed for object key"));
    };
    if out.len() > 1 {
        out.push_str(", ");
    }
    json::write_string(key, out);
    out.push_str(" : ");
    match value {
        Value::Text(text) => json::write_string(text, out),
        _ => out.push_str("null"),
    }
    Ok(())
}

/// `json_object(text[])`: keys and values in turns, or pairs of them.
fn object_of_array(call: &Typed<'_, '_>) -> Result<String, Error> {
    let Array { lengths, elements } = array::load(PgType::TEXT, call.text(0)?)?;
    match lengths.as_slice() {
        [] => {}
        [length] if length % 2 != 0 => {
            return Err(array_error("array must have even number of elements"));
        }
        [_] | [_, 2] => {}
        [_, _] => return Err(array_error("array must have two columns")),
        _ => return Err(array_error("wrong number of array subscripts")),
    }
    let mut out = String::from("{");
    for pair in elements.chunks(2) {
        write_pair(&pair[0], &pair[1], &mut out)?;
    }
    out.push('}');
    Ok(out)
}

fn object_of_two(call: &Typed<'_, '_>) -> Result<String, Error> {
    let keys = array::load(PgType::TEXT, call.text(0)?)?;
    let values = array::load(PgType::TEXT, call.text(1)?)?;
    if keys.lengths.len() > 1 || values.lengths.len() > 1 {
        return Err(array_error("wrong number of array subscripts"));
    }
    if keys.elements.len() != values.elements.len() {
        return Err(array_error("mismatched array dimensions"));
    }
    let mut out = String::from("{");
    for (key, value) in keys.elements.iter().zip(&values.elements) {
        write_pair(key, value, &mut out)?;
    }
    out.push('}');
    Ok(out)
}

/// `json_agg` and `json_object_agg`.
struct Collect {
    object: bool,
    binary: bool,
    style: Style,
    types: Vec<PgType>,
    text: Option<String>,
    budget: Budget,
}

impl Collect {
    fn new(object: bool, binary: bool) -> Self {
        Self {
            object,
            binary,
            style: Style::default(),
            types: Vec::new(),
            text: None,
            budget: Budget::default(),
        }
    }

    fn data_type(&self, at: usize) -> PgType {
        self.types.get(at).copied().unwrap_or(PgType::TEXT)
    }
}

fn starts_line(data_type: PgType) -> bool {
    data_type.oid == PgType::RECORD.oid
        || (json_build::is_structured(data_type) && !matches!(data_type.oid, 114 | 3802))
}

impl Accumulate for Collect {
    fn add(&mut self, row: &[Value]) -> Result<(), Error> {
        if self.text.is_none() {
            self.types = types(row);
            if let Value::Text(style) = &row[0] {
                self.style = Style::decode(style);
            }
        }
        let values = &row[HEAD..];
        let first = self.text.is_none();
        let mut text = self.text.take().unwrap_or_else(|| {
            String::from(match (self.object, self.binary) {
                (true, false) => "{ ",
                (true, true) => "{",
                (false, _) => "[",
            })
        });
        let start = text.len();
        if !first {
            text.push_str(", ");
        }
        if self.object {
            if values[0] == Value::Null {
                return Err(invalid("field name must not be null"));
            }
            json_build::write_key(self.data_type(0), &values[0], &self.style, &mut text)?;
            text.push_str(" : ");
        } else if !first && values[0] != Value::Null && starts_line(self.data_type(0)) {
            // Structures stand on lines of their own.
            text.push_str("\n ");
        }
        let last = values.len() - 1;
        json_build::write(self.data_type(last), &values[last], &self.style, &mut text)?;
        self.budget.take(text.len() - start)?;
        self.text = Some(text);
        Ok(())
    }

    fn answer(&self) -> Result<SqlValue, Error> {
        let Some(text) = &self.text else { return Ok(SqlValue::Null) };
        let close = match (self.object, self.binary) {
            (true, false) => " }",
            (true, true) => "}",
            (false, _) => "]",
        };
        finished(format!("{text}{close}"), self.binary)
    }
}
