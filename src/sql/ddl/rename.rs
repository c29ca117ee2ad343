//! Names that change: RENAME and SET SCHEMA.
//!
//! SQLite renames what it knows by itself: the table, its columns, what refers to them in indexes,
//! triggers and foreign keys. Texts that the catalog keeps are written again from their trees.

use std::sync::Arc;

use crate::model::catalog::{Catalog, Column, ConstraintKind, Index, Relation, Table, TableKind};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::Oid;
use crate::pgdata;
use crate::sql::ast::{AlterAction, Expr, ExprKind, Name};
use crate::sql::bind::Binder;
use crate::sql::compile::plain_step;
use crate::sql::ddl::name::{self, Chooser, NewName};
use crate::sql::ddl::rebuild;
use crate::sql::ddl::record::{self, optional};
use crate::sql::ddl::{Work, column, layout, trigger};
use crate::sql::lite::{self, Alter, Expr as Lite};

/// Calls `visit` with each name that is a column's.
fn columns(expr: &mut Expr, visit: &mut dyn FnMut(&mut Vec<Name>)) {
    if let ExprKind::Column(name) = &mut expr.kind {
        visit(name);
    }
    for child in children(expr) {
        columns(child, visit);
    }
}

/// The names of the columns in an expression's text, in its order; none if it can't be read.
pub(in crate::sql) fn column_names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    if let Ok(mut tree) = crate::sql::parser::parse_expression(text) {
        columns(&mut tree, &mut |name| names.extend(name.last().map(|last| last.text.clone())));
    }
    names
}

/// Calls `visit` with each expression in this one, and with itself.
pub(super) fn walk(expr: &mut Expr, visit: &mut dyn FnMut(&Expr)) {
    visit(expr);
    for child in children(expr) {
        walk(child, visit);
    }
}

/// Whether an expression's text calls a function of this name.
pub(super) fn calls(text: &str, function: &str) -> bool {
    let mut found = false;
    if let Ok(mut tree) = crate::sql::parser::parse_expression(text) {
        walk(&mut tree, &mut |expr| {
            if let ExprKind::Call(call) = &expr.kind {
                found |= call.name.last().is_some_and(|last| last.text == function);
            }
        });
    }
    found
}

/// A text with other names at these places; a name may have its schema's before it.
pub(super) fn replaced(text: &str, places: &[(u32, bool)], name: &str) -> String {
    let mut places = places.to_vec();
    places.sort_unstable();
    places.dedup();
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    for (place, with_schema) in places {
        let start = (place as usize).saturating_sub(1);
        out.extend(&characters[at..start]);
        out.push_str(name);
        at = end_of_name(&characters, start);
        if with_schema {
            at = end_of_name(&characters, at + 1);
        }
    }
    out.extend(&characters[at..]);
    out
}

/// The expressions directly in this one.
fn children(expr: &mut Expr) -> Vec<&mut Expr> {
    match &mut expr.kind {
        ExprKind::Unary { operand, .. }
        | ExprKind::Not(operand)
        | ExprKind::IsNull { operand, .. }
        | ExprKind::IsTruth { operand, .. }
        | ExprKind::InQuery { operand, .. }
        | ExprKind::Cast { operand, .. }
        | ExprKind::Collate { operand, .. } => vec![operand],
        ExprKind::Binary { left, right, .. }
        | ExprKind::And(left, right)
        | ExprKind::Or(left, right)
        | ExprKind::IsDistinct { left, right, .. }
        | ExprKind::Quantified { left, right, .. } => vec![left, right],
        ExprKind::InList { operand, list, .. } => {
            std::iter::once(operand.as_mut()).chain(list).collect()
        }
        ExprKind::Between { operand, low, high, .. } => vec![operand, low, high],
        ExprKind::Like { operand, pattern, escape, .. } => {
            [operand.as_mut(), pattern.as_mut()].into_iter().chain(escape.as_deref_mut()).collect()
        }
        ExprKind::Call(call) => call.arguments.iter_mut().collect(),
        ExprKind::Case { operand, branches, otherwise } => operand
            .as_deref_mut()
            .into_iter()
            .chain(branches.iter_mut().flat_map(|(condition, result)| [condition, result]))
            .chain(otherwise.as_deref_mut())
            .collect(),
        ExprKind::Row(items) | ExprKind::Array(items) => items.iter_mut().collect(),
        _ => Vec::new(),
    }
}

/// Whether an expression uses a column of this name.
pub(super) fn uses(expr: &Expr, column: &str) -> bool {
    let mut found = false;
    columns(&mut expr.clone(), &mut |name| {
        found |= name.last().is_some_and(|last| last.text == column);
    });
    found
}

/// A text with a column renamed: the places of its names are replaced.
fn renamed(text: &str, from: &str, to: &str) -> Result<String, Error> {
    let mut tree = crate::sql::parser::parse_expression(text)?;
    let mut places = Vec::new();
    columns(&mut tree, &mut |name| {
        if let Some(last) = name.last().filter(|last| last.text == from) {
            places.push(last.position);
        }
    });
    places.sort_unstable();
    places.dedup();
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    for place in places {
        let start = (place as usize).saturating_sub(1);
        out.extend(&characters[at..start]);
        out.push_str(&pgdata::quote_identifier(to));
        at = end_of_name(&characters, start);
    }
    out.extend(&characters[at..]);
    Ok(out)
}

/// A text about a table's rows, as it is to be said of the table's new form.
pub(super) fn followed(text: &str, old: &Table, new: &Table) -> Result<String, Error> {
    let other =
        |column: &&Column| new.numbered(column.number).is_some_and(|now| now.name != column.name);
    let Some(was) = old.columns.iter().find(other) else { return Ok(text.to_owned()) };
    let to = new.numbered(was.number).map_or(&was.name, |now| &now.name);
    renamed(text, &was.name, to)
}

/// Where the identifier that starts here ends.
fn end_of_name(characters: &[char], start: usize) -> usize {
    let mut at = start;
    if characters.get(at) == Some(&'"') {
        at += 1;
        while at < characters.len() {
            match (characters[at], characters.get(at + 1)) {
                ('"', Some('"')) => at += 2,
                ('"', _) => return at + 1,
                _ => at += 1,
            }
        }
        return at;
    }
    while characters.get(at).is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '$')) {
        at += 1;
    }
    at
}

fn change(table: &Table, change: Alter) -> crate::sql::Step {
    plain_step(&lite::Statement::AlterTable { table: table.stored.clone(), change })
}

pub(super) fn column(
    table: &Table,
    from: &Name,
    to: &Name,
    binder: &mut Binder<'_>,
) -> Result<Work, Error> {
    let mut work = Work::new(binder);
    let Some(old) = table.column(&from.text) else {
        let message = format!("column \"{}\" does not exist", from.text);
        return Err(Error::user(SqlState::UNDEFINED_COLUMN, message));
    };
    if table.column(&to.text).is_some() {
        let message =
            format!("column \"{}\" of relation \"{}\" already exists", to.text, table.name);
        return Err(Error::user(SqlState::DUPLICATE_COLUMN, message));
    }
    let others: Vec<_> =
        table.columns.iter().filter(|column| column.number != old.number).cloned().collect();
    let stored = column::stored_name(&to.text, &others);
    if !table.from_postgres {
        work.push(change(table, Alter::RenameColumn(old.stored.clone(), stored)));
        return Ok(work);
    }
    let mut new = table.clone();
    for column in &mut new.columns {
        if let Some(text) = &column.generated {
            column.generated = Some(renamed(text, &from.text, &to.text)?);
        }
        if column.number == old.number {
            column.name.clone_from(&to.text);
            column.stored.clone_from(&stored);
        }
    }
    for constraint in &mut new.constraints {
        if let ConstraintKind::Check { expression } = &mut constraint.kind {
            *expression = renamed(expression, &from.text, &to.text)?;
        }
    }
    trigger::suspend(table, &mut work, binder);
    if table.kind == TableKind::View {
        let view = table.view.as_ref().ok_or_else(|| Error::internal("a view has no query"))?;
        let query = binder.view_query(view)?;
        work.push(plain_step(&lite::Statement::Drop { what: "VIEW", name: table.stored.clone() }));
        work.push(plain_step(&super::view::physical(&new, &query, binder)?));
    } else {
        // SQLite can't follow the name through views over views.
        let views = views_over(binder.catalog, table.oid);
        for view in &views {
            let name = view.stored.clone();
            work.push(plain_step(&lite::Statement::Drop { what: "VIEW", name }));
        }
        work.push(change(table, Alter::RenameColumn(old.stored.clone(), stored)));
        let mut catalog = binder.catalog.clone();
        catalog.tables.insert(new.stored.clone(), Arc::new(new.clone()));
        let mut after = Binder::new(&catalog, binder.settings, &[], 0)?;
        for view in &views {
            let Some(definition) = &view.view else { continue };
            let query = after.view_query(definition)?;
            work.push(plain_step(&super::view::physical(view, &query, &after)?));
        }
    }
    rebuild::record_again(&new, &mut work, binder);
    for index in binder.catalog.indexes_of(table) {
        rename_in_index(index, &new, (&from.text, &to.text), &mut work)?;
    }
    trigger::resume(table, &new, &mut work, binder)?;
    Ok(work)
}

/// The views that read a relation, by themselves or through others.
fn views_over(catalog: &Catalog, oid: Oid) -> Vec<Arc<Table>> {
    let mut reached = vec![oid];
    let mut views: Vec<Arc<Table>> = Vec::new();
    loop {
        let reads = |table: &Table| {
            table.is_view()
                && !reached.contains(&table.oid)
                && table.view.as_ref().is_some_and(|view| {
                    view.bindings.iter().any(|binding| reached.contains(&binding.oid))
                })
        };
        let found: Vec<_> = catalog.tables.values().filter(|table| reads(table)).cloned().collect();
        if found.is_empty() {
            views.sort_unstable_by_key(|view| view.oid);
            return views;
        }
        reached.extend(found.iter().map(|view| view.oid));
        views.extend(found);
    }
}

fn rename_in_index(
    index: &Index,
    table: &Table,
    (from, to): (&str, &str),
    work: &mut Work,
) -> Result<(), Error> {
    let mut new = index.clone();
    for key in &mut new.keys {
        if let Some(text) = &key.expression {
            key.expression = Some(renamed(text, from, to)?);
        }
    }
    if let Some(text) = &new.predicate {
        new.predicate = Some(renamed(text, from, to)?);
    }
    new.include.iter_mut().filter(|name| *name == from).for_each(|name| to.clone_into(name));
    if new != *index {
        work.push(record::delete("_eider_index", &[("name", (&index.stored).into())]));
        work.push(record::index_row(&new, table));
    }
    Ok(())
}

/// RENAME CONSTRAINT.
pub(super) fn constraint(
    table: &Table,
    from: &Name,
    to: &Name,
    binder: &mut Binder<'_>,
) -> Result<Work, Error> {
    let mut work = Work::new(binder);
    let missing = || {
        let message =
            format!("constraint \"{}\" for table \"{}\" does not exist", from.text, table.name);
        Error::user(SqlState::UNDEFINED_OBJECT, message)
    };
    let place =
        table.constraints.iter().position(|known| known.name == from.text).ok_or_else(missing)?;
    if table.constraints.iter().any(|known| known.name == to.text) {
        let message =
            format!("constraint \"{}\" for relation \"{}\" already exists", to.text, table.name);
        return Err(Error::user(SqlState::DUPLICATE_OBJECT, message));
    }
    if let Some(index) = &table.constraints[place].index
        && let Some(index) = binder.catalog.indexes.get(index)
    {
        rename_index(index, &to.text, &mut work, binder)?;
        return Ok(work);
    }
    let mut new = table.clone();
    new.constraints[place].name.clone_from(&to.text);
    rebuild::apply(table, &new, &rebuild::Values::new(), Vec::new(), &mut work, binder)?;
    Ok(work)
}

fn taken(name: &NewName, binder: &Binder<'_>) -> Result<(), Error> {
    if name::exists(binder.catalog, name) {
        let message =
            if name.schema == "public" || binder.search_path().contains(&name.schema.as_str()) {
                format!("relation \"{}\" already exists", name.name)
            } else {
                format!("relation \"{}\" already exists in schema \"{}\"", name.name, name.schema)
            };
        return Err(Error::user(SqlState::DUPLICATE_TABLE, message));
    }
    Ok(())
}

/// An index under another name, and the constraint that it belongs to.
pub(super) fn rename_index(
    index: &Index,
    to: &str,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    let name = name::placed(index.schema.clone(), to.to_owned(), binder.catalog)?;
    taken(&name, binder)?;
    move_index(index, &name, work, binder)
}

/// SQLite can't rename an index, so it is made again.
fn move_index(
    index: &Index,
    name: &NewName,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    let table = binder
        .catalog
        .tables
        .get(&index.table)
        .ok_or_else(|| Error::internal("an index has no table"))?;
    if index.keys.is_empty() {
        return Err(Error::refused(
            "renaming an index that was made by plain SQLite SQL is not supported",
        ));
    }
    let new = Index {
        schema: name.schema.clone(),
        name: name.name.clone(),
        stored: name.stored.clone(),
        ..index.clone()
    };
    work.steps.extend(super::drop::index_steps(&index.stored));
    work.push(plain_step(&layout::index(&new, table, binder)?));
    work.push(record::index_row(&new, table));
    let keyed = table.constraints.iter().find(|known| known.index.as_ref() == Some(&index.stored));
    if let Some(known) = keyed {
        work.push(record::update(
            "_eider_constraint",
            vec![("name", Lite::text(&name.name)), ("index_name", Lite::text(&name.stored))],
            &[("oid", known.oid.into())],
        ));
    }
    Ok(())
}

/// RENAME TO and SET SCHEMA of any relation.
pub(super) fn relation(
    found: Relation<'_>,
    action: &AlterAction,
    binder: &mut Binder<'_>,
) -> Result<Work, Error> {
    let (schema, own) = match found {
        Relation::Table(table) => (&table.schema, &table.name),
        Relation::Index(index) => (&index.schema, &index.name),
        Relation::Sequence(sequence) => (&sequence.schema, &sequence.name),
    };
    let name = match action {
        AlterAction::Rename { to } => {
            name::placed(schema.clone(), to.text.clone(), binder.catalog)?
        }
        AlterAction::SetSchema { schema: to } => {
            name::existing_schema(to, binder.catalog)?;
            if to.text == *schema {
                return Ok(Work::new(binder));
            }
            name::placed(to.text.clone(), own.clone(), binder.catalog)?
        }
        _ => return Err(Error::internal("this action changes no name")),
    };
    taken(&name, binder)?;
    let mut work = Work::new(binder);
    match found {
        Relation::Table(table) => {
            move_table(table, &name, &mut work, binder)?;
        }
        Relation::Index(index) => move_index(index, &name, &mut work, binder)?,
        Relation::Sequence(sequence) => work.push(record::update(
            "_eider_sequence",
            vec![
                ("name", Lite::text(&name.stored)),
                ("relation_name", name.recorded()),
                ("schema_name", Lite::text(&name.schema)),
            ],
            &[("oid", sequence.oid.into())],
        )),
    }
    Ok(work)
}

/// A table or view under another name; with the schema go its indexes and sequences.
fn move_table(
    table: &Table,
    name: &NewName,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    let moved = Table {
        schema: name.schema.clone(),
        name: name.name.clone(),
        stored: name.stored.clone(),
        ..table.clone()
    };
    trigger::suspend(table, work, binder);
    if table.kind == TableKind::View {
        let view = table.view.as_ref().ok_or_else(|| {
            Error::refused("renaming a view that was made by plain SQLite SQL is not supported")
        })?;
        let query = binder.view_query(view)?;
        work.push(plain_step(&lite::Statement::Drop { what: "VIEW", name: table.stored.clone() }));
        work.push(plain_step(&super::view::physical(&moved, &query, binder)?));
    } else if table.stored != name.stored {
        work.push(change(table, Alter::RenameTable(name.stored.clone())));
    }
    work.push(record::update(
        "_eider_table",
        vec![
            ("name", Lite::text(&name.stored)),
            ("relation_name", name.recorded()),
            ("schema_name", Lite::text(&name.schema)),
        ],
        &[("name", (&table.stored).into())],
    ));
    for (catalog_table, column) in [
        ("_eider_column", "table_name"),
        ("_eider_constraint", "table_name"),
        ("_eider_constraint", "foreign_table"),
        ("_eider_index", "table_name"),
        ("_eider_trigger", "table_name"),
        ("_eider_sequence", "owner_table"),
    ] {
        work.push(record::update(
            catalog_table,
            vec![(column, Lite::text(&name.stored))],
            &[(column, (&table.stored).into())],
        ));
    }
    if name.schema != table.schema {
        move_parts(table, name, work, binder)?;
    }
    trigger::resume(table, &moved, work, binder)
}

/// The indexes and sequences of a table that goes to another schema.
fn move_parts(
    table: &Table,
    name: &NewName,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    let mut chooser = Chooser::new(binder.catalog, &name.schema);
    chooser.place(&name.name);
    let moved = Table { stored: name.stored.clone(), ..table.clone() };
    for index in binder.catalog.indexes_of(table) {
        let placed = chooser.place(&index.name);
        let new = Index {
            schema: placed.schema.clone(),
            stored: placed.stored.clone(),
            table: moved.stored.clone(),
            ..(**index).clone()
        };
        work.steps.extend(super::drop::index_steps(&index.stored));
        work.push(plain_step(&layout::index(&new, &moved, binder)?));
        work.push(record::index_row(&new, &moved));
        work.push(record::update(
            "_eider_constraint",
            vec![("index_name", Lite::text(&new.stored))],
            &[("index_name", (&index.stored).into())],
        ));
    }
    for sequence in super::depend::owned(table, None, binder.catalog) {
        let placed = chooser.place(&sequence.name);
        work.push(record::update(
            "_eider_sequence",
            vec![
                ("name", Lite::text(&placed.stored)),
                (
                    "relation_name",
                    optional((placed.name != placed.stored).then_some(placed.name.as_str())),
                ),
                ("schema_name", Lite::text(&placed.schema)),
            ],
            &[("oid", sequence.oid.into())],
        ));
    }
    Ok(())
}
