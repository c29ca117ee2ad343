//! Type names.

use sqlparser::ast::{ArrayElemTypeDef, CharacterLength, DataType, ExactNumberInfo, TimezoneInfo};

use super::{Convert, unsupported};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{Name, TypeName};

impl Convert<'_> {
    /// `position` is where to point if the type is not known.
    pub(super) fn type_name(&self, data_type: &DataType, position: u32) -> Result<TypeName, Error> {
        let named = |name: &str, modifiers: Vec<i64>| {
            Ok(TypeName {
                name: vec![Name { text: name.to_owned(), position }],
                modifiers,
                array: false,
            })
        };
        let plain = |name: &str| named(name, Vec::new());
        match data_type {
            DataType::Character(length) | DataType::Char(length) => {
                named("bpchar", vec![character_length(length.as_ref())?.unwrap_or(1)])
            }
            DataType::CharacterVarying(length)
            | DataType::CharVarying(length)
            | DataType::Varchar(length) => {
                named("varchar", character_length(length.as_ref())?.into_iter().collect())
            }
            DataType::Uuid => plain("uuid"),
            DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => {
                named("numeric", exact_number(info))
            }
            DataType::Float(info) => float(exact_number(info).first().copied()).and_then(plain),
            DataType::Int2(None) | DataType::SmallInt(None) => plain("int2"),
            DataType::Int(None) | DataType::Int4(None) | DataType::Integer(None) => plain("int4"),
            DataType::Int8(None) | DataType::BigInt(None) => plain("int8"),
            DataType::Real | DataType::Float4 => plain("float4"),
            DataType::DoublePrecision | DataType::Float8 => plain("float8"),
            DataType::Bool | DataType::Boolean => plain("bool"),
            DataType::Date => plain("date"),
            DataType::Time(precision, zone) => {
                named(if zoned(zone) { "timetz" } else { "time" }, precision_list(*precision))
            }
            DataType::Timestamp(precision, zone) => named(
                if zoned(zone) { "timestamptz" } else { "timestamp" },
                precision_list(*precision),
            ),
            DataType::Interval { fields: None, precision } => {
                named("interval", precision_list(*precision))
            }
            DataType::JSON => plain("json"),
            DataType::JSONB => plain("jsonb"),
            DataType::Text => plain("text"),
            DataType::Bytea => plain("bytea"),
            DataType::Regclass => plain("regclass"),
            DataType::Custom(name, modifiers) => {
                let name = self.qualified_name(name)?;
                let modifiers = modifiers
                    .iter()
                    .map(|modifier| modifier.parse().map_err(|_| unsupported("this type modifier")))
                    .collect::<Result<_, _>>()?;
                Ok(TypeName { name, modifiers, array: false })
            }
            DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)) => {
                let element = self.type_name(element, position)?;
                Ok(TypeName { array: true, ..element })
            }
            other => Err(Error::user(
                SqlState::UNDEFINED_OBJECT,
                format!("type \"{}\" does not exist", other.to_string().to_lowercase()),
            )
            .with_position(position)),
        }
    }
}

fn character_length(length: Option<&CharacterLength>) -> Result<Option<i64>, Error> {
    match length {
        None => Ok(None),
        Some(CharacterLength::IntegerLength { length, unit: None }) => {
            Ok(Some(i64::try_from(*length).unwrap_or(i64::MAX)))
        }
        Some(CharacterLength::IntegerLength { .. } | CharacterLength::Max) => {
            Err(unsupported("this length"))
        }
    }
}

fn exact_number(info: &ExactNumberInfo) -> Vec<i64> {
    match info {
        ExactNumberInfo::None => Vec::new(),
        ExactNumberInfo::Precision(precision) => vec![*precision as i64],
        ExactNumberInfo::PrecisionAndScale(precision, scale) => vec![*precision as i64, *scale],
    }
}

fn float(precision: Option<i64>) -> Result<&'static str, Error> {
    match precision {
        None | Some(25..=53) => Ok("float8"),
        Some(1..=24) => Ok("float4"),
        Some(..1) => Err(Error::user(
            SqlState::INVALID_PARAMETER_VALUE,
            "precision for type float must be at least 1 bit",
        )),
        Some(_) => Err(Error::user(
            SqlState::INVALID_PARAMETER_VALUE,
            "precision for type float must be less than 54 bits",
        )),
    }
}

fn zoned(zone: &TimezoneInfo) -> bool {
    matches!(zone, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz)
}

fn precision_list(precision: Option<u64>) -> Vec<i64> {
    precision.map(|digits| digits as i64).into_iter().collect()
}
