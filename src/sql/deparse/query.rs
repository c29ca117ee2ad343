//! Queries.

use super::call::direction;
use super::from::names_of;
use super::{Writer, push};
use crate::model::pg_type::PgType;
use crate::pgdata::quote_identifier;
use crate::sql::ast::{
    CteBody, Distinct, Expr, ExprKind, GroupItem, OrderItem, Query, QueryBody, Select, SelectItem,
    SetOp,
};
use crate::sql::bind::column_name;

/// Spaces that a query's clauses are moved by.
const CLAUSE: i32 = 8;
const ITEM_INDENT: usize = 4;

impl Writer<'_> {
    /// A query. `names` are those of its columns, where they are given from outside; `visible`: whether anybody
    /// sees its columns' names.
    pub(super) fn query(
        &mut self,
        tree: &Query,
        names: Option<&[String]>,
        visible: bool,
    ) -> Option<String> {
        let (level, ctes) = (self.level, self.ctes.len());
        // Columns of a query inside another need their table's name.
        let prefix = std::mem::replace(&mut self.prefix, true);
        let text = self.query_text(tree, names, visible);
        self.prefix = prefix;
        self.level = level;
        self.ctes.truncate(ctes);
        text
    }

    fn query_text(
        &mut self,
        tree: &Query,
        names: Option<&[String]>,
        visible: bool,
    ) -> Option<String> {
        if !tree.locking.is_empty() {
            return None;
        }
        let mut out = String::new();
        if !tree.ctes.is_empty() {
            self.with(tree, &mut out)?;
        }
        match &tree.body {
            QueryBody::Select(select) => self.select(select, names, visible, &mut out)?,
            QueryBody::Values(rows) => {
                self.begin(&mut out);
                self.values(rows, &mut out)?;
            }
            QueryBody::SetOperation { .. } => {
                self.set_operation(&tree.body, names, visible, &mut out)?;
            }
            QueryBody::Nested(inner) => {
                let inner = self.query(inner, names, visible)?;
                push(&mut out, &inner);
            }
        }
        self.sorting(tree, &mut out)?;
        Some(out)
    }

    /// Clauses of a query stand one step to the left of what follows them.
    fn begin(&mut self, out: &mut String) {
        if self.indents {
            self.level += CLAUSE;
            out.push(' ');
        }
    }

    fn with(&mut self, tree: &Query, out: &mut String) -> Option<()> {
        self.begin(out);
        out.push_str(if tree.recursive { "WITH RECURSIVE " } else { "WITH " });
        if tree.recursive {
            self.ctes.extend(tree.ctes.iter().map(|cte| cte.name.text.clone()));
        }
        for (number, cte) in tree.ctes.iter().enumerate() {
            if number > 0 {
                out.push_str(", ");
            }
            out.push_str(&quote_identifier(&cte.name.text));
            if !cte.columns.is_empty() {
                push(out, &format!("({})", names_of(&cte.columns)));
            }
            out.push_str(match cte.materialized {
                None => " AS (",
                Some(true) => " AS MATERIALIZED (",
                Some(false) => " AS NOT MATERIALIZED (",
            });
            let CteBody::Query(query) = &cte.body else { return None };
            self.line(out);
            let query = self.query(query, None, true)?;
            push(out, &query);
            self.line(out);
            out.push(')');
            self.ctes.push(cte.name.text.clone());
        }
        if self.indents {
            self.level -= CLAUSE;
            self.keyword(out, "", (0, 0, 0));
        } else {
            out.push(' ');
        }
        Some(())
    }

    fn line(&mut self, out: &mut String) {
        if self.indents {
            self.keyword(out, "", (0, 0, 0));
        }
    }

    fn values(&mut self, rows: &[Vec<Expr>], out: &mut String) -> Option<()> {
        out.push_str("VALUES ");
        for (number, row) in rows.iter().enumerate() {
            if number > 0 {
                out.push_str(", ");
            }
            let items: Option<Vec<String>> =
                row.iter().map(|item| Some(self.value(item, None)?.text)).collect();
            push(out, &format!("({})", items?.join(",")));
        }
        Some(())
    }

    fn select(
        &mut self,
        tree: &Select,
        names: Option<&[String]>,
        visible: bool,
        out: &mut String,
    ) -> Option<()> {
        if !tree.windows.is_empty() || tree.group_distinct {
            return None;
        }
        self.begin(out);
        out.push_str("SELECT");
        match &tree.distinct {
            Distinct::All => {}
            Distinct::Rows => out.push_str(" DISTINCT"),
            Distinct::On(keys) => {
                let keys: Option<Vec<String>> =
                    keys.iter().map(|key| self.output_key(key, &tree.items)).collect();
                push(out, &format!(" DISTINCT ON ({})", keys?.join(", ")));
            }
        }
        self.target_list(&tree.items, names, visible, out)?;
        self.from_clause(&tree.from, out)?;
        if let Some(filter) = &tree.filter {
            self.keyword(out, " WHERE ", (-CLAUSE, CLAUSE, 1));
            push(out, &self.value(filter, Some(PgType::BOOL.oid))?.text);
        }
        if !tree.group_by.is_empty() {
            self.keyword(out, " GROUP BY ", (-CLAUSE, CLAUSE, 1));
            let mut keys = Vec::new();
            for item in &tree.group_by {
                let GroupItem::Expr(key) = item else { return None };
                keys.push(self.output_key(key, &tree.items)?);
            }
            push(out, &keys.join(", "));
        }
        if let Some(having) = &tree.having {
            self.keyword(out, " HAVING ", (-CLAUSE, CLAUSE, 0));
            push(out, &self.value(having, Some(PgType::BOOL.oid))?.text);
        }
        Some(())
    }

    /// GROUP BY and DISTINCT ON: a column of FROM, or one of the select list by its name or its number.
    fn output_key(&mut self, key: &Expr, items: &[SelectItem]) -> Option<String> {
        let found = match &key.kind {
            ExprKind::Number(number) => numbered(items, number.parse().ok()?),
            ExprKind::Column(name) if self.trace.of(key).is_none() => {
                called(items, &name.last()?.text)
            }
            _ => None,
        };
        self.sort_key(found.unwrap_or(key))
    }

    fn target_list(
        &mut self,
        items: &[SelectItem],
        names: Option<&[String]>,
        visible: bool,
        out: &mut String,
    ) -> Option<()> {
        let mut columns: Vec<(String, Option<String>, String)> = Vec::new();
        for item in items {
            match item {
                SelectItem::Expr { expr, alias } => {
                    let text = self.value(expr, None)?.text;
                    let own = match (&expr.kind, self.trace.of(expr)) {
                        (ExprKind::Column(name), Some(known)) => known
                            .column
                            .as_ref()
                            .map(|(_, column)| column.clone())
                            .or_else(|| name.last().map(|name| name.text.clone())),
                        _ if visible => None,
                        _ => Some("?column?".to_owned()),
                    };
                    let name =
                        alias.as_ref().map_or_else(|| column_name(expr), |name| name.text.clone());
                    columns.push((text, own, name));
                }
                SelectItem::Wildcard { .. } => {
                    for (label, name) in self.trace.wildcard(item)? {
                        let (relation, column) = label?;
                        let text = format!(
                            "{}.{}",
                            quote_identifier(&relation),
                            quote_identifier(&column)
                        );
                        columns.push((text, Some(column), name));
                    }
                }
                SelectItem::Expand(_) => return None,
            }
        }
        for (number, (mut text, own, name)) in columns.into_iter().enumerate() {
            let name = match names {
                Some(names) => names.get(number)?.clone(),
                None => name,
            };
            if own.as_ref() != Some(&name) {
                push(&mut text, &format!(" AS {}", quote_identifier(&name)));
            }
            out.push_str(if number == 0 { " " } else { ", " });
            if self.indents && number > 0 && !text.starts_with('\n') {
                self.keyword(out, "", (-CLAUSE, CLAUSE, ITEM_INDENT));
            }
            push(out, &text);
        }
        Some(())
    }

    fn sorting(&mut self, tree: &Query, out: &mut String) -> Option<()> {
        if !tree.order_by.is_empty() {
            self.keyword(out, " ORDER BY ", (-CLAUSE, CLAUSE, 1));
            let mut keys = Vec::new();
            for item in &tree.order_by {
                keys.push(format!("{}{}", self.order_key(item, &tree.body)?, direction(item)));
            }
            push(out, &keys.join(", "));
        }
        if let Some(offset) = &tree.offset {
            self.keyword(out, " OFFSET ", (-CLAUSE, CLAUSE, 0));
            push(out, &self.value(offset, None)?.text);
        }
        if let Some(limit) = &tree.limit {
            if tree.with_ties {
                self.keyword(out, " FETCH FIRST ", (-CLAUSE, CLAUSE, 0));
                push(out, &self.value(limit, None)?.text);
                out.push_str(" ROWS WITH TIES");
            } else {
                self.keyword(out, " LIMIT ", (-CLAUSE, CLAUSE, 0));
                push(out, &self.value(limit, None)?.text);
            }
        }
        Some(())
    }

    /// ORDER BY: a column of the result by its name or its number, or an expression.
    fn order_key(&mut self, item: &OrderItem, body: &QueryBody) -> Option<String> {
        let items = match body {
            QueryBody::Select(select) => &select.items,
            other => return set_key(&item.expr, other),
        };
        let found = match &item.expr.kind {
            ExprKind::Number(number) => numbered(items, number.parse().ok()?),
            ExprKind::Column(name) => match name.as_slice() {
                [bare] => called(items, &bare.text),
                _ => None,
            },
            _ => None,
        };
        self.sort_key(found.unwrap_or(&item.expr))
    }

    fn set_operation(
        &mut self,
        body: &QueryBody,
        names: Option<&[String]>,
        visible: bool,
        out: &mut String,
    ) -> Option<()> {
        let QueryBody::SetOperation { op, all, left, right, .. } = body else { return None };
        let same = |inner: &Query| match &inner.body {
            QueryBody::SetOperation { op: inner, all: every, .. } => {
                Some(inner == op && every == all)
            }
            _ => None,
        };
        let step = CLAUSE;
        let parenthesised = same(left) == Some(false) && left.is_bare();
        if parenthesised {
            out.push('(');
            self.keyword(out, "", (step, 0, 0));
        }
        self.branch(left, names, visible, out)?;
        if parenthesised {
            self.keyword(out, ") ", (-step, 0, 0));
        } else if self.indents {
            self.keyword(out, "", (0, 0, 0));
        } else {
            out.push(' ');
        }
        out.push_str(match op {
            SetOp::Union => "UNION ",
            SetOp::Intersect => "INTERSECT ",
            SetOp::Except => "EXCEPT ",
        });
        if *all {
            out.push_str("ALL ");
        }
        let parenthesised = same(right).is_some() && right.is_bare();
        let step = if parenthesised { step } else { 0 };
        if parenthesised {
            out.push('(');
        }
        self.keyword(out, "", (step, 0, 0));
        self.branch(right, names, false, out)?;
        self.level -= step;
        if parenthesised {
            self.keyword(out, ")", (0, 0, 0));
        }
        Some(())
    }

    fn branch(
        &mut self,
        tree: &Query,
        names: Option<&[String]>,
        visible: bool,
        out: &mut String,
    ) -> Option<()> {
        let tree = match &tree.body {
            QueryBody::Nested(inner) if tree.is_bare() => inner,
            _ => tree,
        };
        if tree.is_bare() && matches!(tree.body, QueryBody::SetOperation { .. }) {
            return self.set_operation(&tree.body, names, visible, out);
        }
        let text = self.query(tree, names, visible)?;
        if tree.is_bare() {
            push(out, &text);
        } else {
            push(out, &format!("({text})"));
        }
        Some(())
    }
}

fn numbered(items: &[SelectItem], number: usize) -> Option<&Expr> {
    match items.get(number.checked_sub(1)?)? {
        SelectItem::Expr { expr, .. } => Some(expr),
        _ => None,
    }
}

fn called<'t>(items: &'t [SelectItem], name: &str) -> Option<&'t Expr> {
    items.iter().find_map(|item| match item {
        SelectItem::Expr { expr, alias } => {
            let own = alias.as_ref().map_or_else(|| column_name(expr), |alias| alias.text.clone());
            (own == name).then_some(expr)
        }
        _ => None,
    })
}

/// The number of a set operation's column.
fn set_key(key: &Expr, body: &QueryBody) -> Option<String> {
    match &key.kind {
        ExprKind::Number(number) => Some(number.clone()),
        ExprKind::Column(name) => {
            let mut first = body;
            while let QueryBody::SetOperation { left, .. } = first {
                first = &left.body;
            }
            let QueryBody::Select(select) = first else { return None };
            let place = select.items.iter().position(|item| match item {
                SelectItem::Expr { expr, alias } => {
                    let own =
                        alias.as_ref().map_or_else(|| column_name(expr), |one| one.text.clone());
                    own == name.last().map_or("", |name| name.text.as_str())
                }
                _ => false,
            })?;
            Some((place + 1).to_string())
        }
        _ => None,
    }
}
