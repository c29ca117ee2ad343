//! Names of objects as values: `'t'::regclass`, `'integer'::regtype` and the like (manual, "Object
//! Identifier Types").

use crate::catalog;
use crate::model::catalog::Relation;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::pgdata::{self, TypeNameParts, type_name_parts};
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{Expr, ExprKind};
use crate::sql::types::resolve::Found;

/// `pg_authid.oid` of the role that everything belongs to.
const SUPERUSER: Oid = 10;

/// How `pg_get_serial_sequence` is done.
pub(super) const SERIAL_SEQUENCE: &str = "_eider_pg_get_serial_sequence";

/// The types whose values are objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Function,
    /// A function with its arguments.
    Signature,
    Operator,
    OperatorSignature,
    Relation,
    Type,
    Schema,
    Role,
}

fn kind(oid: Oid) -> Option<Kind> {
    Some(match oid {
        24 => Kind::Function,
        2202 => Kind::Signature,
        2203 => Kind::Operator,
        2204 => Kind::OperatorSignature,
        2205 => Kind::Relation,
        2206 => Kind::Type,
        4089 => Kind::Schema,
        4096 => Kind::Role,
        _ => return None,
    })
}

impl Binder<'_> {
    /// The object that a text means, if the type's values are objects.
    ///
    /// # Errors
    /// 42P01, 42704, 42883, 42725, 3F000: there is no such object.
    pub(super) fn object_id(
        &self,
        target: PgType,
        text: &str,
        position: u32,
    ) -> Result<Option<Expr>, Error> {
        let Some(kind) = kind(target.oid) else { return Ok(None) };
        let number = text.trim();
        let oid = if number == "-" {
            0
        } else if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
            number.parse().map_err(|_| {
                let message = format!("value \"{text}\" is out of range for type oid");
                at(Error::user(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message), position)
            })?
        } else {
            self.named_object(kind, text).map_err(|error| at(error, position))?
        };
        let value = Value::Integer(i64::from(oid));
        Ok(Some(Expr::constant(value, PgType::new(target.oid), position)))
    }

    /// `pg_get_serial_sequence('table', 'column')` as the sequence that it names; `None` if that depends on more than
    /// the schema.
    pub(super) fn serial_sequence(
        &self,
        arguments: &[Expr],
        position: u32,
    ) -> Result<Option<Expr>, Error> {
        let [table, column] = arguments else { return Ok(None) };
        let (ExprKind::Constant(table), ExprKind::Constant(column)) = (&table.kind, &column.kind)
        else {
            return Ok(None);
        };
        let found = match (table, column) {
            (Value::Text(table), Value::Text(column)) => self.owned_sequence(table, column)?,
            _ => None,
        };
        let value = found.map_or(Value::Null, |oid| Value::Integer(i64::from(oid)));
        Ok(Some(Expr::constant(value, PgType::REGCLASS, position)))
    }

    /// The sequence that a column owns.
    fn owned_sequence(&self, table: &str, column: &str) -> Result<Option<Oid>, Error> {
        let Some(table) = self.catalog.table_by_oid(self.relation_named(table)?) else {
            return Ok(None);
        };
        let Some(known) = table.column(column) else {
            let message =
                format!("column \"{column}\" of relation \"{}\" does not exist", table.name);
            return Err(Error::user(SqlState::UNDEFINED_COLUMN, message));
        };
        let owner = (table.stored.clone(), known.number);
        let mut all = self.catalog.sequences.values();
        let found = all.find(|sequence| sequence.owner.as_ref() == Some(&owner));
        Ok(found.map(|sequence| sequence.oid))
    }

    fn named_object(&self, kind: Kind, text: &str) -> Result<Oid, Error> {
        match kind {
            Kind::Function => self.function_named(text),
            Kind::Signature => self.function_with_arguments(text),
            Kind::Operator => operator_named(text),
            Kind::OperatorSignature => self.operator_with_arguments(text),
            Kind::Relation => self.relation_named(text),
            Kind::Type => self.type_named(text).or_else(|error| self.row_type(text).ok_or(error)),
            Kind::Schema => match (text, self.catalog.schemas.get(text)) {
                ("pg_catalog", _) => Ok(pgdata::PG_CATALOG),
                (_, Some(schema)) => Ok(schema.oid),
                _ => Err(Error::user(
                    SqlState::INVALID_SCHEMA_NAME,
                    format!("schema \"{text}\" does not exist"),
                )),
            },
            Kind::Role => {
                let role = parts(text)?;
                if let Some(known) = self.catalog.roles.iter().find(|known| known.name == role.name)
                {
                    return Ok(known.oid);
                }
                if role.name == self.settings.user || role.name == "postgres" {
                    return Ok(SUPERUSER);
                }
                let message = format!("role \"{}\" does not exist", role.name);
                Err(Error::user(SqlState::UNDEFINED_OBJECT, message))
            }
        }
    }

    /// A table, index or sequence of this database, or one of PostgreSQL's own relations.
    fn relation_named(&self, text: &str) -> Result<Oid, Error> {
        let parts = parts(text)?;
        let missing = || {
            let label = match &parts.schema {
                Some(schema) => format!("{schema}.{}", parts.name),
                None => parts.name.clone(),
            };
            if let Some(error) = parts.schema.as_deref().and_then(|schema| self.no_schema(schema)) {
                return error;
            }
            let message = format!("relation \"{label}\" does not exist");
            Error::user(SqlState::UNDEFINED_TABLE, message)
        };
        let schema = parts.schema.as_deref().unwrap_or("pg_catalog");
        if let Some(relation) = catalog::relation(schema, &parts.name) {
            return Ok(relation.oid);
        }
        if let ("pg_catalog", Some(oid)) = (schema, pgdata::relation_named(&parts.name)) {
            return Ok(oid);
        }
        self.own_relation(&parts).map(Relation::oid).ok_or_else(missing)
    }

    fn own_relation(&self, parts: &TypeNameParts) -> Option<Relation<'_>> {
        match parts.schema.as_deref() {
            Some(schema) => self.catalog.relation(schema, &parts.name),
            None => self
                .relation_path()
                .into_iter()
                .find_map(|schema| self.catalog.relation(schema, &parts.name)),
        }
    }

    pub(super) fn type_named(&self, text: &str) -> Result<Oid, Error> {
        let missing = |label: &str| {
            let message = format!("type \"{label}\" does not exist");
            Error::user(SqlState::UNDEFINED_OBJECT, message)
        };
        let parts = parts(text).map_err(|_| missing(text))?;
        if let Some(found) = pgdata::type_by_parts(&parts) {
            return Ok(found.oid);
        }
        let types = self.types();
        let own = types.own_named(parts.schema.as_deref(), &parts.name);
        let own = if parts.is_array { own.and_then(|oid| types.array_of(oid)) } else { own };
        own.ok_or_else(|| missing(text.trim()))
    }

    /// The type of a table's rows, or of arrays of them.
    fn row_type(&self, text: &str) -> Option<Oid> {
        let parts = parts(text).ok()?;
        match self.own_relation(&parts)? {
            Relation::Table(table) if parts.is_array => Some(catalog::array_of_rows(table)),
            Relation::Table(table) => Some(catalog::row_type(table)),
            _ => None,
        }
    }

    /// A function that is alone with its name.
    fn function_named(&self, text: &str) -> Result<Oid, Error> {
        let name = parts(text)?;
        let mut known: Vec<Oid> =
            pgdata::functions_named(&name.name).iter().map(|function| function.oid).collect();
        let own = self.functions_named(name.schema.as_deref(), &name.name);
        known.extend(own.into_iter().map(|own| own.oid));
        match known.as_slice() {
            [one] => Ok(*one),
            [] => Err(Error::user(
                SqlState::UNDEFINED_FUNCTION,
                format!("function \"{text}\" does not exist"),
            )),
            _ => Err(Error::user(
                SqlState::AMBIGUOUS_FUNCTION,
                format!("more than one function named \"{text}\""),
            )),
        }
    }

    /// `name(type, ...)`.
    fn function_with_arguments(&self, text: &str) -> Result<Oid, Error> {
        let (name, arguments) = self.signature(text)?;
        let mut known = pgdata::functions_named(&name.name).iter();
        let known = known.find(|function| *function.arguments == *arguments);
        known
            .map(|function| function.oid)
            .or_else(|| {
                let own = self.functions_named(name.schema.as_deref(), &name.name);
                own.into_iter().find(|own| own.argument_types == arguments).map(|own| own.oid)
            })
            .ok_or_else(|| {
                let message = format!("function \"{text}\" does not exist");
                Error::user(SqlState::UNDEFINED_FUNCTION, message)
            })
    }

    fn operator_with_arguments(&self, text: &str) -> Result<Oid, Error> {
        let missing = || {
            let message = format!("operator does not exist: {text}");
            Error::user(SqlState::UNDEFINED_FUNCTION, message)
        };
        let (name, rest) = text.split_once('(').ok_or_else(missing)?;
        let types: Vec<&str> = rest.trim_end().trim_end_matches(')').split(',').collect();
        let [left, right] = types.as_slice() else { return Err(missing()) };
        let left = match left.trim() {
            none if none.eq_ignore_ascii_case("none") => None,
            name => Some(self.type_named(name)?),
        };
        let right = self.type_named(right)?;
        let name = name.trim().trim_start_matches("pg_catalog.");
        match crate::sql::types::resolve::operator(self.types(), name, left, right) {
            Found::One(found) if (found.left, found.right) == (left.unwrap_or(0), right) => {
                Ok(found.oid)
            }
            Found::One(_) | Found::None | Found::Ambiguous => Err(missing()),
        }
    }

    /// A function's name, and its arguments' types.
    fn signature(&self, text: &str) -> Result<(TypeNameParts, Vec<Oid>), Error> {
        let wrong = |message: &str| Error::user(SqlState::INVALID_TEXT_REPRESENTATION, message);
        let (name, rest) =
            text.split_once('(').ok_or_else(|| wrong("expected a left parenthesis"))?;
        let arguments = rest
            .trim_end()
            .strip_suffix(')')
            .ok_or_else(|| wrong("expected a right parenthesis"))?;
        let types = split_arguments(arguments)
            .into_iter()
            .map(|argument| self.type_named(argument))
            .collect::<Result<_, _>>()?;
        Ok((parts(name)?, types))
    }
}

/// Types between commas that are not in parentheses.
fn split_arguments(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let separator = |character: char| {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    };
    text.split(separator).map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn parts(text: &str) -> Result<TypeNameParts, Error> {
    type_name_parts(text).ok_or_else(|| Error::user(SqlState::INVALID_NAME, "invalid name syntax"))
}

fn operator_named(text: &str) -> Result<Oid, Error> {
    match pgdata::operators_named(text.trim().trim_start_matches("pg_catalog.")) {
        [one] => Ok(one.oid),
        [] => Err(Error::user(
            SqlState::UNDEFINED_FUNCTION,
            format!("operator does not exist: {text}"),
        )),
        _ => Err(Error::user(
            SqlState::AMBIGUOUS_FUNCTION,
            format!("more than one operator named {text}"),
        )),
    }
}
