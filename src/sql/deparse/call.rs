//! Calls of functions, and what SQL writes in ways of its own.

use super::{Place, Shown, Writer, push};
use crate::catalog::{Kind, SearchPath};
use crate::model::catalog::Function;
use crate::model::pg_type::{Oid, PgType};
use crate::pgdata::{self, PG_CATALOG, quote_identifier};
use crate::sql::ast::{Call, Expr, ExprKind, FrameBound, OrderItem, Window};
use crate::sql::types::resolve::{self, Arguments, Found};
use crate::sql::types::{lowering, polymorphic};

impl<'a> Writer<'a> {
    pub(super) fn call(&mut self, call: &Call, tree: &Expr) -> Option<Shown> {
        let name = call.name.last()?.text.as_str();
        let bare = call.name.len() == 1;
        if bare
            && call.arguments.is_empty()
            && !call.star
            && lowering::value_function(name).is_some()
        {
            return Some(Shown::simple(name.to_uppercase()));
        }
        if bare && let Some(shown) = self.conditional(name, call, tree) {
            return shown;
        }
        let own = self.own_function(name, call);
        let arguments = match own {
            Some(own) => self.passed(call, &own.argument_types)?,
            None => self.arguments(name, call)?,
        };
        if call.sql_syntax
            && let Some(text) = self.own_syntax(name, &arguments, &call.arguments)
        {
            return Some(text);
        }
        let label = match own {
            Some(own) => self.contents.shown_name(Kind::FUNCTION, self.path, own.oid)?,
            None => quote_identifier(name).into_owned(),
        };
        let mut text = format!("{label}(");
        if call.star {
            text.push('*');
        }
        if call.distinct {
            text.push_str("DISTINCT ");
        }
        for (number, argument) in arguments.iter().enumerate() {
            if number > 0 {
                text.push_str(", ");
            }
            push(&mut text, &argument.text);
        }
        if !call.order_by.is_empty() && !call.within_group {
            text.push_str(" ORDER BY ");
            push(&mut text, &self.sorted(&call.order_by)?);
        }
        text.push(')');
        if call.within_group {
            text.push_str(" WITHIN GROUP (ORDER BY ");
            push(&mut text, &self.sorted(&call.order_by)?);
            text.push(')');
        }
        if let Some(filter) = &call.filter {
            text.push_str(" FILTER (WHERE ");
            push(&mut text, &self.value(filter, Some(PgType::BOOL.oid))?.text);
            text.push(')');
        }
        if let Some(window) = &call.over {
            text.push_str(" OVER ");
            text.push_str(&self.window(window)?);
        }
        Some(Shown::simple(text))
    }

    /// COALESCE and the like, whose arguments have a common type. The outer `None`: it isn't one.
    #[expect(clippy::option_option, reason = "not one of these, and one that can't be written")]
    fn conditional(&mut self, name: &str, call: &Call, tree: &Expr) -> Option<Option<Shown>> {
        let word = match name {
            "coalesce" => "COALESCE",
            "greatest" => "GREATEST",
            "least" => "LEAST",
            "nullif" => "NULLIF",
            _ => return None,
        };
        let wanted =
            if name == "nullif" { None } else { self.type_of(tree).map(|known| known.oid) };
        if let ("nullif", [left, right]) = (name, call.arguments.as_slice()) {
            let given = [self.type_of(left), self.type_of(right)];
            let [Some(left_type), Some(right_type)] = given else { return Some(None) };
            let found = resolve::operator(self.types(), "=", Some(left_type.oid), right_type.oid);
            let Found::One(operator) = found else { return Some(None) };
            let left = self.value(left, Some(operator.left));
            let right = self.value(right, Some(operator.right));
            return Some(match (left, right) {
                (Some(left), Some(right)) => {
                    Some(Shown::simple(format!("NULLIF({}, {})", left.text, right.text)))
                }
                _ => None,
            });
        }
        let list = self.list(&call.arguments, wanted);
        Some(list.map(|list| Shown::simple(format!("{word}({list})"))))
    }

    /// The arguments as the function takes them.
    fn arguments(&mut self, name: &str, call: &Call) -> Option<Vec<Shown>> {
        if call.variadic
            || call.arguments.iter().any(|one| matches!(one.kind, ExprKind::NamedArgument { .. }))
        {
            return None;
        }
        let mut trees: Vec<&Expr> = call.arguments.iter().collect();
        if call.within_group {
            trees.extend(call.order_by.iter().map(|item| &item.expr));
        }
        let given: Option<Vec<Oid>> =
            trees.iter().map(|tree| Some(self.type_of(tree)?.oid)).collect();
        let given = given?;
        let namespace = PG_CATALOG;
        let asked = Arguments { types: &given, names: &[], variadic: false, namespace };
        let Found::One(candidate) = resolve::function(self.types(), name, asked) else {
            return None;
        };
        let meaning = polymorphic::meaning(self.types(), &given, &candidate.wanted).ok()?;
        let mut shown = Vec::new();
        for (tree, wanted) in call.arguments.iter().zip(&candidate.wanted) {
            let wanted = meaning.apply(self.types(), *wanted).unwrap_or(*wanted);
            shown.push(self.value(tree, Some(wanted))?);
        }
        Some(shown)
    }

    /// The function of the database's own that a call means.
    fn own_function(&self, name: &str, call: &Call) -> Option<&'a Function> {
        let schema = call.name.iter().rev().nth(1).map(|schema| schema.text.as_str());
        if schema.is_none() && !pgdata::functions_named(name).is_empty() {
            return None;
        }
        let count = call.arguments.len();
        let takes = |function: &Function| {
            let most = function.argument_types.len();
            (most - function.defaults.len().min(most)..=most).contains(&count)
        };
        let path = SearchPath::new(&self.settings.search_path, &self.settings.user);
        let rank = |function: &Function| {
            let given = |(tree, wanted): (&Expr, &Oid)| {
                self.type_of(tree).is_some_and(|known| known.oid == *wanted)
            };
            let exact = call.arguments.iter().zip(&function.argument_types).all(given);
            let place = path.schemas(true).position(|schema| schema == function.schema);
            (!exact, place.unwrap_or(usize::MAX), function.oid)
        };
        let all = self.contents.catalog().functions.values().map(AsRef::as_ref);
        all.filter(|function: &&Function| {
            function.name == name
                && schema.is_none_or(|schema| schema == function.schema)
                && takes(function)
        })
        .min_by_key(|function| rank(function))
    }

    /// The arguments of a call, as what they are passed as.
    fn passed(&mut self, call: &Call, wanted: &[Oid]) -> Option<Vec<Shown>> {
        let named = |one: &Expr| matches!(one.kind, ExprKind::NamedArgument { .. });
        if call.variadic || call.arguments.iter().any(named) {
            return None;
        }
        let pairs = call.arguments.iter().zip(wanted);
        pairs.map(|(tree, wanted)| self.value(tree, Some(*wanted))).collect()
    }

    /// What was written with words between the arguments.
    fn own_syntax(&self, name: &str, shown: &[Shown], trees: &[Expr]) -> Option<Shown> {
        let text = |place: usize| shown.get(place).map(|one| one.text.as_str());
        Some(match (name, shown.len()) {
            ("extract", 2) => {
                let ExprKind::String(field) = &trees[0].kind else { return None };
                Shown::simple(format!("EXTRACT({field} FROM {})", text(1)?))
            }
            ("timezone", 2) => {
                let value = self.placed(shown[1].clone(), Place::Tight);
                let zone = self.placed(shown[0].clone(), Place::Tight);
                Shown::simple(format!("({value} AT TIME ZONE {zone})"))
            }
            ("position", 2) => Shown::simple(format!("POSITION(({}) IN ({}))", text(1)?, text(0)?)),
            ("overlaps", 4) => Shown::simple(format!(
                "(({}, {}) OVERLAPS ({}, {}))",
                text(0)?,
                text(1)?,
                text(2)?,
                text(3)?
            )),
            ("btrim" | "ltrim" | "rtrim", count) => {
                // The cast that is implied isn't shown here.
                let text =
                    |place: usize| text(place).map(|shown| without_cast(shown, &trees[place]));
                let side = match name {
                    "btrim" => "BOTH",
                    "ltrim" => "LEADING",
                    _ => "TRAILING",
                };
                if count > 1 {
                    Shown::simple(format!("TRIM({side} {} FROM {})", text(1)?, text(0)?))
                } else {
                    Shown::simple(format!("TRIM({side} FROM {})", text(0)?))
                }
            }
            _ => return None,
        })
    }

    /// ORDER BY's items inside a call or a window.
    pub(super) fn sorted(&mut self, items: &[OrderItem]) -> Option<String> {
        let mut text = String::new();
        for (number, item) in items.iter().enumerate() {
            if number > 0 {
                text.push_str(", ");
            }
            let key = self.sort_key(&item.expr)?;
            push(&mut text, &key);
            text.push_str(direction(item));
        }
        Some(text)
    }

    /// A key of ORDER BY or GROUP BY: calls stand in parentheses, so that they aren't taken for CUBE.
    pub(super) fn sort_key(&mut self, tree: &Expr) -> Option<String> {
        let shown = self.value(tree, None)?;
        let bare = match &tree.kind {
            ExprKind::Column(_) => true,
            ExprKind::Call(call) => {
                // COALESCE and the like are no functions.
                let name = call.name.last().map_or("", |name| name.text.as_str());
                !self.pretty && matches!(name, "coalesce" | "greatest" | "least" | "nullif")
            }
            _ => !self.pretty,
        };
        Some(if bare { shown.text } else { format!("({})", shown.text) })
    }

    fn window(&mut self, window: &Window) -> Option<String> {
        if window.whole {
            return Some(quote_identifier(&window.base.as_ref()?.text).into_owned());
        }
        let mut parts = Vec::new();
        if let Some(base) = &window.base {
            parts.push(quote_identifier(&base.text).into_owned());
        }
        if !window.partition_by.is_empty() {
            let keys: Option<Vec<String>> =
                window.partition_by.iter().map(|key| self.sort_key(key)).collect();
            parts.push(format!("PARTITION BY {}", keys?.join(", ")));
        }
        if !window.order_by.is_empty() {
            parts.push(format!("ORDER BY {}", self.sorted(&window.order_by)?));
        }
        if let Some(frame) = &window.frame {
            let start = self.bound(&frame.start)?;
            let end = self.bound(&frame.end)?;
            let plain = frame.unit == "RANGE"
                && frame.exclude.is_none()
                && (start.as_str(), end.as_str()) == ("UNBOUNDED PRECEDING", "CURRENT ROW");
            if !plain {
                let mut text = format!("{} BETWEEN {start} AND {end}", frame.unit);
                if let Some(exclude) = frame.exclude {
                    text.push_str(" EXCLUDE ");
                    text.push_str(exclude);
                }
                parts.push(text);
            }
        }
        Some(format!("({})", parts.join(" ")))
    }

    fn bound(&mut self, bound: &FrameBound) -> Option<String> {
        Some(match bound {
            FrameBound::UnboundedPreceding => "UNBOUNDED PRECEDING".to_owned(),
            FrameBound::CurrentRow => "CURRENT ROW".to_owned(),
            FrameBound::UnboundedFollowing => "UNBOUNDED FOLLOWING".to_owned(),
            FrameBound::Preceding(offset) => {
                format!("{} PRECEDING", self.value(offset, None)?.text)
            }
            FrameBound::Following(offset) => {
                format!("{} FOLLOWING", self.value(offset, None)?.text)
            }
        })
    }
}

pub(super) fn direction(item: &OrderItem) -> &'static str {
    match (item.descending, item.nulls_first) {
        (false, Some(true)) => " NULLS FIRST",
        (false, _) => "",
        (true, Some(false)) => " DESC NULLS LAST",
        (true, _) => " DESC",
    }
}

/// `(x)::text`, where that was only `x`.
fn without_cast<'s>(shown: &'s str, tree: &Expr) -> &'s str {
    if !matches!(tree.kind, ExprKind::Column(_)) {
        return shown;
    }
    let bare = shown.strip_suffix("::text").unwrap_or(shown);
    bare.strip_prefix('(').and_then(|bare| bare.strip_suffix(')')).unwrap_or(bare)
}
