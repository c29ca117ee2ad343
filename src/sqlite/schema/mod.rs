//! The catalog: what `sqlite_schema` and Eider's own tables say, as `model::Catalog`.
//!
//! OIDs. Relations get theirs from `_eider_oid` at the latest when the transaction that made them is
//! captured (`reconcile`), so they are part of the replicated bytes and the same everywhere, for ever.
//! Constraints of tables that plain SQLite statements made have no row of their own: their OIDs are a
//! hash of table and name in the upper half of the range, which `_eider_oid` doesn't reach.

mod derived;
mod object;
mod reconcile;
mod recorded;

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use xxhash_rust::xxh3::xxh3_64;

use crate::model::catalog::{
    Catalog, Column, Constraint, ConstraintKind, Index, KeyActions, PLACEHOLDER, PUBLIC, Table,
    TableKind,
};
use crate::model::id::SchemaVersion;
use crate::model::pg_type::Oid;
use crate::sqlite::declared_type;
use crate::sqlite::link::own;

pub(crate) use reconcile::reconcile;
use recorded::{Recorded, RecordedColumn, RecordedConstraint};

/// The schema cookie as the connection sees it.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<SchemaVersion> {
    let mut prepared = connection.prepare_cached(own!("PRAGMA schema_version"))?;
    let cookie: i64 = prepared.query_row([], |row| row.get(0))?;
    Ok(SchemaVersion(cookie as u32))
}

/// The index of a key of a table's definition that isn't there: SQLite makes it with the table, and takes
/// a table without it for damaged when it is written to.
pub(crate) fn missing_index(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let sql = own!(
        "SELECT list.name FROM sqlite_schema AS made, pragma_index_list(made.name) AS list \
         WHERE made.type = 'table' AND list.origin <> 'c' \
         AND NOT (list.origin = 'pk' AND instr(upper(made.sql), 'WITHOUT ROWID') > 0) \
         AND NOT EXISTS (SELECT 1 FROM sqlite_schema AS there \
                         WHERE there.type = 'index' AND there.name = list.name) LIMIT 1"
    );
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()
}

/// Reads the catalog. `version` is the connection's present one; the guard must be lifted.
pub(crate) fn load(connection: &Connection, version: SchemaVersion) -> rusqlite::Result<Catalog> {
    let recorded = Recorded::load(connection)?;
    let mut catalog = Catalog { schema: version, ..Catalog::default() };
    let mut tables = HashMap::new();
    for relation in relations(connection)? {
        let table = table(connection, &relation, &recorded)?;
        tables.insert(relation.name.clone(), table);
    }
    add_constraints(connection, &mut tables, &recorded)?;
    catalog.tables = tables.into_iter().map(|(name, table)| (name, Arc::new(table))).collect();
    for index in indexes(connection, &recorded, &catalog)? {
        catalog.indexes.insert(index.stored.clone(), Arc::new(index));
    }
    object::load(connection, &mut catalog)?;
    let sql = own!("SELECT next FROM _eider_oid");
    catalog.next_oid = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    catalog.note_stored_names();
    Ok(catalog)
}

/// A table, view or virtual table of the user's, as SQLite lists it.
struct Relation {
    name: String,
    kind: TableKind,
    without_rowid: bool,
}

fn relations(connection: &Connection) -> rusqlite::Result<Vec<Relation>> {
    // Shadow tables belong to their virtual table.
    let sql = own!(
        "SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main' AND type <> 'shadow' \
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_eider\\_%' ESCAPE '\\' ORDER BY name"
    );
    let mut prepared = connection.prepare_cached(sql)?;
    let mut rows = prepared.query([])?;
    let mut relations = Vec::new();
    while let Some(row) = rows.next()? {
        let kind = match row.get_ref(1)?.as_str()? {
            "view" => TableKind::View,
            "virtual" => TableKind::Virtual,
            _ => TableKind::Table,
        };
        relations.push(Relation { name: row.get(0)?, kind, without_rowid: row.get(2)? });
    }
    Ok(relations)
}

/// An OID for something without a row of its own: see the head of this file.
fn hashed_oid(table: &str, name: &str) -> Oid {
    let key = format!("{}\0{}", table.to_lowercase(), name.to_lowercase());
    0x8000_0000 | (xxh3_64(key.as_bytes()) as u32)
}

/// A table without its constraints.
fn table(
    connection: &Connection,
    relation: &Relation,
    recorded: &Recorded,
) -> rusqlite::Result<Table> {
    let key = relation.name.to_lowercase();
    let known = recorded.tables.get(&key);
    let from_postgres = known.is_some_and(|known| known.from_postgres);
    let columns = columns(connection, &relation.name, recorded.columns.get(&key))?;
    Ok(Table {
        oid: known.map_or_else(|| hashed_oid(&relation.name, ""), |known| known.oid),
        schema: known.map_or_else(|| PUBLIC.to_owned(), |known| known.schema.clone()),
        name: known.and_then(|known| known.name.clone()).unwrap_or_else(|| relation.name.clone()),
        stored: relation.name.clone(),
        kind: match known {
            Some(known) if known.kind == "m" => TableKind::MaterializedView,
            _ => relation.kind,
        },
        constraints: Vec::new(),
        has_rowid: relation.kind != TableKind::View && !relation.without_rowid,
        from_postgres,
        view: known.and_then(|known| known.view.clone()),
        populated: known.is_none_or(|known| known.populated),
        on_commit: known.and_then(|known| known.on_commit.as_ref()?.chars().next()),
        columns,
    })
}

/// A table's columns. `known` ones, by stored name in lower case, are as they were recorded.
fn columns(
    connection: &Connection,
    table: &str,
    known: Option<&HashMap<String, RecordedColumn>>,
) -> rusqlite::Result<Vec<Column>> {
    let sql = own!(
        "SELECT cid, name, type, \"notnull\", dflt_value FROM pragma_table_xinfo(?1, 'main') \
         WHERE hidden <> 1 ORDER BY cid"
    );
    let mut prepared = connection.prepare_cached(sql)?;
    let mut rows = prepared.query([table])?;
    let mut columns = Vec::new();
    while let Some(row) = rows.next()? {
        let stored: String = row.get(1)?;
        if stored == PLACEHOLDER {
            continue;
        }
        let column = match known.and_then(|known| known.get(&stored.to_lowercase())) {
            Some(column) => column.0.clone(),
            None => Column {
                not_null: row.get(3)?,
                default: row.get(4)?,
                ..Column::new(
                    row.get::<_, i16>(0)?.saturating_add(1),
                    &stored,
                    declared_type::derive(row.get_ref(2)?.as_str()?),
                )
            },
        };
        columns.push(column);
    }
    columns.sort_by_key(|column| column.number);
    Ok(columns)
}

/// Gives all tables their constraints: foreign keys need the tables that they refer to.
fn add_constraints(
    connection: &Connection,
    tables: &mut HashMap<String, Table>,
    recorded: &Recorded,
) -> rusqlite::Result<()> {
    let mut found = Vec::new();
    for table in tables.values() {
        let constraints = if table.from_postgres {
            let known = recorded.constraints.get(&table.stored.to_lowercase());
            known
                .map(|known| {
                    known.iter().filter_map(|known| constraint(known, table, tables)).collect()
                })
                .unwrap_or_default()
        } else {
            derived::constraints(connection, table)?
        };
        found.push((table.stored.clone(), constraints));
    }
    for (name, constraints) in found {
        if let Some(table) = tables.get_mut(&name) {
            table.constraints = constraints;
        }
    }
    Ok(())
}

/// A recorded constraint, unless it names a column that is gone.
fn constraint(
    known: &RecordedConstraint,
    table: &Table,
    tables: &HashMap<String, Table>,
) -> Option<Constraint> {
    let place = |number: &i16| table.columns.iter().position(|column| column.number == *number);
    let columns = known.columns.iter().map(place).collect::<Option<Vec<_>>>()?;
    let kind = match known.kind.as_str() {
        "p" => ConstraintKind::PrimaryKey { columns },
        "u" => ConstraintKind::Unique { columns },
        "c" => ConstraintKind::Check { expression: known.definition.clone() },
        "f" => {
            let named = known.foreign_table.as_ref()?;
            let foreign = tables
                .get(named)
                .or_else(|| tables.values().find(|t| t.stored.eq_ignore_ascii_case(named)))?;
            let mut actions = known.actions.chars();
            let mut letter = |other: char| actions.next().unwrap_or(other);
            ConstraintKind::ForeignKey {
                columns,
                table: foreign.stored.clone(),
                foreign_columns: known
                    .foreign_columns
                    .iter()
                    .map(|number| foreign.numbered(*number).map(|column| column.name.clone()))
                    .collect::<Option<_>>()?,
                actions: KeyActions {
                    on_update: letter('a'),
                    on_delete: letter('a'),
                    matching: letter('s'),
                },
            }
        }
        _ => return None,
    };
    Some(Constraint {
        deferrable: known.deferrable,
        initially_deferred: known.initially_deferred,
        validated: known.validated,
        no_inherit: known.no_inherit,
        index: known.index.clone(),
        ..Constraint::new(known.oid, known.name.clone(), kind)
    })
}

/// An index's columns by SQLite's names; `None` for an expression.
fn index_columns(connection: &Connection, index: &str) -> rusqlite::Result<Vec<Option<String>>> {
    let sql = own!("SELECT name FROM pragma_index_info(?1, 'main') ORDER BY seqno");
    let mut prepared = connection.prepare_cached(sql)?;
    let names = prepared.query_map([index], |row| row.get(0))?;
    names.collect()
}

/// The indexes that CREATE INDEX made.
fn indexes(
    connection: &Connection,
    recorded: &Recorded,
    catalog: &Catalog,
) -> rusqlite::Result<Vec<Index>> {
    let sql = own!(
        "SELECT i.name, s.tbl_name, i.\"unique\", i.partial FROM sqlite_schema s \
         JOIN pragma_index_list(s.tbl_name, 'main') i ON i.name = s.name \
         WHERE s.type = 'index' AND i.origin = 'c' ORDER BY i.name"
    );
    let mut prepared = connection.prepare_cached(sql)?;
    let mut rows = prepared.query([])?;
    let mut indexes = Vec::new();
    while let Some(row) = rows.next()? {
        let (stored, table): (String, String) = (row.get(0)?, row.get(1)?);
        let Some(owner) = catalog.tables.get(&table) else { continue };
        let known = recorded.indexes.get(&stored.to_lowercase());
        let plain = Index {
            oid: hashed_oid(&table, &stored),
            schema: owner.schema.clone(),
            name: stored.clone(),
            columns: index_columns(connection, &stored)?,
            unique: row.get(2)?,
            partial: row.get(3)?,
            method: "btree".to_owned(),
            keys: Vec::new(),
            include: Vec::new(),
            predicate: None,
            nulls_not_distinct: false,
            stored,
            table,
        };
        indexes.push(match known {
            Some(known) => known.describe(plain, owner),
            None => plain,
        });
    }
    Ok(indexes)
}
