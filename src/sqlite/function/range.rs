//! Ranges and multiranges: constructors, their parts, operators and aggregates.

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::accumulate::{Accumulate, Budget, both};
use super::collect::{HEAD, types};
use super::typed::{Typed, lenient_typed, sql_value, strict_typed};
use super::{Answer, boolean, integer, strict, string};
use crate::datum::array;
use crate::datum::range::{self, Bound, Kind, Span};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

/// PostgreSQL's range types, by the functions that make values of them.
const MAKERS: &[(&str, &str, PgType)] = &[
    ("pg_int4range", "pg_int4multirange", PgType::INT4RANGE),
    ("pg_int8range", "pg_int8multirange", PgType::INT8RANGE),
    ("pg_numrange", "pg_nummultirange", PgType::NUMRANGE),
    ("pg_daterange", "pg_datemultirange", PgType::DATERANGE),
    ("pg_tsrange", "pg_tsmultirange", PgType::TSRANGE),
    ("pg_tstzrange", "pg_tstzmultirange", PgType::TSTZRANGE),
];

/// A question about two values of one subtype, each of which is a range or a multirange.
type Relation = fn(Kind, &[Span], &[Span]) -> Result<bool, Error>;

const RELATIONS: &[(&str, Relation)] = &[
    ("pg_range_contains", |kind, left, right| kind.contains(left, right)),
    ("pg_range_contained", |kind, left, right| kind.contains(right, left)),
    ("pg_range_overlaps", |kind, left, right| kind.overlaps(left, right)),
    ("pg_range_before", |kind, left, right| kind.is_before(left, right)),
    ("pg_range_after", |kind, left, right| kind.is_before(right, left)),
    ("pg_range_overleft", |kind, left, right| kind.ends_within(left, right)),
    ("pg_range_overright", |kind, left, right| kind.begins_within(left, right)),
    ("pg_range_adjacent", |kind, left, right| kind.is_adjacent(left, right)),
];

/// Two values of one type give a third one.
type Operation = fn(Kind, Vec<Span>, Vec<Span>) -> Result<Vec<Span>, Error>;

const OPERATIONS: &[(&str, Operation)] = &[
    ("pg_range_union", |kind, left, right| kind.joined(left, right)),
    ("pg_range_intersect", |kind, left, right| kind.intersection(&left, &right)),
    ("pg_range_minus", |kind, left, right| kind.remainder(left, &right)),
    ("pg_multirange_union", |kind, mut left, right| {
        left.extend(right);
        kind.united(left)
    }),
    ("pg_multirange_minus", |kind, left, right| kind.difference(left, &right)),
];

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    for (name, order) in range::orders() {
        connection.create_collation(name, order)?;
    }
    for (range, multirange, data_type) in MAKERS {
        let Some(kind) = Kind::of(data_type.oid) else { continue };
        lenient_typed(connection, range, move |call| construct(kind, call))?;
        strict_typed(connection, multirange, move |call| gather(kind, call))?;
    }
    // Those of a database's own types have a value of the type before their arguments.
    lenient_typed(connection, "pg_range_construct", |call| {
        construct_at(kind_at(call, 0)?, call, 1)
    })?;
    lenient_typed(connection, "pg_multirange_construct", |call| {
        let count = call.count();
        if count == 2 && call.is_null(1) {
            return Ok(SqlValue::Null);
        }
        let kind = Kind { is_multirange: false, ..kind_at(call, 0)? };
        let mut all = Vec::new();
        for at in 1..count {
            all.extend(gathered(kind, call, at)?);
        }
        let kind = Kind { is_multirange: true, ..kind };
        Ok(string(kind.store(&kind.united(all)?)))
    })?;
    register_parts(connection)?;
    for (name, relation) in RELATIONS {
        strict_typed(connection, name, |call| {
            let kind = kind_at(call, 0)?;
            Ok(boolean(relation(kind, &spans(call, 0)?, &spans(call, 1)?)?))
        })?;
    }
    for (name, operation) in OPERATIONS {
        strict_typed(connection, name, |call| {
            let kind = kind_at(call, 0)?;
            Ok(string(kind.store(&operation(kind, spans(call, 0)?, spans(call, 1)?)?)))
        })?;
    }
    for (name, whole, part) in
        [("pg_range_contains_value", 0, 1), ("pg_range_contains_value_swapped", 1, 0)]
    {
        strict_typed(connection, name, move |call| {
            let kind = kind_at(call, whole)?;
            Ok(boolean(kind.contains_value(&spans(call, whole)?, &call.value(part)?)?))
        })?;
    }
    strict_typed(connection, "pg_range_cmp", |call| {
        let order = kind_at(call, 0)?.compare(&spans(call, 0)?, &spans(call, 1)?)?;
        Ok(integer(order as i64))
    })?;
    both(connection, "pg_range_agg", 3, Collected::default)?;
    both(connection, "pg_range_intersect_agg", 3, Common::default)
}

/// A question about a bound.
type Asked = fn(&Bound) -> bool;

/// What a value consists of.
fn register_parts(connection: &Connection) -> rusqlite::Result<()> {
    strict_typed(connection, "pg_range_lower", |call| {
        let spans = spans(call, 0)?;
        Ok(bound_value(spans.into_iter().next().map(|span| span.lower)))
    })?;
    strict_typed(connection, "pg_range_upper", |call| {
        let spans = spans(call, 0)?;
        Ok(bound_value(spans.into_iter().last().map(|span| span.upper)))
    })?;
    let questions: [(&str, bool, Asked); 4] = [
        ("pg_range_lower_inc", true, |bound| bound.inclusive),
        ("pg_range_upper_inc", false, |bound| bound.inclusive),
        ("pg_range_lower_inf", true, |bound| bound.value.is_none()),
        ("pg_range_upper_inf", false, |bound| bound.value.is_none()),
    ];
    for (name, lower, asked) in questions {
        strict_typed(connection, name, move |call| {
            let spans = spans(call, 0)?;
            let bound = if lower {
                spans.first().map(|span| &span.lower)
            } else {
                spans.last().map(|span| &span.upper)
            };
            Ok(boolean(bound.is_some_and(asked)))
        })?;
    }
    strict_typed(connection, "pg_range_isempty", |call| Ok(boolean(spans(call, 0)?.is_empty())))?;
    // The smallest range around all arguments.
    strict_typed(connection, "pg_range_merge", |call| {
        let mut all = Vec::new();
        for at in 0..call.count() {
            all.extend(spans(call, at)?);
        }
        let kind = Kind { is_multirange: false, ..kind_at(call, 0)? };
        Ok(string(kind.store(&kind.hull(all)?)))
    })?;
    strict_typed(connection, "pg_multirange", |call| {
        let kind = Kind { is_multirange: true, ..kind_at(call, 0)? };
        Ok(string(kind.store(&spans(call, 0)?)))
    })?;
    // The ranges of a multirange as a JSON array of their stored forms.
    strict(connection, "pg_multirange_ranges", 1, |args| {
        let ranges = range::members(args.text(0)?)?.into_iter().map(Value::Text);
        let elements: Vec<Value> = ranges.collect();
        let array = array::Array { lengths: vec![elements.len()], elements };
        Ok(string(array::store(PgType::TEXT, &array)))
    })
}

fn not_a_range() -> Error {
    Error::internal("a function of ranges has a range")
}

fn kind_at(call: &Typed<'_, '_>, at: usize) -> Result<Kind, Error> {
    Kind::of(call.data_type(at).oid).ok_or_else(not_a_range)
}

fn spans(call: &Typed<'_, '_>, at: usize) -> Result<Vec<Span>, Error> {
    kind_at(call, at)?.load(call.text(at)?)
}

fn bound_value(bound: Option<Bound>) -> SqlValue {
    bound.and_then(|bound| bound.value).map_or(SqlValue::Null, sql_value)
}

/// `int4range(lower, upper)`, and with a third argument that says which bounds belong to it.
fn construct(kind: Kind, call: &Typed<'_, '_>) -> Answer {
    construct_at(kind, call, 0)
}

/// The same where the arguments begin at `first`.
fn construct_at(kind: Kind, call: &Typed<'_, '_>, first: usize) -> Answer {
    let flags = first + 2;
    let (lower_inclusive, upper_inclusive) = if call.count() > flags {
        if call.is_null(flags) {
            let message = "range constructor flags argument must not be null";
            return Err(Error::user(range::DATA_EXCEPTION, message));
        }
        match call.text(flags)? {
            "[]" => (true, true),
            "[)" => (true, false),
            "(]" => (false, true),
            "()" => (false, false),
            _ => {
                return Err(Error::user(SqlState::SYNTAX_ERROR, "invalid range bound flags")
                    .with_hint("Valid values are \"[]\", \"[)\", \"(]\", and \"()\"."));
            }
        }
    } else {
        (true, false)
    };
    let given = |at: usize| call.value(at).map(|value| Some(value).filter(|v| *v != Value::Null));
    let lower = Bound::lower(given(first)?, lower_inclusive);
    let span = kind.make(lower, Bound::upper(given(first + 1)?, upper_inclusive))?;
    Ok(string(kind.store(span.as_slice())))
}

/// `int4multirange(...)`: of nothing, of a range, or of an array of ranges.
fn gather(kind: Kind, call: &Typed<'_, '_>) -> Answer {
    let all = if call.count() > 0 { gathered(kind, call, 0)? } else { Vec::new() };
    let kind = Kind { is_multirange: true, ..kind };
    Ok(string(kind.store(&kind.united(all)?)))
}

/// The spans of an argument that is a range or an array of ranges.
fn gathered(kind: Kind, call: &Typed<'_, '_>, at: usize) -> Result<Vec<Span>, Error> {
    let null_member = || {
        let message = "multirange values cannot contain null members";
        Error::user(SqlState::NULL_VALUE_NOT_ALLOWED, message)
    };
    if call.is_null(at) {
        return Err(null_member());
    }
    if kind_at(call, at).is_ok() {
        return spans(call, at);
    }
    let ranges = array::load(PgType::TEXT, call.text(at)?)?;
    if ranges.lengths.len() > 1 {
        let message = "multiranges cannot be constructed from multidimensional arrays";
        return Err(Error::user(SqlState::CARDINALITY_VIOLATION, message));
    }
    let mut all = Vec::new();
    for range in &ranges.elements {
        let Value::Text(range) = range else { return Err(null_member()) };
        all.extend(kind.load(range)?);
    }
    Ok(all)
}

/// The spans of an aggregate's row; `None` for NULL.
fn spans_of(row: &[Value]) -> Result<Option<(Kind, Vec<Span>)>, Error> {
    let Value::Text(stored) = &row[HEAD] else { return Ok(None) };
    let kind = types(row).first().and_then(|data_type| Kind::of(data_type.oid));
    let kind = kind.ok_or_else(not_a_range)?;
    Ok(Some((kind, kind.load(stored)?)))
}

/// `range_agg`: all ranges as one multirange.
#[derive(Default)]
struct Collected {
    kind: Option<Kind>,
    spans: Vec<Span>,
    budget: Budget,
}

impl Accumulate for Collected {
    fn add(&mut self, row: &[Value]) -> Result<(), Error> {
        if let Some((kind, spans)) = spans_of(row)? {
            self.budget.take(row[HEAD].size())?;
            self.kind = Some(Kind { is_multirange: true, ..kind });
            self.spans.extend(spans);
        }
        Ok(())
    }

    fn answer(&self) -> Result<SqlValue, Error> {
        let Some(kind) = self.kind else { return Ok(SqlValue::Null) };
        Ok(string(kind.store(&kind.united(self.spans.clone())?)))
    }
}

/// `range_intersect_agg`: what is in all of them.
#[derive(Default)]
struct Common {
    found: Option<(Kind, Vec<Span>)>,
}

impl Accumulate for Common {
    fn add(&mut self, row: &[Value]) -> Result<(), Error> {
        if let Some((kind, spans)) = spans_of(row)? {
            let spans = match &self.found {
                Some(found) => kind.intersection(&found.1, &spans)?,
                None => spans,
            };
            self.found = Some((kind, spans));
        }
        Ok(())
    }

    fn answer(&self) -> Result<SqlValue, Error> {
        let Some(found) = &self.found else { return Ok(SqlValue::Null) };
        Ok(string(found.0.store(&found.1)))
    }
}
