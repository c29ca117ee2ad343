//! The front end's own syntax tree: what a statement says, before any name has a meaning.
//!
//! The binder sees this tree only, so that the parser in front of it can be replaced. Identifiers
//! are already folded; positions count characters of the whole text from 1, and 0 is "unknown".

mod access;
mod code;
mod definition;
mod routine;

use crate::datum::xml::Shape;
use crate::model::pg_type::PgType;
use crate::sql::{
    CopyOptions, CursorOptions, Discard, ExplainOptions, FetchCount, LockWait, SettingValue,
    TransactionModes,
};

pub(crate) use access::*;
pub(crate) use code::*;
pub(crate) use definition::*;
pub(crate) use routine::*;

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

/// What is done with XML.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum XmlForm {
    Parse { shape: Shape, preserve: bool },
    Serialize { shape: Shape, target: TypeName },
    IsDocument { negated: bool },
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
    Bits(String),
    /// XMLPARSE, XMLSERIALIZE, IS DOCUMENT.
    Xml {
        form: XmlForm,
        operand: Box<Expr>,
    },
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
    /// `array[i]`, `array[a:b]`, `json['key']`.
    Subscript {
        operand: Box<Expr>,
        subscript: Box<Subscript>,
    },
    /// `(row).field`.
    Field {
        operand: Box<Expr>,
        name: Name,
    },
    /// `t.*` where a value is wanted: the whole row.
    WholeRow(QualifiedName),
    /// `(row).*`, in select lists and row constructors.
    Expand(Box<Expr>),
    /// `name => value` in an argument list.
    NamedArgument {
        name: Name,
        value: Box<Expr>,
    },
    Collate {
        operand: Box<Expr>,
        collation: QualifiedName,
    },
    /// DEFAULT, in VALUES and SET only.
    Default,
}

/// A function call, and what SQL writes as one with syntax of its own.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word that stands in the call or not")]
pub(crate) struct Call {
    pub(crate) name: QualifiedName,
    pub(crate) arguments: Vec<Expr>,
    /// `count(*)`.
    pub(crate) star: bool,
    pub(crate) distinct: bool,
    /// Its arguments have words between them: `TRIM(BOTH FROM x)`, `x AT TIME ZONE y`.
    pub(crate) sql_syntax: bool,
    /// VARIADIC stands before the last argument.
    pub(crate) variadic: bool,
    pub(crate) order_by: Vec<OrderItem>,
    /// ORDER BY stands in WITHIN GROUP.
    pub(crate) within_group: bool,
    pub(crate) filter: Option<Box<Expr>>,
    pub(crate) over: Option<Window>,
}

/// What stands in brackets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Subscript {
    Index(Expr),
    Slice { lower: Option<Expr>, upper: Option<Expr> },
}

impl Call {
    /// `name(arguments)`.
    pub(crate) fn plain(name: QualifiedName, arguments: Vec<Expr>) -> Self {
        Self { name, arguments, ..Self::default() }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Window {
    /// The named window that this one is (`OVER w`) or adds to (`OVER (w ...)`).
    pub(crate) base: Option<Name>,
    /// `OVER w`, without parentheses.
    pub(crate) whole: bool,
    pub(crate) partition_by: Vec<Expr>,
    pub(crate) order_by: Vec<OrderItem>,
    pub(crate) frame: Option<Frame>,
    pub(crate) position: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    /// ROWS, RANGE or GROUPS.
    pub(crate) unit: &'static str,
    pub(crate) start: FrameBound,
    pub(crate) end: FrameBound,
    /// What EXCLUDE leaves out: `CURRENT ROW`, `GROUP`, `TIES`.
    pub(crate) exclude: Option<&'static str>,
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
    /// FETCH FIRST ... WITH TIES.
    pub(crate) with_ties: bool,
    pub(crate) locking: Vec<Locking>,
}

impl Query {
    pub(crate) fn plain(body: QueryBody) -> Self {
        Self {
            recursive: false,
            ctes: Vec::new(),
            body,
            order_by: Vec::new(),
            limit: None,
            offset: None,
            with_ties: false,
            locking: Vec::new(),
        }
    }

    pub(crate) fn select(select: Select) -> Self {
        Self::plain(QueryBody::Select(Box::new(select)))
    }

    /// Whether it is its body alone.
    pub(crate) fn is_bare(&self) -> bool {
        self.ctes.is_empty()
            && self.order_by.is_empty()
            && self.limit.is_none()
            && self.offset.is_none()
            && self.locking.is_empty()
    }
}

/// FOR UPDATE and the like.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Locking {
    /// As it is written: `FOR UPDATE`, `FOR NO KEY UPDATE` ...
    pub(crate) strength: &'static str,
    /// OF: the tables; none for all.
    pub(crate) tables: Vec<QualifiedName>,
    pub(crate) wait: LockWait,
    pub(crate) position: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cte {
    pub(crate) name: Name,
    pub(crate) columns: Vec<Name>,
    pub(crate) body: CteBody,
    pub(crate) materialized: Option<bool>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CteBody {
    Query(Box<Query>),
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum QueryBody {
    Select(Box<Select>),
    Values(Vec<Vec<Expr>>),
    /// A query in parentheses that has clauses of its own.
    Nested(Box<Query>),
    SetOperation {
        op: SetOp,
        all: bool,
        left: Box<Query>,
        right: Box<Query>,
        position: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetOp {
    Union,
    Except,
    Intersect,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Select {
    pub(crate) distinct: Distinct,
    pub(crate) items: Vec<SelectItem>,
    pub(crate) from: Vec<FromItem>,
    pub(crate) filter: Option<Expr>,
    pub(crate) group_by: Vec<GroupItem>,
    /// GROUP BY DISTINCT: grouping sets that come several times count once.
    pub(crate) group_distinct: bool,
    pub(crate) having: Option<Expr>,
    pub(crate) windows: Vec<(Name, Window)>,
}

impl Select {
    /// `SELECT items FROM from`.
    pub(crate) fn plain(items: Vec<SelectItem>, from: Vec<FromItem>) -> Self {
        Self { items, from, ..Self::default() }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Distinct {
    /// Not at all.
    #[default]
    All,
    Rows,
    On(Vec<Expr>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum GroupItem {
    Expr(Expr),
    /// `()`.
    Empty,
    Sets(Vec<GroupItem>),
    /// Its elements: each an expression, or several in parentheses.
    Rollup(Vec<Vec<Expr>>),
    Cube(Vec<Vec<Expr>>),
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
    /// `(row).*`.
    Expand(Expr),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alias {
    pub(crate) name: Name,
    pub(crate) columns: Vec<Name>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FromItem {
    Table {
        name: QualifiedName,
        alias: Option<Alias>,
    },
    Function(Box<TableFunction>),
    Subquery {
        query: Box<Query>,
        alias: Option<Alias>,
        lateral: bool,
        position: u32,
    },
    Join {
        kind: JoinKind,
        left: Box<FromItem>,
        right: Box<FromItem>,
        condition: JoinCondition,
        alias: Option<Alias>,
    },
}

/// A function in FROM, or several (ROWS FROM).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableFunction {
    /// Each with its own column definition list.
    pub(crate) functions: Vec<(Expr, Vec<ColumnType>)>,
    pub(crate) ordinality: bool,
    pub(crate) alias: Option<Alias>,
    pub(crate) position: u32,
}

/// An entry of a column definition list: `AS t(name type, ...)`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ColumnType {
    pub(crate) name: Name,
    pub(crate) data_type: TypeName,
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
    /// The columns, and the name that they have together.
    Using(Vec<Name>, Option<Name>),
    Natural,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Insert {
    pub(crate) ctes: Vec<Cte>,
    pub(crate) recursive: bool,
    pub(crate) table: QualifiedName,
    pub(crate) alias: Option<Name>,
    pub(crate) columns: Vec<Target>,
    pub(crate) overriding: Option<Overriding>,
    /// `None`: DEFAULT VALUES.
    pub(crate) source: Option<Query>,
    pub(crate) on_conflict: Option<OnConflict>,
    pub(crate) returning: Vec<SelectItem>,
}

/// OVERRIDING SYSTEM VALUE, OVERRIDING USER VALUE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overriding {
    System,
    User,
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
    /// Columns or expressions, and the predicate of a partial index.
    Keys {
        keys: Vec<Expr>,
        filter: Option<Expr>,
    },
    Constraint(Name),
}

/// A column that is given a value, or a part of one: `a`, `a.b.c`, `a[1]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    pub(crate) column: Name,
    pub(crate) fields: Vec<Name>,
    /// Behind the fields: `a[1][2]`, `a.b[2:3]`.
    pub(crate) subscripts: Vec<Subscript>,
}

impl Target {
    pub(crate) fn plain(column: Name) -> Self {
        Self { column, fields: Vec::new(), subscripts: Vec::new() }
    }

    /// Whether it is the column, and not a part of its value.
    pub(crate) fn is_whole(&self) -> bool {
        self.fields.is_empty() && self.subscripts.is_empty()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Assignment {
    pub(crate) columns: Vec<Target>,
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
    /// WHERE CURRENT OF.
    pub(crate) cursor: Option<Name>,
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
    /// WHERE CURRENT OF.
    pub(crate) cursor: Option<Name>,
    pub(crate) returning: Vec<SelectItem>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Merge {
    pub(crate) ctes: Vec<Cte>,
    pub(crate) recursive: bool,
    pub(crate) table: QualifiedName,
    pub(crate) alias: Option<Name>,
    pub(crate) source: FromItem,
    pub(crate) condition: Expr,
    pub(crate) clauses: Vec<MergeClause>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MergeClause {
    pub(crate) matched: bool,
    pub(crate) condition: Option<Expr>,
    pub(crate) action: MergeAction,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum MergeAction {
    Nothing,
    Delete,
    Update(Vec<Assignment>),
    /// `values` of `None`: DEFAULT VALUES.
    Insert {
        columns: Vec<Target>,
        overriding: Option<Overriding>,
        values: Option<Vec<Expr>>,
    },
}

/// An expression and its text, for what the catalog records.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SourceExpr {
    pub(crate) expr: Expr,
    pub(crate) text: String,
}

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Statement {
    Query(Box<Query>),
    /// `$1` as an assignment to a variable of this type makes it.
    Convert(PgType),
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
    Merge(Box<Merge>),
    Define(Box<Definition>),
    Begin {
        modes: TransactionModes,
        tag: &'static str,
    },
    Commit {
        chain: bool,
    },
    Rollback {
        chain: bool,
    },
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
    Discard(Discard),
    SetConstraints {
        /// `None`: ALL.
        names: Option<Vec<QualifiedName>>,
        deferred: bool,
    },
    Lock {
        tables: Vec<QualifiedName>,
        exclusive: bool,
        no_wait: bool,
    },
    Listen(Name),
    /// `None`: `*`.
    Unlisten(Option<Name>),
    Notify {
        channel: Name,
        payload: String,
    },
    Explain {
        options: ExplainOptions,
        statement: Box<crate::sql::Parsed>,
    },
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
        /// All that the client sent.
        text: String,
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
        options: CursorOptions,
    },
    Fetch {
        name: Name,
        count: FetchCount,
        move_only: bool,
    },
    CloseCursor {
        name: Option<Name>,
    },
    /// DO.
    Do(Box<Block>),
    /// CALL.
    Call(Box<Call>),
    /// Valid PostgreSQL that is not supported: refused with 0A000 when it is compiled.
    Unsupported(crate::model::error::Error),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Copy {
    pub(crate) source: CopySource,
    pub(crate) from: bool,
    pub(crate) options: CopyOptions,
    /// WHERE, of COPY FROM.
    pub(crate) filter: Option<Expr>,
    /// FORCE_QUOTE, FORCE_NOT_NULL, FORCE_NULL.
    pub(crate) force: [Forced; 3],
}

/// The columns that an option of COPY is for.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Forced {
    #[default]
    None,
    All,
    Columns(Vec<Name>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CopySource {
    Table { name: QualifiedName, columns: Vec<Name> },
    Query(Query),
}
