//! `pg_type` and `pg_enum`: the database's own types.

use std::collections::HashSet;

use crate::catalog::cell::Cell;
use crate::catalog::fixed;
use crate::catalog::own::class::tables;
use crate::catalog::own::constraint::CLASS_OF_RELATIONS;
use crate::catalog::own::role::{Access, namespace};
use crate::catalog::own::{Builder, derived_oid};
use crate::catalog::types::storage_in;
use crate::model::catalog::{Catalog, NAME_BYTES_MAX, Table, UserType, UserTypeKind};
use crate::model::pg_type::Oid;

pub(super) const PG_TYPE: Oid = 1247;
/// `array_subscript_handler` and the other functions of arrays.
const ARRAY_SUBSCRIPTS: Oid = 6179;
const ARRAY_FUNCTIONS: [Oid; 4] = [750, 751, 2400, 2401];
const ARRAY_ANALYZE: Oid = 3816;
/// `enum_in`, `enum_out`, `enum_recv`, `enum_send`.
const ENUM_FUNCTIONS: [Oid; 4] = [3506, 3507, 3532, 3533];
/// `range_in`, `range_out`, `range_recv`, `range_send`, `range_typanalyze`.
const RANGE_FUNCTIONS: [Oid; 5] = [3834, 3835, 3836, 3837, 3916];
const MULTIRANGE_FUNCTIONS: [Oid; 5] = [4231, 4232, 4233, 4234, 4242];
/// `domain_in`, `domain_recv`.
const DOMAIN_FUNCTIONS: [Oid; 2] = [2597, 2598];
/// `record_in`, `record_out`, `record_recv`, `record_send`.
const RECORD_FUNCTIONS: [Oid; 4] = [2290, 2291, 2402, 2403];
/// Stands for a table's row type among what has OIDs derived from the table's: beyond any column's number.
const ROW_TYPE: u32 = 60_000;
/// The same of arrays of that type.
const ARRAY_OF_ROWS: u32 = 60_001;

/// The database's types by OID, so that rows come in the same order everywhere.
pub(super) fn own_types(catalog: &Catalog) -> Vec<&UserType> {
    let mut all: Vec<&UserType> = catalog.types.values().map(AsRef::as_ref).collect();
    all.sort_unstable_by_key(|known| known.oid);
    all
}

fn schema_oid(catalog: &Catalog, name: &str) -> Oid {
    catalog.schemas.get(name).map_or(super::PUBLIC, |schema| schema.oid)
}

/// The name of the type of arrays of a type (`makeArrayTypeName`).
fn array_name(name: &str) -> String {
    let mut array = format!("_{name}");
    while array.len() > NAME_BYTES_MAX {
        array.pop();
    }
    array
}

pub(super) fn types(catalog: &Catalog, rows: &mut Builder) {
    let access = Access::new(catalog);
    for known in own_types(catalog) {
        match &known.kind {
            UserTypeKind::Enum { .. } => enum_row(&access, catalog, known, rows),
            UserTypeKind::Domain { .. } => domain_row(&access, catalog, known, rows),
            UserTypeKind::Composite { relation, .. } => {
                let names = (known.oid, *relation, known.array_oid);
                let owner = access.owner(PG_TYPE, known.oid);
                composite_row(names, (&known.name, &known.schema), (owner, catalog), rows);
            }
            UserTypeKind::Range(_) => {
                range_row(&access, catalog, (known, "r", RANGE_FUNCTIONS), rows);
            }
            UserTypeKind::Multirange { .. } => {
                range_row(&access, catalog, (known, "m", MULTIRANGE_FUNCTIONS), rows);
            }
        }
        let wide = storage_in(catalog, known.oid).alignment == "d";
        let owner = access.owner(PG_TYPE, known.oid);
        let namespace = schema_oid(catalog, &known.schema);
        let names = (known.array_oid, known.oid, array_name(&known.name));
        array_row(names, (namespace, owner), wide, rows);
    }
    let all = tables(catalog);
    let mut taken: HashSet<(String, String)> =
        all.iter().map(|table| (table.schema.clone(), table.name.clone())).collect();
    for table in &all {
        row_type_row(&access, catalog, table, rows);
        let mut name = array_name(&table.name);
        while !taken.insert((table.schema.clone(), name.clone())) {
            name = array_name(&name);
        }
        let owner = access.owner(CLASS_OF_RELATIONS, table.oid);
        let place = (namespace(catalog, &table.schema), owner);
        array_row((array_of_rows(table), row_type(table), name), place, true, rows);
    }
}

/// `pg_class.reltype`: the type of a table's or a view's rows.
pub(crate) fn row_type(table: &Table) -> Oid {
    derived_oid(table.oid, ROW_TYPE)
}

/// The type of arrays of a table's or a view's rows.
pub(crate) fn array_of_rows(table: &Table) -> Oid {
    derived_oid(table.oid, ARRAY_OF_ROWS)
}

fn row_type_row(access: &Access<'_>, catalog: &Catalog, table: &Table, rows: &mut Builder) {
    let owner = access.owner(CLASS_OF_RELATIONS, table.oid);
    let names = (row_type(table), table.oid, array_of_rows(table));
    composite_row(names, (&table.name, &table.schema), (owner, catalog), rows);
}

/// The row of a type with this OID, of a relation with this one, with arrays of it of this type.
fn composite_row(
    (oid, relation, array): (Oid, Oid, Oid),
    (name, schema): (&str, &str),
    (owner, catalog): (Oid, &Catalog),
    rows: &mut Builder,
) {
    let [input, output, receive, send] = RECORD_FUNCTIONS;
    rows.add(vec![
        ("oid", oid.into()),
        ("typname", name.to_owned().into()),
        ("typnamespace", namespace(catalog, schema).into()),
        ("typowner", owner.into()),
        ("typlen", Cell::Integer(-1)),
        ("typtype", "c".into()),
        ("typcategory", "C".into()),
        ("typisdefined", true.into()),
        ("typdelim", ",".into()),
        ("typrelid", relation.into()),
        ("typarray", array.into()),
        ("typinput", input.into()),
        ("typoutput", output.into()),
        ("typreceive", receive.into()),
        ("typsend", send.into()),
        ("typalign", "d".into()),
        ("typstorage", "x".into()),
        ("typtypmod", Cell::Integer(-1)),
    ]);
}

fn enum_row(access: &Access<'_>, catalog: &Catalog, known: &UserType, rows: &mut Builder) {
    let [input, output, receive, send] = ENUM_FUNCTIONS;
    rows.add(vec![
        ("oid", known.oid.into()),
        ("typname", known.name.clone().into()),
        ("typnamespace", schema_oid(catalog, &known.schema).into()),
        ("typowner", access.owner(PG_TYPE, known.oid).into()),
        ("typlen", 4.into()),
        ("typbyval", true.into()),
        ("typtype", "e".into()),
        ("typcategory", "E".into()),
        ("typisdefined", true.into()),
        ("typdelim", ",".into()),
        ("typarray", known.array_oid.into()),
        ("typinput", input.into()),
        ("typoutput", output.into()),
        ("typreceive", receive.into()),
        ("typsend", send.into()),
        ("typalign", "i".into()),
        ("typstorage", "p".into()),
        ("typtypmod", Cell::Integer(-1)),
    ]);
}

/// The row of a range or multirange type: its `typtype` and functions are given.
fn range_row(
    access: &Access<'_>,
    catalog: &Catalog,
    (known, kind, functions): (&UserType, &'static str, [Oid; 5]),
    rows: &mut Builder,
) {
    let [input, output, receive, send, analyze] = functions;
    rows.add(vec![
        ("oid", known.oid.into()),
        ("typname", known.name.clone().into()),
        ("typnamespace", schema_oid(catalog, &known.schema).into()),
        ("typowner", access.owner(PG_TYPE, known.oid).into()),
        ("typlen", Cell::Integer(-1)),
        ("typtype", kind.into()),
        ("typcategory", "R".into()),
        ("typisdefined", true.into()),
        ("typdelim", ",".into()),
        ("typarray", known.array_oid.into()),
        ("typinput", input.into()),
        ("typoutput", output.into()),
        ("typreceive", receive.into()),
        ("typsend", send.into()),
        ("typanalyze", analyze.into()),
        ("typalign", storage_in(catalog, known.oid).alignment.into()),
        ("typstorage", "x".into()),
        ("typtypmod", Cell::Integer(-1)),
    ]);
}

/// `pg_range`
pub(super) fn ranges(catalog: &Catalog, rows: &mut Builder) {
    for known in own_types(catalog) {
        let UserTypeKind::Range(range) = &known.kind else { continue };
        rows.add(vec![
            ("rngtypid", known.oid.into()),
            ("rngsubtype", range.subtype.into()),
            ("rngmultitypid", range.multirange.into()),
            ("rngcollation", range.collation.into()),
            ("rngsubopc", range.operator_class.into()),
            ("rngsubdiff", range.difference.into()),
        ]);
    }
}

/// A type's row as far as a domain over it repeats it.
struct Beneath {
    category: String,
    output: Oid,
    send: Oid,
}

fn beneath(catalog: &Catalog, oid: Oid) -> Beneath {
    if let Some(known) = catalog.types.get(&oid) {
        return match &known.kind {
            UserTypeKind::Enum { .. } => {
                let [_, output, _, send] = ENUM_FUNCTIONS;
                Beneath { category: "E".to_owned(), output, send }
            }
            UserTypeKind::Domain { base, .. } => beneath(catalog, base.oid),
            UserTypeKind::Composite { .. } => {
                let [_, output, _, send] = RECORD_FUNCTIONS;
                Beneath { category: "C".to_owned(), output, send }
            }
            UserTypeKind::Range(_) => {
                let [_, output, _, send, _] = RANGE_FUNCTIONS;
                Beneath { category: "R".to_owned(), output, send }
            }
            UserTypeKind::Multirange { .. } => {
                let [_, output, _, send, _] = MULTIRANGE_FUNCTIONS;
                Beneath { category: "R".to_owned(), output, send }
            }
        };
    }
    let row = fixed::records("pg_type").find(|row| row.oid("oid") == oid);
    let [_, array_output, _, array_send] = ARRAY_FUNCTIONS;
    row.map_or(
        Beneath { category: "A".to_owned(), output: array_output, send: array_send },
        |row| Beneath {
            category: row.text("typcategory").into_owned(),
            output: row.oid("typoutput"),
            send: row.oid("typsend"),
        },
    )
}

fn domain_row(access: &Access<'_>, catalog: &Catalog, known: &UserType, rows: &mut Builder) {
    let UserTypeKind::Domain { base, not_null, default, .. } = &known.kind else { return };
    let [input, receive] = DOMAIN_FUNCTIONS;
    let base_row = beneath(catalog, base.oid);
    let stored = storage_in(catalog, base.oid);
    let is_array = crate::pgdata::type_by_oid(base.oid).is_some_and(|known| known.is_array)
        || catalog.types.values().any(|other| other.array_oid == base.oid);
    let text = || default.clone().map_or(Cell::Null, Cell::from);
    rows.add(vec![
        ("oid", known.oid.into()),
        ("typname", known.name.clone().into()),
        ("typnamespace", schema_oid(catalog, &known.schema).into()),
        ("typowner", access.owner(PG_TYPE, known.oid).into()),
        ("typlen", stored.length.into()),
        ("typbyval", stored.by_value.into()),
        ("typtype", "d".into()),
        ("typcategory", base_row.category.into()),
        ("typisdefined", true.into()),
        ("typdelim", ",".into()),
        ("typarray", known.array_oid.into()),
        ("typinput", input.into()),
        ("typoutput", base_row.output.into()),
        ("typreceive", receive.into()),
        ("typsend", base_row.send.into()),
        ("typalign", stored.alignment.into()),
        ("typstorage", stored.storage.into()),
        ("typnotnull", (*not_null).into()),
        ("typbasetype", base.oid.into()),
        ("typtypmod", base.modifier.into()),
        ("typndims", i64::from(is_array).into()),
        ("typcollation", stored.collation.into()),
        ("typdefaultbin", text()),
        ("typdefault", text()),
    ]);
}

/// The row of a type of arrays: its OID, its elements' and its name.
fn array_row(
    (oid, element, name): (Oid, Oid, String),
    (namespace, owner): (Oid, Oid),
    wide: bool,
    rows: &mut Builder,
) {
    let [input, output, receive, send] = ARRAY_FUNCTIONS;
    rows.add(vec![
        ("oid", oid.into()),
        ("typname", name.into()),
        ("typnamespace", namespace.into()),
        ("typowner", owner.into()),
        ("typlen", Cell::Integer(-1)),
        ("typtype", "b".into()),
        ("typcategory", "A".into()),
        ("typisdefined", true.into()),
        ("typdelim", ",".into()),
        ("typsubscript", ARRAY_SUBSCRIPTS.into()),
        ("typelem", element.into()),
        ("typinput", input.into()),
        ("typoutput", output.into()),
        ("typreceive", receive.into()),
        ("typsend", send.into()),
        ("typanalyze", ARRAY_ANALYZE.into()),
        ("typalign", if wide { "d" } else { "i" }.into()),
        ("typstorage", "x".into()),
        ("typtypmod", Cell::Integer(-1)),
    ]);
}

pub(super) fn labels(catalog: &Catalog, rows: &mut Builder) {
    for known in own_types(catalog) {
        let UserTypeKind::Enum { labels } = &known.kind else { continue };
        for label in labels {
            rows.add(vec![
                ("oid", label.oid.into()),
                ("enumtypid", known.oid.into()),
                ("enumsortorder", Cell::Real(label.number)),
                ("enumlabel", label.label.clone().into()),
            ]);
        }
    }
}
