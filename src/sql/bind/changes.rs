//! Data changes that SQLite does in several steps: those in WITH, and those whose RETURNING needs
//! other tables.
//!
//! A step's rows can be handed on to later ones as a *feed*: rows in JSON, which the session passes on.
//! Invariant: a step never reads a table that an earlier step of the statement has changed, but for
//! rows that it finds by their ids. PostgreSQL lets all parts of a statement see the same snapshot.

use crate::model::catalog::Table;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sql::ast::{self, JoinKind};
use crate::sql::bind::query::{output, plain_query, unique_aliases};
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{
    Body, Column, Cte, Delete, Distinct, Expr, ExprKind, From, Insert, Output, Part, Query,
    RelationId, Select, Update,
};

/// What one step does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Query(Query),
    Insert(Insert),
    Update(Update),
    Delete(Delete),
}

/// What becomes of a step's rows and count.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Role {
    Nothing,
    /// Both are the statement's.
    Result,
    Rows,
    Count,
    /// The rows are a feed of this number.
    Feeds(usize),
    /// A row is this failure.
    Check(Error),
}

#[derive(Debug, Clone)]
pub(crate) struct ChangeStep {
    pub(crate) change: Change,
    pub(crate) role: Role,
    pub(crate) sequences: Vec<String>,
}

/// Steps and the outputs of what they return.
pub(crate) type Steps = (Vec<ChangeStep>, Vec<Output>);

impl<'a> Binder<'a> {
    pub(crate) fn insert_steps(&mut self, tree: &ast::Insert) -> Result<Steps, Error> {
        let (insert, outputs) = self.insert(tree)?;
        let role = result_role(&insert.returning, &outputs);
        Ok((vec![self.step(Change::Insert(insert), role)], outputs))
    }

    /// The table of a bound change, which isn't what it names if that is a view.
    fn changed_table(&self, stored: &str) -> Result<&'a Table, Error> {
        let table = self.catalog.tables.get(stored).map(AsRef::as_ref);
        table.ok_or_else(|| Error::internal("a change is of a table"))
    }

    pub(crate) fn update_steps(&mut self, tree: &ast::Update) -> Result<Steps, Error> {
        let (update, outputs) = self.update(tree)?;
        if !update.returning.iter().any(|expr| uses_other(expr, update.id)) {
            let role = result_role(&update.returning, &outputs);
            return Ok((vec![self.step(Change::Update(update), role)], outputs));
        }
        let table = self.changed_table(&update.table)?;
        let steps = self.split_update(table, update, &outputs)?;
        Ok((steps, outputs))
    }

    pub(crate) fn delete_steps(&mut self, tree: &ast::Delete) -> Result<Steps, Error> {
        let (delete, outputs) = self.delete(tree)?;
        if !delete.returning.iter().any(|expr| uses_other(expr, delete.id)) {
            return Ok((vec![self.step(Change::Delete(delete), Role::Result)], outputs));
        }
        let table = self.changed_table(&delete.table)?;
        let steps = self.split_delete(table, delete, &outputs)?;
        Ok((steps, outputs))
    }

    pub(crate) fn step(&mut self, change: Change, role: Role) -> ChangeStep {
        ChangeStep { change, role, sequences: std::mem::take(&mut self.sequences) }
    }

    pub(super) fn next_feed(&mut self) -> usize {
        self.feeds += 1;
        self.feeds
    }

    /// UPDATE ... FROM ... RETURNING: the rows and their new values are found, then written, then read
    /// again beside what stood beside them.
    fn split_update(
        &mut self,
        table: &Table,
        update: Update,
        outputs: &[Output],
    ) -> Result<Vec<ChangeStep>, Error> {
        let row = row_id(table, update.id)?;
        let mut others = Vec::new();
        for expr in &update.returning {
            collect_others(expr, update.id, &mut others)?;
        }
        let mut items = vec![row.clone()];
        items.extend(update.assignments.iter().map(|(_, value)| value.clone()));
        let values = items.len();
        items.extend(others.iter().cloned());
        let feed = self.next_feed();
        let found = found_rows(items, row, &update, update.from.clone());
        let columns = found.outputs.clone();
        let find = self.step(Change::Query(found), Role::Feeds(feed));
        let write = self.update_from_feed(table, &update, feed, &columns)?;
        // The rows again, by their ids: an assigned key is the new one.
        let (id, elements) = self.feed_elements(feed, &columns);
        let key = update
            .assignments
            .iter()
            .position(|(name, _)| {
                table.columns.iter().enumerate().any(|(place, column)| {
                    column.stored == *name && super::insert::is_row_key(table, place)
                })
            })
            .map_or(0, |place| place + 1);
        let target = row_id(table, update.id)?;
        let on = self.binary_operator("=", target, elements[key].clone(), 0)?;
        let replaced = |expr: &Expr| {
            let place = others.iter().position(|other| other.same(expr))?;
            Some(Expr { position: expr.position, ..elements[values + place].clone() })
        };
        let returned = update.returning.into_iter().map(|expr| expr.replaced(&replaced)).collect();
        let from = From::Join {
            kind: JoinKind::Inner,
            left: Box::new(From::Feed { feed, id }),
            right: Box::new(From::Table { name: update.table, id: update.id }),
            on: Some(on),
        };
        let read = select_from(returned, from, None, outputs.to_vec());
        let read = self.step(Change::Query(read), Role::Rows);
        Ok(vec![find, write, read])
    }

    /// `UPDATE table SET ... FROM feed WHERE row = feed.row`: the feed has the row's id, then the values.
    pub(super) fn update_from_feed(
        &mut self,
        table: &Table,
        update: &Update,
        feed: usize,
        columns: &[Output],
    ) -> Result<ChangeStep, Error> {
        let (id, elements) = self.feed_elements(feed, columns);
        let row = row_id(table, update.id)?;
        let filter = self.binary_operator("=", row, elements[0].clone(), 0)?;
        let assignments = update
            .assignments
            .iter()
            .zip(&elements[1..])
            .map(|((name, _), value)| (name.clone(), value.clone()))
            .collect();
        let write = Update {
            ctes: Vec::new(),
            recursive: false,
            table: update.table.clone(),
            id: update.id,
            assignments,
            from: Some(From::Feed { feed, id }),
            filter: Some(filter),
            returning: Vec::new(),
        };
        Ok(self.step(Change::Update(write), Role::Count))
    }

    /// DELETE ... USING ... RETURNING: what is returned is read before the rows go.
    fn split_delete(
        &mut self,
        table: &Table,
        delete: Delete,
        outputs: &[Output],
    ) -> Result<Vec<ChangeStep>, Error> {
        let row = row_id(table, delete.id)?;
        let mut items = vec![row.clone()];
        items.extend(delete.returning.iter().cloned());
        let feed = self.next_feed();
        let (ctes, recursive) = (delete.ctes.clone(), delete.recursive);
        let like = Update {
            ctes,
            recursive,
            table: delete.table.clone(),
            id: delete.id,
            assignments: Vec::new(),
            from: None,
            filter: delete.filter.clone(),
            returning: Vec::new(),
        };
        let found = found_rows(items, row, &like, delete.using.clone());
        let columns = found.outputs.clone();
        let find = self.step(Change::Query(found), Role::Feeds(feed));
        let write = self.delete_by_feed(table, &delete.table, delete.id, (feed, &columns))?;
        let (id, elements) = self.feed_elements(feed, &columns);
        let from = From::Feed { feed, id };
        let read = select_from(elements[1..].to_vec(), from, None, outputs.to_vec());
        let read = self.step(Change::Query(read), Role::Rows);
        Ok(vec![find, write, read])
    }

    /// `DELETE FROM table WHERE row IN (SELECT row FROM feed)`.
    pub(super) fn delete_by_feed(
        &mut self,
        table: &Table,
        name: &str,
        id: RelationId,
        (feed, columns): (usize, &[Output]),
    ) -> Result<ChangeStep, Error> {
        let filter = self.in_feed(row_id(table, id)?, feed, columns);
        let delete = Delete {
            ctes: Vec::new(),
            recursive: false,
            table: name.to_owned(),
            id,
            using: None,
            filter: Some(filter),
            returning: Vec::new(),
        };
        Ok(self.step(Change::Delete(delete), Role::Count))
    }

    /// `row IN (SELECT row FROM feed)`, the row's id being the feed's first column.
    fn in_feed(&mut self, row: Expr, feed: usize, columns: &[Output]) -> Expr {
        let (id, elements) = self.feed_elements(feed, columns);
        let rows = select_from(
            vec![elements[0].clone()],
            From::Feed { feed, id },
            None,
            vec![output("row".to_owned(), PgType::INT8)],
        );
        let kind =
            ExprKind::InQuery { operand: Box::new(row), query: Box::new(rows), negated: false };
        Expr { kind, data_type: PgType::BOOL, position: 0 }
    }

    /// A relation of a feed's rows: its id and columns.
    pub(super) fn feed_elements(
        &mut self,
        _feed: usize,
        columns: &[Output],
    ) -> (RelationId, Vec<Expr>) {
        let id = self.add_relation("feed");
        let element = |(place, output): (usize, &Output)| Expr {
            kind: ExprKind::Element {
                relation: id,
                part: Part::Place(place),
                label: output.name.clone(),
            },
            data_type: output.data_type,
            position: 0,
        };
        (id, columns.iter().enumerate().map(element).collect())
    }

    /// A data change in WITH: its steps go before the statement's own, and its rows are a feed.
    pub(super) fn changing_cte(&mut self, cte: &ast::Cte, before: &[Cte]) -> Result<(), Error> {
        if !self.scopes.is_empty() {
            let message =
                "WITH clause containing a data-modifying statement must be at the top level";
            return Err(at(Error::refused(message), cte.name.position));
        }
        let (mut steps, outputs) = match &cte.body {
            ast::CteBody::Insert(tree) => self.insert_steps(tree)?,
            ast::CteBody::Update(tree) => self.update_steps(tree)?,
            ast::CteBody::Delete(tree) => self.delete_steps(tree)?,
            ast::CteBody::Query(_) => return Err(Error::internal("this CTE changes nothing")),
        };
        let feed = if outputs.is_empty() { None } else { Some(self.next_feed()) };
        for step in &mut steps {
            step.role = match (&step.role, feed) {
                (Role::Result | Role::Rows, Some(feed)) => Role::Feeds(feed),
                (Role::Result | Role::Rows | Role::Count, _) => Role::Nothing,
                (role, _) => role.clone(),
            };
            step.change.prepend_ctes(before);
        }
        let outputs = super::query::renamed(outputs, &cte.columns)?;
        self.check_snapshot(&steps)?;
        for step in &steps {
            if let Some(table) = step.change.changed() {
                self.changed.push(table.to_owned());
            }
        }
        self.changes.extend(steps);
        self.ctes.push(super::VisibleCte {
            self_reference: super::SelfReference::Over,
            name: cte.name.text.clone(),
            physical: cte.name.text.clone(),
            outputs,
            feed: feed.map_or(super::Feed::Nothing, super::Feed::Rows),
        });
        Ok(())
    }

    /// Refuses steps that read what WITH has changed before.
    pub(crate) fn check_snapshot(&self, steps: &[ChangeStep]) -> Result<(), Error> {
        for step in steps {
            if let Some(table) = self.changed.iter().find(|table| step.change.reads(table)) {
                return Err(Error::refused(format!(
                    "reading table \"{table}\", which WITH changes, in the same statement is not supported"
                )));
            }
        }
        Ok(())
    }
}

/// RETURNING may be there to look at the rows alone.
fn result_role(returning: &[Expr], outputs: &[Output]) -> Role {
    if outputs.is_empty() && !returning.is_empty() { Role::Count } else { Role::Result }
}

impl Change {
    /// The table that it writes to.
    fn changed(&self) -> Option<&str> {
        match self {
            Self::Query(_) => None,
            Self::Insert(insert) => Some(&insert.table),
            Self::Update(update) => Some(&update.table),
            Self::Delete(delete) => Some(&delete.table),
        }
    }

    /// Whether it reads a table's rows, by more than their ids.
    fn reads(&self, table: &str) -> bool {
        let from = |from: &Option<From>| from.as_ref().is_some_and(|from| from.reads(table));
        let exprs = |exprs: &[&Expr]| exprs.iter().any(|expr| expr.reads(table));
        match self {
            Self::Query(query) => query.reads(table),
            Self::Insert(insert) => match &insert.source {
                crate::sql::bound::InsertSource::Rows(rows) => {
                    rows.iter().flatten().any(|expr| expr.reads(table))
                }
                crate::sql::bound::InsertSource::Query { query, .. } => query.reads(table),
                crate::sql::bound::InsertSource::DefaultValues => false,
            },
            Self::Update(update) => {
                let values: Vec<&Expr> = update
                    .assignments
                    .iter()
                    .map(|(_, value)| value)
                    .chain(&update.filter)
                    .collect();
                update.table == table && !matches!(update.from, Some(From::Feed { .. }))
                    || from(&update.from)
                    || exprs(&values)
            }
            Self::Delete(delete) => {
                let filter: Vec<&Expr> = delete.filter.iter().collect();
                delete.table == table || from(&delete.using) || exprs(&filter)
            }
        }
    }

    /// Puts the queries of WITH that stand before it into its own WITH.
    fn prepend_ctes(&mut self, before: &[Cte]) {
        let ctes = match self {
            Self::Query(query) => &mut query.ctes,
            Self::Insert(insert) => &mut insert.ctes,
            Self::Update(update) => &mut update.ctes,
            Self::Delete(delete) => &mut delete.ctes,
        };
        ctes.splice(0..0, before.iter().cloned());
    }
}

impl Expr {
    fn reads(&self, table: &str) -> bool {
        self.subquery().is_some_and(|query| query.reads(table))
            || self.children().into_iter().any(|child| child.reads(table))
    }
}

impl Query {
    fn reads(&self, table: &str) -> bool {
        let (exprs, queries) = self.parts();
        let from = match &self.body {
            Body::Select(select) => select.from.as_ref().is_some_and(|from| from.reads(table)),
            Body::Values(_) | Body::SetOperation { .. } => false,
        };
        from || exprs.into_iter().any(|expr| expr.reads(table))
            || queries.into_iter().any(|query| query.reads(table))
    }
}

impl From {
    fn reads(&self, table: &str) -> bool {
        match self {
            Self::Table { name, .. } => name == table,
            Self::Subquery { query, .. } | Self::Lateral { query, .. } => query.reads(table),
            Self::Join { left, right, .. } => left.reads(table) || right.reads(table),
            Self::Cte { .. }
            | Self::Feed { .. }
            | Self::Session { .. }
            | Self::Each { .. }
            | Self::Series { .. } => false,
        }
    }
}

/// What SQLite calls the ids of a table's rows; `None` if it has none.
pub(crate) fn row_id_name(table: &Table) -> Option<&'static str> {
    let taken =
        |name: &str| table.columns.iter().any(|column| column.stored.eq_ignore_ascii_case(name));
    let name = ["rowid", "_rowid_", "oid"].into_iter().find(|name| !taken(name));
    name.filter(|_| table.has_rowid)
}

/// The id of a table's row.
pub(super) fn row_id(table: &Table, id: RelationId) -> Result<Expr, Error> {
    let Some(name) = row_id_name(table) else {
        let message = format!("this change of table \"{}\", which has no row ids,", table.name);
        return Err(Error::refused(format!("{message} is not supported")));
    };
    let column = Column {
        relation: id,
        name: name.to_owned(),
        label: name.to_owned(),
        not_null: true,
        table_oid: 0,
        number: 0,
    };
    Ok(Expr { kind: ExprKind::Column(column), data_type: PgType::INT8, position: 0 })
}

/// `SELECT items FROM from WHERE filter`.
pub(super) fn select_from(
    items: Vec<Expr>,
    from: From,
    filter: Option<Expr>,
    outputs: Vec<Output>,
) -> Query {
    let select = Select {
        distinct: Distinct::All,
        items,
        from: Some(from),
        filter,
        group_by: Vec::new(),
        having: None,
        relations: Vec::new(),
    };
    plain_query(Body::Select(Box::new(select)), unique_aliases(outputs))
}

/// Outputs for items that nobody names.
pub(super) fn unnamed(items: &[Expr]) -> Vec<Output> {
    items.iter().map(|item| output("item".to_owned(), item.data_type)).collect()
}

/// The rows that a change is about, each once, with what `items` says of it.
fn found_rows(items: Vec<Expr>, row: Expr, update: &Update, others: Option<From>) -> Query {
    let target = From::Table { name: update.table.clone(), id: update.id };
    let from = match others {
        None => target,
        Some(others) => From::Join {
            kind: JoinKind::Inner,
            left: Box::new(target),
            right: Box::new(others),
            on: None,
        },
    };
    let outputs = unnamed(&items);
    let mut query = select_from(items, from, update.filter.clone(), outputs);
    if let Body::Select(select) = &mut query.body {
        select.distinct = Distinct::On(vec![row]);
    }
    query.ctes.clone_from(&update.ctes);
    query.recursive = update.recursive;
    query
}

/// Whether a column of a relation other than the target is used, outside subqueries.
fn uses_other(expr: &Expr, target: RelationId) -> bool {
    match &expr.kind {
        ExprKind::Column(column) => column.relation != target,
        ExprKind::Element { .. } => true,
        _ => expr.children().into_iter().any(|child| uses_other(child, target)),
    }
}

/// The columns of other relations in an expression of RETURNING.
fn collect_others(expr: &Expr, target: RelationId, others: &mut Vec<Expr>) -> Result<(), Error> {
    if expr.subquery().is_some() {
        let message = "a subquery in RETURNING beside columns of other tables is not supported";
        return Err(at(Error::refused(message), expr.position));
    }
    let other = match &expr.kind {
        ExprKind::Column(column) => column.relation != target,
        ExprKind::Element { .. } => true,
        _ => false,
    };
    if other && !others.iter().any(|known| known.same(expr)) {
        others.push(expr.clone());
    }
    expr.children().into_iter().try_for_each(|child| collect_others(child, target, others))
}

/// 0A000 for a name of WITH that stands for a change without RETURNING.
pub(super) fn no_returning(name: &ast::Name) -> Error {
    let message = format!("WITH query \"{}\" does not have a RETURNING clause", name.text);
    at(
        Error::new(crate::model::error::Class::User, SqlState::FEATURE_NOT_SUPPORTED, message),
        name.position,
    )
}

/// The constant 1.
pub(super) fn one() -> Expr {
    Expr::constant(Value::Integer(1), PgType::INT4, 0)
}
