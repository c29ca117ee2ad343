//! The one place where an error becomes the protocol's fields (manual, "Error and Notice Message
//! Fields").

use bytes::BufMut as _;

use crate::model::error::{Error, SqlState};
use crate::pg::charset::Output;
use crate::pg::encode::message;
use crate::session::Severity;

/// How the client takes an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// The statement failed.
    Error,
    /// The connection ends.
    Fatal,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Debug => "DEBUG1",
        Severity::Info => "INFO",
        Severity::Notice => "NOTICE",
        Severity::Warning => "WARNING",
    }
}

/// The fields in PostgreSQL's order. Strings end with a NUL on the wire, so none may hold one.
fn fields(severity: &str, error: &Error) -> Vec<(u8, String)> {
    let from = error.fields();
    let mut fields = vec![
        (b'S', severity.to_owned()),
        (b'V', severity.to_owned()),
        (b'C', from.state.as_str().to_owned()),
        (b'M', from.message.replace('\0', "")),
    ];
    let position = from.position.map(|position| position.to_string());
    let optional = [
        (b'D', &from.detail),
        (b'H', &from.hint),
        (b'P', &position),
        (b'W', &from.context),
        (b's', &from.schema),
        (b't', &from.table),
        (b'c', &from.column),
        (b'd', &from.data_type),
        (b'n', &from.constraint),
    ];
    for (code, text) in optional {
        if let Some(text) = text {
            fields.push((code, text.replace('\0', "")));
        }
    }
    fields
}

fn put_fields(kind: u8, fields: &[(u8, String)], out: &mut Output) -> Result<(), Error> {
    message(kind, out, |out| {
        for (code, text) in fields {
            out.put_u8(*code);
            out.put_string(text)?;
        }
        out.put_u8(0);
        Ok(())
    })
}

/// Writes ErrorResponse. An error that the client's encoding can't write is told as that, as by PostgreSQL.
pub(crate) fn put_error(level: Level, error: &Error, out: &mut Output) {
    if let Err(unwritten) = put_fields(b'E', &fields(level.name(), error), out) {
        put_ascii(b'E', &fields(level.name(), &unwritten), out);
    }
}

/// Writes NoticeResponse. A notice without a state of its own (00000) is "successful completion".
pub(crate) fn put_notice(severity: Severity, notice: &Error, out: &mut Output) {
    let fields = fields(severity_name(severity), notice);
    if put_fields(b'N', &fields, out).is_err() {
        put_ascii(b'N', &fields, out);
    }
}

/// With `?` for what isn't ASCII, which all encodings have.
fn put_ascii(kind: u8, fields: &[(u8, String)], out: &mut Output) {
    let plain = |text: &String| text.replace(|c: char| !c.is_ascii(), "?");
    let fields: Vec<_> = fields.iter().map(|(code, text)| (*code, plain(text))).collect();
    put_fields(kind, &fields, out).expect("all encodings have ASCII");
}

/// 08P01: the client broke the protocol.
pub(crate) fn violation(message: impl Into<String>) -> Error {
    Error::user(SqlState::PROTOCOL_VIOLATION, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_fields_are_sent_in_order() {
        let mut error = Error::user(SqlState::UNIQUE_VIOLATION, "duplicate\0 key")
            .with_detail("Key (a)=(1) already exists.")
            .with_hint("h")
            .with_position(7)
            .with_context("COPY, line 3");
        error.fields_mut().schema = Some("public".to_owned());
        error.fields_mut().table = Some("t".to_owned());
        error.fields_mut().column = Some("a".to_owned());
        error.fields_mut().data_type = Some("int4".to_owned());
        error.fields_mut().constraint = Some("t_pkey".to_owned());
        let mut out = Output::default();
        put_error(Level::Error, &error, &mut out);
        let body: &[u8] = b"SERROR\0VERROR\0C23505\0Mduplicate key\0DKey (a)=(1) already exists.\0Hh\0P7\0WCOPY, line 3\0spublic\0tt\0ca\0dint4\0nt_pkey\0\0";
        assert_eq!(&out[5..], body);
        assert_eq!(out[0], b'E');
        assert_eq!(out[1..5], (body.len() as i32 + 4).to_be_bytes());
    }

    #[test]
    fn a_notice_has_its_severity() {
        let mut out = Output::default();
        put_notice(Severity::Warning, &Error::user(SqlState(*b"25001"), "w"), &mut out);
        assert_eq!(&out[..], b"N\0\0\0\x21SWARNING\0VWARNING\0C25001\0Mw\0\0".as_slice());
    }
}
