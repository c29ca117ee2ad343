//! `pg_class`.

use crate::catalog::acl::CLASS_RELATION;
use crate::catalog::cell::Cell;
use crate::catalog::own::Builder;
use crate::catalog::own::index::{AnyIndex, all_indexes};
use crate::catalog::own::role::{Access, namespace};
use crate::catalog::own::user_type;
use crate::model::catalog::{
    Catalog, ConstraintKind, TEMPORARY_PREFIX, Table, TableKind, UserTypeKind,
};
use crate::model::pg_type::Oid;
use crate::pgdata::FIRST_OWN_OID;

/// `pg_am.oid`
const HEAP: Oid = 2;

/// `pg_class.relkind`
pub(crate) fn relation_kind(table: &Table) -> &'static str {
    match table.kind {
        TableKind::Table | TableKind::Virtual => "r",
        TableKind::View => "v",
        TableKind::MaterializedView => "m",
    }
}

/// The database's tables by name, so that rows come in the same order everywhere.
pub(crate) fn tables(catalog: &Catalog) -> Vec<&Table> {
    let mut tables: Vec<&Table> = catalog.tables.values().map(|table| &**table).collect();
    tables.sort_unstable_by_key(|table| table.oid);
    tables
}

/// What views read. PostgreSQL has the view's rule between the two; there are no rules here, and `pg_dump`,
/// which makes what others need first, takes it so as well.
pub(super) fn view_dependencies(catalog: &Catalog, rows: &mut Builder) {
    for table in tables(catalog) {
        let Some(view) = &table.view else { continue };
        let own = view.bindings.iter().filter(|used| used.oid >= FIRST_OWN_OID);
        for used in own {
            let whole = used.used.is_empty().then_some(0);
            for number in used.used.iter().copied().chain(whole) {
                rows.add(vec![
                    ("classid", CLASS_RELATION.into()),
                    ("objid", table.oid.into()),
                    ("refclassid", CLASS_RELATION.into()),
                    ("refobjid", used.oid.into()),
                    ("refobjsubid", number.into()),
                    ("deptype", "n".into()),
                ]);
            }
        }
    }
}

pub(super) fn classes(catalog: &Catalog, rows: &mut Builder) {
    let indexes = all_indexes(catalog);
    let access = Access::new(catalog);
    for table in tables(catalog) {
        let indexed = indexes.iter().any(|index| index.table.oid == table.oid);
        table_row(catalog, table, (indexed, &access), rows);
    }
    for known in user_type::own_types(catalog) {
        if let UserTypeKind::Composite { relation, attributes } = &known.kind {
            rows.add(vec![
                ("oid", (*relation).into()),
                ("relname", known.name.clone().into()),
                ("relnamespace", namespace(catalog, &known.schema).into()),
                ("reltype", known.oid.into()),
                ("relowner", access.owner(user_type::PG_TYPE, known.oid).into()),
                ("relpersistence", persistence(&known.schema).into()),
                ("relkind", "c".into()),
                ("relnatts", (attributes.len() as i64).into()),
                ("relispopulated", true.into()),
                ("relreplident", "n".into()),
            ]);
        }
    }
    for index in &indexes {
        index_row(catalog, index, &access, rows);
    }
    for sequence in catalog.sequences.values() {
        rows.add(vec![
            ("oid", sequence.oid.into()),
            ("relname", sequence.name.clone().into()),
            ("relnamespace", namespace(catalog, &sequence.schema).into()),
            ("relowner", access.owner(CLASS_RELATION, sequence.oid).into()),
            ("relfilenode", sequence.oid.into()),
            ("relpages", 1.into()),
            ("reltuples", Cell::Real(1.0)),
            ("relpersistence", persistence(&sequence.schema).into()),
            ("relkind", "S".into()),
            ("relnatts", 3.into()),
            ("relispopulated", true.into()),
            ("relreplident", "n".into()),
            ("relacl", access.list(CLASS_RELATION, sequence.oid, 0)),
        ]);
    }
}

/// `relpersistence`
fn persistence(schema: &str) -> &'static str {
    if schema.starts_with(TEMPORARY_PREFIX) { "t" } else { "p" }
}

fn table_row(
    catalog: &Catalog,
    table: &Table,
    (indexed, access): (bool, &Access<'_>),
    rows: &mut Builder,
) {
    let view = table.kind == TableKind::View;
    let checks = table
        .constraints
        .iter()
        .filter(|constraint| matches!(constraint.kind, ConstraintKind::Check { .. }))
        .count();
    rows.add(vec![
        ("oid", table.oid.into()),
        ("relname", table.name.clone().into()),
        ("relnamespace", namespace(catalog, &table.schema).into()),
        ("reltype", user_type::row_type(table).into()),
        ("relowner", access.owner(CLASS_RELATION, table.oid).into()),
        ("relam", if view { 0 } else { HEAP }.into()),
        ("relfilenode", if view { 0 } else { table.oid }.into()),
        ("reltuples", Cell::Real(-1.0)),
        ("relhasindex", indexed.into()),
        ("relpersistence", persistence(&table.schema).into()),
        ("relkind", relation_kind(table).into()),
        ("relnatts", (table.columns.len() as i64).into()),
        ("relchecks", (checks as i64).into()),
        ("relhasrules", view.into()),
        (
            "relhastriggers",
            (has_foreign_keys(catalog, table) || has_triggers(catalog, table)).into(),
        ),
        ("relispopulated", table.populated.into()),
        ("relreplident", if view { "n" } else { "d" }.into()),
        ("relacl", access.list(CLASS_RELATION, table.oid, 0)),
        ("reloptions", options(table)),
    ]);
}

/// `reloptions`: a view's CHECK OPTION.
fn options(table: &Table) -> Cell {
    match table.view.as_ref().map(|view| view.check_option.as_str()) {
        None | Some("") => Cell::Null,
        Some(option) => format!("[\"check_option={option}\"]").into(),
    }
}

/// Whether a foreign key stands on the table or points to it: in PostgreSQL triggers enforce those.
fn has_foreign_keys(catalog: &Catalog, table: &Table) -> bool {
    let points_here = |other: &Table| {
        other.constraints.iter().any(|constraint| match &constraint.kind {
            ConstraintKind::ForeignKey { table: target, .. } => {
                other.oid == table.oid || target.eq_ignore_ascii_case(&table.stored)
            }
            _ => false,
        })
    };
    catalog.tables.values().any(|other| points_here(other))
}

fn has_triggers(catalog: &Catalog, table: &Table) -> bool {
    catalog.triggers.values().any(|trigger| trigger.table == table.stored)
}

fn index_row(catalog: &Catalog, index: &AnyIndex<'_>, access: &Access<'_>, rows: &mut Builder) {
    rows.add(vec![
        ("oid", index.oid.into()),
        ("relname", index.name.clone().into()),
        ("relnamespace", namespace(catalog, &index.table.schema).into()),
        ("relowner", access.owner(CLASS_RELATION, index.table.oid).into()),
        ("relam", index.method_oid().into()),
        ("relfilenode", index.oid.into()),
        ("relpages", 1.into()),
        ("relpersistence", persistence(&index.table.schema).into()),
        ("relkind", "i".into()),
        ("relnatts", (index.column_count() as i64).into()),
        ("relispopulated", true.into()),
        ("relreplident", "n".into()),
    ]);
}
