//! Operators.

use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::pgdata::{self, Function, Operator};
use crate::sql::bind::{Binder, at, sort_key};
use crate::sql::bound::{Expr, ExprKind};
use crate::sql::types::casts::Context;
use crate::sql::types::resolve::{self, Found};
use crate::sql::types::{Lowering, polymorphic};

impl Binder<'_> {
    pub(super) fn binary_operator(
        &mut self,
        op: &str,
        left: Expr,
        right: Expr,
        position: u32,
    ) -> Result<Expr, Error> {
        let op = if op == "!=" { "<>" } else { op };
        let operator =
            self.find_operator(op, Some(left.data_type.oid), right.data_type.oid, position)?;
        self.apply_operator(operator, Some(left), right, position)
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
        let operator = self.find_operator(op, None, operand.data_type.oid, position)?;
        self.apply_operator(operator, None, operand, position)
    }

    /// The operator that is meant by its name and its operands' types.
    ///
    /// # Errors
    /// 42883, 42725.
    pub(super) fn find_operator(
        &self,
        op: &str,
        left: Option<Oid>,
        right: Oid,
        position: u32,
    ) -> Result<&'static Operator, Error> {
        let ambiguous = match resolve::operator(self.types(), op, left, right) {
            Found::One(operator) => return Ok(operator),
            Found::None => false,
            Found::Ambiguous => true,
        };
        Err(at(self.no_operator(ambiguous, op, left, right), position))
    }

    /// A call of an operator that was chosen, with its operands converted to what it takes.
    fn apply_operator(
        &mut self,
        operator: &'static Operator,
        left: Option<Expr>,
        right: Expr,
        position: u32,
    ) -> Result<Expr, Error> {
        let mut operands: Vec<Expr> = left.into_iter().chain([right]).collect();
        let given: Vec<Oid> = operands.iter().map(|operand| operand.data_type.oid).collect();
        let wanted = [operator.left, operator.right];
        let wanted = &wanted[2 - operands.len()..];
        let undefined = |conflict: polymorphic::Conflict| {
            at(Error::user(SqlState::DATATYPE_MISMATCH, conflict.message()), position)
        };
        let meaning = polymorphic::meaning(self.types(), &given, wanted).map_err(undefined)?;
        for (operand, want) in operands.iter_mut().zip(wanted) {
            let want = meaning.apply(self.types(), *want).unwrap_or(*want);
            let taken = std::mem::replace(operand, Expr::constant(Value::Null, PgType::UNKNOWN, 0));
            *operand = self.passed(taken, want)?;
        }
        let result = meaning.apply(self.types(), operator.result).unwrap_or(operator.result);
        let result = PgType::new(result);
        let lowering = crate::sql::types::lowering::function(operator.function);
        // What a text is joined to has become a text by a cast, which counts.
        let is_immutable = matches!(lowering, Some(Lowering::Joined))
            || pgdata::function(operator.function).is_some_and(Function::is_immutable);
        self.uses(is_immutable);
        match lowering {
            Some(Lowering::CompareAs(op, common)) => {
                let operands = self.all_cast(operands, PgType::new(common), position)?;
                Ok(Expr::strict_call(Lowering::Compare(op), operands, result, position))
            }
            Some(Lowering::CompareLabels(op)) => {
                let types = self.types();
                let keys = operands.into_iter().map(|operand| sort_key(types, operand)).collect();
                Ok(Expr::strict_call(Lowering::Compare(op), keys, result, position))
            }
            Some(Lowering::Compare("<" | "<=" | ">" | ">="))
                if self.has_labels(operands[0].data_type.oid) =>
            {
                let message = "the order of arrays of enums is not supported";
                Err(at(Error::refused(message), position))
            }
            Some(Lowering::Joined) => {
                let operands = self.all_cast(operands, PgType::TEXT, position)?;
                Ok(Expr::strict_call(Lowering::Infix("||"), operands, result, position))
            }
            Some(lowering) if is_strict(operator) => {
                Ok(Expr::strict_call(lowering, operands, result, position))
            }
            Some(lowering) => Ok(Expr::call(lowering, operands, result, position)),
            None => {
                let left = (operands.len() == 2).then(|| given[0]);
                let label = self.operator_call(operator.name, left, given[given.len() - 1]);
                Err(at(Error::refused(format!("operator {label} is not supported")), position))
            }
        }
    }

    pub(super) fn all_cast(
        &mut self,
        operands: Vec<Expr>,
        target: PgType,
        position: u32,
    ) -> Result<Vec<Expr>, Error> {
        operands.into_iter().map(|operand| self.cast(operand, target, position)).collect()
    }

    /// An argument of a function or operator that was chosen, as the type that it takes.
    pub(super) fn passed(&mut self, argument: Expr, wanted: Oid) -> Result<Expr, Error> {
        if polymorphic::takes_anything(wanted) {
            return self.resolve_unknown(argument);
        }
        let position = argument.position;
        self.coerce(argument, PgType::new(wanted), Context::Implicit)?.ok_or_else(|| {
            at(Error::internal("what was chosen does not take its arguments"), position)
        })
    }

    /// `integer + text`, or `- text`.
    fn operator_call(&self, op: &str, left: Option<Oid>, right: Oid) -> String {
        let right = self.types().label(right);
        match left {
            Some(left) => format!("{} {op} {right}", self.types().label(left)),
            None => format!("{op} {right}"),
        }
    }

    pub(super) fn no_operator(
        &self,
        ambiguous: bool,
        op: &str,
        left: Option<Oid>,
        right: Oid,
    ) -> Error {
        let label = self.operator_call(op, left, right);
        if ambiguous {
            let message = format!("operator is not unique: {label}");
            return Error::user(SqlState::AMBIGUOUS_FUNCTION, message).with_hint(
                "Could not choose a best candidate operator. You might need to add explicit type casts.",
            );
        }
        let message = format!("operator does not exist: {label}");
        Error::user(SqlState::UNDEFINED_FUNCTION, message).with_hint(if left.is_some() {
            "No operator matches the given name and argument types. You might need to add explicit type casts."
        } else {
            "No operator matches the given name and argument type. You might need to add an explicit type cast."
        })
    }
}

fn is_strict(operator: &Operator) -> bool {
    pgdata::function(operator.function).is_some_and(|function| function.is_strict)
}

/// A number with its sign is a constant.
fn signed_constant(op: &str, operand: &Expr, position: u32) -> Option<Expr> {
    let ExprKind::Constant(value) = &operand.kind else { return None };
    // Others are kept as numbers, too: oid and money have no such operators.
    if !matches!(operand.data_type.oid, 20 | 21 | 23 | 700 | 701 | 1700) {
        return None;
    }
    let value = match (op, value) {
        ("+", Value::Integer(_) | Value::Real(_)) => value.clone(),
        ("-", Value::Integer(number)) => {
            let negative = number.checked_neg()?;
            let fits = match operand.data_type {
                PgType::INT2 => i16::try_from(negative).is_ok(),
                PgType::INT4 => i32::try_from(negative).is_ok(),
                _ => true,
            };
            Value::Integer(fits.then_some(negative)?)
        }
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
    Some(Expr::constant(value, operand.data_type, position))
}
