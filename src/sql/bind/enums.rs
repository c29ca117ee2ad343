//! Values of enums: their order, and how texts become them.

use crate::model::error::Error;
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{Expr, ExprKind, OrderItem, OrderKey};
use crate::sql::types::{Lowering, Types, Which};

/// A value by which an expression sorts as its type does: an enum's number in the place of its label,
/// else the expression itself.
pub(crate) fn sort_key(types: Types<'_>, expr: Expr) -> Expr {
    let Some(labels) = types.labels(expr.data_type.oid) else { return expr };
    let pair = |label: &crate::model::catalog::EnumLabel| {
        (Value::Text(label.label.clone()), Value::Real(label.number))
    };
    let (position, pairs) = (expr.position, labels.iter().map(pair).collect());
    let kind = ExprKind::Matched { operand: Box::new(expr), pairs, otherwise: None };
    Expr { kind, data_type: PgType::FLOAT8, position }
}

/// The label with the number that [`sort_key`] gave.
pub(super) fn from_sort_key(types: Types<'_>, key: Expr, data_type: PgType) -> Expr {
    let Some(labels) = types.labels(data_type.oid) else { return key };
    let pair = |label: &crate::model::catalog::EnumLabel| {
        (Value::Real(label.number), Value::Text(label.label.clone()))
    };
    let (position, pairs) = (key.position, labels.iter().map(pair).collect());
    let kind = ExprKind::Matched { operand: Box::new(key), pairs, otherwise: None };
    Expr { kind, data_type, position }
}

/// A list of labels as an argument of a function.
fn list(types: Types<'_>, oid: Oid) -> Option<Expr> {
    let labels: Vec<&str> = types.labels(oid)?.iter().map(|label| label.label.as_str()).collect();
    let json = serde_json::to_string(&labels).expect("strings are valid JSON");
    Some(Expr::constant(Value::Text(json), PgType::TEXT, 0))
}

impl Binder<'_> {
    /// What a query sorts by; `items` are its output columns.
    pub(super) fn sorted_items(&self, order_by: Vec<OrderItem>, items: &[Expr]) -> Vec<OrderItem> {
        let by_key = |item: OrderItem| {
            if self.types().labels(item.data_type.oid).is_none() {
                return item;
            }
            let expr = match item.key {
                OrderKey::Output(place) => items[place].clone(),
                OrderKey::Expr(expr) => expr,
            };
            let expr = sort_key(self.types(), expr);
            OrderItem { data_type: expr.data_type, key: OrderKey::Expr(expr), ..item }
        };
        order_by.into_iter().map(by_key).collect()
    }

    /// A text, or an array of texts, as a value of an enum or an array of them. `None` if the target
    /// is neither.
    pub(super) fn labelled(&mut self, text: Expr, target: PgType) -> Option<Expr> {
        let (types, position) = (self.types(), text.position);
        let base = types.base(target.oid);
        if let Some(labels) = types.labels(base) {
            let pair = |label: &crate::model::catalog::EnumLabel| {
                let value = Value::Text(label.label.clone());
                (value.clone(), value)
            };
            let pairs = labels.iter().map(pair).collect();
            let name = Value::Text(types.label(base).into_owned());
            let arguments = vec![text.clone(), Expr::constant(name, PgType::TEXT, 0)];
            let refused = Expr::call(Lowering::Call("pg_no_label"), arguments, target, 0);
            let operand = Box::new(text);
            let kind = ExprKind::Matched { operand, pairs, otherwise: Some(Box::new(refused)) };
            return Some(Expr { kind, data_type: target, position });
        }
        let element = types.element(base)?;
        let labels = list(types, element)?;
        let name = Value::Text(types.label(element).into_owned());
        let texts = Expr::call(Lowering::Reread, vec![text], PgType::TEXT_ARRAY, position);
        let arguments = vec![texts, labels, Expr::constant(name, PgType::TEXT, 0)];
        Some(Expr::call(Lowering::Call("pg_labels"), arguments, target, position))
    }

    /// `enum_first` and its like.
    pub(super) fn label_call(
        &mut self,
        which: Which,
        mut arguments: Vec<Expr>,
        result: PgType,
        position: u32,
    ) -> Result<Expr, Error> {
        let types = self.types();
        let oid = arguments.first().map_or(0, |argument| argument.data_type.oid);
        let Some(labels) = types.labels(oid) else {
            return Err(at(Error::refused("this enum is not supported"), position));
        };
        let label = |label: Option<&crate::model::catalog::EnumLabel>| {
            let value = label.map_or(Value::Null, |label| Value::Text(label.label.clone()));
            Expr::constant(value, result, position)
        };
        Ok(match (which, list(types, oid)) {
            (Which::First, _) => label(labels.first()),
            (Which::Last, _) => label(labels.last()),
            (Which::Between, Some(all)) => {
                arguments.insert(0, all);
                Expr::call(Lowering::Call("pg_label_range"), arguments, result, position)
            }
            (_, Some(all)) => Expr { data_type: result, position, ..all },
            (_, None) => return Err(Error::internal("an enum has labels")),
        })
    }
}
