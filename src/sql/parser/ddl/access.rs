//! Roles and privileges.

use sqlparser::tokenizer::Token;

use super::{Parsed, cascade};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{Access, Definition, Grant, GrantTarget, Name, RoleOption};
use crate::sql::parser::cursor::Cursor;
use crate::sql::parser::unsupported;

fn access(access: Access) -> Definition {
    Definition::Access(Box::new(access))
}

pub(super) fn create_role(cursor: &mut Cursor<'_>, user: bool) -> Parsed {
    let name = cursor.name()?;
    cursor.eat("WITH");
    let options = role_options(cursor)?;
    Ok(access(Access::CreateRole { name, options, user }))
}

pub(super) fn alter_role(cursor: &mut Cursor<'_>) -> Parsed {
    let name = cursor.name()?;
    if cursor.eat("RENAME TO") {
        return Ok(access(Access::RenameRole { from: name, to: cursor.name()? }));
    }
    if matches!(cursor.word().as_deref(), Some("SET" | "RESET" | "IN")) {
        return Err(unsupported("ALTER ROLE ... SET"));
    }
    if cursor.eat("DROP USER") {
        let (roles, members) = (vec![name], cursor.names()?);
        let (admin_only, alter) = (false, true);
        return Ok(access(Access::RevokeRole { roles, members, admin_only, alter }));
    }
    if cursor.eat("ADD") {
        if !cursor.is_word("USER") {
            return Err(cursor.unexpected());
        }
    } else {
        cursor.eat("WITH");
    }
    let options = role_options(cursor)?;
    Ok(access(Access::AlterRole { name, options }))
}

const ATTRIBUTES: &[(&str, &str, bool)] = &[
    ("SUPERUSER", "superuser", true),
    ("NOSUPERUSER", "superuser", false),
    ("CREATEDB", "createdb", true),
    ("NOCREATEDB", "createdb", false),
    ("CREATEROLE", "createrole", true),
    ("NOCREATEROLE", "createrole", false),
    ("INHERIT", "noinherit", false),
    ("NOINHERIT", "noinherit", true),
    ("LOGIN", "login", true),
    ("NOLOGIN", "login", false),
    ("REPLICATION", "replication", true),
    ("NOREPLICATION", "replication", false),
    ("BYPASSRLS", "bypassrls", true),
    ("NOBYPASSRLS", "bypassrls", false),
];

fn role_options(cursor: &mut Cursor<'_>) -> Result<Vec<RoleOption>, Error> {
    let mut options = Vec::new();
    while !cursor.at_end() {
        let word = cursor.next_word()?;
        if let Some((_, name, on)) = ATTRIBUTES.iter().find(|(known, ..)| *known == word) {
            options.push(RoleOption::Attribute(name, *on));
            continue;
        }
        options.push(match word.as_str() {
            "CONNECTION" => {
                cursor.expect("LIMIT")?;
                let limit = cursor.integer()?;
                RoleOption::ConnectionLimit(i32::try_from(limit).unwrap_or(-1))
            }
            "ENCRYPTED" | "PASSWORD" => {
                if word == "ENCRYPTED" {
                    cursor.expect("PASSWORD")?;
                }
                let some = !cursor.eat("NULL");
                if some {
                    cursor.string()?;
                }
                RoleOption::Password(some)
            }
            "VALID" => {
                cursor.expect("UNTIL")?;
                RoleOption::ValidUntil(cursor.string()?)
            }
            "IN" => {
                if !cursor.eat("ROLE") {
                    cursor.expect("GROUP")?;
                }
                RoleOption::InRole(cursor.names()?)
            }
            "ROLE" | "USER" => RoleOption::Members { roles: cursor.names()?, admin: false },
            "ADMIN" => RoleOption::Members { roles: cursor.names()?, admin: true },
            "SYSID" => {
                cursor.integer()?;
                continue;
            }
            _ => {
                cursor.at -= 1;
                return Err(cursor.unexpected());
            }
        });
    }
    Ok(options)
}

pub(super) fn drop_role(cursor: &mut Cursor<'_>) -> Parsed {
    let if_exists = cursor.eat("IF EXISTS");
    Ok(access(Access::DropRole { names: cursor.names()?, if_exists }))
}

pub(super) fn drop_owned(cursor: &mut Cursor<'_>) -> Parsed {
    cursor.expect("BY")?;
    let roles = cursor.list(Cursor::name)?;
    Ok(access(Access::DropOwned { roles, cascade: cascade(cursor) }))
}

pub(super) fn reassign(cursor: &mut Cursor<'_>) -> Parsed {
    cursor.expect("OWNED BY")?;
    let from = cursor.list(Cursor::name)?;
    cursor.expect("TO")?;
    Ok(access(Access::ReassignOwned { from, to: cursor.name()? }))
}

pub(super) fn alter_default(cursor: &mut Cursor<'_>) -> Parsed {
    cursor.expect("PRIVILEGES")?;
    let (mut roles, mut schemas) = (Vec::new(), Vec::new());
    loop {
        if cursor.eat("FOR ROLE") || cursor.eat("FOR USER") {
            roles = cursor.list(Cursor::name)?;
        } else if cursor.eat("IN SCHEMA") {
            schemas = cursor.names()?;
        } else {
            break;
        }
    }
    let revoke = cursor.eat("REVOKE");
    if !revoke {
        cursor.expect("GRANT")?;
    }
    let mut grant = start_grant(cursor, revoke);
    grant.privileges = privileges(cursor)?;
    cursor.expect("ON")?;
    let kind = match cursor.next_word()?.as_str() {
        "TABLES" => 'r',
        "SEQUENCES" => 'S',
        "FUNCTIONS" | "ROUTINES" => 'f',
        "TYPES" => 'T',
        "SCHEMAS" => 'n',
        _ => {
            cursor.at -= 1;
            return Err(cursor.unexpected());
        }
    };
    grant.target = GrantTarget::Kind(kind);
    finish_grant(cursor, &mut grant)?;
    Ok(access(Access::AlterDefault { roles, schemas, grant }))
}

fn start_grant(cursor: &mut Cursor<'_>, revoke: bool) -> Grant {
    let grant_option = revoke && cursor.eat("GRANT OPTION FOR");
    Grant {
        revoke,
        privileges: Vec::new(),
        target: GrantTarget::Tables(Vec::new()),
        grantees: Vec::new(),
        grant_option,
    }
}

pub(super) fn grant(cursor: &mut Cursor<'_>, revoke: bool) -> Parsed {
    let start = cursor.at;
    let on = cursor
        .tokens
        .iter()
        .any(|token| crate::sql::parser::word::upper(&token.token).as_deref() == Some("ON"));
    if !on {
        return grant_role(cursor, revoke);
    }
    cursor.at = start;
    let mut grant = start_grant(cursor, revoke);
    grant.privileges = privileges(cursor)?;
    cursor.expect("ON")?;
    grant.target = target(cursor)?;
    finish_grant(cursor, &mut grant)?;
    Ok(access(Access::Grant(grant)))
}

fn grant_role(cursor: &mut Cursor<'_>, revoke: bool) -> Parsed {
    let admin_only = revoke && cursor.eat("ADMIN OPTION FOR");
    let roles = cursor.names()?;
    cursor.expect(if revoke { "FROM" } else { "TO" })?;
    let members = cursor.list(Cursor::name)?;
    let admin = !revoke && cursor.eat("WITH ADMIN OPTION");
    if cursor.eat("GRANTED BY") {
        cursor.name()?;
    }
    if revoke {
        cascade(cursor);
        return Ok(access(Access::RevokeRole { roles, members, admin_only, alter: false }));
    }
    Ok(access(Access::GrantRole { roles, members, admin }))
}

fn privileges(cursor: &mut Cursor<'_>) -> Result<Vec<(String, Vec<Name>)>, Error> {
    if cursor.eat("ALL") {
        cursor.eat("PRIVILEGES");
        if cursor.peek() == Some(&Token::LParen) {
            let columns = super::constraint::names(cursor)?;
            return Ok(vec![("ALL".to_owned(), columns)]);
        }
        return Ok(Vec::new());
    }
    let known = [
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "TRUNCATE",
        "REFERENCES",
        "TRIGGER",
        "USAGE",
        "CREATE",
        "CONNECT",
        "TEMPORARY",
        "TEMP",
        "EXECUTE",
        "SET",
    ];
    let mut found = Vec::new();
    loop {
        let word = cursor.next_word()?;
        if !known.contains(&word.as_str()) {
            let message = format!("unrecognized privilege type \"{}\"", word.to_lowercase());
            return Err(Error::user(SqlState::SYNTAX_ERROR, message));
        }
        let columns = if cursor.peek() == Some(&Token::LParen) {
            super::constraint::names(cursor)?
        } else {
            Vec::new()
        };
        found.push((word, columns));
        if !cursor.eat_token(&Token::Comma) {
            return Ok(found);
        }
    }
}

fn target(cursor: &mut Cursor<'_>) -> Result<GrantTarget, Error> {
    if cursor.eat("ALL") {
        let kind = match cursor.next_word()?.as_str() {
            "TABLES" => 'r',
            "SEQUENCES" => 'S',
            "FUNCTIONS" | "PROCEDURES" | "ROUTINES" => 'f',
            _ => {
                cursor.at -= 1;
                return Err(cursor.unexpected());
            }
        };
        cursor.expect("IN SCHEMA")?;
        return Ok(GrantTarget::AllIn { kind, schemas: cursor.names()? });
    }
    if cursor.eat("SEQUENCE") {
        return Ok(GrantTarget::Sequences(cursor.qualified_names()?));
    }
    if cursor.eat("SCHEMA") {
        return Ok(GrantTarget::Schemas(cursor.names()?));
    }
    if cursor.eat("DATABASE") {
        return Ok(GrantTarget::Databases(cursor.names()?));
    }
    if cursor.eat("TYPE") || cursor.eat("DOMAIN") {
        return Ok(GrantTarget::Types(cursor.qualified_names()?));
    }
    if cursor.eat("LANGUAGE") {
        return Ok(GrantTarget::Languages(cursor.names()?));
    }
    if cursor.eat("FUNCTION") || cursor.eat("PROCEDURE") || cursor.eat("ROUTINE") {
        let mut names = Vec::new();
        loop {
            names.push(cursor.qualified_name()?);
            if cursor.peek() == Some(&Token::LParen) {
                cursor.parenthesized()?;
            }
            if !cursor.eat_token(&Token::Comma) {
                return Ok(GrantTarget::Functions(names));
            }
        }
    }
    for other in ["FOREIGN", "LARGE OBJECT", "PARAMETER", "TABLESPACE"] {
        if cursor.eat(other) {
            return Err(unsupported(&format!("GRANT ON {other}")));
        }
    }
    cursor.eat("TABLE");
    Ok(GrantTarget::Tables(cursor.qualified_names()?))
}

/// TO or FROM, and what may come behind.
fn finish_grant(cursor: &mut Cursor<'_>, grant: &mut Grant) -> Result<(), Error> {
    cursor.expect(if grant.revoke { "FROM" } else { "TO" })?;
    loop {
        cursor.eat("GROUP");
        let mut name = cursor.name()?;
        if name.text == "public" {
            name.text.clear();
        }
        grant.grantees.push(name);
        if !cursor.eat_token(&Token::Comma) {
            break;
        }
    }
    if !grant.revoke {
        grant.grant_option = cursor.eat("WITH GRANT OPTION");
    }
    if cursor.eat("GRANTED BY") {
        cursor.name()?;
    }
    if grant.revoke {
        cascade(cursor);
    }
    Ok(())
}
