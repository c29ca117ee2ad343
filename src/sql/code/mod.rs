//! A DO block, a function or a procedure as the session carries it out: statements that are compiled one by
//! one, when their turn comes.
//!
//! Variables are parameters of the statements in their reach: [`Sentence::visible`] says which. What a
//! parameter is called, and how many there are, is known only then, as a record has other fields each time
//! that it is assigned.

mod build;

use std::sync::Arc;

use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::sql::ast::{self, Statement};
use crate::sql::{Parsed, parser};

pub(super) use build::{anonymous, outputs, routine};

/// What a statement may call its parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    pub all: Vec<ParameterName>,
    /// Whether a name may not mean a column and a parameter both: in PL/pgSQL.
    pub exclusive: bool,
}

/// What a parameter is called: `name`, and `relation.name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterName {
    /// The record that it is a field of; else the block's label, or the routine's name. May be empty.
    pub relation: String,
    pub name: String,
    /// Whether the name alone means it.
    pub bare: bool,
    /// Whether it is a field of the record `relation`.
    pub is_field: bool,
}

/// A function, a procedure, or a DO block.
#[derive(Debug, Clone, PartialEq)]
pub struct Routine {
    pub name: String,
    /// As messages name it: `f(integer)`.
    pub label: String,
    /// The arguments come first, those that are only given back behind the others.
    pub variables: Vec<Variable>,
    /// How many of them a call gives.
    pub inputs: usize,
    pub body: Block,
    pub returns: Returns,
    /// Whether it gives any number of rows.
    pub returns_set: bool,
    /// With a NULL among its arguments it gives NULL, or no row, and isn't carried out.
    pub strict: bool,
    /// `i`, `s` or `v`.
    pub volatility: char,
    /// In SQL: the rows of its last statement are what it gives.
    pub is_sql: bool,
}

impl Routine {
    /// How many values a row of what it gives has.
    pub fn width(&self) -> usize {
        match &self.returns {
            Returns::Nothing | Returns::Value(_) => 1,
            Returns::Row(fields) => fields.len(),
            Returns::Variables(places) => places
                .iter()
                .map(|place| match &self.variables[*place].kind {
                    VariableKind::Row(fields) => fields.len() + 1,
                    VariableKind::Value(_) | VariableKind::Record => 1,
                })
                .sum(),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    pub name: String,
    pub kind: VariableKind,
    pub not_null: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum VariableKind {
    Value(PgType),
    /// A row of a table, or a value of a composite type: its fields.
    Row(Arc<[(String, PgType)]>),
    /// `record`: its fields are those of what was assigned last.
    Record,
}

/// The variable that says whether the last statement touched a row.
pub const FOUND: &str = "found";

/// What a routine gives.
#[derive(Debug, Clone, PartialEq)]
pub enum Returns {
    /// Nothing, or the one value of `void`.
    Nothing,
    Value(PgType),
    /// The fields of RETURN's row.
    Row(Arc<[(String, PgType)]>),
    /// The values of these variables: OUT arguments, and the columns of RETURNS TABLE.
    Variables(Vec<usize>),
}

/// A column of what a function gives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Given {
    pub(crate) name: String,
    pub(crate) data_type: PgType,
    /// The fields of a table's row, behind a place that says whether there is a row.
    pub(crate) fields: Option<Arc<[(String, PgType)]>>,
}

/// A statement of a routine.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentence {
    statement: Statement,
    visible: Arc<[Visible]>,
}

/// A variable that a statement can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visible {
    pub variable: usize,
    /// The label of the variable's block, or the routine's name.
    pub label: Arc<str>,
    /// Whether no variable of an inner block hides it.
    pub bare: bool,
}

impl Sentence {
    /// The variables whose values are its parameters, in their order.
    pub fn visible(&self) -> &[Visible] {
        &self.visible
    }

    /// Whether it is CALL.
    pub fn is_call(&self) -> bool {
        matches!(self.statement, Statement::Call(_))
    }

    /// The statement with these parameters.
    pub fn parsed(&self, names: Arc<Names>) -> Parsed {
        Parsed { parameters: names.all.len(), statement: self.statement.clone(), names }
    }
}

/// A value as another type has it: what an assignment does.
pub fn conversion(target: PgType) -> Parsed {
    Parsed { statement: Statement::Convert(target), parameters: 1, names: Arc::default() }
}

/// The statements of a text that EXECUTE is given; their parameters are those of USING.
///
/// # Errors
/// 42601; 0A000 for what can't be executed in a routine.
pub fn executed(text: &str, parameters: usize) -> Result<Vec<Parsed>, Error> {
    let mut all = Vec::new();
    for parsed in parser::parse_text(text)? {
        if !matches!(parsed.statement, Statement::Query(_)) {
            build::check_statement(&parsed.statement)?;
        }
        if parsed.parameters > parameters {
            let message = format!("there is no parameter ${}", parsed.parameters);
            return Err(Error::user(SqlState::UNDEFINED_PARAMETER, message));
        }
        let statement = parsed.statement;
        all.push(Parsed { statement, parameters, names: Arc::default() });
    }
    Ok(all)
}

/// `DECLARE ... BEGIN ... EXCEPTION ... END`.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    pub label: Option<String>,
    pub line: u32,
    /// The variables that begin here, with their defaults.
    pub declared: Vec<(usize, Option<Sentence>)>,
    pub steps: Vec<Placed>,
    /// If there are any, what the steps did is taken back before one of them runs.
    pub handlers: Vec<Handler>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Handler {
    pub catches: Vec<Caught>,
    /// The variables `SQLSTATE` and `SQLERRM`.
    pub state: usize,
    pub message: usize,
    pub steps: Vec<Placed>,
}

/// What a handler catches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caught {
    Any,
    State(SqlState),
    /// By the first two characters.
    Class([u8; 2]),
}

/// A step with its place, for messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// In the body, from 1.
    pub line: u32,
    /// What PL/pgSQL calls such a statement.
    pub what: &'static str,
    /// Of what is given to SQL: the statement as it was written.
    pub text: String,
    pub step: CodeStep,
}

#[derive(Debug, Clone, PartialEq)]
pub enum CodeStep {
    Run(Sentence, Option<Targets>),
    /// A query of one value, and where it goes.
    Assign(Target, Sentence),
    /// Queries of one value each, a boolean, with what to do where it is true; and what to do else.
    If {
        branches: Vec<(Sentence, Vec<Placed>)>,
        otherwise: Vec<Placed>,
    },
    Loop(Loop),
    /// EXIT, or (`again`) CONTINUE.
    Exit {
        label: Option<String>,
        condition: Option<Sentence>,
        again: bool,
    },
    Execute(Execute),
    Diagnostics(Vec<(Target, Diagnostic)>),
    Raise(Box<Message>),
    /// RAISE by itself.
    Reraise,
    /// What is only found wrong when its turn comes.
    Fail(Box<Error>),
    Block(Block),
    /// RETURN: the routine ends.
    Return(Option<Returned>),
    /// RETURN NEXT: a row more.
    ReturnNext(Option<Returned>),
    /// RETURN QUERY: rows more.
    ReturnQuery(Sentence),
}

/// What RETURN gives.
#[derive(Debug, Clone, PartialEq)]
pub enum Returned {
    /// The row of a query.
    Row(Sentence),
    /// The fields of a variable.
    Variable(usize),
    /// NULL, where a row is returned.
    Null,
}

/// A variable, or a field of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub variable: usize,
    pub field: Option<String>,
}

/// Where a row goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets {
    pub targets: Vec<Target>,
    /// There has to be one row.
    pub strict: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Loop {
    pub label: Option<String>,
    pub kind: LoopKind,
    pub steps: Vec<Placed>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum LoopKind {
    Forever,
    While(Sentence),
    /// A query of three whole numbers: from, to, by.
    Numbers {
        variable: usize,
        bounds: Sentence,
        reverse: bool,
    },
    Rows {
        targets: Targets,
        query: Sentence,
    },
    Execute {
        targets: Targets,
        execute: Execute,
    },
    /// A query of the elements of an array, in their order.
    Elements {
        target: Target,
        query: Sentence,
    },
}

/// EXECUTE.
#[derive(Debug, Clone, PartialEq)]
pub struct Execute {
    /// A query of one text.
    pub text: Sentence,
    /// A query of the parameters, in one row.
    pub using: Option<Sentence>,
    pub into: Option<Targets>,
    /// RETURN QUERY EXECUTE.
    pub returns: bool,
}

/// What GET DIAGNOSTICS gives (manual, chapter "PL/pgSQL", "Obtaining the Result Status" and "Obtaining
/// Information about an Error").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Diagnostic {
    RowCount,
    State,
    Message,
    Detail,
    Hint,
    Schema,
    Table,
    Column,
    DataType,
    Constraint,
    /// Empty: no place in the code is known.
    Context,
}

/// RAISE.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// `None`: it is an exception.
    pub level: Option<&'static str>,
    /// With `%` for each value.
    pub format: String,
    /// A query of one row: the values as text, then detail and hint if there are any.
    pub values: Option<Sentence>,
    pub state: SqlState,
    pub detail: bool,
    pub hint: bool,
}

/// A function that the session carries out before the statement that calls it.
#[derive(Debug, Clone)]
pub struct Called {
    pub routine: Arc<Routine>,
    /// A statement of one row, the arguments; `None` where there are none.
    pub arguments: Option<crate::sql::Program>,
    /// Where its rows are for the statement: [`crate::sql::Argument::Rows`].
    pub feed: usize,
}

/// From here on, feeds have rows of functions.
pub const CALLED: usize = 1 << 16;

fn plain(kind: ast::ExprKind) -> ast::Expr {
    ast::Expr { kind, position: 0 }
}
