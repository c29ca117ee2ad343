//! Function calls.

use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::pgdata::{self, Function, FunctionKind, function_label};
use crate::sql::ast::{self, Call};
use crate::sql::bind::{Act, Binder, at, sort_key};
use crate::sql::bound::{Expr, ExprKind};
use crate::sql::types::casts::{self, Path};
use crate::sql::types::lowering::Extent;
use crate::sql::types::resolve::{self, Arguments, Candidate, Found};
use crate::sql::types::{ANY, Fact, Lowering, lowering, polymorphic};

/// A function that a call was found to mean.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) function: &'static Function,
    pub(super) lowering: Lowering,
    /// In the order of its parameters, converted to what they take.
    pub(super) arguments: Vec<Expr>,
    pub(super) result: PgType,
}

/// What a call's name and arguments mean.
pub(super) enum Meaning {
    Function(Box<Chosen>),
    /// `type(value)`.
    Cast(Expr, PgType),
}

impl Binder<'_> {
    pub(super) fn call(&mut self, call: &Call, position: u32) -> Result<Expr, Error> {
        let name = function_name(call);
        if Self::is_set_function(call) {
            return self.set_call(call, position);
        }
        let own = self.own_functions(call);
        if own.iter().any(|known| super::is_called(known)) {
            return self.called_value(&own, call, position);
        }
        if !own.is_empty() {
            return self.inlined_call(&own, call, position);
        }
        if let Some(made) = self.range_call(call, position)? {
            return Ok(made);
        }
        if let Some(special) = self.special_call(name, call, position)? {
            return Ok(special);
        }
        if call.arguments.is_empty()
            && call.name.len() == 1
            && let Some((result, lowering)) = lowering::value_function(name)
        {
            return self.fact(lowering, result, position);
        }
        if let Some(clock) = self.clock_of_precision(name, call, position)? {
            return Ok(clock);
        }
        let mut arguments = self.arguments(call)?;
        if call.within_group {
            // What an ordered-set aggregate sorts are its last arguments.
            for item in &call.order_by {
                arguments.push(self.expr(&item.expr)?);
            }
        }
        let chosen = match self.meaning(name, call, arguments, position)? {
            Meaning::Function(chosen) => chosen,
            Meaning::Cast(operand, target) => return self.cast(operand, target, position),
        };
        match chosen.function.kind {
            FunctionKind::Function => {
                self.check_plain(name, call, position)?;
                self.scalar_call(*chosen, position)
            }
            FunctionKind::Aggregate | FunctionKind::Window => {
                self.aggregate_call(*chosen, call, position)
            }
            FunctionKind::Procedure => {
                let label = function_label(chosen.function);
                let message = format!("{label} is a procedure");
                let error = Error::user(SqlState::WRONG_OBJECT_TYPE, message);
                Err(at(error.with_hint("To call a procedure, use CALL."), position))
            }
        }
    }

    /// `current_time(n)` and its like.
    fn clock_of_precision(
        &mut self,
        name: &str,
        call: &Call,
        position: u32,
    ) -> Result<Option<Expr>, Error> {
        let clocks = ["current_time", "current_timestamp", "localtime", "localtimestamp"];
        let ([precision], [_]) = (call.arguments.as_slice(), call.name.as_slice()) else {
            return Ok(None);
        };
        let (ast::ExprKind::Number(digits), true) = (&precision.kind, clocks.contains(&name))
        else {
            return Ok(None);
        };
        let Some((result, lowering)) = lowering::value_function(name) else { return Ok(None) };
        let modifier = digits.parse::<i32>().map_or(6, |digits| digits.min(6));
        let clock = self.fact(lowering, result, position)?;
        self.cast(clock, PgType { modifier, ..result }, position).map(Some)
    }

    /// What only aggregates and window functions have.
    pub(super) fn check_plain(&self, name: &str, call: &Call, position: u32) -> Result<(), Error> {
        let what = if call.star {
            let message = format!("{name}(*) specified, but {name} is not an aggregate function");
            return Err(at(Error::user(SqlState::WRONG_OBJECT_TYPE, message), position));
        } else if call.distinct {
            "DISTINCT"
        } else if !call.order_by.is_empty() {
            "ORDER BY"
        } else if call.filter.is_some() {
            "FILTER"
        } else if call.over.is_some() {
            let message = format!(
                "OVER specified, but {name} is not a window function nor an aggregate function"
            );
            return Err(at(Error::user(SqlState::WRONG_OBJECT_TYPE, message), position));
        } else {
            return Ok(());
        };
        let message = format!("{what} specified, but {name} is not an aggregate function");
        Err(at(Error::user(SqlState::WRONG_OBJECT_TYPE, message), position))
    }

    pub(super) fn arguments(&mut self, call: &Call) -> Result<Vec<Expr>, Error> {
        let mut arguments = Vec::new();
        for argument in &call.arguments {
            arguments.push(match &argument.kind {
                ast::ExprKind::NamedArgument { value, .. } => self.expr(value)?,
                _ => self.expr(argument)?,
            });
        }
        Ok(arguments)
    }

    fn scalar_call(&mut self, mut chosen: Chosen, position: u32) -> Result<Expr, Error> {
        self.uses(chosen.function.is_immutable());
        match chosen.lowering {
            Lowering::Rights(name) => {
                let user = Value::Text(self.settings.user.clone());
                chosen.arguments.insert(0, Expr::constant(user, PgType::TEXT, position));
                chosen.lowering = Lowering::Searching(name);
            }
            Lowering::Size(Extent::Database) => {
                let current = Value::Text(self.settings.database.clone());
                chosen.arguments.push(Expr::constant(current, PgType::NAME, position));
            }
            Lowering::SetConfig => return self.set_config(chosen.arguments, position),
            Lowering::LastValue => return Ok(self.last_value(chosen.arguments, position)),
            Lowering::NextValue => return self.next_value(&chosen.arguments, position),
            Lowering::CurrentValue => return self.current_value(&chosen.arguments, position),
            Lowering::LastTaken => {
                self.asked_sequences.push(None);
                let kind = ExprKind::TakenValue { sequence: None };
                return Ok(Expr { kind, data_type: PgType::INT8, position });
            }
            Lowering::SetValue => return self.set_value(chosen.arguments, position),
            Lowering::Notify => self.acts.push(Act::Notify),
            Lowering::Labels(which) => {
                return self.label_call(which, chosen.arguments, chosen.result, position);
            }
            Lowering::Advisory(_) => self.acts.push(Act::Session),
            Lowering::Signal(_) => {
                self.acts.push(Act::Session);
                let at_once = |timeout: &Expr| match &timeout.kind {
                    ExprKind::Constant(value) => *value == Value::Integer(0),
                    _ => false,
                };
                if !chosen.arguments.get(1).is_none_or(at_once) {
                    return Err(Error::refused(
                        "a timeout of pg_terminate_backend is not supported",
                    ));
                }
                chosen.arguments.truncate(1);
            }
            Lowering::SessionFact(_) | Lowering::Now => {
                return self.fact(chosen.lowering, chosen.result, position);
            }
            Lowering::CompareAs(op, common) => {
                let operands = self.all_cast(chosen.arguments, PgType::new(common), position)?;
                return Ok(Expr::strict_call(
                    Lowering::Compare(op),
                    operands,
                    chosen.result,
                    position,
                ));
            }
            Lowering::Joined => {
                let operands = self.all_cast(chosen.arguments, PgType::TEXT, position)?;
                return Ok(Expr::strict_call(
                    Lowering::Infix("||"),
                    operands,
                    chosen.result,
                    position,
                ));
            }
            _ => {}
        }
        let kind = ExprKind::Call {
            lowering: chosen.lowering,
            arguments: chosen.arguments,
            volatile: chosen.function.volatility == b'v',
            // What a variadic parameter is given is an array, which isn't NULL.
            strict: chosen.function.is_strict && chosen.function.variadic == 0,
        };
        Ok(Expr { kind, data_type: chosen.result, position })
    }

    /// `set_config`: noted for the session; its value is the setting's.
    fn set_config(&mut self, arguments: Vec<Expr>, position: u32) -> Result<Expr, Error> {
        let (super::Settable::Here, [name, _, _]) = (self.settable, arguments.as_slice()) else {
            let message = "set_config is supported in the select list of a query by itself only";
            return Err(at(Error::refused(message), position));
        };
        let name = vec![name.clone()];
        self.settings_made.extend(arguments);
        Ok(Expr::call(Lowering::SettingMade, name, PgType::TEXT, position))
    }

    /// What depends on nothing but the session.
    fn fact(&mut self, lowering: Lowering, result: PgType, position: u32) -> Result<Expr, Error> {
        self.uses(false);
        let fact = match lowering {
            Lowering::Now if result.oid != PgType::TIMESTAMPTZ.oid => {
                let now = Expr::call(Lowering::Now, Vec::new(), PgType::TIMESTAMPTZ, position);
                return self.cast(now, result, position);
            }
            Lowering::SessionFact(fact) => fact,
            _ => return Ok(Expr::call(lowering, Vec::new(), result, position)),
        };
        if self.in_stored_code && matches!(fact, Fact::User | Fact::SessionUser | Fact::Schema) {
            let message = "what depends on the session in a trigger function is not supported";
            return Err(Error::refused(message));
        }
        let text = match fact {
            Fact::User => Some(self.settings.user.clone()),
            Fact::SessionUser => Some(self.settings.session_user.clone()),
            Fact::Database => Some(self.settings.database.clone()),
            // The first schema of the search path that there is.
            Fact::Schema => self.search_path().first().map(|schema| (*schema).to_owned()),
        };
        Ok(Expr::constant(text.map_or(Value::Null, Value::Text), result, position))
    }

    /// What a call means: a function, or a cast where a type's name is called.
    pub(super) fn meaning(
        &mut self,
        name: &str,
        call: &Call,
        arguments: Vec<Expr>,
        position: u32,
    ) -> Result<Meaning, Error> {
        let given: Vec<Oid> = arguments.iter().map(|argument| argument.data_type.oid).collect();
        let names = argument_names(call)?;
        let namespace = match foreign_schema(call) {
            None => pgdata::PG_CATALOG,
            Some("information_schema") => pgdata::INFORMATION_SCHEMA,
            Some(_) => return Err(at(self.no_function(false, name, call, &given), position)),
        };
        let asked = Arguments { types: &given, names: &names, variadic: call.variadic, namespace };
        let found = resolve::function(self.types(), name, asked);
        if let Found::One(candidate) = &found
            && candidate.wanted == given
        {
            return self.chosen(candidate, call, arguments, position);
        }
        if let [argument] = arguments.as_slice()
            && names.is_empty()
            && let Some(target) = self.type_called(name, argument.data_type.oid)
        {
            let operand = arguments.into_iter().next().expect("there is one argument");
            return Ok(Meaning::Cast(operand, target));
        }
        match found {
            Found::One(candidate) => self.chosen(&candidate, call, arguments, position),
            Found::None => Err(at(self.no_function(false, name, call, &given), position)),
            Found::Ambiguous => Err(at(self.no_function(true, name, call, &given), position)),
        }
    }

    /// The type that a function's name means, where calling it is a cast that changes nothing or
    /// goes by text.
    fn type_called(&self, name: &str, given: Oid) -> Option<PgType> {
        let target = pgdata::type_by_name(name)?.oid;
        let types = self.types();
        let is_cast = given == PgType::UNKNOWN.oid
            || match casts::find(types, given, target, casts::Context::Explicit)? {
                Path::Same => true,
                Path::Text => !(types.is_row(given) && types.category(target) == b'S'),
                Path::Function(_) | Path::Elements => false,
            };
        is_cast.then(|| PgType::new(target))
    }

    /// A chosen function with its arguments.
    fn chosen(
        &mut self,
        candidate: &Candidate,
        call: &Call,
        arguments: Vec<Expr>,
        position: u32,
    ) -> Result<Meaning, Error> {
        let function = candidate.function.0;
        let given: Vec<Oid> = arguments.iter().map(|argument| argument.data_type.oid).collect();
        let meaning =
            polymorphic::meaning(self.types(), &given, &candidate.wanted).map_err(|conflict| {
                // It has no position, unlike most errors of a call.
                Error::user(SqlState::DATATYPE_MISMATCH, conflict.message())
            })?;
        let result = meaning.apply(self.types(), function.result).unwrap_or(function.result);
        let types: Vec<Oid> = given.clone();
        let mut placed: Vec<(usize, Expr)> = Vec::new();
        for ((argument, want), place) in
            arguments.into_iter().zip(&candidate.wanted).zip(&candidate.places)
        {
            let want = meaning.apply(self.types(), *want).unwrap_or(*want);
            placed.push((*place, self.passed(argument, want)?));
        }
        if candidate.expanded && function.variadic != ANY {
            self.gather_variadic(function, &mut placed, position)?;
        } else if call.variadic && function.variadic == ANY {
            let message = "VARIADIC with a function of any arguments is not supported";
            return Err(at(Error::refused(message), position));
        }
        self.add_defaults(candidate, &mut placed)?;
        placed.sort_by_key(|(place, _)| *place);
        let arguments: Vec<Expr> = placed.into_iter().map(|(_, argument)| argument).collect();
        let Some(lowering) = lowering::function(function.oid) else {
            if let ("min" | "max", Some(argument)) = (function.name, arguments.first()) {
                self.check_ordered(argument.data_type, position)?;
            }
            let label = function_label(function);
            let what = match function.kind {
                FunctionKind::Aggregate if call.over.is_none() => "aggregate function",
                FunctionKind::Function
                | FunctionKind::Aggregate
                | FunctionKind::Window
                | FunctionKind::Procedure => "function",
            };
            return Err(at(Error::refused(format!("{what} {label} is not supported")), position));
        };
        if lowering == Lowering::TypeOf {
            // The type as it was before it was given to the function.
            let value = Value::Integer(i64::from(types.first().copied().unwrap_or(0)));
            let constant = Expr::constant(value, PgType::REGTYPE, position);
            return Ok(Meaning::Cast(constant, PgType::REGTYPE));
        }
        Ok(Meaning::Function(Box::new(Chosen {
            function,
            lowering,
            arguments,
            result: PgType::new(result),
        })))
    }

    /// The elements of a variadic parameter become its array.
    fn gather_variadic(
        &mut self,
        function: &'static Function,
        placed: &mut Vec<(usize, Expr)>,
        position: u32,
    ) -> Result<(), Error> {
        let last = function.arguments.len() - 1;
        let first = placed.iter().position(|(place, _)| *place == last).unwrap_or(placed.len());
        let items: Vec<Expr> = placed.drain(first..).map(|(_, item)| item).collect();
        let element = items.first().map_or(PgType::new(function.variadic), |item| item.data_type);
        let array = self.array_of(items, PgType::new(element.oid), position)?;
        placed.push((last, array));
        Ok(())
    }

    /// The defaults of parameters that were left out.
    fn add_defaults(
        &mut self,
        candidate: &Candidate,
        placed: &mut Vec<(usize, Expr)>,
    ) -> Result<(), Error> {
        let function = candidate.function.0;
        if candidate.defaulted == 0 {
            return Ok(());
        }
        let Some(defaults) = function.defaults() else {
            return Err(Error::internal("a parameter with a default has one"));
        };
        let list = crate::sql::parser::parse_expression(&format!("ROW({defaults})"))?;
        let defaults = match list.kind {
            ast::ExprKind::Row(items) => items,
            ast::ExprKind::Call(call) => call.arguments,
            _ => return Err(Error::internal("defaults are a list")),
        };
        let first = function.arguments.len() - defaults.len();
        for place in first..function.arguments.len() {
            if placed.iter().all(|(taken, _)| *taken != place) {
                let value = self.expr(&defaults[place - first])?;
                let value = Expr { position: 0, ..value };
                placed.push((place, self.passed(value, function.arguments[place])?));
            }
        }
        Ok(())
    }

    /// What has the form of a function but rules of its own.
    fn special_call(
        &mut self,
        name: &str,
        call: &Call,
        position: u32,
    ) -> Result<Option<Expr>, Error> {
        if call.name.len() > 1 {
            return Ok(None);
        }
        if call.arguments.is_empty() && matches!(name, "coalesce" | "greatest" | "least") {
            // Where the parenthesis is, unless blanks stand before it.
            let closing = position + name.len() as u32 + 1;
            let message = "syntax error at or near \")\"";
            return Err(at(Error::user(SqlState::SYNTAX_ERROR, message), closing));
        }
        match name {
            "coalesce" => {
                let arguments = self.arguments(call)?;
                let (arguments, data_type) = self.common(arguments, "COALESCE")?;
                Ok(Some(Expr { kind: ExprKind::Coalesce(arguments), data_type, position }))
            }
            "greatest" | "least" => {
                let arguments = self.arguments(call)?;
                let greatest = name == "greatest";
                let (arguments, data_type) =
                    self.common(arguments, if greatest { "GREATEST" } else { "LEAST" })?;
                self.check_ordered(data_type, position)?;
                let types = self.types();
                let arguments: Vec<Expr> =
                    arguments.into_iter().map(|one| sort_key(types, one)).collect();
                let key = arguments.first().map_or(data_type, |first| first.data_type);
                let kind = ExprKind::Extreme { greatest, arguments };
                let extreme = Expr { kind, data_type: key, position };
                let extreme = super::enums::from_sort_key(types, extreme, data_type);
                Ok(Some(Expr { data_type, ..extreme }))
            }
            "grouping" => {
                let arguments = self.arguments(call)?;
                let kind = ExprKind::Grouping(arguments);
                Ok(Some(Expr { kind, data_type: PgType::INT4, position }))
            }
            "nullif" => self.nullif(call, position).map(Some),
            _ => Ok(None),
        }
    }

    fn nullif(&mut self, call: &Call, position: u32) -> Result<Expr, Error> {
        let [left, right] = call.arguments.as_slice() else {
            return Err(at(
                Error::user(SqlState::SYNTAX_ERROR, "nullif needs two arguments"),
                position,
            ));
        };
        let (left, right) = (self.expr(left)?, self.expr(right)?);
        let equal = self.binary_operator("=", left, right, position)?;
        let ExprKind::Call { arguments, .. } = &equal.kind else {
            return Err(Error::internal("an operator is a call"));
        };
        let left = arguments[0].clone();
        let data_type = left.data_type;
        let null = Expr::constant(Value::Null, data_type, position);
        let kind =
            ExprKind::Case { branches: vec![(equal, null)], otherwise: Some(Box::new(left)) };
        Ok(Expr { kind, data_type, position })
    }

    /// Whether a call gives rows rather than a value.
    pub(super) fn is_set_function(call: &Call) -> bool {
        let known = pgdata::functions_named(function_name(call));
        let is_known = known.iter().any(|function| function.returns_set);
        Self::is_expand_array(call)
            || Self::is_json_record(call)
            || (foreign_schema(call).is_none() && is_known)
    }

    /// What a call that gives rows means.
    pub(super) fn set_function(&mut self, call: &Call, position: u32) -> Result<Chosen, Error> {
        let name = function_name(call);
        let arguments = self.arguments(call)?;
        match self.meaning(name, call, arguments, position)? {
            Meaning::Function(chosen) if chosen.function.returns_set => Ok(*chosen),
            Meaning::Function(_) | Meaning::Cast(..) => Err(at(
                Error::refused(format!("function {name} in FROM is not supported")),
                position,
            )),
        }
    }

    pub(super) fn no_function(
        &self,
        ambiguous: bool,
        name: &str,
        call: &Call,
        given: &[Oid],
    ) -> Error {
        let names = argument_names(call).unwrap_or_default();
        let positional = given.len() - names.len();
        let label = |(at, oid): (usize, &Oid)| match at.checked_sub(positional) {
            Some(named) => format!("{} => {}", names[named], self.types().label(*oid)),
            None => self.types().label(*oid).into_owned(),
        };
        let types: Vec<String> = given.iter().enumerate().map(label).collect();
        let schema = foreign_schema(call).map_or(String::new(), |schema| format!("{schema}."));
        let name = format!("{schema}{name}");
        let label =
            if call.star { format!("{name}()") } else { format!("{name}({})", types.join(", ")) };
        if ambiguous {
            let message = format!("function {label} is not unique");
            return Error::user(SqlState::AMBIGUOUS_FUNCTION, message).with_hint(
                "Could not choose a best candidate function. You might need to add explicit type casts.",
            );
        }
        let hint = if call.order_by.len() > 1 {
            "No aggregate function matches the given name and argument types. Perhaps you misplaced ORDER BY; ORDER BY must appear after all regular arguments of the aggregate."
        } else {
            "No function matches the given name and argument types. You might need to add explicit type casts."
        };
        let message = format!("function {label} does not exist");
        Error::user(SqlState::UNDEFINED_FUNCTION, message).with_hint(hint)
    }
}

/// The names of a call's last arguments.
///
/// # Errors
/// 42601 for a name that comes twice, or an argument without one behind one that has one.
pub(super) fn argument_names(call: &Call) -> Result<Vec<&str>, Error> {
    let mut names: Vec<&str> = Vec::new();
    for argument in &call.arguments {
        let wrong = |message: String| {
            Err(at(Error::user(SqlState::SYNTAX_ERROR, message), argument.position))
        };
        match &argument.kind {
            ast::ExprKind::NamedArgument { name, .. } if names.contains(&&*name.text) => {
                return wrong(format!("argument name \"{}\" used more than once", name.text));
            }
            ast::ExprKind::NamedArgument { name, .. } => names.push(&name.text),
            _ if names.is_empty() => {}
            _ => return wrong("positional argument cannot follow named argument".to_owned()),
        }
    }
    Ok(names)
}

/// The function's bare name.
fn function_name(call: &Call) -> &str {
    call.name.last().map_or("", |name| name.text.as_str())
}

/// The schema that a call names, if it isn't `pg_catalog`.
pub(super) fn foreign_schema(call: &Call) -> Option<&str> {
    let [.., schema, _] = call.name.as_slice() else { return None };
    Some(schema.text.as_str()).filter(|schema| *schema != "pg_catalog")
}
