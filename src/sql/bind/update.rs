//! UPDATE.

use std::collections::HashSet;

use crate::model::catalog::{Column, Identity, Table};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{self, Assignment};
use crate::sql::bind::insert::{column_place, part_default, whole_column};
use crate::sql::bind::trigger::Event;
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{Expr, ExprKind, From, Output, Update};

impl Binder<'_> {
    pub(crate) fn update(&mut self, tree: &ast::Update) -> Result<(Update, Vec<Output>), Error> {
        let visible = self.ctes.len();
        if let Some(cursor) = &tree.cursor {
            return Err(at(Error::refused("WHERE CURRENT OF is not supported"), cursor.position));
        }
        let ctes = self.with(&tree.ctes, tree.recursive)?;
        let target = self.target(&tree.table, tree.alias.as_ref(), Event::Update)?;
        let names = tree.assignments.iter().flat_map(|one| &one.columns);
        target.check_writable(names.map(|target| &target.column), Event::Update)?;
        let mut scope = target.scope.clone();
        let (from, added) = self.from_list(&tree.from)?;
        scope.push(added)?;
        self.scopes.push(scope);
        let body = self.update_body(&target.table, tree);
        self.scopes.pop();
        self.ctes.truncate(visible);
        let (assignments, filter, (returning, outputs)) = body?;
        let assignments = self.before_update(target.base, &target.row, assignments)?;
        let returning = self.checked_returning(&target, returning);
        let update = Update {
            ctes,
            recursive: tree.recursive,
            table: target.base.stored.clone(),
            id: target.id,
            assignments,
            from,
            filter: target.restricted(filter),
            returning,
        };
        Ok((update, outputs))
    }

    #[expect(clippy::type_complexity, reason = "the parts of one statement, taken apart at once")]
    fn update_body(
        &mut self,
        table: &Table,
        tree: &ast::Update,
    ) -> Result<(Vec<(String, Expr)>, Option<Expr>, (Vec<Expr>, Vec<Output>)), Error> {
        let assignments = self.assignments(table, &tree.assignments)?;
        let filter =
            tree.filter.as_ref().map(|filter| self.condition(filter, "WHERE")).transpose()?;
        Ok((assignments, filter, self.returning(&tree.returning)?))
    }

    /// One column of a subquery that gives several, as a value.
    fn query_column(
        &mut self,
        query: &ast::Query,
        place: usize,
        width: usize,
    ) -> Result<Expr, Error> {
        let query = self.query(query)?;
        if query.outputs.len() != width {
            let message = "number of columns does not match number of values";
            return Err(Error::user(SqlState::SYNTAX_ERROR, message));
        }
        let output = query.outputs[place].clone();
        let id = self.add_relation("assigned");
        let column = crate::sql::bound::Column {
            relation: id,
            name: output.alias.clone(),
            label: output.name.clone(),
            not_null: output.not_null,
            table_oid: 0,
            number: 0,
        };
        let data_type = output.data_type;
        let item = Expr { kind: ExprKind::Column(column), data_type, position: 0 };
        let from = From::Subquery { query: Box::new(query), id };
        let one = super::changes::select_from(vec![item], from, None, vec![output]);
        Ok(Expr { kind: ExprKind::Subquery(Box::new(one)), data_type, position: 0 })
    }

    /// SET lists.
    pub(super) fn assignments(
        &mut self,
        table: &Table,
        trees: &[Assignment],
    ) -> Result<Vec<(String, Expr)>, Error> {
        let (mut seen, mut parts) = (HashSet::new(), HashSet::new());
        let mut bound: Vec<(String, Expr)> = Vec::new();
        for tree in trees {
            if let (true, ast::ExprKind::Subquery(query)) =
                (tree.columns.len() > 1, &tree.value.kind)
            {
                for (place, target) in tree.columns.iter().enumerate() {
                    let column = &table.columns[whole_column(table, target)?];
                    let name = &target.column;
                    if !seen.insert(&column.name) {
                        return Err(twice(&column.name, name.position));
                    }
                    if !is_writable(column) {
                        return Err(only_default(column));
                    }
                    let value = self.query_column(query, place, tree.columns.len())?;
                    let value = Expr { position: tree.value.position, ..value };
                    let value = self.assign(value, column.data_type, &column.name)?;
                    bound.push((column.stored.clone(), value));
                }
                continue;
            }
            for (target, value) in assigned(tree)? {
                let name = &target.column;
                let column = &table.columns[column_place(table, name)?];
                if !target.is_whole() {
                    if matches!(value.kind, ast::ExprKind::Default) {
                        return Err(part_default(target));
                    }
                    let value = self.expr(value)?;
                    self.field_assigned(column, target, value, (&mut bound, &seen))?;
                    parts.insert(&column.name);
                    continue;
                }
                if parts.contains(&column.name) {
                    return Err(twice(&column.name, 0));
                }
                if !seen.insert(&column.name) {
                    return Err(twice(&column.name, name.position));
                }
                let value = match &value.kind {
                    // SQLite computes it again by itself.
                    ast::ExprKind::Default if column.generated.is_some() => continue,
                    kind if !matches!(kind, ast::ExprKind::Default) && !is_writable(column) => {
                        return Err(only_default(column));
                    }
                    ast::ExprKind::Default => self.default_value(column, false)?,
                    _ => {
                        let expr = self.expr(value)?;
                        if expr.has_aggregate() {
                            return Err(at(
                                Error::user(
                                    SqlState::GROUPING_ERROR,
                                    "aggregate functions are not allowed in UPDATE",
                                ),
                                expr.position,
                            ));
                        }
                        self.assign(expr, column.data_type, &column.name)?
                    }
                };
                bound.push((column.stored.clone(), value));
            }
        }
        Ok(bound)
    }
}

impl Binder<'_> {
    /// `column.field = value`: what the column has, or is given already, with this field.
    fn field_assigned(
        &mut self,
        column: &Column,
        target: &ast::Target,
        value: Expr,
        (bound, whole): (&mut Vec<(String, Expr)>, &HashSet<&String>),
    ) -> Result<(), Error> {
        if whole.contains(&column.name) {
            return Err(twice(&column.name, 0));
        }
        if !is_writable(column) {
            return Err(only_default(column));
        }
        let known = bound.iter().position(|(stored, _)| *stored == column.stored);
        let old = match known {
            Some(at) => bound.remove(at).1,
            None => self.own_column(&column.name, target.column.position)?,
        };
        let fields = vec![(target, value)];
        let value = self.assign_fields(old, column, fields)?;
        bound.push((column.stored.clone(), value));
        Ok(())
    }

    /// A column of the table that is changed.
    fn own_column(&self, name: &str, position: u32) -> Result<Expr, Error> {
        let items = self.scopes.last().map_or(&[][..], |scope| &scope.items);
        let found = items.iter().find(|item| item.name == name);
        let found = found.ok_or_else(|| Error::internal("a changed table has its columns"))?;
        Ok(Expr { position, ..found.expr.clone() })
    }
}

fn twice(column: &str, position: u32) -> Error {
    let message = format!("multiple assignments to same column \"{column}\"");
    at(Error::user(SqlState::SYNTAX_ERROR, message), position)
}

/// Whether a statement may say the column's value.
fn is_writable(column: &Column) -> bool {
    column.generated.is_none() && column.identity != Some(Identity::Always)
}

/// 428C9.
fn only_default(column: &Column) -> Error {
    let name = &column.name;
    let message = format!("column \"{name}\" can only be updated to DEFAULT");
    let detail = if column.generated.is_some() {
        format!("Column \"{name}\" is a generated column.")
    } else {
        format!("Column \"{name}\" is an identity column defined as GENERATED ALWAYS.")
    };
    Error::user(SqlState(*b"428C9"), message).with_detail(detail)
}

/// The columns and values of `a = 1` or `(a, b) = (1, 2)`.
fn assigned(tree: &Assignment) -> Result<Vec<(&ast::Target, &ast::Expr)>, Error> {
    match (tree.columns.as_slice(), &tree.value.kind) {
        ([name], _) => Ok(vec![(name, &tree.value)]),
        (names, ast::ExprKind::Row(values)) if names.len() == values.len() => {
            Ok(names.iter().zip(values).collect())
        }
        (_, ast::ExprKind::Row(_)) => Err(at(
            Error::user(
                SqlState::SYNTAX_ERROR,
                "number of columns does not match number of values",
            ),
            tree.value.position,
        )),
        _ => Err(at(
            Error::refused(
                "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression",
            ),
            tree.value.position,
        )),
    }
}
