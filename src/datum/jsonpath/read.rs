//! Reads a path from its tokens, by precedence: `||`, `&&`, comparisons, `+ -`, `* / %`, signs, steps.

use crate::datum::jsonpath::lex::{self, Kind, Token};
use crate::datum::jsonpath::{
    Comparison, DEPTH_MAX, Expr, Method, NESTING_MAX, Operator, Path, Pattern, Step, syntax_error,
};
use crate::datum::numeric::Numeric;
use crate::datum::regex::{Flags, Regex};
use crate::datum::stored::invalid_input;
use crate::model::error::{Error, SqlState};

/// A part of a path, and how many levels it has.
struct Part {
    expr: Expr,
    depth: usize,
}

impl Part {
    fn leaf(expr: Expr) -> Self {
        Self { expr, depth: 1 }
    }
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    /// Parentheses and brackets that are open.
    nesting: usize,
    filters: usize,
    subscripts: usize,
}

pub(super) fn path(text: &str) -> Result<Path, Error> {
    let tokens = lex::tokens(text)?;
    if tokens.len() == 1 {
        return Err(invalid_input("jsonpath", text));
    }
    let mut reader = Reader { tokens, at: 0, nesting: 0, filters: 0, subscripts: 0 };
    let strict = reader.peek().is_word("strict");
    if strict || reader.peek().is_word("lax") {
        reader.at += 1;
    }
    let root = reader.any()?.expr;
    if reader.peek().kind != Kind::End {
        return Err(reader.unexpected());
    }
    Ok(Path { strict, root })
}

fn too_deep() -> Error {
    Error::limit(SqlState(*b"54001"), "stack depth limit exceeded")
}

/// Something over parts.
fn over(expr: Expr, depth: usize) -> Result<Part, Error> {
    if depth >= DEPTH_MAX { Err(too_deep()) } else { Ok(Part { expr, depth: depth + 1 }) }
}

impl Reader {
    fn peek(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn unexpected(&self) -> Error {
        let token = self.peek();
        syntax_error(if token.kind == Kind::End {
            "syntax error at end of jsonpath input".to_owned()
        } else {
            // A word's successor may have been looked at before it is known to be wrong.
            let near = &token.text;
            match (&token.kind, self.tokens.get(self.at + 1)) {
                (Kind::Word | Kind::String, Some(Token { kind: Kind::End, .. })) => {
                    "syntax error at end of jsonpath input".to_owned()
                }
                _ => format!("syntax error at or near \"{near}\" of jsonpath input"),
            }
        })
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = self.peek().is_sign(sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), Error> {
        if self.eat(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.peek().is_word(word);
        self.at += usize::from(found);
        found
    }

    /// What is in parentheses, brackets or signs.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        self.nesting += 1;
        if self.nesting > NESTING_MAX {
            return Err(too_deep());
        }
        let result = read(self);
        self.nesting -= 1;
        result
    }

    fn value(&self, part: Part) -> Result<Part, Error> {
        if part.expr.is_predicate() { Err(self.unexpected()) } else { Ok(part) }
    }

    fn predicate(&self, part: Part) -> Result<Part, Error> {
        if part.expr.is_predicate() { Ok(part) } else { Err(self.unexpected()) }
    }

    /// An expression or a predicate.
    fn any(&mut self) -> Result<Part, Error> {
        self.joined("||", Self::conjunction, Expr::Or)
    }

    fn conjunction(&mut self) -> Result<Part, Error> {
        self.joined("&&", Self::comparison, Expr::And)
    }

    /// One operand, or several predicates with a sign between them.
    fn joined(
        &mut self,
        sign: &str,
        operand: fn(&mut Self) -> Result<Part, Error>,
        join: fn(Box<Expr>, Box<Expr>) -> Expr,
    ) -> Result<Part, Error> {
        let mut left = operand(self)?;
        while self.peek().is_sign(sign) {
            left = self.predicate(left)?;
            self.at += 1;
            let right = operand(self)?;
            let right = self.predicate(right)?;
            let depth = left.depth.max(right.depth);
            left = over(join(Box::new(left.expr), Box::new(right.expr)), depth)?;
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Part, Error> {
        let left = self.sum()?;
        let sign = |token: &Token| {
            Some(match token.text.as_str() {
                _ if token.kind != Kind::Sign => return None,
                "==" | "=" => Comparison::Equal,
                "!=" | "<>" => Comparison::NotEqual,
                "<" => Comparison::Less,
                "<=" => Comparison::LessEqual,
                ">" => Comparison::Greater,
                ">=" => Comparison::GreaterEqual,
                _ => return None,
            })
        };
        if let Some(comparison) = sign(self.peek()) {
            let left = self.value(left)?;
            self.at += 1;
            let right = self.sum()?;
            let right = self.value(right)?;
            let depth = left.depth.max(right.depth);
            return over(
                Expr::Compare(comparison, Box::new(left.expr), Box::new(right.expr)),
                depth,
            );
        }
        if self.peek().is_word("starts") {
            let left = self.value(left)?;
            self.at += 1;
            if !self.eat_word("with") {
                return Err(self.unexpected());
            }
            let start = match self.peek().kind {
                Kind::String => Expr::String(self.peek().text.clone()),
                Kind::Variable => Expr::Variable(self.peek().text.clone()),
                _ => return Err(self.unexpected()),
            };
            self.at += 1;
            let depth = left.depth;
            return over(Expr::StartsWith(Box::new(left.expr), Box::new(start)), depth);
        }
        if self.peek().is_word("like_regex") {
            let left = self.value(left)?;
            self.at += 1;
            let pattern = self.pattern()?;
            return over(Expr::Like(Box::new(left.expr), pattern), left.depth);
        }
        Ok(left)
    }

    fn text(&mut self) -> Result<String, Error> {
        if self.peek().kind != Kind::String {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(self.tokens[self.at - 1].text.clone())
    }

    fn pattern(&mut self) -> Result<Pattern, Error> {
        let text = self.text()?;
        let given = if self.eat_word("flag") { self.text()? } else { String::new() };
        if let Some(unknown) = given.chars().find(|flag| !"ismxq".contains(*flag)) {
            let detail =
                format!("Unrecognized flag character \"{unknown}\" in LIKE_REGEX predicate.");
            return Err(syntax_error("invalid input syntax for type jsonpath").with_detail(detail));
        }
        let has = |flag: char| given.contains(flag);
        if has('x') && !has('q') {
            let message = "XQuery \"x\" flag (expanded regular expressions) is not implemented";
            return Err(Error::refused(message));
        }
        let mut options = String::new();
        if has('i') {
            options.push('i');
        }
        options.push(match (has('q'), has('s'), has('m')) {
            (true, ..) => 'q',
            (_, true, true) => 'w',
            (_, true, false) => 's',
            (_, false, true) => 'n',
            (_, false, false) => 'p',
        });
        let flags = Flags::parse(&options)?;
        Regex::get(&text, &flags)?;
        let letters = "ismxq".chars().filter(|flag| has(*flag)).collect();
        Ok(Pattern { text, letters, flags })
    }

    fn sum(&mut self) -> Result<Part, Error> {
        let mut left = self.product()?;
        loop {
            let operator = match self.peek() {
                token if token.is_sign("+") => Operator::Add,
                token if token.is_sign("-") => Operator::Subtract,
                _ => return Ok(left),
            };
            left = self.arithmetic(left, operator, Self::product)?;
        }
    }

    fn product(&mut self) -> Result<Part, Error> {
        let mut left = self.signed()?;
        loop {
            let operator = match self.peek() {
                token if token.is_sign("*") => Operator::Multiply,
                token if token.is_sign("/") => Operator::Divide,
                token if token.is_sign("%") => Operator::Modulo,
                _ => return Ok(left),
            };
            left = self.arithmetic(left, operator, Self::signed)?;
        }
    }

    fn arithmetic(
        &mut self,
        left: Part,
        operator: Operator,
        operand: fn(&mut Self) -> Result<Part, Error>,
    ) -> Result<Part, Error> {
        let left = self.value(left)?;
        self.at += 1;
        let right = operand(self)?;
        let right = self.value(right)?;
        let depth = left.depth.max(right.depth);
        over(Expr::Arithmetic(operator, Box::new(left.expr), Box::new(right.expr)), depth)
    }

    fn signed(&mut self) -> Result<Part, Error> {
        let negative = self.peek().is_sign("-");
        if !negative && !self.peek().is_sign("+") {
            return self.stepped();
        }
        self.at += 1;
        let operand = self.nested(Self::signed)?;
        let operand = self.value(operand)?;
        match (operand.expr, negative) {
            (Expr::Number(number), true) => Ok(Part::leaf(Expr::Number(number.negate()))),
            (Expr::Number(number), false) => Ok(Part::leaf(Expr::Number(number))),
            (expr, true) => over(Expr::Negated(Box::new(expr)), operand.depth),
            (expr, false) => over(Expr::Unchanged(Box::new(expr)), operand.depth),
        }
    }

    /// Something with its steps.
    fn stepped(&mut self) -> Result<Part, Error> {
        let head = self.primary()?;
        let mut steps = Vec::new();
        let mut depth = head.depth;
        loop {
            let (step, inner) = if self.eat(".") {
                (self.member()?, 0)
            } else if self.eat("[") {
                self.nested(Self::elements)?
            } else if self.eat("?") {
                self.expect("(")?;
                self.filters += 1;
                let inside = self.nested(Self::any)?;
                let inside = self.predicate(inside)?;
                self.filters -= 1;
                self.expect(")")?;
                (Step::Filter(inside.expr), inside.depth)
            } else {
                break;
            };
            steps.push(step);
            depth = depth.max(steps.len() + inner);
            if depth >= DEPTH_MAX {
                return Err(too_deep());
            }
        }
        if steps.is_empty() {
            return Ok(head);
        }
        over(Expr::Steps(Box::new(head.expr), steps), depth)
    }

    fn primary(&mut self) -> Result<Part, Error> {
        let token = self.peek().clone();
        let expr = match &token.kind {
            Kind::String => Expr::String(token.text),
            Kind::Variable => Expr::Variable(token.text),
            Kind::Number(_) => {
                let number = Numeric::parse(&token.text)?;
                Expr::Number(number.ok_or_else(|| self.unexpected())?)
            }
            Kind::Word if token.text == "null" => Expr::Null,
            Kind::Word if matches!(token.text.as_str(), "true" | "false") => {
                Expr::Bool(token.text == "true")
            }
            Kind::Word if token.is_word("exists") => {
                self.at += 1;
                self.expect("(")?;
                let inside = self.nested(Self::any)?;
                let inside = self.value(inside)?;
                self.expect(")")?;
                return over(Expr::Exists(Box::new(inside.expr)), inside.depth);
            }
            Kind::Word if token.is_word("last") => {
                if self.subscripts == 0 {
                    return Err(syntax_error("LAST is allowed only in array subscripts"));
                }
                Expr::Last
            }
            Kind::Sign if token.text == "$" => Expr::Root,
            Kind::Sign if token.text == "@" => {
                if self.filters == 0 {
                    return Err(syntax_error("@ is not allowed in root expressions"));
                }
                Expr::Current
            }
            Kind::Sign if token.text == "!" => {
                self.at += 1;
                let is_exists = self.peek().is_word("exists");
                if !is_exists && !self.peek().is_sign("(") {
                    return Err(self.unexpected());
                }
                let inside = self.nested(Self::primary)?;
                let inside = self.predicate(inside)?;
                return over(Expr::Not(Box::new(inside.expr)), inside.depth);
            }
            Kind::Sign if token.text == "(" => return self.parentheses(),
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(Part::leaf(expr))
    }

    fn parentheses(&mut self) -> Result<Part, Error> {
        self.at += 1;
        let inside = self.nested(Self::any)?;
        self.expect(")")?;
        if self.peek().is_word("is") {
            let inside = self.predicate(inside)?;
            self.at += 1;
            if !self.eat_word("unknown") {
                return Err(self.unexpected());
            }
            return over(Expr::IsUnknown(Box::new(inside.expr)), inside.depth);
        }
        Ok(inside)
    }

    /// Behind a point: a key, a method, or any of them.
    fn member(&mut self) -> Result<Step, Error> {
        if self.eat("*") {
            return Ok(Step::AnyKey);
        }
        if self.eat("**") {
            return self.levels();
        }
        let token = self.peek().clone();
        if !matches!(token.kind, Kind::Word | Kind::String) {
            return Err(self.unexpected());
        }
        self.at += 1;
        if token.kind == Kind::Word && self.peek().is_sign("(") {
            let method = Method::ALL.into_iter().find(|method| token.is_word(method.name()));
            if token.is_word("datetime") {
                return Err(Error::refused("the jsonpath method datetime() is not supported"));
            }
            if let Some(method) = method {
                self.at += 1;
                self.expect(")")?;
                return Ok(Step::Method(method));
            }
        }
        Ok(Step::Key(token.text))
    }

    fn levels(&mut self) -> Result<Step, Error> {
        if !self.eat("{") {
            return Ok(Step::Levels(0, u32::MAX));
        }
        let first = self.level()?;
        let last = if self.eat_word("to") { self.level()? } else { first };
        self.expect("}")?;
        Ok(Step::Levels(first, last))
    }

    fn level(&mut self) -> Result<u32, Error> {
        if self.eat_word("last") {
            return Ok(u32::MAX);
        }
        let token = self.peek();
        let level = match token.kind {
            Kind::Number(true) => token.text.parse().map_err(|_| {
                let message = format!("value \"{}\" is out of range for type integer", token.text);
                Error::user(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message)
            })?,
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(level)
    }

    fn elements(&mut self) -> Result<(Step, usize), Error> {
        if self.peek().is_sign("*") {
            self.at += 1;
            self.expect("]")?;
            return Ok((Step::AnyElement, 0));
        }
        self.subscripts += 1;
        let (mut list, mut depth) = (Vec::new(), 0);
        loop {
            let from = self.sum()?;
            let from = self.value(from)?;
            depth = depth.max(from.depth);
            let to = if self.eat_word("to") {
                let to = self.sum()?;
                let to = self.value(to)?;
                depth = depth.max(to.depth);
                Some(to.expr)
            } else {
                None
            };
            list.push((from.expr, to));
            if !self.eat(",") {
                break;
            }
        }
        self.subscripts -= 1;
        self.expect("]")?;
        Ok((Step::Elements(list), depth))
    }
}
