//! The units that `extract`, `date_part` and `date_trunc` know.

use crate::model::error::{Error, SqlState};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Microseconds,
    Milliseconds,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    Epoch,
    Julian,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    IsoYear,
    Timezone,
    TimezoneHour,
    TimezoneMinute,
}

impl Unit {
    /// Reads a unit in any of its spellings.
    ///
    /// # Errors
    /// 22023 `unit "x" not recognized for type ...`.
    pub fn parse(text: &str, type_name: &str) -> Result<Self, Error> {
        let lower = text.to_ascii_lowercase();
        Ok(match lower.as_str() {
            "us" | "usec" | "usecs" | "usecond" | "useconds" | "microsecond" | "microseconds"
            | "microsecon" => Self::Microseconds,
            "ms" | "msec" | "msecs" | "msecond" | "mseconds" | "millisecond" | "milliseconds"
            | "millisecon" => Self::Milliseconds,
            "s" | "sec" | "secs" | "second" | "seconds" => Self::Second,
            "m" | "min" | "mins" | "minute" | "minutes" => Self::Minute,
            "h" | "hr" | "hrs" | "hour" | "hours" => Self::Hour,
            "d" | "day" | "days" => Self::Day,
            "w" | "week" | "weeks" => Self::Week,
            "mon" | "mons" | "month" | "months" => Self::Month,
            "qtr" | "quarter" => Self::Quarter,
            "y" | "yr" | "yrs" | "year" | "years" => Self::Year,
            "dec" | "decs" | "decade" | "decades" => Self::Decade,
            "c" | "cent" | "century" | "centuries" => Self::Century,
            "mil" | "mils" | "millennium" | "millennia" => Self::Millennium,
            "epoch" => Self::Epoch,
            "julian" | "jd" | "j" => Self::Julian,
            "dow" => Self::DayOfWeek,
            "isodow" => Self::IsoDayOfWeek,
            "doy" => Self::DayOfYear,
            "isoyear" => Self::IsoYear,
            "timezone" => Self::Timezone,
            "timezone_h" | "timezone_hour" => Self::TimezoneHour,
            "timezone_m" | "timezone_minute" => Self::TimezoneMinute,
            _ => {
                return Err(Error::user(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("unit \"{lower}\" not recognized for type {type_name}"),
                ));
            }
        })
    }
}

/// 0A000, as PostgreSQL says it of a unit that a type doesn't have.
pub(super) fn unsupported(text: &str, type_name: &str) -> Error {
    Error::refused(format!(
        "unit \"{}\" not supported for type {type_name}",
        text.to_ascii_lowercase()
    ))
}
