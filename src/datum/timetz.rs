//! time with time zone: a time of day, and how far from UTC the clock is that shows it (manual,
//! "Date/Time Types").
//!
//! Stored as `HH:MM:SS[.ffffff]+HH:MM[:SS]`: equal values have equal texts. Their order is that of what
//! they are in UTC, which is another one than that of the texts: [`compare`].

use std::cmp::{Ordering, Reverse};

use bytes::{BufMut as _, BytesMut};

use crate::datum::Style;
use crate::datum::calendar::{self, MICROS_PER_DAY, MICROS_PER_SECOND};
use crate::datum::datetime::session_zone;
use crate::datum::datetime_input::{self, Failure, Moment};
use crate::datum::stored::{corrupted, exactly, text};
use crate::datum::zone::{self, Zone};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

/// Seconds that an offset stays below (`TZDISP_LIMIT`).
const OFFSET_LIMIT: i32 = 16 * 3600;

/// A time of day at an offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZonedTime {
    /// Of the day, as the clock shows it; 24:00:00 is allowed.
    pub micros: i64,
    /// Seconds east of UTC.
    pub offset: i32,
}

impl ZonedTime {
    /// Microseconds of the day in UTC: below 0 and above 24 hours where UTC has another date.
    pub fn utc(&self) -> i64 {
        self.micros - i64::from(self.offset) * MICROS_PER_SECOND
    }

    /// The same moment at another offset.
    #[must_use]
    pub fn at(&self, offset: i32) -> Self {
        let micros = self.utc() + i64::from(offset) * MICROS_PER_SECOND;
        Self { micros: micros.rem_euclid(MICROS_PER_DAY), offset }
    }

    pub fn store(&self) -> String {
        let mut out = BytesMut::with_capacity(24);
        calendar::put_time(self.micros, &mut out);
        zone::put_offset(self.offset, &mut out);
        if self.offset % 3600 == 0 {
            out.put_slice(b":00");
        }
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Reads the stored form.
    pub fn load(text: &str) -> Option<Self> {
        let (micros, rest) = calendar::read_time(text.as_bytes())?;
        let (sign, h1, h2, m1, m2, rest) = match rest {
            [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2, rest @ ..] => {
                (*sign, h1, h2, m1, m2, rest)
            }
            _ => return None,
        };
        let seconds = match rest {
            [] => 0,
            [b':', s1, s2] => calendar::digits(&[*s1, *s2])?,
            _ => return None,
        };
        let minutes = calendar::digits(&[*h1, *h2])? * 60 + calendar::digits(&[*m1, *m2])?;
        let magnitude = (minutes * 60 + seconds) as i32;
        Some(Self { micros, offset: if sign == b'-' { -magnitude } else { magnitude } })
    }

    fn order(&self, other: &Self) -> Ordering {
        (self.utc(), Reverse(self.offset)).cmp(&(other.utc(), Reverse(other.offset)))
    }
}

/// The order of two stored values; what isn't one is ordered as a text.
pub fn compare(left: &str, right: &str) -> Ordering {
    match (ZonedTime::load(left), ZonedTime::load(right)) {
        (Some(left), Some(right)) => left.order(&right),
        _ => left.cmp(right),
    }
}

/// What a text says, where it says how far from UTC its time is.
struct Written {
    micros: i64,
    /// Nothing where the offset is the one that the session's zone has now.
    offset: Option<i32>,
}

fn read(input: &str, style: &Style) -> Result<Written, Error> {
    let fail = |failure: Failure| failure.of("time with time zone", input);
    let moment = datetime_input::parse_time(input, style).map_err(fail)?;
    let (None, Some(micros)) = (moment.special, moment.time) else {
        return Err(fail(Failure::Format));
    };
    let session = match (&moment.zone, moment.offset) {
        (None, None) => session_zone(style)?,
        _ => None,
    };
    let offset = match (&moment.zone, moment.offset, &session) {
        (_, Some(offset), _) => Some(offset),
        (Some(zone), ..) => match offset_in(zone, &moment, micros) {
            None if !moment.abbreviated => return Err(fail(Failure::Format)),
            None => zone.present_offset(),
            known => known,
        },
        (None, None, None) => Some(0),
        (None, None, Some(zone)) => {
            offset_in(zone, &moment, micros).or_else(|| zone.present_offset())
        }
    };
    Ok(Written { micros, offset })
}

/// A zone's offset at the date that was written, or at any.
fn offset_in(zone: &Zone, moment: &Moment, micros: i64) -> Option<i32> {
    let local = moment.days.and_then(|days| days.checked_mul(MICROS_PER_DAY)?.checked_add(micros));
    local.map(|local| zone.offset_of_local(local)).or_else(|| zone.fixed_offset())
}

/// Whether a text is a time whose offset depends on the date of the day: the session's zone is meant,
/// and it changes its clocks.
pub fn depends_on_today(input: &str, style: &Style) -> bool {
    read(input, style).is_ok_and(|written| written.offset.is_none())
}

/// # Errors
/// 22007, 22008, 22009; 0A000 for a text that [depends on the date of the day](depends_on_today).
pub(crate) fn from_text(data_type: PgType, input: &str, style: &Style) -> Result<Value, Error> {
    let written = read(input, style)?;
    let Some(offset) = written.offset else {
        return Err(Error::refused(
            "a time with time zone without its offset from UTC is not supported here, as the session's \
             time zone has daylight saving time",
        ));
    };
    let micros = calendar::round(written.micros, data_type.modifier);
    Ok(Value::Text(ZonedTime { micros, offset }.store()))
}

/// From a value's stored form.
///
/// # Errors
/// XX001
pub fn stored(value: &Value) -> Result<ZonedTime, Error> {
    let data_type = PgType::TIMETZ;
    ZonedTime::load(text(data_type, value)?).ok_or_else(|| corrupted(data_type))
}

pub(crate) fn to_text(value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    let time = stored(value)?;
    calendar::put_time(time.micros, out);
    zone::put_offset(time.offset, out);
    Ok(())
}

pub(crate) fn from_binary(data_type: PgType, bytes: &[u8]) -> Result<Value, Error> {
    let [m1, m2, m3, m4, m5, m6, m7, m8, z1, z2, z3, z4] = exactly(bytes)?;
    let micros = i64::from_be_bytes([m1, m2, m3, m4, m5, m6, m7, m8]);
    let west = i32::from_be_bytes([z1, z2, z3, z4]);
    if !(0..=MICROS_PER_DAY).contains(&micros) {
        return Err(Error::user(SqlState::DATETIME_FIELD_OVERFLOW, "time out of range"));
    }
    if west <= -OFFSET_LIMIT || west >= OFFSET_LIMIT {
        return Err(Error::user(SqlState(*b"22009"), "time zone displacement out of range"));
    }
    let micros = calendar::round(micros, data_type.modifier);
    Ok(Value::Text(ZonedTime { micros, offset: -west }.store()))
}

pub(crate) fn to_binary(value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    let time = stored(value)?;
    out.put_i64(time.micros);
    out.put_i32(-time.offset);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_in(zone: &str, text: &str) -> String {
        let style = Style { time_zone: zone.to_owned(), ..Style::default() };
        match from_text(PgType::TIMETZ, text, &style) {
            Ok(Value::Text(text)) => text,
            Ok(_) => "no text".to_owned(),
            Err(error) => error.message().to_owned(),
        }
    }

    #[test]
    fn offsets_come_from_the_text_the_date_or_the_session() {
        for (zone, text, stored) in [
            ("UTC", "10:30", "10:30:00+00:00"),
            ("UTC", "10:30:15.5-03:30", "10:30:15.5-03:30"),
            ("UTC", "04:05:06 PM PST", "16:05:06-08:00"),
            ("UTC", "2020-07-01 10:00 Europe/Berlin", "10:00:00+02:00"),
            (
                "UTC",
                "10:00 Europe/Berlin",
                "invalid input syntax for type time with time zone: \"10:00 Europe/Berlin\"",
            ),
            ("UTC", "10:00 Etc/GMT-3", "10:00:00+03:00"),
            ("Asia/Tokyo", "10:00", "10:00:00+09:00"),
            ("Europe/Berlin", "2020-01-01 10:00", "10:00:00+01:00"),
        ] {
            assert_eq!(read_in(zone, text), stored, "{text} in {zone}");
        }
        let berlin = Style { time_zone: "Europe/Berlin".to_owned(), ..Style::default() };
        assert!(depends_on_today("10:00", &berlin));
        assert!(!depends_on_today("10:00+02", &berlin));
    }

    #[test]
    fn times_are_ordered_by_what_they_are_in_utc() {
        let ordered = ["00:00:00+02:00", "02:00:00+02:00", "01:00:00+01:00", "00:30:00+00:00"];
        for pair in ordered.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        // The same moment: the one further east comes first.
        assert_eq!(compare("02:00:00+02:00", "00:00:00+00:00"), Ordering::Less);
    }

    #[test]
    fn stored_forms_are_read_back() {
        for text in ["24:00:00-15:59:59", "00:00:00.000001+00:00", "10:00:00-00:30"] {
            assert_eq!(ZonedTime::load(text).unwrap().store(), text);
        }
        assert_eq!(ZonedTime::load("10:00:00"), None);
    }
}
