//! SELECT.

use crate::model::error::{Error, SqlState};
use crate::sql::ast::{self, Distinct, Select, SelectItem};
use crate::sql::bind::behind_groups::{SetPlace, no_distinct_on};
use crate::sql::bind::query::{output_of, output_place, plain_query, unique_aliases};
use crate::sql::bind::{Binder, Settable, at};
use crate::sql::bound::{
    self, Body, Expr, ExprKind, OrderItem, OrderKey, Output, Query, RelationId,
};
use crate::sql::types::Lowering;

impl Binder<'_> {
    /// Allows `set_config` in the select list of the query that is bound next.
    pub(crate) fn allow_settings(&mut self) {
        self.settable = Settable::Next;
    }

    /// Binds a SELECT with its ORDER BY.
    pub(super) fn select(
        &mut self,
        tree: &Select,
        order_by: &[ast::OrderItem],
    ) -> Result<Query, Error> {
        let first = self.relations.len();
        let outer_calls = self.set_calls.take();
        let settable = std::mem::take(&mut self.settable);
        let (from, scope) = self.from_list(&tree.from)?;
        let relations: Vec<RelationId> = (first..self.relations.len()).collect();
        self.scopes.push(scope);
        self.windows.push(tree.windows.clone());
        let bound = self.select_body(tree, order_by, (from, settable), relations);
        self.settable = settable;
        self.windows.pop();
        self.set_calls = outer_calls;
        self.scopes.pop();
        bound
    }

    fn select_body(
        &mut self,
        tree: &Select,
        order_by: &[ast::OrderItem],
        (from, settable): (Option<bound::From>, Settable),
        relations: Vec<RelationId>,
    ) -> Result<Query, Error> {
        let filter =
            tree.filter.as_ref().map(|filter| self.condition(filter, "WHERE")).transpose()?;
        if let Some(filter) = &filter {
            no_aggregate(filter, "WHERE")?;
        }
        self.set_calls = Some(Vec::new());
        self.settable = if settable == Settable::Next { Settable::Here } else { Settable::Nowhere };
        let (mut items, names) = self.select_list(&tree.items)?;
        self.settable = Settable::Nowhere;
        shown_before_made(&mut items);
        let mut calls = self.set_calls.take().unwrap_or_default();
        let mut outputs: Vec<Output> =
            names.into_iter().zip(&items).map(|(name, expr)| output_of(name, expr)).collect();
        let (keys, mut sets) = super::grouping::sets(tree)?;
        let group_by = self.group_by(&keys, &outputs, &mut items)?;
        let having =
            tree.having.as_ref().map(|having| self.condition(having, "HAVING")).transpose()?;
        let mut order_by = order_by
            .iter()
            .map(|item| self.order_item(item, &outputs, &mut items))
            .collect::<Result<Vec<_>, _>>()?;
        let mut select = bound::Select {
            distinct: bound::Distinct::All,
            items,
            from,
            filter,
            group_by,
            having,
            relations,
        };
        let expanded = !calls.is_empty();
        let place = self.place_of_sets(&select, sets.is_some(), &mut calls, &order_by)?;
        if place == SetPlace::BehindGroups {
            no_distinct_on(&tree.distinct)?;
            self.behind_groups(&mut select, sets.take(), &mut calls, &mut order_by)?;
        }
        self.with_set_calls(calls, &mut select)?;
        for (output, item) in outputs.iter_mut().zip(&select.items).filter(|_| expanded) {
            *output = output_of(std::mem::take(&mut output.name), item);
        }
        let mut items = std::mem::take(&mut select.items);
        let distinct = self.distinct(&tree.distinct, &outputs, &mut items, &order_by)?;
        if distinct == bound::Distinct::Rows {
            for item in &mut items {
                *item = self.resolve_unknown(item.clone())?;
                self.check_equal(item)?;
            }
            if let Some(expr) = order_by.iter().find_map(OrderItem::expr) {
                return Err(at(
                    Error::user(
                        SqlState::INVALID_COLUMN_REFERENCE,
                        "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                    ),
                    expr.position,
                ));
            }
        }
        for (output, item) in outputs.iter_mut().zip(&items) {
            output.data_type = item.data_type;
        }
        let order_by = self.sorted_items(order_by, &items);
        let select = bound::Select { distinct, items, ..select };
        let query = Query {
            order_by,
            ..plain_query(Body::Select(Box::new(select)), unique_aliases(outputs))
        };
        self.with_sets(query, sets)
    }

    /// DISTINCT, or DISTINCT ON with its keys; ORDER BY has to begin with those.
    fn distinct(
        &mut self,
        tree: &Distinct,
        outputs: &[Output],
        items: &mut [Expr],
        order_by: &[OrderItem],
    ) -> Result<bound::Distinct, Error> {
        let trees = match tree {
            Distinct::All => return Ok(bound::Distinct::All),
            Distinct::Rows => return Ok(bound::Distinct::Rows),
            Distinct::On(trees) => trees,
        };
        let mut keys = Vec::new();
        for tree in trees {
            let place = output_place(outputs, tree).map_err(|error| {
                Error::user(error.state(), error.message().replace("ORDER BY", "DISTINCT ON"))
                    .with_position(tree.position.max(1))
            })?;
            let key = match place {
                Some(place) => {
                    items[place] = self.resolve_unknown(items[place].clone())?;
                    items[place].clone()
                }
                None => {
                    let expr = self.expr(tree)?;
                    self.resolve_unknown(expr)?
                }
            };
            if !keys.iter().any(|known: &Expr| known.same(&key)) {
                keys.push(Expr { position: tree.position, ..key });
            }
        }
        let sorted = |item: &OrderItem| match &item.key {
            OrderKey::Expr(expr) => expr.clone(),
            OrderKey::Output(place) => items[*place].clone(),
        };
        let is_key = |item: &&OrderItem| keys.iter().any(|key| key.same(&sorted(item)));
        let leading: Vec<Expr> = order_by.iter().take_while(is_key).map(&sorted).collect();
        let others = &order_by[leading.len()..];
        let missing = keys.iter().find(|key| !leading.iter().any(|sorted| sorted.same(key)));
        if let (Some(key), false) = (missing, others.is_empty()) {
            return Err(at(
                Error::user(
                    SqlState::INVALID_COLUMN_REFERENCE,
                    "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
                ),
                key.position,
            ));
        }
        Ok(bound::Distinct::On(keys))
    }

    fn group_by(
        &mut self,
        trees: &[&ast::Expr],
        outputs: &[Output],
        items: &mut [Expr],
    ) -> Result<Vec<Expr>, Error> {
        let mut keys = Vec::new();
        for &tree in trees {
            // A name is a column of FROM first, an output column second; a number is an output column.
            let own_column = matches!(&tree.kind, ast::ExprKind::Column(_))
                .then(|| self.expr(tree))
                .and_then(Result::ok)
                .filter(|own| !matches!(own.kind, ExprKind::Row { .. }));
            let key = match own_column {
                Some(column) => column,
                None => match output_place(outputs, tree).map_err(|error| {
                    Error::user(error.state(), error.message().replace("ORDER BY", "GROUP BY"))
                        .with_position(tree.position.max(1))
                })? {
                    Some(place) => {
                        items[place] = self.resolve_unknown(items[place].clone())?;
                        items[place].clone()
                    }
                    None => {
                        let expr = self.expr(tree)?;
                        self.resolve_unknown(expr)?
                    }
                },
            };
            no_aggregate(&key, "GROUP BY")?;
            self.check_equal(&key)?;
            keys.push(key);
        }
        Ok(keys)
    }

    /// Binds a select list (or RETURNING): expressions and the names of their columns.
    pub(super) fn select_list(
        &mut self,
        trees: &[SelectItem],
    ) -> Result<(Vec<Expr>, Vec<String>), Error> {
        let mut items = Vec::new();
        let mut names = Vec::new();
        for tree in trees {
            match tree {
                SelectItem::Expr { expr, alias } => {
                    items.push(self.expr(expr)?);
                    names.push(
                        alias
                            .as_ref()
                            .map_or_else(|| column_name(expr), |alias| alias.text.clone()),
                    );
                }
                SelectItem::Expand(row) => {
                    for (name, expr) in self.expanded(row)? {
                        items.push(expr);
                        names.push(name);
                    }
                }
                SelectItem::Wildcard { relation, position } => {
                    let columns = self.wildcard(relation.as_ref(), *position)?;
                    self.note_wildcard(tree, &columns);
                    for (name, expr) in columns {
                        items.push(expr);
                        names.push(name);
                    }
                }
            }
        }
        Ok((items, names))
    }

    fn wildcard(
        &self,
        relation: Option<&ast::QualifiedName>,
        position: u32,
    ) -> Result<Vec<(String, Expr)>, Error> {
        let place = |expr: &Expr| Expr { position, ..expr.clone() };
        let Some(relation) = relation else {
            let Some(scope) = self.scopes.last().filter(|scope| !scope.relations.is_empty()) else {
                return Err(at(
                    Error::user(
                        SqlState::SYNTAX_ERROR,
                        "SELECT * with no tables specified is not valid",
                    ),
                    position,
                ));
            };
            return Ok(scope
                .items
                .iter()
                .filter(|item| item.bare)
                .map(|item| (item.name.clone(), place(&item.expr)))
                .collect());
        };
        let name = relation.last().map_or("", |name| name.text.as_str());
        for scope in self.scopes.iter().rev() {
            if scope.relations.iter().any(|known| known == name) {
                let own = scope.items.iter().filter(|item| item.relation.as_deref() == Some(name));
                return Ok(own.map(|item| (item.name.clone(), place(&item.expr))).collect());
            }
        }
        Err(at(
            Error::user(
                SqlState::UNDEFINED_TABLE,
                format!("missing FROM-clause entry for table \"{name}\""),
            ),
            position,
        ))
    }
}

/// # Errors
/// For an aggregate or a window function where there may be none.
pub(crate) fn no_aggregate(expr: &Expr, clause: &str) -> Result<(), Error> {
    if expr.has_aggregate() {
        return Err(at(
            Error::user(
                SqlState::GROUPING_ERROR,
                format!("aggregate functions are not allowed in {clause}"),
            ),
            first_aggregate(expr),
        ));
    }
    if expr.has_window() {
        return Err(at(
            Error::user(
                SqlState::WINDOWING_ERROR,
                format!("window functions are not allowed in {clause}"),
            ),
            first_window(expr),
        ));
    }
    Ok(())
}

fn first_aggregate(expr: &Expr) -> u32 {
    if matches!(expr.kind, ExprKind::Aggregate(_)) {
        return expr.position;
    }
    expr.children().into_iter().map(first_aggregate).find(|position| *position != 0).unwrap_or(0)
}

fn first_window(expr: &Expr) -> u32 {
    if matches!(&expr.kind, ExprKind::Aggregate(aggregate) if aggregate.over.is_some()) {
        return expr.position;
    }
    expr.children().into_iter().map(first_window).find(|position| *position != 0).unwrap_or(0)
}

/// The name of an output column that has no alias (`FigureColname`).
pub(crate) fn column_name(expr: &ast::Expr) -> String {
    strong_name(expr).unwrap_or_else(|| "?column?".to_owned())
}

/// Whether an expression is called by a type or a clause.
fn is_weak(expr: &ast::Expr) -> bool {
    match &expr.kind {
        ast::ExprKind::Cast { operand, .. }
        | ast::ExprKind::Collate { operand, .. }
        | ast::ExprKind::Subscript { operand, .. } => {
            strong_name(operand).is_none() || is_weak(operand)
        }
        ast::ExprKind::Case { otherwise, .. } => otherwise
            .as_deref()
            .is_none_or(|otherwise| strong_name(otherwise).is_none() || is_weak(otherwise)),
        _ => false,
    }
}

fn strong_name(expr: &ast::Expr) -> Option<String> {
    match &expr.kind {
        ast::ExprKind::Column(name) => name.last().map(|name| name.text.clone()),
        ast::ExprKind::Call(call) => call.name.last().map(|name| name.text.clone()),
        // A name that is only a type's gives way to that of the outer type.
        ast::ExprKind::Cast { operand, target } => strong_name(operand)
            .filter(|_| !is_weak(operand))
            .or_else(|| target.name.last().map(|name| name.text.clone())),
        ast::ExprKind::Collate { operand, .. } | ast::ExprKind::Subscript { operand, .. } => {
            strong_name(operand)
        }
        ast::ExprKind::Field { name, .. } => Some(name.text.clone()),
        ast::ExprKind::Case { otherwise, .. } => {
            let otherwise = otherwise.as_deref().filter(|otherwise| !is_weak(otherwise));
            Some(otherwise.and_then(strong_name).unwrap_or_else(|| "case".to_owned()))
        }
        ast::ExprKind::Exists(_) => Some("exists".to_owned()),
        ast::ExprKind::Array(_) | ast::ExprKind::ArraySubquery(_) => Some("array".to_owned()),
        ast::ExprKind::Row(_) => Some("row".to_owned()),
        ast::ExprKind::Xml { form: ast::XmlForm::Parse { .. }, .. } => Some("xmlparse".to_owned()),
        ast::ExprKind::Xml { form: ast::XmlForm::Serialize { .. }, .. } => {
            Some("xmlserialize".to_owned())
        }
        ast::ExprKind::Subquery(query) => match &query.body {
            ast::QueryBody::Select(select) => match select.items.first() {
                Some(SelectItem::Expr { alias: Some(alias), .. }) => Some(alias.text.clone()),
                Some(SelectItem::Expr { expr, alias: None }) => strong_name(expr),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// A list is computed from the left: what shows a setting before `set_config` has its turn shows it as it was.
fn shown_before_made(items: &mut [Expr]) {
    let mut made = items.len();
    for (place, item) in items.iter_mut().enumerate() {
        item.walk_mut(&mut |expr| {
            let is_made =
                matches!(expr.kind, ExprKind::Call { lowering: Lowering::SettingMade, .. });
            made = if is_made { made.min(place) } else { made };
        });
    }
    if made == items.len() {
        return;
    }
    for item in &mut items[..made] {
        item.walk_mut(&mut |expr| {
            if let ExprKind::Call { lowering: lowering @ Lowering::CurrentSetting, .. } =
                &mut expr.kind
            {
                *lowering = Lowering::SettingBefore;
            }
        });
    }
}
