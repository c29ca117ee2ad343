//! Read-only virtual tables for the rows of `catalog`, so that SQLite can join them with anything.
//!
//! They are eponymous: there for every statement of a connection, without being in its schema. A scan
//! is a walk over rows in memory; an equality with a column is a lookup in an index that the
//! rows make for themselves.
//!
//! This is here because implementing a virtual table needs `unsafe impl`: rusqlite hands SQLite
//! pointers to the structs below, and takes their first field for SQLite's own.

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_int};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::vtab::{
    Context, Filters, IndexConstraintOp, IndexInfo, Module, VTab, VTabConfig, VTabConnection,
    VTabCursor, sqlite3_vtab, sqlite3_vtab_cursor,
};
use rusqlite::{Connection, Error};

use crate::catalog::{Cell, Contents, Key, Source, SystemRelation, relations};
use crate::model::pg_type::PgType;

/// The catalogs that a connection's running statement sees; `None` where it needs none.
#[derive(Debug, Default)]
pub(crate) struct Shown(Mutex<Option<Arc<Contents>>>);

impl Shown {
    pub(crate) fn set(&self, contents: Option<Arc<Contents>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = contents;
    }

    pub(crate) fn get(&self) -> Option<Arc<Contents>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Makes the system tables known to a connection.
///
/// # Errors
/// SQLite's, if it refuses one.
pub(crate) fn register(connection: &Connection, shown: &Arc<Shown>) -> rusqlite::Result<()> {
    const MODULE: &Module<'static, SystemTable> = &Module::eponymous_only_module();
    for relation in relations().iter().filter(|relation| relation.source == Source::Table) {
        let aux = (relation, Arc::clone(shown));
        connection.create_module(relation.physical_name().as_str(), MODULE, Some(aux))?;
    }
    Ok(())
}

/// One system table, as a connection has it.
#[repr(C)]
struct SystemTable {
    /// SQLite's part: must be first.
    base: sqlite3_vtab,
    relation: &'static SystemRelation,
    shown: Arc<Shown>,
}

// SAFETY: the struct is `repr(C)` and its first field is `sqlite3_vtab`, as the trait demands.
unsafe impl VTab<'_> for SystemTable {
    type Aux = (&'static SystemRelation, Arc<Shown>);
    type Cursor = SystemCursor;

    fn connect(
        connection: &mut VTabConnection,
        aux: Option<&Self::Aux>,
        _module_name: &[u8],
        _database_name: &[u8],
        _table_name: &[u8],
        _arguments: &[&[u8]],
    ) -> rusqlite::Result<(Cow<'static, CStr>, Self)> {
        let (relation, shown) =
            aux.ok_or_else(|| module_error("a system table has no relation"))?;
        connection.config(VTabConfig::Innocuous)?;
        let declaration = CString::new(declaration(relation))
            .map_err(|_| module_error("a column's name has a NUL"))?;
        let table = Self { base: sqlite3_vtab::default(), relation, shown: Arc::clone(shown) };
        Ok((Cow::Owned(declaration), table))
    }

    /// Takes one equality with a column, of the one that most likely leaves least.
    fn best_index(&self, info: &mut IndexInfo) -> rusqlite::Result<bool> {
        let usable = info.constraints().enumerate().filter_map(|(at, constraint)| {
            let equal = constraint.operator() == IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ;
            let column = usize::try_from(constraint.column()).ok()?;
            let rows = self.rows_with_one_value(column);
            (equal && constraint.is_usable()).then_some((rows, at, column))
        });
        let best = usable.min();
        let Some((rows, at, column)) = best.filter(|(_, at, _)| {
            // Rows are found by equal bytes.
            info.collation(*at).is_ok_and(|collation| collation.eq_ignore_ascii_case("BINARY"))
        }) else {
            let rows = self.expected_rows();
            info.set_estimated_cost(rows as f64 * 2.0);
            info.set_estimated_rows(rows);
            info.set_idx_num(0);
            return Ok(true);
        };
        info.constraint_usage(at).set_argv_index(1);
        info.set_idx_num(c_int::try_from(column + 1).unwrap_or(0));
        info.set_estimated_cost(2.0 + rows as f64);
        info.set_estimated_rows(rows);
        Ok(true)
    }

    fn open(&mut self) -> rusqlite::Result<SystemCursor> {
        Ok(SystemCursor {
            base: sqlite3_vtab_cursor::default(),
            relation: self.relation,
            shown: Arc::clone(&self.shown),
            contents: None,
            found: None,
            at: 0,
            end: 0,
        })
    }
}

impl SystemTable {
    /// A guess, for the planner: about how many rows there are.
    fn expected_rows(&self) -> i64 {
        match self.relation.name {
            "pg_proc" | "pg_attribute" | "pg_depend" => 3500,
            "pg_description" => 5000,
            "pg_operator" | "pg_type" | "pg_class" => 700,
            _ => 100,
        }
    }

    /// A guess: how many rows share one value of a column.
    fn rows_with_one_value(&self, column: usize) -> i64 {
        let name = self.relation.columns.get(column).map_or("", |column| column.name);
        match name {
            "oid" | "indexrelid" | "seqrelid" | "rngtypid" | "aggfnoid" => 1,
            "relname" | "typname" | "proname" | "nspname" | "conname" | "objoid" | "typrelid" => 2,
            "attrelid" | "attname" | "indrelid" | "conrelid" | "adrelid" | "enumtypid" => 8,
            "objid" | "refobjid" | "inhrelid" | "oprname" | "castsource" | "confrelid" => 8,
            _ => self.expected_rows() / 3 + 1,
        }
    }
}

/// What SQLite knows of the columns.
fn declaration(relation: &SystemRelation) -> String {
    let columns: Vec<String> = relation
        .columns
        .iter()
        .map(|column| format!("\"{}\" {}", column.name, storage(column.data_type)))
        .collect();
    format!("CREATE TABLE x({})", columns.join(", "))
}

/// The affinity of a column.
fn storage(data_type: PgType) -> &'static str {
    match data_type.oid {
        16 | 20 | 21 | 23 | 24 | 26 | 28 | 2205 | 2206 => "INTEGER",
        700 | 701 => "REAL",
        _ => "TEXT",
    }
}

fn module_error(message: &str) -> Error {
    Error::ModuleError(message.to_owned())
}

/// A walk over rows.
#[repr(C)]
struct SystemCursor {
    /// SQLite's part: must be first.
    base: sqlite3_vtab_cursor,
    relation: &'static SystemRelation,
    shown: Arc<Shown>,
    contents: Option<Arc<Contents>>,
    /// The rows that a lookup found; `None` for all.
    found: Option<Vec<usize>>,
    at: usize,
    end: usize,
}

impl SystemCursor {
    fn find(&self, contents: &Contents, column: usize, key: &Key) -> Vec<usize> {
        let fixed = Contents::fixed(self.relation);
        let own = contents.own(self.relation);
        let first_own = fixed.len();
        let known = fixed.find(column, key).iter().map(|row| *row as usize);
        known.chain(own.find(column, key).iter().map(|row| first_own + *row as usize)).collect()
    }
}

// SAFETY: the struct is `repr(C)` and its first field is `sqlite3_vtab_cursor`, as the trait demands.
unsafe impl VTabCursor for SystemCursor {
    fn filter(
        &mut self,
        index: c_int,
        _name: Option<&str>,
        arguments: &Filters<'_>,
    ) -> rusqlite::Result<()> {
        let contents = match &self.contents {
            Some(contents) => Arc::clone(contents),
            None => {
                let shown = self.shown.get();
                shown.ok_or_else(|| module_error("the system catalogs can't be read here"))?
            }
        };
        self.at = 0;
        self.found = match usize::try_from(index).ok().and_then(|index| index.checked_sub(1)) {
            None => None,
            Some(column) => {
                let key = arguments.iter().next().and_then(key);
                Some(key.map_or_else(Vec::new, |key| self.find(&contents, column, &key)))
            }
        };
        self.end = match &self.found {
            Some(found) => found.len(),
            None => Contents::fixed(self.relation).len() + contents.own(self.relation).len(),
        };
        self.contents = Some(contents);
        Ok(())
    }

    fn next(&mut self) -> rusqlite::Result<()> {
        self.at += 1;
        Ok(())
    }

    fn eof(&self) -> bool {
        self.at >= self.end
    }

    fn column(&self, context: &mut Context, column: c_int) -> rusqlite::Result<()> {
        let row = self.row();
        let column = usize::try_from(column).unwrap_or(0);
        let fixed = Contents::fixed(self.relation);
        let cell = match row.checked_sub(fixed.len()) {
            None => fixed.cell(row, column),
            Some(row) => match &self.contents {
                Some(contents) => contents.own(self.relation).cell(row, column),
                None => &Cell::Null,
            },
        };
        context.set_result(Shape(cell))
    }

    fn rowid(&self) -> rusqlite::Result<i64> {
        Ok(self.row() as i64 + 1)
    }
}

impl SystemCursor {
    fn row(&self) -> usize {
        self.found.as_ref().map_or(self.at, |found| found.get(self.at).copied().unwrap_or(0))
    }
}

/// What is looked for; `None` if no row can have it.
fn key(value: ValueRef<'_>) -> Option<Key> {
    match value {
        ValueRef::Integer(number) => Some(Key::Integer(number)),
        ValueRef::Real(number) if number.fract() == 0.0 => Some(Key::Integer(number as i64)),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok().map(|t| Key::Text(t.to_owned())),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => None,
    }
}

/// A cell as rusqlite wants it.
struct Shape<'cell>(&'cell Cell);

impl ToSql for Shape<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Cell::Null => ValueRef::Null,
            Cell::Integer(number) => ValueRef::Integer(*number),
            Cell::Real(number) => ValueRef::Real(*number),
            Cell::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}
