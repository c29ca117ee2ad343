//! Cuts a path into tokens.

use std::str::Chars;

use crate::datum::jsonpath::syntax_error;
use crate::model::error::{Error, SqlState};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A name or a word of the language, as written.
    Word,
    String,
    /// Without the `$` before it.
    Variable,
    /// A number, and whether it is a whole one.
    Number(bool),
    Sign,
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// What it stands for.
    pub(super) text: String,
}

impl Token {
    pub(super) fn is_sign(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    /// A word of the language, in any case.
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }
}

/// Longer ones come before those that they begin with.
const SIGNS: [&str; 28] = [
    "**", "&&", "||", "==", "!=", "<>", "<=", ">=", "<", ">", "=", "!", "?", "@", "$", ".", "[",
    "]", "{", "}", "(", ")", ",", "*", "+", "-", "/", "%",
];

/// What no name has in it unless it is quoted or escaped.
fn ends_name(c: char) -> bool {
    "?%$.[]{}()|&!=<>@#,*:-+/\"\\".contains(c) || is_blank(c)
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c')
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Error> {
    let mut lexer = Lexer { rest: text };
    let mut found = Vec::new();
    loop {
        lexer.blanks()?;
        let token = lexer.token()?;
        let is_end = token.kind == Kind::End;
        found.push(token);
        if is_end {
            return Ok(found);
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
}

impl<'a> Lexer<'a> {
    fn blanks(&mut self) -> Result<(), Error> {
        loop {
            self.rest = self.rest.trim_start_matches(is_blank);
            let Some(comment) = self.rest.strip_prefix("/*") else { return Ok(()) };
            let Some((_, rest)) = comment.split_once("*/") else {
                return Err(syntax_error("unexpected end of comment at end of jsonpath input"));
            };
            self.rest = rest;
        }
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn token(&mut self) -> Result<Token, Error> {
        let token = |kind, text: String| Ok(Token { kind, text });
        let mut chars = self.rest.chars();
        let Some(first) = chars.next() else { return token(Kind::End, String::new()) };
        let second = chars.next();
        match first {
            '"' => {
                self.take(1);
                let text = self.quoted()?;
                token(Kind::String, text)
            }
            '$' if second == Some('"') => {
                self.take(2);
                let text = self.quoted()?;
                token(Kind::Variable, text)
            }
            '$' if second.is_some_and(|c| !ends_name(c) || c == '\\') => {
                self.take(1);
                let text = self.name()?;
                token(Kind::Variable, text)
            }
            '0'..='9' => self.number(),
            '.' if second.is_some_and(|c| c.is_ascii_digit()) => self.number(),
            _ if !ends_name(first) || first == '\\' => {
                let text = self.name()?;
                token(Kind::Word, text)
            }
            _ => match SIGNS.iter().find(|sign| self.rest.starts_with(**sign)) {
                Some(sign) => token(Kind::Sign, self.take(sign.len()).to_owned()),
                None => token(Kind::Sign, self.take(first.len_utf8()).to_owned()),
            },
        }
    }

    fn number(&mut self) -> Result<Token, Error> {
        let bytes = self.rest.as_bytes();
        let digits = |from: usize| {
            bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count() + from
        };
        let whole = digits(0);
        let mut end = whole;
        if bytes.get(end) == Some(&b'.') {
            end = digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let signed = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + signed);
            if exponent > end + 1 + signed {
                end = exponent;
            }
        }
        let leading_zero = whole > 1 && bytes[0] == b'0';
        let junk = self.rest[end..].chars().next().filter(|c| !ends_name(*c) || *c == '\\');
        if junk.is_some() || leading_zero {
            let shown = if leading_zero { 2 } else { end + junk.map_or(0, char::len_utf8) };
            let near = &self.rest[..shown];
            return Err(syntax_error(format!(
                "trailing junk after numeric literal at or near \"{near}\" of jsonpath input"
            )));
        }
        Ok(Token { kind: Kind::Number(end == whole), text: self.take(end).to_owned() })
    }

    /// A name that isn't quoted, with its escapes undone.
    fn name(&mut self) -> Result<String, Error> {
        let mut name = String::new();
        let mut chars = self.rest.chars();
        while let Some(c) = chars.clone().next() {
            if c == '\\' {
                chars.next();
                escape(&mut chars, &mut name)?;
            } else if ends_name(c) {
                break;
            } else {
                name.push(c);
                chars.next();
            }
        }
        self.rest = chars.as_str();
        Ok(name)
    }

    /// Behind a quote: up to the next one.
    fn quoted(&mut self) -> Result<String, Error> {
        let mut text = String::new();
        let mut chars = self.rest.chars();
        loop {
            match chars.next() {
                None => {
                    let message = "unexpected end of quoted string at end of jsonpath input";
                    return Err(syntax_error(message));
                }
                Some('"') => break,
                Some('\\') => escape(&mut chars, &mut text)?,
                Some(c) => text.push(c),
            }
        }
        self.rest = chars.as_str();
        Ok(text)
    }
}

fn invalid(detail: &str) -> Error {
    Error::user(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type jsonpath")
        .with_detail(detail)
}

/// What stands behind a backslash.
fn escape(chars: &mut Chars<'_>, out: &mut String) -> Result<(), Error> {
    let bad = || syntax_error("invalid escape sequence at end of jsonpath input");
    let c = chars.next().ok_or_else(bad)?;
    out.push(match c {
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'x' => {
            let code = hex(chars, 2).ok_or_else(bad)?;
            char::from_u32(code).ok_or_else(bad)?
        }
        'u' => {
            let code = unit(chars).ok_or_else(bad)?;
            if (0xdc00..0xe000).contains(&code) {
                return Err(invalid("Unicode low surrogate must follow a high surrogate."));
            }
            if (0xd800..0xdc00).contains(&code) {
                let mut ahead = chars.clone();
                let low = (ahead.next() == Some('\\') && ahead.next() == Some('u'))
                    .then(|| unit(&mut ahead))
                    .flatten()
                    .filter(|low| (0xdc00..0xe000).contains(low));
                let Some(low) = low else {
                    return Err(invalid("Unicode low surrogate must follow a high surrogate."));
                };
                *chars = ahead;
                char::from_u32(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00))
                    .ok_or_else(bad)?
            } else {
                char::from_u32(code).ok_or_else(bad)?
            }
        }
        other => other,
    });
    if out.ends_with('\0') {
        let message = "unsupported Unicode escape sequence";
        return Err(Error::user(SqlState(*b"22P05"), message)
            .with_detail("\\u0000 cannot be converted to text."));
    }
    Ok(())
}

fn hex(chars: &mut Chars<'_>, count: usize) -> Option<u32> {
    (0..count).try_fold(0, |sum, _| Some(sum * 16 + chars.next()?.to_digit(16)?))
}

/// `XXXX` or `{X...}` behind `\u`.
fn unit(chars: &mut Chars<'_>) -> Option<u32> {
    let Some(inner) = chars.as_str().strip_prefix('{') else { return hex(chars, 4) };
    let (digits, rest) = inner.split_once('}')?;
    *chars = rest.chars();
    u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() <= 6)
}
