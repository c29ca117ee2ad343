//! Range types (`pg_range`).

use std::sync::LazyLock;

use crate::model::pg_type::Oid;
use crate::pgdata::relation::Reader;

/// A row of `pg_range`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RangeType {
    /// `rngtypid`.
    pub oid: Oid,
    /// `rngsubtype`: the type of the bounds.
    pub subtype: Oid,
    /// `rngmultitypid`.
    pub multirange: Oid,
    /// Whether a value of the subtype has a next one (`rngcanonical`).
    pub is_discrete: bool,
}

static RANGES: LazyLock<Vec<RangeType>> = LazyLock::new(|| {
    let reader = Reader::new("pg_range");
    let (oid, subtype) = (reader.at("rngtypid"), reader.at("rngsubtype"));
    let (multirange, canonical) = (reader.at("rngmultitypid"), reader.at("rngcanonical"));
    let read = |row: super::Row| RangeType {
        oid: row.oid(oid),
        subtype: row.oid(subtype),
        multirange: row.oid(multirange),
        is_discrete: row.oid(canonical) != 0,
    };
    reader.rows().map(read).collect()
});

/// The range type with this OID.
pub fn range_type(oid: Oid) -> Option<&'static RangeType> {
    RANGES.iter().find(|known| known.oid == oid)
}

/// The range type whose multirange type has this OID.
pub fn range_of_multirange(oid: Oid) -> Option<&'static RangeType> {
    RANGES.iter().find(|known| known.multirange == oid)
}
