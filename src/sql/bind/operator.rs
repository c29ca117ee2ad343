//! Operators.

use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{Expr, ExprKind};
use crate::sql::types::casts::Context;
use crate::sql::types::operators::{self, Operator};
use crate::sql::types::resolve::{self, Choice};
use crate::sql::types::{Lowering, category, is_text, is_unordered, type_label};

impl Binder<'_> {
    pub(super) fn binary_operator(
        &mut self,
        op: &str,
        left: Expr,
        right: Expr,
        position: u32,
    ) -> Result<Expr, Error> {
        let op = if op == "!=" { "<>" } else { op };
        if op == "||" {
            return self.concatenation(left, right, position);
        }
        if (left.is_null_constant() || right.is_null_constant())
            && left.is_unknown()
            && right.is_unknown()
        {
            // Both unknown: text, as for any two of them.
            let left = self.resolve_unknown(left)?;
            return self.binary_operator(op, left, right, position);
        }
        let operator = self.find_operator(op, &left, &right, position)?;
        let left_type = PgType::new(operator.left.unwrap_or(operator.right));
        let left = self.operand(left, left_type)?;
        let right = self.operand(right, PgType::new(operator.right))?;
        Ok(Expr::call(operator.lowering, vec![left, right], PgType::new(operator.result), position))
    }

    fn operand(&mut self, expr: Expr, target: PgType) -> Result<Expr, Error> {
        let position = expr.position;
        self.coerce(expr, target, Context::Implicit)?.ok_or_else(|| {
            at(Error::internal("an operator was chosen that does not fit"), position)
        })
    }

    fn find_operator(
        &self,
        op: &str,
        left: &Expr,
        right: &Expr,
        position: u32,
    ) -> Result<&'static Operator, Error> {
        let found = operators::named(op, false);
        let candidates: Vec<Vec<Oid>> =
            found.iter().map(|operator| vec![operator.left.unwrap_or(0), operator.right]).collect();
        match resolve::choose_operator(&candidates, &[left.data_type.oid, right.data_type.oid]) {
            Choice::One(place) => Ok(found[place]),
            _ if compares_unordered(op, left, right) => Err(at(
                Error::refused(format!(
                    "comparing values of type {} with {op} is not supported",
                    type_label(if left.is_unknown() { right } else { left }.data_type.oid)
                )),
                position,
            )),
            choice => Err(no_operator(
                choice,
                &format!(
                    "{} {op} {}",
                    type_label(left.data_type.oid),
                    type_label(right.data_type.oid)
                ),
                position,
            )),
        }
    }

    /// `||` joins anything to a string.
    fn concatenation(&mut self, left: Expr, right: Expr, position: u32) -> Result<Expr, Error> {
        let textual = |expr: &Expr| expr.is_unknown() || is_text(expr.data_type.oid);
        let bytea = |expr: &Expr| expr.data_type.oid == PgType::BYTEA.oid;
        let label =
            format!("{} || {}", type_label(left.data_type.oid), type_label(right.data_type.oid));
        if (bytea(&left) && (bytea(&right) || right.is_unknown()))
            || (bytea(&right) && left.is_unknown())
        {
            let left = self.operand(left, PgType::BYTEA)?;
            let right = self.operand(right, PgType::BYTEA)?;
            return Ok(Expr::call(
                Lowering::Call("pg_bytea_concat"),
                vec![left, right],
                PgType::BYTEA,
                position,
            ));
        }
        let array = |expr: &Expr| category(expr.data_type.oid) == b'A';
        if !(textual(&left) || textual(&right)) || array(&left) || array(&right) {
            return Err(no_operator(Choice::None, &label, position));
        }
        let mut side = |expr: Expr| -> Result<Expr, Error> {
            if expr.is_unknown() {
                return self.operand(expr, PgType::TEXT);
            }
            let position = expr.position;
            self.coerce(expr, PgType::TEXT, Context::Assignment)?
                .ok_or_else(|| no_operator(Choice::None, &label, position))
        };
        let operands = vec![side(left)?, side(right)?];
        Ok(Expr::call(Lowering::Infix("||"), operands, PgType::TEXT, position))
    }

    pub(super) fn prefix_operator(
        &mut self,
        op: &str,
        operand: Expr,
        position: u32,
    ) -> Result<Expr, Error> {
        if let Some(folded) = signed_constant(op, &operand, position) {
            return Ok(folded);
        }
        let found = operators::named(op, true);
        let candidates: Vec<Vec<Oid>> = found.iter().map(|operator| vec![operator.right]).collect();
        let operator = match resolve::choose(&candidates, &[operand.data_type.oid]) {
            Choice::One(place) => found[place],
            choice => {
                return Err(no_operator(
                    choice,
                    &format!("{op} {}", type_label(operand.data_type.oid)),
                    position,
                ));
            }
        };
        let operand = self.operand(operand, PgType::new(operator.right))?;
        Ok(Expr::call(operator.lowering, vec![operand], PgType::new(operator.result), position))
    }
}

/// A number with its sign is a constant.
fn signed_constant(op: &str, operand: &Expr, position: u32) -> Option<Expr> {
    let ExprKind::Constant(value) = &operand.kind else { return None };
    let value = match (op, value) {
        ("+", Value::Integer(_) | Value::Real(_)) => value.clone(),
        ("-", Value::Integer(number)) => Value::Integer(number.checked_neg()?),
        ("-", Value::Real(number)) => Value::Real(-number),
        ("-", Value::Text(text)) if operand.data_type.oid == PgType::NUMERIC.oid => {
            match text.strip_prefix('-') {
                Some(positive) => Value::Text(positive.to_owned()),
                None if text.bytes().all(|byte| matches!(byte, b'0' | b'.')) => value.clone(),
                None => Value::Text(format!("-{text}")),
            }
        }
        _ => return None,
    };
    // -2147483648 is an integer, although 2147483648 is not.
    let data_type = match &value {
        Value::Integer(number)
            if operand.data_type.oid == PgType::INT8.oid && i32::try_from(*number).is_err() =>
        {
            PgType::INT8
        }
        _ => operand.data_type,
    };
    Some(Expr::constant(value, data_type, position))
}

/// Whether this is a comparison that PostgreSQL has, of values that don't compare by what is stored.
fn compares_unordered(op: &str, left: &Expr, right: &Expr) -> bool {
    let known = if left.is_unknown() { right } else { left }.data_type.oid;
    matches!(op, "=" | "<>" | "<" | "<=" | ">" | ">=")
        && [left, right].iter().all(|side| side.is_unknown() || side.data_type.oid == known)
        && is_unordered(known)
        && known != PgType::JSON.oid
}

fn no_operator(choice: Choice, label: &str, position: u32) -> Error {
    let error = if choice == Choice::Ambiguous {
        Error::user(SqlState::AMBIGUOUS_FUNCTION, format!("operator is not unique: {label}"))
            .with_hint("Could not choose a best candidate operator. You might need to add explicit type casts.")
    } else {
        Error::user(SqlState::UNDEFINED_FUNCTION, format!("operator does not exist: {label}")).with_hint(
            "No operator matches the given name and argument types. You might need to add explicit type casts.",
        )
    };
    at(error, position)
}
