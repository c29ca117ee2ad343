//! Rows of JSON objects: their members as values of given types (`json_to_record` and its family).
//!
//! A member is read by its type's input function: a string without its quotes, anything else as it stands in
//! JSON. Columns of json and jsonb take the member itself, arrays take JSON's.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::datum::array::{self, Array};
use crate::datum::json::{self, Json, Shallow, write_string};
use crate::datum::json_build::element_of;
use crate::datum::{Style, from_text, json_walk};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

/// `MAXDIM`
const DIMENSIONS_MAX: usize = 6;

/// A column that a member of its name fills; the last one, if there are several. The modifier counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    pub name: String,
    pub data_type: PgType,
}

impl Wanted {
    /// Writes columns as [`decode`](Self::decode) reads them.
    pub fn encode(columns: &[Self]) -> String {
        let mut out = String::from("[");
        for (at, column) in columns.iter().enumerate() {
            out.push_str(if at > 0 { ",[" } else { "[" });
            write_string(&column.name, &mut out);
            let _ = write!(out, ",{},{}]", column.data_type.oid, column.data_type.modifier);
        }
        out.push(']');
        out
    }

    /// Reads columns.
    ///
    /// # Errors
    /// XX000 for what [`encode`](Self::encode) didn't write.
    pub fn decode(text: &str) -> Result<Vec<Self>, Error> {
        let columns: Vec<(String, u32, i32)> = serde_json::from_str(text)
            .map_err(|_| Error::internal("columns have names and types"))?;
        let column = |(name, oid, modifier)| Self { name, data_type: PgType { oid, modifier } };
        Ok(columns.into_iter().map(column).collect())
    }
}

/// The values of a JSON object's members, in the columns' order; NULL where there is no such member.
///
/// # Errors
/// 22023 for what isn't an object; 22P02 and the like for what a column can't hold.
pub fn row(object: &str, columns: &[Wanted], style: &Style) -> Result<Vec<Value>, Error> {
    let members = match json::shallow(object)? {
        Shallow::Object(members) => members,
        Shallow::Array(_) => return Err(invalid("cannot call populate_composite on an array")),
        Shallow::Scalar(_) => return Err(invalid("cannot call populate_composite on a scalar")),
    };
    columns.iter().map(|column| member(&members, column, style)).collect()
}

/// The same for each element of a JSON array. `function` is what errors call, `kind` the type of what it is called on.
///
/// # Errors
/// As [`row`]; 22023 for what isn't an array of objects.
pub fn rows(
    array: &str,
    columns: &[Wanted],
    style: &Style,
    (function, kind): (&str, &str),
) -> Result<Vec<Vec<Value>>, Error> {
    let found = match json::shallow(array)? {
        Shallow::Array(items) => items,
        _ if kind == "jsonb" => {
            return Err(invalid(format!("cannot call {function} on a non-array")));
        }
        Shallow::Object(_) => return Err(invalid(format!("cannot call {function} on an object"))),
        Shallow::Scalar(_) => return Err(invalid(format!("cannot call {function} on a scalar"))),
    };
    if found.iter().any(|item| !item.starts_with('{')) {
        let message = format!("argument of {function} must be an array of objects");
        return Err(invalid(message));
    }
    found.into_iter().map(|item| row(item, columns, style)).collect()
}

fn invalid(message: impl Into<String>) -> Error {
    Error::user(SqlState::INVALID_PARAMETER_VALUE, message)
}

fn member(
    members: &[(Cow<'_, str>, &str)],
    column: &Wanted,
    style: &Style,
) -> Result<Value, Error> {
    let Some((_, text)) = members.iter().rev().find(|(name, _)| *name == column.name) else {
        return Ok(Value::Null);
    };
    let Some(element) = element_of(column.data_type) else {
        return scalar(column.data_type, text, style);
    };
    match json::shallow(text)? {
        Shallow::Scalar(Json::Null) => Ok(Value::Null),
        Shallow::Scalar(Json::String(text)) => from_text(column.data_type, &text, style),
        _ => {
            let element = PgType { modifier: column.data_type.modifier, ..element };
            let mut reader = Reader {
                name: &column.name,
                element,
                style,
                depth: None,
                counts: Vec::new(),
                lengths: Vec::new(),
                elements: Vec::new(),
            };
            reader.level(text, 1)?;
            Ok(Value::Text(array::store(element, &reader.finished())))
        }
    }
}

/// A value that isn't an array's.
fn scalar(data_type: PgType, text: &str, style: &Style) -> Result<Value, Error> {
    let Some(plain) = json_walk::as_text(text)? else { return Ok(Value::Null) };
    let is_json = matches!(data_type, PgType::JSON | PgType::JSONB);
    from_text(data_type, if is_json { text } else { &plain }, style)
}

/// Reads a JSON array. How deep it goes is what its first element that isn't an array says.
struct Reader<'a> {
    name: &'a str,
    element: PgType,
    style: &'a Style,
    depth: Option<usize>,
    /// Elements so far of the array that is being read at each level.
    counts: Vec<usize>,
    /// Elements of the arrays at each level, of which the first has been read to its end.
    lengths: Vec<Option<usize>>,
    elements: Vec<Value>,
}

impl Reader<'_> {
    /// Reads an array at a level from 1.
    fn level(&mut self, text: &str, level: usize) -> Result<(), Error> {
        let Shallow::Array(items) = json::shallow(text)? else {
            return Err(self.no_array(level - 1));
        };
        if self.counts.len() < level {
            self.counts.push(0);
            self.lengths.push(None);
        }
        self.counts[level - 1] = 0;
        let is_last = items.first().is_none_or(|first| !first.starts_with('['));
        if self.depth.is_none() && is_last {
            if level > DIMENSIONS_MAX {
                let message = format!(
                    "number of array dimensions ({level}) exceeds the maximum allowed ({DIMENSIONS_MAX})"
                );
                return Err(Error::user(SqlState::PROGRAM_LIMIT_EXCEEDED, message));
            }
            self.depth = Some(level);
        }
        for item in items {
            if self.depth == Some(level) {
                self.elements.push(scalar(self.element, item, self.style)?);
            } else {
                self.level(item, level + 1)?;
            }
            self.counts[level - 1] += 1;
        }
        match self.lengths[level - 1] {
            None => self.lengths[level - 1] = Some(self.counts[level - 1]),
            Some(length) if length == self.counts[level - 1] => {}
            Some(_) => {
                let error =
                    Error::user(SqlState::INVALID_TEXT_REPRESENTATION, "malformed JSON array");
                return Err(error.with_detail(
                    "Multidimensional arrays must have sub-arrays with matching dimensions.",
                ));
            }
        }
        Ok(())
    }

    /// What stands inside `level` arrays should be one itself.
    fn no_array(&self, level: usize) -> Error {
        let place: String = self.counts[..level].iter().map(|at| format!("[{at}]")).collect();
        let what = if level == 0 { "value".to_owned() } else { format!("array element {place}") };
        let error = Error::user(SqlState::INVALID_TEXT_REPRESENTATION, "expected JSON array");
        error.with_hint(format!("See the {what} of key \"{}\".", self.name))
    }

    fn finished(self) -> Array {
        if self.elements.is_empty() {
            return Array::default();
        }
        let lengths = self.lengths.into_iter().flatten().collect();
        Array { lengths, elements: self.elements }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(object: &str, oid: u32) -> Result<Value, Error> {
        let columns = [Wanted { name: "a".to_owned(), data_type: PgType::new(oid) }];
        let encoded = Wanted::decode(&Wanted::encode(&columns)).unwrap();
        assert_eq!(encoded, columns);
        row(object, &columns, &Style::default()).map(|mut values| values.remove(0))
    }

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    #[test]
    fn members_are_read_by_their_columns_types() {
        assert_eq!(read(r#"{"a":1,"a":"2"}"#, 23), Ok(Value::Integer(2)));
        assert_eq!(read(r#"{"b":1}"#, 23), Ok(Value::Null));
        assert_eq!(read(r#"{"a":null}"#, 3802), Ok(Value::Null));
        assert_eq!(read(r#"{"a":"x"}"#, 114), Ok(text("\"x\"")));
        assert_eq!(read(r#"{"a":"x"}"#, 25), Ok(text("x")));
        assert_eq!(read(r#"{"a":[1,  2]}"#, 25), Ok(text("[1,  2]")));
        assert_eq!(read(r#"{"a":[[1,2],[3,null]]}"#, 1007), Ok(text("[[1,2],[3,null]]")));
        assert_eq!(read(r#"{"a":[[],[]]}"#, 1007), Ok(text("[]")));
        assert_eq!(read(r#"{"a":"{1,2}"}"#, 1007), Ok(text("[1,2]")));
    }

    #[test]
    fn arrays_must_be_even() {
        let hint = |object: &str| read(object, 1007).unwrap_err().fields().hint.clone();
        assert_eq!(hint(r#"{"a":1}"#).as_deref(), Some("See the value of key \"a\"."));
        let place = "See the array element [1] of key \"a\".";
        assert_eq!(hint(r#"{"a":[[1],2]}"#).as_deref(), Some(place));
        let error = read(r#"{"a":[[1,2],[3]]}"#, 1007).unwrap_err();
        assert_eq!(error.fields().message, "malformed JSON array");
        let error = read(r#"{"a":[[[[[[[1]]]]]]]}"#, 1007).unwrap_err();
        assert_eq!(error.state(), SqlState::PROGRAM_LIMIT_EXCEEDED);
    }
}
