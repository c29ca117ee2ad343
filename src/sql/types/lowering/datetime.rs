//! Dates and times.

use Lowering::{Call, Now, StatementTime, Zoned};

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("now()", Now), ("transaction_timestamp()", Now), ("statement_timestamp()", StatementTime), ("extract(text,timestamp)", Call("pg_extract")),
    ("extract(text,date)", Call("pg_extract")), ("extract(text,timestamptz)", Zoned("pg_extract_tz")),
    ("date_part(text,timestamp)", Call("pg_date_part")), ("date_part(text,timestamptz)", Zoned("pg_date_part_tz")),
    ("date_trunc(text,timestamp)", Call("pg_date_trunc")),
    // Operators.
    ("date + int4", Call("pg_date_add")), ("int4 + date", Call("pg_date_radd")), ("date - int4", Call("pg_date_sub")),
    ("date - date", Call("pg_date_diff")),
];
