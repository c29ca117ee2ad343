//! The system relations: which there are, their columns, and where their rows come from.
//!
//! Names, OIDs, columns and types are PostgreSQL's own (`pgdata`). A *table* has rows that `fixed`
//! and `own` make. A *view* is a query in PostgreSQL's language over other relations, compiled like
//! any other query. Nothing is in both.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use crate::catalog::{fixed, view};
use crate::model::pg_type::{Oid, PgType};
use crate::pgdata;

/// Begins the names that SQLite knows the system tables and the functions over them by.
pub const PREFIX: &str = "_eider_pg_";

/// A column of a system relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemColumn {
    pub name: &'static str,
    /// Domains stand as what they are over.
    pub data_type: PgType,
    /// The type that PostgreSQL records, which may be a domain.
    pub declared: PgType,
    pub not_null: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Table,
    /// Its query.
    View(&'static str),
    /// What only the session or the node knows: see `catalog::session`.
    Session,
    /// Valid in PostgreSQL, and not here.
    Missing,
}

/// A relation of `pg_catalog` or `information_schema`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemRelation {
    /// Its place in [`relations`].
    pub place: usize,
    pub oid: Oid,
    pub schema: &'static str,
    pub name: &'static str,
    pub source: Source,
    pub columns: Vec<SystemColumn>,
}

impl SystemRelation {
    /// Its name in SQLite, where it is a table.
    pub fn physical_name(&self) -> String {
        format!("{PREFIX}{}", self.name.strip_prefix("pg_").unwrap_or(self.name))
    }

    /// The place of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// All system relations, by OID.
pub fn relations() -> &'static [SystemRelation] {
    static RELATIONS: LazyLock<Vec<SystemRelation>> = LazyLock::new(load);
    &RELATIONS
}

/// The system relation of this name in this schema.
pub fn relation(schema: &str, name: &str) -> Option<&'static SystemRelation> {
    static BY_NAME: LazyLock<HashMap<(&str, &str), usize>> = LazyLock::new(|| {
        let named =
            |relation: &'static SystemRelation| ((relation.schema, relation.name), relation.place);
        relations().iter().map(named).collect()
    });
    BY_NAME.get(&(schema, name)).map(|place| &relations()[*place])
}

/// Catalogs that have no rows here, since there are no such objects.
const ALWAYS_EMPTY: &[&str] = &[
    "pg_available_extension_versions",
    "pg_file_settings",
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "pg_policies",
    "pg_prepared_xacts",
    "pg_publication_tables",
    "pg_replication_origin_status",
    "pg_replication_slots",
    "pg_rules",
    "pg_seclabels",
    "pg_shmem_allocations",
    "pg_stat_gssapi",
    "pg_stat_progress_analyze",
    "pg_stat_progress_basebackup",
    "pg_stat_progress_cluster",
    "pg_stat_progress_copy",
    "pg_stat_progress_create_index",
    "pg_stat_progress_vacuum",
    "pg_stat_replication",
    "pg_stat_replication_slots",
    "pg_stat_subscription",
    "pg_stat_subscription_stats",
    "pg_stat_wal_receiver",
    "pg_stats",
    "pg_stats_ext",
    "pg_stats_ext_exprs",
];

/// Relations whose rows the session makes for each statement.
const OF_THE_SESSION: &[&str] =
    &["pg_cursors", "pg_database", "pg_prepared_statements", "pg_settings", "pg_stat_activity"];

fn load() -> Vec<SystemRelation> {
    let mut columns = columns();
    let mut relations = Vec::new();
    for row in fixed::records("pg_class") {
        let kind = row.text("relkind");
        let (true, Cow::Borrowed(name)) = (matches!(&*kind, "r" | "v"), row.text("relname")) else {
            continue;
        };
        let own = row.oid("relnamespace") == pgdata::PG_CATALOG;
        let schema = if own { "pg_catalog" } else { "information_schema" };
        let oid = row.oid("oid");
        let source = if own && OF_THE_SESSION.contains(&name) {
            Source::Session
        } else if let Some(query) = view::query(schema, name) {
            Source::View(query)
        } else if own && (kind == "r" || ALWAYS_EMPTY.contains(&name)) {
            Source::Table
        } else {
            Source::Missing
        };
        let columns = columns.remove(&oid).unwrap_or_default();
        relations.push(SystemRelation { place: 0, oid, schema, name, source, columns });
    }
    relations.sort_by_key(|relation| relation.oid);
    for (place, relation) in relations.iter_mut().enumerate() {
        relation.place = place;
    }
    relations
}

/// The columns of each relation, by its OID.
fn columns() -> HashMap<Oid, Vec<SystemColumn>> {
    let domains: HashMap<Oid, PgType> = fixed::records("pg_type")
        .filter(|row| row.text("typtype") == "d")
        .map(|row| {
            let modifier = row.text("typtypmod").parse().unwrap_or(-1);
            (row.oid("oid"), PgType { oid: row.oid("typbasetype"), modifier })
        })
        .collect();
    let mut columns: HashMap<Oid, Vec<SystemColumn>> = HashMap::new();
    for row in fixed::records("pg_attribute") {
        // Negative numbers are the system columns', the same in every relation.
        let (true, Cow::Borrowed(name)) = (row.oid("attnum") > 0, row.text("attname")) else {
            continue;
        };
        let modifier = row.text("atttypmod").parse().unwrap_or(-1);
        let declared = PgType { oid: row.oid("atttypid"), modifier };
        columns.entry(row.oid("attrelid")).or_default().push(SystemColumn {
            name,
            data_type: domains.get(&declared.oid).copied().unwrap_or(declared),
            declared,
            not_null: row.text("attnotnull") == "t",
        });
    }
    columns
}
