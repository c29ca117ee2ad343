//! ALTER TABLE: the table is planned as it shall be, action by action, and then given that form at
//! once (`rebuild`). Actions run in PostgreSQL's order: what is dropped, types, new columns,
//! properties of columns, keys, other constraints.

use crate::model::catalog::{Column, Constraint, ConstraintKind as Known, Index, Sequence, Table};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{AlterAction, ColumnDefinition, ConstraintKind, Name, TableConstraint};
use crate::sql::bind::{Binder, at};
use crate::sql::compile::{check_step, plain_step};
use crate::sql::ddl::column::{self, Place};
use crate::sql::ddl::constraint;
use crate::sql::ddl::depend::{self, Object};
use crate::sql::ddl::name::Chooser;
use crate::sql::ddl::rebuild::{self, Values};
use crate::sql::ddl::{
    Work, deferral, drop, index, layout, record, sequence, skipped, table, trigger,
};
use crate::sql::lite::{self, Expr};
use crate::sql::{Action, Step};

/// A table on its way to another form.
pub(super) struct Change<'c> {
    pub(super) old: &'c Table,
    pub(super) new: Table,
    pub(super) chooser: Chooser<'c>,
    pub(super) values: Values,
    /// Asked when the rows are in their new form.
    checks: Vec<Step>,
    /// Made at the end.
    pub(super) indexes: Vec<Index>,
    pub(super) sequences: Vec<Sequence>,
}

impl<'c> Change<'c> {
    pub(super) fn new(old: &'c Table, binder: &Binder<'c>) -> Self {
        Self {
            old,
            new: old.clone(),
            chooser: Chooser::new(binder.catalog, &old.schema),
            values: Values::new(),
            checks: Vec::new(),
            indexes: Vec::new(),
            sequences: Vec::new(),
        }
    }

    /// The steps of it all.
    pub(super) fn finish(self, work: &mut Work, binder: &mut Binder<'_>) -> Result<(), Error> {
        for sequence in &self.sequences {
            work.push(record::sequence_row(sequence));
        }
        let other_columns = self.old.columns != self.new.columns;
        if other_columns {
            trigger::suspend(self.old, work, binder);
        }
        rebuild::apply(self.old, &self.new, &self.values, self.checks, work, binder)?;
        for one in &self.indexes {
            index::add(one, &self.new, work, binder)?;
        }
        if other_columns {
            trigger::resume(self.old, &self.new, work, binder)?;
        }
        Ok(())
    }

    /// The position of a column in the new form.
    ///
    /// # Errors
    /// 42703.
    pub(super) fn place(&self, name: &Name) -> Result<usize, Error> {
        self.new.columns.iter().position(|column| column.name == name.text).ok_or_else(|| {
            let message = format!(
                "column \"{}\" of relation \"{}\" does not exist",
                name.text, self.new.name
            );
            Error::user(SqlState::UNDEFINED_COLUMN, message)
        })
    }
}

/// When an action is done.
fn pass(action: &AlterAction) -> u8 {
    match action {
        AlterAction::DropColumn { .. } | AlterAction::DropConstraint { .. } => 0,
        AlterAction::SetType { .. } => 1,
        AlterAction::AddColumn { .. } => 2,
        AlterAction::AddConstraint(TableConstraint { kind, .. }) => match kind {
            ConstraintKind::PrimaryKey(_) | ConstraintKind::Unique(_) => 4,
            ConstraintKind::Check(_) => 5,
            ConstraintKind::ForeignKey(_) => 6,
        },
        AlterAction::ValidateConstraint { .. } => 7,
        _ => 3,
    }
}

pub(super) fn alter<'c>(
    old: &'c Table,
    actions: &[AlterAction],
    binder: &mut Binder<'c>,
) -> Result<Action, Error> {
    let mut work = Work::new(binder);
    let mut change = Change::new(old, binder);
    let mut ordered: Vec<&AlterAction> = actions.iter().collect();
    ordered.sort_by_key(|action| pass(action));
    let mut constraints = Vec::new();
    for action in ordered {
        if let AlterAction::AddColumn { column, .. } = action {
            constraints.extend(&column.constraints);
        }
        one(&mut change, action, &mut work, binder)?;
    }
    constraints.sort_by_key(|tree| {
        !matches!(tree.kind, ConstraintKind::PrimaryKey(_) | ConstraintKind::Unique(_))
    });
    for tree in constraints {
        // A column that wasn't added brings no constraint.
        let there = match &tree.kind {
            ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key) => {
                key.columns.first().is_none_or(|name| change.added(&name.text))
            }
            _ => true,
        };
        if there {
            add_constraint(&mut change, tree, &mut work, binder)?;
        }
    }
    table::check_generated(&change.new, binder)?;
    change.finish(&mut work, binder)?;
    Ok(work.finish("ALTER TABLE"))
}

impl Change<'_> {
    fn added(&self, name: &str) -> bool {
        self.old.column(name).is_none()
    }
}

fn one<'c>(
    change: &mut Change<'c>,
    action: &AlterAction,
    work: &mut Work,
    binder: &mut Binder<'c>,
) -> Result<(), Error> {
    match action {
        AlterAction::AddConstraint(tree) => add_constraint(change, tree, work, binder),
        AlterAction::AddColumn { column, if_not_exists } => {
            add_column(change, column, *if_not_exists, work, binder)
        }
        AlterAction::DropColumn { name, if_exists, cascade } => {
            drop_column(change, name, (*if_exists, *cascade), work, binder)
        }
        AlterAction::DropConstraint { name, if_exists, cascade } => {
            drop_constraint(change, name, (*if_exists, *cascade), work, binder)
        }
        AlterAction::AlterConstraint { name, deferrable, initially_deferred } => {
            let found = constraint_place(change, name)?;
            let known = &mut change.new.constraints[found];
            if !matches!(known.kind, Known::ForeignKey { .. }) {
                let message = format!(
                    "constraint \"{}\" of relation \"{}\" is not a foreign key constraint",
                    name.text, change.old.name
                );
                return Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message));
            }
            known.deferrable = *deferrable;
            known.initially_deferred = *initially_deferred;
            Ok(())
        }
        AlterAction::ValidateConstraint { name } => validate(change, name, binder),
        AlterAction::SetType { column, data_type, using } => {
            super::retype::set_type(change, column, (data_type, using.as_ref()), work, binder)
        }
        AlterAction::SetNotNull { column, set } => set_not_null(change, column, *set),
        AlterAction::SetDefault { column, default } => {
            set_default(change, column, default.as_ref(), binder)
        }
        AlterAction::AddIdentity { .. }
        | AlterAction::SetIdentity { .. }
        | AlterAction::DropIdentity { .. }
        | AlterAction::DropExpression { .. } => identity(change, action, work, binder),
        AlterAction::Tuning | AlterAction::Owner { .. } => Ok(()),
        AlterAction::RenameColumn { .. }
        | AlterAction::RenameConstraint { .. }
        | AlterAction::Rename { .. }
        | AlterAction::SetSchema { .. }
        | AlterAction::Trigger { .. } => {
            Err(Error::refused("this action beside others in one ALTER TABLE is not supported"))
        }
    }
}

fn add_column<'c>(
    change: &mut Change<'c>,
    tree: &ColumnDefinition,
    if_not_exists: bool,
    work: &mut Work,
    binder: &mut Binder<'c>,
) -> Result<(), Error> {
    if change.new.column(&tree.name.text).is_some() {
        let message = format!(
            "column \"{}\" of relation \"{}\" already exists",
            tree.name.text, change.old.name
        );
        let error = Error::user(SqlState::DUPLICATE_COLUMN, message);
        if if_not_exists {
            binder.notices.push(skipped(&error));
            return Ok(());
        }
        return Err(error);
    }
    let highest = |table: &Table| table.columns.iter().map(|column| column.number).max();
    // Numbers are never used again; the table's gaps are all that is known of dropped columns.
    let number = highest(change.old).max(highest(&change.new)).unwrap_or(0) + 1;
    let place = Place {
        table_name: &change.old.name,
        table_stored: &change.old.stored,
        number,
        others: &change.new.columns,
    };
    let planned = column::plan(tree, &place, &mut change.chooser, work, binder)?;
    if let Some(sequence) = planned.sequence {
        let value = binder.value_of(&sequence, &planned.column)?;
        change.values.insert(number, (value, 0));
        change.sequences.push(sequence);
    }
    let needs_value = planned.column.not_null;
    change.new.columns.push(planned.column);
    if needs_value {
        let last = change.new.columns.len() - 1;
        change.check_not_null(last);
    }
    Ok(())
}

impl Change<'_> {
    /// Asks whether a column has NULLs.
    fn check_not_null(&mut self, place: usize) {
        let column = &self.new.columns[place];
        let null = Expr::IsNull { operand: Box::new(Expr::column(&column.stored)), negated: false };
        let message = format!(
            "column \"{}\" of relation \"{}\" contains null values",
            column.name, self.new.name
        );
        let mut error = Error::user(SqlState::NOT_NULL_VIOLATION, message);
        error.fields_mut().schema = Some(self.new.schema.clone());
        error.fields_mut().table = Some(self.new.name.clone());
        error.fields_mut().column = Some(column.name.clone());
        self.checks.push(rows_where(&self.new, null, error));
    }
}

/// The rows that a new rule must not find.
pub(super) fn rows_where(table: &Table, filter: Expr, error: Error) -> Step {
    check_step(any_row_where(table, filter), error)
}

/// Whether a table has a row for which this holds: one row, or none.
pub(super) fn any_row_where(table: &Table, filter: Expr) -> lite::Query {
    lite::Query {
        limit: Some(Expr::Integer(1)),
        ..lite::Query::select(lite::Select {
            items: vec![(Expr::Integer(1), None)],
            from: Some(lite::From::Table {
                name: table.stored.clone(),
                alias: table.stored.clone(),
            }),
            filter: Some(filter),
            ..lite::Select::default()
        })
    }
}

fn add_constraint<'c>(
    change: &mut Change<'c>,
    tree: &TableConstraint,
    work: &mut Work,
    binder: &mut Binder<'c>,
) -> Result<(), Error> {
    let planned = constraint::plan(tree, (&change.new, false), &mut change.chooser, work, binder)?;
    if let Known::PrimaryKey { columns } = &planned.constraint.kind {
        for place in columns.clone() {
            if !change.new.columns[place].not_null {
                change.new.columns[place].not_null = true;
                change.check_not_null(place);
            }
        }
    }
    if planned.constraint.validated {
        check_rows(change, &planned.constraint, binder)?;
    }
    change.new.constraints.push(planned.constraint);
    change.indexes.extend(planned.index);
    Ok(())
}

/// Asks whether the rows keep a CHECK or a foreign key.
fn check_rows<'c>(
    change: &mut Change<'c>,
    constraint: &Constraint,
    binder: &mut Binder<'c>,
) -> Result<(), Error> {
    let new = &change.new;
    match &constraint.kind {
        Known::Check { expression } => {
            let expr = layout::check(new, expression, binder)?;
            let message = format!(
                "check constraint \"{}\" of relation \"{}\" is violated by some row",
                constraint.name, new.name
            );
            let error = about(Error::user(SqlState::CHECK_VIOLATION, message), new, constraint);
            let violated = Expr::Prefix("NOT", Box::new(expr));
            change.checks.push(rows_where(&change.new, violated, error));
        }
        Known::ForeignKey { actions, columns, .. } => {
            if actions.matching == 'f' && columns.len() > 1 {
                let stored: Vec<String> =
                    columns.iter().map(|place| new.columns[*place].stored.clone()).collect();
                let mixed = Expr::Prefix("NOT", Box::new(layout::all_or_none(&stored)));
                let detail = "MATCH FULL does not allow mixing of null and nonnull key values.";
                let error = deferral::broken(new, constraint).with_detail(detail);
                change.checks.push(rows_where(&change.new, mixed, error));
            }
            change.checks.extend(deferral::orphan_check(&change.new, constraint, binder));
        }
        Known::PrimaryKey { .. } | Known::Unique { .. } => {}
    }
    Ok(())
}

pub(super) fn about(mut error: Error, table: &Table, constraint: &Constraint) -> Error {
    let fields = error.fields_mut();
    fields.schema = Some(table.schema.clone());
    fields.table = Some(table.name.clone());
    fields.constraint = Some(constraint.name.clone());
    error
}

fn constraint_place(change: &Change<'_>, name: &Name) -> Result<usize, Error> {
    change.new.constraints.iter().position(|known| known.name == name.text).ok_or_else(|| {
        let message = format!(
            "constraint \"{}\" of relation \"{}\" does not exist",
            name.text, change.new.name
        );
        Error::user(SqlState::UNDEFINED_OBJECT, message)
    })
}

fn validate<'c>(
    change: &mut Change<'c>,
    name: &Name,
    binder: &mut Binder<'c>,
) -> Result<(), Error> {
    let place = constraint_place(change, name)?;
    let known = change.new.constraints[place].clone();
    if known.is_key() {
        let message = format!(
            "constraint \"{}\" of relation \"{}\" is not a foreign key or check constraint",
            name.text, change.new.name
        );
        return Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message));
    }
    if !known.validated {
        check_rows(change, &known, binder)?;
        change.new.constraints[place].validated = true;
    }
    Ok(())
}

/// Takes a constraint out of a table's plan, with its index.
pub(super) fn remove_constraint(table: &mut Table, oid: u32, work: &mut Work) {
    let Some(place) = table.constraints.iter().position(|known| known.oid == oid) else { return };
    let known = table.constraints.remove(place);
    if let Some(index) = known.index {
        work.steps.extend(drop::index_steps(&index));
    }
    work.push(record::delete(
        "_eider_comment",
        &[("class_oid", 2606u32.into()), ("object_oid", known.oid.into())],
    ));
}

fn drop_constraint<'c>(
    change: &mut Change<'c>,
    name: &Name,
    (if_exists, cascade): (bool, bool),
    work: &mut Work,
    binder: &mut Binder<'c>,
) -> Result<(), Error> {
    let place = match constraint_place(change, name) {
        Err(error) if if_exists => {
            binder.notices.push(skipped(&error));
            return Ok(());
        }
        found => found?,
    };
    let oid = change.new.constraints[place].oid;
    if let Some(known) = change.old.constraints.iter().find(|known| known.oid == oid) {
        let target = [Object::Constraint(change.old, known)];
        drop::with_dependents(&target, cascade, Some(change), work, binder)?;
    }
    remove_constraint(&mut change.new, oid, work);
    Ok(())
}

fn drop_column<'c>(
    change: &mut Change<'c>,
    name: &Name,
    (if_exists, cascade): (bool, bool),
    work: &mut Work,
    binder: &mut Binder<'c>,
) -> Result<(), Error> {
    let place = match change.place(name) {
        Err(error) if if_exists => {
            binder.notices.push(skipped(&error));
            return Ok(());
        }
        found => found?,
    };
    let column = change.new.columns[place].clone();
    if let Some(known) = change.old.numbered(column.number) {
        let target = [Object::Column(change.old, known)];
        drop::with_dependents(&target, cascade, Some(change), work, binder)?;
    }
    remove_column(change, &column, work, binder);
    Ok(())
}

/// Takes a column out of a table's plan, with the constraints, indexes and sequences that are its own.
pub(super) fn remove_column<'c>(
    change: &mut Change<'c>,
    column: &Column,
    work: &mut Work,
    binder: &Binder<'c>,
) {
    let Some(place) = change.new.columns.iter().position(|one| one.number == column.number) else {
        return;
    };
    let gone: Vec<u32> = change
        .new
        .constraints
        .iter()
        .filter(|known| match &known.kind {
            Known::Check { expression } => depend::mentions(expression, &column.name),
            _ => known.columns().contains(&place),
        })
        .map(|known| known.oid)
        .collect();
    for oid in gone {
        remove_constraint(&mut change.new, oid, work);
    }
    for known in binder.catalog.indexes_of(change.old) {
        let text = |text: &Option<String>| {
            text.as_ref().is_some_and(|text| depend::mentions(text, &column.name))
        };
        let uses =
            known.keys.iter().any(|key| key.column == Some(column.number) || text(&key.expression))
                || known.columns.iter().any(|name| name.as_ref() == Some(&column.stored))
                || known.include.contains(&column.name)
                || text(&known.predicate);
        let of_constraint =
            change.old.constraints.iter().any(|one| one.index.as_ref() == Some(&known.stored));
        if uses && !of_constraint {
            work.steps.extend(drop::index_steps(&known.stored));
        }
    }
    for sequence in depend::owned(change.old, Some(column.number), binder.catalog) {
        work.push(record::delete("_eider_sequence", &[("oid", sequence.oid.into())]));
    }
    work.push(record::delete(
        "_eider_comment",
        &[
            ("class_oid", 1259u32.into()),
            ("object_oid", change.old.oid.into()),
            ("column_number", column.number.into()),
        ],
    ));
    change.new.columns.remove(place);
    change.values.remove(&column.number);
    for known in &mut change.new.constraints {
        match &mut known.kind {
            Known::PrimaryKey { columns }
            | Known::Unique { columns }
            | Known::ForeignKey { columns, .. } => {
                columns.iter_mut().filter(|one| **one > place).for_each(|one| *one -= 1);
            }
            Known::Check { .. } => {}
        }
    }
}

fn set_not_null(change: &mut Change<'_>, name: &Name, set: bool) -> Result<(), Error> {
    let place = change.place(name)?;
    if change.new.columns[place].not_null == set {
        return Ok(());
    }
    if !set {
        let in_key = change.new.constraints.iter().any(|known| {
            matches!(&known.kind, Known::PrimaryKey { columns } if columns.contains(&place))
        });
        if in_key {
            let message = format!("column \"{}\" is in a primary key", name.text);
            return Err(Error::user(SqlState::INVALID_TABLE_DEFINITION, message));
        }
        if change.new.columns[place].identity.is_some() {
            let message = format!(
                "column \"{}\" of relation \"{}\" is an identity column",
                name.text, change.new.name
            );
            return Err(Error::user(SqlState::SYNTAX_ERROR, message));
        }
    }
    change.new.columns[place].not_null = set;
    if set {
        change.check_not_null(place);
    }
    Ok(())
}

fn set_default<'c>(
    change: &mut Change<'c>,
    name: &Name,
    default: Option<&crate::sql::ast::SourceExpr>,
    binder: &mut Binder<'c>,
) -> Result<(), Error> {
    let place = change.place(name)?;
    let table = change.new.name.clone();
    let column = &mut change.new.columns[place];
    let wrong = |what: &str, hint: &str| {
        let message = format!("column \"{}\" of relation \"{table}\" is {what}", name.text);
        let error = Error::user(SqlState::SYNTAX_ERROR, message);
        Err(if hint.is_empty() { error } else { error.with_hint(hint) })
    };
    if column.identity.is_some() {
        let hint = "Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead.";
        return wrong("an identity column", if default.is_none() { hint } else { "" });
    }
    if column.generated.is_some() {
        let hint = "Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead.";
        return wrong("a generated column", if default.is_none() { hint } else { "" });
    }
    match default {
        Some(source) => column::set_default(column, source, binder),
        None => {
            column.default = None;
            column.sequence = None;
            Ok(())
        }
    }
}

/// ADD, SET and DROP IDENTITY, DROP EXPRESSION.
fn identity<'c>(
    change: &mut Change<'c>,
    action: &AlterAction,
    work: &mut Work,
    binder: &Binder<'c>,
) -> Result<(), Error> {
    let (AlterAction::AddIdentity { column: name, .. }
    | AlterAction::SetIdentity { column: name, .. }
    | AlterAction::DropIdentity { column: name, .. }
    | AlterAction::DropExpression { column: name, .. }) = action
    else {
        return Err(Error::internal("this action is not about an identity"));
    };
    let place = change.place(name)?;
    let column = change.new.columns[place].clone();
    let not = |what: &str| {
        let message =
            format!("column \"{}\" of relation \"{}\" is not {what}", name.text, change.new.name);
        Error::user(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
    };
    match action {
        AlterAction::AddIdentity { identity, .. } => add_identity(change, place, identity, work)?,
        AlterAction::SetIdentity { always, options, .. } => {
            let Some(old) =
                binder.sequence_of(column.sequence).filter(|_| column.identity.is_some())
            else {
                return Err(not("an identity column"));
            };
            if let Some(always) = always {
                change.new.columns[place].identity = Some(column::identity_kind(*always));
            }
            let new = sequence::altered(old, options, work)?;
            work.push(record::update(
                "_eider_sequence",
                record::sequence_definition(&new),
                &[("oid", new.oid.into())],
            ));
        }
        AlterAction::DropIdentity { if_exists, .. } => {
            if column.identity.is_none() {
                return if *if_exists { Ok(()) } else { Err(not("an identity column")) };
            }
            if let Some(oid) = column.sequence {
                work.push(record::delete("_eider_sequence", &[("oid", oid.into())]));
            }
            change.new.columns[place].sequence = None;
            change.new.columns[place].identity = None;
        }
        AlterAction::DropExpression { if_exists, .. } => {
            if column.generated.is_none() {
                return if *if_exists { Ok(()) } else { Err(not("a stored generated column")) };
            }
            let value = own_value(change.old, &column);
            change.values.insert(column.number, value);
            change.new.columns[place].generated = None;
        }
        _ => {}
    }
    Ok(())
}

fn add_identity(
    change: &mut Change<'_>,
    place: usize,
    identity: &crate::sql::ast::IdentityClause,
    work: &mut Work,
) -> Result<(), Error> {
    let column = change.new.columns[place].clone();
    let wrong = |what: &str| {
        let message =
            format!("column \"{}\" of relation \"{}\" {what}", column.name, change.new.name);
        Err(Error::user(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message))
    };
    if !column.not_null {
        return wrong("must be declared NOT NULL before identity can be added");
    }
    if column.identity.is_some() {
        return wrong("is already an identity column");
    }
    if column.default.is_some() || column.sequence.is_some() {
        return wrong("already has a default value");
    }
    let target = Place {
        table_name: &change.old.name,
        table_stored: &change.old.stored,
        number: column.number,
        others: &[],
    };
    let options = &identity.options;
    let owned = column::owned_sequence(&target, &column, options, &mut change.chooser, work)?;
    let changed = &mut change.new.columns[place];
    changed.sequence = Some(owned.oid);
    changed.identity = Some(column::identity_kind(identity.always));
    change.sequences.push(Sequence { internal: true, ..owned });
    Ok(())
}

/// A column of the old form as a value for the new one.
fn own_value(table: &Table, column: &Column) -> (crate::sql::bound::Expr, usize) {
    let expr = crate::sql::bound::Expr {
        kind: crate::sql::bound::ExprKind::Column(crate::sql::bound::Column {
            relation: 0,
            name: column.stored.clone(),
            label: column.name.clone(),
            not_null: column.not_null,
            table_oid: table.oid,
            number: column.number,
        }),
        data_type: column.data_type,
        position: 0,
    };
    (expr, 0)
}

/// Changes of a table that plain SQLite statements made: as far as SQLite's own ALTER TABLE goes.
pub(super) fn alter_foreign<'c>(
    table: &'c Table,
    actions: &[AlterAction],
    binder: &mut Binder<'c>,
) -> Result<Action, Error> {
    let mut work = Work::new(binder);
    for action in actions {
        let change = |change| {
            plain_step(&lite::Statement::AlterTable { table: table.stored.clone(), change })
        };
        let known = |name: &Name| {
            table.column(&name.text).ok_or_else(|| {
                let message = format!(
                    "column \"{}\" of relation \"{}\" does not exist",
                    name.text, table.name
                );
                at(Error::user(SqlState::UNDEFINED_COLUMN, message), 0)
            })
        };
        match action {
            AlterAction::AddColumn { column: tree, .. }
                if tree.constraints.is_empty()
                    && tree.identity.is_none()
                    && tree.generated.is_none() =>
            {
                let place = Place {
                    table_name: &table.name,
                    table_stored: &table.stored,
                    number: table.columns.iter().map(|one| one.number).max().unwrap_or(0) + 1,
                    others: &table.columns,
                };
                let mut chooser = Chooser::new(binder.catalog, &table.schema);
                let planned = column::plan(tree, &place, &mut chooser, &mut work, binder)?;
                if planned.sequence.is_some() {
                    return Err(unsupported(table));
                }
                let added = planned.column;
                let carrier = binder.types().carrier(added.data_type);
                work.push(change(lite::Alter::AddColumn(lite::ColumnDef {
                    name: added.stored.clone(),
                    storage: layout::storage(carrier),
                    collation: layout::collation(carrier),
                    not_null: added.not_null,
                    primary_key: false,
                    default: layout::constant_default(&added, binder)?,
                    generated: None,
                })));
                work.push(record::column_row(&table.stored, &added));
            }
            AlterAction::DropColumn { name, .. } => {
                work.push(change(lite::Alter::DropColumn(known(name)?.stored.clone())));
            }
            AlterAction::SetNotNull { column, set: true } => {
                work.push(change(lite::Alter::SetNotNull(known(column)?.stored.clone())));
            }
            AlterAction::SetNotNull { column, set: false } => {
                work.push(change(lite::Alter::DropNotNull(known(column)?.stored.clone())));
            }
            AlterAction::Tuning | AlterAction::Owner { .. } => {}
            _ => return Err(unsupported(table)),
        }
    }
    Ok(work.finish("ALTER TABLE"))
}

fn unsupported(table: &Table) -> Error {
    Error::refused(format!(
        "this ALTER TABLE of \"{}\", which was made by plain SQLite SQL, is not supported",
        table.name
    ))
}
