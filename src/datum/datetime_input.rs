//! Reads dates and times as people and programs write them (manual, "Date/Time Input
//! Interpretation"). Text is cut into fields, then each field's meaning is decided by what came before.

use std::sync::Arc;

use crate::datum::calendar::{self, MICROS_PER_DAY, MICROS_PER_SECOND};
use crate::datum::datetime::unknown_zone;
use crate::datum::datetime_fields::{Kind, Word, fields, word};
use crate::datum::stored::is_space;
use crate::datum::zone::{self, Zone};
use crate::datum::{DateOrder, Style};
use crate::model::error::{Error, SqlState};

/// 22009.
const INVALID_TIME_ZONE_DISPLACEMENT: SqlState = SqlState(*b"22009");
/// 22015.
const INTERVAL_FIELD_OVERFLOW: SqlState = SqlState(*b"22015");

/// Why a text is no date or time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Failure {
    Format,
    FieldOverflow,
    /// The month or day is out of range: perhaps the date order is another.
    MonthDayOverflow,
    IntervalOverflow,
    Displacement,
    Zone(String),
    /// `now`, `today` and the like, which would need a clock.
    NeedsClock(String),
}

impl Failure {
    pub(crate) fn of(self, type_name: &str, input: &str) -> Error {
        let field = format!("date/time field value out of range: \"{input}\"");
        match self {
            Self::Format => Error::user(
                SqlState::INVALID_DATETIME_FORMAT,
                format!("invalid input syntax for type {type_name}: \"{input}\""),
            ),
            Self::FieldOverflow => Error::user(SqlState::DATETIME_FIELD_OVERFLOW, field),
            Self::MonthDayOverflow => Error::user(SqlState::DATETIME_FIELD_OVERFLOW, field)
                .with_hint("Perhaps you need a different \"datestyle\" setting."),
            Self::IntervalOverflow => Error::user(
                INTERVAL_FIELD_OVERFLOW,
                format!("interval field value out of range: \"{input}\""),
            ),
            Self::Displacement => Error::user(
                INVALID_TIME_ZONE_DISPLACEMENT,
                format!("time zone displacement out of range: \"{input}\""),
            ),
            Self::Zone(name) => unknown_zone(&name),
            Self::NeedsClock(word) => {
                Error::refused(format!("date/time value \"{word}\" is not supported here"))
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    Infinity,
    NegativeInfinity,
    Epoch,
}

/// What a text says.
#[derive(Debug, Default)]
pub(crate) struct Moment {
    pub special: Option<Special>,
    /// Days from 2000-01-01.
    pub days: Option<i64>,
    /// Microseconds of the day; 24:00:00 is allowed.
    pub time: Option<i64>,
    /// Seconds east of UTC, if written as such.
    pub offset: Option<i32>,
    /// A zone, if named.
    pub zone: Option<Arc<Zone>>,
    /// Whether it is named by an abbreviation, which means what it means now where there is no date.
    pub abbreviated: bool,
}

/// What has been read so far.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of the text by itself")]
struct Reader<'a> {
    style: &'a Style,
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    /// A two-digit year still to be put into a century.
    short_year: bool,
    month_by_name: bool,
    before_christ: bool,
    /// Day of the year instead of month and day.
    day_of_year: Option<i64>,
    julian: bool,
    julian_day: Option<i64>,
    afternoon: Option<bool>,
    moment: Moment,
}

/// Reads a date with or without a time.
pub(crate) fn parse(input: &str, style: &Style) -> Result<Moment, Failure> {
    if let Some(moment) = parse_iso(input) {
        return Ok(moment);
    }
    let reader = read(input, style)?;
    reader.finish(true)
}

/// Reads a time of day; a date beside it must be right, but doesn't count.
pub(crate) fn parse_time(input: &str, style: &Style) -> Result<Moment, Failure> {
    if input.len() == 8
        && let Some(time) = calendar::load_time(input)
    {
        return Ok(Moment { time: Some(time), ..Moment::default() });
    }
    let input = input.trim_matches(is_space);
    let input = input
        .strip_prefix(['t', 'T'])
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        .unwrap_or(input);
    let spelled = with_offset(input);
    let input = spelled.as_deref().unwrap_or(input);
    let mut reader = read(input, style)?;
    // `040506` is a time where a time is wanted.
    if reader.moment.time.is_none()
        && let Some(time) = input.parse::<u32>().ok()
        && matches!(input.len(), 4 | 6)
    {
        let time = i64::from(time);
        let (hour, minute, second) = match input.len() {
            6 => (time / 10_000, time / 100 % 100, time % 100),
            _ => (time / 100, time % 100, 0),
        };
        reader.moment.time = Some(clock_time(hour, minute, second, 0)?);
        (reader.year, reader.month, reader.day) = (None, None, None);
    }
    let dated = reader.year.is_some() || reader.month.is_some() || reader.day.is_some();
    reader.finish(dated)
}

/// `040506-08` with colons in its time: by itself it would begin as a date does.
fn with_offset(input: &str) -> Option<String> {
    let (time, offset) = input.split_at_checked(6)?;
    let is_run =
        time.bytes().all(|byte| byte.is_ascii_digit()) && offset.starts_with(['+', '-', '.']);
    is_run.then(|| format!("{}:{}:{}{offset}", &time[..2], &time[2..4], &time[4..]))
}

fn read<'a>(input: &str, style: &'a Style) -> Result<Reader<'a>, Failure> {
    if !input.is_ascii() || input.len() > 255 {
        return Err(Failure::Format);
    }
    let lower = input.to_ascii_lowercase();
    let found = fields(&lower)?;
    let mut reader = Reader {
        style,
        year: None,
        month: None,
        day: None,
        short_year: false,
        month_by_name: false,
        before_christ: false,
        day_of_year: None,
        julian: false,
        julian_day: None,
        afternoon: None,
        moment: Moment::default(),
    };
    for (index, &(kind, text)) in found.iter().enumerate() {
        reader.take(kind, text, found.get(index + 1).map(|&(kind, _)| kind))?;
    }
    Ok(reader)
}

/// The forms that programs write: `YYYY-MM-DD`, with ` HH:MM:SS[.ffffff]`, with nothing else.
fn parse_iso(input: &str) -> Option<Moment> {
    let bytes = input.as_bytes();
    if !bytes.first()?.is_ascii_digit() {
        return None;
    }
    let (days, time) = match bytes.len() {
        10 => (i64::from(calendar::load_date(input)?), None),
        19..=26 if matches!(bytes[10], b' ' | b'T') && input.is_ascii() => (
            i64::from(calendar::load_date(&input[..10])?),
            Some(calendar::load_time(&input[11..])?),
        ),
        _ => return None,
    };
    // Year 0 is an error, which the slow way tells.
    if input.starts_with("0000") {
        return None;
    }
    Some(Moment { days: Some(days), time, ..Moment::default() })
}

/// Checks the fields of a time of day.
fn clock_time(hour: i64, minute: i64, second: i64, fraction: i64) -> Result<i64, Failure> {
    let seconds = (hour * 60 + minute) * 60 + second;
    let micros = seconds * MICROS_PER_SECOND + fraction;
    let valid = (0..=24).contains(&hour) && minute < 60 && second <= 60 && micros <= MICROS_PER_DAY;
    if valid { Ok(micros) } else { Err(Failure::FieldOverflow) }
}

/// Digits as a number; too many are out of range.
fn number(digits: &str) -> Result<i64, Failure> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::Format);
    }
    digits.parse::<i32>().map(i64::from).map_err(|_| Failure::FieldOverflow)
}

/// Digits after a point, as microseconds, rounded.
pub(crate) fn fraction(digits: &str) -> Result<i64, Failure> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::Format);
    }
    let mut micros = 0;
    for at in 0..6 {
        micros = micros * 10 + digits.as_bytes().get(at).map_or(0, |digit| i64::from(digit - b'0'));
    }
    // C's rint rounds an exact half to the even neighbour.
    let rest = digits.get(6..).unwrap_or("");
    let half = "5";
    let trimmed = rest.trim_end_matches('0');
    let up = trimmed > half || (trimmed == half && micros % 2 == 1);
    Ok(micros + i64::from(up))
}

/// `hh:mm[:ss[.f]]`
fn colon_time(text: &str) -> Result<i64, Failure> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let mut pieces = whole.split(':');
    let hour = number(pieces.next().unwrap_or(""))?;
    let minute = number(pieces.next().unwrap_or(""))?;
    let second = pieces.next();
    if pieces.next().is_some() {
        return Err(Failure::Format);
    }
    match second {
        // `mm:ss.f` has no hour.
        None if text.contains('.') => clock_time(0, hour, minute, fraction(part)?),
        None => clock_time(hour, minute, 0, 0),
        Some(second) => clock_time(hour, minute, number(second)?, fraction(part)?),
    }
}

/// `+hh`, `+hhmm`, `+hh:mm[:ss]`: seconds east of UTC.
fn offset(text: &str) -> Result<i32, Failure> {
    let negative = text.starts_with('-');
    let digits = text[1..].trim_start_matches(is_space);
    let mut pieces = digits.split(':');
    let first = pieces.next().unwrap_or("");
    let mut hour = number(first)?;
    let (mut minute, mut second) = (0, 0);
    if let Some(piece) = pieces.next() {
        minute = number(piece)?;
        if let Some(piece) = pieces.next() {
            second = number(piece)?;
        }
    } else if first.len() > 2 {
        minute = hour % 100;
        hour /= 100;
    }
    if pieces.next().is_some() {
        return Err(Failure::Format);
    }
    if hour > 15 || minute > 59 || second > 59 {
        return Err(Failure::Displacement);
    }
    let seconds = ((hour * 60 + minute) * 60 + second) as i32;
    Ok(if negative { -seconds } else { seconds })
}

impl Reader<'_> {
    fn has_date(&self) -> bool {
        self.julian_day.is_some()
            || (self.year.is_some()
                && (self.day_of_year.is_some() || (self.month.is_some() && self.day.is_some())))
    }

    fn take(&mut self, kind: Kind, text: &str, next: Option<Kind>) -> Result<(), Failure> {
        match kind {
            Kind::Date
                if self.has_date()
                    || text.bytes().filter(|&b| b == b'/').count() == 1
                        && text.starts_with(|c: char| c.is_ascii_alphabetic()) =>
            {
                if text.starts_with(|c: char| c.is_ascii_digit()) {
                    // A run-together time with its offset: `040506-08`.
                    let at = text.find('-').ok_or(Failure::Format)?;
                    let (time, zone) = text.split_at(at);
                    self.run_together(time)?;
                    return self.set_offset(offset(zone)?);
                }
                self.set_zone(text)
            }
            Kind::Date => self.date(text),
            Kind::Time => self.set_time(colon_time(text)?),
            Kind::Offset if self.julian => Err(Failure::Format),
            Kind::Offset => self.set_offset(offset(text)?),
            Kind::Number => self.number_field(text),
            Kind::Word => self.word_field(text, next),
            Kind::Signed => {
                let name = text[1..].trim_start_matches(is_space);
                match (word(name), text.starts_with('-')) {
                    (Some(Word::Infinity), false) => {
                        self.set_special(Special::Infinity);
                        Ok(())
                    }
                    (Some(Word::Infinity), true) => {
                        self.set_special(Special::NegativeInfinity);
                        Ok(())
                    }
                    _ => Err(Failure::Format),
                }
            }
        }
    }

    fn set_special(&mut self, special: Special) {
        self.moment.special = Some(special);
    }

    fn set_time(&mut self, time: i64) -> Result<(), Failure> {
        match self.moment.time.replace(time) {
            None => Ok(()),
            Some(_) => Err(Failure::Format),
        }
    }

    fn set_offset(&mut self, offset: i32) -> Result<(), Failure> {
        if self.moment.zone.is_some() {
            return Err(Failure::Format);
        }
        match self.moment.offset.replace(offset) {
            None => Ok(()),
            Some(_) => Err(Failure::Format),
        }
    }

    fn set_zone(&mut self, name: &str) -> Result<(), Failure> {
        let zone = zone::find(name).ok_or_else(|| Failure::Zone(name.to_owned()))?;
        if self.moment.offset.is_some() || self.moment.zone.replace(zone).is_some() {
            return Err(Failure::Format);
        }
        Ok(())
    }

    fn word_field(&mut self, text: &str, next: Option<Kind>) -> Result<(), Failure> {
        if let Some(name) = zone::abbreviated_zone(text) {
            self.moment.abbreviated = true;
            return self.set_zone(name);
        }
        let Some(meaning) = word(text) else {
            return match zone::abbreviation(text) {
                Some(seconds) => self.set_offset(seconds),
                None if zone::find(text).is_some() => self.set_zone(text),
                None => Err(Failure::Format),
            };
        };
        match meaning {
            Word::Month(month) => self.set_month_by_name(month),
            Word::Filler | Word::AnnoDomini => Ok(()),
            Word::Am | Word::Pm => {
                self.afternoon = Some(meaning == Word::Pm);
                Ok(())
            }
            Word::BeforeChrist => {
                self.before_christ = true;
                Ok(())
            }
            Word::TimeFollows if matches!(next, Some(Kind::Time | Kind::Number | Kind::Date)) => {
                Ok(())
            }
            Word::TimeFollows => Err(Failure::Format),
            Word::Utc => self.set_offset(0),
            Word::Epoch | Word::Infinity => {
                let epoch = meaning == Word::Epoch;
                self.set_special(if epoch { Special::Epoch } else { Special::Infinity });
                Ok(())
            }
            Word::AllBalls => {
                self.set_time(0)?;
                self.set_offset(0)
            }
            Word::NeedsClock => Err(Failure::NeedsClock(text.to_owned())),
            Word::Julian => {
                self.julian = true;
                Ok(())
            }
        }
    }

    fn set_month_by_name(&mut self, month: u32) -> Result<(), Failure> {
        // `22 November`: the number was taken for a month, and is a day.
        if let Some(earlier) = self.month
            && !self.month_by_name
            && self.day.is_none()
            && (1..=31).contains(&earlier)
        {
            self.day = Some(earlier);
            self.month = None;
        }
        if self.month.is_some() {
            return Err(Failure::Format);
        }
        self.month = Some(i64::from(month));
        self.month_by_name = true;
        Ok(())
    }

    /// A date in one field: its pieces, a month's name first.
    fn date(&mut self, text: &str) -> Result<(), Failure> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
            rest = &rest[start..];
            let digits = rest.starts_with(|c: char| c.is_ascii_digit());
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric() || c.is_ascii_digit() != digits)
                .unwrap_or(rest.len());
            pieces.push(&rest[..end]);
            rest = &rest[end..];
        }
        for piece in &pieces {
            match word(piece) {
                Some(Word::Month(month)) => self.set_month_by_name(month)?,
                Some(Word::Filler) => {}
                None if piece.starts_with(|c: char| c.is_ascii_digit()) => {}
                _ if text.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                    return self.set_zone(text);
                }
                _ => return Err(Failure::Format),
            }
        }
        for piece in pieces.iter().filter(|piece| piece.starts_with(|c: char| c.is_ascii_digit())) {
            if self.has_date() {
                return Err(Failure::Format);
            }
            self.date_number(piece)?;
        }
        if self.has_date() { Ok(()) } else { Err(Failure::Format) }
    }

    fn number_field(&mut self, text: &str) -> Result<(), Failure> {
        if self.julian && self.julian_day.is_none() {
            let (whole, part) = text.split_once('.').unwrap_or((text, ""));
            self.julian_day = Some(number(whole)?);
            if !part.is_empty() {
                let day: f64 = format!("0.{part}").parse().map_err(|_| Failure::Format)?;
                self.set_time((day * MICROS_PER_DAY as f64) as i64)?;
            }
            return Ok(());
        }
        let Some((whole, _)) = text.split_once('.') else {
            let times_are_left = !self.has_date() || self.moment.time.is_none();
            if text.len() >= 6 && times_are_left || self.has_date() {
                return self.run_together(text);
            }
            return self.date_number(text);
        };
        if self.has_date() || whole.len() > 2 && whole.len() != 4 {
            return self.run_together(text);
        }
        // `1999.008`: a year and the day of it.
        let (year, day) = text.split_once('.').ok_or(Failure::Format)?;
        self.date_number(year)?;
        self.date_number(day)
    }

    /// `20200102`, `200102`, `030405`, `0304`, `030405.5`.
    fn run_together(&mut self, text: &str) -> Result<(), Failure> {
        let (digits, part) = text.split_once('.').unwrap_or((text, ""));
        number(&digits[..digits.len().min(9)])?;
        let length = digits.len();
        if !text.contains('.') && !self.has_date() && length >= 6 {
            self.day = Some(number(&digits[length - 2..])?);
            self.month = Some(number(&digits[length - 4..length - 2])?);
            self.year = Some(number(&digits[..length - 4])?);
            self.short_year = length == 6;
            return Ok(());
        }
        let time = match length {
            6 => clock_time(
                number(&digits[..2])?,
                number(&digits[2..4])?,
                number(&digits[4..])?,
                fraction(part)?,
            )?,
            4 => clock_time(number(&digits[..2])?, number(&digits[2..])?, 0, 0)?,
            _ => return Err(Failure::Format),
        };
        self.set_time(time)
    }

    /// A number of a date: which part it is depends on what is there already, on its length, and
    /// on the date order.
    fn date_number(&mut self, text: &str) -> Result<(), Failure> {
        let value = number(text)?;
        let long = text.len() >= 3;
        let order = self.style.date_order;
        if text.len() == 3
            && self.year.is_some()
            && self.month.is_none()
            && self.day.is_none()
            && (1..=366).contains(&value)
        {
            self.day_of_year = Some(value);
            return Ok(());
        }
        match (self.year.is_some(), self.month.is_some(), self.day.is_some()) {
            (false, false, false) if long || order == DateOrder::Ymd => self.set_year(text, value),
            (false, false, false) if order == DateOrder::Dmy => self.day = Some(value),
            (false | true, false, false) | (false, false, true) => {
                self.month = Some(value);
            }
            (false, true, false) if self.month_by_name && (long || order == DateOrder::Ymd) => {
                self.set_year(text, value);
            }
            (true, true, false) if self.month_by_name && long && self.short_year => {
                // The first number, taken for a short year, was the day.
                self.day = self.year;
                self.set_year(text, value);
            }
            (false | true, true, false) => self.day = Some(value),
            (false, true, true) => self.set_year(text, value),
            _ => return Err(Failure::Format),
        }
        Ok(())
    }

    fn set_year(&mut self, text: &str, value: i64) {
        self.year = Some(value);
        self.short_year = text.len() <= 2;
    }

    fn finish(mut self, dated: bool) -> Result<Moment, Failure> {
        if self.moment.special.is_some() {
            return Ok(self.moment);
        }
        if let Some(afternoon) = self.afternoon {
            let time = self.moment.time.ok_or(Failure::Format)?;
            let hour = time / (3600 * MICROS_PER_SECOND);
            if !(0..=12).contains(&hour) {
                return Err(Failure::FieldOverflow);
            }
            let half_day = MICROS_PER_DAY / 2;
            self.moment.time = Some(time % half_day + if afternoon { half_day } else { 0 });
        }
        if dated {
            self.moment.days = Some(self.days()?);
        }
        Ok(self.moment)
    }

    /// Days from 2000-01-01.
    fn days(&self) -> Result<i64, Failure> {
        if let Some(day) = self.julian_day {
            return Ok(day + calendar::DAYS_MIN);
        }
        if !self.has_date() {
            return Err(Failure::Format);
        }
        let mut year = self.year.ok_or(Failure::Format)?;
        if self.before_christ {
            if year <= 0 {
                return Err(Failure::FieldOverflow);
            }
            year = 1 - year;
        } else if self.short_year {
            year += if year < 70 { 2000 } else { 1900 };
        } else if year <= 0 {
            return Err(Failure::FieldOverflow);
        }
        if let Some(day) = self.day_of_year {
            return Ok(calendar::days_from_civil(year, 1, 1) + day - 1);
        }
        let (month, day) = (self.month.unwrap_or(0), self.day.unwrap_or(0));
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return Err(Failure::MonthDayOverflow);
        }
        if day > i64::from(calendar::days_in_month(year, month as u32)) {
            return Err(Failure::FieldOverflow);
        }
        Ok(calendar::days_from_civil(year, month as u32, day as u32))
    }
}
