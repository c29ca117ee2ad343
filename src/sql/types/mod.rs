//! PostgreSQL's types, casts, operators and functions, and the rules that choose among them
//! (manual, chapter "Type Conversion").
//!
//! [`casts`], [`operators`] and [`functions`] are tables; [`resolve`] is the algorithm over them.
//! The tables hold what is supported, with how it is done in SQLite; the algorithm doesn't know them.

pub(crate) mod casts;
pub(crate) mod functions;
pub(crate) mod operators;
pub(crate) mod resolve;

use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{BUILTIN_TYPES, BuiltinType, Oid, PgType, builtin};
use crate::sql::ast::TypeName;

/// The pseudo-type `any`: an argument of whatever type.
pub(crate) const ANY: Oid = 2276;

/// How an operator, function or cast is done in SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lowering {
    /// The first argument as it is.
    Same,
    /// `a op b`.
    Infix(&'static str),
    /// `a op b`, with the collation that the operands' type needs.
    Compare(&'static str),
    /// `guard(a op b)`.
    Guarded(&'static str, &'static str),
    /// `op a`.
    Prefix(&'static str),
    /// `guard(op a)`.
    GuardedPrefix(&'static str, &'static str),
    /// `name(a, b, ...)`.
    Call(&'static str),
    /// `CAST(a AS type)`.
    Convert(&'static str),
    /// Text output, with the type's OID and the session's time zone: `pg_out(a, oid, zone)`.
    Output,
    /// Text input: `pg_in(a, oid, zone)`.
    Input,
    /// A function of a value and the session's time zone.
    Zoned(&'static str),
    /// The start of the transaction, through a cast from timestamptz.
    Now,
    /// The start of the statement.
    StatementTime,
    /// What the statement is compiled for.
    SessionFact(Fact),
    /// Whether a setting is `on`.
    Flag(&'static str),
    BackendPid,
    /// `current_setting(name)`: the name must be a constant.
    CurrentSetting,
    /// A value of a sequence; needs a step of its own.
    NextValue,
}

/// Facts of the session that decide how its statements are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    User,
    Database,
    Schema,
}

/// The category of a type (`pg_type.typcategory`).
pub(crate) fn category(oid: Oid) -> u8 {
    builtin(oid).map_or(b'U', |known| known.category)
}

pub(crate) fn is_preferred(oid: Oid) -> bool {
    builtin(oid).is_some_and(|known| known.preferred)
}

/// Whether a type's values are stored in a form that doesn't compare as the type does: intervals,
/// JSON, arrays.
pub(crate) fn is_unordered(oid: Oid) -> bool {
    category(oid) == b'A'
        || oid == PgType::INTERVAL.oid
        || oid == PgType::JSON.oid
        || oid == PgType::JSONB.oid
}

/// The name in messages, without the modifier.
pub(crate) fn type_label(oid: Oid) -> &'static str {
    builtin(oid).map_or("???", |known| known.sql_name)
}

pub(crate) fn is_integer(oid: Oid) -> bool {
    oid == PgType::INT2.oid || oid == PgType::INT4.oid || oid == PgType::INT8.oid
}

pub(crate) fn is_text(oid: Oid) -> bool {
    oid == PgType::TEXT.oid
        || oid == PgType::VARCHAR.oid
        || oid == PgType::BPCHAR.oid
        || oid == PgType::NAME.oid
}

/// Names of types beside `pg_type.typname`.
const ALIASES: &[(&str, Oid)] = &[
    ("integer", 23),
    ("int", 23),
    ("bigint", 20),
    ("smallint", 21),
    ("boolean", 16),
    ("real", 700),
    ("float", 701),
    ("decimal", 1700),
    ("char", 1042),
    ("character", 1042),
    ("string", 25),
];

/// The type that a written name means.
///
/// # Errors
/// 42704 `type "x" does not exist`; 22023 for a bad modifier; 0A000 for arrays of what has none here.
pub(crate) fn lookup_type(name: &TypeName) -> Result<PgType, Error> {
    let position = name.name.first().map_or(0, |part| part.position);
    let text = match name.name.as_slice() {
        [name] => name.text.as_str(),
        [schema, name] if schema.text == "pg_catalog" => name.text.as_str(),
        parts => {
            return Err(no_such_type(
                &parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join("."),
                position,
            ));
        }
    };
    let element = text.strip_prefix('_');
    let found: Option<&BuiltinType> = BUILTIN_TYPES
        .iter()
        .find(|known| known.name == text)
        .or_else(|| {
            ALIASES.iter().find(|(alias, _)| *alias == text).and_then(|(_, oid)| builtin(*oid))
        })
        .or_else(|| BUILTIN_TYPES.iter().find(|known| Some(known.name) == element));
    let Some(found) =
        found.filter(|known| known.oid != PgType::UNKNOWN.oid && known.category != b'P')
    else {
        return Err(no_such_type(text, position));
    };
    let array =
        name.array || (element.is_some() && found.element_oid == 0 && Some(found.name) == element);
    let modifier = type_modifier(found, &name.modifiers)
        .map_err(|error| error.with_position(position.max(1)))?;
    if !array {
        return Ok(PgType { oid: found.oid, modifier });
    }
    match found.array_oid {
        0 => Err(no_such_type(&format!("{text}[]"), position)),
        oid => Ok(PgType { oid, modifier }),
    }
}

fn no_such_type(name: &str, position: u32) -> Error {
    let error = Error::user(SqlState::UNDEFINED_OBJECT, format!("type \"{name}\" does not exist"));
    if position == 0 { error } else { error.with_position(position) }
}

/// `pg_attribute.atttypmod` for written modifiers.
fn type_modifier(known: &BuiltinType, modifiers: &[i64]) -> Result<i32, Error> {
    let invalid = |message: String| Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message));
    match (known.oid, modifiers) {
        (_, []) => Ok(-1),
        (1042 | 1043, [length]) => {
            let label = if known.oid == 1042 { "char" } else { "varchar" };
            match *length {
                ..1 => invalid(format!("length for type {label} must be at least 1")),
                1..=10_485_760 => Ok(*length as i32 + 4),
                _ => invalid(format!("length for type {label} cannot exceed 10485760")),
            }
        }
        (1700, [precision]) => type_modifier(known, &[*precision, 0]),
        (1700, [precision, scale]) => {
            if !(1..=1000).contains(precision) {
                return invalid(format!(
                    "NUMERIC precision {precision} must be between 1 and 1000"
                ));
            }
            if !(-1000..=1000).contains(scale) {
                return invalid(format!("NUMERIC scale {scale} must be between -1000 and 1000"));
            }
            Ok((((*precision as i32) << 16) | (*scale as i32 & 0x7ff)) + 4)
        }
        (1083 | 1114 | 1184 | 1186, [precision]) => Ok((*precision).clamp(0, 6) as i32),
        _ => Err(Error::user(
            SqlState::SYNTAX_ERROR,
            format!("type modifier is not allowed for type \"{}\"", known.name),
        )),
    }
}
