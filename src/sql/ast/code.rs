//! PL/pgSQL: blocks and their statements (manual, chapter "PL/pgSQL").

use crate::model::error::SqlState;
use crate::sql::ast::{Expr, Name, Statement};

/// `BEGIN ... EXCEPTION ... END`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Block {
    pub(crate) body: Vec<Code>,
    pub(crate) handlers: Vec<Handler>,
}

/// `WHEN condition OR ... THEN statements`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Handler {
    pub(crate) conditions: Vec<Condition>,
    pub(crate) body: Vec<Code>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// OTHERS.
    Any,
    State(SqlState),
    /// A class: the first two characters, such as `integrity_constraint_violation`.
    Class([u8; 2]),
}

/// A statement of PL/pgSQL.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Code {
    /// `target := value`.
    Assign {
        target: Vec<Name>,
        value: Expr,
        position: u32,
    },
    /// IF and ELSIF with their conditions, ELSE.
    If {
        branches: Vec<(Expr, Vec<Code>)>,
        otherwise: Vec<Code>,
    },
    /// `RETURN`, with a value or without.
    Return(Option<Expr>),
    Raise(Raise),
    /// A statement in SQL.
    Sql(Box<Statement>),
    /// PERFORM.
    Perform(Box<crate::sql::ast::Query>),
    /// EXECUTE of a constant, which has been parsed.
    Execute(Vec<Statement>),
    Null,
    Block(Block),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// DEBUG, LOG, INFO, NOTICE, WARNING by their names.
    Message(&'static str),
    Exception,
}

/// RAISE.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Raise {
    pub(crate) level: Level,
    /// With `%` for each argument.
    pub(crate) format: String,
    pub(crate) arguments: Vec<Expr>,
    pub(crate) state: Option<SqlState>,
    pub(crate) detail: Option<Expr>,
    pub(crate) hint: Option<Expr>,
}
