//! The rows that PostgreSQL's catalogs are born with, as `pgdata` has them.

use std::borrow::Cow;
use std::sync::{LazyLock, OnceLock};

use crate::catalog::cell::{Cell, Rows};
use crate::catalog::definition::{SystemRelation, relations};
use crate::datum::{self, Style};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::pgdata;

/// A row whose fields are asked for by name.
#[derive(Debug)]
pub(crate) struct Record {
    relation: &'static pgdata::Relation,
    row: pgdata::Row,
}

impl Record {
    /// A field's text form; empty for NULL, and for a column that isn't there.
    pub(crate) fn text(&self, column: &str) -> Cow<'static, str> {
        let place = self.relation.column(column);
        place.and_then(|place| self.row.text(place)).unwrap_or_default()
    }

    /// A field that is a number; 0 for anything else.
    pub(crate) fn oid(&self, column: &str) -> Oid {
        self.text(column).parse().unwrap_or(0)
    }
}

/// The rows of a catalog; none for one that is born empty.
pub(crate) fn records(catalog: &str) -> impl Iterator<Item = Record> {
    let relation = pgdata::relation(catalog);
    let rows = relation.into_iter().flat_map(|relation| relation.rows());
    rows.filter_map(move |row| Some(Record { relation: relation?, row }))
}

/// The fixed rows of a system table.
pub(crate) fn rows(relation: &'static SystemRelation) -> &'static Rows {
    static ROWS: LazyLock<Vec<OnceLock<Rows>>> =
        LazyLock::new(|| relations().iter().map(|_| OnceLock::new()).collect());
    ROWS[relation.place].get_or_init(|| load(relation))
}

fn load(relation: &'static SystemRelation) -> Rows {
    let mut cells = Vec::new();
    if let Some(data) = pgdata::relation(relation.name) {
        let places: Vec<Option<usize>> =
            relation.columns.iter().map(|column| data.column(column.name)).collect();
        let name = data.column("nspname");
        for row in data.rows() {
            // `public` is the database's own: it can be granted on, and dropped.
            if name.and_then(|place| row.text(place)).is_some_and(|name| name == "public") {
                continue;
            }
            for (column, place) in relation.columns.iter().zip(&places) {
                let field = place.and_then(|place| row.text(place));
                cells.push(field.map_or(Cell::Null, |field| cell(column.data_type, field)));
            }
        }
    }
    Rows::new(relation.columns.len(), cells)
}

/// A field in the stored form of its column's type.
fn cell(data_type: PgType, field: Cow<'static, str>) -> Cell {
    match data_type.oid {
        // boolean
        16 => Cell::from(field == "t"),
        // int8, int2, int4, regproc, oid, xid
        20 | 21 | 23 | 24 | 26 | 28 => field.parse::<i64>().map_or(Cell::Null, Cell::Integer),
        // float4, float8
        700 | 701 => field.parse().map_or(Cell::Null, Cell::Real),
        // int2vector, oidvector
        22 | 30 => Cell::numbers(field.split_ascii_whitespace()),
        // "char"[], int2[], text[], oid[]
        1002 | 1005 | 1009 | 1028 => array(data_type, &field),
        // aclitem[]: rights as PostgreSQL writes them
        1034 => array(PgType::TEXT_ARRAY, &field),
        _ => Cell::Text(field),
    }
}

fn array(data_type: PgType, text: &str) -> Cell {
    let data_type = if data_type.oid == 1002 { PgType::TEXT_ARRAY } else { data_type };
    match datum::from_text(data_type, text, &Style::default()) {
        Ok(Value::Text(stored)) => stored.into(),
        _ => Cell::Null,
    }
}
