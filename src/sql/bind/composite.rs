//! Composite types: rows that become values of one, field by field, and values of one as rows.

use crate::model::catalog::Column;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::sql::ast::{Name, Subscript, Target};
use crate::sql::bind::coerce::apply_modifier;
use crate::sql::bind::expr::boolean;
use crate::sql::bind::whole_row::Shape;
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{Expr, ExprKind};
use crate::sql::types::casts::Context;

impl Binder<'_> {
    /// A conversion from or to a row type. `None` if this is none, or not of this kind.
    ///
    /// # Errors
    /// 42846 for a row that hasn't the fields of the type.
    pub(super) fn coerce_row(
        &mut self,
        expr: &Expr,
        target: PgType,
        context: Context,
    ) -> Result<Option<Expr>, Error> {
        let types = self.types();
        let from = expr.data_type;
        if types.attributes(target.oid).is_some() && types.domain(target.oid).is_none() {
            let is_record = from.oid == PgType::RECORD.oid;
            if is_record && !expr.is_null_constant() {
                return self.row_as(expr.clone(), target, context).map(Some);
            }
            let is_given = matches!(expr.kind, ExprKind::Unknown(_) | ExprKind::Parameter(_));
            if is_given && expr.is_unknown() && types.holds_domain(target.oid) {
                return self.given_row(expr.clone(), target, context).map(Some);
            }
            return Ok(None);
        }
        let Some(attributes) =
            types.attributes(from.oid).filter(|_| target.oid == PgType::RECORD.oid)
        else {
            return Ok(None);
        };
        let fields = attributes.iter().map(|one| (one.name.clone(), one.data_type)).collect();
        let data_type = self.shaped(Shape { fields, row_type: types.base(from.oid) });
        Ok(Some(Expr { data_type, ..expr.clone() }))
    }

    /// A text or a parameter as a value of a type in which domains are, whose constraints are checked.
    fn given_row(&mut self, expr: Expr, target: PgType, context: Context) -> Result<Expr, Error> {
        let plain = match &expr.kind {
            ExprKind::Unknown(text) => {
                let read = self.types().read(target, text, &self.style());
                let value = read.map_err(|error| at(error, expr.position))?;
                Expr::constant(value, target, expr.position)
            }
            ExprKind::Parameter(number) => {
                let number = *number;
                self.parameter_type(number, target, expr.position)?;
                Expr { data_type: target, ..expr }
            }
            _ => return Err(Error::internal("only texts and parameters have no type")),
        };
        self.checked_row(plain, context)
    }

    /// A value of a composite type with the constraints of the domains inside it checked.
    pub(super) fn checked_row(&mut self, value: Expr, context: Context) -> Result<Expr, Error> {
        let position = value.position;
        let target = value.data_type;
        let present = present(&value);
        let mut fields = Vec::new();
        for (name, field) in self.fields_of(&value, position)? {
            let wanted = field.data_type;
            let field = if let Some(domain) = self.types().domain(wanted.oid) {
                // As it stands in the record it is of the type beneath.
                let field = Expr { data_type: PgType::new(domain.base.oid), ..field };
                self.to_domain(field, PgType::new(wanted.oid), &domain, context)?
                    .ok_or_else(|| Error::internal("a type is its own"))?
            } else if self.types().holds_domain(wanted.oid) {
                self.checked_row(field, context)?
            } else {
                field
            };
            fields.push((name, field));
        }
        Ok(Expr { data_type: target, ..self.row_of(fields, (Some(present), 0), position)? })
    }

    /// A row as a value of a composite type.
    fn row_as(&mut self, row: Expr, target: PgType, context: Context) -> Result<Expr, Error> {
        let position = row.position;
        let row_type = self.shape(row.data_type).map_or(0, |shape| shape.row_type);
        if row_type == target.oid {
            return Ok(Expr { data_type: target, ..row });
        }
        let label = self.types().label(target.oid);
        let mismatch = |detail: String| {
            let message = format!("cannot cast type record to {label}");
            at(Error::user(SqlState::CANNOT_COERCE, message).with_detail(detail), position)
        };
        let attributes = self.types().attributes(target.oid).unwrap_or_default();
        let is_constructed = matches!(row.kind, ExprKind::Row { .. });
        let present = match &row.kind {
            ExprKind::Row { present, .. } => present.as_deref().cloned(),
            _ => Some(present(&row)),
        };
        let fields = self.fields_of(&row, position)?;
        if fields.len() < attributes.len() {
            return Err(mismatch("Input has too few columns.".to_owned()));
        }
        if fields.len() > attributes.len() {
            return Err(mismatch("Input has too many columns.".to_owned()));
        }
        let mut converted = Vec::new();
        for (place, ((_, field), attribute)) in fields.into_iter().zip(attributes).enumerate() {
            // A constant without a type that stands in a record is a text there.
            let field = if is_constructed { field } else { self.resolve_unknown(field)? };
            let from = field.data_type.oid;
            let wanted = attribute.data_type;
            let Some(value) = self.coerce(field, wanted, context)? else {
                return Err(mismatch(format!(
                    "Cannot cast type {} to {} in column {}.",
                    self.types().label(from),
                    self.types().label(wanted.oid),
                    place + 1
                )));
            };
            let value = apply_modifier(value, wanted, context == Context::Explicit);
            converted.push((attribute.name.clone(), value));
        }
        let row = self.row_of(converted, (present, 0), position)?;
        Ok(Expr { data_type: target, ..row })
    }

    /// A value of a composite type with one of its fields replaced. `place` counts from 0.
    pub(super) fn with_field(
        &mut self,
        value: &Expr,
        (place, new): (usize, Expr),
    ) -> Result<Expr, Error> {
        let mut fields = self.fields_of(value, value.position)?;
        let data_type = value.data_type;
        fields[place].1 = new;
        let row = self.row_of(fields, (None, 0), value.position)?;
        Ok(Expr { data_type, ..row })
    }

    /// A column's value with some of its fields given anew.
    pub(super) fn assign_fields(
        &mut self,
        old: Expr,
        column: &Column,
        fields: Vec<(&Target, Expr)>,
    ) -> Result<Expr, Error> {
        let base = self.types().base(column.data_type.oid);
        let mut value = Expr { data_type: PgType::new(base), ..old };
        for (target, field) in fields {
            value = self.assign_field(value, (target, &target.fields), field)?;
        }
        self.assign(value, column.data_type, &column.name)
    }

    fn assign_field(
        &mut self,
        old: Expr,
        (target, names): (&Target, &[Name]),
        value: Expr,
    ) -> Result<Expr, Error> {
        let Some((name, rest)) = names.split_first() else {
            return self.assign_element(old, target, value);
        };
        let Name { text: column, position } = &target.column;
        let found = self.assigned_field((column, old.data_type.oid), &name.text);
        let (place, wanted) = found.map_err(|error| at(error, *position))?;
        let new = if rest.is_empty() && target.subscripts.is_empty() {
            let from = value.data_type.oid;
            let converted = self.coerce(value, wanted, Context::Assignment)?.ok_or_else(|| {
                let message = format!(
                    "subfield \"{}\" is of type {} but expression is of type {}",
                    name.text,
                    self.types().label(wanted.oid),
                    self.types().label(from)
                );
                at(Error::user(SqlState::DATATYPE_MISMATCH, message), *position)
                    .with_hint("You will need to rewrite or cast the expression.")
            })?;
            apply_modifier(converted, wanted, false)
        } else {
            let inner = self.fields_of(&old, old.position)?.swap_remove(place).1;
            self.assign_field(inner, (target, rest), value)?
        };
        self.with_field(&old, (place, new))
    }

    /// The type of a column, or of a field of it.
    pub(super) fn field_type(&self, column: &Column, target: &Target) -> Result<PgType, Error> {
        let mut data_type = column.data_type;
        for name in &target.fields {
            let found = self.assigned_field((&column.name, data_type.oid), &name.text);
            data_type = found?.1;
        }
        let sliced = target.subscripts.iter().any(|one| matches!(one, Subscript::Slice { .. }));
        let element = self.types().element(self.types().base(data_type.oid));
        Ok(match element {
            Some(element) if !target.subscripts.is_empty() && !sliced => PgType::new(element),
            _ => data_type,
        })
    }

    /// The place of a field in a composite type, and its type.
    ///
    /// # Errors
    /// 42804, 42703.
    pub(super) fn assigned_field(
        &self,
        (column, data_type): (&str, Oid),
        field: &str,
    ) -> Result<(usize, PgType), Error> {
        let Some(attributes) = self.types().attributes(data_type) else {
            let label = self.types().label(data_type);
            let message = format!(
                "cannot assign to field \"{field}\" of column \"{column}\" because its type {label} is not a composite type"
            );
            return Err(Error::user(SqlState::DATATYPE_MISMATCH, message));
        };
        let place = attributes.iter().position(|one| one.name == field);
        let place = place.ok_or_else(|| {
            let label = self.types().label(data_type);
            let message = format!(
                "cannot assign to field \"{field}\" of column \"{column}\" because there is no such column in data type {label}"
            );
            Error::user(SqlState::UNDEFINED_COLUMN, message)
        })?;
        Ok((place, attributes[place].data_type))
    }
}

/// Whether there is a row at all.
fn present(row: &Expr) -> Expr {
    let kind = ExprKind::IsNull { operand: Box::new(row.clone()), negated: true };
    boolean(kind, row.position)
}
