//! Rows of Eider's own catalog tables (`system_schema.sql`).

use serde_json::{Value as Json, json};

use crate::model::catalog::{
    Column, Constraint, ConstraintKind, Identity, Index, Sequence, Table, TableKind, View,
};
use crate::model::pg_type::Oid;
use crate::sql::compile::plain_step;
use crate::sql::lite::{self, Expr};
use crate::sql::{Step, lite::Statement};

/// OIDs taken by one statement.
#[derive(Debug)]
pub(super) struct Oids {
    first: Oid,
    next: Oid,
}

impl Oids {
    pub(super) fn new(next: Oid) -> Self {
        Self { first: next, next }
    }

    pub(super) fn take(&mut self) -> Oid {
        let oid = self.next;
        self.next += 1;
        oid
    }

    /// Records that they are taken.
    pub(super) fn step(&self) -> Option<Step> {
        let count = i64::from(self.next - self.first);
        (count > 0).then(|| {
            let next = Expr::infix(Expr::column("next"), "+", Expr::Integer(count));
            update("_eider_oid", vec![("next", next)], &[])
        })
    }
}

/// A value that a row is found by.
pub(super) enum Key<'a> {
    Text(&'a str),
    Number(i64),
}

impl From<Oid> for Key<'_> {
    fn from(oid: Oid) -> Self {
        Self::Number(i64::from(oid))
    }
}

impl From<i16> for Key<'_> {
    fn from(number: i16) -> Self {
        Self::Number(i64::from(number))
    }
}

impl<'a> From<&'a str> for Key<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Key<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

/// Inserts a row.
pub(super) fn insert(table: &str, values: Vec<(&str, Expr)>) -> Step {
    let (columns, row): (Vec<String>, Vec<Expr>) =
        values.into_iter().map(|(column, value)| (column.to_owned(), value)).unzip();
    plain_step(&Statement::Insert(lite::Insert {
        with: lite::With::default(),
        table: table.to_owned(),
        alias: None,
        columns,
        source: Some(lite::Query::new(lite::Body::Values(vec![row]))),
        on_conflict: None,
        returning: Vec::new(),
    }))
}

/// Changes the rows whose columns have these values.
pub(super) fn update(table: &str, values: Vec<(&str, Expr)>, keys: &[(&str, Key<'_>)]) -> Step {
    plain_step(&Statement::Update(lite::Update {
        with: lite::With::default(),
        table: table.to_owned(),
        alias: None,
        assignments: values.into_iter().map(|(column, value)| (column.to_owned(), value)).collect(),
        from: None,
        filter: filter(keys),
        returning: Vec::new(),
    }))
}

/// Deletes the rows whose columns have these values.
pub(super) fn delete(table: &str, keys: &[(&str, Key<'_>)]) -> Step {
    plain_step(&delete_rows(table, filter(keys)))
}

pub(super) fn delete_rows(table: &str, filter: Option<Expr>) -> Statement {
    Statement::Delete(lite::Delete {
        with: lite::With::default(),
        table: table.to_owned(),
        alias: None,
        filter,
        returning: Vec::new(),
    })
}

fn filter(keys: &[(&str, Key<'_>)]) -> Option<Expr> {
    keys.iter()
        .map(|(column, value)| {
            let value = match value {
                Key::Text(text) => Expr::text(text),
                Key::Number(number) => Expr::Integer(*number),
            };
            Expr::infix(Expr::column(column), "=", value)
        })
        .reduce(|left, right| Expr::infix(left, "AND", right))
}

/// An optional text.
pub(super) fn optional(text: Option<&str>) -> Expr {
    text.map_or(Expr::Null, Expr::text)
}

pub(super) fn flag(value: bool) -> Expr {
    Expr::Integer(i64::from(value))
}

pub(super) fn number(oid: Oid) -> Expr {
    Expr::Integer(i64::from(oid))
}

/// The PostgreSQL name, or NULL where the stored one is the same.
fn relation_name(name: &str, stored: &str) -> Expr {
    if name == stored { Expr::Null } else { Expr::text(name) }
}

fn numbers_json(numbers: impl IntoIterator<Item = i16>) -> Expr {
    Expr::Text(Json::from(numbers.into_iter().collect::<Vec<_>>()).to_string())
}

/// All rows of a table, view or materialised view but those of its indexes and sequences.
pub(super) fn table(table: &Table, foreign: &dyn Fn(&str) -> Option<Table>) -> Vec<Step> {
    let mut steps = vec![table_row(table)];
    steps.extend(table.columns.iter().map(|column| column_row(&table.stored, column)));
    steps.extend(
        table.constraints.iter().map(|constraint| constraint_row(table, constraint, foreign)),
    );
    steps
}

pub(super) fn table_row(table: &Table) -> Step {
    let kind = match table.kind {
        TableKind::View => "v",
        TableKind::MaterializedView => "m",
        TableKind::Table | TableKind::Virtual => "r",
    };
    insert(
        "_eider_table",
        vec![
            ("name", Expr::text(&table.stored)),
            ("oid", number(table.oid)),
            ("schema_name", Expr::text(&table.schema)),
            ("relation_name", relation_name(&table.name, &table.stored)),
            ("kind", Expr::text(kind)),
            ("definition", optional(table.view.as_ref().map(|view| view.definition.as_str()))),
            ("bindings", table.view.as_ref().map_or(Expr::Null, bindings)),
            ("populated", flag(table.populated)),
            (
                "on_commit",
                table.on_commit.map_or(Expr::Null, |letter| Expr::Text(letter.to_string())),
            ),
        ],
    )
}

/// What a view's names mean, as JSON.
pub(super) fn bindings(view: &View) -> Expr {
    let relations: Vec<Json> = view
        .bindings
        .iter()
        .map(|binding| {
            json!({
                "name": binding.name, "oid": binding.oid, "columns": binding.columns,
                "used": binding.used,
            })
        })
        .collect();
    let all = json!({
        "relations": relations,
        "search_path": view.search_path,
        "check_option": view.check_option,
    });
    Expr::Text(all.to_string())
}

pub(super) fn column_row(table: &str, column: &Column) -> Step {
    let identity = match column.identity {
        None => "",
        Some(Identity::Always) => "a",
        Some(Identity::ByDefault) => "d",
    };
    insert(
        "_eider_column",
        vec![
            ("table_name", Expr::text(table)),
            ("number", Expr::Integer(i64::from(column.number))),
            ("name", Expr::text(&column.name)),
            (
                "stored",
                if column.stored == column.name { Expr::Null } else { Expr::text(&column.stored) },
            ),
            ("type_oid", number(column.data_type.oid)),
            ("modifier", Expr::Integer(i64::from(column.data_type.modifier))),
            ("not_null", flag(column.not_null)),
            ("default_text", optional(column.default.as_deref())),
            ("sequence", column.sequence.map_or(Expr::Null, number)),
            ("identity", Expr::text(identity)),
            ("generated", optional(column.generated.as_deref())),
        ],
    )
}

fn constraint_row(
    table: &Table,
    constraint: &Constraint,
    foreign: &dyn Fn(&str) -> Option<Table>,
) -> Step {
    let columns = constraint.columns().iter().map(|place| table.columns[*place].number);
    let (kind, definition, key) = match &constraint.kind {
        ConstraintKind::PrimaryKey { .. } => ("p", "", None),
        ConstraintKind::Unique { .. } => ("u", "", None),
        ConstraintKind::Check { expression } => ("c", expression.as_str(), None),
        ConstraintKind::ForeignKey { table: other, foreign_columns, actions, .. } => {
            let known = if *other == table.stored { Some(table.clone()) } else { foreign(other) };
            let numbers: Vec<i16> = foreign_columns
                .iter()
                .filter_map(|name| known.as_ref()?.column(name).map(|column| column.number))
                .collect();
            ("f", "", Some((other, numbers, actions)))
        }
    };
    let actions = key.as_ref().map_or_else(
        || "aas".to_owned(),
        |(.., actions)| String::from_iter([actions.on_update, actions.on_delete, actions.matching]),
    );
    insert(
        "_eider_constraint",
        vec![
            ("oid", number(constraint.oid)),
            ("table_name", Expr::text(&table.stored)),
            ("name", Expr::text(&constraint.name)),
            ("kind", Expr::text(kind)),
            ("columns", numbers_json(columns)),
            ("definition", Expr::text(definition)),
            ("foreign_table", optional(key.as_ref().map(|(other, ..)| other.as_str()))),
            (
                "foreign_columns",
                key.as_ref()
                    .map_or(Expr::Null, |(_, numbers, _)| numbers_json(numbers.iter().copied())),
            ),
            ("actions", Expr::Text(actions)),
            ("is_deferrable", flag(constraint.deferrable)),
            ("initially_deferred", flag(constraint.initially_deferred)),
            ("validated", flag(constraint.validated)),
            ("no_inherit", flag(constraint.no_inherit)),
            ("index_name", optional(constraint.index.as_deref())),
        ],
    )
}

/// The row of an index; `table` is the table that it is of.
pub(super) fn index_row(index: &Index, table: &Table) -> Step {
    let keys: Vec<Json> = index
        .keys
        .iter()
        .map(|key| {
            json!({
                "column": key.column, "expression": key.expression, "descending": key.descending,
                "nulls_first": key.nulls_first, "operator_class": key.operator_class,
            })
        })
        .collect();
    let include: Vec<i16> =
        index.include.iter().filter_map(|name| Some(table.column(name)?.number)).collect();
    let definition = json!({
        "method": index.method, "keys": keys, "include": include, "predicate": index.predicate,
        "nulls_not_distinct": index.nulls_not_distinct,
    });
    insert(
        "_eider_index",
        vec![
            ("name", Expr::text(&index.stored)),
            ("oid", number(index.oid)),
            ("schema_name", Expr::text(&index.schema)),
            ("relation_name", relation_name(&index.name, &index.stored)),
            ("table_name", Expr::text(&index.table)),
            ("definition", Expr::Text(definition.to_string())),
        ],
    )
}

/// The row of a new sequence, which begins at its start.
pub(super) fn sequence_row(sequence: &Sequence) -> Step {
    let mut values = vec![
        ("oid", number(sequence.oid)),
        ("name", Expr::text(&sequence.stored)),
        ("schema_name", Expr::text(&sequence.schema)),
        ("relation_name", relation_name(&sequence.name, &sequence.stored)),
        ("last_value", Expr::Integer(sequence.start)),
    ];
    values.extend(sequence_definition(sequence));
    insert("_eider_sequence", values)
}

/// What defines a sequence, without its names and its state.
pub(super) fn sequence_definition(sequence: &Sequence) -> Vec<(&'static str, Expr)> {
    let owner = sequence.owner.as_ref();
    vec![
        ("type_oid", number(sequence.type_oid)),
        ("start", Expr::Integer(sequence.start)),
        ("increment", Expr::Integer(sequence.increment)),
        ("minimum", Expr::Integer(sequence.minimum)),
        ("maximum", Expr::Integer(sequence.maximum)),
        ("cache", Expr::Integer(sequence.cache)),
        ("cycle", flag(sequence.cycle)),
        ("owner_table", optional(owner.map(|(table, _)| table.as_str()))),
        ("owner_column", owner.map_or(Expr::Null, |(_, column)| Expr::Integer(i64::from(*column)))),
        ("internal", flag(sequence.internal)),
    ]
}
