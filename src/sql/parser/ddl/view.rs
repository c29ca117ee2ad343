//! CREATE VIEW, CREATE MATERIALIZED VIEW, REFRESH.

use sqlparser::tokenizer::Token;

use super::{Parsed, constraint, piece, table};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{CreateTableAs, CreateView, Definition, Name, Persistence};
use crate::sql::parser::cursor::Cursor;
use crate::sql::parser::unsupported;

fn column_names(cursor: &mut Cursor<'_>) -> Result<Vec<Name>, Error> {
    if cursor.peek() == Some(&Token::LParen) { constraint::names(cursor) } else { Ok(Vec::new()) }
}

pub(super) fn create(
    cursor: &mut Cursor<'_>,
    or_replace: bool,
    persistence: Persistence,
) -> Parsed {
    if persistence == Persistence::Unlogged {
        cursor.at -= 1;
        return Err(cursor.unexpected());
    }
    let name = cursor.qualified_name()?;
    let columns = column_names(cursor)?;
    let mut check_option = if cursor.eat("WITH") { options(cursor)? } else { String::new() };
    cursor.expect("AS")?;
    let (query, text) = piece::query(cursor)?;
    if cursor.eat("WITH") {
        let local = cursor.eat("LOCAL");
        if !local {
            cursor.eat("CASCADED");
        }
        cursor.expect("CHECK OPTION")?;
        if !check_option.is_empty() {
            let message = "parameter \"check_option\" specified more than once";
            return Err(Error::user(SqlState::SYNTAX_ERROR, message));
        }
        (if local { "local" } else { "cascaded" }).clone_into(&mut check_option);
    }
    Ok(Definition::CreateView(CreateView {
        name,
        or_replace,
        persistence,
        columns,
        query,
        text,
        check_option,
    }))
}

/// `WITH (...)` of a view: its CHECK OPTION.
fn options(cursor: &mut Cursor<'_>) -> Result<String, Error> {
    cursor.expect_token(&Token::LParen)?;
    let mut check_option;
    loop {
        let name = cursor.name()?;
        let value =
            if cursor.eat_token(&Token::Eq) { option_value(cursor)? } else { "true".to_owned() };
        match name.text.as_str() {
            "check_option" => {
                let value = value.to_lowercase();
                if value != "local" && value != "cascaded" {
                    let message =
                        format!("invalid value for enum option \"check_option\": {value}");
                    return Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message)
                        .with_detail("Valid values are \"local\" and \"cascaded\"."));
                }
                check_option = value;
            }
            "security_barrier" | "security_invoker" => {
                return Err(unsupported(&format!("{} of a view", name.text)));
            }
            other => {
                let message = format!("unrecognized parameter \"{other}\"");
                return Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message));
            }
        }
        if !cursor.eat_token(&Token::Comma) {
            break;
        }
    }
    cursor.expect_token(&Token::RParen)?;
    Ok(check_option)
}

pub(super) fn create_materialized(cursor: &mut Cursor<'_>) -> Parsed {
    let if_not_exists = cursor.eat("IF NOT EXISTS");
    let name = cursor.qualified_name()?;
    let columns = column_names(cursor)?;
    if cursor.eat("USING") {
        cursor.expect("HEAP")?;
    }
    if cursor.eat("WITH") {
        table::storage_parameters(cursor)?;
    }
    if cursor.eat("TABLESPACE") {
        table::tablespace(&cursor.name()?)?;
    }
    cursor.expect("AS")?;
    let (query, text) = piece::query(cursor)?;
    let with_data = table::with_data(cursor);
    Ok(Definition::CreateTableAs(CreateTableAs {
        name,
        persistence: Persistence::Permanent,
        if_not_exists,
        columns,
        query,
        text,
        with_data,
        materialized_view: true,
    }))
}

pub(super) fn refresh(cursor: &mut Cursor<'_>) -> Parsed {
    cursor.expect("MATERIALIZED VIEW")?;
    let concurrently = cursor.eat("CONCURRENTLY");
    let name = cursor.qualified_name()?;
    let with_data = table::with_data(cursor);
    if concurrently && !with_data {
        return Err(Error::user(
            SqlState::SYNTAX_ERROR,
            "REFRESH options CONCURRENTLY and WITH NO DATA cannot be used together",
        ));
    }
    Ok(Definition::Refresh { name, with_data, concurrently })
}

fn option_value(cursor: &mut Cursor<'_>) -> Result<String, Error> {
    match cursor.peek() {
        Some(Token::SingleQuotedString(_)) => cursor.string(),
        _ => Ok(cursor.next_word()?.to_lowercase()),
    }
}
