//! COPY TO STDOUT: rows in stored form in, lines or tuples out.

use bytes::{BufMut as _, BytesMut};

use crate::datum::{self, Style};
use crate::model::error::Error;
use crate::model::value::Value;
use crate::pg::charset::Output;
use crate::pg::copy::binary;
use crate::sql::{CopyFormat, CopyHeader, CopyOptions, OutputColumn};

/// Writes the lines of one COPY.
#[derive(Debug)]
pub(crate) struct Writer {
    options: CopyOptions,
    /// The field that is being written, before escaping.
    field: BytesMut,
    /// The binary format's header was written.
    begun: bool,
}

impl Writer {
    pub(crate) fn new(options: CopyOptions) -> Self {
        Self { options, field: BytesMut::new(), begun: false }
    }

    pub(crate) fn has_header(&self) -> bool {
        self.options.header != CopyHeader::None
    }

    /// Writes the line of column names.
    ///
    /// # Errors
    /// 22P05 for a name that the encoding of the data can't write.
    pub(crate) fn header(
        &mut self,
        columns: &[OutputColumn],
        out: &mut Output,
    ) -> Result<(), Error> {
        let start = out.len();
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                out.put_u8(self.options.delimiter);
            }
            self.field.clear();
            self.field.put_slice(column.name.as_bytes());
            self.put_field(columns.len() == 1, false, out);
        }
        out.put_u8(b'\n');
        out.recode_text(start)
    }

    pub(crate) fn is_binary(&self) -> bool {
        self.options.format == CopyFormat::Binary
    }

    /// The header goes with what comes first: clients count on that.
    fn begin(&mut self, out: &mut BytesMut) {
        if !std::mem::replace(&mut self.begun, true) {
            binary::put_header(out);
        }
    }

    /// What comes after all rows, in binary.
    pub(crate) fn end(&mut self, out: &mut BytesMut) {
        self.begin(out);
        binary::put_end(out);
    }

    /// Writes one row's line.
    ///
    /// # Errors
    /// XX001 for a value that isn't of its column's type; 22P05.
    pub(crate) fn row(
        &mut self,
        row: &[Value],
        columns: &[OutputColumn],
        style: &Style,
        out: &mut Output,
    ) -> Result<(), Error> {
        if self.is_binary() {
            self.begin(out);
            return binary::put_tuple(row, columns, out);
        }
        let start = out.len();
        for (at, (value, column)) in row.iter().zip(columns).enumerate() {
            if at > 0 {
                out.put_u8(self.options.delimiter);
            }
            if *value == Value::Null {
                out.put_slice(self.options.null.as_bytes());
                continue;
            }
            self.field.clear();
            match &column.form {
                Some(form) => form.to_text(value, style, &mut self.field)?,
                None => datum::to_text(column.data_type, value, style, &mut self.field)?,
            }
            let quoted = self.options.force.quote.contains(&at);
            self.put_field(columns.len() == 1, quoted, out);
        }
        out.put_u8(b'\n');
        out.recode_text(start)
    }

    fn put_field(&mut self, alone: bool, quoted: bool, out: &mut BytesMut) {
        match self.options.format {
            CopyFormat::Csv => self.put_csv(alone, quoted, out),
            CopyFormat::Text | CopyFormat::Binary => self.put_text(out),
        }
    }

    fn put_text(&self, out: &mut BytesMut) {
        for &byte in &self.field {
            let letter = match byte {
                0x08 => b'b',
                0x0c => b'f',
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                0x0b => b'v',
                b'\\' => b'\\',
                _ if byte == self.options.delimiter => byte,
                _ => {
                    out.put_u8(byte);
                    continue;
                }
            };
            out.put_slice(&[b'\\', letter]);
        }
    }

    /// Quotes what would be read as something else: NULL, a delimiter, the end of the data.
    fn put_csv(&self, alone: bool, quoted: bool, out: &mut BytesMut) {
        let CopyOptions { delimiter, quote, escape, null, .. } = &self.options;
        let special =
            |byte: &u8| byte == delimiter || byte == quote || matches!(byte, b'\n' | b'\r');
        let needs_quotes = quoted
            || self.field == null.as_bytes()
            || self.field.iter().any(special)
            || alone && &self.field[..] == b"\\.";
        if !needs_quotes {
            return out.put_slice(&self.field);
        }
        out.put_u8(*quote);
        for byte in &self.field {
            if byte == quote || byte == escape {
                out.put_u8(*escape);
            }
            out.put_u8(*byte);
        }
        out.put_u8(*quote);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::pg_type::PgType;

    fn lines(format: CopyFormat, rows: &[[Value; 2]]) -> String {
        let csv = format == CopyFormat::Csv;
        let mut writer = Writer::new(CopyOptions {
            format,
            delimiter: if csv { b',' } else { b'\t' },
            null: if csv { String::new() } else { "\\N".to_owned() },
            header: CopyHeader::Line,
            force: crate::sql::ForcedColumns::default(),
            quote: b'"',
            escape: b'"',
            encoding: None,
            relation: String::new(),
        });
        let column = |name: &str, data_type| OutputColumn {
            name: name.to_owned(),
            data_type,
            form: None,
            table_oid: 0,
            attribute_number: 0,
        };
        let columns = [column("id", PgType::INT4), column("a,b", PgType::TEXT)];
        let mut out = Output::default();
        writer.header(&columns, &mut out).unwrap();
        for row in rows {
            writer.row(row, &columns, &Style::default(), &mut out).unwrap();
        }
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn lines_are_as_postgresql_writes_them() {
        let text = |text: &str| Value::Text(text.to_owned());
        let rows = [
            [Value::Integer(1), text("a\tb\\c\nd\u{b}")],
            [Value::Null, text("")],
            [Value::Integer(3), text("x,\"y\"")],
            [Value::Integer(4), Value::Null],
        ];
        assert_eq!(
            lines(CopyFormat::Text, &rows),
            "id\ta,b\n1\ta\\tb\\\\c\\nd\\v\n\\N\t\n3\tx,\"y\"\n4\t\\N\n"
        );
        assert_eq!(
            lines(CopyFormat::Csv, &rows),
            "id,\"a,b\"\n1,\"a\tb\\c\nd\u{b}\"\n,\"\"\n3,\"x,\"\"y\"\"\"\n4,\n"
        );
    }
}
