//! The exported rows are whole, and what is made of them is right.

use crate::model::pg_type::PgType;
use crate::pgdata::{
    self, CastContext, CastMethod, FunctionKind, TypeKind, cast, function_label, functions,
    functions_named, is_orderable, operators_named, quote_identifier, relation, relations,
    type_by_name, type_by_oid,
};

#[test]
fn every_row_has_a_value_for_each_column() {
    for relation in relations() {
        let varying = relation.rows().next().map(|row| row.values().count());
        assert_eq!(varying, Some(relation.columns().len()), "{}", relation.name());
        let oid = relation.column("oid");
        for row in relation.rows() {
            if let Some(at) = oid {
                let oid: u32 = row.text(at).unwrap().parse().unwrap();
                assert!(oid < pgdata::FIRST_OWN_OID);
            }
        }
    }
    assert_eq!(relation("pg_am").unwrap().rows().count(), 7);
    assert!(relation("pg_nothing").is_none());
}

#[test]
fn escapes_are_undone() {
    let procedures = relation("pg_proc").unwrap();
    let (name, source) =
        (procedures.column("proname").unwrap(), procedures.column("prosrc").unwrap());
    let expand = procedures.rows().find(|row| row.text(name).as_deref() == Some("_pg_expandarray"));
    assert!(expand.unwrap().text(source).unwrap().contains('\n'));
}

#[test]
fn types_are_found_by_name_and_oid() {
    let int4 = type_by_name("int4").unwrap();
    assert_eq!((int4.oid, &*int4.label, int4.array), (23, "integer", 1007));
    assert_eq!(&*type_by_oid(1231).unwrap().label, "numeric[]");
    assert_eq!(&*type_by_name("char").unwrap().label, "\"char\"");
    assert!(type_by_name("_text").unwrap().is_array);
    assert!(!type_by_name("name").unwrap().is_array);
    assert_eq!(type_by_name("anyelement").unwrap().kind, TypeKind::Pseudo);
    assert_eq!(type_by_name("pg_class").unwrap().kind, TypeKind::Composite);
    assert!(type_by_name("integer").is_none());
    // The constants that the code is written with mean the same types.
    for known in crate::model::pg_type::BUILTIN_TYPES {
        let exported = type_by_oid(known.oid).unwrap();
        assert_eq!((exported.name, &*exported.label), (known.name, known.sql_name));
        assert_eq!((exported.category, exported.is_preferred), (known.category, known.preferred));
    }
}

#[test]
fn functions_are_found_by_name_and_oid() {
    assert_eq!(functions_named("lower").len(), 3);
    assert!(functions_named("no_such_function").is_empty());
    assert!(functions().len() > 3200);
    let insert = &functions_named("jsonb_insert")[0];
    assert_eq!((insert.default_count, insert.defaults()), (1, Some("false")));
    assert_eq!(pgdata::function(insert.oid).unwrap().name, "jsonb_insert");
    let each = &functions_named("jsonb_each")[0];
    let outputs: Vec<_> = each.outputs().iter().map(|output| output.name).collect();
    assert_eq!((outputs, each.returns_set), (vec!["key", "value"], true));
    let interval = functions_named("make_interval")[0].argument_names();
    assert_eq!(interval[..2], ["years", "months"]);
    let percentile = functions_named("percentile_cont").iter().find(|f| f.aggregate_kind == b'o');
    let percentile = percentile.unwrap();
    assert_eq!((percentile.kind, percentile.direct_arguments), (FunctionKind::Aggregate, 1));
    assert_eq!(function_label(&functions_named("substr")[0]), "substr(text,integer,integer)");
}

#[test]
fn operators_and_casts_are_found() {
    let plus = operators_named("+");
    let of = |left, right| plus.iter().find(|known| known.left == left && known.right == right);
    assert_eq!(of(23, 20).map(|known| known.result), Some(20));
    assert_eq!(of(0, 23).map(|known| known.result), Some(23));
    assert_eq!(cast(20, 23).map(|cast| cast.context), Some(CastContext::Assignment));
    assert_eq!(cast(1043, 25).map(|cast| cast.method), Some(CastMethod::Binary));
    assert_eq!(cast(1082, 23), None);
}

#[test]
fn comparable_types_are_known() {
    let comparable = |data_type: PgType| is_orderable(data_type.oid);
    assert!(comparable(PgType::INTERVAL) && comparable(PgType::JSONB));
    assert!(!comparable(PgType::JSON));
    let equal = pgdata::equality(PgType::INT4.oid).unwrap().operator;
    assert_eq!(pgdata::operator(equal).map(|known| known.name), Some("="));
    let xid = pgdata::equality(type_by_name("xid").unwrap().oid).unwrap();
    assert!(xid.hashable && !xid.orderable && xid.operator != 0);
}

#[test]
fn names_are_quoted_where_sql_needs_it() {
    assert_eq!(quote_identifier("abc_1"), "abc_1");
    assert_eq!(quote_identifier("Abc"), "\"Abc\"");
    assert_eq!(quote_identifier("select"), "\"select\"");
    assert_eq!(quote_identifier("a\"b"), "\"a\"\"b\"");
    assert_eq!(quote_identifier(""), "\"\"");
    assert_eq!(quote_identifier("name"), "name");
}

#[test]
fn types_are_found_by_the_names_of_sql() {
    let oid = |text: &str| {
        let parts = pgdata::type_name_parts(text)?;
        pgdata::type_by_parts(&parts).map(|known| known.oid)
    };
    for (text, expected) in [
        ("int4", 23),
        ("Integer", 23),
        (" character  varying ( 10 ) ", 1043),
        ("timestamp(3) with time zone", 1184),
        ("pg_catalog.int4[]", 1007),
        ("integer[][]", 1007),
        ("char", 1042),
        ("\"char\"", 18),
        ("pg_catalog.\"char\"", 18),
        ("_text", 1009),
    ] {
        assert_eq!(oid(text), Some(expected), "{text}");
    }
    for text in ["", "nothing", "public.int4", "int4 int4", "\"integer\"", "a.b.c", "(", "int4("] {
        assert_eq!(oid(text), None, "{text}");
    }
}
