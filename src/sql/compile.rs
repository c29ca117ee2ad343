//! One statement through the whole path.

use std::sync::Arc;

use crate::datum::form::Form;
use crate::datum::xml;
use crate::model::catalog::{Catalog, Column, Table};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::pgdata::FIRST_OWN_OID;
use crate::sql::ast::{CopySource, Statement};
use crate::sql::bind::{Act, Binder, Calling, Change, ChangeStep, Role, at, no_aggregate};
use crate::sql::bound::Output;
use crate::sql::lower::{Lower, object_kind};
use crate::sql::types::{Lowering, Types, lookup_type};
use crate::sql::{
    Action, Called, CompileSettings, Compiled, CopyFrom, CopyOptions, CopyTo, ExplainFormat,
    ExplainOptions, ForcedColumns, LockWait, OutputColumn, Parsed, Program, Returns, SessionAct,
    SessionCall, Step, StepRole, Unwanted, WriteTag, ast, bound, code, ddl, lite, touch,
};

/// `pg_type.oid` of `void`, which has one value.
const VOID: Oid = 2278;

pub(super) fn compile(
    parsed: &Parsed,
    catalog: &Catalog,
    settings: &CompileSettings,
    parameter_types: &[Oid],
) -> Result<Compiled, Error> {
    let mut binder = Binder::new(catalog, settings, parameter_types, parsed.parameters)?;
    binder.know_parameters(&parsed.names)?;
    let compiled = statement(parsed, &mut binder)?;
    if binder.acts.contains(&Act::Session)
        && !matches!(compiled.action, Action::SessionCalls { .. })
    {
        return Err(session_call_elsewhere());
    }
    binder.check_asked_sequences()?;
    let forms = || {
        let types = binder.types();
        compiled.parameters.iter().map(|parameter| types.form(parameter.oid)).collect()
    };
    let own = compiled.parameters.iter().any(|parameter| parameter.oid >= FIRST_OWN_OID);
    let parameter_forms = if own { forms() } else { Vec::new() };
    let calls = called(&mut binder, &compiled)?;
    Ok(Compiled { parameter_forms, calls, notices: binder.notices, ..compiled })
}

/// The functions that are carried out before the statement.
fn called(binder: &mut Binder<'_>, compiled: &Compiled) -> Result<Vec<Called>, Error> {
    let noted = binder.take_calls()?;
    let fits = match &compiled.action {
        Action::Query { locking, .. } => locking.is_none(),
        Action::Write { changes_catalog, .. } => !changes_catalog,
        Action::Call { .. } => true,
        _ => false,
    };
    if let (false, Some(call)) = (fits, noted.first()) {
        let message =
            format!("a call of {} in this kind of statement is not supported", call.routine.name);
        return Err(Error::refused(message));
    }
    let mut calls = Vec::new();
    for call in noted {
        let arguments = argument_program(binder, call.arguments)?;
        calls.push(Called { routine: call.routine, arguments, feed: call.feed });
    }
    Ok(calls)
}

/// A query of one row, the arguments of a call; `None` if there are none.
fn argument_program(
    binder: &mut Binder<'_>,
    items: Vec<bound::Expr>,
) -> Result<Option<Program>, Error> {
    if items.is_empty() {
        return Ok(None);
    }
    let mut query = binder.query(&ast::Query::select(ast::Select::plain(vec![], vec![])))?;
    if let bound::Body::Select(select) = &mut query.body {
        select.items = items;
        query.outputs = crate::sql::bind::plain_outputs(&select.items);
    }
    query_program(binder, &query).map(Some)
}

fn statement(parsed: &Parsed, binder: &mut Binder<'_>) -> Result<Compiled, Error> {
    match &parsed.statement {
        Statement::Query(query) => compile_query(binder, query),
        Statement::Convert(target) => convert(binder, *target),
        Statement::Insert(insert) => {
            let steps = binder.insert_steps(insert)?;
            if let [ChangeStep { change: Change::Insert(insert), .. }] = steps.0.as_slice() {
                binder.runs_once(Calling::Insert(&insert.source));
            }
            write(binder, steps, WriteTag::Insert)
        }
        Statement::Update(update) => {
            let steps = binder.update_steps(update)?;
            write(binder, steps, WriteTag::Update)
        }
        Statement::Delete(delete) => {
            let steps = binder.delete_steps(delete)?;
            write(binder, steps, WriteTag::Delete)
        }
        Statement::Merge(merge) => {
            let steps = binder.merge_steps(merge)?;
            write(binder, (steps, Vec::new()), WriteTag::Merge)
        }
        Statement::Define(definition) => ddl::compile(definition, binder).map(simple),
        Statement::Copy(copy) => compile_copy(binder, copy).map(simple),
        Statement::Call(call) => compile_call(binder, call),
        other @ Statement::Show { name } => utility(other, binder).map(|action| show(name, action)),
        explain @ Statement::Explain { options, .. } => {
            let data_type = match options.format {
                ExplainFormat::Json => PgType::JSON,
                ExplainFormat::Xml => xml::XML,
                ExplainFormat::Text | ExplainFormat::Yaml => PgType::TEXT,
            };
            let mut compiled = simple(utility(explain, binder)?);
            if let Action::Explain { statement, .. } = &compiled.action {
                compiled.parameters.clone_from(&statement.parameters);
            }
            let column = text_column("QUERY PLAN", data_type);
            Ok(Compiled { columns: vec![column], returns_rows: true, ..compiled })
        }
        Statement::Declare { query, .. } => {
            // The cursor's query has the parameters; their types are those that it needs.
            let inner = statement(query, binder)?;
            let action = utility(&parsed.statement, binder)?;
            Ok(Compiled { parameters: inner.parameters, ..simple(action) })
        }
        Statement::Execute { name, .. } => {
            let execute = Box::new(parsed.clone());
            Ok(simple(Action::Execute { name: name.text.clone(), execute }))
        }
        other => utility(other, binder).map(simple),
    }
}

/// Drops all temporary objects of a session.
pub(super) fn drop_temporary(
    catalog: &Catalog,
    settings: &CompileSettings,
) -> Result<Option<Compiled>, Error> {
    let mut binder = Binder::new(catalog, settings, &[], 0)?;
    Ok(ddl::drop_temporary(&mut binder)?.map(simple))
}

/// What temporary tables say is done at COMMIT.
pub(super) fn commit_temporary(
    catalog: &Catalog,
    settings: &CompileSettings,
) -> Result<Option<Compiled>, Error> {
    let mut binder = Binder::new(catalog, settings, &[], 0)?;
    Ok(ddl::commit_temporary(&mut binder)?.map(simple))
}

/// SHOW returns a row, its column called as PostgreSQL spells the setting; SHOW ALL a row of each.
fn show(name: &str, action: Action) -> Compiled {
    let spelt = ["DateStyle", "IntervalStyle", "TimeZone"];
    let lower = name.to_ascii_lowercase();
    let names = match spelt.iter().find(|known| known.eq_ignore_ascii_case(name)) {
        Some(known) => vec![*known],
        None if lower == "all" => vec!["name", "setting", "description"],
        None => vec![lower.as_str()],
    };
    Compiled {
        columns: names.into_iter().map(|name| text_column(name, PgType::TEXT)).collect(),
        returns_rows: true,
        ..simple(action)
    }
}

/// A column that is nobody's.
fn text_column(name: &str, data_type: PgType) -> OutputColumn {
    OutputColumn { name: name.to_owned(), data_type, form: None, table_oid: 0, attribute_number: 0 }
}

fn simple(action: Action) -> Compiled {
    Compiled {
        parameters: Vec::new(),
        parameter_forms: Vec::new(),
        columns: Vec::new(),
        returns_rows: false,
        action,
        calls: Vec::new(),
        notices: Vec::new(),
    }
}

/// What a client is told that a column is, and how its values are read and written.
fn shown_type(binder: &Binder<'_>, data_type: PgType) -> (PgType, Option<Arc<Form>>) {
    if data_type.oid == PgType::RECORD.oid {
        // The modifier is the binder's own.
        return match binder.shape(data_type).map(|shape| shape.row_type) {
            None | Some(0) => (PgType::RECORD, None),
            Some(row_type) => (PgType::new(row_type), Some(Arc::new(Form::Plain(PgType::RECORD)))),
        };
    }
    let types = binder.types();
    let shown = types.shown(data_type);
    (shown, types.form(shown.oid))
}

/// The result's columns for the client.
pub(super) fn output_columns(binder: &Binder<'_>, outputs: &[Output]) -> Vec<OutputColumn> {
    let column = |output: &Output| {
        let (data_type, form) = shown_type(binder, output.data_type);
        OutputColumn {
            name: output.name.clone(),
            data_type,
            form,
            table_oid: output.table_oid,
            attribute_number: output.number,
        }
    };
    outputs.iter().map(column).collect()
}

fn compile_query(binder: &mut Binder<'_>, query: &ast::Query) -> Result<Compiled, Error> {
    binder.allow_settings();
    let bound = binder.query(query)?;
    binder.runs_once(Calling::Query(&bound));
    let parameters = binder.parameter_types()?;
    let program = query_program(binder, &bound)?;
    let columns = output_columns(binder, &bound.outputs);
    if !binder.changes.is_empty() {
        let outputs = bound.outputs.clone();
        let own = vec![binder.step(Change::Query(bound), Role::Result)];
        let compiled = write(binder, (own, outputs), WriteTag::Select)?;
        return Ok(Compiled { returns_rows: true, ..compiled });
    }
    let action = if !binder.settings_made.is_empty() {
        Action::SetConfig { arguments: settings_made(binder, &bound)?, program }
    } else if binder.sequences.is_empty() && binder.acts.contains(&Act::Notify) {
        let void = |output: &Output| output.data_type.oid == VOID;
        let fixed = binder.relation_names().is_empty() && bound.outputs.iter().all(void);
        let touches = fixed.then(touch::nothing);
        notifying(Program { touches, ..program }, WriteTag::Notifying)
    } else if binder.acts.contains(&Act::Session) {
        session_calls(binder, &bound, program)?
    } else if binder.sequences.is_empty() {
        let constant = binder.relation_names().is_empty() && bound.is_constant();
        Action::Query { program, locking: bound.locking, constant }
    } else {
        // nextval writes.
        let steps = vec![Step { program, role: StepRole::Result, must_be_empty: None }];
        Action::Write { steps, tag: WriteTag::Select, changes_catalog: false, temporary: false }
    };
    Ok(Compiled { parameters, columns, returns_rows: true, ..simple(action) })
}

/// What a query's columns ask the session for, once the rows are there.
fn session_calls(
    binder: &Binder<'_>,
    query: &bound::Query,
    program: Program,
) -> Result<Action, Error> {
    let bound::Body::Select(select) = &query.body else { return Err(session_call_elsewhere()) };
    let mut calls = Vec::new();
    for (column, item) in select.items.iter().enumerate() {
        let act = match item.kind {
            bound::ExprKind::Call { lowering: Lowering::Advisory(act), .. } => {
                SessionAct::Advisory(act)
            }
            bound::ExprKind::Call { lowering: Lowering::Signal(signal), .. } => {
                SessionAct::Signal(signal)
            }
            _ => continue,
        };
        calls.push(SessionCall { column, act });
    }
    let asked = binder.acts.iter().filter(|act| **act == Act::Session).count();
    let plain = select.distinct == bound::Distinct::All && query.locking.is_none();
    if calls.len() != asked || asked != binder.acts.len() || !plain {
        return Err(session_call_elsewhere());
    }
    Ok(Action::SessionCalls { program, calls })
}

fn session_call_elsewhere() -> Error {
    Error::refused("a function of advisory locks or of other sessions is not supported here")
        .with_hint("Call it as a column of a SELECT by itself.")
}

/// A statement that does nothing but notify.
fn notifying(program: Program, tag: WriteTag) -> Action {
    let steps = vec![Step { program, role: StepRole::Result, must_be_empty: None }];
    Action::Write { steps, tag, changes_catalog: false, temporary: false }
}

/// NOTIFY.
fn notify(channel: &str, payload: &str) -> Action {
    let mut lower = Lower::new(&[], Types::BUILTIN, "UTC");
    let called = lower.notify(lite::Expr::text(channel), lite::Expr::text(payload));
    let select = lite::Select { items: vec![(called, None)], ..lite::Select::default() };
    let program = lower.program(&lite::Statement::Query(lite::Query::select(select)));
    notifying(Program { touches: Some(touch::nothing()), ..program }, WriteTag::Notify)
}

pub(super) fn query_program(binder: &Binder<'_>, query: &bound::Query) -> Result<Program, Error> {
    let mut lower = Lower::new(binder.relation_names(), binder.types(), &binder.settings.time_zone)
        .with_style(&binder.settings.style);
    let by_name = query.outputs.iter().any(|output| object_kind(output.data_type).is_some());
    let mut lowered = lower.query(query, by_name)?;
    if by_name {
        lowered = lower.with_object_names(lowered, &query.outputs);
    }
    Ok(lower.program(&lite::Statement::Query(lowered)))
}

fn compile_call(binder: &mut Binder<'_>, call: &ast::Call) -> Result<Compiled, Error> {
    let (function, items) = binder.procedure(call)?;
    let routine = code::routine(function, binder)?;
    let columns: Vec<OutputColumn> = match &routine.returns {
        Returns::Variables(_) => code::outputs(function, binder)?
            .into_iter()
            .map(|given| OutputColumn {
                form: binder.types().form(given.data_type.oid),
                ..text_column(&given.name, given.data_type)
            })
            .collect(),
        _ => Vec::new(),
    };
    binder.runs_once(Calling::Arguments(&items));
    let arguments = argument_program(binder, items)?;
    let parameters = binder.parameter_types()?;
    let returns_rows = !columns.is_empty();
    let action = Action::Call { routine, arguments };
    Ok(Compiled { parameters, columns, returns_rows, ..simple(action) })
}

/// A value as an assignment to a variable makes it: PL/pgSQL goes by the text where nothing else leads there.
fn convert(binder: &mut Binder<'_>, target: PgType) -> Result<Compiled, Error> {
    let mut query = binder.query(&ast::Query::select(ast::Select::plain(vec![], vec![])))?;
    let value = binder.assigned_variable(target)?;
    if let bound::Body::Select(select) = &mut query.body {
        select.items = vec![value];
        query.outputs = crate::sql::bind::plain_outputs(&select.items);
    }
    let program = query_program(binder, &query)?;
    let columns = output_columns(binder, &query.outputs);
    let parameters = binder.parameter_types()?;
    let action = Action::Query { program, locking: None, constant: false };
    Ok(Compiled { parameters, columns, returns_rows: true, ..simple(action) })
}

/// The same query, but for the arguments of `set_config`.
fn settings_made(binder: &mut Binder<'_>, query: &bound::Query) -> Result<Program, Error> {
    let mut query = query.clone();
    let bound::Body::Select(select) = &mut query.body else {
        return Err(Error::refused("set_config in this kind of query is not supported"));
    };
    select.items = std::mem::take(&mut binder.settings_made);
    query.outputs = crate::sql::bind::plain_outputs(&select.items);
    query_program(binder, &query)
}

/// A statement of several steps, those of its WITH first.
fn write(
    binder: &mut Binder<'_>,
    (own, outputs): (Vec<ChangeStep>, Vec<Output>),
    tag: WriteTag,
) -> Result<Compiled, Error> {
    let parameters = binder.parameter_types()?;
    binder.check_snapshot(&own)?;
    let mut all = std::mem::take(&mut binder.changes);
    all.extend(own);
    let temporary = all.iter().all(|step| is_temporary(&step.change, binder));
    let mut steps = Vec::new();
    let alone = all.len() == 1;
    for step in all {
        let mut lower =
            Lower::new(binder.relation_names(), binder.types(), &binder.settings.time_zone)
                .with_style(&binder.settings.style);
        let statement = match &step.change {
            Change::Query(query) => lite::Statement::Query(lower.query(query, false)?),
            Change::Insert(insert) => lite::Statement::Insert(lower.insert(insert)?),
            Change::Update(update) => lite::Statement::Update(lower.update(update)?),
            Change::Delete(delete) => lite::Statement::Delete(lower.delete(delete)?),
        };
        let mut program = lower.program(&statement);
        if alone && step.sequences.is_empty() {
            program.touches = touch::of(&step.change, binder.catalog).map(Arc::new);
        }
        let (role, must_be_empty) = match step.role {
            Role::Nothing => (StepRole::Nothing, None),
            Role::Result => (StepRole::Result, None),
            Role::Rows => (StepRole::Rows, None),
            Role::Count => (StepRole::Count, None),
            Role::Feeds(feed) => (StepRole::Feeds(feed), None),
            Role::Check(error) => (StepRole::Nothing, Some(error.into())),
        };
        steps.push(Step { program, role, must_be_empty });
    }
    Ok(Compiled {
        parameters,
        columns: output_columns(binder, &outputs),
        returns_rows: !outputs.is_empty(),
        ..simple(Action::Write { steps, tag, changes_catalog: false, temporary })
    })
}

/// Whether a change is one of a temporary table, which READ ONLY transactions may make.
fn is_temporary(change: &Change, binder: &Binder<'_>) -> bool {
    let stored = match change {
        Change::Insert(insert) => &insert.table,
        Change::Update(update) => &update.table,
        Change::Delete(delete) => &delete.table,
        Change::Query(_) => return true,
    };
    let table = binder.catalog.tables.get(stored.as_str());
    table.is_some_and(|table| table.schema == binder.settings.temporary_schema)
}

/// A step that isn't the statement's result.
pub(super) fn plain_step(statement: &lite::Statement) -> Step {
    let lower = Lower::new(&[], Types::BUILTIN, "UTC");
    Step { program: lower.program(statement), role: StepRole::Nothing, must_be_empty: None }
}

/// A step whose rows are a failure.
pub(super) fn check_step(query: lite::Query, error: impl Into<Unwanted>) -> Step {
    Step { must_be_empty: Some(error.into()), ..plain_step(&lite::Statement::Query(query)) }
}

fn compile_copy(binder: &mut Binder<'_>, copy: &ast::Copy) -> Result<Action, Error> {
    match (&copy.source, copy.from) {
        (CopySource::Query(query), _) => {
            let query = binder.query(query)?;
            copy_to(binder, &query, copy)
        }
        (CopySource::Table { name, columns }, false) => {
            let items = if columns.is_empty() {
                vec![ast::SelectItem::Wildcard { relation: None, position: 0 }]
            } else {
                columns.iter().map(column_item).collect()
            };
            let from = ast::FromItem::Table { name: name.clone(), alias: None };
            let query = ast::Query::select(ast::Select::plain(items, vec![from]));
            let query = binder.query(&query).map_err(|error| binder.not_opened(name, error))?;
            copy_to(binder, &query, copy)
        }
        (CopySource::Table { name, columns }, true) => copy_from(binder, name, columns, copy),
    }
}

fn column_item(name: &ast::Name) -> ast::SelectItem {
    let expr =
        ast::Expr { kind: ast::ExprKind::Column(vec![name.clone()]), position: name.position };
    ast::SelectItem::Expr { expr, alias: None }
}

fn copy_to(binder: &Binder<'_>, query: &bound::Query, copy: &ast::Copy) -> Result<Action, Error> {
    if binder.acts.contains(&Act::Notify) {
        return Err(Error::refused("pg_notify in COPY is not supported"));
    }
    if !binder.sequences.is_empty() {
        return Err(Error::refused("nextval in COPY TO is not supported"));
    }
    let columns = output_columns(binder, &query.outputs);
    Ok(Action::CopyTo(CopyTo {
        options: forced(copy, &columns)?,
        query: query_program(binder, query)?,
        columns,
    }))
}

/// COPY's options, with the places of the columns that FORCE_QUOTE and the like name.
fn forced(copy: &ast::Copy, columns: &[OutputColumn]) -> Result<CopyOptions, Error> {
    let places = |what: &str, forced: &ast::Forced| match forced {
        ast::Forced::None => Ok(Vec::new()),
        ast::Forced::All => Ok((0..columns.len()).collect()),
        ast::Forced::Columns(names) => names
            .iter()
            .map(|name| {
                columns.iter().position(|column| column.name == name.text).ok_or_else(|| {
                    Error::user(
                        SqlState::INVALID_COLUMN_REFERENCE,
                        format!("{what} column \"{}\" not referenced by COPY", name.text),
                    )
                })
            })
            .collect(),
    };
    let [quote, not_null, null] = &copy.force;
    let force = ForcedColumns {
        quote: places("FORCE_QUOTE", quote)?,
        not_null: places("FORCE_NOT_NULL", not_null)?,
        null: places("FORCE_NULL", null)?,
    };
    Ok(CopyOptions { force, ..copy.options.clone() })
}

/// COPY FROM: an INSERT whose values are the row's fields, each of its column's type already.
fn copy_from(
    binder: &mut Binder<'_>,
    name: &ast::QualifiedName,
    columns: &[ast::Name],
    copy: &ast::Copy,
) -> Result<Action, Error> {
    let table = binder.opened(name)?;
    let names: Vec<ast::Name> = if columns.is_empty() {
        table
            .columns
            .iter()
            .filter(|column| column.generated.is_none())
            .map(|column| ast::Name { text: column.name.clone(), position: 0 })
            .collect()
    } else {
        // Errors about them have no position in PostgreSQL.
        columns.iter().map(|name| ast::Name { text: name.text.clone(), position: 0 }).collect()
    };
    let values = (1..=names.len())
        .map(|number| ast::Expr { kind: ast::ExprKind::Parameter(number), position: 0 })
        .collect();
    let types: Vec<Oid> = names
        .iter()
        .map(|name| {
            table
                .columns
                .iter()
                .find(|column| column.name == name.text)
                .map_or(0, |column| column.data_type.oid)
        })
        .collect();
    let insert = ast::Insert {
        ctes: Vec::new(),
        recursive: false,
        table: name.clone(),
        alias: None,
        columns: names.iter().cloned().map(ast::Target::plain).collect(),
        overriding: Some(ast::Overriding::System),
        source: Some(copied_row(name, &names, values, copy.filter.as_ref())),
        on_conflict: None,
        returning: Vec::new(),
    };
    let types: Vec<Oid> =
        types.into_iter().map(|oid| binder.types().shown(PgType::new(oid)).oid).collect();
    if let Some(filter) = &copy.filter {
        copied_condition(binder, filter, table)?;
    }
    let mut inner = Binder::new(binder.catalog, binder.settings, &types, names.len())?;
    let (bound, _) = inner.insert(&insert)?;
    let mut lower = Lower::new(inner.relation_names(), inner.types(), &inner.settings.time_zone);
    let lowered = lite::Statement::Insert(lower.insert(&bound)?);
    let program = lower.program(&lowered);
    let columns = copied_columns(binder.types(), table, &names);
    let options = CopyOptions { relation: table.name.clone(), ..forced(copy, &columns)? };
    let temporary = table.schema == binder.settings.temporary_schema;
    Ok(Action::CopyFrom(CopyFrom { options, columns, insert: program, temporary }))
}

/// What PostgreSQL refuses in COPY's WHERE before it asks for data.
fn copied_condition(
    binder: &mut Binder<'_>,
    filter: &ast::Expr,
    table: &Table,
) -> Result<(), Error> {
    let (bound, _) = binder.over_table(filter, table)?;
    let bound = binder.boolean(bound, "WHERE")?;
    no_aggregate(&bound, "COPY FROM WHERE conditions")?;
    if let Some(position) = first_subquery(&bound) {
        let error = Error::refused("cannot use subquery in COPY FROM WHERE condition");
        return Err(at(error, position));
    }
    let mut used = Vec::new();
    ddl::used_columns(&bound, &mut used);
    let is_generated =
        |column: &&Column| column.generated.is_some() && used.contains(&column.stored);
    if let Some(column) = table.columns.iter().find(is_generated) {
        let message = "generated columns are not supported in COPY FROM WHERE conditions";
        let detail = format!("Column \"{}\" is a generated column.", column.name);
        let error = Error::user(SqlState::INVALID_COLUMN_REFERENCE, message);
        return Err(error.with_detail(detail));
    }
    Ok(())
}

fn first_subquery(expr: &bound::Expr) -> Option<u32> {
    if expr.subquery().is_some() {
        return Some(expr.position);
    }
    expr.children().into_iter().find_map(first_subquery)
}

/// A row of the data: `VALUES (...)`, or what a WHERE clause leaves of it.
fn copied_row(
    table: &ast::QualifiedName,
    columns: &[ast::Name],
    values: Vec<ast::Expr>,
    filter: Option<&ast::Expr>,
) -> ast::Query {
    let row = crate::sql::parser::one_row(values);
    let (Some(filter), Some(name)) = (filter, table.last()) else { return row };
    let alias = ast::Alias { name: name.clone(), columns: columns.to_vec() };
    let query = Box::new(row);
    let from = ast::FromItem::Subquery { query, alias: Some(alias), lateral: false, position: 0 };
    let items = columns.iter().map(column_item).collect();
    let select = ast::Select::plain(items, vec![from]);
    ast::Query::select(ast::Select { filter: Some(filter.clone()), ..select })
}

/// The table's columns of these names.
fn copied_columns(types: Types<'_>, table: &Table, names: &[ast::Name]) -> Vec<OutputColumn> {
    names
        .iter()
        .filter_map(|name| table.columns.iter().find(|column| column.name == name.text))
        .map(|column| OutputColumn {
            name: column.name.clone(),
            data_type: column.data_type,
            form: types.form(column.data_type.oid),
            table_oid: table.oid,
            attribute_number: column.number,
        })
        .collect()
}

/// What needs no table.
fn utility(statement: &Statement, binder: &mut Binder<'_>) -> Result<Action, Error> {
    Ok(match statement {
        Statement::Begin { modes, tag } => Action::Begin { modes: *modes, tag },
        Statement::Commit { chain } => Action::Commit { chain: *chain },
        Statement::Rollback { chain } => Action::Rollback { chain: *chain },
        Statement::Savepoint(name) => Action::Savepoint(name.text.clone()),
        Statement::RollbackTo(name) => Action::RollbackTo(name.text.clone()),
        Statement::Release(name) => Action::Release(name.text.clone()),
        Statement::SetTransaction { session, modes } => {
            Action::SetTransaction { session: *session, modes: *modes }
        }
        Statement::Set { name, value, local } => {
            if let ("role" | "session_authorization", crate::sql::SettingValue::Text(role)) =
                (name.as_str(), value)
            {
                ddl::check_set(name, role, binder)?;
            }
            Action::Set { name: name.clone(), value: value.clone(), local: *local }
        }
        Statement::Show { name } => Action::Show { name: name.clone() },
        Statement::Reset { name } => Action::Reset { name: name.clone() },
        Statement::CreateDatabase { .. } | Statement::DropDatabase { .. } => database(statement)?,
        // SQLite reuses freed pages by itself; there are no dead rows to remove.
        Statement::Vacuum { analyze, tables } => {
            Action::Maintenance { sql: maintained(binder, tables, *analyze)?, tag: "VACUUM" }
        }
        Statement::Analyze { tables } => {
            Action::Maintenance { sql: maintained(binder, tables, true)?, tag: "ANALYZE" }
        }
        Statement::Checkpoint => Action::Maintenance { sql: Vec::new(), tag: "CHECKPOINT" },
        Statement::Prepare { name, types, statement, text } => {
            let parameter_types = prepared_types(binder, types)?;
            let (name, text) = (name.text.clone(), text.clone());
            Action::Prepare { name, statement: statement.clone(), parameter_types, text }
        }
        Statement::Discard(what) => Action::Discard(*what),
        Statement::Lock { tables, exclusive, no_wait } => {
            let missing = tables.iter().find_map(|table| binder.opened(table).err());
            let wait = if *no_wait { LockWait::NoWait } else { LockWait::Wait };
            Action::Lock { exclusive: *exclusive, wait, missing }
        }
        Statement::SetConstraints { names, deferred } => {
            ddl::set_constraints(names.as_deref(), *deferred, binder)?
        }
        Statement::Explain { options, statement } => explain(binder, *options, statement)?,
        Statement::Listen(name) => Action::Listen(name.text.clone()),
        Statement::Unlisten(name) => Action::Unlisten(name.as_ref().map(|name| name.text.clone())),
        Statement::Notify { channel, payload } => notify(&channel.text, payload),
        Statement::Deallocate { name } => {
            Action::Deallocate { name: name.as_ref().map(|name| name.text.clone()) }
        }
        Statement::Declare { .. } | Statement::Fetch { .. } | Statement::CloseCursor { .. } => {
            cursor(statement)?
        }
        Statement::Do(block) => Action::Do(code::anonymous(block, binder)?),
        Statement::Unsupported(error) => return Err(error.clone()),
        Statement::Query(_)
        | Statement::Convert(_)
        | Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Merge(_)
        | Statement::Define(_)
        | Statement::Execute { .. }
        | Statement::Call(_)
        | Statement::Copy(_) => {
            return Err(Error::internal("this statement is compiled elsewhere"));
        }
    })
}

fn database(statement: &Statement) -> Result<Action, Error> {
    match statement {
        Statement::CreateDatabase { name, if_not_exists } => {
            let name = name.text.clone();
            Ok(Action::CreateDatabase { name, if_not_exists: *if_not_exists })
        }
        Statement::DropDatabase { name, if_exists, force } => {
            let name = name.text.clone();
            Ok(Action::DropDatabase { name, if_exists: *if_exists, force: *force })
        }
        _ => Err(Error::internal("this statement is not about a database")),
    }
}

fn cursor(statement: &Statement) -> Result<Action, Error> {
    match statement {
        Statement::Declare { name, query, options } => {
            Ok(Action::Declare { name: name.text.clone(), query: query.clone(), options: *options })
        }
        Statement::Fetch { name, count, move_only } => {
            Ok(Action::Fetch { name: name.text.clone(), count: *count, move_only: *move_only })
        }
        Statement::CloseCursor { name } => {
            Ok(Action::CloseCursor { name: name.as_ref().map(|name| name.text.clone()) })
        }
        _ => Err(Error::internal("this statement is not about a cursor")),
    }
}

fn prepared_types(binder: &Binder<'_>, types: &[ast::TypeName]) -> Result<Vec<Oid>, Error> {
    types.iter().map(|name| lookup_type(binder.types(), name).map(|found| found.oid)).collect()
}

fn maintained(
    binder: &Binder<'_>,
    tables: &[ast::QualifiedName],
    analyze: bool,
) -> Result<Vec<Arc<str>>, Error> {
    let names = tables
        .iter()
        .map(|name| Ok(binder.opened(name)?.stored.clone()))
        .collect::<Result<Vec<_>, Error>>()?;
    if !analyze {
        return Ok(Vec::new());
    }
    let all = if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() };
    Ok(all
        .into_iter()
        .map(|name| plain_step(&lite::Statement::Analyze(name)).program.sql)
        .collect())
}

/// EXECUTE's arguments as values of the prepared statement's parameters: a query of one row, or
/// `None` if there are none.
pub(super) fn execute_arguments(
    parsed: &Parsed,
    catalog: &Catalog,
    settings: &CompileSettings,
    types: &[PgType],
) -> Result<Option<Program>, Error> {
    let Statement::Execute { name, arguments } = &parsed.statement else {
        return Err(Error::internal("only EXECUTE has arguments"));
    };
    if arguments.len() != types.len() {
        let message =
            format!("wrong number of parameters for prepared statement \"{}\"", name.text);
        return Err(Error::user(SqlState::SYNTAX_ERROR, message).with_detail(format!(
            "Expected {} parameters but got {}.",
            types.len(),
            arguments.len()
        )));
    }
    if arguments.is_empty() {
        return Ok(None);
    }
    let mut binder = Binder::new(catalog, settings, &[], parsed.parameters)?;
    let query = binder.argument_row(arguments, types)?;
    query_program(&binder, &query).map(Some)
}

/// EXPLAIN: the statement is compiled, and the session shows what became of it.
fn explain(
    binder: &Binder<'_>,
    options: ExplainOptions,
    statement: &Parsed,
) -> Result<Action, Error> {
    let types: Vec<Oid> = binder.given_types();
    if let Statement::Execute { name, .. } = &statement.statement {
        let (name, execute) = (name.text.clone(), Box::new(statement.clone()));
        return Ok(Action::ExplainExecute { options, name, execute });
    }
    if let Statement::Declare { query, .. } = &statement.statement {
        return explain(binder, options, query);
    }
    let statement = compile(statement, binder.catalog, binder.settings, &types)?;
    if let Some(call) = statement.calls.first() {
        let message = format!("EXPLAIN of a call of {} is not supported", call.routine.name);
        return Err(Error::refused(message));
    }
    Ok(Action::Explain { options, statement: Box::new(statement) })
}
