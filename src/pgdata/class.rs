//! How types are compared (`pg_opclass`, `pg_amop`), and the names of PostgreSQL's own relations.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::model::pg_type::Oid;
use crate::pgdata::relation::Reader;

const BTREE: Oid = 403;
const HASH: Oid = 405;
/// A B-tree's strategy number of `=`, and a hash index's.
const BTREE_EQUAL: &str = "3";
const HASH_EQUAL: &str = "1";

/// The default operator classes of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EqualityOf {
    /// The operator `=` of the default B-tree class, else of the hash class; 0 if there is neither.
    pub operator: Oid,
    pub orderable: bool,
    pub hashable: bool,
}

static CLASSES: LazyLock<HashMap<Oid, EqualityOf>> = LazyLock::new(|| {
    let operators = equality_operators();
    let reader = Reader::new("pg_opclass");
    let (method, family) = (reader.at("opcmethod"), reader.at("opcfamily"));
    let (input, default) = (reader.at("opcintype"), reader.at("opcdefault"));
    let mut classes: HashMap<Oid, EqualityOf> = HashMap::new();
    for row in reader.rows().filter(|row| row.is_true(default)) {
        let (method, data_type) = (row.oid(method), row.oid(input));
        if method != BTREE && method != HASH {
            continue;
        }
        let operator = operators.get(&(row.oid(family), data_type)).copied().unwrap_or(0);
        let class = classes.entry(data_type).or_default();
        class.orderable |= method == BTREE;
        class.hashable |= method == HASH;
        if method == BTREE || class.operator == 0 {
            class.operator = operator;
        }
    }
    classes
});

/// By operator family and type.
fn equality_operators() -> HashMap<(Oid, Oid), Oid> {
    let reader = Reader::new("pg_amop");
    let (family, left) = (reader.at("amopfamily"), reader.at("amoplefttype"));
    let (right, strategy) = (reader.at("amoprighttype"), reader.at("amopstrategy"));
    let (operator, method) = (reader.at("amopopr"), reader.at("amopmethod"));
    let mut found = HashMap::new();
    for row in reader.rows() {
        let wanted = if row.oid(method) == HASH { HASH_EQUAL } else { BTREE_EQUAL };
        if row.plain(strategy) == wanted && row.oid(left) == row.oid(right) {
            found.insert((row.oid(family), row.oid(left)), row.oid(operator));
        }
    }
    found
}

/// How values of exactly this type are compared; arrays, enums and the like are under their
/// pseudo-types (`anyarray`, `anyenum`).
pub fn equality(data_type: Oid) -> Option<EqualityOf> {
    CLASSES.get(&data_type).copied()
}

/// Whether this type itself has a default B-tree operator class.
pub fn is_orderable(data_type: Oid) -> bool {
    equality(data_type).is_some_and(|known| known.orderable)
}

/// Whether this type itself has a default hash operator class.
pub fn is_hashable(data_type: Oid) -> bool {
    equality(data_type).is_some_and(|known| known.hashable)
}

#[derive(Debug)]
struct RelationNames {
    by_oid: HashMap<Oid, &'static str>,
    by_name: HashMap<&'static str, Oid>,
}

static RELATION_NAMES: LazyLock<RelationNames> = LazyLock::new(|| {
    let reader = Reader::new("pg_class");
    let (oid, name) = (reader.at("oid"), reader.at("relname"));
    let namespace = reader.at("relnamespace");
    let visible = reader.rows().filter(|row| row.oid(namespace) == super::PG_CATALOG);
    let pairs: Vec<_> = visible.map(|row| (row.oid(oid), row.plain(name))).collect();
    RelationNames {
        by_oid: pairs.iter().copied().collect(),
        by_name: pairs.iter().map(|(oid, name)| (*name, *oid)).collect(),
    }
});

/// The name of a relation of `pg_catalog`.
pub fn relation_name(oid: Oid) -> Option<&'static str> {
    RELATION_NAMES.by_oid.get(&oid).copied()
}

/// The relation of `pg_catalog` with this name.
pub fn relation_named(name: &str) -> Option<Oid> {
    RELATION_NAMES.by_name.get(name).copied()
}
