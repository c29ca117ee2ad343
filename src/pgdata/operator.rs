//! Operators (`pg_operator`).

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use crate::model::pg_type::Oid;
use crate::pgdata::relation::Reader;

/// A row of `pg_operator`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    pub oid: Oid,
    pub name: &'static str,
    /// `oprleft`; 0 for a prefix operator.
    pub left: Oid,
    /// `oprright`.
    pub right: Oid,
    /// `oprresult`.
    pub result: Oid,
    /// `oprcode`: the function that does it.
    pub function: Oid,
    /// `oprcom`: the one with its operands exchanged, or 0.
    pub commutator: Oid,
    /// `oprnegate`: the one that is true where it is false, or 0.
    pub negator: Oid,
}

#[derive(Debug)]
struct Operators {
    /// By name, then OID.
    all: Vec<Operator>,
    by_oid: HashMap<Oid, u16>,
    by_name: HashMap<&'static str, Range<u16>>,
}

static OPERATORS: LazyLock<Operators> = LazyLock::new(|| {
    let reader = Reader::new("pg_operator");
    let at = |name| reader.at(name);
    let (oid, name, left, right) = (at("oid"), at("oprname"), at("oprleft"), at("oprright"));
    let (result, function) = (at("oprresult"), at("oprcode"));
    let (commutator, negator) = (at("oprcom"), at("oprnegate"));
    let read = |row: super::Row| Operator {
        oid: row.oid(oid),
        name: row.plain(name),
        left: row.oid(left),
        right: row.oid(right),
        result: row.oid(result),
        function: row.oid(function),
        commutator: row.oid(commutator),
        negator: row.oid(negator),
    };
    let mut all: Vec<Operator> = reader.rows().map(read).collect();
    all.sort_by_key(|known| (known.name, known.oid));
    let by_oid = all.iter().zip(0_u16..).map(|(known, at)| (known.oid, at)).collect();
    let mut by_name: HashMap<&'static str, Range<u16>> = HashMap::new();
    for (known, at) in all.iter().zip(0_u16..) {
        by_name.entry(known.name).or_insert(at..at).end = at + 1;
    }
    Operators { all, by_oid, by_name }
});

/// All operators, by name.
pub fn operators() -> &'static [Operator] {
    &OPERATORS.all
}

pub fn operator(oid: Oid) -> Option<&'static Operator> {
    OPERATORS.by_oid.get(&oid).map(|at| &OPERATORS.all[usize::from(*at)])
}

/// The operators of this name, prefix and binary.
pub fn operators_named(name: &str) -> &'static [Operator] {
    match OPERATORS.by_name.get(name) {
        Some(range) => &OPERATORS.all[usize::from(range.start)..usize::from(range.end)],
        None => &[],
    }
}
