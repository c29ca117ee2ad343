//! What is known of an expression before a row is: PostgreSQL's planner leaves out what can't matter beside a
//! constant, with the errors that it might give.

use std::cmp::Ordering;

use crate::datum;
use crate::model::error::Error;
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::sql::bound::{Expr, ExprKind};
use crate::sql::lite;
use crate::sql::lower::Lower;
use crate::sql::lower::expr::constant;
use crate::sql::types::Lowering;

/// How deep is looked: a long chain is looked at in pieces, so that its length costs no more than once.
const DEPTH_MAX: u32 = 64;

/// Types whose operators go by the order of [`datum::compare`].
const ORDERED: [Oid; 9] = [16, 20, 21, 23, 25, 1082, 1114, 1184, 1700];

/// What an expression may be. For one that isn't boolean, `TRUE | FALSE` is any value.
type Outcomes = u8;
const TRUE: Outcomes = 1;
const FALSE: Outcomes = 2;
const NULL: Outcomes = 4;
const ANY: Outcomes = TRUE | FALSE | NULL;

impl Expr {
    /// What it is in any case, if that is NULL, false or true.
    pub(crate) fn foregone(&self) -> Option<Value> {
        match outcomes(self, DEPTH_MAX) {
            NULL => Some(Value::Null),
            TRUE if self.data_type == PgType::BOOL => Some(Value::Integer(1)),
            FALSE if self.data_type == PgType::BOOL => Some(Value::Integer(0)),
            _ => None,
        }
    }

    /// Whether it is a condition that no row fulfils.
    pub(crate) fn is_never_true(&self) -> bool {
        outcomes(self, DEPTH_MAX) & TRUE == 0
    }

    /// Whether the query's rows are the same ones without it.
    pub(crate) fn can_be_left_out(&self) -> bool {
        let makes_rows = matches!(self.kind, ExprKind::Aggregate(_) | ExprKind::Element { .. });
        !makes_rows && self.children().into_iter().all(Self::can_be_left_out)
    }
}

impl Lower<'_> {
    /// What an expression is whatever its parts are, which aren't computed. An aggregate stays in the
    /// text, as it decides what the query's rows are.
    pub(super) fn foregone(&mut self, expr: &Expr, value: &Value) -> Result<lite::Expr, Error> {
        if expr.can_be_left_out() {
            return Ok(constant(value));
        }
        let branches = vec![(lite::Expr::Integer(0), self.computed(expr)?)];
        let otherwise = Some(Box::new(constant(value)));
        Ok(lite::Expr::Case { operand: None, branches, otherwise })
    }
}

fn outcomes(expr: &Expr, depth: u32) -> Outcomes {
    let Some(depth) = depth.checked_sub(1) else { return ANY };
    let of = |part: &Expr| outcomes(part, depth);
    let null_if = |is_null: bool| if is_null { NULL } else { ANY };
    match &expr.kind {
        ExprKind::Constant(Value::Null) => NULL,
        ExprKind::Constant(Value::Integer(value)) if expr.data_type == PgType::BOOL => {
            truth(*value != 0)
        }
        ExprKind::Constant(_) => TRUE | FALSE,
        ExprKind::Modifier { operand, .. } | ExprKind::InList { operand, .. } => {
            null_if(of(operand) == NULL)
        }
        ExprKind::Coalesce(arguments) | ExprKind::Extreme { arguments, .. } => {
            null_if(arguments.iter().all(|argument| of(argument) == NULL))
        }
        ExprKind::Call { arguments, strict: true, lowering, .. } => {
            match (compared(lowering, arguments), arguments.iter().any(|one| of(one) == NULL)) {
                (Some(holds), _) => truth(holds),
                (None, any_null) => null_if(any_null),
            }
        }
        ExprKind::Not(operand) => {
            let operand = of(operand);
            let swapped = |from, to| if operand & from == 0 { 0 } else { to };
            swapped(TRUE, FALSE) | swapped(FALSE, TRUE) | (operand & NULL)
        }
        ExprKind::And(left, right) => either(of(left), of(right), FALSE),
        ExprKind::Or(left, right) => either(of(left), of(right), TRUE),
        ExprKind::IsNull { operand, negated } => match of(operand) {
            NULL => truth(!negated),
            known if known & NULL == 0 && matches!(operand.kind, ExprKind::Constant(_)) => {
                truth(*negated)
            }
            _ => TRUE | FALSE,
        },
        ExprKind::IsTruth { operand, value, negated } => match of(operand) {
            single @ (TRUE | FALSE | NULL) => truth((single == truth(*value)) != *negated),
            _ => TRUE | FALSE,
        },
        ExprKind::Case { branches, otherwise } => {
            for (condition, result) in branches {
                match of(condition) {
                    TRUE => return of(result),
                    open if open & TRUE != 0 => return ANY,
                    _ => {}
                }
            }
            otherwise.as_deref().map_or(NULL, of)
        }
        ExprKind::Matched { operand, otherwise, .. } if of(operand) == NULL => {
            otherwise.as_deref().map_or(NULL, of)
        }
        ExprKind::Matched { operand, pairs, otherwise } => {
            let rest = || otherwise.as_deref().map_or(NULL, of);
            matched(operand, pairs, rest, expr.data_type)
        }
        ExprKind::Like { operand, pattern, .. } => {
            null_if(of(operand) == NULL || of(pattern) == NULL)
        }
        _ => ANY,
    }
}

/// What stands beside a constant among constants.
fn matched(
    operand: &Expr,
    pairs: &[(Value, Value)],
    rest: impl FnOnce() -> Outcomes,
    result: PgType,
) -> Outcomes {
    let ExprKind::Constant(value) = &operand.kind else { return ANY };
    if !ORDERED.contains(&operand.data_type.oid) {
        return ANY;
    }
    let is_it = |(one, _): &&(Value, Value)| {
        datum::compare::compare(operand.data_type, one, value).is_ok_and(Ordering::is_eq)
    };
    match pairs.iter().find(is_it) {
        Some((_, Value::Null)) => NULL,
        Some((_, Value::Integer(found))) if result == PgType::BOOL => truth(*found != 0),
        Some(_) => TRUE | FALSE,
        None => rest(),
    }
}

/// What a comparison of two constants gives.
fn compared(lowering: &Lowering, arguments: &[Expr]) -> Option<bool> {
    let (Lowering::Infix(op) | Lowering::Compare(op)) = lowering else { return None };
    let [left, right] = arguments else { return None };
    let (ExprKind::Constant(one), ExprKind::Constant(other)) = (&left.kind, &right.kind) else {
        return None;
    };
    let known = ORDERED.contains(&left.data_type.oid);
    if !known || left.data_type.oid != right.data_type.oid || [one, other].contains(&&Value::Null) {
        return None;
    }
    let holds: fn(Ordering) -> bool = match *op {
        "=" => Ordering::is_eq,
        "<>" => Ordering::is_ne,
        "<" => Ordering::is_lt,
        "<=" => Ordering::is_le,
        ">" => Ordering::is_gt,
        ">=" => Ordering::is_ge,
        _ => return None,
    };
    datum::compare::compare(left.data_type, one, other).ok().map(holds)
}

fn truth(value: bool) -> Outcomes {
    if value { TRUE } else { FALSE }
}

/// What a connective gives of which one side can decide: AND by `FALSE`, OR by `TRUE`.
fn either(left: Outcomes, right: Outcomes, deciding: Outcomes) -> Outcomes {
    if left == deciding || right == deciding {
        return deciding;
    }
    let other = TRUE | FALSE;
    let other = other & !deciding;
    let mut all = (left | right) & (deciding | NULL);
    if left & right & other != 0 {
        all |= other;
    }
    all
}
