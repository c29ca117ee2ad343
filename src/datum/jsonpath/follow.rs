//! Follows a path through a document.
//!
//! What isn't there is nothing in lax mode, and a failure in strict mode. Failures in predicates make them
//! unknown; others end the way, and count unless the caller wants silence.

use std::cmp::Ordering;
use std::rc::Rc;

use crate::datum::jsonpath::item::{Item, Object, write_array};
use crate::datum::jsonpath::{Comparison, Expr, Method, Operator, Path, Step};
use crate::datum::numeric::Numeric;
use crate::datum::regex::Regex;
use crate::model::error::{Error, SqlState};

/// Why a way ends.
enum Stop {
    /// What the path asks for can't be done with this document: silence is possible.
    Document(Error),
    Other(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

type Outcome<T> = Result<T, Stop>;

fn stop<T>(code: &[u8; 5], message: impl Into<String>) -> Outcome<T> {
    Err(Stop::Document(Error::user(SqlState(*code), message)))
}

/// A path, the document, and what the path's variables are.
#[derive(Debug)]
pub struct Follow<'p> {
    path: &'p Path,
    document: Item,
    variables: Rc<Object>,
    /// Failures of the document are left out.
    silent: bool,
}

/// Where a path has come to.
#[derive(Clone, Copy)]
struct Place<'i> {
    /// What `@` is.
    current: Option<&'i Item>,
    /// The length of the array whose subscript is being computed.
    length: Option<usize>,
    /// What isn't there is no failure here, in strict mode either.
    forgiving: bool,
}

impl<'p> Follow<'p> {
    /// `document` and `variables` are stored jsonb.
    ///
    /// # Errors
    /// 22023 for variables that aren't an object.
    pub fn new(
        path: &'p Path,
        document: &str,
        variables: &str,
        silent: bool,
    ) -> Result<Self, Error> {
        let Item::Object(variables) = Item::read(variables)? else {
            let message = "\"vars\" argument is not an object";
            return Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message).with_detail(
                "Jsonpath parameters should be encoded as key-value pairs of \"vars\" object.",
            ));
        };
        Ok(Self { path, document: Item::read(document)?, variables, silent })
    }

    /// All that the path leads to, up to a failure; and the failure, where it counts.
    fn all(&self) -> (Vec<Item>, Option<Stop>) {
        let mut found = Vec::new();
        let place = Place { current: None, length: None, forgiving: false };
        let outcome = self.expr(&self.path.root, place, &mut found);
        (found, outcome.err())
    }

    fn lax(&self) -> bool {
        !self.path.strict
    }

    /// Whether what isn't there is no failure.
    fn forgives(&self, place: Place<'_>) -> bool {
        self.lax() || place.forgiving
    }

    fn expr(&self, expr: &Expr, place: Place<'_>, out: &mut Vec<Item>) -> Outcome<()> {
        out.push(match expr {
            Expr::Root => self.document.clone(),
            Expr::Current => match place.current {
                Some(item) => item.clone(),
                None => return Err(Error::internal("@ is in a filter").into()),
            },
            Expr::Last => match place.length {
                Some(length) => Item::Number(Numeric::from_i64(length as i64 - 1)),
                None => return Err(Error::internal("last is in a subscript").into()),
            },
            Expr::Variable(name) => {
                let known = self.variables.members.iter().find(|(key, _)| **key == **name);
                let missing = || {
                    let message = format!("could not find jsonpath variable \"{name}\"");
                    Error::user(SqlState::UNDEFINED_OBJECT, message)
                };
                known.ok_or_else(missing)?.1.clone()
            }
            Expr::Null => Item::Null,
            Expr::Bool(value) => Item::Bool(*value),
            Expr::Number(number) => Item::Number(number.clone()),
            Expr::String(text) => Item::String(Rc::from(text.as_str())),
            Expr::Steps(head, steps) => {
                let mut heads = Vec::new();
                let outcome = self.expr(head, place, &mut heads);
                for item in &heads {
                    self.steps(steps, item, (place, self.lax()), out)?;
                }
                return outcome;
            }
            Expr::Arithmetic(operator, left, right) => {
                self.arithmetic(*operator, (left, right), place)?
            }
            Expr::Negated(inside) => return self.signed(inside, true, place, out),
            Expr::Unchanged(inside) => return self.signed(inside, false, place, out),
            _ => match self.truth(expr, place)? {
                Some(value) => Item::Bool(value),
                None => Item::Null,
            },
        });
        Ok(())
    }

    fn arithmetic(
        &self,
        operator: Operator,
        (left, right): (&Expr, &Expr),
        place: Place<'_>,
    ) -> Outcome<Item> {
        let left = self.single_number(left, place, ("left", operator.sign()))?;
        let right = self.single_number(right, place, ("right", operator.sign()))?;
        let result = match operator {
            Operator::Add => left.add(&right),
            Operator::Subtract => left.sub(&right),
            Operator::Multiply => left.mul(&right),
            Operator::Divide => left.div(&right),
            Operator::Modulo => left.rem(&right),
        };
        Ok(Item::Number(result.map_err(Stop::Document)?))
    }

    /// `- x` and `+ x`
    fn signed(
        &self,
        inside: &Expr,
        negative: bool,
        place: Place<'_>,
        out: &mut Vec<Item>,
    ) -> Outcome<()> {
        for item in self.unwrapped(inside, place)? {
            let Item::Number(number) = item else {
                let sign = if negative { "-" } else { "+" };
                let message =
                    format!("operand of unary jsonpath operator {sign} is not a numeric value");
                return stop(b"2203B", message);
            };
            out.push(Item::Number(if negative { number.negate() } else { number }));
        }
        Ok(())
    }

    /// What an operand comes to; in lax mode arrays are what is in them.
    fn unwrapped(&self, expr: &Expr, place: Place<'_>) -> Outcome<Vec<Item>> {
        let mut found = Vec::new();
        self.expr(expr, place, &mut found)?;
        if self.path.strict || !found.iter().any(|item| matches!(item, Item::Array(_))) {
            return Ok(found);
        }
        let mut flat = Vec::new();
        for item in found {
            match item {
                Item::Array(items) => flat.extend(items.iter().cloned()),
                item => flat.push(item),
            }
        }
        Ok(flat)
    }

    fn single_number(
        &self,
        expr: &Expr,
        place: Place<'_>,
        (side, sign): (&str, &str),
    ) -> Outcome<Numeric> {
        let mut items = self.unwrapped(expr, place)?;
        match (items.pop(), items.is_empty()) {
            (Some(Item::Number(number)), true) => Ok(number),
            _ => stop(
                b"22038",
                format!("{side} operand of jsonpath operator {sign} is not a single numeric value"),
            ),
        }
    }

    /// Takes the steps from an item on. `unwrap`: an array that the first step isn't for is what is in it.
    fn steps(
        &self,
        steps: &[Step],
        item: &Item,
        (place, unwrap): (Place<'_>, bool),
        out: &mut Vec<Item>,
    ) -> Outcome<()> {
        let Some((step, rest)) = steps.split_first() else {
            out.push(item.clone());
            return Ok(());
        };
        let onward =
            |item: &Item, out: &mut Vec<Item>| self.steps(rest, item, (place, self.lax()), out);
        let for_elements = matches!(
            step,
            Step::Key(_)
                | Step::AnyKey
                | Step::Filter(_)
                | Step::Method(
                    Method::Double
                        | Method::Ceiling
                        | Method::Floor
                        | Method::Abs
                        | Method::KeyValue
                )
        );
        if let (Item::Array(items), true, true) = (item, for_elements, unwrap) {
            return items.iter().try_for_each(|item| self.steps(steps, item, (place, false), out));
        }
        match (step, item) {
            (Step::Key(_) | Step::AnyKey | Step::AnyElement, item) => {
                self.parts(step, item, place)?.iter().try_for_each(|item| onward(item, out))
            }
            (Step::Elements(list), item) => {
                for item in self.elements(list, item, place)? {
                    onward(&item, out)?;
                }
                Ok(())
            }
            (Step::Levels(first, last), item) => {
                let place = Place { forgiving: true, ..place };
                if *first == 0 {
                    self.steps(rest, item, (place, self.lax()), out)?;
                }
                self.below(rest, item, (1, *first, *last), place, out)
            }
            (Step::Filter(inside), item) => {
                let inner = Place { current: Some(item), ..place };
                if self.truth(inside, inner)? == Some(true) { onward(item, out) } else { Ok(()) }
            }
            (Step::Method(method), item) => match self.method(*method, item, place)? {
                Some(items) => items.iter().try_for_each(|item| onward(item, out)),
                None => Ok(()),
            },
        }
    }

    /// What a member or all of them, or all elements, are.
    fn parts(&self, step: &Step, item: &Item, place: Place<'_>) -> Outcome<Vec<Item>> {
        let missing = |code: &[u8; 5], message: &str| {
            if self.forgives(place) { Ok(Vec::new()) } else { stop(code, message) }
        };
        match (step, item) {
            (Step::Key(key), Item::Object(object)) => {
                match object.members.iter().rev().find(|(known, _)| **known == **key) {
                    Some((_, value)) => Ok(vec![value.clone()]),
                    None => {
                        missing(b"2203A", &format!("JSON object does not contain key \"{key}\""))
                    }
                }
            }
            (Step::Key(_), _) => {
                missing(b"2203A", "jsonpath member accessor can only be applied to an object")
            }
            (Step::AnyKey, Item::Object(object)) => {
                Ok(object.members.iter().map(|(_, value)| value.clone()).collect())
            }
            (Step::AnyKey, _) => missing(
                b"2203C",
                "jsonpath wildcard member accessor can only be applied to an object",
            ),
            (_, Item::Array(items)) => Ok(items.to_vec()),
            (_, item) if self.lax() => Ok(vec![item.clone()]),
            _ => missing(
                b"22039",
                "jsonpath wildcard array accessor can only be applied to an array",
            ),
        }
    }

    /// What is in an item, from the level `first` down to `last`.
    fn below(
        &self,
        rest: &[Step],
        item: &Item,
        (level, first, last): (u32, u32, u32),
        place: Place<'_>,
        out: &mut Vec<Item>,
    ) -> Outcome<()> {
        if level > last {
            return Ok(());
        }
        let parts: Vec<&Item> = match item {
            Item::Array(items) => items.iter().collect(),
            Item::Object(object) => object.members.iter().map(|(_, item)| item).collect(),
            _ => Vec::new(),
        };
        for part in parts {
            let is_leaf = !matches!(part, Item::Array(_) | Item::Object(_));
            if level >= first || (first == u32::MAX && last == u32::MAX && is_leaf) {
                self.steps(rest, part, (place, self.lax()), out)?;
            }
            self.below(rest, part, (level.saturating_add(1), first, last), place, out)?;
        }
        Ok(())
    }

    fn elements(
        &self,
        list: &[(Expr, Option<Expr>)],
        item: &Item,
        place: Place<'_>,
    ) -> Outcome<Vec<Item>> {
        let single = [item.clone()];
        let items: &[Item] = match item {
            Item::Array(items) => items,
            _ if self.lax() => &single,
            _ if place.forgiving => return Ok(Vec::new()),
            _ => return stop(b"22039", "jsonpath array accessor can only be applied to an array"),
        };
        let place = Place { length: Some(items.len()), ..place };
        let mut found = Vec::new();
        for (from, to) in list {
            let from = self.index(from, place)?;
            let to = match to {
                Some(to) => self.index(to, place)?,
                None => from,
            };
            let end = items.len() as i64;
            if !self.forgives(place) && (from < 0 || from > to || to >= end) {
                return stop(b"22033", "jsonpath array subscript is out of bounds");
            }
            let (from, to) = (from.max(0), to.min(end - 1));
            found.extend((from..=to).map(|at| items[at as usize].clone()));
        }
        Ok(found)
    }

    fn index(&self, expr: &Expr, place: Place<'_>) -> Outcome<i64> {
        let mut found = Vec::new();
        self.expr(expr, place, &mut found)?;
        let [Item::Number(number)] = found.as_slice() else {
            return stop(b"22033", "jsonpath array subscript is not a single numeric value");
        };
        let index = number.trunc(0).to_i64().filter(|index| i32::try_from(*index).is_ok());
        match index {
            Some(index) => Ok(index),
            None => stop(b"22033", "jsonpath array subscript is out of integer range"),
        }
    }

    /// `None` where there is nothing, which is no failure.
    fn method(&self, method: Method, item: &Item, place: Place<'_>) -> Outcome<Option<Vec<Item>>> {
        let name = method.name();
        let one = |item: Item| Ok(Some(vec![item]));
        match (method, item) {
            (Method::Type, item) => one(Item::String(Rc::from(item.type_name()))),
            (Method::Size, Item::Array(items)) => {
                one(Item::Number(Numeric::from_i64(items.len() as i64)))
            }
            (Method::Size, _) if self.lax() => one(Item::Number(Numeric::from_i64(1))),
            (Method::Size, _) if place.forgiving => Ok(None),
            (Method::Size, _) => {
                stop(b"22039", "jsonpath item method .size() can only be applied to an array")
            }
            (Method::Double, item) => one(double(item)?),
            (Method::KeyValue, Item::Object(object)) => Ok(Some(pairs(object))),
            (Method::KeyValue, _) => {
                stop(b"2203C", "jsonpath item method .keyvalue() can only be applied to an object")
            }
            (_, Item::Number(number)) => one(Item::Number(match method {
                Method::Ceiling => number.ceil()?,
                Method::Floor => number.floor()?,
                _ => number.abs(),
            })),
            _ => stop(
                b"22036",
                format!("jsonpath item method .{name}() can only be applied to a numeric value"),
            ),
        }
    }

    /// A predicate: true, false or unknown.
    fn truth(&self, expr: &Expr, place: Place<'_>) -> Outcome<Option<bool>> {
        Ok(match expr {
            Expr::And(left, right) => match self.truth(left, place)? {
                Some(false) => Some(false),
                left => match self.truth(right, place)? {
                    Some(true) => left,
                    right => right,
                },
            },
            Expr::Or(left, right) => match self.truth(left, place)? {
                Some(true) => Some(true),
                left => match self.truth(right, place)? {
                    Some(false) => left,
                    right => right,
                },
            },
            Expr::Not(inside) => self.truth(inside, place)?.map(|value| !value),
            Expr::IsUnknown(inside) => Some(self.truth(inside, place)?.is_none()),
            Expr::Exists(inside) => {
                let mut found = Vec::new();
                match self.expr(inside, place, &mut found) {
                    Err(Stop::Other(error)) => return Err(Stop::Other(error)),
                    Err(Stop::Document(_)) if self.path.strict || found.is_empty() => None,
                    _ => Some(!found.is_empty()),
                }
            }
            Expr::Compare(comparison, left, right) => {
                self.any_pair(left, Some((right, true)), place, &|left, right| {
                    right.and_then(|right| compared(*comparison, left, right))
                })?
            }
            Expr::StartsWith(left, start) => self.any_pair(
                left,
                Some((start, false)),
                place,
                &|left, start| match (left, start) {
                    (Item::String(text), Some(Item::String(start))) => {
                        Some(text.starts_with(&**start))
                    }
                    _ => None,
                },
            )?,
            Expr::Like(left, pattern) => {
                let regex = Regex::get(&pattern.text, &pattern.flags)?;
                self.any_pair(left, None, place, &|left, _| match left {
                    Item::String(text) => Some(regex.is_match(text)),
                    _ => None,
                })?
            }
            _ => return Err(Error::internal("this expression is no predicate").into()),
        })
    }

    /// Whether it is so of any pair of what the sides come to; the right side may be unwrapped.
    fn any_pair(
        &self,
        left: &Expr,
        right: Option<(&Expr, bool)>,
        place: Place<'_>,
        test: &dyn Fn(&Item, Option<&Item>) -> Option<bool>,
    ) -> Outcome<Option<bool>> {
        let quiet = |outcome: Outcome<Vec<Item>>| match outcome {
            Ok(items) => Ok(Some(items)),
            Err(Stop::Document(_)) => Ok(None),
            Err(other) => Err(other),
        };
        let Some(lefts) = quiet(self.unwrapped(left, place))? else { return Ok(None) };
        let rights = match right {
            None => vec![None],
            Some((right, unwrap)) => {
                let items = if unwrap {
                    self.unwrapped(right, place)
                } else {
                    let mut items = Vec::new();
                    self.expr(right, place, &mut items).map(|()| items)
                };
                let Some(items) = quiet(items)? else { return Ok(None) };
                items.into_iter().map(Some).collect()
            }
        };
        let (mut unknown, mut found) = (false, false);
        for left in &lefts {
            for right in &rights {
                match test(left, right.as_ref()) {
                    None if self.path.strict => return Ok(None),
                    None => unknown = true,
                    Some(true) if self.lax() => return Ok(Some(true)),
                    Some(value) => found |= value,
                }
            }
        }
        Ok(if found {
            Some(true)
        } else if unknown {
            None
        } else {
            Some(false)
        })
    }
}

/// Objects of a key, its value and the number of the object.
fn pairs(object: &Object) -> Vec<Item> {
    let pair = |(key, value): &(Rc<str>, Item)| {
        let id = Item::Number(Numeric::from_i64(object.number));
        let members = vec![
            (Rc::from("id"), id),
            (Rc::from("key"), Item::String(key.clone())),
            (Rc::from("value"), value.clone()),
        ];
        Item::Object(Rc::new(Object { number: 0, members }))
    };
    object.members.iter().map(pair).collect()
}

fn double(item: &Item) -> Outcome<Item> {
    match item {
        Item::Number(number) if number.to_f64().is_finite() => Ok(item.clone()),
        Item::Number(_) => stop(
            b"22036",
            "numeric argument of jsonpath item method .double() is out of range for type double precision",
        ),
        Item::String(text) => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Item::Number(Numeric::from_f64(number, 15)?)),
            _ => stop(
                b"22036",
                "string argument of jsonpath item method .double() is not a valid representation of a double precision number",
            ),
        },
        _ => stop(
            b"22036",
            "jsonpath item method .double() can only be applied to a string or numeric value",
        ),
    }
}

/// Scalars of one type; null is different from all else.
fn compared(comparison: Comparison, left: &Item, right: &Item) -> Option<bool> {
    let order = match (left, right) {
        (Item::Null, Item::Null) => Ordering::Equal,
        (Item::Bool(left), Item::Bool(right)) => left.cmp(right),
        (Item::Number(left), Item::Number(right)) => left.compare(right),
        (Item::String(left), Item::String(right)) => left.cmp(right),
        (Item::Null, _) | (_, Item::Null) => return Some(comparison == Comparison::NotEqual),
        _ => return None,
    };
    Some(match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterEqual => order.is_ge(),
    })
}

impl Follow<'_> {
    /// What was found, with silence about the document's failures if that is wanted.
    fn found(&self) -> Result<Vec<Item>, Error> {
        match self.all() {
            (found, None) => Ok(found),
            (found, Some(Stop::Document(_))) if self.silent => Ok(found),
            (_, Some(Stop::Document(error) | Stop::Other(error))) => Err(error),
        }
    }
}

/// `jsonb_path_exists`; `None` where silence hides a failure.
///
/// # Errors
/// Those of the path.
pub fn exists(follow: &Follow<'_>) -> Result<Option<bool>, Error> {
    match follow.all() {
        (found, None) => Ok(Some(!found.is_empty())),
        (_, Some(Stop::Other(error))) => Err(error),
        (found, Some(Stop::Document(_))) if follow.lax() && !found.is_empty() => Ok(Some(true)),
        (_, Some(Stop::Document(_))) if follow.silent => Ok(None),
        (_, Some(Stop::Document(error))) => Err(error),
    }
}

/// `jsonb_path_match`
///
/// # Errors
/// Those of the path; 22038 for another result than one boolean.
pub fn matches(follow: &Follow<'_>) -> Result<Option<bool>, Error> {
    match follow.found()?.as_slice() {
        [Item::Bool(value)] => Ok(Some(*value)),
        [Item::Null] => Ok(None),
        _ if follow.silent => Ok(None),
        _ => Err(Error::user(SqlState(*b"22038"), "single boolean result is expected")),
    }
}

fn text(item: &Item) -> String {
    let mut out = String::new();
    item.write(&mut out);
    out
}

/// `jsonb_path_query`: all that is found.
///
/// # Errors
/// Those of the path.
pub fn query(follow: &Follow<'_>) -> Result<Vec<String>, Error> {
    Ok(follow.found()?.iter().map(text).collect())
}

/// `jsonb_path_query_array`
///
/// # Errors
/// Those of the path.
pub fn query_array(follow: &Follow<'_>) -> Result<String, Error> {
    let mut out = String::new();
    write_array(&follow.found()?, &mut out);
    Ok(out)
}

/// `jsonb_path_query_first`
///
/// # Errors
/// Those of the path.
pub fn first(follow: &Follow<'_>) -> Result<Option<String>, Error> {
    Ok(follow.found()?.first().map(text))
}
