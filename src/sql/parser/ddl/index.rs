//! CREATE INDEX.

use sqlparser::tokenizer::Token;

use super::{Parsed, constraint, piece, table};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{CreateIndex, Definition, IndexKey, OrderItem, QualifiedName};
use crate::sql::parser::cursor::Cursor;
use crate::sql::parser::{unsupported, word};

/// Words behind an index key's expression.
const AFTER_KEY: &[&str] = &["ASC", "DESC", "NULLS", "COLLATE"];

pub(super) fn create(cursor: &mut Cursor<'_>, unique: bool) -> Parsed {
    cursor.eat("CONCURRENTLY");
    let if_not_exists = cursor.eat("IF NOT EXISTS");
    let name = if cursor.word().as_deref() == Some("ON") { None } else { Some(cursor.name()?) };
    if name.is_none() && if_not_exists {
        return Err(cursor.unexpected());
    }
    cursor.expect("ON")?;
    cursor.eat("ONLY");
    let table = cursor.qualified_name()?;
    let method = if cursor.eat("USING") { cursor.name()?.text } else { "btree".to_owned() };
    let known = ["btree", "hash", "gist", "spgist", "gin", "brin"];
    if !known.contains(&method.as_str()) {
        let message = format!("access method \"{method}\" does not exist");
        return Err(Error::user(SqlState::UNDEFINED_OBJECT, message));
    }
    cursor.expect_token(&Token::LParen)?;
    let mut keys = vec![key(cursor)?];
    while cursor.eat_token(&Token::Comma) {
        keys.push(key(cursor)?);
    }
    cursor.expect_token(&Token::RParen)?;
    let include = if cursor.eat("INCLUDE") { constraint::names(cursor)? } else { Vec::new() };
    let nulls_not_distinct = constraint::nulls(cursor);
    if cursor.eat("WITH") {
        parameters(cursor)?;
    }
    if cursor.eat("TABLESPACE") {
        table::tablespace(&cursor.name()?)?;
    }
    let filter = if cursor.eat("WHERE") { Some(piece::up_to(cursor, &[])?) } else { None };
    Ok(Definition::CreateIndex(CreateIndex {
        name,
        table,
        unique,
        if_not_exists,
        method,
        keys,
        include,
        nulls_not_distinct,
        filter,
    }))
}

/// Storage parameters of indexes tune a storage that isn't there.
fn parameters(cursor: &mut Cursor<'_>) -> Result<(), Error> {
    let known = [
        "fillfactor",
        "deduplicate_items",
        "fastupdate",
        "gin_pending_list_limit",
        "buffering",
        "pages_per_range",
        "autosummarize",
    ];
    cursor.expect_token(&Token::LParen)?;
    loop {
        let name = cursor.name()?.text;
        if !known.contains(&name.as_str()) {
            let message = format!("unrecognized parameter \"{name}\"");
            return Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message));
        }
        if cursor.eat_token(&Token::Eq) {
            cursor.at += 1;
        }
        if !cursor.eat_token(&Token::Comma) {
            return cursor.expect_token(&Token::RParen);
        }
    }
}

/// One key: a column, a function call or an expression in parentheses, and how it is ordered.
fn key(cursor: &mut Cursor<'_>) -> Result<IndexKey, Error> {
    let whole = piece::until(cursor, |word, first| !first && AFTER_KEY.contains(&word));
    let (expression, class) = split_class(whole);
    let source = piece::source_of(cursor, expression)?;
    let mut operator_class = match class {
        [] => None,
        tokens => {
            let mut inner = Cursor::new(cursor.convert, tokens);
            let class = inner.qualified_name()?;
            if inner.peek() == Some(&Token::LParen) {
                return Err(unsupported("parameters of an operator class"));
            }
            inner.expect_end()?;
            Some(class)
        }
    };
    if cursor.eat("COLLATE") {
        table::collation(&cursor.qualified_name()?)?;
        if let Some(class) = class_after(cursor)? {
            operator_class = Some(class);
        }
    }
    let descending = cursor.eat("DESC");
    if !descending {
        cursor.eat("ASC");
    }
    let nulls_first = if cursor.eat("NULLS FIRST") {
        Some(true)
    } else if cursor.eat("NULLS LAST") {
        Some(false)
    } else {
        None
    };
    let item = OrderItem { expr: source.expr, descending, nulls_first };
    Ok(IndexKey { item, text: source.text, operator_class })
}

fn class_after(cursor: &mut Cursor<'_>) -> Result<Option<QualifiedName>, Error> {
    match cursor.word().as_deref() {
        None | Some("ASC" | "DESC" | "NULLS") => Ok(None),
        Some(_) => cursor.qualified_name().map(Some),
    }
}

type Tokens = [sqlparser::tokenizer::TokenWithSpan];

/// Where the key's expression ends and the name of an operator class begins: behind a closing
/// parenthesis, or behind a name that isn't followed by a dot or a parenthesis.
fn split_class(tokens: &Tokens) -> (&Tokens, &Tokens) {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate() {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        let next = tokens.get(at + 1).map(|next| &next.token);
        let ends = matches!(&token.token, Token::RParen | Token::Word(_));
        if depth == 0 && ends && matches!(next, Some(Token::Word(_))) {
            return tokens.split_at(at + 1);
        }
        if depth == 0 && word::upper(&token.token).is_none() && at == 0 && tokens.len() == 1 {
            break;
        }
    }
    (tokens, &[])
}
