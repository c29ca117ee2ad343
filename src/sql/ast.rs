//! The front end's own syntax tree: what a statement says, before any name has a meaning.
//!
//! The binder sees this tree only, so that the parser in front of it can be replaced. Identifiers
//! are already folded; positions count characters of the whole text from 1, and 0 is "unknown".

use crate::sql::{CopyOptions, FetchCount, LockWait, SettingValue, TransactionModes};

/// An identifier after folding to lower case (unless it was quoted).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) position: u32,
}

/// `a`, `a.b` or `a.b.c`. Never empty.
pub(crate) type QualifiedName = Vec<Name>;

/// A type as it was written: `varchar(10)[]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TypeName {
    pub(crate) name: QualifiedName,
    pub(crate) modifiers: Vec<i64>,
    pub(crate) array: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) position: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ExprKind {
    Column(QualifiedName),
    Null,
    Boolean(bool),
    /// A number as it was written.
    Number(String),
    String(String),
    /// `B'101'`, `X'1F'`.
    Bits,
    /// `$n`.
    Parameter(usize),
    Unary {
        op: String,
        operand: Box<Expr>,
    },
    Binary {
        op: String,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    IsNull {
        operand: Box<Expr>,
        negated: bool,
    },
    /// IS TRUE, IS FALSE, IS UNKNOWN (`None`).
    IsTruth {
        operand: Box<Expr>,
        value: Option<bool>,
        negated: bool,
    },
    IsDistinct {
        left: Box<Expr>,
        right: Box<Expr>,
        negated: bool,
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
    Between {
        operand: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
        negated: bool,
    },
    Like {
        operand: Box<Expr>,
        pattern: Box<Expr>,
        escape: Option<Box<Expr>>,
        negated: bool,
        fold: bool,
    },
    /// `left op ANY (right)` or `ALL`; `right` is an array or a subquery.
    Quantified {
        left: Box<Expr>,
        op: String,
        all: bool,
        right: Box<Expr>,
    },
    Cast {
        operand: Box<Expr>,
        target: TypeName,
    },
    Call(Call),
    Case {
        operand: Option<Box<Expr>>,
        branches: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    Exists(Box<Query>),
    Subquery(Box<Query>),
    ArraySubquery(Box<Query>),
    Row(Vec<Expr>),
    Array(Vec<Expr>),
    Collate {
        operand: Box<Expr>,
        collation: QualifiedName,
    },
    /// DEFAULT, in VALUES and SET only.
    Default,
}

/// A function call, and what SQL writes as one with syntax of its own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) name: QualifiedName,
    pub(crate) arguments: Vec<Expr>,
    /// `count(*)`.
    pub(crate) star: bool,
    pub(crate) distinct: bool,
    pub(crate) order_by: Vec<OrderItem>,
    pub(crate) filter: Option<Box<Expr>>,
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
    /// ROWS, RANGE or GROUPS.
    pub(crate) unit: &'static str,
    pub(crate) start: FrameBound,
    pub(crate) end: FrameBound,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FrameBound {
    UnboundedPreceding,
    Preceding(Box<Expr>),
    CurrentRow,
    Following(Box<Expr>),
    UnboundedFollowing,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OrderItem {
    pub(crate) expr: Expr,
    pub(crate) descending: bool,
    pub(crate) nulls_first: Option<bool>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub(crate) recursive: bool,
    pub(crate) ctes: Vec<Cte>,
    pub(crate) body: QueryBody,
    pub(crate) order_by: Vec<OrderItem>,
    pub(crate) limit: Option<Expr>,
    pub(crate) offset: Option<Expr>,
    pub(crate) locking: Option<LockWait>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cte {
    pub(crate) name: Name,
    pub(crate) columns: Vec<Name>,
    pub(crate) query: Query,
    pub(crate) materialized: Option<bool>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum QueryBody {
    Select(Box<Select>),
    Values(Vec<Vec<Expr>>),
    SetOperation { op: SetOp, all: bool, left: Box<Query>, right: Box<Query>, position: u32 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetOp {
    Union,
    Except,
    Intersect,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Select {
    pub(crate) distinct: bool,
    pub(crate) items: Vec<SelectItem>,
    pub(crate) from: Vec<FromItem>,
    pub(crate) filter: Option<Expr>,
    pub(crate) group_by: Vec<Expr>,
    pub(crate) having: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SelectItem {
    Expr {
        expr: Expr,
        alias: Option<Name>,
    },
    /// `*`, or `t.*`.
    Wildcard {
        relation: Option<QualifiedName>,
        position: u32,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alias {
    pub(crate) name: Name,
    pub(crate) columns: Vec<Name>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FromItem {
    Table { name: QualifiedName, alias: Option<Alias> },
    Function { call: Call, alias: Option<Alias>, position: u32 },
    Subquery { query: Box<Query>, alias: Option<Alias>, lateral: bool, position: u32 },
    Join { kind: JoinKind, left: Box<FromItem>, right: Box<FromItem>, condition: JoinCondition },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum JoinCondition {
    /// CROSS JOIN.
    None,
    On(Expr),
    Using(Vec<Name>),
    Natural,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Insert {
    pub(crate) ctes: Vec<Cte>,
    pub(crate) recursive: bool,
    pub(crate) table: QualifiedName,
    pub(crate) alias: Option<Name>,
    pub(crate) columns: Vec<Name>,
    /// `None`: DEFAULT VALUES.
    pub(crate) source: Option<Query>,
    pub(crate) on_conflict: Option<OnConflict>,
    pub(crate) returning: Vec<SelectItem>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OnConflict {
    pub(crate) target: ConflictTarget,
    /// `None`: DO NOTHING.
    pub(crate) update: Option<(Vec<Assignment>, Option<Expr>)>,
    pub(crate) position: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ConflictTarget {
    Any,
    Columns(Vec<Name>),
    Constraint(Name),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Assignment {
    pub(crate) columns: Vec<Name>,
    pub(crate) value: Expr,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Update {
    pub(crate) ctes: Vec<Cte>,
    pub(crate) recursive: bool,
    pub(crate) table: QualifiedName,
    pub(crate) alias: Option<Name>,
    pub(crate) assignments: Vec<Assignment>,
    pub(crate) from: Vec<FromItem>,
    pub(crate) filter: Option<Expr>,
    pub(crate) returning: Vec<SelectItem>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Delete {
    pub(crate) ctes: Vec<Cte>,
    pub(crate) recursive: bool,
    pub(crate) table: QualifiedName,
    pub(crate) alias: Option<Name>,
    pub(crate) using: Vec<FromItem>,
    pub(crate) filter: Option<Expr>,
    pub(crate) returning: Vec<SelectItem>,
}

/// An expression and its text, for what the catalog records.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SourceExpr {
    pub(crate) expr: Expr,
    pub(crate) text: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ColumnDefinition {
    pub(crate) name: Name,
    pub(crate) data_type: TypeName,
    pub(crate) not_null: bool,
    pub(crate) default: Option<SourceExpr>,
    /// GENERATED ALWAYS (true) or BY DEFAULT (false) AS IDENTITY.
    pub(crate) identity: Option<bool>,
    pub(crate) constraints: Vec<TableConstraint>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableConstraint {
    pub(crate) name: Option<Name>,
    pub(crate) kind: ConstraintKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ConstraintKind {
    PrimaryKey(Vec<Name>),
    Unique(Vec<Name>),
    Check(SourceExpr),
    ForeignKey(ForeignKey),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ForeignKey {
    pub(crate) columns: Vec<Name>,
    pub(crate) table: QualifiedName,
    pub(crate) foreign_columns: Vec<Name>,
    /// SQL of the actions: `CASCADE`, `SET NULL` ...
    pub(crate) on_delete: Option<&'static str>,
    pub(crate) on_update: Option<&'static str>,
    pub(crate) deferrable: bool,
    pub(crate) initially_deferred: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CreateTable {
    pub(crate) name: QualifiedName,
    pub(crate) if_not_exists: bool,
    pub(crate) columns: Vec<ColumnDefinition>,
    pub(crate) constraints: Vec<TableConstraint>,
    /// CREATE TABLE AS.
    pub(crate) query: Option<Query>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CreateIndex {
    pub(crate) name: Option<Name>,
    pub(crate) table: QualifiedName,
    pub(crate) unique: bool,
    pub(crate) if_not_exists: bool,
    pub(crate) keys: Vec<OrderItem>,
    pub(crate) filter: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AlterAction {
    AddConstraint(TableConstraint),
    AddColumn {
        column: ColumnDefinition,
        if_not_exists: bool,
    },
    DropColumn {
        name: Name,
        if_exists: bool,
        cascade: bool,
    },
    DropConstraint {
        name: Name,
        if_exists: bool,
    },
    RenameColumn {
        from: Name,
        to: Name,
    },
    RenameTable {
        to: Name,
    },
    SetNotNull {
        column: Name,
    },
    DropNotNull {
        column: Name,
    },
    SetDefault {
        column: Name,
        default: Option<SourceExpr>,
    },
    /// OWNER TO: everything belongs to the one role there is.
    Owner,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DropKind {
    Table,
    Index,
    Sequence,
    View,
}

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Statement {
    Query(Box<Query>),
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
    CreateTable(Box<CreateTable>),
    CreateIndex(Box<CreateIndex>),
    AlterTable {
        name: QualifiedName,
        if_exists: bool,
        actions: Vec<AlterAction>,
    },
    CreateSequence {
        name: QualifiedName,
        if_not_exists: bool,
        start: i64,
        increment: i64,
    },
    Drop {
        kind: DropKind,
        names: Vec<QualifiedName>,
        if_exists: bool,
        cascade: bool,
    },
    Truncate {
        names: Vec<QualifiedName>,
        restart_identity: bool,
        cascade: bool,
    },
    Begin {
        modes: TransactionModes,
    },
    Commit,
    Rollback,
    Savepoint(Name),
    RollbackTo(Name),
    Release(Name),
    SetTransaction {
        session: bool,
        modes: TransactionModes,
    },
    Set {
        name: String,
        value: SettingValue,
        local: bool,
    },
    Show {
        name: String,
    },
    Reset {
        name: Option<String>,
    },
    DiscardAll,
    Copy(Box<Copy>),
    CreateDatabase {
        name: Name,
        if_not_exists: bool,
    },
    DropDatabase {
        name: Name,
        if_exists: bool,
        force: bool,
    },
    Vacuum {
        analyze: bool,
        tables: Vec<QualifiedName>,
    },
    Analyze {
        tables: Vec<QualifiedName>,
    },
    Checkpoint,
    Prepare {
        name: Name,
        types: Vec<TypeName>,
        statement: Box<crate::sql::Parsed>,
    },
    Execute {
        name: Name,
        arguments: Vec<Expr>,
    },
    Deallocate {
        name: Option<Name>,
    },
    Declare {
        name: Name,
        query: Box<crate::sql::Parsed>,
        hold: bool,
    },
    Fetch {
        name: Name,
        count: FetchCount,
        move_only: bool,
    },
    CloseCursor {
        name: Option<Name>,
    },
    /// Valid PostgreSQL that is not supported: refused with 0A000 when it is compiled.
    Unsupported(crate::model::error::Error),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Copy {
    pub(crate) source: CopySource,
    pub(crate) from: bool,
    pub(crate) options: CopyOptions,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CopySource {
    Table { name: QualifiedName, columns: Vec<Name> },
    Query(Query),
}
