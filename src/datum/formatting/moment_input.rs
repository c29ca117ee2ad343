//! `to_date` and `to_timestamp`: reading a moment by a template.

use crate::datum::calendar::{self, days_from_civil, days_in_month};
use crate::datum::formatting::template::{Case, Field, Part, parse};
use crate::datum::formatting::{DAYS, MONTHS, ROMAN_MONTHS};
use crate::datum::temporal::weekday;
use crate::model::error::{Error, SqlState};

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parsed {
    /// From 2000-01-01.
    pub days: i64,
    /// Of the day.
    pub micros: i64,
    /// Seconds east of UTC, if the text said so.
    pub offset: Option<i32>,
}

fn format_error(message: impl Into<String>) -> Error {
    Error::user(SqlState::INVALID_DATETIME_FORMAT, message)
}

fn overflow(message: impl Into<String>) -> Error {
    Error::user(SqlState::DATETIME_FIELD_OVERFLOW, message)
}

#[derive(Default)]
struct Reader<'a> {
    rest: &'a str,
    fixed: bool,
    hour: Option<i64>,
    twelve: bool,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    micros: i64,
    seconds_of_day: Option<i64>,
    year: Option<i64>,
    iso_year: Option<i64>,
    century: Option<i64>,
    /// Digits that the year had in the template.
    year_digits: u32,
    before_christ: bool,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    week: Option<i64>,
    iso_week: Option<i64>,
    week_of_month: Option<i64>,
    /// 1 is Monday, 7 Sunday.
    iso_weekday: Option<i64>,
    julian: Option<i64>,
    zone_sign: i32,
    zone_hours: Option<i32>,
    zone_minutes: i32,
}

/// Reads a text by a template.
///
/// # Errors
/// 22007 for what doesn't fit; 22008 for what is out of range; 0A000.
pub fn parse_moment(text: &str, template: &str) -> Result<Parsed, Error> {
    let (fixed, parts) = parse(template);
    let mut reader = Reader { rest: text, fixed, zone_sign: 1, ..Reader::default() };
    // Characters skipped beyond those that the template has.
    let mut skipped = 0_i64;
    for (at, part) in parts.iter().enumerate() {
        if !fixed && (matches!(part, Part::Field { .. }) || at == 0) {
            while reader.rest.starts_with(|c: char| c.is_ascii_whitespace()) {
                reader.rest = &reader.rest[1..];
                skipped += 1;
            }
        }
        if reader.rest.is_empty() {
            break;
        }
        match part {
            Part::Space(_) | Part::Separator(_) if !fixed => {
                skipped -= 1;
                let skip = |c: char| c.is_ascii_whitespace() || c.is_ascii_punctuation();
                if reader.rest.starts_with(skip) {
                    reader.rest = &reader.rest[1..];
                    skipped += 1;
                }
            }
            Part::Space(_) | Part::Separator(_) | Part::Text(_) => {
                if skipped > 0 && !fixed {
                    skipped -= 1;
                } else {
                    let mut characters = reader.rest.chars();
                    characters.next();
                    reader.rest = characters.as_str();
                }
            }
            Part::Field { field, name, case, fill, ordinal } => {
                let name = &match case {
                    Case::Upper => (*name).to_owned(),
                    Case::Lower => name.to_ascii_lowercase(),
                    Case::Title => format!("{}{}", &name[..1], name[1..].to_ascii_lowercase()),
                };
                let alone = *fill || ordinal.is_some() || followed_by_separator(&parts[at + 1..]);
                reader.field(*field, name, alone)?;
                if ordinal.is_some() {
                    reader.rest = reader.rest.get(2..).unwrap_or("");
                }
                skipped = 0;
                if !fixed {
                    while reader.rest.starts_with(|c: char| c.is_ascii_whitespace()) {
                        reader.rest = &reader.rest[1..];
                        skipped += 1;
                    }
                }
            }
        }
    }
    reader.finish(text)
}

/// Whether a number before these parts may have as many digits as there are.
fn followed_by_separator(rest: &[Part]) -> bool {
    match rest.first() {
        None => true,
        Some(Part::Field { field, .. }) => !is_number(*field),
        Some(Part::Space(_) | Part::Separator(_)) => true,
        Some(Part::Text(c)) => !c.is_ascii_digit(),
    }
}

fn is_number(field: Field) -> bool {
    !matches!(
        field,
        Field::Meridiem { .. }
            | Field::Era { .. }
            | Field::Month
            | Field::MonthShort
            | Field::Day
            | Field::DayShort
            | Field::RomanMonth
            | Field::ZoneName
            | Field::ZoneOffset
            | Field::ZoneHours
    )
}

impl Reader<'_> {
    /// A number of at most `width` digits, or of as many as there are if it stands alone. Gives its
    /// digits, too.
    fn number(&mut self, name: &str, width: usize, alone: bool) -> Result<(i64, usize), Error> {
        let signed = usize::from(self.rest.starts_with(['-', '+']));
        let limit = if alone { usize::MAX } else { width };
        let digits = self.rest[signed..].bytes().take_while(u8::is_ascii_digit).count();
        let digits = digits.min(limit.saturating_sub(signed));
        let piece = &self.rest[..signed + digits];
        if digits == 0 {
            let shown: String = self.rest.chars().take(width).collect();
            return Err(format_error(format!("invalid value \"{shown}\" for \"{name}\""))
                .with_detail("Value must be an integer."));
        }
        if !alone && digits + signed < width && self.fixed {
            let shown = format!("source string too short for \"{name}\" formatting field");
            return Err(format_error(shown).with_detail(format!(
                "Field requires {width} characters, but only {} remain.",
                self.rest.len()
            )));
        }
        let value: i64 = piece.parse().map_err(|_| {
            overflow(format!("value for \"{name}\" in source string is out of range"))
        })?;
        self.rest = &self.rest[signed + digits..];
        Ok((value, digits))
    }

    /// One of several words, in any case; which one.
    fn word(&mut self, words: &[String], name: &str) -> Result<usize, Error> {
        let found = words.iter().position(|word| {
            self.rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
        });
        let Some(at) = found else {
            let end = self.rest.find(|c: char| c.is_whitespace()).unwrap_or(self.rest.len());
            return Err(format_error(format!(
                "invalid value \"{}\" for \"{name}\"",
                &self.rest[..end]
            ))
            .with_detail(
                "The given value did not match any of the allowed values for this field.",
            ));
        };
        self.rest = &self.rest[words[at].len()..];
        Ok(at)
    }

    fn field(&mut self, field: Field, name: &str, alone: bool) -> Result<(), Error> {
        let owned =
            |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let short =
            |words: &[&str]| words.iter().map(|word| word[..3].to_owned()).collect::<Vec<_>>();
        match field {
            Field::Hour12 | Field::Hour24 => {
                self.hour = Some(self.number(name, 2, alone)?.0);
                self.twelve = field == Field::Hour12;
            }
            Field::Minute => self.minute = self.number(name, 2, alone)?.0,
            Field::Second => self.second = self.number(name, 2, alone)?.0,
            Field::Millisecond => {
                let (value, digits) = self.number(name, 3, alone)?;
                // 25 is .25, as if written behind a point.
                self.micros += value * 1000 * 10_i64.pow(3_u32.saturating_sub(digits as u32));
            }
            Field::Microsecond => {
                let (value, digits) = self.number(name, 6, alone)?;
                self.micros += value * 10_i64.pow(6_u32.saturating_sub(digits as u32));
            }
            Field::Fraction(width) => {
                let (value, digits) = self.number(name, width as usize, alone)?;
                let digits = digits as u32;
                self.micros += if digits > 6 {
                    value / 10_i64.pow((digits - 6).min(12))
                } else {
                    value * 10_i64.pow(6 - digits)
                };
            }
            Field::SecondsOfDay => {
                self.seconds_of_day = Some(self.number(name, name.len(), alone)?.0);
            }
            Field::Meridiem { dots } => {
                let words = if dots { owned(&["A.M.", "P.M."]) } else { owned(&["AM", "PM"]) };
                self.afternoon = Some(self.word(&words, name)? == 1);
                self.twelve = true;
            }
            Field::Era { dots } => {
                let words = if dots { owned(&["A.D.", "B.C."]) } else { owned(&["AD", "BC"]) };
                self.before_christ = self.word(&words, name)? == 1;
            }
            Field::Month => {
                let found = self.word(&owned(&MONTHS), name)?;
                self.month = Some(found as i64 + 1);
            }
            Field::MonthShort => self.month = Some(self.word(&short(&MONTHS), name)? as i64 + 1),
            Field::RomanMonth => {
                let mut words = owned(&ROMAN_MONTHS);
                // The longest first: VIII before V.
                words.sort_by_key(|word| std::cmp::Reverse(word.len()));
                let found = words[self.word(&words, name)?].clone();
                self.month =
                    ROMAN_MONTHS.iter().position(|known| *known == found).map(|at| at as i64 + 1);
            }
            Field::Day | Field::DayShort => {
                let words = if field == Field::Day { owned(&DAYS) } else { short(&DAYS) };
                let found = self.word(&words, name)? as i64;
                self.iso_weekday = Some(if found == 0 { 7 } else { found });
            }
            _ => return self.number_field(field, name, alone),
        }
        Ok(())
    }

    fn number_field(&mut self, field: Field, name: &str, alone: bool) -> Result<(), Error> {
        match field {
            Field::Year { digits, iso } => {
                let (value, used) = self.number(name, digits as usize, alone)?;
                let year = if digits < 4 { near_2020(value, used) } else { value };
                if iso {
                    self.iso_year = Some(year);
                } else {
                    self.year = Some(year);
                }
                self.year_digits = digits;
            }
            Field::YearWithComma => {
                let (thousands, _) = self.number(name, 3, true)?;
                if !self.rest.starts_with(',') {
                    return Err(format_error("invalid input string for \"Y,YYY\""));
                }
                self.rest = &self.rest[1..];
                let (rest, _) = self.number(name, 3, false)?;
                self.year = Some(thousands * 1000 + rest);
                self.year_digits = 4;
            }
            Field::Century => self.century = Some(self.number(name, 2, alone)?.0),
            Field::MonthNumber => self.month = Some(self.number(name, 2, alone)?.0),
            Field::DayOfMonth => self.day = Some(self.number(name, 2, alone)?.0),
            Field::DayOfYear { .. } => self.day_of_year = Some(self.number(name, 3, alone)?.0),
            Field::DayOfWeek { iso } => {
                let value = self.number(name, 1, alone)?.0;
                self.iso_weekday = Some(if iso {
                    value
                } else if value == 1 {
                    7
                } else {
                    value - 1
                });
            }
            Field::WeekOfMonth => self.week_of_month = Some(self.number(name, 1, alone)?.0),
            Field::WeekOfYear => self.week = Some(self.number(name, 2, alone)?.0),
            Field::IsoWeek => self.iso_week = Some(self.number(name, 2, alone)?.0),
            Field::Julian => self.julian = Some(self.number(name, 7, alone)?.0),
            // Read, and of no meaning.
            Field::Quarter => drop(self.number(name, 1, alone)?),
            Field::ZoneHours => {
                self.sign();
                self.zone_hours = Some(self.number(name, 2, false)?.0 as i32);
            }
            Field::ZoneMinutes => {
                self.zone_hours.get_or_insert(0);
                self.zone_minutes = self.number(name, 2, alone)?.0 as i32;
            }
            Field::ZoneName | Field::ZoneOffset => {
                return Err(Error::refused(format!(
                    "formatting field \"{name}\" is only supported in to_char"
                )));
            }
            _ => return Err(Error::internal("this field is read elsewhere")),
        }
        Ok(())
    }

    fn sign(&mut self) {
        if let Some(rest) = self.rest.strip_prefix('-') {
            self.zone_sign = -1;
            self.rest = rest;
        } else if let Some(rest) = self.rest.strip_prefix(['+', ' ']) {
            self.rest = rest;
        }
    }

    fn finish(self, text: &str) -> Result<Parsed, Error> {
        let out_of_range = || overflow(format!("date/time field value out of range: \"{text}\""));
        let hour = self.hour_of_day()?;
        let micros = match self.seconds_of_day {
            Some(seconds) if (0..=86_400).contains(&seconds) => seconds * 1_000_000 + self.micros,
            Some(_) => return Err(out_of_range()),
            None => {
                let valid = (0..24).contains(&hour)
                    && (0..60).contains(&self.minute)
                    && (0..=60).contains(&self.second);
                if !valid {
                    return Err(out_of_range());
                }
                ((hour * 60 + self.minute) * 60 + self.second) * 1_000_000 + self.micros
            }
        };
        let days = match self.julian {
            Some(day) => day - 2_451_545,
            None => self.days().ok_or_else(out_of_range)?,
        };
        let offset =
            self.zone_hours.map(|hours| self.zone_sign * (hours * 3600 + self.zone_minutes * 60));
        if !(calendar::DAYS_MIN..=calendar::DAYS_MAX).contains(&days) {
            return Err(out_of_range());
        }
        Ok(Parsed { days, micros, offset })
    }

    fn hour_of_day(&self) -> Result<i64, Error> {
        let Some(hour) = self.hour else { return Ok(0) };
        if !self.twelve {
            return Ok(hour);
        }
        if !(1..=12).contains(&hour) {
            return Err(overflow(format!("hour \"{hour}\" is invalid for the 12-hour clock"))
                .with_hint("Use the 24-hour clock, or give an hour between 1 and 12."));
        }
        Ok(match self.afternoon {
            Some(true) if hour < 12 => hour + 12,
            Some(false) | None if hour == 12 => {
                if self.afternoon.is_some() {
                    0
                } else {
                    12
                }
            }
            _ => hour,
        })
    }

    /// The astronomical year.
    fn full_year(&self) -> i64 {
        let mut year = self.year.unwrap_or(0);
        if let (Some(century), digits) = (self.century, self.year_digits) {
            if self.year.is_none() {
                year = (century - 1) * 100 + 1;
            } else if digits <= 2 {
                year = (century - 1) * 100 + year.rem_euclid(100);
            }
        }
        if self.before_christ || year < 0 {
            // 1 BC is the year 0.
            return if year == 0 { 0 } else { 1 - year.abs() };
        }
        year
    }

    fn days(&self) -> Option<i64> {
        if let Some(week) = self.iso_week {
            let year = self.iso_year.or(self.year).unwrap_or(0);
            let fourth = days_from_civil(year, 1, 4);
            let monday = fourth - (weekday(fourth) + 6) % 7;
            return Some(monday + (week - 1) * 7 + self.iso_weekday.unwrap_or(1) - 1);
        }
        let year = match self.iso_year {
            Some(year) if self.year.is_none() => year,
            _ => self.full_year(),
        };
        // Without a year it is 1 BC, as PostgreSQL has it.
        if let (Some(day), None) = (self.day_of_year, self.month) {
            let length = if days_in_month(year, 2) == 29 { 366 } else { 365 };
            return (1..=length).contains(&day).then(|| days_from_civil(year, 1, 1) + day - 1);
        }
        if let (Some(week), None, None) = (self.week, self.month, self.day) {
            return Some(days_from_civil(year, 1, 1) + (week - 1) * 7);
        }
        let month = self.month.unwrap_or(1);
        let day = match (self.day, self.week_of_month) {
            (Some(day), _) => day,
            (None, Some(week)) => (week - 1) * 7 + 1,
            (None, None) => 1,
        };
        let month = u32::try_from(month).ok().filter(|month| (1..=12).contains(month))?;
        let day =
            u32::try_from(day).ok().filter(|day| (1..=days_in_month(year, month)).contains(day))?;
        Some(days_from_civil(year, month, day))
    }
}

/// A year of fewer than four digits, as the one nearest to 2020.
fn near_2020(value: i64, digits: usize) -> i64 {
    match digits {
        1 | 2 if value < 70 => value + 2000,
        1 | 2 => value + 1900,
        3 if value < 520 => value + 2000,
        3 => value + 1000,
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, template: &str) -> String {
        match parse_moment(text, template) {
            Ok(found) => {
                let moment = calendar::timestamp_from(found.days, found.micros).unwrap();
                calendar::store_timestamp(moment, false)
            }
            Err(error) => format!("{} {}", error.state().as_str(), error.message()),
        }
    }

    #[test]
    fn texts_are_read_as_postgresql_reads_them() {
        // Recorded from PostgreSQL 15, in UTC.
        for (text, template, expected) in [
            ("2024-02-09", "YYYY-MM-DD", "2024-02-09 00:00:00"),
            ("05 Dec 2000", "DD Mon YYYY", "2000-12-05 00:00:00"),
            ("20240209150405", "YYYYMMDDHH24MISS", "2024-02-09 15:04:05"),
            ("2000    JUN", "YYYY MON", "2000-06-01 00:00:00"),
            ("03:04:05 PM", "HH12:MI:SS AM", "/9999-01-01 15:04:05"),
            ("2024-040", "YYYY-DDD", "2024-02-09 00:00:00"),
            ("2006-42-4", "IYYY-IW-ID", "2006-10-19 00:00:00"),
            ("12.5", "SS.MS", "/9999-01-01 00:00:12.5"),
            ("95-01-02", "YY-MM-DD", "1995-01-02 00:00:00"),
            (
                "2024-02-30",
                "YYYY-MM-DD",
                "22008 date/time field value out of range: \"2024-02-30\"",
            ),
            ("abc", "YYYY", "22007 invalid value \"abc\" for \"YYYY\""),
        ] {
            assert_eq!(read(text, template), expected, "{text} by {template}");
        }
    }
}
