//! Casts (`pg_cast`).

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::model::pg_type::Oid;
use crate::pgdata::relation::Reader;

/// A row of `pg_cast`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cast {
    pub oid: Oid,
    pub source: Oid,
    /// The same as `source` for a cast that applies a length or precision.
    pub target: Oid,
    pub method: CastMethod,
    pub context: CastContext,
}

/// `castmethod`, with `castfunc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CastMethod {
    Function(Oid),
    /// The value is the same in both types.
    Binary,
    /// Through the text form.
    Text,
}

/// `castcontext`: where it is made without being asked for. Ordered: what is allowed in a context
/// is allowed in those after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CastContext {
    Implicit,
    Assignment,
    Explicit,
}

#[derive(Debug)]
struct Casts {
    all: Vec<Cast>,
    places: HashMap<(Oid, Oid), u16>,
}

static CASTS: LazyLock<Casts> = LazyLock::new(|| {
    let reader = Reader::new("pg_cast");
    let at = |name| reader.at(name);
    let (oid, source, target) = (at("oid"), at("castsource"), at("casttarget"));
    let (function, context, method) = (at("castfunc"), at("castcontext"), at("castmethod"));
    let read = |row: super::Row| Cast {
        oid: row.oid(oid),
        source: row.oid(source),
        target: row.oid(target),
        method: match row.byte(method) {
            b'f' => CastMethod::Function(row.oid(function)),
            b'b' => CastMethod::Binary,
            _ => CastMethod::Text,
        },
        context: match row.byte(context) {
            b'i' => CastContext::Implicit,
            b'a' => CastContext::Assignment,
            _ => CastContext::Explicit,
        },
    };
    let all: Vec<Cast> = reader.rows().map(read).collect();
    let places = all.iter().zip(0_u16..).map(|(known, at)| ((known.source, known.target), at));
    let places = places.collect();
    Casts { all, places }
});

/// All casts, by source and target.
pub fn casts() -> &'static [Cast] {
    &CASTS.all
}

/// The cast from one type to another.
pub fn cast(source: Oid, target: Oid) -> Option<&'static Cast> {
    CASTS.places.get(&(source, target)).map(|at| &CASTS.all[usize::from(*at)])
}
