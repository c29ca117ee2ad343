//! Searching on and on: all matches, replacing, splitting.

use crate::datum::regex::Regex;
use crate::model::error::{Error, SqlState};

/// Bytes that replacing makes at the most.
const RESULT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Matches that are collected at the most.
const MATCHES_MAX: usize = 4 * 1024 * 1024;

/// A match with its groups.
pub type Match = Vec<Option<(usize, usize)>>;

/// Where to look next: behind the match, but at least one character on. `None` at the end.
pub fn after(text: &str, (start, end): (usize, usize)) -> Option<usize> {
    if end > start {
        return Some(end);
    }
    text[end..].chars().next().map(|c| end + c.len_utf8())
}

/// All matches from the byte `start` on, or the first one only. `splitting` leaves out empty ones at
/// the end and right behind another match.
///
/// # Errors
/// 54000 for too many or too complex ones.
pub fn matches(
    regex: &Regex,
    text: &str,
    start: usize,
    (all, splitting): (bool, bool),
) -> Result<Vec<Match>, Error> {
    let mut found = Vec::new();
    let mut at = Some(start);
    let mut last_end = 0;
    while let Some(from) = at {
        let groups = if splitting {
            regex.find(text, from).map(|extent| vec![Some(extent)])
        } else {
            regex.captures(text, from)?
        };
        let Some(groups) = groups else { break };
        let Some(extent) = groups[0] else { break };
        if !splitting || (extent.0 < text.len() && extent.1 > last_end) {
            found.push(groups);
        }
        if found.len() > MATCHES_MAX {
            return Err(Error::limit(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                "too many regular expression matches",
            ));
        }
        last_end = extent.1;
        if !all {
            break;
        }
        at = after(text, extent);
    }
    Ok(found)
}

/// Replaces matches from the byte `start` on: the `nth` one, or all of them for 0.
///
/// # Errors
/// 54000 for too long a result.
pub fn replace(
    regex: &Regex,
    text: &str,
    replacement: &str,
    start: usize,
    nth: usize,
) -> Result<String, Error> {
    let mut out = String::new();
    let mut copied = 0;
    let mut count = 0;
    let mut at = Some(start);
    let simple = !replacement.contains('\\');
    while let Some(from) = at {
        let groups = if simple {
            regex.find(text, from).map(|extent| vec![Some(extent)])
        } else {
            regex.captures(text, from)?
        };
        let Some(groups) = groups else { break };
        let Some(extent) = groups[0] else { break };
        count += 1;
        at = after(text, extent);
        if nth > 0 && count != nth {
            continue;
        }
        out.push_str(&text[copied..extent.0]);
        copied = extent.1;
        if simple {
            out.push_str(replacement);
        } else {
            substitute(replacement, text, &groups, &mut out);
        }
        if out.len() > RESULT_BYTES_MAX {
            return Err(Error::limit(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                "requested length too large",
            ));
        }
        if nth > 0 {
            break;
        }
    }
    out.push_str(&text[copied..]);
    Ok(out)
}

/// `\1` to `\9`, `\&` and `\\`; another backslash is itself.
fn substitute(replacement: &str, text: &str, groups: &Match, out: &mut String) {
    let mut characters = replacement.chars().peekable();
    while let Some(c) = characters.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let group = match characters.peek() {
            Some('&') => 0,
            Some(digit @ '1'..='9') => *digit as usize - '0' as usize,
            Some('\\') => {
                characters.next();
                out.push('\\');
                continue;
            }
            _ => {
                out.push('\\');
                continue;
            }
        };
        characters.next();
        if let Some((from, to)) = groups.get(group).copied().flatten() {
            out.push_str(&text[from..to]);
        }
    }
}

/// The pieces between matches.
///
/// # Errors
/// As [`matches()`].
pub fn split<'a>(regex: &Regex, text: &'a str) -> Result<Vec<&'a str>, Error> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for found in matches(regex, text, 0, (true, true))? {
        if let Some((start, end)) = found[0] {
            pieces.push(&text[from..start]);
            from = end;
        }
    }
    pieces.push(&text[from..]);
    Ok(pieces)
}
