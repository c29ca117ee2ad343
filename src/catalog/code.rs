//! `pg_get_functiondef` and `pg_get_triggerdef`.

use std::fmt::Write as _;

use crate::catalog::lookup::Row;
use crate::catalog::{Contents, Kind, SearchPath};
use crate::model::pg_type::Oid;
use crate::pgdata::quote_identifier;

/// The events of `pg_trigger.tgtype` in PostgreSQL's order.
const EVENTS: [(i64, &str); 3] = [(4, "INSERT"), (8, "DELETE"), (16, "UPDATE")];

impl Contents {
    /// `pg_get_functiondef`; `None` for what isn't a function.
    pub fn function_definition(&self, path: &SearchPath, oid: Oid) -> Option<String> {
        let row = self.row("pg_proc", "oid", oid)?;
        let schema = self.schema_name(row.oid("pronamespace")).unwrap_or("???");
        let arguments = self.function_arguments(path, oid, false)?;
        let kind = if row.text("prokind") == "p" { "PROCEDURE" } else { "FUNCTION" };
        let mut text = format!(
            "CREATE OR REPLACE {kind} {}.{}({arguments})\n",
            quote_identifier(schema),
            quote_identifier(row.text("proname"))
        );
        if let Some(result) = self.function_result(path, oid) {
            let _ = writeln!(text, " RETURNS {result}");
        }
        let language = self.row("pg_language", "oid", row.oid("prolang"))?;
        let _ = writeln!(text, " LANGUAGE {}", quote_identifier(language.text("lanname")));
        let mut words = Vec::new();
        match row.text("provolatile") {
            "i" => words.push("IMMUTABLE"),
            "s" => words.push("STABLE"),
            _ => {}
        }
        if row.is_true("proisstrict") {
            words.push("STRICT");
        }
        if !words.is_empty() {
            let _ = writeln!(text, " {}", words.join(" "));
        }
        let body = row.text("prosrc");
        let mut quote = format!("${}$", kind.to_lowercase());
        while body.contains(&quote) {
            quote.insert(quote.len() - 1, 'x');
        }
        let _ = writeln!(text, "AS {quote}{body}{quote}");
        Some(text)
    }

    /// `pg_get_triggerdef`. With `pretty` the table's name has its schema only where it must.
    pub fn trigger_definition(&self, path: &SearchPath, oid: Oid, pretty: bool) -> Option<String> {
        let row = self.row("pg_trigger", "oid", oid)?;
        let bits = row.integer("tgtype");
        let timing = if bits & 2 != 0 {
            "BEFORE"
        } else if bits & 64 != 0 {
            "INSTEAD OF"
        } else {
            "AFTER"
        };
        let relation = row.oid("tgrelid");
        let table = if pretty {
            self.shown_name(Kind::RELATION, path, relation)?
        } else {
            self.full_relation_name(relation)?
        };
        let mut text = format!(
            "CREATE TRIGGER {} {timing} {} ON {table} FOR EACH {}",
            quote_identifier(row.text("tgname")),
            self.trigger_events(&row, bits),
            if bits & 1 == 0 { "STATEMENT" } else { "ROW" }
        );
        if let Some(condition) = row.some_text("tgqual") {
            let _ = write!(text, " WHEN ({condition})");
        }
        let function = self.shown_name(Kind::FUNCTION, path, row.oid("tgfoid"))?;
        let _ = write!(text, " EXECUTE FUNCTION {function}()");
        Some(text)
    }

    fn trigger_events(&self, row: &Row<'_>, bits: i64) -> String {
        let columns: Vec<String> = row
            .numbers("tgattr")
            .into_iter()
            .filter_map(|number| {
                let mut all = self.rows("pg_attribute", "attrelid", row.oid("tgrelid"));
                let found = all.find(|column| column.integer("attnum") == number)?;
                Some(quote_identifier(found.text("attname")).into_owned())
            })
            .collect();
        let event = |(bit, name): (i64, &str)| {
            if bits & bit == 0 {
                None
            } else if bit == 16 && !columns.is_empty() {
                Some(format!("{name} OF {}", columns.join(", ")))
            } else {
                Some(name.to_owned())
            }
        };
        EVENTS.into_iter().filter_map(event).collect::<Vec<_>>().join(" OR ")
    }
}
