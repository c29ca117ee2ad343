//! Messages from the client, read from a slice that holds one message's body and no more. Every
//! count and length inside is checked against what is there before anything is set aside.

use crate::model::error::Error;
use crate::model::pg_type::Oid;
use crate::pg::error::violation;

/// A message after start-up (manual, "Message Formats"), borrowed from its bytes.
#[derive(Debug, PartialEq)]
pub(crate) enum Frontend<'a> {
    Query(&'a str),
    Parse { name: &'a str, text: &'a str, parameter_types: Vec<Oid> },
    Bind(Bind<'a>),
    Describe(Target, &'a str),
    Execute { portal: &'a str, rows_max: u32 },
    Close(Target, &'a str),
    Flush,
    Sync,
    CopyData(&'a [u8]),
    CopyDone,
    CopyFail(&'a str),
    FunctionCall,
    Terminate,
}

/// What Describe and Close name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Statement,
    Portal,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Bind<'a> {
    pub(crate) portal: &'a str,
    pub(crate) statement: &'a str,
    /// 0, 1 or as many as parameters.
    pub(crate) parameter_formats: Vec<i16>,
    pub(crate) parameters: Vec<Option<&'a [u8]>>,
    /// 0, 1 or as many as columns.
    pub(crate) result_formats: Vec<i16>,
}

/// Whether a message type is one that a client may send after start-up.
pub(crate) fn is_known(kind: u8) -> bool {
    b"QPBDECHSdcfFX".contains(&kind)
}

pub(crate) fn unknown_type(kind: u8) -> Error {
    violation(format!("invalid frontend message type {kind}"))
}

/// Reads bytes as a start-up packet, and as messages one after the other, for `fuzz`.
#[cfg(any(test, fuzzing))]
pub(crate) fn read_any(bytes: &[u8]) {
    // Nearly all are refused.
    let _ = crate::pg::startup::parse(bytes);
    let mut rest = bytes;
    while let [kind, a, b, c, d, more @ ..] = rest {
        let length =
            (u32::from_be_bytes([*a, *b, *c, *d]) as usize).saturating_sub(4).min(more.len());
        let (body, left) = more.split_at(length);
        let _ = decode(*kind, body);
        rest = left;
    }
}

/// Reads one message.
///
/// # Errors
/// 08P01 for a body that isn't what its type says, 22021 for text that isn't UTF-8. Where the next
/// message begins is known all the same: the connection goes on.
pub(crate) fn decode(kind: u8, body: &[u8]) -> Result<Frontend<'_>, Error> {
    let mut reader = Reader(body);
    let message = match kind {
        b'Q' => Frontend::Query(reader.string()?),
        b'P' => {
            let (name, text) = (reader.string()?, reader.string()?);
            let parameter_types = reader.counted(4, Reader::u32)?;
            Frontend::Parse { name, text, parameter_types }
        }
        b'B' => Frontend::Bind(reader.bind()?),
        b'D' => {
            let target = reader.target("DESCRIBE")?;
            Frontend::Describe(target, reader.string()?)
        }
        b'C' => {
            let target = reader.target("CLOSE")?;
            Frontend::Close(target, reader.string()?)
        }
        b'E' => {
            let portal = reader.string()?;
            let rows_max = reader.u32()? as i32;
            // Zero and less mean all rows.
            Frontend::Execute { portal, rows_max: u32::try_from(rows_max).unwrap_or(0) }
        }
        b'H' => Frontend::Flush,
        b'S' => Frontend::Sync,
        b'd' => return Ok(Frontend::CopyData(body)),
        // Whatever else they hold changes nothing.
        b'c' => return Ok(Frontend::CopyDone),
        b'f' => Frontend::CopyFail(reader.string()?),
        b'F' => return Ok(Frontend::FunctionCall),
        b'X' => return Ok(Frontend::Terminate),
        _ => return Err(unknown_type(kind)),
    };
    if !reader.0.is_empty() {
        return Err(invalid_format());
    }
    Ok(message)
}

fn invalid_format() -> Error {
    violation("invalid message format")
}

fn insufficient() -> Error {
    violation("insufficient data left in message")
}

/// Reads fields off the front of a message's body.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (head, tail) = self.0.split_at_checked(length).ok_or_else(insufficient)?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, tail) = self.0.split_first_chunk().ok_or_else(insufficient)?;
        self.0 = tail;
        Ok(*head)
    }

    fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }

    fn i16(&mut self) -> Result<i16, Error> {
        self.array().map(i16::from_be_bytes)
    }

    /// A string up to its NUL. Invalid UTF-8 is the statement's error (22021).
    pub(crate) fn string(&mut self) -> Result<&'a str, Error> {
        let end = self.0.iter().position(|&byte| byte == 0);
        let end = end.ok_or_else(|| violation("invalid string in message"))?;
        let (bytes, rest) = self.0.split_at(end);
        self.0 = &rest[1..];
        std::str::from_utf8(bytes)
            .map_err(|error| crate::datum::invalid_utf8(bytes, error.valid_up_to()))
    }

    /// An unsigned 16-bit count, then as many items of at least `size_min` bytes.
    fn counted<T>(
        &mut self,
        size_min: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let count = usize::from(self.array().map(u16::from_be_bytes)?);
        if count * size_min > self.0.len() {
            return Err(insufficient());
        }
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn target(&mut self, message: &str) -> Result<Target, Error> {
        match self.array::<1>()? {
            [b'S'] => Ok(Target::Statement),
            [b'P'] => Ok(Target::Portal),
            [other] => Err(violation(format!("invalid {message} message subtype {other}"))),
        }
    }

    fn bind(&mut self) -> Result<Bind<'a>, Error> {
        let (portal, statement) = (self.string()?, self.string()?);
        let parameter_formats = self.counted(2, Self::i16)?;
        let parameters = self.counted(4, |reader| {
            let length = reader.u32()? as i32;
            match usize::try_from(length) {
                Ok(length) => reader.take(length).map(Some),
                Err(_) if length == -1 => Ok(None),
                Err(_) => Err(insufficient()),
            }
        })?;
        let result_formats = self.counted(2, Self::i16)?;
        if parameter_formats.len() > 1 && parameter_formats.len() != parameters.len() {
            return Err(violation(format!(
                "bind message has {} parameter formats but {} parameters",
                parameter_formats.len(),
                parameters.len()
            )));
        }
        Ok(Bind { portal, statement, parameter_formats, parameters, result_formats })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(kind: u8, body: &[u8]) -> String {
        match decode(kind, body) {
            Err(error) => format!("{} {error}", error.state().as_str()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn messages_are_read() {
        assert_eq!(decode(b'Q', b"select 1\0"), Ok(Frontend::Query("select 1")));
        assert_eq!(
            decode(b'P', b"s\0select $1\0\0\x01\0\0\0\x17"),
            Ok(Frontend::Parse { name: "s", text: "select $1", parameter_types: vec![23] })
        );
        assert_eq!(
            decode(b'B', b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x01a\xff\xff\xff\xff\0\0"),
            Ok(Frontend::Bind(Bind {
                portal: "p",
                statement: "s",
                parameter_formats: vec![1],
                parameters: vec![Some(b"a"), None],
                result_formats: vec![],
            }))
        );
        assert_eq!(decode(b'D', b"Sx\0"), Ok(Frontend::Describe(Target::Statement, "x")));
        assert_eq!(decode(b'C', b"P\0"), Ok(Frontend::Close(Target::Portal, "")));
        for (bytes, rows_max) in [
            ([0, 0, 0, 0], 0),
            ([0xff, 0xff, 0xff, 0xff], 0),
            ([0x7f, 0xff, 0xff, 0xff], i32::MAX as u32),
        ] {
            let body = [b"p\0".as_slice(), &bytes].concat();
            assert_eq!(decode(b'E', &body), Ok(Frontend::Execute { portal: "p", rows_max }));
        }
        assert_eq!(decode(b'd', b"a\0b"), Ok(Frontend::CopyData(b"a\0b")));
    }

    #[test]
    fn malformed_messages_are_protocol_violations() {
        assert_eq!(refusal(b'Q', b"select 1"), "08P01 invalid string in message");
        assert_eq!(refusal(b'Q', b"a\0b"), "08P01 invalid message format");
        assert_eq!(refusal(b'S', b"x"), "08P01 invalid message format");
        assert_eq!(refusal(b'p', b""), "08P01 invalid frontend message type 112");
        assert_eq!(refusal(b'p', b"MECH-WITHOUT-NUL"), "08P01 invalid frontend message type 112");
        let short = "08P01 insufficient data left in message";
        // Counts that claim more than the message holds.
        assert_eq!(refusal(b'P', b"\0\0\xff\xff"), short);
        assert_eq!(refusal(b'B', b"\0\0\0\x05"), short);
        assert_eq!(refusal(b'B', b"\0\0\0\0\xff\xff"), short);
        // A value that is longer than the message, and a negative length.
        assert_eq!(refusal(b'B', b"\0\0\0\0\0\x01\0\0\0\x09a\0\0"), short);
        assert_eq!(refusal(b'B', b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0"), short);
        assert_eq!(refusal(b'E', b"p\0\0"), short);
        assert_eq!(refusal(b'D', b""), short);
        // Every cut of a right message.
        let bind = b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x01a\xff\xff\xff\xff\0\0";
        for end in 0..bind.len() {
            assert!(decode(b'B', &bind[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn wrong_content_is_the_statement_s_error() {
        assert_eq!(
            refusal(b'Q', b"select '\xff\xfe'\0"),
            "22021 invalid byte sequence for encoding \"UTF8\": 0xff"
        );
        assert_eq!(
            refusal(
                b'B',
                b"\0\0\0\x02\0\0\0\0\0\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0"
            ),
            "08P01 bind message has 2 parameter formats but 3 parameters"
        );
        assert_eq!(refusal(b'D', b"Xa\0"), "08P01 invalid DESCRIBE message subtype 88");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(kind: u8, body: Vec<u8>) {
            drop(decode(kind, &body));
        }
    }
}
