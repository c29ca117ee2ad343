//! Assignments to elements and slices: `a[1] = x`, `a[2:3] = x`, `j['key'] = x`.

use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sql::ast::{Subscript, Target};
use crate::sql::bind::coerce::apply_modifier;
use crate::sql::bind::{Binder, at};
use crate::sql::bound::Expr;
use crate::sql::types::casts::Context;
use crate::sql::types::{Lowering, is_integer};

impl Binder<'_> {
    /// The array or jsonb value `old` with `value` at the target's subscripts.
    ///
    /// # Errors
    /// 42804
    pub(super) fn assign_element(
        &mut self,
        old: Expr,
        target: &Target,
        value: Expr,
    ) -> Result<Expr, Error> {
        let position = target.column.position;
        let container = PgType::new(self.types().base(old.data_type.oid));
        let old = Expr { data_type: PgType { oid: container.oid, ..old.data_type }, ..old };
        if container.oid == PgType::JSONB.oid {
            let value = self.element_value(target, value, PgType::JSONB)?;
            return self.assign_json(old, target, value);
        }
        let Some(element) = self.types().element(container.oid) else {
            let label = self.types().label(old.data_type.oid);
            let message =
                format!("cannot subscript type {label} because it does not support subscripting");
            return Err(at(Error::user(SqlState::DATATYPE_MISMATCH, message), position));
        };
        if matches!(container, PgType::INT2VECTOR | PgType::OIDVECTOR | PgType::NAME) {
            return Err(at(
                Error::refused("assigning to an element of this type is not supported"),
                position,
            ));
        }
        let sliced = target.subscripts.iter().any(|one| matches!(one, Subscript::Slice { .. }));
        let wanted = PgType {
            oid: if sliced { container.oid } else { element },
            modifier: old.data_type.modifier,
        };
        let value = self.element_value(target, value, wanted)?;
        let result = old.data_type;
        let mut arguments = vec![old, value];
        arguments.extend(self.subscript_arguments(&target.subscripts, sliced, position)?);
        let name = if sliced { "pg_array_assign_slice" } else { "pg_array_assign" };
        Ok(Expr::call(Lowering::Typed(name), arguments, result, position))
    }

    fn element_value(
        &mut self,
        target: &Target,
        value: Expr,
        wanted: PgType,
    ) -> Result<Expr, Error> {
        let from = value.data_type.oid;
        let converted = self.coerce(value, PgType::new(wanted.oid), Context::Assignment)?;
        let converted = converted.ok_or_else(|| {
            let message = format!(
                "subscripted assignment to \"{}\" requires type {} but expression is of type {}",
                target.column.text,
                self.types().label(wanted.oid),
                self.types().label(from)
            );
            at(Error::user(SqlState::DATATYPE_MISMATCH, message), target.column.position)
                .with_hint("You will need to rewrite or cast the expression.")
        })?;
        Ok(apply_modifier(converted, wanted, false))
    }

    fn assign_json(&mut self, old: Expr, target: &Target, value: Expr) -> Result<Expr, Error> {
        let position = target.column.position;
        let mut kinds = String::new();
        let mut steps = Vec::new();
        for subscript in &target.subscripts {
            let Subscript::Index(index) = subscript else {
                let place = match subscript {
                    Subscript::Slice { upper: Some(bound), .. }
                    | Subscript::Slice { lower: Some(bound), .. } => bound.position,
                    _ => position,
                };
                let message = "jsonb subscript does not support slices";
                return Err(at(Error::user(SqlState::DATATYPE_MISMATCH, message), place));
            };
            let step = self.json_step(index)?;
            kinds.push(if is_integer(step.data_type.oid) { 'i' } else { 't' });
            steps.push(self.cast(step, PgType::TEXT, position)?);
        }
        let path = self.array_of(steps, PgType::TEXT, position)?;
        let kinds = Expr::constant(Value::Text(kinds), PgType::TEXT, position);
        let arguments = vec![old, value, path, kinds];
        let name = Lowering::Call("pg_jsonb_assign");
        Ok(Expr::call(name, arguments, PgType::JSONB, position))
    }
}
