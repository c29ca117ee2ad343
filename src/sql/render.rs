//! SQLite trees to text: the only place where SQLite SQL is written.
//!
//! Every identifier is quoted, every operation parenthesised, so that neither keywords nor
//! precedence matter.

use std::fmt::Write as _;

use crate::model::catalog::PLACEHOLDER;
use crate::model::statement::UNCHECKED;
use crate::sql::ast::JoinKind;
use crate::sql::lite::{
    Alter, Body, Call, ColumnDef, Constraint, ConstraintKind, CreateIndex, CreateTable,
    CreateTrigger, Delete, Expr, Frame, FrameBound, From, Insert, OnConflict, Order, Query, Select,
    Statement, Update, Window, With,
};

/// A statement's text.
pub(crate) fn statement(tree: &Statement) -> String {
    let mut out = Renderer { text: String::new() };
    match tree {
        Statement::Query(query) => out.query(query),
        Statement::Insert(insert) => out.insert(insert),
        Statement::Update(update) => out.update(update),
        Statement::Delete(delete) => out.delete(delete),
        Statement::CreateTable(table) => out.create_table(table),
        Statement::CreateIndex(index) => out.create_index(index),
        Statement::CreateTrigger(trigger) => out.create_trigger(trigger),
        Statement::DropTrigger(name) => {
            out.push("DROP TRIGGER IF EXISTS ");
            out.name(name);
        }
        Statement::CreateView { name, columns, query } => {
            out.push("CREATE VIEW ");
            out.name(name);
            out.push(" ");
            out.columns(columns);
            out.push(" AS ");
            out.query(query);
        }
        Statement::AlterTable { table, change } => out.alter_table(table, change),
        Statement::SetDefinition(table) => {
            let definition = statement(&Statement::CreateTable(table.clone()));
            out.push("UPDATE \"sqlite_schema\" SET \"sql\" = ");
            out.expr(&Expr::Text(definition));
            out.push(" WHERE \"type\" = 'table' AND \"name\" = ");
            out.expr(&Expr::text(&table.name));
        }
        Statement::Reindex(name) => {
            out.push("REINDEX");
            if let Some(name) = name {
                out.push(" ");
                out.name(name);
            }
        }
        Statement::Unchecked(inner) => {
            out.push(UNCHECKED);
            out.push(&statement(inner));
        }
        Statement::Drop { what, name } => {
            out.push("DROP ");
            out.push(what);
            out.push(" ");
            out.name(name);
        }
        Statement::Analyze(table) => {
            out.push("ANALYZE");
            if let Some(table) = table {
                out.push(" ");
                out.name(table);
            }
        }
    }
    out.text
}

struct Renderer {
    text: String,
}

impl Renderer {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn name(&mut self, name: &str) {
        self.text.push('"');
        self.text.push_str(&name.replace('"', "\"\""));
        self.text.push('"');
    }

    fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T)) {
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.push(", ");
            }
            each(self, item);
        }
    }

    fn names(&mut self, names: &[String]) {
        self.push("(");
        self.list(names, |out, name| out.name(name));
        self.push(")");
    }

    /// The columns of what has columns: in SQLite that is everything.
    fn columns(&mut self, names: &[String]) {
        if names.is_empty() {
            self.names(&[PLACEHOLDER.to_owned()]);
        } else {
            self.names(names);
        }
    }

    fn create_trigger(&mut self, trigger: &CreateTrigger) {
        self.push("CREATE TRIGGER ");
        self.name(&trigger.name);
        self.push(" ");
        self.push(trigger.timing);
        self.push(" ");
        self.push(trigger.event);
        if !trigger.columns.is_empty() {
            self.push(" OF ");
            self.list(&trigger.columns, |out, name| out.name(name));
        }
        self.push(" ON ");
        self.name(&trigger.table);
        self.push(" FOR EACH ROW");
        if let Some(condition) = &trigger.condition {
            self.push(" WHEN ");
            self.expr(condition);
        }
        self.push(" BEGIN ");
        for one in &trigger.body {
            self.push(&statement(one));
            self.push("; ");
        }
        self.push("END");
    }

    fn exprs(&mut self, exprs: &[Expr]) {
        self.list(exprs, Self::expr);
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Null => self.push("NULL"),
            Expr::Ignore => self.push("RAISE(IGNORE)"),
            // The lowest integer can't be written with a sign.
            Expr::Integer(i64::MIN) => self.push("(-9223372036854775807 - 1)"),
            Expr::Integer(number) => {
                let _ = write!(self.text, "{number}");
            }
            Expr::Real(number) if number.is_infinite() => {
                self.push(if *number > 0.0 { "9e999" } else { "-9e999" });
            }
            Expr::Real(number) => {
                let _ = write!(self.text, "{number:?}");
            }
            Expr::Text(text) => {
                let _ = write!(self.text, "'{}'", text.replace('\'', "''"));
            }
            Expr::Blob(bytes) => {
                self.push("x'");
                for byte in bytes {
                    let _ = write!(self.text, "{byte:02x}");
                }
                self.push("'");
            }
            Expr::Parameter(number) => {
                let _ = write!(self.text, "?{number}");
            }
            Expr::Star => self.push("*"),
            Expr::Column { table, name } => {
                if let Some(table) = table {
                    self.name(table);
                    self.push(".");
                }
                self.name(name);
            }
            Expr::Row(items) => {
                self.push("(");
                self.exprs(items);
                self.push(")");
            }
            Expr::Call(call) => self.call(call),
            Expr::Exists(query) => {
                self.push("EXISTS ");
                self.subquery(query);
            }
            Expr::Subquery(query) => self.subquery(query),
            compound => {
                self.push("(");
                self.compound(compound);
                self.push(")");
            }
        }
    }

    /// What needs parentheses around it.
    fn compound(&mut self, expr: &Expr) {
        let not = |negated: bool| if negated { " NOT" } else { "" };
        match expr {
            Expr::Prefix(op, operand) => {
                self.push(op);
                self.push(" ");
                self.expr(operand);
            }
            Expr::Infix(left, op, right) => {
                self.expr(left);
                let _ = write!(self.text, " {op} ");
                self.expr(right);
            }
            Expr::IsNull { operand, negated } => {
                self.expr(operand);
                let _ = write!(self.text, " IS{} NULL", not(*negated));
            }
            Expr::Cast(operand, storage) => {
                self.push("CAST(");
                self.expr(operand);
                let _ = write!(self.text, " AS {storage})");
            }
            Expr::Collate(operand, collation) => {
                self.expr(operand);
                self.push(" COLLATE ");
                self.name(collation);
            }
            Expr::Case { operand, branches, otherwise } => {
                self.push("CASE");
                if let Some(operand) = operand {
                    self.push(" ");
                    self.expr(operand);
                }
                for (condition, result) in branches {
                    self.push(" WHEN ");
                    self.expr(condition);
                    self.push(" THEN ");
                    self.expr(result);
                }
                if let Some(otherwise) = otherwise {
                    self.push(" ELSE ");
                    self.expr(otherwise);
                }
                self.push(" END");
            }
            Expr::In { operand, list, negated } => {
                self.expr(operand);
                let _ = write!(self.text, "{} IN (", not(*negated));
                self.exprs(list);
                self.push(")");
            }
            Expr::InQuery { operand, query, negated } => {
                self.expr(operand);
                let _ = write!(self.text, "{} IN ", not(*negated));
                self.subquery(query);
            }
            simple => self.expr(simple),
        }
    }

    fn call(&mut self, call: &Call) {
        self.push(call.name);
        self.push("(");
        if call.distinct {
            self.push("DISTINCT ");
        }
        if call.star {
            self.push("*");
        }
        self.exprs(&call.arguments);
        if !call.order_by.is_empty() {
            self.order_by(&call.order_by);
        }
        self.push(")");
        if let Some(filter) = &call.filter {
            self.push(" FILTER (WHERE ");
            self.expr(filter);
            self.push(")");
        }
        if let Some(over) = &call.over {
            self.window(over);
        }
    }

    fn window(&mut self, over: &Window) {
        self.push(" OVER (");
        if !over.partition_by.is_empty() {
            self.push("PARTITION BY ");
            self.exprs(&over.partition_by);
        }
        if !over.order_by.is_empty() {
            self.order_by(&over.order_by);
        }
        if let Some(Frame { unit, start, end, exclude }) = &over.frame {
            let _ = write!(self.text, " {unit} BETWEEN ");
            self.frame_bound(start);
            self.push(" AND ");
            self.frame_bound(end);
            if let Some(exclude) = exclude {
                let _ = write!(self.text, " EXCLUDE {exclude}");
            }
        }
        self.push(")");
    }

    fn frame_bound(&mut self, bound: &FrameBound) {
        match bound {
            FrameBound::UnboundedPreceding => self.push("UNBOUNDED PRECEDING"),
            FrameBound::CurrentRow => self.push("CURRENT ROW"),
            FrameBound::UnboundedFollowing => self.push("UNBOUNDED FOLLOWING"),
            FrameBound::Preceding(expr) => {
                self.expr(expr);
                self.push(" PRECEDING");
            }
            FrameBound::Following(expr) => {
                self.expr(expr);
                self.push(" FOLLOWING");
            }
        }
    }

    fn order_by(&mut self, items: &[Order]) {
        self.push(" ORDER BY ");
        self.list(items, |out, item| {
            out.expr(&item.expr);
            if item.descending {
                out.push(" DESC");
            }
            match item.nulls_first {
                Some(true) => out.push(" NULLS FIRST"),
                Some(false) => out.push(" NULLS LAST"),
                None => {}
            }
        });
    }

    fn subquery(&mut self, query: &Query) {
        self.push("(");
        self.query(query);
        self.push(")");
    }

    fn with(&mut self, with: &With) {
        if with.ctes.is_empty() {
            return;
        }
        self.push(if with.recursive { "WITH RECURSIVE " } else { "WITH " });
        self.list(&with.ctes, |out, cte| {
            out.name(&cte.name);
            out.columns(&cte.columns);
            out.push(match cte.materialized {
                None => " AS ",
                Some(true) => " AS MATERIALIZED ",
                Some(false) => " AS NOT MATERIALIZED ",
            });
            out.subquery(&cte.query);
        });
        self.push(" ");
    }

    fn query(&mut self, query: &Query) {
        self.with(&query.with);
        match &query.body {
            Body::Select(select) => self.select(select),
            Body::Values(rows) => {
                self.push("VALUES ");
                self.list(rows, |out, row| {
                    out.push("(");
                    if row.is_empty() {
                        out.push("NULL");
                    }
                    out.exprs(row);
                    out.push(")");
                });
            }
            Body::Compound { left, op, right } => {
                self.branch(left, true);
                let _ = write!(self.text, " {op} ");
                self.branch(right, false);
            }
        }
        if !query.order_by.is_empty() {
            self.order_by(&query.order_by);
        }
        match (&query.limit, &query.offset) {
            (None, None) => {}
            (limit, offset) => {
                self.push(" LIMIT ");
                self.expr(limit.as_ref().unwrap_or(&Expr::Integer(-1)));
                if let Some(offset) = offset {
                    self.push(" OFFSET ");
                    self.expr(offset);
                }
            }
        }
    }

    /// A branch of a compound SELECT: SQLite has no parentheses there, and takes it from the left.
    fn branch(&mut self, query: &Query, first: bool) {
        let simple = query.with.ctes.is_empty()
            && query.order_by.is_empty()
            && query.limit.is_none()
            && query.offset.is_none();
        let nested = matches!(query.body, Body::Compound { .. }) && !first;
        if simple && !nested {
            self.query(query);
        } else {
            self.push("SELECT * FROM ");
            self.subquery(query);
        }
    }

    fn select(&mut self, select: &Select) {
        self.push(if select.distinct { "SELECT DISTINCT " } else { "SELECT " });
        if select.items.is_empty() {
            // SQLite has no SELECT without columns; the caller takes no value of this one.
            self.push("NULL");
        }
        self.list(&select.items, |out, (expr, alias)| {
            out.expr(expr);
            if let Some(alias) = alias {
                out.push(" AS ");
                out.name(alias);
            }
        });
        if let Some(from) = &select.from {
            self.push(" FROM ");
            self.from(from);
        }
        if let Some(filter) = &select.filter {
            self.push(" WHERE ");
            self.expr(filter);
        }
        if !select.group_by.is_empty() {
            self.push(" GROUP BY ");
            self.exprs(&select.group_by);
        }
        if let Some(having) = &select.having {
            self.push(" HAVING ");
            self.expr(having);
        }
    }

    fn from(&mut self, from: &From) {
        match from {
            From::Table { name, alias } => {
                self.name(name);
                if name != alias {
                    self.push(" AS ");
                    self.name(alias);
                }
            }
            From::Subquery { query, alias } => {
                self.subquery(query);
                self.push(" AS ");
                self.name(alias);
            }
            From::Function { name, arguments, alias } => {
                self.push(name);
                self.push("(");
                self.exprs(arguments);
                self.push(")");
                if let Some(alias) = alias {
                    self.push(" AS ");
                    self.name(alias);
                }
            }
            From::Join { kind, left, right, on } => {
                self.from(left);
                self.push(match kind {
                    JoinKind::Inner => " JOIN ",
                    JoinKind::Left => " LEFT JOIN ",
                    JoinKind::Right => " RIGHT JOIN ",
                    JoinKind::Full => " FULL JOIN ",
                });
                let nested = matches!(right.as_ref(), From::Join { .. });
                self.push(if nested { "(" } else { "" });
                self.from(right);
                self.push(if nested { ")" } else { "" });
                if let Some(on) = on {
                    self.push(" ON ");
                    self.expr(on);
                }
            }
        }
    }

    fn target(&mut self, table: &str, alias: Option<&String>) {
        self.name(table);
        if let Some(alias) = alias.filter(|alias| *alias != table) {
            self.push(" AS ");
            self.name(alias);
        }
    }

    fn insert(&mut self, insert: &Insert) {
        self.with(&insert.with);
        self.push("INSERT INTO ");
        self.target(&insert.table, insert.alias.as_ref());
        match &insert.source {
            None => self.push(" DEFAULT VALUES"),
            Some(source) => {
                self.push(" ");
                self.columns(&insert.columns);
                self.push(" ");
                self.query(source);
                let ambiguous = matches!(&source.body, Body::Select(select) if select.from.is_some() && select.filter.is_none());
                if insert.on_conflict.is_some() && ambiguous {
                    // Else SQLite would read ON as a join's.
                    self.push(" WHERE 1");
                }
            }
        }
        if let Some(OnConflict { keys, filter, update }) = &insert.on_conflict {
            self.push(" ON CONFLICT ");
            if !keys.is_empty() {
                self.push("(");
                self.exprs(keys);
                self.push(")");
                self.filter(filter.as_ref());
                self.push(" ");
            }
            match update {
                None => self.push("DO NOTHING"),
                Some((assignments, filter)) => {
                    self.push("DO UPDATE SET ");
                    self.assignments(assignments);
                    self.filter(filter.as_ref());
                }
            }
        }
        self.returning(&insert.returning);
    }

    fn assignments(&mut self, assignments: &[(String, Expr)]) {
        self.list(assignments, |out, (column, value)| {
            out.name(column);
            out.push(" = ");
            out.expr(value);
        });
    }

    fn filter(&mut self, filter: Option<&Expr>) {
        if let Some(filter) = filter {
            self.push(" WHERE ");
            self.expr(filter);
        }
    }

    fn returning(&mut self, exprs: &[Expr]) {
        if !exprs.is_empty() {
            self.push(" RETURNING ");
            self.exprs(exprs);
        }
    }

    fn update(&mut self, update: &Update) {
        self.with(&update.with);
        self.push("UPDATE ");
        self.target(&update.table, update.alias.as_ref());
        self.push(" SET ");
        self.assignments(&update.assignments);
        if let Some(from) = &update.from {
            self.push(" FROM ");
            self.from(from);
        }
        self.filter(update.filter.as_ref());
        self.returning(&update.returning);
    }

    fn delete(&mut self, delete: &Delete) {
        self.with(&delete.with);
        self.push("DELETE FROM ");
        self.target(&delete.table, delete.alias.as_ref());
        self.filter(delete.filter.as_ref());
        self.returning(&delete.returning);
    }

    fn create_table(&mut self, table: &CreateTable) {
        self.push("CREATE TABLE ");
        self.name(&table.name);
        self.push(" (");
        self.list(&table.columns, Self::column_def);
        for constraint in &table.constraints {
            self.push(", ");
            self.constraint(constraint);
        }
        self.push(") STRICT");
    }

    fn column_def(&mut self, column: &ColumnDef) {
        self.name(&column.name);
        self.push(" ");
        self.push(column.storage);
        if column.primary_key {
            self.push(" PRIMARY KEY");
        }
        if column.not_null {
            self.push(" NOT NULL");
        }
        if let Some(collation) = column.collation {
            self.push(" COLLATE ");
            self.name(collation);
        }
        if let Some(default) = &column.default {
            self.push(" DEFAULT (");
            self.expr(default);
            self.push(")");
        }
        if let Some(generated) = &column.generated {
            self.push(" GENERATED ALWAYS AS (");
            self.expr(generated);
            self.push(") STORED");
        }
    }

    fn constraint(&mut self, constraint: &Constraint) {
        self.push("CONSTRAINT ");
        self.name(&constraint.name);
        match &constraint.kind {
            ConstraintKind::Check(expr) => {
                self.push(" CHECK (");
                self.expr(expr);
                self.push(")");
            }
            ConstraintKind::ForeignKey {
                columns,
                table,
                foreign_columns,
                on_delete,
                on_update,
                deferrable,
                initially_deferred,
            } => {
                if !columns.is_empty() {
                    self.push(" FOREIGN KEY ");
                    self.names(columns);
                }
                self.push(" REFERENCES ");
                self.name(table);
                self.push(" ");
                self.names(foreign_columns);
                for (event, action) in [(" ON DELETE ", on_delete), (" ON UPDATE ", on_update)] {
                    if let Some(action) = action {
                        self.push(event);
                        self.push(action);
                    }
                }
                if *deferrable {
                    self.push(" DEFERRABLE");
                    self.push(if *initially_deferred {
                        " INITIALLY DEFERRED"
                    } else {
                        " INITIALLY IMMEDIATE"
                    });
                }
            }
        }
    }

    fn create_index(&mut self, index: &CreateIndex) {
        self.push(if index.unique { "CREATE UNIQUE INDEX " } else { "CREATE INDEX " });
        self.name(&index.name);
        self.push(" ON ");
        self.name(&index.table);
        self.push(" (");
        self.list(&index.keys, |out, (expr, descending)| {
            out.expr(expr);
            out.push(if *descending { " DESC" } else { "" });
        });
        self.push(")");
        self.filter(index.filter.as_ref());
    }

    fn alter_table(&mut self, table: &str, change: &Alter) {
        self.push("ALTER TABLE ");
        self.name(table);
        let column = |out: &mut Self, before: &str, name: &str, after: &str| {
            out.push(before);
            out.name(name);
            out.push(after);
        };
        match change {
            Alter::AddColumn(definition) => {
                self.push(" ADD COLUMN ");
                self.column_def(definition);
            }
            Alter::DropColumn(name) => column(self, " DROP COLUMN ", name, ""),
            Alter::RenameColumn(from, to) => {
                column(self, " RENAME COLUMN ", from, " TO ");
                self.name(to);
            }
            Alter::RenameTable(to) => column(self, " RENAME TO ", to, ""),
            Alter::SetNotNull(name) => column(self, " ALTER COLUMN ", name, " SET NOT NULL"),
            Alter::DropNotNull(name) => column(self, " ALTER COLUMN ", name, " DROP NOT NULL"),
        }
    }
}
