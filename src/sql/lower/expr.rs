//! Expressions.

use crate::model::error::Error;
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sql::Argument;
use crate::sql::bound::{Aggregate, Column, Expr, ExprKind, OrderItem, OrderKey, Query};
use crate::sql::lite;
use crate::sql::lower::{Lower, collated};
use crate::sql::types::Lowering;

/// Fields that one call makes a part of a row of: a function takes 127 arguments.
const ROW_ARGUMENTS_MAX: usize = 100;

/// The function that finds what a parameter of such a type names; clients may give a number or a name.
fn object_lookup(data_type: PgType) -> Option<&'static str> {
    Some(match data_type.oid {
        24 => "_eider_pg_regproc_given",
        2205 => "_eider_pg_regclass_given",
        2206 => "_eider_pg_regtype_given",
        4089 => "_eider_pg_regnamespace_given",
        4096 => "_eider_pg_regrole_given",
        4191 => "_eider_pg_regcollation_given",
        _ => return None,
    })
}

/// The next operand.
fn first(operands: &mut Vec<lite::Expr>) -> Result<lite::Expr, Error> {
    let missing = || Error::internal("an operand is missing");
    if operands.is_empty() { Err(missing()) } else { Ok(operands.remove(0)) }
}

impl Lower<'_> {
    fn parameter(&mut self, number: usize, data_type: PgType) -> lite::Expr {
        let value = self.argument(Argument::Parameter(number));
        match object_lookup(data_type) {
            Some(name) => {
                let path = self.argument(Argument::SearchPath);
                lite::Expr::call(name, vec![path, value])
            }
            None => value,
        }
    }

    pub(crate) fn expr(&mut self, expr: &Expr) -> Result<lite::Expr, Error> {
        use ExprKind::{And, Call, Like, Or};
        if let Call { .. } | And(..) | Or(..) | Like { .. } = &expr.kind
            && let Some(value) = expr.foregone()
        {
            return self.foregone(expr, &value);
        }
        self.computed(expr)
    }

    /// An expression that depends on a row.
    pub(super) fn computed(&mut self, expr: &Expr) -> Result<lite::Expr, Error> {
        Ok(match &expr.kind {
            ExprKind::Constant(value) => constant(value),
            ExprKind::Unknown(text) => lite::Expr::text(text),
            ExprKind::Parameter(number) => self.parameter(*number, expr.data_type),
            ExprKind::Column(column) => self.column(column),
            ExprKind::Call { lowering, arguments, .. } => {
                return self.call(*lowering, arguments, expr.data_type);
            }
            ExprKind::Modifier { operand, explicit } => {
                self.modifier(operand, expr.data_type, *explicit)?
            }
            ExprKind::Aggregate(aggregate) => self.aggregate(aggregate)?,
            ExprKind::And(left, right) => {
                lite::Expr::infix(self.expr(left)?, "AND", self.expr(right)?)
            }
            ExprKind::Or(left, right) => {
                lite::Expr::infix(self.expr(left)?, "OR", self.expr(right)?)
            }
            ExprKind::Not(operand) => lite::Expr::Prefix("NOT", Box::new(self.expr(operand)?)),
            ExprKind::IsNull { operand, negated } => {
                lite::Expr::IsNull { operand: Box::new(self.expr(operand)?), negated: *negated }
            }
            ExprKind::IsTruth { operand, value, negated } => {
                let op = if *negated { "IS NOT" } else { "IS" };
                lite::Expr::infix(self.expr(operand)?, op, lite::Expr::Integer(i64::from(*value)))
            }
            ExprKind::IsDistinct { left, right, negated } => {
                let op = if *negated { "IS" } else { "IS NOT" };
                let left_type = left.data_type;
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                lite::Expr::infix(self.compared(left, op, &right, left_type), op, right)
            }
            ExprKind::Case { .. } | ExprKind::Matched { .. } => return self.branches(expr),
            ExprKind::Coalesce(arguments) => match arguments.as_slice() {
                [one] => self.expr(one)?,
                several => lite::Expr::call("coalesce", self.exprs(several)?),
            },
            ExprKind::Extreme { greatest, arguments } => {
                self.extreme(*greatest, arguments, expr.data_type)?
            }
            _ => return self.membership(expr),
        })
    }

    /// CASE.
    fn branches(&mut self, expr: &Expr) -> Result<lite::Expr, Error> {
        let (operand, branches, otherwise) = match &expr.kind {
            ExprKind::Case { branches, otherwise } => {
                let mut lowered = Vec::new();
                for (condition, result) in branches {
                    lowered.push((self.expr(condition)?, self.expr(result)?));
                }
                (None, lowered, otherwise)
            }
            ExprKind::Matched { operand, pairs, otherwise } => {
                let constants =
                    |(value, result): &(Value, Value)| (constant(value), constant(result));
                let pairs = pairs.iter().map(constants).collect();
                (Some(Box::new(self.expr(operand)?)), pairs, otherwise)
            }
            _ => return Err(Error::internal("this expression has no branches")),
        };
        let otherwise = match otherwise {
            Some(otherwise) => Some(Box::new(self.expr(otherwise)?)),
            None => None,
        };
        Ok(lite::Expr::Case { operand, branches, otherwise })
    }

    /// GREATEST and LEAST.
    fn extreme(
        &mut self,
        greatest: bool,
        arguments: &[Expr],
        data_type: PgType,
    ) -> Result<lite::Expr, Error> {
        let number = self.types.carrier(data_type).oid == PgType::NUMERIC.oid;
        if !number && self.collation(data_type).is_some() {
            let name = if greatest { "pg_typed_greatest" } else { "pg_typed_least" };
            let lowered = self.exprs(arguments)?;
            return Ok(lite::Expr::call(name, self.typed_arguments(arguments, lowered)));
        }
        let name = match (greatest, number) {
            (true, true) => "pg_num_greatest",
            (false, true) => "pg_num_least",
            (true, false) => "pg_greatest",
            (false, false) => "pg_least",
        };
        Ok(lite::Expr::call(name, self.exprs(arguments)?))
    }

    /// A text read as a value of a type.
    fn read(&mut self, text: lite::Expr, target: PgType) -> lite::Expr {
        let target = self.types.carrier(target);
        let target = lite::Expr::Integer(i64::from(target.oid));
        lite::Expr::call("pg_in", vec![text, target, self.style()])
    }

    /// IN, ANY, LIKE, subqueries, sequences.
    fn membership(&mut self, expr: &Expr) -> Result<lite::Expr, Error> {
        Ok(match &expr.kind {
            ExprKind::InList { operand, list, negated } => lite::Expr::In {
                operand: Box::new(collated(self.types, self.expr(operand)?, operand.data_type)),
                list: self.exprs(list)?,
                negated: *negated,
            },
            ExprKind::InQuery { operand, query, negated } => lite::Expr::InQuery {
                operand: Box::new(collated(self.types, self.expr(operand)?, operand.data_type)),
                query: Box::new(self.query(query, false)?),
                negated: *negated,
            },
            ExprKind::RowInQuery { operand, query, negated } => lite::Expr::InQuery {
                operand: Box::new(self.row(operand)?),
                query: Box::new(self.query(query, false)?),
                negated: *negated,
            },
            ExprKind::RowSubquery { operand, op, query } => {
                let query = lite::Expr::Subquery(Box::new(self.scalar(query)?));
                lite::Expr::infix(self.row(operand)?, op, query)
            }
            ExprKind::AnyRow { operand, compared, query, operand_id, id, all } => {
                self.any_row((operand, *operand_id), compared, (query, *id), *all)?
            }
            ExprKind::Row { names, fields, present } => {
                self.row_value((names, fields), present.as_deref())?
            }
            ExprKind::Element { relation, part, .. } => {
                self.element(*relation, *part, expr.data_type)
            }
            ExprKind::Grouping(_) => return Err(Error::internal("grouping() was not resolved")),
            ExprKind::AnyElement { operand, op, array, element, all } => {
                self.any_element((operand, *op), (array, *element), *all)?
            }
            ExprKind::Like { operand, pattern, escape, negated, fold } => {
                self.like(operand, pattern, escape.as_deref(), (*negated, *fold))?
            }
            ExprKind::Exists(query) => lite::Expr::Exists(Box::new(self.query(query, false)?)),
            ExprKind::Subquery(query) => lite::Expr::Subquery(Box::new(self.scalar(query)?)),
            ExprKind::ArrayQuery(query) => self.array_query(query)?,
            ExprKind::TakenValue { sequence } => {
                self.argument(Argument::TakenValue(sequence.clone()))
            }
            ExprKind::NextValue { sequence } => {
                lite::Expr::call("pg_nextval", vec![lite::Expr::text(sequence)])
            }
            ExprKind::NextValueOfRow { sequence, row } => {
                let ExprKind::Call { lowering: Lowering::Call(name), .. } = &row.kind else {
                    return Err(Error::internal("a row number is a window function"));
                };
                let over = Some(lite::Window::default());
                let number = lite::Call { name, over, ..lite::Call::default() };
                let number = lite::Expr::Call(Box::new(number));
                lite::Expr::call("pg_nextval", vec![lite::Expr::text(sequence), number])
            }
            _ => return Err(Error::internal("this expression is lowered elsewhere")),
        })
    }

    /// A row as one value: see `datum::record`.
    fn row_value(
        &mut self,
        (names, fields): (&[String], &[Expr]),
        present: Option<&Expr>,
    ) -> Result<lite::Expr, Error> {
        let head = |(name, field): (&String, &Expr)| {
            let mut carrier = self.types.carrier(field.data_type);
            if carrier.oid == PgType::RECORD.oid {
                carrier = PgType::RECORD;
            }
            crate::datum::record::head(name, field.data_type.oid, carrier)
        };
        let heads: Vec<String> = names.iter().zip(fields).map(head).collect();
        let mut parts = Vec::new();
        // One call takes so many arguments; an empty row is one call, too.
        for place in (0..fields.len().max(1)).step_by(ROW_ARGUMENTS_MAX) {
            let end = (place + ROW_ARGUMENTS_MAX).min(fields.len());
            let mut arguments = vec![lite::Expr::text(&heads[place..end].join("\n"))];
            arguments.extend(self.exprs(&fields[place..end])?);
            parts.push(lite::Expr::call("pg_row", arguments));
        }
        let row = match parts.len() {
            1 => parts.remove(0),
            _ => lite::Expr::call("pg_row_join", parts),
        };
        let Some(present) = present else { return Ok(row) };
        let branches = vec![(self.expr(present)?, row)];
        Ok(lite::Expr::Case { operand: None, branches, otherwise: None })
    }

    /// `(a, b)`, each with the collation that comparing it needs.
    fn row(&mut self, exprs: &[Expr]) -> Result<lite::Expr, Error> {
        let items =
            exprs.iter().map(|expr| Ok(collated(self.types, self.expr(expr)?, expr.data_type)));
        Ok(lite::Expr::Row(items.collect::<Result<_, Error>>()?))
    }

    /// `operand op ANY (query)`: the operand is a relation of one row beside the query, so that it is
    /// evaluated once.
    fn any_row(
        &mut self,
        (operand, operand_id): (&Expr, crate::sql::bound::RelationId),
        compared: &Expr,
        (query, id): (&Query, crate::sql::bound::RelationId),
        all: bool,
    ) -> Result<lite::Expr, Error> {
        let operand = lite::Query::select(lite::Select {
            items: vec![(self.expr(operand)?, Some("operand".to_owned()))],
            ..lite::Select::default()
        });
        let operand =
            lite::From::Subquery { query: Box::new(operand), alias: self.alias(operand_id) };
        let rows = lite::From::Subquery {
            query: Box::new(self.query(query, true)?),
            alias: self.alias(id),
        };
        let from = lite::From::Join {
            kind: crate::sql::ast::JoinKind::Inner,
            left: Box::new(operand),
            right: Box::new(rows),
            on: None,
        };
        let compared = self.expr(compared)?;
        let select = lite::Select {
            items: vec![(decided(compared, all), None)],
            from: Some(from),
            ..lite::Select::default()
        };
        Ok(lite::Expr::Subquery(Box::new(lite::Query::select(select))))
    }

    pub(super) fn exprs(&mut self, exprs: &[Expr]) -> Result<Vec<lite::Expr>, Error> {
        exprs.iter().map(|expr| self.expr(expr)).collect()
    }

    fn column(&self, column: &Column) -> lite::Expr {
        if self.bare.contains(&column.relation) {
            return lite::Expr::column(&column.name);
        }
        let table =
            self.renamed.get(&column.relation).unwrap_or(&self.relations[column.relation].name);
        lite::Expr::Column { table: Some(table.clone()), name: column.name.clone() }
    }

    fn call(
        &mut self,
        lowering: Lowering,
        arguments: &[Expr],
        result: PgType,
    ) -> Result<lite::Expr, Error> {
        let mut lowered = self.exprs(arguments)?;
        Ok(match lowering {
            Lowering::Same => first(&mut lowered)?,
            Lowering::Infix(op) => {
                let left = first(&mut lowered)?;
                lite::Expr::infix(left, op, first(&mut lowered)?)
            }
            Lowering::Compare(op) => {
                let (left, right) = (first(&mut lowered)?, first(&mut lowered)?);
                let left = self.compared(left, op, &right, arguments[0].data_type);
                lite::Expr::infix(left, op, right)
            }
            Lowering::Guarded(guard, op) => {
                let left = first(&mut lowered)?;
                let inner = lite::Expr::infix(left, op, first(&mut lowered)?);
                lite::Expr::call(guard, vec![inner])
            }
            Lowering::Prefix(op) => lite::Expr::Prefix(op, Box::new(first(&mut lowered)?)),
            Lowering::GuardedPrefix(guard, op) => lite::Expr::call(
                guard,
                vec![lite::Expr::Prefix(op, Box::new(first(&mut lowered)?))],
            ),
            Lowering::Call(name) => lite::Expr::call(name, lowered),
            Lowering::Typed(name) => {
                lite::Expr::call(name, self.typed_arguments(arguments, lowered))
            }
            Lowering::Order(name, op) => {
                let order = lite::Expr::call(name, self.typed_arguments(arguments, lowered));
                lite::Expr::infix(order, op, lite::Expr::Integer(0))
            }
            Lowering::Signed(name, op) => {
                lite::Expr::infix(lite::Expr::call(name, lowered), op, lite::Expr::Integer(0))
            }
            Lowering::Shown(name) => {
                let shown = lowered
                    .into_iter()
                    .zip(arguments)
                    .map(|(value, argument)| self.output(value, argument.data_type))
                    .collect();
                lite::Expr::call(name, shown)
            }
            Lowering::Convert(storage) => lite::Expr::Cast(Box::new(first(&mut lowered)?), storage),
            Lowering::Output => {
                let from = arguments.first().map_or(PgType::TEXT, |argument| argument.data_type);
                self.output(first(&mut lowered)?, from)
            }
            Lowering::Input => {
                let text = first(&mut lowered)?;
                self.read(text, result)
            }
            Lowering::Reread => {
                let from = arguments.first().map_or(PgType::TEXT, |argument| argument.data_type);
                self.reread(first(&mut lowered)?, from, result)
            }
            Lowering::Zoned(name) | Lowering::Timed(name) => {
                if lowering == Lowering::Timed(name) {
                    lowered.push(self.argument(Argument::TransactionTime));
                }
                lowered.push(self.zone());
                lite::Expr::call(name, lowered)
            }
            Lowering::Searching(name) => {
                lowered.insert(0, self.argument(Argument::SearchPath));
                lite::Expr::call(name, lowered)
            }
            Lowering::Size(extent) => super::size::size(extent, lowered)?,
            _ => return self.session_call(lowering, lowered),
        })
    }

    /// A setting of those that the session gives.
    fn shown(&mut self, settings: Argument, mut arguments: Vec<lite::Expr>) -> lite::Expr {
        arguments.insert(0, self.argument(settings));
        lite::Expr::call("pg_current_setting", arguments)
    }

    /// What is asked of the session.
    fn session_call(
        &mut self,
        lowering: Lowering,
        mut arguments: Vec<lite::Expr>,
    ) -> Result<lite::Expr, Error> {
        Ok(match lowering {
            Lowering::Now => self.argument(Argument::TransactionTime),
            Lowering::StatementTime => self.argument(Argument::StatementTime),
            Lowering::Flag(name) => lite::Expr::infix(
                self.argument(Argument::Setting(name.to_owned())),
                "=",
                lite::Expr::text("on"),
            ),
            Lowering::Setting(name) => self.argument(Argument::Setting(name.to_owned())),
            Lowering::BackendPid => self.argument(Argument::BackendPid),
            Lowering::TransactionNumber => self.argument(Argument::TransactionNumber),
            Lowering::Signal(_) => match <[_; 1]>::try_from(arguments) {
                Ok([process]) => process,
                Err(_) => return Err(Error::internal("a session has one process id")),
            },
            Lowering::Advisory(_) => lite::Expr::call("pg_advisory_key", arguments),
            Lowering::Notify => match <[_; 2]>::try_from(arguments) {
                Ok([channel, payload]) => self.notify(channel, payload),
                Err(_) => return Err(Error::internal("pg_notify has two arguments")),
            },
            Lowering::SettingBefore => self.shown(Argument::SettingsBefore, arguments),
            Lowering::CurrentSetting | Lowering::SettingMade => match arguments.as_slice() {
                [lite::Expr::Text(name)] => self.argument(Argument::Setting(name.clone())),
                _ => self.shown(Argument::Settings, arguments),
            },
            Lowering::CurrentValue => {
                arguments.insert(0, self.argument(Argument::TakenValues));
                lite::Expr::call("pg_currval", arguments)
            }
            // Done where it is bound, or above.
            Lowering::Same
            | Lowering::Infix(_)
            | Lowering::Compare(_)
            | Lowering::CompareLabels(_)
            | Lowering::Labels(_)
            | Lowering::Order(..)
            | Lowering::Signed(..)
            | Lowering::Guarded(..)
            | Lowering::Prefix(_)
            | Lowering::GuardedPrefix(..)
            | Lowering::Call(_)
            | Lowering::Typed(_)
            | Lowering::Collected(_)
            | Lowering::CollectedTyped(_)
            | Lowering::Rows(_)
            | Lowering::Pairs(_)
            | Lowering::Records(..)
            | Lowering::Shown(_)
            | Lowering::Convert(_)
            | Lowering::Output
            | Lowering::Input
            | Lowering::Reread
            | Lowering::Zoned(_)
            | Lowering::Timed(_)
            | Lowering::Searching(_)
            | Lowering::Rights(_)
            | Lowering::Size(_)
            | Lowering::NextValue
            | Lowering::LastValue
            | Lowering::SetConfig
            | Lowering::SetValue
            | Lowering::LastTaken
            | Lowering::SessionFact(_)
            | Lowering::CompareAs(..)
            | Lowering::Joined
            | Lowering::TypeOf
            | Lowering::Series => return Err(Error::internal("this is lowered elsewhere")),
        })
    }

    /// `pg_notify(channel, payload)` in this session's name.
    pub(in crate::sql) fn notify(
        &mut self,
        channel: lite::Expr,
        payload: lite::Expr,
    ) -> lite::Expr {
        let mut arguments = vec![channel, payload];
        if !self.sessionless {
            arguments.push(self.argument(Argument::BackendPid));
        }
        lite::Expr::call("pg_notify", arguments)
    }

    /// `ARRAY(SELECT ...)`: the rows, collected.
    fn array_query(&mut self, query: &Query) -> Result<lite::Expr, Error> {
        let output = &query.outputs[0];
        let (alias, element) = (output.alias.clone(), self.types.carrier(output.data_type).oid);
        let rows = self.query(query, true)?;
        let types = lite::Expr::text(&element.to_string());
        let arguments = vec![self.zone(), types, lite::Expr::column(&alias)];
        let collected = lite::Expr::call("pg_array_agg", arguments);
        let select = lite::Select {
            items: vec![(
                lite::Expr::call("coalesce", vec![collected, lite::Expr::text("[]")]),
                None,
            )],
            from: Some(lite::From::Subquery { query: Box::new(rows), alias: "rows".to_owned() }),
            ..lite::Select::default()
        };
        Ok(lite::Expr::Subquery(Box::new(lite::Query::select(select))))
    }

    /// What a typed function gets: zone, the types of its arguments, and these.
    fn typed_arguments(&mut self, arguments: &[Expr], lowered: Vec<lite::Expr>) -> Vec<lite::Expr> {
        let types: Vec<String> = arguments
            .iter()
            .map(|argument| self.types.carrier(argument.data_type).oid.to_string())
            .collect();
        let mut all = vec![self.style(), lite::Expr::text(&types.join(","))];
        all.extend(lowered);
        all
    }

    /// A value of another type, by its text.
    fn reread(&mut self, value: lite::Expr, from: PgType, target: PgType) -> lite::Expr {
        // Nobody sees the text between two such types, and not every style reads as it shows.
        let unseen = self.has_days(from) && self.has_days(target);
        let style = if unseen { self.style.take() } else { None };
        let text = self.output(value, from);
        let read = self.read(text, target);
        self.style = style.or(self.style.take());
        read
    }

    /// Whether a type is an array of dates or timestamps.
    fn has_days(&self, data_type: PgType) -> bool {
        let days = [PgType::DATE.oid, PgType::TIMESTAMP.oid, PgType::TIMESTAMPTZ.oid];
        self.types.element(data_type.oid).is_some_and(|element| days.contains(&element))
    }

    fn modifier(
        &mut self,
        operand: &Expr,
        target: PgType,
        explicit: bool,
    ) -> Result<lite::Expr, Error> {
        let target = self.types.carrier(target);
        if let Some(element) = self.types.element(target.oid) {
            let numbers = [i64::from(element), i64::from(target.modifier), i64::from(explicit)];
            let mut arguments = vec![self.expr(operand)?];
            arguments.extend(numbers.map(lite::Expr::Integer));
            return Ok(lite::Expr::call("pg_array_modify", arguments));
        }
        let name = match target.oid {
            1042 if explicit => "pg_char_cut",
            1042 => "pg_char",
            1043 if explicit => "pg_varchar_cut",
            1043 => "pg_varchar",
            1700 => "pg_num_scale",
            1083 | 1114 | 1184 => "pg_time_scale",
            1186 => "pg_interval_scale",
            1266 => "pg_timetz_scale",
            1560 if explicit => "pg_bit_cut",
            1560 => "pg_bit",
            1562 if explicit => "pg_varbit_cut",
            1562 => "pg_varbit",
            _ => return Err(Error::refused("a precision of this type is not supported")),
        };
        let modifier = match target.oid {
            1042 | 1043 => target.modifier - 4,
            _ => target.modifier,
        };
        Ok(lite::Expr::call(
            name,
            vec![self.expr(operand)?, lite::Expr::Integer(i64::from(modifier))],
        ))
    }

    fn aggregate(&mut self, aggregate: &Aggregate) -> Result<lite::Expr, Error> {
        let mut arguments = self.exprs(&aggregate.arguments)?;
        // min, max and DISTINCT compare.
        if let (Some(first), Some(expr)) = (arguments.first_mut(), aggregate.arguments.first()) {
            let compares = aggregate.distinct || matches!(aggregate.function, "min" | "max");
            if compares {
                *first = collated(
                    self.types,
                    std::mem::replace(first, lite::Expr::Null),
                    expr.data_type,
                );
            }
        }
        if aggregate.distinct && arguments.len() > 1 {
            return Err(Error::refused("DISTINCT with several arguments is not supported"));
        }
        if aggregate.typed {
            arguments = self.typed_arguments(&aggregate.arguments, arguments);
        }
        Ok(lite::Expr::Call(Box::new(lite::Call {
            name: aggregate.function,
            star: aggregate.star,
            distinct: aggregate.distinct,
            arguments,
            order_by: self.order_by(&aggregate.order_by)?,
            filter: aggregate
                .filter
                .as_ref()
                .map(|filter| self.expr(filter).map(Box::new))
                .transpose()?,
            over: aggregate.over.as_ref().map(|over| self.window(over)).transpose()?,
        })))
    }

    pub(super) fn order_by(&mut self, items: &[OrderItem]) -> Result<Vec<lite::Order>, Error> {
        items
            .iter()
            .map(|item| {
                let expr = match &item.key {
                    OrderKey::Output(place) => lite::Expr::Integer(*place as i64 + 1),
                    OrderKey::Expr(expr) => self.expr(expr)?,
                };
                Ok(lite::Order {
                    expr: collated(self.types, expr, item.data_type),
                    descending: item.descending,
                    nulls_first: item.nulls_first,
                })
            })
            .collect()
    }

    /// `operand op ANY (array)`: the array is stored as JSON.
    fn any_element(
        &mut self,
        (left, op): (&Expr, Lowering),
        (array, element): (&Expr, PgType),
        all: bool,
    ) -> Result<lite::Expr, Error> {
        let operand = self.expr(left)?;
        let array = self.expr(array)?;
        let element = self.types.carrier(element);
        let value = match element.oid {
            16 | 20 | 21 | 23 | 26 | 790 => {
                lite::Expr::Cast(Box::new(lite::Expr::column("value")), "INTEGER")
            }
            700 | 701 => lite::Expr::Cast(Box::new(lite::Expr::column("value")), "REAL"),
            _ => lite::Expr::column("value"),
        };
        let rows = lite::Select {
            items: vec![(value.clone(), None)],
            from: Some(lite::From::Subquery {
                query: Box::new(json_rows(flat(array))),
                alias: "item".to_owned(),
            }),
            ..lite::Select::default()
        };
        if op == Lowering::Compare("=") && !all {
            let query = Box::new(lite::Query::select(rows));
            let operand = Box::new(collated(self.types, operand, element));
            return Ok(lite::Expr::InQuery { operand, query, negated: false });
        }
        if op == Lowering::Compare("<>") && all {
            let query = Box::new(lite::Query::select(rows));
            let operand = Box::new(collated(self.types, operand, element));
            return Ok(lite::Expr::InQuery { operand, query, negated: true });
        }
        let compared = match op {
            Lowering::Compare(op) => {
                lite::Expr::infix(collated(self.types, operand, element), op, value)
            }
            Lowering::Call(name) => lite::Expr::call(name, vec![operand, value]),
            Lowering::Typed(name) => {
                let item = Expr::constant(Value::Null, element, 0);
                let types = [left.clone(), item];
                lite::Expr::call(name, self.typed_arguments(&types, vec![operand, value]))
            }
            _ => {
                let message = "this operator with ANY or ALL (array) is not supported";
                return Err(Error::refused(message));
            }
        };
        let result = decided(compared, all);
        let query = lite::Query::select(lite::Select { items: vec![(result, None)], ..rows });
        Ok(lite::Expr::Subquery(Box::new(query)))
    }

    /// LIKE by a function; a constant beginning of the pattern is a range too, for the indexes.
    fn like(
        &mut self,
        operand: &Expr,
        pattern: &Expr,
        escape: Option<&Expr>,
        (negated, fold): (bool, bool),
    ) -> Result<lite::Expr, Error> {
        let value = collated(self.types, self.expr(operand)?, operand.data_type);
        let mut arguments = vec![value.clone(), self.expr(pattern)?];
        if let Some(escape) = escape {
            arguments.push(self.expr(escape)?);
        }
        let name = match (negated, fold) {
            (false, false) => "pg_like",
            (true, false) => "pg_not_like",
            (false, true) => "pg_ilike",
            (true, true) => "pg_not_ilike",
        };
        let matches = lite::Expr::call(name, arguments);
        let ExprKind::Constant(Value::Text(pattern)) = &pattern.kind else { return Ok(matches) };
        let start = literal_start(pattern);
        if negated || fold || escape.is_some() || start.is_empty() {
            return Ok(matches);
        }
        let from = lite::Expr::infix(value.clone(), ">=", lite::Expr::text(start));
        let range = match after_prefix(start) {
            Some(end) => lite::Expr::infix(
                from,
                "AND",
                lite::Expr::infix(value, "<", lite::Expr::text(&end)),
            ),
            None => from,
        };
        Ok(lite::Expr::infix(range, "AND", matches))
    }
}

/// What ANY or ALL says about all comparisons: NULL if nothing decides it and something was NULL.
/// Over no rows it is false or true.
fn decided(compared: lite::Expr, all: bool) -> lite::Expr {
    let null = lite::Expr::IsNull { operand: Box::new(compared.clone()), negated: false };
    let decided = lite::Expr::call(if all { "min" } else { "max" }, vec![compared]);
    let any_null = lite::Expr::call("max", vec![null]);
    let deciding = lite::Expr::Integer(i64::from(!all));
    lite::Expr::Case {
        operand: None,
        branches: vec![
            (lite::Expr::infix(decided, "=", deciding.clone()), deciding),
            (any_null, lite::Expr::Null),
        ],
        otherwise: Some(Box::new(lite::Expr::Integer(i64::from(all)))),
    }
}

/// An array as one of one dimension.
pub(super) fn flat(array: lite::Expr) -> lite::Expr {
    match &array {
        lite::Expr::Text(text) if !text.starts_with("[[") => array,
        _ => lite::Expr::call("pg_array_flat", vec![array]),
    }
}

/// `SELECT value FROM json_each(elements)`.
pub(super) fn json_rows(elements: lite::Expr) -> lite::Query {
    lite::Query::select(lite::Select {
        items: vec![(lite::Expr::column("value"), Some("value".to_owned()))],
        from: Some(lite::From::Function {
            name: "json_each",
            arguments: vec![elements],
            alias: None,
        }),
        ..lite::Select::default()
    })
}

pub(super) fn constant(value: &Value) -> lite::Expr {
    match value {
        Value::Null => lite::Expr::Null,
        Value::Integer(number) => lite::Expr::Integer(*number),
        Value::Real(number) => lite::Expr::Real(*number),
        Value::Text(text) => lite::Expr::text(text),
        Value::Blob(bytes) => lite::Expr::Blob(bytes.clone()),
    }
}

/// What a LIKE pattern begins with before anything that isn't itself.
fn literal_start(pattern: &str) -> &str {
    &pattern[..pattern.find(['%', '_', '\\']).unwrap_or(pattern.len())]
}

/// The first text after all those that start with `prefix`.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            other => char::from_u32(other as u32 + 1),
        };
        if let Some(next) = next {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}
