//! Schemas, types, domains, extensions, COMMENT.

use sqlparser::tokenizer::Token;

use super::{Parsed, piece, relation_kind, routine};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{
    AttributeChange, ColumnType, CommentObject, CreateDomain, Definition, DomainChange, EnumChange,
    Name, QualifiedName, RelationKind, RoutineKind, SchemaChange, TypeName,
};
use crate::sql::parser::cursor::Cursor;
use crate::sql::parser::unsupported;

pub(super) fn create_schema(cursor: &mut Cursor<'_>) -> Parsed {
    let if_not_exists = cursor.eat("IF NOT EXISTS");
    let named = cursor.word().as_deref() != Some("AUTHORIZATION");
    let name = if named { Some(cursor.own_name()?) } else { None };
    let role = if cursor.eat("AUTHORIZATION") { Some(cursor.name()?) } else { None };
    if !cursor.at_end() {
        return Err(unsupported("CREATE SCHEMA with elements"));
    }
    let name = name.or_else(|| role.clone()).ok_or_else(|| cursor.unexpected())?;
    Ok(Definition::CreateSchema { name, if_not_exists, owner: role })
}

pub(super) fn create_extension(cursor: &mut Cursor<'_>) -> Parsed {
    let if_not_exists = cursor.eat("IF NOT EXISTS");
    let name = cursor.name()?;
    cursor.eat("WITH");
    let (mut schema, mut version) = (None, None);
    loop {
        if cursor.eat("SCHEMA") {
            schema = Some(cursor.name()?);
        } else if cursor.eat("VERSION") {
            version = Some(match cursor.string() {
                Ok(version) => version,
                Err(_) => cursor.name()?.text,
            });
        } else if !cursor.eat("CASCADE") {
            break;
        }
    }
    Ok(Definition::CreateExtension { name, if_not_exists, schema, version })
}

pub(super) fn create_type(cursor: &mut Cursor<'_>) -> Parsed {
    let name = cursor.qualified_name()?;
    if !cursor.eat("AS ENUM") {
        if cursor.eat("AS RANGE") {
            return create_range(name, cursor);
        }
        let what = if cursor.eat("AS") {
            return composite_type(cursor, name);
        } else {
            "CREATE TYPE of a base type"
        };
        return Err(unsupported(what));
    }
    cursor.expect_token(&Token::LParen)?;
    let mut labels = Vec::new();
    if !cursor.eat_token(&Token::RParen) {
        loop {
            labels.push(cursor.string()?);
            if !cursor.eat_token(&Token::Comma) {
                break;
            }
        }
        cursor.expect_token(&Token::RParen)?;
    }
    Ok(Definition::CreateEnum { name, labels })
}

fn composite_type(cursor: &mut Cursor<'_>, name: QualifiedName) -> Parsed {
    cursor.expect_token(&Token::LParen)?;
    if cursor.eat_token(&Token::RParen) {
        return Ok(Definition::CreateComposite { name, attributes: Vec::new() });
    }
    let attributes = cursor.list(attribute)?;
    cursor.expect_token(&Token::RParen)?;
    Ok(Definition::CreateComposite { name, attributes })
}

/// `name type [COLLATE collation]`
fn attribute(cursor: &mut Cursor<'_>) -> Result<ColumnType, Error> {
    let name = cursor.own_name()?;
    attribute_type(cursor, name)
}

fn attribute_type(cursor: &mut Cursor<'_>, name: Name) -> Result<ColumnType, Error> {
    let data_type = cursor.type_name()?;
    let position = cursor.position();
    if cursor.eat("COLLATE") {
        let collation = cursor.qualified_name()?;
        let last = collation.last().map_or("", |last| last.text.as_str());
        if !matches!(last, "C" | "POSIX" | "default" | "ucs_basic") {
            let message = format!("collation \"{last}\" for encoding \"UTF8\" does not exist");
            let error = Error::user(SqlState::UNDEFINED_OBJECT, message);
            return Err(error.with_position(position));
        }
    }
    Ok(ColumnType { name, data_type })
}

/// ALTER TYPE of attributes. CASCADE and RESTRICT are about tables made of the type, which there are none of.
fn attribute_changes(cursor: &mut Cursor<'_>) -> Result<Option<Vec<AttributeChange>>, Error> {
    if cursor.eat("RENAME ATTRIBUTE") {
        let from = cursor.own_name()?;
        cursor.expect("TO")?;
        let to = cursor.own_name()?;
        behaviour(cursor);
        return Ok(Some(vec![AttributeChange::Rename { from, to }]));
    }
    let starts = ["ADD", "DROP", "ALTER"].iter().any(|word| cursor.is_word(word));
    if !starts {
        return Ok(None);
    }
    let changes = cursor.list(|cursor| {
        let change = if cursor.eat("ADD ATTRIBUTE") {
            AttributeChange::Add(attribute(cursor)?)
        } else if cursor.eat("DROP ATTRIBUTE") {
            let if_exists = cursor.eat("IF EXISTS");
            AttributeChange::Drop { name: cursor.own_name()?, if_exists }
        } else {
            cursor.expect("ALTER ATTRIBUTE")?;
            let name = cursor.own_name()?;
            cursor.eat("SET DATA");
            cursor.expect("TYPE")?;
            AttributeChange::Type(attribute_type(cursor, name)?)
        };
        behaviour(cursor);
        Ok(change)
    })?;
    Ok(Some(changes))
}

fn behaviour(cursor: &mut Cursor<'_>) {
    let _ = cursor.eat("CASCADE") || cursor.eat("RESTRICT");
}

/// `(subtype = float8, collation = "C", ...)`: values are names, also in quotes.
fn create_range(name: Vec<Name>, cursor: &mut Cursor<'_>) -> Parsed {
    cursor.expect_token(&Token::LParen)?;
    let options = cursor.list(|cursor| {
        let option = cursor.name()?;
        cursor.expect_token(&Token::Eq)?;
        let value = if let Some(Token::SingleQuotedString(_)) = cursor.peek() {
            let name = vec![Name { text: cursor.string()?, position: option.position }];
            TypeName { name, modifiers: Vec::new(), array: false }
        } else {
            cursor.type_name()?
        };
        Ok((option, value))
    })?;
    cursor.expect_token(&Token::RParen)?;
    Ok(Definition::CreateRange { name, options })
}

pub(super) fn create_domain(cursor: &mut Cursor<'_>) -> Parsed {
    let name = cursor.qualified_name()?;
    cursor.eat("AS");
    let mut domain = CreateDomain {
        name,
        data_type: cursor.type_name()?,
        not_null: false,
        default: None,
        checks: Vec::new(),
    };
    while !cursor.at_end() {
        if cursor.eat("COLLATE") {
            super::table::collation(&cursor.qualified_name()?)?;
            continue;
        }
        let name = if cursor.eat("CONSTRAINT") { Some(cursor.name()?) } else { None };
        if cursor.eat("NOT NULL") {
            domain.not_null = true;
        } else if cursor.eat("NULL") {
        } else if cursor.eat("DEFAULT") {
            domain.default = Some(piece::default(cursor)?);
        } else {
            cursor.expect("CHECK")?;
            domain.checks.push((name, piece::parenthesized(cursor)?));
        }
    }
    Ok(Definition::CreateDomain(domain))
}

pub(super) fn alter_type(cursor: &mut Cursor<'_>) -> Parsed {
    let name = cursor.qualified_name()?;
    let change = if cursor.eat("ADD VALUE") {
        let if_not_exists = cursor.eat("IF NOT EXISTS");
        let label = cursor.string()?;
        let place = if cursor.eat("BEFORE") {
            Some((true, cursor.string()?))
        } else if cursor.eat("AFTER") {
            Some((false, cursor.string()?))
        } else {
            None
        };
        EnumChange::Add { label, if_not_exists, place }
    } else if cursor.eat("RENAME VALUE") {
        let from = cursor.string()?;
        cursor.expect("TO")?;
        EnumChange::Rename { from, to: cursor.string()? }
    } else if let Some(changes) = attribute_changes(cursor)? {
        return Ok(Definition::AlterComposite { name, changes });
    } else {
        return match schema_change(cursor)? {
            Some(change) => Ok(Definition::AlterType { name, change }),
            None => Err(unsupported("this form of ALTER TYPE")),
        };
    };
    Ok(Definition::AlterEnum { name, change })
}

pub(super) fn schema_change(cursor: &mut Cursor<'_>) -> Result<Option<SchemaChange>, Error> {
    Ok(if cursor.eat("RENAME TO") {
        Some(SchemaChange::Rename(cursor.name()?))
    } else if cursor.eat("SET SCHEMA") {
        Some(SchemaChange::SetSchema(cursor.name()?))
    } else if cursor.eat("OWNER TO") {
        Some(SchemaChange::Owner(cursor.name()?))
    } else {
        None
    })
}

pub(super) fn alter_schema(cursor: &mut Cursor<'_>) -> Parsed {
    let name = cursor.name()?;
    match schema_change(cursor)? {
        Some(change) if !matches!(change, SchemaChange::SetSchema(_)) => {
            Ok(Definition::AlterSchema { name, change })
        }
        _ => Err(cursor.unexpected()),
    }
}

pub(super) fn alter_domain(cursor: &mut Cursor<'_>) -> Parsed {
    let name = cursor.qualified_name()?;
    let change = if cursor.eat("SET DEFAULT") {
        DomainChange::SetDefault(Some(piece::up_to(cursor, &[])?))
    } else if cursor.eat("DROP DEFAULT") {
        DomainChange::SetDefault(None)
    } else if cursor.eat("SET NOT NULL") {
        DomainChange::NotNull(true)
    } else if cursor.eat("DROP NOT NULL") {
        DomainChange::NotNull(false)
    } else if cursor.eat("DROP CONSTRAINT") {
        let if_exists = cursor.eat("IF EXISTS");
        let name = cursor.name()?;
        super::cascade(cursor);
        DomainChange::DropConstraint { name, if_exists }
    } else if cursor.eat("RENAME CONSTRAINT") {
        let from = cursor.name()?;
        cursor.expect("TO")?;
        DomainChange::RenameConstraint { from, to: cursor.name()? }
    } else if cursor.eat("VALIDATE CONSTRAINT") {
        DomainChange::Validate(cursor.name()?)
    } else if cursor.eat("ADD") {
        let name = if cursor.eat("CONSTRAINT") { Some(cursor.name()?) } else { None };
        cursor.expect("CHECK")?;
        let check = piece::parenthesized(cursor)?;
        DomainChange::AddCheck { name, check, not_valid: cursor.eat("NOT VALID") }
    } else {
        DomainChange::Other(schema_change(cursor)?.ok_or_else(|| cursor.unexpected())?)
    };
    Ok(Definition::AlterDomain { name, change })
}

pub(super) fn comment(cursor: &mut Cursor<'_>) -> Parsed {
    cursor.expect("ON")?;
    let word = cursor.next_word()?;
    let object = match word.as_str() {
        "MATERIALIZED" => {
            cursor.expect("VIEW")?;
            CommentObject::Relation(RelationKind::MaterializedView, cursor.qualified_name()?)
        }
        "COLUMN" => CommentObject::Column(cursor.qualified_name()?),
        "CONSTRAINT" => {
            let name = cursor.name()?;
            cursor.expect("ON")?;
            if cursor.eat("DOMAIN") {
                CommentObject::DomainConstraint { name, domain: cursor.qualified_name()? }
            } else {
                CommentObject::Constraint { name, table: cursor.qualified_name()? }
            }
        }
        "TRIGGER" => {
            let name = cursor.name()?;
            cursor.expect("ON")?;
            CommentObject::Trigger { name, table: cursor.qualified_name()? }
        }
        "SCHEMA" => CommentObject::Schema(cursor.name()?),
        "FUNCTION" => {
            CommentObject::Function(routine::function_name(cursor, RoutineKind::Function)?)
        }
        "PROCEDURE" => {
            CommentObject::Function(routine::function_name(cursor, RoutineKind::Procedure)?)
        }
        "ROUTINE" => CommentObject::Function(routine::function_name(cursor, RoutineKind::Any)?),
        "TYPE" | "DOMAIN" => CommentObject::Type(cursor.qualified_name()?),
        "EXTENSION" => CommentObject::Extension(cursor.name()?),
        "DATABASE" => CommentObject::Database(cursor.name()?),
        "ROLE" => CommentObject::Role(cursor.name()?),
        other => match relation_kind(other) {
            Some(kind) => CommentObject::Relation(kind, cursor.qualified_name()?),
            None => return Err(unsupported(&format!("COMMENT ON {other}"))),
        },
    };
    cursor.expect("IS")?;
    let text = if cursor.eat("NULL") { None } else { Some(cursor.string()?) };
    Ok(Definition::Comment { object, text: text.filter(|text| !text.is_empty()) })
}
