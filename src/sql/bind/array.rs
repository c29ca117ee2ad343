//! Arrays in expressions: constructors and subscripts.

use crate::datum::array::{Array, store};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::sql::ast::{self, Subscript};
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{Expr, ExprKind};
use crate::sql::types::Lowering;

/// Arguments that one call of a SQLite function gets at the most; it could take 127.
const ARGUMENTS_MAX: usize = 100;

impl Binder<'_> {
    /// `ARRAY[...]`; `wanted` is the array type of a cast right around it.
    pub(super) fn array(
        &mut self,
        items: &[ast::Expr],
        wanted: Option<PgType>,
        position: u32,
    ) -> Result<Expr, Error> {
        if items.is_empty() {
            let Some(wanted) = wanted else {
                let error = Error::user(
                    SqlState::INDETERMINATE_DATATYPE,
                    "cannot determine type of empty array",
                );
                let hint = "Explicitly cast to the desired type, for example ARRAY[]::integer[].";
                return Err(at(error.with_hint(hint), position));
            };
            return Ok(Expr::constant(Value::Text("[]".to_owned()), wanted, position));
        }
        let element = wanted.and_then(|array| {
            let element = self.types().element(array.oid)?;
            Some(PgType { oid: element, modifier: array.modifier })
        });
        let mut bound = Vec::new();
        for item in items {
            bound.push(match &item.kind {
                ast::ExprKind::Array(inner) => self.array(inner, wanted, item.position)?,
                _ => self.expr(item)?,
            });
        }
        if let (Some(wanted), Some(element)) = (wanted, element) {
            // Arrays may be elements of an array with a dimension more; then all of them are.
            let nested =
                bound.iter().any(|item| self.types().element(item.data_type.oid).is_some());
            let target = if nested { wanted } else { element };
            let cast = |item: Expr| {
                let position = item.position;
                self.cast(item, target, position)
            };
            bound = bound.into_iter().map(cast).collect::<Result<_, _>>()?;
        }
        let (bound, common) = self.common(bound, "ARRAY")?;
        let array = self.array_of(bound, common, position)?;
        Ok(match wanted {
            // What is written as one of these is one, though arrays don't become them.
            Some(vector @ (PgType::INT2VECTOR | PgType::OIDVECTOR))
                if self.types().element(vector.oid) == Some(common.oid) =>
            {
                Expr { data_type: vector, ..array }
            }
            _ => array,
        })
    }

    /// An array of values that have one type.
    pub(super) fn array_of(
        &mut self,
        items: Vec<Expr>,
        element: PgType,
        position: u32,
    ) -> Result<Expr, Error> {
        let nested = self.types().element(element.oid).is_some();
        let array = if nested { Some(element.oid) } else { self.types().array_of(element.oid) };
        let Some(array) = array else {
            let label = self.types().label(element.oid);
            let message = format!("could not find array type for data type {label}");
            return Err(at(Error::user(SqlState::UNDEFINED_OBJECT, message), position));
        };
        let data_type = PgType { oid: array, modifier: element.modifier };
        let constants: Option<Vec<Value>> = items
            .iter()
            .map(|item| match &item.kind {
                ExprKind::Constant(value) => Some(value.clone()),
                _ => None,
            })
            .collect();
        if let (false, Some(elements)) = (nested, constants) {
            let lengths = if elements.is_empty() { vec![] } else { vec![elements.len()] };
            let stored = store(PgType::new(element.oid), &Array { lengths, elements });
            return Ok(Expr::constant(Value::Text(stored), data_type, position));
        }
        let mut parts = Vec::new();
        let mut rest = items;
        while !rest.is_empty() {
            let tail = rest.split_off(rest.len().min(ARGUMENTS_MAX));
            parts.push(Expr::call(Lowering::Typed("pg_array"), rest, data_type, position));
            rest = tail;
        }
        // Neighbours are joined, then those, so that many parts aren't deep.
        while parts.len() > 1 {
            let mut joined = Vec::new();
            let mut left = parts.into_iter();
            while let Some(one) = left.next() {
                joined.push(match left.next() {
                    Some(next) => {
                        let name = Lowering::Typed("pg_array_cat");
                        Expr::call(name, vec![one, next], data_type, position)
                    }
                    None => one,
                });
            }
            parts = joined;
        }
        let empty = || Expr::constant(Value::Text("[]".to_owned()), data_type, position);
        Ok(parts.pop().unwrap_or_else(empty))
    }

    /// `ARRAY(SELECT ...)`.
    pub(super) fn array_query(&mut self, query: &ast::Query, position: u32) -> Result<Expr, Error> {
        let query = self.query(query)?;
        super::expr::one_column(&query, position)?;
        let element = query.outputs[0].data_type.oid;
        let array = match self.types().element(element) {
            Some(_) => Some(element),
            None => self.types().array_of(element),
        };
        let Some(array) = array else {
            let label = self.types().label(element);
            let message = format!("could not find array type for data type {label}");
            return Err(at(Error::user(SqlState::UNDEFINED_OBJECT, message), position));
        };
        let kind = ExprKind::ArrayQuery(Box::new(query));
        Ok(Expr { kind, data_type: PgType::new(array), position })
    }

    /// Subscripts for the functions that take them: an index each, or two bounds each where one is a slice.
    pub(super) fn subscript_arguments<'s>(
        &mut self,
        subscripts: impl IntoIterator<Item = &'s Subscript>,
        sliced: bool,
        position: u32,
    ) -> Result<Vec<Expr>, Error> {
        let mut arguments = Vec::new();
        for subscript in subscripts {
            match subscript {
                Subscript::Index(index) if sliced => {
                    arguments.push(Expr::constant(Value::Integer(1), PgType::INT4, position));
                    arguments.push(self.index(index)?);
                }
                Subscript::Index(index) => arguments.push(self.index(index)?),
                Subscript::Slice { lower, upper } => {
                    for bound in [lower, upper] {
                        arguments.push(match bound {
                            Some(bound) => self.index(bound)?,
                            // What isn't written is a text for the function.
                            None => {
                                Expr::constant(Value::Text(String::new()), PgType::TEXT, position)
                            }
                        });
                    }
                }
            }
        }
        Ok(arguments)
    }

    /// `operand[...][...]`, of an array or of jsonb.
    pub(super) fn subscript(&mut self, tree: &ast::Expr, position: u32) -> Result<Expr, Error> {
        let mut subscripts: Vec<&Subscript> = Vec::new();
        let mut base = tree;
        while let ast::ExprKind::Subscript { operand, subscript } = &base.kind {
            subscripts.insert(0, subscript);
            base = operand;
        }
        let operand = self.expr(base)?;
        let operand = self.resolve_unknown(operand)?;
        if operand.data_type.oid == PgType::JSONB.oid {
            return self.json_subscript(operand, &subscripts, position);
        }
        if let (PgType::NAME, [Subscript::Index(index)]) =
            (PgType::new(operand.data_type.oid), subscripts.as_slice())
        {
            let arguments = vec![operand, self.index(index)?];
            let byte = Lowering::Call("pg_name_byte");
            return Ok(Expr::call(byte, arguments, PgType::CHAR, position));
        }
        let array = self.types().base(operand.data_type.oid);
        let Some(element) = self.types().element(array) else {
            let label = self.types().label(operand.data_type.oid);
            let message =
                format!("cannot subscript type {label} because it does not support subscripting");
            let error = Error::user(SqlState::DATATYPE_MISMATCH, message);
            return Err(at(error, operand.position));
        };
        let modifier = operand.data_type.modifier;
        let sliced = subscripts.iter().any(|one| matches!(one, Subscript::Slice { .. }));
        let mut arguments = vec![operand];
        arguments.extend(self.subscript_arguments(subscripts, sliced, position)?);
        let (name, result) =
            if sliced { ("pg_array_slice", array) } else { ("pg_array_get", element) };
        let result = PgType { oid: result, modifier };
        Ok(Expr::call(Lowering::Typed(name), arguments, result, position))
    }

    pub(super) fn index(&mut self, tree: &ast::Expr) -> Result<Expr, Error> {
        let index = self.expr(tree)?;
        let position = index.position;
        self.coerce(index, PgType::INT4, crate::sql::types::casts::Context::Assignment)?.ok_or_else(
            || {
                let message = "array subscript must have type integer";
                at(Error::user(SqlState::DATATYPE_MISMATCH, message), position)
            },
        )
    }

    /// A subscript of jsonb: an integer or a text.
    pub(super) fn json_step(&mut self, index: &ast::Expr) -> Result<Expr, Error> {
        let step = self.expr(index)?;
        let known: Oid = step.data_type.oid;
        if !step.is_unknown()
            && self.types().category(known) != b'S'
            && !crate::sql::types::is_integer(known)
        {
            let label = self.types().label(known);
            let message = format!("subscript type {label} is not supported");
            let error = Error::user(SqlState::DATATYPE_MISMATCH, message);
            let hint = "jsonb subscript must be coercible to either integer or text.";
            return Err(at(error.with_hint(hint), step.position));
        }
        Ok(step)
    }

    /// `json['key'][1]`: a path.
    fn json_subscript(
        &mut self,
        operand: Expr,
        subscripts: &[&Subscript],
        position: u32,
    ) -> Result<Expr, Error> {
        let mut steps = Vec::new();
        for subscript in subscripts {
            let Subscript::Index(index) = subscript else {
                let message = "jsonb subscript does not support slices";
                return Err(at(Error::user(SqlState::DATATYPE_MISMATCH, message), position));
            };
            let step = self.json_step(index)?;
            steps.push(self.cast(step, PgType::TEXT, position)?);
        }
        let path = self.array_of(steps, PgType::TEXT, position)?;
        let arguments = vec![operand, path];
        let name = Lowering::Call("pg_jsonb_extract_path");
        Ok(Expr::call(name, arguments, PgType::JSONB, position))
    }
}
