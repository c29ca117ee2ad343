//! `has_*_privilege` and `pg_has_role`: what is recorded says who may do what. Superusers may do all.

use std::collections::HashSet;

use crate::catalog::Contents;
use crate::catalog::acl::{self, Acl};
use crate::catalog::name::Kind;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::Oid;

/// A role that is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// A session's user that no role was made for: every session is let in, as a superuser.
    Anyone,
    Role(Oid),
}

/// A privilege that is asked for: its letter, and whether it must be one that can be passed on.
pub type Right = (char, bool);

/// An object whose privileges are asked for, by its catalog and OID.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// A kind of `acl::defaults`.
    pub kind: char,
    pub class: Oid,
    pub object: Oid,
    /// A column's number, or 0.
    pub column: i64,
}

/// Reads `SELECT, INSERT WITH GRANT OPTION`.
///
/// # Errors
/// 22023 for what isn't a privilege.
pub fn rights(text: &str) -> Result<Vec<Right>, Error> {
    let right = |item: &str| {
        let upper = item.trim().to_ascii_uppercase();
        let (name, option) = match upper.strip_suffix(" WITH GRANT OPTION") {
            Some(name) => (name, true),
            None => (upper.as_str(), false),
        };
        acl::letter(name).map(|letter| (letter, option)).ok_or_else(|| unrecognized(item))
    };
    text.split(',').map(right).collect()
}

fn unrecognized(item: &str) -> Error {
    Error::user(
        SqlState::INVALID_PARAMETER_VALUE,
        format!("unrecognized privilege type: \"{}\"", item.trim()),
    )
}

impl Contents {
    /// The session's user as an asker.
    pub fn session_asker(&self, user: &str) -> Asker {
        self.row("pg_authid", "rolname", user)
            .map_or(Asker::Anyone, |row| Asker::Role(row.oid("oid")))
    }

    /// # Errors
    /// 42704 for a role that isn't there.
    pub fn named_role(&self, name: &str) -> Result<Oid, Error> {
        let found = self.row("pg_authid", "rolname", name).map(|row| row.oid("oid"));
        found.ok_or_else(|| {
            Error::user(SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist"))
        })
    }

    /// A relation's name without its schema.
    pub fn relation_name(&self, oid: Oid) -> Option<String> {
        self.row("pg_class", "oid", oid).map(|row| row.text("relname").to_owned())
    }

    pub fn has_column(&self, relation: Oid, number: i64) -> bool {
        let mut columns = self.rows("pg_attribute", "attrelid", relation);
        columns.any(|row| row.integer("attnum") == number)
    }

    fn is_superuser(&self, role: Oid) -> bool {
        self.row("pg_authid", "oid", role).is_some_and(|row| row.is_true("rolsuper"))
    }

    /// The roles whose privileges a role has: itself and those that it is in, through roles that
    /// inherit; or with `all` those that it can become.
    fn roles_of(&self, role: Oid, all: bool) -> HashSet<Oid> {
        let mut found = HashSet::from([role]);
        let mut open = vec![role];
        while let Some(member) = open.pop() {
            let inherits =
                self.row("pg_authid", "oid", member).is_some_and(|row| row.is_true("rolinherit"));
            if !inherits && !all {
                continue;
            }
            for row in self.rows("pg_auth_members", "member", member) {
                let group = row.oid("roleid");
                if found.insert(group) {
                    open.push(group);
                }
            }
        }
        found
    }

    /// `pg_has_role`: of `USAGE`, `MEMBER` and their forms with ADMIN OPTION.
    ///
    /// # Errors
    /// 22023 for another privilege.
    pub fn has_role(&self, asker: Asker, group: Oid, privileges: &str) -> Result<bool, Error> {
        let mut any = false;
        for item in privileges.split(',') {
            let upper = item.trim().to_ascii_uppercase();
            let admin =
                upper.ends_with(" WITH ADMIN OPTION") || upper.ends_with(" WITH GRANT OPTION");
            let all = match upper.split(' ').next() {
                Some("USAGE") => false,
                Some("MEMBER") => true,
                _ => return Err(unrecognized(item)),
            };
            let Asker::Role(role) = asker else { return Ok(true) };
            any |= self.is_superuser(role)
                || if admin {
                    self.rows("pg_auth_members", "roleid", group)
                        .any(|row| row.oid("member") == role && row.is_true("admin_option"))
                } else {
                    self.roles_of(role, all).contains(&group)
                };
        }
        Ok(any)
    }

    /// Whether a role has one of these privileges. `None`: there is no such object.
    pub fn may(&self, asker: Asker, subject: Subject, wanted: &[Right]) -> Option<bool> {
        let (table, owner, list) = match subject.class {
            acl::CLASS_RELATION => ("pg_class", "relowner", "relacl"),
            acl::CLASS_SCHEMA => ("pg_namespace", "nspowner", "nspacl"),
            acl::CLASS_FUNCTION => ("pg_proc", "proowner", "proacl"),
            acl::CLASS_TYPE => ("pg_type", "typowner", "typacl"),
            acl::CLASS_LANGUAGE => ("pg_language", "lanowner", "lanacl"),
            _ => return Some(self.may_here(asker, subject, wanted)),
        };
        let row = self.row(table, "oid", subject.object)?;
        let kind = match subject.kind {
            'r' if row.text("relkind") == "S" => 's',
            other => other,
        };
        let Asker::Role(role) = asker else { return Some(true) };
        if self.is_superuser(role) {
            return Some(true);
        }
        let owner = row.oid(owner);
        let entries = match row.some_text(list) {
            Some(text) => parse(text),
            None => initial(kind, &self.role_name(owner)),
        };
        let mut allowed = self.grants(role, owner, &entries, wanted);
        if subject.column != 0 && !allowed {
            let mut columns = self.rows("pg_attribute", "attrelid", subject.object);
            let own = columns.find(|row| row.integer("attnum") == subject.column)?;
            let entries = own.some_text("attacl").map(parse).unwrap_or_default();
            allowed = self.grants(role, owner, &entries, wanted);
        }
        Some(allowed)
    }

    /// `has_any_column_privilege`
    pub fn may_any_column(&self, asker: Asker, table: Oid, wanted: &[Right]) -> Option<bool> {
        let subject =
            |column| Subject { kind: 'r', class: acl::CLASS_RELATION, object: table, column };
        let whole = self.may(asker, subject(0), wanted)?;
        let numbers: Vec<i64> = self
            .rows("pg_attribute", "attrelid", table)
            .map(|row| row.integer("attnum"))
            .filter(|number| *number > 0)
            .collect();
        Some(whole || numbers.iter().any(|n| self.may(asker, subject(*n), wanted) == Some(true)))
    }

    /// What is recorded without a row in a catalog: privileges on this database.
    fn may_here(&self, asker: Asker, subject: Subject, wanted: &[Right]) -> bool {
        let Asker::Role(role) = asker else { return true };
        if self.is_superuser(role) {
            return true;
        }
        let superuser = self.role_name(super::own::OWNER);
        let list = Acl::recorded(self.catalog(), subject.class, subject.object, 0);
        let entries = list.unwrap_or_else(|| Acl::initial(subject.kind, &superuser)).shown();
        let entries: Vec<(String, String)> = entries.iter().filter_map(|text| item(text)).collect();
        self.grants(role, super::own::OWNER, &entries, wanted)
    }

    /// Whether a list gives one of these privileges. The owner may always pass on what is its own.
    fn grants(
        &self,
        role: Oid,
        owner: Oid,
        entries: &[(String, String)],
        wanted: &[Right],
    ) -> bool {
        let roles = self.roles_of(role, false);
        let names: HashSet<String> = roles.iter().map(|oid| self.role_name(*oid)).collect();
        let owns = roles.contains(&owner);
        let has = |(letter, option): &Right| {
            if *option && owns {
                return true;
            }
            entries.iter().any(|(grantee, letters)| {
                if !grantee.is_empty() && !names.contains(grantee) {
                    return false;
                }
                match letters.find(*letter) {
                    Some(at) => !option || letters[at + 1..].starts_with('*'),
                    None => false,
                }
            })
        };
        wanted.iter().any(has)
    }
}

/// The grantee and the letters of an `aclitem` as it is shown.
fn item(text: &str) -> Option<(String, String)> {
    acl::parse_entry(text).map(|(grantee, letters, _)| (grantee, letters))
}

/// A list in its stored form.
fn parse(text: &str) -> Vec<(String, String)> {
    let items: Vec<String> = serde_json::from_str(text).unwrap_or_default();
    items.iter().filter_map(|text| item(text)).collect()
}

fn initial(kind: char, owner: &str) -> Vec<(String, String)> {
    Acl::initial(kind, owner).shown().iter().filter_map(|text| item(text)).collect()
}

impl Subject {
    /// An object of a kind of name.
    pub fn of(kind: Kind, object: Oid) -> Self {
        let (letter, class) = match kind {
            Kind::RELATION => ('r', acl::CLASS_RELATION),
            Kind::SCHEMA => ('n', acl::CLASS_SCHEMA),
            Kind::FUNCTION => ('f', acl::CLASS_FUNCTION),
            Kind::TYPE => ('T', acl::CLASS_TYPE),
            _ => ('l', acl::CLASS_LANGUAGE),
        };
        Self { kind: letter, class, object, column: 0 }
    }

    /// The database that is connected to.
    pub fn database() -> Self {
        Self { kind: 'd', class: acl::CLASS_DATABASE, object: 0, column: 0 }
    }
}
