//! Temporary objects: those in the session's own schema.

use crate::model::catalog::{TEMPORARY_PREFIX, Table};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::Oid;
use crate::sql::Action;
use crate::sql::ast::{OnCommit, Persistence, QualifiedName};
use crate::sql::bind::{Binder, at};
use crate::sql::compile::plain_step;
use crate::sql::ddl::depend::Object;
use crate::sql::ddl::name::{self, NewName};
use crate::sql::ddl::record::{self, number};
use crate::sql::ddl::{Work, drop, notice};
use crate::sql::lite::{self, Expr};

const PG_NAMESPACE: Oid = 2615;

/// The names of a new relation: of a temporary one in the session's own schema. UNLOGGED relations are
/// ordinary ones, which is said.
///
/// # Errors
/// As [`name::new_relation`]; 42P16 for a temporary relation in another schema.
pub(super) fn new_relation(
    tree: &QualifiedName,
    persistence: Persistence,
    binder: &mut Binder<'_>,
) -> Result<NewName, Error> {
    let (schema, last) = binder.qualified(tree)?;
    let own = schema.is_some_and(|schema| {
        schema.text == "pg_temp" || schema.text == binder.settings.temporary_schema
    });
    if let Persistence::Temporary(_) = persistence {
        if let Some(schema) = schema.filter(|_| !own) {
            let message = "cannot create temporary relation in non-temporary schema";
            let error = Error::user(SqlState::INVALID_TABLE_DEFINITION, message);
            return Err(at(error, schema.position));
        }
    } else if !own {
        if persistence == Persistence::Unlogged {
            binder.notices.push(notice(
                "UNLOGGED has no effect: the table is replicated like any other".to_owned(),
            ));
        }
        return name::new_relation(tree, binder);
    }
    let schema = binder.settings.temporary_schema.clone();
    name::placed(schema, last.text.clone(), binder.catalog)
}

/// Records the session's schema, if the object is the first one in it.
pub(super) fn ensure_schema(name: &NewName, work: &mut Work, binder: &Binder<'_>) {
    ensure(&name.schema, work, binder);
}

/// The same for what isn't a relation.
pub(super) fn ensure(schema: &str, work: &mut Work, binder: &Binder<'_>) {
    if schema.starts_with(TEMPORARY_PREFIX) && !binder.catalog.schemas.contains_key(schema) {
        let oid = work.oids.take();
        work.push(record::insert(
            "_eider_schema",
            vec![("name", Expr::text(schema)), ("oid", number(oid))],
        ));
    }
}

/// What is recorded of ON COMMIT.
pub(super) fn on_commit(persistence: Persistence) -> Option<char> {
    match persistence {
        Persistence::Temporary(OnCommit::DeleteRows) => Some('d'),
        Persistence::Temporary(OnCommit::Drop) => Some('D'),
        _ => None,
    }
}

/// Drops all that is in the session's schema, and the schema.
pub(in crate::sql) fn drop_temporary(binder: &mut Binder<'_>) -> Result<Option<Action>, Error> {
    let catalog = binder.catalog;
    let own = &binder.settings.temporary_schema;
    let Some(schema) = catalog.schemas.get(own) else { return Ok(None) };
    let mut objects: Vec<(Oid, Object<'_>)> = catalog
        .tables
        .values()
        .filter(|table| table.schema == *own)
        .map(|table| (table.oid, Object::Table(table)))
        .collect();
    let sequences =
        catalog.sequences.values().filter(|one| one.schema == *own && one.owner.is_none());
    objects.extend(sequences.map(|one| (one.oid, Object::Sequence(one))));
    let types = catalog.types.values().filter(|one| one.schema == *own);
    objects.extend(types.map(|one| (one.oid, Object::Type(one))));
    let functions = catalog.functions.values().filter(|one| one.schema == *own);
    objects.extend(functions.map(|one| (one.oid, Object::Function(one))));
    objects.sort_unstable_by_key(|(oid, _)| *oid);
    let targets: Vec<Object<'_>> = objects.into_iter().map(|(_, object)| object).collect();
    let mut work = Work::new(binder);
    drop::with_dependents(&targets, true, None, &mut work, binder)?;
    work.push(record::delete("_eider_schema", &[("name", own.into())]));
    drop::forget(PG_NAMESPACE, schema.oid, &mut work);
    binder.notices.clear();
    Ok(Some(work.finish("DISCARD TEMP")))
}

/// ON COMMIT DELETE ROWS and DROP.
pub(in crate::sql) fn commit_temporary(binder: &mut Binder<'_>) -> Result<Option<Action>, Error> {
    let catalog = binder.catalog;
    let own = &binder.settings.temporary_schema;
    let mut tables: Vec<&Table> = catalog
        .tables
        .values()
        .filter(|table| table.schema == *own && table.on_commit.is_some())
        .map(AsRef::as_ref)
        .collect();
    if tables.is_empty() {
        return Ok(None);
    }
    tables.sort_unstable_by_key(|table| table.oid);
    let mut work = Work::new(binder);
    for table in tables.iter().filter(|table| table.on_commit == Some('d')) {
        let rows = record::delete_rows(&table.stored, None);
        work.push(plain_step(&lite::Statement::Unchecked(Box::new(rows))));
    }
    let dropped: Vec<Object<'_>> = tables
        .iter()
        .filter(|table| table.on_commit == Some('D'))
        .map(|table| Object::Table(table))
        .collect();
    drop::with_dependents(&dropped, true, None, &mut work, binder)?;
    binder.notices.clear();
    Ok(Some(work.finish("COMMIT")))
}
