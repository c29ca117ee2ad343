//! `json_to_record`, `json_populate_record`, their like for sets, and those of jsonb: rows whose columns are
//! what the statement says, by a column definition list or as the rows of a table.
//!
//! All columns are read before any is asked for, so that a bad value is an error whoever looks at it. Only what is
//! particular to the database's own types is done afterwards: labels of enums, constraints of domains.

use crate::datum::json_record::Wanted;
use crate::datum::range;
use crate::model::catalog::{Relation, Table};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::pgdata;
use crate::sql::ast::{self, Call, ColumnType};
use crate::sql::bind::function::{Meaning, foreign_schema};
use crate::sql::bind::table_function::Rows;
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{Expr, ExprKind, From, Part};
use crate::sql::types::casts::Context;
use crate::sql::types::{Lowering, lookup_type};

/// The functions, but for `json` or `jsonb` before them.
const NAMES: [&str; 4] = ["_to_record", "_to_recordset", "_populate_record", "_populate_recordset"];

fn name_of(call: &Call) -> &str {
    call.name.last().map_or("", |name| name.text.as_str())
}

impl<'a> Binder<'a> {
    pub(super) fn is_json_record(call: &Call) -> bool {
        let name = name_of(call);
        let rest = name.strip_prefix("jsonb").or_else(|| name.strip_prefix("json"));
        foreign_schema(call).is_none() && rest.is_some_and(|rest| NAMES.contains(&rest))
    }

    /// The type of the rows, if it is a table's.
    pub(super) fn json_row_type(&self, call: &Call) -> Result<Oid, Error> {
        let base = call.arguments.first().filter(|_| name_of(call).contains("_populate_"));
        let Some(base) = base else { return Ok(0) };
        if let Some(table) = self.base_table(base)? {
            return Ok(crate::catalog::row_type(table));
        }
        let ast::ExprKind::Cast { target, .. } = &base.kind else { return Ok(0) };
        let known = lookup_type(self.types(), target).map_or(0, |known| known.oid);
        Ok(if self.types().attributes(known).is_some() { known } else { 0 })
    }

    /// The rows of such a function, with the column definition list that stands behind it.
    pub(super) fn json_rows(
        &mut self,
        call: &Call,
        definitions: &[ColumnType],
        position: u32,
    ) -> Result<Rows, Error> {
        let is_populated = name_of(call).contains("_populate_");
        let table = match call.arguments.first() {
            Some(base) if is_populated => self.base_table(base)?,
            _ => None,
        };
        let (mut arguments, mut named) = (Vec::new(), None);
        for (place, argument) in call.arguments.iter().enumerate() {
            let argument = match table {
                Some(_) if place == 0 => Expr::constant(Value::Null, PgType::RECORD, 0),
                _ => self.expr(argument)?,
            };
            if place == 0 && self.types().attributes(argument.data_type.oid).is_some() {
                named = self.field_types(argument.data_type);
            }
            arguments.push(argument);
        }
        let name = name_of(call);
        let Meaning::Function(chosen) = self.meaning(name, call, arguments, position)? else {
            return Err(Error::internal("a function of JSON is not a cast"));
        };
        let Lowering::Rows(function) = chosen.lowering else {
            return Err(Error::internal("a function of JSON gives rows"));
        };
        let mut arguments = chosen.arguments.into_iter();
        if is_populated {
            let base = arguments.next().filter(|_| table.is_none());
            base.map_or(Ok(()), |base| self.check_base(&base, name))?;
        }
        let named = named.filter(|_| is_populated);
        let document = arguments.next().ok_or_else(|| Error::internal("there is a document"))?;
        let columns = table.map(|table| {
            let columns = table.columns.iter();
            columns.map(|column| (column.name.clone(), column.data_type)).collect::<Vec<_>>()
        });
        let wanted = match (columns.or(named), definitions.first()) {
            (Some(_), Some(first)) => {
                let message = "a column definition list is redundant for a function returning a named composite type";
                let error = Error::user(SqlState::SYNTAX_ERROR, message);
                return Err(at(error, first.name.position));
            }
            (Some(columns), None) => columns,
            (None, _) => self.defined(definitions, position)?,
        };
        self.rows_of_json(function, document, &wanted, position)
    }

    /// The table whose rows a first argument is: `NULL::table`.
    fn base_table(&self, base: &ast::Expr) -> Result<Option<&'a Table>, Error> {
        let ast::ExprKind::Cast { operand, target } = &base.kind else { return Ok(None) };
        let plain = !target.array && target.modifiers.is_empty();
        if !plain || lookup_type(self.types(), target).is_ok() {
            return Ok(None);
        }
        let Some(Relation::Table(table)) = self.relation(&target.name)? else { return Ok(None) };
        if operand.kind != ast::ExprKind::Null {
            let message = "rows from JSON over a row that isn't NULL are not supported";
            return Err(at(Error::refused(message), operand.position));
        }
        Ok(Some(table))
    }

    /// Checks a first argument that isn't a table's row.
    fn check_base(&self, base: &Expr, name: &str) -> Result<(), Error> {
        if base.is_unknown() {
            let message = "could not determine polymorphic type because input has type unknown";
            return Err(Error::user(SqlState::DATATYPE_MISMATCH, message));
        }
        if !self.types().is_row(base.data_type.oid) {
            let message = format!("first argument of {name} must be a row type");
            return Err(Error::user(SqlState::DATATYPE_MISMATCH, message));
        }
        if !base.is_null_constant() {
            let message = "rows from JSON over a row that isn't NULL are not supported";
            return Err(Error::refused(message));
        }
        Ok(())
    }

    /// The columns of a definition list.
    fn defined(
        &self,
        definitions: &[ColumnType],
        position: u32,
    ) -> Result<Vec<(String, PgType)>, Error> {
        if definitions.is_empty() {
            let message = "a column definition list is required for functions returning \"record\"";
            return Err(at(Error::user(SqlState::SYNTAX_ERROR, message), position));
        }
        let mut columns: Vec<(String, PgType)> = Vec::new();
        for definition in definitions {
            let name = &definition.name.text;
            let data_type = lookup_type(self.types(), &definition.data_type)?;
            if columns.iter().any(|(known, _)| known == name) {
                let message = format!("column name \"{name}\" specified more than once");
                return Err(Error::user(SqlState::DUPLICATE_COLUMN, message));
            }
            if data_type.oid == PgType::RECORD.oid {
                let message =
                    "a column of type record in a column definition list is not supported";
                return Err(at(Error::refused(message), definition.name.position));
            }
            if matches!(data_type, PgType::UNKNOWN | PgType::VOID) {
                let label = self.types().label(data_type.oid);
                let message = format!("column \"{name}\" has pseudo-type {label}");
                return Err(Error::user(SqlState::INVALID_TABLE_DEFINITION, message));
            }
            columns.push((name.clone(), data_type));
        }
        Ok(columns)
    }

    fn rows_of_json(
        &mut self,
        function: &'static str,
        document: Expr,
        wanted: &[(String, PgType)],
        position: u32,
    ) -> Result<Rows, Error> {
        let types = self.types();
        // A domain's values are read as those of what it is over, with the modifier of that.
        let carrier = |data_type: PgType| match types.domain(data_type.oid) {
            Some(domain) => PgType { modifier: domain.base.modifier, ..types.carrier(domain.base) },
            None => types.carrier(data_type),
        };
        let columns: Vec<Wanted> = wanted
            .iter()
            .map(|(name, data_type)| Wanted { name: name.clone(), data_type: carrier(*data_type) })
            .collect();
        let encoded = Value::Text(Wanted::encode(&columns));
        let arguments = vec![Expr::constant(encoded, PgType::TEXT, position), document];
        let array = Expr::call(Lowering::Typed(function), arguments, PgType::TEXT, position);
        let id = self.add_relation("record");
        let part = |part, data_type, label: &str| Expr {
            kind: ExprKind::Element { relation: id, part, label: label.to_owned() },
            data_type,
            position,
        };
        let mut values = Vec::new();
        for (place, ((name, target), column)) in wanted.iter().zip(&columns).enumerate() {
            let value = part(Part::Place(place), column.data_type, name);
            let value = if column.data_type.oid == target.oid {
                value
            } else if range::is_carrier(column.data_type.oid) {
                Expr { data_type: *target, ..value }
            } else {
                self.coerce(value, *target, Context::Explicit)?.ok_or_else(|| {
                    let label = self.types().label(target.oid);
                    let message =
                        format!("values of type {label} in rows from JSON are not supported");
                    at(Error::refused(message), position)
                })?
            };
            values.push((name.clone(), value));
        }
        let number = part(Part::Number, PgType::INT8, "ordinality");
        Ok(Rows { from: From::Each { array: Box::new(array), id }, columns: values, number })
    }

    /// Why a function can't have a column definition list.
    pub(super) fn no_definitions(function: &ast::Expr, definitions: &[ColumnType]) -> Error {
        let returns_columns = match &function.kind {
            ast::ExprKind::Call(call) => pgdata::functions_named(name_of(call))
                .iter()
                .any(|known| !known.outputs().is_empty()),
            _ => false,
        };
        let message = if returns_columns {
            "a column definition list is redundant for a function with OUT parameters"
        } else {
            "a column definition list is only allowed for functions returning \"record\""
        };
        at(Error::user(SqlState::SYNTAX_ERROR, message), definitions[0].name.position)
    }

    /// `json_to_record` in a select list has no columns.
    ///
    /// # Errors
    /// 0A000, unless the columns are a table's.
    pub(super) fn check_has_columns(&self, call: &Call) -> Result<(), Error> {
        if !Self::is_json_record(call) || name_of(call).contains("_populate_") {
            return Ok(());
        }
        let name = name_of(call);
        let message = format!("could not determine row type for result of {name}");
        Err(Error::refused(message).with_hint(
            "Provide a non-null record argument, or call the function in the FROM clause using a column definition list.",
        ))
    }
}
