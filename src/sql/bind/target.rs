//! What a data change is of: a table, or what a view shows of one.
//!
//! A change of a view that selects plainly from one table is a change of that table: the view's columns stand for the
//! table's, and its conditions are the statement's, too (manual, CREATE VIEW, Updatable Views). Nothing of that is done as
//! text: the view's query is bound, and taken apart.
//! Invariant: a view with an INSTEAD OF trigger for the change is left to the trigger.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::model::catalog::{Table, TableKind, View};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::sql::ast::{self, Name, tgtype};
use crate::sql::bind::system::table_oid;
use crate::sql::bind::trigger::{Event, both};
use crate::sql::bind::whole_row::RowSource;
use crate::sql::bind::{Binder, Item, Scope, at, label};
use crate::sql::bound::{Body, Distinct, Expr, ExprKind, From, Output, Query, RelationId, Select};
use crate::sql::types::Lowering;

/// The relation of a data change.
pub(super) struct Target<'a> {
    /// As the statement sees it. For a view, the table beneath with the view's names; columns that it doesn't show have names
    /// that can't be written.
    pub(super) table: Cow<'a, Table>,
    /// The table that has the rows.
    pub(super) base: &'a Table,
    pub(super) id: RelationId,
    /// The columns that the statement sees.
    pub(super) scope: Scope,
    /// The columns of `base`, as its triggers see them.
    pub(super) row: Vec<Expr>,
    pub(super) through: Option<Through>,
}

/// A view that a change goes through.
#[derive(Debug, Clone)]
pub(super) struct Through {
    name: String,
    /// Its columns, in order: the name, and the place of the table's column, if it is one.
    columns: Vec<(String, Option<usize>)>,
    /// Which rows it has.
    filter: Option<Expr>,
    /// What a new row must satisfy, with the names of the views that say so.
    checks: Vec<(String, Expr)>,
    /// What each of its columns is, over the table's.
    items: Vec<Expr>,
}

/// A view taken apart.
struct Plain<'a> {
    base: &'a Table,
    id: RelationId,
    items: Vec<Expr>,
    filter: Option<Expr>,
    checks: Vec<(String, Expr)>,
    /// The conditions of all views, with their names.
    conditions: Vec<(String, Expr)>,
}

impl<'a> Binder<'a> {
    /// The relation of a data change.
    ///
    /// # Errors
    /// 42501 for a system catalog, 42809 for a materialised view, 55000 for a view that isn't plain enough.
    pub(super) fn target(
        &mut self,
        name: &ast::QualifiedName,
        alias: Option<&Name>,
        event: Event,
    ) -> Result<Target<'a>, Error> {
        if let Some(relation) = self.system_relation(name) {
            let message = format!("permission denied: \"{}\" is a system catalog", relation.name);
            return Err(Error::user(SqlState::INSUFFICIENT_PRIVILEGE, message));
        }
        let table = self.table(name)?;
        if table.kind == TableKind::MaterializedView {
            let message = format!("cannot change materialized view \"{}\"", table.name);
            return Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message));
        }
        let label = alias.map_or(&table.name, |alias| &alias.text).clone();
        let bits = tgtype::ROW | tgtype::INSTEAD | event.bit();
        let is_view = table.kind == TableKind::View && self.triggers_of(table, bits).is_empty();
        if is_view && let Some(view) = &table.view {
            return self.target_through(table, view, &label, event);
        }
        if is_view {
            // Made over HTTP: SQLite's own.
            let message = format!("cannot change view \"{}\"", table.name);
            let error = Error::user(SqlState::WRONG_OBJECT_TYPE, message);
            return Err(at(error, name.first().map_or(0, |name| name.position)));
        }
        let id = self.add_relation(&label);
        let mut scope = self.table_scope(table, id, &label, None)?;
        if table.kind != TableKind::View {
            scope.system = vec![table_oid(&label, table.oid)];
        }
        let row = scope.items.iter().map(|item| item.expr.clone()).collect();
        Ok(Target { table: Cow::Borrowed(table), base: table, id, scope, row, through: None })
    }

    fn target_through(
        &mut self,
        table: &'a Table,
        view: &'a View,
        label: &str,
        event: Event,
    ) -> Result<Target<'a>, Error> {
        let plain = self.plain_view(table, view, event)?;
        let place = |item: &Expr| match &item.kind {
            ExprKind::Column(column) if column.relation == plain.id => {
                plain.base.columns.iter().position(|known| known.number == column.number)
            }
            _ => None,
        };
        let mut seen = HashSet::new();
        let columns: Vec<(String, Option<usize>)> = table
            .columns
            .iter()
            .zip(&plain.items)
            // A column that is shown twice can be written once.
            .map(|(column, item)| {
                (column.name.clone(), place(item).filter(|place| seen.insert(*place)))
            })
            .collect();
        if event != Event::Delete && columns.iter().all(|(_, place)| place.is_none()) {
            let detail = "Views that have no updatable columns are not automatically updatable.";
            return Err(not_updatable(table, event, detail));
        }
        let mut shown = plain.base.clone();
        shown.name.clone_from(&table.name);
        for (place, column) in shown.columns.iter_mut().enumerate() {
            let name = columns.iter().find(|(_, known)| *known == Some(place));
            column.name =
                name.map_or_else(|| format!("\0{}", column.name), |(name, _)| name.clone());
        }
        let row = self.table_scope(plain.base, plain.id, label, None)?;
        let through = Through {
            name: table.name.clone(),
            columns,
            filter: plain.filter,
            checks: plain.checks,
            items: plain.items,
        };
        Ok(Target {
            table: Cow::Owned(shown),
            base: plain.base,
            id: plain.id,
            scope: through.scope(label, crate::catalog::row_type(table)),
            row: row.items.into_iter().map(|item| item.expr).collect(),
            through: Some(through),
        })
    }

    /// A view as columns of one table and conditions over it; of a view over views, all of their conditions.
    fn plain_view(&mut self, table: &Table, view: &View, event: Event) -> Result<Plain<'a>, Error> {
        let wrong = |why: &str| not_updatable(table, event, why);
        let tree = crate::sql::parser::parse_query(&view.definition)?;
        let query = self.view_query(view)?;
        let select = plain_select(&query, &tree)
            .map_err(|why| wrong(&format!("Views {why} are not automatically updatable.")))?;
        let several =
            "Views that do not select from a single table or view are not automatically updatable.";
        let name = single_table(&tree).map(label);
        let binding = view.bindings.iter().find(|binding| Some(&binding.name) == name.as_ref());
        let catalog = self.catalog;
        let inner =
            binding.and_then(|binding| catalog.table_by_oid(binding.oid)).map(AsRef::as_ref);
        let inner: &Table = inner.ok_or_else(|| wrong(several))?;
        let filter = select.filter.clone();
        let items = select.items.clone();
        match (inner.kind, &inner.view, &select.from) {
            (TableKind::Table, _, Some(From::Table { id, .. })) => {
                let (checks, conditions) = (Vec::new(), Vec::new());
                let plain = Plain { base: inner, id: *id, items, filter: None, checks, conditions };
                Ok(plain.restricted(table, view, filter))
            }
            (TableKind::View, Some(inner_view), Some(From::Subquery { query, id })) => {
                let instead = tgtype::ROW | tgtype::INSTEAD | event.bit();
                if !self.triggers_of(inner, instead).is_empty() {
                    let message = "a change through a view of a view with INSTEAD OF triggers is not supported";
                    return Err(Error::refused(message));
                }
                let mut plain = self.plain_view(inner, inner_view, event)?;
                let known = Shown { id: *id, outputs: &query.outputs, items: &plain.items };
                let filter = filter.map(|filter| known.beneath(filter)).transpose()?;
                let items: Vec<Expr> =
                    items.into_iter().map(|item| known.beneath(item)).collect::<Result<_, _>>()?;
                plain.items = items;
                Ok(plain.restricted(table, view, filter))
            }
            (TableKind::Table | TableKind::View, _, Some(From::Join { .. })) => Err(wrong(
                "Views that return set-returning functions are not automatically updatable.",
            )),
            _ => Err(wrong(several)),
        }
    }

    /// What RETURNING has to be so that rows which a view doesn't allow are errors; nothing if there is no
    /// condition.
    pub(super) fn checked_returning(
        &mut self,
        target: &Target<'_>,
        mut returning: Vec<Expr>,
    ) -> Vec<Expr> {
        let checks = target.through.as_ref().map_or(&[][..], |through| through.checks.as_slice());
        let mut branches = Vec::new();
        for (name, condition) in checks {
            let operand = Box::new(condition.clone());
            let kind = ExprKind::IsTruth { operand, value: true, negated: true };
            let mut arguments = vec![Expr::constant(Value::Text(name.clone()), PgType::TEXT, 0)];
            arguments.extend(target.row.iter().cloned());
            let violated = Lowering::Shown("pg_view_violated");
            let first = returning.first().map_or(PgType::INT4, |first| first.data_type);
            let violated = Expr::call(violated, arguments, first, 0);
            branches.push((Expr { kind, data_type: PgType::BOOL, position: 0 }, violated));
        }
        if branches.is_empty() {
            return returning;
        }
        let zero = || Expr::constant(Value::Integer(0), PgType::INT4, 0);
        let first = if returning.is_empty() { zero() } else { returning.remove(0) };
        let data_type = first.data_type;
        let kind = ExprKind::Case { branches, otherwise: Some(Box::new(first)) };
        returning.insert(0, Expr { kind, data_type, position: 0 });
        returning
    }

    /// WITH CHECK OPTION.
    ///
    /// # Errors
    /// 0A000 for a view that can't be written to.
    pub(crate) fn check_checkable(&mut self, table: &Table, view: &View) -> Result<(), Error> {
        let reason = match self.plain_view(table, view, Event::Update) {
            Ok(plain) => {
                let is_column = |item: &Expr| matches!(item.kind, ExprKind::Column(_));
                if plain.items.iter().any(is_column) {
                    return Ok(());
                }
                "Views that have no updatable columns are not automatically updatable.".to_owned()
            }
            Err(error) => error.fields().detail.clone().unwrap_or_default(),
        };
        let message = "WITH CHECK OPTION is supported only on automatically updatable views";
        Err(Error::refused(message).with_hint(&reason))
    }
}

impl Plain<'_> {
    /// With the condition of a view over it.
    fn restricted(mut self, table: &Table, view: &View, filter: Option<Expr>) -> Self {
        let own = filter.iter().map(|filter| (table.name.clone(), filter.clone()));
        self.conditions.extend(own.clone());
        match view.check_option.as_str() {
            "local" => self.checks.extend(own),
            // Also of the views beneath that don't ask for it by themselves.
            "cascaded" => self.checks.clone_from(&self.conditions),
            _ => {}
        }
        if let Some(filter) = filter {
            self.filter = Some(both(self.filter.take(), filter));
        }
        self
    }
}

/// What a view in a FROM clause shows of a table.
struct Shown<'q> {
    id: RelationId,
    outputs: &'q [Output],
    items: &'q [Expr],
}

impl Shown<'_> {
    /// An expression over the view's columns as one over the table's.
    ///
    /// # Errors
    /// 0A000 if a query in it uses them.
    fn beneath(&self, expr: Expr) -> Result<Expr, Error> {
        let found = expr.replaced(&|part| match &part.kind {
            ExprKind::Column(column) if column.relation == self.id => {
                let place = self.outputs.iter().position(|output| output.alias == column.name)?;
                self.items.get(place).cloned()
            }
            _ => None,
        });
        if found.uses(&[self.id]) {
            let message = "a change through a view whose subquery uses another view's columns is not supported";
            return Err(Error::refused(message));
        }
        Ok(found)
    }
}

impl Through {
    /// The view's columns under a name.
    fn scope(&self, label: &str, row_type: Oid) -> Scope {
        let items = self.columns.iter().zip(&self.items).map(|((name, _), item)| Item {
            relation: Some(label.to_owned()),
            name: name.clone(),
            expr: item.clone(),
            bare: true,
        });
        let source = RowSource {
            label: label.to_owned(),
            relation: None,
            row_type,
            nullable: false,
            witness: None,
            is_scalar: false,
        };
        let (relations, rows) = (vec![label.to_owned()], vec![source]);
        Scope { items: items.collect(), relations, rows, ..Scope::default() }
    }
}

impl Target<'_> {
    /// The places of the columns that an INSERT without a list gives, in order.
    ///
    /// # Errors
    /// 0A000 for one of the first `width` that isn't the table's.
    pub(super) fn places(&self, width: usize) -> Result<Vec<usize>, Error> {
        let Some(through) = &self.through else {
            return Ok((0..self.table.columns.len()).collect());
        };
        let mut places = Vec::new();
        for (at, (name, place)) in through.columns.iter().enumerate() {
            match place {
                Some(place) => places.push(*place),
                None if at >= width => break,
                None => return Err(through.not_writable(name, Event::Insert)),
            }
        }
        Ok(places)
    }

    /// Refuses columns of a view that aren't its table's.
    ///
    /// # Errors
    /// 0A000
    pub(super) fn check_writable<'n>(
        &self,
        names: impl IntoIterator<Item = &'n Name>,
        event: Event,
    ) -> Result<(), Error> {
        let Some(through) = &self.through else { return Ok(()) };
        for name in names {
            let known = through.columns.iter().find(|(known, _)| *known == name.text);
            if let Some((known, None)) = known {
                return Err(through.not_writable(known, event));
            }
        }
        Ok(())
    }

    /// A condition, together with the view's.
    pub(super) fn restricted(&self, filter: Option<Expr>) -> Option<Expr> {
        let own = self.through.as_ref().and_then(|through| through.filter.clone());
        match (own, filter) {
            (Some(own), Some(filter)) => Some(both(Some(own), filter)),
            (own, filter) => own.or(filter),
        }
    }

    /// The rows that an INSERT couldn't insert, under a name.
    pub(super) fn excluded(&self, mut own: Scope, label: &str) -> Scope {
        let Some(through) = &self.through else { return own };
        let values: Vec<Expr> = own.items.drain(..).map(|item| item.expr).collect();
        let mut scope = through.scope(label, 0);
        for (item, (_, place)) in scope.items.iter_mut().zip(&through.columns) {
            if let Some(value) = place.and_then(|place| values.get(place)) {
                item.expr = value.clone();
            }
        }
        let shown: Vec<bool> = through.columns.iter().map(|(_, place)| place.is_some()).collect();
        let mut shown = shown.into_iter();
        scope.items.retain(|_| shown.next().unwrap_or(false));
        scope
    }
}

impl Through {
    fn not_writable(&self, column: &str, event: Event) -> Error {
        let what = if event == Event::Insert { "insert into" } else { "update" };
        let message = format!("cannot {what} column \"{column}\" of view \"{}\"", self.name);
        let detail = "View columns that are not columns of their base relation are not updatable.";
        Error::refused(message).with_detail(detail)
    }
}

/// 55000.
fn not_updatable(table: &Table, event: Event, why: &str) -> Error {
    let (what, gerund) = match event {
        Event::Insert => ("insert into", "inserting into"),
        Event::Update => ("update", "updating"),
        Event::Delete => ("delete from", "deleting from"),
    };
    let message = format!("cannot {what} view \"{}\"", table.name);
    Error::user(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message).with_detail(why).with_hint(
        format!(
            "To enable {gerund} the view, provide an INSTEAD OF {event} trigger or an unconditional ON {event} DO INSTEAD rule.",
            event = event.name()
        ),
    )
}

/// The one relation of a query's FROM clause, if it is named.
fn single_table(tree: &ast::Query) -> Option<&ast::QualifiedName> {
    match &tree.body {
        ast::QueryBody::Select(select) => match select.from.as_slice() {
            [ast::FromItem::Table { name, .. }] => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// A query's SELECT, if its rows are rows of what it selects from; else what is wrong with it.
fn plain_select<'q>(query: &'q Query, tree: &ast::Query) -> Result<&'q Select, &'static str> {
    let (Body::Select(select), ast::QueryBody::Select(written)) = (&query.body, &tree.body) else {
        return Err(match query.body {
            Body::SetOperation { .. } => "containing UNION, INTERSECT, or EXCEPT",
            _ => "that do not select from a single table or view",
        });
    };
    let has = |found: fn(&Expr) -> bool| select.items.iter().any(found);
    if select.distinct != Distinct::All {
        Err("containing DISTINCT")
    } else if !written.group_by.is_empty() {
        Err("containing GROUP BY")
    } else if written.having.is_some() {
        Err("containing HAVING")
    } else if !tree.ctes.is_empty() {
        Err("containing WITH")
    } else if tree.limit.is_some() || tree.offset.is_some() {
        Err("containing LIMIT or OFFSET")
    } else if has(Expr::has_aggregate) {
        Err("that return aggregate functions")
    } else if has(Expr::has_window) {
        Err("that return window functions")
    } else {
        Ok(select)
    }
}
