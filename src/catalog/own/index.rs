//! Indexes: those that CREATE INDEX made and those behind keys. `pg_index`.

use crate::catalog::cell::Cell;
use crate::catalog::own::Builder;
use crate::catalog::own::class::tables;
use crate::catalog::types::{collation, default_operator_class};
use crate::model::catalog::{Catalog, Column, ConstraintKind, Table};
use crate::model::pg_type::Oid;

/// One column of an index.
#[derive(Debug, Clone)]
pub(crate) struct IndexKey<'c> {
    /// `None` for an expression.
    pub(crate) column: Option<&'c Column>,
}

/// An index, whatever made it.
#[derive(Debug, Clone)]
pub(crate) struct AnyIndex<'c> {
    pub(crate) oid: Oid,
    pub(crate) name: String,
    pub(crate) table: &'c Table,
    pub(crate) unique: bool,
    pub(crate) primary: bool,
    pub(crate) keys: Vec<IndexKey<'c>>,
}

/// All indexes, by OID.
pub(crate) fn all_indexes(catalog: &Catalog) -> Vec<AnyIndex<'_>> {
    let mut all = Vec::new();
    for table in tables(catalog) {
        for constraint in &table.constraints {
            let (columns, primary) = match &constraint.kind {
                ConstraintKind::PrimaryKey { columns } => (columns, true),
                ConstraintKind::Unique { columns } => (columns, false),
                _ => continue,
            };
            all.push(AnyIndex {
                oid: constraint.oid,
                name: constraint.name.clone(),
                table,
                unique: true,
                primary,
                keys: columns
                    .iter()
                    .map(|place| IndexKey { column: table.columns.get(*place) })
                    .collect(),
            });
        }
    }
    for index in catalog.indexes.values() {
        let Some(table) = catalog.tables.get(&index.table) else { continue };
        // A key's index is there already.
        if table.constraints.iter().any(|constraint| constraint.name == index.name) {
            continue;
        }
        let named = |name: &String| table.columns.iter().find(|column| column.name == *name);
        all.push(AnyIndex {
            oid: index.oid,
            name: index.name.clone(),
            table,
            unique: index.unique,
            primary: false,
            keys: index
                .columns
                .iter()
                .map(|name| IndexKey { column: name.as_ref().and_then(named) })
                .collect(),
        });
    }
    all.sort_unstable_by_key(|index| index.oid);
    all
}

pub(super) fn indexes(catalog: &Catalog, rows: &mut Builder) {
    for index in all_indexes(catalog) {
        let of_key = |value: fn(&Column) -> i64| {
            Cell::numbers(index.keys.iter().map(|key| key.column.map_or(0, value)))
        };
        let count = index.keys.len() as i64;
        rows.add(vec![
            ("indexrelid", index.oid.into()),
            ("indrelid", index.table.oid.into()),
            ("indnatts", count.into()),
            ("indnkeyatts", count.into()),
            ("indisunique", index.unique.into()),
            ("indisprimary", index.primary.into()),
            ("indimmediate", true.into()),
            ("indisvalid", true.into()),
            ("indisready", true.into()),
            ("indislive", true.into()),
            ("indkey", of_key(|column| i64::from(column.number))),
            ("indcollation", of_key(|column| i64::from(collation(column.data_type.oid)))),
            ("indclass", of_key(|column| i64::from(default_operator_class(column.data_type.oid)))),
            ("indoption", of_key(|_| 0)),
        ]);
    }
}
