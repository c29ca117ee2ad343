//! Tables for people.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

/// A table with a border around every cell; a line follows every row.
pub(crate) fn bordered(columns: &[String], rows: &[Vec<String>]) -> String {
    let widths = widths(columns, rows);
    let mut line = String::from("+");
    for width in &widths {
        line.push_str(&"-".repeat(width + 2));
        line.push('+');
    }
    line.push('\n');
    let mut table = line.clone();
    for row in std::iter::once(columns).chain(rows.iter().map(Vec::as_slice)) {
        table.push('|');
        for (cell, width) in row.iter().zip(&widths) {
            let cell = printable(cell);
            let padding = width.saturating_sub(cell.width());
            let _ = write!(table, " {cell}{:padding$} |", "");
        }
        table.push('\n');
        table.push_str(&line);
    }
    table
}

/// Columns divided by spaces.
pub(crate) fn plain(columns: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
    let widths = widths(&head, rows);
    let mut table = String::new();
    for row in std::iter::once(&head).chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let cell = printable(cell);
            let padding = (width + 2).saturating_sub(cell.width());
            let _ = write!(line, "{cell}{:padding$}", "");
        }
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}

fn widths(columns: &[String], rows: &[Vec<String>]) -> Vec<usize> {
    let mut widths: Vec<usize> = columns.iter().map(|column| printable(column).width()).collect();
    for row in rows {
        for (cell, width) in row.iter().zip(&mut widths) {
            *width = (*width).max(printable(cell).width());
        }
    }
    widths
}

/// A cell without what would break the table or steer the terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => printable.push_str("\\n"),
            '\r' => printable.push_str("\\r"),
            '\t' => printable.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(printable, "\\u{{{:x}}}", u32::from(c));
            }
            c => printable.push(c),
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_fit_the_widest_cell() {
        let columns = ["id".to_owned(), "name".to_owned()];
        let rows = [vec!["1".to_owned(), "日本\u{1b}".to_owned()]];
        let expected = "\
+----+------------+
| id | name       |
+----+------------+
| 1  | 日本\\u{1b} |
+----+------------+
";
        assert_eq!(bordered(&columns, &rows), expected);
        let empty = "+----+------+\n| id | name |\n+----+------+\n";
        assert_eq!(bordered(&columns, &[]), empty);
    }

    #[test]
    fn plain_columns_are_aligned() {
        let rows = [vec!["node-1".to_owned(), "yes".to_owned()]];
        assert_eq!(plain(&["ID", "OK"], &rows), "ID      OK\nnode-1  yes\n");
    }
}
