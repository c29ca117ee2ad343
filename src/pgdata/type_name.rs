//! Types by the names that SQL has for them, as `regtype` reads them.

use crate::pgdata::{Type, type_by_name, type_by_oid};

/// Words of SQL for types, with their `typname`.
const STANDARD_NAMES: &[(&str, &str)] = &[
    ("bigint", "int8"),
    ("bit varying", "varbit"),
    ("boolean", "bool"),
    ("char", "bpchar"),
    ("char varying", "varchar"),
    ("character", "bpchar"),
    ("character varying", "varchar"),
    ("dec", "numeric"),
    ("decimal", "numeric"),
    ("double precision", "float8"),
    ("float", "float8"),
    ("int", "int4"),
    ("integer", "int4"),
    ("national char", "bpchar"),
    ("national character", "bpchar"),
    ("national character varying", "varchar"),
    ("nchar", "bpchar"),
    ("real", "float4"),
    ("smallint", "int2"),
    ("time with time zone", "timetz"),
    ("time without time zone", "time"),
    ("timestamp with time zone", "timestamptz"),
    ("timestamp without time zone", "timestamp"),
];

/// A type's name taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TypeNameParts {
    /// The schema, if one is named.
    pub schema: Option<String>,
    /// Folded to lower case unless it was quoted; several words have one space between them.
    pub name: String,
    pub quoted: bool,
    pub is_array: bool,
}

/// Takes a type's name apart: `pg_catalog.int4[]`, `character varying(10)`, `"My Type"`. Modifiers
/// are passed over. `None` if it isn't a type's name.
pub fn type_name_parts(text: &str) -> Option<TypeNameParts> {
    let mut parts = TypeNameParts::default();
    let mut words: Vec<(String, bool)> = Vec::new();
    let mut rest = text.trim();
    let mut dotted = false;
    while let Some(first) = rest.chars().next() {
        match first {
            '"' => {
                let (word, after) = quoted_word(&rest[1..])?;
                words.push((word, true));
                rest = after;
            }
            '(' => rest = &rest[rest.find(')')? + 1..],
            '[' => {
                parts.is_array = true;
                rest = &rest[rest.find(']')? + 1..];
            }
            '.' => {
                if dotted || words.len() != 1 {
                    return None;
                }
                dotted = true;
                parts.schema = words.pop().map(|(word, _)| word);
                rest = &rest[1..];
            }
            _ => {
                let end = rest
                    .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
                    .unwrap_or(rest.len());
                if end == 0 || parts.is_array {
                    return None;
                }
                words.push((rest[..end].to_lowercase(), false));
                rest = &rest[end..];
            }
        }
        rest = rest.trim_start();
    }
    if words.is_empty() || (words.len() > 1 && words.iter().any(|(_, quoted)| *quoted)) {
        return None;
    }
    parts.quoted = words[0].1;
    let words: Vec<String> = words.into_iter().map(|(word, _)| word).collect();
    parts.name = words.join(" ");
    Some(parts)
}

/// A quoted word after its first quote, and what follows.
fn quoted_word(text: &str) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('"')?;
        word.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        let Some(after) = rest.strip_prefix('"') else { return Some((word, rest)) };
        word.push('"');
        rest = after;
    }
}

/// PostgreSQL's own type that a name means.
pub fn type_by_parts(parts: &TypeNameParts) -> Option<&'static Type> {
    if parts.schema.as_deref().is_some_and(|schema| schema != "pg_catalog") {
        return None;
    }
    let standard = STANDARD_NAMES.iter().find(|(name, _)| !parts.quoted && *name == parts.name);
    let plain = standard.filter(|_| parts.schema.is_none()).map_or(&*parts.name, |(_, name)| name);
    let found = type_by_name(plain)?;
    if parts.is_array { type_by_oid(found.array) } else { Some(found) }
}
