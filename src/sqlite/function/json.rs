//! json and jsonb: operators, and functions that take values apart.
//!
//! A function that returns a set gives a JSON array here, one element a row; of columns `key` and
//! `value`, an array of two-element arrays. What comes out as json or jsonb is a string in it.

use rusqlite::Connection;
use rusqlite::types::{Value as SqlValue, ValueRef};

use super::{
    Answer, Arguments, PURE, boolean, integer, lenient, numeric, parse_numeric, strict, string,
};
use crate::datum::array;
use crate::datum::compare::documents;
use crate::datum::json::{self, Json, Shallow, write_string};
use crate::datum::json_edit::{self, Change};
use crate::datum::json_walk;
use crate::datum::numeric::Numeric;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

fn invalid(message: impl Into<String>) -> Error {
    Error::user(SqlState::INVALID_PARAMETER_VALUE, message)
}

fn optional(value: Option<&str>) -> SqlValue {
    value.map_or(SqlValue::Null, string)
}

fn optional_text(value: Option<&str>) -> Answer {
    Ok(match value {
        None => SqlValue::Null,
        Some(value) => json_walk::as_text(value)?.map_or(SqlValue::Null, string),
    })
}

/// A text[] argument: a path, or keys. `None` if an element is NULL.
fn texts(args: &Arguments<'_, '_>, at: usize) -> Result<Option<Vec<String>>, Error> {
    let elements = array::load(PgType::TEXT, args.text(at)?)?.elements;
    Ok(elements
        .into_iter()
        .map(|element| match element {
            Value::Text(text) => Some(text),
            _ => None,
        })
        .collect())
}

/// A path whose elements must not be NULL: 22004.
fn whole_path(args: &Arguments<'_, '_>, at: usize) -> Result<Vec<String>, Error> {
    let elements = array::load(PgType::TEXT, args.text(at)?)?.elements;
    elements
        .into_iter()
        .enumerate()
        .map(|(place, element)| match element {
            Value::Text(text) => Ok(text),
            _ => Err(Error::user(
                SqlState(*b"22004"),
                format!("path element at position {} is null", place + 1),
            )),
        })
        .collect()
}

fn document<'a>(args: &'a Arguments<'_, '_>, at: usize) -> Result<Json<'a>, Error> {
    json::parse(args.text(at)?, false)
}

fn rendered(value: Json<'_>) -> Answer {
    json::render(value).map(string)
}

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    for kind in ["json", "jsonb"] {
        register_access(connection, kind)?;
        register_sets(connection, kind)?;
    }
    register_tests(connection)?;
    register_casts(connection)?;
    register_changes(connection)
}

/// Casts of jsonb that has just one value: `jsonb_int4` and its like.
fn register_casts(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_jsonb_bool", 1, |args| match document(args, 0)? {
        Json::Bool(value) => Ok(boolean(value)),
        other => Err(no_cast(&other, "boolean")),
    })?;
    for (name, type_name, cast) in [
        (
            "pg_jsonb_num",
            "numeric",
            (|value| Ok(string(value.to_string()))) as fn(&Numeric) -> Answer,
        ),
        ("pg_jsonb_i2", "smallint", numeric::to_smallint),
        ("pg_jsonb_i4", "integer", numeric::to_integer),
        ("pg_jsonb_i8", "bigint", numeric::to_bigint),
        ("pg_jsonb_f4", "real", numeric::to_real),
        ("pg_jsonb_f8", "double precision", numeric::to_double),
    ] {
        strict(connection, name, 1, move |args| match document(args, 0)? {
            Json::Number(text) => cast(&parse_numeric(text)?),
            other => Err(no_cast(&other, type_name)),
        })?;
    }
    Ok(())
}

fn no_cast(value: &Json<'_>, type_name: &str) -> Error {
    let kind = match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "numeric",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    };
    invalid(format!("cannot cast jsonb {kind} to type {type_name}"))
}

fn register_access(connection: &Connection, kind: &str) -> rusqlite::Result<()> {
    strict(connection, &format!("pg_{kind}_object_field"), 2, |args| {
        Ok(optional(json_walk::field(args.text(0)?, args.text(1)?)?))
    })?;
    strict(connection, &format!("pg_{kind}_object_field_text"), 2, |args| {
        optional_text(json_walk::field(args.text(0)?, args.text(1)?)?)
    })?;
    strict(connection, &format!("pg_{kind}_array_element"), 2, |args| {
        Ok(optional(json_walk::element(args.text(0)?, args.integer(1)?)?))
    })?;
    strict(connection, &format!("pg_{kind}_array_element_text"), 2, |args| {
        optional_text(json_walk::element(args.text(0)?, args.integer(1)?)?)
    })?;
    strict(connection, &format!("pg_{kind}_extract_path"), 2, |args| {
        Ok(match texts(args, 1)? {
            None => SqlValue::Null,
            Some(path) => optional(json_walk::path(args.text(0)?, &path)?),
        })
    })?;
    strict(connection, &format!("pg_{kind}_extract_path_text"), 2, |args| match texts(args, 1)? {
        None => Ok(SqlValue::Null),
        Some(path) => optional_text(json_walk::path(args.text(0)?, &path)?),
    })?;
    strict(connection, &format!("pg_{kind}_typeof"), 1, |args| {
        Ok(string(json_walk::type_of(args.text(0)?)?))
    })?;
    strict(connection, &format!("pg_{kind}_array_length"), 1, |args| {
        match json::shallow(args.text(0)?)? {
            Shallow::Array(items) => Ok(integer(items.len() as i64)),
            Shallow::Object(_) => Err(invalid("cannot get array length of a non-array")),
            Shallow::Scalar(_) => Err(invalid("cannot get array length of a scalar")),
        }
    })
}

/// Rows as a JSON array of strings, or of null.
fn rows(values: impl Iterator<Item = Result<Option<String>, Error>>) -> Answer {
    let mut out = String::from("[");
    for (at, value) in values.enumerate() {
        if at > 0 {
            out.push(',');
        }
        match value? {
            None => out.push_str("null"),
            Some(value) => write_string(&value, &mut out),
        }
    }
    out.push(']');
    Ok(string(out))
}

fn register_sets(connection: &Connection, kind: &'static str) -> rusqlite::Result<()> {
    for (suffix, text) in [("array_elements", false), ("array_elements_text", true)] {
        let name = format!("{kind}_{suffix}");
        strict(connection, &format!("pg_{name}"), 1, move |args| {
            match json::shallow(args.text(0)?)? {
                Shallow::Array(items) => rows(items.into_iter().map(|item| {
                    if text { json_walk::as_text(item) } else { Ok(Some(item.to_owned())) }
                })),
                _ if kind == "json" => Err(invalid(format!(
                    "cannot call {name} on a {}",
                    if is_scalar(args.text(0)?) { "scalar" } else { "non-array" }
                ))),
                Shallow::Object(_) => Err(invalid("cannot extract elements from an object")),
                Shallow::Scalar(_) => Err(invalid("cannot extract elements from a scalar")),
            }
        })?;
    }
    let name = format!("{kind}_object_keys");
    strict(connection, &format!("pg_{name}"), 1, move |args| {
        match json::shallow(args.text(0)?)? {
            Shallow::Object(members) => {
                rows(members.into_iter().map(|(key, _)| Ok(Some(key.into_owned()))))
            }
            Shallow::Array(_) => Err(invalid(format!("cannot call {name} on an array"))),
            Shallow::Scalar(_) => Err(invalid(format!("cannot call {name} on a scalar"))),
        }
    })?;
    for (suffix, text) in [("each", false), ("each_text", true)] {
        let name = format!("{kind}_{suffix}");
        strict(connection, &format!("pg_{name}"), 1, move |args| {
            match json::shallow(args.text(0)?)? {
                Shallow::Object(members) => pairs(members, text),
                _ if kind == "jsonb" => Err(invalid(format!("cannot call {name} on a non-object"))),
                Shallow::Array(_) => Err(invalid("cannot deconstruct an array as an object")),
                Shallow::Scalar(_) => Err(invalid("cannot deconstruct a scalar")),
            }
        })?;
    }
    Ok(())
}

fn is_scalar(text: &str) -> bool {
    !text.trim_start().starts_with(['{', '['])
}

/// Rows of key and value.
fn pairs(members: Vec<(std::borrow::Cow<'_, str>, &str)>, text: bool) -> Answer {
    let mut out = String::from("[");
    for (at, (key, value)) in members.into_iter().enumerate() {
        out.push_str(if at > 0 { ",[" } else { "[" });
        write_string(&key, &mut out);
        out.push(',');
        match if text { json_walk::as_text(value)? } else { Some(value.to_owned()) } {
            None => out.push_str("null"),
            Some(value) => write_string(&value, &mut out),
        }
        out.push(']');
    }
    out.push(']');
    Ok(string(out))
}

/// Whether two values in this order fulfil a comparison.
type Test = fn(std::cmp::Ordering) -> bool;

fn register_tests(connection: &Connection) -> rusqlite::Result<()> {
    for (name, whole) in [("pg_jsonb_contains", 0), ("pg_jsonb_contained", 1)] {
        strict(connection, name, 2, move |args| {
            let (whole, part) = (document(args, whole)?, document(args, 1 - whole)?);
            Ok(boolean(json_walk::contains(&whole, &part)))
        })?;
    }
    strict(connection, "pg_jsonb_exists", 2, |args| {
        json_walk::exists(args.text(0)?, args.text(1)?).map(boolean)
    })?;
    for (name, all) in [("pg_jsonb_exists_any", false), ("pg_jsonb_exists_all", true)] {
        strict(connection, name, 2, move |args| {
            let mut result = all;
            for key in array::load(PgType::TEXT, args.text(1)?)?.elements {
                // NULLs don't count.
                let Value::Text(key) = key else { continue };
                let found = json_walk::exists(args.text(0)?, &key)?;
                result = if all { result && found } else { result || found };
            }
            Ok(boolean(result))
        })?;
    }
    let comparisons: [(&str, Test); 6] = [
        ("pg_jsonb_eq", |order| order.is_eq()),
        ("pg_jsonb_ne", |order| order.is_ne()),
        ("pg_jsonb_lt", |order| order.is_lt()),
        ("pg_jsonb_le", |order| order.is_le()),
        ("pg_jsonb_gt", |order| order.is_gt()),
        ("pg_jsonb_ge", |order| order.is_ge()),
    ];
    for (name, test) in comparisons {
        strict(connection, name, 2, move |args| {
            Ok(boolean(test(documents(args.text(0)?, args.text(1)?))))
        })?;
    }
    Ok(())
}

fn register_changes(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_jsonb_concat", 2, |args| {
        rendered(json_edit::concatenate(document(args, 0)?, document(args, 1)?))
    })?;
    strict(connection, "pg_jsonb_delete", 2, |args| {
        rendered(json_edit::delete_keys(document(args, 0)?, &[args.text(1)?.to_owned()])?)
    })?;
    strict(connection, "pg_jsonb_delete_array", 2, |args| {
        let keys: Vec<String> = array::load(PgType::TEXT, args.text(1)?)?
            .elements
            .into_iter()
            .filter_map(|key| if let Value::Text(key) = key { Some(key) } else { None })
            .collect();
        rendered(json_edit::delete_keys(document(args, 0)?, &keys)?)
    })?;
    strict(connection, "pg_jsonb_delete_idx", 2, |args| {
        rendered(json_edit::delete_index(document(args, 0)?, args.integer(1)?)?)
    })?;
    strict(connection, "pg_jsonb_delete_path", 2, |args| {
        rendered(json_edit::delete_path(document(args, 0)?, &whole_path(args, 1)?)?)
    })?;
    strict(connection, "pg_jsonb_set", -1, |args| {
        let create = args.count() < 4 || args.integer(3)? != 0;
        changed(args, Change::Set { create })
    })?;
    strict(connection, "pg_jsonb_insert", -1, |args| {
        let after = args.count() > 3 && args.integer(3)? != 0;
        changed(args, Change::Insert { after })
    })?;
    lenient(connection, "pg_jsonb_set_lax", -1, PURE, set_lax)?;
    strict(connection, "pg_jsonb_strip_nulls", 1, |args| {
        rendered(json_edit::strip_nulls(document(args, 0)?))
    })?;
    strict(connection, "pg_json_strip_nulls", 1, |args| {
        let mut out = String::new();
        json_edit::write_compact(&json_edit::strip_nulls(document(args, 0)?), &mut out);
        Ok(string(out))
    })?;
    strict(connection, "pg_jsonb_pretty", 1, |args| json_edit::pretty(args.text(0)?).map(string))
}

fn changed(args: &Arguments<'_, '_>, change: Change) -> Answer {
    let path = whole_path(args, 1)?;
    rendered(json_edit::change(document(args, 0)?, &path, document(args, 2)?, change)?)
}

/// jsonb_set_lax(target, path, value, create, treatment of NULL)
fn set_lax(args: &Arguments<'_, '_>) -> Answer {
    let null = |at: usize| args.count() > at && args.value(at) == ValueRef::Null;
    if null(0) || null(1) || null(3) {
        return Ok(SqlValue::Null);
    }
    if null(4) {
        return Err(treatment_error());
    }
    let create = args.count() < 4 || args.integer(3)? != 0;
    let treatment = if args.count() > 4 { args.text(4)? } else { "use_json_null" };
    if !null(2) {
        return changed(args, Change::Set { create });
    }
    let path = whole_path(args, 1)?;
    match treatment {
        "raise_exception" => Err(Error::user(SqlState(*b"22004"), "JSON value must not be null")
            .with_detail("Exception was raised because null_value_treatment is \"raise_exception\".")
            .with_hint("To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.")),
        "use_json_null" => rendered(json_edit::change(
            document(args, 0)?,
            &path,
            Json::Null,
            Change::Set { create },
        )?),
        "delete_key" => rendered(json_edit::delete_path(document(args, 0)?, &path)?),
        "return_target" => Ok(string(args.text(0)?)),
        _ => Err(treatment_error()),
    }
}

fn treatment_error() -> Error {
    invalid(
        "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"",
    )
}
