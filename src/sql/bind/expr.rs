//! Expressions.

use crate::datum::bits;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::sql::ast;
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{Body, Expr, ExprKind, Query};
use crate::sql::types::{Lowering, lookup_type, lowering, polymorphic, resolve};

/// AND or OR.
type Join = fn(Box<Expr>, Box<Expr>) -> ExprKind;

impl Binder<'_> {
    /// Binds an expression; string constants and bare parameters may stay UNKNOWN.
    pub(crate) fn expr(&mut self, tree: &ast::Expr) -> Result<Expr, Error> {
        let bound = self.bound_expr(tree)?;
        self.note_meaning(tree, &bound);
        Ok(bound)
    }

    fn bound_expr(&mut self, tree: &ast::Expr) -> Result<Expr, Error> {
        let position = tree.position;
        match &tree.kind {
            ast::ExprKind::Column(name) => self.column_or_row(name),
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
            ast::ExprKind::Bits(text) => {
                let bits = bits::parse(text).map_err(|error| at(error, position))?;
                Ok(Expr::constant(Value::Text(bits), PgType::BIT, position))
            }
            ast::ExprKind::Xml { form, operand } => self.xml(form, operand, position),
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
            ast::ExprKind::Cast { operand, target } => self.cast_to(operand, target, position),
            ast::ExprKind::Call(call) => self.call(call, position),
            ast::ExprKind::Subquery(query) => self.scalar_subquery(query, position),
            ast::ExprKind::Exists(query) => {
                let query = self.query(query)?;
                Ok(boolean(ExprKind::Exists(Box::new(query)), position))
            }
            ast::ExprKind::Case { operand, branches, otherwise } => {
                self.case(operand.as_deref(), branches, otherwise.as_deref(), position)
            }
            ast::ExprKind::Row(items) => self.row_constructor(items, position),
            ast::ExprKind::Array(items) => self.array(items, None, position),
            ast::ExprKind::ArraySubquery(query) => self.array_query(query, position),
            ast::ExprKind::Collate { operand, collation } => {
                self.collated(operand, collation, position)
            }
            ast::ExprKind::Default => Err(at(
                Error::user(SqlState::SYNTAX_ERROR, "DEFAULT is not allowed in this context"),
                position,
            )),
            _ => self.predicate(tree),
        }
    }

    /// A column; else the row of a relation of that name.
    fn column_or_row(&mut self, name: &ast::QualifiedName) -> Result<Expr, Error> {
        let found = self.resolve_column(name);
        match (&found, name.as_slice()) {
            (Err(error), [relation]) if error.state() == SqlState::UNDEFINED_COLUMN => {
                self.whole_row(relation).unwrap_or(found)
            }
            _ => found,
        }
    }

    /// `operand COLLATE collation`.
    fn collated(
        &mut self,
        operand: &ast::Expr,
        collation: &ast::QualifiedName,
        position: u32,
    ) -> Result<Expr, Error> {
        let name = collation.last().map_or("", |name| name.text.as_str());
        if !matches!(name, "C" | "POSIX" | "default" | "ucs_basic") {
            let message = format!("collation \"{name}\" for encoding \"UTF8\" does not exist");
            return Err(at(Error::user(SqlState::UNDEFINED_OBJECT, message), position));
        }
        // All text is ordered by code points, as those collations do.
        let operand = self.expr(operand)?;
        let known = crate::pgdata::type_by_oid(self.types().base(operand.data_type.oid));
        if !operand.is_unknown() && known.is_some_and(|known| known.collation == 0) {
            let label = self.types().label(operand.data_type.oid);
            let message = format!("collations are not supported by type {label}");
            return Err(at(Error::user(SqlState::DATATYPE_MISMATCH, message), position));
        }
        Ok(operand)
    }

    fn cast_to(
        &mut self,
        operand: &ast::Expr,
        target: &ast::TypeName,
        position: u32,
    ) -> Result<Expr, Error> {
        let data_type = lookup_type(self.types(), target)?;
        let operand = match &operand.kind {
            ast::ExprKind::Array(items) if self.types().element(data_type.oid).is_some() => {
                self.array(items, Some(data_type), position)?
            }
            _ => self.expr(operand)?,
        };
        self.cast(operand, data_type, position)
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
                let operand = self.resolve_unknown(operand)?;
                if self.types().is_row(operand.data_type.oid) {
                    return Ok(Self::row_is_null(operand, *negated, position));
                }
                let operand = Box::new(operand);
                Ok(boolean(ExprKind::IsNull { operand, negated: *negated }, position))
            }
            ast::ExprKind::IsTruth { operand, value, negated } => {
                let clause = match (value, negated) {
                    (Some(true), false) => "IS TRUE",
                    (Some(true), true) => "IS NOT TRUE",
                    (Some(false), false) => "IS FALSE",
                    (Some(false), true) => "IS NOT FALSE",
                    (None, false) => "IS UNKNOWN",
                    (None, true) => "IS NOT UNKNOWN",
                };
                let operand = Box::new(self.condition(operand, clause)?);
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
                self.like((operand, pattern), escape.as_deref(), (*negated, *fold), position)
            }
            ast::ExprKind::Quantified { left, op, all, right } => {
                self.quantified(left, op, *all, right, position)
            }
            ast::ExprKind::Subscript { .. } => self.subscript(tree, position),
            ast::ExprKind::Field { operand, name } => self.field(operand, name, position),
            ast::ExprKind::Expand(_) => {
                let message = "row expansion via \"*\" is not supported here";
                Err(at(Error::refused(message), position))
            }
            ast::ExprKind::WholeRow(name) => self.relation_row(name),
            ast::ExprKind::NamedArgument { .. } => {
                Err(at(Error::refused("named arguments are not supported"), position))
            }
            // Bound by the functions that lead here.
            ast::ExprKind::Column(_)
            | ast::ExprKind::Null
            | ast::ExprKind::Boolean(_)
            | ast::ExprKind::Number(_)
            | ast::ExprKind::String(_)
            | ast::ExprKind::Bits(_)
            | ast::ExprKind::Xml { .. }
            | ast::ExprKind::Parameter(_)
            | ast::ExprKind::Unary { .. }
            | ast::ExprKind::Binary { .. }
            | ast::ExprKind::Cast { .. }
            | ast::ExprKind::Call(_)
            | ast::ExprKind::Subquery(_)
            | ast::ExprKind::Exists(_)
            | ast::ExprKind::Case { .. }
            | ast::ExprKind::Row(_)
            | ast::ExprKind::Array(_)
            | ast::ExprKind::ArraySubquery(_)
            | ast::ExprKind::Collate { .. }
            | ast::ExprKind::Default
            | ast::ExprKind::And(..)
            | ast::ExprKind::Or(..)
            | ast::ExprKind::Not(_)
            | ast::ExprKind::IsNull { .. }
            | ast::ExprKind::IsTruth { .. }
            | ast::ExprKind::IsDistinct { .. } => {
                Err(Error::internal("this expression is bound elsewhere"))
            }
        }
    }

    /// An expression that must be boolean: `argument of WHERE must be type boolean, not type integer`.
    pub(super) fn condition(&mut self, tree: &ast::Expr, clause: &str) -> Result<Expr, Error> {
        let expr = self.expr(tree)?;
        self.coerce_to(expr, PgType::BOOL, &format!("argument of {clause}"))
    }

    pub(super) fn parameter(&mut self, number: usize, position: u32) -> Result<Expr, Error> {
        if let Some(arguments) = &self.function_arguments {
            return arguments.get(number - 1).cloned().ok_or_else(|| {
                let message = format!("there is no parameter ${number}");
                Error::user(SqlState::UNDEFINED_PARAMETER, message)
            });
        }
        match self.parameters.get(number - 1) {
            Some(known) => {
                let known = known.unwrap_or(PgType::UNKNOWN);
                self.domain_parameter(number, known, position)
            }
            None => Err(at(
                Error::user(
                    SqlState::UNDEFINED_PARAMETER,
                    format!("there is no parameter ${number}"),
                ),
                position,
            )),
        }
    }

    /// Two operands with the types that `=` gives them, to be compared as they are stored.
    pub(super) fn compared(
        &mut self,
        left: Expr,
        right: Expr,
        position: u32,
    ) -> Result<(Expr, Expr), Error> {
        let equal = self.binary_operator("=", left, right, position)?;
        match equal.kind {
            ExprKind::Call { lowering: Lowering::Compare(_), mut arguments, .. }
                if arguments.len() == 2 =>
            {
                let right = arguments.remove(1);
                Ok((arguments.remove(0), right))
            }
            ExprKind::Call { arguments, .. } => {
                let label = self.types().label(arguments.first().map_or(0, |a| a.data_type.oid));
                let message = format!("comparing values of type {label} here is not supported");
                Err(at(Error::refused(message), position))
            }
            _ => Err(Error::internal("an operator is a call")),
        }
    }

    /// `[NOT] LIKE`, `[NOT] ILIKE`.
    fn like(
        &mut self,
        (operand, pattern): (&ast::Expr, &ast::Expr),
        escape: Option<&ast::Expr>,
        (negated, fold): (bool, bool),
        position: u32,
    ) -> Result<Expr, Error> {
        let op = match (negated, fold) {
            (false, false) => "~~",
            (true, false) => "!~~",
            (false, true) => "~~*",
            (true, true) => "!~~*",
        };
        let operand = self.expr(operand)?;
        let mut pattern = self.expr(pattern)?;
        let mut character = None;
        if let Some(escape) = escape {
            let expr = self.expr(escape)?;
            character = Some(Box::new(self.coerce_to(expr, PgType::TEXT, "ESCAPE")?));
            // The pattern is an argument of `like_escape(text, text)`.
            pattern = self.coerce_to(pattern, PgType::TEXT, "LIKE pattern")?;
        }
        let (left, right) = (operand.data_type.oid, pattern.data_type.oid);
        let operator = self.find_operator(op, Some(left), right, position)?;
        if self.types().category(operator.left) != b'S' {
            let message = "LIKE for byte strings is not supported";
            return Err(at(Error::refused(message), position));
        }
        let operand = Box::new(self.passed(operand, operator.left)?);
        let pattern = Box::new(self.passed(pattern, operator.right)?);
        let kind = ExprKind::Like { operand, pattern, escape: character, negated, fold };
        Ok(boolean(kind, position))
    }

    /// `(a, b) = (1, 2)`, also with `<>`.
    fn row_comparison(
        &mut self,
        op: &str,
        left: &ast::Expr,
        right: &ast::Expr,
        position: u32,
    ) -> Result<Expr, Error> {
        let (left, right) = match (&left.kind, &right.kind) {
            (ast::ExprKind::Row(left), ast::ExprKind::Row(right)) => (left, right),
            (ast::ExprKind::Row(row), ast::ExprKind::Subquery(query)) => {
                return self.row_subquery(op, row, query, position);
            }
            _ => {
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                return self.binary_operator(op, left, right, position);
            }
        };
        if left.len() != right.len() {
            return Err(at(
                Error::user(SqlState::SYNTAX_ERROR, "unequal number of entries in row expressions"),
                position,
            ));
        }
        let pairs = left
            .iter()
            .zip(right)
            .map(|(left, right)| Ok((self.expr(left)?, self.expr(right)?)))
            .collect::<Result<Vec<_>, Error>>()?;
        self.compare_rows(op, pairs, position)
    }

    /// Rows are compared from the left: the first unequal pair decides (manual, "Row Constructor
    /// Comparison").
    fn compare_rows(
        &mut self,
        op: &str,
        pairs: Vec<(Expr, Expr)>,
        position: u32,
    ) -> Result<Expr, Error> {
        let (strict, joined): (&str, Join) = match op {
            "=" => ("=", ExprKind::And),
            "<>" | "!=" => ("<>", ExprKind::Or),
            "<" | "<=" => ("<", ExprKind::Or),
            ">" | ">=" => (">", ExprKind::Or),
            _ => {
                let message =
                    format!("could not determine interpretation of row comparison operator {op}");
                let error = Error::user(SqlState::FEATURE_NOT_SUPPORTED, message);
                let hint =
                    "Row comparison operators must be associated with btree operator families.";
                return Err(at(error.with_hint(hint), position));
            }
        };
        let ordered = matches!(op, "<" | "<=" | ">" | ">=");
        let mut result: Option<Expr> = None;
        for (left, right) in pairs.into_iter().rev() {
            let compared = match &result {
                None => self.binary_operator(op, left, right, position)?,
                Some(_) if !ordered => self.binary_operator(strict, left, right, position)?,
                Some(rest) => {
                    // left < right OR (left = right AND rest)
                    let before =
                        self.binary_operator(strict, left.clone(), right.clone(), position)?;
                    let equal = self.binary_operator("=", left, right, position)?;
                    let rest = ExprKind::And(Box::new(equal), Box::new(rest.clone()));
                    result = Some(boolean(
                        joined(Box::new(before), Box::new(boolean(rest, position))),
                        position,
                    ));
                    continue;
                }
            };
            result = Some(match result {
                None => compared,
                Some(rest) => boolean(joined(Box::new(compared), Box::new(rest)), position),
            });
        }
        result.ok_or_else(|| {
            at(
                Error::user(SqlState::FEATURE_NOT_SUPPORTED, "cannot compare rows of zero length"),
                position,
            )
        })
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
        self.is_among(operand, items, negated, position)
    }

    /// `operand IN (items)`: those without columns are compared as one type if they have a common
    /// one with the operand, the others one by one.
    fn is_among(
        &mut self,
        operand: Expr,
        items: Vec<Expr>,
        negated: bool,
        position: u32,
    ) -> Result<Expr, Error> {
        let (mut singles, constants): (Vec<Expr>, Vec<Expr>) =
            items.into_iter().partition(has_column);
        let mut parts = Vec::new();
        let given: Vec<_> =
            [&operand].into_iter().chain(&constants).map(|expr| expr.data_type.oid).collect();
        match resolve::common_type_of(self.types(), &given) {
            Ok(common) if constants.len() > 1 => {
                parts.push(self.is_element(
                    operand.clone(),
                    constants,
                    common,
                    negated,
                    position,
                )?);
            }
            _ => singles.splice(..0, constants).for_each(drop),
        }
        let (op, joined): (_, Join) =
            if negated { ("<>", ExprKind::And) } else { ("=", ExprKind::Or) };
        for item in singles {
            parts.push(self.binary_operator(op, operand.clone(), item, position)?);
        }
        let join = |all: Expr, part| boolean(joined(Box::new(all), Box::new(part)), position);
        parts
            .into_iter()
            .reduce(join)
            .ok_or_else(|| at(Error::refused("an empty list is not supported"), position))
    }

    /// `operand = ANY (items)`, all items of one type.
    fn is_element(
        &mut self,
        operand: Expr,
        items: Vec<Expr>,
        common: Oid,
        negated: bool,
        position: u32,
    ) -> Result<Expr, Error> {
        let op = if negated { "<>" } else { "=" };
        let operator = self.find_operator(op, Some(operand.data_type.oid), common, position)?;
        let items = items
            .into_iter()
            .map(|item| self.passed(item, common))
            .collect::<Result<Vec<_>, _>>()?;
        if !matches!(lowering::function(operator.function), Some(Lowering::Compare(_))) {
            let compared = items
                .into_iter()
                .map(|item| self.binary_operator(op, operand.clone(), item, position))
                .collect::<Result<Vec<_>, _>>()?;
            let join = |all: Expr, part| {
                let (all, part) = (Box::new(all), Box::new(part));
                boolean(
                    if negated { ExprKind::And(all, part) } else { ExprKind::Or(all, part) },
                    position,
                )
            };
            return compared
                .into_iter()
                .reduce(join)
                .ok_or_else(|| at(Error::refused("an empty list is not supported"), position));
        }
        let operand = Box::new(self.passed(operand, operator.left)?);
        let list = items
            .into_iter()
            .map(|item| self.passed(item, operator.right))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(boolean(ExprKind::InList { operand, list, negated }, position))
    }

    fn in_query(
        &mut self,
        operand: &ast::Expr,
        query: &ast::Query,
        negated: bool,
        position: u32,
    ) -> Result<Expr, Error> {
        if let ast::ExprKind::Row(row) = &operand.kind {
            return self.row_in_query(row, query, negated, position);
        }
        let operand = self.expr(operand)?;
        let mut query = self.query(query)?;
        if query.outputs.len() != 1 {
            let message = "subquery has too many columns";
            return Err(at(Error::user(SqlState::SYNTAX_ERROR, message), position));
        }
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
                _ => self.any_row(left, (op, all), query, position),
            };
        }
        let left = self.expr(left)?;
        if let ast::ExprKind::Array(items) = &right.kind
            && !items.is_empty()
            && matches!((op, all), ("=", false) | ("<>" | "!=", true))
        {
            let items = items.iter().map(|item| self.expr(item)).collect::<Result<Vec<_>, _>>()?;
            let (items, element) = self.common(items, "ARRAY")?;
            return self.is_element(left, items, element.oid, all, position);
        }
        self.any_element((left, op), right, all, position)
    }

    /// `left op ANY (array)` for an array that isn't written out.
    fn any_element(
        &mut self,
        (left, op): (Expr, &str),
        right: &ast::Expr,
        all: bool,
        position: u32,
    ) -> Result<Expr, Error> {
        let op = if op == "!=" { "<>" } else { op };
        let array = self.expr(right)?;
        let needs_array = || {
            let message = "op ANY/ALL (array) requires array on right side";
            at(Error::user(SqlState::WRONG_OBJECT_TYPE, message), position)
        };
        // An array whose type isn't known has elements of the operand's.
        let element = if array.is_unknown() {
            left.data_type.oid
        } else {
            let base = self.types().base(array.data_type.oid);
            self.types().element(base).ok_or_else(needs_array)?
        };
        let operator = self.find_operator(op, Some(left.data_type.oid), element, position)?;
        if operator.result != PgType::BOOL.oid {
            let message = "op ANY/ALL (array) requires operator to yield boolean";
            return Err(at(Error::user(SqlState::WRONG_OBJECT_TYPE, message), position));
        }
        let given = [left.data_type.oid, element];
        let meaning = polymorphic::meaning(self.types(), &given, &[operator.left, operator.right])
            .map_err(|conflict| {
                at(Error::user(SqlState::DATATYPE_MISMATCH, conflict.message()), position)
            })?;
        let own_left = meaning.apply(self.types(), operator.left).unwrap_or(operator.left);
        let right = meaning.apply(self.types(), operator.right).unwrap_or(operator.right);
        let wanted = self.types().array_of(right).ok_or_else(needs_array)?;
        let array = self.passed(array, wanted)?;
        let left = self.passed(left, own_left)?;
        let Some(op) = lowering::function(operator.function) else {
            let label = crate::pgdata::operator_label(operator);
            return Err(at(Error::refused(format!("operator {label} is not supported")), position));
        };
        let kind = ExprKind::AnyElement {
            operand: Box::new(left),
            op,
            array: Box::new(array),
            element: PgType::new(right),
            all,
        };
        Ok(boolean(kind, position))
    }

    fn scalar_subquery(&mut self, query: &ast::Query, position: u32) -> Result<Expr, Error> {
        let mut query = self.query(query)?;
        one_column(&query, position)?;
        if let Some(call) = session_call(&mut query) {
            return Ok(call);
        }
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
        let operand = match operand {
            Some(operand) => {
                let operand = self.expr(operand)?;
                Some(self.resolve_unknown(operand)?)
            }
            None => None,
        };
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

/// Whether a column is in it, subqueries left out.
fn has_column(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Column(_)) || expr.children().into_iter().any(has_column)
}

pub(super) fn one_column(query: &Query, position: u32) -> Result<(), Error> {
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

/// `(SELECT f(...))` of a function that the session carries out: that is the call itself, which may then be
/// a column of the query around it.
fn session_call(query: &mut Query) -> Option<Expr> {
    let plain = query.ctes.is_empty()
        && query.order_by.is_empty()
        && query.limit.is_none()
        && query.offset.is_none();
    match &mut query.body {
        Body::Select(select) if plain && select.is_one_value() => {
            let acts = |lowering: &Lowering| {
                matches!(lowering, Lowering::Signal(_) | Lowering::Advisory(_))
            };
            let called = |item: &Expr| matches!(&item.kind, ExprKind::Call { lowering, .. } if acts(lowering));
            select.items.pop_if(|item| called(item) && !item.has_aggregate())
        }
        _ => None,
    }
}
