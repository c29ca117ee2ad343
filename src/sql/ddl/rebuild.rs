//! Giving a table another form, inside the transaction.
//!
//! SQLite keeps a table's definition as text. Where the rows stay as they are, the text alone is
//! exchanged (`lite::Statement::SetDefinition`). Where they don't, they are copied out, the emptied
//! table gets its new definition, and they are copied back: the table never goes away, so that its
//! indexes, its triggers and the foreign keys that refer to it stay, and nothing cascades. All of that
//! runs unchecked; what a new rule demands of the rows is asked by steps of its own, before the rule
//! is written down.

use std::collections::HashMap;

use crate::model::catalog::{Column, ConstraintKind, Table};
use crate::model::error::Error;
use crate::sql::bind::Binder;
use crate::sql::bound::{self, RelationId};
use crate::sql::compile::plain_step;
use crate::sql::ddl::record;
use crate::sql::ddl::{Work, layout};
use crate::sql::lite::{self, Expr, Statement};
use crate::sql::lower::Lower;
use crate::sql::{Step, StepRole};

/// Where the rows wait while their table gets another form.
const ASIDE: &str = "_eider_aside";

/// New values of columns, by the columns' numbers, over the relation of this id.
pub(super) type Values = HashMap<i16, (bound::Expr, RelationId)>;

fn unchecked(statement: Statement) -> Step {
    plain_step(&Statement::Unchecked(Box::new(statement)))
}

/// Whether the stored rows are good rows of the new form.
fn rows_fit(
    old: &Table,
    new: &Table,
    values: &Values,
    binder: &mut Binder<'_>,
) -> Result<bool, Error> {
    let types = binder.types();
    let stored = |column: &Column| {
        let carrier = types.carrier(column.data_type);
        (layout::storage(carrier), layout::collation(carrier))
    };
    let kept = old.columns.len() <= new.columns.len()
        && old.columns.is_empty() == new.columns.is_empty()
        && old.columns.iter().zip(&new.columns).all(|(was, is)| {
            was.stored == is.stored
                && was.generated.is_some() == is.generated.is_some()
                && was.generated == is.generated
                && stored(was) == stored(is)
                && !values.contains_key(&is.number)
        });
    if !kept || layout::row_key(old) != layout::row_key(new) {
        return Ok(false);
    }
    // Rows that are older than a column end before it, and show the default that SQLite has for it:
    // with another one they would show that.
    for (was, is) in old.columns.iter().zip(&new.columns) {
        if layout::constant_default(was, binder)? != layout::constant_default(is, binder)? {
            return Ok(false);
        }
    }
    for added in &new.columns[old.columns.len()..] {
        let constant = layout::constant_default(added, binder)?.is_some();
        let has_default = added.default.is_some() || added.sequence.is_some();
        if added.generated.is_some()
            || types.domain(added.data_type.oid).is_some()
            || values.contains_key(&added.number)
            || (has_default && !constant)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The steps from one form of a table to another, and the rows that record it. `checks` are asked
/// when the rows are in their new form, and before its rules are.
pub(super) fn apply(
    old: &Table,
    new: &Table,
    values: &Values,
    checks: Vec<Step>,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    let definition = layout::definition(new, binder)?;
    if !rows_fit(old, new, values, binder)? {
        copy(old, new, (values, &definition), work, binder)?;
        work.steps.extend(checks);
        work.push(unchecked(Statement::SetDefinition(definition)));
    } else if checks.is_empty() || old.columns.len() == new.columns.len() {
        work.steps.extend(checks);
        if layout::definition(old, binder)? != definition {
            work.push(unchecked(Statement::SetDefinition(definition)));
        }
    } else {
        // The checks may be about columns that are added here.
        work.push(unchecked(Statement::SetDefinition(bare(&definition))));
        work.steps.extend(checks);
        work.push(unchecked(Statement::SetDefinition(definition)));
    }
    record_again(new, work, binder);
    Ok(())
}

/// Writes all rows of a table's columns and constraints again.
pub(super) fn record_again(table: &Table, work: &mut Work, binder: &Binder<'_>) {
    work.push(record::delete("_eider_column", &[("table_name", (&table.stored).into())]));
    work.push(record::delete("_eider_constraint", &[("table_name", (&table.stored).into())]));
    let catalog = binder.catalog;
    let find = |stored: &str| catalog.tables.get(stored).map(|table| (**table).clone());
    // The first row is the table's own, which stays.
    work.steps.extend(record::table(table, &find).into_iter().skip(1));
}

/// A definition without rules for the rows.
fn bare(definition: &lite::CreateTable) -> lite::CreateTable {
    let mut bare = definition.clone();
    bare.constraints.clear();
    for column in &mut bare.columns {
        column.not_null = false;
    }
    bare
}

fn columns_of(table: &Table) -> Vec<&Column> {
    table.columns.iter().filter(|column| column.generated.is_none()).collect()
}

fn insert(table: &str, columns: &[&Column], items: Vec<Expr>, from: &str) -> lite::Insert {
    lite::Insert {
        with: lite::With::default(),
        table: table.to_owned(),
        alias: None,
        columns: columns.iter().map(|column| column.stored.clone()).collect(),
        source: Some(lite::Query::select(lite::Select {
            items: items.into_iter().map(|item| (item, None)).collect(),
            from: Some(lite::From::Table { name: from.to_owned(), alias: from.to_owned() }),
            ..lite::Select::default()
        })),
        on_conflict: None,
        returning: Vec::new(),
    }
}

fn copy(
    old: &Table,
    new: &Table,
    (values, definition): (&Values, &lite::CreateTable),
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    let columns = columns_of(new);
    let mut bound = Vec::new();
    for column in &columns {
        let value = match (values.get(&column.number), old.numbered(column.number)) {
            (Some(value), _) => Some(value.clone()),
            (None, Some(_)) => None,
            (None, None) => Some((binder.default_value_of(column)?, 0)),
        };
        bound.push(value);
    }
    let mut aside = bare(definition);
    ASIDE.clone_into(&mut aside.name);
    aside.columns.retain(|column| column.generated.is_none());
    for column in &mut aside.columns {
        column.primary_key = false;
        column.default = None;
    }
    let mut lower = Lower::new(binder.relation_names(), binder.types(), &binder.settings.time_zone)
        .with_style(&binder.settings.style);
    let mut items = Vec::new();
    for (column, value) in columns.iter().zip(&bound) {
        items.push(match value {
            Some((expr, id)) => {
                lower.bare_columns(*id);
                lower.expr(expr)?
            }
            None => Expr::column(&old_name(column, old)),
        });
    }
    work.push(unchecked(Statement::CreateTable(aside)));
    let out = Statement::Insert(insert(ASIDE, &columns, items, &old.stored));
    let out = Statement::Unchecked(Box::new(out));
    work.push(Step { program: lower.program(&out), role: StepRole::Nothing, must_be_empty: None });
    work.push(unchecked(record::delete_rows(&old.stored, None)));
    work.push(unchecked(Statement::SetDefinition(bare(definition))));
    let back = columns.iter().map(|column| Expr::column(&column.stored)).collect();
    work.push(unchecked(Statement::Insert(insert(&new.stored, &columns, back, ASIDE))));
    work.push(unchecked(Statement::Drop { what: "TABLE", name: ASIDE.to_owned() }));
    Ok(())
}

/// SQLite's name of a column in the old form of its table.
fn old_name(column: &Column, old: &Table) -> String {
    old.numbered(column.number).map_or_else(|| column.stored.clone(), |was| was.stored.clone())
}

/// The rows of a foreign key's table that it finds nothing for.
pub(super) fn orphans(
    table: &Table,
    key: &ConstraintKind,
    binder: &Binder<'_>,
) -> Option<lite::Query> {
    let ConstraintKind::ForeignKey { columns, table: foreign, foreign_columns, .. } = key else {
        return None;
    };
    let other =
        if *foreign == table.stored { table } else { binder.catalog.tables.get(foreign)? };
    let column = |alias: &str, name: &str| Expr::Column {
        table: Some(alias.to_owned()),
        name: name.to_owned(),
    };
    let (mut given, mut equal, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (place, name) in columns.iter().zip(foreign_columns) {
        let own = column("child", &table.columns[*place].stored);
        given.push(Expr::IsNull { operand: Box::new(own.clone()), negated: true });
        values.push((own.clone(), None));
        equal.push(Expr::infix(own, "=", column("parent", &other.column(name)?.stored)));
    }
    let all = |parts: Vec<Expr>| parts.into_iter().reduce(|l, r| Expr::infix(l, "AND", r));
    let found = lite::Query::select(lite::Select {
        items: vec![(Expr::Integer(1), None)],
        from: Some(lite::From::Table { name: other.stored.clone(), alias: "parent".to_owned() }),
        filter: all(equal),
        ..lite::Select::default()
    });
    let missing = Expr::Prefix("NOT", Box::new(Expr::Exists(Box::new(found))));
    Some(lite::Query {
        limit: Some(Expr::Integer(1)),
        ..lite::Query::select(lite::Select {
            items: values,
            from: Some(lite::From::Table { name: table.stored.clone(), alias: "child".to_owned() }),
            filter: Some(Expr::infix(all(given)?, "AND", missing)),
            ..lite::Select::default()
        })
    })
}
