//! Giving expressions the types that their places want.

use crate::datum::numeric::Numeric;
use crate::datum::{self, Style};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sql::bind::object_id::SERIAL_SEQUENCE;
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{Expr, ExprKind};
use crate::sql::types::casts::{self, Context};
use crate::sql::types::{self, Lowering, Types, resolve};

impl<'a> Binder<'a> {
    /// The types that the statement can use.
    pub(crate) fn types(&self) -> Types<'a> {
        Types::new(self.catalog, self.settings)
    }

    /// Settings that constants in a statement's text are read by.
    pub(crate) fn style(&self) -> Style {
        self.settings.style.clone()
    }

    /// Converts to a type, without its modifier.
    ///
    /// # Errors
    /// `None` in place of an error if there is no such cast: the caller knows what to say.
    pub(super) fn coerce(
        &mut self,
        expr: Expr,
        target: PgType,
        context: Context,
    ) -> Result<Option<Expr>, Error> {
        let position = expr.position;
        let base = PgType::new(target.oid);
        if let Some(row) = self.coerce_row(&expr, base, context)? {
            return Ok(Some(row));
        }
        if expr.data_type.oid != target.oid
            && let Some(domain) = self.types().domain(target.oid)
        {
            if let (ExprKind::Parameter(number), true) = (&expr.kind, expr.is_unknown()) {
                let number = *number;
                self.parameter_type(number, base, position)?;
                return self.domain_parameter(number, base, position).map(Some);
            }
            return self.to_domain(expr, base, &domain, context);
        }
        self.coerce_plain(expr, target, context)
    }

    /// The same where no domain has to be checked.
    fn coerce_plain(
        &mut self,
        expr: Expr,
        target: PgType,
        context: Context,
    ) -> Result<Option<Expr>, Error> {
        let position = expr.position;
        let base = PgType::new(target.oid);
        match &expr.kind {
            ExprKind::Constant(Value::Null) if expr.is_unknown() => {
                return Ok(Some(Expr::constant(Value::Null, base, position)));
            }
            ExprKind::Unknown(text) => {
                if target.oid == PgType::UNKNOWN.oid {
                    return Ok(Some(expr));
                }
                if let Some(object) = self.object_id(target, text, position)? {
                    return Ok(Some(object));
                }
                if let Some(moment) = self.moving_moment(text, base, position)? {
                    return Ok(Some(moment));
                }
                // Its values are made by the server only.
                if types::type_label(base.oid) == "pg_node_tree" {
                    let message = "cannot accept a value of type pg_node_tree";
                    return Err(at(Error::refused(message), position));
                }
                // What an interval's fields are decides how it is read.
                let read = if target.oid == PgType::INTERVAL.oid { target } else { base };
                let value = self.types().read(read, text, &self.style());
                let value = value.map_err(|error| at(error, position))?;
                return Ok(Some(Expr::constant(value, read, position)));
            }
            ExprKind::Parameter(number) if expr.is_unknown() => {
                let number = *number;
                return self.parameter_type(number, base, position).map(|()| {
                    Some(Expr { kind: ExprKind::Parameter(number), data_type: base, position })
                });
            }
            // Names that are known when the statement is compiled are looked up then.
            ExprKind::Constant(Value::Text(text))
                if self.types().category(expr.data_type.oid) == b'S'
                    && (context == Context::Explicit || target.oid == PgType::REGCLASS.oid) =>
            {
                if let Some(object) = self.object_id(target, text, position)? {
                    return Ok(Some(object));
                }
            }
            ExprKind::Call { lowering: Lowering::Searching(name), arguments, .. }
                if *name == SERIAL_SEQUENCE && target.oid == PgType::REGCLASS.oid =>
            {
                if let Some(sequence) = self.serial_sequence(arguments, position)? {
                    return Ok(Some(sequence));
                }
            }
            _ => {}
        }
        if expr.data_type.oid == target.oid {
            return Ok(Some(expr));
        }
        let (types, from) = (self.types(), expr.data_type.oid);
        let Some(path) = casts::find(types, from, target.oid, context) else { return Ok(None) };
        self.uses(casts::is_immutable(types, path, from, target.oid));
        match casts::lowering(types, path, from, target.oid) {
            Some(Lowering::Input | Lowering::Reread) if types.form(target.oid).is_some() => {
                self.read_own(expr, base).map(Some)
            }
            // How many bits are wanted decides which ones there are.
            Some(Lowering::Call(name @ ("pg_i4_bit" | "pg_i8_bit"))) => {
                let length = Value::Integer(target.modifier.into());
                let length = Expr::constant(length, PgType::INT4, position);
                Ok(Some(Expr::call(Lowering::Call(name), vec![expr, length], target, position)))
            }
            Some(lowering) => Ok(Some(fold_cast(expr, lowering, base))),
            None => {
                let (from, to) = (types.label(from), types.label(target.oid));
                let message = format!("a cast from type {from} to {to} is not supported");
                Err(at(Error::refused(message), position))
            }
        }
    }

    /// A text, or an array of texts, as a value of one of the database's types.
    fn read_own(&mut self, expr: Expr, target: PgType) -> Result<Expr, Error> {
        let position = expr.position;
        if let (ExprKind::Constant(Value::Text(text)), b'S') =
            (&expr.kind, self.types().category(expr.data_type.oid))
        {
            let read = self.types().read(target, text, &self.style());
            let value = read.map_err(|error| at(error, position))?;
            return Ok(Expr::constant(value, target, position));
        }
        self.labelled(expr, target).ok_or_else(|| {
            let label = self.types().label(target.oid);
            at(Error::refused(format!("a cast to type {label} is not supported")), position)
        })
    }

    /// `$1` as an assignment to a variable of a type makes it.
    pub(crate) fn assigned_variable(&mut self, target: PgType) -> Result<Expr, Error> {
        let value = self.parameter(1, 0)?;
        let value = match self.coerce(value.clone(), target, Context::Assignment)? {
            Some(value) => value,
            None => {
                let text = self.cast(value, PgType::TEXT, 0)?;
                self.cast(text, target, 0)?
            }
        };
        Ok(apply_modifier(value, target, false))
    }

    /// Fixes a parameter's type, or checks it against the one that it has.
    pub(super) fn parameter_type(
        &mut self,
        number: usize,
        wanted: PgType,
        position: u32,
    ) -> Result<(), Error> {
        let Some(slot) = self.parameters.get_mut(number - 1) else {
            return Err(at(
                Error::user(
                    SqlState::UNDEFINED_PARAMETER,
                    format!("there is no parameter ${number}"),
                ),
                position,
            ));
        };
        match *slot {
            None => *slot = Some(wanted),
            Some(known) if known.oid == wanted.oid => {}
            Some(known) => {
                return Err(at(
                    Error::user(
                        SqlState::AMBIGUOUS_PARAMETER,
                        format!("inconsistent types deduced for parameter ${number}"),
                    )
                    .with_detail(format!(
                        "{} versus {}",
                        self.types().label(known.oid),
                        self.types().label(wanted.oid)
                    )),
                    position,
                ));
            }
        }
        Ok(())
    }

    /// Converts implicitly to what a place needs, with PostgreSQL's message if that can't be.
    pub(super) fn coerce_to(
        &mut self,
        expr: Expr,
        target: PgType,
        what: &str,
    ) -> Result<Expr, Error> {
        let (position, from) = (expr.position, expr.data_type.oid);
        self.coerce(expr, target, Context::Implicit)?.ok_or_else(|| {
            at(
                Error::user(
                    SqlState::DATATYPE_MISMATCH,
                    format!(
                        "{what} must be type {}, not type {}",
                        self.types().label(target.oid),
                        self.types().label(from)
                    ),
                ),
                position,
            )
        })
    }

    /// `CAST(expr AS target)`.
    pub(super) fn cast(
        &mut self,
        expr: Expr,
        target: PgType,
        position: u32,
    ) -> Result<Expr, Error> {
        let from = expr.data_type.oid;
        // A row's fields that don't fit are told where the cast is.
        let coerced = self.coerce(expr, target, Context::Explicit).map_err(|mut error| {
            if error.state() == SqlState::CANNOT_COERCE {
                error.fields_mut().position = None;
                return at(error, position);
            }
            error
        })?;
        let Some(converted) = coerced else {
            return Err(at(
                Error::user(
                    SqlState::CANNOT_COERCE,
                    format!(
                        "cannot cast type {} to {}",
                        self.types().label(from),
                        self.types().label(target.oid)
                    ),
                ),
                position,
            ));
        };
        Ok(apply_modifier(converted, target, true))
    }

    /// Converts for storing in a column.
    ///
    /// # Errors
    /// 42804 `column "a" is of type integer but expression is of type text`.
    pub(super) fn assign(
        &mut self,
        expr: Expr,
        target: PgType,
        column: &str,
    ) -> Result<Expr, Error> {
        let (position, from) = (expr.position, expr.data_type.oid);
        if let ExprKind::Unknown(text) = &expr.kind
            && self.types().domain(target.oid).is_none()
            && !self.types().holds_domain(target.oid)
        {
            if let Some(moment) = self.moving_moment(text, target, position)? {
                return Ok(moment);
            }
            // Read with the modifier at once: a constant needs no function then.
            let value = self.types().read(target, text, &self.style()).map_err(|error| {
                // PostgreSQL reads it first and cuts it later, when it knows no place any more.
                let plain = PgType::new(target.oid);
                let is_too_long = target.modifier >= 0
                    && target.oid != PgType::INTERVAL.oid
                    && self.types().read(plain, text, &self.style()).is_ok();
                if is_too_long { error } else { at(error, position) }
            })?;
            return Ok(Expr::constant(value, target, position));
        }
        let Some(converted) = self.coerce(expr, target, Context::Assignment)? else {
            return Err(at(
                Error::user(
                    SqlState::DATATYPE_MISMATCH,
                    format!(
                        "column \"{column}\" is of type {} but expression is of type {}",
                        self.types().label(target.oid),
                        self.types().label(from)
                    ),
                )
                .with_hint("You will need to rewrite or cast the expression."),
                position,
            ));
        };
        Ok(apply_modifier(converted, target, false))
    }

    /// `'now'`, `'today'`, `'tomorrow'` and `'yesterday'`, as what they mean in the transaction.
    fn moving_moment(
        &mut self,
        text: &str,
        target: PgType,
        position: u32,
    ) -> Result<Option<Expr>, Error> {
        let clock = matches!(target.oid, 1083 | 1114 | 1184 | 1266);
        if !clock && target.oid != PgType::DATE.oid {
            return Ok(None);
        }
        let days = match text.trim().to_ascii_lowercase().as_str() {
            "now" => None,
            "today" => Some(0),
            "tomorrow" => Some(1),
            "yesterday" => Some(-1),
            // At the offset that the session's zone has today.
            _ if target.oid == PgType::TIMETZ.oid => {
                let style = self.style();
                if !datum::timetz::depends_on_today(text, &style) {
                    return Ok(None);
                }
                let time = datum::from_text(PgType::TIME, text, &style);
                let time = time.map_err(|error| at(error, position))?;
                let time = Expr::constant(time, PgType::TIME, position);
                return self.cast(time, target, position).map(Some);
            }
            _ => return Ok(None),
        };
        let now = Expr::call(Lowering::Now, Vec::new(), PgType::TIMESTAMPTZ, position);
        let Some(days) = days else { return self.cast(now, target, position).map(Some) };
        if target.oid == PgType::TIME.oid || target.oid == PgType::TIMETZ.oid {
            return Ok(None);
        }
        let today = self.cast(now, PgType::DATE, position)?;
        let days = Expr::constant(Value::Integer(days), PgType::INT4, position);
        let day =
            Expr::call(Lowering::Call("pg_date_pli"), vec![today, days], PgType::DATE, position);
        self.cast(day, target, position).map(Some)
    }

    /// Converts several expressions to their common type.
    ///
    /// # Errors
    /// 42804 `CASE types integer and text cannot be matched`.
    pub(super) fn common(
        &mut self,
        exprs: Vec<Expr>,
        what: &str,
    ) -> Result<(Vec<Expr>, PgType), Error> {
        let given: Vec<_> = exprs.iter().map(|expr| expr.data_type.oid).collect();
        let chosen = resolve::common_type_of(self.types(), &given).map_err(|(left, right)| {
            let position = exprs
                .iter()
                .find(|expr| expr.data_type.oid == right)
                .map_or(0, |expr| expr.position);
            at(
                Error::user(
                    SqlState::DATATYPE_MISMATCH,
                    format!(
                        "{what} types {} and {} cannot be matched",
                        self.types().label(left),
                        self.types().label(right)
                    ),
                ),
                position,
            )
        })?;
        let modifier = common_modifier(&exprs);
        let target = PgType::new(chosen);
        let converted = exprs
            .into_iter()
            .map(|expr| {
                let (position, from) = (expr.position, expr.data_type.oid);
                self.coerce(expr, target, Context::Implicit)?.ok_or_else(|| {
                    at(
                        Error::user(
                            SqlState::CANNOT_COERCE,
                            format!(
                                "{what} could not convert type {} to {}",
                                self.types().label(from),
                                self.types().label(chosen)
                            ),
                        ),
                        position,
                    )
                })
            })
            .collect::<Result<_, _>>()?;
        Ok((converted, PgType { oid: chosen, modifier }))
    }

    /// A string constant or parameter that nothing asked for is text.
    pub(super) fn resolve_unknown(&mut self, expr: Expr) -> Result<Expr, Error> {
        if !expr.is_unknown() {
            return Ok(expr);
        }
        let data_type = PgType::TEXT;
        self.coerce_to(expr, data_type, "expression")
    }
}

/// The modifier that all have, or none.
fn common_modifier(exprs: &[Expr]) -> i32 {
    // What a row consists of is known whatever NULLs stand beside it.
    let is_row = |expr: &&Expr| expr.data_type.oid == PgType::RECORD.oid;
    if let Some(row) = exprs.iter().find(is_row) {
        let same = |expr: &Expr| expr.is_unknown() || expr.data_type == row.data_type;
        return if exprs.iter().all(same) { row.data_type.modifier } else { -1 };
    }
    match exprs.split_first() {
        Some((first, rest)) if rest.iter().all(|expr| expr.data_type == first.data_type) => {
            first.data_type.modifier
        }
        _ => -1,
    }
}

/// A cast as a call; of constants, where it is simple, a constant.
fn fold_cast(expr: Expr, lowering: Lowering, target: PgType) -> Expr {
    let position = expr.position;
    if let ExprKind::Constant(value) = &expr.kind {
        let folded = match (lowering, value) {
            (_, Value::Null) => Some(Value::Null),
            (Lowering::Same, value) => Some(value.clone()),
            (Lowering::Convert("REAL"), Value::Integer(number)) => {
                Some(Value::Real(*number as f64))
            }
            (Lowering::Convert("TEXT"), Value::Integer(number)) => {
                Some(Value::Text(number.to_string()))
            }
            (Lowering::Call("pg_num_f8"), Value::Text(text)) => text.parse().ok().map(Value::Real),
            (Lowering::Call("pg_i4_bool"), Value::Integer(number)) => {
                Some(Value::Integer((*number != 0).into()))
            }
            (Lowering::Call(name), value) => whole(name, value).map(Value::Integer),
            _ => None,
        };
        if let Some(value) = folded {
            return Expr::constant(value, target, position);
        }
    }
    Expr::strict_call(lowering, vec![expr], target, position)
}

/// What a cast of a number to a type of whole numbers gives, if that has the number: else it says so where it runs.
fn whole(cast: &str, value: &Value) -> Option<i64> {
    let (whole, size) = match (cast, value) {
        ("pg_i2" | "pg_i4", Value::Integer(number)) => (*number, &cast[3..]),
        ("pg_num_i2" | "pg_num_i4" | "pg_num_i8", Value::Text(text)) => {
            (Numeric::parse(text).ok()??.to_i64()?, &cast[7..])
        }
        // Beyond 2^53 a double is left to the cast itself.
        ("pg_float_i2" | "pg_float_i4" | "pg_float_i8", Value::Real(number)) => {
            let rounded = number.round_ties_even();
            ((rounded.abs() < 9e15).then_some(rounded as i64)?, &cast[9..])
        }
        _ => return None,
    };
    let fits = match size {
        "i2" => i16::try_from(whole).is_ok(),
        "i4" => i32::try_from(whole).is_ok(),
        _ => true,
    };
    fits.then_some(whole)
}

/// Cuts or checks a value to a type's length or precision.
pub(super) fn apply_modifier(expr: Expr, target: PgType, explicit: bool) -> Expr {
    if target.modifier < 0 || expr.data_type == target || expr.is_null_constant() {
        return Expr { data_type: target, ..expr };
    }
    let position = expr.position;
    Expr {
        kind: ExprKind::Modifier { operand: Box::new(expr), explicit },
        data_type: target,
        position,
    }
}
