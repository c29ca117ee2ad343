//! Definitions: CREATE, ALTER, DROP, COMMENT, TRUNCATE, REFRESH, REINDEX, GRANT, REVOKE.
//!
//! Read token by token: their texts are part of what the catalog keeps, and PostgreSQL's grammar for
//! them is small and regular. Expressions, types and queries in them are cut out ([`piece`]).

mod access;
mod alter;
mod constraint;
mod index;
mod object;
mod piece;
mod routine;
mod sequence;
mod table;
mod view;

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::unsupported;
use crate::model::error::Error;
use crate::sql::ast::{
    AlterAction, Definition, DropKind, OnCommit, Persistence, ReindexKind, RelationKind,
    RoutineKind, Statement,
};

type Parsed = Result<Definition, Error>;

/// Parses a definition; `None` if the statement isn't one.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Option<Result<Statement, Error>> {
    let start = cursor.at;
    let parsed = definition(cursor)?;
    if parsed.is_err() && cursor.at == start {
        return None;
    }
    Some(parsed.map(|definition| Statement::Define(Box::new(definition))))
}

fn definition(cursor: &mut Cursor<'_>) -> Option<Parsed> {
    let start = cursor.at;
    let found = match cursor.next_word().ok()?.as_str() {
        "CREATE" => create(cursor),
        "ALTER" => alter::alter(cursor),
        "DROP" => drop(cursor),
        "COMMENT" => Some(object::comment(cursor)),
        "TRUNCATE" => Some(truncate(cursor)),
        "REFRESH" => Some(view::refresh(cursor)),
        "REINDEX" => Some(reindex(cursor)),
        "GRANT" => Some(access::grant(cursor, false)),
        "REVOKE" => Some(access::grant(cursor, true)),
        "REASSIGN" => Some(access::reassign(cursor)),
        _ => None,
    };
    if found.is_none() {
        cursor.at = start;
    }
    found
}

fn create(cursor: &mut Cursor<'_>) -> Option<Parsed> {
    let or_replace = cursor.eat("OR REPLACE");
    let persistence = persistence(cursor);
    let plain = !or_replace && persistence == Persistence::Permanent;
    if cursor.eat("TABLE") {
        return Some(table::create(cursor, persistence));
    }
    if cursor.eat("VIEW") {
        return Some(view::create(cursor, or_replace, persistence));
    }
    if cursor.eat("SEQUENCE") {
        return Some(sequence::create(cursor, persistence));
    }
    for (word, kind) in [("FUNCTION", RoutineKind::Function), ("PROCEDURE", RoutineKind::Procedure)]
    {
        if persistence == Persistence::Permanent && cursor.eat(word) {
            return Some(routine::create_function(cursor, or_replace, kind));
        }
    }
    if persistence == Persistence::Permanent && cursor.eat("TRIGGER") {
        return Some(routine::create_trigger(cursor, or_replace));
    }
    if !plain {
        return None;
    }
    match cursor.next_word().ok()?.as_str() {
        "UNIQUE" => Some(cursor.expect("INDEX").and_then(|()| index::create(cursor, true))),
        "INDEX" => Some(index::create(cursor, false)),
        "MATERIALIZED" => {
            Some(cursor.expect("VIEW").and_then(|()| view::create_materialized(cursor)))
        }
        "RECURSIVE" => Some(Err(unsupported("CREATE RECURSIVE VIEW"))),
        "SCHEMA" => Some(object::create_schema(cursor)),
        "TYPE" => Some(object::create_type(cursor)),
        "DOMAIN" => Some(object::create_domain(cursor)),
        "EXTENSION" => Some(object::create_extension(cursor)),
        "ROLE" | "GROUP" => Some(access::create_role(cursor, false)),
        "USER" if cursor.word().as_deref() != Some("MAPPING") => {
            Some(access::create_role(cursor, true))
        }
        _ => None,
    }
}

/// TEMPORARY, UNLOGGED and their spellings. ON COMMIT comes later.
pub(super) fn persistence(cursor: &mut Cursor<'_>) -> Persistence {
    let scoped = cursor.eat("LOCAL") || cursor.eat("GLOBAL");
    if cursor.eat("TEMPORARY") || cursor.eat("TEMP") {
        Persistence::Temporary(OnCommit::Preserve)
    } else if !scoped && cursor.eat("UNLOGGED") {
        Persistence::Unlogged
    } else {
        Persistence::Permanent
    }
}

fn drop(cursor: &mut Cursor<'_>) -> Option<Parsed> {
    let kind = match cursor.next_word().ok()?.as_str() {
        "TABLE" => DropKind::Table,
        "INDEX" => {
            cursor.eat("CONCURRENTLY");
            DropKind::Index
        }
        "SEQUENCE" => DropKind::Sequence,
        "VIEW" => DropKind::View,
        "MATERIALIZED" => {
            if !cursor.eat("VIEW") {
                return Some(Err(cursor.unexpected()));
            }
            DropKind::MaterializedView
        }
        "SCHEMA" => DropKind::Schema,
        "TYPE" => DropKind::Type,
        "DOMAIN" => DropKind::Domain,
        "EXTENSION" => DropKind::Extension,
        "ROLE" | "GROUP" => return Some(access::drop_role(cursor)),
        "USER" if cursor.word().as_deref() != Some("MAPPING") => {
            return Some(access::drop_role(cursor));
        }
        "OWNED" => return Some(access::drop_owned(cursor)),
        "FUNCTION" => return Some(routine::drop_function(cursor, RoutineKind::Function)),
        "PROCEDURE" => return Some(routine::drop_function(cursor, RoutineKind::Procedure)),
        "ROUTINE" => return Some(routine::drop_function(cursor, RoutineKind::Any)),
        "TRIGGER" => return Some(routine::drop_trigger(cursor)),
        _ => return None,
    };
    Some(drop_names(cursor, kind))
}

fn drop_names(cursor: &mut Cursor<'_>, kind: DropKind) -> Parsed {
    let if_exists = cursor.eat("IF EXISTS");
    let names = cursor.qualified_names()?;
    Ok(Definition::Drop { kind, names, if_exists, cascade: cascade(cursor) })
}

/// CASCADE or RESTRICT, at the end.
fn cascade(cursor: &mut Cursor<'_>) -> bool {
    cursor.eat("CASCADE") || {
        cursor.eat("RESTRICT");
        false
    }
}

fn truncate(cursor: &mut Cursor<'_>) -> Parsed {
    cursor.eat("TABLE");
    let mut names = Vec::new();
    loop {
        cursor.eat("ONLY");
        names.push(cursor.qualified_name()?);
        cursor.eat_token(&Token::Mul);
        if !cursor.eat_token(&Token::Comma) {
            break;
        }
    }
    let restart_identity = cursor.eat("RESTART IDENTITY");
    if !restart_identity {
        cursor.eat("CONTINUE IDENTITY");
    }
    Ok(Definition::Truncate { names, restart_identity, cascade: cascade(cursor) })
}

fn reindex(cursor: &mut Cursor<'_>) -> Parsed {
    if cursor.peek() == Some(&Token::LParen) {
        // VERBOSE, TABLESPACE, CONCURRENTLY: how, not what.
        cursor.parenthesized()?;
    }
    let kind = match cursor.next_word()?.as_str() {
        "TABLE" => ReindexKind::Table,
        "INDEX" => ReindexKind::Index,
        "SCHEMA" => ReindexKind::Schema,
        "DATABASE" | "SYSTEM" => ReindexKind::Database,
        _ => {
            cursor.at -= 1;
            return Err(cursor.unexpected());
        }
    };
    cursor.eat("CONCURRENTLY");
    let name = if cursor.at_end() { None } else { Some(cursor.qualified_name()?) };
    Ok(Definition::Reindex { kind, name })
}

/// RENAME TO, SET SCHEMA, OWNER TO of relations other than tables.
fn other_change(cursor: &mut Cursor<'_>) -> Result<Option<AlterAction>, Error> {
    Ok(if cursor.eat("RENAME TO") {
        Some(AlterAction::Rename { to: cursor.name()? })
    } else if cursor.eat("SET SCHEMA") {
        Some(AlterAction::SetSchema { schema: cursor.name()? })
    } else if cursor.eat("OWNER TO") {
        Some(AlterAction::Owner { role: cursor.name()? })
    } else {
        None
    })
}

fn relation_kind(word: &str) -> Option<RelationKind> {
    Some(match word {
        "TABLE" => RelationKind::Table,
        "INDEX" => RelationKind::Index,
        "VIEW" => RelationKind::View,
        "SEQUENCE" => RelationKind::Sequence,
        _ => return None,
    })
}
