//! What Eider's own tables say of tables, columns, constraints and indexes.

use std::collections::HashMap;

use rusqlite::{Connection, Row};
use serde_json::Value as Json;

use crate::model::catalog::{Binding, Column, Identity, Index, IndexKey, Table, View};
use crate::model::pg_type::{Oid, PgType};
use crate::sqlite::link::own;

/// By names in lower case, as SQLite compares them.
#[derive(Default)]
pub(super) struct Recorded {
    pub(super) tables: HashMap<String, RecordedTable>,
    /// By table, then by stored name.
    pub(super) columns: HashMap<String, HashMap<String, RecordedColumn>>,
    /// By table, in the order of their OIDs.
    pub(super) constraints: HashMap<String, Vec<RecordedConstraint>>,
    pub(super) indexes: HashMap<String, RecordedIndex>,
}

pub(super) struct RecordedTable {
    pub(super) oid: Oid,
    pub(super) schema: String,
    /// `None` where it is the stored name.
    pub(super) name: Option<String>,
    pub(super) kind: String,
    pub(super) from_postgres: bool,
    pub(super) view: Option<View>,
    pub(super) populated: bool,
    pub(super) on_commit: Option<String>,
}

pub(super) struct RecordedColumn(pub(super) Column);

#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
pub(super) struct RecordedConstraint {
    pub(super) oid: Oid,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) columns: Vec<i16>,
    pub(super) definition: String,
    pub(super) foreign_table: Option<String>,
    pub(super) foreign_columns: Vec<i16>,
    pub(super) actions: String,
    pub(super) deferrable: bool,
    pub(super) initially_deferred: bool,
    pub(super) validated: bool,
    pub(super) no_inherit: bool,
    pub(super) index: Option<String>,
}

pub(super) struct RecordedIndex {
    oid: Oid,
    schema: String,
    name: Option<String>,
    definition: Json,
}

impl Recorded {
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut recorded = Self::default();
        let sql = own!(
            "SELECT lower(name), oid, schema_name, relation_name, kind, from_postgres, definition, \
             bindings, populated, on_commit FROM _eider_table"
        );
        each(connection, sql, |row| {
            recorded.tables.insert(row.get(0)?, recorded_table(row)?);
            Ok(())
        })?;
        let sql = own!(
            "SELECT lower(name), oid, schema_name, relation_name, definition FROM _eider_index"
        );
        each(connection, sql, |row| {
            let definition: Option<String> = row.get(4)?;
            let index = RecordedIndex {
                oid: row.get(1)?,
                schema: row.get(2)?,
                name: row.get(3)?,
                definition: json(definition.as_deref()),
            };
            recorded.indexes.insert(row.get(0)?, index);
            Ok(())
        })?;
        recorded.load_columns(connection)?;
        recorded.load_constraints(connection)?;
        Ok(recorded)
    }

    fn load_columns(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = own!(
            "SELECT lower(table_name), number, name, stored, type_oid, modifier, not_null, default_text, \
             sequence, identity, generated FROM _eider_column"
        );
        each(connection, sql, |row| {
            let name: String = row.get(2)?;
            let stored: Option<String> = row.get(3)?;
            let column = Column {
                number: row.get(1)?,
                stored: stored.unwrap_or_else(|| name.clone()),
                data_type: PgType { oid: row.get(4)?, modifier: row.get(5)? },
                not_null: row.get(6)?,
                default: row.get(7)?,
                sequence: row.get(8)?,
                identity: match row.get_ref(9)?.as_str()? {
                    "a" => Some(Identity::Always),
                    "d" => Some(Identity::ByDefault),
                    _ => None,
                },
                generated: row.get(10)?,
                name,
            };
            let table = self.columns.entry(row.get(0)?).or_default();
            table.insert(column.stored.to_lowercase(), RecordedColumn(column));
            Ok(())
        })
    }

    fn load_constraints(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = own!(
            "SELECT oid, lower(table_name), name, kind, columns, definition, foreign_table, \
             foreign_columns, actions, is_deferrable, initially_deferred, validated, no_inherit, \
             index_name FROM _eider_constraint ORDER BY oid"
        );
        each(connection, sql, |row| {
            let foreign_columns: Option<String> = row.get(7)?;
            let constraint = RecordedConstraint {
                oid: row.get(0)?,
                name: row.get(2)?,
                kind: row.get(3)?,
                columns: numbers(&json(Some(row.get_ref(4)?.as_str()?))),
                definition: row.get(5)?,
                foreign_table: row.get(6)?,
                foreign_columns: numbers(&json(foreign_columns.as_deref())),
                actions: row.get(8)?,
                deferrable: row.get(9)?,
                initially_deferred: row.get(10)?,
                validated: row.get(11)?,
                no_inherit: row.get(12)?,
                index: row.get(13)?,
            };
            self.constraints.entry(row.get(1)?).or_default().push(constraint);
            Ok(())
        })
    }
}

fn recorded_table(row: &Row<'_>) -> rusqlite::Result<RecordedTable> {
    let definition: Option<String> = row.get(6)?;
    let bindings: Option<String> = row.get(7)?;
    Ok(RecordedTable {
        oid: row.get(1)?,
        schema: row.get(2)?,
        name: row.get(3)?,
        kind: row.get(4)?,
        from_postgres: row.get(5)?,
        view: definition.map(|definition| view(definition, &json(bindings.as_deref()))),
        populated: row.get(8)?,
        on_commit: row.get(9)?,
    })
}

/// What a view's query is, and what its names mean.
fn view(definition: String, bindings: &Json) -> View {
    let relations = bindings["relations"].as_array().map(Vec::as_slice).unwrap_or_default();
    View {
        definition,
        bindings: relations
            .iter()
            .map(|relation| Binding {
                name: text(&relation["name"]),
                oid: relation["oid"].as_u64().unwrap_or_default() as Oid,
                columns: relation["columns"]
                    .as_array()
                    .map(Vec::as_slice)
                    .unwrap_or_default()
                    .iter()
                    .map(|column| (number(&column[0]), text(&column[1])))
                    .collect(),
                used: numbers(&relation["used"]),
            })
            .collect(),
        search_path: texts(&bindings["search_path"]),
        check_option: text(&bindings["check_option"]),
    }
}

impl RecordedIndex {
    /// Adds what is recorded to what SQLite says.
    pub(super) fn describe(&self, index: Index, table: &Table) -> Index {
        let keys = self.definition["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
        let include = numbers(&self.definition["include"]);
        let optional = |value: &Json| value.as_str().map(str::to_owned);
        Index {
            oid: self.oid,
            schema: self.schema.clone(),
            name: self.name.clone().unwrap_or(index.name),
            method: optional(&self.definition["method"]).unwrap_or(index.method),
            keys: keys
                .iter()
                .map(|key| IndexKey {
                    column: key["column"].as_i64().and_then(|number| i16::try_from(number).ok()),
                    expression: optional(&key["expression"]),
                    descending: key["descending"].as_bool().unwrap_or_default(),
                    nulls_first: key["nulls_first"].as_bool().unwrap_or_default(),
                    operator_class: optional(&key["operator_class"]),
                })
                .collect(),
            include: include
                .iter()
                .filter_map(|number| table.numbered(*number).map(|column| column.name.clone()))
                .collect(),
            predicate: optional(&self.definition["predicate"]),
            nulls_not_distinct: self.definition["nulls_not_distinct"].as_bool().unwrap_or_default(),
            ..index
        }
    }
}

/// Calls `take` with each row of a query.
pub(super) fn each(
    connection: &Connection,
    sql: &str,
    mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut prepared = connection.prepare_cached(sql)?;
    let mut rows = prepared.query([])?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

/// What isn't JSON is taken as null, since only our compiler writes there.
pub(super) fn json(text: Option<&str>) -> Json {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn number(value: &Json) -> i16 {
    value.as_i64().and_then(|number| i16::try_from(number).ok()).unwrap_or_default()
}

pub(super) fn numbers(value: &Json) -> Vec<i16> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(number).collect()
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn texts(value: &Json) -> Vec<String> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(text).collect()
}
