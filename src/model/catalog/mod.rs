//! A database's objects as one schema version has them: tables, indexes, sequences, types, schemas.
//!
//! Made from `sqlite_schema` and Eider's own `_eider_*` tables, so that tables made by either API
//! are seen by both.
//!
//! A relation has two names. `name` is PostgreSQL's, exact to the letter, inside its schema. `stored`
//! is SQLite's, which knows no schemas and takes `T` and `t` for the same: that of a relation in
//! `public` is its name, of another schema's `schema.name`, and a number is added where that is taken.
//! Columns have two names for the same reason. What goes to SQLite uses `stored`, what goes to a
//! client uses `name`.

mod object;
mod relation;

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::id::SchemaVersion;
use crate::model::pg_type::Oid;

pub use object::{
    Attribute, Comment, DefaultPrivilege, DomainConstraint, EnumLabel, Extension, Function,
    FunctionParameter, Owner, Privilege, RangeOf, Role, Schema, Trigger, UserType, UserTypeKind,
};
pub use relation::{
    Binding, Column, Constraint, ConstraintKind, Identity, Index, IndexKey, KeyActions, Sequence,
    Table, TableKind, View,
};

/// A name has at most this many bytes (PostgreSQL's `NAMEDATALEN` less one); longer ones are cut.
pub const NAME_BYTES_MAX: usize = 63;

/// SQLite's only column of a table that has none: SQLite wants one.
pub const PLACEHOLDER: &str = "_eider_no_column";

/// The schema that relations are in which plain SQLite statements made.
pub const PUBLIC: &str = "public";

/// Begins the names of the schemas that hold one session's temporary objects each.
pub const TEMPORARY_PREFIX: &str = "pg_temp_";

/// Everything that names can refer to. Immutable: a schema change makes a new one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Catalog {
    pub schema: SchemaVersion,
    /// By stored name.
    pub tables: HashMap<String, Arc<Table>>,
    /// By stored name.
    pub indexes: HashMap<String, Arc<Index>>,
    /// By stored name.
    pub sequences: HashMap<String, Arc<Sequence>>,
    /// By name; `pg_catalog` and `information_schema` are not among them.
    pub schemas: HashMap<String, Arc<Schema>>,
    /// Enums, domains and composite types, by OID.
    pub types: HashMap<Oid, Arc<UserType>>,
    /// By OID.
    pub functions: HashMap<Oid, Arc<Function>>,
    /// By OID.
    pub triggers: HashMap<Oid, Arc<Trigger>>,
    pub comments: Vec<Comment>,
    pub extensions: Vec<Extension>,
    pub roles: Vec<Role>,
    pub owners: Vec<Owner>,
    pub privileges: Vec<Privilege>,
    pub default_privileges: Vec<DefaultPrivilege>,
    /// The next OID to hand out (never reused).
    pub next_oid: Oid,
    /// Whether a relation's stored name is another than [`plain_stored_name`] says.
    pub renumbered: bool,
}

/// Something in the name space of tables.
#[derive(Debug, Clone, Copy)]
pub enum Relation<'c> {
    Table(&'c Arc<Table>),
    Index(&'c Arc<Index>),
    Sequence(&'c Arc<Sequence>),
}

impl Relation<'_> {
    pub fn oid(self) -> Oid {
        match self {
            Self::Table(table) => table.oid,
            Self::Index(index) => index.oid,
            Self::Sequence(sequence) => sequence.oid,
        }
    }
}

/// The stored name of a relation where nothing else has it.
pub fn plain_stored_name(schema: &str, name: &str) -> String {
    if schema == PUBLIC { name.to_owned() } else { format!("{schema}.{name}") }
}

impl Catalog {
    /// The table, view or materialised view of this name.
    pub fn table(&self, schema: &str, name: &str) -> Option<&Arc<Table>> {
        self.find(&self.tables, schema, name, |table| (&table.schema, &table.name))
    }

    pub fn index(&self, schema: &str, name: &str) -> Option<&Arc<Index>> {
        self.find(&self.indexes, schema, name, |index| (&index.schema, &index.name))
    }

    pub fn sequence(&self, schema: &str, name: &str) -> Option<&Arc<Sequence>> {
        self.find(&self.sequences, schema, name, |sequence| (&sequence.schema, &sequence.name))
    }

    fn find<'c, T>(
        &self,
        among: &'c HashMap<String, Arc<T>>,
        schema: &str,
        name: &str,
        names: impl Fn(&T) -> (&String, &String),
    ) -> Option<&'c Arc<T>> {
        let is = |found: &&Arc<T>| names(found) == (&schema.to_owned(), &name.to_owned());
        let plain = if schema == PUBLIC {
            among.get(name)
        } else {
            among.get(&plain_stored_name(schema, name))
        };
        match plain.filter(is) {
            Some(found) => Some(found),
            None if self.renumbered => among.values().find(is),
            None => None,
        }
    }

    /// Whether a statement that was compiled for this catalog, and that reads and writes rows of one
    /// table alone, means the same in a later one. `table` is its stored name.
    pub fn is_same_for(&self, later: &Self, table: &str) -> bool {
        let indexes = |catalog: &Self| {
            let mut of_table: Vec<_> =
                catalog.indexes.values().filter(|index| index.table == table).cloned().collect();
            of_table.sort_by_key(|index| index.oid);
            of_table
        };
        let references = |catalog: &Self| {
            let all = catalog.tables.values().flat_map(|table| &table.constraints);
            let to_table = |kind: &ConstraintKind| matches!(kind, ConstraintKind::ForeignKey { table: target, .. } if target == table);
            all.filter(|constraint| to_table(&constraint.kind)).count()
        };
        let triggers = |catalog: &Self| {
            catalog.triggers.values().filter(|trigger| trigger.table == table).count()
        };
        // Domains, and what a CHECK calls: all that was there must be as it was.
        let kept = |oid: &Oid, before: &Arc<UserType>| later.types.get(oid) == Some(before);
        self.tables.get(table).is_some_and(|before| later.tables.get(table) == Some(before))
            && indexes(self) == indexes(later)
            && references(self) == references(later)
            && triggers(self) == triggers(later)
            && self.types.iter().all(|(oid, before)| kept(oid, before))
            && self.functions.iter().all(|(oid, old)| later.functions.get(oid) == Some(old))
    }

    /// Whatever has this name in the name space of tables.
    pub fn relation(&self, schema: &str, name: &str) -> Option<Relation<'_>> {
        self.table(schema, name)
            .map(Relation::Table)
            .or_else(|| self.index(schema, name).map(Relation::Index))
            .or_else(|| self.sequence(schema, name).map(Relation::Sequence))
    }

    pub fn table_by_oid(&self, oid: Oid) -> Option<&Arc<Table>> {
        self.tables.values().find(|table| table.oid == oid)
    }

    pub fn sequence_by_oid(&self, oid: Oid) -> Option<&Arc<Sequence>> {
        self.sequences.values().find(|sequence| sequence.oid == oid)
    }

    /// The enum, domain or composite type of this name.
    pub fn user_type(&self, schema: &str, name: &str) -> Option<&Arc<UserType>> {
        self.types.values().find(|known| known.schema == schema && known.name == name)
    }

    /// The indexes of a table, in the order of their OIDs.
    pub fn indexes_of(&self, table: &Table) -> Vec<&Arc<Index>> {
        let mut found: Vec<_> =
            self.indexes.values().filter(|index| index.table == table.stored).collect();
        found.sort_unstable_by_key(|index| index.oid);
        found
    }

    /// Foreign keys that refer to this table, with their tables; by OID.
    pub fn referencing(&self, table: &Table) -> Vec<(&Arc<Table>, &Constraint)> {
        let mut found: Vec<_> = self
            .tables
            .values()
            .flat_map(|other| other.constraints.iter().map(move |constraint| (other, constraint)))
            .filter(|(_, constraint)| {
                matches!(&constraint.kind, ConstraintKind::ForeignKey { table: foreign, .. }
                    if *foreign == table.stored)
            })
            .collect();
        found.sort_unstable_by_key(|(_, constraint)| constraint.oid);
        found
    }

    /// Notes whether stored names can be told from names alone.
    pub fn note_stored_names(&mut self) {
        let plain = |schema: &str, name: &str, stored: &str| {
            if schema == PUBLIC {
                name == stored
            } else {
                plain_stored_name(schema, name) == stored
            }
        };
        self.renumbered =
            !(self.tables.values().all(|table| plain(&table.schema, &table.name, &table.stored))
                && self.indexes.values().all(|one| plain(&one.schema, &one.name, &one.stored))
                && self.sequences.values().all(|one| plain(&one.schema, &one.name, &one.stored)));
    }
}
