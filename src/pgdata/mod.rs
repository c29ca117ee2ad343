//! PostgreSQL 15's own catalog rows: the types, functions, operators, casts ... that every
//! database has from the start.
//!
//! `rows/` has a file for each catalog, written by the script `export` from a real PostgreSQL, and
//! compiled in. [`relation()`] gives such a catalog as it is, for showing its rows; the other
//! functions give what the compiler asks for, by name and by OID, without walking the rows.
//!
//! Pure and immutable. Read once, at the first question. What a database adds to this (its tables,
//! enums, domains) is in [`model::catalog`](crate::model::catalog), and has OIDs from 16384 on.

mod cast;
mod class;
mod function;
mod label;
mod operator;
mod range;
mod relation;
mod type_name;
mod types;

#[cfg(test)]
mod pgdata_test;

pub use cast::{Cast, CastContext, CastMethod, cast, casts};
pub use class::{EqualityOf, equality, is_hashable, is_orderable, relation_name, relation_named};
pub use function::{
    Function, FunctionKind, Parameter, ParameterMode, function, functions, functions_named,
};
pub use label::{function_label, operator_label, quote_identifier, type_label};
pub use operator::{Operator, operator, operators, operators_named};
pub use range::{RangeType, range_of_multirange, range_type};
pub use relation::{Column, Relation, Row, relation, relations};
pub use type_name::{TypeNameParts, type_by_parts, type_name_parts};
pub use types::{Type, TypeKind, type_by_name, type_by_oid, types};

use crate::model::pg_type::Oid;

/// `pg_namespace.oid` of `pg_catalog`.
pub const PG_CATALOG: Oid = 11;
/// `pg_class.oid` of `pg_extension`.
pub const PG_EXTENSION: Oid = 3079;
/// `pg_extension.oid` of `plpgsql`, the extension that every database has.
pub const PLPGSQL: Oid = 13559;
/// The OID of `information_schema`, as the exported rows have it.
pub const INFORMATION_SCHEMA: Oid = 13207;
/// The rows of `pg_get_keywords()`: an array in JSON of arrays, with true as 1.
pub const KEYWORDS: &str = include_str!("rows/keywords.json");
/// The first OID that a database's own objects may have.
pub const FIRST_OWN_OID: Oid = 16384;
