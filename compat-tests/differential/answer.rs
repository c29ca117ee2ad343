//! Answers as text: what is recorded, and what is compared. Two servers agree on a statement if their
//! texts are the same.
//!
//! A text has one line for each message: `column`, `row`, `tag`, `error`, `notice` and so on. OIDs of
//! types that were made by a script are shown as `made`, since they may differ.

use std::fmt::Write as _;

use crate::wire::{Answer, Column, Event, Fields, Value};

/// The first OID that is given to what users make.
const FIRST_OWN_OID: u32 = 16384;

/// The type oid. Its values are shown as types of columns are: own ones differ between servers.
const OID: u32 = 26;

/// One value on one line; ` | ` between values can't be mistaken. Bytes that aren't UTF-8 are shown as `\xe9`.
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '|' => text.push_str("\\p"),
                c => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            write!(text, "\\x{byte:02x}").expect("a String takes everything");
        }
    }
    text
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

fn row(values: &[Value], columns: &[Column]) -> String {
    let show = |(place, value): (usize, &Value)| match value {
        None => "\\N".to_owned(),
        Some(bytes) if columns.get(place).is_some_and(|column| column.binary) => {
            format!("\\x{}", hex(bytes))
        }
        Some(bytes) if columns.get(place).is_some_and(|column| column.type_oid == OID) => {
            std::str::from_utf8(bytes)
                .ok()
                .and_then(|text| text.parse().ok())
                .map_or_else(|| escape(bytes), type_name)
        }
        Some(bytes) => escape(bytes),
    };
    values.iter().enumerate().map(show).collect::<Vec<_>>().join(" | ")
}

fn type_name(oid: u32) -> String {
    if oid >= FIRST_OWN_OID { "made".into() } else { oid.to_string() }
}

/// `V` and the places in PostgreSQL's source say nothing that a client could use.
fn fields(kind: &str, fields: &Fields, text: &mut String) {
    let get = |letter: char| fields.get(&letter).map_or("", String::as_str);
    let mut line = format!("{kind} {} {} {}", get('S'), get('C'), escape(get('M').as_bytes()));
    for (letter, name) in [
        ('P', "position"),
        ('D', "detail"),
        ('H', "hint"),
        ('s', "schema"),
        ('t', "table"),
        ('c', "column"),
        ('d', "type"),
        ('n', "constraint"),
        ('p', "internal position"),
        ('q', "internal query"),
        ('W', "where"),
    ] {
        if let Some(value) = fields.get(&letter) {
            write!(line, "\n  {name}: {}", escape(value.as_bytes())).expect("a String");
        }
    }
    text.push_str(&line);
    text.push('\n');
}

/// The text of an answer. Rows without an order are sorted.
pub fn render(answer: &Answer, ordered: bool) -> String {
    let mut text = String::new();
    let mut columns: &[Column] = &[];
    let mut rows: Vec<String> = Vec::new();
    let mut described = None;
    for event in &answer.events {
        if !matches!(event, Event::Row(_)) {
            flush(&mut rows, ordered, &mut text);
        }
        match event {
            Event::Parameters(types) => {
                let types: Vec<_> = types.iter().map(|oid| type_name(*oid)).collect();
                line(&mut text, "parameters", &types.join(" "));
            }
            Event::Columns(found) => {
                let shown = render_columns(found);
                // The portal's description should say the same as the statement's.
                if described.as_ref() != Some(&shown) {
                    text.push_str(&shown);
                }
                described = Some(shown);
                columns = found;
            }
            Event::Row(values) => rows.push(row(values, columns)),
            Event::CopyOut(data) => line(&mut text, "copied", &escape(data)),
            Event::Tag(tag) => {
                described = None;
                line(&mut text, "tag", tag);
            }
            Event::EmptyQuery => line(&mut text, "empty", ""),
            Event::Suspended => line(&mut text, "suspended", ""),
            Event::Notice(found) => fields("notice", found, &mut text),
            Event::Error(found) => fields("error", found, &mut text),
            Event::Setting(name, value) => line(&mut text, "setting", &format!("{name} = {value}")),
            Event::Notification(channel, payload) => {
                line(
                    &mut text,
                    "notification",
                    &format!("{channel} {}", escape(payload.as_bytes())),
                );
            }
        }
    }
    flush(&mut rows, ordered, &mut text);
    if answer.status != 'I' {
        line(&mut text, "status", &answer.status.to_string());
    }
    text
}

fn render_columns(columns: &[Column]) -> String {
    let mut text = String::new();
    for column in columns {
        let of = type_name(column.type_oid);
        let column = format!("{} {of} {}", escape(column.name.as_bytes()), column.typmod);
        line(&mut text, "column", &column);
    }
    if columns.is_empty() {
        line(&mut text, "no columns", "");
    }
    text
}

fn line(text: &mut String, kind: &str, rest: &str) {
    text.push_str(kind);
    if !rest.is_empty() {
        text.push(' ');
        text.push_str(rest);
    }
    text.push('\n');
}

fn flush(rows: &mut Vec<String>, ordered: bool, text: &mut String) {
    if !ordered {
        rows.sort();
    }
    for row in rows.drain(..) {
        line(text, "row", &row);
    }
}

/// Lines that begin with a word, without it.
fn lines<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| line.strip_prefix(word)).map(str::trim)
}

/// A message without the names in it, so that like ones count together.
fn without_names(message: &str) -> String {
    let mut text = String::new();
    for (place, part) in message.split('"').enumerate() {
        text.push_str(if place % 2 == 1 { "\"...\"" } else { part });
    }
    text
}

fn first_error(text: &str) -> Option<(&str, &str)> {
    let mut parts = lines(text, "error ").next()?.splitn(3, ' ').skip(1);
    Some((parts.next()?, parts.next().unwrap_or_default()))
}

/// In a few words, how an answer isn't what was expected. Like differences get the same words.
pub fn difference(expected: &str, got: &str) -> String {
    match (first_error(expected), first_error(got)) {
        (None, Some((code, message))) => return format!("{code} {}", without_names(message)),
        (Some((code, message)), None) => {
            return format!("accepted, instead of {code} {}", without_names(message));
        }
        (Some((code, _)), Some((other, message))) if code != other => {
            return format!("{other} instead of {code}: {}", without_names(message));
        }
        _ => {}
    }
    let differs = |word: &str| !lines(expected, word).eq(lines(got, word));
    let column = |place: fn(&str) -> &str| {
        !lines(expected, "column ").map(place).eq(lines(got, "column ").map(place))
    };
    let kinds = [
        (differs("error "), "the message differs"),
        (differs("  position:"), "the position differs"),
        (differs("  detail:"), "the detail differs"),
        (differs("  hint:"), "the hint differs"),
        (differs("  where:"), "the context differs"),
        (column(|line| line.rsplit(' ').nth(1).unwrap_or_default()), "a column's type differs"),
        (column(|line| line.rsplitn(3, ' ').nth(2).unwrap_or_default()), "a column's name differs"),
        (differs("column"), "a type modifier differs"),
        (differs("parameters"), "a parameter's type differs"),
        (differs("row"), "rows differ"),
        (differs("copied"), "what is copied differs"),
        (differs("tag"), "the command tag differs"),
        (differs("notice"), "a notice differs"),
        (differs("setting"), "a reported setting differs"),
        (differs("status"), "the transaction's status differs"),
    ];
    let found = kinds.iter().find(|(differs, _)| *differs);
    found.map_or("other fields differ", |(_, kind)| kind).to_owned()
}
