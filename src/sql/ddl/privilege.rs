//! GRANT, REVOKE, ALTER DEFAULT PRIVILEGES, owners: what is recorded in access control lists.
//!
//! Recorded and shown; nothing is enforced yet.

use crate::catalog::acl::{
    self, Acl, CLASS_DATABASE, CLASS_FUNCTION, CLASS_LANGUAGE, CLASS_RELATION, CLASS_SCHEMA,
    CLASS_TYPE,
};
use crate::catalog::{SUPERUSER, public_list, role_oid};
use crate::model::catalog::{Catalog, Relation, Table};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::Oid;
use crate::sql::Action;
use crate::sql::ast::{Grant, GrantTarget, Name, QualifiedName, TypeName};
use crate::sql::bind::{Binder, label};
use crate::sql::ddl::record::{self, number};
use crate::sql::ddl::role::meant;
use crate::sql::ddl::{Work, depend, drop, name};
use crate::sql::lite::Expr;
use crate::sql::types::lookup_type;

/// Something that is granted on.
struct Target<'c> {
    /// As `acl::defaults` names its kind.
    kind: char,
    /// In "invalid privilege type X for ...".
    what: &'static str,
    class: Oid,
    object: Oid,
    table: Option<&'c Table>,
}

impl Target<'_> {
    /// All letters that there are for its kind.
    fn all(&self) -> &'static str {
        acl::defaults(self.kind).map_or("", |(_, own)| own)
    }
}

/// The owner of an object.
pub(super) fn owner_of(class: Oid, object: Oid, catalog: &Catalog) -> String {
    let known = catalog.owners.iter().find(|one| (one.class, one.object) == (class, object));
    match known {
        Some(known) => known.role.clone(),
        None if (class, object) == (CLASS_SCHEMA, 2200) => "pg_database_owner".to_owned(),
        None => SUPERUSER.to_owned(),
    }
}

/// The list of an object, or of a column of it.
fn list_of(target: &Target<'_>, column: i32, catalog: &Catalog) -> Acl {
    let recorded = Acl::recorded(catalog, target.class, target.object, column);
    recorded.unwrap_or_else(|| {
        if (target.class, target.object) == (CLASS_SCHEMA, 2200) {
            return public_list();
        }
        let kind = if column == 0 { target.kind } else { 'c' };
        Acl::initial(kind, &owner_of(target.class, target.object, catalog))
    })
}

/// Records a list in place of the one that was there. `keep_empty`: an empty list differs from none.
fn replace((class, object, column): (Oid, Oid, i32), acl: &Acl, keep_empty: bool, work: &mut Work) {
    let keys = [
        ("class_oid", class.into()),
        ("object_oid", object.into()),
        ("column_number", record::Key::Number(i64::from(column))),
    ];
    work.push(record::delete("_eider_privilege", &keys));
    let mut rows: Vec<(&str, &str, String)> =
        acl.0.iter().map(|entry| (&*entry.grantee, &*entry.grantor, entry.letters())).collect();
    if rows.is_empty() && keep_empty {
        rows.push(("", SUPERUSER, String::new()));
    }
    for (place, (grantee, grantor, letters)) in rows.into_iter().enumerate() {
        work.push(record::insert(
            "_eider_privilege",
            vec![
                ("class_oid", number(class)),
                ("object_oid", number(object)),
                ("column_number", Expr::Integer(i64::from(column))),
                ("place", Expr::Integer(place as i64)),
                ("grantee", Expr::text(grantee)),
                ("grantor", Expr::text(grantor)),
                ("letters", Expr::Text(letters)),
            ],
        ));
    }
}

/// The grantees' names; empty for PUBLIC.
fn grantees(grant: &Grant, binder: &Binder<'_>) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for name in &grant.grantees {
        if name.text.is_empty() {
            if grant.grant_option && !grant.revoke {
                let message = "grant options can only be granted to roles";
                return Err(Error::user(SqlState(*b"0LP01"), message));
            }
            found.push(String::new());
        } else {
            found.push(meant(name, binder)?);
        }
    }
    Ok(found)
}

fn invalid(privilege: &str, what: &str) -> Error {
    let message = format!("invalid privilege type {privilege} for {what}");
    Error::user(SqlState(*b"0LP01"), message)
}

pub(super) fn grant(tree: &Grant, binder: &mut Binder<'_>) -> Result<Action, Error> {
    let targets = targets(&tree.target, binder)?;
    let grantees = grantees(tree, binder)?;
    let mut work = Work::new(binder);
    for target in &targets {
        let mut whole = String::new();
        if tree.privileges.is_empty() {
            whole.push_str(target.all());
        }
        for (privilege, columns) in &tree.privileges {
            if !columns.is_empty() {
                continue;
            }
            if privilege == "ALL" {
                whole.push_str(target.all());
                continue;
            }
            let letter = acl::letter(privilege).unwrap_or(' ');
            let relation = matches!(target.kind, 'r' | 's');
            if relation && !"arwdDxtU".contains(letter) {
                return Err(invalid(privilege, "relation"));
            }
            if !target.all().contains(letter) {
                return Err(invalid(privilege, target.what));
            }
            whole.push(letter);
        }
        if !whole.is_empty() {
            let mut list = list_of(target, 0, binder.catalog);
            change(&mut list, tree, &grantees, &whole, target, binder.catalog);
            replace((target.class, target.object, 0), &list, true, &mut work);
        }
        columns(tree, target, (&grantees, &whole), &mut work, binder)?;
    }
    Ok(work.finish(if tree.revoke { "REVOKE" } else { "GRANT" }))
}

fn change(
    list: &mut Acl,
    tree: &Grant,
    grantees: &[String],
    letters: &str,
    target: &Target<'_>,
    catalog: &Catalog,
) {
    let grantor = owner_of(target.class, target.object, catalog);
    for grantee in grantees {
        if tree.revoke {
            list.revoke(grantee, letters, tree.grant_option);
        } else {
            list.grant(grantee, &grantor, letters, tree.grant_option);
        }
    }
}

/// Privileges on columns; a REVOKE of a table's privileges takes those of its columns, too.
fn columns(
    tree: &Grant,
    target: &Target<'_>,
    (grantees, whole): (&[String], &str),
    work: &mut Work,
    binder: &Binder<'_>,
) -> Result<(), Error> {
    let Some(table) = target.table else {
        return match tree.privileges.iter().find(|(_, columns)| !columns.is_empty()) {
            Some(_) => Err(Error::user(
                SqlState(*b"0LP01"),
                "column privileges are only valid for relations",
            )),
            None => Ok(()),
        };
    };
    let mut by_column: Vec<(i16, String)> = Vec::new();
    for (privilege, names) in &tree.privileges {
        let letters = match acl::letter(privilege) {
            None => "arwx".to_owned(),
            Some(letter) if "arwx".contains(letter) => letter.to_string(),
            Some(_) if names.is_empty() => continue,
            Some(_) => return Err(invalid(privilege, "column")),
        };
        for name in names {
            let column = table.column(&name.text).ok_or_else(|| {
                let message = format!(
                    "column \"{}\" of relation \"{}\" does not exist",
                    name.text, table.name
                );
                Error::user(SqlState::UNDEFINED_COLUMN, message)
            })?;
            match by_column.iter_mut().find(|(number, _)| *number == column.number) {
                Some((_, known)) => known.push_str(&letters),
                None => by_column.push((column.number, letters.clone())),
            }
        }
    }
    if tree.revoke {
        let catalog = binder.catalog;
        for column in &table.columns {
            let number = i32::from(column.number);
            let known = Acl::recorded(catalog, target.class, target.object, number).is_some();
            let named = by_column.iter().any(|(other, _)| *other == column.number);
            if known && !named {
                by_column.push((column.number, String::new()));
            }
        }
        for (_, letters) in &mut by_column {
            letters.extend(whole.chars().filter(|letter| "arwx".contains(*letter)));
        }
    }
    for (column, letters) in by_column {
        let column = i32::from(column);
        let mut list = list_of(target, column, binder.catalog);
        change(&mut list, tree, grantees, &letters, target, binder.catalog);
        replace((target.class, target.object, column), &list, false, work);
    }
    Ok(())
}

fn of_relation(found: Relation<'_>) -> Option<Target<'_>> {
    let target =
        |kind, what, object, table| Target { kind, what, class: CLASS_RELATION, object, table };
    match found {
        Relation::Table(table) => Some(target('r', "table", table.oid, Some(&**table))),
        Relation::Sequence(sequence) => Some(target('s', "sequence", sequence.oid, None)),
        Relation::Index(_) => None,
    }
}

fn targets<'c>(target: &GrantTarget, binder: &Binder<'c>) -> Result<Vec<Target<'c>>, Error> {
    let plain = |kind, what, class, object| Target { kind, what, class, object, table: None };
    match target {
        GrantTarget::Tables(names) | GrantTarget::Sequences(names) => {
            let sequences = matches!(target, GrantTarget::Sequences(_));
            names.iter().map(|name| relation_target(name, sequences, binder)).collect()
        }
        GrantTarget::Schemas(names) => names
            .iter()
            .map(|name| {
                name::existing_schema(name, binder.catalog)?;
                let oid = binder.catalog.schemas.get(&name.text).map_or(11, |schema| schema.oid);
                Ok(plain('n', "schema", CLASS_SCHEMA, oid))
            })
            .collect(),
        GrantTarget::Databases(names) => names
            .iter()
            .map(|name| {
                if name.text != binder.settings.database {
                    let message = "GRANT on a database other than the one that is connected to \
                                   is not supported";
                    return Err(Error::refused(message));
                }
                Ok(plain('d', "database", CLASS_DATABASE, 0))
            })
            .collect(),
        GrantTarget::Types(names) => names
            .iter()
            .map(|name| {
                let tree = TypeName { name: name.clone(), modifiers: Vec::new(), array: false };
                let oid = lookup_type(binder.types(), &tree)?.oid;
                Ok(plain('T', "type", CLASS_TYPE, oid))
            })
            .collect(),
        GrantTarget::Functions(names) => {
            names.iter().map(|name| function_target(name, binder)).collect()
        }
        GrantTarget::Languages(names) => names
            .iter()
            .map(|name| match crate::catalog::language_oid(&name.text) {
                Some(oid) => Ok(plain('l', "language", CLASS_LANGUAGE, oid)),
                None => {
                    let message = format!("language \"{}\" does not exist", name.text);
                    Err(Error::user(SqlState::UNDEFINED_OBJECT, message))
                }
            })
            .collect(),
        GrantTarget::AllIn { kind, schemas } => all_in(*kind, schemas, binder),
        GrantTarget::Kind(_) => Err(Error::internal("a kind of objects is granted on by default")),
    }
}

fn relation_target<'c>(
    name: &QualifiedName,
    sequences: bool,
    binder: &Binder<'c>,
) -> Result<Target<'c>, Error> {
    let found = binder.relation(name)?.ok_or_else(|| binder.not_there(name))?;
    let last = name.last().map_or("", |last| last.text.as_str());
    let wrong = |message: String| Error::user(SqlState::WRONG_OBJECT_TYPE, message);
    let target = of_relation(found).ok_or_else(|| wrong(format!("\"{last}\" is an index")))?;
    if sequences && target.kind != 's' {
        return Err(wrong(format!("\"{last}\" is not a sequence")));
    }
    Ok(target)
}

fn function_target<'c>(name: &QualifiedName, binder: &Binder<'c>) -> Result<Target<'c>, Error> {
    let last = name.last().map_or("", |last| last.text.as_str());
    let own = binder.catalog.functions.values().find(|known| known.name == last);
    let built_in = crate::pgdata::functions_named(last).first().map(|known| known.oid);
    let Some(object) = own.map(|known| known.oid).or(built_in) else {
        let message = format!("could not find a function named \"{}\"", label(name));
        return Err(Error::user(SqlState::UNDEFINED_FUNCTION, message));
    };
    Ok(Target { kind: 'f', what: "function", class: CLASS_FUNCTION, object, table: None })
}

/// ALL ... IN SCHEMA.
fn all_in<'c>(kind: char, schemas: &[Name], binder: &Binder<'c>) -> Result<Vec<Target<'c>>, Error> {
    let catalog = binder.catalog;
    let mut found: Vec<Target<'c>> = Vec::new();
    for schema in schemas {
        name::existing_schema(schema, catalog)?;
        match kind {
            'r' => found.extend(
                catalog
                    .tables
                    .values()
                    .filter(|table| table.schema == schema.text)
                    .filter_map(|table| of_relation(Relation::Table(table))),
            ),
            'S' => found.extend(
                catalog
                    .sequences
                    .values()
                    .filter(|sequence| sequence.schema == schema.text)
                    .filter_map(|sequence| of_relation(Relation::Sequence(sequence))),
            ),
            _ => found.extend(
                catalog.functions.values().filter(|known| known.schema == schema.text).map(
                    |known| Target {
                        kind: 'f',
                        what: "function",
                        class: CLASS_FUNCTION,
                        object: known.oid,
                        table: None,
                    },
                ),
            ),
        }
    }
    found.sort_unstable_by_key(|target| target.object);
    Ok(found)
}

/// ALTER DEFAULT PRIVILEGES.
pub(super) fn alter_default(
    (roles, schemas): (&[Name], &[Name]),
    tree: &Grant,
    binder: &Binder<'_>,
) -> Result<Action, Error> {
    let GrantTarget::Kind(kind) = tree.target else {
        return Err(Error::internal("default privileges are on a kind of objects"));
    };
    if kind == 'n' && !schemas.is_empty() {
        let message = "cannot use IN SCHEMA clause when using GRANT/REVOKE ON SCHEMAS";
        return Err(Error::user(SqlState(*b"0LP01"), message));
    }
    let (what, all) = match kind {
        'r' => ("relation", "arwdDxt"),
        'S' => ("sequence", "rwU"),
        'f' => ("function", "X"),
        'T' => ("type", "U"),
        _ => ("schema", "UC"),
    };
    let mut letters = String::new();
    for (privilege, columns) in &tree.privileges {
        if !columns.is_empty() {
            let message = "default privileges cannot be set for columns";
            return Err(Error::user(SqlState(*b"0LP01"), message));
        }
        let letter = acl::letter(privilege).unwrap_or(' ');
        if !all.contains(letter) {
            return Err(invalid(privilege, what));
        }
        letters.push(letter);
    }
    if letters.is_empty() {
        letters.push_str(all);
    }
    let grantees = grantees(tree, binder)?;
    let mut owners = Vec::new();
    for role in roles {
        owners.push(meant(role, binder)?);
    }
    if roles.is_empty() {
        owners.push(current(binder));
    }
    let everywhere = [String::new()];
    let names: Vec<String> = schemas.iter().map(|schema| schema.text.clone()).collect();
    for schema in schemas {
        name::existing_schema(schema, binder.catalog)?;
    }
    let mut work = Work::new(binder);
    for owner in &owners {
        for schema in if names.is_empty() { &everywhere[..] } else { &names } {
            let (oid, mut list) = default_list((owner, schema, kind), binder.catalog);
            for grantee in &grantees {
                if tree.revoke {
                    list.revoke(grantee, &letters, tree.grant_option);
                } else {
                    list.grant(grantee, owner, &letters, tree.grant_option);
                }
            }
            record_default((owner, schema, kind), (oid, &list), &mut work);
        }
    }
    Ok(work.finish("ALTER DEFAULT PRIVILEGES"))
}

/// A list of default privileges: its OID, if it is recorded, and what is on it. Without a schema it is
/// all that a new object gets, with one it comes on top.
fn default_list(
    (owner, schema, kind): (&str, &str, char),
    catalog: &Catalog,
) -> (Option<Oid>, Acl) {
    let is = |one: &&crate::model::catalog::DefaultPrivilege| {
        one.role == owner && one.schema == schema && one.kind == kind
    };
    let mut found = catalog.default_privileges.iter().filter(is).peekable();
    match found.peek() {
        Some(first) => {
            let oid = first.oid;
            (Some(oid), Acl::of(found.map(|one| (&*one.grantee, &*one.role, &*one.letters))))
        }
        None if schema.is_empty() => (None, Acl::initial(kind, owner)),
        None => (None, Acl::default()),
    }
}

fn record_default(
    (owner, schema, kind): (&str, &str, char),
    (oid, list): (Option<Oid>, &Acl),
    work: &mut Work,
) {
    if let Some(oid) = oid {
        work.push(record::delete("_eider_default_privilege", &[("oid", oid.into())]));
    }
    // What is as it would be without a row has none.
    let usual = if schema.is_empty() { Acl::initial(kind, owner) } else { Acl::default() };
    let sorted = |list: &Acl| {
        let mut shown = list.shown();
        shown.sort_unstable();
        shown
    };
    if sorted(list) == sorted(&usual) {
        return;
    }
    let oid = oid.unwrap_or_else(|| work.oids.take());
    let mut rows: Vec<(&str, String)> =
        list.0.iter().map(|entry| (&*entry.grantee, entry.letters())).collect();
    if rows.is_empty() {
        rows.push(("", String::new()));
    }
    for (place, (grantee, letters)) in rows.into_iter().enumerate() {
        work.push(record::insert(
            "_eider_default_privilege",
            vec![
                ("oid", number(oid)),
                ("place", Expr::Integer(place as i64)),
                ("role", Expr::text(owner)),
                ("schema_name", Expr::text(schema)),
                ("kind", Expr::Text(kind.to_string())),
                ("grantee", Expr::text(grantee)),
                ("letters", Expr::Text(letters)),
            ],
        ));
    }
}

/// Whose a new object is.
fn current(binder: &Binder<'_>) -> String {
    let user = &binder.settings.user;
    if role_oid(binder.catalog, user) == 0 { SUPERUSER.to_owned() } else { user.clone() }
}

/// Records whose a new object is, and what is granted on it by default. `kind` is that of
/// `acl::defaults`.
pub(super) fn new_object(
    (kind, class, object): (char, Oid, Oid),
    schema: &str,
    work: &mut Work,
    binder: &Binder<'_>,
) {
    let owner = current(binder);
    if owner != SUPERUSER {
        work.push(owner_row(class, object, &owner));
    }
    if binder.catalog.default_privileges.is_empty() {
        return;
    }
    let of_default = if kind == 's' { 'S' } else { kind };
    let (everywhere, mut list) = default_list((&owner, "", of_default), binder.catalog);
    let (here, more) = default_list((&owner, schema, of_default), binder.catalog);
    if everywhere.is_none() && here.is_none() {
        return;
    }
    for entry in &more.0 {
        for (letter, option) in &entry.rights {
            list.grant(&entry.grantee, &owner, &letter.to_string(), *option);
        }
    }
    if list != Acl::initial(kind, &owner) {
        replace((class, object, 0), &list, true, work);
    }
}

fn owner_row(class: Oid, object: Oid, role: &str) -> crate::sql::Step {
    record::insert(
        "_eider_owner",
        vec![
            ("class_oid", number(class)),
            ("object_oid", number(object)),
            ("role", Expr::text(role)),
        ],
    )
}

/// OWNER TO: the list's entries of the old owner become the new one's.
///
/// # Errors
/// 42704 for a role that isn't there.
pub(super) fn set_owner(
    (class, object): (Oid, Oid),
    role: &Name,
    work: &mut Work,
    binder: &Binder<'_>,
) -> Result<(), Error> {
    let role = meant(role, binder)?;
    give((class, object), &role, work, binder);
    Ok(())
}

fn give((class, object): (Oid, Oid), role: &str, work: &mut Work, binder: &Binder<'_>) {
    let old = owner_of(class, object, binder.catalog);
    let keys = [("class_oid", class.into()), ("object_oid", object.into())];
    work.push(record::delete("_eider_owner", &keys));
    if role != SUPERUSER || (class, object) == (CLASS_SCHEMA, 2200) {
        work.push(owner_row(class, object, role));
    }
    let mut columns: Vec<i32> = binder
        .catalog
        .privileges
        .iter()
        .filter(|one| (one.class, one.object) == (class, object))
        .map(|one| one.column)
        .collect();
    columns.dedup();
    for column in columns {
        if let Some(mut list) = Acl::recorded(binder.catalog, class, object, column) {
            list.change_owner(&old, role);
            replace((class, object, column), &list, column == 0, work);
        }
    }
}

/// REASSIGN OWNED.
pub(super) fn reassign(from: &[Name], to: &Name, binder: &Binder<'_>) -> Result<Action, Error> {
    let to = meant(to, binder)?;
    let mut work = Work::new(binder);
    for role in from {
        let role = meant(role, binder)?;
        if role == SUPERUSER {
            let message = format!(
                "cannot reassign ownership of objects owned by role {role} because they are \
                 required by the database system"
            );
            return Err(Error::user(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message));
        }
        for owner in binder.catalog.owners.iter().filter(|owner| owner.role == role) {
            give((owner.class, owner.object), &to, &mut work, binder);
        }
    }
    Ok(work.finish("REASSIGN OWNED"))
}

/// DROP OWNED: what the roles own goes, and what was granted to them.
pub(super) fn drop_owned<'c>(
    roles: &[Name],
    cascade: bool,
    binder: &mut Binder<'c>,
) -> Result<Action, Error> {
    let mut work = Work::new(binder);
    let catalog = binder.catalog;
    let mut names = Vec::new();
    for role in roles {
        let role = meant(role, binder)?;
        if role == SUPERUSER {
            let message = format!(
                "cannot drop objects owned by role {role} because they are required by the \
                 database system"
            );
            return Err(Error::user(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message));
        }
        names.push(role);
    }
    let mut objects: Vec<depend::Object<'c>> = Vec::new();
    for owner in catalog.owners.iter().filter(|owner| names.contains(&owner.role)) {
        let table = catalog.tables.values().find(|one| one.oid == owner.object);
        let sequence = catalog.sequences.values().find(|one| one.oid == owner.object);
        match (owner.class, table, sequence) {
            (CLASS_RELATION, Some(table), _) => objects.push(depend::Object::Table(table)),
            (CLASS_RELATION, _, Some(sequence)) if sequence.owner.is_none() => {
                objects.push(depend::Object::Sequence(sequence));
            }
            (CLASS_RELATION, ..) => {}
            _ => {
                let message = "DROP OWNED of a role that owns something else than relations is \
                               not supported";
                return Err(Error::refused(message));
            }
        }
    }
    drop::with_dependents(&objects, cascade, None, &mut work, binder)?;
    let mut lists: Vec<(Oid, Oid, i32)> = catalog
        .privileges
        .iter()
        .filter(|one| names.contains(&one.grantee))
        .map(|one| (one.class, one.object, one.column))
        .collect();
    lists.dedup();
    for place in lists {
        if let Some(mut list) = Acl::recorded(catalog, place.0, place.1, place.2) {
            list.0.retain(|entry| !names.contains(&entry.grantee));
            replace(place, &list, place.2 == 0, &mut work);
        }
    }
    let mut done: Vec<Oid> = Vec::new();
    for one in &catalog.default_privileges {
        if done.contains(&one.oid) {
            continue;
        }
        let key = (&*one.role, &*one.schema, one.kind);
        let (oid, mut list) = default_list(key, catalog);
        let before = list.clone();
        list.0.retain(|entry| !names.contains(&entry.grantee));
        if names.contains(&one.role) {
            work.push(record::delete("_eider_default_privilege", &[("oid", one.oid.into())]));
        } else if list != before {
            record_default(key, (oid, &list), &mut work);
        }
        done.push(one.oid);
    }
    Ok(work.finish("DROP OWNED"))
}

/// What a role owns and what was granted to it, in the words of DROP ROLE's detail.
pub(super) fn uses_of(role: &str, binder: &Binder<'_>) -> Vec<String> {
    let catalog = binder.catalog;
    let mut lines = Vec::new();
    let named = |class: Oid, object: Oid| -> Option<String> {
        match class {
            CLASS_RELATION => {
                let table = catalog.tables.values().find(|one| one.oid == object);
                let sequence = catalog.sequences.values().find(|one| one.oid == object);
                table
                    .map(|table| depend::Object::Table(table).label(binder))
                    .or_else(|| sequence.map(|one| depend::Object::Sequence(one).label(binder)))
            }
            CLASS_SCHEMA => {
                let schema = catalog.schemas.values().find(|one| one.oid == object)?;
                Some(format!("schema {}", schema.name))
            }
            CLASS_FUNCTION => {
                let function = catalog.functions.get(&object)?;
                Some(depend::Object::Function(function).label(binder))
            }
            CLASS_TYPE => Some(format!("type {}", catalog.types.get(&object)?.name)),
            CLASS_DATABASE => Some(format!("database {}", binder.settings.database)),
            _ => None,
        }
    };
    for one in catalog.owners.iter().filter(|one| one.role == role) {
        lines.extend(named(one.class, one.object).map(|label| format!("owner of {label}")));
    }
    for one in catalog.privileges.iter().filter(|one| one.grantee == role) {
        let owned = catalog.owners.iter().any(|owner| {
            owner.role == role && (owner.class, owner.object) == (one.class, one.object)
        });
        if owned {
            continue;
        }
        let line = named(one.class, one.object).map(|label| match one.column {
            0 => format!("privileges for {label}"),
            number => {
                let table = catalog.tables.values().find(|table| table.oid == one.object);
                let column = table.and_then(|table| {
                    table.columns.iter().find(|column| i32::from(column.number) == number)
                });
                format!("privileges for column {} of {label}", column.map_or("?", |c| &c.name))
            }
        });
        lines.extend(line.filter(|line| !lines.contains(line)));
    }
    for one in &catalog.default_privileges {
        if one.grantee == role || one.role == role {
            let kind = match one.kind {
                'r' => "relations",
                'S' => "sequences",
                'f' => "functions",
                'T' => "types",
                _ => "schemas",
            };
            let place = if one.schema.is_empty() {
                String::new()
            } else {
                format!(" in schema {}", one.schema)
            };
            let what = if one.role == role { "owner of" } else { "privileges for" };
            let of = format!("belonging to role {}", one.role);
            let line = format!("{what} default privileges on new {kind} {of}{place}");
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines
}
