//! What plain SQLite statements did to the schema, followed in Eider's own tables.

use std::collections::HashMap;

use rusqlite::Connection;

use super::load;
use super::recorded::Recorded;
use crate::model::catalog::{Catalog, Table};
use crate::model::id::SchemaVersion;
use crate::model::pg_type::Oid;
use crate::sqlite::link::own;

/// Makes Eider's own tables agree with a changed schema: what is new gets an OID, what is gone loses
/// its rows. Runs inside the transaction that changed the schema.
///
/// A table that was renamed by a plain SQLite statement is recognized by its columns, if just one
/// table went and one with the same recorded columns came.
pub(crate) fn reconcile(connection: &Connection) -> rusqlite::Result<()> {
    let mut catalog = load(connection, SchemaVersion::default())?;
    follow_rename(connection, &catalog)?;
    for sql in [
        own!(
            "DELETE FROM _eider_table WHERE name NOT IN \
             (SELECT name FROM sqlite_schema WHERE type IN ('table', 'view'))"
        ),
        own!("DELETE FROM _eider_column WHERE table_name NOT IN (SELECT name FROM _eider_table)"),
        own!(
            "DELETE FROM _eider_constraint WHERE table_name NOT IN (SELECT name FROM _eider_table)"
        ),
        own!(
            "DELETE FROM _eider_sequence WHERE owner_table IS NOT NULL \
             AND owner_table NOT IN (SELECT name FROM _eider_table)"
        ),
        own!("DELETE FROM _eider_trigger WHERE table_name NOT IN (SELECT name FROM _eider_table)"),
        own!(
            "DELETE FROM _eider_index WHERE name NOT IN \
             (SELECT name FROM sqlite_schema WHERE type = 'index')"
        ),
    ] {
        connection.prepare_cached(sql)?.execute([])?;
    }
    let recorded = Recorded::load(connection)?;
    let mut names: Vec<_> = catalog.tables.keys().cloned().collect();
    names.sort_unstable();
    for name in names {
        if !recorded.tables.contains_key(&name.to_lowercase()) {
            let sql =
                own!("INSERT INTO _eider_table (name, oid, from_postgres) VALUES (?1, ?2, 0)");
            let oid = take_oid(connection)?;
            connection.prepare_cached(sql)?.execute(rusqlite::params![name, oid])?;
        }
    }
    let mut indexes: Vec<_> = catalog.indexes.drain().map(|(_, index)| index).collect();
    indexes.sort_unstable_by(|left, right| left.stored.cmp(&right.stored));
    for index in indexes {
        if !recorded.indexes.contains_key(&index.stored.to_lowercase()) {
            let sql = own!("INSERT INTO _eider_index (name, oid, table_name) VALUES (?1, ?2, ?3)");
            let oid = take_oid(connection)?;
            let row = rusqlite::params![index.stored, oid, index.table];
            connection.prepare_cached(sql)?.execute(row)?;
        }
    }
    Ok(())
}

fn take_oid(connection: &Connection) -> rusqlite::Result<Oid> {
    let sql = own!("UPDATE _eider_oid SET next = next + 1 RETURNING next - 1");
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

/// Carries the rows of a renamed table over to its new name.
fn follow_rename(connection: &Connection, catalog: &Catalog) -> rusqlite::Result<()> {
    let recorded = Recorded::load(connection)?;
    let present: HashMap<String, &Table> =
        catalog.tables.values().map(|table| (table.stored.to_lowercase(), &**table)).collect();
    let gone: Vec<&String> = recorded
        .tables
        .iter()
        .filter(|(name, known)| known.from_postgres && !present.contains_key(*name))
        .map(|(name, _)| name)
        .collect();
    let new: Vec<&&Table> = present
        .iter()
        .filter(|(name, _)| !recorded.tables.contains_key(*name))
        .map(|(_, table)| table)
        .collect();
    let ([old], [new]) = (gone.as_slice(), new.as_slice()) else { return Ok(()) };
    let Some(columns) = recorded.columns.get(*old) else { return Ok(()) };
    let same = columns.len() == new.columns.len()
        && new.columns.iter().all(|column| columns.contains_key(&column.stored.to_lowercase()));
    if !same {
        return Ok(());
    }
    for sql in [
        own!(
            "UPDATE _eider_table SET name = ?2, relation_name = NULL, schema_name = 'public' WHERE name = ?1"
        ),
        own!("UPDATE _eider_column SET table_name = ?2 WHERE table_name = ?1"),
        own!("UPDATE _eider_constraint SET table_name = ?2 WHERE table_name = ?1"),
        own!("UPDATE _eider_constraint SET foreign_table = ?2 WHERE foreign_table = ?1"),
        own!("UPDATE _eider_index SET table_name = ?2 WHERE table_name = ?1"),
        own!("UPDATE _eider_trigger SET table_name = ?2 WHERE table_name = ?1"),
        own!("UPDATE _eider_sequence SET owner_table = ?2 WHERE owner_table = ?1"),
    ] {
        connection.prepare_cached(sql)?.execute([old.as_str(), new.stored.as_str()])?;
    }
    Ok(())
}
