//! Messages to the client, written straight into the connection's output buffer. pgwire's own
//! types serve where a message comes once a connection; what comes once a statement or a row is
//! written here, without setting anything aside.

use bytes::{BufMut as _, BytesMut};
use pgwire::messages::Message as _;
use pgwire::messages::startup::{
    Authentication, BackendKeyData, NegotiateProtocolVersion, SecretKey,
};

use crate::datum::{self, Style};
use crate::model::error::{Error, SqlState};
use crate::model::notification::Notification;
use crate::model::pg_type::{PgType, builtin};
use crate::model::value::Value;
use crate::pg::charset::Output;
use crate::session::Status;
use crate::sql::OutputColumn;

/// Protocol 3.0, the newest that is spoken here.
pub(crate) const PROTOCOL_NEWEST: i32 = 3 << 16;
/// The largest message that the protocol's signed length can say.
const MESSAGE_BYTES_MAX: usize = i32::MAX as usize;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Binary,
}

impl Format {
    /// # Errors
    /// 22023 for a code that isn't 0 or 1.
    pub(crate) fn from_code(code: i16) -> Result<Self, Error> {
        match code {
            0 => Ok(Self::Text),
            1 => Ok(Self::Binary),
            _ => Err(Error::user(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("unsupported format code: {code}"),
            )),
        }
    }
}

/// One format for each of `count` items: none given means text, one means that one for all.
///
/// # Errors
/// 08P01 for another number of codes, 22023 for a code that isn't 0 or 1.
pub(crate) fn formats(codes: &[i16], count: usize) -> Result<Formats, Error> {
    match codes {
        [] => Ok(Formats::All(Format::Text)),
        [code] => Format::from_code(*code).map(Formats::All),
        codes if codes.len() == count => {
            let each: Result<Vec<_>, _> =
                codes.iter().map(|code| Format::from_code(*code)).collect();
            each.map(Formats::Each)
        }
        codes => Err(Error::user(
            SqlState::PROTOCOL_VIOLATION,
            format!(
                "bind message has {} result formats but query has {count} columns",
                codes.len()
            ),
        )),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Formats {
    All(Format),
    Each(Vec<Format>),
}

impl Formats {
    pub(crate) fn of(&self, column: usize) -> Format {
        match self {
            Self::All(format) => *format,
            Self::Each(formats) => formats.get(column).copied().unwrap_or(Format::Text),
        }
    }
}

/// Begins a message; [`end`] fills its length in.
fn begin(kind: u8, out: &mut BytesMut) -> usize {
    out.put_u8(kind);
    out.put_i32(0);
    out.len()
}

fn end(start: usize, out: &mut BytesMut) {
    let length = (out.len() - start + 4) as i32;
    out[start - 4..start].copy_from_slice(&length.to_be_bytes());
}

/// Writes a string of the protocol's own, which is ASCII and has no NUL.
fn put_ascii(text: &str, out: &mut BytesMut) {
    out.put_slice(text.as_bytes());
    out.put_u8(0);
}

pub(crate) fn authentication_ok(out: &mut BytesMut) {
    Authentication::Ok.encode(out).expect("AuthenticationOk has a fixed size");
}

/// Asks the client to prove who it is in one of these ways.
pub(crate) fn sasl_mechanisms(names: &[&str], out: &mut BytesMut) {
    let start = begin(b'R', out);
    out.put_i32(10);
    for name in names {
        put_ascii(name, out);
    }
    out.put_u8(0);
    end(start, out);
}

pub(crate) fn sasl_continue(data: &[u8], out: &mut BytesMut) {
    let start = begin(b'R', out);
    out.put_i32(11);
    out.put_slice(data);
    end(start, out);
}

pub(crate) fn sasl_final(data: &[u8], out: &mut BytesMut) {
    let start = begin(b'R', out);
    out.put_i32(12);
    out.put_slice(data);
    end(start, out);
}

pub(crate) fn parameter_status(name: &str, value: &str, out: &mut Output) -> Result<(), Error> {
    message(b'S', out, |out| {
        out.put_string(name)?;
        out.put_string(value)
    })
}

pub(crate) fn notification_response(
    notification: &Notification,
    out: &mut Output,
) -> Result<(), Error> {
    message(b'A', out, |out| {
        out.put_i32(notification.sender);
        out.put_string(&notification.channel)?;
        out.put_string(&notification.payload)
    })
}

/// Writes a message; after an error the buffer is as before.
pub(crate) fn message(
    kind: u8,
    out: &mut Output,
    write: impl FnOnce(&mut Output) -> Result<(), Error>,
) -> Result<(), Error> {
    let before = out.len();
    let start = begin(kind, out);
    let result = write(out);
    if result.is_err() {
        out.truncate(before);
    } else {
        end(start, out);
    }
    result
}

pub(crate) fn backend_key_data(pid: i32, secret: i32, out: &mut BytesMut) {
    let message = BackendKeyData::new(pid, SecretKey::I32(secret));
    message.encode(out).expect("BackendKeyData has a fixed size");
}

/// Tells a client that asked for more which version and options it gets.
pub(crate) fn negotiate_protocol_version(unsupported: Vec<String>, out: &mut BytesMut) {
    let message = NegotiateProtocolVersion::new(PROTOCOL_NEWEST, unsupported);
    message.encode(out).expect("options come from a start-up packet of 10 000 bytes at the most");
}

pub(crate) fn ready_for_query(status: Status, out: &mut BytesMut) {
    let status = match status {
        Status::Idle => b'I',
        Status::InTransaction => b'T',
        Status::Failed => b'E',
    };
    out.put_slice(&[b'Z', 0, 0, 0, 5, status]);
}

/// A message that is only its type.
fn bare(kind: u8, out: &mut BytesMut) {
    out.put_slice(&[kind, 0, 0, 0, 4]);
}

pub(crate) fn parse_complete(out: &mut BytesMut) {
    bare(b'1', out);
}

pub(crate) fn bind_complete(out: &mut BytesMut) {
    bare(b'2', out);
}

pub(crate) fn close_complete(out: &mut BytesMut) {
    bare(b'3', out);
}

pub(crate) fn no_data(out: &mut BytesMut) {
    bare(b'n', out);
}

pub(crate) fn empty_query_response(out: &mut BytesMut) {
    bare(b'I', out);
}

pub(crate) fn portal_suspended(out: &mut BytesMut) {
    bare(b's', out);
}

pub(crate) fn copy_done(out: &mut BytesMut) {
    bare(b'c', out);
}

pub(crate) fn command_complete(tag: &str, out: &mut BytesMut) {
    let start = begin(b'C', out);
    put_ascii(tag, out);
    end(start, out);
}

pub(crate) fn parameter_description(types: &[PgType], out: &mut BytesMut) {
    let start = begin(b't', out);
    out.put_u16(types.len() as u16);
    for data_type in types {
        out.put_u32(data_type.oid);
    }
    end(start, out);
}

/// # Errors
/// 22P05 for a name that the client's encoding can't write.
pub(crate) fn row_description(
    columns: &[OutputColumn],
    formats: &Formats,
    out: &mut Output,
) -> Result<(), Error> {
    message(b'T', out, |out| put_columns(columns, formats, out))
}

fn put_columns(columns: &[OutputColumn], formats: &Formats, out: &mut Output) -> Result<(), Error> {
    out.put_u16(columns.len() as u16);
    for (at, column) in columns.iter().enumerate() {
        out.put_string(&column.name)?;
        out.put_u32(column.table_oid);
        out.put_i16(column.attribute_number);
        out.put_u32(column.data_type.oid);
        let length = match &column.form {
            Some(form) => form.length(),
            None => builtin(column.data_type.oid).map_or(-1, |known| known.length),
        };
        out.put_i16(length);
        out.put_i32(column.data_type.modifier);
        out.put_i16(i16::from(formats.of(at) == Format::Binary));
    }
    Ok(())
}

/// CopyInResponse (`G`) or CopyOutResponse (`H`), all columns in one format.
pub(crate) fn copy_response(kind: u8, columns: usize, binary: bool, out: &mut BytesMut) {
    let start = begin(kind, out);
    out.put_u8(u8::from(binary));
    out.put_u16(columns as u16);
    for _ in 0..columns {
        out.put_u16(u16::from(binary));
    }
    end(start, out);
}

/// Writes CopyData with what `write` writes.
pub(crate) fn copy_data(
    out: &mut Output,
    write: impl FnOnce(&mut Output) -> Result<(), Error>,
) -> Result<(), Error> {
    message(b'd', out, write)
}

fn put_text(
    value: &Value,
    column: &OutputColumn,
    style: &Style,
    out: &mut Output,
) -> Result<(), Error> {
    let start = out.len();
    match &column.form {
        None => datum::to_text(column.data_type, value, style, out)?,
        Some(form) => form.to_text(value, style, out)?,
    }
    out.recode_text(start)
}

/// Writes a value in its binary form, its text in the client's encoding.
///
/// # Errors
/// XX001, 22P05
pub(crate) fn put_binary(
    value: &Value,
    column: &OutputColumn,
    out: &mut Output,
) -> Result<(), Error> {
    let start = out.len();
    match &column.form {
        None => datum::to_binary(column.data_type, value, out)?,
        Some(form) => form.to_binary(value, out)?,
    }
    out.recode_binary(start, column.data_type, column.form.as_deref())
}

/// Writes DataRow. After an error the buffer is as before.
///
/// # Errors
/// XX001 for a value that isn't of its column's type; 22P05 for text that the client's encoding can't
/// write; 54000 for a row that no message can hold.
pub(crate) fn data_row(
    row: &[Value],
    columns: &[OutputColumn],
    formats: &Formats,
    style: &Style,
    out: &mut Output,
) -> Result<(), Error> {
    let before = out.len();
    let start = begin(b'D', out);
    // A query without columns has rows of one value in SQLite, which is nobody's.
    out.put_u16(columns.len() as u16);
    for (at, (value, column)) in row.iter().zip(columns).enumerate() {
        if *value == Value::Null {
            out.put_i32(-1);
            continue;
        }
        let length_at = out.len();
        out.put_i32(0);
        let written = match formats.of(at) {
            Format::Text => put_text(value, column, style, out),
            Format::Binary => put_binary(value, column, out),
        };
        if let Err(error) = written {
            out.truncate(before);
            return Err(error);
        }
        let length = (out.len() - length_at - 4) as i32;
        out[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
    }
    if out.len() - before > MESSAGE_BYTES_MAX {
        out.truncate(before);
        return Err(Error::limit(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            "a row is too large for the protocol",
        ));
    }
    end(start, out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, data_type: PgType) -> OutputColumn {
        OutputColumn {
            name: name.to_owned(),
            data_type,
            form: None,
            table_oid: 16384,
            attribute_number: 2,
        }
    }

    #[test]
    fn descriptions_are_as_postgresql_sends_them() {
        let columns = [column("a", PgType::INT4), column("b", PgType { oid: 1043, modifier: 14 })];
        let mut out = Output::default();
        let formats = Formats::Each(vec![Format::Text, Format::Binary]);
        row_description(&columns, &formats, &mut out).unwrap();
        let mut expected = b"T\0\0\0\x2e\0\x02".to_vec();
        expected.extend(b"a\0\0\0\x40\0\0\x02\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0");
        expected.extend(b"b\0\0\0\x40\0\0\x02\0\0\x04\x13\xff\xff\0\0\0\x0e\0\x01");
        assert_eq!(&out[..], expected);
        out.clear();
        parameter_description(&[PgType::INT4, PgType::TEXT], &mut out);
        assert_eq!(&out[..], b"t\0\0\0\x0e\0\x02\0\0\0\x17\0\0\0\x19");
    }

    #[test]
    fn rows_are_as_postgresql_sends_them() {
        let columns = [
            column("a", PgType::INT4),
            column("b", PgType::TEXT),
            column("c", PgType::BOOL),
            column("d", PgType::INT8),
        ];
        let row = [Value::Integer(-42), Value::Null, Value::Integer(1), Value::Integer(7)];
        let formats = Formats::Each(vec![Format::Text, Format::Text, Format::Text, Format::Binary]);
        let mut out = Output::default();
        data_row(&row, &columns, &formats, &Style::default(), &mut out).unwrap();
        let mut expected = b"D\0\0\0\x22\0\x04\0\0\0\x03-42\xff\xff\xff\xff\0\0\0\x01t".to_vec();
        expected.extend(b"\0\0\0\x08\0\0\0\0\0\0\0\x07");
        assert_eq!(&out[..], expected);
    }

    #[test]
    fn a_row_that_cannot_be_written_leaves_nothing_behind() {
        let columns = [column("a", PgType::INT4), column("b", PgType::DATE)];
        let row = [Value::Integer(1), Value::Text("no date".to_owned())];
        let mut out = Output::default();
        out.put_slice(b"before");
        let error =
            data_row(&row, &columns, &Formats::All(Format::Binary), &Style::default(), &mut out)
                .unwrap_err();
        assert_eq!(error.state(), SqlState::DATA_CORRUPTED);
        assert_eq!(&out[..], b"before");
    }

    #[test]
    fn short_messages_are_as_postgresql_sends_them() {
        let mut out = Output::default();
        authentication_ok(&mut out);
        backend_key_data(7, 9, &mut out);
        parameter_status("a", "b", &mut out).unwrap();
        negotiate_protocol_version(vec!["_pq_.x".to_owned()], &mut out);
        command_complete("SELECT 1", &mut out);
        ready_for_query(Status::InTransaction, &mut out);
        copy_response(b'G', 2, false, &mut out);
        let mut expected =
            b"R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\0\x07\0\0\0\x09S\0\0\0\x08a\0b\0".to_vec();
        expected.extend(b"v\0\0\0\x13\0\x03\0\0\0\0\0\x01_pq_.x\0");
        expected.extend(b"C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05TG\0\0\0\x0b\0\0\x02\0\0\0\0");
        assert_eq!(&out[..], expected);
    }

    #[test]
    fn format_codes_are_none_one_or_one_each() {
        assert_eq!(formats(&[], 3), Ok(Formats::All(Format::Text)));
        assert_eq!(formats(&[1], 3), Ok(Formats::All(Format::Binary)));
        assert_eq!(formats(&[0, 1], 2), Ok(Formats::Each(vec![Format::Text, Format::Binary])));
        assert_eq!(formats(&[0, 1], 3).unwrap_err().state(), SqlState::PROTOCOL_VIOLATION);
        assert_eq!(formats(&[2], 1).unwrap_err().state(), SqlState::INVALID_PARAMETER_VALUE);
    }
}
