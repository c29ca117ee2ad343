//! Text to statements. The only caller of sqlparser.
//!
//! sqlparser's tokenizer cuts the text; its parser reads queries, data changes and table
//! definitions, and [`convert`](Convert) turns its tree into ours. Everything else that
//! PostgreSQL calls a utility statement is read here on the same tokens ([`utility`]), because
//! sqlparser misses or misreads much of it. Errors are PostgreSQL's, with positions.

mod cursor;
mod ddl;
mod dml;
mod expr;
mod literal;
mod query;
mod type_name;
mod utility;

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, Word};

use crate::model::error::{Error, SqlState};
use crate::sql::ast::{self, Name};

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
        .split(|token| token.token == Token::SemiColon)
        .filter(|statement| !statement.is_empty())
        .map(|statement| parse_statement(&source, statement))
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
    let convert = Convert { source: &source, tokens: &tokens };
    let expr = convert.run(&tokens, |parser| parser.parse_expr())?;
    convert.expr(&expr)
}

fn parse_statement(source: &Source, tokens: &[TokenWithSpan]) -> Result<ParsedStatement, Error> {
    let convert = Convert { source, tokens };
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
            None => Error::user(SqlState::SYNTAX_ERROR, "syntax error at end of input")
                .with_position(self.source.text.chars().count() as u32 + 1),
        }
    }

    /// A sqlparser statement as one of ours.
    fn statement(&self, tree: &sqlparser::ast::Statement) -> Result<ast::Statement, Error> {
        use sqlparser::ast::Statement as Tree;
        match tree {
            Tree::Query(query) => self.query_statement(query),
            Tree::Insert(insert) => Ok(ast::Statement::Insert(Box::new(self.insert(insert)?))),
            Tree::Update(update) => Ok(ast::Statement::Update(Box::new(self.update(update)?))),
            Tree::Delete(delete) => Ok(ast::Statement::Delete(Box::new(self.delete(delete)?))),
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

/// The upper-case text of an unquoted word.
pub(super) fn keyword(token: &Token) -> Option<String> {
    match token {
        Token::Word(Word { value, quote_style: None, .. }) => Some(value.to_uppercase()),
        _ => None,
    }
}
