//! XMLPARSE, XMLSERIALIZE and IS DOCUMENT.

use crate::datum::xml::{Shape, XML};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::sql::ast::{self, XmlForm};
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{Expr, ExprKind};
use crate::sql::types::casts::Context;
use crate::sql::types::{Lowering, lookup_type};

impl Binder<'_> {
    pub(super) fn xml(
        &mut self,
        form: &XmlForm,
        operand: &ast::Expr,
        position: u32,
    ) -> Result<Expr, Error> {
        let operand = self.expr(operand)?;
        let call = |name: &'static str, operand: Expr, data_type: PgType| {
            Expr::strict_call(Lowering::Call(name), vec![operand], data_type, position)
        };
        match form {
            XmlForm::Parse { shape, .. } => {
                // Whatever has a text is taken, as for a column.
                let from = self.types().label(operand.data_type.oid).to_string();
                let text = self.coerce(operand, PgType::TEXT, Context::Assignment)?;
                let text = text.ok_or_else(|| {
                    let message =
                        format!("argument of XMLPARSE must be type text, not type {from}");
                    at(Error::user(SqlState::DATATYPE_MISMATCH, message), position)
                })?;
                Ok(call(parsing(*shape), text, XML))
            }
            XmlForm::Serialize { shape, target } => {
                let target = lookup_type(self.types(), target)?;
                if !matches!(target.oid, 25 | 1042 | 1043) {
                    let label = self.types().label(target.oid);
                    let message = format!("cannot cast XMLSERIALIZE result to {label}");
                    return Err(at(Error::user(SqlState::CANNOT_COERCE, message), position));
                }
                let value = self.coerce_to(operand, XML, "argument of XMLSERIALIZE")?;
                let value = match shape {
                    Shape::Document => call("pg_xml_whole", value, XML),
                    Shape::Content => value,
                };
                self.cast(value, target, position)
            }
            XmlForm::IsDocument { negated } => {
                let value = self.coerce_to(operand, XML, "argument of IS DOCUMENT")?;
                let is = call("pg_xml_has_document", value, PgType::BOOL);
                if *negated {
                    let kind = ExprKind::Not(Box::new(is));
                    return Ok(Expr { kind, data_type: PgType::BOOL, position });
                }
                Ok(is)
            }
        }
    }
}

fn parsing(shape: Shape) -> &'static str {
    match shape {
        Shape::Document => "pg_xml_document",
        Shape::Content => "pg_xml_content",
    }
}
