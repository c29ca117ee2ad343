//! What is written down about a type, when the type changes: texts of definitions that name it, and
//! SQLite's definitions that follow from its labels.

use std::sync::Arc;

use crate::model::catalog::{Catalog, ConstraintKind, Index, Table, TableKind, UserType};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::Oid;
use crate::pgdata::quote_identifier;
use crate::sql::ast::ExprKind;
use crate::sql::bind::Binder;
use crate::sql::compile::plain_step;
use crate::sql::ddl::{Work, drop, layout, rebuild, record, rename, view};
use crate::sql::lite;
use crate::sql::parser;
use crate::sql::types::Types;

/// Writes a text anew, or leaves it alone (`None`). For a column's default, the column's type is given.
pub(super) type Rewrite<'r> = dyn Fn(&str, Option<Oid>) -> Result<Option<String>, Error> + 'r;

/// Writes down again what follows from a type that is now `changed`.
///
/// # Errors
/// 0A000 where a definition says what can't be followed.
pub(super) fn with_type(
    changed: UserType,
    rewrite: &Rewrite<'_>,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    let mut catalog: Catalog = binder.catalog.clone();
    catalog.types.insert(changed.oid, Arc::new(changed));
    let mut after = Binder::new(&catalog, binder.settings, &[], 0)?;
    let mut tables: Vec<Arc<Table>> = binder.catalog.tables.values().cloned().collect();
    tables.sort_unstable_by_key(|table| table.oid);
    for table in tables.iter().filter(|table| table.from_postgres) {
        if let Some(view) = &table.view {
            // What the view says is its own: it must still be right as it is written.
            let query = after.view_query(view).map_err(|error| used(error, table))?;
            if table.kind == TableKind::View {
                let old = binder.view_query(view)?;
                let new = view::physical(table, &query, &after)?;
                if new != view::physical(table, &old, binder)? {
                    let name = table.stored.clone();
                    work.push(plain_step(&lite::Statement::Drop { what: "VIEW", name }));
                    work.push(plain_step(&new));
                }
                continue;
            }
        }
        table_again(table, rewrite, (binder, &mut after), work)?;
    }
    Ok(())
}

/// 0A000: what a definition says doesn't hold any more.
fn used(error: Error, table: &Table) -> Error {
    match error.state() {
        SqlState::UNDEFINED_OBJECT | SqlState::INVALID_TEXT_REPRESENTATION => {
            Error::refused(format!(
                "this change is not supported, as the definition of {} says the old name",
                quote_identifier(&table.name)
            ))
        }
        _ => error,
    }
}

fn table_again(
    table: &Table,
    rewrite: &Rewrite<'_>,
    (before, after): (&mut Binder<'_>, &mut Binder<'_>),
    work: &mut Work,
) -> Result<(), Error> {
    let mut new = table.clone();
    for column in &mut new.columns {
        let oid = column.data_type.oid;
        if let Some(text) = &column.default {
            column.default = Some(rewrite(text, Some(oid))?.unwrap_or_else(|| text.clone()));
        }
        if let Some(text) = &column.generated {
            column.generated = Some(rewrite(text, None)?.unwrap_or_else(|| text.clone()));
        }
    }
    for constraint in &mut new.constraints {
        if let ConstraintKind::Check { expression } = &mut constraint.kind
            && let Some(text) = rewrite(expression, None)?
        {
            *expression = text;
        }
    }
    let definition = layout::definition(&new, after).map_err(|error| used(error, table))?;
    if definition != layout::definition(table, before)? {
        let statement = lite::Statement::SetDefinition(definition);
        work.push(plain_step(&lite::Statement::Unchecked(Box::new(statement))));
    }
    if new != *table {
        rebuild::record_again(&new, work, before);
    }
    for index in before.catalog.indexes_of(table) {
        index_again(index, &new, rewrite, (before, after), work)?;
    }
    Ok(())
}

fn index_again(
    index: &Index,
    table: &Table,
    rewrite: &Rewrite<'_>,
    (before, after): (&mut Binder<'_>, &mut Binder<'_>),
    work: &mut Work,
) -> Result<(), Error> {
    if index.keys.is_empty() {
        return Ok(());
    }
    let mut new = index.clone();
    for key in &mut new.keys {
        if let Some(text) = &key.expression {
            key.expression = Some(rewrite(text, None)?.unwrap_or_else(|| text.clone()));
        }
    }
    if let Some(text) = &new.predicate {
        new.predicate = Some(rewrite(text, None)?.unwrap_or_else(|| text.clone()));
    }
    let statement = layout::index(&new, table, after).map_err(|error| used(error, table))?;
    if statement != layout::index(index, table, before)? {
        work.steps.extend(drop::index_steps(&index.stored));
        work.push(plain_step(&statement));
        work.push(record::index_row(&new, table));
    } else if new != *index {
        work.push(record::delete("_eider_index", &[("name", (&index.stored).into())]));
        work.push(record::index_row(&new, table));
    }
    Ok(())
}

/// A text with a type's name where it is cast to the type `oid`, which is now called as `changed` says.
///
/// # Errors
/// What parsing finds.
pub(super) fn type_name(
    text: &str,
    oid: Oid,
    changed: &UserType,
    types: Types<'_>,
) -> Result<Option<String>, Error> {
    let mut tree = parser::parse_expression(text)?;
    let mut places = Vec::new();
    rename::walk(&mut tree, &mut |expr| {
        if let ExprKind::Cast { target, .. } = &expr.kind {
            let (schema, last) = match target.name.as_slice() {
                [last] => (None, last),
                [schema, last] => (Some(schema), last),
                _ => return,
            };
            if types.own_named(schema.map(|one| one.text.as_str()), &last.text) == Some(oid) {
                places.push((schema.unwrap_or(last).position, schema.is_some()));
            }
        }
    });
    if places.is_empty() {
        return Ok(None);
    }
    let name = format!("{}.{}", quote_identifier(&changed.schema), quote_identifier(&changed.name));
    Ok(Some(rename::replaced(text, &places, &name)))
}

/// A text with a string in it, such as a default's, replaced where it says `from`; in an array's text
/// each element that does.
///
/// # Errors
/// What parsing finds.
pub(super) fn literal(text: &str, from: &str, to: &str) -> Result<Option<String>, Error> {
    let mut tree = parser::parse_expression(text)?;
    let mut found = false;
    rename::walk(&mut tree, &mut |expr| {
        found |= matches!(&expr.kind, ExprKind::String(text) if text == from);
    });
    let quote = |text: &str| format!("'{}'", text.replace('\'', "''"));
    // Strings are written as they were given; another way to write them is left to the check that
    // the new text gives a value.
    Ok(found.then(|| text.replace(&quote(from), &quote(to))))
}
