//! PL/pgSQL: blocks and their statements (manual, chapter "PL/pgSQL").

use crate::model::error::SqlState;
use crate::sql::Diagnostic;
use crate::sql::ast::{Expr, QualifiedName, Query, Statement, TypeName};

/// `DECLARE ... BEGIN ... EXCEPTION ... END`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Block {
    pub(crate) label: Option<String>,
    /// In the body, from 1.
    pub(crate) line: u32,
    pub(crate) declarations: Vec<Declaration>,
    pub(crate) body: Vec<CodeLine>,
    pub(crate) handlers: Vec<Handler>,
}

/// `name [CONSTANT] type [NOT NULL] [:= default]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Declaration {
    pub(crate) name: String,
    pub(crate) constant: bool,
    pub(crate) data_type: VariableType,
    pub(crate) not_null: bool,
    pub(crate) default: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum VariableType {
    Named(TypeName),
    /// `record`.
    Record,
    /// `%TYPE`: of a variable, or of a table's column.
    Same(QualifiedName),
    /// `%ROWTYPE`: of a table.
    Row(QualifiedName),
}

/// `WHEN condition OR ... THEN statements`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Handler {
    pub(crate) conditions: Vec<Condition>,
    pub(crate) body: Vec<CodeLine>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// OTHERS.
    Any,
    State(SqlState),
    /// A class: the first two characters, such as `integrity_constraint_violation`.
    Class([u8; 2]),
}

/// A statement with its place in the body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CodeLine {
    /// From 1.
    pub(crate) line: u32,
    /// Of what is given to SQL: the statement as it was written.
    pub(crate) text: String,
    pub(crate) code: Code,
}

/// A statement of PL/pgSQL.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Code {
    /// `target := value`.
    Assign {
        target: QualifiedName,
        value: Expr,
    },
    /// IF and ELSIF with their conditions, ELSE. CASE is one, too.
    If {
        branches: Vec<(Expr, Vec<CodeLine>)>,
        otherwise: Vec<CodeLine>,
    },
    Loop(Loop),
    /// EXIT, or (`again`) CONTINUE.
    Exit {
        label: Option<String>,
        condition: Option<Expr>,
        again: bool,
    },
    /// `RETURN`, with a value or without.
    Return(Option<Expr>),
    /// `RETURN NEXT`, likewise.
    ReturnNext(Option<Expr>),
    ReturnQuery(Box<Query>),
    Raise(Raise),
    /// RAISE by itself: the error that is being handled.
    Reraise,
    /// A statement in SQL.
    Sql(Box<Statement>),
    /// One whose first row goes into variables.
    Into(Box<Statement>, Targets),
    /// PERFORM.
    Perform(Box<Query>),
    Execute(Execute),
    /// GET DIAGNOSTICS, GET STACKED DIAGNOSTICS: variables, and what goes into them.
    Diagnostics(Vec<(QualifiedName, Diagnostic)>),
    Null,
    Block(Block),
}

/// Where the first row of a statement goes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Targets {
    pub(crate) variables: Vec<QualifiedName>,
    /// There has to be one row.
    pub(crate) strict: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Loop {
    pub(crate) label: Option<String>,
    pub(crate) kind: LoopKind,
    pub(crate) body: Vec<CodeLine>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LoopKind {
    Forever,
    While(Expr),
    /// `FOR variable IN [REVERSE] from .. to [BY step]`.
    Numbers {
        variable: String,
        from: Expr,
        to: Expr,
        step: Option<Expr>,
        reverse: bool,
    },
    /// `FOR variables IN query`.
    Rows {
        variables: Vec<QualifiedName>,
        query: Box<Statement>,
    },
    /// `FOR variables IN EXECUTE text`.
    Execute {
        variables: Vec<QualifiedName>,
        execute: Execute,
    },
    /// `FOREACH variable IN ARRAY value`.
    Elements {
        variable: QualifiedName,
        array: Expr,
    },
}

/// EXECUTE: a text that is parsed when its turn comes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Execute {
    pub(crate) text: Expr,
    pub(crate) into: Option<Targets>,
    pub(crate) using: Vec<Expr>,
    /// RETURN QUERY EXECUTE.
    pub(crate) returns: bool,
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
