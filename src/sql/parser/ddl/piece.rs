//! Expressions, types and queries inside definitions, with their texts.

use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use crate::model::error::Error;
use crate::sql::ast::{Expr, Query, SourceExpr};
use crate::sql::parser::cursor::Cursor;
use crate::sql::parser::word;

/// What ends the expression of a column's DEFAULT: the next clause of the column.
const COLUMN_CLAUSES: &[&str] = &[
    "CONSTRAINT",
    "NOT",
    "NULL",
    "UNIQUE",
    "PRIMARY",
    "CHECK",
    "REFERENCES",
    "GENERATED",
    "COLLATE",
    "DEFERRABLE",
    "INITIALLY",
    "DEFAULT",
];

impl<'a> Cursor<'a> {
    /// The tokens inside the parentheses that start here; goes on after them.
    pub(super) fn parenthesized(&mut self) -> Result<&'a [TokenWithSpan], Error> {
        self.expect_token(&Token::LParen)?;
        let start = self.at;
        let mut depth = 1usize;
        while let Some(token) = self.peek() {
            match token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(&self.tokens[start..self.at - 1]);
            }
        }
        Err(self.unexpected())
    }
}

/// The text from the first to the last of these tokens.
fn text(cursor: &Cursor<'_>, tokens: &[TokenWithSpan]) -> String {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => {
            cursor.convert.source.slice(Span { start: first.span.start, end: last.span.end })
        }
        _ => String::new(),
    }
}

fn expression(cursor: &Cursor<'_>, tokens: &[TokenWithSpan]) -> Result<Expr, Error> {
    if tokens.is_empty() {
        return Err(cursor.unexpected());
    }
    let mut inner = Cursor::new(cursor.convert, tokens);
    let expr = inner.expr()?;
    inner.expect_end()?;
    Ok(expr)
}

fn source(cursor: &Cursor<'_>, tokens: &[TokenWithSpan]) -> Result<SourceExpr, Error> {
    Ok(SourceExpr { expr: expression(cursor, tokens)?, text: text(cursor, tokens) })
}

/// An expression in parentheses.
pub(super) fn parenthesized(cursor: &mut Cursor<'_>) -> Result<SourceExpr, Error> {
    let before = cursor.at;
    let tokens = cursor.parenthesized()?;
    if tokens.is_empty() {
        cursor.at = before + 1;
    }
    source(cursor, tokens)
}

/// A column's DEFAULT expression.
pub(super) fn default(cursor: &mut Cursor<'_>) -> Result<SourceExpr, Error> {
    let tokens = until(cursor, |word, first| !first && COLUMN_CLAUSES.contains(&word));
    source(cursor, tokens)
}

/// An expression that goes on to a comma, a closing parenthesis or one of these words.
pub(super) fn up_to(cursor: &mut Cursor<'_>, words: &[&str]) -> Result<SourceExpr, Error> {
    let tokens = until(cursor, |word, first| !first && words.contains(&word));
    source(cursor, tokens)
}

/// All tokens up to a comma or closing parenthesis of this level, or a word that ends them.
pub(super) fn until<'a>(
    cursor: &mut Cursor<'a>,
    ends: impl Fn(&str, bool) -> bool,
) -> &'a [TokenWithSpan] {
    let start = cursor.at;
    let mut depth = 0usize;
    let mut cases = 0usize;
    while let Some(token) = cursor.peek() {
        let word = word::upper(token);
        match token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket if depth > 0 => depth -= 1,
            Token::RParen | Token::RBracket => break,
            Token::Comma if depth == 0 => break,
            _ => {}
        }
        match word.as_deref() {
            Some("CASE") => cases += 1,
            Some("END") => cases = cases.saturating_sub(1),
            Some(word) if depth == 0 && cases == 0 && ends(word, cursor.at == start) => break,
            _ => {}
        }
        cursor.at += 1;
    }
    &cursor.tokens[start..cursor.at]
}

/// The expressions between these tokens, with their texts.
pub(super) fn source_of(
    cursor: &Cursor<'_>,
    tokens: &[TokenWithSpan],
) -> Result<SourceExpr, Error> {
    source(cursor, tokens)
}

/// The rest of the statement as a query, up to `WITH [NO] DATA` or WITH CHECK OPTION.
pub(super) fn query(cursor: &mut Cursor<'_>) -> Result<(Query, String), Error> {
    let start = cursor.at;
    let words: Vec<String> =
        cursor.tokens.iter().map(|token| word::upper(&token.token).unwrap_or_default()).collect();
    let ends = |tail: &[&str]| {
        words.len() >= start + tail.len()
            && words[words.len() - tail.len()..].iter().map(String::as_str).eq(tail.iter().copied())
    };
    let tails: [&[&str]; 5] = [
        &["WITH", "NO", "DATA"],
        &["WITH", "DATA"],
        &["WITH", "CHECK", "OPTION"],
        &["WITH", "LOCAL", "CHECK", "OPTION"],
        &["WITH", "CASCADED", "CHECK", "OPTION"],
    ];
    let tail = tails.iter().find(|tail| ends(tail)).map_or(0, |tail| tail.len());
    let tokens = &cursor.tokens[start..cursor.tokens.len() - tail];
    if tokens.is_empty() {
        return Err(cursor.unexpected());
    }
    let mut inner = Cursor::new(cursor.convert, tokens);
    let query = inner.query()?;
    inner.expect_end()?;
    cursor.at = cursor.tokens.len() - tail;
    Ok((query, text(cursor, tokens)))
}
