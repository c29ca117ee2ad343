//! tsvector.

use Lowering::{Call, Compare};

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("tsvector = tsvector", Compare("=")), ("tsvector <> tsvector", Compare("<>")),
    ("length(tsvector)", Call("pg_tsvector_length")), ("strip(tsvector)", Call("pg_tsvector_strip")),
];
