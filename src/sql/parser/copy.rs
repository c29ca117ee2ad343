//! COPY and its options.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::unsupported;
use crate::datum::encoding::{self, Encoding};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{Copy, CopySource, Forced, Statement};
use crate::sql::{CopyFormat, CopyHeader, CopyOptions, ForcedColumns};

pub(super) fn copy(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    let mut given = GivenOptions::default();
    if cursor.eat("BINARY") {
        given.format = Some(CopyFormat::Binary);
    }
    let source = if cursor.may_be_query() {
        CopySource::Query(cursor.query_in_parentheses()?)
    } else {
        let name = cursor.qualified_name()?;
        let mut columns = Vec::new();
        if cursor.peek() == Some(&Token::LParen) {
            columns = cursor.names_in_parentheses()?;
        }
        CopySource::Table { name, columns }
    };
    let from = cursor.eat("FROM");
    if !from {
        cursor.expect("TO")?;
    }
    if matches!(source, CopySource::Query(_)) && from {
        cursor.at -= 1;
        return Err(cursor.unexpected());
    }
    endpoint(cursor, from)?;
    if cursor.eat("DELIMITERS") {
        given.delimiter = Some(cursor.string()?);
    }
    cursor.eat("WITH");
    if cursor.eat_token(&Token::LParen) {
        cursor.list(|cursor| given.option(cursor))?;
        cursor.expect_token(&Token::RParen)?;
    } else {
        while !cursor.at_end() && !cursor.is_word("WHERE") {
            given.legacy_option(cursor)?;
        }
    }
    let position = cursor.position();
    let filter = if cursor.eat("WHERE") {
        if !from {
            let message = "WHERE clause not allowed with COPY TO";
            let error = Error::user(SqlState::SYNTAX_ERROR, message);
            return Err(error.with_position(position));
        }
        Some(cursor.expr()?)
    } else {
        None
    };
    let (options, force) = given.options(from)?;
    Ok(Statement::Copy(Box::new(Copy { source, from, options, filter, force })))
}

/// STDIN or STDOUT (PostgreSQL takes either in both directions).
fn endpoint(cursor: &mut Cursor<'_>, from: bool) -> Result<(), Error> {
    if cursor.eat("STDIN") || cursor.eat("STDOUT") {
        return Ok(());
    }
    let program = cursor.eat("PROGRAM");
    if matches!(cursor.peek(), Some(Token::SingleQuotedString(_))) {
        let what = if program { "a program" } else { "a file" };
        let message = format!("COPY with {what} of the server is not supported");
        let way = if from { "COPY ... FROM STDIN" } else { "COPY ... TO STDOUT" };
        return Err(Error::user(SqlState::INSUFFICIENT_PRIVILEGE, message)
            .with_hint(format!("Use {way}, or psql's \\copy.")));
    }
    Err(cursor.unexpected())
}

/// COPY's options as they were written.
#[derive(Debug, Default)]
struct GivenOptions {
    format: Option<CopyFormat>,
    delimiter: Option<String>,
    null: Option<String>,
    header: CopyHeader,
    quote: Option<String>,
    escape: Option<String>,
    /// FORCE_QUOTE, FORCE_NOT_NULL, FORCE_NULL.
    force: [Forced; 3],
    encoding: Option<&'static Encoding>,
    /// The options that were given, for telling that one came twice.
    seen: Vec<String>,
}

impl GivenOptions {
    fn options(self, from: bool) -> Result<(CopyOptions, [Forced; 3]), Error> {
        let format = self.format.unwrap_or(CopyFormat::Text);
        let (csv, binary) = (format == CopyFormat::Csv, format == CopyFormat::Binary);
        let syntax = |message: &str| Err(Error::user(SqlState::SYNTAX_ERROR, message));
        if binary && self.delimiter.is_some() {
            return syntax("cannot specify DELIMITER in BINARY mode");
        }
        if binary && self.null.is_some() {
            return syntax("cannot specify NULL in BINARY mode");
        }
        let null =
            self.null.clone().unwrap_or_else(|| if csv { String::new() } else { "\\N".to_owned() });
        let delimiter =
            one_byte("delimiter", self.delimiter.as_deref(), if csv { b',' } else { b'\t' })?;
        check_characters(delimiter, &null, csv)?;
        if self.header != CopyHeader::None && binary {
            return Err(Error::refused("cannot specify HEADER in BINARY mode"));
        }
        if self.header == CopyHeader::Match && !from {
            return Err(Error::refused("cannot use \"match\" with HEADER in COPY TO"));
        }
        for (what, given) in [("quote", &self.quote), ("escape", &self.escape)] {
            if !csv && given.is_some() {
                return Err(Error::refused(format!("COPY {what} available only in CSV mode")));
            }
        }
        let quote = one_byte("quote", self.quote.as_deref(), b'"')?;
        let escape = one_byte("escape", self.escape.as_deref(), quote)?;
        if csv && delimiter == quote {
            return Err(invalid("COPY delimiter and quote must be different"));
        }
        self.check_forced(csv, from)?;
        if !binary && null.as_bytes().contains(&delimiter) {
            return Err(Error::refused("COPY delimiter must not appear in the NULL specification"));
        }
        if csv && null.as_bytes().contains(&quote) {
            return Err(Error::refused(
                "CSV quote character must not appear in the NULL specification",
            ));
        }
        let header = self.header;
        let (force, encoding) = (ForcedColumns::default(), self.encoding);
        let options = CopyOptions {
            format,
            delimiter,
            null,
            header,
            quote,
            escape,
            force,
            encoding,
            relation: String::new(),
        };
        Ok((options, self.force))
    }

    fn check_forced(&self, csv: bool, from: bool) -> Result<(), Error> {
        let rules = [("force quote", false), ("force not null", true), ("force null", true)];
        for ((what, reads), given) in rules.into_iter().zip(&self.force) {
            if *given == Forced::None {
                continue;
            }
            if !csv {
                return Err(Error::refused(format!("COPY {what} available only in CSV mode")));
            }
            if reads != from {
                let way = if reads { "COPY FROM" } else { "COPY TO" };
                return Err(Error::refused(format!("COPY {what} only available using {way}")));
            }
        }
        Ok(())
    }

    /// An option in parentheses.
    fn option(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Error> {
        let position = cursor.position();
        let word = cursor.next_word()?;
        if self.seen.contains(&word) {
            let error = Error::user(SqlState::SYNTAX_ERROR, "conflicting or redundant options");
            return Err(error.with_position(position));
        }
        self.seen.push(word.clone());
        match word.as_str() {
            "FORMAT" => {
                let name = match cursor.peek() {
                    Some(Token::Word(_)) => cursor.name()?.text,
                    _ => cursor.string()?,
                };
                self.format = Some(match name.as_str() {
                    "text" => CopyFormat::Text,
                    "csv" => CopyFormat::Csv,
                    "binary" => CopyFormat::Binary,
                    _ => {
                        let error = invalid(&format!("COPY format \"{name}\" not recognized"));
                        return Err(error.with_position(position));
                    }
                });
            }
            // Rows are frozen or not in PostgreSQL's own storage only; a client can't see it.
            "FREEZE" => {
                flag(cursor)?;
            }
            "DELIMITER" => self.delimiter = Some(cursor.string()?),
            "NULL" => self.null = Some(cursor.string()?),
            "HEADER" => {
                self.header = if cursor.eat("MATCH") {
                    CopyHeader::Match
                } else if flag(cursor)? {
                    CopyHeader::Line
                } else {
                    CopyHeader::None
                };
            }
            "QUOTE" => self.quote = Some(cursor.string()?),
            "ESCAPE" => self.escape = Some(cursor.string()?),
            "FORCE_QUOTE" => self.force[0] = forced(cursor, true)?,
            "FORCE_NOT_NULL" => self.force[1] = forced(cursor, false)?,
            "FORCE_NULL" => self.force[2] = forced(cursor, false)?,
            "ENCODING" => self.encoding = Some(encoding(&cursor.string()?, position)?),
            other => {
                let message = format!("option \"{}\" not recognized", other.to_lowercase());
                let error = Error::user(SqlState::SYNTAX_ERROR, message);
                return Err(error.with_position(position));
            }
        }
        Ok(())
    }

    /// An option of the syntax before PostgreSQL 9.0.
    fn legacy_option(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Error> {
        let position = cursor.position();
        let word = cursor.next_word()?;
        match word.as_str() {
            "CSV" => self.format = Some(CopyFormat::Csv),
            "BINARY" => self.format = Some(CopyFormat::Binary),
            "HEADER" => self.header = CopyHeader::Line,
            "FREEZE" => {}
            "DELIMITER" | "DELIMITERS" | "NULL" | "QUOTE" | "ESCAPE" => {
                cursor.eat("AS");
                let value = Some(cursor.string()?);
                match word.as_str() {
                    "NULL" => self.null = value,
                    "QUOTE" => self.quote = value,
                    "ESCAPE" => self.escape = value,
                    _ => self.delimiter = value,
                }
            }
            "FORCE" if cursor.eat("QUOTE") => {
                self.force[0] = if cursor.eat_token(&Token::Mul) {
                    Forced::All
                } else {
                    Forced::Columns(cursor.names()?)
                };
            }
            "FORCE" if cursor.eat("NOT NULL") => {
                self.force[1] = Forced::Columns(cursor.names()?);
            }
            "FORCE" if cursor.eat("NULL") => self.force[2] = Forced::Columns(cursor.names()?),
            "ENCODING" => self.encoding = Some(encoding(&cursor.string()?, position)?),
            _ => {
                cursor.at -= 1;
                return Err(cursor.unexpected());
            }
        }
        Ok(())
    }
}

/// `(a, b)`, or `*` where that is allowed.
fn forced(cursor: &mut Cursor<'_>, all: bool) -> Result<Forced, Error> {
    if all && cursor.eat_token(&Token::Mul) {
        return Ok(Forced::All);
    }
    cursor.names_in_parentheses().map(Forced::Columns)
}

fn encoding(name: &str, position: u32) -> Result<&'static Encoding, Error> {
    let Some(known) = encoding::named(name) else {
        let message = "argument to option \"encoding\" must be a valid encoding name";
        return Err(invalid(message).with_position(position));
    };
    if known.is_missing() {
        return Err(unsupported(&format!("the encoding {}", known.name)).with_position(position));
    }
    Ok(known)
}

fn invalid(message: &str) -> Error {
    Error::user(SqlState::INVALID_PARAMETER_VALUE, message)
}

fn one_byte(what: &str, text: Option<&str>, default: u8) -> Result<u8, Error> {
    match text.map(str::as_bytes) {
        None => Ok(default),
        Some([byte]) => Ok(*byte),
        Some(_) => Err(Error::refused(format!("COPY {what} must be a single one-byte character"))),
    }
}

/// What would make a line ambiguous.
fn check_characters(delimiter: u8, null: &str, csv: bool) -> Result<(), Error> {
    if matches!(delimiter, b'\n' | b'\r') {
        return Err(invalid("COPY delimiter cannot be newline or carriage return"));
    }
    if null.contains(['\n', '\r']) {
        return Err(invalid("COPY null representation cannot use newline or carriage return"));
    }
    let taken = delimiter.is_ascii_lowercase()
        || delimiter.is_ascii_digit()
        || matches!(delimiter, b'\\' | b'.');
    if !csv && taken {
        let message = format!("COPY delimiter cannot be \"{}\"", char::from(delimiter));
        return Err(invalid(&message));
    }
    Ok(())
}

/// A boolean option's value: true if there is none.
pub(super) fn flag(cursor: &mut Cursor<'_>) -> Result<bool, Error> {
    match cursor.peek() {
        Some(Token::Comma | Token::RParen) | None => return Ok(true),
        _ => {}
    }
    let option = cursor.at.checked_sub(1).and_then(|at| cursor.tokens.get(at));
    let option = option.map(|token| token.token.to_string().to_lowercase()).unwrap_or_default();
    let value = match cursor.peek() {
        Some(Token::Word(_)) => cursor.next_word()?.to_lowercase(),
        Some(Token::Number(..)) => cursor.integer()?.to_string(),
        _ => cursor.string()?.to_lowercase(),
    };
    match value.as_str() {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ if option == "header" => {
            Err(Error::user(SqlState::SYNTAX_ERROR, "header requires a Boolean value or \"match\""))
        }
        _ => Err(Error::user(SqlState::SYNTAX_ERROR, format!("{option} requires a Boolean value"))),
    }
}
