//! Assignments to elements and slices of arrays, and to parts of jsonb.
//!
//! What would move an array's lower bound from 1 is refused, as the stored form has no other.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::array::{stored, subscript_error};
use super::typed::{Typed, lenient_typed, sql_value};
use super::{Answer, PURE, lenient, string};
use crate::datum::array::{self, Array};
use crate::datum::json;
use crate::datum::json_put::{self, Step};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

/// Elements that an array has at the most.
const ELEMENTS_MAX: usize = 16 * 1024 * 1024;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    // (array, value, subscripts)
    lenient_typed(connection, "pg_array_assign", element)?;
    // (array, values, lower, upper, lower, upper ...); a text is a bound that isn't written
    lenient_typed(connection, "pg_array_assign_slice", slice)?;
    // (jsonb, value, path, its kinds as `i` and `t`)
    lenient(connection, "pg_jsonb_assign", 4, PURE, |args| {
        let path = array::load(PgType::TEXT, args.text(2)?)?.elements;
        let path = path
            .into_iter()
            .map(|step| match step {
                Value::Text(text) => Ok(text),
                _ => Err(null_subscript("jsonb")),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let kind = |kind: char| if kind == 'i' { Step::Integer } else { Step::Text };
        let steps: Vec<Step> = args.text(3)?.chars().map(kind).collect();
        let parsed = |at: usize| match args.value(at) {
            ValueRef::Null => Ok(None),
            _ => json::parse(args.text(at)?, false).map(Some),
        };
        let value = parsed(1)?.unwrap_or(json::Json::Null);
        json::render(json_put::put(parsed(0)?, (&path, &steps), value)?).map(string)
    })
}

fn null_subscript(what: &str) -> Error {
    Error::user(SqlState(*b"22004"), format!("{what} subscript in assignment must not be null"))
}

fn other_bound() -> Error {
    Error::refused("an array with a lower bound other than 1 is not supported")
}

fn too_large() -> Error {
    let message = format!("array size exceeds the maximum allowed ({ELEMENTS_MAX})");
    Error::limit(SqlState::PROGRAM_LIMIT_EXCEEDED, message)
}

fn loaded(call: &Typed<'_, '_>, at: usize) -> Result<Array, Error> {
    if call.is_null(at) {
        return Ok(Array::default());
    }
    array::load(call.element(0), call.text(at)?)
}

/// The place of a subscript of a one-dimensional array, which grows up to there.
fn grown(array: &mut Array, last: i64) -> Result<(), Error> {
    let length = usize::try_from(last).map_err(|_| other_bound())?;
    if length > ELEMENTS_MAX {
        return Err(too_large());
    }
    if length > array.elements.len() {
        array.elements.resize(length, Value::Null);
        array.lengths = vec![length];
    }
    Ok(())
}

fn element(call: &Typed<'_, '_>) -> Answer {
    let mut array = loaded(call, 0)?;
    let subscripts: Vec<i64> = (2..call.count())
        .map(|at| if call.is_null(at) { Err(null_subscript("array")) } else { call.integer(at) })
        .collect::<Result<_, _>>()?;
    if array.lengths.is_empty() {
        if subscripts.iter().any(|subscript| *subscript != 1) && subscripts.len() > 1 {
            return Err(other_bound());
        }
        array.lengths = vec![1; subscripts.len()];
        array.elements = vec![Value::Null];
        if subscripts.first().is_some_and(|subscript| *subscript != 1) {
            return Err(other_bound());
        }
    }
    if array.lengths.len() != subscripts.len() {
        return Err(subscript_error("wrong number of array subscripts"));
    }
    let place = if let [subscript] = subscripts[..] {
        if subscript < 1 {
            return Err(other_bound());
        }
        grown(&mut array, subscript)?;
        subscript as usize - 1
    } else {
        let mut place = 0;
        for (subscript, length) in subscripts.iter().zip(&array.lengths) {
            let inside = usize::try_from(*subscript).ok().filter(|at| (1..=*length).contains(at));
            let inside = inside.ok_or_else(|| subscript_error("array subscript out of range"))?;
            place = place * length + inside - 1;
        }
        place
    };
    array.elements[place] = call.value(1)?;
    Ok(stored(call.element(0), &mut array))
}

fn slice(call: &Typed<'_, '_>) -> Answer {
    if (2..call.count()).any(|at| call.is_null(at)) {
        return Err(null_subscript("array"));
    }
    if call.is_null(1) {
        // It changes nothing.
        return Ok(sql_value(call.value(0)?));
    }
    let mut array = loaded(call, 0)?;
    let values = loaded(call, 1)?.elements;
    let written = (call.count() - 2) / 2;
    let bound = |at: usize| match call.raw(at) {
        ValueRef::Integer(bound) => Some(bound),
        _ => None,
    };
    let bounds: Vec<(Option<i64>, Option<i64>)> =
        (0..written).map(|at| (bound(2 * at + 2), bound(2 * at + 3))).collect();
    if array.lengths.is_empty() {
        if bounds.iter().any(|bound| matches!(bound, (Some(low), Some(high)) if low > high)) {
            // A slice of nothing.
            return Ok(string("[]"));
        }
        fresh(&mut array, &bounds)?;
    }
    if array.lengths.len() < bounds.len() {
        return Err(subscript_error("wrong number of array subscripts"));
    }
    let mut ranges = Vec::new();
    for (at, length) in array.lengths.iter().enumerate() {
        let (low, high) = bounds.get(at).copied().unwrap_or_default();
        ranges.push((low.unwrap_or(1), high.unwrap_or(*length as i64)));
    }
    if let [(low, high)] = ranges[..] {
        if low > high {
            return Err(subscript_error("upper bound cannot be less than lower bound"));
        }
        if low < 1 {
            return Err(other_bound());
        }
        if ((high - low) as usize) >= values.len() {
            return Err(subscript_error("source array too small"));
        }
        grown(&mut array, high)?;
    } else {
        let outside = |((low, high), length): (&(i64, i64), &usize)| {
            low > high || *low < 1 || *high > *length as i64
        };
        if ranges.iter().zip(&array.lengths).any(outside) {
            return Err(subscript_error("array subscript out of range"));
        }
        let wanted: i64 = ranges.iter().map(|(low, high)| high - low + 1).product();
        if wanted > values.len() as i64 {
            return Err(subscript_error("source array too small"));
        }
    }
    let mut values = values.into_iter();
    for (place, old) in array.elements.iter_mut().enumerate() {
        let mut rest = place;
        let inside = array.lengths.iter().zip(&ranges).rev().all(|(length, (low, high))| {
            let index = (rest % length) as i64 + 1;
            rest /= length;
            (*low..=*high).contains(&index)
        });
        if inside && let Some(value) = values.next() {
            *old = value;
        }
    }
    Ok(stored(call.element(0), &mut array))
}

/// An array that is as large as the slice that is assigned.
fn fresh(array: &mut Array, bounds: &[(Option<i64>, Option<i64>)]) -> Result<(), Error> {
    for bound in bounds {
        let (Some(low), Some(high)) = *bound else {
            let detail = "When assigning to a slice of an empty array value, slice boundaries must be fully specified.";
            return Err(subscript_error("array slice subscript must provide both boundaries")
                .with_detail(detail));
        };
        if low != 1 {
            return Err(other_bound());
        }
        array.lengths.push(high as usize);
    }
    let size = array.lengths.iter().try_fold(1_usize, |size, length| size.checked_mul(*length));
    let size = size.filter(|size| *size <= ELEMENTS_MAX).ok_or_else(too_large)?;
    array.elements = vec![Value::Null; size];
    Ok(())
}
