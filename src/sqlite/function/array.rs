//! Arrays: constructors, subscripts, and the functions and operators over them.
//!
//! All lower bounds are 1, as the stored form has no others.

use rusqlite::Connection;
use rusqlite::types::{Value as SqlValue, ValueRef};

use super::typed::{Typed, lenient_typed, sql_value, strict_typed};
use super::{Answer, Arguments, boolean, integer, lenient, strict, string};
use crate::datum::array::{self, Array};
use crate::datum::compare::compare;
use crate::datum::json::{self, Shallow};
use crate::datum::{self, Style};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;

/// `MAXDIM`
const DIMENSIONS_MAX: usize = 6;
/// Elements that a function makes at the most.
const ELEMENTS_MAX: usize = 16 * 1024 * 1024;

pub(super) fn subscript_error(message: &str) -> Error {
    Error::user(SqlState(*b"2202E"), message)
}

fn incompatible(detail: &str) -> Error {
    subscript_error("cannot concatenate incompatible arrays").with_detail(detail)
}

/// A value as its type's modifier wants it: assigned, or cast, which cuts what is too long.
fn modified(data_type: PgType, text: &str, cut: bool) -> Result<Value, Error> {
    if matches!(data_type.oid, 1560 | 1562) {
        return datum::bits::fit(data_type, text, cut).map(Value::Text);
    }
    let length = usize::try_from(data_type.modifier - 4).unwrap_or(0);
    let is_string = matches!(data_type.oid, 1042 | 1043);
    let end = text.char_indices().nth(length).filter(|_| cut && is_string).map(|(at, _)| at);
    datum::from_text(data_type, &text[..end.unwrap_or(text.len())], &Style::default())
}

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    register_shape(connection)?;
    lenient_typed(connection, "pg_array", construct)?;
    // An array, its elements' type and modifier, and whether too long a text is cut.
    strict(connection, "pg_array_modify", 4, |args| {
        let oid = Oid::try_from(args.integer(1)?).unwrap_or(0);
        let element = PgType { oid, modifier: args.integer(2)? as i32 };
        let cut = args.integer(3)? != 0;
        let mut array = array::load(element, args.text(0)?)?;
        for value in &mut array.elements {
            if let Value::Text(text) = value {
                *value = modified(element, text, cut)?;
            }
        }
        Ok(string(array::store(element, &array)))
    })?;
    lenient_typed(connection, "pg_array_get", get)?;
    lenient_typed(connection, "pg_array_slice", slice)?;
    lenient_typed(connection, "pg_array_append", |call| {
        let element = call.element(0);
        let array = load_or_empty(call, 0, element)?;
        append(element, array, call.value(1)?, true)
    })?;
    lenient_typed(connection, "pg_array_prepend", |call| {
        let element = call.element(1);
        let array = load_or_empty(call, 1, element)?;
        append(element, array, call.value(0)?, false)
    })?;
    lenient_typed(connection, "pg_array_cat", concatenate)?;
    lenient_typed(connection, "pg_array_remove", remove)?;
    lenient_typed(connection, "pg_array_replace", replace)?;
    for (name, all) in [("pg_array_position", false), ("pg_array_positions", true)] {
        lenient_typed(connection, name, move |call| positions(call, all))?;
    }
    lenient_typed(connection, "pg_array_fill", fill)?;
    strict_typed(connection, "pg_trim_array", |call| {
        let element = call.element(0);
        let mut array = array::load(element, call.text(0)?)?;
        let length = array.lengths.first().copied().unwrap_or(0);
        let count = usize::try_from(call.integer(1)?).ok().filter(|count| *count <= length);
        let Some(count) = count else {
            let message = format!("number of elements to trim must be between 0 and {length}");
            return Err(subscript_error(&message));
        };
        if let Some(first) = array.lengths.first_mut() {
            let inner = array.elements.len() / (*first).max(1);
            *first -= count;
            array.elements.truncate(*first * inner);
        }
        Ok(stored(element, &mut array))
    })?;
    for (name, swapped) in [("pg_arraycontains", false), ("pg_arraycontained", true)] {
        strict_typed(connection, name, move |call| {
            let (whole, part) = if swapped { (1, 0) } else { (0, 1) };
            contains(call, whole, part).map(boolean)
        })?;
    }
    strict_typed(connection, "pg_arrayoverlap", |call| overlap(call).map(boolean))?;
    for (name, greatest) in [("pg_typed_greatest", true), ("pg_typed_least", false)] {
        lenient_typed(connection, name, move |call| extreme(call, greatest))?;
    }
    register_texts(connection)
}

/// GREATEST and LEAST of values that don't compare as they are stored; NULLs don't count.
fn extreme(call: &Typed<'_, '_>, greatest: bool) -> Answer {
    let mut best = Value::Null;
    for at in 0..call.count() {
        let value = call.value(at)?;
        if value == Value::Null {
            continue;
        }
        let better = best == Value::Null || {
            let order = compare(call.data_type(at), &value, &best)?;
            if greatest { order.is_gt() } else { order.is_lt() }
        };
        if better {
            best = value;
        }
    }
    Ok(sql_value(best))
}

/// Functions that look at dimensions only.
fn register_shape(connection: &Connection) -> rusqlite::Result<()> {
    // The same elements in one dimension.
    strict(connection, "pg_array_flat", 1, |args| {
        let text = args.text(0)?;
        if !text.starts_with("[[") {
            return Ok(string(text));
        }
        let mut out = String::from("[");
        flatten(text, &mut out)?;
        out.push(']');
        Ok(string(out))
    })?;
    strict(connection, "pg_array_ndims", 1, |args| {
        Ok(match lengths(args)?.len() {
            0 => SqlValue::Null,
            count => integer(count as i64),
        })
    })?;
    strict(connection, "pg_array_dims", 1, |args| {
        let lengths = lengths(args)?;
        if lengths.is_empty() {
            return Ok(SqlValue::Null);
        }
        Ok(string(lengths.iter().map(|length| format!("[1:{length}]")).collect::<String>()))
    })?;
    for (name, lower) in
        [("pg_array_lower", true), ("pg_array_upper", false), ("pg_array_length", false)]
    {
        strict(connection, name, 2, move |args| {
            let lengths = lengths(args)?;
            let at = usize::try_from(args.integer(1)? - 1).ok();
            Ok(match at.and_then(|at| lengths.get(at)) {
                None => SqlValue::Null,
                Some(_) if lower => integer(1),
                Some(length) => integer(*length as i64),
            })
        })?;
    }
    strict(connection, "pg_array_cardinality", 1, |args| {
        let lengths = lengths(args)?;
        Ok(integer(if lengths.is_empty() { 0 } else { lengths.iter().product::<usize>() as i64 }))
    })?;
    // The subscripts of a dimension as a JSON array, from the last one if reversed.
    for (name, first) in [("pg_generate_subscripts", 1), ("pg_generate_subscripts_of_vector", 0)] {
        strict(connection, name, -1, move |args| {
            let lengths = lengths(args)?;
            let at = usize::try_from(args.integer(1)? - 1).ok();
            let length = at.and_then(|at| lengths.get(at)).copied().unwrap_or(0) as i64;
            let reverse = args.count() > 2 && args.integer(2)? != 0;
            let subscripts = first..first + length;
            let numbers: Vec<Value> = if reverse {
                subscripts.rev().map(Value::Integer).collect()
            } else {
                subscripts.map(Value::Integer).collect()
            };
            Ok(stored(PgType::INT4, &mut one_dimension(numbers)))
        })?;
    }
    Ok(())
}

/// Writes the elements of a stored array as they are, at whatever depth.
fn flatten(array: &str, out: &mut String) -> Result<(), Error> {
    let Shallow::Array(items) = json::shallow(array)? else { return Ok(()) };
    for item in items {
        if item.starts_with('[') {
            flatten(item, out)?;
            continue;
        }
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(item);
    }
    Ok(())
}

fn register_texts(connection: &Connection) -> rusqlite::Result<()> {
    for name in ["pg_array_to_text", "pg_array_to_text_null"] {
        lenient_typed(connection, name, join)?;
    }
    for name in ["pg_text_to_array", "pg_text_to_array_null"] {
        lenient(connection, name, -1, super::PURE, split)?;
    }
    Ok(())
}

fn lengths(args: &Arguments<'_, '_>) -> Result<Vec<usize>, Error> {
    // The elements don't matter here, so any element type that takes all of them will do.
    array::load(PgType::TEXT, args.text(0)?).map(|array| array.lengths)
}

fn one_dimension(elements: Vec<Value>) -> Array {
    let lengths = if elements.is_empty() { Vec::new() } else { vec![elements.len()] };
    Array { lengths, elements }
}

pub(super) fn stored(element: PgType, array: &mut Array) -> SqlValue {
    if array.elements.is_empty() {
        array.lengths.clear();
    }
    string(array::store(element, array))
}

/// An array argument; `None` for NULL.
fn load_or_empty(call: &Typed<'_, '_>, at: usize, element: PgType) -> Result<Array, Error> {
    if call.is_null(at) {
        return Ok(Array::default());
    }
    array::load(element, call.text(at)?)
}

/// `ARRAY[...]` of values, or of arrays, which makes one dimension more. The types are those of the
/// first argument.
fn construct(call: &Typed<'_, '_>) -> Answer {
    let data_type = call.data_type(0);
    let is_array =
        crate::model::pg_type::builtin(data_type.oid).is_some_and(|known| known.category == b'A');
    if !is_array {
        let elements = (0..call.count()).map(|at| call.value(at)).collect::<Result<Vec<_>, _>>()?;
        return Ok(stored(data_type, &mut one_dimension(elements)));
    }
    let element = call.element(0);
    let mut arrays = Vec::new();
    for at in 0..call.count() {
        arrays.push(load_or_empty(call, at, element)?);
    }
    Ok(stored(element, &mut nest(arrays)?))
}

/// Arrays as the elements of one with a dimension more.
pub(super) fn nest(arrays: Vec<Array>) -> Result<Array, Error> {
    let count = arrays.len();
    let mut whole = Array::default();
    for (at, inner) in arrays.into_iter().enumerate() {
        if at == 0 {
            whole.lengths = inner.lengths;
        } else if inner.lengths != whole.lengths {
            return Err(subscript_error(
                "multidimensional arrays must have array expressions with matching dimensions",
            ));
        }
        whole.elements.extend(inner.elements);
    }
    if whole.elements.is_empty() {
        return Ok(Array::default());
    }
    whole.lengths.insert(0, count);
    if whole.lengths.len() > DIMENSIONS_MAX {
        return Err(Error::limit(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            format!(
                "number of array dimensions ({}) exceeds the maximum allowed ({DIMENSIONS_MAX})",
                whole.lengths.len()
            ),
        ));
    }
    Ok(whole)
}

/// `array[i][j]`: NULL outside the bounds, and with another number of subscripts than dimensions.
fn get(call: &Typed<'_, '_>) -> Answer {
    if (0..call.count()).any(|at| call.is_null(at)) {
        return Ok(SqlValue::Null);
    }
    let array = array::load(call.element(0), call.text(0)?)?;
    let count = call.count() - 1;
    if count != array.lengths.len() {
        return Ok(SqlValue::Null);
    }
    let is_vector = matches!(call.data_type(0), PgType::INT2VECTOR | PgType::OIDVECTOR);
    let first = i64::from(!is_vector);
    let mut place = 0;
    for (at, length) in array.lengths.iter().enumerate() {
        let index = call.integer(at + 1)? - first;
        match usize::try_from(index).ok().filter(|index| index < length) {
            None => return Ok(SqlValue::Null),
            Some(index) => place = place * length + index,
        }
    }
    Ok(array.elements.into_iter().nth(place).map_or(SqlValue::Null, sql_value))
}

/// `array[l:u][l:u]`: pairs of bounds, where a text stands for a bound that isn't written.
fn slice(call: &Typed<'_, '_>) -> Answer {
    if (0..call.count()).any(|at| call.is_null(at)) {
        return Ok(SqlValue::Null);
    }
    let element = call.element(0);
    let array = array::load(element, call.text(0)?)?;
    let written = (call.count() - 1) / 2;
    if written > array.lengths.len() {
        return Ok(string("[]"));
    }
    let mut ranges = Vec::new();
    for (at, &length) in array.lengths.iter().enumerate() {
        let length = length as i64;
        let bound = |place: usize, omitted: i64| match call.raw(place) {
            ValueRef::Integer(bound) => bound,
            _ => omitted,
        };
        let (low, high) = if at < written {
            (bound(2 * at + 1, 1), bound(2 * at + 2, length))
        } else {
            (1, length)
        };
        let (low, high) = (low.max(1), high.min(length));
        if low > high {
            return Ok(string("[]"));
        }
        ranges.push((low as usize - 1, high as usize));
    }
    let mut kept = Array {
        lengths: ranges.iter().map(|(low, high)| high - low).collect(),
        elements: Vec::new(),
    };
    for (place, value) in array.elements.into_iter().enumerate() {
        let mut rest = place;
        let inside = array.lengths.iter().zip(&ranges).rev().all(|(length, (low, high))| {
            let index = rest % length;
            rest /= length;
            (*low..*high).contains(&index)
        });
        if inside {
            kept.elements.push(value);
        }
    }
    Ok(stored(element, &mut kept))
}

fn append(element: PgType, mut array: Array, value: Value, at_end: bool) -> Answer {
    if array.lengths.len() > 1 {
        return Err(Error::user(
            SqlState(*b"22000"),
            "argument must be empty or one-dimensional array",
        ));
    }
    if at_end {
        array.elements.push(value);
    } else {
        array.elements.insert(0, value);
    }
    array.lengths = vec![array.elements.len()];
    Ok(stored(element, &mut array))
}

/// `array || array`: of equal dimensions, or one of them an element of the other.
fn concatenate(call: &Typed<'_, '_>) -> Answer {
    let element = call.element(0);
    match (call.is_null(0), call.is_null(1)) {
        (true, true) => return Ok(SqlValue::Null),
        (true, false) => return Ok(string(call.text(1)?)),
        (false, true) => return Ok(string(call.text(0)?)),
        (false, false) => {}
    }
    let mut left = array::load(element, call.text(0)?)?;
    let mut right = array::load(element, call.text(1)?)?;
    if left.lengths.is_empty() {
        return Ok(stored(element, &mut right));
    }
    if right.lengths.is_empty() {
        return Ok(stored(element, &mut left));
    }
    let (a, b) = (left.lengths.len(), right.lengths.len());
    let lengths = if a == b {
        if left.lengths[1..] != right.lengths[1..] {
            return Err(incompatible(
                "Arrays with differing element dimensions are not compatible for concatenation.",
            ));
        }
        let mut lengths = left.lengths.clone();
        lengths[0] += right.lengths[0];
        lengths
    } else {
        let (outer, inner) = if a == b + 1 {
            (&left.lengths, &right.lengths)
        } else if b == a + 1 {
            (&right.lengths, &left.lengths)
        } else {
            return Err(incompatible(&format!(
                "Arrays of {a} and {b} dimensions are not compatible for concatenation."
            )));
        };
        if outer[1..] != inner[..] {
            return Err(incompatible(
                "Arrays with differing dimensions are not compatible for concatenation.",
            ));
        }
        let mut lengths = outer.clone();
        lengths[0] += 1;
        lengths
    };
    left.elements.append(&mut right.elements);
    Ok(stored(element, &mut Array { lengths, elements: left.elements }))
}

fn equal(element: PgType, left: &Value, right: &Value) -> Result<bool, Error> {
    match (left, right) {
        (Value::Null, Value::Null) => Ok(true),
        (Value::Null, _) | (_, Value::Null) => Ok(false),
        _ => compare(element, left, right).map(|order| order.is_eq()),
    }
}

fn one_dimensional(array: &Array, doing: &str) -> Result<(), Error> {
    if array.lengths.len() > 1 {
        return Err(Error::refused(format!("{doing} multidimensional arrays is not supported")));
    }
    Ok(())
}

fn remove(call: &Typed<'_, '_>) -> Answer {
    if call.is_null(0) {
        return Ok(SqlValue::Null);
    }
    let element = call.element(0);
    let array = array::load(element, call.text(0)?)?;
    one_dimensional(&array, "removing elements from")?;
    let unwanted = call.value(1)?;
    let mut kept = Vec::new();
    for value in array.elements {
        if !equal(element, &value, &unwanted)? {
            kept.push(value);
        }
    }
    Ok(stored(element, &mut one_dimension(kept)))
}

fn replace(call: &Typed<'_, '_>) -> Answer {
    if call.is_null(0) {
        return Ok(SqlValue::Null);
    }
    let element = call.element(0);
    let mut array = array::load(element, call.text(0)?)?;
    let (from, to) = (call.value(1)?, call.value(2)?);
    for value in &mut array.elements {
        if equal(element, value, &from)? {
            *value = to.clone();
        }
    }
    Ok(stored(element, &mut array))
}

/// `array_position` (from a start, if given) and `array_positions`.
fn positions(call: &Typed<'_, '_>, all: bool) -> Answer {
    if call.is_null(0) {
        return Ok(SqlValue::Null);
    }
    let element = call.element(0);
    let array = array::load(element, call.text(0)?)?;
    if array.lengths.len() > 1 {
        return Err(Error::refused(
            "searching for elements in multidimensional arrays is not supported",
        ));
    }
    let wanted = call.value(1)?;
    let start = if call.count() > 2 {
        if call.is_null(2) {
            return Err(Error::user(SqlState(*b"22004"), "initial position must not be null"));
        }
        (call.integer(2)? - 1).max(0) as usize
    } else {
        0
    };
    let mut found = Vec::new();
    for (at, value) in array.elements.iter().enumerate().skip(start) {
        if equal(element, value, &wanted)? {
            if !all {
                return Ok(integer(at as i64 + 1));
            }
            found.push(Value::Integer(at as i64 + 1));
        }
    }
    Ok(if all { stored(PgType::INT4, &mut one_dimension(found)) } else { SqlValue::Null })
}

fn fill(call: &Typed<'_, '_>) -> Answer {
    let null =
        || Error::user(SqlState(*b"22004"), "dimension array or low bound array cannot be null");
    if call.is_null(1) || (call.count() > 2 && call.is_null(2)) {
        return Err(null());
    }
    if call.count() > 2 {
        let bounds = array::load(PgType::INT4, call.text(2)?)?;
        if bounds.elements.iter().any(|bound| *bound != Value::Integer(1)) {
            return Err(Error::refused("array lower bounds other than 1 are not supported"));
        }
    }
    let mut lengths = Vec::new();
    for length in array::load(PgType::INT4, call.text(1)?)?.elements {
        match length {
            Value::Integer(length) => lengths.push(usize::try_from(length).unwrap_or(0)),
            _ => {
                return Err(Error::user(SqlState(*b"22004"), "dimension values cannot be null"));
            }
        }
    }
    let count = lengths.iter().try_fold(1_usize, |count, length| count.checked_mul(*length));
    let Some(count) = count.filter(|count| *count <= ELEMENTS_MAX) else {
        return Err(Error::limit(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            format!("array size exceeds the maximum allowed ({ELEMENTS_MAX})"),
        ));
    };
    if lengths.is_empty() || count == 0 {
        return Ok(string("[]"));
    }
    let elements = vec![call.value(0)?; count];
    Ok(stored(call.data_type(0), &mut Array { lengths, elements }))
}

/// Whether each element of one is in the other; NULL is in none.
fn contains(call: &Typed<'_, '_>, whole: usize, part: usize) -> Result<bool, Error> {
    let element = call.element(0);
    let whole = array::load(element, call.text(whole)?)?;
    let part = array::load(element, call.text(part)?)?;
    for wanted in &part.elements {
        if !has(element, &whole.elements, wanted)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn overlap(call: &Typed<'_, '_>) -> Result<bool, Error> {
    let element = call.element(0);
    let left = array::load(element, call.text(0)?)?;
    let right = array::load(element, call.text(1)?)?;
    for wanted in &right.elements {
        if has(element, &left.elements, wanted)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has(element: PgType, values: &[Value], wanted: &Value) -> Result<bool, Error> {
    if *wanted == Value::Null {
        return Ok(false);
    }
    for value in values {
        if equal(element, value, wanted)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `array_to_string(array, separator [, null])`: NULLs are left out, unless a text stands for them.
fn join(call: &Typed<'_, '_>) -> Answer {
    if call.is_null(0) || call.is_null(1) {
        return Ok(SqlValue::Null);
    }
    let element = call.element(0);
    let null = if call.count() > 2 && !call.is_null(2) { Some(call.text(2)?) } else { None };
    let separator = call.text(1)?;
    let mut out = String::new();
    let mut first = true;
    for value in array::load(element, call.text(0)?)?.elements {
        let item = match (&value, null) {
            (Value::Null, None) => continue,
            (Value::Null, Some(null)) => null.to_owned(),
            _ => super::typed::shown(element, &value, &call.style)?,
        };
        if !first {
            out.push_str(separator);
        }
        first = false;
        out.push_str(&item);
    }
    Ok(string(out))
}

/// `string_to_array(text, separator [, null])`: a NULL separator cuts between characters, an empty
/// one doesn't cut.
fn split(args: &Arguments<'_, '_>) -> Answer {
    if args.value(0) == ValueRef::Null {
        return Ok(SqlValue::Null);
    }
    let text = args.text(0)?;
    let null = args.count() > 2 && args.value(2) != ValueRef::Null;
    let null = if null { Some(args.text(2)?) } else { None };
    let pieces: Vec<String> = if text.is_empty() {
        Vec::new()
    } else if args.value(1) == ValueRef::Null {
        text.chars().map(|c| c.to_string()).collect()
    } else {
        match args.text(1)? {
            "" => vec![text.to_owned()],
            separator => text.split(separator).map(str::to_owned).collect(),
        }
    };
    let elements = pieces
        .into_iter()
        .map(|piece| if Some(piece.as_str()) == null { Value::Null } else { Value::Text(piece) });
    Ok(stored(PgType::TEXT, &mut one_dimension(elements.collect())))
}
