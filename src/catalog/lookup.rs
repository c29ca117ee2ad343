//! Finding rows of the system tables by a key, for the functions that describe objects.

use crate::catalog::Contents;
use crate::catalog::cell::{Cell, Key, Rows};
use crate::catalog::definition::{SystemRelation, relation};
use crate::model::pg_type::Oid;

/// A row of a system table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'c> {
    relation: &'static SystemRelation,
    rows: &'c Rows,
    at: usize,
}

impl<'c> Row<'c> {
    fn cell(&self, column: &str) -> &'c Cell {
        let place = self.relation.column(column);
        debug_assert!(place.is_some(), "{} has no column {column}", self.relation.name);
        place.map_or(&Cell::Null, |place| self.rows.cell(self.at, place))
    }

    /// A text; empty for NULL.
    pub(crate) fn text(&self, column: &str) -> &'c str {
        match self.cell(column) {
            Cell::Text(text) => text,
            _ => "",
        }
    }

    /// A text, unless it is NULL.
    pub(crate) fn some_text(&self, column: &str) -> Option<&'c str> {
        match self.cell(column) {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn integer(&self, column: &str) -> i64 {
        match self.cell(column) {
            Cell::Integer(number) => *number,
            _ => 0,
        }
    }

    pub(crate) fn oid(&self, column: &str) -> Oid {
        u32::try_from(self.integer(column)).unwrap_or(0)
    }

    pub(crate) fn is_true(&self, column: &str) -> bool {
        self.integer(column) != 0
    }

    /// An array of numbers; empty for NULL.
    pub(crate) fn numbers(&self, column: &str) -> Vec<i64> {
        let text = self.text(column).trim_matches(['[', ']']);
        text.split(',').filter_map(|number| number.trim().parse().ok()).collect()
    }
}

impl Contents {
    /// The rows of a table of `pg_catalog` in which a column has a value.
    pub(crate) fn rows<'c>(
        &'c self,
        table: &str,
        column: &str,
        key: impl Into<Key>,
    ) -> impl Iterator<Item = Row<'c>> {
        let found = relation("pg_catalog", table);
        debug_assert!(found.is_some(), "there is no table {table}");
        let place = found.and_then(|relation| relation.column(column));
        let mut all = Vec::new();
        if let (Some(relation), Some(place)) = (found, place) {
            let key = key.into();
            for rows in [Self::fixed(relation), self.own(relation)] {
                let found = rows.find(place, &key).iter();
                all.extend(found.map(|at| Row { relation, rows, at: *at as usize }));
            }
        }
        all.into_iter()
    }

    /// The first of [`rows`](Self::rows).
    pub(crate) fn row<'c>(
        &'c self,
        table: &str,
        column: &str,
        key: impl Into<Key>,
    ) -> Option<Row<'c>> {
        self.rows(table, column, key).next()
    }
}
