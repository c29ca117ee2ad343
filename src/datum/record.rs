//! Records: values that consist of named fields with types of their own.
//!
//! While a statement runs, a record says itself what it is made of: it is a JSON array with an array for each
//! field, of its name, the OID of its type, the OID and the modifier of the type of PostgreSQL's own that its value is
//! stored as, and that value. Real numbers and bytes stand there as strings.

use std::cmp::Ordering;
use std::fmt::Write as _;

use bytes::{BufMut, BytesMut};
use serde_json::Value as Json;

use crate::datum::compare::compare;
use crate::datum::json::write_string;
use crate::datum::{Style, json_build, stored, to_binary, to_text};
use crate::model::error::Error;
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;

/// A field of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub name: String,
    /// Its type, which clients are told.
    pub type_oid: Oid,
    /// The type that its value is stored as.
    pub carrier: PgType,
    pub value: Value,
}

/// What a field's array begins with, up to its value.
pub fn head(name: &str, type_oid: Oid, carrier: PgType) -> String {
    let mut out = String::from("[");
    write_string(name, &mut out);
    let _ = write!(out, ",{type_oid},{},{},", carrier.oid, carrier.modifier);
    out
}

/// Writes a field's value as it stands in a record, and in rows of JSON that a statement reads
/// (`sql::lower::table_function`): real numbers and bytes are strings.
pub fn put_value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Integer(number) => out.push_str(&number.to_string()),
        // What SQLite reads as infinity, too.
        Value::Real(number) if number.is_infinite() => {
            out.push_str(if *number > 0.0 { "\"9e999\"" } else { "\"-9e999\"" });
        }
        // The shortest text that gives the number again.
        Value::Real(number) => {
            let _ = write!(out, "\"{number:?}\"");
        }
        Value::Text(text) => write_string(text, out),
        Value::Blob(bytes) => {
            out.push('"');
            for byte in bytes {
                let _ = write!(out, "{byte:02x}");
            }
            out.push('"');
        }
    }
}

/// Reads a record.
///
/// # Errors
/// XX001 for what isn't one.
pub fn load(record: &Value) -> Result<Vec<Field>, Error> {
    let corrupted = || stored::corrupted(PgType::RECORD);
    let text = stored::text(PgType::RECORD, record)?;
    let fields: Vec<(String, Oid, Oid, i32, Json)> =
        serde_json::from_str(text).map_err(|_| corrupted())?;
    let field = |(name, type_oid, oid, modifier, value): (String, Oid, Oid, i32, Json)| {
        let carrier = PgType { oid, modifier };
        let value = field_value(carrier, value).ok_or_else(corrupted)?;
        Ok(Field { name, type_oid, carrier, value })
    };
    fields.into_iter().map(field).collect()
}

fn field_value(carrier: PgType, value: Json) -> Option<Value> {
    Some(match (carrier.oid, value) {
        (_, Json::Null) => Value::Null,
        (_, Json::Number(number)) => Value::Integer(number.as_i64()?),
        (17, Json::String(text)) => {
            let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
            Value::Blob((0..text.len()).step_by(2).map(pair).collect::<Option<_>>()?)
        }
        (700 | 701, Json::String(text)) if text != "NaN" => Value::Real(text.parse().ok()?),
        (_, Json::String(text)) => Value::Text(text),
        _ => return None,
    })
}

/// Writes a record's text form (manual, "Composite Type Input and Output Syntax").
///
/// # Errors
/// XX001 for what isn't a record.
pub fn put_text(record: &Value, style: &Style, out: &mut BytesMut) -> Result<(), Error> {
    out.put_u8(b'(');
    for (place, field) in load(record)?.iter().enumerate() {
        if place > 0 {
            out.put_u8(b',');
        }
        if field.value != Value::Null {
            let mut text = BytesMut::new();
            to_text(field.carrier, &field.value, style, &mut text)?;
            put_quoted(&text, out);
        }
    }
    out.put_u8(b')');
    Ok(())
}

/// Writes a field, in quotes where it needs them.
fn put_quoted(text: &[u8], out: &mut BytesMut) {
    let special = |byte: &u8| b"\"\\(), \t\n\x0b\x0c\r".contains(byte);
    if !text.is_empty() && !text.iter().any(special) {
        out.put_slice(text);
        return;
    }
    out.put_u8(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(*byte);
        }
        out.put_u8(*byte);
    }
    out.put_u8(b'"');
}

/// Writes a record's binary form (`record_send`).
///
/// # Errors
/// XX001 for what isn't a record.
pub fn put_binary(record: &Value, out: &mut BytesMut) -> Result<(), Error> {
    let fields = load(record)?;
    let length =
        |length: usize| i32::try_from(length).map_err(|_| stored::corrupted(PgType::RECORD));
    out.put_i32(length(fields.len())?);
    for field in &fields {
        out.put_u32(field.type_oid);
        if field.value == Value::Null {
            out.put_i32(-1);
            continue;
        }
        let mut value = BytesMut::new();
        to_binary(field.carrier, &field.value, &mut value)?;
        out.put_i32(length(value.len())?);
        out.put_slice(&value);
    }
    Ok(())
}

/// Writes a record as a JSON object, with line feeds between its fields if `lines`.
///
/// # Errors
/// XX001 for what isn't a record.
pub fn put_json(
    record: &Value,
    (style, lines): (&Style, bool),
    out: &mut String,
) -> Result<(), Error> {
    out.push('{');
    for (place, field) in load(record)?.iter().enumerate() {
        if place > 0 {
            out.push_str(if lines { ",\n " } else { "," });
        }
        write_string(&field.name, out);
        out.push(':');
        json_build::write(field.carrier, &field.value, style, out)?;
    }
    out.push('}');
    Ok(())
}

/// Orders records by their fields from the left; NULLs are equal to each other and come last
/// (`record_cmp`).
///
/// # Errors
/// XX001 for what isn't a record; 42883 for fields without an order.
pub fn order(left: &Value, right: &Value) -> Result<Ordering, Error> {
    let (left, right) = (load(left)?, load(right)?);
    for (a, b) in left.iter().zip(&right) {
        let found = compare(a.carrier, &a.value, &b.value)?;
        if found != Ordering::Equal {
            return Ok(found);
        }
    }
    Ok(left.len().cmp(&right.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(fields: &[(&str, Oid, Value)]) -> Value {
        let mut out = String::from("[");
        for (place, (name, oid, value)) in fields.iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            out.push_str(&head(name, *oid, PgType::new(*oid)));
            put_value(value, &mut out);
            out.push(']');
        }
        out.push(']');
        Value::Text(out)
    }

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    #[test]
    fn fields_survive_being_carried() {
        let values = [
            ("a", 20, Value::Integer(i64::MIN)),
            ("b\"", 701, Value::Real(0.1)),
            ("c", 701, Value::Real(f64::NEG_INFINITY)),
            ("d", 701, text("NaN")),
            ("e", 17, Value::Blob(vec![0, 255])),
            ("f", 25, text("x\ny")),
            ("g", 1700, text("1.50")),
            ("h", 25, Value::Null),
        ];
        let loaded = load(&record(&values)).unwrap();
        let got: Vec<_> =
            loaded.iter().map(|f| (f.name.as_str(), f.type_oid, f.value.clone())).collect();
        assert_eq!(got, values);
    }

    #[test]
    fn texts_are_quoted_where_they_must_be() {
        let value = record(&[
            ("a", 25, text("x,y")),
            ("b", 25, text("")),
            ("c", 25, Value::Null),
            ("d", 25, text("q\"\\")),
            ("e", 16, Value::Integer(1)),
        ]);
        let mut out = BytesMut::new();
        put_text(&value, &Style::default(), &mut out).unwrap();
        assert_eq!(&out[..], br#"("x,y","",,"q""\\",t)"#);
    }

    #[test]
    fn numbers_compare_by_value_and_nulls_come_last() {
        let number = |value: &str| record(&[("n", 1700, text(value))]);
        assert_eq!(order(&number("1.0"), &number("1.00")), Ok(Ordering::Equal));
        assert_eq!(order(&number("10"), &number("9")), Ok(Ordering::Greater));
        let null = record(&[("n", 1700, Value::Null)]);
        assert_eq!(order(&null, &number("9")), Ok(Ordering::Greater));
    }
}
