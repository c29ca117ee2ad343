//! Records: made of their fields, and taken apart.

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::typed::sql_value;
use super::{PURE, lenient, strict, string};
use crate::datum::record;
use crate::model::error::Error;
use crate::model::value::Value;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    // What isn't a record has no place in their order, but must have one in SQLite's.
    connection.create_collation("record", |left, right| {
        let text = |text: &str| Value::Text(text.to_owned());
        record::order(&text(left), &text(right)).unwrap_or_else(|_| left.cmp(right))
    })?;
    // (heads of the fields, a line each; a value for each)
    lenient(connection, "pg_row", -1, PURE, |args| {
        let mut out = String::from("[");
        for (place, head) in args.text(0)?.lines().enumerate() {
            if place > 0 {
                out.push(',');
            }
            out.push_str(head);
            record::put_value(&args.datum(place + 1)?, &mut out);
            out.push(']');
        }
        out.push(']');
        Ok(string(out))
    })?;
    // (records: one with the fields of all)
    strict(connection, "pg_row_join", -1, |args| {
        let mut out = String::from("[");
        for place in 0..args.count() {
            let record = args.text(place)?;
            if place > 0 {
                out.push(',');
            }
            out.push_str(
                record
                    .strip_prefix('[')
                    .and_then(|rest| rest.strip_suffix(']'))
                    .unwrap_or_default(),
            );
        }
        out.push(']');
        Ok(string(out))
    })?;
    // (record, place from 0)
    strict(connection, "pg_row_field", 2, |args| {
        let fields = record::load(&args.datum(0)?)?;
        let place = usize::try_from(args.integer(1)?).ok();
        let field = place.and_then(|place| fields.into_iter().nth(place));
        let field = field.ok_or_else(|| Error::internal("a record lacks a field"))?;
        Ok(sql_value(field.value))
    })?;
    // (record, heads of its new fields, a line each; the place of each one's value, or -1)
    strict(connection, "pg_row_reshape", 3, |args| {
        let fields = record::load(&args.datum(0)?)?;
        let mut out = String::from("[");
        for (at, (head, place)) in args.text(1)?.lines().zip(args.text(2)?.split(',')).enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(head);
            let field = place.parse().ok().and_then(|place: usize| fields.get(place));
            record::put_value(field.map_or(&Value::Null, |field| &field.value), &mut out);
            out.push(']');
        }
        out.push(']');
        Ok(string(out))
    })?;
    // Whether all fields are NULL, or none is.
    for (name, null) in [("pg_row_is_null", true), ("pg_row_is_not_null", false)] {
        lenient(connection, name, 1, PURE, move |args| {
            if args.datum(0)? == Value::Null {
                return Ok(flag(null));
            }
            let fields = record::load(&args.datum(0)?)?;
            Ok(flag(fields.iter().all(|field| (field.value == Value::Null) == null)))
        })?;
    }
    Ok(())
}

fn flag(value: bool) -> SqlValue {
    SqlValue::Integer(i64::from(value))
}
