//! json and jsonb: checking a text, and the normal form of jsonb.
//!
//! jsonb's normal form is what PostgreSQL shows: keys by length, then bytes, the last of equal ones
//! kept; a blank after `:` and `,`; numbers without exponent, their scale kept.

use std::borrow::Cow;

use crate::model::error::{Class, Error, SqlState};

/// Nesting at the most, so that a hostile text can't exhaust the stack.
const DEPTH_MAX: usize = 1000;

/// A parsed JSON value. Numbers keep their text.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    /// In the order of the text; keys may repeat.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// Parses a JSON text. `strict` refuses what jsonb can't hold: `\u0000` and lone surrogates.
///
/// # Errors
/// 22P02 with PostgreSQL's DETAIL; 22P05 for `\u0000`.
pub fn parse(text: &str, strict: bool) -> Result<Json<'_>, Error> {
    let mut parser = Parser { text, at: 0, strict };
    let value = parser.value(0)?;
    parser.blanks();
    if parser.at < text.len() {
        return Err(parser.unexpected("end of input"));
    }
    Ok(value)
}

/// The outermost level of a JSON text, what is inside left as text.
#[derive(Debug, Clone, PartialEq)]
pub enum Shallow<'a> {
    Object(Vec<(Cow<'a, str>, &'a str)>),
    Array(Vec<&'a str>),
    Scalar(Json<'a>),
}

/// Reads the outermost level of a JSON text that is known to be valid.
///
/// # Errors
/// As [`parse`].
pub fn shallow(text: &str) -> Result<Shallow<'_>, Error> {
    let mut parser = Parser { text, at: 0, strict: false };
    parser.blanks();
    match parser.peek() {
        Some(b'{') => parser.shallow_object().map(Shallow::Object),
        Some(b'[') => parser.shallow_array().map(Shallow::Array),
        _ => parser.value(0).map(Shallow::Scalar),
    }
}

/// A value in jsonb's normal form.
///
/// # Errors
/// 22003 for a number beyond numeric.
pub fn render(value: Json<'_>) -> Result<String, Error> {
    let mut out = String::new();
    write_normal(value, &mut out)?;
    Ok(out)
}

/// Checks a json text; it is kept as it is.
pub(crate) fn check(text: &str) -> Result<(), Error> {
    parse(text, false).map(drop)
}

/// The normal form of a jsonb text.
///
/// # Errors
/// As [`parse`]; 22003 for a number beyond numeric.
pub fn normalize(text: &str) -> Result<String, Error> {
    let value = parse(text, true)?;
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    write_normal(value, &mut out)?;
    Ok(out)
}

fn write_normal(value: Json<'_>, out: &mut String) -> Result<(), Error> {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Json::Number(digits) => write_number(digits, out)?,
        Json::String(text) => write_string(&text, out),
        Json::Array(items) => {
            out.push('[');
            for (at, item) in items.into_iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write_normal(item, out)?;
            }
            out.push(']');
        }
        Json::Object(mut members) => {
            // Stable, and the last of equal keys counts.
            members.reverse();
            members.sort_by(|(a, _), (b, _)| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
            members.dedup_by(|later, first| later.0 == first.0);
            out.push('{');
            for (at, (key, item)) in members.into_iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write_string(&key, out);
                out.push_str(": ");
                write_normal(item, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// Digits that a numeric has before the point and after it, at the most.
const WHOLE_DIGITS_MAX: i64 = 131_072;
const SCALE_MAX: i64 = 16_383;

/// A number as a numeric shows it: no exponent, its scale kept.
fn write_number(text: &str, out: &mut String) -> Result<(), Error> {
    let overflow =
        || Error::user(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format");
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let exponent: i64 = exponent.parse().map_err(|_| overflow())?;
    if exponent.abs() > 2 * WHOLE_DIGITS_MAX {
        return Err(overflow());
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let scale = (fraction.len() as i64 - exponent).max(0);
    let point = whole.len() as i64 + exponent;
    let significant = digits.trim_start_matches('0');
    let whole_digits = significant.len() as i64 - fraction.len() as i64 + exponent;
    if !significant.is_empty() && (whole_digits > WHOLE_DIGITS_MAX || scale > SCALE_MAX) {
        return Err(overflow());
    }
    let zero = significant.is_empty();
    if negative && !zero {
        out.push('-');
    }
    let digit = |at: i64| {
        usize::try_from(at).ok().and_then(|at| digits.as_bytes().get(at)).copied().unwrap_or(b'0')
            as char
    };
    let first = (0..point).find(|&at| digit(at) != '0').unwrap_or(point - 1).max(0);
    if point <= 0 || zero {
        out.push('0');
    } else {
        out.extend((first..point).map(digit));
    }
    if scale > 0 {
        out.push('.');
        out.extend((point..point + scale.min(SCALE_MAX)).map(digit));
    }
    Ok(())
}

/// Writes a JSON string, escaped as PostgreSQL does.
pub(crate) fn write_string(text: &str, out: &mut String) {
    use std::fmt::Write as _;
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            _ => {
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// 22P02 with PostgreSQL's DETAIL.
fn syntax(detail: impl Into<String>) -> Error {
    Error::user(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type json")
        .with_detail(detail)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    strict: bool,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The token at this place, as error messages show it.
    fn token(&self) -> &'a str {
        let rest = &self.text[self.at..];
        let part = |c: char| {
            c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '.') || !c.is_ascii()
        };
        let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
        let one = rest.chars().next().map_or(0, char::len_utf8);
        &rest[..end.max(one)]
    }

    /// 22P02 for what ends at `end`, with the line that it stands in as its context: 50 bytes before the end
    /// at the most.
    fn failed(&self, detail: impl Into<String>, end: usize) -> Error {
        let before = &self.text[..end];
        let line = 1 + before.matches('\n').count();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let mut start = line_start;
        while end - start >= 50 {
            start += self.text[start..].chars().next().map_or(1, char::len_utf8);
        }
        if start - line_start <= 3 {
            start = line_start;
        }
        let omitted = if start > line_start { "..." } else { "" };
        let more = match self.text.as_bytes().get(end) {
            None | Some(b'\n' | b'\r') => "",
            Some(_) => "...",
        };
        let shown = &self.text[start..end];
        syntax(detail).with_context(format!("JSON data, line {line}: {omitted}{shown}{more}"))
    }

    fn unexpected(&self, wanted: &str) -> Error {
        if self.at >= self.text.len() {
            return self.failed("The input string ended unexpectedly.", self.text.len());
        }
        let token = self.token();
        let known = matches!(token, "true" | "false" | "null")
            || token.len() == 1 && b"{}[],:\"".contains(&token.as_bytes()[0])
            || token.starts_with(|c: char| c.is_ascii_digit());
        let detail = if known {
            format!("Expected {wanted}, but found \"{token}\".")
        } else {
            format!("Token \"{token}\" is invalid.")
        };
        self.failed(detail, self.at + token.len())
    }

    fn value(&mut self, depth: usize) -> Result<Json<'a>, Error> {
        if depth > DEPTH_MAX {
            return Err(Error::new(
                Class::Limit,
                SqlState(*b"54001"),
                "stack depth limit exceeded",
            ));
        }
        self.blanks();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                let token = if self.at < self.text.len() { self.token() } else { "" };
                let value = match token {
                    "null" => Json::Null,
                    "true" => Json::Bool(true),
                    "false" => Json::Bool(false),
                    _ => return Err(self.unexpected("JSON value")),
                };
                self.at += token.len();
                Ok(value)
            }
        }
    }

    fn number(&mut self) -> Result<Json<'a>, Error> {
        let token = self.token();
        let unsigned = token.strip_prefix('-').unwrap_or(token);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (unsigned, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let exponent = exponent.map(|text| text.strip_prefix(['-', '+']).unwrap_or(text));
        let valid = digits(whole)
            && (whole == "0" || !whole.starts_with('0'))
            && fraction.is_none_or(digits)
            && exponent.is_none_or(digits);
        if !valid {
            let detail = format!("Token \"{token}\" is invalid.");
            return Err(self.failed(detail, self.at + token.len()));
        }
        self.at += token.len();
        Ok(Json::Number(token))
    }

    fn array(&mut self, depth: usize) -> Result<Json<'a>, Error> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Json::Array(items));
                }
                _ => return Err(self.unexpected("\",\" or \"]\"")),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>, Error> {
        self.at += 1;
        let mut members = Vec::new();
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(members));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                let wanted = if members.is_empty() { "string or \"}\"" } else { "string" };
                return Err(self.unexpected(wanted));
            }
            let key = self.string()?;
            self.blanks();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("\":\""));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            members.push((key, value));
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Json::Object(members));
                }
                _ => return Err(self.unexpected("\",\" or \"}\"")),
            }
        }
    }

    /// A value inside, as its text.
    fn raw_value(&mut self) -> Result<&'a str, Error> {
        self.blanks();
        let start = self.at;
        self.value(1)?;
        Ok(&self.text[start..self.at])
    }

    fn shallow_array(&mut self) -> Result<Vec<&'a str>, Error> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                Some(b']') => return Ok(items),
                Some(b',') => self.at += 1,
                _ => items.push(self.raw_value()?),
            }
        }
    }

    fn shallow_object(&mut self) -> Result<Vec<(Cow<'a, str>, &'a str)>, Error> {
        self.at += 1;
        let mut members = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                Some(b'}') => return Ok(members),
                Some(b',' | b':') => self.at += 1,
                Some(b'"') => {
                    let key = self.string()?;
                    self.blanks();
                    if self.peek() == Some(b':') {
                        self.at += 1;
                    }
                    let value = self.raw_value()?;
                    members.push((key, value));
                }
                _ => return Err(self.unexpected("string")),
            }
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Error> {
        let open = self.at;
        self.at += 1;
        let start = self.at;
        let mut unescaped: Option<String> = None;
        let mut plain = start;
        loop {
            match self.peek() {
                None => {
                    let token = &self.text[open..];
                    let detail = format!("Token \"{token}\" is invalid.");
                    return Err(self.failed(detail, self.text.len()));
                }
                Some(b'"') => {
                    let tail = &self.text[plain..self.at];
                    self.at += 1;
                    return Ok(match unescaped {
                        None => Cow::Borrowed(tail),
                        Some(mut text) => {
                            text.push_str(tail);
                            Cow::Owned(text)
                        }
                    });
                }
                Some(b'\\') => {
                    let buffer = unescaped.get_or_insert_default();
                    buffer.push_str(&self.text[plain..self.at]);
                    self.at += 1;
                    let character = self.escape()?;
                    unescaped.get_or_insert_default().push(character);
                    plain = self.at;
                }
                Some(byte @ 0..0x20) => {
                    let detail = format!("Character with value 0x{byte:02x} must be escaped.");
                    return Err(self.failed(detail, self.at));
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<char, Error> {
        let Some(byte) = self.peek() else {
            return Err(self.failed("The input string ended unexpectedly.", self.at));
        };
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => byte as char,
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => {
                self.at -= 1;
                let c = self.text[self.at..].chars().next().unwrap_or(' ');
                let detail = format!("Escape sequence \"\\{c}\" is invalid.");
                return Err(self.failed(detail, self.at + c.len_utf8()));
            }
        })
    }

    fn four_digits(&mut self) -> Result<u32, Error> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let code = digits
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| {
            let rest = self.text[self.at..].char_indices();
            let wrong = rest.into_iter().find(|(_, c)| !c.is_ascii_hexdigit());
            let end = wrong.map_or(self.text.len(), |(at, c)| self.at + at + c.len_utf8());
            self.failed("\"\\u\" must be followed by four hexadecimal digits.", end)
        })?;
        self.at += 4;
        Ok(code)
    }

    fn unicode_escape(&mut self) -> Result<char, Error> {
        let first = self.four_digits()?;
        let lone_low = "Unicode low surrogate must follow a high surrogate.";
        match first {
            0 if self.strict => {
                Err(Error::user(SqlState(*b"22P05"), "unsupported Unicode escape sequence")
                    .with_detail("\\u0000 cannot be converted to text."))
            }
            0xd800..0xdc00 => {
                if self.text.as_bytes().get(self.at..self.at + 2) == Some(b"\\u") {
                    let start = self.at;
                    self.at += 2;
                    let second = self.four_digits()?;
                    if (0xdc00..0xe000).contains(&second) {
                        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                        return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    self.at = start;
                }
                if self.strict {
                    Err(self.failed(lone_low, self.at))
                } else {
                    Ok(char::REPLACEMENT_CHARACTER)
                }
            }
            0xdc00..0xe000 if self.strict => Err(self.failed(lone_low, self.at)),
            _ => Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)),
        }
    }
}
