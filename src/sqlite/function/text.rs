//! Strings. Positions and lengths count characters.

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::{Answer, Arguments, boolean, integer, lenient, strict, string};
use crate::model::error::{Error, SqlState};
use rusqlite::types::ValueRef;

/// Bytes that a string function makes at the most.
const RESULT_BYTES_MAX: usize = 64 * 1024 * 1024;

fn too_long() -> Error {
    Error::limit(SqlState::PROGRAM_LIMIT_EXCEEDED, "requested length too large")
}

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_lower", 1, |args| Ok(string(args.text(0)?.to_lowercase())))?;
    strict(connection, "pg_upper", 1, |args| Ok(string(args.text(0)?.to_uppercase())))?;
    strict(connection, "pg_initcap", 1, |args| Ok(string(initcap(args.text(0)?))))?;
    strict(connection, "pg_bit_length", 1, |args| Ok(integer(args.text(0)?.len() as i64 * 8)))?;
    strict(connection, "pg_reverse", 1, |args| {
        Ok(string(args.text(0)?.chars().rev().collect::<String>()))
    })?;
    strict(connection, "pg_substring", -1, substring)?;
    for (name, start, end) in
        [("pg_btrim", true, true), ("pg_ltrim", true, false), ("pg_rtrim", false, true)]
    {
        strict(connection, name, -1, move |args| {
            let characters: Vec<char> =
                if args.count() > 1 { args.text(1)?.chars().collect() } else { vec![' '] };
            let mut text = args.text(0)?;
            if start {
                text = text.trim_start_matches(characters.as_slice());
            }
            if end {
                text = text.trim_end_matches(characters.as_slice());
            }
            Ok(string(text))
        })?;
    }
    strict(connection, "pg_trim_end", 1, |args| Ok(string(args.text(0)?.trim_end_matches(' '))))?;
    strict(connection, "pg_overlay", -1, overlay)?;
    strict(connection, "pg_replace", 3, |args| {
        let from = args.text(1)?;
        if from.is_empty() {
            return Ok(string(args.text(0)?));
        }
        Ok(string(args.text(0)?.replace(from, args.text(2)?)))
    })?;
    strict(connection, "pg_translate", 3, |args| {
        let from: Vec<char> = args.text(1)?.chars().collect();
        let to: Vec<char> = args.text(2)?.chars().collect();
        let map = |character: char| match from.iter().position(|other| *other == character) {
            None => Some(character),
            Some(at) => to.get(at).copied(),
        };
        Ok(string(args.text(0)?.chars().filter_map(map).collect::<String>()))
    })?;
    register_parts(connection)
}

/// Parts, padding, single characters, quoting.
fn register_parts(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_left", 2, |args| side(args, true))?;
    strict(connection, "pg_right", 2, |args| side(args, false))?;
    strict(connection, "pg_lpad", -1, |args| pad(args, true))?;
    strict(connection, "pg_rpad", -1, |args| pad(args, false))?;
    strict(connection, "pg_repeat", 2, |args| {
        let count = usize::try_from(args.integer(1)?).unwrap_or(0);
        let text = args.text(0)?;
        if text.len().saturating_mul(count) > RESULT_BYTES_MAX {
            return Err(too_long());
        }
        Ok(string(text.repeat(count)))
    })?;
    strict(connection, "pg_split_part", 3, split_part)?;
    strict(connection, "pg_starts_with", 2, |args| {
        Ok(boolean(args.text(0)?.starts_with(args.text(1)?)))
    })?;
    strict(connection, "pg_ascii", 1, |args| {
        Ok(integer(args.text(0)?.chars().next().map_or(0, |first| i64::from(first as u32))))
    })?;
    strict(connection, "pg_chr", 1, |args| {
        let code = args.integer(0)?;
        if code < 0 {
            return Err(Error::user(
                SqlState::INVALID_PARAMETER_VALUE,
                "character number must be positive",
            ));
        }
        if code == 0 {
            return Err(Error::user(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                "null character not permitted",
            ));
        }
        let character = u32::try_from(code).ok().and_then(char::from_u32);
        character.map(|character| string(character.to_string())).ok_or_else(|| {
            Error::user(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!("requested character not valid for encoding: {code}"),
            )
        })
    })?;
    strict(connection, "pg_to_hex", 1, |args| Ok(string(format!("{:x}", args.integer(0)?))))?;
    strict(connection, "pg_to_hex4", 1, |args| {
        Ok(string(format!("{:x}", args.integer(0)? as i32)))
    })?;
    register_lengths(connection)?;
    register_likes(connection)?;
    lenient(connection, "pg_concat", -1, super::PURE, |args| join(args, 0, ""))?;
    lenient(connection, "pg_concat_ws", -1, super::PURE, |args| {
        if args.value(0) == ValueRef::Null {
            return Ok(SqlValue::Null);
        }
        let separator = args.text(0)?.to_owned();
        join(args, 1, &separator)
    })
}

fn register_lengths(connection: &Connection) -> rusqlite::Result<()> {
    for (name, label, cut, trim) in [
        ("pg_varchar", "character varying", false, false),
        ("pg_varchar_cut", "character varying", true, false),
        ("pg_char", "character", false, true),
        ("pg_char_cut", "character", true, true),
    ] {
        strict(connection, name, 2, move |args| {
            let length = usize::try_from(args.integer(1)?).unwrap_or(0);
            let text = args.text(0)?;
            let kept = match text.char_indices().nth(length) {
                None => text,
                Some((end, _)) if cut || text[end..].bytes().all(|byte| byte == b' ') => {
                    &text[..end]
                }
                Some(_) => {
                    let message = format!("value too long for type {label}({length})");
                    return Err(Error::user(SqlState::STRING_DATA_RIGHT_TRUNCATION, message));
                }
            };
            Ok(string(if trim { kept.trim_end_matches(' ') } else { kept }))
        })?;
    }
    strict(connection, "pg_name", 1, |args| {
        let text = args.text(0)?;
        let end =
            (0..=text.len().min(63)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        Ok(string(&text[..end]))
    })
}

fn register_likes(connection: &Connection) -> rusqlite::Result<()> {
    for (name, negated, fold) in [
        ("pg_like", false, false),
        ("pg_not_like", true, false),
        ("pg_ilike", false, true),
        ("pg_not_ilike", true, true),
    ] {
        strict(connection, name, -1, move |args| {
            let escape =
                if args.count() > 2 { escape_character(args.text(2)?)? } else { Some('\\') };
            let matched = if fold {
                like(&args.text(0)?.to_lowercase(), &args.text(1)?.to_lowercase(), escape)?
            } else {
                like(args.text(0)?, args.text(1)?, escape)?
            };
            Ok(boolean(matched != negated))
        })?;
    }
    Ok(())
}

fn escape_character(text: &str) -> Result<Option<char>, Error> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (first, None) => Ok(first),
        _ => Err(Error::user(SqlState(*b"22025"), "invalid escape string")
            .with_hint("Escape string must be empty or one character.")),
    }
}

/// LIKE, in time proportional to text times pattern at the worst: only the last `%` is retried.
fn like(text: &str, pattern: &str, escape: Option<char>) -> Result<bool, Error> {
    enum Part {
        Any,
        One,
        Literal(char),
    }
    let mut parts = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        parts.push(match character {
            escaped if Some(escaped) == escape => match characters.next() {
                Some(literal) => Part::Literal(literal),
                None => {
                    return Err(Error::user(
                        SqlState(*b"22025"),
                        "LIKE pattern must not end with escape character",
                    ));
                }
            },
            '%' => Part::Any,
            '_' => Part::One,
            literal => Part::Literal(literal),
        });
    }
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut part) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match parts.get(part) {
            Some(Part::Any) => {
                retry = Some((at, part));
                part += 1;
            }
            Some(Part::One) => {
                at += 1;
                part += 1;
            }
            Some(Part::Literal(literal)) if *literal == text[at] => {
                at += 1;
                part += 1;
            }
            Some(Part::Literal(_)) | None => match retry {
                Some((start, any)) => {
                    at = start + 1;
                    part = any + 1;
                    retry = Some((at, any));
                }
                None => return Ok(false),
            },
        }
    }
    Ok(parts[part..].iter().all(|rest| matches!(rest, Part::Any)))
}

fn substring(args: &Arguments<'_, '_>) -> Answer {
    let start = args.integer(1)?;
    let end = if args.count() > 2 {
        let length = args.integer(2)?;
        if length < 0 {
            return Err(Error::user(SqlState(*b"22011"), "negative substring length not allowed"));
        }
        start.saturating_add(length)
    } else {
        i64::MAX
    };
    let skip = (start - 1).max(0);
    let take = (end - 1).max(0) - skip;
    let kept = args.text(0)?.chars().skip(skip as usize).take(take.max(0) as usize);
    Ok(string(kept.collect::<String>()))
}

fn overlay(args: &Arguments<'_, '_>) -> Answer {
    let (text, new) = (args.text(0)?, args.text(1)?);
    let start = args.integer(2)?;
    let length = if args.count() > 3 { args.integer(3)? } else { new.chars().count() as i64 };
    if start < 1 {
        return Err(Error::user(SqlState(*b"22011"), "negative substring length not allowed"));
    }
    let mut result: String = text.chars().take(start as usize - 1).collect();
    result.push_str(new);
    let rest = start.saturating_sub(1).saturating_add(length).max(0);
    result.extend(text.chars().skip(rest as usize));
    Ok(string(result))
}

fn side(args: &Arguments<'_, '_>, left: bool) -> Answer {
    let text = args.text(0)?;
    let total = text.chars().count() as i64;
    let wanted = args.integer(1)?;
    let kept = (if wanted < 0 { total + wanted } else { wanted }).clamp(0, total) as usize;
    let skipped = if left { 0 } else { total as usize - kept };
    Ok(string(text.chars().skip(skipped).take(kept).collect::<String>()))
}

fn pad(args: &Arguments<'_, '_>, left: bool) -> Answer {
    let text = args.text(0)?;
    let wanted = usize::try_from(args.integer(1)?).unwrap_or(0);
    let fill = if args.count() > 2 { args.text(2)? } else { " " };
    if wanted > RESULT_BYTES_MAX / 4 {
        return Err(too_long());
    }
    let length = text.chars().count();
    let kept: String = text.chars().take(wanted).collect();
    let padding: String = fill
        .chars()
        .cycle()
        .take(if fill.is_empty() { 0 } else { wanted.saturating_sub(length) })
        .collect();
    Ok(string(if left { padding + &kept } else { kept + &padding }))
}

fn split_part(args: &Arguments<'_, '_>) -> Answer {
    let (text, separator, field) = (args.text(0)?, args.text(1)?, args.integer(2)?);
    if field == 0 {
        return Err(Error::user(
            SqlState::INVALID_PARAMETER_VALUE,
            "field position must not be zero",
        ));
    }
    let parts: Vec<&str> =
        if separator.is_empty() { vec![text] } else { text.split(separator).collect() };
    let at = if field > 0 { field - 1 } else { parts.len() as i64 + field };
    Ok(string(usize::try_from(at).ok().and_then(|at| parts.get(at)).copied().unwrap_or("")))
}

fn join(args: &Arguments<'_, '_>, first: usize, separator: &str) -> Answer {
    let mut parts = Vec::new();
    for at in first..args.count() {
        if args.value(at) != ValueRef::Null {
            parts.push(args.text(at)?);
        }
    }
    Ok(string(parts.join(separator)))
}

fn initcap(text: &str) -> String {
    let mut inside = false;
    let mut result = String::new();
    for character in text.chars() {
        if inside {
            result.extend(character.to_lowercase());
        } else {
            result.extend(character.to_uppercase());
        }
        inside = character.is_alphanumeric();
    }
    result
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn like_matches_as_postgresql_does() {
        for (text, pattern, matched) in [
            ("abc", "abc", true),
            ("abc", "a%", true),
            ("abc", "_b_", true),
            ("abc", "a", false),
            ("", "%", true),
            ("a%c", "a\\%c", true),
            ("abc", "a\\%c", false),
            ("aXbXc", "%X%c", true),
            ("mississippi", "%iss%ip%", true),
            ("ab", "a%%b", true),
            ("ABC", "abc", false),
        ] {
            assert_eq!(like(text, pattern, Some('\\')).unwrap(), matched, "{text} LIKE {pattern}");
        }
        assert_eq!(like("a", "a\\", Some('\\')).unwrap_err().state().as_str(), "22025");
    }
}
