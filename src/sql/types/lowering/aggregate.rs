//! Aggregates and window functions.

use Lowering::Call;

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    // Aggregates.
    ("count()", Call("count")), ("count(any)", Call("count")), ("sum(int2)", Call("pg_sum_i8")), ("sum(int4)", Call("pg_sum_i8")),
    ("sum(int8)", Call("pg_sum_num")), ("sum(numeric)", Call("pg_sum_num")), ("sum(float4)", Call("pg_sum_float")),
    ("sum(float8)", Call("pg_sum_float")), ("avg(int2)", Call("pg_avg_num")), ("avg(int4)", Call("pg_avg_num")), ("avg(int8)", Call("pg_avg_num")),
    ("avg(numeric)", Call("pg_avg_num")), ("avg(float4)", Call("pg_avg_float")), ("avg(float8)", Call("pg_avg_float")), ("min(int2)", Call("min")),
    ("min(int4)", Call("min")), ("min(int8)", Call("min")), ("min(float4)", Call("min")), ("min(float8)", Call("min")), ("min(numeric)", Call("min")),
    ("min(text)", Call("min")), ("min(bpchar)", Call("min")), ("min(date)", Call("min")), ("min(time)", Call("min")), ("min(timestamp)", Call("min")),
    ("min(timestamptz)", Call("min")), ("min(oid)", Call("min")), ("max(int2)", Call("max")), ("max(int4)", Call("max")), ("max(int8)", Call("max")),
    ("max(float4)", Call("max")), ("max(float8)", Call("max")), ("max(numeric)", Call("max")), ("max(text)", Call("max")),
    ("max(bpchar)", Call("max")), ("max(date)", Call("max")), ("max(time)", Call("max")), ("max(timestamp)", Call("max")),
    ("max(timestamptz)", Call("max")), ("max(oid)", Call("max")), ("string_agg(text,text)", Call("group_concat")), ("bool_and(bool)", Call("min")),
    ("every(bool)", Call("min")), ("bool_or(bool)", Call("max")),
    // Window functions.
    ("row_number()", Call("row_number")), ("rank()", Call("rank")), ("dense_rank()", Call("dense_rank")), ("percent_rank()", Call("percent_rank")),
    ("cume_dist()", Call("cume_dist")), ("ntile(int4)", Call("ntile")),
];
