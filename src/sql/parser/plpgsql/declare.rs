//! DECLARE.

use sqlparser::tokenizer::Token;

use super::{end, parsed, tokens_until};
use crate::model::error::Error;
use crate::sql::ast::{Declaration, VariableType};
use crate::sql::parser::cursor::Cursor;
use crate::sql::parser::unsupported;

pub(super) fn declarations(cursor: &mut Cursor<'_>) -> Result<Vec<Declaration>, Error> {
    let mut all = Vec::new();
    while !cursor.is_word("BEGIN") {
        // The word may stand before each.
        if !cursor.eat("DECLARE") {
            all.push(declaration(cursor)?);
        }
    }
    Ok(all)
}

fn declaration(cursor: &mut Cursor<'_>) -> Result<Declaration, Error> {
    let name = cursor.name()?.text;
    if cursor.is_word("ALIAS") {
        return Err(unsupported("ALIAS in PL/pgSQL"));
    }
    if cursor.is_word("CURSOR") || cursor.is_word("SCROLL") || cursor.is_word("REFCURSOR") {
        return Err(unsupported("a cursor in PL/pgSQL"));
    }
    let constant = cursor.eat("CONSTANT");
    let data_type = variable_type(cursor)?;
    if cursor.is_word("COLLATE") {
        return Err(unsupported("COLLATE of a variable in PL/pgSQL"));
    }
    let not_null = cursor.eat("NOT NULL");
    let has_default = cursor.eat("DEFAULT")
        || cursor.eat_token(&Token::Assignment)
        || cursor.eat_token(&Token::Eq);
    let default = if has_default {
        let tokens = tokens_until(cursor, |_| false);
        Some(parsed(cursor, tokens)?)
    } else {
        None
    };
    end(cursor)?;
    Ok(Declaration { name, constant, data_type, not_null, default })
}

fn variable_type(cursor: &mut Cursor<'_>) -> Result<VariableType, Error> {
    let start = cursor.at;
    if let Ok(name) = cursor.qualified_name()
        && cursor.eat_token(&Token::Mod)
    {
        if cursor.eat("ROWTYPE") {
            return Ok(VariableType::Row(name));
        }
        cursor.expect("TYPE")?;
        return Ok(VariableType::Same(name));
    }
    cursor.at = start;
    if cursor.eat("RECORD") {
        return Ok(VariableType::Record);
    }
    Ok(VariableType::Named(cursor.type_name()?))
}
