//! Names of relations: which object one means, by the search path (manual, "The Schema Search Path").

use crate::model::catalog::{Relation, Sequence, TEMPORARY_PREFIX, Table};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::Oid;
use crate::sql::ast::{Name, QualifiedName};
use crate::sql::bind::{Binder, at};

impl<'a> Binder<'a> {
    /// The schemas that unqualified names are looked up in, those that exist, in their order.
    pub(crate) fn search_path(&self) -> Vec<&'a str> {
        let settings = self.settings;
        let path = settings.search_path.iter().map(|schema| match schema.as_str() {
            "$user" => settings.user.as_str(),
            "pg_temp" if settings.temporary_used => settings.temporary_schema.as_str(),
            other => other,
        });
        let exists = |schema: &&str| {
            self.catalog.schemas.contains_key(*schema)
                || matches!(*schema, "pg_catalog" | "information_schema")
        };
        path.filter(exists).collect()
    }

    /// The search path of relations: the session's temporary ones come first.
    pub(crate) fn relation_path(&self) -> Vec<&'a str> {
        let settings = self.settings;
        let mut path = self.search_path();
        let named = settings.search_path.iter().any(|schema| schema == "pg_temp");
        if settings.temporary_used && !named {
            path.insert(0, &settings.temporary_schema);
        }
        path
    }

    /// The schema that is meant by its written name: `pg_temp` is the session's own.
    pub(crate) fn meant_schema<'n>(&self, written: &'n str) -> &'n str
    where
        'a: 'n,
    {
        if written == "pg_temp" { &self.settings.temporary_schema } else { written }
    }

    /// What a name means in the name space of tables; `None` if nothing.
    ///
    /// # Errors
    /// 0A000 for a name of another database.
    pub(crate) fn relation(&self, name: &QualifiedName) -> Result<Option<Relation<'a>>, Error> {
        let (schema, last) = self.qualified(name)?;
        if is_hidden(&last.text) {
            return Ok(None);
        }
        let settings = self.settings;
        let found = match schema {
            Some(schema) if schema.text == "pg_temp" => {
                let own = settings.temporary_used.then_some(&settings.temporary_schema);
                own.and_then(|own| self.catalog.relation(own, &last.text))
            }
            Some(schema) => {
                let found = self.catalog.relation(&schema.text, &last.text);
                let other = schema.text.starts_with(TEMPORARY_PREFIX)
                    && schema.text != settings.temporary_schema;
                if other && found.is_some() {
                    let message = "cannot access temporary tables of other sessions";
                    return Err(at(Error::refused(message), schema.position));
                }
                found
            }
            None => self
                .relation_path()
                .into_iter()
                .find_map(|schema| self.catalog.relation(schema, &last.text)),
        };
        Ok(found)
    }

    /// The table, view or materialised view that a name means.
    ///
    /// # Errors
    /// 42P01; 42809 for an index or a sequence.
    pub(crate) fn table(&self, name: &QualifiedName) -> Result<&'a Table, Error> {
        if let Some(table) = self.framed_table(name) {
            return Ok(table);
        }
        match self.relation(name)? {
            Some(Relation::Table(table)) => Ok(table),
            Some(Relation::Index(_)) => Err(wrong_kind(name, "indexes")),
            Some(Relation::Sequence(_)) => Err(wrong_kind(name, "sequences")),
            None => Err(no_such_relation(name)),
        }
    }

    /// The same for a statement that opens it by itself: PostgreSQL looks for the schema first then, and
    /// says no position.
    ///
    /// # Errors
    /// 3F000; 42P01; 42809 for an index or a sequence.
    pub(crate) fn opened(&self, name: &QualifiedName) -> Result<&'a Table, Error> {
        self.table(name).map_err(|error| self.not_opened(name, error))
    }

    /// What such a statement says of a relation that isn't there.
    pub(crate) fn not_opened(&self, name: &QualifiedName, error: Error) -> Error {
        if error.state() == SqlState::UNDEFINED_TABLE { self.not_there(name) } else { error }
    }

    /// 3F000, or else 42P01, without a position.
    pub(crate) fn not_there(&self, name: &QualifiedName) -> Error {
        self.no_such_schema(name).unwrap_or_else(|| {
            let mut error = no_such_relation(name);
            error.fields_mut().position = None;
            error
        })
    }

    /// 3F000 if the schema that a name has isn't there.
    pub(crate) fn no_such_schema(&self, name: &QualifiedName) -> Option<Error> {
        let (schema, _) = self.qualified(name).ok()?;
        self.no_schema(&schema?.text)
    }

    /// 3F000 for a schema that isn't there.
    pub(super) fn no_schema(&self, schema: &str) -> Option<Error> {
        let known = matches!(schema, "pg_catalog" | "information_schema" | "pg_temp")
            || self.catalog.schemas.contains_key(schema);
        let message = format!("schema \"{schema}\" does not exist");
        (!known).then(|| Error::user(SqlState::INVALID_SCHEMA_NAME, message))
    }

    /// The schema, if one is written, and the last part of a name.
    ///
    /// # Errors
    /// 0A000 for a name of another database.
    pub(crate) fn qualified<'n>(
        &self,
        name: &'n QualifiedName,
    ) -> Result<(Option<&'n Name>, &'n Name), Error> {
        match name.as_slice() {
            [last] => Ok((None, last)),
            [schema, last] => Ok((Some(schema), last)),
            [database, schema, last] if database.text == self.settings.database => {
                Ok((Some(schema), last))
            }
            _ => Err(at(
                Error::refused(format!(
                    "cross-database references are not implemented: \"{}\"",
                    label(name)
                )),
                name.first().map_or(0, |part| part.position),
            )),
        }
    }

    /// The sequence that a text names, as `regclass` reads it: `s`, `schema.s`, `"S"`.
    ///
    /// # Errors
    /// 42P01; 42809 for what isn't a sequence.
    pub(crate) fn sequence_named(&self, text: &str) -> Result<&'a Sequence, Error> {
        let name: QualifiedName =
            split_name(text).into_iter().map(|text| Name { text, position: 0 }).collect();
        match self.relation(&name)? {
            Some(Relation::Sequence(sequence)) => Ok(sequence),
            Some(_) => Err(Error::user(
                SqlState::WRONG_OBJECT_TYPE,
                format!("\"{}\" is not a sequence", label(&name)),
            )),
            None => Err(no_such_relation(&name)),
        }
    }

    /// The sequence that a column takes its values from.
    pub(crate) fn sequence_of(&self, oid: Option<Oid>) -> Option<&'a Sequence> {
        oid.and_then(|oid| self.catalog.sequence_by_oid(oid)).map(AsRef::as_ref)
    }
}

/// The parts of a name in a text: folded unless quoted.
pub(crate) fn split_name(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut characters = text.trim().chars().peekable();
    while let Some(character) = characters.next() {
        let last = parts.last_mut().expect("there is always a part");
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                last.push('"');
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            other if quoted => last.push(other),
            other => last.extend(other.to_lowercase()),
        }
    }
    parts
}

/// Eider's own tables and SQLite's are not PostgreSQL's to see.
fn is_hidden(name: &str) -> bool {
    name.starts_with("_eider_") || name.to_ascii_lowercase().starts_with("sqlite_")
}

fn wrong_kind(name: &QualifiedName, kinds: &str) -> Error {
    at(
        Error::user(
            SqlState::WRONG_OBJECT_TYPE,
            format!("cannot open relation \"{}\"", name.last().map_or("", |last| &last.text)),
        )
        .with_detail(format!("This operation is not supported for {kinds}.")),
        name.first().map_or(0, |part| part.position),
    )
}

/// A name as it is written in messages.
pub(crate) fn label(name: &QualifiedName) -> String {
    name.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(".")
}

/// 42P01 `relation "x" does not exist`.
pub(crate) fn no_such_relation(name: &QualifiedName) -> Error {
    at(
        Error::user(
            SqlState::UNDEFINED_TABLE,
            format!("relation \"{}\" does not exist", label(name)),
        ),
        name.first().map_or(0, |part| part.position),
    )
}
