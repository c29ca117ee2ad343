//! Type names as they are written, with their modifiers.

use crate::datum::{self, interval_fields};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::pgdata::{Type, TypeKind, TypeNameParts, type_by_oid, type_by_parts};
use crate::sql::ast::TypeName;
use crate::sql::types::Types;

/// The type that a written name means.
///
/// # Errors
/// 42704 `type "x" does not exist`; 22023 for a bad modifier; 0A000 for types that values can't have here.
pub(crate) fn lookup_type(types: Types<'_>, name: &TypeName) -> Result<PgType, Error> {
    let position = name.name.first().map_or(0, |part| part.position);
    let at = |error: Error| if position == 0 { error } else { error.with_position(position) };
    let label: Vec<&str> = name.name.iter().map(|part| part.text.as_str()).collect();
    let label = label.join(".");
    let missing = || {
        let message =
            format!("type \"{label}{}\" does not exist", if name.array { "[]" } else { "" });
        at(Error::user(SqlState::UNDEFINED_OBJECT, message))
    };
    let (schema, last) = match name.name.as_slice() {
        [last] => (None, last),
        [schema, last] => (Some(schema.text.clone()), last),
        _ => return Err(missing()),
    };
    let parts = TypeNameParts { schema, name: last.text.clone(), quoted: true, is_array: false };
    let Some(found) = type_by_parts(&parts) else {
        if let Some(schema) = parts.schema.as_deref().filter(|schema| !types.has_schema(schema)) {
            let message = format!("schema \"{schema}\" does not exist");
            return Err(at(Error::user(SqlState::INVALID_SCHEMA_NAME, message)));
        }
        let own = types.own_named(parts.schema.as_deref(), &parts.name).ok_or_else(missing)?;
        if !name.modifiers.is_empty() {
            let message = format!("type modifier is not allowed for type \"{label}\"");
            return Err(at(Error::user(SqlState::SYNTAX_ERROR, message)));
        }
        if name.array && types.domain(own).is_some() {
            return Err(at(Error::refused("an array of a domain is not supported")));
        }
        let oid = if name.array { types.array_of(own).ok_or_else(missing)? } else { own };
        return Ok(PgType::new(oid));
    };
    let modifier = type_modifier(found, &name.modifiers).map_err(at)?;
    let oid = match (name.array, found.is_array) {
        (true, false) => types.array_of(found.oid).ok_or_else(missing)?,
        _ => found.oid,
    };
    check_supported(oid).map_err(at)?;
    Ok(PgType { oid, modifier })
}

/// Refuses types that no value can have here.
///
/// # Errors
/// 0A000, naming the type.
pub(crate) fn check_supported(oid: Oid) -> Result<(), Error> {
    let Some(known) = type_by_oid(oid) else { return Ok(()) };
    let pseudo = known.kind == TypeKind::Pseudo
        && oid != PgType::RECORD.oid
        && oid != PgType::UNKNOWN.oid
        && oid != PgType::VOID.oid;
    if pseudo || !datum::is_supported(oid) {
        return Err(Error::refused(format!("type {} is not supported", known.label)));
    }
    Ok(())
}

/// `pg_attribute.atttypmod` for written modifiers.
fn type_modifier(known: &Type, modifiers: &[i64]) -> Result<i32, Error> {
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
        (1560 | 1562, [length]) if *length < 1 => {
            invalid(format!("length for type {} must be at least 1", known.name))
        }
        (1560 | 1562, [length]) if *length > 83_886_080 => {
            invalid(format!("length for type {} cannot exceed 83886080", known.name))
        }
        (1560 | 1562, [length]) => Ok(*length as i32),
        (1186, [_, digits]) if *digits < 0 => {
            invalid(format!("INTERVAL({digits}) precision must not be negative"))
        }
        (1186, [fields, digits @ ..]) if digits.len() < 2 => {
            match interval_fields::modifier(*fields, digits.first().copied()) {
                Some(modifier) => Ok(modifier),
                None => invalid("invalid INTERVAL type modifier".to_owned()),
            }
        }
        (1083 | 1114 | 1184 | 1266, [precision]) => Ok((*precision).clamp(0, 6) as i32),
        _ => Err(Error::user(
            SqlState::SYNTAX_ERROR,
            format!("type modifier is not allowed for type \"{}\"", known.name),
        )),
    }
}
