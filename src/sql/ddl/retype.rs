//! ALTER COLUMN ... TYPE.

use crate::model::catalog::{ConstraintKind, Table};
use crate::model::error::{Error, SqlState};
use crate::pgdata;
use crate::sql::ast::{self, Name, SourceExpr, TypeName};
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{Expr, ExprKind};
use crate::sql::ddl::alter::Change;
use crate::sql::ddl::depend::{self, Object};
use crate::sql::ddl::{Work, drop, layout, record, trigger};
use crate::sql::types::{Types, is_integer, lookup_type};

pub(super) fn set_type<'c>(
    change: &mut Change<'c>,
    name: &Name,
    (data_type, using): (&TypeName, Option<&SourceExpr>),
    work: &mut Work,
    binder: &mut Binder<'c>,
) -> Result<(), Error> {
    let place = change.place(name)?;
    let wanted = lookup_type(binder.types(), data_type)?;
    let old = change.old.numbered(change.new.columns[place].number).cloned();
    let Some(old) = old else {
        return Err(Error::refused("changing the type of a column that is added is not supported"));
    };
    check_users(change.old, &old.name, old.number, binder)?;
    if old.identity.is_some() && !is_integer(wanted.oid) {
        let message = "identity column type must be smallint, integer, or bigint";
        return Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message));
    }
    // Such a key has no index of its own, and SQLite's row id is an integer.
    let row_id = layout::row_key(&change.new) == Some(place);
    if row_id && layout::storage(binder.types().carrier(wanted)) != "INTEGER" {
        let message = "changing the type of a primary key from an integer to something else";
        return Err(Error::refused(format!("{message} is not supported"))
            .with_hint("Drop the primary key, change the type, and add the key again."));
    }
    let tree = match using {
        Some(source) => source.expr.clone(),
        None => ast::Expr {
            kind: ast::ExprKind::Column(vec![Name { text: old.name.clone(), position: 0 }]),
            position: 0,
        },
    };
    let (bound, id) = binder.over_table(&tree, change.old)?;
    let new = &mut change.new.columns[place];
    new.data_type = wanted;
    let from = bound.data_type.oid;
    let value = binder.assigned(bound, new).map_err(|error| {
        if error.state() == SqlState::DATATYPE_MISMATCH {
            cannot_cast(binder.types(), &old.name, wanted.oid, using.is_some())
        } else {
            error
        }
    })?;
    let same_value = is_itself(&value, &old.stored) && from == old.data_type.oid;
    let types = binder.types();
    let storage = |data_type| layout::storage(types.carrier(data_type));
    if !same_value || storage(old.data_type) != storage(wanted) {
        change.values.insert(old.number, (value, id));
    }
    // The default must be one of the new type, too.
    let new = change.new.columns[place].clone();
    if let Some(text) = &new.default {
        binder.defined_default(text, &new).map_err(|error| {
            if error.state() == SqlState::DATATYPE_MISMATCH {
                let message = format!(
                    "default for column \"{}\" cannot be cast automatically to type {}",
                    new.name,
                    binder.types().label(wanted.oid)
                );
                Error::user(SqlState::DATATYPE_MISMATCH, message)
            } else {
                error
            }
        })?;
    }
    if let (Some(_), Some(sequence)) = (new.identity, new.sequence) {
        work.push(record::update(
            "_eider_sequence",
            vec![("type_oid", record::number(wanted.oid))],
            &[("oid", sequence.into())],
        ));
    }
    reindexed(change, old.number, work, binder);
    Ok(())
}

fn cannot_cast(types: Types<'_>, column: &str, wanted: u32, using: bool) -> Error {
    let label = types.label(wanted);
    if using {
        let message = format!(
            "result of USING clause for column \"{column}\" cannot be cast automatically to type {label}"
        );
        return Error::user(SqlState::DATATYPE_MISMATCH, message)
            .with_hint("You might need to add an explicit cast.");
    }
    let message = format!("column \"{column}\" cannot be cast automatically to type {label}");
    let quoted = pgdata::quote_identifier(column);
    Error::user(SqlState::DATATYPE_MISMATCH, message)
        .with_hint(format!("You might need to specify \"USING {quoted}::{label}\"."))
}

/// Whether a value is the column as it is stored.
fn is_itself(value: &Expr, stored: &str) -> bool {
    match &value.kind {
        ExprKind::Column(column) => column.name == *stored,
        ExprKind::Call { lowering: crate::sql::types::Lowering::Same, arguments, .. } => {
            arguments.first().is_some_and(|first| is_itself(first, stored))
        }
        _ => false,
    }
}

/// # Errors
/// 0A000 for a column that a view or a stored column uses.
fn check_users(table: &Table, name: &str, number: i16, binder: &Binder<'_>) -> Result<(), Error> {
    let views = depend::views_of(table.oid, Some(number), binder.catalog);
    if let Some(view @ Object::Table(_)) = views.first() {
        return Err(Error::refused("cannot alter type of a column used by a view or rule")
            .with_detail(format!(
                "rule _RETURN on {} depends on column \"{name}\"",
                view.label(binder)
            )));
    }
    let column = table.numbered(number);
    let said =
        column.and_then(|column| trigger::saying(table, column, binder.catalog).into_iter().next());
    if let Some(known) = said {
        let message = "cannot alter type of a column used in a trigger definition";
        return Err(Error::refused(message).with_detail(format!(
            "{} depends on column \"{name}\"",
            Object::Trigger(known).label(binder)
        )));
    }
    for other in &table.columns {
        let used = other.generated.as_ref().is_some_and(|text| depend::mentions(text, name));
        if used && other.name != name {
            return Err(Error::refused("cannot alter type of a column used by a generated column")
                .with_detail(format!(
                    "Column \"{name}\" is used by generated column \"{}\".",
                    other.name
                )));
        }
    }
    let keyed = |table: &Table, places: &[usize]| {
        places.iter().any(|place| table.columns[*place].number == number)
    };
    let own = table.constraints.iter().any(|known| {
        matches!(&known.kind, ConstraintKind::ForeignKey { columns, .. } if keyed(table, columns))
    });
    let others = binder.catalog.referencing(table).into_iter().any(|(_, known)| {
        matches!(&known.kind, ConstraintKind::ForeignKey { foreign_columns, .. }
            if foreign_columns.iter().any(|column| column == name))
    });
    if own || others {
        return Err(at(
            Error::refused("changing the type of a column of a foreign key is not supported")
                .with_hint("Drop the constraint first, and add it again."),
            0,
        ));
    }
    Ok(())
}

/// Expressions of indexes may mean something else with another type: such indexes are made again.
fn reindexed(change: &mut Change<'_>, number: i16, work: &mut Work, binder: &Binder<'_>) {
    let Some(column) = change.old.numbered(number) else { return };
    for index in binder.catalog.indexes_of(change.old) {
        let uses = |text: &Option<String>| {
            text.as_ref().is_some_and(|text| depend::mentions(text, &column.name))
        };
        let again = change.indexes.iter().any(|one| one.oid == index.oid);
        let used = index.keys.iter().any(|key| uses(&key.expression)) || uses(&index.predicate);
        if used && !again {
            work.steps.extend(drop::index_steps(&index.stored));
            change.indexes.push((**index).clone());
        }
    }
}
