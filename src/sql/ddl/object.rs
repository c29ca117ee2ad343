//! Schemas, comments, owners.

use crate::model::catalog::{Relation, TableKind, UserTypeKind};
use crate::model::error::{Class, Error, SqlState};
use crate::model::pg_type::Oid;
use crate::pgdata::PG_EXTENSION;
use crate::sql::Action;
use crate::sql::ast::{CommentObject, Name, QualifiedName, RelationKind, SchemaChange};
use crate::sql::bind::{Binder, label};
use crate::sql::ddl::depend::Object;
use crate::sql::ddl::record::{self, number};
use crate::sql::ddl::{
    Work, depend, drop, extension, function, name, privilege, relation, role, skipped, trigger,
    user_type,
};
use crate::sql::lite::Expr;

const PG_CLASS: Oid = 1259;
const PG_AUTHID: Oid = 1260;
const PG_CONSTRAINT: Oid = 2606;
const PG_NAMESPACE: Oid = 2615;

pub(super) fn create_schema(
    name: &Name,
    if_not_exists: bool,
    owner: Option<&Name>,
    binder: &Binder<'_>,
) -> Result<Action, Error> {
    if let Some(owner) = owner {
        role::meant(owner, binder)?;
    }
    if name.text.starts_with("pg_") {
        let message = format!("unacceptable schema name \"{}\"", name.text);
        return Err(Error::user(SqlState(*b"42939"), message)
            .with_detail("The prefix \"pg_\" is reserved for system schemas."));
    }
    if binder.catalog.schemas.contains_key(&name.text) || name.text == "information_schema" {
        let message = format!("schema \"{}\" already exists", name.text);
        let state = SqlState(*b"42P06");
        if !if_not_exists {
            return Err(Error::user(state, message));
        }
        let notice = Some(Error::new(Class::User, state, format!("{message}, skipping")));
        return Ok(Action::Nothing { tag: "CREATE SCHEMA", notice });
    }
    let mut work = Work::new(binder);
    let oid = work.oids.take();
    work.push(record::insert(
        "_eider_schema",
        vec![("name", Expr::text(&name.text)), ("oid", number(oid))],
    ));
    match owner {
        Some(owner) => privilege::set_owner((PG_NAMESPACE, oid), owner, &mut work, binder)?,
        None => privilege::new_object(('n', PG_NAMESPACE, oid), "", &mut work, binder),
    }
    Ok(work.finish("CREATE SCHEMA"))
}

pub(super) fn alter_schema(
    name: &Name,
    change: &SchemaChange,
    binder: &Binder<'_>,
) -> Result<Action, Error> {
    name::existing_schema(name, binder.catalog)?;
    let mut work = Work::new(binder);
    match change {
        SchemaChange::Owner(role) => {
            let oid = binder.catalog.schemas.get(&name.text).map_or(0, |schema| schema.oid);
            privilege::set_owner((PG_NAMESPACE, oid), role, &mut work, binder)?;
        }
        SchemaChange::Rename(to) => {
            if binder.catalog.schemas.contains_key(&to.text) {
                let message = format!("schema \"{}\" already exists", to.text);
                return Err(Error::user(SqlState(*b"42P06"), message));
            }
            let in_use = binder.catalog.tables.values().any(|table| table.schema == name.text)
                || binder.catalog.sequences.values().any(|one| one.schema == name.text)
                || binder.catalog.types.values().any(|one| one.schema == name.text);
            if in_use {
                return Err(Error::refused("renaming a schema that isn't empty is not supported"));
            }
            work.push(record::update(
                "_eider_schema",
                vec![("name", Expr::text(&to.text))],
                &[("name", (&name.text).into())],
            ));
        }
        SchemaChange::SetSchema(_) => return Err(Error::internal("a schema is in no schema")),
    }
    Ok(work.finish("ALTER SCHEMA"))
}

pub(super) fn drop_schemas<'c>(
    names: &[QualifiedName],
    (if_exists, cascade): (bool, bool),
    binder: &mut Binder<'c>,
) -> Result<Action, Error> {
    let mut found = Vec::new();
    for name in names {
        let text = label(name);
        match binder.catalog.schemas.get(&text) {
            Some(schema) => found.push(schema),
            None if matches!(text.as_str(), "pg_catalog" | "information_schema") => {
                let message = format!(
                    "cannot drop schema {text} because it is required by the database system"
                );
                return Err(Error::user(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message));
            }
            None => {
                let message = format!("schema \"{text}\" does not exist");
                let error = Error::user(SqlState::INVALID_SCHEMA_NAME, message);
                if !if_exists {
                    return Err(error);
                }
                binder.notices.push(skipped(&error));
            }
        }
    }
    if found.is_empty() {
        return Ok(Action::Nothing { tag: "DROP SCHEMA", notice: None });
    }
    let inside = |schema: &str| found.iter().any(|one| one.name == schema);
    let catalog = binder.catalog;
    let mut objects: Vec<(Oid, Object<'c>)> = catalog
        .tables
        .values()
        .filter(|table| inside(&table.schema))
        .map(|table| (table.oid, Object::Table(table)))
        .collect();
    objects.extend(
        catalog
            .sequences
            .values()
            .filter(|one| inside(&one.schema) && one.owner.is_none())
            .map(|one| (one.oid, Object::Sequence(one))),
    );
    objects.extend(
        catalog
            .types
            .values()
            .filter(|one| inside(&one.schema))
            .map(|one| (one.oid, Object::Type(one))),
    );
    objects.extend(
        catalog
            .functions
            .values()
            .filter(|one| inside(&one.schema))
            .map(|one| (one.oid, Object::Function(one))),
    );
    objects.sort_unstable_by_key(|(oid, _)| *oid);
    let targets: Vec<Object<'c>> = objects.into_iter().map(|(_, object)| object).collect();
    let mut work = Work::new(binder);
    if !targets.is_empty() {
        empty_schemas(&targets, (names, cascade), &mut work, binder)?;
    }
    for schema in found {
        work.push(record::delete("_eider_schema", &[("name", (&schema.name).into())]));
        drop::forget(PG_NAMESPACE, schema.oid, &mut work);
    }
    Ok(work.finish("DROP SCHEMA"))
}

/// Drops what is in schemas, and what depends on it.
fn empty_schemas<'c>(
    targets: &[Object<'c>],
    (names, cascade): (&[QualifiedName], bool),
    work: &mut Work,
    binder: &mut Binder<'c>,
) -> Result<(), Error> {
    let all = depend::closure(targets, binder.catalog);
    let labels: Vec<String> = all.iter().map(|object| object.label(binder)).collect();
    if !cascade {
        let schema = names.iter().map(label).collect::<Vec<_>>().join(", ");
        let lines: Vec<String> =
            labels.iter().map(|label| format!("{label} depends on schema {schema}")).collect();
        let message = format!("cannot drop schema {schema} because other objects depend on it");
        return Err(Error::user(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
            .with_detail(lines.join("\n"))
            .with_hint("Use DROP ... CASCADE to drop the dependent objects too."));
    }
    binder.notices.push(depend::cascades(&labels));
    let said = binder.notices.len();
    drop::with_dependents(targets, true, None, work, binder)?;
    // What goes beside has been said already.
    binder.notices.truncate(said);
    Ok(())
}

/// The comment on an object, or on its column.
pub(super) fn comment_on(
    class: Oid,
    object: Oid,
    column: i32,
    binder: &Binder<'_>,
) -> Option<String> {
    let is = |one: &&crate::model::catalog::Comment| {
        one.class == class && one.object == object && one.column == column
    };
    binder.catalog.comments.iter().find(is).map(|comment| comment.text.clone())
}

pub(super) fn comment_row(class: Oid, object: Oid, column: i32, text: &str) -> crate::sql::Step {
    record::insert(
        "_eider_comment",
        vec![
            ("class_oid", number(class)),
            ("object_oid", number(object)),
            ("column_number", Expr::Integer(i64::from(column))),
            ("comment", Expr::text(text)),
        ],
    )
}

pub(super) fn comment(
    object: &CommentObject,
    text: Option<&str>,
    binder: &Binder<'_>,
) -> Result<Action, Error> {
    let (class, oid, column) = commented(object, binder)?;
    let mut work = Work::new(binder);
    work.push(record::delete(
        "_eider_comment",
        &[
            ("class_oid", class.into()),
            ("object_oid", oid.into()),
            ("column_number", column.into()),
        ],
    ));
    if let Some(text) = text {
        work.push(comment_row(class, oid, i32::from(column), text));
    }
    Ok(work.finish("COMMENT"))
}

/// The catalog, OID and column number of what a comment is on.
fn commented(object: &CommentObject, binder: &Binder<'_>) -> Result<(Oid, Oid, i16), Error> {
    match object {
        CommentObject::Relation(kind, name) => {
            let found = binder.relation(name)?.ok_or_else(|| binder.not_there(name))?;
            let plain = matches!(found, Relation::Table(table)
                if matches!(table.kind, TableKind::Table | TableKind::Virtual));
            if !relation::is_kind(*kind, found) || (*kind == RelationKind::Table && !plain) {
                return Err(relation::wrong_kind(*kind, name));
            }
            let oid = match found {
                Relation::Table(table) => table.oid,
                Relation::Index(index) => index.oid,
                Relation::Sequence(sequence) => sequence.oid,
            };
            Ok((PG_CLASS, oid, 0))
        }
        CommentObject::Column(name) => column(name, binder),
        CommentObject::Constraint { name, table } => {
            let table = binder.opened(table)?;
            let known = table.constraints.iter().find(|known| known.name == name.text);
            let known = known.ok_or_else(|| {
                let message = format!(
                    "constraint \"{}\" for table \"{}\" does not exist",
                    name.text, table.name
                );
                Error::user(SqlState::UNDEFINED_OBJECT, message)
            })?;
            Ok((PG_CONSTRAINT, known.oid, 0))
        }
        CommentObject::Trigger { name, table } => {
            let table = binder.opened(table)?;
            Ok((trigger::PG_TRIGGER, trigger::named(name, table, binder)?.oid, 0))
        }
        CommentObject::Function(name) => {
            Ok((function::PG_PROC, function::named(name, binder)?.oid, 0))
        }
        CommentObject::Schema(name) => {
            name::existing_schema(name, binder.catalog)?;
            let oid = binder.catalog.schemas.get(&name.text).map_or(11, |schema| schema.oid);
            Ok((PG_NAMESPACE, oid, 0))
        }
        CommentObject::Role(name) => {
            role::existing(name, binder.catalog)?;
            Ok((PG_AUTHID, crate::catalog::role_oid(binder.catalog, &name.text), 0))
        }
        CommentObject::Extension(name) => {
            let known = extension::existing(name, binder.catalog)?;
            Ok((PG_EXTENSION, known, 0))
        }
        CommentObject::Type(name) => {
            let known = user_type::named(name, "a type of this database", binder)?;
            Ok((user_type::PG_TYPE, known.oid, 0))
        }
        CommentObject::DomainConstraint { name, domain } => {
            Ok((PG_CONSTRAINT, domain_constraint(name, domain, binder)?, 0))
        }
        CommentObject::Database(_) => {
            Err(Error::refused("a comment on this object is not supported"))
        }
    }
}

/// As [`commented`], of a column.
fn column(name: &QualifiedName, binder: &Binder<'_>) -> Result<(Oid, Oid, i16), Error> {
    let Some((column, table)) = name.split_last().filter(|(_, table)| !table.is_empty()) else {
        let message = "column name must be qualified";
        return Err(Error::user(SqlState::SYNTAX_ERROR, message));
    };
    let table = binder.opened(&table.to_vec())?;
    let found = table.column(&column.text).ok_or_else(|| {
        let message =
            format!("column \"{}\" of relation \"{}\" does not exist", column.text, table.name);
        Error::user(SqlState::UNDEFINED_COLUMN, message)
    })?;
    Ok((PG_CLASS, table.oid, found.number))
}

/// # Errors
/// 42704 if the domain has no constraint of this name.
fn domain_constraint(
    name: &Name,
    domain: &QualifiedName,
    binder: &Binder<'_>,
) -> Result<Oid, Error> {
    let known = user_type::named(domain, "a domain", binder)?;
    let constraints = match &known.kind {
        UserTypeKind::Domain { constraints, .. } => constraints.as_slice(),
        UserTypeKind::Enum { .. }
        | UserTypeKind::Composite { .. }
        | UserTypeKind::Range(_)
        | UserTypeKind::Multirange { .. } => &[],
    };
    let found = constraints.iter().find(|one| one.name == name.text).ok_or_else(|| {
        let label = binder.types().label(known.oid);
        let message = format!("constraint \"{}\" for domain {label} does not exist", name.text);
        Error::user(SqlState::UNDEFINED_OBJECT, message)
    })?;
    Ok(found.oid)
}
