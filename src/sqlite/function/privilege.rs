//! `has_*_privilege`, `pg_has_role`, `acldefault`, `aclexplode`: see `catalog::rights`.
//!
//! The first arguments are the search path and the session's user; a role may follow, who is asked
//! about instead.

use rusqlite::types::{Value as SqlValue, ValueRef};
use serde_json::json;

use crate::catalog::rights::{Asker, Right, Subject, rights};
use crate::catalog::{Contents, Kind, acl};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::Oid;
use crate::sqlite::function::system::{NAMED, System, oid, path};
use crate::sqlite::function::{Arguments, boolean, string};

/// Kinds of objects that `has_*_privilege` is about; `None` for what is always allowed.
const RIGHTS: &[(&str, Option<Kind>)] = &[
    ("has_table_privilege", Some(Kind::RELATION)),
    ("has_sequence_privilege", Some(Kind::RELATION)),
    ("has_function_privilege", Some(Kind::FUNCTION)),
    ("has_schema_privilege", Some(Kind::SCHEMA)),
    ("has_type_privilege", Some(Kind::TYPE)),
    ("has_language_privilege", Some(Kind::LANGUAGE)),
    ("has_tablespace_privilege", None),
];

pub(super) fn register(system: &System<'_>) -> rusqlite::Result<()> {
    for &(name, kind) in RIGHTS {
        system.strict(name, &[4, 5], move |contents, arguments| {
            let asker = asker(contents, arguments, arguments.count() == 5)?;
            let wanted = wanted(arguments)?;
            let Some(kind) = kind else { return Ok(boolean(true)) };
            let object = object(contents, kind, arguments, arguments.count() - 2)?;
            Ok(answer(contents.may(asker, Subject::of(kind, object), &wanted)))
        })?;
    }
    system.strict("has_any_column_privilege", &[4, 5], |contents, arguments| {
        let asker = asker(contents, arguments, arguments.count() == 5)?;
        let table = object(contents, Kind::RELATION, arguments, arguments.count() - 2)?;
        Ok(answer(contents.may_any_column(asker, table, &wanted(arguments)?)))
    })?;
    system.strict("has_database_privilege", &[4, 5], |contents, arguments| {
        let asker = asker(contents, arguments, arguments.count() == 5)?;
        Ok(answer(contents.may(asker, Subject::database(), &wanted(arguments)?)))
    })?;
    system.strict("has_column_privilege", &[5, 6], |contents, arguments| {
        let asker = asker(contents, arguments, arguments.count() == 6)?;
        let at = arguments.count() - 3;
        let table = object(contents, Kind::RELATION, arguments, at)?;
        let Some(column) = column(contents, table, arguments, at + 1)? else {
            return Ok(SqlValue::Null);
        };
        let subject = Subject { column, ..Subject::of(Kind::RELATION, table) };
        Ok(answer(contents.may(asker, subject, &wanted(arguments)?)))
    })?;
    system.strict("has_role", &[4, 5], |contents, arguments| {
        let asker = asker(contents, arguments, arguments.count() == 5)?;
        let group = role(contents, arguments, arguments.count() - 2)?;
        contents.has_role(asker, group, arguments.text(arguments.count() - 1)?).map(boolean)
    })?;
    system.strict("acldefault", &[2], |contents, arguments| {
        let kind = arguments.text(0)?;
        let message = || format!("unrecognized object type abbreviation: {kind}");
        let rights = contents.default_rights(kind, oid(arguments, 1)?);
        rights.map(string).ok_or_else(|| Error::internal(message()))
    })?;
    system.strict("aclexplode", &[1], |contents, arguments| {
        Ok(string(exploded(contents, arguments.text(0)?)))
    })
}

fn answer(allowed: Option<bool>) -> SqlValue {
    allowed.map_or(SqlValue::Null, boolean)
}

fn wanted(arguments: &Arguments<'_, '_>) -> Result<Vec<Right>, Error> {
    rights(arguments.text(arguments.count() - 1)?)
}

fn asker(contents: &Contents, arguments: &Arguments<'_, '_>, named: bool) -> Result<Asker, Error> {
    let user = arguments.text(1)?;
    if !named {
        return Ok(contents.session_asker(user));
    }
    match arguments.value(2) {
        ValueRef::Text(_) if arguments.text(2)? == user => Ok(contents.session_asker(user)),
        _ => role(contents, arguments, 2).map(Asker::Role),
    }
}

fn role(contents: &Contents, arguments: &Arguments<'_, '_>, at: usize) -> Result<Oid, Error> {
    match arguments.value(at) {
        ValueRef::Integer(_) => oid(arguments, at),
        _ => contents.named_role(arguments.text(at)?),
    }
}

/// An object by its OID or its name.
fn object(
    contents: &Contents,
    kind: Kind,
    arguments: &Arguments<'_, '_>,
    at: usize,
) -> Result<Oid, Error> {
    if let ValueRef::Integer(_) = arguments.value(at) {
        return oid(arguments, at);
    }
    let written = arguments.text(at)?;
    // A function is named with its arguments' types; what they are doesn't matter for who may call it.
    let name =
        if kind == Kind::FUNCTION { written.split('(').next().unwrap_or("") } else { written };
    if let Some(oid) = contents.find_written(kind, &path(arguments)?, name)? {
        return Ok(oid);
    }
    let (_, _, label, state) =
        NAMED.iter().find(|(_, known, ..)| *known == kind).unwrap_or(&NAMED[0]);
    Err(Error::user(*state, format!("{label} \"{written}\" does not exist")))
}

/// A column's number; `None` for a number that no column has.
fn column(
    contents: &Contents,
    table: Oid,
    arguments: &Arguments<'_, '_>,
    at: usize,
) -> Result<Option<i64>, Error> {
    if let ValueRef::Integer(number) = arguments.value(at) {
        return Ok(contents.has_column(table, number).then_some(number));
    }
    let name = arguments.text(at)?;
    match contents.column_number(table, name) {
        Some(number) => Ok(Some(number)),
        None if !contents.exists(Kind::RELATION, table) => Ok(None),
        None => {
            let table = contents.relation_name(table).unwrap_or_default();
            let message = format!("column \"{name}\" of relation \"{table}\" does not exist");
            Err(Error::user(SqlState::UNDEFINED_COLUMN, message))
        }
    }
}

/// The rows of `aclexplode`: grantor, grantee, privilege, whether it may be passed on.
fn exploded(contents: &Contents, list: &str) -> String {
    let items: Vec<String> = serde_json::from_str(list).unwrap_or_default();
    let mut rows = Vec::new();
    for (grantee, letters, grantor) in items.iter().filter_map(|text| acl::parse_entry(text)) {
        let of = |name: &str| contents.named_role(name).unwrap_or(0);
        let mut letters = letters.chars().peekable();
        while let Some(letter) = letters.next() {
            let known = acl::PRIVILEGES.iter().find(|(known, _)| *known == letter);
            let option = letters.next_if_eq(&'*').is_some();
            if let Some((_, name)) = known {
                rows.push(json!([of(&grantor), of(&grantee), name, i32::from(option)]));
            }
        }
    }
    serde_json::Value::Array(rows).to_string()
}
