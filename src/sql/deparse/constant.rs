//! Constants with their types.

use bytes::BytesMut;

use super::{Shown, Writer};
use crate::catalog::{Kind, SearchPath};
use crate::datum::{self, Style};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;

/// A text as a constant.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Writer<'_> {
    /// A string constant that is of this type.
    pub(super) fn literal(&self, target: PgType, text: &str) -> Option<Shown> {
        let oid = target.oid;
        if let Some(kind) = named_kind(oid) {
            let path = SearchPath::new(&self.settings.search_path, &self.settings.user);
            let found = self.contents.find_written(kind, &path, text).ok()??;
            return self.object(kind, oid, found);
        }
        let base = self.types().base(oid);
        // An interval's fields decide how it is read.
        let modifier = if base == PgType::INTERVAL.oid { target.modifier } else { -1 };
        let data_type = PgType { oid: base, modifier };
        let value = self.types().read(data_type, text, &Style::default()).ok()?;
        self.constant(oid, &value)
    }

    fn object(&self, kind: Kind, data_type: Oid, oid: Oid) -> Option<Shown> {
        let name = self.contents.shown_name(kind, self.path, oid)?;
        Some(Shown::simple(format!("{}::{}", quoted(&name), self.label(PgType::new(data_type)))))
    }

    /// A value of a type.
    pub(super) fn constant(&self, oid: Oid, value: &Value) -> Option<Shown> {
        let data_type = PgType::new(oid);
        if *value == Value::Null {
            return Some(Shown::simple(format!("NULL::{}", self.label(data_type))));
        }
        if let (Some(kind), Value::Integer(number)) = (named_kind(oid), value) {
            return self.object(kind, oid, u32::try_from(*number).ok()?);
        }
        if oid == PgType::BOOL.oid {
            let text = if *value == Value::Integer(0) { "false" } else { "true" };
            return Some(Shown::simple(text));
        }
        let mut out = BytesMut::new();
        let base = PgType::new(self.types().base(oid));
        match self.types().form(base.oid) {
            Some(form) => form.to_text(value, &Style::default(), &mut out).ok()?,
            None => datum::to_text(base, value, &Style::default(), &mut out).ok()?,
        }
        let text = String::from_utf8(out.to_vec()).ok()?;
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let plain = match data_type {
            PgType::INT4 => digits,
            // A number with a point or an exponent can't be taken for an integer.
            PgType::NUMERIC => !digits && text.starts_with(|first: char| first.is_ascii_digit()),
            _ => false,
        };
        Some(Shown::simple(if plain {
            text
        } else {
            format!("{}::{}", quoted(&text), self.label(data_type))
        }))
    }
}

/// Types whose values are shown as names.
fn named_kind(oid: Oid) -> Option<Kind> {
    Some(match oid {
        2205 => Kind::RELATION,
        2206 => Kind::TYPE,
        24 => Kind::FUNCTION,
        4089 => Kind::SCHEMA,
        4096 => Kind::ROLE,
        _ => return None,
    })
}
