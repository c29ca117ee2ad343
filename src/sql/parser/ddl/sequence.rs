//! CREATE SEQUENCE, ALTER SEQUENCE, and the options of identity columns.

use sqlparser::tokenizer::Token;

use super::Parsed;
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{CreateSequence, Definition, Persistence, SequenceOptions};
use crate::sql::parser::cursor::Cursor;

pub(super) fn create(cursor: &mut Cursor<'_>, persistence: Persistence) -> Parsed {
    let if_not_exists = cursor.eat("IF NOT EXISTS");
    let name = cursor.qualified_name()?;
    let mut options = SequenceOptions::default();
    while option(cursor, &mut options)? {}
    Ok(Definition::CreateSequence(CreateSequence { name, persistence, if_not_exists, options }))
}

/// The options in parentheses behind IDENTITY, if there are any.
pub(super) fn in_parentheses(cursor: &mut Cursor<'_>) -> Result<SequenceOptions, Error> {
    let mut options = SequenceOptions::default();
    if cursor.eat_token(&Token::LParen) {
        while option(cursor, &mut options)? {}
        cursor.expect_token(&Token::RParen)?;
    }
    Ok(options)
}

fn twice<T>(slot: &mut Option<T>, value: T) -> Result<(), Error> {
    if slot.replace(value).is_some() {
        return Err(Error::user(SqlState::SYNTAX_ERROR, "conflicting or redundant options"));
    }
    Ok(())
}

/// Reads one option; false where none starts.
pub(super) fn option(
    cursor: &mut Cursor<'_>,
    options: &mut SequenceOptions,
) -> Result<bool, Error> {
    if cursor.eat("AS") {
        twice(&mut options.data_type, cursor.type_name()?)?;
    } else if cursor.eat("START") {
        cursor.eat("WITH");
        twice(&mut options.start, cursor.integer()?)?;
    } else if cursor.eat("INCREMENT") {
        cursor.eat("BY");
        twice(&mut options.increment, cursor.integer()?)?;
    } else if cursor.eat("NO MINVALUE") {
        twice(&mut options.minimum, None)?;
    } else if cursor.eat("MINVALUE") {
        twice(&mut options.minimum, Some(cursor.integer()?))?;
    } else if cursor.eat("NO MAXVALUE") {
        twice(&mut options.maximum, None)?;
    } else if cursor.eat("MAXVALUE") {
        twice(&mut options.maximum, Some(cursor.integer()?))?;
    } else if cursor.eat("CACHE") {
        twice(&mut options.cache, cursor.integer()?)?;
    } else if cursor.eat("NO CYCLE") {
        twice(&mut options.cycle, false)?;
    } else if cursor.eat("CYCLE") {
        twice(&mut options.cycle, true)?;
    } else if cursor.eat("RESTART") {
        let with = cursor.eat("WITH");
        let number = matches!(cursor.peek(), Some(Token::Number(..) | Token::Minus | Token::Plus));
        let value = if with || number { Some(cursor.integer()?) } else { None };
        twice(&mut options.restart, value)?;
    } else if cursor.eat("OWNED BY NONE") {
        twice(&mut options.owner, None)?;
    } else if cursor.eat("OWNED BY") {
        twice(&mut options.owner, Some(cursor.qualified_name()?))?;
    } else if cursor.eat("SEQUENCE NAME") {
        twice(&mut options.name, cursor.qualified_name()?)?;
    } else {
        return Ok(false);
    }
    Ok(true)
}
