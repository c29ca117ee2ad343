//! Function calls.

use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::sql::ast::Call;
use crate::sql::bind::{Binder, at, check_ordered};
use crate::sql::bound::{Expr, ExprKind};
use crate::sql::types::casts::Context;
use crate::sql::types::functions::{self, Function, Kind};
use crate::sql::types::resolve::{self, Choice};
use crate::sql::types::{ANY, Fact, Lowering, category, type_label};

impl Binder<'_> {
    pub(super) fn call(&mut self, call: &Call, position: u32) -> Result<Expr, Error> {
        let name = function_name(call)?;
        if let Some(special) = self.special_call(name, call, position)? {
            return Ok(special);
        }
        let arguments = self.arguments(call)?;
        let (function, arguments) = self.choose_function(name, call, arguments, position)?;
        match function.kind {
            Kind::Scalar => {
                let plain = !call.star && !call.distinct && call.order_by.is_empty();
                if !plain || call.filter.is_some() || call.over.is_some() {
                    let (what, state) = if call.over.is_some() {
                        ("OVER", SqlState::WRONG_OBJECT_TYPE)
                    } else {
                        ("DISTINCT, ORDER BY or FILTER", SqlState::WRONG_OBJECT_TYPE)
                    };
                    return Err(at(
                        Error::user(
                            state,
                            format!("{what} specified, but {name} is not an aggregate function"),
                        ),
                        position,
                    ));
                }
                self.scalar_call(function, arguments, position)
            }
            Kind::Aggregate | Kind::Window => {
                self.aggregate_call(function, call, arguments, position)
            }
            Kind::Set => Err(at(
                Error::refused("set-returning functions are supported in FROM only"),
                position,
            )),
        }
    }

    fn arguments(&mut self, call: &Call) -> Result<Vec<Expr>, Error> {
        call.arguments.iter().map(|argument| self.expr(argument)).collect()
    }

    fn scalar_call(
        &mut self,
        function: &'static Function,
        mut arguments: Vec<Expr>,
        position: u32,
    ) -> Result<Expr, Error> {
        let result = PgType::new(function.result);
        match function.lowering {
            Lowering::Now if result.oid != PgType::TIMESTAMPTZ.oid => {
                let now = Expr::call(Lowering::Now, Vec::new(), PgType::TIMESTAMPTZ, position);
                return self.cast(now, result, position);
            }
            Lowering::CurrentSetting => {
                let Some(ExprKind::Constant(Value::Text(_))) =
                    arguments.first().map(|first| &first.kind)
                else {
                    return Err(at(
                        Error::refused("current_setting with a computed name is not supported"),
                        position,
                    ));
                };
                arguments.truncate(1);
            }
            Lowering::NextValue => return self.next_value(arguments, position),
            Lowering::SessionFact(fact) => {
                let text = match fact {
                    Fact::User => Some(self.settings.user.clone()),
                    Fact::Database => Some(self.settings.database.clone()),
                    // The first schema of the search path that there is.
                    Fact::Schema => self
                        .settings
                        .search_path
                        .iter()
                        .find(|schema| matches!(schema.as_str(), "public" | "pg_catalog"))
                        .cloned(),
                };
                let value = text.map_or(Value::Null, Value::Text);
                return Ok(Expr::constant(value, result, position));
            }
            _ => {}
        }
        let kind =
            ExprKind::Call { lowering: function.lowering, arguments, volatile: function.volatile };
        Ok(Expr { kind, data_type: result, position })
    }

    /// The function that a call means, and the arguments with its types.
    fn choose_function(
        &mut self,
        name: &str,
        call: &Call,
        arguments: Vec<Expr>,
        position: u32,
    ) -> Result<(&'static Function, Vec<Expr>), Error> {
        let given: Vec<Oid> = arguments.iter().map(|argument| argument.data_type.oid).collect();
        let found = functions::named(name);
        let candidates: Vec<Vec<Oid>> =
            found.iter().map(|function| wanted(function, given.len())).collect();
        let place = match resolve::choose(&candidates, &given) {
            Choice::One(place) => place,
            // A type's name as a function is a cast.
            Choice::None | Choice::Ambiguous if candidates.contains(&given) => {
                candidates.iter().position(|candidate| *candidate == given).unwrap_or(0)
            }
            choice => {
                if let (true, [oid]) = (matches!(name, "min" | "max"), given.as_slice())
                    && (*oid == PgType::INTERVAL.oid || category(*oid) == b'A')
                {
                    check_ordered(PgType::new(*oid), position)?;
                }
                return Err(no_function(choice, name, call, &given, position));
            }
        };
        let arguments = arguments
            .into_iter()
            .zip(&candidates[place])
            .map(|(argument, want)| {
                if *want == ANY {
                    return self.resolve_unknown(argument);
                }
                let position = argument.position;
                self.coerce(argument, PgType::new(*want), Context::Implicit)?.ok_or_else(|| {
                    at(Error::internal("a function was chosen that does not fit"), position)
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok((found[place], arguments))
    }

    /// What has the form of a function but rules of its own.
    fn special_call(
        &mut self,
        name: &str,
        call: &Call,
        position: u32,
    ) -> Result<Option<Expr>, Error> {
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
                check_ordered(data_type, position)?;
                Ok(Some(Expr {
                    kind: ExprKind::Extreme { greatest, arguments },
                    data_type,
                    position,
                }))
            }
            "nullif" => self.nullif(call, position).map(Some),
            "concat" | "concat_ws" => self.concat(name, call, position).map(Some),
            "pg_typeof" => Err(at(Error::refused("pg_typeof is not supported"), position)),
            "set_config" => {
                Err(at(Error::refused("set_config is not supported; use SET"), position))
            }
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

    /// `concat` takes anything by its text form.
    fn concat(&mut self, name: &str, call: &Call, position: u32) -> Result<Expr, Error> {
        let arguments = self.arguments(call)?;
        let arguments = arguments
            .into_iter()
            .map(|argument| {
                let argument = self.resolve_unknown(argument)?;
                self.cast(argument, PgType::TEXT, position)
            })
            .collect::<Result<Vec<_>, _>>()?;
        if arguments.is_empty() {
            return Err(no_function(Choice::None, name, call, &[], position));
        }
        let lowering = Lowering::Call(if name == "concat" { "pg_concat" } else { "pg_concat_ws" });
        Ok(Expr::call(lowering, arguments, PgType::TEXT, position))
    }

    /// The arguments of a function in FROM, and its result's type.
    pub(super) fn set_function(
        &mut self,
        call: &Call,
        position: u32,
    ) -> Result<(Vec<Expr>, PgType), Error> {
        let name = function_name(call)?;
        let arguments = self.arguments(call)?;
        let (function, arguments) = self.choose_function(name, call, arguments, position)?;
        if function.kind != Kind::Set {
            return Err(at(
                Error::refused(format!("function {name} in FROM is not supported")),
                position,
            ));
        }
        Ok((arguments, PgType::new(function.result)))
    }
}

/// The function's bare name; schemas other than `pg_catalog` have no functions.
fn function_name(call: &Call) -> Result<&str, Error> {
    match call.name.as_slice() {
        [name] => Ok(&name.text),
        [schema, name] if schema.text == "pg_catalog" => Ok(&name.text),
        parts => {
            let all: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
            Err(at(
                Error::user(
                    SqlState::UNDEFINED_FUNCTION,
                    format!("function {}() does not exist", all.join(".")),
                ),
                parts.first().map_or(0, |part| part.position),
            ))
        }
    }
}

fn wanted(function: &Function, count: usize) -> Vec<Oid> {
    let mut wanted = function.arguments.to_vec();
    if function.variadic
        && let Some(last) = wanted.last().copied()
    {
        while wanted.len() < count {
            wanted.push(last);
        }
    }
    wanted
}

fn no_function(choice: Choice, name: &str, call: &Call, given: &[Oid], position: u32) -> Error {
    let types: Vec<&str> = given.iter().map(|oid| type_label(*oid)).collect();
    let label =
        if call.star { format!("{name}(*)") } else { format!("{name}({})", types.join(", ")) };
    let error = if choice == Choice::Ambiguous {
        Error::user(SqlState::AMBIGUOUS_FUNCTION, format!("function {label} is not unique"))
            .with_hint("Could not choose a best candidate function. You might need to add explicit type casts.")
    } else {
        Error::user(SqlState::UNDEFINED_FUNCTION, format!("function {label} does not exist"))
            .with_hint("No function matches the given name and argument types. You might need to add explicit type casts.")
    };
    at(error, position)
}
