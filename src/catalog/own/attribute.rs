//! `pg_attribute` and `pg_attrdef`.

use crate::catalog::acl::CLASS_RELATION;
use crate::catalog::cell::Cell;
use crate::catalog::own::class::tables;
use crate::catalog::own::constraint::{CLASS_OF_DEFAULTS, CLASS_OF_RELATIONS};
use crate::catalog::own::index::all_indexes;
use crate::catalog::own::role::Access;
use crate::catalog::own::user_type::own_types;
use crate::catalog::own::{Builder, derived_oid};
use crate::catalog::types::storage_in;
use crate::model::catalog::{Catalog, Column, Identity, PUBLIC, Table, TableKind, UserTypeKind};
use crate::model::pg_type::{Oid, PgType};
use crate::pgdata::quote_identifier;

/// The columns that every table has, with their numbers and types.
const SYSTEM_COLUMNS: &[(&str, i16, Oid)] = &[
    ("tableoid", -6, 26),
    ("cmax", -5, 29),
    ("xmax", -4, 28),
    ("cmin", -3, 29),
    ("xmin", -2, 28),
    ("ctid", -1, 27),
];

/// What a sequence's relation has.
const SEQUENCE_COLUMNS: &[(&str, i16, Oid)] =
    &[("last_value", 1, 20), ("log_cnt", 2, 20), ("is_called", 3, 16)];

/// A column of whatever relation.
struct Attribute<'a> {
    relation: Oid,
    name: &'a str,
    data_type: PgType,
    number: i16,
    not_null: bool,
    has_default: bool,
    identity: &'static str,
    generated: &'static str,
    list: Cell,
}

impl<'a> Attribute<'a> {
    fn plain(relation: Oid, name: &'a str, data_type: PgType, number: i16) -> Self {
        Self {
            relation,
            name,
            data_type,
            number,
            not_null: false,
            has_default: false,
            identity: "",
            generated: "",
            list: Cell::Null,
        }
    }
}

pub(super) fn attributes(catalog: &Catalog, rows: &mut Builder) {
    let access = Access::new(catalog);
    for table in tables(catalog) {
        // In the order of their numbers, as PostgreSQL's index finds them.
        if table.kind != TableKind::View {
            system_columns(catalog, table.oid, rows);
        }
        for column in &table.columns {
            let list = access.list(CLASS_RELATION, table.oid, i32::from(column.number));
            add(catalog, &Attribute { list, ..of_column(catalog, table, column) }, rows);
        }
    }
    for known in own_types(catalog) {
        let UserTypeKind::Composite { relation, attributes } = &known.kind else { continue };
        for one in attributes {
            let attribute = Attribute::plain(*relation, &one.name, one.data_type, one.number);
            add(catalog, &attribute, rows);
        }
    }
    for index in all_indexes(catalog) {
        for (place, key) in index.keys.iter().enumerate() {
            let number = place as i16 + 1;
            let attribute = match key.column {
                Some(column) => Attribute::plain(index.oid, &column.name, column.data_type, number),
                None => Attribute::plain(index.oid, "expr", PgType::TEXT, number),
            };
            add(catalog, &attribute, rows);
        }
    }
    for sequence in catalog.sequences.values() {
        for (name, number, oid) in SEQUENCE_COLUMNS {
            let column = Attribute::plain(sequence.oid, name, PgType::new(*oid), *number);
            add(catalog, &Attribute { not_null: true, ..column }, rows);
        }
        system_columns(catalog, sequence.oid, rows);
    }
}

fn system_columns(catalog: &Catalog, relation: Oid, rows: &mut Builder) {
    for (name, number, oid) in SYSTEM_COLUMNS {
        let column = Attribute::plain(relation, name, PgType::new(*oid), *number);
        add(catalog, &Attribute { not_null: true, ..column }, rows);
    }
}

fn of_column<'a>(catalog: &Catalog, table: &Table, column: &'a Column) -> Attribute<'a> {
    Attribute {
        not_null: column.not_null,
        has_default: default(catalog, column).is_some(),
        identity: match column.identity {
            Some(Identity::Always) => "a",
            Some(Identity::ByDefault) => "d",
            None => "",
        },
        generated: if column.generated.is_some() { "s" } else { "" },
        ..Attribute::plain(table.oid, &column.name, column.data_type, column.number)
    }
}

fn add(catalog: &Catalog, attribute: &Attribute<'_>, rows: &mut Builder) {
    let oid = attribute.data_type.oid;
    let stored = storage_in(catalog, oid);
    let array = match crate::pgdata::type_by_oid(oid) {
        Some(known) => known.is_array,
        None => catalog.types.values().any(|known| known.array_oid == oid),
    };
    let is_system = attribute.number < 0;
    rows.add(vec![
        ("attrelid", attribute.relation.into()),
        ("attname", attribute.name.to_owned().into()),
        ("atttypid", attribute.data_type.oid.into()),
        ("attstattarget", if is_system { 0 } else { -1 }.into()),
        ("attlen", stored.length.into()),
        ("attnum", attribute.number.into()),
        ("attndims", i64::from(array).into()),
        ("attcacheoff", Cell::Integer(-1)),
        ("atttypmod", attribute.data_type.modifier.into()),
        ("attbyval", stored.by_value.into()),
        ("attalign", stored.alignment.into()),
        ("attstorage", stored.storage.into()),
        ("attnotnull", attribute.not_null.into()),
        ("atthasdef", attribute.has_default.into()),
        ("attidentity", attribute.identity.into()),
        ("attgenerated", attribute.generated.into()),
        ("attislocal", true.into()),
        ("attcollation", stored.collation.into()),
        ("attacl", attribute.list.clone()),
    ]);
}

/// A column's default as `pg_attrdef` has it, or what it is generated from; an identity column's
/// sequence isn't one.
fn default(catalog: &Catalog, column: &Column) -> Option<String> {
    if let Some(text) = column.generated.as_ref().or(column.default.as_ref()) {
        return Some(text.clone());
    }
    if column.identity.is_some() {
        return None;
    }
    let sequence = catalog.sequence_by_oid(column.sequence?)?;
    let mut name = quote_identifier(&sequence.name).into_owned();
    if sequence.schema != PUBLIC {
        name = format!("{}.{name}", quote_identifier(&sequence.schema));
    }
    Some(format!("nextval('{}'::regclass)", name.replace('\'', "''")))
}

/// `pg_attrdef.oid`
pub(crate) fn default_oid(table: Oid, number: i16) -> Oid {
    derived_oid(table, number.unsigned_abs().into())
}

pub(super) fn defaults(catalog: &Catalog, rows: &mut Builder) {
    for table in tables(catalog) {
        for column in &table.columns {
            let Some(text) = default(catalog, column) else { continue };
            rows.add(vec![
                ("oid", default_oid(table.oid, column.number).into()),
                ("adrelid", table.oid.into()),
                ("adnum", column.number.into()),
                ("adbin", text.into()),
            ]);
        }
    }
}

/// A default depends on its column, and on the sequence that it takes values of.
pub(super) fn dependencies(catalog: &Catalog, rows: &mut Builder) {
    for table in tables(catalog) {
        for column in table.columns.iter().filter(|column| default(catalog, column).is_some()) {
            let mut add = |object: Oid, number: i16, kind: &'static str| {
                rows.add(vec![
                    ("classid", CLASS_OF_DEFAULTS.into()),
                    ("objid", default_oid(table.oid, column.number).into()),
                    ("refclassid", CLASS_OF_RELATIONS.into()),
                    ("refobjid", object.into()),
                    ("refobjsubid", number.into()),
                    ("deptype", kind.into()),
                ]);
            };
            add(table.oid, column.number, if column.generated.is_some() { "i" } else { "a" });
            if let Some(sequence) = column.sequence.filter(|_| column.default.is_none()) {
                add(sequence, 0, "n");
            }
        }
    }
}
