//! Where in a value's binary form there is text, for whoever has it in another encoding.

use std::borrow::Cow;

use crate::datum::form::{FieldForm, Form};
use crate::datum::{Family, family};
use crate::model::error::Error;
use crate::model::pg_type::PgType;

/// What of a binary value is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextIn<'f> {
    Nothing,
    All,
    /// All after the first byte, a version.
    AfterVersion,
    /// Its elements, whose type its header names.
    Array(ElementText<'f>),
    /// Its fields, each with its type.
    Record,
    /// Its fields, of which this is known.
    Fields(&'f [FieldForm]),
}

/// What of an array's elements is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementText<'f> {
    /// As the type in the array's header says.
    ByType,
    All,
    Fields(&'f [FieldForm]),
}

/// Text in one encoding to text in another.
pub(crate) type Convert<'c> = dyn for<'a> FnMut(&'a [u8]) -> Result<Cow<'a, [u8]>, Error> + 'c;

impl<'f> TextIn<'f> {
    pub fn of(data_type: PgType, form: Option<&'f Form>) -> Self {
        match form {
            Some(Form::Enum { .. }) => Self::All,
            Some(Form::Plain(base)) => Self::of(*base, None),
            Some(Form::Composite(fields)) => Self::Fields(fields),
            Some(Form::Array { form, .. }) => match Self::of(form.carrier(), Some(form)) {
                Self::All => Self::Array(ElementText::All),
                Self::Fields(fields) => Self::Array(ElementText::Fields(fields)),
                _ => Self::Array(ElementText::ByType),
            },
            None => match family(data_type) {
                Ok(Family::String) if data_type.oid != PgType::CHAR.oid => Self::All,
                Ok(Family::Json) => Self::All,
                Ok(Family::Jsonb | Family::JsonPath) => Self::AfterVersion,
                Ok(Family::Array(_)) => Self::Array(ElementText::ByType),
                Ok(Family::Record) => Self::Record,
                _ => Self::Nothing,
            },
        }
    }

    /// The value with its text converted. One that isn't of its type's form is left as it is, for its
    /// reader to refuse.
    ///
    /// # Errors
    /// Those of `convert`.
    pub fn recode<'a>(
        self,
        bytes: &'a [u8],
        convert: &mut Convert<'_>,
    ) -> Result<Cow<'a, [u8]>, Error> {
        let (head, element) = match self {
            Self::Nothing => return Ok(Cow::Borrowed(bytes)),
            Self::All => return Ok(Cow::Owned(convert(bytes)?.into_owned())),
            Self::AfterVersion => (1, None),
            Self::Array(element) => {
                let (Some(dimensions), Some(oid)) = (word(bytes, 0), word(bytes, 8)) else {
                    return Ok(Cow::Borrowed(bytes));
                };
                let element = match element {
                    ElementText::All => Self::All,
                    ElementText::Fields(fields) => Self::Fields(fields),
                    ElementText::ByType => Self::of(PgType::new(oid), None),
                };
                ((dimensions as usize).saturating_mul(8).saturating_add(12), Some(element))
            }
            Self::Record | Self::Fields(_) => (4, None),
        };
        let Some((head, mut rest)) = bytes.split_at_checked(head) else {
            return Ok(Cow::Borrowed(bytes));
        };
        let mut recoded = head.to_vec();
        if self == Self::AfterVersion {
            recoded.extend_from_slice(&convert(rest)?);
            return Ok(Cow::Owned(recoded));
        }
        let mut fields = match self {
            Self::Fields(fields) => fields.iter(),
            _ => [].iter(),
        };
        while !rest.is_empty() {
            let known = fields.next().map(|field| Self::of(field.carrier, field.form.as_deref()));
            let (within, head) = match (element, word(rest, 0)) {
                (Some(element), _) => (element, 0),
                (None, Some(_)) if known.is_some() => (known.unwrap_or(Self::Nothing), 4),
                (None, Some(oid)) => (Self::of(PgType::new(oid), None), 4),
                (None, None) => return Ok(Cow::Borrowed(bytes)),
            };
            let Some(length) = word(rest, head) else { return Ok(Cow::Borrowed(bytes)) };
            recoded.extend_from_slice(&rest[..head]);
            rest = &rest[head + 4..];
            if length == u32::MAX {
                recoded.extend_from_slice(&length.to_be_bytes());
                continue;
            }
            let Some((item, after)) = rest.split_at_checked(length as usize) else {
                return Ok(Cow::Borrowed(bytes));
            };
            let item = within.recode(item, convert)?;
            recoded.extend_from_slice(&(item.len() as u32).to_be_bytes());
            recoded.extend_from_slice(&item);
            rest = after;
        }
        Ok(Cow::Owned(recoded))
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*bytes))
}
