//! ALTER TABLE, INDEX, VIEW, MATERIALIZED VIEW, SEQUENCE: which relation, and which kind of change.

use crate::model::catalog::{Constraint, ConstraintKind, Relation, Table, TableKind};
use crate::model::error::{Error, SqlState};
use crate::sql::Action;
use crate::sql::ast::{AlterAction, Name, QualifiedName, RelationKind};
use crate::sql::bind::{Binder, label, no_such_relation};
use crate::sql::ddl::{Work, alter, privilege, rename, skipping, trigger};

fn tag(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Table => "ALTER TABLE",
        RelationKind::Index => "ALTER INDEX",
        RelationKind::View => "ALTER VIEW",
        RelationKind::MaterializedView => "ALTER MATERIALIZED VIEW",
        RelationKind::Sequence => "ALTER SEQUENCE",
    }
}

/// What a relation of another kind is called in an error.
pub(super) fn wrong_kind(kind: RelationKind, name: &QualifiedName) -> Error {
    let what = match kind {
        RelationKind::Table => "a table",
        RelationKind::Index => "an index",
        RelationKind::View => "a view",
        RelationKind::MaterializedView => "a materialized view",
        RelationKind::Sequence => "a sequence",
    };
    let last = name.last().map_or("", |last| last.text.as_str());
    Error::user(SqlState::WRONG_OBJECT_TYPE, format!("\"{last}\" is not {what}"))
}

pub(super) fn is_kind(kind: RelationKind, found: Relation<'_>) -> bool {
    match (kind, found) {
        // ALTER TABLE takes all of them, where the action does.
        (RelationKind::Table, _)
        | (RelationKind::Index, Relation::Index(_))
        | (RelationKind::Sequence, Relation::Sequence(_)) => true,
        (RelationKind::View, Relation::Table(table)) => table.kind == TableKind::View,
        (RelationKind::MaterializedView, Relation::Table(table)) => {
            table.kind == TableKind::MaterializedView
        }
        _ => false,
    }
}

/// Nothing is there to be altered. A notice doesn't say the schema.
fn missing(
    kind: RelationKind,
    name: &QualifiedName,
    if_exists: bool,
    binder: &Binder<'_>,
) -> Result<Action, Error> {
    if !if_exists {
        return Err(binder.not_there(name));
    }
    let last = name.last().cloned().into_iter().collect();
    Ok(skipping(tag(kind), &no_such_relation(&last)))
}

pub(super) fn alter(
    kind: RelationKind,
    name: &QualifiedName,
    if_exists: bool,
    actions: &[AlterAction],
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    let Some(found) = binder.relation(name)? else {
        if let (RelationKind::Table | RelationKind::Index, [AlterAction::Rename { to }]) =
            (kind, actions)
            && let Some((table, last)) = keyed(name, binder)?
        {
            return rename::constraint(table, last, to, binder).map(|work| work.finish(tag(kind)));
        }
        return missing(kind, name, if_exists, binder);
    };
    if !is_kind(kind, found) {
        return Err(wrong_kind(kind, name));
    }
    if let [action @ (AlterAction::Rename { .. } | AlterAction::SetSchema { .. })] = actions {
        return rename::relation(found, action, binder).map(|work| work.finish(tag(kind)));
    }
    if let [AlterAction::Owner { role }] = actions {
        let oid = match found {
            Relation::Table(table) => table.oid,
            Relation::Index(index) => index.oid,
            Relation::Sequence(sequence) => sequence.oid,
        };
        let mut work = Work::new(binder);
        privilege::set_owner((1259, oid), role, &mut work, binder)?;
        return Ok(work.finish(tag(kind)));
    }
    if let ([AlterAction::Trigger { name, enabled }], Relation::Table(table)) = (actions, found) {
        let mut work = Work::new(binder);
        trigger::enable(table, name.as_ref(), *enabled, &mut work, binder)?;
        return Ok(work.finish(tag(kind)));
    }
    match found {
        Relation::Table(table) => alter_table(kind, table, actions, binder),
        // All that is left to say of an index tunes a storage that isn't there.
        Relation::Index(_) if only_tuning(actions) => Ok(Work::new(binder).finish(tag(kind))),
        _ => Err(Error::user(
            SqlState::WRONG_OBJECT_TYPE,
            format!("ALTER action cannot be performed on relation \"{}\"", label(name)),
        )),
    }
}

/// The table whose key has this name: a primary key has no index of its own in the name space of tables.
fn keyed<'c, 'n>(
    name: &'n QualifiedName,
    binder: &Binder<'c>,
) -> Result<Option<(&'c Table, &'n Name)>, Error> {
    let (schema, last) = binder.qualified(name)?;
    let path = match schema {
        Some(schema) => vec![binder.meant_schema(&schema.text)],
        None => binder.relation_path(),
    };
    let is_meant = |known: &Constraint| {
        known.name == last.text && matches!(known.kind, ConstraintKind::PrimaryKey { .. })
    };
    let catalog = binder.catalog;
    let found = path.into_iter().find_map(|schema| {
        let mut there = catalog.tables.values().filter(|table| table.schema == schema);
        there.find(|table| table.constraints.iter().any(is_meant))
    });
    Ok(found.map(|table| (&**table, last)))
}

fn only_tuning(actions: &[AlterAction]) -> bool {
    actions.iter().all(|action| matches!(action, AlterAction::Tuning))
}

fn alter_table<'c>(
    kind: RelationKind,
    table: &'c Table,
    actions: &[AlterAction],
    binder: &mut Binder<'c>,
) -> Result<Action, Error> {
    match actions {
        [AlterAction::RenameColumn { from, to }] => {
            return rename::column(table, from, to, binder).map(|work| work.finish(tag(kind)));
        }
        [AlterAction::RenameConstraint { from, to }] => {
            return rename::constraint(table, from, to, binder).map(|work| work.finish(tag(kind)));
        }
        _ => {}
    }
    if only_tuning(actions) {
        return Ok(Work::new(binder).finish(tag(kind)));
    }
    if table.kind != TableKind::Table {
        let message = format!("ALTER action cannot be performed on relation \"{}\"", table.name);
        return Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message).with_detail(format!(
            "This operation is not supported for {}s.",
            super::depend::kind_label(table.kind)
        )));
    }
    if !table.from_postgres {
        return alter::alter_foreign(table, actions, binder);
    }
    alter::alter(table, actions, binder)
}
