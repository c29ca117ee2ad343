//! Rows: comparing them, and looking for them in subqueries; comparing with each row of a subquery.

use crate::model::error::{Error, SqlState};
use crate::sql::ast;
use crate::sql::bind::expr::boolean;
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{Column, Expr, ExprKind, Query};

/// The comparisons that rows have.
fn row_operator(op: &str, position: u32) -> Result<&'static str, Error> {
    Ok(match op {
        "=" => "=",
        "<>" | "!=" => "<>",
        "<" => "<",
        "<=" => "<=",
        ">" => ">",
        ">=" => ">=",
        other => {
            let message = format!("operator does not exist: record {other} record");
            return Err(at(Error::user(SqlState::UNDEFINED_FUNCTION, message), position));
        }
    })
}

/// 42601 for a subquery of another width.
fn check_width(query: &Query, width: usize, position: u32) -> Result<(), Error> {
    let message = match query.outputs.len() {
        found if found == width => return Ok(()),
        found if found > width => "subquery has too many columns",
        _ => "subquery has too few columns",
    };
    Err(at(Error::user(SqlState::SYNTAX_ERROR, message), position))
}

impl Binder<'_> {
    /// `(a, b) op (SELECT ...)`.
    pub(super) fn row_subquery(
        &mut self,
        op: &str,
        row: &[ast::Expr],
        query: &ast::Query,
        position: u32,
    ) -> Result<Expr, Error> {
        let op = row_operator(op, position)?;
        let (operand, query) = self.matched(row, query, position)?;
        let kind = ExprKind::RowSubquery { operand, op, query: Box::new(query) };
        Ok(boolean(kind, position))
    }

    /// `(a, b) [NOT] IN (SELECT ...)`.
    pub(super) fn row_in_query(
        &mut self,
        row: &[ast::Expr],
        query: &ast::Query,
        negated: bool,
        position: u32,
    ) -> Result<Expr, Error> {
        let (operand, query) = self.matched(row, query, position)?;
        let kind = ExprKind::RowInQuery { operand, query: Box::new(query), negated };
        Ok(boolean(kind, position))
    }

    /// A row and a subquery's columns, with the types by which they compare.
    fn matched(
        &mut self,
        row: &[ast::Expr],
        query: &ast::Query,
        position: u32,
    ) -> Result<(Vec<Expr>, Query), Error> {
        let row = row.iter().map(|item| self.expr(item)).collect::<Result<Vec<_>, _>>()?;
        let query = self.query(query)?;
        check_width(&query, row.len(), position)?;
        let mut operand = Vec::new();
        let mut targets = Vec::new();
        for (left, output) in row.into_iter().zip(&query.outputs) {
            let kind = ExprKind::Parameter(0);
            let column = Expr { kind, data_type: output.data_type, position };
            let (left, wanted) = self.compared(left, column, position)?;
            operand.push(left);
            targets.push(if wanted.data_type.oid == output.data_type.oid {
                output.data_type
            } else {
                wanted.data_type
            });
        }
        let query = self.convert_outputs(query, &targets)?;
        Ok((operand, query))
    }

    /// `a op ANY (SELECT ...)`, or ALL.
    pub(super) fn any_row(
        &mut self,
        operand: &ast::Expr,
        (op, all): (&str, bool),
        query: &ast::Query,
        position: u32,
    ) -> Result<Expr, Error> {
        let operand = self.expr(operand)?;
        let query = self.query(query)?;
        check_width(&query, 1, position)?;
        let (operand_id, id) = (self.add_relation("operand"), self.add_relation("row"));
        let column = |relation, name: &str, data_type| {
            let column = Column {
                relation,
                name: name.to_owned(),
                label: name.to_owned(),
                not_null: false,
                table_oid: 0,
                number: 0,
            };
            Expr { kind: ExprKind::Column(column), data_type, position }
        };
        let right = column(id, &query.outputs[0].alias, query.outputs[0].data_type);
        // An operand without a type gets it from the other side.
        let operand = if operand.is_unknown() {
            self.coerce_to(operand, right.data_type, "operand of ANY")?
        } else {
            operand
        };
        let left = column(operand_id, "operand", operand.data_type);
        let compared = self.binary_operator(op, left, right, position)?;
        if compared.data_type.oid != crate::model::pg_type::PgType::BOOL.oid {
            let message = "op ANY/ALL (array) requires operator to yield boolean";
            return Err(at(Error::user(SqlState::WRONG_OBJECT_TYPE, message), position));
        }
        let kind = ExprKind::AnyRow {
            operand: Box::new(operand),
            compared: Box::new(compared),
            query: Box::new(query),
            operand_id,
            id,
            all,
        };
        Ok(boolean(kind, position))
    }
}
