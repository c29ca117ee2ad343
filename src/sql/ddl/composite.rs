//! Composite types: CREATE TYPE AS (...), and ALTER TYPE of their attributes.
//!
//! A stored value says itself what it consists of, so that those in columns are written anew when their
//! type's attributes change. Where they stand deeper (in arrays, in other types) the change is refused.

use crate::datum::record::head;
use crate::model::catalog::{Attribute, Catalog, Table, TableKind, UserType, UserTypeKind};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::pgdata::TypeKind;
use crate::sql::Action;
use crate::sql::ast::{AttributeChange, ColumnType, QualifiedName};
use crate::sql::bind::Binder;
use crate::sql::compile::plain_step;
use crate::sql::ddl::depend::visible;
use crate::sql::ddl::record::{self, number};
use crate::sql::ddl::{Work, notice, privilege, retouch, temporary, user_type};
use crate::sql::lite::{self, Expr};
use crate::sql::types::lookup_type;

/// Attributes of a type at the most (`MaxHeapAttributeNumber`).
const ATTRIBUTES_MAX: usize = 1600;
const TAG: &str = "ALTER TYPE";

pub(super) fn create(
    tree: &QualifiedName,
    definitions: &[ColumnType],
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    let (schema, name) = user_type::new_name(tree, binder)?;
    let mut attributes: Vec<Attribute> = Vec::new();
    for definition in definitions {
        let data_type = attribute_type(definition, binder)?;
        let own = &definition.name.text;
        if attributes.iter().any(|known| known.name == *own) {
            let message = format!("column \"{own}\" specified more than once");
            return Err(Error::user(SqlState::DUPLICATE_COLUMN, message));
        }
        let number = attributes.len() as i16 + 1;
        attributes.push(Attribute { number, name: own.clone(), data_type });
    }
    check_count(attributes.len())?;
    let mut work = Work::new(binder);
    temporary::ensure(&schema, &mut work, binder);
    let relation = work.oids.take();
    let array_oid = work.oids.take();
    let oid = work.oids.take();
    let mut row = user_type::row((oid, array_oid), (&schema, &name), "c");
    row.push(("base_oid", number(relation)));
    work.push(record::insert("_eider_type", row));
    for attribute in &attributes {
        work.push(attribute_row(oid, attribute));
    }
    privilege::new_object(('T', user_type::PG_TYPE, oid), &schema, &mut work, binder);
    Ok(work.finish("CREATE TYPE"))
}

fn check_count(count: usize) -> Result<(), Error> {
    if count <= ATTRIBUTES_MAX {
        return Ok(());
    }
    let message = format!("tables can have at most {ATTRIBUTES_MAX} columns");
    Err(Error::user(SqlState(*b"54011"), message))
}

/// # Errors
/// 42704; 42P16 for a pseudo-type.
fn attribute_type(definition: &ColumnType, binder: &Binder<'_>) -> Result<PgType, Error> {
    let types = binder.types();
    let known = lookup_type(types, &definition.data_type).map_err(|mut error| {
        error.fields_mut().position = None;
        error
    })?;
    if types.kind(known.oid) == TypeKind::Pseudo {
        let label = types.label(known.oid);
        let message = format!("column \"{}\" has pseudo-type {label}", definition.name.text);
        return Err(Error::user(SqlState::INVALID_TABLE_DEFINITION, message));
    }
    Ok(known)
}

fn attribute_row(type_oid: Oid, attribute: &Attribute) -> crate::sql::Step {
    record::insert(
        "_eider_type_attribute",
        vec![
            ("type_oid", number(type_oid)),
            ("number", Expr::Integer(attribute.number.into())),
            ("name", Expr::text(&attribute.name)),
            ("attribute_type_oid", number(attribute.data_type.oid)),
            ("modifier", Expr::Integer(attribute.data_type.modifier.into())),
        ],
    )
}

pub(super) fn alter(
    name: &QualifiedName,
    changes: &[AttributeChange],
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    let known = user_type::named(name, "a composite type", binder)?;
    let UserTypeKind::Composite { attributes, .. } = &known.kind else {
        let message = format!("relation \"{}\" does not exist", known.name);
        return Err(Error::user(SqlState::UNDEFINED_TABLE, message));
    };
    let mut changed = attributes.clone();
    let mut retyped = false;
    for change in changes {
        retyped |= apply(change, known, &mut changed, binder)?;
    }
    check_count(changed.len())?;
    if changed == *attributes {
        return Ok(Work::new(binder).finish(TAG));
    }
    if retyped && let Some((table, column)) = columns_of(known, binder.catalog).next() {
        let message = format!(
            "cannot alter type \"{}\" because column \"{}.{}\" uses it",
            known.name, table.name, column
        );
        return Err(Error::refused(message));
    }
    let mut work = Work::new(binder);
    with_attributes(known, changed, &mut work, binder)?;
    Ok(work.finish(TAG))
}

/// Makes one change. Gives whether an attribute has another type afterwards.
fn apply(
    change: &AttributeChange,
    known: &UserType,
    changed: &mut Vec<Attribute>,
    binder: &mut Binder<'_>,
) -> Result<bool, Error> {
    let missing = |name: &str| {
        let message = format!("column \"{name}\" of relation \"{}\" does not exist", known.name);
        Error::user(SqlState::UNDEFINED_COLUMN, message)
    };
    let renaming = |name: &str| {
        Error::user(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" does not exist"))
    };
    let check_free = |name: &str, changed: &[Attribute]| {
        if changed.iter().all(|one| one.name != name) {
            return Ok(());
        }
        let message = format!("column \"{name}\" of relation \"{}\" already exists", known.name);
        Err(Error::user(SqlState::DUPLICATE_COLUMN, message))
    };
    let place = |name: &str, changed: &[Attribute]| changed.iter().position(|one| one.name == name);
    match change {
        AttributeChange::Add(definition) => {
            let own = &definition.name.text;
            let data_type = attribute_type(definition, binder)?;
            check_free(own, changed)?;
            if holds(data_type.oid, known, binder.catalog) {
                let message =
                    format!("composite type {} cannot be made a member of itself", known.name);
                return Err(Error::user(SqlState::INVALID_TABLE_DEFINITION, message));
            }
            let UserTypeKind::Composite { attributes, .. } = &known.kind else {
                return Err(Error::internal("a composite type has attributes"));
            };
            let numbers = attributes.iter().chain(changed.iter()).map(|one| one.number);
            let number = numbers.max().unwrap_or(0) + 1;
            changed.push(Attribute { number, name: own.clone(), data_type });
            Ok(false)
        }
        AttributeChange::Drop { name, if_exists } => match place(&name.text, changed) {
            Some(at) => {
                changed.remove(at);
                Ok(false)
            }
            None if *if_exists => {
                let text = format!(
                    "column \"{}\" of relation \"{}\" does not exist, skipping",
                    name.text, known.name
                );
                binder.notices.push(notice(text));
                Ok(false)
            }
            None => Err(missing(&name.text)),
        },
        AttributeChange::Type(definition) => {
            let own = &definition.name.text;
            let at = place(own, changed).ok_or_else(|| missing(own))?;
            changed[at].data_type = attribute_type(definition, binder)?;
            Ok(true)
        }
        AttributeChange::Rename { from, to } => {
            let at = place(&from.text, changed).ok_or_else(|| renaming(&from.text))?;
            check_free(&to.text, changed)?;
            changed[at].name.clone_from(&to.text);
            Ok(false)
        }
    }
}

/// Whether values of a type hold such of a composite type.
fn holds(oid: Oid, known: &UserType, catalog: &Catalog) -> bool {
    if oid == known.oid || oid == known.array_oid {
        return true;
    }
    let found = catalog.types.get(&oid).or_else(|| {
        let mut all = catalog.types.values();
        all.find(|other| other.array_oid == oid)
    });
    match found.map(|other| &other.kind) {
        Some(UserTypeKind::Composite { attributes, .. }) => {
            attributes.iter().any(|one| holds(one.data_type.oid, known, catalog))
        }
        Some(UserTypeKind::Domain { base, .. }) => holds(base.oid, known, catalog),
        Some(
            UserTypeKind::Enum { .. } | UserTypeKind::Range(_) | UserTypeKind::Multirange { .. },
        )
        | None => false,
    }
}

/// Columns of tables whose values hold such of a type, with their tables; by OID.
fn columns_of<'c>(
    known: &'c UserType,
    catalog: &'c Catalog,
) -> impl Iterator<Item = (&'c Table, &'c str)> {
    let mut tables: Vec<&Table> = catalog.tables.values().map(AsRef::as_ref).collect();
    tables.sort_unstable_by_key(|table| table.oid);
    tables.into_iter().filter(|table| table.kind != TableKind::View).flat_map(move |table| {
        let columns = table.columns.iter();
        let of_type = columns.filter(|column| holds(column.data_type.oid, known, catalog));
        of_type.map(move |column| (table, column.name.as_str()))
    })
}

/// Refuses a change of a type whose values stand inside others in a column, where they aren't looked at.
///
/// # Errors
/// 0A000, as PostgreSQL has it for domains.
pub(super) fn check_not_inside(known: &UserType, binder: &Binder<'_>) -> Result<(), Error> {
    let directly = |oid: Oid| {
        oid == known.oid || oid == known.array_oid || binder.types().is_over(oid, known.oid)
    };
    let mut columns = columns_of(known, binder.catalog).filter(|(table, name)| {
        table.column(name).is_some_and(|column| !directly(column.data_type.oid))
    });
    let Some((table, column)) = columns.next() else { return Ok(()) };
    let message = format!(
        "cannot alter type \"{}\" because column \"{}.{column}\" uses it",
        known.name, table.name
    );
    Err(Error::refused(message))
}

/// Gives a composite type these attributes, in its row and in all values.
///
/// # Errors
/// 0A000 where values stand in others.
pub(super) fn with_attributes(
    known: &UserType,
    changed: Vec<Attribute>,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    let UserTypeKind::Composite { relation, attributes } = &known.kind else {
        return Err(Error::internal("a composite type has attributes"));
    };
    let head = |attribute: &Attribute| {
        let types = binder.types();
        let data_type = attribute.data_type;
        let modifier = types.domain(data_type.oid).map_or(data_type, |domain| domain.base).modifier;
        let carrier = PgType { modifier, ..types.carrier(data_type) };
        head(&attribute.name, data_type.oid, carrier)
    };
    let heads: Vec<String> = changed.iter().map(head).collect();
    let place = |attribute: &Attribute| {
        let old = attributes.iter().position(|one| one.number == attribute.number);
        old.map_or("-1".to_owned(), |place| place.to_string())
    };
    let places: Vec<String> = changed.iter().map(place).collect();
    for (table, name) in columns_of(known, binder.catalog) {
        let Some(column) = table.column(name) else { continue };
        if column.data_type.oid != known.oid {
            let message = format!(
                "changing type {} is not supported, as column \"{}\" of table \"{}\" holds values of it inside others",
                known.name, column.name, table.name
            );
            return Err(Error::refused(message));
        }
        if column.generated.is_some() {
            continue;
        }
        let value = Expr::column(&column.stored);
        let present = Expr::IsNull { operand: Box::new(value.clone()), negated: true };
        let arguments = vec![value, Expr::text(&heads.join("\n")), Expr::text(&places.join(","))];
        let update = lite::Statement::Update(lite::Update {
            with: lite::With::default(),
            table: table.stored.clone(),
            alias: None,
            assignments: vec![(column.stored.clone(), Expr::call("pg_row_reshape", arguments))],
            from: None,
            filter: Some(present),
            returning: Vec::new(),
        });
        work.push(plain_step(&lite::Statement::Unchecked(Box::new(update))));
    }
    work.push(record::delete("_eider_type_attribute", &[("type_oid", known.oid.into())]));
    for attribute in &changed {
        work.push(attribute_row(known.oid, attribute));
    }
    let kind = UserTypeKind::Composite { relation: *relation, attributes: changed };
    let changed = UserType { kind, ..known.clone() };
    retouch::with_type(changed, &|_, _| Ok(None), work, binder)
}

/// What messages call an attribute.
pub(super) fn attribute_label(
    known: &UserType,
    attribute: &Attribute,
    binder: &Binder<'_>,
) -> String {
    let owner = visible(&known.schema, &known.name, binder);
    let owner = if binder.types().own_named(None, &known.name) == Some(known.oid) {
        crate::pgdata::quote_identifier(&known.name).into_owned()
    } else {
        owner
    };
    let name = crate::pgdata::quote_identifier(&attribute.name);
    format!("column {name} of composite type {owner}")
}
