//! How results look in the shell.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use crate::command::shell::Settings;
use crate::command::table;

/// How rows are shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mode {
    Column,
    Csv,
    Json,
    Line,
}

impl Mode {
    pub(super) const ALL: [Self; 4] = [Self::Column, Self::Csv, Self::Json, Self::Line];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Column => "column",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Line => "line",
        }
    }
}

/// An item of `results`, as text. Nothing for one that only has an error.
pub(super) fn result(item: &Json, settings: &Settings) -> Option<String> {
    if let Some(columns) = item.get("columns").and_then(Json::as_array) {
        let columns: Vec<String> = columns.iter().map(|name| plain(name, "")).collect();
        let rows = item.get("values").and_then(Json::as_array);
        let rows: Vec<&[Json]> =
            rows.into_iter().flatten().filter_map(Json::as_array).map(Vec::as_slice).collect();
        return Some(table(&columns, &rows, settings.mode));
    }
    if item.get("error").is_some() {
        return None;
    }
    let number = |field| item.get(field).and_then(Json::as_u64).unwrap_or(0);
    let affected = number("rows_affected");
    let mut text = format!("{affected} {} affected", if affected == 1 { "row" } else { "rows" });
    if let Some(time) = item.get("time").and_then(Json::as_f64).filter(|_| settings.is_on("timer"))
    {
        let _ = write!(text, " ({time:.6} sec)");
    }
    text.push('\n');
    if settings.is_on("changes") {
        let last = item.get("last_insert_id").and_then(Json::as_i64).unwrap_or(0);
        let _ = writeln!(text, "last insert ID: {last}");
    }
    Some(text)
}

fn table(columns: &[String], rows: &[&[Json]], mode: Mode) -> String {
    match mode {
        Mode::Column => {
            let cells = |row: &&[Json]| row.iter().map(|value| plain(value, "<nil>")).collect();
            table::bordered(columns, &rows.iter().map(cells).collect::<Vec<Vec<String>>>())
        }
        Mode::Csv => {
            let head = columns.iter().map(|name| csv_field(name)).collect::<Vec<_>>().join(",");
            rows.iter().fold(head + "\n", |mut text, row| {
                let fields = row.iter().map(|value| match value {
                    Json::Null => "NULL".to_owned(),
                    value => csv_field(&plain(value, "")),
                });
                text.push_str(&fields.collect::<Vec<_>>().join(","));
                text.push('\n');
                text
            })
        }
        Mode::Json => {
            let object = |row: &&[Json]| {
                let fields = columns.iter().cloned().zip(row.iter().cloned());
                Json::Object(fields.collect::<Map<String, Json>>())
            };
            let document = Json::Array(rows.iter().map(object).collect());
            format!("{document:#}\n")
        }
        Mode::Line => {
            let width = columns.iter().map(|name| name.chars().count()).max().unwrap_or(0);
            let blocks = rows.iter().map(|row| {
                let fields = columns.iter().zip(row.iter());
                let line = |(name, value)| {
                    let value = plain(value, "<nil>");
                    format!("{name:>width$} = {}\n", table::printable(&value))
                };
                fields.map(line).collect::<String>()
            });
            blocks.collect::<Vec<_>>().join("\n")
        }
    }
}

fn plain(value: &Json, null: &str) -> String {
    match value {
        Json::Null => null.to_owned(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// A document as sorted, indented `key: value` lines.
pub(super) fn indented(document: &Json) -> String {
    let mut text = String::new();
    indent(&mut text, document, 0);
    text
}

fn indent(text: &mut String, document: &Json, depth: usize) {
    let entries: Vec<(String, &Json)> = match document {
        Json::Object(fields) => {
            let mut entries: Vec<_> =
                fields.iter().map(|(name, value)| (name.clone(), value)).collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            entries
        }
        Json::Array(elements) => {
            elements.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect()
        }
        scalar => {
            let _ = writeln!(text, "{}", table::printable(&plain(scalar, "<nil>")));
            return;
        }
    };
    for (name, value) in entries {
        let _ = write!(text, "{:width$}{}:", "", table::printable(&name), width = 2 * depth);
        match value {
            Json::Object(_) | Json::Array(_) => {
                text.push('\n');
                indent(text, value, depth + 1);
            }
            scalar => {
                let _ = writeln!(text, " {}", table::printable(&plain(scalar, "<nil>")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(mode: Mode) -> String {
        let item = json!({
            "columns": ["id", "name"], "types": ["integer", "text"],
            "values": [[1, "a,\"b\""], [20, null]],
        });
        result(&item, &Settings { mode, ..Settings::default() }).unwrap()
    }

    #[test]
    fn rows_are_shown_in_four_modes() {
        let column = "\
+----+-------+
| id | name  |
+----+-------+
| 1  | a,\"b\" |
+----+-------+
| 20 | <nil> |
+----+-------+
";
        assert_eq!(shown(Mode::Column), column);
        assert_eq!(shown(Mode::Csv), "id,name\n1,\"a,\"\"b\"\"\"\n20,NULL\n");
        assert_eq!(shown(Mode::Line), "  id = 1\nname = a,\"b\"\n\n  id = 20\nname = <nil>\n");
        let json: Json = serde_json::from_str(&shown(Mode::Json)).unwrap();
        assert_eq!(json, json!([{"id": 1, "name": "a,\"b\""}, {"id": 20, "name": null}]));
    }

    #[test]
    fn writes_say_how_many_rows() {
        let mut settings = Settings::default();
        assert_eq!(result(&json!({}), &settings).unwrap(), "0 rows affected\n");
        let item = json!({"last_insert_id": 3, "rows_affected": 1});
        assert_eq!(result(&item, &settings).unwrap(), "1 row affected\n");
        settings.switches = vec!["changes"];
        assert_eq!(result(&item, &settings).unwrap(), "1 row affected\nlast insert ID: 3\n");
        assert_eq!(result(&json!({"error": "x"}), &settings), None);
    }

    #[test]
    fn documents_are_sorted_lines() {
        let document = json!({"b": {"d": 1, "c": ["x"]}, "a": null});
        assert_eq!(indented(&document), "a: <nil>\nb:\n  c:\n    0: x\n  d: 1\n");
    }
}
