//! Functions in SQL: a call is the function's query, with its arguments in the place of its parameters.

use crate::model::catalog::Function;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sql::Names;
use crate::sql::ast::{self, Call};
use crate::sql::bind::query::{output, plain_query, select_of, unique_aliases};
use crate::sql::bind::table_function::column_of;
use crate::sql::bind::whole_row::RowSource;
use crate::sql::bind::{Binder, Item, Scope, at, scope};
use crate::sql::bound::{Body, Distinct, Expr, ExprKind, From, Query};
use crate::sql::parser;
use crate::sql::types::casts::Context;
use crate::sql::types::{Lowering, type_label};

/// Functions may call functions; deeper than this they are taken for a circle.
const DEPTH_MAX: usize = 40;
/// `void`
const VOID: u32 = 2278;

impl<'a> Binder<'a> {
    /// The own functions that a call may mean. PostgreSQL's own ones of that name come first.
    pub(super) fn own_functions(&self, call: &Call) -> Vec<&'a Function> {
        let (schema, name) = match call.name.as_slice() {
            [name] => (None, &name.text),
            [schema, name] => (Some(self.meant_schema(&schema.text)), &name.text),
            _ => return Vec::new(),
        };
        if self.catalog.functions.is_empty()
            || self.in_system_view
            || (schema.is_none() && !crate::pgdata::functions_named(name).is_empty())
        {
            return Vec::new();
        }
        self.functions_named(schema, name)
    }

    /// The database's own functions of a name, the oldest first; those that the search path finds, where no
    /// schema is given.
    pub(super) fn functions_named(&self, schema: Option<&str>, name: &str) -> Vec<&'a Function> {
        let path = self.search_path();
        let mut found: Vec<&Function> = self
            .catalog
            .functions
            .values()
            .filter(|known| {
                known.name == *name
                    && schema.map_or_else(
                        || path.contains(&known.schema.as_str()),
                        |schema| known.schema == schema,
                    )
            })
            .map(AsRef::as_ref)
            .collect();
        found.sort_unstable_by_key(|known| known.oid);
        found
    }

    /// The function that a call means, with its arguments as it takes them.
    pub(super) fn own_call(
        &mut self,
        candidates: &[&'a Function],
        call: &Call,
        position: u32,
    ) -> Result<(&'a Function, Vec<Expr>), Error> {
        let given = self.arguments(call)?;
        let names = super::function::argument_names(call)?;
        // For each candidate that takes so many, the parameters that the arguments are for.
        let mut fitting: Vec<(&'a Function, Vec<usize>)> = candidates
            .iter()
            .filter_map(|function| Some((*function, places(function, given.len(), &names)?)))
            .collect();
        // Exact ones come first, and of equal ones those that need fewer defaults.
        fitting.sort_by_key(|(function, places)| {
            let exact = given
                .iter()
                .zip(places)
                .all(|(expr, place)| expr.data_type.oid == function.argument_types[*place]);
            (!exact, function.argument_types.len())
        });
        for (function, places) in fitting {
            if let Some(arguments) = self.own_arguments(function, &given, &places)? {
                return Ok((function, arguments));
            }
        }
        let types: Vec<u32> = given.iter().map(|expr| expr.data_type.oid).collect();
        let name = super::label(&call.name);
        Err(at(self.no_function(false, &name, call, &types), position))
    }

    pub(super) fn refuse_procedure(
        &mut self,
        function: &Function,
        call: &Call,
        position: u32,
    ) -> Result<(), Error> {
        if !function.is_procedure() {
            return Ok(());
        }
        let message = format!("{} is a procedure", self.called_as(call)?);
        let error = Error::user(SqlState::WRONG_OBJECT_TYPE, message);
        Err(at(error.with_hint("To call a procedure, use CALL."), position))
    }

    /// A call with the types of its arguments: `note(text, integer)`.
    fn called_as(&mut self, call: &Call) -> Result<String, Error> {
        let given = self.arguments(call)?;
        let labels: Vec<String> =
            given.iter().map(|expr| self.types().label(expr.data_type.oid).to_string()).collect();
        Ok(format!("{}({})", super::label(&call.name), labels.join(", ")))
    }

    /// The procedure that CALL means, with its arguments.
    ///
    /// # Errors
    /// 42883; 42809 for a function.
    pub(crate) fn procedure(&mut self, call: &Call) -> Result<(&'a Function, Vec<Expr>), Error> {
        let Some(last) = call.name.last() else { return Err(Error::internal("no name")) };
        let schema = match call.name.as_slice() {
            [schema, _] => Some(self.meant_schema(&schema.text).to_owned()),
            _ => None,
        };
        let known = self.functions_named(schema.as_deref(), &last.text);
        let built_in = !crate::pgdata::functions_named(&last.text).is_empty();
        if known.iter().all(|known| !known.is_procedure()) && (built_in || !known.is_empty()) {
            let message = format!("{} is not a procedure", self.called_as(call)?);
            let error = Error::user(SqlState::WRONG_OBJECT_TYPE, message)
                .with_hint("To call a function, use SELECT.");
            return Err(at(error, last.position));
        }
        let procedures: Vec<_> = known.into_iter().filter(|known| known.is_procedure()).collect();
        match self.own_call(&procedures, call, last.position) {
            Err(error) if error.state() == SqlState::UNDEFINED_FUNCTION => {
                let message = format!("procedure {} does not exist", self.called_as(call)?);
                let error = Error::user(SqlState::UNDEFINED_FUNCTION, message).with_hint(
                    "No procedure matches the given name and argument types. You might need to add explicit type casts.",
                );
                Err(at(error, last.position))
            }
            found => found,
        }
    }

    /// What a function's parameters are in a call; `None` if an argument can't be of its type.
    fn own_arguments(
        &mut self,
        function: &Function,
        given: &[Expr],
        places: &[usize],
    ) -> Result<Option<Vec<Expr>>, Error> {
        let first_default = function.argument_types.len() - function.defaults.len();
        let mut arguments = Vec::new();
        for (place, oid) in function.argument_types.iter().enumerate() {
            let argument = match places.iter().position(|known| *known == place) {
                Some(at) => self.coerce(given[at].clone(), PgType::new(*oid), Context::Implicit)?,
                None => {
                    let tree = parser::parse_expression(&function.defaults[place - first_default])?;
                    Some(self.argument_default(&tree, *oid)?)
                }
            };
            match argument {
                Some(argument) => arguments.push(argument),
                None => return Ok(None),
            }
        }
        Ok(Some(arguments))
    }

    /// The default of a function's argument of a type.
    ///
    /// # Errors
    /// 42703 if it uses columns; 42804 if it isn't of the type.
    pub(crate) fn argument_default(&mut self, tree: &ast::Expr, oid: u32) -> Result<Expr, Error> {
        let scopes = std::mem::take(&mut self.scopes);
        let bound = self.expr(tree);
        self.scopes = scopes;
        let (bound, wanted) = (bound?, PgType::new(oid));
        let given = bound.data_type.oid;
        match self.coerce(bound, wanted, Context::Assignment)? {
            Some(expr) => Ok(Expr { position: 0, ..expr }),
            None => {
                let (wanted, given) = (self.types().label(oid), self.types().label(given));
                let message =
                    format!("argument of DEFAULT must be type {wanted}, not type {given}");
                Err(at(Error::user(SqlState::DATATYPE_MISMATCH, message), tree.position))
            }
        }
    }

    /// A call that gives a value.
    pub(super) fn inlined_call(
        &mut self,
        candidates: &[&'a Function],
        call: &Call,
        position: u32,
    ) -> Result<Expr, Error> {
        let (function, arguments) = self.own_call(candidates, call, position)?;
        self.refuse_procedure(function, call, position)?;
        if function.returns_set {
            let message = format!(
                "the set-returning function {} in a select list is not supported",
                function.name
            );
            return Err(at(Error::refused(message), position));
        }
        let nulls = arguments.clone();
        let query = self.inlined_query(function, arguments).map_err(|error| at(error, position))?;
        let value = if function.columns.len() > 1 {
            self.first_record(query, function, position)?
        } else {
            let value = match single_value(&query) {
                Some(value) => value.clone(),
                None => first_row(query),
            };
            self.cast(value, PgType::new(function.result_type), position)?
        };
        let result = value.data_type;
        if !function.strict || nulls.is_empty() {
            return Ok(Expr { position, ..value });
        }
        let branches = nulls
            .into_iter()
            .map(|argument| {
                let kind = ExprKind::IsNull { operand: Box::new(argument), negated: false };
                let is_null = Expr { kind, data_type: PgType::BOOL, position: 0 };
                (is_null, Expr::constant(Value::Null, result, 0))
            })
            .collect();
        let kind = ExprKind::Case { branches, otherwise: Some(Box::new(value)) };
        Ok(Expr { kind, data_type: result, position })
    }

    /// A query's first row as a record of what a function gives back.
    fn first_record(
        &mut self,
        query: Query,
        function: &Function,
        position: u32,
    ) -> Result<Expr, Error> {
        let id = self.add_relation(&function.name);
        let names = function.columns.iter().map(|(name, _)| name.clone());
        let fields = names.zip(&query.outputs);
        let fields = fields.map(|(name, output)| (name, column_of(id, output))).collect();
        let row = self.row_of(fields, (None, 0), position)?;
        let outputs = vec![output(function.name.clone(), row.data_type)];
        let Body::Select(mut select) = select_of(vec![row]) else {
            return Err(Error::internal("a select is one"));
        };
        select.from = Some(From::Subquery { query: Box::new(query), id });
        Ok(first_row(plain_query(Body::Select(select), unique_aliases(outputs))))
    }

    /// A call in FROM: a query and the names of its columns.
    pub(super) fn inlined_rows(
        &mut self,
        candidates: &[&'a Function],
        call: &Call,
        position: u32,
    ) -> Result<(Query, Vec<String>), Error> {
        let (function, arguments) = self.own_call(candidates, call, position)?;
        self.refuse_procedure(function, call, position)?;
        let query = self.inlined_query(function, arguments).map_err(|error| at(error, position))?;
        let names = if function.columns.is_empty() {
            vec![function.name.clone()]
        } else {
            function.columns.iter().map(|(name, _)| name.clone()).collect()
        };
        Ok((query, names))
    }

    /// Lets the statement use parameters by the names that its routine gives them. Columns come first.
    pub(crate) fn know_parameters(&mut self, names: &Names) -> Result<(), Error> {
        if names.all.is_empty() {
            return Ok(());
        }
        let of = if names.exclusive { scope::Names::Variables } else { scope::Names::Parameters };
        let mut scope = Scope { of, ..Scope::default() };
        for (at, known) in names.all.iter().enumerate() {
            let relation = Some(known.relation.clone()).filter(|name| !name.is_empty());
            if let Some(relation) = relation.as_ref().filter(|name| !scope.relations.contains(name))
            {
                scope.relations.push(relation.clone());
                if known.is_field {
                    scope.rows.push(RowSource::of_expressions(relation));
                }
            }
            let (name, bare) = (known.name.clone(), known.bare);
            if !name.is_empty() {
                scope.items.push(Item { relation, name, expr: self.parameter(at + 1, 0)?, bare });
            }
        }
        self.scopes.push(scope);
        Ok(())
    }

    /// Whether the body of a function is being bound in the place of a call.
    pub(super) fn is_inlining(&self) -> bool {
        !self.inlined.is_empty()
    }

    fn inlined_query(&mut self, function: &Function, arguments: Vec<Expr>) -> Result<Query, Error> {
        if function.language == "c" {
            let outputs = vec![output(function.name.clone(), PgType::new(function.result_type))];
            let value = brought(function, arguments)?;
            return Ok(plain_query(select_of(vec![value]), unique_aliases(outputs)));
        }
        if function.language != "sql" {
            let message = "trigger functions can only be called as triggers";
            return Err(Error::refused(message));
        }
        if self.inlined.len() >= DEPTH_MAX || self.inlined.contains(&function.oid) {
            let message =
                format!("the function {}, which calls itself, is not supported", function.name);
            return Err(Error::refused(message));
        }
        if arguments.iter().any(Expr::is_volatile) {
            let message = format!(
                "a volatile argument of the function {}, which is put in the place of its call, \
                 is not supported",
                function.name
            );
            return Err(Error::refused(message));
        }
        let tree = parser::parse_function(&function.body)?;
        let items =
            function.argument_names.iter().zip(&arguments).filter(|(name, _)| !name.is_empty());
        let items = items
            .map(|(name, expr)| Item {
                relation: Some(function.name.clone()),
                name: name.clone(),
                expr: expr.clone(),
                bare: true,
            })
            .collect();
        let scope = Scope { items, relations: vec![function.name.clone()], ..Scope::default() };
        let scopes = std::mem::replace(&mut self.scopes, vec![scope]);
        let ctes = std::mem::take(&mut self.ctes);
        let outer = self.function_arguments.replace(arguments);
        let set_calls = self.set_calls.take();
        self.inlined.push(function.oid);
        let bound = self.query(&tree);
        self.inlined.pop();
        self.set_calls = set_calls;
        self.function_arguments = outer;
        self.ctes = ctes;
        self.scopes = scopes;
        let query = bound.map_err(|mut error| {
            error.fields_mut().position = None;
            error
        })?;
        self.as_result(function, query)
    }

    /// A function's query with the types of its result.
    fn as_result(&mut self, function: &Function, query: Query) -> Result<Query, Error> {
        let mut query = query;
        let wanted: Vec<u32> = if function.columns.is_empty() {
            vec![function.result_type]
        } else {
            function.columns.iter().map(|(_, oid)| *oid).collect()
        };
        if wanted == [VOID] {
            return Ok(query);
        }
        let returns = type_label(function.result_type);
        let mismatch = |detail: String| {
            let message = format!("return type mismatch in function declared to return {returns}");
            Error::user(SqlState(*b"42P13"), message).with_detail(detail)
        };
        if query.outputs.len() != wanted.len() {
            let detail = if wanted.len() == 1 {
                "Final statement must return exactly one column."
            } else {
                "Final statement returns a wrong number of columns."
            };
            return Err(mismatch(detail.to_owned()));
        }
        for (output, oid) in query.outputs.iter().zip(&wanted) {
            let same = output.data_type.oid == *oid;
            let implicit = crate::sql::types::casts::find(
                self.types(),
                output.data_type.oid,
                *oid,
                Context::Assignment,
            );
            if !same && implicit.is_none() {
                let actual = type_label(output.data_type.oid);
                return Err(mismatch(format!("Actual return type is {actual}.")));
            }
        }
        let targets: Vec<PgType> = wanted.iter().map(|oid| PgType::new(*oid)).collect();
        if !query
            .outputs
            .iter()
            .zip(&targets)
            .all(|(output, target)| output.data_type.oid == target.oid)
        {
            query = self.convert_outputs(query, &targets)?;
        }
        Ok(query)
    }

    /// Binds a new function's query with arguments of its types.
    ///
    /// # Errors
    /// What a call of it would fail with; 42P13 for a result of another type.
    pub(crate) fn check_inlined(&mut self, function: &Function) -> Result<(), Error> {
        let constant = |oid: &u32| Expr::constant(Value::Null, PgType::new(*oid), 0);
        let arguments = function.argument_types.iter().map(constant).collect();
        self.inlined_query(function, arguments).map(drop)
    }
}

/// The parameters that a call's arguments are for, the last of which may have names; `None` if a function can't
/// be called so.
fn places(function: &Function, given: usize, names: &[&str]) -> Option<Vec<usize>> {
    let count = function.argument_types.len();
    let mut places: Vec<usize> = (0..given.checked_sub(names.len())?).collect();
    for name in names {
        let known = &function.argument_names;
        let place = known.iter().position(|known| known == name && !known.is_empty())?;
        if places.contains(&place) {
            return None;
        }
        places.push(place);
    }
    let required = count - function.defaults.len();
    let all = given <= count && (0..required).all(|place| places.contains(&place));
    all.then_some(places)
}

/// The one value of a query without FROM and the like.
fn single_value(query: &Query) -> Option<&Expr> {
    let Body::Select(select) = &query.body else { return None };
    let plain = query.ctes.is_empty()
        && query.limit.is_none()
        && query.offset.is_none()
        && select.from.is_none()
        && select.filter.is_none()
        && select.group_by.is_empty()
        && select.having.is_none()
        && matches!(select.distinct, Distinct::All)
        && !select.items.iter().any(Expr::has_aggregate);
    match select.items.as_slice() {
        [only] if plain => Some(only),
        _ => None,
    }
}

/// A query's first row as a value.
fn first_row(mut query: Query) -> Expr {
    if query.limit.is_none() {
        query.limit = Some(Expr::constant(Value::Integer(1), PgType::INT8, 0));
    }
    let data_type = query.outputs.first().map_or(PgType::TEXT, |output| output.data_type);
    Expr { kind: ExprKind::Subquery(Box::new(query)), data_type, position: 0 }
}

impl Expr {
    /// Whether it may give another value each time that it is evaluated, or costs a query each time.
    pub(crate) fn is_volatile(&self) -> bool {
        let own = match &self.kind {
            ExprKind::Call { volatile, .. } => *volatile,
            ExprKind::NextValue { .. } | ExprKind::NextValueOfRow { .. } => true,
            _ => self.subquery().is_some(),
        };
        own || self.children().into_iter().any(Self::is_volatile)
    }
}

/// The value of a function that an extension brings.
fn brought(function: &Function, arguments: Vec<Expr>) -> Result<Expr, Error> {
    let fixed = |uuid: &str| Ok(Expr::constant(Value::Text(uuid.to_owned()), PgType::UUID, 0));
    let lowering = match function.body.as_str() {
        "uuid_nil" => return fixed("00000000-0000-0000-0000-000000000000"),
        "uuid_ns_dns" => return fixed("6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        "uuid_ns_url" => return fixed("6ba7b811-9dad-11d1-80b4-00c04fd430c8"),
        "uuid_ns_oid" => return fixed("6ba7b812-9dad-11d1-80b4-00c04fd430c8"),
        "uuid_ns_x500" => return fixed("6ba7b814-9dad-11d1-80b4-00c04fd430c8"),
        // They differ in PostgreSQL by the node, which is a network card's address there.
        "uuid_generate_v1" | "uuid_generate_v1mc" => "pg_uuid_v1",
        "uuid_generate_v3" => "pg_uuid_v3",
        "uuid_generate_v4" => "pg_random_uuid",
        "uuid_generate_v5" => "pg_uuid_v5",
        other => return Err(Error::refused(format!("the function {other} is not supported"))),
    };
    let kind = ExprKind::Call {
        lowering: Lowering::Call(lowering),
        arguments,
        volatile: function.volatility == 'v',
        strict: true,
    };
    Ok(Expr { kind, data_type: PgType::UUID, position: 0 })
}
