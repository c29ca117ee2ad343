//! Which rows a statement changes, as far as its text says it: the statements of which several
//! transactions may have run some at once (`engine::private`).
//!
//! Invariant: a statement that gets [`Touches`] changes the rows of these keys alone, and does so by
//! what is in them, in the statement and in its parameters. What may depend on other rows (subqueries,
//! other tables, foreign keys, further unique keys, sequences) or is another thing each time
//! (`random()`) gets none. Triggers aren't in the catalog: whoever uses this looks for them.

use std::sync::Arc;

use crate::model::catalog::{Catalog, ConstraintKind, Table, TableKind};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::sql::bind::Change;
use crate::sql::bound::{Delete, Expr, ExprKind, Insert, InsertSource, RelationId, Update};
use crate::sql::types::Lowering;
use crate::sql::{KeyPart, Touches};

/// Rows that one INSERT may name.
const ROWS_MAX: usize = 32;
/// Types whose equal values are stored as equal bytes.
const KEY_TYPES: &[Oid] = &[
    PgType::INT2.oid,
    PgType::INT4.oid,
    PgType::INT8.oid,
    PgType::TEXT.oid,
    PgType::VARCHAR.oid,
    PgType::UUID.oid,
];

/// Of a statement that changes nothing, and whose result doesn't depend on anything.
pub(super) fn nothing() -> Arc<Touches> {
    let (table, rows) = (Arc::from(""), Vec::new());
    Arc::new(Touches { table, rows, existence: false, contents: false })
}

/// What a change touches, if it is the whole of its statement.
pub(super) fn of(change: &Change, catalog: &Catalog) -> Option<Touches> {
    match change {
        Change::Insert(insert) => of_insert(insert, catalog),
        Change::Update(update) => of_update(update, catalog),
        Change::Delete(delete) => of_delete(delete, catalog),
        Change::Query(_) => None,
    }
}

fn of_update(update: &Update, catalog: &Catalog) -> Option<Touches> {
    if !update.ctes.is_empty() || update.from.is_some() {
        return None;
    }
    let relations = [update.id];
    let target = Target::find(catalog, &update.table, &relations)?;
    let filter = target.filter(update.filter.as_ref())?;
    let assigned = |column: &str| update.assignments.iter().any(|(name, _)| name == column);
    let keyed = target.keys().iter().flatten().any(|column| assigned(column));
    let values = update.assignments.iter().map(|(_, value)| value);
    if keyed || !values.chain(&update.returning).all(|expr| target.is_own(expr)) {
        return None;
    }
    let checked = has_checks(target.table);
    Some(Touches {
        contents: !filter.by_key_alone || !update.returning.is_empty() || checked,
        ..target.touches(vec![filter.key], false)
    })
}

fn of_delete(delete: &Delete, catalog: &Catalog) -> Option<Touches> {
    if !delete.ctes.is_empty() || delete.using.is_some() {
        return None;
    }
    let relations = [delete.id];
    let target = Target::find(catalog, &delete.table, &relations)?;
    let filter = target.filter(delete.filter.as_ref())?;
    let own = delete.returning.iter().all(|expr| target.is_own(expr));
    own.then(|| target.touches(vec![filter.key], true))
}

fn of_insert(insert: &Insert, catalog: &Catalog) -> Option<Touches> {
    let InsertSource::Rows(rows) = &insert.source else { return None };
    if !insert.ctes.is_empty() || rows.len() > ROWS_MAX {
        return None;
    }
    let relations = [insert.id, insert.excluded];
    let target = Target::find(catalog, &insert.table, &relations)?;
    // Another unique key may be in the way of a row, and isn't looked at here.
    if target.keys().len() > 1 {
        return None;
    }
    if let Some(conflict) = &insert.on_conflict {
        let name = |key: &'_ Expr| match &key.kind {
            ExprKind::Column(column) => Some(column.name.clone()),
            _ => None,
        };
        let named = conflict.keys.iter().map(name).collect::<Option<Vec<_>>>()?;
        let named: Vec<&str> = named.iter().map(String::as_str).collect();
        if conflict.filter.is_some() {
            return None;
        }
        if !named.is_empty() && !same_columns(&named, &target.primary_key()?) {
            return None;
        }
        if let Some((assignments, filter)) = &conflict.update {
            let keyed = |name: &String| target.keys().iter().flatten().any(|key| key == name);
            let own = assignments.iter().map(|(_, value)| value).chain(filter);
            if assignments.iter().any(|(name, _)| keyed(name))
                || !own.clone().all(|e| target.is_own(e))
            {
                return None;
            }
        }
    }
    if !rows.iter().flatten().chain(&insert.returning).all(|expr| target.is_own(expr)) {
        return None;
    }
    let Some(key) = target.primary_key() else {
        return Some(target.touches(Vec::new(), false));
    };
    let place = |column: &&str| insert.columns.iter().position(|name| name == column);
    let places = key.iter().map(place).collect::<Option<Vec<_>>>()?;
    let key_of = |row: &Vec<Expr>| {
        places.iter().map(|place| key_part(row.get(*place)?)).collect::<Option<Vec<_>>>()
    };
    let keys = rows.iter().map(key_of).collect::<Option<Vec<_>>>()?;
    Some(target.touches(keys, true))
}

/// The table that a statement changes.
struct Target<'a> {
    catalog: &'a Catalog,
    table: &'a Table,
    /// What the table's columns are columns of.
    relations: &'a [RelationId],
}

/// What a WHERE clause says.
struct Filter {
    key: Vec<KeyPart>,
    by_key_alone: bool,
}

impl<'a> Target<'a> {
    /// The table, if its rows stand by themselves: no foreign key leads from it or to it.
    fn find(catalog: &'a Catalog, name: &str, relations: &'a [RelationId]) -> Option<Self> {
        let table = catalog.tables.get(name)?;
        let refers = |other: &Table| {
            other.constraints.iter().any(|constraint| match &constraint.kind {
                ConstraintKind::ForeignKey { table: target, .. } => {
                    other.stored == name || target == name
                }
                _ => false,
            })
        };
        let alone = table.kind == TableKind::Table
            && table.from_postgres
            // A key may be made of one, and it of columns that aren't in the key.
            && table.columns.iter().all(|column| column.generated.is_none())
            && !catalog.tables.values().any(|other| refers(other));
        alone.then_some(Self { catalog, table, relations })
    }

    fn primary_key(&self) -> Option<Vec<&'a str>> {
        self.table.constraints.iter().find_map(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey { columns } => Some(self.names(columns)),
            _ => None,
        })
    }

    fn names(&self, columns: &[usize]) -> Vec<&'a str> {
        columns.iter().map(|at| self.table.columns[*at].stored.as_str()).collect()
    }

    /// The columns of each key that must be unique, the primary key's first. An expression in a
    /// unique index may be made of any column.
    fn keys(&self) -> Vec<Vec<&'a str>> {
        let mut keys: Vec<Vec<&str>> = self.primary_key().into_iter().collect();
        let mut add = |key: Vec<&'a str>| {
            if !keys.iter().any(|known| same_columns(known, &key)) {
                keys.push(key);
            }
        };
        for constraint in &self.table.constraints {
            if let ConstraintKind::Unique { columns } = &constraint.kind {
                add(self.names(columns));
            }
        }
        for index in self.catalog.indexes.values() {
            if index.unique && index.table == self.table.stored {
                let all =
                    || self.table.columns.iter().map(|column| column.stored.as_str()).collect();
                let named = index.columns.iter().map(Option::as_deref).collect::<Option<Vec<_>>>();
                add(named.unwrap_or_else(all));
            }
        }
        keys
    }

    /// A WHERE clause that names one row by its primary key, and asks nothing of other rows.
    fn filter(&self, filter: Option<&Expr>) -> Option<Filter> {
        let conditions = filter?.conjuncts();
        if !conditions.iter().all(|condition| self.is_own(condition)) {
            return None;
        }
        let named = self.primary_key()?;
        let mut key = Vec::new();
        let mut used = Vec::new();
        for column in &named {
            let found = conditions.iter().enumerate().find_map(|(place, condition)| {
                self.equals(condition, column).map(|part| (place, part))
            });
            let (place, part) = found?;
            used.push(place);
            key.push(part);
        }
        Some(Filter { key, by_key_alone: used.len() == conditions.len() })
    }

    /// The value in `column = value`.
    fn equals(&self, condition: &Expr, column: &str) -> Option<KeyPart> {
        let ExprKind::Call { lowering: Lowering::Compare("="), arguments, .. } = &condition.kind
        else {
            return None;
        };
        let is_column = |expr: &Expr| {
            matches!(&expr.kind, ExprKind::Column(named)
            if named.name == column && self.relations.contains(&named.relation))
        };
        match arguments.as_slice() {
            [left, right] if is_column(left) => key_part(right),
            [left, right] if is_column(right) => key_part(left),
            _ => None,
        }
    }

    /// Whether an expression is made of the row, constants and parameters, and is the same each time.
    fn is_own(&self, expr: &Expr) -> bool {
        let itself = match &expr.kind {
            ExprKind::Column(column) => self.relations.contains(&column.relation),
            ExprKind::Call { volatile, lowering, .. } => {
                !volatile && *lowering != Lowering::NextValue
            }
            ExprKind::Constant(_)
            | ExprKind::Unknown(_)
            | ExprKind::Parameter(_)
            | ExprKind::Modifier { .. }
            | ExprKind::And(..)
            | ExprKind::Or(..)
            | ExprKind::Not(_)
            | ExprKind::IsNull { .. }
            | ExprKind::IsTruth { .. }
            | ExprKind::IsDistinct { .. }
            | ExprKind::Case { .. }
            | ExprKind::Coalesce(_)
            | ExprKind::Extreme { .. }
            | ExprKind::InList { .. }
            | ExprKind::Like { .. } => true,
            _ => false,
        };
        itself && expr.children().into_iter().all(|child| self.is_own(child))
    }

    /// By default its result depends on all that is in the rows.
    fn touches(&self, rows: Vec<Vec<KeyPart>>, existence: bool) -> Touches {
        Touches { table: self.table.stored.as_str().into(), rows, existence, contents: true }
    }
}

fn has_checks(table: &Table) -> bool {
    let is_check = |kind: &ConstraintKind| matches!(kind, ConstraintKind::Check { .. });
    table.constraints.iter().any(|constraint| is_check(&constraint.kind))
}

fn same_columns(left: &[&str], right: &[&str]) -> bool {
    left.len() == right.len() && left.iter().all(|column| right.contains(column))
}

fn key_part(expr: &Expr) -> Option<KeyPart> {
    if !KEY_TYPES.contains(&expr.data_type.oid) {
        return None;
    }
    match &expr.kind {
        ExprKind::Parameter(number) => Some(KeyPart::Parameter(*number)),
        ExprKind::Constant(value) => Some(KeyPart::Constant(value.clone())),
        ExprKind::Call { lowering: Lowering::Same, arguments, .. } => match arguments.as_slice() {
            [inner] => key_part(inner),
            _ => None,
        },
        // Of a rowid, which SQLite would choose where it is null.
        ExprKind::Call { lowering: Lowering::Call("pg_not_null"), arguments, .. } => {
            key_part(arguments.first()?).filter(|part| *part != KeyPart::Constant(Value::Null))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::catalog::{Column, Constraint, Index, KeyActions, Schema};
    use crate::sql::{Action, CompileSettings, compile, parse};

    fn table(name: &str, columns: &[&str], constraints: Vec<ConstraintKind>) -> Table {
        let column = |(at, name): (usize, &&str)| Column::new(at as i16 + 1, name, PgType::INT4);
        let constraint = |kind| Constraint::new(1, "c".to_owned(), kind);
        Table {
            oid: 1,
            name: name.to_owned(),
            kind: TableKind::Table,
            columns: columns.iter().enumerate().map(column).collect(),
            constraints: constraints.into_iter().map(constraint).collect(),
            has_rowid: true,
            from_postgres: true,
            schema: "public".to_owned(),
            stored: name.to_owned(),
            view: None,
            populated: true,
            on_commit: None,
        }
    }

    fn catalog() -> Catalog {
        let key = || ConstraintKind::PrimaryKey { columns: vec![0] };
        let refers = ConstraintKind::ForeignKey {
            columns: vec![1],
            table: "parent".to_owned(),
            foreign_columns: vec!["id".to_owned()],
            actions: KeyActions::default(),
        };
        let tables = [
            table("t", &["id", "n"], vec![key()]),
            table(
                "checked",
                &["id", "n"],
                vec![key(), ConstraintKind::Check { expression: "n > 0".to_owned() }],
            ),
            table(
                "two",
                &["a", "b", "n"],
                vec![ConstraintKind::PrimaryKey { columns: vec![0, 1] }],
            ),
            table("named", &["id", "name", "n"], vec![key()]),
            table("log", &["n"], Vec::new()),
            table("parent", &["id"], vec![key()]),
            table("child", &["id", "parent"], vec![key(), refers]),
        ];
        let unique = Index {
            oid: 2,
            name: "by_name".to_owned(),
            table: "named".to_owned(),
            unique: true,
            columns: vec![Some("name".to_owned())],
            partial: false,
            schema: "public".to_owned(),
            stored: "by_name".to_owned(),
            method: "btree".to_owned(),
            keys: Vec::new(),
            include: Vec::new(),
            predicate: None,
            nulls_not_distinct: false,
        };
        Catalog {
            tables: tables.map(|table| (table.name.clone(), Arc::new(table))).into(),
            indexes: [(unique.name.clone(), Arc::new(unique))].into(),
            schemas: [(
                "public".to_owned(),
                Arc::new(Schema { oid: 2200, name: "public".to_owned() }),
            )]
            .into(),
            ..Catalog::default()
        }
    }

    fn touches(sql: &str) -> Option<Arc<Touches>> {
        let settings = CompileSettings::new("u", "d");
        let parsed = parse(sql).unwrap();
        let compiled = compile(&parsed[0], &catalog(), &settings, &[]);
        match compiled.unwrap_or_else(|error| panic!("{sql}: {error}")).action {
            Action::Write { steps, .. } => steps[0].program.touches.clone(),
            other => panic!("{sql}: {other:?}"),
        }
    }

    /// Its keys, whether rows come or go, whether its result depends on what is in them.
    fn known(sql: &str) -> (Vec<Vec<KeyPart>>, bool, bool) {
        let touches = touches(sql).unwrap_or_else(|| panic!("{sql}: not known"));
        (touches.rows.clone(), touches.existence, touches.contents)
    }

    fn constant(value: i64) -> KeyPart {
        KeyPart::Constant(Value::Integer(value))
    }

    #[test]
    fn statements_that_name_their_rows_are_known() {
        let parameter = KeyPart::Parameter;
        let one = || vec![vec![constant(1)]];
        let cases = [
            ("UPDATE t SET n = n + $1 WHERE id = $2", vec![vec![parameter(2)]], false, false),
            ("UPDATE t SET n = 3 WHERE 1 = id", one(), false, false),
            ("UPDATE t SET n = 3 WHERE id = 1 AND n > 2", one(), false, true),
            ("UPDATE t SET n = 3 WHERE id = 1 RETURNING n", one(), false, true),
            ("UPDATE checked SET n = n - 1 WHERE id = 1", one(), false, true),
            (
                "UPDATE two SET n = 1 WHERE b = 2 AND a = 1",
                vec![vec![constant(1), constant(2)]],
                false,
                false,
            ),
            ("UPDATE named SET n = 1 WHERE id = 1", one(), false, false),
            ("DELETE FROM t WHERE id = 1", one(), true, true),
            (
                "INSERT INTO t VALUES (1, 2), (3, 2)",
                vec![vec![constant(1)], vec![constant(3)]],
                true,
                true,
            ),
            (
                "INSERT INTO t VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET n = t.n + excluded.n",
                one(),
                true,
                true,
            ),
            ("INSERT INTO t VALUES ($1, 2)", vec![vec![parameter(1)]], true, true),
            ("INSERT INTO log VALUES (1)", Vec::new(), false, true),
        ];
        for (sql, rows, existence, contents) in cases {
            assert_eq!(known(sql), (rows, existence, contents), "{sql}");
        }
    }

    #[test]
    fn statements_that_look_elsewhere_are_not() {
        for sql in [
            "UPDATE t SET n = 3",
            "UPDATE t SET n = 3 WHERE id > 1",
            "UPDATE t SET n = 3 WHERE id = 1 OR id = 2",
            "UPDATE t SET n = 3 WHERE id = n",
            "UPDATE t SET id = 3 WHERE id = 1",
            "UPDATE t SET n = (SELECT max(n) FROM t) WHERE id = 1",
            "UPDATE t SET n = log.n FROM log WHERE id = 1",
            "UPDATE t SET n = (random() * 10)::int WHERE id = 1",
            "UPDATE two SET n = 1 WHERE a = 1",
            "UPDATE named SET name = 1 WHERE id = 1",
            "UPDATE log SET n = 1",
            "DELETE FROM t",
            "DELETE FROM parent WHERE id = 1",
            "INSERT INTO child VALUES (1, 1)",
            "INSERT INTO named VALUES (1, 1, 1)",
            "INSERT INTO t SELECT 1, 1",
            "INSERT INTO t (n) VALUES (1)",
            "INSERT INTO t VALUES ((SELECT max(id) FROM t) + 1, 1)",
        ] {
            assert_eq!(touches(sql), None, "{sql}");
        }
    }
}
