//! Times with a time zone.

use Lowering::{Call, Compare, Timed, Zoned};

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("timetz = timetz", Compare("=")), ("timetz <> timetz", Compare("<>")), ("timetz < timetz", Compare("<")), ("timetz <= timetz", Compare("<=")),
    ("timetz > timetz", Compare(">")), ("timetz >= timetz", Compare(">=")), ("min(timetz)", Call("min")), ("max(timetz)", Call("max")),
    ("time::timetz", Timed("pg_time_timetz")), ("timestamptz::timetz", Zoned("pg_timestamptz_timetz")), ("timetz::time", Call("pg_timetz_time")),
    ("timezone(text,timetz)", Timed("pg_timetz_zone")), ("timezone(interval,timetz)", Call("pg_timetz_izone")),
    ("timetz + interval", Call("pg_timetz_pl_interval")), ("timetz - interval", Call("pg_timetz_mi_interval")),
    ("interval + timetz", Call("pg_interval_pl_timetz")), ("date + timetz", Call("pg_datetimetz")), ("timetz + date", Call("pg_timetzdate")),
    ("timestamptz(date,timetz)", Call("pg_datetimetz")), ("extract(text,timetz)", Call("pg_extract_timetz")),
    ("date_part(text,timetz)", Call("pg_timetz_part")), ("overlaps(timetz,timetz,timetz,timetz)", Call("pg_overlaps_timetz")),
];
