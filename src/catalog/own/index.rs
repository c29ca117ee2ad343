//! Indexes: those that CREATE INDEX made and those behind keys. `pg_index`.

use crate::catalog::cell::Cell;
use crate::catalog::own::Builder;
use crate::catalog::own::class::tables;
use crate::catalog::types::{
    collation, default_operator_class, default_operator_class_of, method_oid, named_operator_class,
};
use crate::model::catalog::{Catalog, Column, Constraint, ConstraintKind, Index, Table};
use crate::model::pg_type::Oid;

/// One column of an index.
#[derive(Debug, Clone)]
pub(crate) struct IndexKey<'c> {
    /// `None` for an expression.
    pub(crate) column: Option<&'c Column>,
    /// PostgreSQL text; `None` where it isn't known, or for a column.
    expression: Option<&'c str>,
    /// The letters of `pg_index.indoption`: 1 descending, 2 NULLs first.
    option: i64,
    operator_class: Option<&'c str>,
}

impl<'c> IndexKey<'c> {
    fn of(column: Option<&'c Column>) -> Self {
        Self { column, expression: None, option: 0, operator_class: None }
    }

    /// The OID of the operator class.
    fn class(&self, method: &str) -> Oid {
        let type_oid = self.column.map_or(0, |column| column.data_type.oid);
        match self.operator_class {
            Some(name) => named_operator_class(method, name),
            // An expression's type isn't recorded; most are texts.
            None if self.column.is_none() => default_operator_class(TEXT),
            None => default_operator_class_of(method, type_oid),
        }
    }
}

const TEXT: Oid = 25;

/// An index, whatever made it.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of pg_index")]
pub(crate) struct AnyIndex<'c> {
    pub(crate) oid: Oid,
    pub(crate) name: String,
    pub(crate) table: &'c Table,
    pub(crate) unique: bool,
    pub(crate) primary: bool,
    pub(crate) keys: Vec<IndexKey<'c>>,
    /// Its columns that are no keys.
    include: Vec<&'c Column>,
    predicate: Option<&'c str>,
    nulls_not_distinct: bool,
    /// Whether it is checked at once: not that of a deferrable key.
    immediate: bool,
    method: &'c str,
}

impl AnyIndex<'_> {
    /// Keys and others.
    pub(crate) fn column_count(&self) -> usize {
        self.keys.len() + self.include.len()
    }

    /// `pg_class.relam`
    pub(crate) fn method_oid(&self) -> Oid {
        method_oid(self.method)
    }
}

const BTREE: &str = "btree";

/// The index that a key has, with what is recorded of it.
fn of_key<'c>(
    catalog: &'c Catalog,
    table: &'c Table,
    constraint: &'c Constraint,
) -> Option<AnyIndex<'c>> {
    let (columns, primary) = match &constraint.kind {
        ConstraintKind::PrimaryKey { columns } => (columns, true),
        ConstraintKind::Unique { columns } => (columns, false),
        _ => return None,
    };
    let recorded = constraint.index.as_ref().and_then(|name| catalog.indexes.get(name));
    let keys = columns.iter().map(|place| IndexKey::of(table.columns.get(*place))).collect();
    Some(AnyIndex {
        oid: constraint.oid,
        name: constraint.name.clone(),
        table,
        unique: true,
        primary,
        keys,
        include: recorded.map(|index| included(index, table)).unwrap_or_default(),
        predicate: None,
        nulls_not_distinct: recorded.is_some_and(|index| index.nulls_not_distinct),
        immediate: !constraint.deferrable,
        method: BTREE,
    })
}

fn included<'c>(index: &Index, table: &'c Table) -> Vec<&'c Column> {
    index.include.iter().filter_map(|name| table.column(name)).collect()
}

/// An index that CREATE INDEX made, in either language.
fn created<'c>(index: &'c Index, table: &'c Table) -> AnyIndex<'c> {
    let stored = |name: &String| table.columns.iter().find(|column| column.stored == *name);
    let keys = if index.keys.is_empty() {
        let column = |name: &Option<String>| IndexKey::of(name.as_ref().and_then(stored));
        index.columns.iter().map(column).collect()
    } else {
        let key = |key: &'c crate::model::catalog::IndexKey| IndexKey {
            column: key.column.and_then(|number| table.numbered(number)),
            expression: key.expression.as_deref(),
            option: i64::from(key.descending) + 2 * i64::from(key.nulls_first),
            operator_class: key.operator_class.as_deref(),
        };
        index.keys.iter().map(key).collect()
    };
    AnyIndex {
        oid: index.oid,
        name: index.name.clone(),
        table,
        unique: index.unique,
        primary: false,
        keys,
        include: included(index, table),
        predicate: index.predicate.as_deref(),
        nulls_not_distinct: index.nulls_not_distinct,
        immediate: true,
        method: &index.method,
    }
}

/// All indexes, by OID.
pub(crate) fn all_indexes(catalog: &Catalog) -> Vec<AnyIndex<'_>> {
    let mut all = Vec::new();
    for table in tables(catalog) {
        let keys = table.constraints.iter().filter_map(|key| of_key(catalog, table, key));
        all.extend(keys);
    }
    for index in catalog.indexes.values() {
        let Some(table) = catalog.tables.get(&index.table) else { continue };
        // A key's index is there already.
        let is_own = |key: &Constraint| {
            key.index.as_ref() == Some(&index.stored) || (key.is_key() && key.name == index.name)
        };
        if !table.constraints.iter().any(is_own) {
            all.push(created(index, table));
        }
    }
    all.sort_unstable_by_key(|index| index.oid);
    all
}

pub(super) fn indexes(catalog: &Catalog, rows: &mut Builder) {
    for index in all_indexes(catalog) {
        let column_of = |column: &Column| i64::from(column.number);
        let collation_of = |column: &Column| i64::from(collation(column.data_type.oid));
        let keys = |value: &dyn Fn(&Column) -> i64| {
            let keys = index.keys.iter().map(|key| key.column.map_or(0, value));
            keys.collect::<Vec<_>>()
        };
        let mut columns = keys(&column_of);
        columns.extend(index.include.iter().map(|column| column_of(column)));
        let expressions: Vec<&str> = index
            .keys
            .iter()
            .filter(|key| key.column.is_none())
            .filter_map(|k| k.expression)
            .collect();
        let expressions = (!expressions.is_empty())
            .then(|| serde_json::to_string(&expressions).expect("strings are valid JSON"));
        rows.add(vec![
            ("indexrelid", index.oid.into()),
            ("indrelid", index.table.oid.into()),
            ("indnatts", (index.column_count() as i64).into()),
            ("indnkeyatts", (index.keys.len() as i64).into()),
            ("indisunique", index.unique.into()),
            ("indnullsnotdistinct", index.nulls_not_distinct.into()),
            ("indisprimary", index.primary.into()),
            ("indimmediate", index.immediate.into()),
            ("indisvalid", true.into()),
            ("indisready", true.into()),
            ("indislive", true.into()),
            ("indkey", Cell::numbers(columns)),
            ("indcollation", Cell::numbers(keys(&collation_of))),
            ("indclass", Cell::numbers(index.keys.iter().map(|key| key.class(index.method)))),
            ("indoption", Cell::numbers(index.keys.iter().map(|key| key.option))),
            ("indexprs", expressions.into()),
            ("indpred", index.predicate.map(str::to_owned).into()),
        ]);
    }
}
