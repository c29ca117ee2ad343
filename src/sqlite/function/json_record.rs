//! Rows of JSON objects: `json_to_record` and its family, called as `name(style, oids, columns, json)`.
//!
//! `columns` is what [`Wanted::encode`] writes. The answer is a JSON array with an array of values for each row.

use rusqlite::Connection;

use super::typed::{Typed, lenient_typed, strict_typed};
use super::{Answer, string};
use crate::datum::json_record::{Wanted, row, rows};
use crate::datum::record::put_value;
use crate::model::value::Value;

const COLUMNS: usize = 0;
const DOCUMENT: usize = 1;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    for kind in ["json", "jsonb"] {
        for verb in ["to", "populate"] {
            lenient_typed(connection, &format!("pg_{kind}_{verb}_record"), one)?;
            let name = format!("{kind}_{verb}_recordset");
            strict_typed(connection, &format!("pg_{name}"), move |call| {
                let columns = Wanted::decode(call.text(COLUMNS)?)?;
                rows(call.text(DOCUMENT)?, &columns, &call.style, (&name, kind)).map(written)
            })?;
        }
    }
    Ok(())
}

/// One row, also of NULL.
fn one(call: &Typed<'_, '_>) -> Answer {
    let columns = Wanted::decode(call.text(COLUMNS)?)?;
    let values = if call.is_null(DOCUMENT) {
        vec![Value::Null; columns.len()]
    } else {
        row(call.text(DOCUMENT)?, &columns, &call.style)?
    };
    Ok(written(vec![values]))
}

fn written(rows: Vec<Vec<Value>>) -> rusqlite::types::Value {
    let mut out = String::from("[");
    for (at, row) in rows.iter().enumerate() {
        out.push_str(if at > 0 { ",[" } else { "[" });
        for (place, value) in row.iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            put_value(value, &mut out);
        }
        out.push(']');
    }
    out.push(']');
    string(out)
}
