//! Set-returning functions in the select list of a query with groups or window functions: their rows
//! come behind those, over a subquery that has them (manual, 38.5.8: what a set-returning function in a
//! select list does is done after grouping, aggregates and window functions).

use std::cell::RefCell;

use crate::model::error::Error;
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sql::ast::Distinct;
use crate::sql::bind::aggregate::Grouping;
use crate::sql::bind::query::{output_of, plain_query};
use crate::sql::bind::table_function::{Rows, column_of};
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{
    Body, Expr, ExprKind, From, OrderItem, OrderKey, Output, RelationId, Select,
};

/// Where a select list's set-returning functions stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SetPlace {
    /// Beside FROM: rows are grouped, if they are, when the functions have made theirs.
    BesideFrom,
    BehindGroups,
}

impl Binder<'_> {
    /// Checks what grouping allows, and finds where the set-returning functions `calls` stand.
    ///
    /// # Errors
    /// 42803 for a column that isn't grouped by, 0A000 for functions that would stand in both places or in an
    /// aggregate.
    pub(super) fn place_of_sets(
        &self,
        select: &Select,
        in_sets: bool,
        calls: &mut [Rows],
        order_by: &[OrderItem],
    ) -> Result<SetPlace, Error> {
        let rows = relations(calls);
        let (items, keys) = (&select.items, &select.group_by);
        let sorted = order_by.iter().filter_map(OrderItem::expr);
        if !calls.is_empty() {
            items.iter().chain(sorted.clone()).try_for_each(|item| no_sets_inside(item, &rows))?;
        }
        // Keys are expanded before rows are grouped, whatever else has sets is afterwards.
        let are_keys = keys.iter().any(|key| key.uses(&rows));
        let mut arguments: Vec<Expr> = Vec::new();
        for rows in calls.iter_mut().filter(|_| !are_keys) {
            arguments.extend(arguments_mut(&mut rows.from).into_iter().map(|one| one.clone()));
        }
        let exprs: Vec<&Expr> = items.iter().chain(&arguments).chain(sorted).collect();
        let grouped = !keys.is_empty()
            || select.having.is_some()
            || in_sets
            || exprs.iter().any(|expr| expr.has_aggregate());
        if grouped {
            let grouping = Grouping { catalog: self.catalog, keys, relations: &select.relations };
            let all = exprs.iter().copied().chain(&select.having);
            all.into_iter().try_for_each(|expr| grouping.check(expr, false))?;
        }
        let windows = exprs.iter().any(|expr| expr.has_window());
        let is_key = |item: &Expr| keys.iter().any(|key| key.same(item));
        if are_keys && (windows || items.iter().any(|item| item.uses(&rows) && !is_key(item))) {
            return Err(Error::refused(
                "a set-returning function in GROUP BY beside others, or beside window functions, is not supported",
            ));
        }
        let behind = !calls.is_empty() && !are_keys && (grouped || windows);
        Ok(if behind { SetPlace::BehindGroups } else { SetPlace::BesideFrom })
    }

    /// Makes `select` one over a subquery with its FROM, groups and window functions. Its list, `order_by`
    /// and the arguments of `calls` become expressions over the subquery's columns.
    ///
    /// # Errors
    /// 0A000 for what can't be taken apart.
    pub(super) fn behind_groups(
        &mut self,
        select: &mut Select,
        sets: Option<Vec<Vec<usize>>>,
        calls: &mut [Rows],
        order_by: &mut [OrderItem],
    ) -> Result<(), Error> {
        let id = self.add_relation("groups");
        let own = std::mem::replace(&mut select.relations, vec![id]);
        let keys = std::mem::take(&mut select.group_by);
        let parts: RefCell<Vec<Expr>> = RefCell::default();
        let lift = |expr: &Expr| {
            let is_part = match &expr.kind {
                ExprKind::Aggregate(_) | ExprKind::Grouping(_) => true,
                ExprKind::Column(column) => own.contains(&column.relation),
                ExprKind::Element { relation, .. } => own.contains(relation),
                _ => expr.subquery().is_some() && expr.uses(&own),
            };
            if !is_part && !keys.iter().any(|key| key.same(expr)) {
                return None;
            }
            let mut parts = parts.borrow_mut();
            let place = parts.iter().position(|part| part.same(expr)).unwrap_or_else(|| {
                parts.push(expr.clone());
                parts.len() - 1
            });
            Some(Expr { position: expr.position, ..column_of(id, &part_output(place, expr)) })
        };
        let arguments = calls.iter_mut().flat_map(|rows| arguments_mut(&mut rows.from));
        for expr in select.items.iter_mut().chain(arguments) {
            *expr = expr.clone().replaced(&lift);
        }
        for item in order_by {
            if let OrderKey::Expr(expr) = &item.key {
                item.key = OrderKey::Expr(expr.clone().replaced(&lift));
            }
        }
        let mut parts = parts.into_inner();
        let rows = relations(calls);
        if let Some(part) = parts.iter().find(|part| part.uses(&rows)) {
            let message = "a subquery over both a group and a set-returning function in the select list is not supported";
            return Err(at(Error::refused(message), part.position));
        }
        if parts.is_empty() {
            // A row for each group, whatever is in it.
            parts.push(Expr::constant(Value::Integer(1), PgType::INT4, 0));
        }
        let outputs =
            parts.iter().enumerate().map(|(place, part)| part_output(place, part)).collect();
        let inner = Select {
            distinct: crate::sql::bound::Distinct::All,
            items: parts,
            from: select.from.take(),
            filter: select.filter.take(),
            group_by: keys,
            having: select.having.take(),
            relations: own,
        };
        let query = self.with_sets(plain_query(Body::Select(Box::new(inner)), outputs), sets)?;
        select.from = Some(From::Subquery { query: Box::new(query), id });
        Ok(())
    }
}

/// # Errors
/// 0A000 for DISTINCT ON.
pub(super) fn no_distinct_on(distinct: &Distinct) -> Result<(), Error> {
    let message = "DISTINCT ON over a set-returning function of a grouped query is not supported";
    match distinct {
        Distinct::On(_) => Err(Error::refused(message)),
        Distinct::All | Distinct::Rows => Ok(()),
    }
}

/// # Errors
/// 0A000 if an aggregate or a window function uses the columns of set-returning functions.
fn no_sets_inside(expr: &Expr, rows: &[RelationId]) -> Result<(), Error> {
    let children = expr.children();
    if let ExprKind::Aggregate(aggregate) = &expr.kind
        && let Some(inside) = children.iter().find(|child| child.uses(rows))
    {
        let of = if aggregate.over.is_some() { "window" } else { "aggregate" };
        let message = format!("{of} function calls cannot contain set-returning function calls");
        return Err(at(Error::refused(message), inside.position).with_hint(
            "You might be able to move the set-returning function into a LATERAL FROM item.",
        ));
    }
    children.into_iter().try_for_each(|child| no_sets_inside(child, rows))
}

/// The arguments of set-returning functions.
fn arguments_mut(from: &mut From) -> Vec<&mut Expr> {
    match from {
        From::Each { array, .. } => vec![array],
        From::Series { arguments, .. } => arguments.iter_mut().collect(),
        From::Join { left, right, .. } => {
            arguments_mut(left).into_iter().chain(arguments_mut(right)).collect()
        }
        From::Subquery { query, .. } | From::Lateral { query, .. } => match &mut query.body {
            Body::Select(select) => select.from.as_mut().map_or_else(Vec::new, arguments_mut),
            Body::Values(_) | Body::SetOperation { .. } => Vec::new(),
        },
        From::Table { .. } | From::Cte { .. } | From::Session { .. } | From::Feed { .. } => {
            Vec::new()
        }
    }
}

/// The relations whose columns the values of set-returning functions are.
fn relations(calls: &[Rows]) -> Vec<RelationId> {
    let of = |expr: &Expr| match &expr.kind {
        ExprKind::Column(column) => Some(column.relation),
        ExprKind::Element { relation, .. } => Some(*relation),
        _ => None,
    };
    calls.iter().flat_map(|rows| &rows.columns).filter_map(|(_, expr)| of(expr)).collect()
}

fn part_output(place: usize, part: &Expr) -> Output {
    output_of(format!("part{place}"), part)
}
