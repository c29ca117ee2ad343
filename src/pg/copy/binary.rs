//! COPY's binary format (manual, "COPY", "Binary Format").
//!
//! Invariant: no length that the data claims is believed beyond the data that is there.

use bytes::{BufMut as _, BytesMut};

use crate::datum;
use crate::model::error::{Error, SqlState};
use crate::model::value::Value;
use crate::pg::charset::{self, Charset, Output};
use crate::pg::encode;
use crate::sql::OutputColumn;

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// Flags that a reader must know: here, none.
const CRITICAL_FLAGS: u32 = 0xffff_0000;

/// What stands at the begin of the data.
#[derive(Debug, PartialEq)]
pub(super) enum Tuple {
    /// Its values, and how many bytes it takes.
    Row(Vec<Value>, usize),
    /// The end of the data, of so many bytes.
    End(usize),
    /// More of it has to come.
    Incomplete,
}

fn bad_format(message: impl Into<String>) -> Error {
    Error::user(SqlState::BAD_COPY_FILE_FORMAT, message)
}

fn word<const N: usize>(data: &[u8], at: usize) -> Option<[u8; N]> {
    data.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// The length of the header; `None` if more of it has to come.
///
/// # Errors
/// 22P04 if it isn't one.
pub(super) fn header(data: &[u8]) -> Result<Option<usize>, Error> {
    let there = data.len().min(SIGNATURE.len());
    if data[..there] != SIGNATURE[..there] {
        return Err(bad_format("COPY file signature not recognized"));
    }
    let Some(flags) = word(data, SIGNATURE.len()).map(u32::from_be_bytes) else { return Ok(None) };
    if flags & CRITICAL_FLAGS != 0 {
        return Err(bad_format("unrecognized critical flags in COPY file header"));
    }
    let at = SIGNATURE.len() + 4;
    let Some(extension) = word(data, at).map(i32::from_be_bytes) else { return Ok(None) };
    let Ok(extension) = usize::try_from(extension) else {
        return Err(bad_format("invalid COPY file header (missing length)"));
    };
    let length = at + 4 + extension;
    Ok((data.len() >= length).then_some(length))
}

/// The tuple at the begin of the data.
///
/// # Errors
/// 22P04 if it hasn't the columns' form; what reading a value found, with the column's name.
pub(super) fn tuple(
    data: &[u8],
    columns: &[OutputColumn],
    charset: Charset,
) -> Result<Tuple, (Error, Option<String>)> {
    let Some(count) = word(data, 0).map(i16::from_be_bytes) else { return Ok(Tuple::Incomplete) };
    if count == -1 {
        return Ok(Tuple::End(2));
    }
    if usize::try_from(count) != Ok(columns.len()) {
        let message = format!("row field count is {count}, expected {}", columns.len());
        return Err((bad_format(message), None));
    }
    // All of it has to be there before a value is made of any.
    let mut fields = Vec::with_capacity(columns.len());
    let mut at = 2;
    for column in columns {
        let Some(length) = word(data, at).map(i32::from_be_bytes) else {
            return Ok(Tuple::Incomplete);
        };
        at += 4;
        if length == -1 {
            fields.push(None);
            continue;
        }
        let Ok(length) = usize::try_from(length) else {
            return Err((bad_format("invalid field size"), Some(column.name.clone())));
        };
        let Some(field) = data.get(at..at + length) else { return Ok(Tuple::Incomplete) };
        fields.push(Some(field));
        at += length;
    }
    let mut values = Vec::with_capacity(columns.len());
    for (field, column) in fields.into_iter().zip(columns) {
        values.push(match field {
            None => Value::Null,
            Some(field) => {
                charset::binary(charset, column.data_type, column.form.as_deref(), field).and_then(
                    |field| match &column.form {
                        Some(form) => form.from_binary(&field),
                        None => datum::from_binary(column.data_type, &field),
                    },
                )
            }
            .map_err(|error| (error, Some(column.name.clone())))?,
        });
    }
    Ok(Tuple::Row(values, at))
}

/// Writes the header.
pub(super) fn put_header(out: &mut BytesMut) {
    out.put_slice(SIGNATURE);
    out.put_u64(0);
}

/// Writes a tuple.
///
/// # Errors
/// XX001 for a value that isn't of its column's type.
pub(super) fn put_tuple(
    row: &[Value],
    columns: &[OutputColumn],
    out: &mut Output,
) -> Result<(), Error> {
    out.put_u16(columns.len() as u16);
    for (value, column) in row.iter().zip(columns) {
        if *value == Value::Null {
            out.put_i32(-1);
            continue;
        }
        let length_at = out.len();
        out.put_i32(0);
        encode::put_binary(value, column, out)?;
        let length = (out.len() - length_at - 4) as i32;
        out[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

/// Writes the end.
pub(super) fn put_end(out: &mut BytesMut) {
    out.put_i16(-1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::pg_type::PgType;
    use proptest::prelude::*;

    fn columns() -> Vec<OutputColumn> {
        let column = |name: &str, data_type| OutputColumn {
            name: name.to_owned(),
            data_type,
            form: None,
            table_oid: 0,
            attribute_number: 0,
        };
        vec![column("a", PgType::INT4), column("b", PgType::TEXT)]
    }

    #[test]
    fn what_is_written_is_read() {
        let mut out = Output::default();
        put_header(&mut out);
        let begin = out.len();
        assert_eq!(header(&out), Ok(Some(begin)));
        assert_eq!(header(&out[..begin - 1]), Ok(None));
        let row = vec![Value::Integer(7), Value::Null];
        put_tuple(&row, &columns(), &mut out).unwrap();
        assert_eq!(out[begin..], *b"\0\x02\0\0\0\x04\0\0\0\x07\xff\xff\xff\xff");
        let length = out.len() - begin;
        assert_eq!(tuple(&out[begin..], &columns(), None), Ok(Tuple::Row(row, length)));
        for cut in 0..length {
            assert_eq!(tuple(&out[begin..begin + cut], &columns(), None), Ok(Tuple::Incomplete));
        }
        put_end(&mut out);
        assert_eq!(tuple(&out[begin + length..], &columns(), None), Ok(Tuple::End(2)));
    }

    #[test]
    fn what_is_not_the_format_is_refused() {
        let state = |error: Error| error.state();
        assert_eq!(header(b"1,2\n").map_err(state), Err(SqlState::BAD_COPY_FILE_FORMAT));
        let few = tuple(b"\0\x01\0\0\0\0", &columns(), None).unwrap_err().0;
        assert_eq!(few.message(), "row field count is 1, expected 2");
        let wrong = tuple(b"\0\x02\0\0\0\x01\x01\xff\xff\xff\xff", &columns(), None).unwrap_err();
        assert_eq!(wrong.1.as_deref(), Some("a"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(data: Vec<u8>) {
            let _ = header(&data);
            let _ = tuple(&data, &columns(), None);
        }
    }
}
