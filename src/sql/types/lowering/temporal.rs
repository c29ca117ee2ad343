//! Dates, times and intervals.

use Lowering::{Call, Zoned};

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("interval_um(interval)", Call("pg_interval_um")), ("interval_pl(interval,interval)", Call("pg_interval_pl")),
    ("interval_mi(interval,interval)", Call("pg_interval_mi")), ("interval_mul(interval,float8)", Call("pg_interval_mul")),
    ("mul_d_interval(float8,interval)", Call("pg_mul_d_interval")), ("interval_div(interval,float8)", Call("pg_interval_div")),
    ("justify_interval(interval)", Call("pg_interval_justify_interval")), ("justify_hours(interval)", Call("pg_interval_justify_hours")),
    ("justify_days(interval)", Call("pg_interval_justify_days")), ("isfinite(interval)", Call("pg_interval_finite")),
    ("date_trunc(text,interval)", Call("pg_interval_trunc")),
    ("make_interval(int4,int4,int4,int4,int4,int4,float8)", Call("pg_make_interval")),
    ("timestamp_pl_interval(timestamp,interval)", Call("pg_timestamp_pl_interval")),
    ("timestamp_mi_interval(timestamp,interval)", Call("pg_timestamp_mi_interval")),
    ("date_pl_interval(date,interval)", Call("pg_date_pl_interval")), ("date_mi_interval(date,interval)", Call("pg_date_mi_interval")),
    ("timestamp_mi(timestamp,timestamp)", Call("pg_timestamp_mi")), ("timestamptz_mi(timestamptz,timestamptz)", Call("pg_timestamp_mi")),
    ("age(timestamp,timestamp)", Call("pg_timestamp_age")), ("date_bin(interval,timestamp,timestamp)", Call("pg_timestamp_bin")),
    ("date_bin(interval,timestamptz,timestamptz)", Call("pg_timestamptz_bin")),
    ("time_pl_interval(time,interval)", Call("pg_time_pl_interval")), ("time_mi_interval(time,interval)", Call("pg_time_mi_interval")),
    ("time_mi_time(time,time)", Call("pg_time_mi_time")), ("interval(time)", Call("pg_time_interval")),
    ("time(interval)", Call("pg_interval_time")), ("datetime_pl(date,time)", Call("pg_datetime_timestamp")),
    ("timestamp(date,time)", Call("pg_datetime_timestamp")), ("isfinite(date)", Call("pg_date_finite")),
    ("isfinite(timestamptz)", Call("pg_timestamp_finite")), ("isfinite(timestamp)", Call("pg_timestamp_finite")),
    ("extract(text,time)", Call("pg_extract_time")), ("date_part(text,time)", Call("pg_time_part")),
    ("extract(text,interval)", Call("pg_extract_interval")), ("date_part(text,interval)", Call("pg_interval_part")),
    ("timezone(text,timestamp)", Call("pg_timestamp_zone")), ("timezone(text,timestamptz)", Call("pg_timestamptz_zone")),
    ("timezone(interval,timestamp)", Call("pg_timestamp_izone")), ("timezone(interval,timestamptz)", Call("pg_timestamptz_izone")),
    ("make_date(int4,int4,int4)", Call("pg_make_date")), ("make_time(int4,int4,float8)", Call("pg_make_time")),
    ("make_timestamp(int4,int4,int4,int4,int4,float8)", Call("pg_make_timestamp")),
    ("make_timestamptz(int4,int4,int4,int4,int4,float8,text)", Call("pg_make_timestamptz")),
    ("to_timestamp(float8)", Call("pg_float8_timestamptz")),
    ("overlaps(timestamptz,timestamptz,timestamptz,timestamptz)", Call("pg_overlaps_timestamp")),
    ("overlaps(timestamp,timestamp,timestamp,timestamp)", Call("pg_overlaps_timestamp")),
    ("overlaps(time,time,time,time)", Call("pg_overlaps_time")), ("date_trunc(text,timestamptz,text)", Call("pg_timestamptz_trunc_zone")),
    ("timestamptz_pl_interval(timestamptz,interval)", Zoned("pg_timestamptz_pl_interval")),
    ("timestamptz_mi_interval(timestamptz,interval)", Zoned("pg_timestamptz_mi_interval")),
    ("age(timestamptz,timestamptz)", Zoned("pg_timestamptz_age")), ("date_trunc(text,timestamptz)", Zoned("pg_timestamptz_trunc")),
    ("make_timestamptz(int4,int4,int4,int4,int4,float8)", Zoned("pg_make_timestamptz")),
];
