//! Roles, who is a member of which, schemas, default privileges, extensions; whose objects are, and
//! what was granted on them.

use std::collections::HashMap;

use crate::catalog::acl::{self, Acl, CLASS_FUNCTION};
use crate::catalog::cell::Cell;
use crate::catalog::own::{Builder, OWNER};
use crate::model::catalog::Catalog;
use crate::model::pg_type::Oid;
use crate::pgdata::{PG_EXTENSION, PLPGSQL};

/// The superuser's name.
pub const SUPERUSER: &str = "postgres";

/// Owners and access control lists of a catalog's objects.
pub(super) struct Access<'c> {
    catalog: &'c Catalog,
    owners: HashMap<(Oid, Oid), &'c str>,
}

impl<'c> Access<'c> {
    pub(super) fn new(catalog: &'c Catalog) -> Self {
        let owners = catalog
            .owners
            .iter()
            .map(|owner| ((owner.class, owner.object), owner.role.as_str()))
            .collect();
        Self { catalog, owners }
    }

    /// The OID of an object's owner.
    pub(super) fn owner(&self, class: Oid, object: Oid) -> Oid {
        self.owners.get(&(class, object)).map_or(OWNER, |role| role_oid(self.catalog, role))
    }

    /// What was granted on an object; NULL where nothing ever was.
    pub(super) fn list(&self, class: Oid, object: Oid, column: i32) -> Cell {
        if self.catalog.privileges.is_empty() {
            return Cell::Null;
        }
        Acl::recorded(self.catalog, class, object, column).map_or(Cell::Null, |acl| list_cell(&acl))
    }
}

fn list_cell(acl: &Acl) -> Cell {
    serde_json::to_string(&acl.shown()).expect("strings are valid JSON").into()
}

/// The OID of a role; 0 for one that isn't there.
pub fn role_oid(catalog: &Catalog, name: &str) -> Oid {
    if let Some(role) = catalog.roles.iter().find(|role| role.name == name) {
        return role.oid;
    }
    if name == SUPERUSER {
        return OWNER;
    }
    let built_in = crate::catalog::fixed::records("pg_authid");
    built_in.into_iter().find(|row| row.text("rolname") == name).map_or(0, |row| row.oid("oid"))
}

pub(super) fn roles(catalog: &Catalog, rows: &mut Builder) {
    if !catalog.roles.iter().any(|role| role.name == SUPERUSER) {
        rows.add(vec![
            ("oid", OWNER.into()),
            ("rolname", SUPERUSER.into()),
            ("rolsuper", true.into()),
            ("rolinherit", true.into()),
            ("rolcreaterole", true.into()),
            ("rolcreatedb", true.into()),
            ("rolcanlogin", true.into()),
            ("rolreplication", true.into()),
            ("rolbypassrls", true.into()),
            ("rolconnlimit", (-1).into()),
        ]);
    }
    for role in &catalog.roles {
        let has = |attribute: &str| Cell::from(role.attributes.iter().any(|one| one == attribute));
        rows.add(vec![
            ("oid", role.oid.into()),
            ("rolname", role.name.clone().into()),
            ("rolsuper", has("superuser")),
            ("rolinherit", (!role.attributes.iter().any(|one| one == "noinherit")).into()),
            ("rolcreaterole", has("createrole")),
            ("rolcreatedb", has("createdb")),
            ("rolcanlogin", has("login")),
            ("rolreplication", has("replication")),
            ("rolbypassrls", has("bypassrls")),
            ("rolconnlimit", role.connection_limit.into()),
            ("rolvaliduntil", role.valid_until.clone().into()),
        ]);
    }
}

pub(super) fn members(catalog: &Catalog, rows: &mut Builder) {
    for role in &catalog.roles {
        for (group, admin) in &role.member_of {
            rows.add(vec![
                ("roleid", role_oid(catalog, group).into()),
                ("member", role.oid.into()),
                ("grantor", OWNER.into()),
                ("admin_option", (*admin).into()),
            ]);
        }
    }
}

/// The three functions and the language of `plpgsql`: catalogs and OIDs.
const PLPGSQL_MEMBERS: [(Oid, Oid); 4] =
    [(CLASS_FUNCTION, 13560), (CLASS_FUNCTION, 13561), (CLASS_FUNCTION, 13562), (2612, 13563)];
/// The owner and the list of the schema `public`, unless others are recorded.
const PUBLIC_OWNER: &str = "pg_database_owner";

/// Every database has `public` when it is made; it can be dropped like others.
pub(super) fn schemas(catalog: &Catalog, rows: &mut Builder) {
    let access = Access::new(catalog);
    let mut all: Vec<_> = catalog.schemas.values().collect();
    all.sort_unstable_by_key(|schema| schema.oid);
    for schema in all {
        let mut list = access.list(acl::CLASS_SCHEMA, schema.oid, 0);
        let mut owner = access.owner(acl::CLASS_SCHEMA, schema.oid);
        if schema.oid == super::PUBLIC {
            if owner == OWNER && !access.owners.contains_key(&(acl::CLASS_SCHEMA, schema.oid)) {
                owner = role_oid(catalog, PUBLIC_OWNER);
            }
            if list == Cell::Null {
                list = list_cell(&public_list());
            }
        }
        rows.add(vec![
            ("oid", schema.oid.into()),
            ("nspname", schema.name.clone().into()),
            ("nspowner", owner.into()),
            ("nspacl", list),
        ]);
    }
}

/// What is granted on `public` in a new database.
pub fn public_list() -> Acl {
    let entries = [(PUBLIC_OWNER, PUBLIC_OWNER, "UC"), ("", PUBLIC_OWNER, "U")];
    Acl::of(entries.into_iter())
}

/// `pg_default_acl`
pub(super) fn default_privileges(catalog: &Catalog, rows: &mut Builder) {
    let mut done: Vec<Oid> = Vec::new();
    for one in &catalog.default_privileges {
        if done.contains(&one.oid) {
            continue;
        }
        done.push(one.oid);
        let same = catalog.default_privileges.iter().filter(|other| other.oid == one.oid);
        let acl = Acl::of(same.map(|other| (&*other.grantee, &*other.role, &*other.letters)));
        let schema = catalog.schemas.get(&one.schema).map_or(0, |schema| schema.oid);
        rows.add(vec![
            ("oid", one.oid.into()),
            ("defaclrole", role_oid(catalog, &one.role).into()),
            ("defaclnamespace", schema.into()),
            ("defaclobjtype", one.kind.to_string().into()),
            ("defaclacl", list_cell(&acl)),
        ]);
    }
}

/// `pg_extension`: those that were created, and `plpgsql`, which every database has.
pub(super) fn extensions(catalog: &Catalog, rows: &mut Builder) {
    rows.add(vec![
        ("oid", PLPGSQL.into()),
        ("extname", "plpgsql".into()),
        ("extowner", OWNER.into()),
        ("extnamespace", crate::pgdata::PG_CATALOG.into()),
        ("extversion", "1.0".into()),
    ]);
    for extension in &catalog.extensions {
        let schema = match extension.schema.as_str() {
            "pg_catalog" => crate::pgdata::PG_CATALOG,
            other => catalog.schemas.get(other).map_or(0, |schema| schema.oid),
        };
        rows.add(vec![
            ("oid", extension.oid.into()),
            ("extname", extension.name.clone().into()),
            ("extowner", OWNER.into()),
            ("extnamespace", schema.into()),
            ("extrelocatable", true.into()),
            ("extversion", extension.version.clone().into()),
        ]);
    }
}

/// What belongs to extensions, which `pg_dump` leaves to them.
pub(super) fn extension_members(catalog: &Catalog, rows: &mut Builder) {
    let mut member = |class: Oid, oid: Oid, extension: Oid| {
        rows.add(vec![
            ("classid", class.into()),
            ("objid", oid.into()),
            ("refclassid", PG_EXTENSION.into()),
            ("refobjid", extension.into()),
            ("deptype", "e".into()),
        ]);
    };
    for (class, oid) in PLPGSQL_MEMBERS {
        member(class, oid, PLPGSQL);
    }
    for extension in &catalog.extensions {
        let mut functions: Vec<Oid> = catalog
            .functions
            .values()
            .filter(|function| extension.has(function))
            .map(|function| function.oid)
            .collect();
        functions.sort_unstable();
        for oid in functions {
            member(CLASS_FUNCTION, oid, extension.oid);
        }
    }
}

/// The OID of a schema.
pub(crate) fn namespace(catalog: &Catalog, schema: &str) -> Oid {
    match catalog.schemas.get(schema) {
        Some(schema) => schema.oid,
        None => 0,
    }
}
