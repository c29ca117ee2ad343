//! The order of a type's values, by what PostgreSQL's default btree operators say.
//!
//! Most stored forms order by themselves; this file is for those that don't (numeric, interval,
//! jsonb, arrays), and for code that must compare values of any type.

use std::cmp::Ordering;

use crate::datum::interval::Interval;
use crate::datum::json::{self, Json};
use crate::datum::numeric::{Numeric, compare_stored};
use crate::datum::range::Kind;
use crate::datum::{array, network, record, stored, timetz};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

/// Orders two values of one type. NULLs are equal to each other and come last, as in arrays.
///
/// # Errors
/// 42883 for types without an order (json); XX001 for values that aren't of the type.
pub fn compare(data_type: PgType, left: &Value, right: &Value) -> Result<Ordering, Error> {
    match (left, right) {
        (Value::Null, Value::Null) => return Ok(Ordering::Equal),
        (Value::Null, _) => return Ok(Ordering::Greater),
        (_, Value::Null) => return Ok(Ordering::Less),
        _ => {}
    }
    Ok(match data_type.oid {
        114 => {
            return Err(Error::user(
                SqlState::UNDEFINED_FUNCTION,
                "could not identify an ordering operator for type json",
            ));
        }
        1186 => intervals(stored::text(data_type, left)?, stored::text(data_type, right)?),
        1700 => compare_stored(stored::text(data_type, left)?, stored::text(data_type, right)?),
        650 | 869 => {
            network::compare(stored::text(data_type, left)?, stored::text(data_type, right)?)
        }
        1266 => timetz::compare(stored::text(data_type, left)?, stored::text(data_type, right)?),
        2249 => record::order(left, right)?,
        2287 => arrays(PgType::RECORD, left, right)?,
        3802 => documents(stored::text(data_type, left)?, stored::text(data_type, right)?),
        oid => match array::element_of(oid).unwrap_or(0) {
            0 | 18 => match Kind::of(oid) {
                Some(kind) => {
                    let left = stored::text(data_type, left)?;
                    kind.compare_stored(left, stored::text(data_type, right)?)?
                }
                None => plain(left, right),
            },
            element => arrays(PgType::new(element), left, right)?,
        },
    })
}

/// By storage class; a float's `NaN` is a text, and above all numbers.
fn plain(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Real(a), Value::Real(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        (Value::Integer(a), Value::Real(b)) => {
            (*a as f64).partial_cmp(b).unwrap_or(Ordering::Equal)
        }
        (Value::Real(a), Value::Integer(b)) => {
            a.partial_cmp(&(*b as f64)).unwrap_or(Ordering::Equal)
        }
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Blob(a), Value::Blob(b)) => a.cmp(b),
        _ => class(left).cmp(&class(right)),
    }
}

fn class(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Integer(_) | Value::Real(_) => 1,
        Value::Text(_) => 2,
        Value::Blob(_) => 3,
    }
}

/// Stored intervals by their length: a month is 30 days, a day 24 hours. What isn't an interval
/// comes first.
pub fn intervals(left: &str, right: &str) -> Ordering {
    let span = |text: &str| Interval::load(text).map(|interval| interval.span());
    span(left).cmp(&span(right))
}

/// Element by element; then the shorter one first, then fewer dimensions.
fn arrays(element: PgType, left: &Value, right: &Value) -> Result<Ordering, Error> {
    let texts = (stored::text(element, left)?, stored::text(element, right)?);
    arrays_by(element, texts, |left, right| compare(element, left, right))
}

/// The same of stored arrays, with elements that `order` orders; NULL comes last.
///
/// # Errors
/// XX001 for what isn't an array of elements stored as those of the type; those of `order`.
pub fn arrays_by(
    element: PgType,
    (left, right): (&str, &str),
    order: impl Fn(&Value, &Value) -> Result<Ordering, Error>,
) -> Result<Ordering, Error> {
    let left = array::load(element, left)?;
    let right = array::load(element, right)?;
    for (a, b) in left.elements.iter().zip(&right.elements) {
        let found = match (a, b) {
            (Value::Null, Value::Null) => Ordering::Equal,
            (Value::Null, _) => Ordering::Greater,
            (_, Value::Null) => Ordering::Less,
            _ => order(a, b)?,
        };
        if found != Ordering::Equal {
            return Ok(found);
        }
    }
    Ok(left
        .elements
        .len()
        .cmp(&right.elements.len())
        .then_with(|| left.lengths.len().cmp(&right.lengths.len()))
        .then_with(|| left.lengths.cmp(&right.lengths)))
}

/// Stored jsonb values in the order of its btree operators. What isn't JSON comes first.
pub fn documents(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    match (json::parse(left, false), json::parse(right, false)) {
        (Ok(left), Ok(right)) => trees(&left, &right, true),
        (Ok(_), Err(_)) => Ordering::Greater,
        (Err(_), Ok(_)) => Ordering::Less,
        (Err(_), Err(_)) => left.cmp(right),
    }
}

/// Object > Array > Boolean > Number > String > null; an empty array at the top is least of all,
/// as PostgreSQL has it by accident.
fn trees(left: &Json<'_>, right: &Json<'_>, top: bool) -> Ordering {
    match (left, right) {
        (Json::Array(a), Json::Array(b)) => {
            a.len().cmp(&b.len()).then_with(|| first_difference(a.iter().zip(b), false))
        }
        (Json::Object(a), Json::Object(b)) => a.len().cmp(&b.len()).then_with(|| {
            a.iter()
                .zip(b)
                .map(|(a, b)| member(a, b))
                .find(|o| o.is_ne())
                .unwrap_or(Ordering::Equal)
        }),
        (Json::Bool(a), Json::Bool(b)) => a.cmp(b),
        (Json::Number(a), Json::Number(b)) => numbers(a, b),
        (Json::String(a), Json::String(b)) => a.cmp(b),
        (Json::Null, Json::Null) => Ordering::Equal,
        _ => rank(left, top).cmp(&rank(right, top)),
    }
}

fn first_difference<'a>(
    pairs: impl Iterator<Item = (&'a Json<'a>, &'a Json<'a>)>,
    top: bool,
) -> Ordering {
    pairs.map(|(a, b)| trees(a, b, top)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

type Member<'a> = (std::borrow::Cow<'a, str>, Json<'a>);

fn member(left: &Member<'_>, right: &Member<'_>) -> Ordering {
    left.0.cmp(&right.0).then_with(|| trees(&left.1, &right.1, false))
}

fn numbers(left: &str, right: &str) -> Ordering {
    match (Numeric::parse(left), Numeric::parse(right)) {
        (Ok(Some(a)), Ok(Some(b))) => a.compare(&b),
        _ => left.cmp(right),
    }
}

fn rank(value: &Json<'_>, top: bool) -> u8 {
    match value {
        Json::Array(items) if top && items.is_empty() => 0,
        Json::Null => 1,
        Json::String(_) => 2,
        Json::Number(_) => 3,
        Json::Bool(_) => 4,
        Json::Array(_) => 5,
        Json::Object(_) => 6,
    }
}

/// Whether two jsonb values are equal, numbers by value.
pub fn json_equal(left: &Json<'_>, right: &Json<'_>) -> bool {
    trees(left, right, true).is_eq()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jsonb_orders_as_postgresql_does() {
        // SELECT ... ORDER BY over these in PostgreSQL 15.
        let ordered = ["[]", "null", "\"a\"", "1", "1.5", "false", "true", "[1]", "[1, 2]", "{}"];
        for pair in ordered.windows(2) {
            assert_eq!(documents(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(documents("{\"a\": 1.0}", "{\"a\": 1.00}"), Ordering::Equal);
    }

    #[test]
    fn intervals_compare_by_length() {
        assert_eq!(intervals("1 day", "24:00:00"), Ordering::Equal);
        assert_eq!(intervals("1 mon", "29 days"), Ordering::Greater);
    }

    #[test]
    fn arrays_compare_by_element_then_length() {
        let ints = PgType::INT4_ARRAY;
        let order = |a: &str, b: &str| {
            compare(ints, &Value::Text(a.to_owned()), &Value::Text(b.to_owned())).unwrap()
        };
        assert_eq!(order("[1,2]", "[1,10]"), Ordering::Less);
        assert_eq!(order("[1,2]", "[1]"), Ordering::Greater);
        assert_eq!(order("[1,null]", "[1,2]"), Ordering::Greater);
    }
}
