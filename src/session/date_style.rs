//! The setting `DateStyle`: how dates are shown, and in which order day, month and year are read.
//!
//! A value is kept as `FORMAT, ORDER`, as SHOW gives it.

use crate::datum::{DateFormat, DateOrder};
use crate::model::error::Error;
use crate::session::settings::invalid;

const NAME: &str = "DateStyle";

const FORMATS: [(&str, DateFormat); 4] = [
    ("ISO", DateFormat::Iso),
    ("SQL", DateFormat::Sql),
    ("Postgres", DateFormat::Postgres),
    ("German", DateFormat::German),
];

const ORDERS: [(&str, DateOrder); 3] =
    [("MDY", DateOrder::Mdy), ("DMY", DateOrder::Dmy), ("YMD", DateOrder::Ymd)];

/// A part of the value, and whether a word has named it.
struct Part<T> {
    value: T,
    named: bool,
    conflict: bool,
}

impl<T: Copy + PartialEq> Part<T> {
    fn new(value: T) -> Self {
        Self { value, named: false, conflict: false }
    }

    fn name(&mut self, value: T) {
        self.conflict |= self.named && self.value != value;
        self.value = value;
        self.named = true;
    }

    fn imply(&mut self, value: T) {
        if !self.named {
            self.value = value;
        }
    }
}

/// What a kept value says.
pub(super) fn parts(kept: &str) -> (DateFormat, DateOrder) {
    let (format, order) = kept.split_once(", ").unwrap_or((kept, ""));
    let format = FORMATS.iter().find(|(name, _)| *name == format);
    let order = ORDERS.iter().find(|(name, _)| *name == order);
    (format.map_or(DateFormat::Iso, |known| known.1), order.map_or(DateOrder::Mdy, |known| known.1))
}

/// The value to keep for a list of words, as the manual's `DateStyle` has them. What they leave open is
/// as in `present`; `reset` is what `default` stands for. Both are kept values.
///
/// # Errors
/// 22023 for words that are unknown or contradict one another.
pub(super) fn check(value: &str, present: &str, reset: &str) -> Result<String, Error> {
    let fail = |detail: String| Err(invalid(NAME, value).with_detail(detail));
    let Some(words) = words(value) else { return fail("List syntax is invalid.".to_owned()) };
    let (format, order) = parts(present);
    let (mut format, mut order) = (Part::new(format), Part::new(order));
    for word in &words {
        match word.as_str() {
            "iso" => format.name(DateFormat::Iso),
            "sql" => format.name(DateFormat::Sql),
            "german" => {
                format.name(DateFormat::German);
                order.imply(DateOrder::Dmy);
            }
            "ymd" => order.name(DateOrder::Ymd),
            "dmy" => order.name(DateOrder::Dmy),
            "mdy" | "us" => order.name(DateOrder::Mdy),
            "default" => {
                let (reset_format, reset_order) = parts(reset);
                format.imply(reset_format);
                order.imply(reset_order);
            }
            _ if word.starts_with("postgres") => format.name(DateFormat::Postgres),
            _ if word.starts_with("euro") => order.name(DateOrder::Dmy),
            _ if word.starts_with("noneuro") => order.name(DateOrder::Mdy),
            _ => return fail(format!("Unrecognized key word: \"{word}\".")),
        }
    }
    if format.conflict || order.conflict {
        return fail("Conflicting \"datestyle\" specifications.".to_owned());
    }
    let format =
        FORMATS.iter().find(|known| known.1 == format.value).map_or("ISO", |known| known.0);
    let order = ORDERS.iter().find(|known| known.1 == order.value).map_or("MDY", |known| known.0);
    Ok(format!("{format}, {order}"))
}

/// The words of a list of identifiers, in lower case; `None` if it isn't one.
fn words(list: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = list.trim();
    if rest.is_empty() {
        return Some(words);
    }
    loop {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => {
                let end = rest.find(|c: char| c == ',' || c.is_whitespace());
                rest.split_at(end.unwrap_or(rest.len()))
            }
        };
        if word.is_empty() {
            return None;
        }
        words.push(word.to_lowercase());
        rest = after.trim_start();
        if rest.is_empty() {
            return Some(words);
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(value: &str, present: &str) -> String {
        check(value, present, "ISO, MDY").unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn what_is_not_named_stays() {
        assert_eq!(checked("iso", "German, DMY"), "ISO, DMY");
        assert_eq!(checked("us", "ISO, DMY"), "ISO, MDY");
        assert_eq!(checked("", "SQL, YMD"), "SQL, YMD");
        assert_eq!(checked("german", "ISO, YMD"), "German, DMY");
        assert_eq!(checked("German, MDY", "ISO, YMD"), "German, MDY");
        assert_eq!(checked("mdy, german", "ISO, YMD"), "German, MDY");
        assert_eq!(checked("sql, default", "Postgres, DMY"), "SQL, MDY");
        assert_eq!(checked("\"PostgreSQL\" , European", "ISO, MDY"), "Postgres, DMY");
    }

    #[test]
    fn contradictions_and_unknown_words_are_refused() {
        for value in ["iso, sql", "dmy, us", "roman", "iso,", ",iso", "iso dmy", "\"iso", "\"\""] {
            check(value, "ISO, MDY", "ISO, MDY").unwrap_err();
        }
        check("iso, iso, mdy, us", "SQL, DMY", "ISO, MDY").unwrap();
    }
}
