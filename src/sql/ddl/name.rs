//! Names of new objects.

use std::collections::HashSet;

use crate::model::catalog::Catalog;
use crate::model::error::{Error, SqlState};
use crate::sql::ast::QualifiedName;
use crate::sql::bind::at;

/// Bytes of a name at the most.
const NAME_BYTES_MAX: usize = 63;

/// The bare name of a new relation.
///
/// # Errors
/// 3F000 for a schema that isn't there, 42939 for names that belong to Eider or SQLite, 0A000 for a
/// name that differs from an existing one by case only: SQLite takes them for the same.
pub(super) fn new_relation(name: &QualifiedName, catalog: &Catalog) -> Result<String, Error> {
    let (last, qualifiers) =
        name.split_last().ok_or_else(|| Error::internal("a name has parts"))?;
    match qualifiers {
        [] => {}
        [schema] if schema.text == "public" => {}
        [schema] if schema.text == "pg_catalog" => {
            return Err(Error::user(
                SqlState::INSUFFICIENT_PRIVILEGE,
                "permission denied to create a relation in pg_catalog",
            ));
        }
        [schema, ..] => {
            let message = format!("schema \"{}\" does not exist", schema.text);
            return Err(at(Error::user(SqlState::INVALID_SCHEMA_NAME, message), schema.position));
        }
    }
    let lower = last.text.to_ascii_lowercase();
    if lower.starts_with("sqlite_") || lower.starts_with("_eider_") {
        let message = format!("unacceptable relation name \"{}\"", last.text);
        return Err(at(
            Error::user(SqlState(*b"42939"), message)
                .with_detail("The prefixes \"sqlite_\" and \"_eider_\" are reserved."),
            last.position,
        ));
    }
    let other_case = relation_names(catalog)
        .find(|other| **other != last.text && other.eq_ignore_ascii_case(&last.text));
    if let Some(other) = other_case {
        return Err(Error::refused(format!(
            "relation \"{}\" would differ from \"{other}\" by case only, which is not supported",
            last.text
        )));
    }
    Ok(last.text.clone())
}

fn relation_names(catalog: &Catalog) -> impl Iterator<Item = &String> {
    catalog.tables.keys().chain(catalog.indexes.keys()).chain(catalog.sequences.keys())
}

/// Whether a table, index or sequence has this name.
pub(super) fn exists(catalog: &Catalog, name: &str) -> bool {
    relation_names(catalog).any(|other| other == name)
}

/// Chooses names for constraints, indexes and sequences as PostgreSQL does (`ChooseRelationName`).
#[derive(Debug)]
pub(super) struct Chooser<'a> {
    catalog: &'a Catalog,
    taken: HashSet<String>,
}

impl<'a> Chooser<'a> {
    pub(super) fn new(catalog: &'a Catalog) -> Self {
        Self { catalog, taken: HashSet::new() }
    }

    pub(super) fn claim(&mut self, name: &str) {
        self.taken.insert(name.to_lowercase());
    }

    fn is_free(&self, name: &str) -> bool {
        let lower = name.to_lowercase();
        !self.taken.contains(&lower)
            && !relation_names(self.catalog).any(|other| other.to_lowercase() == lower)
    }

    /// `table_columns_label`, with a number if that is taken.
    pub(super) fn choose(&mut self, table: &str, columns: &str, label: &str) -> String {
        let mut number = 0;
        loop {
            let suffix = if number == 0 { label.to_owned() } else { format!("{label}{number}") };
            let name = object_name(table, columns, &suffix);
            if self.is_free(&name) {
                self.claim(&name);
                return name;
            }
            number += 1;
        }
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
