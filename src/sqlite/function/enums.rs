//! Enums: their values are texts, and the compiler says which there are.

use rusqlite::Connection;
use rusqlite::types::{Value as SqlValue, ValueRef};

use super::{PURE, lenient, strict, string};
use crate::datum::array::{self, Array};
use crate::datum::form::not_a_label;
use crate::model::error::Error;
use crate::model::pg_type::PgType;
use crate::model::value::Value;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    // (text, the type's name): the text isn't a label.
    strict(connection, "pg_no_label", 2, |args| Err(not_a_label(args.text(1)?, args.text(0)?)))?;
    // (array, labels, the type's name): the array, if all elements are labels.
    strict(connection, "pg_labels", 3, |args| {
        let labels = labels(args.text(1)?)?;
        let array = args.text(0)?;
        for element in array::load(PgType::TEXT, array)?.elements {
            if let Value::Text(text) = element
                && !labels.contains(&text)
            {
                return Err(not_a_label(args.text(2)?, &text));
            }
        }
        Ok(string(array))
    })?;
    // (labels, first, last): those between, where NULL is the end.
    lenient(connection, "pg_label_range", 3, PURE, |args| {
        let labels = labels(args.text(0)?)?;
        let place = |at: usize| -> Result<Option<usize>, Error> {
            if args.value(at) == ValueRef::Null {
                return Ok(None);
            }
            let text = args.text(at)?;
            Ok(labels.iter().position(|label| label == text))
        };
        let (first, last) = (place(1)?, place(2)?);
        Ok(between(&labels, first.unwrap_or(0), last.unwrap_or(usize::MAX)))
    })
}

fn labels(json: &str) -> Result<Vec<String>, Error> {
    serde_json::from_str(json).map_err(|_| Error::internal("labels are a list of texts"))
}

fn between(labels: &[String], first: usize, last: usize) -> SqlValue {
    let kept = labels.iter().enumerate().filter(|(at, _)| (first..=last).contains(at));
    let elements: Vec<Value> = kept.map(|(_, label)| Value::Text(label.clone())).collect();
    let lengths = if elements.is_empty() { Vec::new() } else { vec![elements.len()] };
    string(array::store(PgType::TEXT, &Array { lengths, elements }))
}
