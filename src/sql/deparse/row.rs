//! Rows and their fields.

use super::{Shown, Writer};
use crate::model::pg_type::{Oid, PgType};
use crate::pgdata::quote_identifier;
use crate::sql::ast::{Expr, ExprKind, Name};

impl Writer<'_> {
    /// `(row).name`. What names a relation's column that way is left to the text as it was written.
    pub(super) fn field(&mut self, operand: &Expr, name: &Name) -> Option<Shown> {
        let known = self.trace.of(operand)?;
        if known.data_type.oid == PgType::RECORD.oid {
            return None;
        }
        let nested = matches!(operand.kind, ExprKind::Field { .. });
        let operand = self.value(operand, None)?.text;
        let name = quote_identifier(&name.text);
        let text = if nested { format!("{operand}.{name}") } else { format!("({operand}).{name}") };
        Some(Shown::simple(text))
    }

    /// `ROW(a, b)`, with its fields as those of a composite type if it becomes one.
    pub(super) fn row(&mut self, items: &[Expr], target: Option<Oid>) -> Option<Shown> {
        let attributes = target.and_then(|oid| self.types().attributes(oid)).unwrap_or_default();
        let mut shown = Vec::new();
        for (place, item) in items.iter().enumerate() {
            let wanted = attributes.get(place).map(|attribute| attribute.data_type);
            shown.push(match (&item.kind, wanted) {
                (ExprKind::WholeRow(_) | ExprKind::Expand(_), _) => return None,
                (ExprKind::Row(inner), Some(wanted)) => self.row(inner, Some(wanted.oid))?.text,
                (ExprKind::String(_) | ExprKind::Null, _) => {
                    self.value(item, wanted.map(|wanted| wanted.oid))?.text
                }
                (_, Some(wanted)) => {
                    let known = self.type_of(item)?;
                    let value = self.value(item, None)?;
                    let same = known.oid == wanted.oid
                        && (wanted.modifier < 0 || wanted.modifier == known.modifier);
                    if same { value.text } else { self.converted(value, wanted).text }
                }
                (_, None) => self.value(item, None)?.text,
            });
        }
        Some(Shown::simple(format!("ROW({})", shown.join(", "))))
    }
}
