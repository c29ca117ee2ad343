//! DROP.

use crate::model::catalog::{
    Attribute, Catalog, ConstraintKind, Relation, Table, TableKind, UserTypeKind,
};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{DropKind, QualifiedName};
use crate::sql::bind::{Binder, label};
use crate::sql::compile::plain_step;
use crate::sql::ddl::alter::{self, Change};
use crate::sql::ddl::depend::{self, Object};
use crate::sql::ddl::record;
use crate::sql::ddl::{Work, composite, extension, object, skipped, trigger, user_type};
use crate::sql::lite;
use crate::sql::{Action, Step};

pub(super) fn drop(
    kind: DropKind,
    names: &[QualifiedName],
    (if_exists, cascade): (bool, bool),
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    match kind {
        DropKind::Schema => return object::drop_schemas(names, (if_exists, cascade), binder),
        DropKind::Extension => return extension::drop(names, (if_exists, cascade), binder),
        DropKind::Type | DropKind::Domain => {
            return user_type::drop_types(kind, names, (if_exists, cascade), binder);
        }
        _ => {}
    }
    let (what, tag) = words(kind);
    let mut targets = Vec::new();
    let mut indexes = Vec::new();
    for name in names {
        match (find(kind, name, binder)?, kind) {
            (Some(Relation::Table(table)), _) => targets.push(Object::Table(table)),
            (Some(Relation::Sequence(sequence)), _) => targets.push(Object::Sequence(sequence)),
            (Some(Relation::Index(index)), _) => indexes.push(index),
            (None, _) => {
                let schema = binder.no_such_schema(name);
                let error = schema.unwrap_or_else(|| missing(what, name, kind));
                if !if_exists {
                    return Err(error);
                }
                binder.notices.push(skipped(&error));
            }
        }
    }
    if targets.is_empty() && indexes.is_empty() {
        return Ok(Action::Nothing { tag, notice: None });
    }
    let mut work = Work::new(binder);
    for index in indexes {
        check_index(index, binder)?;
        work.steps.extend(index_steps(&index.stored));
        forget(1259, index.oid, &mut work);
    }
    with_dependents(&targets, cascade, None, &mut work, binder)?;
    Ok(work.finish(tag))
}

fn words(kind: DropKind) -> (&'static str, &'static str) {
    match kind {
        DropKind::Table => ("table", "DROP TABLE"),
        DropKind::Index => ("index", "DROP INDEX"),
        DropKind::Sequence => ("sequence", "DROP SEQUENCE"),
        DropKind::View => ("view", "DROP VIEW"),
        DropKind::MaterializedView => ("materialized view", "DROP MATERIALIZED VIEW"),
        DropKind::Schema => ("schema", "DROP SCHEMA"),
        DropKind::Type => ("type", "DROP TYPE"),
        DropKind::Domain => ("domain", "DROP DOMAIN"),
        DropKind::Extension => ("extension", "DROP EXTENSION"),
    }
}

fn missing(what: &str, name: &QualifiedName, kind: DropKind) -> Error {
    let state = if kind == DropKind::Index {
        SqlState::UNDEFINED_OBJECT
    } else {
        SqlState::UNDEFINED_TABLE
    };
    Error::user(state, format!("{what} \"{}\" does not exist", label(name)))
}

/// The relation of this kind.
///
/// # Errors
/// 42809 if it is of another kind; 3F000 for a schema that isn't there.
fn find<'c>(
    kind: DropKind,
    name: &QualifiedName,
    binder: &Binder<'c>,
) -> Result<Option<Relation<'c>>, Error> {
    let Some(found) = binder.relation(name)? else { return Ok(None) };
    let own = match found {
        Relation::Table(table) => match table.kind {
            TableKind::Table | TableKind::Virtual => DropKind::Table,
            TableKind::View => DropKind::View,
            TableKind::MaterializedView => DropKind::MaterializedView,
        },
        Relation::Index(_) => DropKind::Index,
        Relation::Sequence(_) => DropKind::Sequence,
    };
    if own == kind {
        return Ok(Some(found));
    }
    let last = name.last().map_or("", |last| last.text.as_str());
    let (wanted, (is, tag)) = (words(kind).0, words(own));
    let article = |word: &str| if word == "index" { "an" } else { "a" };
    Err(Error::user(
        SqlState::WRONG_OBJECT_TYPE,
        format!("\"{last}\" is not {} {wanted}", article(wanted)),
    )
    .with_hint(format!("Use {tag} to remove {} {is}.", article(is))))
}

fn check_index(index: &crate::model::catalog::Index, binder: &Binder<'_>) -> Result<(), Error> {
    let owner = binder.catalog.tables.get(&index.table);
    let keyed = owner.and_then(|table| {
        let known = table.constraints.iter().find(|k| k.index.as_ref() == Some(&index.stored))?;
        Some((table, known))
    });
    let Some((table, known)) = keyed else { return Ok(()) };
    let message = format!(
        "cannot drop index {} because constraint {} on table {} requires it",
        index.name, known.name, table.name
    );
    Err(Error::user(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message).with_hint(format!(
        "You can drop constraint {} on table {} instead.",
        known.name, table.name
    )))
}

pub(super) fn index_steps(stored: &str) -> Vec<Step> {
    vec![
        plain_step(&lite::Statement::Drop { what: "INDEX", name: stored.to_owned() }),
        record::delete("_eider_index", &[("name", stored.into())]),
    ]
}

/// Forgets what is recorded beside an object: its comments, owner and privileges.
pub(super) fn forget(class: u32, oid: u32, work: &mut Work) {
    for table in ["_eider_comment", "_eider_owner", "_eider_privilege"] {
        let keys = [("class_oid", class.into()), ("object_oid", oid.into())];
        work.push(record::delete(table, &keys));
    }
}

/// Drops objects and, with CASCADE, what depends on them. Changes of `own`'s table go there.
///
/// # Errors
/// 2BP01 without CASCADE.
pub(super) fn with_dependents<'c>(
    targets: &[Object<'c>],
    cascade: bool,
    own: Option<&mut Change<'c>>,
    work: &mut Work,
    binder: &mut Binder<'c>,
) -> Result<(), Error> {
    for target in targets {
        if let Object::Sequence(sequence) = target
            && let Some((table, number)) = sequence.owner.as_ref().filter(|_| sequence.internal)
        {
            return Err(identity_needs(&sequence.name, table, *number, binder));
        }
    }
    let all = depend::closure(targets, binder.catalog);
    depend::check(targets, &all, cascade, binder)?;
    let own_oid = own.as_ref().map(|change| change.old.oid);
    let mut own = own;
    // Other tables change first: their foreign keys would refer to what is gone.
    let mut changed: Vec<&'c Table> = Vec::new();
    for object in &all {
        let table = match object {
            Object::Constraint(table, _) | Object::Default(table, _) | Object::Column(table, _) => {
                table
            }
            Object::Table(_)
            | Object::Sequence(_)
            | Object::Type(_)
            | Object::Attribute(..)
            | Object::Trigger(_)
            | Object::Function(_) => continue,
        };
        if !changed.iter().any(|known| known.oid == table.oid) {
            changed.push(table);
        }
    }
    for table in changed {
        let mine = Some(table.oid) == own_oid;
        let mut other = Change::new(table, binder);
        let change = match &mut own {
            Some(change) if mine => &mut **change,
            _ => &mut other,
        };
        for object in &all {
            let target = targets.iter().any(|target| target_is(target, object));
            match object {
                Object::Constraint(of, known) if of.oid == table.oid && !(mine && target) => {
                    alter::remove_constraint(&mut change.new, known.oid, work);
                }
                Object::Default(of, column) if of.oid == table.oid => {
                    for one in change.new.columns.iter_mut().filter(|c| c.number == column.number) {
                        one.default = None;
                        one.sequence = None;
                    }
                }
                Object::Column(of, column) if of.oid == table.oid && !(mine && target) => {
                    alter::remove_column(change, column, work, binder);
                }
                _ => {}
            }
        }
        if !mine {
            other.finish(work, binder)?;
        }
    }
    remove(&all, work, binder)
}

/// Takes objects that stand by themselves out of the catalog, what depends on others first.
fn remove<'c>(all: &[Object<'c>], work: &mut Work, binder: &mut Binder<'c>) -> Result<(), Error> {
    remove_attributes(all, work, binder)?;
    for object in all.iter().rev() {
        match object {
            Object::Table(table) => drop_relation(table, work, binder.catalog),
            Object::Sequence(sequence) => {
                work.push(record::delete("_eider_sequence", &[("oid", sequence.oid.into())]));
                forget(1259, sequence.oid, work);
            }
            Object::Type(known) => user_type::forget(known, work),
            Object::Trigger(known) => trigger::forget(known, work),
            Object::Function(known) => {
                let kept = |table: &Table| {
                    !all.iter()
                        .any(|one| matches!(one, Object::Table(gone) if gone.oid == table.oid))
                };
                super::function::forget(known, kept, work, binder)?;
            }
            Object::Constraint(..)
            | Object::Default(..)
            | Object::Column(..)
            | Object::Attribute(..) => {}
        }
    }
    Ok(())
}

/// Takes attributes out of the composite types that stay.
fn remove_attributes<'c>(
    all: &[Object<'c>],
    work: &mut Work,
    binder: &mut Binder<'c>,
) -> Result<(), Error> {
    let mut done = Vec::new();
    for object in all {
        let Object::Attribute(owner, _) = object else { continue };
        let UserTypeKind::Composite { attributes, .. } = &owner.kind else { continue };
        if done.contains(&owner.oid) {
            continue;
        }
        done.push(owner.oid);
        let goes = |one: &Attribute| {
            all.iter().any(|object| {
                matches!(object, Object::Attribute(of, gone)
                    if of.oid == owner.oid && gone.number == one.number)
            })
        };
        let kept = attributes.iter().filter(|one| !goes(one)).cloned().collect();
        composite::with_attributes(owner, kept, work, binder)?;
    }
    Ok(())
}

fn target_is(target: &Object<'_>, object: &Object<'_>) -> bool {
    match (target, object) {
        (Object::Constraint(_, left), Object::Constraint(_, right)) => left.oid == right.oid,
        (Object::Column(left, one), Object::Column(right, two)) => {
            left.oid == right.oid && one.number == two.number
        }
        _ => false,
    }
}

fn identity_needs(sequence: &str, table: &str, number: i16, binder: &Binder<'_>) -> Error {
    let known = binder.catalog.tables.get(table);
    let column = known.and_then(|known| known.numbered(number)).map_or("", |column| &column.name);
    let table = known.map_or(table, |known| &known.name);
    let message = format!(
        "cannot drop sequence {sequence} because column {column} of table {table} requires it"
    );
    Error::user(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
        .with_hint(format!("You can drop column {column} of table {table} instead."))
}

/// The steps that drop one table or view. Unchecked: else SQLite would delete its rows one by one
/// first, and foreign keys would take others with them.
fn drop_relation(table: &Table, work: &mut Work, catalog: &Catalog) {
    let what = if table.kind == TableKind::View { "VIEW" } else { "TABLE" };
    let statement = lite::Statement::Drop { what, name: table.stored.clone() };
    work.push(plain_step(&lite::Statement::Unchecked(Box::new(statement))));
    let stored = &table.stored;
    for index in catalog.indexes_of(table) {
        forget(1259, index.oid, work);
    }
    for constraint in &table.constraints {
        if matches!(constraint.kind, ConstraintKind::Check { .. }) || table.from_postgres {
            work.push(record::delete(
                "_eider_comment",
                &[("class_oid", 2606u32.into()), ("object_oid", constraint.oid.into())],
            ));
        }
    }
    for sequence in depend::owned(table, None, catalog) {
        forget(1259, sequence.oid, work);
    }
    work.push(record::delete("_eider_index", &[("table_name", stored.into())]));
    work.push(record::delete("_eider_constraint", &[("table_name", stored.into())]));
    work.push(record::delete("_eider_column", &[("table_name", stored.into())]));
    work.push(record::delete("_eider_trigger", &[("table_name", stored.into())]));
    work.push(record::delete("_eider_sequence", &[("owner_table", stored.into())]));
    work.push(record::delete("_eider_table", &[("name", stored.into())]));
    forget(1259, table.oid, work);
}
