//! A database's tables and their PostgreSQL types, as one schema version has them.
//!
//! Made from `sqlite_schema` and Eider's own `_eider_*` tables, so that tables made by either API
//! are seen by both.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::id::SchemaVersion;
use crate::model::pg_type::{Oid, PgType};

/// Everything that names can refer to. Immutable: a schema change makes a new one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Catalog {
    pub schema: SchemaVersion,
    /// By name as SQLite stores it.
    pub tables: HashMap<String, Arc<Table>>,
    /// By name as SQLite stores it.
    pub indexes: HashMap<String, Arc<Index>>,
    pub sequences: HashMap<String, Arc<Sequence>>,
    /// The next OID to hand out (never reused).
    pub next_oid: Oid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    Table,
    View,
    /// A SQLite virtual table (FTS5, R-tree ...).
    Virtual,
}

/// A table, view or virtual table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub oid: Oid,
    pub name: String,
    pub kind: TableKind,
    /// In attribute order.
    pub columns: Vec<Column>,
    pub constraints: Vec<Constraint>,
    /// Whether `rowid` names the row (not for WITHOUT ROWID tables and views).
    pub has_rowid: bool,
    /// Whether it was made through PostgreSQL's language (its types are recorded, not derived).
    pub from_postgres: bool,
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// `pg_attribute.attnum`, from 1.
    pub number: i16,
    pub name: String,
    pub data_type: PgType,
    pub not_null: bool,
    /// The default as PostgreSQL text (recorded) or as SQLite text (derived).
    pub default: Option<String>,
    /// For `serial` and identity columns, the sequence that supplies the default.
    pub sequence: Option<String>,
}

/// A table constraint. Column positions index [`Table::columns`].
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    pub oid: Oid,
    pub name: String,
    pub kind: ConstraintKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ConstraintKind {
    PrimaryKey { columns: Vec<usize> },
    Unique { columns: Vec<usize> },
    Check { expression: String },
    ForeignKey { columns: Vec<usize>, table: String, foreign_columns: Vec<String> },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    pub oid: Oid,
    pub name: String,
    pub table: String,
    pub unique: bool,
    /// Column names; `None` for an expression.
    pub columns: Vec<Option<String>>,
    /// Whether a WHERE clause restricts it.
    pub partial: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    pub oid: Oid,
    pub name: String,
}
