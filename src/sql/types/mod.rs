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
mod own;
pub(crate) mod polymorphic;
pub(crate) mod resolve;
#[cfg(test)]
mod resolve_test;

use std::borrow::Cow;

use crate::datum::geometry;
use crate::model::catalog::{Catalog, UserTypeKind};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::pgdata::{TypeKind, range_of_multirange, range_type, type_by_oid};
use crate::sql::CompileSettings;
use crate::sql::types::own::Found;

pub(crate) use crate::pgdata::type_label;
pub(crate) use lowering::{Fact, Lowering, Which};
pub(crate) use name::lookup_type;
pub(crate) use own::Domain;

/// The pseudo-type `any`: an argument of whatever type.
pub(crate) const ANY: Oid = 2276;
pub(crate) const UNKNOWN: Oid = PgType::UNKNOWN.oid;

/// All types that a statement can use: PostgreSQL's and the database's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Types<'a> {
    /// `None`: PostgreSQL's alone.
    own: Option<own::Own<'a>>,
}

impl<'a> Types<'a> {
    pub(crate) const BUILTIN: Types<'static> = Types { own: None };

    pub(crate) fn new(catalog: &'a Catalog, settings: &'a CompileSettings) -> Self {
        Self { own: Some(own::Own { catalog, settings }) }
    }

    /// Whether there is such a type.
    pub(crate) fn exists(self, oid: Oid) -> bool {
        type_by_oid(oid).is_some() || self.own(oid).is_some()
    }

    pub(crate) fn kind(self, oid: Oid) -> TypeKind {
        if let Some(known) = type_by_oid(oid) {
            return known.kind;
        }
        match self.own(oid) {
            Some(Found::Type(known)) => match known.kind {
                UserTypeKind::Enum { .. } => TypeKind::Enum,
                UserTypeKind::Domain { .. } => TypeKind::Domain,
                UserTypeKind::Composite { .. } => TypeKind::Composite,
                UserTypeKind::Range(_) => TypeKind::Range,
                UserTypeKind::Multirange { .. } => TypeKind::Multirange,
            },
            Some(Found::ArrayOf(_)) | None => TypeKind::Base,
        }
    }

    /// `typcategory`.
    pub(crate) fn category(self, oid: Oid) -> u8 {
        if let Some(known) = type_by_oid(oid) {
            return known.category;
        }
        match self.own(oid) {
            Some(Found::Type(known)) => match &known.kind {
                UserTypeKind::Enum { .. } => b'E',
                UserTypeKind::Composite { .. } => b'C',
                UserTypeKind::Domain { base, .. } => self.category(base.oid),
                UserTypeKind::Range(_) | UserTypeKind::Multirange { .. } => b'R',
            },
            Some(Found::ArrayOf(_)) => b'A',
            None => b'U',
        }
    }

    /// `typispreferred`.
    pub(crate) fn is_preferred(self, oid: Oid) -> bool {
        type_by_oid(oid).is_some_and(|known| known.is_preferred)
    }

    /// What a domain is over, through domains over domains; other types are their own base.
    pub(crate) fn base(self, oid: Oid) -> Oid {
        let mut base = oid;
        loop {
            base = match (type_by_oid(base), self.own(base)) {
                (Some(known), _) if known.kind == TypeKind::Domain => known.base,
                (None, Some(Found::Type(known))) => match &known.kind {
                    UserTypeKind::Domain { base, .. } => base.oid,
                    UserTypeKind::Enum { .. }
                    | UserTypeKind::Composite { .. }
                    | UserTypeKind::Range(_)
                    | UserTypeKind::Multirange { .. } => return base,
                },
                _ => return base,
            };
        }
    }

    /// The element type, if this is an array type.
    pub(crate) fn element(self, oid: Oid) -> Option<Oid> {
        if let Some(known) = type_by_oid(oid) {
            return Some(known.element).filter(|_| known.is_array);
        }
        match self.own(oid)? {
            Found::ArrayOf(known) => Some(known.oid),
            Found::Type(_) => None,
        }
    }

    /// The type of arrays of this type, if there is one.
    pub(crate) fn array_of(self, oid: Oid) -> Option<Oid> {
        if let Some(known) = type_by_oid(oid) {
            return Some(known.array).filter(|array| *array != 0);
        }
        match self.own(oid)? {
            Found::Type(known) => Some(known.array_oid),
            Found::ArrayOf(_) => None,
        }
    }

    /// The type of the bounds, if this is a range type.
    pub(crate) fn subtype(self, oid: Oid) -> Option<Oid> {
        match range_type(oid) {
            Some(known) => Some(known.subtype),
            None => self.own_range(oid).map(|known| known.subtype),
        }
    }

    /// The type of multiranges of this range type.
    pub(crate) fn multirange_of(self, oid: Oid) -> Option<Oid> {
        match range_type(oid) {
            Some(known) => Some(known.multirange),
            None => self.own_range(oid).map(|known| known.multirange),
        }
    }

    /// The type of the ranges in it, if this is a multirange type.
    pub(crate) fn range_of(self, oid: Oid) -> Option<Oid> {
        match (range_of_multirange(oid), self.own(oid)) {
            (Some(known), _) => Some(known.oid),
            (None, Some(Found::Type(known))) => match known.kind {
                UserTypeKind::Multirange { range } => Some(range),
                _ => None,
            },
            (None, _) => None,
        }
    }

    /// The name in messages, without the modifier.
    pub(crate) fn label(self, oid: Oid) -> Cow<'a, str> {
        match type_by_oid(oid) {
            Some(known) => Cow::Borrowed(&*known.label),
            None => self.own_label(oid),
        }
    }

    /// Whether values of this type have a row structure.
    pub(crate) fn is_row(self, oid: Oid) -> bool {
        let base = self.base(oid);
        base == PgType::RECORD.oid || self.kind(base) == TypeKind::Composite
    }
}

/// Whether a type has no order at all, and no operator that says whether values are the same.
pub(crate) fn is_unordered(oid: Oid) -> bool {
    const JSONPATH: Oid = 4072;
    const TSVECTOR: Oid = 3614;
    const XML: Oid = 142;
    matches!(oid, JSONPATH | TSVECTOR | XML)
        || oid == PgType::JSON.oid
        || geometry::Kind::of(oid).is_some()
}

/// 42704 `data type json has no default operator class for access method "btree"`.
pub(crate) fn no_operator_class(oid: Oid) -> Error {
    let message = format!(
        "data type {} has no default operator class for access method \"btree\"",
        type_label(oid)
    );
    Error::user(SqlState::UNDEFINED_OBJECT, message).with_hint(
        "You must specify an operator class for the index or define a default operator class for the data type.",
    )
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
