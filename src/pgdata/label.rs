//! What messages and `reg*` values call types, functions and operators.

use std::borrow::Cow;

use crate::model::pg_type::Oid;
use crate::pgdata::{Function, Operator, PG_CATALOG, Type, type_by_oid};

/// Names that SQL has for types besides `typname` (`format_type`).
const STANDARD_NAMES: &[(&str, &str)] = &[
    ("bit", "bit"),
    ("bool", "boolean"),
    ("bpchar", "character"),
    ("float4", "real"),
    ("float8", "double precision"),
    ("int2", "smallint"),
    ("int4", "integer"),
    ("int8", "bigint"),
    ("interval", "interval"),
    ("numeric", "numeric"),
    ("time", "time without time zone"),
    ("timetz", "time with time zone"),
    ("timestamp", "timestamp without time zone"),
    ("timestamptz", "timestamp with time zone"),
    ("varbit", "bit varying"),
    ("varchar", "character varying"),
];

/// Words that are quoted when they are names: the reserved ones, and those that are only types or
/// functions, or only columns (manual, appendix "SQL Key Words").
#[rustfmt::skip]
const QUOTED_WORDS: &[&str] = &[
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "between",
    "bigint", "binary", "bit", "boolean", "both", "case", "cast", "char", "character", "check", "coalesce",
    "collate", "collation", "column", "concurrently", "constraint", "create", "cross", "current_catalog",
    "current_date", "current_role", "current_schema", "current_time", "current_timestamp", "current_user", "dec",
    "decimal", "default", "deferrable", "desc", "distinct", "do", "else", "end", "except", "exists", "extract",
    "false", "fetch", "float", "for", "foreign", "freeze", "from", "full", "grant", "greatest", "group",
    "grouping", "having", "ilike", "in", "initially", "inner", "inout", "int", "integer", "intersect", "interval",
    "into", "is", "isnull", "join", "lateral", "leading", "least", "left", "like", "limit", "localtime",
    "localtimestamp", "national", "natural", "nchar", "none", "normalize", "not", "notnull", "null", "nullif",
    "numeric", "offset", "on", "only", "or", "order", "out", "outer", "overlaps", "overlay", "placing",
    "position", "precision", "primary", "real", "references", "returning", "right", "row", "select",
    "session_user", "setof", "similar", "smallint", "some", "substring", "symmetric", "table", "tablesample",
    "then", "time", "timestamp", "to", "trailing", "treat", "trim", "true", "union", "unique", "user", "using",
    "values", "varchar", "variadic", "verbose", "when", "where", "window", "with", "xmlattributes", "xmlconcat",
    "xmlelement", "xmlexists", "xmlforest", "xmlnamespaces", "xmlparse", "xmlpi", "xmlroot", "xmlserialize",
    "xmltable",
];

/// A name as SQL needs it (`quote_ident`).
pub fn quote_identifier(name: &str) -> Cow<'_, str> {
    let start = name.bytes().next();
    let plain = start.is_some_and(|first| first.is_ascii_lowercase() || first == b'_')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && QUOTED_WORDS.binary_search(&name).is_err();
    if plain {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("\"{}\"", name.replace('"', "\"\"")))
    }
}

/// A type's name in messages: `integer`, `text[]`; `???` for one that isn't PostgreSQL's own.
pub fn type_label(oid: Oid) -> &'static str {
    type_by_oid(oid).map_or("???", |known| &known.label)
}

/// `name(types)`, as `regprocedure` shows it where the name is visible.
pub fn function_label(function: &Function) -> String {
    let arguments: Vec<&str> = function.arguments.iter().map(|oid| type_label(*oid)).collect();
    format!("{}({})", quote_identifier(function.name), arguments.join(","))
}

/// `name(left,right)`, as `regoperator` shows it.
pub fn operator_label(operator: &Operator) -> String {
    let left = if operator.left == 0 { "NONE" } else { type_label(operator.left) };
    format!("{}({left},{})", operator.name, type_label(operator.right))
}

/// The label of a type among `all`, which is sorted by OID.
pub(super) fn label_of(known: &Type, all: &[Type]) -> Box<str> {
    // int2vector and oidvector are arrays with names of their own.
    if known.is_array
        && known.storage != b'p'
        && let Ok(at) = all.binary_search_by_key(&known.element, |other| other.oid)
    {
        return format!("{}[]", label_of(&all[at], all)).into();
    }
    if let Some((_, standard)) = STANDARD_NAMES.iter().find(|(name, _)| *name == known.name) {
        return (*standard).into();
    }
    let name = quote_identifier(known.name);
    if known.namespace == PG_CATALOG {
        name.into()
    } else {
        format!("information_schema.{name}").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_quoted_words_is_sorted() {
        assert!(QUOTED_WORDS.is_sorted());
        assert_eq!(quote_identifier("user"), "\"user\"");
    }
}
