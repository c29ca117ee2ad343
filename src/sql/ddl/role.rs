//! CREATE, ALTER and DROP ROLE, membership, OWNER TO, REASSIGN and DROP OWNED, CREATE EXTENSION.
//!
//! Recorded and shown; nothing is enforced yet: every session may do everything.

use serde_json::{Value as Json, json};

use crate::catalog::{SUPERUSER, role_oid};
use crate::datum;
use crate::model::catalog::{Catalog, Role};
use crate::model::error::{Class, Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::sql::Action;
use crate::sql::ast::{Name, RoleOption};
use crate::sql::bind::{Binder, at};
use crate::sql::ddl::record::{self, number, optional};
use crate::sql::ddl::{Work, notice, privilege, skipped};
use crate::sql::lite::Expr;

/// The superuser that every database has (`BOOTSTRAP_SUPERUSERID`).
const SUPERUSER_OID: Oid = 10;

/// # Errors
/// 42704.
pub(super) fn existing(name: &Name, catalog: &Catalog) -> Result<(), Error> {
    if role_oid(catalog, &name.text) != 0 {
        return Ok(());
    }
    Err(no_such_role(&name.text))
}

pub(super) fn no_such_role(name: &str) -> Error {
    Error::user(SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist"))
}

/// The role that a name in OWNER TO or GRANT means: `current_user` and the like are the session's.
///
/// # Errors
/// 42704 for a role that isn't there.
pub(super) fn meant(name: &Name, binder: &Binder<'_>) -> Result<String, Error> {
    let settings = binder.settings;
    let role = match name.text.as_str() {
        "current_user" | "current_role" => &settings.user,
        "session_user" => &settings.session_user,
        other => other,
    };
    if role_oid(binder.catalog, role) == 0 {
        // Every session is let in, whether its role was made or not: what is its is the superuser's.
        if role != name.text {
            return Ok(SUPERUSER.to_owned());
        }
        return Err(no_such_role(role));
    }
    Ok(role.to_owned())
}

/// A role as it is recorded. The superuser is recorded once something of it is changed.
fn recorded(name: &str, catalog: &Catalog) -> Option<Role> {
    let known = catalog.roles.iter().find(|role| role.name == name).cloned();
    known.or_else(|| {
        (name == SUPERUSER).then(|| Role {
            oid: SUPERUSER_OID,
            name: SUPERUSER.to_owned(),
            attributes: [
                "superuser",
                "createrole",
                "createdb",
                "login",
                "replication",
                "bypassrls",
            ]
            .map(str::to_owned)
            .to_vec(),
            connection_limit: -1,
            member_of: Vec::new(),
            valid_until: None,
        })
    })
}

fn values(role: &Role) -> Vec<(&'static str, Expr)> {
    let members: Vec<Json> =
        role.member_of.iter().map(|(name, admin)| json!([name, admin])).collect();
    vec![
        ("name", Expr::text(&role.name)),
        ("oid", number(role.oid)),
        ("attributes", Expr::Text(json!(role.attributes).to_string())),
        ("connection_limit", Expr::Integer(i64::from(role.connection_limit))),
        ("member_of", Expr::Text(Json::Array(members).to_string())),
        ("valid_until", optional(role.valid_until.as_deref())),
    ]
}

/// Records a role in place of what was recorded under its OID.
fn replace(role: &Role, work: &mut Work) {
    work.push(record::delete("_eider_role", &[("oid", role.oid.into())]));
    work.push(record::insert("_eider_role", values(role)));
}

/// What the options say; each may be said once.
fn apply(role: &mut Role, options: &[RoleOption], binder: &mut Binder<'_>) -> Result<(), Error> {
    let mut seen: Vec<&str> = Vec::new();
    for option in options {
        let label = match option {
            RoleOption::Attribute(name, _) => *name,
            RoleOption::ConnectionLimit(_) => "connection limit",
            RoleOption::Password(_) => "password",
            RoleOption::ValidUntil(_) => "valid until",
            RoleOption::InRole(_) => "in role",
            RoleOption::Members { admin: false, .. } => "role",
            RoleOption::Members { admin: true, .. } => "admin",
        };
        if seen.contains(&label) {
            return Err(Error::user(SqlState::SYNTAX_ERROR, "conflicting or redundant options"));
        }
        seen.push(label);
        match option {
            RoleOption::Attribute(name, on) => {
                role.attributes.retain(|known| known != name);
                if *on {
                    role.attributes.push((*name).to_owned());
                }
            }
            RoleOption::ConnectionLimit(limit) => role.connection_limit = *limit,
            RoleOption::Password(false) => {}
            RoleOption::Password(true) => binder.notices.push(notice(format!(
                "the password of role \"{}\" is not kept: there is no authentication by password",
                role.name
            ))),
            RoleOption::ValidUntil(text) => {
                let style = &binder.settings.style;
                role.valid_until = match datum::from_text(PgType::TIMESTAMPTZ, text, style)? {
                    Value::Text(stored) => Some(stored),
                    _ => None,
                };
            }
            RoleOption::InRole(_) | RoleOption::Members { .. } => {}
        }
    }
    Ok(())
}

pub(super) fn create(
    name: &Name,
    options: &[RoleOption],
    user: bool,
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    let reserved = |detail: Option<&str>| {
        let error =
            Error::user(SqlState(*b"42939"), format!("role name \"{}\" is reserved", name.text));
        match detail {
            Some(detail) => error.with_detail(detail),
            None => at(error, name.position),
        }
    };
    if matches!(name.text.as_str(), "public" | "none") {
        return Err(reserved(None));
    }
    if name.text.starts_with("pg_") {
        return Err(reserved(Some("Role names starting with \"pg_\" are reserved.")));
    }
    if role_oid(binder.catalog, &name.text) != 0 {
        let message = format!("role \"{}\" already exists", name.text);
        return Err(Error::user(SqlState::DUPLICATE_OBJECT, message));
    }
    let mut work = Work::new(binder);
    let mut role = Role {
        oid: work.oids.take(),
        name: name.text.clone(),
        attributes: Vec::new(),
        connection_limit: -1,
        member_of: Vec::new(),
        valid_until: None,
    };
    if user {
        role.attributes.push("login".to_owned());
    }
    apply(&mut role, options, binder)?;
    let mut others: Vec<Role> = Vec::new();
    for option in options {
        match option {
            RoleOption::InRole(groups) => {
                for group in groups {
                    existing(group, binder.catalog)?;
                    role.member_of.push((group.text.clone(), false));
                }
            }
            RoleOption::Members { roles, admin } => {
                for member in roles {
                    existing(member, binder.catalog)?;
                    let mut member = changeable(&member.text, binder.catalog)?;
                    member.member_of.push((name.text.clone(), *admin));
                    others.push(member);
                }
            }
            _ => {}
        }
    }
    work.push(record::insert("_eider_role", values(&role)));
    for other in &others {
        replace(other, &mut work);
    }
    Ok(work.finish("CREATE ROLE"))
}

/// A role that isn't one of the system's own.
///
/// # Errors
/// 42704; 42939 for a system role.
fn changeable(name: &str, catalog: &Catalog) -> Result<Role, Error> {
    match recorded(name, catalog) {
        Some(role) => Ok(role),
        None if role_oid(catalog, name) != 0 => {
            Err(Error::user(SqlState(*b"42939"), format!("role name \"{name}\" is reserved"))
                .with_detail("Cannot alter reserved roles."))
        }
        None => Err(no_such_role(name)),
    }
}

pub(super) fn alter(
    name: &Name,
    options: &[RoleOption],
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    let mut role = changeable(&meant_name(name, binder), binder.catalog)?;
    apply(&mut role, options, binder)?;
    let mut work = Work::new(binder);
    for option in options {
        if let RoleOption::Members { roles, admin } = option {
            for member in roles {
                join(&[&role.name], &member.text, *admin, &mut work, binder)?;
            }
        }
    }
    replace(&role, &mut work);
    Ok(work.finish("ALTER ROLE"))
}

fn meant_name(name: &Name, binder: &Binder<'_>) -> String {
    match name.text.as_str() {
        "current_user" | "current_role" => binder.settings.user.clone(),
        "session_user" => binder.settings.session_user.clone(),
        other => other.to_owned(),
    }
}

pub(super) fn rename(from: &Name, to: &Name, binder: &Binder<'_>) -> Result<Action, Error> {
    let mut role = changeable(&from.text, binder.catalog)?;
    if from.text == binder.settings.session_user {
        return Err(Error::refused("session user cannot be renamed"));
    }
    if from.text == SUPERUSER {
        return Err(Error::refused("renaming the superuser is not supported"));
    }
    if role_oid(binder.catalog, &to.text) != 0 {
        let message = format!("role \"{}\" already exists", to.text);
        return Err(Error::user(SqlState::DUPLICATE_OBJECT, message));
    }
    role.name.clone_from(&to.text);
    let mut work = Work::new(binder);
    replace(&role, &mut work);
    for other in &binder.catalog.roles {
        if other.member_of.iter().any(|(group, _)| *group == from.text) {
            let mut other = other.clone();
            for (group, _) in &mut other.member_of {
                if *group == from.text {
                    group.clone_from(&to.text);
                }
            }
            replace(&other, &mut work);
        }
    }
    for (table, column) in [
        ("_eider_owner", "role"),
        ("_eider_privilege", "grantee"),
        ("_eider_privilege", "grantor"),
        ("_eider_default_privilege", "role"),
        ("_eider_default_privilege", "grantee"),
    ] {
        let new = vec![(column, Expr::text(&to.text))];
        work.push(record::update(table, new, &[(column, (&from.text).into())]));
    }
    Ok(work.finish("ALTER ROLE"))
}

pub(super) fn drop(
    names: &[Name],
    if_exists: bool,
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    let mut work = Work::new(binder);
    for name in names {
        if role_oid(binder.catalog, &name.text) == 0 {
            let error = no_such_role(&name.text);
            if !if_exists {
                return Err(error);
            }
            binder.notices.push(skipped(&error));
            continue;
        }
        if [&binder.settings.user, &binder.settings.session_user].contains(&&name.text) {
            let who = if name.text == binder.settings.user { "current" } else { "session" };
            let message = format!("{who} user cannot be dropped");
            return Err(Error::user(SqlState::OBJECT_IN_USE, message));
        }
        let role = changeable(&name.text, binder.catalog)?;
        if role.name == SUPERUSER {
            let message = format!(
                "cannot drop role {} because it is required by the database system",
                role.name
            );
            return Err(Error::user(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message));
        }
        let lines = privilege::uses_of(&role.name, binder);
        if !lines.is_empty() {
            let message = format!(
                "role \"{}\" cannot be dropped because some objects depend on it",
                role.name
            );
            return Err(Error::user(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
                .with_detail(lines.join("\n")));
        }
        work.push(record::delete("_eider_role", &[("oid", role.oid.into())]));
        let keys = [("class_oid", 1260u32.into()), ("object_oid", role.oid.into())];
        work.push(record::delete("_eider_comment", &keys));
        for other in &binder.catalog.roles {
            let gone = names.iter().any(|name| name.text == other.name);
            if !gone && other.member_of.iter().any(|(group, _)| *group == role.name) {
                let mut other = other.clone();
                other.member_of.retain(|(group, _)| !names.iter().any(|name| name.text == *group));
                replace(&other, &mut work);
            }
        }
    }
    Ok(work.finish("DROP ROLE"))
}

/// Makes a role a member of groups.
fn join(
    groups: &[&str],
    member: &str,
    admin: bool,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    let catalog = binder.catalog;
    let mut role = changeable(member, catalog)?;
    for group in groups {
        if is_member(group, member, catalog) {
            let message = format!("role \"{group}\" is a member of role \"{member}\"");
            return Err(Error::user(SqlState(*b"0LP01"), message));
        }
        match role.member_of.iter_mut().find(|(known, _)| known == group) {
            Some(known) if known.1 || !admin => {
                let message = format!("role \"{member}\" is already a member of role \"{group}\"");
                binder.notices.push(notice(message));
            }
            Some(known) => known.1 = true,
            None => role.member_of.push(((*group).to_owned(), admin)),
        }
    }
    replace(&role, work);
    Ok(())
}

/// Whether a role is in a group, directly or through others.
fn is_member(role: &str, group: &str, catalog: &Catalog) -> bool {
    role == group
        || catalog.roles.iter().any(|known| {
            known.name == role
                && known.member_of.iter().any(|(over, _)| is_member(over, group, catalog))
        })
}

pub(super) fn grant(
    (groups, members): (&[Name], &[Name]),
    admin: bool,
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    let mut work = Work::new(binder);
    for group in groups {
        existing(group, binder.catalog)?;
    }
    let groups: Vec<&str> = groups.iter().map(|group| group.text.as_str()).collect();
    for member in members {
        let member = meant(member, binder)?;
        join(&groups, &member, admin, &mut work, binder)?;
    }
    Ok(work.finish("GRANT ROLE"))
}

pub(super) fn revoke(
    (groups, members): (&[Name], &[Name]),
    admin_only: bool,
    tag: &'static str,
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    let mut work = Work::new(binder);
    for group in groups {
        existing(group, binder.catalog)?;
    }
    for member in members {
        let mut role = changeable(&meant(member, binder)?, binder.catalog)?;
        for group in groups {
            let Some(at) = role.member_of.iter().position(|(known, _)| *known == group.text) else {
                let message =
                    format!("role \"{}\" is not a member of role \"{}\"", role.name, group.text);
                // PostgreSQL warns.
                binder.notices.push(Error::new(Class::User, SqlState(*b"01000"), message));
                continue;
            };
            if admin_only {
                role.member_of[at].1 = false;
            } else {
                role.member_of.remove(at);
            }
        }
        replace(&role, &mut work);
    }
    Ok(work.finish(tag))
}

/// SET ROLE and SET SESSION AUTHORIZATION: only to a role that is there.
///
/// # Errors
/// 22023.
pub(in crate::sql) fn check_set(name: &str, value: &str, binder: &Binder<'_>) -> Result<(), Error> {
    let free = name == "role" && value == "none";
    let own = value == binder.settings.session_user;
    if free || own || role_oid(binder.catalog, value) != 0 {
        return Ok(());
    }
    let message = format!("role \"{value}\" does not exist");
    Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message))
}
