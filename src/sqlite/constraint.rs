//! Constraint violations in PostgreSQL's words.

use bytes::BytesMut;
use rusqlite::ffi;

use crate::catalog::Contents;
use crate::datum::{self, Style};
use crate::model::catalog::{Catalog, Constraint, ConstraintKind, Index, PUBLIC, Table};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::pgdata::FIRST_OWN_OID;
use crate::pgdata::quote_identifier;

/// A value in "Failing row contains" is cut after this many bytes.
const VALUE_BYTES_MAX: usize = 64;

/// The SQLSTATE of a constraint violation, by SQLite's extended result code and text.
pub(crate) fn state(extended: i32, text: &str) -> SqlState {
    match extended {
        // RESTRICT is a trigger to SQLite.
        ffi::SQLITE_CONSTRAINT_TRIGGER if text == "FOREIGN KEY constraint failed" => {
            SqlState::FOREIGN_KEY_VIOLATION
        }
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

/// What is known of a violation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Broken<'a> {
    /// SQLite's extended result code.
    pub(crate) extended: i32,
    /// SQLite's text.
    pub(crate) text: &'a str,
    pub(crate) contents: Option<&'a Contents>,
    /// The row that breaks the constraint, and its table. The values are in the columns' order.
    pub(crate) row: Option<(&'a Table, &'a [Value])>,
}

/// A unique key that SQLite complains about.
struct Key<'a> {
    table: Option<&'a Table>,
    name: &'a str,
    /// Places of its columns; empty for an index over expressions.
    columns: Vec<usize>,
}

impl<'a> Broken<'a> {
    /// The error that PostgreSQL gives, as far as is known what was broken.
    pub(crate) fn error(&self) -> Error {
        let state = state(self.extended, self.text);
        let subject = self.text.split_once(": ").map_or("", |(_, subject)| subject);
        match state {
            SqlState::UNIQUE_VIOLATION => self.unique(subject),
            SqlState::NOT_NULL_VIOLATION => self.not_null(subject),
            SqlState::CHECK_VIOLATION => self.check(subject),
            SqlState::FOREIGN_KEY_VIOLATION => {
                Error::user(state, "insert or update violates a foreign key constraint")
            }
            // A trigger's RAISE, or a function that failed.
            _ => Error::user(state, self.text),
        }
    }

    fn catalog(&self) -> Option<&'a Catalog> {
        self.contents.map(|contents| &**contents.catalog())
    }

    /// The row's table, or all there are.
    fn tables(&self) -> Vec<&'a Table> {
        match (self.row, self.catalog()) {
            (Some((table, _)), _) => vec![table],
            (None, Some(catalog)) => catalog.tables.values().map(|table| &**table).collect(),
            (None, None) => Vec::new(),
        }
    }

    /// SQLite: `t.a, t.b`, or `index 'name'` for an index with expressions.
    fn unique(&self, subject: &str) -> Error {
        let key = self.key(subject);
        let fallback = subject.replace([' ', ',', '.'], "_");
        let name = key.as_ref().map_or(&*fallback, |key| key.name);
        let mut error = Error::user(
            SqlState::UNIQUE_VIOLATION,
            format!("duplicate key value violates unique constraint \"{name}\""),
        );
        if let Some(key) = &key
            && let Some(detail) = self.key_detail(key)
        {
            error = error.with_detail(detail);
        }
        let table = key.as_ref().and_then(|key| key.table);
        let fields = error.fields_mut();
        fields.schema = Some(table.map_or(PUBLIC, |table| &table.schema).to_owned());
        fields.table = table.map(|table| table.name.clone());
        fields.constraint = Some(name.to_owned());
        error
    }

    fn key(&self, subject: &str) -> Option<Key<'a>> {
        let catalog = self.catalog()?;
        if let Some(name) = subject.strip_prefix("index '").and_then(|rest| rest.strip_suffix('\''))
        {
            let index = catalog.indexes.get(name)?;
            let table = catalog.tables.get(&index.table).map(|table| &**table);
            let columns = table.map(|table| key_columns(table, index)).unwrap_or_default();
            return Some(Key { table, name: &index.name, columns });
        }
        self.tables().into_iter().find_map(|table| {
            let says = |columns: &[usize]| {
                let named: Vec<String> = columns
                    .iter()
                    .map(|place| format!("{}.{}", table.stored, table.columns[*place].stored))
                    .collect();
                named.join(", ").eq_ignore_ascii_case(subject)
            };
            let constraints = table.constraints.iter().filter(|constraint| constraint.is_key());
            let by_constraint = constraints
                .map(|constraint| Key {
                    table: Some(table),
                    name: &constraint.name,
                    columns: constraint.columns().to_vec(),
                })
                .find(|key| says(&key.columns));
            by_constraint.or_else(|| {
                let indexes = catalog.indexes_of(table).into_iter().filter(|index| index.unique);
                indexes
                    .map(|index| Key {
                        table: Some(table),
                        name: &index.name,
                        columns: key_columns(table, index),
                    })
                    .find(|key| !key.columns.is_empty() && says(&key.columns))
            })
        })
    }

    /// `Key (a, b)=(1, x) already exists.`
    fn key_detail(&self, key: &Key<'_>) -> Option<String> {
        let (table, row) = self.row?;
        if key.columns.is_empty() || key.table.is_some_and(|known| known.oid != table.oid) {
            return None;
        }
        let names: Vec<_> =
            key.columns.iter().map(|place| quote_identifier(&table.columns[*place].name)).collect();
        let values: Vec<String> = key
            .columns
            .iter()
            .map(|place| shown(table.columns[*place].data_type, row.get(*place)))
            .collect();
        Some(format!("Key ({})=({}) already exists.", names.join(", "), values.join(", ")))
    }

    /// `Failing row contains (1, null).`
    fn with_row(&self, error: Error) -> Error {
        let Some((table, row)) = self.row else { return error };
        let values: Vec<String> = table
            .columns
            .iter()
            .zip(row)
            .map(|(column, value)| clipped(shown(column.data_type, Some(value))))
            .collect();
        error.with_detail(format!("Failing row contains ({}).", values.join(", ")))
    }

    /// SQLite: `t.c`.
    fn not_null(&self, subject: &str) -> Error {
        let found = self.tables().into_iter().find_map(|table| {
            let column = table.columns.iter().find(|column| {
                format!("{}.{}", table.stored, column.stored).eq_ignore_ascii_case(subject)
            })?;
            Some((table, column))
        });
        let (stored, bare) = subject.rsplit_once('.').unwrap_or(("", subject));
        let name = found.map_or(stored, |(table, _)| &table.name);
        let column = found.map_or(bare, |(_, column)| &column.name);
        let mut error = self.with_row(Error::user(
            SqlState::NOT_NULL_VIOLATION,
            format!(
                "null value in column \"{column}\" of relation \"{name}\" violates not-null constraint"
            ),
        ));
        let fields = error.fields_mut();
        fields.schema = Some(found.map_or(PUBLIC, |(table, _)| &table.schema).to_owned());
        fields.table = Some(name.to_owned());
        fields.column = Some(column.to_owned());
        error
    }

    /// SQLite: the constraint's name, or its expression if it has none.
    fn check(&self, subject: &str) -> Error {
        let named = |table: &&'a Table| {
            table.constraints.iter().find(|constraint| {
                let kind = &constraint.kind;
                let checks = matches!(
                    kind,
                    ConstraintKind::Check { .. } | ConstraintKind::ForeignKey { .. }
                );
                checks && constraint.name == subject
            })
        };
        let owner = self.tables().into_iter().find(|table| named(table).is_some());
        let constraint = owner.as_ref().and_then(named);
        let full =
            constraint.is_some_and(|found| matches!(found.kind, ConstraintKind::ForeignKey { .. }));
        let mut error = match owner {
            Some(table) if full => Error::user(
                SqlState::FOREIGN_KEY_VIOLATION,
                format!(
                    "insert or update on table \"{}\" violates foreign key constraint \"{subject}\"",
                    table.name
                ),
            )
            .with_detail("MATCH FULL does not allow mixing of null and nonnull key values."),
            Some(table) => self.with_row(Error::user(
                SqlState::CHECK_VIOLATION,
                format!(
                    "new row for relation \"{}\" violates check constraint \"{subject}\"",
                    table.name
                ),
            )),
            None => Error::user(
                SqlState::CHECK_VIOLATION,
                format!("new row violates check constraint \"{subject}\""),
            ),
        };
        let fields = error.fields_mut();
        fields.schema = owner.map(|table| table.schema.clone());
        fields.table = owner.map(|table| table.name.clone());
        fields.constraint = Some(subject.to_owned());
        error
    }
}

/// The places of an index's columns; empty if one of its keys is an expression.
fn key_columns(table: &Table, index: &Index) -> Vec<usize> {
    let numbered = |number: i16| table.columns.iter().position(|column| column.number == number);
    let stored = |name: &String| table.columns.iter().position(|column| column.stored == *name);
    let places: Option<Vec<usize>> = if index.keys.is_empty() {
        index.columns.iter().map(|name| name.as_ref().and_then(stored)).collect()
    } else {
        index.keys.iter().map(|key| key.column.and_then(numbered)).collect()
    };
    places.unwrap_or_default()
}

/// A foreign key and values that lack their other side.
#[derive(Debug)]
pub(crate) struct BrokenKey<'a> {
    pub(crate) table: &'a Table,
    pub(crate) constraint: &'a Constraint,
    pub(crate) foreign: &'a Table,
    pub(crate) values: &'a [Value],
}

impl BrokenKey<'_> {
    /// A row refers to what isn't there.
    pub(crate) fn not_present(&self) -> Error {
        let names = self.constraint.columns().iter().map(|place| &*self.table.columns[*place].name);
        let error = Error::user(
            SqlState::FOREIGN_KEY_VIOLATION,
            format!(
                "insert or update on table \"{}\" violates foreign key constraint \"{}\"",
                self.table.name, self.constraint.name
            ),
        );
        let detail = format!(
            "Key ({})=({}) is not present in table \"{}\".",
            names.collect::<Vec<_>>().join(", "),
            self.shown(),
            self.foreign.name
        );
        self.placed(error.with_detail(detail))
    }

    /// What is referred to was to go.
    pub(crate) fn still_referenced(&self) -> Error {
        let names: Vec<&str> = match &self.constraint.kind {
            ConstraintKind::ForeignKey { foreign_columns, .. } => {
                foreign_columns.iter().map(String::as_str).collect()
            }
            _ => Vec::new(),
        };
        let error = Error::user(
            SqlState::FOREIGN_KEY_VIOLATION,
            format!(
                "update or delete on table \"{}\" violates foreign key constraint \"{}\" on table \"{}\"",
                self.foreign.name, self.constraint.name, self.table.name
            ),
        );
        let detail = format!(
            "Key ({})=({}) is still referenced from table \"{}\".",
            names.join(", "),
            self.shown(),
            self.table.name
        );
        self.placed(error.with_detail(detail))
    }

    fn shown(&self) -> String {
        let columns = self.constraint.columns().iter().map(|place| &self.table.columns[*place]);
        let values: Vec<String> = columns
            .zip(self.values)
            .map(|(column, value)| shown(column.data_type, Some(value)))
            .collect();
        values.join(", ")
    }

    fn placed(&self, mut error: Error) -> Error {
        let fields = error.fields_mut();
        fields.schema = Some(self.table.schema.clone());
        fields.table = Some(self.table.name.clone());
        fields.constraint = Some(self.constraint.name.clone());
        error
    }
}

/// A stored value as text, with the settings that sessions begin with.
fn shown(data_type: PgType, value: Option<&Value>) -> String {
    let value = match value {
        None | Some(Value::Null) => return "null".to_owned(),
        Some(value) => value,
    };
    let mut out = BytesMut::new();
    match datum::to_text(data_type, value, &Style::default(), &mut out) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(_) => match value {
            // Values of most of a database's own types are stored as they are shown.
            Value::Text(text) if data_type.oid >= FIRST_OWN_OID => text.clone(),
            // A value that isn't its type's, which another program may have written.
            _ => "?".to_owned(),
        },
    }
}

pub(super) fn clipped(mut text: String) -> String {
    if text.len() > VALUE_BYTES_MAX {
        let end = text.floor_char_boundary(VALUE_BYTES_MAX);
        text.truncate(end);
        text.push_str("...");
    }
    text
}
