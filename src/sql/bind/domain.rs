//! Domains: a value of one is a value of the type beneath for which the domain's constraints hold.

use crate::model::error::Error;
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sql::bind::coerce::apply_modifier;
use crate::sql::bind::expr::boolean;
use crate::sql::bind::{Binder, at, query};
use crate::sql::bound::{Body, Column, Expr, ExprKind, From};
use crate::sql::parser;
use crate::sql::types::casts::Context;
use crate::sql::types::{Domain, Lowering};

impl Binder<'_> {
    /// A value of a domain, converted to the type beneath and checked. `None` if there is no cast.
    pub(super) fn to_domain(
        &mut self,
        expr: Expr,
        target: PgType,
        domain: &Domain<'_>,
        context: Context,
    ) -> Result<Option<Expr>, Error> {
        let Some(value) = self.coerce(expr, PgType::new(domain.base.oid), context)? else {
            return Ok(None);
        };
        let value = apply_modifier(value, domain.base, context == Context::Explicit);
        self.checked(value, target, domain).map(Some)
    }

    /// A parameter of a domain: what comes in is of the type beneath.
    pub(super) fn domain_parameter(
        &mut self,
        number: usize,
        target: PgType,
        position: u32,
    ) -> Result<Expr, Error> {
        let plain = |data_type| Expr { kind: ExprKind::Parameter(number), data_type, position };
        match self.types().domain(target.oid) {
            Some(domain) => self.checked(plain(domain.base), target, &domain),
            None if self.types().holds_domain(target.oid) => {
                self.checked_row(plain(target), Context::Assignment)
            }
            None => Ok(plain(target)),
        }
    }

    /// The same value, where the constraints hold; else it is an error to look at it.
    fn checked(&mut self, value: Expr, target: PgType, domain: &Domain<'_>) -> Result<Expr, Error> {
        let position = value.position;
        // What is written out again doesn't show what a domain checks.
        if self.is_traced() || (!domain.not_null && domain.checks.is_empty()) {
            return Ok(Expr { data_type: target, ..value });
        }
        if !is_repeatable(&value) {
            return self.checked_once(value, target, domain);
        }
        let label = self.types().label(target.oid).into_owned();
        let names = self.types().domain_names(target.oid);
        let refused = |constraint: Option<&str>| {
            let text = |text: &str| Expr::constant(Value::Text(text.to_owned()), PgType::TEXT, 0);
            let name = match constraint {
                Some(name) => text(name),
                None => Expr::constant(Value::Null, PgType::TEXT, 0),
            };
            let (schema, own) = names;
            let arguments = vec![text(&label), name, text(schema), text(own), value.clone()];
            Expr::call(Lowering::Call("pg_domain_violated"), arguments, target, 0)
        };
        let mut branches = Vec::new();
        if domain.not_null {
            let kind = ExprKind::IsNull { operand: Box::new(value.clone()), negated: false };
            branches.push((boolean(kind, 0), refused(None)));
        }
        for check in &domain.checks {
            let condition = self.domain_check(&check.expression, value.clone())?;
            let operand = Box::new(condition);
            let kind = ExprKind::IsTruth { operand, value: false, negated: false };
            branches.push((boolean(kind, 0), refused(Some(&check.name))));
        }
        let kind = ExprKind::Case { branches, otherwise: Some(Box::new(value)) };
        Ok(Expr { kind, data_type: target, position })
    }

    /// A value that may be another each time that it is asked for is computed in a query of one row.
    fn checked_once(
        &mut self,
        value: Expr,
        target: PgType,
        domain: &Domain<'_>,
    ) -> Result<Expr, Error> {
        let (position, data_type) = (value.position, value.data_type);
        if value.has_aggregate() || value.has_window() {
            let message = "an aggregate function beside a volatile function as a value of a domain is not supported";
            return Err(at(Error::refused(message), position));
        }
        let id = self.add_relation("value");
        let outputs = query::unique_aliases(vec![query::output("value".to_owned(), data_type)]);
        let column = Column {
            relation: id,
            name: outputs[0].alias.clone(),
            label: "value".to_owned(),
            not_null: false,
            table_oid: 0,
            number: 0,
        };
        let inner = query::plain_query(query::select_of(vec![value]), outputs);
        let column = Expr { kind: ExprKind::Column(column), data_type, position };
        let checked = self.checked(column, target, domain)?;
        let mut body = query::select_of(vec![checked]);
        if let Body::Select(select) = &mut body {
            select.from = Some(From::Subquery { query: Box::new(inner), id });
            select.relations = vec![id];
        }
        let outputs = query::unique_aliases(vec![query::output("value".to_owned(), target)]);
        let query = Box::new(query::plain_query(body, outputs));
        Ok(Expr { kind: ExprKind::Subquery(query), data_type: target, position })
    }

    /// A domain's CHECK, with `value` in the place of VALUE.
    pub(crate) fn domain_check(&mut self, text: &str, value: Expr) -> Result<Expr, Error> {
        let tree = parser::parse_expression(text)?;
        let scopes = std::mem::take(&mut self.scopes);
        let outer = self.domain_value.replace(value);
        let bound = self.condition(&tree, "CHECK");
        self.domain_value = outer;
        self.scopes = scopes;
        // Its positions are of another text.
        let mut bound = bound.map_err(|mut error| {
            error.fields_mut().position = None;
            error
        })?;
        bound.walk_mut(&mut |expr| expr.position = 0);
        Ok(bound)
    }
}

/// Whether an expression can be evaluated several times: it gives the same value, and isn't dear.
fn is_repeatable(expr: &Expr) -> bool {
    let own = match &expr.kind {
        ExprKind::Call { volatile, .. } => !volatile,
        ExprKind::NextValue { .. } | ExprKind::NextValueOfRow { .. } => false,
        _ => expr.subquery().is_none(),
    };
    own && expr.children().into_iter().all(is_repeatable)
}
