//! Changing jsonb values: setting, inserting, deleting, joining; and stripping and printing.

use std::borrow::Cow;

use crate::datum::json::{self, Json, write_string};
use crate::datum::json_walk::place;
use crate::model::error::{Error, SqlState};

fn invalid(message: &str) -> Error {
    Error::user(SqlState::INVALID_PARAMETER_VALUE, message)
}

/// What `jsonb_set` and `jsonb_insert` do where the path ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Replace, or add where nothing is if `create`.
    Set { create: bool },
    /// Insert before or after an element, or add a key.
    Insert { after: bool },
}

/// Applies a change at a path.
///
/// # Errors
/// 22023, 22P02 with PostgreSQL's texts.
pub fn change<'a>(
    target: Json<'a>,
    path: &[String],
    value: Json<'a>,
    change: Change,
) -> Result<Json<'a>, Error> {
    if !matches!(target, Json::Array(_) | Json::Object(_)) {
        return Err(invalid("cannot set path in scalar"));
    }
    if path.is_empty() {
        return Ok(target);
    }
    let empty = match &target {
        Json::Array(items) => items.is_empty(),
        Json::Object(members) => members.is_empty(),
        _ => false,
    };
    if empty && change == (Change::Set { create: false }) {
        return Ok(target);
    }
    apply(target, path, value, change, 0)
}

fn apply<'a>(
    target: Json<'a>,
    path: &[String],
    value: Json<'a>,
    change: Change,
    level: usize,
) -> Result<Json<'a>, Error> {
    match target {
        Json::Object(members) => in_object(members, path, value, change, level).map(Json::Object),
        Json::Array(items) => in_array(items, path, value, change, level).map(Json::Array),
        scalar => Ok(scalar),
    }
}

type Members<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

fn in_object<'a>(
    mut members: Members<'a>,
    path: &[String],
    value: Json<'a>,
    change: Change,
    level: usize,
) -> Result<Members<'a>, Error> {
    let key = &path[level];
    let last = level + 1 == path.len();
    let found = members.iter().position(|(name, _)| name == key);
    match (found, last) {
        (Some(_), true) if matches!(change, Change::Insert { .. }) => {
            return Err(invalid("cannot replace existing key")
                .with_hint("Try using the function jsonb_set to replace key value."));
        }
        (Some(at), true) => members[at].1 = value,
        (Some(at), false) => {
            let inner = std::mem::replace(&mut members[at].1, Json::Null);
            members[at].1 = apply(inner, path, value, change, level + 1)?;
        }
        (None, true) if change != (Change::Set { create: false }) => {
            members.push((Cow::Owned(key.clone()), value));
        }
        (None, _) => {}
    }
    Ok(members)
}

fn in_array<'a>(
    mut items: Vec<Json<'a>>,
    path: &[String],
    value: Json<'a>,
    change: Change,
    level: usize,
) -> Result<Vec<Json<'a>>, Error> {
    let index = path_index(path, level)?;
    let last = level + 1 == path.len();
    match (place(index, items.len()), last) {
        (Some(at), false) => {
            let inner = std::mem::replace(&mut items[at], Json::Null);
            items[at] = apply(inner, path, value, change, level + 1)?;
        }
        (Some(at), true) => match change {
            Change::Set { .. } => items[at] = value,
            Change::Insert { after } => items.insert(at + usize::from(after), value),
        },
        (None, true) if change != (Change::Set { create: false }) => {
            if index < 0 {
                items.insert(0, value);
            } else {
                items.push(value);
            }
        }
        (None, _) => {}
    }
    Ok(items)
}

pub(super) fn path_index(path: &[String], level: usize) -> Result<i64, Error> {
    path[level].trim().parse::<i32>().map(i64::from).map_err(|_| {
        Error::user(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!(
                "path element at position {} is not an integer: \"{}\"",
                level + 1,
                path[level]
            ),
        )
    })
}

/// `#-`
///
/// # Errors
/// 22023 for a scalar; 22P02 for an index that isn't one.
pub fn delete_path<'a>(target: Json<'a>, path: &[String]) -> Result<Json<'a>, Error> {
    if !matches!(target, Json::Array(_) | Json::Object(_)) {
        return Err(invalid("cannot delete path in scalar"));
    }
    if path.is_empty() {
        return Ok(target);
    }
    delete_at(target, path, 0)
}

fn delete_at<'a>(target: Json<'a>, path: &[String], level: usize) -> Result<Json<'a>, Error> {
    let last = level + 1 == path.len();
    match target {
        Json::Object(mut members) => {
            if let Some(at) = members.iter().position(|(name, _)| *name == path[level]) {
                if last {
                    members.remove(at);
                } else {
                    let inner = std::mem::replace(&mut members[at].1, Json::Null);
                    members[at].1 = delete_at(inner, path, level + 1)?;
                }
            }
            Ok(Json::Object(members))
        }
        Json::Array(mut items) => {
            if let Some(at) = place(path_index(path, level)?, items.len()) {
                if last {
                    items.remove(at);
                } else {
                    let inner = std::mem::replace(&mut items[at], Json::Null);
                    items[at] = delete_at(inner, path, level + 1)?;
                }
            }
            Ok(Json::Array(items))
        }
        scalar => Ok(scalar),
    }
}

/// `jsonb - text` and `jsonb - text[]`: without these keys, or elements that are these strings.
///
/// # Errors
/// 22023 for a scalar.
pub fn delete_keys<'a>(target: Json<'a>, keys: &[String]) -> Result<Json<'a>, Error> {
    let unwanted = |text: &str| keys.iter().any(|key| key == text);
    match target {
        Json::Object(mut members) => {
            members.retain(|(name, _)| !unwanted(name));
            Ok(Json::Object(members))
        }
        Json::Array(mut items) => {
            items.retain(|item| !matches!(item, Json::String(text) if unwanted(text)));
            Ok(Json::Array(items))
        }
        _ => Err(invalid("cannot delete from scalar")),
    }
}

/// `jsonb - integer`
///
/// # Errors
/// 22023 for what isn't an array.
pub fn delete_index(target: Json<'_>, index: i64) -> Result<Json<'_>, Error> {
    match target {
        Json::Array(mut items) => {
            if let Some(at) = place(index, items.len()) {
                items.remove(at);
            }
            Ok(Json::Array(items))
        }
        Json::Object(_) => Err(invalid("cannot delete from object using integer index")),
        _ => Err(invalid("cannot delete from scalar")),
    }
}

/// `||`: objects are merged, anything else becomes one array.
pub fn concatenate<'a>(left: Json<'a>, right: Json<'a>) -> Json<'a> {
    match (left, right) {
        (Json::Object(mut members), Json::Object(more)) => {
            members.extend(more);
            Json::Object(members)
        }
        (left, right) => {
            let mut items = into_items(left);
            items.extend(into_items(right));
            Json::Array(items)
        }
    }
}

fn into_items(value: Json<'_>) -> Vec<Json<'_>> {
    match value {
        Json::Array(items) => items,
        other => vec![other],
    }
}

/// Leaves out object members that are null, at all levels.
#[must_use]
pub fn strip_nulls(value: Json<'_>) -> Json<'_> {
    match value {
        Json::Object(members) => Json::Object(
            members
                .into_iter()
                .filter(|(_, value)| *value != Json::Null)
                .map(|(key, value)| (key, strip_nulls(value)))
                .collect(),
        ),
        Json::Array(items) => Json::Array(items.into_iter().map(strip_nulls).collect()),
        scalar => scalar,
    }
}

/// Writes a json value without blanks, its numbers and keys as they were.
pub fn write_compact(value: &Json<'_>, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Number(digits) => out.push_str(digits),
        Json::String(text) => write_string(text, out),
        Json::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_compact(item, out);
            }
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (at, (key, item)) in members.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write_compact(item, out);
            }
            out.push('}');
        }
    }
}

/// `jsonb_pretty`, of a value in normal form.
///
/// # Errors
/// As [`json::parse`].
pub fn pretty(text: &str) -> Result<String, Error> {
    let mut out = String::new();
    write_pretty(&json::parse(text, false)?, 0, &mut out);
    Ok(out)
}

fn write_pretty(value: &Json<'_>, depth: usize, out: &mut String) {
    let indent = |depth: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n("    ", depth));
    };
    match value {
        Json::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                indent(depth + 1, out);
                write_pretty(item, depth + 1, out);
            }
            indent(depth, out);
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (at, (key, item)) in members.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                indent(depth + 1, out);
                write_string(key, out);
                out.push_str(": ");
                write_pretty(item, depth + 1, out);
            }
            indent(depth, out);
            out.push('}');
        }
        scalar => write_compact(scalar, out),
    }
}
