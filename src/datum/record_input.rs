//! Composite types: their values from text and from binary (`record_in`, `record_recv`).

use crate::datum::form::FieldForm;
use crate::datum::record::{head, put_value};
use crate::datum::{Style, stored};
use crate::model::error::{Error, SqlState};
use crate::model::value::Value;

/// A record of these fields with these values, as it is stored.
pub fn record<'f>(fields: impl Iterator<Item = (&'f FieldForm, Value)>) -> Value {
    let mut out = String::from("[");
    for (place, (field, value)) in fields.enumerate() {
        if place > 0 {
            out.push(',');
        }
        out.push_str(&head(&field.name, field.type_oid, field.carrier));
        put_value(&value, &mut out);
        out.push(']');
    }
    out.push(']');
    Value::Text(out)
}

/// Reads `(a,"b c",)` (manual, "Composite Type Input and Output Syntax").
///
/// # Errors
/// 22P02 for what isn't one; those of the fields' types.
pub(crate) fn from_text(fields: &[FieldForm], text: &str, style: &Style) -> Result<Value, Error> {
    let text = stored::no_nul(text)?;
    let malformed = |detail: &str| {
        let message = format!("malformed record literal: \"{text}\"");
        Error::user(SqlState::INVALID_TEXT_REPRESENTATION, message).with_detail(detail)
    };
    let start = text.trim_start_matches(stored::is_space);
    let mut rest = start.strip_prefix('(').ok_or_else(|| malformed("Missing left parenthesis."))?;
    let mut values = Vec::with_capacity(fields.len());
    for (place, field) in fields.iter().enumerate() {
        if place > 0 {
            rest = rest.strip_prefix(',').ok_or_else(|| malformed("Too few columns."))?;
        }
        if rest.starts_with([',', ')']) {
            values.push(Value::Null);
            continue;
        }
        let item = unquoted(&mut rest).ok_or_else(|| malformed("Unexpected end of input."))?;
        values.push(field.from_text(&item, style)?);
    }
    rest = rest.strip_prefix(')').ok_or_else(|| malformed("Too many columns."))?;
    if !rest.trim_start_matches(stored::is_space).is_empty() {
        return Err(malformed("Junk after right parenthesis."));
    }
    Ok(record(fields.iter().zip(values)))
}

/// A field's text up to the comma or parenthesis behind it; `None` if there is none.
fn unquoted(rest: &mut &str) -> Option<String> {
    let mut item = String::new();
    let mut quoted = false;
    let mut characters = rest.char_indices().peekable();
    loop {
        let (at, character) = characters.next()?;
        match character {
            ',' | ')' if !quoted => {
                *rest = &rest[at..];
                return Some(item);
            }
            '\\' => item.push(characters.next()?.1),
            '"' if !quoted => quoted = true,
            '"' if characters.next_if(|(_, next)| *next == '"').is_some() => item.push('"'),
            '"' => quoted = false,
            _ => item.push(character),
        }
    }
}

/// Reads the binary form: the number of fields, and each with its type's OID.
///
/// # Errors
/// 42804 for other fields than these; 22P03, 08P01; those of the fields' types.
pub(crate) fn from_binary(fields: &[FieldForm], bytes: &[u8]) -> Result<Value, Error> {
    let mismatch = |message: String| Error::user(SqlState::DATATYPE_MISMATCH, message);
    let mut rest = bytes;
    let count = word(&mut rest)?;
    if usize::try_from(count) != Ok(fields.len()) {
        let message = format!("wrong number of columns: {count}, expected {}", fields.len());
        return Err(mismatch(message));
    }
    let mut values = Vec::with_capacity(fields.len());
    for (place, field) in fields.iter().enumerate() {
        let oid = word(&mut rest)? as u32;
        if oid != field.type_oid {
            return Err(mismatch(format!(
                "binary data has type {oid} ({}) instead of expected {} ({}) in record column {}",
                crate::pgdata::type_by_oid(oid).map_or("???", |known| &known.label),
                field.type_oid,
                field.label,
                place + 1
            )));
        }
        let length = word(&mut rest)?;
        if length == -1 {
            values.push(Value::Null);
            continue;
        }
        let item = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
        let (item, after) = item.ok_or_else(insufficient)?;
        rest = after;
        values.push(field.from_binary(item)?);
    }
    if !rest.is_empty() {
        return Err(stored::bad_binary("incorrect binary data format"));
    }
    Ok(record(fields.iter().zip(values)))
}

fn word(rest: &mut &[u8]) -> Result<i32, Error> {
    let (word, after) = rest.split_first_chunk().ok_or_else(stored::short_binary)?;
    *rest = after;
    Ok(i32::from_be_bytes(*word))
}

fn insufficient() -> Error {
    stored::bad_binary("insufficient data left in message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datum::record::{put_binary, put_text};
    use crate::model::pg_type::PgType;
    use bytes::BytesMut;

    fn fields() -> Vec<FieldForm> {
        let field = |name: &str, carrier: PgType| FieldForm {
            name: name.to_owned(),
            type_oid: carrier.oid,
            label: String::new(),
            carrier,
            form: None,
        };
        vec![field("a", PgType::INT4), field("b", PgType::TEXT)]
    }

    fn shown(text: &str) -> String {
        match from_text(&fields(), text, &Style::default()) {
            Ok(value) => {
                let mut out = BytesMut::new();
                put_text(&value, &Style::default(), &mut out).unwrap();
                String::from_utf8(out.to_vec()).unwrap()
            }
            Err(error) => error.fields().detail.clone().unwrap_or_else(|| error.to_string()),
        }
    }

    /// What PostgreSQL 15 says of these.
    #[test]
    fn texts_are_read_and_refused_as_postgresql_does() {
        for (text, expected) in [
            (" (1,x) ", "(1,x)"),
            ("(,)", "(,)"),
            ("(1,\"\")", "(1,\"\")"),
            ("(1,\"a\"\"b\\\"c\")", "(1,\"a\"\"b\"\"c\")"),
            ("( 1 , x)", "(1,\" x\")"),
            ("(1,a\"b,c\"d)", "(1,\"ab,cd\")"),
            ("1,x", "Missing left parenthesis."),
            ("(1)", "Too few columns."),
            ("(1,x,y)", "Too many columns."),
            ("(1,x", "Unexpected end of input."),
            ("(1,\"x)", "Unexpected end of input."),
            ("(1,x)y", "Junk after right parenthesis."),
            ("(y,x)", "invalid input syntax for type integer: \"y\""),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn binary_values_survive_and_others_are_refused() {
        let value = from_text(&fields(), "(7,)", &Style::default()).unwrap();
        let mut out = BytesMut::new();
        put_binary(&value, &mut out).unwrap();
        assert_eq!(from_binary(&fields(), &out), Ok(value));
        let refused = |bytes: &[u8]| from_binary(&fields(), bytes).unwrap_err().to_string();
        assert_eq!(refused(&[0, 0, 0, 1]), "wrong number of columns: 1, expected 2");
        assert_eq!(
            refused(&[0, 0, 0, 2, 0, 0, 0, 25]),
            "binary data has type 25 (text) instead of expected 23 () in record column 1"
        );
        assert_eq!(
            refused(&[0, 0, 0, 2, 0, 0, 0, 23, 0, 0, 0, 9]),
            "insufficient data left in message"
        );
    }
}
