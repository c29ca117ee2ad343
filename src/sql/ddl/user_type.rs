//! Types that a database makes: CREATE TYPE AS ENUM, ALTER TYPE, DROP TYPE.

use crate::model::catalog::{Catalog, EnumLabel, Table, UserType, UserTypeKind};
use crate::model::error::{Class, Error, SqlState};
use crate::model::pg_type::Oid;
use crate::pgdata::quote_identifier;
use crate::sql::ast::{DropKind, EnumChange, Name, QualifiedName, SchemaChange};
use crate::sql::bind::{Binder, label};
use crate::sql::compile::plain_step;
use crate::sql::ddl::depend::Object;
use crate::sql::ddl::record::{self, number};
use crate::sql::ddl::{
    Work, composite, drop, name, privilege, retouch, skipped, temporary, user_range,
};
use crate::sql::lite::{self, Expr};
use crate::sql::types::{Types, lookup_type};
use crate::sql::{Action, ast};

pub(super) const PG_TYPE: Oid = 1247;
/// What RENAME TO and its like want.
pub(super) const ALTERED: &str = "a type that can be altered";
const LABEL_BYTES_MAX: usize = crate::datum::form::LABEL_BYTES_MAX;

/// A relation has a type of its name, too.
///
/// # Errors
/// 42710 if the schema has a type of this name.
pub(super) fn check_free(schema: &str, name: &str, catalog: &Catalog) -> Result<(), Error> {
    if catalog.user_type(schema, name).is_none() {
        return Ok(());
    }
    Err(exists(name).with_hint(
        "A relation has an associated type of the same name, so you must use a name that doesn't conflict with any existing type.",
    ))
}

pub(super) fn exists(name: &str) -> Error {
    Error::user(SqlState::DUPLICATE_OBJECT, format!("type \"{name}\" already exists"))
}

/// Whether a schema has a type of this name, a table's row type included.
pub(super) fn is_taken(schema: &str, name: &str, catalog: &Catalog) -> bool {
    catalog.user_type(schema, name).is_some() || catalog.table(schema, name).is_some()
}

/// What every type's row in `_eider_type` has: its OID and its array's, its schema and name, its kind as in
/// `pg_type.typtype`.
pub(super) fn row(
    (oid, array_oid): (Oid, Oid),
    (schema, name): (&str, &str),
    kind: &str,
) -> Vec<(&'static str, Expr)> {
    vec![
        ("oid", number(oid)),
        ("schema_name", Expr::text(schema)),
        ("name", Expr::text(name)),
        ("array_oid", number(array_oid)),
        ("kind", Expr::text(kind)),
    ]
}

/// The schema and name of a new type.
///
/// # Errors
/// 42710; as [`name::new_object`].
pub(super) fn new_name(
    name: &QualifiedName,
    binder: &Binder<'_>,
) -> Result<(String, String), Error> {
    let (schema, name) = name::new_object(name, binder)?;
    if is_taken(&schema, &name, binder.catalog) {
        return Err(exists(&name));
    }
    Ok((schema, name))
}

fn check_label(label: &str) -> Result<(), Error> {
    if label.len() <= LABEL_BYTES_MAX {
        return Ok(());
    }
    let message = format!("invalid enum label \"{label}\"");
    Err(Error::user(SqlState::INVALID_NAME, message)
        .with_detail("Labels must be 63 bytes or less."))
}

pub(super) fn create_enum(
    tree: &QualifiedName,
    labels: &[String],
    binder: &Binder<'_>,
) -> Result<Action, Error> {
    let (schema, name) = new_name(tree, binder)?;
    let mut work = Work::new(binder);
    temporary::ensure(&schema, &mut work, binder);
    let array_oid = work.oids.take();
    let oid = work.oids.take();
    let row = row((oid, array_oid), (&schema, &name), "e");
    work.push(record::insert("_eider_type", row));
    for (place, label) in labels.iter().enumerate() {
        check_label(label)?;
        if labels[..place].contains(label) {
            let message =
                "duplicate key value violates unique constraint \"pg_enum_typid_label_index\"";
            return Err(Error::user(SqlState::UNIQUE_VIOLATION, message).with_detail(format!(
                "Key (enumtypid, enumlabel)=({oid}, {label}) already exists."
            )));
        }
        let label_oid = work.oids.take();
        work.push(label_row(oid, label_oid, (place + 1) as f64, label));
    }
    Ok(work.finish("CREATE TYPE"))
}

fn label_row(type_oid: Oid, oid: Oid, place: f64, label: &str) -> crate::sql::Step {
    record::insert(
        "_eider_enum_label",
        vec![
            ("oid", number(oid)),
            ("type_oid", number(type_oid)),
            ("number", Expr::Real(place)),
            ("label", Expr::text(label)),
        ],
    )
}

/// The database's type that a statement names.
///
/// # Errors
/// 42704, 3F000; 42809 for one of PostgreSQL's own, where `what` says what is wanted.
pub(super) fn named<'c>(
    name: &QualifiedName,
    what: &str,
    binder: &Binder<'c>,
) -> Result<&'c UserType, Error> {
    let (schema, last) = binder.qualified(name)?;
    if let Some(schema) = schema.filter(|schema| schema.text != "pg_temp") {
        name::existing_schema(schema, binder.catalog)?;
    }
    let types = binder.types();
    let found = types.own_named(schema.map(|schema| schema.text.as_str()), &last.text);
    if let Some(known) = found.and_then(|oid| binder.catalog.types.get(&oid)) {
        return Ok(known);
    }
    if binder.relation(name).is_ok_and(|found| found.is_some()) {
        let own = quote_identifier(&last.text);
        if what == ALTERED {
            let message = format!("{own} is a table's row type");
            return Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message)
                .with_hint("Use ALTER TABLE instead."));
        }
        let message = format!("{own} is not {what}");
        return Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message));
    }
    let written = ast::TypeName { name: name.clone(), modifiers: Vec::new(), array: false };
    let builtin = lookup_type(Types::BUILTIN, &written).map_err(|_| missing(name))?;
    let message = format!("{} is not {what}", types.label(builtin.oid));
    Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message))
}

fn missing(name: &QualifiedName) -> Error {
    let message = format!("type \"{}\" does not exist", label(name));
    Error::user(SqlState::UNDEFINED_OBJECT, message)
}

pub(super) fn alter_enum(
    name: &QualifiedName,
    change: &EnumChange,
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    let known = named(name, "an enum", binder)?;
    let UserTypeKind::Enum { labels } = &known.kind else {
        let message = format!("{} is not an enum", binder.types().label(known.oid));
        return Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message));
    };
    match change {
        EnumChange::Add { label, if_not_exists, place } => {
            check_label(label)?;
            if labels.iter().any(|one| one.label == *label) {
                let message = format!("enum label \"{label}\" already exists");
                if !if_not_exists {
                    return Err(Error::user(SqlState::DUPLICATE_OBJECT, message));
                }
                let message = format!("{message}, skipping");
                let notice = Error::new(Class::User, SqlState::DUPLICATE_OBJECT, message);
                return Ok(Action::Nothing { tag: "ALTER TYPE", notice: Some(notice) });
            }
            add_label(known, labels, label, place.as_ref(), binder)
        }
        EnumChange::Rename { from, to } => {
            check_label(to)?;
            if labels.iter().all(|one| one.label != *from) {
                return Err(no_label(from));
            }
            if labels.iter().any(|one| one.label == *to) {
                let message = format!("enum label \"{to}\" already exists");
                return Err(Error::user(SqlState::DUPLICATE_OBJECT, message));
            }
            rename_label(known, labels, (from, to), binder)
        }
    }
}

fn no_label(label: &str) -> Error {
    let message = format!("\"{label}\" is not an existing enum label");
    Error::user(SqlState::INVALID_PARAMETER_VALUE, message)
}

/// Adds a label at the end, or between two by a number between theirs.
fn add_label(
    known: &UserType,
    labels: &[EnumLabel],
    label: &str,
    place: Option<&(bool, String)>,
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    let at = match place {
        None => labels.len(),
        Some((before, neighbour)) => {
            let found = labels.iter().position(|one| one.label == *neighbour);
            let found = found.ok_or_else(|| no_label(neighbour))?;
            if *before { found } else { found + 1 }
        }
    };
    let below = at.checked_sub(1).map(|at| labels[at].number);
    let above = labels.get(at).map(|label| label.number);
    let place = match (below, above) {
        (None, None) => 1.0,
        (Some(below), None) => below + 1.0,
        (None, Some(above)) => above - 1.0,
        // `enumsortorder` is a float4.
        (Some(below), Some(above)) => f64::from(f32::midpoint(below as f32, above as f32)),
    };
    if below == Some(place) || above == Some(place) {
        return Err(Error::refused("another value between these two labels is not supported"));
    }
    let mut work = Work::new(binder);
    let oid = work.oids.take();
    work.push(label_row(known.oid, oid, place, label));
    let mut changed = labels.to_vec();
    changed.insert(at, EnumLabel { oid, number: place, label: label.to_owned() });
    let changed = UserType { kind: UserTypeKind::Enum { labels: changed }, ..known.clone() };
    retouch::with_type(changed, &|_, _| Ok(None), &mut work, binder)?;
    Ok(work.finish("ALTER TYPE"))
}

/// Renames a label, in the rows of all tables too.
fn rename_label(
    known: &UserType,
    labels: &[EnumLabel],
    (from, to): (&str, &str),
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    composite::check_not_inside(known, binder)?;
    let mut work = Work::new(binder);
    let mut changed = labels.to_vec();
    for one in changed.iter_mut().filter(|one| one.label == *from) {
        work.push(record::update(
            "_eider_enum_label",
            vec![("label", Expr::text(to))],
            &[("oid", one.oid.into())],
        ));
        to.clone_into(&mut one.label);
    }
    let mut tables: Vec<&Table> = binder.catalog.tables.values().map(AsRef::as_ref).collect();
    tables.sort_unstable_by_key(|table| table.oid);
    for table in tables.into_iter().filter(|table| !table.is_view()) {
        for column in table.columns.iter().filter(|column| column.generated.is_none()) {
            let value = Expr::column(&column.stored);
            let (new, filter) = if column.data_type.oid == known.oid {
                let is = Expr::infix(value, "=", Expr::text(from));
                (Expr::text(to), is)
            } else if column.data_type.oid == known.array_oid {
                let (style, types) = (Expr::text("UTC"), Expr::text("1009,25,25"));
                let arguments = vec![style, types, value.clone(), Expr::text(from), Expr::text(to)];
                let present = Expr::IsNull { operand: Box::new(value), negated: true };
                (Expr::call("pg_array_replace", arguments), present)
            } else {
                continue;
            };
            let update = lite::Statement::Update(lite::Update {
                with: lite::With::default(),
                table: table.stored.clone(),
                alias: None,
                assignments: vec![(column.stored.clone(), new)],
                from: None,
                filter: Some(filter),
                returning: Vec::new(),
            });
            work.push(plain_step(&lite::Statement::Unchecked(Box::new(update))));
        }
    }
    let changed = UserType { kind: UserTypeKind::Enum { labels: changed }, ..known.clone() };
    let of_type = |oid: Oid| oid == known.oid || oid == known.array_oid;
    let relabelled = |text: &str, column: Option<Oid>| {
        if column.is_some_and(of_type) { retouch::literal(text, from, to) } else { Ok(None) }
    };
    retouch::with_type(changed, &relabelled, &mut work, binder)?;
    Ok(work.finish("ALTER TYPE"))
}

/// ALTER TYPE and ALTER DOMAIN: RENAME TO, SET SCHEMA, OWNER TO.
pub(super) fn alter(
    known: &UserType,
    change: &SchemaChange,
    tag: &'static str,
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    let mut work = Work::new(binder);
    let (schema, own) = match change {
        SchemaChange::Owner(role) => {
            privilege::set_owner((PG_TYPE, known.oid), role, &mut work, binder)?;
            return Ok(work.finish(tag));
        }
        SchemaChange::Rename(to) => (known.schema.clone(), to.text.clone()),
        SchemaChange::SetSchema(to) => {
            let plain = Name { text: to.text.clone(), position: 0 };
            name::existing_schema(&plain, binder.catalog)?;
            if to.text == known.schema {
                return Ok(work.finish(tag));
            }
            (to.text.clone(), known.name.clone())
        }
    };
    if is_taken(&schema, &own, binder.catalog) {
        return Err(match change {
            SchemaChange::SetSchema(_) => Error::user(
                SqlState::DUPLICATE_OBJECT,
                format!("type \"{own}\" already exists in schema \"{schema}\""),
            ),
            SchemaChange::Rename(_) | SchemaChange::Owner(_) => exists(&own),
        });
    }
    work.push(record::update(
        "_eider_type",
        vec![("schema_name", Expr::text(&schema)), ("name", Expr::text(&own))],
        &[("oid", known.oid.into())],
    ));
    let changed = UserType { schema, name: own, ..known.clone() };
    let types = binder.types();
    let renamed = |text: &str, _| retouch::type_name(text, known.oid, &changed, types);
    retouch::with_type(changed.clone(), &renamed, &mut work, binder)?;
    Ok(work.finish(tag))
}

/// DROP TYPE and DROP DOMAIN.
pub(super) fn drop_types<'c>(
    kind: DropKind,
    names: &[QualifiedName],
    (if_exists, cascade): (bool, bool),
    binder: &mut Binder<'c>,
) -> Result<Action, Error> {
    let domain = kind == DropKind::Domain;
    let tag = if domain { "DROP DOMAIN" } else { "DROP TYPE" };
    let mut targets: Vec<Object<'c>> = Vec::new();
    for name in names {
        match named(name, "a type that can be dropped", binder) {
            Ok(known) if domain && !matches!(known.kind, UserTypeKind::Domain { .. }) => {
                let message = format!("\"{}\" is not a domain", label(name));
                return Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message));
            }
            Ok(UserType { oid, kind: UserTypeKind::Multirange { range }, .. }) => {
                return Err(user_range::required_by(*oid, *range, binder.types()));
            }
            Ok(known) => targets.push(Object::Type(known)),
            Err(error) if error.state() == SqlState::WRONG_OBJECT_TYPE => {
                return Err(not_droppable(name, binder));
            }
            Err(error) if if_exists => binder.notices.push(skipped(&error)),
            Err(error) => return Err(error),
        }
    }
    if targets.is_empty() {
        return Ok(Action::Nothing { tag, notice: None });
    }
    let mut work = Work::new(binder);
    drop::with_dependents(&targets, cascade, None, &mut work, binder)?;
    Ok(work.finish(tag))
}

/// 2BP01 for a table's row type, and for PostgreSQL's own types.
fn not_droppable(name: &QualifiedName, binder: &Binder<'_>) -> Error {
    let state = SqlState::DEPENDENT_OBJECTS_STILL_EXIST;
    let text = label(name);
    if binder.relation(name).is_ok_and(|found| found.is_some()) {
        let message = format!("cannot drop type {text} because table {text} requires it");
        return Error::user(state, message)
            .with_hint(format!("You can drop table {text} instead."));
    }
    let written = ast::TypeName { name: name.clone(), modifiers: Vec::new(), array: false };
    let oid = lookup_type(Types::BUILTIN, &written).map_or(0, |found| found.oid);
    let own = binder.types().label(oid);
    let message = format!("cannot drop type {own} because it is required by the database system");
    Error::user(state, message)
}

/// The steps that drop a type that nothing uses any more.
pub(super) fn forget(known: &UserType, work: &mut Work) {
    for table in ["_eider_enum_label", "_eider_domain_constraint", "_eider_type_attribute"] {
        work.push(record::delete(table, &[("type_oid", known.oid.into())]));
    }
    if let UserTypeKind::Range(range) = &known.kind {
        work.push(record::delete("_eider_range", &[("type_oid", known.oid.into())]));
        work.push(record::delete("_eider_type", &[("oid", range.multirange.into())]));
        drop::forget(PG_TYPE, range.multirange, work);
    }
    work.push(record::delete("_eider_type", &[("oid", known.oid.into())]));
    drop::forget(PG_TYPE, known.oid, work);
}
