//! What relations' rows say about the types of columns: their storage, collation, operator class.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::catalog::fixed;
use crate::model::catalog::{Catalog, UserTypeKind};
use crate::model::pg_type::Oid;
use crate::pgdata::TypeKind;

/// What `pg_attribute` repeats of a type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Storage {
    pub(crate) length: i16,
    pub(crate) by_value: bool,
    pub(crate) alignment: &'static str,
    pub(crate) storage: &'static str,
    pub(crate) collation: Oid,
}

/// Varying length, as text has it.
const VARYING: Storage =
    Storage { length: -1, by_value: false, alignment: "i", storage: "x", collation: 0 };
/// How a built-in type is stored.
pub(crate) fn storage(oid: Oid) -> Storage {
    static STORAGE: LazyLock<HashMap<Oid, Storage>> = LazyLock::new(|| {
        let letter = |text: &str, letters: &[&'static str]| {
            letters.iter().find(|known| **known == text).copied().unwrap_or("i")
        };
        fixed::records("pg_type")
            .map(|row| {
                let storage = Storage {
                    length: row.text("typlen").parse().unwrap_or(-1),
                    by_value: row.text("typbyval") == "t",
                    alignment: letter(&row.text("typalign"), &["c", "s", "i", "d"]),
                    storage: letter(&row.text("typstorage"), &["p", "e", "m", "x"]),
                    collation: row.oid("typcollation"),
                };
                (row.oid("oid"), storage)
            })
            .collect()
    });
    STORAGE.get(&oid).copied().unwrap_or(VARYING)
}

/// How a type is stored that may be the database's own.
pub(crate) fn storage_in(catalog: &Catalog, oid: Oid) -> Storage {
    match catalog.types.get(&oid).map(|known| &known.kind) {
        Some(UserTypeKind::Enum { .. }) => {
            Storage { length: 4, by_value: true, alignment: "i", storage: "p", collation: 0 }
        }
        Some(UserTypeKind::Domain { base, .. }) => storage_in(catalog, base.oid),
        Some(UserTypeKind::Composite { .. }) => Storage { alignment: "d", ..VARYING },
        Some(UserTypeKind::Range(range)) => range_storage(catalog, range.subtype),
        Some(UserTypeKind::Multirange { range }) => storage_in(catalog, *range),
        None => storage(oid),
    }
}

/// Ranges are aligned as their bounds are, but for that they aren't less than an integer.
fn range_storage(catalog: &Catalog, subtype: Oid) -> Storage {
    let is_double = storage_in(catalog, subtype).alignment == "d";
    Storage { alignment: if is_double { "d" } else { "i" }, ..VARYING }
}

/// A column's collation: its type's.
pub(crate) fn collation(oid: Oid) -> Oid {
    storage(oid).collation
}

/// An index method's OID; the B-tree's for one that isn't known.
pub(crate) fn method_oid(name: &str) -> Oid {
    const BTREE: Oid = 403;
    let found = fixed::records("pg_am").find(|row| row.text("amname") == name);
    found.map_or(BTREE, |row| row.oid("oid"))
}

/// The operator class of a method that has this name; 0 where there is none.
pub(crate) fn named_operator_class(method: &str, name: &str) -> Oid {
    let method = method_oid(method);
    let mut classes = fixed::records("pg_opclass");
    let found = classes.find(|row| row.oid("opcmethod") == method && row.text("opcname") == name);
    found.map_or(0, |row| row.oid("oid"))
}

/// The operator class of a method that is for a type; a B-tree's where there is none.
pub(crate) fn default_operator_class_of(method: &str, oid: Oid) -> Oid {
    if method == "btree" {
        return default_operator_class(oid);
    }
    let method = method_oid(method);
    let is_array = crate::pgdata::type_by_oid(oid).is_some_and(|found| found.is_array);
    let named = |type_oid: Oid| {
        let mut classes = fixed::records("pg_opclass");
        let found = classes.find(|row| {
            row.oid("opcmethod") == method
                && row.oid("opcintype") == type_oid
                && row.text("opcdefault") == "t"
        });
        found.map(|row| row.oid("oid"))
    };
    let input = match oid {
        1043 => 25,
        _ if is_array => 2277,
        _ => oid,
    };
    named(input).unwrap_or_else(|| default_operator_class(oid))
}

/// The B-tree operator class that an index on a column has; 0 where there is none.
pub(crate) fn default_operator_class(oid: Oid) -> Oid {
    static CLASSES: LazyLock<HashMap<Oid, Oid>> = LazyLock::new(|| {
        fixed::records("pg_opclass")
            .filter(|row| row.text("opcmethod") == "403" && row.text("opcdefault") == "t")
            .map(|row| (row.oid("opcintype"), row.oid("oid")))
            .collect()
    });
    /// varchar uses text's class, arrays and enums those of the pseudo-types.
    const TEXT: Oid = 25;
    const ANY_ARRAY: Oid = 2277;
    const ANY_ENUM: Oid = 3500;
    const ANY_RANGE: Oid = 3831;
    const ANY_MULTIRANGE: Oid = 4537;
    let class = |oid: Oid| CLASSES.get(&oid).copied();
    let array = || {
        let known = crate::pgdata::type_by_oid(oid);
        class(match known.map(|known| (known.is_array, known.kind)) {
            Some((true, _)) => ANY_ARRAY,
            Some((_, TypeKind::Range)) => ANY_RANGE,
            Some((_, TypeKind::Multirange)) => ANY_MULTIRANGE,
            _ => ANY_ENUM,
        })
    };
    let direct = if oid == 1043 { class(TEXT) } else { class(oid) };
    direct.or_else(array).unwrap_or(0)
}
