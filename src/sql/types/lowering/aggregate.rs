//! Aggregates and window functions.

use Lowering::{Call, Collected, CollectedTyped};

use super::{Forms, Lowering, Row};

/// The forms that an accumulating aggregate is registered in.
macro_rules! forms {
    ($name:literal) => {
        &Forms {
            plain: $name,
            over: concat!($name, "_over"),
            distinct: concat!($name, "_distinct"),
        }
    };
}

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
    ("max(timestamptz)", Call("max")), ("max(oid)", Call("max")), ("string_agg(text,text)", Collected(forms!("pg_string_agg"))), ("bool_and(bool)", Call("min")),
    ("every(bool)", Call("min")), ("bool_or(bool)", Call("max")),
    // Those that are accumulated row by row.
    ("string_agg(bytea,bytea)", Collected(forms!("pg_bytea_string_agg"))),
    ("array_agg(anynonarray)", CollectedTyped(forms!("pg_array_agg"))), ("array_agg(anyarray)", CollectedTyped(forms!("pg_array_agg"))),
    ("bit_and(int2)", Collected(forms!("pg_bit_and"))), ("bit_or(int2)", Collected(forms!("pg_bit_or"))),
    ("bit_xor(int2)", Collected(forms!("pg_bit_xor"))), ("bit_and(int4)", Collected(forms!("pg_bit_and"))),
    ("bit_or(int4)", Collected(forms!("pg_bit_or"))), ("bit_xor(int4)", Collected(forms!("pg_bit_xor"))),
    ("bit_and(int8)", Collected(forms!("pg_bit_and"))), ("bit_or(int8)", Collected(forms!("pg_bit_or"))),
    ("bit_xor(int8)", Collected(forms!("pg_bit_xor"))), ("stddev(int2)", Collected(forms!("pg_num_stddev_samp"))),
    ("stddev(int4)", Collected(forms!("pg_num_stddev_samp"))), ("stddev(int8)", Collected(forms!("pg_num_stddev_samp"))),
    ("stddev(numeric)", Collected(forms!("pg_num_stddev_samp"))), ("stddev(float4)", Collected(forms!("pg_float_stddev_samp"))),
    ("stddev(float8)", Collected(forms!("pg_float_stddev_samp"))), ("stddev_samp(int2)", Collected(forms!("pg_num_stddev_samp"))),
    ("stddev_samp(int4)", Collected(forms!("pg_num_stddev_samp"))), ("stddev_samp(int8)", Collected(forms!("pg_num_stddev_samp"))),
    ("stddev_samp(numeric)", Collected(forms!("pg_num_stddev_samp"))), ("stddev_samp(float4)", Collected(forms!("pg_float_stddev_samp"))),
    ("stddev_samp(float8)", Collected(forms!("pg_float_stddev_samp"))), ("stddev_pop(int2)", Collected(forms!("pg_num_stddev_pop"))),
    ("stddev_pop(int4)", Collected(forms!("pg_num_stddev_pop"))), ("stddev_pop(int8)", Collected(forms!("pg_num_stddev_pop"))),
    ("stddev_pop(numeric)", Collected(forms!("pg_num_stddev_pop"))), ("stddev_pop(float4)", Collected(forms!("pg_float_stddev_pop"))),
    ("stddev_pop(float8)", Collected(forms!("pg_float_stddev_pop"))), ("variance(int2)", Collected(forms!("pg_num_var_samp"))),
    ("variance(int4)", Collected(forms!("pg_num_var_samp"))), ("variance(int8)", Collected(forms!("pg_num_var_samp"))),
    ("variance(numeric)", Collected(forms!("pg_num_var_samp"))), ("variance(float4)", Collected(forms!("pg_float_var_samp"))),
    ("variance(float8)", Collected(forms!("pg_float_var_samp"))), ("var_samp(int2)", Collected(forms!("pg_num_var_samp"))),
    ("var_samp(int4)", Collected(forms!("pg_num_var_samp"))), ("var_samp(int8)", Collected(forms!("pg_num_var_samp"))),
    ("var_samp(numeric)", Collected(forms!("pg_num_var_samp"))), ("var_samp(float4)", Collected(forms!("pg_float_var_samp"))),
    ("var_samp(float8)", Collected(forms!("pg_float_var_samp"))), ("var_pop(int2)", Collected(forms!("pg_num_var_pop"))),
    ("var_pop(int4)", Collected(forms!("pg_num_var_pop"))), ("var_pop(int8)", Collected(forms!("pg_num_var_pop"))),
    ("var_pop(numeric)", Collected(forms!("pg_num_var_pop"))), ("var_pop(float4)", Collected(forms!("pg_float_var_pop"))),
    ("var_pop(float8)", Collected(forms!("pg_float_var_pop"))), ("corr(float8,float8)", Collected(forms!("pg_corr"))),
    ("covar_pop(float8,float8)", Collected(forms!("pg_covar_pop"))), ("covar_samp(float8,float8)", Collected(forms!("pg_covar_samp"))),
    ("regr_avgx(float8,float8)", Collected(forms!("pg_regr_avgx"))), ("regr_avgy(float8,float8)", Collected(forms!("pg_regr_avgy"))),
    ("regr_count(float8,float8)", Collected(forms!("pg_regr_count"))),
    ("regr_intercept(float8,float8)", Collected(forms!("pg_regr_intercept"))), ("regr_r2(float8,float8)", Collected(forms!("pg_regr_r2"))),
    ("regr_slope(float8,float8)", Collected(forms!("pg_regr_slope"))), ("regr_sxx(float8,float8)", Collected(forms!("pg_regr_sxx"))),
    ("regr_sxy(float8,float8)", Collected(forms!("pg_regr_sxy"))), ("regr_syy(float8,float8)", Collected(forms!("pg_regr_syy"))),
    ("json_agg(anyelement)", CollectedTyped(forms!("pg_json_agg"))), ("json_object_agg(any,any)", CollectedTyped(forms!("pg_json_object_agg"))),
    ("jsonb_agg(anyelement)", CollectedTyped(forms!("pg_jsonb_agg"))), ("jsonb_object_agg(any,any)", CollectedTyped(forms!("pg_jsonb_object_agg"))),
    ("sum(interval)", Collected(forms!("pg_sum_interval"))), ("avg(interval)", Collected(forms!("pg_avg_interval"))),
    ("max(interval)", Call("max")), ("min(interval)", Call("min")),
    ("max(anyarray)", Call("max")), ("min(anyarray)", Call("min")),
    ("mode(anyelement)", CollectedTyped(forms!("pg_mode"))),
    ("percentile_disc(float8,anyelement)", CollectedTyped(forms!("pg_percentile_disc"))),
    ("percentile_cont(float8,float8)", CollectedTyped(forms!("pg_percentile_cont"))),
    ("percentile_cont(float8,interval)", CollectedTyped(forms!("pg_percentile_cont"))),
    ("percentile_disc(_float8,anyelement)", CollectedTyped(forms!("pg_percentile_disc"))),
    ("percentile_cont(_float8,float8)", CollectedTyped(forms!("pg_percentile_cont"))),
    ("percentile_cont(_float8,interval)", CollectedTyped(forms!("pg_percentile_cont"))),
    ("range_agg(anyrange)", CollectedTyped(forms!("pg_range_agg"))), ("range_agg(anymultirange)", CollectedTyped(forms!("pg_range_agg"))),
    ("range_intersect_agg(anyrange)", CollectedTyped(forms!("pg_range_intersect_agg"))),
    ("range_intersect_agg(anymultirange)", CollectedTyped(forms!("pg_range_intersect_agg"))),
    // Window functions.
    ("row_number()", Call("row_number")), ("rank()", Call("rank")), ("dense_rank()", Call("dense_rank")), ("percent_rank()", Call("percent_rank")),
    ("cume_dist()", Call("cume_dist")), ("ntile(int4)", Call("ntile")), ("lag(anyelement)", Call("lag")), ("lag(anyelement,int4)", Call("lag")),
    ("lag(anycompatible,int4,anycompatible)", Call("lag")), ("lead(anyelement)", Call("lead")), ("lead(anyelement,int4)", Call("lead")),
    ("lead(anycompatible,int4,anycompatible)", Call("lead")), ("first_value(anyelement)", Call("first_value")),
    ("last_value(anyelement)", Call("last_value")), ("nth_value(anyelement,int4)", Call("nth_value")),
];
