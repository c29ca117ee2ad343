//! Ranges and multiranges in their text, binary and stored forms.

use std::borrow::Cow;

use bytes::{BufMut as _, BytesMut};

use crate::datum::range::input::{
    IS_EMPTY, LOWER_INCLUSIVE, LOWER_INFINITE, UPPER_INCLUSIVE, UPPER_INFINITE,
};
use crate::datum::range::{Kind, Span};
use crate::datum::stored::{is_space, text};
use crate::datum::{Style, float, string, to_binary, to_text};
use crate::model::error::Error;
use crate::model::value::Value;

impl Kind {
    /// The stored form of a value.
    pub fn store(self, spans: &[Span]) -> String {
        let mut out = BytesMut::new();
        let stored = |value: &Value, out: &mut BytesMut| {
            let text: Cow<'_, str> = match value {
                Value::Null => "".into(),
                Value::Integer(number) => number.to_string().into(),
                Value::Real(number) => {
                    let mut digits = BytesMut::new();
                    float::put(*number, float::Width::Double, 1, &mut digits);
                    String::from_utf8_lossy(&digits).into_owned().into()
                }
                Value::Text(text) => text.into(),
                Value::Blob(_) => {
                    let mut hex = BytesMut::new();
                    // In the style that doesn't depend on a session; no BLOB is refused.
                    let _ = string::bytea_to_text(value, &Style::default(), &mut hex);
                    String::from_utf8_lossy(&hex).into_owned().into()
                }
            };
            out.put_slice(text.as_bytes());
            Ok(())
        };
        // Only bounds can't be written, and these can.
        let _ = self.put(spans, stored, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Writes a stored value in its text form.
    ///
    /// # Errors
    /// XX001 if it isn't of this type.
    pub(crate) fn put_text(
        self,
        value: &Value,
        style: &Style,
        out: &mut BytesMut,
    ) -> Result<(), Error> {
        let spans = self.load(text(self.subtype, value)?)?;
        self.put(&spans, |bound, out| to_text(self.subtype, bound, style, out), out)
    }

    fn put(
        self,
        spans: &[Span],
        mut bound: impl FnMut(&Value, &mut BytesMut) -> Result<(), Error>,
        out: &mut BytesMut,
    ) -> Result<(), Error> {
        if self.is_multirange {
            out.put_u8(b'{');
            for (at, span) in spans.iter().enumerate() {
                if at > 0 {
                    out.put_u8(b',');
                }
                put_span(span, &mut bound, out)?;
            }
            out.put_u8(b'}');
            return Ok(());
        }
        match spans.first() {
            Some(span) => put_span(span, &mut bound, out),
            None => {
                out.put_slice(b"empty");
                Ok(())
            }
        }
    }

    /// Writes a stored value in its binary form.
    ///
    /// # Errors
    /// XX001 if it isn't of this type.
    pub(crate) fn put_binary(self, value: &Value, out: &mut BytesMut) -> Result<(), Error> {
        let spans = self.load(text(self.subtype, value)?)?;
        if !self.is_multirange {
            return self.send(spans.first(), out);
        }
        out.put_u32(spans.len() as u32);
        for span in &spans {
            sized(out, |out| self.send(Some(span), out))?;
        }
        Ok(())
    }

    fn send(self, span: Option<&Span>, out: &mut BytesMut) -> Result<(), Error> {
        let Some(Span { lower, upper }) = span else {
            out.put_u8(IS_EMPTY);
            return Ok(());
        };
        let flag = |flag: u8, is_set: bool| if is_set { flag } else { 0 };
        out.put_u8(
            flag(LOWER_INCLUSIVE, lower.inclusive)
                | flag(UPPER_INCLUSIVE, upper.inclusive)
                | flag(LOWER_INFINITE, lower.value.is_none())
                | flag(UPPER_INFINITE, upper.value.is_none()),
        );
        for value in [&lower.value, &upper.value].into_iter().flatten() {
            sized(out, |out| to_binary(self.subtype, value, out))?;
        }
        Ok(())
    }
}

/// Writes something behind the number of its bytes.
fn sized(
    out: &mut BytesMut,
    put: impl FnOnce(&mut BytesMut) -> Result<(), Error>,
) -> Result<(), Error> {
    let start = out.len();
    out.put_i32(0);
    put(out)?;
    let length = (out.len() - start - 4) as i32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

fn put_span(
    span: &Span,
    bound: &mut impl FnMut(&Value, &mut BytesMut) -> Result<(), Error>,
    out: &mut BytesMut,
) -> Result<(), Error> {
    out.put_u8(if span.lower.inclusive { b'[' } else { b'(' });
    let mut shown = BytesMut::new();
    for (at, value) in [&span.lower.value, &span.upper.value].into_iter().enumerate() {
        if at > 0 {
            out.put_u8(b',');
        }
        if let Some(value) = value {
            shown.clear();
            bound(value, &mut shown)?;
            put_quoted(&shown, out);
        }
    }
    out.put_u8(if span.upper.inclusive { b']' } else { b')' });
    Ok(())
}

/// Writes a bound, in quotes where it needs them.
fn put_quoted(shown: &[u8], out: &mut BytesMut) {
    let special = |&byte: &u8| b"\"\\()[],".contains(&byte) || is_space(byte as char);
    if !shown.is_empty() && !shown.iter().any(special) {
        out.put_slice(shown);
        return;
    }
    out.put_u8(b'"');
    for &byte in shown {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(byte);
        }
        out.put_u8(byte);
    }
    out.put_u8(b'"');
}
