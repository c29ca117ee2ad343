//! PREPARE, EXECUTE, cursors, EXPLAIN: statements about other statements.

use std::sync::Arc;

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::{ParsedStatement, copy, parse_statement, unsupported};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::Statement;
use crate::sql::{CursorOptions, ExplainFormat, ExplainOptions, FetchCount, Parsed};

/// The rest of a statement behind its first word.
pub(super) fn read(cursor: &mut Cursor<'_>, first: &str) -> Result<Statement, Error> {
    match first {
        "PREPARE" => prepare(cursor),
        "EXECUTE" => execute(cursor),
        "DEALLOCATE" => {
            if cursor.is_word("PREPARE") && cursor.peek_at(1).is_some() {
                cursor.at += 1;
            }
            let name = if cursor.eat("ALL") { None } else { Some(cursor.own_name()?) };
            Ok(Statement::Deallocate { name })
        }
        "DECLARE" => declare(cursor),
        "CLOSE" => {
            let name = if cursor.eat("ALL") { None } else { Some(cursor.own_name()?) };
            Ok(Statement::CloseCursor { name })
        }
        _ => fetch(cursor, first == "MOVE"),
    }
}

/// A statement that is part of another one: what is left of the tokens.
fn inner_statement(cursor: &mut Cursor<'_>) -> Result<Box<Parsed>, Error> {
    let tokens = &cursor.tokens[cursor.at..];
    if tokens.is_empty() {
        return Err(cursor.unexpected());
    }
    let ParsedStatement { statement, parameters } =
        parse_statement(cursor.convert.source, tokens, cursor.convert.end)?;
    cursor.at = cursor.tokens.len();
    Ok(Box::new(Parsed { statement, parameters, names: Arc::default() }))
}

/// An inner statement that must be one of the kinds that PREPARE and EXPLAIN take.
fn optimizable(cursor: &mut Cursor<'_>) -> Result<Box<Parsed>, Error> {
    let start = cursor.at;
    let statement = inner_statement(cursor)?;
    match statement.statement {
        Statement::Query(_)
        | Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Merge(_)
        | Statement::Unsupported(_) => Ok(statement),
        _ => {
            cursor.at = start;
            Err(cursor.unexpected())
        }
    }
}

fn prepare(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    if cursor.eat("TRANSACTION") {
        return Err(unsupported("two-phase commit"));
    }
    let name = cursor.own_name()?;
    let mut types = Vec::new();
    if cursor.eat_token(&Token::LParen) {
        types = cursor.list(Cursor::type_name)?;
        cursor.expect_token(&Token::RParen)?;
    }
    cursor.expect("AS")?;
    let text = cursor.convert.source.text.to_owned();
    Ok(Statement::Prepare { name, types, statement: optimizable(cursor)?, text })
}

fn execute(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    let name = cursor.own_name()?;
    let mut arguments = Vec::new();
    if cursor.eat_token(&Token::LParen) {
        arguments = cursor.exprs()?;
        cursor.expect_token(&Token::RParen)?;
    }
    Ok(Statement::Execute { name, arguments })
}

fn declare(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    let name = cursor.own_name()?;
    let mut options = CursorOptions::default();
    loop {
        if cursor.eat("BINARY") {
            options.binary = true;
        } else if cursor.eat("NO SCROLL") {
            options.scroll = Some(false);
        } else if cursor.eat("SCROLL") {
            options.scroll = Some(true);
        } else if !cursor.eat("ASENSITIVE") && !cursor.eat("INSENSITIVE") {
            break;
        }
    }
    cursor.expect("CURSOR")?;
    if cursor.eat("WITH HOLD") {
        options.hold = true;
    } else {
        cursor.eat("WITHOUT HOLD");
    }
    cursor.expect("FOR")?;
    let start = cursor.at;
    let query = inner_statement(cursor)?;
    match &query.statement {
        Statement::Query(_) | Statement::Unsupported(_) => {}
        _ => {
            cursor.at = start;
            return Err(cursor.unexpected());
        }
    }
    Ok(Statement::Declare { name, query, options })
}

fn fetch(cursor: &mut Cursor<'_>, move_only: bool) -> Result<Statement, Error> {
    // `FETCH next` takes a row of the cursor that is called `next`.
    let more = cursor.tokens.len() > cursor.at + 1;
    let count = if more { direction(cursor)? } else { FetchCount::Forward(1) };
    let _ = cursor.eat("FROM") || cursor.eat("IN");
    Ok(Statement::Fetch { name: cursor.own_name()?, count, move_only })
}

fn direction(cursor: &mut Cursor<'_>) -> Result<FetchCount, Error> {
    let is_number = |cursor: &Cursor<'_>| {
        matches!(cursor.peek(), Some(Token::Number(..) | Token::Minus | Token::Plus))
    };
    Ok(if cursor.eat("NEXT") {
        FetchCount::Forward(1)
    } else if cursor.eat("PRIOR") {
        FetchCount::Backward(1)
    } else if cursor.eat("FIRST") {
        FetchCount::Absolute(1)
    } else if cursor.eat("LAST") {
        FetchCount::Absolute(-1)
    } else if cursor.eat("ABSOLUTE") {
        FetchCount::Absolute(cursor.integer()?)
    } else if cursor.eat("RELATIVE") {
        FetchCount::Relative(cursor.integer()?)
    } else if cursor.eat("ALL") || cursor.eat("FORWARD ALL") {
        FetchCount::ForwardAll
    } else if cursor.eat("BACKWARD ALL") {
        FetchCount::BackwardAll
    } else if cursor.eat("FORWARD") {
        if is_number(cursor) { forward(cursor.integer()?) } else { FetchCount::Forward(1) }
    } else if cursor.eat("BACKWARD") {
        if is_number(cursor) { forward(-cursor.integer()?) } else { FetchCount::Backward(1) }
    } else if is_number(cursor) {
        forward(cursor.integer()?)
    } else {
        FetchCount::Forward(1)
    })
}

/// So many rows ahead; a negative number counts backward.
fn forward(count: i64) -> FetchCount {
    if count < 0 {
        FetchCount::Backward(count.unsigned_abs())
    } else {
        FetchCount::Forward(count.unsigned_abs())
    }
}

pub(super) fn explain(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    let mut options = ExplainOptions::default();
    if cursor.peek() == Some(&Token::LParen) && !cursor.may_be_query() {
        cursor.at += 1;
        cursor.list(|cursor| explain_option(cursor, &mut options))?;
        cursor.expect_token(&Token::RParen)?;
    } else {
        options.analyze = cursor.eat("ANALYZE") || cursor.eat("ANALYSE");
        options.verbose = cursor.eat("VERBOSE");
    }
    for (asked, name) in [(options.wal, "WAL"), (options.timing == Some(true), "TIMING")] {
        if asked && !options.analyze {
            let message = format!("EXPLAIN option {name} requires ANALYZE");
            return Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message));
        }
    }
    let start = cursor.at;
    let statement = inner_statement(cursor)?;
    match &statement.statement {
        Statement::Query(_)
        | Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Merge(_)
        | Statement::Execute { .. }
        | Statement::Declare { .. }
        | Statement::Unsupported(_) => Ok(Statement::Explain { options, statement }),
        Statement::Define(definition)
            if matches!(**definition, crate::sql::ast::Definition::CreateTableAs(_)) =>
        {
            Err(unsupported("EXPLAIN of CREATE TABLE AS"))
        }
        _ => {
            cursor.at = start;
            Err(cursor.unexpected())
        }
    }
}

fn explain_option(cursor: &mut Cursor<'_>, options: &mut ExplainOptions) -> Result<(), Error> {
    let position = cursor.position();
    match cursor.next_word()?.as_str() {
        "ANALYZE" | "ANALYSE" => options.analyze = copy::flag(cursor)?,
        "VERBOSE" => options.verbose = copy::flag(cursor)?,
        "COSTS" => options.costs = Some(copy::flag(cursor)?),
        "SUMMARY" => options.summary = Some(copy::flag(cursor)?),
        "TIMING" => options.timing = Some(copy::flag(cursor)?),
        "FORMAT" => {
            let name = match cursor.peek() {
                Some(Token::Word(_)) => cursor.name()?.text,
                _ => cursor.string()?,
            };
            options.format = match name.as_str() {
                "text" => ExplainFormat::Text,
                "json" => ExplainFormat::Json,
                "xml" => ExplainFormat::Xml,
                "yaml" => ExplainFormat::Yaml,
                _ => {
                    let message =
                        format!("unrecognized value for EXPLAIN option \"format\": \"{name}\"");
                    return Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message)
                        .with_position(position));
                }
            };
        }
        // What they would tell is there only if it isn't nothing: no planner's setting is changed, as
        // there are none, and SQLite counts neither buffers nor what it logs.
        "SETTINGS" | "BUFFERS" => {
            copy::flag(cursor)?;
        }
        "WAL" => options.wal = copy::flag(cursor)?,
        other => {
            let message = format!("unrecognized EXPLAIN option \"{}\"", other.to_lowercase());
            return Err(Error::user(SqlState::SYNTAX_ERROR, message).with_position(position));
        }
    }
    Ok(())
}
