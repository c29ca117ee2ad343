//! How values of a database's own types are read and written. They are stored as values of one of
//! PostgreSQL's types, the *carrier*: the label of an enum is a text.

use std::sync::Arc;

use bytes::BytesMut;

use crate::datum::{
    Style, array, from_binary, from_text, range, record_input, stored, to_binary, to_text,
};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::pgdata;

/// Bytes of a label at the most (`NAMEDATALEN`).
pub const LABEL_BYTES_MAX: usize = 63;

/// The form of a type that isn't PostgreSQL's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    Enum {
        /// What messages call the type.
        label: String,
        values: Vec<String>,
    },
    /// As values of one of PostgreSQL's own types, with its modifier.
    Plain(PgType),
    Array {
        /// The OID of the elements' type.
        element: Oid,
        form: Arc<Form>,
    },
    /// A record of these fields.
    Composite(Vec<FieldForm>),
}

/// The form of a composite type's attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldForm {
    pub name: String,
    /// Its type, which clients are told.
    pub type_oid: Oid,
    /// What messages call the type.
    pub label: String,
    /// The type that its values are stored as, with the modifier.
    pub carrier: PgType,
    /// `None`: the carrier's own.
    pub form: Option<Arc<Form>>,
}

impl FieldForm {
    pub(crate) fn from_text(&self, text: &str, style: &Style) -> Result<Value, Error> {
        match &self.form {
            Some(form) => form.from_text(text, style),
            None => from_text(self.carrier, text, style),
        }
    }

    pub(crate) fn from_binary(&self, bytes: &[u8]) -> Result<Value, Error> {
        match &self.form {
            Some(form) => form.from_binary(bytes),
            None => from_binary(self.carrier, bytes),
        }
    }
}

impl Form {
    /// The type whose values are stored alike.
    pub fn carrier(&self) -> PgType {
        match self {
            Self::Enum { .. } => PgType::TEXT,
            Self::Plain(base) => *base,
            Self::Array { form, .. } => {
                let element = form.carrier().oid;
                let known = pgdata::type_by_oid(element).map(|known| known.array);
                known.or_else(|| range::array_of(element)).map_or(PgType::TEXT_ARRAY, PgType::new)
            }
            Self::Composite(_) => PgType::RECORD,
        }
    }

    /// `pg_type.typlen`
    pub fn length(&self) -> i16 {
        match self {
            Self::Enum { .. } => 4,
            Self::Plain(base) => pgdata::type_by_oid(base.oid).map_or(-1, |known| known.length),
            Self::Array { .. } | Self::Composite(_) => -1,
        }
    }

    /// Reads a value from its text form.
    ///
    /// # Errors
    /// 22P02 for what isn't one.
    pub fn from_text(&self, text: &str, style: &Style) -> Result<Value, Error> {
        match self {
            Self::Plain(base) => from_text(*base, text, style),
            Self::Enum { label, values } => {
                let text = stored::no_nul(text)?;
                if values.iter().any(|value| value == text) {
                    Ok(Value::Text(text.to_owned()))
                } else {
                    Err(not_a_label(label, text))
                }
            }
            Self::Array { form, .. } => {
                let element = form.carrier();
                array::read_elements(element, text, &mut |item| form.from_text(item, style))
            }
            Self::Composite(fields) => record_input::from_text(fields, text, style),
        }
    }

    /// Reads a value from its binary form.
    ///
    /// # Errors
    /// As [`datum::from_binary`](crate::datum::from_binary); 22P02.
    pub fn from_binary(&self, bytes: &[u8]) -> Result<Value, Error> {
        match self {
            Self::Enum { .. } => self.from_text(stored::utf8(bytes)?, &Style::default()),
            Self::Plain(base) => from_binary(*base, bytes),
            Self::Array { element, form } => {
                let header = array::Header { element: *element, lower: 1 };
                array::read_binary_elements(form.carrier(), header, bytes, |item| {
                    form.from_binary(item)
                })
            }
            Self::Composite(fields) => record_input::from_binary(fields, bytes),
        }
    }

    /// Writes a stored value in its text form.
    ///
    /// # Errors
    /// XX001 if the stored value isn't one of the carrier.
    pub fn to_text(&self, value: &Value, style: &Style, out: &mut BytesMut) -> Result<(), Error> {
        to_text(self.carrier(), value, style, out)
    }

    /// Writes a stored value in its binary form.
    ///
    /// # Errors
    /// As [`to_text`](Self::to_text).
    pub fn to_binary(&self, value: &Value, out: &mut BytesMut) -> Result<(), Error> {
        match self {
            Self::Enum { .. } | Self::Plain(_) | Self::Composite(_) => {
                to_binary(self.carrier(), value, out)
            }
            Self::Array { element, form } => {
                let header = array::Header { element: *element, lower: 1 };
                array::put_binary_elements(form.carrier(), header, value, out)
            }
        }
    }
}

/// 22P02 `invalid input value for enum mood: "x"`.
pub fn not_a_label(label: &str, text: &str) -> Error {
    let message = format!("invalid input value for enum {label}: \"{text}\"");
    Error::user(SqlState::INVALID_TEXT_REPRESENTATION, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mood() -> Form {
        Form::Enum {
            label: "mood".to_owned(),
            values: vec!["sad".to_owned(), "so so".to_owned(), "happy".to_owned()],
        }
    }

    #[test]
    fn labels_are_read_and_others_refused() {
        assert_eq!(
            mood().from_text("so so", &Style::default()),
            Ok(Value::Text("so so".to_owned()))
        );
        assert_eq!(mood().from_binary(b"sad"), Ok(Value::Text("sad".to_owned())));
        let error = mood().from_text("Sad", &Style::default()).unwrap_err();
        assert_eq!(error.message(), "invalid input value for enum mood: \"Sad\"");
        assert_eq!(error.state(), SqlState::INVALID_TEXT_REPRESENTATION);
    }

    #[test]
    fn arrays_of_labels_survive_both_forms() {
        let form = Form::Array { element: 16390, form: Arc::new(mood()) };
        let style = Style::default();
        let value = form.from_text("{sad,NULL,\"so so\"}", &Style::default()).unwrap();
        assert_eq!(value, Value::Text("[\"sad\",null,\"so so\"]".to_owned()));
        let mut text = BytesMut::new();
        form.to_text(&value, &style, &mut text).unwrap();
        assert_eq!(&text[..], b"{sad,NULL,\"so so\"}");
        let mut binary = BytesMut::new();
        form.to_binary(&value, &mut binary).unwrap();
        assert_eq!(binary[8..12], 16390_u32.to_be_bytes());
        assert_eq!(form.from_binary(&binary), Ok(value));
        assert!(form.from_text("{sad,angry}", &Style::default()).is_err());
    }
}
