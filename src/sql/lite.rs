//! SQLite's syntax tree, as much of it as lowering writes. Turned into text by `render` alone.

use crate::sql::ast::JoinKind;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
    /// `?n`, from 1.
    Parameter(usize),
    Column {
        table: Option<String>,
        name: String,
    },
    /// `*`, in a list of results.
    Star,
    Prefix(&'static str, Box<Expr>),
    Infix(Box<Expr>, &'static str, Box<Expr>),
    IsNull {
        operand: Box<Expr>,
        negated: bool,
    },
    Call(Box<Call>),
    Cast(Box<Expr>, &'static str),
    Collate(Box<Expr>, &'static str),
    Case {
        /// What the branches' first expressions are compared with; else they are conditions.
        operand: Option<Box<Expr>>,
        branches: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    /// `(a, b)`.
    Row(Vec<Expr>),
    In {
        operand: Box<Expr>,
        list: Vec<Expr>,
        negated: bool,
    },
    InQuery {
        operand: Box<Expr>,
        query: Box<Query>,
        negated: bool,
    },
    Exists(Box<Query>),
    Subquery(Box<Query>),
    /// `RAISE(IGNORE)`.
    Ignore,
}

impl Expr {
    /// Whether SQLite finds a collation in it.
    pub(crate) fn has_collation(&self) -> bool {
        let any = |all: &[Self]| all.iter().any(Self::has_collation);
        match self {
            Self::Collate(..) => true,
            Self::Prefix(_, operand)
            | Self::IsNull { operand, .. }
            | Self::InQuery { operand, .. }
            | Self::Cast(operand, _) => operand.has_collation(),
            Self::Infix(left, _, right) => left.has_collation() || right.has_collation(),
            Self::Call(call) => any(&call.arguments),
            Self::Case { operand, branches, otherwise } => {
                let ends = operand.iter().chain(otherwise).any(|part| part.has_collation());
                ends || branches
                    .iter()
                    .any(|(when, then)| when.has_collation() || then.has_collation())
            }
            Self::Row(items) => any(items),
            Self::In { operand, list, .. } => operand.has_collation() || any(list),
            Self::Null
            | Self::Integer(_)
            | Self::Real(_)
            | Self::Text(_)
            | Self::Blob(_)
            | Self::Parameter(_)
            | Self::Column { .. }
            | Self::Star
            | Self::Exists(_)
            | Self::Subquery(_)
            | Self::Ignore => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) star: bool,
    pub(crate) distinct: bool,
    pub(crate) arguments: Vec<Expr>,
    pub(crate) order_by: Vec<Order>,
    pub(crate) filter: Option<Box<Expr>>,
    pub(crate) over: Option<Window>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Window {
    pub(crate) partition_by: Vec<Expr>,
    pub(crate) order_by: Vec<Order>,
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
    Preceding(Expr),
    CurrentRow,
    Following(Expr),
    UnboundedFollowing,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    pub(crate) expr: Expr,
    pub(crate) descending: bool,
    pub(crate) nulls_first: Option<bool>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub(crate) with: With,
    pub(crate) body: Body,
    pub(crate) order_by: Vec<Order>,
    pub(crate) limit: Option<Expr>,
    pub(crate) offset: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct With {
    pub(crate) recursive: bool,
    pub(crate) ctes: Vec<Cte>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cte {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    pub(crate) materialized: Option<bool>,
    pub(crate) query: Query,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    Select(Box<Select>),
    Values(Vec<Vec<Expr>>),
    Compound { left: Box<Query>, op: &'static str, right: Box<Query> },
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Select {
    pub(crate) distinct: bool,
    /// Expressions with the names that they have where this stands in FROM.
    pub(crate) items: Vec<(Expr, Option<String>)>,
    pub(crate) from: Option<From>,
    pub(crate) filter: Option<Expr>,
    pub(crate) group_by: Vec<Expr>,
    pub(crate) having: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum From {
    Table {
        name: String,
        alias: String,
    },
    Subquery {
        query: Box<Query>,
        alias: String,
    },
    /// A table-valued function.
    Function {
        name: &'static str,
        arguments: Vec<Expr>,
        alias: Option<String>,
    },
    Join {
        kind: JoinKind,
        left: Box<From>,
        right: Box<From>,
        on: Option<Expr>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Statement {
    Query(Query),
    Insert(Insert),
    Update(Update),
    Delete(Delete),
    CreateTable(CreateTable),
    CreateIndex(CreateIndex),
    CreateView {
        name: String,
        columns: Vec<String>,
        query: Query,
    },
    CreateTrigger(Box<CreateTrigger>),
    /// If it is there.
    DropTrigger(String),
    AlterTable {
        table: String,
        change: Alter,
    },
    /// Gives a table another definition without looking at its rows; part of [`Self::Unchecked`].
    SetDefinition(CreateTable),
    Drop {
        what: &'static str,
        name: String,
    },
    Analyze(Option<String>),
    Reindex(Option<String>),
    /// Runs a statement without foreign keys, triggers and what guards the schema.
    Unchecked(Box<Statement>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Insert {
    pub(crate) with: With,
    pub(crate) table: String,
    pub(crate) alias: Option<String>,
    pub(crate) columns: Vec<String>,
    /// `None`: DEFAULT VALUES.
    pub(crate) source: Option<Query>,
    pub(crate) on_conflict: Option<OnConflict>,
    pub(crate) returning: Vec<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OnConflict {
    pub(crate) keys: Vec<Expr>,
    pub(crate) filter: Option<Expr>,
    /// `None`: DO NOTHING.
    pub(crate) update: Option<ConflictUpdate>,
}

/// DO UPDATE: the assignments to columns, and WHERE.
pub(crate) type ConflictUpdate = (Vec<(String, Expr)>, Option<Expr>);

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Update {
    pub(crate) with: With,
    pub(crate) table: String,
    pub(crate) alias: Option<String>,
    pub(crate) assignments: Vec<(String, Expr)>,
    pub(crate) from: Option<From>,
    pub(crate) filter: Option<Expr>,
    pub(crate) returning: Vec<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Delete {
    pub(crate) with: With,
    pub(crate) table: String,
    pub(crate) alias: Option<String>,
    pub(crate) filter: Option<Expr>,
    pub(crate) returning: Vec<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ColumnDef {
    pub(crate) name: String,
    /// One of STRICT's types.
    pub(crate) storage: &'static str,
    pub(crate) collation: Option<&'static str>,
    pub(crate) not_null: bool,
    pub(crate) primary_key: bool,
    pub(crate) default: Option<Expr>,
    /// GENERATED ALWAYS AS (...) STORED.
    pub(crate) generated: Option<Expr>,
}

impl ColumnDef {
    /// A column without rules.
    pub(crate) fn plain(name: &str, storage: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            storage,
            collation: None,
            not_null: false,
            primary_key: false,
            default: None,
            generated: None,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Constraint {
    pub(crate) name: String,
    pub(crate) kind: ConstraintKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ConstraintKind {
    Check(Expr),
    ForeignKey {
        columns: Vec<String>,
        table: String,
        foreign_columns: Vec<String>,
        on_delete: Option<&'static str>,
        on_update: Option<&'static str>,
        deferrable: bool,
        initially_deferred: bool,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CreateTable {
    pub(crate) name: String,
    pub(crate) columns: Vec<ColumnDef>,
    pub(crate) constraints: Vec<Constraint>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CreateTrigger {
    pub(crate) name: String,
    /// BEFORE, AFTER, INSTEAD OF.
    pub(crate) timing: &'static str,
    pub(crate) event: &'static str,
    /// UPDATE OF.
    pub(crate) columns: Vec<String>,
    pub(crate) table: String,
    pub(crate) condition: Option<Expr>,
    pub(crate) body: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CreateIndex {
    pub(crate) name: String,
    pub(crate) table: String,
    pub(crate) unique: bool,
    pub(crate) keys: Vec<(Expr, bool)>,
    pub(crate) filter: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Alter {
    AddColumn(ColumnDef),
    DropColumn(String),
    RenameColumn(String, String),
    RenameTable(String),
    SetNotNull(String),
    DropNotNull(String),
}

impl Expr {
    pub(crate) fn call(name: &'static str, arguments: Vec<Self>) -> Self {
        Self::Call(Box::new(Call { name, arguments, ..Call::default() }))
    }

    pub(crate) fn infix(left: Self, op: &'static str, right: Self) -> Self {
        Self::Infix(Box::new(left), op, Box::new(right))
    }

    pub(crate) fn column(name: &str) -> Self {
        Self::Column { table: None, name: name.to_owned() }
    }

    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Query {
    pub(crate) fn new(body: Body) -> Self {
        Self { with: With::default(), body, order_by: Vec::new(), limit: None, offset: None }
    }

    pub(crate) fn select(select: Select) -> Self {
        Self::new(Body::Select(Box::new(select)))
    }
}
