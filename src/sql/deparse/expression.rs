//! Expressions.

use super::constant::quoted;
use super::{Class, Place, Shown, Writer, push};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::pgdata::quote_identifier;
use crate::sql::ast::{Expr, ExprKind, Query, Subscript, XmlForm};
use crate::sql::types::resolve::{self, Found};
use crate::sql::types::{lookup_type, polymorphic};

/// Spaces that CASE moves its branches by.
const VAR_INDENT: i32 = 4;

impl Writer<'_> {
    /// The type that an expression was found to have.
    pub(super) fn type_of(&self, tree: &Expr) -> Option<PgType> {
        Some(self.trace.of(tree)?.data_type)
    }

    /// An expression where a type is wanted: with the cast that is implied.
    pub(super) fn value(&mut self, tree: &Expr, wanted: Option<Oid>) -> Option<Shown> {
        let wanted = wanted.filter(|oid| {
            !polymorphic::takes_anything(*oid)
                && ![0, PgType::UNKNOWN.oid, PgType::RECORD.oid].contains(oid)
        });
        match &tree.kind {
            ExprKind::String(text) => self.literal(wanted.map_or(PgType::TEXT, PgType::new), text),
            ExprKind::Null => self.constant(wanted.unwrap_or(PgType::TEXT.oid), &Value::Null),
            _ => {
                let shown = self.node(tree)?;
                match (wanted, self.type_of(tree)) {
                    (Some(wanted), Some(known)) if known.oid != wanted => {
                        Some(self.converted(shown, PgType::new(wanted)))
                    }
                    _ => Some(shown),
                }
            }
        }
    }

    /// An expression that is assigned to a column: what that converts isn't shown.
    pub(super) fn assigned(&mut self, tree: &Expr, target: PgType) -> Option<Shown> {
        match &tree.kind {
            ExprKind::String(_) | ExprKind::Null => self.value(tree, Some(target.oid)),
            ExprKind::Row(items) => self.row(items, Some(target.oid)),
            _ => self.value(tree, None),
        }
    }

    /// `(expr)::type`
    pub(super) fn converted(&self, shown: Shown, target: PgType) -> Shown {
        let label = self.label(target);
        let text = if self.pretty {
            self.placed(shown, Place::Tight)
        } else {
            format!("({})", shown.text)
        };
        Shown::simple(format!("{text}::{label}"))
    }

    fn node(&mut self, tree: &Expr) -> Option<Shown> {
        match &tree.kind {
            ExprKind::Column(name)
                if self.value_name.is_some()
                    && matches!(name.as_slice(), [one] if one.text == "value") =>
            {
                self.value_name.map(Shown::simple)
            }
            ExprKind::Column(name) => {
                let known = self.trace.of(tree)?;
                let last = name.last()?;
                Some(Shown::simple(match &known.column {
                    Some((relation, column)) if self.prefix => {
                        format!("{}.{}", quote_identifier(relation), quote_identifier(column))
                    }
                    None if known.data_type.oid == PgType::RECORD.oid => {
                        format!("{}.*", quote_identifier(&last.text))
                    }
                    _ => quote_identifier(&last.text).into_owned(),
                }))
            }
            ExprKind::Boolean(value) => Some(Shown::simple(if *value { "true" } else { "false" })),
            ExprKind::Bits(text) => {
                let bits = crate::datum::bits::parse(text).ok()?;
                Some(Shown::simple(format!("'{bits}'::\"bit\"")))
            }
            ExprKind::Xml { form, operand } => self.xml(form, operand),
            ExprKind::Number(_) => {
                let known = self.trace.of(tree)?;
                self.constant(known.data_type.oid, known.value.as_ref()?)
            }
            ExprKind::Unary { op, operand } => self.prefix_operation(tree, op, operand),
            ExprKind::Binary { op, left, right } => self.infix(op, left, right),
            ExprKind::Cast { operand, target } => {
                let target = lookup_type(self.types(), target).ok()?;
                self.cast(operand, target)
            }
            ExprKind::Call(call) => self.call(call, tree),
            ExprKind::Case { operand, branches, otherwise } => {
                self.case(tree, operand.as_deref(), branches, otherwise.as_deref())
            }
            ExprKind::Array(items) => {
                let element = self.types().element(self.type_of(tree)?.oid)?;
                self.array(items, element)
            }
            ExprKind::Subscript { operand, subscript } => self.subscript(operand, subscript),
            ExprKind::Field { operand, name } => self.field(operand, name),
            ExprKind::Row(items) => self.row(items, None),
            ExprKind::Collate { operand, collation } => {
                let operand = self.value(operand, None)?;
                let operand = self.placed(operand, Place::Tight);
                let name = quote_identifier(&collation.last()?.text).into_owned();
                let text = if self.pretty {
                    format!("{operand} COLLATE {name}")
                } else {
                    format!("({operand} COLLATE {name})")
                };
                Some(Shown::simple(text))
            }
            _ => self.test(tree),
        }
    }

    /// What is true, false or NULL.
    fn test(&mut self, tree: &Expr) -> Option<Shown> {
        match &tree.kind {
            ExprKind::And(..) => self.joined(tree, true),
            ExprKind::Or(..) => self.joined(tree, false),
            ExprKind::Not(operand) => {
                let operand = self.value(operand, Some(PgType::BOOL.oid))?;
                let text = format!("NOT {}", self.placed(operand, Place::Not));
                Some(self.operation(text, Class::Not))
            }
            ExprKind::IsNull { operand, negated } => {
                self.suffixed(operand, if *negated { "IS NOT NULL" } else { "IS NULL" })
            }
            ExprKind::IsTruth { operand, value, negated } => {
                let what = match (value, negated) {
                    (Some(true), false) => "IS TRUE",
                    (Some(true), true) => "IS NOT TRUE",
                    (Some(false), false) => "IS FALSE",
                    (Some(false), true) => "IS NOT FALSE",
                    (None, false) => "IS UNKNOWN",
                    (None, true) => "IS NOT UNKNOWN",
                };
                self.suffixed(operand, what)
            }
            ExprKind::IsDistinct { left, right, negated } => {
                let [left, right] = self.operands("=", left, right)?;
                let place = |first| Place::Operand { operator: "", first };
                let left = self.placed(left, place(true));
                let right = self.placed(right, place(false));
                let text = format!("{left} IS DISTINCT FROM {right}");
                let test = self.operation(text, Class::Test);
                Some(if *negated { self.negated(test) } else { test })
            }
            ExprKind::InList { operand, list, negated } => self.in_list(operand, list, *negated),
            ExprKind::Quantified { left, op, all, right } => self.quantified(left, op, *all, right),
            ExprKind::InQuery { operand, query, negated } => {
                let operand = self.value(operand, None)?;
                let operand = self.placed(operand, Place::Tight);
                let query = self.query(query, None, false)?;
                let test =
                    Shown { text: format!("({operand} IN ({query}))"), class: Class::Simple };
                Some(if *negated { self.negated(test) } else { test })
            }
            ExprKind::Exists(query) => {
                let query = self.query(query, None, false)?;
                Some(Shown::simple(format!("(EXISTS ({query}))")))
            }
            ExprKind::Subquery(query) => self.subquery("(", query),
            ExprKind::ArraySubquery(query) => self.subquery("ARRAY(", query),
            _ => self.range(tree),
        }
    }

    /// BETWEEN and LIKE, as the operators that they are.
    fn range(&mut self, tree: &Expr) -> Option<Shown> {
        match &tree.kind {
            ExprKind::Between { operand, low, high, negated } => {
                let (above, below) = if *negated { ("<", ">") } else { (">=", "<=") };
                let above = self.infix(above, operand, low)?;
                let below = self.infix(below, operand, high)?;
                let (word, place, class) = if *negated {
                    (" OR ", Place::Or, Class::Or)
                } else {
                    (" AND ", Place::And, Class::And)
                };
                let text = self.placed(above, place) + word + &self.placed(below, place);
                Some(self.operation(text, class))
            }
            ExprKind::Like { operand, pattern, escape, negated, fold } => {
                let op = match (negated, fold) {
                    (false, false) => "~~",
                    (true, false) => "!~~",
                    (false, true) => "~~*",
                    (true, true) => "!~~*",
                };
                if let Some(escape) = escape {
                    let text = Some(PgType::TEXT.oid);
                    let operand = self.value(operand, text)?;
                    let place = Place::Operand { operator: op, first: true };
                    let operand = self.placed(operand, place);
                    let pattern = self.value(pattern, text)?.text;
                    let escape = self.value(escape, text)?.text;
                    let text = format!("{operand} {op} like_escape({pattern}, {escape})");
                    return Some(self.operation(text, Class::Operator(op)));
                }
                self.infix(op, operand, pattern)
            }
            _ => None,
        }
    }

    fn subquery(&mut self, before: &str, query: &Query) -> Option<Shown> {
        let query = self.query(query, None, false)?;
        Some(Shown::simple(format!("{before}{query})")))
    }

    fn negated(&self, test: Shown) -> Shown {
        let text = format!("NOT {}", self.placed(test, Place::Not));
        self.operation(text, Class::Not)
    }

    fn suffixed(&mut self, operand: &Expr, what: &str) -> Option<Shown> {
        let operand = self.value(operand, None)?;
        let operand = self.placed(operand, Place::Tight);
        Some(self.operation(format!("{operand} {what}"), Class::Test))
    }

    /// AND and OR take in what is joined by the same word beside them.
    fn joined(&mut self, tree: &Expr, all: bool) -> Option<Shown> {
        fn collect<'t>(tree: &'t Expr, all: bool, parts: &mut Vec<&'t Expr>) {
            match (&tree.kind, all) {
                (ExprKind::And(left, right), true) | (ExprKind::Or(left, right), false) => {
                    collect(left, all, parts);
                    collect(right, all, parts);
                }
                _ => parts.push(tree),
            }
        }
        let mut parts = Vec::new();
        collect(tree, all, &mut parts);
        let (word, place, class) =
            if all { (" AND ", Place::And, Class::And) } else { (" OR ", Place::Or, Class::Or) };
        let mut text = String::new();
        for (number, part) in parts.into_iter().enumerate() {
            if number > 0 {
                text.push_str(word);
            }
            let shown = self.value(part, Some(PgType::BOOL.oid))?;
            push(&mut text, &self.placed(shown, place));
        }
        Some(self.operation(text, class))
    }

    fn prefix_operation(&mut self, tree: &Expr, op: &str, operand: &Expr) -> Option<Shown> {
        let known = self.trace.of(tree)?;
        if let (Some(value), ExprKind::Number(_)) = (&known.value, &operand.kind) {
            return self.constant(known.data_type.oid, value);
        }
        let given = self.type_of(operand)?.oid;
        let Found::One(operator) = resolve::operator(self.types(), op, None, given) else {
            return None;
        };
        let operand = self.value(operand, Some(operator.right))?;
        let text = format!("{op} {}", self.placed(operand, Place::Tight));
        Some(self.operation(text, Class::Operator("")))
    }

    /// Both operands as the operator takes them.
    fn operands(&mut self, op: &str, left: &Expr, right: &Expr) -> Option<[Shown; 2]> {
        let given = [self.type_of(left)?.oid, self.type_of(right)?.oid];
        let Found::One(operator) = resolve::operator(self.types(), op, Some(given[0]), given[1])
        else {
            return None;
        };
        let wanted = [operator.left, operator.right];
        let meaning = polymorphic::meaning(self.types(), &given, &wanted).ok()?;
        let wanted = wanted.map(|oid| meaning.apply(self.types(), oid).unwrap_or(oid));
        Some([self.value(left, Some(wanted[0]))?, self.value(right, Some(wanted[1]))?])
    }

    pub(super) fn infix(&mut self, op: &str, left: &Expr, right: &Expr) -> Option<Shown> {
        let op = if op == "!=" { "<>" } else { op };
        if matches!(left.kind, ExprKind::Row(_)) {
            return None;
        }
        let [left, right] = self.operands(op, left, right)?;
        let name = known_operator(op);
        let left = self.placed(left, Place::Operand { operator: name, first: true });
        let right = self.placed(right, Place::Operand { operator: name, first: false });
        let mut text = format!("{left} {op} ");
        push(&mut text, &right);
        Some(self.operation(text, Class::Operator(name)))
    }

    fn xml(&mut self, form: &XmlForm, operand: &Expr) -> Option<Shown> {
        let value = self.value(operand, None)?;
        Some(match form {
            XmlForm::Parse { shape, preserve } => {
                let shape = shape.name().to_uppercase();
                let blanks = if *preserve { "PRESERVE" } else { "STRIP" };
                Shown::simple(format!("XMLPARSE({shape} {} {blanks} WHITESPACE)", value.text))
            }
            XmlForm::Serialize { shape, target } => {
                let shape = shape.name().to_uppercase();
                let target = self.label(lookup_type(self.types(), target).ok()?);
                Shown::simple(format!("XMLSERIALIZE({shape} {} AS {target})", value.text))
            }
            XmlForm::IsDocument { negated: true } => {
                Shown::simple(format!("(NOT ({} IS DOCUMENT))", value.text))
            }
            XmlForm::IsDocument { negated: false } => {
                Shown::simple(format!("{} IS DOCUMENT", value.text))
            }
        })
    }

    pub(super) fn cast(&mut self, operand: &Expr, target: PgType) -> Option<Shown> {
        match &operand.kind {
            ExprKind::String(text) if target.modifier < 0 => self.literal(target, text),
            ExprKind::String(text) => {
                let shown = self.literal(target, text)?.text;
                let bare = shown.rsplit_once("::").map_or(shown.as_str(), |(bare, _)| bare);
                let bare = if bare.starts_with('\'') { bare.to_owned() } else { quoted(text) };
                Some(Shown::simple(format!("{bare}::{}", self.label(target))))
            }
            ExprKind::Null => Some(Shown::simple(format!("NULL::{}", self.label(target)))),
            ExprKind::Row(items) if self.types().attributes(target.oid).is_some() => {
                let row = self.row(items, Some(target.oid))?.text;
                Some(Shown::simple(format!("{row}::{}", self.label(target))))
            }
            ExprKind::Array(items) if self.types().element(target.oid).is_some() => {
                let element = self.types().element(target.oid)?;
                if items.is_empty() {
                    return Some(Shown::simple(format!("ARRAY[]::{}", self.label(target))));
                }
                self.array(items, element)
            }
            _ => {
                let known = self.type_of(operand)?;
                let shown = self.value(operand, None)?;
                let same = known.oid == target.oid
                    && (target.modifier < 0 || known.modifier == target.modifier);
                let number = matches!(operand.kind, ExprKind::Number(_));
                Some(if same {
                    shown
                } else if number && known.oid == target.oid {
                    Shown::simple(format!("{}::{}", shown.text, self.label(target)))
                } else {
                    self.converted(shown, target)
                })
            }
        }
    }

    pub(super) fn list(&mut self, items: &[Expr], wanted: Option<Oid>) -> Option<String> {
        let mut text = String::new();
        for (number, item) in items.iter().enumerate() {
            if number > 0 {
                text.push_str(", ");
            }
            push(&mut text, &self.value(item, wanted)?.text);
        }
        Some(text)
    }

    fn array(&mut self, items: &[Expr], element: Oid) -> Option<Shown> {
        Some(Shown::simple(format!("ARRAY[{}]", self.list(items, Some(element))?)))
    }

    fn subscript(&mut self, operand: &Expr, subscript: &Subscript) -> Option<Shown> {
        let plain = matches!(operand.kind, ExprKind::Column(_) | ExprKind::Subscript { .. });
        let operand = self.value(operand, None)?.text;
        let operand = if plain { operand } else { format!("({operand})") };
        let text = match subscript {
            Subscript::Index(index) => self.value(index, None)?.text,
            Subscript::Slice { lower, upper } => {
                let mut bound = |tree: &Option<Expr>| match tree {
                    Some(tree) => Some(self.value(tree, None)?.text),
                    None => Some(String::new()),
                };
                format!("{}:{}", bound(lower)?, bound(upper)?)
            }
        };
        Some(Shown::simple(format!("{operand}[{text}]")))
    }

    /// `a IN (1, 2)` is `(a = ANY (ARRAY[1, 2]))`.
    fn in_list(&mut self, operand: &Expr, list: &[Expr], negated: bool) -> Option<Shown> {
        let op = if negated { "<>" } else { "=" };
        if let [only] = list {
            return self.infix(op, operand, only);
        }
        if list.iter().any(has_column) || matches!(operand.kind, ExprKind::Row(_)) {
            return None;
        }
        let types: Option<Vec<Oid>> =
            [operand].into_iter().chain(list).map(|one| Some(self.type_of(one)?.oid)).collect();
        let common = resolve::common_type_of(self.types(), &types?).ok()?;
        self.any_of(operand, op, list, common, negated)
    }

    fn any_of(
        &mut self,
        operand: &Expr,
        op: &str,
        list: &[Expr],
        common: Oid,
        all: bool,
    ) -> Option<Shown> {
        let given = self.type_of(operand)?.oid;
        let Found::One(operator) = resolve::operator(self.types(), op, Some(given), common) else {
            return None;
        };
        let given = self.value(operand, Some(operator.left))?;
        let place = Place::Operand { operator: "", first: true };
        let given = self.placed(given, place);
        let mut array = self.array(list, common)?;
        if operator.right != common && !polymorphic::is_polymorphic(operator.right) {
            let wanted = self.types().array_of(operator.right)?;
            array = self.converted(array, PgType::new(wanted));
        }
        let word = if all { "ALL" } else { "ANY" };
        let text = format!("{given} {op} {word} ({})", array.text);
        Some(self.operation(text, Class::Other))
    }

    fn quantified(&mut self, left: &Expr, op: &str, all: bool, right: &Expr) -> Option<Shown> {
        let op = if op == "!=" { "<>" } else { op };
        let word = if all { "ALL" } else { "ANY" };
        match &right.kind {
            ExprKind::Subquery(query) => {
                let left = self.value(left, None)?;
                let left = self.placed(left, Place::Tight);
                let query = self.query(query, None, false)?;
                let test = if op == "=" && !all { "IN".to_owned() } else { format!("{op} {word}") };
                Some(Shown::simple(format!("({left} {test} ({query}))")))
            }
            ExprKind::Array(items) if !items.is_empty() => {
                let types: Option<Vec<Oid>> =
                    items.iter().map(|one| Some(self.type_of(one)?.oid)).collect();
                let common = resolve::common_type_of(self.types(), &types?).ok()?;
                self.any_of(left, op, items, common, all)
            }
            _ => {
                let given = self.type_of(left)?.oid;
                let array = self.type_of(right)?.oid;
                let element = if array == PgType::UNKNOWN.oid {
                    given
                } else {
                    self.types().element(array)?
                };
                let Found::One(operator) =
                    resolve::operator(self.types(), op, Some(given), element)
                else {
                    return None;
                };
                let left = self.value(left, Some(operator.left))?;
                let left = self.placed(left, Place::Operand { operator: "", first: true });
                let wanted = self.types().array_of(operator.right);
                let right = self.value(right, wanted)?.text;
                let text = format!("{left} {op} {word} ({right})");
                Some(self.operation(text, Class::Other))
            }
        }
    }

    fn case(
        &mut self,
        tree: &Expr,
        operand: Option<&Expr>,
        branches: &[(Expr, Expr)],
        otherwise: Option<&Expr>,
    ) -> Option<Shown> {
        let result = Some(self.type_of(tree)?.oid);
        let mut out = String::new();
        self.keyword(&mut out, "CASE", (0, VAR_INDENT, 0));
        if let Some(operand) = operand {
            out.push(' ');
            push(&mut out, &self.value(operand, None)?.text);
        }
        for (condition, value) in branches {
            self.separate(&mut out);
            self.keyword(&mut out, "WHEN ", (0, 0, 0));
            let condition = match operand {
                Some(operand) => {
                    let [_, right] = self.operands("=", operand, condition)?;
                    right
                }
                None => self.value(condition, Some(PgType::BOOL.oid))?,
            };
            push(&mut out, &condition.text);
            out.push_str(" THEN ");
            push(&mut out, &self.value(value, result)?.text);
        }
        self.separate(&mut out);
        self.keyword(&mut out, "ELSE ", (0, 0, 0));
        let otherwise = match otherwise {
            Some(otherwise) => self.value(otherwise, result)?,
            None => self.constant(result?, &Value::Null)?,
        };
        push(&mut out, &otherwise.text);
        self.separate(&mut out);
        self.keyword(&mut out, "END", (-VAR_INDENT, 0, 0));
        Some(Shown::simple(out))
    }

    /// A space, where no line begins.
    fn separate(&self, out: &mut String) {
        if !self.indents {
            out.push(' ');
        }
    }
}

/// Operators whose precedence PostgreSQL knows when it leaves out parentheses.
fn known_operator(op: &str) -> &'static str {
    ["+", "-", "*", "/", "%"].into_iter().find(|known| *known == op).unwrap_or("")
}

/// Whether a column is in it: such items of IN are compared one by one.
fn has_column(tree: &Expr) -> bool {
    match &tree.kind {
        ExprKind::Column(_) => true,
        ExprKind::Cast { operand, .. } | ExprKind::Unary { operand, .. } => has_column(operand),
        ExprKind::Binary { left, right, .. } => has_column(left) || has_column(right),
        ExprKind::Call(call) => call.arguments.iter().any(has_column),
        ExprKind::Number(_)
        | ExprKind::String(_)
        | ExprKind::Bits(_)
        | ExprKind::Null
        | ExprKind::Boolean(_) => false,
        _ => true,
    }
}
