//! `information_schema._pg_expandarray(array)`: rows of `x`, an element, and `n`, its place from 1. It is
//! the only function here whose value in a select list is a row, and drivers read keys with it:
//! `(information_schema._pg_expandarray(i.indkey)).n`.
//!
//! Such a row is a record in its text form. Its type's modifier says which type `x` has; it never leaves the
//! binder.

use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sql::ast::{self, Call, Name};
use crate::sql::bind::table_function::Rows;
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{Expr, ExprKind};
use crate::sql::types::Lowering;

const COLUMNS: [&str; 2] = ["x", "n"];

fn is_integer(data_type: PgType) -> bool {
    matches!(data_type.oid, 20 | 21 | 23 | 26)
}

impl Binder<'_> {
    pub(super) fn is_expand_array(call: &Call) -> bool {
        let [schema, name] = call.name.as_slice() else { return false };
        schema.text == "information_schema" && name.text == "_pg_expandarray"
    }

    pub(super) fn expanded_rows(&mut self, call: &Call, position: u32) -> Result<Rows, Error> {
        let [array] = call.arguments.as_slice() else {
            let message = "function information_schema._pg_expandarray needs one argument";
            return Err(at(Error::user(SqlState::UNDEFINED_FUNCTION, message), position));
        };
        let mut rows = self.unnested(array, position)?;
        let number = Expr { data_type: PgType::INT4, ..rows.number.clone() };
        rows.columns.push((String::new(), number));
        for ((name, _), of) in rows.columns.iter_mut().zip(COLUMNS) {
            of.clone_into(name);
        }
        Ok(rows)
    }

    /// A row as one value.
    pub(super) fn expanded_record(
        &self,
        value: &Expr,
        number: &Expr,
        position: u32,
    ) -> Result<Expr, Error> {
        let element = value.data_type;
        if !is_integer(element) {
            let label = self.types().label(element.oid);
            let message = format!("a record with a field of type {label} is not supported");
            return Err(at(Error::refused(message), position));
        }
        let form = Expr::constant(Value::Text("(%s,%s)".to_owned()), PgType::TEXT, position);
        let arguments = vec![form, value.clone(), number.clone()];
        let data_type = PgType { modifier: element.oid as i32, ..PgType::RECORD };
        Ok(Expr::call(Lowering::Call("printf"), arguments, data_type, position))
    }

    /// `(t).name` for a relation t: its column.
    fn column_of_relation(&mut self, operand: &ast::Expr, name: &Name) -> Option<Expr> {
        let ast::ExprKind::Column(relation) = &operand.kind else { return None };
        let mut qualified = relation.clone();
        qualified.push(name.clone());
        let kind = ast::ExprKind::Column(qualified);
        self.expr(&ast::Expr { kind, position: operand.position }).ok()
    }

    /// `(row).name`
    pub(super) fn field(
        &mut self,
        operand: &ast::Expr,
        name: &Name,
        position: u32,
    ) -> Result<Expr, Error> {
        let missing = || {
            let message =
                format!("could not identify column \"{}\" in record data type", name.text);
            at(Error::user(SqlState::UNDEFINED_COLUMN, message), position)
        };
        if let ast::ExprKind::Call(call) = &operand.kind
            && Self::is_expand_array(call)
        {
            let columns = self.set_columns(call, operand.position)?;
            let found = columns.into_iter().find(|(known, _)| *known == name.text);
            return found.map(|(_, value)| value).ok_or_else(missing);
        }
        let row = match self.expr(operand) {
            Ok(row) => row,
            Err(error) => return self.column_of_relation(operand, name).ok_or(error),
        };
        if row.data_type.oid != PgType::RECORD.oid || row.data_type.modifier < 0 {
            return Err(at(
                Error::refused("selecting a field of a row is not supported"),
                position,
            ));
        }
        let place = COLUMNS.iter().position(|known| *known == name.text).ok_or_else(missing)?;
        let data_type = match place {
            0 => PgType::new(row.data_type.modifier as u32),
            _ => PgType::INT4,
        };
        let number = Expr::constant(Value::Integer(place as i64), PgType::INT4, position);
        let text = Expr::call(
            Lowering::Call("pg_record_field"),
            vec![row, number],
            PgType::TEXT,
            position,
        );
        let kind = ExprKind::Call {
            lowering: Lowering::Convert("INTEGER"),
            arguments: vec![text],
            volatile: false,
        };
        Ok(Expr { kind, data_type, position })
    }
}
