//! Dates and times.

use Lowering::{Call, Now, StatementTime, Zoned};

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("now()", Now), ("transaction_timestamp()", Now), ("statement_timestamp()", StatementTime), ("extract(text,timestamp)", Call("pg_extract_timestamp")),
    ("extract(text,date)", Call("pg_extract_date")), ("extract(text,timestamptz)", Zoned("pg_extract_timestamptz")),
    ("date_part(text,timestamp)", Call("pg_timestamp_part")), ("date_part(text,timestamptz)", Zoned("pg_timestamptz_part")),
    ("date_trunc(text,timestamp)", Call("pg_timestamp_trunc")),
    ("date_part(text,date)", Call("pg_part_of_date")), ("clock_timestamp()", Call("pg_clock_timestamp")),
    ("interval_pl_time(interval,time)", Call("pg_interval_pl_time")), ("interval_pl_date(interval,date)", Call("pg_interval_pl_date")),
    ("interval_pl_timestamp(interval,timestamp)", Call("pg_interval_pl_timestamp")),
    ("interval_pl_timestamptz(interval,timestamptz)", Zoned("pg_interval_pl_timestamptz")), ("timedate_pl(time,date)", Call("pg_timedate_pl")),
    ("to_char(timestamp,text)", Call("pg_timestamp_to_char")), ("to_char(timestamptz,text)", Zoned("pg_timestamptz_to_char")),
    ("to_char(interval,text)", Call("pg_interval_to_char")), ("to_char(numeric,text)", Call("pg_numeric_to_char")),
    ("to_char(int4,text)", Call("pg_int4_to_char")), ("to_char(int8,text)", Call("pg_int8_to_char")),
    ("to_char(float4,text)", Call("pg_float4_to_char")), ("to_char(float8,text)", Call("pg_float8_to_char")),
    ("to_number(text,text)", Call("pg_numeric_to_number")), ("to_date(text,text)", Call("pg_to_date")),
    ("to_timestamp(text,text)", Zoned("pg_to_timestamp")),
    ("overlaps(timestamp,interval,timestamp,timestamp)", Call("pg_overlaps_span_end")), ("overlaps(timestamp,timestamp,timestamp,interval)", Call("pg_overlaps_end_span")),
    ("overlaps(timestamp,interval,timestamp,interval)", Call("pg_overlaps_span_span")),
    ("overlaps(timestamptz,interval,timestamptz,timestamptz)", Zoned("pg_overlaps_span_end")), ("overlaps(timestamptz,timestamptz,timestamptz,interval)", Zoned("pg_overlaps_end_span")),
    ("overlaps(timestamptz,interval,timestamptz,interval)", Zoned("pg_overlaps_span_span")),
    ("overlaps(time,interval,time,time)", Call("pg_overlaps_span_end")), ("overlaps(time,time,time,interval)", Call("pg_overlaps_end_span")),
    ("overlaps(time,interval,time,interval)", Call("pg_overlaps_span_span")),
    // Operators.
    ("date + int4", Call("pg_date_pli")), ("int4 + date", Call("pg_integer_pl_date")), ("date - int4", Call("pg_date_mii")),
    ("date - date", Call("pg_date_mi")),
];
