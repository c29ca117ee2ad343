//! CREATE and DROP TRIGGER, ENABLE and DISABLE, and SQLite's triggers for them.
//!
//! What a BEFORE trigger assigns to NEW is computed by the statement itself (`bind::trigger`). SQLite has a
//! trigger for each event of each of ours, with its effects; and one that assigns to NEW has a second one, which
//! mends the rows that plain SQLite statements write: they come by HTTP, where nothing was computed.
//! SQLite fires the last made first, so that they are made in the reverse order of their names.

use std::sync::Arc;

use crate::model::catalog::{Catalog, Column, Function, Table, TableKind, Trigger};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::Oid;
use crate::sql::ast::tgtype::{BEFORE, INSTEAD, ROW, TRUNCATE};
use crate::sql::ast::{CreateTrigger, Name, QualifiedName};
use crate::sql::bind::trigger::{Effect, EffectKind, Event, Fired, Firing, RowValues};
use crate::sql::bind::{Binder, Change};
use crate::sql::bound::{self, ExprKind, InsertSource};
use crate::sql::compile::plain_step;
use crate::sql::ddl::record::{self, flag, number, optional};
use crate::sql::ddl::{Work, depend, drop as dropping, rename, skipping};
use crate::sql::lite::{self, Expr, Statement};
use crate::sql::lower::Lower;
use crate::sql::{Action, Step};

pub(super) const PG_TRIGGER: Oid = 2620;
/// `trigger`
const TRIGGER_TYPE: Oid = 2279;
/// Begins the names of SQLite's triggers. Only definitions can make such a name.
const PREFIX: &str = "_eider_trigger_";

const EVENTS: [Event; 3] = [Event::Insert, Event::Update, Event::Delete];

/// `trigger t on table x`, for each that uses a function.
pub(super) fn users_of(function: Oid, binder: &Binder<'_>) -> Vec<String> {
    let mut found: Vec<&Trigger> = binder
        .catalog
        .triggers
        .values()
        .filter(|one| one.function == function)
        .map(AsRef::as_ref)
        .collect();
    found.sort_unstable_by_key(|one| one.oid);
    found.into_iter().map(|one| depend::Object::Trigger(one).label(binder)).collect()
}

pub(super) fn create(tree: &CreateTrigger, binder: &mut Binder<'_>) -> Result<Action, Error> {
    let table = binder.opened(&tree.table)?;
    check_kind(tree, table)?;
    let function = trigger_function(&tree.function, binder)?;
    let mut columns = Vec::new();
    for name in &tree.columns {
        let column = table.column(&name.text).ok_or_else(|| {
            let message =
                format!("column \"{}\" of relation \"{}\" does not exist", name.text, table.name);
            Error::user(SqlState::UNDEFINED_COLUMN, message)
        })?;
        columns.push(column.number);
    }
    let mut all = own(table, binder);
    let old = all.iter().position(|one| one.name == tree.name.text);
    let mut work = Work::new(binder);
    let oid = match old {
        Some(_) if !tree.or_replace => {
            let message = format!(
                "trigger \"{}\" for relation \"{}\" already exists",
                tree.name.text, table.name
            );
            return Err(Error::user(SqlState::DUPLICATE_OBJECT, message));
        }
        Some(place) => all.remove(place).oid,
        None => work.oids.take(),
    };
    let made = Trigger {
        oid,
        name: tree.name.text.clone(),
        table: table.stored.clone(),
        function: function.oid,
        bits: tree.bits,
        columns,
        condition: tree.condition.as_ref().map(|source| source.text.clone()),
        arguments: tree.arguments.clone(),
        enabled: true,
    };
    work.push(record::delete("_eider_trigger", &[("oid", oid.into())]));
    work.push(row(&made));
    all.push(made);
    make_again(table, all, None, &mut work, binder)?;
    Ok(work.finish("CREATE TRIGGER"))
}

fn check_kind(tree: &CreateTrigger, table: &Table) -> Result<(), Error> {
    let wrong = |message: String, detail: &str| {
        Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message).with_detail(detail))
    };
    if tree.bits & TRUNCATE != 0 {
        return Err(Error::refused("a trigger on TRUNCATE is not supported"));
    }
    if tree.bits & ROW == 0 {
        return Err(Error::refused("a trigger FOR EACH STATEMENT is not supported"));
    }
    if !tree.arguments.is_empty() {
        return Err(Error::refused("arguments of a trigger are not supported"));
    }
    match (table.kind, tree.bits & INSTEAD != 0) {
        (TableKind::View, false) => wrong(
            format!("\"{}\" is a view", table.name),
            "Views cannot have row-level BEFORE or AFTER triggers.",
        ),
        (TableKind::View, true) | (TableKind::Table, false) => Ok(()),
        (TableKind::Table, true) => wrong(
            format!("\"{}\" is a table", table.name),
            "Tables cannot have INSTEAD OF triggers.",
        ),
        _ => wrong(format!("relation \"{}\" cannot have triggers", table.name), ""),
    }
}

/// # Errors
/// 42883; 42P17 for a function that returns something else.
fn trigger_function<'c>(name: &QualifiedName, binder: &Binder<'c>) -> Result<&'c Function, Error> {
    let tree = crate::sql::ast::FunctionName {
        name: name.clone(),
        arguments: Some(Vec::new()),
        kind: crate::sql::ast::RoutineKind::Function,
    };
    let function = super::function::named(&tree, binder)?;
    if function.result_type != TRIGGER_TYPE {
        let shown = crate::sql::bind::label(name);
        let message = format!("function {shown} must return type trigger");
        return Err(Error::user(SqlState::INVALID_OBJECT_DEFINITION, message));
    }
    Ok(function)
}

/// # Errors
/// 42704 if the table has no trigger of this name.
pub(super) fn named(name: &Name, table: &Table, binder: &Binder<'_>) -> Result<Trigger, Error> {
    let mut all = own(table, binder).into_iter();
    all.find(|one| one.name == name.text).ok_or_else(|| {
        let message =
            format!("trigger \"{}\" for table \"{}\" does not exist", name.text, table.name);
        Error::user(SqlState::UNDEFINED_OBJECT, message)
    })
}

fn own(table: &Table, binder: &Binder<'_>) -> Vec<Trigger> {
    let all = binder.catalog.triggers.values();
    all.filter(|one| one.table == table.stored).map(|one| (**one).clone()).collect()
}

fn row(trigger: &Trigger) -> Step {
    record::insert(
        "_eider_trigger",
        vec![
            ("oid", number(trigger.oid)),
            ("table_name", Expr::text(&trigger.table)),
            ("name", Expr::text(&trigger.name)),
            ("function_oid", number(trigger.function)),
            ("bits", Expr::Integer(i64::from(trigger.bits))),
            ("columns", Expr::Text(serde_json::Value::from(trigger.columns.clone()).to_string())),
            ("condition", optional(trigger.condition.as_deref())),
            (
                "arguments",
                Expr::Text(serde_json::Value::from(trigger.arguments.clone()).to_string()),
            ),
            ("enabled", flag(trigger.enabled)),
        ],
    )
}

pub(super) fn drop(
    name: &Name,
    table: &QualifiedName,
    if_exists: bool,
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    const TAG: &str = "DROP TRIGGER";
    let is_missing = |error: &Error| {
        [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME].contains(&error.state())
    };
    let table = match binder.opened(table) {
        Ok(table) => table,
        Err(error) if if_exists && is_missing(&error) => return Ok(skipping(TAG, &error)),
        Err(error) => return Err(error),
    };
    let gone = match named(name, table, binder) {
        Ok(gone) => gone,
        Err(error) if if_exists => {
            let shown = error.message().replacen(" for table ", " for relation ", 1);
            return Ok(skipping(TAG, &Error::user(SqlState::UNDEFINED_OBJECT, shown)));
        }
        Err(error) => return Err(error),
    };
    let mut all = own(table, binder);
    all.retain(|one| one.oid != gone.oid);
    let mut work = Work::new(binder);
    forget(&gone, &mut work);
    make_again(table, all, None, &mut work, binder)?;
    Ok(work.finish(TAG))
}

pub(super) fn forget(trigger: &Trigger, work: &mut Work) {
    work.push(record::delete("_eider_trigger", &[("oid", trigger.oid.into())]));
    dropping::forget(PG_TRIGGER, trigger.oid, work);
}

/// ALTER TABLE ENABLE and DISABLE TRIGGER; `None`: all of them.
pub(super) fn enable(
    table: &Table,
    name: Option<&Name>,
    enabled: bool,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    if let Some(name) = name {
        named(name, table, binder)?;
    }
    let mut all = own(table, binder);
    for one in &mut all {
        if name.is_none_or(|name| name.text == one.name) {
            one.enabled = enabled;
            let new = vec![("enabled", flag(enabled))];
            work.push(record::update("_eider_trigger", new, &[("oid", one.oid.into())]));
        }
    }
    make_again(table, all, None, work, binder)
}

/// A function has another body: the triggers that use it are made again.
pub(super) fn function_changed(
    function: &Function,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    for table in tables_with(function.oid, binder) {
        let all = own(table, binder);
        make_again(table, all, Some(function), work, binder)?;
    }
    Ok(())
}

/// A function goes, and its triggers.
pub(super) fn function_dropped(
    function: Oid,
    kept: impl Fn(&Table) -> bool,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    for table in tables_with(function, binder).into_iter().filter(|table| kept(table)) {
        let (gone, left): (Vec<_>, Vec<_>) =
            own(table, binder).into_iter().partition(|one| one.function == function);
        for one in &gone {
            forget(one, work);
        }
        make_again(table, left, None, work, binder)?;
    }
    Ok(())
}

fn tables_with<'c>(function: Oid, binder: &Binder<'c>) -> Vec<&'c Table> {
    let catalog = binder.catalog;
    let mut found: Vec<&Table> = catalog
        .tables
        .values()
        .filter(|table| {
            let uses = |one: &Trigger| one.table == table.stored && one.function == function;
            catalog.triggers.values().any(|one| uses(one))
        })
        .map(AsRef::as_ref)
        .collect();
    found.sort_unstable_by_key(|table| table.oid);
    found
}

fn physical_names(trigger: &Trigger, event: Event) -> [String; 2] {
    let letter = event.name().to_ascii_lowercase();
    [format!("{PREFIX}{}_{letter}", trigger.oid), format!("{PREFIX}{}_{letter}_mend", trigger.oid)]
}

fn unchecked(statement: Statement) -> Step {
    plain_step(&Statement::Unchecked(Box::new(statement)))
}

/// Drops SQLite's triggers of a table, and makes those of its new list.
fn make_again(
    table: &Table,
    mut all: Vec<Trigger>,
    changed: Option<&Function>,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    suspend(table, work, binder);
    all.sort_unstable_by(|left, right| right.name.cmp(&left.name));
    all.iter().try_for_each(|one| make(one, table, changed, work, binder))
}

/// SQLite's triggers for one of ours.
fn make(
    trigger: &Trigger,
    table: &Table,
    changed: Option<&Function>,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    let function = match changed.filter(|function| function.oid == trigger.function) {
        Some(function) => function.clone(),
        None => match binder.catalog.functions.get(&trigger.function) {
            Some(function) => (**function).clone(),
            None => return Ok(()),
        },
    };
    let events = EVENTS.into_iter().filter(|event| trigger.bits & event.bit() != 0);
    for event in events.filter(|_| trigger.enabled) {
        physical(Firing { trigger, function: &function, table, event }, work, binder)?;
    }
    Ok(())
}

/// Drops SQLite's triggers of a table, as when it changes: they say its columns as they were.
pub(super) fn suspend(table: &Table, work: &mut Work, binder: &Binder<'_>) {
    for old in own(table, binder) {
        for event in EVENTS.into_iter().filter(|event| old.bits & event.bit() != 0) {
            for name in physical_names(&old, event) {
                work.push(unchecked(Statement::DropTrigger(name)));
            }
        }
    }
}

/// Makes the triggers of a table again that is `new` from now on. Those that say a column which is
/// gone went with it.
///
/// # Errors
/// 0A000 for a trigger whose function doesn't fit any more: PostgreSQL would say so when it fires.
pub(super) fn resume(
    old: &Table,
    new: &Table,
    work: &mut Work,
    binder: &Binder<'_>,
) -> Result<(), Error> {
    let mut all = own(old, binder);
    let gone: Vec<_> =
        old.columns.iter().filter(|column| new.numbered(column.number).is_none()).collect();
    all.retain(|one| !gone.iter().any(|column| says(one, column)));
    if all.is_empty() {
        return Ok(());
    }
    let mut catalog = binder.catalog.clone();
    catalog.tables.remove(&old.stored);
    catalog.tables.insert(new.stored.clone(), Arc::new(new.clone()));
    for one in &mut all {
        one.table.clone_from(&new.stored);
        let Some(condition) = &one.condition else { continue };
        let followed = rename::followed(condition, old, new)?;
        if followed != *condition {
            let text = vec![("condition", Expr::text(&followed))];
            work.push(record::update("_eider_trigger", text, &[("oid", one.oid.into())]));
            one.condition = Some(followed);
        }
    }
    for one in &all {
        catalog.triggers.insert(one.oid, Arc::new(one.clone()));
    }
    let mut after = Binder::new(&catalog, binder.settings, &[], 0)?;
    all.sort_unstable_by(|left, right| right.name.cmp(&left.name));
    for one in &all {
        make(one, new, None, work, &mut after).map_err(|error| {
            let message = format!(
                "this change of a table whose trigger \"{}\" doesn't follow it is not supported: {}",
                one.name,
                error.message()
            );
            Error::refused(message).with_hint(
                "Drop the trigger, change its function, and make the trigger again.",
            )
        })?;
    }
    Ok(())
}

/// Whether a trigger's own definition says a column, in UPDATE OF or WHEN. What its function says doesn't
/// count: PostgreSQL looks at it when it runs.
pub(super) fn says(trigger: &Trigger, column: &Column) -> bool {
    let condition = trigger.condition.as_ref();
    trigger.columns.contains(&column.number)
        || condition.is_some_and(|text| depend::mentions(text, &column.name))
}

/// The triggers whose definitions say a column, the oldest first.
pub(super) fn saying<'c>(table: &Table, column: &Column, catalog: &'c Catalog) -> Vec<&'c Trigger> {
    let all = catalog.triggers.values().map(AsRef::as_ref);
    let mut found: Vec<&Trigger> =
        all.filter(|one| one.table == table.stored && says(one, column)).collect();
    found.sort_unstable_by_key(|one| one.oid);
    found
}

/// The columns of NEW or OLD in a trigger of SQLite's.
fn row_of(name: &str, table: &Table, binder: &mut Binder<'_>) -> (RowValues, usize) {
    let id = binder.named_relation(name);
    let column = |column: &Column| bound::Expr {
        kind: ExprKind::Column(bound::Column {
            relation: id,
            name: column.stored.clone(),
            label: column.name.clone(),
            not_null: false,
            table_oid: table.oid,
            number: column.number,
        }),
        data_type: column.data_type,
        position: 0,
    };
    (table.columns.iter().map(column).collect(), id)
}

/// SQLite's triggers for one event of one of ours.
fn physical(firing: Firing<'_>, work: &mut Work, binder: &mut Binder<'_>) -> Result<(), Error> {
    let Firing { trigger, table, event, .. } = firing;
    let new = (event != Event::Delete).then(|| row_of("new", table, binder));
    let old = (event != Event::Insert).then(|| row_of("old", table, binder));
    let new_id = new.as_ref().map(|(_, id)| *id);
    let fired = binder.fire(firing, new.map(|(row, _)| row), old.map(|(row, _)| row))?;
    if trigger.bits & BEFORE != 0 {
        check_order(&fired, table, new_id)?;
    }
    let columns: Vec<String> = trigger
        .columns
        .iter()
        .filter(|_| event == Event::Update)
        .filter_map(|number| table.numbered(*number).map(|column| column.stored.clone()))
        .collect();
    let [name, mend] = physical_names(trigger, event);
    let timing = if trigger.bits & BEFORE != 0 {
        "BEFORE"
    } else if trigger.bits & INSTEAD != 0 {
        "INSTEAD OF"
    } else {
        "AFTER"
    };
    let made = |name, timing, condition, body| {
        unchecked(Statement::CreateTrigger(Box::new(lite::CreateTrigger {
            name,
            timing,
            event: event.name(),
            columns: columns.clone(),
            table: table.stored.clone(),
            condition: Some(condition),
            body,
        })))
    };
    // What mends a row must not look like a change of it.
    let not_mending = Expr::Prefix("NOT", Box::new(Expr::call("_eider_mending", Vec::new())));
    let mut body = Vec::new();
    for effect in &fired.effects {
        body.extend(effect_statements(effect, binder)?);
    }
    if !body.is_empty() {
        work.push(made(name, timing, not_mending.clone(), body));
    }
    if !fired.assigned.is_empty() {
        let by_http = Expr::call("_eider_over_http", Vec::new());
        let condition = Expr::infix(by_http, "AND", not_mending);
        work.push(made(mend, "AFTER", condition, mending(&fired, table, binder)?));
    }
    Ok(())
}

/// In SQLite's BEFORE trigger NEW has what is assigned to it already, also where the function looks at it first.
fn check_order(fired: &Fired, table: &Table, new: Option<usize>) -> Result<(), Error> {
    if fired.assigned.is_empty() || fired.effects.is_empty() {
        return Ok(());
    }
    let assigned: Vec<&str> =
        fired.assigned.iter().map(|place| table.columns[*place].stored.as_str()).collect();
    let mentions = |expr: &bound::Expr| mentions(expr, new, &assigned);
    for effect in &fired.effects {
        let clash = effect.guard.as_ref().is_some_and(mentions)
            || match &effect.kind {
                EffectKind::Raise { parts, .. } => parts.iter().any(mentions),
                EffectKind::Skip => false,
                EffectKind::Change(..) | EffectKind::Query(_) => true,
            };
        if clash {
            return Err(Error::refused(
                "a BEFORE trigger that assigns to NEW and does something else by the same columns \
                 is not supported",
            ));
        }
    }
    Ok(())
}

fn mentions(expr: &bound::Expr, new: Option<usize>, names: &[&str]) -> bool {
    match &expr.kind {
        ExprKind::Column(column) => {
            Some(column.relation) == new && names.contains(&column.name.as_str())
        }
        _ => {
            expr.subquery().is_some()
                || expr.children().into_iter().any(|child| mentions(child, new, names))
        }
    }
}

fn lowered(lower: &mut Lower<'_>, expr: &bound::Expr) -> Result<Expr, Error> {
    lower.expr(expr)
}

/// # Errors
/// 0A000 if something of the session is needed, which a trigger can't know.
fn finish(lower: Lower<'_>) -> Result<(), Error> {
    if lower.needs_session() {
        return Err(Error::refused(
            "what depends on the session in a trigger function is not supported",
        ));
    }
    Ok(())
}

fn select(item: Expr, filter: Option<Expr>) -> Statement {
    Statement::Query(lite::Query::select(lite::Select {
        items: vec![(item, None)],
        filter,
        ..lite::Select::default()
    }))
}

fn effect_statements(effect: &Effect, binder: &Binder<'_>) -> Result<Vec<Statement>, Error> {
    let mut lower = Lower::in_trigger(binder.relation_names(), binder.types());
    let guard = match &effect.guard {
        Some(guard) => Some(lowered(&mut lower, guard)?),
        None => None,
    };
    let statements = match &effect.kind {
        EffectKind::Raise { state, parts } => {
            let mut arguments = vec![Expr::Text(String::from_utf8_lossy(&state.0).into_owned())];
            for part in parts {
                arguments.push(lowered(&mut lower, part)?);
            }
            while arguments.len() < 4 {
                arguments.push(Expr::Null);
            }
            vec![select(Expr::call("_eider_raise", arguments), guard)]
        }
        EffectKind::Skip => vec![select(Expr::Ignore, guard)],
        EffectKind::Query(query) => {
            let query = lower.query(query, false)?;
            if guard.is_some() {
                return Err(Error::refused(
                    "PERFORM under a condition in a trigger is not supported",
                ));
            }
            vec![Statement::Query(query)]
        }
        EffectKind::Change(change) => vec![change_statement(change, guard, &mut lower)?],
    };
    finish(lower)?;
    Ok(statements)
}

fn both(left: Option<Expr>, right: Option<Expr>) -> Option<Expr> {
    match (left, right) {
        (Some(left), Some(right)) => Some(Expr::infix(left, "AND", right)),
        (left, right) => left.or(right),
    }
}

/// A change as it may stand in a trigger: SQLite knows no other name of its table there.
fn change_statement(
    change: &Change,
    guard: Option<Expr>,
    lower: &mut Lower<'_>,
) -> Result<Statement, Error> {
    Ok(match change {
        Change::Insert(insert) => {
            lower.rename(insert.id, &insert.table);
            let mut lowered = lower.insert(insert)?;
            lowered.alias = None;
            if matches!(insert.source, InsertSource::DefaultValues) {
                return Err(Error::refused(
                    "INSERT ... DEFAULT VALUES in a trigger is not supported",
                ));
            }
            if let Some(guard) = guard {
                lowered.source = match lowered.source.take() {
                    Some(source) => Some(guarded(source, guard)?),
                    None => None,
                };
            }
            Statement::Insert(lowered)
        }
        Change::Update(update) => {
            lower.rename(update.id, &update.table);
            let mut lowered = lower.update(update)?;
            lowered.alias = None;
            lowered.filter = both(lowered.filter.take(), guard);
            Statement::Update(lowered)
        }
        Change::Delete(delete) => {
            lower.rename(delete.id, &delete.table);
            let mut lowered = lower.delete(delete)?;
            lowered.alias = None;
            lowered.filter = both(lowered.filter.take(), guard);
            Statement::Delete(lowered)
        }
        Change::Query(_) => return Err(Error::internal("a query changes nothing")),
    })
}

/// The rows of an INSERT where a condition holds.
fn guarded(source: lite::Query, guard: Expr) -> Result<lite::Query, Error> {
    match source.body {
        lite::Body::Values(mut rows) if rows.len() == 1 => {
            let items = rows.remove(0).into_iter().map(|item| (item, None)).collect();
            Ok(lite::Query::select(lite::Select {
                items,
                filter: Some(guard),
                ..lite::Select::default()
            }))
        }
        lite::Body::Select(mut select)
            if source.limit.is_none() && select.group_by.is_empty() && select.having.is_none() =>
        {
            select.filter = both(select.filter.take(), Some(guard));
            Ok(lite::Query { body: lite::Body::Select(select), ..source })
        }
        _ => Err(Error::refused(
            "an INSERT of several rows under a condition in a trigger is not supported",
        )),
    }
}

/// Writes what the function assigns into the row that was written.
fn mending(fired: &Fired, table: &Table, binder: &Binder<'_>) -> Result<Vec<Statement>, Error> {
    let mut lower = Lower::in_trigger(binder.relation_names(), binder.types());
    let Some(new) = &fired.new else { return Ok(Vec::new()) };
    let mut assignments = Vec::new();
    for place in &fired.assigned {
        let value = lower.expr(&new[*place])?;
        assignments.push((table.columns[*place].stored.clone(), value));
    }
    let Some(row) = crate::sql::bind::row_id_name(table) else {
        return Err(Error::refused(
            "a BEFORE trigger that assigns to NEW, on a table without row ids, is not supported",
        ));
    };
    let its_row = Expr::Column { table: Some("new".to_owned()), name: row.to_owned() };
    finish(lower)?;
    let mend = |on| select(Expr::call("_eider_mend", vec![Expr::Integer(on)]), None);
    let update = Statement::Update(lite::Update {
        with: lite::With::default(),
        table: table.stored.clone(),
        alias: None,
        assignments,
        from: None,
        filter: Some(Expr::infix(Expr::column(row), "=", its_row)),
        returning: Vec::new(),
    });
    Ok(vec![mend(1), update, mend(0)])
}
