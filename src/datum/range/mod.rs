//! Ranges and multiranges (manual, "Range Types").
//!
//! Stored as text: PostgreSQL's text form of a range, with the bounds in their stored forms. A range type whose bounds
//! have next values (`int4range`) is always `[lower,upper)`, so that equal ranges are equal texts; ranges of other types
//! are compared by their bounds, by a collation of the subtype.
//!
//! Invariant: a [`Span`] isn't empty and is canonical; a multirange is in order, and between its spans there is
//! something.

mod input;
mod output;
mod set;

#[cfg(test)]
mod range_test;

use std::cmp::Ordering;

use crate::datum::compare::{arrays_by, compare};
use crate::datum::range::input::range_literals;
use crate::datum::{calendar, stored};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::pgdata;

/// 22000, of which ranges have most errors.
pub const DATA_EXCEPTION: SqlState = SqlState(*b"22000");

/// A type of ranges or of multiranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The type of the bounds.
    pub subtype: PgType,
    /// Whether a bound has a next value, so that ranges have one form only.
    pub is_discrete: bool,
    pub is_multirange: bool,
}

/// One end of a span. Without a value, there is no limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    pub value: Option<Value>,
    pub inclusive: bool,
    /// Whether it is the lower end.
    is_lower: bool,
}

/// A range that has something in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    pub lower: Bound,
    pub upper: Bound,
}

impl Bound {
    pub fn lower(value: Option<Value>, inclusive: bool) -> Self {
        Self { value, inclusive, is_lower: true }
    }

    pub fn upper(value: Option<Value>, inclusive: bool) -> Self {
        Self { value, inclusive, is_lower: false }
    }

    /// The end of what lies on the other side.
    fn beyond(&self) -> Self {
        Self { value: self.value.clone(), inclusive: !self.inclusive, is_lower: !self.is_lower }
    }
}

impl Kind {
    /// What a type consists of, if it is one of ranges or multiranges.
    pub fn of(oid: Oid) -> Option<Self> {
        if oid >= CARRIERS {
            let is_multirange = match shape(oid) {
                RANGE => false,
                MULTIRANGE => true,
                _ => return None,
            };
            let subtype = PgType::new(oid & SUBTYPE);
            return Some(Self { subtype, is_discrete: false, is_multirange });
        }
        let (known, is_multirange) = match pgdata::range_type(oid) {
            Some(known) => (known, false),
            None => (pgdata::range_of_multirange(oid)?, true),
        };
        let subtype = PgType::new(known.subtype);
        Some(Self { subtype, is_discrete: known.is_discrete, is_multirange })
    }

    /// The collation that orders stored values of these ranges and multiranges.
    pub fn collation(self) -> &'static str {
        self.collations().0
    }

    /// The collation that orders stored arrays of them.
    pub fn array_collation(self) -> &'static str {
        self.collations().1
    }

    fn collations(self) -> (&'static str, &'static str) {
        let (plain, array, _) = COLLATIONS[order_of(self.subtype.oid).unwrap_or(0)];
        (plain, array)
    }

    /// The range between two bounds; `None` if it is empty.
    ///
    /// # Errors
    /// 22000 if the lower one is above the upper one; 22003 or 22008 if there is no value behind the
    /// last one.
    pub fn make(self, lower: Bound, upper: Bound) -> Result<Option<Span>, Error> {
        let Some(mut span) = self.checked(lower, upper)? else { return Ok(None) };
        if !self.is_discrete {
            return Ok(Some(span));
        }
        let mut moved = false;
        for (bound, wanted) in [(&mut span.lower, true), (&mut span.upper, false)] {
            if bound.inclusive != wanted
                && let Some(value) = &bound.value
                && let Some(next) = self.next(value)?
            {
                (bound.value, bound.inclusive) = (Some(next), wanted);
                moved = true;
            }
        }
        if moved { self.checked(span.lower, span.upper) } else { Ok(Some(span)) }
    }

    fn checked(self, mut lower: Bound, mut upper: Bound) -> Result<Option<Span>, Error> {
        lower.inclusive &= lower.value.is_some();
        upper.inclusive &= upper.value.is_some();
        match self.compare_values(&lower, &upper)? {
            Ordering::Greater => {
                let message = "range lower bound must be less than or equal to range upper bound";
                Err(Error::user(DATA_EXCEPTION, message))
            }
            Ordering::Equal if !(lower.inclusive && upper.inclusive) => Ok(None),
            Ordering::Equal | Ordering::Less => Ok(Some(Span { lower, upper })),
        }
    }

    /// The value behind this one; `None` for the infinite dates.
    fn next(self, value: &Value) -> Result<Option<Value>, Error> {
        let overflow = |name: &str| {
            Error::user(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("{name} out of range"))
        };
        match value {
            Value::Integer(number) if self.subtype == PgType::INT4 => {
                let next = i32::try_from(number + 1).map_err(|_| overflow("integer"))?;
                Ok(Some(Value::Integer(i64::from(next))))
            }
            Value::Integer(number) => {
                let next = number.checked_add(1).ok_or_else(|| overflow("bigint"))?;
                Ok(Some(Value::Integer(next)))
            }
            Value::Text(text) => {
                let days = calendar::load_date(text).ok_or_else(|| self.corrupted())?;
                if matches!(days, calendar::DATE_INFINITY | calendar::DATE_NEGATIVE_INFINITY) {
                    return Ok(None);
                }
                if i64::from(days) >= calendar::DAYS_MAX {
                    let message = "date out of range";
                    return Err(Error::user(SqlState::DATETIME_FIELD_OVERFLOW, message));
                }
                Ok(Some(Value::Text(calendar::store_date(days + 1))))
            }
            _ => Err(self.corrupted()),
        }
    }

    fn corrupted(self) -> Error {
        stored::corrupted(self.subtype)
    }

    /// Orders two bounds by their values alone.
    fn compare_values(self, left: &Bound, right: &Bound) -> Result<Ordering, Error> {
        let end = |bound: &Bound| if bound.is_lower { Ordering::Less } else { Ordering::Greater };
        match (&left.value, &right.value) {
            (None, None) if left.is_lower == right.is_lower => Ok(Ordering::Equal),
            (None, _) => Ok(end(left)),
            (_, None) => Ok(end(right).reverse()),
            (Some(left), Some(right)) => compare(self.subtype, left, right),
        }
    }

    /// Orders two bounds by where they cut.
    fn compare_bounds(self, left: &Bound, right: &Bound) -> Result<Ordering, Error> {
        let order = self.compare_values(left, right)?;
        if order.is_ne() || left.value.is_none() {
            return Ok(order);
        }
        // How far from the value itself: an upper bound that excludes it lies before, a lower one behind.
        let side = |bound: &Bound| match (bound.inclusive, bound.is_lower) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => -1,
        };
        Ok(side(left).cmp(&side(right)))
    }

    fn compare_spans(self, left: &Span, right: &Span) -> Result<Ordering, Error> {
        let lower = self.compare_bounds(&left.lower, &right.lower)?;
        if lower.is_ne() { Ok(lower) } else { self.compare_bounds(&left.upper, &right.upper) }
    }

    /// Orders two values: an empty one comes first, then the lower bounds count, then the upper ones.
    ///
    /// # Errors
    /// XX001 for bounds that aren't of the subtype.
    pub fn compare(self, left: &[Span], right: &[Span]) -> Result<Ordering, Error> {
        for (a, b) in left.iter().zip(right) {
            let order = self.compare_spans(a, b)?;
            if order.is_ne() {
                return Ok(order);
            }
        }
        Ok(left.len().cmp(&right.len()))
    }

    /// Orders two stored values.
    ///
    /// # Errors
    /// XX001 for what isn't one.
    pub fn compare_stored(self, left: &str, right: &str) -> Result<Ordering, Error> {
        self.compare(&self.load(left)?, &self.load(right)?)
    }
}

/// The collations that stored ranges and multiranges are ordered by, and arrays of them, with their names.
pub fn orders() -> impl Iterator<Item = (&'static str, Order)> {
    let plain = COLLATIONS.iter().map(|(name, _, subtype)| {
        let kind = Kind { subtype: *subtype, is_discrete: false, is_multirange: false };
        let order: Order = Box::new(move |left, right| {
            // What isn't a value has no place in their order, but must have one in SQLite's.
            let kind = Kind { is_multirange: left.starts_with('{'), ..kind };
            kind.compare_stored(left, right).unwrap_or_else(|_| left.cmp(right))
        });
        (*name, order)
    });
    let arrays = COLLATIONS.iter().map(|(_, name, subtype)| {
        let kind = Kind { subtype: *subtype, is_discrete: false, is_multirange: false };
        let order: Order = Box::new(move |left, right| {
            arrays(kind, left, right).unwrap_or_else(|_| left.cmp(right))
        });
        (*name, order)
    });
    plain.chain(arrays)
}

/// An order of stored values.
pub type Order = Box<dyn Fn(&str, &str) -> Ordering + Send>;

/// Names of a collation and of that of arrays, for ranges of this subtype.
const COLLATIONS: &[(&str, &str, PgType)] = &[
    ("range", "array_range", PgType::TEXT),
    ("range_integer", "array_range_integer", PgType::INT8),
    ("range_decimal", "array_range_decimal", PgType::NUMERIC),
    ("range_real", "array_range_real", PgType::FLOAT8),
    ("range_interval", "array_range_interval", PgType::INTERVAL),
    ("range_network", "array_range_network", PgType::new(869)),
    ("range_timetz", "array_range_timetz", PgType::TIMETZ),
];

/// Which of [`COLLATIONS`] is for ranges of this subtype. The first orders bounds as texts.
fn order_of(subtype: Oid) -> Option<usize> {
    Some(match subtype {
        17 | 19 | 25 | 1042 | 1043 | 1082 | 1083 | 1114 | 1184 | 2950 | 774 | 829 | 1560 | 1562 => {
            0
        }
        16 | 20 | 21 | 23 | 26 => 1,
        1700 => 2,
        700 | 701 => 3,
        1186 => 4,
        650 | 869 => 5,
        1266 => 6,
        _ => return None,
    })
}

/// Whether a database can have ranges of this type of PostgreSQL's.
pub fn has_ranges(subtype: Oid) -> bool {
    order_of(subtype).is_some()
}

/// Values of a database's own range types are stored as those of *carriers*: types that PostgreSQL doesn't have, and whose OIDs
/// say what they are, from this one on. Below the highest bits, four bits are the shape, and the rest is the subtype's OID.
const CARRIERS: Oid = 0xf000_0000;
const SUBTYPE: Oid = 0xffff;
const SHAPE_SHIFT: u32 = 16;
const RANGE: Oid = 0;
const MULTIRANGE: Oid = 1;
/// Added to the shape of the elements.
const ARRAY: Oid = 2;

/// Whether only values of a database's own range types are stored as those of this type.
pub fn is_carrier(oid: Oid) -> bool {
    oid >= CARRIERS
}

fn shape(carrier: Oid) -> Oid {
    (carrier & !CARRIERS) >> SHAPE_SHIFT
}

/// What values of a database's own type of ranges or multiranges are stored as.
pub fn carrier(subtype: Oid, is_multirange: bool) -> PgType {
    let shape = if is_multirange { MULTIRANGE } else { RANGE };
    PgType::new(CARRIERS | (shape << SHAPE_SHIFT) | subtype)
}

/// The carrier of arrays of what a carrier is for.
pub fn array_of(carrier: Oid) -> Option<Oid> {
    let is_plain = carrier >= CARRIERS && shape(carrier) < ARRAY;
    is_plain.then_some(carrier | (ARRAY << SHAPE_SHIFT))
}

/// The carrier of the elements, if this is one of arrays.
pub fn element_of(carrier: Oid) -> Option<Oid> {
    let is_array = carrier >= CARRIERS && shape(carrier) >= ARRAY;
    is_array.then_some(carrier & !(ARRAY << SHAPE_SHIFT))
}

/// Stored arrays of ranges or of multiranges.
fn arrays(kind: Kind, left: &str, right: &str) -> Result<Ordering, Error> {
    arrays_by(PgType::TEXT, (left, right), |left, right| {
        let (left, right) = (stored::text(PgType::TEXT, left)?, stored::text(PgType::TEXT, right)?);
        Kind { is_multirange: left.starts_with('{'), ..kind }.compare_stored(left, right)
    })
}

/// The ranges of a stored multirange, in their stored form.
///
/// # Errors
/// 22P02 for what isn't one.
pub fn members(stored: &str) -> Result<Vec<String>, Error> {
    range_literals(stored)
}
