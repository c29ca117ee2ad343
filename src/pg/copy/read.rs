//! COPY FROM STDIN: bytes in, rows in stored form out.
//!
//! Invariants: at most one unfinished record is held, of [`Reader::record_bytes_max`] bytes, and
//! one batch of rows.

use std::borrow::Cow;
use std::sync::Arc;

use crate::datum::encoding::Encoding;
use crate::datum::{self, Style};
use crate::model::error::{Error, SqlState};
use crate::model::value::{RowBatch, Value};
use crate::pg::charset::Charset;
use crate::pg::copy::binary;
use crate::sql::{CopyFormat, CopyHeader, CopyOptions, OutputColumn};

/// Rows that are handed on at once, at the most.
const BATCH_ROWS_MAX: usize = 1000;
/// And their bytes, roughly.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// How far the data was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In binary, the header comes next.
    Begin,
    Rows,
    /// `\.` was read: nothing after it counts. In binary, nothing may follow.
    End,
}

/// Reads the records of one COPY.
#[derive(Debug)]
pub(crate) struct Reader {
    options: CopyOptions,
    columns: Arc<[OutputColumn]>,
    style: Style,
    /// Bytes of a record at the most: 54000 above.
    record_bytes_max: usize,
    /// What has come of the present record, and perhaps more.
    buffer: Vec<u8>,
    /// How far `buffer` was searched for the record's end.
    searched: usize,
    /// At `searched`: inside quotes (csv).
    quoted: bool,
    /// At `searched`: after a backslash (text).
    escaped: bool,
    /// Of the record that comes next, from 1.
    line: u64,
    place: Place,
    batch: RowBatch,
    batch_bytes: usize,
    /// The line of the batch's first row.
    batch_line: u64,
    /// Of the data.
    charset: Charset,
    /// Of text inside binary values.
    binary_charset: Charset,
    /// The beginning of a character whose rest has to come.
    cut: Vec<u8>,
    /// What was wrong with the data behind what `buffer` has.
    broken: Option<Error>,
}

impl Reader {
    pub(crate) fn new(
        options: CopyOptions,
        columns: Arc<[OutputColumn]>,
        style: Style,
        record_bytes_max: usize,
    ) -> Self {
        let batch = RowBatch { width: columns.len(), ..RowBatch::default() };
        Self {
            options,
            columns,
            style,
            record_bytes_max,
            buffer: Vec::new(),
            searched: 0,
            quoted: false,
            escaped: false,
            line: 1,
            place: Place::Begin,
            batch,
            batch_bytes: 0,
            batch_line: 1,
            charset: None,
            binary_charset: None,
            cut: Vec::new(),
            broken: None,
        }
    }

    /// The same for data in another encoding than UTF-8, for text and for what is text in binary values.
    pub(crate) fn with_charset(mut self, text: Charset, binary: Charset) -> Self {
        self.charset = text.filter(|_| self.options.format != CopyFormat::Binary);
        self.binary_charset = binary;
        self
    }

    /// Takes a piece of the data. Call [`Self::next_batch`] until it gives none before the next.
    ///
    /// # Errors
    /// 54000 if a record is too long.
    pub(crate) fn feed(&mut self, data: &[u8]) -> Result<(), Error> {
        let binary = self.options.format == CopyFormat::Binary;
        if self.place == Place::End && (!binary || data.is_empty()) {
            return Ok(());
        }
        if self.buffer.len() > self.record_bytes_max {
            return Err(self.in_context(
                Error::limit(
                    SqlState::PROGRAM_LIMIT_EXCEEDED,
                    format!(
                        "a row of COPY data can have {} bytes at the most",
                        self.record_bytes_max
                    ),
                ),
                None,
            ));
        }
        match self.charset {
            None => self.buffer.extend_from_slice(data),
            Some(charset) if self.broken.is_none() => self.recode(charset, data),
            Some(_) => {}
        }
        Ok(())
    }

    /// Takes data in another encoding: nothing after what it can't read counts.
    fn recode(&mut self, charset: &Encoding, data: &[u8]) {
        self.cut.extend_from_slice(data);
        let (text, taken, error) = charset.read_whole_characters(&self.cut);
        self.buffer.extend_from_slice(text.as_bytes());
        self.cut.drain(..taken);
        self.broken = error;
    }

    /// A full batch, or with `last` whatever is left; `None` when more data is needed.
    ///
    /// # Errors
    /// 22P04 for a record of the wrong form; what reading a value found. With the line as context.
    pub(crate) fn next_batch(&mut self, last: bool) -> Result<Option<RowBatch>, Error> {
        let mut start = 0;
        let mut buffer = std::mem::take(&mut self.buffer);
        let result = if self.options.format == CopyFormat::Binary {
            self.read_tuples(&buffer, &mut start, last)
        } else {
            self.read_records(&buffer, &mut start, last)
        };
        buffer.drain(..start);
        self.buffer = buffer;
        self.searched -= start.min(self.searched);
        if self.buffer.is_empty() && self.buffer.capacity() > BATCH_BYTES_MAX {
            self.buffer = Vec::new();
        }
        result?;
        let full = self.is_full();
        if !full && last && self.broken.is_none() && !self.cut.is_empty() {
            self.broken = self.charset.and_then(|charset| charset.read(&self.cut).err());
        }
        if !full && let Some(error) = self.broken.take() {
            return Err(self.in_context(error, None));
        }
        if self.batch.rows > 0 && (full || last) {
            self.batch_bytes = 0;
            let empty = RowBatch { width: self.columns.len(), ..RowBatch::default() };
            return Ok(Some(std::mem::replace(&mut self.batch, empty)));
        }
        Ok(None)
    }

    /// The lines of the batch that was given last, for errors that storing it finds.
    pub(crate) fn batch_context(&self) -> String {
        let last = self.line.saturating_sub(1);
        let relation = &self.options.relation;
        if last <= self.batch_line {
            format!("COPY {relation}, line {last}")
        } else {
            format!("COPY {relation}, lines {} to {last}", self.batch_line)
        }
    }

    fn is_full(&self) -> bool {
        self.batch.rows >= BATCH_ROWS_MAX || self.batch_bytes >= BATCH_BYTES_MAX
    }

    fn read_records(&mut self, buffer: &[u8], start: &mut usize, last: bool) -> Result<(), Error> {
        while self.place != Place::End && !self.is_full() {
            let end = match self.record_end(buffer, *start) {
                Some(end) => end,
                // The last record may lack its line break.
                None if last && *start < buffer.len() => {
                    if self.quoted {
                        let error = bad_format("unterminated CSV quoted field");
                        return Err(self.in_context(error, None));
                    }
                    buffer.len()
                }
                None => break,
            };
            let record = &buffer[*start..end];
            *start = (end + 1).min(buffer.len());
            self.searched = *start;
            self.record(record.strip_suffix(b"\r").unwrap_or(record))?;
            self.line += record.split(|&byte| byte == b'\n').count() as u64;
        }
        Ok(())
    }

    /// As [`Self::read_records`], in binary.
    fn read_tuples(&mut self, buffer: &[u8], start: &mut usize, last: bool) -> Result<(), Error> {
        if self.place == Place::Begin {
            match binary::header(buffer).map_err(|error| self.in_context(error, None))? {
                Some(length) => *start = length,
                None if last => {
                    return Err(bad_format("COPY file signature not recognized"));
                }
                None => return Ok(()),
            }
            self.place = Place::Rows;
        }
        while self.place != Place::End && !self.is_full() && *start < buffer.len() {
            if self.batch.rows == 0 {
                self.batch_line = self.line;
            }
            let read = binary::tuple(&buffer[*start..], &self.columns, self.binary_charset);
            match read.map_err(|(error, column)| self.in_column(error, column.as_deref()))? {
                binary::Tuple::Row(values, length) => {
                    *start += length;
                    self.keep(values);
                    self.line += 1;
                }
                binary::Tuple::End(length) => {
                    *start += length;
                    self.place = Place::End;
                }
                binary::Tuple::Incomplete if last => {
                    return Err(self.in_context(bad_format("unexpected EOF in COPY data"), None));
                }
                binary::Tuple::Incomplete => return Ok(()),
            }
        }
        if self.place == Place::End && *start < buffer.len() {
            let error = bad_format("received copy data after EOF marker");
            return Err(self.in_context(error, None));
        }
        Ok(())
    }

    fn in_column(&self, error: Error, column: Option<&str>) -> Error {
        let (relation, line) = (&self.options.relation, self.line);
        error.with_context(match column {
            None => format!("COPY {relation}, line {line}"),
            Some(column) => format!("COPY {relation}, line {line}, column {column}"),
        })
    }

    fn keep(&mut self, values: Vec<Value>) {
        self.batch_bytes += values.iter().map(Value::size).sum::<usize>();
        self.batch.values.extend(values);
        self.batch.rows += 1;
    }

    /// Where the record that begins at `start` ends (its `\n`), if that is here.
    fn record_end(&mut self, buffer: &[u8], start: usize) -> Option<usize> {
        self.searched = self.searched.max(start);
        let csv = self.options.format == CopyFormat::Csv;
        let (quote, escape) = (self.options.quote, self.options.escape);
        while let Some(&byte) = buffer.get(self.searched) {
            if csv {
                if self.quoted && self.escaped {
                    self.escaped = false;
                } else if self.quoted && byte == escape && escape != quote {
                    self.escaped = true;
                } else if byte == quote {
                    self.quoted = !self.quoted;
                } else if byte == b'\n' && !self.quoted {
                    return Some(self.searched);
                }
            } else if self.escaped {
                self.escaped = false;
            } else if byte == b'\\' {
                self.escaped = true;
            } else if byte == b'\n' {
                return Some(self.searched);
            }
            self.searched += 1;
        }
        None
    }

    fn record(&mut self, record: &[u8]) -> Result<(), Error> {
        if record == b"\\." {
            self.place = Place::End;
            return Ok(());
        }
        if self.options.header != CopyHeader::None && self.line == 1 {
            return self.header(record).map_err(|error| self.in_context(error, None));
        }
        if self.batch.rows == 0 {
            self.batch_line = self.line;
        }
        let text = std::str::from_utf8(record).map_err(|error| {
            self.in_context(datum::invalid_utf8(record, error.valid_up_to()), None)
        })?;
        let fields = match self.options.format {
            CopyFormat::Csv => self.csv_fields(text),
            CopyFormat::Text | CopyFormat::Binary => self.text_fields(text),
        };
        let fields = fields.map_err(|error| self.in_record(error, text))?;
        if fields.len() < self.columns.len() {
            let missing = &self.columns[fields.len()].name;
            let error = bad_format(format!("missing data for column \"{missing}\""));
            return Err(self.in_record(error, text));
        }
        if fields.len() > self.columns.len() {
            return Err(self.in_record(bad_format("extra data after last expected column"), text));
        }
        let mut values = Vec::with_capacity(fields.len());
        for (field, column) in fields.into_iter().zip(self.columns.iter()) {
            values.push(match field {
                None => Value::Null,
                Some(field) => {
                    let read = match &column.form {
                        Some(form) => form.from_text(&field, &self.style),
                        None => datum::from_text(column.data_type, &field, &self.style),
                    };
                    read.map_err(|error| self.in_context(error, Some((&column.name, &field))))?
                }
            });
        }
        self.keep(values);
        Ok(())
    }

    /// The first line: with MATCH it must have the columns' names.
    fn header(&self, record: &[u8]) -> Result<(), Error> {
        if self.options.header != CopyHeader::Match {
            return Ok(());
        }
        let text = std::str::from_utf8(record)
            .map_err(|error| datum::invalid_utf8(record, error.valid_up_to()))?;
        let fields = match self.options.format {
            CopyFormat::Csv => self.csv_fields(text)?,
            CopyFormat::Text | CopyFormat::Binary => self.text_fields(text)?,
        };
        if fields.len() != self.columns.len() {
            let (got, expected) = (fields.len(), self.columns.len());
            return Err(bad_format(format!(
                "wrong number of fields in header line: got {got}, expected {expected}"
            )));
        }
        for (place, (field, column)) in fields.iter().zip(self.columns.iter()).enumerate() {
            let got = match field {
                Some(name) if *name == column.name => continue,
                Some(name) => format!("\"{name}\""),
                None => format!("null value (\"{}\")", self.options.null),
            };
            return Err(bad_format(format!(
                "column name mismatch in header line field {}: got {got}, expected \"{}\"",
                place + 1,
                column.name
            )));
        }
        Ok(())
    }

    /// Adds where in the data an error is.
    fn in_context(&self, error: Error, field: Option<(&str, &str)>) -> Error {
        let (relation, line) = (&self.options.relation, self.line);
        error.with_context(match field {
            None => format!("COPY {relation}, line {line}"),
            Some((column, value)) => {
                format!("COPY {relation}, line {line}, column {column}: \"{}\"", shown(value))
            }
        })
    }

    /// As [`Self::in_context`], of a record as a whole.
    fn in_record(&self, error: Error, record: &str) -> Error {
        let (relation, line) = (&self.options.relation, self.line);
        error.with_context(format!("COPY {relation}, line {line}: \"{}\"", shown(record)))
    }

    /// Fields of a record in text format; `None` is NULL.
    fn text_fields<'a>(&self, record: &'a str) -> Result<Vec<Option<Cow<'a, str>>>, Error> {
        let mut fields = Vec::with_capacity(self.columns.len());
        if record.is_empty() && self.columns.is_empty() {
            return Ok(fields);
        }
        let delimiter = self.options.delimiter;
        let bytes = record.as_bytes();
        let (mut start, mut at) = (0, 0);
        loop {
            let end_of_field = match bytes.get(at) {
                Some(b'\\') => {
                    at += 2;
                    continue;
                }
                Some(&byte) if byte == delimiter => true,
                Some(_) => false,
                None => true,
            };
            if end_of_field {
                let raw = &record[start..at.min(record.len())];
                fields.push(if raw == self.options.null { None } else { Some(unescape(raw)?) });
                if at >= bytes.len() {
                    return Ok(fields);
                }
                start = at + 1;
            } else if bytes[at] == b'\r' {
                return Err(bad_format("literal carriage return found in data")
                    .with_hint("Use \"\\r\" to represent carriage return."));
            }
            at += 1;
        }
    }

    /// Fields of a record in csv format; `None` is NULL.
    fn csv_fields<'a>(&self, record: &'a str) -> Result<Vec<Option<Cow<'a, str>>>, Error> {
        let (delimiter, quote, escape) =
            (self.options.delimiter, self.options.quote, self.options.escape);
        let mut fields = Vec::with_capacity(self.columns.len());
        if record.is_empty() && self.columns.is_empty() {
            return Ok(fields);
        }
        let bytes = record.as_bytes();
        let mut at = 0;
        loop {
            let start = at;
            let plain = bytes[at..].iter().take_while(|&&byte| byte != delimiter && byte != quote);
            at += plain.count();
            if bytes.get(at) == Some(&quote) {
                let mut field = bytes[start..at].to_vec();
                let mut inside = false;
                while let Some(&byte) = bytes.get(at) {
                    let next = bytes.get(at + 1).copied();
                    if inside && byte == escape && (next == Some(quote) || next == Some(escape)) {
                        field.extend(next);
                        at += 1;
                    } else if byte == quote {
                        inside = !inside;
                    } else if byte == delimiter && !inside {
                        break;
                    } else {
                        field.push(byte);
                    }
                    at += 1;
                }
                if inside {
                    return Err(bad_format("unterminated CSV quoted field"));
                }
                // Only ASCII bytes were left out, so that this is UTF-8 as the record is.
                let field = String::from_utf8_lossy(&field).into_owned();
                let null =
                    self.options.force.null.contains(&fields.len()) && field == self.options.null;
                fields.push((!null).then_some(Cow::Owned(field)));
            } else {
                let raw = &record[start..at];
                let kept =
                    raw != self.options.null || self.options.force.not_null.contains(&fields.len());
                fields.push(kept.then_some(Cow::Borrowed(raw)));
            }
            if at >= bytes.len() {
                return Ok(fields);
            }
            at += 1;
        }
    }
}

fn bad_format(message: impl Into<String>) -> Error {
    Error::user(SqlState::BAD_COPY_FILE_FORMAT, message)
}

/// Resolves the backslashes of the text format.
fn unescape(raw: &str) -> Result<Cow<'_, str>, Error> {
    if !raw.contains('\\') {
        return Ok(Cow::Borrowed(raw));
    }
    let bytes = raw.as_bytes();
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some(&escaped) = bytes.get(at) else {
            out.push(b'\\');
            break;
        };
        at += 1;
        match escaped {
            b'b' => out.push(0x08),
            b'f' => out.push(0x0c),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(0x0b),
            b'0'..=b'7' => {
                let digits =
                    bytes[at - 1..].iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte));
                let (length, code) = digits.fold((0, 0_u32), |(length, code), digit| {
                    (length + 1, code * 8 + u32::from(digit - b'0'))
                });
                out.push(code as u8);
                at += length - 1;
            }
            b'x' if bytes.get(at).is_some_and(u8::is_ascii_hexdigit) => {
                let digits =
                    bytes[at..].iter().take(2).map_while(|&byte| (byte as char).to_digit(16));
                let (length, code) = digits
                    .fold((0, 0_u32), |(length, code), digit| (length + 1, code * 16 + digit));
                out.push(code as u8);
                at += length;
            }
            other => out.push(other),
        }
    }
    match String::from_utf8(out) {
        Ok(text) => Ok(Cow::Owned(text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            Err(datum::invalid_utf8(error.as_bytes(), at))
        }
    }
}

/// What an error shows of a value or a record.
fn shown(text: &str) -> Cow<'_, str> {
    /// How much of it, in bytes.
    const SHOWN_BYTES_MAX: usize = 100;
    if text.len() <= SHOWN_BYTES_MAX {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}...", &text[..text.floor_char_boundary(SHOWN_BYTES_MAX)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::pg_type::PgType;

    fn columns(types: &[PgType]) -> Arc<[OutputColumn]> {
        types
            .iter()
            .enumerate()
            .map(|(at, &data_type)| OutputColumn {
                name: format!("c{at}"),
                data_type,
                form: None,
                table_oid: 0,
                attribute_number: 0,
            })
            .collect()
    }

    fn options(format: CopyFormat) -> CopyOptions {
        let csv = format == CopyFormat::Csv;
        CopyOptions {
            format,
            delimiter: if csv { b',' } else { b'\t' },
            null: if csv { String::new() } else { "\\N".to_owned() },
            header: CopyHeader::None,
            force: crate::sql::ForcedColumns::default(),
            quote: b'"',
            escape: b'"',
            encoding: None,
            relation: "t".to_owned(),
        }
    }

    /// Reads data in pieces of `piece` bytes.
    fn read(
        options: &CopyOptions,
        types: &[PgType],
        data: &[u8],
        piece: usize,
    ) -> Result<Vec<Vec<Value>>, Error> {
        let mut reader = Reader::new(options.clone(), columns(types), Style::default(), 1 << 20);
        let mut rows = Vec::new();
        let mut take = |batch: RowBatch| rows.extend(batch.iter().map(<[Value]>::to_vec));
        for piece in data.chunks(piece) {
            reader.feed(piece)?;
            while let Some(batch) = reader.next_batch(false)? {
                take(batch);
            }
        }
        while let Some(batch) = reader.next_batch(true)? {
            take(batch);
        }
        Ok(rows)
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn text_format_is_read_in_any_pieces() {
        let data = b"1\ta\\tb\\\\c\n\\N\t\\N\n3\t\\x41\\101\\\n\\.x\r\n4\t\xc3\xa9\n\\.\nnothing of this\n";
        let expected = vec![
            vec![Value::Integer(1), text("a\tb\\c")],
            vec![Value::Null, Value::Null],
            vec![Value::Integer(3), text("AA\n.x")],
            vec![Value::Integer(4), text("é")],
        ];
        for piece in [1, 2, 3, 7, 100] {
            let rows = read(&options(CopyFormat::Text), &[PgType::INT4, PgType::TEXT], data, piece);
            assert_eq!(rows.unwrap(), expected, "{piece}");
        }
    }

    #[test]
    fn csv_format_is_read_in_any_pieces() {
        let data = b"id,name\n1,\"a \"\"b\"\"\nc\"\n2,\n3,\"\"\n4,x\"y,z\"w\r\n5,last";
        let expected = vec![
            vec![Value::Integer(1), text("a \"b\"\nc")],
            vec![Value::Integer(2), Value::Null],
            vec![Value::Integer(3), text("")],
            vec![Value::Integer(4), text("xy,zw")],
            vec![Value::Integer(5), text("last")],
        ];
        let options = CopyOptions { header: CopyHeader::Line, ..options(CopyFormat::Csv) };
        for piece in [1, 2, 3, 7, 100] {
            let rows = read(&options, &[PgType::INT4, PgType::TEXT], data, piece);
            assert_eq!(rows.unwrap(), expected, "{piece}");
        }
        let own = CopyOptions {
            header: CopyHeader::None,
            quote: b'\'',
            escape: b'\\',
            ..options.clone()
        };
        let rows = read(&own, &[PgType::INT4, PgType::TEXT], b"1,'it\\'s \\\\ x'\n", 3);
        assert_eq!(rows.unwrap(), [vec![Value::Integer(1), text("it's \\ x")]]);
    }

    #[test]
    fn errors_say_where_they_are() {
        let fail = |format, data: &[u8]| {
            let error = read(&options(format), &[PgType::INT4, PgType::TEXT], data, 5).unwrap_err();
            let fields = error.fields();
            format!(
                "{} {} [{}]",
                fields.state.as_str(),
                fields.message,
                fields.context.as_deref().unwrap_or("")
            )
        };
        assert_eq!(
            fail(CopyFormat::Text, b"1\ta\nx\tb\n"),
            "22P02 invalid input syntax for type integer: \"x\" [COPY t, line 2, column c0: \"x\"]"
        );
        assert_eq!(
            fail(CopyFormat::Text, b"1\n"),
            "22P04 missing data for column \"c1\" [COPY t, line 1: \"1\"]"
        );
        assert_eq!(
            fail(CopyFormat::Text, b"1\ta\tb\n"),
            "22P04 extra data after last expected column [COPY t, line 1: \"1\ta\tb\"]"
        );
        assert_eq!(
            fail(CopyFormat::Csv, b"1,\"a\n"),
            "22P04 unterminated CSV quoted field [COPY t, line 1]"
        );
        assert_eq!(
            fail(CopyFormat::Text, b"1\t\xff\n"),
            "22021 invalid byte sequence for encoding \"UTF8\": 0xff [COPY t, line 1]"
        );
    }

    #[test]
    fn rows_come_in_batches_and_records_have_a_limit() {
        let mut reader =
            Reader::new(options(CopyFormat::Text), columns(&[PgType::INT4]), Style::default(), 64);
        let data = "7\n".repeat(BATCH_ROWS_MAX + 1);
        reader.feed(data.as_bytes()).unwrap();
        assert_eq!(reader.next_batch(false).unwrap().unwrap().rows, BATCH_ROWS_MAX);
        assert_eq!(reader.batch_context(), "COPY t, lines 1 to 1000");
        assert_eq!(reader.next_batch(false).unwrap(), None);
        assert_eq!(reader.next_batch(true).unwrap().unwrap().rows, 1);
        assert_eq!(reader.batch_context(), "COPY t, line 1001");
        reader.feed(&[b'1'; 65]).unwrap();
        assert_eq!(reader.next_batch(false).unwrap(), None);
        assert_eq!(reader.feed(b"1").unwrap_err().state(), SqlState::PROGRAM_LIMIT_EXCEEDED);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(data: Vec<u8>, csv: bool, piece in 1..9_usize) {
            let format = if csv { CopyFormat::Csv } else { CopyFormat::Text };
            drop(read(&options(format), &[PgType::TEXT, PgType::TEXT], &data, piece));
        }
    }
}
