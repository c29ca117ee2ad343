//! Documents while a path is followed: trees whose parts are shared.

use std::rc::Rc;

use crate::datum::json::{self, Json, write_string};
use crate::datum::numeric::Numeric;
use crate::model::error::Error;

#[derive(Debug, Clone)]
pub(super) enum Item {
    Null,
    Bool(bool),
    Number(Numeric),
    String(Rc<str>),
    Array(Rc<Vec<Item>>),
    Object(Rc<Object>),
}

/// Members in the order of jsonb, and a number that no other object of the document has.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) number: i64,
    pub(super) members: Vec<(Rc<str>, Item)>,
}

impl Item {
    /// Reads a stored jsonb.
    ///
    /// # Errors
    /// XX001 in effect: the text isn't JSON.
    pub(super) fn read(text: &str) -> Result<Self, Error> {
        let mut objects = 0;
        Self::of(json::parse(text, false)?, &mut objects)
    }

    fn of(value: Json<'_>, objects: &mut i64) -> Result<Self, Error> {
        Ok(match value {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Number(digits) => {
                let number = Numeric::parse(digits)?;
                Self::Number(number.ok_or_else(|| Error::internal("a JSON number is numeric"))?)
            }
            Json::String(text) => Self::String(Rc::from(&*text)),
            Json::Array(items) => {
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    list.push(Self::of(item, objects)?);
                }
                Self::Array(Rc::new(list))
            }
            Json::Object(members) => {
                let number = *objects;
                *objects += 1;
                let mut list = Vec::with_capacity(members.len());
                for (key, item) in members {
                    list.push((Rc::from(&*key), Self::of(item, objects)?));
                }
                Self::Object(Rc::new(Object { number, members: list }))
            }
        })
    }

    /// `jsonb_typeof`
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// Writes it in jsonb's normal form.
    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => out.push_str(&number.to_string()),
            Self::String(text) => write_string(text, out),
            Self::Array(items) => write_array(items, out),
            Self::Object(object) => {
                out.push('{');
                for (at, (key, item)) in object.members.iter().enumerate() {
                    if at > 0 {
                        out.push_str(", ");
                    }
                    write_string(key, out);
                    out.push_str(": ");
                    item.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// Writes an array of them.
pub(super) fn write_array(items: &[Item], out: &mut String) {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        item.write(out);
    }
    out.push(']');
}
