//! Rows that come as JSON: LATERAL and the elements of arrays. Each stored form has a form in JSON that
//! gives it back exactly.

use crate::model::error::Error;
use crate::model::pg_type::PgType;
use crate::sql::bound::{Part, Query, RelationId};
use crate::sql::lite;
use crate::sql::lower::Lower;

impl Lower<'_> {
    /// A query over its siblings: `json_each((SELECT json_group_array(json_array(...)) FROM (query)))`.
    pub(super) fn lateral(&mut self, query: &Query, id: RelationId) -> Result<lite::From, Error> {
        let inner = self.query(query, true)?;
        let fields = query
            .outputs
            .iter()
            .map(|output| to_json(lite::Expr::column(&output.alias), output.data_type))
            .collect();
        let row = lite::Expr::call("json_array", fields);
        let rows = lite::Select {
            items: vec![(lite::Expr::call("json_group_array", vec![row]), None)],
            from: Some(lite::From::Subquery { query: Box::new(inner), alias: "rows".to_owned() }),
            ..lite::Select::default()
        };
        Ok(lite::From::Function {
            name: "json_each",
            arguments: vec![lite::Expr::Subquery(Box::new(lite::Query::select(rows)))],
            alias: Some(self.alias(id)),
        })
    }

    /// A part of a row in JSON, in its stored form.
    pub(super) fn element(&self, id: RelationId, part: Part, data_type: PgType) -> lite::Expr {
        let column =
            |name: &str| lite::Expr::Column { table: Some(self.alias(id)), name: name.to_owned() };
        match part {
            Part::Number => lite::Expr::infix(column("key"), "+", lite::Expr::Integer(1)),
            Part::Value => element_value(column("value"), data_type),
            Part::Place(place) => {
                let path = lite::Expr::text(&format!("$[{place}]"));
                let value = lite::Expr::call("json_extract", vec![column("value"), path]);
                from_json(value, data_type)
            }
        }
    }
}

fn is_float(data_type: PgType) -> bool {
    data_type.oid == PgType::FLOAT4.oid || data_type.oid == PgType::FLOAT8.oid
}

fn is_integer(data_type: PgType) -> bool {
    [PgType::BOOL, PgType::INT2, PgType::INT4, PgType::INT8, PgType::OID]
        .iter()
        .any(|integer| integer.oid == data_type.oid)
}

fn is_text(value: lite::Expr) -> lite::Expr {
    let kind = lite::Expr::call("typeof", vec![value]);
    lite::Expr::infix(kind, "=", lite::Expr::text("text"))
}

/// `CASE WHEN condition THEN result ELSE otherwise END`.
fn choose(condition: lite::Expr, result: lite::Expr, otherwise: lite::Expr) -> lite::Expr {
    lite::Expr::Case {
        operand: None,
        branches: vec![(condition, result)],
        otherwise: Some(Box::new(otherwise)),
    }
}

/// A stored value in JSON. Numbers of SQLite's JSON have 15 digits, so a float goes as text; a BLOB
/// as hex; and a text that is JSON must stay a string.
fn to_json(value: lite::Expr, data_type: PgType) -> lite::Expr {
    if is_integer(data_type) {
        return value;
    }
    let null = lite::Expr::IsNull { operand: Box::new(value.clone()), negated: false };
    if is_float(data_type) {
        let quoted = lite::Expr::call("quote", vec![value.clone()]);
        return lite::Expr::Case {
            operand: None,
            branches: vec![(null, lite::Expr::Null), (is_text(value.clone()), value)],
            otherwise: Some(Box::new(quoted)),
        };
    }
    if data_type.oid == PgType::BYTEA.oid {
        return choose(null, lite::Expr::Null, lite::Expr::call("hex", vec![value]));
    }
    lite::Expr::infix(value, "||", lite::Expr::text(""))
}

/// The stored value of what [`to_json`] gave.
fn from_json(value: lite::Expr, data_type: PgType) -> lite::Expr {
    if is_float(data_type) {
        let nan = lite::Expr::infix(value.clone(), "=", lite::Expr::text("NaN"));
        let number = lite::Expr::Cast(Box::new(value.clone()), "REAL");
        return choose(nan, value, number);
    }
    if data_type.oid == PgType::BYTEA.oid {
        return lite::Expr::call("unhex", vec![value]);
    }
    value
}

/// The stored value of an array's element (`datum::array` says how they are stored).
fn element_value(value: lite::Expr, data_type: PgType) -> lite::Expr {
    if is_float(data_type) {
        let number = lite::Expr::Cast(Box::new(value.clone()), "REAL");
        return choose(is_text(value.clone()), value, number);
    }
    if data_type.oid == PgType::BYTEA.oid {
        let digits = lite::Expr::call("substr", vec![value, lite::Expr::Integer(3)]);
        return lite::Expr::call("unhex", vec![digits]);
    }
    value
}
