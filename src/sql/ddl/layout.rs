//! What SQLite gets: a planned table or index as its own definition.

use crate::datum::range;
use crate::model::catalog::{Column, Constraint, ConstraintKind, Index, PLACEHOLDER, Table};
use crate::model::error::Error;
use crate::model::pg_type::PgType;
use crate::sql::bind::Binder;
use crate::sql::bound;
use crate::sql::lite::{self, Expr};
use crate::sql::lower::{self, DECIMAL, Lower};
use crate::sql::parser;

/// The type that STRICT tables know.
pub(super) fn storage(data_type: PgType) -> &'static str {
    match data_type.oid {
        16 | 20 | 21 | 23 | 24 | 26 | 790 | 2205 | 2206 => "INTEGER",
        700 | 701 => "REAL",
        17 => "BLOB",
        _ => "TEXT",
    }
}

pub(super) fn collation(data_type: PgType) -> Option<&'static str> {
    match range::Kind::of(data_type.oid) {
        Some(kind) => Some(kind.collation()),
        None => (data_type.oid == PgType::NUMERIC.oid).then_some(DECIMAL),
    }
}

/// The position of the column that is SQLite's row id: a primary key of one integer, which INSERT
/// always supplies (see `bind::insert`).
pub(super) fn row_key(table: &Table) -> Option<usize> {
    table.constraints.iter().find_map(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey { columns } if constraint.index.is_none() => {
            columns.first().copied()
        }
        _ => None,
    })
}

/// A table's whole definition. `others` finds the tables that foreign keys refer to.
pub(super) fn definition(
    table: &Table,
    binder: &mut Binder<'_>,
) -> Result<lite::CreateTable, Error> {
    let key = row_key(table);
    let mut columns = Vec::new();
    for (place, column) in table.columns.iter().enumerate() {
        columns.push(column_def(table, column, key == Some(place), binder)?);
    }
    if columns.is_empty() {
        columns.push(lite::ColumnDef::plain(PLACEHOLDER, "INTEGER"));
    }
    let mut constraints = Vec::new();
    for constraint in &table.constraints {
        constraints.extend(clause(table, constraint, binder)?);
    }
    Ok(lite::CreateTable { name: table.stored.clone(), columns, constraints })
}

fn column_def(
    table: &Table,
    column: &Column,
    primary_key: bool,
    binder: &mut Binder<'_>,
) -> Result<lite::ColumnDef, Error> {
    let generated = match &column.generated {
        Some(text) => Some(generated(table, column, text, binder)?),
        None => None,
    };
    let carrier = binder.types().carrier(column.data_type);
    Ok(lite::ColumnDef {
        name: column.stored.clone(),
        storage: storage(carrier),
        collation: collation(carrier),
        not_null: column.not_null,
        primary_key,
        default: constant_default(column, binder)?,
        generated,
    })
}

/// A default that is a constant in SQLite too: for what is inserted without PostgreSQL, and for the
/// rows that a new column is added to.
pub(super) fn constant_default(
    column: &Column,
    binder: &mut Binder<'_>,
) -> Result<Option<Expr>, Error> {
    let Some(text) = column.default.as_ref().filter(|_| column.generated.is_none()) else {
        return Ok(None);
    };
    let Some(bound) = binder.defined_default(text, column)? else { return Ok(None) };
    if !binder.sequences.is_empty() {
        binder.sequences.clear();
        return Ok(None);
    }
    let lowered = Lower::new(binder.relation_names(), binder.types(), "UTC").expr(&bound)?;
    let constant =
        matches!(lowered, Expr::Integer(_) | Expr::Real(_) | Expr::Text(_) | Expr::Blob(_));
    Ok(constant.then_some(lowered))
}

/// The expression of a stored column, of the column's type.
fn generated(
    table: &Table,
    column: &Column,
    text: &str,
    binder: &mut Binder<'_>,
) -> Result<Expr, Error> {
    let tree = parser::parse_expression(text)?;
    let (bound, id) = binder.over_table(&tree, table)?;
    let bound = binder.assigned(bound, column)?;
    lower::stored_expression(&bound, id, binder.relation_names(), binder.types())
}

fn condition(
    table: &Table,
    text: &str,
    clause: &str,
    binder: &mut Binder<'_>,
) -> Result<Expr, Error> {
    let tree = parser::parse_expression(text)?;
    let (bound, id) = binder.over_table(&tree, table)?;
    let bound = binder.boolean(bound, clause)?;
    lower::stored_expression(&bound, id, binder.relation_names(), binder.types())
}

/// A CHECK's expression in SQLite.
pub(super) fn check(table: &Table, text: &str, binder: &mut Binder<'_>) -> Result<Expr, Error> {
    condition(table, text, "CHECK", binder)
}

/// SQLite's clause for a constraint, if it isn't an index.
fn clause(
    table: &Table,
    constraint: &Constraint,
    binder: &mut Binder<'_>,
) -> Result<Vec<lite::Constraint>, Error> {
    let named = |kind| lite::Constraint { name: constraint.name.clone(), kind };
    match &constraint.kind {
        ConstraintKind::PrimaryKey { .. } | ConstraintKind::Unique { .. } => Ok(Vec::new()),
        ConstraintKind::Check { expression } => {
            Ok(vec![named(lite::ConstraintKind::Check(check(table, expression, binder)?))])
        }
        ConstraintKind::ForeignKey { columns, table: foreign, foreign_columns, actions } => {
            let own: Vec<String> =
                columns.iter().map(|place| table.columns[*place].stored.clone()).collect();
            let other = if *foreign == table.stored {
                table
            } else {
                binder
                    .catalog
                    .tables
                    .get(foreign)
                    .ok_or_else(|| Error::internal("a foreign key's table is gone"))?
            };
            let theirs = foreign_columns
                .iter()
                .map(|name| other.column(name).map_or_else(|| name.clone(), |c| c.stored.clone()))
                .collect();
            let mut clauses = vec![named(lite::ConstraintKind::ForeignKey {
                columns: own.clone(),
                table: foreign.clone(),
                foreign_columns: theirs,
                on_delete: action(actions.on_delete),
                on_update: action(actions.on_update),
                deferrable: constraint.deferrable,
                initially_deferred: constraint.initially_deferred,
            })];
            if actions.matching == 'f' && own.len() > 1 {
                clauses.push(named(lite::ConstraintKind::Check(all_or_none(&own))));
            }
            Ok(clauses)
        }
    }
}

/// MATCH FULL: all the columns are NULL, or none.
pub(super) fn all_or_none(columns: &[String]) -> Expr {
    let is_null =
        |name: &String| Expr::IsNull { operand: Box::new(Expr::column(name)), negated: false };
    columns
        .windows(2)
        .map(|pair| Expr::infix(is_null(&pair[0]), "=", is_null(&pair[1])))
        .reduce(|left, right| Expr::infix(left, "AND", right))
        .unwrap_or(Expr::Integer(1))
}

fn action(letter: char) -> Option<&'static str> {
    match letter {
        'r' => Some("RESTRICT"),
        'c' => Some("CASCADE"),
        'n' => Some("SET NULL"),
        'd' => Some("SET DEFAULT"),
        _ => None,
    }
}

/// An index as SQLite has it.
pub(super) fn index(
    index: &Index,
    table: &Table,
    binder: &mut Binder<'_>,
) -> Result<lite::Statement, Error> {
    let mut keys = Vec::new();
    for key in &index.keys {
        let column = key.column.and_then(|number| table.numbered(number));
        let lowered = match (column, &key.expression) {
            (Some(column), _) => Expr::column(&column.stored),
            (None, Some(text)) => expression(table, text, binder)?.0,
            (None, None) => return Err(Error::internal("an index key has no column")),
        };
        let lowered = match column {
            // A NULL is something of its own then: a value that no column of this storage class has.
            Some(column) if index.nulls_not_distinct && !column.not_null => Expr::call(
                "coalesce",
                vec![lowered, no_value(binder.types().carrier(column.data_type))],
            ),
            _ => lowered,
        };
        keys.push((lowered, key.descending));
    }
    let filter = match &index.predicate {
        Some(text) => Some(condition(table, text, "WHERE", binder)?),
        None => None,
    };
    Ok(lite::Statement::CreateIndex(lite::CreateIndex {
        name: index.stored.clone(),
        table: table.stored.clone(),
        unique: index.unique,
        keys,
        filter,
    }))
}

fn no_value(data_type: PgType) -> Expr {
    if storage(data_type) == "BLOB" { Expr::text("") } else { Expr::Blob(Vec::new()) }
}

/// An index's expression in SQLite, and its type.
pub(super) fn expression(
    table: &Table,
    text: &str,
    binder: &mut Binder<'_>,
) -> Result<(Expr, bound::Expr), Error> {
    let tree = parser::parse_expression(text)?;
    let (bound, id) = binder.over_table(&tree, table)?;
    let lowered = lower::stored_expression(&bound, id, binder.relation_names(), binder.types())?;
    let lowered = match lowered {
        // A string would be a column's name there.
        Expr::Text(_) => Expr::Cast(Box::new(lowered), "TEXT"),
        other => other,
    };
    let lowered = match collation(binder.types().carrier(bound.data_type)) {
        Some(name) => Expr::Collate(Box::new(lowered), name),
        None => lowered,
    };
    Ok((lowered, bound))
}
