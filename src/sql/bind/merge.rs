//! MERGE. Each WHEN clause first finds its rows, by what the clauses before it left; then all are
//! written.

use crate::model::catalog::Table;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sql::ast::{self, JoinKind, MergeAction, MergeClause, SetOp};
use crate::sql::bind::changes::{Change, ChangeStep, Role, one, row_id, select_from, unnamed};
use crate::sql::bind::expr::boolean;
use crate::sql::bind::query::{output, plain_query};
use crate::sql::bind::trigger::Event;
use crate::sql::bind::{Binder, Scope, at};
use crate::sql::bound::{Body, Cte, Expr, ExprKind, From, Output, Query, RelationId, Update};

/// What all clauses of a MERGE are about.
struct Merged<'a> {
    table: &'a Table,
    id: RelationId,
    source: From,
    source_scope: Scope,
    both: Scope,
    condition: Expr,
    ctes: Vec<Cte>,
    recursive: bool,
}

/// The rows that a clause has found: a feed and its columns.
type Found = (usize, Vec<Output>);

impl Binder<'_> {
    pub(crate) fn merge_steps(&mut self, tree: &ast::Merge) -> Result<Vec<ChangeStep>, Error> {
        let visible = self.ctes.len();
        let ctes = self.with(&tree.ctes, tree.recursive)?;
        let target = self.target(&tree.table, tree.alias.as_ref(), Event::Insert)?;
        if target.through.is_some() || target.base.is_view() {
            let message = format!("cannot execute MERGE on relation \"{}\"", target.table.name);
            let detail = "This operation is not supported for views.";
            return Err(Error::refused(message).with_detail(detail));
        }
        let (table, id, target) = (target.base, target.id, target.scope);
        if !self.triggers_of(table, ast::tgtype::ROW | ast::tgtype::BEFORE).is_empty() {
            return Err(Error::refused("MERGE into a table with BEFORE triggers is not supported"));
        }
        let (source, source_scope) = self.from_list(std::slice::from_ref(&tree.source))?;
        let source = source.ok_or_else(|| Error::internal("MERGE has a source"))?;
        let mut both = target;
        both.push(source_scope.clone())?;
        self.scopes.push(both.clone());
        let condition = self.condition(&tree.condition, "JOIN/ON");
        self.scopes.pop();
        let condition = condition?;
        let recursive = tree.recursive;
        let merged = Merged { table, id, source, source_scope, both, condition, ctes, recursive };
        let mut found = Vec::new();
        let mut writes = Vec::new();
        // Conditions of the clauses before, for rows that match and for those that don't.
        let mut before: [Vec<Expr>; 2] = [Vec::new(), Vec::new()];
        let mut written = Vec::new();
        for clause in &tree.clauses {
            let kind = usize::from(clause.matched);
            let condition = self.clause_condition(&merged, clause)?;
            let steps = self.merge_clause(&merged, clause, (condition.as_ref(), &before[kind]))?;
            if let Some((find, write, feed)) = steps {
                found.push(find);
                writes.push(write);
                if clause.matched {
                    written.push(feed);
                }
            }
            before[kind].push(condition.unwrap_or_else(|| boolean_constant(true)));
        }
        self.ctes.truncate(visible);
        found.extend(self.once_each(&written)?);
        found.extend(writes);
        Ok(found)
    }

    fn clause_condition(
        &mut self,
        merged: &Merged<'_>,
        clause: &MergeClause,
    ) -> Result<Option<Expr>, Error> {
        let scope = if clause.matched { &merged.both } else { &merged.source_scope };
        self.scopes.push(scope.clone());
        let condition =
            clause.condition.as_ref().map(|tree| self.condition(tree, "WHEN AND")).transpose();
        self.scopes.pop();
        condition
    }

    /// The steps of a clause: finding its rows, and writing them. `None` for DO NOTHING.
    fn merge_clause(
        &mut self,
        merged: &Merged<'_>,
        clause: &MergeClause,
        (condition, before): (Option<&Expr>, &[Expr]),
    ) -> Result<Option<(ChangeStep, ChangeStep, Found)>, Error> {
        let row = row_id(merged.table, merged.id)?;
        let mut items = vec![row.clone()];
        let mut assigned = Vec::new();
        let mut places = Vec::new();
        match &clause.action {
            MergeAction::Nothing => return Ok(None),
            MergeAction::Delete => {}
            MergeAction::Update(trees) => {
                self.scopes.push(merged.both.clone());
                let bound = self.assignments(merged.table, trees);
                self.scopes.pop();
                assigned = bound?;
                items.extend(assigned.iter().map(|(_, value)| value.clone()));
            }
            MergeAction::Insert { columns, overriding, values } => {
                self.overriding_system = *overriding == Some(ast::Overriding::System);
                if *overriding == Some(ast::Overriding::User) {
                    return Err(Error::refused("OVERRIDING USER VALUE is not supported"));
                }
                self.scopes.push(merged.source_scope.clone());
                let bound = self.merge_values(merged.table, columns, values.as_deref());
                self.scopes.pop();
                for (place, value) in bound? {
                    places.push(place);
                    items.push(value);
                }
            }
        }
        let filter = clause_filter(condition, before);
        let query = found(merged, items, row, filter, clause.matched);
        let columns = query.outputs.clone();
        let feed = self.next_feed();
        let find = self.step(Change::Query(query), Role::Feeds(feed));
        let write = match &clause.action {
            MergeAction::Nothing => return Ok(None),
            MergeAction::Delete => self.delete_by_feed(
                merged.table,
                &merged.table.stored,
                merged.id,
                (feed, &columns),
            )?,
            MergeAction::Update(_) => {
                let update = Update {
                    ctes: Vec::new(),
                    recursive: false,
                    table: merged.table.stored.clone(),
                    id: merged.id,
                    assignments: assigned,
                    from: None,
                    filter: None,
                    returning: Vec::new(),
                };
                self.update_from_feed(merged.table, &update, feed, &columns)?
            }
            MergeAction::Insert { .. } => {
                let (id, elements) = self.feed_elements(feed, &columns);
                let from = From::Feed { feed, id };
                let outputs = unnamed(&elements[1..]);
                let rows = if elements.len() > 1 {
                    select_from(elements[1..].to_vec(), from, None, outputs)
                } else {
                    let outputs = vec![output("item".to_owned(), PgType::INT4)];
                    select_from(vec![one()], from, None, outputs)
                };
                let insert = self.insert_found(merged.table, merged.id, &places, rows)?;
                self.step(Change::Insert(insert), Role::Count)
            }
        };
        Ok(Some((find, write, (feed, columns))))
    }

    /// No row may be changed twice.
    fn once_each(&mut self, written: &[Found]) -> Result<Option<ChangeStep>, Error> {
        let mut union: Option<Query> = None;
        let outputs = vec![output("row".to_owned(), PgType::INT8)];
        for (feed, columns) in written {
            let (id, elements) = self.feed_elements(*feed, columns);
            let rows = select_from(
                vec![elements[0].clone()],
                From::Feed { feed: *feed, id },
                None,
                outputs.clone(),
            );
            union = Some(match union {
                None => rows,
                Some(left) => plain_query(
                    Body::SetOperation {
                        op: SetOp::Union,
                        all: true,
                        left: Box::new(left),
                        right: Box::new(rows),
                    },
                    outputs.clone(),
                ),
            });
        }
        let Some(union) = union else { return Ok(None) };
        let id = self.add_relation("rows");
        let row = Expr {
            kind: ExprKind::Column(crate::sql::bound::Column {
                relation: id,
                name: union.outputs[0].alias.clone(),
                label: "row".to_owned(),
                not_null: true,
                table_oid: 0,
                number: 0,
            }),
            data_type: PgType::INT8,
            position: 0,
        };
        let from = From::Subquery { query: Box::new(union), id };
        let twice = self.binary_operator(
            ">",
            super::grouping::count_rows(),
            Expr::constant(Value::Integer(1), PgType::INT8, 0),
            0,
        )?;
        let outputs = vec![output("twice".to_owned(), PgType::INT4)];
        let mut query = select_from(vec![one()], from, None, outputs);
        if let Body::Select(select) = &mut query.body {
            select.group_by = vec![row];
            select.having = Some(twice);
        }
        let error =
            Error::user(SqlState(*b"21000"), "MERGE command cannot affect row a second time")
                .with_hint("Ensure that not more than one source row matches any one target row.");
        Ok(Some(self.step(Change::Query(query), Role::Check(error))))
    }

    /// The values of WHEN NOT MATCHED THEN INSERT, with their columns' places; defaults left out.
    fn merge_values(
        &mut self,
        table: &Table,
        columns: &[ast::Target],
        values: Option<&[ast::Expr]>,
    ) -> Result<Vec<(usize, Expr)>, Error> {
        let values = values.unwrap_or_default();
        let places: Vec<usize> = if columns.is_empty() {
            (0..table.columns.len()).collect()
        } else {
            columns
                .iter()
                .map(|target| super::insert::whole_column(table, target))
                .collect::<Result<_, _>>()?
        };
        let wrong = |message: &str, position| {
            Err(at(Error::user(SqlState::SYNTAX_ERROR, message), position))
        };
        if values.len() > places.len() {
            let position = values[places.len()].position;
            return wrong("INSERT has more expressions than target columns", position);
        }
        if let (Some(name), false) = (columns.get(values.len()), values.is_empty()) {
            let position = name.column.position;
            return wrong("INSERT has more target columns than expressions", position);
        }
        let mut bound = Vec::new();
        for (place, tree) in places.into_iter().zip(values) {
            if matches!(tree.kind, ast::ExprKind::Default) {
                continue;
            }
            let column = &table.columns[place];
            let expr = self.expr(tree)?;
            bound.push((place, self.assign(expr, column.data_type, &column.name)?));
        }
        Ok(bound)
    }
}

fn boolean_constant(value: bool) -> Expr {
    Expr::constant(Value::Integer(i64::from(value)), PgType::BOOL, 0)
}

/// This clause's condition, and none of those before it.
fn clause_filter(condition: Option<&Expr>, before: &[Expr]) -> Option<Expr> {
    let passed = before.iter().map(|condition| {
        let operand = Box::new(condition.clone());
        boolean(ExprKind::IsTruth { operand, value: true, negated: true }, 0)
    });
    condition
        .cloned()
        .into_iter()
        .chain(passed)
        .reduce(|left, right| boolean(ExprKind::And(Box::new(left), Box::new(right)), 0))
}

/// The rows of a clause: pairs that match, or rows of the source that match nothing.
fn found(
    merged: &Merged<'_>,
    items: Vec<Expr>,
    row: Expr,
    filter: Option<Expr>,
    matched: bool,
) -> Query {
    let target = From::Table { name: merged.table.stored.clone(), id: merged.id };
    let kind = if matched { JoinKind::Inner } else { JoinKind::Left };
    let from = From::Join {
        kind,
        left: Box::new(merged.source.clone()),
        right: Box::new(target),
        on: Some(merged.condition.clone()),
    };
    let filter = if matched {
        filter
    } else {
        let missing = boolean(ExprKind::IsNull { operand: Box::new(row), negated: false }, 0);
        Some(match filter {
            None => missing,
            Some(filter) => boolean(ExprKind::And(Box::new(missing), Box::new(filter)), 0),
        })
    };
    let outputs = unnamed(&items);
    let mut query = select_from(items, from, filter, outputs);
    query.ctes.clone_from(&merged.ctes);
    query.recursive = merged.recursive;
    query
}
