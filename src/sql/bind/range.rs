//! Calls of the functions that a database's own range types are made by.

use crate::model::error::Error;
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::pgdata::{self, TypeKind};
use crate::sql::ast::Call;
use crate::sql::bind::{Binder, at};
use crate::sql::bound::Expr;
use crate::sql::types::Lowering;
use crate::sql::types::casts::{self, Context};

impl Binder<'_> {
    /// A call that makes a range or a multirange of one of the database's types, or that is a cast to it.
    pub(super) fn range_call(&mut self, call: &Call, position: u32) -> Result<Option<Expr>, Error> {
        let (schema, name) = match call.name.as_slice() {
            [name] => (None, name.text.as_str()),
            [schema, name] => (Some(schema.text.as_str()), name.text.as_str()),
            _ => return Ok(None),
        };
        if schema.is_none() && !pgdata::functions_named(name).is_empty() {
            return Ok(None);
        }
        let Some(oid) = self.types().own_named(schema, name) else { return Ok(None) };
        let kind = self.types().kind(oid);
        if !matches!(kind, TypeKind::Range | TypeKind::Multirange) {
            return Ok(None);
        }
        self.check_plain(name, call, position)?;
        let mut arguments = self.arguments(call)?;
        let given: Vec<Oid> = arguments.iter().map(|argument| argument.data_type.oid).collect();
        if let ([only], false) = (given.as_slice(), call.variadic)
            && (*only == oid || *only == PgType::UNKNOWN.oid)
        {
            return self.cast(arguments.remove(0), PgType::new(oid), position).map(Some);
        }
        let wanted = self.taken_by(oid, &given, call.variadic);
        let Some(wanted) = wanted else {
            return Err(at(self.no_function(false, name, call, &given), position));
        };
        let fits = |(have, want): (&Oid, &Oid)| {
            *have == PgType::UNKNOWN.oid
                || casts::find(self.types(), *have, *want, Context::Implicit).is_some()
        };
        if !given.iter().zip(&wanted).all(fits) {
            return Err(at(self.no_function(false, name, call, &given), position));
        }
        let (function, empty) = match kind {
            TypeKind::Range => ("pg_range_construct", "empty"),
            _ => ("pg_multirange_construct", "{}"),
        };
        // It tells the function what to make.
        let model = Value::Text(empty.to_owned());
        let mut passed = vec![Expr::constant(model, PgType::new(oid), position)];
        for (argument, want) in arguments.into_iter().zip(wanted) {
            passed.push(self.passed(argument, want)?);
        }
        Ok(Some(Expr::call(Lowering::Typed(function), passed, PgType::new(oid), position)))
    }

    /// The types of the parameters for so many arguments; `None` if they can't be so many.
    fn taken_by(&self, oid: Oid, given: &[Oid], variadic: bool) -> Option<Vec<Oid>> {
        let types = self.types();
        if let Some(subtype) = types.subtype(oid) {
            let all = [subtype, subtype, PgType::TEXT.oid];
            return matches!((given.len(), variadic), (2 | 3, false))
                .then(|| all[..given.len()].to_vec());
        }
        let range = types.range_of(oid)?;
        match (variadic, given.len()) {
            (false, count) => Some(vec![range; count]),
            (true, 1) => Some(vec![types.array_of(range)?]),
            (true, _) => None,
        }
    }
}
