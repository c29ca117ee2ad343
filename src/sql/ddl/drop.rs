//! DROP and TRUNCATE.

use crate::model::catalog::{Catalog, ConstraintKind, Table, TableKind};
use crate::model::error::Class;
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{DropKind, QualifiedName};
use crate::sql::bind::{Binder, relation_name};
use crate::sql::compile::plain_step;
use crate::sql::ddl::definition;
use crate::sql::ddl::record::{self, flag};
use crate::sql::lite::{self, Expr};
use crate::sql::{Action, Step};

pub(super) fn drop(
    kind: DropKind,
    names: &[QualifiedName],
    (if_exists, cascade): (bool, bool),
    binder: &Binder<'_>,
) -> Result<Action, Error> {
    let (label, tag) = match kind {
        DropKind::Table => ("table", "DROP TABLE"),
        DropKind::Index => ("index", "DROP INDEX"),
        DropKind::Sequence => ("sequence", "DROP SEQUENCE"),
        DropKind::View => ("view", "DROP VIEW"),
    };
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for name in names {
        let bare = relation_name(name)?.map(|name| name.text.as_str());
        match bare.filter(|bare| is_there(kind, bare, binder.catalog)) {
            Some(bare) => found.push(bare),
            None => missing.push(missing_error(label, name, bare, binder.catalog)?),
        }
    }
    if let Some(error) = missing.first()
        && !if_exists
    {
        return Err(error.clone());
    }
    if found.is_empty() {
        let texts: Vec<&str> = missing.iter().map(Error::message).collect();
        // One notice is all that an answer has room for: it names all that are missing.
        let message =
            texts.iter().map(|text| format!("{text}, skipping")).collect::<Vec<_>>().join("\n");
        let notice = Error::new(Class::User, SqlState(*b"00000"), message);
        return Ok(Action::Nothing { tag, notice: Some(notice) });
    }
    let steps = match kind {
        DropKind::Table => drop_tables(&found, cascade, binder.catalog)?,
        DropKind::Index => found
            .iter()
            .map(|name| drop_index(name, binder.catalog))
            .collect::<Result<Vec<_>, _>>()?
            .concat(),
        DropKind::Sequence => found
            .iter()
            .map(|name| drop_sequence(name, binder.catalog))
            .collect::<Result<_, _>>()?,
        DropKind::View => found.iter().flat_map(|name| drop_view(name)).collect(),
    };
    Ok(definition(steps, tag))
}

fn is_there(kind: DropKind, name: &str, catalog: &Catalog) -> bool {
    match kind {
        DropKind::Table => {
            catalog.tables.get(name).is_some_and(|table| table.kind != TableKind::View)
        }
        DropKind::View => {
            catalog.tables.get(name).is_some_and(|table| table.kind == TableKind::View)
        }
        DropKind::Index => catalog.indexes.contains_key(name),
        DropKind::Sequence => catalog.sequences.contains_key(name),
    }
}

/// What a missing object is called; of another kind, it is an error in any case.
fn missing_error(
    label: &str,
    name: &QualifiedName,
    bare: Option<&str>,
    catalog: &Catalog,
) -> Result<Error, Error> {
    let full = name.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(".");
    let other_kind = bare.is_some_and(|bare| {
        catalog.tables.contains_key(bare)
            || catalog.indexes.contains_key(bare)
            || catalog.sequences.contains_key(bare)
    });
    if other_kind {
        let article = if label == "index" { "an" } else { "a" };
        return Err(Error::user(
            SqlState::WRONG_OBJECT_TYPE,
            format!("\"{full}\" is not {article} {label}"),
        ));
    }
    let state =
        if label == "index" { SqlState::UNDEFINED_OBJECT } else { SqlState::UNDEFINED_TABLE };
    Ok(Error::user(state, format!("{label} \"{full}\" does not exist")))
}

/// The tables, with foreign keys to this one, other than itself.
fn referencing<'c>(
    name: &'c str,
    catalog: &'c Catalog,
) -> impl Iterator<Item = (&'c Table, &'c str)> {
    catalog.tables.values().filter(move |table| table.name != name).flat_map(move |table| {
        table.constraints.iter().filter_map(move |constraint| match &constraint.kind {
            ConstraintKind::ForeignKey { table: foreign, .. } if foreign == name => {
                Some((table.as_ref(), constraint.name.as_str()))
            }
            _ => None,
        })
    })
}

fn drop_tables(names: &[&str], cascade: bool, catalog: &Catalog) -> Result<Vec<Step>, Error> {
    for name in names {
        let outside =
            referencing(name, catalog).find(|(table, _)| !names.contains(&table.name.as_str()));
        if let Some((table, constraint)) = outside {
            if cascade {
                return Err(Error::refused(format!(
                    "DROP TABLE ... CASCADE of a table that \"{}\" refers to is not supported",
                    table.name
                )));
            }
            let message = format!("cannot drop table {name} because other objects depend on it");
            return Err(Error::user(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
                .with_detail(format!(
                    "constraint {constraint} on table {} depends on table {name}",
                    table.name
                ))
                .with_hint("Use DROP ... CASCADE to drop the dependent objects too."));
        }
    }
    let mut left: Vec<&str> = names.to_vec();
    left.dedup();
    let mut steps = Vec::new();
    // SQLite deletes a table's rows before it drops it, which foreign keys notice: referring ones go first.
    while !left.is_empty() {
        let free = left.iter().position(|name| {
            referencing(name, catalog).all(|(table, _)| !left.contains(&table.name.as_str()))
        });
        let Some(free) = free else {
            return Err(Error::refused(
                "dropping tables that refer to each other is not supported",
            ));
        };
        let name = left.remove(free);
        left.retain(|other| *other != name);
        steps.extend(drop_table(name));
    }
    Ok(steps)
}

fn drop_table(name: &str) -> Vec<Step> {
    vec![
        plain_step(&lite::Statement::Drop { what: "TABLE", name: name.to_owned() }),
        record::delete("_eider_index", &[("table_name", name)]),
        record::delete("_eider_constraint", &[("table_name", name)]),
        record::delete("_eider_column", &[("table_name", name)]),
        record::delete("_eider_sequence", &[("owner_table", name)]),
        record::delete("_eider_table", &[("name", name)]),
    ]
}

fn drop_view(name: &str) -> Vec<Step> {
    vec![
        plain_step(&lite::Statement::Drop { what: "VIEW", name: name.to_owned() }),
        record::delete("_eider_column", &[("table_name", name)]),
        record::delete("_eider_table", &[("name", name)]),
    ]
}

fn drop_index(name: &str, catalog: &Catalog) -> Result<Vec<Step>, Error> {
    let owner = catalog.indexes.get(name).and_then(|index| catalog.tables.get(&index.table));
    let is_constraint = owner.is_some_and(|table| {
        table.constraints.iter().any(|constraint| {
            constraint.name == name
                && matches!(
                    constraint.kind,
                    ConstraintKind::PrimaryKey { .. } | ConstraintKind::Unique { .. }
                )
        })
    });
    if let (true, Some(table)) = (is_constraint, owner) {
        let message = format!(
            "cannot drop index {name} because constraint {name} on table {} requires it",
            table.name
        );
        return Err(Error::user(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message).with_hint(
            format!("You can drop constraint {name} on table {} instead.", table.name),
        ));
    }
    Ok(vec![
        plain_step(&lite::Statement::Drop { what: "INDEX", name: name.to_owned() }),
        record::delete("_eider_index", &[("name", name)]),
    ])
}

fn drop_sequence(name: &str, catalog: &Catalog) -> Result<Step, Error> {
    for table in catalog.tables.values() {
        if let Some(column) =
            table.columns.iter().find(|column| column.sequence.as_deref() == Some(name))
        {
            let message = format!("cannot drop sequence {name} because other objects depend on it");
            return Err(Error::user(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message).with_detail(
                format!(
                    "default value for column {} of table {} depends on sequence {name}",
                    column.name, table.name
                ),
            ));
        }
    }
    Ok(record::delete("_eider_sequence", &[("name", name)]))
}

pub(super) fn truncate(
    names: &[QualifiedName],
    (restart, cascade): (bool, bool),
    binder: &Binder<'_>,
) -> Result<Action, Error> {
    let tables = names.iter().map(|name| binder.table(name)).collect::<Result<Vec<_>, _>>()?;
    let listed = |name: &str| tables.iter().any(|table| table.name == name);
    for table in &tables {
        if let Some((other, _)) =
            referencing(&table.name, binder.catalog).find(|(other, _)| !listed(&other.name))
        {
            if cascade {
                return Err(Error::refused(
                    "TRUNCATE ... CASCADE to other tables is not supported; list them",
                ));
            }
            return Err(Error::refused(
                "cannot truncate a table referenced in a foreign key constraint",
            )
            .with_detail(format!("Table \"{}\" references \"{}\".", other.name, table.name))
            .with_hint(format!(
                "Truncate table \"{}\" at the same time, or use TRUNCATE ... CASCADE.",
                other.name
            )));
        }
    }
    let mut left: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let mut steps = Vec::new();
    while !left.is_empty() {
        let free = left.iter().position(|name| {
            referencing(name, binder.catalog).all(|(table, _)| !left.contains(&table.name.as_str()))
        });
        let Some(free) = free else {
            return Err(Error::refused(
                "truncating tables that refer to each other is not supported",
            ));
        };
        let name = left.remove(free);
        left.retain(|other| *other != name);
        steps.push(record::delete(name, &[]));
        if restart {
            let values = vec![("last_value", Expr::column("start")), ("is_called", flag(false))];
            steps.push(record::update("_eider_sequence", values, &[("owner_table", name)]));
        }
    }
    Ok(Action::Write {
        steps,
        tag: crate::sql::WriteTag::Plain("TRUNCATE TABLE"),
        changes_catalog: false,
    })
}
