//! Queries: WITH, set operations, VALUES, ORDER BY, LIMIT.

use std::collections::HashSet;

use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::sql::LockWait;
use crate::sql::ast::{self, QueryBody, SetOp};
use crate::sql::bind::aggregate::nulls;
use crate::sql::bind::{Binder, VisibleCte, at};
use crate::sql::bound::{self, Body, Cte, Expr, ExprKind, OrderItem, OrderKey, Output, Query};
use crate::sql::types::casts::Context;
use crate::sql::types::resolve;

impl Binder<'_> {
    /// Binds a query; its output columns all have types.
    pub(crate) fn query(&mut self, tree: &ast::Query) -> Result<Query, Error> {
        let query = self.open_query(tree)?;
        let targets: Vec<PgType> =
            query.outputs.iter().map(|output| known_or_text(output.data_type)).collect();
        self.convert_outputs(query, &targets)
    }

    /// Binds a query whose constants may still be UNKNOWN: what stands around it decides.
    pub(super) fn open_query(&mut self, tree: &ast::Query) -> Result<Query, Error> {
        let visible = self.ctes.len();
        let ctes = self.with(&tree.ctes, tree.recursive)?;
        let query = self.query_after_with(tree, ctes);
        self.ctes.truncate(visible);
        query
    }

    fn query_after_with(&mut self, tree: &ast::Query, ctes: Vec<Cte>) -> Result<Query, Error> {
        let mut query = match &tree.body {
            QueryBody::Select(select) => self.select(select, &tree.order_by)?,
            QueryBody::Values(rows) => self.values(rows)?,
            QueryBody::Nested(inner) => self.nested_query(inner)?,
            QueryBody::SetOperation { op, all, left, right, position } => {
                self.set_operation(*op, *all, left, right, *position)?
            }
        };
        if !matches!(tree.body, QueryBody::Select(_)) {
            query.order_by = self.order_by_outputs(&query, &tree.order_by)?;
            query = self.sorted_by_labels(query);
        }
        query.recursive = tree.recursive;
        query.ctes = ctes;
        query.limit = self.row_count(tree.limit.as_ref(), "LIMIT")?;
        query.offset = self.row_count(tree.offset.as_ref(), "OFFSET")?;
        query.with_ties = tree.with_ties;
        for clause in &tree.locking {
            check_locking(&query, clause)?;
            check_locked(&tree.body, clause)?;
        }
        query.locking = locking(&tree.locking);
        Ok(query)
    }

    /// What sorts rows that aren't a SELECT's by an enum needs one around it.
    fn sorted_by_labels(&mut self, mut query: Query) -> Query {
        let labelled = |item: &OrderItem| self.types().labels(item.data_type.oid).is_some();
        if !query.order_by.iter().any(labelled) {
            return query;
        }
        let order_by = std::mem::take(&mut query.order_by);
        let outputs = query.outputs.clone();
        let id = self.add_relation("query");
        let column = |output: &Output| {
            let column = bound::Column {
                relation: id,
                name: output.alias.clone(),
                label: output.name.clone(),
                not_null: output.not_null,
                table_oid: output.table_oid,
                number: output.number,
            };
            Expr { kind: ExprKind::Column(column), data_type: output.data_type, position: 0 }
        };
        let items: Vec<Expr> = outputs.iter().map(column).collect();
        let order_by = self.sorted_items(order_by, &items);
        let from = bound::From::Subquery { query: Box::new(query), id };
        let around = super::changes::select_from(items, from, None, outputs);
        Query { order_by, ..around }
    }

    /// A query in parentheses, with what stands behind them: `SELECT * FROM (query)`.
    fn nested_query(&mut self, inner: &ast::Query) -> Result<Query, Error> {
        let name = ast::Name { text: "query".to_owned(), position: 0 };
        let from = ast::FromItem::Subquery {
            query: Box::new(inner.clone()),
            alias: Some(ast::Alias { name, columns: Vec::new() }),
            lateral: false,
            position: 0,
        };
        let all = ast::SelectItem::Wildcard { relation: None, position: 0 };
        self.select(&ast::Select::plain(vec![all], vec![from]), &[])
    }

    fn row_count(&mut self, tree: Option<&ast::Expr>, clause: &str) -> Result<Option<Expr>, Error> {
        let Some(tree) = tree else { return Ok(None) };
        let expr = self.expr(tree)?;
        let (position, from) = (expr.position, expr.data_type.oid);
        match self.coerce(expr, PgType::INT8, Context::Assignment)? {
            Some(expr) => Ok(Some(expr)),
            None => Err(at(
                Error::user(
                    SqlState::DATATYPE_MISMATCH,
                    format!(
                        "argument of {clause} must be type bigint, not type {}",
                        self.types().label(from)
                    ),
                ),
                position,
            )),
        }
    }

    /// Binds a WITH list and makes its names visible.
    pub(super) fn with(&mut self, ctes: &[ast::Cte], recursive: bool) -> Result<Vec<Cte>, Error> {
        let mut names = HashSet::new();
        let mut bound = Vec::new();
        if recursive {
            self.forbid_later(ctes);
        }
        for cte in ctes {
            if !names.insert(&cte.name.text) {
                return Err(at(
                    Error::user(
                        SqlState::DUPLICATE_ALIAS,
                        format!("WITH query name \"{}\" specified more than once", cte.name.text),
                    ),
                    cte.name.position,
                ));
            }
            if matches!(cte.body, ast::CteBody::Query(_)) {
                bound.push(self.cte(cte, recursive)?);
            } else {
                self.changing_cte(cte, &bound)?;
            }
        }
        Ok(bound)
    }

    fn cte(&mut self, cte: &ast::Cte, recursive: bool) -> Result<Cte, Error> {
        let physical = self.unique_cte_name(&cte.name.text);
        let visible = self.ctes.len();
        let ast::CteBody::Query(tree) = &cte.body else {
            return Err(Error::internal("a data change is bound as such"));
        };
        let query = if recursive {
            self.recursive_query(cte, tree, &physical)
        } else {
            self.query(tree).map(|query| (query, false))
        };
        self.ctes.truncate(visible);
        let (mut query, refers_to_itself) = query?;
        query.outputs = renamed(query.outputs, &cte.columns)?;
        let outputs = query.outputs.clone();
        self.ctes.push(VisibleCte {
            name: cte.name.text.clone(),
            physical: physical.clone(),
            outputs,
            feed: super::Feed::None,
            self_reference: super::SelfReference::Over,
        });
        Ok(Cte { name: physical, query, materialized: cte.materialized, refers_to_itself })
    }

    /// A name that hides no table.
    fn unique_cte_name(&mut self, name: &str) -> String {
        loop {
            let unique = self.unique_name(name);
            if !self.catalog.tables.contains_key(&unique) {
                return unique;
            }
        }
    }

    fn values(&mut self, rows: &[Vec<ast::Expr>]) -> Result<Query, Error> {
        let width = rows.first().map_or(0, Vec::len);
        let mut columns: Vec<Vec<Expr>> = vec![Vec::new(); width];
        for row in rows {
            if row.len() != width {
                let position = row.first().map_or(0, |expr| expr.position);
                return Err(at(
                    Error::user(SqlState::SYNTAX_ERROR, "VALUES lists must all be the same length"),
                    position,
                ));
            }
            for (column, expr) in columns.iter_mut().zip(row) {
                column.push(self.expr(expr)?);
            }
        }
        let mut outputs = Vec::new();
        let mut converted = Vec::new();
        for (number, column) in columns.into_iter().enumerate() {
            let (column, data_type) = if column.iter().all(Expr::is_unknown) {
                (column, PgType::UNKNOWN)
            } else {
                self.common(column, "VALUES")?
            };
            outputs.push(output(format!("column{}", number + 1), data_type));
            converted.push(column);
        }
        let rows = (0..rows.len())
            .map(|row| converted.iter().map(|column| column[row].clone()).collect())
            .collect();
        Ok(plain_query(Body::Values(rows), outputs))
    }

    fn set_operation(
        &mut self,
        op: SetOp,
        all: bool,
        left: &ast::Query,
        right: &ast::Query,
        position: u32,
    ) -> Result<Query, Error> {
        let label = match op {
            SetOp::Union => "UNION",
            SetOp::Except => "EXCEPT",
            SetOp::Intersect => "INTERSECT",
        };
        let (left, right) = (self.open_query(left)?, self.open_query(right)?);
        if left.outputs.len() != right.outputs.len() {
            return Err(at(
                Error::user(
                    SqlState::SYNTAX_ERROR,
                    format!("each {label} query must have the same number of columns"),
                ),
                position,
            ));
        }
        let mut targets = Vec::new();
        for (a, b) in left.outputs.iter().zip(&right.outputs) {
            let given = [a.data_type.oid, b.data_type.oid];
            let types = self.types();
            let chosen: Oid = resolve::common_type_of(types, &given).map_err(|(a, b)| {
                let message = format!(
                    "{label} types {} and {} cannot be matched",
                    types.label(a),
                    types.label(b)
                );
                at(Error::user(SqlState::DATATYPE_MISMATCH, message), position)
            })?;
            targets.push(if a.data_type == b.data_type {
                known_or_text(a.data_type)
            } else {
                PgType::new(chosen)
            });
        }
        let left = self.convert_outputs(left, &targets)?;
        let right = self.convert_outputs(right, &targets)?;
        if !all || op != SetOp::Union {
            self.check_rows_equal(&left)?;
        }
        let outputs = left
            .outputs
            .iter()
            .zip(&right.outputs)
            .map(|(a, b)| Output {
                not_null: a.not_null && b.not_null,
                table_oid: 0,
                number: 0,
                ..a.clone()
            })
            .collect();
        Ok(plain_query(
            Body::SetOperation { op, all, left: Box::new(left), right: Box::new(right) },
            outputs,
        ))
    }

    /// Refuses to look for rows that are the same where they can't be compared.
    ///
    /// # Errors
    /// 42883
    fn check_rows_equal(&self, query: &Query) -> Result<(), Error> {
        for (place, output) in query.outputs.iter().enumerate() {
            self.check_equal(&Expr {
                kind: ExprKind::Constant(Value::Null),
                data_type: output.data_type,
                position: first_position(query, place),
            })?;
        }
        Ok(())
    }

    /// ORDER BY of a set operation or VALUES: output columns only.
    fn order_by_outputs(
        &mut self,
        query: &Query,
        items: &[ast::OrderItem],
    ) -> Result<Vec<OrderItem>, Error> {
        items
            .iter()
            .map(|item| {
                let place = output_place(&query.outputs, &item.expr)?.ok_or_else(|| {
                    at(
                        Error::refused("invalid UNION/INTERSECT/EXCEPT ORDER BY clause")
                            .with_detail("Only result column names can be used, not expressions or functions."),
                        item.expr.position,
                    )
                })?;
                let output = &query.outputs[place];
                self.check_ordered(output.data_type, item.expr.position)?;
                Ok(OrderItem {
                    key: OrderKey::Output(place),
                    data_type: known_or_text(output.data_type),
                    descending: item.descending,
                    nulls_first: if output.not_null { None } else { Some(item.nulls_first.unwrap_or(item.descending)) },
                })
            })
            .collect()
    }

    /// ORDER BY of a SELECT: an output column by name or number, else an expression.
    pub(super) fn order_item(
        &mut self,
        item: &ast::OrderItem,
        outputs: &[Output],
        items: &mut [Expr],
    ) -> Result<OrderItem, Error> {
        if let Some(place) = output_place(outputs, &item.expr)? {
            items[place] = self.resolve_unknown(items[place].clone())?;
            self.check_ordered(items[place].data_type, item.expr.position)?;
            return Ok(OrderItem {
                key: OrderKey::Output(place),
                data_type: items[place].data_type,
                descending: item.descending,
                nulls_first: nulls(&items[place], item),
            });
        }
        let expr = self.expr(&item.expr)?;
        let expr = self.resolve_unknown(expr)?;
        self.check_ordered(expr.data_type, item.expr.position)?;
        let place = items.iter().position(|other| other.same(&expr));
        Ok(OrderItem {
            data_type: expr.data_type,
            descending: item.descending,
            nulls_first: nulls(&expr, item),
            key: place.map_or(OrderKey::Expr(expr), OrderKey::Output),
        })
    }

    /// Converts a query's output columns to types.
    pub(super) fn convert_outputs(
        &mut self,
        mut query: Query,
        targets: &[PgType],
    ) -> Result<Query, Error> {
        if query.outputs.iter().zip(targets).all(|(output, target)| output.data_type == *target) {
            return Ok(query);
        }
        query.body = match query.body {
            Body::Select(mut select) => {
                select.items = self.convert_row(select.items, targets)?;
                Body::Select(select)
            }
            Body::Values(rows) => Body::Values(
                rows.into_iter()
                    .map(|row| self.convert_row(row, targets))
                    .collect::<Result<_, _>>()?,
            ),
            Body::SetOperation { op, all, left, right } => Body::SetOperation {
                op,
                all,
                left: Box::new(self.convert_outputs(*left, targets)?),
                right: Box::new(self.convert_outputs(*right, targets)?),
            },
        };
        for (output, target) in query.outputs.iter_mut().zip(targets) {
            if output.data_type.oid != target.oid {
                output.table_oid = 0;
                output.number = 0;
            }
            output.data_type = *target;
        }
        Ok(query)
    }

    fn convert_row(&mut self, row: Vec<Expr>, targets: &[PgType]) -> Result<Vec<Expr>, Error> {
        row.into_iter()
            .zip(targets)
            .map(|(expr, target)| {
                let data_type = expr.data_type;
                let converted = self.coerce_to(expr, *target, "expression")?;
                Ok(if data_type.oid == target.oid {
                    Expr { data_type, ..converted }
                } else {
                    converted
                })
            })
            .collect()
    }
}

/// The strictest of several locking clauses.
fn locking(clauses: &[ast::Locking]) -> Option<LockWait> {
    // Whoever has the write slot has all locks there are: no row is left to be passed over.
    let no_wait = clauses.iter().any(|clause| clause.wait == LockWait::NoWait);
    (!clauses.is_empty()).then_some(if no_wait { LockWait::NoWait } else { LockWait::Wait })
}

/// FOR UPDATE needs rows that are rows of tables.
fn check_locking(query: &Query, clause: &ast::Locking) -> Result<(), Error> {
    let what = match &query.body {
        Body::SetOperation { .. } => Some("with UNION/INTERSECT/EXCEPT"),
        Body::Values(_) => Some("VALUES"),
        Body::Select(select) => match &select.distinct {
            bound::Distinct::Rows | bound::Distinct::On(_) => Some("with DISTINCT clause"),
            bound::Distinct::All if !select.group_by.is_empty() => Some("with GROUP BY clause"),
            bound::Distinct::All if select.having.is_some() => Some("with HAVING clause"),
            bound::Distinct::All if select.items.iter().any(Expr::has_aggregate) => {
                Some("with aggregate functions")
            }
            bound::Distinct::All if select.items.iter().any(Expr::has_window) => {
                Some("with window functions")
            }
            bound::Distinct::All => None,
        },
    };
    match what {
        Some("VALUES") => {
            Err(Error::refused(format!("{} cannot be applied to VALUES", clause.strength)))
        }
        Some(what) => Err(Error::refused(format!("{} is not allowed {what}", clause.strength))),
        None => Ok(()),
    }
}

/// The relations that FOR UPDATE OF names must be in FROM.
fn check_locked(tree: &QueryBody, clause: &ast::Locking) -> Result<(), Error> {
    let QueryBody::Select(select) = tree else { return Ok(()) };
    for table in &clause.tables {
        let [name] = table.as_slice() else {
            let message = format!("{} must specify unqualified relation names", clause.strength);
            let error = Error::user(SqlState::SYNTAX_ERROR, message);
            return Err(at(error, table[0].position));
        };
        if !select.from.iter().any(|item| names_relation(item, &name.text)) {
            let message = format!(
                "relation \"{}\" in {} clause not found in FROM clause",
                name.text, clause.strength
            );
            return Err(at(Error::user(SqlState::UNDEFINED_TABLE, message), name.position));
        }
    }
    Ok(())
}

fn names_relation(item: &ast::FromItem, name: &str) -> bool {
    match item {
        ast::FromItem::Table { name: table, alias } => match alias {
            Some(alias) => alias.name.text == name,
            None => table.last().is_some_and(|last| last.text == name),
        },
        ast::FromItem::Function(function) => {
            function.alias.as_ref().is_some_and(|alias| alias.name.text == name)
        }
        ast::FromItem::Subquery { alias, .. } => {
            alias.as_ref().is_some_and(|alias| alias.name.text == name)
        }
        ast::FromItem::Join { left, right, .. } => {
            names_relation(left, name) || names_relation(right, name)
        }
    }
}

fn known_or_text(data_type: PgType) -> PgType {
    if data_type.oid == PgType::UNKNOWN.oid { PgType::TEXT } else { data_type }
}

pub(super) fn output(name: String, data_type: PgType) -> Output {
    Output { alias: name.clone(), name, data_type, not_null: false, table_oid: 0, number: 0 }
}

/// `SELECT items`, without FROM.
pub(super) fn select_of(items: Vec<Expr>) -> Body {
    Body::Select(Box::new(bound::Select {
        distinct: bound::Distinct::All,
        items,
        from: None,
        filter: None,
        group_by: Vec::new(),
        having: None,
        relations: Vec::new(),
    }))
}

pub(super) fn plain_query(body: Body, outputs: Vec<Output>) -> Query {
    Query {
        recursive: false,
        ctes: Vec::new(),
        body,
        order_by: Vec::new(),
        limit: None,
        offset: None,
        with_ties: false,
        outputs,
        locking: None,
    }
}

/// The output column that an ORDER BY or GROUP BY item names or numbers.
pub(super) fn output_place(outputs: &[Output], expr: &ast::Expr) -> Result<Option<usize>, Error> {
    match &expr.kind {
        ast::ExprKind::Number(text) => match text.parse::<usize>() {
            Ok(number) if (1..=outputs.len()).contains(&number) => Ok(Some(number - 1)),
            Ok(number) => Err(at(
                Error::user(
                    SqlState::INVALID_COLUMN_REFERENCE,
                    format!("ORDER BY position {number} is not in select list"),
                ),
                expr.position,
            )),
            Err(_) => Err(at(
                Error::user(SqlState::SYNTAX_ERROR, "non-integer constant in ORDER BY"),
                expr.position,
            )),
        },
        ast::ExprKind::Column(name) if name.len() == 1 => {
            let mut found =
                outputs.iter().enumerate().filter(|(_, output)| output.name == name[0].text);
            match (found.next(), found.next()) {
                (Some((place, first)), Some((_, second)))
                    if first.number == 0
                        || (first.table_oid, first.number) != (second.table_oid, second.number) =>
                {
                    let _ = place;
                    Err(at(
                        Error::user(
                            SqlState::AMBIGUOUS_COLUMN,
                            format!("ORDER BY \"{}\" is ambiguous", name[0].text),
                        ),
                        expr.position,
                    ))
                }
                (Some((place, _)), _) => Ok(Some(place)),
                (None, _) => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

pub(super) fn renamed(mut outputs: Vec<Output>, names: &[ast::Name]) -> Result<Vec<Output>, Error> {
    if names.len() > outputs.len() {
        return Err(at(
            Error::user(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!(
                    "WITH query has {} columns available but {} columns specified",
                    outputs.len(),
                    names.len()
                ),
            ),
            names[0].position,
        ));
    }
    for (output, name) in outputs.iter_mut().zip(names) {
        output.name.clone_from(&name.text);
    }
    Ok(unique_aliases(outputs))
}

/// Gives output columns names for SQLite that don't differ by case only.
pub(super) fn unique_aliases(mut outputs: Vec<Output>) -> Vec<Output> {
    let mut used = HashSet::new();
    for output in &mut outputs {
        let mut number = 1;
        let mut alias = output.name.clone();
        while !used.insert(alias.to_lowercase()) {
            alias = format!("{}_{number}", output.name);
            number += 1;
        }
        output.alias = alias;
    }
    outputs
}

/// The column that an output is, for RowDescription.
pub(super) fn output_of(name: String, expr: &Expr) -> Output {
    let (table_oid, number) = match &expr.kind {
        ExprKind::Column(column) => (column.table_oid, column.number),
        _ => (0, 0),
    };
    Output {
        alias: name.clone(),
        name,
        data_type: expr.data_type,
        not_null: expr.not_null(),
        table_oid,
        number,
    }
}

/// Where the first query of set operations has an output's expression; 0 if nowhere.
fn first_position(query: &Query, place: usize) -> u32 {
    match &query.body {
        Body::Select(select) => select.items.get(place).map_or(0, |item| item.position),
        Body::Values(rows) => {
            rows.first().and_then(|row| row.get(place)).map_or(0, |item| item.position)
        }
        Body::SetOperation { left, .. } => first_position(left, place),
    }
}
