//! CREATE TABLE, CREATE SEQUENCE.

use std::collections::HashSet;

use crate::model::catalog::{Column, Constraint, ConstraintKind as Known, Table, TableKind};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::sql::ast::{self, ColumnDefinition, ConstraintKind, CreateTable};
use crate::sql::bind::{Binder, at};
use crate::sql::compile::plain_step;
use crate::sql::ddl::constraint::{self, Detail, Planned, Subject};
use crate::sql::ddl::name::{self, Chooser};
use crate::sql::ddl::record::{self, Oids, flag, optional};
use crate::sql::ddl::{already_exists, definition};
use crate::sql::lite::{self, Expr};
use crate::sql::lower::{DECIMAL, Lower};
use crate::sql::types::{is_integer, lookup_type};
use crate::sql::{Action, Step, WriteTag};

/// Columns that a table has at the most (`MaxHeapAttributeNumber`).
const COLUMNS_MAX: usize = 1600;

/// A column with what its definition means.
#[derive(Debug)]
pub(super) struct PlannedColumn {
    pub(super) column: Column,
    /// `pg_attribute.attidentity`.
    identity: &'static str,
    /// In SQLite's definition, if it is a constant there too.
    stored_default: Option<Expr>,
}

pub(super) fn create(tree: &CreateTable, binder: &mut Binder<'_>) -> Result<Action, Error> {
    let name = name::new_relation(&tree.name, binder.catalog)?;
    if name::exists(binder.catalog, &name) {
        return already_exists(&name, tree.if_not_exists, "CREATE TABLE");
    }
    if let Some(query) = &tree.query {
        return create_as(&name, query, binder);
    }
    if tree.columns.len() > COLUMNS_MAX {
        return Err(Error::user(
            SqlState::TOO_MANY_COLUMNS,
            format!("tables can have at most {COLUMNS_MAX} columns"),
        ));
    }
    let mut chooser = Chooser::new(binder.catalog);
    chooser.claim(&name);
    let mut columns = Vec::new();
    for (place, definition) in tree.columns.iter().enumerate() {
        columns.push(plan_column(&name, place as i16 + 1, definition, &mut chooser, binder)?);
    }
    distinct_names(&columns, tree)?;
    let mut table =
        new_table(&name, binder, columns.iter().map(|planned| planned.column.clone()).collect());
    let declared: Vec<&ast::TableConstraint> = tree
        .columns
        .iter()
        .flat_map(|column| &column.constraints)
        .chain(&tree.constraints)
        .collect();
    let planned = plan_constraints(&declared, &mut table, &mut chooser, binder)?;
    for (planned, column) in columns.iter_mut().zip(&table.columns) {
        planned.column.not_null = column.not_null;
    }
    Ok(definition(table_steps(&table, &columns, &planned, binder), "CREATE TABLE"))
}

fn new_table(name: &str, binder: &Binder<'_>, columns: Vec<Column>) -> Table {
    Table {
        oid: binder.catalog.next_oid,
        name: name.to_owned(),
        kind: TableKind::Table,
        columns,
        constraints: Vec::new(),
        has_rowid: true,
        from_postgres: true,
    }
}

fn plan_constraints(
    declared: &[&ast::TableConstraint],
    table: &mut Table,
    chooser: &mut Chooser<'_>,
    binder: &mut Binder<'_>,
) -> Result<Vec<Planned>, Error> {
    // Keys first: foreign keys of the table may refer to them.
    let (keys, others): (Vec<_>, Vec<_>) = declared.iter().partition(|constraint| {
        matches!(constraint.kind, ConstraintKind::PrimaryKey(_) | ConstraintKind::Unique(_))
    });
    let mut planned = Vec::new();
    for constraint in keys.into_iter().chain(others) {
        let subject = Subject { table, catalog: binder.catalog };
        let catalog = subject.catalog;
        let one = constraint::plan(constraint, &Subject { table, catalog }, chooser, binder)?;
        let places: Vec<usize> = one
            .columns
            .iter()
            .filter_map(|name| table.columns.iter().position(|column| column.name == *name))
            .collect();
        let kind = match &one.detail {
            Detail::PrimaryKey => {
                if table
                    .constraints
                    .iter()
                    .any(|known| matches!(known.kind, Known::PrimaryKey { .. }))
                {
                    let message = format!(
                        "multiple primary keys for table \"{}\" are not allowed",
                        table.name
                    );
                    return Err(Error::user(SqlState::INVALID_TABLE_DEFINITION, message));
                }
                for place in &places {
                    table.columns[*place].not_null = true;
                }
                Known::PrimaryKey { columns: places }
            }
            Detail::Unique => Known::Unique { columns: places },
            Detail::Check(_) | Detail::ForeignKey { .. } => {
                Known::Check { expression: String::new() }
            }
        };
        table.constraints.push(Constraint { oid: 0, name: one.name.clone(), kind });
        planned.push(one);
    }
    Ok(planned)
}

fn distinct_names(columns: &[PlannedColumn], tree: &CreateTable) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for (planned, tree) in columns.iter().zip(&tree.columns) {
        let name = &planned.column.name;
        if columns.iter().filter(|other| other.column.name == *name).count() > 1 {
            let message = format!("column \"{name}\" specified more than once");
            return Err(at(Error::user(SqlState::DUPLICATE_COLUMN, message), tree.name.position));
        }
        if !seen.insert(name.to_lowercase()) {
            let message = format!(
                "column \"{name}\" would differ from another one by case only, which is not supported"
            );
            return Err(at(Error::refused(message), tree.name.position));
        }
    }
    Ok(())
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

pub(super) fn plan_column(
    table: &str,
    number: i16,
    tree: &ColumnDefinition,
    chooser: &mut Chooser<'_>,
    binder: &mut Binder<'_>,
) -> Result<PlannedColumn, Error> {
    let name = &tree.name.text;
    if let Some(system) =
        ["ctid", "tableoid", "xmin", "xmax", "cmin", "cmax"].iter().find(|system| *system == name)
    {
        let message = format!("column name \"{system}\" conflicts with a system column name");
        return Err(at(Error::user(SqlState::DUPLICATE_COLUMN, message), tree.name.position));
    }
    let serial = serial_type(&tree.data_type);
    let data_type = match serial {
        Some(data_type) => data_type,
        None => lookup_type(binder.types(), &tree.data_type)?,
    };
    if tree.identity.is_some() && !is_integer(data_type.oid) {
        let message = "identity column type must be smallint, integer, or bigint";
        return Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message));
    }
    let generated = serial.is_some() || tree.identity.is_some();
    if generated && tree.default.is_some() {
        let message =
            format!("multiple default values specified for column \"{name}\" of table \"{table}\"");
        return Err(at(Error::user(SqlState::SYNTAX_ERROR, message), tree.name.position));
    }
    if tree.identity == Some(true) {
        return Err(at(
            Error::refused("GENERATED ALWAYS AS IDENTITY is not supported; use BY DEFAULT"),
            tree.name.position,
        ));
    }
    let mut column = Column {
        number,
        name: name.clone(),
        data_type,
        not_null: tree.not_null || generated,
        default: tree.default.as_ref().map(|source| source.text.clone()),
        sequence: generated.then(|| chooser.choose(table, name, "seq")),
    };
    let mut stored_default = None;
    if let Some(source) = &tree.default {
        if matches!(source.expr.kind, ast::ExprKind::Null) {
            column.default = None;
        } else {
            let bound = binder.default_expression(&source.text, &column)?;
            let lowered = Lower::new(&[], "UTC").expr(&bound)?;
            let constant =
                matches!(lowered, Expr::Integer(_) | Expr::Real(_) | Expr::Text(_) | Expr::Blob(_));
            stored_default = constant.then_some(lowered);
        }
    }
    let identity = if tree.identity.is_some() { "d" } else { "" };
    Ok(PlannedColumn { column, identity, stored_default })
}

/// The type that STRICT tables know.
fn storage(data_type: PgType) -> &'static str {
    match data_type.oid {
        16 | 20 | 21 | 23 | 24 | 26 | 2205 | 2206 => "INTEGER",
        700 | 701 => "REAL",
        17 => "BLOB",
        _ => "TEXT",
    }
}

pub(super) fn column_def(planned: &PlannedColumn, row_key: bool) -> lite::ColumnDef {
    let column = &planned.column;
    lite::ColumnDef {
        name: column.name.clone(),
        storage: storage(column.data_type),
        collation: (column.data_type.oid == PgType::NUMERIC.oid).then_some(DECIMAL),
        not_null: column.not_null,
        primary_key: row_key,
        default: planned.stored_default.clone(),
        constraints: Vec::new(),
    }
}

fn table_steps(
    table: &Table,
    columns: &[PlannedColumn],
    constraints: &[Planned],
    binder: &Binder<'_>,
) -> Vec<Step> {
    // One integer key is SQLite's row id: INSERT always supplies its value (see `bind::insert`).
    let row_key = constraints.iter().find_map(|planned| {
        match (&planned.detail, planned.columns.as_slice()) {
            (Detail::PrimaryKey, [only]) => table
                .columns
                .iter()
                .find(|column| column.name == *only && is_integer(column.data_type.oid))
                .map(|column| column.name.clone()),
            _ => None,
        }
    });
    let is_row_key = |name: &str| row_key.as_deref() == Some(name);
    let mut steps = vec![plain_step(&lite::Statement::CreateTable(lite::CreateTable {
        name: table.name.clone(),
        columns: columns
            .iter()
            .map(|planned| column_def(planned, is_row_key(&planned.column.name)))
            .collect(),
        constraints: constraints.iter().filter_map(Planned::clause).collect(),
    }))];
    let mut oids = Oids::new(binder.catalog.next_oid);
    steps.push(record::insert(
        "_eider_table",
        vec![("name", Expr::text(&table.name)), ("oid", oids.take())],
    ));
    for planned in columns {
        steps.extend(record_column(&table.name, planned, &mut oids));
    }
    for planned in constraints {
        let physical = planned.is_key()
            && !(matches!(planned.detail, Detail::PrimaryKey) && row_key.is_some());
        if physical {
            steps.push(plain_step(&planned.index(&table.name)));
        }
        steps.extend(planned.record(&table.name, physical, &mut oids));
    }
    steps.extend(oids.step());
    steps
}

/// The rows that record a column, and its sequence.
pub(super) fn record_column(table: &str, planned: &PlannedColumn, oids: &mut Oids) -> Vec<Step> {
    let column = &planned.column;
    let mut steps = Vec::new();
    if let Some(sequence) = &column.sequence {
        let maximum = match column.data_type.oid {
            21 => i64::from(i16::MAX),
            23 => i64::from(i32::MAX),
            _ => i64::MAX,
        };
        steps.push(record::insert(
            "_eider_sequence",
            vec![
                ("name", Expr::text(sequence)),
                ("oid", oids.take()),
                ("type_oid", Expr::Integer(i64::from(column.data_type.oid))),
                ("maximum", Expr::Integer(maximum)),
                ("owner_table", Expr::text(table)),
                ("owner_column", Expr::text(&column.name)),
            ],
        ));
    }
    steps.push(record::insert(
        "_eider_column",
        vec![
            ("table_name", Expr::text(table)),
            ("number", Expr::Integer(i64::from(column.number))),
            ("name", Expr::text(&column.name)),
            ("type_oid", Expr::Integer(i64::from(column.data_type.oid))),
            ("modifier", Expr::Integer(i64::from(column.data_type.modifier))),
            ("not_null", flag(column.not_null)),
            ("default_text", optional(column.default.as_deref())),
            ("sequence", optional(column.sequence.as_deref())),
            ("identity", Expr::text(planned.identity)),
        ],
    ));
    steps
}

/// CREATE TABLE AS.
fn create_as(name: &str, query: &ast::Query, binder: &mut Binder<'_>) -> Result<Action, Error> {
    let bound = binder.query(query)?;
    binder.parameter_types()?;
    let mut columns: Vec<PlannedColumn> = Vec::new();
    for (place, output) in bound.outputs.iter().enumerate() {
        if columns.iter().any(|other| other.column.name.eq_ignore_ascii_case(&output.name)) {
            let message = format!("column \"{}\" specified more than once", output.name);
            return Err(Error::user(SqlState::DUPLICATE_COLUMN, message));
        }
        let column = Column {
            number: place as i16 + 1,
            name: output.name.clone(),
            data_type: output.data_type,
            not_null: false,
            default: None,
            sequence: None,
        };
        columns.push(PlannedColumn { column, identity: "", stored_default: None });
    }
    let table =
        new_table(name, binder, columns.iter().map(|planned| planned.column.clone()).collect());
    let mut steps = table_steps(&table, &columns, &[], binder);
    let mut lower = Lower::new(binder.relation_names(), &binder.settings.time_zone)
        .with_style(&binder.settings.style);
    let source = lower.query(&bound, false)?;
    let insert = lite::Statement::Insert(lite::Insert {
        with: lite::With::default(),
        table: name.to_owned(),
        alias: None,
        columns: table.columns.iter().map(|column| column.name.clone()).collect(),
        source: Some(source),
        on_conflict: None,
        returning: Vec::new(),
    });
    steps.push(Step {
        program: lower.program(&insert),
        role: crate::sql::StepRole::Result,
        must_be_empty: None,
    });
    Ok(Action::Write { steps, tag: WriteTag::Select, changes_catalog: true })
}

pub(super) fn create_sequence(
    name: &ast::QualifiedName,
    if_not_exists: bool,
    (start, increment): (i64, i64),
    binder: &Binder<'_>,
) -> Result<Action, Error> {
    let name = name::new_relation(name, binder.catalog)?;
    if name::exists(binder.catalog, &name) {
        return already_exists(&name, if_not_exists, "CREATE SEQUENCE");
    }
    let mut oids = Oids::new(binder.catalog.next_oid);
    let mut steps = vec![record::insert(
        "_eider_sequence",
        vec![
            ("name", Expr::text(&name)),
            ("oid", oids.take()),
            ("last_value", Expr::Integer(start)),
            ("start", Expr::Integer(start)),
            ("increment", Expr::Integer(increment)),
        ],
    )];
    steps.extend(oids.step());
    Ok(definition(steps, "CREATE SEQUENCE"))
}
