//! Foreign keys that are looked at as a whole: SET CONSTRAINTS, and what ALTER TABLE adds or validates.

use crate::model::catalog::{Constraint, ConstraintKind, Table};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::QualifiedName;
use crate::sql::bind::Binder;
use crate::sql::compile::check_step;
use crate::sql::ddl::alter::about;
use crate::sql::ddl::rebuild;
use crate::sql::{Action, SetConstraints, Step, Unwanted};

/// SET CONSTRAINTS of these names, or of all that can be deferred.
///
/// # Errors
/// 42704, and 42809 for a constraint that can't be deferred.
pub(in crate::sql) fn set_constraints(
    names: Option<&[QualifiedName]>,
    deferred: bool,
    binder: &Binder<'_>,
) -> Result<Action, Error> {
    let mut tables: Vec<&Table> = binder.catalog.tables.values().map(AsRef::as_ref).collect();
    tables.sort_unstable_by_key(|table| table.oid);
    let all: Vec<(&Table, &Constraint)> = tables
        .into_iter()
        .flat_map(|table| table.constraints.iter().map(move |constraint| (table, constraint)))
        .collect();
    let targets: Vec<(&Table, &Constraint)> = match names {
        None => all.into_iter().filter(|(_, constraint)| constraint.deferrable).collect(),
        Some(names) => {
            let mut targets = Vec::new();
            for name in names {
                targets.extend(named(name, &all, binder)?);
            }
            targets
        }
    };
    let changes_default = targets.iter().any(|(_, constraint)| !constraint.initially_deferred);
    let checks = if deferred {
        Vec::new()
    } else {
        let check =
            |(table, constraint): &(&Table, &Constraint)| orphan_check(table, constraint, binder);
        targets.iter().filter_map(check).collect()
    };
    Ok(Action::SetConstraints(SetConstraints { deferred, changes_default, checks }))
}

fn named<'c>(
    name: &QualifiedName,
    all: &[(&'c Table, &'c Constraint)],
    binder: &Binder<'_>,
) -> Result<Vec<(&'c Table, &'c Constraint)>, Error> {
    let Some(last) = name.last() else { return Ok(Vec::new()) };
    let schemas = match name.as_slice() {
        [schema, _] => vec![schema.text.as_str()],
        _ => binder.relation_path(),
    };
    // The first schema of the path that has some has all that are meant.
    let found = schemas
        .into_iter()
        .map(|schema| {
            let is = |(table, constraint): &&(&Table, &Constraint)| {
                table.schema == schema && constraint.name == last.text
            };
            all.iter().filter(is).copied().collect::<Vec<_>>()
        })
        .find(|found| !found.is_empty())
        .ok_or_else(|| {
            let message = format!("constraint \"{}\" does not exist", last.text);
            Error::user(SqlState::UNDEFINED_OBJECT, message)
        })?;
    if found.iter().any(|(_, constraint)| !constraint.deferrable) {
        let message = format!("constraint \"{}\" is not deferrable", last.text);
        return Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message));
    }
    Ok(found)
}

/// 23503 for a table whose rows refer to what isn't there.
pub(super) fn broken(table: &Table, constraint: &Constraint) -> Error {
    let message = format!(
        "insert or update on table \"{}\" violates foreign key constraint \"{}\"",
        table.name, constraint.name
    );
    about(Error::user(SqlState::FOREIGN_KEY_VIOLATION, message), table, constraint)
}

/// Fails if a table's rows break a foreign key. `None` for other constraints.
pub(super) fn orphan_check(
    table: &Table,
    constraint: &Constraint,
    binder: &Binder<'_>,
) -> Option<Step> {
    let ConstraintKind::ForeignKey { columns, table: foreign, .. } = &constraint.kind else {
        return None;
    };
    let query = rebuild::orphans(table, &constraint.kind, binder)?;
    let other = if *foreign == table.stored {
        &table.name
    } else {
        &binder.catalog.tables.get(foreign)?.name
    };
    let columns: Vec<_> = columns.iter().map(|place| &table.columns[*place]).collect();
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let values = (
        format!("Key ({})=(", names.join(", ")),
        columns.iter().map(|column| column.data_type).collect(),
        format!(") is not present in table \"{other}\"."),
    );
    Some(check_step(query, Unwanted { error: broken(table, constraint), values: Some(values) }))
}
