//! `pg_constraint`, and what constraints depend on.

use crate::catalog::Deparse;
use crate::catalog::cell::Cell;
use crate::catalog::own::Builder;
use crate::catalog::own::class::tables;
use crate::catalog::own::role::namespace;
use crate::catalog::own::user_type::own_types;
use crate::model::catalog::{Catalog, Constraint, ConstraintKind, Table, UserTypeKind};
use crate::model::pg_type::Oid;

fn numbers(table: &Table, places: &[usize]) -> Cell {
    let number = |place: &usize| table.columns.get(*place).map(|column| column.number);
    Cell::numbers(places.iter().filter_map(number))
}

pub(super) fn constraints(catalog: &Catalog, deparse: Option<&dyn Deparse>, rows: &mut Builder) {
    for table in tables(catalog) {
        for constraint in &table.constraints {
            add((catalog, deparse), table, constraint, rows);
        }
    }
    for known in own_types(catalog) {
        let UserTypeKind::Domain { constraints, .. } = &known.kind else { continue };
        for check in constraints {
            rows.add(vec![
                ("oid", check.oid.into()),
                ("conname", check.name.clone().into()),
                ("connamespace", namespace(catalog, &known.schema).into()),
                ("contype", "c".into()),
                ("convalidated", check.validated.into()),
                ("contypid", known.oid.into()),
                ("confupdtype", " ".into()),
                ("confdeltype", " ".into()),
                ("confmatchtype", " ".into()),
                ("conislocal", true.into()),
                ("conbin", check.expression.clone().into()),
            ]);
        }
    }
}

/// The table that a foreign key points to, and its columns there.
pub(crate) fn target<'c>(
    catalog: &'c Catalog,
    kind: &ConstraintKind,
) -> Option<(&'c Table, Vec<i16>)> {
    let ConstraintKind::ForeignKey { table, foreign_columns, .. } = kind else { return None };
    let found = catalog.tables.values().find(|known| known.stored.eq_ignore_ascii_case(table))?;
    let key = primary_key(found);
    let columns = if foreign_columns.is_empty() {
        key.iter().filter_map(|place| found.columns.get(*place)).map(|c| c.number).collect()
    } else {
        let named = |name: &String| found.columns.iter().find(|column| column.name == *name);
        foreign_columns.iter().filter_map(named).map(|column| column.number).collect()
    };
    Some((found, columns))
}

fn primary_key(table: &Table) -> &[usize] {
    let key = table.constraints.iter().find_map(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey { columns } => Some(columns.as_slice()),
        _ => None,
    });
    key.unwrap_or(&[])
}

/// The key that a foreign key's target columns are: its constraint's OID, which is its index's too.
fn target_key(table: &Table, numbers: &[i16]) -> Oid {
    let same = |places: &[usize]| {
        let mut have: Vec<i16> =
            places.iter().filter_map(|place| table.columns.get(*place)).map(|c| c.number).collect();
        let mut want = numbers.to_vec();
        have.sort_unstable();
        want.sort_unstable();
        have == want
    };
    let found = table.constraints.iter().find(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey { columns } | ConstraintKind::Unique { columns } => {
            same(columns)
        }
        _ => false,
    });
    found.map_or(0, |constraint| constraint.oid)
}

/// The columns of a condition.
fn checked(deparse: Option<&dyn Deparse>, table: &Table, expression: &str) -> Cell {
    match deparse.map(|deparse| deparse.columns(table, expression)) {
        Some(columns) if !columns.is_empty() => Cell::numbers(columns),
        _ => Cell::Null,
    }
}

fn add(
    (catalog, deparse): (&Catalog, Option<&dyn Deparse>),
    table: &Table,
    constraint: &Constraint,
    rows: &mut Builder,
) {
    let foreign = target(catalog, &constraint.kind);
    let (kind, columns, index) = match &constraint.kind {
        ConstraintKind::PrimaryKey { columns } => ("p", numbers(table, columns), constraint.oid),
        ConstraintKind::Unique { columns } => ("u", numbers(table, columns), constraint.oid),
        ConstraintKind::Check { expression } => ("c", checked(deparse, table, expression), 0),
        ConstraintKind::ForeignKey { columns, .. } => {
            let key = foreign.as_ref().map_or(0, |(table, numbers)| target_key(table, numbers));
            ("f", numbers(table, columns), key)
        }
    };
    let expression = match &constraint.kind {
        ConstraintKind::Check { expression } => Cell::from(expression.clone()),
        _ => Cell::Null,
    };
    let actions = match &constraint.kind {
        ConstraintKind::ForeignKey { actions, .. } => {
            [actions.on_update, actions.on_delete, actions.matching]
        }
        _ => [' '; 3],
    };
    let [on_update, on_delete, matching] = actions.map(|letter| Cell::from(letter.to_string()));
    rows.add(vec![
        ("oid", constraint.oid.into()),
        ("conname", constraint.name.clone().into()),
        ("connamespace", namespace(catalog, &table.schema).into()),
        ("contype", kind.into()),
        ("condeferrable", constraint.deferrable.into()),
        ("condeferred", constraint.initially_deferred.into()),
        ("convalidated", constraint.validated.into()),
        ("conrelid", table.oid.into()),
        ("conindid", index.into()),
        ("confrelid", foreign.as_ref().map_or(0, |(table, _)| table.oid).into()),
        ("confupdtype", on_update),
        ("confdeltype", on_delete),
        ("confmatchtype", matching),
        ("conislocal", true.into()),
        ("connoinherit", (kind != "c" || constraint.no_inherit).into()),
        ("conkey", columns),
        ("confkey", foreign.map_or(Cell::Null, |(_, numbers)| Cell::numbers(numbers))),
        ("conbin", expression),
    ]);
}

/// `pg_class` of `pg_class`, `pg_attrdef` and `pg_constraint`, which `pg_depend` refers to.
pub(crate) const CLASS_OF_RELATIONS: Oid = 1259;
pub(crate) const CLASS_OF_DEFAULTS: Oid = 2604;
pub(crate) const CLASS_OF_CONSTRAINTS: Oid = 2606;

/// An index behind a key depends on its constraint, and the constraint on its columns.
pub(super) fn dependencies(catalog: &Catalog, rows: &mut Builder) {
    for table in tables(catalog) {
        for constraint in &table.constraints {
            let (columns, has_index) = match &constraint.kind {
                ConstraintKind::PrimaryKey { columns } | ConstraintKind::Unique { columns } => {
                    (columns.as_slice(), true)
                }
                ConstraintKind::ForeignKey { columns, .. } => (columns.as_slice(), false),
                ConstraintKind::Check { .. } => (&[][..], false),
            };
            for number in columns.iter().filter_map(|place| table.columns.get(*place)) {
                rows.add(vec![
                    ("classid", CLASS_OF_CONSTRAINTS.into()),
                    ("objid", constraint.oid.into()),
                    ("refclassid", CLASS_OF_RELATIONS.into()),
                    ("refobjid", table.oid.into()),
                    ("refobjsubid", number.number.into()),
                    ("deptype", "a".into()),
                ]);
            }
            if has_index {
                rows.add(vec![
                    ("classid", CLASS_OF_RELATIONS.into()),
                    ("objid", constraint.oid.into()),
                    ("refclassid", CLASS_OF_CONSTRAINTS.into()),
                    ("refobjid", constraint.oid.into()),
                    ("deptype", "i".into()),
                ]);
            }
        }
    }
}
