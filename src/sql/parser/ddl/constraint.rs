//! Constraints of tables and columns.

use sqlparser::tokenizer::Token;

use super::piece;
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{ConstraintKind, ForeignKey, KeyClause, Name, TableConstraint};
use crate::sql::parser::cursor::Cursor;
use crate::sql::parser::unsupported;

/// A table constraint, if one starts here.
pub(super) fn table(cursor: &mut Cursor<'_>) -> Result<Option<TableConstraint>, Error> {
    let start = cursor.at;
    let name = if cursor.eat("CONSTRAINT") { Some(cursor.name()?) } else { None };
    let position = position(cursor);
    let kind = if cursor.eat("PRIMARY KEY") {
        ConstraintKind::PrimaryKey(key(cursor)?)
    } else if cursor.word().as_deref() == Some("UNIQUE") && starts_key(cursor) {
        cursor.expect("UNIQUE")?;
        ConstraintKind::Unique(key(cursor)?)
    } else if cursor.word().as_deref() == Some("CHECK") && next_is(cursor, &Token::LParen) {
        cursor.expect("CHECK")?;
        ConstraintKind::Check(piece::parenthesized(cursor)?)
    } else if cursor.eat("FOREIGN KEY") {
        let columns = names(cursor)?;
        cursor.expect("REFERENCES")?;
        ConstraintKind::ForeignKey(references(cursor, columns)?)
    } else if cursor.word().as_deref() == Some("EXCLUDE")
        && (name.is_some() || cursor.tokens.len() > cursor.at + 2)
        && (next_is(cursor, &Token::LParen) || is_word(cursor, 1, "USING"))
    {
        return Err(unsupported("an exclusion constraint"));
    } else if name.is_some() {
        return Err(cursor.unexpected());
    } else {
        cursor.at = start;
        return Ok(None);
    };
    attributes(cursor, TableConstraint { position, ..plain(name, kind) }).map(Some)
}

fn plain(name: Option<Name>, kind: ConstraintKind) -> TableConstraint {
    TableConstraint {
        name,
        kind,
        deferrable: false,
        initially_deferred: false,
        not_valid: false,
        no_inherit: false,
        position: 0,
    }
}

fn position(cursor: &Cursor<'_>) -> u32 {
    cursor.tokens.get(cursor.at).map_or(0, |token| cursor.convert.position(token.span))
}

fn next_is(cursor: &Cursor<'_>, token: &Token) -> bool {
    cursor.tokens.get(cursor.at + 1).is_some_and(|next| next.token == *token)
}

fn is_word(cursor: &Cursor<'_>, offset: usize, word: &str) -> bool {
    cursor
        .tokens
        .get(cursor.at + offset)
        .and_then(|next| crate::sql::parser::word::upper(&next.token))
        .is_some_and(|found| found == word)
}

/// Whether UNIQUE is a constraint here (a column may have that name).
fn starts_key(cursor: &Cursor<'_>) -> bool {
    next_is(cursor, &Token::LParen) || is_word(cursor, 1, "NULLS") || is_word(cursor, 1, "USING")
}

/// A column constraint, if one starts here.
pub(super) fn column(
    cursor: &mut Cursor<'_>,
    name: Option<Name>,
    column: &Name,
) -> Result<Option<TableConstraint>, Error> {
    let own = vec![column.clone()];
    let position = position(cursor);
    let kind = if cursor.eat("PRIMARY KEY") {
        let mut clause = KeyClause { columns: own, ..KeyClause::default() };
        index_parameters(cursor, &mut clause)?;
        ConstraintKind::PrimaryKey(clause)
    } else if cursor.eat("UNIQUE") {
        let nulls_not_distinct = nulls(cursor);
        let mut clause = KeyClause { columns: own, nulls_not_distinct, ..KeyClause::default() };
        index_parameters(cursor, &mut clause)?;
        ConstraintKind::Unique(clause)
    } else if cursor.eat("CHECK") {
        ConstraintKind::Check(piece::parenthesized(cursor)?)
    } else if cursor.eat("REFERENCES") {
        ConstraintKind::ForeignKey(references(cursor, own)?)
    } else {
        return Ok(None);
    };
    attributes(cursor, TableConstraint { position, ..plain(name, kind) }).map(Some)
}

/// `(a, b)`.
pub(super) fn names(cursor: &mut Cursor<'_>) -> Result<Vec<Name>, Error> {
    cursor.expect_token(&Token::LParen)?;
    let names = cursor.names()?;
    cursor.expect_token(&Token::RParen)?;
    Ok(names)
}

/// `NULLS [NOT] DISTINCT`: whether they are not.
pub(super) fn nulls(cursor: &mut Cursor<'_>) -> bool {
    cursor.eat("NULLS NOT DISTINCT") || {
        cursor.eat("NULLS DISTINCT");
        false
    }
}

fn key(cursor: &mut Cursor<'_>) -> Result<KeyClause, Error> {
    if cursor.eat("USING INDEX") {
        return Ok(KeyClause { using_index: Some(cursor.name()?), ..KeyClause::default() });
    }
    let nulls_not_distinct = nulls(cursor);
    let mut clause =
        KeyClause { columns: names(cursor)?, nulls_not_distinct, ..KeyClause::default() };
    index_parameters(cursor, &mut clause)?;
    Ok(clause)
}

/// INCLUDE, WITH, USING INDEX TABLESPACE.
fn index_parameters(cursor: &mut Cursor<'_>, clause: &mut KeyClause) -> Result<(), Error> {
    if cursor.eat("INCLUDE") {
        clause.include = names(cursor)?;
    }
    if cursor.word().as_deref() == Some("WITH") && next_is(cursor, &Token::LParen) {
        cursor.expect("WITH")?;
        super::table::storage_parameters(cursor)?;
    }
    if cursor.eat("USING INDEX TABLESPACE") {
        super::table::tablespace(&cursor.name()?)?;
    }
    Ok(())
}

/// What is behind REFERENCES.
fn references(cursor: &mut Cursor<'_>, columns: Vec<Name>) -> Result<ForeignKey, Error> {
    let table = cursor.qualified_name()?;
    let foreign_columns =
        if cursor.peek() == Some(&Token::LParen) { names(cursor)? } else { Vec::new() };
    let mut key = ForeignKey {
        columns,
        table,
        foreign_columns,
        on_delete: 'a',
        on_update: 'a',
        match_full: false,
    };
    loop {
        if cursor.eat("MATCH FULL") {
            key.match_full = true;
        } else if cursor.eat("MATCH PARTIAL") {
            return Err(Error::refused("MATCH PARTIAL not yet implemented"));
        } else if cursor.eat("MATCH SIMPLE") {
        } else if cursor.eat("ON DELETE") {
            key.on_delete = action(cursor)?;
            if cursor.peek() == Some(&Token::LParen) {
                return Err(unsupported("ON DELETE SET of some columns only"));
            }
        } else if cursor.eat("ON UPDATE") {
            key.on_update = action(cursor)?;
        } else {
            return Ok(key);
        }
    }
}

fn action(cursor: &mut Cursor<'_>) -> Result<char, Error> {
    let actions = [
        ("NO ACTION", 'a'),
        ("RESTRICT", 'r'),
        ("CASCADE", 'c'),
        ("SET NULL", 'n'),
        ("SET DEFAULT", 'd'),
    ];
    actions
        .iter()
        .find(|(words, _)| cursor.eat(words))
        .map(|(_, letter)| *letter)
        .ok_or_else(|| cursor.unexpected())
}

/// DEFERRABLE, INITIALLY, NOT VALID, NO INHERIT.
fn attributes(
    cursor: &mut Cursor<'_>,
    mut constraint: TableConstraint,
) -> Result<TableConstraint, Error> {
    let mut refused = false;
    loop {
        if cursor.eat("NOT DEFERRABLE") {
            refused = true;
        } else if cursor.eat("DEFERRABLE") {
            constraint.deferrable = true;
        } else if cursor.eat("INITIALLY DEFERRED") {
            constraint.deferrable = true;
            constraint.initially_deferred = true;
        } else if cursor.eat("INITIALLY IMMEDIATE") {
            constraint.initially_deferred = false;
        } else if cursor.eat("NOT VALID") {
            constraint.not_valid = true;
        } else if cursor.eat("NO INHERIT") {
            constraint.no_inherit = true;
        } else {
            break;
        }
    }
    if refused && constraint.initially_deferred {
        return Err(Error::user(
            SqlState::SYNTAX_ERROR,
            "constraint declared INITIALLY DEFERRED must be DEFERRABLE",
        ));
    }
    let key = matches!(constraint.kind, ConstraintKind::PrimaryKey(_) | ConstraintKind::Unique(_));
    if key && constraint.deferrable {
        return Err(unsupported("a deferrable key"));
    }
    if matches!(constraint.kind, ConstraintKind::Check(_)) && constraint.deferrable {
        return Err(Error::refused("CHECK constraints cannot be marked DEFERRABLE"));
    }
    Ok(constraint)
}

/// `[NOT] DEFERRABLE [INITIALLY ...]` of ALTER CONSTRAINT.
pub(super) fn timing(cursor: &mut Cursor<'_>) -> Result<(bool, bool), Error> {
    let (mut deferrable, mut deferred) = (false, false);
    loop {
        if cursor.eat("NOT DEFERRABLE") {
            deferrable = false;
        } else if cursor.eat("DEFERRABLE") {
            deferrable = true;
        } else if cursor.eat("INITIALLY DEFERRED") {
            (deferrable, deferred) = (true, true);
        } else if cursor.eat("INITIALLY IMMEDIATE") {
            deferred = false;
        } else {
            return Ok((deferrable, deferred));
        }
    }
}
