//! Rows of Eider's own catalog tables.

use crate::sql::compile::plain_step;
use crate::sql::lite::{self, Expr};
use crate::sql::{Step, lite::Statement};

/// OIDs taken by one statement.
#[derive(Debug)]
pub(super) struct Oids {
    first: u32,
    next: u32,
}

impl Oids {
    pub(super) fn new(next: u32) -> Self {
        Self { first: next, next }
    }

    pub(super) fn take(&mut self) -> Expr {
        let oid = self.next;
        self.next += 1;
        Expr::Integer(i64::from(oid))
    }

    /// Records that they are taken.
    pub(super) fn step(&self) -> Option<Step> {
        let count = i64::from(self.next - self.first);
        (count > 0).then(|| {
            let next = Expr::infix(Expr::column("next"), "+", Expr::Integer(count));
            update("_eider_oid", vec![("next", next)], &[])
        })
    }
}

/// Inserts a row.
pub(super) fn insert(table: &str, values: Vec<(&str, Expr)>) -> Step {
    let (columns, row): (Vec<String>, Vec<Expr>) =
        values.into_iter().map(|(column, value)| (column.to_owned(), value)).unzip();
    plain_step(&Statement::Insert(lite::Insert {
        with: lite::With::default(),
        table: table.to_owned(),
        alias: None,
        columns,
        source: Some(lite::Query::new(lite::Body::Values(vec![row]))),
        on_conflict: None,
        returning: Vec::new(),
    }))
}

/// Changes the rows whose columns have these values.
pub(super) fn update(table: &str, values: Vec<(&str, Expr)>, keys: &[(&str, &str)]) -> Step {
    plain_step(&Statement::Update(lite::Update {
        with: lite::With::default(),
        table: table.to_owned(),
        alias: None,
        assignments: values.into_iter().map(|(column, value)| (column.to_owned(), value)).collect(),
        from: None,
        filter: filter(keys),
        returning: Vec::new(),
    }))
}

/// Deletes the rows whose columns have these values.
pub(super) fn delete(table: &str, keys: &[(&str, &str)]) -> Step {
    plain_step(&Statement::Delete(lite::Delete {
        with: lite::With::default(),
        table: table.to_owned(),
        alias: None,
        filter: filter(keys),
        returning: Vec::new(),
    }))
}

fn filter(keys: &[(&str, &str)]) -> Option<Expr> {
    keys.iter()
        .map(|(column, value)| Expr::infix(Expr::column(column), "=", Expr::text(value)))
        .reduce(|left, right| Expr::infix(left, "AND", right))
}

/// A list of column names as the catalog tables keep it.
pub(super) fn names_json(names: &[String]) -> Expr {
    let items: Vec<String> = names.iter().map(|name| json_string(name)).collect();
    Expr::Text(format!("[{}]", items.join(",")))
}

fn json_string(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if (control as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", control as u32);
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// An optional text.
pub(super) fn optional(text: Option<&str>) -> Expr {
    text.map_or(Expr::Null, Expr::text)
}

pub(super) fn flag(value: bool) -> Expr {
    Expr::Integer(i64::from(value))
}
