//! Text to statements. The only caller of sqlparser.
//!
//! sqlparser's tokenizer cuts the text. A [`Cursor`] reads queries, data changes and utility
//! statements from the tokens, by PostgreSQL's grammar: `select`, `from`, `change`, `expression` with
//! `primary` and `call`, `utility`, `copy`, `portal`. Table and index definitions are sqlparser's,
//! and [`Convert`] turns its tree into ours. Errors are PostgreSQL's, with positions.

mod call;
mod change;
mod copy;
mod cursor;
mod ddl;
mod expr;
mod expression;
mod from;
mod literal;
mod portal;
mod primary;
mod select;
mod type_name;
mod type_text;
mod utility;
mod word;

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer};

use crate::model::error::{Error, SqlState};
use crate::sql::ast::{self, Name, Query, Select, SelectItem};

pub(in crate::sql) use change::one_row;
use cursor::Cursor;

/// Identifiers are cut to this many bytes (`NAMEDATALEN` - 1).
const NAME_BYTES_MAX: usize = 63;
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
    let dialect = PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, text)
        .tokenize_with_location()
        .map_err(|error| source.token_error(&error.message, error.location))?;
    let tokens: Vec<TokenWithSpan> = tokens
        .into_iter()
        .filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF))
        .collect();
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

/// Parses one expression, for what the catalog keeps as text (defaults).
pub(crate) fn parse_expression(text: &str) -> Result<ast::Expr, Error> {
    let source = Source::new(text);
    let dialect = PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, text)
        .tokenize_with_location()
        .map_err(|error| source.token_error(&error.message, error.location))?;
    let tokens: Vec<TokenWithSpan> = tokens
        .into_iter()
        .filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF))
        .collect();
    let convert = Convert { source: &source, tokens: &tokens, end: None };
    let mut cursor = Cursor::new(&convert, &tokens);
    let expr = cursor.expr()?;
    cursor.expect_end()?;
    Ok(expr)
}

/// CREATE TABLE AS, and SELECT INTO.
fn table_as(name: ast::QualifiedName, columns: Vec<Name>, query: Query) -> ast::Statement {
    let query = if columns.is_empty() { query } else { with_columns(query, columns) };
    ast::Statement::CreateTable(Box::new(ast::CreateTable {
        name,
        if_not_exists: false,
        columns: Vec::new(),
        constraints: Vec::new(),
        query: Some(query),
    }))
}

/// `SELECT * FROM (query) AS table(columns)`.
fn with_columns(query: Query, columns: Vec<Name>) -> Query {
    let position = columns.first().map_or(0, |name| name.position);
    let name = Name { text: "table".to_owned(), position };
    let from = ast::FromItem::Subquery {
        query: Box::new(query),
        alias: Some(ast::Alias { name, columns }),
        lateral: false,
        position,
    };
    let all = SelectItem::Wildcard { relation: None, position };
    Query::select(Select::plain(vec![all], vec![from]))
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
        Some(statement) => statement,
        None => convert
            .run(tokens, |parser| parser.parse_statement())
            .and_then(|tree| convert.statement(&tree)),
    };
    let statement = match statement {
        Err(error) if error.state() == SqlState::FEATURE_NOT_SUPPORTED => {
            ast::Statement::Unsupported(error)
        }
        other => other?,
    };
    let own = !matches!(statement, ast::Statement::Prepare { .. });
    Ok(ParsedStatement { statement, parameters: if own { parameters } else { 0 } })
}

fn parameter_number(token: &Token) -> Option<usize> {
    match token {
        Token::Placeholder(text) => text.strip_prefix('$')?.parse().ok(),
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
    /// Runs one of sqlparser's methods over tokens that it must read to the end.
    fn run<T>(
        &self,
        tokens: &[TokenWithSpan],
        read: impl Fn(&mut Parser<'_>) -> Result<T, ParserError>,
    ) -> Result<T, Error> {
        let dialect = PostgreSqlDialect {};
        let mut parser = Parser::new(&dialect)
            .with_recursion_limit(NESTING_MAX)
            .with_tokens_with_locations(tokens.to_vec());
        match read(&mut parser) {
            Ok(tree) => {
                let next = parser.peek_token();
                if next.token == Token::EOF {
                    Ok(tree)
                } else {
                    Err(self.syntax_error_at(next.span.start))
                }
            }
            Err(ParserError::RecursionLimitExceeded) => Err(Error::limit(
                SqlState(*b"54001"),
                "stack depth limit exceeded: the statement is nested too deeply",
            )),
            Err(ParserError::ParserError(message) | ParserError::TokenizerError(message)) => {
                match location_in(&message) {
                    Some(location) => Err(self.syntax_error_at(location)),
                    None if message.contains("EOF") => {
                        Err(self.syntax_error_at(Location::new(0, 0)))
                    }
                    None => Err(self.syntax_error_at(parser.peek_token().span.start)),
                }
            }
        }
    }

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

    /// A sqlparser statement as one of ours.
    fn statement(&self, tree: &sqlparser::ast::Statement) -> Result<ast::Statement, Error> {
        use sqlparser::ast::Statement as Tree;
        match tree {
            Tree::CreateTable(table) => {
                Ok(ast::Statement::CreateTable(Box::new(self.create_table(table)?)))
            }
            Tree::CreateIndex(index) => {
                Ok(ast::Statement::CreateIndex(Box::new(self.create_index(index)?)))
            }
            Tree::AlterTable(alter) => self.alter_table(alter),
            other => Err(unsupported(&first_words(&other.to_string()))),
        }
    }

    fn position(&self, span: Span) -> u32 {
        self.source.position(span.start)
    }

    fn name(&self, ident: &sqlparser::ast::Ident) -> Name {
        Name {
            text: fold(&ident.value, ident.quote_style.is_some()),
            position: self.position(ident.span),
        }
    }

    fn qualified_name(&self, name: &sqlparser::ast::ObjectName) -> Result<Vec<Name>, Error> {
        name.0
            .iter()
            .map(|part| match part {
                sqlparser::ast::ObjectNamePart::Identifier(ident) => Ok(self.name(ident)),
                sqlparser::ast::ObjectNamePart::Function(_) => Err(unsupported("a computed name")),
            })
            .collect()
    }

    /// Definitions hold queries nowhere but in CREATE TABLE AS, which a [`Cursor`] reads.
    fn query(&self, tree: &sqlparser::ast::Query) -> Result<Query, Error> {
        use sqlparser::ast::Spanned as _;
        let error = Error::refused("cannot use subquery in a definition");
        Err(error.with_position(self.position(tree.span()).max(1)))
    }

    /// The last part of a name that must have only one.
    fn single_name(&self, name: &sqlparser::ast::ObjectName) -> Result<Name, Error> {
        let mut parts = self.qualified_name(name)?;
        match (parts.pop(), parts.is_empty()) {
            (Some(name), true) => Ok(name),
            _ => Err(unsupported("a qualified name here")),
        }
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

/// Refuses if a clause that we don't know was used.
pub(super) fn refuse_if(used: bool, what: &str) -> Result<(), Error> {
    if used { Err(unsupported(what)) } else { Ok(()) }
}

fn first_words(text: &str) -> String {
    text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// sqlparser writes the place of an error into its message: ` at Line: 1, Column: 5`.
fn location_in(message: &str) -> Option<Location> {
    let (_, place) = message.rsplit_once(" at Line: ")?;
    let (line, column) = place.split_once(", Column: ")?;
    Some(Location::new(line.trim().parse().ok()?, column.trim().parse().ok()?))
}
