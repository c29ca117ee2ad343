//! Queries.

use crate::catalog::SystemRelation;
use crate::model::error::Error;
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sql::ast::SetOp;
use crate::sql::bound::{
    Body, Cte, Distinct, Expr, ExprKind, From, Output, Query, RelationId, Select,
};
use crate::sql::lower::expr::flat;
use crate::sql::lower::{Lower, PRESENT, collated};
use crate::sql::{Argument, lite};

impl Lower<'_> {
    /// `named`: the output columns get their SQLite names, because something refers to them.
    pub(crate) fn query(&mut self, query: &Query, named: bool) -> Result<lite::Query, Error> {
        if query.with_ties {
            return self.with_ties(query);
        }
        if let Body::Select(select) = &query.body
            && let Distinct::On(keys) = &select.distinct
        {
            return self.distinct_on(query, select, keys);
        }
        Ok(lite::Query {
            with: self.with(&query.ctes, query.recursive)?,
            body: self.body(&query.body, &query.outputs, named || is_ordered_list(query))?,
            order_by: self.order_by(&query.order_by)?,
            limit: self.row_count(query.limit.as_ref(), "pg_limit")?,
            offset: self.row_count(query.offset.as_ref(), "pg_offset")?,
        })
    }

    /// A subquery as a value: more than one row is an error, where SQLite would take the first.
    pub(super) fn scalar(&mut self, query: &Query) -> Result<lite::Query, Error> {
        let lowered = self.query(query, true)?;
        let one = matches!(
            query.limit.as_ref().map(|limit| &limit.kind),
            Some(ExprKind::Constant(Value::Integer(0 | 1)))
        );
        if one || is_single_row(query) {
            return Ok(lowered);
        }
        let alias = "scalar".to_owned();
        let single = |output: &Output| {
            (lite::Expr::call("pg_single", vec![lite::Expr::column(&output.alias)]), None)
        };
        Ok(lite::Query::select(lite::Select {
            items: query.outputs.iter().map(single).collect(),
            from: Some(lite::From::Subquery { query: Box::new(lowered), alias }),
            ..lite::Select::default()
        }))
    }

    /// LIMIT and OFFSET: NULL means none, a negative number is an error.
    pub(super) fn row_count(
        &mut self,
        count: Option<&Expr>,
        check: &'static str,
    ) -> Result<Option<lite::Expr>, Error> {
        let Some(count) = count else { return Ok(None) };
        let lowered = self.expr(count)?;
        Ok(Some(match lowered {
            lite::Expr::Integer(0..) => lowered,
            other => lite::Expr::call(check, vec![other]),
        }))
    }

    pub(super) fn with(&mut self, ctes: &[Cte], recursive: bool) -> Result<lite::With, Error> {
        let ctes = ctes
            .iter()
            .map(|cte| {
                Ok(lite::Cte {
                    name: cte.name.clone(),
                    columns: cte.query.outputs.iter().map(|output| output.alias.clone()).collect(),
                    materialized: cte.materialized,
                    query: self.cte_query(cte)?,
                })
            })
            .collect::<Result<_, Error>>()?;
        Ok(lite::With { recursive, ctes })
    }

    /// SQLite wants a recursive query to be a UNION of its two terms.
    fn cte_query(&mut self, cte: &Cte) -> Result<lite::Query, Error> {
        match &cte.query.body {
            Body::SetOperation { op: SetOp::Union, all, left, right } if cte.refers_to_itself => {
                let op = if *all { "UNION ALL" } else { "UNION" };
                let with = self.with(&cte.query.ctes, cte.query.recursive)?;
                // A query around the second term would hide that it refers to the first.
                let outputs = &cte.query.outputs;
                let left = Box::new(self.set_branch(left, outputs, !all, false)?);
                let right = Box::new(self.query(right, false)?);
                let body = lite::Body::Compound { left, op, right };
                Ok(lite::Query { with, ..lite::Query::new(body) })
            }
            _ => self.query(&cte.query, false),
        }
    }

    /// `left op right`: the first branch gives the columns their names and collations.
    fn compound(
        &mut self,
        op: &'static str,
        (left, right): (&Query, &Query),
        outputs: &[Output],
        named: bool,
    ) -> Result<lite::Body, Error> {
        let left = self.set_branch(left, outputs, op != "UNION ALL", named)?;
        let right = self.set_branch(right, outputs, op != "UNION ALL", false)?;
        Ok(lite::Body::Compound { left: Box::new(left), op, right: Box::new(right) })
    }

    /// UNION where equal values can look different (`1.0` and `1.00`): the first one is kept, while SQLite's
    /// UNION would keep the last.
    fn first_of_union(
        &mut self,
        branches: (&Query, &Query),
        outputs: &[Output],
    ) -> Result<lite::Body, Error> {
        let all = self.compound("UNION ALL", branches, outputs, true)?;
        let item = |output: &Output| {
            let column = lite::Expr::column(&output.alias);
            (collated(self.types, column, output.data_type), Some(output.alias.clone()))
        };
        let items = outputs.iter().map(item).collect();
        let query = Box::new(lite::Query::new(all));
        let from = lite::From::Subquery { query, alias: "branches".to_owned() };
        let select =
            lite::Select { distinct: true, items, from: Some(from), ..lite::Select::default() };
        Ok(lite::Body::Select(Box::new(select)))
    }

    pub(super) fn body(
        &mut self,
        body: &Body,
        outputs: &[Output],
        named: bool,
    ) -> Result<lite::Body, Error> {
        Ok(match body {
            Body::Select(select) => {
                lite::Body::Select(Box::new(self.select(select, outputs, named)?))
            }
            Body::Values(rows) if named => {
                // The columns of VALUES are column1 ... in SQLite too; renamed by a SELECT around it.
                let rows = rows.iter().map(|row| self.exprs(row)).collect::<Result<_, _>>()?;
                let items = outputs
                    .iter()
                    .enumerate()
                    .map(|(at, output)| {
                        (
                            lite::Expr::column(&format!("column{}", at + 1)),
                            Some(output.alias.clone()),
                        )
                    })
                    .collect();
                let from = lite::From::Subquery {
                    query: Box::new(lite::Query::new(lite::Body::Values(rows))),
                    alias: "rows".to_owned(),
                };
                lite::Body::Select(Box::new(lite::Select {
                    items,
                    from: Some(from),
                    ..lite::Select::default()
                }))
            }
            Body::Values(rows) => lite::Body::Values(
                rows.iter().map(|row| self.exprs(row)).collect::<Result<_, _>>()?,
            ),
            Body::SetOperation {
                op: op @ (SetOp::Except | SetOp::Intersect),
                all: true,
                left,
                right,
            } => self.counted_set(*op, left, right, outputs)?,
            Body::SetOperation { op: SetOp::Union, all: false, left, right }
                if outputs.iter().any(|output| self.collation(output.data_type).is_some()) =>
            {
                self.first_of_union((left, right), outputs)?
            }
            Body::SetOperation { op, all, left, right } => {
                let op = match (op, all) {
                    (SetOp::Union, true) => "UNION ALL",
                    (SetOp::Union, false) => "UNION",
                    (SetOp::Except, _) => "EXCEPT",
                    (SetOp::Intersect, _) => "INTERSECT",
                };
                self.compound(op, (left, right), outputs, named)?
            }
        })
    }

    pub(super) fn set_branch(
        &mut self,
        query: &Query,
        outputs: &[Output],
        compares: bool,
        named: bool,
    ) -> Result<lite::Query, Error> {
        let needs =
            compares && outputs.iter().any(|output| self.collation(output.data_type).is_some());
        if !needs && !named {
            return self.query(query, false);
        }
        let inner = self.query(query, true)?;
        let items = query
            .outputs
            .iter()
            .zip(outputs)
            .map(|(own, output)| {
                (
                    collated(self.types, lite::Expr::column(&own.alias), own.data_type),
                    Some(output.alias.clone()),
                )
            })
            .collect();
        let from = lite::From::Subquery { query: Box::new(inner), alias: "branch".to_owned() };
        Ok(lite::Query::select(lite::Select { items, from: Some(from), ..lite::Select::default() }))
    }

    pub(super) fn select(
        &mut self,
        select: &Select,
        outputs: &[Output],
        named: bool,
    ) -> Result<lite::Select, Error> {
        let mut items = Vec::new();
        for (expr, output) in select.items.iter().zip(outputs) {
            let lowered = self.expr(expr)?;
            // A text is compared as one further out, too.
            let compared = select.distinct == Distinct::Rows
                || (self.collation(expr.data_type).is_none() && lowered.has_collation());
            let lowered =
                if compared { collated(self.types, lowered, expr.data_type) } else { lowered };
            let same = matches!(&lowered, lite::Expr::Column { name, .. } if *name == output.alias);
            items.push((lowered, (named && !same).then(|| output.alias.clone())));
        }
        let mut group_by = Vec::new();
        for expr in &select.group_by {
            let lowered = collated(self.types, self.expr(expr)?, expr.data_type);
            // A bare number would be taken for an output column.
            group_by.push(match lowered {
                lite::Expr::Integer(_) => lite::Expr::Prefix("+", Box::new(lowered)),
                other => other,
            });
        }
        Ok(lite::Select {
            distinct: select.distinct == Distinct::Rows,
            items,
            from: select.from.as_ref().map(|from| self.from(from)).transpose()?,
            filter: self.filter(select)?,
            group_by,
            having: select.having.as_ref().map(|having| self.expr(having)).transpose()?,
        })
    }

    pub(super) fn from(&mut self, from: &From) -> Result<lite::From, Error> {
        Ok(match from {
            From::Table { id, .. } | From::Cte { id, .. } | From::Subquery { id, .. }
                if self.relations[*id].is_marked =>
            {
                self.marked(from, *id)?
            }
            From::Table { name, id } | From::Cte { name, id } => {
                lite::From::Table { name: name.clone(), alias: self.alias(*id) }
            }
            From::Subquery { query, id } => lite::From::Subquery {
                query: Box::new(self.query(query, true)?),
                alias: self.alias(*id),
            },
            From::Feed { feed, id } => {
                let rows = self.argument(Argument::Rows(*feed));
                lite::From::Subquery {
                    query: Box::new(super::expr::json_rows(rows)),
                    alias: self.alias(*id),
                }
            }
            From::Lateral { query, id } => self.lateral(query, *id)?,
            From::Each { array, id } => {
                let is_array = crate::pgdata::type_by_oid(array.data_type.oid)
                    .is_some_and(|known| known.is_array);
                let rows = self.expr(array)?;
                lite::From::Function {
                    name: "json_each",
                    arguments: vec![if is_array { flat(rows) } else { rows }],
                    alias: Some(self.alias(*id)),
                }
            }
            From::Session { relation, id } => lite::From::Subquery {
                query: Box::new(self.session_relation(relation)),
                alias: self.alias(*id),
            },
            From::Series { arguments, id } => lite::From::Subquery {
                query: Box::new(self.series(arguments)?),
                alias: self.alias(*id),
            },
            From::Join { kind, left, right, on } => lite::From::Join {
                kind: *kind,
                left: Box::new(self.from(left)?),
                right: Box::new(self.from(right)?),
                on: on.as_ref().map(|on| self.expr(on)).transpose()?,
            },
        })
    }

    /// WHERE; one that no row fulfils if no group can fulfil HAVING.
    fn filter(&mut self, select: &Select) -> Result<Option<lite::Expr>, Error> {
        let mut both = select.filter.iter().chain(&select.having);
        if select.from.is_some() && both.any(Expr::is_never_true) {
            return Ok(Some(lite::Expr::Integer(0)));
        }
        select.filter.as_ref().map(|filter| self.condition(filter)).transpose()
    }

    /// A relation with a column that is NULL only where an outer join lacks its row.
    fn marked(&mut self, from: &From, id: RelationId) -> Result<lite::From, Error> {
        let alias = "marked".to_owned();
        let inner = match from {
            From::Table { name, .. } | From::Cte { name, .. } => {
                lite::From::Table { name: name.clone(), alias }
            }
            From::Subquery { query, .. } => {
                lite::From::Subquery { query: Box::new(self.query(query, true)?), alias }
            }
            _ => return Err(Error::internal("such a relation is not marked")),
        };
        let one = (lite::Expr::Integer(1), Some(PRESENT.to_owned()));
        let select = lite::Select {
            items: vec![(lite::Expr::Star, None), one],
            from: Some(inner),
            ..lite::Select::default()
        };
        let query = Box::new(lite::Query::select(select));
        Ok(lite::From::Subquery { query, alias: self.alias(id) })
    }

    /// A result in which the values of `reg*` types have their objects' names beside the number, for
    /// clients that are sent texts.
    pub(crate) fn with_object_names(
        &mut self,
        query: lite::Query,
        outputs: &[Output],
    ) -> lite::Query {
        let path = self.argument(Argument::SearchPath);
        let items = outputs.iter().map(|output| {
            let column = lite::Expr::column(&output.alias);
            let item = match object_kind(output.data_type) {
                Some(function) => lite::Expr::call(function, vec![path.clone(), column]),
                None => column,
            };
            (item, None)
        });
        lite::Query::select(lite::Select {
            items: items.collect(),
            from: Some(lite::From::Subquery { query: Box::new(query), alias: "result".to_owned() }),
            ..lite::Select::default()
        })
    }

    /// A relation that comes as an argument: a JSON array of rows, each an array.
    fn session_relation(&mut self, relation: &'static SystemRelation) -> lite::Query {
        let rows = self.argument(Argument::Relation(relation.name));
        let items = relation.columns.iter().enumerate().map(|(place, column)| {
            let path = lite::Expr::text(&format!("$[{place}]"));
            let field = lite::Expr::call("json_extract", vec![lite::Expr::column("value"), path]);
            (field, Some(column.name.to_owned()))
        });
        lite::Query::select(lite::Select {
            items: items.collect(),
            from: Some(lite::From::Function {
                name: "json_each",
                arguments: vec![rows],
                alias: None,
            }),
            ..lite::Select::default()
        })
    }
}

/// Whether it is VALUES with clauses that SQLite takes behind a SELECT only.
fn is_ordered_list(query: &Query) -> bool {
    matches!(query.body, Body::Values(_))
        && (!query.order_by.is_empty() || query.limit.is_some() || query.offset.is_some())
}

/// For types whose values are shown by name, the function that adds it.
pub(crate) fn object_kind(data_type: PgType) -> Option<&'static str> {
    Some(match data_type.oid {
        24 => "_eider_pg_regproc_named",
        2205 => "_eider_pg_regclass_named",
        2206 => "_eider_pg_regtype_named",
        4089 => "_eider_pg_regnamespace_named",
        4096 => "_eider_pg_regrole_named",
        _ => return None,
    })
}

/// Whether a query gives at most one row whatever the data: an aggregate without groups, or no FROM.
fn is_single_row(query: &Query) -> bool {
    match &query.body {
        Body::Select(select) => {
            let aggregate =
                select.items.iter().any(Expr::has_aggregate) && select.group_by.is_empty();
            aggregate || select.from.is_none()
        }
        Body::Values(rows) => rows.len() == 1,
        Body::SetOperation { .. } => false,
    }
}
