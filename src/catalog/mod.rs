//! PostgreSQL's system catalogs, `pg_catalog` and `information_schema`, as relations with rows.
//!
//! `definition` says which relations there are and what columns they have; `fixed` has the rows that
//! every PostgreSQL has; `own` makes those that a database's own objects add; `view` has the queries
//! of those that are views over others. `name` and `describe` are what functions over the catalogs
//! need: how objects are found, called and defined.
//!
//! Pure: the rows are a function of PostgreSQL's own data and of one `model::Catalog`. They are made
//! when a relation is first read, and kept as long as that catalog is.

pub mod acl;
mod cell;
mod code;
mod definition;
mod describe;
mod fixed;
mod lookup;
mod name;
mod own;
pub mod rights;
mod types;
mod view;

use std::sync::{Arc, LazyLock, OnceLock};

use crate::model::catalog::Catalog;

pub use cell::{Cell, Key, Rows};
pub use definition::{PREFIX, Source, SystemColumn, SystemRelation, relation, relations};
pub use describe::Deparse;
pub use name::{Kind, SearchPath};
pub use own::role::{SUPERUSER, public_list, role_oid};
pub(crate) use own::user_type::{array_of_rows, row_type};
pub(crate) use types::{default_operator_class, named_operator_class};

/// The OID of a language that functions are written in.
pub fn language_oid(name: &str) -> Option<crate::model::pg_type::Oid> {
    let mut all = fixed::records("pg_language");
    all.find(|row| row.text("lanname") == name).map(|row| row.oid("oid"))
}

/// The rows of all system tables for one state of a database's schema.
#[derive(Debug)]
pub struct Contents {
    catalog: Arc<Catalog>,
    deparse: Option<Arc<dyn Deparse>>,
    own: Vec<OnceLock<Rows>>,
}

impl Contents {
    pub fn new(catalog: Arc<Catalog>, deparse: Option<Arc<dyn Deparse>>) -> Self {
        Self { catalog, deparse, own: relations().iter().map(|_| OnceLock::new()).collect() }
    }

    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// The rows that every database has.
    pub fn fixed(relation: &'static SystemRelation) -> &'static Rows {
        static EMPTY: LazyLock<Rows> = LazyLock::new(Rows::default);
        if relation.source == Source::Table { fixed::rows(relation) } else { &EMPTY }
    }

    /// The rows that this database adds.
    pub fn own(&self, relation: &'static SystemRelation) -> &Rows {
        self.own[relation.place].get_or_init(|| own::rows(relation, self))
    }
}
