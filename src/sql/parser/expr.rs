//! Expressions.

use sqlparser::ast::{
    AccessExpr, BinaryOperator, CeilFloorKind, DuplicateTreatment, Expr as Tree, Function,
    FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, OrderByExpr,
    OrderBySort, Spanned, TrimWhereField, UnaryOperator, WindowFrameBound, WindowFrameUnits,
    WindowType,
};
use sqlparser::tokenizer::{Location, Token};

use super::{Convert, refuse_if, unsupported};
use crate::model::error::Error;
use crate::sql::ast::{Call, Expr, ExprKind, Frame, FrameBound, Name, OrderItem, Window};

impl Convert<'_> {
    pub(super) fn boxed(&self, tree: &Tree) -> Result<Box<Expr>, Error> {
        self.expr(tree).map(Box::new)
    }

    pub(super) fn exprs(&self, trees: &[Tree]) -> Result<Vec<Expr>, Error> {
        trees.iter().map(|tree| self.expr(tree)).collect()
    }

    pub(super) fn expr(&self, tree: &Tree) -> Result<Expr, Error> {
        let span = tree.span();
        let mut position = self.position(span);
        let kind = match tree {
            Tree::Nested(inner) => return self.expr(inner),
            Tree::Identifier(ident)
                if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default") =>
            {
                ExprKind::Default
            }
            Tree::Identifier(ident) => ExprKind::Column(vec![self.name(ident)]),
            Tree::CompoundIdentifier(parts) => {
                ExprKind::Column(parts.iter().map(|part| self.name(part)).collect())
            }
            Tree::Value(value) => {
                position = self.position(value.span);
                self.constant(&value.value, position)?
            }
            Tree::BinaryOp { left, op, right } => {
                position = self.operator_position(left, position);
                self.binary(left, op, right)?
            }
            Tree::UnaryOp { op, expr } => {
                position = self.prefix_position(expr, position);
                self.unary(*op, expr)?
            }
            Tree::Function(function) => {
                let call = self.call(function)?;
                position = call.name.first().map_or(position, |name| name.position);
                ExprKind::Call(call)
            }
            Tree::Cast { expr, data_type, format, kind } => {
                use sqlparser::ast::CastKind;
                refuse_if(
                    format.is_some() || !matches!(kind, CastKind::Cast | CastKind::DoubleColon),
                    "this cast",
                )?;
                ExprKind::Cast {
                    operand: self.boxed(expr)?,
                    target: self.type_name(data_type, position)?,
                }
            }
            Tree::TypedString(typed) => {
                position = self.position(typed.value.span);
                let operand = Expr { kind: self.constant(&typed.value.value, position)?, position };
                ExprKind::Cast {
                    operand: Box::new(operand),
                    target: self.type_name(&typed.data_type, position)?,
                }
            }
            Tree::Interval(interval) => {
                let plain = interval.leading_field.is_none()
                    && interval.leading_precision.is_none()
                    && interval.last_field.is_none()
                    && interval.fractional_seconds_precision.is_none();
                refuse_if(!plain, "an interval constant with fields")?;
                ExprKind::Cast {
                    operand: self.boxed(&interval.value)?,
                    target: simple_type("interval", position),
                }
            }
            other => return self.predicate(other, position),
        };
        Ok(Expr { kind, position })
    }

    /// IS, IN, BETWEEN, LIKE, EXISTS and the rest that stands between operands.
    fn predicate(&self, tree: &Tree, position: u32) -> Result<Expr, Error> {
        let truth = |expr: &Tree, value, negated| {
            Ok::<_, Error>(ExprKind::IsTruth { operand: self.boxed(expr)?, value, negated })
        };
        let kind = match tree {
            Tree::IsTrue(expr) => truth(expr, Some(true), false)?,
            Tree::IsNotTrue(expr) => truth(expr, Some(true), true)?,
            Tree::IsFalse(expr) => truth(expr, Some(false), false)?,
            Tree::IsNotFalse(expr) => truth(expr, Some(false), true)?,
            Tree::IsUnknown(expr) => truth(expr, None, false)?,
            Tree::IsNotUnknown(expr) => truth(expr, None, true)?,
            Tree::IsNull(expr) => ExprKind::IsNull { operand: self.boxed(expr)?, negated: false },
            Tree::IsNotNull(expr) => ExprKind::IsNull { operand: self.boxed(expr)?, negated: true },
            Tree::IsDistinctFrom(left, right) => ExprKind::IsDistinct {
                left: self.boxed(left)?,
                right: self.boxed(right)?,
                negated: false,
            },
            Tree::IsNotDistinctFrom(left, right) => ExprKind::IsDistinct {
                left: self.boxed(left)?,
                right: self.boxed(right)?,
                negated: true,
            },
            other => return self.membership(other, position),
        };
        Ok(Expr { kind, position })
    }

    /// IN, BETWEEN, LIKE, EXISTS, CASE and the rest.
    fn membership(&self, tree: &Tree, position: u32) -> Result<Expr, Error> {
        let kind = match tree {
            Tree::InList { expr, list, negated } => ExprKind::InList {
                operand: self.boxed(expr)?,
                list: self.exprs(list)?,
                negated: *negated,
            },
            Tree::InSubquery { expr, subquery, negated } => ExprKind::InQuery {
                operand: self.boxed(expr)?,
                query: Box::new(self.query(subquery)?),
                negated: *negated,
            },
            Tree::Between { expr, negated, low, high } => ExprKind::Between {
                operand: self.boxed(expr)?,
                low: self.boxed(low)?,
                high: self.boxed(high)?,
                negated: *negated,
            },
            Tree::Like { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, pattern, escape_char.as_deref(), *negated, false)?
            }
            Tree::ILike { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, pattern, escape_char.as_deref(), *negated, true)?
            }
            Tree::AnyOp { left, compare_op, right, .. } => {
                self.quantified(left, compare_op, right, false)?
            }
            Tree::AllOp { left, compare_op, right } => {
                self.quantified(left, compare_op, right, true)?
            }
            Tree::Exists { subquery, negated } => {
                let exists = ExprKind::Exists(Box::new(self.query(subquery)?));
                if *negated {
                    ExprKind::Not(Box::new(Expr { kind: exists, position }))
                } else {
                    exists
                }
            }
            Tree::Subquery(query) => ExprKind::Subquery(Box::new(self.query(query)?)),
            Tree::Case { operand, conditions, else_result, .. } => ExprKind::Case {
                operand: operand.as_deref().map(|operand| self.boxed(operand)).transpose()?,
                branches: conditions
                    .iter()
                    .map(|when| Ok((self.expr(&when.condition)?, self.expr(&when.result)?)))
                    .collect::<Result<_, Error>>()?,
                otherwise: else_result
                    .as_deref()
                    .map(|otherwise| self.boxed(otherwise))
                    .transpose()?,
            },
            Tree::Tuple(items) => ExprKind::Row(self.exprs(items)?),
            Tree::Array(array) => ExprKind::Array(self.exprs(&array.elem)?),
            Tree::Collate { expr, collation } => ExprKind::Collate {
                operand: self.boxed(expr)?,
                collation: self.qualified_name(collation)?,
            },
            other => return self.special_call(other, position),
        };
        Ok(Expr { kind, position })
    }

    fn like(
        &self,
        operand: &Tree,
        pattern: &Tree,
        escape: Option<&Tree>,
        negated: bool,
        fold: bool,
    ) -> Result<ExprKind, Error> {
        Ok(ExprKind::Like {
            operand: self.boxed(operand)?,
            pattern: self.boxed(pattern)?,
            escape: escape.map(|escape| self.boxed(escape)).transpose()?,
            negated,
            fold,
        })
    }

    fn quantified(
        &self,
        left: &Tree,
        op: &BinaryOperator,
        right: &Tree,
        all: bool,
    ) -> Result<ExprKind, Error> {
        Ok(ExprKind::Quantified {
            left: self.boxed(left)?,
            op: op.to_string(),
            all,
            right: self.boxed(right)?,
        })
    }

    /// Functions that SQL gives a syntax of their own.
    fn special_call(&self, tree: &Tree, position: u32) -> Result<Expr, Error> {
        let (name, arguments) = match tree {
            Tree::Extract { field, expr, .. } => {
                let field =
                    Expr { kind: ExprKind::String(field.to_string().to_lowercase()), position };
                ("extract", vec![field, self.expr(expr)?])
            }
            Tree::Position { expr, r#in } => ("position", vec![self.expr(r#in)?, self.expr(expr)?]),
            Tree::Substring { expr, substring_from, substring_for, .. } => {
                let mut arguments = vec![self.expr(expr)?];
                match (substring_from, substring_for) {
                    (Some(from), _) => arguments.push(self.expr(from)?),
                    (None, Some(_)) => {
                        arguments.push(Expr { kind: ExprKind::Number("1".to_owned()), position });
                    }
                    (None, None) => {}
                }
                if let Some(length) = substring_for {
                    arguments.push(self.expr(length)?);
                }
                ("substring", arguments)
            }
            Tree::Trim { trim_where, trim_what, expr, trim_characters } => {
                let name = match trim_where {
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                    Some(TrimWhereField::Both) | None => "btrim",
                };
                let mut arguments = vec![self.expr(expr)?];
                if let Some(what) = trim_what {
                    arguments.push(self.expr(what)?);
                }
                for characters in trim_characters.iter().flatten() {
                    arguments.push(self.expr(characters)?);
                }
                (name, arguments)
            }
            other => return self.more_special_calls(other, position),
        };
        Ok(special(name, arguments, position))
    }

    fn more_special_calls(&self, tree: &Tree, position: u32) -> Result<Expr, Error> {
        let (name, arguments) = match tree {
            Tree::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let mut arguments =
                    vec![self.expr(expr)?, self.expr(overlay_what)?, self.expr(overlay_from)?];
                if let Some(length) = overlay_for {
                    arguments.push(self.expr(length)?);
                }
                ("overlay", arguments)
            }
            Tree::AtTimeZone { timestamp, time_zone } => {
                ("timezone", vec![self.expr(time_zone)?, self.expr(timestamp)?])
            }
            Tree::Ceil {
                expr,
                field: CeilFloorKind::DateTimeField(sqlparser::ast::DateTimeField::NoDateTime),
            } => ("ceil", vec![self.expr(expr)?]),
            Tree::Floor {
                expr,
                field: CeilFloorKind::DateTimeField(sqlparser::ast::DateTimeField::NoDateTime),
            } => ("floor", vec![self.expr(expr)?]),
            Tree::CompoundFieldAccess { access_chain, .. } => {
                let what = match access_chain.first() {
                    Some(AccessExpr::Subscript(_)) => "subscripting an array",
                    Some(AccessExpr::Dot(_)) | None => "selecting a field of a row",
                };
                return Err(unsupported(what).with_position(position));
            }
            other => {
                return Err(
                    unsupported(&format!("the expression {other}")).with_position(position.max(1))
                );
            }
        };
        Ok(special(name, arguments, position))
    }

    fn unary(&self, op: UnaryOperator, operand: &Tree) -> Result<ExprKind, Error> {
        // PostgreSQL's sign binds closer than `^`.
        if let (
            UnaryOperator::Minus | UnaryOperator::Plus,
            Tree::BinaryOp { left, op: BinaryOperator::PGExp, right },
        ) = (op, operand)
        {
            let signed = Expr { kind: self.unary(op, left)?, position: self.position(left.span()) };
            return Ok(ExprKind::Binary {
                op: "^".to_owned(),
                left: Box::new(signed),
                right: self.boxed(right)?,
            });
        }
        if op == UnaryOperator::Not {
            return Ok(ExprKind::Not(self.boxed(operand)?));
        }
        Ok(ExprKind::Unary { op: op.to_string(), operand: self.boxed(operand)? })
    }

    fn binary(&self, left: &Tree, op: &BinaryOperator, right: &Tree) -> Result<ExprKind, Error> {
        let (left, right) = (self.boxed(left)?, self.boxed(right)?);
        Ok(match op {
            BinaryOperator::And => ExprKind::And(left, right),
            BinaryOperator::Or => ExprKind::Or(left, right),
            BinaryOperator::PGCustomBinaryOperator(parts) => {
                // OPERATOR(pg_catalog.+)
                let op = match parts.as_slice() {
                    [op] => op,
                    [schema, op] if schema == "pg_catalog" => op,
                    _ => return Err(unsupported("an operator of another schema")),
                };
                ExprKind::Binary { op: op.clone(), left, right }
            }
            other => ExprKind::Binary { op: other.to_string(), left, right },
        })
    }

    /// Where a binary operator stands: the first token after its left operand.
    fn operator_position(&self, left: &Tree, otherwise: u32) -> u32 {
        let end = left.span().end;
        if end == Location::new(0, 0) {
            return otherwise;
        }
        self.tokens
            .iter()
            .find(|token| token.span.start >= end && token.token != Token::RParen)
            .map_or(otherwise, |token| self.position(token.span))
    }

    /// Where a prefix operator stands: the last token before its operand.
    fn prefix_position(&self, operand: &Tree, otherwise: u32) -> u32 {
        let start = operand.span().start;
        self.tokens
            .iter()
            .rev()
            .find(|token| token.span.start < start && token.token != Token::LParen)
            .map_or(otherwise, |token| self.position(token.span))
    }

    pub(super) fn call(&self, function: &Function) -> Result<Call, Error> {
        let Function {
            name,
            uses_odbc_syntax,
            parameters,
            args,
            within_group,
            filter,
            null_treatment,
            over,
        } = function;
        refuse_if(*uses_odbc_syntax, "ODBC syntax")?;
        refuse_if(!matches!(parameters, FunctionArguments::None), "a parametric function")?;
        refuse_if(!within_group.is_empty(), "WITHIN GROUP")?;
        refuse_if(null_treatment.is_some(), "IGNORE NULLS")?;
        let name = self.qualified_name(name)?;
        let mut call = Call {
            filter: filter.as_deref().map(|filter| self.boxed(filter)).transpose()?,
            over: over.as_ref().map(|over| self.window(over)).transpose()?,
            ..Call::plain(name, Vec::new())
        };
        match args {
            FunctionArguments::None => {}
            FunctionArguments::Subquery(query) => {
                // `array(select ...)` has no other place in sqlparser's tree.
                refuse_if(
                    call.name.len() != 1 || call.name[0].text != "array",
                    "a subquery as only argument",
                )?;
                let position = call.name[0].position;
                let kind = ExprKind::ArraySubquery(Box::new(self.query(query)?));
                call.arguments = vec![Expr { kind, position }];
            }
            FunctionArguments::List(list) => {
                call.distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
                for argument in &list.args {
                    match argument {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => {
                            call.arguments.push(self.expr(expr)?);
                        }
                        FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => call.star = true,
                        other => return Err(unsupported(&format!("the argument {other}"))),
                    }
                }
                for clause in &list.clauses {
                    match clause {
                        FunctionArgumentClause::OrderBy(items) => {
                            call.order_by = self.order_items(items)?;
                        }
                        other => return Err(unsupported(&format!("{other} in an argument list"))),
                    }
                }
            }
        }
        Ok(call)
    }

    pub(super) fn order_items(&self, items: &[OrderByExpr]) -> Result<Vec<OrderItem>, Error> {
        items.iter().map(|item| self.order_item(item)).collect()
    }

    pub(super) fn order_item(&self, item: &OrderByExpr) -> Result<OrderItem, Error> {
        refuse_if(item.with_fill.is_some(), "WITH FILL")?;
        let descending = match &item.options.sort {
            None | Some(OrderBySort::Asc) => false,
            Some(OrderBySort::Desc) => true,
            Some(OrderBySort::Using(_)) => return Err(unsupported("ORDER BY ... USING")),
        };
        Ok(OrderItem {
            expr: self.expr(&item.expr)?,
            descending,
            nulls_first: item.options.nulls_first,
        })
    }

    fn window(&self, window: &WindowType) -> Result<Window, Error> {
        let WindowType::WindowSpec(spec) = window else {
            return Err(unsupported("a named window"));
        };
        refuse_if(spec.window_name.is_some(), "a named window")?;
        let frame = match &spec.window_frame {
            None => None,
            Some(frame) => Some(Frame {
                unit: match frame.units {
                    WindowFrameUnits::Rows => "ROWS",
                    WindowFrameUnits::Range => "RANGE",
                    WindowFrameUnits::Groups => "GROUPS",
                },
                start: self.frame_bound(&frame.start_bound)?,
                end: match &frame.end_bound {
                    Some(bound) => self.frame_bound(bound)?,
                    None => FrameBound::CurrentRow,
                },
                exclude: None,
            }),
        };
        Ok(Window {
            partition_by: self.exprs(&spec.partition_by)?,
            order_by: self.order_items(&spec.order_by)?,
            frame,
            ..Window::default()
        })
    }

    fn frame_bound(&self, bound: &WindowFrameBound) -> Result<FrameBound, Error> {
        Ok(match bound {
            WindowFrameBound::CurrentRow => FrameBound::CurrentRow,
            WindowFrameBound::Preceding(None) => FrameBound::UnboundedPreceding,
            WindowFrameBound::Following(None) => FrameBound::UnboundedFollowing,
            WindowFrameBound::Preceding(Some(expr)) => FrameBound::Preceding(self.boxed(expr)?),
            WindowFrameBound::Following(Some(expr)) => FrameBound::Following(self.boxed(expr)?),
        })
    }
}

/// A call of a function that has a syntax of its own.
fn special(name: &str, arguments: Vec<Expr>, position: u32) -> Expr {
    let call = Call::plain(vec![Name { text: name.to_owned(), position }], arguments);
    Expr { kind: ExprKind::Call(call), position }
}

fn simple_type(name: &str, position: u32) -> crate::sql::ast::TypeName {
    crate::sql::ast::TypeName {
        name: vec![Name { text: name.to_owned(), position }],
        modifiers: Vec::new(),
        array: false,
    }
}
