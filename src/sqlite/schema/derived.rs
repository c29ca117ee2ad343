//! Constraints of tables that plain SQLite statements made.

use rusqlite::Connection;

use super::{hashed_oid, index_columns};
use crate::model::catalog::{Column, Constraint, ConstraintKind, KeyActions, Table};
use crate::sqlite::link::own;

/// Positions of columns by SQLite's names.
fn positions(columns: &[Column], names: &[String]) -> Option<Vec<usize>> {
    let position =
        |name: &String| columns.iter().position(|column| column.stored.eq_ignore_ascii_case(name));
    names.iter().map(position).collect()
}

/// The constraints of a table that plain SQLite statements made, with the names that PostgreSQL
/// would give them. SQLite doesn't list CHECK constraints.
pub(super) fn constraints(
    connection: &Connection,
    table: &Table,
) -> rusqlite::Result<Vec<Constraint>> {
    let (name, columns) = (&table.stored, &table.columns);
    let named =
        |constraint: String, kind| Constraint::new(hashed_oid(name, &constraint), constraint, kind);
    let mut constraints = Vec::new();
    let primary_key = primary_key(connection, table)?;
    if !primary_key.is_empty() {
        let kind = ConstraintKind::PrimaryKey { columns: primary_key };
        constraints.push(named(format!("{name}_pkey"), kind));
    }
    let sql =
        own!("SELECT name FROM pragma_index_list(?1, 'main') WHERE origin = 'u' ORDER BY seq DESC");
    let mut prepared = connection.prepare_cached(sql)?;
    let mut rows = prepared.query([name])?;
    while let Some(row) = rows.next()? {
        let names: Vec<String> =
            index_columns(connection, row.get_ref(0)?.as_str()?)?.into_iter().flatten().collect();
        if let Some(columns) = positions(columns, &names) {
            let constraint = format!("{name}_{}_key", names.join("_"));
            constraints.push(named(constraint, ConstraintKind::Unique { columns }));
        }
    }
    for key in foreign_keys(connection, name)? {
        if let Some(columns) = positions(columns, &key.columns) {
            let constraint = format!("{name}_{}_fkey", key.columns.join("_"));
            let (table, foreign_columns, actions) = (key.table, key.foreign_columns, key.actions);
            let kind = ConstraintKind::ForeignKey { columns, table, foreign_columns, actions };
            constraints.push(named(constraint, kind));
        }
    }
    Ok(constraints)
}

/// The positions of the primary key's columns, in their order.
fn primary_key(connection: &Connection, table: &Table) -> rusqlite::Result<Vec<usize>> {
    let sql = own!("SELECT name FROM pragma_table_xinfo(?1, 'main') WHERE pk > 0 ORDER BY pk");
    let mut prepared = connection.prepare_cached(sql)?;
    let names: Vec<String> =
        prepared.query_map([&table.stored], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(positions(&table.columns, &names).unwrap_or_default())
}

struct ForeignKey {
    table: String,
    columns: Vec<String>,
    foreign_columns: Vec<String>,
    actions: KeyActions,
}

fn foreign_keys(connection: &Connection, table: &str) -> rusqlite::Result<Vec<ForeignKey>> {
    let sql = own!(
        "SELECT id, \"table\", \"from\", \"to\", on_update, on_delete \
         FROM pragma_foreign_key_list(?1, 'main') ORDER BY id DESC, seq"
    );
    let mut prepared = connection.prepare_cached(sql)?;
    let mut rows = prepared.query([table])?;
    let mut keys: Vec<(i64, ForeignKey)> = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if keys.last().is_none_or(|(last, _)| *last != id) {
            let key = ForeignKey {
                table: row.get(1)?,
                columns: Vec::new(),
                foreign_columns: Vec::new(),
                actions: KeyActions {
                    on_update: letter(row.get_ref(4)?.as_str()?),
                    on_delete: letter(row.get_ref(5)?.as_str()?),
                    matching: 's',
                },
            };
            keys.push((id, key));
        }
        if let Some((_, key)) = keys.last_mut() {
            key.columns.push(row.get(2)?);
            // Without columns, the parent's primary key is meant.
            key.foreign_columns.extend(row.get::<_, Option<String>>(3)?);
        }
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

fn letter(action: &str) -> char {
    match action {
        "RESTRICT" => 'r',
        "CASCADE" => 'c',
        "SET NULL" => 'n',
        "SET DEFAULT" => 'd',
        _ => 'a',
    }
}
