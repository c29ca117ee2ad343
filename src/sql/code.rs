//! A DO block, or a procedure, as the session carries it out: statements that are compiled one by one, when
//! their turn comes.

use std::sync::Arc;

use crate::model::catalog::Function;
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{self, Code, Condition, Expr, ExprKind, Level, Statement};
use crate::sql::{Action, Parsed, parser};

/// What the statements of a procedure may call its arguments, which are their parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    pub(super) routine: String,
    /// Empty for those that have none.
    pub(super) names: Vec<String>,
}

impl Arguments {
    fn parsed(self: &Arc<Self>, statement: Statement) -> Parsed {
        Parsed { statement, parameters: self.names.len(), arguments: self.clone() }
    }
}

/// `BEGIN ... EXCEPTION ... END`.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    pub steps: Vec<CodeStep>,
    /// If there are any, what the steps did is taken back before one of them runs.
    pub handlers: Vec<Handler>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Handler {
    pub catches: Vec<Caught>,
    pub steps: Vec<CodeStep>,
}

/// What a handler catches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caught {
    Any,
    State(SqlState),
    /// By the first two characters.
    Class([u8; 2]),
}

#[derive(Debug, Clone, PartialEq)]
pub enum CodeStep {
    Run(Box<Parsed>),
    /// Queries of one value each, a boolean, with what to do where it is true; and what to do else.
    If {
        branches: Vec<(Parsed, Vec<CodeStep>)>,
        otherwise: Vec<CodeStep>,
    },
    Raise(Box<Message>),
    /// What is only found wrong when its turn comes.
    Fail(Box<Error>),
    Block(Block),
    /// RETURN: the whole block ends.
    End,
}

/// RAISE.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// `None`: it is an exception.
    pub level: Option<&'static str>,
    /// With `%` for each value.
    pub format: String,
    /// A query of one row: the values as text, then detail and hint if there are any.
    pub values: Option<Parsed>,
    pub state: SqlState,
    pub detail: bool,
    pub hint: bool,
}

pub(super) fn compile(block: &ast::Block) -> Result<Action, Error> {
    Ok(Action::Do(Arc::new(self::block(block, &Arc::default())?)))
}

/// A procedure's body.
///
/// # Errors
/// 42601; 0A000 for what needs an interpreter.
pub(super) fn procedure(function: &Function) -> Result<Block, Error> {
    let arguments = Arc::new(Arguments {
        routine: function.name.clone(),
        names: function.argument_names.clone(),
    });
    if function.language == "plpgsql" {
        return block(&parser::plpgsql::parse(&function.body)?, &arguments);
    }
    let mut steps = Vec::new();
    for parsed in parser::parse_text(&function.body)? {
        steps.push(match parsed.statement {
            query @ Statement::Query(_) => CodeStep::Run(Box::new(arguments.parsed(query))),
            other => run(other, &arguments)?,
        });
    }
    Ok(Block { steps, handlers: Vec::new() })
}

fn block(tree: &ast::Block, arguments: &Arc<Arguments>) -> Result<Block, Error> {
    let handler = |handler: &ast::Handler| -> Result<Handler, Error> {
        let catches = handler
            .conditions
            .iter()
            .map(|condition| match condition {
                Condition::Any => Caught::Any,
                Condition::State(state) => Caught::State(*state),
                Condition::Class(class) => Caught::Class(*class),
            })
            .collect();
        Ok(Handler { catches, steps: steps(&handler.body, arguments)? })
    };
    Ok(Block {
        steps: steps(&tree.body, arguments)?,
        handlers: tree.handlers.iter().map(handler).collect::<Result<_, _>>()?,
    })
}

fn steps(body: &[Code], arguments: &Arc<Arguments>) -> Result<Vec<CodeStep>, Error> {
    let mut all = Vec::new();
    for code in body {
        match code {
            Code::Null => {}
            Code::Sql(statement) => all.push(run((**statement).clone(), arguments)?),
            Code::Perform(query) => {
                let statement = Statement::Query(query.clone());
                all.push(CodeStep::Run(Box::new(arguments.parsed(statement))));
            }
            Code::Execute(statements) => {
                for statement in statements {
                    let step = match statement {
                        // EXECUTE knows no arguments but those of its USING.
                        Statement::Query(_) => CodeStep::Run(Box::new(
                            Arc::<Arguments>::default().parsed(statement.clone()),
                        )),
                        other => run(other.clone(), &Arc::default())?,
                    };
                    all.push(step);
                }
            }
            Code::If { branches, otherwise } => all.push(CodeStep::If {
                branches: branches
                    .iter()
                    .map(|(condition, body)| {
                        Ok((condition_query(condition, arguments), steps(body, arguments)?))
                    })
                    .collect::<Result<_, Error>>()?,
                otherwise: steps(otherwise, arguments)?,
            }),
            Code::Raise(raise) => all.push(CodeStep::Raise(Box::new(message(raise, arguments)))),
            Code::Block(inner) => all.push(CodeStep::Block(block(inner, arguments)?)),
            Code::Return(None) => all.push(CodeStep::End),
            Code::Return(Some(_)) => {
                let message = "RETURN cannot have a parameter in function returning void";
                return Err(Error::user(SqlState::DATATYPE_MISMATCH, message));
            }
            Code::Assign { target, .. } => {
                let name = target.first().map_or("", |name| &name.text);
                if arguments.names.iter().any(|known| known == name) {
                    return Err(Error::refused("assigning to an argument is not supported"));
                }
                let message = format!("\"{name}\" is not a known variable");
                return Err(Error::user(SqlState::SYNTAX_ERROR, message));
            }
        }
    }
    Ok(all)
}

/// A statement that may stand in a block.
fn run(statement: Statement, arguments: &Arc<Arguments>) -> Result<CodeStep, Error> {
    match &statement {
        Statement::Query(_) => {
            let message = "query has no destination for result data";
            let error = Error::user(SqlState::SYNTAX_ERROR, message)
                .with_hint("If you want to discard the results of a SELECT, use PERFORM instead.");
            return Ok(CodeStep::Fail(Box::new(error)));
        }
        Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Merge(_)
        | Statement::Define(_)
        | Statement::Set { .. }
        | Statement::Reset { .. }
        | Statement::Lock { .. }
        | Statement::Do(_)
        | Statement::Call(_) => {}
        Statement::Unsupported(error) => return Err(error.clone()),
        _ => {
            return Err(Error::refused(
                "this kind of statement in DO or a procedure is not supported",
            ));
        }
    }
    Ok(CodeStep::Run(Box::new(arguments.parsed(statement))))
}

fn row(items: Vec<Expr>, arguments: &Arc<Arguments>) -> Parsed {
    let items = items.into_iter().map(|expr| ast::SelectItem::Expr { expr, alias: None }).collect();
    let query = ast::Query::select(ast::Select::plain(items, Vec::new()));
    arguments.parsed(Statement::Query(Box::new(query)))
}

fn condition_query(condition: &Expr, arguments: &Arc<Arguments>) -> Parsed {
    let kind = ExprKind::Case {
        operand: None,
        branches: vec![(condition.clone(), plain(ExprKind::Boolean(true)))],
        otherwise: Some(Box::new(plain(ExprKind::Boolean(false)))),
    };
    row(vec![plain(kind)], arguments)
}

fn plain(kind: ExprKind) -> Expr {
    Expr { kind, position: 0 }
}

fn as_text(expr: &Expr) -> Expr {
    let name = vec![ast::Name { text: "text".to_owned(), position: 0 }];
    let target = ast::TypeName { name, modifiers: Vec::new(), array: false };
    plain(ExprKind::Cast { operand: Box::new(expr.clone()), target })
}

fn message(raise: &ast::Raise, arguments: &Arc<Arguments>) -> Message {
    let mut values: Vec<Expr> = raise.arguments.iter().map(as_text).collect();
    values.extend(raise.detail.iter().chain(&raise.hint).map(as_text));
    Message {
        level: match raise.level {
            Level::Message(level) => Some(level),
            Level::Exception => None,
        },
        format: raise.format.clone(),
        values: (!values.is_empty()).then(|| row(values, arguments)),
        state: raise.state.unwrap_or(SqlState(*b"P0001")),
        detail: raise.detail.is_some(),
        hint: raise.hint.is_some(),
    }
}
