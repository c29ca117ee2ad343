//! The catalog: what `sqlite_schema` and Eider's own tables say, as `model::Catalog`.
//!
//! OIDs. Relations get theirs from `_eider_oid` at the latest when the transaction that made them is
//! captured (`reconcile`), so they are part of the replicated bytes and the same everywhere, for ever.
//! Constraints of tables that plain SQLite statements made have no row of their own: their OIDs are a
//! hash of table and name in the upper half of the range, which `_eider_oid` doesn't reach.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;
use xxhash_rust::xxh3::xxh3_64;

use crate::model::catalog::{
    Catalog, Column, Constraint, ConstraintKind, Index, Sequence, Table, TableKind,
};
use crate::model::id::SchemaVersion;
use crate::model::pg_type::{Oid, PgType};
use crate::sqlite::declared_type;
use crate::sqlite::link::own;

/// The schema cookie as the connection sees it.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<SchemaVersion> {
    let mut prepared = connection.prepare_cached(own!("PRAGMA schema_version"))?;
    let cookie: i64 = prepared.query_row([], |row| row.get(0))?;
    Ok(SchemaVersion(cookie as u32))
}

/// Reads the catalog. `version` is the connection's present one; the guard must be lifted.
pub(crate) fn load(connection: &Connection, version: SchemaVersion) -> rusqlite::Result<Catalog> {
    let recorded = Recorded::load(connection)?;
    let mut catalog = Catalog { schema: version, ..Catalog::default() };
    for relation in relations(connection)? {
        let table = table(connection, &relation, &recorded)?;
        catalog.tables.insert(relation.name, Arc::new(table));
    }
    for index in indexes(connection, &recorded, &catalog)? {
        catalog.indexes.insert(index.name.clone(), Arc::new(index));
    }
    let sql = own!("SELECT name, oid FROM _eider_sequence");
    let mut prepared = connection.prepare_cached(sql)?;
    let mut rows = prepared.query([])?;
    while let Some(row) = rows.next()? {
        let sequence = Sequence { name: row.get(0)?, oid: row.get(1)? };
        catalog.sequences.insert(sequence.name.clone(), Arc::new(sequence));
    }
    let sql = own!("SELECT next FROM _eider_oid");
    catalog.next_oid = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
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

/// What Eider's own tables say.
#[derive(Default)]
struct Recorded {
    /// By table name in lower case: OID, and whether PostgreSQL's language made it.
    tables: HashMap<String, (Oid, bool)>,
    /// By table name in lower case, then by column name.
    columns: HashMap<String, HashMap<String, Column>>,
    constraints: HashMap<String, Vec<RecordedConstraint>>,
    /// By name in lower case.
    indexes: HashMap<String, Oid>,
}

struct RecordedConstraint {
    oid: Oid,
    name: String,
    kind: String,
    columns: Vec<String>,
    definition: String,
    foreign_table: Option<String>,
    foreign_columns: Vec<String>,
}

impl Recorded {
    fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut recorded = Self::default();
        let sql = own!("SELECT lower(name), oid, from_postgres FROM _eider_table");
        let mut prepared = connection.prepare_cached(sql)?;
        let mut rows = prepared.query([])?;
        while let Some(row) = rows.next()? {
            recorded.tables.insert(row.get(0)?, (row.get(1)?, row.get(2)?));
        }
        let sql = own!("SELECT lower(name), oid FROM _eider_index");
        let mut prepared = connection.prepare_cached(sql)?;
        let mut rows = prepared.query([])?;
        while let Some(row) = rows.next()? {
            recorded.indexes.insert(row.get(0)?, row.get(1)?);
        }
        recorded.load_columns(connection)?;
        recorded.load_constraints(connection)?;
        Ok(recorded)
    }

    fn load_columns(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = own!(
            "SELECT lower(table_name), number, name, type_oid, modifier, not_null, default_text, sequence \
             FROM _eider_column"
        );
        let mut prepared = connection.prepare_cached(sql)?;
        let mut rows = prepared.query([])?;
        while let Some(row) = rows.next()? {
            let column = Column {
                number: row.get(1)?,
                name: row.get(2)?,
                data_type: PgType { oid: row.get(3)?, modifier: row.get(4)? },
                not_null: row.get(5)?,
                default: row.get(6)?,
                sequence: row.get(7)?,
            };
            let table = self.columns.entry(row.get(0)?).or_default();
            table.insert(column.name.clone(), column);
        }
        Ok(())
    }

    fn load_constraints(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = own!(
            "SELECT oid, lower(table_name), name, kind, columns, definition, foreign_table, foreign_columns \
             FROM _eider_constraint ORDER BY oid"
        );
        let mut prepared = connection.prepare_cached(sql)?;
        let mut rows = prepared.query([])?;
        while let Some(row) = rows.next()? {
            let foreign_columns: Option<String> = row.get(7)?;
            let constraint = RecordedConstraint {
                oid: row.get(0)?,
                name: row.get(2)?,
                kind: row.get(3)?,
                columns: name_list(row.get_ref(4)?.as_str()?),
                definition: row.get(5)?,
                foreign_table: row.get(6)?,
                foreign_columns: name_list(foreign_columns.as_deref().unwrap_or("[]")),
            };
            self.constraints.entry(row.get(1)?).or_default().push(constraint);
        }
        Ok(())
    }
}

/// A JSON array of names; what isn't one is taken as empty, since only our compiler writes there.
fn name_list(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_default()
}

/// An OID for something without a row of its own: see the head of this file.
fn hashed_oid(table: &str, name: &str) -> Oid {
    let key = format!("{}\0{}", table.to_lowercase(), name.to_lowercase());
    0x8000_0000 | (xxh3_64(key.as_bytes()) as u32)
}

fn table(
    connection: &Connection,
    relation: &Relation,
    recorded: &Recorded,
) -> rusqlite::Result<Table> {
    let key = relation.name.to_lowercase();
    let (oid, from_postgres) = match recorded.tables.get(&key) {
        Some((oid, from_postgres)) => (*oid, *from_postgres),
        None => (hashed_oid(&relation.name, ""), false),
    };
    let known = recorded.columns.get(&key).filter(|_| from_postgres);
    let (columns, primary_key) = columns(connection, &relation.name, known)?;
    let constraints = match recorded.constraints.get(&key) {
        Some(constraints) if from_postgres => {
            constraints.iter().filter_map(|known| constraint(known, &columns)).collect()
        }
        _ if from_postgres => Vec::new(),
        _ => derived_constraints(connection, &relation.name, &columns, primary_key)?,
    };
    Ok(Table {
        oid,
        name: relation.name.clone(),
        kind: relation.kind,
        constraints,
        has_rowid: relation.kind != TableKind::View && !relation.without_rowid,
        from_postgres,
        columns,
    })
}

/// A table's columns, and the positions of its primary key's in their order.
fn columns(
    connection: &Connection,
    table: &str,
    known: Option<&HashMap<String, Column>>,
) -> rusqlite::Result<(Vec<Column>, Vec<usize>)> {
    let sql = own!(
        "SELECT cid, name, type, \"notnull\", dflt_value, pk FROM pragma_table_xinfo(?1, 'main') \
         WHERE hidden <> 1 ORDER BY cid"
    );
    let mut prepared = connection.prepare_cached(sql)?;
    let mut rows = prepared.query([table])?;
    let mut columns = Vec::new();
    let mut key = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(1)?;
        let in_key: u32 = row.get(5)?;
        if in_key > 0 {
            key.push((in_key, columns.len()));
        }
        let column = match known.and_then(|known| known.get(&name)) {
            Some(column) => column.clone(),
            None => Column {
                number: row.get::<_, i16>(0)?.saturating_add(1),
                data_type: declared_type::derive(row.get_ref(2)?.as_str()?),
                not_null: row.get(3)?,
                default: row.get(4)?,
                sequence: None,
                name,
            },
        };
        columns.push(column);
    }
    key.sort_unstable();
    Ok((columns, key.into_iter().map(|(_, position)| position).collect()))
}

fn positions(columns: &[Column], names: &[String]) -> Option<Vec<usize>> {
    let position =
        |name: &String| columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
    names.iter().map(position).collect()
}

/// A recorded constraint, unless it names a column that is gone.
fn constraint(known: &RecordedConstraint, columns: &[Column]) -> Option<Constraint> {
    let columns = positions(columns, &known.columns)?;
    let kind = match known.kind.as_str() {
        "p" => ConstraintKind::PrimaryKey { columns },
        "u" => ConstraintKind::Unique { columns },
        "c" => ConstraintKind::Check { expression: known.definition.clone() },
        "f" => ConstraintKind::ForeignKey {
            columns,
            table: known.foreign_table.clone()?,
            foreign_columns: known.foreign_columns.clone(),
        },
        _ => return None,
    };
    Some(Constraint { oid: known.oid, name: known.name.clone(), kind })
}

/// The constraints of a table that plain SQLite statements made, with the names that PostgreSQL
/// would give them. SQLite doesn't list CHECK constraints.
fn derived_constraints(
    connection: &Connection,
    table: &str,
    columns: &[Column],
    primary_key: Vec<usize>,
) -> rusqlite::Result<Vec<Constraint>> {
    let named = |name: String, kind| Constraint { oid: hashed_oid(table, &name), name, kind };
    let mut constraints = Vec::new();
    if !primary_key.is_empty() {
        let kind = ConstraintKind::PrimaryKey { columns: primary_key };
        constraints.push(named(format!("{table}_pkey"), kind));
    }
    let sql =
        own!("SELECT name FROM pragma_index_list(?1, 'main') WHERE origin = 'u' ORDER BY seq DESC");
    let mut prepared = connection.prepare_cached(sql)?;
    let mut rows = prepared.query([table])?;
    while let Some(row) = rows.next()? {
        let names: Vec<String> =
            index_columns(connection, row.get_ref(0)?.as_str()?)?.into_iter().flatten().collect();
        if let Some(columns) = positions(columns, &names) {
            let name = format!("{table}_{}_key", names.join("_"));
            constraints.push(named(name, ConstraintKind::Unique { columns }));
        }
    }
    for key in foreign_keys(connection, table)? {
        if let Some(columns) = positions(columns, &key.columns) {
            let name = format!("{table}_{}_fkey", key.columns.join("_"));
            let (table, foreign_columns) = (key.table, key.foreign_columns);
            constraints
                .push(named(name, ConstraintKind::ForeignKey { columns, table, foreign_columns }));
        }
    }
    Ok(constraints)
}

struct ForeignKey {
    table: String,
    columns: Vec<String>,
    foreign_columns: Vec<String>,
}

fn foreign_keys(connection: &Connection, table: &str) -> rusqlite::Result<Vec<ForeignKey>> {
    let sql = own!(
        "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1, 'main') ORDER BY id DESC, seq"
    );
    let mut prepared = connection.prepare_cached(sql)?;
    let mut rows = prepared.query([table])?;
    let mut keys: Vec<(i64, ForeignKey)> = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if keys.last().is_none_or(|(last, _)| *last != id) {
            let table = row.get(1)?;
            keys.push((id, ForeignKey { table, columns: Vec::new(), foreign_columns: Vec::new() }));
        }
        if let Some((_, key)) = keys.last_mut() {
            key.columns.push(row.get(2)?);
            // Without columns, the parent's primary key is meant.
            key.foreign_columns.extend(row.get::<_, Option<String>>(3)?);
        }
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

/// An index's columns; `None` for an expression.
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
        let (name, table): (String, String) = (row.get(0)?, row.get(1)?);
        if !catalog.tables.contains_key(&table) {
            continue;
        }
        let oid = recorded.indexes.get(&name.to_lowercase()).copied();
        indexes.push(Index {
            oid: oid.unwrap_or_else(|| hashed_oid(&table, &name)),
            columns: index_columns(connection, &name)?,
            unique: row.get(2)?,
            partial: row.get(3)?,
            name,
            table,
        });
    }
    Ok(indexes)
}

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
    indexes.sort_unstable_by(|left, right| left.name.cmp(&right.name));
    for index in indexes {
        if !recorded.indexes.contains_key(&index.name.to_lowercase()) {
            let sql = own!("INSERT INTO _eider_index (name, oid, table_name) VALUES (?1, ?2, ?3)");
            let oid = take_oid(connection)?;
            let row = rusqlite::params![index.name, oid, index.table];
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
        catalog.tables.values().map(|table| (table.name.to_lowercase(), &**table)).collect();
    let gone: Vec<&String> = recorded
        .tables
        .iter()
        .filter(|(name, (_, from_postgres))| *from_postgres && !present.contains_key(*name))
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
        && new.columns.iter().all(|column| columns.contains_key(&column.name));
    if !same {
        return Ok(());
    }
    for sql in [
        own!("UPDATE _eider_table SET name = ?2 WHERE name = ?1"),
        own!("UPDATE _eider_column SET table_name = ?2 WHERE table_name = ?1"),
        own!("UPDATE _eider_constraint SET table_name = ?2 WHERE table_name = ?1"),
        own!("UPDATE _eider_constraint SET foreign_table = ?2 WHERE foreign_table = ?1"),
        own!("UPDATE _eider_index SET table_name = ?2 WHERE table_name = ?1"),
        own!("UPDATE _eider_sequence SET owner_table = ?2 WHERE owner_table = ?1"),
    ] {
        connection.prepare_cached(sql)?.execute([old.as_str(), new.name.as_str()])?;
    }
    Ok(())
}
