//! Writes JSON piece by piece, as Go's `encoding/json` would: the same number forms, and with
//! `pretty` its four-space indentation.
//!
//! Whoever calls it keeps the nesting right: every `begin` has its `end`, and inside an object
//! every value follows a key.

use serde_json::Value as Json;

/// A REAL that JSON has no number for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NotFinite(pub(crate) f64);

impl std::fmt::Display for NotFinite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self.0 {
            value if value.is_nan() => "NaN",
            value if value > 0.0 => "+Inf",
            _ => "-Inf",
        };
        write!(f, "json: unsupported value: {name}")
    }
}

/// A document in the making.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    /// What was written and not yet taken away.
    pub(crate) out: Vec<u8>,
    pretty: bool,
    depth: usize,
    /// Whether the open array or object has an element already.
    filled: bool,
    after_key: bool,
}

impl Writer {
    pub(crate) fn new(pretty: bool) -> Self {
        Self { pretty, ..Self::default() }
    }

    /// Opens `[` or `{`.
    pub(crate) fn begin(&mut self, bracket: u8) {
        self.element();
        self.out.push(bracket);
        self.depth += 1;
        self.filled = false;
    }

    /// Closes `]` or `}`.
    pub(crate) fn end(&mut self, bracket: u8) {
        self.depth -= 1;
        if self.filled {
            self.indent();
        }
        self.out.push(bracket);
        self.filled = true;
    }

    pub(crate) fn key(&mut self, name: &str) {
        self.element();
        self.quoted(name);
        self.out.push(b':');
        if self.pretty {
            self.out.push(b' ');
        }
        self.after_key = true;
    }

    pub(crate) fn string(&mut self, text: &str) {
        self.element();
        self.quoted(text);
    }

    pub(crate) fn integer(&mut self, value: i64) {
        use std::io::Write as _;
        self.element();
        write!(self.out, "{value}").expect("writing to memory succeeds");
    }

    pub(crate) fn float(&mut self, value: f64) -> Result<(), NotFinite> {
        if !value.is_finite() {
            return Err(NotFinite(value));
        }
        self.element();
        self.out.extend_from_slice(float(value).as_bytes());
        Ok(())
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.element();
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    pub(crate) fn null(&mut self) {
        self.element();
        self.out.extend_from_slice(b"null");
    }

    /// A whole document at once.
    pub(crate) fn document(&mut self, document: &Json) {
        match document {
            Json::Null => self.null(),
            Json::Bool(value) => self.bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => self.integer(integer),
                (None, Some(real)) => {
                    self.float(real).expect("serde_json holds only finite numbers");
                }
                (None, None) => self.null(),
            },
            Json::String(text) => self.string(text),
            Json::Array(elements) => {
                self.begin(b'[');
                for element in elements {
                    self.document(element);
                }
                self.end(b']');
            }
            Json::Object(fields) => {
                self.begin(b'{');
                for (name, field) in fields {
                    self.key(name);
                    self.document(field);
                }
                self.end(b'}');
            }
        }
    }

    /// What must stand before the next value or key.
    fn element(&mut self) {
        if self.after_key {
            self.after_key = false;
            return;
        }
        if self.depth == 0 {
            return;
        }
        if self.filled {
            self.out.push(b',');
        }
        self.filled = true;
        self.indent();
    }

    fn indent(&mut self) {
        if self.pretty {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + 4 * self.depth, b' ');
        }
    }

    fn quoted(&mut self, text: &str) {
        serde_json::to_writer(&mut self.out, text).expect("writing to memory succeeds");
    }
}

/// A finite number in Go's shortest form: no point in whole numbers, an exponent from 1e21 and
/// below 1e-6.
pub(crate) fn float(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        return match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => {
                format!("{digits}e+{exponent}")
            }
            _ => text,
        };
    }
    value.to_string()
}

/// A document as text.
pub(crate) fn text(document: &Json, pretty: bool) -> Vec<u8> {
    let mut json = Writer::new(pretty);
    json.document(document);
    json.out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_gos_shortest_form() {
        for (value, text) in [
            (20.0, "20"),
            (0.1, "0.1"),
            (-0.5, "-0.5"),
            (0.0, "0"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (1e-6, "0.000001"),
            (1.25e-7, "1.25e-7"),
            (0.000_059, "0.000059"),
        ] {
            assert_eq!(float(value), text);
        }
        assert_eq!(Writer::new(false).float(f64::INFINITY), Err(NotFinite(f64::INFINITY)));
    }

    #[test]
    fn pretty_is_indented_by_four_and_empty_ones_stay_closed() {
        let document = serde_json::json!({"results": [{"a": [1, null], "b": {}}, []], "c": "\"<"});
        let pretty = String::from_utf8(text(&document, true)).unwrap();
        let expected = "{\n    \"results\": [\n        {\n            \"a\": [\n                1,\n                null\n            ],\n            \"b\": {}\n        },\n        []\n    ],\n    \"c\": \"\\\"<\"\n}";
        assert_eq!(pretty, expected);
        let compact = String::from_utf8(text(&document, false)).unwrap();
        assert_eq!(compact, r#"{"results":[{"a":[1,null],"b":{}},[]],"c":"\"<"}"#);
    }
}
