//! Arrays, int2vector and oidvector. Stored as a JSON array (nested for several dimensions) of the
//! elements' stored forms; bytea elements as `\x` hex, json elements as strings.
//!
//! Lower bounds are always 1 (0 for the two vector types): others are refused.

use bytes::{Buf as _, BufMut as _, BytesMut};

use crate::datum::json::{self, Json};
use crate::datum::stored::{bad_binary, corrupted, is_space, short_binary, text};
use crate::datum::{Style, float, from_binary, from_text, range, to_binary, to_text};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType, builtin};
use crate::model::value::Value;
use crate::pgdata;

/// `MAXDIM`
const DIMENSIONS_MAX: usize = 6;

/// An array in memory. Invariant: `elements` is as long as the product of `lengths`, and empty if
/// there is no dimension.
#[derive(Debug, Default, PartialEq)]
pub struct Array {
    /// Elements in each dimension.
    pub lengths: Vec<usize>,
    /// In row-major order; `Value::Null` for NULL.
    pub elements: Vec<Value>,
}

/// The type that values of an array type consist of, if it is one that stored values can have.
pub fn element_of(oid: Oid) -> Option<Oid> {
    if let Some(known) = builtin(oid) {
        return Some(known.element_oid).filter(|element| *element != 0);
    }
    let known = pgdata::type_by_oid(oid).filter(|known| known.is_array);
    known.map(|known| known.element).or_else(|| range::element_of(oid))
}

/// The type of an array's elements; an array's modifier is its elements'.
fn element_type(array_type: PgType, element: u32) -> PgType {
    PgType { oid: element, modifier: array_type.modifier }
}

fn is_vector(array_type: PgType) -> bool {
    matches!(array_type, PgType::INT2VECTOR | PgType::OIDVECTOR)
}

fn too_many_dimensions(count: usize) -> Error {
    Error::limit(
        SqlState::PROGRAM_LIMIT_EXCEEDED,
        format!(
            "number of array dimensions ({count}) exceeds the maximum allowed ({DIMENSIONS_MAX})"
        ),
    )
}

/// Reads an array's text form; `element` is the element type's OID.
pub(crate) fn read_text(
    array_type: PgType,
    element: u32,
    input: &str,
    style: &Style,
) -> Result<Value, Error> {
    let element = element_type(array_type, element);
    let array = if is_vector(array_type) {
        let parts = input.split(is_space).filter(|part| !part.is_empty());
        let elements: Vec<Value> =
            parts.map(|part| from_text(element, part, style)).collect::<Result<_, _>>()?;
        Array { lengths: vec![elements.len()], elements }
    } else {
        return read_elements(element, input, &mut |item| from_text(element, item, style));
    };
    Ok(Value::Text(store(element, &array)))
}

/// Reads an array's text form; `read` reads an element, whose stored form is that of `element`.
pub(crate) fn read_elements(
    element: PgType,
    input: &str,
    read: &mut ReadElement<'_>,
) -> Result<Value, Error> {
    let delimiter = delimiter(element);
    let mut literal =
        Literal { input, delimiter, at: 0, depth: 0, array: Array::default(), counts: vec![] };
    literal.read(read)?;
    Ok(Value::Text(store(element, &literal.array)))
}

/// What stands between the elements of an array (`pg_type.typdelim`): boxes have commas in them.
fn delimiter(element: PgType) -> u8 {
    if element.oid == 603 { b';' } else { b',' }
}

/// An array literal being read.
struct Literal<'a> {
    input: &'a str,
    delimiter: u8,
    at: usize,
    depth: usize,
    array: Array,
    /// Items read so far in each open brace.
    counts: Vec<usize>,
}

pub(crate) type ReadElement<'a> = dyn FnMut(&str) -> Result<Value, Error> + 'a;

impl Literal<'_> {
    fn malformed(&self, detail: &str) -> Error {
        Error::user(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("malformed array literal: \"{}\"", self.input),
        )
        .with_detail(detail)
    }

    fn peek(&self) -> Option<u8> {
        self.input.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| is_space(byte as char)) {
            self.at += 1;
        }
    }

    fn read(&mut self, element: &mut ReadElement<'_>) -> Result<(), Error> {
        self.blanks();
        if self.peek() == Some(b'[') {
            self.bounds()?;
        }
        if self.peek() != Some(b'{') {
            return Err(
                self.malformed("Array value must start with \"{\" or dimension information.")
            );
        }
        self.brace(element)?;
        self.blanks();
        if self.at < self.input.len() {
            return Err(self.malformed("Junk after closing right brace."));
        }
        if self.array.elements.is_empty() {
            self.array.lengths.clear();
        }
        Ok(())
    }

    /// `[1:3][1:2]=`: only lower bounds of 1 are kept, so only they are taken.
    fn bounds(&mut self) -> Result<(), Error> {
        let Some(end) = self.input[self.at..].find('=') else {
            return Err(self.malformed("Missing assignment operator."));
        };
        let bounds = &self.input[self.at..self.at + end];
        for bound in bounds.split_terminator(']') {
            let inner = bound.trim_matches(is_space).strip_prefix('[');
            let lower =
                inner.and_then(|inner| inner.split_once(':')).map_or("1", |(lower, _)| lower);
            match lower.trim_matches(is_space).parse::<i32>() {
                Ok(1) => {}
                Ok(_) => {
                    return Err(Error::refused(
                        "array lower bounds other than 1 are not supported",
                    ));
                }
                Err(_) => return Err(self.malformed("Missing array dimension value.")),
            }
        }
        self.at += end + 1;
        self.blanks();
        Ok(())
    }

    fn unmatched(&self) -> Error {
        self.malformed("Multidimensional arrays must have sub-arrays with matching dimensions.")
    }

    /// One brace and what is in it.
    fn brace(&mut self, element: &mut ReadElement<'_>) -> Result<(), Error> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DIMENSIONS_MAX {
            return Err(too_many_dimensions(self.depth));
        }
        let level = self.depth - 1;
        let mut count = 0;
        self.blanks();
        if self.peek() == Some(b'}') && (level == 0 || self.array.lengths.len() <= level) {
            self.at += 1;
        } else {
            loop {
                self.blanks();
                self.item(level, element)?;
                count += 1;
                self.blanks();
                match self.peek() {
                    Some(byte) if byte == self.delimiter => self.at += 1,
                    Some(b'}') => {
                        self.at += 1;
                        break;
                    }
                    None => return Err(self.malformed("Unexpected end of input.")),
                    Some(b'{') => return Err(self.malformed("Unexpected \"{\" character.")),
                    Some(_) => return Err(self.malformed("Unexpected array element.")),
                }
            }
        }
        self.depth -= 1;
        self.counts.resize(self.counts.len().max(level + 1), usize::MAX);
        match self.counts[level] {
            usize::MAX => {
                self.counts[level] = count;
                self.array.lengths.resize(self.counts.len(), 0);
                self.array.lengths[level] = count;
                Ok(())
            }
            known if known == count => Ok(()),
            _ => Err(self.unmatched()),
        }
    }

    fn item(&mut self, level: usize, element: &mut ReadElement<'_>) -> Result<(), Error> {
        let innermost = self.counts.len();
        match self.peek() {
            None => Err(self.malformed("Unexpected end of input.")),
            Some(b'{') => {
                // A brace where a brother was an element.
                if innermost == 0 && !self.array.elements.is_empty() && self.at_element_level(level)
                {
                    return Err(self.malformed("Unexpected \"{\" character."));
                }
                self.brace(element)
            }
            Some(byte) if byte == b'}' || byte == self.delimiter => {
                Err(self.malformed(&format!("Unexpected \"{}\" character.", byte as char)))
            }
            Some(_) => {
                if innermost > level + 1 {
                    return Err(self.unmatched());
                }
                let value = self.element(element)?;
                self.array.elements.push(value);
                Ok(())
            }
        }
    }

    /// Whether elements stand directly at this level.
    fn at_element_level(&self, level: usize) -> bool {
        self.counts.len() <= level
    }

    fn element(&mut self, element: &mut ReadElement<'_>) -> Result<Value, Error> {
        if self.peek() == Some(b'"') {
            return self.quoted(element);
        }
        let mut item = String::new();
        // Blanks at the end don't count, unless they were escaped.
        let mut kept = 0;
        let mut escaped = false;
        let mut characters = self.input[self.at..].char_indices();
        let mut end = self.input.len();
        while let Some((offset, c)) = characters.next() {
            match c {
                '\\' => {
                    let Some((_, next)) = characters.next() else {
                        return Err(self.malformed("Unexpected end of input."));
                    };
                    item.push(next);
                    kept = item.len();
                    escaped = true;
                }
                _ if c == '}' || c == char::from(self.delimiter) => {
                    end = self.at + offset;
                    break;
                }
                '{' => return Err(self.malformed("Unexpected \"{\" character.")),
                '"' => return Err(self.malformed("Unexpected array element.")),
                _ => {
                    item.push(c);
                    if !is_space(c) {
                        kept = item.len();
                    }
                }
            }
        }
        self.at = end;
        item.truncate(kept);
        if !escaped && item.eq_ignore_ascii_case("null") {
            return Ok(Value::Null);
        }
        element(&item)
    }

    fn quoted(&mut self, element: &mut ReadElement<'_>) -> Result<Value, Error> {
        let mut item = String::new();
        let mut characters = self.input[self.at + 1..].char_indices();
        while let Some((offset, c)) = characters.next() {
            match c {
                '"' => {
                    self.at += offset + 2;
                    return element(&item);
                }
                '\\' => match characters.next() {
                    Some((_, next)) => item.push(next),
                    None => break,
                },
                _ => item.push(c),
            }
        }
        Err(self.malformed("Unexpected end of input."))
    }
}

/// The stored form of an array.
pub fn store(element: PgType, array: &Array) -> String {
    let mut out = String::with_capacity(2 + array.elements.len() * 4);
    let mut elements = array.elements.iter();
    store_level(element, &array.lengths, &mut elements, &mut out);
    out
}

fn store_level(
    element: PgType,
    lengths: &[usize],
    elements: &mut std::slice::Iter<'_, Value>,
    out: &mut String,
) {
    out.push('[');
    let (length, inner) =
        lengths.split_first().map_or((0, &[][..]), |(first, rest)| (*first, rest));
    for at in 0..length {
        if at > 0 {
            out.push(',');
        }
        if inner.is_empty() {
            store_element(element, elements.next().unwrap_or(&Value::Null), out);
        } else {
            store_level(element, inner, elements, out);
        }
    }
    out.push(']');
}

fn store_element(element: PgType, value: &Value, out: &mut String) {
    use std::fmt::Write as _;
    match value {
        Value::Null => out.push_str("null"),
        Value::Integer(number) if element == PgType::BOOL => {
            out.push_str(if *number != 0 { "true" } else { "false" });
        }
        Value::Integer(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Real(number) if number.is_finite() => {
            let mut digits = BytesMut::with_capacity(24);
            float::put(*number, float::Width::Double, 1, &mut digits);
            let digits = String::from_utf8_lossy(&digits);
            out.push_str(&digits);
            // SQLite's JSON functions tell integers from reals by the point.
            if !digits.contains(['.', 'e']) {
                out.push_str(".0");
            }
        }
        Value::Real(number) => {
            out.push_str(if *number > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
        }
        Value::Text(text) => json::write_string(text, out),
        Value::Blob(bytes) => {
            out.push_str("\"\\\\x");
            for byte in bytes {
                let _ = write!(out, "{byte:02x}");
            }
            out.push('"');
        }
    }
}

/// Reads an array's stored form.
///
/// # Errors
/// XX001 if it isn't one.
pub fn load(element: PgType, stored: &str) -> Result<Array, Error> {
    let misfit = || corrupted(element);
    let Ok(Json::Array(items)) = json::parse(stored, false) else { return Err(misfit()) };
    let mut array = Array::default();
    if !items.is_empty() {
        load_level(element, items, 0, &mut array).ok_or_else(misfit)?;
        if array.lengths.iter().product::<usize>() != array.elements.len() {
            return Err(misfit());
        }
    }
    Ok(array)
}

fn load_level(
    element: PgType,
    items: Vec<Json<'_>>,
    level: usize,
    array: &mut Array,
) -> Option<()> {
    match array.lengths.get(level) {
        None if array.lengths.len() == level && level < DIMENSIONS_MAX => {
            array.lengths.push(items.len());
        }
        Some(&length) if length == items.len() => {}
        _ => return None,
    }
    for item in items {
        match item {
            Json::Array(inner) => load_level(element, inner, level + 1, array)?,
            item => {
                if array.lengths.len() != level + 1 {
                    return None;
                }
                array.elements.push(load_element(element, item)?);
            }
        }
    }
    Some(())
}

fn load_element(element: PgType, item: Json<'_>) -> Option<Value> {
    let is_float = matches!(element.oid, 700 | 701);
    Some(match item {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Integer(i64::from(value)),
        Json::Number(digits) if is_float => Value::Real(digits.parse().ok()?),
        Json::Number(digits) => match digits.parse() {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::Text(digits.to_owned()),
        },
        Json::String(text) if is_float => match &*text {
            "Infinity" => Value::Real(f64::INFINITY),
            "-Infinity" => Value::Real(f64::NEG_INFINITY),
            _ => Value::Text(text.into_owned()),
        },
        Json::String(text) if element.oid == 17 => {
            crate::datum::string::bytea_from_text(&text).ok()?
        }
        Json::String(text) => Value::Text(text.into_owned()),
        Json::Array(_) | Json::Object(_) => return None,
    })
}

/// Writes an array's text form.
pub(crate) fn put_text(
    array_type: PgType,
    element: u32,
    value: &Value,
    style: &Style,
    out: &mut BytesMut,
) -> Result<(), Error> {
    let element = element_type(array_type, element);
    let array = load(element, text(array_type, value)?)?;
    if is_vector(array_type) {
        for (at, item) in array.elements.iter().enumerate() {
            if at > 0 {
                out.put_u8(b' ');
            }
            to_text(element, item, style, out)?;
        }
        return Ok(());
    }
    if array.elements.is_empty() {
        out.put_slice(b"{}");
        return Ok(());
    }
    // Braces open and close as the row-major index passes a multiple of each inner size.
    let mut sizes: Vec<usize> = array
        .lengths
        .iter()
        .rev()
        .scan(1, |size, length| {
            *size *= length;
            Some(*size)
        })
        .collect();
    sizes.reverse();
    let mut shown = BytesMut::new();
    for (at, item) in array.elements.iter().enumerate() {
        if at > 0 {
            out.put_u8(delimiter(element));
        }
        out.put_bytes(b'{', sizes.iter().filter(|&&size| at % size == 0).count());
        put_element(element, item, style, &mut shown, out)?;
        out.put_bytes(b'}', sizes.iter().filter(|&&size| (at + 1) % size == 0).count());
    }
    Ok(())
}

fn put_element(
    element: PgType,
    item: &Value,
    style: &Style,
    shown: &mut BytesMut,
    out: &mut BytesMut,
) -> Result<(), Error> {
    if *item == Value::Null {
        out.put_slice(b"NULL");
        return Ok(());
    }
    shown.clear();
    to_text(element, item, style, shown)?;
    let delimiter = delimiter(element);
    let special = |&byte: &u8| {
        matches!(byte, b'"' | b'\\' | b'{' | b'}') || byte == delimiter || is_space(byte as char)
    };
    if !shown.is_empty() && !shown.eq_ignore_ascii_case(b"null") && !shown.iter().any(special) {
        out.put_slice(shown);
        return Ok(());
    }
    out.put_u8(b'"');
    for &byte in shown.iter() {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(byte);
    }
    out.put_u8(b'"');
    Ok(())
}

/// What an array's binary form says of its elements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    /// The OID of their type.
    pub(crate) element: Oid,
    /// The lower bound.
    pub(crate) lower: i32,
}

impl Header {
    fn of(array_type: PgType, element: PgType) -> Self {
        Self { element: element.oid, lower: i32::from(!is_vector(array_type)) }
    }
}

/// Reads an array's binary form (`array_recv`).
pub(crate) fn read_binary(array_type: PgType, element: u32, bytes: &[u8]) -> Result<Value, Error> {
    let element = element_type(array_type, element);
    let header = Header::of(array_type, element);
    read_binary_elements(element, header, bytes, |item| from_binary(element, item))
}

/// Reads an array's binary form; `read` reads an element, whose stored form is that of `element`.
pub(crate) fn read_binary_elements(
    element: PgType,
    header: Header,
    bytes: &[u8],
    read: impl Fn(&[u8]) -> Result<Value, Error>,
) -> Result<Value, Error> {
    let mut rest = bytes;
    let dimensions = rest.try_get_i32().map_err(|_| short_binary())?;
    let dimensions = match usize::try_from(dimensions) {
        Ok(count) if count <= DIMENSIONS_MAX => count,
        Ok(count) => return Err(too_many_dimensions(count)),
        Err(_) => return Err(bad_binary(format!("invalid number of dimensions: {dimensions}"))),
    };
    let flags = rest.try_get_i32().map_err(|_| short_binary())?;
    if !matches!(flags, 0 | 1) {
        return Err(bad_binary("invalid array flags"));
    }
    if rest.try_get_u32().map_err(|_| short_binary())? != header.element {
        return Err(Error::user(SqlState::DATATYPE_MISMATCH, "wrong element type"));
    }
    let mut array = Array::default();
    let mut count = usize::from(dimensions > 0);
    for _ in 0..dimensions {
        let length = rest.try_get_i32().map_err(|_| short_binary())?;
        let bound = rest.try_get_i32().map_err(|_| short_binary())?;
        let length = usize::try_from(length).map_err(|_| bad_binary("invalid array length"))?;
        if bound != header.lower && length > 0 {
            return Err(Error::refused("array lower bounds other than 1 are not supported"));
        }
        array.lengths.push(length);
        count = count.saturating_mul(length);
    }
    // Each element takes four bytes at least: nothing is set aside for more than can come.
    if count > rest.len() / 4 {
        return Err(short_binary());
    }
    for _ in 0..count {
        let length = rest.try_get_i32().map_err(|_| short_binary())?;
        let item = match usize::try_from(length) {
            Ok(length) => {
                let (item, tail) = rest.split_at_checked(length).ok_or_else(short_binary)?;
                rest = tail;
                read(item)?
            }
            Err(_) if length == -1 => Value::Null,
            Err(_) => return Err(bad_binary("insufficient data left in message")),
        };
        array.elements.push(item);
    }
    if !rest.is_empty() {
        return Err(bad_binary("incorrect binary data format"));
    }
    if array.elements.is_empty() {
        array.lengths.clear();
    }
    Ok(Value::Text(store(element, &array)))
}

/// Writes an array's binary form (`array_send`).
pub(crate) fn put_binary(
    array_type: PgType,
    element: u32,
    value: &Value,
    out: &mut BytesMut,
) -> Result<(), Error> {
    let element = element_type(array_type, element);
    put_binary_elements(element, Header::of(array_type, element), value, out)
}

/// Writes an array's binary form; the elements' stored and binary forms are those of `element`.
pub(crate) fn put_binary_elements(
    element: PgType,
    header: Header,
    value: &Value,
    out: &mut BytesMut,
) -> Result<(), Error> {
    let array = load(element, text(element, value)?)?;
    let mut lengths = array.lengths.clone();
    // The two vector types have a dimension even if it is empty.
    if header.lower == 0 && lengths.is_empty() {
        lengths.push(0);
    }
    out.put_i32(lengths.len() as i32);
    out.put_i32(i32::from(array.elements.contains(&Value::Null)));
    out.put_u32(header.element);
    for length in lengths {
        out.put_i32(length as i32);
        out.put_i32(header.lower);
    }
    for item in &array.elements {
        if *item == Value::Null {
            out.put_i32(-1);
            continue;
        }
        let start = out.len();
        out.put_i32(0);
        to_binary(element, item, out)?;
        let length = (out.len() - start - 4) as i32;
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}
