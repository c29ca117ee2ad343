//! Calculating with dates, times and intervals, as PostgreSQL's functions and operators do.
//!
//! Moments are microseconds from 2000-01-01 ([`calendar`](crate::datum::calendar)); those of a
//! timestamptz are in UTC, and take the zone with them where days or months are counted.

mod bin;
mod extract;
mod interval;
mod timestamp;
mod unit;

pub use bin::{date_bin, trunc_interval, trunc_timestamp};
pub use extract::{
    Part, extract_date, extract_interval, extract_time, extract_timestamp, extract_timetz,
};
pub(crate) use extract::{iso_week, weekday};
pub use timestamp::{
    add_days, add_interval, age, local, make_date, make_time, subtract, to_utc, zone_named,
};
pub use unit::Unit;

use crate::model::error::{Error, SqlState};

pub(crate) const MICROS_PER_HOUR: i64 = 3_600_000_000;
pub(crate) const MICROS_PER_MINUTE: i64 = 60_000_000;

/// 22008
pub(crate) fn overflow(message: impl Into<String>) -> Error {
    Error::user(SqlState::DATETIME_FIELD_OVERFLOW, message)
}

pub(crate) fn timestamp_out_of_range() -> Error {
    overflow("timestamp out of range")
}

pub(crate) fn interval_out_of_range() -> Error {
    overflow("interval out of range")
}
