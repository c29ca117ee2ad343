//! FROM clauses.

use crate::model::catalog::{Relation, Sequence, Table};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sql::ast::{self, Alias, FromItem, JoinCondition, JoinKind, Name};
use crate::sql::bind::system::table_oid;
use crate::sql::bind::whole_row::RowSource;
use crate::sql::bind::{Binder, Item, Scope, at};
use crate::sql::bound::{Column, Expr, ExprKind, From, Output, RelationId};
use crate::sql::types::Lowering;

impl Binder<'_> {
    /// Binds the items of a FROM list into one scope.
    pub(super) fn from_list(&mut self, items: &[FromItem]) -> Result<(Option<From>, Scope), Error> {
        let mut from: Option<From> = None;
        let mut scope = Scope::default();
        for item in items {
            // What stands to the left is visible to LATERAL items; functions are that always.
            let (next, added) = self.from_item(item, &scope)?;
            scope.push(added)?;
            from = Some(match from {
                None => next,
                Some(left) => From::Join {
                    kind: JoinKind::Inner,
                    left: Box::new(left),
                    right: Box::new(next),
                    on: None,
                },
            });
        }
        Ok((from, scope))
    }

    fn from_item(&mut self, item: &FromItem, left: &Scope) -> Result<(From, Scope), Error> {
        match item {
            FromItem::Table { name, alias } => self.table_item(name, alias.as_ref()),
            FromItem::Subquery { query, alias, lateral, position } => {
                let Some(alias) = alias else {
                    return Err(at(
                        Error::user(SqlState::SYNTAX_ERROR, "subquery in FROM must have an alias"),
                        *position,
                    )
                    .with_hint("For example, FROM (SELECT ...) [AS] foo."));
                };
                if *lateral {
                    return self.lateral_item(query, alias, left);
                }
                // The left siblings are not visible, but their names are known to messages.
                let hidden = Scope { invalid: left.relations.clone(), ..Scope::default() };
                self.scopes.push(hidden);
                let bound = self.subquery_item(query, alias);
                self.scopes.pop();
                bound
            }
            FromItem::Function(function) => self.function_item(function, left),
            FromItem::Join { kind, left: left_item, right, condition, alias } => {
                if let Some(alias) = alias {
                    let error = Error::refused("an alias of a join is not supported");
                    return Err(at(error, alias.name.position));
                }
                let (left_from, left_scope) = self.from_item(left_item, left)?;
                let mut visible = left.clone();
                visible.push(left_scope.clone())?;
                let (right_from, right_scope) = self.from_item(right, &visible)?;
                self.join(*kind, (left_from, left_scope), (right_from, right_scope), condition)
            }
        }
    }

    fn table_item(
        &mut self,
        name: &ast::QualifiedName,
        alias: Option<&Alias>,
    ) -> Result<(From, Scope), Error> {
        if let [bare] = name.as_slice()
            && let Some(cte) = self.ctes.iter().rev().find(|cte| cte.name == bare.text).cloned()
        {
            let label = alias.map_or(&bare.text, |alias| &alias.name.text).clone();
            match cte.self_reference {
                super::SelfReference::Forbidden(error) => return Err(at(*error, bare.position)),
                super::SelfReference::Counted => self.recursive_uses.push(bare.position),
                super::SelfReference::Over => {}
            }
            if matches!(cte.feed, super::Feed::Nothing) {
                return Err(super::changes::no_returning(bare));
            }
            if let super::Feed::Rows(feed) = cte.feed {
                let (id, elements) = self.feed_elements(feed, &cte.outputs);
                let names = cte.outputs.iter().map(|output| output.name.clone());
                let columns: Vec<(String, Expr)> = names.zip(elements).collect();
                let scope = super::table_function::function_scope(&label, &columns, alias)?;
                return Ok((From::Feed { feed, id }, scope));
            }
            let id = self.add_relation(&label);
            let scope = self.output_scope(id, &label, &cte.outputs, alias)?;
            return Ok((From::Cte { name: cte.physical, id }, scope));
        }
        if let Some(relation) = self.system_relation(name) {
            return self.system_item(relation, name, alias);
        }
        if self.framed_table(name).is_none()
            && let Some(Relation::Sequence(sequence)) = self.relation(name)?
        {
            return self.sequence_item(sequence, name, alias);
        }
        let table = self.table(name)?;
        self.note_binding(name, table);
        Self::check_populated(table)?;
        let written = name.last().map_or(&table.name, |name| &name.text);
        if let Some(view) = table.view.as_ref().filter(|_| table.is_view()) {
            return self.view_item(table, view, (written, alias));
        }
        let label = alias.map_or(written, |alias| &alias.name.text).clone();
        let id = self.add_relation(&label);
        let mut scope = self.table_scope(table, id, &label, alias)?;
        scope.system = vec![table_oid(&label, table.oid)];
        Ok((From::Table { name: table.stored.clone(), id }, scope))
    }

    /// `pg_sequence_last_value(sequence)`: NULL for one that has given nothing yet.
    pub(super) fn last_value(&mut self, mut arguments: Vec<Expr>, position: u32) -> Expr {
        let rows = self.add_relation("_eider_sequence");
        let given =
            (recorded(rows, "is_called", PgType::BOOL), recorded(rows, "last_value", PgType::INT8));
        let kind = ExprKind::Case { branches: vec![given], otherwise: None };
        let value = Expr { kind, data_type: PgType::INT8, position };
        arguments.insert(0, recorded(rows, "oid", PgType::OID));
        of_sequence(rows, value, arguments)
    }

    /// The stored name of the sequence with this OID; NULL if there is none.
    pub(super) fn sequence_name(&mut self, oid: Expr) -> Expr {
        let rows = self.add_relation("_eider_sequence");
        let name = recorded(rows, "name", PgType::TEXT);
        of_sequence(rows, name, vec![recorded(rows, "oid", PgType::OID), oid])
    }

    /// `SELECT ... FROM sequence`: a relation of one row.
    fn sequence_item(
        &mut self,
        sequence: &Sequence,
        name: &ast::QualifiedName,
        alias: Option<&Alias>,
    ) -> Result<(From, Scope), Error> {
        let rows = self.add_relation("_eider_sequence");
        let column = |name: &str, data_type: PgType| {
            let column = Column {
                relation: rows,
                name: name.to_owned(),
                label: name.to_owned(),
                not_null: false,
                table_oid: 0,
                number: 0,
            };
            Expr { kind: ExprKind::Column(column), data_type, position: 0 }
        };
        let (int, last) = (PgType::INT8, column("last_value", PgType::INT8));
        let ahead = Lowering::Infix("-");
        let ahead = Expr::call(ahead, vec![column("reserved", int), last.clone()], int, 0);
        let steps = vec![ahead, column("increment", int)];
        let steps = Expr::call(Lowering::Infix("/"), steps, int, 0);
        let none = Expr::constant(Value::Integer(0), int, 0);
        let log = Expr { kind: ExprKind::Coalesce(vec![steps, none]), data_type: int, position: 0 };
        let called = column("is_called", PgType::BOOL);
        let outputs: Vec<Output> =
            [("last_value", int), ("log_cnt", int), ("is_called", PgType::BOOL)]
                .into_iter()
                .zip(1..)
                .map(|((name, data_type), number)| Output {
                    table_oid: sequence.oid,
                    number,
                    not_null: true,
                    ..super::query::output(name.to_owned(), data_type)
                })
                .collect();
        let stored = Expr::constant(Value::Text(sequence.stored.clone()), PgType::TEXT, 0);
        let named = vec![column("name", PgType::TEXT), stored];
        let named = Expr::call(Lowering::Compare("="), named, PgType::BOOL, 0);
        let table = From::Table { name: "_eider_sequence".to_owned(), id: rows };
        let items = vec![last, log, called];
        let query = super::changes::select_from(items, table, Some(named), outputs);
        let written = name.last().map_or(&sequence.name, |name| &name.text);
        let label = alias.map_or(written, |alias| &alias.name.text).clone();
        let id = self.add_relation(&label);
        let scope = self.output_scope(id, &label, &query.outputs, alias)?;
        Ok((From::Subquery { query: Box::new(query), id }, scope))
    }

    /// The columns of a table under a name.
    pub(super) fn table_scope(
        &self,
        table: &Table,
        id: RelationId,
        label: &str,
        alias: Option<&Alias>,
    ) -> Result<Scope, Error> {
        let outputs: Vec<Output> = table
            .columns
            .iter()
            .map(|column| Output {
                name: column.name.clone(),
                alias: column.stored.clone(),
                data_type: column.data_type,
                not_null: column.not_null,
                table_oid: table.oid,
                number: column.number,
            })
            .collect();
        let outputs = self.framed_columns(table.oid, outputs);
        let mut scope = self.output_scope(id, label, &outputs, alias)?;
        for source in &mut scope.rows {
            source.row_type = crate::catalog::row_type(table);
        }
        Ok(scope)
    }

    pub(super) fn output_scope(
        &self,
        id: RelationId,
        label: &str,
        outputs: &[Output],
        alias: Option<&Alias>,
    ) -> Result<Scope, Error> {
        let renamed = alias.map_or(&[][..], |alias| alias.columns.as_slice());
        if renamed.len() > outputs.len() {
            let position = alias.map_or(0, |alias| alias.name.position);
            return Err(at(
                Error::user(
                    SqlState::INVALID_COLUMN_REFERENCE,
                    format!(
                        "table \"{label}\" has {} columns available but {} columns specified",
                        outputs.len(),
                        renamed.len()
                    ),
                ),
                position,
            ));
        }
        let items = outputs.iter().enumerate().map(|(place, output)| {
            let name = renamed.get(place).map_or(&output.name, |name| &name.text).clone();
            let column = Column {
                relation: id,
                name: output.alias.clone(),
                label: format!("{label}.{name}"),
                not_null: output.not_null,
                table_oid: output.table_oid,
                number: output.number,
            };
            let expr =
                Expr { kind: ExprKind::Column(column), data_type: output.data_type, position: 0 };
            Item { relation: Some(label.to_owned()), name, expr, bare: true }
        });
        let source = RowSource {
            label: label.to_owned(),
            relation: Some(id),
            row_type: 0,
            nullable: false,
            witness: None,
            is_scalar: false,
        };
        let (relations, rows) = (vec![label.to_owned()], vec![source]);
        Ok(Scope { items: items.collect(), relations, rows, ..Scope::default() })
    }

    fn subquery_item(&mut self, query: &ast::Query, alias: &Alias) -> Result<(From, Scope), Error> {
        let query = self.query(query)?;
        let id = self.add_relation(&alias.name.text);
        let scope = self.output_scope(id, &alias.name.text, &query.outputs, Some(alias))?;
        Ok((From::Subquery { query: Box::new(query), id }, scope))
    }

    fn join(
        &mut self,
        kind: JoinKind,
        (left_from, mut left): (From, Scope),
        (right_from, mut right): (From, Scope),
        condition: &JoinCondition,
    ) -> Result<(From, Scope), Error> {
        if matches!(kind, JoinKind::Right | JoinKind::Full) {
            left.make_nullable();
        }
        if matches!(kind, JoinKind::Left | JoinKind::Full) {
            right.make_nullable();
        }
        let (on, scope) = match condition {
            JoinCondition::None => {
                left.push(right)?;
                (None, left)
            }
            JoinCondition::On(condition) => {
                left.push(right)?;
                self.scopes.push(left);
                let on = self.condition(condition, "JOIN/ON");
                let scope = self.scopes.pop().unwrap_or_default();
                (Some(on?), scope)
            }
            JoinCondition::Using(names, alias) => {
                if let Some(alias) = alias {
                    let error = Error::refused("an alias of USING is not supported");
                    return Err(at(error, alias.position));
                }
                self.merge(kind, left, right, names)?
            }
            JoinCondition::Natural => {
                let names: Vec<Name> = left
                    .items
                    .iter()
                    .filter(|item| {
                        item.bare
                            && right.items.iter().any(|other| other.bare && other.name == item.name)
                    })
                    .map(|item| Name { text: item.name.clone(), position: 0 })
                    .collect();
                self.merge(kind, left, right, &names)?
            }
        };
        Ok((From::Join { kind, left: Box::new(left_from), right: Box::new(right_from), on }, scope))
    }

    /// USING: pairs of columns are compared, and become one column, which stands first.
    fn merge(
        &mut self,
        kind: JoinKind,
        mut left: Scope,
        mut right: Scope,
        names: &[Name],
    ) -> Result<(Option<Expr>, Scope), Error> {
        let mut on: Option<Expr> = None;
        let mut merged = Vec::new();
        for name in names {
            let left_expr = take_column(&mut left, name, "left")?;
            let right_expr = take_column(&mut right, name, "right")?;
            let equal =
                self.binary_operator("=", left_expr.clone(), right_expr.clone(), name.position)?;
            on = Some(match on {
                None => equal,
                Some(other) => Expr {
                    kind: ExprKind::And(Box::new(other), Box::new(equal)),
                    data_type: PgType::BOOL,
                    position: 0,
                },
            });
            let expr = match kind {
                JoinKind::Inner | JoinKind::Left => left_expr,
                JoinKind::Right => right_expr,
                JoinKind::Full => self.common(vec![left_expr, right_expr], "JOIN/USING").map(
                    |(both, data_type)| Expr {
                        kind: ExprKind::Coalesce(both),
                        data_type,
                        position: 0,
                    },
                )?,
            };
            merged.push(Item { relation: None, name: name.text.clone(), expr, bare: true });
        }
        let mut scope = Scope { items: merged, ..Scope::default() };
        scope.push(left)?;
        scope.push(right)?;
        Ok((on, scope))
    }
}

/// The one column of this name; it is not found by its bare name any more.
fn take_column(scope: &mut Scope, name: &Name, side: &str) -> Result<Expr, Error> {
    let mut found = scope.items.iter_mut().filter(|item| item.bare && item.name == name.text);
    let Some(item) = found.next() else {
        return Err(at(
            Error::user(
                SqlState::UNDEFINED_COLUMN,
                format!(
                    "column \"{}\" specified in USING clause does not exist in {side} table",
                    name.text
                ),
            ),
            name.position,
        ));
    };
    if found.next().is_some() {
        return Err(at(
            Error::user(
                SqlState::AMBIGUOUS_COLUMN,
                format!(
                    "common column name \"{}\" appears more than once in {side} table",
                    name.text
                ),
            ),
            name.position,
        ));
    }
    item.bare = false;
    Ok(item.expr.clone())
}

/// A column of the recorded sequences.
fn recorded(rows: RelationId, name: &str, data_type: PgType) -> Expr {
    let (name, label) = (name.to_owned(), name.to_owned());
    let column = Column { relation: rows, name, label, not_null: false, table_oid: 0, number: 0 };
    Expr { kind: ExprKind::Column(column), data_type, position: 0 }
}

/// `SELECT item FROM _eider_sequence` where the two are the same.
fn of_sequence(rows: RelationId, item: Expr, same: Vec<Expr>) -> Expr {
    let this = Expr::call(Lowering::Compare("="), same, PgType::BOOL, 0);
    let (data_type, position) = (item.data_type, item.position);
    let items = vec![item];
    let table = From::Table { name: "_eider_sequence".to_owned(), id: rows };
    let outputs = super::changes::unnamed(&items);
    let query = super::changes::select_from(items, table, Some(this), outputs);
    Expr { kind: ExprKind::Subquery(Box::new(query)), data_type, position }
}
