//! Assigning to a part of a jsonb value by subscripts: `j['a'][1] = value`.
//!
//! Unlike `jsonb_set`, what the subscripts lead through is made where it is missing (manual, jsonb Subscripting).

use std::borrow::Cow;

use crate::datum::json::Json;
use crate::datum::json_edit::path_index;
use crate::model::error::{Error, SqlState};

/// What a subscript is, which decides what is made where nothing is: integers make arrays, texts make objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Integer,
    Text,
}

/// Elements that an array is filled up to at the most.
const ELEMENTS_MAX: i64 = 16 * 1024 * 1024;

/// The value with another one at the end of a path; `None` is NULL. `steps` is as long as `path`, which isn't empty.
///
/// # Errors
/// 22023, 22P02 with PostgreSQL's texts.
pub fn put<'a>(
    target: Option<Json<'a>>,
    (path, steps): (&[String], &[Step]),
    value: Json<'a>,
) -> Result<Json<'a>, Error> {
    let target = target.unwrap_or_else(|| empty(steps.first().copied()));
    put_at(target, (path, steps), value, 0)
}

fn empty<'a>(step: Option<Step>) -> Json<'a> {
    match step {
        Some(Step::Integer) => Json::Array(Vec::new()),
        _ => Json::Object(Vec::new()),
    }
}

fn put_at<'a>(
    target: Json<'a>,
    (path, steps): (&[String], &[Step]),
    value: Json<'a>,
    level: usize,
) -> Result<Json<'a>, Error> {
    let Some(key) = path.get(level) else { return Ok(value) };
    let is_last = level + 1 == path.len();
    let deeper = |found: Option<Json<'a>>| {
        let found = match found {
            Some(found) => found,
            None if is_last => Json::Null,
            None => empty(steps.get(level + 1).copied()),
        };
        put_at(found, (path, steps), value, level + 1)
    };
    match target {
        Json::Object(mut members) => {
            match members.iter().position(|(name, _)| name == key) {
                Some(at) => {
                    let inner = std::mem::replace(&mut members[at].1, Json::Null);
                    members[at].1 = deeper(Some(inner))?;
                }
                None => members.push((Cow::Owned(key.clone()), deeper(None)?)),
            }
            Ok(Json::Object(members))
        }
        Json::Array(mut items) => {
            let index = path_index(path, level)?;
            let from_start = if index < 0 { index + items.len() as i64 } else { index };
            let place = usize::try_from(from_start).ok().filter(|_| from_start < ELEMENTS_MAX);
            let Some(place) = place else {
                let message =
                    format!("path element at position {} is out of range: {index}", level + 1);
                return Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message));
            };
            if place < items.len() {
                let inner = std::mem::replace(&mut items[place], Json::Null);
                items[place] = deeper(Some(inner))?;
            } else {
                items.resize_with(place, || Json::Null);
                items.push(deeper(None)?);
            }
            Ok(Json::Array(items))
        }
        _ => Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, "cannot replace existing key")
            .with_detail("The path assumes key is a composite object, but it is a scalar value.")),
    }
}
