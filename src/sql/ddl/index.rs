//! CREATE INDEX, REINDEX.

use crate::model::catalog::{Index, IndexKey as Key, Relation, Table, TableKind};
use crate::model::error::{Error, SqlState};
use crate::sql::Action;
use crate::sql::ast::{CreateIndex, ExprKind, IndexKey, QualifiedName, ReindexKind};
use crate::sql::bind::{Binder, at};
use crate::sql::compile::plain_step;
use crate::sql::ddl::constraint::has_subquery;
use crate::sql::ddl::name::{self, Chooser};
use crate::sql::ddl::{Work, already_exists, definition, layout, record};
use crate::sql::lite;
use crate::sql::parser;
use crate::sql::types::{is_unordered, no_operator_class};

pub(super) fn create(tree: &CreateIndex, binder: &mut Binder<'_>) -> Result<Action, Error> {
    let table = binder.opened(&tree.table)?;
    if !matches!(table.kind, TableKind::Table | TableKind::MaterializedView) {
        let message = format!("cannot create index on relation \"{}\"", table.name);
        return Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message)
            .with_detail("This operation is not supported for views."));
    }
    if tree.unique && tree.method != "btree" {
        let message = format!("access method \"{}\" does not support unique indexes", tree.method);
        return Err(Error::refused(message));
    }
    let mut keys = Vec::new();
    let mut labels = Vec::new();
    for key in &tree.keys {
        keys.push(plan_key(key, tree, table, binder)?);
        labels.push(key_label(key));
    }
    let mut chooser = Chooser::new(binder.catalog, &table.schema);
    let name = match &tree.name {
        Some(name) => {
            if binder.catalog.relation(&table.schema, &name.text).is_some() {
                return already_exists(&name.text, tree.if_not_exists, "CREATE INDEX");
            }
            name::placed(table.schema.clone(), name.text.clone(), binder.catalog)?
        }
        None => {
            let chosen = chooser.choose(&table.name, &labels.join("_"), "idx");
            chooser.place(&chosen)
        }
    };
    for name in &tree.include {
        if table.column(&name.text).is_none() {
            return Err(at(missing_column(&name.text), name.position));
        }
    }
    if let Some(filter) = &tree.filter {
        check_immutable(&filter.text, "predicate", table, binder)?;
    }
    let mut work = Work::new(binder);
    let index = Index {
        oid: work.oids.take(),
        schema: name.schema,
        name: name.name,
        stored: name.stored,
        table: table.stored.clone(),
        unique: tree.unique,
        columns: Vec::new(),
        partial: tree.filter.is_some(),
        method: tree.method.clone(),
        keys,
        include: tree.include.iter().map(|name| name.text.clone()).collect(),
        predicate: tree.filter.as_ref().map(|filter| filter.text.clone()),
        nulls_not_distinct: tree.nulls_not_distinct,
    };
    add(&index, table, &mut work, binder)?;
    Ok(work.finish("CREATE INDEX"))
}

/// The steps that make and record an index.
pub(super) fn add(
    index: &Index,
    table: &Table,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    work.push(plain_step(&layout::index(index, table, binder)?));
    work.push(record::index_row(index, table));
    Ok(())
}

fn missing_column(name: &str) -> Error {
    Error::user(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" does not exist"))
}

/// What an automatic name has for a key.
fn key_label(key: &IndexKey) -> String {
    match &key.item.expr.kind {
        ExprKind::Column(name) => name.last().map_or_else(String::new, |name| name.text.clone()),
        ExprKind::Call(call) => {
            call.name.last().map_or_else(|| "expr".to_owned(), |name| name.text.clone())
        }
        _ => "expr".to_owned(),
    }
}

/// # Errors
/// 42P17 for what may be something else tomorrow.
fn check_immutable(
    text: &str,
    what: &str,
    table: &Table,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    binder.over_table(&parser::parse_expression(text)?, table)?;
    if !binder.is_immutable() {
        let message = format!("functions in index {what} must be marked IMMUTABLE");
        return Err(Error::user(SqlState::INVALID_OBJECT_DEFINITION, message));
    }
    Ok(())
}

fn plan_key(
    key: &IndexKey,
    tree: &CreateIndex,
    table: &Table,
    binder: &mut Binder<'_>,
) -> Result<Key, Error> {
    check_immutable(&key.text, "expression", table, binder)?;
    let (_, bound) = layout::expression(table, &key.text, binder)?;
    if bound.has_aggregate() {
        let message = "aggregate functions are not allowed in index expressions";
        return Err(Error::user(SqlState::GROUPING_ERROR, message));
    }
    if has_subquery(&bound) {
        return Err(Error::refused("cannot use subquery in index expression"));
    }
    let class = key.operator_class.as_ref().and_then(|name| name.last());
    if tree.method == "btree" && class.is_none() && is_unordered(bound.data_type.oid) {
        return Err(no_operator_class(bound.data_type.oid));
    }
    if let Some(class) = class {
        check_class(&class.text, &tree.method)?;
    }
    let column = match &key.item.expr.kind {
        ExprKind::Column(name) => {
            name.last().and_then(|name| table.column(&name.text)).map(|column| column.number)
        }
        _ => None,
    };
    Ok(Key {
        column,
        expression: column.is_none().then(|| key.text.clone()),
        descending: key.item.descending,
        nulls_first: key.item.nulls_first.unwrap_or(key.item.descending),
        operator_class: class.map(|class| class.text.clone()),
    })
}

/// Operator classes whose order and equality are those of the stored form.
///
/// # Errors
/// 42704.
fn check_class(class: &str, method: &str) -> Result<(), Error> {
    let base = class.strip_suffix("_ops").unwrap_or_default();
    let types = [
        "text",
        "varchar",
        "bpchar",
        "name",
        "int2",
        "int4",
        "int8",
        "float4",
        "float8",
        "numeric",
        "bool",
        "bytea",
        "uuid",
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "oid",
        "interval",
        "inet",
        "cidr",
        "text_pattern",
        "varchar_pattern",
        "bpchar_pattern",
        "array",
        "jsonb",
        "jsonb_path",
        "char",
        "enum",
        "gin_trgm",
        "gist_trgm",
    ];
    if types.contains(&base) {
        return Ok(());
    }
    let message =
        format!("operator class \"{class}\" does not exist for access method \"{method}\"");
    Err(Error::user(SqlState::UNDEFINED_OBJECT, message))
}

/// REINDEX: indexes are B-trees that SQLite builds again.
pub(super) fn reindex(
    kind: ReindexKind,
    name: Option<&QualifiedName>,
    binder: &Binder<'_>,
) -> Result<Action, Error> {
    let target = match (kind, name) {
        (ReindexKind::Table, Some(name)) => Some(binder.opened(name)?.stored.clone()),
        (ReindexKind::Index, Some(name)) => match binder.relation(name)? {
            Some(Relation::Index(index)) => Some(index.stored.clone()),
            Some(_) => {
                let label = crate::sql::bind::label(name);
                let message = format!("\"{label}\" is not an index");
                return Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message));
            }
            None => return Err(binder.not_there(name)),
        },
        (ReindexKind::Table | ReindexKind::Index, None) => {
            return Err(Error::user(SqlState::SYNTAX_ERROR, "syntax error at end of input"));
        }
        // All databases' indexes are in one file, so are all schemas'.
        (ReindexKind::Schema | ReindexKind::Database, _) => None,
    };
    Ok(definition(vec![plain_step(&lite::Statement::Reindex(target))], "REINDEX"))
}
