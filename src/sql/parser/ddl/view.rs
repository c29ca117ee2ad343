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
    if cursor.eat("WITH") {
        return Err(unsupported("WITH in CREATE VIEW"));
    }
    cursor.expect("AS")?;
    let (query, text) = piece::query(cursor)?;
    if !cursor.at_end() {
        return Err(unsupported("WITH CHECK OPTION"));
    }
    Ok(Definition::CreateView(CreateView { name, or_replace, persistence, columns, query, text }))
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
