//! Request bodies: JSON arrays of statements, and plain SQL text.

use serde::Deserialize;
use serde_json::Value as Json;

use crate::model::statement::{Parameters, Statement};
use crate::model::value::Value;

/// What is said of an empty body.
pub(crate) const NO_STATEMENTS: &str = "no statements";

/// Reads a JSON body of statements. What follows the closing bracket is not looked at. Statements
/// of empty text are left out. The error is what the client is told, with a 400.
pub(crate) fn statements(body: &[u8]) -> Result<Vec<Statement>, String> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let document = Json::deserialize(&mut reader).map_err(|error| decode_error(body, &error))?;
    let Json::Array(elements) = document else { return Err(invalid_request()) };
    if elements.is_empty() {
        return Err(NO_STATEMENTS.to_owned());
    }
    let mut statements = Vec::with_capacity(elements.len());
    for element in elements {
        let statement = statement(element)?;
        if !statement.sql.is_empty() {
            statements.push(statement);
        }
    }
    Ok(statements)
}

/// Reads bytes as each kind of body, for `fuzz`.
#[cfg(any(test, fuzzing))]
pub(crate) fn read_any(body: &[u8]) {
    let statements = [statements(body), plain_text(body)];
    for statement in statements.into_iter().flatten().flatten() {
        let _refused = is_disallowed_pragma(&statement.sql);
    }
}

/// Reads a body that is one SQL text as a whole.
pub(crate) fn plain_text(body: &[u8]) -> Result<Vec<Statement>, String> {
    let sql = std::str::from_utf8(body).map_err(|_| invalid_request())?;
    Ok(one(sql))
}

/// A text without parameters; nothing for an empty one.
pub(crate) fn one(sql: &str) -> Vec<Statement> {
    if sql.is_empty() {
        return Vec::new();
    }
    vec![Statement { sql: sql.into(), parameters: Parameters::default(), touch: None }]
}

fn invalid_request() -> String {
    "invalid request".to_owned()
}

/// serde_json knows no other number type than f64 for what exceeds 64 bits, and says so as an
/// error of its own, which must not be taken for a malformed document.
fn decode_error(body: &[u8], error: &serde_json::Error) -> String {
    if !error.is_syntax() || !error.to_string().starts_with("number out of range") {
        return "invalid JSON body".to_owned();
    }
    let line = body.split(|byte| *byte == b'\n').nth(error.line().saturating_sub(1));
    let end = error.column();
    let is_part = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let number = line.map_or(&[][..], |line| {
        let upto = &line[..end.min(line.len())];
        let start = upto.iter().rposition(|byte| !is_part(byte)).map_or(0, |at| at + 1);
        &upto[start..]
    });
    format!("invalid number {}", String::from_utf8_lossy(number)).trim_end().to_owned()
}

fn statement(element: Json) -> Result<Statement, String> {
    match element {
        Json::String(sql) => {
            Ok(Statement { sql: sql.into(), parameters: Parameters::default(), touch: None })
        }
        Json::Array(elements) => {
            let mut elements = elements.into_iter();
            let Some(Json::String(sql)) = elements.next() else { return Err(invalid_request()) };
            Ok(Statement { sql: sql.into(), parameters: parameters(elements)?, touch: None })
        }
        _ => Err(invalid_request()),
    }
}

fn parameters(elements: impl Iterator<Item = Json>) -> Result<Parameters, String> {
    let mut positional = Vec::new();
    let mut named = Vec::new();
    for element in elements {
        match element {
            Json::Object(fields) => {
                for (name, field) in fields {
                    let value = parameter(field).map_err(|kind| {
                        format!("unsupported type {kind} for parameter named {name}")
                    })?;
                    named.push((name, value));
                }
            }
            other => {
                let value = parameter(other).map_err(|kind| {
                    format!("unsupported type {kind} for parameter {}", positional.len() + 1)
                })?;
                positional.push(value);
            }
        }
    }
    if named.is_empty() {
        return Ok(Parameters::Positional(positional));
    }
    Ok(Parameters::Named { positional, named })
}

/// The value to bind. The error names the JSON type that can't be bound.
fn parameter(json: Json) -> Result<Value, &'static str> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Integer(flag.into()),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Value::Integer(integer),
            (None, Some(real)) => Value::Real(real),
            (None, None) => return Err("number"),
        },
        Json::String(text) => match blob_literal(&text) {
            Some(bytes) => Value::Blob(bytes),
            None => Value::Text(text),
        },
        Json::Array(elements) => {
            let byte = |element: &Json| element.as_u64().and_then(|n| u8::try_from(n).ok());
            match elements.iter().map(byte).collect() {
                Some(bytes) => Value::Blob(bytes),
                None => return Err("array"),
            }
        }
        Json::Object(_) => return Err("object"),
    })
}

/// The bytes of `x'ABCD'`.
fn blob_literal(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let digits = text.strip_prefix(['x', 'X'])?.strip_prefix('\'')?.strip_suffix('\'')?;
    if digits.len() % 2 != 0 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs.map(|pair| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)).collect()
}

/// Whether a text begins with one of the pragmas that would take the journal or the durability of
/// the database out of the node's hands. The whole request is refused then, before any of it runs.
pub(crate) fn is_disallowed_pragma(sql: &str) -> bool {
    let lower = sql.trim_start().to_ascii_lowercase();
    let Some(rest) = lower.strip_prefix("pragma") else { return false };
    if !rest.starts_with(char::is_whitespace) {
        return false;
    }
    let rest = rest.trim_start();
    let assigns = |name| {
        rest.strip_prefix(name).is_some_and(|after: &str| after.trim_start().starts_with('='))
    };
    rest.starts_with("wal_checkpoint")
        || ["journal_mode", "wal_autocheckpoint", "synchronous", "query_only"]
            .into_iter()
            .any(assigns)
}

/// Whether a text is an EXPLAIN, whose rows are wanted from `/db/execute` too.
pub(crate) fn is_explain(sql: &str) -> bool {
    let mut rest = sql.trim_start();
    loop {
        let after_comment = if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once('\n').map(|(_, after)| after)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map(|(_, after)| after)
        } else {
            break;
        };
        rest = after_comment.unwrap_or_default().trim_start();
    }
    rest.get(..7).is_some_and(|word| word.eq_ignore_ascii_case("explain"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: &str) -> Result<Vec<Statement>, String> {
        statements(body.as_bytes())
    }

    fn bound(parameter: &str) -> Value {
        let statements = parsed(&format!("[[\"SELECT ?\", {parameter}]]")).unwrap();
        let Parameters::Positional(mut values) = statements[0].parameters.clone() else {
            panic!("named")
        };
        values.remove(0)
    }

    #[test]
    fn statements_are_strings_or_arrays_mixed() {
        let statements =
            parsed(r#"["DELETE FROM foo", ["INSERT INTO foo VALUES(?, ?)", "x", 2], ""] junk"#)
                .unwrap();
        assert_eq!(statements.len(), 2);
        assert_eq!(&*statements[0].sql, "DELETE FROM foo");
        let values = vec![Value::Text("x".to_owned()), Value::Integer(2)];
        assert_eq!(statements[1].parameters, Parameters::Positional(values));
    }

    #[test]
    fn objects_name_parameters() {
        let statements = parsed(r#"[["SELECT ?, :a, :b", 1, {"a": "x"}, {"b": null}]]"#).unwrap();
        let named =
            vec![("a".to_owned(), Value::Text("x".to_owned())), ("b".to_owned(), Value::Null)];
        let expected = Parameters::Named { positional: vec![Value::Integer(1)], named };
        assert_eq!(statements[0].parameters, expected);
    }

    #[test]
    fn each_json_value_has_its_storage_class() {
        assert_eq!(bound("9223372036854775807"), Value::Integer(i64::MAX));
        assert_eq!(bound("-9223372036854775808"), Value::Integer(i64::MIN));
        assert_eq!(bound("9223372036854775808"), Value::Real(9_223_372_036_854_775_808.0));
        assert_eq!(bound("1.0"), Value::Real(1.0));
        assert_eq!(bound("0.1"), Value::Real(0.1));
        assert_eq!(bound("2.2250738585072014e-308"), Value::Real(2.225_073_858_507_201_4e-308));
        assert_eq!(bound("true"), Value::Integer(1));
        assert_eq!(bound("null"), Value::Null);
        assert_eq!(bound("\" X'abCD' \""), Value::Blob(vec![0xab, 0xcd]));
        assert_eq!(bound("\"x'abc'\""), Value::Text("x'abc'".to_owned()));
        assert_eq!(bound("\"x'zz'\""), Value::Text("x'zz'".to_owned()));
        assert_eq!(bound("[0, 255]"), Value::Blob(vec![0, 255]));
    }

    #[test]
    fn each_mistake_has_its_text() {
        for (body, text) in [
            ("[]", "no statements"),
            ("", "invalid JSON body"),
            ("[\"SELECT 1\"", "invalid JSON body"),
            ("nonsense", "invalid JSON body"),
            ("{\"a\":1}", "invalid request"),
            ("\"SELECT 1\"", "invalid request"),
            ("[1]", "invalid request"),
            ("[{}]", "invalid request"),
            ("[[]]", "invalid request"),
            ("[[1]]", "invalid request"),
            ("[[\"SELECT ?\", [256]]]", "unsupported type array for parameter 1"),
            ("[[\"SELECT ?\", {\"a\": {}}]]", "unsupported type object for parameter named a"),
            ("[[\"SELECT ?\", 1e999]]", "invalid number 1e999"),
        ] {
            assert_eq!(parsed(body), Err(text.to_owned()), "{body}");
        }
    }

    #[test]
    fn a_deeply_nested_body_is_an_error() {
        assert_eq!(parsed(&"[".repeat(100_000)), Err("invalid JSON body".to_owned()));
    }

    #[test]
    fn pragmas_of_the_journal_are_known() {
        for sql in [
            "PRAGMA journal_mode=DELETE",
            "  pragma  Synchronous = OFF",
            "PRAGMA wal_checkpoint",
            "PRAGMA wal_checkpoint(TRUNCATE)",
            "PRAGMA query_only=1",
        ] {
            assert!(is_disallowed_pragma(sql), "{sql}");
        }
        for sql in ["PRAGMA journal_mode", "PRAGMA foreign_keys=1", "SELECT 'PRAGMA synchronous=1'"]
        {
            assert!(!is_disallowed_pragma(sql), "{sql}");
        }
    }

    #[test]
    fn explain_is_seen_behind_comments() {
        assert!(is_explain(" -- why\n/* so */ explain query plan SELECT 1"));
        assert!(!is_explain("SELECT 'explain'"));
        assert!(!is_explain("-- explain"));
        assert!(!is_explain("expläin"));
    }
}
