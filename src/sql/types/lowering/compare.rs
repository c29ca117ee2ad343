//! Comparisons of what is stored in a form that orders as its type does, numeric by its collation.

use Lowering::{Compare, CompareAs};

use super::{Lowering, Row};

use crate::model::pg_type::{Oid, PgType};

const TIMESTAMP: Oid = PgType::TIMESTAMP.oid;
const TIMESTAMPTZ: Oid = PgType::TIMESTAMPTZ.oid;

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("record = record", Compare("=")), ("record <> record", Compare("<>")), ("record < record", Compare("<")),
    ("record <= record", Compare("<=")), ("record > record", Compare(">")), ("record >= record", Compare(">=")),
    ("bool = bool", Compare("=")), ("bool <> bool", Compare("<>")), ("bool < bool", Compare("<")), ("bool <= bool", Compare("<=")),
    ("bool > bool", Compare(">")), ("bool >= bool", Compare(">=")), ("bytea = bytea", Compare("=")), ("bytea <> bytea", Compare("<>")),
    ("bytea < bytea", Compare("<")), ("bytea <= bytea", Compare("<=")), ("bytea > bytea", Compare(">")), ("bytea >= bytea", Compare(">=")),
    ("char = char", Compare("=")), ("char <> char", Compare("<>")), ("char < char", Compare("<")), ("char <= char", Compare("<=")),
    ("char > char", Compare(">")), ("char >= char", Compare(">=")), ("name = name", Compare("=")), ("name <> name", Compare("<>")),
    ("name < name", Compare("<")), ("name <= name", Compare("<=")), ("name > name", Compare(">")), ("name >= name", Compare(">=")),
    ("oid = oid", Compare("=")), ("oid <> oid", Compare("<>")), ("oid < oid", Compare("<")), ("oid <= oid", Compare("<=")),
    ("oid > oid", Compare(">")), ("oid >= oid", Compare(">=")), ("text = text", Compare("=")), ("text <> text", Compare("<>")),
    ("text < text", Compare("<")), ("text <= text", Compare("<=")), ("text > text", Compare(">")), ("text >= text", Compare(">=")),
    ("bpchar = bpchar", Compare("=")), ("bpchar <> bpchar", Compare("<>")), ("bpchar < bpchar", Compare("<")), ("bpchar <= bpchar", Compare("<=")),
    ("bpchar > bpchar", Compare(">")), ("bpchar >= bpchar", Compare(">=")), ("numeric = numeric", Compare("=")),
    ("numeric <> numeric", Compare("<>")), ("numeric < numeric", Compare("<")), ("numeric <= numeric", Compare("<=")),
    ("numeric > numeric", Compare(">")), ("numeric >= numeric", Compare(">=")), ("date = date", Compare("=")), ("date <> date", Compare("<>")),
    ("date < date", Compare("<")), ("date <= date", Compare("<=")), ("date > date", Compare(">")), ("date >= date", Compare(">=")),
    ("time = time", Compare("=")), ("time <> time", Compare("<>")), ("time < time", Compare("<")), ("time <= time", Compare("<=")),
    ("time > time", Compare(">")), ("time >= time", Compare(">=")), ("timestamp = timestamp", Compare("=")),
    ("timestamp <> timestamp", Compare("<>")), ("timestamp < timestamp", Compare("<")), ("timestamp <= timestamp", Compare("<=")),
    ("timestamp > timestamp", Compare(">")), ("timestamp >= timestamp", Compare(">=")), ("timestamptz = timestamptz", Compare("=")),
    ("timestamptz <> timestamptz", Compare("<>")), ("timestamptz < timestamptz", Compare("<")), ("timestamptz <= timestamptz", Compare("<=")),
    ("timestamptz > timestamptz", Compare(">")), ("timestamptz >= timestamptz", Compare(">=")), ("uuid = uuid", Compare("=")),
    ("uuid <> uuid", Compare("<>")), ("uuid < uuid", Compare("<")), ("uuid <= uuid", Compare("<=")), ("uuid > uuid", Compare(">")),
    ("uuid >= uuid", Compare(">=")), ("int2 = int2", Compare("=")), ("int2 <> int2", Compare("<>")), ("int2 < int2", Compare("<")),
    ("int2 <= int2", Compare("<=")), ("int2 > int2", Compare(">")), ("int2 >= int2", Compare(">=")), ("int2 = int4", Compare("=")),
    ("int2 <> int4", Compare("<>")), ("int2 < int4", Compare("<")), ("int2 <= int4", Compare("<=")), ("int2 > int4", Compare(">")),
    ("int2 >= int4", Compare(">=")), ("int2 = int8", Compare("=")), ("int2 <> int8", Compare("<>")), ("int2 < int8", Compare("<")),
    ("int2 <= int8", Compare("<=")), ("int2 > int8", Compare(">")), ("int2 >= int8", Compare(">=")), ("int4 = int2", Compare("=")),
    ("int4 <> int2", Compare("<>")), ("int4 < int2", Compare("<")), ("int4 <= int2", Compare("<=")), ("int4 > int2", Compare(">")),
    ("int4 >= int2", Compare(">=")), ("int4 = int4", Compare("=")), ("int4 <> int4", Compare("<>")), ("int4 < int4", Compare("<")),
    ("int4 <= int4", Compare("<=")), ("int4 > int4", Compare(">")), ("int4 >= int4", Compare(">=")), ("int4 = int8", Compare("=")),
    ("int4 <> int8", Compare("<>")), ("int4 < int8", Compare("<")), ("int4 <= int8", Compare("<=")), ("int4 > int8", Compare(">")),
    ("int4 >= int8", Compare(">=")), ("int8 = int2", Compare("=")), ("int8 <> int2", Compare("<>")), ("int8 < int2", Compare("<")),
    ("int8 <= int2", Compare("<=")), ("int8 > int2", Compare(">")), ("int8 >= int2", Compare(">=")), ("int8 = int4", Compare("=")),
    ("int8 <> int4", Compare("<>")), ("int8 < int4", Compare("<")), ("int8 <= int4", Compare("<=")), ("int8 > int4", Compare(">")),
    ("int8 >= int4", Compare(">=")), ("int8 = int8", Compare("=")), ("int8 <> int8", Compare("<>")), ("int8 < int8", Compare("<")),
    ("int8 <= int8", Compare("<=")), ("int8 > int8", Compare(">")), ("int8 >= int8", Compare(">=")), ("float4 = float4", Compare("=")),
    ("float4 <> float4", Compare("<>")), ("float4 < float4", Compare("<")), ("float4 <= float4", Compare("<=")), ("float4 > float4", Compare(">")),
    ("float4 >= float4", Compare(">=")), ("float4 = float8", Compare("=")), ("float4 <> float8", Compare("<>")), ("float4 < float8", Compare("<")),
    ("float4 <= float8", Compare("<=")), ("float4 > float8", Compare(">")), ("float4 >= float8", Compare(">=")), ("float8 = float4", Compare("=")),
    ("float8 <> float4", Compare("<>")), ("float8 < float4", Compare("<")), ("float8 <= float4", Compare("<=")), ("float8 > float4", Compare(">")),
    ("float8 >= float4", Compare(">=")), ("float8 = float8", Compare("=")), ("float8 <> float8", Compare("<>")), ("float8 < float8", Compare("<")),
    ("float8 <= float8", Compare("<=")), ("float8 > float8", Compare(">")), ("float8 >= float8", Compare(">=")), ("name = text", Compare("=")),
    ("name <> text", Compare("<>")), ("name < text", Compare("<")), ("name <= text", Compare("<=")), ("name > text", Compare(">")),
    ("name >= text", Compare(">=")), ("text = name", Compare("=")), ("text <> name", Compare("<>")), ("text < name", Compare("<")),
    ("text <= name", Compare("<=")), ("text > name", Compare(">")), ("text >= name", Compare(">=")),
    // Of two types.
    ("date = timestamp", CompareAs("=", TIMESTAMP)), ("date <> timestamp", CompareAs("<>", TIMESTAMP)),
    ("date < timestamp", CompareAs("<", TIMESTAMP)), ("date <= timestamp", CompareAs("<=", TIMESTAMP)),
    ("date > timestamp", CompareAs(">", TIMESTAMP)), ("date >= timestamp", CompareAs(">=", TIMESTAMP)),
    ("timestamp = date", CompareAs("=", TIMESTAMP)), ("timestamp <> date", CompareAs("<>", TIMESTAMP)),
    ("timestamp < date", CompareAs("<", TIMESTAMP)), ("timestamp <= date", CompareAs("<=", TIMESTAMP)),
    ("timestamp > date", CompareAs(">", TIMESTAMP)), ("timestamp >= date", CompareAs(">=", TIMESTAMP)),
    ("date = timestamptz", CompareAs("=", TIMESTAMPTZ)), ("date <> timestamptz", CompareAs("<>", TIMESTAMPTZ)),
    ("date < timestamptz", CompareAs("<", TIMESTAMPTZ)), ("date <= timestamptz", CompareAs("<=", TIMESTAMPTZ)),
    ("date > timestamptz", CompareAs(">", TIMESTAMPTZ)), ("date >= timestamptz", CompareAs(">=", TIMESTAMPTZ)),
    ("timestamptz = date", CompareAs("=", TIMESTAMPTZ)), ("timestamptz <> date", CompareAs("<>", TIMESTAMPTZ)),
    ("timestamptz < date", CompareAs("<", TIMESTAMPTZ)), ("timestamptz <= date", CompareAs("<=", TIMESTAMPTZ)),
    ("timestamptz > date", CompareAs(">", TIMESTAMPTZ)), ("timestamptz >= date", CompareAs(">=", TIMESTAMPTZ)),
    ("timestamp = timestamptz", CompareAs("=", TIMESTAMPTZ)), ("timestamp <> timestamptz", CompareAs("<>", TIMESTAMPTZ)),
    ("timestamp < timestamptz", CompareAs("<", TIMESTAMPTZ)), ("timestamp <= timestamptz", CompareAs("<=", TIMESTAMPTZ)),
    ("timestamp > timestamptz", CompareAs(">", TIMESTAMPTZ)), ("timestamp >= timestamptz", CompareAs(">=", TIMESTAMPTZ)),
    ("timestamptz = timestamp", CompareAs("=", TIMESTAMPTZ)), ("timestamptz <> timestamp", CompareAs("<>", TIMESTAMPTZ)),
    ("timestamptz < timestamp", CompareAs("<", TIMESTAMPTZ)), ("timestamptz <= timestamp", CompareAs("<=", TIMESTAMPTZ)),
    ("timestamptz > timestamp", CompareAs(">", TIMESTAMPTZ)), ("timestamptz >= timestamp", CompareAs(">=", TIMESTAMPTZ)),
    // By collations of their own.
    ("jsonb = jsonb", Compare("=")), ("jsonb <> jsonb", Compare("<>")), ("jsonb < jsonb", Compare("<")), ("jsonb <= jsonb", Compare("<=")),
    ("jsonb > jsonb", Compare(">")), ("jsonb >= jsonb", Compare(">=")), ("interval = interval", Compare("=")),
    ("interval <> interval", Compare("<>")), ("interval < interval", Compare("<")), ("interval <= interval", Compare("<=")),
    ("interval > interval", Compare(">")), ("interval >= interval", Compare(">=")),
    // Element by element, by a collation of the element type.
    ("anyarray = anyarray", Compare("=")), ("anyarray <> anyarray", Compare("<>")),
    ("anyarray < anyarray", Compare("<")), ("anyarray <= anyarray", Compare("<=")),
    ("anyarray > anyarray", Compare(">")), ("anyarray >= anyarray", Compare(">=")),
];
