//! Makes a [`Routine`] of a body: finds the variables that names mean, and what each statement can see.

use std::sync::Arc;

use crate::catalog::row_type;
use crate::model::catalog::{Function, Table};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::sql::ast::{
    self, Code, CodeLine, Condition, Declaration, Expr, ExprKind, Level, Name, QualifiedName,
    Statement, VariableType,
};
use crate::sql::bind::Binder;
use crate::sql::code::{
    Block, Caught, CodeStep, Execute, FOUND, Given, Handler, Loop, LoopKind, Message, Placed,
    Returned, Returns, Routine, Sentence, Target, Targets, Variable, VariableKind, Visible, plain,
};
use crate::sql::parser;
use crate::sql::types::lookup_type;

/// Pseudo-types of results.
const VOID: Oid = 2278;
const RECORD: Oid = PgType::RECORD.oid;

/// A DO block.
pub(in crate::sql) fn anonymous(
    tree: &ast::Block,
    binder: &Binder<'_>,
) -> Result<Arc<Routine>, Error> {
    let mut build = Build::new(binder, "", Returns::Nothing, false);
    build.declare_found();
    let body = build.block(tree).map_err(Error::without_position)?;
    Ok(Arc::new(build.routine("", 0, body)))
}

/// A function or a procedure.
///
/// # Errors
/// 42601; 42804 for a RETURN that the result doesn't go with; 0A000.
pub(in crate::sql) fn routine(
    function: &Function,
    binder: &Binder<'_>,
) -> Result<Arc<Routine>, Error> {
    let returns = returns(function, binder)?;
    let mut build = Build::new(binder, &function.name, returns, function.returns_set);
    build.writes = function.volatility == 'v';
    let inputs = function.argument_names.iter().zip(&function.argument_types);
    for (name, oid) in inputs {
        build.add(name, VariableKind::Value(PgType::new(*oid)), false);
    }
    let mut places = Vec::new();
    for (name, oid) in &function.columns {
        let input = function.argument_names.iter().position(|known| known == name);
        let is_input = input.filter(|_| !name.is_empty());
        places.push(match is_input {
            Some(place) => place,
            None => {
                let fields = table_of_rows(binder, *oid).map(fields_of_table);
                let value = VariableKind::Value(PgType::new(*oid));
                build.add(name, fields.map_or(value, VariableKind::Row), false)
            }
        });
    }
    if matches!(build.returns, Returns::Variables(_)) {
        build.returns = Returns::Variables(places);
    }
    let count = function.argument_types.len();
    build.declare_found();
    let body = if function.language == "plpgsql" {
        let tree = parser::plpgsql::parse(&function.body)?;
        build.block(&tree)?
    } else {
        build.statements_in_sql(&function.body)?
    };
    let mut routine = build.routine(&function.name, count, body);
    let types = function.argument_types.iter().map(|oid| binder.types().label(*oid).into_owned());
    routine.label = format!("{}({})", function.name, types.collect::<Vec<_>>().join(","));
    routine.strict = function.strict;
    routine.volatility = function.volatility;
    routine.is_sql = function.language == "sql";
    Ok(Arc::new(routine))
}

/// The columns of what a function gives.
pub(in crate::sql) fn outputs(
    function: &Function,
    binder: &Binder<'_>,
) -> Result<Vec<Given>, Error> {
    let given = |name: &str, oid: Oid| {
        let fields = table_of_rows(binder, oid).map(fields_of_table);
        Given { name: name.to_owned(), data_type: PgType::new(oid), fields }
    };
    if !function.columns.is_empty() {
        let named = function.columns.iter().enumerate().map(|(place, (name, oid))| {
            if name.is_empty() {
                given(&format!("column{}", place + 1), *oid)
            } else {
                given(name, *oid)
            }
        });
        return Ok(named.collect());
    }
    Ok(match returns(function, binder)? {
        Returns::Row(fields) => fields
            .iter()
            .map(|(name, data_type)| Given {
                name: name.clone(),
                data_type: *data_type,
                fields: None,
            })
            .collect(),
        _ => vec![given(&function.name, function.result_type)],
    })
}

fn returns(function: &Function, binder: &Binder<'_>) -> Result<Returns, Error> {
    if !function.columns.is_empty() {
        return Ok(Returns::Variables(Vec::new()));
    }
    Ok(match function.result_type {
        0 | VOID => Returns::Nothing,
        RECORD => {
            let message =
                "a function that returns record and has no OUT arguments is not supported";
            return Err(Error::refused(message));
        }
        oid => match row_fields(binder, oid) {
            Some(fields) => Returns::Row(fields),
            None => Returns::Value(PgType::new(oid)),
        },
    })
}

/// The table whose rows are of this type.
fn table_of_rows<'c>(binder: &Binder<'c>, oid: Oid) -> Option<&'c Table> {
    let mut all = binder.catalog.tables.values();
    all.find(|table| row_type(table) == oid).map(AsRef::as_ref)
}

fn fields_of_table(table: &Table) -> Arc<[(String, PgType)]> {
    table.columns.iter().map(|column| (column.name.clone(), column.data_type)).collect()
}

/// The fields of a type of rows.
fn row_fields(binder: &Binder<'_>, oid: Oid) -> Option<Arc<[(String, PgType)]>> {
    if let Some(table) = table_of_rows(binder, oid) {
        return Some(fields_of_table(table));
    }
    let attributes = binder.types().attributes(oid)?;
    Some(attributes.iter().map(|one| (one.name.clone(), one.data_type)).collect())
}

/// What may stand in a routine.
///
/// # Errors
/// 0A000.
pub(super) fn check_statement(statement: &Statement) -> Result<(), Error> {
    match statement {
        Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Merge(_)
        | Statement::Define(_)
        | Statement::Set { .. }
        | Statement::Reset { .. }
        | Statement::Lock { .. }
        | Statement::Notify { .. }
        | Statement::Do(_)
        | Statement::Call(_) => Ok(()),
        Statement::Unsupported(error) => Err(error.clone()),
        _ => Err(Error::refused(
            "this kind of statement in DO, a function or a procedure is not supported",
        )),
    }
}

struct Build<'b, 'c> {
    binder: &'b Binder<'c>,
    variables: Vec<Variable>,
    visible: Vec<Visible>,
    /// The same, as the statements have it; `None` after a change.
    shared: Option<Arc<[Visible]>>,
    label: Arc<str>,
    returns: Returns,
    returns_set: bool,
    /// Whether it may change anything.
    writes: bool,
    /// Labels of loops and blocks, the innermost last, with whether it is a loop's.
    labels: Vec<(Option<String>, bool)>,
}

impl<'b, 'c> Build<'b, 'c> {
    fn new(binder: &'b Binder<'c>, name: &str, returns: Returns, returns_set: bool) -> Self {
        let (variables, visible) = (Vec::new(), Vec::new());
        let labels = Vec::new();
        Self {
            binder,
            variables,
            visible,
            shared: None,
            label: name.into(),
            returns,
            returns_set,
            writes: true,
            labels,
        }
    }

    fn routine(self, name: &str, inputs: usize, body: Block) -> Routine {
        Routine {
            name: name.to_owned(),
            label: "inline_code_block".to_owned(),
            variables: self.variables,
            inputs,
            body,
            returns: self.returns,
            returns_set: self.returns_set,
            strict: false,
            volatility: 'v',
            is_sql: false,
        }
    }

    /// A variable more, which hides others of its name.
    fn add(&mut self, name: &str, kind: VariableKind, not_null: bool) -> usize {
        let variable = self.variables.len();
        for known in &mut self.visible {
            if self.variables[known.variable].name == name {
                known.bare = false;
            }
        }
        self.variables.push(Variable { name: name.to_owned(), kind, not_null });
        self.visible.push(Visible {
            variable,
            label: Arc::clone(&self.label),
            bare: !name.is_empty(),
        });
        self.shared = None;
        variable
    }

    fn declare_found(&mut self) {
        self.add(FOUND, VariableKind::Value(PgType::BOOL), false);
    }

    fn kind_of(&self, data_type: PgType) -> VariableKind {
        match row_fields(self.binder, data_type.oid) {
            Some(fields) => VariableKind::Row(fields),
            None => VariableKind::Value(data_type),
        }
    }

    /// Does `within` with what it declares forgotten afterwards.
    fn scoped<T>(
        &mut self,
        within: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (visible, label) = (self.visible.clone(), Arc::clone(&self.label));
        let result = within(self);
        (self.visible, self.label, self.shared) = (visible, label, None);
        result
    }

    fn sentence(&mut self, statement: Statement) -> Sentence {
        let visible = self.shared.get_or_insert_with(|| self.visible.as_slice().into());
        Sentence { statement, visible: Arc::clone(visible) }
    }

    /// A query of one row.
    fn row(&mut self, items: Vec<Expr>) -> Sentence {
        let items =
            items.into_iter().map(|expr| ast::SelectItem::Expr { expr, alias: None }).collect();
        let query = ast::Query::select(ast::Select::plain(items, Vec::new()));
        self.sentence(Statement::Query(Box::new(query)))
    }

    /// A query of a target's value, or of the fields of a row.
    fn assigned(&mut self, target: &Target, value: &Expr) -> Sentence {
        let is_row = target.field.is_none()
            && !matches!(self.variables[target.variable].kind, VariableKind::Value(_));
        if !is_row || value.kind == ExprKind::Null {
            return self.row(vec![value.clone()]);
        }
        let items = vec![ast::SelectItem::Expand(value.clone())];
        let query = ast::Query::select(ast::Select::plain(items, Vec::new()));
        self.sentence(Statement::Query(Box::new(query)))
    }

    fn condition(&mut self, condition: &Expr) -> Sentence {
        let kind = ExprKind::Case {
            operand: None,
            branches: vec![(condition.clone(), plain(ExprKind::Boolean(true)))],
            otherwise: Some(Box::new(plain(ExprKind::Boolean(false)))),
        };
        self.row(vec![plain(kind)])
    }

    fn block(&mut self, tree: &ast::Block) -> Result<Block, Error> {
        self.scoped(|build| {
            build.label = tree.label.as_deref().unwrap_or_default().into();
            let mut declared = Vec::new();
            let first = build.variables.len();
            for declaration in &tree.declarations {
                let again =
                    build.variables[first..].iter().any(|known| known.name == declaration.name);
                if again {
                    let message =
                        format!("duplicate declaration at or near \"{}\"", declaration.name);
                    return Err(Error::user(SqlState::SYNTAX_ERROR, message));
                }
                declared.push(build.declaration(declaration)?);
            }
            build.labels.push((tree.label.clone(), false));
            let steps = build.steps(&tree.body)?;
            let handlers = tree.handlers.iter().map(|handler| build.handler(handler));
            let handlers = handlers.collect::<Result<_, _>>()?;
            build.labels.pop();
            Ok(Block { label: tree.label.clone(), line: tree.line, declared, steps, handlers })
        })
    }

    fn declaration(&mut self, tree: &Declaration) -> Result<(usize, Option<Sentence>), Error> {
        let kind = match &tree.data_type {
            VariableType::Record => VariableKind::Record,
            VariableType::Row(name) => {
                VariableKind::Row(fields_of_table(self.binder.opened(name)?))
            }
            VariableType::Same(name) => self.same(name)?,
            VariableType::Named(name) if !name.array => match self.named_row(name) {
                Some(fields) => VariableKind::Row(fields),
                None => self.kind_of(lookup_type(self.binder.types(), name)?),
            },
            VariableType::Named(name) => {
                VariableKind::Value(lookup_type(self.binder.types(), name)?)
            }
        };
        if tree.not_null && tree.default.is_none() {
            let message = format!(
                "variable \"{}\" must have a default value, since it's declared NOT NULL",
                tree.name
            );
            return Err(Error::user(SqlState::NULL_VALUE_NOT_ALLOWED, message));
        }
        // A default sees what was declared before it.
        let before = self.shared.take().unwrap_or_else(|| self.visible.as_slice().into());
        let variable = self.add(&tree.name, kind, tree.not_null);
        self.shared = Some(before);
        let target = Target { variable, field: None };
        let default = tree.default.as_ref().map(|expr| self.assigned(&target, expr));
        self.shared = None;
        Ok((variable, default))
    }

    /// The fields of the table of a type's name.
    fn named_row(&self, name: &ast::TypeName) -> Option<Arc<[(String, PgType)]>> {
        if lookup_type(self.binder.types(), name).is_ok() {
            return None;
        }
        self.binder.opened(&name.name).ok().map(fields_of_table)
    }

    /// `%TYPE`.
    fn same(&self, name: &QualifiedName) -> Result<VariableKind, Error> {
        if let [only] = name.as_slice() {
            let variable = self.named(&only.text).ok_or_else(|| unknown(&only.text))?;
            return Ok(self.variables[variable].kind.clone());
        }
        let (column, table) = name.split_last().ok_or_else(|| Error::internal("no name"))?;
        let table = self.binder.opened(&table.to_vec())?;
        let found = table.columns.iter().find(|known| known.name == column.text);
        let found = found.ok_or_else(|| {
            let message =
                format!("column \"{}\" of relation \"{}\" does not exist", column.text, table.name);
            Error::user(SqlState::UNDEFINED_COLUMN, message)
        })?;
        Ok(self.kind_of(found.data_type))
    }

    /// The variable that a name alone means.
    fn named(&self, name: &str) -> Option<usize> {
        let known = self.visible.iter().rev();
        known
            .filter(|known| known.bare)
            .map(|known| known.variable)
            .find(|variable| self.variables[*variable].name == name)
    }

    fn target(&self, name: &QualifiedName) -> Result<Target, Error> {
        let texts: Vec<&str> = name.iter().map(|part| part.text.as_str()).collect();
        let whole = |variable| Ok(Target { variable, field: None });
        match texts.as_slice() {
            [name] => match self.named(name) {
                Some(variable) => whole(variable),
                None => Err(unknown(name)),
            },
            [first, second] => {
                if let Some(variable) = self.named(first) {
                    if matches!(self.variables[variable].kind, VariableKind::Value(_)) {
                        let message = "assigning to a field of a composite value is not supported";
                        return Err(Error::refused(message));
                    }
                    return Ok(Target { variable, field: Some((*second).to_owned()) });
                }
                let labelled = self.visible.iter().rev().find(|known| {
                    *known.label == **first && self.variables[known.variable].name == *second
                });
                labelled.map_or_else(
                    || Err(unknown(&format!("{first}.{second}"))),
                    |known| whole(known.variable),
                )
            }
            _ => Err(unknown(&texts.join("."))),
        }
    }

    fn targets(&self, tree: &ast::Targets) -> Result<Targets, Error> {
        self.all_targets(&tree.variables, tree.strict)
    }

    fn all_targets(&self, names: &[QualifiedName], strict: bool) -> Result<Targets, Error> {
        let targets = names.iter().map(|name| self.target(name)).collect::<Result<_, _>>()?;
        Ok(Targets { targets, strict })
    }

    fn handler(&mut self, tree: &ast::Handler) -> Result<Handler, Error> {
        let catches = tree.conditions.iter().map(|condition| match condition {
            Condition::Any => Caught::Any,
            Condition::State(state) => Caught::State(*state),
            Condition::Class(class) => Caught::Class(*class),
        });
        let catches = catches.collect();
        self.scoped(|build| {
            let state = build.add("sqlstate", VariableKind::Value(PgType::TEXT), false);
            let message = build.add("sqlerrm", VariableKind::Value(PgType::TEXT), false);
            Ok(Handler { catches, state, message, steps: build.steps(&tree.body)? })
        })
    }

    fn steps(&mut self, body: &[CodeLine]) -> Result<Vec<Placed>, Error> {
        let mut all = Vec::new();
        for CodeLine { line, text, code } in body {
            if let Some(step) = self.step(code)? {
                // Some errors are the routine's, and not the statement's.
                let wrong = matches!(&step, CodeStep::Fail(error) if error.state() == SqlState::SYNTAX_ERROR);
                let text = if wrong { String::new() } else { text.clone() };
                all.push(Placed { line: *line, what: called(code), text, step });
            }
        }
        Ok(all)
    }

    fn step(&mut self, code: &Code) -> Result<Option<CodeStep>, Error> {
        Ok(Some(match code {
            Code::Null => return Ok(None),
            Code::Sql(statement) => self.statement((**statement).clone())?,
            Code::Into(statement, targets) => {
                if !matches!(**statement, Statement::Query(_)) {
                    check_statement(statement)?;
                }
                let targets = self.targets(targets)?;
                self.unless_refused(statement).unwrap_or_else(|| {
                    CodeStep::Run(self.sentence((**statement).clone()), Some(targets))
                })
            }
            Code::Perform(query) => {
                CodeStep::Run(self.sentence(Statement::Query(query.clone())), None)
            }
            Code::Execute(execute) => CodeStep::Execute(self.execute(execute)?),
            Code::If { branches, otherwise } => CodeStep::If {
                branches: branches
                    .iter()
                    .map(|(condition, body)| Ok((self.condition(condition), self.steps(body)?)))
                    .collect::<Result<_, Error>>()?,
                otherwise: self.steps(otherwise)?,
            },
            Code::Loop(tree) => CodeStep::Loop(self.loop_step(tree)?),
            Code::Exit { label, condition, again } => {
                self.check_exit(label.as_deref(), *again)?;
                let condition = condition.as_ref().map(|condition| self.condition(condition));
                CodeStep::Exit { label: label.clone(), condition, again: *again }
            }
            Code::Raise(raise) => CodeStep::Raise(Box::new(self.message(raise))),
            Code::Reraise => CodeStep::Reraise,
            Code::Block(inner) => CodeStep::Block(self.block(inner)?),
            Code::Return(value) => CodeStep::Return(self.returned(value.as_ref(), false)?),
            Code::ReturnNext(value) => CodeStep::ReturnNext(self.returned(value.as_ref(), true)?),
            Code::ReturnQuery(query) => {
                self.check_set("RETURN QUERY")?;
                CodeStep::ReturnQuery(self.sentence(Statement::Query(query.clone())))
            }
            Code::Assign { target, value } => {
                let target = self.target(target)?;
                let sentence = self.assigned(&target, value);
                CodeStep::Assign(target, sentence)
            }
            Code::Diagnostics(items) => {
                let items = items.iter().map(|(name, item)| Ok((self.target(name)?, *item)));
                CodeStep::Diagnostics(items.collect::<Result<_, Error>>()?)
            }
        }))
    }

    /// A statement that may stand by itself.
    fn statement(&mut self, statement: Statement) -> Result<CodeStep, Error> {
        if matches!(statement, Statement::Query(_)) {
            let message = "query has no destination for result data";
            let error = Error::user(SqlState::SYNTAX_ERROR, message)
                .with_hint("If you want to discard the results of a SELECT, use PERFORM instead.");
            return Ok(CodeStep::Fail(Box::new(error)));
        }
        check_statement(&statement)?;
        Ok(self
            .unless_refused(&statement)
            .unwrap_or_else(|| CodeStep::Run(self.sentence(statement), None)))
    }

    /// A change in a routine that may make none.
    fn unless_refused(&self, statement: &Statement) -> Option<CodeStep> {
        let word = match statement {
            Statement::Insert(_) => "INSERT",
            Statement::Update(_) => "UPDATE",
            Statement::Delete(_) => "DELETE",
            Statement::Merge(_) => "MERGE",
            Statement::Define(_) => "this definition",
            _ => return None,
        };
        let message = format!("{word} is not allowed in a non-volatile function");
        (!self.writes).then(|| CodeStep::Fail(Box::new(Error::refused(message))))
    }

    /// The body of a routine in SQL.
    fn statements_in_sql(&mut self, text: &str) -> Result<Block, Error> {
        let mut steps = Vec::new();
        for parsed in parser::parse_text(text)? {
            if !matches!(parsed.statement, Statement::Query(_)) {
                check_statement(&parsed.statement)?;
            }
            let refused = self.unless_refused(&parsed.statement);
            let step =
                refused.unwrap_or_else(|| CodeStep::Run(self.sentence(parsed.statement), None));
            let line = steps.len() as u32 + 1;
            steps.push(Placed { line, what: "", text: String::new(), step });
        }
        Ok(Block { label: None, line: 1, declared: Vec::new(), steps, handlers: Vec::new() })
    }

    fn execute(&mut self, tree: &ast::Execute) -> Result<Execute, Error> {
        if tree.returns {
            self.check_set("RETURN QUERY")?;
        }
        let into = tree.into.as_ref().map(|targets| self.targets(targets)).transpose()?;
        let using = (!tree.using.is_empty()).then(|| self.row(tree.using.clone()));
        let text = self.row(vec![as_text(&tree.text)]);
        Ok(Execute { text, using, into, returns: tree.returns })
    }

    fn loop_step(&mut self, tree: &ast::Loop) -> Result<Loop, Error> {
        self.scoped(|build| {
            let kind = build.loop_kind(&tree.kind, tree.label.as_deref())?;
            build.labels.push((tree.label.clone(), true));
            let steps = build.steps(&tree.body);
            build.labels.pop();
            Ok(Loop { label: tree.label.clone(), kind, steps: steps? })
        })
    }

    fn loop_kind(&mut self, tree: &ast::LoopKind, label: Option<&str>) -> Result<LoopKind, Error> {
        Ok(match tree {
            ast::LoopKind::Forever => LoopKind::Forever,
            ast::LoopKind::While(condition) => LoopKind::While(self.condition(condition)),
            ast::LoopKind::Numbers { variable, from, to, step, reverse } => {
                let one = plain(ExprKind::Number("1".to_owned()));
                let step = step.clone().unwrap_or(one);
                let bounds = [from.clone(), to.clone(), step].map(|bound| as_type(&bound, "int4"));
                let bounds = self.row(bounds.to_vec());
                if let Some(label) = label {
                    self.label = label.into();
                }
                let kind = VariableKind::Value(PgType::INT4);
                LoopKind::Numbers {
                    variable: self.add(variable, kind, false),
                    bounds,
                    reverse: *reverse,
                }
            }
            ast::LoopKind::Rows { variables, query } => {
                if !matches!(**query, Statement::Query(_)) {
                    check_statement(query)?;
                }
                let query = self.sentence((**query).clone());
                LoopKind::Rows { targets: self.all_targets(variables, false)?, query }
            }
            ast::LoopKind::Execute { variables, execute } => {
                let execute = self.execute(execute)?;
                LoopKind::Execute { targets: self.all_targets(variables, false)?, execute }
            }
            ast::LoopKind::Elements { variable, array } => {
                let name = vec![Name { text: "unnest".to_owned(), position: 0 }];
                let call = ast::Call::plain(name, vec![array.clone()]);
                let query = self.row(vec![plain(ExprKind::Call(call))]);
                LoopKind::Elements { target: self.target(variable)?, query }
            }
        })
    }

    fn check_exit(&self, label: Option<&str>, again: bool) -> Result<(), Error> {
        let word = if again { "CONTINUE" } else { "EXIT" };
        let Some(label) = label else {
            if self.labels.iter().any(|(_, is_loop)| *is_loop) {
                return Ok(());
            }
            let message = if again {
                "CONTINUE cannot be used outside a loop".to_owned()
            } else {
                format!("{word} cannot be used outside a loop, unless it has a label")
            };
            return Err(Error::user(SqlState::SYNTAX_ERROR, message));
        };
        let known = self.labels.iter().find(|(known, _)| known.as_deref() == Some(label));
        let message = match known {
            Some((_, true)) => return Ok(()),
            Some((_, false)) if !again => return Ok(()),
            Some(_) => format!("block label \"{label}\" cannot be used in CONTINUE"),
            None => {
                let what = "there is no label";
                format!("{what} \"{label}\" attached to any block or loop enclosing this statement")
            }
        };
        Err(Error::user(SqlState::SYNTAX_ERROR, message))
    }

    fn check_set(&self, what: &str) -> Result<(), Error> {
        if self.returns_set {
            return Ok(());
        }
        let message = format!("cannot use {what} in a non-SETOF function");
        Err(Error::user(SqlState::DATATYPE_MISMATCH, message))
    }

    fn returned(&mut self, value: Option<&Expr>, next: bool) -> Result<Option<Returned>, Error> {
        let wrong = |message: &str| Err(Error::user(SqlState::DATATYPE_MISMATCH, message));
        if next {
            self.check_set("RETURN NEXT")?;
        }
        let Some(value) = value else {
            return match &self.returns {
                Returns::Value(_) | Returns::Row(_) if next || !self.returns_set => {
                    let what = if next {
                        "RETURN NEXT must have a parameter"
                    } else {
                        "missing expression"
                    };
                    Err(Error::user(SqlState::SYNTAX_ERROR, what))
                }
                _ => Ok(None),
            };
        };
        match &self.returns {
            Returns::Nothing => wrong("RETURN cannot have a parameter in function returning void"),
            Returns::Variables(_) if next => {
                wrong("RETURN NEXT cannot have a parameter in function with OUT parameters")
            }
            Returns::Variables(_) => {
                wrong("RETURN cannot have a parameter in function with OUT parameters")
            }
            _ if self.returns_set && !next => {
                wrong("RETURN cannot have a parameter in function returning set")
            }
            Returns::Value(_) => Ok(Some(Returned::Row(self.row(vec![value.clone()])))),
            Returns::Row(_) if value.kind == ExprKind::Null => Ok(Some(Returned::Null)),
            Returns::Row(_) => {
                if let ExprKind::Column(name) = &value.kind
                    && let Ok(Target { variable, field: None }) = self.target(name)
                    && !matches!(self.variables[variable].kind, VariableKind::Value(_))
                {
                    return Ok(Some(Returned::Variable(variable)));
                }
                let items = vec![ast::SelectItem::Expand(value.clone())];
                let query = ast::Query::select(ast::Select::plain(items, Vec::new()));
                Ok(Some(Returned::Row(self.sentence(Statement::Query(Box::new(query))))))
            }
        }
    }

    fn message(&mut self, raise: &ast::Raise) -> Message {
        let mut values = raise.arguments.clone();
        values.extend(raise.detail.iter().chain(&raise.hint).map(as_text));
        Message {
            level: match raise.level {
                Level::Message(level) => Some(level),
                Level::Exception => None,
            },
            format: raise.format.clone(),
            values: (!values.is_empty()).then(|| self.row(values)),
            state: raise.state.unwrap_or(SqlState(*b"P0001")),
            detail: raise.detail.is_some(),
            hint: raise.hint.is_some(),
        }
    }
}

/// What PL/pgSQL calls a statement (`plpgsql_stmt_typename`).
fn called(code: &Code) -> &'static str {
    match code {
        Code::Assign { .. } => "assignment",
        Code::If { .. } => "IF",
        Code::Loop(one) => match one.kind {
            ast::LoopKind::Forever => "LOOP",
            ast::LoopKind::While(_) => "WHILE",
            ast::LoopKind::Numbers { .. } => "FOR with integer loop variable",
            ast::LoopKind::Rows { .. } => "FOR over SELECT rows",
            ast::LoopKind::Execute { .. } => "FOR over EXECUTE statement",
            ast::LoopKind::Elements { .. } => "FOREACH over array",
        },
        Code::Exit { again: false, .. } => "EXIT",
        Code::Exit { again: true, .. } => "CONTINUE",
        Code::Return(_) => "RETURN",
        Code::ReturnNext(_) => "RETURN NEXT",
        Code::ReturnQuery(_) => "RETURN QUERY",
        Code::Raise(raise) if raise.state == Some(SqlState(*b"20000")) => "CASE",
        Code::Raise(_) | Code::Reraise => "RAISE",
        Code::Sql(statement) if matches!(**statement, Statement::Call(_)) => "CALL",
        Code::Sql(_) | Code::Into(..) => "SQL statement",
        Code::Perform(_) => "PERFORM",
        Code::Execute(execute) if execute.returns => "RETURN QUERY",
        Code::Execute(_) => "EXECUTE",
        Code::Diagnostics(_) => "GET DIAGNOSTICS",
        Code::Null => "NULL",
        Code::Block(_) => "statement block",
    }
}

fn unknown(name: &str) -> Error {
    Error::user(SqlState::SYNTAX_ERROR, format!("\"{name}\" is not a known variable"))
}

fn as_text(expr: &Expr) -> Expr {
    as_type(expr, "text")
}

fn as_type(expr: &Expr, name: &str) -> Expr {
    let name = vec![Name { text: name.to_owned(), position: 0 }];
    let target = ast::TypeName { name, modifiers: Vec::new(), array: false };
    plain(ExprKind::Cast { operand: Box::new(expr.clone()), target })
}
