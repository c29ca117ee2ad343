//! Windows and their frames.

use crate::datum::frame;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::sql::ast;
use crate::sql::bind::aggregate::first_window;
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{Expr, ExprKind, Frame, FrameBound, Offset, OrderItem, OrderKey, Window};
use crate::sql::types::Lowering;
use crate::sql::types::casts::Context;

/// What a frame's offset is added to.
struct Key {
    /// RANGE's only key: its type, and the type as it is stored.
    range: Option<(PgType, Oid)>,
    unit: &'static str,
    uneven_days: bool,
}

impl Binder<'_> {
    /// A window with what the named one that it refers to says.
    fn whole_window(&self, window: &ast::Window) -> Result<ast::Window, Error> {
        let Some(name) = &window.base else { return Ok(window.clone()) };
        let known = self.windows.last().and_then(|windows| {
            windows.iter().find(|(known, _)| known.text == name.text).map(|(_, window)| window)
        });
        let Some(known) = known else {
            let message = format!("window \"{}\" does not exist", name.text);
            return Err(at(Error::user(SqlState::UNDEFINED_OBJECT, message), name.position));
        };
        let wrong = |message: String, position: u32| {
            Err(at(Error::user(SqlState::WINDOWING_ERROR, message), position))
        };
        let mut whole = self.whole_window(known)?;
        if window.whole {
            return Ok(whole);
        }
        if !window.partition_by.is_empty() {
            let message =
                format!("cannot override PARTITION BY clause of window \"{}\"", name.text);
            return wrong(message, name.position);
        }
        if !window.order_by.is_empty() && !whole.order_by.is_empty() {
            let message = format!("cannot override ORDER BY clause of window \"{}\"", name.text);
            return wrong(message, name.position);
        }
        if whole.frame.is_some() {
            let message =
                format!("cannot copy window \"{}\" because it has a frame clause", name.text);
            return wrong(message, name.position);
        }
        if !window.order_by.is_empty() {
            whole.order_by.clone_from(&window.order_by);
        }
        whole.frame.clone_from(&window.frame);
        whole.position = window.position;
        Ok(whole)
    }

    pub(super) fn window(&mut self, window: &ast::Window) -> Result<Window, Error> {
        let window = &self.whole_window(window)?;
        let partition_by: Vec<Expr> = window
            .partition_by
            .iter()
            .map(|expr| {
                let expr = self.expr(expr)?;
                self.resolve_unknown(expr)
            })
            .collect::<Result<_, Error>>()?;
        let mut order_by = self.order_keys(&window.order_by)?;
        let mut keys = partition_by.iter().chain(order_by.iter().filter_map(OrderItem::expr));
        if let Some(inner) = keys.find_map(first_window) {
            let message = "window functions are not allowed in window definitions";
            return Err(at(Error::user(SqlState::WINDOWING_ERROR, message), inner));
        }
        let frame = match &window.frame {
            None => None,
            Some(frame) => Some(self.frame(frame, &mut order_by, window.position)?),
        };
        Ok(Window { partition_by, order_by, frame })
    }

    fn frame(
        &mut self,
        frame: &ast::Frame,
        order_by: &mut [OrderItem],
        position: u32,
    ) -> Result<Frame, Error> {
        let has_offset = |bound: &ast::FrameBound| {
            matches!(bound, ast::FrameBound::Preceding(_) | ast::FrameBound::Following(_))
        };
        let mut key = Key { range: None, unit: frame.unit, uneven_days: false };
        if frame.unit == "RANGE" && (has_offset(&frame.start) || has_offset(&frame.end)) {
            let [item] = order_by else {
                let message =
                    "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column";
                return Err(at(Error::user(SqlState::WINDOWING_ERROR, message), position));
            };
            let stored = self.types().carrier(item.data_type).oid;
            key.range = Some((item.data_type, stored));
            let zone = self.settings.time_zone.as_str();
            key.uneven_days = stored == PgType::TIMESTAMPTZ.oid
                && !["UTC", "GMT", "Etc/UTC"].iter().any(|even| even.eq_ignore_ascii_case(zone));
        }
        let start = self.frame_bound(&frame.start, true, &key)?;
        let end = self.frame_bound(&frame.end, false, &key)?;
        if let (Some((_, stored)), [item]) = (key.range, order_by) {
            as_number(item, stored);
        }
        Ok(Frame { unit: frame.unit, start, end, exclude: frame.exclude })
    }

    fn frame_bound(
        &mut self,
        bound: &ast::FrameBound,
        starting: bool,
        key: &Key,
    ) -> Result<FrameBound, Error> {
        Ok(match bound {
            ast::FrameBound::UnboundedPreceding => FrameBound::UnboundedPreceding,
            ast::FrameBound::CurrentRow => FrameBound::CurrentRow,
            ast::FrameBound::UnboundedFollowing => FrameBound::UnboundedFollowing,
            ast::FrameBound::Preceding(expr) => {
                FrameBound::Preceding(self.offset(expr, starting, key)?)
            }
            ast::FrameBound::Following(expr) => {
                FrameBound::Following(self.offset(expr, starting, key)?)
            }
        })
    }

    fn offset(&mut self, tree: &ast::Expr, starting: bool, key: &Key) -> Result<Offset, Error> {
        let expr = self.expr(tree)?;
        let position = expr.position;
        if let Some(variable) = first_column(&expr) {
            let message = format!("argument of {} must not contain variables", key.unit);
            let error = Error::user(SqlState::INVALID_COLUMN_REFERENCE, message);
            return Err(at(error, variable));
        }
        let expr = match key.range {
            None => self.coerce_to(expr, PgType::INT8, &format!("argument of {}", key.unit))?,
            Some(range) => self.range_offset(expr, range)?,
        };
        let rule = frame::Rule {
            starting,
            key: key.range.map(|(_, stored)| stored),
            uneven_days: key.uneven_days,
        };
        match unconverted(expr).kind {
            ExprKind::Constant(value) => frame::offset(rule, &value).map(Offset::Constant),
            ExprKind::Parameter(number) => Ok(Offset::Parameter { number, rule }),
            _ => {
                let message =
                    "a frame's offset that is neither a constant nor a parameter is not supported";
                Err(at(Error::refused(message), position))
            }
        }
    }

    /// An offset of the type that goes with the key's.
    fn range_offset(&mut self, expr: Expr, range: (PgType, Oid)) -> Result<Expr, Error> {
        let position = expr.position;
        let (column, stored) = range;
        let known = offset_types(stored);
        let label = self.types().label(column.oid);
        let refused = |what: &str, other: Option<&str>| {
            let other = other.map(|other| format!(" and offset type {other}")).unwrap_or_default();
            let message = format!(
                "RANGE with offset PRECEDING/FOLLOWING {what} for column type {label}{other}"
            );
            at(Error::refused(message), position)
        };
        let Some(own) = known.first() else { return Err(refused("is not supported", None)) };
        let given = expr.data_type.oid;
        let untyped = expr.is_unknown();
        let mut fitting = Vec::new();
        for oid in known {
            if untyped || given == *oid {
                fitting = vec![*oid];
                break;
            }
            if self.coerce(expr.clone(), PgType::new(*oid), Context::Implicit)?.is_some() {
                fitting.push(*oid);
            }
        }
        let other = self.types().label(given);
        match fitting[..] {
            [] => Err(refused("is not supported", Some(&other))
                .with_hint("Cast the offset value to an appropriate type.")),
            [one] => {
                let chosen = if untyped { *own } else { one };
                self.coerce_to(expr, PgType::new(chosen), "argument of RANGE")
            }
            _ => Err(refused("has multiple interpretations", Some(&other))
                .with_hint("Cast the offset value to the exact intended type.")),
        }
    }
}

/// The types that an offset from a key of this one may have, first the one of an untyped offset.
/// (`pg_amproc`, support function 3 of B-trees.)
fn offset_types(key: Oid) -> &'static [Oid] {
    match key {
        21 => &[21, 23, 20],
        23 => &[23, 21, 20],
        20 => &[20],
        700 | 701 => &[701],
        1082 | 1083 | 1114 | 1184 | 1186 => &[1186],
        _ => &[],
    }
}

/// Makes RANGE's key what SQLite can count with.
fn as_number(item: &mut OrderItem, stored: Oid) {
    if !matches!(stored, 1082 | 1083 | 1114 | 1184 | 1186) {
        return;
    }
    let OrderKey::Expr(key) = &mut item.key else { return };
    let position = key.position;
    let key_of = Expr::constant(Value::Null, PgType::INT8, position);
    let arguments = vec![
        std::mem::replace(key, key_of),
        Expr::constant(Value::Integer(i64::from(stored)), PgType::INT8, position),
    ];
    *key = Expr::strict_call(Lowering::Call("pg_frame_key"), arguments, PgType::INT8, position);
    item.data_type = PgType::INT8;
}

/// An expression without the casts that leave its value as it is stored.
fn unconverted(expr: Expr) -> Expr {
    match expr.kind {
        ExprKind::Call { lowering: Lowering::Same, mut arguments, .. } if arguments.len() == 1 => {
            unconverted(arguments.remove(0))
        }
        _ => expr,
    }
}

/// Where the first column is that an expression uses.
fn first_column(expr: &Expr) -> Option<u32> {
    if matches!(expr.kind, ExprKind::Column(_) | ExprKind::Element { .. }) {
        return Some(expr.position);
    }
    expr.children().into_iter().find_map(first_column)
}
