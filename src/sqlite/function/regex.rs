//! Pattern matching with regular expressions: operators, the `regexp_` functions, SIMILAR TO.
//!
//! A function that returns a set gives a JSON array here, one element a row.

use rusqlite::Connection;
use rusqlite::types::{Value as SqlValue, ValueRef};

use super::{Answer, Arguments, PURE, boolean, integer, lenient, strict, string};
use crate::datum::array::{self, Array};
use crate::datum::regex::replace::{self, Match};
use crate::datum::regex::{Flags, Regex, similar_to_regex};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    for (name, fold, negated) in [
        ("pg_textregexeq", false, false),
        ("pg_textregexne", false, true),
        ("pg_texticregexeq", true, false),
        ("pg_texticregexne", true, true),
    ] {
        let flags = if fold { Flags::folded() } else { Flags::default() };
        strict(connection, name, 2, move |args| {
            Ok(boolean(Regex::get(args.text(1)?, &flags)?.is_match(args.text(0)?) != negated))
        })?;
    }
    strict(connection, "pg_regexp_like", -1, |args| {
        let flags = flags(args, 2, "regexp_like")?;
        Ok(boolean(Regex::get(args.text(1)?, &flags)?.is_match(args.text(0)?)))
    })?;
    strict(connection, "pg_regexp_match", -1, |args| {
        let flags = Flags::parse(optional(args, 2)?.unwrap_or(""))?;
        if flags.global {
            return Err(
                no_global("regexp_match").with_hint("Use the regexp_matches function instead.")
            );
        }
        let regex = Regex::get(args.text(1)?, &flags)?;
        let text = args.text(0)?;
        let found = regex.captures(text, 0)?;
        Ok(found.map_or(SqlValue::Null, |found| string(shown_groups(&regex, text, &found))))
    })?;
    strict(connection, "pg_regexp_matches", -1, |args| {
        let flags = Flags::parse(optional(args, 2)?.unwrap_or(""))?;
        let regex = Regex::get(args.text(1)?, &flags)?;
        let text = args.text(0)?;
        let found = replace::matches(&regex, text, 0, (flags.global, false))?;
        let rows: Vec<String> =
            found.iter().map(|found| shown_groups(&regex, text, found)).collect();
        Ok(string(format!("[{}]", rows.join(","))))
    })?;
    register_replacing(connection)?;
    register_finding(connection)?;
    register_similar(connection)
}

fn optional<'a>(args: &'a Arguments<'_, '_>, at: usize) -> Result<Option<&'a str>, Error> {
    if args.count() > at { args.text(at).map(Some) } else { Ok(None) }
}

fn no_global(function: &str) -> Error {
    Error::user(
        SqlState::INVALID_PARAMETER_VALUE,
        format!("{function}() does not support the \"global\" option"),
    )
}

/// The flags of a function that doesn't take `g`.
fn flags(args: &Arguments<'_, '_>, at: usize, function: &str) -> Result<Flags, Error> {
    let flags = Flags::parse(optional(args, at)?.unwrap_or(""))?;
    if flags.global { Err(no_global(function)) } else { Ok(flags) }
}

/// A number argument that has a least value: 22023 `invalid value for parameter "start": 0`.
fn at_least(
    args: &Arguments<'_, '_>,
    at: usize,
    name: &str,
    (least, default): (i64, i64),
) -> Result<usize, Error> {
    let value = if args.count() > at { args.integer(at)? } else { default };
    if value < least {
        return Err(invalid_parameter(name, value));
    }
    Ok(value as usize)
}

fn invalid_parameter(name: &str, value: i64) -> Error {
    Error::user(
        SqlState::INVALID_PARAMETER_VALUE,
        format!("invalid value for parameter \"{name}\": {value}"),
    )
}

/// The byte at which the character with this number (from 1) begins; `None` behind the end.
fn byte_of(text: &str, start: usize) -> Option<usize> {
    let mut places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    places.nth(start - 1)
}

/// A match as an array of text: its groups, or the whole if there are none.
fn shown_groups(regex: &Regex, text: &str, found: &Match) -> String {
    let groups = if regex.groups() == 0 { &found[..] } else { &found[1..] };
    let elements: Vec<Value> = groups
        .iter()
        .map(|group| match group {
            None => Value::Null,
            Some((from, to)) => Value::Text(text[*from..*to].to_owned()),
        })
        .collect();
    array::store(PgType::TEXT, &Array { lengths: vec![elements.len()], elements })
}

fn pieces(pieces: &[&str]) -> SqlValue {
    let elements: Vec<Value> =
        pieces.iter().map(|piece| Value::Text((*piece).to_owned())).collect();
    string(array::store(PgType::TEXT, &Array { lengths: vec![elements.len()], elements }))
}

fn register_replacing(connection: &Connection) -> rusqlite::Result<()> {
    // regexp_replace(text, pattern, replacement [, flags])
    strict(connection, "pg_textregexreplace", -1, |args| {
        let options = optional(args, 3)?.unwrap_or("");
        let flags = Flags::parse(options).map_err(|error| {
            if options.starts_with(|c: char| c.is_ascii_digit()) {
                return error.with_hint(
                    "If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly.",
                );
            }
            error
        })?;
        let regex = Regex::get(args.text(1)?, &flags)?;
        let nth = usize::from(!flags.global);
        replace::replace(&regex, args.text(0)?, args.text(2)?, 0, nth).map(string)
    })?;
    // regexp_replace(text, pattern, replacement, start [, n [, flags]])
    strict(connection, "pg_textregexreplace_extended", -1, |args| {
        let start = at_least(args, 3, "start", (1, 1))?;
        let nth = at_least(args, 4, "n", (0, 1))?;
        let flags = Flags::parse(optional(args, 5)?.unwrap_or(""))?;
        let nth = if args.count() <= 4 && flags.global { 0 } else { nth };
        let regex = Regex::get(args.text(1)?, &flags)?;
        let text = args.text(0)?;
        match byte_of(text, start) {
            None => Ok(string(text)),
            Some(from) => replace::replace(&regex, text, args.text(2)?, from, nth).map(string),
        }
    })?;
    for (name, function) in [
        ("pg_regexp_split_to_array", "regexp_split_to_array"),
        ("pg_regexp_split_to_table", "regexp_split_to_table"),
    ] {
        strict(connection, name, -1, move |args| {
            let flags = flags(args, 2, function)?;
            let regex = Regex::get(args.text(1)?, &flags)?;
            replace::split(&regex, args.text(0)?).map(|found| pieces(&found))
        })?;
    }
    Ok(())
}

fn register_finding(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_regexp_count", -1, |args| {
        let start = at_least(args, 2, "start", (1, 1))?;
        let flags = flags(args, 3, "regexp_count")?;
        let regex = Regex::get(args.text(1)?, &flags)?;
        let text = args.text(0)?;
        let Some(from) = byte_of(text, start) else { return Ok(integer(0)) };
        let mut count = 0;
        let mut at = Some(from);
        while let Some(from) = at {
            let Some(found) = regex.find(text, from) else { break };
            count += 1;
            at = replace::after(text, found);
        }
        Ok(integer(count))
    })?;
    // regexp_instr(text, pattern, start, n, endoption, flags, subexpression)
    strict(connection, "pg_regexp_instr", -1, |args| {
        let start = at_least(args, 2, "start", (1, 1))?;
        let nth = at_least(args, 3, "n", (1, 1))?;
        let end_option = if args.count() > 4 { args.integer(4)? } else { 0 };
        if !matches!(end_option, 0 | 1) {
            return Err(invalid_parameter("endoption", end_option));
        }
        let flags = flags(args, 5, "regexp_instr")?;
        let group = at_least(args, 6, "subexpr", (0, 0))?;
        let found = nth_match(args, &flags, (start, nth), group)?;
        Ok(integer(found.map_or(0, |(text, from, to)| {
            let place = if end_option == 1 { to } else { from };
            text[..place].chars().count() as i64 + 1
        })))
    })?;
    // regexp_substr(text, pattern, start, n, flags, subexpression)
    strict(connection, "pg_regexp_substr", -1, |args| {
        let start = at_least(args, 2, "start", (1, 1))?;
        let nth = at_least(args, 3, "n", (1, 1))?;
        let flags = flags(args, 4, "regexp_substr")?;
        let group = at_least(args, 5, "subexpr", (0, 0))?;
        let found = nth_match(args, &flags, (start, nth), group)?;
        Ok(found.map_or(SqlValue::Null, |(text, from, to)| string(&text[from..to])))
    })?;
    strict(connection, "pg_textregexsubstr", 2, |args| substring(args, args.text(1)?))
}

/// The `nth` match from the character `start` on, or a group of it.
fn nth_match<'a>(
    args: &'a Arguments<'_, '_>,
    flags: &Flags,
    (start, nth): (usize, usize),
    group: usize,
) -> Result<Option<(&'a str, usize, usize)>, Error> {
    let text = args.text(0)?;
    let regex = Regex::get(args.text(1)?, flags)?;
    if group > regex.groups() {
        return Ok(None);
    }
    let mut at = byte_of(text, start);
    for _ in 1..nth {
        let Some(from) = at else { return Ok(None) };
        at = regex.find(text, from).and_then(|found| replace::after(text, found));
    }
    let Some(from) = at else { return Ok(None) };
    let found = regex.captures(text, from)?;
    let extent = found.and_then(|groups| groups.get(group).copied().flatten());
    Ok(extent.map(|(from, to)| (text, from, to)))
}

/// `substring(text from pattern)`: the first group, or the whole match.
fn substring(args: &Arguments<'_, '_>, pattern: &str) -> Answer {
    let text = args.text(0)?;
    let regex = Regex::get(pattern, &Flags::default())?;
    let Some(groups) = regex.captures(text, 0)? else { return Ok(SqlValue::Null) };
    let extent = if regex.groups() > 0 { groups[1] } else { groups[0] };
    Ok(extent.map_or(SqlValue::Null, |(from, to)| string(&text[from..to])))
}

fn register_similar(connection: &Connection) -> rusqlite::Result<()> {
    for (name, negated) in [("pg_similar", false), ("pg_not_similar", true)] {
        strict(connection, name, -1, move |args| {
            let pattern = similar_to_regex(args.text(1)?, optional(args, 2)?.unwrap_or("\\"))?;
            Ok(boolean(Regex::get(&pattern, &Flags::default())?.is_match(args.text(0)?) != negated))
        })?;
    }
    strict(connection, "pg_similar_to_escape", -1, |args| {
        similar_to_regex(args.text(0)?, optional(args, 1)?.unwrap_or("\\")).map(string)
    })?;
    lenient(connection, "pg_similar_escape", 2, PURE, |args| {
        if args.value(0) == ValueRef::Null {
            return Ok(SqlValue::Null);
        }
        let escape = if args.value(1) == ValueRef::Null { "\\" } else { args.text(1)? };
        similar_to_regex(args.text(0)?, escape).map(string)
    })?;
    // substring(text similar pattern escape e)
    strict(connection, "pg_substring_similar", 3, |args| {
        let pattern = similar_to_regex(args.text(1)?, args.text(2)?)?;
        substring(args, &pattern)
    })
}
