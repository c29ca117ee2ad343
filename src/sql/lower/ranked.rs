//! What SQLite does by numbering rows: DISTINCT ON, WITH TIES, INTERSECT ALL and EXCEPT ALL.

use crate::model::error::Error;
use crate::sql::ast::SetOp;
use crate::sql::bound::{Body, Distinct, Expr, OrderItem, OrderKey, Output, Query, Select};
use crate::sql::lite;
use crate::sql::lower::{Lower, collated};
use crate::sql::types::Types;

/// The relation that the numbered rows are.
const ROWS: &str = "rows";

/// A query's rows with what they are sorted by, before they are numbered.
struct Sorted {
    rows: lite::Query,
    /// The order in terms of the rows' columns.
    order: Vec<lite::Order>,
}

impl Lower<'_> {
    /// The first row for each value of the keys.
    pub(super) fn distinct_on(
        &mut self,
        query: &Query,
        select: &Select,
        keys: &[Expr],
    ) -> Result<lite::Query, Error> {
        let plain = Select { distinct: Distinct::All, ..select.clone() };
        let mut partition = Vec::new();
        let mut more = Vec::new();
        for (place, key) in keys.iter().enumerate() {
            let name = format!("_key{place}");
            partition.push(collated(self.types, lite::Expr::column(&name), key.data_type));
            more.push((self.expr(key)?, Some(name)));
        }
        let sorted = self.sorted(query, &plain, more)?;
        let over =
            lite::Window { partition_by: partition, order_by: sorted.order.clone(), frame: None };
        let first = lite::Expr::infix(lite::Expr::column("_number"), "=", lite::Expr::Integer(1));
        let mut lowered =
            numbered(&query.outputs, sorted, vec![("row_number", "_number", over)], first);
        lowered.limit = self.row_count(query.limit.as_ref(), "pg_limit")?;
        lowered.offset = self.row_count(query.offset.as_ref(), "pg_offset")?;
        lowered.with = self.with(&query.ctes, query.recursive)?;
        Ok(lowered)
    }

    /// FETCH FIRST n ROWS WITH TIES: a row's rank is one more than the number of rows before it and
    /// its peers, so those up to the last rank that is taken are the rows and their ties.
    pub(super) fn with_ties(&mut self, query: &Query) -> Result<lite::Query, Error> {
        let with = self.with(&query.ctes, query.recursive)?;
        let limit = self.row_count(query.limit.as_ref(), "pg_limit")?.unwrap_or(lite::Expr::Null);
        let offset =
            self.row_count(query.offset.as_ref(), "pg_offset")?.unwrap_or(lite::Expr::Integer(0));
        let sorted = match &query.body {
            Body::Select(select) if select.distinct == Distinct::All => {
                self.sorted(query, select, Vec::new())?
            }
            _ if query.order_by.iter().any(|item| item.expr().is_some()) => {
                return Err(Error::refused(
                    "WITH TIES of distinct rows in this order is not supported",
                ));
            }
            _ => {
                let plain = Query {
                    ctes: Vec::new(),
                    order_by: Vec::new(),
                    limit: None,
                    offset: None,
                    with_ties: false,
                    ..query.clone()
                };
                let rows = self.query(&plain, true)?;
                Sorted { rows, order: output_order(self.types, &query.order_by, &query.outputs) }
            }
        };
        let over =
            lite::Window { partition_by: Vec::new(), order_by: sorted.order.clone(), frame: None };
        let last = lite::Expr::infix(limit, "+", offset.clone());
        let kept = lite::Expr::infix(
            lite::Expr::infix(lite::Expr::column("_rank"), "<=", last),
            "AND",
            lite::Expr::infix(lite::Expr::column("_number"), ">", offset),
        );
        let windows = vec![("rank", "_rank", over.clone()), ("row_number", "_number", over)];
        let mut lowered = numbered(&query.outputs, sorted, windows, kept);
        lowered.with = with;
        Ok(lowered)
    }

    /// A SELECT without its order and limits, with what it is sorted by and `more` as further columns.
    fn sorted(
        &mut self,
        query: &Query,
        select: &Select,
        more: Vec<(lite::Expr, Option<String>)>,
    ) -> Result<Sorted, Error> {
        let mut lowered = self.select(select, &query.outputs, true)?;
        lowered.items.extend(more);
        let mut order = output_order(self.types, &query.order_by, &query.outputs);
        for (place, (item, sorted)) in query.order_by.iter().zip(&mut order).enumerate() {
            if let OrderKey::Expr(expr) = &item.key {
                let name = format!("_order{place}");
                sorted.expr = collated(self.types, lite::Expr::column(&name), item.data_type);
                lowered.items.push((self.expr(expr)?, Some(name)));
            }
        }
        Ok(Sorted { rows: lite::Query::select(lowered), order })
    }

    /// INTERSECT ALL and EXCEPT ALL: equal rows are told apart by their numbers.
    pub(super) fn counted_set(
        &mut self,
        op: SetOp,
        left: &Query,
        right: &Query,
        outputs: &[Output],
    ) -> Result<lite::Body, Error> {
        let op = if op == SetOp::Except { "EXCEPT" } else { "INTERSECT" };
        let left = self.counted(left, outputs)?;
        let right = self.counted(right, outputs)?;
        let both = lite::Query::new(lite::Body::Compound {
            left: Box::new(left),
            op,
            right: Box::new(right),
        });
        let items = outputs
            .iter()
            .map(|output| (lite::Expr::column(&output.alias), Some(output.alias.clone())));
        Ok(lite::Body::Select(Box::new(lite::Select {
            items: items.collect(),
            from: Some(lite::From::Subquery { query: Box::new(both), alias: ROWS.to_owned() }),
            ..lite::Select::default()
        })))
    }

    fn counted(&mut self, branch: &Query, outputs: &[Output]) -> Result<lite::Query, Error> {
        let inner = self.query(branch, true)?;
        let columns: Vec<lite::Expr> = branch
            .outputs
            .iter()
            .map(|own| collated(self.types, lite::Expr::column(&own.alias), own.data_type))
            .collect();
        let over = lite::Window { partition_by: columns.clone(), ..lite::Window::default() };
        let mut items: Vec<(lite::Expr, Option<String>)> = columns
            .into_iter()
            .zip(outputs)
            .map(|(column, output)| (column, Some(output.alias.clone())))
            .collect();
        items.push((window_call("row_number", over), Some("_number".to_owned())));
        Ok(lite::Query::select(lite::Select {
            items,
            from: Some(lite::From::Subquery { query: Box::new(inner), alias: ROWS.to_owned() }),
            ..lite::Select::default()
        }))
    }
}

fn window_call(name: &'static str, over: lite::Window) -> lite::Expr {
    lite::Expr::Call(Box::new(lite::Call { name, over: Some(over), ..lite::Call::default() }))
}

/// The order by output columns; other items are filled in by the caller.
fn output_order(types: Types<'_>, items: &[OrderItem], outputs: &[Output]) -> Vec<lite::Order> {
    items
        .iter()
        .map(|item| {
            let expr = match &item.key {
                OrderKey::Output(place) => lite::Expr::column(&outputs[*place].alias),
                OrderKey::Expr(_) => lite::Expr::Null,
            };
            lite::Order {
                expr: collated(types, expr, item.data_type),
                descending: item.descending,
                nulls_first: item.nulls_first,
            }
        })
        .collect()
}

/// The outputs of those of the rows, numbered by windows, that `kept` says, in their order.
fn numbered(
    outputs: &[Output],
    sorted: Sorted,
    windows: Vec<(&'static str, &str, lite::Window)>,
    kept: lite::Expr,
) -> lite::Query {
    let names = match &sorted.rows.body {
        lite::Body::Select(select) => select
            .items
            .iter()
            .map(|(expr, alias)| match (alias, expr) {
                (Some(alias), _) => alias.clone(),
                (None, lite::Expr::Column { name, .. }) => name.clone(),
                (None, _) => String::new(),
            })
            .collect(),
        lite::Body::Values(_) | lite::Body::Compound { .. } => {
            outputs.iter().map(|output| output.alias.clone()).collect::<Vec<_>>()
        }
    };
    let column = |name: &String| (lite::Expr::column(name), Some(name.clone()));
    let mut items: Vec<(lite::Expr, Option<String>)> =
        names.iter().filter(|name| !name.is_empty()).map(column).collect();
    for (function, name, over) in windows {
        items.push((window_call(function, over), Some(name.to_owned())));
    }
    let inner = lite::Query::select(lite::Select {
        items,
        from: Some(lite::From::Subquery { query: Box::new(sorted.rows), alias: ROWS.to_owned() }),
        ..lite::Select::default()
    });
    let mut query = lite::Query::select(lite::Select {
        items: outputs.iter().map(|output| column(&output.alias)).collect(),
        from: Some(lite::From::Subquery { query: Box::new(inner), alias: ROWS.to_owned() }),
        filter: Some(kept),
        ..lite::Select::default()
    });
    query.order_by = sorted.order;
    query
}
