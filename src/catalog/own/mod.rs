//! The rows that a database's own objects add to the system tables.
//!
//! OIDs. Tables, indexes, sequences, types, schemas and constraints have recorded ones. The index behind
//! a key has the OID of its constraint, which no other relation has, as all come from one counter. What
//! has no OID recorded (a column's default, a view's rule) gets one from its owner's and its column's
//! number, in the upper half of the range, which the counter doesn't reach.

mod attribute;
mod class;
mod code;
mod comment;
mod constraint;
mod index;
pub(crate) mod role;
mod sequence;
pub(crate) mod user_type;

use crate::catalog::Contents;
use crate::catalog::cell::{Cell, Rows};
use crate::catalog::definition::SystemRelation;
use crate::model::catalog::Catalog;
use crate::model::pg_type::{Oid, PgType};

/// The superuser that owns everything (`BOOTSTRAP_SUPERUSERID`).
pub(crate) const OWNER: Oid = 10;
/// `pg_namespace.oid` of `public`.
pub(crate) const PUBLIC: Oid = 2200;

/// The own rows of a system table; none for what Eider has no objects of.
pub(crate) fn rows(relation: &'static SystemRelation, contents: &Contents) -> Rows {
    let catalog: &Catalog = &contents.catalog;
    let mut rows = Builder { relation, cells: Vec::new() };
    match relation.name {
        "pg_class" => class::classes(catalog, &mut rows),
        "pg_attribute" => attribute::attributes(catalog, &mut rows),
        "pg_attrdef" => attribute::defaults(catalog, &mut rows),
        "pg_constraint" => constraint::constraints(catalog, contents.deparse.as_deref(), &mut rows),
        "pg_index" => index::indexes(catalog, &mut rows),
        "pg_enum" => user_type::labels(catalog, &mut rows),
        "pg_type" => user_type::types(catalog, &mut rows),
        "pg_range" => user_type::ranges(catalog, &mut rows),
        "pg_sequence" => sequence::sequences(catalog, &mut rows),
        "pg_depend" => {
            sequence::dependencies(catalog, &mut rows);
            attribute::dependencies(catalog, &mut rows);
            constraint::dependencies(catalog, &mut rows);
            class::view_dependencies(catalog, &mut rows);
            role::extension_members(catalog, &mut rows);
        }
        "pg_authid" => role::roles(catalog, &mut rows),
        "pg_auth_members" => role::members(catalog, &mut rows),
        "pg_namespace" => role::schemas(catalog, &mut rows),
        "pg_default_acl" => role::default_privileges(catalog, &mut rows),
        "pg_extension" => role::extensions(catalog, &mut rows),
        "pg_proc" => code::functions(catalog, &mut rows),
        "pg_trigger" => code::triggers(catalog, &mut rows),
        "pg_description" => comment::comments(catalog, &mut rows),
        "pg_shdescription" => comment::shared(catalog, &mut rows),
        _ => {}
    }
    Rows::new(relation.columns.len(), rows.cells)
}

/// Collects rows of one relation.
pub(crate) struct Builder {
    relation: &'static SystemRelation,
    cells: Vec<Cell>,
}

impl Builder {
    /// Adds a row. `values` are in the order of the relation's columns; a column that isn't named gets
    /// its type's empty value: false, 0, an empty name, NULL for what has none.
    pub(crate) fn add(&mut self, values: Vec<(&'static str, Cell)>) {
        let mut values = values.into_iter().peekable();
        for column in &self.relation.columns {
            let given = values.next_if(|(name, _)| *name == column.name);
            self.cells.push(given.map_or_else(|| empty(column.data_type), |(_, value)| value));
        }
        debug_assert!(
            values.peek().is_none(),
            "{} has no column {:?}, or it stands elsewhere",
            self.relation.name,
            values.peek(),
        );
    }
}

fn empty(data_type: PgType) -> Cell {
    match data_type.oid {
        16 | 20 | 21 | 23 | 24 | 26 | 28 => Cell::Integer(0),
        700 | 701 => Cell::Real(0.0),
        18 | 19 => Cell::from(""),
        _ => Cell::Null,
    }
}

/// An OID for what belongs to an object and has none of its own.
pub(crate) fn derived_oid(owner: Oid, number: u32) -> Oid {
    // Multiplying by an odd number is one-to-one, and the columns of a table are fewer than it.
    0x8000_0000 | (owner.wrapping_mul(0x0001_0dcd).wrapping_add(number) & 0x7fff_ffff)
}
