//! Text to statements. The only caller of sqlparser.
//!
//! sqlparser's tokenizer cuts the text. A [`Cursor`] reads queries, data changes and utility
//! statements from the tokens, by PostgreSQL's grammar: `select`, `from`, `change`, `expression` with
//! `primary` and `call`, `utility`, `copy`, `portal`, and `ddl` for definitions. Errors are PostgreSQL's,
//! with positions.

mod call;
mod change;
mod copy;
mod cursor;
mod ddl;
mod expression;
mod from;
mod literal;
pub(in crate::sql) mod plpgsql;
mod portal;
mod primary;
mod select;
mod type_text;
mod utility;
mod word;

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer};

use crate::model::catalog::NAME_BYTES_MAX;
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{self, Query};

pub(in crate::sql) use change::one_row;
use cursor::Cursor;

/// How deep expressions and queries may nest.
const NESTING_MAX: usize = 200;

/// One statement and the number of its parameters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ParsedStatement {
    pub(crate) statement: ast::Statement,
    pub(crate) parameters: usize,
}

/// Splits a text into statements and parses each.
pub(crate) fn parse_text(text: &str) -> Result<Vec<ParsedStatement>, Error> {
    let source = Source::new(text);
    let tokens = tokens(&source, text)?;
    tokens
        .split_inclusive(|token| token.token == Token::SemiColon)
        .filter_map(|statement| {
            let (statement, end) = match statement.split_last() {
                Some((last, rest)) if last.token == Token::SemiColon => (rest, Some(last.span)),
                _ => (statement, None),
            };
            (!statement.is_empty()).then(|| parse_statement(&source, statement, end))
        })
        .collect()
}

/// The tokens of a text, but for white space and comments.
///
/// # Errors
/// 22021 for a zero byte, at which SQLite would stop reading; 42601.
fn tokens(source: &Source<'_>, text: &str) -> Result<Vec<TokenWithSpan>, Error> {
    if text.contains('\0') {
        return Err(literal::zero_byte());
    }
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text)
        .tokenize_with_location()
        .map_err(|error| source.token_error(&error.message, error.location))?;
    let means = |token: &TokenWithSpan| !matches!(token.token, Token::Whitespace(_) | Token::EOF);
    Ok(tokens.into_iter().filter(means).collect())
}

/// Parses one expression, for what the catalog keeps as text (defaults).
pub(crate) fn parse_expression(text: &str) -> Result<ast::Expr, Error> {
    let source = Source::new(text);
    let tokens = tokens(&source, text)?;
    let convert = Convert { source: &source, tokens: &tokens, end: None };
    let mut cursor = Cursor::new(&convert, &tokens);
    let expr = cursor.expr()?;
    cursor.expect_end()?;
    Ok(expr)
}

/// Parses one query, for what the catalog keeps as text (views).
pub(crate) fn parse_query(text: &str) -> Result<Query, Error> {
    match parse_text(text)?.pop().map(|parsed| parsed.statement) {
        Some(ast::Statement::Query(query)) => Ok(*query),
        _ => Err(Error::internal("a view's definition is not a query")),
    }
}

/// Parses the body of a function in SQL.
///
/// # Errors
/// 0A000 for anything but one query.
pub(crate) fn parse_function(text: &str) -> Result<Query, Error> {
    let mut all = parse_text(text)?;
    match (all.len(), all.pop().map(|parsed| parsed.statement)) {
        (1, Some(ast::Statement::Query(query))) => Ok(*query),
        (_, Some(ast::Statement::Unsupported(error))) => Err(error),
        _ => {
            Err(Error::refused("a function in SQL that is anything but one query is not supported"))
        }
    }
}

/// SELECT INTO.
fn table_as(
    (name, persistence): (ast::QualifiedName, ast::Persistence),
    query: Query,
) -> ast::Statement {
    let table = ast::CreateTableAs {
        name,
        persistence,
        if_not_exists: false,
        columns: Vec::new(),
        query,
        text: String::new(),
        with_data: true,
        materialized_view: false,
    };
    ast::Statement::Define(Box::new(ast::Definition::CreateTableAs(table)))
}

/// `end` is the semicolon behind it.
fn parse_statement(
    source: &Source,
    tokens: &[TokenWithSpan],
    end: Option<Span>,
) -> Result<ParsedStatement, Error> {
    let convert = Convert { source, tokens, end };
    let parameters =
        tokens.iter().filter_map(|token| parameter_number(&token.token)).max().unwrap_or(0);
    let statement = match utility::parse(&convert, tokens) {
        Err(error) if error.state() == SqlState::FEATURE_NOT_SUPPORTED => {
            ast::Statement::Unsupported(error)
        }
        other => other?,
    };
    let own = !matches!(statement, ast::Statement::Prepare { .. });
    Ok(ParsedStatement { statement, parameters: if own { parameters } else { 0 } })
}

/// The largest number that a parameter can have.
pub(super) const PARAMETERS_MAX: usize = 65_535;

/// `None` also for a number that none can have: where that is looked at, it is an error.
fn parameter_number(token: &Token) -> Option<usize> {
    match token {
        Token::Placeholder(text) => {
            text.strip_prefix('$')?.parse().ok().filter(|number| *number <= PARAMETERS_MAX)
        }
        _ => None,
    }
}

/// A text, for turning the tokenizer's locations into positions.
#[derive(Debug)]
pub(super) struct Source<'a> {
    text: &'a str,
    /// Characters before each line.
    line_starts: Vec<u32>,
}

impl<'a> Source<'a> {
    fn new(text: &'a str) -> Self {
        let mut line_starts = vec![0];
        for (at, character) in text.chars().enumerate() {
            if character == '\n' {
                line_starts.push(at as u32 + 1);
            }
        }
        Self { text, line_starts }
    }

    /// The 1-based position of a location; 0 if there is none.
    fn position(&self, location: Location) -> u32 {
        match (location.line as usize).checked_sub(1).and_then(|line| self.line_starts.get(line)) {
            Some(start) => start + location.column as u32,
            None => 0,
        }
    }

    /// The characters from one location to the next, as they were written.
    fn slice(&self, span: Span) -> String {
        let start = self.position(span.start).saturating_sub(1) as usize;
        let end = self.position(span.end).saturating_sub(1) as usize;
        self.text.chars().skip(start).take(end.saturating_sub(start)).collect()
    }

    fn token_error(&self, message: &str, location: Location) -> Error {
        let message = if message.contains("Unterminated") && message.contains("comment") {
            "unterminated /* comment".to_owned()
        } else if message.contains("dollar-quoted") {
            "unterminated dollar-quoted string".to_owned()
        } else if message.contains("Unterminated") {
            "unterminated quoted string".to_owned()
        } else if message.contains("expected close delimiter")
            || message.contains("Expected close delimiter")
        {
            "unterminated quoted identifier".to_owned()
        } else {
            "syntax error".to_owned()
        };
        Error::user(SqlState::SYNTAX_ERROR, message).with_position(self.position(location).max(1))
    }
}

/// Turns sqlparser's tree into ours, for one statement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Convert<'a> {
    source: &'a Source<'a>,
    /// The statement's tokens, without white space.
    tokens: &'a [TokenWithSpan],
    /// The semicolon behind the statement.
    end: Option<Span>,
}

impl Convert<'_> {
    /// 42601 `syntax error at or near "x"`; at a place where no token starts, "at end of input".
    fn syntax_error_at(&self, location: Location) -> Error {
        let token = self.tokens.iter().find(|token| token.span.start == location);
        match token {
            Some(token) => {
                let text = self.source.slice(token.span);
                Error::user(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{text}\""))
                    .with_position(self.source.position(location))
            }
            None if let Some(end) = self.end => {
                Error::user(SqlState::SYNTAX_ERROR, "syntax error at or near \";\"")
                    .with_position(self.position(end))
            }
            None => Error::user(SqlState::SYNTAX_ERROR, "syntax error at end of input")
                .with_position(self.source.text.chars().count() as u32 + 1),
        }
    }

    fn position(&self, span: Span) -> u32 {
        self.source.position(span.start)
    }
}

/// Folds an identifier as PostgreSQL does: to lower case unless it was quoted, cut to 63 bytes.
fn fold(text: &str, quoted: bool) -> String {
    let mut text = if quoted { text.replace("\"\"", "\"") } else { text.to_lowercase() };
    if text.len() > NAME_BYTES_MAX {
        let mut end = NAME_BYTES_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

/// 0A000 for something that PostgreSQL has.
pub(super) fn unsupported(what: &str) -> Error {
    Error::refused(format!("{what} is not supported"))
}
