//! INSERT, UPDATE, DELETE.

use crate::model::error::Error;
use crate::model::statement::UPDATE_ONCE;
use crate::sql::bound::{Delete, Expr, ExprKind, Insert, InsertSource, RelationId, Update};
use crate::sql::lite;
use crate::sql::lower::Lower;

impl Lower<'_> {
    pub(crate) fn insert(&mut self, insert: &Insert) -> Result<lite::Insert, Error> {
        let with = self.with(&insert.ctes, insert.recursive)?;
        let source = match &insert.source {
            InsertSource::DefaultValues => None,
            InsertSource::Rows(rows) => {
                let rows = rows.iter().map(|row| self.exprs(row)).collect::<Result<_, _>>()?;
                Some(lite::Query::new(lite::Body::Values(rows)))
            }
            InsertSource::Query { query, id, values } => {
                let alias = self.alias(*id);
                let query = Box::new(self.query(query, true)?);
                let items = values
                    .iter()
                    .map(|value| Ok((self.expr(value)?, None)))
                    .collect::<Result<_, Error>>()?;
                Some(lite::Query::select(lite::Select {
                    items,
                    from: Some(lite::From::Subquery { query, alias }),
                    ..lite::Select::default()
                }))
            }
        };
        let on_conflict = match &insert.on_conflict {
            None => None,
            Some(clause) => Some(lite::OnConflict {
                keys: self.bare_exprs(&clause.keys, insert.id)?,
                filter: self.bare_exprs(clause.filter.as_slice(), insert.id)?.pop(),
                update: match &clause.update {
                    None => None,
                    Some((assignments, filter)) => {
                        let filter = filter.as_ref().map(|filter| self.expr(filter)).transpose()?;
                        let alias = &self.relations[insert.id].name;
                        let filter = if clause.checks_twice {
                            Some(once(&insert.table, alias, filter))
                        } else {
                            filter
                        };
                        Some((self.assignments(assignments)?, filter))
                    }
                },
            }),
        };
        Ok(lite::Insert {
            with,
            table: insert.table.clone(),
            alias: Some(self.alias(insert.id)),
            columns: insert.columns.clone(),
            source,
            on_conflict,
            returning: self.returning(&insert.returning, insert.id)?,
        })
    }

    /// Expressions over a table's own columns, as an index has them.
    fn bare_exprs(&mut self, exprs: &[Expr], id: RelationId) -> Result<Vec<lite::Expr>, Error> {
        self.bare_columns(id);
        let lowered = self.exprs(exprs);
        self.bare.pop();
        lowered
    }

    fn assignments(
        &mut self,
        assignments: &[(String, Expr)],
    ) -> Result<Vec<(String, lite::Expr)>, Error> {
        assignments.iter().map(|(column, value)| Ok((column.clone(), self.expr(value)?))).collect()
    }

    /// RETURNING sees the changed table only, by its columns' bare names.
    fn returning(&mut self, exprs: &[Expr], target: RelationId) -> Result<Vec<lite::Expr>, Error> {
        if exprs.iter().any(|expr| uses_other(expr, target)) {
            return Err(Error::refused("RETURNING of another table's columns is not supported"));
        }
        self.bare_columns(target);
        let lowered = self.exprs(exprs);
        self.bare.pop();
        lowered
    }

    pub(crate) fn update(&mut self, update: &Update) -> Result<lite::Update, Error> {
        Ok(lite::Update {
            with: self.with(&update.ctes, update.recursive)?,
            table: update.table.clone(),
            alias: Some(self.alias(update.id)),
            assignments: self.assignments(&update.assignments)?,
            from: update.from.as_ref().map(|from| self.from(from)).transpose()?,
            filter: update.filter.as_ref().map(|filter| self.condition(filter)).transpose()?,
            returning: self.returning(&update.returning, update.id)?,
        })
    }

    /// DELETE ... USING: the rows are found by a query over all the relations.
    pub(crate) fn delete(&mut self, delete: &Delete) -> Result<lite::Delete, Error> {
        let with = self.with(&delete.ctes, delete.recursive)?;
        let alias = self.alias(delete.id);
        let filter = delete.filter.as_ref().map(|filter| self.condition(filter)).transpose()?;
        let (alias, filter) = match &delete.using {
            None => (alias, filter),
            Some(using) => {
                let row =
                    lite::Expr::Column { table: Some(alias.clone()), name: "rowid".to_owned() };
                let from = lite::From::Join {
                    kind: crate::sql::ast::JoinKind::Inner,
                    left: Box::new(lite::From::Table { name: delete.table.clone(), alias }),
                    right: Box::new(self.from(using)?),
                    on: None,
                };
                let rows = lite::Select {
                    items: vec![(row, None)],
                    from: Some(from),
                    filter,
                    ..lite::Select::default()
                };
                let found = lite::Expr::InQuery {
                    operand: Box::new(lite::Expr::column("rowid")),
                    query: Box::new(lite::Query::select(rows)),
                    negated: false,
                };
                (delete.table.clone(), Some(found))
            }
        };
        Ok(lite::Delete {
            with,
            table: delete.table.clone(),
            alias: Some(alias),
            filter,
            returning: self.returning(&delete.returning, delete.id)?,
        })
    }
}

/// DO UPDATE's condition, which fails for a row that the statement has changed.
fn once(table: &str, alias: &str, filter: Option<lite::Expr>) -> lite::Expr {
    let row = lite::Expr::Column { table: Some(alias.to_owned()), name: "_rowid_".to_owned() };
    let check = lite::Expr::call(UPDATE_ONCE, vec![lite::Expr::text(table), row]);
    match filter {
        // AND doesn't promise an order.
        Some(filter) => {
            lite::Expr::Case { operand: None, branches: vec![(filter, check)], otherwise: None }
        }
        None => check,
    }
}

/// Whether a column of a relation other than the target is used, outside subqueries.
fn uses_other(expr: &Expr, target: RelationId) -> bool {
    match &expr.kind {
        ExprKind::Column(column) => column.relation != target,
        _ => expr.children().into_iter().any(|child| uses_other(child, target)),
    }
}
