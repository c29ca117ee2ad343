//! ALTER TABLE, as far as SQLite's own can do it.

use crate::model::catalog::{Column, ConstraintKind as Known, Table};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{AlterAction, ColumnDefinition, Name, TableConstraint};
use crate::sql::bind::{Binder, at};
use crate::sql::compile::{check_step, plain_step};
use crate::sql::ddl::constraint::{self, Detail, Subject};
use crate::sql::ddl::name::{self, Chooser};
use crate::sql::ddl::record::{self, Oids, flag, optional};
use crate::sql::ddl::{definition, skipping, table};
use crate::sql::lite::{self, Alter, Expr};
use crate::sql::{Action, Step};

pub(super) fn alter(
    table: &Table,
    actions: &[AlterAction],
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    if !table.from_postgres {
        return Err(Error::refused(format!(
            "ALTER TABLE of \"{}\", which was made by plain SQLite SQL, is not supported",
            table.name
        )));
    }
    let mut oids = Oids::new(binder.catalog.next_oid);
    let mut chooser = Chooser::new(binder.catalog);
    let mut steps = Vec::new();
    let mut seen_columns = Vec::new();
    for action in actions {
        match action {
            AlterAction::AddConstraint(constraint) => {
                steps.extend(add_constraint(table, constraint, &mut chooser, &mut oids, binder)?);
            }
            AlterAction::AddColumn { column, if_not_exists } => {
                if table.columns.iter().any(|known| known.name == column.name.text)
                    || seen_columns.contains(&column.name.text)
                {
                    let error = Error::user(
                        SqlState::DUPLICATE_COLUMN,
                        format!(
                            "column \"{}\" of relation \"{}\" already exists",
                            column.name.text, table.name
                        ),
                    );
                    if *if_not_exists && actions.len() == 1 {
                        return Ok(skipping("ALTER TABLE", &error));
                    }
                    return Err(error);
                }
                let number = next_number(table) + seen_columns.len() as i16;
                seen_columns.push(column.name.text.clone());
                steps.extend(add_column(table, number, column, &mut chooser, &mut oids, binder)?);
            }
            AlterAction::DropColumn { name, if_exists, cascade } => match own_column(table, name) {
                Ok(column) => steps.extend(drop_column(table, column, *cascade, binder)?),
                Err(error) if *if_exists && actions.len() == 1 => {
                    return Ok(skipping("ALTER TABLE", &error));
                }
                Err(error) => return Err(error),
            },
            AlterAction::DropConstraint { name, if_exists } => match drop_constraint(table, name) {
                Err(error)
                    if *if_exists
                        && actions.len() == 1
                        && error.state() == SqlState::UNDEFINED_OBJECT =>
                {
                    return Ok(skipping("ALTER TABLE", &error));
                }
                dropped => steps.extend(dropped?),
            },
            other => steps.extend(alter_column(table, other, binder)?),
        }
    }
    steps.extend(oids.step());
    Ok(definition(steps, "ALTER TABLE"))
}

/// ALTER COLUMN, and what changes nothing that is stored.
fn alter_column(
    table: &Table,
    action: &AlterAction,
    binder: &mut Binder<'_>,
) -> Result<Vec<Step>, Error> {
    match action {
        AlterAction::SetNotNull { column } => Ok(set_not_null(table, own_column(table, column)?)),
        AlterAction::DropNotNull { column } => drop_not_null(table, own_column(table, column)?),
        AlterAction::SetDefault { column, default } => {
            let column = own_column(table, column)?;
            if column.sequence.is_some() {
                return Err(Error::refused(
                    "changing the default of a serial column is not supported",
                ));
            }
            if let Some(source) = default {
                binder.default_expression(&source.text, column)?;
            }
            let text = default.as_ref().map(|source| source.text.as_str());
            Ok(vec![record_change(table, column, vec![("default_text", optional(text))])])
        }
        AlterAction::RenameColumn { from, to } => rename_column(table, from, to, binder),
        AlterAction::RenameTable { to } => rename_table(table, to, binder),
        // There is one owner of everything.
        AlterAction::Owner => Ok(Vec::new()),
        AlterAction::AddConstraint(_)
        | AlterAction::AddColumn { .. }
        | AlterAction::DropColumn { .. }
        | AlterAction::DropConstraint { .. } => Err(Error::internal("handled before")),
    }
}

fn own_column<'t>(table: &'t Table, name: &Name) -> Result<&'t Column, Error> {
    table.columns.iter().find(|column| column.name == name.text).ok_or_else(|| {
        at(
            Error::user(
                SqlState::UNDEFINED_COLUMN,
                format!("column \"{}\" of relation \"{}\" does not exist", name.text, table.name),
            ),
            name.position,
        )
    })
}

fn next_number(table: &Table) -> i16 {
    table.columns.iter().map(|column| column.number).max().unwrap_or(0) + 1
}

fn change(table: &Table, change: Alter) -> Step {
    plain_step(&lite::Statement::AlterTable { table: table.name.clone(), change })
}

fn record_change(table: &Table, column: &Column, values: Vec<(&str, Expr)>) -> Step {
    record::update("_eider_column", values, &[("table_name", &table.name), ("name", &column.name)])
}

/// The rows that a new rule must not find.
fn rows_where(table: &Table, filter: Expr, error: Error) -> Step {
    let query = lite::Query {
        limit: Some(Expr::Integer(1)),
        ..lite::Query::select(lite::Select {
            items: vec![(Expr::Integer(1), None)],
            from: Some(lite::From::Table { name: table.name.clone(), alias: table.name.clone() }),
            filter: Some(filter),
            ..lite::Select::default()
        })
    };
    check_step(query, error)
}

fn set_not_null(table: &Table, column: &Column) -> Vec<Step> {
    if column.not_null {
        return Vec::new();
    }
    let null = Expr::IsNull { operand: Box::new(Expr::column(&column.name)), negated: false };
    let message =
        format!("column \"{}\" of relation \"{}\" contains null values", column.name, table.name);
    vec![
        rows_where(table, null, Error::user(SqlState::NOT_NULL_VIOLATION, message)),
        change(table, Alter::SetNotNull(column.name.clone())),
        record_change(table, column, vec![("not_null", flag(true))]),
    ]
}

fn drop_not_null(table: &Table, column: &Column) -> Result<Vec<Step>, Error> {
    let in_key = table.constraints.iter().any(|constraint| match &constraint.kind {
        Known::PrimaryKey { columns } => {
            columns.iter().any(|place| table.columns[*place].name == column.name)
        }
        Known::Unique { .. } | Known::Check { .. } | Known::ForeignKey { .. } => false,
    });
    if in_key {
        let message = format!("column \"{}\" is in a primary key", column.name);
        return Err(Error::user(SqlState::INVALID_TABLE_DEFINITION, message));
    }
    if !column.not_null {
        return Ok(Vec::new());
    }
    Ok(vec![
        change(table, Alter::DropNotNull(column.name.clone())),
        record_change(table, column, vec![("not_null", flag(false))]),
    ])
}

fn add_constraint(
    table: &Table,
    constraint: &TableConstraint,
    chooser: &mut Chooser<'_>,
    oids: &mut Oids,
    binder: &mut Binder<'_>,
) -> Result<Vec<Step>, Error> {
    let catalog = binder.catalog;
    let planned = constraint::plan(constraint, &Subject { table, catalog }, chooser, binder)?;
    let mut steps = Vec::new();
    match &planned.detail {
        Detail::PrimaryKey => {
            if table.constraints.iter().any(|known| matches!(known.kind, Known::PrimaryKey { .. }))
            {
                let message =
                    format!("multiple primary keys for table \"{}\" are not allowed", table.name);
                return Err(Error::user(SqlState::INVALID_TABLE_DEFINITION, message));
            }
            for name in &planned.columns {
                if let Some(column) = table.columns.iter().find(|column| column.name == *name) {
                    steps.extend(set_not_null(table, column));
                }
            }
            steps.push(plain_step(&planned.index(&table.name)));
        }
        Detail::Unique => steps.push(plain_step(&planned.index(&table.name))),
        Detail::Check(expr) => {
            let message = format!(
                "check constraint \"{}\" of relation \"{}\" is violated by some row",
                planned.name, table.name
            );
            let violated = Expr::Prefix("NOT", Box::new(expr.clone()));
            steps.push(rows_where(
                table,
                violated,
                Error::user(SqlState::CHECK_VIOLATION, message),
            ));
            steps.extend(planned.clause().map(|clause| change(table, Alter::AddCheck(clause))));
        }
        Detail::ForeignKey { .. } => {
            return Err(Error::refused(
                "adding a foreign key to an existing table is not supported; name it in CREATE TABLE",
            ));
        }
    }
    steps.extend(planned.record(&table.name, true, oids));
    Ok(steps)
}

fn add_column(
    table: &Table,
    number: i16,
    tree: &ColumnDefinition,
    chooser: &mut Chooser<'_>,
    oids: &mut Oids,
    binder: &mut Binder<'_>,
) -> Result<Vec<Step>, Error> {
    if table.columns.iter().any(|known| known.name.eq_ignore_ascii_case(&tree.name.text)) {
        return Err(Error::refused("column names that differ by case only are not supported"));
    }
    let planned = table::plan_column(&table.name, number, tree, chooser, binder)?;
    if planned.column.sequence.is_some() {
        return Err(Error::refused("adding a serial column to an existing table is not supported"));
    }
    let mut definition = table::column_def(&planned, false);
    if planned.column.default.is_some() && definition.default.is_none() {
        return Err(Error::refused(
            "adding a column with a default that is not a constant is not supported",
        ));
    }
    let mut steps = Vec::new();
    // SQLite wants a default for a NOT NULL column even where there is no row; the rule comes after.
    let not_null_later = definition.not_null && definition.default.is_none();
    if not_null_later {
        definition.not_null = false;
        let message = format!(
            "column \"{}\" of relation \"{}\" contains null values",
            tree.name.text, table.name
        );
        steps.push(rows_where(
            table,
            Expr::Integer(1),
            Error::user(SqlState::NOT_NULL_VIOLATION, message),
        ));
    }
    // The new table is what the constraints of the column see.
    let mut grown = table.clone();
    grown.columns.push(planned.column.clone());
    let mut records = table::record_column(&table.name, &planned, oids);
    for constraint in &tree.constraints {
        let catalog = binder.catalog;
        let one =
            constraint::plan(constraint, &Subject { table: &grown, catalog }, chooser, binder)?;
        match &one.detail {
            Detail::PrimaryKey => {
                return Err(Error::refused(
                    "adding a key column is not supported; add the column first",
                ));
            }
            Detail::Unique => records.push(plain_step(&one.index(&table.name))),
            Detail::Check(_) | Detail::ForeignKey { .. } => {
                if let Some(mut clause) = one.clause() {
                    if let lite::ConstraintKind::ForeignKey { columns, .. } = &mut clause.kind {
                        columns.clear();
                    }
                    definition.constraints.push(clause);
                }
            }
        }
        records.extend(one.record(&table.name, true, oids));
    }
    steps.push(change(table, Alter::AddColumn(definition)));
    if not_null_later {
        steps.push(change(table, Alter::SetNotNull(tree.name.text.clone())));
    }
    steps.extend(records);
    Ok(steps)
}

fn drop_column(
    table: &Table,
    column: &Column,
    cascade: bool,
    binder: &Binder<'_>,
) -> Result<Vec<Step>, Error> {
    let _ = cascade;
    let used =
        |places: &[usize]| places.iter().any(|place| table.columns[*place].name == column.name);
    let mut steps = Vec::new();
    for constraint in &table.constraints {
        let (uses, droppable) = match &constraint.kind {
            Known::PrimaryKey { columns } => {
                (used(columns), binder.catalog.indexes.contains_key(&constraint.name))
            }
            Known::Unique { columns } => (used(columns), true),
            Known::ForeignKey { columns, .. } => (used(columns), false),
            Known::Check { expression } => (expression.contains(&column.name), false),
        };
        if uses && !droppable {
            return Err(Error::refused(format!(
                "dropping a column that constraint \"{}\" uses is not supported",
                constraint.name
            )));
        }
        if uses {
            steps.extend(drop_key(&constraint.name));
        }
    }
    for index in binder.catalog.indexes.values().filter(|index| index.table == table.name) {
        let own = table.constraints.iter().any(|constraint| constraint.name == index.name);
        if !own && index.columns.iter().any(|name| name.as_deref() == Some(&column.name)) {
            steps.extend(drop_key(&index.name));
        }
    }
    steps.push(change(table, Alter::DropColumn(column.name.clone())));
    if let Some(sequence) = &column.sequence {
        steps.push(record::delete("_eider_sequence", &[("name", sequence)]));
    }
    steps.push(record::delete(
        "_eider_column",
        &[("table_name", &table.name), ("name", &column.name)],
    ));
    Ok(steps)
}

fn drop_key(name: &str) -> Vec<Step> {
    vec![
        plain_step(&lite::Statement::Drop { what: "INDEX", name: name.to_owned() }),
        record::delete("_eider_index", &[("name", name)]),
        record::delete("_eider_constraint", &[("name", name)]),
    ]
}

fn drop_constraint(table: &Table, name: &Name) -> Result<Vec<Step>, Error> {
    let known =
        table.constraints.iter().find(|constraint| constraint.name == name.text).ok_or_else(
            || {
                Error::user(
                    SqlState::UNDEFINED_OBJECT,
                    format!(
                        "constraint \"{}\" of relation \"{}\" does not exist",
                        name.text, table.name
                    ),
                )
            },
        )?;
    let mut steps = match &known.kind {
        Known::PrimaryKey { .. } => {
            return Err(Error::refused("dropping a primary key is not supported"));
        }
        Known::Unique { .. } => drop_key(&known.name),
        Known::Check { .. } => vec![change(table, Alter::DropConstraint(known.name.clone()))],
        Known::ForeignKey { .. } => {
            return Err(Error::refused("dropping a foreign key is not supported"));
        }
    };
    steps.push(record::delete(
        "_eider_constraint",
        &[("table_name", &table.name), ("name", &known.name)],
    ));
    Ok(steps)
}

fn rename_column(
    table: &Table,
    from: &Name,
    to: &Name,
    binder: &Binder<'_>,
) -> Result<Vec<Step>, Error> {
    let column = own_column(table, from)?;
    if table.columns.iter().any(|other| other.name.eq_ignore_ascii_case(&to.text)) {
        let message =
            format!("column \"{}\" of relation \"{}\" already exists", to.text, table.name);
        return Err(Error::user(SqlState::DUPLICATE_COLUMN, message));
    }
    // Constraints and indexes are recorded with their columns' names.
    let named = table.constraints.iter().any(|constraint| match &constraint.kind {
        Known::PrimaryKey { columns }
        | Known::Unique { columns }
        | Known::ForeignKey { columns, .. } => {
            columns.iter().any(|place| table.columns[*place].name == column.name)
        }
        Known::Check { expression } => expression.contains(&column.name),
    });
    let indexed = binder.catalog.indexes.values().any(|index| {
        index.table == table.name
            && index.columns.iter().any(|name| name.as_deref() == Some(&column.name))
    });
    if named || indexed {
        return Err(Error::refused(
            "renaming a column that a constraint or an index uses is not supported",
        ));
    }
    Ok(vec![
        change(table, Alter::RenameColumn(column.name.clone(), to.text.clone())),
        record_change(table, column, vec![("name", Expr::text(&to.text))]),
    ])
}

fn rename_table(table: &Table, to: &Name, binder: &Binder<'_>) -> Result<Vec<Step>, Error> {
    let new = name::new_relation(&vec![to.clone()], binder.catalog)?;
    if name::exists(binder.catalog, &new) {
        return Err(Error::user(
            SqlState::DUPLICATE_TABLE,
            format!("relation \"{new}\" already exists"),
        ));
    }
    let mut steps = vec![change(table, Alter::RenameTable(new.clone()))];
    for (catalog_table, column) in [
        ("_eider_table", "name"),
        ("_eider_column", "table_name"),
        ("_eider_constraint", "table_name"),
        ("_eider_constraint", "foreign_table"),
        ("_eider_index", "table_name"),
        ("_eider_sequence", "owner_table"),
    ] {
        steps.push(record::update(
            catalog_table,
            vec![(column, Expr::text(&new))],
            &[(column, &table.name)],
        ));
    }
    Ok(steps)
}
