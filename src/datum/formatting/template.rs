//! Templates of dates and times, cut into fields and text.

/// A field of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Hour12,
    Hour24,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    /// `FF1` to `FF6`.
    Fraction(u32),
    SecondsOfDay,
    /// AM or PM, with points or without.
    Meridiem {
        dots: bool,
    },
    YearWithComma,
    /// The last digits of the year: 4 to 1. `iso`: of the week-numbering year.
    Year {
        digits: u32,
        iso: bool,
    },
    Era {
        dots: bool,
    },
    Month,
    MonthShort,
    MonthNumber,
    Day,
    DayShort,
    DayOfYear {
        iso: bool,
    },
    DayOfMonth,
    DayOfWeek {
        iso: bool,
    },
    WeekOfMonth,
    WeekOfYear,
    IsoWeek,
    Century,
    Julian,
    Quarter,
    RomanMonth,
    ZoneName,
    ZoneHours,
    ZoneMinutes,
    ZoneOffset,
}

/// How letters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Upper,
    Lower,
    /// `Month`
    Title,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Field {
        field: Field,
        name: &'static str,
        case: Case,
        /// `FM`
        fill: bool,
        /// `TH` or `th`
        ordinal: Option<bool>,
    },
    /// A blank in the template.
    Space(char),
    /// Neither a letter nor a digit.
    Separator(char),
    Text(char),
}

use Field::{
    Century, Day, DayOfMonth, DayOfWeek, DayOfYear, DayShort, Era, Fraction, Hour12, Hour24,
    IsoWeek, Julian, Meridiem, Microsecond, Millisecond, Minute, Month, MonthNumber, MonthShort,
    Quarter, RomanMonth, Second, SecondsOfDay, WeekOfMonth, WeekOfYear, Year, YearWithComma,
    ZoneHours, ZoneMinutes, ZoneName, ZoneOffset,
};

/// Keywords in upper case; of those that begin alike, the longest first.
#[rustfmt::skip]
const KEYWORDS: &[(&str, Field)] = &[
    ("A.D.", Era { dots: true }), ("A.M.", Meridiem { dots: true }), ("AD", Era { dots: false }), ("AM", Meridiem { dots: false }),
    ("B.C.", Era { dots: true }), ("BC", Era { dots: false }), ("CC", Century), ("DAY", Day), ("DDD", DayOfYear { iso: false }),
    ("DD", DayOfMonth), ("DY", DayShort), ("D", DayOfWeek { iso: false }), ("FF1", Fraction(1)), ("FF2", Fraction(2)),
    ("FF3", Fraction(3)), ("FF4", Fraction(4)), ("FF5", Fraction(5)), ("FF6", Fraction(6)), ("HH24", Hour24), ("HH12", Hour12),
    ("HH", Hour12), ("IDDD", DayOfYear { iso: true }), ("ID", DayOfWeek { iso: true }), ("IW", IsoWeek),
    ("IYYY", Year { digits: 4, iso: true }), ("IYY", Year { digits: 3, iso: true }), ("IY", Year { digits: 2, iso: true }),
    ("I", Year { digits: 1, iso: true }), ("J", Julian), ("MI", Minute), ("MM", MonthNumber), ("MONTH", Month), ("MON", MonthShort),
    ("MS", Millisecond), ("OF", ZoneOffset), ("P.M.", Meridiem { dots: true }), ("PM", Meridiem { dots: false }), ("Q", Quarter),
    ("RM", RomanMonth), ("SSSSS", SecondsOfDay), ("SSSS", SecondsOfDay), ("SS", Second), ("TZH", ZoneHours), ("TZM", ZoneMinutes),
    ("TZ", ZoneName), ("US", Microsecond), ("WW", WeekOfYear), ("W", WeekOfMonth), ("Y,YYY", YearWithComma),
    ("YYYY", Year { digits: 4, iso: false }), ("YYY", Year { digits: 3, iso: false }), ("YY", Year { digits: 2, iso: false }),
    ("Y", Year { digits: 1, iso: false }),
];

/// The keyword that a text starts with, and in which case it is written. Keywords are all upper or all
/// lower case; names may also begin with a capital.
fn keyword(text: &str) -> Option<(&'static str, Field, Case)> {
    KEYWORDS.iter().find_map(|(name, field)| {
        let head = text.get(..name.len())?;
        let case = if head == *name {
            Case::Upper
        } else if head == name.to_ascii_lowercase() {
            Case::Lower
        } else if matches!(field, Day | DayShort | Month | MonthShort)
            && head.eq_ignore_ascii_case(name)
            && head.starts_with(|c: char| c.is_ascii_uppercase())
            && head[1..].chars().all(|c| c.is_ascii_lowercase())
        {
            Case::Title
        } else {
            return None;
        };
        // `Dy`, `Mon` in other cases are not keywords, but shorter ones may be in them.
        Some((*name, *field, case))
    })
}

/// Whether a template is in fixed format (`FX`), and its parts.
pub(super) fn parse(template: &str) -> (bool, Vec<Part>) {
    let mut fixed = false;
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some(c) = rest.chars().next() {
        // Prefixes.
        let mut fill = false;
        let mut after = rest;
        loop {
            let head = after.get(..2).unwrap_or("");
            match head {
                "FM" | "fm" => fill = true,
                "TM" | "tm" if keyword(&after[2..]).is_some() => {}
                "FX" | "fx" => fixed = true,
                _ => break,
            }
            after = &after[2..];
        }
        if let Some((name, field, case)) = keyword(after) {
            rest = &after[name.len()..];
            let ordinal = match rest.get(..2) {
                Some("TH") => Some(true),
                Some("th") => Some(false),
                _ => None,
            };
            // SP is taken, and spells nothing out.
            if ordinal.is_some() || matches!(rest.get(..2), Some("SP" | "sp")) {
                rest = &rest[2..];
            }
            parts.push(Part::Field { field, name, case, fill, ordinal });
            continue;
        }
        if after.len() < rest.len() {
            rest = after;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '"' => {
                let mut characters = rest.char_indices();
                let mut end = rest.len();
                while let Some((at, c)) = characters.next() {
                    match c {
                        '"' => {
                            end = at + 1;
                            break;
                        }
                        '\\' => {
                            if let Some((_, c)) = characters.next() {
                                parts.push(Part::Text(c));
                            }
                        }
                        c => parts.push(Part::Text(c)),
                    }
                }
                rest = &rest[end..];
            }
            '\\' if rest.starts_with('"') => {
                parts.push(Part::Text('"'));
                rest = &rest[1..];
            }
            c if c.is_ascii_whitespace() => parts.push(Part::Space(c)),
            c if c.is_ascii_graphic() && !c.is_ascii_alphanumeric() => {
                parts.push(Part::Separator(c));
            }
            c => parts.push(Part::Text(c)),
        }
    }
    (fixed, parts)
}
