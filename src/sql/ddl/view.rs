//! CREATE VIEW, CREATE TABLE AS, CREATE MATERIALIZED VIEW, REFRESH.
//!
//! PostgreSQL clients never read SQLite's view: the binder puts the recorded query in its place, with
//! the session's time zone and the like (`bind::view`). SQLite's is there for everybody else, and has
//! UTC, the present moment and no settings where a session would be asked.

use crate::model::catalog::{Binding, Column, Table, TableKind, View};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::sql::ast::{CreateTableAs, CreateView, Name, QualifiedName};
use crate::sql::bind::{Binder, label};
use crate::sql::bound::{self, Output};
use crate::sql::compile::plain_step;
use crate::sql::ddl::name;
use crate::sql::ddl::{Work, already_exists, column, layout, privilege, record, table, temporary};
use crate::sql::lite;
use crate::sql::lower::Lower;
use crate::sql::types::Types;
use crate::sql::{Action, Step, StepRole, WriteTag};

/// The columns of a query's result, with the names given for the first of them.
fn columns(outputs: &[Output], names: &[Name], relation: &str) -> Result<Vec<Column>, Error> {
    if names.len() > outputs.len() {
        let message = if relation == "view" {
            "CREATE VIEW specifies more column names than columns"
        } else {
            "too many column names were specified"
        };
        return Err(Error::user(SqlState::SYNTAX_ERROR, message));
    }
    let mut columns: Vec<Column> = Vec::new();
    for (place, output) in outputs.iter().enumerate() {
        if matches!(output.data_type.oid, 2249 | 2287) {
            // PostgreSQL has them for the rows of tables, which have a type of their own there.
            let message = format!("a row as the column \"{}\" is not supported", output.name);
            return Err(Error::refused(message));
        }
        let name = names.get(place).map_or(&output.name, |name| &name.text);
        if columns.iter().any(|other| other.name == *name) {
            let message = format!("column \"{name}\" specified more than once");
            return Err(Error::user(SqlState::DUPLICATE_COLUMN, message));
        }
        let data_type = if output.data_type.oid == PgType::UNKNOWN.oid {
            PgType::TEXT
        } else {
            output.data_type
        };
        columns.push(Column {
            stored: column::stored_name(name, &columns),
            ..Column::new(place as i16 + 1, name, data_type)
        });
    }
    Ok(columns)
}

/// Binds a view's query, and notes what its names mean.
fn bind(
    query: &crate::sql::ast::Query,
    text: &str,
    binder: &mut Binder<'_>,
) -> Result<(bound::Query, View), Error> {
    binder.begin_bindings();
    let bound = binder.query(query);
    let seen = binder.end_bindings();
    let bound = bound?;
    if !binder.parameter_types()?.is_empty() {
        return Err(Error::user(SqlState::UNDEFINED_PARAMETER, "there is no parameter $1"));
    }
    let mut used = Vec::new();
    super::depend::used_columns(&bound, &mut used);
    let bindings = seen
        .into_iter()
        .map(|(name, table)| Binding {
            name,
            oid: table.oid,
            columns: table.columns.iter().map(|c| (c.number, c.name.clone())).collect(),
            used: table
                .columns
                .iter()
                .map(|column| column.number)
                .filter(|number| used.contains(&(table.oid, *number)))
                .collect(),
        })
        .collect();
    let view = View {
        definition: text.to_owned(),
        bindings,
        search_path: binder.settings.search_path.clone(),
        check_option: String::new(),
    };
    Ok((bound, view))
}

/// SQLite's own view: session facts are replaced by what holds without a session.
pub(super) fn physical(
    table: &Table,
    query: &bound::Query,
    binder: &Binder<'_>,
) -> Result<lite::Statement, Error> {
    let lowered =
        Lower::sessionless(binder.relation_names(), binder.types()).query(query, false)?;
    Ok(lite::Statement::CreateView {
        name: table.stored.clone(),
        columns: table.columns.iter().map(|column| column.stored.clone()).collect(),
        query: lowered,
    })
}

pub(super) fn create(tree: &CreateView, binder: &mut Binder<'_>) -> Result<Action, Error> {
    let name = temporary::new_relation(&tree.name, tree.persistence, binder)?;
    let old = binder.catalog.table(&name.schema, &name.name).cloned();
    if name::exists(binder.catalog, &name) && !tree.or_replace {
        return already_exists(&name.name, false, "CREATE VIEW");
    }
    let (query, mut view) = bind(&tree.query, &tree.text, binder)?;
    view.check_option.clone_from(&tree.check_option);
    check_lasting(&name, &view, binder)?;
    let mut work = Work::new(binder);
    temporary::ensure_schema(&name, &mut work, binder);
    let mut made = Table {
        columns: columns(&query.outputs, &tree.columns, "view")?,
        view: Some(view),
        has_rowid: false,
        ..table::empty(&name, TableKind::View, 0)
    };
    if let Some(view) = made.view.as_ref().filter(|view| !view.check_option.is_empty()) {
        binder.check_checkable(&made, view)?;
    }
    let fresh = !name::exists(binder.catalog, &name);
    if fresh {
        made.oid = work.oids.take();
    } else {
        let Some(old) = old.filter(|old| old.kind == TableKind::View) else {
            let message = format!("\"{}\" is not a view", name.name);
            return Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message));
        };
        check_replacement(binder.types(), &old, &made)?;
        made.oid = old.oid;
        made.stored.clone_from(&old.stored);
        work.push(plain_step(&lite::Statement::Drop { what: "VIEW", name: old.stored.clone() }));
        work.push(record::delete("_eider_table", &[("name", (&old.stored).into())]));
        work.push(record::delete("_eider_column", &[("table_name", (&old.stored).into())]));
    }
    work.push(plain_step(&physical(&made, &query, binder)?));
    work.steps.extend(record::table(&made, &|_| None));
    if fresh {
        privilege::new_object(('r', 1259, made.oid), &made.schema, &mut work, binder);
    }
    Ok(work.finish("CREATE VIEW"))
}

fn uses_temporary(view: &View, binder: &Binder<'_>) -> bool {
    let own = &binder.settings.temporary_schema;
    let catalog = binder.catalog;
    let is = |oid| catalog.table_by_oid(oid).is_some_and(|table| table.schema == *own);
    view.bindings.iter().any(|binding| is(binding.oid))
}

/// # Errors
/// 0A000 for a view that would go with what it is over, when its session ends.
fn check_lasting(name: &name::NewName, view: &View, binder: &Binder<'_>) -> Result<(), Error> {
    if name.schema == binder.settings.temporary_schema || !uses_temporary(view, binder) {
        return Ok(());
    }
    let message =
        "a view over temporary tables that isn't itself CREATE TEMPORARY VIEW is not supported";
    Err(Error::refused(message))
}

/// CREATE OR REPLACE VIEW may add columns at the end, and nothing else.
fn check_replacement(types: Types<'_>, old: &Table, new: &Table) -> Result<(), Error> {
    let wrong = |message: String| Error::user(SqlState::INVALID_TABLE_DEFINITION, message);
    if new.columns.len() < old.columns.len() {
        return Err(wrong("cannot drop columns from view".to_owned()));
    }
    for (was, is) in old.columns.iter().zip(&new.columns) {
        if was.name != is.name {
            return Err(wrong(format!(
                "cannot change name of view column \"{}\" to \"{}\"",
                was.name, is.name
            ))
            .with_hint(
                "Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.",
            ));
        }
        if was.data_type != is.data_type {
            return Err(wrong(format!(
                "cannot change data type of view column \"{}\" from {} to {}",
                was.name,
                types.label(was.data_type.oid),
                types.label(is.data_type.oid)
            )));
        }
    }
    Ok(())
}

/// CREATE TABLE AS and CREATE MATERIALIZED VIEW.
pub(super) fn create_table_as(
    tree: &CreateTableAs,
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    let tag = if tree.materialized_view { "CREATE MATERIALIZED VIEW" } else { "CREATE TABLE AS" };
    let name = temporary::new_relation(&tree.name, tree.persistence, binder)?;
    if name::exists(binder.catalog, &name) {
        return already_exists(&name.name, tree.if_not_exists, tag);
    }
    let (query, view) = bind(&tree.query, &tree.text, binder)?;
    if tree.materialized_view && uses_temporary(&view, binder) {
        let message = "materialized views must not use temporary tables or views";
        return Err(Error::refused(message));
    }
    let mut work = Work::new(binder);
    temporary::ensure_schema(&name, &mut work, binder);
    let kind = if tree.materialized_view { TableKind::MaterializedView } else { TableKind::Table };
    let made = Table {
        columns: columns(&query.outputs, &tree.columns, "table")?,
        view: tree.materialized_view.then_some(view),
        populated: tree.with_data || !tree.materialized_view,
        on_commit: temporary::on_commit(tree.persistence),
        ..table::empty(&name, kind, work.oids.take())
    };
    let definition = layout::definition(&made, binder)?;
    work.push(plain_step(&lite::Statement::CreateTable(definition)));
    work.steps.extend(record::table(&made, &|_| None));
    privilege::new_object(('r', 1259, made.oid), &made.schema, &mut work, binder);
    if !tree.with_data {
        return Ok(work.finish(tag));
    }
    work.steps.extend(work.oids.step());
    work.push(filling(&made, &query, binder)?);
    Ok(Action::Write {
        steps: work.steps,
        tag: WriteTag::Select,
        changes_catalog: true,
        temporary: false,
    })
}

/// Fills a table with a query's rows.
fn filling(table: &Table, query: &bound::Query, binder: &Binder<'_>) -> Result<Step, Error> {
    let mut lower = Lower::new(binder.relation_names(), binder.types(), &binder.settings.time_zone)
        .with_style(&binder.settings.style);
    let source = lower.query(query, false)?;
    let insert = lite::Statement::Insert(lite::Insert {
        with: lite::With::default(),
        table: table.stored.clone(),
        alias: None,
        columns: table.columns.iter().map(|column| column.stored.clone()).collect(),
        source: Some(source),
        on_conflict: None,
        returning: Vec::new(),
    });
    Ok(Step { program: lower.program(&insert), role: StepRole::Result, must_be_empty: None })
}

pub(super) fn refresh(
    name: &QualifiedName,
    (with_data, concurrently): (bool, bool),
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    let table = binder.opened(name)?;
    let Some(view) = table.view.as_ref().filter(|_| table.kind == TableKind::MaterializedView)
    else {
        let message = format!("\"{}\" is not a materialized view", label(name));
        return Err(Error::user(SqlState::FEATURE_NOT_SUPPORTED, message));
    };
    if concurrently {
        check_concurrently(table, binder)?;
    }
    let mut work = Work::new(binder);
    work.push(plain_step(&lite::Statement::Unchecked(Box::new(record::delete_rows(
        &table.stored,
        None,
    )))));
    if with_data {
        let query = binder.view_query(view)?;
        work.push(Step { role: StepRole::Nothing, ..filling(table, &query, binder)? });
    }
    if table.populated != with_data {
        work.push(record::update(
            "_eider_table",
            vec![("populated", record::flag(with_data))],
            &[("oid", table.oid.into())],
        ));
    }
    Ok(work.finish("REFRESH MATERIALIZED VIEW"))
}

fn check_concurrently(table: &Table, binder: &Binder<'_>) -> Result<(), Error> {
    if !table.populated {
        return Err(Error::refused(
            "CONCURRENTLY cannot be used when the materialized view is not populated",
        ));
    }
    let unique = binder.catalog.indexes_of(table).iter().any(|index| {
        index.unique && !index.partial && index.keys.iter().all(|key| key.column.is_some())
    });
    if unique {
        return Ok(());
    }
    let message = format!(
        "cannot refresh materialized view \"{}.{}\" concurrently",
        table.schema, table.name
    );
    Err(Error::user(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message).with_hint(
        "Create a unique index with no WHERE clause on one or more columns of the materialized view.",
    ))
}
