//! Types (`pg_type`).

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::model::pg_type::Oid;
use crate::pgdata::relation::Reader;
use crate::pgdata::{PG_CATALOG, label};

/// A row of `pg_type`.
#[derive(Debug)]
pub struct Type {
    pub oid: Oid,
    /// `typname`.
    pub name: &'static str,
    /// `typnamespace`.
    pub namespace: Oid,
    /// `typlen`: bytes, or -1 (varying), or -2 (a C string).
    pub length: i16,
    pub kind: TypeKind,
    /// `typcategory`.
    pub category: u8,
    /// `typispreferred`.
    pub is_preferred: bool,
    /// `typdelim`: between the elements of an array of this type.
    pub delimiter: u8,
    /// `typrelid`: the relation whose row this is, or 0.
    pub relation: Oid,
    /// `typelem`: what its values can be subscripted to; also set for `name`, `point` and the like.
    pub element: Oid,
    /// `typarray`: the array of this type, or 0.
    pub array: Oid,
    /// Whether it is a true array (`typsubscript` is `array_subscript_handler`).
    pub is_array: bool,
    /// `typstorage`: `p` (plain), `e`, `m` or `x`.
    pub storage: u8,
    /// `typbasetype`: what a domain is over, or 0.
    pub base: Oid,
    /// `typcollation`: not 0 where values have a collation.
    pub collation: Oid,
    /// `typinput`.
    pub input: Oid,
    /// `typoutput`.
    pub output: Oid,
    /// The name that SQL and messages use: `integer`, `character varying[]`.
    pub label: Box<str>,
}

/// `typtype`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeKind {
    Base,
    Composite,
    Domain,
    Enum,
    Pseudo,
    Range,
    Multirange,
}

#[derive(Debug)]
struct Types {
    /// By OID.
    all: Vec<Type>,
    by_oid: HashMap<Oid, u16>,
    /// Those of `pg_catalog`.
    by_name: HashMap<&'static str, u16>,
}

static TYPES: LazyLock<Types> = LazyLock::new(|| {
    let mut all = load();
    let labels: Vec<Box<str>> = all.iter().map(|known| label::label_of(known, &all)).collect();
    for (known, label) in all.iter_mut().zip(labels) {
        known.label = label;
    }
    let numbered = || all.iter().zip(0_u16..);
    let by_oid = numbered().map(|(known, at)| (known.oid, at)).collect();
    let visible = numbered().filter(|(known, _)| known.namespace == PG_CATALOG);
    let by_name = visible.map(|(known, at)| (known.name, at)).collect();
    Types { all, by_oid, by_name }
});

/// `array_subscript_handler`.
const ARRAY_SUBSCRIPTS: Oid = 6179;

fn load() -> Vec<Type> {
    let reader = Reader::new("pg_type");
    let at = |name| reader.at(name);
    let (oid, name, namespace, length) =
        (at("oid"), at("typname"), at("typnamespace"), at("typlen"));
    let (kind, category, preferred) = (at("typtype"), at("typcategory"), at("typispreferred"));
    let (delimiter, relation, element) = (at("typdelim"), at("typrelid"), at("typelem"));
    let (array, subscript, base) = (at("typarray"), at("typsubscript"), at("typbasetype"));
    let (collation, input, output) = (at("typcollation"), at("typinput"), at("typoutput"));
    let storage = at("typstorage");
    let read = |row: super::Row| Type {
        oid: row.oid(oid),
        name: row.plain(name),
        namespace: row.oid(namespace),
        length: row.plain(length).parse().expect("typlen is a number"),
        kind: match row.byte(kind) {
            b'c' => TypeKind::Composite,
            b'd' => TypeKind::Domain,
            b'e' => TypeKind::Enum,
            b'p' => TypeKind::Pseudo,
            b'r' => TypeKind::Range,
            b'm' => TypeKind::Multirange,
            _ => TypeKind::Base,
        },
        category: row.byte(category),
        is_preferred: row.is_true(preferred),
        delimiter: row.byte(delimiter),
        relation: row.oid(relation),
        element: row.oid(element),
        array: row.oid(array),
        is_array: row.oid(subscript) == ARRAY_SUBSCRIPTS,
        storage: row.byte(storage),
        base: row.oid(base),
        collation: row.oid(collation),
        input: row.oid(input),
        output: row.oid(output),
        label: "".into(),
    };
    reader.rows().map(read).collect()
}

/// All types, by OID.
pub fn types() -> &'static [Type] {
    &TYPES.all
}

pub fn type_by_oid(oid: Oid) -> Option<&'static Type> {
    TYPES.by_oid.get(&oid).map(|at| &TYPES.all[usize::from(*at)])
}

/// The type of this `typname` in `pg_catalog`.
pub fn type_by_name(name: &str) -> Option<&'static Type> {
    TYPES.by_name.get(name).map(|at| &TYPES.all[usize::from(*at)])
}
