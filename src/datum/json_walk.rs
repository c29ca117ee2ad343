//! Looking into JSON: fields, elements, paths, containment. All of it works on the text, so that what
//! comes out of a json value is as it was written.

use crate::datum::compare::json_equal;
use crate::datum::json::{self, Json, Shallow};
use crate::model::error::Error;

/// The value of a key; the last one of several.
///
/// # Errors
/// XX001 in effect: the text isn't JSON.
pub fn field<'a>(text: &'a str, key: &str) -> Result<Option<&'a str>, Error> {
    Ok(match json::shallow(text)? {
        Shallow::Object(members) => {
            members.into_iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
        }
        Shallow::Array(_) | Shallow::Scalar(_) => None,
    })
}

/// An array's element; a negative index counts from the end.
///
/// # Errors
/// As [`field`].
pub fn element(text: &str, index: i64) -> Result<Option<&str>, Error> {
    Ok(match json::shallow(text)? {
        Shallow::Array(items) => place(index, items.len()).map(|at| items[at]),
        Shallow::Object(_) | Shallow::Scalar(_) => None,
    })
}

/// The place of an element with an index that may count from the end.
pub(super) fn place(index: i64, length: usize) -> Option<usize> {
    let at = if index < 0 { index + length as i64 } else { index };
    usize::try_from(at).ok().filter(|at| *at < length)
}

/// What a path of keys and indexes leads to.
///
/// # Errors
/// As [`field`].
pub fn path<'a>(text: &'a str, steps: &[String]) -> Result<Option<&'a str>, Error> {
    let mut at = text.trim_matches([' ', '\t', '\n', '\r']);
    for step in steps {
        let next = match json::shallow(at)? {
            Shallow::Object(members) => {
                members.into_iter().rev().find(|(name, _)| name == step).map(|(_, value)| value)
            }
            Shallow::Array(items) => step
                .trim()
                .parse::<i32>()
                .ok()
                .and_then(|index| place(i64::from(index), items.len()))
                .map(|at| items[at]),
            Shallow::Scalar(_) => None,
        };
        match next {
            None => return Ok(None),
            Some(found) => at = found,
        }
    }
    Ok(Some(at))
}

/// A value as text: strings without their quotes; `None` for null.
///
/// # Errors
/// As [`field`].
pub fn as_text(value: &str) -> Result<Option<String>, Error> {
    if !value.starts_with(['"', 'n']) {
        return Ok(Some(value.to_owned()));
    }
    Ok(match json::parse(value, false)? {
        Json::Null => None,
        Json::String(text) => Some(text.into_owned()),
        _ => Some(value.to_owned()),
    })
}

/// `json_typeof`.
///
/// # Errors
/// As [`field`].
pub fn type_of(text: &str) -> Result<&'static str, Error> {
    Ok(match json::shallow(text)? {
        Shallow::Object(_) => "object",
        Shallow::Array(_) => "array",
        Shallow::Scalar(scalar) => match scalar {
            Json::Null => "null",
            Json::Bool(_) => "boolean",
            Json::Number(_) => "number",
            _ => "string",
        },
    })
}

/// `@>`: whether all of `part` is in `whole`.
pub fn contains(whole: &Json<'_>, part: &Json<'_>) -> bool {
    match (whole, part) {
        // An array contains a scalar at the top only.
        (Json::Array(items), scalar) if !matches!(scalar, Json::Array(_) | Json::Object(_)) => {
            items.iter().any(|item| json_equal(item, scalar))
        }
        _ => contains_inside(whole, part),
    }
}

fn contains_inside(whole: &Json<'_>, part: &Json<'_>) -> bool {
    match (whole, part) {
        (Json::Object(members), Json::Object(wanted)) => wanted.iter().all(|(key, value)| {
            let found = members.iter().find(|(name, _)| name == key);
            found.is_some_and(|(_, found)| contains_inside(found, value))
        }),
        (Json::Array(items), Json::Array(wanted)) => {
            wanted.iter().all(|value| items.iter().any(|item| contains_inside(item, value)))
        }
        (Json::Array(_) | Json::Object(_), _) | (_, Json::Array(_) | Json::Object(_)) => false,
        _ => json_equal(whole, part),
    }
}

/// `?`: whether a string is a key, an element, or the value itself.
///
/// # Errors
/// As [`field`].
pub fn exists(text: &str, key: &str) -> Result<bool, Error> {
    Ok(match json::shallow(text)? {
        Shallow::Object(members) => members.iter().any(|(name, _)| name == key),
        Shallow::Array(items) => {
            let mut found = false;
            for item in items.into_iter().filter(|item| item.starts_with('"')) {
                found |= as_text(item)?.as_deref() == Some(key);
            }
            found
        }
        Shallow::Scalar(Json::String(text)) => text == key,
        Shallow::Scalar(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containment_follows_the_manual() {
        // Manual, "jsonb Containment and Existence".
        for (whole, part, expected) in [
            ("\"foo\"", "\"foo\"", true),
            ("[1, 2, 3]", "[1, 3]", true),
            ("[1, 2, 3]", "[3, 1, 3]", true),
            ("[1, 2, [1, 3]]", "[1, 3]", false),
            ("[1, 2, [1, 3]]", "[[1, 3]]", true),
            ("{\"foo\": {\"bar\": \"baz\"}}", "{\"bar\": \"baz\"}", false),
            ("{\"foo\": {\"bar\": \"baz\"}}", "{\"foo\": {}}", true),
            ("[\"foo\", \"bar\"]", "\"bar\"", true),
            ("\"bar\"", "[\"bar\"]", false),
            ("[1.0]", "[1]", true),
        ] {
            let (whole_json, part_json) =
                (json::parse(whole, true).unwrap(), json::parse(part, true).unwrap());
            assert_eq!(contains(&whole_json, &part_json), expected, "{whole} @> {part}");
        }
    }

    #[test]
    fn json_is_taken_apart_as_it_was_written() {
        assert_eq!(field("{\"a\" : {\"b\":  [1, 2 ]}}", "a").unwrap(), Some("{\"b\":  [1, 2 ]}"));
        assert_eq!(field("{\"a\":1,\"a\":2}", "a").unwrap(), Some("2"));
        assert_eq!(element("[1,2]", -1).unwrap(), Some("2"));
        assert_eq!(
            path("[1, {\"x\": [5]}]", &["1".into(), "x".into(), "0".into()]).unwrap(),
            Some("5")
        );
        assert_eq!(as_text("\"a\\nb\"").unwrap().as_deref(), Some("a\nb"));
    }
}
