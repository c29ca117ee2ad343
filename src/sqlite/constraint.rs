//! Constraint violations in PostgreSQL's words.

use rusqlite::ffi;

use crate::model::catalog::{Catalog, ConstraintKind, PUBLIC, Table};
use crate::model::error::{Error, SqlState};

/// The SQLSTATE of a constraint violation, by SQLite's extended result code.
pub(crate) fn state(extended: i32) -> SqlState {
    match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => SqlState::UNIQUE_VIOLATION,
        ffi::SQLITE_CONSTRAINT_NOTNULL => SqlState::NOT_NULL_VIOLATION,
        ffi::SQLITE_CONSTRAINT_CHECK => SqlState::CHECK_VIOLATION,
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => SqlState::FOREIGN_KEY_VIOLATION,
        ffi::SQLITE_CONSTRAINT_DATATYPE => SqlState::DATATYPE_MISMATCH,
        _ => SqlState::INTEGRITY_CONSTRAINT_VIOLATION,
    }
}

/// The error that PostgreSQL gives, as far as SQLite's text and the schema tell.
pub(crate) fn postgres_error(extended: i32, text: &str, catalog: Option<&Catalog>) -> Error {
    let state = state(extended);
    let subject = text.split_once(": ").map_or("", |(_, subject)| subject);
    match state {
        SqlState::UNIQUE_VIOLATION => unique(subject, catalog),
        SqlState::NOT_NULL_VIOLATION => not_null(subject, catalog),
        SqlState::CHECK_VIOLATION => check(subject, catalog),
        SqlState::FOREIGN_KEY_VIOLATION => {
            Error::user(state, "insert or update violates a foreign key constraint")
        }
        // A trigger's RAISE, or a function that failed.
        _ => Error::user(state, text),
    }
}

/// SQLite: `t.a, t.b`, or `index 'name'` for an index with expressions.
fn unique(subject: &str, catalog: Option<&Catalog>) -> Error {
    let violated = |name: &str| {
        Error::user(
            SqlState::UNIQUE_VIOLATION,
            format!("duplicate key value violates unique constraint \"{name}\""),
        )
    };
    if let Some(index) = subject.strip_prefix("index '").and_then(|rest| rest.strip_suffix('\'')) {
        let known = catalog.and_then(|catalog| catalog.indexes.get(index));
        let mut error = violated(known.map_or(index, |known| &known.name));
        let fields = error.fields_mut();
        let table = known.and_then(|known| catalog?.tables.get(&known.table));
        fields.schema = table.map(|table| table.schema.clone());
        fields.table = table.map(|table| table.name.clone());
        fields.constraint = Some(known.map_or(index, |known| &known.name).to_owned());
        return error;
    }
    let qualified: Vec<_> = subject.split(", ").filter_map(split_column).collect();
    let Some((table_name, _)) = qualified.first().copied() else {
        return Error::user(SqlState::UNIQUE_VIOLATION, "duplicate key value");
    };
    let columns: Vec<_> = qualified.iter().map(|(_, column)| *column).collect();
    let table = catalog.and_then(|catalog| catalog.tables.get(table_name));
    let name = table
        .and_then(|table| constraint_on(table, &columns))
        .or_else(|| catalog.and_then(|catalog| index_on(catalog, table_name, &columns)))
        .unwrap_or_else(|| format!("{table_name}_{}_key", columns.join("_")));
    let mut error = violated(&name);
    let fields = error.fields_mut();
    fields.schema = Some(table.map_or(PUBLIC, |table| &table.schema).to_owned());
    fields.table = Some(table.map_or(table_name, |table| &table.name).to_owned());
    fields.constraint = Some(name);
    error
}

fn split_column(qualified: &str) -> Option<(&str, &str)> {
    qualified.rsplit_once('.')
}

/// The primary key or unique constraint over just these columns.
fn constraint_on(table: &Table, columns: &[&str]) -> Option<String> {
    let same = |positions: &[usize]| {
        positions.len() == columns.len()
            && positions.iter().all(|position| {
                table.columns.get(*position).is_some_and(|column| {
                    columns.iter().any(|name| name.eq_ignore_ascii_case(&column.stored))
                })
            })
    };
    let found = table.constraints.iter().find(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey { columns } | ConstraintKind::Unique { columns } => {
            same(columns)
        }
        ConstraintKind::Check { .. } | ConstraintKind::ForeignKey { .. } => false,
    });
    found.map(|constraint| constraint.name.clone())
}

fn index_on(catalog: &Catalog, table: &str, columns: &[&str]) -> Option<String> {
    let found = catalog.indexes.values().find(|index| {
        index.unique
            && index.table.eq_ignore_ascii_case(table)
            && index.columns.len() == columns.len()
            && index
                .columns
                .iter()
                .all(|indexed| indexed.as_deref().is_some_and(|indexed| columns.contains(&indexed)))
    });
    found.map(|index| index.name.clone())
}

/// SQLite: `t.c`.
fn not_null(subject: &str, catalog: Option<&Catalog>) -> Error {
    let (stored, column) = split_column(subject).unwrap_or(("", subject));
    let table = catalog.and_then(|catalog| catalog.tables.get(stored));
    let name = table.map_or(stored, |table| &table.name);
    let known = table.and_then(|table| table.columns.iter().find(|one| one.stored == column));
    let column = known.map_or(column, |column| &column.name);
    let mut error = Error::user(
        SqlState::NOT_NULL_VIOLATION,
        format!(
            "null value in column \"{column}\" of relation \"{name}\" violates not-null constraint"
        ),
    );
    let fields = error.fields_mut();
    fields.schema = Some(table.map_or(PUBLIC, |table| &table.schema).to_owned());
    fields.table = Some(name.to_owned());
    fields.column = Some(column.to_owned());
    error
}

/// SQLite: the constraint's name, or its expression if it has none.
fn check(subject: &str, catalog: Option<&Catalog>) -> Error {
    let owner = catalog.and_then(|catalog| {
        catalog.tables.values().find(|table| {
            table.constraints.iter().any(|constraint| {
                matches!(constraint.kind, ConstraintKind::Check { .. })
                    && constraint.name == subject
            })
        })
    });
    let message = match owner {
        Some(table) => format!(
            "new row for relation \"{}\" violates check constraint \"{subject}\"",
            table.name
        ),
        None => format!("new row violates check constraint \"{subject}\""),
    };
    let mut error = Error::user(SqlState::CHECK_VIOLATION, message);
    let fields = error.fields_mut();
    fields.schema = owner.map(|table| table.schema.clone());
    fields.table = owner.map(|table| table.name.clone());
    fields.constraint = Some(subject.to_owned());
    error
}
