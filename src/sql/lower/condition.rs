//! WHERE: what is ANDed is computed in PostgreSQL's order, as one condition can keep another from failing.

use crate::model::error::Error;
use crate::sql::bound::{Expr, ExprKind};
use crate::sql::lite;
use crate::sql::lower::Lower;
use crate::sql::types::Lowering;

/// What an operator or a function call costs (`cpu_operator_cost` with a `procost` of 1).
const CALL: u64 = 2;
/// The same for each element of an array.
const ELEMENT: u64 = CALL / 2;
/// Elements of an array whose length isn't known (`estimate_array_length`).
const ELEMENTS: u64 = 10;

impl Lower<'_> {
    /// A condition whose parts stand in the order of what they cost, cheap ones first, and else as they were written
    /// (`order_qual_clauses` in PostgreSQL's `createplan.c`).
    pub(super) fn condition(&mut self, condition: &Expr) -> Result<lite::Expr, Error> {
        let parts = condition.conjuncts();
        let costs: Option<Vec<u64>> = parts.iter().map(|part| cost(part)).collect();
        let Some(costs) = costs.filter(|costs| !costs.is_sorted()) else {
            return self.expr(condition);
        };
        let mut sorted: Vec<(u64, &Expr)> = costs.into_iter().zip(parts).collect();
        sorted.sort_by_key(|(cost, _)| *cost);
        let joined = sorted.into_iter().map(|(_, part)| part.clone()).reduce(|left, right| {
            let kind = ExprKind::And(Box::new(left), Box::new(right));
            Expr { kind, data_type: condition.data_type, position: condition.position }
        });
        self.expr(joined.as_ref().unwrap_or(condition))
    }
}

/// What an expression costs for a row (`cost_qual_eval`); `None` with a query in it, which PostgreSQL may make
/// a join of.
fn cost(expr: &Expr) -> Option<u64> {
    if expr.subquery().is_some() {
        return None;
    }
    let parts = expr.children();
    let below = parts.into_iter().map(cost).sum::<Option<u64>>()?;
    // What is the same for all rows is computed before.
    if below == 0 && !expr.depends_on_rows() && !expr.is_volatile() {
        return Some(0);
    }
    let own = match &expr.kind {
        ExprKind::Call { lowering: Lowering::Same, .. } => 0,
        ExprKind::Call { .. }
        | ExprKind::Modifier { .. }
        | ExprKind::IsDistinct { .. }
        | ExprKind::Like { .. }
        | ExprKind::Extreme { .. } => CALL,
        ExprKind::Matched { pairs, .. } => CALL * pairs.len() as u64,
        ExprKind::InList { list, .. } => ELEMENT * list.len() as u64,
        ExprKind::AnyElement { .. } => ELEMENT * ELEMENTS,
        _ => 0,
    };
    Some(below + own)
}
