//! ALTER TABLE, INDEX, VIEW, SEQUENCE and the rest.

use sqlparser::tokenizer::Token;

use super::{
    Parsed, access, constraint, object, other_change, piece, relation_kind, routine, sequence,
    table,
};
use crate::model::error::Error;
use crate::sql::ast::{
    AlterAction, Definition, IdentityClause, Name, RelationKind, RoutineKind, SequenceOptions,
};
use crate::sql::parser::cursor::Cursor;
use crate::sql::parser::unsupported;

/// Parses ALTER of what is known here; the cursor stands behind ALTER.
pub(super) fn alter(cursor: &mut Cursor<'_>) -> Option<Parsed> {
    let word = cursor.next_word().ok()?;
    Some(match word.as_str() {
        "TABLE" | "INDEX" | "VIEW" => {
            let kind = relation_kind(&word)?;
            relation(cursor, kind)
        }
        "MATERIALIZED" => {
            cursor.expect("VIEW").and_then(|()| relation(cursor, RelationKind::MaterializedView))
        }
        "SEQUENCE" => alter_sequence(cursor),
        "SCHEMA" => object::alter_schema(cursor),
        "TYPE" => object::alter_type(cursor),
        "DOMAIN" => object::alter_domain(cursor),
        "FUNCTION" => routine::alter_function(cursor, RoutineKind::Function),
        "PROCEDURE" => routine::alter_function(cursor, RoutineKind::Procedure),
        "ROUTINE" => routine::alter_function(cursor, RoutineKind::Any),
        "ROLE" | "GROUP" => access::alter_role(cursor),
        "USER" if cursor.word().as_deref() != Some("MAPPING") => access::alter_role(cursor),
        "DEFAULT" => access::alter_default(cursor),
        _ => return None,
    })
}

fn relation(cursor: &mut Cursor<'_>, kind: RelationKind) -> Parsed {
    if cursor.eat("ALL IN TABLESPACE") {
        return Err(unsupported("ALTER TABLE ALL IN TABLESPACE"));
    }
    let if_exists = cursor.eat("IF EXISTS");
    cursor.eat("ONLY");
    let name = cursor.qualified_name()?;
    cursor.eat_token(&Token::Mul);
    let mut actions = Vec::new();
    loop {
        actions.push(action(cursor)?);
        if !cursor.eat_token(&Token::Comma) {
            break;
        }
    }
    Ok(Definition::Alter { kind, name, if_exists, actions })
}

fn alter_sequence(cursor: &mut Cursor<'_>) -> Parsed {
    let if_exists = cursor.eat("IF EXISTS");
    let name = cursor.qualified_name()?;
    if let Some(action) = other_change(cursor)? {
        let (kind, actions) = (RelationKind::Sequence, vec![action]);
        return Ok(Definition::Alter { kind, name, if_exists, actions });
    }
    let mut options = SequenceOptions::default();
    if !sequence::option(cursor, &mut options)? {
        return Err(cursor.unexpected());
    }
    while sequence::option(cursor, &mut options)? {}
    Ok(Definition::AlterSequence { name, if_exists, options })
}

/// Words of actions that only tune a storage that isn't there, or say what is always so.
const TUNING: &[&str] = &[
    "CLUSTER ON",
    "SET WITHOUT CLUSTER",
    "SET WITHOUT OIDS",
    "SET LOGGED",
    "SET UNLOGGED",
    "REPLICA IDENTITY",
    "SET TABLESPACE",
    "SET (",
    "RESET (",
    "SET ACCESS METHOD",
];

/// ENABLE TRIGGER and DISABLE TRIGGER.
fn enabling(cursor: &mut Cursor<'_>) -> Option<bool> {
    let words = ["ENABLE TRIGGER", "ENABLE ALWAYS TRIGGER"];
    if words.into_iter().any(|words| cursor.eat(words)) {
        return Some(true);
    }
    cursor.eat("DISABLE TRIGGER").then_some(false)
}

fn action(cursor: &mut Cursor<'_>) -> Result<AlterAction, Error> {
    if let Some(change) = other_change(cursor)? {
        return Ok(change);
    }
    if let Some(enabled) = enabling(cursor) {
        let all = cursor.eat("ALL") || cursor.eat("USER");
        let name = if all { None } else { Some(cursor.name()?) };
        return Ok(AlterAction::Trigger { name, enabled });
    }
    if cursor.eat("ADD") {
        return add(cursor);
    }
    if cursor.eat("DROP") {
        return drop(cursor);
    }
    if cursor.eat("RENAME CONSTRAINT") {
        let from = cursor.name()?;
        cursor.expect("TO")?;
        return Ok(AlterAction::RenameConstraint { from, to: cursor.name()? });
    }
    if cursor.eat("RENAME") {
        cursor.eat("COLUMN");
        let from = cursor.name()?;
        cursor.expect("TO")?;
        return Ok(AlterAction::RenameColumn { from, to: cursor.name()? });
    }
    if cursor.eat("ALTER CONSTRAINT") {
        let name = cursor.name()?;
        let (deferrable, initially_deferred) = constraint::timing(cursor)?;
        return Ok(AlterAction::AlterConstraint { name, deferrable, initially_deferred });
    }
    if cursor.eat("ALTER") {
        cursor.eat("COLUMN");
        let column = cursor.name()?;
        return alter_column(cursor, column);
    }
    if cursor.eat("VALIDATE CONSTRAINT") {
        return Ok(AlterAction::ValidateConstraint { name: cursor.name()? });
    }
    tuning(cursor)
}

fn tuning(cursor: &mut Cursor<'_>) -> Result<AlterAction, Error> {
    for words in TUNING {
        let found = match words.strip_suffix(" (") {
            Some(word) => {
                let open = cursor.tokens.get(cursor.at + 1).map(|next| &next.token);
                open == Some(&Token::LParen) && cursor.eat(word)
            }
            None => cursor.eat(words),
        };
        if !found {
            continue;
        }
        match *words {
            "SET (" => table::storage_parameters(cursor)?,
            "RESET (" => {
                cursor.parenthesized()?;
            }
            "CLUSTER ON" => {
                cursor.name()?;
            }
            "SET TABLESPACE" => table::tablespace(&cursor.name()?)?,
            "SET ACCESS METHOD" => cursor.expect("HEAP")?,
            "REPLICA IDENTITY" => replica_identity(cursor)?,
            _ => {}
        }
        return Ok(AlterAction::Tuning);
    }
    let word = cursor.next_word()?;
    let known =
        ["ENABLE", "DISABLE", "INHERIT", "NO", "OF", "NOT", "ATTACH", "DETACH", "FORCE", "DEPENDS"];
    if known.contains(&word.as_str()) {
        return Err(unsupported(&format!("ALTER TABLE ... {word}")));
    }
    cursor.at -= 1;
    Err(cursor.unexpected())
}

/// What of a row goes to logical replication, which there is none of.
fn replica_identity(cursor: &mut Cursor<'_>) -> Result<(), Error> {
    if cursor.eat("USING INDEX") {
        cursor.name()?;
    } else if !(cursor.eat("FULL") || cursor.eat("NOTHING") || cursor.eat("DEFAULT")) {
        return Err(cursor.unexpected());
    }
    Ok(())
}

fn add(cursor: &mut Cursor<'_>) -> Result<AlterAction, Error> {
    if let Some(constraint) = constraint::table(cursor)? {
        return Ok(AlterAction::AddConstraint(constraint));
    }
    cursor.eat("COLUMN");
    let if_not_exists = cursor.eat("IF NOT EXISTS");
    Ok(AlterAction::AddColumn { column: table::column(cursor)?, if_not_exists })
}

fn drop(cursor: &mut Cursor<'_>) -> Result<AlterAction, Error> {
    let constraint = cursor.eat("CONSTRAINT");
    if !constraint {
        cursor.eat("COLUMN");
    }
    let if_exists = cursor.eat("IF EXISTS");
    let name = cursor.name()?;
    let cascade = super::cascade(cursor);
    Ok(if constraint {
        AlterAction::DropConstraint { name, if_exists, cascade }
    } else {
        AlterAction::DropColumn { name, if_exists, cascade }
    })
}

fn alter_column(cursor: &mut Cursor<'_>, column: Name) -> Result<AlterAction, Error> {
    if cursor.eat("SET DATA TYPE") || cursor.eat("TYPE") {
        let data_type = cursor.type_name()?;
        if cursor.eat("COLLATE") {
            table::collation(&cursor.qualified_name()?)?;
        }
        let using = if cursor.eat("USING") { Some(piece::up_to(cursor, &[])?) } else { None };
        return Ok(AlterAction::SetType { column, data_type, using });
    }
    if cursor.eat("SET NOT NULL") {
        return Ok(AlterAction::SetNotNull { column, set: true });
    }
    if cursor.eat("DROP NOT NULL") {
        return Ok(AlterAction::SetNotNull { column, set: false });
    }
    if cursor.eat("SET DEFAULT") {
        let default = Some(piece::up_to(cursor, &[])?);
        return Ok(AlterAction::SetDefault { column, default });
    }
    if cursor.eat("DROP DEFAULT") {
        return Ok(AlterAction::SetDefault { column, default: None });
    }
    if cursor.eat("DROP IDENTITY") {
        return Ok(AlterAction::DropIdentity { column, if_exists: cursor.eat("IF EXISTS") });
    }
    if cursor.eat("DROP EXPRESSION") {
        return Ok(AlterAction::DropExpression { column, if_exists: cursor.eat("IF EXISTS") });
    }
    if cursor.eat("ADD GENERATED") {
        let always = cursor.eat("ALWAYS");
        if !always {
            cursor.expect("BY DEFAULT")?;
        }
        cursor.expect("AS IDENTITY")?;
        let identity = IdentityClause { always, options: sequence::in_parentheses(cursor)? };
        return Ok(AlterAction::AddIdentity { column, identity });
    }
    if cursor.eat("SET STATISTICS") {
        cursor.integer()?;
        return Ok(AlterAction::Tuning);
    }
    if cursor.eat("SET STORAGE") || cursor.eat("SET COMPRESSION") {
        cursor.name()?;
        return Ok(AlterAction::Tuning);
    }
    let open = cursor.tokens.get(cursor.at + 1).map(|next| &next.token) == Some(&Token::LParen);
    if open && (cursor.eat("SET") || cursor.eat("RESET")) {
        cursor.parenthesized()?;
        return Ok(AlterAction::Tuning);
    }
    set_identity(cursor, column)
}

/// SET GENERATED ..., SET sequence_option, RESTART.
fn set_identity(cursor: &mut Cursor<'_>, column: Name) -> Result<AlterAction, Error> {
    let mut always = None;
    let mut options = SequenceOptions::default();
    let start = cursor.at;
    loop {
        if cursor.eat("SET GENERATED ALWAYS") {
            always = Some(true);
        } else if cursor.eat("SET GENERATED BY DEFAULT") {
            always = Some(false);
        } else if cursor.word().as_deref() == Some("RESTART") || cursor.eat("SET") {
            if !sequence::option(cursor, &mut options)? {
                return Err(cursor.unexpected());
            }
        } else if cursor.at == start {
            return Err(cursor.unexpected());
        } else {
            return Ok(AlterAction::SetIdentity { column, always, options });
        }
    }
}
