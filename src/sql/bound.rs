//! The bound tree: a statement whose names are objects and whose expressions have types.
//!
//! Invariant: below an [`Expr`] whose type isn't UNKNOWN, only string constants and parameters that
//! nothing has asked for yet are of type UNKNOWN.

use crate::catalog::SystemRelation;
use crate::datum::frame;
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::sql::LockWait;
use crate::sql::ast::{JoinKind, SetOp};
use crate::sql::types::Lowering;

/// A relation in the statement's FROM clauses; unique within the statement.
pub(crate) type RelationId = usize;

/// What a relation is called in SQLite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RelationName {
    pub(crate) name: String,
    /// Whether its rows get a column that tells a row from one that an outer join lacks.
    pub(crate) is_marked: bool,
}

impl RelationName {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), is_marked: false }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) data_type: PgType,
    /// In the text; 0 if unknown. Not part of what an expression is (see [`Expr::same`]).
    pub(crate) position: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ExprKind {
    /// A value in its stored form.
    Constant(Value),
    /// A string constant whose type isn't known yet.
    Unknown(String),
    Parameter(usize),
    Column(Column),
    Call {
        lowering: Lowering,
        arguments: Vec<Expr>,
        volatile: bool,
        /// Whether it is NULL where an argument is.
        strict: bool,
    },
    /// A length or precision applied: `varchar(n)`, `numeric(p, s)` ...
    Modifier {
        operand: Box<Expr>,
        explicit: bool,
    },
    Aggregate(Box<Aggregate>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    IsNull {
        operand: Box<Expr>,
        negated: bool,
    },
    /// `IS [NOT] TRUE` or `FALSE`.
    IsTruth {
        operand: Box<Expr>,
        value: bool,
        negated: bool,
    },
    IsDistinct {
        left: Box<Expr>,
        right: Box<Expr>,
        negated: bool,
    },
    /// Branches of conditions; the operand of a simple CASE is in them already.
    Case {
        branches: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    /// What stands beside the operand's value among constants: `CASE operand WHEN a THEN b ...`.
    Matched {
        operand: Box<Expr>,
        pairs: Vec<(Value, Value)>,
        otherwise: Option<Box<Expr>>,
    },
    Coalesce(Vec<Expr>),
    /// GREATEST or LEAST.
    Extreme {
        greatest: bool,
        arguments: Vec<Expr>,
    },
    InList {
        operand: Box<Expr>,
        list: Vec<Expr>,
        negated: bool,
    },
    InQuery {
        operand: Box<Expr>,
        query: Box<Query>,
        negated: bool,
    },
    /// `operand op ANY (array)`, or ALL.
    AnyElement {
        operand: Box<Expr>,
        op: Lowering,
        array: Box<Expr>,
        element: PgType,
        all: bool,
    },
    Like {
        operand: Box<Expr>,
        pattern: Box<Expr>,
        escape: Option<Box<Expr>>,
        negated: bool,
        fold: bool,
    },
    /// `(a, b) IN (SELECT ...)`.
    RowInQuery {
        operand: Vec<Expr>,
        query: Box<Query>,
        negated: bool,
    },
    /// `(a, b) op (SELECT ...)`.
    RowSubquery {
        operand: Vec<Expr>,
        op: &'static str,
        query: Box<Query>,
    },
    /// `operand op ANY (SELECT ...)`, or ALL: a comparison with the columns of the relation `id`,
    /// which is the operand and the query's column.
    AnyRow {
        operand: Box<Expr>,
        compared: Box<Expr>,
        query: Box<Query>,
        operand_id: RelationId,
        id: RelationId,
        all: bool,
    },
    /// A row of fields; NULL where `present` isn't true.
    Row {
        names: Vec<String>,
        fields: Vec<Expr>,
        present: Option<Box<Expr>>,
    },
    /// A part of the rows of [`From::Each`] and [`From::Lateral`].
    Element {
        relation: RelationId,
        part: Part,
        /// What error messages call it.
        label: String,
    },
    /// `grouping(...)`, until the grouping sets are known.
    Grouping(Vec<Expr>),
    Exists(Box<Query>),
    Subquery(Box<Query>),
    /// `ARRAY(SELECT ...)`.
    ArrayQuery(Box<Query>),
    /// `nextval`
    NextValue {
        sequence: String,
    },
    /// `currval`, or `lastval` of whichever sequence.
    TakenValue {
        sequence: Option<String>,
    },
    /// In INSERT ... SELECT: a sequence's value for the row with this number.
    NextValueOfRow {
        sequence: String,
        row: Box<Expr>,
    },
}

/// What of a row that stands in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The row itself, which is one value.
    Value,
    /// A value of it, from 0.
    Place(usize),
    /// Its number, from 1.
    Number,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) relation: RelationId,
    /// Its name in SQLite.
    pub(crate) name: String,
    /// What error messages call it.
    pub(crate) label: String,
    pub(crate) not_null: bool,
    pub(crate) table_oid: Oid,
    pub(crate) number: i16,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Aggregate {
    pub(crate) function: &'static str,
    /// Whether it is told the session's zone and its arguments' types first.
    pub(crate) typed: bool,
    pub(crate) star: bool,
    pub(crate) distinct: bool,
    pub(crate) arguments: Vec<Expr>,
    pub(crate) order_by: Vec<OrderItem>,
    pub(crate) filter: Option<Expr>,
    pub(crate) over: Option<Window>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    pub(crate) partition_by: Vec<Expr>,
    pub(crate) order_by: Vec<OrderItem>,
    pub(crate) frame: Option<Frame>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub(crate) unit: &'static str,
    pub(crate) start: FrameBound,
    pub(crate) end: FrameBound,
    pub(crate) exclude: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FrameBound {
    UnboundedPreceding,
    Preceding(Offset),
    CurrentRow,
    Following(Offset),
    UnboundedFollowing,
}

/// How far a frame reaches, in what its key is counted in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Offset {
    Constant(Value),
    Parameter { number: usize, rule: frame::Rule },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OrderItem {
    pub(crate) key: OrderKey,
    pub(crate) data_type: PgType,
    pub(crate) descending: bool,
    /// `None` where there are no NULLs.
    pub(crate) nulls_first: Option<bool>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum OrderKey {
    /// An output column, from 0.
    Output(usize),
    Expr(Expr),
}

/// A column of a query's result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Output {
    pub(crate) name: String,
    /// Its name in SQLite where the query stands in FROM: unique in the query.
    pub(crate) alias: String,
    pub(crate) data_type: PgType,
    pub(crate) not_null: bool,
    pub(crate) table_oid: Oid,
    pub(crate) number: i16,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub(crate) recursive: bool,
    pub(crate) ctes: Vec<Cte>,
    pub(crate) body: Body,
    pub(crate) order_by: Vec<OrderItem>,
    pub(crate) limit: Option<Expr>,
    pub(crate) offset: Option<Expr>,
    /// Rows that sort like the last one are given, too.
    pub(crate) with_ties: bool,
    pub(crate) outputs: Vec<Output>,
    pub(crate) locking: Option<LockWait>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cte {
    /// Its name in SQLite: unique in the statement.
    pub(crate) name: String,
    pub(crate) query: Query,
    pub(crate) materialized: Option<bool>,
    /// Whether it refers to itself.
    pub(crate) refers_to_itself: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    Select(Box<Select>),
    Values(Vec<Vec<Expr>>),
    SetOperation { op: SetOp, all: bool, left: Box<Query>, right: Box<Query> },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Select {
    pub(crate) distinct: Distinct,
    pub(crate) items: Vec<Expr>,
    pub(crate) from: Option<From>,
    pub(crate) filter: Option<Expr>,
    pub(crate) group_by: Vec<Expr>,
    pub(crate) having: Option<Expr>,
    /// The relations of its FROM clause.
    pub(crate) relations: Vec<RelationId>,
}

impl Query {
    /// Whether it is one row of what PostgreSQL computes while it plans.
    pub(crate) fn is_constant(&self) -> bool {
        match &self.body {
            Body::Select(select) => {
                select.from.is_none() && !select.items.iter().any(Expr::is_volatile)
            }
            _ => false,
        }
    }
}

impl Select {
    /// Whether it is nothing but values: one row.
    pub(crate) fn is_one_value(&self) -> bool {
        self.from.is_none()
            && self.filter.is_none()
            && self.group_by.is_empty()
            && self.having.is_none()
            && self.items.len() == 1
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Distinct {
    /// Not at all.
    All,
    Rows,
    /// The first row of each value of these.
    On(Vec<Expr>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum From {
    Table {
        name: String,
        id: RelationId,
    },
    Subquery {
        query: Box<Query>,
        id: RelationId,
    },
    Cte {
        name: String,
        id: RelationId,
    },
    /// A system relation whose rows the session gives as an argument.
    Session {
        relation: &'static SystemRelation,
        id: RelationId,
    },
    /// A query over what stands to its left: its rows come as JSON.
    Lateral {
        query: Box<Query>,
        id: RelationId,
    },
    /// The elements of an array, which may be over what stands to its left.
    Each {
        array: Box<Expr>,
        id: RelationId,
    },
    /// The rows that an earlier step of the statement gave.
    Feed {
        feed: usize,
        id: RelationId,
    },
    /// A table-valued function and its result column.
    Series {
        arguments: Vec<Expr>,
        id: RelationId,
    },
    Join {
        kind: JoinKind,
        left: Box<From>,
        right: Box<From>,
        on: Option<Expr>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Insert {
    pub(crate) ctes: Vec<Cte>,
    pub(crate) recursive: bool,
    pub(crate) table: String,
    pub(crate) id: RelationId,
    /// The relation that `excluded` is.
    pub(crate) excluded: RelationId,
    pub(crate) columns: Vec<String>,
    pub(crate) source: InsertSource,
    pub(crate) on_conflict: Option<OnConflict>,
    pub(crate) returning: Vec<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum InsertSource {
    Rows(Vec<Vec<Expr>>),
    /// `SELECT values FROM (query)`: the values refer to the query's columns.
    Query {
        query: Query,
        id: RelationId,
        values: Vec<Expr>,
    },
    DefaultValues,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OnConflict {
    /// Of the target: columns or expressions.
    pub(crate) keys: Vec<Expr>,
    /// A partial index's predicate.
    pub(crate) filter: Option<Expr>,
    pub(crate) update: Option<ConflictUpdate>,
    /// Whether a row might be updated that the statement itself has changed: 21000.
    pub(crate) checks_twice: bool,
}

/// DO UPDATE: the assignments to columns, and WHERE.
pub(crate) type ConflictUpdate = (Vec<(String, Expr)>, Option<Expr>);

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Update {
    pub(crate) ctes: Vec<Cte>,
    pub(crate) recursive: bool,
    pub(crate) table: String,
    pub(crate) id: RelationId,
    pub(crate) assignments: Vec<(String, Expr)>,
    pub(crate) from: Option<From>,
    pub(crate) filter: Option<Expr>,
    pub(crate) returning: Vec<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Delete {
    pub(crate) ctes: Vec<Cte>,
    pub(crate) recursive: bool,
    pub(crate) table: String,
    pub(crate) id: RelationId,
    pub(crate) using: Option<From>,
    pub(crate) filter: Option<Expr>,
    pub(crate) returning: Vec<Expr>,
}

impl Expr {
    pub(crate) fn constant(value: Value, data_type: PgType, position: u32) -> Self {
        Self { kind: ExprKind::Constant(value), data_type, position }
    }

    pub(crate) fn call(
        lowering: Lowering,
        arguments: Vec<Self>,
        result: PgType,
        position: u32,
    ) -> Self {
        Self {
            kind: ExprKind::Call { lowering, arguments, volatile: false, strict: false },
            data_type: result,
            position,
        }
    }

    /// A call that is NULL where an argument is.
    pub(crate) fn strict_call(
        lowering: Lowering,
        arguments: Vec<Self>,
        result: PgType,
        position: u32,
    ) -> Self {
        Self {
            kind: ExprKind::Call { lowering, arguments, volatile: false, strict: true },
            data_type: result,
            position,
        }
    }

    pub(crate) fn is_unknown(&self) -> bool {
        self.data_type.oid == PgType::UNKNOWN.oid
    }

    pub(crate) fn is_null_constant(&self) -> bool {
        matches!(self.kind, ExprKind::Constant(Value::Null))
    }

    pub(crate) fn not_null(&self) -> bool {
        match &self.kind {
            ExprKind::Column(column) => column.not_null,
            ExprKind::Constant(value) => *value != Value::Null,
            ExprKind::Aggregate(aggregate) => aggregate.function == "count",
            _ => false,
        }
    }

    /// Whether both are the same expression, wherever they were written.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let mut left = self.clone();
        let mut right = other.clone();
        left.walk_mut(&mut |expr| expr.position = 0);
        right.walk_mut(&mut |expr| expr.position = 0);
        left == right
    }

    /// Whether it, or a query in it, uses a column of one of these relations.
    pub(crate) fn uses(&self, relations: &[RelationId]) -> bool {
        let own = match &self.kind {
            ExprKind::Column(column) => relations.contains(&column.relation),
            ExprKind::Element { relation, .. } => relations.contains(relation),
            _ => false,
        };
        own || self.children().into_iter().any(|child| child.uses(relations))
            || self.subquery().is_some_and(|query| query.uses(relations))
    }

    /// Replaces every part of the expression, from the outside, that `change` has something for.
    pub(crate) fn replaced(mut self, change: &impl Fn(&Self) -> Option<Self>) -> Self {
        if let Some(other) = change(&self) {
            return other;
        }
        for child in self.children_mut() {
            let taken = std::mem::replace(child, Self::constant(Value::Null, PgType::UNKNOWN, 0));
            *child = taken.replaced(change);
        }
        self
    }

    /// Calls `visit` for this expression and all in it, not into subqueries.
    pub(crate) fn walk_mut(&mut self, visit: &mut impl FnMut(&mut Self)) {
        visit(self);
        for child in self.children_mut() {
            child.walk_mut(visit);
        }
    }

    /// The parts of `a AND b AND c`.
    pub(crate) fn conjuncts(&self) -> Vec<&Self> {
        let (mut parts, mut open) = (Vec::new(), vec![self]);
        while let Some(expr) = open.pop() {
            match &expr.kind {
                ExprKind::And(left, right) => open.extend([right.as_ref(), left]),
                _ => parts.push(expr),
            }
        }
        parts
    }

    /// The expressions directly in this one, subqueries left out.
    pub(crate) fn children(&self) -> Vec<&Self> {
        match &self.kind {
            ExprKind::Constant(_)
            | ExprKind::Unknown(_)
            | ExprKind::Parameter(_)
            | ExprKind::Column(_)
            | ExprKind::Element { .. }
            | ExprKind::Exists(_)
            | ExprKind::Subquery(_)
            | ExprKind::ArrayQuery(_)
            | ExprKind::TakenValue { .. }
            | ExprKind::NextValue { .. } => Vec::new(),
            ExprKind::Call { arguments, .. }
            | ExprKind::Coalesce(arguments)
            | ExprKind::Grouping(arguments)
            | ExprKind::RowInQuery { operand: arguments, .. }
            | ExprKind::RowSubquery { operand: arguments, .. }
            | ExprKind::Extreme { arguments, .. } => arguments.iter().collect(),
            ExprKind::Aggregate(aggregate) => aggregate.children(),
            ExprKind::Row { fields, present, .. } => {
                fields.iter().chain(present.as_deref()).collect()
            }
            ExprKind::And(left, right)
            | ExprKind::Or(left, right)
            | ExprKind::IsDistinct { left, right, .. } => {
                vec![left, right]
            }
            ExprKind::Not(operand)
            | ExprKind::Modifier { operand, .. }
            | ExprKind::IsNull { operand, .. }
            | ExprKind::IsTruth { operand, .. }
            | ExprKind::InQuery { operand, .. }
            | ExprKind::AnyRow { operand, .. }
            | ExprKind::NextValueOfRow { row: operand, .. } => vec![operand],
            ExprKind::Case { branches, otherwise } => {
                let branches = branches.iter().flat_map(|(condition, result)| [condition, result]);
                branches.chain(otherwise.as_deref()).collect()
            }
            ExprKind::Matched { operand, otherwise, .. } => {
                std::iter::once(operand.as_ref()).chain(otherwise.as_deref()).collect()
            }
            ExprKind::InList { operand, list, .. } => {
                std::iter::once(operand.as_ref()).chain(list).collect()
            }
            ExprKind::AnyElement { operand, array, .. } => vec![operand, array],
            ExprKind::Like { operand, pattern, escape, .. } => {
                [operand.as_ref(), pattern.as_ref()].into_iter().chain(escape.as_deref()).collect()
            }
        }
    }

    fn children_mut(&mut self) -> Vec<&mut Self> {
        match &mut self.kind {
            ExprKind::Constant(_)
            | ExprKind::Unknown(_)
            | ExprKind::Parameter(_)
            | ExprKind::Column(_)
            | ExprKind::Element { .. }
            | ExprKind::Exists(_)
            | ExprKind::Subquery(_)
            | ExprKind::ArrayQuery(_)
            | ExprKind::TakenValue { .. }
            | ExprKind::NextValue { .. } => Vec::new(),
            ExprKind::Call { arguments, .. }
            | ExprKind::Coalesce(arguments)
            | ExprKind::Grouping(arguments)
            | ExprKind::RowInQuery { operand: arguments, .. }
            | ExprKind::RowSubquery { operand: arguments, .. }
            | ExprKind::Extreme { arguments, .. } => arguments.iter_mut().collect(),
            ExprKind::Aggregate(aggregate) => aggregate.children_mut(),
            ExprKind::Row { fields, present, .. } => {
                fields.iter_mut().chain(present.as_deref_mut()).collect()
            }
            ExprKind::And(left, right)
            | ExprKind::Or(left, right)
            | ExprKind::IsDistinct { left, right, .. } => {
                vec![left, right]
            }
            ExprKind::Not(operand)
            | ExprKind::Modifier { operand, .. }
            | ExprKind::IsNull { operand, .. }
            | ExprKind::IsTruth { operand, .. }
            | ExprKind::InQuery { operand, .. }
            | ExprKind::AnyRow { operand, .. }
            | ExprKind::NextValueOfRow { row: operand, .. } => vec![operand],
            ExprKind::Case { branches, otherwise } => {
                let branches =
                    branches.iter_mut().flat_map(|(condition, result)| [condition, result]);
                branches.chain(otherwise.as_deref_mut()).collect()
            }
            ExprKind::Matched { operand, otherwise, .. } => {
                std::iter::once(operand.as_mut()).chain(otherwise.as_deref_mut()).collect()
            }
            ExprKind::InList { operand, list, .. } => {
                std::iter::once(operand.as_mut()).chain(list).collect()
            }
            ExprKind::AnyElement { operand, array, .. } => vec![operand, array],
            ExprKind::Like { operand, pattern, escape, .. } => [operand.as_mut(), pattern.as_mut()]
                .into_iter()
                .chain(escape.as_deref_mut())
                .collect(),
        }
    }

    /// The query directly in this expression.
    pub(crate) fn subquery(&self) -> Option<&Query> {
        match &self.kind {
            ExprKind::Exists(query)
            | ExprKind::Subquery(query)
            | ExprKind::RowInQuery { query, .. }
            | ExprKind::RowSubquery { query, .. }
            | ExprKind::AnyRow { query, .. }
            | ExprKind::ArrayQuery(query)
            | ExprKind::InQuery { query, .. } => Some(query),
            _ => None,
        }
    }

    /// Whether an aggregate (not a window function) is in it, subqueries left out.
    pub(crate) fn has_aggregate(&self) -> bool {
        matches!(&self.kind, ExprKind::Aggregate(aggregate) if aggregate.over.is_none())
            || self.children().into_iter().any(Self::has_aggregate)
    }

    pub(crate) fn has_window(&self) -> bool {
        matches!(&self.kind, ExprKind::Aggregate(aggregate) if aggregate.over.is_some())
            || self.children().into_iter().any(Self::has_window)
    }
}

impl Aggregate {
    fn children(&self) -> Vec<&Expr> {
        let order = self.order_by.iter().filter_map(OrderItem::expr);
        let mut all: Vec<&Expr> = self.arguments.iter().chain(&self.filter).chain(order).collect();
        if let Some(over) = &self.over {
            all.extend(&over.partition_by);
            all.extend(over.order_by.iter().filter_map(OrderItem::expr));
        }
        all
    }
}

impl Aggregate {
    fn children_mut(&mut self) -> Vec<&mut Expr> {
        let order = self.order_by.iter_mut().filter_map(OrderItem::expr_mut);
        let mut all: Vec<&mut Expr> =
            self.arguments.iter_mut().chain(self.filter.as_mut()).chain(order).collect();
        if let Some(over) = &mut self.over {
            all.extend(&mut over.partition_by);
            all.extend(over.order_by.iter_mut().filter_map(OrderItem::expr_mut));
        }
        all
    }
}

impl OrderItem {
    fn expr_mut(&mut self) -> Option<&mut Expr> {
        match &mut self.key {
            OrderKey::Expr(expr) => Some(expr),
            OrderKey::Output(_) => None,
        }
    }

    pub(crate) fn expr(&self) -> Option<&Expr> {
        match &self.key {
            OrderKey::Expr(expr) => Some(expr),
            OrderKey::Output(_) => None,
        }
    }
}

impl Query {
    /// Whether a column of one of these relations is used anywhere in it.
    pub(crate) fn uses(&self, relations: &[RelationId]) -> bool {
        let (exprs, queries) = self.parts();
        exprs.into_iter().any(|expr| expr.uses(relations))
            || queries.into_iter().any(|query| query.uses(relations))
    }

    /// All expressions directly in this query, and the queries in its FROM clause and WITH list.
    pub(crate) fn parts(&self) -> (Vec<&Expr>, Vec<&Self>) {
        let mut exprs: Vec<&Expr> = self.order_by.iter().filter_map(OrderItem::expr).collect();
        exprs.extend(self.limit.iter().chain(&self.offset));
        let mut queries: Vec<&Self> = self.ctes.iter().map(|cte| &cte.query).collect();
        match &self.body {
            Body::Select(select) => {
                exprs.extend(
                    select
                        .items
                        .iter()
                        .chain(&select.filter)
                        .chain(&select.group_by)
                        .chain(&select.having),
                );
                if let Distinct::On(keys) = &select.distinct {
                    exprs.extend(keys);
                }
                if let Some(from) = &select.from {
                    from.parts(&mut exprs, &mut queries);
                }
            }
            Body::Values(rows) => exprs.extend(rows.iter().flatten()),
            Body::SetOperation { left, right, .. } => {
                queries.extend([left.as_ref(), right.as_ref()]);
            }
        }
        (exprs, queries)
    }
}

impl From {
    fn parts<'a>(&'a self, exprs: &mut Vec<&'a Expr>, queries: &mut Vec<&'a Query>) {
        match self {
            Self::Table { .. } | Self::Cte { .. } | Self::Session { .. } | Self::Feed { .. } => {}
            Self::Subquery { query, .. } | Self::Lateral { query, .. } => queries.push(query),
            Self::Each { array, .. } => exprs.push(array),
            Self::Series { arguments, .. } => exprs.extend(arguments),
            Self::Join { left, right, on, .. } => {
                exprs.extend(on);
                left.parts(exprs, queries);
                right.parts(exprs, queries);
            }
        }
    }
}
