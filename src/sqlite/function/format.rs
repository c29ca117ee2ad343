//! `format`, quoting, identifiers.

use rusqlite::Connection;
use rusqlite::types::{Value as SqlValue, ValueRef};

use super::typed::{Typed, lenient_typed};
use super::{Answer, PURE, lenient, strict, string};
use crate::datum::array::{self, Array};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::pgdata;

/// Characters that a width pads to at the most.
const WIDTH_MAX: i64 = 16 * 1024 * 1024;

fn invalid(message: impl Into<String>) -> Error {
    Error::user(SqlState::INVALID_PARAMETER_VALUE, message)
}

pub(super) fn quote_literal(text: &str) -> String {
    let escape = if text.contains('\\') { "E" } else { "" };
    format!("{escape}'{}'", text.replace('\'', "''").replace('\\', "\\\\"))
}

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_quote_literal", 1, |args| Ok(string(quote_literal(args.text(0)?))))?;
    strict(connection, "pg_quote_ident", 1, |args| {
        Ok(string(pgdata::quote_identifier(args.text(0)?).into_owned()))
    })?;
    lenient(connection, "pg_quote_nullable", 1, PURE, |args| {
        Ok(string(match args.value(0) {
            ValueRef::Null => "NULL".to_owned(),
            _ => quote_literal(args.text(0)?),
        }))
    })?;
    lenient_typed(connection, "pg_text_format", format)?;
    strict(connection, "pg_parse_ident", -1, |args| {
        let tight = args.count() < 2 || args.integer(1)? != 0;
        parse_ident(args.text(0)?, tight)
    })
}

/// One `%` specifier: `%[position$][-][width]type`.
struct Specifier {
    position: Option<usize>,
    left: bool,
    width: Width,
    kind: char,
}

enum Width {
    None,
    Fixed(i64),
    /// Taken from an argument: the next one, or one by number.
    Argument(Option<usize>),
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn unterminated() -> Error {
    invalid("unterminated format() type specifier").with_hint("For a single \"%\" use \"%%\".")
}

fn number(characters: &mut Characters<'_>) -> Result<Option<i64>, Error> {
    let mut value: Option<i64> = None;
    while let Some(digit) = characters.peek().and_then(|c| c.to_digit(10)) {
        characters.next();
        let next = value.unwrap_or(0) * 10 + i64::from(digit);
        if next > i64::from(i32::MAX) {
            return Err(Error::user(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                "number is out of range",
            ));
        }
        value = Some(next);
    }
    Ok(value)
}

fn argument_number(value: i64) -> Result<usize, Error> {
    if value == 0 {
        return Err(invalid("format specifies argument 0, but arguments are numbered from 1"));
    }
    Ok(value as usize)
}

fn specifier(characters: &mut Characters<'_>) -> Result<Specifier, Error> {
    let mut found = Specifier { position: None, left: false, width: Width::None, kind: ' ' };
    let mut pending = number(characters)?;
    if let Some(value) = pending
        && characters.next_if_eq(&'$').is_some()
    {
        found.position = Some(argument_number(value)?);
        pending = None;
    }
    if pending.is_none() {
        while characters.next_if_eq(&'-').is_some() {
            found.left = true;
        }
        if characters.next_if_eq(&'*').is_some() {
            let by_number = number(characters)?;
            found.width = Width::Argument(match by_number {
                None => None,
                Some(value) => {
                    if characters.next_if_eq(&'$').is_none() {
                        return Err(invalid("width argument position must be ended by \"$\""));
                    }
                    Some(argument_number(value)?)
                }
            });
        } else {
            pending = number(characters)?;
        }
    }
    if let Some(width) = pending {
        found.width = Width::Fixed(width);
    }
    found.kind = characters.next().ok_or_else(unterminated)?;
    Ok(found)
}

fn format(call: &Typed<'_, '_>) -> Answer {
    if call.is_null(0) {
        return Ok(SqlValue::Null);
    }
    let mut out = String::new();
    let mut characters = call.text(0)?.chars().peekable();
    let mut next_argument = 1;
    while let Some(c) = characters.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if characters.peek().is_none() {
            return Err(unterminated());
        }
        if characters.next_if_eq(&'%').is_some() {
            out.push('%');
            continue;
        }
        let specifier = specifier(&mut characters)?;
        let mut take = |wanted: Option<usize>| -> Result<usize, Error> {
            let at = wanted.unwrap_or(next_argument);
            next_argument = at + 1;
            if at >= call.count() {
                return Err(invalid("too few arguments for format()"));
            }
            Ok(at)
        };
        let mut left = specifier.left;
        let width = match specifier.width {
            Width::None => 0,
            Width::Fixed(width) => width,
            Width::Argument(at) => {
                let at = take(at)?;
                let width = if call.is_null(at) { 0 } else { call.integer(at)? };
                left |= width < 0;
                width.abs()
            }
        };
        let at = take(specifier.position)?;
        let text = converted(call, at, specifier.kind)?;
        if width > WIDTH_MAX {
            return Err(Error::limit(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                "requested length too large",
            ));
        }
        let padding = (width as usize).saturating_sub(text.chars().count());
        if !left {
            out.extend(std::iter::repeat_n(' ', padding));
        }
        out.push_str(&text);
        if left {
            out.extend(std::iter::repeat_n(' ', padding));
        }
    }
    Ok(string(out))
}

fn converted(call: &Typed<'_, '_>, at: usize, kind: char) -> Result<String, Error> {
    let shown = if call.data_type(at) == PgType::BOOL && !call.is_null(at) {
        Some(if call.integer(at)? == 0 { "f" } else { "t" }.to_owned())
    } else {
        call.shown(at)?
    };
    match (kind, shown) {
        ('s', shown) => Ok(shown.unwrap_or_default()),
        ('L', None) => Ok("NULL".to_owned()),
        ('L', Some(shown)) => Ok(quote_literal(&shown)),
        ('I', Some(shown)) => Ok(pgdata::quote_identifier(&shown).into_owned()),
        ('I', None) => Err(Error::user(
            SqlState(*b"22004"),
            "null values cannot be formatted as an SQL identifier",
        )),
        (other, _) => Err(invalid(format!("unrecognized format() type specifier \"{other}\""))
            .with_hint("For a single \"%\" use \"%%\".")),
    }
}

/// `parse_ident`: a qualified name as an array.
fn parse_ident(text: &str, tight: bool) -> Answer {
    let wrong = |detail: Option<&str>| {
        let error = invalid(format!("string is not a valid identifier: \"{text}\""));
        match detail {
            Some(detail) => error.with_detail(detail),
            None => error,
        }
    };
    let mut rest = text.trim_start();
    let mut parts = Vec::new();
    let mut after_dot = false;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut part = String::new();
            let mut characters = quoted.char_indices().peekable();
            let end = loop {
                match characters.next() {
                    None => return Err(wrong(Some("String has unclosed double quotes."))),
                    Some((_, '"')) if characters.next_if(|(_, c)| *c == '"').is_some() => {
                        part.push('"');
                    }
                    Some((at, '"')) => break at + 1,
                    Some((_, c)) => part.push(c),
                }
            };
            if part.is_empty() {
                return Err(wrong(Some("Quoted identifier must not be empty.")));
            }
            parts.push(part);
            rest = &quoted[end..];
        } else {
            let first = |c: char| c == '_' || c.is_alphabetic();
            let part = |c: char| c == '_' || c == '$' || c.is_alphanumeric();
            if !rest.starts_with(first) {
                return Err(if after_dot {
                    wrong(Some("No valid identifier after \".\"."))
                } else if rest.starts_with('.') {
                    wrong(Some("No valid identifier before \".\"."))
                } else {
                    wrong(None)
                });
            }
            let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
            parts.push(rest[..end].to_lowercase());
            rest = &rest[end..];
        }
        rest = rest.trim_start();
        match rest.strip_prefix('.') {
            Some(tail) => {
                after_dot = true;
                rest = tail.trim_start();
            }
            None if rest.is_empty() || !tight => break,
            None => return Err(wrong(None)),
        }
    }
    let elements: Vec<Value> = parts.into_iter().map(Value::Text).collect();
    let array = Array { lengths: vec![elements.len()], elements };
    Ok(string(array::store(PgType::TEXT, &array)))
}
