//! `pg_type` and `pg_enum`: the database's own types.

use crate::catalog::cell::Cell;
use crate::catalog::own::Builder;
use crate::catalog::own::role::Access;
use crate::model::catalog::{Catalog, UserType, UserTypeKind};
use crate::model::pg_type::Oid;

const PG_TYPE: Oid = 1247;
/// Bytes of a name at the most.
const NAME_BYTES_MAX: usize = 63;
/// `array_subscript_handler` and the other functions of arrays.
const ARRAY_SUBSCRIPTS: Oid = 6179;
const ARRAY_FUNCTIONS: [Oid; 4] = [750, 751, 2400, 2401];
const ARRAY_ANALYZE: Oid = 3816;
/// `enum_in`, `enum_out`, `enum_recv`, `enum_send`.
const ENUM_FUNCTIONS: [Oid; 4] = [3506, 3507, 3532, 3533];

/// The database's types by OID, so that rows come in the same order everywhere.
fn own_types(catalog: &Catalog) -> Vec<&UserType> {
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
            UserTypeKind::Domain { .. } => continue,
        }
        array_row(&access, catalog, known, rows);
    }
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

fn array_row(access: &Access<'_>, catalog: &Catalog, known: &UserType, rows: &mut Builder) {
    let [input, output, receive, send] = ARRAY_FUNCTIONS;
    rows.add(vec![
        ("oid", known.array_oid.into()),
        ("typname", array_name(&known.name).into()),
        ("typnamespace", schema_oid(catalog, &known.schema).into()),
        ("typowner", access.owner(PG_TYPE, known.oid).into()),
        ("typlen", Cell::Integer(-1)),
        ("typtype", "b".into()),
        ("typcategory", "A".into()),
        ("typisdefined", true.into()),
        ("typdelim", ",".into()),
        ("typsubscript", ARRAY_SUBSCRIPTS.into()),
        ("typelem", known.oid.into()),
        ("typinput", input.into()),
        ("typoutput", output.into()),
        ("typreceive", receive.into()),
        ("typsend", send.into()),
        ("typanalyze", ARRAY_ANALYZE.into()),
        ("typalign", "i".into()),
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
