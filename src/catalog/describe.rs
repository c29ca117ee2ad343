//! Definitions of objects as PostgreSQL shows them: `pg_get_constraintdef`, `pg_get_indexdef`, comments,
//! arguments of functions, default rights.

use std::fmt::Write as _;

use crate::catalog::Contents;
use crate::catalog::lookup::Row;
use crate::catalog::name::{Kind, SearchPath, or_number};
use crate::catalog::types::{default_operator_class_of, storage};
use crate::model::catalog::Table;
use crate::model::pg_type::{Oid, PgType};
use crate::pgdata::quote_identifier;

/// PostgreSQL's text of an expression or a query that a definition has, from the text that it was
/// written as. What reads PostgreSQL's language lies above this module, and is handed in.
pub trait Deparse: Send + Sync + std::fmt::Debug {
    /// An expression over a table's columns; `pretty` is as in `pg_get_expr`. Names have their schemas where the
    /// path doesn't find them. `None` if it can't be read.
    fn expression(
        &self,
        at: (&Contents, &SearchPath),
        relation: Oid,
        text: &str,
        pretty: bool,
    ) -> Option<String>;
    /// The columns that an expression over a table uses: their numbers, in the order in which they first stand there.
    fn columns(&self, table: &Table, text: &str) -> Vec<i16>;
    /// A view's query.
    fn view(&self, at: (&Contents, &SearchPath), relation: Oid, pretty: bool) -> Option<String>;
}

impl Contents {
    /// `pg_get_expr`: what can't be read is shown as it was written.
    pub fn expression(&self, path: &SearchPath, text: &str, relation: Oid, pretty: bool) -> String {
        let shown = self
            .deparse
            .as_ref()
            .and_then(|deparse| deparse.expression((self, path), relation, text, pretty));
        shown.unwrap_or_else(|| text.to_owned())
    }

    /// `pg_get_viewdef`; `None` for what is no view.
    pub fn view_definition(&self, path: &SearchPath, view: Oid, pretty: bool) -> Option<String> {
        self.row("pg_class", "oid", view).filter(|row| matches!(row.text("relkind"), "v" | "m"))?;
        self.deparse.as_ref()?.view((self, path), view, pretty)
    }

    fn column_name(&self, relation: Oid, number: i64) -> Option<&str> {
        let mut columns = self.rows("pg_attribute", "attrelid", relation);
        columns.find(|row| row.integer("attnum") == number).map(|row| row.text("attname"))
    }

    fn column_list(&self, relation: Oid, numbers: &[i64]) -> String {
        let name = |number: &i64| {
            self.column_name(relation, *number).map_or_else(|| "???".into(), quote_identifier)
        };
        numbers.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    /// `pg_get_constraintdef`. `None`: no such constraint.
    pub fn constraint_definition(
        &self,
        path: &SearchPath,
        oid: Oid,
        pretty: bool,
    ) -> Option<String> {
        let row = self.row("pg_constraint", "oid", oid)?;
        // A domain's CHECK is about a value, not about a relation's columns.
        let relation = match row.oid("conrelid") {
            0 => row.oid("contypid"),
            relation => relation,
        };
        let mut text = match row.text("contype") {
            kind @ ("p" | "u") => self.key_definition(&row, kind == "p"),
            "f" => self.foreign_key_definition(path, &row),
            "c" => {
                let expression = self.expression(path, row.text("conbin"), relation, pretty);
                let inner = if pretty { expression } else { in_parentheses(expression) };
                let inherited = if row.is_true("connoinherit") { " NO INHERIT" } else { "" };
                format!("CHECK ({inner}){inherited}")
            }
            _ => return None,
        };
        if row.is_true("condeferrable") {
            text.push_str(" DEFERRABLE");
        }
        if row.is_true("condeferred") {
            text.push_str(" INITIALLY DEFERRED");
        }
        if !row.is_true("convalidated") {
            text.push_str(" NOT VALID");
        }
        Some(text)
    }

    fn key_definition(&self, row: &Row<'_>, primary: bool) -> String {
        let relation = row.oid("conrelid");
        let index = self.row("pg_index", "indexrelid", row.oid("conindid"));
        let equal_nulls = index.is_some_and(|index| index.is_true("indnullsnotdistinct"));
        let kind = match (primary, equal_nulls) {
            (true, _) => "PRIMARY KEY",
            (false, true) => "UNIQUE NULLS NOT DISTINCT",
            (false, false) => "UNIQUE",
        };
        let mut text = format!("{kind} ({})", self.column_list(relation, &row.numbers("conkey")));
        if let Some(index) = index {
            let included: Vec<i64> =
                index.numbers("indkey").split_off(index.integer("indnkeyatts") as usize);
            if !included.is_empty() {
                let _ = write!(text, " INCLUDE ({})", self.column_list(relation, &included));
            }
        }
        text
    }

    fn foreign_key_definition(&self, path: &SearchPath, row: &Row<'_>) -> String {
        let target = row.oid("confrelid");
        let name = or_number(self.shown_name(Kind::RELATION, path, target), target);
        let mut text = format!(
            "FOREIGN KEY ({}) REFERENCES {name}({})",
            self.column_list(row.oid("conrelid"), &row.numbers("conkey")),
            self.column_list(target, &row.numbers("confkey")),
        );
        if row.text("confmatchtype") == "f" {
            text.push_str(" MATCH FULL");
        }
        for (what, column) in [("UPDATE", "confupdtype"), ("DELETE", "confdeltype")] {
            let action = match row.text(column) {
                "r" => "RESTRICT",
                "c" => "CASCADE",
                "n" => "SET NULL",
                "d" => "SET DEFAULT",
                _ => continue,
            };
            let _ = write!(text, " ON {what} {action}");
        }
        text
    }

    /// SQLite's name of a relation; empty for one that it doesn't have, as those of the system; `None`: no such
    /// relation.
    pub fn stored_name(&self, oid: Oid) -> Option<String> {
        let catalog = self.catalog();
        let table = catalog.tables.values().find(|table| table.oid == oid);
        let name = table.map(|table| &table.stored).or_else(|| {
            catalog.indexes.values().find(|index| index.oid == oid).map(|index| &index.stored)
        });
        name.cloned().or_else(|| self.row("pg_class", "oid", oid).map(|_| String::new()))
    }

    /// `pg_get_indexdef` of the whole index; `None`: no such index. The table's name has its schema,
    /// unless `pretty` and the path finds it.
    pub fn index_definition(&self, path: &SearchPath, oid: Oid, pretty: bool) -> Option<String> {
        let index = self.row("pg_index", "indexrelid", oid)?;
        let class = self.row("pg_class", "oid", oid)?;
        let relation = index.oid("indrelid");
        let table = if pretty {
            self.shown_name(Kind::RELATION, path, relation)?
        } else {
            self.full_relation_name(relation)?
        };
        let method =
            self.row("pg_am", "oid", class.oid("relam")).map_or("btree", |am| am.text("amname"));
        let keys = index.numbers("indkey");
        let key_count = index.integer("indnkeyatts") as usize;
        let key = |place| self.index_key(path, &index, place, Some(method), pretty);
        let shown: Vec<String> = (0..key_count).map(key).collect();
        let unique = if index.is_true("indisunique") { "UNIQUE " } else { "" };
        let mut text = format!(
            "CREATE {unique}INDEX {} ON {table} USING {method} ({})",
            quote_identifier(class.text("relname")),
            shown.join(", ")
        );
        if keys.len() > key_count {
            let _ = write!(text, " INCLUDE ({})", self.column_list(relation, &keys[key_count..]));
        }
        if index.is_true("indnullsnotdistinct") {
            text.push_str(" NULLS NOT DISTINCT");
        }
        if let Some(predicate) = index.some_text("indpred") {
            let shown = self.expression(path, predicate, relation, pretty);
            let shown = if pretty { shown } else { in_parentheses(shown) };
            let _ = write!(text, " WHERE {shown}");
        }
        Some(text)
    }

    /// `pg_get_indexdef` of one column, from 1; empty for one that isn't there.
    pub fn index_column(
        &self,
        path: &SearchPath,
        oid: Oid,
        column: usize,
        pretty: bool,
    ) -> Option<String> {
        let index = self.row("pg_index", "indexrelid", oid)?;
        let count = index.numbers("indkey").len();
        match column.checked_sub(1) {
            None => self.index_definition(path, oid, pretty),
            Some(place) if place < count => Some(self.index_key(path, &index, place, None, pretty)),
            Some(_) => Some(String::new()),
        }
    }

    /// A column of an index; for its `method`, also its operator class and order where they aren't the
    /// default.
    fn index_key(
        &self,
        path: &SearchPath,
        index: &Row<'_>,
        place: usize,
        method: Option<&str>,
        pretty: bool,
    ) -> String {
        let relation = index.oid("indrelid");
        let number = index.numbers("indkey").get(place).copied().unwrap_or(0);
        let mut text = if number != 0 {
            self.column_list(relation, &[number])
        } else {
            let expression = self.index_expression(index, place);
            let shown = self.expression(path, &expression, relation, pretty);
            if is_call(&shown) { shown } else { format!("({shown})") }
        };
        let Some(method) = method else { return text };
        let class = index.numbers("indclass").get(place).copied().unwrap_or(0);
        let class = u32::try_from(class).unwrap_or(0);
        if number != 0 && class != 0 {
            let mut columns = self.rows("pg_attribute", "attrelid", relation);
            let oid = columns
                .find(|row| row.integer("attnum") == number)
                .map_or(0, |row| row.oid("atttypid"));
            if default_operator_class_of(method, oid) != class
                && let Some(name) = self.shown_name(Kind::OPERATOR_CLASS, path, class)
            {
                let _ = write!(text, " {name}");
            }
        }
        let option = index.numbers("indoption").get(place).copied().unwrap_or(0);
        text.push_str(match option & 3 {
            1 => " DESC NULLS LAST",
            2 => " NULLS FIRST",
            3 => " DESC",
            _ => "",
        });
        text
    }

    /// The text of the expression at a place of an index.
    fn index_expression(&self, index: &Row<'_>, place: usize) -> String {
        let before = index.numbers("indkey").iter().take(place).filter(|n| **n == 0).count();
        let all: Vec<String> = serde_json::from_str(index.text("indexprs")).unwrap_or_default();
        all.into_iter().nth(before).unwrap_or_default()
    }

    /// `obj_description`, `col_description` and the like.
    pub fn comment(&self, catalog: Option<&str>, object: Oid, column: i64) -> Option<String> {
        let class = match catalog {
            Some(name) => Some(crate::catalog::relation("pg_catalog", name)?.oid),
            None => None,
        };
        let mut comments = self.rows("pg_description", "objoid", object);
        let found = comments.find(|row| {
            row.integer("objsubid") == column
                && class.is_none_or(|class| row.oid("classoid") == class)
        })?;
        Some(found.text("description").to_owned())
    }

    /// `shobj_description`: comments on what all databases share.
    pub fn shared_comment(&self, catalog: &str, object: Oid) -> Option<String> {
        let class = crate::catalog::relation("pg_catalog", catalog)?.oid;
        let mut comments = self.rows("pg_shdescription", "objoid", object);
        let found = comments.find(|row| row.oid("classoid") == class)?;
        Some(found.text("description").to_owned())
    }

    /// `pg_get_userbyid`
    pub fn role_name(&self, oid: Oid) -> String {
        let row = self.row("pg_authid", "oid", oid);
        row.map_or_else(|| format!("unknown (OID={oid})"), |row| row.text("rolname").to_owned())
    }

    /// `pg_get_serial_sequence`: the sequence that a column owns. `None` in the inner option: none.
    pub fn owned_sequence(&self, relation: Oid, column: i64) -> Option<Oid> {
        let mut rows = self.rows("pg_depend", "refobjid", relation);
        let found = rows.find(|row| {
            row.oid("classid") == 1259
                && row.oid("refclassid") == 1259
                && row.integer("refobjsubid") == column
                && matches!(row.text("deptype"), "a" | "i")
                && self.row("pg_sequence", "seqrelid", row.oid("objid")).is_some()
        })?;
        Some(found.oid("objid"))
    }

    /// The number of a relation's column.
    pub fn column_number(&self, relation: Oid, name: &str) -> Option<i64> {
        let mut columns = self.rows("pg_attribute", "attrelid", relation);
        columns.find(|row| row.text("attname") == name).map(|row| row.integer("attnum"))
    }

    /// `pg_get_function_arguments`, or with `identity` without the defaults.
    pub fn function_arguments(
        &self,
        path: &SearchPath,
        oid: Oid,
        identity: bool,
    ) -> Option<String> {
        let row = self.row("pg_proc", "oid", oid)?;
        let has_outputs = row.some_text("proallargtypes").is_some();
        let all = row.numbers(if has_outputs { "proallargtypes" } else { "proargtypes" });
        let list = |column: &str| -> Vec<String> {
            serde_json::from_str(row.text(column)).unwrap_or_default()
        };
        let (modes, names) = (list("proargmodes"), list("proargnames"));
        let mut defaults = defaults_of_inputs(&row).into_iter();
        let mut shown = Vec::new();
        for (place, type_oid) in all.iter().enumerate() {
            let mode = modes.get(place).map_or("i", String::as_str);
            let prefix = match mode {
                "o" => "OUT ",
                "b" => "INOUT ",
                "v" => "VARIADIC ",
                "i" if row.text("prokind") == "p" => "IN ",
                "i" => "",
                // Columns of a table that is returned belong to the result.
                _ => continue,
            };
            let mut text = prefix.to_owned();
            if let Some(name) = names.get(place).filter(|name| !name.is_empty()) {
                let _ = write!(text, "{} ", quote_identifier(name));
            }
            let data_type = PgType::new(u32::try_from(*type_oid).unwrap_or(0));
            text.push_str(&self.type_label(path, data_type));
            if mode != "o" {
                let default = defaults.next().flatten();
                if let (false, Some(default)) = (identity, default) {
                    let _ = write!(text, " DEFAULT {}", self.expression(path, default, 0, false));
                }
            }
            shown.push(text);
        }
        Some(shown.join(", "))
    }

    /// `pg_get_function_arg_default`: the default of the argument at `place`, from 1; `None` if there is none.
    pub fn function_argument_default(
        &self,
        path: &SearchPath,
        oid: Oid,
        place: i64,
    ) -> Option<String> {
        let row = self.row("pg_proc", "oid", oid)?;
        let place = usize::try_from(place).ok()?.checked_sub(1)?;
        let modes: Vec<String> = serde_json::from_str(row.text("proargmodes")).unwrap_or_default();
        let is_input =
            |at: usize| modes.get(at).is_none_or(|mode| matches!(mode.as_str(), "i" | "b" | "v"));
        let input = (0..place).filter(|at| is_input(*at)).count();
        let default = defaults_of_inputs(&row).get(input).copied().flatten();
        default.filter(|_| is_input(place)).map(|text| self.expression(path, text, 0, false))
    }

    /// `pg_get_function_result`; `None` for procedures.
    pub fn function_result(&self, path: &SearchPath, oid: Oid) -> Option<String> {
        let row = self.row("pg_proc", "oid", oid)?;
        if row.text("prokind") == "p" {
            return None;
        }
        let list = |column: &str| -> Vec<String> {
            serde_json::from_str(row.text(column)).unwrap_or_default()
        };
        let (modes, names) = (list("proargmodes"), list("proargnames"));
        let label = |oid: i64| self.type_label(path, PgType::new(u32::try_from(oid).unwrap_or(0)));
        if modes.iter().any(|mode| mode == "t") {
            let all = row.numbers("proallargtypes");
            let columns: Vec<String> = all
                .iter()
                .enumerate()
                .filter(|(place, _)| modes.get(*place).is_some_and(|mode| mode == "t"))
                .map(|(place, oid)| {
                    let name = names.get(place).map_or("", String::as_str);
                    format!("{} {}", quote_identifier(name), label(*oid))
                })
                .collect();
            return Some(format!("TABLE({})", columns.join(", ")));
        }
        let result = label(row.integer("prorettype"));
        Some(if row.is_true("proretset") { format!("SETOF {result}") } else { result })
    }

    /// `acldefault`: the rights on a new object, as an array of `aclitem` in its stored form.
    pub fn default_rights(&self, kind: &str, owner: Oid) -> Option<String> {
        let kind = kind.chars().next()?;
        crate::catalog::acl::defaults(kind)?;
        let list = crate::catalog::acl::Acl::initial(kind, &self.role_name(owner)).shown();
        Some(serde_json::to_string(&list).expect("strings are valid JSON"))
    }

    /// Whether a column of this type may be toasted, for tools that ask.
    pub fn is_toastable(&self, oid: Oid) -> bool {
        storage(oid).storage != "p"
    }
}

/// Puts parentheses around an expression, unless the whole of it is in some already.
fn in_parentheses(text: String) -> String {
    if text.starts_with('(') && closes_at_end(&text) { text } else { format!("({text})") }
}

/// Whether the parenthesis that a text begins with is closed by its last character.
fn closes_at_end(text: &str) -> bool {
    let mut depth = 0_i32;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => {
                depth -= 1;
                if depth == 0 {
                    return at + 1 == text.len();
                }
            }
            (None, _) => {}
        }
    }
    false
}

/// Whether an expression is one call of a function, which needs no parentheses in an index.
fn is_call(text: &str) -> bool {
    let name = text.find('(').unwrap_or(0);
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'"');
    name > 0 && text[..name].bytes().all(word) && closes_at_end(&text[name..])
}

/// The default of each input argument of a function, a row of `pg_proc`.
fn defaults_of_inputs<'c>(function: &Row<'c>) -> Vec<Option<&'c str>> {
    let inputs = function.numbers("proargtypes").len();
    let without = inputs.saturating_sub(function.integer("pronargdefaults") as usize);
    let defaults = split_defaults(function.text("proargdefaults")).into_iter().map(Some);
    std::iter::repeat_n(None, without).chain(defaults).collect()
}

/// Splits the defaults of a function's last arguments, which stand in one text with commas.
fn split_defaults(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut quoted, mut start) = (0_i32, false, 0);
    for (at, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    if !text.is_empty() {
        parts.push(text[start..].trim());
    }
    parts
}
