//! PostgreSQL's types, casts, operators and functions, and the rules that choose among them
//! (manual, chapter "Type Conversion").
//!
//! What there is to choose from are PostgreSQL's own catalog rows (`pgdata`) and the database's
//! types; [`Types`] has both. [`resolve`] chooses functions and operators, [`polymorphic`] finds what
//! `anyelement` and its like stand for, [`casts`] finds ways from one type to another, [`name`] reads
//! type names. None of them knows what is supported: that is in [`lowering`], the one table by hand,
//! which says how a chosen function is done in SQLite.

pub(crate) mod casts;
pub(crate) mod lowering;
pub(crate) mod name;
pub(crate) mod polymorphic;
pub(crate) mod resolve;
#[cfg(test)]
mod resolve_test;

use std::borrow::Cow;

use crate::model::catalog::Catalog;
use crate::model::pg_type::{Oid, PgType};
use crate::pgdata::{TypeKind, type_by_oid};

pub(crate) use crate::pgdata::type_label;
pub(crate) use lowering::{Fact, Lowering};
pub(crate) use name::lookup_type;

/// The pseudo-type `any`: an argument of whatever type.
pub(crate) const ANY: Oid = 2276;
pub(crate) const UNKNOWN: Oid = PgType::UNKNOWN.oid;

/// All types that a statement can use: PostgreSQL's and the database's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Types<'a> {
    /// `None`: PostgreSQL's alone.
    #[allow(dead_code, reason = "databases have no types of their own yet")]
    catalog: Option<&'a Catalog>,
}

impl<'a> Types<'a> {
    pub(crate) const BUILTIN: Types<'static> = Types { catalog: None };

    pub(crate) fn new(catalog: &'a Catalog) -> Self {
        Self { catalog: Some(catalog) }
    }

    pub(crate) fn kind(self, oid: Oid) -> TypeKind {
        type_by_oid(oid).map_or(TypeKind::Base, |known| known.kind)
    }

    /// `typcategory`.
    pub(crate) fn category(self, oid: Oid) -> u8 {
        type_by_oid(oid).map_or(b'U', |known| known.category)
    }

    /// `typispreferred`.
    pub(crate) fn is_preferred(self, oid: Oid) -> bool {
        type_by_oid(oid).is_some_and(|known| known.is_preferred)
    }

    /// What a domain is over, through domains over domains; other types are their own base.
    pub(crate) fn base(self, oid: Oid) -> Oid {
        let mut base = oid;
        while self.kind(base) == TypeKind::Domain {
            base = type_by_oid(base).map_or(UNKNOWN, |known| known.base);
        }
        base
    }

    /// The element type, if this is an array type.
    pub(crate) fn element(self, oid: Oid) -> Option<Oid> {
        type_by_oid(oid).filter(|known| known.is_array).map(|known| known.element)
    }

    /// The type of arrays of this type, if there is one.
    pub(crate) fn array_of(self, oid: Oid) -> Option<Oid> {
        type_by_oid(oid).map(|known| known.array).filter(|array| *array != 0)
    }

    /// The name in messages, without the modifier.
    pub(crate) fn label(self, oid: Oid) -> Cow<'a, str> {
        Cow::Borrowed(type_label(oid))
    }

    /// Whether values of this type have a row structure.
    pub(crate) fn is_row(self, oid: Oid) -> bool {
        oid == PgType::RECORD.oid || self.kind(oid) == TypeKind::Composite
    }
}

/// Whether a type has no order at all.
pub(crate) fn is_unordered(oid: Oid) -> bool {
    oid == PgType::JSON.oid
}

pub(crate) fn is_integer(oid: Oid) -> bool {
    oid == PgType::INT2.oid || oid == PgType::INT4.oid || oid == PgType::INT8.oid
}

/// Whether there is an operator `=` for these two types, and which types it takes them as.
pub(crate) fn equality_operands(types: Types<'_>, left: Oid, right: Oid) -> Option<(Oid, Oid)> {
    match resolve::operator(types, "=", Some(left), right) {
        resolve::Found::One(chosen) => Some((chosen.left, chosen.right)),
        resolve::Found::None | resolve::Found::Ambiguous => None,
    }
}
