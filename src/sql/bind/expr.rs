//! Expressions.

use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{PgType, builtin};
use crate::model::value::Value;
use crate::sql::ast;
use crate::sql::bind::{Binder, at, check_equality};
use crate::sql::bound::{Expr, ExprKind, Query};
use crate::sql::types::{category, is_text, lookup_type, type_label};

impl Binder<'_> {
    /// Binds an expression; string constants and bare parameters may stay UNKNOWN.
    pub(crate) fn expr(&mut self, tree: &ast::Expr) -> Result<Expr, Error> {
        let position = tree.position;
        match &tree.kind {
            ast::ExprKind::Column(name) => self.resolve_column(name),
            ast::ExprKind::Null => Ok(Expr::constant(Value::Null, PgType::UNKNOWN, position)),
            ast::ExprKind::Boolean(value) => {
                Ok(Expr::constant(Value::Integer(i64::from(*value)), PgType::BOOL, position))
            }
            ast::ExprKind::Number(text) => number(text, position),
            ast::ExprKind::String(text) => Ok(Expr {
                kind: ExprKind::Unknown(text.clone()),
                data_type: PgType::UNKNOWN,
                position,
            }),
            ast::ExprKind::Bits => {
                Err(at(Error::refused("bit strings are not supported"), position))
            }
            ast::ExprKind::Parameter(number) => self.parameter(*number, position),
            ast::ExprKind::Unary { op, operand } => {
                let operand = self.expr(operand)?;
                self.prefix_operator(op, operand, position)
            }
            ast::ExprKind::Binary { op, left, right } => {
                if matches!(
                    (&left.kind, &right.kind),
                    (ast::ExprKind::Row(_), _) | (_, ast::ExprKind::Row(_))
                ) {
                    return self.row_comparison(op, left, right, position);
                }
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                self.binary_operator(op, left, right, position)
            }
            ast::ExprKind::Cast { operand, target } => {
                let data_type = lookup_type(target)?;
                let operand = self.expr(operand)?;
                self.cast(operand, data_type, position)
            }
            ast::ExprKind::Call(call) => self.call(call, position),
            ast::ExprKind::Subquery(query) => self.scalar_subquery(query, position),
            ast::ExprKind::Exists(query) => {
                let query = self.query(query)?;
                Ok(boolean(ExprKind::Exists(Box::new(query)), position))
            }
            ast::ExprKind::Case { operand, branches, otherwise } => {
                self.case(operand.as_deref(), branches, otherwise.as_deref(), position)
            }
            ast::ExprKind::Row(_) => {
                Err(at(Error::refused("row values are not supported here"), position))
            }
            ast::ExprKind::Array(_) | ast::ExprKind::ArraySubquery(_) => {
                Err(at(Error::refused("array constructors are not supported"), position))
            }
            ast::ExprKind::Collate { operand, collation } => {
                let name = collation.last().map_or("", |name| name.text.as_str());
                if !matches!(name, "C" | "POSIX" | "default" | "ucs_basic") {
                    let message =
                        format!("collation \"{name}\" for encoding \"UTF8\" does not exist");
                    return Err(at(Error::user(SqlState::UNDEFINED_OBJECT, message), position));
                }
                // All text is ordered by code points, as those collations do.
                self.expr(operand)
            }
            ast::ExprKind::Default => Err(at(
                Error::user(SqlState::SYNTAX_ERROR, "DEFAULT is not allowed in this context"),
                position,
            )),
            _ => self.predicate(tree),
        }
    }

    /// Expressions that are true, false or NULL.
    fn predicate(&mut self, tree: &ast::Expr) -> Result<Expr, Error> {
        let position = tree.position;
        match &tree.kind {
            ast::ExprKind::And(left, right) => {
                let left = Box::new(self.condition(left, "AND")?);
                Ok(boolean(ExprKind::And(left, Box::new(self.condition(right, "AND")?)), position))
            }
            ast::ExprKind::Or(left, right) => {
                let left = Box::new(self.condition(left, "OR")?);
                Ok(boolean(ExprKind::Or(left, Box::new(self.condition(right, "OR")?)), position))
            }
            ast::ExprKind::Not(operand) => {
                let operand = self.condition(operand, "NOT")?;
                Ok(boolean(ExprKind::Not(Box::new(operand)), position))
            }
            ast::ExprKind::IsNull { operand, negated } => {
                let operand = self.expr(operand)?;
                let operand = Box::new(self.resolve_unknown(operand)?);
                Ok(boolean(ExprKind::IsNull { operand, negated: *negated }, position))
            }
            ast::ExprKind::IsTruth { operand, value, negated } => {
                let operand = Box::new(self.condition(operand, "IS")?);
                let kind = match value {
                    Some(value) => ExprKind::IsTruth { operand, value: *value, negated: *negated },
                    None => ExprKind::IsNull { operand, negated: *negated },
                };
                Ok(boolean(kind, position))
            }
            ast::ExprKind::IsDistinct { left, right, negated } => {
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                let (left, right) = self.compared(left, right, position)?;
                let kind = ExprKind::IsDistinct {
                    left: Box::new(left),
                    right: Box::new(right),
                    negated: *negated,
                };
                Ok(boolean(kind, position))
            }
            _ => self.membership(tree),
        }
    }

    /// IN, BETWEEN, LIKE, ANY.
    fn membership(&mut self, tree: &ast::Expr) -> Result<Expr, Error> {
        let position = tree.position;
        match &tree.kind {
            ast::ExprKind::InList { operand, list, negated } => {
                self.in_list(operand, list, *negated, position)
            }
            ast::ExprKind::InQuery { operand, query, negated } => {
                self.in_query(operand, query, *negated, position)
            }
            ast::ExprKind::Between { operand, low, high, negated } => {
                let operand = self.expr(operand)?;
                let (low, high) = (self.expr(low)?, self.expr(high)?);
                let above = self.binary_operator(">=", operand.clone(), low, position)?;
                let below = self.binary_operator("<=", operand, high, position)?;
                let between = boolean(ExprKind::And(Box::new(above), Box::new(below)), position);
                if *negated {
                    Ok(boolean(ExprKind::Not(Box::new(between)), position))
                } else {
                    Ok(between)
                }
            }
            ast::ExprKind::Like { operand, pattern, escape, negated, fold } => {
                let mut text = |tree: &ast::Expr| {
                    let expr = self.expr(tree)?;
                    let label = expr.data_type.oid;
                    let position = tree.position;
                    self.coerce(expr, PgType::TEXT, crate::sql::types::casts::Context::Implicit)?
                        .ok_or_else(|| {
                            at(
                                Error::user(
                                    SqlState::UNDEFINED_FUNCTION,
                                    format!(
                                        "operator does not exist: {} ~~ unknown",
                                        type_label(label)
                                    ),
                                ),
                                position,
                            )
                        })
                };
                let (operand, pattern) = (Box::new(text(operand)?), Box::new(text(pattern)?));
                let escape =
                    escape.as_deref().map(|escape| text(escape).map(Box::new)).transpose()?;
                Ok(boolean(
                    ExprKind::Like { operand, pattern, escape, negated: *negated, fold: *fold },
                    position,
                ))
            }
            ast::ExprKind::Quantified { left, op, all, right } => {
                self.quantified(left, op, *all, right, position)
            }
            ast::ExprKind::Subscript { .. } => {
                Err(at(Error::refused("subscripting an array is not supported"), position))
            }
            ast::ExprKind::Field { .. } | ast::ExprKind::Expand(_) => {
                Err(at(Error::refused("selecting a field of a row is not supported"), position))
            }
            ast::ExprKind::WholeRow(_) => {
                Err(at(Error::refused("a whole row as a value is not supported"), position))
            }
            ast::ExprKind::NamedArgument { .. } => {
                Err(at(Error::refused("named arguments are not supported"), position))
            }
            _ => Err(at(Error::refused("this expression is not supported"), position)),
        }
    }

    /// An expression that must be boolean: `argument of WHERE must be type boolean, not type integer`.
    pub(super) fn condition(&mut self, tree: &ast::Expr, clause: &str) -> Result<Expr, Error> {
        let expr = self.expr(tree)?;
        self.coerce_to(expr, PgType::BOOL, &format!("argument of {clause}"))
    }

    fn parameter(&self, number: usize, position: u32) -> Result<Expr, Error> {
        match self.parameters.get(number - 1) {
            Some(known) => Ok(Expr {
                kind: ExprKind::Parameter(number),
                data_type: known.unwrap_or(PgType::UNKNOWN),
                position,
            }),
            None => Err(at(
                Error::user(
                    SqlState::UNDEFINED_PARAMETER,
                    format!("there is no parameter ${number}"),
                ),
                position,
            )),
        }
    }

    /// Two operands with the types that `=` gives them.
    fn compared(&mut self, left: Expr, right: Expr, position: u32) -> Result<(Expr, Expr), Error> {
        let equal = self.binary_operator("=", left, right, position)?;
        match equal.kind {
            ExprKind::Call { mut arguments, .. } if arguments.len() == 2 => {
                let right = arguments.remove(1);
                Ok((arguments.remove(0), right))
            }
            _ => Err(Error::internal("an operator is a call")),
        }
    }

    /// `(a, b) = (1, 2)`, also with `<>`.
    fn row_comparison(
        &mut self,
        op: &str,
        left: &ast::Expr,
        right: &ast::Expr,
        position: u32,
    ) -> Result<Expr, Error> {
        let (ast::ExprKind::Row(left), ast::ExprKind::Row(right)) = (&left.kind, &right.kind)
        else {
            return Err(at(
                Error::refused("comparing a row with something else is not supported"),
                position,
            ));
        };
        if left.len() != right.len() {
            return Err(at(
                Error::user(SqlState::SYNTAX_ERROR, "unequal number of entries in row expressions"),
                position,
            ));
        }
        if !matches!(op, "=" | "<>" | "!=") {
            return Err(at(
                Error::refused(format!("row comparison with {op} is not supported")),
                position,
            ));
        }
        let mut all: Option<Expr> = None;
        for (left, right) in left.iter().zip(right) {
            let (left, right) = (self.expr(left)?, self.expr(right)?);
            let equal = self.binary_operator("=", left, right, position)?;
            all = Some(match all {
                None => equal,
                Some(other) => boolean(ExprKind::And(Box::new(other), Box::new(equal)), position),
            });
        }
        let all =
            all.ok_or_else(|| at(Error::refused("empty rows are not supported"), position))?;
        if op == "=" { Ok(all) } else { Ok(boolean(ExprKind::Not(Box::new(all)), position)) }
    }

    fn in_list(
        &mut self,
        operand: &ast::Expr,
        list: &[ast::Expr],
        negated: bool,
        position: u32,
    ) -> Result<Expr, Error> {
        if let ast::ExprKind::Row(_) = operand.kind {
            let mut any: Option<Expr> = None;
            for item in list {
                let equal = self.row_comparison("=", operand, item, position)?;
                any = Some(match any {
                    None => equal,
                    Some(other) => {
                        boolean(ExprKind::Or(Box::new(other), Box::new(equal)), position)
                    }
                });
            }
            let any =
                any.ok_or_else(|| at(Error::refused("an empty list is not supported"), position))?;
            return if negated {
                Ok(boolean(ExprKind::Not(Box::new(any)), position))
            } else {
                Ok(any)
            };
        }
        let operand = self.expr(operand)?;
        let items = list.iter().map(|item| self.expr(item)).collect::<Result<Vec<_>, _>>()?;
        // PostgreSQL compares with the common type of all, where there is one.
        let mut all = vec![operand];
        all.extend(items);
        let (mut all, data_type) =
            self.common(all, "IN").map_err(|error| self.no_equality(error, position))?;
        check_equality(data_type, position)?;
        let operand = Box::new(all.remove(0));
        Ok(boolean(ExprKind::InList { operand, list: all, negated }, position))
    }

    /// What `a IN (b)` says where types don't go together is what `a = b` would say.
    fn no_equality(&self, error: Error, position: u32) -> Error {
        let message = error.message();
        let types = message
            .strip_prefix("IN types ")
            .and_then(|rest| rest.strip_suffix(" cannot be matched"));
        match types.and_then(|types| types.split_once(" and ")) {
            Some((left, right)) => at(
                Error::user(SqlState::UNDEFINED_FUNCTION, format!("operator does not exist: {left} = {right}")).with_hint(
                    "No operator matches the given name and argument types. You might need to add explicit type casts.",
                ),
                position,
            ),
            None => error,
        }
    }

    fn in_query(
        &mut self,
        operand: &ast::Expr,
        query: &ast::Query,
        negated: bool,
        position: u32,
    ) -> Result<Expr, Error> {
        let operand = self.expr(operand)?;
        let mut query = self.query(query)?;
        one_column(&query, position)?;
        let column =
            Expr { kind: ExprKind::Parameter(0), data_type: query.outputs[0].data_type, position };
        let (operand, wanted) = self.compared(operand, column, position)?;
        if wanted.data_type.oid != query.outputs[0].data_type.oid {
            query = self.convert_outputs(query, &[wanted.data_type])?;
        }
        let kind =
            ExprKind::InQuery { operand: Box::new(operand), query: Box::new(query), negated };
        Ok(boolean(kind, position))
    }

    fn quantified(
        &mut self,
        left: &ast::Expr,
        op: &str,
        all: bool,
        right: &ast::Expr,
        position: u32,
    ) -> Result<Expr, Error> {
        if let ast::ExprKind::Subquery(query) = &right.kind {
            return match (op, all) {
                ("=", false) => self.in_query(left, query, false, position),
                ("<>" | "!=", true) => self.in_query(left, query, true, position),
                _ => Err(at(
                    Error::refused(format!("{op} ANY (subquery) is not supported")),
                    position,
                )),
            };
        }
        let op = match op {
            "=" => "=",
            "<>" | "!=" => "<>",
            "<" => "<",
            "<=" => "<=",
            ">" => ">",
            ">=" => ">=",
            other => {
                return Err(at(
                    Error::refused(format!("{other} ANY (array) is not supported")),
                    position,
                ));
            }
        };
        let left = self.expr(left)?;
        let left = self.resolve_unknown(left)?;
        if let ast::ExprKind::Array(items) = &right.kind
            && op == "="
            && !all
        {
            let items = items.iter().map(|item| self.expr(item)).collect::<Result<Vec<_>, _>>()?;
            let mut both = vec![left];
            both.extend(items);
            let (mut both, _) =
                self.common(both, "IN").map_err(|error| self.no_equality(error, position))?;
            let operand = Box::new(both.remove(0));
            return Ok(boolean(ExprKind::InList { operand, list: both, negated: false }, position));
        }
        self.any_element((left, op), right, all, position)
    }

    /// `left op ANY (array)` for an array that isn't written out.
    fn any_element(
        &mut self,
        (left, op): (Expr, &'static str),
        right: &ast::Expr,
        all: bool,
        position: u32,
    ) -> Result<Expr, Error> {
        let array = self.expr(right)?;
        let array = if array.is_unknown() {
            let array_oid = builtin(left.data_type.oid).map_or(0, |known| known.array_oid);
            if builtin(array_oid).is_none() {
                return Err(at(Error::refused("arrays of this type are not supported"), position));
            }
            self.coerce_to(array, PgType::new(array_oid), "argument of ANY")?
        } else {
            array
        };
        let element = builtin(array.data_type.oid).map_or(0, |known| known.element_oid);
        if category(array.data_type.oid) != b'A' || element == 0 {
            return Err(at(
                Error::user(
                    SqlState::WRONG_OBJECT_TYPE,
                    "op ANY/ALL (array) requires array on right side",
                ),
                position,
            ));
        }
        let item = Expr { kind: ExprKind::Parameter(0), data_type: PgType::new(element), position };
        let (operand, wanted) = self.compared(left, item, position)?;
        if wanted.data_type.oid != element && !is_text(element) {
            return Err(at(
                Error::refused("comparing with array elements of another type is not supported"),
                position,
            ));
        }
        let kind = ExprKind::AnyElement {
            operand: Box::new(operand),
            op,
            array: Box::new(array),
            element: PgType::new(element),
            all,
        };
        Ok(boolean(kind, position))
    }

    fn scalar_subquery(&mut self, query: &ast::Query, position: u32) -> Result<Expr, Error> {
        let query = self.query(query)?;
        one_column(&query, position)?;
        let data_type = query.outputs[0].data_type;
        Ok(Expr { kind: ExprKind::Subquery(Box::new(query)), data_type, position })
    }

    fn case(
        &mut self,
        operand: Option<&ast::Expr>,
        branches: &[(ast::Expr, ast::Expr)],
        otherwise: Option<&ast::Expr>,
        position: u32,
    ) -> Result<Expr, Error> {
        let operand = operand.map(|operand| self.expr(operand)).transpose()?;
        let mut conditions = Vec::new();
        let mut results = Vec::new();
        for (condition, result) in branches {
            conditions.push(match &operand {
                None => self.condition(condition, "CASE/WHEN")?,
                Some(operand) => {
                    let value = self.expr(condition)?;
                    self.binary_operator("=", operand.clone(), value, condition.position)?
                }
            });
            results.push(self.expr(result)?);
        }
        // The ELSE result comes first when the common type is looked for.
        let has_else = otherwise.is_some();
        if let Some(otherwise) = otherwise {
            let otherwise = self.expr(otherwise)?;
            results.insert(0, otherwise);
        }
        let (mut results, data_type) = self.common(results, "CASE")?;
        let otherwise = has_else.then(|| Box::new(results.remove(0)));
        let branches = conditions.into_iter().zip(results).collect();
        Ok(Expr { kind: ExprKind::Case { branches, otherwise }, data_type, position })
    }
}

pub(super) fn boolean(kind: ExprKind, position: u32) -> Expr {
    Expr { kind, data_type: PgType::BOOL, position }
}

fn one_column(query: &Query, position: u32) -> Result<(), Error> {
    if query.outputs.len() == 1 {
        return Ok(());
    }
    Err(at(Error::user(SqlState::SYNTAX_ERROR, "subquery must return only one column"), position))
}

/// A number: integer if it fits, then bigint, else numeric.
fn number(text: &str, position: u32) -> Result<Expr, Error> {
    if let Ok(number) = text.parse::<i64>() {
        let data_type = if i32::try_from(number).is_ok() { PgType::INT4 } else { PgType::INT8 };
        return Ok(Expr::constant(Value::Integer(number), data_type, position));
    }
    match crate::datum::numeric::Numeric::parse(text).map_err(|error| at(error, position))? {
        Some(number) => {
            Ok(Expr::constant(Value::Text(number.to_string()), PgType::NUMERIC, position))
        }
        None => Err(at(
            Error::user(
                SqlState::SYNTAX_ERROR,
                format!("trailing junk after numeric literal at or near \"{text}\""),
            ),
            position,
        )),
    }
}
