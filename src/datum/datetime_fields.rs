//! Cuts a date or time into fields, and knows its vocabulary.

use crate::datum::datetime_input::Failure;
use crate::datum::stored::is_space;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Date,
    Time,
    Word,
    /// `+` or `-` and digits.
    Offset,
    /// `+` or `-` and letters.
    Signed,
}

/// Fields at the most (`MAXDATEFIELDS`).
const FIELDS_MAX: usize = 25;

/// Cuts a text (lower case, ASCII) into fields.
pub(crate) fn fields(input: &str) -> Result<Vec<(Kind, &str)>, Failure> {
    let bytes = input.as_bytes();
    let at = |index: usize| bytes.get(index).copied().unwrap_or(0);
    let span = |from: usize, wanted: &dyn Fn(u8) -> bool| {
        bytes[from..].iter().take_while(|&&byte| wanted(byte)).count() + from
    };
    let digits = |from: usize| span(from, &|byte| byte.is_ascii_digit());
    let mut found = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        let first = bytes[start];
        let (kind, end) = if is_space(first as char) {
            start += 1;
            continue;
        } else if first.is_ascii_digit() {
            number_like(bytes, start, &digits)
        } else if first == b'.' {
            (Kind::Number, digits(start + 1))
        } else if first.is_ascii_alphabetic() {
            let end = span(start, &|byte| byte.is_ascii_alphabetic());
            let date_like = match at(end) {
                b'-' | b'/' | b'.' => true,
                b'+' | b'0'..=b'9' => word(&input[start..end]).is_none(),
                _ => false,
            };
            if date_like {
                let part = |byte: u8| byte.is_ascii_alphanumeric() || b"+-/_.:".contains(&byte);
                (Kind::Date, span(end, &part))
            } else {
                (Kind::Word, end)
            }
        } else if matches!(first, b'+' | b'-') {
            let next = span(start + 1, &|byte| is_space(byte as char));
            if at(next).is_ascii_digit() {
                let part = |byte: u8| byte.is_ascii_digit() || b":.-".contains(&byte);
                (Kind::Offset, span(next, &part))
            } else if at(next).is_ascii_alphabetic() {
                (Kind::Signed, span(next, &|byte| byte.is_ascii_alphabetic()))
            } else {
                return Err(Failure::Format);
            }
        } else if first.is_ascii_punctuation() {
            start += 1;
            continue;
        } else {
            return Err(Failure::Format);
        };
        found.push((kind, &input[start..end]));
        if found.len() > FIELDS_MAX {
            return Err(Failure::Format);
        }
        start = end;
    }
    Ok(found)
}

/// A field that begins with a digit: a time, a date, or a number.
fn number_like(bytes: &[u8], start: usize, digits: &dyn Fn(usize) -> usize) -> (Kind, usize) {
    let at = |index: usize| bytes.get(index).copied().unwrap_or(0);
    let end = digits(start);
    match at(end) {
        b':' => {
            let more = bytes[end..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'))
                .count();
            (Kind::Time, end + more)
        }
        delimiter @ (b'-' | b'/' | b'.') if at(end + 1).is_ascii_digit() => {
            let second = digits(end + 1);
            if at(second) == delimiter {
                let more = bytes[second..]
                    .iter()
                    .take_while(|&&byte| byte.is_ascii_digit() || byte == delimiter)
                    .count();
                return (Kind::Date, second + more);
            }
            (if delimiter == b'.' { Kind::Number } else { Kind::Date }, second)
        }
        delimiter @ (b'-' | b'/' | b'.') => {
            let more = bytes[end..]
                .iter()
                .take_while(|&&byte| byte.is_ascii_alphanumeric() || byte == delimiter)
                .count();
            (Kind::Date, end + more)
        }
        _ => (Kind::Number, end),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Month(u32),
    /// A day of the week, `at` or `on`: no meaning.
    Filler,
    Am,
    Pm,
    BeforeChrist,
    AnnoDomini,
    /// `t`: a time follows.
    TimeFollows,
    /// `z`, `utc`, `zulu`
    Utc,
    Epoch,
    Infinity,
    /// 00:00:00 UTC
    AllBalls,
    NeedsClock,
    /// `j`, `julian`
    Julian,
}

/// The meaning of a word of the core vocabulary, in lower case.
pub(crate) fn word(text: &str) -> Option<Word> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    if let Some(at) = MONTHS
        .iter()
        .position(|&month| text == month || (text.len() == 3 && month.starts_with(text)))
    {
        return Some(Word::Month(at as u32 + 1));
    }
    Some(match text {
        "sept" => Word::Month(9),
        "mon" | "monday" | "tue" | "tues" | "tuesday" | "wed" | "weds" | "wednesday" | "thu"
        | "thur" | "thurs" | "thursday" | "fri" | "friday" | "sat" | "saturday" | "sun"
        | "sunday" | "at" | "on" => Word::Filler,
        "am" => Word::Am,
        "pm" => Word::Pm,
        "bc" => Word::BeforeChrist,
        "ad" => Word::AnnoDomini,
        "t" => Word::TimeFollows,
        "z" | "utc" | "zulu" | "ut" | "uct" | "gmt" => Word::Utc,
        "epoch" => Word::Epoch,
        "infinity" => Word::Infinity,
        "allballs" => Word::AllBalls,
        "now" | "today" | "tomorrow" | "yesterday" => Word::NeedsClock,
        "j" | "jd" | "julian" => Word::Julian,
        _ => return None,
    })
}
