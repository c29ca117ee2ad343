//! The client's encoding: all text that comes is made UTF-8 before it is looked at, all text that goes is
//! converted when it is written. Nothing else in `pg` knows of it, and nothing is done where it is UTF-8.
//!
//! Values in binary have text inside: a type's own, those of an array's or a record's elements.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};

use bytes::{BufMut as _, BytesMut};

use crate::datum::encoding::Encoding;
use crate::datum::form::Form;
use crate::datum::{self, TextIn};
use crate::model::error::Error;
use crate::model::pg_type::PgType;

/// The client's encoding, where its text has other bytes than UTF-8.
pub(crate) type Charset = Option<&'static Encoding>;

/// What is to be sent, with the encoding that text is sent in.
#[derive(Debug, Default)]
pub(crate) struct Output {
    bytes: BytesMut,
    pub(crate) charset: Charset,
}

impl Deref for Output {
    type Target = BytesMut;

    fn deref(&self) -> &BytesMut {
        &self.bytes
    }
}

impl DerefMut for Output {
    fn deref_mut(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }
}

impl Output {
    /// Writes a text and the NUL that ends it. A NUL inside would end it early and break the message.
    ///
    /// # Errors
    /// 22P05 for a character that the client's encoding hasn't.
    pub(crate) fn put_string(&mut self, text: &str) -> Result<(), Error> {
        let text = text.split('\0').next().unwrap_or_default();
        match self.charset {
            None => self.bytes.put_slice(text.as_bytes()),
            Some(charset) => self.bytes.put_slice(&charset.write(text)?),
        }
        self.bytes.put_u8(0);
        Ok(())
    }

    /// Converts the text that was written from `start` on.
    ///
    /// # Errors
    /// 22P05
    pub(crate) fn recode_text(&mut self, start: usize) -> Result<(), Error> {
        let Some(charset) = self.charset else { return Ok(()) };
        let recoded = write(charset, &self.bytes[start..])?.into_owned();
        self.bytes.truncate(start);
        self.bytes.put_slice(&recoded);
        Ok(())
    }

    /// Converts what text there is in the value that was written in binary from `start` on.
    ///
    /// # Errors
    /// 22P05
    pub(crate) fn recode_binary(
        &mut self,
        start: usize,
        data_type: PgType,
        form: Option<&Form>,
    ) -> Result<(), Error> {
        let Some(charset) = self.charset else { return Ok(()) };
        let text_in = TextIn::of(data_type, form);
        let recoded = text_in.recode(&self.bytes[start..], &mut |text| write(charset, text))?;
        if let Cow::Owned(recoded) = recoded {
            self.bytes.truncate(start);
            self.bytes.put_slice(&recoded);
        }
        Ok(())
    }
}

fn write<'a>(charset: &Encoding, text: &'a [u8]) -> Result<Cow<'a, [u8]>, Error> {
    match std::str::from_utf8(text) {
        Ok(text) => charset.write(text),
        Err(error) => Err(datum::invalid_utf8(text, error.valid_up_to())),
    }
}

fn read<'a>(charset: &Encoding, text: &'a [u8]) -> Result<Cow<'a, [u8]>, Error> {
    Ok(match charset.read(text)? {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    })
}

/// A message's body with its names and statements in UTF-8. Parameters of Bind and data of COPY stay as
/// they are: their formats decide.
///
/// # Errors
/// 22021, 22P05. A body of the wrong form is left for `decode` to refuse.
pub(crate) fn incoming(charset: Charset, kind: u8, body: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    let Some(charset) = charset else { return Ok(Cow::Borrowed(body)) };
    let (before, strings) = match kind {
        b'Q' | b'E' | b'f' => (0, 1),
        b'P' | b'B' => (0, 2),
        b'D' | b'C' => (1, 1),
        _ => return Ok(Cow::Borrowed(body)),
    };
    let Some((head, mut rest)) = body.split_at_checked(before) else {
        return Ok(Cow::Borrowed(body));
    };
    let mut recoded = head.to_vec();
    for _ in 0..strings {
        let Some(end) = rest.iter().position(|byte| *byte == 0) else { break };
        recoded.extend_from_slice(&read(charset, &rest[..end])?);
        recoded.push(0);
        rest = &rest[end + 1..];
    }
    recoded.extend_from_slice(rest);
    Ok(Cow::Owned(recoded))
}

/// A parameter's text.
///
/// # Errors
/// 22021, 22P05
pub(crate) fn text(charset: Charset, bytes: &[u8]) -> Result<Cow<'_, str>, Error> {
    match charset {
        Some(charset) => charset.read(bytes),
        None => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Cow::Borrowed(text)),
            Err(error) => Err(datum::invalid_utf8(bytes, error.valid_up_to())),
        },
    }
}

/// A value in binary with its text in UTF-8.
///
/// # Errors
/// 22021, 22P05
pub(crate) fn binary<'a>(
    charset: Charset,
    data_type: PgType,
    form: Option<&Form>,
    bytes: &'a [u8],
) -> Result<Cow<'a, [u8]>, Error> {
    match charset {
        None => Ok(Cow::Borrowed(bytes)),
        Some(charset) => TextIn::of(data_type, form).recode(bytes, &mut |text| read(charset, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datum::encoding::named;

    #[test]
    fn names_and_statements_are_converted_and_nothing_else() {
        let latin = named("latin1");
        assert_eq!(*incoming(latin, b'Q', b"select '\xe9'\0").unwrap(), *"select 'é'\0".as_bytes());
        assert_eq!(
            *incoming(latin, b'P', b"\xe9\0\xe8\0\0\x01\0\0\0\xe9").unwrap(),
            *b"\xc3\xa9\0\xc3\xa8\0\0\x01\0\0\0\xe9"
        );
        assert_eq!(*incoming(latin, b'D', b"S\xe9\0").unwrap(), *b"S\xc3\xa9\0");
        assert_eq!(*incoming(latin, b'd', b"\xe9").unwrap(), *b"\xe9");
        assert_eq!(*incoming(latin, b'Q', b"").unwrap(), *b"");
        assert!(matches!(incoming(None, b'Q', b"\xe9\0"), Ok(Cow::Borrowed(b"\xe9\0"))));
    }

    #[test]
    fn text_inside_binary_values_is_converted() {
        let latin = named("latin1");
        let array = |item: &[u8]| {
            let head = [1_u32, 0, PgType::TEXT.oid, 2, 1, item.len() as u32];
            let head: Vec<u8> = head.iter().flat_map(|word| word.to_be_bytes()).collect();
            [&head, item, &[0xff; 4]].concat()
        };
        let mut out = Output { charset: latin, ..Output::default() };
        out.put_slice(&array("é".as_bytes()));
        out.recode_binary(0, PgType::TEXT_ARRAY, None).unwrap();
        assert_eq!(out[..], array(b"\xe9"));
        let back = binary(latin, PgType::TEXT_ARRAY, None, &out).unwrap();
        assert_eq!(*back, array("é".as_bytes()));
        // Numbers are no text, whatever their bytes.
        let back = binary(latin, PgType::INT4, None, b"\xe9\xe9\xe9\xe9").unwrap();
        assert_eq!(*back, *b"\xe9\xe9\xe9\xe9");
    }
}
