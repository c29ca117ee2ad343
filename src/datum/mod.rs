//! PostgreSQL's values: text and binary input and output of each type, and the stored form that
//! SQLite keeps (design: `docs/format.md`). Pure.

pub mod array;
pub mod bits;
pub mod calendar;
pub mod compare;
mod datetime;
mod datetime_fields;
mod datetime_input;
pub mod encoding;
pub(crate) mod float;
pub mod form;
pub mod formatting;
pub mod frame;
pub mod geometry;
mod integer;
pub mod interval;
pub(crate) mod interval_fields;
pub mod json;
pub mod json_build;
pub mod json_edit;
pub mod json_put;
pub mod json_record;
pub mod json_walk;
pub mod jsonpath;
pub mod lexemes;
pub mod mac;
pub mod money;
pub mod network;
pub mod numeric;
mod numeric_math;
mod numeric_wire;
pub mod range;
pub mod record;
pub mod record_input;
pub mod regex;
mod stored;
pub(crate) mod string;
mod style;
pub mod temporal;
mod text_in;
pub mod timetz;
pub mod xml;
pub mod zone;

pub use stored::invalid_utf8;
pub use style::{DateFormat, DateOrder, IntervalStyle, Style};
pub use text_in::{ElementText, TextIn};

#[cfg(test)]
mod datum_test;
#[cfg(test)]
mod numeric_test;

use std::borrow::Cow;

use bytes::{BufMut as _, BytesMut};

use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::pgdata;

/// Which code reads and writes a type.
#[derive(Clone, Copy)]
enum Family {
    Bool,
    Bytea,
    Integer,
    Float,
    /// Kept as the text it is.
    String,
    Json,
    Jsonb,
    JsonPath,
    DateTime,
    TimeTz,
    Interval,
    Numeric,
    Uuid,
    Network,
    Mac,
    Lexemes,
    Money,
    Xml,
    Bits,
    Geometry(geometry::Kind),
    /// An object's OID, shown by name where the name is known without a catalog.
    ObjectId,
    Void,
    /// The element type's OID.
    Array(u32),
    Record,
    /// Ranges and multiranges.
    Range(range::Kind),
}

fn family(data_type: PgType) -> Result<Family, Error> {
    Ok(match data_type.oid {
        16 => Family::Bool,
        17 => Family::Bytea,
        20 | 21 | 23 | 26 | 28 | 29 => Family::Integer,
        700 | 701 => Family::Float,
        18 | 19 | 25 | 705 | 1042 | 1043 => Family::String,
        // Seen in the system catalogs only.
        27 | 194 | 1033 | 2275 | 3220 | 3361 | 3402 | 5017 => Family::String,
        114 => Family::Json,
        3802 => Family::Jsonb,
        4072 => Family::JsonPath,
        1082 | 1083 | 1114 | 1184 => Family::DateTime,
        1186 => Family::Interval,
        1266 => Family::TimeTz,
        1560 | 1562 => Family::Bits,
        1700 => Family::Numeric,
        2950 => Family::Uuid,
        650 | 869 => Family::Network,
        774 | 829 => Family::Mac,
        3614 => Family::Lexemes,
        790 => Family::Money,
        142 => Family::Xml,
        24 | 2202..=2206 | 3734 | 3769 | 4089 | 4096 | 4191 => Family::ObjectId,
        2278 => Family::Void,
        2249 => Family::Record,
        oid => match pgdata::type_by_oid(oid) {
            Some(known) if known.is_array => Family::Array(known.element),
            Some(known) => {
                if let Some(kind) = geometry::Kind::of(oid) {
                    return Ok(Family::Geometry(kind));
                }
                if let Some(kind) = range::Kind::of(oid) {
                    return Ok(Family::Range(kind));
                }
                return Err(Error::refused(format!("type {} is not supported", known.label)));
            }
            None => match (range::Kind::of(oid), range::element_of(oid)) {
                (Some(kind), _) => Family::Range(kind),
                (None, Some(element)) => Family::Array(element),
                (None, None) => {
                    return Err(Error::refused(format!("type with OID {oid} is not supported")));
                }
            },
        },
    })
}

/// Reads a value from PostgreSQL's text form into the stored form, applying the type modifier as
/// an assignment does: too long a text is 22001.
///
/// # Errors
/// 22P02 `invalid input syntax for type integer: "x"`, 22003, 22007, 22008, 22001 ...
pub fn from_text(data_type: PgType, text: &str, style: &Style) -> Result<Value, Error> {
    match family(data_type)? {
        Family::Bool => integer::bool_from_text(text),
        Family::Bytea => string::bytea_from_text(text),
        Family::Integer => integer::from_text(data_type, text),
        Family::Float => float::from_text(data_type, text),
        Family::String => string::from_text(data_type, text),
        Family::Json => {
            json::check(stored::no_nul(text)?)?;
            Ok(Value::Text(text.to_owned()))
        }
        Family::Jsonb => Ok(Value::Text(json::normalize(text)?)),
        Family::JsonPath => jsonpath_from_text(text),
        Family::DateTime => datetime::from_text(data_type, text, style),
        Family::TimeTz => timetz::from_text(data_type, text, style),
        Family::Interval => interval::from_text(data_type, text),
        Family::Numeric => numeric_wire::from_text(data_type, text),
        Family::Uuid => string::uuid_from_text(text),
        Family::Network => network::from_text(data_type, text),
        Family::Mac => mac::from_text(data_type, text),
        Family::Lexemes => lexemes::from_text(text),
        Family::Money => money::from_text(text),
        Family::Xml => xml::from_text(text),
        Family::Bits => bits::from_text(data_type, text),
        Family::Geometry(kind) => geometry::from_text(kind, text),
        Family::ObjectId => object_id_from_text(data_type, text),
        Family::Void => Ok(Value::Text(String::new())),
        Family::Array(element) => array::read_text(data_type, element, text, style),
        Family::Range(kind) => kind.from_text(text, style),
        Family::Record => {
            Err(Error::refused("input of anonymous composite types is not implemented"))
        }
    }
}

/// Reads a value from PostgreSQL's binary form.
///
/// # Errors
/// 22P03 for a wrong length or content; 08P01 where PostgreSQL says that data is missing.
pub fn from_binary(data_type: PgType, bytes: &[u8]) -> Result<Value, Error> {
    match family(data_type)? {
        Family::Bool => integer::bool_from_binary(bytes),
        Family::Bytea => Ok(Value::Blob(bytes.to_vec())),
        Family::Integer => integer::from_binary(data_type, bytes),
        Family::ObjectId => integer::from_binary(PgType::OID, bytes),
        Family::Float => float::from_binary(data_type, bytes),
        Family::String if data_type.oid == PgType::CHAR.oid && bytes == [0] => {
            Ok(Value::Text(String::new()))
        }
        Family::String if data_type.oid == string::PG_LSN => string::lsn_from_binary(bytes),
        Family::String => string::from_text(data_type, stored::utf8(bytes)?),
        Family::Json => {
            let text = stored::utf8(bytes)?;
            json::check(text)?;
            Ok(Value::Text(text.to_owned()))
        }
        Family::Jsonb => match bytes.split_first() {
            Some((1, text)) => Ok(Value::Text(json::normalize(stored::utf8(text)?)?)),
            Some((version, _)) => Err(Error::user(
                SqlState::INTERNAL_ERROR,
                format!("unsupported jsonb version number {version}"),
            )),
            None => Err(stored::short_binary()),
        },
        Family::JsonPath => match bytes.split_first() {
            Some((1, text)) => jsonpath_from_text(stored::utf8(text)?),
            Some((version, _)) => Err(Error::user(
                SqlState::INTERNAL_ERROR,
                format!("unsupported jsonpath version number: {version}"),
            )),
            None => Err(stored::short_binary()),
        },
        Family::DateTime => datetime::from_binary(data_type, bytes),
        Family::TimeTz => timetz::from_binary(data_type, bytes),
        Family::Interval => interval::from_binary(data_type, bytes),
        Family::Numeric => numeric_wire::from_binary(data_type, bytes),
        Family::Uuid => string::uuid_from_binary(bytes),
        Family::Network => network::from_binary(data_type, bytes),
        Family::Mac => mac::from_binary(data_type, bytes),
        Family::Lexemes => lexemes::from_binary(bytes),
        Family::Money => money::from_binary(bytes),
        Family::Xml => xml::from_binary(bytes),
        Family::Bits => bits::from_binary(data_type, bytes),
        Family::Geometry(kind) => geometry::from_binary(kind, bytes),
        Family::Void => Ok(Value::Text(String::new())),
        Family::Array(element) => array::read_binary(data_type, element, bytes),
        Family::Range(kind) => kind.from_binary(bytes),
        Family::Record => {
            Err(Error::refused("input of anonymous composite types is not implemented"))
        }
    }
}

/// Writes a stored value in PostgreSQL's text form. `value` is not NULL.
///
/// # Errors
/// XX001 if the stored value isn't one of this type.
pub fn to_text(
    data_type: PgType,
    value: &Value,
    style: &Style,
    out: &mut BytesMut,
) -> Result<(), Error> {
    match family(data_type)? {
        Family::Bool => integer::bool_to_text(value, out),
        Family::Bytea => string::bytea_to_text(value, style, out),
        Family::Integer => integer::to_text(data_type, value, out),
        Family::Float => float::to_text(data_type, value, style.extra_float_digits, out),
        Family::String
        | Family::Json
        | Family::Jsonb
        | Family::JsonPath
        | Family::Uuid
        | Family::Network
        | Family::Mac
        | Family::Lexemes
        | Family::Bits => string::put(data_type, value, out),
        Family::TimeTz => timetz::to_text(value, out),
        Family::Money => money::to_text(value, out),
        Family::Xml => xml::to_text(value, out),
        Family::Geometry(kind) => geometry::to_text(kind, value, style.extra_float_digits, out),
        Family::Record => record::put_text(value, style, out),
        Family::DateTime => datetime::to_text(data_type, value, style, out),
        Family::Interval => interval::to_text(value, style, out),
        Family::Numeric => numeric_wire::to_text(value, out),
        Family::ObjectId => object_id_to_text(data_type, value, out),
        Family::Void => Ok(()),
        Family::Array(element) => array::put_text(data_type, element, value, style, out),
        Family::Range(kind) => kind.put_text(value, style, out),
    }
}

/// Writes a stored value in PostgreSQL's binary form. `value` is not NULL.
///
/// # Errors
/// XX001 if the stored value isn't one of this type.
pub fn to_binary(data_type: PgType, value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    match family(data_type)? {
        Family::Bool => integer::bool_to_binary(value, out),
        Family::Bytea => {
            out.put_slice(string::bytea(value)?);
            Ok(())
        }
        Family::Integer => integer::to_binary(data_type, value, out),
        Family::ObjectId => match value {
            Value::Text(named) => {
                let number = named.split(' ').next().and_then(|number| number.parse().ok());
                integer::to_binary(PgType::OID, &number.map_or(Value::Null, Value::Integer), out)
            }
            _ => integer::to_binary(PgType::OID, value, out),
        },
        Family::Float => float::to_binary(data_type, value, out),
        Family::Jsonb | Family::JsonPath => {
            out.put_u8(1);
            string::put(data_type, value, out)
        }
        Family::String if data_type.oid == PgType::CHAR.oid => string::char_to_binary(value, out),
        Family::String if data_type.oid == string::PG_LSN => string::lsn_to_binary(value, out),
        Family::String | Family::Json => string::put(data_type, value, out),
        Family::DateTime => datetime::to_binary(data_type, value, out),
        Family::TimeTz => timetz::to_binary(value, out),
        Family::Interval => interval::to_binary(value, out),
        Family::Numeric => numeric_wire::to_binary(value, out),
        Family::Uuid => string::uuid_to_binary(value, out),
        Family::Network => network::to_binary(data_type, value, out),
        Family::Mac => mac::to_binary(data_type, value, out),
        Family::Lexemes => lexemes::to_binary(value, out),
        Family::Money => money::to_binary(value, out),
        Family::Xml => xml::to_text(value, out),
        Family::Bits => bits::to_binary(data_type, value, out),
        Family::Geometry(kind) => geometry::to_binary(kind, value, out),
        Family::Void => Ok(()),
        Family::Array(element) => array::put_binary(data_type, element, value, out),
        Family::Range(kind) => kind.put_binary(value, out),
        Family::Record => record::put_binary(value, out),
    }
}

fn jsonpath_from_text(text: &str) -> Result<Value, Error> {
    Ok(Value::Text(jsonpath::Path::parse(stored::no_nul(text)?)?.store()))
}

/// regproc, regclass and regtype by number, `-`, or a built-in type's name. Other names need a
/// catalog and are resolved before they come here.
fn object_id_from_text(data_type: PgType, text: &str) -> Result<Value, Error> {
    if text == "-" {
        return Ok(Value::Integer(0));
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return integer::from_text(PgType::OID, text);
    }
    let parts = pgdata::type_name_parts(text);
    let found = parts.and_then(|parts| pgdata::type_by_parts(&parts));
    match (data_type, found) {
        (PgType::REGTYPE, Some(found)) => Ok(Value::Integer(i64::from(found.oid))),
        (PgType::REGTYPE, None) => {
            Err(Error::user(SqlState::UNDEFINED_OBJECT, format!("type \"{text}\" does not exist")))
        }
        _ => Err(Error::refused(format!(
            "a name as a value of type {} is not supported here: cast a literal",
            stored::type_name(data_type)
        ))),
    }
}

/// Whether a text given for a value of such a type (`regclass` ...) is a name, to be looked up where
/// the catalogs are.
pub fn is_object_name(data_type: PgType, text: &str) -> bool {
    matches!(family(data_type), Ok(Family::ObjectId))
        && data_type.oid != PgType::OID.oid
        && text != "-"
        && !text.starts_with(|c: char| c.is_ascii_digit())
}

fn object_id_to_text(data_type: PgType, value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    match value {
        // A number and a name: what the catalogs call the object.
        Value::Text(named) => {
            let name = named.split_once(' ').map_or(named.as_str(), |(_, name)| name);
            out.put_slice(name.as_bytes());
        }
        Value::Integer(0) => out.put_u8(b'-'),
        _ => {
            let oid = stored::integer(data_type, value)?;
            match u32::try_from(oid).ok().and_then(|oid| object_name(data_type, oid)) {
                Some(name) => out.put_slice(name.as_bytes()),
                None => integer::put_decimal(oid, out),
            }
        }
    }
    Ok(())
}

/// The name of one of PostgreSQL's own objects, as the type shows it.
fn object_name(data_type: PgType, oid: Oid) -> Option<Cow<'static, str>> {
    Some(match data_type.oid {
        24 => {
            let function = pgdata::function(oid)?;
            // A name that several functions have is shown with its schema.
            if pgdata::functions_named(function.name).len() > 1 {
                format!("pg_catalog.{}", pgdata::quote_identifier(function.name)).into()
            } else {
                pgdata::quote_identifier(function.name)
            }
        }
        2202 => pgdata::function_label(pgdata::function(oid)?).into(),
        2203 => {
            let operator = pgdata::operator(oid)?;
            if pgdata::operators_named(operator.name).len() > 1 {
                format!("pg_catalog.{}", operator.name).into()
            } else {
                operator.name.into()
            }
        }
        2204 => pgdata::operator_label(pgdata::operator(oid)?).into(),
        2205 => pgdata::quote_identifier(pgdata::relation_name(oid)?),
        2206 => Cow::Borrowed(&*pgdata::type_by_oid(oid)?.label),
        4089 => Cow::Borrowed(match oid {
            pgdata::PG_CATALOG => "pg_catalog",
            99 => "pg_toast",
            2200 => "public",
            _ => return None,
        }),
        4096 => Cow::Borrowed(if oid == 10 { "postgres" } else { return None }),
        _ => return None,
    })
}

/// Whether values of a type can be read and written here.
pub fn is_supported(oid: Oid) -> bool {
    family(PgType::new(oid)).is_ok_and(|family| match family {
        Family::Array(element) => is_supported(element),
        _ => true,
    })
}

/// Checks a `TimeZone` setting and gives it as it is shown: an IANA name in its own spelling, or a
/// fixed offset.
///
/// # Errors
/// 22023 for a zone that doesn't exist.
pub fn check_time_zone(name: &str) -> Result<String, Error> {
    // A number is hours east of UTC.
    if let Ok(hours) = name.trim_matches(stored::is_space).parse::<f64>() {
        if !(-168.0..=168.0).contains(&hours) {
            return Err(Error::user(
                SqlState::INVALID_PARAMETER_VALUE,
                "invalid interval value for time zone: out of range",
            ));
        }
        return Ok(zone::fixed_name((hours * 3600.0).round() as i32));
    }
    zone::find(name).map(|zone| zone.name().to_owned()).ok_or_else(|| {
        Error::user(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("invalid value for parameter \"TimeZone\": \"{name}\""),
        )
    })
}

/// The stored form of a `timestamptz` that lies this many microseconds after 1970-01-01 00:00 UTC.
pub fn timestamptz_from_unix(microseconds: i64) -> Value {
    let since_2000 = microseconds.saturating_sub(10_957 * calendar::MICROS_PER_DAY);
    Value::Text(calendar::store_timestamp(since_2000, true))
}
