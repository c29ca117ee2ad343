//! Enums and domains: values of enums are texts, and the compiler says which there are; it says too what a
//! domain's constraints are.

use rusqlite::Connection;
use rusqlite::types::{Value as SqlValue, ValueRef};

use super::{PURE, lenient, strict, string};
use crate::datum::array::{self, Array};
use crate::datum::form::not_a_label;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sqlite::constraint::clipped;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    // (the type, the constraint or NULL for NOT NULL, schema, name, the value): it holds not.
    lenient(connection, "pg_domain_violated", 5, PURE, |args| {
        let label = args.text(0)?;
        let mut error = if args.value(1) == ValueRef::Null {
            let message = format!("domain {label} does not allow null values");
            Error::user(SqlState::NOT_NULL_VIOLATION, message)
        } else {
            let name = args.text(1)?;
            let message = format!("value for domain {label} violates check constraint \"{name}\"");
            let mut error = Error::user(SqlState::CHECK_VIOLATION, message);
            error.fields_mut().constraint = Some(name.to_owned());
            error
        };
        error.fields_mut().schema = Some(args.text(2)?.to_owned());
        error.fields_mut().data_type = Some(args.text(3)?.to_owned());
        Err(error)
    })?;
    // (the view's name, then the row): its CHECK OPTION doesn't allow the row.
    lenient(connection, "pg_view_violated", -1, PURE, |args| {
        let message = format!("new row violates check option for view \"{}\"", args.text(0)?);
        let mut values = Vec::new();
        for at in 1..args.count() {
            let is_null = args.value(at) == ValueRef::Null;
            values.push(clipped(if is_null { "null" } else { args.text(at)? }.to_owned()));
        }
        let detail = format!("Failing row contains ({}).", values.join(", "));
        Err(Error::user(SqlState(*b"44000"), message).with_detail(detail))
    })?;
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
