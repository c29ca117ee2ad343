//! Tables, views, indexes and sequences.

use crate::model::pg_type::{Oid, PgType};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    Table,
    View,
    /// A SQLite virtual table (FTS5, R-tree ...).
    Virtual,
    /// A table that REFRESH fills from a query.
    MaterializedView,
}

/// A table, view, materialised view or virtual table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub oid: Oid,
    pub schema: String,
    pub name: String,
    /// SQLite's name; see the head of `model::catalog`.
    pub stored: String,
    pub kind: TableKind,
    /// In attribute order.
    pub columns: Vec<Column>,
    pub constraints: Vec<Constraint>,
    /// Whether `rowid` names the row (not for WITHOUT ROWID tables and views).
    pub has_rowid: bool,
    /// Whether it was made through PostgreSQL's language (its types are recorded, not derived).
    pub from_postgres: bool,
    /// Its query, if it is a view or materialised view made through PostgreSQL's language.
    pub view: Option<View>,
    /// For materialised views: whether it has been filled.
    pub populated: bool,
    /// For temporary tables: `d` ON COMMIT DELETE ROWS, `D` ON COMMIT DROP.
    pub on_commit: Option<char>,
}

/// A view's query.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct View {
    /// PostgreSQL text, as it was written.
    pub definition: String,
    /// What the names in `definition` meant when it was written.
    pub bindings: Vec<Binding>,
    /// Schemas that unqualified names in it were looked up in.
    pub search_path: Vec<String>,
    /// WITH CHECK OPTION: `local`, `cascaded` or empty.
    pub check_option: String,
}

/// A relation that a view uses, as it was when the view was made. Columns that were added since
/// are not seen by the view, and renamed ones have their old names there.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// As it is written: `t` or `s.t`.
    pub name: String,
    pub oid: Oid,
    /// Attribute numbers with the names that the columns had.
    pub columns: Vec<(i16, String)>,
    /// Numbers of the columns that the view depends on.
    pub used: Vec<i16>,
}

/// `pg_attribute.attidentity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    Always,
    ByDefault,
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// `pg_attribute.attnum`, from 1. Never reused in a table, so there may be gaps.
    pub number: i16,
    pub name: String,
    /// SQLite's name.
    pub stored: String,
    pub data_type: PgType,
    pub not_null: bool,
    /// The default as PostgreSQL text (recorded) or as SQLite text (derived).
    pub default: Option<String>,
    /// For `serial` and identity columns, the sequence that supplies the default.
    pub sequence: Option<Oid>,
    pub identity: Option<Identity>,
    /// The expression of a GENERATED ALWAYS AS (...) STORED column, as PostgreSQL text.
    pub generated: Option<String>,
}

/// A table constraint. Column positions index [`Table::columns`].
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of pg_constraint")]
pub struct Constraint {
    pub oid: Oid,
    pub name: String,
    pub kind: ConstraintKind,
    pub deferrable: bool,
    pub initially_deferred: bool,
    /// False while NOT VALID.
    pub validated: bool,
    pub no_inherit: bool,
    /// The stored name of a key's index; `None` where SQLite's row id is the key.
    pub index: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ConstraintKind {
    PrimaryKey {
        columns: Vec<usize>,
    },
    Unique {
        columns: Vec<usize>,
    },
    /// A PostgreSQL expression as it was written.
    Check {
        expression: String,
    },
    ForeignKey {
        columns: Vec<usize>,
        /// The stored name of the table that it refers to.
        table: String,
        /// Names of that table's columns.
        foreign_columns: Vec<String>,
        actions: KeyActions,
    },
}

/// What a foreign key does, in the letters of `pg_constraint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyActions {
    /// `a` no action, `r` restrict, `c` cascade, `n` set null, `d` set default.
    pub on_update: char,
    /// As `on_update`.
    pub on_delete: char,
    /// `s` simple, `f` full.
    pub matching: char,
}

impl Default for KeyActions {
    fn default() -> Self {
        Self { on_update: 'a', on_delete: 'a', matching: 's' }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    pub oid: Oid,
    pub schema: String,
    pub name: String,
    /// SQLite's name.
    pub stored: String,
    /// The stored name of its table.
    pub table: String,
    pub unique: bool,
    /// SQLite's names of the columns; `None` for an expression.
    pub columns: Vec<Option<String>>,
    /// Whether a WHERE clause restricts it.
    pub partial: bool,
    /// `btree`, `hash`, `gin` ...: as it was asked for; SQLite has B-trees only.
    pub method: String,
    /// As PostgreSQL sees the key; empty for indexes that plain SQLite statements made.
    pub keys: Vec<IndexKey>,
    /// Names of INCLUDE columns.
    pub include: Vec<String>,
    /// The WHERE clause, as PostgreSQL text.
    pub predicate: Option<String>,
    pub nulls_not_distinct: bool,
}

/// One column or expression of an index.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexKey {
    /// The column's number; `None` for an expression.
    pub column: Option<i16>,
    /// PostgreSQL text.
    pub expression: Option<String>,
    pub descending: bool,
    pub nulls_first: bool,
    /// Only if it isn't the type's default.
    pub operator_class: Option<String>,
}

/// A sequence's definition (`pg_sequence`). Its state is not part of the catalog.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    pub oid: Oid,
    pub schema: String,
    pub name: String,
    /// Unique among relations, though SQLite has no relation for it.
    pub stored: String,
    pub type_oid: Oid,
    pub start: i64,
    pub increment: i64,
    pub minimum: i64,
    pub maximum: i64,
    pub cache: i64,
    pub cycle: bool,
    /// OWNED BY: the stored name of the table, and the column's number.
    pub owner: Option<(String, i16)>,
    /// Whether it belongs to an identity column (and can't be dropped by itself).
    pub internal: bool,
}

impl Table {
    /// Whether it belongs to one session.
    pub fn is_temporary(&self) -> bool {
        self.schema.starts_with(super::TEMPORARY_PREFIX)
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The column with this number.
    pub fn numbered(&self, number: i16) -> Option<&Column> {
        self.columns.iter().find(|column| column.number == number)
    }

    pub fn is_view(&self) -> bool {
        self.kind == TableKind::View
    }
}

impl Column {
    /// A column without anything special.
    pub fn new(number: i16, name: &str, data_type: PgType) -> Self {
        Self {
            number,
            name: name.to_owned(),
            stored: name.to_owned(),
            data_type,
            not_null: false,
            default: None,
            sequence: None,
            identity: None,
            generated: None,
        }
    }
}

impl Constraint {
    /// A constraint that is checked at once and everywhere.
    pub fn new(oid: Oid, name: String, kind: ConstraintKind) -> Self {
        Self {
            oid,
            name,
            kind,
            deferrable: false,
            initially_deferred: false,
            validated: true,
            no_inherit: false,
            index: None,
        }
    }

    /// The positions of its columns; empty for CHECK.
    pub fn columns(&self) -> &[usize] {
        match &self.kind {
            ConstraintKind::PrimaryKey { columns }
            | ConstraintKind::Unique { columns }
            | ConstraintKind::ForeignKey { columns, .. } => columns,
            ConstraintKind::Check { .. } => &[],
        }
    }

    pub fn is_key(&self) -> bool {
        matches!(self.kind, ConstraintKind::PrimaryKey { .. } | ConstraintKind::Unique { .. })
    }
}
