//! WITH RECURSIVE: which recursive queries there can be (manual, "Recursive Queries").
//!
//! PostgreSQL evaluates the recursive term over all rows of the step before, SQLite over one row at a time. What
//! would tell the difference is refused.

use crate::model::error::{Error, SqlState};
use crate::sql::ast::{self, JoinKind, QueryBody, SetOp};
use crate::sql::bind::query::renamed;
use crate::sql::bind::{Binder, Feed, SelfReference, VisibleCte, at};
use crate::sql::bound::{Body, Distinct, Expr, From, Output, Query};

/// Where in the recursive term the query refers to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In FROM, where it may be.
    From,
    OuterJoin,
    /// In an expression.
    Subquery,
    Intersect,
    Except,
    /// In a query in FROM or WITH, where SQLite can't have it.
    Nested,
}

fn ill_formed(message: String) -> Error {
    Error::user(SqlState(*b"42P19"), message)
}

impl Binder<'_> {
    /// Names of WITH RECURSIVE that can't be referred to yet.
    pub(super) fn forbid_later(&mut self, ctes: &[ast::Cte]) {
        for cte in ctes {
            let message = "a reference to a WITH query that stands behind it is not supported";
            self.forbid(&cte.name.text, Error::refused(message));
        }
    }

    fn forbid(&mut self, name: &str, error: Error) {
        self.ctes.push(VisibleCte {
            name: name.to_owned(),
            physical: String::new(),
            outputs: Vec::new(),
            feed: Feed::None,
            self_reference: SelfReference::Forbidden(Box::new(error)),
        });
    }

    /// A query of WITH RECURSIVE, and whether it refers to itself.
    pub(super) fn recursive_query(
        &mut self,
        cte: &ast::Cte,
        tree: &ast::Query,
        physical: &str,
    ) -> Result<(Query, bool), Error> {
        let name = &cte.name;
        let QueryBody::SetOperation { op: SetOp::Union, left, right, .. } = &tree.body else {
            let message = format!(
                "recursive query \"{}\" does not have the form non-recursive-term UNION [ALL] recursive-term",
                name.text
            );
            self.forbid(&name.text, at(ill_formed(message), name.position));
            return Ok((self.query(tree)?, false));
        };
        // The first branch says what the columns are; it can't refer to the query itself.
        let message = format!(
            "recursive reference to query \"{}\" must not appear within its non-recursive term",
            name.text
        );
        self.forbid(&name.text, ill_formed(message));
        let before = (self.relations.len(), self.used_names.clone());
        let first = self.query(left)?;
        self.relations.truncate(before.0);
        self.used_names = before.1;
        let outputs = renamed(first.outputs, &cte.columns)?;
        self.ctes.push(VisibleCte {
            name: name.text.clone(),
            physical: physical.to_owned(),
            outputs: outputs.clone(),
            feed: Feed::None,
            self_reference: SelfReference::Counted,
        });
        let outer_uses = std::mem::take(&mut self.recursive_uses);
        let query = self.query(tree);
        let uses = std::mem::replace(&mut self.recursive_uses, outer_uses);
        let query = query?;
        if !uses.is_empty() {
            check_clauses(tree, right)?;
            check_term(&query, (&name.text, physical), &uses)?;
            self.check_types(&query, &outputs, cte, left)?;
        }
        Ok((query, !uses.is_empty()))
    }

    /// 42804 if the recursive term would make the columns another type.
    fn check_types(
        &self,
        query: &Query,
        first: &[Output],
        cte: &ast::Cte,
        left: &ast::Query,
    ) -> Result<(), Error> {
        for (number, (first, overall)) in first.iter().zip(&query.outputs).enumerate() {
            if first.data_type.oid == overall.data_type.oid {
                continue;
            }
            let message = format!(
                "recursive query \"{}\" column {} has type {} in non-recursive term but type {} overall",
                cte.name.text,
                number + 1,
                self.types().label(first.data_type.oid),
                self.types().label(overall.data_type.oid),
            );
            let error = Error::user(SqlState::DATATYPE_MISMATCH, message)
                .with_hint("Cast the output of the non-recursive term to the correct type.");
            let position = match &left.body {
                QueryBody::Select(select) => match select.items.get(number) {
                    Some(ast::SelectItem::Expr { expr, .. } | ast::SelectItem::Expand(expr)) => {
                        expr.position
                    }
                    Some(ast::SelectItem::Wildcard { position, .. }) => *position,
                    None => 0,
                },
                _ => 0,
            };
            return Err(at(error, position));
        }
        Ok(())
    }
}

/// The clauses around the two terms, and around the recursive one.
fn check_clauses(tree: &ast::Query, right: &ast::Query) -> Result<(), Error> {
    let refused = |what: &str, position: u32| {
        let message = format!("{what} in a recursive query is not implemented");
        Err(at(Error::refused(message), position))
    };
    for query in [tree, right] {
        if let Some(item) = query.order_by.first() {
            return refused("ORDER BY", item.expr.position);
        }
        if let Some(offset) = &query.offset {
            return refused("OFFSET", offset.position);
        }
        if let Some(limit) = &query.limit {
            return refused("LIMIT", limit.position);
        }
        if !query.locking.is_empty() {
            return refused("FOR UPDATE/SHARE", 0);
        }
    }
    Ok(())
}

/// Where the recursive term refers to the query: once, in its FROM clause, not beside what looks at several rows.
fn check_term(query: &Query, (name, physical): (&str, &str), uses: &[u32]) -> Result<(), Error> {
    let Body::SetOperation { right, .. } = &query.body else {
        return Err(Error::internal("a recursive query is a UNION"));
    };
    let mut places = Vec::new();
    in_query(right, physical, Place::From, &mut places);
    for (number, place) in places.iter().enumerate() {
        let position = uses.get(number).copied().unwrap_or(0);
        let within = match place {
            Place::From if number == 0 => continue,
            Place::From => {
                let message = format!(
                    "recursive reference to query \"{name}\" must not appear more than once"
                );
                return Err(at(ill_formed(message), position));
            }
            Place::Nested => {
                let message = "a recursive reference in a subquery of FROM is not supported";
                return Err(at(Error::refused(message), position));
            }
            Place::OuterJoin => "an outer join",
            Place::Subquery => "a subquery",
            Place::Intersect => "INTERSECT",
            Place::Except => "EXCEPT",
        };
        let message =
            format!("recursive reference to query \"{name}\" must not appear within {within}");
        return Err(at(ill_formed(message), position));
    }
    let Body::Select(select) = &right.body else {
        return Err(Error::refused("a recursive term of several queries is not supported"));
    };
    let aggregate = select.items.iter().chain(&select.having).find_map(first_aggregate);
    if let Some(aggregate) = aggregate {
        let message = "aggregate functions are not allowed in a recursive query's recursive term";
        return Err(at(ill_formed(message.to_owned()), aggregate.position));
    }
    let what = if select.distinct != Distinct::All {
        "DISTINCT"
    } else if !select.group_by.is_empty() {
        "GROUP BY"
    } else if select.items.iter().any(Expr::has_window) {
        "a window function"
    } else {
        return Ok(());
    };
    Err(Error::refused(format!("{what} in a recursive term is not supported")))
}

fn first_aggregate(expr: &Expr) -> Option<&Expr> {
    use crate::sql::bound::ExprKind;
    if matches!(&expr.kind, ExprKind::Aggregate(aggregate) if aggregate.over.is_none()) {
        return Some(expr);
    }
    expr.children().into_iter().find_map(first_aggregate)
}

/// The places of all references in a query, in the order in which they are bound.
fn in_query(query: &Query, physical: &str, place: Place, found: &mut Vec<Place>) {
    let inner = if place == Place::From { Place::Nested } else { place };
    for cte in &query.ctes {
        in_query(&cte.query, physical, inner, found);
    }
    match &query.body {
        Body::Select(select) => {
            if let Some(from) = &select.from {
                in_from(from, physical, place, found);
            }
            let exprs = select.filter.iter().chain(&select.items);
            let exprs = exprs.chain(&select.group_by).chain(&select.having);
            exprs.for_each(|expr| in_expr(expr, physical, found));
        }
        Body::Values(rows) => rows.iter().flatten().for_each(|expr| in_expr(expr, physical, found)),
        Body::SetOperation { op, left, right, .. } => {
            let (first, second) = match op {
                SetOp::Union => (place, place),
                SetOp::Intersect => (Place::Intersect, Place::Intersect),
                SetOp::Except => (place, Place::Except),
            };
            in_query(left, physical, first, found);
            in_query(right, physical, second, found);
        }
    }
    let order = query.order_by.iter().filter_map(crate::sql::bound::OrderItem::expr);
    order.for_each(|expr| in_expr(expr, physical, found));
}

fn in_from(from: &From, physical: &str, place: Place, found: &mut Vec<Place>) {
    let inner = if place == Place::From { Place::Nested } else { place };
    match from {
        From::Cte { name, .. } if name == physical => found.push(place),
        From::Table { .. } | From::Cte { .. } | From::Session { .. } | From::Feed { .. } => {}
        From::Subquery { query, .. } | From::Lateral { query, .. } => {
            in_query(query, physical, inner, found);
        }
        From::Each { array, .. } => in_expr(array, physical, found),
        From::Series { arguments, .. } => {
            for expr in arguments {
                in_expr(expr, physical, found);
            }
        }
        From::Join { kind, left, right, on } => {
            let outer = |is_outer: bool| if is_outer { Place::OuterJoin } else { place };
            let nulls_left = outer(matches!(kind, JoinKind::Right | JoinKind::Full));
            let nulls_right = outer(matches!(kind, JoinKind::Left | JoinKind::Full));
            in_from(left, physical, nulls_left, found);
            in_from(right, physical, nulls_right, found);
            if let Some(on) = on {
                in_expr(on, physical, found);
            }
        }
    }
}

fn in_expr(expr: &Expr, physical: &str, found: &mut Vec<Place>) {
    if let Some(query) = expr.subquery() {
        in_query(query, physical, Place::Subquery, found);
    }
    expr.children().into_iter().for_each(|child| in_expr(child, physical, found));
}
