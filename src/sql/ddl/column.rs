//! Columns of new and of changed tables.

use crate::model::catalog::{Column, Identity, Sequence};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::sql::ast::{self, ColumnDefinition, ExprKind, SequenceOptions};
use crate::sql::bind::{Binder, at};
use crate::sql::ddl::Work;
use crate::sql::ddl::name::{Chooser, free_stored_name};
use crate::sql::ddl::sequence;
use crate::sql::types::{is_integer, lookup_type};

/// A column with the sequence that it brings.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) column: Column,
    pub(super) sequence: Option<Sequence>,
}

/// The table that a column is planned for.
pub(super) struct Place<'t> {
    pub(super) table_name: &'t str,
    pub(super) table_stored: &'t str,
    pub(super) number: i16,
    /// The columns that are there.
    pub(super) others: &'t [Column],
}

/// `serial` and its like: not types, but an integer with a sequence.
fn serial_type(name: &ast::TypeName) -> Option<PgType> {
    let [only] = name.name.as_slice() else { return None };
    match only.text.as_str() {
        "serial" | "serial4" => Some(PgType::INT4),
        "bigserial" | "serial8" => Some(PgType::INT8),
        "smallserial" | "serial2" => Some(PgType::INT2),
        _ => None,
    }
}

/// # Errors
/// 42701 for a system column's name, or one that is taken.
fn check_name(name: &ast::Name, place: &Place<'_>) -> Result<(), Error> {
    if ["ctid", "tableoid", "xmin", "xmax", "cmin", "cmax"].contains(&name.text.as_str()) {
        let message = format!("column name \"{}\" conflicts with a system column name", name.text);
        return Err(Error::user(SqlState::DUPLICATE_COLUMN, message));
    }
    if place.others.iter().any(|other| other.name == name.text) {
        let message = format!("column \"{}\" specified more than once", name.text);
        return Err(Error::user(SqlState::DUPLICATE_COLUMN, message));
    }
    Ok(())
}

/// SQLite's name of a new column: names there differ by more than case.
pub(super) fn stored_name(name: &str, others: &[Column]) -> String {
    free_stored_name(name.to_owned(), |candidate| {
        others.iter().any(|other| other.stored.eq_ignore_ascii_case(candidate))
    })
}

/// Plans a column, but for its constraints.
pub(super) fn plan(
    tree: &ColumnDefinition,
    place: &Place<'_>,
    chooser: &mut Chooser<'_>,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<Planned, Error> {
    check_name(&tree.name, place)?;
    let name = &tree.name.text;
    let serial = serial_type(&tree.data_type);
    if serial.is_some() && tree.data_type.array {
        return Err(Error::refused("array of serial is not implemented"));
    }
    let data_type = match serial {
        Some(data_type) => data_type,
        None => lookup_type(binder.types(), &tree.data_type)?,
    };
    let defaults = usize::from(serial.is_some())
        + usize::from(tree.identity.is_some())
        + usize::from(tree.default.is_some());
    if defaults > 1 || (defaults > 0 && tree.generated.is_some()) {
        return Err(at(several_defaults(tree, place.table_name), tree.name.position));
    }
    let mut column = Column {
        stored: stored_name(name, place.others),
        not_null: tree.not_null || serial.is_some() || tree.identity.is_some(),
        generated: tree.generated.as_ref().map(|source| source.text.clone()),
        ..Column::new(place.number, name, data_type)
    };
    let mut planned_sequence = None;
    let options = tree.identity.as_ref().map(|identity| &identity.options);
    if serial.is_some() || options.is_some() {
        let none = SequenceOptions::default();
        let owned = owned_sequence(place, &column, options.unwrap_or(&none), chooser, work)?;
        column.sequence = Some(owned.oid);
        planned_sequence = Some(Sequence { internal: options.is_some(), ..owned });
    }
    if let Some(identity) = &tree.identity {
        column.identity = Some(identity_kind(identity.always));
    }
    if let Some(source) = &tree.default {
        set_default(&mut column, source, binder)?;
    }
    Ok(Planned { column, sequence: planned_sequence })
}

pub(super) fn identity_kind(always: bool) -> Identity {
    if always { Identity::Always } else { Identity::ByDefault }
}

fn several_defaults(tree: &ColumnDefinition, table: &str) -> Error {
    let name = &tree.name.text;
    let message = match (&tree.identity, &tree.generated) {
        (Some(_), Some(_)) => format!(
            "both identity and generation expression specified for column \"{name}\" of table \"{table}\""
        ),
        (Some(_), None) => {
            format!(
                "both default and identity specified for column \"{name}\" of table \"{table}\""
            )
        }
        (None, Some(_)) => format!(
            "both default and generation expression specified for column \"{name}\" of table \"{table}\""
        ),
        (None, None) => {
            format!("multiple default values specified for column \"{name}\" of table \"{table}\"")
        }
    };
    Error::user(SqlState::SYNTAX_ERROR, message)
}

/// The sequence of a serial or identity column.
pub(super) fn owned_sequence(
    place: &Place<'_>,
    column: &Column,
    options: &SequenceOptions,
    chooser: &mut Chooser<'_>,
    work: &mut Work,
) -> Result<Sequence, Error> {
    if !is_integer(column.data_type.oid) {
        let message = "identity column type must be smallint, integer, or bigint";
        return Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message));
    }
    let name = match options.name.as_deref() {
        Some([.., last]) => last.text.clone(),
        _ => chooser.choose(place.table_name, &column.name, "seq"),
    };
    let placed = chooser.place(&name);
    let mut planned = sequence::plan(placed, work.oids.take(), column.data_type.oid, options)?;
    planned.owner = Some((place.table_stored.to_owned(), column.number));
    Ok(planned)
}

/// Gives a column a default: a sequence's next value is kept as that, anything else as text.
///
/// # Errors
/// 42804 if it isn't of the column's type; what binding it finds.
pub(super) fn set_default(
    column: &mut Column,
    source: &ast::SourceExpr,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    column.default = None;
    column.sequence = None;
    if matches!(source.expr.kind, ExprKind::Null) {
        return Ok(());
    }
    if let Some(oid) = taken_sequence(&source.expr, binder) {
        column.sequence = Some(oid);
        return Ok(());
    }
    if uses_columns(&source.expr) {
        let message = "cannot use column reference in DEFAULT expression";
        return Err(at(Error::refused(message), source.expr.position));
    }
    if has_subquery(&source.expr) {
        let message = "cannot use subquery in DEFAULT expression";
        return Err(at(Error::refused(message), source.expr.position));
    }
    binder.defined_default(&source.text, column)?;
    binder.sequences.clear();
    column.default = Some(source.text.clone());
    Ok(())
}

fn uses_columns(expr: &ast::Expr) -> bool {
    matches!(expr.kind, ExprKind::Column(_))
}

fn has_subquery(expr: &ast::Expr) -> bool {
    matches!(expr.kind, ExprKind::Subquery(_) | ExprKind::Exists(_) | ExprKind::ArraySubquery(_))
}

/// The sequence, if the expression is just `nextval('name')` or `nextval('name'::regclass)`.
fn taken_sequence(expr: &ast::Expr, binder: &Binder<'_>) -> Option<Oid> {
    let ExprKind::Call(call) = &expr.kind else { return None };
    let ([.., name], [argument]) = (call.name.as_slice(), call.arguments.as_slice()) else {
        return None;
    };
    let constant = match &argument.kind {
        ExprKind::Cast { operand, .. } => &operand.kind,
        other => other,
    };
    let (ExprKind::String(text), "nextval") = (constant, name.text.as_str()) else { return None };
    binder.sequence_named(text).ok().map(|sequence| sequence.oid)
}
