//! GROUPING SETS, ROLLUP, CUBE: a query for each set, one behind the other.

use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sql::ast::{self, GroupItem, SetOp};
use crate::sql::bind::query::{output, plain_query, unique_aliases};
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{
    Aggregate, Body, Column, Distinct, Expr, ExprKind, From, OrderItem, OrderKey, Output, Query,
    Select,
};

/// Grouping sets of one query, at the most (PostgreSQL's limit).
const SETS_MAX: usize = 4096;

/// The expressions of GROUP BY, and if they form several sets, each set as places in them.
type Sets<'t> = (Vec<&'t ast::Expr>, Option<Vec<Vec<usize>>>);

/// Takes GROUP BY apart.
///
/// # Errors
/// 54001 if there are too many sets.
pub(super) fn sets(tree: &ast::Select) -> Result<Sets<'_>, Error> {
    let mut keys: Vec<&ast::Expr> = Vec::new();
    let plain = tree.group_by.iter().all(|item| matches!(item, GroupItem::Expr(_)));
    // Each item's sets are combined with those of the others.
    let mut all: Vec<Vec<usize>> = vec![Vec::new()];
    for item in &tree.group_by {
        let own = item_sets(item, &mut keys);
        if all.len().saturating_mul(own.len()) > SETS_MAX {
            let message = format!("too many grouping sets present (maximum {SETS_MAX})");
            return Err(Error::limit(SqlState(*b"54001"), message));
        }
        all = all
            .iter()
            .flat_map(|set| own.iter().map(|more| set.iter().chain(more).copied().collect()))
            .collect();
    }
    if plain {
        return Ok((keys, None));
    }
    for set in &mut all {
        set.sort_unstable();
        set.dedup();
    }
    if tree.group_distinct {
        let mut seen = std::collections::HashSet::new();
        all.retain(|set| seen.insert(set.clone()));
    }
    Ok((keys, Some(all)))
}

/// The sets of one item; its expressions join `keys`.
fn item_sets<'t>(item: &'t GroupItem, keys: &mut Vec<&'t ast::Expr>) -> Vec<Vec<usize>> {
    let place = |expr: &'t ast::Expr, keys: &mut Vec<&'t ast::Expr>| {
        keys.iter().position(|known| known.kind == expr.kind).unwrap_or_else(|| {
            keys.push(expr);
            keys.len() - 1
        })
    };
    match item {
        GroupItem::Empty => vec![Vec::new()],
        GroupItem::Expr(ast::Expr { kind: ast::ExprKind::Row(items), .. }) => {
            vec![items.iter().map(|expr| place(expr, keys)).collect()]
        }
        GroupItem::Expr(expr) => vec![vec![place(expr, keys)]],
        GroupItem::Sets(items) => items.iter().flat_map(|item| item_sets(item, keys)).collect(),
        GroupItem::Rollup(elements) => {
            let elements: Vec<Vec<usize>> = elements
                .iter()
                .map(|exprs| exprs.iter().map(|expr| place(expr, keys)).collect())
                .collect();
            (0..=elements.len()).rev().map(|length| elements[..length].concat()).collect()
        }
        GroupItem::Cube(elements) => {
            let elements: Vec<Vec<usize>> = elements
                .iter()
                .map(|exprs| exprs.iter().map(|expr| place(expr, keys)).collect())
                .collect();
            // Bit n of the mask leaves element n out; 12 elements are as many as there may be sets.
            let count = elements.len().min(13);
            (0..1usize << count)
                .map(|mask| {
                    let kept = (0..count).filter(|at| mask >> (count - 1 - at) & 1 == 0);
                    kept.flat_map(|at| elements[at].clone()).collect()
                })
                .collect()
        }
    }
}

/// `grouping(...)` of a query whose rows are grouped by all keys is 0.
fn without_calls(mut query: Query) -> Query {
    let zero = |expr: &Expr| match &expr.kind {
        ExprKind::Grouping(_) => {
            Some(Expr::constant(Value::Integer(0), PgType::INT4, expr.position))
        }
        _ => None,
    };
    if let Body::Select(select) = &mut query.body {
        replace_all(select, &zero);
    }
    replace_order(&mut query.order_by, &zero);
    query
}

fn replace_all(select: &mut Select, change: &impl Fn(&Expr) -> Option<Expr>) {
    let items = std::mem::take(&mut select.items);
    select.items = items.into_iter().map(|item| item.replaced(change)).collect();
    select.having = select.having.take().map(|having| having.replaced(change));
}

fn replace_order(order_by: &mut [OrderItem], change: &impl Fn(&Expr) -> Option<Expr>) {
    for item in order_by {
        if let OrderKey::Expr(expr) = &item.key {
            item.key = OrderKey::Expr(expr.clone().replaced(change));
        }
    }
}

impl Binder<'_> {
    /// A query as the union of its grouping sets, if it has any.
    pub(super) fn with_sets(
        &mut self,
        query: Query,
        sets: Option<Vec<Vec<usize>>>,
    ) -> Result<Query, Error> {
        match sets {
            Some(sets) => self.grouping_sets(query, &sets),
            None => Ok(without_calls(query)),
        }
    }

    /// A grouped query as the union of its grouping sets.
    fn grouping_sets(&mut self, query: Query, sets: &[Vec<usize>]) -> Result<Query, Error> {
        let Body::Select(select) = &query.body else {
            return Err(Error::internal("a SELECT is grouped"));
        };
        if matches!(select.distinct, Distinct::On(_)) {
            return Err(Error::refused("DISTINCT ON over grouping sets is not supported"));
        }
        if let Some(call) = select.items.iter().find(|item| item.has_window()) {
            let message = "a window function over grouping sets is not supported";
            return Err(at(Error::refused(message), call.position));
        }
        // What ORDER BY needs beside the outputs, and a count that makes each branch an aggregate.
        let hidden: Vec<Expr> =
            query.order_by.iter().filter_map(OrderItem::expr).cloned().collect();
        let mut outputs = query.outputs.clone();
        for (place, expr) in hidden.iter().enumerate() {
            outputs.push(output(format!("order{place}"), expr.data_type));
        }
        outputs.push(output("rows".to_owned(), PgType::INT8));
        for output in &mut outputs {
            *output = Output { not_null: false, table_oid: 0, number: 0, ..output.clone() };
        }
        let outputs = unique_aliases(outputs);
        let mut union: Option<Query> = None;
        for set in sets {
            let branch = self.branch(select, &hidden, set, &outputs)?;
            union = Some(match union {
                None => branch,
                Some(left) => {
                    let (left, right) = (Box::new(left), Box::new(branch));
                    let body = Body::SetOperation { op: SetOp::Union, all: true, left, right };
                    plain_query(body, outputs.clone())
                }
            });
        }
        let union = union.ok_or_else(|| Error::internal("there is a grouping set"))?;
        Ok(self.over_union(union, query))
    }

    /// The query of one set: keys that aren't in it are NULL.
    fn branch(
        &self,
        select: &Select,
        hidden: &[Expr],
        set: &[usize],
        outputs: &[Output],
    ) -> Result<Query, Error> {
        let mut select = select.clone();
        let keys = std::mem::take(&mut select.group_by);
        if let Some(call) =
            select.items.iter().chain(hidden).find_map(|item| unknown_key(item, &keys))
        {
            let message =
                "arguments to GROUPING must be grouping expressions of the associated query level";
            return Err(at(Error::user(SqlState::GROUPING_ERROR, message), call));
        }
        let in_set = |expr: &Expr| set.iter().any(|place| keys[*place].same(expr));
        let change = |expr: &Expr| match &expr.kind {
            ExprKind::Grouping(arguments) => {
                let bits = arguments
                    .iter()
                    .fold(0, |bits, argument| bits << 1 | i64::from(!in_set(argument)));
                Some(Expr::constant(Value::Integer(bits), PgType::INT4, expr.position))
            }
            // An aggregate's arguments are the rows' own.
            ExprKind::Aggregate(_) => Some(expr.clone()),
            _ if in_set(expr) => Some(expr.clone()),
            _ if keys.iter().any(|key| key.same(expr)) => {
                Some(Expr::constant(Value::Null, expr.data_type, expr.position))
            }
            _ => None,
        };
        select.items.extend(hidden.iter().cloned());
        replace_all(&mut select, &change);
        select.items.push(count_rows());
        select.group_by = set.iter().map(|place| keys[*place].clone()).collect();
        select.distinct = Distinct::All;
        Ok(plain_query(Body::Select(Box::new(select)), outputs.to_vec()))
    }

    /// The union without what was added to it, with the query's own order.
    fn over_union(&mut self, union: Query, query: Query) -> Query {
        let id = self.add_relation("sets");
        let column = |output: &Output| {
            let column = Column {
                relation: id,
                name: output.alias.clone(),
                label: output.name.clone(),
                not_null: false,
                table_oid: 0,
                number: 0,
            };
            Expr { kind: ExprKind::Column(column), data_type: output.data_type, position: 0 }
        };
        let width = query.outputs.len();
        let items: Vec<Expr> = union.outputs[..width].iter().map(column).collect();
        let mut hidden = union.outputs[width..].iter().map(column);
        let mut order_by = query.order_by;
        for item in &mut order_by {
            if matches!(item.key, OrderKey::Expr(_))
                && let Some(column) = hidden.next()
            {
                item.key = OrderKey::Expr(column);
            }
            item.nulls_first = Some(item.nulls_first.unwrap_or(item.descending));
        }
        let distinct = match query.body {
            Body::Select(select) => select.distinct,
            Body::Values(_) | Body::SetOperation { .. } => Distinct::All,
        };
        let outputs = query.outputs.into_iter().map(|output| Output { not_null: false, ..output });
        let select = Select {
            distinct,
            items,
            from: Some(From::Subquery { query: Box::new(union), id }),
            filter: None,
            group_by: Vec::new(),
            having: None,
            relations: vec![id],
        };
        let outputs = outputs.collect();
        Query { order_by, ..plain_query(Body::Select(Box::new(select)), outputs) }
    }
}

/// Where a `grouping()` is that has an argument which isn't a key.
fn unknown_key(expr: &Expr, keys: &[Expr]) -> Option<u32> {
    if let ExprKind::Grouping(arguments) = &expr.kind {
        let unknown = |argument: &&Expr| !keys.iter().any(|key| key.same(argument));
        return arguments.iter().find(unknown).map(|argument| argument.position);
    }
    expr.children().into_iter().find_map(|child| unknown_key(child, keys))
}

/// `count(*)`.
pub(super) fn count_rows() -> Expr {
    let aggregate = Aggregate {
        function: "count",
        typed: false,
        star: true,
        distinct: false,
        arguments: Vec::new(),
        order_by: Vec::new(),
        filter: None,
        over: None,
    };
    Expr { kind: ExprKind::Aggregate(Box::new(aggregate)), data_type: PgType::INT8, position: 0 }
}
