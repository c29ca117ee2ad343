//! Aggregates and window functions, and the rules about what may stand beside them.

use crate::model::catalog::{Catalog, ConstraintKind};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::pgdata::{Function, FunctionKind};
use crate::sql::ast::{self, Call};
use crate::sql::bind::function::Chosen;
use crate::sql::bind::{Binder, at, sort_key};
use crate::sql::bound::{
    Aggregate, Column, Expr, ExprKind, OrderItem, OrderKey, Query, RelationId,
};
use crate::sql::types::Lowering;

impl Binder<'_> {
    pub(super) fn aggregate_call(
        &mut self,
        chosen: Chosen,
        call: &Call,
        position: u32,
    ) -> Result<Expr, Error> {
        let Chosen { function, lowering, mut arguments, result } = chosen;
        check_call(function, call, &arguments, position)?;
        if let ("min" | "max", Some(argument)) = (function.name, arguments.first_mut()) {
            *argument = sort_key(self.types(), argument.clone());
        }
        let mut distinct = call.distinct;
        let (name, typed) = match lowering {
            Lowering::Call(name) => (name, false),
            Lowering::Typed(name) => (name, true),
            Lowering::Collected(forms) | Lowering::CollectedTyped(forms) => {
                let name = if call.over.is_some() {
                    forms.over
                } else if distinct {
                    forms.distinct
                } else {
                    forms.plain
                };
                (name, matches!(lowering, Lowering::CollectedTyped(_)))
            }
            _ => return Err(Error::internal("an aggregate is a call")),
        };
        let collected = matches!(lowering, Lowering::Collected(_) | Lowering::CollectedTyped(_));
        if distinct && arguments.len() > 1 && !collected {
            return Err(at(
                Error::refused("DISTINCT with several arguments is not supported"),
                position,
            ));
        }
        let filter =
            call.filter.as_deref().map(|filter| self.condition(filter, "FILTER")).transpose()?;
        let over = call.over.as_ref().map(|over| self.window(over)).transpose()?;
        let mut order_by = self.order_keys(&call.order_by)?;
        if call.within_group
            && let (Some(item), Some(argument)) = (order_by.last_mut(), arguments.last())
        {
            // What is sorted is what the aggregate gets.
            let key = sort_key(self.types(), argument.clone());
            item.data_type = key.data_type;
            item.key = OrderKey::Expr(key);
        }
        if distinct && collected {
            distinct = false;
            if order_by.is_empty() {
                order_by = self.sorted_by(&arguments, position)?;
            }
        }
        let aggregate = Aggregate {
            function: name,
            typed,
            star: call.star,
            distinct,
            arguments,
            order_by,
            filter,
            over,
        };
        let by_key =
            matches!(function.name, "min" | "max") && self.types().labels(result.oid).is_some();
        let kind = ExprKind::Aggregate(Box::new(aggregate));
        if by_key {
            let key = Expr { kind, data_type: PgType::FLOAT8, position };
            return Ok(super::enums::from_sort_key(self.types(), key, result));
        }
        Ok(Expr { kind, data_type: result, position })
    }

    /// ORDER BY inside a call: no output columns there.
    pub(super) fn order_keys(&mut self, items: &[ast::OrderItem]) -> Result<Vec<OrderItem>, Error> {
        items
            .iter()
            .map(|item| {
                let expr = self.expr(&item.expr)?;
                let expr = self.resolve_unknown(expr)?;
                self.check_ordered(expr.data_type, expr.position)?;
                let nulls_first = nulls(&expr, item);
                let expr = sort_key(self.types(), expr);
                Ok(OrderItem {
                    data_type: expr.data_type,
                    descending: item.descending,
                    nulls_first,
                    key: OrderKey::Expr(expr),
                })
            })
            .collect()
    }

    /// Rows in the order of their arguments, so that equal ones stand together.
    fn sorted_by(&self, arguments: &[Expr], position: u32) -> Result<Vec<OrderItem>, Error> {
        arguments
            .iter()
            .map(|argument| {
                self.check_ordered(argument.data_type, position)?;
                let key = sort_key(self.types(), argument.clone());
                Ok(OrderItem {
                    data_type: key.data_type,
                    descending: false,
                    nulls_first: Some(false),
                    key: OrderKey::Expr(key),
                })
            })
            .collect()
    }
}

/// What may stand in a call of an aggregate or window function.
fn check_call(
    function: &Function,
    call: &Call,
    arguments: &[Expr],
    position: u32,
) -> Result<(), Error> {
    let wrong =
        |message: String| Err(at(Error::user(SqlState::WRONG_OBJECT_TYPE, message), position));
    if function.kind == FunctionKind::Window && call.over.is_none() {
        return wrong(format!("window function {} requires an OVER clause", function.name));
    }
    if call.star && !function.arguments.is_empty() {
        return wrong(format!("{}(*) is not supported", function.name));
    }
    if !call.star && function.arguments.is_empty() && function.kind == FunctionKind::Aggregate {
        return wrong(format!(
            "{}(*) must be used to call a parameterless aggregate function",
            function.name
        ));
    }
    let ordered_set = matches!(function.name, "mode" | "percentile_cont" | "percentile_disc");
    if call.within_group && !ordered_set {
        return wrong(format!(
            "{} is not an ordered-set aggregate, so it cannot have WITHIN GROUP",
            function.name
        ));
    }
    if ordered_set && !call.within_group {
        return wrong(format!(
            "WITHIN GROUP is required for ordered-set aggregate {}",
            function.name
        ));
    }
    if call.over.is_some() && call.distinct {
        let message = "DISTINCT is not implemented for window functions";
        return Err(at(Error::refused(message), position));
    }
    if call.over.is_some() && !call.order_by.is_empty() {
        let message = "aggregate ORDER BY is not implemented for window functions";
        return Err(at(Error::refused(message), position));
    }
    if let Some(inner) = arguments.iter().find_map(first_window) {
        let (state, message) = if call.over.is_some() {
            (SqlState::WINDOWING_ERROR, "window function calls cannot be nested")
        } else {
            let message = "aggregate function calls cannot contain window function calls";
            (SqlState::GROUPING_ERROR, message)
        };
        return Err(at(Error::user(state, message), inner));
    }
    if arguments.iter().any(Expr::has_aggregate) && call.over.is_none() {
        return Err(at(
            Error::user(SqlState::GROUPING_ERROR, "aggregate function calls cannot be nested"),
            position,
        ));
    }
    Ok(())
}

/// Where the first call of a window function is in an expression.
pub(super) fn first_window(expr: &Expr) -> Option<u32> {
    match &expr.kind {
        ExprKind::Aggregate(aggregate) if aggregate.over.is_some() => Some(expr.position),
        _ => expr.children().into_iter().find_map(first_window),
    }
}

/// Where NULLs go: PostgreSQL counts them as larger than everything. Not said for what is never
/// NULL, so that SQLite may use an index.
pub(super) fn nulls(expr: &Expr, item: &ast::OrderItem) -> Option<bool> {
    if expr.not_null() { None } else { Some(item.nulls_first.unwrap_or(item.descending)) }
}

/// Checks that a grouped query uses its relations' columns only as GROUP BY allows.
#[derive(Debug)]
pub(super) struct Grouping<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) keys: &'a [Expr],
    pub(super) relations: &'a [RelationId],
}

impl Grouping<'_> {
    /// # Errors
    /// 42803.
    pub(super) fn check(&self, expr: &Expr, nested: bool) -> Result<(), Error> {
        if self.keys.iter().any(|key| key.same(expr)) {
            return Ok(());
        }
        match &expr.kind {
            ExprKind::Aggregate(aggregate) if aggregate.over.is_none() => return Ok(()),
            ExprKind::Element { relation, label, .. } if self.relations.contains(relation) => {
                let message = format!(
                    "column \"{label}\" must appear in the GROUP BY clause or be used in an aggregate function"
                );
                return Err(at(Error::user(SqlState::GROUPING_ERROR, message), expr.position));
            }
            ExprKind::Grouping(_) => return Ok(()),
            ExprKind::Column(column) if self.relations.contains(&column.relation) => {
                if self.depends_on_key(column) {
                    return Ok(());
                }
                let message = if nested {
                    format!("subquery uses ungrouped column \"{}\" from outer query", column.label)
                } else {
                    format!(
                        "column \"{}\" must appear in the GROUP BY clause or be used in an aggregate function",
                        column.label
                    )
                };
                return Err(at(Error::user(SqlState::GROUPING_ERROR, message), expr.position));
            }
            _ => {}
        }
        for child in expr.children() {
            self.check(child, nested)?;
        }
        expr.subquery().map_or(Ok(()), |query| self.check_query(query))
    }

    fn check_query(&self, query: &Query) -> Result<(), Error> {
        let (exprs, queries) = query.parts();
        for expr in exprs {
            self.check(expr, true)?;
        }
        queries.into_iter().try_for_each(|query| self.check_query(query))
    }

    /// Whether the table's whole primary key is grouped by: then each group has one row of it.
    fn depends_on_key(&self, column: &Column) -> bool {
        let Some(table) = self
            .catalog
            .tables
            .values()
            .find(|table| column.table_oid != 0 && table.oid == column.table_oid)
        else {
            return false;
        };
        let grouped = |place: &usize| {
            self.keys.iter().any(|key| match &key.kind {
                ExprKind::Column(other) => {
                    other.relation == column.relation
                        && other.number == table.columns[*place].number
                }
                _ => false,
            })
        };
        table.constraints.iter().any(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey { columns } => {
                !columns.is_empty() && columns.iter().all(grouped)
            }
            ConstraintKind::Unique { .. }
            | ConstraintKind::Check { .. }
            | ConstraintKind::ForeignKey { .. } => false,
        })
    }
}
