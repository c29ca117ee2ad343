//! The queries of the system views, in PostgreSQL's language, over the system tables.
//!
//! A file has one view after the other: a line `-- view NAME`, then its query. Columns go by their
//! place; their names and types are PostgreSQL's.

use std::collections::HashMap;
use std::sync::LazyLock;

const FILES: &[(&str, &str)] = &[
    ("pg_catalog", include_str!("view/pg_catalog.sql")),
    ("information_schema", include_str!("view/information_schema.sql")),
];

/// The query of a view.
pub(crate) fn query(schema: &str, name: &str) -> Option<&'static str> {
    static QUERIES: LazyLock<HashMap<(&str, &str), &str>> = LazyLock::new(|| {
        let of_file = |&(schema, text): &(&'static str, &'static str)| {
            text.split("-- view ").skip(1).filter_map(move |section| {
                let (name, query) = section.split_once('\n')?;
                Some(((schema, name.trim()), query.trim()))
            })
        };
        FILES.iter().flat_map(of_file).collect()
    });
    QUERIES.get(&(schema, name)).copied()
}
