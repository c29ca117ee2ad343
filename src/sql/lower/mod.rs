//! The bound tree to SQLite's.
//!
//! A [`Lower`] lowers one statement and collects where the parameters of the SQLite text come from.

mod condition;
mod dml;
mod expr;
mod fold;
mod query;
mod ranked;
mod series;
mod size;
mod table_function;
mod window;

pub(crate) use query::object_kind;

use std::collections::HashMap;

use crate::datum::{Style, range};
use crate::model::error::Error;
use crate::model::pg_type::{Oid, PgType};
use crate::pgdata::type_by_oid;
use crate::sql::bound::{RelationId, RelationName};
use crate::sql::types::Types;
use crate::sql::{Argument, Program, lite, render};

/// The collation that orders numerics by value.
pub(crate) const DECIMAL: &str = "decimal";

/// The column of marked relations ([`RelationName`]) that is NULL where an outer join lacks a row.
pub(crate) const PRESENT: &str = "_eider_present";

/// Lowers one statement.
#[derive(Debug)]
pub(crate) struct Lower<'a> {
    /// SQLite's names of the relations, by id.
    relations: &'a [RelationName],
    types: Types<'a>,
    arguments: Vec<Argument>,
    /// Where each of them stands: statements have up to 65,535.
    places: HashMap<Argument, usize>,
    /// Relations whose columns are written without the relation's name.
    bare: Vec<RelationId>,
    /// Relations whose columns are written with another relation's name, or another column's.
    renamed: HashMap<RelationId, String>,
    /// The session's time zone, if it is fixed at UTC.
    utc: bool,
    /// How the session shows values, where that is not only by its time zone.
    style: Option<String>,
    /// Whether it is for readers without a session: see [`Lower::sessionless`].
    sessionless: bool,
    /// Whether it is for a trigger: see [`Lower::in_trigger`].
    in_trigger: bool,
}

impl<'a> Lower<'a> {
    pub(crate) fn new(relations: &'a [RelationName], types: Types<'a>, time_zone: &str) -> Self {
        let utc = matches!(
            time_zone.to_ascii_uppercase().as_str(),
            "UTC" | "ETC/UTC" | "GMT" | "ETC/GMT" | "UCT" | "ZULU"
        );
        Self {
            relations,
            types,
            arguments: Vec::new(),
            places: HashMap::new(),
            bare: Vec::new(),
            renamed: HashMap::new(),
            utc,
            style: None,
            sessionless: false,
            in_trigger: false,
        }
    }

    /// For triggers, which run for any client: the time is the present moment, and what else a session would
    /// say can't be had ([`Lower::needs_session`]).
    pub(crate) fn in_trigger(relations: &'a [RelationName], types: Types<'a>) -> Self {
        Self { in_trigger: true, ..Self::new(relations, types, "UTC") }
    }

    /// Whether something was lowered that only a session can say.
    pub(crate) fn needs_session(&self) -> bool {
        !self.arguments.is_empty()
    }

    /// Writes the columns of a relation with another relation's name.
    pub(crate) fn rename(&mut self, id: RelationId, name: &str) {
        self.renamed.insert(id, name.to_owned());
    }

    /// For what other programs read (views): in place of what a session would say there is UTC, the
    /// present moment, and NULL for settings.
    pub(crate) fn sessionless(relations: &'a [RelationName], types: Types<'a>) -> Self {
        Self { sessionless: true, ..Self::new(relations, types, "UTC") }
    }

    /// The statement's text with where its parameters come from.
    pub(crate) fn program(self, statement: &lite::Statement) -> Program {
        Program {
            sql: render::statement(statement).into(),
            arguments: self.arguments,
            touches: None,
        }
    }

    fn argument(&mut self, argument: Argument) -> lite::Expr {
        let moment = matches!(argument, Argument::TransactionTime | Argument::StatementTime);
        if self.in_trigger && moment {
            return lite::Expr::call("_eider_now", Vec::new());
        }
        if self.sessionless {
            return match argument {
                Argument::TransactionTime | Argument::StatementTime => lite::Expr::call(
                    "strftime",
                    vec![lite::Expr::text("%Y-%m-%d %H:%M:%f+00:00"), lite::Expr::text("now")],
                ),
                _ => lite::Expr::Null,
            };
        }
        let next = self.arguments.len();
        let place = *self.places.entry(argument).or_insert_with_key(|argument| {
            self.arguments.push(argument.clone());
            next
        });
        lite::Expr::Parameter(place + 1)
    }

    fn zone(&mut self) -> lite::Expr {
        if self.utc {
            lite::Expr::text("UTC")
        } else {
            self.argument(Argument::Setting("TimeZone".to_owned()))
        }
    }

    /// Shows values as the session does.
    pub(crate) fn with_style(mut self, style: &Style) -> Self {
        self.style = (!style.is_plain()).then(|| style.encode());
        self
    }

    /// What functions that show or read values are told; see [`Style::encode`].
    fn style(&mut self) -> lite::Expr {
        match &self.style {
            Some(style) => lite::Expr::text(style),
            None => self.zone(),
        }
    }

    /// SQLite's name of a relation.
    fn alias(&self, id: RelationId) -> String {
        self.relations[id].name.clone()
    }

    /// Writes the columns of a relation by their bare names.
    pub(crate) fn bare_columns(&mut self, id: RelationId) {
        self.bare.push(id);
    }
}

/// Lowers an expression over the columns of one table, for CHECK, DEFAULT and indexes.
///
/// # Errors
/// 0A000 if it needs a parameter of any kind: such an expression is stored, not run for a client.
pub(crate) fn stored_expression(
    expr: &crate::sql::bound::Expr,
    id: RelationId,
    relations: &[RelationName],
    types: Types<'_>,
) -> Result<lite::Expr, Error> {
    let mut lower = Lower::new(relations, types, "UTC");
    lower.bare_columns(id);
    let lowered = lower.expr(expr)?;
    if lower.arguments.is_empty() {
        Ok(lowered)
    } else {
        Err(Error::refused("an expression that depends on the session is not supported here"))
    }
}

impl Lower<'_> {
    /// The collation that comparing values of a type needs.
    fn collation(&self, data_type: PgType) -> Option<&'static str> {
        collation(self.types.carrier(data_type))
    }

    /// The left side of a comparison, with the collation that its type needs.
    fn compared(
        &self,
        left: lite::Expr,
        op: &str,
        right: &lite::Expr,
        data_type: PgType,
    ) -> lite::Expr {
        // Equal ones have equal texts: an index is of use without the collation.
        let by_text = data_type.oid == PgType::TIMETZ.oid && matches!(op, "=" | "<>");
        if by_text {
            return left;
        }
        let left = collated(self.types, left, data_type);
        if right.has_collation() { binary(left) } else { left }
    }

    /// A value as text. Where the stored form is the text form, it is left alone.
    fn output(&mut self, value: lite::Expr, from: PgType) -> lite::Expr {
        match self.types.carrier(from) {
            PgType { oid: 20 | 21 | 23 | 26, .. } => lite::Expr::Cast(Box::new(value), "TEXT"),
            PgType { oid: 18 | 19 | 25 | 114 | 1042 | 1043 | 2950, .. } => value,
            // The text is another type's: it isn't compared as the number or the document.
            PgType { oid: 1700 | 3802, .. } => lite::Expr::Collate(Box::new(value), "binary"),
            from => {
                let zone = self.style();
                lite::Expr::call(
                    "pg_out",
                    vec![value, lite::Expr::Integer(i64::from(from.oid)), zone],
                )
            }
        }
    }
}

fn collated(types: Types<'_>, expr: lite::Expr, data_type: PgType) -> lite::Expr {
    match collation(types.carrier(data_type)) {
        Some(name) => lite::Expr::Collate(Box::new(expr), name),
        None if expr.has_collation() => binary(expr),
        None => expr,
    }
}

/// To SQLite a collation inside an expression (`CASE WHEN n > 1 ...`) is that of the whole.
fn binary(expr: lite::Expr) -> lite::Expr {
    match expr {
        lite::Expr::Collate(..) => expr,
        other => lite::Expr::Collate(Box::new(other), "binary"),
    }
}

/// The collation that comparing values of a type needs.
fn collation(data_type: PgType) -> Option<&'static str> {
    match data_type {
        PgType { oid: 1700, .. } => Some(DECIMAL),
        PgType { oid: 1186, .. } => Some("interval"),
        PgType { oid: 3802, .. } => Some("jsonb"),
        PgType { oid: 650 | 869, .. } => Some("network"),
        PgType { oid: 1266, .. } => Some("timetz"),
        PgType { oid: 2249, .. } => Some("record"),
        _ if range::Kind::of(data_type.oid).is_some() => {
            range::Kind::of(data_type.oid).map(range::Kind::collation)
        }
        _ => match array_element(data_type.oid)? {
            700 | 701 => Some("array_float"),
            1700 => Some("array_decimal"),
            1186 => Some("array_interval"),
            3802 => Some("array_jsonb"),
            650 | 869 => Some("array_network"),
            1266 => Some("array_timetz"),
            element => Some(range::Kind::of(element).map_or("array", range::Kind::array_collation)),
        },
    }
}

fn array_element(oid: Oid) -> Option<Oid> {
    let known = type_by_oid(oid).filter(|known| known.is_array).map(|known| known.element);
    known.or_else(|| range::element_of(oid))
}
