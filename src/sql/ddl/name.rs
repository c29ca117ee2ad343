//! Names of new objects.

use std::collections::HashSet;

use crate::model::catalog::{Catalog, NAME_BYTES_MAX, plain_stored_name};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{Name, QualifiedName};
use crate::sql::bind::{Binder, at};
use crate::sql::ddl::user_type;
use crate::sql::lite::Expr;

/// A new relation's names.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NewName {
    pub(super) schema: String,
    pub(super) name: String,
    /// SQLite's.
    pub(super) stored: String,
}

impl NewName {
    /// The value of `relation_name`: NULL where the stored name says it all.
    pub(super) fn recorded(&self) -> Expr {
        if self.name == self.stored { Expr::Null } else { Expr::text(&self.name) }
    }
}

/// The schema that a new object goes to, and its own name.
///
/// # Errors
/// 3F000 for a schema that isn't there, or if the search path has none; 42501 for the system's own.
pub(super) fn new_object(
    name: &QualifiedName,
    binder: &Binder<'_>,
) -> Result<(String, String), Error> {
    let (schema, last) = binder.qualified(name)?;
    let schema = match schema {
        None => {
            binder.search_path().into_iter().find(|schema| *schema != "pg_catalog").ok_or_else(
                || {
                    let message = "no schema has been selected to create in";
                    at(Error::user(SqlState::INVALID_SCHEMA_NAME, message), last.position)
                },
            )?
        }
        Some(schema) => {
            let meant = binder.meant_schema(&schema.text);
            // The session's own is made with the first object in it.
            if meant != binder.settings.temporary_schema {
                existing_schema(schema, binder.catalog)?;
            }
            meant
        }
    };
    if matches!(schema, "pg_catalog" | "information_schema") {
        let message = format!("permission denied for schema {schema}");
        return Err(Error::user(SqlState::INSUFFICIENT_PRIVILEGE, message));
    }
    Ok((schema.to_owned(), last.text.clone()))
}

/// # Errors
/// 3F000.
pub(super) fn existing_schema(schema: &Name, catalog: &Catalog) -> Result<(), Error> {
    let system = matches!(schema.text.as_str(), "pg_catalog" | "information_schema");
    if system || catalog.schemas.contains_key(&schema.text) {
        return Ok(());
    }
    let message = format!("schema \"{}\" does not exist", schema.text);
    Err(at(Error::user(SqlState::INVALID_SCHEMA_NAME, message), schema.position))
}

/// The names of a new relation, which may be taken (see [`exists`]).
///
/// # Errors
/// As [`new_object`]; 42939 for names that belong to Eider or SQLite.
pub(super) fn new_relation(name: &QualifiedName, binder: &Binder<'_>) -> Result<NewName, Error> {
    let (schema, name) = new_object(name, binder)?;
    user_type::check_free(&schema, &name, binder.catalog)?;
    placed(schema, name, binder.catalog)
}

/// The names of a new relation of this schema.
///
/// # Errors
/// 42939.
pub(super) fn placed(schema: String, name: String, catalog: &Catalog) -> Result<NewName, Error> {
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("sqlite_") || lower.starts_with("_eider_") {
        let message = format!("unacceptable relation name \"{name}\"");
        return Err(Error::user(SqlState(*b"42939"), message)
            .with_detail("The prefixes \"sqlite_\" and \"_eider_\" are reserved."));
    }
    let stored = free_stored_name(plain_stored_name(&schema, &name), |candidate| {
        stored_names(catalog).any(|other| other.eq_ignore_ascii_case(candidate))
    });
    Ok(NewName { schema, name, stored })
}

/// The name, with a number where it is taken: SQLite knows neither schemas nor case.
pub(super) fn free_stored_name(plain: String, taken: impl Fn(&str) -> bool) -> String {
    let mut stored = plain.clone();
    let mut number = 2;
    while taken(&stored) {
        stored = format!("{plain}~{number}");
        number += 1;
    }
    stored
}

fn stored_names(catalog: &Catalog) -> impl Iterator<Item = &String> {
    catalog.tables.keys().chain(catalog.indexes.keys()).chain(catalog.sequences.keys())
}

/// Whether a table, index or sequence has this name.
pub(super) fn exists(catalog: &Catalog, name: &NewName) -> bool {
    catalog.relation(&name.schema, &name.name).is_some()
}

/// Chooses names for constraints, indexes and sequences as PostgreSQL does (`ChooseRelationName`).
#[derive(Debug)]
pub(super) struct Chooser<'a> {
    catalog: &'a Catalog,
    schema: String,
    taken: HashSet<String>,
    /// In lower case.
    stored: HashSet<String>,
}

impl<'a> Chooser<'a> {
    pub(super) fn new(catalog: &'a Catalog, schema: &str) -> Self {
        Self { catalog, schema: schema.to_owned(), taken: HashSet::new(), stored: HashSet::new() }
    }

    pub(super) fn claim(&mut self, name: &str) {
        self.taken.insert(name.to_owned());
        self.stored.insert(plain_stored_name(&self.schema, name).to_lowercase());
    }

    fn is_free(&self, name: &str) -> bool {
        !self.taken.contains(name)
            && self.catalog.relation(&self.schema, name).is_none()
            && !self.catalog.tables.values().any(|table| {
                table.schema == self.schema
                    && table.constraints.iter().any(|constraint| constraint.name == name)
            })
    }

    /// `table_columns_label`, with a number if that is taken.
    pub(super) fn choose(&mut self, table: &str, columns: &str, label: &str) -> String {
        let mut number = 0;
        loop {
            let suffix = if number == 0 { label.to_owned() } else { format!("{label}{number}") };
            let name = object_name(table, columns, &suffix);
            if self.is_free(&name) {
                self.taken.insert(name.clone());
                return name;
            }
            number += 1;
        }
    }

    /// All names of a relation of this schema that gets this one.
    pub(super) fn place(&mut self, name: &str) -> NewName {
        let stored = free_stored_name(plain_stored_name(&self.schema, name), |candidate| {
            self.stored.contains(&candidate.to_lowercase())
                || stored_names(self.catalog).any(|other| other.eq_ignore_ascii_case(candidate))
        });
        self.taken.insert(name.to_owned());
        self.stored.insert(stored.to_lowercase());
        NewName { schema: self.schema.clone(), name: name.to_owned(), stored }
    }
}

/// Joins name parts, shortening the longer of the first two until all fits (`makeObjectName`).
fn object_name(first: &str, second: &str, label: &str) -> String {
    let mut first = first.to_owned();
    let mut second = second.to_owned();
    let overhead = label.len() + 1 + usize::from(!second.is_empty());
    while first.len() + second.len() + overhead > NAME_BYTES_MAX {
        if first.len() > second.len() {
            first.pop()
        } else {
            second.pop()
        };
    }
    if second.is_empty() { format!("{first}_{label}") } else { format!("{first}_{second}_{label}") }
}
