//! Rows of one step of a statement on their way to a later one.

use serde_json::Value as Json;

use crate::model::value::{RowBatch, Value};

/// Rows as a JSON array of arrays. A REAL goes as text with all its digits, a BLOB as hex: the
/// statement that reads them knows the types.
pub(crate) fn to_json(rows: &RowBatch) -> String {
    let field = |value: &Value| match value {
        Value::Null => Json::Null,
        Value::Integer(number) => Json::from(*number),
        Value::Real(number) if number.is_infinite() => {
            Json::from(if *number > 0.0 { "9e999" } else { "-9e999" })
        }
        Value::Real(number) => Json::from(format!("{number:?}")),
        Value::Text(text) => Json::from(text.as_str()),
        Value::Blob(bytes) => {
            Json::from(bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>())
        }
    };
    let rows = rows.iter().map(|row| Json::Array(row.iter().map(field).collect()));
    Json::Array(rows.collect()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_has_a_form() {
        let values = vec![
            Value::Null,
            Value::Integer(i64::MAX),
            Value::Real(0.1),
            Value::Real(f64::NEG_INFINITY),
            Value::Text("a\"b".to_owned()),
            Value::Blob(vec![0, 255]),
        ];
        let rows = RowBatch { width: 6, rows: 1, values };
        let expected = r#"[[null,9223372036854775807,"0.1","-9e999","a\"b","00FF"]]"#;
        assert_eq!(to_json(&rows), expected);
        assert_eq!(to_json(&RowBatch::default()), "[]");
    }
}
