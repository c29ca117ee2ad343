//! Casts that do something to the value.

use Lowering::{Call, Convert, Input, Same, Zoned};

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("int2::int4", Same), ("int2::int8", Same), ("int4::int8", Same), ("int4::int2", Call("pg_i2")), ("int8::int2", Call("pg_i2")),
    ("int8::int4", Call("pg_i4")), ("int2::float4", Convert("REAL")), ("int2::float8", Convert("REAL")), ("int4::float4", Call("pg_f4")),
    ("int4::float8", Convert("REAL")), ("int8::float4", Call("pg_f4")), ("int8::float8", Convert("REAL")), ("int2::numeric", Convert("TEXT")),
    ("int4::numeric", Convert("TEXT")), ("int8::numeric", Convert("TEXT")), ("float4::float8", Same), ("float8::float4", Call("pg_f4")),
    ("float4::int2", Call("pg_float_i2")), ("float4::int4", Call("pg_float_i4")), ("float4::int8", Call("pg_float_i8")),
    ("float8::int2", Call("pg_float_i2")), ("float8::int4", Call("pg_float_i4")), ("float8::int8", Call("pg_float_i8")),
    ("float4::numeric", Call("pg_float4_num")), ("float8::numeric", Call("pg_float8_num")), ("numeric::int2", Call("pg_num_i2")),
    ("numeric::int4", Call("pg_num_i4")), ("numeric::int8", Call("pg_num_i8")), ("numeric::float4", Call("pg_num_f4")),
    ("numeric::float8", Call("pg_num_f8")), ("int4::bool", Call("pg_i4_bool")), ("bool::int4", Same), ("int2::oid", Call("pg_i4_oid")),
    ("int4::oid", Call("pg_i4_oid")), ("int8::oid", Call("pg_i_oid")), ("oid::int4", Call("pg_oid_i4")), ("oid::int8", Same),
    ("date::timestamp", Call("pg_date_timestamp")), ("date::timestamptz", Zoned("pg_date_timestamptz")),
    ("timestamp::date", Call("pg_timestamp_date")), ("timestamp::time", Call("pg_timestamp_time")),
    ("timestamp::timestamptz", Zoned("pg_timestamp_timestamptz")), ("timestamptz::timestamp", Zoned("pg_timestamptz_timestamp")),
    ("timestamptz::date", Zoned("pg_timestamptz_date")), ("timestamptz::time", Zoned("pg_timestamptz_time")), ("jsonb::json", Same),
    ("json::jsonb", Input), ("jsonb::bool", Call("pg_jsonb_bool")), ("jsonb::numeric", Call("pg_jsonb_num")), ("jsonb::int2", Call("pg_jsonb_i2")),
    ("jsonb::int4", Call("pg_jsonb_i4")), ("jsonb::int8", Call("pg_jsonb_i8")), ("jsonb::float4", Call("pg_jsonb_f4")),
    ("jsonb::float8", Call("pg_jsonb_f8")),
    // Strings.
    ("bool::text", Call("pg_bool_text")), ("bool::varchar", Call("pg_bool_text")), ("bool::bpchar", Call("pg_bool_text")),
    ("text::bpchar", Call("pg_trim_end")), ("varchar::bpchar", Call("pg_trim_end")), ("bpchar::text", Same), ("bpchar::varchar", Same),
    ("text::name", Call("pg_name")), ("varchar::name", Call("pg_name")), ("bpchar::name", Call("pg_name")), ("name::text", Same),
    ("name::varchar", Same), ("name::bpchar", Call("pg_trim_end")), ("char::text", Same), ("char::varchar", Same), ("char::bpchar", Same),
    ("text::char", Input), ("varchar::char", Input), ("bpchar::char", Input),
    // Object identifiers.
    ("int4::regclass", Call("pg_i_oid")), ("regclass::int4", Call("pg_oid_i4")), ("int4::regtype", Call("pg_i_oid")),
    ("regtype::int4", Call("pg_oid_i4")), ("int4::regproc", Call("pg_i_oid")), ("regproc::int4", Call("pg_oid_i4")),
    ("int4::regprocedure", Call("pg_i_oid")), ("regprocedure::int4", Call("pg_oid_i4")), ("int4::regoper", Call("pg_i_oid")),
    ("regoper::int4", Call("pg_oid_i4")), ("int4::regoperator", Call("pg_i_oid")), ("regoperator::int4", Call("pg_oid_i4")),
    ("int4::regnamespace", Call("pg_i_oid")), ("regnamespace::int4", Call("pg_oid_i4")), ("int4::regrole", Call("pg_i_oid")),
    ("regrole::int4", Call("pg_oid_i4")), ("int4::regconfig", Call("pg_i_oid")), ("regconfig::int4", Call("pg_oid_i4")),
    ("int4::regdictionary", Call("pg_i_oid")), ("regdictionary::int4", Call("pg_oid_i4")), ("int4::regcollation", Call("pg_i_oid")),
    ("regcollation::int4", Call("pg_oid_i4")),
];
